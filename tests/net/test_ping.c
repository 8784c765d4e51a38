/* Our pings, and peers that answer them in every way there is. */
#include "scene.h"

#include "proto/ping.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)
#define PING LINE_HEADER LINE_PING

/* Waits for the next frame of ping data on a stream, and keeps its payload. */
static bool take_ping(scene *s, uint32_t *id, uint8_t payload[WPM_PING_SIZE]) {
  wpm_yamux_frame frame;
  wpm_bytes data;
  while (attacker_next_frame(&s->attacker, &frame, &data)) {
    if (data.len >= WPM_PING_SIZE) {
      *id = frame.stream_id;
      memcpy(payload, data.data + data.len - WPM_PING_SIZE, WPM_PING_SIZE);
      return true;
    }
  }
  return false;
}

#define AWAIT_PING(s, id, payload) RUN_UNTIL(&(s)->pair.loop, take_ping((s), (id), (payload)))
#define AWAIT_PONG(s, count) RUN_UNTIL(&(s)->pair.loop, (s)->pair.a.pongs == (count))

static void ping(scene *s, bool keep) {
  assert_int_equal(wpm_conn_ping(s->conn, keep), WPM_OK);
}

static void begin(scene *s) {
  scene_begin(s);
  scene_start(s);
}

static void end(scene *s) {
  assert_int_equal(s->pair.a.closed, 0);
  scene_leave(s);
  scene_end(s);
}

static void a_kept_stream_serves_again(void **state) {
  (void)state;
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  uint32_t first = 0;
  begin(&s);
  scene_attack(&s, true);
  ping(&s, true);
  AWAIT_PING(&s, &first, payload);
  attacker_say(&s.attacker, first, WPM_YAMUX_ACK, TEXT(PING));
  attacker_say(&s.attacker, first, 0, payload, sizeof payload);
  AWAIT_PONG(&s, 1);
  for (size_t i = 2; i < 5; i++) {
    uint32_t id = 0;
    uint8_t next[WPM_PING_SIZE];
    ping(&s, true);
    AWAIT_PING(&s, &id, next);
    assert_int_equal(id, first);
    assert_memory_not_equal(next, payload, sizeof next);
    memcpy(payload, next, sizeof next);
    attacker_say(&s.attacker, id, 0, payload, 16); /* In two pieces. */
    attacker_say(&s.attacker, id, 0, payload + 16, 16);
    AWAIT_PONG(&s, i);
    assert_true(s.pair.a.last_rtt > 0);
  }
  end(&s);
}

/* A stream that served before ends instead of answering: the ping goes once more, on another one, and
 * from then on each has a stream of its own. */
static void the_end_of_a_kept_stream_opens_another(void **state) {
  (void)state;
  static const uint16_t ends[] = {WPM_YAMUX_FIN, WPM_YAMUX_RST};
  for (size_t i = 0; i < 2; i++) {
    for (size_t echoed = 0; echoed <= 10; echoed += 10) {
      scene s;
      uint8_t payload[WPM_PING_SIZE];
      uint32_t first = 0;
      uint32_t second = 0;
      begin(&s);
      scene_attack(&s, i == 0);
      ping(&s, true);
      AWAIT_PING(&s, &first, payload);
      attacker_say(&s.attacker, first, WPM_YAMUX_ACK, TEXT(PING));
      attacker_say(&s.attacker, first, 0, payload, sizeof payload);
      AWAIT_PONG(&s, 1);
      ping(&s, true);
      AWAIT_PING(&s, &second, payload);
      assert_int_equal(second, first);
      attacker_say(&s.attacker, first, 0, payload, echoed);
      attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, ends[i], first, 0);
      AWAIT_PING(&s, &second, payload);
      assert_int_not_equal(second, first);
      attacker_say(&s.attacker, second, WPM_YAMUX_ACK, TEXT(PING));
      attacker_say(&s.attacker, second, 0, payload, sizeof payload);
      AWAIT_PONG(&s, 2);
      assert_true(s.pair.a.last_rtt > 0);
      ping(&s, true);
      AWAIT_PING(&s, &first, payload);
      assert_int_not_equal(second, first);
      /* This one ends as well, but it never served: that it ends shows that they live. */
      attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, first, 0);
      AWAIT_PONG(&s, 3);
      assert_int_equal(s.pair.a.last_rtt, WPM_SPAN_NONE);
      end(&s);
    }
  }
}

static void an_idle_stream_that_they_close_is_not_used_again(void **state) {
  (void)state;
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  uint32_t first = 0;
  uint32_t second = 0;
  begin(&s);
  scene_attack(&s, true);
  ping(&s, true);
  AWAIT_PING(&s, &first, payload);
  attacker_say(&s.attacker, first, WPM_YAMUX_ACK, TEXT(PING));
  attacker_say(&s.attacker, first, 0, payload, sizeof payload);
  AWAIT_PONG(&s, 1);
  attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, first, 0);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  ping(&s, true);
  AWAIT_PING(&s, &second, payload);
  assert_int_not_equal(first, second);
  attacker_say(&s.attacker, second, WPM_YAMUX_ACK, TEXT(PING));
  attacker_say(&s.attacker, second, 0, payload, sizeof payload);
  AWAIT_PONG(&s, 2);
  assert_true(s.pair.a.last_rtt > 0);
  end(&s);
}

static void a_kept_stream_that_is_not_used_is_closed(void **state) {
  (void)state;
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  uint32_t id = 0;
  begin(&s);
  assert_int_equal(s.pair.a.host->idle_pings.length_ms, WPM_PING_STREAM_KEPT / WPM_MILLISECOND);
  s.pair.a.host->idle_pings.length_ms = 30;
  scene_attack(&s, true);
  ping(&s, true);
  AWAIT_PING(&s, &id, payload);
  attacker_say(&s.attacker, id, WPM_YAMUX_ACK, TEXT(PING));
  attacker_say(&s.attacker, id, 0, payload, sizeof payload);
  AWAIT_PONG(&s, 1);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  RUN_UNTIL(&s.pair.loop,
            attacker_count_frames(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST) == 1);
  assert_int_equal(s.pair.a.pongs, 1);
  end(&s);
}

static void who_refuses_ping_is_pinged_by_the_muxer(void **state) {
  (void)state;
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  uint32_t id = 0;
  begin(&s);
  scene_attack(&s, true);
  ping(&s, false);
  AWAIT_PING(&s, &id, payload);
  attacker_say(&s.attacker, id, WPM_YAMUX_ACK, TEXT(LINE_HEADER LINE_REFUSAL));
  AWAIT_PONG(&s, 1);
  assert_int_equal(s.pair.a.last_rtt, WPM_SPAN_NONE);
  for (size_t i = 2; i < 5; i++) {
    wpm_yamux_frame frame = {.type = UINT8_MAX};
    wpm_bytes data;
    ping(&s, true);
    RUN_UNTIL(&s.pair.loop,
              attacker_next_frame(&s.attacker, &frame, &data) && frame.type == WPM_YAMUX_PING);
    assert_int_equal(frame.flags, WPM_YAMUX_SYN);
    /* An answer to another ping says nothing. */
    attacker_signal(&s.attacker, WPM_YAMUX_PING, WPM_YAMUX_ACK, 0, frame.length + 1);
    attacker_signal(&s.attacker, WPM_YAMUX_PING, WPM_YAMUX_ACK, 0, frame.length);
    AWAIT_PONG(&s, i);
    assert_true(s.pair.a.last_rtt > 0);
  }
  end(&s);
}

/* mplex has no ping of its own: the refusal goes on to be the answer. */
static void on_mplex_the_refusal_is_the_answer(void **state) {
  (void)state;
  scene s;
  begin(&s);
  scene_attack_with(&s, true, &mplex_id);
  for (uint8_t i = 0; i < 3; i++) {
    /* A message of the receiver's, flag 1, on our stream `i`: 24 bytes. */
    static const char refusal[] = LINE_HEADER LINE_REFUSAL;
    uint8_t message[2 + sizeof refusal - 1] = {(uint8_t)(i << 3 | 1), sizeof refusal - 1};
    memcpy(message + 2, refusal, sizeof refusal - 1);
    ping(&s, false);
    RUN_UNTIL(&s.pair.loop, attacker_count(&s.attacker, LINE_PING) == (size_t)i + 1);
    attacker_send_sealed(&s.attacker, message, sizeof message, SIZE_MAX);
    AWAIT_PONG(&s, (size_t)i + 1);
    assert_int_equal(s.pair.a.last_rtt, WPM_SPAN_NONE);
  }
  end(&s);
}

static void a_wrong_echo_shows_life_and_no_more(void **state) {
  (void)state;
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  uint32_t id = 0;
  begin(&s);
  scene_attack(&s, false);
  ping(&s, true);
  AWAIT_PING(&s, &id, payload);
  payload[31] ^= 1;
  attacker_say(&s.attacker, id, WPM_YAMUX_ACK, TEXT(PING));
  attacker_say(&s.attacker, id, 0, payload, sizeof payload);
  AWAIT_PONG(&s, 1);
  assert_int_equal(s.pair.a.last_rtt, WPM_SPAN_NONE);
  assert_int_equal(wpm_conn_stream_count(s.conn), 0);
  end(&s);
}

/* Nobody answers: nothing is told, and the next ping takes the place of the one before. */
static void the_next_ping_replaces_one_unanswered(void **state) {
  (void)state;
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  uint32_t first = 0;
  uint32_t second = 0;
  begin(&s);
  scene_attack(&s, true);
  ping(&s, false);
  AWAIT_PING(&s, &first, payload);
  attacker_say(&s.attacker, first, WPM_YAMUX_ACK, TEXT(PING)); /* Agreed, and silent. */
  RUN_UNTIL(&s.pair.loop, s.conn->streams->agreed);
  ping(&s, false);
  assert_int_equal(wpm_conn_stream_count(s.conn), 1);
  uint8_t next[WPM_PING_SIZE];
  AWAIT_PING(&s, &second, next);
  attacker_say(&s.attacker, first, 0, payload, sizeof payload); /* Too late. */
  attacker_say(&s.attacker, second, WPM_YAMUX_ACK, TEXT(PING));
  attacker_say(&s.attacker, second, 0, next, sizeof next);
  AWAIT_PONG(&s, 1);
  assert_true(s.pair.a.last_rtt > 0);
  /* One who does not even negotiate: the stream's time-out ends it, and tells nothing. */
  ping(&s, false);
  hurry_streams(s.pair.a.host, 50);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  assert_int_equal(s.pair.a.pongs, 1);
  end(&s);
}

/* A peer that answers, but never ends its side of any ping stream, uses up none of ours. */
static void half_closed_ping_streams_end(void **state) {
  (void)state;
  enum { PINGS = 20 };
  scene s;
  uint8_t payload[WPM_PING_SIZE];
  begin(&s);
  scene_attack(&s, true);
  for (size_t i = 1; i <= PINGS; i++) {
    uint32_t id = 0;
    ping(&s, false);
    AWAIT_PING(&s, &id, payload);
    attacker_say(&s.attacker, id, WPM_YAMUX_ACK, TEXT(PING));
    attacker_say(&s.attacker, id, 0, payload, sizeof payload);
    AWAIT_PONG(&s, i);
  }
  assert_int_equal(wpm_conn_stream_count(s.conn), PINGS);
  hurry_streams(s.pair.a.host, 50);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  assert_int_equal(s.pair.a.pongs, PINGS);
  end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_kept_stream_serves_again),
      cmocka_unit_test(the_end_of_a_kept_stream_opens_another),
      cmocka_unit_test(an_idle_stream_that_they_close_is_not_used_again),
      cmocka_unit_test(a_kept_stream_that_is_not_used_is_closed),
      cmocka_unit_test(who_refuses_ping_is_pinged_by_the_muxer),
      cmocka_unit_test(on_mplex_the_refusal_is_the_answer),
      cmocka_unit_test(a_wrong_echo_shows_life_and_no_more),
      cmocka_unit_test(the_next_ping_replaces_one_unanswered),
      cmocka_unit_test(half_closed_ping_streams_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
