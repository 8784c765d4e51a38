/* The table of where inbound connections come from, when it is full and when there is no memory. */
#include "core/connections.h"
#include "core/inbound.h"
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/world.h"
#include "support/test.h"

#include <string.h>

enum { MOST = 8192, LIMIT = 2, SOME = 400, BURST = 16 };

#define HERE 45u /* First byte of the address that is looked at; of none that `others` use. */

typedef struct remote {
  uint8_t bytes[8];
} remote;

static remote address(unsigned first, unsigned number) {
  return (remote){{4, (uint8_t)first, (uint8_t)(number >> 8), (uint8_t)number, 1, 6, 1, 1}};
}

static wpm_bytes view(const remote *from) {
  return (wpm_bytes){from->bytes, sizeof(from->bytes)};
}

static wpm_world *start(bool paced) {
  wpm_world *w = wpm_world_new(100);
  w->config.inbound_per_ip = LIMIT;
  w->config.inbound_per_network = 0;
  w->config.inbound_paced = paced;
  wpm_world_start(w);
  return w;
}

/* 0: it was refused. */
static wpm_connection_id come(wpm_world *w, int peer, wpm_bytes from) {
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected_from(w, peer, WPM_INBOUND, 0, from, &c), WPM_OK);
  bool refused = wpm_world_take(w, WPM_ACTION_DISCONNECT, peer) != NULL;
  wpm_world_forget_log(w);
  return refused ? 0 : c;
}

static void come_and_go(wpm_world *w, const remote *from) {
  wpm_connection_id c = come(w, 90, view(from));
  if (c) {
    wpm_world_disconnected(w, 90, c, WPM_REASON_EOF);
  }
  wpm_world_forget_log(w);
}

/* Others come, each from an address of its own, until so many have. */
static void others(wpm_world *w, unsigned first, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    remote from = address(first, i);
    wpm_world_pass(w, WPM_SECOND);
    come_and_go(w, &from);
  }
}

/* The table is full, and an address is chosen to give way next. */
static remote next_to_go(wpm_world *w) {
  const wpm_inbound *inbound = &w->manager->inbound;
  for (unsigned i = 0; i < 4 * MOST; i++) {
    bool chosen = inbound->count == MOST && inbound->next != WPM_NO_ORIGIN;
    const uint8_t *key = chosen ? inbound->origins[inbound->next].key : NULL;
    if (key && key[WPM_IP_RANGE_KEY - 1] == 128) { /* Of a whole address. */
      remote next = address(0, 0);
      memcpy(next.bytes + 1, key + 12, 4);
      return next;
    }
    remote from = address(100 + (i >> 16), i);
    wpm_world_pass(w, WPM_SECOND);
    come_and_go(w, &from);
  }
  fail();
  return address(0, 0);
}

static void whoever_connects_meanwhile_does_not_give_way(void **state) {
  wpm_world *w = start(false);
  (void)state;
  remote from = next_to_go(w);
  for (int peer = 1; peer <= LIMIT; peer++) {
    assert_true(come(w, peer, view(&from)) != 0);
  }
  others(w, 30, SOME);
  assert_int_equal(w->manager->inbound.by_key.count, MOST);
  assert_true(come(w, LIMIT + 1, view(&from)) == 0); /* Both are still counted. */
  wpm_world_free(w);
}

static void nor_does_whoever_tries_to(void **state) {
  wpm_world *w = start(true);
  (void)state;
  remote from = next_to_go(w);
  for (unsigned i = 0; i < BURST; i++) {
    assert_int_equal(wpm_manager_admit(w->manager, view(&from), w->now), WPM_INBOUND_ADMITTED);
  }
  assert_int_equal(wpm_manager_admit(w->manager, view(&from), w->now), WPM_INBOUND_PACE);
  for (unsigned i = 0; i < SOME; i++) { /* All in this very moment. */
    remote other = address(31, i);
    (void)wpm_manager_admit(w->manager, view(&other), w->now);
  }
  assert_int_equal(wpm_manager_admit(w->manager, view(&from), w->now), WPM_INBOUND_PACE);
  wpm_world_free(w);
}

/* Peers who come from no address at all have entries too, which push out the one that was looked at last. */
static void one_that_was_pushed_out_is_counted_anew(void **state) {
  static const uint8_t no_address[] = {0xde, 0x02, 0}; /* Of an unknown protocol: no IP address. */
  wpm_world *w = start(true);
  (void)state;
  remote from = address(HERE, 1);
  assert_int_equal(wpm_manager_admit(w->manager, view(&from), w->now), WPM_INBOUND_ADMITTED);
  for (unsigned i = 0; i < 2 * MOST + SOME; i++) {
    wpm_world_pass(w, WPM_SECOND);
    const uint8_t id[] = {1, 2, (uint8_t)(i >> 8), (uint8_t)i, 3};
    wpm_bytes peer = {id, sizeof(id)};
    (void)wpm_inbound_refusal(w->manager, WPM_SLOT_NONE, peer,
                              (wpm_bytes){no_address, sizeof(no_address)}, w->now.mono);
  }
  wpm_connection_id c = come(w, 1, view(&from));
  const wpm_connection *connection = wpm_connection_find(w->manager, c);
  const uint8_t *ip = wpm_inbound_ip(w->manager, connection);
  assert_non_null(ip);
  assert_memory_equal(ip + 12, from.bytes + 1, 4);
  wpm_world_free(w);
}

/* Without memory an address is not known; once there is, its connections are counted like any other's. */
static void one_without_memory_takes_nobody_elses_count(void **state) {
  wpm_world *w = start(true);
  (void)state;
  wpm_inbound *inbound = &w->manager->inbound;
  remote from = address(HERE, 0);
  size_t unlisted = 0;
  for (unsigned i = 0; unlisted == 0 && i < MOST / 2; i++) {
    from = address(HERE, i);
    wpm_alloc_fail_at(1);
    (void)wpm_manager_admit(w->manager, view(&from), w->now);
    wpm_alloc_fail_off();
    unlisted = inbound->count - inbound->by_key.count;
    if (unlisted == 0) {
      (void)wpm_manager_admit(w->manager, view(&from), w->now);
    }
  }
  assert_true(unlisted > 0);
  for (int peer = 1; peer <= LIMIT; peer++) {
    assert_true(come(w, peer, view(&from)) != 0);
  }
  for (unsigned i = 0; i < 3 * MOST; i++) { /* All entries are looked at. */
    remote other = address(100 + (i >> 16), i);
    wpm_world_pass(w, WPM_SECOND);
    (void)wpm_manager_admit(w->manager, view(&other), w->now);
  }
  assert_int_equal(inbound->count, inbound->by_key.count); /* Those of nobody gave way. */
  assert_true(come(w, LIMIT + 1, view(&from)) == 0);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whoever_connects_meanwhile_does_not_give_way),
      cmocka_unit_test(nor_does_whoever_tries_to),
      cmocka_unit_test(one_that_was_pushed_out_is_counted_anew),
      cmocka_unit_test(one_without_memory_takes_nobody_elses_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
