/* Our peer store, and our storage, for the store benchmark, through the public API alone. Its command
 * line and what it answers are those of every implementation: see bench/README.md. */
#include "bench/store/bench.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKED_LOOKUPS 10000 /* The first look-ups, whose answer is compared. */
#define LOOKUPS_A_BREATH 1024 /* Look-ups between two looks at the clock. */
#define COMMIT_SECONDS 0.5    /* Between two group commits, as the node's writer has it. */

static size_t heap(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void insert(bench *b) {
  b->store = new_store();
  put_all(b, false, NOW);
  connect_some(b);
}

/* All peers into a store that grows under them: the longest that one took, of CPU time. */
static void insert_longest(bench *b) {
  uint64_t longest = 0;
  b->store = new_store();
  uint64_t begin = uv_hrtime();
  for (uint32_t i = 0; i < b->file.peers; i++) {
    uint64_t cpu = own_cpu();
    put_peer(b, i, false, NOW);
    cpu = own_cpu() - cpu;
    longest = cpu > longest ? cpu : longest;
  }
  say_spread(b->file.peers, wpm_bench_seconds_since(begin), wpm_store_count(b->store), 0,
             (double)longest / 1e3);
}

static void insert_full(bench *b) {
  b->store = new_store();
  put_all(b, true, NOW);
  connect_some(b);
}

/* The same peers once more; only the time of the last contact is another. */
static void again(bench *b) {
  put_all(b, false, NOW + WPM_HOUR);
}

static void settle(bench *b) {
  malloc_trim(0);
  wpm_bench_say("{\"heap\":%zu,\"bytes\":%zu}", heap(), b->store ? wpm_store_bytes(b->store) : 0);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static uint64_t bytes_of(const wpm_peer_record *record) {
  uint64_t bytes = 0;
  for (size_t j = 0; j < record->address_count; j++) {
    bytes += record->addresses[j].multiaddr.len;
  }
  return bytes;
}

/* Looks `count` peers up, on from *at; returns the bytes of all their addresses. */
static uint64_t one_by_one(bench *b, size_t *at, size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    wpm_peer_record record;
    check(wpm_store_get(b->store, next_id(b, at), &record), "look-up");
    bytes += bytes_of(&record);
  }
  return bytes;
}

/* The same, in batches; `count` is any number of them. */
static uint64_t in_batches(bench *b, size_t *at, size_t count) {
  uint64_t bytes = 0;
  for (size_t done = 0; done < count;) {
    wpm_bytes ids[WPM_GET_MANY_MAX];
    static wpm_peer_record records[WPM_GET_MANY_MAX]; /* Too large for the stack. */
    size_t batch = count - done < WPM_GET_MANY_MAX ? count - done : WPM_GET_MANY_MAX;
    for (size_t i = 0; i < batch; i++) {
      ids[i] = next_id(b, at);
    }
    if (wpm_store_get_many(b->store, ids, batch, records) != batch) {
      wpm_bench_fail("look-up: not all are held");
    }
    for (size_t i = 0; i < batch; i++) {
      bytes += bytes_of(&records[i]);
    }
    done += batch;
  }
  return bytes;
}

/* Finds them in batches, without reading the records; returns how many. */
static uint64_t find_only(bench *b, size_t *at, size_t count) {
  uint64_t found = 0;
  for (size_t done = 0; done < count;) {
    wpm_bytes ids[WPM_GET_MANY_MAX];
    wpm_peer_ref refs[WPM_GET_MANY_MAX];
    size_t batch = count - done < WPM_GET_MANY_MAX ? count - done : WPM_GET_MANY_MAX;
    for (size_t i = 0; i < batch; i++) {
      ids[i] = next_id(b, at);
    }
    found += wpm_store_find_many(b->store, ids, batch, refs);
    done += batch;
  }
  if (found != count) {
    wpm_bench_fail("look-up: not all are held");
  }
  return found;
}

static void look_up(bench *b, uint64_t (*how)(bench *, size_t *, size_t)) {
  size_t at = 0;
  uint64_t count = 0;
  prepare_ids(b);
  uint64_t answer = how(b, &at, b->file.peers < CHECKED_LOOKUPS ? b->file.peers : CHECKED_LOOKUPS);
  uint64_t begin = uv_hrtime();
  do {
    if (how(b, &at, LOOKUPS_A_BREATH) == 0) {
      wpm_bench_fail("look-up: no addresses");
    }
    count += LOOKUPS_A_BREATH;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(count, wpm_bench_seconds_since(begin), answer);
  forget_ids(b);
}

static void lookup(bench *b) {
  look_up(b, one_by_one);
}

static void lookup_many(bench *b) {
  look_up(b, in_batches);
}

static void find_many(bench *b) {
  look_up(b, find_only);
}

/* ---- on disk --------------------------------------------------------------------------------- */

static void begin_batch(bench *b, uint64_t *begun) {
  wpm_error error;
  check_storage(wpm_storage_begin(b->storage, &error), &error);
  *begun = uv_hrtime();
}

/* Every peer of the store into an empty database. */
static void write_all(bench *b) {
  wpm_error error;
  wpm_peer_record record;
  uint64_t cursor = 0;
  uint64_t count = 0;
  uint64_t begun;
  if (!b->storage) {
    wpm_bench_fail("no database was named");
  }
  uint64_t begin = uv_hrtime();
  begin_batch(b, &begun);
  while (wpm_store_next(b->store, &cursor, &record)) {
    check_storage(wpm_storage_put(b->storage, &record, WPM_FIELD_ALL, &error), &error);
    count++;
    if (wpm_bench_seconds_since(begun) >= COMMIT_SECONDS) {
      check_storage(wpm_storage_commit(b->storage, &error), &error);
      begin_batch(b, &begun);
    }
  }
  check_storage(wpm_storage_commit(b->storage, &error), &error);
  say_timed(count, wpm_bench_seconds_since(begin), count);
}

static int load_one(void *user, const wpm_peer_record *record) {
  return wpm_store_put(user, record);
}

/* A cold start: the store from its database, and the first full answer. */
static void start(const char *path, const char *protocol) {
  wpm_storage *storage = NULL;
  wpm_error error;
  size_t skipped = 0;
  size_t answer = 0;
  wpm_store *store = new_store();
  check_storage(wpm_storage_open(path, WPM_STORAGE_EXISTING, &storage, &error), &error);
  check_storage(wpm_storage_load(storage, load_one, store, &skipped, &error), &error);
  wpm_term term = {.kind = WPM_TERM_PROTOCOL, .text = {protocol, strlen(protocol)}};
  wpm_query query = {&term, 1};
  check(wpm_store_query_count(store, &query, &answer), "count");
  wpm_bench_say("{\"peers\":%zu,\"answer\":%zu}", wpm_store_count(store), answer);
  wpm_bench_end(0); /* To be measured until the answer, not until all is freed. */
}

/* ---- the command line ------------------------------------------------------------------------ */

static const command store_commands[] = {
    {"insert", insert},
    {"insert_full", insert_full},
    {"insert_longest", insert_longest},
    {"again", again},
    {"settle", settle},
    {"lookup", lookup},
    {"lookup_many", lookup_many},
    {"find_many", find_many},
    {"write", write_all},
    {NULL, NULL},
};

static bool obey_one_of(bench *b, const command *commands, const char *line) {
  for (size_t i = 0; commands[i].name; i++) {
    if (strcmp(line, commands[i].name) == 0) {
      commands[i].run(b);
      return true;
    }
  }
  return false;
}

static void obey(bench *b, const char *line) {
  if (!b->store && strncmp(line, "insert", strlen("insert")) != 0) {
    wpm_bench_fail("insert comes first");
  }
  if (!obey_one_of(b, store_commands, line) && !obey_one_of(b, query_commands, line)) {
    wpm_bench_fail("unknown command '%s'", line);
  }
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
