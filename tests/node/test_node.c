/* Two nodes and more: they meet, part, come back, and do what a person asks for. */
#include "lab.h"

#include "node/internal.h"

/* ---- meeting --------------------------------------------------------------------------------- */

static void a_static_node_is_held(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_hold(b, a);
  static const uint16_t shards[] = {1, 5};
  b->config.manager.shards = shards;
  b->config.manager.shard_count = 2;
  b->config.manager.ping_interval_ns = 30 * WPM_MILLISECOND;
  lab_start(b);
  LAB_CONNECTED(a, b);
  wpm_peer_record record;
  assert_true(lab_record(b, a, &record));
  assert_true(record.is_static && record.held);
  assert_int_equal(record.origin, WPM_ORIGIN_STATIC);
  assert_int_equal(record.direction, WPM_OUTBOUND);
  assert_true(wpm_text_equal(record.agent, WPM_TEXT("lab/1")));
  assert_int_equal(record.protocol_count, 4);
  assert_int_equal(record.cluster_id, 1);
  assert_int_equal(record.address_count, 1);
  assert_true(wpm_bytes_equal(record.id, wpm_peer_id_view(&a->id)));
  assert_true(lab_record(a, b, &record));
  assert_int_equal(record.direction, WPM_INBOUND);
  assert_false(record.is_static);
  assert_true(record.observed_address.len > 0); /* Never dialled; what identify says is. */
  assert_int_equal(record.address_count, 1);

  uint64_t cursor = 0;
  wpm_connection_info info;
  assert_true(wpm_node_next_connection(b->node, wpm_peer_id_view(&a->id), &cursor, &info));
  assert_int_equal(info.direction, WPM_OUTBOUND);
  assert_string_equal(info.security, "/noise");
  assert_string_equal(info.muxer, "/yamux/1.0.0");
  assert_false(wpm_node_next_connection(b->node, wpm_peer_id_view(&a->id), &cursor, &info));

  /* It is kept alive. */
  RUN_UNTIL(&l.loop, lab_counters(b).pongs_received >= 3);
  assert_true(lab_record(b, a, &record));
  assert_true(record.rtt_ns > 0);
  wpm_node_counters of_a = lab_counters(a);
  wpm_node_counters of_b = lab_counters(b);
  assert_int_equal(of_b.dials_started, 1);
  assert_int_equal(of_b.dials_succeeded, 1);
  assert_int_equal(of_b.connections_opened[WPM_OUTBOUND], 1);
  assert_int_equal(of_a.connections_opened[WPM_INBOUND], 1);
  assert_int_equal(of_a.inbound_accepted, 1);
  assert_true(of_a.pings_received >= 3);
  assert_true(of_a.identified == 1 && of_b.identified == 1);
  assert_true(of_b.metadata_received[WPM_CLUSTER_MATCH] >= 1);
  assert_true(of_a.bytes_received > 0 && of_a.bytes_sent > 0);
  assert_int_equal(a->ups, 1);
  assert_int_equal(b->ups, 1);
  assert_int_equal(a->error_count + b->error_count, 0);
  lab_fini(&l);
}

static void count_streams(void *user, wpm_text protocol, wpm_direction direction, size_t count) {
  (void)protocol;
  (void)direction;
  *(size_t *)user += count;
}

static size_t open_streams(const lab_node *n) {
  size_t open = 0;
  wpm_node_count_streams(n->node, count_streams, &open);
  return open;
}

static void a_node_that_does_not_listen_dials(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_hold(b, a);
  b->config.listen_count = 0;
  lab_start(b);
  LAB_CONNECTED(a, b);
  wpm_bytes address;
  assert_false(wpm_node_listen_address(b->node, 0, &address));
  wpm_peer_record record;
  assert_true(lab_record(a, b, &record));
  assert_int_equal(record.address_count, 0); /* There is nothing to dial it at. */
  RUN_UNTIL(&l.loop, open_streams(a) == 0);
  lab_stop(b);
  RUN_UNTIL(&l.loop, lab_connectivity(a, b) == WPM_CAN_CONNECT);
  assert_int_equal(a->down.reason, WPM_REASON_GO_AWAY);
  assert_int_equal(lab_plan(a, b).held_by, WPM_HELD_BY_NO_ADDRESS);
  lab_outcome outcome;
  assert_int_equal(lab_connect(a, b, &outcome), WPM_OK);
  assert_int_equal(outcome.told, 1);
  assert_int_equal(outcome.err, WPM_ERR_NOT_FOUND);
  assert_int_equal(outcome.reason, WPM_REASON_UNSUPPORTED_ADDRESS);
  assert_int_equal(outcome.step, WPM_STEP_ADDRESS);
  lab_fini(&l);
}

static void who_goes_away_comes_back_by_itself(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_join(b, a);
  lab_stop(a);
  RUN_UNTIL(&l.loop, b->downs == 1);
  assert_int_equal(b->down.to, WPM_CAN_CONNECT);
  assert_int_equal(b->down.reason, WPM_REASON_GO_AWAY);
  /* Nobody is there: the first dial that fails says so. */
  RUN_UNTIL(&l.loop, lab_connectivity(b, a) == WPM_CANNOT_CONNECT);
  assert_int_equal(b->last.reason, WPM_REASON_REFUSED);
  lab_start(a);
  LAB_CONNECTED(a, b);
  assert_int_equal(b->ups, 2);
  assert_true(lab_counters(b).dials_failed[WPM_REASON_REFUSED] > 0);
  lab_fini(&l);
}

/* An interface came or went: peers are told. */
static void new_addresses_are_pushed(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_join(b, a);
  uint64_t before = lab_counters(b).identified;
  a->node->announced_hash ^= 1; /* As it was with other addresses. */
  uv_timer_set_repeat(&a->node->heartbeat, 10);
  assert_int_equal(uv_timer_again(&a->node->heartbeat), 0);
  RUN_UNTIL(&l.loop, lab_counters(b).identified == before + 1);
  wpm_bytes address;
  assert_true(wpm_node_announced_address(a->node, 0, &address));
  assert_false(wpm_node_announced_address(a->node, 1, &address));
  lab_fini(&l);
}

static void one_of_another_cluster_is_left_alone(void **state) {
  (void)state;
  lab l;
  lab_init(&l);
  lab_node *a = &l.nodes[0];
  lab_node *b = &l.nodes[1];
  a->config.manager.cluster_id = 2;
  lab_start(a);
  lab_hold(b, a);
  lab_start(b);
  RUN_UNTIL(&l.loop, a->downs == 1 && b->downs == 1);
  assert_int_equal(lab_plan(b, a).held_by, WPM_HELD_BY_CLUSTER_MISMATCH);
  assert_int_equal(lab_counters(a).metadata_received[WPM_CLUSTER_MISMATCH] +
                       lab_counters(b).metadata_received[WPM_CLUSTER_MISMATCH],
                   lab_counters(a).connections_ended[WPM_REASON_CLUSTER_MISMATCH] +
                       lab_counters(b).connections_ended[WPM_REASON_CLUSTER_MISMATCH]);
  assert_int_equal(lab_counters(b).dials_started, 1);
  lab_fini(&l);
}

static void no_more_are_held_than_there_are_places(void **state) {
  (void)state;
  lab l;
  lab_init(&l);
  lab_node *a = &l.nodes[0];
  a->config.manager.max_connections = 2;
  lab_start(a);
  for (size_t i = 1; i < 4; i++) {
    lab_hold(&l.nodes[i], a);
    lab_start(&l.nodes[i]);
  }
  RUN_UNTIL(&l.loop, wpm_manager_connection_count(wpm_node_manager(a->node)) == 2 &&
                         lab_counters(a).connections_ended[WPM_REASON_NO_PLACE] > 0);
  assert_int_equal(wpm_manager_connection_count(wpm_node_manager(a->node)), 2);
  lab_fini(&l);
}

/* ---- what a person asks for ------------------------------------------------------------------ */

static int discover(lab_node *n, wpm_text multiaddr, wpm_bytes told_by, wpm_intake_rule *rule) {
  wpm_error error;
  return wpm_node_discovered(n->node, multiaddr, WPM_SOURCE_PEER_EXCHANGE, WPM_ORIGIN_PEER_EXCHANGE,
                             told_by, rule, &error);
}

/* What the host discovers is kept, but not dialled for that; what the discouraged tell is left out, and
 * the caller told. */
static void a_host_discovers(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_start(b);
  wpm_error error;
  wpm_peer_record record;
  wpm_intake_rule rule = WPM_INTAKE_PER_NETWORK;
  const wpm_bytes nobody = {NULL, 0};
  const wpm_text far =
      WPM_TEXT("/ip4/192.0.2.7/tcp/1/p2p/16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn");
  assert_int_equal(wpm_node_discovered(b->node, a->listen, WPM_SOURCE_DNS, WPM_ORIGIN_DNS, nobody,
                                       &rule, &error),
                   WPM_ERR_INVALID);
  assert_non_null(strstr(error.text, "/p2p/"));
  assert_int_equal(wpm_node_discovered(b->node, wpm_text_of(a->address),
                                       (wpm_address_source)WPM_ADDRESS_SOURCE_COUNT, WPM_ORIGIN_DNS,
                                       nobody, &rule, &error),
                   WPM_ERR_INVALID);
  assert_int_equal(rule, WPM_INTAKE_PER_NETWORK); /* Not set by what failed. */
  assert_int_equal(wpm_node_discovered(b->node, wpm_text_of(a->address), WPM_SOURCE_DNS,
                                       WPM_ORIGIN_DNS, nobody, &rule, &error),
                   WPM_OK);
  assert_int_equal(rule, WPM_INTAKE_TAKEN);
  const wpm_store *store = wpm_manager_store(wpm_node_manager(b->node));
  const wpm_bytes teller = wpm_peer_id_view(&a->id);
  assert_int_equal(wpm_store_get(store, teller, &record), WPM_OK);
  assert_int_equal(record.origin, WPM_ORIGIN_DNS);
  assert_false(record.is_static);
  assert_int_equal(wpm_node_set_score(b->node, teller, -100), WPM_OK);
  assert_int_equal(discover(b, far, teller, &rule), WPM_OK);
  assert_int_equal(rule, WPM_INTAKE_DISCOURAGED);
  assert_int_equal(discover(b, far, teller, NULL), WPM_OK);
  assert_int_equal(wpm_store_count(store), 1);
  assert_int_equal(
      wpm_manager_intake_left_out(wpm_node_manager(b->node)).by_rule[WPM_INTAKE_DISCOURAGED], 2);
  assert_int_equal(wpm_node_set_score(b->node, teller, 0), WPM_OK);
  assert_int_equal(discover(b, far, teller, &rule), WPM_OK);
  assert_int_equal(rule, WPM_INTAKE_TAKEN);
  assert_int_equal(wpm_store_count(store), 2);
  lab_fini(&l);
}

/* The asking comes first, and goes past what holds others back; what is no such peer asks for nothing. */
static void a_person_adds_and_connects_at_once(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_start(b);
  lab_outcome outcome = {.told = 0};
  wpm_error error;
  assert_int_equal(wpm_node_add_and_connect(b->node, a->listen, lab_told, &outcome, &error),
                   WPM_ERR_INVALID);
  assert_non_null(strstr(error.text, "/p2p/"));
  assert_int_equal(outcome.told, 0);
  assert_int_equal(
      wpm_node_add_and_connect(b->node, wpm_text_of(a->address), lab_told, &outcome, &error),
      WPM_OK);
  RUN_UNTIL(&l.loop, outcome.told == 1);
  assert_int_equal(outcome.err, WPM_OK);
  assert_int_equal(lab_counters(b).dials_started, 1);
  /* One that is connected: told before the call returns. */
  assert_int_equal(
      wpm_node_add_and_connect(b->node, wpm_text_of(a->address), lab_told, &outcome, &error),
      WPM_OK);
  assert_int_equal(outcome.told, 2);
  lab_fini(&l);
}

static void a_person_adds_and_connects(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_start(b);
  wpm_error error;
  wpm_peer_id id;
  lab_outcome outcome;
  assert_int_equal(lab_connect(b, a, &outcome), WPM_ERR_NOT_FOUND);
  assert_int_equal(outcome.told, 0);
  assert_int_equal(wpm_node_connect(b->node, (wpm_bytes){0}, lab_told, &outcome),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_node_disconnect(b->node, wpm_peer_id_view(&a->id)), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_node_remove(b->node, wpm_peer_id_view(&a->id)), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_node_add(b->node, WPM_TEXT("nonsense"), &id, &error), WPM_ERR_INVALID);
  assert_int_equal(wpm_node_add(b->node, a->listen, &id, &error), WPM_ERR_INVALID);
  assert_non_null(strstr(error.text, "/p2p/"));
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(b->address), &id, &error), WPM_ERR_INVALID);
  assert_non_null(strstr(error.text, "itself"));

  assert_int_equal(wpm_node_add(b->node, wpm_text_of(a->address), &id, &error), WPM_OK);
  assert_true(wpm_bytes_equal(wpm_peer_id_view(&id), wpm_peer_id_view(&a->id)));
  lab_outcome second;
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK);
  assert_int_equal(lab_connect(b, a, &second), WPM_OK);
  assert_int_equal(wpm_node_connect(b->node, wpm_peer_id_view(&a->id), NULL, NULL), WPM_OK);
  RUN_UNTIL(&l.loop, outcome.told == 1 && second.told == 1);
  assert_int_equal(outcome.err, WPM_OK);
  assert_int_equal(second.err, WPM_OK);
  assert_int_equal(lab_connectivity(b, a), WPM_CONNECTED);
  assert_int_equal(lab_counters(b).dials_started, 1);
  /* One that is connected: told before the call returns. */
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK);
  assert_int_equal(outcome.told, 1);
  assert_int_equal(outcome.err, WPM_OK);
  lab_fini(&l);
}

/* Who disconnects a peer has peace of it until somebody connects it. */
static void a_person_disconnects(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_join(b, a);
  assert_int_equal(wpm_node_disconnect(b->node, wpm_peer_id_view(&a->id)), WPM_OK);
  assert_int_equal(b->down.reason, WPM_REASON_PERSON);
  assert_int_equal(lab_connectivity(b, a), WPM_CAN_CONNECT);
  assert_int_equal(lab_plan(b, a).held_by, WPM_HELD_BY_PERSON);
  /* `a` held the connection, so it tries to come back, and is refused each time. */
  RUN_UNTIL(&l.loop, lab_counters(b).connections_ended[WPM_REASON_PERSON] == 3);
  assert_int_equal(b->ups, 1);
  assert_int_equal(lab_counters(b).dials_started, 1);
  assert_int_equal(lab_connectivity(b, a), WPM_CAN_CONNECT);
  lab_outcome outcome;
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK);
  RUN_UNTIL(&l.loop, outcome.told == 1);
  assert_int_equal(outcome.err, WPM_OK);
  LAB_CONNECTED(a, b);
  lab_fini(&l);
}

static void a_score_is_set_and_added_to(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_hold(b, a);
  lab_start(b);
  wpm_peer_record record;
  assert_true(lab_record(b, a, &record));
  assert_int_equal(wpm_node_set_score(b->node, wpm_peer_id_view(&a->id), 40), WPM_OK);
  assert_int_equal(wpm_node_add_score(b->node, wpm_peer_id_view(&a->id), -50), WPM_OK);
  assert_true(lab_record(b, a, &record));
  assert_int_equal(record.score, -10);
  assert_int_equal(wpm_node_add_score(b->node, wpm_peer_id_view(&b->id), 1), WPM_ERR_NOT_FOUND);
  lab_fini(&l);
}

static void a_person_removes(void **state) {
  (void)state;
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  b->config.listen_count = 0; /* Else `a` would come back by itself. */
  lab_join(b, a);
  wpm_peer_record record;
  assert_true(lab_record(b, a, &record));
  assert_int_equal(wpm_node_remove(b->node, record.id), WPM_OK); /* A view into what goes. */
  assert_int_equal(lab_connectivity(b, a), -1);
  RUN_UNTIL(&l.loop, a->downs == 1);
  assert_int_equal(a->down.reason, WPM_REASON_GO_AWAY);
  assert_int_equal(lab_counters(b).connections_ended[WPM_REASON_PERSON], 1);
  lab_fini(&l);
}

/* A socket that is bound, and on which nobody listens. */
static void refusing_address(const lab_node *of, char *out, size_t cap, uv_tcp_t *tcp,
                             uv_loop_t *loop) {
  struct sockaddr_in any;
  struct sockaddr_in bound;
  int len = sizeof bound;
  char id[WPM_PEER_ID_TEXT];
  assert_int_equal(uv_tcp_init(loop, tcp), 0);
  char host[LOOPBACK_TEXT];
  loopback_own(1, host);
  assert_int_equal(uv_ip4_addr(host, 0, &any), 0);
  assert_int_equal(uv_tcp_bind(tcp, (const struct sockaddr *)&any, 0), 0);
  assert_int_equal(uv_tcp_getsockname(tcp, (struct sockaddr *)&bound, &len), 0);
  assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&of->id), id, sizeof id, NULL), WPM_OK);
  (void)snprintf(out, cap, "/ip4/%s/tcp/%u/p2p/%s", host, ntohs(bound.sin_port), id);
}

/* A peer is reached, and its dead address is known for what it is all the same. */
static void what_failed_before_another_won_is_kept(void **state) {
  (void)state;
  lab l;
  uv_tcp_t tcp;
  char refusing[600];
  wpm_error error;
  lab_outcome outcome;
  wpm_peer_record record;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_start(b);
  refusing_address(a, refusing, sizeof refusing, &tcp, &l.loop);
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(refusing), NULL, &error), WPM_OK);
  assert_int_equal(wpm_node_disconnect(b->node, wpm_peer_id_view(&a->id)), WPM_OK);
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(a->address), NULL, &error), WPM_OK);
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK); /* One dial, with both. */
  RUN_UNTIL(&l.loop, outcome.told == 1);
  assert_int_equal(outcome.err, WPM_OK);
  const wpm_store *store = wpm_manager_store(wpm_node_manager(b->node));
  assert_int_equal(wpm_store_get(store, wpm_peer_id_view(&a->id), &record), WPM_OK);
  assert_true(record.address_count >= 2);
  assert_true(wpm_wall_known(record.addresses[0].last_failure));
  assert_false(wpm_wall_known(record.addresses[0].last_success));
  assert_false(wpm_wall_known(record.addresses[1].last_failure));
  assert_true(wpm_wall_known(record.addresses[1].last_success));
  assert_int_equal(record.failures, 0);
  uv_close((uv_handle_t *)&tcp, NULL);
  lab_fini(&l);
}

static void who_waits_is_told_why_not(void **state) {
  (void)state;
  lab l;
  uv_tcp_t tcp;
  char refusing[600];
  wpm_error error;
  lab_outcome outcome;
  lab_init(&l);
  lab_node *a = &l.nodes[0];
  lab_node *b = &l.nodes[1];
  lab_node *c = &l.nodes[2];
  lab_start(b);
  refusing_address(a, refusing, sizeof refusing, &tcp, &l.loop);
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(refusing), NULL, &error), WPM_OK);
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK);
  RUN_UNTIL(&l.loop, outcome.told == 1);
  assert_int_equal(outcome.err, WPM_ERR_CLOSED);
  assert_int_equal(outcome.reason, WPM_REASON_REFUSED);
  assert_int_equal(outcome.step, WPM_STEP_CONNECT);
  assert_true(strlen(outcome.detail) > 0);
  assert_int_equal(lab_connectivity(b, a), WPM_CANNOT_CONNECT);

  /* While it is being dialled somebody disconnects it, or removes it. */
  lab_start(c);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wpm_node_add(b->node, wpm_text_of(c->address), NULL, &error), WPM_OK);
    assert_int_equal(lab_connect(b, c, &outcome), WPM_OK);
    assert_int_equal(outcome.told, 0);
    assert_int_equal(i == 0 ? wpm_node_disconnect(b->node, wpm_peer_id_view(&c->id))
                            : wpm_node_remove(b->node, wpm_peer_id_view(&c->id)),
                     WPM_OK);
    assert_int_equal(outcome.told, 1);
    assert_int_equal(outcome.err, i == 0 ? WPM_ERR_CLOSED : WPM_ERR_NOT_FOUND);
    assert_int_equal(outcome.reason, WPM_REASON_PERSON);
  }
  assert_int_equal(lab_connectivity(b, c), -1);

  /* The node stops. */
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(c->address), NULL, &error), WPM_OK);
  assert_int_equal(lab_connect(b, c, &outcome), WPM_OK);
  wpm_node_stop(b->node, lab_stopped, b);
  assert_int_equal(outcome.told, 1);
  assert_int_equal(outcome.reason, WPM_REASON_SHUTDOWN);
  assert_int_equal(lab_connect(b, c, &outcome), WPM_OK);
  assert_int_equal(outcome.told, 1);
  assert_int_equal(outcome.reason, WPM_REASON_SHUTDOWN);
  RUN_UNTIL(&l.loop, b->stopped);
  wpm_node_free(b->node);
  b->node = NULL;
  uv_close((uv_handle_t *)&tcp, NULL);
  lab_fini(&l);
}

static void a_person_needs_no_place(void **state) {
  (void)state;
  lab l;
  lab_outcome outcome;
  wpm_error error;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_node *c = &l.nodes[2];
  lab_node *d = &l.nodes[3];
  lab_start(c);
  b->config.manager.max_connections = 1;
  lab_join(b, a);
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(c->address), NULL, &error), WPM_OK);
  assert_int_equal(lab_connect(b, c, &outcome), WPM_OK);
  RUN_UNTIL(&l.loop, outcome.told == 1);
  assert_int_equal(outcome.err, WPM_OK);
  assert_int_equal(lab_connectivity(b, c), WPM_CONNECTED);
  /* Nobody else finds a place. */
  lab_hold(d, b);
  lab_start(d);
  RUN_UNTIL(&l.loop, lab_counters(b).connections_ended[WPM_REASON_NO_PLACE] > 0);
  assert_int_equal(wpm_manager_connection_count(wpm_node_manager(b->node)), 2);
  lab_fini(&l);
}

/* ---- starting and stopping ------------------------------------------------------------------- */

static void a_node_that_cannot_start_says_why(void **state) {
  (void)state;
  lab l;
  wpm_error error;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  const struct {
    const char *listen, *static_node, *says;
    int err;
  } cases[] = {{a->listen_text, NULL, a->listen_text, WPM_ERR_IO},
               {"/ip4/127.0.0.1/udp/1/quic-v1", NULL, "cannot listen on", WPM_ERR_UNSUPPORTED},
               {"/ip4/127.0.0.1", NULL, "/ip4/127.0.0.1", WPM_ERR_UNSUPPORTED},
               {"nonsense", NULL, "nonsense", WPM_ERR_INVALID},
               {"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/1", "names no peer", WPM_ERR_INVALID}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    b->listen = wpm_text_of(cases[i].listen);
    b->config.static_node_count = cases[i].static_node != NULL;
    b->statics[0] = wpm_text_of(cases[i].static_node ? cases[i].static_node : "");
    assert_int_equal(wpm_node_new(&b->config, &b->node, &error), WPM_OK);
    assert_int_equal(wpm_node_start(b->node, &error), cases[i].err);
    if (!strstr(error.text, cases[i].says)) {
      fail_msg("%s", error.text);
    }
    lab_stop(b);
    b->stopped = false;
  }
  wpm_node_config config = b->config;
  config.size--;
  assert_int_equal(wpm_node_new(&config, &b->node, &error), WPM_ERR_INVALID);
  config.size++;
  config.loop = NULL;
  assert_int_equal(wpm_node_new(&config, &b->node, &error), WPM_ERR_INVALID);
  config = b->config;
  config.manager.ping_timeout_ns = -1;
  assert_int_equal(wpm_node_new(&config, &b->node, &error), WPM_ERR_INVALID);
  b->node = NULL;
  lab_fini(&l);
}

static void a_node_stops_at_any_moment(void **state) {
  (void)state;
  lab l;
  wpm_error error;
  lab_init(&l);
  lab_node *a = &l.nodes[0];
  lab_node *b = &l.nodes[1];
  /* Never started; and freed without being stopped. */
  assert_int_equal(wpm_node_new(&b->config, &b->node, &error), WPM_OK);
  lab_stop(b);
  b->stopped = false;
  assert_int_equal(wpm_node_new(&b->config, &b->node, &error), WPM_OK);
  wpm_node_free(b->node);
  wpm_node_free(NULL);
  /* Without a key it makes one. */
  b->config.key = NULL;
  assert_int_equal(wpm_node_new(&b->config, &b->node, &error), WPM_OK);
  assert_false(
      wpm_bytes_equal(wpm_peer_id_view(wpm_node_peer_id(b->node)), wpm_peer_id_view(&b->id)));
  wpm_node_free(b->node);
  b->node = NULL;
  b->config.key = &b->key;
  /* After 0, 1, 2, … turns of the loop, while it dials. */
  lab_start(a);
  lab_hold(b, a);
  for (size_t turns = 0; turns < 12; turns++) {
    lab_start(b);
    for (size_t i = 0; i < turns; i++) {
      uv_run(&l.loop, UV_RUN_NOWAIT);
    }
    lab_stop(b);
  }
  RUN_UNTIL(&l.loop, lab_connectivity(a, b) != WPM_CONNECTED);
  lab_fini(&l);
}

static void stop_from_inside(lab_node *n) {
  if (!n->stopped) {
    wpm_node_stop(n->node, lab_stopped, n);
  }
}

/* Stops while the actions of a fact are carried out: with several connections up. */
static void a_node_stops_from_inside_a_change(void **state) {
  (void)state;
  lab l;
  lab_init(&l);
  lab_node *a = &l.nodes[0];
  lab_start(a);
  for (size_t i = 1; i < 4; i++) {
    l.nodes[i].config.listen_count = 0;
    lab_hold(&l.nodes[i], a);
    lab_start(&l.nodes[i]);
  }
  for (size_t i = 1; i < 4; i++) {
    LAB_CONNECTED(a, &l.nodes[i]);
  }
  a->in_changed = stop_from_inside;
  assert_int_equal(wpm_node_disconnect(a->node, wpm_peer_id_view(&l.nodes[1].id)), WPM_OK);
  RUN_UNTIL(&l.loop, a->stopped);
  assert_int_equal(a->downs, 3);
  assert_int_equal(lab_counters(a).connections_ended[WPM_REASON_SHUTDOWN], 2);
  for (size_t i = 1; i < 4; i++) {
    RUN_UNTIL(&l.loop, l.nodes[i].downs >= 1);
  }
  lab_fini(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_static_node_is_held),
      cmocka_unit_test(a_node_that_does_not_listen_dials),
      cmocka_unit_test(who_goes_away_comes_back_by_itself),
      cmocka_unit_test(new_addresses_are_pushed),
      cmocka_unit_test(one_of_another_cluster_is_left_alone),
      cmocka_unit_test(no_more_are_held_than_there_are_places),
      cmocka_unit_test(a_host_discovers),
      cmocka_unit_test(a_person_adds_and_connects),
      cmocka_unit_test(a_person_adds_and_connects_at_once),
      cmocka_unit_test(a_person_disconnects),
      cmocka_unit_test(a_score_is_set_and_added_to),
      cmocka_unit_test(a_person_removes),
      cmocka_unit_test(what_failed_before_another_won_is_kept),
      cmocka_unit_test(who_waits_is_told_why_not),
      cmocka_unit_test(a_person_needs_no_place),
      cmocka_unit_test(a_node_that_cannot_start_says_why),
      cmocka_unit_test(a_node_stops_at_any_moment),
      cmocka_unit_test(a_node_stops_from_inside_a_change),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
