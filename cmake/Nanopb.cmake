# src/<folder>/*.proto (with its .options beside it) becomes generated/<folder>/*.pb.{c,h} in the
# build tree, included as "<folder>/x.pb.h". The packaged generator runs under the packaged Python:
# another python3 earlier in PATH lacks the protobuf module.

find_program(NANOPB_GENERATOR nanopb_generator.py PATHS /usr/bin NO_DEFAULT_PATH)
find_program(NANOPB_GENERATOR nanopb_generator.py)
find_program(WPM_PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(WPM_PYTHON3 python3)
find_program(PROTOC protoc)
if(NOT NANOPB_GENERATOR OR NOT PROTOC OR NOT WPM_PYTHON3)
  message(FATAL_ERROR "nanopb's generator, protoc or python3 is missing: run `make deps`, "
    "or apt install nanopb protobuf-compiler python3")
endif()

function(wpm_nanopb_sources)
  set(patterns "")
  foreach(folder IN LISTS ARGN)
    list(APPEND patterns "${CMAKE_SOURCE_DIR}/src/${folder}/*.proto")
  endforeach()
  wpm_glob(protos RELATIVE "${CMAKE_SOURCE_DIR}/src" ${patterns})
  set(out "${CMAKE_BINARY_DIR}/generated")
  set(generated_sources "")
  set(generated_headers "")
  foreach(proto IN LISTS protos)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    get_filename_component(folder "${proto}" DIRECTORY)
    set(depends "${CMAKE_SOURCE_DIR}/src/${proto}")
    set(options "")
    if(EXISTS "${CMAKE_SOURCE_DIR}/src/${stem}.options")
      set(options -f "${CMAKE_SOURCE_DIR}/src/${stem}.options")
      list(APPEND depends "${CMAKE_SOURCE_DIR}/src/${stem}.options")
    endif()
    add_custom_command(
      OUTPUT "${out}/${stem}.pb.c" "${out}/${stem}.pb.h"
      COMMAND ${CMAKE_COMMAND} -E make_directory "${out}/${folder}"
      COMMAND "${WPM_PYTHON3}" "${NANOPB_GENERATOR}" -q ${options} -I . -D "${out}" "${proto}"
      WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/src"
      DEPENDS ${depends}
      COMMENT "Generating ${stem}.pb.c"
      VERBATIM)
    list(APPEND generated_sources "${out}/${stem}.pb.c")
    list(APPEND generated_headers "${out}/${stem}.pb.h")
  endforeach()
  add_custom_target(wpm_nanopb_generated DEPENDS ${generated_sources} ${generated_headers})
  if(NOT generated_sources)
    set(generated_sources "${CMAKE_BINARY_DIR}/empty/generated.c")
    file(CONFIGURE OUTPUT "${generated_sources}" CONTENT "typedef int wpm_generated_is_empty;\n")
  endif()
  file(MAKE_DIRECTORY "${out}")
  add_library(wpm_generated OBJECT ${generated_sources})
  target_include_directories(wpm_generated PRIVATE "${out}")
  target_link_libraries(wpm_generated PRIVATE wpm_flags wpm_nanopb)
  target_compile_options(wpm_generated PRIVATE -w)
  foreach(folder IN LISTS ARGN)
    add_dependencies(wpm_${folder} wpm_nanopb_generated)
  endforeach()
  add_dependencies(wpm_generated wpm_nanopb_generated)
endfunction()
