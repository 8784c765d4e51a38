/* What is to happen in the world, in the order of time: a heap of four children each, whose levels, and so
 * the waits for memory, are half of a binary one's.
 *
 * - The order is total: of two events at one time, the one entered first comes first. So a run does
 *   not depend on how the heap happens to lie.
 * - An event is never taken back: it names what it is about by a number that is never used twice,
 *   and whoever takes it looks whether that still lives.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_event {
  int64_t at;        /* When, in nanoseconds of the world. */
  uint64_t sequence; /* Its turn among those of one time; set by the queue. */
  uint64_t number;   /* What it is about: a link's or dial's number, or any. */
  uint32_t slot;     /* A slot, or a peer. */
  uint32_t kind;     /* The world's kinds (sim/world.h). */
} sim_event;

typedef struct sim_queue {
  sim_event *events;
  size_t count;
  size_t capacity;
  uint64_t next_sequence;
} sim_queue;

void sim_queue_fini(sim_queue *queue);

/* False: no memory. */
bool sim_queue_put(sim_queue *queue, const sim_event *event);

/* When the first is; INT64_MAX: there is none. */
int64_t sim_queue_next(const sim_queue *queue);

/* Takes the first; false where there is none. */
bool sim_queue_take(sim_queue *queue, sim_event *out);

#endif
