/* Bans of ranges of addresses. */
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

#include <string.h>

#define S WPM_SECOND

static wpm_ip_range range_of(const char *text) {
  wpm_ip_range range;
  assert_int_equal(wpm_ip_range_parse((wpm_text){text, strlen(text)}, &range), WPM_OK);
  return range;
}

static int ban(wpm_world *w, const char *range, int64_t length_ns) {
  wpm_event e = {.type = WPM_EVENT_BAN_RANGE,
                 .u.ban_range = {.range = range_of(range), .length_ns = length_ns}};
  return wpm_world_handle(w, &e);
}

/* The peer is at 45.0.NUMBER.1 (support/core/world.h), and, here, also where another one is. */
static void found_twice(wpm_world *w, int peer, int elsewhere) {
  wpm_bytes both[] = {wpm_world_address(peer, 60000), wpm_world_address(elsewhere, 60001)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = both;
  e.u.found.address_count = 2;
  e.u.found.source = WPM_SOURCE_CONFIG;
  e.u.found.origin = WPM_ORIGIN_STATIC;
  e.u.found.is_static = true;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* The peer comes from its address: whether it is let in. */
static bool comes_in(wpm_world *w, int peer) {
  wpm_connection_id connection;
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &connection), WPM_OK);
  const wpm_world_action *closed = wpm_world_take(w, WPM_ACTION_DISCONNECT, peer);
  if (closed) {
    assert_int_equal(closed->reason, WPM_REASON_RANGE_BANNED);
    wpm_world_disconnected(w, peer, connection, WPM_REASON_RANGE_BANNED);
  }
  return !closed;
}

static uint64_t refused(const wpm_world *w) {
  return wpm_manager_inbound_refused(w->manager).by_rule[WPM_INBOUND_BAN];
}

static size_t listed(const wpm_world *w) {
  uint64_t cursor = 0;
  wpm_range_ban found;
  size_t count = 0;
  while (wpm_manager_next_range_ban(w->manager, &cursor, &found)) {
    assert_true(found.ban.length_ns > 0);
    count++;
  }
  assert_int_equal(wpm_manager_range_ban_count(w->manager), count);
  return count;
}

/* ---- who comes in ------------------------------------------------------------------------------ */

static void nobody_comes_in_from_there(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, "45.0.1.7/24", WPM_HOUR), WPM_OK);
  assert_int_equal(listed(w), 1);
  assert_int_equal(wpm_manager_admit(w->manager, wpm_world_address(1, 1), w->now), WPM_INBOUND_BAN);
  assert_int_equal(refused(w), 1);
  assert_false(comes_in(w, 1));
  assert_int_equal(refused(w), 2);
  assert_int_equal(wpm_manager_admit(w->manager, wpm_world_address(2, 1), w->now),
                   WPM_INBOUND_ADMITTED);
  assert_true(comes_in(w, 2));
  wpm_world_run(w, WPM_HOUR - S);
  assert_false(comes_in(w, 1));
  wpm_world_run(w, S);
  assert_int_equal(listed(w), 0);
  assert_true(comes_in(w, 1));
  assert_int_equal(refused(w), 3);
}

/* As a peer's own ban: a ban is a person's word. */
static void nobody_is_exempt(void **state) {
  (void)state;
  const wpm_ip_range all = range_of("0.0.0.0/0");
  wpm_world *w = wpm_world_new(100);
  w->config.inbound_allow = &all;
  w->config.inbound_allow_count = 1;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, true);
  (void)wpm_world_come_up(w, 1, 0);
  wpm_event tag = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(1)};
  tag.u.tag.tag = (wpm_tag){.name = WPM_TEXT("mesh"), .protects = true, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_world_handle(w, &tag), WPM_OK);
  assert_int_equal(ban(w, "45.0.0.0/8", WPM_HOUR), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
  assert_false(comes_in(w, 1));
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_HOUR, WPM_HOUR);
  wpm_world_free(w);
}

static void ranges_within_each_other_are_bans_of_their_own(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, "45.0.0.0/16", WPM_MINUTE), WPM_OK);
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  assert_int_equal(ban(w, "45.0.2.1", 2 * WPM_HOUR), WPM_OK);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_found(w, 2, 60000, true);
  wpm_world_found(w, 3, 60000, true);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_HOUR, WPM_HOUR);
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_BAN, 2 * WPM_HOUR, 2 * WPM_HOUR);
  wpm_world_expect_plan(w, 3, WPM_HELD_BY_BAN, WPM_MINUTE, WPM_MINUTE);
  assert_int_equal(ban(w, "45.0.1.0/24", 0), WPM_OK);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_MINUTE, WPM_MINUTE);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect(w, WPM_ACTION_DIAL, 3);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
}

/* ---- who is connected -------------------------------------------------------------------------- */

static void connections_there_end(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  (void)wpm_world_come_up(w, 1, 0);
  (void)wpm_world_come_in(w, 2, 0);
  (void)wpm_world_come_in(w, 3, 0);
  wpm_world_forget_log(w);
  assert_int_equal(ban(w, "45.0.0.0/22", WPM_HOUR), WPM_OK); /* Of 0 to 3. */
  for (int peer = 1; peer <= 3; peer++) {
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer)->reason,
                     WPM_REASON_RANGE_BANNED);
    assert_int_equal(wpm_world_state(w, peer), WPM_CAN_CONNECT);
  }
  (void)wpm_world_come_in(w, 4, 0);
  assert_int_equal(ban(w, "45.0.5.0/24", WPM_HOUR), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 4);
}

/* ---- who is dialled ---------------------------------------------------------------------------- */

static void one_with_no_other_address_is_held_back(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, true);
  assert_int_equal(ban(w, "45.0.1.1", WPM_HOUR), WPM_OK);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_HOUR, WPM_HOUR);
  wpm_world_run(w, WPM_HOUR - S);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_run(w, S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void its_other_addresses_are_dialled(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  found_twice(w, 1, 7);
  const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(dial->address_count, 1);
  assert_int_equal(dial->first_port, 60001);
}

/* The first of its bans to end frees it. */
static void the_first_address_that_is_free_counts(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  assert_int_equal(ban(w, "45.0.7.0/24", WPM_MINUTE), WPM_OK);
  found_twice(w, 1, 7);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_MINUTE, WPM_MINUTE);
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->first_port, 60001);
}

static void a_dial_that_leads_there_is_cancelled(void **state) {
  wpm_world *w = *state;
  found_twice(w, 1, 7);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_int_equal(ban(w, "45.0.7.0/24", WPM_HOUR), WPM_OK);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1)->dial, dial);
  /* It goes on without. */
  const wpm_world_action *again = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(again->address_count, 1);
  assert_int_equal(again->first_port, 60000);
  assert_int_equal(ban(w, "45.0.8.0/24", WPM_HOUR), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_CANCEL_DIAL, 1);
}

/* Many peers are looked at in several goes; until then what comes up there is refused. */
static void a_dial_that_is_not_cancelled_yet_comes_to_nothing(void **state) {
  wpm_world *w = *state;
  wpm_event found = {.type = WPM_EVENT_FOUND};
  wpm_action action;
  for (uint16_t i = 0; i < 2100; i++) { /* More than are looked at in one go. */
    const uint8_t id[] = {(uint8_t)(i >> 8), (uint8_t)i, 1};
    found.peer = (wpm_bytes){id, sizeof(id)};
    assert_int_equal(wpm_manager_handle(w->manager, &found, w->now), WPM_OK);
  }
  while (wpm_manager_next_action(w->manager, &action)) {}
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_CANCEL_DIAL, 1);
  wpm_connection_id connection;
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &connection), WPM_OK);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->reason, WPM_REASON_RANGE_BANNED);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_HOUR, WPM_HOUR);
  assert_int_equal(ban(w, "45.0.1.0/24", 0), WPM_OK);
  wpm_world_run(w, S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_person_goes_before_every_ban(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id before = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_int_equal(ban(w, "45.0.1.0/24", INT64_MAX), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_true(dial > before);
  assert_int_equal(ban(w, "46.0.0.0/8", WPM_HOUR), WPM_OK); /* No other ban ends it. */
  wpm_world_expect_none(w, WPM_ACTION_CANCEL_DIAL, 1);
  wpm_connection_id connection;
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, dial, &connection), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  assert_int_equal(ban(w, "47.0.0.0/8", WPM_HOUR), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK); /* That one anew does. */
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1);
}

/* Those that were ready, and had no place. */
static void who_is_ready_is_not_dialled_any_more(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_dials = 1;
  wpm_world_start(w);
  for (int peer = 1; peer <= 3; peer++) {
    wpm_world_found(w, peer, 60000, true);
  }
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  assert_int_equal(ban(w, "45.0.2.0/24", INT64_MAX), WPM_OK);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_world_expect(w, WPM_ACTION_DIAL, 3);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_BAN, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_free(w);
}

static void nobody_there_is_chosen(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.relay_outbound = 2;
  wpm_world_start(w);
  assert_int_equal(ban(w, "45.0.0.0/16", WPM_HOUR), WPM_OK);
  for (int peer = 1; peer <= 5; peer++) {
    wpm_world_found(w, peer, 60000, false);
  }
  wpm_world_run(w, 30 * WPM_MINUTE);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 0);
  wpm_world_expect_candidate(w, 1, WPM_HELD_BY_BAN, 30 * WPM_MINUTE, 30 * WPM_MINUTE);
  wpm_world_run(w, 31 * WPM_MINUTE);
  assert_true(wpm_world_count(w, WPM_ACTION_DIAL) > 0);
  wpm_world_free(w);
}

/* ---- how long ---------------------------------------------------------------------------------- */

static void a_ban_is_lifted(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, true);
  assert_int_equal(ban(w, "45.0.1.0/24", 0), WPM_ERR_NOT_FOUND);
  assert_int_equal(ban(w, "45.0.1.0/24", INT64_MAX), WPM_OK);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_run(w, 400 * WPM_DAY);
  assert_int_equal(listed(w), 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(ban(w, "45.0.0.0/16", 0), WPM_ERR_NOT_FOUND);
  assert_int_equal(ban(w, "45.0.1.9/24", 0), WPM_OK); /* What is behind its bits says nothing. */
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(listed(w), 0);
  assert_int_equal(w->range_count, 0);
  assert_int_equal(ban(w, "45.0.1.0/24", 0), WPM_ERR_NOT_FOUND);
}

static void the_same_range_anew_has_the_new_length(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, true);
  assert_int_equal(ban(w, "45.0.1.0/24", INT64_MAX), WPM_OK);
  wpm_world_found(w, 1, 60000, true);
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_MINUTE), WPM_OK);
  assert_int_equal(listed(w), 1);
  assert_int_equal(w->range_count, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_MINUTE, WPM_MINUTE);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

/* Whoever looks before the manager is called again sees that it is over. */
static void a_plan_knows_of_its_end(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, false);
  (void)wpm_world_come_in(w, 1, 0);
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  wpm_world_pass(w, WPM_HOUR - 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, 1, 1);
  wpm_world_pass(w, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NOTHING, 0, 0);
}

static void its_end_is_told_to_the_disk(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_PERSIST_RANGE_BAN, -1);
  assert_int_equal(w->range_count, 1);
  assert_int_equal(w->ranges[0].ban.length_ns, WPM_HOUR);
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, w->now.mono.ns + WPM_HOUR);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect(w, WPM_ACTION_PERSIST_RANGE_BAN, -1);
  assert_int_equal(w->range_count, 0);
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, WPM_NEVER.ns);
}

/* ---- restarts ---------------------------------------------------------------------------------- */

static void it_outlasts_a_crash(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  (void)wpm_world_come_up(w, 1, 0);
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  assert_int_equal(ban(w, "45.0.2.0/24", INT64_MAX), WPM_OK);
  assert_int_equal(ban(w, "45.0.3.0/24", WPM_SECOND), WPM_OK);
  wpm_world_end(w, false);
  wpm_world_pass(w, 10 * WPM_MINUTE);
  w->now.wall.ns += 5 * WPM_DAY; /* Within a boot the wall clock has no say. */
  wpm_world_restart(w, NULL);
  wpm_world_run(w, 5 * WPM_MINUTE);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, 45 * WPM_MINUTE, 45 * WPM_MINUTE);
  assert_false(comes_in(w, 1));
  assert_false(comes_in(w, 2));
  assert_true(comes_in(w, 3));
  assert_int_equal(listed(w), 2);
}

static void it_outlasts_a_reboot(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, "45.0.1.0/24", WPM_HOUR), WPM_OK);
  wpm_instant heartbeat = w->now;
  heartbeat.wall.ns += WPM_DAY; /* The clock was set while we ran. */
  wpm_world_end(w, false);
  w->now = (wpm_instant){{S}, {heartbeat.wall.ns + 10 * WPM_MINUTE}, 2};
  wpm_world_restart(w, &heartbeat);
  wpm_world_run(w, 50 * WPM_MINUTE - 2 * S);
  assert_false(comes_in(w, 1));
  wpm_world_run(w, 3 * S);
  assert_true(comes_in(w, 1));
  assert_int_equal(w->range_count, 0);
}

static void what_cannot_be_restored(void **state) {
  wpm_world *w = *state;
  wpm_range_ban stored = {.range = range_of("45.0.1.0/24"), .ban = {w->now, WPM_HOUR}};
  wpm_range_ban wrong = stored;
  wrong.range.bits = 129;
  assert_int_equal(wpm_manager_restore_range_ban(w->manager, &wrong, NULL, w->now),
                   WPM_ERR_INVALID);
  wrong = stored;
  wrong.ban.length_ns = -1;
  assert_int_equal(wpm_manager_restore_range_ban(w->manager, &wrong, NULL, w->now),
                   WPM_ERR_INVALID);
  wpm_range_ban over = stored;
  over.ban.start.mono.ns -= WPM_MINUTE;
  over.ban.length_ns = WPM_MINUTE;
  assert_int_equal(wpm_manager_restore_range_ban(w->manager, &over, NULL, w->now), WPM_ERR_STALE);
  assert_int_equal(wpm_manager_restore_range_ban(w->manager, &stored, NULL, w->now), WPM_OK);
  assert_int_equal(listed(w), 1);
  wpm_world_run(w, S);
  assert_int_equal(wpm_manager_restore_range_ban(w->manager, &stored, NULL, w->now), WPM_ERR_STATE);
}

/* ---- limits ------------------------------------------------------------------------------------ */

static void what_is_no_range_is_refused(void **state) {
  wpm_world *w = *state;
  wpm_event e = {.type = WPM_EVENT_BAN_RANGE,
                 .u.ban_range = {.range = {.bits = 129}, .length_ns = WPM_HOUR}};
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_INVALID);
  assert_int_equal(ban(w, "45.0.0.0/8", -1), WPM_ERR_INVALID);
  e.u.ban_range.range.bits = 8;
  e.peer = wpm_world_id(1);
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_INVALID); /* It is of no peer. */
  assert_int_equal(listed(w), 0);
}

/* In the host's way: the log of a world is shorter. */
static int ban_number(wpm_world *w, uint32_t number, int64_t length_ns) {
  wpm_event e = {.type = WPM_EVENT_BAN_RANGE, .u.ban_range.length_ns = length_ns};
  e.u.ban_range.range = range_of("2001:db8::/64");
  e.u.ban_range.range.ip[4] = (uint8_t)(number >> 16);
  e.u.ban_range.range.ip[5] = (uint8_t)(number >> 8);
  e.u.ban_range.range.ip[6] = (uint8_t)number;
  int err = wpm_manager_handle(w->manager, &e, w->now);
  wpm_action action;
  while (wpm_manager_next_action(w->manager, &action)) {
    assert_int_equal(action.type, WPM_ACTION_PERSIST_RANGE_BAN);
  }
  return err;
}

static void so_many_there_may_be(void **state) {
  wpm_world *w = *state;
  for (uint32_t i = 0; i < WPM_RANGE_BANS_MAX; i++) {
    assert_int_equal(ban_number(w, i, WPM_HOUR), WPM_OK);
  }
  assert_int_equal(listed(w), WPM_RANGE_BANS_MAX);
  assert_int_equal(ban_number(w, WPM_RANGE_BANS_MAX, WPM_HOUR), WPM_ERR_RANGES_FULL);
  assert_int_equal(ban_number(w, 7, WPM_DAY), WPM_OK); /* One of them anew. */
  assert_int_equal(ban_number(w, 9, 0), WPM_OK);
  assert_int_equal(ban_number(w, WPM_RANGE_BANS_MAX, WPM_HOUR), WPM_OK);
  assert_int_equal(listed(w), WPM_RANGE_BANS_MAX);
  /* All but one end at once, some at a time. */
  wpm_world_pass(w, WPM_HOUR);
  wpm_action action;
  for (unsigned calls = 0; wpm_manager_next_deadline(w->manager).ns <= w->now.mono.ns; calls++) {
    assert_true(calls < 100);
    assert_int_equal(wpm_manager_advance(w->manager, w->now), WPM_OK);
    while (wpm_manager_next_action(w->manager, &action)) {
      assert_int_equal(action.u.persist_range_ban.ban.ban.length_ns, 0);
    }
  }
  assert_int_equal(listed(w), 1);
}

static void without_memory_nothing_has_changed(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  (void)wpm_world_come_up(w, 1, 0);
  for (size_t n = 1;; n++) {
    wpm_event e = {.type = WPM_EVENT_BAN_RANGE,
                   .u.ban_range = {.range = range_of("45.0.1.0/24"), .length_ns = WPM_HOUR}};
    wpm_alloc_fail_at(n);
    int err = wpm_manager_handle(w->manager, &e, w->now);
    wpm_alloc_fail_off();
    if (err == WPM_OK) {
      break;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    assert_int_equal(listed(w), 0);
    assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
    assert_int_equal(wpm_manager_admit(w->manager, wpm_world_address(1, 1), w->now),
                     WPM_INBOUND_ADMITTED);
  }
  assert_int_equal(listed(w), 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CAN_CONNECT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nobody_comes_in_from_there),
      cmocka_unit_test(nobody_is_exempt),
      TEST(ranges_within_each_other_are_bans_of_their_own),
      TEST(connections_there_end),
      TEST(one_with_no_other_address_is_held_back),
      TEST(its_other_addresses_are_dialled),
      TEST(the_first_address_that_is_free_counts),
      TEST(a_dial_that_leads_there_is_cancelled),
      TEST(a_dial_that_is_not_cancelled_yet_comes_to_nothing),
      TEST(a_person_goes_before_every_ban),
      cmocka_unit_test(who_is_ready_is_not_dialled_any_more),
      cmocka_unit_test(nobody_there_is_chosen),
      TEST(a_ban_is_lifted),
      TEST(the_same_range_anew_has_the_new_length),
      TEST(a_plan_knows_of_its_end),
      TEST(its_end_is_told_to_the_disk),
      TEST(it_outlasts_a_crash),
      TEST(it_outlasts_a_reboot),
      TEST(what_cannot_be_restored),
      TEST(what_is_no_range_is_refused),
      TEST(so_many_there_may_be),
      TEST(without_memory_nothing_has_changed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
