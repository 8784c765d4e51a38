/* Ties and dials between the members of a network, and what their managers ask for. */
#include "sim/identity.h"
#include "sim/network_world.h"
#include "sim/peers.h"

#include <stdlib.h>

#define MONO_AT_BOOT (1000 * WPM_SECOND)
#define WALL_AT_BEGINNING (1735689600 * WPM_SECOND) /* 2025-01-01. */
#define CONFIRMED_AFTER WPM_MILLISECOND

/* ---- tables ------------------------------------------------------------------------------------ */

/* A free slot; UINT32_MAX: no memory. */
uint32_t sim_network_take_slot(sim_table *t, size_t size) {
  if (t->unused_count > 0) {
    return t->unused[--t->unused_count];
  }
  if (t->count == t->capacity) {
    uint32_t capacity = t->capacity ? 2 * t->capacity : 1024;
    void *items =
        capacity <= 1u << SIM_NETWORK_SLOT_BITS ? realloc(t->items, capacity * size) : NULL;
    t->items = items ? items : t->items;
    uint32_t *unused = items ? realloc(t->unused, capacity * sizeof(*unused)) : NULL;
    t->unused = unused ? unused : t->unused;
    if (!unused) {
      return UINT32_MAX;
    }
    t->capacity = capacity;
  }
  return t->count++;
}

void sim_network_give_slot(sim_table *t, uint32_t slot) {
  t->unused[t->unused_count++] = slot;
}

sim_tie *sim_network_tie_of(const sim_network *net, uint64_t number) {
  uint32_t slot = number & ((1u << SIM_NETWORK_SLOT_BITS) - 1);
  sim_tie *t = slot < net->ties.count ? (sim_tie *)net->ties.items + slot : NULL;
  return t && number != 0 && t->number == number ? t : NULL;
}

sim_network_dial *sim_network_dial_of(const sim_network *net, uint64_t number) {
  uint32_t slot = number & ((1u << SIM_NETWORK_SLOT_BITS) - 1);
  sim_network_dial *d =
      slot < net->dials.count ? (sim_network_dial *)net->dials.items + slot : NULL;
  return d && number != 0 && d->number == number ? d : NULL;
}

/* ---- time -------------------------------------------------------------------------------------- */

wpm_instant sim_network_clocks(const sim_network *net) {
  return (wpm_instant){{net->now + MONO_AT_BOOT}, {net->now + WALL_AT_BEGINNING}, 1};
}

void sim_network_plan(sim_network *net, int64_t after, sim_network_kind kind, uint32_t slot,
                      uint64_t number) {
  if (after > net->scenario->duration - net->now) {
    return; /* Nobody will see it. */
  }
  sim_event event = {.at = net->now + after, .number = number, .slot = slot, .kind = kind};
  if (!sim_queue_put(&net->queue, &event)) {
    net->error = WPM_ERR_NO_MEMORY;
  }
}

int64_t sim_network_latency(const sim_network *net, uint32_t a, uint32_t b) {
  return (sim_peer_latency(net->scenario, net->seed, a) +
          sim_peer_latency(net->scenario, net->seed, b)) /
         2;
}

/* The manager is called at its next deadline, unless it is before. */
static void plan_wake(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  wpm_mono due = wpm_manager_next_deadline(self->manager);
  if (due.ns == WPM_NEVER.ns) {
    return;
  }
  int64_t at = due.ns - MONO_AT_BOOT > net->now ? due.ns - MONO_AT_BOOT : net->now;
  if (at < self->wake_at) {
    self->wake_at = at;
    sim_network_plan(net, at - net->now, SIM_NETWORK_WAKE, number, (uint64_t)at);
  }
}

/* ---- ties -------------------------------------------------------------------------------------- */

wpm_connection_id sim_network_connection_of(const sim_tie *t, int side) {
  return t->number << 1 | (unsigned)side;
}

void sim_network_set_live(sim_network *net, sim_tie *t, int side, bool live) {
  net->connected += (uint64_t)live - (uint64_t)t->live[side];
  t->live[side] = live;
}

void sim_network_drop_if_over(sim_network *net, sim_tie *t) {
  if (!t->live[0] && !t->live[1] && !t->ending[0] && !t->ending[1]) {
    sim_network_give_slot(&net->ties, (uint32_t)(t->number & ((1u << SIM_NETWORK_SLOT_BITS) - 1)));
    t->number = 0;
  }
}

void sim_network_end_after(sim_network *net, sim_tie *t, int side, int64_t after,
                           wpm_reason reason) {
  if (t->live[side] && !t->ending[side]) {
    t->ending[side] = true;
    t->reason[side] = (uint8_t)reason;
    sim_network_plan(net, after, SIM_NETWORK_END, (uint32_t)side, t->number);
  }
}

int64_t sim_network_way(const sim_network *net, const sim_tie *t) {
  return sim_network_latency(net, t->members[0], t->members[1]);
}

/* One end asks the other for something: it comes back, or a reset does, or nothing. */
static void ask(sim_network *net, sim_tie *t, int side, sim_network_kind answer) {
  if (!net->members[t->members[!side]].up) {
    return;
  }
  if (t->open[side] && t->open[!side]) {
    sim_network_plan(net, 2 * sim_network_way(net, t), answer, (uint32_t)side, t->number);
  } else {
    sim_network_end_after(net, t, side, 2 * sim_network_way(net, t), WPM_REASON_RESET);
  }
}

static void close_tie(sim_network *net, sim_tie *t, int side, wpm_reason reason) {
  t->open[side] = false;
  sim_network_end_after(net, t, side, CONFIRMED_AFTER, reason);
  if (net->members[t->members[!side]].up) {
    sim_network_end_after(net, t, !side, sim_network_way(net, t), WPM_REASON_EOF);
  }
}

/* ---- a member's manager ------------------------------------------------------------------------ */

static void begin_dial(sim_network *net, uint32_t number, const wpm_action *action) {
  uint32_t slot = sim_network_take_slot(&net->dials, sizeof(sim_network_dial));
  if (slot == UINT32_MAX) {
    net->error = WPM_ERR_NO_MEMORY;
    return;
  }
  sim_network_dial *dial = (sim_network_dial *)net->dials.items + slot;
  *dial = (sim_network_dial){.number = ++net->next_number << SIM_NETWORK_SLOT_BITS | slot,
                             .from = number,
                             .to = sim_identity_number(action->peer),
                             .dial = action->u.dial.dial};
  bool reachable =
      net->members[dial->to].up && !sim_peer_is_unreachable(net->scenario, net->seed, dial->to);
  net->results->value[SIM_METRIC_DIALS]++;
  net->dialling++;
  sim_network_plan(net,
                   reachable ? 6 * sim_network_latency(net, number, dial->to) : 10 * WPM_SECOND,
                   SIM_NETWORK_ARRIVE, slot, dial->number);
}

static void cancel_dial(sim_network *net, uint32_t number, wpm_dial_id id) {
  for (uint32_t slot = 0; slot < net->dials.count; slot++) {
    sim_network_dial *dial = (sim_network_dial *)net->dials.items + slot;
    if (dial->number != 0 && dial->from == number && dial->dial == id) {
      dial->dial = 0; /* It arrives in vain. */
      return;
    }
  }
}

static void act(sim_network *net, uint32_t number, const wpm_action *action) {
  wpm_connection_id connection = action->type == WPM_ACTION_DISCONNECT
                                     ? action->u.disconnect.connection
                                     : action->u.ping.connection;
  sim_tie *t = NULL;
  int side = (int)(connection & 1);
  switch (action->type) {
  case WPM_ACTION_DIAL:
    begin_dial(net, number, action);
    break;
  case WPM_ACTION_CANCEL_DIAL:
    cancel_dial(net, number, action->u.cancel_dial.dial);
    break;
  case WPM_ACTION_DISCONNECT:
    t = sim_network_tie_of(net, connection >> 1);
    if (t) {
      close_tie(net, t, side, action->u.disconnect.reason);
    }
    break;
  case WPM_ACTION_PING:
    net->results->value[SIM_METRIC_PINGS]++;
    t = sim_network_tie_of(net, connection >> 1);
    if (t) {
      ask(net, t, side, SIM_NETWORK_PONG);
    }
    break;
  case WPM_ACTION_IDENTIFY:
    t = sim_network_tie_of(net, connection >> 1);
    if (t) {
      ask(net, t, side, SIM_NETWORK_IDENTIFY);
    }
    break;
  case WPM_ACTION_REQUEST_METADATA: /* Comes with identify. */
  case WPM_ACTION_PERSIST:
  case WPM_ACTION_FORGET:
  case WPM_ACTION_PERSIST_RANGE_BAN:
  case WPM_ACTION_NOTIFY:
    break;
  }
}

void sim_network_pull(sim_network *net, uint32_t number) {
  wpm_manager *manager = net->members[number].manager;
  wpm_action action;
  while (!net->error && wpm_manager_next_action(manager, &action)) {
    act(net, number, &action);
  }
  size_t count = wpm_manager_connection_count(manager);
  if (count > net->scenario->max_connections) {
    net->results->value[SIM_METRIC_BROKEN]++;
  }
  if ((int64_t)count > net->results->value[SIM_METRIC_CONNECTED_MOST]) {
    net->results->value[SIM_METRIC_CONNECTED_MOST] = (int64_t)count;
  }
  plan_wake(net, number);
}

void sim_network_tell(sim_network *net, uint32_t number, const wpm_event *event) {
  if (net->error || !net->members[number].up) {
    return;
  }
  net->results->value[SIM_METRIC_FACTS]++;
  int err = wpm_manager_handle(net->members[number].manager, event, sim_network_clocks(net));
  if (err == WPM_ERR_NO_MEMORY) {
    net->error = err;
  }
  sim_network_pull(net, number);
}

void sim_network_tell_of(sim_network *net, uint32_t number, uint32_t other, uint32_t told_by) {
  uint8_t id[SIM_ID_SIZE];
  uint8_t teller[SIM_ID_SIZE];
  uint8_t address[SIM_MULTIADDR_SIZE];
  wpm_bytes view = {address, sizeof(address)};
  if (other == number) {
    return;
  }
  sim_identity(other, id);
  sim_multiaddr(sim_peer_address(net->scenario, net->seed, other, 0), address);
  wpm_event event = {.type = WPM_EVENT_FOUND, .peer = {id, sizeof(id)}};
  event.u.found.addresses = &view;
  event.u.found.address_count = 1;
  event.u.found.source = WPM_SOURCE_PEER_EXCHANGE;
  event.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  if (told_by != SIM_NOBODY) {
    sim_identity(told_by, teller);
    event.u.found.told_by = (wpm_bytes){teller, sizeof(teller)};
  }
  sim_network_tell(net, number, &event);
}

void sim_network_tell_connected(sim_network *net, const sim_tie *t, int side, wpm_dial_id dial) {
  uint8_t id[SIM_ID_SIZE];
  uint8_t remote[SIM_MULTIADDR_SIZE];
  uint32_t other = t->members[!side];
  sim_address address = sim_peer_address(net->scenario, net->seed, other, 0);
  address.port =
      side == 1 ? (uint16_t)(32768 + (t->number >> SIM_NETWORK_SLOT_BITS) % 28000) : address.port;
  sim_identity(other, id);
  sim_multiaddr(address, remote);
  wpm_event event = {.type = WPM_EVENT_CONNECTED, .peer = {id, sizeof(id)}};
  event.u.connected.connection = sim_network_connection_of(t, side);
  event.u.connected.dial = dial;
  event.u.connected.direction = side == 0 ? WPM_OUTBOUND : WPM_INBOUND;
  event.u.connected.remote = (wpm_bytes){remote, sizeof(remote)};
  event.u.connected.public_key = (wpm_bytes){id + 2, sizeof(id) - 2};
  sim_network_tell(net, t->members[side], &event);
}
