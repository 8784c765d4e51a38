/* The change feed: what changed, of whom, why; for consumers that keep up, and for slow ones. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

#include <string.h>

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_changes = 64;
  config.max_peers = 100;
  *state = wpm_kit_new(&config);
  return 0;
}

static void expect(const wpm_store *store, uint64_t *cursor, wpm_change_kind kind, unsigned number,
                   uint32_t fields, wpm_cause cause) {
  wpm_store_change change;
  assert_int_equal(wpm_store_feed_next(store, cursor, &change), WPM_OK);
  assert_int_equal(change.kind, kind);
  assert_true(wpm_bytes_equal(change.id, wpm_kit_id(number)));
  assert_int_equal(change.fields, fields);
  assert_int_equal(change.cause, cause);
}

static void expect_added(const wpm_store *store, uint64_t *cursor, unsigned number) {
  expect(store, cursor, WPM_CHANGE_ADDED, number, WPM_FIELD_ALL, WPM_CAUSE_FACT);
}

static void expect_end(const wpm_store *store, uint64_t *cursor) {
  wpm_store_change change;
  uint64_t before = *cursor;
  assert_int_equal(wpm_store_feed_next(store, cursor, &change), WPM_ERR_NOT_FOUND);
  assert_int_equal(*cursor, before);
}

static void comings_updates_and_goings(void **state) {
  wpm_store *store = *state;
  uint64_t cursor = wpm_store_feed_end(store);
  expect_end(store, &cursor);
  wpm_kit_add(store, 1);
  expect_added(store, &cursor, 1);
  assert_int_equal(wpm_store_set_score(store, wpm_kit_id(1), 5), WPM_OK);
  expect(store, &cursor, WPM_CHANGE_UPDATED, 1, WPM_FIELD_TAGS, WPM_CAUSE_FACT);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  expect(store, &cursor, WPM_CHANGE_REMOVED, 1, 0, WPM_CAUSE_PERSON);
  expect_end(store, &cursor);
  assert_int_equal(cursor, wpm_store_feed_end(store));
}

/* Makes one change and tells what it is called. */
typedef struct made {
  uint32_t fields;
  void (*make)(wpm_store *store);
} made;

static void set_key(wpm_store *store) {
  assert_int_equal(wpm_store_set_public_key(store, wpm_kit_id(1), wpm_kit_address(1)), WPM_OK);
}
static void offer(wpm_store *store) {
  wpm_kit_offer(store, 1, 1, WPM_SOURCE_DNS, WPM_TTL_QUALITY, WPM_KIT_NOW);
}
static void offer_again(wpm_store *store) {
  wpm_kit_offer(store, 1, 1, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(1));
}
static void fail_address(wpm_store *store) {
  assert_int_equal(wpm_store_address_failed(store, wpm_kit_id(1), wpm_kit_address(1), WPM_KIT_NOW),
                   WPM_OK);
}
static void set_protocols(wpm_store *store) {
  wpm_text told = WPM_TEXT("/a");
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(1), &told, 1), WPM_OK);
}
static void set_agent(wpm_store *store) {
  wpm_text agent = WPM_TEXT("agent");
  wpm_identified fact = {.agent = &agent, .now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
}
static void set_metadata(wpm_store *store) {
  assert_int_equal(wpm_store_metadata(store, wpm_kit_id(1), 3, NULL, 0), WPM_OK);
}
static void fail_dial(wpm_store *store) {
  assert_int_equal(wpm_store_dial_failed(store, wpm_kit_id(1), WPM_REASON_REFUSED, WPM_KIT_NOW),
                   WPM_OK);
}
static void ping(wpm_store *store) {
  assert_int_equal(wpm_store_pong(store, wpm_kit_id(1), 17), WPM_OK);
}
static void prune(wpm_store *store) {
  wpm_kit_set_wait(store, 1, WPM_WAIT_PRUNE_BACKOFF, WPM_MINUTE);
}
static void delay(wpm_store *store) {
  wpm_kit_set_wait(store, 1, WPM_WAIT_RETRY_DELAY, WPM_MINUTE);
}
static void mismatch(wpm_store *store) {
  wpm_kit_set_wait(store, 1, WPM_WAIT_MISMATCH_DELAY, WPM_MINUTE);
}
static void ban(wpm_store *store) {
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, WPM_MINUTE);
}
static void make_static(wpm_store *store) {
  assert_int_equal(wpm_store_set_static(store, wpm_kit_id(1), true), WPM_OK);
}
static void hold_off(wpm_store *store) {
  assert_int_equal(wpm_store_set_held_off(store, wpm_kit_id(1), true), WPM_OK);
}
static void tag(wpm_store *store) {
  wpm_kit_protect(store, 1, true);
}
static void set_app(wpm_store *store) {
  assert_int_equal(wpm_store_set_app(store, wpm_kit_id(1), WPM_TEXT("key"), WPM_BYTES("value")),
                   WPM_OK);
}
static void come_in(wpm_store *store) {
  wpm_kit_connect(store, 1, WPM_INBOUND, 9, WPM_KIT_NOW);
}
static void come_in_again(wpm_store *store) { /* From elsewhere; it was connected already. */
  wpm_kit_connect(store, 1, WPM_INBOUND, 8, WPM_KIT_NOW);
}
static void part(wpm_store *store) {
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
}

static void an_update_names_its_fields(void **state) {
  wpm_store *store = *state;
  static const made all[] = {
      {WPM_FIELD_KEY, set_key},
      {WPM_FIELD_ADDRESSES, offer},
      {WPM_FIELD_ADDRESS_TIMES, offer_again},
      {WPM_FIELD_ADDRESS_TIMES, fail_address},
      {WPM_FIELD_PROTOCOLS, set_protocols},
      {WPM_FIELD_AGENT, set_agent},
      {WPM_FIELD_METADATA, set_metadata},
      {WPM_FIELD_RTT, ping},
      {WPM_FIELD_PRUNE_BACKOFF, prune},
      {WPM_FIELD_FAILURES, delay},
      {WPM_FIELD_INTENT, mismatch},
      {WPM_FIELD_BAN, ban},
      {WPM_FIELD_INTENT, make_static},
      {WPM_FIELD_INTENT, hold_off},
      {WPM_FIELD_TAGS, tag},
      {WPM_FIELD_APP, set_app},
      {WPM_FIELD_CONNECTIVITY | WPM_FIELD_OBSERVED, come_in},
      {WPM_FIELD_OBSERVED, come_in_again},
      {WPM_FIELD_CONNECTIVITY, part},
      {WPM_FIELD_CONNECTIVITY | WPM_FIELD_FAILURES, fail_dial},
  };
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_kit_add(store, 1);
  expect_added(store, &cursor, 1);
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    all[i].make(store);
    wpm_store_change change;
    assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_OK);
    assert_int_equal(change.kind, WPM_CHANGE_UPDATED);
    if (change.fields != all[i].fields) {
      fail_msg("change %zu names fields %x instead of %x", i, change.fields, all[i].fields);
    }
    expect_end(store, &cursor);
  }
}

static void what_changes_nothing_is_no_change(void **state) {
  wpm_store *store = *state;
  static void (*const twice[])(wpm_store *) = {
      set_key, offer, fail_address, set_protocols, set_agent, set_metadata, ping,    prune,
      delay,   ban,   make_static,  hold_off,      tag,       set_app,      mismatch};
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_kit_add(store, 1);
  for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++) {
    twice[i](store);
  }
  wpm_store_change change;
  while (wpm_store_feed_next(store, &cursor, &change) == WPM_OK) {}
  for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++) {
    twice[i](store);
    uint64_t before = cursor;
    if (wpm_store_feed_next(store, &cursor, &change) != WPM_ERR_NOT_FOUND) {
      fail_msg("change %zu made again is a change of fields %x", i, change.fields);
    }
    assert_int_equal(before, cursor);
  }
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_disconnected(store, wpm_kit_id(1), WPM_REASON_EOF, WPM_KIT_NOW),
                   WPM_OK);
  assert_int_equal(
      wpm_store_dial_failed(store, wpm_kit_id(1), WPM_REASON_LOCAL_FAILURE, WPM_KIT_NOW), WPM_OK);
  expect_end(store, &cursor);
}

static void updates_in_a_row_are_one_for_whom_they_are_new(void **state) {
  wpm_store *store = *state;
  uint64_t late = wpm_store_feed_end(store);
  uint64_t prompt = late;
  wpm_kit_add(store, 1);
  wpm_kit_add(store, 2);
  ping(store);
  set_agent(store);
  expect_added(store, &prompt, 1);
  expect_added(store, &prompt, 2);
  expect(store, &prompt, WPM_CHANGE_UPDATED, 1, WPM_FIELD_RTT | WPM_FIELD_AGENT, WPM_CAUSE_FACT);
  expect_end(store, &prompt);
  /* One that has been read is not added to unseen. */
  tag(store);
  expect(store, &prompt, WPM_CHANGE_UPDATED, 1, WPM_FIELD_TAGS, WPM_CAUSE_FACT);
  expect_end(store, &prompt);
  wpm_kit_set_wait(store, 2, WPM_WAIT_BAN, WPM_MINUTE);
  set_app(store);
  expect_added(store, &late, 1);
  expect_added(store, &late, 2);
  uint32_t first = 0;
  wpm_store_change change;
  while (wpm_store_feed_next(store, &late, &change) == WPM_OK &&
         wpm_bytes_equal(change.id, wpm_kit_id(1))) {
    first |= change.fields;
  }
  assert_int_equal(first, WPM_FIELD_RTT | WPM_FIELD_AGENT | WPM_FIELD_TAGS);
  assert_true(wpm_bytes_equal(change.id, wpm_kit_id(2)));
  expect(store, &late, WPM_CHANGE_UPDATED, 1, WPM_FIELD_APP, WPM_CAUSE_FACT);
  expect_end(store, &late);
}

static void an_endless_row_of_updates_pushes_out_nothing(void **state) {
  wpm_store *store = *state;
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_kit_add(store, 1);
  for (int64_t i = 0; i < 1000; i++) {
    assert_int_equal(wpm_store_pong(store, wpm_kit_id(1), i), WPM_OK);
  }
  expect_added(store, &cursor, 1);
  expect(store, &cursor, WPM_CHANGE_UPDATED, 1, WPM_FIELD_RTT, WPM_CAUSE_FACT);
  expect_end(store, &cursor);
}

static void of_a_peer_that_has_gone_only_that(void **state) {
  wpm_store *store = *state;
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_kit_add(store, 1);
  wpm_kit_add(store, 2);
  ping(store);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  wpm_kit_add(store, 3); /* In its place. */
  wpm_store_change change;
  unsigned removed = 0;
  unsigned added[4] = {0};
  while (wpm_store_feed_next(store, &cursor, &change) == WPM_OK) {
    unsigned number = wpm_kit_number(change.id);
    if (number == 1) { /* ADDED and UPDATED are left out. */
      assert_int_equal(change.kind, WPM_CHANGE_REMOVED);
      removed++;
    } else {
      assert_int_equal(change.kind, WPM_CHANGE_ADDED);
      added[number]++;
    }
  }
  assert_int_equal(removed, 1);
  assert_true(added[2] == 1 && added[3] == 1);
}

static void a_peer_that_comes_back_is_added_again(void **state) {
  wpm_store *store = *state;
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_kit_add(store, 1);
  expect_added(store, &cursor, 1);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  wpm_kit_add(store, 1);
  expect(store, &cursor, WPM_CHANGE_REMOVED, 1, 0, WPM_CAUSE_PERSON);
  expect_added(store, &cursor, 1);
  expect_end(store, &cursor);
}

static void a_slow_consumer_is_told_that_it_missed_some(void **state) {
  wpm_store *store = *state;
  uint64_t cursor = wpm_store_feed_end(store);
  for (unsigned i = 0; i < 64; i++) {
    wpm_kit_add(store, i);
  }
  uint64_t copy = cursor;
  for (unsigned i = 0; i < 64; i++) { /* As many as are kept. */
    expect_added(store, &copy, i);
  }
  wpm_kit_add(store, 64);
  wpm_store_change change;
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_TRUNCATED);
  for (unsigned i = 1; i <= 64; i++) {
    expect_added(store, &cursor, i);
  }
  expect_end(store, &cursor);
  cursor = 0; /* A cursor from before there was anything. */
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_TRUNCATED);
  expect_added(store, &cursor, 1);
}

static void a_slow_consumer_costs_no_memory(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 100; i++) {
    wpm_kit_add(store, i);
  }
  size_t before = 0;
  for (unsigned round = 0; round < 200; round++) {
    for (unsigned i = 0; i < 100; i++) {
      assert_int_equal(wpm_store_pong(store, wpm_kit_id(i), round), WPM_OK);
    }
    before = round == 9 ? wpm_store_bytes(store) : before;
  }
  assert_int_equal(wpm_store_bytes(store), before);
}

static void without_a_feed_there_is_none(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_changes = 0;
  wpm_store *store = wpm_kit_new(&config);
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_store_change change;
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_NOT_FOUND);
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_TRUNCATED);
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_NOT_FOUND);
  wpm_kit_free(store);
}

static void an_eviction_says_why(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 100; i++) {
    wpm_kit_add_dialable(store, i);
  }
  assert_int_equal(wpm_store_clear_addresses(store, wpm_kit_id(42)), WPM_OK);
  uint64_t cursor = wpm_store_feed_end(store);
  wpm_kit_add(store, 100);
  expect(store, &cursor, WPM_CHANGE_REMOVED, 42, 0, WPM_CAUSE_UNREACHABLE);
  expect_added(store, &cursor, 100);
  expect_end(store, &cursor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(comings_updates_and_goings),
      TEST(an_update_names_its_fields),
      TEST(what_changes_nothing_is_no_change),
      TEST(updates_in_a_row_are_one_for_whom_they_are_new),
      TEST(an_endless_row_of_updates_pushes_out_nothing),
      TEST(of_a_peer_that_has_gone_only_that),
      TEST(a_peer_that_comes_back_is_added_again),
      TEST(a_slow_consumer_is_told_that_it_missed_some),
      TEST(a_slow_consumer_costs_no_memory),
      cmocka_unit_test(without_a_feed_there_is_none),
      TEST(an_eviction_says_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
