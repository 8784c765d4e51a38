/* The host of a manager under random facts: what it knows to be true of peers, connections and dials, the
 * facts that it makes up, and what must hold then. */
#pragma once

#include "support/core/world.h"
#include "support/records.h"

enum {
  WPM_WITNESS_PEERS = 16,
  WPM_WITNESS_LOCAL = 8, /* Of these, ourselves. */
  WPM_WITNESS_LINKS = 64,
  WPM_WITNESS_DIALS = 64
};

typedef struct wpm_witness_link {
  wpm_connection_id id; /* 0: free. */
  int peer;
  wpm_direction direction;
  bool closing;  /* We were asked to close it. */
  bool deaf;     /* It answers no pings. */
  int64_t began; /* All times are true time. */
  int64_t last_byte;
  int64_t last_ping;
} wpm_witness_link;

typedef struct wpm_witness_dial {
  wpm_dial_id id; /* 0: free. */
  int peer;
  bool cut;       /* A sleep cut it short. */
  bool by_person; /* A person asked for it. */
  bool
      hasty; /* In flight at the beginning of an epoch, or begun beside one of which nobody knows: it may
                 not count. */
} wpm_witness_dial;

/* What is true of a peer. */
typedef struct wpm_witness_peer {
  bool held;
  bool held_off;
  bool known; /* In the store. */
  wpm_connectivity state;
  int64_t prune_until; /* The other side's right. */
  int64_t mismatch_until;
  int64_t retry_until;  /* The least that the retry delay allows. */
  int64_t banned_until; /* A person's word, which outlives the record. */
  wpm_dial_id over;     /* The latest dial that ended, in this life; 0: none did. */
  uint32_t failures;
  uint32_t short_lived; /* Connections they ended before they were stable, in this life. */
  int64_t two_since;    /* When a second connection came up; -1: there are not two. */
  bool dialled_by_person;
  int64_t named_at; /* When it last told what it speaks. */
  bool returns;     /* Held before the last restart, and not tried since. */
  bool chosen;      /* It has its place by the policy's choice alone, as one of those wanted. */
} wpm_witness_peer;

typedef struct wpm_witness {
  wpm_world *w;
  uint64_t random;
  int64_t offset;   /* True time is the monotonic time plus this. */
  bool wall_jumped; /* The wall clock was set forward in this life of the machine. */
  bool late;        /* Somebody slept: deadlines were missed. */
  int64_t awake;    /* When it last woke. */
  bool voided;      /* Retry delays were, since the last advance. */
  bool woke;        /* A sleep is noticed in this very step. */
  int in_vain;      /* Dials in a row that failed while no connection was live; 8 at most. */
  bool chooses;     /* The policy chooses whom it dials; what a peer speaks, and its shard, stay. */
  int64_t epoch_at; /* When the last epoch began. */
  int64_t gap_from; /* When the last sleep began that the manager noticed; -1: there was none. */
  wpm_witness_link links[WPM_WITNESS_LINKS];
  wpm_witness_dial dials[WPM_WITNESS_DIALS];
  wpm_witness_peer peers[WPM_WITNESS_PEERS];
  int person; /* The peer a person is connecting in this very call; -1: none. */
  size_t dials_seen;
} wpm_witness;

static inline uint64_t wpm_witness_below(wpm_witness *r, uint64_t bound) {
  return wpm_test_random_below(&r->random, bound);
}

static inline bool wpm_witness_one_in(wpm_witness *r, uint64_t n) {
  return wpm_witness_below(r, n) == 0;
}

static inline int64_t wpm_witness_now(const wpm_witness *r) {
  return r->w->now.mono.ns + r->offset;
}

static inline int64_t wpm_witness_later(int64_t a, int64_t b) {
  return a > b ? a : b;
}

/* Where the policy chooses: what a peer is. Its shard is -1: none, or one of 0, 1 and 2. */
static inline bool wpm_witness_relays(int peer) {
  return peer % 5 != 4;
}
static inline bool wpm_witness_serves(int peer) {
  return peer % 3 == 0;
}
static inline int wpm_witness_shard(int peer) {
  return peer % 4 - 1;
}

/* ---- what the host sees ---------------------------------------------------------------------- */

/* Connections that nobody closed, with the peer; -1: with all. */
size_t wpm_witness_open_links(const wpm_witness *r, int peer);
/* NULL: there is none. */
wpm_witness_dial *wpm_witness_dial_to(wpm_witness *r, int peer);
wpm_witness_link *wpm_witness_link_of(wpm_witness *r, wpm_connection_id id);
wpm_witness_link *wpm_witness_random_link(wpm_witness *r);
/* Peers that have a place. */
size_t wpm_witness_places(wpm_witness *r);
/* The least retry delay after so many failures and short-lived connections. */
int64_t wpm_witness_least_retry(const wpm_witness *r, uint32_t failures);
/* It speaks GossipSub, or may, as the manager knows. */
bool wpm_witness_gossips(const wpm_witness *r, int peer);
/* Who gossips, before a call changes it; `gossip` is of WPM_WITNESS_PEERS. */
void wpm_witness_note_gossip(const wpm_witness *r, bool *gossip);
/* The other side has a right to this backoff; `named` 0: to the default. */
void wpm_witness_owe_backoff(wpm_witness *r, int peer, int64_t from, int64_t named);
/* One of its connections went; `l` is no longer open. */
void wpm_witness_saw_end(wpm_witness *r, const wpm_witness_link *l, wpm_reason reason, bool gossip);
/* Connections that are stable by now forget failures. */
void wpm_witness_grow_stable(wpm_witness *r);
/* A new epoch: failures of before do not count. */
void wpm_witness_void_retry_delays(wpm_witness *r);
/* A call is to follow: the manager will notice whether there was a sleep before it. */
void wpm_witness_wake(wpm_witness *r);

/* ---- what must hold -------------------------------------------------------------------------- */

/* Takes the actions of the last call; fails the test where one is not allowed. */
void wpm_witness_take_actions(wpm_witness *r, const bool *gossip);
/* Fails the test where what the manager says is not so; there were so many places before the call. */
void wpm_witness_check(wpm_witness *r, size_t places_before);

/* ---- facts ----------------------------------------------------------------------------------- */

void wpm_witness_find(wpm_witness *r, int peer);
/* A connection comes up, from the dial where there is one. True where it was accepted. */
bool wpm_witness_connect(wpm_witness *r, int peer, const wpm_witness_dial *from);
void wpm_witness_end_dial(wpm_witness *r, wpm_witness_dial *d);
void wpm_witness_end_link(wpm_witness *r, wpm_witness_link *l, const bool *gossip);
/* A person connects, disconnects or removes it; bans it, or lifts that. */
void wpm_witness_ask(wpm_witness *r, int peer);
void wpm_witness_ban(wpm_witness *r, int peer);
/* Something comes over a connection. */
void wpm_witness_talk(wpm_witness *r, wpm_witness_link *l);
/* A fact about a connection or a dial that is over, or never was. */
void wpm_witness_come_late(wpm_witness *r, int peer);
