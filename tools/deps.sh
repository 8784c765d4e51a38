#!/bin/sh
# Installs what is missing to build (`deps.sh build`) or to build and test (`deps.sh test`).
#
# Looks for each command, header or module first and asks apt only for the packages of those that
# are missing: a machine that has everything never calls apt, whatever it is.
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")/.." && pwd)
packages=""
missing=""

need() { # need PACKAGE WHAT present?
  if ! eval "$3" >/dev/null 2>&1; then
    packages="$packages $1"
    missing="$missing $2"
  fi
}
command_of() { need "$1" "$2" "command -v $2"; }
library_of() { need "$1" "$2" "command -v pkg-config && pkg-config --exists $2"; }
file_of() { need "$1" "$2" "test -e $2"; }
header_of() {
  need "$1" "$2" "ls /usr/include/$2 /usr/include/*/$2 /usr/local/include/$2 2>/dev/null | grep -q ."
}
module_of() { need "$1" "$2" "/usr/bin/python3 -c 'import $2'"; }

build_dependencies() {
  command_of gcc gcc
  header_of libc6-dev stdio.h
  command_of cmake cmake
  command_of ninja-build ninja
  command_of pkg-config pkg-config
  file_of python3 /usr/bin/python3
  module_of python3-protobuf google.protobuf
  file_of nanopb /usr/bin/nanopb_generator.py
  command_of protobuf-compiler protoc
  header_of libnanopb-dev pb_decode.h
  library_of libuv1-dev libuv
  library_of libsodium-dev libsodium
  library_of libsecp256k1-dev libsecp256k1
  library_of libssl-dev libcrypto
  library_of libsqlite3-dev sqlite3
  library_of libmicrohttpd-dev libmicrohttpd
  library_of libjansson-dev jansson
  library_of libcurl4-openssl-dev libcurl
}

test_dependencies() {
  library_of libcmocka-dev cmocka
  command_of clang clang
  need libclang-rt-14-dev "clang's sanitizers" \
    'ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.asan*.a "$(clang -print-resource-dir)"/lib/*/*/libclang_rt.asan*.a 2>/dev/null | grep -q .'
  command_of clang-format clang-format
  command_of clang-tidy clang-tidy
  command_of cppcheck cppcheck
  command_of npm npm
  command_of valgrind valgrind
  command_of curl curl        # the documentation's examples are run,
  command_of groff-base groff # and its man pages set
  file_of ca-certificates /etc/ssl/certs/ca-certificates.crt
}

install_missing() {
  echo "Missing:$missing"
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "This is not a Debian machine: install these yourself (Debian names:$packages)." >&2
    exit 1
  fi
  if [ "$(id -u)" = 0 ]; then
    as_root="env"
  elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo env"
  else
    echo "Installing needs root: run this as root, or install sudo, or ask for:" >&2
    echo "  apt-get install$packages" >&2
    exit 1
  fi
  apt="$as_root DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o DPkg::Lock::Timeout=300"
  $apt update
  # shellcheck disable=SC2086 # one word per package
  $apt install -y --no-install-recommends $packages
}

case "${1:-}" in
build) build_dependencies ;;
test) build_dependencies && test_dependencies ;;
*)
  echo "usage: $0 build|test" >&2
  exit 2
  ;;
esac
if [ -n "$packages" ]; then
  install_missing
fi
# The peers that the interop tests hold connections with bring their own lock files.
if [ "$1" = test ] && [ -x "$here/tests/interop/install.sh" ]; then
  "$here/tests/interop/install.sh"
fi
