/* Which ids the streams may have, and how they end. */
#include "unit/proto/yamux_side.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ids_of_the_wrong_side_are_violations),
      cmocka_unit_test(test_stream_zero_takes_no_streams_frames),
      cmocka_unit_test(test_reused_ids_are_violations),
      cmocka_unit_test(test_streams_may_be_opened_out_of_order),
      cmocka_unit_test(test_frames_on_ids_never_opened_are_violations),
      cmocka_unit_test(test_a_bare_end_of_a_stream_never_opened_is_ignored),
      cmocka_unit_test(test_frames_on_ended_streams_are_skipped),
      cmocka_unit_test(test_a_reset_carries_an_error_code),
      cmocka_unit_test(test_a_reset_with_data_drops_the_data),
      cmocka_unit_test(test_data_behind_their_close_is_ignored),
      cmocka_unit_test(test_a_closed_side_refuses_writes),
      cmocka_unit_test(test_a_stream_may_be_refused_as_it_opens),
      cmocka_unit_test(test_a_stream_may_be_reset_as_its_data_comes),
      cmocka_unit_test(test_a_stream_may_be_reset_in_the_middle_of_a_frame),
      cmocka_unit_test(test_a_stream_may_be_reset_as_its_window_opens),
      cmocka_unit_test(test_calls_on_a_stream_that_is_just_over_do_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
