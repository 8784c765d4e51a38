# Flags for everything this project compiles itself. Generated code gets wpm_flags alone;
# our own code also gets wpm_warnings (tests: wpm_test_warnings).

include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(wpm_flags INTERFACE)
target_compile_options(wpm_flags INTERFACE
  -fno-common -fno-strict-aliasing
  "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")
target_link_options(wpm_flags INTERFACE -Wl,-z,relro -Wl,-z,now)

# Assertions stay in release builds: they guard against a caller's bug, at little cost.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

if(WPM_SANITIZE)
  target_compile_options(wpm_flags INTERFACE
    -fsanitize=${WPM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(wpm_flags INTERFACE -fsanitize=${WPM_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(wpm_flags INTERFACE _FORTIFY_SOURCE=2)
  target_compile_options(wpm_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
endif()
if(WPM_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "WPM_FUZZ needs clang (libFuzzer): configure with -DCMAKE_C_COMPILER=clang")
  endif()
  target_compile_options(wpm_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(wpm_test_warnings INTERFACE)
target_compile_options(wpm_test_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror
  -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wundef -Wpointer-arith -Wcast-align -Wwrite-strings -Wvla -Wformat=2
  -Wimplicit-fallthrough -Wswitch-enum -Wredundant-decls -Wnested-externs -Wdate-time)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(wpm_test_warnings INTERFACE
    -Wlogical-op -Wduplicated-cond -Wtrampolines -Walloca)
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(wpm_test_warnings INTERFACE
    -Wcovered-switch-default -Wcomma -Wconditional-uninitialized -Wunreachable-code
    -Wmissing-variable-declarations -Wloop-analysis -Wnewline-eof)
endif()

add_library(wpm_warnings INTERFACE)
target_link_libraries(wpm_warnings INTERFACE wpm_test_warnings)
target_compile_options(wpm_warnings INTERFACE -Wconversion -Wno-sign-conversion)
if(NOT WPM_SANITIZE)
  # Sanitizers blow frames up, so the limit holds for the plain builds.
  target_compile_options(wpm_warnings INTERFACE -Wframe-larger-than=16384)
endif()

# The environment every test runs in: a sanitizer's finding fails the test at once.
set(WPM_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")
