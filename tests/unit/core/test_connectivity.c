/* The four states of 27/WAKU2-PEERS and what leads to each; reasons; actions of a life. */
#include "support/core/world.h"
#include "support/test.h"

static int setup(void **state) {
  wpm_world *w = wpm_world_new(100);
  wpm_world_start(w);
  *state = w;
  return 0;
}

static int teardown(void **state) {
  wpm_world_free(*state);
  return 0;
}

static void a_static_node_is_dialled_at_once(void **state) {
  wpm_world *w = *state;
  assert_int_equal(wpm_world_found(w, 1, 60000, true), WPM_OK);
  assert_int_equal(wpm_world_state(w, 1), WPM_NOT_CONNECTED);
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(dial->address_count, 1);
  assert_int_equal(dial->first_port, 60000);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_DIALLING, WPM_SPAN_NONE, 0);
  wpm_world_expect_none(w, WPM_ACTION_NOTIFY, 1);
}

static void a_connection_makes_it_connected(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 60000, true);
  wpm_connection_id c = wpm_world_come_up(w, 1, -1);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.connectivity, WPM_CONNECTED);
  assert_int_equal(r.direction, WPM_OUTBOUND);
  assert_true(r.held);
  assert_int_equal(r.connected_time.ns, w->now.wall.ns);
  assert_false(wpm_wall_known(r.disconnect_time));
  assert_int_equal(r.addresses[0].last_success.ns, w->now.wall.ns);
  assert_int_equal(r.public_key.len, 37);
  wpm_world_action *notify = wpm_world_expect(w, WPM_ACTION_NOTIFY, 1);
  assert_int_equal(notify->from, WPM_NOT_CONNECTED);
  assert_int_equal(notify->to, WPM_CONNECTED);
  assert_int_equal(notify->reason, WPM_REASON_NONE);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_IDENTIFY, 1)->connection, c);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_REQUEST_METADATA, 1)->connection, c);
  assert_int_equal(wpm_manager_connection_count(w->manager), 1);
  assert_int_equal(wpm_manager_dial_count(w->manager), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_static_node_is_dialled_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(a_connection_makes_it_connected, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
