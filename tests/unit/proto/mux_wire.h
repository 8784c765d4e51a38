/* What may happen to one stream, and how each kind of muxer puts it on the wire. Written from the
 * specifications, apart from the muxers' own code. */
#ifndef WPM_TESTS_MUX_WIRE_H
#define WPM_TESTS_MUX_WIRE_H

#include "support/test.h"

#include "base/buffer.h"
#include "base/varint.h"
#include "proto/mplex.h"
#include "proto/yamux.h"

#include <string.h>

typedef enum wire_op {
  WIRE_OPEN,
  WIRE_DATA,
  WIRE_CLOSE,
  WIRE_RESET,
  /* yamux only: */
  WIRE_LAST_DATA,  /* Data and FIN in one frame. */
  WIRE_CLOSE_DATA, /* FIN on an empty data frame. */
  WIRE_RESET_DATA, /* RST on an empty data frame. */
  WIRE_CREDIT,
  WIRE_OPS
} wire_op;

#define WIRE_OPS_OF_MPLEX WIRE_LAST_DATA

static inline bool wire_is_yamux(const wpm_muxer_type *type) {
  return type == &wpm_yamux;
}

static inline void wire_append(wpm_buffer *out, const void *data, size_t len) {
  assert_int_equal(wpm_buffer_append(out, data, len), WPM_OK);
}

static inline void wire_yamux(wpm_buffer *out, uint8_t type, uint16_t flags, uint32_t id,
                              uint32_t length, const char *text) {
  uint8_t header[WPM_YAMUX_HEADER];
  wpm_yamux_encode((wpm_yamux_frame){0, type, flags, id, length}, header);
  wire_append(out, header, sizeof(header));
  wire_append(out, text, strlen(text));
}

static inline void wire_yamux_op(wpm_buffer *out, uint32_t id, wire_op op, uint16_t announcement,
                                 const char *text) {
  uint32_t len = (uint32_t)strlen(text);
  switch (op) {
  case WIRE_OPEN:
    wire_yamux(out, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_SYN, id, 0, "");
    break;
  case WIRE_DATA:
    wire_yamux(out, WPM_YAMUX_DATA, announcement, id, len, text);
    break;
  case WIRE_CLOSE:
    wire_yamux(out, WPM_YAMUX_WINDOW_UPDATE, announcement | WPM_YAMUX_FIN, id, 0, "");
    break;
  case WIRE_RESET:
    wire_yamux(out, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, id, 0, "");
    break;
  case WIRE_LAST_DATA:
    wire_yamux(out, WPM_YAMUX_DATA, announcement | WPM_YAMUX_FIN, id, len, text);
    break;
  case WIRE_CLOSE_DATA:
    wire_yamux(out, WPM_YAMUX_DATA, announcement | WPM_YAMUX_FIN, id, 0, "");
    break;
  case WIRE_RESET_DATA:
    wire_yamux(out, WPM_YAMUX_DATA, WPM_YAMUX_RST, id, 0, "");
    break;
  case WIRE_CREDIT:
    wire_yamux(out, WPM_YAMUX_WINDOW_UPDATE, announcement, id, 10, "");
    break;
  case WIRE_OPS:
    fail();
  }
}

static inline void wire_mplex_op(wpm_buffer *out, uint64_t id, wire_op op, bool initiator,
                                 const char *text) {
  static const uint8_t flags[] = {[WIRE_OPEN] = WPM_MPLEX_NEW_STREAM,
                                  [WIRE_DATA] = WPM_MPLEX_MESSAGE_RECEIVER,
                                  [WIRE_CLOSE] = WPM_MPLEX_CLOSE_RECEIVER,
                                  [WIRE_RESET] = WPM_MPLEX_RESET_RECEIVER};
  assert_true(op < WIRE_OPS_OF_MPLEX);
  uint8_t bytes[2 * WPM_VARINT_MAX];
  uint8_t flag = (uint8_t)(flags[op] + (initiator && op != WIRE_OPEN));
  const char *carried = op == WIRE_DATA ? text : "";
  size_t len = wpm_varint_write(id << 3 | flag, bytes);
  len += wpm_varint_write(strlen(carried), bytes + len);
  wire_append(out, bytes, len);
  wire_append(out, carried, strlen(carried));
}

/* The length of the frame or message at the front of `bytes`, which holds all of it. */
static inline size_t wire_frame_size(const wpm_muxer_type *type, wpm_bytes bytes) {
  if (wire_is_yamux(type)) {
    assert_true(bytes.len >= WPM_YAMUX_HEADER);
    wpm_yamux_frame frame = wpm_yamux_decode(bytes.data);
    return WPM_YAMUX_HEADER + (frame.type == WPM_YAMUX_DATA ? frame.length : 0);
  }
  uint64_t value;
  size_t header;
  size_t length;
  assert_int_equal(wpm_varint_read(bytes, &value, &header), WPM_OK);
  wpm_bytes rest = {bytes.data + header, bytes.len - header};
  assert_int_equal(wpm_varint_read(rest, &value, &length), WPM_OK);
  return header + length + (size_t)value;
}

#endif
