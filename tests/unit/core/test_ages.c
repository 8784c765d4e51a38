/* Each peer is looked at for its age within the hour, in small steps. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

enum { PEERS = 20000, BESIDE = 16, STEP = 256 };

static int find(wpm_world *w, unsigned number, const wpm_bytes *address) {
  const uint8_t id[] = {(uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number, 7};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = {id, sizeof(id)}};
  e.u.found.addresses = address;
  e.u.found.address_count = address ? 1 : 0;
  e.u.found.source = WPM_SOURCE_PEER_EXCHANGE;
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  return wpm_manager_handle(w->manager, &e, w->now);
}

static size_t with_address(const wpm_world *w) {
  const wpm_term term = {.kind = WPM_TERM_ADDRESS};
  const wpm_query query = {&term, 1};
  size_t count;
  assert_int_equal(wpm_store_query_count(wpm_manager_store(w->manager), &query, &count), WPM_OK);
  return count;
}

static void pull(wpm_world *w) {
  wpm_action action;
  while (wpm_manager_next_action(w->manager, &action)) {}
}

/* Those that are due at once. */
static unsigned advance(wpm_world *w) {
  unsigned steps = 0;
  for (; wpm_manager_next_deadline(w->manager).ns <= w->now.mono.ns; steps++) {
    size_t before = with_address(w);
    assert_int_equal(wpm_manager_advance(w->manager, w->now), WPM_OK);
    assert_true(before - with_address(w) <= STEP);
    pull(w);
  }
  return steps;
}

static wpm_world *world_of_many(void) {
  wpm_world *w = wpm_world_new(100);
  w->config.relay_outbound = 0; /* Nobody is dialled. */
  w->config.max_history = 0;
  wpm_world_start(w);
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_bytes address = wpm_world_address((int)i, 60000);
    assert_int_equal(find(w, i, &address), WPM_OK);
  }
  pull(w);
  return w;
}

static void in_small_steps(void **state) {
  wpm_world *w = world_of_many();
  (void)state;
  assert_int_equal(with_address(w), PEERS);
  w->now.wall.ns += 366 * WPM_DAY; /* Nobody has named any of them for so long. */
  size_t left = PEERS;
  for (unsigned minute = 0; minute < 61; minute++) {
    wpm_world_pass(w, WPM_MINUTE);
    assert_int_equal(find(w, 0, NULL), WPM_OK);
    size_t beside = left - with_address(w);
    assert_in_range(beside, left > BESIDE ? 1 : 0, BESIDE);
    unsigned steps = advance(w);
    assert_in_range(steps, 1, PEERS / 60 / STEP + 1);
    left = with_address(w);
  }
  assert_int_equal(left, 0);
  wpm_world_free(w);
}

/* Events in the meantime do their part, so that a host which is late with its deadlines has less left to do. */
static void events_do_their_part(void **state) {
  wpm_world *w = world_of_many();
  (void)state;
  w->now.wall.ns += 366 * WPM_DAY;
  wpm_world_pass(w, WPM_MINUTE);
  for (unsigned i = 1; i <= PEERS / 60 / BESIDE; i++) {
    assert_int_equal(find(w, 0, NULL), WPM_OK);
    assert_int_equal(with_address(w), PEERS - i * BESIDE);
  }
  assert_int_equal(find(w, 0, NULL), WPM_OK);
  pull(w);
  assert_true(wpm_manager_next_deadline(w->manager).ns > w->now.mono.ns);
  wpm_world_free(w);
}

/* What one minute leaves is done in the next, and however late a host is, nobody is looked at twice for it. */
static void a_late_host_misses_nobody(void **state) {
  enum { MINUTE = PEERS / 60 + 1 };
  wpm_world *w = world_of_many();
  (void)state;
  w->now.wall.ns += 366 * WPM_DAY;
  for (int minute = 0; minute < 2; minute++) { /* With an event each, and no advance. */
    wpm_world_pass(w, WPM_MINUTE);
    assert_int_equal(find(w, 0, NULL), WPM_OK);
  }
  pull(w);
  (void)advance(w);
  assert_int_equal(with_address(w), PEERS - 2 * MINUTE);
  for (int minute = 0; minute < 200; minute++) {
    wpm_world_pass(w, WPM_MINUTE);
    assert_int_equal(find(w, 0, NULL), WPM_OK);
  }
  pull(w);
  assert_in_range(advance(w), 1, PEERS / STEP + 1);
  assert_int_equal(with_address(w), 0);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(in_small_steps),
      cmocka_unit_test(events_do_their_part),
      cmocka_unit_test(a_late_host_misses_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
