/* How relay peers and others share the places, and the inbound relay peers wanted. */
#include "core/shares.h"
#include "support/core/crowded.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#include <string.h>

#define EVICT_EVERY (10 * WPM_SECOND)

enum { RELAYS = 0, OTHERS = 500, NEWCOMERS = 1000 };

static void come(wpm_world *w, int first, int count, int relay) {
  for (int i = 0; i < count; i++) {
    (void)wpm_world_come_in(w, first + i, relay);
    wpm_world_run(w, WPM_SECOND);
  }
}

/* A newcomer that says nothing of itself. Who goes was foretold. */
static int goes_for_newcomer(wpm_world *w, int number) {
  wpm_world_run(w, EVICT_EVERY);
  wpm_connection_id c;
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &p), WPM_OK);
  assert_int_equal(wpm_world_found(w, NEWCOMERS + number, 4001, false), WPM_OK);
  assert_int_equal(wpm_world_connected(w, NEWCOMERS + number, WPM_INBOUND, 0, &c), WPM_OK);
  int went = wpm_crowded_out(w);
  assert_true(went >= 0);
  assert_int_equal(p.crowded.len, wpm_world_id(went).len);
  assert_memory_equal(p.crowded.data, wpm_world_id(went).data, p.crowded.len);
  return went;
}

static void clients_find_room_where_relay_peers_have_more_than_their_share(void **state) {
  (void)state;
  wpm_world *w = wpm_crowded_new(100);
  wpm_world_start(w);
  come(w, OTHERS, 38, 0);
  come(w, RELAYS, 62, 1);
  assert_int_equal(wpm_crowded_out(w), -1); /* Places that nobody asks for are anybody's. */
  for (int i = 0; i < 2; i++) {
    int peer = goes_for_newcomer(w, i);
    assert_in_range(peer, RELAYS, RELAYS + 61);
  }
  wpm_world_free(w);
}

static void relay_peers_find_room_where_clients_have_more_than_theirs(void **state) {
  (void)state;
  wpm_world *w = wpm_crowded_new(100);
  wpm_world_start(w);
  come(w, RELAYS, 55, 1);
  come(w, OTHERS, 45, 0);
  for (int i = 0; i < 8; i++) { /* Who turns out to be a relay peer is one of these then. */
    int peer = goes_for_newcomer(w, i);
    assert_true(peer >= OTHERS);
    int number = NEWCOMERS + i;
    wpm_peer_record r = wpm_world_record(w, number);
    assert_int_equal(r.connectivity, WPM_CONNECTED);
  }
  wpm_world_free(w);
}

static void without_the_rule_who_is_worth_least_goes(void **state) {
  (void)state;
  wpm_world *w = wpm_crowded_new(100);
  w->config.relay_percent = 0;
  wpm_world_start(w);
  come(w, RELAYS, 70, 1);
  come(w, OTHERS, 30, 0);
  assert_int_equal(goes_for_newcomer(w, 0), OTHERS + 29); /* The youngest. */
  wpm_world_free(w);
}

/* Above 99 connections some go, until 50 are left. */
static wpm_world *start_with_marks(void) {
  wpm_world *w = wpm_crowded_new(200);
  w->config.high_water = 99;
  w->config.low_water = 50;
  w->config.grace_ns = 0;
  wpm_world_start(w);
  return w;
}

static void watermarks_leave_each_its_share(void **state) {
  (void)state;
  wpm_world *w = start_with_marks();
  come(w, OTHERS, 25, 0);
  come(w, RELAYS, 75, 1);
  assert_int_equal(wpm_crowded_out_of(w, RELAYS, RELAYS + OTHERS), 45); /* 30 of 50 are left, */
  assert_int_equal(wpm_crowded_out_of(w, OTHERS, OTHERS + OTHERS), 5);  /* and 20. */
  wpm_world_free(w);
}

static void what_one_leaves_free_the_other_has(void **state) {
  (void)state;
  wpm_world *w = start_with_marks();
  come(w, OTHERS, 10, 0);
  come(w, RELAYS, 90, 1);
  assert_int_equal(wpm_crowded_out_of(w, RELAYS, RELAYS + OTHERS), 50);
  assert_int_equal(wpm_crowded_out_of(w, OTHERS, OTHERS + OTHERS), 0);
  wpm_world_free(w);
}

static void of_inbound_relay_peers_only_so_many_stay(void **state) {
  (void)state;
  wpm_world *w = wpm_crowded_new(100);
  w->config.relay_inbound = 20;
  w->config.grace_ns = 30 * WPM_SECOND;
  wpm_world_start(w);
  come(w, OTHERS, 30, 0);
  come(w, RELAYS, 20, 1);
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(wpm_crowded_out(w), -1);
  for (int i = 20; i < 25; i++) {
    (void)wpm_world_come_in(w, i, 1);
  }
  wpm_world_run(w, 2 * WPM_SECOND);
  assert_int_equal(wpm_crowded_out_of(w, OTHERS, OTHERS + OTHERS), 0);
  assert_int_equal(wpm_crowded_out_of(w, RELAYS, RELAYS + OTHERS), 5);
  for (int i = 20; i < 25; i++) { /* The young have their grace. */
    assert_int_equal(wpm_world_state(w, i), WPM_CONNECTED);
  }
  assert_int_equal(wpm_manager_connection_count(w->manager), 50);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clients_find_room_where_relay_peers_have_more_than_their_share),
      cmocka_unit_test(relay_peers_find_room_where_clients_have_more_than_theirs),
      cmocka_unit_test(without_the_rule_who_is_worth_least_goes),
      cmocka_unit_test(watermarks_leave_each_its_share),
      cmocka_unit_test(what_one_leaves_free_the_other_has),
      cmocka_unit_test(of_inbound_relay_peers_only_so_many_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
