/* Ties and dials between the members of a network. */
#include "sim/identity.h"
#include "sim/network_world.h"
#include "sim/peers.h"

#include <stdlib.h>

#define CONFIRMED_AFTER WPM_MILLISECOND

/* ---- tables ------------------------------------------------------------------------------------ */

enum { SLOT_MASK = (1 << SIM_NETWORK_SLOT_BITS) - 1 };

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

static sim_tie *tie_at(const sim_network *net, uint32_t slot) {
  return (sim_tie *)net->ties.items + slot;
}

static sim_network_dial *dial_at(const sim_network *net, uint32_t slot) {
  return (sim_network_dial *)net->dials.items + slot;
}

sim_tie *sim_network_tie_of(const sim_network *net, uint64_t number) {
  uint32_t slot = number & SLOT_MASK;
  sim_tie *t = slot < net->ties.count ? tie_at(net, slot) : NULL;
  return t && number != 0 && t->number == number ? t : NULL;
}

sim_network_dial *sim_network_dial_of(const sim_network *net, uint64_t number) {
  uint32_t slot = number & SLOT_MASK;
  sim_network_dial *d = slot < net->dials.count ? dial_at(net, slot) : NULL;
  return d && number != 0 && d->number == number ? d : NULL;
}

int64_t sim_network_latency(const sim_network *net, uint32_t a, uint32_t b) {
  return (sim_peer_latency(net->scenario, net->seed, a) +
          sim_peer_latency(net->scenario, net->seed, b)) /
         2;
}

int64_t sim_network_way(const sim_network *net, const sim_tie *t) {
  return sim_network_latency(net, t->members[0], t->members[1]);
}

/* ---- a member's ends --------------------------------------------------------------------------- */

/* An end in a list: 1 + twice the slot of its tie + its side. */
static uint32_t end_of(const sim_tie *t, int side) {
  return 1 + ((uint32_t)(t->number & SLOT_MASK) << 1 | (uint32_t)side);
}

static sim_tie *tie_of_end(const sim_network *net, uint32_t end, int *side) {
  *side = (int)((end - 1) & 1);
  return tie_at(net, (end - 1) >> 1);
}

static void enlist(sim_network *net, sim_tie *t, int side) {
  sim_member *self = &net->members[t->members[side]];
  int other_side = 0;
  t->next[side] = self->ties;
  t->previous[side] = 0;
  if (self->ties > 0) {
    sim_tie *other = tie_of_end(net, self->ties, &other_side);
    other->previous[other_side] = end_of(t, side);
  }
  self->ties = end_of(t, side);
}

static void unlist(sim_network *net, const sim_tie *t, int side) {
  int other_side = 0;
  if (t->previous[side] > 0) {
    sim_tie *other = tie_of_end(net, t->previous[side], &other_side);
    other->next[other_side] = t->next[side];
  } else {
    net->members[t->members[side]].ties = t->next[side];
  }
  if (t->next[side] > 0) {
    sim_tie *other = tie_of_end(net, t->next[side], &other_side);
    other->previous[other_side] = t->previous[side];
  }
}

uint32_t sim_network_neighbour(const sim_network *net, uint32_t number, uint64_t draw) {
  uint32_t live = 0;
  int side = 0;
  const sim_tie *t = NULL;
  for (uint32_t at = net->members[number].ties; at > 0; at = t->next[side]) {
    t = tie_of_end(net, at, &side);
    live += t->live[side];
  }
  uint64_t left = sim_below(draw, live);
  for (uint32_t at = net->members[number].ties; at > 0; at = t->next[side]) {
    t = tie_of_end(net, at, &side);
    if (t->live[side] && left-- == 0) {
      return t->members[!side];
    }
  }
  return SIM_NOBODY;
}

/* ---- ties -------------------------------------------------------------------------------------- */

uint64_t sim_network_link_of(const sim_tie *t, int side) {
  return t->number << 1 | (unsigned)side;
}

/* True where the two are connected by it, or are not any longer, as that end's policy believes. */
static bool set_live(sim_network *net, sim_tie *t, int side, bool live) {
  t->live[side] = live;
  if (!sim_pair_count((sim_pair *)net->pairs.items + t->pair, t->members[side], live)) {
    return false;
  }
  net->members[t->members[side]].connected += live ? 1 : UINT32_MAX;
  net->connected += live ? 1 : UINT64_MAX;
  return true;
}

sim_tie *sim_network_tie(sim_network *net, uint32_t from, uint32_t to) {
  uint32_t pair = sim_network_pair_of(net, from, to);
  uint32_t slot =
      pair != UINT32_MAX ? sim_network_take_slot(&net->ties, sizeof(sim_tie)) : UINT32_MAX;
  if (slot == UINT32_MAX) {
    net->error = WPM_ERR_NO_MEMORY;
    return NULL;
  }
  sim_tie *t = tie_at(net, slot);
  *t = (sim_tie){.number = ++net->next_number << SIM_NETWORK_SLOT_BITS | slot,
                 .began = net->now,
                 .heard = {net->now, net->now},
                 .members = {from, to},
                 .pair = pair,
                 .open = {true, true}};
  for (int side = 0; side < 2; side++) {
    enlist(net, t, side);
    (void)set_live(net, t, side, true);
  }
  return t;
}

/* That end was away since it last heard of it, and did not end it itself. */
static bool died_in_gap(const sim_network *net, const sim_tie *t, int side, wpm_reason reason) {
  int64_t slept_at = net->members[t->members[side]].slept_at;
  return reason == WPM_REASON_EOF && slept_at > 0 && t->heard[side] <= slept_at;
}

void sim_network_part(sim_network *net, sim_tie *t, int side, wpm_reason reason) {
  if (!t->live[side] || !set_live(net, t, side, false)) {
    return;
  }
  net->results->value[SIM_METRIC_DISCONNECTS]++;
  if (!t->refused) {
    sim_pair_part((sim_pair *)net->pairs.items + t->pair, t->members[side], net->now,
                  reason == WPM_REASON_PING_TIMEOUT || reason == WPM_REASON_RESET ||
                      died_in_gap(net, t, side, reason));
  }
}

void sim_network_drop_if_over(sim_network *net, sim_tie *t) {
  if (!t->live[0] && !t->live[1] && !t->ending[0] && !t->ending[1]) {
    unlist(net, t, 0);
    unlist(net, t, 1);
    sim_network_give_slot(&net->ties, (uint32_t)(t->number & SLOT_MASK));
    t->number = 0;
  }
}

/* That end will be told of its end after that time, unless it knows. */
static void end_after(sim_network *net, sim_tie *t, int side, int64_t after, wpm_reason reason) {
  if (t->live[side] && !t->ending[side]) {
    t->ending[side] = true;
    t->reason[side] = (uint8_t)reason;
    sim_network_plan(net, after, SIM_NETWORK_END, (uint32_t)side, t->number);
  }
}

void sim_network_ask(sim_network *net, sim_tie *t, int side, sim_network_kind answer) {
  if (!net->members[t->members[!side]].up) {
    return;
  }
  if (t->open[side] && t->open[!side]) {
    sim_network_plan(net, 2 * sim_network_way(net, t), answer, (uint32_t)side, t->number);
  } else {
    end_after(net, t, side, 2 * sim_network_way(net, t), WPM_REASON_RESET);
  }
}

void sim_network_close(sim_network *net, sim_tie *t, int side, wpm_reason reason) {
  net->results->value[SIM_METRIC_INBOUND_REFUSED] += side == 1 && net->now - t->began < WPM_SECOND;
  t->open[side] = false;
  t->refused = t->refused || t->began == net->now;
  end_after(net, t, side, CONFIRMED_AFTER, reason);
  sim_network_part(net, t, side, reason);
  if (net->members[t->members[!side]].up) {
    end_after(net, t, !side, sim_network_way(net, t), WPM_REASON_EOF);
  }
}

/* ---- dials ------------------------------------------------------------------------------------- */

void sim_network_dial_begin(sim_network *net, uint32_t number, const sim_action *action) {
  uint32_t slot = sim_network_take_slot(&net->dials, sizeof(sim_network_dial));
  if (slot == UINT32_MAX) {
    net->error = WPM_ERR_NO_MEMORY;
    return;
  }
  sim_network_dial *dial = dial_at(net, slot);
  *dial = (sim_network_dial){.number = ++net->next_number << SIM_NETWORK_SLOT_BITS | slot,
                             .dial = action->dial,
                             .from = number,
                             .to = action->peer,
                             .next = net->members[number].dials,
                             .tried = action->addresses[0]};
  net->members[number].dials = slot + 1;
  bool reachable = net->members[dial->to].up && action->address_count > 0 &&
                   !sim_peer_is_unreachable(net->scenario, net->seed, dial->to);
  net->results->value[SIM_METRIC_DIALS]++;
  net->dialling++;
  sim_network_plan(net,
                   reachable ? 6 * sim_network_latency(net, number, dial->to) : action->timeout_ns,
                   SIM_NETWORK_ARRIVE, 0, dial->number);
}

void sim_network_dial_drop(sim_network *net, sim_network_dial *dial) {
  uint32_t slot = (uint32_t)(dial->number & SLOT_MASK);
  uint32_t *at = &net->members[dial->from].dials;
  while (*at != slot + 1) {
    at = &dial_at(net, *at - 1)->next;
  }
  *at = dial->next;
  dial->number = 0;
  net->dialling--;
  sim_network_give_slot(&net->dials, slot);
}

void sim_network_dial_cancel(sim_network *net, uint32_t number, uint64_t id) {
  for (uint32_t at = net->members[number].dials; at > 0; at = dial_at(net, at - 1)->next) {
    if (dial_at(net, at - 1)->dial == id) {
      dial_at(net, at - 1)->dial = 0; /* It arrives in vain. */
      return;
    }
  }
}

/* ---- coming and going -------------------------------------------------------------------------- */

void sim_network_leave(sim_network *net, uint32_t number) {
  int side = 0;
  sim_tie *t = NULL;
  for (uint32_t at = net->members[number].ties; at > 0; at = t->next[side]) {
    t = tie_of_end(net, at, &side);
    if (t->open[side]) {
      t->open[side] = false;
      end_after(net, t, !side, sim_network_way(net, t), WPM_REASON_EOF);
    }
  }
}

void sim_network_return(sim_network *net, uint32_t number) {
  int side = 0;
  sim_tie *t = NULL;
  for (uint32_t at = net->members[number].ties; at > 0; at = t->next[side]) {
    t = tie_of_end(net, at, &side);
    if (t->owed[side]) {
      t->owed[side] = false;
      sim_network_plan(net, CONFIRMED_AFTER, SIM_NETWORK_END, (uint32_t)side, t->number);
    }
  }
  for (uint32_t at = net->members[number].dials; at > 0; at = dial_at(net, at - 1)->next) {
    const sim_network_dial *dial = dial_at(net, at - 1);
    if (dial->owed) {
      sim_network_plan(net, 0, SIM_NETWORK_ARRIVE, 0, dial->number);
    }
  }
}
