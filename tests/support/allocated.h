/* How much memory the process has allocated now, in bytes: by the sanitizer's count where there is
 * one, else by malloc's. Differences between two readings are what counts. */
#pragma once

#include <stddef.h>

size_t wpm_test_allocated(void);
