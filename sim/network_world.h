/* What the files of the network share (sim/network.h): its members, the ties between them, and time. */
#ifndef SIM_NETWORK_WORLD_H
#define SIM_NETWORK_WORLD_H

#include "sim/network.h"
#include "sim/queue.h"
#include "sim/random.h"

enum { SIM_NETWORK_SLOT_BITS = 24 }; /* Of a number, the slot of a tie or dial. */

typedef enum sim_network_kind {
  SIM_NETWORK_WAKE,    /* slot: member; number: the deadline. */
  SIM_NETWORK_SESSION, /* A member comes or goes. slot. */
  SIM_NETWORK_ASK,     /* A member asks for others. slot. */
  SIM_NETWORK_ARRIVE,  /* A dial is decided. number. */
  SIM_NETWORK_END,     /* One end of a tie is told that it is over. number, slot: the side. */
  SIM_NETWORK_PONG,    /* The same of what one end asked for. */
  SIM_NETWORK_IDENTIFY,
  SIM_NETWORK_SAMPLE
} sim_network_kind;

typedef struct sim_member {
  sim_policy *policy;
  int64_t wake_at;    /* When it will be called next; INT64_MAX: not by itself. */
  int64_t slept_at;   /* When it last went away. */
  uint32_t ties;      /* The latest end that is its own (sim_network_end); 0: none. */
  uint32_t dials;     /* 1 + the slot of its latest dial; 0: none. */
  uint32_t connected; /* Members that it is connected with, as its policy believes. */
  uint16_t turn;
  bool up;
  bool started; /* Its policy has been: when it was first up. */
} sim_member;

/* A connection, with the dialler's end (0) and the listener's (1). */
typedef struct sim_tie {
  uint64_t number; /* 0: the slot is free. */
  int64_t began;
  int64_t heard[2]; /* When that end last had a byte of it. */
  uint32_t members[2];
  uint32_t next[2], previous[2]; /* In each member's list of its ends. */
  uint32_t pair;
  bool live[2];   /* That end's policy believes in it. */
  bool open[2];   /* That end has neither closed it nor been told of its end. */
  bool ending[2]; /* An END is in the queue, or owed. */
  bool owed[2];   /* The END of what its policy closed came while it was away. */
  bool refused;   /* Closed at once: it never was in a mesh. */
  uint8_t reason[2];
} sim_tie;

typedef struct sim_network_dial {
  uint64_t number; /* 0: the slot is free. */
  uint64_t dial;   /* As the policy has it; 0: it was cancelled. */
  uint32_t from, to;
  uint32_t next; /* The dialler's next one, as in sim_member.dials. */
  sim_address tried;
  bool owed; /* It was decided while the dialler was away. */
} sim_network_dial;

/* Two that were connected once: index 0 is what the one of the lower number has of it. */
typedef struct sim_pair {
  uint64_t members;  /* The lower number, and the higher one. */
  int64_t parted[2]; /* When that one's last tie with the other ended; -1: never. */
  uint32_t ties[2];  /* That it believes in. */
  bool found_late
      [2]; /* It found that one dead, or over since it was away: the other cannot know when. */
} sim_pair;

/* A table of things with a number, of which the low bits are the slot. */
typedef struct sim_table {
  void *items;
  uint32_t *unused;
  uint32_t count, capacity, unused_count;
} sim_table;

typedef struct sim_network {
  const sim_scenario *scenario;
  const sim_policy_type *type;
  uint64_t seed;
  int64_t now;
  sim_queue queue;
  sim_member *members;
  sim_table ties, dials, pairs;
  uint32_t *pair_index; /* 1 + the slot of a pair; 0: free. */
  uint32_t pair_room;   /* Of the index: a power of two, or 0. */
  uint64_t next_number;
  uint32_t up, dialling;
  uint64_t connected; /* The sum of all members'. */
  int64_t connected_time, up_time, counted_to;
  int error;
  sim_results *results;
} sim_network;

/* ---- the whole (sim/network.c) ----------------------------------------------------------------- */

/* Puts an event `after` from now. */
void sim_network_plan(sim_network *net, int64_t after, sim_network_kind kind, uint32_t slot,
                      uint64_t number);

/* ---- pairs (sim/network_pairs.c) --------------------------------------------------------------- */

/* The slot of the pair, made where there is none; UINT32_MAX: no memory. */
uint32_t sim_network_pair_of(sim_network *net, uint32_t a, uint32_t b);
/* The policy of `self` believes in one more tie of the pair, or in one less: true where that is the first,
 * or was the last. */
bool sim_pair_count(sim_pair *pair, uint32_t self, bool live);
/* Its last tie of the pair ended now. */
void sim_pair_part(sim_pair *pair, uint32_t self, int64_t now, bool found_late);
/* A dial that arrives now is inside the prune backoff, counted from when the listener's end was over. */
bool sim_network_is_early(const sim_network *net, uint32_t from, uint32_t to);

/* ---- ties and dials (sim/network_ties.c) ------------------------------------------------------- */

/* A free slot; UINT32_MAX: no memory. */
uint32_t sim_network_take_slot(sim_table *t, size_t size);
void sim_network_give_slot(sim_table *t, uint32_t slot);
/* One way between two members, or along a tie. */
int64_t sim_network_latency(const sim_network *net, uint32_t a, uint32_t b);
int64_t sim_network_way(const sim_network *net, const sim_tie *t);
/* The tie, or dial, of that number; NULL: it is over. */
sim_tie *sim_network_tie_of(const sim_network *net, uint64_t number);
sim_network_dial *sim_network_dial_of(const sim_network *net, uint64_t number);
/* A tie that comes up now, and that both ends' policies believe in; NULL: no memory. */
sim_tie *sim_network_tie(sim_network *net, uint32_t from, uint32_t to);
/* One of those that the member is connected with, drawn by `draw`; SIM_NOBODY: there is none. */
uint32_t sim_network_neighbour(const sim_network *net, uint32_t number, uint64_t draw);
/* The number by which that end's policy knows it. */
uint64_t sim_network_link_of(const sim_tie *t, int side);
/* One end asks the other for something: it comes back, or a reset does, or nothing. */
void sim_network_ask(sim_network *net, sim_tie *t, int side, sim_network_kind answer);
/* That end's policy closes it. */
void sim_network_close(sim_network *net, sim_tie *t, int side, wpm_reason reason);
/* That end's policy does not believe in it any longer. */
void sim_network_part(sim_network *net, sim_tie *t, int side, wpm_reason reason);
void sim_network_drop_if_over(sim_network *net, sim_tie *t);
void sim_network_dial_begin(sim_network *net, uint32_t number, const sim_action *action);
void sim_network_dial_cancel(sim_network *net, uint32_t number, uint64_t id);
void sim_network_dial_drop(sim_network *net, sim_network_dial *dial);
/* The member goes away, and the others are told; or it is back, and hears what it missed of its own. */
void sim_network_leave(sim_network *net, uint32_t number);
void sim_network_return(sim_network *net, uint32_t number);

/* ---- a member's policy (sim/network_members.c) -------------------------------------------------- */

wpm_instant sim_network_clocks(const sim_network *net);
/* Carries out what the policy of a member asks for, and plans its next call. */
void sim_network_pull(sim_network *net, uint32_t number);
/* It is called as it was planned, unless that has changed since. */
void sim_network_wake(sim_network *net, uint32_t number, uint64_t at);
/* Tells the policy of a member that is up a fact, and carries out what it answers. */
void sim_network_tell(sim_network *net, uint32_t number, const sim_fact *fact);
/* It hears of another member, by a third (SIM_NOBODY: by none). */
void sim_network_tell_of(sim_network *net, uint32_t number, uint32_t other, uint32_t told_by);
/* A connection is up, of that dial of its own or inbound (0). */
void sim_network_tell_connected(sim_network *net, const sim_tie *t, int side, uint64_t dial);

#endif
