/* The attacker: it has many peers in few networks, which it floods us with by what others tell, and which
 * dial us. Those that are connected with us tell. They do nothing wrong that could be seen: they want to be all that we are connected with. */
#include "sim/fixed.h"
#include "sim/world.h"

static bool is_over(const sim_world *world) {
  return world->scenario->attack_to > 0 && world->now >= world->scenario->attack_to;
}

static void plan(sim_world *world, int64_t from, int64_t mean, sim_event_kind kind) {
  if (mean > 0) {
    int64_t after = sim_exponential(sim_random_next(&world->others), mean);
    sim_world_plan(world, from - world->now + after, kind, 0, 0);
  }
}

void sim_attack_plan(sim_world *world) {
  const sim_scenario *scenario = world->scenario;
  if (scenario->attackers > 0) {
    plan(world, scenario->attack_from, scenario->attack_every, SIM_EVENT_ATTACK);
    plan(world, scenario->attack_from, scenario->attack_inbound_every, SIM_EVENT_ATTACK_INBOUND);
    if (scenario->attack_to > 0) {
      sim_world_plan(world, scenario->attack_to, SIM_EVENT_ATTACK_END, 0, 0);
    }
  }
}

static uint32_t draw_attacker(sim_world *world) {
  return sim_peers_honest(world->scenario) +
         (uint32_t)sim_random_below(&world->others, world->scenario->attackers);
}

void sim_attack_event(sim_world *world, const sim_event *event) {
  const sim_scenario *scenario = world->scenario;
  if (event->kind == SIM_EVENT_ATTACK_END) {
    world->results->value[SIM_METRIC_OUTBOUND_FLOOD] = world->outbound;
    world->results->value[SIM_METRIC_HOSTILE_FLOOD] = world->hostile;
  } else if (is_over(world)) {
    return;
  } else if (event->kind == SIM_EVENT_ATTACK) {
    plan(world, world->now, scenario->attack_every, SIM_EVENT_ATTACK);
    uint32_t teller = sim_world_teller(world, true);
    for (uint32_t i = 0; i < scenario->attack_count; i++) {
      uint32_t number = draw_attacker(world);
      sim_peer_heard_of(world, number, teller ? teller : 1 + number); /* Somehow they reach us. */
    }
  } else {
    plan(world, world->now, scenario->attack_inbound_every, SIM_EVENT_ATTACK_INBOUND);
    sim_peer_dials_us(world, draw_attacker(world));
  }
}

void sim_attack_recount(sim_world *world, uint32_t number) {
  sim_peer *peer = &world->peers[number];
  bool outbound = false;
  for (uint32_t at = peer->link; at > 0; at = world->links[at - 1].next) {
    const sim_link *link = &world->links[at - 1];
    outbound = outbound || (!link->closed && link->direction == WPM_OUTBOUND);
  }
  if (outbound == peer->outbound) {
    return;
  }
  bool hostile = sim_peer_is_attacker(world->scenario, number);
  peer->outbound = outbound;
  world->outbound += outbound ? 1u : UINT32_MAX;
  world->hostile += !hostile ? 0 : outbound ? 1u : UINT32_MAX;
  if (world->hostile > world->results->value[SIM_METRIC_HOSTILE_MOST]) {
    world->results->value[SIM_METRIC_HOSTILE_MOST] = world->hostile;
  }
}
