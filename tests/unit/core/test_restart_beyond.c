/* Who was connected before the stop only: they come back as far as there is room, and keep nobody out. */
#include "support/core/crowded.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#define S WPM_SECOND
#define EVICT_EVERY (10 * S)

enum { PLACES = 20, WANTED = 4, BEFORE = 0, LAST = 100, NEWCOMERS = 500, STATIC = 900 };

/* A relay peer that we dialled, connected since a second. */
static wpm_connection_id dial_one(wpm_world *w, int peer) {
  assert_int_equal(wpm_world_found(w, peer, 4001, false), WPM_OK);
  assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_connection_id c = wpm_world_come_up(w, peer, 1);
  wpm_world_run(w, S);
  return c;
}

/* A life in which `gone` relay peers came and went, the last a second before its end, and `last` were
 * connected as it ended; then some time without us. */
static wpm_world *lived(int gone, int last, int64_t down) {
  wpm_world *w = wpm_crowded_new(PLACES);
  w->config.rotate_ns = w->config.feeler_ns = 0;
  wpm_world_scatter(200);
  wpm_world_start(w);
  for (int i = 0; i < last; i++) {
    (void)dial_one(w, LAST + i);
  }
  for (int i = 0; i < gone; i++) {
    wpm_connection_id c = dial_one(w, BEFORE + i);
    assert_int_equal(wpm_world_disconnected(w, BEFORE + i, c, WPM_REASON_EOF), WPM_OK);
  }
  wpm_world_end(w, true);
  wpm_world_pass(w, down);
  w->config.relay_outbound = WANTED;
  return w;
}

static void begin(wpm_world *w) {
  wpm_world_restart(w, NULL);
  wpm_world_forget_log(w);
  wpm_world_run(w, 1);
}

/* All who are dialled come up; returns how many. */
static size_t come_up(wpm_world *w) {
  size_t count = 0;
  for (wpm_world_action *dial; (dial = wpm_world_take(w, WPM_ACTION_DIAL, -1)); count++) {
    wpm_connection_id c;
    int peer = dial->peer;
    assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
    assert_int_equal(wpm_world_identified(w, peer, c, true, 0), WPM_OK);
  }
  return count;
}

/* A newcomer, a client, and whether it is let in. */
static bool comes_in(wpm_world *w, int number) {
  int peer = NEWCOMERS + number;
  wpm_connection_id c;
  assert_int_equal(wpm_world_found(w, peer, 0, false), WPM_OK);
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &c), WPM_OK);
  bool is_in = wpm_world_state(w, peer) == WPM_CONNECTED;
  return is_in && wpm_world_identified(w, peer, c, false, 0) == WPM_OK;
}

static wpm_preview foretell(const wpm_world *w) {
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &p), WPM_OK);
  return p;
}

/* Who went for the newcomer, as it was told before: one of those beyond. */
static int goes_for(wpm_world *w, int number) {
  wpm_preview p = foretell(w);
  assert_true(comes_in(w, number));
  int went = wpm_crowded_out(w);
  assert_true(went >= 0);
  assert_int_equal(p.crowded_layer, WPM_CROWDED_BEYOND);
  assert_int_equal(p.crowded_at.ns, w->now.mono.ns);
  assert_int_equal(p.crowded.len, wpm_world_id(went).len);
  assert_memory_equal(p.crowded.data, wpm_world_id(went).data, p.crowded.len);
  return went;
}

/* ---- places ------------------------------------------------------------------------------------ */

static void all_of_them_come_back_where_there_is_room(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES + 10, 0, WPM_HOUR);
  begin(w);
  assert_int_equal(come_up(w), PLACES); /* At once, and not as many as are wanted outbound. */
  wpm_world_free(w);
}

static void whom_we_let_go_is_not_brought_back(void **state) {
  (void)state;
  static const wpm_reason let_go[] = {WPM_REASON_CROWDED, WPM_REASON_SURPLUS, WPM_REASON_FEELER};
  const int count = (int)(sizeof let_go / sizeof *let_go);
  wpm_world *w = lived(10, 0, WPM_HOUR);
  for (int i = 0; i < count; i++) {
    w->disk[BEFORE + i]->reason = let_go[i];
  }
  begin(w);
  assert_int_equal(come_up(w), 10 - count);
  for (int i = 0; i < count; i++) { /* More are wanted than are there: then it may be chosen. */
    wpm_world_expect_plan(w, BEFORE + i, WPM_HELD_BY_TARGET, WPM_SPAN_NONE, 0);
  }
  wpm_world_free(w);
}

/* Those of the stop wait for their backoff, and their places with them; the others' do not. */
static void no_place_is_kept_for_them(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, 3, 0);
  begin(w);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  assert_int_equal(foretell(w).kept, 3);
  assert_int_equal(foretell(w).inbound_room, PLACES - 3 - WANTED);
  for (int i = 0; i < PLACES - 3 - WANTED; i++) {
    assert_true(comes_in(w, i));
  }
  wpm_world_run(w, 70 * S);
  (void)come_up(w);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(wpm_world_state(w, LAST + i), WPM_CONNECTED);
  }
  wpm_world_free(w);
}

/* All become ready at once. */
static void a_static_peer_comes_before_them(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, 0, 0);
  begin(w);
  assert_int_equal(wpm_world_found(w, STATIC, 4001, true), WPM_OK);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, STATIC)->dial;
  wpm_world_dial_failed(w, STATIC, dial, WPM_REASON_REFUSED);
  wpm_world_pass(w, 70 * S);
  wpm_world_run(w, 0);
  int first = wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer;
  assert_int_equal(first, STATIC);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), PLACES - 1);
  wpm_world_free(w);
}

/* It waits for its retry delay, and they may not have its place meanwhile. */
static void a_static_peer_that_waits_has_its_place(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, 0, 0);
  begin(w);
  assert_int_equal(wpm_world_found(w, STATIC, 4001, true), WPM_OK);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, STATIC)->dial;
  wpm_world_run(w, 70 * S);
  assert_int_equal(come_up(w), PLACES - 1);
  wpm_world_dial_failed(w, STATIC, dial, WPM_REASON_REFUSED);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1); /* Not the one that is left. */
  wpm_world_expect_plan(w, PLACES - 1, WPM_HELD_BY_NO_PLACE, WPM_SPAN_NONE, 0);
  wpm_world_run(w, 10 * S);
  (void)wpm_world_expect(w, WPM_ACTION_DIAL, STATIC);
  wpm_world_free(w);
}

/* Nor while a ban lasts, or a PRUNE that is told meanwhile. */
static void no_place_is_kept_for_who_may_not_come_for_long(void **state) {
  (void)state;
  wpm_world *w = lived(0, 5, 0);
  begin(w);
  assert_int_equal(foretell(w).kept, 5);
  wpm_event e = {.type = WPM_EVENT_BAN, .peer = wpm_world_id(LAST)};
  e.u.ban.length_ns = WPM_DAY;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(foretell(w).kept, 4);
  wpm_world_pruned(w, LAST + 1, WPM_HOUR);
  assert_int_equal(foretell(w).kept, 3);
  wpm_world_run(w, 70 * S);
  assert_int_equal(come_up(w), 3);
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer, LAST + 1);
  wpm_world_free(w);
}

/* ---- making way -------------------------------------------------------------------------------- */

/* Until as many outbound peers are left as are wanted; those of the stop stay. */
static void newcomers_have_the_places_of_those_beyond_at_once(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, WANTED, WPM_HOUR);
  begin(w);
  assert_int_equal(come_up(w), PLACES);
  wpm_world_run(w, WPM_MINUTE);
  for (int i = 0; i < PLACES - WANTED; i++) {
    assert_in_range(goes_for(w, i), BEFORE, BEFORE + PLACES - 1);
  }
  for (int i = 0; i < WANTED; i++) {
    assert_int_equal(wpm_world_state(w, LAST + i), WPM_CONNECTED);
  }
  assert_int_not_equal(foretell(w).crowded_layer, WPM_CROWDED_BEYOND);
  wpm_world_free(w);
}

/* Those of the stop, too, where a run before left more of them than are wanted. */
static void those_of_the_stop_beyond_go_last(void **state) {
  (void)state;
  wpm_world *w = lived(2, PLACES - 2, WPM_HOUR);
  begin(w);
  assert_int_equal(come_up(w), PLACES);
  for (int i = 0; i < PLACES - WANTED; i++) {
    int went = goes_for(w, i);
    assert_true(i < 2 ? went < LAST : went >= LAST);
  }
  wpm_world_free(w);
}

static void whom_a_person_connects_stays(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, 0, WPM_HOUR);
  w->config.relay_percent = 0;
  begin(w);
  assert_int_equal(come_up(w), PLACES);
  assert_int_equal(wpm_world_person(w, BEFORE, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  for (int i = 0; i < 8; i++) { /* Beyond what is wanted, and past the limit of places. */
    assert_int_equal(wpm_world_found(w, STATIC + i, 4001, false), WPM_OK);
    assert_int_equal(wpm_world_person(w, STATIC + i, WPM_EVENT_PERSON_CONNECT), WPM_OK);
    (void)wpm_world_come_up(w, STATIC + i, 1);
  }
  size_t went = 0;
  for (int i = 0; i < 2 * PLACES; i++) {
    (void)comes_in(w, i);
    went += wpm_crowded_out(w) >= 0;
  }
  assert_true(went >= PLACES);
  assert_int_equal(wpm_world_state(w, BEFORE), WPM_CONNECTED); /* It had come back by itself. */
  for (int i = 0; i < 8; i++) {
    assert_int_equal(wpm_world_state(w, STATIC + i), WPM_CONNECTED);
  }
  wpm_world_free(w);
}

/* They are more than wanted: so whose share the places are does not matter. */
static void clients_past_their_share_have_them_too(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, 0, WPM_HOUR);
  w->config.relay_percent = 90;
  begin(w);
  assert_int_equal(come_up(w), PLACES);
  for (int i = 0; i < PLACES - WANTED; i++) {
    (void)goes_for(w, i);
  }
  assert_int_not_equal(foretell(w).crowded_layer, WPM_CROWDED_BEYOND);
  wpm_world_free(w);
}

/* One that is named while they have all places is dialled in that of one of them. */
static void a_static_peer_has_the_place_of_one(void **state) {
  (void)state;
  wpm_world *w = lived(2, PLACES - 2, WPM_HOUR);
  begin(w);
  assert_int_equal(come_up(w), PLACES);
  assert_int_equal(wpm_world_found(w, STATIC, 4001, true), WPM_OK);
  assert_true(wpm_crowded_out(w) < LAST);
  wpm_world_run(w, 0);
  (void)wpm_world_expect(w, WPM_ACTION_DIAL, STATIC);
  wpm_world_free(w);
}

/* Places are kept for three peers of a service whom nobody knows: these are made free once, and one more goes
 * for each newcomer, no more. */
static void nobody_goes_in_vain(void **state) {
  (void)state;
  enum { SLOTS = 3 };
  const wpm_service services[] = {
      {{WPM_WORLD_SERVICE, sizeof(WPM_WORLD_SERVICE) - 1}, WPM_NO_CAPABILITY, SLOTS}};
  wpm_world *w = lived(PLACES, 0, WPM_HOUR);
  w->config.services = services;
  w->config.service_count = 1;
  begin(w);
  assert_int_equal(come_up(w), PLACES - SLOTS);
  for (int i = 0; i < 5; i++) {
    assert_true(goes_for(w, i) >= 0);
  }
  assert_int_equal(wpm_manager_connection_count(w->manager), PLACES - SLOTS);
  wpm_world_free(w);
}

static void without_targets_all_of_them_stay(void **state) {
  (void)state;
  wpm_world *w = lived(PLACES, 0, WPM_HOUR);
  w->config.relay_outbound = 0;
  begin(w);
  assert_int_equal(come_up(w), PLACES);
  assert_false(comes_in(w, 0));
  assert_int_equal(foretell(w).crowded_layer, WPM_CROWDED_NOBODY);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_of_them_come_back_where_there_is_room),
      cmocka_unit_test(whom_we_let_go_is_not_brought_back),
      cmocka_unit_test(no_place_is_kept_for_them),
      cmocka_unit_test(a_static_peer_comes_before_them),
      cmocka_unit_test(a_static_peer_that_waits_has_its_place),
      cmocka_unit_test(no_place_is_kept_for_who_may_not_come_for_long),
      cmocka_unit_test(newcomers_have_the_places_of_those_beyond_at_once),
      cmocka_unit_test(those_of_the_stop_beyond_go_last),
      cmocka_unit_test(whom_a_person_connects_stays),
      cmocka_unit_test(clients_past_their_share_have_them_too),
      cmocka_unit_test(a_static_peer_has_the_place_of_one),
      cmocka_unit_test(nobody_goes_in_vain),
      cmocka_unit_test(without_targets_all_of_them_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
