/* Outbound places in doubt: in the haste of a new epoch others are dialled beside what is slow. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND
#define MS WPM_MILLISECOND

enum { WANTED = 5, PEERS = 60 };

/* A peer is heard of, each of a network group of its own. */
static void hear(wpm_world *w, int peer) {
  uint8_t bytes[8] = {4, 46, (uint8_t)peer, 1, 1, 6, 0xea, 0x60};
  wpm_bytes address = {bytes, sizeof(bytes)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_PEER_EXCHANGE;
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static wpm_world *start_with(bool keep_alive) {
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = WANTED;
  w->config.feeler_ns = 0;
  w->config.rotate_ns = 0;
  w->config.keep_alive = keep_alive;
  wpm_world_start(w);
  for (int peer = 0; peer < PEERS; peer++) {
    hear(w, peer);
  }
  return w;
}

static wpm_connection_id connection_of[PEERS];

static int answer_next(wpm_world *w) {
  const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, -1);
  int peer = dial->peer;
  assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &connection_of[peer]),
                   WPM_OK);
  assert_int_equal(wpm_world_identified(w, peer, connection_of[peer], true, 0), WPM_OK);
  return peer;
}

static size_t connected(const wpm_world *w) {
  return wpm_manager_connection_count(w->manager);
}

/* As many as are wanted are connected, and the haste of the start is over. */
static wpm_world *settle(bool keep_alive) {
  wpm_world *w = start_with(keep_alive);
  while (connected(w) < WANTED) {
    (void)answer_next(w);
    wpm_world_run(w, 100 * MS);
  }
  wpm_world_run(w, 40 * S);
  wpm_world_forget_log(w);
  return w;
}

static void tell(wpm_world *w, wpm_network_state state) {
  wpm_event event = {.type = WPM_EVENT_NETWORK, .u.network.state = state};
  assert_int_equal(wpm_world_handle(w, &event), WPM_OK);
}

static void lose(wpm_world *w, int peer) {
  assert_int_equal(wpm_world_disconnected(w, peer, connection_of[peer], WPM_REASON_RESET), WPM_OK);
}

static void lose_all(wpm_world *w) {
  for (int peer = 0; peer < PEERS; peer++) {
    if (wpm_world_state(w, peer) == WPM_CONNECTED) {
      lose(w, peer);
    }
  }
}

static void beside_slow_dials_others_are_begun_for_a_while(void **state) {
  (void)state;
  wpm_world *w = start_with(false);
  for (size_t i = 1; i <= WANTED; i++) { /* 50 ms apart. */
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), i);
    wpm_world_run(w, 50 * MS);
  }
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), WANTED + 1); /* The first is slow now. */
  wpm_world_run(w, 750 * MS);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 4 * WANTED + 1);
  wpm_world_run(w, 30 * S);
  size_t begun = wpm_world_count(w, WPM_ACTION_DIAL);
  wpm_world_run(w, WPM_HOUR); /* They are never decided here. */
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), begun);
  wpm_world_free(w);
}

static void later_a_slow_dial_counts(void **state) {
  (void)state;
  wpm_world *w = settle(false);
  lose_all(w);
  wpm_world_run(w, 20 * S);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), WANTED);
  wpm_world_free(w);
}

/* Three more than wanted answer. */
static void of_those_beyond_the_newest_go(void **state) {
  (void)state;
  wpm_world *w = start_with(false);
  int order[WANTED + 3];
  wpm_world_run(w, S);
  for (int i = 0; i < WANTED + 3; i++) {
    order[i] = answer_next(w);
    wpm_world_run(w, MS);
    assert_int_equal(connected(w), i < WANTED ? i + 1 : WANTED);
    if (i >= WANTED) {
      const wpm_world_action *end = wpm_world_expect(w, WPM_ACTION_DISCONNECT, order[i]);
      assert_int_equal(end->reason, WPM_REASON_SURPLUS);
      assert_int_equal(wpm_world_state(w, order[i]), WPM_CAN_CONNECT);
    }
  }
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, -1);
  wpm_world_free(w);
}

static void protect(wpm_world *w, int peer) {
  wpm_event e = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(peer)};
  e.u.tag.tag = (wpm_tag){.name = {"kept", 4}, .protects = true, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void a_protected_one_stays_and_another_goes(void **state) {
  (void)state;
  wpm_world *w = start_with(false);
  wpm_world_run(w, S);
  int last = -1;
  for (int i = 0; i < WANTED; i++) {
    last = answer_next(w);
    wpm_world_run(w, MS);
  }
  const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, -1);
  int late = dial->peer;
  protect(w, late);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, late, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  assert_int_equal(wpm_world_state(w, late), WPM_CONNECTED);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, last);
  assert_int_equal(connected(w), WANTED);
  wpm_world_free(w);
}

static void so_does_one_that_a_person_connects(void **state) {
  (void)state;
  wpm_world *w = start_with(false);
  wpm_world_run(w, S);
  for (int i = 0; i < WANTED; i++) {
    (void)answer_next(w);
  }
  const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, -1);
  int late = dial->peer;
  assert_int_equal(wpm_world_person(w, late, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, late, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  wpm_world_run(w, S);
  assert_int_equal(wpm_world_state(w, late), WPM_CONNECTED);
  assert_int_equal(connected(w), WANTED + 1); /* By his wish. */
  wpm_world_free(w);
}

/* No network for a minute: afterwards the pings go unanswered for a second. */
static void connections_that_do_not_answer_are_replaced_at_once(void **state) {
  (void)state;
  wpm_world *w = settle(true);
  tell(w, WPM_NETWORK_OFFLINE);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_forget_log(w);
  tell(w, WPM_NETWORK_ONLINE);
  wpm_world_run(w, 990 * MS);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_run(w, 10 * MS);
  assert_int_equal(connected(w), WANTED); /* They are not given up yet. */
  int fresh = answer_next(w);
  int answered = -1;
  wpm_world_run(w, S);
  for (int i = 1; i < WANTED; i++) {
    fresh = answer_next(w);
  }
  assert_int_equal(connected(w), 2 * WANTED);
  for (int peer = 0; peer < PEERS && answered < 0; peer++) {
    bool is_old = wpm_world_state(w, peer) == WPM_CONNECTED &&
                  wpm_world_take(w, WPM_ACTION_PING, peer) != NULL;
    answered = is_old ? peer : -1;
  }
  /* One answers after all: it is older than the newest of the others. */
  assert_int_equal(wpm_world_pong(w, answered, connection_of[answered], 1500 * MS), WPM_OK);
  wpm_world_run(w, 0);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, fresh);
  assert_int_equal(wpm_world_state(w, answered), WPM_CONNECTED);
  wpm_world_run(w, 10 * S);
  assert_int_equal(connected(w), WANTED);
  wpm_world_free(w);
}

/* `plan` says when another is chosen because a dial is slow. */
static void the_choice_is_foretold(void **state) {
  (void)state;
  wpm_world *w = start_with(false);
  wpm_world_run(w, 100 * (WANTED - 1) * MS);
  for (int i = 0; i < 20; i++) {
    wpm_preview p;
    assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &p), WPM_OK);
    size_t begun = wpm_world_count(w, WPM_ACTION_DIAL);
    assert_true(p.choice_at.ns > w->now.mono.ns && p.choice_at.ns != WPM_NEVER.ns);
    wpm_world_run(w, p.choice_at.ns - w->now.mono.ns - 1);
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), begun);
    wpm_world_run(w, 1);
    assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), begun + 1);
  }
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(beside_slow_dials_others_are_begun_for_a_while),
      cmocka_unit_test(later_a_slow_dial_counts),
      cmocka_unit_test(of_those_beyond_the_newest_go),
      cmocka_unit_test(a_protected_one_stays_and_another_goes),
      cmocka_unit_test(so_does_one_that_a_person_connects),
      cmocka_unit_test(connections_that_do_not_answer_are_replaced_at_once),
      cmocka_unit_test(the_choice_is_foretold),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
