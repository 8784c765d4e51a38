#include "support/core/store_kit.h"

#include <string.h>

static const uint8_t id_head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
enum { ID_LEN = 39, ADDRESS_LEN = 8 };

wpm_wall wpm_kit_at(int64_t seconds) {
  return (wpm_wall){WPM_KIT_NOW.ns + seconds * WPM_SECOND};
}

wpm_bytes wpm_kit_id(unsigned number) {
  static uint8_t ids[WPM_KIT_IDS][ID_LEN];
  assert_true(number < WPM_KIT_IDS);
  uint8_t *id = ids[number];
  memcpy(id, id_head, sizeof(id_head));
  id[ID_LEN - 2] = (uint8_t)(number >> 8);
  id[ID_LEN - 1] = (uint8_t)number;
  return (wpm_bytes){id, ID_LEN};
}

unsigned wpm_kit_number(wpm_bytes id) {
  assert_int_equal(id.len, ID_LEN);
  return (unsigned)id.data[ID_LEN - 2] << 8 | id.data[ID_LEN - 1];
}

wpm_bytes wpm_kit_address(unsigned number) {
  static uint8_t addresses[WPM_KIT_ADDRESSES][ADDRESS_LEN];
  assert_true(number < WPM_KIT_ADDRESSES);
  const uint8_t bytes[ADDRESS_LEN] = {4, 10,   0,   (uint8_t)(number >> 8), (uint8_t)number,
                                      6, 0xea, 0x60};
  memcpy(addresses[number], bytes, sizeof(bytes));
  return (wpm_bytes){addresses[number], ADDRESS_LEN};
}

unsigned wpm_kit_address_number(wpm_bytes address) {
  assert_int_equal(address.len, ADDRESS_LEN);
  return (unsigned)address.data[3] << 8 | address.data[4];
}

wpm_store *wpm_kit_new(const wpm_store_config *config) {
  wpm_store_config plain;
  wpm_store *store = NULL;
  wpm_store_config_default(&plain);
  assert_int_equal(wpm_store_new(config ? config : &plain, &store), WPM_OK);
  assert_non_null(store);
  return store;
}

void wpm_kit_check(const wpm_store *store) {
  wpm_error error = {0};
  if (wpm_store_check(store, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
}

void wpm_kit_free(wpm_store *store) {
  wpm_kit_check(store);
  wpm_store_free(store);
}

int wpm_kit_setup(void **state) {
  *state = wpm_kit_new(NULL);
  return 0;
}

int wpm_kit_teardown(void **state) {
  wpm_kit_free(*state);
  return 0;
}

wpm_peer_record wpm_kit_get(const wpm_store *store, unsigned number) {
  wpm_peer_record record;
  assert_int_equal(wpm_store_get(store, wpm_kit_id(number), &record), WPM_OK);
  return record;
}

bool wpm_kit_holds(const wpm_store *store, unsigned number) {
  wpm_peer_record record;
  int err = wpm_store_get(store, wpm_kit_id(number), &record);
  assert_true(err == WPM_OK || err == WPM_ERR_NOT_FOUND);
  return err == WPM_OK;
}

void wpm_kit_add(wpm_store *store, unsigned number) {
  assert_int_equal(wpm_store_add(store, wpm_kit_id(number), WPM_ORIGIN_UNKNOWN), WPM_OK);
}

void wpm_kit_add_dialable(wpm_store *store, unsigned number) {
  wpm_kit_add(store, number);
  wpm_kit_offer(store, number, number, WPM_SOURCE_CONFIG, WPM_TTL_QUALITY, WPM_KIT_NOW);
}

void wpm_kit_offer(wpm_store *store, unsigned number, unsigned address, wpm_address_source source,
                   int64_t ttl_ns, wpm_wall now) {
  wpm_bytes multiaddr = wpm_kit_address(address);
  wpm_offer offer = {.source = source, .ttl_ns = ttl_ns, .now = now};
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(number), &multiaddr, 1, &offer, NULL),
                   WPM_OK);
}

void wpm_kit_connect(wpm_store *store, unsigned number, wpm_direction direction, unsigned address,
                     wpm_wall now) {
  assert_int_equal(
      wpm_store_connected(store, wpm_kit_id(number), direction, wpm_kit_address(address), now),
      WPM_OK);
}

void wpm_kit_end(wpm_store *store, unsigned number, wpm_reason reason, wpm_wall now) {
  assert_int_equal(wpm_store_disconnected(store, wpm_kit_id(number), reason, now), WPM_OK);
}

void wpm_kit_protect(wpm_store *store, unsigned number, bool protects) {
  wpm_tag tag = {.name = {"kept", 4}, .value = 1, .protects = protects, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_store_set_tag(store, wpm_kit_id(number), &tag), WPM_OK);
}

wpm_instant wpm_kit_instant(int64_t ns) {
  return (wpm_instant){{1000 * WPM_SECOND + ns}, {WPM_KIT_NOW.ns + ns}, 1};
}

wpm_wait wpm_kit_wait(int64_t length_ns) {
  return (wpm_wait){wpm_kit_instant(0), length_ns};
}

void wpm_kit_set_wait(wpm_store *store, unsigned number, wpm_wait_kind kind, int64_t length_ns) {
  assert_int_equal(wpm_store_set_wait(store, wpm_kit_id(number), kind, wpm_kit_wait(length_ns)),
                   WPM_OK);
}

const wpm_address *wpm_kit_find(const wpm_peer_record *record, unsigned address) {
  wpm_bytes multiaddr = wpm_kit_address(address);
  for (size_t i = 0; i < record->address_count; i++) {
    const wpm_address *held = &record->addresses[i];
    if (held->multiaddr.len == multiaddr.len &&
        memcmp(held->multiaddr.data, multiaddr.data, multiaddr.len) == 0) {
      return held;
    }
  }
  return NULL;
}

wpm_peer_record wpm_kit_record(unsigned number) {
  return (wpm_peer_record){.id = wpm_kit_id(number),
                           .disconnect_time = WPM_WALL_NONE,
                           .connected_time = WPM_WALL_NONE,
                           .first_failure = WPM_WALL_NONE,
                           .last_failure = WPM_WALL_NONE,
                           .rtt_ns = WPM_SPAN_NONE};
}

size_t wpm_kit_count(wpm_store *store, const wpm_term *terms, size_t count) {
  wpm_query query = {terms, count};
  size_t found = SIZE_MAX;
  assert_int_equal(wpm_store_query_count(store, &query, &found), WPM_OK);
  return found;
}

size_t wpm_kit_count_of(wpm_store *store, wpm_term_kind kind, uint32_t number) {
  wpm_term term = {.kind = kind, .number = number};
  return wpm_kit_count(store, &term, 1);
}
