/* What happened lately: how much of it is kept, of one peer and of all. */
#include "support/alloc_fail.h"
#include "support/allocated.h"
#include "support/core/history_kit.h"
#include "support/test.h"

#include "core/manager.h"

#define S WPM_SECOND

/* What is to be kept, plainly: all that happened, each with its owner (-1: of no peer) and whether it is
 * kept still. */
typedef struct model {
  int owner[2000];
  bool kept[2000];
  size_t count;
} model;

/* The oldest that is kept, of `owner` (-2: of anybody), goes where there are more than `most`. */
static void cut_down(model *of, int owner, size_t most) {
  size_t held = 0;
  for (size_t i = of->count; i-- > 0;) {
    if (of->kept[i] && (owner == -2 || of->owner[i] == owner)) {
      held++;
      of->kept[i] = held <= most;
    }
  }
}

static void happened(model *of, int owner, size_t most) {
  of->owner[of->count] = owner;
  of->kept[of->count++] = true;
  cut_down(of, owner, owner < 0 ? WPM_HISTORY_OWN_MOST : WPM_HISTORY_PEER_MOST);
  cut_down(of, -2, most);
}

/* What is told of that peer (-1: of all) is what the model keeps. */
static void tells_as(const wpm_world *w, const model *of, int peer, uint64_t first) {
  uint64_t cursor = 0;
  for (size_t i = of->count; i-- > 0;) {
    if (of->kept[i] && (peer < 0 || of->owner[i] == peer)) {
      wpm_history_entry entry = wpm_history_next(w, peer, &cursor);
      assert_true(entry.number == first + i + 1);
      assert_int_equal(entry.time.ns, w->now.wall.ns - (int64_t)(of->count - 1 - i));
      if (of->owner[i] < 0) {
        assert_int_equal(entry.peer.len, 0);
      } else {
        wpm_history_expect_is(&entry, of->owner[i], entry.kind, entry.reason);
      }
    }
  }
  wpm_history_expect_end(w, peer, cursor);
}

enum { PEERS = 5, EVENTS = 400 };

/* Something happens to one of the peers, mostly to the first, or to us. */
static int happens(wpm_world *w, int i, uint32_t random) {
  int peer = i < PEERS ? i : (int)random % (2 * PEERS);
  if (i < PEERS) {
    wpm_world_come_in(w, peer, -1);
    return peer;
  }
  if (peer == PEERS) {
    wpm_history_own(w, w->manager->epoch.offline ? WPM_NETWORK_ONLINE : WPM_NETWORK_OFFLINE);
    return -1;
  }
  peer = peer < PEERS ? peer : 0;
  wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT);
  return peer;
}

static void kept_as_modelled(size_t size, uint64_t first) {
  wpm_world *w = wpm_history_world(size);
  model of = {.count = 0};
  uint32_t random = 1;
  w->manager->history.number = first;
  for (int i = 0; i < PEERS + EVENTS; i++) {
    random = random * 1664525u + 1013904223u;
    wpm_world_pass(w, 1);
    happened(&of, happens(w, i, random >> 16), size);
    wpm_world_forget_log(w);
    for (int peer = -1; peer < PEERS; peer++) {
      tells_as(w, &of, peer, first);
    }
  }
  wpm_world_free(w);
}

static void the_latest_are_kept_of_each_and_of_all(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 15, 16, 17, 20, 33, 64, 100, 1000};
  for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
    kept_as_modelled(sizes[k], 0);
    kept_as_modelled(sizes[k], UINT32_MAX - 100); /* Lower halves are kept, which come round. */
    kept_as_modelled(sizes[k], 3 * (UINT64_C(1) << 32) - 1);
  }
}

/* 10 000 times a peer comes and goes: what is known of another, and of us, is there still. */
static void one_that_flaps_pushes_out_nobody(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_history_own(w, WPM_NETWORK_OFFLINE);
  wpm_history_own(w, WPM_NETWORK_ONLINE);
  size_t quiet = wpm_history_count(w, 1);
  assert_int_equal(quiet, 3);
  for (int i = 0; i < 10000; i++) {
    c = wpm_world_come_in(w, 2, -1);
    wpm_world_pass(w, S);
    wpm_world_disconnected(w, 2, c, WPM_REASON_EOF);
    wpm_world_forget_log(w);
  }
  assert_int_equal(wpm_history_count(w, 2), WPM_HISTORY_PEER_MOST);
  assert_int_equal(wpm_history_count(w, 1), quiet);
  assert_true(wpm_history_count(w, -1) <= WPM_HISTORY_PEER_MOST + quiet + 2 + 1);
  uint64_t cursor = 0;
  wpm_history_entry entry;
  bool is_told[WPM_HISTORY_KIND_COUNT] = {false};
  while (wpm_manager_next_history(w->manager, &cursor, &entry)) {
    is_told[entry.kind] = true;
  }
  assert_true(is_told[WPM_HISTORY_OFFLINE] && is_told[WPM_HISTORY_ONLINE]);
}

/* Nor do we ourselves, nor those that are not held. */
static void neither_do_we_nor_strangers(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.max_connections = 1;
  w->config.max_history = 2 * WPM_HISTORY_OWN_MOST + 100;
  wpm_world_start(w);
  wpm_world_come_in(w, 0, -1);
  for (int i = 1; i <= 600; i++) {
    wpm_connection_id c;
    wpm_world_connected(w, i, WPM_INBOUND, 0, &c);
    wpm_history_own(w, i % 2 ? WPM_NETWORK_OFFLINE : WPM_NETWORK_ONLINE);
    wpm_world_pass(w, S);
    wpm_world_forget_log(w);
  }
  assert_int_equal(wpm_history_count(w, 0), 1);
  assert_int_equal(wpm_history_count(w, -1), 1 + 2 * WPM_HISTORY_OWN_MOST);
  uint64_t cursor = 0;
  wpm_history_entry entry;
  assert_true(wpm_manager_next_history_of(w->manager, wpm_world_id(600), &cursor, &entry));
  wpm_world_free(w);
}

/* An entry that is 2^31 numbers old goes: with lower halves alone it would seem to be a later one. So even
 * where a peer that made them all takes no place but its own. */
static void what_is_too_old_goes(void **state) {
  wpm_world *w = *state;
  for (int peer = 1; peer <= 3; peer++) {
    wpm_world_come_in(w, peer, -1);
  }
  for (unsigned i = 1; i < WPM_HISTORY_PEER_MOST; i++) {
    wpm_world_person(w, 3, WPM_EVENT_PERSON_CONNECT);
  }
  w->manager->history.number += (UINT64_C(1) << 31) - WPM_HISTORY_PEER_MOST - 1;
  for (int gone = 0; gone <= 2; gone++) {
    assert_int_equal(wpm_history_count(w, 1), gone < 1);
    assert_int_equal(wpm_history_count(w, 2), gone < 2);
    assert_int_equal(wpm_history_count(w, 3), WPM_HISTORY_PEER_MOST);
    assert_int_equal(wpm_history_count(w, -1), WPM_HISTORY_PEER_MOST + 2 - (unsigned)gone);
    wpm_world_person(w, 3, WPM_EVENT_PERSON_CONNECT);
  }
  for (int peer = 4; peer <= 6; peer++) { /* There is room again. */
    wpm_world_come_in(w, peer, -1);
    assert_int_equal(wpm_history_count(w, peer), 1);
  }
  assert_int_equal(wpm_history_count(w, -1), wpm_history_count(w, 3) + 3);
}

static void a_reader_that_is_too_slow_comes_to_an_end(void **state) {
  (void)state;
  wpm_world *w = wpm_history_world(16);
  wpm_world_come_in(w, 1, -1);
  uint64_t cursor = 0;
  uint64_t own = 0;
  (void)wpm_history_next(w, -1, &cursor);
  (void)wpm_history_next(w, 1, &own);
  for (int i = 0; i < 100; i++) {
    wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  }
  wpm_history_expect_end(w, -1, cursor);
  wpm_history_expect_end(w, 1, own);
  wpm_history_expect_end(w, -1, UINT64_MAX);
  wpm_history_expect_end(w, 1, UINT64_MAX);
  wpm_world_free(w);
}

/* Something happens to each of so many peers. */
static void all_are_asked(wpm_world *w, int peers) {
  for (int peer = 0; peer < peers; peer++) {
    assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT), WPM_OK);
    wpm_world_forget_log(w);
  }
}

/* No event fails for it: the oldest give way in what there is, and it grows when there is memory. */
static void want_of_memory_keeps_fewer(void **state) {
  enum { MANY = 50, ROUNDS = 20 };
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  wpm_world_start(w);
  for (int peer = 0; peer < MANY; peer++) {
    wpm_world_found(w, peer, 60000, false);
  }
  all_are_asked(w, 16);
  size_t kept = wpm_history_count(w, -1); /* There is no room for more. */
  assert_int_equal(kept, 32);
  wpm_alloc_fail_at(1);
  for (int i = 0; i < ROUNDS; i++) {
    all_are_asked(w, 16);
  }
  wpm_alloc_fail_off();
  assert_int_equal(wpm_history_count(w, -1), kept);
  assert_true(wpm_alloc_failed() >= ROUNDS * 16 / 32);
  for (int i = 0; i < ROUNDS; i++) {
    all_are_asked(w, MANY);
    assert_true(wpm_history_count(w, -1) >=
                kept); /* None of those that there were room for is lost. */
    kept = wpm_history_count(w, -1);
  }
  assert_true(kept >= MANY * (ROUNDS - 1));
  wpm_world_free(w);
}

/* Memory that a manager takes to which so many peers, of 32 events each, happened. */
static size_t cost_of(size_t max_history, int peers) {
  enum { EACH = 32 };
  wpm_manager_config config;
  wpm_manager_config_default(&config);
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(2000), &config.local_peer), WPM_OK);
  config.max_history = max_history;
  size_t before = wpm_test_allocated();
  wpm_manager *m;
  assert_int_equal(wpm_manager_new(&config, &m), WPM_OK);
  wpm_instant now = {{S}, {S}, 1};
  for (int i = 0; i < peers * EACH; i++) {
    wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(i / EACH)};
    e.u.connected.connection = 1 + (wpm_connection_id)i;
    e.u.connected.direction = WPM_INBOUND;
    e.u.connected.remote = wpm_world_address(i / EACH, 1);
    e.type = i % EACH ? WPM_EVENT_PERSON_CONNECT : WPM_EVENT_CONNECTED;
    assert_int_equal(wpm_manager_handle(m, &e, now), WPM_OK);
  }
  size_t cost = wpm_test_allocated() - before;
  wpm_manager_free(m);
  return cost;
}

static void it_grows_with_what_happens(void **state) {
  /* Bytes of an entry; of the lists of chunks, and of what malloc keeps back. */
  enum { EACH = 88, REST = 2048 };
  (void)state;
  assert_true(cost_of(16384, 0) <= 32 * 1024); /* An empty manager, all in all. */
  assert_true(cost_of(16384, 0) - cost_of(0, 0) <= 16 * EACH + REST);
  assert_true(cost_of(16384, 3) - cost_of(0, 3) <= 128 * EACH + REST);
  assert_in_range(cost_of(8192, 280) - cost_of(0, 280), 8192 * EACH - REST, 8192 * EACH + REST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_latest_are_kept_of_each_and_of_all),
      TEST(one_that_flaps_pushes_out_nobody),
      cmocka_unit_test(neither_do_we_nor_strangers),
      TEST(what_is_too_old_goes),
      cmocka_unit_test(a_reader_that_is_too_slow_comes_to_an_end),
      cmocka_unit_test(want_of_memory_keeps_fewer),
      cmocka_unit_test(it_grows_with_what_happens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
