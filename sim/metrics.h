/* What a run measured: one number for each metric, and the courses of some over time.
 *
 * - Numbers are integers; a name that ends in _ms is in milliseconds, in _permille of 1000.
 * - Times are of the world: no metric depends on how fast the simulator ran.
 */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The metrics, with what each says. */
#define SIM_METRICS(X)                                                                             \
  X(FACTS, "facts", "facts that the policy was told")                                              \
  X(DIALS, "dials", "dials it began")                                                              \
  X(DIALS_FAILED, "dials_failed", "dials that made no connection")                                 \
  X(DIALS_EARLY, "dials_early", "automatic dials inside the other side's prune backoff")           \
  X(DIALS_OFFLINE, "dials_offline", "dials begun while our own network was down")                  \
  X(DIALS_MOST, "dials_most", "most dials in flight at once")                                      \
  X(INBOUND, "inbound", "connections that peers made to us")                                       \
  X(INBOUND_REFUSED, "inbound_refused", "of these, closed by us within a second")                  \
  X(DISCONNECTS, "disconnects", "times that a peer's last connection ended")                       \
  X(CONNECTED_END, "connected_end", "peers connected at the end")                                  \
  X(CONNECTED_MOST, "connected_most", "most peers connected at once")                              \
  X(CONNECTED_MEAN, "connected_mean", "peers connected, mean over the time")                       \
  X(WANTED_UP, "wanted_up_permille",                                                               \
    "peers we asked for that are up and can be dialled: share of their time connected")            \
  X(PINGS, "pings", "pings sent")                                                                  \
  X(IDLE_DROPS, "idle_drops", "connections that a middle box dropped since nothing was sent")      \
  X(IDLE_DROPS_LATE, "idle_drops_late", "of these, in the second half of the time")                \
  X(DEAD_MEAN, "dead_mean", "connections held though their other end is gone, mean")               \
  X(FAULTS, "faults", "faults on the time line that are over")                                     \
  X(RECOVER, "recover_ms",                                                                         \
    "longest time from a fault's end until 9 of 10 peers that it cost us were connected again")    \
  X(UNRECOVERED, "unrecovered", "faults after which that did not happen")                          \
  X(TARGETS, "targets_ms",                                                                         \
    "longest time from a fault's end until as many peers that we dialled are connected as before " \
    "it, at most our target")                                                                      \
  X(TARGETS_MISSED, "targets_missed", "faults after which that did not happen")                    \
  X(REDIAL, "redial_ms",                                                                           \
    "longest time from a restart until all peers connected before were dialled again")             \
  X(REDIAL_MISSED, "redial_missed", "of these, peers that were not")                               \
  X(OUTBOUND_FLOOD, "outbound_flood",                                                              \
    "peers that we dialled and are connected with when the flood of an attacker ends")             \
  X(HOSTILE_FLOOD, "hostile_flood", "of these, the attacker's")                                    \
  X(OUTBOUND_END, "outbound_end", "peers that we dialled and are connected with at the end")       \
  X(HOSTILE_END, "hostile_end", "of these, the attacker's")                                        \
  X(HOSTILE_MOST, "hostile_most", "most of them at once")                                          \
  X(HOSTILE_MEAN, "hostile_permille", "share of them, mean over the time since the attack began")  \
  X(KNOWN_END, "known_end", "peers known at the end")                                              \
  X(KNOWN_MOST, "known_most", "of many nodes: most peers that one knew")                           \
  X(CONNECTED_LEAST, "connected_least", "of many nodes: fewest connections of one at the end")     \
  X(WHOLE, "whole_permille", "of many nodes that are up: share that hangs together at the end")    \
  X(STORE_BYTES, "store_bytes", "of many nodes: memory of a peer store of ours, mean at the end")  \
  X(BROKEN, "broken", "breaches of the invariants")

typedef enum sim_metric {
#define SIM_METRIC_ENUM(id, name, help) SIM_METRIC_##id,
  SIM_METRICS(SIM_METRIC_ENUM)
#undef SIM_METRIC_ENUM
      SIM_METRIC_COUNT
} sim_metric;

const char *sim_metric_name(sim_metric metric);
const char *sim_metric_help(sim_metric metric);

/* False: no metric of that name. */
bool sim_metric_find(const char *name, sim_metric *out);

/* The courses over time. */
typedef enum sim_course {
  SIM_COURSE_CONNECTED = 0,
  SIM_COURSE_CAN_CONNECT,
  SIM_COURSE_CANNOT_CONNECT,
  SIM_COURSE_NOT_CONNECTED,
  SIM_COURSE_DIALS,   /* In flight. */
  SIM_COURSE_WAITING, /* Held back by a delay. */
  SIM_COURSE_UP,      /* Peers of the world that are up. */
  SIM_COURSE_GROUPS,  /* Networks (IPv4 /16) that our outbound connections lead to. */
  SIM_COURSE_HOSTILE, /* Of the outbound peers the attacker's, in per cent. */
  SIM_COURSE_COUNT
} sim_course;

const char *sim_course_name(sim_course course);

enum { SIM_SAMPLES = 240, SIM_BREACHES_KEPT = 16, SIM_BREACH_TEXT = 200 };

typedef struct sim_results {
  int64_t value[SIM_METRIC_COUNT];
  uint32_t samples;
  int64_t sampled_at[SIM_SAMPLES];
  uint32_t course[SIM_COURSE_COUNT][SIM_SAMPLES];
  uint32_t breaches; /* Kept ones. */
  char breach[SIM_BREACHES_KEPT][SIM_BREACH_TEXT];
} sim_results;

#endif
