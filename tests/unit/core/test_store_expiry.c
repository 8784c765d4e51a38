/* How long addresses last: go-libp2p's times to live by the clock, and quality beside them. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

static wpm_store *with(bool keep_good) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.keep_good = keep_good;
  wpm_store *store = wpm_kit_new(&config);
  wpm_kit_add(store, 1);
  return store;
}

static int by_the_clock(void **state) {
  *state = with(false);
  return 0;
}

static int by_quality(void **state) {
  *state = with(true);
  return 0;
}

static void add(wpm_store *store, unsigned address, int64_t ttl_ns, wpm_wall now) {
  wpm_kit_offer(store, 1, address, WPM_SOURCE_UNKNOWN, ttl_ns, now);
}

static void set(wpm_store *store, unsigned address, int64_t ttl_ns, wpm_wall now) {
  wpm_bytes multiaddr = wpm_kit_address(address);
  wpm_offer offer = {.ttl_ns = ttl_ns, .now = now};
  assert_int_equal(wpm_store_set_addresses(store, wpm_kit_id(1), &multiaddr, 1, &offer, NULL),
                   WPM_OK);
}

static void update(wpm_store *store, int64_t old_ttl, int64_t new_ttl, wpm_wall now) {
  assert_int_equal(wpm_store_update_ttl(store, wpm_kit_id(1), old_ttl, new_ttl, now), WPM_OK);
}

static void expire(wpm_store *store, wpm_wall now) {
  assert_int_equal(wpm_store_expire(store, wpm_kit_id(1), now), WPM_OK);
}

static bool has(const wpm_store *store, unsigned address) {
  wpm_peer_record r = wpm_kit_get(store, 1);
  return wpm_kit_find(&r, address) != NULL;
}

/* Fails unless the address has that time to live and ends then. */
static void expect(const wpm_store *store, unsigned address, int64_t ttl_ns, wpm_wall expires) {
  wpm_peer_record r = wpm_kit_get(store, 1);
  const wpm_address *held = wpm_kit_find(&r, address);
  assert_non_null(held);
  assert_int_equal(held->ttl_ns, ttl_ns);
  assert_int_equal(held->expires.ns, expires.ns);
}

static wpm_wall behind(int64_t ns) {
  return (wpm_wall){WPM_KIT_NOW.ns + ns};
}

static void a_time_to_live_ends_to_the_nanosecond(void **state) {
  wpm_store *store = *state;
  static const int64_t ttls[] = {1,
                                 2,
                                 1000000007,
                                 WPM_TTL_TEMPORARY,
                                 WPM_TTL_RECENT,
                                 WPM_TTL_OWN_OBSERVED,
                                 WPM_TTL_ADDRESS,
                                 WPM_TTL_ADDRESS + 1};
  for (unsigned i = 0; i < 8; i++) {
    add(store, i, ttls[i], WPM_KIT_NOW);
    expect(store, i, ttls[i], behind(ttls[i]));
  }
  for (unsigned i = 0; i < 8; i++) {
    expire(store, behind(ttls[i] - 1));
    assert_true(has(store, i));
    expire(store, behind(ttls[i])); /* Over, as in go-libp2p, at its end. */
    assert_false(has(store, i));
  }
}

static void some_times_to_live_never_end_by_the_clock(void **state) {
  wpm_store *store = *state;
  static const int64_t ttls[] = {WPM_TTL_PERMANENT, WPM_TTL_CONNECTED, WPM_TTL_QUALITY};
  for (unsigned i = 0; i < 3; i++) {
    add(store, i, ttls[i], WPM_KIT_NOW);
    expect(store, i, ttls[i], WPM_WALL_NONE);
  }
  expire(store, behind(29 * WPM_DAY));
  assert_int_equal(wpm_kit_get(store, 1).address_count, 3);
  /* A span that reaches beyond the end of time is not one that is over. */
  add(store, 4, WPM_TTL_CONNECTED - 1, WPM_KIT_NOW);
  expire(store, behind(WPM_DAY));
  assert_true(has(store, 4));
}

static void the_clock_may_begin_at_0(void **state) {
  wpm_store *store = *state;
  add(store, 1, WPM_SECOND, (wpm_wall){0});
  expect(store, 1, WPM_SECOND, (wpm_wall){WPM_SECOND});
  add(store, 2, WPM_SECOND, (wpm_wall){-WPM_SECOND});
  expect(store, 2, WPM_SECOND, (wpm_wall){0});
  expire(store, (wpm_wall){-1});
  assert_true(has(store, 2));
  expire(store, (wpm_wall){0});
  assert_false(has(store, 2));
  assert_true(has(store, 1));
}

static void adding_never_shortens(void **state) {
  wpm_store *store = *state;
  add(store, 1, WPM_HOUR, WPM_KIT_NOW);
  add(store, 1, WPM_MINUTE, WPM_KIT_NOW);
  expect(store, 1, WPM_HOUR, behind(WPM_HOUR));
  /* The longer of the times to live and the later of the ends, each for itself. */
  add(store, 1, WPM_MINUTE, behind(WPM_HOUR - 1));
  expect(store, 1, WPM_HOUR, behind(WPM_HOUR - 1 + WPM_MINUTE));
  add(store, 1, 2 * WPM_HOUR, WPM_KIT_NOW);
  expect(store, 1, 2 * WPM_HOUR, behind(2 * WPM_HOUR));
  add(store, 1, WPM_TTL_CONNECTED, WPM_KIT_NOW);
  expect(store, 1, WPM_TTL_CONNECTED, WPM_WALL_NONE);
  add(store, 1, WPM_HOUR, behind(WPM_DAY));
  expect(store, 1, WPM_TTL_CONNECTED, WPM_WALL_NONE);
}

/* A time to live beside it neither ends what is kept for its quality nor keeps it for ever. */
static void quality_and_clock_do_not_mix(void **state) {
  wpm_store *store = *state;
  add(store, 1, WPM_TTL_QUALITY, WPM_KIT_NOW);
  add(store, 1, WPM_MINUTE, WPM_KIT_NOW);
  expect(store, 1, WPM_TTL_QUALITY, WPM_WALL_NONE);
  add(store, 2, WPM_MINUTE, WPM_KIT_NOW);
  add(store, 2, WPM_TTL_QUALITY, WPM_KIT_NOW);
  expect(store, 2, WPM_MINUTE, behind(WPM_MINUTE));
  add(store, 1, WPM_TTL_PERMANENT, WPM_KIT_NOW);
  expect(store, 1, WPM_TTL_PERMANENT, WPM_WALL_NONE);
}

static void setting_shortens_too(void **state) {
  wpm_store *store = *state;
  add(store, 1, WPM_TTL_PERMANENT, WPM_KIT_NOW);
  set(store, 1, WPM_MINUTE, WPM_KIT_NOW);
  expect(store, 1, WPM_MINUTE, behind(WPM_MINUTE));
  set(store, 1, 5, behind(7));
  expect(store, 1, 5, behind(12));
  set(store, 2, WPM_HOUR, WPM_KIT_NOW); /* One that is new. */
  expect(store, 2, WPM_HOUR, behind(WPM_HOUR));
  set(store, 1, WPM_TTL_QUALITY, WPM_KIT_NOW);
  expect(store, 1, WPM_TTL_QUALITY, WPM_WALL_NONE);
  set(store, 1, -1, WPM_KIT_NOW);
  assert_false(has(store, 1));
  set(store, 3, -1, WPM_KIT_NOW); /* Not held: nothing to do. */
  assert_int_equal(wpm_kit_get(store, 1).address_count, 1);
}

static void updating_is_by_the_time_to_live_held(void **state) {
  wpm_store *store = *state;
  add(store, 1, WPM_TTL_CONNECTED, WPM_KIT_NOW);
  add(store, 2, WPM_TTL_CONNECTED, WPM_KIT_NOW);
  add(store, 3, WPM_HOUR, WPM_KIT_NOW);
  update(store, WPM_TTL_RECENT, WPM_HOUR, WPM_KIT_NOW); /* None has it. */
  expect(store, 1, WPM_TTL_CONNECTED, WPM_WALL_NONE);
  update(store, WPM_TTL_CONNECTED, WPM_TTL_RECENT, behind(5));
  expect(store, 1, WPM_TTL_RECENT, behind(5 + WPM_TTL_RECENT));
  expect(store, 2, WPM_TTL_RECENT, behind(5 + WPM_TTL_RECENT));
  expect(store, 3, WPM_HOUR, behind(WPM_HOUR));
  update(store, WPM_TTL_RECENT, -1, behind(6));
  assert_false(has(store, 1) || has(store, 2));
  assert_true(has(store, 3));
  update(store, WPM_HOUR, WPM_TTL_PERMANENT, behind(6));
  expect(store, 3, WPM_TTL_PERMANENT, WPM_WALL_NONE);
  assert_int_equal(wpm_store_update_ttl(store, wpm_kit_id(2), 1, 2, WPM_KIT_NOW),
                   WPM_ERR_NOT_FOUND);
}

static void the_clock_alone_takes_what_worked_as_well(void **state) {
  wpm_store *store = *state;
  add(store, 1, WPM_HOUR, WPM_KIT_NOW);
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, WPM_KIT_NOW);
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
  expire(store, behind(WPM_HOUR));
  assert_int_equal(wpm_kit_get(store, 1).address_count, 0);
}

static void the_last_that_worked_is_never_dropped_for_its_age(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 1; i <= 3; i++) {
    add(store, i, WPM_HOUR, WPM_KIT_NOW);
  }
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, behind(1));
  wpm_kit_end(store, 1, WPM_REASON_EOF, behind(2));
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 2, behind(3));
  wpm_kit_end(store, 1, WPM_REASON_EOF, behind(4));
  assert_int_equal(wpm_store_address_failed(store, wpm_kit_id(1), wpm_kit_address(2), behind(9)),
                   WPM_OK);
  expire(store, behind(100 * WPM_DAY));
  assert_false(has(store, 3)); /* Never worked. */
  assert_false(has(store, 1)); /* A later one did. */
  assert_true(has(store, 2));
  /* Until another one works. */
  add(store, 4, WPM_HOUR, behind(100 * WPM_DAY));
  expire(store, behind(100 * WPM_DAY));
  assert_true(has(store, 2));
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 4, behind(100 * WPM_DAY));
  expire(store, behind(100 * WPM_DAY));
  assert_false(has(store, 2));
  /* What a person takes away goes. */
  wpm_kit_end(store, 1, WPM_REASON_EOF, behind(100 * WPM_DAY));
  set(store, 4, -1, WPM_KIT_NOW);
  assert_int_equal(wpm_kit_get(store, 1).address_count, 0);
}

static void fail_at(wpm_store *store, unsigned address, wpm_wall now) {
  assert_int_equal(wpm_store_address_failed(store, wpm_kit_id(1), wpm_kit_address(address), now),
                   WPM_OK);
}

/* Without a time to live: a month behind the last time that somebody named it; a day, where it failed and
 * never worked. */
static void what_nobody_names_is_forgotten(void **state) {
  wpm_store *store = *state;
  enum { UNTRIED = 1, FAILED, WORKED, LAST, NAMED };
  for (unsigned i = UNTRIED; i <= NAMED; i++) {
    wpm_kit_offer(store, 1, i, WPM_SOURCE_DNS, WPM_TTL_QUALITY, WPM_KIT_NOW);
  }
  static const unsigned worked[] = {WORKED, LAST};
  for (unsigned i = 0; i < 2; i++) {
    wpm_kit_connect(store, 1, WPM_OUTBOUND, worked[i], behind(i + 1));
    wpm_kit_end(store, 1, WPM_REASON_EOF, behind(i + 1));
  }
  fail_at(store, FAILED, behind(WPM_HOUR));
  fail_at(store, WORKED, behind(WPM_HOUR));
  fail_at(store, NAMED, behind(WPM_HOUR));
  expire(store, behind(WPM_DAY - 1));
  assert_int_equal(wpm_kit_get(store, 1).address_count, 5);
  wpm_kit_offer(store, 1, NAMED, WPM_SOURCE_DNS, WPM_TTL_QUALITY, behind(WPM_DAY - WPM_SECOND));
  expire(store, behind(WPM_DAY));
  assert_false(has(store, FAILED));
  assert_true(has(store, UNTRIED) && has(store, WORKED) && has(store, LAST) && has(store, NAMED));
  expire(store, behind(2 * WPM_DAY - WPM_SECOND));
  assert_false(has(store, NAMED)); /* It failed; another naming only put that off. */
  expire(store, behind(30 * WPM_DAY - 1));
  assert_int_equal(wpm_kit_get(store, 1).address_count, 3);
  expire(store, behind(30 * WPM_DAY + 1));
  assert_false(has(store, UNTRIED));
  expire(store, behind(31 * WPM_DAY));
  assert_false(has(store, WORKED));
  assert_true(has(store, LAST)); /* The last one that worked is never dropped for its age. */
}

/* What the peer itself, a person or our configuration named does not go by its age, failed or not. */
static void what_is_vouched_for_is_not_forgotten(void **state) {
  wpm_store *store = *state;
  static const wpm_address_source sources[] = {WPM_SOURCE_DNS,      WPM_SOURCE_DISCV5,
                                               WPM_SOURCE_IDENTIFY, WPM_SOURCE_CONFIG,
                                               WPM_SOURCE_PERSON,   WPM_SOURCE_IMPORT};
  enum { COUNT = sizeof(sources) / sizeof(sources[0]) };
  for (unsigned i = 0; i < COUNT; i++) {
    wpm_kit_offer(store, 1, i, sources[i], WPM_TTL_QUALITY, WPM_KIT_NOW);
    fail_at(store, i, behind(WPM_HOUR));
  }
  expire(store, behind(WPM_DAY));
  for (unsigned i = 0; i < COUNT; i++) {
    assert_int_equal(has(store, i), sources[i] >= WPM_SOURCE_IDENTIFY);
  }
  expire(store, behind(1000 * WPM_DAY));
  assert_int_equal(wpm_kit_get(store, 1).address_count, 3);
}

static void rounds_reach_every_peer(void **state) {
  wpm_store *store = *state;
  enum { PEERS = 100, A_ROUND = 7 };
  for (unsigned i = 0; i < PEERS; i++) {
    if (i != 1) {
      wpm_kit_add(store, i);
    }
    wpm_kit_offer(store, i, i, WPM_SOURCE_DNS, WPM_MINUTE, WPM_KIT_NOW);
  }
  for (unsigned i = 0; i < PEERS; i += A_ROUND) {
    wpm_store_expire_some(store, A_ROUND, behind(WPM_MINUTE - 1));
  }
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_ADDRESS, 0), PEERS);
  size_t before = PEERS;
  for (unsigned i = 0; i < PEERS; i += A_ROUND) {
    wpm_store_expire_some(store, A_ROUND, behind(WPM_MINUTE));
    size_t left = wpm_kit_count_of(store, WPM_TERM_ADDRESS, 0);
    assert_true(before - left <= A_ROUND);
    before = left;
  }
  assert_int_equal(before, 0);
  wpm_store_expire_some(store, 1000000, behind(WPM_MINUTE)); /* More than there are. */
  assert_int_equal(wpm_store_expire(store, wpm_kit_id(PEERS), WPM_KIT_NOW), WPM_ERR_NOT_FOUND);
}

static void an_empty_store_has_nothing_to_expire(void **state) {
  (void)state;
  wpm_store *store = wpm_kit_new(NULL);
  wpm_store_expire_some(store, 10, WPM_KIT_NOW);
  assert_int_equal(wpm_store_count(store), 0);
  wpm_kit_free(store);
}

#define CLOCK(name) cmocka_unit_test_setup_teardown(name, by_the_clock, wpm_kit_teardown)
#define QUALITY(name) cmocka_unit_test_setup_teardown(name, by_quality, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CLOCK(a_time_to_live_ends_to_the_nanosecond),
      CLOCK(some_times_to_live_never_end_by_the_clock),
      CLOCK(the_clock_may_begin_at_0),
      CLOCK(adding_never_shortens),
      CLOCK(quality_and_clock_do_not_mix),
      CLOCK(setting_shortens_too),
      CLOCK(updating_is_by_the_time_to_live_held),
      CLOCK(the_clock_alone_takes_what_worked_as_well),
      QUALITY(a_time_to_live_ends_to_the_nanosecond),
      QUALITY(some_times_to_live_never_end_by_the_clock),
      QUALITY(adding_never_shortens),
      QUALITY(quality_and_clock_do_not_mix),
      QUALITY(setting_shortens_too),
      QUALITY(the_last_that_worked_is_never_dropped_for_its_age),
      QUALITY(what_nobody_names_is_forgotten),
      QUALITY(what_is_vouched_for_is_not_forgotten),
      CLOCK(rounds_reach_every_peer),
      cmocka_unit_test(an_empty_store_has_nothing_to_expire),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
