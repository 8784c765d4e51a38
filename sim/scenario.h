/* A scenario: a world, a time line of faults, and what must come of it.
 *
 * A text file, one setting a line, `#` begins a remark:
 *   about TEXT                what it shows; --list prints it
 *   KEY VALUE                 a setting of the world (the table is in scenario.c)
 *   at TIME FAULT [N] [TIME]  a fault on the time line
 *   expect METRIC OP VALUE    what our policy must measure; OP is <=, >= or ==
 * Times are whole numbers with ms, s, m, h or d; shares are a percentage with %, such as 2.5%.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/metrics.h"

#include <wakupeers/types.h>

/* How long peers stay. */
typedef enum sim_sessions {
  SIM_SESSIONS_ALWAYS = 0,  /* All are up, always. */
  SIM_SESSIONS_EXPONENTIAL, /* session_mean, exponential. */
  SIM_SESSIONS_MEASURED     /* As measured (sim/peers.h). */
} sim_sessions;

typedef enum sim_fault_type {
  SIM_FAULT_CONNECT = 0, /* A person connects the first N peers. */
  SIM_FAULT_FIND,        /* N peers, drawn at random, are heard of. */
  SIM_FAULT_PROTECT,     /* A person protects N peers, connected or static, drawn at random. */
  SIM_FAULT_BAN,         /* A person bans N such peers for TIME. */
  SIM_FAULT_BAN_RANGE, /* He bans the networks, or addresses, that N such peers are of for TIME. */
  SIM_FAULT_MISBEHAVE, /* The host reports what N connected peers did wrong. */
  SIM_FAULT_BURST,     /* N times, within the TIME, a peer drawn at random dials us. */
  SIM_FAULT_SHORTAGE,  /* Our machine runs short of descriptors. */
  SIM_FAULT_OFFLINE,   /* Our network is down for TIME. */
  SIM_FAULT_SLEEP,     /* The machine sleeps for TIME. */
  SIM_FAULT_PARTITION, /* A share of the peers cannot be reached for TIME. */
  SIM_FAULT_QUAKE,     /* A share of the peers goes down, for TIME. */
  SIM_FAULT_ADDRESS,   /* Our address changes: all connections are dead, unnoticed. */
  SIM_FAULT_CLOCK,     /* The wall clock is set by TIME (may be negative). */
  SIM_FAULT_SHUTDOWN,  /* The process stops cleanly, and starts again after TIME. */
  SIM_FAULT_CRASH,     /* The process is killed, and starts again after TIME. */
  SIM_FAULT_STRIKE, /* It is killed as its N-th commit from now on is durable (SIM_STRIKES_WITHIN from
                            now at the latest), and starts again after TIME. */
  SIM_FAULT_REBOOT /* The machine loses power, and boots after TIME. */
} sim_fault_type;
#define SIM_FAULT_COUNT 18

#define SIM_STRIKES_WITHIN WPM_MINUTE

typedef struct sim_fault {
  sim_fault_type type;
  int64_t at;
  int64_t span;
  uint32_t number; /* Peers, or a share in per mille. */
} sim_fault;

/* As a scenario has it. */
const char *sim_fault_name(sim_fault_type type);

typedef enum sim_relation { SIM_AT_MOST = 0, SIM_AT_LEAST, SIM_EXACTLY } sim_relation;

typedef struct sim_expectation {
  sim_metric metric;
  sim_relation relation;
  int64_t value;
} sim_expectation;

enum { SIM_SHARDS = 8 }; /* Shards of the network, each with as many relay peers as any. */

enum { SIM_GROUPS_MAX = 89 * 256 }; /* Public networks /16 that addresses are of. */

enum { SIM_FAULTS_MAX = 32, SIM_EXPECTATIONS_MAX = 32, SIM_ABOUT_SIZE = 200 };

typedef struct sim_scenario {
  char about[SIM_ABOUT_SIZE];
  int64_t duration;
  uint32_t managers; /* Every peer runs the policy (sim/network.h), in place of one node; 0: no. */
  /* The peers. */
  uint32_t peers;        /* How many there are. */
  uint32_t static_peers; /* The first ones of them are our static nodes. */
  uint32_t heard;        /* So many more are known from the start. */
  uint32_t relay;        /* Share that speaks relay. */
  uint32_t unreachable;  /* Share that cannot be dialled. */
  uint32_t full;         /* Share of dials that the peer takes and drops at once. */
  uint32_t vanish;       /* Share of departures that nobody is told of. */
  uint32_t moving;       /* Share of returns at another address. */
  uint32_t stale;        /* Share of what is heard that is of the address before. */
  uint32_t dead;         /* Share of what is heard with a dead address ahead. */
  uint32_t sessions;     /* A sim_sessions. */
  int64_t session_mean;
  int64_t away_mean;
  int64_t latency_least, latency_most; /* One way. */
  uint32_t groups;                     /* Network groups (IPv4 /16) that they share; 0: any. */
  uint32_t peers_per_ip; /* So many honest ones share an IP address; 0: each its own. */
  /* The attacker: the last peers, always up; not told of, nor known, before. */
  uint32_t attackers, attacker_groups;
  int64_t attack_from, attack_to; /* When it floods us; attack_to 0: to the end. */
  int64_t attack_every;           /* Means: so many of its addresses are told, */
  uint32_t attack_count;
  int64_t attack_inbound_every; /* and one of its peers dials us. */
  /* What happens to us. */
  int64_t inbound_every, discover_every, prune_every, traffic_every; /* Means; 0: never. */
  int64_t prune_for; /* The backoff that a PRUNE names; 0: prune_backoff. */
  uint32_t discover_count;
  int64_t idle_limit; /* Of middle boxes; 0: none. */
  int64_t idle_told;  /* The limit that we are configured for; 0: idle_limit. */
  uint32_t idle_share;
  uint32_t late; /* Share of links and dials of which we are told again when they are long over. */
  /* Ours. */
  uint32_t max_connections, max_dials;
  uint32_t high_water;     /* Above so many connections some go; 0: as each policy has it. */
  uint32_t relay_outbound; /* Outbound relay peers wanted; 0: as each policy has it. */
  uint32_t relay_inbound;  /* Inbound relay peers at most; 0: any number. */
  uint32_t shards;         /* Of SIM_SHARDS, the first so many are ours; 0: nobody names any. */
  uint32_t service_slots;  /* Places for peers that offer a service; 0: none. */
  uint32_t max_peers;      /* Peers known at most; 0: all may be. */
  int64_t prune_backoff, backoff_slack;
  size_t fault_count;
  sim_fault faults[SIM_FAULTS_MAX];
  size_t expectation_count;
  sim_expectation expectations[SIM_EXPECTATIONS_MAX];
} sim_scenario;

/* The limit of middle boxes that we are configured for. */
static inline int64_t sim_idle_told(const sim_scenario *scenario) {
  return scenario->idle_told > 0 ? scenario->idle_told : scenario->idle_limit;
}

/* Reads a scenario. On failure false, and a sentence in `error` (of `cap` bytes). */
bool sim_scenario_read(const char *text, sim_scenario *out, char *error, size_t cap);

/* Adds an expectation, "METRIC OP VALUE". False: it is not of that form, or one too many. */
bool sim_scenario_expect(sim_scenario *scenario, const char *text);

/* A scenario that is compiled in. */
typedef struct sim_source {
  const char *name;
  const char *text;
} sim_source;

/* Those compiled in, sorted by name; made from sim/scenarios/ when the program is built. */
extern const sim_source sim_sources[];
extern const size_t sim_source_count;

/* NULL: none of that name. */
const sim_source *sim_source_find(const char *name);

#endif
