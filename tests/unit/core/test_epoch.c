/* Sleep, the loss of the network, and its return. */
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND

static int network(wpm_world *w, wpm_network_state what) {
  wpm_event event = {.type = WPM_EVENT_NETWORK, .u.network.state = what};
  return wpm_world_handle(w, &event);
}

/* The machine sleeps: nobody calls, and time goes on. */
static void sleep_for(wpm_world *w, int64_t ns) {
  wpm_world_run(w, S);
  wpm_world_forget_log(w);
  wpm_world_pass(w, ns);
  wpm_world_run(w, 0);
}

static void fail_dial(wpm_world *w, int peer, wpm_reason reason) {
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  assert_int_equal(wpm_world_dial_failed(w, peer, dial, reason), WPM_OK);
}

/* A static node whose dials have failed until it waits for minutes. */
static void discourage(wpm_world *w, int peer) {
  wpm_world_found(w, peer, 60000, true);
  for (int i = 0; i < 12; i++) {
    fail_dial(w, peer, WPM_REASON_TIMED_OUT);
    if (i < 11) {
      wpm_world_run(w, wpm_world_plan(w, peer).next_dial.ns - w->now.mono.ns);
    }
  }
  assert_int_equal(wpm_world_plan(w, peer).held_by, WPM_HELD_BY_RETRY_DELAY);
  assert_true(wpm_world_plan(w, peer).next_dial.ns - w->now.mono.ns > 200 * S);
}

static wpm_connection_id come_up(wpm_world *w, int peer) {
  wpm_world_found(w, peer, 60000, true);
  return wpm_world_come_up(w, peer, 1);
}

/* ---- sleep ----------------------------------------------------------------------------------- */

static void who_died_in_a_sleep_is_dialled_again_within_ten_seconds(void **state) {
  wpm_world *w = *state;
  wpm_connection_id connection = come_up(w, 1);
  wpm_world_run(w, 3 * WPM_MINUTE);
  wpm_world_received(w, 1, connection);
  int64_t asleep = w->now.wall.ns;
  sleep_for(w, 8 * WPM_HOUR);
  wpm_world_expect(w, WPM_ACTION_PING, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_run(w, 5 * S);
  assert_int_equal(wpm_world_state(w, 1), WPM_CANNOT_CONNECT);
  /* It counts as lost when the sleep began, so its backoff is long over. */
  assert_in_range(wpm_world_record(w, 1).disconnect_time.ns, asleep, asleep + 32 * S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void who_lived_through_a_sleep_stays(void **state) {
  wpm_world *w = *state;
  wpm_connection_id one = come_up(w, 1);
  wpm_connection_id two = come_up(w, 2);
  wpm_world_run(w, WPM_MINUTE);
  sleep_for(w, WPM_HOUR);
  wpm_world_expect(w, WPM_ACTION_PING, 1);
  wpm_world_expect(w, WPM_ACTION_PING, 2);
  wpm_world_pong(w, 1, one, WPM_MILLISECOND);
  wpm_world_received(w, 2, two);
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  assert_int_equal(wpm_world_state(w, 2), WPM_CONNECTED);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, -1);
}

/* What the operating system says of the connection after the sleep counts as of before it, too. */
static void a_reset_after_a_sleep_happened_before_it(void **state) {
  wpm_world *w = *state;
  wpm_connection_id connection = come_up(w, 1);
  wpm_world_run(w, 3 * WPM_MINUTE);
  int64_t asleep = w->now.wall.ns;
  wpm_world_pass(w, WPM_HOUR);
  wpm_world_disconnected(w, 1, connection, WPM_REASON_RESET);
  assert_in_range(wpm_world_record(w, 1).disconnect_time.ns, asleep, asleep + 32 * S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

/* It had just come up, and speaks no relay: nothing but its own failure would hold it back. */
static void who_died_in_a_sleep_did_not_drop_us(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id connection = wpm_world_come_up(w, 1, 0);
  wpm_world_run(w, S);
  wpm_world_pass(w, WPM_HOUR);
  wpm_world_disconnected(w, 1, connection, WPM_REASON_RESET);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_backoff_of_the_other_side_passes_in_a_sleep_and_is_never_shortened(void **state) {
  wpm_world *w = *state;
  wpm_connection_id connection = come_up(w, 1);
  wpm_world_pruned(w, 1, WPM_HOUR);
  wpm_world_disconnected(w, 1, connection, WPM_REASON_GO_AWAY);
  sleep_for(w, 20 * WPM_MINUTE);
  network(w, WPM_NETWORK_CHANGED);
  wpm_world_run(w, 0);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 39 * WPM_MINUTE, 41 * WPM_MINUTE);
  sleep_for(w, 41 * WPM_MINUTE);
  wpm_world_run(w, S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_wake_voids_the_retry_delay(void **state) { /* GO#1307 */
  wpm_world *w = *state;
  come_up(w, 2);
  discourage(w, 1);
  come_up(w, 3); /* So that there is a deadline to be late for. */
  wpm_world_run(w, 10 * S);
  wpm_world_forget_log(w);
  wpm_world_pass(w, 2 * WPM_MINUTE);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

/* What fails in the new network is its own failure, though the old delays are not all void yet. */
static void a_failure_after_the_change_holds_back(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id connection = wpm_world_come_up(w, 1, 0);
  network(w, WPM_NETWORK_CHANGED);
  wpm_world_disconnected(w, 1, connection, WPM_REASON_GO_AWAY);
  wpm_world_run(w, 0);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(wpm_world_plan(w, 1).held_by, WPM_HELD_BY_RETRY_DELAY);
}

static void a_call_that_is_a_little_late_is_no_sleep(void **state) {
  wpm_world *w = *state;
  come_up(w, 1);
  discourage(w, 2);
  come_up(w, 3);
  wpm_world_run(w, wpm_manager_next_deadline(w->manager).ns - w->now.mono.ns - 1);
  wpm_world_forget_log(w);
  wpm_world_pass(w, 25 * S);
  wpm_world_run(w, 0);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
}

/* A dial that a sleep cut short says nothing of its peer. */
static void a_dial_across_a_sleep_is_no_failure_of_the_peer(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  come_up(w, 2);
  wpm_world_run(w, S);
  wpm_world_pass(w, WPM_HOUR);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_TIMED_OUT);
  assert_int_equal(wpm_world_record(w, 1).failures, 0);
}

/* ---- the network ----------------------------------------------------------------------------- */

static void offline_nothing_is_dialled_and_nobody_blamed(void **state) { /* GO PR#1244 */
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_int_equal(network(w, WPM_NETWORK_OFFLINE), WPM_OK);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_TIMED_OUT);
  assert_int_equal(wpm_world_record(w, 1).failures, 0);
  wpm_world_found(w, 2, 60000, true);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_OFFLINE, WPM_SPAN_NONE, WPM_SPAN_NONE);
  network(w, WPM_NETWORK_ONLINE);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect(w, WPM_ACTION_DIAL, 2);
}

static void a_person_may_dial_offline(void **state) {
  wpm_world *w = *state;
  network(w, WPM_NETWORK_OFFLINE);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void who_is_lost_offline_was_lost_when_it_began(void **state) {
  wpm_world *w = *state;
  wpm_connection_id connection = come_up(w, 1);
  wpm_world_run(w, 2 * WPM_MINUTE);
  int64_t began = w->now.wall.ns;
  network(w, WPM_NETWORK_OFFLINE);
  wpm_world_run(w, 10 * S);
  wpm_world_disconnected(w, 1, connection, WPM_REASON_TIMED_OUT);
  assert_int_equal(wpm_world_record(w, 1).disconnect_time.ns, began);
  wpm_world_run(w, 2 * WPM_MINUTE);
  network(w, WPM_NETWORK_ONLINE);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_changed_network_voids_the_retry_delay_and_asks_all_for_a_sign(void **state) {
  wpm_world *w = *state;
  come_up(w, 2);
  discourage(w, 1);
  wpm_connection_id connection = come_up(w, 3);
  wpm_world_run(w, S);
  wpm_world_forget_log(w);
  network(w, WPM_NETWORK_CHANGED);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect(w, WPM_ACTION_PING, 3);
  wpm_world_received(w, 3, connection);
  wpm_world_run(w, 10 * S);
  assert_int_equal(wpm_world_state(w, 3), WPM_CONNECTED);
}

/* The host says nothing of the network (ND#3435): what the peers show has to do. */
static void the_first_success_after_nothing_worked_is_a_new_epoch(void **state) {
  wpm_world *w = *state;
  discourage(w, 1);
  wpm_world_run(w, S);
  wpm_world_found(w, 2, 60000, true);
  wpm_world_come_up(w, 2, 1);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void failures_beside_a_live_connection_are_the_peers_own(void **state) {
  wpm_world *w = *state;
  come_up(w, 3);
  discourage(w, 1);
  wpm_world_found(w, 2, 60000, true);
  wpm_world_come_up(w, 2, 1);
  wpm_world_run(w, 0);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(wpm_world_plan(w, 1).held_by, WPM_HELD_BY_RETRY_DELAY);
}

static void a_fact_of_the_network_is_of_no_peer(void **state) {
  wpm_world *w = *state;
  wpm_event event = {.type = WPM_EVENT_NETWORK, .peer = wpm_world_id(1)};
  assert_int_equal(wpm_world_handle(w, &event), WPM_ERR_INVALID);
  event.peer = (wpm_bytes){NULL, 0};
  event.u.network.state = (wpm_network_state)99;
  assert_int_equal(wpm_world_handle(w, &event), WPM_ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(who_died_in_a_sleep_is_dialled_again_within_ten_seconds),
      TEST(who_lived_through_a_sleep_stays),
      TEST(a_reset_after_a_sleep_happened_before_it),
      TEST(who_died_in_a_sleep_did_not_drop_us),
      TEST(a_backoff_of_the_other_side_passes_in_a_sleep_and_is_never_shortened),
      TEST(a_wake_voids_the_retry_delay),
      TEST(a_failure_after_the_change_holds_back),
      TEST(a_call_that_is_a_little_late_is_no_sleep),
      TEST(a_dial_across_a_sleep_is_no_failure_of_the_peer),
      TEST(offline_nothing_is_dialled_and_nobody_blamed),
      TEST(a_person_may_dial_offline),
      TEST(who_is_lost_offline_was_lost_when_it_began),
      TEST(a_changed_network_voids_the_retry_delay_and_asks_all_for_a_sign),
      TEST(the_first_success_after_nothing_worked_is_a_new_epoch),
      TEST(failures_beside_a_live_connection_are_the_peers_own),
      TEST(a_fact_of_the_network_is_of_no_peer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
