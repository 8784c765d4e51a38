/* What a person asks for: connect, disconnect, remove; and a peer of another cluster. */
#include "support/core/history_kit.h"
#include "support/test.h"

#define S WPM_SECOND

static void connect_goes_at_once_past_every_delay(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_pruned(w, 1, WPM_HOUR);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_HOUR, WPM_HOUR + 3 * S);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_world_come_up(w, 1, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  /* The backoff stands all the same. */
  wpm_world_disconnected(w, 1, w->next_connection - 1, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_HOUR, WPM_HOUR + 3 * S);
}

static void connect_goes_past_the_limits(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_connections = 1;
  w->config.max_dials = 1;
  wpm_world_start(w);
  wpm_world_come_in(w, 1, 1);
  wpm_world_found(w, 2, 60000, true);
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
  wpm_world_person(w, 2, WPM_EVENT_PERSON_CONNECT);
  wpm_world_come_up(w, 2, 1);
  assert_int_equal(wpm_world_state(w, 2), WPM_CONNECTED);
  wpm_world_free(w);
}

/* One that nobody knew yet: the asking is told first, and goes past the limits. */
static void who_is_added_to_be_connected_is_asked_for_first(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_connections = 1;
  wpm_world_start(w);
  wpm_world_come_in(w, 1, 1);
  wpm_bytes address = wpm_world_address(2, 1);
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(2)};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_PERSON;
  e.u.found.is_static = e.u.found.connect = true;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_DIAL, 2);
  uint64_t cursor = 0;
  wpm_history_entry dialled = wpm_history_next(w, 2, &cursor);
  wpm_history_entry asked = wpm_history_next(w, 2, &cursor);
  wpm_history_expect_is(&dialled, 2, WPM_HISTORY_DIALLED, WPM_REASON_NONE);
  wpm_history_expect_is(&asked, 2, WPM_HISTORY_CONNECT_ASKED, WPM_REASON_NONE);
  wpm_history_expect_end(w, 2, cursor);
  wpm_world_free(w);
}

static void connect_where_there_is_one_or_a_dial_does_nothing(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_come_in(w, 2, 1);
  assert_int_equal(wpm_world_person(w, 2, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
}

static void connect_without_an_address_says_why(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, true);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NO_ADDRESS, WPM_SPAN_NONE, 0);
}

static void a_person_cannot_name_an_unknown_peer(void **state) {
  wpm_world *w = *state;
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE), WPM_ERR_NOT_FOUND);
  wpm_plan plan;
  assert_int_equal(wpm_manager_plan(w->manager, wpm_world_id(1), w->now, &plan), WPM_ERR_NOT_FOUND);
}

static void disconnect_holds_until_a_person_connects(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_forget_log(w);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT), WPM_OK);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_PERSON);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_PERSON);
  assert_true(r.held_off);
  assert_true(w->disk[1]->held_off);
  wpm_world_disconnected(w, 1, c, WPM_REASON_PERSON);
  wpm_world_run(w, 30 * WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  /* Configuration is not a person. */
  wpm_world_found(w, 1, 60001, true);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PERSON, WPM_SPAN_NONE, 0);
  /* Across a restart too. */
  wpm_world_end(w, true);
  wpm_world_pass(w, WPM_DAY);
  wpm_world_restart(w, NULL);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  /* Its own dialling is refused. */
  wpm_connection_id in;
  wpm_world_connected(w, 1, WPM_INBOUND, 0, &in);
  end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, in);
  assert_int_equal(end->reason, WPM_REASON_PERSON);
  assert_int_equal(wpm_world_record(w, 1).reason, WPM_REASON_PERSON);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  wpm_world_come_up(w, 1, 1);
  assert_false(wpm_world_record(w, 1).held_off);
}

static void disconnect_cancels_a_dial(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1)->dial, dial);
  assert_int_equal(wpm_manager_dial_count(w->manager), 0);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  assert_int_equal(wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  assert_true(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial != dial);
}

static void disconnect_ends_both_of_two(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 1, 1);
  wpm_world_forget_log(w);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DISCONNECT), 2);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_NOTIFY), 1);
  assert_int_equal(wpm_manager_connection_count(w->manager), 0);
}

static void remove_forgets_it_and_ends_its_connections(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  assert_non_null(w->disk[1]);
  wpm_world_forget_log(w);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE), WPM_OK);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_PERSON);
  wpm_world_action *notify = wpm_world_expect(w, WPM_ACTION_NOTIFY, 1);
  assert_int_equal(notify->from, WPM_CONNECTED);
  assert_int_equal(notify->to, WPM_CAN_CONNECT);
  assert_int_equal(notify->reason, WPM_REASON_PERSON);
  wpm_world_expect(w, WPM_ACTION_FORGET, 1);
  wpm_world_expect_none(w, WPM_ACTION_PERSIST, 1);
  assert_null(w->disk[1]);
  assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 0);
  assert_int_equal(wpm_manager_connection_count(w->manager), 0);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_PERSON), WPM_OK);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
}

static void remove_cancels_a_dial(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1)->dial, dial);
  assert_int_equal(wpm_manager_dial_count(w->manager), 0);
  /* The same peer again is another one to late results. */
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id again = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_true(again != dial);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
}

static void removed_and_found_again_before_the_host_looked(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_forget_log(w);
  wpm_event remove = {.type = WPM_EVENT_PERSON_REMOVE, .peer = wpm_world_id(1)};
  assert_int_equal(wpm_manager_handle(w->manager, &remove, w->now), WPM_OK);
  wpm_world_found(w, 1, 60000, true); /* Pulls the actions of both. */
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->connection, c);
  assert_non_null(w->disk[1]); /* Forgotten first, then stored anew. */
  assert_int_equal(w->disk[1]->connectivity, WPM_NOT_CONNECTED);
  /* A stranger, but its backoff has outlived its record. */
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 60 * WPM_SECOND, 64 * WPM_SECOND);
  wpm_world_run(w, 64 * WPM_SECOND);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

/* ---- another cluster ------------------------------------------------------------------------- */

static void a_peer_of_another_cluster_is_left_alone_for_six_hours(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_forget_log(w);
  assert_int_equal(wpm_world_metadata(w, 1, c, 2, 0), WPM_OK);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_CLUSTER_MISMATCH);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_CLUSTER_MISMATCH);
  assert_int_equal(r.cluster_id, 2);
  assert_true(r.metadata_known);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_CLUSTER_MISMATCH, 6 * WPM_HOUR, 6 * WPM_HOUR);
  wpm_world_run(w, 3 * WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  /* Across a restart. */
  wpm_world_end(w, true);
  wpm_world_pass(w, WPM_HOUR);
  wpm_world_restart(w, NULL);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_CLUSTER_MISMATCH, 2 * WPM_HOUR, 2 * WPM_HOUR);
  wpm_world_run(w, 2 * WPM_HOUR - 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_run(w, 1);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void it_is_met_again_where_it_dials_us(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_metadata(w, 1, c, 2, -1);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_forget_log(w);
  c = wpm_world_come_in(w, 1, 0);
  wpm_world_expect(w, WPM_ACTION_REQUEST_METADATA, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_metadata(w, 1, c, 2, -1); /* Still another: ended, six hours from now. */
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_CLUSTER_MISMATCH, 6 * WPM_HOUR, 6 * WPM_HOUR);
  c = wpm_world_come_in(w, 1, 0);
  wpm_world_metadata(w, 1, c, 1, -1); /* Ours now: it stays, and comes back. */
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
  wpm_world_run(w, 2 * WPM_MINUTE);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void only_a_mismatch_ends_it(void **state) {
  (void)state;
  static const struct {
    uint32_t ours;
    int64_t theirs;
    bool mismatch;
  } cases[] = {{1, 1, false}, {1, 0, false}, {1, -1, false}, {0, 5, false},
               {0, 0, false}, {5, 5, false}, {1, 5, true},   {5, 1, true}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    wpm_world *w = wpm_world_new(100);
    w->config.cluster_id = cases[i].ours;
    wpm_world_start(w);
    wpm_connection_id c = wpm_world_come_in(w, 1, 1);
    assert_int_equal(wpm_world_metadata(w, 1, c, cases[i].theirs, -1), WPM_OK);
    assert_int_equal(wpm_world_state(w, 1), cases[i].mismatch ? WPM_CAN_CONNECT : WPM_CONNECTED);
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DISCONNECT), cases[i].mismatch);
    wpm_world_free(w);
  }
}

static void a_cluster_that_was_not_given_is_none(void **state) {
  wpm_world *w = *state;
  wpm_event e = {.type = WPM_EVENT_METADATA, .peer = wpm_world_id(1)};
  e.u.metadata.connection = wpm_world_come_in(w, 1, 1);
  e.u.metadata.cluster_id = 9; /* Left over in the host's memory. */
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  assert_int_equal(wpm_world_record(w, 1).cluster_id, 0);
}

static void a_mismatch_ends_both_of_two(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, 1);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_metadata(w, 1, c, 9, -1);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DISCONNECT), 2);
  assert_int_equal(wpm_world_record(w, 1).reason, WPM_REASON_CLUSTER_MISMATCH);
}

static void a_mismatch_cancels_a_dial_beside_the_connection(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_metadata(w, 1, c, 9, -1);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1)->dial, dial);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_CLUSTER_MISMATCH, 6 * WPM_HOUR, 6 * WPM_HOUR);
}

static void another_cluster_of_ours_after_a_restart_frees_it(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_metadata(w, 1, c, 2, -1);
  wpm_world_end(w, true);
  w->config.cluster_id = 2;
  wpm_world_restart(w, NULL);
  wpm_world_forget_log(w);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void relay_peers_of_other_shards_are_not_wanted(void **state) {
  (void)state;
  static const uint16_t shards[] = {3, 5};
  static const struct {
    int relay;
    int shard;
    bool is_static;
    bool wanted;
  } cases[] = {{1, 5, false, true}, {1, 4, false, false}, {1, -1, false, true},
               {0, 4, false, true}, {1, 4, true, true},   {1, 3, false, true}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    wpm_world *w = wpm_world_new(100);
    w->config.shards = shards;
    w->config.shard_count = 2;
    wpm_world_start(w);
    wpm_world_found(w, 1, 60000, cases[i].is_static);
    wpm_connection_id c = wpm_world_come_in(w, 1, cases[i].relay);
    wpm_world_metadata(w, 1, c, 1, cases[i].shard);
    assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
    wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
    wpm_world_forget_log(w);
    bool not_wanted = wpm_world_plan(w, 1).held_by == WPM_HELD_BY_NOT_WANTED;
    assert_int_equal(not_wanted, !cases[i].wanted);
    wpm_world_free(w);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(connect_goes_at_once_past_every_delay),
      cmocka_unit_test(connect_goes_past_the_limits),
      cmocka_unit_test(who_is_added_to_be_connected_is_asked_for_first),
      TEST(connect_where_there_is_one_or_a_dial_does_nothing),
      TEST(connect_without_an_address_says_why),
      TEST(a_person_cannot_name_an_unknown_peer),
      TEST(disconnect_holds_until_a_person_connects),
      TEST(disconnect_cancels_a_dial),
      TEST(disconnect_ends_both_of_two),
      TEST(remove_forgets_it_and_ends_its_connections),
      TEST(remove_cancels_a_dial),
      TEST(removed_and_found_again_before_the_host_looked),
      TEST(a_peer_of_another_cluster_is_left_alone_for_six_hours),
      TEST(it_is_met_again_where_it_dials_us),
      cmocka_unit_test(only_a_mismatch_ends_it),
      TEST(a_cluster_that_was_not_given_is_none),
      TEST(a_mismatch_ends_both_of_two),
      TEST(a_mismatch_cancels_a_dial_beside_the_connection),
      TEST(another_cluster_of_ours_after_a_restart_frees_it),
      cmocka_unit_test(relay_peers_of_other_shards_are_not_wanted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
