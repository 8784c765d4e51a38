/* The policies of the network's members: what each asks for, when it is called, and what it is told. */
#include "sim/identity.h"
#include "sim/network_world.h"
#include "sim/peers.h"

#define MONO_AT_BOOT (1000 * WPM_SECOND)
#define WALL_AT_BEGINNING (1735689600 * WPM_SECOND) /* 2025-01-01. */

wpm_instant sim_network_clocks(const sim_network *net) {
  return (wpm_instant){{net->now + MONO_AT_BOOT}, {net->now + WALL_AT_BEGINNING}, 1};
}

/* ---- what it asks for -------------------------------------------------------------------------- */

static void act_on_tie(sim_network *net, const sim_action *action) {
  sim_tie *t = sim_network_tie_of(net, action->link >> 1);
  int side = (int)(action->link & 1);
  if (!t || !t->live[side]) {
    return;
  }
  if (action->type == SIM_ACTION_CLOSE) {
    sim_network_close(net, t, side, action->reason);
  } else {
    sim_network_ask(net, t, side,
                    action->type == SIM_ACTION_PING ? SIM_NETWORK_PONG : SIM_NETWORK_IDENTIFY);
  }
}

static void act(sim_network *net, uint32_t number, const sim_action *action) {
  switch (action->type) {
  case SIM_ACTION_DIAL:
    sim_network_dial_begin(net, number, action);
    break;
  case SIM_ACTION_CANCEL:
    sim_network_dial_cancel(net, number, action->dial);
    break;
  case SIM_ACTION_PING:
    net->results->value[SIM_METRIC_PINGS]++;
    act_on_tie(net, action);
    break;
  case SIM_ACTION_CLOSE:
  case SIM_ACTION_IDENTIFY:
    act_on_tie(net, action);
    break;
  case SIM_ACTION_FORGET:
  case SIM_ACTION_STATE:
    break;
  }
}

/* ---- when it is called ------------------------------------------------------------------------- */

/* The policy is called at its next deadline, unless it is before. */
static void plan_wake(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  wpm_mono due = net->type->deadline(self->policy);
  if (due.ns == WPM_NEVER.ns) {
    return;
  }
  int64_t at = due.ns - MONO_AT_BOOT > net->now ? due.ns - MONO_AT_BOOT : net->now;
  if (at < self->wake_at) {
    self->wake_at = at;
    sim_network_plan(net, at - net->now, SIM_NETWORK_WAKE, number, (uint64_t)at);
  }
}

void sim_network_pull(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  int64_t *most = &net->results->value[SIM_METRIC_CONNECTED_MOST];
  sim_action action;
  while (!net->error && net->type->next_action(self->policy, sim_network_clocks(net), &action)) {
    act(net, number, &action);
  }
  if (net->error) {
    return;
  }
  net->results->value[SIM_METRIC_BROKEN] += self->connected > net->scenario->max_connections;
  *most = self->connected > *most ? self->connected : *most;
  plan_wake(net, number);
}

/* Its advance, where that is due. */
static void advance(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  if (!net->error && net->type->deadline(self->policy).ns <= sim_network_clocks(net).mono.ns) {
    net->error = net->type->advance(self->policy, sim_network_clocks(net));
  }
  sim_network_pull(net, number);
}

void sim_network_wake(sim_network *net, uint32_t number, uint64_t at) {
  sim_member *self = &net->members[number];
  if (self->wake_at == (int64_t)at && self->up) {
    self->wake_at = INT64_MAX;
    advance(net, number);
  }
}

/* ---- what it is told --------------------------------------------------------------------------- */

void sim_network_tell(sim_network *net, uint32_t number, const sim_fact *fact) {
  if (!net->error && net->members[number].up) {
    net->results->value[SIM_METRIC_FACTS]++;
    net->error = net->type->take(net->members[number].policy, fact, sim_network_clocks(net));
    sim_network_pull(net, number);
  }
}

void sim_network_tell_connected(sim_network *net, const sim_tie *t, int side, uint64_t dial) {
  uint32_t other = t->members[!side];
  sim_fact fact = {.type = SIM_FACT_CONNECTED,
                   .peer = other,
                   .link = sim_network_link_of(t, side),
                   .dial = dial,
                   .direction = side == 0 ? WPM_OUTBOUND : WPM_INBOUND,
                   .remote = sim_peer_address(net->scenario, net->seed, other, 0)};
  if (side == 1) {
    fact.remote.port = (uint16_t)(32768 + (t->number >> SIM_NETWORK_SLOT_BITS) % 28000);
  }
  sim_network_tell(net, t->members[side], &fact);
}

void sim_network_tell_of(sim_network *net, uint32_t number, uint32_t other, uint32_t told_by) {
  if (other != number) {
    sim_fact fact = {.type = SIM_FACT_FOUND,
                     .peer = other,
                     .addresses = {sim_peer_address(net->scenario, net->seed, other, 0)},
                     .address_count = 1,
                     .told_by = told_by == SIM_NOBODY ? 0 : told_by + 1,
                     .sequence = 1,
                     .relay = sim_peer_is_relay(net->scenario, net->seed, other)};
    sim_network_tell(net, number, &fact);
  }
}
