#include "sim/overlaps.h"

#include <wakupeers/types.h>

#include <inttypes.h>
#include <stdio.h>

/* Faults of one kind are on one at a time. */
typedef enum kind { KIND_FREE, KIND_PROCESS, KIND_MACHINE, KIND_PARTITION, KIND_QUAKE } kind;

static kind kind_of(sim_fault_type type) {
  switch (type) {
  case SIM_FAULT_SHUTDOWN:
  case SIM_FAULT_CRASH:
  case SIM_FAULT_STRIKE:
  case SIM_FAULT_REBOOT:
    return KIND_PROCESS;
  case SIM_FAULT_OFFLINE:
  case SIM_FAULT_SLEEP:
    return KIND_MACHINE;
  case SIM_FAULT_PARTITION:
    return KIND_PARTITION;
  case SIM_FAULT_QUAKE:
    return KIND_QUAKE;
  case SIM_FAULT_CONNECT:
  case SIM_FAULT_FIND:
  case SIM_FAULT_PROTECT:
  case SIM_FAULT_BAN:
  case SIM_FAULT_BAN_RANGE:
  case SIM_FAULT_MISBEHAVE:
  case SIM_FAULT_SHORTAGE:
  case SIM_FAULT_BURST:
  case SIM_FAULT_ADDRESS:
  case SIM_FAULT_CLOCK:
    return KIND_FREE;
  }
  return KIND_FREE;
}

/* When it is over, at the latest. */
static int64_t end_of(const sim_fault *fault) {
  return fault->at + fault->span + (fault->type == SIM_FAULT_STRIKE ? SIM_STRIKES_WITHIN : 0);
}

/* It may be on at some moment from `from` to `to`. */
static bool is_on(const sim_fault *fault, int64_t from, int64_t to) {
  return fault->at <= to && from <= end_of(fault);
}

/* The second begins, or what it ended starts again, while the first is on. When a crash comes that waits
 * for a commit, and when the start after it, is not known. */
static bool clashes(const sim_fault *first, const sim_fault *second) {
  kind of_first = kind_of(first->type);
  kind of_second = kind_of(second->type);
  bool starts =
      of_first == KIND_MACHINE && of_second == KIND_PROCESS &&
      is_on(first, second->type == SIM_FAULT_STRIKE ? second->at : end_of(second), end_of(second));
  return starts ||
         (of_first != KIND_FREE && of_first == of_second && is_on(first, second->at, second->at));
}

bool sim_faults_overlap(const sim_scenario *scenario, char *error, size_t cap) {
  for (size_t i = 0; i < scenario->fault_count; i++) {
    for (size_t j = 0; j < scenario->fault_count; j++) {
      const sim_fault *first = &scenario->faults[i];
      const sim_fault *second = &scenario->faults[j];
      if (i != j && clashes(first, second)) {
        (void)snprintf(error, cap,
                       "%s at %" PRId64 " ms and %s at %" PRId64
                       " ms overlap: that cannot be played",
                       sim_fault_name(first->type), first->at / WPM_MILLISECOND,
                       sim_fault_name(second->type), second->at / WPM_MILLISECOND);
        return true;
      }
    }
  }
  return false;
}
