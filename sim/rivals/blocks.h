/* What may be where in a long list of known peers, so that who looks for few of them, or for those that are
 * due, need not look at all of a million.
 *
 * - The list is cut into blocks of SIM_RIVAL_BLOCK places. Of each it is kept which kinds of peers may be in
 *   it, and when the first of them may be due.
 * - It may promise too much, never too little: who changes a peer, or moves it to another place, notes it.
 *   Who looks through a whole block clears it before, and notes those that stay.
 * - So a search finds the same peers in the same order as one through the whole list.
 */
#ifndef SIM_RIVALS_BLOCKS_H
#define SIM_RIVALS_BLOCKS_H

#include "sim/rivals/rival.h"

enum { SIM_RIVAL_BLOCK = 1024 };

typedef struct sim_rival_block {
  int64_t due;    /* None of it is due before. */
  uint32_t kinds; /* A bit for each kind that may be in it. */
} sim_rival_block;

typedef struct sim_rival_blocks {
  sim_rival_block *items;
  size_t count, capacity;
} sim_rival_blocks;

/* A peer of that kind (below 32) at that place is due then, or INT64_MAX: never. Without memory the rival's
 * error is set. */
void sim_rival_blocks_note(sim_rival *rival, sim_rival_blocks *blocks, size_t place, unsigned kind,
                           int64_t due);

/* Nothing is in the block of that number. */
static inline void sim_rival_block_clear(sim_rival_block *block) {
  *block = (sim_rival_block){.due = INT64_MAX};
}

/* The first place from `place` on at which one of that kind may be; SIZE_MAX: none. */
size_t sim_rival_blocks_find(const sim_rival_blocks *blocks, size_t place, unsigned kind);

#endif
