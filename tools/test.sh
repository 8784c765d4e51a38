#!/bin/sh
# Builds what the tests need and runs them by one ctest, whose summary closes the run.
#
# usage: test.sh unit|check|all|long [CTEST-ARGUMENT...]
#   unit   the unit suite under ASan and UBSan: quick, for every change
#   check  formatting, static analysis and the rules of the house
#   all    everything: gcc's release build, clang's ASan+UBSan build, TSan on what has threads, a
#          build in which one rule of the policy after the other does not hold, and the programs of gcc's debug
#          and clang's release build, whose simulations print the same
#   long   what can go on for longer, at its full length: 100 M operations of churn, 300 killed writers,
#          the attacker of 100 seeds, a day of a million peers
set -eu
cd "$(dirname "$0")/.."

what=${1:?usage: test.sh unit|check|all|long}
shift

configure() { # configure PRESET [-D...]
  preset=$1
  shift
  cmake --preset "$preset" -DWPM_BUILD_TESTS=ON "$@" >"build/$preset.configure.log" 2>&1 || {
    cat "build/$preset.configure.log" >&2
    exit 1
  }
}
build() { # build PRESET TARGET...
  preset=$1
  shift
  echo "building $preset: $*"
  ninja --quiet -C "build/$preset" "$@"
}

mkdir -p build/all
jobs=$(nproc)
case "$what" in
unit)
  configure clang-asan
  build clang-asan unit_tests
  exec ctest --test-dir build/clang-asan -L '^unit$' -j "$jobs" --output-on-failure "$@"
  ;;
check)
  configure release -DWPM_TEST_CHECKS=ON
  configure clang-asan
  build release wakupeers_shared wakupeers_static
  build clang-asan wpm_nanopb_generated
  exec ctest --test-dir build/release -L '^check$' -j "$jobs" --output-on-failure "$@"
  ;;
all)
  configure release -DWPM_TEST_CHECKS=ON
  configure clang-asan
  configure clang-tsan
  configure mutation
  configure debug -DWPM_BUILD_TESTS=OFF -DWPM_BUILD_BENCH=OFF
  configure clang-release -DWPM_BUILD_TESTS=OFF -DWPM_BUILD_BENCH=OFF
  build release all
  build clang-asan all
  build clang-tsan all_tests
  build mutation mutation_tests
  build debug wakupeers
  build clang-release wakupeers
  # The programs whose simulations are held against each other: gcc's and clang's, release and debug.
  WPM_TEST_PROGRAMS=$PWD/build/release/wakupeers
  for preset in debug clang-release clang-asan; do
    WPM_TEST_PROGRAMS=$WPM_TEST_PROGRAMS:$PWD/build/$preset/wakupeers
  done
  export WPM_TEST_PROGRAMS
  # One list of tests over the three builds; their names carry the build's prefix.
  printf 'subdirs("%s")\n' ../release ../mutation ../clang-asan ../clang-tsan >build/all/CTestTestfile.cmake
  exec ctest --test-dir build/all -j "$jobs" --output-on-failure "$@"
  ;;
long)
  configure release
  build release all_tests
  WPM_TEST_LONG=1
  export WPM_TEST_LONG
  exec ctest --test-dir build/release -R '^(property\.core\.store_churn|crash\.writer|sim\.eclipse|api\.million)$' \
    --output-on-failure --verbose "$@"
  ;;
*)
  echo "usage: $0 unit|check|all|long" >&2
  exit 2
  ;;
esac
