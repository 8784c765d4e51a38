#include "unit/proto/mux_side.h"

#include "base/varint.h"
#include "proto/mplex.h"

#define NEW WPM_MPLEX_NEW_STREAM
#define MESSAGE_R WPM_MPLEX_MESSAGE_RECEIVER
#define MESSAGE_I WPM_MPLEX_MESSAGE_INITIATOR
#define CLOSE_R WPM_MPLEX_CLOSE_RECEIVER
#define CLOSE_I WPM_MPLEX_CLOSE_INITIATOR
#define RESET_R WPM_MPLEX_RESET_RECEIVER
#define RESET_I WPM_MPLEX_RESET_INITIATOR

#define HIGHEST_ID ((UINT64_C(1) << 60) - 1)

static uint8_t zeros[WPM_MPLEX_MESSAGE_MAX + 1];

/* Gives the side a message's header and length, without data. */
static int feed(mux_side *side, uint64_t id, unsigned flag, uint64_t length) {
  uint8_t bytes[2 * WPM_VARINT_MAX];
  size_t len = wpm_varint_write(id << 3 | flag, bytes);
  len += wpm_varint_write(length, bytes + len);
  return wpm_muxer_input(side->muxer, (wpm_bytes){bytes, len});
}

static void take(mux_side *side, uint64_t id, unsigned flag, const char *text) {
  assert_int_equal(feed(side, id, flag, strlen(text)), WPM_OK);
  mux_feed(side, text, strlen(text));
}

/* The side must send exactly one message: this one. */
static void expect(mux_side *side, uint64_t id, unsigned flag, const char *text) {
  uint8_t bytes[64];
  size_t len = wpm_varint_write(id << 3 | flag, bytes);
  len += wpm_varint_write(strlen(text), bytes + len);
  memcpy(bytes + len, text, strlen(text));
  mux_expect_sent(side, bytes, len + strlen(text));
}

static void expect_silence(mux_side *side) {
  assert_int_equal(wpm_buffer_size(&side->out), 0);
}

/* The message breaks the protocol; mplex has no way to say so. */
static void violate(mux_side *side, uint64_t id, unsigned flag, uint64_t length) {
  wpm_buffer_clear(&side->out);
  assert_int_equal(feed(side, id, flag, length), WPM_ERR_PROTOCOL);
  expect_silence(side);
  mux_stop(side);
}

static void start_with_stream(mux_side *side) {
  mux_start(side, &wpm_mplex, false);
  take(side, 0, NEW, "");
  mux_expect_log(side, "opened 1, ");
}

/* ---- messages -------------------------------------------------------------------------------- */

/* libp2p/specs mplex, "Message format" and "Flag Values". */
static void test_messages_of_our_stream(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, true);
  mux_open(&side, 1);
  mux_expect_sent(&side, "\x00\x00", 2);
  mux_open(&side, 2);
  mux_expect_sent(&side, "\x08\x00", 2);
  mux_write(&side, 1, "hello");
  mux_expect_sent(&side, "\x02\x05hello", 7);
  mux_write(&side, 2, "hi");
  mux_expect_sent(&side, "\x0a\x02hi", 4);
  assert_false(mux_close(&side, 1));
  mux_expect_sent(&side, "\x04\x00", 2);
  mux_reset(&side, 2);
  mux_expect_sent(&side, "\x0e\x00", 2);
  mux_stop(&side);
}

static void test_messages_of_their_stream(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, true);
  take(&side, 0, NEW, "name");
  take(&side, 1, NEW, "");
  take(&side, 0, MESSAGE_I, "hello");
  mux_expect_log(&side, "opened 1, opened 2, data 1 hello, ");
  mux_write(&side, 1, "a");
  mux_expect_sent(&side,
                  "\x01\x01"
                  "a",
                  3);
  assert_false(mux_close(&side, 1));
  mux_expect_sent(&side, "\x03\x00", 2);
  mux_reset(&side, 2);
  mux_expect_sent(&side, "\x0d\x00", 2);
  mux_stop(&side);
}

/* Both sides number from 0: the flag tells whose stream is meant. */
static void test_equal_ids_of_both_sides_are_two_streams(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, true);
  mux_open(&side, 10);
  take(&side, 0, NEW, "");
  take(&side, 0, MESSAGE_I, "theirs");
  take(&side, 0, MESSAGE_R, "ours");
  take(&side, 0, CLOSE_R, "");
  take(&side, 0, MESSAGE_I, "more");
  take(&side, 0, RESET_I, "");
  mux_expect_log(&side, "opened 1, data 1 theirs, data 10 ours, eof 10, data 1 more, reset 1, ");
  wpm_buffer_clear(&side.out);
  assert_true(mux_close(&side, 10));
  expect(&side, 0, CLOSE_I, "");
  mux_stop(&side);
}

static void test_names_are_skipped(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, false);
  take(&side, 0, NEW, "\x08\x01");
  assert_int_equal(feed(&side, 1, NEW, WPM_MPLEX_MESSAGE_MAX), WPM_OK);
  mux_feed(&side, zeros, WPM_MPLEX_MESSAGE_MAX);
  take(&side, 1, MESSAGE_I, "b");
  mux_expect_log(&side, "opened 1, opened 2, data 2 b, ");
  mux_stop(&side);
}

static void test_ids_go_up_to_60_bits(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, false);
  take(&side, HIGHEST_ID, NEW, "");
  take(&side, HIGHEST_ID - 1, NEW, "");
  take(&side, HIGHEST_ID, MESSAGE_I, "x");
  mux_expect_log(&side, "opened 1, opened 2, data 1 x, ");
  mux_write(&side, 1, "y");
  expect(&side, HIGHEST_ID, MESSAGE_R, "y");
  mux_stop(&side);
}

static void test_data_is_split_into_messages_of_64_kib(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  size_t taken;
  wpm_bytes data = {zeros, WPM_MPLEX_MESSAGE_DATA + 1};
  assert_int_equal(wpm_muxer_write(side.streams[1], data, &taken), WPM_OK);
  assert_int_equal(taken, data.len);
  wpm_bytes sent = wpm_buffer_view(&side.out);
  assert_int_equal(sent.len, 4 + WPM_MPLEX_MESSAGE_DATA + 3);
  assert_memory_equal(sent.data, "\x01\x80\x80\x04", 4);
  assert_memory_equal(sent.data + 4 + WPM_MPLEX_MESSAGE_DATA, "\x01\x01\x00", 3);
  wpm_buffer_clear(&side.out);
  mux_write(&side, 1, "");
  expect_silence(&side);
  mux_stop(&side);
}

static void test_messages_up_to_1_mib_are_taken(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  assert_int_equal(feed(&side, 0, MESSAGE_I, WPM_MPLEX_MESSAGE_MAX), WPM_OK);
  for (size_t done = 0; done < WPM_MPLEX_MESSAGE_MAX; done += 65536) {
    mux_feed(&side, zeros, 65536);
  }
  assert_int_equal(side.received, WPM_MPLEX_MESSAGE_MAX);
  assert_false(wpm_muxer_mid_frame(side.muxer));
  for (unsigned flag = NEW; flag <= RESET_I; flag++) {
    mux_stop(&side);
    start_with_stream(&side);
    mux_open(&side, 2);
    violate(&side, 0, flag, WPM_MPLEX_MESSAGE_MAX + 1);
    start_with_stream(&side);
    violate(&side, 0, flag, UINT64_MAX >> 1);
    mux_start(&side, &wpm_mplex, false);
  }
  mux_stop(&side);
}

static void test_malformed_messages_are_violations(void **state) {
  (void)state;
  const wpm_bytes malformed[] = {
      WPM_BYTES("\x07\x00"),                                 /* No such flag. */
      WPM_BYTES("\x80\x00"),                                 /* A header not minimal. */
      WPM_BYTES("\x00\x80\x00"),                             /* A length not minimal. */
      WPM_BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80"),     /* A header above 63 bits. */
      WPM_BYTES("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff"), /* A length above 63 bits. */
      WPM_BYTES("\x01\x00"),                                 /* A stream that we never opened. */
      WPM_BYTES("\x03\x00"),
      WPM_BYTES("\x05\x00"),
      WPM_BYTES("\x00\x00\x00\x00"), /* Open already. */
  };
  for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
    mux_side side;
    mux_start(&side, &wpm_mplex, false);
    assert_int_equal(wpm_muxer_input(side.muxer, malformed[i]), WPM_ERR_PROTOCOL);
    expect_silence(&side);
    mux_stop(&side);
  }
}

static void test_an_unknown_flag_is_a_violation_on_any_stream(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  mux_open(&side, 2);
  violate(&side, 0, 7, 0);
}

static void test_an_empty_message_leaves_nothing_behind(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  take(&side, 0, MESSAGE_I, "");
  take(&side, 1, NEW, "a name");
  mux_expect_log(&side, "opened 2, ");
  mux_stop(&side);
}

static void test_a_varint_in_pieces_is_the_middle_of_a_frame(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, false);
  const uint8_t message[] = {0x80, 0x80, 0x01, 0x83, 0x01, 'n'};
  for (size_t i = 0; i < sizeof(message); i++) {
    assert_int_equal(wpm_muxer_mid_frame(side.muxer), i > 0);
    mux_feed(&side, message + i, 1);
  }
  mux_feed(&side, zeros, 0x82);
  assert_false(wpm_muxer_mid_frame(side.muxer));
  mux_expect_log(&side, "opened 1, ");
  mux_stop(&side);
}

static void test_messages_on_ended_streams_are_skipped(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  mux_open(&side, 2);
  mux_reset(&side, 1);
  mux_reset(&side, 2);
  wpm_buffer_clear(&side.out);
  for (unsigned flag = MESSAGE_R; flag <= RESET_I; flag++) {
    take(&side, 0, flag, "\x05\x00");
  }
  take(&side, 7, MESSAGE_I, "never opened: cannot be told from one that is over");
  mux_expect_log(&side, "");
  expect_silence(&side);
  mux_stop(&side);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_both_sides_close(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  take(&side, 0, CLOSE_I, "");
  mux_expect_log(&side, "eof 1, ");
  mux_write(&side, 1, "still");
  expect(&side, 0, MESSAGE_R, "still");
  take(&side, 0, MESSAGE_I, "ignored");
  take(&side, 0, CLOSE_I, "");
  mux_expect_log(&side, "");
  assert_true(mux_close(&side, 1));
  expect(&side, 0, CLOSE_R, "");
  take(&side, 1, NEW, "");
  assert_false(mux_close(&side, 2));
  assert_false(mux_close(&side, 2));
  expect(&side, 1, CLOSE_R, "");
  size_t taken = 1;
  assert_int_equal(wpm_muxer_write(side.streams[2], WPM_BYTES("x"), &taken), WPM_ERR_CLOSED);
  assert_int_equal(taken, 0);
  take(&side, 1, MESSAGE_I, "last");
  take(&side, 1, CLOSE_I, "");
  mux_expect_log(&side, "opened 2, data 2 last, eof 2, ended 2, ");
  mux_stop(&side);
}

static void test_they_reset(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  mux_open(&side, 2);
  wpm_buffer_clear(&side.out);
  take(&side, 0, RESET_R, "data of a reset is dropped");
  take(&side, 0, RESET_I, "");
  mux_expect_log(&side, "reset 2, reset 1, ");
  expect_silence(&side);
  mux_stop(&side);
}

static void use_what_ended(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_ENDED) {
    size_t taken;
    wpm_mux_stream *stream = side->streams[number];
    assert_int_equal(wpm_muxer_write(stream, WPM_BYTES("x"), &taken), WPM_ERR_CLOSED);
    assert_int_equal(wpm_muxer_consumed(stream, 1), WPM_OK);
    assert_int_equal(wpm_muxer_close_write(stream), WPM_OK);
    wpm_muxer_reset(stream);
  }
}

/* Inside stream_ended the handle is still good, but nothing is sent any more. */
static void test_calls_on_a_stream_that_is_just_over_do_nothing(void **state) {
  (void)state;
  mux_side side;
  start_with_stream(&side);
  side.react = use_what_ended;
  take(&side, 0, RESET_I, "");
  mux_expect_log(&side, "reset 1, ");
  expect_silence(&side);
  mux_stop(&side);
}

/* ---- caps ------------------------------------------------------------------------------------ */

static void start_with_window(mux_side *side, uint32_t window) {
  wpm_muxer_config config = mux_config(side, false);
  config.receive_window = window;
  assert_int_equal(wpm_mplex.create(&config, &side->muxer), WPM_OK);
  take(side, 0, NEW, "");
  mux_expect_log(side, "opened 1, ");
  side->hold = true;
}

static void test_unread_bytes_above_the_window_reset_the_stream(void **state) {
  (void)state;
  mux_side side;
  start_with_window(&side, 10);
  take(&side, 0, MESSAGE_I, "0123456789");
  take(&side, 0, MESSAGE_I, "");
  mux_expect_log(&side, "data 1 0123456789, ");
  take(&side, 0, MESSAGE_I, "x");
  mux_expect_log(&side, "reset 1, ");
  expect(&side, 0, RESET_R, "");
  take(&side, 0, MESSAGE_I, "ignored");
  take(&side, 1, NEW, "");
  mux_expect_log(&side, "opened 2, ");
  mux_stop(&side);

  start_with_window(&side, 10);
  take(&side, 0, MESSAGE_I, "01234567");
  assert_int_equal(wpm_muxer_consumed(side.streams[1], 3), WPM_OK);
  take(&side, 0, MESSAGE_I, "abcdef");
  mux_expect_log(&side, "data 1 01234567, data 1 abcde, reset 1, ");
  mux_stop(&side);
}

static void consume_at_once(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_DATA) {
    assert_int_equal(wpm_muxer_consumed(side->streams[number], side->received), WPM_OK);
    side->received = 0;
  }
}

/* What is read as it comes never counts as unread, however long the message. */
static void test_a_reader_that_keeps_up_is_not_reset(void **state) {
  (void)state;
  mux_side side;
  start_with_window(&side, 10);
  side.react = consume_at_once;
  take(&side, 0, MESSAGE_I, "a message of more than ten bytes");
  mux_expect_log(&side, "data 1 a message , data 1 of more th, data 1 an ten byt, data 1 es, ");
  mux_stop(&side);
}

static void test_a_receive_window_of_nothing_is_refused(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  config.receive_window = 0;
  assert_int_equal(wpm_mplex.create(&config, &side.muxer), WPM_ERR_INVALID);
}

static void test_streams_above_their_cap_are_reset(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  config.max_inbound_streams = 1;
  config.max_outbound_streams = 1;
  assert_int_equal(wpm_mplex.create(&config, &side.muxer), WPM_OK);
  mux_open(&side, 100);
  wpm_mux_stream *stream;
  assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_FULL);
  wpm_buffer_clear(&side.out);
  take(&side, 0, NEW, "");
  take(&side, 1, NEW, "refused");
  expect(&side, 1, RESET_R, "");
  take(&side, 1, MESSAGE_I, "refused");
  take(&side, 0, RESET_I, "");
  take(&side, 2, NEW, "");
  mux_expect_log(&side, "opened 1, reset 1, opened 2, ");
  expect_silence(&side);
  mux_stop(&side);
}

static void test_floods_end_at_the_cap_of_out(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  wpm_buffer_init(&side.out, 100);
  config.max_inbound_streams = 0;
  assert_int_equal(wpm_mplex.create(&config, &side.muxer), WPM_OK);
  uint64_t id = 0;
  int err;
  do {
    err = feed(&side, id++, NEW, 0);
  } while (err == WPM_OK);
  assert_int_equal(err, WPM_ERR_FULL);
  assert_int_equal(id, 16 + 22 + 1); /* 16 answers of two bytes, 22 of three. */
  assert_int_equal(wpm_buffer_size(&side.out), 98);
  mux_stop(&side);
}

static void test_without_room_nothing_changes(void **state) {
  (void)state;
  mux_side side;
  wpm_muxer_config config = mux_config(&side, false);
  wpm_buffer_init(&side.out, 7);
  assert_int_equal(wpm_mplex.create(&config, &side.muxer), WPM_OK);
  take(&side, 0, NEW, "");
  mux_write(&side, 1, "abcd");
  wpm_mux_stream *stream;
  assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_FULL);
  assert_int_equal(wpm_muxer_close_write(side.streams[1]), WPM_ERR_FULL);
  size_t taken = 1;
  assert_int_equal(wpm_muxer_write(side.streams[1], WPM_BYTES("x"), &taken), WPM_ERR_FULL);
  assert_int_equal(taken, 0);
  expect(&side, 0, MESSAGE_R, "abcd");
  mux_open(&side, 2);
  expect(&side, 0, NEW, ""); /* The id was not spent. */
  assert_false(mux_close(&side, 1));
  expect(&side, 0, CLOSE_R, "");
  mux_write(&side, 2, "01234");
  mux_reset(&side, 2); /* Without a message, but it is over. */
  expect(&side, 0, MESSAGE_I, "01234");
  mux_stop(&side);
}

static void test_there_is_no_ping_and_no_go_away(void **state) {
  (void)state;
  mux_side side;
  mux_start(&side, &wpm_mplex, true);
  assert_int_equal(wpm_muxer_ping(side.muxer, 1), WPM_ERR_UNSUPPORTED);
  assert_int_equal(wpm_muxer_go_away(side.muxer, WPM_GO_AWAY_NORMAL), WPM_OK);
  expect_silence(&side);
  mux_stop(&side);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_messages_of_our_stream),
      cmocka_unit_test(test_messages_of_their_stream),
      cmocka_unit_test(test_equal_ids_of_both_sides_are_two_streams),
      cmocka_unit_test(test_names_are_skipped),
      cmocka_unit_test(test_ids_go_up_to_60_bits),
      cmocka_unit_test(test_data_is_split_into_messages_of_64_kib),
      cmocka_unit_test(test_messages_up_to_1_mib_are_taken),
      cmocka_unit_test(test_malformed_messages_are_violations),
      cmocka_unit_test(test_an_unknown_flag_is_a_violation_on_any_stream),
      cmocka_unit_test(test_an_empty_message_leaves_nothing_behind),
      cmocka_unit_test(test_a_varint_in_pieces_is_the_middle_of_a_frame),
      cmocka_unit_test(test_messages_on_ended_streams_are_skipped),
      cmocka_unit_test(test_both_sides_close),
      cmocka_unit_test(test_they_reset),
      cmocka_unit_test(test_calls_on_a_stream_that_is_just_over_do_nothing),
      cmocka_unit_test(test_unread_bytes_above_the_window_reset_the_stream),
      cmocka_unit_test(test_a_reader_that_keeps_up_is_not_reset),
      cmocka_unit_test(test_a_receive_window_of_nothing_is_refused),
      cmocka_unit_test(test_streams_above_their_cap_are_reset),
      cmocka_unit_test(test_floods_end_at_the_cap_of_out),
      cmocka_unit_test(test_without_room_nothing_changes),
      cmocka_unit_test(test_there_is_no_ping_and_no_go_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
