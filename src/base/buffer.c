#include "base/buffer.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>

#define SMALLEST 64

void wpm_buffer_init(wpm_buffer *buffer, size_t cap) {
  *buffer = (wpm_buffer){.cap = cap};
}

void wpm_buffer_fini(wpm_buffer *buffer) {
  free(buffer->memory);
  wpm_buffer_init(buffer, buffer->cap);
}

void wpm_buffer_wipe(wpm_buffer *buffer) {
  wpm_wipe(buffer->memory, buffer->capacity);
  wpm_buffer_fini(buffer);
}

/* Moving what is held to the front is allowed once at least a fourth as many bytes were consumed:
 * so each byte consumed pays for at most four moved. */
static bool may_compact(const wpm_buffer *buffer) {
  return buffer->begin >= wpm_buffer_size(buffer) / 4;
}

/* `len` and a fourth more, and at least one more. */
static size_t with_slack(size_t len) {
  return len / 4 + 1 > SIZE_MAX - len ? SIZE_MAX : len + len / 4 + 1;
}

/* The capacity for `needed` held bytes: a power of two with slack, but never more than the cap with
 * slack. A buffer of that size never grows again: where bytes do not fit behind what is held, more
 * than a fourth of the cap lies consumed in front, so it may compact. */
static size_t capacity_for(const wpm_buffer *buffer, size_t needed) {
  size_t wanted = with_slack(needed);
  size_t most = with_slack(buffer->cap);
  size_t capacity = SMALLEST;
  while (capacity < wanted && capacity <= SIZE_MAX / 2) {
    capacity *= 2;
  }
  if (capacity < wanted) {
    capacity = wanted;
  }
  return capacity < most ? capacity : most;
}

static int grow(wpm_buffer *buffer, size_t needed) {
  size_t capacity = capacity_for(buffer, needed);
  assert(capacity > buffer->capacity);
  uint8_t *memory = malloc(capacity);
  if (!memory) {
    return WPM_ERR_NO_MEMORY;
  }
  size_t size = wpm_buffer_size(buffer);
  if (buffer->memory) {
    memcpy(memory, buffer->memory + buffer->begin, size);
  }
  free(buffer->memory);
  buffer->memory = memory;
  buffer->capacity = capacity;
  buffer->begin = 0;
  buffer->end = size;
  return WPM_OK;
}

int wpm_buffer_reserve(wpm_buffer *buffer, size_t len, uint8_t **space) {
  if (len > wpm_buffer_room(buffer)) {
    return WPM_ERR_FULL;
  }
  size_t size = wpm_buffer_size(buffer);
  if (!buffer->memory || len > buffer->capacity - buffer->end) {
    if (buffer->memory && size + len <= buffer->capacity && may_compact(buffer)) {
      memmove(buffer->memory, buffer->memory + buffer->begin, size);
      buffer->begin = 0;
      buffer->end = size;
    } else {
      int err = grow(buffer, size + len);
      if (err) {
        return err;
      }
    }
  }
  *space = buffer->memory + buffer->end;
  return WPM_OK;
}

void wpm_buffer_commit(wpm_buffer *buffer, size_t len) {
  assert(len <= buffer->capacity - buffer->end);
  buffer->end += len;
}

int wpm_buffer_append(wpm_buffer *buffer, const void *data, size_t len) {
  if (len == 0) {
    return WPM_OK;
  }
  uint8_t *space;
  int err = wpm_buffer_reserve(buffer, len, &space);
  if (err) {
    return err;
  }
  memcpy(space, data, len);
  buffer->end += len;
  return WPM_OK;
}

void wpm_buffer_consume(wpm_buffer *buffer, size_t len) {
  assert(len <= wpm_buffer_size(buffer));
  buffer->begin += len;
  if (buffer->begin == buffer->end) {
    wpm_buffer_clear(buffer);
  }
}

void wpm_buffer_clear(wpm_buffer *buffer) {
  buffer->begin = 0;
  buffer->end = 0;
}

void wpm_buffer_release(wpm_buffer *buffer) {
  if (wpm_buffer_size(buffer) == 0) {
    wpm_buffer_fini(buffer);
  }
}
