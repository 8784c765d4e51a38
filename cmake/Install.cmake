# `cmake --install`: headers, both libraries, the program with its man pages and completion, and what
# pkg-config and CMake need to find the library. Everything is relative to where it lies, so the prefix can be chosen at install time.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/wakupeers")
set_target_properties(wakupeers_shared PROPERTIES EXPORT_NAME wakupeers)

install(DIRECTORY include/wakupeers DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(TARGETS wakupeers_shared EXPORT wakupeersTargets)
install(TARGETS wakupeers_static)
if(TARGET wakupeers)
  install(TARGETS wakupeers)
  install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" FILES_MATCHING PATTERN "*.1")
  install(FILES "${CMAKE_BINARY_DIR}/completions/wakupeers" OPTIONAL
    DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
endif()

# The Go binding as a module that finds the library by pkg-config, whatever tags it is built with.
set(go_link "${CMAKE_SOURCE_DIR}/bindings/go/link_pkgconfig.go")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${go_link}")
file(READ "${go_link}" go_link_text)
string(REPLACE "//go:build wakupeers_pkgconfig\n\n" "" go_link_text "${go_link_text}")
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/go/link_pkgconfig.go" CONTENT "${go_link_text}" @ONLY)
set(go_dir "${CMAKE_INSTALL_DATADIR}/wakupeers/go")
install(DIRECTORY bindings/go/ DESTINATION "${go_dir}" FILES_MATCHING
  PATTERN "*.go" PATTERN "*.[ch]" PATTERN "go.mod" PATTERN "go.sum"
  PATTERN "*_test.go" EXCLUDE PATTERN "link_*.go" EXCLUDE)
install(FILES "${CMAKE_BINARY_DIR}/go/link_pkgconfig.go" DESTINATION "${go_dir}")

install(EXPORT wakupeersTargets NAMESPACE wakupeers:: DESTINATION "${package_dir}")

configure_package_config_file(cmake/wakupeersConfig.cmake.in
  "${CMAKE_BINARY_DIR}/wakupeersConfig.cmake" INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/wakupeersConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/wakupeersConfig.cmake"
  "${CMAKE_BINARY_DIR}/wakupeersConfigVersion.cmake" DESTINATION "${package_dir}")

# From <prefix>/<libdir>/pkgconfig back to <prefix>.
file(RELATIVE_PATH WPM_PC_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" WPM_PC_UP "${WPM_PC_UP}")
configure_file(cmake/wakupeers.pc.in "${CMAKE_BINARY_DIR}/wakupeers.pc" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/wakupeers.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
