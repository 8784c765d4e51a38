#include "storage/room.h"

#include <stdlib.h>

#define SMALLEST 256

int wpm_room_reserve(wpm_room *scratch, size_t count, size_t each) {
  size_t needed = 0;
  if (__builtin_mul_overflow(count, each, &needed) || needed > SIZE_MAX / 2) {
    return WPM_ERR_NO_MEMORY;
  }
  if (scratch->memory && needed <= scratch->size) {
    return WPM_OK;
  }
  size_t size = scratch->size ? scratch->size : SMALLEST;
  while (size < needed) {
    size *= 2;
  }
  void *memory = realloc(scratch->memory, size);
  if (!memory) {
    return WPM_ERR_NO_MEMORY;
  }
  *scratch = (wpm_room){memory, size};
  return WPM_OK;
}

void wpm_room_fini(wpm_room *scratch) {
  free(scratch->memory);
  *scratch = (wpm_room){NULL, 0};
}
