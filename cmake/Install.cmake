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
