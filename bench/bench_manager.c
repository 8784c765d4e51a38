/* What one decision of the manager takes, by how many peers it holds: `bench_manager` prints one JSON
 * line per figure, in nanoseconds of CPU time an event, the median of its repeats. */
#include "bench/manager_kit.h"
#include "bench/measure.h"

#include <wakupeers/types.h>

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define REPEATS 9
#define EVENTS 20000 /* Of one kind in one repeat. */
#define OTHERS 5000  /* Events between what makes ready and what is measured. */

static uint64_t own_cpu(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a;
  double right = *(const double *)b;
  return (left > right) - (left < right);
}

static void measure(const manager_kit_kind *kind, uint32_t peers) {
  double values[REPEATS];
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    uint64_t took = 0;
    for (uint32_t left = EVENTS, count; left > 0; left -= count) {
      count = manager_kit_batch(kind, left);
      manager_kit_ready(kind, count);
      manager_kit_hear_others(OTHERS);
      uint64_t begin = own_cpu();
      manager_kit_run(kind, count);
      took += own_cpu() - begin;
      manager_kit_over(kind, count);
    }
    values[repeat] = (double)took / EVENTS;
  }
  qsort(values, REPEATS, sizeof values[0], compare);
  wpm_bench_say("{\"bench\":\"%s\",\"impl\":\"wakupeers\",\"size\":%" PRIu32
                ",\"value\":%.1f,\"unit\":\"ns\",\"min\":%.1f,\"median\":%.1f,\"max\":%.1f,"
                "\"repeats\":%d}",
                kind->name, peers, values[REPEATS / 2], values[0], values[REPEATS / 2],
                values[REPEATS - 1], REPEATS);
}

static void measure_all(uint32_t peers) {
  manager_kit_make(peers);
  for (size_t kind = 0; kind < manager_kit_kind_count; kind++) {
    measure(&manager_kit_kinds[kind], peers);
  }
  manager_kit_drop();
}

/* Of so many peers as are given, at least 10 000; or of three sizes. */
int main(int argc, char **argv) {
  static const uint32_t sizes[] = {10000, 100000, 1000000};
  for (int i = 1; i < argc; i++) {
    unsigned long peers = strtoul(argv[i], NULL, 10);
    if (peers < sizes[0] || peers > 10 * sizes[2]) {
      wpm_bench_fail("use: %s [PEERS]…, from 10000 to 10000000", argv[0]);
    }
    measure_all((uint32_t)peers);
  }
  for (size_t i = 0; argc == 1 && i < sizeof sizes / sizeof sizes[0]; i++) {
    measure_all(sizes[i]);
  }
  return 0;
}
