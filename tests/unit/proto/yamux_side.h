/* One side of a yamux connection for tests: frames that it is given, and those that it sends.
 *
 * - `take…` gives the side a frame that it must take, `violate` one that must end it.
 * - `expect` is the next frame that the side sends, and takes it; `expect_silence`: there is none. */
#ifndef WPM_TESTS_YAMUX_SIDE_H
#define WPM_TESTS_YAMUX_SIDE_H

#include "unit/proto/mux_side.h"

#include "proto/yamux.h"

#define DATA WPM_YAMUX_DATA
#define UPDATE WPM_YAMUX_WINDOW_UPDATE
#define PING WPM_YAMUX_PING
#define GO_AWAY WPM_YAMUX_GO_AWAY
#define SYN WPM_YAMUX_SYN
#define ACK WPM_YAMUX_ACK
#define FIN WPM_YAMUX_FIN
#define RST WPM_YAMUX_RST

static uint8_t zeros[1 << 20];

static inline int feed_bytes(mux_side *side, const void *data, size_t len) {
  return wpm_muxer_input(side->muxer, (wpm_bytes){data, len});
}

/* Gives the side one frame header and returns what `input` says. */
static inline int feed(mux_side *side, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
  uint8_t header[WPM_YAMUX_HEADER];
  wpm_yamux_encode((wpm_yamux_frame){0, type, flags, id, length}, header);
  return feed_bytes(side, header, sizeof(header));
}

static inline void take(mux_side *side, uint8_t type, uint16_t flags, uint32_t id,
                        uint32_t length) {
  assert_int_equal(feed(side, type, flags, id, length), WPM_OK);
}

static inline void take_text(mux_side *side, uint16_t flags, uint32_t id, const char *text) {
  take(side, DATA, flags, id, (uint32_t)strlen(text));
  mux_feed(side, text, strlen(text));
}

/* Gives the side a data frame of `len` zero bytes. */
static inline void take_zeros(mux_side *side, uint16_t flags, uint32_t id, uint32_t len) {
  take(side, DATA, flags, id, len);
  mux_feed(side, zeros, len);
}

/* Writes `len` zero bytes to the stream of that number; how many of them it took. */
static inline size_t write_zeros(mux_side *side, size_t number, size_t len) {
  size_t taken;
  wpm_bytes data = {zeros, len};
  assert_int_equal(wpm_muxer_write(side->streams[number], data, &taken), WPM_OK);
  return taken;
}

/* The next frame that the side sends must be this one; its data is dropped. */
static inline void expect(mux_side *side, uint8_t type, uint16_t flags, uint32_t id,
                          uint32_t length) {
  wpm_bytes sent = wpm_buffer_view(&side->out);
  assert_true(sent.len >= WPM_YAMUX_HEADER);
  wpm_yamux_frame frame = wpm_yamux_decode(sent.data);
  assert_int_equal(frame.version, 0);
  assert_int_equal(frame.type, type);
  assert_int_equal(frame.flags, flags);
  assert_int_equal(frame.stream_id, id);
  assert_int_equal(frame.length, length);
  wpm_buffer_consume(&side->out, WPM_YAMUX_HEADER + (type == DATA ? length : 0));
}

static inline void expect_silence(mux_side *side) {
  assert_int_equal(wpm_buffer_size(&side->out), 0);
}

/* The frame breaks the protocol: go-away 1 and an error; the side is then over. */
static inline void violate(mux_side *side, uint8_t type, uint16_t flags, uint32_t id,
                           uint32_t length) {
  wpm_buffer_clear(&side->out);
  assert_int_equal(feed(side, type, flags, id, length), WPM_ERR_PROTOCOL);
  expect(side, GO_AWAY, 0, 0, WPM_GO_AWAY_PROTOCOL_ERROR);
  expect_silence(side);
  mux_stop(side);
}

/* A listener to whom a dialler has opened stream 1. */
static inline void start_with_stream(mux_side *side) {
  mux_start(side, &wpm_yamux, false);
  take(side, UPDATE, SYN, 1, 0);
  mux_expect_log(side, "opened 1, ");
}

#endif
