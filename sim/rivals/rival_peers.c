/* The peers that a rival ever met (sim/rivals/rival.h). */
#include "sim/rivals/rival.h"

#include <stdlib.h>

enum { IN_BLOCK = 16, ROOM_LEAST = 32 };

/* Where it is, unless another is there. */
static size_t first_place_of(const sim_rival_peers *peers, uint32_t number) {
  return (number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (peers->room - 1);
}

/* Where it is, or the free place where it would be; there is one, since half of them are. */
static size_t place_of(const sim_rival_peers *peers, uint32_t number) {
  size_t at = first_place_of(peers, number);
  while (peers->index[at] && peers->index[at]->number != number) {
    at = (at + 1) & (peers->room - 1);
  }
  return at;
}

static bool widen(sim_rival *rival) {
  sim_rival_peers *peers = &rival->peers;
  size_t room = peers->room > 0 ? 2 * peers->room : ROOM_LEAST;
  sim_rival_peer **index = (sim_rival_peer **)calloc(room, sizeof(*index));
  if (!index) {
    rival->error = WPM_ERR_NO_MEMORY;
    return false;
  }
  free((void *)peers->index);
  peers->index = index;
  peers->room = room;
  for (size_t i = 0; i < peers->count; i++) {
    sim_rival_peer *peer = &peers->blocks[i / IN_BLOCK][i % IN_BLOCK];
    peers->index[place_of(peers, peer->number)] = peer;
  }
  return true;
}

/* A blank one behind the last; NULL: no memory. */
static sim_rival_peer *append(sim_rival *rival) {
  sim_rival_peers *peers = &rival->peers;
  if (peers->count == peers->block_count * IN_BLOCK) {
    if (!sim_rival_reserve(rival, (void **)&peers->blocks, &peers->block_capacity,
                           peers->block_count, sizeof(*peers->blocks))) {
      return NULL;
    }
    sim_rival_peer *block = calloc(IN_BLOCK, sizeof(*block));
    if (!block) {
      rival->error = WPM_ERR_NO_MEMORY;
      return NULL;
    }
    peers->blocks[peers->block_count++] = block;
  }
  sim_rival_peer *peer = &peers->blocks[peers->count / IN_BLOCK][peers->count % IN_BLOCK];
  peers->count++;
  return peer;
}

static sim_rival_peer *meet(sim_rival *rival, uint32_t number) {
  sim_rival_peers *peers = &rival->peers;
  bool is_wide = 2 * (peers->count + 1) <= peers->room || widen(rival);
  sim_rival_peer *peer = is_wide ? append(rival) : NULL;
  if (!peer) {
    rival->nobody = (sim_rival_peer){.number = number};
    return &rival->nobody;
  }
  peer->number = number;
  peers->index[place_of(peers, number)] = peer;
  return peer;
}

sim_rival_peer *sim_rival_peer_at(sim_rival *rival, uint32_t number) {
  const sim_rival_peers *peers = &rival->peers;
  sim_rival_peer *peer = peers->room > 0 ? peers->index[place_of(peers, number)] : NULL;
  return peer ? peer : meet(rival, number);
}

const sim_rival_peer *sim_rival_peer_met(const sim_rival *rival, uint32_t number) {
  static const sim_rival_peer blank = {0};
  const sim_rival_peers *peers = &rival->peers;
  const sim_rival_peer *peer = peers->room > 0 ? peers->index[place_of(peers, number)] : NULL;
  return peer ? peer : &blank;
}

/* Of a million peers each is fetched from memory: all at once is quicker than one by one. */
void sim_rival_expect(const sim_rival *rival, const uint32_t *numbers, size_t count) {
  const sim_rival_peers *peers = &rival->peers;
  for (size_t i = 0; i < count && peers->room > 0; i++) {
    __builtin_prefetch(&peers->index[first_place_of(peers, numbers[i])]);
  }
  for (size_t i = 0; i < count && peers->room > 0; i++) {
    const sim_rival_peer *peer = peers->index[first_place_of(peers, numbers[i])];
    if (peer) {
      __builtin_prefetch(peer);
      __builtin_prefetch(peer->addresses);
    }
  }
}

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a;
  uint32_t y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

void sim_rival_all_met(sim_rival *rival, sim_rival_list *out) {
  const sim_rival_peers *peers = &rival->peers;
  for (size_t i = 0; i < peers->count; i++) {
    sim_rival_push(rival, out, peers->blocks[i / IN_BLOCK][i % IN_BLOCK].number);
  }
  if (out->count > 0) {
    qsort(out->items, out->count, sizeof(*out->items), by_number);
  }
}

void sim_rival_hang_up_all(sim_rival *rival) {
  for (size_t i = 0; i < rival->peers.count; i++) {
    sim_rival_peer *peer = &rival->peers.blocks[i / IN_BLOCK][i % IN_BLOCK];
    peer->links = 0;
    peer->dial = 0;
    peer->batch = false;
  }
}

void sim_rival_forget_all(sim_rival *rival) {
  for (size_t i = 0; i < rival->peers.count; i++) {
    sim_rival_peer *peer = &rival->peers.blocks[i / IN_BLOCK][i % IN_BLOCK];
    *peer = (sim_rival_peer){.number = peer->number};
  }
}

void sim_rival_peers_fini(sim_rival_peers *peers) {
  for (size_t i = 0; i < peers->block_count; i++) {
    free(peers->blocks[i]);
  }
  free((void *)peers->blocks);
  free((void *)peers->index);
}
