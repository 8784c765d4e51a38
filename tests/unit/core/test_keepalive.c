/* Pings: when they go, what puts them off, what a miss is, and when a connection is lost. */
#include "support/core/world.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#define S WPM_SECOND
#define MS WPM_MILLISECOND

static wpm_world *world(int64_t interval, int64_t timeout, bool keep_alive) {
  wpm_world *w = wpm_world_new(100);
  w->config.ping_interval_ns = interval;
  w->config.ping_timeout_ns = timeout;
  w->config.keep_alive = keep_alive;
  wpm_world_start(w);
  return w;
}

/* Runs to the next ping; returns how long that took. */
static int64_t run_to_ping(wpm_world *w, int peer) {
  int64_t begin = w->now.mono.ns;
  for (;;) {
    wpm_world_action *ping = wpm_world_take(w, WPM_ACTION_PING, peer);
    if (ping) {
      return ping->at.ns - begin;
    }
    int64_t next = wpm_manager_next_deadline(w->manager).ns;
    assert_true(next != WPM_NEVER.ns);
    wpm_world_run(w, next - w->now.mono.ns);
  }
}

static void a_ping_goes_after_the_interval_jitter_only_shortens(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  int64_t least = INT64_MAX;
  int64_t most = 0;
  for (int i = 0; i < 200; i++) {
    int64_t span = run_to_ping(w, 1);
    assert_in_range(span, 9 * S, 10 * S - 200 * MS);
    least = span < least ? span : least;
    most = span > most ? span : most;
    wpm_world_pong(w, 1, c, MS);
    wpm_world_forget_log(w);
  }
  assert_in_range(least, 9 * S, 9 * S + 50 * MS);
  assert_in_range(most, 9 * S + 750 * MS, 9 * S + 800 * MS);
  wpm_world_free(w);
}

/* Whatever cuts idle connections after ten minutes, as nwaku does: half of that, at most. */
static void by_default_half_of_ten_minutes_is_the_longest_silence(void **state) {
  (void)state;
  wpm_manager_config config;
  wpm_manager_config_default(&config);
  wpm_world *w = world(config.ping_interval_ns, config.ping_timeout_ns, config.keep_alive);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  for (int i = 0; i < 100; i++) {
    assert_in_range(run_to_ping(w, 1), 1, 5 * WPM_MINUTE);
    wpm_world_pong(w, 1, c, MS);
    wpm_world_forget_log(w);
  }
  wpm_world_free(w);
}

static void received_bytes_put_it_off(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  for (int i = 0; i < 100; i++) {
    wpm_world_run(w, 8 * S);
    wpm_world_received(w, 1, c);
  }
  wpm_world_expect_none(w, WPM_ACTION_PING, 1);
  assert_in_range(run_to_ping(w, 1), 9 * S, 10 * S);
  wpm_world_free(w);
}

static void an_answer_in_bytes_or_a_pong_without_an_echo_proves_life(void **state) {
  (void)state;
  wpm_world *w = world(S, 10 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  /* Ten intervals of 1 s: ten pings, although the timeout is longer than the interval. */
  int64_t begin = w->now.mono.ns;
  int pings = 0;
  while (w->now.mono.ns < begin + 10 * S) {
    run_to_ping(w, 1);
    pings++;
    wpm_world_pass(w, 2 * MS);
    if (pings % 3 == 0) {
      wpm_world_received(w, 1, c);
    } else {
      wpm_world_pong(w, 1, c, pings % 3 == 1 ? 2 * MS : WPM_SPAN_NONE);
    }
  }
  assert_in_range(pings, 10, 11);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_free(w);
}

static void two_misses_end_it_as_lost(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 3 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  run_to_ping(w, 1);
  wpm_world_forget_log(w);
  wpm_world_run(w, 3 * S - 1);
  wpm_world_expect_none(w, WPM_ACTION_PING, 1);
  wpm_world_run(w, 1); /* One miss: the next ping at once. */
  wpm_world_expect(w, WPM_ACTION_PING, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_run(w, 3 * S - 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_run(w, 1); /* Two. */
  wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(end->connection, c);
  assert_int_equal(end->reason, WPM_REASON_PING_TIMEOUT);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_PING_TIMEOUT);
  assert_int_equal(r.disconnect_time.ns, w->now.wall.ns);
  wpm_world_expect_none(w, WPM_ACTION_PING, 1);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_PING_TIMEOUT), WPM_OK);
  wpm_world_free(w);
}

static void a_byte_after_the_first_miss_saves_it(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 3 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  for (int i = 0; i < 5; i++) {
    run_to_ping(w, 1);
    wpm_world_run(w, 3 * S);
    wpm_world_expect(w, WPM_ACTION_PING, 1);
    wpm_world_run(w, 3 * S - 1);
    wpm_world_received(w, 1, c);
    assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
    wpm_world_run(w, S);
    wpm_world_expect_none(w, WPM_ACTION_PING, 1);
    wpm_world_forget_log(w);
  }
  wpm_world_free(w);
}

/* Runs to the end of the connection; returns how long that took from the ping on. */
static int64_t run_to_end(wpm_world *w, int peer) {
  int64_t begin = w->now.mono.ns;
  wpm_world_run(w, WPM_MINUTE);
  return wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer)->at.ns - begin;
}

static void an_answer_is_waited_for_as_round_trips_say(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 15 * S, true);
  /* Never answered: the ping timeout, twice. */
  wpm_world_come_in(w, 1, 1);
  run_to_ping(w, 1);
  assert_int_equal(run_to_end(w, 1), 30 * S);
  /* 30 ms: three seconds, then six. */
  wpm_connection_id c = wpm_world_come_in(w, 2, 1);
  run_to_ping(w, 2);
  wpm_world_pong(w, 2, c, 30 * MS);
  run_to_ping(w, 2);
  assert_int_equal(run_to_end(w, 2), 9 * S);
  /* 1 s: four times the average and four variations, 12 s; twice that is more than the most. */
  c = wpm_world_come_in(w, 3, 1);
  run_to_ping(w, 3);
  wpm_world_pong(w, 3, c, S);
  run_to_ping(w, 3);
  assert_int_equal(run_to_end(w, 3), 12 * S + 15 * S);
  /* An answer without an echo measures nothing. */
  c = wpm_world_come_in(w, 4, 1);
  run_to_ping(w, 4);
  wpm_world_pong(w, 4, c, WPM_SPAN_NONE);
  run_to_ping(w, 4);
  assert_int_equal(run_to_end(w, 4), 30 * S);
  wpm_world_free(w);
}

static void a_second_ping_that_is_answered_ends_the_doubling(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 15 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  run_to_ping(w, 1);
  wpm_world_pong(w, 1, c, 30 * MS);
  run_to_ping(w, 1);
  wpm_world_run(w, 8 * S);
  wpm_world_pong(w, 1, c, 30 * MS);
  wpm_world_forget_log(w);
  run_to_ping(w, 1);
  wpm_world_run(w, 3 * S - 1);
  wpm_world_expect_none(w, WPM_ACTION_PING, 1);
  wpm_world_run(w, 1);
  wpm_world_expect(w, WPM_ACTION_PING, 1);
  wpm_world_free(w);
}

static void the_ping_after_a_gap_has_its_own_time(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 15 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  run_to_ping(w, 1);
  wpm_world_pong(w, 1, c, 30 * MS);
  wpm_world_pass(w, WPM_HOUR);
  wpm_world_run(w, 0);
  wpm_world_run(w, 4 * S - 1); /* Round trips of before the gap are of another network. */
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_run(w, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CANNOT_CONNECT);
  wpm_world_free(w);
}

static void pings_are_explained(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 15 * S, true);
  wpm_explanation e;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(1), w->now, &e), WPM_OK);
  assert_int_equal(e.ping_interval_ns, 10 * S);
  assert_int_equal(e.ping_timeout_ns, 15 * S);
  assert_int_equal(e.rtt_last_ns, WPM_SPAN_NONE);
  assert_int_equal(e.rtt_average_ns, WPM_SPAN_NONE);
  assert_int_equal(e.rtt_minimum_ns, WPM_SPAN_NONE);
  run_to_ping(w, 1);
  wpm_world_pong(w, 1, c, 80 * MS);
  run_to_ping(w, 1);
  wpm_world_pong(w, 1, c, 160 * MS);
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(1), w->now, &e), WPM_OK);
  assert_int_equal(e.ping_timeout_ns, 3 * S);
  assert_int_equal(e.rtt_last_ns, 160 * MS);
  assert_int_equal(e.rtt_average_ns, 90 * MS);
  assert_int_equal(e.rtt_minimum_ns, 80 * MS);
  wpm_world_forget_log(w);
  run_to_ping(w, 1);
  wpm_world_run(w, 3 * S); /* The second of two waits for twice as long. */
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(1), w->now, &e), WPM_OK);
  assert_int_equal(e.ping_timeout_ns, 6 * S);
  assert_int_equal(e.next, WPM_NEXT_CLOSE);
  assert_int_equal(e.at.ns, w->now.mono.ns + 6 * S);
  wpm_world_run(w, 6 * S);
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(1), w->now, &e), WPM_OK);
  assert_int_equal(e.ping_interval_ns, WPM_SPAN_NONE); /* Not connected. */
  assert_int_equal(e.ping_timeout_ns, WPM_SPAN_NONE);
  assert_int_equal(e.rtt_last_ns, WPM_SPAN_NONE);
  wpm_world_free(w);
}

static void bytes_before_the_ping_do_not_answer_it(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 3 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, 5 * S);
  wpm_world_received(w, 1, c);
  run_to_ping(w, 1);
  wpm_world_run(w, 6 * S);
  assert_int_equal(wpm_world_state(w, 1), WPM_CANNOT_CONNECT);
  wpm_world_free(w);
}

static void a_host_that_is_late_gives_the_benefit_of_the_doubt(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 3 * S, true);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  run_to_ping(w, 1);
  wpm_world_pass(w, 8 * WPM_HOUR); /* Slept: nobody advanced. */
  wpm_world_received(w, 1, c);
  wpm_world_run(w, 0);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_pass(w, 8 * WPM_HOUR);
  wpm_world_run(w, 0); /* A ping first, not the end. */
  wpm_world_expect(w, WPM_ACTION_PING, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_free(w);
}

static void without_keep_alive_nothing_is_sent(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 3 * S, false);
  wpm_world_come_in(w, 1, 1);
  wpm_world_run(w, WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_PING, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  assert_true(wpm_manager_next_deadline(w->manager).ns == WPM_NEVER.ns);
  wpm_world_free(w);
}

static void each_connection_has_its_own_time(void **state) {
  (void)state;
  wpm_world *w = world(10 * S, 3 * S, true);
  wpm_connection_id c[50];
  for (int i = 0; i < 50; i++) {
    c[i] = wpm_world_come_in(w, i, 1);
    wpm_world_run(w, 100 * MS);
  }
  wpm_world_forget_log(w);
  for (int i = 0; i < 50; i++) {
    if (i != 7) {
      wpm_world_received(w, i, c[i]);
    }
  }
  wpm_world_run(w, 8900 * MS);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_PING), 1 + 1); /* A miss, so two. */
  wpm_world_expect(w, WPM_ACTION_PING, 7);
  wpm_world_expect(w, WPM_ACTION_PING, 7);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_ping_goes_after_the_interval_jitter_only_shortens),
      cmocka_unit_test(by_default_half_of_ten_minutes_is_the_longest_silence),
      cmocka_unit_test(received_bytes_put_it_off),
      cmocka_unit_test(an_answer_in_bytes_or_a_pong_without_an_echo_proves_life),
      cmocka_unit_test(two_misses_end_it_as_lost),
      cmocka_unit_test(a_byte_after_the_first_miss_saves_it),
      cmocka_unit_test(an_answer_is_waited_for_as_round_trips_say),
      cmocka_unit_test(a_second_ping_that_is_answered_ends_the_doubling),
      cmocka_unit_test(the_ping_after_a_gap_has_its_own_time),
      cmocka_unit_test(pings_are_explained),
      cmocka_unit_test(bytes_before_the_ping_do_not_answer_it),
      cmocka_unit_test(a_host_that_is_late_gives_the_benefit_of_the_doubt),
      cmocka_unit_test(without_keep_alive_nothing_is_sent),
      cmocka_unit_test(each_connection_has_its_own_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
