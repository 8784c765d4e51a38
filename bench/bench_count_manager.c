/* The manager's decisions for `make bench-count`, as bench/store/bench_count.c has the store's operations: a
 * function named phase_… for each kind of event, whose instructions callgrind counts. */
#include "bench/manager_kit.h"
#include "bench/measure.h"

#include <stdio.h>

enum { PEERS = 20000, EVENTS = 2000 };

/* Each kind in the order of manager_kit_kinds, with a name of its own for callgrind. */
#define PHASE(name, kind)                                                                          \
  __attribute__((noinline)) static size_t phase_##name(void) {                                     \
    for (int i = 0; i < EVENTS; i++) {                                                             \
      manager_kit_kinds[kind].once();                                                              \
    }                                                                                              \
    return (size_t)EVENTS * (size_t)manager_kit_kinds[kind].events;                                \
  }

PHASE(manager_advance, 0)
PHASE(manager_received, 1)
PHASE(manager_pong, 2)
PHASE(manager_found_again, 3)
PHASE(manager_pruned, 4)
PHASE(manager_connected, 5)
PHASE(manager_evicted, 6)

static const struct {
  const char *name;
  size_t (*run)(void);
} phases[] = {
    {"manager_advance", phase_manager_advance}, {"manager_received", phase_manager_received},
    {"manager_pong", phase_manager_pong},       {"manager_found_again", phase_manager_found_again},
    {"manager_pruned", phase_manager_pruned},   {"manager_connected", phase_manager_connected},
    {"manager_evicted", phase_manager_evicted},
};

int main(void) {
  if (manager_kit_kind_count != sizeof phases / sizeof phases[0]) {
    wpm_bench_fail("not every kind of event has its phase");
  }
  manager_kit_make(PEERS);
  for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
    wpm_bench_say("{\"phase\":\"%s\",\"operations\":%zu}", phases[i].name, phases[i].run());
  }
  manager_kit_drop();
  return 0;
}
