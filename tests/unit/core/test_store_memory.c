/* A failing allocation at every place where the store asks for one: the call says so, and the store
 * is as before it. What must not fail, does not. */
#include "support/alloc_fail.h"
#include "support/core/store_kit.h"

#include "base/bytes.h"
#include "base/record.h"

#include <string.h>

enum { PEERS = 6, CAP = 5, LONG = 700 };

static uint8_t much[LONG] = {1, 2, 3};

/* ---- all that can be seen -------------------------------------------------------------------- */

typedef struct view {
  wpm_peer_record *records[PEERS]; /* NULL: not held. */
  wpm_tombstone tombstones[PEERS];
  size_t tombstone_count;
  size_t keys; /* Bytes of all private keys. */
  size_t count, dialable, relays, named, victim_slot;
  uint64_t feed;
  wpm_mono deadline;
  wpm_store_counters counters;
} view;

static size_t count_named(wpm_store *store, wpm_term_kind kind, const char *name) {
  wpm_term term = {.kind = kind, .text = wpm_text_of(name)};
  return wpm_kit_count(store, &term, 1);
}

static view look(wpm_store *store) {
  view v = {.count = wpm_store_count(store), .feed = wpm_store_feed_end(store)};
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_peer_record r;
    if (wpm_store_get(store, wpm_kit_id(i), &r) == WPM_OK) {
      v.records[i] = wpm_record_clone(&r);
      assert_non_null(v.records[i]);
    }
  }
  uint64_t cursor = 0;
  while (v.tombstone_count < PEERS &&
         wpm_store_next_tombstone(store, &cursor, &v.tombstones[v.tombstone_count])) {
    v.tombstones[v.tombstone_count++].id = (wpm_bytes){NULL, 0};
  }
  wpm_bytes id;
  wpm_bytes key;
  cursor = 0;
  while (wpm_store_next_private_key(store, &cursor, &id, &key)) {
    v.keys += key.len;
  }
  v.dialable = wpm_kit_count_of(store, WPM_TERM_DIALABLE, 0);
  v.relays = wpm_kit_count_of(store, WPM_TERM_RELAY, 0);
  v.named = count_named(store, WPM_TERM_PROTOCOL, "/new") +
            100 * count_named(store, WPM_TERM_TAG, "new") +
            10000 * wpm_kit_count_of(store, WPM_TERM_SHARD, 9);
  v.deadline = wpm_store_next_deadline(store);
  v.counters = wpm_store_get_counters(store);
  wpm_peer_ref ref;
  wpm_cause cause;
  v.victim_slot = wpm_store_victim(store, &ref, &cause) == WPM_OK ? ref.slot : SIZE_MAX;
  return v;
}

static void forget(view *v) {
  for (unsigned i = 0; i < PEERS; i++) {
    free(v->records[i]);
  }
}

static void expect_same(const view *a, const view *b) {
  for (unsigned i = 0; i < PEERS; i++) {
    assert_int_equal(a->records[i] != NULL, b->records[i] != NULL);
    assert_true(!a->records[i] || wpm_record_equal(a->records[i], b->records[i]));
  }
  assert_int_equal(a->tombstone_count, b->tombstone_count);
  assert_memory_equal(a->tombstones, b->tombstones, sizeof(a->tombstones));
  assert_int_equal(a->keys, b->keys);
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->dialable, b->dialable);
  assert_int_equal(a->relays, b->relays);
  assert_int_equal(a->named, b->named);
  assert_int_equal(a->victim_slot, b->victim_slot);
  assert_int_equal(a->feed, b->feed);
  assert_int_equal(a->deadline.ns, b->deadline.ns);
  assert_memory_equal(&a->counters, &b->counters, sizeof(a->counters));
}

/* ---- the script ------------------------------------------------------------------------------ */

static wpm_bytes id0(void) {
  return wpm_kit_id(0);
}

static int add_first(wpm_store *store) {
  return wpm_store_add(store, id0(), WPM_ORIGIN_DNS);
}

static int offer_some(wpm_store *store) {
  wpm_bytes told[] = {wpm_kit_address(1), wpm_kit_address(2), wpm_kit_address(3)};
  wpm_offer offer = {.source = WPM_SOURCE_DNS, .ttl_ns = 77, .now = WPM_KIT_NOW};
  return wpm_store_add_addresses(store, id0(), told, 3, &offer, NULL);
}

static int set_some(wpm_store *store) {
  wpm_bytes told[] = {wpm_kit_address(3), wpm_kit_address(4)};
  wpm_offer offer = {.source = WPM_SOURCE_DNS, .ttl_ns = WPM_TTL_PERMANENT, .now = WPM_KIT_NOW};
  return wpm_store_set_addresses(store, id0(), told, 2, &offer, NULL);
}

static int update_ttl(wpm_store *store) {
  return wpm_store_update_ttl(store, id0(), WPM_TTL_PERMANENT, 12345, WPM_KIT_NOW);
}

static int certify(wpm_store *store) {
  wpm_bytes told[] = {wpm_kit_address(4), wpm_kit_address(5)};
  wpm_certified record = {.envelope = {much, LONG},
                          .sequence = 3,
                          .addresses = told,
                          .address_count = 2,
                          .ttl_ns = WPM_TTL_ADDRESS};
  return wpm_store_certified(store, id0(), &record, WPM_KIT_NOW);
}

static int identify(wpm_store *store) {
  wpm_text protocols[] = {WPM_TEXT("/new"), WPM_TEXT("/vac/waku/relay/2.0.0"), WPM_TEXT("/y")};
  wpm_text agent = WPM_TEXT("another agent, of more bytes than fit anywhere small");
  wpm_text version = WPM_TEXT("version");
  wpm_bytes told[] = {wpm_kit_address(6), wpm_kit_address(7)};
  wpm_bytes key = {much, 300};
  wpm_identified fact = {.public_key = &key,
                         .agent = &agent,
                         .protocol_version = &version,
                         .addresses = told,
                         .address_count = 2,
                         .protocols = protocols,
                         .protocol_count = 3,
                         .now = WPM_KIT_NOW};
  return wpm_store_identified(store, id0(), &fact);
}

static int set_protocols(wpm_store *store) {
  wpm_text protocols[] = {WPM_TEXT("/other"), WPM_TEXT("/floodsub/1.0.0")};
  return wpm_store_set_protocols(store, id0(), protocols, 2);
}

static int set_key(wpm_store *store) {
  return wpm_store_set_public_key(store, id0(), (wpm_bytes){much, LONG});
}

static int metadata(wpm_store *store) {
  static const uint16_t shards[] = {1, 9, 300};
  return wpm_store_metadata(store, id0(), 16, shards, 3);
}

static int discover(wpm_store *store) {
  static const uint16_t shards[] = {9};
  wpm_discovered fact = {.enr = {much, 200},
                         .sequence = 3,
                         .has_capabilities = true,
                         .capabilities = 7,
                         .cluster_id = 1,
                         .shards = shards,
                         .shard_count = 1};
  return wpm_store_discovered(store, id0(), &fact);
}

static int come_in(wpm_store *store) {
  return wpm_store_connected(store, id0(), WPM_INBOUND, wpm_kit_address(9), WPM_KIT_NOW);
}

static int come_up(wpm_store *store) {
  return wpm_store_connected(store, id0(), WPM_OUTBOUND, wpm_kit_address(6), WPM_KIT_NOW);
}

static int fail_dial(wpm_store *store) {
  return wpm_store_dial_failed(store, wpm_kit_id(1), WPM_REASON_REFUSED, WPM_KIT_NOW);
}

static int fail_address(wpm_store *store) {
  return wpm_store_address_failed(store, id0(), wpm_kit_address(6), WPM_KIT_NOW);
}

static int move_address(wpm_store *store) {
  return wpm_store_address_moved(store, id0(), wpm_kit_address(6), wpm_kit_id(1), WPM_KIT_NOW);
}

static int pong(wpm_store *store) {
  return wpm_store_pong(store, wpm_kit_id(2), 5);
}

static int score(wpm_store *store) {
  return wpm_store_set_score(store, wpm_kit_id(3), 5);
}

static int back_off(wpm_store *store) {
  return wpm_store_set_wait(store, id0(), WPM_WAIT_PRUNE_BACKOFF, wpm_kit_wait(WPM_MINUTE));
}

static int ban_a_stranger(wpm_store *store) {
  return wpm_store_set_wait(store, wpm_kit_id(5), WPM_WAIT_BAN, wpm_kit_wait(WPM_HOUR));
}

static int put_tombstone(wpm_store *store) {
  wpm_tombstone t = {.id = {much, 250}, .ban = wpm_kit_wait(WPM_HOUR)};
  return wpm_store_put_tombstone(store, &t);
}

static int tag(wpm_store *store) {
  wpm_tag t = {.name = WPM_TEXT("new"), .value = 1, .expires = WPM_WALL_NONE};
  return wpm_store_set_tag(store, id0(), &t);
}

static int set_app(wpm_store *store) {
  return wpm_store_set_app(store, id0(), WPM_TEXT("key"), (wpm_bytes){much, LONG});
}

static int set_private_key(wpm_store *store) {
  return wpm_store_set_private_key(store, id0(), (wpm_bytes){much, 64});
}

static int put_whole(wpm_store *store) {
  static const uint16_t shards[] = {2, 9};
  wpm_text protocols[] = {WPM_TEXT("/new"), WPM_TEXT("/z")};
  wpm_tag tags[] = {{WPM_TEXT("new"), 3, false, {9}, 10}};
  wpm_app_entry app[] = {{WPM_TEXT("k"), {much, 90}}};
  wpm_address address = {.multiaddr = wpm_kit_address(1),
                         .source = WPM_SOURCE_CONFIG,
                         .first_seen = WPM_KIT_NOW,
                         .last_seen = WPM_KIT_NOW,
                         .last_success = WPM_KIT_NOW,
                         .last_failure = WPM_KIT_NOW,
                         .expires = WPM_WALL_NONE};
  wpm_peer_record r = wpm_kit_record(0);
  r.public_key = (wpm_bytes){much, 300};
  r.addresses = &address;
  r.address_count = 1;
  r.observed_address = wpm_kit_address(2);
  r.protocols = protocols;
  r.protocol_count = 2;
  r.agent = WPM_TEXT("an agent");
  r.protocol_version = WPM_TEXT("a version");
  r.shards = shards;
  r.shard_count = 2;
  r.enr = (wpm_bytes){much, 200};
  r.signed_record = (wpm_bytes){much, 300};
  r.tags = tags;
  r.tag_count = 1;
  r.app = app;
  r.app_count = 1;
  r.failures = 3;
  r.last_failure = WPM_KIT_NOW;
  r.rtt_ns = 5;
  r.ban = wpm_kit_wait(WPM_HOUR);
  return wpm_store_put(store, &r);
}

/* A newcomer for whom the last one must go. */
static int push_out(wpm_store *store) {
  return wpm_store_add(store, wpm_kit_id(4), WPM_ORIGIN_DISCV5);
}

static int query(wpm_store *store) {
  wpm_term terms[] = {{.kind = WPM_TERM_PROTOCOL, .text = WPM_TEXT("/new")},
                      {.kind = WPM_TERM_SHARD, .number = 9},
                      {.kind = WPM_TERM_OR},
                      {.kind = WPM_TERM_NOT},
                      {.kind = WPM_TERM_STATIC},
                      {.kind = WPM_TERM_OR}};
  wpm_query q = {terms, 6};
  wpm_peer_ref refs[PEERS];
  uint64_t cursor = 0;
  size_t found = 0;
  int err = wpm_store_query_count(store, &q, &found);
  if (!err) {
    err = wpm_store_query_page(store, &q, &cursor, refs, PEERS, &found);
  }
  if (!err) {
    err = wpm_store_query_pick(store, &q, 1, refs, PEERS, &found);
  }
  return err ? err : wpm_store_query_top(store, &q, WPM_ORDER_RTT, refs, PEERS, &found);
}

typedef struct line {
  const char *what;
  int (*call)(wpm_store *store);
} line;

static const line script[] = {
    {"add", add_first},
    {"add addresses", offer_some},
    {"set addresses", set_some},
    {"update time to live", update_ttl},
    {"certified", certify},
    {"identified", identify},
    {"connected, inbound", come_in},
    {"connected, outbound", come_up},
    {"address failed", fail_address},
    {"set protocols", set_protocols},
    {"set public key", set_key},
    {"discovered", discover},
    {"metadata", metadata},
    {"dial failed", fail_dial},
    {"address moved", move_address},
    {"pong", pong},
    {"score", score},
    {"prune backoff", back_off},
    {"tag", tag},
    {"application map", set_app},
    {"private key", set_private_key},
    {"ban of a stranger", ban_a_stranger},
    {"tombstone", put_tombstone},
    {"whole record", put_whole},
    {"newcomer to a full store", push_out},
    {"queries", query},
};
enum { LINES = sizeof(script) / sizeof(script[0]) };

static wpm_store *small_store(void) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = CAP;
  config.max_tombstones = CAP;
  wpm_store *store = wpm_kit_new(&config);
  wpm_store_advance(store, wpm_kit_instant(0));
  wpm_kit_add_dialable(store, 1);
  wpm_kit_add_dialable(store, 2);
  wpm_kit_add(store, 3);
  return store;
}

/* A store behind the first `done` lines. */
static wpm_store *replay(size_t done) {
  wpm_store *store = small_store();
  for (size_t i = 0; i < done; i++) {
    int err = script[i].call(store);
    if (err != WPM_OK) {
      fail_msg("%s: %s", script[i].what, wpm_strerror(err));
    }
  }
  return store;
}

/* Makes one call with the n-th allocation failing, alone or with all later ones. False: none failed,
 * there are fewer. */
static bool torture(size_t number, size_t n, bool once, size_t *failures) {
  wpm_store *store = replay(number);
  view before = look(store);
  if (once) {
    wpm_alloc_fail_once_at(n);
  } else {
    wpm_alloc_fail_at(n);
  }
  int err = script[number].call(store);
  wpm_alloc_fail_off();
  size_t failed = wpm_alloc_failed();
  wpm_kit_check(store);
  if (err == WPM_ERR_NO_MEMORY) {
    assert_true(failed > 0);
    view after = look(store);
    expect_same(&before, &after);
    forget(&after);
    (*failures)++;
    err = script[number].call(store); /* And with memory it works. */
  }
  if (err !=
      WPM_OK) { /* What can be done without, a longer feed or a cache, may lack it unnoticed. */
    fail_msg("%s, allocation %zu: %s", script[number].what, n, wpm_strerror(err));
  }
  forget(&before);
  wpm_kit_free(store);
  return failed > 0;
}

static void run_script(bool once) {
  size_t failures = 0;
  for (size_t number = 0; number < LINES; number++) {
    size_t n = 1;
    while (torture(number, n, once, &failures)) {
      n++;
    }
  }
  assert_true(failures > LINES);
}

static void every_later_allocation_fails(void **state) {
  (void)state;
  run_script(false);
}

static void one_allocation_fails(void **state) {
  (void)state;
  run_script(true);
}

/* Tables, chunks and indexes grow meanwhile. */
static void growth_fails_and_goes_on(void **state) {
  (void)state;
  enum { MANY = 1500 };
  wpm_store *store = wpm_kit_new(NULL);
  size_t failures = 0;
  for (unsigned i = 0; i < MANY; i++) {
    for (size_t n = 1;; n++) {
      wpm_alloc_fail_once_at(n);
      int err = wpm_store_add(store, wpm_kit_id(i), WPM_ORIGIN_DNS);
      wpm_alloc_fail_off();
      if (err == WPM_OK) {
        break;
      }
      assert_int_equal(err, WPM_ERR_NO_MEMORY);
      assert_false(wpm_kit_holds(store, i));
      assert_int_equal(wpm_store_count(store), i);
      failures++;
    }
    if (i % 64 == 0) {
      wpm_kit_check(store);
    }
  }
  assert_true(failures > 10);
  for (unsigned i = 0; i < MANY; i++) {
    assert_true(wpm_kit_holds(store, i));
  }
  wpm_kit_free(store);
}

/* Whatever the store was doing: these work with no memory at all. */
static void leaving_never_fails(void **state) {
  (void)state;
  for (size_t done = 1; done <= LINES; done++) {
    wpm_store *store = replay(done);
    int errs[7] = {0};
    uint64_t cursor = wpm_store_feed_end(store);
    wpm_store_change change;
    wpm_alloc_fail_at(1);
    errs[0] = wpm_store_disconnected(store, id0(), WPM_REASON_TRUNCATED, WPM_KIT_NOW);
    errs[1] = wpm_store_disconnected(store, id0(), WPM_REASON_EOF, WPM_KIT_NOW);
    errs[2] = wpm_store_expire(store, id0(), wpm_kit_at(5000));
    wpm_store_expire_some(store, PEERS, wpm_kit_at(9000));
    wpm_store_advance(store, wpm_kit_instant(1));
    errs[3] = wpm_store_stable(store, id0());
    errs[4] = wpm_store_set_static(store, id0(), true);
    errs[5] = wpm_store_clear_addresses(store, id0());
    errs[6] = wpm_store_remove(store, id0());
    int told = wpm_store_feed_next(store, &cursor, &change);
    assert_true(told == WPM_OK || told == WPM_ERR_NOT_FOUND || told == WPM_ERR_TRUNCATED);
    wpm_alloc_fail_off();
    for (size_t i = 0; i < 7; i++) {
      if (errs[i] != WPM_OK) {
        fail_msg("call %zu behind line %zu: %s", i, done, wpm_strerror(errs[i]));
      }
    }
    assert_false(wpm_kit_holds(store, 0));
    bool backed_off = false;
    for (size_t i = 0; i < done; i++) {
      backed_off = backed_off || script[i].call == back_off || script[i].call == put_whole;
    }
    assert_true(!backed_off ||
                wpm_store_tombstone_count(store) > 0); /* That took memory, before. */
    wpm_kit_free(store);
  }
}

/* With ids that need memory of their own, and many at a time. */
static void removing_all_never_fails(void **state) {
  (void)state;
  enum { MANY = 300 };
  static uint8_t ids[MANY][200];
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_tombstones = 10;
  wpm_store *store = wpm_kit_new(&config);
  wpm_store_advance(store, wpm_kit_instant(0));
  for (unsigned i = 0; i < MANY; i++) {
    memcpy(ids[i], &i, sizeof(i));
    wpm_bytes id = {ids[i], 30 + i % 170};
    assert_int_equal(wpm_store_add(store, id, 0), WPM_OK);
    assert_int_equal(wpm_store_set_wait(store, id, WPM_WAIT_BAN, wpm_kit_wait(WPM_HOUR + i)),
                     WPM_OK);
  }
  wpm_alloc_fail_at(1);
  int worst = WPM_OK;
  for (unsigned i = 0; i < MANY; i++) {
    int err = wpm_store_remove(store, (wpm_bytes){ids[i], 30 + i % 170});
    worst = err ? err : worst;
  }
  wpm_alloc_fail_off();
  assert_int_equal(worst, WPM_OK);
  assert_int_equal(wpm_store_count(store), 0);
  assert_int_equal(wpm_store_tombstone_count(store), 10);
  assert_int_equal(wpm_store_tombstones_dropped(store), MANY - 10);
  wpm_kit_free(store);
}

/* All that the script takes is given back, on every way there is for it to go. */
static void what_goes_gives_its_memory_back(void **state) {
  (void)state;
  enum { ROUNDS = 3000, SETTLED = 500 };
  wpm_store *store = small_store();
  size_t settled = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < LINES; i++) {
      int err = script[i].call(store);
      if (err != WPM_OK) {
        fail_msg("%s: %s", script[i].what, wpm_strerror(err));
      }
    }
    assert_int_equal(offer_some(store), WPM_OK);
    assert_int_equal(wpm_store_expire(store, id0(), wpm_kit_at(5000)), WPM_OK);
    assert_int_equal(wpm_store_remove_tag(store, id0(), WPM_TEXT("new")), WPM_OK);
    if (round % 2) {
      assert_int_equal(wpm_store_clear_addresses(store, id0()), WPM_OK);
    }
    for (unsigned i = 0; i < PEERS; i++) {
      wpm_bytes nothing = {NULL, 0};
      (void)!wpm_store_remove(store, wpm_kit_id(i));
      wpm_kit_set_wait(store, i, WPM_WAIT_BAN, 0);
      assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(i), nothing), WPM_OK);
    }
    wpm_store_advance(store, wpm_kit_instant(WPM_DAY));
    assert_int_equal(wpm_store_count(store) + wpm_store_tombstone_count(store), 0);
    for (unsigned i = 1; i < 4; i++) {
      wpm_kit_add_dialable(store, i);
    }
    assert_int_equal(wpm_store_clear_addresses(store, wpm_kit_id(3)), WPM_OK);
    settled = round == SETTLED ? wpm_store_bytes(store) : settled;
  }
  assert_int_equal(wpm_store_bytes(store), settled);
  wpm_kit_free(store);
}

/* So that a simulation may have many. */
static void a_store_of_twenty_is_small(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  wpm_store *store;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  for (unsigned i = 1; i <= 20; i++) {
    wpm_kit_add_dialable(store, i);
  }
  assert_in_range(wpm_store_bytes(store), 1024, 24 * 1024);
  wpm_kit_free(store);
}

static void a_new_store_fails_whole(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  for (size_t n = 1;; n++) {
    wpm_store *store = NULL;
    wpm_alloc_fail_at(n);
    int err = wpm_store_new(&config, &store);
    wpm_alloc_fail_off();
    if (err == WPM_OK) {
      assert_true(n > 1);
      wpm_kit_free(store);
      return;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    assert_null(store);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_later_allocation_fails),
      cmocka_unit_test(one_allocation_fails),
      cmocka_unit_test(growth_fails_and_goes_on),
      cmocka_unit_test(leaving_never_fails),
      cmocka_unit_test(removing_all_never_fails),
      cmocka_unit_test(what_goes_gives_its_memory_back),
      cmocka_unit_test(a_store_of_twenty_is_small),
      cmocka_unit_test(a_new_store_fails_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
