/* Coming back after a restart or a crash: times, order, places. */
#include "support/core/world.h"
#include "support/test.h"

#include <string.h>

#define S WPM_SECOND
#define MS WPM_MILLISECOND

static wpm_instant plus(wpm_instant at, int64_t ns) {
  at.mono.ns += ns;
  at.wall.ns += ns;
  return at;
}

#define UP (30 * S) /* How long the machine has been up as we start after a reboot. */

/* A reboot: the monotonic clock begins again. */
static void reboot(wpm_world *w) {
  w->now.boot_id++;
  w->now.mono.ns = UP;
}

/* A relay peer, connected since a minute. */
static wpm_connection_id connect_relay(wpm_world *w, int peer) {
  wpm_world_found(w, peer, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, peer, 1);
  wpm_world_run(w, WPM_MINUTE);
  return c;
}

/* ---- a clean stop ---------------------------------------------------------------------------- */

static void a_stop_records_every_disconnect(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c1 = connect_relay(w, 1);
  wpm_connection_id c2 = wpm_world_come_in(w, 2, 0);
  wpm_world_found(w, 3, 60000, true);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 3)->dial;
  wpm_world_found(w, 6, 60000, true); /* Waits for its retry delay. */
  wpm_dial_id failed = wpm_world_expect(w, WPM_ACTION_DIAL, 6)->dial;
  wpm_world_dial_failed(w, 6, failed, WPM_REASON_REFUSED);
  wpm_world_forget_log(w);
  wpm_manager_stop(w->manager, w->now);
  assert_true(wpm_manager_next_deadline(w->manager).ns == WPM_NEVER.ns);
  wpm_world_person(w, 3, WPM_EVENT_PERSON_CONNECT); /* Nothing is dialled any more. */
  for (int peer = 1; peer <= 2; peer++) {
    wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer);
    assert_int_equal(end->connection, peer == 1 ? c1 : c2);
    assert_int_equal(end->reason, WPM_REASON_SHUTDOWN);
    assert_int_equal(w->disk[peer]->connectivity, WPM_CAN_CONNECT);
    assert_int_equal(w->disk[peer]->reason, WPM_REASON_SHUTDOWN);
    assert_int_equal(w->disk[peer]->disconnect_time.ns, w->now.wall.ns);
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_NOTIFY, peer)->to, WPM_CAN_CONNECT);
  }
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 3)->dial, dial);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_found(w, 4, 60000, true);
  wpm_connection_id late;
  wpm_world_connected(w, 5, WPM_INBOUND, 0, &late);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 5)->reason, WPM_REASON_SHUTDOWN);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_expect_plan(w, 3, WPM_HELD_BY_SHUTDOWN, WPM_SPAN_NONE, 0);
  assert_int_equal(wpm_world_disconnected(w, 1, c1, WPM_REASON_SHUTDOWN), WPM_OK);
  assert_int_equal(wpm_world_record(w, 1).disconnect_time.ns, w->disk[1]->disconnect_time.ns);
}

/* Rebooted, of the 40 s only those count that the machine was up again. */
static void the_backoff_goes_on_while_we_are_down(void **state) {
  (void)state;
  for (int rebooted = 0; rebooted < 2; rebooted++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    connect_relay(w, 1);
    wpm_world_end(w, true);
    wpm_world_pass(w, 40 * S);
    if (rebooted) {
      reboot(w);
    }
    wpm_world_restart(w, NULL);
    wpm_world_found(w, 1, 60000, true); /* As a static node is at every start. */
    int64_t left = 62 * S - (rebooted ? UP : 40 * S);
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, left, left + S);
    wpm_world_forget_log(w);
    int64_t due = wpm_world_plan(w, 1).next_dial.ns;
    wpm_world_run(w, 40 * S);
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->at.ns, due);
    wpm_world_free(w);
  }
}

static void a_wall_clock_behind_starts_the_whole_backoff_anew_once(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_world_end(w, true);
  wpm_world_pass(w, 40 * S);
  reboot(w);
  w->now.wall.ns -= WPM_DAY;
  wpm_world_restart(w, NULL);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S, 63 * S);
  wpm_world_run(w, 30 * S); /* It passes, although the wall clock is still behind. */
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 32 * S, 33 * S);
  wpm_world_end(w, true); /* And what is stored goes on from there. */
  wpm_world_pass(w, 10 * S);
  wpm_world_restart(w, NULL);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 22 * S, 23 * S);
}

static void no_wall_clock_ahead_ends_it(void **state) {
  (void)state;
  for (int rebooted = 0; rebooted < 2; rebooted++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    connect_relay(w, 1);
    wpm_world_end(w, true);
    if (rebooted) {
      reboot(w);
    }
    w->now.wall.ns += WPM_DAY;
    wpm_world_restart(w, NULL);
    int64_t left = 62 * S - (rebooted ? UP : 0);
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, left, left + S);
    wpm_world_free(w);
  }
}

/* Power goes again and again, and each time somebody sets the clock: what our own clocks saw of the
 * backoff adds up, and nothing else does. */
static void what_passed_of_it_adds_up_over_reboots(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_world_pruned(w, 1, WPM_HOUR);
  int64_t left = wpm_world_record(w, 1).prune_backoff.length_ns;
  for (int i = 0; i < 5; i++) {
    wpm_world_run(w, 100 * S);
    wpm_instant heartbeat = w->now;
    wpm_world_end(w, i % 2 == 0);
    reboot(w);
    w->now.wall.ns += WPM_DAY;
    wpm_world_restart(w, &heartbeat);
    left -= 100 * S + UP;
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, left, left);
  }
  wpm_world_run(w, left - 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_run(w, 1);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

/* One that is long over costs nothing at the next boot, with a wall clock set back or ahead. */
static void one_that_is_over_stays_over_after_a_reboot(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_world_end(w, true);
  wpm_world_pass(w, 40 * S);
  wpm_world_restart(w, NULL);
  wpm_world_pass(w, 40 * S);
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, false);
  reboot(w);
  w->now.mono.ns = 0;
  wpm_world_restart(w, &heartbeat);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NOTHING, 0, 0);
}

/* Set an hour ahead, or back, while we run: what is left after a reboot is as if nobody had. Of the time
 * that the machine was off nothing counts. */
static void a_wall_clock_set_while_we_run_has_no_say_after_a_reboot(void **state) {
  (void)state;
  const int64_t steps[] = {WPM_HOUR, -WPM_HOUR};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    connect_relay(w, 1);
    wpm_world_pruned(w, 1, WPM_DAY);
    w->now.wall.ns += steps[i];
    wpm_world_run(w, 100 * S);
    wpm_instant heartbeat = w->now;
    wpm_world_end(w, false);
    wpm_world_pass(w, 2 * WPM_HOUR);
    reboot(w);
    wpm_world_restart(w, &heartbeat);
    int64_t left = WPM_DAY - 100 * S - UP;
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, left, left);
    heartbeat = w->now;
    wpm_world_end(w, false); /* What was stored anew is of this boot. */
    wpm_world_pass(w, WPM_HOUR);
    reboot(w);
    wpm_world_restart(w, &heartbeat);
    left -= UP;
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, left, left);
    wpm_world_free(w);
  }
}

static void tombstones_too(void **state) {
  wpm_world *w = *state;
  uint8_t id[3] = {1, 2, 3};
  wpm_instant heartbeat = {{500 * S}, {9000 * S}, 7};
  wpm_tombstone tombstone = {.id = {id, 3},
                             .prune_backoff = {{{400 * S}, {1000 * S}, 7}, WPM_HOUR},
                             .ban = {{{450 * S}, {1050 * S}, 7}, 2 * WPM_HOUR}};
  w->now = (wpm_instant){{30 * S}, {9200 * S}, 8};
  wpm_tombstone taken = tombstone;
  assert_int_equal(wpm_manager_restore_tombstone(w->manager, &taken, &heartbeat, w->now), WPM_OK);
  assert_int_equal(taken.prune_backoff.start.boot_id, 8);
  /* 100 s to the heartbeat and 30 s since the boot; of the ban, which is ours, the wall clock's 250 s. */
  assert_int_equal(taken.prune_backoff.length_ns, WPM_HOUR - 130 * S);
  assert_int_equal(taken.ban.length_ns, 2 * WPM_HOUR - 250 * S);
  uint64_t cursor = 0;
  wpm_tombstone held;
  assert_true(wpm_store_next_tombstone(wpm_manager_store(w->manager), &cursor, &held));
  assert_true(wpm_wait_equal(&held.prune_backoff, &taken.prune_backoff));
  assert_true(wpm_wait_equal(&held.ban, &taken.ban));
  taken = tombstone; /* Without a heartbeat what its boot saw is not known. */
  assert_int_equal(wpm_manager_restore_tombstone(w->manager, &taken, NULL, w->now), WPM_OK);
  assert_int_equal(taken.prune_backoff.length_ns, WPM_HOUR - 30 * S);
  assert_int_equal(taken.ban.length_ns, 0);
  tombstone.prune_backoff.length_ns = 30 * S;
  assert_int_equal(wpm_manager_restore_tombstone(w->manager, &tombstone, NULL, w->now),
                   WPM_ERR_STALE);
}

static void a_ban_for_good_outlasts_years(void **state) {
  wpm_world *w = *state;
  uint8_t id[3] = {1, 2, 3};
  wpm_tombstone tombstone = {.id = {id, 3}, .ban = {{{450 * S}, {1050 * S}, 7}, INT64_MAX}};
  w->now = (wpm_instant){{30 * S}, {1050 * S + 3 * 365 * WPM_DAY}, 8};
  assert_int_equal(wpm_manager_restore_tombstone(w->manager, &tombstone, NULL, w->now), WPM_OK);
  uint64_t cursor = 0;
  wpm_tombstone held;
  assert_true(wpm_store_next_tombstone(wpm_manager_store(w->manager), &cursor, &held));
  assert_int_equal(held.ban.length_ns, INT64_MAX);
}

static void retry_delays_go_on_too(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  for (int i = 0; i < 9; i++) {
    wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
    wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
    if (i < 8) {
      wpm_world_run(w, 320 * S);
    }
  }
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, 225 * S, 300 * S);
  int64_t due = wpm_world_plan(w, 1).next_dial.ns;
  wpm_world_end(w, true);
  wpm_world_pass(w, 100 * S);
  wpm_world_restart(w, NULL);
  wpm_world_found(w, 1, 60000, true);
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, due);
  assert_int_equal(wpm_world_record(w, 1).failures, 9);
}

static void a_days_prune_survives(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_world_pruned(w, 1, WPM_DAY);
  wpm_world_end(w, false);
  wpm_world_pass(w, 10 * WPM_HOUR);
  reboot(w);
  wpm_world_restart(w, NULL);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_DAY - UP, WPM_DAY - UP);
}

/* ---- a crash --------------------------------------------------------------------------------- */

static void a_crash_leaves_cannot_connect(void **state) {
  (void)state;
  static const struct {
    int64_t heartbeat; /* How long before the death; -1: none stored. */
    int64_t down;      /* How long we were down. */
    int rebooted;
    int64_t ago; /* How long before the start it counts as disconnected. */
  } cases[] = {
      {800 * MS, 30 * S, 0, 30 * S + 800 * MS - 5 * S}, /* Heartbeat + 5 s. */
      {800 * MS, 2 * S, 0, 0},                          /* This start comes first. */
      {0, 5 * S, 0, 0},
      {800 * MS, 30 * S, 1, 0}, /* After a reboot: this start, */
      {800 * MS, 30 * S, 2, 0}, /* even one that has been up for longer than the last. */
      {-1, 30 * S, 0, 0},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    connect_relay(w, 1);
    assert_int_equal(w->disk[1]->connectivity, WPM_CONNECTED);
    wpm_instant heartbeat = plus(w->now, -cases[i].heartbeat);
    wpm_world_end(w, false);
    wpm_world_pass(w, cases[i].down);
    if (cases[i].rebooted) {
      reboot(w);
      w->now.mono.ns = cases[i].rebooted == 2 ? WPM_DAY : 30 * S;
    }
    wpm_world_restart(w, cases[i].heartbeat < 0 ? NULL : &heartbeat);
    wpm_peer_record r = wpm_world_record(w, 1);
    assert_int_equal(r.connectivity, WPM_CANNOT_CONNECT);
    assert_int_equal(r.reason, WPM_REASON_CRASH);
    assert_int_equal(r.disconnect_time.ns, w->now.wall.ns - cases[i].ago);
    assert_int_equal(w->disk[1]->reason, WPM_REASON_CRASH); /* Stored at once. */
    int64_t left = 62 * S - cases[i].ago;
    wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, left + 100 * MS, left + S);
    wpm_world_free(w);
  }
}

static void within_a_boot_the_boot_clock_decides_after_a_crash(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, false);
  wpm_world_pass(w, 20 * S);
  w->now.wall.ns -= WPM_DAY;
  wpm_world_restart(w, &heartbeat);
  assert_int_equal(wpm_world_record(w, 1).disconnect_time.ns, w->now.wall.ns - 15 * S);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, 47 * S, 48 * S);
}

static void a_crash_does_not_shorten_a_longer_prune(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_world_pruned(w, 1, WPM_HOUR);
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, false);
  wpm_world_pass(w, 20 * S);
  wpm_world_restart(w, &heartbeat);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_HOUR - 20 * S, WPM_HOUR - 15 * S);
}

static void two_crashes_in_a_row_count_from_the_first(void **state) {
  wpm_world *w = *state;
  connect_relay(w, 1);
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, false);
  wpm_world_pass(w, 20 * S);
  wpm_world_restart(w, &heartbeat);
  int64_t due = wpm_world_plan(w, 1).next_dial.ns;
  wpm_world_end(w, false);
  wpm_world_pass(w, 10 * S);
  heartbeat = plus(w->now, -S);
  wpm_world_restart(w, &heartbeat);
  assert_int_equal(wpm_world_plan(w, 1).next_dial.ns, due);
}

/* ---- records from elsewhere ------------------------------------------------------------------ */

static void a_disconnect_time_alone_asks_for_its_backoff(void **state) {
  (void)state;
  static const struct {
    int64_t ago;
    int64_t left;
  } cases[] = {{10 * S, 52 * S}, {WPM_HOUR, 0}, {-WPM_HOUR, 62 * S}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    wpm_world *w = wpm_world_new(100);
    wpm_world_start(w);
    wpm_address address = {.multiaddr = wpm_world_address(1, 60000),
                           .source = WPM_SOURCE_CONFIG,
                           .first_seen = WPM_WALL_NONE,
                           .last_seen = WPM_WALL_NONE,
                           .last_success = WPM_WALL_NONE,
                           .last_failure = WPM_WALL_NONE,
                           .expires = WPM_WALL_NONE};
    wpm_peer_record r = {.id = wpm_world_id(1),
                         .addresses = &address,
                         .address_count = 1,
                         .reason = WPM_REASON_EOF,
                         .connected_time = WPM_WALL_NONE,
                         .disconnect_time = {w->now.wall.ns - cases[i].ago},
                         .first_failure = WPM_WALL_NONE,
                         .last_failure = WPM_WALL_NONE,
                         .rtt_ns = WPM_SPAN_NONE,
                         .held = true};
    assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_OK);
    if (cases[i].left > 0) {
      wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, cases[i].left, cases[i].left + S);
    } else {
      wpm_world_expect_plan(w, 1, WPM_HELD_BY_NOTHING, 0, 0);
    }
    wpm_world_free(w);
  }
}

static void damaged_waits_are_cut(void **state) {
  wpm_world *w = *state;
  wpm_address address = {.multiaddr = wpm_world_address(1, 60000),
                         .source = WPM_SOURCE_CONFIG,
                         .first_seen = WPM_WALL_NONE,
                         .last_seen = WPM_WALL_NONE,
                         .last_success = WPM_WALL_NONE,
                         .last_failure = WPM_WALL_NONE,
                         .expires = WPM_WALL_NONE};
  wpm_wait odd = {{{INT64_MIN}, {INT64_MAX}, 1}, INT64_MAX};
  wpm_peer_record r = {.id = wpm_world_id(1), .addresses = &address, .address_count = 1};
  r.is_static = true;
  r.disconnect_time = r.connected_time = r.first_failure = r.last_failure = WPM_WALL_NONE;
  r.prune_backoff = odd;
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_OK);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_PRUNE_BACKOFF, WPM_DAY, WPM_DAY);
  r.prune_backoff = (wpm_wait){w->now, -5};
  r.retry_delay = odd;
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_OK);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_RETRY_DELAY, 300 * S, 300 * S);
}

static void records_of_no_use_are_refused(void **state) {
  wpm_world *w = *state;
  wpm_peer_record r = {.id = {NULL, 0}};
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_ERR_INVALID);
  r.id = wpm_world_id(100);
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_ERR_INVALID);
  r.id = wpm_world_id(1);
  r.reason = (wpm_reason)WPM_REASON_COUNT;
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_ERR_INVALID);
  r.reason = WPM_REASON_NONE;
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_OK);
  wpm_world_run(w, 0);
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_ERR_STATE);
  wpm_world_end(w, true);
  wpm_world_start(w);
  wpm_manager_stop(w->manager, w->now);
  assert_int_equal(wpm_manager_restore(w->manager, &r, NULL, w->now), WPM_ERR_STATE);
}

/* ---- order and places ------------------------------------------------------------------------ */

enum { RELAY_PEERS = 40 };

/* RELAY_PEERS relay peers, the i-th connected i seconds in, then `others` more that do not relay,
 * connected after them. */
static void fill(wpm_world *w, int others) {
  for (int i = 0; i < RELAY_PEERS + others; i++) {
    int peer = 101 + i;
    wpm_world_found(w, peer, 60000, false);
    wpm_connection_id c = wpm_world_come_in(w, peer, i < RELAY_PEERS);
    wpm_world_run(w, S);
    wpm_world_received(w, peer, c);
    wpm_world_forget_log(w);
  }
}

static wpm_world *restarted(size_t max_connections, size_t max_dials, int others, bool clean) {
  wpm_world *w = wpm_world_new(100);
  wpm_world_start(w);
  fill(w, others);
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, clean);
  w->config.max_connections = max_connections;
  w->config.max_dials = max_dials;
  wpm_world_pass(w, 10 * S);
  wpm_world_restart(w, &heartbeat);
  wpm_world_forget_log(w);
  return w;
}

static void all_relay_peers_come_back_in_parallel_each_at_its_time(void **state) {
  (void)state;
  for (int clean = 0; clean < 2; clean++) {
    wpm_world *w = restarted(300, 256, 5, clean);
    int64_t due[RELAY_PEERS];
    for (int i = 0; i < RELAY_PEERS; i++) {
      due[i] = wpm_world_plan(w, 101 + i).next_dial.ns;
    }
    wpm_world_run(w, 64 * S);
    for (int i = 0; i < RELAY_PEERS; i++) {
      assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 101 + i)->at.ns, due[i]);
    }
    wpm_world_free(w);
  }
}

static void under_the_cap_the_last_connected_come_first(void **state) {
  (void)state;
  for (int clean = 0; clean < 2; clean++) {
    wpm_world *w = restarted(25, 256, 60, clean);
    /* The others do not wait for any backoff, but these places are not free. */
    wpm_world_run(w, S);
    wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
    wpm_world_expect_plan(w, 101 + RELAY_PEERS, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
    wpm_world_run(w, 63 * S);
    for (int i = 0; i < RELAY_PEERS; i++) {
      bool dialled = wpm_world_take(w, WPM_ACTION_DIAL, 101 + i) != NULL;
      assert_int_equal(dialled, i >= RELAY_PEERS - 25);
    }
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 0);
    wpm_world_free(w);
  }
}

static void others_come_as_places_are_free(void **state) {
  (void)state;
  wpm_world *w = restarted(RELAY_PEERS + 3, 256, 5, true);
  wpm_world_run(w, 0);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 3);
  for (int i = 2; i < 5; i++) { /* The last connected of them. */
    wpm_world_expect(w, WPM_ACTION_DIAL, 101 + RELAY_PEERS + i);
  }
  wpm_world_free(w);
}

static void a_place_passes_on_where_its_peer_cannot_be_reached(void **state) {
  (void)state;
  wpm_world *w = restarted(25, 256, 5, true);
  wpm_world_run(w, 64 * S);
  int last = 101 + RELAY_PEERS - 1;
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, last)->dial;
  wpm_world_dial_failed(w, last, dial, WPM_REASON_REFUSED);
  wpm_world_expect(w, WPM_ACTION_DIAL, 101 + RELAY_PEERS - 26); /* The next of the relay peers. */
  wpm_world_free(w);
}

static void a_peer_that_was_tried_is_one_among_others(void **state) {
  (void)state;
  wpm_world *w = restarted(1, 256, 0, true);
  int last = 101 + RELAY_PEERS - 1;
  wpm_world_run(w, 64 * S);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, last)->dial;
  wpm_world_dial_failed(w, last, dial, WPM_REASON_REFUSED);
  wpm_world_run(w, 10 * S);
  dial = wpm_world_expect(w, WPM_ACTION_DIAL, last - 1)->dial;
  wpm_world_dial_failed(w, last - 1, dial, WPM_REASON_REFUSED);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, last); /* It had its turn; the others come first. */
  wpm_world_expect(w, WPM_ACTION_DIAL, last - 2);
  wpm_world_free(w);
}

static void a_peer_that_was_tried_comes_behind_static_nodes(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 2, 60000, false);
  wpm_world_come_in(w, 2, 1);
  wpm_world_end(w, true);
  w->config.max_connections = 1;
  wpm_world_pass(w, 64 * S);
  wpm_world_restart(w, NULL);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_run(w, 0);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 2)->dial;
  wpm_world_dial_failed(w, 2, dial, WPM_REASON_REFUSED);
  dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_REFUSED);
  wpm_connection_id c = wpm_world_come_in(w, 3, 0);
  wpm_world_run(w, 10 * S);
  wpm_world_disconnected(w, 3, c, WPM_REASON_EOF);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
}

static void a_failure_of_our_own_keeps_the_place(void **state) {
  (void)state;
  wpm_world *w = restarted(25, 256, 5, true);
  wpm_world_run(w, 64 * S);
  int last = 101 + RELAY_PEERS - 1;
  for (int i = 0; i < 3; i++) {
    wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, last)->dial;
    wpm_world_dial_failed(w, last, dial, WPM_REASON_LOCAL_FAILURE);
    wpm_world_run(w, 10 * S);
  }
  wpm_world_expect(w, WPM_ACTION_DIAL, last);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 101 + RELAY_PEERS - 26);
  wpm_world_free(w);
}

/* One that waited for longer, so that no place was kept for it, does not stand in the way. */
static void a_kept_place_is_taken_whoever_else_is_ready(void **state) {
  wpm_world *w = *state;
  for (int peer = 1; peer <= 2; peer++) {
    wpm_world_found(w, peer, 60000, false);
    wpm_world_come_in(w, peer, 1);
    wpm_world_run(w, S);
  }
  wpm_world_pruned(w, 2, 70 * S);
  wpm_world_end(w, true);
  w->config.max_connections = 1;
  wpm_world_restart(w, NULL);
  wpm_world_run(w, 65 * S);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_run(w, 10 * S);
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
  wpm_world_dial_failed(w, 1, dial, WPM_REASON_LOCAL_FAILURE);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 2);
  wpm_world_run(w, 2 * S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void kept_places_are_not_for_strangers(void **state) {
  (void)state;
  wpm_world *w = restarted(RELAY_PEERS + 1, 256, 0, true);
  wpm_world_come_in(w, 1, 1); /* One is free. */
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 2, WPM_INBOUND, 0, &c), WPM_OK);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 2)->connection, c);
  wpm_world_come_in(w, 101, 1); /* It has its place. */
  assert_int_equal(wpm_world_state(w, 101), WPM_CONNECTED);
  wpm_world_run(w, 64 * S);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), RELAY_PEERS - 1);
  wpm_world_free(w);
}

static void places_are_kept_from_the_first_fact_on(void **state) {
  (void)state;
  wpm_world *w = restarted(RELAY_PEERS, 256, 0, true);
  wpm_connection_id c;
  wpm_world_connected(w, 2, WPM_INBOUND, 0, &c); /* Before anything else. */
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 2)->connection, c);
  wpm_world_free(w);
}

static void a_long_prune_keeps_no_place(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  wpm_world_start(w);
  fill(w, 3);
  wpm_world_pruned(w, 101 + RELAY_PEERS - 1, WPM_DAY);
  wpm_world_end(w, true);
  w->config.max_connections = RELAY_PEERS;
  wpm_world_pass(w, 10 * S);
  wpm_world_restart(w, NULL);
  wpm_world_run(w, 0);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 1); /* One of the others. */
  wpm_world_free(w);
}

static void a_place_is_freed_where_a_person_takes_its_peer_away(void **state) {
  (void)state;
  wpm_world *w = restarted(RELAY_PEERS, 256, 3, true);
  wpm_world_run(w, 0);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_person(w, 101, WPM_EVENT_PERSON_DISCONNECT);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 1);
  wpm_world_person(w, 102, WPM_EVENT_PERSON_REMOVE);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 2);
  wpm_world_free(w);
}

static void dials_in_flight_have_their_own_cap(void **state) {
  (void)state;
  wpm_world *w = restarted(300, 7, 0, true);
  wpm_world_run(w, 64 * S);
  size_t dialled = 0;
  int order = 101 + RELAY_PEERS; /* Once all waits are over, strictly the last connected first. */
  while (wpm_world_count(w, WPM_ACTION_DIAL) > 0) {
    assert_true(wpm_manager_dial_count(w->manager) <= 7);
    wpm_world_action *dial = wpm_world_take(w, WPM_ACTION_DIAL, -1);
    if (dialled >= 7) {
      assert_true(dial->peer < order);
      order = dial->peer;
    }
    wpm_connection_id c;
    wpm_world_connected(w, dial->peer, WPM_OUTBOUND, dial->dial, &c);
    dialled++;
  }
  assert_int_equal(dialled, RELAY_PEERS);
  wpm_world_free(w);
}

static void those_connected_at_the_stop_precede_those_connected_before(void **state) {
  wpm_world *w = *state;
  /* 1 left before the stop; 2 had come up before 1 did, and stayed. */
  wpm_world_found(w, 2, 60000, false);
  wpm_world_come_in(w, 2, 1);
  wpm_world_run(w, S);
  wpm_world_found(w, 1, 60000, false);
  wpm_connection_id c = wpm_world_come_in(w, 1, 1);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, S);
  wpm_world_end(w, true);
  w->config.max_connections = 1;
  wpm_world_pass(w, 100 * S);
  wpm_world_restart(w, NULL);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DIAL, 2);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_stop_records_every_disconnect),
      cmocka_unit_test(the_backoff_goes_on_while_we_are_down),
      TEST(a_wall_clock_behind_starts_the_whole_backoff_anew_once),
      cmocka_unit_test(no_wall_clock_ahead_ends_it),
      TEST(what_passed_of_it_adds_up_over_reboots),
      TEST(one_that_is_over_stays_over_after_a_reboot),
      cmocka_unit_test(a_wall_clock_set_while_we_run_has_no_say_after_a_reboot),
      TEST(tombstones_too),
      TEST(a_ban_for_good_outlasts_years),
      TEST(retry_delays_go_on_too),
      TEST(a_days_prune_survives),
      cmocka_unit_test(a_crash_leaves_cannot_connect),
      TEST(within_a_boot_the_boot_clock_decides_after_a_crash),
      TEST(a_crash_does_not_shorten_a_longer_prune),
      TEST(two_crashes_in_a_row_count_from_the_first),
      cmocka_unit_test(a_disconnect_time_alone_asks_for_its_backoff),
      TEST(damaged_waits_are_cut),
      TEST(records_of_no_use_are_refused),
      cmocka_unit_test(all_relay_peers_come_back_in_parallel_each_at_its_time),
      cmocka_unit_test(under_the_cap_the_last_connected_come_first),
      cmocka_unit_test(others_come_as_places_are_free),
      cmocka_unit_test(a_place_passes_on_where_its_peer_cannot_be_reached),
      cmocka_unit_test(a_peer_that_was_tried_is_one_among_others),
      TEST(a_peer_that_was_tried_comes_behind_static_nodes),
      cmocka_unit_test(a_failure_of_our_own_keeps_the_place),
      TEST(a_kept_place_is_taken_whoever_else_is_ready),
      cmocka_unit_test(kept_places_are_not_for_strangers),
      cmocka_unit_test(places_are_kept_from_the_first_fact_on),
      cmocka_unit_test(a_long_prune_keeps_no_place),
      cmocka_unit_test(a_place_is_freed_where_a_person_takes_its_peer_away),
      cmocka_unit_test(dials_in_flight_have_their_own_cap),
      TEST(those_connected_at_the_stop_precede_those_connected_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
