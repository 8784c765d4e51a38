/* The store's operations for `make bench-count`, which counts the instructions of each function named
 * phase_… below under callgrind. Everything is fixed: the peers, the seeds, the order. What a phase
 * needs is made before it, so that it runs nothing but the store.
 *
 * Without arguments it runs them all and prints how many operations each did, one JSON line a phase;
 * `about` prints what it was built by. */
#include "bench/counted.h"
#include "bench/measure.h"

#include <wakupeers/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  PEERS = 8192, /* Two pages of the indexes. */
  ADDRESSES = 5,
  PROTOCOLS = 10,
  NAMES = 40,
  SETS = 100,
  SHARDS = 8,
  ID_LEN = 39,
  BATCH = 64
};

#define NOW (INT64_C(1790000000) * WPM_SECOND)

typedef struct peer {
  uint8_t id[ID_LEN];
  uint8_t multiaddrs[ADDRESSES][12];
  wpm_address addresses[ADDRESSES];
  uint16_t shard;
  wpm_peer_record record;
} peer;

static peer peers[PEERS];
static uint32_t order[PEERS]; /* A permutation. */
static char names[NAMES][32];
static wpm_text sets[SETS][PROTOCOLS];
static wpm_store *store;

static void check(int rc, const char *what) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(rc));
  }
}

/* splitmix64 */
static uint64_t draw(uint64_t bound) {
  static uint64_t state = 27;
  uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (z ^ (z >> 31)) % bound;
}

/* ---- what is measured on --------------------------------------------------------------------- */

static void make_sets(void) {
  for (int i = 0; i < NAMES; i++) {
    snprintf(names[i], sizeof names[i],
             i % 10 == 0 ? "/meshsub/%02d.0" : "/bench/service-%02d/1.0.0", i);
  }
  for (size_t i = 0; i < SETS; i++) {
    size_t first = draw(NAMES);
    for (size_t k = 0; k < PROTOCOLS; k++) {
      const char *name = names[(first + 3 * k) % NAMES];
      sets[i][k] = (wpm_text){name, strlen(name)};
    }
  }
}

static void make_peer(peer *p, uint32_t number) {
  static const uint8_t head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
  memcpy(p->id, head, sizeof head);
  for (size_t i = sizeof head; i < ID_LEN; i++) {
    p->id[i] = (uint8_t)draw(256);
  }
  for (size_t i = 0; i < ADDRESSES; i++) {
    const uint8_t bytes[12] = {4,          10,  (uint8_t)draw(256), (uint8_t)draw(256),
                               (uint8_t)i, 6,   (uint8_t)draw(256), (uint8_t)draw(256),
                               0xdd,       0x03};
    memcpy(p->multiaddrs[i], bytes, sizeof bytes);
    p->addresses[i] = (wpm_address){.multiaddr = {p->multiaddrs[i], 10},
                                    .source = WPM_SOURCE_IDENTIFY,
                                    .identified = true,
                                    .first_seen = {NOW - WPM_DAY},
                                    .last_seen = {NOW},
                                    .last_success = i == 0 ? (wpm_wall){NOW} : WPM_WALL_NONE,
                                    .last_failure = WPM_WALL_NONE,
                                    .ttl_ns = WPM_TTL_ADDRESS,
                                    .expires = {NOW + WPM_TTL_ADDRESS}};
  }
  p->shard = (uint16_t)draw(SHARDS);
  p->record = (wpm_peer_record){.id = {p->id, ID_LEN},
                                .addresses = p->addresses,
                                .address_count = ADDRESSES,
                                .protocols = sets[draw(SETS)],
                                .protocol_count = PROTOCOLS,
                                .protocols_known = true,
                                .metadata_known = true,
                                .cluster_id = 1,
                                .shards = &p->shard,
                                .shard_count = 1,
                                .reason = number % 2 ? WPM_REASON_REFUSED : WPM_REASON_NONE,
                                .disconnect_time = WPM_WALL_NONE,
                                .connected_time = WPM_WALL_NONE,
                                .origin = WPM_ORIGIN_DISCV5,
                                .first_failure = WPM_WALL_NONE,
                                .last_failure = WPM_WALL_NONE,
                                .rtt_ns = WPM_SPAN_NONE};
}

static void make_peers(void) {
  make_sets();
  for (uint32_t i = 0; i < PEERS; i++) {
    make_peer(&peers[i], i);
    uint32_t other = (uint32_t)draw(i + 1);
    order[i] = order[other];
    order[other] = i;
  }
}

static wpm_instant at(int64_t ns) {
  return (wpm_instant){{WPM_HOUR + ns}, {NOW + ns}, 1};
}

static void new_store(size_t max_peers) {
  wpm_store_config config;
  wpm_store_free(store);
  store = NULL;
  wpm_store_config_default(&config);
  memset(config.hash_key, 27, sizeof config.hash_key);
  config.max_peers = max_peers;
  check(wpm_store_new(&config, &store), "a store");
  wpm_store_advance(store, at(0));
}

static wpm_bytes id_of(uint32_t number) {
  return (wpm_bytes){peers[order[number]].id, ID_LEN};
}

static const wpm_term asked[] = {
    {.kind = WPM_TERM_DIALABLE}, {.kind = WPM_TERM_RELAY}, {.kind = WPM_TERM_SHARD, .number = 3}};
static const wpm_query query = {asked, 3};

/* ---- phases; each returns its operations ------------------------------------------------------ */

#define PHASE __attribute__((noinline)) static size_t

PHASE phase_insert(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    check(wpm_store_put(store, &peers[i].record), "put");
  }
  return PEERS;
}

PHASE phase_insert_again(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    peers[i].record.connected_time = (wpm_wall){NOW};
    check(wpm_store_put(store, &peers[i].record), "put");
  }
  return PEERS;
}

PHASE phase_look_up(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_peer_record record;
    check(wpm_store_get(store, id_of(i), &record), "get");
  }
  return PEERS;
}

PHASE phase_look_up_many(void) {
  for (uint32_t i = 0; i < PEERS; i += BATCH) {
    static wpm_peer_record records[BATCH];
    wpm_bytes ids[BATCH];
    for (uint32_t k = 0; k < BATCH; k++) {
      ids[k] = id_of(i + k);
    }
    if (wpm_store_get_many(store, ids, BATCH, records) != BATCH) {
      wpm_bench_fail("not all were found");
    }
  }
  return PEERS;
}

PHASE phase_address_heard_again(void) {
  wpm_offer offer = {WPM_SOURCE_DISCV5, WPM_TTL_ADDRESS, {NOW + WPM_MINUTE}};
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_bytes address = peers[order[i]].addresses[2].multiaddr;
    check(wpm_store_add_addresses(store, id_of(i), &address, 1, &offer, NULL), "address");
  }
  return PEERS;
}

PHASE phase_come_and_go(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_bytes address = peers[order[i]].addresses[1].multiaddr;
    check(wpm_store_connected(store, id_of(i), WPM_OUTBOUND, address, (wpm_wall){NOW}),
          "connected");
    check(wpm_store_disconnected(store, id_of(i), WPM_REASON_EOF, (wpm_wall){NOW}), "disconnected");
  }
  return PEERS;
}

PHASE phase_pong(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    check(wpm_store_pong(store, id_of(i), (int64_t)i), "pong");
  }
  return PEERS;
}

PHASE phase_set_wait(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_wait wait = {at(0), WPM_SECOND + (int64_t)order[i]};
    check(wpm_store_set_wait(store, id_of(i), WPM_WAIT_RETRY_DELAY, wait), "wait");
  }
  return PEERS;
}

PHASE phase_wait_ends(void) {
  while (wpm_store_next_deadline(store).ns < at(WPM_MINUTE).mono.ns) {
    wpm_store_advance(store, at(WPM_MINUTE));
  }
  return PEERS;
}

PHASE phase_feed_change(void) {
  uint64_t cursor = 0;
  size_t count = 0;
  wpm_change_kind last = WPM_CHANGE_ADDED;
  for (;;) {
    wpm_store_change change;
    int err = wpm_store_feed_next(store, &cursor, &change);
    if (err == WPM_ERR_NOT_FOUND) {
      break;
    }
    count += err == WPM_OK;
    last = change.kind;
  }
  if (last == WPM_CHANGE_REMOVED) {
    wpm_bench_fail("nobody went");
  }
  return count;
}

PHASE phase_count_same(void) {
  enum { TIMES = 1000 };
  for (int i = 0; i < TIMES; i++) {
    size_t found;
    check(wpm_store_query_count(store, &query, &found), "count");
  }
  return TIMES;
}

/* A peer changes before each; that is part of it. */
PHASE phase_count_after_change(void) {
  enum { TIMES = 1000 };
  for (uint32_t i = 0; i < TIMES; i++) {
    size_t found;
    check(wpm_store_set_held_off(store, id_of(i), true), "held off");
    check(wpm_store_query_count(store, &query, &found), "count");
  }
  return TIMES;
}

PHASE phase_pick_ten(void) {
  enum { TIMES = 1000 };
  for (uint64_t i = 0; i < TIMES; i++) {
    wpm_peer_ref refs[10];
    size_t found;
    check(wpm_store_query_pick(store, &query, i, refs, 10, &found), "pick");
  }
  return TIMES;
}

PHASE phase_page_of_ten(void) {
  enum { TIMES = 1000 };
  uint64_t cursor = 0;
  for (int i = 0; i < TIMES; i++) {
    wpm_peer_ref refs[10];
    size_t found;
    check(wpm_store_query_page(store, &query, &cursor, refs, 10, &found), "page");
    cursor = found < 10 ? 0 : cursor;
  }
  return TIMES;
}

PHASE phase_expire(void) {
  wpm_store_expire_some(store, PEERS, (wpm_wall){NOW + WPM_TTL_ADDRESS});
  return PEERS;
}

/* Each twice. */
PHASE phase_dial_failed(void) {
  for (uint32_t i = 0; i < 2 * PEERS; i++) {
    wpm_wall now = {NOW + WPM_HOUR + (int64_t)i * WPM_MILLISECOND};
    check(wpm_store_dial_failed(store, id_of(i % PEERS), WPM_REASON_REFUSED, now), "dial failed");
  }
  return 2 * PEERS;
}

PHASE phase_remove(void) {
  for (uint32_t i = 0; i < PEERS; i++) {
    check(wpm_store_remove(store, id_of(i)), "remove");
  }
  return PEERS;
}

/* Into a store that is full: for each somebody goes. */
PHASE phase_push_out(void) {
  for (uint32_t i = PEERS / 2; i < PEERS; i++) {
    check(wpm_store_add(store, (wpm_bytes){peers[i].id, ID_LEN}, WPM_ORIGIN_DNS), "add");
  }
  return PEERS / 2;
}

/* ---- all of them ------------------------------------------------------------------------------ */

static void fill_half(void) {
  new_store(PEERS / 2);
  for (uint32_t i = 0; i < PEERS / 2; i++) {
    check(wpm_store_put(store, &peers[i].record), "put");
  }
}

static void about(void) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
  wpm_bench_say("{\"arch\":\"x86_64\",\"compiler\":\"gcc %d.%d\",\"counted\":%d}", __GNUC__,
                __GNUC_MINOR__, WPM_BENCH_IS_COUNTED);
#else
  wpm_bench_say("{\"arch\":\"other\",\"compiler\":\"other\",\"counted\":%d}", WPM_BENCH_IS_COUNTED);
#endif
}

static const struct {
  const char *name;
  void (*prepare)(void);
  size_t (*run)(void);
} phases[] = {
    {"insert", NULL, phase_insert},
    {"insert_again", NULL, phase_insert_again},
    {"look_up", NULL, phase_look_up},
    {"look_up_many", NULL, phase_look_up_many},
    {"address_heard_again", NULL, phase_address_heard_again},
    {"count_same", NULL, phase_count_same},
    {"pick_ten", NULL, phase_pick_ten},
    {"page_of_ten", NULL, phase_page_of_ten},
    {"come_and_go", NULL, phase_come_and_go},
    {"pong", NULL, phase_pong},
    {"set_wait", NULL, phase_set_wait},
    {"wait_ends", NULL, phase_wait_ends},
    {"feed_change", NULL, phase_feed_change},
    {"count_after_change", NULL, phase_count_after_change},
    {"expire", NULL, phase_expire},
    {"dial_failed", NULL, phase_dial_failed},
    {"remove", NULL, phase_remove},
    {"push_out", fill_half, phase_push_out},
};

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "about") == 0) {
    about();
    return 0;
  }
  if (argc != 1) {
    wpm_bench_fail("use: %s [about]", argv[0]);
  }
  make_peers();
  new_store(0);
  CALLGRIND_START_INSTRUMENTATION;
  for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
    if (phases[i].prepare) {
      phases[i].prepare();
    }
    wpm_bench_say("{\"phase\":\"%s\",\"operations\":%zu}", phases[i].name, phases[i].run());
  }
  CALLGRIND_STOP_INSTRUMENTATION;
  wpm_store_free(store);
  return 0;
}
