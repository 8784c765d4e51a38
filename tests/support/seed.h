/* Seeds of property tests: another one in each run, and always printed, so that a failure can be
 * repeated with `WPM_TEST_SEED=<number> <test program>`. */
#pragma once

#include <stdint.h>

/* The seed of this run: $WPM_TEST_SEED, else a random number. The same for each call in a process;
 * printed once. A value that is no number fails the test. */
uint64_t wpm_test_seed(void);
