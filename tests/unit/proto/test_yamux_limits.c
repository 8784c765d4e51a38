/* Windows of the streams, and the caps on streams and on what waits to be sent. */
#include "unit/proto/yamux_side.h"

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
      cmocka_unit_test(test_streams_above_their_cap_are_reset),
      cmocka_unit_test(test_we_keep_to_our_own_cap),
      cmocka_unit_test(test_floods_end_at_the_cap_of_out),
      cmocka_unit_test(test_without_room_nothing_changes),
      cmocka_unit_test(test_a_reset_that_finds_no_room_ends_the_stream_all_the_same),
      cmocka_unit_test(test_many_streams_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
