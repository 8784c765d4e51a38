/* The host of a manager under random facts: what it knows to be true of peers, connections and dials, the
 * facts that it makes up, and what must hold then. */
#pragma once

#include "support/core/world.h"
#include "support/records.h"

enum {
  WPM_WITNESS_PEERS = 16,
  WPM_WITNESS_LOCAL = 8, /* Of these, ourselves. */
  WPM_WITNESS_LINKS = 64,
  WPM_WITNESS_DIALS = 64,
  WPM_WITNESS_RANGES = 24,    /* Most that a person bans in a run. */
  WPM_WITNESS_ATTEMPTS = 1024 /* Of which windows are looked at: the latest. */
};

/* An IP address, IPv4 mapped. */
typedef struct wpm_witness_ip {
  uint8_t bytes[16];
} wpm_witness_ip;

typedef struct wpm_witness_link {
  wpm_connection_id id; /* 0: free. */
  int peer;
  wpm_direction direction; /* WPM_DIRECTION_NONE: it was refused. */
  wpm_witness_ip ip;       /* Of the other end. */
  uint64_t dial;           /* The number of the dial that it came of; 0: inbound. */
  bool by_person;          /* A person asked for that. */
  bool closing;            /* We were asked to close it. */
  bool deaf;               /* It answers no pings. */
  int64_t began;           /* All times are true time. */
  int64_t last_byte;
  int64_t last_ping;
} wpm_witness_link;

typedef struct wpm_witness_dial {
  wpm_dial_id id; /* 0: free. */
  int peer;
  uint64_t number; /* Of the run; from 1. */
  size_t address_count;
  wpm_witness_ip ips[WPM_DIAL_ADDRESSES_MAX];
  uint16_t ports[WPM_DIAL_ADDRESSES_MAX];
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
  int64_t score_least, score_most; /* Its score is between; where scores fade they differ. */
  int64_t scored_at;               /* When it last changed but by fading. */
} wpm_witness_peer;

/* A range of addresses that a person banned. The ban ends between two times, which differ where the wall
 * clock was set before a reboot; INT64_MAX: for good. */
typedef struct wpm_witness_range {
  wpm_ip_range range;
  int64_t length; /* At most. */
  int64_t surely_to, perhaps_to;
  uint64_t dials_before; /* Number of the last dial that began before it. */
} wpm_witness_range;

/* An attempt to come in: of an address and its network, or of a peer. */
typedef struct wpm_witness_attempt {
  int64_t at;
  int peer; /* -1: of the address. */
  wpm_witness_ip ip;
  bool passed; /* It was not refused for the pace. */
} wpm_witness_attempt;

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
  /* What befalls it in this run. */
  bool has_bans;      /* Ranges are banned; peers are found at two addresses, too. */
  bool has_shortages; /* The machine runs short. */
  bool has_scores;    /* The host judges. */
  bool has_crowds;    /* Many come from few addresses. */
  bool asks;          /* The host asks before each inbound connection. */
  unsigned hosts;     /* So many addresses; 0: each peer has its own. */
  unsigned networks;  /* Of so many networks. */
  wpm_ip_range allow; /* Without limits, where config.inbound_allow says so. */
  /* What came of that. */
  wpm_witness_range ranges[WPM_WITNESS_RANGES];
  size_t range_count;
  const wpm_witness_range *new_range;                 /* Banned in this very step; NULL: none. */
  wpm_witness_attempt attempts[WPM_WITNESS_ATTEMPTS]; /* Of this life; a ring. */
  size_t attempt_count;
  bool restarted;   /* It has lived before. */
  int64_t life_at;  /* When this life began. */
  int64_t short_at; /* When the machine last ran short in it; -1: it did not. */
  size_t ceiling;   /* Places that were left then. */
  bool is_shortage; /* In this very call. */
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

static inline int64_t wpm_witness_earlier(int64_t a, int64_t b) {
  return a < b ? a : b;
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
size_t wpm_witness_places(const wpm_witness *r);
/* Nothing came over it since the latest sleep began, and they ended it: it counts as ended then. */
bool wpm_witness_is_in_gap(const wpm_witness *r, const wpm_witness_link *l, wpm_reason reason);
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

/* ---- ranges of addresses (witness_ranges.c) --------------------------------------------------- */

/* The first so many bits are the same. */
bool wpm_witness_is_within(const wpm_witness_ip *ip, const uint8_t *range, unsigned bits);
/* The address is in a range that is banned, for sure or perhaps, since a dial of that number began; 0: since
 * whenever. */
bool wpm_witness_surely_banned(const wpm_witness *r, const wpm_witness_ip *ip, uint64_t dial);
bool wpm_witness_perhaps_banned(const wpm_witness *r, const wpm_witness_ip *ip, uint64_t dial);
/* A person bans a range, or lifts that. */
void wpm_witness_ban_range(wpm_witness *r);
/* The machine was off, and its wall clock is not what it was: who knows when those bans end that were in force
 * as the manager was last called? */
void wpm_witness_doubt_ranges(wpm_witness *r, int64_t called);
/* An automatic dial, or that of a person, goes to such addresses. */
void wpm_witness_check_dialled(const wpm_witness *r, const wpm_world_action *a, bool person);
/* Nobody is connected there; the manager and the disk know the same bans. */
void wpm_witness_check_ranges(const wpm_witness *r);

/* ---- who comes in (witness_inbound.c) --------------------------------------------------------- */

/* One that comes in, as things are before the manager is told. */
typedef struct wpm_witness_arrival {
  wpm_witness_ip ip;
  int peer;                 /* -1: nobody knows yet. */
  bool is_static;           /* It is known to be. */
  bool counts;              /* The attempt is its address's: nobody asked before. */
  size_t of_ip, of_network; /* Inbound connections from there, those without limits aside. */
} wpm_witness_arrival;

/* The IP address in a multiaddr that has one. */
wpm_witness_ip wpm_witness_ip_of(wpm_bytes multiaddr);
/* The other address at which the peer may be found. */
wpm_bytes wpm_witness_elsewhere(int peer);
/* Where an inbound connection of the peer comes from. */
wpm_witness_ip wpm_witness_origin(wpm_witness *r, int peer);
wpm_witness_arrival wpm_witness_arrives(const wpm_witness *r, int peer, const wpm_witness_ip *ip);
/* What became of it; NONE: it was accepted. */
void wpm_witness_arrived(wpm_witness *r, const wpm_witness_arrival *a, wpm_reason refused);
/* The host asks; false: it is not to be accepted. */
bool wpm_witness_admits(wpm_witness *r, const wpm_witness_ip *ip);

/* ---- judgement, and what there is of places (witness_judge.c) --------------------------------- */

bool wpm_witness_is_discouraged(const wpm_witness *r, int peer);
/* The host gives it a score. */
void wpm_witness_score(wpm_witness *r, int peer);
/* The connection, which is not open any more, ended so. */
void wpm_witness_judge_end(wpm_witness *r, const wpm_witness_link *l, wpm_reason reason);
/* Its record says this of its score. */
void wpm_witness_check_score(wpm_witness *r, int peer, int32_t score);
/* Most places now, at most and at least. */
size_t wpm_witness_most_places(const wpm_witness *r);
size_t wpm_witness_least_places(const wpm_witness *r);
/* The machine runs short. */
void wpm_witness_run_short(wpm_witness *r);
/* It went since there were too many: nobody was to go before it. All who went in the call have gone. */
void wpm_witness_check_crowded(wpm_witness *r, int peer);
/* One that came in was refused for want of a place; there were so many. */
void wpm_witness_check_no_place(wpm_witness *r, int peer, size_t places);

/* ---- facts ----------------------------------------------------------------------------------- */

void wpm_witness_find(wpm_witness *r, int peer);
/* A connection comes up, from the dial where there is one. True where it was accepted. */
bool wpm_witness_connect(wpm_witness *r, int peer, const wpm_witness_dial *from);
/* The peer comes in from there; the host asks first, if it does. */
bool wpm_witness_come_in(wpm_witness *r, int peer, const wpm_witness_ip *ip);
void wpm_witness_end_dial(wpm_witness *r, wpm_witness_dial *d);
void wpm_witness_end_link(wpm_witness *r, wpm_witness_link *l, const bool *gossip);
/* A person connects, disconnects or removes it; bans it, or lifts that. */
void wpm_witness_ask(wpm_witness *r, int peer);
void wpm_witness_ban(wpm_witness *r, int peer);
/* Something comes over a connection. */
void wpm_witness_talk(wpm_witness *r, wpm_witness_link *l);
/* A fact about a connection or a dial that is over, or never was. */
void wpm_witness_come_late(wpm_witness *r, int peer);
