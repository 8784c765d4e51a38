/* Lives of managers and peers in a network under virtual time. */
#include "support/core/network.h"
#include "support/test.h"

#define S WPM_SECOND
#define MS WPM_MILLISECOND

static void expect_connected(const wpm_network *net, int manager, int node, bool connected) {
  wpm_connectivity state = wpm_network_record(net, manager, node).connectivity;
  assert_int_equal(state == WPM_CONNECTED, connected);
}

/* Two managers that know each other, dialling at the same moment or nearly: whatever the latency,
 * one connection is left, the same on both sides, and neither notes a disconnect. */
static void simultaneous_dials_leave_one_connection(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 100; i++) {
    wpm_network *net = wpm_network_new(i);
    wpm_network_latency(net, (int64_t)i * 100000, (int64_t)i * 5 * MS + 1);
    int a = wpm_network_add(net, true);
    int b = wpm_network_add(net, true);
    wpm_network_tell(net, a, b, true);
    wpm_network_run(net, (int64_t)(i % 10) * (int64_t)i * MS / 10);
    wpm_network_tell(net, b, a, true);
    for (int step = 0; step < 200; step++) {
      wpm_network_run(net, 100 * MS);
      assert_true(wpm_network_half_links(net, a, b) <= 2);
    }
    assert_int_equal(wpm_network_links(net, a, b), 1);
    assert_int_equal(wpm_network_half_links(net, a, b), 1);
    assert_int_equal(wpm_manager_connection_count(wpm_network_manager(net, a)), 1);
    assert_int_equal(wpm_manager_connection_count(wpm_network_manager(net, b)), 1);
    for (int n = 0; n < 2; n++) {
      wpm_peer_record r = wpm_network_record(net, n, 1 - n);
      assert_int_equal(r.connectivity, WPM_CONNECTED);
      assert_false(wpm_wall_known(r.disconnect_time));
      assert_int_equal(r.failures, 0);
      assert_int_equal(r.reason, WPM_REASON_NONE);
      assert_int_equal(r.prune_backoff.length_ns, 0);
      wpm_peer_record other = wpm_network_record(net, 1 - n, n);
      assert_int_not_equal(r.direction, other.direction);
    }
    wpm_network_run(net, WPM_HOUR);
    assert_int_equal(wpm_network_links(net, a, b), 1);
    assert_true(wpm_network_dials_seen(net, a) <= 1 && wpm_network_dials_seen(net, b) <= 1);
    wpm_network_free(net);
  }
}

/* The peer lost power and came back: our side still believes in the old connection. It dials, and
 * gets its new one. */
static void a_restarted_peer_gets_a_new_connection_beside_a_half_open_one(void **state) {
  (void)state;
  wpm_network *net = wpm_network_new(1);
  int a = wpm_network_add(net, true);
  int b = wpm_network_add(net, true);
  wpm_network_tell(net, b, a, true);
  wpm_network_run(net, 2 * WPM_MINUTE);
  expect_connected(net, a, b, true);
  int64_t since = wpm_network_record(net, a, b).connected_time.ns;
  wpm_network_kill(net, b, true);
  wpm_network_run(net, 10 * S);
  expect_connected(net, a, b, true); /* It cannot know. */
  wpm_network_start(net, b);
  wpm_network_run(net, 90 * S);
  assert_int_equal(wpm_network_links(net, a, b), 1);
  assert_int_equal(wpm_network_half_links(net, a, b), 1);
  expect_connected(net, a, b, true);
  expect_connected(net, b, a, true);
  assert_int_equal(wpm_network_record(net, a, b).connected_time.ns, since);
  wpm_network_free(net);
}

static void a_killed_peer_comes_back_by_itself(void **state) {
  (void)state;
  wpm_network *net = wpm_network_new(2);
  int a = wpm_network_add(net, true);
  int peer = wpm_network_add(net, false);
  wpm_network_tell(net, a, peer, true);
  wpm_network_run(net, 2 * WPM_MINUTE);
  expect_connected(net, a, peer, true);
  wpm_network_kill(net, peer, false);
  wpm_network_run(net, S);
  assert_int_equal(wpm_network_record(net, a, peer).connectivity, WPM_CAN_CONNECT);
  wpm_network_run(net, 63 * S); /* The first redial fails. */
  assert_int_equal(wpm_network_record(net, a, peer).connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(wpm_network_record(net, a, peer).reason, WPM_REASON_REFUSED);
  wpm_network_run(net, WPM_HOUR);
  wpm_network_start(net, peer);
  wpm_network_run(net, 5 * WPM_MINUTE + S); /* At most the longest retry delay. */
  expect_connected(net, a, peer, true);
  wpm_network_free(net);
}

static void a_frozen_peer_is_lost_after_two_misses(void **state) {
  (void)state;
  wpm_network *net = wpm_network_new(3);
  wpm_network_config(net)->ping_interval_ns = 10 * S;
  wpm_network_config(net)->ping_timeout_ns = 2 * S;
  int a = wpm_network_add(net, true);
  int peer = wpm_network_add(net, false);
  wpm_network_tell(net, a, peer, true);
  wpm_network_run(net, WPM_MINUTE);
  wpm_network_freeze(net, peer, true);
  wpm_network_run(net, 3 * S);
  expect_connected(net, a, peer, true);
  wpm_network_run(net, 11 * S);
  assert_int_equal(wpm_network_record(net, a, peer).reason, WPM_REASON_PING_TIMEOUT);
  assert_int_equal(wpm_network_record(net, a, peer).connectivity, WPM_CANNOT_CONNECT);
  wpm_network_freeze(net, peer, false);
  wpm_network_run(net, 10 * WPM_MINUTE);
  expect_connected(net, a, peer, true);
  wpm_network_free(net);
}

static void a_link_that_a_middle_box_forgot_is_found_out(void **state) {
  (void)state;
  wpm_network *net = wpm_network_new(4);
  int a = wpm_network_add(net, true);
  int b = wpm_network_add(net, true);
  wpm_network_tell(net, a, b, true);
  wpm_network_run(net, WPM_HOUR);
  wpm_network_cut(net, a, b);
  wpm_network_run(net, 7 * WPM_MINUTE);
  /* Whoever found out first dialled again; the other may have found out by that. */
  assert_true(wpm_network_record(net, a, b).reason == WPM_REASON_PING_TIMEOUT ||
              wpm_network_record(net, b, a).reason == WPM_REASON_PING_TIMEOUT);
  assert_int_equal(wpm_network_links(net, a, b), 1);
  assert_int_equal(wpm_network_half_links(net, a, b), 1);
  expect_connected(net, a, b, true);
  expect_connected(net, b, a, true);
  wpm_network_free(net);
}

static void another_cluster_is_ended_and_left_alone(void **state) {
  (void)state;
  wpm_network *net = wpm_network_new(5);
  int a = wpm_network_add(net, true);
  int peer = wpm_network_add(net, false);
  wpm_network_set_cluster(net, peer, 7);
  wpm_network_tell(net, a, peer, true);
  wpm_network_run(net, S);
  assert_int_equal(wpm_network_record(net, a, peer).reason, WPM_REASON_CLUSTER_MISMATCH);
  int64_t dialled = wpm_network_last_dialled(net, peer, a);
  for (int hour = 0; hour < 5; hour++) {
    wpm_network_run(net, WPM_HOUR);
    wpm_network_stop(net, a);
    wpm_network_start(net, a);
    wpm_network_tell(net, a, peer, true);
  }
  assert_int_equal(wpm_network_last_dialled(net, peer, a), dialled);
  wpm_network_set_cluster(net, peer, 1);
  wpm_network_run(net, WPM_HOUR + S);
  expect_connected(net, a, peer, true);
  wpm_network_free(net);
}

/* So many relay peers; the manager stops or dies and is started again at once. All are back within
 * backoff + `grace`; that none is dialled early is what the peers themselves check. */
static void restart_with(int peers, bool kill, int64_t backoff, int64_t slack, int64_t grace,
                         int64_t latency) {
  wpm_network *net = wpm_network_new((uint64_t)peers);
  wpm_manager_config *c = wpm_network_config(net);
  c->prune_backoff_ns = backoff;
  c->backoff_slack_ns = slack;
  c->max_connections = (size_t)peers + 100;
  wpm_network_latency(net, latency / 10, latency);
  int a = wpm_network_add(net, true);
  for (int i = 1; i <= peers; i++) {
    assert_int_equal(wpm_network_add(net, false), i);
    wpm_network_tell(net, a, i, i % 2);
    if (i % 2 == 0) {
      wpm_network_person(net, a, i, WPM_EVENT_PERSON_CONNECT);
    }
  }
  wpm_network_run(net, 2 * WPM_MINUTE);
  assert_int_equal(wpm_manager_connection_count(wpm_network_manager(net, a)), peers);
  if (kill) {
    wpm_network_kill(net, a, false);
  } else {
    wpm_network_stop(net, a);
  }
  wpm_network_run(net, S);
  int64_t start = wpm_network_now(net);
  wpm_network_start(net, a);
  wpm_network_run(net, backoff + slack + grace);
  for (int i = 1; i <= peers; i++) {
    expect_connected(net, a, i, true);
    assert_true(wpm_network_last_dialled(net, i, a) > start);
  }
  wpm_network_free(net);
}

static void two_hundred_relay_peers_come_back(void **state) {
  (void)state;
  restart_with(200, true, 5 * S, 0, 3 * S, 20 * MS);
  restart_with(200, false, 5 * S, 0, 3 * S, 20 * MS);
}

/* A dial of up to 400 ms, 256 in flight. */
static void a_thousand_relay_peers_come_back(void **state) {
  (void)state;
  restart_with(1000, true, 60 * S, 2 * S, 3 * S, 100 * MS);
  restart_with(1000, false, 60 * S, 2 * S, 3 * S, 100 * MS);
}

/* A month of a dozen managers and peers that come and go; nobody is dialled inside its backoff (the
 * peers check), and once everyone is up for good, all are connected again. */
static void a_month(void **state) {
  (void)state;
  enum { MANAGERS = 3, PEERS = 12, ALL = MANAGERS + PEERS };
  wpm_network *net = wpm_network_new(6);
  wpm_network_config(net)->backoff_slack_ns = 0;
  bool up[ALL];
  uint64_t random = 99;
  for (int i = 0; i < ALL; i++) {
    wpm_network_add(net, i < MANAGERS);
    up[i] = true;
  }
  for (int m = 0; m < MANAGERS; m++) {
    for (int i = m + 1; i < ALL; i++) {
      wpm_network_tell(net, m, i, true);
    }
  }
  for (int step = 0; step < 30 * 24; step++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int node = (int)(random >> 33) % ALL;
    wpm_network_run(net, (int64_t)(random >> 40) % (2 * WPM_HOUR / MS) * MS);
    if (!up[node]) {
      wpm_network_start(net, node);
    } else if (random >> 60 < 8) {
      wpm_network_kill(net, node, random >> 60 < 3);
    } else {
      wpm_network_stop(net, node);
    }
    up[node] = !up[node];
  }
  for (int i = 0; i < ALL; i++) {
    if (!up[i]) {
      wpm_network_start(net, i);
    }
  }
  wpm_network_run(net, WPM_HOUR);
  for (int m = 0; m < MANAGERS; m++) {
    for (int i = m + 1; i < ALL; i++) {
      expect_connected(net, m, i, true);
      assert_int_equal(wpm_network_links(net, m, i), 1);
    }
    wpm_error error;
    assert_int_equal(wpm_store_check(wpm_manager_store(wpm_network_manager(net, m)), &error),
                     WPM_OK);
  }
  wpm_network_free(net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(simultaneous_dials_leave_one_connection),
      cmocka_unit_test(a_restarted_peer_gets_a_new_connection_beside_a_half_open_one),
      cmocka_unit_test(a_killed_peer_comes_back_by_itself),
      cmocka_unit_test(a_frozen_peer_is_lost_after_two_misses),
      cmocka_unit_test(a_link_that_a_middle_box_forgot_is_found_out),
      cmocka_unit_test(another_cluster_is_ended_and_left_alone),
      cmocka_unit_test(two_hundred_relay_peers_come_back),
      cmocka_unit_test(a_thousand_relay_peers_come_back),
      cmocka_unit_test(a_month),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
