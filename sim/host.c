/* The node's host: carries out what the policy asks for. */
#include "sim/check.h"

#define REFUSED_WITHIN WPM_SECOND
#define TCP_GIVES_UP (INT64_C(924600) * WPM_MILLISECOND)
#define CONFIRMED_AFTER WPM_MILLISECOND

/* What is sent on a link whose other end is gone: a reset where the machine is there, else silence,
 * and our TCP gives up in the end. */
static void send_in_vain(sim_world *world, sim_link *link) {
  bool machine_is_there = (world->peers[link->peer].flags & SIM_PEER_UP) && !link->cut &&
                          sim_peer_is_in_reach(world, link->peer);
  if (machine_is_there) {
    sim_link_end_after(world, link, 2 * sim_peer_latency(world->scenario, world->seed, link->peer),
                       WPM_REASON_RESET);
  } else if (link->unanswered < 0) {
    link->unanswered = world->now;
    sim_world_plan(world, TCP_GIVES_UP, SIM_EVENT_GIVE_UP, sim_link_slot(link), link->id);
  }
}

static void send(sim_world *world, sim_link *link, sim_event_kind answer) {
  if (sim_link_is_open(world, link)) {
    link->moved = world->now;
    sim_world_plan(world, 2 * sim_peer_latency(world->scenario, world->seed, link->peer), answer,
                   sim_link_slot(link), link->id);
  } else {
    send_in_vain(world, link);
  }
}

/* Ours ends now; the other end learns of it where the way is open. */
static void close_link(sim_world *world, sim_link *link, wpm_reason reason) {
  link->closed = true;
  if (link->direction == WPM_INBOUND && world->now - link->began < REFUSED_WITHIN) {
    world->results->value[SIM_METRIC_INBOUND_REFUSED]++;
  }
  sim_link_let_go(world, link);
  sim_peer_recount(world, link->peer);
  link->ending = false;
  sim_link_end_after(world, link, CONFIRMED_AFTER, reason);
}

static void act(sim_world *world, const sim_action *action) {
  sim_link *link = sim_link_named(world, action->link);
  bool live = link && !link->closed;
  switch (action->type) {
  case SIM_ACTION_DIAL:
    sim_dial_begin(world, action);
    break;
  case SIM_ACTION_CANCEL:
    sim_dial_cancel(world, action->dial);
    break;
  case SIM_ACTION_CLOSE:
    if (live) {
      sim_check_close(world, link, action->reason);
      close_link(world, link, action->reason);
    }
    break;
  case SIM_ACTION_PING:
    if (live) {
      world->results->value[SIM_METRIC_PINGS]++;
      sim_check_ping(world, link);
      link->pinged = world->now;
      send(world, link, SIM_EVENT_PONG);
    }
    break;
  case SIM_ACTION_IDENTIFY:
    if (live) {
      send(world, link, SIM_EVENT_IDENTIFY);
    }
    break;
  case SIM_ACTION_FORGET:
    sim_check_forget(world, action->peer);
    break;
  case SIM_ACTION_STATE:
    sim_check_state(world, action);
    break;
  }
}

void sim_world_pull(sim_world *world) {
  sim_action action;
  while (!world->error &&
         world->type->next_action(world->policy, sim_world_clocks(world), &action)) {
    world->acted++;
    act(world, &action);
  }
  if (sim_node_dies(world)) {
    return;
  }
  sim_check_step(world);
  if (world->connected > world->results->value[SIM_METRIC_CONNECTED_MOST]) {
    world->results->value[SIM_METRIC_CONNECTED_MOST] = world->connected;
  }
}

void sim_world_tell(sim_world *world, const sim_fact *fact) {
  if (!world->error && sim_world_listens(world)) {
    world->results->value[SIM_METRIC_FACTS]++;
    world->revived_at = world->told ? world->revived_at : world->now;
    world->told = true;
    world->error = world->type->take(world->policy, fact, sim_world_clocks(world));
    sim_world_pull(world);
  }
}
