/* Our process: how it ends, by which faults, and how it begins again. */
#include "sim/world.h"

/* All links end with the process. Where it is killed the kernel tells the other ends; where the
 * power goes nobody does, but their backoffs may run from now on. `lost`: that somebody dialled us in the
 * last second, that of writing behind, may not be durable, and nobody can keep to a backoff that he does not
 * know of. Whom we dialled is known. */
static void drop_links(sim_world *world, bool lost) {
  int64_t lived_to = world->asleep ? world->slept_at : world->now;
  for (uint32_t slot = 0; slot < world->link_slots; slot++) {
    sim_link *link = &world->links[slot];
    if (link->id != 0) {
      bool unknown = lost && link->direction == WPM_INBOUND && lived_to - link->began <= WPM_SECOND;
      if (!link->closed && !unknown) {
        sim_link_let_go(world, link);
      }
      sim_link_drop(world, link);
    }
  }
  sim_dials_drop(world);
}

static void mark_connected(sim_world *world) {
  world->awaited = 0;
  for (uint32_t i = 0; i < world->scenario->peers; i++) {
    sim_peer *peer = &world->peers[i];
    bool connected = peer->flags & SIM_PEER_CONNECTED;
    peer->flags =
        (uint8_t)(connected ? peer->flags | SIM_PEER_BEFORE : peer->flags & ~SIM_PEER_BEFORE);
    peer->flags &= (uint8_t)~SIM_PEER_ASKED;
    peer->state = 0;
    peer->elsewhere = false;
    peer->returns = peer->met;
    world->awaited += connected;
  }
}

void sim_node_ends(sim_world *world, sim_fault_type how) {
  if (!world->running) {
    return;
  }
  mark_connected(world);
  wpm_instant clocks = sim_world_clocks(world);
  if (how == SIM_FAULT_SHUTDOWN) {
    world->error = world->type->stop(world->policy, clocks);
  } else {
    if (world->asleep) {
      clocks.mono.ns -= world->now - world->slept_at;
      clocks.wall.ns -= world->now - world->slept_at;
    }
    world->type->crash(world->policy, clocks);
    sim_person_lost(world, world->asleep ? world->slept_at : world->now);
  }
  world->running = false;
  drop_links(world, how != SIM_FAULT_SHUTDOWN);
}

/* Our process is killed by that fault, and will start again. */
static void strike(sim_world *world, uint32_t which) {
  const sim_fault *fault = &world->scenario->faults[which];
  world->doomed = 0;
  world->changed.count = 0; /* What was left of the step is not done. */
  world->chosen.count = 0;
  sim_fault_wounds(world, which);
  sim_node_ends(world, fault->type);
  sim_world_plan(world, fault->span, SIM_EVENT_FAULT_END, which, 0);
}

void sim_node_is_doomed(sim_world *world, uint32_t which) {
  uint32_t commits = world->scenario->faults[which].number;
  if (commits == 0 || !world->type->die_after) {
    strike(world, which);
    return;
  }
  world->doomed = which + 1;
  world->type->die_after(world->policy, commits);
  sim_world_plan(world, SIM_STRIKES_WITHIN, SIM_EVENT_STRIKE, which, 0);
}

bool sim_node_dies(sim_world *world) {
  bool dies = world->doomed && world->type->has_died(world->policy);
  if (dies) {
    strike(world, world->doomed - 1);
  }
  return dies;
}

void sim_fault_strikes(sim_world *world, uint32_t which) {
  if (world->doomed == which + 1) {
    strike(world, which);
  }
}

void sim_peer_configured(sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  sim_fact fact = {.type = SIM_FACT_FOUND, .peer = number, .flag = true};
  world->peers[number].flags |= SIM_PEER_WANTED;
  sim_peer_recount(world, number);
  fact.addresses[0] = sim_peer_address(world->scenario, world->seed, number, peer->moves);
  fact.address_count = 1;
  sim_world_tell(world, &fact);
}

void sim_node_start(sim_world *world) {
  world->running = true;
  world->told = false;
  world->short_at = INT64_MIN / 2;
  world->passed_count = 0;
  world->restarted_at = world->now;
  world->disturbed_at = world->now;
  world->error = world->type->start(world->policy, sim_world_clocks(world));
  if (!world->error) {
    sim_world_pull(world);
  }
  for (uint32_t i = 0; i < world->scenario->static_peers; i++) {
    sim_peer_configured(world, i);
  }
}
