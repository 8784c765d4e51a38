/* Peers that misbehave on a stream: the stream ends, the connection goes on. */
#include "scene.h"

#include "base/varint.h"
#include "proto/ping.h"

#define BEGIN LINE_HEADER LINE_IDENTIFY
#define TEXT(literal) (literal), (sizeof(literal) - 1)
#define GIBIBYTE "\x80\x80\x80\x80\x04"

/* Host `a` asks the attacker something; *id is the stream it opens. */
#define AWAIT_STREAM(s, text, id)                                                                  \
  RUN_UNTIL(&(s)->pair.loop, attacker_find_stream(&(s)->attacker, (text), (id)))

/* The attacker is told that a stream is over. */
#define AWAIT_RESET(s)                                                                             \
  RUN_UNTIL(&(s)->pair.loop,                                                                       \
            attacker_count_frames(&(s)->attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST) == 1)

/* Nothing of what happened touched the connection, and no stream is left on it. */
static void unharmed(scene *s) {
  assert_int_equal(s->pair.a.closed, 0);
  assert_int_equal(wpm_conn_stream_count(s->conn), 0);
  (void)attacker_count_frames(&s->attacker, WPM_YAMUX_DATA, 0); /* Drops them. */
  assert_int_equal(wpm_conn_ping(s->conn, false), WPM_OK);
  uint32_t id = 0;
  size_t before = s->pair.a.pongs;
  AWAIT_STREAM(s, LINE_PING, &id);
  attacker_say(&s->attacker, id, WPM_YAMUX_ACK, TEXT(LINE_HEADER LINE_REFUSAL));
  RUN_UNTIL(&s->pair.loop, s->pair.a.pongs > before);
}

/* ---- identify -------------------------------------------------------------------------------- */

/* One identify request that is answered with `answer`; it must count as not answered at once. */
static void answer_identify(scene *s, const void *answer, size_t len) {
  uint32_t id = 0;
  size_t before = s->pair.a.unidentified;
  assert_int_equal(wpm_conn_identify(s->conn), WPM_OK);
  assert_int_equal(wpm_conn_identify(s->conn), WPM_OK); /* Under way: nothing more is asked. */
  AWAIT_STREAM(s, LINE_IDENTIFY, &id);
  attacker_say(&s->attacker, id, WPM_YAMUX_ACK, answer, len);
  RUN_UNTIL(&s->pair.loop, s->pair.a.unidentified > before);
  AWAIT_RESET(s);
  assert_int_equal(s->pair.a.unidentified, before + 1);
  assert_int_equal(wpm_conn_stream_count(s->conn), 0);
}

static void bad_identify_answers_are_no_answers(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  answer_identify(&s, TEXT(BEGIN GIBIBYTE));
  answer_identify(&s, TEXT(BEGIN "\x81\x40"));               /* 8193 bytes: one too many. */
  answer_identify(&s, TEXT(BEGIN "\x80\x00"));               /* Not minimal. */
  answer_identify(&s, TEXT(BEGIN "\x02\xff\xff"));           /* Not protobuf. */
  answer_identify(&s, TEXT(BEGIN "\0\0\0\0\0\0\0\0\0\0\0")); /* Eleven parts. */
  answer_identify(&s, TEXT(LINE_HEADER LINE_REFUSAL));
  answer_identify(&s, TEXT(LINE_HEADER LINE_PING)); /* Another protocol than was proposed. */
  answer_identify(&s, TEXT(GIBIBYTE));
  assert_int_equal(s.pair.a.identified, 0);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void identify_that_ends_early_is_no_answer(void **state) {
  (void)state;
  static const uint16_t ends[] = {WPM_YAMUX_FIN, WPM_YAMUX_RST};
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, false);
  for (size_t i = 0; i < 2; i++) {
    for (size_t begun = 0; begun < 2; begun++) {
      uint32_t id = 0;
      size_t before = s.pair.a.unidentified;
      assert_int_equal(wpm_conn_identify(s.conn), WPM_OK);
      AWAIT_STREAM(&s, LINE_IDENTIFY, &id);
      if (begun) {
        attacker_say(&s.attacker, id, WPM_YAMUX_ACK, TEXT(BEGIN "\x10half"));
      }
      attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, ends[i], id, 0);
      RUN_UNTIL(&s.pair.loop, s.pair.a.unidentified > before);
      assert_int_equal(s.pair.a.unidentified, before + 1);
    }
  }
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void identify_that_never_ends_times_out(void **state) {
  (void)state;
  static char message[8192];
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  uint32_t id = 0;
  assert_int_equal(wpm_conn_identify(s.conn), WPM_OK);
  size_t memory = scene_memory(&s);
  AWAIT_STREAM(&s, LINE_IDENTIFY, &id);
  attacker_say(&s.attacker, id, WPM_YAMUX_ACK, TEXT(BEGIN));
  /* Nine parts as long as they may be, of a field that nobody knows, and one that never ends. */
  message[0] = 0x7a;
  wpm_varint_write(sizeof message - 3, (uint8_t *)message + 1);
  for (size_t i = 0; i < 9; i++) {
    attacker_say(&s.attacker, id, 0, "\x80\x40", 2);
    attacker_say(&s.attacker, id, 0, message, sizeof message);
  }
  attacker_say(&s.attacker, id, 0, "\x80\x40", 2);
  size_t peak = memory;
  uint64_t received = wpm_host_get_counters(s.pair.a.host).bytes_received;
  RUN_UNTIL(&s.pair.loop,
            (peak = larger(peak, scene_memory(&s)),
             wpm_host_get_counters(s.pair.a.host).bytes_received - received) > 9 * sizeof message);
  assert_int_equal(s.pair.a.unidentified, 0);
  hurry_streams(s.pair.a.host, 50);
  RUN_UNTIL(&s.pair.loop, (peak = larger(peak, scene_memory(&s)), s.pair.a.unidentified == 1));
  assert_true(peak - memory < 512 * KIB);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void two_pushes_are_read_at_once(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker *a = &s.attacker;
  for (uint32_t i = 0; i < 3; i++) {
    attacker_say(a, 2 * i + 1, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PUSH));
  }
  AWAIT_RESET(&s);
  assert_int_equal(wpm_conn_stream_count(s.conn), 2);
  /* The first says our agent's name, the second nothing at all. */
  attacker_say(a, 1, 0, TEXT("\x07\x32\x05pushy"));
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 1, 0);
  RUN_UNTIL(&s.pair.loop, s.pair.a.pushed == 1);
  assert_string_equal(s.pair.a.agent, "pushy");
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, 3, 0);
  attacker_say(a, 7, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PUSH));
  attacker_say(a, 9, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PUSH));
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 7, 0);
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 9, 0);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  assert_int_equal(s.pair.a.pushed, 1);
  assert_int_equal(s.conn->push_readers, 0);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

/* ---- metadata -------------------------------------------------------------------------------- */

static void answer_metadata(scene *s, const void *answer, size_t len) {
  uint32_t id = 0;
  size_t before = s->pair.a.no_metadata;
  assert_int_equal(wpm_conn_request_metadata(s->conn), WPM_OK);
  AWAIT_STREAM(s, LINE_METADATA, &id);
  attacker_say(&s->attacker, id, WPM_YAMUX_ACK, answer, len);
  RUN_UNTIL(&s->pair.loop, s->pair.a.no_metadata > before);
  AWAIT_RESET(s);
  assert_int_equal(s->pair.a.no_metadata, before + 1);
}

#define METADATA LINE_HEADER LINE_METADATA

static void bad_metadata_answers_are_no_answers(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, false);
  answer_metadata(&s, TEXT(METADATA GIBIBYTE));
  answer_metadata(&s, TEXT(METADATA "\x81\x08")); /* 1025 bytes. */
  answer_metadata(&s, TEXT(METADATA "\x02\xff\xff"));
  answer_metadata(&s, TEXT(LINE_HEADER LINE_REFUSAL));
  assert_int_equal(s.pair.a.metadata, 0);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void metadata_is_read_in_pieces_and_needs_no_end(void **state) {
  (void)state;
  static const char answer[] = METADATA "\x02\x08\x10";
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, false);
  uint32_t id = 0;
  assert_int_equal(wpm_conn_request_metadata(s.conn), WPM_OK);
  AWAIT_STREAM(&s, LINE_METADATA, &id);
  for (size_t i = 0; i < sizeof answer - 1; i++) {
    attacker_say(&s.attacker, id, i == 0 ? WPM_YAMUX_ACK : 0, answer + i, 1);
  }
  RUN_UNTIL(&s.pair.loop, s.pair.a.metadata == 1);
  assert_int_equal(s.pair.a.last_metadata.cluster_id, 16);
  /* They never end their side: the stream's time-out does. Nothing more is told. */
  hurry_streams(s.pair.a.host, 50);
  AWAIT_RESET(&s);
  assert_int_equal(s.pair.a.no_metadata, 0);
  /* One who does not answer at all. */
  assert_int_equal(wpm_conn_request_metadata(s.conn), WPM_OK);
  hurry_streams(s.pair.a.host, 50);
  RUN_UNTIL(&s.pair.loop, s.pair.a.no_metadata == 1);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void metadata_requests_are_bounded(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker *a = &s.attacker;
  attacker_say(a, 1, WPM_YAMUX_SYN, TEXT(METADATA GIBIBYTE));
  AWAIT_RESET(&s);
  attacker_say(a, 3, WPM_YAMUX_SYN, TEXT(METADATA "\x81\x08"));
  AWAIT_RESET(&s);
  assert_int_equal(s.pair.a.metadata, 0);
  /* A request without a message is answered all the same: cluster 1. */
  attacker_say(a, 5, WPM_YAMUX_SYN, TEXT(METADATA));
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 5, 0);
  RUN_UNTIL(&s.pair.loop, attacker_count(a, "\x02\x08\x01") == 1);
  assert_int_equal(s.pair.a.metadata, 0);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

/* ---- negotiation ----------------------------------------------------------------------------- */

static void streams_that_do_not_negotiate_end(void **state) {
  (void)state;
  static char many[WPM_MULTISTREAM_PROPOSALS + 1][6];
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker *a = &s.attacker;
  attacker_say(a, 1, WPM_YAMUX_SYN, TEXT(GIBIBYTE));
  AWAIT_RESET(&s);
  attacker_say(a, 3, WPM_YAMUX_SYN,
               TEXT(LINE_HEADER "\x05"
                                "abcd-"));
  AWAIT_RESET(&s);
  attacker_say(a, 5, WPM_YAMUX_SYN, TEXT(LINE_PING));
  AWAIT_RESET(&s);
  /* An end before anything is agreed on. */
  attacker_say(a, 7, WPM_YAMUX_SYN, TEXT(LINE_HEADER));
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 7, 0);
  AWAIT_RESET(&s);
  /* Proposals without end. */
  for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
    memcpy(many[i], "\x05what\n", sizeof many[i]);
  }
  attacker_say(a, 9, WPM_YAMUX_SYN, TEXT(LINE_HEADER));
  attacker_say(a, 9, 0, many, sizeof many);
  AWAIT_RESET(&s);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

/* The negotiation, the request and its end in as many pieces as there are bytes. */
static void negotiation_in_pieces_is_understood(void **state) {
  (void)state;
  static const char request[] = LINE_HEADER "\x07/other\n"
                                            "\x03ls\n" LINE_METADATA "\x02\x08\x01";
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  for (size_t i = 0; i < sizeof request - 1; i++) {
    attacker_say(&s.attacker, 1, i == 0 ? WPM_YAMUX_SYN : 0, request + i, 1);
  }
  RUN_UNTIL(&s.pair.loop, s.pair.a.metadata == 1);
  RUN_UNTIL(&s.pair.loop, attacker_count(&s.attacker, "\x02\x08\x01") == 1);
  assert_int_equal(attacker_count(&s.attacker, LINE_REFUSAL), 1);
  assert_int_equal(attacker_count(&s.attacker, LINE_METADATA), 2); /* Listed, and agreed on. */
  attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 1, 0);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

/* ---- data ------------------------------------------------------------------------------------ */

static void a_flood_on_a_stream_that_is_not_read_costs_nothing(void **state) {
  (void)state;
  enum { CHUNK = 65536, CHUNKS = 64 };
  static uint8_t chunk[CHUNK];
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker_say(&s.attacker, 1, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_IDENTIFY));
  size_t memory = scene_memory(&s);
  size_t peak = memory;
  for (size_t i = 0; i < CHUNKS; i++) {
    attacker_say(&s.attacker, 1, 0, chunk, sizeof chunk);
    RUN_UNTIL(&s.pair.loop,
              (peak = larger(peak, scene_memory(&s)), attacker_unsent(&s.attacker)) == 0);
  }
  hurry_streams(s.pair.a.host, 50);
  AWAIT_RESET(&s); /* By the exchange's time-out. */
  assert_true(peak - memory < 512 * KIB);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void echoes_that_are_not_read_end_their_stream(void **state) {
  (void)state;
  static uint8_t chunk[65536];
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker_say(&s.attacker, 1, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PING));
  size_t memory = scene_memory(&s);
  size_t peak = memory;
  for (size_t i = 0; i < 5; i++) { /* The window is four of them. */
    attacker_say(&s.attacker, 1, 0, chunk, sizeof chunk);
  }
  size_t resets = 0;
  RUN_UNTIL(&s.pair.loop, (peak = larger(peak, scene_memory(&s)),
                           resets += attacker_count_frames(&s.attacker, WPM_YAMUX_WINDOW_UPDATE,
                                                           WPM_YAMUX_RST)) == 1);
  assert_true(peak - memory < 2048 * KIB);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

static void two_ping_streams_are_served(void **state) {
  (void)state;
  static const uint8_t payload[WPM_PING_SIZE] = "0123456789abcdef0123456789abcde";
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker *a = &s.attacker;
  for (uint32_t i = 0; i < 3; i++) {
    attacker_say(a, 2 * i + 1, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PING));
  }
  AWAIT_RESET(&s);
  attacker_say(a, 1, 0, payload, sizeof payload);
  attacker_say(a, 3, 0, payload, sizeof payload);
  RUN_UNTIL(&s.pair.loop, attacker_count(a, (const char *)payload) == 2);
  assert_int_equal(wpm_host_get_counters(s.pair.a.host).pings_received, 2);
  /* One that ends makes room for the next. */
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, 1, 0);
  attacker_say(a, 7, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PING));
  attacker_say(a, 7, 0, payload, sizeof payload);
  RUN_UNTIL(&s.pair.loop, attacker_count(a, (const char *)payload) == 3);
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, 3, 0);
  attacker_signal(a, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, 7, 0);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 0);
  assert_int_equal(s.conn->ping_responders, 0);
  unharmed(&s);
  scene_leave(&s);
  scene_end(&s);
}

/* ---- counting -------------------------------------------------------------------------------- */

typedef struct stream_counts {
  size_t pings_in, identify_out, others;
} stream_counts;

static void count_stream(void *user, wpm_text protocol, wpm_direction direction, size_t count) {
  stream_counts *counts = user;
  if (direction == WPM_INBOUND && wpm_text_equal(protocol, WPM_TEXT(WPM_PING_PROTOCOL_ID))) {
    counts->pings_in = count;
  } else if (direction == WPM_OUTBOUND &&
             wpm_text_equal(protocol, WPM_TEXT(WPM_IDENTIFY_PROTOCOL_ID))) {
    counts->identify_out = count;
  } else {
    counts->others += count;
  }
}

static void open_streams_are_counted_by_protocol(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker_say(&s.attacker, 1, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PING));
  attacker_say(&s.attacker, 3, WPM_YAMUX_SYN, TEXT(LINE_HEADER LINE_PING));
  attacker_say(&s.attacker, 5, WPM_YAMUX_SYN, TEXT(LINE_HEADER)); /* Of no protocol yet. */
  assert_int_equal(wpm_conn_identify(s.conn), WPM_OK);
  RUN_UNTIL(&s.pair.loop, s.conn->ping_responders == 2);
  stream_counts counts = {0};
  wpm_host_count_streams(s.pair.a.host, count_stream, &counts);
  assert_int_equal(counts.pings_in, 2);
  assert_int_equal(counts.identify_out, 1);
  assert_int_equal(counts.others, 0);
  scene_leave(&s);
  scene_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bad_identify_answers_are_no_answers),
      cmocka_unit_test(identify_that_ends_early_is_no_answer),
      cmocka_unit_test(identify_that_never_ends_times_out),
      cmocka_unit_test(two_pushes_are_read_at_once),
      cmocka_unit_test(bad_metadata_answers_are_no_answers),
      cmocka_unit_test(metadata_is_read_in_pieces_and_needs_no_end),
      cmocka_unit_test(metadata_requests_are_bounded),
      cmocka_unit_test(streams_that_do_not_negotiate_end),
      cmocka_unit_test(negotiation_in_pieces_is_understood),
      cmocka_unit_test(a_flood_on_a_stream_that_is_not_read_costs_nothing),
      cmocka_unit_test(echoes_that_are_not_read_end_their_stream),
      cmocka_unit_test(two_ping_streams_are_served),
      cmocka_unit_test(open_streams_are_counted_by_protocol),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
