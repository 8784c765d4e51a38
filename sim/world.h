/* The world of one run: one node under a policy, its links and dials, the remote peers, and time.
 *
 * - Virtual time: `now` jumps to the least of the next event and the policy's next deadline.
 * - What others do is drawn by hashes of the seed, or from a sequence that the policy's actions do
 *   not touch: so every policy meets the same world.
 * - A link has two ends. Ours lives until the policy is told of its end; the other end may be gone
 *   long before (a middle box forgot it, the peer vanished, we slept). What is sent then meets
 *   silence, or a reset where the way is open again; a TCP that gets no acknowledgement gives up
 *   after 924.6 s (Linux, tcp_retries2 = 15).
 * - Who finds a link dead lets it go: the other end after 20 to 150 s without an answer. From then
 *   on its prune backoff runs, or from when we were told of the end, where that is earlier.
 * - A dial tries its addresses in their order, the next where one failed or has been slow for
 *   250 ms (RFC 8305; our own node does so). It takes three round trips: TCP, Noise, muxer.
 * - Breaches of what must always hold (sim/check.h) are counted, and kept with their time.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim/peers.h"
#include "sim/queue.h"
#include "sim/random.h"

typedef enum sim_event_kind {
  SIM_EVENT_SESSION = 0,    /* A peer comes or goes. slot: peer. */
  SIM_EVENT_DIAL,           /* A dial is decided. slot, number: dial. */
  SIM_EVENT_END,            /* We are told that a link ended. slot, number: link. */
  SIM_EVENT_PONG,           /* slot, number: link. */
  SIM_EVENT_IDENTIFY,       /* Identify is answered. slot, number: link. */
  SIM_EVENT_TRAFFIC,        /* A message comes. slot, number: link. */
  SIM_EVENT_IDLE,           /* A middle box looks at the link. slot, number: link. */
  SIM_EVENT_PRUNE,          /* The peer prunes us. slot, number: link. */
  SIM_EVENT_LET_GO,         /* The other end gives the link up. slot, number: link. */
  SIM_EVENT_GIVE_UP,        /* Our TCP gives the link up. slot, number: link. */
  SIM_EVENT_TWO,            /* The second of two links with one peer: they must be settled. */
  SIM_EVENT_LATE_LINK,      /* We are told of a link that is over. slot: peer, number: link. */
  SIM_EVENT_LATE_DIAL,      /* Of a dial that is over. slot: peer, number: as the policy has it. */
  SIM_EVENT_INBOUND,        /* A peer dials us, and the next does in a while. */
  SIM_EVENT_BURST,          /* A peer dials us. */
  SIM_EVENT_DISCOVER,       /* We hear of peers. */
  SIM_EVENT_FAULT,          /* slot: which. */
  SIM_EVENT_FAULT_END,      /* slot: which. */
  SIM_EVENT_STRIKE,         /* Our process dies, unless it did at a commit. slot: by which fault. */
  SIM_EVENT_ATTACK,         /* Addresses of the attacker are told, and again in a while. */
  SIM_EVENT_ATTACK_INBOUND, /* A peer of the attacker dials us, and the next does in a while. */
  SIM_EVENT_ATTACK_END,     /* The flood is over. */
  SIM_EVENT_SAMPLE
} sim_event_kind;

/* A link, seen from both ends. */
typedef struct sim_link {
  uint64_t id; /* Its number; 0: the slot is free. */
  uint32_t peer;
  uint32_t next; /* The peer's other link, as in sim_peer.link. */
  int64_t began;
  int64_t heard;      /* When we last got a byte. */
  int64_t pinged;     /* When we last sent a ping. */
  int64_t moved;      /* When a byte last passed the middle box. */
  int64_t unanswered; /* Since when we have sent without an answer; -1: not. */
  wpm_reason reason;  /* Why it ends, once END is in the queue, or the policy closed it. */
  wpm_direction direction;
  uint32_t ip;       /* Of the other end. */
  bool named;        /* The policy was told what it speaks. */
  bool closed;       /* The policy closed it: it only waits for the confirmation. */
  bool cut;          /* What is sent on it is lost, whatever becomes of the network. */
  bool gone;         /* The other end has let it go. */
  bool ending;       /* An END is in the queue. */
  bool counted_dead; /* In sim_world.dead. */
} sim_link;

typedef struct sim_dial {
  uint64_t id; /* The world's number; 0: the slot is free. */
  uint64_t policy_id;
  uint32_t peer;
  bool succeeds;
  bool early;        /* Begun inside the peer's prune backoff. */
  bool asked;        /* A person asked for it. */
  bool returns;      /* Its peer was one of the restart (sim_peer.returns). */
  wpm_reason reason; /* Of a failure. */
  sim_address reached;
  sim_address failed[SIM_ADDRESSES_MAX];
  wpm_reason reasons[SIM_ADDRESSES_MAX];
  int64_t failed_after[SIM_ADDRESSES_MAX]; /* How long after the start. */
  size_t failed_count;
  int64_t began;
  int64_t takes; /* The whole dial. */
} sim_dial;

/* Of a fault that is under way or over: what it cost. */
typedef struct sim_wound {
  bool healing;      /* It is over, and we are not back where we were. */
  bool falls_short;  /* It is over, and the outbound target is not met. */
  int64_t since;     /* Its end. */
  uint32_t before;   /* Peers connected before it. */
  uint32_t outbound; /* Of these, that we dialled, as many as are wanted. */
} sim_wound;

/* What a person said of a peer. */
typedef struct sim_judgement {
  uint32_t peer;
  bool is_protected;
  bool is_wanted; /* He connected it, since he banned it. */
  int64_t banned_to;
  int64_t blamed_at; /* The host blamed it; INT64_MIN: it did not. */
} sim_judgement;

/* A range of addresses that he banned. */
typedef struct sim_banned_range {
  uint32_t ip;
  unsigned bits;
  int64_t banned_to;
} sim_banned_range;

/* It holds the address. */
static inline bool sim_range_holds(const sim_banned_range *range, uint32_t ip) {
  return (range->ip ^ ip) >> (32 - range->bits) == 0;
}

/* One dialled us, and was not refused for its pace. */
typedef struct sim_passed {
  int64_t at;
  uint32_t ip, peer;
  bool counts; /* For the peer too: by its address it was let in. */
} sim_passed;

enum { SIM_JUDGED_MAX = 64, SIM_PASSED_MAX = 512 };

/* Numbers of peers, as many as there are. */
typedef struct sim_numbers {
  uint32_t *items;
  uint32_t count, room;
} sim_numbers;

/* What our policy has configured, where the scenario does not say. */
typedef struct sim_limits {
  size_t relay_outbound, relay_per_shard, inbound_per_ip, inbound_per_network, max_peers;
} sim_limits;

typedef struct sim_world {
  const sim_scenario *scenario;
  const sim_policy_type *type;
  sim_policy *policy;
  uint64_t seed;
  int64_t now;
  sim_queue queue;
  sim_random others; /* For what others do; the policy's actions do not touch it. */
  /* Our node. */
  bool running, asleep, offline;
  uint32_t doomed;      /* 1 + the fault by which it dies at a commit to come; 0: none. */
  int64_t woken_at;     /* When the machine will be awake. */
  int64_t slept_at;     /* When it last fell asleep. */
  int64_t gap_at;       /* When it last fell asleep or lost its network, whichever began the gap. */
  int64_t disturbed_at; /* When a fault of ours last ended. */
  int64_t
      revived_at; /* When it was first told something, or the last of many vain dials without a link was
                           followed by a link. */
  bool told;      /* It was told something since it started. */
  uint32_t vain;     /* Such dials in a row. */
  int64_t booted_at; /* When its monotonic clock began. */
  int64_t wall_offset;
  uint64_t boot;
  uint32_t partitioned; /* Share of the peers beyond reach, in per mille. */
  uint64_t partition;   /* Which partition. */
  /* Peers, links, dials. */
  sim_peer *peers;
  sim_link *links;
  sim_dial *dials;
  uint32_t link_slots, dial_slots; /* Slots in use so far. */
  uint32_t link_room, dial_room;
  uint32_t *free_links, *free_dials;
  uint32_t free_link_count, free_dial_count;
  uint64_t next_number;
  /* Counts, kept up. */
  uint32_t up;               /* Peers that are up. */
  uint32_t connected;        /* Peers with a live link, as the policy knows. */
  uint32_t places;           /* Peers with a live link or a dial. */
  uint32_t dialling;         /* Dials in flight. */
  uint32_t dead;             /* Live links whose other end is gone. */
  uint32_t wanted_up;        /* Wanted peers that are up and can be dialled. */
  uint32_t wanted_connected; /* Of these, connected. */
  uint32_t asked_places;     /* Of the places, those that a person asked for. */
  uint32_t asked_dials;      /* Of the dials, the same. */
  uint32_t outbound;         /* Peers that we dialled and are connected with. */
  bool outbound_rose; /* There may be more of them in this round of actions, or fewer in doubt. */
  uint32_t hostile;   /* Of these, the attacker's. */
  uint32_t awaited;   /* Peers connected at the restart and not tried since. */
  int64_t restarted_at;
  sim_wound wounds[SIM_FAULTS_MAX];
  sim_judgement judged[SIM_JUDGED_MAX]; /* By a person; who is one too many is not. */
  uint32_t judged_count;
  sim_banned_range ranges[SIM_RANGES_MAX];
  uint32_t range_count;
  sim_passed *passed; /* A ring of the last SIM_PASSED_MAX, in this life of our process. */
  uint64_t passed_count;
  int64_t short_at;       /* When our machine last ran short, in this life of our process. */
  uint32_t ceiling;       /* Places given out at most for a minute from then. */
  uint32_t places_before; /* Those that no person asked for, at the end of the last step. */
  uint64_t acted;         /* Actions that the policy asked for. */
  /* Measuring. */
  int64_t counted_to;                /* Up to when the sums go. */
  int64_t connected_time, dead_time; /* Peers times microseconds. */
  int64_t wanted_up_time, wanted_connected_time;
  int64_t outbound_time, hostile_time; /* Since the attack began. */
  sim_numbers changed;                 /* Peers whose state the policy told in this step. */
  sim_numbers chosen;                  /* Relay peers dialled of its own choice in this step. */
  sim_limits limits;
  int error; /* A negative wpm_err ended the run. */
  sim_results *results;
} sim_world;

/* Runs the scenario with one policy; 0 or a negative wpm_err. */
WPM_MUST_USE int sim_world_run(const sim_scenario *scenario, uint64_t seed,
                               const sim_policy_type *type, sim_results *out);

/* ---- shared by the files of the world ---------------------------------------------------------- */

/* Our node's clocks. */
wpm_instant sim_world_clocks(const sim_world *world);

/* Puts an event `after` from now. */
void sim_world_plan(sim_world *world, int64_t after, sim_event_kind kind, uint32_t slot,
                    uint64_t number);

/* True while the policy can be told of something. */
static inline bool sim_world_listens(const sim_world *world) {
  return world->running && !world->asleep;
}

/* Tells the policy a fact, and carries out what it answers. */
void sim_world_tell(sim_world *world, const sim_fact *fact);

/* Carries out what the policy asks for (sim/host.c). */
void sim_world_pull(sim_world *world);

/* A number for a draw that depends on what the policy did. */
uint64_t sim_world_draw(const sim_world *world, uint64_t what, uint64_t which);

/* A peer was tried after a restart, or came by itself. */
void sim_world_tried(sim_world *world, uint32_t number);

/* ---- links and dials (sim/links.c) ------------------------------------------------------------ */

/* The link of that slot and number; NULL: over. */
sim_link *sim_link_find(const sim_world *world, uint32_t slot, uint64_t id);
/* The same, by its number alone. */
sim_link *sim_link_named(const sim_world *world, uint64_t id);
static inline uint32_t sim_link_slot(const sim_link *link) {
  return (uint32_t)(link->id & 0xffffff);
}

/* True while bytes get through from either end to the other. */
bool sim_link_is_open(const sim_world *world, const sim_link *link);
/* True while the network lets us reach the peer's machine. */
bool sim_peer_is_in_reach(const sim_world *world, uint32_t peer);
/* Live links of the peer, as the policy knows. */
uint32_t sim_peer_links(const sim_world *world, uint32_t peer);

/* A new link comes up; the policy is told. `dial` NULL: inbound. */
void sim_link_begin(sim_world *world, uint32_t number, const sim_dial *dial);
/* The policy will be told of the end after that time. */
void sim_link_end_after(sim_world *world, sim_link *link, int64_t after, wpm_reason reason);
/* Its bytes are lost from now on: the other end will give it up. */
void sim_link_cut(sim_world *world, sim_link *link);
/* The other end lets it go now. */
void sim_link_let_go(sim_world *world, sim_link *link);
/* Takes it away; the policy knows, or is gone. */
void sim_link_drop(sim_world *world, sim_link *link);
/* No automatic dial of the peer before its prune backoff from `at` on. */
void sim_peer_backs_off(sim_world *world, uint32_t number, int64_t at, int64_t span);

void sim_dial_begin(sim_world *world, const sim_action *action);
void sim_dial_cancel(sim_world *world, uint64_t policy_id);
void sim_dials_drop(sim_world *world);

/* Events of links and dials. */
void sim_links_event(sim_world *world, const sim_event *event);

/* Counts of the peer, brought up to date after any change of it. */
void sim_peer_recount(sim_world *world, uint32_t number);

/* ---- faults (sim/faults.c) -------------------------------------------------------------------- */

void sim_fault_begin(sim_world *world, uint32_t which);
void sim_fault_end(sim_world *world, uint32_t which);
/* Notes what we have before it. */
void sim_fault_wounds(sim_world *world, uint32_t which);
/* So many peers, drawn at random, are heard of. */
void sim_world_discover(sim_world *world, uint32_t count);
/* A peer, drawn at random, dials us if it can. */
void sim_world_inbound(sim_world *world);
/* The peer dials us, if it is up, not connected, and outside its own backoff. */
void sim_peer_dials_us(sim_world *world, uint32_t number);
/* We hear of the peer, told by another (1 + its number; 0: by none); or it is a static node of ours. */
void sim_peer_heard_of(sim_world *world, uint32_t number, uint32_t told_by);
void sim_peer_configured(sim_world *world, uint32_t number);
/* 1 + a peer that we are connected with, honest or the attacker's; 0: there is none. What it depends on is
 * the policy's doing, so the world must not. */
uint32_t sim_world_teller(const sim_world *world, bool hostile);
/* What a person does: connects, protects and bans peers (sim/person.c). */
void sim_person_connects(sim_world *world, uint32_t count);
void sim_person_protects(sim_world *world, uint32_t count);
void sim_person_bans(sim_world *world, uint32_t count, int64_t span);
void sim_person_bans_ranges(sim_world *world, uint32_t count, int64_t span);
/* The host blames so many connected peers. */
void sim_person_blames(sim_world *world, uint32_t count);
/* The address is in a range that he banned. */
bool sim_person_banned_range(const sim_world *world, uint32_t ip);
/* Our process died, and lived to then; the peer is forgotten: what of it was judged is lost. */
void sim_person_lost(sim_world *world, int64_t lived_to);
void sim_person_forgotten(sim_world *world, uint32_t peer);
/* What a person said of the peer; NULL: nothing. */
const sim_judgement *sim_person_said(const sim_world *world, uint32_t peer);
/* Notes which wounds have healed. */
void sim_wounds_look(sim_world *world);
/* The peer comes or goes. */
void sim_peer_comes(sim_world *world, uint32_t number);
void sim_peer_goes(sim_world *world, uint32_t number);

/* ---- our process (sim/process.c) -------------------------------------------------------------- */

/* It begins: the policy starts, and learns its configuration. */
void sim_node_start(sim_world *world);
/* It ends, stopped or killed. */
void sim_node_ends(sim_world *world, sim_fault_type how);
/* It is to die at a commit to come, by that fault. */
void sim_node_is_doomed(sim_world *world, uint32_t which);
/* All actions of a step were pulled: true where it died at a commit of it. */
bool sim_node_dies(sim_world *world);
/* Of that fault it dies now, if it has not at a commit. */
void sim_fault_strikes(sim_world *world, uint32_t which);

/* ---- late facts (sim/late.c) ------------------------------------------------------------------ */

/* A link, or a dial, is over: we may be told of it again. */
void sim_late_plan(sim_world *world, sim_event_kind kind, uint32_t peer, uint64_t number);
void sim_late_event(sim_world *world, const sim_event *event);

/* ---- the attacker (sim/attack.c) -------------------------------------------------------------- */

/* Plans what it will do, if there is one. */
void sim_attack_plan(sim_world *world);
void sim_attack_event(sim_world *world, const sim_event *event);
/* Of our outbound connections, how many are with its peers: brought up to date after any change. */
void sim_attack_recount(sim_world *world, uint32_t number);

#endif
