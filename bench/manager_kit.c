#include "bench/manager_kit.h"

#include "base/rng.h"
#include "bench/measure.h"

#include <wakupeers/manager.h>

#include <string.h>

#define CONNECTED 1000
#define ID_LEN 34

static wpm_manager *manager;
static wpm_instant now;
static uint32_t peers;
static wpm_rng rng;

static void check(int rc, const char *what) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(rc));
  }
}

/* Identity multihashes, spread by a multiplication so that none lies beside its number. */
static wpm_bytes id_of(uint32_t number, uint8_t out[ID_LEN]) {
  uint64_t word = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15);
  memset(out, 0x11, ID_LEN);
  out[0] = 0x00;
  out[1] = ID_LEN - 2;
  memcpy(out + 2, &word, sizeof word);
  return (wpm_bytes){out, ID_LEN};
}

static wpm_bytes address_of(uint32_t number, uint8_t out[8]) {
  const uint8_t bytes[8] = {4,
                            (uint8_t)(11 + (number >> 24)),
                            (uint8_t)(number >> 16),
                            (uint8_t)(number >> 8),
                            (uint8_t)number,
                            6,
                            0xea,
                            0x60};
  memcpy(out, bytes, sizeof bytes);
  return (wpm_bytes){out, 8};
}

static void handle(const wpm_event *event) {
  wpm_action action;
  check(wpm_manager_handle(manager, event, now), "event");
  while (wpm_manager_next_action(manager, &action)) {}
}

static void hear(uint32_t number) {
  uint8_t id[ID_LEN];
  uint8_t address[8];
  wpm_bytes addresses[] = {address_of(number, address)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = id_of(number, id)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_PEER_EXCHANGE;
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  handle(&e);
}

static void come_up(uint32_t number) {
  uint8_t id[ID_LEN];
  uint8_t address[8];
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = id_of(number, id)};
  e.u.connected.connection = number + 1;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = address_of(number, address);
  handle(&e);
}

static void go_down(uint32_t number) {
  uint8_t id[ID_LEN];
  wpm_event e = {.type = WPM_EVENT_DISCONNECTED, .peer = id_of(number, id)};
  e.u.disconnected.connection = number + 1;
  e.u.disconnected.reason = WPM_REASON_EOF;
  handle(&e);
}

void manager_kit_make(uint32_t count) {
  wpm_manager_config config;
  uint8_t local[ID_LEN];
  wpm_manager_config_default(&config);
  check(wpm_peer_id_from_bytes(id_of(UINT32_MAX, local), &config.local_peer), "id");
  config.store.max_peers = count;
  config.max_connections = CONNECTED + 200;
  config.inbound_per_network = 0;
  config.inbound_paced = false;
  check(wpm_manager_new(&config, &manager), "manager");
  peers = count;
  now = (wpm_instant){{WPM_HOUR}, {INT64_C(1790000000) * WPM_SECOND}, 1};
  wpm_rng_init(&rng, 27);
  for (uint32_t i = 0; i < count; i++) {
    hear(i);
  }
  for (uint32_t i = 0; i < CONNECTED; i++) {
    come_up(i);
  }
}

/* ---- what is measured -------------------------------------------------------------------------- */

static uint32_t any_peer(void) {
  return CONNECTED + (uint32_t)wpm_rng_below(&rng, peers - CONNECTED);
}

static void nothing_is_due(void) {
  check(wpm_manager_advance(manager, now), "advance");
}

static void bytes_came(void) {
  uint8_t id[ID_LEN];
  uint32_t number = (uint32_t)wpm_rng_below(&rng, CONNECTED);
  wpm_event e = {.type = WPM_EVENT_RECEIVED, .peer = id_of(number, id)};
  e.u.received.connection = number + 1;
  handle(&e);
}

static void pong_came(void) {
  uint8_t id[ID_LEN];
  uint32_t number = (uint32_t)wpm_rng_below(&rng, CONNECTED);
  wpm_event e = {.type = WPM_EVENT_PONG, .peer = id_of(number, id)};
  e.u.pong.connection = number + 1;
  e.u.pong.rtt_ns = 30 * WPM_MILLISECOND;
  handle(&e);
}

static void heard_again(void) {
  hear(any_peer());
}

/* The store is full: for each somebody goes. */
static void newcomer(void) {
  static uint32_t next;
  hear(UINT32_C(0x40000000) + next++);
}

static void pruned(void) {
  uint8_t id[ID_LEN];
  wpm_event e = {.type = WPM_EVENT_PRUNED, .peer = id_of(any_peer(), id)};
  e.u.pruned.backoff_ns = WPM_MINUTE;
  handle(&e);
}

static void comes_and_goes(void) {
  uint32_t number = any_peer();
  come_up(number);
  go_down(number);
}

void manager_kit_pass(int64_t ns) {
  now.mono.ns += ns;
  now.wall.ns += ns;
}

void manager_kit_drop(void) {
  wpm_manager_free(manager);
  manager = NULL;
}

const manager_kit_kind manager_kit_kinds[] = {
    {"advance, nothing due", nothing_is_due, 1, false},
    {"received", bytes_came, 1, false},
    {"pong", pong_came, 1, false},
    {"found again", heard_again, 1, false},
    {"pruned", pruned, 1, false},
    {"connected, disconnected", comes_and_goes, 2, false},
    {"found, one evicted for it", newcomer, 1, true},
};
const size_t manager_kit_kind_count = sizeof manager_kit_kinds / sizeof manager_kit_kinds[0];
