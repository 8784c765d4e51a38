/* Places reserved for peers of a service: who fills them, and that they are kept. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#define MS WPM_MILLISECOND
#define TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})
#define STORE TEXT("/vac/waku/store-query/3.0.0")
#define FILTER TEXT("/vac/waku/filter-subscribe/2.0.0-beta1")
#define RELAY TEXT("/vac/waku/relay/2.0.0")

enum { STORE_BIT = 1, FILTER_BIT = 2 };

/* `stores` and `filters` peers are wanted, and no relay peers but where the test says so. */
static wpm_world *start_with(uint32_t stores, uint32_t filters, size_t relay_outbound) {
  const wpm_service services[] = {{STORE, STORE_BIT, stores}, {FILTER, FILTER_BIT, filters}};
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = relay_outbound;
  w->config.rotate_ns = relay_outbound > 0 ? WPM_HOUR : 0;
  w->config.keep_alive = false;
  w->config.services = services;
  w->config.service_count = 2;
  wpm_world_start(w);
  return w;
}

/* A peer is known from another store: what it speaks, what its ENR promises, its round trip. */
static void know(wpm_world *w, int peer, const wpm_text *protocols, size_t count,
                 uint8_t capabilities, int64_t rtt_ns) {
  uint8_t bytes[8] = {4, 46, (uint8_t)peer, (uint8_t)(peer >> 8), 1, 6, 0xea, 0x60};
  wpm_address address;
  wpm_peer_record record = wpm_world_imported(peer, (wpm_bytes){bytes, sizeof(bytes)}, &address);
  record.protocols = protocols;
  record.protocol_count = count;
  record.protocols_known = count > 0;
  record.capabilities_known = capabilities != 0;
  record.capabilities = capabilities;
  record.rtt_ns = rtt_ns;
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = wpm_world_id(peer)};
  e.u.imported.record = &record;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void know_store(wpm_world *w, int peer, int64_t rtt_ns) {
  const wpm_text protocols[] = {STORE};
  know(w, peer, protocols, 1, 0, rtt_ns);
}

static int identify_as(wpm_world *w, int peer, wpm_connection_id c, wpm_text protocol) {
  wpm_identified fact = {.protocols = &protocol, .protocol_count = 1};
  wpm_event e = {.type = WPM_EVENT_IDENTIFIED, .peer = wpm_world_id(peer)};
  e.u.identified.connection = c;
  e.u.identified.identified = &fact;
  return wpm_world_handle(w, &e);
}

/* The next dial is of that peer, and it comes up as what it says it is. */
static wpm_connection_id let_up(wpm_world *w, int peer, wpm_text protocol) {
  wpm_world_run(w, WPM_SECOND);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, -1);
  assert_int_equal(dial->peer, peer);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  assert_int_equal(identify_as(w, peer, c, protocol), WPM_OK);
  return c;
}

static void nobody_more_is_dialled(wpm_world *w) {
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
}

static void they_are_filled_by_the_lowest_round_trip(void **state) {
  (void)state;
  wpm_world *w = start_with(0, 0, 0);
  for (int peer = 1; peer <= 5; peer++) {
    know_store(w, peer, peer == 3 ? WPM_SPAN_NONE : (10 - peer) * 10 * MS);
  }
  nobody_more_is_dialled(w);
  ((wpm_service *)(uintptr_t)w->manager->config.services)[0].slots = 3;
  wpm_manager_note_deadline(w->manager);
  (void)let_up(w, 5, STORE);
  (void)let_up(w, 4, STORE);
  (void)let_up(w, 2, STORE);
  nobody_more_is_dialled(w);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_NOT_WANTED, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_free(w);
}

/* Of two services the one that misses more has the first dial. */
static void the_poorest_service_comes_first(void **state) {
  (void)state;
  const wpm_text filter[] = {FILTER};
  wpm_world *w = start_with(0, 0, 0);
  know_store(w, 1, 10 * MS);
  know(w, 2, filter, 1, 0, 20 * MS);
  nobody_more_is_dialled(w);
  wpm_service *services = (wpm_service *)(uintptr_t)w->manager->config.services;
  services[0].slots = 1;
  services[1].slots = 2;
  wpm_manager_note_deadline(w->manager);
  (void)let_up(w, 2, FILTER);
  wpm_world_free(w);
}

/* A relay peer of the store's that we held: it had dialled us, or we it. */
static void know_held(wpm_world *w, int peer, wpm_direction direction) {
  const wpm_text protocols[] = {RELAY, STORE};
  uint8_t bytes[8] = {4, 46, (uint8_t)peer, (uint8_t)(peer >> 8), 1, 6, 0xea, 0x60};
  wpm_address address;
  wpm_peer_record record = wpm_world_imported(peer, (wpm_bytes){bytes, sizeof(bytes)}, &address);
  record.protocols = protocols;
  record.protocol_count = 2;
  record.protocols_known = true;
  record.held = true;
  record.direction = direction;
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = wpm_world_id(peer)};
  e.u.imported.record = &record;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void who_had_dialled_us_is_not_dialled_past_the_limit_of_its_group(void **state) {
  (void)state;
  const wpm_text relay[] = {RELAY};
  for (int came_in = 0; came_in < 2; came_in++) {
    wpm_world *w = start_with(1, 0, 1);
    know(w, 257, relay, 1, 0, WPM_SPAN_NONE); /* Of the group of peer 1. */
    (void)let_up(w, 257, RELAY);
    know_held(w, 1, came_in ? WPM_INBOUND : WPM_OUTBOUND);
    wpm_world_run(w, WPM_MINUTE);
    if (came_in) {
      wpm_world_expect_none(w, WPM_ACTION_DIAL, -1);
      know_held(w, 2, WPM_INBOUND); /* Of a group that has none: a candidate as others are. */
      (void)let_up(w, 2, STORE);
    } else {
      (void)wpm_world_expect(w, WPM_ACTION_DIAL, 1);
    }
    wpm_world_free(w);
  }
}

static void one_that_fails_gives_the_next_its_turn(void **state) {
  (void)state;
  wpm_world *w = start_with(1, 0, 0);
  know_store(w, 1, 10 * MS);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  know_store(w, 2, 20 * MS);
  wpm_world_expect_plan(w, 2, WPM_HELD_BY_NOT_WANTED, WPM_SPAN_NONE, WPM_SPAN_NONE);
  wpm_world_dial_failed(w, 1, dial->dial, WPM_REASON_REFUSED);
  (void)let_up(w, 2, STORE);
  nobody_more_is_dialled(w);
  wpm_world_free(w);
}

static void one_that_is_lost_is_replaced(void **state) {
  (void)state;
  wpm_world *w = start_with(1, 0, 0);
  know_store(w, 1, 10 * MS);
  know_store(w, 2, 20 * MS);
  wpm_connection_id c = let_up(w, 1, STORE);
  nobody_more_is_dialled(w);
  wpm_world_disconnected(w, 1, c, WPM_REASON_RESET);
  wpm_world_run(w, WPM_SECOND);
  assert_int_equal(wpm_world_count(w, WPM_ACTION_DIAL), 1); /* Itself, or the other. */
  wpm_world_free(w);
}

/* Two that are static become ready while the service misses one: both are dialled, not the one that it
 * chooses. */
static void static_nodes_are_not_left_to_it(void **state) {
  (void)state;
  const wpm_text protocols[] = {STORE};
  wpm_world *w = start_with(1, 0, 0);
  know_store(w, 1, 10 * MS);
  wpm_world_dial_failed(w, 1, wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial, WPM_REASON_REFUSED);
  for (int peer = 2; peer <= 3; peer++) {
    wpm_address address;
    wpm_peer_record record = wpm_world_imported(peer, wpm_world_address(peer, 60000), &address);
    record.protocols = protocols;
    record.protocol_count = 1;
    record.protocols_known = record.is_static = true;
    wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
    e.u.imported.record = &record;
    assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  }
  wpm_world_run(w, WPM_SECOND / 2);
  wpm_world_expect(w, WPM_ACTION_DIAL, 2);
  wpm_world_expect(w, WPM_ACTION_DIAL, 3);
  wpm_world_free(w);
}

static void a_promise_is_tried_and_then_only_the_protocol_counts(void **state) {
  (void)state;
  wpm_world *w = start_with(1, 1, 0);
  know(w, 1, NULL, 0, 1u << STORE_BIT, WPM_SPAN_NONE);
  know(w, 2, NULL, 0, 1u << FILTER_BIT, WPM_SPAN_NONE);
  wpm_world_action *first = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, first->dial, &c), WPM_OK);
  (void)let_up(w, 2, FILTER);
  nobody_more_is_dialled(w);
  /* It does not keep its promise: another is looked for. */
  assert_int_equal(identify_as(w, 1, c, FILTER), WPM_OK);
  know_store(w, 3, WPM_SPAN_NONE);
  (void)let_up(w, 3, STORE);
  nobody_more_is_dialled(w);
  wpm_world_free(w);
}

static void who_came_in_counts(void **state) {
  (void)state;
  wpm_world *w = start_with(1, 0, 0);
  wpm_connection_id c = wpm_world_come_in(w, 7, -1);
  assert_int_equal(identify_as(w, 7, c, STORE), WPM_OK);
  know_store(w, 1, 10 * MS);
  nobody_more_is_dialled(w);
  wpm_world_free(w);
}

static void they_are_kept_when_places_rotate(void **state) {
  (void)state;
  const wpm_text both[] = {RELAY, STORE};
  wpm_world *w = start_with(1, 0, 2);
  know(w, 1, both, 2, 0, 10 * MS);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  wpm_connection_id c;
  assert_int_equal(wpm_world_connected(w, 1, WPM_OUTBOUND, dial->dial, &c), WPM_OK);
  know(w, 2, &both[0], 1, 0, 10 * MS);
  know(w, 3, &both[0], 1, 0, 10 * MS);
  for (int hour = 0; hour < 24; hour++) {
    for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DIAL, -1));) {
      assert_int_equal(wpm_world_connected(w, a->peer, WPM_OUTBOUND, a->dial, &c), WPM_OK);
    }
    wpm_world_run(w, WPM_HOUR);
    for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DISCONNECT, -1));) {
      assert_int_not_equal(a->peer, 1);
      wpm_world_disconnected(w, a->peer, a->connection, WPM_REASON_LOCAL_CLOSE);
    }
  }
  assert_int_equal(wpm_world_state(w, 1), WPM_CONNECTED);
  wpm_world_free(w);
}

static void places_are_kept_for_them(void **state) {
  (void)state;
  const wpm_service services[] = {{STORE, WPM_NO_CAPABILITY, 2}};
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 0;
  w->config.max_connections = 5;
  w->config.services = services;
  w->config.service_count = 1;
  wpm_world_start(w);
  wpm_connection_id c;
  for (int peer = 100; peer < 104; peer++) {
    assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &c), WPM_OK);
    assert_int_equal(wpm_world_take(w, WPM_ACTION_DISCONNECT, peer) != NULL, peer == 103);
  }
  know_store(w, 1, 10 * MS);
  know_store(w, 2, 20 * MS);
  (void)let_up(w, 1, STORE);
  (void)let_up(w, 2, STORE);
  assert_int_equal(wpm_manager_connection_count(w->manager), 5);
  wpm_world_free(w);
}

static void what_is_configured_is_checked(void **state) {
  (void)state;
  const wpm_service wrong[] = {{{NULL, 0}, 1, 1}, {STORE, 8, 1}};
  wpm_service many[WPM_SERVICES_MAX + 1];
  wpm_manager_config config;
  wpm_manager *manager;
  for (size_t i = 0; i <= WPM_SERVICES_MAX; i++) {
    many[i] = (wpm_service){STORE, STORE_BIT, 1};
  }
  wpm_manager_config_default(&config);
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(1), &config.local_peer), WPM_OK);
  config.service_count = 1;
  for (size_t i = 0; i < 2; i++) {
    config.services = &wrong[i];
    assert_int_equal(wpm_manager_new(&config, &manager), WPM_ERR_INVALID);
  }
  config.services = NULL;
  assert_int_equal(wpm_manager_new(&config, &manager), WPM_ERR_INVALID);
  config.services = many;
  config.service_count = WPM_SERVICES_MAX + 1;
  assert_int_equal(wpm_manager_new(&config, &manager), WPM_ERR_INVALID);
  config.service_count = WPM_SERVICES_MAX;
  assert_int_equal(wpm_manager_new(&config, &manager), WPM_OK);
  wpm_manager_free(manager);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_are_filled_by_the_lowest_round_trip),
      cmocka_unit_test(the_poorest_service_comes_first),
      cmocka_unit_test(who_had_dialled_us_is_not_dialled_past_the_limit_of_its_group),
      cmocka_unit_test(one_that_fails_gives_the_next_its_turn),
      cmocka_unit_test(one_that_is_lost_is_replaced),
      cmocka_unit_test(static_nodes_are_not_left_to_it),
      cmocka_unit_test(a_promise_is_tried_and_then_only_the_protocol_counts),
      cmocka_unit_test(who_came_in_counts),
      cmocka_unit_test(they_are_kept_when_places_rotate),
      cmocka_unit_test(places_are_kept_for_them),
      cmocka_unit_test(what_is_configured_is_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
