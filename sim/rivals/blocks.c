#include "sim/rivals/blocks.h"

void sim_rival_blocks_note(sim_rival *rival, sim_rival_blocks *blocks, size_t place, unsigned kind,
                           int64_t due) {
  while (blocks->count <= place / SIM_RIVAL_BLOCK) {
    if (!sim_rival_reserve(rival, (void **)&blocks->items, &blocks->capacity, blocks->count,
                           sizeof(*blocks->items))) {
      return;
    }
    sim_rival_block_clear(&blocks->items[blocks->count++]);
  }
  sim_rival_block *block = &blocks->items[place / SIM_RIVAL_BLOCK];
  block->kinds |= 1u << kind;
  block->due = due < block->due ? due : block->due;
}

size_t sim_rival_blocks_find(const sim_rival_blocks *blocks, size_t place, unsigned kind) {
  size_t at = place / SIM_RIVAL_BLOCK;
  if (at < blocks->count && (blocks->items[at].kinds & 1u << kind)) {
    return place;
  }
  do {
    at++;
  } while (at < blocks->count && !(blocks->items[at].kinds & 1u << kind));
  return at < blocks->count ? at * SIM_RIVAL_BLOCK : SIZE_MAX;
}
