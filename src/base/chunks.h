/* An array that grows a chunk at a time.
 *
 * - What is held never moves once there is more than one chunk, so no call copies more than a chunk.
 *   The first one grows by doubling: a small array stays small.
 * - Elements are of one size, which every call is given, and begin as zeros.
 */
#ifndef WPM_BASE_CHUNKS_H
#define WPM_BASE_CHUNKS_H

#include <wakupeers/types.h>

#define WPM_CHUNK_BITS 12u /* 4 096 elements a chunk. */

typedef struct wpm_chunks {
  uint8_t **chunks; /* NULL while there are none. */
  size_t capacity;  /* Elements that there is room for. */
} wpm_chunks;

/* An empty one is all zeros. */
void wpm_chunks_fini(wpm_chunks *array);

/* Room for `count` elements of `size` bytes. WPM_ERR_NO_MEMORY: what there was stays. */
WPM_MUST_USE int wpm_chunks_reserve(wpm_chunks *array, size_t size, size_t count);

/* Element `i`, below the capacity. */
static inline void *wpm_chunks_at(const wpm_chunks *array, size_t size, size_t i) {
  return array->chunks[i >> WPM_CHUNK_BITS] + (i & ((1u << WPM_CHUNK_BITS) - 1)) * size;
}

/* Memory held for elements, in bytes. */
static inline size_t wpm_chunks_bytes(const wpm_chunks *array, size_t size) {
  return array->capacity * size;
}

#endif
