/* What a person does: connects, protects and bans peers, and bans ranges of addresses; and what our host says
 * of them. All but those connected are ones that we are sure to know: static, or connected. */
#include "sim/check.h"

enum { OF_JUDGED = 400, OF_RANGE = 450 };

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
    world->judged[at] =
        (sim_judgement){.peer = peer, .banned_to = INT64_MIN, .blamed_at = INT64_MIN};
  }
  return &world->judged[at];
}

/* Only one that is connected can do wrong. */
static bool is_known(const sim_world *world, uint32_t peer, sim_fact_type type) {
  return (peer < world->scenario->static_peers && type != SIM_FACT_MISBEHAVED) ||
         (world->peers[peer].flags & SIM_PEER_CONNECTED);
}

/* Tells it of `count` peers; what he said holds from then on. */
static void judge(sim_world *world, uint32_t count, sim_fact fact) {
  uint32_t peers = world->scenario->peers;
  uint64_t start = sim_world_draw(world, OF_JUDGED, fact.type) % peers;
  for (uint32_t i = 0; i < peers && count > 0 && sim_world_listens(world); i++) {
    uint32_t peer = (uint32_t)((start + i) % peers);
    sim_judgement *said = is_known(world, peer, fact.type) ? find_or_add(world, peer) : NULL;
    if (!said) {
      continue;
    }
    if (fact.type == SIM_FACT_BANNED) {
      said->banned_to = world->now + fact.span_ns;
      said->is_wanted = false;
    } else if (fact.type == SIM_FACT_MISBEHAVED) {
      said->blamed_at = world->now;
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

void sim_person_blames(sim_world *world, uint32_t count) {
  judge(world, count, (sim_fact){.type = SIM_FACT_MISBEHAVED});
}

void sim_person_lost(sim_world *world, int64_t lived_to) {
  for (uint32_t i = 0; i < world->judged_count; i++) { /* Written behind for a second. */
    if (world->judged[i].blamed_at >= lived_to - WPM_SECOND) {
      world->judged[i].blamed_at = INT64_MIN;
    }
  }
}

void sim_person_forgotten(sim_world *world, uint32_t peer) {
  uint32_t at = find(world, peer);
  if (at < world->judged_count) {
    world->judged[at].blamed_at = INT64_MIN;
  }
}

/* ---- ranges of addresses ----------------------------------------------------------------------- */

bool sim_person_banned_range(const sim_world *world, uint32_t ip) {
  for (uint32_t i = 0; i < world->range_count; i++) {
    if (world->now < world->ranges[i].banned_to && sim_range_holds(&world->ranges[i], ip)) {
      return true;
    }
  }
  return false;
}

/* The place of that range; behind all others: it was not banned. */
static uint32_t place_of(const sim_world *world, uint32_t ip, unsigned bits) {
  uint32_t at = 0;
  while (at < world->range_count &&
         !(world->ranges[at].bits == bits && sim_range_holds(&world->ranges[at], ip))) {
    at++;
  }
  return at;
}

static void ban_range_of(sim_world *world, uint32_t peer, int64_t span) {
  static const uint8_t lengths[] = {16, 24, 32};
  uint64_t draw = sim_world_draw(world, OF_RANGE, peer);
  sim_fact fact = {.type = SIM_FACT_RANGE_BANNED, .address_count = 1, .span_ns = span};
  fact.addresses[0] =
      sim_peer_address(world->scenario, world->seed, peer, world->peers[peer].moves);
  fact.bits = lengths[draw % sizeof(lengths)];
  fact.addresses[0].ip &= UINT32_MAX << (32 - fact.bits);
  uint32_t at = place_of(world, fact.addresses[0].ip, fact.bits);
  if (at == SIM_RANGES_MAX) {
    return;
  }
  bool is_new = at == world->range_count || world->ranges[at].banned_to <= world->now;
  world->range_count += at == world->range_count;
  world->ranges[at] = (sim_banned_range){fact.addresses[0].ip, fact.bits, world->now + span};
  sim_world_tell(world, &fact);
  if (is_new && span > 0) {
    sim_check_range(world, &world->ranges[at]);
  }
}

void sim_person_bans_ranges(sim_world *world, uint32_t count, int64_t span) {
  uint32_t peers = world->scenario->peers;
  uint64_t start = sim_world_draw(world, OF_RANGE, 0) % peers;
  for (uint32_t i = 0; i < peers && count > 0 && sim_world_listens(world); i++) {
    uint32_t peer = (uint32_t)((start + i) % peers);
    if (is_known(world, peer, SIM_FACT_RANGE_BANNED)) {
      ban_range_of(world, peer, span);
      count--;
    }
  }
}
