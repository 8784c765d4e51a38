/* Protobuf fields as views into the message, without copying: nanopb's callback fields over a
 * stream that knows where in the message it stands. nanopb refuses a whole message where a list or
 * a value exceeds its static size; with callbacks the reader decides.
 */
#ifndef WPM_PROTO_PB_VIEW_H
#define WPM_PROTO_PB_VIEW_H

#include <wakupeers/types.h>

#include <pb_decode.h>

/* Where a reader stands in a message. */
typedef struct wpm_pb_cursor {
  const uint8_t *at; /* The next byte to be read. */
} wpm_pb_cursor;

/* A stream over `message`. Both `cursor` and the bytes must outlive it. */
pb_istream_t wpm_pb_stream(wpm_pb_cursor *cursor, wpm_bytes message);

/* Inside a field callback: *out is the field's value, a view into the message. False where the
 * field is not length-delimited (a sender's error): protobuf skips such a field as unknown. */
WPM_MUST_USE bool wpm_pb_view(pb_istream_t *stream, wpm_bytes *out);

/* A ready field callback: the value of a single field; the last one wins. `*arg` is a
 * wpm_pb_single. */
typedef struct wpm_pb_single {
  bool present;    /* The field was there. */
  wpm_bytes value; /* Its value, a view into the message. */
} wpm_pb_single;
bool wpm_pb_read_single(pb_istream_t *stream, const pb_field_t *field, void **arg);

#endif
