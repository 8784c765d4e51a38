/* Paths over which nothing comes back. */
#include "core/black_hole.h"
#include "support/core/world.h"
#include "support/test.h"
#include <wakupeers/explain.h>

#include <stdio.h>

enum {
  FIRST = 200,     /* Peers from here on have one address, over IPv6. */
  WITNESSES = 1000 /* From here on, over IPv4. */
};

/* A world, and who comes next in it. */
typedef struct scene {
  wpm_world *w;
  int next;    /* Over IPv6. */
  int witness; /* Over IPv4. */
} scene;

typedef struct address_text {
  char text[64];
} address_text;

static address_text over_ip6(int peer) {
  address_text a;
  (void)snprintf(a.text, sizeof(a.text), "/ip6/2001:db8::%x/tcp/6", (unsigned)peer);
  return a;
}

static address_text over_ip4(int peer) {
  address_text a;
  (void)snprintf(a.text, sizeof(a.text), "/ip4/45.%d.%d.1/tcp/4", peer >> 8, peer & 255);
  return a;
}

static void name(wpm_world *w, int peer, address_text address) {
  wpm_world_named(w, peer, WPM_SOURCE_DNS, (const char *const[]){address.text}, 1);
}

/* The dial of the peer fails at that address. */
static void dial_fails(wpm_world *w, int peer, address_text address, wpm_reason reason) {
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  wpm_world_dial_ended(w, peer, dial, NULL, (const char *const[]){address.text}, 1, reason);
}

static wpm_connection_id come_up(wpm_world *w, int peer, address_text address) {
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  return wpm_world_dial_ended(w, peer, dial, address.text, NULL, 0, WPM_REASON_NONE);
}

/* So many dials over IPv6 meet with this. */
static void dial_over_ip6(scene *s, int count, wpm_reason reason) {
  for (int i = 0; i < count; i++) {
    int peer = s->next++;
    name(s->w, peer, over_ip6(peer));
    dial_fails(s->w, peer, over_ip6(peer), reason);
  }
}

/* Another peer comes up over IPv4. */
static void witness(scene *s) {
  int peer = s->witness++;
  name(s->w, peer, over_ip4(peer));
  come_up(s->w, peer, over_ip4(peer));
}

/* Somebody is connected: where nobody is, the first who comes up begins a new epoch. */
static scene begin(wpm_world *w) {
  scene s = {w, FIRST, WITNESSES};
  witness(&s);
  return s;
}

static bool is_blocked(const scene *s, wpm_path path) {
  return wpm_manager_path(s->w->manager, path).is_blocked;
}

static void block_ip6(scene *s) {
  for (int i = 0; i < 4; i++) {
    dial_over_ip6(s, 25, WPM_REASON_DIAL_TIMEOUT);
    witness(s);
  }
  assert_true(is_blocked(s, WPM_PATH_TCP_IP6));
}

/* A peer that nobody tried yet, over IPv6 alone: held. */
static int held_peer(scene *s) {
  int peer = s->next++;
  name(s->w, peer, over_ip6(peer));
  wpm_world_expect_plan(s->w, peer, WPM_HELD_BY_BLACK_HOLE, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_expect_none(s->w, WPM_ACTION_DIAL, peer);
  return peer;
}

/* ---- what counts --------------------------------------------------------------------------------- */

static void a_hundred_in_silence_while_others_work(void **state) {
  scene s = begin(*state);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, 25 * i);
    dial_over_ip6(&s, 25, WPM_REASON_DIAL_TIMEOUT);
    assert_false(is_blocked(&s, WPM_PATH_TCP_IP6));
    witness(&s);
  }
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, WPM_PATH_SILENT_MAX);
  for (int path = 0; path < WPM_PATH_COUNT; path++) {
    assert_int_equal(is_blocked(&s, (wpm_path)path), path == WPM_PATH_TCP_IP6);
  }
  held_peer(&s);
  uint64_t cursor = 0;
  wpm_history_entry entry;
  bool told = false;
  while (wpm_manager_next_history(s.w->manager, &cursor, &entry)) {
    told = told || entry.kind == WPM_HISTORY_PATH_BLOCKED;
  }
  assert_true(told);
}

/* All are silent, and one comes up: that says that the network is back, and no more. */
static void a_spell_without_a_network_is_none(void **state) {
  scene s = begin(*state);
  dial_over_ip6(&s, 200, WPM_REASON_DIAL_TIMEOUT);
  assert_false(is_blocked(&s, WPM_PATH_TCP_IP6));
  witness(&s);
  assert_false(is_blocked(&s, WPM_PATH_TCP_IP6));
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, 25);
}

/* Whatever comes back came over the path: the count begins anew. */
static void any_answer_tells_that_the_path_works(void **state) {
  static const wpm_reason answers[] = {WPM_REASON_REFUSED, WPM_REASON_PEER_ID_MISMATCH,
                                       WPM_REASON_HANDSHAKE_FAILED, WPM_REASON_UPGRADE_CLOSED};
  scene s = begin(*state);
  for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
    dial_over_ip6(&s, 25, WPM_REASON_UNREACHABLE);
    witness(&s);
    dial_over_ip6(&s, 5, WPM_REASON_TIMED_OUT);
    dial_over_ip6(&s, 1, answers[i]);
    witness(&s);
    assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, 0);
  }
}

static void our_own_failures_say_nothing(void **state) {
  scene s = begin(*state);
  dial_over_ip6(&s, 20, WPM_REASON_LOCAL_FAILURE);
  dial_over_ip6(&s, 20, WPM_REASON_UNSUPPORTED_ADDRESS);
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_OFFLINE};
  for (int i = 0; i < 10; i++) {
    name(s.w, s.next + i, over_ip6(s.next + i));
  }
  assert_int_equal(wpm_world_handle(s.w, &e), WPM_OK);
  for (int i = 0; i < 10; i++, s.next++) {
    dial_fails(s.w, s.next, over_ip6(s.next), WPM_REASON_DIAL_TIMEOUT);
  }
  e.u.network.state = WPM_NETWORK_ONLINE;
  assert_int_equal(wpm_world_handle(s.w, &e), WPM_OK);
  witness(&s);
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, 0);
}

static void only_public_addresses_count(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.dial_private = true;
  wpm_world_start(w);
  scene s = begin(w);
  for (int peer = 1; peer <= 25; peer++) {
    address_text near;
    (void)snprintf(near.text, sizeof(near.text), "/ip6/fd00::%x/tcp/6", (unsigned)peer);
    name(s.w, peer, near);
    dial_fails(s.w, peer, near, WPM_REASON_DIAL_TIMEOUT);
  }
  witness(&s);
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, 0);
  wpm_world_free(s.w);
}

/* Who fills our store with dead addresses does not close the path that works. */
static void a_live_connection_keeps_its_path_open(void **state) {
  scene s = begin(*state);
  int peer = s.next++;
  name(s.w, peer, over_ip6(peer));
  wpm_connection_id c = come_up(s.w, peer, over_ip6(peer));
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).connections, 1);
  for (int i = 0; i < 5; i++) {
    dial_over_ip6(&s, 25, WPM_REASON_DIAL_TIMEOUT);
    witness(&s);
  }
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).silent, 0);
  wpm_world_disconnected(s.w, peer, c, WPM_REASON_RESET);
  assert_int_equal(wpm_manager_path(s.w->manager, WPM_PATH_TCP_IP6).connections, 0);
  block_ip6(&s);
}

/* ---- what follows -------------------------------------------------------------------------------- */

/* Both addresses of a peer: it is dialled without the blocked one, but for one dial a minute, where that
 * comes first. */
static void others_of_a_peer_are_dialled(void **state) {
  scene s = begin(*state);
  block_ip6(&s);
  for (int round = 0; round < 3; round++) {
    int peer = s.next++;
    address_text near = over_ip4(peer);
    address_text far = over_ip6(peer);
    wpm_world_named(s.w, peer, WPM_SOURCE_DNS, (const char *const[]){near.text, far.text}, 2);
    const wpm_world_action *dial = wpm_world_expect(s.w, WPM_ACTION_DIAL, peer);
    bool tries = round == 1;
    assert_int_equal(dial->address_count, tries ? 2 : 1);
    assert_int_equal(dial->ports[0], tries ? 6 : 4);
    assert_int_equal(dial->ports[dial->address_count - 1], 4);
    if (round == 0) {
      wpm_world_run(s.w, WPM_MINUTE);
    }
  }
}

/* Of many held one goes a minute; which one is drawn, and the same is not tried again at once. */
static void one_a_minute_tries(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.keep_alive = false; /* The others stay. */
  wpm_world_start(w);
  scene s = begin(w);
  block_ip6(&s);
  wpm_world_run(s.w, 5 * WPM_MINUTE + WPM_SECOND); /* All retry delays are over. */
  wpm_world_forget_log(s.w);
  int last = -1;
  for (int minute = 0; minute < 10; minute++) {
    wpm_world_run(s.w, WPM_MINUTE);
    const wpm_world_action *dial = wpm_world_expect(s.w, WPM_ACTION_DIAL, -1);
    int peer = dial->peer;
    assert_int_equal(dial->address_count, 1);
    assert_int_not_equal(peer, last);
    last = peer;
    uint32_t failures = wpm_world_record(s.w, peer).failures;
    wpm_wall failed = wpm_world_record(s.w, peer).addresses[0].last_failure;
    address_text address = over_ip6(peer);
    wpm_world_dial_ended(s.w, peer, dial->dial, NULL, (const char *const[]){address.text}, 1,
                         WPM_REASON_DIAL_TIMEOUT);
    /* It counts against nobody. */
    assert_int_equal(wpm_world_record(s.w, peer).failures, failures);
    assert_int_equal(wpm_world_record(s.w, peer).addresses[0].last_failure.ns, failed.ns);
    wpm_world_expect_plan(s.w, peer, WPM_HELD_BY_RETRY_DELAY, 200 * WPM_SECOND, 5 * WPM_MINUTE);
    wpm_world_expect_none(s.w, WPM_ACTION_DIAL, -1);
  }
  wpm_world_free(w);
}

static void an_answer_opens_it_for_all(void **state) {
  scene s = begin(*state);
  block_ip6(&s);
  int one = held_peer(&s);
  int other = held_peer(&s);
  wpm_world_run(s.w, WPM_MINUTE);
  const wpm_world_action *dial = wpm_world_expect(s.w, WPM_ACTION_DIAL, -1);
  address_text address = over_ip6(dial->peer);
  wpm_world_forget_log(s.w);
  /* Its own failure counts: somebody was there. */
  int peer = dial->peer;
  uint32_t failures = wpm_world_record(s.w, peer).failures;
  wpm_world_dial_ended(s.w, peer, dial->dial, NULL, (const char *const[]){address.text}, 1,
                       WPM_REASON_REFUSED);
  assert_int_equal(wpm_world_record(s.w, peer).failures, failures + 1);
  assert_false(is_blocked(&s, WPM_PATH_TCP_IP6));
  if (peer != one) {
    wpm_world_expect(s.w, WPM_ACTION_DIAL, one);
  }
  if (peer != other) {
    wpm_world_expect(s.w, WPM_ACTION_DIAL, other);
  }
}

static void a_person_dials_at_all_times(void **state) {
  scene s = begin(*state);
  block_ip6(&s);
  int peer = held_peer(&s);
  wpm_world_person(s.w, peer, WPM_EVENT_PERSON_CONNECT);
  dial_fails(s.w, peer, over_ip6(peer), WPM_REASON_DIAL_TIMEOUT);
  assert_int_equal(wpm_world_record(s.w, peer).failures, 0);
  wpm_world_person(s.w, peer, WPM_EVENT_PERSON_CONNECT);
  come_up(s.w, peer, over_ip6(peer));
  assert_false(is_blocked(&s, WPM_PATH_TCP_IP6));
}

static void another_network_begins_anew(void **state) {
  scene s = begin(*state);
  block_ip6(&s);
  int peer = held_peer(&s);
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_CHANGED};
  assert_int_equal(wpm_world_handle(s.w, &e), WPM_OK);
  assert_false(is_blocked(&s, WPM_PATH_TCP_IP6));
  wpm_world_expect(s.w, WPM_ACTION_DIAL, peer);
}

/* Nothing is tried, and nobody waits for it. */
static void without_a_network_no_one_tries(void **state) {
  scene s = begin(*state);
  block_ip6(&s);
  held_peer(&s);
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_OFFLINE};
  assert_int_equal(wpm_world_handle(s.w, &e), WPM_OK);
  wpm_world_forget_log(s.w);
  wpm_world_run(s.w, 2 * WPM_MINUTE); /* To deadlines that are to come, each. */
  wpm_world_expect_none(s.w, WPM_ACTION_DIAL, -1);
}

/* Peers that became ready before the path was blocked wait for a place: when there is one, those that are
 * not held go first, whatever their kind. */
static void the_held_go_last(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.max_connections = 6;
  wpm_world_start(w);
  scene s = begin(w);
  block_ip6(&s); /* Five are connected. */
  int last = s.witness++;
  name(s.w, last, over_ip4(last));
  wpm_connection_id c = come_up(s.w, last, over_ip4(last));
  int held = s.next++;
  int free = s.witness++;
  name(s.w, held, over_ip6(held));
  name(s.w, free, over_ip4(free));
  wpm_world_expect_none(s.w, WPM_ACTION_DIAL, held);
  wpm_world_expect_none(s.w, WPM_ACTION_DIAL, free);
  wpm_world_disconnected(s.w, last, c, WPM_REASON_EOF);
  wpm_world_expect(s.w, WPM_ACTION_DIAL, free);
  wpm_world_expect_none(s.w, WPM_ACTION_DIAL, held);
  wpm_world_free(s.w);
}

static void each_path_has_a_name(void **state) {
  (void)state;
  for (int i = 0; i < WPM_PATH_COUNT; i++) {
    assert_string_not_equal(wpm_path_name((wpm_path)i), "?");
  }
  assert_string_equal(wpm_path_name(WPM_PATH_WS_IP6), "ws_ip6");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_hundred_in_silence_while_others_work),
      TEST(a_spell_without_a_network_is_none),
      TEST(any_answer_tells_that_the_path_works),
      TEST(our_own_failures_say_nothing),
      cmocka_unit_test(only_public_addresses_count),
      TEST(a_live_connection_keeps_its_path_open),
      TEST(others_of_a_peer_are_dialled),
      TEST(one_a_minute_tries),
      TEST(an_answer_opens_it_for_all),
      TEST(a_person_dials_at_all_times),
      TEST(another_network_begins_anew),
      TEST(without_a_network_no_one_tries),
      cmocka_unit_test(the_held_go_last),
      cmocka_unit_test(each_path_has_a_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
