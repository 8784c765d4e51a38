/* Limits on inbound connections, by where they come from. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define S WPM_SECOND

static wpm_bytes parse(const char *text) {
  static wpm_multiaddr out[4];
  static unsigned next;
  wpm_multiaddr *at = &out[next++ % 4];
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, strlen(text)}, at, NULL), WPM_OK);
  return wpm_multiaddr_view(at);
}

static wpm_reason reason_of(wpm_inbound_rule rule) {
  switch (rule) {
  case WPM_INBOUND_PER_IP:
    return WPM_REASON_INBOUND_PER_IP;
  case WPM_INBOUND_PER_NETWORK:
    return WPM_REASON_INBOUND_PER_NETWORK;
  case WPM_INBOUND_PACE:
    return WPM_REASON_INBOUND_PACE;
  case WPM_INBOUND_BAN:
    return WPM_REASON_RANGE_BANNED;
  case WPM_INBOUND_ADMITTED:
    break;
  }
  return WPM_REASON_NONE;
}

/* Of whatever rule was counted since: the reason of a refusal is its own. */
static void expect_reason(const wpm_world *w, const wpm_inbound_counters *before,
                          const wpm_world_action *refused) {
  const wpm_inbound_counters now = wpm_manager_inbound_refused(w->manager);
  wpm_reason expected = WPM_REASON_NONE;
  for (int rule = 0; rule < WPM_INBOUND_RULE_COUNT; rule++) {
    expected =
        now.by_rule[rule] > before->by_rule[rule] ? reason_of((wpm_inbound_rule)rule) : expected;
  }
  assert_string_equal(wpm_reason_name(refused ? refused->reason : WPM_REASON_NONE),
                      wpm_reason_name(expected));
}

/* The peer connects from there; 0: it was refused, for the reason of the rule that did. */
static wpm_connection_id come_from(wpm_world *w, int peer, const char *remote) {
  const wpm_inbound_counters before = wpm_manager_inbound_refused(w->manager);
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(peer)};
  e.u.connected.connection = w->next_connection++;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = parse(remote);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  const wpm_world_action *closed = wpm_world_take(w, WPM_ACTION_DISCONNECT, peer);
  bool refused = closed != NULL;
  expect_reason(w, &before, closed);
  wpm_world_forget_log(w);
  return refused ? 0 : e.u.connected.connection;
}

static uint64_t refused_by(const wpm_world *w, wpm_inbound_rule rule) {
  return wpm_manager_inbound_refused(w->manager).by_rule[rule];
}

static wpm_world *start(size_t per_ip, size_t per_network, bool paced) {
  wpm_world *w = wpm_world_new(100);
  w->config.inbound_per_ip = per_ip;
  w->config.inbound_per_network = per_network;
  w->config.inbound_paced = paced;
  wpm_world_start(w);
  return w;
}

static void of_one_address_five_are_connected(void **state) {
  wpm_world *w = *state;
  wpm_connection_id first = 0;
  for (int peer = 0; peer < 5; peer++) {
    wpm_connection_id c = come_from(w, peer, "/ip4/45.1.1.1/tcp/1");
    assert_true(c != 0);
    first = peer == 0 ? c : first;
  }
  assert_true(come_from(w, 5, "/ip4/45.1.1.1/tcp/2") == 0);
  assert_int_equal(refused_by(w, WPM_INBOUND_PER_IP), 1);
  assert_true(come_from(w, 6, "/ip4/45.1.1.2/tcp/1") != 0);
  /* Nobody went for the newcomer; where one goes there is room. */
  assert_int_equal(wpm_world_state(w, 0), WPM_CONNECTED);
  wpm_world_disconnected(w, 0, first, WPM_REASON_EOF);
  assert_true(come_from(w, 5, "/ip4/45.1.1.1/tcp/2") != 0);
}

static void an_ip6_address_is_its_64(void **state) {
  (void)state;
  wpm_world *w = start(2, 0, false);
  assert_true(come_from(w, 0, "/ip6/2001:db8:0:7::1/tcp/1") != 0);
  assert_true(come_from(w, 1, "/ip6/2001:db8:0:7:ffff::2/tcp/1") != 0);
  assert_true(come_from(w, 2, "/ip6/2001:db8:0:7::3/tcp/1") == 0);
  assert_true(come_from(w, 3, "/ip6/2001:db8:0:8::1/tcp/1") != 0);
  wpm_world_free(w);
}

static void of_one_network_so_many_are_connected(void **state) {
  (void)state;
  wpm_world *w = start(0, 3, false);
  static const char *const from[] = {"/ip4/45.1.1.1/tcp/1", "/ip4/45.1.1.2/tcp/1",
                                     "/ip4/45.1.1.3/tcp/1", "/ip4/45.1.1.4/tcp/1"};
  for (int peer = 0; peer < 4; peer++) {
    assert_int_equal(come_from(w, peer, from[peer]) != 0, peer < 3);
  }
  assert_int_equal(refused_by(w, WPM_INBOUND_PER_NETWORK), 1);
  assert_true(come_from(w, 5, "/ip4/45.1.2.1/tcp/1") != 0);
  wpm_world_free(w);
}

/* nwaku's issue 2306: a reverse proxy, behind which all have one address. */
static void a_range_can_be_exempt(void **state) {
  (void)state;
  wpm_ip_range proxy;
  assert_int_equal(wpm_ip_range_parse(WPM_TEXT("45.1.0.0/16"), &proxy), WPM_OK);
  wpm_world *w = wpm_world_new(100);
  w->config.inbound_per_ip = 1;
  w->config.inbound_allow = &proxy;
  w->config.inbound_allow_count = 1;
  wpm_world_start(w);
  memset(&proxy, 0, sizeof(proxy)); /* It was copied. */
  for (int peer = 0; peer < 40; peer++) {
    assert_true(come_from(w, peer, "/ip4/45.1.77.7/tcp/1") != 0);
  }
  assert_true(come_from(w, 50, "/ip4/45.2.0.1/tcp/1") != 0);
  assert_true(come_from(w, 51, "/ip4/45.2.0.1/tcp/1") == 0);
  assert_true(come_from(w, 52, "/ip4/127.0.0.1/tcp/1") != 0);
  assert_true(come_from(w, 53, "/ip4/127.0.0.1/tcp/1") == 0); /* The default list is replaced. */
  wpm_world_free(w);
}

static void loopback_is_exempt_unless_said_otherwise(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 40; peer++) {
    assert_true(come_from(w, peer, peer % 2 ? "/ip4/127.0.0.1/tcp/1" : "/ip6/::1/tcp/1") != 0);
  }
}

static void a_static_peer_has_its_place(void **state) {
  (void)state;
  wpm_world *w = start(1, 1, true);
  wpm_world_found(w, 7, 60000, true);
  assert_true(come_from(w, 1, "/ip4/45.1.1.1/tcp/1") != 0);
  assert_true(come_from(w, 7, "/ip4/45.1.1.1/tcp/1") != 0);
  wpm_world_free(w);
}

static void without_limits_all_may_come(void **state) {
  (void)state;
  wpm_world *w = start(0, 0, false);
  for (int peer = 0; peer < 90; peer++) {
    assert_true(come_from(w, peer, "/ip4/45.1.1.1/tcp/1") != 0);
  }
  wpm_world_free(w);
}

/* A js-waku that was dropped redials 75 times a second. */
static void who_redials_all_the_time_is_paced(void **state) {
  wpm_world *w = *state;
  wpm_bytes remote = parse("/ip4/45.1.1.1/tcp/1");
  unsigned admitted = 0;
  for (int i = 0; i < 75 * 60; i++) {
    admitted += wpm_manager_admit(w->manager, remote, w->now) == WPM_INBOUND_ADMITTED;
    wpm_world_pass(w, S / 75);
  }
  assert_in_range(admitted, 16 + 58, 16 + 61);
  assert_int_equal(refused_by(w, WPM_INBOUND_PACE), 75 * 60 - admitted);
  assert_int_equal(wpm_manager_admit(w->manager, parse("/ip4/45.9.9.9/tcp/1"), w->now),
                   WPM_INBOUND_ADMITTED);
  wpm_world_pass(w, WPM_MINUTE);
  for (int i = 0; i < 16; i++) {
    assert_int_equal(wpm_manager_admit(w->manager, remote, w->now), WPM_INBOUND_ADMITTED);
  }
  assert_int_equal(wpm_manager_admit(w->manager, remote, w->now), WPM_INBOUND_PACE);
}

static void a_network_is_paced_as_four_addresses(void **state) {
  wpm_world *w = *state;
  unsigned admitted = 0;
  for (int i = 0; i < 250; i++) {
    char text[64];
    assert_true(snprintf(text, sizeof(text), "/ip4/45.1.1.%d/tcp/1", i) > 0);
    admitted += wpm_manager_admit(w->manager, parse(text), w->now) == WPM_INBOUND_ADMITTED;
  }
  assert_int_equal(admitted, 64);
}

static void a_peer_is_paced_wherever_it_comes_from(void **state) {
  (void)state;
  wpm_world *w = start(0, 0, true);
  for (int i = 0; i < 18; i++) {
    char remote[64];
    (void)snprintf(remote, sizeof remote, "/ip4/45.%d.1.1/tcp/1", i);
    wpm_connection_id c = come_from(w, 1, i % 2 ? remote : "/ip4/127.0.0.1/tcp/1");
    assert_int_equal(c != 0, i < 16);
    if (c) {
      wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
    }
  }
  assert_int_equal(refused_by(w, WPM_INBOUND_PACE), 2);
  assert_true(come_from(w, 2, "/ip4/127.0.0.1/tcp/1") != 0);
  wpm_world_run(w, S);
  assert_true(come_from(w, 1, "/ip4/127.0.0.1/tcp/1") != 0);
  assert_int_equal(wpm_world_found(w, 3, 0, true), WPM_OK); /* A static peer may. */
  for (int i = 0; i < 40; i++) {
    wpm_connection_id c = come_from(w, 3, "/ip4/127.0.0.1/tcp/1");
    assert_true(c != 0);
    wpm_world_disconnected(w, 3, c, WPM_REASON_EOF);
  }
  wpm_world_free(w);
}

/* Where the host does not ask, the connections themselves are the attempts; where it asks they are not
 * counted twice. */
static void attempts_count_once(void **state) {
  (void)state;
  for (int asks = 0; asks < 2; asks++) {
    wpm_world *w = start(0, 0, true);
    int came = 0;
    for (int peer = 0; peer < 40; peer++) {
      wpm_bytes remote = parse("/ip4/45.1.1.1/tcp/1");
      if (asks && wpm_manager_admit(w->manager, remote, w->now) != WPM_INBOUND_ADMITTED) {
        continue;
      }
      came += come_from(w, peer, "/ip4/45.1.1.1/tcp/1") != 0;
    }
    assert_int_equal(came, 16);
    wpm_world_free(w);
  }
}

/* A handshake that fails leaves nothing behind (go-waku's counter leaks there). */
static void who_was_admitted_and_did_not_come_takes_no_place(void **state) {
  wpm_world *w = *state;
  for (int i = 0; i < 1000; i++) {
    (void)wpm_manager_admit(w->manager, parse("/ip4/45.1.1.1/tcp/1"), w->now);
    wpm_world_pass(w, 2 * S);
  }
  assert_true(come_from(w, 1, "/ip4/45.1.1.1/tcp/1") != 0);
}

static void a_flood_of_addresses_takes_bounded_memory(void **state) {
  wpm_world *w = *state;
  wpm_connection_id stays = come_from(w, 1, "/ip4/45.1.1.1/tcp/1");
  for (uint32_t i = 0; i < 60000; i++) {
    char text[64];
    assert_true(snprintf(text, sizeof(text), "/ip4/46.%u.%u.%u/tcp/1", i % 250, i / 250 % 250,
                         1 + i / 62500) > 0);
    (void)wpm_manager_admit(w->manager, parse(text), w->now);
    wpm_world_pass(w, WPM_MILLISECOND);
  }
  assert_true(w->manager->inbound.count <= 8192);
  assert_int_equal(w->manager->inbound.by_key.count, w->manager->inbound.count);
  /* Who is connected is still counted. */
  for (int peer = 2; peer < 6; peer++) {
    assert_true(come_from(w, peer, "/ip4/45.1.1.1/tcp/1") != 0);
  }
  assert_true(come_from(w, 6, "/ip4/45.1.1.1/tcp/1") == 0);
  wpm_world_disconnected(w, 1, stays, WPM_REASON_EOF);
  assert_true(come_from(w, 6, "/ip4/45.1.1.1/tcp/1") != 0);
}

static void rules_have_names(void **state) {
  (void)state;
  for (int rule = 0; rule < WPM_INBOUND_RULE_COUNT; rule++) {
    assert_string_not_equal(wpm_inbound_rule_name((wpm_inbound_rule)rule), "?");
  }
  assert_string_equal(wpm_inbound_rule_name((wpm_inbound_rule)WPM_INBOUND_RULE_COUNT), "?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(of_one_address_five_are_connected),
      cmocka_unit_test(an_ip6_address_is_its_64),
      cmocka_unit_test(of_one_network_so_many_are_connected),
      cmocka_unit_test(a_range_can_be_exempt),
      TEST(loopback_is_exempt_unless_said_otherwise),
      cmocka_unit_test(a_static_peer_has_its_place),
      cmocka_unit_test(without_limits_all_may_come),
      TEST(who_redials_all_the_time_is_paced),
      TEST(a_network_is_paced_as_four_addresses),
      cmocka_unit_test(a_peer_is_paced_wherever_it_comes_from),
      cmocka_unit_test(attempts_count_once),
      TEST(who_was_admitted_and_did_not_come_takes_no_place),
      TEST(a_flood_of_addresses_takes_bounded_memory),
      cmocka_unit_test(rules_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
