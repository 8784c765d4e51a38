/* Outbound peers that nobody needs: more relay peers than are wanted, and such as do not relay. */
#include "core/manager.h"
#include "support/core/crowded.h"
#include "support/test.h"

#define S WPM_SECOND

enum { PLACES = 30, WANTED = 4, RELAYS = 0, OTHERS = 500, PERSONS = 900 };

static const wpm_service services[] = {
    {{WPM_WORLD_SERVICE, sizeof(WPM_WORLD_SERVICE) - 1}, WPM_NO_CAPABILITY, 2}};

static wpm_world *new_world(size_t relay_outbound, size_t service_count) {
  wpm_world *w = wpm_crowded_new(PLACES);
  w->config.relay_outbound = relay_outbound;
  w->config.rotate_ns = w->config.feeler_ns = 0;
  w->config.services = services;
  w->config.service_count = service_count;
  wpm_world_start(w);
  return w;
}

static void identify(wpm_world *w, int peer, wpm_connection_id c) {
  assert_int_equal(wpm_world_identified(w, peer, c, peer < OTHERS, 0), WPM_OK);
}

/* Confirms the ends that are asked for; how many of them for that reason, the only one. */
static size_t gone(wpm_world *w, wpm_reason reason) {
  size_t count = 0;
  for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DISCONNECT, -1)); count++) {
    assert_int_equal(a->reason, reason);
    wpm_world_disconnected(w, a->peer, a->connection, a->reason);
  }
  return count;
}

/* All that are dialled come up and say what they are, for so long; how many dials of those that do not
 * relay there were. */
static size_t live(wpm_world *w, int64_t span) {
  size_t others = 0;
  for (int64_t t = 0; t < span; t += S / 4) {
    for (wpm_world_action *dial; (dial = wpm_world_take(w, WPM_ACTION_DIAL, -1));) {
      int peer = dial->peer;
      wpm_connection_id c;
      assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
      identify(w, peer, c);
      others += peer >= OTHERS;
    }
    (void)gone(w, WPM_REASON_SURPLUS);
    wpm_world_forget_log(w);
    wpm_world_run(w, S / 4);
  }
  return others;
}

static size_t connected_of(const wpm_world *w, int first, int end) {
  size_t count = 0;
  for (int peer = first; peer < end; peer++) {
    wpm_peer_record record;
    count += wpm_store_get(wpm_manager_store(w->manager), wpm_world_id(peer), &record) == WPM_OK &&
             record.connectivity == WPM_CONNECTED;
  }
  return count;
}

/* ---- who does not relay ------------------------------------------------------------------------ */

/* Two hundred of four networks say so, among twenty relay peers of as many. */
static void who_does_not_relay_has_no_place(void **state) {
  (void)state;
  wpm_world *w = new_world(WANTED, 0);
  for (int i = 0; i < 200; i++) {
    wpm_world_hear_in(w, OTHERS + i, (unsigned)(i % 4));
    if (i < 20) {
      wpm_world_hear_in(w, RELAYS + i, (unsigned)(10 + i));
    }
  }
  assert_true(live(w, WPM_MINUTE) > 0);
  for (int hour = 0; hour < 4; hour++) {
    (void)live(w, WPM_HOUR / 4);
    assert_int_equal(connected_of(w, RELAYS, OTHERS), WANTED);
    assert_int_equal(connected_of(w, OTHERS, PERSONS), 0);
  }
  wpm_world_free(w);
}

/* Connects a peer of no relay as a person, and it is lost. */
static void hold_once(wpm_world *w, int peer) {
  wpm_world_hear_in(w, peer, 1);
  assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_connection_id c = wpm_world_come_up(w, peer, 0);
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(connected_of(w, peer, peer + 1), 1); /* Whom a person connects stays. */
  assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
}

static void nor_is_it_dialled_for_having_been_held(void **state) {
  (void)state;
  for (size_t wanted = 0; wanted < 2; wanted++) {
    wpm_world *w = new_world(wanted, 0);
    hold_once(w, OTHERS);
    wpm_connection_id c = wpm_world_come_in(w, OTHERS + 1, 0); /* A client with an address. */
    wpm_world_hear_in(w, OTHERS + 1, 2);
    assert_int_equal(wpm_world_disconnected(w, OTHERS + 1, c, WPM_REASON_EOF), WPM_OK);
    for (int i = 0; i < 2; i++) {
      if (wanted > 0) {
        wpm_world_expect_plan(w, OTHERS + i, WPM_HELD_BY_NOT_WANTED, WPM_SPAN_NONE, 0);
      }
    }
    wpm_world_run(w, WPM_HOUR);
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), wanted > 0 ? 0 : 2);
    wpm_world_free(w);
  }
}

/* It stays while the service has not enough, and comes back for it. */
static void whom_a_service_needs_stays(void **state) {
  (void)state;
  wpm_world *w = new_world(1, 1);
  wpm_world_hear_in(w, OTHERS, 1);
  wpm_world_run(w, S);
  wpm_connection_id c;
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, OTHERS)->dial;
  assert_int_equal(wpm_world_connected(w, OTHERS, WPM_OUTBOUND, dial, &c), WPM_OK);
  assert_int_equal(wpm_world_identified_serving(w, OTHERS, c, false, 0), WPM_OK);
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(connected_of(w, OTHERS, OTHERS + 1), 1);
  assert_int_equal(wpm_world_disconnected(w, OTHERS, c, WPM_REASON_EOF), WPM_OK);
  wpm_world_run(w, WPM_MINUTE);
  dial = wpm_world_expect(w, WPM_ACTION_DIAL, OTHERS)->dial;
  assert_int_equal(wpm_world_connected(w, OTHERS, WPM_OUTBOUND, dial, &c), WPM_OK);
  assert_int_equal(wpm_world_identified(w, OTHERS, c, false, 0), WPM_OK); /* No more of that. */
  wpm_world_run(w, S);
  assert_int_equal(gone(w, WPM_REASON_SURPLUS), 1);
  wpm_world_free(w);
}

static void the_static_and_the_protected_stay(void **state) {
  (void)state;
  wpm_world *w = new_world(1, 0);
  assert_int_equal(wpm_world_found(w, OTHERS, 4001, true), WPM_OK);
  (void)wpm_world_come_up(w, OTHERS, 0);
  wpm_world_hear_in(w, OTHERS + 1, 1);
  wpm_world_run(w, S);
  wpm_event e = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(OTHERS + 1)};
  e.u.tag.tag = (wpm_tag){.name = {"x", 1}, .protects = true, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  (void)wpm_world_come_up(w, OTHERS + 1, 0);
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(gone(w, WPM_REASON_SURPLUS), 0);
  assert_int_equal(connected_of(w, OTHERS, OTHERS + 2), 2);
  wpm_world_free(w);
}

/* ---- more than are wanted ---------------------------------------------------------------------- */

/* Those of the stop wait for their backoff, and others are chosen meanwhile; then these go. */
static void those_of_the_stop_have_their_places_back(void **state) {
  (void)state;
  for (int clean = 0; clean < 2; clean++) {
    wpm_world *w = new_world(WANTED, 0);
    for (int i = 0; i < WANTED; i++) {
      wpm_world_hear_in(w, RELAYS + i, (unsigned)i);
    }
    (void)live(w, 10 * S);
    for (int i = WANTED; i < 40; i++) {
      wpm_world_hear_in(w, RELAYS + i, (unsigned)i);
    }
    wpm_instant heartbeat = w->now;
    wpm_world_end(w, clean);
    wpm_world_forget_log(w);
    wpm_world_pass(w, 2 * S);
    wpm_world_restart(w, &heartbeat);
    (void)live(w, 30 * S);
    assert_int_equal(connected_of(w, RELAYS, RELAYS + WANTED), 0);
    assert_int_equal(connected_of(w, RELAYS + WANTED, OTHERS), WANTED);
    (void)live(w, WPM_MINUTE);
    assert_int_equal(connected_of(w, RELAYS, RELAYS + WANTED), WANTED);
    assert_int_equal(connected_of(w, RELAYS + WANTED, OTHERS), 0);
    wpm_world_free(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_does_not_relay_has_no_place),
      cmocka_unit_test(nor_is_it_dialled_for_having_been_held),
      cmocka_unit_test(whom_a_service_needs_stays),
      cmocka_unit_test(the_static_and_the_protected_stay),
      cmocka_unit_test(those_of_the_stop_have_their_places_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
