/* A policy: what decides whom a node dials, keeps and lets go. Ours (sim/ours.h) is one; those of the
 * rivals (sim/rivals/) are others. All live in the same world, so that they can be compared.
 *
 * - A policy learns facts, each with the time, and answers with actions, which the world pulls after
 *   each fact and each advance. Nothing calls back.
 * - Peers are numbers from 0, and addresses small values: what a policy makes of them is its own.
 * - Links and dials are named by numbers that are never used twice: the policy numbers dials, the
 *   world links. A fact about one that is over does no harm.
 * - Times are those of the node's own clocks (wpm_instant), which a fault may move.
 */
#ifndef SIM_POLICY_H
#define SIM_POLICY_H

#include <wakupeers/types.h>

enum {
  SIM_ADDRESSES_MAX = 8, /* Most addresses in a list. */
  SIM_EXPECTED_MAX = 32,
  SIM_RANGES_MAX = 16, /* Most ranges of addresses banned at once. */
  SIM_PICKED_MAX = 64  /* Most peers that one tells of at once. */
};

/* An IPv4 address with a TCP port. */
typedef struct sim_address {
  uint32_t ip;
  uint16_t port;
} sim_address;

typedef enum sim_fact_type {
  SIM_FACT_FOUND = 0,    /* A peer was configured or discovered. */
  SIM_FACT_PERSON_WANTS, /* A person wants a connection now. */
  SIM_FACT_PROTECTED,    /* A person protects it from eviction. */
  SIM_FACT_BANNED,       /* A person bans it, for `span_ns`. */
  SIM_FACT_RANGE_BANNED, /* He bans all whose address begins with the first `bits` of the one told. */
  SIM_FACT_MISBEHAVED,   /* It did what a client must not. */
  SIM_FACT_SHORTAGE,     /* No descriptor could be had. */
  SIM_FACT_CONNECTED,    /* A link is up. */
  SIM_FACT_DIAL_FAILED,  /* A dial made no link. */
  SIM_FACT_DISCONNECTED, /* A link has ended. */
  SIM_FACT_RECEIVED,     /* Bytes came. */
  SIM_FACT_PONG,         /* A ping was answered. */
  SIM_FACT_IDENTIFIED,   /* Identify arrived. */
  SIM_FACT_PRUNED,       /* The peer sent a GossipSub PRUNE. */
  SIM_FACT_ONLINE,       /* The system says that the network is there, or gone (`flag`). */
  SIM_FACT_WOKE,         /* The machine slept for `span_ns`, and is awake again. */
  SIM_FACT_MOVED         /* Our address is another. */
} sim_fact_type;

typedef struct sim_fact {
  sim_fact_type type;
  uint32_t peer; /* Whom it is about; not of RANGE_BANNED, SHORTAGE, ONLINE, WOKE and MOVED. */
  uint64_t link; /* The link, where it is about one. */
  uint64_t dial; /* CONNECTED, DIAL_FAILED: of which dial; 0: inbound. */
  wpm_direction direction; /* CONNECTED. */
  wpm_reason reason;       /* DIAL_FAILED, DISCONNECTED. */
  int64_t span_ns;         /* PONG: round trip; PRUNED: the backoff named; BANNED, RANGE_BANNED;
                              WOKE. */
  sim_address remote;      /* CONNECTED: the other end. */
  sim_address addresses[SIM_ADDRESSES_MAX]; /* FOUND, IDENTIFIED; CONNECTED,
                                               DIAL_FAILED: those that failed. */
  wpm_reason reasons[SIM_ADDRESSES_MAX];    /* CONNECTED, DIAL_FAILED: why each did. */
  size_t address_count;
  uint32_t told_by;  /* FOUND: 1 + the peer that told of it; 0: none did. */
  uint32_t sequence; /* FOUND, of one that is heard of: of its node record (ENR). */
  bool relay;        /* FOUND, of one that is heard of, and IDENTIFIED: it speaks relay. */
  uint8_t shard;     /* Likewise: 1 + the shard that it is of; 0: it names none. */
  bool serves;       /* IDENTIFIED: it offers a service. */
  uint8_t bits;      /* RANGE_BANNED. */
  bool flag;         /* FOUND: a static node; ONLINE: the network is there. */
} sim_fact;

typedef enum sim_action_type {
  SIM_ACTION_DIAL = 0, /* Dial the peer at these addresses, in this order. */
  SIM_ACTION_CANCEL,   /* That dial is not wanted any more. */
  SIM_ACTION_CLOSE,    /* Close the link. */
  SIM_ACTION_PING,     /* Send a ping. */
  SIM_ACTION_IDENTIFY, /* Ask identify. */
  SIM_ACTION_FORGET,   /* It knows nothing of the peer any more. */
  SIM_ACTION_STATE     /* The policy's own view of the peer's connectivity changed. */
} sim_action_type;

typedef struct sim_action {
  sim_action_type type;
  uint32_t peer;
  uint64_t link;                            /* CLOSE, PING, IDENTIFY. */
  uint64_t dial;                            /* DIAL, CANCEL. */
  int64_t timeout_ns;                       /* DIAL: after that it has failed. */
  wpm_reason reason;                        /* CLOSE, STATE. */
  wpm_connectivity from, to;                /* STATE. */
  sim_address addresses[SIM_ADDRESSES_MAX]; /* DIAL. */
  size_t address_count;
} sim_action;

/* How many peers are in which state. */
typedef struct sim_counts {
  uint64_t known; /* All that the policy knows. */
  uint64_t state[WPM_CONNECTIVITY_COUNT];
  uint64_t waiting; /* Not connected, and held back by a delay. */
  uint64_t bytes; /* Memory of its peer store; 0: of a model, which says nothing of the original. */
} sim_counts;

/* What a policy is told when it is made. */
typedef struct sim_setup {
  uint64_t seed;
  uint32_t peers;           /* Peers are numbered below this. */
  size_t max_connections;   /* Most connections at once. */
  size_t max_dials;         /* Most dials in flight, where the policy has no limit of its own. */
  int64_t idle_limit_ns;    /* The shortest idle limit on the path, as configured; 0: default. */
  int64_t prune_backoff_ns; /* GossipSub's. */
  int64_t backoff_slack_ns;
  size_t high_water;     /* Above so many connections some go; 0: as the policy has it. */
  size_t relay_outbound; /* Outbound relay peers wanted; 0: as the policy has it. */
  size_t relay_inbound;  /* Inbound relay peers at most; 0: any number. */
  size_t shards;         /* The first so many are ours; 0: any. */
  size_t service_slots;  /* Places for peers that offer the service; 0: none. */
  size_t max_peers; /* Peers known at most, where the policy has no limit of its own; 0: all. */
  uint32_t self;    /* Its own number; SIM_NOBODY (sim/identity.h): it is none of them. */
  bool
      only_sleeps; /* It is one of very many, and never stops: what would outlive it, and what only a
                       person looks at, need not be kept. */
} sim_setup;

typedef struct sim_policy sim_policy; /* Each policy's own. */

/* The functions of a policy. `int` results: 0, or a negative wpm_err that ends the run. */
typedef struct sim_policy_type {
  const char *name;                            /* As in the reports: "ours", "nwaku", … */
  sim_policy *(*make)(const sim_setup *setup); /* NULL: no memory. */
  void (*drop)(sim_policy *policy);
  int (*start)(sim_policy *policy, wpm_instant now); /* Begins, or begins again after an end. */
  int (*stop)(sim_policy *policy, wpm_instant now);  /* Ends cleanly. */
  /* Ends at once: what is not durable is lost. `now`: when it last ran. */
  void (*crash)(sim_policy *policy, wpm_instant now);
  int (*take)(sim_policy *policy, const sim_fact *fact, wpm_instant now);
  /* Facts about these peers come next (at most SIM_EXPECTED_MAX). NULL: that is of no use to it. */
  void (*expect)(sim_policy *policy, const uint32_t *peers, size_t count);
  wpm_mono (*deadline)(const sim_policy *policy);
  int (*advance)(sim_policy *policy, wpm_instant now);
  bool (*next_action)(sim_policy *policy, wpm_instant now, sim_action *out);
  /* Its process dies with that commit of its storage, counted from now: it has no more actions then, and
   * `crash` follows. NULL, both: it has no storage that is known so well. */
  void (*die_after)(sim_policy *policy, uint32_t commits);
  bool (*has_died)(const sim_policy *policy);
  void (*count)(sim_policy *policy, wpm_instant now, sim_counts *out);
  /* Peers that it knows with an address, at most `most` (up to SIM_PICKED_MAX),
   * drawn by `draw`: whom it tells another of. */
  size_t (*pick)(const sim_policy *policy, uint64_t draw, uint32_t *out, size_t most);
} sim_policy_type;

/* All of them, ours first. */
const sim_policy_type *const *sim_policies(size_t *count);
/* The one of that name, in the list of all; NULL: none. */
const sim_policy_type *const *sim_policy_find(const char *name);

extern const sim_policy_type sim_policy_ours;
extern const sim_policy_type sim_policy_nwaku;
extern const sim_policy_type sim_policy_go_waku;
extern const sim_policy_type sim_policy_js_waku;

#endif
