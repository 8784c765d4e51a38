/* The network's own books of who was connected with whom, the same for every policy. */
#include "sim/network_world.h"
#include "sim/peers.h"

#include <stdlib.h>

enum { ROOM_LEAST = 1024 };

static uint64_t key_of(uint32_t a, uint32_t b) {
  return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

/* Where it is, or the free place where it would be; there is one, since half of them are. */
static uint32_t place_of(const sim_network *net, uint64_t key) {
  const sim_pair *pairs = (const sim_pair *)net->pairs.items;
  uint32_t mask = net->pair_room - 1;
  uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
  while (net->pair_index[at] > 0 && pairs[net->pair_index[at] - 1].members != key) {
    at = (at + 1) & mask;
  }
  return at;
}

static bool widen(sim_network *net) {
  uint32_t room = net->pair_room > 0 ? 2 * net->pair_room : ROOM_LEAST;
  uint32_t *index = calloc(room, sizeof(*index));
  if (!index) {
    return false;
  }
  free(net->pair_index);
  net->pair_index = index;
  net->pair_room = room;
  for (uint32_t i = 0; i < net->pairs.count; i++) {
    net->pair_index[place_of(net, ((const sim_pair *)net->pairs.items)[i].members)] = i + 1;
  }
  return true;
}

uint32_t sim_network_pair_of(sim_network *net, uint32_t a, uint32_t b) {
  uint64_t key = key_of(a, b);
  if (2 * net->pairs.count >= net->pair_room && !widen(net)) {
    return UINT32_MAX;
  }
  uint32_t at = place_of(net, key);
  if (net->pair_index[at] > 0) {
    return net->pair_index[at] - 1;
  }
  uint32_t slot = sim_network_take_slot(&net->pairs, sizeof(sim_pair));
  if (slot != UINT32_MAX) {
    ((sim_pair *)net->pairs.items)[slot] = (sim_pair){.members = key, .parted = {-1, -1}};
    net->pair_index[at] = slot + 1;
  }
  return slot;
}

static int side_of(const sim_pair *pair, uint32_t self) {
  return self != (uint32_t)(pair->members >> 32);
}

bool sim_pair_count(sim_pair *pair, uint32_t self, bool live) {
  uint32_t *ties = &pair->ties[side_of(pair, self)];
  *ties += live ? 1 : UINT32_MAX;
  return *ties == live;
}

void sim_pair_part(sim_pair *pair, uint32_t self, int64_t now, bool found_late) {
  int side = side_of(pair, self);
  pair->parted[side] = now;
  pair->found_late[side] = found_late;
}

bool sim_network_is_early(const sim_network *net, uint32_t from, uint32_t to) {
  uint32_t slot = net->pair_room > 0 ? net->pair_index[place_of(net, key_of(from, to))] : 0;
  if (slot == 0) {
    return false;
  }
  const sim_pair *pair = (const sim_pair *)net->pairs.items + slot - 1;
  int side = side_of(pair, to);
  if (pair->ties[side] > 0 || pair->parted[side] < 0 || pair->found_late[side] ||
      !sim_peer_is_relay(net->scenario, net->seed, from) ||
      !sim_peer_is_relay(net->scenario, net->seed, to)) {
    return false;
  }
  /* The dial was begun before it arrives. */
  return net->now - pair->parted[side] + 6 * sim_network_latency(net, from, to) <
         net->scenario->prune_backoff;
}
