/* Frames, how streams are opened, and the connection as a whole. */
#include "unit/proto/yamux_side.h"

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
      cmocka_unit_test(test_pings_are_answered),
      cmocka_unit_test(test_the_latest_ping_is_answered_once),
      cmocka_unit_test(test_malformed_frames_are_violations),
      cmocka_unit_test(test_their_go_away_leaves_the_streams),
      cmocka_unit_test(test_after_our_go_away_no_stream_is_opened),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
