/* Asking for memory ahead of its use.
 *
 * - Always inlined: gcc takes a function that does nothing but prefetch for one without effects, and
 *   leaves its calls out.
 */
#ifndef WPM_BASE_PREFETCH_H
#define WPM_BASE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define WPM_CACHE_LINE 64u

/* Asks for every line of `size` bytes, at least 1, at `at`. */
static inline __attribute__((always_inline)) void wpm_prefetch(const void *at, size_t size) {
  const char *bytes = at;
  for (size_t i = 0; i < size; i += WPM_CACHE_LINE) {
    __builtin_prefetch(bytes + i);
  }
  __builtin_prefetch(bytes + size - 1);
}

#endif
