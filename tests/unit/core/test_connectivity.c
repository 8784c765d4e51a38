/* The four states of 27/WAKU2-PEERS, what leads to each, and what is told of it. */
#include "support/core/world.h"
#include "support/test.h"

static void a_static_node_is_dialled_at_once(void **state) {
  wpm_world *w = *state;
  assert_int_equal(wpm_world_found(w, 1, 60000, true), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(dial->address_count, 1);
  assert_int_equal(dial->first_port, 60000);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_DIALLING, WPM_SPAN_NONE, 0);
  wpm_world_expect_none(w, WPM_ACTION_NOTIFY, 1);
}

static void a_connection_makes_it_connected(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, -1);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.connectivity, WPM_CONNECTED);
  assert_int_equal(r.direction, WPM_OUTBOUND);
  assert_true(r.held);
  assert_int_equal(r.connected_time.ns, w->now.wall.ns);
  assert_false(wpm_wall_known(r.disconnect_time));
  assert_int_equal(r.addresses[0].last_success.ns, w->now.wall.ns);
  assert_int_equal(r.public_key.len, 37);
  wpm_world_action *notify = wpm_world_expect(w, WPM_ACTION_NOTIFY, 1);
  assert_int_equal(notify->from, WPM_NOT_CONNECTED);
  assert_int_equal(notify->to, WPM_CONNECTED);
  assert_int_equal(notify->reason, WPM_REASON_NONE);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_IDENTIFY, 1)->connection, c);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_REQUEST_METADATA, 1)->connection, c);
  assert_int_equal(wpm_manager_connection_count(w->manager), 1);
  assert_int_equal(wpm_manager_dial_count(w->manager), 0);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_CONNECTED, WPM_SPAN_NONE, 0);
}

/* Every reason of the closed set, and what the end of a connection for it leaves behind. */
static void each_end_leaves_its_state(void **state) {
  wpm_world *w = *state;
  for (int reason = 1; reason < WPM_REASON_COUNT; reason++) {
    wpm_connection_id c = wpm_world_come_in(w, reason, 1);
    assert_int_equal(wpm_world_state(w, reason), WPM_CONNECTED);
    wpm_world_forget_log(w);
    wpm_world_pass(w, WPM_SECOND);
    assert_int_equal(wpm_world_disconnected(w, reason, c, (wpm_reason)reason), WPM_OK);
    bool on_purpose = wpm_reason_leaves((wpm_reason)reason) == WPM_CAN_CONNECT;
    wpm_peer_record r = wpm_world_record(w, reason);
    assert_int_equal(r.connectivity, on_purpose ? WPM_CAN_CONNECT : WPM_CANNOT_CONNECT);
    assert_int_equal(r.reason, reason);
    assert_int_equal(r.disconnect_time.ns, w->now.wall.ns);
    wpm_world_action *notify = wpm_world_expect(w, WPM_ACTION_NOTIFY, reason);
    assert_int_equal(notify->from, WPM_CONNECTED);
    assert_int_equal(notify->to, r.connectivity);
    assert_int_equal(notify->reason, reason);
    wpm_world_expect(w, WPM_ACTION_PERSIST, reason);
    assert_non_null(w->disk[reason]);
    assert_int_equal(w->disk[reason]->connectivity, r.connectivity);
  }
  assert_int_equal(wpm_manager_connection_count(w->manager), 0);
}

/* Every reason for which a dial fails: CannotConnect, but for our own failures. */
static void a_failed_dial_makes_it_cannot_connect(void **state) {
  wpm_world *w = *state;
  for (int reason = 0; reason < WPM_REASON_COUNT; reason++) {
    int peer = reason + 1;
    wpm_world_found(w, peer, 60000, true);
    wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
    int err = wpm_world_dial_failed(w, peer, dial, (wpm_reason)reason);
    wpm_peer_record r = wpm_world_record(w, peer);
    if (wpm_reason_leaves((wpm_reason)reason) == WPM_CANNOT_CONNECT) {
      assert_int_equal(err, WPM_OK);
      assert_int_equal(r.connectivity, WPM_CANNOT_CONNECT);
      assert_int_equal(r.reason, reason);
      assert_int_equal(r.failures, 1);
      assert_int_equal(r.first_failure.ns, w->now.wall.ns);
      assert_int_equal(r.last_failure.ns, w->now.wall.ns);
      assert_int_equal(r.addresses[0].last_failure.ns, w->now.wall.ns);
      assert_false(wpm_wall_known(r.disconnect_time));
      assert_false(r.held);
      continue;
    }
    assert_int_equal(err, reason == WPM_REASON_LOCAL_FAILURE ? WPM_OK : WPM_ERR_INVALID);
    assert_int_equal(r.connectivity, WPM_NOT_CONNECTED);
    assert_int_equal(r.reason, WPM_REASON_NONE);
    assert_int_equal(r.failures, 0);
    assert_false(wpm_wall_known(r.addresses[0].last_failure));
  }
}

static void an_address_is_not_blamed_for_our_own_failure(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_world_found(w, 1, 60001, true);
  wpm_failed_address failed[] = {{wpm_world_address(1, 60000), WPM_REASON_REFUSED},
                                 {wpm_world_address(1, 60001), WPM_REASON_LOCAL_FAILURE},
                                 {wpm_world_address(1, 60002), WPM_REASON_REFUSED}};
  wpm_event e = {.type = WPM_EVENT_DIAL_FAILED, .peer = wpm_world_id(1)};
  e.u.dial_failed.dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  e.u.dial_failed.reason = WPM_REASON_REFUSED;
  e.u.dial_failed.addresses = failed;
  e.u.dial_failed.address_count = 3;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.address_count, 2);
  assert_int_equal(r.addresses[0].last_failure.ns, w->now.wall.ns);
  assert_false(wpm_wall_known(r.addresses[1].last_failure));
  /* Only the one that did not fail is tried next time. */
  wpm_world_run(w, 2 * WPM_SECOND);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(dial->address_count, 1);
  assert_int_equal(dial->first_port, 60001);
}

static void a_killed_peer_can_connect_until_its_redial_fails(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  assert_int_equal(wpm_world_state(w, 1), WPM_CAN_CONNECT);
  wpm_world_run(w, 64 * WPM_SECOND);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_int_equal(wpm_world_state(w, 1), WPM_CAN_CONNECT);
  wpm_world_forget_log(w);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  assert_int_equal(wpm_world_state(w, 1), WPM_CANNOT_CONNECT);
  wpm_world_action *notify = wpm_world_expect(w, WPM_ACTION_NOTIFY, 1);
  assert_int_equal(notify->from, WPM_CAN_CONNECT);
  assert_int_equal(notify->to, WPM_CANNOT_CONNECT);
  assert_int_equal(notify->reason, WPM_REASON_REFUSED);
}

static void an_inbound_address_is_observed_and_never_dialled(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 0);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.direction, WPM_INBOUND);
  assert_int_equal(r.address_count, 0);
  assert_int_equal(r.observed_address.len, 8);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NO_ADDRESS, WPM_SPAN_NONE, 0);
  /* Identify brings a dialable one. */
  c = wpm_world_come_in(w, 1, -1);
  wpm_world_identified(w, 1, c, false, 60001);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->first_port, 60001);
}

static void a_failed_dial_beside_a_live_connection_changes_nothing(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_TIMED_OUT);
  wpm_world_run(w, 2 * WPM_SECOND);
  dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_come_in(w, 1, 1);
  wpm_world_forget_log(w);
  wpm_peer_record before = wpm_world_record(w, 1);
  wpm_world_run(w, 2 * WPM_SECOND);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.connectivity, WPM_CONNECTED);
  assert_int_equal(r.reason, WPM_REASON_TIMED_OUT);
  assert_int_equal(r.failures, 1);
  assert_int_equal(r.last_failure.ns, before.last_failure.ns);
  assert_int_equal(r.retry_delay.start.mono.ns, before.retry_delay.start.mono.ns);
  assert_int_equal(r.addresses[0].last_failure.ns, w->now.wall.ns);
  wpm_world_expect_none(w, WPM_ACTION_NOTIFY, 1);
}

static void late_facts_do_nothing(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_world_forget_log(w);
  assert_int_equal(wpm_world_dial_failed(w, 1, dial, WPM_REASON_TIMED_OUT), WPM_OK);
  assert_int_equal(wpm_world_dial_failed(w, 2, 7, WPM_REASON_TIMED_OUT), WPM_OK);
  assert_int_equal(wpm_world_record(w, 1).failures, 1);
  assert_int_equal(wpm_world_record(w, 1).reason, WPM_REASON_REFUSED);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_forget_log(w);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_TRUNCATED), WPM_OK);
  assert_int_equal(wpm_world_received(w, 1, c), WPM_OK);
  assert_int_equal(wpm_world_pong(w, 1, c, 5), WPM_OK);
  assert_int_equal(wpm_world_identified(w, 1, c, false, 60002), WPM_OK);
  assert_int_equal(wpm_world_metadata(w, 1, c, 9, 3), WPM_OK);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.reason, WPM_REASON_EOF);
  assert_int_equal(r.rtt_ns, WPM_SPAN_NONE);
  assert_int_equal(r.protocol_count, 3);
  assert_false(r.metadata_known);
  assert_int_equal(w->count, 0);
}

static void a_connection_of_a_dial_that_is_over_is_refused(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1)->dial, dial);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &c), WPM_OK);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_LATE_DIAL);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  assert_false(wpm_world_record(w, 1).held);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_LATE_DIAL), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
}

static void a_connection_that_the_host_made_itself_counts(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, 0, &c), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  assert_int_equal(wpm_world_record(w, 1).direction, WPM_OUTBOUND);
}

static void malformed_facts_are_refused(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 2, 1);
  wpm_world_forget_log(w);
  wpm_event e = {.type = WPM_EVENT_RECEIVED};
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_INVALID);
  e = (wpm_event){.type = (wpm_event_type)99, .peer = wpm_world_id(1)};
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_INVALID);
  uint8_t long_id[256] = {0};
  e = (wpm_event){.type = WPM_EVENT_FOUND, .peer = {long_id, sizeof(long_id)}};
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_INVALID);
  /* Another peer's connection. */
  assert_int_equal(wpm_world_received(w, 2, c), WPM_ERR_INVALID);
  assert_int_equal(wpm_world_disconnected(w, 2, c, WPM_REASON_EOF), WPM_ERR_INVALID);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_NONE), WPM_ERR_INVALID);
  assert_int_equal(wpm_world_disconnected(w, 1, c, (wpm_reason)99), WPM_ERR_INVALID);
  assert_int_equal(wpm_world_pruned(w, 1, -1), WPM_ERR_INVALID);
  /* A number in use, and a connection that runs no way. */
  w->next_connection = c;
  wpm_connection_id again;
  assert_int_equal(wpm_world_connected(w, 3, WPM_INBOUND, 0, &again), WPM_ERR_INVALID);
  w->next_connection = 1000;
  assert_int_equal(wpm_world_connected(w, 3, WPM_DIRECTION_NONE, 0, &again), WPM_ERR_INVALID);
  assert_int_equal(w->count, 0);
  assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 2);
}

static void our_own_id_is_neither_taken_nor_dialled(void **state) {
  wpm_world *w = *state;
  assert_int_equal(wpm_world_found(w, 100, 60000, true), WPM_ERR_INVALID);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 100, WPM_INBOUND, 0, &c), WPM_ERR_INVALID);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 100);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_SELF);
  assert_int_equal(wpm_world_disconnected(w, 100, c, WPM_REASON_SELF), WPM_OK);
  wpm_peer_record mine = {.id = wpm_world_id(100)};
  assert_int_equal(wpm_manager_restore(w->manager, &mine, NULL, w->now), WPM_ERR_STATE);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 0);
}

static void round_trips_are_kept_but_seldom_stored(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_forget_log(w);
  for (int i = 1; i <= 59; i++) {
    wpm_world_pass(w, WPM_SECOND);
    wpm_world_pong(w, 1, c, i * WPM_MILLISECOND);
    assert_int_equal(wpm_world_record(w, 1).rtt_ns, i * WPM_MILLISECOND);
  }
  assert_int_equal(wpm_world_count(w, WPM_ACTION_PERSIST), 0);
  wpm_world_pass(w, WPM_SECOND);
  wpm_world_pong(w, 1, c, WPM_SPAN_NONE);
  assert_int_equal(wpm_world_record(w, 1).rtt_ns, 59 * WPM_MILLISECOND);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_PERSIST), 0);
  wpm_world_pong(w, 1, c, 7);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_PERSIST), 1);
  assert_int_equal(w->disk[1]->rtt_ns, 7);
  wpm_world_pass(w, 30 * WPM_SECOND);
  wpm_world_pong(w, 1, c, 8); /* Not again within a minute. */
  assert_int_equal(wpm_world_count(w, WPM_ACTION_PERSIST), 1);
  for (int i = 0; i < 1000; i++) {
    wpm_world_received(w, 1, c);
  }
  assert_int_equal(wpm_world_count(w, WPM_ACTION_PERSIST), 1);
}

static void the_same_facts_again_store_nothing(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_metadata(w, 1, c, 1, 3);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_identified(w, 1, c, true, 60001);
  wpm_world_forget_log(w);
  wpm_world_metadata(w, 1, c, 1, 3);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_identified(w, 1, c, true, 60001);
  assert_int_equal(w->count, 0);
}

static void names_are_a_closed_set(void **state) {
  (void)state;
  for (int i = 0; i < WPM_HELD_BY_COUNT; i++) {
    const char *name = wpm_held_by_name((wpm_held_by)i);
    assert_string_not_equal(name, "?");
    for (int k = 0; k < i; k++) {
      assert_string_not_equal(name, wpm_held_by_name((wpm_held_by)k));
    }
  }
  assert_string_equal(wpm_held_by_name((wpm_held_by)WPM_HELD_BY_COUNT), "?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_static_node_is_dialled_at_once),
      TEST(a_connection_makes_it_connected),
      TEST(each_end_leaves_its_state),
      TEST(a_failed_dial_makes_it_cannot_connect),
      TEST(an_address_is_not_blamed_for_our_own_failure),
      TEST(a_killed_peer_can_connect_until_its_redial_fails),
      TEST(an_inbound_address_is_observed_and_never_dialled),
      TEST(a_failed_dial_beside_a_live_connection_changes_nothing),
      TEST(late_facts_do_nothing),
      TEST(a_connection_of_a_dial_that_is_over_is_refused),
      TEST(a_connection_that_the_host_made_itself_counts),
      TEST(malformed_facts_are_refused),
      TEST(our_own_id_is_neither_taken_nor_dialled),
      TEST(round_trips_are_kept_but_seldom_stored),
      TEST(the_same_facts_again_store_nothing),
      TEST(names_are_a_closed_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
