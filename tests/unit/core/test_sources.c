/* Who told us of whom, and how much of it is taken in. */
#include "core/groups.h"
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

#include <string.h>

enum { MOST = 64, LOCAL = 2000 };

static int setup(void **state) {
  wpm_world *w = wpm_world_new(LOCAL);
  w->config.relay_outbound = 10;
  w->config.max_dials = 0; /* Nobody is dialled. */
  w->config.store.max_peers = 600;
  wpm_world_start(w);
  *state = w;
  return 0;
}

static uint64_t left_out(const wpm_world *w, wpm_intake_rule rule) {
  return wpm_manager_intake_left_out(w->manager).by_rule[rule];
}

/* The event, of a peer whose address is of network group 46.`group`; `teller` -1: nobody told. What it is
 * answered is what is counted. */
static int tell(wpm_world *w, int teller, int peer, unsigned group) {
  wpm_bytes address = wpm_world_address_in(group, peer);
  wpm_event e = wpm_world_heard(peer, &address, WPM_SOURCE_PEER_EXCHANGE);
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  if (teller >= 0) {
    e.u.found.told_by = wpm_world_id(teller);
  }
  wpm_intake_rule rule = WPM_INTAKE_TAKEN;
  wpm_intake_counters before = wpm_manager_intake_left_out(w->manager);
  e.u.found.intake = &rule;
  int err = wpm_world_handle(w, &e);
  for (int i = 0; i < WPM_INTAKE_RULE_COUNT; i++) {
    bool grows = rule != WPM_INTAKE_TAKEN && i == (int)rule;
    assert_int_equal(left_out(w, (wpm_intake_rule)i), before.by_rule[i] + grows);
  }
  return err;
}

static size_t held(const wpm_world *w) {
  return wpm_store_count(wpm_manager_store(w->manager));
}

static bool knows(const wpm_world *w, int peer) {
  wpm_peer_ref ref;
  return wpm_store_ref(wpm_manager_store(w->manager), wpm_world_id(peer), &ref) == WPM_OK;
}

/* A peer that dialled us from 45.(number / 256), and says that it is of some other network. */
static void comes_in(wpm_world *w, int peer) {
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &c), WPM_OK);
  assert_int_equal(tell(w, -1, peer, (unsigned)peer % 256), WPM_OK);
}

/* So many peers, the first with this number, each of a group of its own. */
static void tell_of_many(wpm_world *w, int teller, int first, int count) {
  for (int i = 0; i < count; i++) {
    assert_int_equal(tell(w, teller, first + i, (unsigned)(first + i) % 256), WPM_OK);
  }
}

static void a_source_tells_of_so_many_and_no_more(void **state) {
  wpm_world *w = *state;
  comes_in(w, 1);
  comes_in(w, 300); /* Of another network. */
  tell_of_many(w, 1, 1000, MOST + 10);
  assert_int_equal(held(w), 2 + MOST);
  assert_int_equal(left_out(w, WPM_INTAKE_PER_SOURCE), 10);
  tell_of_many(w, 300, 1100, 10);
  assert_int_equal(held(w), 2 + MOST + 10);
  assert_int_equal(left_out(w, WPM_INTAKE_PER_SOURCE), 10);
  wpm_world_check(w);
}

/* Peers 1 to 9 came from one network, whatever they say of themselves. */
static void tellers_of_one_network_are_one_source(void **state) {
  wpm_world *w = *state;
  for (int teller = 1; teller < 10; teller++) {
    comes_in(w, teller);
    tell_of_many(w, teller, 1000 + 10 * teller, 10);
  }
  assert_int_equal(held(w), 9 + MOST);
}

static void strangers_are_one_source(void **state) {
  wpm_world *w = *state;
  for (int teller = 100; teller < 110; teller++) {
    tell_of_many(w, teller, 1000 + 10 * teller % 200, 10);
  }
  assert_int_equal(held(w), MOST);
}

static void a_network_is_told_of_so_often_and_no_more(void **state) {
  wpm_world *w = *state;
  for (int i = 0; i < 8; i++) {
    int teller = 256 * (i % 7) + i; /* Of seven networks. */
    comes_in(w, teller);
    for (int k = 0; k < 10; k++) {
      assert_int_equal(tell(w, teller, 1800 + 10 * i + k, 77), WPM_OK);
    }
  }
  assert_int_equal(held(w), 8 + MOST);
  assert_int_equal(left_out(w, WPM_INTAKE_PER_NETWORK), 16);
}

static void what_nobody_told_has_no_limit(void **state) {
  wpm_world *w = *state;
  for (int peer = 1000; peer < 1200; peer++) {
    assert_int_equal(tell(w, -1, peer, 77), WPM_OK);
  }
  assert_int_equal(held(w), 200);
  comes_in(w, 1);
  assert_int_equal(tell(w, 1, 1200, 77), WPM_OK); /* They count for no limit either. */
  assert_true(knows(w, 1200));
}

static void who_is_static_has_no_limit(void **state) {
  wpm_world *w = *state;
  comes_in(w, 1);
  tell_of_many(w, 1, 1000, MOST);
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1500)};
  e.u.found.is_static = true;
  e.u.found.told_by = wpm_world_id(1);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_true(knows(w, 1500));
}

/* What fails is answered by its error alone. */
static void what_cannot_be_taken_in_is_not_left_out(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(LOCAL);
  w->config.store.max_peers = 1;
  wpm_world_start(w);
  comes_in(w, 1);
  wpm_bytes address = wpm_world_address_in(2, 2);
  wpm_event e = wpm_world_heard(2, &address, WPM_SOURCE_PEER_EXCHANGE);
  wpm_intake_rule rule = WPM_INTAKE_PER_NETWORK;
  e.u.found.told_by = wpm_world_id(1);
  e.u.found.intake = &rule;
  assert_int_equal(wpm_world_handle(w, &e), WPM_ERR_NO_VICTIM);
  assert_int_equal(rule, WPM_INTAKE_PER_NETWORK);
  wpm_world_free(w);
}

static void who_was_reached_makes_room(void **state) {
  wpm_world *w = *state;
  comes_in(w, 1);
  tell_of_many(w, 1, 1000, MOST);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 1000, WPM_INBOUND, 0, &c), WPM_OK);
  tell_of_many(w, 1, 1100, 2);
  assert_true(knows(w, 1100) && !knows(w, 1101));
  assert_int_equal(tell(w, -1, 1001, 1001 % 256), WPM_OK); /* Somebody else knows of it. */
  tell_of_many(w, 1, 1102, 2);
  assert_true(knows(w, 1102) && !knows(w, 1103));
  wpm_world_person(w, 1002, WPM_EVENT_PERSON_REMOVE);
  wpm_world_person(w, 1003, WPM_EVENT_PERSON_CONNECT);
  tell_of_many(w, 1, 1104, 3);
  assert_true(knows(w, 1104) && knows(w, 1105) && !knows(w, 1106));
}

/* It moves to the source of which fewer are untried, and so makes room at the first. */
static void a_second_source_unbinds_from_the_first(void **state) {
  wpm_world *w = *state;
  comes_in(w, 1);
  comes_in(w, 300);
  tell_of_many(w, 1, 1000, MOST);
  tell_of_many(w, 300, 1000, 5);
  assert_int_equal(held(w), 2 + MOST);
  tell_of_many(w, 1, 1100, 6);
  assert_int_equal(held(w), 2 + MOST + 5);
  tell_of_many(w, 300, 1200, MOST - 5 + 1); /* These five count there. */
  assert_int_equal(held(w), 2 + MOST + MOST);
  tell_of_many(w, 1, 1000, 5); /* Told again by the first, which has no fewer. */
  tell_of_many(w, 1, 1300, 1);
  assert_false(knows(w, 1300));
}

static void what_the_discouraged_tell_is_left_out(void **state) {
  wpm_world *w = *state;
  comes_in(w, 1);
  assert_int_equal(tell(w, 1, 1000, 5), WPM_OK);
  wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(1), .u.score.score = -100};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(tell(w, 1, 1001, 6), WPM_OK);
  assert_int_equal(tell(w, 1, 1000, 6), WPM_OK);
  assert_false(knows(w, 1001));
  assert_int_equal(wpm_world_record(w, 1000).address_count, 1);
  assert_int_equal(left_out(w, WPM_INTAKE_DISCOURAGED), 2);
}

/* 200 of one source, which count as eight, and one of another, each of a group of its own. */
static void a_source_of_many_counts_as_one_of_few(void **state) {
  (void)state;
  unsigned of_the_few = 0;
  for (uint64_t seed = 0; seed < 300; seed++) {
    wpm_world *w = wpm_world_new(LOCAL);
    w->config.seed = seed;
    w->config.relay_outbound = 3; /* Two of them dialled us, but that is no outbound place. */
    w->config.max_dials = 0;
    wpm_world_start(w);
    comes_in(w, 1);
    comes_in(w, 300);
    tell_of_many(w, 1, 1000, 200);
    tell_of_many(w, 300, 1200, 1);
    w->manager->config.max_dials = 1;
    wpm_manager_note_deadline(w->manager);
    wpm_world_run(w, 11 * WPM_SECOND);
    of_the_few += wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer == 1200;
    wpm_world_free(w);
  }
  assert_in_range(of_the_few, 16, 60); /* 33 of 300; 1 or 2 by numbers alone. */
}

/* A peer whose address is of that group dialled us, and went. */
static void came_and_went(wpm_world *w, int peer, unsigned group) {
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &c), WPM_OK);
  assert_int_equal(tell(w, -1, peer, group), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
}

/* 100 of one network dialled us, and one of another. */
static void who_only_dialled_us_is_chosen_the_less_the_more_its_network_has(void **state) {
  (void)state;
  unsigned of_the_many = 0;
  for (uint64_t seed = 0; seed < 300; seed++) {
    wpm_world *w = wpm_world_new(LOCAL);
    w->config.seed = seed;
    w->config.relay_outbound = 1;
    w->config.inbound_paced = false;
    w->config.max_dials = 0; /* Nobody is dialled before all came. */
    wpm_world_start(w);
    for (int peer = 1000; peer < 1100; peer++) {
      came_and_went(w, peer, 77);
    }
    came_and_went(w, 1100, 78);
    wpm_world_run(w, WPM_HOUR); /* No backoff runs any more. */
    w->manager->config.max_dials = 1;
    wpm_manager_note_deadline(w->manager);
    wpm_world_run(w, 11 * WPM_SECOND);
    of_the_many += wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer != 1100;
    wpm_world_free(w);
  }
  assert_in_range(of_the_many, 8, 45); /* 21 of 300; 150 where each network is as likely. */
}

/* Where nobody else is known they are dialled nevertheless. */
static void who_only_dialled_us_is_chosen_where_nobody_else_is_known(void **state) {
  wpm_world *w = *state;
  w->manager->config.inbound_paced = false;
  for (int peer = 1000; peer < 1100; peer++) {
    came_and_went(w, peer, 77);
  }
  wpm_world_run(w, WPM_HOUR);
  w->manager->config.max_dials = 1;
  wpm_manager_note_deadline(w->manager);
  wpm_world_run(w, 11 * WPM_SECOND);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 1);
}

/* MOST of one network that a stranger told of, and one of another, and then a restart; who is dialled first. */
static int first_of_those_restored(uint64_t seed) {
  wpm_world *w = wpm_world_new(LOCAL);
  w->config.seed = seed;
  w->config.relay_outbound = 1;
  w->config.max_dials = 0;
  w->config.store.max_peers = 600;
  wpm_world_start(w);
  for (int peer = 1000; peer < 1000 + MOST; peer++) {
    assert_int_equal(tell(w, 50, peer, 77), WPM_OK);
  }
  assert_int_equal(tell(w, -1, 1100, 78), WPM_OK);
  wpm_world_end(w, true);
  w->config.max_dials = 1;
  wpm_world_restart(w, NULL);
  wpm_world_run(w, 11 * WPM_SECOND);
  int peer = wpm_world_expect(w, WPM_ACTION_DIAL, -1)->peer;
  wpm_world_free(w);
  return peer;
}

static void who_was_told_of_before_a_restart_is_told_of_by_its_network(void **state) {
  (void)state;
  unsigned of_the_many = 0;
  for (uint64_t seed = 0; seed < 300; seed++) {
    of_the_many += first_of_those_restored(seed) != 1100;
  }
  assert_in_range(of_the_many, 12, 60); /* 30 of 300; 150 where each network is as likely. */
}

static void what_was_taken_in_before_a_restart_counts_after_it(void **state) {
  wpm_world *w = *state;
  for (int peer = 1000; peer < 1000 + MOST; peer++) {
    assert_int_equal(tell(w, 50, peer, 77), WPM_OK);
  }
  wpm_world_end(w, false);
  wpm_world_restart(w, NULL);
  assert_int_equal(tell(w, 50, 1100, 77), WPM_OK);
  assert_int_equal(left_out(w, WPM_INTAKE_PER_NETWORK), 1);
  assert_int_equal(tell(w, 50, 1101, 78), WPM_OK); /* None of them counts for him now. */
  assert_int_equal(held(w), MOST + 1);
}

static void every_rule_has_a_name(void **state) {
  (void)state;
  for (int rule = 0; rule < WPM_INTAKE_RULE_COUNT; rule++) {
    assert_string_not_equal(wpm_intake_rule_name((wpm_intake_rule)rule), "?");
  }
  assert_string_equal(wpm_intake_rule_name((wpm_intake_rule)WPM_INTAKE_RULE_COUNT), "?");
}

/* What is counted is what there is, whatever happens in whatever order. */
static void the_counts_are_true(void **state) {
  wpm_world *w = *state;
  const wpm_manager *m = w->manager;
  wpm_rng rng;
  wpm_rng_init(&rng, 7);
  wpm_connection_id c;
  comes_in(w, 1);
  comes_in(w, 300);
  comes_in(w, 600);
  for (int step = 0; step < 5000; step++) {
    int peer = 1000 + (int)wpm_rng_below(&rng, 900);
    static const int tellers[] = {1, 300, 600, 50, -1};
    uint64_t what = wpm_rng_below(&rng, 40);
    if (what == 0) {
      (void)wpm_world_person(w, peer, WPM_EVENT_PERSON_REMOVE);
    } else if (what == 1 && wpm_world_connected(w, peer, WPM_INBOUND, 0, &c) == WPM_OK) {
      (void)wpm_world_disconnected(w, peer, c, WPM_REASON_EOF);
    } else {
      int err = tell(w, tellers[wpm_rng_below(&rng, 5)], peer, (unsigned)peer % 3);
      assert_true(err == WPM_OK);
    }
    wpm_world_forget_log(w);
  }
  uint32_t told[3000] = {0};
  uint32_t untried[3000] = {0};
  assert_true(m->groups.count <= 3000);
  for (uint32_t slot = 0; slot < m->store->slots; slot++) {
    const wpm_policy *policy = wpm_manager_policy(m, slot);
    if (wpm_manager_peer(m, slot)->state == WPM_SLOT_HELD && policy->source) {
      told[policy->source - 1]++;
      untried[policy->group ? policy->group - 1 : 2999]++;
    }
  }
  uint32_t all = 0;
  for (uint32_t i = 0; i < m->groups.count; i++) {
    if (m->groups.list[i].key) {
      assert_int_equal(m->groups.list[i].told, told[i]);
      assert_int_equal(m->groups.list[i].untried, untried[i]);
      assert_true(told[i] <= MOST);
      all += told[i];
    }
  }
  assert_true(all > MOST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_source_tells_of_so_many_and_no_more),
      TEST(tellers_of_one_network_are_one_source),
      TEST(strangers_are_one_source),
      TEST(a_network_is_told_of_so_often_and_no_more),
      TEST(what_nobody_told_has_no_limit),
      TEST(who_is_static_has_no_limit),
      TEST(what_cannot_be_taken_in_is_not_left_out),
      TEST(who_was_reached_makes_room),
      TEST(a_second_source_unbinds_from_the_first),
      TEST(what_the_discouraged_tell_is_left_out),
      cmocka_unit_test(a_source_of_many_counts_as_one_of_few),
      cmocka_unit_test(who_only_dialled_us_is_chosen_the_less_the_more_its_network_has),
      TEST(who_only_dialled_us_is_chosen_where_nobody_else_is_known),
      cmocka_unit_test(who_was_told_of_before_a_restart_is_told_of_by_its_network),
      TEST(what_was_taken_in_before_a_restart_counts_after_it),
      cmocka_unit_test(every_rule_has_a_name),
      TEST(the_counts_are_true),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
