/* Queries: every term, AND, OR and NOT, malformed ones, pages while peers come and go, the best by
 * each order. Picking at random: test_store_pick.c. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

#include <string.h>

#define T(term, value) ((wpm_term){.kind = (term), .number = (value)})
#define NAMED(term, name) ((wpm_term){.kind = (term), .text = WPM_TEXT(name)})
#define AND ((wpm_term){.kind = WPM_TERM_AND})
#define OR ((wpm_term){.kind = WPM_TERM_OR})
#define NOT ((wpm_term){.kind = WPM_TERM_NOT})
#define COUNT(store, ...)                                                                          \
  wpm_kit_count((store), (const wpm_term[]){__VA_ARGS__},                                          \
                sizeof((const wpm_term[]){__VA_ARGS__}) / sizeof(wpm_term))

static size_t count_one(wpm_store *store, wpm_term term) {
  return wpm_kit_count(store, &term, 1);
}

static void protocols_of(wpm_store *store, unsigned number, const char *one, const char *two) {
  wpm_text told[] = {wpm_text_of(one), wpm_text_of(two)};
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(number), told, 2), WPM_OK);
}

/* ---- terms ----------------------------------------------------------------------------------- */

static void connectivity_and_direction(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 10; i++) {
    wpm_kit_add_dialable(store, i);
  }
  assert_int_equal(count_one(store, T(WPM_TERM_DIRECTION, WPM_DIRECTION_NONE)), 10);
  for (unsigned i = 0; i < 6; i++) {
    wpm_kit_connect(store, i, i < 2 ? WPM_INBOUND : WPM_OUTBOUND, i, WPM_KIT_NOW);
  }
  for (unsigned i = 1; i < 4; i++) {
    wpm_kit_end(store, i, i == 1 ? WPM_REASON_TRUNCATED : WPM_REASON_EOF, WPM_KIT_NOW);
  }
  assert_int_equal(wpm_store_dial_failed(store, wpm_kit_id(9), WPM_REASON_REFUSED, WPM_KIT_NOW),
                   WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_CONNECTIVITY, WPM_NOT_CONNECTED)), 3);
  assert_int_equal(count_one(store, T(WPM_TERM_CONNECTIVITY, WPM_CANNOT_CONNECT)), 2);
  assert_int_equal(count_one(store, T(WPM_TERM_CONNECTIVITY, WPM_CAN_CONNECT)), 2);
  assert_int_equal(count_one(store, T(WPM_TERM_CONNECTIVITY, WPM_CONNECTED)), 3);
  assert_int_equal(count_one(store, T(WPM_TERM_DIRECTION, WPM_INBOUND)), 2);
  assert_int_equal(count_one(store, T(WPM_TERM_DIRECTION, WPM_OUTBOUND)), 4);
  assert_int_equal(count_one(store, T(WPM_TERM_HELD, 0)), 6);
  assert_int_equal(count_one(store, T(WPM_TERM_ALL, 0)), 10);
  assert_int_equal(wpm_kit_count(store, NULL, 0), 10);
}

static void protocols_and_relay(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 8; i++) {
    wpm_kit_add(store, i);
    protocols_of(store, i, "/a", i % 2 ? "/meshsub/1.1.0" : "/b");
  }
  wpm_kit_add(store, 8);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "/a")), 8);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "/b")), 4);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "/meshsub/1.1")), 0);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "")), 0);
  assert_int_equal(count_one(store, T(WPM_TERM_RELAY, 0)), 4);
  protocols_of(store, 1, "/b", "/c");
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "/a")), 7);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "/b")), 5);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_PROTOCOL, "/c")), 1);
  assert_int_equal(count_one(store, T(WPM_TERM_RELAY, 0)), 3);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(3)), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_RELAY, 0)), 2);
}

/* Those that come when all the indexes are given out are found as well. */
static void protocols_and_tags_beyond_the_indexed(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_indexed = 2;
  wpm_store *store = wpm_kit_new(&config);
  enum { MANY = 500 };
  static const char *const names[] = {"/a", "/b", "/c", "/d", "/e"};
  for (unsigned i = 0; i < 20 * MANY; i++) {
    wpm_kit_add(store, i);
    protocols_of(store, i, names[i % 5], names[(i + 1) % 5]);
    wpm_tag tag = {.name = wpm_text_of(names[i % 4]), .value = 1, .expires = WPM_WALL_NONE};
    assert_int_equal(wpm_store_set_tag(store, wpm_kit_id(i), &tag), WPM_OK);
  }
  for (unsigned i = 0; i < 5; i++) {
    wpm_term protocol = {.kind = WPM_TERM_PROTOCOL, .text = wpm_text_of(names[i])};
    wpm_term tag = {.kind = WPM_TERM_TAG, .text = wpm_text_of(names[i])};
    assert_int_equal(count_one(store, protocol), 8 * MANY);
    assert_int_equal(count_one(store, tag), i < 4 ? 5 * MANY : 0);
    assert_int_equal(COUNT(store, protocol, tag, AND, NOT), i < 4 ? 18 * MANY : 20 * MANY);
  }
  wpm_kit_free(store);
}

static void shards_and_capabilities(void **state) {
  wpm_store *store = *state;
  static const uint8_t enr[] = {1};
  for (unsigned i = 0; i < 10; i++) {
    uint16_t shards[] = {(uint16_t)(i / 4), (uint16_t)(i / 4 + 1), 65535};
    wpm_discovered fact = {.enr = {enr, 1},
                           .sequence = 1,
                           .has_capabilities = i != 9,
                           .capabilities = (uint8_t)(1u << (i % 8)),
                           .cluster_id = 1,
                           .shards = shards,
                           .shard_count = 3};
    wpm_kit_add(store, i);
    assert_int_equal(wpm_store_discovered(store, wpm_kit_id(i), &fact), WPM_OK);
  }
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 0)), 4);
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 1)), 8);
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 2)), 6);
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 3)), 2);
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 4)), 0);
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 65535)), 10);
  assert_int_equal(count_one(store, T(WPM_TERM_CAPABILITY, 0)), 2);
  assert_int_equal(count_one(store, T(WPM_TERM_CAPABILITY, 1)), 1);
  assert_int_equal(count_one(store, T(WPM_TERM_CAPABILITY, 7)), 1);
  assert_int_equal(wpm_store_metadata(store, wpm_kit_id(0), 1, NULL, 0), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_SHARD, 65535)), 9);
}

static void marks(void **state) {
  wpm_store *store = *state;
  static const wpm_origin origins[] = {WPM_ORIGIN_UNKNOWN, WPM_ORIGIN_DISCV5, WPM_ORIGIN_STATIC,
                                       WPM_ORIGIN_PEER_EXCHANGE, WPM_ORIGIN_DNS};
  for (unsigned i = 0; i < 10; i++) {
    assert_int_equal(wpm_store_add(store, wpm_kit_id(i), origins[i % 5]), WPM_OK);
  }
  for (uint32_t i = 0; i < 5; i++) {
    assert_int_equal(count_one(store, T(WPM_TERM_ORIGIN, i)), 2);
  }
  assert_int_equal(wpm_store_add(store, wpm_kit_id(0), WPM_ORIGIN_DNS), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_ORIGIN, WPM_ORIGIN_DNS)), 3);
  assert_int_equal(wpm_store_set_static(store, wpm_kit_id(3), true), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_STATIC, 0)), 1);
  wpm_kit_protect(store, 4, true);
  wpm_kit_protect(store, 5, false);
  assert_int_equal(count_one(store, T(WPM_TERM_PROTECTED, 0)), 1);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_TAG, "kept")), 2);
  assert_int_equal(count_one(store, NAMED(WPM_TERM_TAG, "kep")), 0);
  wpm_tag second = {.name = WPM_TEXT("second"), .protects = true, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_store_set_tag(store, wpm_kit_id(4), &second), WPM_OK);
  assert_int_equal(wpm_store_remove_tag(store, wpm_kit_id(4), WPM_TEXT("kept")), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_PROTECTED, 0)), 1); /* By the second one. */
  assert_int_equal(wpm_store_remove_tag(store, wpm_kit_id(4), WPM_TEXT("second")), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_PROTECTED, 0)), 0);
  assert_int_equal(wpm_store_remove_tag(store, wpm_kit_id(4), WPM_TEXT("second")),
                   WPM_ERR_NOT_FOUND);
  wpm_kit_offer(store, 7, 1, WPM_SOURCE_DNS, WPM_TTL_QUALITY, WPM_KIT_NOW);
  assert_int_equal(count_one(store, T(WPM_TERM_ADDRESS, 0)), 1);
  assert_int_equal(wpm_store_clear_addresses(store, wpm_kit_id(7)), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_ADDRESS, 0)), 0);
}

static void dialable_is_what_nothing_keeps(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 8; i++) {
    wpm_kit_add_dialable(store, i);
  }
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 8);
  assert_int_equal(wpm_store_clear_addresses(store, wpm_kit_id(0)), WPM_OK);
  wpm_kit_connect(store, 1, WPM_INBOUND, 1, WPM_KIT_NOW);
  wpm_kit_set_wait(store, 2, WPM_WAIT_PRUNE_BACKOFF, WPM_SECOND);
  wpm_kit_set_wait(store, 3, WPM_WAIT_RETRY_DELAY, WPM_SECOND);
  wpm_kit_set_wait(store, 4, WPM_WAIT_MISMATCH_DELAY, 2 * WPM_SECOND);
  wpm_kit_set_wait(store, 5, WPM_WAIT_BAN, 2 * WPM_SECOND);
  assert_int_equal(wpm_store_set_held_off(store, wpm_kit_id(6), true), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 1);
  assert_int_equal(count_one(store, T(WPM_TERM_BANNED, 0)), 1);
  assert_true(wpm_store_next_deadline(store).ns <= wpm_kit_instant(WPM_SECOND).mono.ns);
  wpm_store_advance(store, wpm_kit_instant(WPM_SECOND - 1));
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 1);
  wpm_store_advance(store, wpm_kit_instant(WPM_SECOND));
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 3);
  assert_int_equal(wpm_store_next_deadline(store).ns, wpm_kit_instant(2 * WPM_SECOND).mono.ns);
  wpm_store_advance(store, wpm_kit_instant(2 * WPM_SECOND));
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 5);
  assert_int_equal(count_one(store, T(WPM_TERM_BANNED, 0)), 0);
  assert_int_equal(wpm_store_next_deadline(store).ns, WPM_NEVER.ns);
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
  assert_int_equal(wpm_store_set_held_off(store, wpm_kit_id(6), false), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 7);
}

/* The store may know a time that is behind. */
static void a_span_may_begin_after_the_last_advance(void **state) {
  wpm_store *store = *state;
  wpm_wait wait = {wpm_kit_instant(WPM_MINUTE), 10 * WPM_SECOND};
  wpm_store_advance(store, wpm_kit_instant(0));
  wpm_kit_add_dialable(store, 1);
  assert_int_equal(wpm_store_set_wait(store, wpm_kit_id(1), WPM_WAIT_RETRY_DELAY, wait), WPM_OK);
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 0);
  for (int64_t second = 60; second < 70; second++) {
    wpm_store_advance(store, wpm_kit_instant(second * WPM_SECOND));
    assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 0);
  }
  assert_int_equal(wpm_store_next_deadline(store).ns, wpm_kit_instant(70 * WPM_SECOND).mono.ns);
  wpm_store_advance(store, wpm_kit_instant(70 * WPM_SECOND));
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 1);
}

static void a_wait_taken_back_waits_no_longer(void **state) {
  wpm_store *store = *state;
  wpm_kit_add_dialable(store, 1);
  wpm_kit_set_wait(store, 1, WPM_WAIT_RETRY_DELAY, WPM_HOUR);
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, INT64_MAX);
  wpm_store_advance(store, wpm_kit_instant(1000 * WPM_DAY));
  assert_int_equal(count_one(store, T(WPM_TERM_BANNED, 0)), 1); /* Without end. */
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 0);
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, 0);
  assert_int_equal(count_one(store, T(WPM_TERM_BANNED, 0)), 0);
  assert_int_equal(count_one(store, T(WPM_TERM_DIALABLE, 0)), 1);
  assert_int_equal(wpm_store_next_deadline(store).ns, WPM_NEVER.ns);
}

static void a_thousand_deadlines_a_call(void **state) {
  wpm_store *store = *state;
  enum { PEERS = 2500 };
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add_dialable(store, i);
    wpm_kit_set_wait(store, i, WPM_WAIT_RETRY_DELAY, WPM_SECOND + i);
  }
  size_t calls = 0;
  size_t dialable = 0;
  wpm_instant now = wpm_kit_instant(WPM_MINUTE);
  while (wpm_store_next_deadline(store).ns <= now.mono.ns) {
    wpm_store_advance(store, now);
    size_t next = count_one(store, T(WPM_TERM_DIALABLE, 0));
    assert_in_range(next - dialable, 1, 1000);
    dialable = next;
    calls++;
  }
  assert_int_equal(dialable, PEERS);
  assert_true(calls >= 3);
}

/* ---- expressions ----------------------------------------------------------------------------- */

static void and_or_not(void **state) {
  wpm_store *store = *state;
  enum { EACH = 150 };
  for (unsigned i = 0; i < 64 * EACH; i++) { /* Each of the 64 ways as often, over several pages. */
    uint16_t shards[6];
    size_t count = 0;
    for (uint16_t bit = 0; bit < 6; bit++) {
      if (i / EACH >> bit & 1u) {
        shards[count++] = bit;
      }
    }
    wpm_kit_add(store, i);
    assert_int_equal(wpm_store_metadata(store, wpm_kit_id(i), 1, shards, count), WPM_OK);
  }
  wpm_term a = T(WPM_TERM_SHARD, 0);
  wpm_term b = T(WPM_TERM_SHARD, 1);
  wpm_term c = T(WPM_TERM_SHARD, 2);
  wpm_term none = T(WPM_TERM_SHARD, 99);
  wpm_term all = T(WPM_TERM_ALL, 0);
  assert_int_equal(COUNT(store, a, b), 16 * EACH); /* What is left over is ANDed. */
  assert_int_equal(COUNT(store, a, b, AND), 16 * EACH);
  assert_int_equal(COUNT(store, a, b, OR), 48 * EACH);
  assert_int_equal(COUNT(store, a, NOT), 32 * EACH);
  assert_int_equal(COUNT(store, a, NOT, NOT), 32 * EACH);
  assert_int_equal(COUNT(store, a, b, AND, c, OR), 40 * EACH);
  assert_int_equal(COUNT(store, a, b, c, OR, AND), 24 * EACH);
  assert_int_equal(COUNT(store, a, b, OR, c, NOT), 24 * EACH);
  assert_int_equal(COUNT(store, a, b, OR, NOT), 16 * EACH);
  assert_int_equal(COUNT(store, a, a, NOT, AND), 0);
  assert_int_equal(COUNT(store, a, a, NOT, OR), 64 * EACH);
  assert_int_equal(COUNT(store, none), 0);
  assert_int_equal(COUNT(store, none, NOT), 64 * EACH);
  assert_int_equal(COUNT(store, none, a, OR), 32 * EACH);
  assert_int_equal(COUNT(store, none, a), 0);
  assert_int_equal(COUNT(store, all, a), 32 * EACH);
  assert_int_equal(COUNT(store, all, NOT), 0);
  assert_int_equal(COUNT(store, all, NOT, a, OR), 32 * EACH);
  assert_int_equal(COUNT(store, a, b, OR, c, none, NOT, AND, NOT, AND), 24 * EACH);
}

static void malformed_ones_are_refused(void **state) {
  wpm_store *store = *state;
  static const wpm_term_kind bad[][3] = {{WPM_TERM_AND, WPM_TERM_ALL, WPM_TERM_ALL},
                                         {WPM_TERM_ALL, WPM_TERM_AND, WPM_TERM_ALL},
                                         {WPM_TERM_OR, WPM_TERM_ALL, WPM_TERM_ALL},
                                         {WPM_TERM_NOT, WPM_TERM_ALL, WPM_TERM_ALL},
                                         {WPM_TERM_ALL, WPM_TERM_NOT, WPM_TERM_OR},
                                         {WPM_TERM_ALL, WPM_TERM_ALL, (wpm_term_kind)99},
                                         {(wpm_term_kind)-1, WPM_TERM_ALL, WPM_TERM_ALL}};
  wpm_peer_ref ref;
  wpm_kit_add(store, 1);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    wpm_term terms[3] = {{.kind = bad[i][0]}, {.kind = bad[i][1]}, {.kind = bad[i][2]}};
    wpm_query query = {terms, 3};
    size_t out = 7;
    uint64_t cursor = 0;
    assert_int_equal(wpm_store_query_count(store, &query, &out), WPM_ERR_INVALID);
    assert_int_equal(wpm_store_query_page(store, &query, &cursor, &ref, 1, &out), WPM_ERR_INVALID);
    assert_int_equal(wpm_store_query_pick(store, &query, 1, &ref, 1, &out), WPM_ERR_INVALID);
    assert_int_equal(wpm_store_query_top(store, &query, WPM_ORDER_RTT, &ref, 1, &out),
                     WPM_ERR_INVALID);
  }
}

static void limits_of_terms_and_depth(void **state) {
  wpm_store *store = *state;
  wpm_term terms[WPM_QUERY_TERMS_MAX + 1];
  size_t out = 0;
  wpm_kit_add(store, 1);
  for (size_t i = 0; i <= WPM_QUERY_TERMS_MAX; i++) {
    terms[i] = i == 0 ? T(WPM_TERM_STATIC, 0) : NOT;
  }
  wpm_query query = {terms, WPM_QUERY_TERMS_MAX};
  assert_int_equal(wpm_store_query_count(store, &query, &out), WPM_OK);
  assert_int_equal(out, 1); /* 63 times not static. */
  query.count++;
  assert_int_equal(wpm_store_query_count(store, &query, &out), WPM_ERR_INVALID);
  for (size_t depth = WPM_QUERY_DEPTH_MAX; depth <= WPM_QUERY_DEPTH_MAX + 1; depth++) {
    for (size_t i = 0; i < depth; i++) {
      terms[i] = T(WPM_TERM_STATIC, 0);
      terms[depth + i] = OR;
    }
    query.count = 2 * depth - 1;
    assert_int_equal(wpm_store_query_count(store, &query, &out),
                     depth <= WPM_QUERY_DEPTH_MAX ? WPM_OK : WPM_ERR_INVALID);
  }
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void pages_show_each_that_stays_and_matches_once(void **state) {
  wpm_store *store = *state;
  enum { PEERS = 9000, PAGE = 7 };
  wpm_term term = T(WPM_TERM_STATIC, 0);
  wpm_query query = {&term, 1};
  static unsigned seen[WPM_KIT_IDS];
  memset(seen, 0, sizeof(seen));
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add(store, i);
    assert_int_equal(wpm_store_set_static(store, wpm_kit_id(i), i % 3 != 0), WPM_OK);
  }
  uint64_t cursor = 0;
  size_t found = PAGE;
  for (unsigned round = 0; found == PAGE; round++) {
    wpm_peer_ref page[PAGE];
    assert_int_equal(wpm_store_query_page(store, &query, &cursor, page, PAGE, &found), WPM_OK);
    assert_true(found <= PAGE);
    for (size_t i = 0; i < found; i++) {
      wpm_peer_record r;
      assert_int_equal(wpm_store_at(store, page[i], &r), WPM_OK);
      assert_true(r.is_static);
      seen[wpm_kit_number(r.id)]++;
    }
    /* Every tenth comes and goes, and new ones come. */
    unsigned leaving = round * 9;
    if (leaving < PEERS) {
      assert_int_equal(wpm_store_remove(store, wpm_kit_id(leaving)), WPM_OK);
      wpm_kit_add(store, PEERS + round);
      assert_int_equal(wpm_store_set_static(store, wpm_kit_id(PEERS + round), true), WPM_OK);
    }
  }
  for (unsigned i = 0; i < PEERS; i++) {
    bool stayed = wpm_kit_holds(store, i) && i % 3 != 0;
    assert_in_range(seen[i], stayed ? 1 : 0, i % 3 != 0 ? 1 : 0);
  }
  size_t more = 1;
  wpm_peer_ref ref;
  assert_int_equal(wpm_store_query_page(store, &query, &cursor, &ref, 0, &more), WPM_OK);
  assert_int_equal(more, 0);
}

static void going_through_all_shows_each_that_stays_once(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 6; i++) {
    wpm_kit_add(store, i);
  }
  uint64_t cursor = 0;
  unsigned seen[10] = {0};
  wpm_peer_record r;
  for (int step = 0; wpm_store_next(store, &cursor, &r); step++) {
    seen[wpm_kit_number(r.id)]++;
    if (step == 1) {
      assert_int_equal(wpm_store_remove(store, wpm_kit_id(0)), WPM_OK);
      assert_int_equal(wpm_store_remove(store, wpm_kit_id(4)), WPM_OK);
      wpm_kit_add(store, 8);
      wpm_kit_add(store, 9);
    }
  }
  for (unsigned i = 0; i < 6; i++) {
    assert_int_equal(seen[i], i == 4 ? 0 : 1);
  }
  assert_false(wpm_store_next(store, &cursor, &r));
}

/* ---- the best -------------------------------------------------------------------------------- */

static void expect_top(wpm_store *store, const wpm_term *terms, size_t count, wpm_order order,
                       const unsigned *want, size_t want_count) {
  wpm_query query = {terms, count};
  wpm_peer_ref refs[64];
  size_t found = 0;
  assert_int_equal(wpm_store_query_top(store, &query, order, refs, want_count, &found), WPM_OK);
  assert_int_equal(found, want_count);
  for (size_t i = 0; i < found; i++) {
    wpm_peer_record r;
    assert_int_equal(wpm_store_at(store, refs[i], &r), WPM_OK);
    assert_int_equal(wpm_kit_number(r.id), want[i]);
  }
}

#define TOP(store, order, ...)                                                                     \
  expect_top((store), NULL, 0, (order), (const unsigned[]){__VA_ARGS__},                           \
             sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

static void the_best_by_round_trip(void **state) {
  wpm_store *store = *state;
  static const int64_t rtts[] = {50, WPM_SPAN_NONE, 10, 0, 10, WPM_SPAN_NONE, 70};
  for (unsigned i = 0; i < 7; i++) {
    wpm_kit_add(store, i);
    if (rtts[i] != WPM_SPAN_NONE) {
      assert_int_equal(wpm_store_pong(store, wpm_kit_id(i), rtts[i]), WPM_OK);
    }
  }
  TOP(store, WPM_ORDER_RTT, 3, 2, 4, 0, 6, 1, 5); /* Among equals the older place. */
  TOP(store, WPM_ORDER_RTT, 3, 2);
  assert_int_equal(wpm_store_set_static(store, wpm_kit_id(5), true), WPM_OK);
  assert_int_equal(wpm_store_set_static(store, wpm_kit_id(6), true), WPM_OK);
  wpm_term statics = T(WPM_TERM_STATIC, 0);
  expect_top(store, &statics, 1, WPM_ORDER_RTT, (const unsigned[]){6, 5}, 2);
  wpm_query query = {&statics, 1};
  wpm_peer_ref refs[9];
  size_t found = 0;
  assert_int_equal(wpm_store_query_top(store, &query, WPM_ORDER_RTT, refs, 9, &found), WPM_OK);
  assert_int_equal(found, 2);
}

static void the_best_by_last_seen(void **state) {
  wpm_store *store = *state;
  for (unsigned i = 0; i < 6; i++) {
    wpm_kit_add(store, i);
  }
  wpm_kit_connect(store, 1, WPM_INBOUND, 1, wpm_kit_at(-500));
  wpm_kit_connect(store, 2, WPM_INBOUND, 2, wpm_kit_at(-500));
  wpm_kit_end(store, 2, WPM_REASON_EOF, wpm_kit_at(10));
  wpm_kit_offer(store, 3, 3, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(20));
  wpm_kit_connect(store, 4, WPM_INBOUND, 4, wpm_kit_at(-500));
  wpm_kit_end(store, 4, WPM_REASON_EOF, wpm_kit_at(5));
  wpm_kit_offer(store, 4, 4, WPM_SOURCE_DNS, WPM_TTL_QUALITY,
                wpm_kit_at(90)); /* Not what counts. */
  wpm_kit_offer(store, 5, 5, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(-9));
  wpm_kit_offer(store, 5, 6, WPM_SOURCE_DNS, WPM_TTL_QUALITY, wpm_kit_at(-20));
  TOP(store, WPM_ORDER_LAST_SEEN, 1, 3, 2, 4, 5, 0);
}

static void the_best_by_score(void **state) {
  wpm_store *store = *state;
  static const int32_t scores[] = {0, INT32_MIN, 7, -1, INT32_MAX, 7};
  for (unsigned i = 0; i < 6; i++) {
    wpm_kit_add(store, i);
    assert_int_equal(wpm_store_set_score(store, wpm_kit_id(i), scores[i]), WPM_OK);
  }
  TOP(store, WPM_ORDER_SCORE, 4, 2, 5, 0, 3, 1);
}

static void the_best_of_many(void **state) {
  wpm_store *store = *state;
  enum { PEERS = 9000, BEST = 50 };
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add(store, i);
    assert_int_equal(wpm_store_pong(store, wpm_kit_id(i), (int64_t)(i * 1237u % PEERS)), WPM_OK);
  }
  unsigned want[BEST];
  for (unsigned i = 0; i < PEERS; i++) {
    if (i * 1237u % PEERS < BEST) {
      want[i * 1237u % PEERS] = i;
    }
  }
  expect_top(store, NULL, 0, WPM_ORDER_RTT, want, BEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_kit_setup, wpm_kit_teardown)

static void protocols_are_listed_with_their_peers(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_indexed = 1; /* The second has no index of its own. */
  wpm_store *store = wpm_kit_new(&config);
  const wpm_text both[] = {WPM_TEXT("/a"), WPM_TEXT("/b")};
  uint64_t cursor = 0;
  wpm_text protocol;
  size_t peers;
  assert_int_equal(wpm_store_next_protocol(store, &cursor, &protocol, &peers), WPM_ERR_NOT_FOUND);
  for (unsigned i = 0; i < 3; i++) {
    wpm_kit_add(store, i);
    assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(i), both, i == 0 ? 1 : 2), WPM_OK);
  }
  size_t listed = 0;
  while (wpm_store_next_protocol(store, &cursor, &protocol, &peers) == WPM_OK) {
    assert_int_equal(peers, wpm_text_equal(protocol, both[0]) ? 3 : 2);
    listed++;
  }
  assert_int_equal(listed, 2);
  wpm_store_free(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(connectivity_and_direction),
      TEST(protocols_and_relay),
      cmocka_unit_test(protocols_and_tags_beyond_the_indexed),
      TEST(shards_and_capabilities),
      TEST(marks),
      TEST(dialable_is_what_nothing_keeps),
      TEST(a_span_may_begin_after_the_last_advance),
      TEST(a_wait_taken_back_waits_no_longer),
      TEST(a_thousand_deadlines_a_call),
      TEST(and_or_not),
      TEST(malformed_ones_are_refused),
      TEST(limits_of_terms_and_depth),
      TEST(pages_show_each_that_stays_and_matches_once),
      TEST(going_through_all_shows_each_that_stays_once),
      TEST(the_best_by_round_trip),
      TEST(the_best_by_last_seen),
      TEST(the_best_by_score),
      TEST(the_best_of_many),
      cmocka_unit_test(protocols_are_listed_with_their_peers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
