/* Places, caps, configuration, and the queue of actions. */
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND

static wpm_world *capped(size_t max_connections, size_t max_dials) {
  wpm_world *w = wpm_world_new(100);
  w->config.max_connections = max_connections;
  w->config.max_dials = max_dials;
  wpm_world_start(w);
  return w;
}

static void an_inbound_connection_without_a_place_is_refused(void **state) {
  (void)state;
  wpm_world *w = capped(2, 256);
  wpm_connection_id first = wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 2, 1);
  wpm_world_forget_log(w);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 3, WPM_INBOUND, 0, &c), WPM_OK);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 3);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_NO_PLACE);
  wpm_world_expect_none(w, WPM_ACTION_IDENTIFY, 3);
  assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 2); /* A stranger stays one. */
  assert_int_equal(wpm_world_received(w, 3, c), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, 3, c, WPM_REASON_NO_PLACE), WPM_OK);
  assert_int_equal(w->count, 1);
  /* Nor does one that is known find one. */
  wpm_world_found(w, 4, 60000, false);
  wpm_world_connected(w, 4, WPM_INBOUND, 0, &c);
  end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 4);
  assert_int_equal(end->reason, WPM_REASON_NO_PLACE);
  assert_int_equal(wpm_world_disconnected(w, 4, c, WPM_REASON_NO_PLACE), WPM_OK);
  assert_int_equal(wpm_world_record(w, 4).reason, WPM_REASON_NONE); /* It never was connected. */
  /* A second connection of a connected peer takes no place. */
  wpm_world_come_in(w, 1, 1);
  assert_int_equal(wpm_manager_connection_count(w->manager), 3);
  wpm_world_disconnected(w, 1, first, WPM_REASON_EOF);
  wpm_world_disconnected(w, 1, w->next_connection - 1, WPM_REASON_EOF);
  wpm_world_come_in(w, 3, 1);
  assert_int_equal(wpm_world_state(w, 3), WPM_CONNECTED);
  wpm_world_free(w);
}

static void dials_in_flight_hold_places(void **state) {
  (void)state;
  wpm_world *w = capped(2, 256);
  wpm_world_come_in(w, 1, 1);
  for (int peer = 2; peer < 5; peer++) {
    wpm_world_found(w, peer, 60000, true);
  }
  assert_int_equal(wpm_manager_dial_count(w->manager), 1);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 2)->dial;
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_expect_plan(w, 3, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
  wpm_connection_id c;
  wpm_world_connected(w, 5, WPM_INBOUND, 0, &c);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 5);
  /* The peer being dialled may come in by itself: it has the place. */
  wpm_world_come_in(w, 2, 1);
  assert_int_equal(wpm_world_state(w, 2), WPM_CONNECTED);
  wpm_world_dial_failed(w, 2, dial, WPM_REASON_REFUSED);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_free(w);
}

static void a_freed_place_is_taken_at_once(void **state) {
  (void)state;
  wpm_world *w = capped(1, 256);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_found(w, 2, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_connection_id c = wpm_world_come_up(w, 2, 1);
  wpm_world_run(w, 10 * S);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
  wpm_world_disconnected(w, 2, c, WPM_REASON_EOF);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_free(w);
}

static void dials_are_capped(void **state) {
  (void)state;
  wpm_world *w = capped(300, 3);
  for (int peer = 1; peer <= 10; peer++) {
    wpm_world_found(w, peer, 60000, true);
  }
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 3);
  wpm_world_expect_plan(w, 9, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
  wpm_world_come_up(w, 1, 1);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 3);
  wpm_world_free(w);
}

static void static_nodes_precede_others(void **state) {
  (void)state;
  wpm_world *w = capped(1, 256);
  wpm_connection_id c[4];
  for (int peer = 1; peer <= 3; peer++) { /* Relaying, relaying later, not relaying. */
    wpm_world_found(w, peer, 60000, false);
    c[peer] = wpm_world_come_in(w, peer, peer < 3);
    wpm_world_run(w, S);
    wpm_world_disconnected(w, peer, c[peer], WPM_REASON_EOF);
    wpm_world_person(w, peer, WPM_EVENT_PERSON_DISCONNECT); /* Wait. */
    for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DIAL, -1));) {
      wpm_world_dial_failed(w, a->peer, a->dial, WPM_REASON_REFUSED);
    }
  }
  wpm_connection_id in = wpm_world_come_in(w, 9, 1);
  wpm_world_found(w, 4, 60000, true);
  for (int peer = 1; peer <= 3; peer++) { /* Free again, but there is no place. */
    wpm_event e = {.type = WPM_EVENT_PERSON_CONNECT, .peer = wpm_world_id(peer)};
    assert_int_equal(wpm_manager_handle(w->manager, &e, w->now), WPM_OK);
    wpm_world_action *dial = NULL;
    wpm_world_run(w, 0);
    dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer);
    wpm_world_dial_failed(w, peer, dial->dial, WPM_REASON_REFUSED);
  }
  wpm_world_run(w, 100 * S);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_disconnected(w, 9, in, WPM_REASON_EOF);
  static const int order[] = {4, 2, 1, 3};
  for (int i = 0; i < 4; i++) {
    wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, order[i]);
    wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
    wpm_world_dial_failed(w, order[i], dial->dial, WPM_REASON_REFUSED);
  }
  wpm_world_free(w);
}

static void found_peers_alone_are_not_dialled(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, false);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NOT_WANTED, WPM_SPAN_NONE, 0);
  wpm_world_found(w, 1, 0, true); /* Configured later. */
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_full_store_refuses_the_newcomer(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.store.max_peers = 2;
  w->config.store.evict = false;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, false);
  wpm_world_found(w, 2, 60000, false);
  assert_int_equal(wpm_world_found(w, 3, 60000, true), WPM_ERR_FULL);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 3, WPM_INBOUND, 0, &c), WPM_ERR_FULL);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 3);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_STORE_FULL);
  assert_int_equal(wpm_manager_connection_count(w->manager), 0);
  assert_int_equal(wpm_world_disconnected(w, 3, c, WPM_REASON_STORE_FULL), WPM_OK);
  wpm_world_come_in(w, 2, 1);
  assert_int_equal(wpm_world_state(w, 2), WPM_CONNECTED);
  wpm_world_free(w);
}

static void zero_connections_means_none(void **state) {
  (void)state;
  wpm_world *w = capped(0, 256);
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c;
  wpm_world_connected(w, 2, WPM_INBOUND, 0, &c);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 2);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_free(w);
}

static void bad_configurations_are_refused(void **state) {
  (void)state;
  wpm_manager_config good;
  wpm_manager_config_default(&good);
  wpm_manager *m = NULL;
  assert_int_equal(wpm_manager_new(&good, &m), WPM_ERR_INVALID); /* No peer id. */
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(1), &good.local_peer), WPM_OK);
  assert_int_equal(wpm_manager_new(&good, &m), WPM_OK);
  wpm_manager_free(m);
  wpm_manager_config bad = good;
  bad.size--;
  assert_int_equal(wpm_manager_new(&bad, &m), WPM_ERR_INVALID);
  bad = good;
  bad.store.size = 1;
  assert_int_equal(wpm_manager_new(&bad, &m), WPM_ERR_INVALID);
  int64_t *durations[] = {&bad.dial_timeout_ns,  &bad.ping_interval_ns, &bad.ping_timeout_ns,
                          &bad.prune_backoff_ns, &bad.backoff_slack_ns, &bad.reconnect_min_ns,
                          &bad.reconnect_max_ns, &bad.stable_after_ns,  &bad.mismatch_delay_ns};
  for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
    bad = good;
    *durations[i] = -1;
    assert_int_equal(wpm_manager_new(&bad, &m), WPM_ERR_INVALID);
  }
  bad = good;
  bad.ping_interval_ns = 0;
  assert_int_equal(wpm_manager_new(&bad, &m), WPM_ERR_INVALID);
  bad = good;
  bad.shard_count = 1;
  assert_int_equal(wpm_manager_new(&bad, &m), WPM_ERR_INVALID);
  wpm_manager_free(NULL);
}

static void extreme_durations_do_not_overflow(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.dial_timeout_ns = w->config.ping_interval_ns = w->config.ping_timeout_ns =
      w->config.prune_backoff_ns = w->config.backoff_slack_ns = w->config.reconnect_min_ns =
          w->config.reconnect_max_ns = w->config.stable_after_ns = w->config.mismatch_delay_ns =
              INT64_MAX;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_come_up(w, 1, 1);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, 100 * WPM_DAY);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_metadata(w, 1, c, 9, -1);
  assert_int_equal(wpm_world_plan(w, 1).held_by, WPM_HELD_BY_CLUSTER_MISMATCH);
  assert_true(wpm_world_plan(w, 1).next_dial.ns > w->now.mono.ns + 300 * WPM_DAY);
  wpm_world_free(w);
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void asking_for_what_is_asked_for_adds_nothing(void **state) {
  wpm_world *w = *state;
  wpm_bytes address = wpm_world_address(1, 60000);
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1)};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  for (int i = 0; i < 100; i++) { /* Nobody pulls. */
    e.u.found.origin = i % 2 ? WPM_ORIGIN_STATIC : WPM_ORIGIN_UNKNOWN;
    e.u.found.source = (wpm_address_source)(i % 3);
    assert_int_equal(wpm_manager_handle(w->manager, &e, w->now), WPM_OK);
  }
  wpm_world_run(w, 0);
  assert_int_equal(w->count, 1);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
}

static void unpulled_changes_of_connectivity_are_joined(void **state) {
  wpm_world *w = *state;
  wpm_event up = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
  up.u.connected.direction = WPM_INBOUND;
  up.u.connected.remote = wpm_world_address(1, 1);
  wpm_event down = {.type = WPM_EVENT_DISCONNECTED, .peer = wpm_world_id(1)};
  down.u.disconnected.reason = WPM_REASON_EOF;
  for (wpm_connection_id i = 1; i <= 3; i++) {
    up.u.connected.connection = down.u.disconnected.connection = i;
    assert_int_equal(wpm_manager_handle(w->manager, &up, w->now), WPM_OK);
    assert_int_equal(wpm_manager_handle(w->manager, &down, w->now), WPM_OK);
  }
  wpm_world_run(w, 0);
  wpm_world_action *notify = wpm_world_expect(w, WPM_ACTION_NOTIFY, 1);
  assert_int_equal(notify->from, WPM_NOT_CONNECTED);
  assert_int_equal(notify->to, WPM_CAN_CONNECT);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  assert_int_equal(w->count, 2); /* No identify, no metadata: those connections are over. */
}

static void a_change_and_its_undoing_are_not_told(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_forget_log(w);
  wpm_event up = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
  up.u.connected.connection = 77;
  up.u.connected.direction = WPM_INBOUND;
  assert_int_equal(wpm_manager_handle(w->manager, &up, w->now), WPM_OK);
  wpm_world_disconnected(w, 1, 77, WPM_REASON_RESET);
  wpm_world_expect_none(w, WPM_ACTION_NOTIFY, 1);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
}

static void a_dial_that_nobody_pulled_needs_no_cancelling(void **state) {
  wpm_world *w = *state;
  wpm_bytes address = wpm_world_address(1, 60000);
  for (int inbound = 0; inbound < 2; inbound++) {
    int peer = 1 + inbound;
    wpm_event found = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
    found.u.found.addresses = &address;
    found.u.found.address_count = 1;
    found.u.found.is_static = true;
    assert_int_equal(wpm_manager_handle(w->manager, &found, w->now), WPM_OK);
    assert_int_equal(wpm_manager_dial_count(w->manager), 1);
    if (inbound) { /* It comes by itself first. */
      wpm_world_come_in(w, peer, -1);
    } else {
      wpm_world_person(w, peer, WPM_EVENT_PERSON_DISCONNECT);
    }
    assert_int_equal(wpm_manager_dial_count(w->manager), 0);
    wpm_world_expect_none(w, WPM_ACTION_DIAL, peer);
    wpm_world_expect_none(w, WPM_ACTION_CANCEL_DIAL, peer);
  }
}

static void changes_are_told_in_order(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c[10];
  for (int peer = 0; peer < 10; peer++) {
    c[peer] = wpm_world_come_in(w, peer, 1);
  }
  wpm_world_forget_log(w);
  static const int order[] = {3, 9, 0, 7, 5};
  for (int i = 0; i < 5; i++) {
    wpm_event e = {.type = WPM_EVENT_DISCONNECTED, .peer = wpm_world_id(order[i])};
    e.u.disconnected.connection = c[order[i]];
    e.u.disconnected.reason = WPM_REASON_EOF;
    assert_int_equal(wpm_manager_handle(w->manager, &e, w->now), WPM_OK);
  }
  wpm_world_run(w, 0);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_NOTIFY, -1)->peer, order[i]);
  }
}

/* The same config, facts and times give the same actions. */
static void a_run_can_be_replayed(void **state) {
  (void)state;
  wpm_world *runs[2];
  for (int r = 0; r < 2; r++) {
    wpm_world *w = runs[r] = wpm_world_new(100);
    w->config.ping_interval_ns = 10 * S;
    wpm_world_start(w);
    for (int i = 0; i < 30; i++) {
      wpm_world_found(w, i, 60000, true);
      wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, i);
      if (i % 3 == 0) {
        wpm_world_dial_failed(w, i, dial->dial, WPM_REASON_REFUSED);
      } else {
        wpm_connection_id c;
        wpm_world_connected(w, i, WPM_OUTBOUND, dial->dial, &c);
        wpm_world_identified(w, i, c, i % 2, 0);
      }
    }
    wpm_world_run(w, 30 * S);
  }
  assert_int_equal(runs[0]->count, runs[1]->count);
  assert_true(runs[0]->count > 200);
  for (size_t i = 0; i < runs[0]->count; i++) {
    const wpm_world_action *a = &runs[0]->log[i];
    const wpm_world_action *b = &runs[1]->log[i];
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->peer, b->peer);
    assert_int_equal(a->at.ns, b->at.ns);
    assert_int_equal(a->dial, b->dial);
    assert_int_equal(a->connection, b->connection);
  }
  wpm_world_free(runs[0]);
  wpm_world_free(runs[1]);
}

static void a_clock_that_runs_backwards_stands_still(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, 100 * S);
  wpm_world_found(w, 2, 60000, false);
  w->now.mono.ns -= 50 * S;
  assert_int_equal(wpm_manager_advance(w->manager, w->now), WPM_OK);
  wpm_connection_id c = wpm_world_come_in(w, 2, 1);
  wpm_world_disconnected(w, 2, c, WPM_REASON_EOF);
  w->now.mono.ns += 50 * S;
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S, 63 * S);
  wpm_world_run(w, S);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_inbound_connection_without_a_place_is_refused),
      cmocka_unit_test(dials_in_flight_hold_places),
      cmocka_unit_test(a_freed_place_is_taken_at_once),
      cmocka_unit_test(dials_are_capped),
      cmocka_unit_test(static_nodes_precede_others),
      TEST(found_peers_alone_are_not_dialled),
      cmocka_unit_test(a_full_store_refuses_the_newcomer),
      cmocka_unit_test(zero_connections_means_none),
      cmocka_unit_test(bad_configurations_are_refused),
      cmocka_unit_test(extreme_durations_do_not_overflow),
      TEST(asking_for_what_is_asked_for_adds_nothing),
      TEST(unpulled_changes_of_connectivity_are_joined),
      TEST(a_change_and_its_undoing_are_not_told),
      TEST(a_dial_that_nobody_pulled_needs_no_cancelling),
      TEST(changes_are_told_in_order),
      cmocka_unit_test(a_run_can_be_replayed),
      TEST(a_clock_that_runs_backwards_stands_still),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
