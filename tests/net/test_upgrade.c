/* Peers that fail, stall, or misbehave at any point of the upgrade, dialling us and dialled by us. */
#include "pair.h"

#include "net/conn.h"
#include "support/allocated.h"
#include "support/net/attacker.h"
#include "support/net/hurry.h"
#include "support/records.h"
#include "support/seed.h"

#define POSITIONS_MAX 64
#define HURRY_MS 50

/* Who begins, and whether the muxer is agreed on in the handshake: what differs on the wire. */
typedef struct upgrade_shape {
  bool attacker_dials;
  bool early_muxer;
} upgrade_shape;

static const upgrade_shape shapes[] = {{false, false}, {false, true}, {true, false}, {true, true}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void begin(host_pair *pair) {
  pair_init(pair, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
  pair_start(pair);
  pair_connect(pair);
}

static void end(host_pair *pair) {
  pair_still_works(pair);
  assert_int_equal(pair->a.host->inbound_upgrades, 0);
  assert_int_equal(pair->a.host->connection_count, 1);
  assert_ptr_equal(pair->a.host->dials, NULL);
  pair_fini(pair);
}

static void dial_attacker(host_pair *pair, attacker *a, const wpm_peer_id *expected) {
  wpm_multiaddr address;
  attacker_listen(a, &address);
  wpm_bytes view = wpm_multiaddr_view(&address);
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair->a.host, wpm_peer_id_view(expected), &view, 1, NULL, &dial),
                   WPM_OK);
}

/* Brings the attacker and host `a` together. */
static void meet(host_pair *pair, attacker *a, upgrade_shape shape) {
  a->early_muxer = shape.early_muxer;
  if (shape.attacker_dials) {
    attacker_dial(a, side_address(&pair->a));
  } else {
    dial_attacker(pair, a, &a->identity.peer_id);
  }
}

static size_t failures(const host_pair *pair, upgrade_shape shape) {
  return shape.attacker_dials ? pair->a.inbound_failed : pair->a.failed;
}

/* Places at which to cut the attacker's part of an upgrade: around the ends of its pieces, in their
 * middle, and at random. */
static size_t positions(host_pair *pair, upgrade_shape shape, uint64_t *seed,
                        size_t out[POSITIONS_MAX]) {
  attacker whole;
  attacker_init(&whole, &pair->loop, pair->crypto, 0x33);
  size_t before = pair->a.connected;
  size_t closed = pair->a.closed;
  meet(pair, &whole, shape);
  RUN_UNTIL(&pair->loop, whole.phase == ATTACKER_UP && pair->a.connected > before);
  assert_int_equal(whole.was_early, shape.early_muxer);
  size_t count = 0;
  size_t start = 0;
  for (size_t i = 0; i < whole.end_count; i++) {
    size_t stop = whole.ends[i];
    out[count++] = start;
    out[count++] = start + 1;
    out[count++] = start + (stop - start) / 2;
    out[count++] = stop - 1;
    start = stop;
  }
  for (size_t i = 0; i < 4; i++) {
    out[count++] = wpm_test_random_below(seed, start);
  }
  assert_true(count <= POSITIONS_MAX);
  attacker_reset(&whole);
  RUN_UNTIL(&pair->loop, pair->a.closed > closed);
  assert_int_equal(pair->a.last_end.reason, WPM_REASON_RESET);
  attacker_fini(&whole);
  return count;
}

static wpm_reason reason_of_garbage(wpm_step step) {
  if (step == WPM_STEP_SECURITY) {
    return WPM_REASON_NEGOTIATION_FAILED;
  }
  return step == WPM_STEP_HANDSHAKE ? WPM_REASON_HANDSHAKE_FAILED : WPM_REASON_PROTOCOL_VIOLATION;
}

/* One upgrade that is cut at `position`. */
static void cut_once(host_pair *pair, upgrade_shape shape, size_t position, attacker_then then) {
  attacker a;
  attacker_init(&a, &pair->loop, pair->crypto, 0x33);
  a.cut_at = position;
  a.then = then;
  size_t before = failures(pair, shape);
  meet(pair, &a, shape);
  RUN_UNTIL(&pair->loop, failures(pair, shape) > before);
  wpm_reason expected =
      then == ATTACKER_SENDS_GARBAGE ? reason_of_garbage(a.cut_step) : WPM_REASON_UPGRADE_CLOSED;
  if (pair->a.last_end.reason != expected) {
    fail_msg("cut at %zu (%s): %s, not %s", position, wpm_step_name(a.cut_step),
             wpm_reason_name(pair->a.last_end.reason), wpm_reason_name(expected));
  }
  /* A reset at once may meet us while we still connect. */
  if (a.received > 0 || pair->a.last_end.step != WPM_STEP_CONNECT) {
    assert_int_equal(pair->a.last_end.step, a.cut_step);
  }
  assert_true(strlen(pair->a.detail) > 0);
  attacker_fini(&a);
}

static void cut_everywhere(attacker_then then) {
  host_pair pair;
  uint64_t seed = wpm_test_seed();
  begin(&pair);
  for (size_t s = 0; s < SHAPES; s++) {
    size_t cuts[POSITIONS_MAX];
    size_t count = positions(&pair, shapes[s], &seed, cuts);
    for (size_t i = 0; i < count; i++) {
      cut_once(&pair, shapes[s], cuts[i], then);
    }
  }
  end(&pair);
}

static void closing_at_any_step_is_told(void **state) {
  (void)state;
  cut_everywhere(ATTACKER_CLOSES);
}

static void a_reset_at_any_step_is_told(void **state) {
  (void)state;
  cut_everywhere(ATTACKER_RESETS);
}

static void garbage_at_any_step_ends_the_upgrade(void **state) {
  (void)state;
  cut_everywhere(ATTACKER_SENDS_GARBAGE);
}

static size_t count_cut(const attacker *attackers, size_t count) {
  size_t cut = 0;
  for (size_t i = 0; i < count; i++) {
    cut += attackers[i].phase == ATTACKER_CUT;
  }
  return cut;
}

/* All cuts of all shapes at once; each is told at its step when the time-out has passed. */
static void a_stall_at_any_step_times_out(void **state) {
  (void)state;
  host_pair pair;
  uint64_t seed = wpm_test_seed();
  begin(&pair);
  static attacker attackers[SHAPES * POSITIONS_MAX];
  size_t expected[WPM_STEP_COUNT] = {0};
  size_t count = 0;
  size_t cuts[SHAPES][POSITIONS_MAX];
  size_t counts[SHAPES];
  for (size_t s = 0; s < SHAPES; s++) {
    counts[s] = positions(&pair, shapes[s], &seed, cuts[s]);
  }
  for (size_t s = 0; s < SHAPES; s++) {
    for (size_t i = 0; i < counts[s]; i++) {
      attacker *a = &attackers[count++];
      attacker_init(a, &pair.loop, pair.crypto, (uint8_t)(0x40 + count));
      a->cut_at = cuts[s][i];
      meet(&pair, a, shapes[s]);
    }
  }
  RUN_UNTIL(&pair.loop,
            count_cut(attackers, count) == count && pair.a.host->connection_count == 1 + count);
  assert_int_equal(pair.a.inbound_failed + pair.a.failed, 0);
  uint64_t began = uv_now(&pair.loop);
  hurry_upgrades(pair.a.host, HURRY_MS);
  RUN_UNTIL(&pair.loop, pair.a.inbound_failed + pair.a.failed == count);
  assert_true(uv_now(&pair.loop) - began >= HURRY_MS);
  for (size_t i = 0; i < count; i++) {
    expected[attackers[i].cut_step]++;
    attacker_fini(&attackers[i]);
  }
  for (size_t step = 0; step < WPM_STEP_COUNT; step++) {
    assert_int_equal(pair.a.ends[step][WPM_REASON_DIAL_TIMEOUT], expected[step]);
  }
  end(&pair);
}

/* ---- lengths --------------------------------------------------------------------------------- */

/* What the attacker sends in place of the rest of its upgrade. */
static void replace_rest(host_pair *pair, upgrade_shape shape, size_t piece, const void *data,
                         size_t len, wpm_step step, wpm_reason reason) {
  attacker a;
  attacker_init(&a, &pair->loop, pair->crypto, 0x33);
  attacker whole;
  attacker_init(&whole, &pair->loop, pair->crypto, 0x33);
  size_t connected = pair->a.connected;
  meet(pair, &whole, shape);
  RUN_UNTIL(&pair->loop, whole.phase == ATTACKER_UP && pair->a.connected > connected);
  a.cut_at = piece == 0 ? 0 : whole.ends[piece - 1];
  size_t before = failures(pair, shape);
  meet(pair, &a, shape);
  RUN_UNTIL(&pair->loop, a.phase == ATTACKER_CUT);
  size_t allocated = wpm_test_allocated();
  if (step == WPM_STEP_MUXER) {
    a.cipher.send_nonce = 0; /* What was cut was sealed, but not sent. */
    attacker_send_sealed(&a, data, len, SIZE_MAX);
  } else {
    attacker_send(&a, data, len);
  }
  size_t peak = allocated;
  RUN_UNTIL(&pair->loop, (peak = wpm_test_allocated() > peak ? wpm_test_allocated() : peak) > 0 &&
                             failures(pair, shape) > before);
  assert_int_equal(pair->a.last_end.step, step);
  assert_int_equal(pair->a.last_end.reason, reason);
  assert_true(peak - allocated < 16384);
  attacker_fini(&a);
  attacker_fini(&whole);
}

static void enormous_lengths_are_refused_at_once(void **state) {
  (void)state;
  static const uint8_t gibibyte[] = {0x80, 0x80, 0x80, 0x80, 0x04};
  static const uint8_t noise_max[] = {0xff, 0xff};
  static const uint8_t list_line[] = {0x81, 0x08}; /* A line of one byte too many. */
  host_pair pair;
  begin(&pair);
  for (size_t s = 0; s < SHAPES; s++) {
    upgrade_shape shape = shapes[s];
    replace_rest(&pair, shape, 0, gibibyte, sizeof gibibyte, WPM_STEP_SECURITY,
                 WPM_REASON_NEGOTIATION_FAILED);
    replace_rest(&pair, shape, 0, list_line, sizeof list_line, WPM_STEP_SECURITY,
                 WPM_REASON_NEGOTIATION_FAILED);
    /* A dialler's first piece is its whole proposal; a listener's second is its answer. */
    size_t handshake = shape.attacker_dials ? 1 : 2;
    replace_rest(&pair, shape, handshake, noise_max, sizeof noise_max, WPM_STEP_HANDSHAKE,
                 WPM_REASON_HANDSHAKE_FAILED);
    if (!shape.early_muxer) {
      replace_rest(&pair, shape, 3, gibibyte, sizeof gibibyte, WPM_STEP_MUXER,
                   WPM_REASON_NEGOTIATION_FAILED);
    }
  }
  RUN_UNTIL(&pair.loop, pair.a.closed == pair.a.connected - 1);
  end(&pair);
}

/* ---- identities and protocols ---------------------------------------------------------------- */

static void another_peer_than_dialled_is_named(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair);
  attacker a;
  attacker_init(&a, &pair.loop, pair.crypto, 0x33);
  dial_attacker(&pair, &a, &pair.b.identity.peer_id);
  RUN_UNTIL(&pair.loop, pair.a.failed == 1);
  assert_int_equal(pair.a.last_end.reason, WPM_REASON_PEER_ID_MISMATCH);
  assert_int_equal(pair.a.last_end.step, WPM_STEP_HANDSHAKE);
  assert_true(
      wpm_bytes_equal(wpm_peer_id_view(&pair.a.other), wpm_peer_id_view(&a.identity.peer_id)));
  attacker_fini(&a);
  end(&pair);
}

static void ourselves_are_no_peer(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair);
  wpm_bytes address = side_address(&pair.a);
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair.a.host, (wpm_bytes){0}, &address, 1, NULL, &dial), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.a.failed == 1 && pair.a.inbound_failed == 1);
  assert_int_equal(pair.a.ends[WPM_STEP_HANDSHAKE][WPM_REASON_SELF], 2);
  end(&pair);
}

/* The attacker speaks another security protocol, or other muxers, than we do. */
static void nothing_in_common_is_told(void **state) {
  (void)state;
  static const wpm_text tls = {"/tls/1.0.0", 10};
  static const wpm_text muxer = {"/spdy/3.1", 9};
  host_pair pair;
  begin(&pair);
  for (size_t s = 0; s < SHAPES; s++) {
    attacker a;
    size_t before = failures(&pair, shapes[s]);
    attacker_init(&a, &pair.loop, pair.crypto, 0x33);
    a.security = &tls;
    meet(&pair, &a, shapes[s]);
    if (shapes[s].attacker_dials) {
      RUN_UNTIL(&pair.loop, a.negotiation.state == WPM_MULTISTREAM_FAILED);
      attacker_close(&a);
    }
    RUN_UNTIL(&pair.loop, failures(&pair, shapes[s]) > before);
    assert_int_equal(pair.a.last_end.step, WPM_STEP_SECURITY);
    assert_int_equal(pair.a.last_end.reason, shapes[s].attacker_dials
                                                 ? WPM_REASON_UPGRADE_CLOSED
                                                 : WPM_REASON_NEGOTIATION_FAILED);
    attacker_fini(&a);

    before = failures(&pair, shapes[s]);
    attacker_init(&a, &pair.loop, pair.crypto, 0x33);
    a.muxers = &muxer;
    meet(&pair, &a, shapes[s]);
    if (shapes[s].attacker_dials) {
      RUN_UNTIL(&pair.loop,
                a.phase == ATTACKER_SECURED && a.negotiation.state == WPM_MULTISTREAM_FAILED);
      attacker_close(&a);
    }
    RUN_UNTIL(&pair.loop, failures(&pair, shapes[s]) > before);
    assert_int_equal(pair.a.last_end.step, WPM_STEP_MUXER);
    assert_int_equal(pair.a.last_end.reason, shapes[s].attacker_dials
                                                 ? WPM_REASON_UPGRADE_CLOSED
                                                 : WPM_REASON_NEGOTIATION_FAILED);
    attacker_fini(&a);
  }
  end(&pair);
}

/* ---- caps ------------------------------------------------------------------------------------ */

static void half_open_connections_are_bounded(void **state) {
  (void)state;
  enum { CAP = 16, MORE = 8 };
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair.a.config.max_inbound_upgrades = CAP;
  pair_start(&pair);
  pair_connect(&pair);
  static attacker attackers[CAP + MORE];
  size_t allocated = wpm_test_allocated();
  for (size_t i = 0; i < CAP + MORE; i++) {
    attacker_init(&attackers[i], &pair.loop, pair.crypto, (uint8_t)(i + 1));
    attackers[i].cut_at = 0;
    attacker_dial(&attackers[i], side_address(&pair.a));
  }
  size_t refused = 0;
  RUN_UNTIL(&pair.loop, wpm_host_get_counters(pair.a.host).inbound_accepted == 1 + CAP + MORE);
  assert_int_equal(wpm_host_get_counters(pair.a.host).inbound_refused, MORE);
  assert_int_equal(pair.a.host->inbound_upgrades, CAP);
  assert_true(wpm_test_allocated() - allocated < CAP * 4096);
  hurry_upgrades(pair.a.host, HURRY_MS);
  RUN_UNTIL(&pair.loop, pair.a.inbound_failed == CAP);
  assert_int_equal(pair.a.ends[WPM_STEP_SECURITY][WPM_REASON_DIAL_TIMEOUT], CAP);
  for (size_t i = 0; i < CAP + MORE; i++) {
    refused += attackers[i].received == 0;
    attacker_fini(&attackers[i]);
  }
  assert_int_equal(refused, MORE);
  end(&pair);
}

static void connections_in_all_are_bounded(void **state) {
  (void)state;
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair.a.config.max_connections = 3;
  pair_start(&pair);
  pair_connect(&pair);
  attacker attackers[3];
  for (size_t i = 0; i < 3; i++) {
    attacker_init(&attackers[i], &pair.loop, pair.crypto, (uint8_t)(i + 1));
    attacker_dial(&attackers[i], side_address(&pair.a));
  }
  RUN_UNTIL(&pair.loop, pair.a.connected == 3);
  RUN_UNTIL(&pair.loop, wpm_host_get_counters(pair.a.host).inbound_refused == 1);
  wpm_bytes address = side_address(&pair.b);
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair.a.host, (wpm_bytes){0}, &address, 1, NULL, &dial),
                   WPM_ERR_FULL);
  for (size_t i = 0; i < 3; i++) {
    attacker_fini(&attackers[i]);
  }
  RUN_UNTIL(&pair.loop, pair.a.closed == 2);
  end(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closing_at_any_step_is_told),
      cmocka_unit_test(a_reset_at_any_step_is_told),
      cmocka_unit_test(garbage_at_any_step_ends_the_upgrade),
      cmocka_unit_test(a_stall_at_any_step_times_out),
      cmocka_unit_test(enormous_lengths_are_refused_at_once),
      cmocka_unit_test(another_peer_than_dialled_is_named),
      cmocka_unit_test(ourselves_are_no_peer),
      cmocka_unit_test(nothing_in_common_is_told),
      cmocka_unit_test(half_open_connections_are_bounded),
      cmocka_unit_test(connections_in_all_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
