/* Who goes when there are too many connections, and who does not. */
#include "core/groups.h"
#include "core/manager.h"
#include "support/alloc_fail.h"
#include "support/core/crowded.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#include <string.h>

#define MS WPM_MILLISECOND
#define EVICT_EVERY (10 * WPM_SECOND)

static wpm_connection_id connection_of[WPM_WORLD_PEERS];

static wpm_world *start(size_t max_connections) {
  wpm_world *w = wpm_crowded_new(max_connections + 1);
  w->config.relay_outbound = 1; /* Groups are known then. */
  w->config.rotate_ns = 0;
  wpm_world_start(w);
  assert_int_equal(wpm_world_found(w, 1999, 4001, true), WPM_OK);
  (void)wpm_world_come_up(w, 1999, 1);
  return w;
}

/* A peer of a network group dials us; it speaks no relay. */
static void come(wpm_world *w, int peer, unsigned group) {
  uint8_t bytes[8] = {4, 60, (uint8_t)group, (uint8_t)(peer >> 8), (uint8_t)peer, 6, 0xea, 0x60};
  wpm_bytes address = {bytes, sizeof(bytes)};
  wpm_event e = wpm_world_heard(peer, &address, WPM_SOURCE_PEER_EXCHANGE);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  connection_of[peer] = wpm_world_come_in(w, peer, 0);
}

/* 1000 … 1000 + `count` - 1 are connected, a second after the other, each of its own group. */
static void fill(wpm_world *w, int count) {
  for (int i = 0; i < count; i++) {
    come(w, 1000 + i, (unsigned)(100 + i));
    wpm_world_run(w, WPM_SECOND);
  }
}

static wpm_preview foretell(const wpm_world *w) {
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &p), WPM_OK);
  return p;
}

/* Who goes is who was foretold. */
static void came_true(const wpm_preview *p, int went) {
  if (went < 0) {
    assert_int_equal(p->crowded.len, 0);
    assert_int_equal(p->crowded_layer, WPM_CROWDED_NOBODY);
    assert_int_equal(p->crowded_at.ns, WPM_NEVER.ns);
    return;
  }
  assert_int_equal(p->crowded.len, wpm_world_id(went).len);
  assert_memory_equal(p->crowded.data, wpm_world_id(went).data, p->crowded.len);
  assert_int_not_equal(p->crowded_layer, WPM_CROWDED_NOBODY);
}

static int newcomer(wpm_world *w) {
  static int number = 1500;
  wpm_world_run(w, EVICT_EVERY);
  wpm_preview before = foretell(w);
  assert_int_equal(before.inbound_room, 0);
  come(w, ++number, 99);
  bool is_in = wpm_world_state(w, number) == WPM_CONNECTED;
  int went = wpm_crowded_out(w);
  assert_int_equal(is_in, went >= 0);
  came_true(&before, went);
  assert_int_equal(before.crowded_at.ns, is_in ? w->now.mono.ns : WPM_NEVER.ns);
  if (is_in) { /* It leaves again, so that the next finds the same. */
    wpm_world_disconnected(w, number, connection_of[number], WPM_REASON_EOF);
  }
  return went;
}

static void few_are_all_worth_keeping(void **state) {
  (void)state;
  wpm_world *w = start(4);
  fill(w, 4);
  assert_int_equal(newcomer(w), -1);
  wpm_world_free(w);
}

static void of_the_largest_group_the_youngest_goes(void **state) {
  (void)state;
  wpm_world *w = start(30);
  fill(w, 20);
  for (int i = 0; i < 10; i++) {
    come(w, i, 7);
    wpm_world_run(w, WPM_SECOND);
  }
  assert_int_equal(newcomer(w), 9);
  come(w, 500, 55); /* In its place, and younger, but alone. */
  assert_int_equal(wpm_crowded_out(w), -1);
  assert_int_equal(newcomer(w), 8);
  wpm_peer_record r = wpm_world_record(w, 8);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_CROWDED);
  /* It is not dialled for having been held, nor would it be were there room. */
  wpm_world_expect_plan(w, 8, WPM_HELD_BY_NOT_WANTED, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 8);
  wpm_world_free(w);
}

/* Those who are alone in their groups stay, though they came later. */
static void the_largest_group_loses_one_though_others_are_younger(void **state) {
  (void)state;
  wpm_world *w = start(36);
  fill(w, 20);
  for (int i = 0; i < 10; i++) {
    come(w, i, 7);
    wpm_world_run(w, WPM_SECOND);
  }
  for (int i = 0; i < 6; i++) { /* More than are kept for being diverse. */
    come(w, 500 + i, (unsigned)(50 + i));
    wpm_world_run(w, WPM_SECOND);
  }
  assert_int_equal(newcomer(w), 9);
  wpm_world_free(w);
}

/* Whom we dialled ourselves stays, though it is the youngest of the largest group. */
static void no_newcomer_pushes_out_whom_we_dialled(void **state) {
  (void)state;
  wpm_world *w = start(31);
  fill(w, 20);
  for (int i = 0; i < 11; i++) {
    uint8_t bytes[8] = {4, 60, 7, 0, (uint8_t)i, 6, 0xea, 0x60};
    wpm_bytes address = {bytes, sizeof(bytes)};
    wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(i)};
    e.u.found.addresses = &address;
    e.u.found.address_count = 1;
    assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
    if (i < 10) {
      connection_of[i] = wpm_world_come_in(w, i, 0);
    } else {
      assert_int_equal(wpm_world_person(w, i, WPM_EVENT_PERSON_CONNECT), WPM_OK);
      (void)wpm_world_come_up(w, i, 0);
    }
    wpm_world_run(w, WPM_SECOND);
  }
  assert_int_equal(newcomer(w), 9);
  wpm_world_free(w);
}

static void the_fast_and_the_useful_stay(void **state) {
  (void)state;
  wpm_world *w = start(40);
  fill(w, 30);
  for (int i = 0; i < 10; i++) { /* All of one group, and the youngest. */
    come(w, i, 7);
  }
  for (int i = 0; i < 4; i++) {
    wpm_world_pong(w, i, connection_of[i], 10 * MS);
  }
  for (int i = 4; i < 7; i++) {
    wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(i)};
    e.u.score.score = 5;
    assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  }
  for (int i = 0; i < 8; i++) {
    int peer = newcomer(w);
    if (i < 2) {
      assert_int_equal(peer, 9 - i);
    } else { /* Then the younger ones of those who are alone, of what is left of their groups, as it is. */
      assert_true(peer >= 600);
    }
    come(w, 600 + i, (unsigned)(60 + i));
    assert_int_equal(wpm_crowded_out(w), -1);
  }
  wpm_world_free(w);
}

static void the_half_that_has_been_here_longest_stays(void **state) {
  (void)state;
  wpm_world *w = start(40);
  for (int i = 0; i < 12; i++) { /* Of one group, and the oldest. */
    come(w, i, 7);
    wpm_world_run(w, WPM_SECOND);
  }
  fill(w, 28);
  assert_int_equal(newcomer(w), 1027);
  wpm_world_free(w);
}

static void the_discouraged_go_first_and_push_nobody_out(void **state) {
  (void)state;
  wpm_world *w = start(20);
  fill(w, 20);
  wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(1000)};
  e.u.score.score = -100;
  assert_int_equal(foretell(w).crowded_layer, WPM_CROWDED_REST);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK); /* The oldest. */
  assert_int_equal(foretell(w).crowded_layer, WPM_CROWDED_DISCOURAGED);
  assert_int_equal(newcomer(w), 1000);
  come(w, 1, 1);
  assert_int_equal(wpm_crowded_out(w), -1);
  wpm_world_run(w, EVICT_EVERY);
  come(w, 1000, 100);
  assert_int_equal(wpm_crowded_out(w), -1);
  assert_int_not_equal(wpm_world_state(w, 1000), WPM_CONNECTED);
  wpm_world_free(w);
}

static void protect(wpm_world *w, int peer) {
  wpm_event e = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(peer)};
  e.u.tag.tag = (wpm_tag){.name = {"x", 1}, .protects = true, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void protected_static_and_outbound_peers_stay(void **state) {
  (void)state;
  wpm_world *w = start(24);
  for (int i = 0; i < 24; i++) {
    come(w, i, (unsigned)i);
    if (i % 2 == 0) {
      protect(w, i);
    } else {
      assert_int_equal(wpm_world_found(w, i, 0, true), WPM_OK);
    }
  }
  assert_int_equal(newcomer(w), -1);
  wpm_world_free(w);
}

static void no_more_than_one_in_a_while(void **state) {
  (void)state;
  wpm_world *w = start(30);
  fill(w, 30);
  wpm_world_run(w, WPM_SECOND);
  come(w, 1, 1);
  assert_true(wpm_crowded_out(w) >= 0);
  come(w, 2, 1);
  assert_int_equal(wpm_crowded_out(w), -1);
  assert_int_not_equal(wpm_world_state(w, 2), WPM_CONNECTED);
  wpm_world_run(w, EVICT_EVERY - 1);
  come(w, 2, 1);
  assert_int_equal(wpm_crowded_out(w), -1);
  wpm_world_run(w, 1);
  come(w, 2, 1);
  assert_true(wpm_crowded_out(w) >= 0);
  wpm_world_free(w);
}

/* However many knock: a protected peer needs no turn. */
static void a_trusted_peer_waits_for_no_turn(void **state) {
  (void)state;
  wpm_world *w = start(30);
  assert_int_equal(wpm_world_found(w, 5, 1, false), WPM_OK);
  protect(w, 5);
  fill(w, 30);
  wpm_world_run(w, WPM_SECOND);
  come(w, 1, 1);
  assert_true(wpm_crowded_out(w) >= 0);
  come(w, 2, 1);
  assert_int_equal(wpm_crowded_out(w), -1);
  come(w, 5, 1);
  assert_true(wpm_crowded_out(w) >= 0);
  assert_int_equal(wpm_world_state(w, 5), WPM_CONNECTED);
  wpm_world_free(w);
}

static void when_one_may_go_is_foretold(void **state) {
  (void)state;
  wpm_world *w = start(30);
  assert_int_equal(foretell(w).inbound_room, 30);
  assert_int_equal(foretell(w).crowded.len, 0);
  fill(w, 28);
  assert_int_equal(foretell(w).inbound_room, 2);
  assert_int_equal(foretell(w).crowded_at.ns, w->now.mono.ns); /* There are places, or else. */
  came_true(&(wpm_preview){.crowded = foretell(w).crowded, .crowded_layer = WPM_CROWDED_REST},
            1027);
  come(w, 1, 1);
  come(w, 2, 2);
  come(w, 3, 3);
  assert_true(wpm_crowded_out(w) >= 0);
  wpm_mono next = {w->now.mono.ns + EVICT_EVERY};
  wpm_world_run(w, WPM_SECOND);
  wpm_preview p = foretell(w);
  assert_int_equal(p.inbound_room, 0);
  assert_int_equal(p.crowded_at.ns, next.ns);
  come(w, 4, 4);
  assert_int_equal(wpm_crowded_out(w), -1);
  wpm_world_run(w, next.ns - w->now.mono.ns);
  come(w, 4, 4);
  came_true(&p, wpm_crowded_out(w));
  wpm_manager_stop(w->manager, w->now);
  p = foretell(w);
  came_true(&p, -1);
  wpm_world_free(w);
}

/* Of two that see the same, one is asked all the time what it would do. */
static void to_foretell_changes_nothing(void **state) {
  (void)state;
  wpm_world *worlds[2] = {start(30), start(30)};
  for (int which = 0; which < 2; which++) {
    wpm_world *w = worlds[which];
    for (int i = 0; i < 60; i++) {
      come(w, i, (unsigned)(i % 7));
      if (i % 5 == 0) {
        wpm_world_pong(w, i, connection_of[i], (20 + i) * MS);
      }
      for (int asked = 0; which == 1 && asked < 3; asked++) {
        (void)foretell(w);
      }
      wpm_world_run(w, 4 * WPM_SECOND);
    }
  }
  assert_true(worlds[0]->count > 40);
  assert_int_equal(worlds[0]->count, worlds[1]->count);
  for (size_t i = 0; i < worlds[0]->count; i++) {
    const wpm_world_action *a = &worlds[0]->log[i];
    const wpm_world_action *b = &worlds[1]->log[i];
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->peer, b->peer);
    assert_int_equal(a->at.ns, b->at.ns);
    assert_int_equal(a->reason, b->reason);
  }
  assert_int_equal(worlds[0]->manager->evict_at.ns, worlds[1]->manager->evict_at.ns);
  wpm_world_free(worlds[0]);
  wpm_world_free(worlds[1]);
}

static void to_foretell_may_lack_memory(void **state) {
  (void)state;
  wpm_world *w = start(30);
  wpm_preview p;
  fill(w, 30);
  wpm_alloc_fail_once_at(1);
  assert_int_equal(wpm_manager_preview(w->manager, w->now, NULL, 0, &p), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_true(newcomer(w) >= 0);
  wpm_world_free(w);
}

static void layers_have_names(void **state) {
  (void)state;
  assert_string_equal(wpm_crowded_layer_name(WPM_CROWDED_NOBODY), "nobody");
  assert_string_equal(wpm_crowded_layer_name(WPM_CROWDED_DISCOURAGED), "discouraged");
  assert_string_equal(wpm_crowded_layer_name(WPM_CROWDED_REST), "rest");
  assert_string_equal(wpm_crowded_layer_name(WPM_CROWDED_BEYOND), "beyond");
  assert_string_equal(wpm_crowded_layer_name((wpm_crowded_layer)WPM_CROWDED_LAYER_COUNT), "?");
}

static void without_memory_the_newcomer_is_refused(void **state) {
  (void)state;
  wpm_world *w = start(30);
  fill(w, 30);
  wpm_world_found(w, 1, 4001, false);
  wpm_world_run(w, EVICT_EVERY);
  wpm_connection_id c;
  wpm_alloc_fail_once_at(1);
  assert_int_equal(wpm_world_connected(w, 1, WPM_INBOUND, 0, &c), WPM_OK);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_crowded_out(w), -1);
  assert_int_not_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_free(w);
}

static size_t connected(const wpm_world *w) {
  return wpm_manager_connection_count(w->manager);
}

/* Everybody who went. */
static size_t let_go(wpm_world *w) {
  return wpm_crowded_out_of(w, 0, WPM_WORLD_PEERS);
}

static wpm_world *start_with_marks(size_t high, size_t low) {
  wpm_world *w = wpm_crowded_new(300);
  w->config.high_water = high;
  w->config.low_water = low;
  w->config.grace_ns = WPM_MINUTE;
  wpm_world_start(w);
  return w;
}

/* Of five peers of a service three are needed: as the others go, none of these does, though all are more
 * than needed as it begins. */
static void none_goes_that_the_others_make_needed(void **state) {
  (void)state;
  enum { SERVING = 5, SLOTS = 3 };
  const wpm_service services[] = {
      {{WPM_WORLD_SERVICE, sizeof(WPM_WORLD_SERVICE) - 1}, WPM_NO_CAPABILITY, SLOTS}};
  for (int shortage = 0; shortage < 2; shortage++) {
    wpm_world *w = wpm_crowded_new(200);
    w->config.services = services;
    w->config.service_count = 1;
    w->config.high_water = shortage ? 0 : 9;
    w->config.low_water = shortage ? 0 : 1;
    w->config.grace_ns = 0;
    wpm_world_start(w);
    for (int i = 0; i < 10; i++) {
      wpm_connection_id c = wpm_world_come_in(w, i, -1);
      assert_int_equal(i < SERVING ? wpm_world_identified_serving(w, i, c, false, 0)
                                   : wpm_world_identified(w, i, c, false, 0),
                       WPM_OK);
    }
    for (int i = 0; shortage && i < 20; i++) {
      wpm_event e = {.type = WPM_EVENT_SHORTAGE};
      assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
      (void)wpm_crowded_out_of(w, 0, 10);
      wpm_world_run(w, 11 * WPM_SECOND);
    }
    wpm_world_run(w, WPM_SECOND);
    (void)wpm_crowded_out_of(w, 0, 10);
    size_t left = 0;
    for (int i = 0; i < SERVING; i++) {
      left += wpm_world_state(w, i) == WPM_CONNECTED;
    }
    assert_true(left >= SLOTS);
    assert_true(wpm_manager_connection_count(w->manager) < 10);
    wpm_world_free(w);
  }
}

static void above_the_high_water_mark_they_go_down_to_the_low_one(void **state) {
  (void)state;
  wpm_world *w = start_with_marks(40, 25);
  for (int i = 0; i < 40; i++) {
    come(w, i, (unsigned)i);
  }
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(let_go(w), 0);
  assert_int_equal(connected(w), 40);
  come(w, 40, 40);
  assert_int_equal(let_go(w), 16);
  assert_int_equal(connected(w), 25);
  assert_int_equal(wpm_world_state(w, 40), WPM_CONNECTED); /* It is young. */
  for (int i = 41; i < 60; i++) {
    come(w, i, (unsigned)i);
  }
  wpm_world_run(w, WPM_SECOND);
  assert_int_equal(let_go(w), 19); /* Not those of the last minute. */
  assert_int_equal(connected(w), 25);
  wpm_world_run(w, WPM_HOUR);
  assert_int_equal(let_go(w), 0);
  wpm_world_free(w);
}

static void the_young_have_their_grace(void **state) {
  (void)state;
  wpm_world *w = start_with_marks(10, 5);
  for (int i = 0; i < 20; i++) {
    come(w, i, (unsigned)i);
  }
  wpm_world_run(w, WPM_MINUTE - 2 * WPM_SECOND);
  assert_int_equal(let_go(w), 0);
  wpm_world_run(w, 4 * WPM_SECOND);
  assert_int_equal(let_go(w), 15);
  wpm_world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(few_are_all_worth_keeping),
      cmocka_unit_test(of_the_largest_group_the_youngest_goes),
      cmocka_unit_test(the_largest_group_loses_one_though_others_are_younger),
      cmocka_unit_test(no_newcomer_pushes_out_whom_we_dialled),
      cmocka_unit_test(the_fast_and_the_useful_stay),
      cmocka_unit_test(the_half_that_has_been_here_longest_stays),
      cmocka_unit_test(the_discouraged_go_first_and_push_nobody_out),
      cmocka_unit_test(protected_static_and_outbound_peers_stay),
      cmocka_unit_test(a_trusted_peer_waits_for_no_turn),
      cmocka_unit_test(no_more_than_one_in_a_while),
      cmocka_unit_test(when_one_may_go_is_foretold),
      cmocka_unit_test(to_foretell_changes_nothing),
      cmocka_unit_test(to_foretell_may_lack_memory),
      cmocka_unit_test(layers_have_names),
      cmocka_unit_test(without_memory_the_newcomer_is_refused),
      cmocka_unit_test(none_goes_that_the_others_make_needed),
      cmocka_unit_test(above_the_high_water_mark_they_go_down_to_the_low_one),
      cmocka_unit_test(the_young_have_their_grace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
