#include "sim/world.h"

#include "sim/check.h"
#include "sim/identity.h"
#include "sim/network.h"

#include <wakupeers/manager.h>

#include <stdlib.h>

#define UP_AT_BEGINNING (1000 * WPM_SECOND)
#define WALL_AT_BEGINNING (1735689600 * WPM_SECOND) /* 2025-01-01. */

enum { OF_OTHERS = 300, OF_POLICY, STUCK_AFTER = 10000 };

wpm_instant sim_world_clocks(const sim_world *world) {
  return (wpm_instant){{world->now - world->booted_at},
                       {world->now + WALL_AT_BEGINNING + world->wall_offset},
                       world->boot};
}

void sim_world_plan(sim_world *world, int64_t after, sim_event_kind kind, uint32_t slot,
                    uint64_t number) {
  if (after > world->scenario->duration - world->now) {
    return; /* Nobody will see it. */
  }
  sim_event event = {.at = world->now + after, .number = number, .slot = slot, .kind = kind};
  if (!sim_queue_put(&world->queue, &event)) {
    world->error = WPM_ERR_NO_MEMORY;
  }
}

uint64_t sim_world_draw(const sim_world *world, uint64_t what, uint64_t which) {
  return sim_hash(world->seed, what, which, (uint64_t)world->now);
}

/* ---- measuring -------------------------------------------------------------------------------- */

/* Adds what the counts were up to now. */
static void add_up(sim_world *world) {
  int64_t us = (world->now - world->counted_to) / 1000;
  world->counted_to += us * 1000;
  world->connected_time += us * world->connected;
  world->dead_time += us * world->dead;
  world->wanted_up_time += us * world->wanted_up;
  world->wanted_connected_time += us * world->wanted_connected;
  if (world->scenario->attackers > 0 && world->now > world->scenario->attack_from) {
    world->outbound_time += us * world->outbound;
    world->hostile_time += us * world->hostile;
  }
}

/* The networks that our outbound connections lead to, as the policy knows. */
static uint32_t outbound_groups(const sim_world *world) {
  uint64_t seen[(UINT16_MAX + 1) / 64] = {0};
  uint32_t count = 0;
  for (uint32_t i = 0; i < world->link_slots; i++) {
    const sim_link *link = &world->links[i];
    uint32_t group = link->ip >> 16;
    uint64_t bit = UINT64_C(1) << group % 64;
    bool outbound = link->id != 0 && !link->closed && link->direction == WPM_OUTBOUND;
    if (outbound && !(seen[group / 64] & bit)) {
      seen[group / 64] |= bit;
      count++;
    }
  }
  return count;
}

static void sample(sim_world *world) {
  sim_results *r = world->results;
  sim_counts counts = {0};
  if (r->samples == SIM_SAMPLES) {
    return;
  }
  if (world->running) {
    world->type->count(world->policy, sim_world_clocks(world), &counts);
  }
  sim_check_known(world, counts.known);
  sim_check_relay_inbound(world);
  uint32_t at = r->samples++;
  r->sampled_at[at] = world->now;
  r->course[SIM_COURSE_CONNECTED][at] = world->connected;
  r->course[SIM_COURSE_CAN_CONNECT][at] = (uint32_t)counts.state[WPM_CAN_CONNECT];
  r->course[SIM_COURSE_CANNOT_CONNECT][at] = (uint32_t)counts.state[WPM_CANNOT_CONNECT];
  r->course[SIM_COURSE_NOT_CONNECTED][at] = (uint32_t)counts.state[WPM_NOT_CONNECTED];
  r->course[SIM_COURSE_DIALS][at] = world->dialling;
  r->course[SIM_COURSE_WAITING][at] = (uint32_t)counts.waiting;
  r->course[SIM_COURSE_UP][at] = world->up;
  r->course[SIM_COURSE_GROUPS][at] = outbound_groups(world);
  r->course[SIM_COURSE_HOSTILE][at] =
      world->outbound > 0 ? world->hostile * 100 / world->outbound : 0;
}

static void sum_up(sim_world *world) {
  int64_t *value = world->results->value;
  int64_t us = world->scenario->duration / 1000;
  sim_counts counts = {0};
  add_up(world);
  if (world->running) {
    world->type->count(world->policy, sim_world_clocks(world), &counts);
  }
  sim_check_known(world, counts.known);
  value[SIM_METRIC_KNOWN_END] = (int64_t)counts.known;
  value[SIM_METRIC_CONNECTED_END] = world->connected;
  value[SIM_METRIC_CONNECTED_MEAN] = (world->connected_time + us / 2) / us;
  value[SIM_METRIC_DEAD_MEAN] = (world->dead_time + us / 2) / us;
  value[SIM_METRIC_WANTED_UP] = world->wanted_up_time > 0
                                    ? (int64_t)((uint64_t)world->wanted_connected_time /
                                                ((uint64_t)world->wanted_up_time / 1000 + 1))
                                    : 1000;
  value[SIM_METRIC_REDIAL_MISSED] = world->awaited;
  value[SIM_METRIC_OUTBOUND_END] = world->outbound;
  value[SIM_METRIC_HOSTILE_END] = world->hostile;
  if (world->outbound_time > 0) {
    value[SIM_METRIC_HOSTILE_MEAN] =
        (int64_t)((uint64_t)world->hostile_time / ((uint64_t)world->outbound_time / 1000 + 1));
  }
  for (size_t i = 0; i < world->scenario->fault_count; i++) {
    value[SIM_METRIC_UNRECOVERED] += world->wounds[i].healing;
    value[SIM_METRIC_TARGETS_MISSED] += world->wounds[i].falls_short;
  }
}

/* ---- events ----------------------------------------------------------------------------------- */

static void session(sim_world *world, uint32_t number) {
  sim_peer *peer = &world->peers[number];
  bool up = !(peer->flags & SIM_PEER_UP);
  if (peer->flags & SIM_PEER_QUAKE) {
    up = false; /* It stays down; its life goes on after the quake. */
  } else if (up) {
    sim_peer_comes(world, number);
  } else {
    sim_peer_goes(world, number);
  }
  peer->turn++;
  sim_world_plan(world, sim_peer_stays(world->scenario, world->seed, number, peer->turn, up),
                 SIM_EVENT_SESSION, number, 0);
}

static void plan_mean(sim_world *world, int64_t mean, sim_event_kind kind) {
  if (mean > 0) {
    sim_world_plan(world, sim_exponential(sim_random_next(&world->others), mean), kind, 0, 0);
  }
}

static void happen(sim_world *world, const sim_event *event) {
  switch ((sim_event_kind)event->kind) {
  case SIM_EVENT_SESSION:
    session(world, event->slot);
    break;
  case SIM_EVENT_INBOUND:
    plan_mean(world, world->scenario->inbound_every, SIM_EVENT_INBOUND);
    sim_world_inbound(world);
    break;
  case SIM_EVENT_BURST:
    sim_world_inbound(world);
    break;
  case SIM_EVENT_DISCOVER:
    plan_mean(world, world->scenario->discover_every, SIM_EVENT_DISCOVER);
    sim_world_discover(world, world->scenario->discover_count);
    break;
  case SIM_EVENT_FAULT:
    sim_fault_begin(world, event->slot);
    break;
  case SIM_EVENT_FAULT_END:
    sim_fault_end(world, event->slot);
    break;
  case SIM_EVENT_STRIKE:
    sim_fault_strikes(world, event->slot);
    break;
  case SIM_EVENT_SAMPLE:
    sim_world_plan(world, world->scenario->duration / SIM_SAMPLES, SIM_EVENT_SAMPLE, 0, 0);
    sample(world);
    break;
  case SIM_EVENT_ATTACK:
  case SIM_EVENT_ATTACK_INBOUND:
  case SIM_EVENT_ATTACK_END:
    sim_attack_event(world, event);
    break;
  case SIM_EVENT_LATE_LINK:
  case SIM_EVENT_LATE_DIAL:
    sim_late_event(world, event);
    break;
  case SIM_EVENT_DIAL:
  case SIM_EVENT_END:
  case SIM_EVENT_PONG:
  case SIM_EVENT_IDENTIFY:
  case SIM_EVENT_TRAFFIC:
  case SIM_EVENT_IDLE:
  case SIM_EVENT_PRUNE:
  case SIM_EVENT_LET_GO:
  case SIM_EVENT_GIVE_UP:
  case SIM_EVENT_TWO:
    sim_links_event(world, event);
    break;
  }
}

/* ---- the loop --------------------------------------------------------------------------------- */

/* The policy's next deadline in the world's time; INT64_MAX: none, or it does not run. */
static int64_t policy_deadline(const sim_world *world) {
  if (!sim_world_listens(world)) {
    return INT64_MAX;
  }
  int64_t due = world->type->deadline(world->policy).ns;
  if (due == INT64_MAX) {
    return due;
  }
  due += world->booted_at;
  return due > world->now ? due : world->now;
}

static void move_to(sim_world *world, int64_t at) {
  world->now = at;
  add_up(world);
}

static void advance(sim_world *world) {
  world->error = world->type->advance(world->policy, sim_world_clocks(world));
  sim_world_pull(world);
}

static void live(sim_world *world) {
  uint32_t standing = 0;
  while (!world->error) {
    int64_t due = policy_deadline(world);
    int64_t next = sim_queue_next(&world->queue);
    int64_t at = due <= next ? due : next;
    if (at > world->scenario->duration) {
      break;
    }
    standing = at > world->now ? 0 : standing + 1;
    move_to(world, at);
    if (due <= next && standing < STUCK_AFTER) {
      advance(world);
    } else {
      sim_event event;
      if (due <= next) {
        sim_check_stuck(world);
        break;
      }
      (void)sim_queue_take(&world->queue, &event);
      standing = 0;
      happen(world, &event);
    }
    sim_wounds_look(world);
  }
  move_to(world, world->scenario->duration);
}

/* ---- beginning and end ------------------------------------------------------------------------ */

static void populate(sim_world *world) {
  for (uint32_t i = 0; i < world->scenario->peers; i++) {
    sim_peer *peer = &world->peers[i];
    bool up = sim_peer_starts_up(world->scenario, world->seed, i);
    peer->allowed_from = INT64_MIN;
    peer->flags = up ? SIM_PEER_UP : 0;
    world->up += up;
    sim_world_plan(world, sim_peer_stays(world->scenario, world->seed, i, 0, up), SIM_EVENT_SESSION,
                   i, 0);
  }
}

/* As sim/ours.c configures it. */
static sim_limits limits_of(const sim_scenario *scenario) {
  wpm_manager_config config;
  wpm_manager_config_default(&config);
  size_t most = config.store.max_peers > scenario->peers ? config.store.max_peers : scenario->peers;
  return (sim_limits){.relay_outbound = scenario->relay_outbound > 0 ? scenario->relay_outbound
                                                                     : config.relay_outbound,
                      .relay_per_shard = config.relay_per_shard,
                      .inbound_per_ip = config.inbound_per_ip,
                      .inbound_per_network = config.inbound_per_network,
                      .max_peers = scenario->max_peers > 0 ? scenario->max_peers : most};
}

static void begin(sim_world *world) {
  const sim_scenario *scenario = world->scenario;
  world->boot = 1;
  world->booted_at = -UP_AT_BEGINNING;
  sim_random_init(&world->others, sim_hash(world->seed, OF_OTHERS, 0, 0));
  populate(world);
  for (uint32_t i = 0; i < scenario->fault_count; i++) {
    sim_world_plan(world, scenario->faults[i].at, SIM_EVENT_FAULT, i, 0);
  }
  plan_mean(world, scenario->inbound_every, SIM_EVENT_INBOUND);
  plan_mean(world, scenario->discover_every, SIM_EVENT_DISCOVER);
  sim_attack_plan(world);
  sim_world_plan(world, 0, SIM_EVENT_SAMPLE, 0, 0);
  sim_node_start(world);
  for (uint32_t i = 0; i < scenario->heard; i++) {
    sim_fact fact = {.type = SIM_FACT_FOUND, .peer = scenario->static_peers + i};
    sim_peer_heard(scenario, world->seed, 0, sim_random_next(&world->others), &fact);
    sim_world_tell(world, &fact);
  }
}

static void clear(sim_world *world) {
  world->type->drop(world->policy);
  sim_queue_fini(&world->queue);
  free(world->peers);
  free(world->links);
  free(world->dials);
  free(world->passed);
  free(world->free_links);
  free(world->free_dials);
  free(world->changed.items);
  free(world->chosen.items);
}

int sim_world_run(const sim_scenario *scenario, uint64_t seed, const sim_policy_type *type,
                  sim_results *out) {
  if (scenario->managers > 0) {
    return sim_network_run(scenario, seed, type, out);
  }
  *out = (sim_results){0};
  sim_world world = {
      .scenario = scenario, .seed = seed, .type = type, .results = out, .revived_at = -WPM_HOUR};
  world.limits = limits_of(scenario);
  const sim_setup setup = {.seed = sim_hash(seed, OF_POLICY, 0, 0),
                           .peers = scenario->peers,
                           .max_connections = scenario->max_connections,
                           .max_dials = scenario->max_dials,
                           .idle_limit_ns = sim_idle_told(scenario),
                           .prune_backoff_ns = scenario->prune_backoff,
                           .backoff_slack_ns = scenario->backoff_slack,
                           .high_water = scenario->high_water,
                           .relay_outbound = scenario->relay_outbound,
                           .relay_inbound = scenario->relay_inbound,
                           .shards = scenario->shards,
                           .service_slots = scenario->service_slots,
                           .max_peers = scenario->max_peers,
                           .self = SIM_NOBODY};
  world.peers = calloc(scenario->peers, sizeof(*world.peers));
  world.passed = calloc(SIM_PASSED_MAX, sizeof(*world.passed));
  world.policy = type->make(&setup);
  if (!world.peers || !world.passed || !world.policy) {
    world.error = WPM_ERR_NO_MEMORY;
  } else {
    begin(&world);
    live(&world);
    sum_up(&world);
  }
  int err = world.error;
  clear(&world);
  return err;
}
