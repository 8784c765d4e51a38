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

/* The capacity for `needed` held bytes: a power of two with a fourth of slack, but never more than
 * the cap with that slack. With it, a buffer of that capacity never grows again: where the bytes do
 * not fit behind what is held, at least cap / 4 lie consumed in front, so may_compact is true. */
static size_t capacity_for(const wpm_buffer *buffer, size_t needed) {
  size_t most =
      buffer->cap / 4 > SIZE_MAX - buffer->cap - 1 ? SIZE_MAX : buffer->cap + buffer->cap / 4 + 1;
  size_t wanted = needed / 4 > SIZE_MAX - needed - 1 ? SIZE_MAX : needed + needed / 4 + 1;
  size_t capacity = SMALLEST;
  while (capacity < wanted && capacity <= SIZE_MAX / 2)
    capacity *= 2;
  if (capacity < wanted)
    capacity = wanted;
  return capacity < most ? capacity : most;
}

static int grow(wpm_buffer *buffer, size_t needed) {
  size_t capacity = capacity_for(buffer, needed);
  assert(capacity > buffer->capacity);
  uint8_t *memory = malloc(capacity);
  if (!memory)
    return WPM_ERR_NO_MEMORY;
  size_t size = wpm_buffer_size(buffer);
  if (size)
    memcpy(memory, buffer->memory + buffer->begin, size);
  free(buffer->memory);
  buffer->memory = memory;
  buffer->capacity = capacity;
  buffer->begin = 0;
  buffer->end = size;
  return WPM_OK;
}

int wpm_buffer_reserve(wpm_buffer *buffer, size_t len, uint8_t **space) {
  if (len > wpm_buffer_room(buffer))
    return WPM_ERR_FULL;
  size_t size = wpm_buffer_size(buffer);
  if (len > buffer->capacity - buffer->end) {
    if (size + len <= buffer->capacity && may_compact(buffer)) {
      memmove(buffer->memory, buffer->memory + buffer->begin, size);
      buffer->begin = 0;
      buffer->end = size;
    } else {
      int err = grow(buffer, size + len);
      if (err)
        return err;
    }
  }
  *space = buffer->memory ? buffer->memory + buffer->end : NULL;
  return WPM_OK;
}

void wpm_buffer_commit(wpm_buffer *buffer, size_t len) {
  assert(len <= buffer->capacity - buffer->end);
  buffer->end += len;
}

int wpm_buffer_append(wpm_buffer *buffer, const void *data, size_t len) {
  uint8_t *space;
  int err = wpm_buffer_reserve(buffer, len, &space);
  if (err || len == 0)
    return err;
  memcpy(space, data, len);
  buffer->end += len;
  return WPM_OK;
}

void wpm_buffer_consume(wpm_buffer *buffer, size_t len) {
  assert(len <= wpm_buffer_size(buffer));
  buffer->begin += len;
  if (buffer->begin == buffer->end)
    wpm_buffer_clear(buffer);
}

void wpm_buffer_clear(wpm_buffer *buffer) {
  buffer->begin = 0;
  buffer->end = 0;
}

void wpm_buffer_release(wpm_buffer *buffer) {
  if (wpm_buffer_size(buffer) == 0)
    wpm_buffer_fini(buffer);
}
