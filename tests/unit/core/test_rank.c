/* Which of a peer's addresses are dialled, and in which order. */
#include "core/path.h"
#include "core/rank.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

#include <stdio.h>

#define IP6_A "/ip6/2001:db8::1/tcp/1"
#define IP6_B "/ip6/2001:db8::2/tcp/2"
#define IP6_C "/ip6/2001:db8::3/tcp/3"
#define IP4_A "/ip4/45.0.0.1/tcp/4"
#define IP4_B "/ip4/45.0.0.2/tcp/5"

enum { MOST = WPM_WORLD_ADDRESSES };

/* ---- the order alone ----------------------------------------------------------------------------- */

typedef struct ranking {
  wpm_multiaddr parsed[MOST];
  wpm_address items[MOST];
  wpm_bytes ranked[MOST];
  size_t count;
} ranking;

static wpm_address *add(ranking *r, const char *text) {
  wpm_address *item = &r->items[r->count];
  *item = (wpm_address){.multiaddr = wpm_world_parse(text, &r->parsed[r->count]),
                        .source = WPM_SOURCE_DNS,
                        .first_seen = WPM_WALL_NONE,
                        .last_seen = WPM_WALL_NONE,
                        .last_success = WPM_WALL_NONE,
                        .last_failure = WPM_WALL_NONE,
                        .expires = WPM_WALL_NONE};
  r->count++;
  return item;
}

static void add_all(ranking *r, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    add(r, texts[i]);
  }
}

static void expect_order(ranking *r, const char *const *texts, size_t count) {
  wpm_multiaddr parsed;
  assert_int_equal(wpm_rank_order(r->items, r->count, MOST, r->ranked), r->count);
  assert_int_equal(r->count, count);
  for (size_t i = 0; i < count; i++) {
    if (!wpm_bytes_equal(r->ranked[i], wpm_world_parse(texts[i], &parsed))) {
      fail_msg("%s is not number %zu", texts[i], i);
    }
  }
}

static void each_address_has_a_way(void **state) {
  (void)state;
  static const struct {
    const char *text;
    wpm_family family;
    wpm_transport transport;
    wpm_path path;
  } table[] = {
      {IP4_A, WPM_FAMILY_IP4, WPM_TRANSPORT_TCP, WPM_PATH_TCP_IP4},
      {IP6_A, WPM_FAMILY_IP6, WPM_TRANSPORT_TCP, WPM_PATH_TCP_IP6},
      {"/ip6zone/eth0/ip6/fe80::1/tcp/1", WPM_FAMILY_IP6, WPM_TRANSPORT_TCP, WPM_PATH_TCP_IP6},
      {"/dns4/example.org/tcp/1", WPM_FAMILY_IP4, WPM_TRANSPORT_TCP, WPM_PATH_TCP_IP4},
      {"/dns6/example.org/tcp/1/ws", WPM_FAMILY_IP6, WPM_TRANSPORT_WS, WPM_PATH_WS_IP6},
      {"/dns/example.org/tcp/1", WPM_FAMILY_ANY, WPM_TRANSPORT_TCP, WPM_PATH_NONE},
      {"/ip4/45.0.0.1/tcp/1/ws", WPM_FAMILY_IP4, WPM_TRANSPORT_WS, WPM_PATH_WS_IP4},
      {"/ip4/45.0.0.1/tcp/1/wss", WPM_FAMILY_IP4, WPM_TRANSPORT_WSS, WPM_PATH_WSS},
      {"/dns/example.org/tcp/1/tls/sni/a.org/ws", WPM_FAMILY_ANY, WPM_TRANSPORT_WSS, WPM_PATH_WSS},
      {"/ip4/45.0.0.1/udp/1/quic-v1", WPM_FAMILY_IP4, WPM_TRANSPORT_QUIC, WPM_PATH_QUIC_IP4},
      {"/ip6/2001:db8::1/udp/1/quic", WPM_FAMILY_IP6, WPM_TRANSPORT_QUIC, WPM_PATH_QUIC_IP6},
      {"/ip4/45.0.0.1/udp/1", WPM_FAMILY_IP4, WPM_TRANSPORT_OTHER, WPM_PATH_NONE},
      {"/ip4/45.0.0.1/udp/1/quic-v1/webtransport", WPM_FAMILY_IP4, WPM_TRANSPORT_QUIC,
       WPM_PATH_QUIC_IP4},
      {"/ip4/45.0.0.1/tcp/1/p2p/16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn/p2p-circuit",
       WPM_FAMILY_IP4, WPM_TRANSPORT_OTHER, WPM_PATH_NONE},
  };
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    wpm_multiaddr parsed;
    wpm_bytes address = wpm_world_parse(table[i].text, &parsed);
    wpm_way way = wpm_way_of(address);
    if (way.family != table[i].family || way.transport != table[i].transport ||
        wpm_path_of(address) != table[i].path) {
      fail_msg("%s", table[i].text);
    }
  }
}

/* RFC 8305, section 4. */
static void among_equals_the_families_alternate(void **state) {
  (void)state;
  ranking r = {.count = 0};
  static const char *const given[] = {IP4_A, IP4_B, IP6_A, IP6_B, IP6_C};
  static const char *const order[] = {IP6_A, IP4_A, IP6_B, IP4_B, IP6_C};
  add_all(&r, given, 5);
  expect_order(&r, order, 5);
}

static void they_go_on_from_the_one_ahead(void **state) {
  (void)state;
  ranking r = {.count = 0};
  static const char *const given[] = {IP6_A, IP6_B, IP4_A, "/dns/example.org/tcp/6", IP6_C};
  static const char *const order[] = {IP6_B, IP4_A, "/dns/example.org/tcp/6", IP6_A, IP6_C};
  add_all(&r, given, 5);
  r.items[1].last_success.ns = 5;
  expect_order(&r, order, 5);
}

static void the_surer_then_the_nearer_then_the_fewer_layers(void **state) {
  (void)state;
  ranking r = {.count = 0};
  static const char *const order[] = {
      "/ip4/45.0.0.9/tcp/9/wss",     /* Certified. */
      "/ip4/45.0.0.8/tcp/8/wss",     /* A person's. */
      "/ip4/127.0.0.1/tcp/1/ws",     /* Near. */
      "/ip4/192.168.0.1/tcp/2/ws",   /* Less so. */
      "/ip4/45.0.0.1/udp/3/quic-v1", /* As given: nobody says that the host dials QUIC, or not. */
      "/ip4/45.0.0.1/tcp/3",
      "/ip4/45.0.0.2/udp/3/quic-v1",
      "/ip4/45.0.0.1/tcp/4/ws",
      "/ip4/45.0.0.1/tcp/5/wss",
      "/ip4/45.0.0.1/udp/6/quic-v1/webtransport",
      "/ip4/45.0.0.1/tcp/6/p2p/16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn/p2p-circuit",
      "/ip4/0.0.0.0/tcp/7", /* Nobody can have it. */
  };
  enum { COUNT = sizeof(order) / sizeof(order[0]) };
  static const uint8_t shuffle[COUNT] = {11, 4, 7, 9, 1, 5, 3, 8, 0, 2, 6, 10};
  for (size_t i = 0; i < COUNT; i++) {
    wpm_address *item = add(&r, order[shuffle[i]]);
    item->certified = shuffle[i] == 0;
    item->source = shuffle[i] == 1 ? WPM_SOURCE_PERSON : WPM_SOURCE_DNS;
  }
  expect_order(&r, order, COUNT);
}

static void no_more_than_asked_for(void **state) {
  (void)state;
  ranking r = {.count = 0};
  add_all(&r, (const char *const[]){IP4_A, IP6_A, IP6_B}, 3);
  assert_int_equal(wpm_rank_order(r.items, 3, 2, r.ranked), 2);
  assert_true(wpm_bytes_equal(r.ranked[0], r.items[1].multiaddr));
  assert_true(wpm_bytes_equal(r.ranked[1], r.items[0].multiaddr));
  assert_int_equal(wpm_rank_order(r.items, 0, 2, r.ranked), 0);
}

/* ---- dials --------------------------------------------------------------------------------------- */

static const char *const both[] = {IP4_A, IP4_B};

static void expect_ports(const wpm_world_action *dial, const uint16_t *ports, size_t count) {
  assert_int_equal(dial->address_count, count);
  assert_memory_equal(dial->ports, ports, count * sizeof(*ports));
}
#define EXPECT_PORTS(dial, ...)                                                                    \
  expect_ports((dial), (const uint16_t[]){__VA_ARGS__},                                            \
               sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

/* Dials the peer 1 when its time has come, and connects at the second address once the first failed;
 * stays for a while. */
static void meet_at_the_second(wpm_world *w, const wpm_world_action *dial) {
  wpm_connection_id c =
      wpm_world_dial_ended(w, 1, dial->dial, IP4_B, both, 1, WPM_REASON_DIAL_TIMEOUT);
  wpm_world_run(w, 2 * WPM_MINUTE);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, 2 * WPM_MINUTE);
}

/* It failed though the peer was reached, and nobody would have told without the dial that was won. */
static void what_failed_before_another_won_is_left_out(void **state) {
  wpm_world *w = *state;
  wpm_world_named(w, 1, WPM_SOURCE_DNS, both, 2);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  EXPECT_PORTS(dial, 4, 5);
  wpm_wall failed = w->now.wall;
  meet_at_the_second(w, dial);
  wpm_peer_record r = wpm_world_record(w, 1);
  assert_int_equal(r.addresses[0].last_failure.ns, failed.ns);
  assert_int_equal(r.addresses[1].last_success.ns, failed.ns);
  assert_int_equal(r.failures, 0);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 5);
}

typedef struct backoff {
  int64_t span; /* How long the address had been known when it failed. */
  int64_t least, most;
} backoff;

/* When the dial that follows has both again, a second later at most. */
static int64_t measured(int64_t span, uint64_t seed) {
  wpm_world *w = wpm_world_new(100);
  w->config.reconnect_max_ns = WPM_MILLISECOND;
  w->config.seed = seed;
  wpm_world_start(w);
  wpm_world_named(w, 1, WPM_SOURCE_DNS, both, 2);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_pass(w, span);
  wpm_world_dial_ended(w, 1, dial, NULL, both, 1, WPM_REASON_REFUSED);
  int64_t waited = 0;
  for (;;) {
    wpm_world_run(w, WPM_SECOND);
    waited += WPM_SECOND;
    const wpm_world_action *next = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
    if (next->address_count == 2) {
      break;
    }
    EXPECT_PORTS(next, 5);
    wpm_world_dial_ended(w, 1, next->dial, NULL, NULL, 0, WPM_REASON_REFUSED);
    wpm_world_forget_log(w);
  }
  wpm_world_free(w);
  return waited;
}

static void the_backoff_is_as_long_as_it_failed(void **state) {
  (void)state;
  static const backoff table[] = {{0, 5 * WPM_SECOND, 6 * WPM_SECOND},
                                  {5 * WPM_SECOND, 5 * WPM_SECOND, 6 * WPM_SECOND},
                                  {100 * WPM_SECOND, 75 * WPM_SECOND, 101 * WPM_SECOND},
                                  {5 * WPM_HOUR, 45 * WPM_MINUTE, WPM_HOUR + WPM_SECOND}};
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    assert_in_range(measured(table[i].span, 42), table[i].least, table[i].most);
  }
  /* The same for the same seed; another for another. */
  int64_t first = measured(1000 * WPM_SECOND, 1);
  assert_int_equal(measured(1000 * WPM_SECOND, 1), first);
  bool differs = false;
  for (uint64_t seed = 2; seed < 6; seed++) {
    differs = differs || measured(1000 * WPM_SECOND, seed) != first;
  }
  assert_true(differs);
}

static void where_all_failed_all_are_tried(void **state) {
  wpm_world *w = *state;
  wpm_world_named(w, 1, WPM_SOURCE_DNS, both, 2);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_ended(w, 1, dial, NULL, both, 2, WPM_REASON_REFUSED);
  wpm_world_run(w, 2 * WPM_SECOND);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 4, 5);
}

/* Of two addresses the one tried first fails. */
static void first_of_both_fails(wpm_world *w) {
  wpm_world_named(w, 1, WPM_SOURCE_DNS, both, 2);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_world_dial_ended(w, 1, dial, NULL, both, 1, WPM_REASON_REFUSED);
}

static void a_person_dials_them_all(void **state) {
  wpm_world *w = *state;
  first_of_both_fails(w);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 5, 4);
}

/* As a retry delay is: failures of before say nothing of the network there is now. */
static void a_new_epoch_voids_it(void **state) {
  wpm_world *w = *state;
  first_of_both_fails(w);
  wpm_world_pass(w, WPM_MILLISECOND);
  wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_CHANGED};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  wpm_world_run(w, 0);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 5, 4);
}

/* A failure that the clock has not reached yet: it was set back. */
static void so_does_a_clock_set_back(void **state) {
  wpm_world *w = *state;
  first_of_both_fails(w);
  w->now.wall.ns -= WPM_DAY;
  wpm_world_run(w, 2 * WPM_SECOND);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 5, 4);
}

/* Who takes every connection and drops it does so at one of its addresses: the other has its turn. Only
 * what was stable says that an address works. */
static void an_address_that_does_not_hold_has_failed(void **state) {
  wpm_world *w = *state;
  wpm_world_named(w, 1, WPM_SOURCE_DNS, both, 2);
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1)->dial;
  wpm_connection_id c = wpm_world_dial_ended(w, 1, dial, IP4_A, NULL, 0, WPM_REASON_NONE);
  wpm_world_run(w, 10 * WPM_SECOND);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, WPM_SECOND); /* In its prune backoff, which is a minute. */
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  const wpm_world_action *next = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  EXPECT_PORTS(next, 5, 4);
  c = wpm_world_dial_ended(w, 1, next->dial, IP4_A, NULL, 0, WPM_REASON_NONE);
  wpm_world_run(w, 2 * WPM_MINUTE);
  wpm_world_disconnected(w, 1, c, WPM_REASON_EOF);
  wpm_world_run(w, 2 * WPM_MINUTE);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 4, 5);
}

static void sixteen_at_most(void **state) {
  wpm_world *w = *state;
  char texts[MOST][32];
  const char *pointers[MOST];
  for (int i = 0; i < MOST; i++) {
    (void)snprintf(texts[i], sizeof(texts[i]), "/ip4/45.0.0.%d/tcp/%d", i + 1, i + 1);
    pointers[i] = texts[i];
  }
  wpm_world_named(w, 1, WPM_SOURCE_DNS, pointers, MOST);
  const wpm_world_action *dial = wpm_world_expect(w, WPM_ACTION_DIAL, 1);
  assert_int_equal(dial->address_count, WPM_DIAL_ADDRESSES_MAX);
  assert_int_equal(dial->ports[15], 16);
  wpm_world_dial_ended(w, 1, dial->dial, NULL, pointers, 16, WPM_REASON_REFUSED);
  wpm_world_run(w, 2 * WPM_SECOND);
  EXPECT_PORTS(wpm_world_expect(w, WPM_ACTION_DIAL, 1), 17, 18, 19, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_address_has_a_way),
      cmocka_unit_test(among_equals_the_families_alternate),
      cmocka_unit_test(they_go_on_from_the_one_ahead),
      cmocka_unit_test(the_surer_then_the_nearer_then_the_fewer_layers),
      cmocka_unit_test(no_more_than_asked_for),
      TEST(what_failed_before_another_won_is_left_out),
      cmocka_unit_test(the_backoff_is_as_long_as_it_failed),
      TEST(where_all_failed_all_are_tried),
      TEST(a_person_dials_them_all),
      TEST(a_new_epoch_voids_it),
      TEST(so_does_a_clock_set_back),
      TEST(an_address_that_does_not_hold_has_failed),
      TEST(sixteen_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
