/* The store's and the manager's parts by themselves: spans of waiting, the order of addresses,
 * interned strings, and the checker itself. */
#include "support/test.h"

#include "core/addresses.h"
#include "core/protocols.h"
#include "core/rank.h"
#include "core/restart.h"
#include "core/store.h"
#include "core/wait.h"

#include "base/bytes.h"

#include <string.h>

#define S WPM_SECOND

/* ---- spans of waiting ------------------------------------------------------------------------ */

static void the_end_of_a_wait(void **state) {
  (void)state;
  const wpm_instant start = {{100 * S}, {5000 * S}, 7};
  static const struct {
    int64_t length;
    int64_t mono, wall;
    uint64_t boot;
    int64_t left;
  } cases[] = {
      {60 * S, 100 * S, 5000 * S, 7, 60 * S}, /* Just begun. */
      {60 * S, 130 * S, 5030 * S, 7, 30 * S},
      {60 * S, 130 * S, 9999 * S, 7, 30 * S}, /* Within a boot the wall clock has no say. */
      {60 * S, 130 * S, 1 * S, 7, 30 * S},
      {60 * S, 160 * S, 5060 * S, 7, 0},
      {60 * S, 999 * S, 5999 * S, 7, 0},
      {60 * S, 99 * S, 5000 * S, 7, 60 * S}, /* Begun in the future of its own boot: anew. */
      {60 * S, 5 * S, 5020 * S, 8, 40 * S},  /* After a reboot the wall clock decides. */
      {60 * S, 5 * S, 5060 * S, 8, 0},
      {60 * S, 5 * S, 4999 * S, 8, 60 * S}, /* It stands before the start: the whole anew. */
      {60 * S, 5 * S, INT64_MIN, 8, 60 * S},
      {60 * S, 5 * S, INT64_MAX, 8, 0},
      {0, 100 * S, 5000 * S, 7, 0},
      {-1, 100 * S, 5000 * S, 7, 0},
      {INT64_MAX, 100 * S, 5000 * S, 7, WPM_WAIT_LONGEST},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    wpm_wait wait = {start, cases[i].length};
    wpm_instant now = {{cases[i].mono}, {cases[i].wall}, cases[i].boot};
    assert_int_equal(wpm_wait_end(&wait, now).ns - now.mono.ns, cases[i].left);
    assert_int_equal(wpm_wait_runs(&wait, now), cases[i].left > 0);
  }
  /* Near the end of time. */
  wpm_wait wait = {start, 60 * S};
  wpm_instant last = {{INT64_MAX - 5}, {0}, 8};
  assert_true(wpm_wait_end(&wait, last).ns < WPM_NEVER.ns);
}

static void the_later_wait_is_kept(void **state) {
  (void)state;
  wpm_instant now = {{100 * S}, {5000 * S}, 7};
  wpm_wait shorter = {now, 10 * S};
  wpm_wait longer = {{{50 * S}, {0}, 7}, 70 * S};
  wpm_wait over = {{{0}, {0}, 7}, 1};
  wpm_wait kept = wpm_wait_later(&shorter, &longer, now);
  assert_true(wpm_wait_equal(&kept, &longer));
  kept = wpm_wait_later(&longer, &shorter, now);
  assert_true(wpm_wait_equal(&kept, &longer));
  kept = wpm_wait_later(&longer, &longer, now);
  assert_true(wpm_wait_equal(&kept, &longer));
  kept = wpm_wait_later(&over, &shorter, now);
  assert_true(wpm_wait_equal(&kept, &shorter));
}

static void a_resumed_wait_does_not_begin_anew_at_each_look(void **state) {
  (void)state;
  wpm_wait wait = {{{100 * S}, {5000 * S}, 7}, 60 * S};
  wpm_instant now = {{5 * S}, {4000 * S}, 8};
  wpm_wait resumed = wpm_wait_resume(&wait, WPM_DAY, now);
  now.mono.ns += 20 * S;
  now.wall.ns += 20 * S;
  assert_int_equal(wpm_wait_end(&wait, now).ns - now.mono.ns, 60 * S);
  assert_int_equal(wpm_wait_end(&resumed, now).ns - now.mono.ns, 40 * S);
  /* One that is over stays over, whatever the wall clock does. */
  now.wall.ns = 9000 * S;
  resumed = wpm_wait_resume(&wait, WPM_DAY, now);
  now.wall.ns = 4000 * S;
  assert_true(wpm_wait_runs(&wait, now));
  assert_false(wpm_wait_runs(&resumed, now));
  wait.length_ns = 10 * WPM_DAY;
  resumed = wpm_wait_resume(&wait, WPM_DAY, now);
  assert_int_equal(resumed.length_ns, WPM_DAY);
}

static void a_wait_is_placed_by_a_later_instant_of_its_boot(void **state) {
  (void)state;
  const wpm_wait wait = {{{100 * S}, {5000 * S}, 7}, 60 * S};
  wpm_instant seen = {{130 * S}, {9000 * S}, 7};
  wpm_wait placed = wpm_wait_as_seen(&wait, &seen);
  assert_int_equal(placed.start.wall.ns, 8970 * S);
  placed.start.wall = wait.start.wall;
  assert_true(wpm_wait_equal(&placed, &wait)); /* Nothing else of it. */
  placed = wpm_wait_as_seen(&wait, NULL);
  assert_true(wpm_wait_equal(&placed, &wait));
  const wpm_instant of_no_use[] = {{{130 * S}, {9000 * S}, 8},       /* Another boot. */
                                   {{99 * S}, {9000 * S}, 7},        /* Before it began. */
                                   {{130 * S}, WPM_WALL_NONE, 7},    /* The clock was not known. */
                                   {{130 * S}, {INT64_MIN + 1}, 7}}; /* Damaged: out of range. */
  for (size_t i = 0; i < sizeof of_no_use / sizeof *of_no_use; i++) {
    placed = wpm_wait_as_seen(&wait, &of_no_use[i]);
    assert_true(wpm_wait_equal(&placed, &wait));
  }
  const wpm_wait damaged = {{{-5}, {5000 * S}, 7}, 60 * S};
  placed = wpm_wait_as_seen(&damaged, &seen);
  assert_true(wpm_wait_equal(&placed, &damaged));
}

/* 60 s, of which its boot saw 30 s, and this one 10 s: 20 s are left, whatever the wall clock says. */
static void of_a_wait_that_is_owed_only_what_was_seen_has_passed(void **state) {
  (void)state;
  const wpm_wait wait = {{{100 * S}, {5000 * S}, 7}, 60 * S};
  const wpm_instant seen = {{130 * S}, {5030 * S}, 7};
  static const struct {
    int64_t wall;
    int64_t left;
  } cases[] = {{5041, 20}, {9000, 20}, {INT64_MAX / S, 20}, {5032, 28}, {4000, 60}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    wpm_instant now = {{10 * S}, {cases[i].wall * S}, 8};
    wpm_wait resumed = wpm_wait_resume_owed(&wait, WPM_DAY, &seen, now);
    assert_int_equal(wpm_wait_end(&resumed, now).ns, (10 + cases[i].left) * S);
    assert_int_equal(resumed.start.boot_id, 8);
  }
  wpm_instant now = {{10 * S}, {9000 * S}, 8};
  const wpm_instant of_no_use[] = {{{130 * S}, {5030 * S}, 6}, {{99 * S}, {5030 * S}, 7}};
  for (size_t i = 0; i < 3; i++) { /* What its boot saw is not known. */
    wpm_wait resumed = wpm_wait_resume_owed(&wait, WPM_DAY, i < 2 ? &of_no_use[i] : NULL, now);
    assert_int_equal(resumed.length_ns, 50 * S);
  }
  now.mono.ns = 30 * S; /* Over by both clocks. */
  wpm_wait resumed = wpm_wait_resume_owed(&wait, WPM_DAY, &seen, now);
  assert_int_equal(resumed.length_ns, 0);
  now.boot_id = 7; /* In its own boot it stays as it is. */
  now.mono.ns = 110 * S;
  resumed = wpm_wait_resume_owed(&wait, WPM_DAY, &seen, now);
  assert_true(wpm_wait_equal(&resumed, &wait));
  const wpm_wait damaged = {{{INT64_MIN}, {INT64_MIN}, 7}, INT64_MAX};
  now = (wpm_instant){{INT64_MIN}, {INT64_MAX}, 8};
  resumed = wpm_wait_resume_owed(&damaged, WPM_DAY, &seen, now);
  assert_int_equal(resumed.length_ns, WPM_DAY);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static wpm_bytes address_of(uint8_t number) {
  static uint8_t addresses[256][8];
  const uint8_t bytes[8] = {4, 10, 0, 0, number, 6, 0xea, 0x60};
  memcpy(addresses[number], bytes, sizeof(bytes));
  return (wpm_bytes){addresses[number], sizeof(bytes)};
}

static wpm_address address(uint8_t number, wpm_address_source source, wpm_wall success,
                           wpm_wall failure) {
  return (wpm_address){.multiaddr = address_of(number),
                       .source = source,
                       .first_seen = WPM_WALL_NONE,
                       .last_seen = WPM_WALL_NONE,
                       .last_success = success,
                       .last_failure = failure,
                       .expires = WPM_WALL_NONE};
}

static void the_most_promising_address_comes_first(void **state) {
  (void)state;
  const wpm_wall none = WPM_WALL_NONE;
  wpm_address items[] = {
      address(0, WPM_SOURCE_CONFIG, none, (wpm_wall){50}),             /* Failed, late. */
      address(1, WPM_SOURCE_IDENTIFY, none, none),                     /* Untried. */
      address(2, WPM_SOURCE_IDENTIFY, (wpm_wall){10}, (wpm_wall){20}), /* Worked, failed early. */
      address(3, WPM_SOURCE_IDENTIFY, (wpm_wall){30}, (wpm_wall){20}), /* Failed, then worked. */
      address(4, WPM_SOURCE_PERSON, none, none),                       /* Untried, more trusted. */
      address(5, WPM_SOURCE_IDENTIFY, (wpm_wall){40}, none),           /* Worked last. */
      address(6, WPM_SOURCE_IDENTIFY, none, none),                     /* As 1, but newer. */
      address(7, WPM_SOURCE_IDENTIFY, (wpm_wall){40}, (wpm_wall){40}), /* As 5, but newer. */
      address(8, WPM_SOURCE_IDENTIFY, none, none),                     /* Untried, certified. */
  };
  items[8].certified = true;
  static const uint8_t order[] = {5, 7, 3, 8, 4, 1, 6, 2, 0};
  wpm_bytes ranked[9];
  assert_int_equal(wpm_rank_order(items, 9, 9, ranked), 9);
  for (size_t i = 0; i < 9; i++) {
    assert_true(wpm_bytes_equal(ranked[i], address_of(order[i])));
  }
}

/* Whatever it says of where it is from: untried, a certified one comes first, and over the cap it is the
 * uncertified one that goes. */
static void a_certified_address_ranks_above_an_uncertified_one(void **state) {
  (void)state;
  const wpm_wall none = WPM_WALL_NONE;
  for (int source = WPM_SOURCE_UNKNOWN; source < WPM_ADDRESS_SOURCE_COUNT; source++) {
    wpm_address items[3] = {address(0, (wpm_address_source)source, none, none),
                            address(1, WPM_SOURCE_UNKNOWN, none, none)};
    wpm_bytes ranked[2];
    items[1].certified = true;
    assert_int_equal(wpm_rank_order(items, 2, 2, ranked), 2);
    assert_true(wpm_bytes_equal(ranked[0], address_of(1)));
    wpm_address swapped[2] = {items[1], items[0]};
    assert_int_equal(wpm_rank_order(swapped, 2, 2, ranked), 2);
    assert_true(wpm_bytes_equal(ranked[0], address_of(1)));

    wpm_address_draft draft = {.items = swapped, .count = 1, .cap = 1};
    wpm_draft_add(&draft, &items[0], WPM_OFFER_ADD); /* Finds no room beside it. */
    assert_int_equal(draft.left_out, 1);
    assert_true(wpm_bytes_equal(draft.items[0].multiaddr, address_of(1)));
    swapped[0] = items[0];
    wpm_draft_add(&draft, &items[1], WPM_OFFER_ADD); /* Takes its place. */
    assert_int_equal(draft.count, 1);
    assert_true(wpm_bytes_equal(draft.items[0].multiaddr, address_of(1)));
  }
}

/* No cap is 65 535, what a packed list can count: a further one is left out, unless it is worth more. */
static void the_hard_limit_of_addresses(void **state) {
  (void)state;
  const wpm_wall none = WPM_WALL_NONE;
  enum { MOST = 65535 };
  wpm_address *items = calloc(MOST + 1, sizeof(*items));
  static uint8_t bytes[MOST][8];
  assert_non_null(items);
  for (uint32_t i = 0; i < MOST; i++) {
    const uint8_t one[8] = {4, 11, 0, (uint8_t)(i >> 8), (uint8_t)i, 6, 0xea, 0x60};
    memcpy(bytes[i], one, sizeof(one));
    items[i] = address(0, WPM_SOURCE_DNS, none, none);
    items[i].multiaddr = (wpm_bytes){bytes[i], sizeof(one)};
  }
  wpm_address_draft draft = {.items = items, .count = MOST - 1, .cap = 0};
  const wpm_address last = items[MOST - 1];
  wpm_draft_add(&draft, &last, WPM_OFFER_ADD);
  assert_int_equal(draft.count, MOST);
  assert_int_equal(draft.left_out, 0);
  wpm_address further = address(1, WPM_SOURCE_DNS, none, none);
  wpm_draft_add(&draft, &further, WPM_OFFER_ADD);
  assert_int_equal(draft.count, MOST);
  assert_int_equal(draft.left_out, 1);
  further.certified = true;
  wpm_draft_add(&draft, &further, WPM_OFFER_ADD);
  assert_int_equal(draft.count, MOST);
  assert_int_equal(draft.left_out, 1);
  uint8_t *packed = malloc(wpm_addresses_bound(items, MOST));
  assert_non_null(packed);
  (void)wpm_addresses_encode(items, MOST, packed);
  assert_int_equal(wpm_addresses_count(packed), MOST);
  free(packed);
  free(items);
}

/* ---- interned strings ------------------------------------------------------------------------ */

static void equal_strings_are_held_once(void **state) {
  (void)state;
  wpm_intern table;
  wpm_intern_init(&table, (wpm_siphash_key){1, 2});
  wpm_interned *held[100];
  bool fresh;
  for (int i = 0; i < 100; i++) {
    char text[3] = {'a', (char)('0' + i % 50 / 10), (char)('0' + i % 10)};
    assert_int_equal(wpm_intern_take(&table, (wpm_bytes){(uint8_t *)text, 3}, 0, &held[i], &fresh),
                     WPM_OK);
    assert_int_equal(fresh, i < 50);
  }
  for (int i = 0; i < 50; i++) {
    assert_ptr_equal(held[i], held[i + 50]);
    assert_int_equal(held[i]->holders, 2);
  }
  for (int i = 0; i < 100; i += 2) {
    wpm_intern_drop(&table, held[i]);
  }
  wpm_intern_drop(&table, NULL);
  assert_int_equal(table.map.count, 25);
  wpm_interned *again;
  assert_int_equal(wpm_intern_take(&table, WPM_BYTES("new"), 8, &again, &fresh), WPM_OK);
  assert_true(fresh);
  assert_memory_equal(wpm_interned_extra(again), "\0\0\0\0\0\0\0\0", 8);
  assert_true(wpm_bytes_equal(wpm_interned_string(again), WPM_BYTES("new")));
  assert_int_equal(table.count, 50); /* A free index was used again. */
  wpm_intern_fini(&table);
}

static wpm_store *capped(size_t max_protocols, size_t max_text) {
  wpm_store_config config;
  wpm_store *store = NULL;
  wpm_store_config_default(&config);
  config.max_protocols = max_protocols;
  config.max_text = max_text;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  return store;
}

static wpm_interned *take(wpm_store *store, const wpm_text *protocols, size_t count) {
  wpm_interned *set = NULL;
  assert_int_equal(wpm_protocols_take(store, protocols, count, &set), WPM_OK);
  return set;
}

static void sets_of_protocols_do_not_run_into_each_other(void **state) {
  (void)state;
  wpm_store *store = capped(0, 0);
  wpm_text one[] = {WPM_TEXT("/ab"), WPM_TEXT("/c")};
  wpm_text two[] = {WPM_TEXT("/a"), WPM_TEXT("b/c")};
  wpm_text three[] = {WPM_TEXT("/c"), WPM_TEXT("/ab"), WPM_TEXT("/c")};
  wpm_interned *a = take(store, one, 2);
  wpm_interned *b = take(store, two, 2);
  wpm_interned *c = take(store, three, 3);
  assert_null(take(store, NULL, 0));
  assert_ptr_not_equal(a, b);
  assert_ptr_equal(a, c);
  const wpm_interned *ab = wpm_intern_find(&store->protocols, WPM_BYTES("/ab"));
  assert_true(wpm_protocols_name(a, wpm_intern_handle(ab)));
  assert_false(wpm_protocols_name(b, wpm_intern_handle(ab)));
  assert_false(wpm_protocols_name(NULL, wpm_intern_handle(ab)));
  /* A protocol goes with the last set that names it. */
  wpm_protocols_drop(store, a);
  assert_ptr_equal(wpm_intern_find(&store->protocols, WPM_BYTES("/ab")), ab);
  wpm_protocols_drop(store, c);
  assert_null(wpm_intern_find(&store->protocols, WPM_BYTES("/ab")));
  assert_int_equal(store->indexes.named_used, 2);
  wpm_protocols_drop(store, b);
  assert_int_equal(store->indexes.named_used, 0);
  wpm_store_free(store);
}

static bool set_is(const wpm_interned *entry, const char *const *protocols, size_t count) {
  const wpm_protocol_set *set = wpm_protocols_of(entry);
  bool same = set->count == count;
  for (size_t i = 0; same && i < count; i++) {
    same = wpm_text_equal(set->protocols[i], wpm_text_of(protocols[i]));
  }
  return same;
}

static void expect_set(size_t max_protocols, size_t max_text, const wpm_text *protocols,
                       size_t count, const char *const *kept, size_t kept_count, bool relay) {
  wpm_store *store = capped(max_protocols, max_text);
  wpm_interned *entry = take(store, protocols, count);
  assert_true(set_is(entry, kept, kept_count));
  assert_int_equal(wpm_protocols_of(entry)->relay, relay);
  wpm_protocols_drop(store, entry);
  wpm_store_free(store);
}

#define KEPT(...)                                                                                  \
  (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)

static void no_cap_hides_that_a_peer_relays(void **state) {
  (void)state;
  /* Behind the cap on their number. */
  wpm_text last[] = {WPM_TEXT("/d"), WPM_TEXT("/c"), WPM_TEXT("/b"),
                     WPM_TEXT("/vac/waku/relay/2.0.0")};
  expect_set(3, 0, last, 4, KEPT("/c", "/d", "/vac/waku/relay/2.0.0"), true);
  expect_set(1, 0, last, 4, KEPT("/vac/waku/relay/2.0.0"), true);
  /* More relay protocols than the cap. */
  wpm_text relays[] = {WPM_TEXT("/a"), WPM_TEXT("/meshsub/1.1.0"), WPM_TEXT("/floodsub/1.0.0")};
  expect_set(1, 0, relays, 3, KEPT("/meshsub/1.1.0"), true);
  /* Longer than the cap on text, even where that leaves no room for the prefix. */
  wpm_text longer[] = {WPM_TEXT("/vac/waku/relay/2.0.0"), WPM_TEXT("/b"),
                       WPM_TEXT("/store/longer/than/that"), WPM_TEXT("/meshsub/1.1.0"),
                       WPM_TEXT("/meshsub/1.2.0")};
  expect_set(5, 16, longer, 5, KEPT("/b", "/meshsub/1.1.0", "/meshsub/1.2.0", "/vac/waku/relay/"),
             true);
  expect_set(5, 4, longer, 5, KEPT("/b", "/meshsub/", "/vac/waku/relay/"), true);
  /* What is none stays none. */
  expect_set(2, 0, last, 3, KEPT("/c", "/d"), false);
}

/* ---- order ----------------------------------------------------------------------------------- */

static wpm_peer peer(wpm_reason reason, int64_t connected, int64_t disconnected) {
  wpm_peer p = {.reason = (uint8_t)reason, .state = WPM_SLOT_HELD};
  p.connected_time.ns = connected;
  p.disconnect_time.ns = disconnected;
  return p;
}

static void ranks_order_by_the_last_connection(void **state) {
  (void)state;
  const int64_t year = 365 * WPM_DAY;
  const wpm_peer order[] = {
      peer(WPM_REASON_CRASH, 60 * year, 60 * year), /* Connected at the stop, a moment before. */
      peer(WPM_REASON_SHUTDOWN, 60 * year - WPM_MILLISECOND, 60 * year),
      peer(WPM_REASON_SHUTDOWN, 60 * year - 2 * WPM_HOUR, 60 * year),
      peer(WPM_REASON_SHUTDOWN, 60 * year - 2 * WPM_HOUR - WPM_SECOND, 60 * year),
      peer(WPM_REASON_SHUTDOWN, 60 * year - 10 * WPM_DAY, 60 * year),
      peer(WPM_REASON_SHUTDOWN, 60 * year - 11 * WPM_DAY, 60 * year),
      peer(WPM_REASON_SHUTDOWN, 0, 60 * year),
      peer(WPM_REASON_SHUTDOWN, 60 * year - 2 * S, 60 * year - S), /* At an earlier stop. */
      peer(WPM_REASON_EOF, 60 * year, 60 * year),                  /* Connected before the stop. */
      peer(WPM_REASON_EOF, 60 * year - 2 * S, 60 * year - S),
      peer(WPM_REASON_EOF, INT64_MIN, INT64_MIN),
  };
  for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++) {
    assert_true(wpm_restart_rank(&order[i - 1]) < wpm_restart_rank(&order[i]));
  }
  wpm_peer extreme = peer(WPM_REASON_EOF, INT64_MIN, INT64_MAX);
  assert_true(wpm_restart_rank_by_time(&extreme) >= 0);
  assert_true(wpm_restart_rank(&order[10]) < INT64_C(1) << 58);
}

/* ---- the checker ----------------------------------------------------------------------------- */

static wpm_store *small_store(void) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  wpm_store *store = NULL;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  wpm_text protocols[] = {WPM_TEXT("/a"), WPM_TEXT("/meshsub/1.0.0")};
  wpm_text agent = WPM_TEXT("agent");
  wpm_bytes addresses[] = {address_of(1), address_of(2)};
  wpm_identified fact = {.agent = &agent,
                         .protocols = protocols,
                         .protocol_count = 2,
                         .addresses = addresses,
                         .address_count = 2};
  for (uint8_t i = 0; i < 3; i++) {
    wpm_bytes id = {&i, 1};
    assert_int_equal(wpm_store_add(store, id, 0), WPM_OK);
    assert_int_equal(wpm_store_identified(store, id, &fact), WPM_OK);
  }
  const uint8_t removed = 2;
  assert_int_equal(wpm_store_remove(store, (wpm_bytes){&removed, 1}), WPM_OK);
  return store;
}

static void expect_fault(const wpm_store *store, const char *words) {
  wpm_error error = {0};
  assert_int_equal(wpm_store_check(store, &error), WPM_ERR_CORRUPT);
  if (!strstr(error.text, words)) {
    fail_msg("\"%s\" does not say \"%s\"", error.text, words);
  }
}

/* Each fault is made, seen, and undone. */
static void the_checker_sees_faults(void **state) {
  (void)state;
  wpm_store *store = small_store();
  wpm_error error = {0};
  assert_int_equal(wpm_store_check(store, &error), WPM_OK);
  wpm_peer *p = wpm_store_peer(store, 0);
  p->u.live = 1;
  expect_fault(store, "connectivity");
  p->u.live = 0;
  store->count++;
  expect_fault(store, "number of peers");
  store->count--;
  store->first_free = WPM_SLOT_NONE;
  expect_fault(store, "free slots");
  store->first_free = 0;
  expect_fault(store, "free slots");
  store->first_free = 2;
  wpm_intern_at(&store->texts, p->agent)->holders++;
  expect_fault(store, "holders");
  wpm_intern_at(&store->texts, p->agent)->holders--;
  p->id.bytes[0] = 9;
  expect_fault(store, "does not lead to");
  p->id.bytes[0] = 0;
  p->attributes ^= WPM_BIT(WPM_HAS_STATIC);
  expect_fault(store, "shows otherwise");
  p->attributes ^= WPM_BIT(WPM_HAS_STATIC);
  wpm_indexes_flip(&store->indexes, 0, WPM_BIT(WPM_HAS_DIALABLE), 0);
  p->attributes ^= WPM_BIT(WPM_HAS_DIALABLE);
  expect_fault(store, "dialable");
  wpm_indexes_flip(&store->indexes, 0, WPM_BIT(WPM_HAS_DIALABLE), UINT32_MAX);
  p->attributes ^= WPM_BIT(WPM_HAS_DIALABLE);
  store->indexes.counts[WPM_HAS_HELD]++;
  expect_fault(store, "an attribute with a wrong number");
  store->indexes.counts[WPM_HAS_HELD]--;
  wpm_index_set(&store->indexes, 1, 0, false);
  expect_fault(store, "a protocol that the index does not show");
  wpm_index_set(&store->indexes, 1, 0, true);
  store->contacts++;
  expect_fault(store, "contacts");
  store->contacts--;
  size_t count;
  const wpm_address *items = wpm_peer_decode_addresses(store, p, &count);
  uint8_t *byte = (uint8_t *)(uintptr_t)items[0].multiaddr.data;
  byte[4] = 2;
  expect_fault(store, "twice");
  byte[4] = 1;
  byte[0] = 0;
  expect_fault(store, "not a multiaddr");
  byte[0] = 4;
  store->config.max_addresses = 1;
  expect_fault(store, "addresses than the cap");
  store->config.max_addresses = 0;
  store->config.max_protocols = 1;
  expect_fault(store, "protocols than the cap");
  store->config.max_protocols = 0;
  store->config.max_peers = 1;
  expect_fault(store, "peers than the cap");
  store->config.max_peers = 0;
  wpm_protocol_set *set = wpm_interned_extra(wpm_intern_at(&store->sets, p->protocols));
  wpm_text relay = set->protocols[1];
  set->protocols[1] = set->protocols[0];
  expect_fault(store, "mark of relay");
  set->protocols[1] = relay;
  assert_int_equal(wpm_store_check(store, &error), WPM_OK);
  wpm_store_free(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_end_of_a_wait),
      cmocka_unit_test(the_later_wait_is_kept),
      cmocka_unit_test(a_resumed_wait_does_not_begin_anew_at_each_look),
      cmocka_unit_test(of_a_wait_that_is_owed_only_what_was_seen_has_passed),
      cmocka_unit_test(a_wait_is_placed_by_a_later_instant_of_its_boot),
      cmocka_unit_test(the_most_promising_address_comes_first),
      cmocka_unit_test(a_certified_address_ranks_above_an_uncertified_one),
      cmocka_unit_test(the_hard_limit_of_addresses),
      cmocka_unit_test(equal_strings_are_held_once),
      cmocka_unit_test(sets_of_protocols_do_not_run_into_each_other),
      cmocka_unit_test(no_cap_hides_that_a_peer_relays),
      cmocka_unit_test(ranks_order_by_the_last_connection),
      cmocka_unit_test(the_checker_sees_faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
