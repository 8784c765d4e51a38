/* The retry delay and the GossipSub prune backoff. */
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND
#define MS WPM_MILLISECOND

/* Fails the dial that is asked for. */
static void fail_dial(wpm_world *w, int peer, wpm_reason reason) {
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  assert_int_equal(wpm_world_dial_failed(w, peer, dial, reason), WPM_OK);
}

/* Runs to the peer's next dial, which must come at the time its plan named, and not before. */
static int64_t run_to_dial(wpm_world *w, int peer) {
  wpm_plan plan = wpm_world_plan(w, peer);
  assert_true(plan.next_dial.ns != WPM_NEVER.ns);
  int64_t wait = plan.next_dial.ns - w->now.mono.ns;
  wpm_world_run(w, wait - 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, peer);
  wpm_world_run(w, 1);
  return wait;
}

/* ---- retry delay ----------------------------------------------------------------------------- */

static void it_doubles_from_minimum_to_maximum(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  int64_t base = S;
  for (int failures = 1; failures <= 40; failures++) {
    fail_dial(w, 1, WPM_REASON_REFUSED);
    assert_int_equal(wpm_world_record(w, 1).failures, failures);
    int64_t from = base < 300 * S * 3 / 4 ? base : 300 * S * 3 / 4;
    int64_t to = base + base / 4 < 300 * S ? base + base / 4 : 300 * S;
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, from, to);
    run_to_dial(w, 1);
    base = base * 2 < 300 * S ? base * 2 : 300 * S;
  }
}

static void it_is_jittered(void **state) {
  wpm_world *w = *state;
  int64_t least = INT64_MAX;
  int64_t most = 0;
  for (int peer = 0; peer < 64; peer++) {
    wpm_world_found(w, peer, 60000, true);
    fail_dial(w, peer, WPM_REASON_REFUSED);
    int64_t wait = wpm_world_plan(w, peer).next_dial.ns - w->now.mono.ns;
    least = wait < least ? wait : least;
    most = wait > most ? wait : most;
  }
  assert_in_range(least, S, S + 50 * MS);
  assert_in_range(most, S + 200 * MS, S + 250 * MS);
}

static void a_maximum_below_the_minimum_lowers_it(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.reconnect_min_ns = 10 * S;
  w->config.reconnect_max_ns = 2 * S;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, true);
  for (int i = 0; i < 5; i++) {
    fail_dial(w, 1, WPM_REASON_REFUSED);
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, 2 * S, 2 * S);
    run_to_dial(w, 1);
  }
  wpm_world_free(w);
}

static void it_never_spins_even_where_configured_as_zero(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.reconnect_min_ns = 0;
  w->config.reconnect_max_ns = 0;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, true);
  fail_dial(w, 1, WPM_REASON_REFUSED);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, MS, MS);
  wpm_world_free(w);
}

static void only_a_stable_connection_resets_it(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  for (int i = 0; i < 4; i++) {
    fail_dial(w, 1, WPM_REASON_REFUSED);
    run_to_dial(w, 1);
  }
  /* Up for less than stable_after: no failed attempt, but the delay grows as by one. */
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_run(w, 60 * S - 1);
  assert_int_equal(wpm_world_record(w, 1).failures, 4);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.failures, 4);
  assert_int_equal(r.reason, WPM_REASON_EOF);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, 16 * S, 20 * S);
  run_to_dial(w, 1);
  /* Stable: forgotten, and at once again. */
  c = wpm_world_come_up(w, 1, 0);
  wpm_world_forget_log(w);
  wpm_world_run(w, 60 * S);
  r = wpm_world_record(w, 1);
  assert_int_equal(r.failures, 0);
  assert_false(wpm_wall_known(r.first_failure));
  assert_true(wpm_wall_known(r.last_failure));
  assert_int_equal(w->disk[1]->failures, 0);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  fail_dial(w, 1, WPM_REASON_REFUSED);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, S, S + 250 * MS);
}

static void stability_is_seen_even_when_nobody_advanced(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  fail_dial(w, 1, WPM_REASON_REFUSED);
  run_to_dial(w, 1);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_pass(w, 60 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  assert_int_equal(wpm_world_record(w, 1).failures, 0);
}

static void a_peer_that_drops_every_connection_is_not_hammered(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  size_t dials = 0;
  int64_t end = w->now.mono.ns + WPM_HOUR;
  while (w->now.mono.ns < end) {
    wpm_world_action *dial = wpm_world_take(w, WPM_ACTION_DIAL, 1);
    if (dial) {
      wpm_connection_id c;
      wpm_world_connected(w, 1, WPM_OUTBOUND, dial->dial, &c);
      wpm_world_identified(w, 1, c, false, 0);
      wpm_world_disconnected(w, 1, c, WPM_REASON_RESET);
      dials++;
    }
    wpm_world_forget_log(w);
    wpm_world_run(w, S);
  }
  assert_in_range(dials, 10, 30);
}

static void connections_that_they_dialled_do_not_count(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, false);
  for (int i = 0; i < 10; i++) {
    wpm_connection_id c = wpm_world_come_in(w, 1, 1);
    wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  }
  assert_int_equal(wpm_world_record(w, 1).failures, 0);
}

static void our_own_failures_delay_but_are_not_held_against_it(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  for (int i = 0; i < 12; i++) {
    fail_dial(w, 1, WPM_REASON_LOCAL_FAILURE);
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, S, 10 * S);
    run_to_dial(w, 1);
  }
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.failures, 0);
  assert_int_equal(r.retry_delay.length_ns, 0);
  assert_int_equal(r.connectivity, WPM_NOT_CONNECTED);
  /* A stable connection forgets those, too. */
  wpm_connection_id stable = wpm_world_come_up(w, 1, 0);
  wpm_world_run(w, 60 * S);
  wpm_world_disconnected(w, 1, stable, WPM_REASON_EOF);
  fail_dial(w, 1, WPM_REASON_LOCAL_FAILURE);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, S, S + 250 * MS);
  run_to_dial(w, 1);
  /* Nor a connection that we ended before it was stable; it is not redialled at once, though. */
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_disconnected(w, 1, c, WPM_REASON_LOCAL_FAILURE);
  r = wpm_world_record(w, 1);
  assert_int_equal(r.failures, 0);
  assert_int_equal(r.connectivity, WPM_CANNOT_CONNECT);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, S, 10 * S);
}

/* ---- prune backoff --------------------------------------------------------------------------- */

static void it_begins_with_every_disconnect_of_a_gossipsub_peer(void **state) {
  wpm_world *w = *state;
  static const wpm_reason reasons[] = {WPM_REASON_EOF, WPM_REASON_RESET, WPM_REASON_GO_AWAY,
                                       WPM_REASON_TRUNCATED, WPM_REASON_PING_TIMEOUT};
  for (int i = 0; i < 5; i++) {
    wpm_world_found(w, i, 60000, true);
    wpm_connection_id c = wpm_world_come_up(w, i, 1);
    wpm_world_run(w, 70 * S);
    wpm_world_disconnected(w, i, c, reasons[i]);
    wpm_world_expect_plan(w, i, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S + 100 * MS, 63 * S);
    int64_t waited = run_to_dial(w, i);
    assert_true(waited >= 62 * S);
    fail_dial(w, i, WPM_REASON_REFUSED);
  }
}

static void it_holds_for_peers_whose_protocols_are_not_known(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, -1);
  wpm_world_run(w, 70 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S, 63 * S);
}

static void it_does_not_hold_for_peers_known_not_to_gossip(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_run(w, 70 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  assert_int_equal(wpm_world_record(w, 1).prune_backoff.length_ns, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_failed_dial_does_not_begin_it(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  fail_dial(w, 1, WPM_REASON_REFUSED);
  assert_int_equal(wpm_world_record(w, 1).prune_backoff.length_ns, 0);
}

static void a_prune_makes_it_longer(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_run(w, 100 * S);
  wpm_world_forget_log(w);
  wpm_world_pruned(w, 1, 300 * S);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_run(w, 10 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 292 * S, 293 * S);
  run_to_dial(w, 1);
}

static void a_shorter_prune_does_not_shorten_it(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_pruned(w, 1, WPM_HOUR);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_plan before = wpm_world_plan(w, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_HOUR, WPM_HOUR + 3 * S);
  wpm_world_pruned(w, 1, 10 * S);
  wpm_world_pruned(w, 1, 0);
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, before.next_dial.ns);
  /* Nor does meeting it in between. */
  c = wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, 10 * WPM_MINUTE);
  wpm_world_disconnected(w, 1, c, WPM_REASON_GO_AWAY);
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, before.next_dial.ns);
  /* Nor does being configured again. */
  wpm_world_found(w, 1, 60000, true);
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, before.next_dial.ns);
  run_to_dial(w, 1);
}

static void a_prune_without_a_backoff_means_the_default(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_run(w, 70 * S);
  wpm_world_pruned(w, 1, 0);
  wpm_world_run(w, 30 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 32 * S, 33 * S);
}

static void it_is_at_most_a_day(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_pruned(w, 1, INT64_MAX);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_DAY, WPM_DAY);
  run_to_dial(w, 1);
}

static void its_jitter_is_at_most_a_second_and_only_later(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.prune_backoff_ns = 5 * S;
  w->config.backoff_slack_ns = 0;
  wpm_world_start(w);
  int64_t least = INT64_MAX;
  int64_t most = 0;
  for (int peer = 0; peer < 99; peer++) {
    wpm_world_found(w, peer, 60000, false);
    wpm_connection_id c = wpm_world_come_in(w, peer, 1);
    wpm_world_disconnected(w, peer, c, WPM_REASON_EOF);
    int64_t wait = wpm_world_plan(w, peer).next_dial.ns - w->now.mono.ns;
    least = wait < least ? wait : least;
    most = wait > most ? wait : most;
  }
  assert_in_range(least, 5 * S + 100 * MS, 5 * S + 200 * MS);
  assert_in_range(most, 5 * S + 900 * MS, 6 * S);
  wpm_world_free(w);
}

static void the_later_of_the_two_delays_decides(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  for (int i = 0; i < 8; i++) { /* Retry delay 128 s. */
    fail_dial(w, 1, WPM_REASON_REFUSED);
    run_to_dial(w, 1);
  }
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, 225 * S, 300 * S);
  wpm_world_pruned(w, 1, 400 * S);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 402 * S, 403 * S);
}

static void the_wall_clock_has_no_part_in_it_within_a_boot(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_run(w, 70 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  int64_t due = wpm_world_plan(w, 1).next_dial.ns;
  w->now.wall.ns += 10 * WPM_DAY;
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, due);
  w->now.wall.ns -= 4000 * WPM_DAY;
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, due);
  run_to_dial(w, 1);
}

/* Each dials the other at the same time; the connection of theirs comes up, and ends while our dial goes on. */
static void a_dial_in_flight_is_cancelled_as_it_begins(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1)->dial, dial);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S, 63 * S);
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &c), WPM_OK); /* Too late. */
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->reason, WPM_REASON_LATE_DIAL);
}

static void person_connects(wpm_world *w, bool is_static) {
  wpm_world_found(w, 1, 60000, is_static); /* Of a static one the dial is under way already. */
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_expect_none(w, WPM_ACTION_CANCEL_DIAL, 1);
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &c), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
}

static void the_dial_that_a_person_asks_for_is_not(void **state) {
  person_connects(*state, false);
}

static void nor_one_that_he_asks_for_while_it_goes_on(void **state) {
  person_connects(*state, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_doubles_from_minimum_to_maximum),
      TEST(it_is_jittered),
      cmocka_unit_test(a_maximum_below_the_minimum_lowers_it),
      cmocka_unit_test(it_never_spins_even_where_configured_as_zero),
      TEST(only_a_stable_connection_resets_it),
      TEST(stability_is_seen_even_when_nobody_advanced),
      TEST(a_peer_that_drops_every_connection_is_not_hammered),
      TEST(connections_that_they_dialled_do_not_count),
      TEST(our_own_failures_delay_but_are_not_held_against_it),
      TEST(it_begins_with_every_disconnect_of_a_gossipsub_peer),
      TEST(it_holds_for_peers_whose_protocols_are_not_known),
      TEST(it_does_not_hold_for_peers_known_not_to_gossip),
      TEST(a_failed_dial_does_not_begin_it),
      TEST(a_prune_makes_it_longer),
      TEST(a_shorter_prune_does_not_shorten_it),
      TEST(a_prune_without_a_backoff_means_the_default),
      TEST(it_is_at_most_a_day),
      cmocka_unit_test(its_jitter_is_at_most_a_second_and_only_later),
      TEST(the_later_of_the_two_delays_decides),
      TEST(a_dial_in_flight_is_cancelled_as_it_begins),
      TEST(the_dial_that_a_person_asks_for_is_not),
      TEST(nor_one_that_he_asks_for_while_it_goes_on),
      TEST(the_wall_clock_has_no_part_in_it_within_a_boot),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
