/* What happened lately: what is entered, in which order, and for whom. */
#include "support/core/history_kit.h"
#include "support/test.h"

#include "core/manager.h"

#include "base/bytes.h"

#include <string.h>

#define S WPM_SECOND

/* The latest event of a peer. */
static void expect_latest(const wpm_world *w, int peer, wpm_history_kind kind, wpm_reason reason) {
  uint64_t cursor = 0;
  wpm_history_entry entry = wpm_history_next(w, peer, &cursor);
  wpm_history_expect_is(&entry, peer, kind, reason);
  assert_int_equal(entry.time.ns, w->now.wall.ns);
}

static void a_life_is_told_backwards(void **state) {
  wpm_world *w = *state;
  wpm_instant began = w->now;
  wpm_history_expect_end(w, -1, 0);
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
      wpm_history_entry entry = wpm_history_next(w, peer, &cursor);
      wpm_history_expect_is(&entry, 1, told[i].kind, told[i].reason);
      assert_int_equal(entry.direction, told[i].direction);
      assert_int_equal(entry.cause, WPM_CAUSE_FACT);
      assert_int_equal(entry.number, count - i);
      assert_true(entry.time.ns <= later && entry.time.ns >= began.wall.ns);
      later = entry.time.ns;
    }
    assert_int_equal(later, began.wall.ns);
    wpm_history_expect_end(w, peer, cursor);
  }
}

static void each_kind_is_entered(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  expect_latest(w, 1, WPM_HISTORY_DIALLED, WPM_REASON_NONE);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  expect_latest(w, 1, WPM_HISTORY_DIAL_CANCELLED, WPM_REASON_NONE);
  uint64_t cursor = 0;
  (void)wpm_history_next(w, 1, &cursor);
  wpm_history_entry asked = wpm_history_next(w, 1, &cursor);
  wpm_history_expect_is(&asked, 1, WPM_HISTORY_DISCONNECT_ASKED, WPM_REASON_NONE);
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
  wpm_history_entry entry = wpm_history_next(w, 2, &cursor);
  while (entry.kind != WPM_HISTORY_DISCONNECTED) {
    entry = wpm_history_next(w, 2, &cursor);
  }
  wpm_history_expect_is(&entry, 2, WPM_HISTORY_DISCONNECTED, WPM_REASON_PING_TIMEOUT);
  for (int i = 0; i < 2; i++) {
    entry = wpm_history_next(w, 2, &cursor);
    wpm_history_expect_is(&entry, 2, WPM_HISTORY_PING_MISSED, WPM_REASON_NONE);
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
    wpm_history_entry entry = wpm_history_next(w, 1, &cursor);
    wpm_history_expect_is(&entry, 1, kinds[i], WPM_REASON_NONE);
  }
  wpm_history_expect_end(w, 1, cursor);
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
  assert_int_equal(wpm_history_count(w, -1), 1);
  wpm_world_end(w, false);
  wpm_world_restart(w, NULL);
  assert_int_equal(wpm_history_count(w, 2), 0);
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
  wpm_history_entry entry = wpm_history_next(w, -1, &cursor);
  assert_int_equal(entry.kind, WPM_HISTORY_EVICTED);
  assert_int_equal(entry.cause, WPM_CAUSE_UNTRIED);
  assert_int_equal(entry.direction, WPM_DIRECTION_NONE);
  wpm_history_expect_end(w, -1, cursor);
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
  assert_int_equal(wpm_history_count(w, 1), 3);
  wpm_world_come_in(w, 3, -1); /* It may take the slot. */
  assert_int_equal(wpm_history_count(w, 3), 1);
  assert_int_equal(wpm_history_count(w, 1), 3);
  wpm_world_come_in(w, 1, -1);
  expect_latest(w, 1, WPM_HISTORY_CONNECTED, WPM_REASON_NONE);
  assert_int_equal(wpm_history_count(w, 1), 4);
  assert_int_equal(wpm_history_count(w, 4), 0);
  assert_int_equal(wpm_history_count(w, -1), 6);
}

static void it_can_be_switched_off(void **state) {
  (void)state;
  wpm_world *w = wpm_history_world(0);
  wpm_world_come_in(w, 1, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE);
  wpm_history_expect_end(w, -1, 0);
  wpm_history_expect_end(w, 1, 0);
  wpm_world_free(w);
}

static void our_own_network_is_told_too(void **state) {
  wpm_world *w = *state;
  wpm_world_come_in(w, 1, -1);
  for (int i = 0; i < 10; i++) {
    wpm_history_own(w, WPM_NETWORK_CHANGED);
  }
  wpm_history_own(w, WPM_NETWORK_OFFLINE);
  wpm_history_own(w, WPM_NETWORK_OFFLINE);
  wpm_history_own(w, WPM_NETWORK_ONLINE);
  wpm_world_pass(w, 8 * WPM_HOUR);
  wpm_world_run(w, 0);
  static const wpm_history_kind kinds[] = {WPM_HISTORY_SLEPT, WPM_HISTORY_ONLINE,
                                           WPM_HISTORY_OFFLINE, WPM_HISTORY_NETWORK_CHANGED};
  uint64_t cursor = 0;
  wpm_history_entry entry = wpm_history_next(w, -1, &cursor);
  while (entry.kind != WPM_HISTORY_SLEPT) { /* What came of it. */
    entry = wpm_history_next(w, -1, &cursor);
  }
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    assert_string_equal(wpm_history_kind_name(entry.kind), wpm_history_kind_name(kinds[i]));
    assert_int_equal(entry.peer.len, 0);
    entry = wpm_history_next(w, -1, &cursor);
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
    wpm_history_entry entry = wpm_history_next(w, 1, &cursor);
    assert_string_equal(wpm_history_kind_name(entry.kind), wpm_history_kind_name(kinds[i]));
  }
}

/* A peer that is turned away, or tells who it is, over and over; and many of them. */
static void a_flood_pushes_out_nothing(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c;
  wpm_world_come_in(w, 1, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  size_t quiet = wpm_history_count(w, 1);
  for (int i = 0; i < 1200; i++) {
    wpm_world_connected(w, 1, WPM_INBOUND, 0, &c);
    wpm_world_pass(w, 100 * WPM_MILLISECOND);
    wpm_world_forget_log(w);
  }
  assert_int_equal(wpm_history_count(w, 1), quiet + 2); /* One a minute. */
  c = wpm_world_come_in(w, 2, 1);
  for (int i = 0; i < 100; i++) {
    wpm_world_identified(w, 2, c, true, 0);
    wpm_world_pruned(w, 2, 0);
  }
  assert_int_equal(wpm_history_count(w, 2), 3);
  w->now.wall.ns -= WPM_HOUR; /* A clock that is set back keeps nothing out. */
  wpm_world_identified(w, 2, c, true, 0);
  assert_int_equal(wpm_history_count(w, 2), 4);
  /* After another connection it is news. */
  wpm_world_disconnected(w, 2, c, WPM_REASON_EOF);
  c = wpm_world_come_in(w, 2, 1);
  assert_int_equal(wpm_history_count(w, 2), 7);
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
  assert_int_equal(wpm_history_count(w, -1), 1 + 10);
  uint64_t cursor = 0;
  wpm_history_entry latest = wpm_history_next(w, -1, &cursor);
  wpm_history_expect_is(&latest, 901, WPM_HISTORY_REFUSED, WPM_REASON_NO_PLACE);
  wpm_world_free(w);
}

/* One is refused before there is a record of it: its history says by which rule. */
static void who_is_not_held_is_refused_for_a_reason(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.max_connections = 3;
  w->config.inbound_per_ip = 1;
  w->config.inbound_per_network = 0;
  wpm_world_start(w);
  wpm_event range = {.type = WPM_EVENT_BAN_RANGE, .u.ban_range.length_ns = WPM_HOUR};
  assert_int_equal(wpm_ip_range_parse(WPM_TEXT("45.0.7.0/24"), &range.u.ban_range.range), WPM_OK);
  assert_int_equal(wpm_world_handle(w, &range), WPM_OK);
  wpm_event e = {.type = WPM_EVENT_CONNECTED};
  e.u.connected.direction = WPM_INBOUND;
  const struct {
    int peer, from;
    wpm_reason reason;
  } come[] = {{1, 1, WPM_REASON_NONE}, {2, 1, WPM_REASON_INBOUND_PER_IP},
              {3, 3, WPM_REASON_NONE}, {7, 7, WPM_REASON_RANGE_BANNED},
              {4, 4, WPM_REASON_NONE}, {5, 5, WPM_REASON_NO_PLACE}};
  for (size_t i = 0; i < sizeof(come) / sizeof(*come); i++) {
    e.peer = wpm_world_id(come[i].peer);
    e.u.connected.connection = 7 + i;
    e.u.connected.remote = wpm_world_address(come[i].from, 1);
    assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
    uint64_t cursor = 0;
    wpm_history_entry latest = wpm_history_next(w, come[i].peer, &cursor);
    wpm_history_expect_is(&latest, come[i].peer,
                          come[i].reason ? WPM_HISTORY_REFUSED : WPM_HISTORY_CONNECTED,
                          come[i].reason);
    wpm_world_pass(w, 2 * WPM_SECOND);
  }
  wpm_world_free(w);
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
      cmocka_unit_test(it_can_be_switched_off),
      TEST(our_own_network_is_told_too),
      TEST(a_ban_and_its_end_are_told),
      TEST(a_flood_pushes_out_nothing),
      cmocka_unit_test(a_flood_of_strangers_pushes_out_nothing),
      cmocka_unit_test(who_is_not_held_is_refused_for_a_reason),
      TEST(an_id_that_is_too_long_is_left_out),
      cmocka_unit_test(names_are_a_closed_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
