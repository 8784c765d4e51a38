/* A byte queue: bytes are appended at the back and taken from the front.
 *
 * - Its hard cap is set once, at init; an append that would pass the cap, or for which memory
 *   lacks, changes nothing and says so.
 * - Memory grows as needed, in powers of two up to five fourths of the cap; an empty buffer can give
 *   its memory back, so that an idle connection holds none.
 * - Each operation takes amortised constant time a byte, also where small pieces are consumed from
 *   the front of a full buffer.
 */
#ifndef WPM_BASE_BUFFER_H
#define WPM_BASE_BUFFER_H

#include <wakupeers/types.h>

typedef struct wpm_buffer {
  uint8_t *memory; /* NULL while nothing is allocated. */
  size_t capacity; /* Bytes allocated. */
  size_t begin;    /* Offset of the first byte held. */
  size_t end;      /* Offset behind the last byte held. */
  size_t cap;      /* The most bytes it may hold. */
} wpm_buffer;

/* An empty buffer that will hold at most `cap` bytes. Allocates nothing. */
void wpm_buffer_init(wpm_buffer *buffer, size_t cap);

/* Frees its memory; the buffer is empty and usable again. */
void wpm_buffer_fini(wpm_buffer *buffer);

/* As wpm_buffer_fini, but wipes the memory first. */
void wpm_buffer_wipe(wpm_buffer *buffer);

static inline size_t wpm_buffer_size(const wpm_buffer *buffer) {
  return buffer->end - buffer->begin;
}

static inline size_t wpm_buffer_room(const wpm_buffer *buffer) {
  return buffer->cap - wpm_buffer_size(buffer);
}

/* What it holds; lasts until the next call that changes it. */
static inline wpm_bytes wpm_buffer_view(const wpm_buffer *buffer) {
  return (wpm_bytes){buffer->memory ? buffer->memory + buffer->begin : NULL,
                     wpm_buffer_size(buffer)};
}

/* Appends. WPM_ERR_FULL (cap), WPM_ERR_NO_MEMORY; then nothing was appended. */
WPM_MUST_USE int wpm_buffer_append(wpm_buffer *buffer, const void *data, size_t len);

/* Makes room for `len` bytes at the back and points *space to it; wpm_buffer_commit then says how
 * many were written. WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_buffer_reserve(wpm_buffer *buffer, size_t len, uint8_t **space);
void wpm_buffer_commit(wpm_buffer *buffer, size_t len);

/* Drops `len` bytes (at most its size) from the front. */
void wpm_buffer_consume(wpm_buffer *buffer, size_t len);

/* Drops all it holds; keeps the memory. */
void wpm_buffer_clear(wpm_buffer *buffer);

/* Frees the memory if nothing is held. */
void wpm_buffer_release(wpm_buffer *buffer);

#endif
