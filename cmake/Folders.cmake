# One object library per folder of src/. A folder is compiled with an include directory that holds
# links to itself and to the folders it may use, so an include across the layering does not compile.

# wpm_glob(OUT pattern... ): the sources that match now, and again at each build.
macro(wpm_glob out)
  file(GLOB ${out} CONFIGURE_DEPENDS ${ARGN})
endmacro()

# wpm_include_farm(name SOURCE_ROOT folder...): build/include-of/name with a link to each folder.
function(wpm_include_farm name root)
  set(farm "${CMAKE_BINARY_DIR}/include-of/${name}")
  file(REMOVE_RECURSE "${farm}")
  file(MAKE_DIRECTORY "${farm}")
  foreach(folder IN LISTS ARGN)
    if(EXISTS "${root}/${folder}")
      file(CREATE_LINK "${root}/${folder}" "${farm}/${folder}" SYMBOLIC)
    endif()
  endforeach()
endfunction()

# wpm_folder(base USES folder... LIBS target...): object library wpm_<folder> of src/<folder>/*.c.
# The properties WPM_CLOSURE and WPM_LIBS tell a test what to link.
function(wpm_folder folder)
  cmake_parse_arguments(ARG "" "" "USES;LIBS" ${ARGN})
  wpm_glob(sources "${CMAKE_SOURCE_DIR}/src/${folder}/*.c")
  if(NOT sources)
    set(sources "${CMAKE_BINARY_DIR}/empty/${folder}.c")
    file(CONFIGURE OUTPUT "${sources}" CONTENT "typedef int wpm_${folder}_is_empty;\n")
  endif()
  wpm_include_farm(${folder} "${CMAKE_SOURCE_DIR}/src" ${folder} ${ARG_USES})

  add_library(wpm_${folder} OBJECT ${sources})
  target_include_directories(wpm_${folder} PRIVATE
    "${CMAKE_SOURCE_DIR}/include" "${CMAKE_BINARY_DIR}/include-of/${folder}")
  target_link_libraries(wpm_${folder} PRIVATE wpm_flags wpm_warnings ${ARG_LIBS} Threads::Threads)
  if(folder MATCHES "^(net|storage|exchange|node)$")
    target_compile_definitions(wpm_${folder} PRIVATE _GNU_SOURCE)
  endif()
  set_target_properties(wpm_${folder} PROPERTIES
    WPM_CLOSURE "${folder};${ARG_USES}" WPM_LIBS "${ARG_LIBS}")
  if("proto" IN_LIST ARG_USES OR folder STREQUAL "proto")
    target_include_directories(wpm_${folder} PRIVATE "${CMAKE_BINARY_DIR}/generated")
    if(NOT folder STREQUAL "proto")
      add_dependencies(wpm_${folder} wpm_nanopb_generated)
    endif()
  endif()
endfunction()

# wpm_link_folders(target folder...): the objects of the folders, of all they use, and their libraries.
function(wpm_link_folders target)
  set(closure "")
  set(libs "")
  foreach(folder IN LISTS ARGN)
    get_target_property(uses wpm_${folder} WPM_CLOSURE)
    list(APPEND closure ${uses})
  endforeach()
  list(REMOVE_DUPLICATES closure)
  foreach(folder IN LISTS closure)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:wpm_${folder}>)
    get_target_property(folder_libs wpm_${folder} WPM_LIBS)
    if(folder_libs)
      list(APPEND libs ${folder_libs})
    endif()
    if(folder STREQUAL "proto")
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:wpm_generated>)
    endif()
  endforeach()
  list(REMOVE_DUPLICATES libs)
  target_link_libraries(${target} PRIVATE ${libs} Threads::Threads)
endfunction()
