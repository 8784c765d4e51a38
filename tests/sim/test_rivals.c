/* The rivals keep to the rules of their sources (those on addresses and shards: test_rivals_limits.c). */
#include "support/sim/rival_kit.h"

/* 120 s, and four times that with each failure; after the fifth never. */
static void nwaku_backs_off(void **state) {
  (void)state;
  begin(&sim_policy_nwaku, 100);
  hear(1, 1, false);
  assert_true(until_dial(WPM_MINUTE) >= 0);
  int64_t backoff = 120 * WPM_SECOND;
  for (int failures = 1; failures < 5; failures++) {
    fail_dial(b.count - 1);
    int64_t took = until_dial(10 * WPM_HOUR);
    assert_in_range(took, backoff - WPM_SECOND, backoff + 31 * WPM_SECOND);
    backoff *= 4;
  }
  fail_dial(b.count - 1);
  assert_int_equal(until_dial(100 * WPM_HOUR), -1);
  end();
}

/* Ten at a time, the next ten when all of them are over; never more than the outbound target. */
static void nwaku_dials_in_batches(void **state) {
  (void)state;
  begin(&sim_policy_nwaku, 100); /* 60 for relay, 20 of them outbound. */
  for (uint32_t i = 0; i < 50; i++) {
    hear(i, 1, false);
  }
  run(WPM_SECOND);
  assert_int_equal(b.count, 10);
  for (size_t i = 0; i < 9; i++) {
    fail_dial(i);
  }
  run(WPM_SECOND);
  assert_int_equal(b.count, 10);
  make_dial(9);
  assert_int_equal(b.count, 20);
  for (size_t i = 10; i < 20; i++) {
    make_dial(i);
  }
  run(2 * WPM_MINUTE);
  assert_int_equal(b.count, 29); /* 20 less the 11 that are connected. */
  end();
}

/* What it forgets while it dials it is still waited for, and its end is heard of. */
static void who_is_forgotten_while_dialled_ends_its_dial(void **state) {
  (void)state;
  begin(&sim_policy_nwaku, 10); /* 6 for relay, 2 of them outbound; at most 50 in its store. */
  run(9 * WPM_MINUTE + 50 * WPM_SECOND);
  hear(0, 1, false);
  hear(1, 1, false);
  assert_true(until_dial(5 * WPM_SECOND) >= 0);
  assert_int_equal(b.count, 2);
  for (uint32_t i = 2; i < 2000; i++) {
    hear(i, 1, false);
  }
  run(20 * WPM_SECOND); /* Of 2000 peers 1950 go, with those being dialled in all likelihood. */
  sim_counts counts;
  b.type->count(b.policy, clocks(), &counts);
  assert_int_equal(counts.known, 50);
  fail_dial(0);
  fail_dial(1);
  assert_true(until_dial(WPM_MINUTE) >= 0);
  end();
  begin(&sim_policy_go_waku, 10); /* At most 30 in its store. */
  for (uint32_t i = 0; i < 2000; i++) {
    hear(i, 1, false);
  }
  assert_int_equal(b.count, 5);
  run(11 * WPM_MINUTE);
  b.type->count(b.policy, clocks(), &counts);
  assert_int_equal(counts.known, 29);
  for (size_t i = 0; i < 5; i++) {
    fail_dial(i);
  }
  for (uint32_t i = 3000; i < 3005; i++) {
    hear(i, 1, false);
  }
  assert_int_equal(b.count, 10);
  end();
}

/* Its list is of bootstrap nodes first, wherever they are among thousands; after 6 h all others are gone. */
static void js_waku_finds_its_few_among_many(void **state) {
  (void)state;
  enum { MANY = 5000, LATE = 4321 };
  begin(&sim_policy_js_waku, 100);
  for (uint32_t i = 0; i < MANY; i++) {
    hear(i, 1, i == LATE);
  }
  run(WPM_SECOND / 10);
  assert_int_equal(b.count, 1);
  assert_int_equal(b.dials[0].peer, LATE);
  fail_dial(0);
  run(5 * WPM_HOUR);
  hear(17, 1, false);
  sim_counts counts;
  run(WPM_HOUR - WPM_MINUTE);
  b.type->count(b.policy, clocks(), &counts);
  assert_int_equal(counts.known, MANY);
  run(2 * WPM_MINUTE);
  b.type->count(b.policy, clocks(), &counts);
  assert_in_range(counts.known, 1, 10); /* That one, and those being dialled. */
  end();
}

/* Neither asks whether there is a network: its dials fail, and cost what any failure does. nwaku's looks. */
static void without_a_network_two_of_them_dial(void **state) {
  (void)state;
  static const sim_policy_type *const types[] = {&sim_policy_go_waku, &sim_policy_js_waku};
  for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
    begin(types[i], 100);
    run(WPM_SECOND / 10);
    lose_network();
    hear(1, 1, false);
    assert_int_equal(b.count, 1);
    fail_dial(0);
    assert_in_range(until_dial(WPM_HOUR), WPM_MINUTE, WPM_MINUTE + 16 * WPM_SECOND);
    end();
  }
  begin(&sim_policy_nwaku, 100);
  lose_network();
  run(WPM_MINUTE);
  hear(1, 1, false);
  assert_int_equal(until_dial(WPM_HOUR), -1);
  end();
}

/* One stored peer after the other, each behind backoff and slack. */
static void nwaku_reconnects_one_by_one(void **state) {
  (void)state;
  begin(&sim_policy_nwaku, 100);
  for (uint32_t i = 0; i < 3; i++) {
    come(i);
    identify(i, 0);
  }
  hear(3, 1, false); /* Without its public key it is not stored. */
  assert_int_equal(b.type->stop(b.policy, clocks()), WPM_OK);
  b.count = 0;
  int64_t began = b.now;
  assert_int_equal(b.type->start(b.policy, clocks()), WPM_OK);
  for (size_t i = 0; i < 3; i++) {
    assert_true(until_dial(5 * WPM_MINUTE) >= 0);
    assert_int_equal(b.dials[i].at - began, (int64_t)(i + 1) * 62 * WPM_SECOND);
    assert_in_range(b.dials[i].peer, 0, 2);
    make_dial(i);
  }
  run(5 * WPM_MINUTE);
  assert_int_equal(b.count, 3);
  end();
}

/* Five at once; a minute of backoff for the first three failures. */
static void go_waku_dials_five_at_once(void **state) {
  (void)state;
  begin(&sim_policy_go_waku, 100);
  for (uint32_t i = 0; i < 20; i++) {
    hear(i, 1, false);
  }
  run(WPM_SECOND);
  assert_int_equal(b.count, 5);
  fail_dial(0);
  assert_int_equal(b.count, 6);
  end();
  begin(&sim_policy_go_waku, 100);
  hear(1, 1, false);
  assert_int_equal(b.count, 1);
  for (int i = 0; i < 2; i++) {
    fail_dial(b.count - 1);
    assert_in_range(until_dial(WPM_HOUR), WPM_MINUTE, WPM_MINUTE + 16 * WPM_SECOND);
  }
  end();
}

/* The dials that end until that peer is dialled. */
static size_t failures_until(uint32_t peer, size_t from) {
  size_t failed = from;
  while (b.dials[b.count - 1].peer != peer) {
    assert_true(failed < b.count);
    fail_dial(failed++);
  }
  return failed - from;
}

static bool was_dialled(uint32_t peer, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    if (b.dials[i].peer == peer) {
      return true;
    }
  }
  return false;
}

/* Its loop waits at the channel with one peer at a time, so who is discovered meanwhile waits behind that one
 * alone; and whatever others send through it, the loop's are all still to be dialled, each once. */
static void go_wakus_loop_sends_one_after_the_other(void **state) {
  (void)state;
  enum { KNOWN = 30, TARGET = 26, NEW = 100 };
  begin(&sim_policy_go_waku, 100); /* 80 for relay, 26 of them outbound. */
  run(WPM_SECOND);
  for (uint32_t i = 0; i < KNOWN; i++) {
    hear(i, 1, false);
  }
  for (size_t i = 0; i < KNOWN; i++) {
    fail_dial(i);
  }
  assert_int_equal(b.count, KNOWN); /* For a minute. */
  assert_true(until_dial(2 * WPM_MINUTE) >= 0);
  assert_int_equal(b.count, KNOWN + 5); /* A sixth waits for its dial, the loop with a seventh. */
  hear(NEW, 1, false);
  run(31 * WPM_SECOND); /* Of two ticks one is made up for. */
  assert_int_equal(b.count, KNOWN + 5);
  assert_int_equal(failures_until(NEW, KNOWN), 3);
  for (size_t i = KNOWN + 3; i < b.count; i++) {
    fail_dial(i);
  }
  assert_in_range(b.count, KNOWN + TARGET + 1,
                  2 * KNOWN + 1); /* Some are of the round made up for. */
  for (size_t i = KNOWN; i < b.count; i++) {
    assert_false(was_dialled(b.dials[i].peer, KNOWN, i));
  }
  end();
}

/* What is told of a dial that is long over changes nothing. */
static void a_late_failure_is_none(void **state) {
  (void)state;
  static const sim_policy_type *const types[] = {&sim_policy_nwaku, &sim_policy_go_waku,
                                                 &sim_policy_js_waku};
  for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
    begin(types[i], 100);
    run(WPM_SECOND / 10);
    hear(1, 1, false);
    assert_true(b.count == 1 || until_dial(WPM_MINUTE) >= 0);
    make_dial(0);
    fail_dial(0);
    fail_dial(0);
    sim_counts counts;
    b.type->count(b.policy, clocks(), &counts);
    assert_int_equal(counts.state[WPM_CONNECTED], 1);
    disconnect(1);
    hear(1, 2, false); /* It is dialled as after no failure. */
    assert_true(b.count == 2 || until_dial(46 * WPM_SECOND) >= 0);
    b.type->count(b.policy, clocks(), &counts);
    assert_int_equal(counts.state[WPM_CANNOT_CONNECT], 0);
    fail_dial(1);
    end();
  }
}

/* It leaves the topic with its connection, and is passed over until its record is newer. */
static void go_waku_loses_who_disconnects(void **state) {
  (void)state;
  begin(&sim_policy_go_waku, 100);
  hear(1, 1, false);
  make_dial(0);
  disconnect(1);
  hear(1, 1, false);
  assert_int_equal(until_dial(2 * WPM_HOUR), -1);
  assert_int_equal(b.count, 1);
  hear(1, 2, false);
  assert_int_equal(b.count, 2);
  end();
}

/* One at once, then three each half second; 60 s after a failure. */
static void js_waku_takes_three_at_a_time(void **state) {
  (void)state;
  begin(&sim_policy_js_waku, 100);
  run(WPM_SECOND / 10);
  for (uint32_t i = 0; i < 9; i++) {
    hear(i, 1, false);
  }
  assert_int_equal(b.count, 1);
  make_dial(0);
  run(WPM_SECOND / 2);
  assert_int_equal(b.count, 4);
  run(2 * WPM_SECOND);
  assert_int_equal(b.count, 4); /* The three are not over. */
  for (size_t i = 1; i < 4; i++) {
    fail_dial(i);
  }
  run(WPM_SECOND / 2);
  assert_int_equal(b.count, 7);
  end();
  begin(&sim_policy_js_waku, 100);
  run(WPM_SECOND / 10);
  hear(1, 1, false);
  fail_dial(0);
  assert_in_range(until_dial(WPM_HOUR), WPM_MINUTE, WPM_MINUTE + 6 * WPM_SECOND);
  end();
}

/* Of the bootstrap nodes it keeps three. */
static void js_waku_drops_bootstrap_nodes(void **state) {
  (void)state;
  begin(&sim_policy_js_waku, 100);
  for (uint32_t i = 0; i < 5; i++) {
    hear(i, 0, true);
  }
  run(1100 * WPM_MILLISECOND);
  assert_int_equal(b.count, 5);
  for (size_t i = 0; i < 5; i++) {
    make_dial(i);
  }
  run(5 * WPM_SECOND);
  assert_int_equal(b.closed, 2);
  end();
}

/* A rival has a table of those alone that it met, whatever their numbers; it tells others of them, and of
 * none that has no address. */
static void whom_it_met_it_knows(void **state) {
  (void)state;
  static const sim_policy_type *const types[] = {&sim_policy_nwaku, &sim_policy_go_waku,
                                                 &sim_policy_js_waku};
  enum { MET = 3000, APART = 1234567 };
  static uint32_t picked[MET];
  for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
    begin(types[i], 10);
    for (uint32_t k = 0; k < MET; k++) {
      hear(k * APART, 1, false);
    }
    sim_fact inbound = {
        .type = SIM_FACT_CONNECTED, .peer = 77, .link = 1, .direction = WPM_INBOUND};
    tell(&inbound);
    sim_counts counts;
    b.type->count(b.policy, clocks(), &counts);
    assert_in_range(counts.known, MET, MET + 1);
    assert_int_equal(b.type->pick(b.policy, 5, picked, SIM_PICKED_MAX), SIM_PICKED_MAX);
    uint32_t first = picked[0];
    assert_int_equal(b.type->pick(b.policy, 6, picked, SIM_PICKED_MAX), SIM_PICKED_MAX);
    assert_true(picked[0] != first);
    assert_int_equal(b.type->pick(b.policy, 5, picked, MET), MET);
    for (uint32_t k = 0; k < MET; k++) {
      assert_int_equal(picked[k] % APART, 0);
    }
    end();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whom_it_met_it_knows),
      cmocka_unit_test(nwaku_backs_off),
      cmocka_unit_test(nwaku_dials_in_batches),
      cmocka_unit_test(nwaku_reconnects_one_by_one),
      cmocka_unit_test(without_a_network_two_of_them_dial),
      cmocka_unit_test(go_waku_dials_five_at_once),
      cmocka_unit_test(go_wakus_loop_sends_one_after_the_other),
      cmocka_unit_test(a_late_failure_is_none),
      cmocka_unit_test(go_waku_loses_who_disconnects),
      cmocka_unit_test(js_waku_takes_three_at_a_time),
      cmocka_unit_test(js_waku_drops_bootstrap_nodes),
      cmocka_unit_test(js_waku_finds_its_few_among_many),
      cmocka_unit_test(who_is_forgotten_while_dialled_ends_its_dial),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
