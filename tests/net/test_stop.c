/* A host stops at any moment: nothing is told any more, the loop is left empty, nothing leaks. */
#include "scene.h"

#include "support/net/names.h"

/* What host `a` was told of so far. */
static size_t told(const pair_side *side) {
  return side->connected + side->closed + side->failed + side->inbound_failed + side->identified +
         side->unidentified + side->metadata + side->no_metadata + side->pongs;
}

/* Stops host `a` alone, and frees it. */
static void stop_a(host_pair *pair) {
  size_t before = told(&pair->a);
  side_stop(&pair->a);
  RUN_UNTIL(&pair->loop, pair->a.stopped);
  assert_int_equal(told(&pair->a), before);
  wpm_host_free(pair->a.host);
  pair->a.host = NULL;
}

static void dial_from_a(host_pair *pair, wpm_bytes multiaddr) {
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair->a.host, (wpm_bytes){0}, &multiaddr, 1, NULL, &dial), WPM_OK);
}

static void a_host_that_did_nothing_stops(void **state) {
  (void)state;
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair_start(&pair);
  stop_a(&pair);
  pair_fini(&pair);
}

static size_t count_cut(const attacker *attackers, size_t count) {
  size_t cut = 0;
  for (size_t i = 0; i < count; i++) {
    cut += attackers[i].phase == ATTACKER_CUT;
  }
  return cut;
}

static void upgrades_under_way_are_dropped(void **state) {
  (void)state;
  static const size_t cuts[] = {0, 5, 28, 40, 100, 200};
  enum { CUTS = sizeof cuts / sizeof *cuts };
  host_pair pair;
  attacker attackers[2 * CUTS];
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair_start(&pair);
  pair_connect(&pair);
  for (size_t i = 0; i < 2 * CUTS; i++) {
    attacker *a = &attackers[i];
    attacker_init(a, &pair.loop, pair.crypto, (uint8_t)(0x40 + i));
    a->cut_at = cuts[i / 2];
    a->early_muxer = i % 4 < 2;
    if (i % 2) {
      attacker_dial(a, side_address(&pair.a));
    } else {
      wpm_multiaddr address;
      attacker_listen(a, &address);
      dial_from_a(&pair, wpm_multiaddr_view(&address));
    }
  }
  RUN_UNTIL(&pair.loop, count_cut(attackers, 2 * CUTS) == 2 * CUTS);
  stop_a(&pair);
  for (size_t i = 0; i < 2 * CUTS; i++) {
    RUN_UNTIL(&pair.loop, attackers[i].ended != 0);
    attacker_fini(&attackers[i]);
  }
  RUN_UNTIL(&pair.loop, pair.b.closed == 1);
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_GO_AWAY);
  pair_fini(&pair);
}

/* Dials at every stage: not begun, looking a name up, failed and not told. */
static void dials_under_way_are_dropped(void **state) {
  (void)state;
  static const char *const texts[] = {"/dns4/slow.test/tcp/1", "/dns4/slow.test/tcp/2",
                                      "/ip4/127.0.0.1/udp/1", "/dns/nobody.test/tcp/1"};
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair_start(&pair);
  names_wait();
  size_t asked = names_asked();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    wpm_multiaddr address;
    assert_int_equal(wpm_multiaddr_parse(wpm_text_of(texts[i]), &address, NULL), WPM_OK);
    dial_from_a(&pair, wpm_multiaddr_view(&address));
  }
  RUN_UNTIL(&pair.loop, names_asked() == asked + 2); /* libuv runs two at once. */
  size_t before = told(&pair.a);
  side_stop(&pair.a);
  for (size_t i = 0; i < 20; i++) {
    uv_run(&pair.loop, UV_RUN_NOWAIT);
  }
  assert_false(pair.a.stopped); /* A look-up that runs cannot be taken back. */
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair.a.host, (wpm_bytes){0}, NULL, 0, NULL, &dial), WPM_ERR_STATE);
  names_go_on();
  RUN_UNTIL(&pair.loop, pair.a.stopped);
  assert_int_equal(told(&pair.a), before);
  pair_fini(&pair);
}

/* Streams of every kind are open, exchanges are under way. */
static void exchanges_under_way_are_dropped(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  attacker *a = &s.attacker;
  static const char *const lines[] = {LINE_HEADER LINE_PING, LINE_HEADER LINE_PUSH,
                                      LINE_HEADER LINE_METADATA, LINE_HEADER LINE_IDENTIFY,
                                      LINE_HEADER};
  for (uint32_t i = 0; i < 5; i++) {
    attacker_say(a, 2 * i + 1, WPM_YAMUX_SYN, lines[i], strlen(lines[i]));
  }
  assert_int_equal(wpm_conn_identify(s.conn), WPM_OK);
  assert_int_equal(wpm_conn_request_metadata(s.conn), WPM_OK);
  assert_int_equal(wpm_conn_ping(s.conn, true), WPM_OK);
  assert_int_equal(wpm_conn_push_identify(s.conn), WPM_OK);
  RUN_UNTIL(&s.pair.loop, wpm_conn_stream_count(s.conn) == 9);
  pair_ping(&s.pair);
  assert_int_equal(wpm_conn_ping(s.pair.b.conn, true), WPM_OK); /* `b` keeps a stream open. */
  RUN_UNTIL(&s.pair.loop, s.pair.b.pongs == 2);
  side_stop(&s.pair.a);
  RUN_UNTIL(&s.pair.loop, a->ended != 0);
  attacker_close(a);
  stop_a(&s.pair);
  assert_int_equal(attacker_count_frames(a, WPM_YAMUX_GO_AWAY, 0), 1);
  RUN_UNTIL(&s.pair.loop, s.pair.b.closed == 1);
  scene_leave(&s);
  pair_fini(&s.pair);
}

/* A peer that does not end its side holds the host up only as long as links linger. */
static void a_peer_that_does_not_close_is_not_waited_for_long(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  scene_start(&s);
  scene_attack(&s, true);
  s.pair.a.host->links.lingering.length_ms = 50;
  uint64_t began = uv_now(&s.pair.loop);
  stop_a(&s.pair);
  assert_true(uv_now(&s.pair.loop) - began >= 50);
  assert_int_equal(attacker_count_frames(&s.attacker, WPM_YAMUX_GO_AWAY, 0), 1);
  assert_int_equal(s.attacker.ended, UV_EOF);
  scene_leave(&s);
  pair_fini(&s.pair);
}

/* Closed connections that linger give way to new ones. */
static void lingering_links_give_way(void **state) {
  (void)state;
  enum { CAP = 4 };
  host_pair pair;
  attacker attackers[3 * CAP];
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair.a.config.max_connections = CAP;
  pair_start(&pair);
  for (size_t i = 0; i < 3 * CAP; i++) {
    attacker_init(&attackers[i], &pair.loop, pair.crypto, (uint8_t)(0x40 + i));
    attacker_dial(&attackers[i], side_address(&pair.a));
    RUN_UNTIL(&pair.loop, pair.a.connected == i + 1);
    wpm_conn_close(pair.a.conn, 0);                  /* The attacker does not close: it lingers. */
    assert_true(pair.a.host->links.open <= CAP + 1); /* One of them just going. */
  }
  assert_int_equal(wpm_host_get_counters(pair.a.host).inbound_refused, 0);
  for (size_t i = 0; i < 3 * CAP; i++) {
    attacker_fini(&attackers[i]);
  }
  pair_fini(&pair);
}

/* ---- from inside callbacks ------------------------------------------------------------------- */

static void stop_in_connected(pair_side *side, wpm_conn *conn) {
  (void)conn;
  side_stop(side);
}

static void close_in_connected(pair_side *side, wpm_conn *conn) {
  side->conn = NULL;
  wpm_conn_close(conn, WPM_GO_AWAY_NORMAL);
  side_stop(side);
}

static void a_host_stops_from_inside_connected(void **state) {
  (void)state;
  for (unsigned closes = 0; closes < 2; closes++) {
    for (unsigned inbound = 0; inbound < 2; inbound++) {
      host_pair pair;
      pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
      pair.a.in_connected = closes ? close_in_connected : stop_in_connected;
      pair_start(&pair);
      side_dial(inbound ? &pair.b : &pair.a, inbound ? &pair.a : &pair.b);
      RUN_UNTIL(&pair.loop, pair.a.stopped);
      assert_int_equal(told(&pair.a), 1);
      RUN_UNTIL(&pair.loop, pair.b.closed + pair.b.inbound_failed + pair.b.failed == 1);
      pair_fini(&pair);
    }
  }
}

static void a_host_stops_from_inside_closed(void **state) {
  (void)state;
  scene s;
  scene_begin(&s);
  s.pair.a.in_closed = side_stop;
  scene_start(&s);
  scene_attack(&s, true);
  attacker_reset(&s.attacker);
  RUN_UNTIL(&s.pair.loop, s.pair.a.stopped);
  assert_int_equal(s.pair.a.closed, 1);
  RUN_UNTIL(&s.pair.loop, s.pair.b.closed == 1);
  scene_leave(&s);
  pair_fini(&s.pair);
}

static void a_host_stops_from_inside_dial_failed(void **state) {
  (void)state;
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair.a.in_dial_failed = side_stop;
  pair_start(&pair);
  /* Two that fail in one turn: only the first is told. */
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair.a.host, (wpm_bytes){0}, NULL, 0, NULL, &dial), WPM_OK);
  assert_int_equal(wpm_host_dial(pair.a.host, (wpm_bytes){0}, NULL, 0, NULL, &dial), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.a.stopped);
  assert_int_equal(pair.a.failed, 1);
  pair_fini(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_host_that_did_nothing_stops),
      cmocka_unit_test(upgrades_under_way_are_dropped),
      cmocka_unit_test(dials_under_way_are_dropped),
      cmocka_unit_test(exchanges_under_way_are_dropped),
      cmocka_unit_test(a_peer_that_does_not_close_is_not_waited_for_long),
      cmocka_unit_test(lingering_links_give_way),
      cmocka_unit_test(a_host_stops_from_inside_connected),
      cmocka_unit_test(a_host_stops_from_inside_closed),
      cmocka_unit_test(a_host_stops_from_inside_dial_failed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
