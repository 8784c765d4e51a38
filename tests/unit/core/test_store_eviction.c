/* Who goes for a newcomer, and who never does. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

#include <string.h>

enum { PEERS = 8 };

static wpm_store *of(size_t max_peers, bool evict) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = max_peers;
  config.evict = evict;
  return wpm_kit_new(&config);
}

static int setup(void **state) {
  *state = of(PEERS, true);
  return 0;
}

static int setup_without(void **state) {
  *state = of(PEERS, false);
  return 0;
}

/* What the store says of itself. */
static unsigned victim(wpm_store *store, wpm_cause *cause) {
  wpm_peer_ref ref;
  wpm_peer_record r;
  assert_int_equal(wpm_store_victim(store, &ref, cause), WPM_OK);
  assert_int_equal(wpm_store_at(store, ref, &r), WPM_OK);
  return wpm_kit_number(r.id);
}

/* Fails unless a newcomer pushes out that one for that cause, as foretold. */
static void expect_to_go(wpm_store *store, unsigned newcomer, unsigned number, wpm_cause cause) {
  wpm_cause foretold;
  size_t before = wpm_store_count(store);
  uint64_t evicted = wpm_store_get_counters(store).evicted[cause];
  assert_int_equal(victim(store, &foretold), number);
  assert_int_equal(foretold, cause);
  wpm_kit_add_dialable(store, newcomer);
  assert_false(wpm_kit_holds(store, number));
  assert_int_equal(wpm_store_count(store), before);
  assert_int_equal(wpm_store_get_counters(store).evicted[cause], evicted + 1);
}

static void fail_dial(wpm_store *store, unsigned number) {
  assert_int_equal(
      wpm_store_dial_failed(store, wpm_kit_id(number), WPM_REASON_REFUSED, WPM_KIT_NOW), WPM_OK);
}

static void hold_once(wpm_store *store, unsigned number, wpm_reason reason, wpm_wall end) {
  wpm_kit_connect(store, number, WPM_OUTBOUND, number, end);
  wpm_kit_end(store, number, reason, end);
}

static void the_order_is_as_documented(void **state) {
  wpm_store *store = *state;
  wpm_kit_add_dialable(store, 0); /* Untried. */
  wpm_kit_add_dialable(store, 1); /* Lost. */
  hold_once(store, 1, WPM_REASON_TIMED_OUT, WPM_KIT_NOW);
  wpm_kit_add_dialable(store, 2); /* Parted from on purpose. */
  hold_once(store, 2, WPM_REASON_EOF, wpm_kit_at(-9999));
  wpm_kit_add(store, 3);          /* No address. */
  wpm_kit_add_dialable(store, 4); /* Failed, and seen lately. */
  fail_dial(store, 4);
  wpm_kit_offer(store, 4, 44, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(9999));
  wpm_kit_add_dialable(store, 5); /* Connected. */
  wpm_kit_connect(store, 5, WPM_OUTBOUND, 5, WPM_KIT_NOW);
  wpm_kit_add(store, 6); /* Protected. */
  wpm_kit_protect(store, 6, true);
  wpm_kit_add(store, 7); /* Static. */
  assert_int_equal(wpm_store_set_static(store, wpm_kit_id(7), true), WPM_OK);
  /* The newcomers are untried, and become parted at once, in a later moment than those before. */
  static const struct {
    unsigned number;
    wpm_cause cause;
  } order[] = {{3, WPM_CAUSE_UNREACHABLE},
               {4, WPM_CAUSE_UNREACHABLE},
               {0, WPM_CAUSE_UNTRIED},
               {1, WPM_CAUSE_LOST},
               {2, WPM_CAUSE_PARTED}};
  for (unsigned i = 0; i < 5; i++) {
    unsigned newcomer = 100 + i;
    expect_to_go(store, newcomer, order[i].number, order[i].cause);
    hold_once(store, newcomer, WPM_REASON_EOF, wpm_kit_at(i));
  }
  for (unsigned i = 0; i < 3; i++) { /* Among equals the one seen last the longest ago. */
    expect_to_go(store, 200 + i, 100 + i, WPM_CAUSE_PARTED);
    hold_once(store, 200 + i, WPM_REASON_EOF, wpm_kit_at(100));
  }
  assert_true(wpm_kit_holds(store, 5) && wpm_kit_holds(store, 6) && wpm_kit_holds(store, 7));
  wpm_store_counters counters = wpm_store_get_counters(store);
  assert_int_equal(counters.evicted[WPM_CAUSE_UNREACHABLE], 2);
  assert_int_equal(counters.evicted[WPM_CAUSE_UNTRIED], 1);
  assert_int_equal(counters.evicted[WPM_CAUSE_LOST], 1);
  assert_int_equal(counters.evicted[WPM_CAUSE_PARTED], 4);
  assert_int_equal(counters.evicted[WPM_CAUSE_PERSON] + counters.evicted[WPM_CAUSE_FACT], 0);
  assert_int_equal(counters.refused, 0);
}

static void where_none_may_go_the_newcomer_is_refused(void **state) {
  wpm_store *store = *state;
  wpm_peer_ref ref;
  wpm_cause cause;
  assert_int_equal(wpm_store_victim(store, &ref, &cause), WPM_ERR_NO_VICTIM); /* Nobody at all. */
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add_dialable(store, i);
    if (i % 3 == 0) {
      wpm_kit_connect(store, i, i % 2 ? WPM_INBOUND : WPM_OUTBOUND, i, WPM_KIT_NOW);
    } else if (i % 3 == 1) {
      wpm_kit_protect(store, i, true);
    } else {
      assert_int_equal(wpm_store_set_static(store, wpm_kit_id(i), true), WPM_OK);
    }
  }
  wpm_peer_record newcomer = wpm_kit_record(100);
  assert_int_equal(wpm_store_victim(store, &ref, &cause), WPM_ERR_NO_VICTIM);
  assert_int_equal(wpm_store_add(store, wpm_kit_id(100), 0), WPM_ERR_NO_VICTIM);
  assert_int_equal(wpm_store_put(store, &newcomer), WPM_ERR_NO_VICTIM);
  assert_int_equal(wpm_store_get_counters(store).refused, 2);
  assert_int_equal(wpm_store_count(store), PEERS);
  assert_int_equal(wpm_store_add(store, wpm_kit_id(3), 0), WPM_OK); /* Held: no newcomer. */
  wpm_kit_protect(store, 1, false);
  expect_to_go(store, 100, 1, WPM_CAUSE_UNTRIED);
  wpm_kit_end(store, 0, WPM_REASON_TIMED_OUT, WPM_KIT_NOW);
  wpm_kit_protect(store, 100, true);
  expect_to_go(store, 101, 0, WPM_CAUSE_LOST);
}

static void a_peer_is_forgotten_whole(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add_dialable(store, i);
    wpm_kit_connect(store, i, WPM_OUTBOUND, i, WPM_KIT_NOW);
  }
  wpm_kit_end(store, 3, WPM_REASON_EOF, WPM_KIT_NOW);
  wpm_kit_add(store, 100);
  wpm_kit_end(store, 4, WPM_REASON_EOF, WPM_KIT_NOW);
  assert_int_equal(wpm_store_set_static(store, wpm_kit_id(100), true), WPM_OK);
  wpm_kit_add(store, 3);
  wpm_peer_record r = wpm_kit_get(store, 3);
  assert_int_equal(r.address_count, 0);
  assert_false(r.held || wpm_wall_known(r.disconnect_time));
}

static void without_eviction_the_cap_is_hard(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add(store, i);
  }
  wpm_peer_record newcomer = wpm_kit_record(100);
  assert_int_equal(wpm_store_add(store, wpm_kit_id(100), 0), WPM_ERR_FULL);
  assert_int_equal(wpm_store_put(store, &newcomer), WPM_ERR_FULL);
  assert_int_equal(wpm_store_add(store, wpm_kit_id(3), 0), WPM_OK);
  newcomer = wpm_kit_record(3);
  assert_int_equal(wpm_store_put(store, &newcomer), WPM_OK);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(3)), WPM_OK);
  wpm_kit_add(store, 100);
  assert_int_equal(wpm_store_count(store), PEERS);
}

/* Nobody can steer whom a newcomer pushes out: of many it is one of 8 drawn at random, so seldom the
 * one seen last the longest ago, and hardly ever one of those seen last. */
static void of_many_some_are_drawn(void **state) {
  (void)state;
  enum { MANY = 1024, ROUNDS = 512 };
  wpm_store *store = of(MANY, true);
  for (unsigned i = 0; i < MANY; i++) {
    wpm_kit_add(store, i);
    wpm_kit_offer(store, i, i, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(i));
  }
  unsigned oldest = 0;
  size_t sum = 0;
  size_t youngest_half = 0;
  for (unsigned i = 0; i < ROUNDS; i++) {
    wpm_cause cause;
    unsigned number = victim(store, &cause);
    wpm_cause again;
    assert_int_equal(victim(store, &again), number); /* Asking changes nothing. */
    assert_int_equal(cause, WPM_CAUSE_UNTRIED);
    sum += number;
    oldest += number < 8;
    youngest_half += number >= MANY / 2;
    wpm_kit_add(store, MANY + i);
    assert_false(wpm_kit_holds(store, number));
    assert_int_equal(wpm_store_remove(store, wpm_kit_id(MANY + i)), WPM_OK);
    wpm_kit_add(store, number); /* As before, for the next round. */
    wpm_kit_offer(store, number, number, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(number));
  }
  /* The least of 8 out of 1024 is 113 on average; the sum of 512 is off by 2 300 (1 sd). */
  assert_in_range(sum, 113u * ROUNDS - 12000, 113u * ROUNDS + 12000);
  assert_in_range(oldest, 5, 60);        /* 31 ± 5. */
  assert_in_range(youngest_half, 0, 10); /* 2 ± 1.4; at random 256. */
  wpm_kit_free(store);
}

static void the_hash_key_seeds_the_draw(void **state) {
  (void)state;
  unsigned victims[2][20];
  for (unsigned key = 0; key < 2; key++) {
    wpm_store_config config;
    wpm_store_config_default(&config);
    config.max_peers = 500;
    config.hash_key[0] = (uint8_t)key;
    wpm_store *store = wpm_kit_new(&config);
    for (unsigned i = 0; i < 500; i++) {
      wpm_kit_add_dialable(store, i);
    }
    for (unsigned i = 0; i < 20; i++) {
      wpm_cause cause;
      victims[key][i] = victim(store, &cause);
      wpm_kit_add_dialable(store, 500 + i);
    }
    wpm_kit_free(store);
  }
  assert_memory_not_equal(victims[0], victims[1], sizeof(victims[0]));
}

/* Of a store of many pages the few that cannot be reached all go before anybody else, whether they are in
 * stock (core/victim.c) or not, and those among them that were reached after all stay. */
static void the_few_of_many_all_go_first(void **state) {
  enum { MANY = 6000, UNREACHABLE = 200, REACHED = 50 };
  (void)state;
  wpm_store *store = of(MANY, true);
  wpm_cause foretold;
  for (unsigned i = 0; i < MANY; i++) {
    wpm_kit_add_dialable(store, i);
  }
  for (unsigned i = 0; i < UNREACHABLE; i++) {
    fail_dial(store, i * 29);
  }
  for (unsigned i = 0; i < REACHED; i++) {
    hold_once(store, i * 29, WPM_REASON_LOCAL_CLOSE, WPM_KIT_NOW);
  }
  for (unsigned i = 0; i < UNREACHABLE - REACHED; i++) {
    unsigned number = victim(store, &foretold);
    assert_true(number % 29 == 0 && number / 29 >= REACHED && number / 29 < UNREACHABLE);
    expect_to_go(store, MANY + i, number, WPM_CAUSE_UNREACHABLE);
    if (i % 10 == 0) {
      assert_int_equal(wpm_store_check(store, NULL), WPM_OK);
    }
  }
  expect_to_go(store, 2 * MANY, victim(store, &foretold), WPM_CAUSE_UNTRIED);
  fail_dial(store, MANY); /* One that is of the kind from now on is the next. */
  expect_to_go(store, 2 * MANY + 1, MANY, WPM_CAUSE_UNREACHABLE);
  wpm_kit_free(store);
}

static void private_keys_and_tombstones_survive_it(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add_dialable(store, i);
    if (i > 0) {
      wpm_kit_protect(store, i, true);
    }
  }
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(0), WPM_BYTES("secret")), WPM_OK);
  wpm_kit_set_wait(store, 0, WPM_WAIT_BAN, WPM_HOUR);
  expect_to_go(store, 100, 0, WPM_CAUSE_UNTRIED);
  assert_int_equal(wpm_store_tombstone_count(store), 1);
  wpm_bytes key;
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(0), &key), WPM_OK);
  expect_to_go(store, 0, 100, WPM_CAUSE_UNTRIED); /* And it comes back banned. */
  assert_int_equal(wpm_kit_get(store, 0).ban.length_ns, WPM_HOUR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_order_is_as_documented),
      TEST(where_none_may_go_the_newcomer_is_refused),
      TEST(a_peer_is_forgotten_whole),
      cmocka_unit_test_setup_teardown(without_eviction_the_cap_is_hard, setup_without,
                                      wpm_kit_teardown),
      cmocka_unit_test(of_many_some_are_drawn),
      cmocka_unit_test(the_hash_key_seeds_the_draw),
      cmocka_unit_test(the_few_of_many_all_go_first),
      TEST(private_keys_and_tombstones_survive_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
