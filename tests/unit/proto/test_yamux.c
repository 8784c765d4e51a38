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

static int feed_bytes(mux_side *side, const void *data, size_t len) {
  return wpm_muxer_input(side->muxer, (wpm_bytes){data, len});
}

/* Gives the side one frame header and returns what `input` says. */
static int feed(mux_side *side, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
  uint8_t header[WPM_YAMUX_HEADER];
  wpm_yamux_encode((wpm_yamux_frame){0, type, flags, id, length}, header);
  return feed_bytes(side, header, sizeof(header));
}

static void take(mux_side *side, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
  assert_int_equal(feed(side, type, flags, id, length), WPM_OK);
}

static void take_text(mux_side *side, uint16_t flags, uint32_t id, const char *text) {
  take(side, DATA, flags, id, (uint32_t)strlen(text));
  mux_feed(side, text, strlen(text));
}

/* Gives the side a data frame of `len` zero bytes. */
static void take_zeros(mux_side *side, uint16_t flags, uint32_t id, uint32_t len) {
  take(side, DATA, flags, id, len);
  mux_feed(side, zeros, len);
}

/* The next frame that the side sends must be this one; its data is dropped. */
static void expect(mux_side *side, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
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

static void expect_silence(mux_side *side) {
  assert_int_equal(wpm_buffer_size(&side->out), 0);
}

/* The frame breaks the protocol: go-away 1 and an error; the side is then over. */
static void violate(mux_side *side, uint8_t type, uint16_t flags, uint32_t id, uint32_t length) {
  wpm_buffer_clear(&side->out);
  assert_int_equal(feed(side, type, flags, id, length), WPM_ERR_PROTOCOL);
  expect(side, GO_AWAY, 0, 0, WPM_GO_AWAY_PROTOCOL_ERROR);
  expect_silence(side);
  mux_stop(side);
}

/* A listener to whom a dialler has opened stream 1. */
static void start_with_stream(mux_side *side) {
  mux_start(side, &wpm_yamux, false);
  take(side, UPDATE, SYN, 1, 0);
  mux_expect_log(side, "opened 1, ");
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void test_headers_are_written_and_read(void **state) {
  (void)state;
  uint8_t header[WPM_YAMUX_HEADER];
  wpm_yamux_frame frame = {0, PING, SYN | RST, 0x01020304, 0xfffefdfc};
  wpm_yamux_encode(frame, header);
  assert_memory_equal(header, "\x00\x02\x00\x09\x01\x02\x03\x04\xff\xfe\xfd\xfc", sizeof(header));
  wpm_yamux_frame read = wpm_yamux_decode(header);
  assert_memory_equal(&read, &frame, sizeof(frame));
}

/* ---- opening --------------------------------------------------------------------------------- */

static void test_a_stream_is_announced_by_its_first_data(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, true);
  mux_open(&side, 1);
  expect_silence(&side);
  mux_write(&side, 1, "hello");
  mux_expect_sent(&side,
                  "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x05"
                  "hello",
                  17);
  mux_write(&side, 1, "again");
  mux_expect_sent(&side,
                  "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x05"
                  "again",
                  17);
  mux_open(&side, 2);
  mux_open(&side, 3);
  mux_write(&side, 3, "c");
  mux_write(&side, 2, "b");
  expect(&side, DATA, SYN, 5, 1);
  expect(&side, DATA, SYN, 3, 1);
  mux_stop(&side);
}

static void test_a_listener_numbers_its_streams_evenly(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  mux_open(&side, 1);
  mux_open(&side, 2);
  mux_write(&side, 1, "a");
  mux_write(&side, 2, "b");
  expect(&side, DATA, SYN, 2, 1);
  expect(&side, DATA, SYN, 4, 1);
  mux_stop(&side);
}

static void test_a_close_announces_a_stream_too(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, true);
  mux_open(&side, 1);
  assert_false(mux_close(&side, 1));
  expect(&side, UPDATE, SYN | FIN, 1, 0);
  take(&side, UPDATE, FIN | ACK, 1, 0);
  mux_expect_log(&side, "eof 1, ended 1, ");
  mux_stop(&side);
}

static void test_an_empty_write_sends_nothing(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, true);
  mux_open(&side, 1);
  mux_write(&side, 1, "");
  expect_silence(&side);
  mux_stop(&side);
}

static void test_a_stream_that_was_not_announced_is_reset_in_silence(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, true);
  mux_open(&side, 1);
  mux_reset(&side, 1);
  expect_silence(&side);
  mux_open(&side, 1);
  mux_write(&side, 1, "b");
  expect(&side, DATA, SYN, 3, 1);
  mux_stop(&side);
}

/* go-yamux and js open by a window update, rust by data; both forms may carry more. */
static void test_they_open_streams_in_every_form(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  take(&side, UPDATE, SYN, 1, 0);
  take(&side, UPDATE, SYN, 3, 1000);
  take(&side, DATA, SYN, 5, 0);
  take_text(&side, SYN, 7, "data");
  take_text(&side, SYN | FIN, 9, "last");
  take(&side, UPDATE, SYN | FIN, 11, 0);
  take(&side, DATA, SYN | RST, 13, 0);
  take(&side, UPDATE, SYN | RST, 15, 0);
  mux_expect_log(&side, "opened 1, opened 2, opened 3, opened 4, data 4 data, opened 5, "
                        "data 5 last, eof 5, opened 6, eof 6, ");
  expect_silence(&side);
  /* Credit that came with the SYN adds to the initial window. */
  size_t taken;
  wpm_bytes much = {zeros, sizeof(zeros)};
  assert_int_equal(wpm_muxer_write(side.streams[1], much, &taken), WPM_OK);
  assert_int_equal(taken, WPM_YAMUX_WINDOW);
  assert_int_equal(wpm_muxer_write(side.streams[2], much, &taken), WPM_OK);
  assert_int_equal(taken, WPM_YAMUX_WINDOW + 1000);
  mux_stop(&side);
}

static void test_the_first_answer_acknowledges(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  for (uint32_t id = 1; id <= 7; id += 2) {
    take(&side, UPDATE, SYN, id, 0);
  }
  mux_write(&side, 1, "a");
  mux_write(&side, 1, "b");
  expect(&side, DATA, ACK, 1, 1);
  expect(&side, DATA, 0, 1, 1);
  assert_false(mux_close(&side, 2));
  expect(&side, UPDATE, ACK | FIN, 3, 0);
  take_zeros(&side, 0, 5, WPM_YAMUX_WINDOW / 2);
  expect(&side, UPDATE, ACK, 5, WPM_YAMUX_WINDOW / 2);
  mux_reset(&side, 4);
  expect(&side, UPDATE, RST, 7, 0);
  expect_silence(&side);
  mux_stop(&side);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void test_ids_of_the_wrong_side_are_violations(void **state) {
  (void)state;
  for (int dialler = 0; dialler <= 1; dialler++) {
    for (uint8_t type = DATA; type <= UPDATE; type++) {
      mux_side side;
      mux_start(&side, &wpm_yamux, dialler);
      violate(&side, type, SYN, dialler ? 1 : 2, 0);
    }
  }
}

static void test_stream_zero_takes_no_streams_frames(void **state) {
  (void)state;
  const uint16_t flags[] = {0, SYN, FIN, RST};
  for (int dialler = 0; dialler <= 1; dialler++) {
    for (size_t i = 0; i < 4; i++) {
      mux_side side;
      mux_start(&side, &wpm_yamux, dialler);
      violate(&side, DATA, flags[i], 0, 0);
      mux_start(&side, &wpm_yamux, dialler);
      violate(&side, UPDATE, flags[i], 0, 0);
    }
  }
}

static void test_reused_ids_are_violations(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  violate(&side, DATA, SYN, 1, 0); /* While it is open. */

  start_with_stream(&side);
  mux_reset(&side, 1);
  violate(&side, UPDATE, SYN, 1, 0); /* After we reset it. */

  start_with_stream(&side);
  take(&side, DATA, RST, 1, 0);
  violate(&side, UPDATE, SYN, 1, 0); /* After they reset it. */

  start_with_stream(&side);
  assert_false(mux_close(&side, 1));
  take(&side, DATA, FIN, 1, 0);
  violate(&side, UPDATE, SYN, 1, 0); /* After both closed it. */

  wpm_muxer_config config = mux_config(&side, false);
  config.max_inbound_streams = 0;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  take(&side, UPDATE, SYN, 1, 0);
  violate(&side, UPDATE, SYN, 1, 0); /* After it was refused. */
}

static void test_streams_may_be_opened_out_of_order(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  take_text(&side, SYN, 5, "five");
  take_text(&side, SYN, 1, "one");
  take_text(&side, SYN, 3, "three");
  take_text(&side, 0, 5, "more");
  mux_expect_log(&side, "opened 1, data 1 five, opened 2, data 2 one, opened 3, data 3 three, "
                        "data 1 more, ");
  violate(&side, UPDATE, SYN, 3, 0);
}

static void test_frames_on_ids_never_opened_are_violations(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  violate(&side, DATA, 0, 1, 1);
  mux_start(&side, &wpm_yamux, false);
  violate(&side, DATA, FIN, 1, 1);
  mux_start(&side, &wpm_yamux, false);
  violate(&side, UPDATE, 0, 1, 10);
  mux_start(&side, &wpm_yamux, false);
  violate(&side, UPDATE, RST, 2, 0); /* An id of ours. */
  mux_start(&side, &wpm_yamux, false);
  mux_open(&side, 1);
  violate(&side, UPDATE, ACK, 2, 0); /* Open, but they cannot know. */
  mux_start(&side, &wpm_yamux, false);
  mux_open(&side, 1);
  mux_write(&side, 1, "a");
  take(&side, UPDATE, ACK, 2, 0);
  violate(&side, UPDATE, ACK, 4, 0);
  /* Not opened, although a later one was. */
  mux_start(&side, &wpm_yamux, false);
  take(&side, UPDATE, SYN, 3, 0);
  violate(&side, DATA, 0, 1, 1);
}

/* rust-yamux numbers a stream, and closes or resets it, without having sent anything on it. */
static void test_a_bare_end_of_a_stream_never_opened_is_ignored(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  take(&side, DATA, RST, 1, 0);
  take(&side, DATA, FIN, 3, 0);
  take(&side, UPDATE, FIN, 5, 0);
  mux_expect_log(&side, "");
  expect_silence(&side);
  mux_stop(&side);
}

static void test_frames_on_ended_streams_are_skipped(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  mux_open(&side, 2);
  mux_write(&side, 2, "x");
  mux_reset(&side, 1);
  mux_reset(&side, 2);
  wpm_buffer_clear(&side.out);
  uint8_t like_a_frame[WPM_YAMUX_HEADER];
  wpm_yamux_encode((wpm_yamux_frame){0, PING, SYN, 0, 1}, like_a_frame);
  for (uint32_t id = 1; id <= 2; id++) {
    take(&side, DATA, 0, id, sizeof(like_a_frame));
    assert_true(wpm_muxer_mid_frame(side.muxer));
    mux_feed(&side, like_a_frame, sizeof(like_a_frame));
    assert_false(wpm_muxer_mid_frame(side.muxer));
    take(&side, UPDATE, 0, id, UINT32_MAX);
    take(&side, UPDATE, RST, id, 4098);
    take(&side, DATA, FIN, id, 0);
  }
  mux_expect_log(&side, "");
  expect_silence(&side);
  violate(&side, DATA, 0, 1, WPM_YAMUX_WINDOW + 1); /* More than any window allowed. */
}

/* ---- windows --------------------------------------------------------------------------------- */

static void test_a_frame_may_fill_the_window_exactly(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.hold = true;
  take_zeros(&side, 0, 1, WPM_YAMUX_WINDOW);
  mux_expect_log(&side, "data 1 <262144>, ");
  take(&side, DATA, 0, 1, 0);
  violate(&side, DATA, 0, 1, 1);

  mux_start(&side, &wpm_yamux, false);
  take_zeros(&side, SYN, 1, WPM_YAMUX_WINDOW);
  mux_stop(&side);
}

static void test_a_frame_over_the_window_is_a_violation(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  violate(&side, DATA, 0, 1, WPM_YAMUX_WINDOW + 1);
  mux_start(&side, &wpm_yamux, false);
  violate(&side, DATA, SYN, 1, WPM_YAMUX_WINDOW + 1);
  start_with_stream(&side);
  violate(&side, DATA, 0, 1, UINT32_MAX);
  start_with_stream(&side);
  side.hold = true;
  take_zeros(&side, 0, 1, WPM_YAMUX_WINDOW - 10);
  take_zeros(&side, 0, 1, 4);
  violate(&side, DATA, 0, 1, 7);
}

static void test_credit_comes_back_in_halves(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.hold = true;
  take_zeros(&side, 0, 1, WPM_YAMUX_WINDOW);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], WPM_YAMUX_WINDOW / 2 - 1), WPM_OK);
  expect_silence(&side);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], 2), WPM_OK);
  expect(&side, UPDATE, ACK, 1, WPM_YAMUX_WINDOW / 2 + 1);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], WPM_YAMUX_WINDOW / 2 - 1), WPM_OK);
  expect_silence(&side);
  take_zeros(&side, 0, 1, WPM_YAMUX_WINDOW / 2 + 1);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], 1), WPM_OK);
  expect(&side, UPDATE, 0, 1, WPM_YAMUX_WINDOW / 2);
  mux_stop(&side);
}

static void test_no_credit_after_their_close(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.hold = true;
  take_zeros(&side, FIN, 1, WPM_YAMUX_WINDOW);
  mux_expect_log(&side, "data 1 <262144>, eof 1, ");
  assert_int_equal(wpm_muxer_consumed(side.streams[1], WPM_YAMUX_WINDOW), WPM_OK);
  expect_silence(&side);
  mux_stop(&side);
}

/* A stream sends no more than our receive window without our reading, however large that is. */
static void test_a_larger_receive_window_is_granted_with_the_first_credit(void **state) {
  (void)state;
  const uint32_t window = 3 * WPM_YAMUX_WINDOW;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  config.receive_window = window;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  take(&side, UPDATE, SYN, 1, 0);
  side.hold = true;
  take_zeros(&side, 0, 1, 100);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], 100), WPM_OK);
  expect(&side, UPDATE, ACK, 1, window - WPM_YAMUX_WINDOW + 100);
  take_zeros(&side, 0, 1, window);
  violate(&side, DATA, 0, 1, 1);

  config = mux_config(&side, false);
  config.receive_window = window;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  violate(&side, DATA, SYN, 1, WPM_YAMUX_WINDOW + 1); /* Before it was granted. */
}

static void test_a_receive_window_below_256_kib_is_refused(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  config.receive_window = WPM_YAMUX_WINDOW - 1;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_ERR_INVALID);
}

static size_t write_zeros(mux_side *side, size_t number, size_t len) {
  size_t taken;
  wpm_bytes data = {zeros, len};
  assert_int_equal(wpm_muxer_write(side->streams[number], data, &taken), WPM_OK);
  return taken;
}

static void test_writes_keep_to_the_send_window(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_int_equal(write_zeros(&side, 1, WPM_YAMUX_WINDOW - 10), WPM_YAMUX_WINDOW - 10);
  take(&side, UPDATE, 0, 1, 5);
  mux_expect_log(&side, ""); /* No write fell short yet. */
  assert_int_equal(write_zeros(&side, 1, 20), 15);
  wpm_buffer_clear(&side.out);
  assert_int_equal(write_zeros(&side, 1, 20), 0);
  expect_silence(&side);
  take(&side, UPDATE, 0, 1, 0);
  mux_expect_log(&side, "");
  take(&side, UPDATE, 0, 1, 3);
  mux_expect_log(&side, "writable 1, ");
  take(&side, UPDATE, 0, 1, 3);
  mux_expect_log(&side, ""); /* Told once. */
  assert_int_equal(write_zeros(&side, 1, 6), 6);
  expect(&side, DATA, 0, 1, 6);
  take(&side, UPDATE, 0, 1, 3);
  mux_expect_log(&side, ""); /* That write did not fall short. */
  mux_stop(&side);
}

static void test_a_closed_side_is_not_told_that_it_may_write(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_int_equal(write_zeros(&side, 1, WPM_YAMUX_WINDOW + 1), WPM_YAMUX_WINDOW);
  assert_false(mux_close(&side, 1));
  take(&side, UPDATE, 0, 1, 3);
  mux_expect_log(&side, "");
  mux_stop(&side);
}

static void test_data_is_split_into_frames_of_64_kib(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_int_equal(write_zeros(&side, 1, 2 * WPM_YAMUX_FRAME_DATA + 1),
                   2 * WPM_YAMUX_FRAME_DATA + 1);
  expect(&side, DATA, ACK, 1, WPM_YAMUX_FRAME_DATA);
  expect(&side, DATA, 0, 1, WPM_YAMUX_FRAME_DATA);
  expect(&side, DATA, 0, 1, 1);
  expect_silence(&side);
  mux_stop(&side);
}

static void test_credit_may_not_overflow(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  take(&side, UPDATE, 0, 1, UINT32_MAX - WPM_YAMUX_WINDOW);
  take(&side, UPDATE, 0, 1, 0);
  violate(&side, UPDATE, 0, 1, 1);
  mux_start(&side, &wpm_yamux, false);
  violate(&side, UPDATE, SYN, 1, UINT32_MAX);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_a_reset_carries_an_error_code(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_int_equal(write_zeros(&side, 1, WPM_YAMUX_WINDOW + 1), WPM_YAMUX_WINDOW);
  take(&side, UPDATE, RST, 1, 0x1002);
  mux_expect_log(&side, "reset 1 code 4098, "); /* And not: writable. */
  take(&side, UPDATE, SYN, 3, 0);
  take(&side, UPDATE, RST, 3, UINT32_MAX);
  mux_expect_log(&side, "opened 2, reset 2 code 4294967295, ");
  mux_stop(&side);
}

static void test_a_reset_with_data_drops_the_data(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  take_text(&side, RST, 1, "lost");
  mux_expect_log(&side, "reset 1, ");
  take_text(&side, SYN | RST, 3, "lost");
  mux_expect_log(&side, "");
  mux_stop(&side);
}

static void test_data_behind_their_close_is_ignored(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  take_text(&side, FIN, 1, "last");
  take_text(&side, 0, 1, "late");
  take(&side, DATA, FIN, 1, 0);
  mux_expect_log(&side, "data 1 last, eof 1, ");
  violate(&side, DATA, 0, 1, WPM_YAMUX_WINDOW); /* It still counts against the window. */
}

static void test_a_closed_side_refuses_writes(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_false(mux_close(&side, 1));
  expect(&side, UPDATE, ACK | FIN, 1, 0);
  size_t taken = 1;
  assert_int_equal(wpm_muxer_write(side.streams[1], WPM_BYTES("x"), &taken), WPM_ERR_CLOSED);
  assert_int_equal(taken, 0);
  assert_false(mux_close(&side, 1));
  expect_silence(&side);
  mux_stop(&side);
}

static void refuse_all(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_OPENED) {
    mux_reset(side, number);
  }
}

/* A stream that is refused from inside stream_opened: the rest of its first frame is dropped. */
static void test_a_stream_may_be_refused_as_it_opens(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, false);
  side.react = refuse_all;
  take(&side, UPDATE, SYN, 1, 0);
  take(&side, UPDATE, SYN | FIN, 3, 10);
  take_text(&side, SYN, 5, "data");
  take_text(&side, SYN | FIN, 7, "data");
  take(&side, DATA, SYN | FIN, 9, 0);
  mux_expect_log(&side, "opened 1, opened 2, opened 3, opened 4, opened 5, ");
  for (uint32_t id = 1; id <= 9; id += 2) {
    expect(&side, UPDATE, RST, id, 0);
  }
  expect_silence(&side);
  mux_stop(&side);
}

static void reset_on_data(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_DATA) {
    mux_reset(side, number);
  }
}

static void test_a_stream_may_be_reset_as_its_data_comes(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.react = reset_on_data;
  take_text(&side, FIN, 1, "last");
  take(&side, DATA, SYN | FIN, 3, 4);
  mux_feed(&side, "la", 2);
  mux_feed(&side, "st", 2);
  assert_false(wpm_muxer_mid_frame(side.muxer));
  mux_expect_log(&side, "data 1 last, opened 2, data 2 la, ");
  mux_stop(&side);
}

/* Between two pieces of a frame: the rest of it is skipped. */
static void test_a_stream_may_be_reset_in_the_middle_of_a_frame(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  take(&side, DATA, FIN, 1, 4);
  mux_feed(&side, "la", 2);
  mux_reset(&side, 1);
  mux_feed(&side, "st", 2);
  assert_false(wpm_muxer_mid_frame(side.muxer));
  mux_expect_log(&side, "data 1 la, ");
  take_text(&side, SYN, 3, "next");
  mux_expect_log(&side, "opened 2, data 2 next, ");
  mux_stop(&side);
}

static void reset_on_writable(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_WRITABLE) {
    mux_reset(side, number);
  }
}

static void test_a_stream_may_be_reset_as_its_window_opens(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.react = reset_on_writable;
  assert_int_equal(write_zeros(&side, 1, WPM_YAMUX_WINDOW + 1), WPM_YAMUX_WINDOW);
  take(&side, UPDATE, FIN, 1, 10);
  mux_expect_log(&side, "writable 1, ");
  mux_stop(&side);
}

static void use_what_ended(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_ENDED) {
    size_t taken;
    wpm_mux_stream *stream = side->streams[number];
    assert_int_equal(wpm_muxer_write(stream, WPM_BYTES("x"), &taken), WPM_ERR_CLOSED);
    assert_int_equal(wpm_muxer_consumed(stream, WPM_YAMUX_WINDOW), WPM_OK);
    assert_int_equal(wpm_muxer_close_write(stream), WPM_OK);
    wpm_muxer_reset(stream);
  }
}

/* Inside stream_ended the handle is still good, but nothing is sent any more. */
static void test_calls_on_a_stream_that_is_just_over_do_nothing(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.hold = true;
  side.react = use_what_ended;
  take_zeros(&side, 0, 1, WPM_YAMUX_WINDOW);
  take(&side, UPDATE, RST, 1, 0);
  expect_silence(&side);
  mux_stop(&side);
}

/* ---- the connection -------------------------------------------------------------------------- */

/* go, js and rust open with a ping; go-yamux ends a connection whose pings go unanswered. */
static void test_pings_are_answered(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, true);
  take(&side, PING, SYN, 0, 0);
  take(&side, PING, SYN, 0, 0xdeadbeef);
  expect(&side, PING, ACK, 0, 0);
  expect(&side, PING, ACK, 0, 0xdeadbeef);
  expect_silence(&side);
  mux_stop(&side);
}

static void test_the_latest_ping_is_answered_once(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_yamux, true);
  take(&side, PING, ACK, 0, 0);
  mux_expect_log(&side, ""); /* Not asked for. */
  assert_int_equal(wpm_muxer_ping(side.muxer, 7), WPM_OK);
  expect(&side, PING, SYN, 0, 7);
  take(&side, PING, ACK, 0, 8);
  mux_expect_log(&side, "");
  take(&side, PING, ACK, 0, 7);
  mux_expect_log(&side, "pong 7, ");
  take(&side, PING, ACK, 0, 7);
  mux_expect_log(&side, "");
  mux_stop(&side);
}

static void test_malformed_frames_are_violations(void **state) {
  (void)state;
  mux_side side;
  const wpm_yamux_frame malformed[] = {
      {0, PING, 0, 0, 0},
      {0, PING, SYN | ACK, 0, 0},
      {0, PING, FIN, 0, 0},
      {0, PING, SYN, 1, 0},
      {0, PING, ACK, 2, 0},
      {0, GO_AWAY, 0, 1, 0},
      {0, 4, 0, 0, 0},
      {0, 255, 0, 0, 0},
      {1, PING, SYN, 0, 0},
      {0, PING, 0x11, 0, 0},
      {0, DATA, 0x8001, 1, 0},
      {0, UPDATE, 0x10, 1, 0},
      {255, 255, 0xffff, UINT32_MAX, UINT32_MAX},
  };
  for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
    mux_start(&side, &wpm_yamux, false);
    uint8_t header[WPM_YAMUX_HEADER];
    wpm_yamux_encode(malformed[i], header);
    assert_int_equal(feed_bytes(&side, header, sizeof(header)), WPM_ERR_PROTOCOL);
    expect(&side, GO_AWAY, 0, 0, WPM_GO_AWAY_PROTOCOL_ERROR);
    mux_expect_log(&side, "");
    mux_stop(&side);
  }
}

static void test_their_go_away_leaves_the_streams(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  mux_open(&side, 2);
  take(&side, GO_AWAY, 0, 0, 0x1005);
  mux_expect_log(&side, "go-away 4101, ");
  wpm_mux_stream *stream;
  assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_CLOSED);
  take_text(&side, 0, 1, "still");
  mux_expect_log(&side, "data 1 still, ");
  mux_write(&side, 1, "here");
  mux_write(&side, 2, "too");
  mux_stop(&side);
}

static void test_after_our_go_away_no_stream_is_opened(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_int_equal(wpm_muxer_go_away(side.muxer, WPM_GO_AWAY_NORMAL), WPM_OK);
  expect(&side, GO_AWAY, 0, 0, 0);
  wpm_mux_stream *stream;
  assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_CLOSED);
  take_text(&side, SYN, 3, "refused");
  expect(&side, UPDATE, RST, 3, 0);
  take_text(&side, 0, 1, "still");
  mux_expect_log(&side, "data 1 still, ");
  assert_int_equal(wpm_muxer_go_away(side.muxer, WPM_GO_AWAY_PROTOCOL_ERROR), WPM_OK);
  expect_silence(&side); /* Said once. */
  mux_stop(&side);
}

/* ---- caps ------------------------------------------------------------------------------------ */

static void test_streams_above_their_cap_are_reset(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  config.max_inbound_streams = 2;
  config.max_outbound_streams = 1;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  mux_open(&side, 100); /* Counts apart. */
  take_text(&side, SYN, 1, "a");
  take_text(&side, SYN, 3, "b");
  take_text(&side, SYN, 5, "c");
  take_text(&side, 0, 5, "c");
  take(&side, UPDATE, SYN, 7, 0);
  mux_expect_log(&side, "opened 1, data 1 a, opened 2, data 2 b, ");
  expect(&side, UPDATE, RST, 5, 0);
  expect(&side, UPDATE, RST, 7, 0);
  expect_silence(&side);
  take(&side, DATA, RST, 1, 0);
  take(&side, UPDATE, SYN, 9, 0);
  mux_expect_log(&side, "reset 1, opened 3, ");
  mux_stop(&side);
}

static void test_we_keep_to_our_own_cap(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, true);
  config.max_outbound_streams = 2;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  mux_open(&side, 1);
  mux_open(&side, 2);
  wpm_mux_stream *stream;
  assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_FULL);
  mux_reset(&side, 1);
  mux_open(&side, 1);
  mux_stop(&side);

  config = mux_config(&side, true);
  config.max_outbound_streams = UINT32_MAX;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  for (size_t i = 1; i <= WPM_YAMUX_OUTBOUND; i++) {
    mux_open(&side, i);
  }
  assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_FULL);
  mux_stop(&side);
}

/* A peer that asks and does not read: what waits for it stays under the cap of `out`. */
static void test_floods_end_at_the_cap_of_out(void **state) {
  (void)state;
  const wpm_yamux_frame floods[] = {{0, PING, SYN, 0, 1}, {0, UPDATE, SYN, 1, 0}};
  for (size_t i = 0; i < 2; i++) {
    mux_side side;
    wpm_muxer_config config = mux_config(&side, false);
    wpm_buffer_init(&side.out, 1000);
    config.max_inbound_streams = 0;
    assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
    size_t answered = 0;
    int err;
    do {
      err = feed(&side, floods[i].type, floods[i].flags,
                 floods[i].stream_id + 2 * (uint32_t)(i * answered), 0);
      answered++;
    } while (err == WPM_OK);
    assert_int_equal(err, WPM_ERR_FULL);
    assert_int_equal(answered, 1000 / WPM_YAMUX_HEADER + 1);
    assert_int_equal(wpm_buffer_size(&side.out), 1000 / WPM_YAMUX_HEADER * WPM_YAMUX_HEADER);
    mux_stop(&side);
  }
}

/* Each call that finds no room changes nothing and succeeds once there is room again. */
static void test_without_room_nothing_changes(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  wpm_buffer_init(&side.out, 64);
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  take(&side, UPDATE, SYN, 1, 0);
  side.hold = true;
  take_zeros(&side, 0, 1, WPM_YAMUX_WINDOW);
  assert_int_equal(write_zeros(&side, 1, 42), 42); /* Leaves room for ten bytes. */
  size_t taken;
  assert_int_equal(wpm_muxer_write(side.streams[1], WPM_BYTES("x"), &taken), WPM_ERR_FULL);
  assert_int_equal(taken, 0);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], WPM_YAMUX_WINDOW), WPM_ERR_FULL);
  assert_int_equal(wpm_muxer_close_write(side.streams[1]), WPM_ERR_FULL);
  assert_int_equal(wpm_muxer_ping(side.muxer, 1), WPM_ERR_FULL);
  assert_int_equal(wpm_muxer_go_away(side.muxer, 0), WPM_ERR_FULL);
  wpm_buffer_clear(&side.out);
  take(&side, PING, ACK, 0, 1);
  mux_expect_log(&side, "opened 1, data 1 <262144>, "); /* That ping was not sent. */
  mux_write(&side, 1, "x");
  expect(&side, DATA, 0, 1, 1);
  assert_int_equal(wpm_muxer_consumed(side.streams[1], WPM_YAMUX_WINDOW), WPM_OK);
  expect(&side, UPDATE, 0, 1, WPM_YAMUX_WINDOW);
  assert_false(mux_close(&side, 1));
  expect(&side, UPDATE, FIN, 1, 0);
  assert_int_equal(wpm_muxer_go_away(side.muxer, 0), WPM_OK);
  expect(&side, GO_AWAY, 0, 0, 0);
  mux_stop(&side);
}

static void test_a_reset_that_finds_no_room_ends_the_stream_all_the_same(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  wpm_buffer_init(&side.out, 10);
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  take(&side, UPDATE, SYN, 1, 0);
  mux_reset(&side, 1);
  expect_silence(&side);
  take_text(&side, 0, 1, "ignored");
  assert_int_equal(feed(&side, DATA, 0, 9, 0), WPM_ERR_PROTOCOL);
  expect_silence(&side); /* No room for the go-away either. */
  mux_stop(&side);
}

static void test_many_streams_are_told_apart(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  config.max_inbound_streams = 200;
  config.max_outbound_streams = 200;
  assert_int_equal(wpm_yamux.create(&config, &side.muxer), WPM_OK);
  for (uint32_t i = 1; i <= 200; i++) {
    take(&side, UPDATE, SYN, 2 * i - 1, 0);
    mux_open(&side, 200 + i);
    mux_write(&side, 200 + i, "x");
  }
  mux_clear_log(&side);
  for (uint32_t i = 1; i <= 200; i += 3) {
    mux_reset(&side, i);
    mux_reset(&side, 200 + i);
  }
  for (uint32_t id = 1; id <= 400; id++) {
    size_t number = id % 2 ? (id + 1) / 2 : 200 + id / 2;
    take_text(&side, 0, id, "y");
    char expected[32] = "";
    if (side.streams[number]) {
      snprintf(expected, sizeof(expected), "data %zu y, ", number);
    }
    mux_expect_log(&side, expected);
  }
  mux_stop(&side);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_headers_are_written_and_read),
      cmocka_unit_test(test_a_stream_is_announced_by_its_first_data),
      cmocka_unit_test(test_a_listener_numbers_its_streams_evenly),
      cmocka_unit_test(test_a_close_announces_a_stream_too),
      cmocka_unit_test(test_an_empty_write_sends_nothing),
      cmocka_unit_test(test_a_stream_that_was_not_announced_is_reset_in_silence),
      cmocka_unit_test(test_they_open_streams_in_every_form),
      cmocka_unit_test(test_the_first_answer_acknowledges),
      cmocka_unit_test(test_ids_of_the_wrong_side_are_violations),
      cmocka_unit_test(test_stream_zero_takes_no_streams_frames),
      cmocka_unit_test(test_reused_ids_are_violations),
      cmocka_unit_test(test_streams_may_be_opened_out_of_order),
      cmocka_unit_test(test_frames_on_ids_never_opened_are_violations),
      cmocka_unit_test(test_a_bare_end_of_a_stream_never_opened_is_ignored),
      cmocka_unit_test(test_frames_on_ended_streams_are_skipped),
      cmocka_unit_test(test_a_frame_may_fill_the_window_exactly),
      cmocka_unit_test(test_a_frame_over_the_window_is_a_violation),
      cmocka_unit_test(test_credit_comes_back_in_halves),
      cmocka_unit_test(test_no_credit_after_their_close),
      cmocka_unit_test(test_a_larger_receive_window_is_granted_with_the_first_credit),
      cmocka_unit_test(test_a_receive_window_below_256_kib_is_refused),
      cmocka_unit_test(test_writes_keep_to_the_send_window),
      cmocka_unit_test(test_a_closed_side_is_not_told_that_it_may_write),
      cmocka_unit_test(test_data_is_split_into_frames_of_64_kib),
      cmocka_unit_test(test_credit_may_not_overflow),
      cmocka_unit_test(test_a_reset_carries_an_error_code),
      cmocka_unit_test(test_a_reset_with_data_drops_the_data),
      cmocka_unit_test(test_data_behind_their_close_is_ignored),
      cmocka_unit_test(test_a_closed_side_refuses_writes),
      cmocka_unit_test(test_a_stream_may_be_refused_as_it_opens),
      cmocka_unit_test(test_a_stream_may_be_reset_as_its_data_comes),
      cmocka_unit_test(test_a_stream_may_be_reset_in_the_middle_of_a_frame),
      cmocka_unit_test(test_a_stream_may_be_reset_as_its_window_opens),
      cmocka_unit_test(test_calls_on_a_stream_that_is_just_over_do_nothing),
      cmocka_unit_test(test_pings_are_answered),
      cmocka_unit_test(test_the_latest_ping_is_answered_once),
      cmocka_unit_test(test_malformed_frames_are_violations),
      cmocka_unit_test(test_their_go_away_leaves_the_streams),
      cmocka_unit_test(test_after_our_go_away_no_stream_is_opened),
      cmocka_unit_test(test_streams_above_their_cap_are_reset),
      cmocka_unit_test(test_we_keep_to_our_own_cap),
      cmocka_unit_test(test_floods_end_at_the_cap_of_out),
      cmocka_unit_test(test_without_room_nothing_changes),
      cmocka_unit_test(test_a_reset_that_finds_no_room_ends_the_stream_all_the_same),
      cmocka_unit_test(test_many_streams_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
