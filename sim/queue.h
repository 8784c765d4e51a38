/* What is to happen in the world, in the order of time.
 *
 * - The order is total: of two events at one time, the one entered first comes first. So a run does
 *   not depend on how they happen to lie.
 * - An event is never taken back: it names what it is about by a number that is never used twice,
 *   and whoever takes it looks whether that still lives.
 * - What is soon lies in a heap, small enough to be near the processor. All else lies in buckets of an
 *   eighth of a second each, without an order, and moves to the heap as its turn comes: a heap of the
 *   millions of events of a big world would wait for memory at each of its levels.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_QUEUE_BLOCK 7u /* Events of a block. */

typedef struct sim_event {
  int64_t at;        /* When, in nanoseconds of the world. */
  uint64_t sequence; /* Its turn among those of one time; set by the queue. */
  uint64_t number;   /* What it is about: a link's or dial's number, or any. */
  uint32_t slot;     /* A slot, or a peer. */
  uint32_t kind;     /* The world's kinds (sim/world.h). */
} sim_event;

/* Some events of a bucket. */
typedef struct sim_queue_block {
  uint32_t next; /* The next of its bucket, or of those that are free, 1 + its index; 0: none. */
  uint32_t count;
  sim_event events[SIM_QUEUE_BLOCK];
} sim_queue_block;

typedef struct sim_queue {
  sim_event *near; /* A heap of four children each: all up to the end of the current bucket. */
  size_t near_count;
  size_t near_capacity; /* Enough for all events there are, so that none is lost as it moves. */
  size_t count;         /* Of all. */
  uint64_t next_sequence;
  uint32_t *buckets; /* The first block of each, 1 + its index; 0: it is empty. */
  size_t bucket_count;
  size_t current; /* Buckets up to this one are in the heap. */
  sim_queue_block *blocks;
  uint32_t block_count, block_capacity;
  uint32_t free_block; /* 1 + its index; 0: none. */
} sim_queue;

void sim_queue_fini(sim_queue *queue);

/* False: no memory; the event is not entered. */
bool sim_queue_put(sim_queue *queue, const sim_event *event);

/* When the first is; INT64_MAX: there is none. */
int64_t sim_queue_next(sim_queue *queue);

/* Takes the first; false where there is none. */
bool sim_queue_take(sim_queue *queue, sim_event *out);

#endif
