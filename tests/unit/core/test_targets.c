/* Outbound relay peers: how many, who, and for how long. */
#include "core/groups.h"
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/world.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#include <string.h>

#define S WPM_SECOND

static wpm_world *start(uint64_t seed) {
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 10;
  w->config.feeler_ns = 0;
  w->config.rotate_ns = 0;
  w->config.keep_alive = false;
  w->config.seed = seed;
  wpm_world_start(w);
  return w;
}

/* As many peers as there are groups. */
static void hear_of(wpm_world *w, int count) {
  for (int peer = 0; peer < count; peer++) {
    wpm_world_hear_in(w, peer, (unsigned)peer);
  }
}

static wpm_connection_id connection_of[WPM_WORLD_PEERS];

/* Every dial that is asked for comes up, as a relay peer's. Returns how many did. */
static size_t let_all_come_up(wpm_world *w) {
  size_t count = 0;
  for (int rounds = 0; rounds < 400; rounds++) {
    wpm_world_action *dial = wpm_world_take(w, WPM_ACTION_DIAL, -1);
    if (!dial) {
      wpm_world_run(w, 100 * WPM_MILLISECOND);
      continue;
    }
    wpm_connection_id c;
    int peer = dial->peer;
    assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
    assert_int_equal(wpm_world_identified(w, peer, c, true, 0), WPM_OK);
    connection_of[peer] = c;
    count++;
  }
  return count;
}

static size_t connected(const wpm_world *w) {
  return wpm_manager_connection_count(w->manager);
}

/* A dial that failed on our own account waits for its delay, though it is held against nobody. */
static void who_could_not_be_dialled_waits(void **state) {
  (void)state;
  wpm_world *w = start(1);
  wpm_world_hear_in(w, 0, 0);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 0)->dial;
  assert_int_equal(wpm_world_dial_failed(w, 0, dial, WPM_REASON_LOCAL_FAILURE), WPM_OK);
  wpm_world_expect_candidate(w, 0, WPM_HELD_BY_RETRY_DELAY, S, 5 * S / 4);
  wpm_world_run(w, S - 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 0);
  wpm_world_run(w, S / 2);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 0)->address_count, 1);
  wpm_world_free(w);
}

/* One of two outbound relay peers rotates, though one would do: its place is the waiting static peer's at once. */
static void a_place_that_rotation_frees_is_given_out(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1;
  w->config.max_connections = 2;
  w->config.feeler_ns = 0;
  w->config.keep_alive = false;
  wpm_world_start(w);
  for (int peer = 0; peer < 2; peer++) {
    wpm_world_hear_in(w, peer, (unsigned)peer);
    assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT), WPM_OK);
    (void)wpm_world_come_up(w, peer, 1);
  }
  assert_int_equal(wpm_world_found(w, 2, 60000, true), WPM_OK);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
  wpm_world_run(w, WPM_HOUR);
  const wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, -1);
  assert_int_equal(end->reason, WPM_REASON_ROTATED);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 2)->at.ns, end->at.ns);
  wpm_world_free(w);
}

static void as_many_as_are_wanted_are_dialled_one_after_another(void **state) {
  (void)state;
  wpm_world *w = start(1);
  wpm_world_run(w, 0);
  wpm_world_run(w, 30 * S); /* The haste of the start is over (test_doubt.c). */
  hear_of(w, 40);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 1);
  for (size_t i = 1; i <= 10; i++) {
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), i);
    wpm_world_run(w, 100 * WPM_MILLISECOND);
  }
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 10);
  wpm_world_free(w);
}

static void for_each_that_fails_another_is_dialled(void **state) {
  (void)state;
  wpm_world *w = start(2);
  hear_of(w, 40);
  bool dialled[40] = {false};
  size_t different = 0;
  for (int i = 0; i < 30; i++) { /* Three seconds: the first may come again. */
    wpm_world_run(w, 100 * WPM_MILLISECOND);
    const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, -1);
    different += !dialled[dial->peer];
    dialled[dial->peer] = true;
    wpm_world_dial_failed(w, dial->peer, dial->dial, WPM_REASON_REFUSED);
  }
  assert_true(different >= 22);
  wpm_world_free(w);
}

/* Of two addresses it is the one that worked that says whose group a peer is of. */
static void a_peer_is_of_the_group_where_it_worked(void **state) {
  (void)state;
  wpm_world *w = start(3);
  wpm_world_hear_in(w, 1, 9);
  assert_int_equal(let_all_come_up(w), 1);
  wpm_address addresses[2];
  wpm_multiaddr elsewhere;
  wpm_multiaddr there;
  (void)wpm_world_imported(2, wpm_world_parse("/ip4/46.9.8.8/tcp/1", &there), &addresses[1]);
  wpm_peer_record record =
      wpm_world_imported(2, wpm_world_parse("/ip4/46.20.8.8/tcp/1", &elsewhere), &addresses[0]);
  addresses[1].last_success = w->now.wall;
  record.addresses = addresses;
  record.address_count = 2;
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
  e.u.imported.record = &record;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(let_all_come_up(w), 0);
  wpm_world_free(w);
}

static void no_two_are_of_one_group(void **state) {
  (void)state;
  wpm_world *w = start(3);
  for (int peer = 0; peer < 200; peer++) {
    wpm_world_hear_in(w, peer, (unsigned)peer % 4);
  }
  assert_int_equal(let_all_come_up(w), 4);
  unsigned groups = 0;
  for (int peer = 0; peer < 200; peer++) {
    if (wpm_world_state(w, peer) == WPM_CONNECTED) {
      assert_false(groups & 1u << peer % 4);
      groups |= 1u << peer % 4;
    }
  }
  wpm_world_free(w);
}

/* 1 000 addresses in two groups, beside 18 honest ones in one each: each group is as likely. */
static void a_flood_of_addresses_in_few_groups_decides_nothing(void **state) {
  (void)state;
  unsigned first_is_theirs = 0;
  for (uint64_t seed = 0; seed < 300; seed++) {
    wpm_world *w = wpm_world_new(2000);
    w->config.relay_outbound = 1;
    w->config.feeler_ns = 0;
    w->config.seed = seed;
    w->config.max_dials = 0; /* Nobody is dialled before all are known. */
    wpm_world_start(w);
    for (int peer = 0; peer < 18; peer++) {
      wpm_world_hear_in(w, peer, 10 + (unsigned)peer);
    }
    for (int peer = 100; peer < 1100; peer++) {
      wpm_world_hear_in(w, peer, (unsigned)peer % 2);
    }
    w->manager->config.max_dials = 256;
    wpm_manager_note_deadline(w->manager);
    wpm_world_run(w, 11 * S);
    first_is_theirs += wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer >= 100;
    wpm_world_free(w);
  }
  assert_in_range(first_is_theirs, 5, 65); /* 30 of 300; 98 of 100 by addresses alone. */
}

static void who_came_in_is_no_more_than_a_candidate(void **state) {
  (void)state;
  wpm_world *w = start(4);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_identified(w, 1, c, true, 60000);
  for (int peer = 300; peer < 310; peer++) {
    wpm_world_hear_in(w, peer, (unsigned)peer - 200);
  }
  assert_int_equal(let_all_come_up(w), 10);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, WPM_HOUR / 2);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_TARGET, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_free(w);
}

/* Where there is nobody else, who was lost comes back when its backoff is over, and not before. */
static void set_online(wpm_world *w, bool online) {
  wpm_event e = {.type = WPM_EVENT_NETWORK};
  e.u.network.state = online ? WPM_NETWORK_ONLINE : WPM_NETWORK_OFFLINE;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* Of two, one whose dials failed six times has one chance in 65. */
/* How often, of two that differ in this, the first is chosen in a hundred times. */
static int chosen_of_two(uint32_t failures, int64_t age_ns) {
  int chosen[2] = {0, 0};
  for (uint64_t seed = 1; seed <= 100; seed++) {
    wpm_world *w = start(seed);
    w->manager->config.relay_outbound = 1;
    wpm_manager_note_deadline(w->manager);
    set_online(w, false);
    for (int peer = 0; peer < 2; peer++) {
      uint8_t bytes[8] = {4, 46, (uint8_t)peer, 1, 1, 6, 0xea, 0x60};
      wpm_address address;
      wpm_peer_record record =
          wpm_world_imported(peer, (wpm_bytes){bytes, sizeof(bytes)}, &address);
      record.failures = peer == 0 ? failures : 0;
      address.last_seen.ns = w->now.wall.ns - (peer == 0 ? age_ns : 0);
      wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
      e.u.imported.record = &record;
      assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
    }
    set_online(w, true);
    wpm_world_run(w, 50 * WPM_MILLISECOND);
    chosen[wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer]++;
    wpm_world_free(w);
  }
  assert_int_equal(chosen[0] + chosen[1], 100);
  return chosen[0];
}

/* One that was tried and ten that are new, each of its own group: a coin decides from which is drawn. */
static void the_tried_are_as_likely_as_the_new(void **state) {
  (void)state;
  size_t tried = 0;
  for (uint64_t seed = 1; seed <= 100; seed++) {
    wpm_world *w = start(seed);
    w->manager->config.relay_outbound = 1;
    wpm_manager_note_deadline(w->manager);
    hear_of(w, 1);
    wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 0)->dial;
    wpm_connection_id c;
    assert_int_equal(wpm_world_connected(w, 0, WPM_OUTBOUND, dial, &c), WPM_OK);
    assert_int_equal(wpm_world_identified(w, 0, c, true, 0), WPM_OK);
    set_online(w, false);
    assert_int_equal(wpm_world_disconnected(w, 0, c, WPM_REASON_EOF), WPM_OK);
    hear_of(w, 11);
    wpm_world_run(w, 2 * WPM_MINUTE); /* Its backoff is over. */
    set_online(w, true);
    wpm_world_run(w, S);
    tried += wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer == 0;
    wpm_world_free(w);
  }
  assert_in_range(tried, 30, 70);
}

static void each_failure_halves_the_chance(void **state) {
  (void)state;
  assert_in_range(chosen_of_two(0, 0), 30, 70);
  assert_in_range(chosen_of_two(6, 0), 0, 8);
}

static void each_week_without_a_sign_does_too(void **state) {
  (void)state;
  assert_in_range(chosen_of_two(0, 6 * WPM_DAY), 30, 70);
  assert_in_range(chosen_of_two(0, 8 * WPM_DAY), 20, 45);
  assert_in_range(chosen_of_two(0, 365 * WPM_DAY), 0, 15);
  assert_in_range(chosen_of_two(0, -WPM_DAY), 30, 70); /* The clock was set back. */
}

/* The connection is up, and stays so. */
static bool comes_in(wpm_world *w, int peer) {
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &c), WPM_OK);
  return wpm_world_take(w, WPM_ACTION_DISCONNECT, peer) == NULL;
}

/* As foretold. */
static size_t kept_from_inbound(const wpm_world *w) {
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &p), WPM_OK);
  assert_int_equal(p.inbound_room, p.max_places - p.places > p.kept_from_inbound
                                       ? p.max_places - p.places - p.kept_from_inbound
                                       : 0);
  return p.kept_from_inbound;
}

static void places_are_kept_from_what_comes_in(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 10;
  w->config.feeler_ns = 0;
  w->config.max_connections = 8; /* No more than half are kept. */
  wpm_world_start(w);
  assert_int_equal(kept_from_inbound(w), 4);
  for (int peer = 100; peer < 104; peer++) {
    assert_true(comes_in(w, peer));
  }
  assert_false(comes_in(w, 108));
  /* A static peer is let in, and takes one of those kept. */
  assert_int_equal(wpm_world_found(w, 109, 0, true), WPM_OK);
  assert_true(comes_in(w, 109));
  assert_false(comes_in(w, 110));
  hear_of(w, 40);
  assert_int_equal(let_all_come_up(w), 3);
  assert_int_equal(connected(w), 8);
  wpm_world_free(w);
}

/* Whoever fills all places takes none of a static peer's that is lost; once it is held off, or forgotten, no
 * place is kept for it. */
static void a_place_is_kept_for_a_static_peer(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.max_connections = 4;
  wpm_world_start(w);
  for (int peer = 1; peer <= 2; peer++) {
    assert_int_equal(wpm_world_found(w, peer, 1, true), WPM_OK);
  }
  assert_int_equal(let_all_come_up(w), 2);
  assert_true(comes_in(w, 100) && comes_in(w, 101));
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(wpm_world_disconnected(w, 1, connection_of[1], WPM_REASON_TIMED_OUT), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, 2, connection_of[2], WPM_REASON_TIMED_OUT), WPM_OK);
  assert_int_equal(w->manager->targets.waiting, 2);
  assert_int_equal(kept_from_inbound(w), 2);
  assert_false(comes_in(w, 102));
  wpm_world_run(w, 2 * WPM_MINUTE);
  assert_int_equal(let_all_come_up(w), 2);
  assert_int_equal(w->manager->targets.waiting, 0);
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_DISCONNECT), WPM_OK);
  assert_int_equal(w->manager->targets.waiting, 0);
  assert_int_equal(wpm_world_person(w, 2, WPM_EVENT_PERSON_REMOVE), WPM_OK);
  assert_int_equal(w->manager->targets.waiting, 0);
  assert_int_equal(kept_from_inbound(w), 0);
  assert_true(comes_in(w, 103));
  wpm_world_free(w);
}

static void who_was_lost_comes_back_where_it_is_wanted(void **state) {
  (void)state;
  wpm_world *w = start(5);
  hear_of(w, 3);
  assert_int_equal(let_all_come_up(w), 3);
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(wpm_world_disconnected(w, 1, connection_of[1], WPM_REASON_TIMED_OUT), WPM_OK);
  wpm_world_expect_candidate(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S, 63 * S);
  wpm_world_run(w, 62 * S);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_run(w, 2 * S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_free(w);
}

static void known_services_and_other_shards_are_no_candidates(void **state) {
  (void)state;
  static const uint16_t ours[] = {3};
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 10;
  w->config.feeler_ns = 0;
  w->config.shards = ours;
  w->config.shard_count = 1;
  w->config.keep_alive = false;
  wpm_world_start(w);
  wpm_connection_id service = wpm_world_come_in(w, 1, 0);
  wpm_world_identified(w, 1, service, false, 60000);
  wpm_connection_id other = wpm_world_come_in(w, 2, 1);
  wpm_world_identified(w, 2, other, true, 60000);
  wpm_world_metadata(w, 2, other, 1, 5);
  wpm_world_disconnected(w, 2, other, WPM_REASON_EOF);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  assert_int_equal(wpm_world_plan(w, 2).held_by, WPM_HELD_BY_NOT_WANTED);
  wpm_world_free(w);
}

static void places_rotate_one_at_a_time(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 10;
  w->config.feeler_ns = 0;
  w->config.rotate_ns = WPM_HOUR;
  w->config.keep_alive = false;
  wpm_world_start(w);
  wpm_world_found(w, 1999, 60000, true); /* Static: it counts, and stays. */
  hear_of(w, 100);
  (void)let_all_come_up(w);
  assert_int_equal(connected(w), 10);
  size_t left = 0;
  for (int hour = 0; hour < 48; hour++) {
    wpm_world_run(w, WPM_HOUR);
    for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DISCONNECT, -1));) {
      assert_int_equal(a->reason, WPM_REASON_ROTATED);
      assert_int_not_equal(a->peer, 1999);
      wpm_world_disconnected(w, a->peer, a->connection, WPM_REASON_ROTATED);
      left++;
    }
    (void)let_all_come_up(w);
    assert_int_equal(connected(w), 10);
  }
  assert_in_range(left, 35, 65);
  wpm_world_free(w);
}

/* Whoever has been here for a short time has not shown yet whether it is worth its place. */
static void only_the_stable_rotate(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1;
  w->config.feeler_ns = 0;
  w->config.rotate_ns = WPM_HOUR;
  w->config.stable_after_ns = 10 * WPM_HOUR;
  w->config.keep_alive = false;
  wpm_world_start(w);
  hear_of(w, 1);
  assert_int_equal(let_all_come_up(w), 1);
  wpm_world_run(w, 9 * WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 0);
  wpm_world_run(w, 3 * WPM_HOUR);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 0)->reason, WPM_REASON_ROTATED);
  wpm_world_free(w);
}

/* The time to rotate passed in a sleep: who it was that died in it is not known before the pings are
 * answered. */
static void nobody_rotates_before_it_has_answered_after_a_gap(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1;
  w->config.feeler_ns = 0;
  w->config.rotate_ns = WPM_HOUR;
  wpm_world_start(w);
  hear_of(w, 1);
  assert_int_equal(let_all_come_up(w), 1);
  wpm_world_run(w, 2 * WPM_MINUTE);
  wpm_world_pass(w, 8 * WPM_HOUR);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_PING, 0);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 0);
  wpm_world_run(w, 5 * S);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 0)->reason, WPM_REASON_PING_TIMEOUT);
  wpm_world_free(w);
}

/* Those that we had chosen come first after a restart, above what is wanted; who came in does not. */
static void the_chosen_come_first_after_a_restart(void **state) {
  (void)state;
  wpm_world *w = start(6);
  hear_of(w, 40);
  assert_int_equal(let_all_come_up(w), 10);
  bool chosen[40];
  for (int peer = 0; peer < 40; peer++) {
    chosen[peer] = wpm_world_state(w, peer) == WPM_CONNECTED;
  }
  wpm_connection_id c = wpm_world_come_in(w, 1500, 1);
  wpm_world_identified(w, 1500, c, true, 60000);
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, false);
  w->config.relay_outbound = 5;
  w->config.feeler_ns = 0;
  wpm_world_pass(w, 2 * WPM_MINUTE);
  wpm_world_restart(w, &heartbeat);
  wpm_world_run(w, 0);
  for (int peer = 0; peer < 40; peer++) {
    assert_int_equal(wpm_world_take(w, WPM_ACTION_DIAL, peer) != NULL, chosen[peer]);
  }
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_free(w);
}

static void a_connection_that_a_person_makes_counts(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1;
  w->config.feeler_ns = 0;
  w->config.keep_alive = false;
  w->config.rotate_ns = 0;
  wpm_world_start(w);
  wpm_world_found(w, 700, 60000, true);
  (void)wpm_world_come_up(w, 700, 1);
  hear_of(w, 5);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_free(w);
}

static void what_goes_leaves_its_group(void **state) {
  (void)state;
  wpm_world *w = start(7);
  hear_of(w, 40);
  (void)let_all_come_up(w);
  for (int peer = 0; peer < 40; peer++) {
    assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_REMOVE), WPM_OK);
  }
  assert_int_equal(w->manager->targets.outbound, 0);
  assert_int_equal(w->manager->groups.by_key.count, 0);
  wpm_world_free(w);
}

/* Without memory for a dial it is tried again later, not at once and for ever. */
static void want_of_memory_does_not_spin(void **state) {
  (void)state;
  wpm_world *w = start(8);
  for (size_t n = 1; n < 6; n++) {
    wpm_world_hear_in(w, (int)n, (unsigned)n);
    wpm_alloc_fail_at(1);
    wpm_world_pass(w, S);
    assert_int_equal(wpm_manager_advance(w->manager, w->now), WPM_OK);
    wpm_alloc_fail_off();
    assert_true(wpm_manager_next_deadline(w->manager).ns > w->now.mono.ns);
  }
  wpm_world_free(w);
}

/* ---- relay peers of each shard ----------------------------------------------------------------- */

enum { RARE = 30 }; /* Peers below it are of shard 3, from it on of shard 5. */

/* Taken in from another store, with the shard that its ENR names; each is of a group of its own. */
static void take_in(wpm_world *w, int peer) {
  uint16_t shard = peer < RARE ? 3 : 5;
  uint8_t bytes[8] = {4, 46, (uint8_t)peer, 0, (uint8_t)peer, 6, 0xea, 0x60};
  wpm_address address;
  wpm_peer_record record = wpm_world_imported(peer, (wpm_bytes){bytes, sizeof(bytes)}, &address);
  record.cluster_id = 1;
  record.shards = &shard;
  record.shard_count = 1;
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id, .u.imported = {.record = &record}};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* Two shards are ours; all that are heard of are known before anybody is dialled. */
static wpm_world *start_with_shards(uint64_t seed, size_t relay_outbound, int peers) {
  static const uint16_t ours[] = {3, 5};
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = relay_outbound;
  w->config.feeler_ns = 0; /* Trials have a test of their own: test_feelers.c. */
  w->config.relay_per_shard = 2;
  w->config.shards = ours;
  w->config.shard_count = 2;
  w->config.rotate_ns = 0;
  w->config.keep_alive = false;
  w->config.max_dials = 0;
  w->config.seed = seed;
  wpm_world_start(w);
  for (int peer = 0; peer < peers; peer++) {
    take_in(w, peer);
  }
  wpm_world_run(w, 30 * S); /* The haste of the start is over (test_doubt.c). */
  w->manager->config.max_dials = 256;
  wpm_manager_note_deadline(w->manager);
  return w;
}

/* Of the first so many peers. */
static size_t connected_of_the_rare(wpm_world *w, int peers) {
  size_t count = 0;
  for (int peer = RARE; peer < peers; peer++) {
    count += wpm_world_state(w, peer) == WPM_CONNECTED;
  }
  return count;
}

static void a_shard_with_too_few_comes_first(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 50; seed++) {
    wpm_world *w = start_with_shards(seed, 4, RARE + 2);
    wpm_world_run(w, 5 * S);
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 4); /* Dials in flight count. */
    assert_int_equal(let_all_come_up(w), 4);
    assert_int_equal(connected_of_the_rare(w, RARE + 2), 2);
    wpm_world_free(w);
  }
}

static void also_beyond_what_is_wanted_outbound(void **state) {
  (void)state;
  wpm_world *w = start_with_shards(1, 2, RARE);
  assert_int_equal(let_all_come_up(w), 2);
  wpm_world_run(w, WPM_HOUR); /* Nobody of the other shard is known. */
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  w->manager->config.max_dials = 0;
  wpm_manager_note_deadline(w->manager);
  for (int peer = RARE; peer < RARE + 5; peer++) {
    take_in(w, peer);
  }
  w->manager->config.max_dials = 256;
  wpm_manager_note_deadline(w->manager);
  assert_int_equal(let_all_come_up(w), 2);
  assert_int_equal(connected_of_the_rare(w, RARE + 5), 2);
  /* One goes: another of its shard comes. */
  int gone = RARE;
  while (wpm_world_state(w, gone) != WPM_CONNECTED) {
    gone++;
  }
  wpm_world_disconnected(w, gone, connection_of[gone], WPM_REASON_EOF);
  assert_int_equal(let_all_come_up(w), 1);
  assert_int_equal(connected_of_the_rare(w, RARE + 5), 2);
  wpm_world_free(w);
}

static void those_who_came_in_count_for_their_shard(void **state) {
  (void)state;
  wpm_world *w = start_with_shards(2, 2, RARE + 5);
  for (int peer = 1500; peer < 1502; peer++) {
    wpm_connection_id c = wpm_world_come_in(w, peer, 1);
    wpm_world_identified(w, peer, c, true, 60000);
    wpm_world_metadata(w, peer, c, 1, 5);
  }
  (void)let_all_come_up(w);
  assert_int_equal(connected_of_the_rare(w, RARE + 5), 0); /* Shard 3 had fewer. */
  assert_int_equal(connected(w), 4);
  wpm_world_free(w);
}

static void who_a_shard_needs_does_not_rotate(void **state) {
  (void)state;
  wpm_world *w = start_with_shards(3, 6, RARE + 2);
  w->manager->config.rotate_ns = WPM_HOUR;
  wpm_manager_note_deadline(w->manager);
  (void)let_all_come_up(w);
  size_t left = 0;
  for (int hour = 0; hour < 48; hour++) {
    wpm_world_run(w, WPM_HOUR);
    for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DISCONNECT, -1));) {
      assert_true(a->peer < RARE);
      wpm_world_disconnected(w, a->peer, a->connection, WPM_REASON_ROTATED);
      left++;
    }
    (void)let_all_come_up(w);
    assert_int_equal(connected(w), 6);
  }
  assert_in_range(left, 35, 65);
  wpm_world_free(w);
}

static void a_shard_that_is_left_needs_another(void **state) {
  (void)state;
  wpm_world *w = start_with_shards(4, 2, RARE + 5);
  assert_int_equal(let_all_come_up(w), 4);
  assert_int_equal(connected_of_the_rare(w, RARE + 5), 2);
  int moved = RARE;
  while (wpm_world_state(w, moved) != WPM_CONNECTED) {
    moved++;
  }
  wpm_world_metadata(w, moved, connection_of[moved], 1, 3); /* It says that it is of the other. */
  assert_int_equal(let_all_come_up(w), 1);
  assert_int_equal(connected_of_the_rare(w, RARE + 5), 3);
  wpm_world_free(w);
}

static uint64_t group_of(const char *text) {
  wpm_multiaddr address;
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, strlen(text)}, &address, NULL), WPM_OK);
  return wpm_group_of(wpm_multiaddr_view(&address));
}

static void groups_are_prefixes_and_domains(void **state) {
  (void)state;
  assert_true(group_of("/ip4/45.1.2.3/tcp/1") == group_of("/ip4/45.1.99.99/tcp/2"));
  assert_true(group_of("/ip4/45.1.2.3/tcp/1") != group_of("/ip4/45.2.2.3/tcp/1"));
  assert_true(group_of("/ip6/2001:db8:1::1/tcp/1") == group_of("/ip6/2001:db8:2::1/tcp/1"));
  assert_true(group_of("/ip6/2001:db8::1/tcp/1") != group_of("/ip6/2001:db9::1/tcp/1"));
  assert_true(group_of("/dns4/a.b.example.org/tcp/1") ==
              group_of("/dns4/c.Example.ORG/tcp/443/wss"));
  assert_true(group_of("/dns4/a.example.org/tcp/1") != group_of("/dns4/a.example.net/tcp/1"));
  assert_true(group_of("/dns4/org/tcp/1") != 0);
  assert_true(group_of("/dns4/localhost/tcp/1") == 0);
  assert_true(group_of("/ip4/10.1.1.1/tcp/1") == 0);
  assert_true(group_of("/ip4/127.0.0.1/tcp/1") == 0);
  assert_true(group_of("/memory/1") == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_could_not_be_dialled_waits),
      cmocka_unit_test(a_place_that_rotation_frees_is_given_out),
      cmocka_unit_test(as_many_as_are_wanted_are_dialled_one_after_another),
      cmocka_unit_test(for_each_that_fails_another_is_dialled),
      cmocka_unit_test(a_peer_is_of_the_group_where_it_worked),
      cmocka_unit_test(no_two_are_of_one_group),
      cmocka_unit_test(a_flood_of_addresses_in_few_groups_decides_nothing),
      cmocka_unit_test(who_came_in_is_no_more_than_a_candidate),
      cmocka_unit_test(the_tried_are_as_likely_as_the_new),
      cmocka_unit_test(each_failure_halves_the_chance),
      cmocka_unit_test(each_week_without_a_sign_does_too),
      cmocka_unit_test(places_are_kept_from_what_comes_in),
      cmocka_unit_test(a_place_is_kept_for_a_static_peer),
      cmocka_unit_test(who_was_lost_comes_back_where_it_is_wanted),
      cmocka_unit_test(known_services_and_other_shards_are_no_candidates),
      cmocka_unit_test(places_rotate_one_at_a_time),
      cmocka_unit_test(only_the_stable_rotate),
      cmocka_unit_test(nobody_rotates_before_it_has_answered_after_a_gap),
      cmocka_unit_test(the_chosen_come_first_after_a_restart),
      cmocka_unit_test(a_connection_that_a_person_makes_counts),
      cmocka_unit_test(what_goes_leaves_its_group),
      cmocka_unit_test(want_of_memory_does_not_spin),
      cmocka_unit_test(a_shard_with_too_few_comes_first),
      cmocka_unit_test(also_beyond_what_is_wanted_outbound),
      cmocka_unit_test(those_who_came_in_count_for_their_shard),
      cmocka_unit_test(who_a_shard_needs_does_not_rotate),
      cmocka_unit_test(a_shard_that_is_left_needs_another),
      cmocka_unit_test(groups_are_prefixes_and_domains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
