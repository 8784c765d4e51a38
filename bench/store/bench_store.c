/* Our peer store, and our storage, for the store benchmark, through the public API alone. Its command
 * line and what it answers are those of every implementation: see bench/README.md. */
#include "bench/measure.h"
#include "bench/store/peer_file.h"

#include <wakupeers/storage.h>
#include <wakupeers/store.h>

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKED_LOOKUPS 10000 /* The first look-ups, whose answer is compared. */
#define LEAST_SECONDS 0.5     /* How long repeated operations go on. */
#define LOOKUPS_A_BREATH 1000 /* Look-ups between two looks at the clock. */
#define COMMIT_SECONDS 0.5    /* Between two group commits, as the node's writer has it. */
#define PAGE 10

#define NOW (INT64_C(1790000000) * WPM_SECOND) /* Any moment. */

typedef struct bench {
  wpm_peer_file file;   /* The peers. */
  wpm_store *store;     /* The store under test. */
  wpm_storage *storage; /* The database; NULL where none was named. */
  uint8_t *ids;         /* Ids in the order of random access, each behind its length. */
  size_t ids_size;      /* Bytes of them. */
} bench;

static void check(int rc, const char *what) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(rc));
  }
}

static void check_storage(int rc, const wpm_error *error) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s", error->text);
  }
}

static size_t heap(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static void say_timed(uint64_t count, double seconds, uint64_t answer) {
  wpm_bench_say("{\"count\":%" PRIu64 ",\"seconds\":%.9f,\"answer\":%" PRIu64 "}", count, seconds,
                answer);
}

static wpm_store *new_store(void) {
  wpm_store_config config;
  wpm_store *store = NULL;
  wpm_store_config_default(&config);
  memset(config.hash_key, 27, sizeof config.hash_key);
  config.max_peers = 0;
  check(wpm_store_new(&config, &store), "a store");
  return store;
}

/* ---- writing --------------------------------------------------------------------------------- */

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

/* One in five addresses has worked. `seen`: when we last had a connection. */
static void put_peer(bench *b, const wpm_file_peer *peer, wpm_wall seen) {
  wpm_address addresses[WPM_PEER_FILE_LIST];
  bool met = peer->connectivity != WPM_NOT_CONNECTED;
  for (size_t i = 0; i < peer->address_count; i++) {
    addresses[i] = (wpm_address){.multiaddr = peer->addresses[i],
                                 .source = WPM_SOURCE_IDENTIFY,
                                 .last_success = i == 0 ? (wpm_wall){NOW} : WPM_WALL_NONE,
                                 .last_failure = WPM_WALL_NONE};
  }
  wpm_peer_record record = {.id = peer->id,
                            .addresses = addresses,
                            .address_count = peer->address_count,
                            .protocols = peer->protocols,
                            .protocol_count = peer->protocol_count,
                            .protocols_known = true,
                            .reason = reason_of(peer->connectivity),
                            .disconnect_time = met ? (wpm_wall){NOW} : WPM_WALL_NONE,
                            .connected_time = met ? seen : WPM_WALL_NONE,
                            .origin = WPM_ORIGIN_DISCV5,
                            .direction = met ? WPM_OUTBOUND : WPM_DIRECTION_NONE,
                            .first_failure = WPM_WALL_NONE,
                            .last_failure = WPM_WALL_NONE,
                            .rtt_ns = WPM_SPAN_NONE};
  check(wpm_store_put(b->store, &record), "put");
}

static void put_all(bench *b, int64_t seen) {
  uint64_t begin = uv_hrtime();
  for (uint32_t i = 0; i < b->file.peers; i++) {
    wpm_file_peer peer;
    wpm_peer_file_get(&b->file, i, &peer);
    put_peer(b, &peer, (wpm_wall){seen});
  }
  say_timed(b->file.peers, wpm_bench_seconds_since(begin), wpm_store_count(b->store));
}

/* The connections of the peers that have one; not part of what is timed. */
static void connect_some(bench *b) {
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

static void insert(bench *b) {
  b->store = new_store();
  put_all(b, NOW);
  connect_some(b);
}

/* The same peers once more; only the time of the last contact is another. */
static void again(bench *b) {
  put_all(b, NOW + WPM_HOUR);
}

static void settle(bench *b) {
  (void)b;
  malloc_trim(0);
  wpm_bench_say("{\"heap\":%zu}", heap());
}

/* ---- reading --------------------------------------------------------------------------------- */

static void prepare_ids(bench *b) {
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

/* Looks `count` peers up, on from *at; returns the bytes of all their addresses. */
static uint64_t look_up(bench *b, size_t *at, size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    wpm_peer_record record;
    wpm_bytes id = {b->ids + *at + 1, b->ids[*at]};
    *at += 1 + id.len;
    if (*at == b->ids_size) {
      *at = 0;
    }
    check(wpm_store_get(b->store, id, &record), "look-up");
    for (size_t j = 0; j < record.address_count; j++) {
      bytes += record.addresses[j].multiaddr.len;
    }
  }
  return bytes;
}

static void lookup(bench *b) {
  size_t at = 0;
  uint64_t count = 0;
  prepare_ids(b);
  uint64_t answer =
      look_up(b, &at, b->file.peers < CHECKED_LOOKUPS ? b->file.peers : CHECKED_LOOKUPS);
  uint64_t begin = uv_hrtime();
  do {
    if (look_up(b, &at, LOOKUPS_A_BREATH) == 0) {
      wpm_bench_fail("look-up: no addresses");
    }
    count += LOOKUPS_A_BREATH;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(count, wpm_bench_seconds_since(begin), answer);
  free(b->ids);
  b->ids = NULL;
  b->ids_size = 0;
}

/* The protocol that queries ask for, ANDed with a state where one is given. */
static wpm_store_filter asking(const bench *b, unsigned connectivity) {
  return (wpm_store_filter){.connectivity = connectivity,
                            .protocol = b->file.protocols[b->file.asked]};
}

static void count_matching(bench *b, unsigned connectivity) {
  wpm_store_filter filter = asking(b, connectivity);
  uint64_t rounds = 0;
  size_t answer = 0;
  uint64_t begin = uv_hrtime();
  do {
    answer = wpm_store_count_matching(b->store, &filter);
    rounds++;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(rounds, wpm_bench_seconds_since(begin), answer);
}

static void count_protocol(bench *b) {
  count_matching(b, 0);
}

static void count_pair(bench *b) {
  count_matching(b, 1u << WPM_CAN_CONNECT);
}

/* Takes up to `most` matching peers, on from *cursor; returns the bytes of all their addresses. */
static uint64_t take(bench *b, const wpm_store_filter *filter, uint64_t *cursor, size_t most) {
  wpm_peer_record record;
  uint64_t bytes = 0;
  for (size_t i = 0; i < most; i++) {
    if (!wpm_store_next(b->store, filter, cursor, &record)) {
      *cursor = 0;
      break;
    }
    for (size_t j = 0; j < record.address_count; j++) {
      bytes += record.addresses[j].multiaddr.len;
    }
  }
  return bytes;
}

static void list_protocol(bench *b) {
  wpm_store_filter filter = asking(b, 0);
  uint64_t rounds = 0;
  uint64_t answer = 0;
  uint64_t begin = uv_hrtime();
  do {
    uint64_t cursor = 0;
    answer = take(b, &filter, &cursor, SIZE_MAX);
    rounds++;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(rounds, wpm_bench_seconds_since(begin), answer);
}

/* Page after page, through the store and again from its front. */
static void pages(bench *b, unsigned connectivity) {
  wpm_store_filter filter = asking(b, connectivity);
  uint64_t cursor = 0;
  uint64_t rounds = 0;
  uint64_t answer = 0;
  uint64_t begin = uv_hrtime();
  do {
    answer += take(b, &filter, &cursor, PAGE);
    rounds++;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(rounds, wpm_bench_seconds_since(begin), answer);
}

static void page_protocol(bench *b) {
  pages(b, 0);
}

static void page_pair(bench *b) {
  pages(b, 1u << WPM_CAN_CONNECT);
}

static void page_rare(bench *b) {
  pages(b, 1u << WPM_CONNECTED);
}

/* ---- on disk --------------------------------------------------------------------------------- */

static void begin_batch(bench *b, uint64_t *begun) {
  wpm_error error;
  check_storage(wpm_storage_begin(b->storage, &error), &error);
  *begun = uv_hrtime();
}

/* Commits where it is time to, and begins the next batch. */
static void commit_in_time(bench *b, uint64_t *begun) {
  if (wpm_bench_seconds_since(*begun) >= COMMIT_SECONDS) {
    wpm_error error;
    check_storage(wpm_storage_commit(b->storage, &error), &error);
    begin_batch(b, begun);
  }
}

static void need_storage(const bench *b) {
  if (!b->storage) {
    wpm_bench_fail("no database was named");
  }
}

/* Every peer of the store into an empty database. */
static void write_all(bench *b) {
  wpm_error error;
  wpm_peer_record record;
  uint64_t cursor = 0;
  uint64_t count = 0;
  uint64_t begun;
  need_storage(b);
  uint64_t begin = uv_hrtime();
  begin_batch(b, &begun);
  while (wpm_store_next(b->store, NULL, &cursor, &record)) {
    check_storage(wpm_storage_put(b->storage, &record, &error), &error);
    count++;
    commit_in_time(b, &begun);
  }
  check_storage(wpm_storage_commit(b->storage, &error), &error);
  say_timed(count, wpm_bench_seconds_since(begin), count);
}

/* One field of peer after peer in random order, in the store and on disk, for `seconds`. */
static void change(bench *b, double seconds) {
  wpm_error error;
  wpm_peer_record record;
  uint64_t count = 0;
  size_t at = 0;
  uint64_t begun;
  need_storage(b);
  prepare_ids(b);
  uint64_t begin = uv_hrtime();
  begin_batch(b, &begun);
  while (wpm_bench_seconds_since(begin) < seconds) {
    wpm_bytes id = {b->ids + at + 1, b->ids[at]};
    at = at + 1 + id.len == b->ids_size ? 0 : at + 1 + id.len;
    check(wpm_store_pong(b->store, id, (int64_t)++count), "pong");
    check(wpm_store_get(b->store, id, &record), "look-up");
    check_storage(wpm_storage_put(b->storage, &record, &error), &error);
    commit_in_time(b, &begun);
  }
  check_storage(wpm_storage_commit(b->storage, &error), &error);
  say_timed(count, wpm_bench_seconds_since(begin), count);
  free(b->ids);
  b->ids = NULL;
  b->ids_size = 0;
}

static int load_one(void *user, const wpm_peer_record *record) {
  return wpm_store_put(user, record);
}

/* A cold start: the store from its database, and the first full answer. */
static void start(const char *path, const char *protocol) {
  wpm_storage *storage = NULL;
  wpm_error error;
  size_t skipped = 0;
  wpm_store *store = new_store();
  check_storage(wpm_storage_open(path, WPM_STORAGE_EXISTING, &storage, &error), &error);
  check_storage(wpm_storage_load(storage, load_one, store, &skipped, &error), &error);
  wpm_store_filter filter = {.protocol = {protocol, strlen(protocol)}};
  size_t answer = wpm_store_count_matching(store, &filter);
  wpm_bench_say("{\"peers\":%zu,\"answer\":%zu}", wpm_store_count(store), answer);
  wpm_storage_close(storage);
  wpm_store_free(store);
}

/* ---- the command line ------------------------------------------------------------------------ */

typedef struct command {
  const char *name;
  void (*run)(bench *);
} command;

static const command commands[] = {
    {"insert", insert},       {"again", again},          {"settle", settle},
    {"lookup", lookup},       {"count", count_protocol}, {"count_pair", count_pair},
    {"list", list_protocol},  {"page", page_protocol},   {"page_pair", page_pair},
    {"page_rare", page_rare}, {"write", write_all},
};

static void obey(bench *b, const char *line) {
  static const char changing[] = "change ";
  if (!b->store && strcmp(line, "insert") != 0) {
    wpm_bench_fail("insert comes first");
  }
  if (strncmp(line, changing, strlen(changing)) == 0) {
    char *end;
    double seconds = strtod(line + strlen(changing), &end);
    if (*end != '\0' || !(seconds > 0 && seconds < 1e4)) {
      wpm_bench_fail("change takes the seconds, not '%s'", line + strlen(changing));
    }
    change(b, seconds);
    return;
  }
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(line, commands[i].name) == 0) {
      commands[i].run(b);
      return;
    }
  }
  wpm_bench_fail("unknown command '%s'", line);
}

int main(int argc, char **argv) {
  bench b = {0};
  char line[64];
  wpm_error error;
  if (argc == 4 && strcmp(argv[1], "start") == 0) {
    start(argv[2], argv[3]);
    return 0;
  }
  if (argc < 3 || argc > 4 || strcmp(argv[1], "store") != 0) {
    wpm_bench_fail("use: %s store PEERS [DATABASE] | start DATABASE PROTOCOL", argv[0]);
  }
  wpm_peer_file_open(argv[2], &b.file);
  if (argc == 4) {
    check_storage(wpm_storage_open(argv[3], WPM_STORAGE_CREATE, &b.storage, &error), &error);
  }
  wpm_bench_say("{\"peers\":%" PRIu32 ",\"heap\":%zu}", b.file.peers, heap());
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    obey(&b, line);
  }
  wpm_storage_close(b.storage);
  wpm_store_free(b.store);
  wpm_peer_file_close(&b.file);
  return 0;
}
