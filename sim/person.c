/* What a person does: connects, protects and bans peers. Those protected or banned are ones that we are
 * sure to know: static, or connected. */
#include "sim/world.h"

enum { OF_JUDGED = 400 };

/* The place of what he said of the peer; behind all others: nothing. */
static uint32_t find(const sim_world *world, uint32_t peer) {
  uint32_t at = 0;
  while (at < world->judged_count && world->judged[at].peer != peer) {
    at++;
  }
  return at;
}

const sim_judgement *sim_person_said(const sim_world *world, uint32_t peer) {
  uint32_t at = find(world, peer);
  return at < world->judged_count ? &world->judged[at] : NULL;
}

void sim_person_connects(sim_world *world, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    sim_peer *peer = &world->peers[i];
    uint32_t at = find(world, i);
    if (at < world->judged_count) {
      world->judged[at].is_wanted = true;
    }
    if (!(peer->flags & SIM_PEER_WANTED)) {
      sim_peer_heard_of(world, i, 0);
    }
    peer->trial = SIM_TRIAL_NONE;
    peer->chosen = false;
    bool dials = sim_world_listens(world) && !(peer->flags & SIM_PEER_PLACE);
    peer->flags |= (uint8_t)(SIM_PEER_WANTED | (dials ? SIM_PEER_ASKED : 0));
    sim_peer_recount(world, i);
    sim_fact fact = {.type = SIM_FACT_PERSON_WANTS, .peer = i};
    fact.addresses[0] = sim_peer_address(world->scenario, world->seed, i, peer->moves);
    fact.address_count = 1;
    sim_world_tell(world, &fact);
  }
}

/* NULL: he has said enough. */
static sim_judgement *find_or_add(sim_world *world, uint32_t peer) {
  uint32_t at = find(world, peer);
  if (at == SIM_JUDGED_MAX) {
    return NULL;
  }
  if (at == world->judged_count) {
    world->judged_count++;
    world->judged[at] = (sim_judgement){.peer = peer, .banned_to = INT64_MIN};
  }
  return &world->judged[at];
}

static bool is_known(const sim_world *world, uint32_t peer) {
  return peer < world->scenario->static_peers || (world->peers[peer].flags & SIM_PEER_CONNECTED);
}

/* Tells it of `count` peers; what he said holds from then on. */
static void judge(sim_world *world, uint32_t count, sim_fact fact) {
  uint32_t peers = world->scenario->peers;
  uint64_t start = sim_world_draw(world, OF_JUDGED, fact.type) % peers;
  for (uint32_t i = 0; i < peers && count > 0 && sim_world_listens(world); i++) {
    uint32_t peer = (uint32_t)((start + i) % peers);
    sim_judgement *said = is_known(world, peer) ? find_or_add(world, peer) : NULL;
    if (!said) {
      continue;
    }
    if (fact.type == SIM_FACT_BANNED) {
      said->banned_to = world->now + fact.span_ns;
      said->is_wanted = false;
    } else {
      said->is_protected = true;
    }
    fact.peer = peer;
    sim_world_tell(world, &fact);
    count--;
  }
}

void sim_person_protects(sim_world *world, uint32_t count) {
  judge(world, count, (sim_fact){.type = SIM_FACT_PROTECTED});
}

void sim_person_bans(sim_world *world, uint32_t count, int64_t span) {
  judge(world, count, (sim_fact){.type = SIM_FACT_BANNED, .span_ns = span});
}
