/* Two connections with one peer. */
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND

enum { SMALLER = 1, LARGER = 200 }; /* Than our own number, 100. */

/* Both directions up, ours first where `ours_first`, `gap` apart. */
static void both_up(wpm_world *w, int peer, bool ours_first, int64_t gap, wpm_connection_id *ours,
                    wpm_connection_id *theirs) {
  wpm_world_found(w, peer, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  if (!ours_first) {
    wpm_world_connected(w, peer, WPM_INBOUND, 0, theirs);
    wpm_world_pass(w, gap);
  }
  assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial, ours), WPM_OK);
  if (ours_first) {
    wpm_world_pass(w, gap);
    wpm_world_connected(w, peer, WPM_INBOUND, 0, theirs);
  }
  wpm_world_identified(w, peer, ours_first ? *ours : *theirs, true, 0);
  assert_int_equal(wpm_manager_connection_count(w->manager), 2);
}

/* The record is what it was, but for the direction. */
static void expect_no_disconnect(wpm_world *w, int peer, const wpm_peer_record *before) {
  wpm_peer_record r = wpm_world_record(w, peer);
  assert_int_equal(r.connectivity, WPM_CONNECTED);
  assert_int_equal(r.reason, before->reason);
  assert_int_equal(r.disconnect_time.ns, before->disconnect_time.ns);
  assert_int_equal(r.connected_time.ns, before->connected_time.ns);
  assert_int_equal(r.failures, before->failures);
  assert_int_equal(r.prune_backoff.length_ns, before->prune_backoff.length_ns);
  assert_int_equal(r.retry_delay.length_ns, before->retry_delay.length_ns);
  wpm_world_expect_none(w, WPM_ACTION_NOTIFY, peer);
  assert_int_equal(wpm_manager_connection_count(w->manager), 1);
}

/* Each of: who has the smaller id, which came up first. */
static void a_race_keeps_the_one_dialled_by_the_smaller_id(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    int peer = i & 1 ? SMALLER : LARGER;
    wpm_connection_id ours;
    wpm_connection_id theirs;
    both_up(w, peer, i & 2, 3 * S, &ours, &theirs);
    wpm_connection_id winner = peer == SMALLER ? theirs : ours;
    wpm_connection_id loser = peer == SMALLER ? ours : theirs;
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_PING, peer)->connection, winner);
    wpm_world_expect_none(w, WPM_ACTION_PING, peer);
    wpm_world_forget_log(w);
    wpm_peer_record before = wpm_world_record(w, peer);
    wpm_world_pass(w, 1000);
    wpm_world_pong(w, peer, winner, 1000);
    wpm_world_run(w, S - 1001);
    wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, peer);
    wpm_world_run(w, 1);
    wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer);
    assert_int_equal(end->connection, loser);
    assert_int_equal(end->reason, WPM_REASON_DUPLICATE);
    assert_int_equal(end->go_away_code, 0);
    expect_no_disconnect(w, peer, &before);
    assert_int_equal(wpm_world_record(w, peer).direction,
                     peer == SMALLER ? WPM_INBOUND : WPM_OUTBOUND);
    wpm_world_disconnected(w, peer, loser, WPM_REASON_DUPLICATE);
    expect_no_disconnect(w, peer, &before);
    /* What is left is an ordinary connection. */
    wpm_world_disconnected(w, peer, winner, WPM_REASON_EOF);
    assert_int_equal(wpm_world_state(w, peer), WPM_CAN_CONNECT);
    wpm_world_free(w);
  }
}

static void the_loser_waits_until_the_winner_has_spoken(void **state) {
  wpm_world *w = *state;
  wpm_connection_id ours;
  wpm_connection_id theirs;
  both_up(w, LARGER, true, S, &ours, &theirs);
  wpm_world_forget_log(w);
  wpm_world_run(w, 5 * S);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, LARGER);
  wpm_world_received(w, LARGER, theirs); /* The loser's bytes decide nothing. */
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, LARGER);
  wpm_world_received(w, LARGER, ours);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, LARGER)->connection, theirs);
}

static void a_silent_winner_ends_as_lost_and_the_loser_stays(void **state) {
  wpm_world *w = *state;
  wpm_connection_id ours;
  wpm_connection_id theirs;
  both_up(w, LARGER, true, S, &ours, &theirs);
  wpm_world_forget_log(w);
  wpm_peer_record before = wpm_world_record(w, LARGER);
  wpm_world_run(w, 10 * S - 1);
  assert_int_equal(wpm_manager_connection_count(w->manager), 2);
  wpm_world_run(w, 1);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, LARGER);
  assert_int_equal(end->connection, ours);
  assert_int_equal(end->reason, WPM_REASON_PING_TIMEOUT);
  expect_no_disconnect(w, LARGER, &before);
  assert_int_equal(wpm_world_record(w, LARGER).direction, WPM_INBOUND);
  wpm_world_received(w, LARGER, theirs);
  wpm_world_run(w, 4 * WPM_MINUTE);
  assert_int_equal(wpm_world_state(w, LARGER), WPM_CONNECTED);
}

static void an_end_of_either_settles_the_race(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    wpm_connection_id c[2];
    both_up(w, LARGER, true, S, &c[0], &c[1]);
    wpm_world_forget_log(w);
    wpm_peer_record before = wpm_world_record(w, LARGER);
    /* Even for a reason that would make it CannotConnect. */
    wpm_world_disconnected(w, LARGER, c[i], i ? WPM_REASON_GO_AWAY : WPM_REASON_TRUNCATED);
    expect_no_disconnect(w, LARGER, &before);
    wpm_world_received(w, LARGER, c[1 - i]);
    wpm_world_run(w, WPM_MINUTE);
    wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, LARGER);
    assert_int_equal(wpm_world_state(w, LARGER), WPM_CONNECTED);
    wpm_world_free(w);
  }
}

static void a_survivor_that_was_being_asked_still_has_to_answer(void **state) {
  wpm_world *w = *state;
  wpm_connection_id ours;
  wpm_connection_id theirs;
  both_up(w, LARGER, true, S, &ours, &theirs);
  wpm_world_disconnected(w, LARGER, theirs, WPM_REASON_EOF);
  wpm_world_run(w, 20 * S); /* Two misses now, as for any connection. */
  wpm_peer_record r = wpm_world_record(w, LARGER);
  assert_int_equal(r.connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_PING_TIMEOUT);
}

static void beyond_the_dial_timeout_it_is_no_race(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    wpm_connection_id ours;
    wpm_connection_id theirs;
    /* SMALLER dialled the newer one: it would win a race. */
    both_up(w, SMALLER, true, 10 * S + i, &ours, &theirs);
    wpm_world_action *ping = wpm_world_expect(w, WPM_ACTION_PING, SMALLER);
    assert_int_equal(ping->connection, i == 0 ? theirs : ours);
    wpm_world_received(w, SMALLER, ping->connection);
    wpm_world_run(w, S);
    wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, SMALLER);
    assert_int_equal(end->connection, i == 0 ? ours : theirs);
    wpm_world_free(w);
  }
}

static void a_second_of_the_same_direction_asks_the_older(void **state) {
  wpm_world *w = *state;
  wpm_connection_id older = wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, S);
  wpm_world_forget_log(w);
  wpm_connection_id newer = wpm_world_come_in(w, 1, -1);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_PING, 1)->connection, older);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_IDENTIFY, 1)->connection, newer);
  wpm_peer_record before = wpm_world_record(w, 1);
  wpm_world_received(w, 1, newer);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
  wpm_world_received(w, 1, older); /* Alive: the newer is closed at once. */
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, newer);
  assert_int_equal(end->reason, WPM_REASON_DUPLICATE);
  expect_no_disconnect(w, 1, &before);
}

static void a_half_open_older_one_gives_way(void **state) {
  wpm_world *w = *state;
  wpm_connection_id older = wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_forget_log(w);
  wpm_connection_id newer = wpm_world_come_in(w, 1, 1);
  wpm_peer_record before = wpm_world_record(w, 1);
  wpm_world_run(w, 9 * S);
  wpm_world_received(w, 1, newer);
  assert_int_equal(wpm_manager_connection_count(w->manager), 2);
  wpm_world_run(w, S);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, older);
  assert_int_equal(end->reason, WPM_REASON_PING_TIMEOUT);
  expect_no_disconnect(w, 1, &before);
}

static void a_second_connection_does_not_put_a_miss_off(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.ping_interval_ns = 100 * S;
  wpm_world_start(w);
  wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, 100 * S);
  int64_t asked = wpm_world_expect(w, WPM_ACTION_PING, 1)->at.ns;
  wpm_world_run(w, asked + 9 * S - w->now.mono.ns);
  wpm_connection_id newer = wpm_world_come_in(w, 1, -1);
  wpm_world_expect(w, WPM_ACTION_PING, 1); /* The older is asked anew, */
  wpm_world_disconnected(w, 1, newer, WPM_REASON_EOF);
  wpm_world_run(w, S);
  wpm_world_expect(w, WPM_ACTION_PING, 1); /* but it has been silent since the first ping. */
  wpm_world_run(w, 10 * S);
  assert_int_equal(wpm_world_record(w, 1).reason, WPM_REASON_PING_TIMEOUT);
  wpm_world_free(w);
}

static void a_third_is_refused_at_once(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 1, 1);
  wpm_world_forget_log(w);
  wpm_connection_id third = wpm_world_come_in(w, 1, -1);
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, third);
  assert_int_equal(end->reason, WPM_REASON_THIRD_CONNECTION);
  wpm_world_expect_none(w, WPM_ACTION_IDENTIFY, 1);
  assert_int_equal(wpm_manager_connection_count(w->manager), 2);
  wpm_world_disconnected(w, 1, third, WPM_REASON_THIRD_CONNECTION);
  assert_int_equal(wpm_manager_connection_count(w->manager), 2);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
}

static void a_third_of_our_own_dial_ends_the_dial(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 1, 1);
  wpm_connection_id third;
  wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &third);
  assert_int_equal(wpm_manager_dial_count(w->manager), 0);
  assert_int_equal(wpm_world_record(w, 1).failures, 0);
}

static void the_end_of_both_is_one_disconnect(void **state) {
  wpm_world *w = *state;
  wpm_connection_id ours;
  wpm_connection_id theirs;
  both_up(w, LARGER, true, S, &ours, &theirs);
  wpm_world_forget_log(w);
  wpm_world_disconnected(w, LARGER, ours, WPM_REASON_EOF);
  wpm_world_pass(w, S);
  wpm_world_disconnected(w, LARGER, theirs, WPM_REASON_TRUNCATED);
  wpm_peer_record r = wpm_world_record(w, LARGER);
  assert_int_equal(r.connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_TRUNCATED);
  assert_int_equal(r.disconnect_time.ns, w->now.wall.ns);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_NOTIFY), 1);
}

static void it_works_without_keep_alive(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.keep_alive = false;
  wpm_world_start(w);
  wpm_connection_id older = wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, 10 * S);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->connection, older);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_race_keeps_the_one_dialled_by_the_smaller_id),
      TEST(the_loser_waits_until_the_winner_has_spoken),
      TEST(a_silent_winner_ends_as_lost_and_the_loser_stays),
      cmocka_unit_test(an_end_of_either_settles_the_race),
      TEST(a_survivor_that_was_being_asked_still_has_to_answer),
      cmocka_unit_test(beyond_the_dial_timeout_it_is_no_race),
      TEST(a_second_of_the_same_direction_asks_the_older),
      TEST(a_half_open_older_one_gives_way),
      cmocka_unit_test(a_second_connection_does_not_put_a_miss_off),
      TEST(a_third_is_refused_at_once),
      TEST(a_third_of_our_own_dial_ends_the_dial),
      TEST(the_end_of_both_is_one_disconnect),
      cmocka_unit_test(it_works_without_keep_alive),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
