/* Failing allocations on demand, and how large they get.
 *
 * Test programs are linked with malloc, calloc and realloc wrapped (calls made by the project's own
 * objects, not those inside shared libraries). Counting starts with wpm_alloc_fail_at(n): the n-th
 * allocation from then on, and each one after it, fails until wpm_alloc_fail_off().
 *
 * The usual loop: for n = 1, 2, … arm, run the operation, disarm; stop once it succeeded with
 * wpm_alloc_failed() still 0. */
#pragma once

#include <stddef.h>

/* Lets n - 1 allocations pass and fails all later ones; n = 1 fails the next. */
void wpm_alloc_fail_at(size_t n);

/* Lets n - 1 allocations pass, fails one, and lets all later ones pass. */
void wpm_alloc_fail_once_at(size_t n);

/* Lets every allocation pass again. */
void wpm_alloc_fail_off(void);

/* How many allocations failed since the last wpm_alloc_fail_at or wpm_alloc_fail_once_at. */
size_t wpm_alloc_failed(void);

/* Forgets how large the allocations were so far. */
void wpm_alloc_watch(void);

/* The largest allocation since then, in bytes. */
size_t wpm_alloc_largest(void);

/* The largest that was cleared (calloc) or may have been copied (realloc): work that grows with it. */
size_t wpm_alloc_largest_touched(void);
