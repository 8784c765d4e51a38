/* What the rivals have in common: the tables that a client of libp2p has below its peer manager.
 *
 * - A rival's clock is the machine's monotonic clock, which stands still during sleep: chronos,
 *   the Go runtime and Node all take CLOCK_MONOTONIC for their timers. So a timer that was set
 *   before a sleep fires as much later.
 * - Each rival takes max_connections, the prune backoff and the slack of the scenario as its own
 *   configuration; all else is its own default.
 * - Rules of a source are cited where they are applied: repository, file, name. The versions are those
 *   that each client pins: nwaku v0.37.1 (7d1c6ab), by its submodules, nim-libp2p v1.14.3 (e82080f) and
 *   nim-chronos 4.0.4 (0646c44); go-waku 84a4b1b (two commits after v0.10.0), by its go.mod, go-libp2p v0.39.1
 *   and waku-org/go-libp2p-pubsub v0.13.1-gowaku; js-waku 84a6ea6, by its package-lock.json, libp2p 2.8.11,
 *   @libp2p/peer-store 11.2.5, @libp2p/utils 6.7.0 and @libp2p/bootstrap 11.0.42 (js-libp2p at
 *   libp2p-v2.8.11 and bootstrap-v11.0.42).
 */
#ifndef SIM_RIVALS_RIVAL_H
#define SIM_RIVALS_RIVAL_H

#include "sim/policy.h"
#include "sim/random.h"

enum { SIM_RIVAL_ADDRESSES = 4 }; /* Addresses kept of a peer; the world tells of no more. */

/* One peer of the world, as the rival knows it. */
typedef struct sim_rival_peer {
  uint32_t number;   /* In the world. */
  bool known;        /* In its peer store. */
  bool stored;       /* In its persistent storage. */
  bool relay;        /* Known to speak relay. */
  bool wanted;       /* Configured as a static or bootstrap node. */
  bool batch;        /* Dialled in a batch that is awaited. */
  uint8_t topic;     /* A topic, or a list, that it is known to be of: each rival's own; 0: none. */
  uint8_t shard;     /* 1 + the one that it named last; 0: none. */
  uint8_t record;    /* 1 + the one that its node record names; 0: none, or it has no record. */
  uint8_t state;     /* A wpm_connectivity. */
  uint8_t links;     /* Links. */
  uint32_t place;    /* In `known`, where it is known. */
  uint32_t failures; /* Failed dials in a row. */
  uint32_t attempts; /* Of its backoff. */
  uint32_t sequence; /* Of its node record. */
  uint32_t dial;     /* In flight; 0: none. None of them dials a peer twice at once. */
  uint32_t address_count; /* Of `addresses`. */
  int64_t failed_at;      /* Its last failed dial, on the clock that the source takes. */
  int64_t dialled_at;     /* Its last successful one; 0: never. */
  int64_t next_try;       /* No dial before. */
  int64_t expires;        /* When its addresses do. */
  sim_address addresses[SIM_RIVAL_ADDRESSES];
} sim_rival_peer;

typedef struct sim_rival_link {
  uint64_t id;
  sim_rival_peer *peer;
  wpm_direction direction;
  uint32_t ip;       /* Of the other end. */
  int64_t pinged_at; /* Of a ping not answered yet; -1: none. */
  int64_t ping_due;  /* Of a timer of its own; INT64_MAX: none. */
  uint32_t pings_missed;
} sim_rival_link;

typedef struct sim_rival_list {
  uint32_t *items;
  size_t count, capacity;
} sim_rival_list;

/* Items that wait for their turn. */
typedef struct sim_rival_queue {
  uint32_t *items; /* Those that wait begin at `first`. */
  size_t first, count, capacity;
} sim_rival_queue;

/* The peers that it ever met, by their number in the world: so it takes memory for those alone. A hash
 * table of pointers, probed one after the other; they point into blocks, which stay where they are. */
typedef struct sim_rival_peers {
  sim_rival_peer **index; /* NULL: free. */
  size_t room;            /* Of the index: a power of two, or 0. */
  sim_rival_peer **blocks;
  size_t block_count, block_capacity;
  size_t count;
} sim_rival_peers;

typedef struct sim_rival {
  sim_setup setup;
  sim_random random;
  sim_rival_peers peers;
  sim_rival_peer nobody; /* In place of one for which there is no memory. */
  struct {
    sim_rival_peer **items;
    size_t count, capacity;
  } known;               /* Peers in its store. */
  sim_rival_link *links; /* In the order in which they came up. */
  size_t link_count, link_capacity;
  sim_action *actions; /* To be pulled: a ring. */
  size_t action_first, action_count, action_capacity;
  size_t dials;     /* In flight. */
  size_t connected; /* Peers with a link. */
  uint32_t next_dial;
  int64_t slept; /* How long the machine slept in all. */
  bool online;   /* What the system says. */
  int error;     /* No memory. */
} sim_rival;

void sim_rival_init(sim_rival *rival, const sim_setup *setup);
void sim_rival_fini(sim_rival *rival);
/* Forgets links, dials and actions: the process ended. */
void sim_rival_end(sim_rival *rival);

/* ---- peers (sim/rivals/rival_peers.c) --------------------------------------------------------- */

/* The peer of that number; one that it meets for the first time is blank. The pointer is good until
 * sim_rival_fini. Without memory it is `nobody`, and the rival's error is set. */
sim_rival_peer *sim_rival_peer_at(sim_rival *rival, uint32_t number);
/* The same, of one that may only be looked at; a blank one where it never met it. */
const sim_rival_peer *sim_rival_peer_met(const sim_rival *rival, uint32_t number);
/* Facts about these peers come next. */
void sim_rival_expect(const sim_rival *rival, const uint32_t *numbers, size_t count);
/* The numbers of all that it ever met, ascending; the caller frees the items. */
void sim_rival_all_met(sim_rival *rival, sim_rival_list *out);
/* None of all that it met has a link or a dial any more. */
void sim_rival_hang_up_all(sim_rival *rival);
/* All that it met are blank again. */
void sim_rival_forget_all(sim_rival *rival);
void sim_rival_peers_fini(sim_rival_peers *peers);

/* ---- the rest ---------------------------------------------------------------------------------- */

/* Its monotonic clock, and a time of it as a deadline of the world's. */
static inline int64_t sim_rival_clock(const sim_rival *rival, wpm_instant now) {
  return now.mono.ns - rival->slept;
}
/* The first of its timers; INT64_MAX is one that is not set. */
static inline wpm_mono sim_rival_deadline(const sim_rival *rival, const int64_t *timers,
                                          size_t count) {
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < count; i++) {
    least = timers[i] < least ? timers[i] : least;
  }
  return least == INT64_MAX ? WPM_NEVER : (wpm_mono){least + rival->slept};
}

/* Keeps the books of links, dials, sleep and network that a fact tells of. False: it is about a link
 * or a dial that is over, or memory lacks. */
bool sim_rival_note(sim_rival *rival, const sim_fact *fact);

/* Actions. */
void sim_rival_dial(sim_rival *rival, uint32_t number, int64_t timeout_ns);
/* The same, at some of its addresses. */
void sim_rival_dial_at(sim_rival *rival, uint32_t number, int64_t timeout_ns,
                       const sim_address *addresses, size_t count);
void sim_rival_close(sim_rival *rival, uint64_t link, wpm_reason reason);
/* Closes one that was not let in: it is in no book, and its end is not heard of. */
void sim_rival_refuse(sim_rival *rival, uint64_t link);
void sim_rival_ping(sim_rival *rival, uint64_t link);
void sim_rival_identify(sim_rival *rival, uint64_t link);
bool sim_rival_next_action(sim_rival *rival, sim_action *out);

/* The link of that number; NULL: none. */
sim_rival_link *sim_rival_link_of(sim_rival *rival, uint64_t id);
/* Links of that direction (WPM_DIRECTION_NONE: any) with peers known to speak relay. */
size_t sim_rival_relay_links(const sim_rival *rival, wpm_direction direction);
/* Which of our topics it subscribes, from 1; 0: none. Each of our shards is one; where nobody names any there is
 * one, of all that speak relay. */
uint8_t sim_rival_topic(const sim_rival *rival, const sim_rival_peer *peer);

/* The store. */
void sim_rival_know(sim_rival *rival, uint32_t number);
void sim_rival_forget(sim_rival *rival, uint32_t number);
void sim_rival_set_addresses(sim_rival *rival, const sim_fact *fact);

/* Lists. */
/* Room for one more in a table that grows by doubling; false: no memory, and the error is set. */
bool sim_rival_reserve(sim_rival *rival, void **items, size_t *capacity, size_t count, size_t size);
void sim_rival_push(sim_rival *rival, sim_rival_list *list, uint32_t item);
void sim_rival_shuffle(sim_rival *rival, uint32_t *items, size_t count);

/* Queues. */
void sim_rival_put(sim_rival *rival, sim_rival_queue *queue, uint32_t item);
/* Takes the first out. */
uint32_t sim_rival_shift(sim_rival_queue *queue);

/* As sim_policy_type.pick. */
size_t sim_rival_pick(const sim_rival *rival, uint64_t draw, uint32_t *out, size_t most);

void sim_rival_counts(const sim_rival *rival, sim_counts *out);

#endif
