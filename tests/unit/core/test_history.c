/* What happened lately: what is entered, in which order, how much is kept, and for whom. */
#include "support/alloc_fail.h"
#include "support/allocated.h"
#include "support/core/world.h"
#include "support/test.h"

#include "core/manager.h"

#include <string.h>

#define S WPM_SECOND

static wpm_world *world(size_t max_history) {
  wpm_world *w = wpm_world_new(100);
  w->config.max_history = max_history;
  wpm_world_start(w);
  return w;
}

/* The next event before *cursor of that peer (-1: of all). */
static wpm_history_entry next(const wpm_world *w, int peer, uint64_t *cursor) {
  wpm_history_entry entry;
  bool found = peer < 0
                   ? wpm_manager_next_history(w->manager, cursor, &entry)
                   : wpm_manager_next_history_of(w->manager, wpm_world_id(peer), cursor, &entry);
  assert_true(found);
  assert_int_equal(entry.number, *cursor);
  return entry;
}

static void expect_end(const wpm_world *w, int peer, uint64_t cursor) {
  wpm_history_entry entry;
  assert_false(peer < 0
                   ? wpm_manager_next_history(w->manager, &cursor, &entry)
                   : wpm_manager_next_history_of(w->manager, wpm_world_id(peer), &cursor, &entry));
}

static void expect_is(const wpm_history_entry *entry, int peer, wpm_history_kind kind,
                      wpm_reason reason) {
  assert_string_equal(wpm_history_kind_name(entry->kind), wpm_history_kind_name(kind));
  assert_string_equal(wpm_reason_name(entry->reason), wpm_reason_name(reason));
  assert_int_equal(entry->peer.len, wpm_world_id(peer).len);
  assert_memory_equal(entry->peer.data, wpm_world_id(peer).data, entry->peer.len);
}

/* The latest event of a peer. */
static void expect_latest(const wpm_world *w, int peer, wpm_history_kind kind, wpm_reason reason) {
  uint64_t cursor = 0;
  wpm_history_entry entry = next(w, peer, &cursor);
  expect_is(&entry, peer, kind, reason);
  assert_int_equal(entry.time.ns, w->now.wall.ns);
}

static size_t count_of(const wpm_world *w, int peer) {
  wpm_history_entry entry;
  uint64_t cursor = 0;
  size_t count = 0;
  while (peer < 0 ? wpm_manager_next_history(w->manager, &cursor, &entry)
                  : wpm_manager_next_history_of(w->manager, wpm_world_id(peer), &cursor, &entry)) {
    count++;
  }
  return count;
}

static void a_life_is_told_backwards(void **state) {
  wpm_world *w = *state;
  wpm_instant began = w->now;
  expect_end(w, -1, 0);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_dial_failed(w, 1, wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial, WPM_REASON_REFUSED);
  wpm_world_run(w, 2 * S);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_pass(w, 3 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  static const struct {
    wpm_history_kind kind;
    wpm_reason reason;
    wpm_direction direction;
  } told[] = {
      {WPM_HISTORY_DISCONNECTED, WPM_REASON_EOF, WPM_OUTBOUND},
      {WPM_HISTORY_IDENTIFIED, WPM_REASON_NONE, WPM_DIRECTION_NONE},
      {WPM_HISTORY_CONNECTED, WPM_REASON_NONE, WPM_OUTBOUND},
      {WPM_HISTORY_DIALLED, WPM_REASON_NONE, WPM_DIRECTION_NONE},
      {WPM_HISTORY_DIAL_FAILED, WPM_REASON_REFUSED, WPM_DIRECTION_NONE},
      {WPM_HISTORY_DIALLED, WPM_REASON_NONE, WPM_DIRECTION_NONE},
  };
  const size_t count = sizeof(told) / sizeof(told[0]);
  for (int peer = -1; peer <= 1; peer += 2) {
    uint64_t cursor = 0;
    int64_t later = w->now.wall.ns;
    for (size_t i = 0; i < count; i++) {
      wpm_history_entry entry = next(w, peer, &cursor);
      expect_is(&entry, 1, told[i].kind, told[i].reason);
      assert_int_equal(entry.direction, told[i].direction);
      assert_int_equal(entry.cause, WPM_CAUSE_FACT);
      assert_int_equal(entry.number, count - i);
      assert_true(entry.time.ns <= later && entry.time.ns >= began.wall.ns);
      later = entry.time.ns;
    }
    assert_int_equal(later, began.wall.ns);
    expect_end(w, peer, cursor);
  }
}

static void each_kind_is_entered(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  expect_latest(w, 1, WPM_HISTORY_DIALLED, WPM_REASON_NONE);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  expect_latest(w, 1, WPM_HISTORY_DIAL_CANCELLED, WPM_REASON_NONE);
  uint64_t cursor = 0;
  (void)next(w, 1, &cursor);
  wpm_history_entry asked = next(w, 1, &cursor);
  expect_is(&asked, 1, WPM_HISTORY_DISCONNECT_ASKED, WPM_REASON_NONE);
  wpm_connection_id c;
  wpm_world_connected(w, 1, WPM_INBOUND, 0, &c);
  expect_latest(w, 1, WPM_HISTORY_REFUSED, WPM_REASON_PERSON);

  wpm_connection_id first = wpm_world_come_in(w, 2, 1);
  wpm_world_person(w, 2, WPM_EVENT_PERSON_CONNECT);
  expect_latest(w, 2, WPM_HISTORY_CONNECT_ASKED, WPM_REASON_NONE);
  wpm_world_pruned(w, 2, 60 * S);
  expect_latest(w, 2, WPM_HISTORY_PRUNED, WPM_REASON_NONE);
  wpm_world_connected(w, 2, WPM_INBOUND, 0, &c);
  expect_latest(w, 2, WPM_HISTORY_CONNECTED, WPM_REASON_NONE);
  wpm_world_disconnected(w, 2, first, WPM_REASON_RESET);
  expect_latest(w, 2, WPM_HISTORY_SECOND_ENDED, WPM_REASON_RESET);
  wpm_world_run(w, 5 * WPM_MINUTE); /* A ping goes, … */
  wpm_world_run(w, 10 * S);         /* … and meets with silence, twice. */
  wpm_world_run(w, 20 * S);
  cursor = 0;
  wpm_history_entry entry = next(w, 2, &cursor);
  while (entry.kind != WPM_HISTORY_DISCONNECTED) {
    entry = next(w, 2, &cursor);
  }
  expect_is(&entry, 2, WPM_HISTORY_DISCONNECTED, WPM_REASON_PING_TIMEOUT);
  for (int i = 0; i < 2; i++) {
    entry = next(w, 2, &cursor);
    expect_is(&entry, 2, WPM_HISTORY_PING_MISSED, WPM_REASON_NONE);
  }
  wpm_world_person(w, 2, WPM_EVENT_PERSON_REMOVE);
  expect_latest(w, 2, WPM_HISTORY_REMOVED, WPM_REASON_NONE);
}

static void a_ban_is_entered_as_it_begins(void **state) {
  wpm_world *w = *state;
  wpm_peer_record record = {.id = wpm_world_id(1),
                            .disconnect_time = WPM_WALL_NONE,
                            .connected_time = WPM_WALL_NONE,
                            .first_failure = WPM_WALL_NONE,
                            .last_failure = WPM_WALL_NONE,
                            .rtt_ns = WPM_SPAN_NONE,
                            .ban = {w->now, WPM_HOUR}};
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
  e.u.imported.record = &record;
  wpm_world_found(w, 1, 0, false);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  }
  static const wpm_history_kind kinds[] = {WPM_HISTORY_IMPORTED, WPM_HISTORY_BANNED,
                                           WPM_HISTORY_IMPORTED};
  uint64_t cursor = 0;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    wpm_history_entry entry = next(w, 1, &cursor);
    expect_is(&entry, 1, kinds[i], WPM_REASON_NONE);
  }
  expect_end(w, 1, cursor);
}

static void a_restart_tells_of_those_that_were_connected(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 2, 1);
  wpm_world_disconnected(w, 2, w->next_connection - 1, WPM_REASON_EOF);
  wpm_world_end(w, true);
  wpm_world_pass(w, S);
  wpm_world_restart(w, NULL);
  expect_latest(w, 1, WPM_HISTORY_RESTORED, WPM_REASON_SHUTDOWN);
  assert_int_equal(count_of(w, -1), 1);
  wpm_world_end(w, false);
  wpm_world_restart(w, NULL);
  assert_int_equal(count_of(w, 2), 0);
}

static void an_eviction_tells_who_and_why(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.store.max_peers = 2;
  wpm_world_start(w);
  for (int peer = 1; peer <= 3; peer++) {
    wpm_world_found(w, peer, 60000, false);
  }
  uint64_t cursor = 0;
  wpm_history_entry entry = next(w, -1, &cursor);
  assert_int_equal(entry.kind, WPM_HISTORY_EVICTED);
  assert_int_equal(entry.cause, WPM_CAUSE_UNTRIED);
  assert_int_equal(entry.direction, WPM_DIRECTION_NONE);
  expect_end(w, -1, cursor);
  /* By its id, although it is gone. */
  uint64_t own = 0;
  assert_true(wpm_manager_next_history_of(w->manager, entry.peer, &own, &entry));
  assert_int_equal(own, cursor);
  wpm_world_free(w);
}

/* Its entries, from before it was removed and from after it came back. */
static void a_peer_that_comes_back_has_its_history(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, -1);
  wpm_world_come_in(w, 2, -1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE);
  assert_int_equal(count_of(w, 1), 3);
  wpm_world_come_in(w, 3, -1); /* It may take the slot. */
  assert_int_equal(count_of(w, 3), 1);
  assert_int_equal(count_of(w, 1), 3);
  wpm_world_come_in(w, 1, -1);
  expect_latest(w, 1, WPM_HISTORY_CONNECTED, WPM_REASON_NONE);
  assert_int_equal(count_of(w, 1), 4);
  assert_int_equal(count_of(w, 4), 0);
  assert_int_equal(count_of(w, -1), 6);
}

/* A ring against the plain list of all that happened, numbered from behind `first`. */
static void ring_of(size_t size, uint64_t first) {
  enum { PEERS = 5, EVENTS = 200 };
  wpm_world *w = world(size);
  int happened[PEERS + EVENTS];
  uint32_t random = 1;
  w->manager->history.number = first;
  for (int i = 0; i < PEERS + EVENTS; i++) {
    random = random * 1664525u + 1013904223u;
    happened[i] = i < PEERS ? i : (int)(random >> 16) % PEERS;
    wpm_world_pass(w, 1);
    if (i < PEERS) {
      wpm_world_come_in(w, i, -1);
    } else {
      wpm_world_person(w, happened[i], WPM_EVENT_PERSON_CONNECT);
    }
    int oldest = i + 1 > (int)size ? i + 1 - (int)size : 0;
    for (int peer = -1; peer < PEERS; peer++) {
      uint64_t cursor = 0;
      for (int at = i; at >= oldest; at--) {
        if (peer < 0 || happened[at] == peer) {
          wpm_history_entry entry = next(w, peer, &cursor);
          assert_true(entry.number == first + (uint64_t)at + 1);
          assert_int_equal(entry.time.ns, w->now.wall.ns - (i - at));
          expect_is(&entry, happened[at], entry.kind, entry.reason);
        }
      }
      expect_end(w, peer, cursor);
    }
  }
  wpm_world_free(w);
}

static void the_ring_keeps_the_latest(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 15, 16, 17, 20, 64, 1000};
  for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
    ring_of(sizes[k], 0);
    ring_of(sizes[k], UINT32_MAX - 100); /* Peers keep lower halves, which come round. */
    ring_of(sizes[k], 3 * (UINT64_C(1) << 32) - 1);
  }
}

static void a_reader_that_is_too_slow_comes_to_an_end(void **state) {
  (void)state;
  wpm_world *w = world(16);
  wpm_world_come_in(w, 1, -1);
  uint64_t cursor = 0;
  uint64_t own = 0;
  (void)next(w, -1, &cursor);
  (void)next(w, 1, &own);
  for (int i = 0; i < 100; i++) {
    wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  }
  expect_end(w, -1, cursor);
  expect_end(w, 1, own);
  expect_end(w, -1, UINT64_MAX);
  expect_end(w, 1, UINT64_MAX);
  wpm_world_free(w);
}

static void it_can_be_switched_off(void **state) {
  (void)state;
  wpm_world *w = world(0);
  wpm_world_come_in(w, 1, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE);
  expect_end(w, -1, 0);
  expect_end(w, 1, 0);
  wpm_world_free(w);
}

static void own(wpm_world *w, wpm_network_state state) {
  wpm_event e = {.type = WPM_EVENT_NETWORK};
  e.u.network.state = state;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void our_own_network_is_told_too(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, -1);
  for (int i = 0; i < 10; i++) {
    own(w, WPM_NETWORK_CHANGED);
  }
  own(w, WPM_NETWORK_OFFLINE);
  own(w, WPM_NETWORK_OFFLINE);
  own(w, WPM_NETWORK_ONLINE);
  wpm_world_pass(w, 8 * WPM_HOUR);
  wpm_world_run(w, 0);
  static const wpm_history_kind kinds[] = {WPM_HISTORY_SLEPT, WPM_HISTORY_ONLINE,
                                           WPM_HISTORY_OFFLINE, WPM_HISTORY_NETWORK_CHANGED};
  uint64_t cursor = 0;
  wpm_history_entry entry = next(w, -1, &cursor);
  while (entry.kind != WPM_HISTORY_SLEPT) { /* What came of it. */
    entry = next(w, -1, &cursor);
  }
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    assert_string_equal(wpm_history_kind_name(entry.kind), wpm_history_kind_name(kinds[i]));
    assert_int_equal(entry.peer.len, 0);
    entry = next(w, -1, &cursor);
  }
  assert_int_equal(entry.kind, WPM_HISTORY_CONNECTED);
}

static void a_ban_and_its_end_are_told(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, -1);
  wpm_event e = {.type = WPM_EVENT_BAN, .peer = wpm_world_id(1)};
  static const int64_t lengths[] = {WPM_HOUR, 2 * WPM_HOUR, 0};
  for (size_t i = 0; i < 3; i++) {
    e.u.ban.length_ns = lengths[i];
    assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  }
  static const wpm_history_kind kinds[] = {WPM_HISTORY_UNBANNED, WPM_HISTORY_DISCONNECTED,
                                           WPM_HISTORY_BANNED};
  uint64_t cursor = 0;
  for (size_t i = 0; i < 3; i++) {
    wpm_history_entry entry = next(w, 1, &cursor);
    assert_string_equal(wpm_history_kind_name(entry.kind), wpm_history_kind_name(kinds[i]));
  }
}

/* A peer that is turned away, or tells who it is, over and over; and many of them. */
static void a_flood_pushes_out_nothing(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c;
  wpm_world_come_in(w, 1, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  size_t quiet = count_of(w, 1);
  for (int i = 0; i < 1200; i++) {
    wpm_world_connected(w, 1, WPM_INBOUND, 0, &c);
    wpm_world_pass(w, 100 * WPM_MILLISECOND);
    wpm_world_forget_log(w);
  }
  assert_int_equal(count_of(w, 1), quiet + 2); /* One a minute. */
  c = wpm_world_come_in(w, 2, 1);
  for (int i = 0; i < 100; i++) {
    wpm_world_identified(w, 2, c, true, 0);
    wpm_world_pruned(w, 2, 0);
  }
  assert_int_equal(count_of(w, 2), 3);
  w->now.wall.ns -= WPM_HOUR; /* A clock that is set back keeps nothing out. */
  wpm_world_identified(w, 2, c, true, 0);
  assert_int_equal(count_of(w, 2), 4);
  /* After another connection it is news. */
  wpm_world_disconnected(w, 2, c, WPM_REASON_EOF);
  c = wpm_world_come_in(w, 2, 1);
  assert_int_equal(count_of(w, 2), 7);
}

static void a_flood_of_strangers_pushes_out_nothing(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.max_connections = 1;
  wpm_world_start(w);
  wpm_world_come_in(w, 0, -1);
  for (int peer = 1; peer <= 1000; peer++) {
    wpm_connection_id c;
    wpm_world_connected(w, peer, WPM_INBOUND, 0, &c);
    wpm_world_pass(w, 10 * WPM_MILLISECOND);
  }
  assert_int_equal(count_of(w, -1), 1 + 10);
  uint64_t cursor = 0;
  wpm_history_entry latest = next(w, -1, &cursor);
  expect_is(&latest, 901, WPM_HISTORY_REFUSED, WPM_REASON_LOCAL_CLOSE);
  wpm_world_free(w);
}

/* No event fails for it: the ring goes round in what it has, and grows when there is memory. */
static void want_of_memory_keeps_fewer(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, -1);
  wpm_alloc_fail_at(1);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  }
  wpm_alloc_fail_off();
  assert_true(wpm_alloc_failed() >= 1000 / 16);
  size_t kept = count_of(w, 1);
  assert_int_equal(kept, 16);
  assert_int_equal(count_of(w, -1), kept);
  for (int i = 0; i < 1000; i++) {
    wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
    uint64_t cursor = 0;
    assert_int_equal(next(w, 1, &cursor).number, 1002 + i);
    assert_true(count_of(w, 1) >= kept); /* None of those that there were room for is lost. */
    kept = count_of(w, 1) < 1016 ? count_of(w, 1) : 1016;
  }
  assert_true(count_of(w, 1) >= 1000);
}

/* No peer of libp2p has one. */
static void an_id_that_is_too_long_is_left_out(void **state) {
  wpm_world *w = *state;
  uint8_t id[WPM_HISTORY_ID_MAX + 1] = {1};
  const wpm_bytes peers[] = {{id, WPM_HISTORY_ID_MAX}, {id, WPM_HISTORY_ID_MAX + 1}};
  for (size_t i = 0; i < 2; i++) {
    wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = peers[i]};
    e.u.connected.connection = 7 + i;
    e.u.connected.direction = WPM_INBOUND;
    e.u.connected.remote = wpm_world_address(1, 1);
    assert_int_equal(wpm_manager_handle(w->manager, &e, w->now), WPM_OK);
    wpm_history_entry entry;
    uint64_t cursor = 0;
    assert_true(wpm_manager_next_history_of(w->manager, peers[i], &cursor, &entry));
    assert_int_equal(entry.peer.len, i == 0 ? WPM_HISTORY_ID_MAX : 0);
    assert_false(wpm_manager_next_history_of(w->manager, peers[i], &cursor, &entry));
  }
  wpm_history_entry entry;
  uint64_t cursor = 0;
  assert_false(wpm_manager_next_history_of(w->manager, (wpm_bytes){NULL, 0}, &cursor, &entry));
  wpm_manager_stop(w->manager, w->now);
}

static size_t cost_of(size_t max_history, int events) {
  wpm_manager_config config;
  wpm_manager_config_default(&config);
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(100), &config.local_peer), WPM_OK);
  config.max_history = max_history;
  size_t before = wpm_test_allocated();
  wpm_manager *m;
  assert_int_equal(wpm_manager_new(&config, &m), WPM_OK);
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
  e.u.connected.connection = 1;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = wpm_world_address(1, 1);
  wpm_instant now = {{S}, {S}, 1};
  for (int i = 0; i < events; i++) {
    assert_int_equal(wpm_manager_handle(m, &e, now), WPM_OK);
    e.type = WPM_EVENT_PERSON_CONNECT;
  }
  size_t cost = wpm_test_allocated() - before;
  wpm_manager_free(m);
  return cost;
}

static void it_grows_with_what_happens(void **state) {
  (void)state;
  assert_true(cost_of(16384, 0) <= 32 * 1024); /* An empty manager, all in all. */
  assert_true(cost_of(16384, 0) - cost_of(0, 0) <= 16 * 64 + 64);
  assert_true(cost_of(16384, 100) - cost_of(0, 100) <= 128 * 64 + 64);
  assert_in_range(cost_of(16384, 100000) - cost_of(0, 100000), 16384 * 64, 16384 * 64 + 256);
}

static void names_are_a_closed_set(void **state) {
  (void)state;
  for (int i = 0; i < WPM_HISTORY_KIND_COUNT; i++) {
    assert_string_not_equal(wpm_history_kind_name((wpm_history_kind)i), "?");
    for (int k = 0; k < i; k++) {
      assert_string_not_equal(wpm_history_kind_name((wpm_history_kind)i),
                              wpm_history_kind_name((wpm_history_kind)k));
    }
  }
  assert_string_equal(wpm_history_kind_name((wpm_history_kind)WPM_HISTORY_KIND_COUNT), "?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_life_is_told_backwards),
      TEST(each_kind_is_entered),
      TEST(a_ban_is_entered_as_it_begins),
      TEST(a_restart_tells_of_those_that_were_connected),
      cmocka_unit_test(an_eviction_tells_who_and_why),
      TEST(a_peer_that_comes_back_has_its_history),
      cmocka_unit_test(the_ring_keeps_the_latest),
      cmocka_unit_test(a_reader_that_is_too_slow_comes_to_an_end),
      cmocka_unit_test(it_can_be_switched_off),
      TEST(our_own_network_is_told_too),
      TEST(a_ban_and_its_end_are_told),
      TEST(a_flood_pushes_out_nothing),
      cmocka_unit_test(a_flood_of_strangers_pushes_out_nothing),
      TEST(want_of_memory_keeps_fewer),
      TEST(an_id_that_is_too_long_is_left_out),
      cmocka_unit_test(it_grows_with_what_happens),
      cmocka_unit_test(names_are_a_closed_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
