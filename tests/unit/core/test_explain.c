/* Why a peer is as it is, and what comes next: each rule is named, and what is named happens then. */
#include "support/alloc_fail.h"
#include "support/core/world.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#include <string.h>

#define S WPM_SECOND

static wpm_explanation explain(const wpm_world *w, int peer) {
  wpm_explanation e;
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(peer), w->now, &e), WPM_OK);
  return e;
}

/* Not by time: what is said of the state, what comes next, and what holds it back. */
static void expect_held(const wpm_world *w, int peer, wpm_connectivity state, wpm_reason reason,
                        wpm_next_action next, wpm_held_by held_by) {
  wpm_explanation e = explain(w, peer);
  assert_string_equal(wpm_connectivity_name(e.state), wpm_connectivity_name(state));
  assert_string_equal(wpm_reason_name(e.reason), wpm_reason_name(reason));
  assert_string_equal(wpm_next_action_name(e.next), wpm_next_action_name(next));
  assert_string_equal(wpm_held_by_name(e.held_by), wpm_held_by_name(held_by));
  assert_true(e.at.ns == WPM_NEVER.ns);
  assert_true(e.until.ns == WPM_NEVER.ns);
}

static const wpm_action_type carried_out[WPM_NEXT_ACTION_COUNT] = {
    [WPM_NEXT_DIAL] = WPM_ACTION_DIAL,
    [WPM_NEXT_PING] = WPM_ACTION_PING,
    [WPM_NEXT_CLOSE] = WPM_ACTION_DISCONNECT,
    [WPM_NEXT_SETTLE] = WPM_ACTION_DISCONNECT,
};

/* What is named happens at the moment that is named, and no earlier. Returns the action. */
static wpm_world_action *follow(wpm_world *w, int peer, wpm_next_action next, wpm_held_by held_by) {
  wpm_explanation e = explain(w, peer);
  assert_string_equal(wpm_next_action_name(e.next), wpm_next_action_name(next));
  assert_string_equal(wpm_held_by_name(e.held_by), wpm_held_by_name(held_by));
  assert_true(e.at.ns != WPM_NEVER.ns && e.at.ns > w->now.mono.ns);
  assert_int_equal(e.until.ns, held_by == WPM_HELD_BY_NOTHING ? WPM_NEVER.ns : e.at.ns);
  wpm_world_forget_log(w);
  wpm_world_run(w, e.at.ns - w->now.mono.ns - 1);
  wpm_world_expect_none(w, carried_out[next], peer);
  assert_int_equal(explain(w, peer).at.ns, e.at.ns); /* It is still what was said. */
  wpm_world_run(w, 1);
  return wpm_world_expect(w, carried_out[next], peer);
}

static void nobody(void **state) {
  wpm_world *w = *state;
  wpm_explanation e;
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(1), w->now, &e), WPM_ERR_NOT_FOUND);
}

static void one_never_tried(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, true);
  expect_held(w, 1, WPM_NOT_CONNECTED, WPM_REASON_NONE, WPM_NEXT_NONE, WPM_HELD_BY_NO_ADDRESS);
  wpm_world_found(w, 2, 60000, false);
  expect_held(w, 2, WPM_NOT_CONNECTED, WPM_REASON_NONE, WPM_NEXT_NONE, WPM_HELD_BY_NOT_WANTED);
  wpm_world_found(w, 3, 60000, true);
  expect_held(w, 3, WPM_NOT_CONNECTED, WPM_REASON_NONE, WPM_NEXT_NONE, WPM_HELD_BY_DIALLING);
  wpm_manager_stop(w->manager, w->now);
  expect_held(w, 3, WPM_NOT_CONNECTED, WPM_REASON_NONE, WPM_NEXT_NONE, WPM_HELD_BY_SHUTDOWN);
}

static void one_that_failed(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  for (int i = 0; i < 5; i++) {
    wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
    assert_int_equal(explain(w, 1).state, WPM_CANNOT_CONNECT);
    assert_int_equal(explain(w, 1).reason, WPM_REASON_REFUSED);
    dial = follow(w, 1, WPM_NEXT_DIAL, WPM_HELD_BY_RETRY_DELAY)->dial;
  }
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_LOCAL_FAILURE); /* Not the peer's, but a wait too. */
  follow(w, 1, WPM_NEXT_DIAL, WPM_HELD_BY_RETRY_DELAY);
}

static void one_that_left(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 1);
  wpm_world_run(w, 90 * S);
  wpm_world_disconnected(w, 1, c, WPM_REASON_GO_AWAY);
  wpm_explanation e = explain(w, 1);
  assert_int_equal(e.state, WPM_CAN_CONNECT);
  assert_int_equal(e.reason, WPM_REASON_GO_AWAY);
  assert_in_range(e.at.ns - w->now.mono.ns, 62 * S, 63 * S);
  follow(w, 1, WPM_NEXT_DIAL, WPM_HELD_BY_PRUNE_BACKOFF);
}

static void one_of_another_cluster(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_metadata(w, 1, c, 16, -1);
  assert_int_equal(explain(w, 1).state, WPM_CAN_CONNECT);
  assert_int_equal(explain(w, 1).reason, WPM_REASON_CLUSTER_MISMATCH);
  follow(w, 1, WPM_NEXT_DIAL, WPM_HELD_BY_CLUSTER_MISMATCH);
}

static void one_that_a_person_sent_away(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_world_come_up(w, 1, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT);
  expect_held(w, 1, WPM_CAN_CONNECT, WPM_REASON_PERSON, WPM_NEXT_NONE, WPM_HELD_BY_PERSON);
}

static void import_banned(wpm_world *w, int peer, int64_t length_ns) {
  wpm_address address = {.multiaddr = wpm_world_address(peer, 60000),
                         .first_seen = WPM_WALL_NONE,
                         .last_seen = WPM_WALL_NONE,
                         .last_success = WPM_WALL_NONE,
                         .last_failure = WPM_WALL_NONE,
                         .expires = WPM_WALL_NONE,
                         .ttl_ns = WPM_TTL_PERMANENT};
  wpm_peer_record record = {.id = wpm_world_id(peer),
                            .addresses = &address,
                            .address_count = 1,
                            .disconnect_time = WPM_WALL_NONE,
                            .connected_time = WPM_WALL_NONE,
                            .first_failure = WPM_WALL_NONE,
                            .last_failure = WPM_WALL_NONE,
                            .rtt_ns = WPM_SPAN_NONE,
                            .is_static = true,
                            .ban = {w->now, length_ns}};
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
  e.u.imported.record = &record;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void one_that_is_banned(void **state) {
  wpm_world *w = *state;
  import_banned(w, 1, WPM_HOUR);
  import_banned(w, 2, INT64_MAX);
  expect_held(w, 2, WPM_NOT_CONNECTED, WPM_REASON_NONE, WPM_NEXT_NONE, WPM_HELD_BY_BAN);
  follow(w, 1, WPM_NEXT_DIAL, WPM_HELD_BY_BAN);
}

static void one_without_a_place(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_connections = 1;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_found(w, 2, 60000, true);
  expect_held(w, 2, WPM_NOT_CONNECTED, WPM_REASON_NONE, WPM_NEXT_DIAL, WPM_HELD_BY_NO_PLACE);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_world_expect(w, WPM_ACTION_DIAL, 2);
  wpm_world_free(w);
}

/* Its turn came, and memory had run out. */
static void one_that_had_to_be_put_off(void **state) {
  (void)state;
  for (size_t n = 1; n < 100; n++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    wpm_bytes address = wpm_world_address(1, 60000);
    wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1)};
    e.u.found.addresses = &address;
    e.u.found.address_count = 1;
    e.u.found.source = WPM_SOURCE_CONFIG;
    e.u.found.is_static = true;
    wpm_alloc_fail_at(n);
    int err = wpm_manager_handle(w->manager, &e, w->now);
    wpm_alloc_fail_off();
    bool is_dialled = wpm_manager_dial_count(w->manager) > 0;
    if (err == WPM_OK && !is_dialled) {
      follow(w, 1, WPM_NEXT_DIAL, WPM_HELD_BY_NOTHING);
      wpm_world_free(w);
      return;
    }
    wpm_world_free(w);
    assert_false(is_dialled); /* It comes before the end. */
  }
  fail();
}

/* ---- connected ------------------------------------------------------------------------------- */

static void one_that_is_silent(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  assert_int_equal(explain(w, 1).state, WPM_CONNECTED);
  assert_int_equal(explain(w, 1).reason, WPM_REASON_NONE);
  follow(w, 1, WPM_NEXT_PING, WPM_HELD_BY_NOTHING);
  wpm_world_pong(w, 1, c, 1000);
  follow(w, 1, WPM_NEXT_PING, WPM_HELD_BY_NOTHING);
  follow(w, 1, WPM_NEXT_PING, WPM_HELD_BY_NOTHING); /* A miss. */
  assert_int_equal(follow(w, 1, WPM_NEXT_CLOSE, WPM_HELD_BY_NOTHING)->reason,
                   WPM_REASON_PING_TIMEOUT);
}

static void a_byte_puts_a_ping_off(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_explanation before = explain(w, 1);
  wpm_world_pass(w, 60 * S);
  wpm_world_received(w, 1, c);
  assert_int_equal(explain(w, 1).at.ns, before.at.ns + 60 * S);
  follow(w, 1, WPM_NEXT_PING, WPM_HELD_BY_NOTHING);
  /* A host that is late: what is due is due now. */
  wpm_world_pass(w, WPM_HOUR);
  assert_int_equal(explain(w, 1).at.ns, w->now.mono.ns);
}

static void without_keep_alive_nothing_comes(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.keep_alive = false;
  wpm_world_start(w);
  wpm_world_come_in(w, 1, 1);
  expect_held(w, 1, WPM_CONNECTED, WPM_REASON_NONE, WPM_NEXT_NONE, WPM_HELD_BY_NOTHING);
  wpm_world_free(w);
}

static void a_race_is_settled(void **state) {
  wpm_world *w = *state;
  wpm_connection_id ours;
  wpm_connection_id theirs;
  wpm_world_found(w, 200, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 200)->dial;
  wpm_world_connected(w, 200, WPM_INBOUND, 0, &theirs);
  wpm_world_connected(w, 200, WPM_OUTBOUND, dial, &ours);
  wpm_world_pass(w, 1000);
  wpm_world_pong(w, 200, ours, 1000); /* The winner lives. */
  assert_int_equal(follow(w, 200, WPM_NEXT_SETTLE, WPM_HELD_BY_NOTHING)->connection, theirs);
  assert_int_equal(explain(w, 200).next, WPM_NEXT_PING);
}

static void a_second_connection_waits_for_the_first_to_speak(void **state) {
  wpm_world *w = *state;
  wpm_connection_id older = wpm_world_come_in(w, 1, 1);
  wpm_world_come_in(w, 1, 1);
  wpm_world_action *end = follow(w, 1, WPM_NEXT_SETTLE, WPM_HELD_BY_NOTHING);
  assert_int_equal(end->connection, older);
  assert_int_equal(end->reason, WPM_REASON_PING_TIMEOUT);
}

/* ---- the preview ----------------------------------------------------------------------------- */

static wpm_preview preview(const wpm_world *w, wpm_planned_dial *dials, size_t cap) {
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, dials, cap, &p), WPM_OK);
  return p;
}

static bool is_peer(wpm_bytes id, int peer) {
  return id.len == wpm_world_id(peer).len && memcmp(id.data, wpm_world_id(peer).data, id.len) == 0;
}

/* 40 peers are refused one after the other; then the dials come as listed. */
static void the_next_dials_are_in_order(void **state) {
  wpm_world *w = *state;
  enum { PEERS = 40 };
  wpm_planned_dial dials[WPM_PREVIEW_MAX];
  assert_int_equal(preview(w, dials, WPM_PREVIEW_MAX).dial_count, 0);
  for (int peer = 0; peer < PEERS; peer++) {
    wpm_world_found(w, peer, 60000, true);
    wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
    wpm_world_dial_failed(w, peer, dial, WPM_REASON_REFUSED);
  }
  wpm_preview all = preview(w, dials, WPM_PREVIEW_MAX);
  assert_int_equal(all.dial_count, PEERS);
  assert_int_equal(all.waiting, PEERS);
  assert_int_equal(all.ready, 0);
  assert_int_equal(all.places, 0);
  assert_int_equal(all.max_places, 300);
  wpm_planned_dial few[3];
  assert_int_equal(preview(w, few, 3).dial_count, 3);
  for (int i = 0; i < 3; i++) {
    assert_ptr_equal(few[i].peer.data, dials[i].peer.data);
    assert_int_equal(few[i].at.ns, dials[i].at.ns);
  }
  assert_int_equal(preview(w, NULL, 0).dial_count, 0);
  wpm_world_forget_log(w);
  wpm_world_run(w, 10 * S);
  for (int i = 0; i < PEERS; i++) {
    assert_int_equal(dials[i].held_by, WPM_HELD_BY_RETRY_DELAY);
    assert_int_equal(w->log[i].type, WPM_ACTION_DIAL);
    assert_int_equal(w->log[i].at.ns, dials[i].at.ns);
    assert_true(is_peer(dials[i].peer, w->log[i].peer));
  }
}

static void those_that_are_ready_come_first(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_connections = 1;
  wpm_world_start(w);
  wpm_planned_dial dials[8];
  wpm_world_found(w, 9, 60000, true);
  wpm_world_dial_failed(w, 9, wpm_world_expect(w, WPM_ACTION_DIAL, 9)->dial, WPM_REASON_REFUSED);
  for (int peer = 1; peer <= 3; peer++) {
    wpm_world_found(w, peer, 60000, true);
  }
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_preview p = preview(w, dials, 8);
  assert_int_equal(p.dial_count, 3);
  assert_int_equal(p.ready, 2);
  assert_int_equal(p.waiting, 1);
  assert_int_equal(p.places, 1);
  assert_true(is_peer(dials[0].peer, 2) && is_peer(dials[1].peer, 3) && is_peer(dials[2].peer, 9));
  assert_int_equal(dials[0].held_by, WPM_HELD_BY_NO_PLACE);
  assert_true(dials[0].at.ns == WPM_NEVER.ns);
  assert_int_equal(dials[2].held_by, WPM_HELD_BY_RETRY_DELAY);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_world_expect(w, WPM_ACTION_DIAL, 2);
  wpm_manager_stop(w->manager, w->now);
  assert_int_equal(preview(w, dials, 8).dial_count, 0);
  wpm_world_free(w);
}

static void more_than_a_preview_takes(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.max_connections = 1;
  wpm_world_start(w);
  wpm_planned_dial dials[WPM_PREVIEW_MAX + 1];
  for (int peer = 0; peer < 1001; peer++) {
    wpm_world_found(w, peer, 60000, true);
  }
  wpm_preview p = preview(w, dials, WPM_PREVIEW_MAX + 1);
  assert_int_equal(p.dial_count, WPM_PREVIEW_MAX);
  assert_int_equal(p.ready, 1000);
  for (int i = 0; i < WPM_PREVIEW_MAX; i++) {
    assert_true(is_peer(dials[i].peer, i + 1));
  }
  wpm_world_free(w);
}

static void who_would_be_evicted_is_evicted(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.store.max_peers = 20;
  wpm_world_start(w);
  assert_int_equal(preview(w, NULL, 0).victim.len, 0);
  assert_int_equal(preview(w, NULL, 0).newcomers, 20);
  for (int peer = 0; peer < 20; peer++) {
    wpm_world_found(w, peer, 60000, false);
  }
  for (int peer = 20; peer < 50; peer++) {
    wpm_preview p = preview(w, NULL, 0);
    assert_int_equal(p.newcomers, 0);
    assert_int_equal(p.cause, WPM_CAUSE_UNTRIED);
    wpm_peer_id victim;
    assert_int_equal(wpm_peer_id_from_bytes(p.victim, &victim), WPM_OK);
    wpm_world_found(w, peer, 60000, false);
    wpm_peer_record record;
    assert_int_equal(
        wpm_store_get(wpm_manager_store(w->manager), wpm_peer_id_view(&victim), &record),
        WPM_ERR_NOT_FOUND);
  }
  wpm_world_free(w);
  /* No cap. */
  w = wpm_world_new(100);
  w->config.store.max_peers = 0;
  wpm_world_start(w);
  wpm_world_found(w, 1, 60000, false);
  assert_int_equal(preview(w, NULL, 0).victim.len, 0);
  assert_true(preview(w, NULL, 0).newcomers == SIZE_MAX);
  wpm_world_free(w);
}

static void names_are_closed_sets(void **state) {
  (void)state;
  for (int i = 0; i < WPM_NEXT_ACTION_COUNT; i++) {
    assert_string_not_equal(wpm_next_action_name((wpm_next_action)i), "?");
  }
  assert_string_equal(wpm_next_action_name((wpm_next_action)WPM_NEXT_ACTION_COUNT), "?");
  for (int i = 0; i < WPM_HELD_BY_COUNT; i++) {
    assert_string_not_equal(wpm_held_by_name((wpm_held_by)i), "?");
  }
  assert_string_equal(wpm_held_by_name((wpm_held_by)WPM_HELD_BY_COUNT), "?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nobody),
      TEST(one_never_tried),
      TEST(one_that_failed),
      TEST(one_that_left),
      TEST(one_of_another_cluster),
      TEST(one_that_a_person_sent_away),
      TEST(one_that_is_banned),
      cmocka_unit_test(one_without_a_place),
      cmocka_unit_test(one_that_had_to_be_put_off),
      TEST(one_that_is_silent),
      TEST(a_byte_puts_a_ping_off),
      cmocka_unit_test(without_keep_alive_nothing_comes),
      TEST(a_race_is_settled),
      TEST(a_second_connection_waits_for_the_first_to_speak),
      TEST(the_next_dials_are_in_order),
      cmocka_unit_test(those_that_are_ready_come_first),
      cmocka_unit_test(more_than_a_preview_takes),
      cmocka_unit_test(who_would_be_evicted_is_evicted),
      cmocka_unit_test(names_are_closed_sets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
