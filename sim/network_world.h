/* What the files of the network share (sim/network.h): its members, the ties between them, and time. */
#ifndef SIM_NETWORK_WORLD_H
#define SIM_NETWORK_WORLD_H

#include "sim/network.h"
#include "sim/queue.h"
#include "sim/random.h"

#include <wakupeers/manager.h>

enum { SIM_NETWORK_SLOT_BITS = 24 }; /* Of a number, the slot of a tie or dial. */

typedef enum sim_network_kind {
  SIM_NETWORK_WAKE,    /* slot: member; number: the deadline. */
  SIM_NETWORK_SESSION, /* A member comes or goes. slot. */
  SIM_NETWORK_ASK,     /* A member asks for others. slot. */
  SIM_NETWORK_ARRIVE,  /* A dial is decided. slot, number. */
  SIM_NETWORK_END,     /* One end of a tie is told that it is over. number, slot: the side. */
  SIM_NETWORK_PONG,    /* The same of what one end asked for. */
  SIM_NETWORK_IDENTIFY,
  SIM_NETWORK_SAMPLE
} sim_network_kind;

typedef struct sim_member {
  wpm_manager *manager;
  int64_t wake_at; /* When it will be called next; INT64_MAX: not by itself. */
  uint16_t turn;
  bool up;
} sim_member;

/* A connection, with the dialler's end (0) and the listener's (1). */
typedef struct sim_tie {
  uint64_t number; /* 0: the slot is free. */
  uint32_t members[2];
  bool live[2];   /* That end's manager believes in it. */
  bool open[2];   /* That end has neither closed it nor been told of its end. */
  bool ending[2]; /* An END is in the queue. */
  uint8_t reason[2];
} sim_tie;

typedef struct sim_network_dial {
  uint64_t number; /* 0: the slot is free. */
  uint32_t from, to;
  wpm_dial_id dial;
} sim_network_dial;

/* A table of things with a number, of which the low bits are the slot. */
typedef struct sim_table {
  void *items;
  uint32_t *unused;
  uint32_t count, capacity, unused_count;
} sim_table;

typedef struct sim_network {
  const sim_scenario *scenario;
  uint64_t seed;
  int64_t now;
  sim_queue queue;
  sim_random random;
  sim_member *members;
  sim_table ties, dials;
  uint64_t next_number;
  uint32_t up, dialling;
  uint64_t connected; /* Ends that are live. */
  int64_t connected_time, up_time, counted_to;
  int error;
  sim_results *results;
} sim_network;

/* A free slot; UINT32_MAX: no memory. */
uint32_t sim_network_take_slot(sim_table *t, size_t size);
void sim_network_give_slot(sim_table *t, uint32_t slot);
/* The tie, or dial, of that number; NULL: it is over. */
sim_tie *sim_network_tie_of(const sim_network *net, uint64_t number);
sim_network_dial *sim_network_dial_of(const sim_network *net, uint64_t number);
wpm_instant sim_network_clocks(const sim_network *net);
/* Puts an event `after` from now. */
void sim_network_plan(sim_network *net, int64_t after, sim_network_kind kind, uint32_t slot,
                      uint64_t number);
/* One way between two members. */
int64_t sim_network_latency(const sim_network *net, uint32_t a, uint32_t b);
/* The number by which that end's manager knows it. */
wpm_connection_id sim_network_connection_of(const sim_tie *t, int side);
/* That end's manager believes in it, or not any longer. */
void sim_network_set_live(sim_network *net, sim_tie *t, int side, bool live);
void sim_network_drop_if_over(sim_network *net, sim_tie *t);
/* That end will be told of its end after that time, unless it knows. */
void sim_network_end_after(sim_network *net, sim_tie *t, int side, int64_t after,
                           wpm_reason reason);
int64_t sim_network_way(const sim_network *net, const sim_tie *t);
/* Carries out what the manager of a member asks for, and plans its next call. */
void sim_network_pull(sim_network *net, uint32_t number);
/* Tells the manager of a member that is up a fact, and carries out what it answers. */
void sim_network_tell(sim_network *net, uint32_t number, const wpm_event *event);
/* It hears of another member, by a third (SIM_NOBODY: by none). */
void sim_network_tell_of(sim_network *net, uint32_t number, uint32_t other, uint32_t told_by);
/* A connection is up, of that dial of its own or inbound (0). */
void sim_network_tell_connected(sim_network *net, const sim_tie *t, int side, wpm_dial_id dial);

#endif
