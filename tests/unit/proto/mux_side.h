/* One side of a muxed connection for tests: a muxer of any kind, what it sends, and a log of what
 * it told its owner.
 *
 * - Streams are named by numbers: those they opened count up from 1, ours get the number given at
 *   mux_open. mux_side.streams[number] is the handle, NULL once it is over.
 * - The log is text, one event after the other: "opened 1, data 1 hello, eof 1, ended 1, ". Data of
 *   more than 40 bytes, or that is not printable, shows as its length: "data 1 <300>, ".
 * - `react`, where set, runs inside each callback after the event was logged. */
#ifndef WPM_TESTS_MUX_SIDE_H
#define WPM_TESTS_MUX_SIDE_H

#include "support/test.h"

#include "base/bytes.h"
#include "proto/muxer.h"

#include <stdio.h>

#define MUX_SIDE_STREAMS 600

typedef enum mux_event {
  MUX_OPENED,
  MUX_DATA,
  MUX_EOF,
  MUX_WRITABLE,
  MUX_ENDED,
  MUX_PONG,
  MUX_GO_AWAY
} mux_event;

typedef struct mux_side {
  wpm_muxer *muxer;
  wpm_buffer out;
  wpm_mux_stream *streams[MUX_SIDE_STREAMS];
  size_t opened;   /* Streams that they opened so far. */
  bool hold;       /* Do not consume data at once. */
  bool merge;      /* Log printable data that follows data of the same stream as one. */
  size_t merging;  /* The stream whose data the log ends in; 0: none. */
  size_t received; /* Bytes of data in all. */
  void (*on_data)(struct mux_side *side, size_t number, wpm_bytes data); /* Instead of the log. */
  void (*react)(struct mux_side *side, mux_event event, size_t number);
  char log[16384];
  size_t log_len;
} mux_side;

static inline __attribute__((format(printf, 2, 3))) void mux_log(mux_side *side, const char *format,
                                                                 ...) {
  va_list arguments;
  va_start(arguments, format);
  int len =
      vsnprintf(side->log + side->log_len, sizeof(side->log) - side->log_len, format, arguments);
  va_end(arguments);
  assert_true(len >= 0 && (size_t)len < sizeof(side->log) - side->log_len);
  side->merging = 0;
  side->log_len += (size_t)len;
}

static inline void mux_react(mux_side *side, mux_event event, size_t number) {
  if (side->react) {
    side->react(side, event, number);
  }
}

static inline size_t mux_number(const wpm_mux_stream *stream) {
  return (size_t)(uintptr_t)stream->user;
}

static inline void mux_opened(void *user, wpm_mux_stream *stream) {
  mux_side *side = user;
  assert_null(stream->user);
  size_t number = ++side->opened;
  assert_true(number < MUX_SIDE_STREAMS);
  assert_null(side->streams[number]);
  stream->user = (void *)(uintptr_t)number;
  side->streams[number] = stream;
  mux_log(side, "opened %zu, ", number);
  mux_react(side, MUX_OPENED, number);
}

static inline bool mux_printable(wpm_bytes data) {
  for (size_t i = 0; i < data.len; i++) {
    if (data.data[i] < 0x20 || data.data[i] > 0x7e) {
      return false;
    }
  }
  return data.len <= 40;
}

static inline void mux_data(void *user, wpm_mux_stream *stream, wpm_bytes data) {
  mux_side *side = user;
  size_t number = mux_number(stream);
  assert_ptr_equal(side->streams[number], stream);
  assert_true(data.len > 0);
  side->received += data.len;
  if (side->on_data) {
    side->on_data(side, number, data);
  } else if (side->merge && side->merging == number && mux_printable(data)) {
    side->log_len -= strlen(", ");
    mux_log(side, "%.*s, ", (int)data.len, (const char *)data.data);
  } else if (mux_printable(data)) {
    mux_log(side, "data %zu %.*s, ", number, (int)data.len, (const char *)data.data);
  } else {
    mux_log(side, "data %zu <%zu>, ", number, data.len);
  }
  side->merging = mux_printable(data) ? number : 0;
  mux_react(side, MUX_DATA, number);
  if (!side->hold && side->streams[number] == stream) {
    assert_int_equal(wpm_muxer_consumed(stream, data.len), WPM_OK);
  }
}

static inline void mux_eof(void *user, wpm_mux_stream *stream) {
  mux_side *side = user;
  assert_ptr_equal(side->streams[mux_number(stream)], stream);
  mux_log(side, "eof %zu, ", mux_number(stream));
  mux_react(side, MUX_EOF, mux_number(stream));
}

static inline void mux_writable(void *user, wpm_mux_stream *stream) {
  mux_side *side = user;
  assert_ptr_equal(side->streams[mux_number(stream)], stream);
  mux_log(side, "writable %zu, ", mux_number(stream));
  mux_react(side, MUX_WRITABLE, mux_number(stream));
}

static inline void mux_ended(void *user, wpm_mux_stream *stream, bool reset, uint32_t code) {
  mux_side *side = user;
  size_t number = mux_number(stream);
  assert_ptr_equal(side->streams[number], stream);
  if (!reset) {
    assert_int_equal(code, 0);
    mux_log(side, "ended %zu, ", number);
  } else if (code == 0) {
    mux_log(side, "reset %zu, ", number);
  } else {
    mux_log(side, "reset %zu code %u, ", number, code);
  }
  mux_react(side, MUX_ENDED, number);
  side->streams[number] = NULL;
}

static inline void mux_pong(void *user, uint32_t value) {
  mux_log(user, "pong %u, ", value);
  mux_react(user, MUX_PONG, value);
}

static inline void mux_go_away(void *user, uint32_t code) {
  mux_log(user, "go-away %u, ", code);
  mux_react(user, MUX_GO_AWAY, code);
}

static const wpm_muxer_callbacks mux_side_callbacks = {.stream_opened = mux_opened,
                                                       .stream_data = mux_data,
                                                       .stream_eof = mux_eof,
                                                       .stream_writable = mux_writable,
                                                       .stream_ended = mux_ended,
                                                       .pong = mux_pong,
                                                       .go_away = mux_go_away};

/* A side with room for 64 streams each way and a megabyte to send; change `config` to differ. */
static inline wpm_muxer_config mux_config(mux_side *side, bool dialler) {
  *side = (mux_side){0};
  wpm_buffer_init(&side->out, 1 << 20);
  return (wpm_muxer_config){.callbacks = &mux_side_callbacks,
                            .user = side,
                            .out = &side->out,
                            .dialler = dialler,
                            .max_inbound_streams = 64,
                            .max_outbound_streams = 64,
                            .receive_window = 262144};
}

static inline void mux_start(mux_side *side, const wpm_muxer_type *type, bool dialler) {
  wpm_muxer_config config = mux_config(side, dialler);
  assert_int_equal(type->create(&config, &side->muxer), WPM_OK);
}

static inline void mux_stop(mux_side *side) {
  if (side->muxer) {
    side->muxer->type->free(side->muxer);
  }
  wpm_buffer_fini(&side->out);
}

static inline wpm_mux_stream *mux_open(mux_side *side, size_t number) {
  assert_null(side->streams[number]);
  assert_int_equal(wpm_muxer_open(side->muxer, (void *)(uintptr_t)number, &side->streams[number]),
                   WPM_OK);
  assert_ptr_equal(side->streams[number]->user, (void *)(uintptr_t)number);
  return side->streams[number];
}

/* Writes text, all of which must be taken. */
static inline void mux_write(mux_side *side, size_t number, const char *text) {
  size_t taken;
  wpm_bytes data = {(const uint8_t *)text, strlen(text)};
  assert_int_equal(wpm_muxer_write(side->streams[number], data, &taken), WPM_OK);
  assert_int_equal(taken, data.len);
}

static inline void mux_reset(mux_side *side, size_t number) {
  wpm_muxer_reset(side->streams[number]);
  side->streams[number] = NULL;
}

/* Closes our side; true where that ended the stream. */
static inline bool mux_close(mux_side *side, size_t number) {
  int result = wpm_muxer_close_write(side->streams[number]);
  assert_true(result == 0 || result == 1);
  if (result == 1) {
    side->streams[number] = NULL;
  }
  return result == 1;
}

static inline void mux_feed(mux_side *side, const void *data, size_t len) {
  assert_int_equal(wpm_muxer_input(side->muxer, (wpm_bytes){data, len}), WPM_OK);
}

static inline void mux_clear_log(mux_side *side) {
  side->log[0] = '\0';
  side->log_len = 0;
}

/* Compares the log and empties it. */
static inline void mux_expect_log(mux_side *side, const char *expected) {
  assert_string_equal(side->log, expected);
  mux_clear_log(side);
}

/* Compares what is to be sent and drops it. */
static inline void mux_expect_sent(mux_side *side, const void *bytes, size_t len) {
  assert_int_equal(wpm_buffer_size(&side->out), len);
  if (len > 0) {
    assert_memory_equal(wpm_buffer_view(&side->out).data, bytes, len);
  }
  wpm_buffer_clear(&side->out);
}

/* Carries what either side sends to the other until both are quiet. */
static inline void mux_exchange(mux_side *a, mux_side *b) {
  mux_side *sides[] = {a, b};
  while (wpm_buffer_size(&a->out) + wpm_buffer_size(&b->out) > 0) {
    for (size_t i = 0; i < 2; i++) {
      uint8_t carried[4096];
      size_t len = wpm_buffer_size(&sides[i]->out);
      len = len < sizeof(carried) ? len : sizeof(carried);
      if (len > 0) {
        memcpy(carried, wpm_buffer_view(&sides[i]->out).data, len);
        wpm_buffer_consume(&sides[i]->out, len);
        mux_feed(sides[1 - i], carried, len);
      }
    }
  }
}

#endif
