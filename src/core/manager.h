/* The manager from inside: its parts share this state.
 *
 * - Per peer there is a `wpm_policy` behind the peer's slot in the store; per connection a
 *   `wpm_connection` (core/connections.h).
 * - A peer *has a place* while it has a live connection or a dial in flight. Places are what
 *   max_connections limits, and a shortage (core/shortage.h); the second connection of a peer, soon settled, takes none of its own.
 * - Deadlines: one per peer (when it may be dialled), one per connection (ping, silence, stability,
 *   race), each in a heap.
 *
 * That there are at most so many connections is as with nwaku and go-waku (`max_connections`, 300 in their
 * libraries); 27/WAKU2-PEERS has no number. That a dial takes a place too, so that no dial ends in a connection
 * for which there is none, and that a peer takes one, not each of its connections, is wakupeers' own.
 */
#ifndef WPM_CORE_MANAGER_H
#define WPM_CORE_MANAGER_H

#include "core/history.h"
#include "core/store.h"

#include "base/heap.h"
#include "base/ip_range.h"
#include "base/rng.h"

#include <wakupeers/manager.h>

typedef struct wpm_connection wpm_connection;

#define WPM_PEER_CONNECTIONS 2 /* Most live connections with one peer. */

/* What is waiting to be pulled for a peer or a connection: bits of `pending`. */
enum {
  /* Of a peer, in the order in which they are pulled. */
  WPM_PENDING_CANCEL_DIAL = 1u << 0,
  WPM_PENDING_NOTIFY = 1u << 1,
  WPM_PENDING_PERSIST = 1u << 2,
  WPM_PENDING_FORGET = 1u << 3,
  WPM_PENDING_DIAL = 1u << 4,
  WPM_PENDING_DIAL_ALL = 1u << 5, /* At every address: a person's. */
  WPM_PENDING_DIALS = WPM_PENDING_DIAL | WPM_PENDING_DIAL_ALL,
  /* Of a connection, in the order in which they are pulled. */
  WPM_PENDING_DISCONNECT = 1u << 0,
  WPM_PENDING_IDENTIFY = 1u << 1,
  WPM_PENDING_METADATA = 1u << 2,
  WPM_PENDING_PING = 1u << 3
};

/* A queue of peers, or of connections, that have pending actions; by slot, linked through `next`. */
typedef struct wpm_pending_queue {
  uint32_t first; /* WPM_SLOT_NONE: empty. */
  uint32_t last;  /* Of a queue that is not empty. */
} wpm_pending_queue;

/* What the policy keeps per peer; all zero for a new one. */
typedef struct wpm_policy {
  wpm_connection *connections[WPM_PEER_CONNECTIONS]; /* Live ones, the older first; NULL: none. */
  wpm_dial_id dial;                                  /* The dial in flight; 0: none. */
  wpm_history_chain history;                         /* Its latest events. */
  wpm_dial_id cancelled;    /* The dial that a pending CANCEL_DIAL names. */
  wpm_mono local_until;     /* After local failures no dial before this; not stored. */
  wpm_mono stored_at;       /* When its record was last given to be stored. */
  uint32_t short_lived;     /* Connections in a row that they ended before they were stable. */
  uint32_t next;            /* Behind it in the queue of pending actions. */
  uint32_t fields;          /* WPM_FIELD_… to be stored by the pending PERSIST. */
  uint32_t services;        /* Bits of our services that it counts for (core/services.h). */
  uint32_t shards;          /* Bits of our shards that it counts for (core/shards.h). */
  uint32_t group;           /* Its network group (core/groups.h), 1 + …; 0: none. */
  uint32_t outbound_group;  /* The one that its outbound place, or that kept for it, counts for. */
  uint32_t source;          /* Who told us of it (core/sources.h), a group, 1 + …; 0: nobody. */
  uint16_t teller;          /* And which peer of these (core/tellers.h), 1 + …; 0: none. */
  uint16_t teller_turn;     /* Its turn there: it may have given way. */
  uint8_t pending;          /* WPM_PENDING_… */
  uint8_t notify_from;      /* Connectivity before the pending NOTIFY. */
  uint8_t local_failures;   /* Local failures in a row. */
  uint8_t shares;           /* What it counts for in core/shares.c, as bits. */
  bool queued : 1;          /* It is in the queue of pending actions. */
  bool has_place : 1;       /* A live connection or a dial in flight. */
  bool outbound : 1;        /* It counts as an outbound relay peer (core/targets.h). */
  bool of_restart : 1;      /* Relay-capable, held before this start, no attempt ended since. */
  bool reserved : 1;        /* A place is kept for it until its first attempt. */
  bool waits_for_place : 1; /* A static peer that is wanted and has none. */
  bool waits_to_be_chosen : 1; /* It is waiting, and then only a candidate (core/schedule.h). */
  bool asked : 1;              /* A person asked for the dial in flight. */
  bool in_doubt : 1;           /* Its outbound place may come to nothing (core/doubt.h). */
  bool chosen : 1;             /* It has that since more such peers were wanted. */
  bool met : 1;                /* It has that by a connection which is not in doubt. */
  bool by_restart : 1;         /* It has that since it had been connected before the start. */
  bool is_back : 1;            /* Both of these. */
  bool automatic : 1;          /* Its last dial was nobody's but ours. */
  bool
      at_the_stop : 1; /* Connected when we last stopped or died; none of its connections ended since. */
} wpm_policy;

#define WPM_SHARDS_COUNTED 32u /* Of our shards, those whose relay peers are counted. */

/* Where inbound connections come from (core/inbound.h): one IP address or network. */
typedef struct wpm_inbound_origin {
  uint8_t key[WPM_IP_RANGE_KEY];
  uint32_t live;    /* Connections from there. */
  int64_t tokens;   /* Attempts it may make now, in nanoseconds of waiting that they stand for. */
  wpm_mono attempt; /* When it made the last. */
} wpm_inbound_origin;

/* What an address is asked about by: computed once for all that one connection asks. */
typedef struct wpm_inbound_key {
  uint8_t bytes[WPM_IP_RANGE_KEY];
  uint32_t hash;
  uint32_t at; /* Where its entry was; it may have given way since. WPM_NO_ORIGIN: nowhere yet. */
} wpm_inbound_key;

typedef struct wpm_inbound_from {
  uint8_t ip[16];
  wpm_inbound_key keys[2]; /* Of the address and of its network. */
  bool allowed;            /* It is exempt by the allow list. */
  bool known;              /* False: there was none yet. */
} wpm_inbound_from;

typedef struct wpm_inbound {
  wpm_map by_key;              /* Key → index. */
  wpm_inbound_origin *origins; /* By index. */
  uint32_t count;              /* In use. */
  uint32_t capacity;           /* Allocated. */
  uint32_t hand;               /* Where the next to give way is looked for. */
  uint32_t next;               /* Who gives way next, if it can still; WPM_NO_ORIGIN: nobody yet. */
  uint32_t next_hash;          /* The hash of its key. */
  wpm_mono next_attempt;       /* And its last attempt, as it was chosen. */
  bool asked;                  /* The host asks before it accepts. */
  wpm_inbound_from from;       /* The address looked at last. */
  wpm_inbound_counters refused;
} wpm_inbound;

/* What core/range_bans.h keeps. */
typedef struct wpm_range_entry {
  uint8_t key[WPM_IP_RANGE_KEY]; /* The range. */
  bool queued;                   /* It is in the queue of what is to be stored. */
  wpm_wait ban;             /* length_ns 0: it is over, and the entry goes once that is told. */
  wpm_mono ends;            /* When; WPM_NEVER: never. */
  wpm_dial_id dials_before; /* Dials up to this one began before the ban. */
  uint32_t next;            /* Behind it in the queue; of a free entry, the next free one. */
} wpm_range_entry;

typedef struct wpm_range_bans {
  wpm_map by_key;            /* Key → index. */
  wpm_chunks entries;        /* By index. */
  uint32_t used;             /* Entries ever used. */
  uint32_t unused;           /* The first free one; WPM_MAP_NONE: none. */
  uint32_t count;            /* Bans in force. */
  wpm_mono due;              /* When something of them is to be done. */
  wpm_heap ends;             /* By index: of those that end. */
  uint64_t lengths[3];       /* A bit for each length of prefixes in force. */
  uint32_t of_length[129];   /* Bans in force of each. */
  wpm_pending_queue pending; /* To be stored. */
  uint32_t screening; /* The next slot whose dials are planned anew; WPM_SLOT_NONE: all were. */
} wpm_range_bans;

/* What core/groups.h keeps. */
typedef struct wpm_group {
  uint64_t key;      /* Its prefix; 0: the entry is free. */
  uint32_t peers;    /* Peers of it. */
  uint32_t outbound; /* Of these, with an outbound place; of a free entry, the next free one. */
  uint32_t untried;  /* Of these, those that have a source (core/sources.h). */
  uint32_t told;     /* Peers of any group whose source it is. */
} wpm_group;

typedef struct wpm_groups {
  wpm_map by_key;    /* Key → index. */
  wpm_group *list;   /* By index. */
  uint32_t count;    /* Entries ever used. */
  uint32_t capacity; /* Allocated. */
  uint32_t unused;   /* The first free one; WPM_MAP_NONE: none. */
} wpm_groups;

/* A peer that told us of others (core/tellers.h). */
typedef struct wpm_teller {
  wpm_peer_ref peer;  /* Which. */
  wpm_mono told_at;   /* When it last told us of one. */
  wpm_mono blamed_at; /* When its score last fell for it. */
  uint16_t turn;      /* How often the entry changed hands. */
  uint16_t results;   /* The latest first dials, a bit each, the last one lowest; 1: it worked. */
  uint8_t count;      /* How many of these there are. */
} wpm_teller;

typedef struct wpm_sources {
  wpm_teller *tellers;      /* A table of its own; NULL: nobody told of anybody yet. */
  wpm_intake_counters left; /* What was left out. */
} wpm_sources;

/* What core/feelers.h keeps. */
typedef struct wpm_feelers {
  uint32_t slot; /* The peer that is tried; WPM_SLOT_NONE: none. */
  wpm_mono
      at; /* When its connection is let go, WPM_NEVER: there is none yet; where nobody is tried,
                    when the next is to be, WPM_NEVER: not as things are. */
  uint8_t answers; /* What it has told on that connection, as bits (wpm_feeler_answer). */
  wpm_feeler_counters counters;
} wpm_feelers;

/* What core/targets.h keeps. */
typedef struct wpm_targets {
  uint32_t outbound;   /* Relay peers, or that may be, connected outbound or being dialled. */
  uint32_t waiting;    /* Static peers that are wanted and have no place. */
  wpm_mono dialled_at; /* When the last candidate was dialled. */
  wpm_mono next;       /* When the next may be looked for. */
  wpm_mono rotate_at;  /* When one is to be let go; WPM_NEVER: not as things are. */
} wpm_targets;

#define WPM_DOUBT_DIALS 16u /* Most dials watched at once. */

typedef struct wpm_doubted_dial {
  uint32_t slot; /* The peer's. */
  wpm_dial_id dial;
  wpm_mono slow_at; /* When it is in doubt. */
} wpm_doubted_dial;

/* What core/doubt.h keeps. */
typedef struct wpm_doubt {
  wpm_mono until;  /* Dials that begin before this are watched. */
  wpm_mono probed; /* When connections pinged after a gap are in doubt; WPM_NEVER: none were. */
  uint32_t count;  /* Outbound places in doubt. */
  uint32_t met;    /* Outbound relay peers connected, none of them in doubt. */
  uint32_t back;   /* Of these, since a restart brought them back. */
  unsigned first;  /* Of the dials watched, the oldest. */
  unsigned watched;
  wpm_doubted_dial dials[WPM_DOUBT_DIALS]; /* A ring. */
} wpm_doubt;

#define WPM_IDLE_PATHS 10u  /* Transports, each over IPv4 and over IPv6. */
#define WPM_IDLE_LOSSES 16u /* Most losses remembered, of different peers. */

/* What is known of the paths of one transport (core/idle.h). */
typedef struct wpm_idle_path {
  int64_t interval_ns; /* Of pings. */
  int64_t too_long_ns; /* The shortest silence found to be too long; 0: none was. */
  wpm_mono too_long_at;
  int64_t stretch_ns;  /* The longer silence that is tried; 0: none. */
  wpm_mono stretch_at; /* When the next connection tries it. */
  unsigned borne;      /* Silences borne in a row: of the interval, or of what is tried. */
} wpm_idle_path;

/* A connection that did not outlive a silence. */
typedef struct wpm_idle_loss {
  uint32_t peer; /* Its slot. */
  uint8_t path;
  bool stretched;  /* A longer silence was tried. */
  bool awaited;    /* The peer has not come back since, nor did a dial fail. */
  uint8_t returns; /* How often it was back at once after such a loss. */
  int64_t silence_ns;
  wpm_mono at;
} wpm_idle_loss;

typedef struct wpm_idle {
  wpm_idle_path paths[WPM_IDLE_PATHS];
  wpm_idle_loss losses[WPM_IDLE_LOSSES];
  uint32_t loss_count;
} wpm_idle;

/* What core/epoch.h keeps. */
typedef struct wpm_epoch {
  wpm_mono gap_from;        /* When the latest gap began. */
  bool has_gap;             /* There was one. */
  bool offline;             /* There is no network. */
  uint8_t failures;         /* Dials in a row that failed while no connection was live. */
  wpm_mono began;           /* When the latest epoch began. */
  uint32_t voiding;         /* The next slot whose retry delay is void; WPM_SLOT_NONE: all were. */
  wpm_dial_id dials_before; /* Dials up to this one began before the latest gap was over. */
} wpm_epoch;

/* What core/black_hole.h keeps. */
typedef struct wpm_black_hole {
  wpm_path_state paths[WPM_PATH_COUNT];
  uint16_t unheard[WPM_PATH_COUNT]; /* Of each path, silent attempts for which no other vouches. */
  wpm_mono probe_at; /* When the next peer that has no other address may be dialled. */
  wpm_mono
      beside_at; /* When the next blocked address may be tried first, beside a peer's others. */
  wpm_mono held_until; /* When the first of the held goes; WPM_NEVER: none waits for that. */
  bool any;            /* A path is blocked. */
} wpm_black_hole;

struct wpm_manager {
  wpm_manager_config config; /* Its lists are copies of our own. */
  wpm_store *store;          /* The peers. */
  wpm_rng rng;               /* Jitter. */
  wpm_history history;       /* The latest events. */
  wpm_mono now;              /* The latest time given. */
  wpm_mono deadline;         /* When something is due next; once begun, kept up by each call. */
  wpm_wall wall;             /* The same by the wall clock. */
  bool begun;                /* The first event or advance came: restoring is over. */
  bool stopping;             /* wpm_manager_stop was called. */
  wpm_mono starved_until;    /* Memory ran out for a dial: it is tried again then; WPM_NEVER: it did
                                not. */
  wpm_mono evict_at;         /* When an inbound peer may next go for another (core/crowd.h). */
  wpm_mono crowd_at;         /* When the watermarks are looked at next. */
  size_t ceiling;            /* Most places that our machine bears (core/shortage.h). */
  wpm_mono shortage_at;      /* When it last ran short. */
  wpm_mono rise_at;          /* When the ceiling rises next, where it is below max_connections. */
  wpm_inbound inbound;       /* Where inbound connections come from. */
  wpm_range_bans range_bans; /* Banned ranges of addresses. */
  wpm_groups groups;         /* Network groups of the peers. */
  wpm_targets targets;       /* Outbound relay peers. */
  wpm_doubt doubt;           /* Which of them may come to nothing. */
  bool beyond;               /* There may be outbound peers that nobody needs (core/beyond.h). */
  wpm_sources sources;       /* Who told us of whom. */
  wpm_feelers feelers;       /* Trial connections. */
  /* Relay peers of each of our shards (core/shards.h). */
  uint32_t relays_of_shard[WPM_SHARDS_COUNTED];
  uint32_t relay_places[2]; /* Of relay peers; of these, inbound (core/shares.c). */
  uint32_t peers_of_service[WPM_SERVICES_MAX]; /* Peers of each service (core/services.h). */
  wpm_epoch epoch;                             /* Sleep, and what there is of a network. */
  wpm_idle idle;                               /* What silence is borne. */
  wpm_black_hole black_hole;                   /* Paths over which nothing comes back. */
  wpm_mono expired_at;   /* When peers were last named to be looked at for their age. */
  uint32_t expire_round; /* The slot where that goes on. */
  uint32_t expire_left;  /* Slots still to be looked at. */
  wpm_mono round_began;  /* When the first slot was looked at last. */
  int64_t round_ns;      /* How long it takes until each was looked at again. */
  uint32_t
      tags_looked_at; /* The next slot whose tags may have ended; WPM_SLOT_NONE: all were looked at
                              this minute. */
  bool fading;        /* Somebody may have a score; of this round, somebody has. */
  bool still_fading;

  wpm_heap waiting;              /* By peer: when its waits are over. */
  uint32_t waiting_to_be_chosen; /* Of these, those that are only candidates then. */
  wpm_heap ready;                /* By peer: those whose waits are over, the first to dial first. */
  wpm_heap restart;       /* By peer: those of the restart without a place kept, the first first. */
  uint32_t places;        /* Peers that have a place. */
  uint32_t reserved;      /* Places kept for peers of the restart. */
  uint32_t dials;         /* Dials in flight. */
  wpm_dial_id next_dial;  /* Number of the next dial. */
  wpm_mono reserve_until; /* No place is kept for a peer that must wait longer. */

  wpm_map connection_by_id;     /* Connection id → slot. */
  wpm_connection **connections; /* By slot; NULL: free. */
  uint32_t *unused_connections; /* Free slots, a stack. */
  uint32_t unused_connection_count;
  uint32_t connection_slots;     /* Slots ever used. */
  uint32_t connection_capacity;  /* Length of both arrays. */
  uint32_t live_connections;     /* Connections that are neither refused nor being closed. */
  wpm_heap connection_deadlines; /* By connection slot. */

  wpm_pending_queue pending_connections; /* Pulled first. */
  wpm_pending_queue pending_peers;
  wpm_bytes *dial_addresses;    /* The addresses of the dial action last pulled. */
  size_t dial_address_capacity; /* Room in it: enough for every peer. */
};

static inline wpm_peer *wpm_manager_peer(const wpm_manager *m, uint32_t slot) {
  return wpm_store_peer(m->store, slot);
}

static inline wpm_policy *wpm_manager_policy(const wpm_manager *m, uint32_t slot) {
  return wpm_store_extra(m->store, slot);
}

/* A person named it: it is static, or protected. */
static inline bool wpm_manager_is_named(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  return wpm_peer_has(peer, WPM_HAS_STATIC) || wpm_peer_has(peer, WPM_HAS_PROTECTION);
}

/* Most peers that may have a place now. */
static inline size_t wpm_manager_most_places(const wpm_manager *m) {
  size_t most = m->config.max_connections;
  return m->ceiling < most ? m->ceiling : most;
}

/* What a peer counts for, as bits, was `before` and is `now`: `counts` has a number for each bit. */
static inline void wpm_tally_move(uint32_t *counts, uint32_t before, uint32_t now) {
  for (uint32_t changed = before ^ now; changed != 0; changed &= changed - 1) {
    unsigned bit = (unsigned)__builtin_ctz(changed);
    counts[bit] += now >> bit & 1 ? 1u : UINT32_MAX;
  }
}

/* True for our own peer id. */
bool wpm_manager_is_local(const wpm_manager *m, wpm_bytes id);

/* True where both clusters are given and differ. */
bool wpm_manager_of_other_cluster(const wpm_manager *m, uint32_t cluster_id);

/* Something that has a deadline changed outside an event and advance. */
void wpm_manager_note_deadline(wpm_manager *m);

/* Makes room for one more peer, and for a dial action with `address_count` addresses (or as many as
 * a peer may have). WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_manager_make_room(wpm_manager *m, size_t address_count);

/* The slot of a peer, a new one where it was not held; everything that is kept per slot has room for
 * it. `heard`: it was merely heard of (wpm_store_take_heard). wpm_store_keep or wpm_store_give_up is to
 * follow. Errors as wpm_store_add. */
WPM_MUST_USE int wpm_manager_take_peer(wpm_manager *m, wpm_bytes id, bool heard, wpm_taken *out);

/* Forgets a peer: its dial, its places, its record; the slot stays until its actions are pulled. */
void wpm_manager_forget(wpm_manager *m, uint32_t slot, wpm_cause cause);

#endif
