/* The manager's decisions for `make bench-count`, as bench/store/bench_count.c has the store's operations: a
 * function named phase_manager_… for each kind of event, whose instructions callgrind counts. */
#include "bench/counted.h"
#include "bench/manager_kit.h"
#include "bench/measure.h"

#include <stdio.h>
#include <string.h>

enum { PEERS = 1000000, EVENTS = 2000 };

/* Each kind has a function, so a name of its own for callgrind. */
#define PHASES(phase)                                                                              \
  phase(advance) phase(received) phase(pong) phase(found_again) phase(pruned) phase(connected)     \
      phase(identified) phase(metadata) phase(disconnected) phase(dial_failed) phase(dial)         \
          phase(found) phase(told) phase(imported) phase(evicted)

#define DEFINE(name)                                                                               \
  __attribute__((noinline)) static void phase_manager_##name(const manager_kit_kind *kind,         \
                                                             uint32_t count) {                     \
    manager_kit_run(kind, count);                                                                  \
    __asm__ volatile("" ::: "memory"); /* No tail call: it is to stay on the stack. */             \
  }
PHASES(DEFINE)

#define LIST(name) {#name, phase_manager_##name},
static const struct {
  const char *name;
  void (*run)(const manager_kit_kind *kind, uint32_t count);
} phases[] = {PHASES(LIST)};

static void count_one(size_t i) {
  const manager_kit_kind *kind = &manager_kit_kinds[i];
  if (strcmp(kind->phase, phases[i].name) != 0) {
    wpm_bench_fail("the phase of %s is another's", kind->name);
  }
  for (uint32_t left = EVENTS, count; left > 0; left -= count) {
    count = manager_kit_batch(kind, left);
    manager_kit_ready(kind, count);
    phases[i].run(kind, count);
    manager_kit_over(kind, count);
  }
  wpm_bench_say("{\"phase\":\"manager_%s\",\"operations\":%d}", kind->phase, EVENTS);
}

int main(void) {
  if (manager_kit_kind_count != sizeof phases / sizeof phases[0]) {
    wpm_bench_fail("not every kind of event has its phase");
  }
  manager_kit_make(PEERS);
  CALLGRIND_START_INSTRUMENTATION;
  for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
    count_one(i);
  }
  CALLGRIND_STOP_INSTRUMENTATION;
  manager_kit_drop();
  return 0;
}
