/* What outlives a record: prune backoffs and bans. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

enum { PEERS = 40, TOMBSTONES = PEERS / 4 };

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = PEERS;
  wpm_store *store = wpm_kit_new(&config);
  wpm_store_advance(store, wpm_kit_instant(0));
  *state = store;
  return 0;
}

/* The tombstone of that peer; false where there is none. */
static bool find(const wpm_store *store, unsigned number, wpm_tombstone *out) {
  uint64_t cursor = 0;
  while (wpm_store_next_tombstone(store, &cursor, out)) {
    if (wpm_bytes_equal(out->id, wpm_kit_id(number))) {
      return true;
    }
  }
  return false;
}

static bool has(const wpm_store *store, unsigned number) {
  wpm_tombstone tombstone;
  return find(store, number, &tombstone);
}

static void leave(wpm_store *store, unsigned number, wpm_wait_kind kind, int64_t length_ns) {
  wpm_kit_add(store, number);
  wpm_kit_set_wait(store, number, kind, length_ns);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(number)), WPM_OK);
}

static void backoff_and_ban_outlive_the_record(void **state) {
  wpm_store *store = *state;
  wpm_tombstone t;
  leave(store, 1, WPM_WAIT_PRUNE_BACKOFF, WPM_MINUTE);
  leave(store, 2, WPM_WAIT_BAN, INT64_MAX);
  leave(store, 3, WPM_WAIT_RETRY_DELAY, WPM_HOUR); /* Ours alone: it goes with the record. */
  leave(store, 4, WPM_WAIT_MISMATCH_DELAY, WPM_HOUR);
  wpm_kit_add(store, 5);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(5)), WPM_OK);
  assert_int_equal(wpm_store_tombstone_count(store), 2);
  assert_int_equal(wpm_store_count(store), 0);
  assert_true(find(store, 1, &t));
  assert_int_equal(t.prune_backoff.length_ns, WPM_MINUTE);
  assert_int_equal(t.prune_backoff.start.boot_id, 1);
  assert_int_equal(t.ban.length_ns, 0);
  assert_true(find(store, 2, &t));
  assert_true(t.ban.length_ns == INT64_MAX);
  assert_int_equal(t.prune_backoff.length_ns, 0);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 0); /* It is no peer. */
}

static void a_peer_that_comes_back_has_them_again(void **state) {
  wpm_store *store = *state;
  leave(store, 1, WPM_WAIT_PRUNE_BACKOFF, WPM_MINUTE);
  leave(store, 2, WPM_WAIT_BAN, WPM_HOUR);
  wpm_kit_add_dialable(store, 1);
  wpm_kit_add_dialable(store, 2);
  assert_int_equal(wpm_store_tombstone_count(store), 0);
  assert_int_equal(wpm_kit_get(store, 1).prune_backoff.length_ns, WPM_MINUTE);
  assert_int_equal(wpm_kit_get(store, 2).ban.length_ns, WPM_HOUR);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_DIALABLE, 0), 0);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 1);
  wpm_store_advance(store, wpm_kit_instant(WPM_HOUR));
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_DIALABLE, 0), 2);
}

static void they_end_when_their_time_is_over(void **state) {
  wpm_store *store = *state;
  leave(store, 1, WPM_WAIT_PRUNE_BACKOFF, WPM_MINUTE);
  leave(store, 2, WPM_WAIT_BAN, WPM_HOUR);
  wpm_tombstone both = {.id = wpm_kit_id(3),
                        .prune_backoff = wpm_kit_wait(WPM_MINUTE),
                        .ban = wpm_kit_wait(2 * WPM_MINUTE)};
  assert_int_equal(wpm_store_put_tombstone(store, &both), WPM_OK);
  leave(store, 4, WPM_WAIT_BAN, INT64_MAX);
  assert_int_equal(wpm_store_next_deadline(store).ns, wpm_kit_instant(WPM_MINUTE).mono.ns);
  wpm_store_advance(store, wpm_kit_instant(WPM_MINUTE));
  assert_false(has(store, 1));
  assert_true(has(store, 2) && has(store, 3) && has(store, 4));
  wpm_store_advance(store, wpm_kit_instant(2 * WPM_MINUTE));
  assert_false(has(store, 3));
  wpm_store_advance(store, wpm_kit_instant(WPM_HOUR));
  assert_false(has(store, 2));
  wpm_store_advance(store, wpm_kit_instant(10000 * WPM_DAY));
  assert_true(has(store, 4)); /* Without end. */
  assert_int_equal(wpm_store_tombstone_count(store), 1);
  assert_int_equal(wpm_store_tombstones_dropped(store), 0); /* None went before its end. */
}

static void what_is_over_leaves_none(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  wpm_kit_set_wait(store, 1, WPM_WAIT_PRUNE_BACKOFF, WPM_MINUTE);
  wpm_store_advance(store, wpm_kit_instant(WPM_MINUTE));
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  assert_int_equal(wpm_store_tombstone_count(store), 0);
}

static void a_ban_may_come_before_the_peer(void **state) {
  wpm_store *store = *state;
  wpm_tombstone t;
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, WPM_HOUR);
  assert_int_equal(wpm_store_count(store), 0);
  assert_true(find(store, 1, &t));
  assert_int_equal(t.ban.length_ns, WPM_HOUR);
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, 2 * WPM_HOUR); /* Another one in its place. */
  assert_int_equal(wpm_store_tombstone_count(store), 1);
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_kit_get(store, 1).ban.length_ns, 2 * WPM_HOUR);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, 0); /* And taken back. */
  assert_int_equal(wpm_store_tombstone_count(store), 0);
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 0);
}

static void when_full_those_ending_soonest_go_and_are_counted(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < TOMBSTONES; i++) { /* Of falling lengths. */
    leave(store, i, WPM_WAIT_BAN, WPM_HOUR - i * WPM_MINUTE);
  }
  assert_int_equal(wpm_store_tombstone_count(store), TOMBSTONES);
  assert_int_equal(wpm_store_tombstones_dropped(store), 0);
  leave(store, 100, WPM_WAIT_BAN, WPM_HOUR);
  assert_false(has(store, TOMBSTONES - 1));
  assert_true(has(store, 100));
  leave(store, 101, WPM_WAIT_BAN, INT64_MAX);
  assert_false(has(store, TOMBSTONES - 2));
  assert_int_equal(wpm_store_tombstones_dropped(store), 2);
  /* One that ends before all others goes itself; removing does not fail for that. */
  leave(store, 102, WPM_WAIT_BAN, WPM_SECOND);
  assert_false(has(store, 102));
  assert_int_equal(wpm_store_tombstones_dropped(store), 3);
  wpm_tombstone short_one = {.id = wpm_kit_id(103), .ban = wpm_kit_wait(WPM_SECOND)};
  assert_int_equal(wpm_store_put_tombstone(store, &short_one), WPM_ERR_FULL);
  assert_int_equal(
      wpm_store_set_wait(store, wpm_kit_id(104), WPM_WAIT_BAN, wpm_kit_wait(WPM_SECOND)),
      WPM_ERR_FULL);
  assert_int_equal(wpm_store_tombstone_count(store), TOMBSTONES);
}

static void a_new_peer_takes_no_tombstones_place(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < TOMBSTONES; i++) {
    leave(store, i, WPM_WAIT_BAN, WPM_HOUR);
  }
  for (unsigned i = 0; i < 10 * PEERS; i++) {
    wpm_kit_add_dialable(store, 100 + i);
  }
  assert_int_equal(wpm_store_count(store), PEERS);
  assert_int_equal(wpm_store_tombstone_count(store), TOMBSTONES);
  assert_int_equal(wpm_store_tombstones_dropped(store), 0);
}

static void one_may_be_put_as_loaded_from_disk(void **state) {
  wpm_store *store = *state;
  static uint8_t much[256];
  wpm_tombstone t = {.id = wpm_kit_id(1),
                     .prune_backoff = wpm_kit_wait(WPM_MINUTE),
                     .ban = wpm_kit_wait(WPM_HOUR)};
  wpm_kit_add_dialable(store, 1); /* Held: its spans are set. */
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  assert_int_equal(wpm_store_tombstone_count(store), 0);
  assert_int_equal(wpm_kit_get(store, 1).ban.length_ns, WPM_HOUR);
  assert_int_equal(wpm_kit_get(store, 1).prune_backoff.length_ns, WPM_MINUTE);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 1);
  t.id = (wpm_bytes){much, 255};
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  t.id.len = 256;
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_ERR_INVALID);
  t.id = (wpm_bytes){NULL, 0};
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  assert_int_equal(wpm_store_tombstone_count(store), 2);
}

/* A tombstone says of a ban that it has none; the peer that came back since has one all the same. */
static void one_put_takes_nothing_from_a_peer_that_is_held(void **state) {
  wpm_store *store = *state;
  wpm_peer_record r = wpm_kit_record(1);
  r.ban = wpm_kit_wait(10 * WPM_HOUR);
  r.prune_backoff = wpm_kit_wait(WPM_MINUTE);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  wpm_tombstone t = {.id = wpm_kit_id(1), .prune_backoff = wpm_kit_wait(WPM_HOUR)};
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).ban.length_ns, 10 * WPM_HOUR);
  assert_int_equal(wpm_kit_get(store, 1).prune_backoff.length_ns, WPM_HOUR);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 1);
  t.prune_backoff = (wpm_wait){.length_ns = 0};
  t.ban = wpm_kit_wait(WPM_MINUTE);
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).ban.length_ns, 10 * WPM_HOUR);
  assert_int_equal(wpm_kit_get(store, 1).prune_backoff.length_ns, WPM_HOUR);
}

static void a_whole_record_takes_its_tombstone_over(void **state) {
  wpm_store *store = *state;
  leave(store, 1, WPM_WAIT_BAN, WPM_HOUR);
  wpm_peer_record r = wpm_kit_record(1);
  r.prune_backoff = wpm_kit_wait(WPM_MINUTE);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_store_tombstone_count(store), 0);
  r = wpm_kit_get(store, 1);
  assert_int_equal(r.prune_backoff.length_ns, WPM_MINUTE);
  assert_int_equal(r.ban.length_ns, WPM_HOUR);
}

/* Of a tombstone's span and the record's the one that ends later, however long they are. */
static void of_two_spans_the_one_that_ends_later_goes_on(void **state) {
  wpm_store *store = *state;
  wpm_peer_record r = wpm_kit_record(1);
  leave(store, 1, WPM_WAIT_BAN, WPM_HOUR);
  r.ban = wpm_kit_wait(2 * WPM_HOUR); /* Longer, but over. */
  r.ban.start.mono.ns -= 3 * WPM_HOUR;
  r.ban.start.wall.ns -= 3 * WPM_HOUR;
  r.ban.start.boot_id = 7; /* By the wall clock. */
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 1);
  assert_int_equal(wpm_kit_get(store, 1).ban.length_ns, WPM_HOUR);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  r.ban = wpm_kit_wait(WPM_MINUTE);
  r.ban.start.mono.ns += 2 * WPM_HOUR; /* Shorter, but later. */
  r.ban.start.wall.ns += 2 * WPM_HOUR;
  wpm_store_advance(store, wpm_kit_instant(WPM_HOUR - WPM_SECOND));
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  wpm_store_advance(store, wpm_kit_instant(2 * WPM_HOUR));
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_BANNED, 0), 1);
}

static void all_are_listed_once_while_some_come_and_go(void **state) {
  wpm_store *store = *state;
  unsigned seen[20] = {0};
  for (unsigned i = 0; i < TOMBSTONES; i++) {
    leave(store, i, WPM_WAIT_BAN, WPM_HOUR);
  }
  uint64_t cursor = 0;
  wpm_tombstone t;
  for (unsigned step = 0; wpm_store_next_tombstone(store, &cursor, &t); step++) {
    unsigned number = wpm_kit_number(t.id);
    seen[number]++;
    if (step == 3) {
      wpm_kit_set_wait(store, 0, WPM_WAIT_BAN, 0);
      wpm_kit_set_wait(store, 7, WPM_WAIT_BAN, 0);
      leave(store, 12, WPM_WAIT_BAN, WPM_HOUR);
    }
  }
  for (unsigned i = 0; i < TOMBSTONES; i++) {
    assert_in_range(seen[i], i == 0 || i == 7 ? 0 : 1, 1);
  }
  assert_false(wpm_store_next_tombstone(store, &cursor, &t));
}

/* Across a reboot the wall clock decides, or the span begins anew. */
static void an_earlier_boot_counts(void **state) {
  wpm_store *store = *state;
  wpm_tombstone t = {.id = wpm_kit_id(1),
                     .ban = {{{5}, {WPM_KIT_NOW.ns - WPM_MINUTE}, 77}, WPM_HOUR}};
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  t.id = wpm_kit_id(2); /* The wall clock stands before its start. */
  t.ban.start.wall.ns = WPM_KIT_NOW.ns + WPM_DAY;
  assert_int_equal(wpm_store_put_tombstone(store, &t), WPM_OK);
  wpm_store_advance(store, wpm_kit_instant(59 * WPM_MINUTE - 1));
  assert_true(has(store, 1) && has(store, 2));
  wpm_store_advance(store, wpm_kit_instant(59 * WPM_MINUTE));
  assert_false(has(store, 1));
  assert_true(has(store, 2));
  wpm_store_advance(store, wpm_kit_instant(2 * WPM_DAY));
  assert_false(has(store, 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(backoff_and_ban_outlive_the_record),
      TEST(a_peer_that_comes_back_has_them_again),
      TEST(they_end_when_their_time_is_over),
      TEST(what_is_over_leaves_none),
      TEST(a_ban_may_come_before_the_peer),
      TEST(when_full_those_ending_soonest_go_and_are_counted),
      TEST(a_new_peer_takes_no_tombstones_place),
      TEST(one_may_be_put_as_loaded_from_disk),
      TEST(one_put_takes_nothing_from_a_peer_that_is_held),
      TEST(a_whole_record_takes_its_tombstone_over),
      TEST(of_two_spans_the_one_that_ends_later_goes_on),
      TEST(all_are_listed_once_while_some_come_and_go),
      TEST(an_earlier_boot_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
