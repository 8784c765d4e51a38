/* Who was connected as we stopped, and comes to us after the restart: it is greeted, and if it had been
 * inbound, never dialled into an outbound place past the limit of its network group. */
#include "core/manager.h"
#include "support/core/crowded.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#define S WPM_SECOND

enum { OURS = 0, STRANGERS = 500, KNOWN = 8, PLACES = 60 };

static wpm_world *new_world(size_t relay_outbound) {
  wpm_world *w = wpm_crowded_new(PLACES);
  w->config.relay_outbound = relay_outbound;
  w->config.rotate_ns = w->config.feeler_ns = 0;
  wpm_world_start(w);
  return w;
}

/* Whether the peer, which dials us, is let in. A refused one's connection ends. */
static bool comes_in(wpm_world *w, int peer) {
  wpm_connection_id c;
  (void)wpm_world_connected(w, peer, WPM_INBOUND, 0, &c);
  bool is_in = wpm_world_state(w, peer) == WPM_CONNECTED;
  if (!is_in) {
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer)->connection, c);
    wpm_world_disconnected(w, peer, c, WPM_REASON_LOCAL_CLOSE);
  }
  return is_in;
}

/* How many were crowded out, all of them strangers. */
static size_t strangers_gone(wpm_world *w) {
  size_t count = wpm_crowded_out_of(w, STRANGERS, WPM_WORLD_PEERS);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, -1);
  return count;
}

static void end_and_begin_anew(wpm_world *w, bool clean) {
  wpm_instant heartbeat = w->now;
  wpm_world_end(w, clean);
  wpm_world_pass(w, 10 * S);
  wpm_world_restart(w, &heartbeat);
  wpm_world_forget_log(w);
}

/* KNOWN peers are connected inbound as we stop or die, and then PLACES strangers are, all but so many. */
static wpm_world *overrun(bool clean, int relay, int missing) {
  wpm_world *w = new_world(1);
  for (int i = 0; i < KNOWN; i++) {
    if (relay) { /* A client has no address where it can be dialled. */
      wpm_world_hear_in(w, OURS + i, (unsigned)i);
    }
    (void)wpm_world_come_in(w, OURS + i, relay);
  }
  end_and_begin_anew(w, clean);
  assert_int_equal(wpm_world_found(w, 1999, 4001, true),
                   WPM_OK); /* It takes the place of a dial. */
  (void)wpm_world_come_up(w, 1999, 1);
  for (int i = 0; i < PLACES - 1 - missing; i++) {
    wpm_world_hear_in(w, STRANGERS + i, (unsigned)(50 + i));
    assert_true(comes_in(w, STRANGERS + i));
  }
  wpm_world_forget_log(w);
  return w;
}

/* ---- greeted if it comes ----------------------------------------------------------------------- */

static void the_places_of_strangers_are_its_own(void **state) {
  (void)state;
  for (int clean = 0; clean < 2; clean++) {
    for (int relay = 0; relay < 2; relay++) {
      wpm_world *w = overrun(clean, relay, 0);
      for (int i = 0; i < KNOWN; i++) { /* All at once, where strangers have one place in 10 s. */
        assert_true(comes_in(w, OURS + i));
        assert_int_equal(strangers_gone(w), 1);
      }
      wpm_world_hear_in(w, 900, 200);
      assert_true(comes_in(w, 900)); /* None of these was that one. */
      assert_int_equal(strangers_gone(w), 1);
      wpm_world_hear_in(w, 901, 201);
      assert_false(comes_in(w, 901));
      wpm_world_free(w);
    }
  }
}

static void a_free_place_costs_nobody_his(void **state) {
  (void)state;
  wpm_world *w = overrun(true, 1, 1);
  assert_true(comes_in(w, OURS));
  assert_int_equal(strangers_gone(w), 0);
  assert_int_equal(wpm_manager_connection_count(w->manager), PLACES);
  wpm_world_free(w);
}

static void none_of_them_goes_for_another(void **state) {
  (void)state;
  wpm_world *w = new_world(1);
  w->config.relay_percent = 0;
  for (int i = 0; i < PLACES - 1; i++) {
    wpm_world_hear_in(w, OURS + i, (unsigned)i);
    assert_true(comes_in(w, OURS + i));
  }
  end_and_begin_anew(w, true);
  assert_int_equal(wpm_world_found(w, 1999, 4001, true), WPM_OK);
  (void)wpm_world_come_up(w, 1999, 1);
  for (int i = 0; i < 20; i++) { /* They are quicker. */
    wpm_world_hear_in(w, STRANGERS + i, (unsigned)(100 + i));
    assert_true(comes_in(w, STRANGERS + i));
  }
  size_t went = 0;
  for (int i = 0; i < PLACES - 1; i++) {
    (void)comes_in(w, OURS + i);
    went += strangers_gone(w);
  }
  assert_int_equal(went,
                   17); /* All but four of different groups, and of these one, as for a newcomer. */
  assert_int_equal(wpm_manager_connection_count(w->manager), PLACES);
  wpm_world_free(w);
}

static void it_is_greeted_once(void **state) {
  (void)state;
  wpm_world *w = overrun(true, 1, 0);
  wpm_world_run(w, 10 * S);
  wpm_world_hear_in(w, 900, 200);
  assert_true(comes_in(w, 900)); /* The one of these 10 s. */
  assert_int_equal(strangers_gone(w), 1);
  wpm_connection_id c = w->next_connection;
  assert_true(comes_in(w, OURS));
  assert_int_equal(strangers_gone(w), 1);
  assert_int_equal(wpm_world_disconnected(w, OURS, c, WPM_REASON_EOF), WPM_OK);
  assert_int_not_equal(wpm_world_state(w, OURS), WPM_CONNECTED);
  wpm_world_hear_in(w, 901, 201);
  assert_true(comes_in(w, 901)); /* Its place was free. */
  assert_false(comes_in(w, OURS));
  assert_int_equal(strangers_gone(w), 0);
  wpm_world_free(w);
}

static void a_dial_that_fails_does_not_make_it_a_stranger(void **state) {
  (void)state;
  wpm_world *w = overrun(true, 1, 1);
  assert_int_equal(wpm_world_person(w, OURS, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, OURS)->dial;
  wpm_world_dial_failed(w, OURS, dial, WPM_REASON_TIMED_OUT);
  assert_true(comes_in(w, OURS + 1));
  assert_int_equal(strangers_gone(w), 0);
  assert_true(comes_in(w, OURS));
  assert_int_equal(strangers_gone(w), 1);
  wpm_world_free(w);
}

static void the_discouraged_is_not(void **state) {
  (void)state;
  wpm_world *w = overrun(true, 1, 0);
  wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(OURS)};
  e.u.score.score = -100;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_false(comes_in(w, OURS));
  assert_int_equal(strangers_gone(w), 0);
  wpm_world_free(w);
}

static void the_limits_of_its_address_hold(void **state) {
  (void)state;
  wpm_world *w = overrun(true, 1, 0);
  w->manager->config.inbound_paced = true;
  size_t refused = 0;
  for (int i = 0; i < 100; i++) { /* As a stranger with its peer id would be. */
    refused += wpm_manager_admit(w->manager, wpm_world_address(OURS, 50000), w->now) != 0;
  }
  assert_true(refused > 50);
  w->manager->config.inbound_per_network = 1; /* Another is connected from that one. */
  wpm_connection_id c = ++w->next_connection;
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(OURS)};
  e.u.connected.connection = c;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = wpm_world_address(STRANGERS + 1, 50001);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, OURS)->connection, c);
  assert_true(wpm_manager_inbound_refused(w->manager).by_rule[WPM_INBOUND_PER_NETWORK] > 0);
  assert_int_equal(strangers_gone(w), 0);
  wpm_world_free(w);
}

/* Where one place would not do, since others that are kept for outbound peers are taken. */
static void nobody_goes_in_vain(void **state) {
  (void)state;
  wpm_world *w = overrun(true, 0, 0);
  w->manager->config.relay_outbound = 6;
  wpm_world_run(w, 1);
  assert_false(comes_in(w, OURS));
  assert_int_equal(strangers_gone(w), 0);
  wpm_world_hear_in(w, 900, 200);
  assert_false(comes_in(w, 900));
  assert_int_equal(strangers_gone(w), 0);
  wpm_world_free(w);
}

/* ---- never dialled past the limit of its group ------------------------------------------------- */

enum { GROUPS = 6, MOST_OF_ONE = 4 };

/* In each group one that we dialled, and others that came to us, all connected as we stop. */
static wpm_world *restarted(uint64_t seed, bool clean) {
  wpm_world *w = new_world(GROUPS);
  w->config.seed = seed;
  for (int group = 0; group < GROUPS; group++) {
    wpm_world_hear_in(w, group, (unsigned)group);
  }
  for (int i = 0; i < GROUPS; i++) {
    wpm_world_run(w, S);
    wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, -1);
    int peer = dial->peer;
    wpm_connection_id c;
    assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
    assert_int_equal(wpm_world_identified(w, peer, c, true, 0), WPM_OK);
  }
  for (int peer = GROUPS; peer < GROUPS * MOST_OF_ONE; peer++) {
    wpm_world_hear_in(w, peer, (unsigned)(peer % GROUPS));
    (void)wpm_world_come_in(w, peer, 1);
  }
  end_and_begin_anew(w, clean);
  w->manager->config.relay_outbound = 2 * GROUPS; /* So that more are wanted than there may be. */
  return w;
}

/* Who is dialled comes up, but every third fails, so that others may come in its place. Returns how many
 * dials went to peers that had been inbound; each group has one outbound peer at most. */
static size_t dial_on(wpm_world *w, uint64_t seed) {
  unsigned outbound[GROUPS] = {0};
  uint64_t number = seed;
  size_t to_inbound = 0;
  for (int64_t t = 0; t < 10 * WPM_MINUTE; t += WPM_SECOND / 4) {
    for (wpm_world_action *dial; (dial = wpm_world_take(w, WPM_ACTION_DIAL, -1));) {
      int peer = dial->peer;
      to_inbound += peer >= GROUPS;
      assert_int_equal(outbound[peer % GROUPS], 0);
      wpm_connection_id c;
      if (++number % 3 == 0) {
        wpm_world_dial_failed(w, peer, dial->dial, WPM_REASON_REFUSED);
      } else {
        assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
        outbound[peer % GROUPS]++;
      }
    }
    wpm_world_run(w, WPM_SECOND / 4);
  }
  for (int group = 0; group < GROUPS; group++) {
    assert_int_equal(outbound[group], 1);
  }
  return to_inbound;
}

static void of_each_group_one_is_dialled_and_of_ours_the_one_we_dialled(void **state) {
  (void)state;
  size_t to_inbound = 0;
  for (uint64_t seed = 0; seed < 20; seed++) {
    for (int clean = 0; clean < 2; clean++) {
      wpm_world *w = restarted(seed, clean);
      to_inbound += dial_on(w, seed);
      wpm_world_free(w);
    }
  }
  assert_true(to_inbound > 0); /* Candidates they are, where the other cannot be reached. */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_places_of_strangers_are_its_own),
      cmocka_unit_test(a_free_place_costs_nobody_his),
      cmocka_unit_test(none_of_them_goes_for_another),
      cmocka_unit_test(it_is_greeted_once),
      cmocka_unit_test(a_dial_that_fails_does_not_make_it_a_stranger),
      cmocka_unit_test(the_discouraged_is_not),
      cmocka_unit_test(the_limits_of_its_address_hold),
      cmocka_unit_test(nobody_goes_in_vain),
      cmocka_unit_test(of_each_group_one_is_dialled_and_of_ours_the_one_we_dialled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
