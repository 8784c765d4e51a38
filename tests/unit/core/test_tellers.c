/* Blame for who tells of addresses that are dead. */
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/world.h"
#include "support/test.h"

#define S WPM_SECOND

enum { TELLER = 1, OTHER = 300, RESULTS = 16 };

/* Two peers have dialled us. Each peer that they tell of is dialled by a person's wish. */
static int setup(void **state) {
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1; /* One connection outlasts the test. */
  w->config.feeler_ns = 0;
  w->config.keep_alive = false;
  w->config.max_dials = 0;
  wpm_world_start(w);
  wpm_world_come_in(w, TELLER, 1);
  wpm_world_come_in(w, OTHER, 1);
  *state = w;
  return 0;
}

static void tell(wpm_world *w, int teller, int peer) {
  wpm_bytes address = wpm_world_address(peer, 60000);
  wpm_event e = wpm_world_heard(peer, &address, WPM_SOURCE_PEER_EXCHANGE);
  e.u.found.told_by = wpm_world_id(teller);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

/* Dials it; NONE: it is there. */
static void dial(wpm_world *w, int peer, wpm_reason reason) {
  assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_CONNECT), WPM_OK);
  wpm_dial_id id = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  if (reason != WPM_REASON_NONE) {
    assert_int_equal(wpm_world_dial_failed(w, peer, id, reason), WPM_OK);
    return;
  }
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, id, &c), WPM_OK);
  assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
}

static int32_t score(const wpm_world *w, int peer) {
  return wpm_world_record(w, peer).score;
}

static int next_peer = 1000;

/* It tells of so many more, which are dialled. */
static void tell_of(wpm_world *w, int teller, int count, wpm_reason reason) {
  for (int i = 0; i < count; i++) {
    int peer = next_peer++ % 900 + 1000;
    (void)wpm_world_person(w, peer, WPM_EVENT_PERSON_REMOVE);
    tell(w, teller, peer);
    dial(w, peer, reason);
    wpm_world_forget_log(w);
  }
}

static void hardly_any_address_is_good(void **state) {
  wpm_world *w = *state;
  tell_of(w, TELLER, 1, WPM_REASON_NONE);
  tell_of(w, TELLER, RESULTS - 2, WPM_REASON_REFUSED);
  assert_int_equal(score(w, TELLER), 0);
  tell_of(w, TELLER, 1, WPM_REASON_DIAL_TIMEOUT);
  assert_int_equal(score(w, TELLER), -20);
  assert_int_equal(score(w, OTHER), 0);
}

/* That those whom it told of dial us says nothing of the addresses. */
static void who_comes_by_itself_proves_no_address(void **state) {
  wpm_world *w = *state;
  tell_of(w, TELLER, RESULTS - 2, WPM_REASON_REFUSED);
  for (int peer = 1900; peer < 1902; peer++) {
    tell(w, TELLER, peer);
    (void)wpm_world_come_in(w, peer, 0);
  }
  assert_int_equal(score(w, TELLER), 0);
  tell_of(w, TELLER, 2, WPM_REASON_REFUSED);
  assert_int_equal(score(w, TELLER), -20);
}

/* Two of sixteen are good, for as long as it goes on. */
static void many_stale_addresses_are_no_fault(void **state) {
  wpm_world *w = *state;
  for (int round = 0; round < 20; round++) {
    tell_of(w, TELLER, 2, WPM_REASON_NONE);
    tell_of(w, TELLER, RESULTS - 2, WPM_REASON_UNREACHABLE);
    wpm_world_run(w, WPM_HOUR);
  }
  assert_int_equal(score(w, TELLER), 0);
}

static void once_an_hour_at_most(void **state) {
  wpm_world *w = *state;
  tell_of(w, TELLER, 5 * RESULTS, WPM_REASON_PEER_ID_MISMATCH);
  assert_int_equal(score(w, TELLER), -20);
  wpm_world_run(w, WPM_HOUR);
  tell_of(w, TELLER, RESULTS, WPM_REASON_REFUSED);
  assert_in_range(score(w, TELLER) + 100, 60, 63); /* -40, of which some has faded. */
}

/* In the end nobody listens to it, and later somebody does again. */
static void who_goes_on_is_not_listened_to(void **state) {
  wpm_world *w = *state;
  for (int hour = 0;
       hour < 10 && wpm_manager_intake_left_out(w->manager).by_rule[WPM_INTAKE_DISCOURAGED] == 0;
       hour++) {
    tell_of(w, TELLER, RESULTS, WPM_REASON_REFUSED);
    wpm_world_run(w, WPM_HOUR);
    if (score(w, TELLER) <= -100) {
      tell(w, TELLER, 1950);
    }
  }
  assert_int_equal(wpm_manager_intake_left_out(w->manager).by_rule[WPM_INTAKE_DISCOURAGED], 1);
  wpm_world_run(w, WPM_DAY);
  tell(w, TELLER, 1950);
  assert_int_equal(wpm_world_state(w, 1950), WPM_NOT_CONNECTED);
}

/* Local failures, other reasons, later dials, who came by itself, gaps, and no network say nothing. */
static void what_says_nothing_of_the_address(void **state) {
  wpm_world *w = *state;
  tell_of(w, TELLER, RESULTS, WPM_REASON_LOCAL_FAILURE);
  tell_of(w, TELLER, RESULTS, WPM_REASON_NEGOTIATION_FAILED);
  tell(w, TELLER, 900);
  for (int i = 0; i < RESULTS; i++) { /* One address, again and again. */
    dial(w, 900, WPM_REASON_REFUSED);
  }
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_OFFLINE};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  tell_of(w, TELLER, RESULTS, WPM_REASON_UNREACHABLE);
  e.u.network.state = WPM_NETWORK_ONLINE;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(score(w, TELLER), 0);
}

static void without_any_connection_it_may_be_our_network(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 1; /* Nobody's word is remembered without. */
  w->config.feeler_ns = 0;
  w->config.max_dials = 0;
  wpm_world_start(w);
  wpm_connection_id c = wpm_world_come_in(w, TELLER, 1);
  for (int peer = 1000; peer < 1000 + RESULTS; peer++) {
    tell(w, TELLER, peer);
  }
  assert_int_equal(wpm_world_disconnected(w, TELLER, c, WPM_REASON_TIMED_OUT), WPM_OK);
  for (int peer = 1000; peer < 1000 + RESULTS; peer++) {
    dial(w, peer, WPM_REASON_DIAL_TIMEOUT);
  }
  assert_int_equal(score(w, TELLER), 0);
  wpm_world_free(w);
}

/* 64 others tell of somebody: what the first told is nobody's fault then, and so is not its own. */
static void the_table_is_bounded(void **state) {
  wpm_world *w = *state;
  for (int i = 0; i < RESULTS; i++) {
    tell(w, TELLER, 1000 + i);
  }
  for (int teller = 0; teller < 64; teller++) {
    wpm_world_found(w, 1100 + teller, 60000, false);
    wpm_world_pass(w, WPM_MILLISECOND);
    tell(w, 1100 + teller, 1300 + teller);
  }
  for (int i = 0; i < RESULTS; i++) {
    dial(w, 1000 + i, WPM_REASON_REFUSED);
  }
  assert_int_equal(score(w, TELLER), 0);
  for (int teller = 0; teller < 64; teller++) {
    assert_int_equal(score(w, 1100 + teller), 0);
  }
}

static void a_teller_that_went_is_not_blamed(void **state) {
  wpm_world *w = *state;
  for (int i = 0; i < RESULTS; i++) {
    tell(w, TELLER, 1000 + i);
  }
  wpm_world_person(w, TELLER, WPM_EVENT_PERSON_REMOVE);
  wpm_world_come_in(w, TELLER, 1);
  for (int i = 0; i < RESULTS; i++) {
    dial(w, 1000 + i, WPM_REASON_REFUSED);
  }
  assert_int_equal(score(w, TELLER), 0);
}

static void without_memory_for_the_table_nobody_is_blamed(void **state) {
  wpm_world *w = *state;
  tell(w, OTHER, 899); /* What else it takes is there. */
  free(w->manager->sources.tellers);
  w->manager->sources.tellers = NULL;
  wpm_manager_policy(w->manager, wpm_store_find(w->manager->store, wpm_world_id(899)))->teller = 0;
  wpm_bytes address = wpm_world_address(900, 60000);
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(900)};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  e.u.found.told_by = wpm_world_id(TELLER);
  int err = WPM_ERR_NO_MEMORY;
  for (size_t n = 1; err != WPM_OK && n < 50; n++) {
    wpm_alloc_fail_at(n);
    err = wpm_manager_handle(w->manager, &e, w->now);
    wpm_alloc_fail_off();
  }
  assert_int_equal(err, WPM_OK);
  assert_int_equal(wpm_world_state(w, 900), WPM_NOT_CONNECTED);
  dial(w, 900, WPM_REASON_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(hardly_any_address_is_good),
      TEST(who_comes_by_itself_proves_no_address),
      TEST(many_stale_addresses_are_no_fault),
      TEST(once_an_hour_at_most),
      TEST(who_goes_on_is_not_listened_to),
      TEST(what_says_nothing_of_the_address),
      cmocka_unit_test(without_any_connection_it_may_be_our_network),
      TEST(the_table_is_bounded),
      TEST(a_teller_that_went_is_not_blamed),
      TEST(without_memory_for_the_table_nobody_is_blamed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
