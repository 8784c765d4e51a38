/* Durable changes: the store and the node's writer, worked as the node's loop works them, for the store
 * benchmark. `bench_writer PEERS DATABASE SECONDS` changes one field of peer after peer in random order,
 * each once before any a second time, hands each to the writer, and waits where more than a second's
 * worth is queued; it counts what the writer's commits made durable. The database holds the peers
 * already. See bench/README.md. */
#include "bench/store/bench.h"

#include "node/writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 32          /* Changes between two looks at the clocks, as of one turn of a loop. */
#define LOOK_EVERY 64     /* Slices between two looks at the writer. */
#define QUEUE_MOST 200000 /* Changes that may wait. */
#define SLICES_MOST (8u << 20)

typedef struct loop {
  bench *b;
  wpm_writer *writer;
  uv_sem_t woken; /* The writer's status has changed. */
  size_t at;      /* The next id. */
  uint64_t changes;
  uint32_t *walls; /* Nanoseconds that each slice took. */
  size_t slices;
  uint64_t longest_cpu; /* Of this thread's own, in nanoseconds. */
} loop;

static void wake(void *user) {
  uv_sem_post(&((loop *)user)->woken);
}

static wpm_writer_status status_of(loop *l) {
  wpm_writer_status status;
  wpm_writer_get_status(l->writer, &status);
  if (status.error.code != WPM_OK) {
    wpm_bench_fail("the writer: %s", status.error.text);
  }
  return status;
}

static void start_writer(loop *l, const char *path) {
  const wpm_writer_sink nobody = {.record = NULL};
  wpm_writer_config config;
  wpm_writer_config_default(&config);
  config.path = path;
  config.wake = wake;
  config.user = l;
  memset(config.hash_key, 27, sizeof config.hash_key);
  check(wpm_writer_open(&config, &l->writer), "the writer");
  wpm_writer_load(l->writer, &nobody, NULL);
  check(wpm_writer_start(l->writer), "the writer's thread");
}

static void change_one(loop *l) {
  wpm_peer_record record;
  wpm_bytes id = next_id(l->b, &l->at);
  check(wpm_store_pong(l->b->store, id, (int64_t)++l->changes), "pong");
  check(wpm_store_get(l->b->store, id, &record), "look-up");
  if (wpm_writer_put(l->writer, &record, WPM_FIELD_RTT, false) == 0) {
    wpm_bench_fail("out of memory");
  }
}

static void one_slice(loop *l) {
  uint64_t wall = uv_hrtime();
  uint64_t cpu = own_cpu();
  for (int i = 0; i < SLICE; i++) {
    change_one(l);
  }
  cpu = own_cpu() - cpu;
  wall = uv_hrtime() - wall;
  l->longest_cpu = cpu > l->longest_cpu ? cpu : l->longest_cpu;
  if (l->slices < SLICES_MOST) {
    l->walls[l->slices++] = wall < UINT32_MAX ? (uint32_t)wall : UINT32_MAX;
  }
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a;
  uint32_t y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void say(loop *l, const wpm_writer_status *status, double seconds) {
  qsort(l->walls, l->slices, sizeof *l->walls, ascending);
  size_t at = l->slices - 1 - l->slices / 1000;
  double p999 = (double)l->walls[at] / 1e3;
  wpm_bench_say(
      "{\"count\":%" PRIu64 ",\"seconds\":%.6f,\"answer\":%" PRIu64
      ",\"cpu_most_us\":%.3f,\"wall_p999_us\":%.3f,\"oldest_ms\":%.1f,\"commits\":%" PRIu64 "}",
      status->stored, seconds, l->changes, (double)l->longest_cpu / 1e3, p999,
      (double)status->worst_ns / 1e6, status->commits);
}

static void run(loop *l, double seconds) {
  uint64_t begin = uv_hrtime();
  while (wpm_bench_seconds_since(begin) < seconds) {
    for (int i = 0; i < LOOK_EVERY; i++) {
      one_slice(l);
    }
    while (status_of(l).queued > QUEUE_MOST) {
      uv_sem_wait(&l->woken);
    }
  }
  wpm_writer_hurry(l->writer);
  wpm_writer_status status = status_of(l);
  while (status.durable < status.sequence) {
    uv_sem_wait(&l->woken);
    status = status_of(l);
  }
  say(l, &status, wpm_bench_seconds_since(begin));
}

int main(int argc, char **argv) {
  bench b = {0};
  loop l = {.b = &b};
  wpm_error error;
  char *end = NULL;
  double seconds = argc == 4 ? strtod(argv[3], &end) : 0;
  if (argc != 4 || *end != '\0' || !(seconds > 0 && seconds < 1e4)) {
    wpm_bench_fail("use: %s PEERS DATABASE SECONDS", argv[0]);
  }
  wpm_peer_file_open(argv[1], &b.file);
  l.walls = malloc(SLICES_MOST * sizeof *l.walls);
  if (!l.walls || uv_sem_init(&l.woken, 0) != 0) {
    wpm_bench_fail("out of memory");
  }
  b.store = new_store();
  fill_store(&b);
  prepare_ids(&b);
  start_writer(&l, argv[2]);
  run(&l, seconds);
  check_storage(wpm_writer_stop(l.writer, &error), &error);
  uv_sem_destroy(&l.woken);
  free(l.walls);
  forget_ids(&b);
  wpm_store_free(b.store);
  wpm_peer_file_close(&b.file);
  return 0;
}
