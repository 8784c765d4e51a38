#include "bench/store/bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void check(int rc, const char *what) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(rc));
  }
}

void check_storage(int rc, const wpm_error *error) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s", error->text);
  }
}

void say_timed(uint64_t count, double seconds, uint64_t answer) {
  wpm_bench_say("{\"count\":%" PRIu64 ",\"seconds\":%.9f,\"answer\":%" PRIu64 "}", count, seconds,
                answer);
}

void say_spread(uint64_t count, double seconds, uint64_t answer, double p99_us, double most_us) {
  wpm_bench_say("{\"count\":%" PRIu64 ",\"seconds\":%.9f,\"answer\":%" PRIu64
                ",\"p99_us\":%.3f,\"most_us\":%.3f}",
                count, seconds, answer, p99_us, most_us);
}

uint64_t own_cpu(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) {
    wpm_bench_fail("no clock of the thread's time");
  }
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

wpm_store *new_store(void) {
  wpm_store_config config;
  wpm_store *store = NULL;
  wpm_store_config_default(&config);
  memset(config.hash_key, 27, sizeof config.hash_key);
  config.max_peers = 0;
  check(wpm_store_new(&config, &store), "a store");
  wpm_store_advance(store, (wpm_instant){{WPM_HOUR}, {NOW}, 1});
  return store;
}

void prepare_ids(bench *b) {
  b->ids = malloc((size_t)b->file.peers * (WPM_PEER_ID_MAX + 1));
  if (!b->ids) {
    wpm_bench_fail("out of memory");
  }
  for (uint32_t i = 0; i < b->file.peers; i++) {
    wpm_file_peer peer;
    wpm_peer_file_get(&b->file, b->file.order[i], &peer);
    b->ids[b->ids_size++] = (uint8_t)peer.id.len;
    memcpy(b->ids + b->ids_size, peer.id.data, peer.id.len);
    b->ids_size += peer.id.len;
  }
}

void forget_ids(bench *b) {
  free(b->ids);
  b->ids = NULL;
  b->ids_size = 0;
}

wpm_bytes next_id(const bench *b, size_t *at) {
  wpm_bytes id = {b->ids + *at + 1, b->ids[*at]};
  *at += 1 + id.len;
  if (*at == b->ids_size) {
    *at = 0;
  }
  return id;
}

/* ---- records --------------------------------------------------------------------------------- */

static wpm_reason reason_of(wpm_connectivity connectivity) {
  switch (connectivity) {
  case WPM_CANNOT_CONNECT:
    return WPM_REASON_REFUSED;
  case WPM_CAN_CONNECT:
    return WPM_REASON_LOCAL_CLOSE;
  case WPM_NOT_CONNECTED:
  case WPM_CONNECTED:
    break;
  }
  return WPM_REASON_NONE;
}

/* Every fact of a fixed size, each at another value than its default, and what peers share. */
static void fill_in(wpm_peer_record *r) {
  wpm_wait wait = {{{WPM_HOUR - WPM_MINUTE}, {NOW - WPM_MINUTE}, 1}, WPM_SECOND};
  r->agent = (wpm_text){"nwaku-v0.36.0-gabcdef", 21};
  r->protocol_version = (wpm_text){"ipfs/0.1.0", 10};
  r->capabilities_known = true;
  r->capabilities = 3;
  r->observed_address = r->addresses[0].multiaddr;
  r->disconnect_time = r->connected_time = (wpm_wall){NOW};
  r->direction = WPM_OUTBOUND;
  r->held = true;
  r->failures = 2;
  r->first_failure = r->last_failure = (wpm_wall){NOW - WPM_DAY};
  r->rtt_ns = 23 * WPM_MILLISECOND;
  r->score = 5;
  r->is_static = true;
  r->prune_backoff = r->retry_delay = r->mismatch_delay = r->ban = wait;
}

void make_record(const wpm_file_peer *peer, bool full, wpm_wall seen,
                 wpm_address addresses[WPM_PEER_FILE_LIST], wpm_peer_record *out) {
  bool met = peer->connectivity != WPM_NOT_CONNECTED;
  for (size_t i = 0; i < peer->address_count; i++) {
    addresses[i] = (wpm_address){.multiaddr = peer->addresses[i],
                                 .source = WPM_SOURCE_IDENTIFY,
                                 .identified = true,
                                 .first_seen = {NOW - WPM_DAY},
                                 .last_seen = {NOW},
                                 .last_success = i == 0 || full ? (wpm_wall){NOW} : WPM_WALL_NONE,
                                 .last_failure = full ? (wpm_wall){NOW - 1} : WPM_WALL_NONE,
                                 .ttl_ns = WPM_TTL_ADDRESS,
                                 .expires = {NOW + WPM_TTL_ADDRESS}};
  }
  *out = (wpm_peer_record){.id = peer->id,
                           .addresses = addresses,
                           .address_count = peer->address_count,
                           .protocols = peer->protocols,
                           .protocol_count = peer->protocol_count,
                           .protocols_known = true,
                           .metadata_known = true,
                           .cluster_id = 1,
                           .shards = peer->shards,
                           .shard_count = peer->shard_count,
                           .reason = reason_of(peer->connectivity),
                           .disconnect_time = met ? (wpm_wall){NOW} : WPM_WALL_NONE,
                           .connected_time = met ? seen : WPM_WALL_NONE,
                           .origin = WPM_ORIGIN_DISCV5,
                           .direction = met ? WPM_OUTBOUND : WPM_DIRECTION_NONE,
                           .first_failure = WPM_WALL_NONE,
                           .last_failure = WPM_WALL_NONE,
                           .rtt_ns = WPM_SPAN_NONE};
  if (full) {
    fill_in(out);
  }
}

void put_peer(bench *b, uint32_t index, bool full, int64_t seen) {
  wpm_address addresses[WPM_PEER_FILE_LIST];
  wpm_file_peer peer;
  wpm_peer_record record;
  wpm_peer_file_get(&b->file, index, &peer);
  make_record(&peer, full, (wpm_wall){seen}, addresses, &record);
  check(wpm_store_put(b->store, &record), "put");
}

static void put_each(bench *b, bool full, int64_t seen) {
  for (uint32_t i = 0; i < b->file.peers; i++) {
    put_peer(b, i, full, seen);
  }
}

void fill_store(bench *b) {
  put_each(b, false, NOW);
}

void put_all(bench *b, bool full, int64_t seen) {
  uint64_t begin = uv_hrtime();
  put_each(b, full, seen);
  say_timed(b->file.peers, wpm_bench_seconds_since(begin), wpm_store_count(b->store));
}

void connect_some(bench *b) {
  for (uint32_t i = 0; i < b->file.peers; i++) {
    wpm_file_peer peer;
    wpm_peer_file_get(&b->file, i, &peer);
    if (peer.connectivity == WPM_CONNECTED) {
      check(
          wpm_store_connected(b->store, peer.id, WPM_OUTBOUND, peer.addresses[0], (wpm_wall){NOW}),
          "connected");
    }
  }
}
