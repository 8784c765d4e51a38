/* What is told of those from whom peers are chosen: no dial of theirs, but what holds each back, and when
 * somebody is chosen next, which then happens. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#define S WPM_SECOND

enum { APART = 256 }; /* Between the numbers of peers: each is of its own network group. */

/* So many outbound relay peers are wanted, and there are neither feelers nor rotation. */
static wpm_world *start(size_t relay_outbound) {
  wpm_world *w = wpm_world_new(100);
  w->config.relay_outbound = relay_outbound;
  w->config.feeler_ns = 0;
  w->config.rotate_ns = 0;
  w->config.keep_alive = false;
  wpm_world_start(w);
  return w;
}

static wpm_explanation explain(const wpm_world *w, int peer) {
  wpm_explanation e;
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(peer), w->now, &e), WPM_OK);
  return e;
}

static wpm_preview preview(const wpm_world *w, wpm_planned_dial *dials, size_t cap) {
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, dials, cap, &p), WPM_OK);
  return p;
}

/* No dial of it is told; what holds it back ends in from … to. */
static void expect_candidate(const wpm_world *w, int peer, wpm_held_by held_by, int64_t from,
                             int64_t to) {
  wpm_explanation e = explain(w, peer);
  assert_string_equal(wpm_next_action_name(e.next), "none");
  assert_true(e.at.ns == WPM_NEVER.ns);
  assert_string_equal(wpm_held_by_name(e.held_by), wpm_held_by_name(held_by));
  if (from == WPM_SPAN_NONE) {
    assert_true(e.until.ns == WPM_NEVER.ns);
  } else {
    assert_in_range(e.until.ns - w->now.mono.ns, from, to);
  }
}

/* Nobody is dialled before that moment; somebody is then. */
static wpm_world_action *expect_dial_at(wpm_world *w, wpm_mono at) {
  assert_true(at.ns != WPM_NEVER.ns && at.ns > w->now.mono.ns);
  wpm_world_forget_log(w);
  wpm_world_run(w, at.ns - w->now.mono.ns - 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  wpm_world_run(w, 1);
  return wpm_world_expect(w, WPM_ACTION_DIAL, -1);
}

/* Nobody is dialled but at a moment that is told; there may be nobody to choose then. */
static wpm_world_action *await_choice(wpm_world *w) {
  wpm_world_action *dial = NULL;
  for (int choices = 0; !dial && choices < 100; choices++) {
    int64_t left = preview(w, NULL, 0).choice_at.ns - w->now.mono.ns;
    assert_in_range(left, 1, 10 * S);
    wpm_world_run(w, left - 1);
    wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
    wpm_world_run(w, 1);
    dial = wpm_world_take(w, WPM_ACTION_DIAL, -1);
  }
  assert_non_null(dial);
  return dial;
}

static void come_up(wpm_world *w, const wpm_world_action *dial) {
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, dial->peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  assert_int_equal(wpm_world_identified(w, dial->peer, c, true, 0), WPM_OK);
}

/* Of three that cannot be reached, with room for more than these. */
static void one_that_failed_is_chosen_again(void **state) {
  (void)state;
  wpm_world *w = start(10);
  for (int i = 1; i <= 3; i++) {
    wpm_world_found(w, i * APART, 60000, false);
  }
  for (int dials = 0; dials < 30; dials++) {
    wpm_world_action *dial = wpm_world_take(w, WPM_ACTION_DIAL, -1);
    dial = dial ? dial : await_choice(w);
    int peer = dial->peer;
    wpm_world_dial_failed(w, peer, dial->dial, WPM_REASON_REFUSED);
    expect_candidate(w, peer, WPM_HELD_BY_RETRY_DELAY, S, 300 * S);
    assert_int_equal(preview(w, NULL, 0).waiting, 0);
    wpm_world_expect_candidate(w, peer, WPM_HELD_BY_RETRY_DELAY, S, 300 * S);
  }
  wpm_world_free(w);
}

/* Enough are connected: the wait of one that was lost ends, and nothing comes of it. */
static void one_that_is_not_needed_waits_for_its_choice(void **state) {
  (void)state;
  wpm_world *w = start(1);
  wpm_planned_dial dials[4];
  wpm_connection_id c;
  wpm_world_found(w, APART, 60000, false);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, APART);
  assert_int_equal(wpm_world_connected(w, APART, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  wpm_world_found(w, 2 * APART, 60000, false);
  expect_candidate(w, 2 * APART, WPM_HELD_BY_TARGET, WPM_SPAN_NONE, WPM_SPAN_NONE);
  assert_true(preview(w, dials, 4).choice_at.ns == WPM_NEVER.ns);
  wpm_world_disconnected(w, APART, c, WPM_REASON_RESET);
  dial = expect_dial_at(w, preview(w, dials, 4).choice_at);
  assert_int_equal(dial->peer, 2 * APART);
  come_up(w, dial);
  expect_candidate(w, APART, WPM_HELD_BY_PRUNE_BACKOFF, 62 * S, 63 * S);
  wpm_preview p = preview(w, dials, 4);
  assert_int_equal(p.dial_count + p.ready + p.waiting, 0);
  assert_true(p.choice_at.ns == WPM_NEVER.ns);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  expect_candidate(w, APART, WPM_HELD_BY_TARGET, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_free(w);
}

/* One outbound peer is wanted, and connected. */
static wpm_world *start_with_one(void) {
  wpm_world *w = wpm_world_new(100);
  w->config.relay_outbound = 1;
  w->config.rotate_ns = 0;
  wpm_world_start(w);
  wpm_world_found(w, APART, 60000, false);
  come_up(w, wpm_world_expect(w, WPM_ACTION_DIAL, APART));
  return w;
}

static void a_feeler_and_its_end(void **state) {
  (void)state;
  wpm_world *w = start_with_one();
  wpm_world_found(w, 2 * APART, 60000, false);
  wpm_connection_id c;
  wpm_world_action *dial = expect_dial_at(w, preview(w, NULL, 0).feeler_at);
  assert_true(preview(w, NULL, 0).feeler_at.ns == WPM_NEVER.ns); /* One at a time. */
  assert_int_equal(wpm_world_connected(w, 2 * APART, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  wpm_explanation e = explain(w, 2 * APART);
  assert_string_equal(wpm_next_action_name(e.next), "let_go");
  wpm_world_run(w, e.at.ns - w->now.mono.ns - 1);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 2 * APART);
  wpm_world_run(w, 1);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 2 * APART)->reason,
                   WPM_REASON_FEELER);
  wpm_world_free(w);
}

/* One under trial becomes static: it is no trial any more, at once, and the next is told. */
static void a_feeler_that_is_kept(void **state) {
  (void)state;
  wpm_world *w = start_with_one();
  for (int i = 2; i <= 3; i++) {
    wpm_world_found(w, i * APART, 60000, false);
  }
  wpm_connection_id c;
  wpm_world_action *dial = expect_dial_at(w, preview(w, NULL, 0).feeler_at);
  int peer = dial->peer;
  assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  wpm_world_found(w, peer, 60000, true);
  assert_string_equal(wpm_next_action_name(explain(w, peer).next), "ping");
  assert_int_equal(expect_dial_at(w, preview(w, NULL, 0).feeler_at)->peer, 5 * APART - peer);
  wpm_world_free(w);
}

static void a_rotation(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.relay_outbound = 1;
  w->config.feeler_ns = 0;
  w->config.keep_alive = false;
  wpm_world_start(w);
  wpm_world_found(w, APART, 60000, false);
  assert_true(preview(w, NULL, 0).rotation_at.ns == WPM_NEVER.ns); /* First the target. */
  come_up(w, wpm_world_expect(w, WPM_ACTION_DIAL, APART));
  wpm_mono at = preview(w, NULL, 0).rotation_at;
  assert_in_range(at.ns - w->now.mono.ns, 15 * WPM_MINUTE, 45 * WPM_MINUTE);
  wpm_world_run(w, at.ns - w->now.mono.ns - 1);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, APART);
  wpm_world_run(w, 1);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, APART);
  wpm_manager_stop(w->manager, w->now);
  assert_true(preview(w, NULL, 0).rotation_at.ns == WPM_NEVER.ns);
  wpm_world_free(w);
}

/* Without a network nothing comes by time. */
static void offline_nothing_is_told(void **state) {
  (void)state;
  wpm_world *w = start(5);
  wpm_world_found(w, APART, 60000, true);
  wpm_world_dial_failed(w, APART, wpm_world_expect(w, WPM_ACTION_DIAL, APART)->dial,
                        WPM_REASON_REFUSED);
  assert_int_equal(explain(w, APART).held_by, WPM_HELD_BY_RETRY_DELAY);
  assert_true(preview(w, NULL, 0).choice_at.ns != WPM_NEVER.ns);
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_OFFLINE};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  wpm_explanation told = explain(w, APART);
  assert_int_equal(told.next, WPM_NEXT_DIAL);
  assert_int_equal(told.held_by, WPM_HELD_BY_OFFLINE);
  assert_true(told.at.ns == WPM_NEVER.ns && told.until.ns == WPM_NEVER.ns);
  assert_true(preview(w, NULL, 0).choice_at.ns == WPM_NEVER.ns);
  wpm_world_free(w);
}

static void import_banned(wpm_world *w, int peer, int64_t length_ns, bool is_static) {
  wpm_address address;
  wpm_peer_record record = wpm_world_imported(peer, wpm_world_address(peer, 60000), &address);
  record.is_static = is_static;
  record.ban = (wpm_wait){w->now, length_ns};
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
  e.u.imported.record = &record;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* Among 1000 that wait, every other one of them static, the next of these are listed, in order. */
static void candidates_are_not_in_the_list(void **state) {
  (void)state;
  enum { PEERS = 1000 };
  static wpm_planned_dial dials[WPM_PREVIEW_MAX];
  wpm_world *w = start(1);
  for (int i = 0; i < PEERS; i++) {
    int peer = 200 + i;
    import_banned(w, peer, WPM_HOUR + (i * 7919 % PEERS) * S, i % 2 == 0);
  }
  for (size_t cap = 1; cap <= WPM_PREVIEW_MAX; cap *= 2) {
    wpm_preview p = preview(w, dials, cap);
    assert_int_equal(p.waiting, PEERS / 2);
    assert_int_equal(p.dial_count, cap);
    for (size_t i = 0; i < cap; i++) { /* 7919 is odd: the even numbers are static ones' waits. */
      assert_int_equal(dials[i].at.ns, w->now.mono.ns + WPM_HOUR + 2 * (int64_t)i * S);
      assert_int_equal(dials[i].held_by, WPM_HELD_BY_BAN);
    }
  }
  /* One that is let off is no longer counted; nor are those who went. */
  wpm_world_person(w, 201, WPM_EVENT_PERSON_REMOVE);
  wpm_world_person(w, 200, WPM_EVENT_PERSON_REMOVE);
  assert_int_equal(preview(w, dials, 1).waiting, PEERS / 2 - 1);
  /* The first of those who may be chosen is looked for as soon as its ban is over. */
  wpm_world_run(w, WPM_HOUR - 10 * S);
  for (int i = 0; i < 2; i++) {
    wpm_world_run(w, 4 * S);
    wpm_mono choice = preview(w, NULL, 0).choice_at;
    assert_in_range(choice.ns - w->now.mono.ns, 0, 10 * S);
  }
  wpm_world_free(w);
}

/* Nobody is there to choose until a ban is over: then at once, as told. */
static void the_end_of_a_wait_hastens_the_choice(void **state) {
  (void)state;
  wpm_world *w = start(1);
  import_banned(w, APART, 25 * S, false);
  wpm_mono end = {w->now.mono.ns + 25 * S};
  for (wpm_mono at = preview(w, NULL, 0).choice_at; at.ns < end.ns;
       at = preview(w, NULL, 0).choice_at) {
    wpm_world_run(w, at.ns - w->now.mono.ns);
    wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
  }
  assert_int_equal(preview(w, NULL, 0).choice_at.ns, end.ns);
  assert_int_equal(expect_dial_at(w, end)->peer, APART);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_that_failed_is_chosen_again),
      cmocka_unit_test(one_that_is_not_needed_waits_for_its_choice),
      cmocka_unit_test(a_feeler_and_its_end),
      cmocka_unit_test(a_feeler_that_is_kept),
      cmocka_unit_test(a_rotation),
      cmocka_unit_test(offline_nothing_is_told),
      cmocka_unit_test(candidates_are_not_in_the_list),
      cmocka_unit_test(the_end_of_a_wait_hastens_the_choice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
