#include "proto/pb_view.h"

#include <string.h>

static bool cursor_read(pb_istream_t *stream, pb_byte_t *out, size_t count) {
  wpm_pb_cursor *cursor = stream->state;
  memcpy(out, cursor->at, count); /* nanopb has checked count against bytes_left. */
  cursor->at += count;
  return true;
}

pb_istream_t wpm_pb_stream(wpm_pb_cursor *cursor, wpm_bytes message) {
  cursor->at = message.data;
  return (pb_istream_t){.callback = cursor_read, .state = cursor, .bytes_left = message.len};
}

bool wpm_pb_view(pb_istream_t *stream, wpm_bytes *out) {
  /* For other wire types nanopb hands over a stream on a buffer of its own. */
  if (stream->callback != cursor_read) {
    return false;
  }
  const wpm_pb_cursor *cursor = stream->state;
  *out = (wpm_bytes){cursor->at, stream->bytes_left};
  return true;
}

bool wpm_pb_read_single(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  wpm_pb_single *single = *arg;
  wpm_bytes value;
  if (wpm_pb_view(stream, &value)) {
    single->present = true;
    single->value = value;
  }
  return true;
}
