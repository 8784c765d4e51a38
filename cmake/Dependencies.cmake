# Every library comes from the distribution, found by pkg-config. A missing one is named with the
# package that holds it.

find_program(PKG_CONFIG_EXECUTABLE NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG_EXECUTABLE)
  message(FATAL_ERROR "pkg-config is missing: run `make deps`, or apt install pkg-config")
endif()
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# wpm_require(PREFIX module>=version apt-package): imports PkgConfig::PREFIX or says what to install.
function(wpm_require prefix module package)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${module})
  if(NOT ${prefix}_FOUND)
    message(FATAL_ERROR "${module} is missing: run `make deps`, or apt install ${package}")
  endif()
endfunction()

wpm_require(SECP256K1 "libsecp256k1>=0.2.0" libsecp256k1-dev)
wpm_require(SODIUM "libsodium>=1.0.18" libsodium-dev)
wpm_require(CRYPTO "libcrypto>=3.0" libssl-dev)
wpm_require(UV "libuv>=1.44" libuv1-dev)
wpm_require(SQLITE "sqlite3>=3.40" libsqlite3-dev)
if(WPM_BUILD_PROGRAM)
  wpm_require(MICROHTTPD "libmicrohttpd>=0.9.75" libmicrohttpd-dev)
  wpm_require(JANSSON "jansson>=2.14" libjansson-dev)
  wpm_require(CURL "libcurl" libcurl4-openssl-dev)
endif()
pkg_check_modules(CMOCKA QUIET IMPORTED_TARGET GLOBAL "cmocka>=1.1.5")

# nanopb has no pkg-config file.
find_path(NANOPB_INCLUDE_DIR pb_decode.h PATH_SUFFIXES nanopb)
find_library(NANOPB_LIBRARY protobuf-nanopb)
if(NOT NANOPB_INCLUDE_DIR OR NOT NANOPB_LIBRARY)
  message(FATAL_ERROR "nanopb's library is missing: run `make deps`, or apt install libnanopb-dev")
endif()
add_library(wpm_nanopb INTERFACE)
target_include_directories(wpm_nanopb SYSTEM INTERFACE "${NANOPB_INCLUDE_DIR}")
target_link_libraries(wpm_nanopb INTERFACE "${NANOPB_LIBRARY}")
