#include "support/records.h"

#include "support/test.h"

#include <string.h>

uint64_t wpm_test_random(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t wpm_test_random_below(uint64_t *state, uint64_t bound) {
  return wpm_test_random(state) % bound;
}

static bool one_in(uint64_t *state, uint64_t n) {
  return wpm_test_random_below(state, n) == 0;
}

static uint8_t *reserve(wpm_test_record *out, size_t len) {
  assert_true(len <= WPM_TEST_BYTES - out->used);
  uint8_t *at = out->bytes + out->used;
  out->used += len;
  return at;
}

static wpm_bytes keep(wpm_test_record *out, const void *data, size_t len) {
  uint8_t *at = reserve(out, len);
  if (len > 0) {
    memcpy(at, data, len);
  }
  return (wpm_bytes){at, len};
}

static wpm_bytes random_bytes(uint64_t *state, wpm_test_record *out, size_t least, size_t most) {
  size_t len = least + wpm_test_random_below(state, most - least + 1);
  uint8_t *at = reserve(out, len);
  for (size_t i = 0; i < len; i++) {
    at[i] = (uint8_t)wpm_test_random(state);
  }
  return (wpm_bytes){at, len};
}

static wpm_text text_of(wpm_bytes bytes) {
  return (wpm_text){(const char *)bytes.data, bytes.len};
}

static wpm_text random_text(uint64_t *state, wpm_test_record *out) {
  static const char *const texts[] = {
      "",
      "/vac/waku/relay/2.0.0",
      "/ipfs/id/1.0.0",
      "/meshsub/1.1.0",
      "nwaku-v0.36.0-gabcdef",
      "\"quoted\"",
      "back\\slash",
      "a,b],[c",
      "tab\there",
      "new\nline",
      "\x1b[31mred",
      "\x7f",
      "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f",
      "cut \xe2\x82",
      "\xff\xfe",
      "\\u0041",
      " ",
  };
  switch (wpm_test_random_below(state, 4)) {
  case 0:
    return text_of(random_bytes(state, out, 0, 40));
  case 1:
    return text_of(keep(out, "with\0nul", 8));
  default: {
    const char *text = texts[wpm_test_random_below(state, sizeof(texts) / sizeof(texts[0]))];
    return text_of(keep(out, text, strlen(text)));
  }
  }
}

static wpm_bytes random_multiaddr(uint64_t *state, wpm_test_record *out) {
  static const uint8_t tcp4[] = {0x04, 127, 0, 0, 1, 0x06, 0xea, 0x60};
  static const uint8_t wss[] = {0x36, 4, 't', 'e', 's', 't', 0x06, 0x01, 0xbb, 0xde, 0x03};
  switch (wpm_test_random_below(state, 4)) {
  case 0:
    return random_bytes(state, out, 0, 60); /* Of a protocol that nobody knows. */
  case 1:
    return keep(out, wss, sizeof(wss));
  default: {
    wpm_bytes addr = keep(out, tcp4, sizeof(tcp4));
    out->bytes[out->used - 1] = (uint8_t)wpm_test_random(state);
    return addr;
  }
  }
}

/* The extremes of int64, some of which mean "none", and what lies between. */
static int64_t random_ns(uint64_t *state) {
  static const int64_t special[] = {
      INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX, INT64_C(1722470400000000000)};
  uint64_t pick = wpm_test_random_below(state, 12);
  return pick < 8 ? special[pick] : (int64_t)wpm_test_random(state);
}

static wpm_wall random_wall(uint64_t *state) {
  return (wpm_wall){random_ns(state)};
}

static wpm_wait random_wait(uint64_t *state) {
  return (wpm_wait){.start = {.mono = {random_ns(state)},
                              .wall = random_wall(state),
                              .boot_id = one_in(state, 4) ? 0 : wpm_test_random(state)},
                    .length_ns = one_in(state, 3) ? 0 : (int64_t)(wpm_test_random(state) >> 1)};
}

static uint32_t random_u32(uint64_t *state) {
  static const uint32_t special[] = {0, 1, INT32_MAX, UINT32_MAX};
  uint64_t pick = wpm_test_random_below(state, 8);
  return pick < 4 ? special[pick] : (uint32_t)wpm_test_random(state);
}

/* One of the classes of time to live, or any span. */
static int64_t random_ttl(uint64_t *state) {
  static const int64_t classes[] = {WPM_TTL_QUALITY,      WPM_TTL_PERMANENT, WPM_TTL_CONNECTED,
                                    WPM_TTL_RECENT,       WPM_TTL_ADDRESS,   WPM_TTL_TEMPORARY,
                                    WPM_TTL_OWN_OBSERVED, WPM_TTL_ADDRESS};
  uint64_t pick = wpm_test_random_below(state, 10);
  return pick < 8 ? classes[pick] : (int64_t)(wpm_test_random(state) >> 1);
}

/* In whole seconds, as the store has them. */
static wpm_wall random_second(uint64_t *state) {
  int64_t second = (int64_t)(wpm_test_random(state) >> 33) - (INT64_C(1) << 30);
  return one_in(state, 4) ? WPM_WALL_NONE : (wpm_wall){second * WPM_SECOND};
}

static wpm_address random_address(uint64_t *state, wpm_test_record *out) {
  wpm_address address = {
      .multiaddr = random_multiaddr(state, out),
      .source = (wpm_address_source)wpm_test_random_below(state, WPM_ADDRESS_SOURCE_COUNT),
      .identified = one_in(state, 2),
      .certified = one_in(state, 3),
      .first_seen = random_second(state),
      .last_seen = random_second(state),
      .last_success = random_wall(state),
      .last_failure = random_wall(state),
      .ttl_ns = random_ttl(state),
      .expires = random_wall(state)};
  address.confidence = address.certified                      ? WPM_CONFIDENCE_CERTIFIED
                       : address.identified                   ? WPM_CONFIDENCE_IDENTIFIED
                       : wpm_wall_known(address.last_success) ? WPM_CONFIDENCE_DIALLED
                                                              : WPM_CONFIDENCE_HEARD;
  return address;
}

/* Names ascending, as the store has them. */
static void random_tags(uint64_t *state, wpm_test_record *out) {
  out->record.tags = out->tags;
  out->record.tag_count = wpm_test_random_below(state, WPM_TEST_TAGS + 1);
  for (size_t i = 0; i < out->record.tag_count; i++) {
    char name[8] = {(char)('a' + i), (char)wpm_test_random(state), (char)wpm_test_random(state)};
    out->tags[i] = (wpm_tag){.name = text_of(keep(out, name, 1 + wpm_test_random_below(state, 3))),
                             .value = (int32_t)random_u32(state),
                             .protects = one_in(state, 4),
                             .expires = random_wall(state),
                             .half_life_ns = random_wait(state).length_ns};
  }
}

static void random_app(uint64_t *state, wpm_test_record *out) {
  out->record.app = out->app;
  out->record.app_count = wpm_test_random_below(state, WPM_TEST_APP + 1);
  for (size_t i = 0; i < out->record.app_count; i++) {
    wpm_bytes key = random_bytes(state, out, 1, one_in(state, 8) ? 255 : 12);
    out->bytes[out->used - key.len] = (uint8_t)i;
    out->app[i] = (wpm_app_entry){
        .key = text_of(key), .value = random_bytes(state, out, 0, one_in(state, 8) ? 500 : 20)};
  }
}

static void random_lists(uint64_t *state, wpm_test_record *out) {
  wpm_peer_record *record = &out->record;
  record->addresses = out->addresses;
  record->address_count = wpm_test_random_below(state, WPM_TEST_ADDRESSES + 1);
  for (size_t i = 0; i < record->address_count; i++) {
    out->addresses[i] = random_address(state, out);
  }
  record->protocols = out->protocols;
  record->protocol_count = wpm_test_random_below(state, WPM_TEST_PROTOCOLS + 1);
  for (size_t i = 0; i < record->protocol_count; i++) {
    out->protocols[i] = random_text(state, out);
  }
  record->shards = out->shards;
  record->shard_count = wpm_test_random_below(state, WPM_TEST_SHARDS + 1);
  for (size_t i = 0; i < record->shard_count; i++) {
    out->shards[i] = one_in(state, 4) ? UINT16_MAX : (uint16_t)wpm_test_random(state);
  }
  random_tags(state, out);
  random_app(state, out);
}

void wpm_test_record_random(uint64_t *state, wpm_test_record *out) {
  wpm_peer_record *record = &out->record;
  out->used = 0;
  *record = (wpm_peer_record){
      .id = random_bytes(state, out, 1, one_in(state, 4) ? WPM_PEER_ID_MAX : 40),
      .public_key = random_bytes(state, out, 0, one_in(state, 8) ? 1024 : 40),
      .observed_address = one_in(state, 3) ? (wpm_bytes){NULL, 0} : random_multiaddr(state, out),
      .protocols_known = one_in(state, 2),
      .agent = random_text(state, out),
      .protocol_version = random_text(state, out),
      .metadata_known = one_in(state, 2),
      .cluster_id = random_u32(state),
      .capabilities_known = one_in(state, 2),
      .capabilities = (uint8_t)wpm_test_random(state),
      .enr = random_bytes(state, out, 0, one_in(state, 4) ? 300 : 40),
      .enr_sequence = one_in(state, 4) ? UINT64_MAX : wpm_test_random(state),
      .signed_record = random_bytes(state, out, 0, one_in(state, 4) ? 300 : 40),
      .signed_sequence = one_in(state, 4) ? 0 : wpm_test_random(state),
      .connectivity = (wpm_connectivity)wpm_test_random_below(state, WPM_CONNECTIVITY_COUNT),
      .reason = (wpm_reason)wpm_test_random_below(state, WPM_REASON_COUNT),
      .disconnect_time = random_wall(state),
      .connected_time = random_wall(state),
      .origin = (wpm_origin)wpm_test_random_below(state, WPM_ORIGIN_COUNT),
      .direction = (wpm_direction)wpm_test_random_below(state, WPM_DIRECTION_COUNT),
      .failures = random_u32(state),
      .first_failure = random_wall(state),
      .last_failure = random_wall(state),
      .rtt_ns = random_ns(state),
      .is_static = one_in(state, 2),
      .held = one_in(state, 2),
      .held_off = one_in(state, 2),
      .prune_backoff = random_wait(state),
      .retry_delay = random_wait(state),
      .mismatch_delay = random_wait(state),
      .ban = random_wait(state),
      .score = (int32_t)random_u32(state),
  };
  if (one_in(state, 4)) {
    record->ban.length_ns = INT64_MAX;
  }
  random_lists(state, out);
}

void wpm_test_record_plain(uint32_t number, wpm_test_record *out) {
  static const char *const protocols[] = {"/vac/waku/relay/2.0.0", "/vac/waku/metadata/1.0.0",
                                          "/vac/waku/store-query/3.0.0", "/ipfs/id/1.0.0",
                                          "/ipfs/ping/1.0.0"};
  enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]), ID = 38, FIRST_RANDOM = 6 };
  static const uint8_t id_prefix[FIRST_RANDOM] = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20};
  uint64_t state = number;
  wpm_peer_record *record = &out->record;
  out->used = 0;
  uint8_t *id = reserve(out, ID);
  memcpy(id, id_prefix, FIRST_RANDOM);
  for (size_t i = FIRST_RANDOM; i < ID; i++) {
    id[i] = (uint8_t)wpm_test_random(&state);
  }
  const wpm_wall now = {INT64_C(1722470400000000000) + number};
  *record = (wpm_peer_record){.id = {id, ID},
                              .public_key = {id + 2, ID - 2},
                              .addresses = out->addresses,
                              .address_count = 2,
                              .protocols = out->protocols,
                              .protocol_count = PROTOCOLS,
                              .protocols_known = true,
                              .agent = text_of(keep(out, "nwaku-v0.36.0", 13)),
                              .protocol_version = text_of(keep(out, "ipfs/0.1.0", 10)),
                              .metadata_known = true,
                              .cluster_id = 1,
                              .shards = out->shards,
                              .shard_count = 2,
                              .connectivity = WPM_CAN_CONNECT,
                              .reason = WPM_REASON_SHUTDOWN,
                              .disconnect_time = now,
                              .connected_time = {now.ns - WPM_HOUR},
                              .origin = WPM_ORIGIN_STATIC,
                              .direction = WPM_OUTBOUND,
                              .first_failure = WPM_WALL_NONE,
                              .last_failure = WPM_WALL_NONE,
                              .rtt_ns = 20 * WPM_MILLISECOND,
                              .is_static = true,
                              .held = true};
  for (size_t i = 0; i < 2; i++) {
    const uint8_t address[] = {
        0x04, 10,        (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number, 0x06,
        0xea, (uint8_t)i};
    out->addresses[i] = (wpm_address){.multiaddr = keep(out, address, sizeof(address)),
                                      .source = WPM_SOURCE_IDENTIFY,
                                      .identified = true,
                                      .confidence = WPM_CONFIDENCE_IDENTIFIED,
                                      .first_seen = {now.ns - now.ns % WPM_SECOND - WPM_HOUR},
                                      .last_seen = {now.ns - now.ns % WPM_SECOND},
                                      .last_success = now,
                                      .last_failure = WPM_WALL_NONE,
                                      .ttl_ns = WPM_TTL_QUALITY,
                                      .expires = WPM_WALL_NONE};
    out->shards[i] = (uint16_t)i;
  }
  for (size_t i = 0; i < PROTOCOLS; i++) {
    out->protocols[i] = text_of(keep(out, protocols[i], strlen(protocols[i])));
  }
}
