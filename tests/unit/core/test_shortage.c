/* What happens when descriptors or memory run short. */
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/crowded.h"
#include "support/test.h"

static wpm_world *start(int connected) {
  wpm_world *w = wpm_crowded_new(160);
  wpm_world_start(w);
  for (int i = 0; i < connected; i++) {
    (void)wpm_world_come_in(w, i, 0);
  }
  return w;
}

static void runs_short(wpm_world *w) {
  wpm_event e = {.type = WPM_EVENT_SHORTAGE, .u.shortage.of = WPM_SHORTAGE_DESCRIPTORS};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* How many went for it. */
static size_t gone(wpm_world *w) {
  return wpm_crowded_out_of(w, 0, WPM_WORLD_PEERS);
}

/* Whether another peer is let in. */
static bool is_room(wpm_world *w, int peer) {
  wpm_connection_id c;
  (void)wpm_world_connected(w, peer, WPM_INBOUND, 0, &c);
  bool is_in = wpm_world_state(w, peer) == WPM_CONNECTED;
  wpm_world_forget_log(w);
  wpm_world_disconnected(w, peer, c, is_in ? WPM_REASON_EOF : WPM_REASON_LOCAL_CLOSE);
  return is_in;
}

static size_t places(const wpm_world *w) {
  wpm_preview preview;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &preview), WPM_OK);
  return preview.max_places;
}

static void an_eighth_goes_and_the_places_return_slowly(void **state) {
  (void)state;
  wpm_world *w = start(100);
  assert_int_equal(wpm_world_found(w, 500, 4001, false), WPM_OK);
  assert_true(is_room(w, 500));
  assert_int_equal(places(w), 160);
  wpm_world_run(w, 11 * WPM_SECOND);
  runs_short(w);
  assert_int_equal(gone(w), 13);
  assert_int_equal(places(w), 87);
  assert_int_equal(wpm_manager_connection_count(w->manager), 87);
  wpm_world_run(w, WPM_MINUTE - 1);
  assert_int_equal(places(w), 87);
  wpm_world_run(w, 1);
  assert_int_equal(places(w), 98);
  assert_true(is_room(w, 500));
  wpm_world_run(w, 10 * WPM_MINUTE);
  assert_int_equal(places(w), 160);
  wpm_world_free(w);
}

static void said_again_soon_it_is_the_same(void **state) {
  (void)state;
  wpm_world *w = start(80);
  runs_short(w);
  assert_int_equal(gone(w), 11);
  wpm_world_run(w, 10 * WPM_SECOND - 1);
  runs_short(w);
  assert_int_equal(gone(w), 0);
  wpm_world_run(w, 1);
  runs_short(w);
  assert_int_equal(gone(w), 9); /* Of 69. */
  assert_int_equal(places(w), 60);
  wpm_world_free(w);
}

static void static_and_protected_peers_stay(void **state) {
  (void)state;
  wpm_world *w = start(16);
  for (int i = 0; i < 16; i++) {
    wpm_event e = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(i)};
    e.u.tag.tag = (wpm_tag){.name = {"x", 1}, .protects = true, .expires = WPM_WALL_NONE};
    assert_int_equal(i % 2 ? wpm_world_found(w, i, 0, true) : wpm_world_handle(w, &e), WPM_OK);
  }
  runs_short(w);
  assert_int_equal(gone(w), 0);
  assert_int_equal(places(w), 13);
  wpm_world_free(w);
}

static void some_places_are_left_at_all_times(void **state) {
  (void)state;
  wpm_world *w = start(0);
  runs_short(w);
  assert_int_equal(places(w), 8);
  wpm_world_run(w, WPM_MINUTE);
  assert_int_equal(places(w), 19);
  wpm_world_free(w);
}

static void without_memory_the_youngest_go(void **state) {
  (void)state;
  wpm_world *w = start(70);
  wpm_world_run(w, WPM_SECOND);
  for (int i = 70; i < 80; i++) {
    (void)wpm_world_come_in(w, i, 0);
  }
  wpm_event e = {.type = WPM_EVENT_SHORTAGE, .u.shortage.of = WPM_SHORTAGE_MEMORY};
  wpm_alloc_fail_at(1);
  int err = wpm_manager_handle(w->manager, &e, w->now);
  wpm_alloc_fail_off();
  assert_int_equal(err, WPM_OK);
  assert_int_equal(places(w), 69);
  assert_int_equal(wpm_manager_connection_count(w->manager), 69);
  for (int i = 70; i < 80; i++) {
    assert_int_equal(wpm_world_state(w, i), WPM_CAN_CONNECT);
  }
  e.u.shortage.of = (wpm_shortage)WPM_SHORTAGE_COUNT;
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_INVALID);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_eighth_goes_and_the_places_return_slowly),
      cmocka_unit_test(said_again_soon_it_is_the_same),
      cmocka_unit_test(static_and_protected_peers_stay),
      cmocka_unit_test(some_places_are_left_at_all_times),
      cmocka_unit_test(without_memory_the_youngest_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
