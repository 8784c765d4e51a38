/* Bans, tags, scores and notes. */
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

#include <string.h>

#define S WPM_SECOND

static int ban(wpm_world *w, int peer, int64_t length_ns) {
  wpm_event e = {.type = WPM_EVENT_BAN, .peer = wpm_world_id(peer), .u.ban.length_ns = length_ns};
  return wpm_world_handle(w, &e);
}

static int tag(wpm_world *w, int peer, const char *name, bool protects, bool remove) {
  wpm_event e = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(peer)};
  e.u.tag.tag = (wpm_tag){
      .name = {name, strlen(name)}, .value = 7, .protects = protects, .expires = WPM_WALL_NONE};
  e.u.tag.remove = remove;
  return wpm_world_handle(w, &e);
}

static void a_ban_ends_refuses_and_holds_back(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  (void)wpm_world_come_up(w, 1, 0);
  wpm_world_forget_log(w);
  assert_int_equal(ban(w, 1, WPM_HOUR), WPM_OK);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->reason, WPM_REASON_BANNED);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  assert_int_equal(wpm_world_state(w, 1), WPM_CAN_CONNECT);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_HOUR, WPM_HOUR);
  wpm_connection_id connection;
  wpm_world_connected(w, 1, WPM_INBOUND, 0, &connection);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->reason, WPM_REASON_BANNED);
  wpm_world_run(w, WPM_HOUR - S);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_run(w, 2 * S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_ban_ends_a_dial(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(ban(w, 1, WPM_HOUR), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_CANCEL_DIAL, 1);
}

static void a_ban_for_good_ends_when_it_is_lifted(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_world_forget_log(w);
  assert_int_equal(ban(w, 1, INT64_MAX), WPM_OK);
  wpm_world_run(w, 400 * WPM_DAY);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_BAN, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT); /* A person goes before every rule. */
  wpm_world_dial_failed(w, 1, wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial, WPM_REASON_REFUSED);
  assert_int_equal(ban(w, 1, 0), WPM_OK);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void one_that_is_not_held_can_be_banned(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, 9, 0), WPM_ERR_NOT_FOUND);
  assert_int_equal(ban(w, 9, WPM_DAY), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 9);
  wpm_connection_id connection;
  wpm_world_connected(w, 9, WPM_INBOUND, 0, &connection);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 9);
  wpm_world_end(w, false);
  wpm_world_restart(w, NULL); /* It outlasts a crash. */
  wpm_world_connected(w, 9, WPM_INBOUND, 0, &connection);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 9);
}

/* It gave way for another, or was removed: its ban goes on. */
static void a_ban_outlasts_the_record(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, 9, WPM_DAY), WPM_OK);
  assert_int_equal(wpm_world_person(w, 9, WPM_EVENT_PERSON_REMOVE), WPM_OK);
  wpm_connection_id connection;
  wpm_world_connected(w, 9, WPM_INBOUND, 0, &connection);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, 9);
  assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 0);
  wpm_world_run(w, WPM_DAY);
  wpm_world_connected(w, 9, WPM_INBOUND, 0, &connection);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 9);
  assert_int_equal(wpm_world_state(w, 9), WPM_CONNECTED);
}

static void a_ban_that_cannot_be(void **state) {
  wpm_world *w = *state;
  assert_int_equal(ban(w, 1, -1), WPM_ERR_INVALID);
  assert_int_equal(ban(w, 100, WPM_HOUR), WPM_ERR_INVALID); /* Ourselves. */
  for (size_t n = 1;; n++) {
    wpm_alloc_fail_at(n);
    wpm_event e = {.type = WPM_EVENT_BAN, .peer = wpm_world_id(1), .u.ban.length_ns = WPM_HOUR};
    int err = wpm_manager_handle(w->manager, &e, w->now);
    wpm_alloc_fail_off();
    wpm_world_check(w);
    if (err == WPM_OK) {
      break;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    assert_int_equal(wpm_store_count(wpm_manager_store(w->manager)), 0);
  }
  assert_int_equal(wpm_world_plan(w, 1).held_by, WPM_HELD_BY_NOT_WANTED);
}

/* As long as one owner protects it nobody goes for a newcomer. */
static void several_owners_protect(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.store.max_peers = 1;
  wpm_world_start(w);
  wpm_world_found(w, 1, 0, false);
  assert_int_equal(tag(w, 1, "mesh", true, false), WPM_OK);
  assert_int_equal(tag(w, 1, "store", true, false), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  assert_int_equal(wpm_world_found(w, 2, 0, false), WPM_ERR_NO_VICTIM);
  assert_int_equal(tag(w, 1, "mesh", false, true), WPM_OK);
  assert_int_equal(wpm_world_found(w, 2, 0, false), WPM_ERR_NO_VICTIM);
  assert_int_equal(tag(w, 1, "store", false, true), WPM_OK);
  assert_int_equal(wpm_world_found(w, 2, 0, false), WPM_OK);
  wpm_world_free(w);
}

static void what_is_said_is_kept(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, false);
  wpm_world_forget_log(w);
  wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(1), .u.score.score = -42};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  e = (wpm_event){.type = WPM_EVENT_NOTE,
                  .peer = wpm_world_id(1),
                  .u.note = {WPM_TEXT("colour"), WPM_BYTES("blue")}};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(tag(w, 1, "friend", false, false), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  wpm_world_end(w, false);
  wpm_world_restart(w, NULL);
  wpm_peer_record record = wpm_world_record(w, 1);
  assert_int_equal(record.score, -42);
  assert_int_equal(record.tag_count, 1);
  assert_int_equal(record.tags[0].value, 7);
  assert_int_equal(record.app_count, 1);
  assert_true(wpm_bytes_equal(record.app[0].value, WPM_BYTES("blue")));
  e.u.note.value = (wpm_bytes){NULL, 0};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(wpm_world_record(w, 1).app_count, 0);
}

static void of_whom_nothing_is_known_nothing_is_said(void **state) {
  wpm_world *w = *state;
  wpm_event score = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(1)};
  wpm_event note = {.type = WPM_EVENT_NOTE, .peer = wpm_world_id(1), .u.note.key = WPM_TEXT("x")};
  assert_int_equal(wpm_world_handle(w, &score), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_world_handle(w, &note), WPM_ERR_NOT_FOUND);
  assert_int_equal(tag(w, 1, "mesh", true, false), WPM_ERR_NOT_FOUND);
  wpm_world_found(w, 1, 0, false);
  assert_int_equal(tag(w, 1, "mesh", true, true), WPM_ERR_NOT_FOUND);
  assert_int_equal(tag(w, 1, "", true, false), WPM_ERR_INVALID);
}

/* ---- scores that fade, and the discouraged ----------------------------------------------------- */

static int score(wpm_world *w, int peer, int32_t value, bool add) {
  wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(peer)};
  e.u.score.score = value;
  e.u.score.add = add;
  return wpm_world_handle(w, &e);
}

static int32_t score_of(const wpm_world *w, int peer) {
  return wpm_world_record(w, peer).score;
}

static void what_is_added_stays_in_range(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, false);
  assert_int_equal(score(w, 1, 5, true), WPM_OK);
  assert_int_equal(score(w, 1, 7, true), WPM_OK);
  assert_int_equal(score_of(w, 1), 12);
  assert_int_equal(score(w, 1, INT32_MAX, true), WPM_OK);
  assert_int_equal(score_of(w, 1), INT32_MAX);
  assert_int_equal(score(w, 1, -3, false), WPM_OK);
  assert_int_equal(score(w, 1, INT32_MIN, true), WPM_OK);
  assert_int_equal(score_of(w, 1), INT32_MIN);
  assert_int_equal(score(w, 2, 1, true), WPM_ERR_NOT_FOUND);
}

static void a_score_fades(void **state) {
  wpm_world *w = *state;
  for (int peer = 1; peer <= 20; peer++) {
    wpm_world_found(w, peer, 0, false);
    assert_int_equal(score(w, peer, peer % 2 ? 100000 : -100000, false), WPM_OK);
  }
  wpm_world_forget_log(w);
  wpm_world_run(w, 10 * WPM_HOUR); /* It looks by itself, though nothing happens. */
  for (int peer = 1; peer <= 20; peer++) {
    int32_t left = peer % 2 ? score_of(w, peer) : -score_of(w, peer);
    assert_in_range(left, 48000, 54000);
    wpm_world_expect(w, WPM_ACTION_PERSIST, peer);
  }
  wpm_world_run(w, 30 * WPM_DAY);
  for (int peer = 1; peer <= 20; peer++) {
    assert_int_equal(score_of(w, peer), 0);
  }
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, WPM_NEVER.ns); /* Nothing is left. */
}

static void after_a_restart_it_goes_on_fading(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, false);
  assert_int_equal(score(w, 1, 100000, false), WPM_OK);
  wpm_world_end(w, true);
  wpm_world_restart(w, NULL);
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, w->now.mono.ns + WPM_MINUTE);
  wpm_world_run(w, 11 * WPM_HOUR);
  assert_in_range(score_of(w, 1), 45000, 54000);
}

static void without_a_half_life_it_stays(void **state) {
  wpm_world *w = *state;
  w->manager->config.score_half_life_ns = 0;
  wpm_manager_note_deadline(w->manager);
  wpm_world_found(w, 1, 0, false);
  assert_int_equal(score(w, 1, -77, false), WPM_OK);
  wpm_world_run(w, 10 * WPM_DAY);
  assert_int_equal(score_of(w, 1), -77);
}

static void the_discouraged_are_dialled_by_a_person_alone(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, false);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  wpm_connection_id c = wpm_world_come_up(w, 1, 0);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, WPM_MINUTE);
  c = wpm_world_come_up(w, 1, 0); /* It is dialled again, as it was held. */
  assert_int_equal(score(w, 1, -99, false), WPM_OK);
  assert_int_equal(score(w, 1, -1, true), WPM_OK);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_forget_log(w);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_DISCOURAGED, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_found(w, 1, 60001, false);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  wpm_world_dial_failed(w, 1, wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial, WPM_REASON_REFUSED);
  /* Until enough of it has faded. */
  wpm_world_run(w, 10 * WPM_DAY);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_static_node_is_never_discouraged(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, true);
  assert_int_equal(score(w, 1, -1000000, false), WPM_OK);
  wpm_world_found(w, 1, 60000, true);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

static void a_broken_protocol_lowers_it(void **state) {
  wpm_world *w = *state;
  for (int i = 1; i <= 5; i++) {
    wpm_connection_id c = wpm_world_come_in(w, 1, 0);
    wpm_world_disconnected(w, 1, c, WPM_REASON_PROTOCOL_VIOLATION);
    assert_int_equal(score_of(w, 1), -20 * i);
  }
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_DISCOURAGED, WPM_SPAN_NONE, WPM_SPAN_NONE);
  /* It is welcome where there is room. */
  (void)wpm_world_come_in(w, 1, 0);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
}

static void unanswered_pings_do_a_little_where_others_answer(void **state) {
  wpm_world *w = *state;
  wpm_connection_id c = wpm_world_come_in(w, 1, 0);
  wpm_world_disconnected(w, 1, c, WPM_REASON_PING_TIMEOUT);
  assert_int_equal(score_of(w, 1), 0); /* It may have been our network. */
  (void)wpm_world_come_in(w, 2, 0);
  c = wpm_world_come_in(w, 1, 0);
  wpm_world_disconnected(w, 1, c, WPM_REASON_PING_TIMEOUT);
  assert_int_equal(score_of(w, 1), -5);
  c = wpm_world_come_in(w, 1, 0);
  wpm_world_disconnected(w, 1, c, WPM_REASON_TIMED_OUT);
  assert_int_equal(score_of(w, 1), -5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_ban_ends_refuses_and_holds_back),
      TEST(a_ban_ends_a_dial),
      TEST(a_ban_for_good_ends_when_it_is_lifted),
      TEST(one_that_is_not_held_can_be_banned),
      TEST(a_ban_outlasts_the_record),
      TEST(a_ban_that_cannot_be),
      cmocka_unit_test(several_owners_protect),
      TEST(what_is_added_stays_in_range),
      TEST(a_score_fades),
      TEST(after_a_restart_it_goes_on_fading),
      TEST(without_a_half_life_it_stays),
      TEST(the_discouraged_are_dialled_by_a_person_alone),
      TEST(a_static_node_is_never_discouraged),
      TEST(a_broken_protocol_lowers_it),
      TEST(unanswered_pings_do_a_little_where_others_answer),
      TEST(what_is_said_is_kept),
      TEST(of_whom_nothing_is_known_nothing_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
