/* A node that holds a hostile peer: the right reason is recorded, and its other peers are not
 * touched. */
#include "lab.h"

#include "net/conn.h"
#include "node/internal.h"
#include "support/net/attacker.h"
#include "support/net/hurry.h"

/* `n` holds `good`, and the attacker, which it dials. */
typedef struct scene {
  lab l;
  lab_node *n, *good;
  wpm_crypto *crypto;
  attacker attacker;
  char address[600];
} scene;

static void begin(scene *s) {
  static const uint8_t seed[32] = {1};
  lab_init(&s->l);
  assert_int_equal(wpm_crypto_init(seed, &s->crypto), WPM_OK);
  s->good = &s->l.nodes[0];
  s->n = &s->l.nodes[1];
  lab_start(s->good);
  lab_hold(s->n, s->good);
  /* Tried once: what is recorded must stay to be looked at. */
  s->n->config.manager.reconnect_min_ns = WPM_MINUTE;
  s->n->config.manager.reconnect_max_ns = WPM_MINUTE;
  lab_start(s->n);
  s->n->node->host->links.lingering.length_ms = 20;
  LAB_CONNECTED(s->good, s->n);
}

static void end(scene *s) {
  assert_int_equal(s->n->downs, lab_counters(s->n).dials_succeeded - 1); /* Never the good one. */
  assert_int_equal(lab_connectivity(s->n, s->good), WPM_CONNECTED);
  assert_int_equal(s->n->error_count, 0);
  lab_fini(&s->l);
  wpm_crypto_free(s->crypto);
}

/* The node learns of the attacker, and is told to dial it. */
static void meet(scene *s, uint8_t fill) {
  wpm_multiaddr address;
  wpm_multiaddr whole;
  wpm_error error;
  attacker *a = &s->attacker;
  attacker_init(a, &s->l.loop, s->crypto, fill);
  attacker_listen(a, &address);
  assert_int_equal(wpm_multiaddr_with_peer(wpm_multiaddr_view(&address),
                                           wpm_peer_id_view(&a->identity.peer_id), &whole),
                   WPM_OK);
  assert_int_equal(
      wpm_multiaddr_format(wpm_multiaddr_view(&whole), s->address, sizeof s->address, NULL, NULL),
      WPM_OK);
  assert_int_equal(wpm_node_add(s->n->node, wpm_text_of(s->address), NULL, &error), WPM_OK);
}

static void record_of_attacker(const scene *s, wpm_peer_record *out) {
  assert_int_equal(wpm_store_get(wpm_manager_store(wpm_node_manager(s->n->node)),
                                 wpm_peer_id_view(&s->attacker.identity.peer_id), out),
                   WPM_OK);
}

/* Waits until it is no longer connected, nor being dialled, and judges what is recorded. */
static void ends_as(scene *s, wpm_reason reason, wpm_connectivity connectivity) {
  wpm_peer_record record;
  RUN_UNTIL(&s->l.loop, (record_of_attacker(s, &record), record.reason) != WPM_REASON_NONE);
  assert_int_equal(record.reason, reason);
  assert_int_equal(record.connectivity, connectivity);
  attacker_fini(&s->attacker);
}

static void up(scene *s, uint8_t fill) {
  wpm_peer_record record;
  meet(s, fill);
  RUN_UNTIL(&s->l.loop, s->attacker.phase == ATTACKER_UP &&
                            (record_of_attacker(s, &record), record.connectivity) == WPM_CONNECTED);
}

static void every_end_has_its_reason(void **state) {
  (void)state;
  scene s;
  attacker *a = &s.attacker;
  begin(&s);
  up(&s, 0x40);
  attacker_signal(a, WPM_YAMUX_GO_AWAY, 0, 0, 0);
  attacker_reset(a);
  ends_as(&s, WPM_REASON_GO_AWAY, WPM_CAN_CONNECT);
  up(&s, 0x41);
  attacker_signal(a, WPM_YAMUX_GO_AWAY, 0, 0, 2);
  ends_as(&s, WPM_REASON_GO_AWAY_ERROR, WPM_CANNOT_CONNECT);
  up(&s, 0x42);
  attacker_close(a);
  ends_as(&s, WPM_REASON_EOF, WPM_CAN_CONNECT);
  up(&s, 0x43);
  attacker_reset(a);
  ends_as(&s, WPM_REASON_RESET, WPM_CAN_CONNECT);
  up(&s, 0x44);
  attacker_send(a, "\x10", 1);
  attacker_close(a);
  ends_as(&s, WPM_REASON_TRUNCATED, WPM_CANNOT_CONNECT);
  up(&s, 0x45);
  attacker_signal(a, WPM_YAMUX_DATA, WPM_YAMUX_SYN, 2, 1U << 30);
  ends_as(&s, WPM_REASON_PROTOCOL_VIOLATION, WPM_CANNOT_CONNECT);
  end(&s);
}

static void every_failure_has_its_reason(void **state) {
  (void)state;
  static const struct {
    size_t cut_at;
    attacker_then then;
    wpm_reason reason;
  } cases[] = {{0, ATTACKER_STALLS, WPM_REASON_DIAL_TIMEOUT},
               {50, ATTACKER_STALLS, WPM_REASON_DIAL_TIMEOUT},
               {10, ATTACKER_CLOSES, WPM_REASON_UPGRADE_CLOSED},
               {60, ATTACKER_RESETS, WPM_REASON_UPGRADE_CLOSED},
               {0, ATTACKER_SENDS_GARBAGE, WPM_REASON_NEGOTIATION_FAILED},
               {60, ATTACKER_SENDS_GARBAGE, WPM_REASON_HANDSHAKE_FAILED}};
  scene s;
  begin(&s);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    meet(&s, (uint8_t)(0x50 + i));
    s.attacker.cut_at = cases[i].cut_at;
    s.attacker.then = cases[i].then;
    RUN_UNTIL(&s.l.loop, s.attacker.phase == ATTACKER_CUT);
    hurry_upgrades(s.n->node->host, 50);
    ends_as(&s, cases[i].reason, WPM_CANNOT_CONNECT);
    assert_int_equal(lab_counters(s.n).dials_failed[cases[i].reason] > 0, 1);
  }
  end(&s);
}

/* It answers nothing at all, neither identify nor pings: two pings, and it is lost. */
static void silence_is_a_loss(void **state) {
  (void)state;
  scene s;
  begin(&s);
  s.n->config.manager.ping_interval_ns = 50 * WPM_MILLISECOND;
  s.n->config.manager.ping_timeout_ns = 150 * WPM_MILLISECOND;
  lab_stop(s.n);
  s.n->ups = s.n->downs = 0;
  lab_start(s.n);
  s.n->node->host->links.lingering.length_ms = 20;
  LAB_CONNECTED(s.good, s.n);
  up(&s, 0x60);
  ends_as(&s, WPM_REASON_PING_TIMEOUT, WPM_CANNOT_CONNECT);
  assert_true(lab_counters(s.n).pings_sent >= 2);
  end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_end_has_its_reason),
      cmocka_unit_test(every_failure_has_its_reason),
      cmocka_unit_test(silence_is_a_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
