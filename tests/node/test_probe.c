/* Probes: what they find out about peers that answer, and about those that do not. */
#include "lab.h"

#include "net/conn.h"
#include "node/internal.h"
#include "support/net/attacker.h"
#include "support/net/hurry.h"
#include "support/net/names.h"

#define PINGS 3

/* What a probe told. */
typedef struct found {
  size_t told;      /* Calls in all. */
  size_t last_told; /* Of these, the last ones. */
  int err;
  wpm_reason reason;
  wpm_step step;
  char detail[200];
  wpm_peer_id peer;
  bool identified, metadata_known;
  uint32_t cluster_id;
  char agent[40];
  size_t protocol_count, address_count;
  const char *security, *muxer;
  int64_t handshake_ns;
  int64_t rtts[PINGS];
  size_t ping_count;
  wpm_node *stop; /* To be stopped from inside the first call; may be NULL. */
} found;

static void on_found(void *user, const wpm_probe_result *result, bool last) {
  found *f = user;
  f->told++;
  f->last_told += last;
  f->err = result->err;
  f->reason = result->reason;
  f->step = result->step;
  (void)snprintf(f->detail, sizeof f->detail, "%s", result->detail);
  assert_int_equal(wpm_peer_id_from_bytes(result->peer, &f->peer), WPM_OK);
  f->identified = result->identified != NULL;
  if (f->identified) {
    (void)snprintf(f->agent, sizeof f->agent, "%.*s", (int)result->identified->agent->len,
                   result->identified->agent->data);
    f->protocol_count = result->identified->protocol_count;
    f->address_count = result->identified->address_count;
  }
  f->metadata_known = result->metadata_known;
  f->cluster_id = result->cluster_id;
  f->security = result->security;
  f->muxer = result->muxer;
  f->handshake_ns = result->handshake_ns;
  f->ping_count = result->ping_count;
  assert_true(result->ping_count <= PINGS);
  for (size_t i = 0; i < result->ping_count; i++) {
    f->rtts[i] = result->rtt_ns[i];
  }
  if (f->stop) {
    wpm_node *node = f->stop;
    f->stop = NULL;
    wpm_node_stop(node, NULL, NULL);
  }
}

/* One node that probes, and a context for attackers. */
typedef struct scene {
  lab l;
  lab_node *prober;
  wpm_crypto *crypto;
  attacker attacker;
  char address[600]; /* The attacker's, with its id. */
} scene;

static void begin_listening(scene *s, bool listens) {
  static const uint8_t seed[32] = {1};
  lab_init(&s->l);
  assert_int_equal(wpm_crypto_init(seed, &s->crypto), WPM_OK);
  s->prober = &s->l.nodes[1];
  s->prober->config.manager.ping_timeout_ns = 100 * WPM_MILLISECOND;
  s->prober->config.listen_count = listens; /* Else nobody whom it probed comes back to it. */
  lab_start(s->prober);
  s->prober->node->host->links.lingering.length_ms = 20; /* An attacker does not close. */
}

static void begin(scene *s) {
  begin_listening(s, false);
}

/* Nothing of what was probed is kept. */
static void end(scene *s) {
  assert_int_equal(wpm_store_count(wpm_manager_store(wpm_node_manager(s->prober->node))), 0);
  lab_fini(&s->l);
  wpm_crypto_free(s->crypto);
}

static void probe(scene *s, const char *address, size_t count, found *f) {
  wpm_error error;
  memset(f, 0, sizeof *f);
  if (wpm_node_probe(s->prober->node, wpm_text_of(address), count, WPM_MILLISECOND, on_found, f,
                     &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  assert_int_equal(f->told, 0);
}

/* Probes and waits for the end. */
static void probe_whole(scene *s, const char *address, size_t count, found *f) {
  probe(s, address, count, f);
  RUN_UNTIL(&s->l.loop, f->last_told > 0);
  assert_int_equal(f->last_told, 1);
  assert_true(f->err == WPM_OK || strlen(f->detail) > 0);
}

static void format_address(scene *s, wpm_bytes address, wpm_bytes peer) {
  wpm_multiaddr whole;
  assert_int_equal(wpm_multiaddr_with_peer(address, peer, &whole), WPM_OK);
  assert_int_equal(
      wpm_multiaddr_format(wpm_multiaddr_view(&whole), s->address, sizeof s->address, NULL, NULL),
      WPM_OK);
}

static void attacker_waits(scene *s) {
  wpm_multiaddr address;
  attacker_init(&s->attacker, &s->l.loop, s->crypto, 0x33);
  attacker_listen(&s->attacker, &address);
  format_address(s, wpm_multiaddr_view(&address), wpm_peer_id_view(&s->attacker.identity.peer_id));
}

/* ---- peers that answer ----------------------------------------------------------------------- */

static void a_good_peer_is_told_of(void **state) {
  (void)state;
  scene s;
  found f;
  begin(&s);
  lab_node *a = &s.l.nodes[0];
  lab_start(a);
  const char *const addresses[] = {a->address, a->listen_text}; /* With its id, and without. */
  for (size_t i = 0; i < 2; i++) {
    probe_whole(&s, addresses[i], PINGS, &f);
    assert_int_equal(f.err, WPM_OK);
    assert_int_equal(f.told, PINGS); /* Each ping, the last one with the end. */
    assert_int_equal(f.ping_count, PINGS);
    for (size_t k = 0; k < PINGS; k++) {
      assert_true(f.rtts[k] > 0);
    }
    assert_true(wpm_bytes_equal(wpm_peer_id_view(&f.peer), wpm_peer_id_view(&a->id)));
    assert_true(f.identified && f.metadata_known);
    assert_string_equal(f.agent, "lab/1");
    assert_int_equal(f.protocol_count, 4);
    assert_int_equal(f.address_count, 1);
    assert_int_equal(f.cluster_id, 1);
    assert_string_equal(f.security, "/noise");
    assert_string_equal(f.muxer, "/yamux/1.0.0");
    assert_true(f.handshake_ns > 0);
  }
  probe_whole(&s, a->address, 0, &f);
  assert_int_equal(f.err, WPM_OK);
  assert_int_equal(f.told, 1);
  end(&s);
}

static void several_probes_run_at_once(void **state) {
  (void)state;
  scene s;
  found f[3];
  begin(&s);
  lab_node *others[] = {&s.l.nodes[0], &s.l.nodes[2], &s.l.nodes[3]};
  for (size_t i = 0; i < 3; i++) {
    lab_start(others[i]);
    probe(&s, others[i]->address, PINGS, &f[i]);
  }
  for (size_t i = 0; i < 3; i++) {
    RUN_UNTIL(&s.l.loop, f[i].last_told == 1);
    assert_int_equal(f[i].err, WPM_OK);
    assert_true(wpm_bytes_equal(wpm_peer_id_view(&f[i].peer), wpm_peer_id_view(&others[i]->id)));
  }
  end(&s);
}

/* ---- peers that do not ----------------------------------------------------------------------- */

static void fails(scene *s, const char *address, int err, wpm_reason reason, wpm_step step) {
  found f;
  probe_whole(s, address, 1, &f);
  assert_int_equal(f.told, 1);
  assert_int_equal(f.err, err);
  assert_int_equal(f.reason, reason);
  assert_int_equal(f.step, step);
  assert_int_equal(f.handshake_ns, WPM_SPAN_NONE);
  assert_null(f.muxer);
}

static void failures_name_reason_and_step(void **state) {
  (void)state;
  scene s;
  begin_listening(&s, true);
  lab_node *a = &s.l.nodes[0];
  lab_start(a);
  lab_stop(a); /* Its port is free now. */
  fails(&s, a->address, WPM_ERR_CLOSED, WPM_REASON_REFUSED, WPM_STEP_CONNECT);
  fails(&s, "/dns4/nobody.test/tcp/1", WPM_ERR_CLOSED, WPM_REASON_NAME_NOT_FOUND, WPM_STEP_RESOLVE);
  fails(&s, "/ip4/127.0.0.1/udp/1/quic-v1", WPM_ERR_CLOSED, WPM_REASON_UNSUPPORTED_ADDRESS,
        WPM_STEP_ADDRESS);
  /* Silent, from the first byte on; garbage. */
  attacker_waits(&s);
  s.attacker.cut_at = 0;
  found f;
  probe(&s, s.address, 1, &f);
  RUN_UNTIL(&s.l.loop, s.attacker.phase == ATTACKER_CUT);
  hurry_upgrades(s.prober->node->host, 50);
  RUN_UNTIL(&s.l.loop, f.last_told == 1);
  assert_int_equal(f.reason, WPM_REASON_DIAL_TIMEOUT);
  assert_int_equal(f.step, WPM_STEP_SECURITY);
  attacker_fini(&s.attacker);
  attacker_waits(&s);
  s.attacker.cut_at = 10;
  s.attacker.then = ATTACKER_SENDS_GARBAGE;
  fails(&s, s.address, WPM_ERR_CLOSED, WPM_REASON_NEGOTIATION_FAILED, WPM_STEP_SECURITY);
  attacker_fini(&s.attacker);
  /* Ourselves. */
  fails(&s, s.prober->listen_text, WPM_ERR_CLOSED, WPM_REASON_SELF, WPM_STEP_HANDSHAKE);
  end(&s);
}

static void another_peer_is_named(void **state) {
  (void)state;
  scene s;
  found f;
  begin(&s);
  lab_node *a = &s.l.nodes[0];
  lab_start(a);
  wpm_bytes bound;
  assert_true(wpm_node_listen_address(a->node, 0, &bound));
  format_address(&s, bound, wpm_peer_id_view(&s.l.nodes[2].id));
  probe_whole(&s, s.address, 1, &f);
  assert_int_equal(f.err, WPM_ERR_MISMATCH);
  assert_int_equal(f.reason, WPM_REASON_PEER_ID_MISMATCH);
  assert_int_equal(f.step, WPM_STEP_HANDSHAKE);
  assert_true(wpm_bytes_equal(wpm_peer_id_view(&f.peer), wpm_peer_id_view(&a->id)));
  end(&s);
}

static void a_peer_that_answers_nothing_is_told_of(void **state) {
  (void)state;
  scene s;
  found f;
  begin(&s);
  attacker_waits(&s);
  probe(&s, s.address, 2, &f);
  RUN_UNTIL(&s.l.loop, attacker_count(&s.attacker, LINE_METADATA) == 1);
  hurry_streams(s.prober->node->host, 50);
  RUN_UNTIL(&s.l.loop, f.last_told == 1);
  assert_int_equal(f.err, WPM_ERR_PROTOCOL); /* The first that went wrong. */
  assert_int_equal(f.step, WPM_STEP_IDENTIFY);
  assert_false(f.identified || f.metadata_known);
  assert_int_equal(f.ping_count, 2);
  assert_int_equal(f.rtts[0], WPM_SPAN_NONE);
  assert_int_equal(f.rtts[1], WPM_SPAN_NONE);
  assert_string_equal(f.muxer, "/yamux/1.0.0");
  assert_true(f.handshake_ns > 0);
  attacker_fini(&s.attacker);
  end(&s);
}

#define SAY(s, id, flags, text)                                                                    \
  attacker_say(&(s)->attacker, (id), (flags), (text), sizeof(text) - 1)

/* It identifies itself with a key that is not its own, knows no metadata, refuses to be pinged. */
static void a_peer_that_answers_wrongly_is_told_of(void **state) {
  (void)state;
  scene s;
  found f;
  uint32_t identify = 0;
  uint32_t metadata = 0;
  uint32_t ping = 0;
  begin(&s);
  attacker_waits(&s);
  probe(&s, s.address, 2, &f);
  RUN_UNTIL(&s.l.loop, attacker_find_stream(&s.attacker, LINE_IDENTIFY, &identify));
  SAY(&s, identify, WPM_YAMUX_ACK, LINE_HEADER LINE_IDENTIFY "\x04\x0a\x02xy");
  attacker_signal(&s.attacker, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_FIN, identify, 0);
  RUN_UNTIL(&s.l.loop, attacker_find_stream(&s.attacker, LINE_METADATA, &metadata));
  SAY(&s, metadata, WPM_YAMUX_ACK, LINE_HEADER LINE_REFUSAL);
  RUN_UNTIL(&s.l.loop, attacker_find_stream(&s.attacker, LINE_PING, &ping));
  assert_int_equal(f.told, 0);
  SAY(&s, ping, WPM_YAMUX_ACK, LINE_HEADER LINE_REFUSAL);
  RUN_UNTIL(&s.l.loop, f.told == 1);
  assert_int_equal(f.last_told, 0);
  assert_int_equal(f.rtts[0], WPM_SPAN_NONE);
  RUN_UNTIL(&s.l.loop, f.last_told == 1); /* The second one meets with silence. */
  assert_int_equal(f.err, WPM_ERR_MISMATCH);
  assert_int_equal(f.step, WPM_STEP_IDENTIFY);
  assert_false(f.identified || f.metadata_known);
  assert_int_equal(f.ping_count, 2);
  attacker_fini(&s.attacker);
  end(&s);
}

static void a_peer_that_goes_away_is_told_of(void **state) {
  (void)state;
  scene s;
  found f;
  begin(&s);
  attacker_waits(&s);
  probe(&s, s.address, 1, &f);
  RUN_UNTIL(&s.l.loop, attacker_count(&s.attacker, LINE_IDENTIFY) == 1);
  attacker_signal(&s.attacker, WPM_YAMUX_GO_AWAY, 0, 0, 1);
  RUN_UNTIL(&s.l.loop, f.told == 1);
  assert_int_equal(f.last_told, 1);
  assert_int_equal(f.err, WPM_ERR_CLOSED);
  assert_int_equal(f.reason, WPM_REASON_GO_AWAY_ERROR);
  assert_int_equal(f.step, WPM_STEP_IDENTIFY);
  attacker_fini(&s.attacker);
  end(&s);
}

/* ---- limits and ends ------------------------------------------------------------------------- */

static void what_is_no_probe_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *address;
    size_t count;
    int64_t interval_ns;
  } cases[] = {{"nonsense", 1, 0},
               {"/ip4/127.0.0.1/tcp/99999", 1, 0},
               {"/ip4/127.0.0.1/tcp/1", WPM_PROBE_PINGS_MAX + 1, 0},
               {"/ip4/127.0.0.1/tcp/1", 1, -1}};
  scene s;
  found f = {0};
  begin(&s);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    wpm_error error;
    assert_int_equal(wpm_node_probe(s.prober->node, wpm_text_of(cases[i].address), cases[i].count,
                                    cases[i].interval_ns, on_found, &f, &error),
                     WPM_ERR_INVALID);
    assert_true(strlen(error.text) > 0);
  }
  assert_int_equal(f.told, 0);
  end(&s);
}

static void a_stop_ends_probes_at_any_step(void **state) {
  (void)state;
  for (size_t turns = 0; turns < 10; turns++) {
    scene s;
    found f[3];
    begin(&s);
    lab_node *a = &s.l.nodes[0];
    lab_start(a);
    attacker_waits(&s);
    probe(&s, a->address, PINGS, &f[0]);
    probe(&s, s.address, PINGS, &f[1]);
    probe(&s, "/dns4/nobody.test/tcp/1", PINGS, &f[2]);
    for (size_t i = 0; i < turns; i++) {
      uv_run(&s.l.loop, UV_RUN_NOWAIT);
    }
    lab_stop(s.prober);
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(f[i].last_told, 1);
    }
    assert_int_equal(f[1].reason, WPM_REASON_SHUTDOWN);
    attacker_fini(&s.attacker);
    lab_fini(&s.l);
    wpm_crypto_free(s.crypto);
  }
}

static void a_node_stops_from_inside_a_probe(void **state) {
  (void)state;
  scene s;
  found f;
  begin(&s);
  lab_node *a = &s.l.nodes[0];
  lab_start(a);
  probe(&s, a->address, PINGS, &f);
  f.stop = s.prober->node; /* At the first ping. */
  RUN_UNTIL(&s.l.loop, f.last_told == 1);
  assert_int_equal(f.reason, WPM_REASON_SHUTDOWN);
  assert_int_equal(f.ping_count, 1);
  uv_run(&s.l.loop, UV_RUN_NOWAIT);
  RUN_UNTIL(&s.l.loop, s.prober->node->handles_open == 0);
  wpm_node_free(s.prober->node);
  s.prober->node = NULL;
  lab_fini(&s.l);
  wpm_crypto_free(s.crypto);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_good_peer_is_told_of),
      cmocka_unit_test(several_probes_run_at_once),
      cmocka_unit_test(failures_name_reason_and_step),
      cmocka_unit_test(another_peer_is_named),
      cmocka_unit_test(a_peer_that_answers_nothing_is_told_of),
      cmocka_unit_test(a_peer_that_answers_wrongly_is_told_of),
      cmocka_unit_test(a_peer_that_goes_away_is_told_of),
      cmocka_unit_test(what_is_no_probe_is_refused),
      cmocka_unit_test(a_stop_ends_probes_at_any_step),
      cmocka_unit_test(a_node_stops_from_inside_a_probe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
