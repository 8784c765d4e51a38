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
    manager_kit_pass(WPM_MILLISECOND);
    uint64_t begin = own_cpu();
    for (int i = 0; i < EVENTS; i++) {
      kind->once();
    }
    values[repeat] = (double)(own_cpu() - begin) / EVENTS / kind->events;
  }
  qsort(values, REPEATS, sizeof values[0], compare);
  wpm_bench_say("{\"bench\":\"%s\",\"impl\":\"wakupeers\",\"size\":%" PRIu32
                ",\"value\":%.1f,\"unit\":\"ns\",\"min\":%.1f,\"median\":%.1f,\"max\":%.1f,"
                "\"repeats\":%d}",
                kind->name, peers, values[REPEATS / 2], values[0], values[REPEATS / 2],
                values[REPEATS - 1], REPEATS);
}

int main(void) {
  static const uint32_t sizes[] = {10000, 100000, 1000000};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    manager_kit_make(sizes[i]);
    for (size_t kind = 0; kind < manager_kit_kind_count; kind++) {
      if (manager_kit_kinds[kind].afresh) {
        manager_kit_drop();
        manager_kit_make(sizes[i]);
      }
      measure(&manager_kit_kinds[kind], sizes[i]);
    }
    manager_kit_drop();
  }
  return 0;
}
