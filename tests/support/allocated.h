/* How much memory the process has allocated now, in bytes: by the sanitizer's count where there is
 * one, else by malloc's. Differences between two readings are what counts. malloc's count includes
 * what was freed into a thread's cache, so ctest runs the tests with
 * GLIBC_TUNABLES=glibc.malloc.tcache_count=0; without it a reading may be some bytes high. */
#pragma once

#include <stddef.h>

size_t wpm_test_allocated(void);
