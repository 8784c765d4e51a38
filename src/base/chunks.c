#include "base/chunks.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)1 << WPM_CHUNK_BITS)
#define FEWEST 16 /* Elements of the first chunk, in the beginning. */

void wpm_chunks_fini(wpm_chunks *array) {
  for (size_t i = 0; i * CHUNK < array->capacity; i++) {
    free(array->chunks[i]);
  }
  free(array->chunks);
  *array = (wpm_chunks){0};
}

/* Room in the list for chunk `number`, which is the next one. */
static int reserve_number(wpm_chunks *array, size_t number) {
  if ((number & (number - 1)) != 0) {
    return WPM_OK; /* It was doubled at 0, 1, 2, 4, … */
  }
  size_t wanted = number ? 2 * number : 1;
  uint8_t **chunks = realloc(array->chunks, wanted * sizeof(*chunks));
  if (!chunks) {
    return WPM_ERR_NO_MEMORY;
  }
  chunks[number] = NULL;
  array->chunks = chunks;
  return WPM_OK;
}

static int grow_first(wpm_chunks *array, size_t size, size_t count) {
  size_t capacity = array->capacity ? array->capacity : FEWEST;
  while (capacity < count && capacity < CHUNK) {
    capacity *= 2;
  }
  uint8_t *first = realloc(array->chunks[0], capacity * size);
  if (!first) {
    return WPM_ERR_NO_MEMORY;
  }
  memset(first + array->capacity * size, 0, (capacity - array->capacity) * size);
  array->chunks[0] = first;
  array->capacity = capacity;
  return WPM_OK;
}

static int add_chunk(wpm_chunks *array, size_t size, size_t number) {
  array->chunks[number] = calloc(CHUNK, size);
  if (!array->chunks[number]) {
    return WPM_ERR_NO_MEMORY;
  }
  array->capacity += CHUNK;
  return WPM_OK;
}

int wpm_chunks_reserve(wpm_chunks *array, size_t size, size_t count) {
  int err = WPM_OK;
  while (err == WPM_OK && array->capacity < count) {
    size_t number = array->capacity / CHUNK;
    if (number > 0 || !array->chunks) {
      err = reserve_number(array, number);
    }
    if (err == WPM_OK) {
      err = number > 0 ? add_chunk(array, size, number) : grow_first(array, size, count);
    }
  }
  return err;
}
