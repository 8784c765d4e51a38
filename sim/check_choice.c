/* Whom the policy dials of its own choice: the rules on that in sim/check.h. */
#include "sim/check.h"

#include <inttypes.h>

#define SLOW_DIAL (250 * WPM_MILLISECOND)

/* Its outbound place is one of those that are counted: the peer dials in only one direction. */
static bool has_outbound_place(const sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  bool inbound = false;
  for (uint32_t at = peer->link; at > 0; at = world->links[at - 1].next) {
    const sim_link *link = &world->links[at - 1];
    inbound = inbound || (!link->closed && link->direction == WPM_INBOUND);
  }
  return !inbound && (peer->outbound || peer->dials > 0);
}

/* All that we and others know of it is one address, so that it is clear which group it is of. */
static bool is_of_one_group(const sim_world *world, uint32_t number) {
  return world->scenario->dead == 0 && world->scenario->stale == 0 &&
         world->peers[number].moves == 0;
}

static uint32_t group_of(const sim_world *world, uint32_t number) {
  return sim_peer_address(world->scenario, world->seed, number, 0).ip >> 16;
}

/* A fault of ours, or a time without a network that nobody told us of, is over for so short a time that our
 * policy may still be in haste, or wait for the dials that it then began. */
static bool may_be_in_haste(const sim_world *world) {
  int64_t most = 40 * WPM_SECOND;
  return world->now - world->disturbed_at < most || world->now - world->revived_at < most;
}

/* It has an outbound place that need not count: its dial is slow, or its ping not answered. */
static bool is_in_doubt(const sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  if (peer->link > 0) {
    const sim_link *link = &world->links[peer->link - 1];
    return link->unanswered >= 0 && world->now - link->unanswered >= WPM_SECOND;
  }
  for (uint32_t i = 0; i < world->dial_slots; i++) {
    const sim_dial *dial = &world->dials[i];
    if (dial->id != 0 && dial->peer == number && world->now - dial->began < SLOW_DIAL) {
      return false;
    }
  }
  return true;
}

/* What there is besides the one chosen. */
typedef struct others {
  size_t places; /* Outbound, of any peer: with as many as are wanted a trial may begin. */
  size_t
      relays; /* Of relay peers, those in doubt aside: beside more than are wanted nothing else may. */
  size_t of_its_group; /* Of relay peers of its group, trials aside. */
  size_t trials;       /* Of peers that must be trials, and are not wanted for another cause. */
  size_t
      of_its_shard;  /* Relay peers of its shard, as the policy was told, with either direction. */
  size_t of_service; /* Peers that offer the service, the same. */
} others;

/* What the policy knows for sure: on a link on which the peer said so. */
static void count_named(const sim_world *world, uint32_t chosen, const sim_link *link,
                        others *out) {
  uint8_t shard = sim_peer_shard(world->scenario, world->seed, chosen);
  if (link->named && !link->closed && link->peer != chosen) {
    out->of_its_shard +=
        shard > 0 && sim_peer_shard(world->scenario, world->seed, link->peer) == shard;
    out->of_service += sim_peer_serves(world->scenario, world->seed, link->peer);
  }
}

static void count_other(const sim_world *world, uint32_t chosen, uint32_t number, others *out) {
  if (number == chosen || !has_outbound_place(world, number)) {
    return;
  }
  bool counts = !may_be_in_haste(world) || !is_in_doubt(world, number);
  out->places++;
  if (sim_peer_is_relay(world->scenario, world->seed, number)) {
    out->relays += counts;
    out->trials += world->peers[number].trial == SIM_TRIAL_IS && !sim_is_protected(world, number);
    out->of_its_group += world->peers[number].trial == SIM_TRIAL_NONE &&
                         is_of_one_group(world, number) &&
                         group_of(world, number) == group_of(world, chosen);
  }
}

static others count_others(const sim_world *world, uint32_t chosen) {
  others out = {0};
  for (uint32_t i = 0; i < world->link_slots; i++) {
    const sim_link *link = &world->links[i];
    if (link->id != 0) {
      count_named(world, chosen, link, &out);
    }
    if (link->id != 0 && world->peers[link->peer].link == i + 1) {
      count_other(world, chosen, link->peer, &out);
    }
  }
  for (uint32_t i = 0; i < world->dial_slots; i++) {
    const sim_dial *dial = &world->dials[i];
    if (dial->id != 0 && world->peers[dial->peer].link == 0) {
      count_other(world, chosen, dial->peer, &out);
    }
  }
  return out;
}

/* It may be for a shard, or for the service, that it is dialled. */
static bool may_serve(const sim_world *world, uint32_t number, const others *besides) {
  return sim_peer_serves(world->scenario, world->seed, number) &&
         besides->of_service < world->scenario->service_slots;
}

static bool may_be_for_shard(const sim_world *world, uint32_t number, const others *besides) {
  uint8_t shard = sim_peer_shard(world->scenario, world->seed, number);
  return shard > 0 && shard <= world->scenario->shards &&
         besides->of_its_shard < world->limits.relay_per_shard;
}

/* Beside as many as are wanted it is a trial, one at a time; with fewer outbound places it is none. One
 * more relay peer than those wanted may be another trial. */
void sim_check_choice(sim_world *world, uint32_t number) {
  others besides = count_others(world, number);
  size_t wanted = world->limits.relay_outbound;
  bool serves = may_serve(world, number, &besides);
  bool is_special = serves || may_be_for_shard(world, number, &besides);
  world->peers[number].trial = is_special                 ? SIM_TRIAL_MAY_BE
                               : besides.relays > wanted  ? SIM_TRIAL_IS
                               : besides.places >= wanted ? SIM_TRIAL_MAY_BE
                                                          : SIM_TRIAL_NONE;
  world->peers[number].chosen = !is_special;
  if (besides.relays > wanted && besides.trials > 0 && !is_special) {
    sim_breach(world,
               "peer %" PRIu32 " is chosen, beside %zu outbound relay peers of %zu and a trial",
               number, besides.relays, wanted);
  }
  if (besides.places < wanted && !serves && world->peers[number].elsewhere) {
    sim_breach(world, "peer %" PRIu32 " is chosen, and is of another shard", number);
  }
  if (besides.places < wanted && !serves && is_of_one_group(world, number) &&
      besides.of_its_group > 0) {
    sim_breach(world, "peer %" PRIu32 " is chosen, and another of its group is connected", number);
  }
}

/* Of the relay peers that we chose as many are connected as are wanted, and one that is tried. */
void sim_check_outbound(sim_world *world) {
  size_t most = world->limits.relay_outbound + 1;
  size_t chosen = 0;
  bool may_be_beyond = world->outbound > most && world->outbound_rose;
  world->outbound_rose = false;
  for (uint32_t i = 0; i < world->link_slots && may_be_beyond; i++) {
    const sim_link *link = &world->links[i];
    const sim_peer *peer = &world->peers[link->peer];
    chosen += link->id != 0 && peer->link == i + 1 && peer->chosen &&
              has_outbound_place(world, link->peer) && !sim_is_protected(world, link->peer) &&
              !is_in_doubt(world, link->peer);
  }
  if (chosen > most) {
    sim_breach(world, "%zu outbound relay peers are held by choice, of %zu", chosen, most - 1);
  }
}
