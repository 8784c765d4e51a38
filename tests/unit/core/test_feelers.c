/* Trial connections, and that nobody goes untested from a full store. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND

static wpm_world *make(uint64_t seed) {
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1;
  w->config.rotate_ns = 0;
  w->config.keep_alive = false;
  w->config.seed = seed;
  return w;
}

static int hear(wpm_world *w, int peer) {
  wpm_bytes address = wpm_world_address(peer, 60000);
  wpm_event e = wpm_world_heard(peer, &address, WPM_SOURCE_DISCV5);
  return wpm_world_handle(w, &e);
}

/* One outbound relay peer, number 0. */
static wpm_connection_id meet_target(wpm_world *w) {
  wpm_connection_id c;
  assert_int_equal(hear(w, 0), WPM_OK);
  wpm_dial_id id = wpm_world_expect(w, WPM_ACTION_DIAL, 0)->dial;
  assert_int_equal(wpm_world_connected(w, 0, WPM_OUTBOUND, id, &c), WPM_OK);
  assert_int_equal(wpm_world_identified(w, 0, c, true, 0), WPM_OK);
  wpm_world_forget_log(w);
  return c;
}

static wpm_world *start(uint64_t seed, int others) {
  wpm_world *w = make(seed);
  wpm_world_start(w);
  (void)meet_target(w);
  for (int peer = 1; peer <= others; peer++) {
    assert_int_equal(hear(w, peer), WPM_OK);
  }
  return w;
}

/* Waits for the next dial, `most` long; NULL: there is none. */
static const wpm_world_action *next_dial(wpm_world *w, int64_t most) {
  for (int64_t waited = 0; waited < most; waited += S) {
    const wpm_world_action *dial = wpm_world_take(w, WPM_ACTION_DIAL, -1);
    if (dial) {
      return dial;
    }
    wpm_world_run(w, S);
  }
  return NULL;
}

static wpm_connection_id reach(wpm_world *w, const wpm_world_action *dial) {
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, dial->peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  return c;
}

static void one_is_tried_and_let_go(void **state) {
  (void)state;
  wpm_world *w = start(1, 5);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  assert_non_null(dial);
  int peer = dial->peer;
  wpm_connection_id c = reach(w, dial);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, peer);
  assert_int_equal(w->manager->targets.outbound, 1);
  assert_int_equal(wpm_world_identified(w, peer, c, true, 60000), WPM_OK);
  wpm_world_action *let_go = wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer);
  assert_int_equal(let_go->connection, c);
  assert_int_equal(let_go->reason, WPM_REASON_FEELER);
  assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
  wpm_peer_record r = wpm_world_record(w, peer);
  assert_true(r.held);
  assert_int_equal(r.reason, WPM_REASON_FEELER);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  wpm_world_expect_candidate(w, peer, WPM_HELD_BY_PRUNE_BACKOFF, 60 * S, 64 * S);
  assert_int_equal(wpm_manager_feelers(w->manager).dialled, 1);
  assert_int_equal(wpm_manager_feelers(w->manager).reached, 1);
  wpm_world_free(w);
}

static void who_stays_silent_is_let_go(void **state) {
  (void)state;
  wpm_world *w = start(2, 5);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  int peer = dial->peer;
  (void)reach(w, dial);
  wpm_world_run(w, 9 * S);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, peer);
  wpm_world_run(w, S);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer)->reason, WPM_REASON_FEELER);
  wpm_world_free(w);
}

/* Where we have shards it is heard out, whichever of the two comes first. */
static void where_we_have_shards_it_tells_them_first(void **state) {
  (void)state;
  static const uint16_t shards[] = {5};
  for (int order = 0; order < 2; order++) {
    wpm_world *w = make(2);
    w->config.shards = shards;
    w->config.shard_count = 1;
    w->config.relay_per_shard = 0;
    wpm_world_start(w);
    (void)meet_target(w);
    assert_int_equal(hear(w, 1), WPM_OK);
    wpm_connection_id c = reach(w, next_dial(w, 20 * WPM_MINUTE));
    if (order == 0) {
      assert_int_equal(wpm_world_identified(w, 1, c, true, 60000), WPM_OK);
      wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
    }
    assert_int_equal(wpm_world_metadata(w, 1, c, 1, 7), WPM_OK);
    if (order == 1) {
      wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, 1);
      assert_int_equal(wpm_world_identified(w, 1, c, true, 60000), WPM_OK);
    }
    assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 1)->reason, WPM_REASON_FEELER);
    assert_int_equal(wpm_world_record(w, 1).shard_count, 1);
    wpm_world_free(w);
  }
}

/* It is no relay peer: then it would come back by itself, had it been more than a trial. */
static void nobody_comes_back_for_having_been_tried(void **state) {
  (void)state;
  wpm_world *w = start(3, 1);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  int peer = dial->peer;
  wpm_connection_id c = reach(w, dial);
  assert_int_equal(wpm_world_identified(w, peer, c, false, 60000), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer);
  assert_null(next_dial(w, WPM_DAY));
  wpm_world_expect_plan(w, peer, WPM_HELD_BY_NOT_WANTED, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_free(w);
}

static void after_a_restart_it_is_a_candidate_as_others_are(void **state) {
  (void)state;
  wpm_world *w = start(4, 1);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  wpm_connection_id c = reach(w, dial);
  assert_int_equal(wpm_world_identified(w, 1, c, true, 60000), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_EOF), WPM_OK);
  wpm_world_run(w, 2 * WPM_MINUTE);
  wpm_world_end(w, true);
  wpm_world_forget_log(w);
  wpm_world_restart(w, NULL);
  wpm_world_run(w, 2 * WPM_MINUTE);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer,
                   0); /* It was our outbound peer. */
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_free(w);
}

/* Static by now: it comes back as those do, without a place kept for it. */
static void after_a_restart_no_place_is_kept_for_it(void **state) {
  (void)state;
  wpm_world *w = start(4, 1);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  wpm_connection_id c = reach(w, dial);
  assert_int_equal(wpm_world_identified(w, 1, c, true, 60000), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, 1, c, WPM_REASON_EOF), WPM_OK);
  assert_int_equal(wpm_world_found(w, 1, 60000, true), WPM_OK);
  wpm_world_end(w, true);
  wpm_world_restart(w, NULL);
  wpm_world_run(w, S);
  assert_int_equal(w->manager->reserved, 1); /* For our outbound peer. */
  wpm_world_free(w);
}

/* About every two minutes, at intervals that are spread: of 300 some are short and some are long. */
static void they_come_now_and_then(void **state) {
  (void)state;
  wpm_world *w = start(5, 700);
  unsigned count = 0;
  unsigned soon = 0;
  unsigned late = 0;
  int64_t last = w->now.mono.ns;
  int64_t end = last + 10 * WPM_HOUR;
  while (w->now.mono.ns < end) {
    const wpm_world_action *dial = next_dial(w, WPM_HOUR);
    assert_non_null(dial);
    int64_t span = dial->at.ns - last;
    last = dial->at.ns;
    count++;
    soon += span < 30 * S;
    late += span > 4 * WPM_MINUTE;
    wpm_world_dial_failed(w, dial->peer, dial->dial, WPM_REASON_REFUSED);
    wpm_world_forget_log(w);
  }
  assert_in_range(count, 240, 360);
  assert_in_range(soon, count / 8, count / 3);  /* 22 % of an exponential distribution. */
  assert_in_range(late, count / 15, count / 4); /* 14 % */
  wpm_world_free(w);
}

/* One of the network group of number 0. */
static void hear_in_its_group(wpm_world *w, int peer) {
  uint8_t bytes[8] = {4, 45, wpm_world_address(0, 1).data[2], 9, (uint8_t)peer, 6, 0xea, 0x60};
  wpm_bytes address = {bytes, sizeof(bytes)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* All are of one network group, that of the outbound peer too. */
static void any_network_group_will_do(void **state) {
  (void)state;
  wpm_world *w = make(6);
  wpm_world_start(w);
  (void)meet_target(w);
  for (int peer = 1; peer < 20; peer++) {
    hear_in_its_group(w, peer);
  }
  assert_non_null(next_dial(w, 20 * WPM_MINUTE));
  wpm_world_free(w);
}

static void none_without_the_target_a_network_or_the_wish(void **state) {
  (void)state;
  wpm_world *w = make(7);
  w->config.relay_outbound = 2;
  wpm_world_start(w);
  wpm_connection_id c;
  assert_int_equal(hear(w, 0), WPM_OK);
  const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 0);
  c = reach(w, dial);
  assert_int_equal(wpm_world_identified(w, 0, c, true, 0), WPM_OK);
  hear_in_its_group(w, 1); /* A trial would do for it, an outbound place would not. */
  assert_null(next_dial(w, WPM_DAY));
  assert_int_equal(wpm_manager_feelers(w->manager).dialled, 0);
  wpm_world_free(w);

  w = start(7, 20);
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_OFFLINE};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_null(next_dial(w, WPM_DAY));
  wpm_world_free(w);

  w = make(7);
  w->config.feeler_ns = 0;
  wpm_world_start(w);
  (void)meet_target(w);
  assert_int_equal(hear(w, 1), WPM_OK);
  assert_null(next_dial(w, WPM_DAY));
  wpm_world_free(w);
}

static void none_where_no_place_is_free(void **state) {
  (void)state;
  wpm_world *w = make(8);
  w->config.max_connections = 2;
  wpm_world_start(w);
  (void)meet_target(w);
  assert_int_equal(hear(w, 1), WPM_OK);
  wpm_connection_id c = wpm_world_come_in(w, 300, 0);
  assert_null(next_dial(w, WPM_DAY));
  assert_int_equal(wpm_world_disconnected(w, 300, c, WPM_REASON_EOF), WPM_OK);
  wpm_world_person(w, 300, WPM_EVENT_PERSON_DISCONNECT);
  assert_int_equal(next_dial(w, 30 * WPM_MINUTE)->peer, 1);
  wpm_world_free(w);
}

/* The last place is kept for a service that misses a peer. */
static void none_where_the_place_is_kept(void **state) {
  (void)state;
  const wpm_service store = {{"/store", 6}, WPM_NO_CAPABILITY, 1};
  wpm_world *w = make(8);
  w->config.max_connections = 4;
  w->config.services = &store;
  w->config.service_count = 1;
  wpm_world_start(w);
  (void)meet_target(w);
  assert_int_equal(hear(w, 1), WPM_OK);
  wpm_connection_id c = wpm_world_come_in(w, 300, 0);
  (void)wpm_world_come_in(w, 301, 0);
  assert_null(next_dial(w, WPM_DAY));
  assert_int_equal(wpm_world_disconnected(w, 300, c, WPM_REASON_EOF), WPM_OK);
  wpm_world_person(w, 300, WPM_EVENT_PERSON_DISCONNECT);
  assert_int_equal(next_dial(w, 30 * WPM_MINUTE)->peer, 1);
  wpm_world_free(w);
}

/* One is lost while another is tried: its place is filled by a third, and the trial ends as it would. */
static void it_is_no_outbound_peer(void **state) {
  (void)state;
  wpm_world *w = make(9);
  wpm_world_start(w);
  wpm_connection_id first = meet_target(w);
  assert_int_equal(hear(w, 300), WPM_OK);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  wpm_connection_id c = reach(w, dial);
  assert_int_equal(hear(w, 600), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, 0, first, WPM_REASON_EOF), WPM_OK);
  wpm_world_run(w, S);
  wpm_world_expect(w, WPM_ACTION_DIAL, 600);
  assert_int_equal(wpm_world_identified(w, 300, c, true, 0), WPM_OK);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, 300)->reason, WPM_REASON_FEELER);
  wpm_world_free(w);
}

static void whom_a_person_connects_stays(void **state) {
  (void)state;
  wpm_world *w = start(10, 3);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  int peer = dial->peer;
  wpm_connection_id c = reach(w, dial);
  assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  assert_int_equal(w->manager->targets.outbound, 2);
  assert_int_equal(wpm_world_identified(w, peer, c, true, 60000), WPM_OK);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, peer);
  wpm_world_free(w);
}

static void who_becomes_static_stays(void **state) {
  (void)state;
  wpm_world *w = start(11, 3);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  int peer = dial->peer;
  wpm_connection_id c = reach(w, dial);
  assert_int_equal(wpm_world_found(w, peer, 60000, true), WPM_OK);
  assert_int_equal(wpm_world_identified(w, peer, c, true, 60000), WPM_OK);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, peer);
  wpm_world_free(w);
}

/* It connects while it is being dialled. */
static void who_comes_by_itself_stays(void **state) {
  (void)state;
  wpm_world *w = start(12, 3);
  const wpm_world_action *dial = next_dial(w, 20 * WPM_MINUTE);
  int peer = dial->peer;
  wpm_dial_id id = dial->dial;
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &c), WPM_OK);
  assert_int_equal(wpm_world_identified(w, peer, c, true, 60000), WPM_OK);
  assert_int_equal(wpm_world_dial_failed(w, peer, id, WPM_REASON_REFUSED), WPM_OK);
  wpm_world_run(w, WPM_MINUTE);
  wpm_world_expect_none(w, WPM_ACTION_DISCONNECT, peer);
  wpm_world_free(w);
}

/* ---- a full store ------------------------------------------------------------------------------ */

enum { HELD = 7 };

/* A store of HELD + 1 peers, all of whom we held: number 0 is connected, the others are lost. */
static wpm_world *fill(uint64_t seed) {
  wpm_world *w = make(seed);
  w->config.store.max_peers = HELD + 1;
  wpm_world_start(w);
  (void)meet_target(w);
  for (int i = 1; i <= HELD; i++) {
    wpm_connection_id c = wpm_world_come_in(w, 256 * i, 1);
    assert_int_equal(wpm_world_identified(w, 256 * i, c, true, 60000), WPM_OK);
    wpm_world_run(w, S);
    assert_int_equal(wpm_world_disconnected(w, 256 * i, c, WPM_REASON_TIMED_OUT), WPM_OK);
  }
  wpm_world_forget_log(w);
  return w;
}

static bool knows(const wpm_world *w, int peer) {
  wpm_peer_ref ref;
  return wpm_store_ref(wpm_manager_store(w->manager), wpm_world_id(peer), &ref) == WPM_OK;
}

static void nobody_goes_for_hearsay_before_a_test(void **state) {
  (void)state;
  wpm_world *w = fill(20);
  for (int peer = 10; peer < 40; peer++) {
    assert_int_equal(hear(w, peer), WPM_ERR_NO_VICTIM);
  }
  const wpm_world_action *dial = next_dial(w, 30 * WPM_MINUTE); /* The one seen the longest ago. */
  assert_int_equal(dial->peer, 256);
  assert_int_equal(hear(w, 10), WPM_ERR_NO_VICTIM);
  assert_int_equal(wpm_world_dial_failed(w, 256, dial->dial, WPM_REASON_REFUSED), WPM_OK);
  assert_int_equal(hear(w, 10), WPM_OK);
  assert_true(knows(w, 10) && !knows(w, 256));
  for (int i = 2; i <= HELD; i++) {
    assert_true(knows(w, 256 * i));
  }
  assert_int_equal(hear(w, 11), WPM_OK); /* In place of the tenth, which is untried. */
  assert_true(knows(w, 11) && !knows(w, 10));
  wpm_world_free(w);
}

static void who_passes_the_test_stays(void **state) {
  (void)state;
  wpm_world *w = fill(21);
  bool tested[HELD + 1] = {false};
  for (int i = 0; i < HELD; i++) {
    const wpm_world_action *dial = next_dial(w, 30 * WPM_MINUTE);
    assert_non_null(dial);
    int peer = dial->peer;
    tested[peer / 256] = true;
    wpm_connection_id c = reach(w, dial);
    assert_int_equal(wpm_world_identified(w, peer, c, true, 60000), WPM_OK);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
    wpm_world_forget_log(w);
    assert_int_equal(hear(w, 10), WPM_ERR_NO_VICTIM);
  }
  for (int i = 1; i <= HELD; i++) {
    assert_true(tested[i]); /* One after another. */
  }
  wpm_world_free(w);
}

/* Who came by itself has proven that it is there; and a person's word counts. */
static void others_push_out_as_ever(void **state) {
  (void)state;
  wpm_world *w = fill(22);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 10, WPM_INBOUND, 0, &c), WPM_OK);
  assert_true(knows(w, 10) && !knows(w, 256));
  assert_int_equal(wpm_world_found(w, 11, 60000, true), WPM_OK);
  assert_true(knows(w, 11) && !knows(w, 512));
  wpm_world_free(w);
}

/* While somebody is untried he goes, and is what is tried. */
static void the_untried_come_first(void **state) {
  (void)state;
  wpm_world *w = fill(23);
  wpm_world_person(w, 512, WPM_EVENT_PERSON_REMOVE);
  assert_int_equal(hear(w, 10), WPM_OK);
  assert_int_equal(next_dial(w, 30 * WPM_MINUTE)->peer, 10);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_is_tried_and_let_go),
      cmocka_unit_test(who_stays_silent_is_let_go),
      cmocka_unit_test(where_we_have_shards_it_tells_them_first),
      cmocka_unit_test(nobody_comes_back_for_having_been_tried),
      cmocka_unit_test(after_a_restart_it_is_a_candidate_as_others_are),
      cmocka_unit_test(after_a_restart_no_place_is_kept_for_it),
      cmocka_unit_test(they_come_now_and_then),
      cmocka_unit_test(any_network_group_will_do),
      cmocka_unit_test(none_without_the_target_a_network_or_the_wish),
      cmocka_unit_test(none_where_no_place_is_free),
      cmocka_unit_test(none_where_the_place_is_kept),
      cmocka_unit_test(it_is_no_outbound_peer),
      cmocka_unit_test(whom_a_person_connects_stays),
      cmocka_unit_test(who_becomes_static_stays),
      cmocka_unit_test(who_comes_by_itself_stays),
      cmocka_unit_test(nobody_goes_for_hearsay_before_a_test),
      cmocka_unit_test(who_passes_the_test_stays),
      cmocka_unit_test(others_push_out_as_ever),
      cmocka_unit_test(the_untried_come_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
