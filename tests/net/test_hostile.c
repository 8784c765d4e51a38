/* Peers that misbehave once the connection is up: it alone ends, with the right reason, and what it
 * costs us is bounded. */
#include "scene.h"

#include "base/varint.h"

/* ---- how connections end --------------------------------------------------------------------- */

/* A yamux data frame for stream 1 or 2 with 5 bytes of data, of which nothing is opened. */
static void send_part_of_frame(attacker *a, size_t part) {
  wpm_yamux_frame frame = {
      .type = WPM_YAMUX_DATA, .flags = WPM_YAMUX_SYN, .stream_id = a->dialler ? 1 : 2, .length = 5};
  attacker_send_frame(a, frame, "\x13/mul", 5, part);
}

static void close_or_reset(attacker *a, bool reset) {
  if (reset) {
    attacker_reset(a);
  } else {
    attacker_close(a);
  }
}

static void an_end_inside_a_frame_is_a_loss(void **state) {
  (void)state;
  static const size_t parts[] = {1, 11, WPM_YAMUX_HEADER, WPM_YAMUX_HEADER + 4};
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (unsigned reset = 0; reset < 2; reset++) {
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
      scene_attack(&s, i % 2);
      send_part_of_frame(&s.attacker, parts[i]);
      close_or_reset(&s.attacker, reset);
      scene_ends_with(&s, WPM_REASON_TRUNCATED);
      scene_leave(&s);
    }
  }
  scene_end(&s);
}

static void an_end_inside_a_noise_message_is_a_loss(void **state) {
  (void)state;
  static const uint8_t ping[WPM_YAMUX_HEADER] = {0, WPM_YAMUX_PING, 0, WPM_YAMUX_SYN};
  static const size_t parts[] = {1, 2, 3, sizeof ping + WPM_AEAD_TAG + 1};
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (unsigned reset = 0; reset < 2; reset++) {
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
      scene_attack(&s, i % 2);
      attacker_send_sealed(&s.attacker, ping, sizeof ping, parts[i]);
      close_or_reset(&s.attacker, reset);
      scene_ends_with(&s, WPM_REASON_TRUNCATED);
      scene_leave(&s);
    }
  }
  scene_end(&s);
}

static void an_end_inside_an_mplex_message_is_a_loss(void **state) {
  (void)state;
  /* Of: new stream 128 (header 0x80 0x08), name of 2 bytes. */
  static const uint8_t message[] = {0x80, 0x08, 0x02, 'h', 'i'};
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (size_t part = 1; part < sizeof message; part++) {
    scene_attack_with(&s, part % 2, &mplex_id);
    attacker_send_sealed(&s.attacker, message, part, SIZE_MAX);
    close_or_reset(&s.attacker, part > 2);
    scene_ends_with(&s, WPM_REASON_TRUNCATED);
    scene_leave(&s);
  }
  scene_attack_with(&s, true, &mplex_id);
  assert_string_equal(wpm_conn_muxer(s.conn), "/mplex/6.7.0");
  attacker_send_sealed(&s.attacker, message, sizeof message, SIZE_MAX);
  attacker_reset(&s.attacker);
  scene_ends_with(&s, WPM_REASON_RESET);
  scene_leave(&s);
  scene_end(&s);
}

static void an_end_between_frames_is_on_purpose(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (unsigned dials = 0; dials < 2; dials++) {
    scene_attack(&s, dials);
    attacker_close(&s.attacker);
    scene_ends_with(&s, WPM_REASON_EOF);
    scene_leave(&s);
    scene_attack(&s, dials);
    attacker_reset(&s.attacker);
    scene_ends_with(&s, WPM_REASON_RESET);
    scene_leave(&s);
    scene_attack(&s, dials);
    attacker_signal(&s.attacker, WPM_YAMUX_PING, WPM_YAMUX_SYN, 0, 7);
    attacker_close(&s.attacker);
    scene_ends_with(&s, WPM_REASON_EOF);
    scene_leave(&s);
  }
  scene_end(&s);
}

static void a_goodbye_counts_whatever_tcp_does_after(void **state) {
  (void)state;
  static const struct {
    uint32_t code;
    wpm_reason reason;
  } goodbyes[] = {{0, WPM_REASON_GO_AWAY},
                  {1, WPM_REASON_GO_AWAY_ERROR},
                  {2, WPM_REASON_GO_AWAY_ERROR},
                  {3, WPM_REASON_GO_AWAY},
                  {4101, WPM_REASON_GO_AWAY}};
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (size_t i = 0; i < sizeof goodbyes / sizeof *goodbyes; i++) {
    for (unsigned after = 0; after < 4; after++) {
      scene_attack(&s, i % 2);
      attacker_signal(&s.attacker, WPM_YAMUX_GO_AWAY, 0, 0, goodbyes[i].code);
      if (after == 1) {
        attacker_close(&s.attacker);
      } else if (after == 2) {
        attacker_reset(&s.attacker);
      } else if (after == 3) {
        attacker_send(&s.attacker, "\xff\xff\xff", 3); /* And mid-message. */
        attacker_reset(&s.attacker);
      }
      scene_ends_with(&s, goodbyes[i].reason);
      scene_leave(&s);
    }
  }
  scene_end(&s);
}

static void a_failed_write_decides_nothing(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  /* The attacker's last words and its reset are there before we look; we write first. */
  scene_attack(&s, true);
  attacker_signal(&s.attacker, WPM_YAMUX_GO_AWAY, 0, 0, 1);
  attacker_reset(&s.attacker);
  assert_int_equal(wpm_conn_ping(s.conn, false), WPM_OK);
  assert_int_equal(wpm_conn_identify(s.conn), WPM_OK);
  scene_ends_with(&s, WPM_REASON_GO_AWAY_ERROR);
  scene_leave(&s);

  scene_attack(&s, true);
  send_part_of_frame(&s.attacker, 5);
  attacker_reset(&s.attacker);
  assert_int_equal(wpm_conn_ping(s.conn, false), WPM_OK);
  scene_ends_with(&s, WPM_REASON_TRUNCATED);
  scene_leave(&s);

  /* The failed write takes the socket's error with it: reading alone would see a plain end. */
  scene_attack(&s, true);
  attacker_reset(&s.attacker);
  assert_int_equal(wpm_conn_ping(s.conn, false), WPM_OK);
  scene_ends_with(&s, WPM_REASON_RESET);
  scene_leave(&s);
  scene_end(&s);
}

/* ---- broken frames --------------------------------------------------------------------------- */

static void broken_messages_are_violations(void **state) {
  (void)state;
  static const wpm_yamux_frame frames[] = {
      {.type = WPM_YAMUX_DATA, .flags = WPM_YAMUX_SYN, .stream_id = 1, .length = 1U << 30},
      {.type = WPM_YAMUX_DATA, .stream_id = 7, .length = 0},
      {.version = 1, .type = WPM_YAMUX_PING, .flags = WPM_YAMUX_SYN},
      {.type = 9},
      {.type = WPM_YAMUX_WINDOW_UPDATE, .flags = WPM_YAMUX_SYN, .stream_id = 2},
  };
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    scene_attack(&s, true);
    attacker_send_frame(&s.attacker, frames[i], NULL, 0, SIZE_MAX);
    scene_ends_with(&s, WPM_REASON_PROTOCOL_VIOLATION);
    /* It is told why, although it is told no more. */
    RUN_UNTIL(&s.pair.loop, s.attacker.ended != 0);
    wpm_yamux_frame frame;
    wpm_bytes data;
    assert_true(attacker_next_frame(&s.attacker, &frame, &data));
    assert_int_equal(frame.type, WPM_YAMUX_GO_AWAY);
    assert_int_equal(frame.length, WPM_GO_AWAY_PROTOCOL_ERROR);
    assert_int_equal(s.attacker.ended, UV_EOF);
    scene_leave(&s);
  }
  /* mplex: a message of 1 GiB. */
  static const uint8_t message[] = {0x00, 0x80, 0x80, 0x80, 0x80, 0x04};
  scene_attack_with(&s, true, &mplex_id);
  attacker_send_sealed(&s.attacker, message, sizeof message, SIZE_MAX);
  scene_ends_with(&s, WPM_REASON_PROTOCOL_VIOLATION);
  scene_leave(&s);
  /* A message that does not verify. */
  scene_attack(&s, false);
  attacker_send(&s.attacker, "\x00\x20xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 34);
  scene_ends_with(&s, WPM_REASON_PROTOCOL_VIOLATION);
  scene_leave(&s);
  scene_end(&s);
}

/* The longest Noise message is legal, and costs its length while it is not whole. */
static void a_long_message_that_never_ends_costs_its_length(void **state) {
  (void)state;
  static uint8_t bytes[65536];
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  size_t allocated = scene_memory(&s);
  memset(bytes, 0xff, sizeof bytes);
  attacker_send(&s.attacker, bytes, sizeof bytes);
  size_t received = wpm_host_get_counters(s.pair.a.host).bytes_received + sizeof bytes;
  RUN_UNTIL(&s.pair.loop, wpm_host_get_counters(s.pair.a.host).bytes_received == received);
  assert_true(scene_memory(&s) - allocated < 256 * KIB);
  attacker_close(&s.attacker);
  scene_ends_with(&s, WPM_REASON_TRUNCATED);
  scene_leave(&s);
  scene_end(&s);
}

/* ---- too much of something ------------------------------------------------------------------- */

#define STREAMS 10000

static void ten_thousand_streams_are_capped(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  size_t cap = s.pair.a.config.max_inbound_streams;
  size_t allocated = scene_memory(&s);
  for (uint32_t i = 0; i < STREAMS; i++) {
    attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_SYN, 2 * i + 1, 0);
  }
  size_t resets = 0;
  size_t peak = 0;
  RUN_UNTIL(&s.pair.loop, (peak = larger(peak, scene_memory(&s)),
                           resets += attacker_count_frames(&s.attacker, WPM_YAMUX_WINDOW_UPDATE,
                                                           WPM_YAMUX_RST)) == STREAMS - cap);
  assert_int_equal(wpm_conn_stream_count(s.conn), cap);
  assert_true(peak - allocated < 512 * KIB);
  pair_ping(&s.pair);
  /* None of them is ever used: they end by the streams' time-out, the connection does not. */
  hurry_streams(s.pair.a.host, 50);
  RUN_UNTIL(&s.pair.loop, (resets += attacker_count_frames(&s.attacker, WPM_YAMUX_WINDOW_UPDATE,
                                                           WPM_YAMUX_RST)) == STREAMS);
  assert_int_equal(wpm_conn_stream_count(s.conn), 0);
  assert_int_equal(s.pair.a.closed, 0);
  scene_leave(&s);
  scene_end(&s);
}

static void ten_thousand_mplex_streams_are_capped(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack_with(&s, true, &mplex_id);
  size_t cap = s.pair.a.config.max_inbound_streams;
  uint64_t received = wpm_host_get_counters(s.pair.a.host).bytes_received;
  static uint8_t messages[STREAMS * (WPM_VARINT_MAX + 1)];
  size_t len = 0;
  for (uint64_t i = 0; i < STREAMS; i++) {
    len += wpm_varint_write(i << 3, messages + len);
    messages[len++] = 0;
  }
  for (size_t done = 0; done < len; done += WPM_NOISE_PLAIN_MAX) {
    size_t part = len - done < WPM_NOISE_PLAIN_MAX ? len - done : WPM_NOISE_PLAIN_MAX;
    attacker_send_sealed(&s.attacker, messages + done, part, SIZE_MAX);
  }
  RUN_UNTIL(&s.pair.loop, wpm_host_get_counters(s.pair.a.host).bytes_received >= received + len);
  assert_int_equal(wpm_conn_stream_count(s.conn), cap);
  assert_int_equal(s.pair.a.closed, 0);
  scene_leave(&s);
  scene_end(&s);
}

#define PINGS 1000

/* Sends that many muxer pings. */
static void send_pings(attacker *a) {
  static uint8_t frames[PINGS * WPM_YAMUX_HEADER];
  for (size_t i = 0; i < PINGS; i++) {
    wpm_yamux_encode((wpm_yamux_frame){.type = WPM_YAMUX_PING, .flags = WPM_YAMUX_SYN},
                     frames + i * WPM_YAMUX_HEADER);
  }
  attacker_send_sealed(a, frames, sizeof frames, SIZE_MAX);
}

/* Sends pings as long as its own queue is short. */
static void flood_with_pings(attacker *a) {
  while (a->ended == 0 && attacker_unsent(a) < 64 * KIB) {
    send_pings(a);
  }
}

static void who_never_reads_is_left(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  s.pair.a.config.max_unsent = 256 * KIB;
  scene_start(&s);
  scene_attack(&s, true);
  attacker_stop_reading(&s.attacker);
  size_t allocated = scene_memory(&s);
  size_t peak = 0;
  RUN_UNTIL(&s.pair.loop, (flood_with_pings(&s.attacker), peak = larger(peak, scene_memory(&s)),
                           s.pair.a.closed) == 1);
  assert_int_equal(s.pair.a.last_end.reason, WPM_REASON_PROTOCOL_VIOLATION);
  assert_string_equal(s.pair.a.detail, "it does not read what we send");
  /* What waits for it, what is being written, and the host's scratch. */
  assert_true(peak - allocated < 5 * 256 * KIB);
  scene_leave(&s);
  scene_end(&s);
}

/* One who reads may send as many pings as it likes. */
static void a_flood_of_pings_is_answered(void **state) {
  (void)state;
  enum { ROUNDS = 20 };
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  for (size_t i = 0; i < ROUNDS; i++) {
    send_pings(&s.attacker);
  }
  size_t answers = 0;
  RUN_UNTIL(&s.pair.loop, (answers += attacker_count_frames(&s.attacker, WPM_YAMUX_PING,
                                                            WPM_YAMUX_ACK)) == ROUNDS * PINGS);
  assert_int_equal(s.pair.a.closed, 0);
  scene_leave(&s);
  scene_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_end_inside_a_frame_is_a_loss),
      cmocka_unit_test(an_end_inside_a_noise_message_is_a_loss),
      cmocka_unit_test(an_end_inside_an_mplex_message_is_a_loss),
      cmocka_unit_test(an_end_between_frames_is_on_purpose),
      cmocka_unit_test(a_goodbye_counts_whatever_tcp_does_after),
      cmocka_unit_test(a_failed_write_decides_nothing),
      cmocka_unit_test(broken_messages_are_violations),
      cmocka_unit_test(a_long_message_that_never_ends_costs_its_length),
      cmocka_unit_test(ten_thousand_streams_are_capped),
      cmocka_unit_test(ten_thousand_mplex_streams_are_capped),
      cmocka_unit_test(who_never_reads_is_left),
      cmocka_unit_test(a_flood_of_pings_is_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
