/* The event IMPORTED: a peer that another store knows. */
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

static wpm_peer_record imported(int peer, wpm_address *address) {
  return wpm_world_imported(peer, wpm_world_address(peer, 4001), address);
}

static int import(wpm_world *w, const wpm_peer_record *record) {
  wpm_event event = {
      .type = WPM_EVENT_IMPORTED, .peer = record->id, .u.imported = {.record = record}};
  return wpm_world_handle(w, &event);
}

static void test_a_new_peer_is_stored(void **state) {
  wpm_world *w = *state;
  wpm_address address;
  wpm_peer_record record = imported(1, &address);
  assert_int_equal(import(w, &record), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1); /* Never held: it is not wanted for that. */
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  wpm_world_check(w);
}

static void test_one_that_was_held_comes_back(void **state) {
  wpm_world *w = *state;
  wpm_address address;
  wpm_peer_record record = imported(1, &address);
  record.held = true;
  record.reason = WPM_REASON_IMPORTED;
  assert_int_equal(import(w, &record), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_CANNOT_CONNECT);
  wpm_world_run(w, WPM_SECOND);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_world_check(w);
}

static void test_a_live_connection_stays(void **state) {
  wpm_world *w = *state;
  wpm_address address;
  wpm_peer_record record = imported(1, &address);
  record.held = true;
  wpm_world_found(w, 1, 60000, true);
  (void)wpm_world_come_up(w, 1, 1);
  wpm_world_forget_log(w);
  assert_int_equal(import(w, &record), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
  wpm_world_check(w);
}

static void test_refused(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  wpm_address address;
  wpm_peer_record record = imported(1, &address);
  w->config.store.max_peers = 1;
  wpm_world_start(w);
  wpm_event other = {
      .type = WPM_EVENT_IMPORTED, .peer = wpm_world_id(2), .u.imported = {.record = &record}};
  assert_int_equal(wpm_world_handle(w, &other), WPM_ERR_INVALID);
  assert_int_equal(import(w, &record), WPM_OK);
  wpm_peer_record second = imported(2, &address);
  assert_int_equal(import(w, &second), WPM_ERR_FULL); /* Nobody gives way. */
  record = imported(1, &address);
  assert_int_equal(import(w, &record), WPM_OK);
  wpm_world_check(w);
  wpm_world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_new_peer_is_stored),
      TEST(test_one_that_was_held_comes_back),
      TEST(test_a_live_connection_stays),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
