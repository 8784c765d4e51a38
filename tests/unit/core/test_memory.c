/* A failing allocation, at every place where there is one: the fact is lost, the state is as
 * before; and the calls that must not fail do not. */
#include "support/alloc_fail.h"
#include "support/allocated.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/record.h"

#include <string.h>

#define TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})

/* Everything that can be seen of a peer. */
typedef struct view {
  wpm_peer_record *record; /* NULL: not held. */
  wpm_plan plan;
  size_t peers, connections, dials;
  wpm_mono deadline;
} view;

static view look(const wpm_world *w, int peer) {
  view v = {.peers = wpm_store_count(wpm_manager_store(w->manager)),
            .connections = wpm_manager_connection_count(w->manager),
            .dials = wpm_manager_dial_count(w->manager),
            .deadline = wpm_manager_next_deadline(w->manager)};
  wpm_peer_record record;
  if (wpm_store_get(wpm_manager_store(w->manager), wpm_world_id(peer), &record) == WPM_OK) {
    v.record = wpm_record_clone(&record);
    assert_non_null(v.record);
    v.plan = wpm_world_plan(w, peer);
  }
  return v;
}

static void expect_same(const view *a, const view *b) {
  assert_int_equal(a->record != NULL, b->record != NULL);
  if (a->record) {
    assert_true(wpm_record_equal(a->record, b->record));
    assert_int_equal(a->plan.held_by, b->plan.held_by);
    assert_int_equal(a->plan.next_dial.ns, b->plan.next_dial.ns);
  }
  assert_int_equal(a->peers, b->peers);
  assert_int_equal(a->connections, b->connections);
  assert_int_equal(a->dials, b->dials);
  assert_int_equal(a->deadline.ns, b->deadline.ns);
}

/* Whether a reader of the feed at `cursor` is told that it missed something. */
static bool missed(const wpm_world *w, uint64_t cursor) {
  wpm_store_change change;
  return wpm_store_feed_next(wpm_manager_store(w->manager), &cursor, &change) == WPM_ERR_TRUNCATED;
}

/* The next dial was put off for want of memory. */
static bool starved(const wpm_world *w) {
  return wpm_manager_next_deadline(w->manager).ns == w->now.mono.ns + WPM_SECOND;
}

/* Hands the event in with the n-th allocation and all behind it failing, for each n until none fails. At
 * each failure the state must be as before, and no action may come of it; but where there was memory for
 * the fact itself, it counts: what went without is the feed, whose readers are told, or a dial, which
 * is put off, or the very last allocation, of a smaller block for a contact that closes, which then keeps
 * its own. Returns how many allocations there were. */
static size_t torture(wpm_world *w, int peer, const wpm_event *event, int expected) {
  for (size_t n = 1;; n++) {
    view before = look(w, peer);
    uint64_t cursor = wpm_store_feed_end(wpm_manager_store(w->manager));
    wpm_world_forget_log(w);
    wpm_alloc_fail_at(n);
    int err = wpm_manager_handle(w->manager, event, w->now);
    wpm_alloc_fail_off();
    bool put_off = wpm_alloc_failed() > 0 && starved(w);
    bool kept = wpm_alloc_failed() == 1 && err == expected;
    if (wpm_alloc_failed() == 0 || missed(w, cursor) || put_off || kept) {
      assert_int_equal(err, expected);
      free(before.record);
      wpm_world_run(w, put_off ? WPM_SECOND : 0);
      return n - 1;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    wpm_world_check(w);
    view after = look(w, peer);
    expect_same(&before, &after);
    wpm_world_run(w, 0);
    assert_int_equal(w->count, 0);
    free(before.record);
    free(after.record);
  }
}

static void found(void **state) {
  wpm_world *w = *state;
  wpm_bytes addresses[] = {wpm_world_address(1, 1), wpm_world_address(1, 2)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = 1;
  e.u.found.origin = WPM_ORIGIN_DNS;
  e.u.found.source = WPM_SOURCE_CONFIG;
  e.u.found.is_static = true;
  assert_true(torture(w, 1, &e, WPM_OK) >= 5);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  e.u.found.address_count = 2; /* One more for a peer that is held. */
  assert_true(torture(w, 1, &e, WPM_OK) >= 2);
  assert_int_equal(wpm_world_record(w, 1).address_count, 2);
}

static void found_and_asked_for(void **state) {
  wpm_world *w = *state;
  wpm_bytes addresses[] = {wpm_world_address(1, 1), wpm_world_address(1, 2)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_PERSON;
  e.u.found.is_static = e.u.found.connect = true;
  assert_true(torture(w, 1, &e, WPM_OK) >= 6); /* The contact, too. */
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  e.u.found.address_count = 2;
  assert_true(torture(w, 1, &e, WPM_OK) >= 2);
}

static void connected(void **state) {
  wpm_world *w = *state;
  uint8_t rsa[300] = {1};
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(2)};
  e.u.connected.connection = w->next_connection++;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = wpm_world_address(2, 9);
  e.u.connected.public_key = (wpm_bytes){rsa, sizeof(rsa)};
  assert_true(torture(w, 2, &e, WPM_OK) >= 5);
  assert_int_equal(wpm_world_state(w, 2), WPM_CONNECTED);
  e.u.connected.connection = w->next_connection++; /* A second one. */
  e.u.connected.remote = wpm_world_address(3, 9);
  assert_true(torture(w, 2, &e, WPM_OK) >= 2);
  e.u.connected.connection = w->next_connection++; /* A third: refused, which needs memory too. */
  assert_true(torture(w, 2, &e, WPM_OK) >= 1);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 2);
}

static void connected_from_a_dial(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
  e.u.connected.connection = w->next_connection++;
  e.u.connected.dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  e.u.connected.direction = WPM_OUTBOUND;
  e.u.connected.remote = wpm_world_address(1, 60000);
  assert_true(torture(w, 1, &e, WPM_OK) >= 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  assert_int_equal(wpm_manager_dial_count(w->manager), 0);
}

static void a_dial_whose_connection_was_lost_for_want_of_memory_is_reported(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_alloc_fail_at(1);
  wpm_connection_id c;
  int err = wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &c);
  wpm_alloc_fail_off();
  assert_int_equal(err, WPM_ERR_NO_MEMORY);
  assert_int_equal(wpm_manager_dial_count(w->manager), 1);
  assert_int_equal(wpm_world_dial_failed(w, 1, dial, WPM_REASON_LOCAL_FAILURE), WPM_OK);
  assert_int_equal(wpm_world_record(w, 1).failures, 0);
  wpm_world_run(w, 2 * WPM_SECOND);
  wpm_world_come_up(w, 1, 1);
}

/* Where memory is short, what is lost is that an address of the same dial failed. */
static void connected_after_failures(void **state) {
  (void)state;
  enum { DEAD = 24 };
  size_t lost = 0;
  for (size_t n = 1, failed = 1; failed > 0; n++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    wpm_failed_address dead[DEAD];
    wpm_bytes addresses[DEAD + 1];
    uint8_t bytes[DEAD + 1][8];
    for (int i = 0; i <= DEAD; i++) {
      memcpy(bytes[i], wpm_world_address(1, (uint16_t)(60000 + i)).data, sizeof(bytes[i]));
      addresses[i] = (wpm_bytes){bytes[i], sizeof(bytes[i])};
    }
    for (int i = 0; i < DEAD; i++) {
      dead[i] = (wpm_failed_address){addresses[i + 1], WPM_REASON_REFUSED};
    }
    wpm_event named = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1)};
    named.u.found.addresses = addresses;
    named.u.found.address_count = DEAD + 1;
    named.u.found.is_static = true;
    assert_int_equal(wpm_world_handle(w, &named), WPM_OK);
    wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
    e.u.connected.connection = w->next_connection++;
    e.u.connected.dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
    e.u.connected.direction = WPM_OUTBOUND;
    e.u.connected.remote = wpm_world_address(1, 60000);
    e.u.connected.failed = dead;
    e.u.connected.failed_count = DEAD;
    wpm_alloc_fail_at(n);
    int err = wpm_manager_handle(w->manager, &e, w->now);
    wpm_alloc_fail_off();
    failed = wpm_alloc_failed();
    bool known = wpm_wall_known(wpm_world_record(w, 1).addresses[DEAD].last_failure);
    assert_int_equal(wpm_world_state(w, 1), err ? WPM_NOT_CONNECTED : WPM_CONNECTED);
    assert_true(err == WPM_OK || (err == WPM_ERR_NO_MEMORY && failed > 0 && !known));
    assert_true(known || failed > 0);
    lost += !err && !known;
    wpm_world_free(w);
  }
  assert_true(lost > 0);
}

static void identified(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 0);
  wpm_text protocols[] = {TEXT("/x"), TEXT("/vac/waku/relay/2.0.0"), TEXT("/y")};
  wpm_text agent = TEXT("another");
  wpm_text version = TEXT("version");
  wpm_bytes addresses[] = {wpm_world_address(1, 1), wpm_world_address(1, 2)};
  uint8_t rsa[300] = {1};
  wpm_bytes key = {rsa, sizeof(rsa)};
  wpm_identified fact = {.public_key = &key,
                         .agent = &agent,
                         .protocol_version = &version,
                         .addresses = addresses,
                         .address_count = 2,
                         .protocols = protocols,
                         .protocol_count = 3};
  wpm_event e = {.type = WPM_EVENT_IDENTIFIED, .peer = wpm_world_id(1)};
  e.u.identified.connection = c;
  e.u.identified.identified = &fact;
  assert_true(torture(w, 1, &e, WPM_OK) >= 8);
  assert_int_equal(wpm_world_record(w, 1).address_count, 2);
}

static void metadata(void **state) {
  wpm_world *w = *state;
  static const uint16_t shards[] = {1, 2};
  wpm_event e = {.type = WPM_EVENT_METADATA, .peer = wpm_world_id(1)};
  e.u.metadata.connection = wpm_world_come_in(w, 1, 1);
  e.u.metadata.has_cluster_id = true;
  e.u.metadata.cluster_id = 5;
  e.u.metadata.shards = shards;
  e.u.metadata.shard_count = 2;
  assert_true(torture(w, 1, &e, WPM_OK) > 0);
  assert_int_equal(wpm_world_record(w, 1).reason, WPM_REASON_CLUSTER_MISMATCH);
}

/* All that never fails, with no memory at all. */
static void without_any_memory(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_history = 16; /* As much as it has from the start: more it takes where it can. */
  wpm_world_start(w);
  wpm_connection_id c[5];
  for (int peer = 1; peer < 5; peer++) {
    wpm_world_found(w, peer, 60000, true);
    c[peer] = wpm_world_come_up(w, peer, 1);
  }
  wpm_connection_id two = wpm_world_come_in(w, 3, 1);
  wpm_world_found(w, 6, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 6)->dial;
  wpm_world_forget_log(w);
  wpm_event e = {.peer = wpm_world_id(1)};
  int errs[8];
  wpm_alloc_fail_at(1);
  e.type = WPM_EVENT_DISCONNECTED;
  e.u.disconnected.connection = c[1];
  e.u.disconnected.reason = WPM_REASON_EOF;
  errs[0] = wpm_manager_handle(w->manager, &e, w->now);
  e = (wpm_event){.type = WPM_EVENT_PERSON_REMOVE, .peer = wpm_world_id(2)};
  errs[1] = wpm_manager_handle(w->manager, &e, w->now);
  e = (wpm_event){.type = WPM_EVENT_PERSON_DISCONNECT, .peer = wpm_world_id(3)};
  errs[2] = wpm_manager_handle(w->manager, &e, w->now);
  e = (wpm_event){.type = WPM_EVENT_PRUNED, .peer = wpm_world_id(4)};
  errs[3] = wpm_manager_handle(w->manager, &e, w->now);
  e = (wpm_event){.type = WPM_EVENT_PONG, .peer = wpm_world_id(4)};
  e.u.pong.connection = c[4];
  e.u.pong.rtt_ns = 5;
  errs[4] = wpm_manager_handle(w->manager, &e, w->now);
  e = (wpm_event){.type = WPM_EVENT_DIAL_FAILED, .peer = wpm_world_id(6)};
  e.u.dial_failed.dial = dial;
  e.u.dial_failed.reason = WPM_REASON_REFUSED;
  errs[5] = wpm_manager_handle(w->manager, &e, w->now);
  wpm_world_pass(w, 10 * WPM_MINUTE);
  errs[6] = wpm_manager_advance(w->manager, w->now); /* Pings, and dials again. */
  wpm_action action;
  size_t actions = 0;
  size_t dials = 0;
  while (wpm_manager_next_action(w->manager, &action)) {
    actions++;
    dials += action.type == WPM_ACTION_DIAL;
  }
  wpm_manager_stop(w->manager, w->now);
  while (wpm_manager_next_action(w->manager, &action)) {
    actions++;
  }
  e = (wpm_event){.type = WPM_EVENT_DISCONNECTED, .peer = wpm_world_id(3)};
  e.u.disconnected.connection = two;
  e.u.disconnected.reason = WPM_REASON_PERSON;
  errs[7] = wpm_manager_handle(w->manager, &e, w->now);
  wpm_alloc_fail_off();
  for (size_t i = 0; i < 8; i++) {
    assert_int_equal(errs[i], WPM_OK);
  }
  /* Nothing was even asked for, but a smaller place for each contact that is over: six peers. */
  assert_true(wpm_alloc_failed() <= 6);
  assert_int_equal(wpm_store_check(wpm_manager_store(w->manager), NULL), WPM_OK);
  assert_int_equal(dials, 2);
  assert_true(actions > 15);
  assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 4);
  wpm_world_free(w);
}

static void restoring(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_world_come_up(w, 1, 1);
  wpm_world_end(w, false);
  for (size_t n = 1;; n++) {
    wpm_alloc_fail_at(n);
    wpm_manager *m = NULL;
    int err = wpm_manager_new(&w->config, &m);
    if (err == WPM_OK) {
      err = wpm_manager_restore(m, w->disk[1], NULL, w->now);
    }
    wpm_alloc_fail_off();
    if (err == WPM_OK && wpm_alloc_failed() == 0) {
      assert_true(n > 10);
      w->manager = m;
      return;
    }
    if (err == WPM_OK) { /* Only a smaller place for its contact was not to be had. */
      assert_int_equal(wpm_alloc_failed(), 1);
      assert_int_equal(wpm_store_count(wpm_manager_store(m)), 1);
      assert_int_equal(wpm_store_check(wpm_manager_store(m), NULL), WPM_OK);
      wpm_manager_free(m);
      continue;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    if (m) {
      assert_int_equal(wpm_store_count(wpm_manager_store(m)), 0);
      assert_int_equal(wpm_store_check(wpm_manager_store(m), NULL), WPM_OK);
      assert_true(wpm_manager_next_deadline(m).ns == WPM_NEVER.ns);
    }
    wpm_manager_free(m);
  }
}

/* A whole record in place of another. */
static void putting(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  wpm_store *store = NULL;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  wpm_text protocols[] = {TEXT("/x"), TEXT("/y")};
  static const uint16_t shards[] = {1, 2};
  uint8_t rsa[300] = {1};
  wpm_address address = {.multiaddr = wpm_world_address(1, 1),
                         .source = WPM_SOURCE_CONFIG,
                         .first_seen = WPM_WALL_NONE,
                         .last_seen = WPM_WALL_NONE,
                         .last_success = WPM_WALL_NONE,
                         .last_failure = WPM_WALL_NONE,
                         .expires = WPM_WALL_NONE};
  wpm_peer_record r = {.id = wpm_world_id(1),
                       .public_key = {rsa, sizeof(rsa)},
                       .addresses = &address,
                       .address_count = 1,
                       .observed_address = wpm_world_address(1, 2),
                       .protocols = protocols,
                       .protocol_count = 2,
                       .agent = TEXT("agent"),
                       .protocol_version = TEXT("version"),
                       .shards = shards,
                       .shard_count = 2};
  for (int again = 0; again < 2; again++) {
    for (size_t n = 1;; n++) {
      wpm_alloc_fail_at(n);
      int err = wpm_store_put(store, &r);
      wpm_alloc_fail_off();
      assert_int_equal(wpm_store_check(store, NULL), WPM_OK);
      assert_int_equal(wpm_store_count(store), again || err == WPM_OK);
      if (wpm_alloc_failed() == 0) {
        assert_int_equal(err, WPM_OK);
        assert_true(n > 3);
        break;
      }
      if (err == WPM_OK) { /* Only the feed of changes found no memory, and does with less. */
        assert_int_equal(again ? WPM_OK : wpm_store_remove(store, r.id), WPM_OK);
        continue;
      }
      assert_int_equal(err, WPM_ERR_NO_MEMORY);
    }
    protocols[0] = TEXT("/z");
    r.agent = TEXT("another agent");
  }
  wpm_peer_record got;
  assert_int_equal(wpm_store_get(store, r.id, &got), WPM_OK);
  assert_int_equal(got.protocol_count, 2);
  wpm_store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

/* So that a simulation may have many. */
static void an_empty_manager_is_small(void **state) {
  (void)state;
  wpm_manager_config config;
  wpm_manager *managers[16];
  wpm_manager_config_default(&config);
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(1), &config.local_peer), WPM_OK);
  size_t before = wpm_test_allocated();
  for (size_t i = 0; i < 16; i++) {
    assert_int_equal(wpm_manager_new(&config, &managers[i]), WPM_OK);
  }
  size_t each = (wpm_test_allocated() - before) / 16;
  assert_in_range(each, 1024, 32 * 1024);
  for (size_t i = 0; i < 16; i++) {
    wpm_manager_free(managers[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(found),
      TEST(found_and_asked_for),
      TEST(connected),
      TEST(connected_from_a_dial),
      cmocka_unit_test(connected_after_failures),
      TEST(a_dial_whose_connection_was_lost_for_want_of_memory_is_reported),
      TEST(identified),
      TEST(metadata),
      cmocka_unit_test(without_any_memory),
      TEST(restoring),
      cmocka_unit_test(putting),
      cmocka_unit_test(an_empty_manager_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
