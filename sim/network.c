#include "sim/network.h"

#include "sim/identity.h"
#include "sim/network_world.h"
#include "sim/peers.h"

#include <stdlib.h>

enum { STORE_OF_EACH = 1000 };

/* What a draw is for. Whom it is of and when are all that it depends on besides: so the world is the same
 * whatever the policy does. */
enum { OF_POLICY = 500, OF_VANISHING, OF_ASKING, OF_NEIGHBOUR, OF_TOLD, OF_HEARD };

static uint64_t draw(const sim_network *net, uint64_t what, uint32_t number) {
  return sim_hash(net->seed, what, number, (uint64_t)net->now);
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

static void count_time(sim_network *net) {
  int64_t us = (net->now - net->counted_to) / 1000;
  net->counted_to += us * 1000;
  net->connected_time += us * (int64_t)net->connected;
  net->up_time += us * net->up;
}

/* ---- what happens ------------------------------------------------------------------------------ */

static void fail(sim_network *net, const sim_network_dial *dial) {
  sim_fact fact = {.type = SIM_FACT_DIAL_FAILED,
                   .peer = dial->to,
                   .dial = dial->dial,
                   .reason = WPM_REASON_DIAL_TIMEOUT,
                   .addresses = {dial->tried},
                   .reasons = {WPM_REASON_DIAL_TIMEOUT},
                   .address_count = 1};
  net->results->value[SIM_METRIC_DIALS_FAILED]++;
  sim_network_tell(net, dial->from, &fact);
}

static void meet(sim_network *net, const sim_network_dial *dial) {
  sim_tie *t = sim_network_tie(net, dial->from, dial->to);
  if (!t) {
    return;
  }
  uint64_t made = t->number;
  net->results->value[SIM_METRIC_INBOUND]++;
  sim_network_tell_connected(net, t, 1, 0);
  t = sim_network_tie_of(net, made);
  if (t) {
    sim_network_tell_connected(net, t, 0, dial->dial);
  }
}

static void arrive(sim_network *net, uint64_t number) {
  sim_network_dial *found = sim_network_dial_of(net, number);
  if (!found) {
    return;
  }
  if (!net->members[found->from].up) { /* It learns what became of it when it is back. */
    found->owed = true;
    return;
  }
  sim_network_dial dial = *found;
  sim_network_dial_drop(net, found);
  if (dial.dial == 0) {
    return;
  }
  if (!dial.owed && net->members[dial.to].up &&
      !sim_peer_is_unreachable(net->scenario, net->seed, dial.to)) {
    net->results->value[SIM_METRIC_DIALS_EARLY] += sim_network_is_early(net, dial.from, dial.to);
    meet(net, &dial);
  } else {
    fail(net, &dial);
  }
}

static void end(sim_network *net, uint64_t number, int side) {
  sim_tie *t = sim_network_tie_of(net, number);
  if (!t) {
    return;
  }
  uint32_t self = t->members[side];
  if (!net->members[self].up) {
    t->open[side] = false;
    t->owed[side] = !t->live[side]; /* It closed it; else it will find out. */
    t->ending[side] = t->owed[side];
    return;
  }
  sim_fact fact = {.type = SIM_FACT_DISCONNECTED,
                   .peer = t->members[!side],
                   .link = sim_network_link_of(t, side),
                   .reason = (wpm_reason)t->reason[side]};
  t->ending[side] = false;
  t->open[side] = false;
  sim_network_part(net, t, side, fact.reason);
  sim_network_drop_if_over(net, t);
  sim_network_tell(net, self, &fact);
}

/* A ping came to the other end, too; both are told of it as its answer comes. */
static void hear_ping(sim_network *net, uint64_t number, int side) {
  sim_tie *t = sim_network_tie_of(net, number);
  if (t && t->live[side] && t->open[side] && net->members[t->members[side]].up) {
    sim_fact fact = {
        .type = SIM_FACT_RECEIVED, .peer = t->members[!side], .link = sim_network_link_of(t, side)};
    t->heard[side] = net->now;
    sim_network_tell(net, t->members[side], &fact);
  }
}

static void answer(sim_network *net, uint64_t number, int side, sim_network_kind kind) {
  sim_tie *t = sim_network_tie_of(net, number);
  if (!t || !t->live[side] || !t->open[side] || !net->members[t->members[!side]].up) {
    return;
  }
  uint32_t other = t->members[!side];
  t->heard[side] = net->now;
  sim_fact fact = {.type = SIM_FACT_PONG, .peer = other, .link = sim_network_link_of(t, side)};
  if (kind == SIM_NETWORK_PONG) {
    fact.span_ns = 2 * sim_network_way(net, t);
  } else {
    fact.type = SIM_FACT_IDENTIFIED;
    fact.addresses[0] = sim_peer_address(net->scenario, net->seed, other, 0);
    fact.address_count = 1;
    fact.relay = sim_peer_is_relay(net->scenario, net->seed, other);
  }
  sim_network_tell(net, t->members[side], &fact);
  if (kind == SIM_NETWORK_PONG) {
    hear_ping(net, number, !side);
  }
}

/* As by DNS discovery: some of all. */
static void bootstrap(sim_network *net, uint32_t number, uint32_t count) {
  uint64_t drawn = draw(net, OF_HEARD, number);
  for (uint32_t k = 0; k < count; k++) {
    uint64_t other = sim_below(sim_hash(drawn, k, 0, 0), net->scenario->managers);
    sim_network_tell_of(net, number, (uint32_t)other, SIM_NOBODY);
  }
}

static void plan_to_ask(sim_network *net, uint32_t number) {
  sim_network_plan(net,
                   sim_exponential(draw(net, OF_ASKING, number), net->scenario->discover_every),
                   SIM_NETWORK_ASK, number, 0);
}

/* Peers that one member may know. */
static uint64_t most_known(const sim_scenario *scenario) {
  bool fewer = scenario->max_peers > 0 && scenario->max_peers < STORE_OF_EACH;
  return fewer ? scenario->max_peers : STORE_OF_EACH;
}

/* No member of ours knows more than it may: looked at after each round of being told. */
static void check_known(sim_network *net, uint32_t number) {
  int64_t *most = &net->results->value[SIM_METRIC_KNOWN_MOST];
  sim_counts counts = {0};
  net->type->count(net->members[number].policy, sim_network_clocks(net), &counts);
  *most = (int64_t)counts.known > *most ? (int64_t)counts.known : *most;
  net->results->value[SIM_METRIC_BROKEN] +=
      net->type == &sim_policy_ours && counts.known > most_known(net->scenario);
}

/* Peer exchange: somebody that it is connected with tells it of some whom it knows. */
static void ask_for_others(sim_network *net, uint32_t number) {
  const sim_scenario *scenario = net->scenario;
  uint32_t told[SIM_PICKED_MAX];
  plan_to_ask(net, number);
  if (!net->members[number].up) {
    return;
  }
  uint32_t other = sim_network_neighbour(net, number, draw(net, OF_NEIGHBOUR, number));
  if (other == SIM_NOBODY) {
    bootstrap(net, number, 1);
    return;
  }
  if (!net->members[other].up) {
    return;
  }
  size_t most =
      scenario->discover_count < SIM_PICKED_MAX ? scenario->discover_count : SIM_PICKED_MAX;
  size_t count =
      net->type->pick(net->members[other].policy, draw(net, OF_TOLD, number), told, most);
  for (size_t i = 0; i < count; i++) {
    sim_network_tell_of(net, number, told[i], other);
  }
  if (!net->error) {
    check_known(net, number);
  }
}

/* Its process begins, and it hears of a few others. */
static void start(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  if (net->error) {
    return;
  }
  self->started = true;
  net->error = net->type->start(self->policy, sim_network_clocks(net));
  sim_network_pull(net, number);
  bootstrap(net, number, net->scenario->heard);
}

static void come_back(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  sim_fact fact = {.type = SIM_FACT_WOKE, .span_ns = net->now - self->slept_at};
  self->wake_at = INT64_MAX;
  sim_network_return(net, number);
  sim_network_tell(net, number, &fact);
}

static void session(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  self->turn++;
  self->up = !self->up;
  net->up += self->up ? 1 : UINT32_MAX;
  if (!self->up) {
    self->slept_at = net->now;
    if (!sim_happens(draw(net, OF_VANISHING, number), net->scenario->vanish)) {
      sim_network_leave(net, number);
    }
  } else if (self->started) {
    come_back(net, number);
  } else {
    start(net, number);
  }
  sim_network_plan(net, sim_peer_stays(net->scenario, net->seed, number, self->turn, self->up),
                   SIM_NETWORK_SESSION, number, 0);
}

static void sample(sim_network *net) {
  sim_results *r = net->results;
  sim_network_plan(net, net->scenario->duration / SIM_SAMPLES, SIM_NETWORK_SAMPLE, 0, 0);
  if (r->samples < SIM_SAMPLES) {
    uint32_t at = r->samples++;
    r->sampled_at[at] = net->now;
    r->course[SIM_COURSE_CONNECTED][at] = (uint32_t)(net->connected / 2);
    r->course[SIM_COURSE_DIALS][at] = net->dialling;
    r->course[SIM_COURSE_UP][at] = net->up;
  }
}

static void happen(sim_network *net, const sim_event *event) {
  switch ((sim_network_kind)event->kind) {
  case SIM_NETWORK_WAKE:
    sim_network_wake(net, event->slot, event->number);
    break;
  case SIM_NETWORK_SESSION:
    session(net, event->slot);
    break;
  case SIM_NETWORK_ASK:
    ask_for_others(net, event->slot);
    break;
  case SIM_NETWORK_ARRIVE:
    arrive(net, event->number);
    break;
  case SIM_NETWORK_END:
    end(net, event->number, (int)event->slot);
    break;
  case SIM_NETWORK_PONG:
  case SIM_NETWORK_IDENTIFY:
    answer(net, event->number, (int)event->slot, (sim_network_kind)event->kind);
    break;
  case SIM_NETWORK_SAMPLE:
    sample(net);
    break;
  }
}

/* ---- the whole --------------------------------------------------------------------------------- */

static uint32_t root_of(uint32_t *parents, uint32_t number) {
  while (parents[number] != number) {
    parents[number] = parents[parents[number]];
    number = parents[number];
  }
  return number;
}

/* How many of the members that are up hang together, the largest such group. */
static int64_t largest_part(const sim_network *net) {
  uint32_t count = net->scenario->managers;
  uint32_t *parents = calloc((size_t)count + 1, 2 * sizeof(*parents));
  int64_t largest = -1;
  if (!parents) {
    return largest;
  }
  uint32_t *sizes = parents + count;
  for (uint32_t i = 0; i < count; i++) {
    parents[i] = i;
    sizes[i] = 0;
  }
  for (uint32_t slot = 0; slot < net->ties.count; slot++) {
    const sim_tie *t = (const sim_tie *)net->ties.items + slot;
    if (t->number != 0 && t->live[0] && t->live[1] && t->open[0] && t->open[1]) {
      parents[root_of(parents, t->members[0])] = root_of(parents, t->members[1]);
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    uint32_t root = root_of(parents, i);
    sizes[root] += net->members[i].up;
    largest = sizes[root] > largest ? sizes[root] : largest;
  }
  free(parents);
  return largest;
}

static void sum_up(sim_network *net) {
  int64_t *value = net->results->value;
  int64_t members = net->scenario->managers;
  int64_t bytes = 0;
  int64_t least = INT64_MAX;
  if (members == 0) {
    return;
  }
  count_time(net);
  for (uint32_t i = 0; i < net->scenario->managers; i++) {
    const sim_member *self = &net->members[i];
    sim_counts counts = {0};
    if (self->started) {
      net->type->count(self->policy, sim_network_clocks(net), &counts);
    }
    bytes += (int64_t)counts.bytes;
    least = self->up && self->connected < least ? self->connected : least;
    value[SIM_METRIC_KNOWN_END] += (int64_t)counts.known;
  }
  int64_t whole = largest_part(net);
  if (whole < 0) {
    net->error = WPM_ERR_NO_MEMORY;
  }
  value[SIM_METRIC_KNOWN_END] /= members;
  value[SIM_METRIC_STORE_BYTES] = bytes / members;
  value[SIM_METRIC_CONNECTED_LEAST] = net->up > 0 ? least : 0;
  value[SIM_METRIC_CONNECTED_END] = net->up > 0 ? (int64_t)net->connected / net->up : 0;
  value[SIM_METRIC_CONNECTED_MEAN] = net->up_time > 0 ? net->connected_time / net->up_time : 0;
  value[SIM_METRIC_WHOLE] = net->up > 0 ? whole * 1000 / net->up : 0;
}

static void make_policy(sim_network *net, uint32_t number) {
  const sim_scenario *scenario = net->scenario;
  const sim_setup setup = {.seed = sim_hash(net->seed, OF_POLICY, number, 0),
                           .peers = scenario->peers,
                           .self = number,
                           .only_sleeps = true,
                           .max_connections = scenario->max_connections,
                           .max_dials = scenario->max_dials,
                           .idle_limit_ns = sim_idle_told(scenario),
                           .prune_backoff_ns = scenario->prune_backoff,
                           .backoff_slack_ns = scenario->backoff_slack,
                           .high_water = scenario->high_water,
                           .relay_outbound = scenario->relay_outbound,
                           .max_peers = most_known(scenario)};
  net->members[number].policy = net->type->make(&setup);
  if (!net->members[number].policy) {
    net->error = WPM_ERR_NO_MEMORY;
  }
}

static void begin(sim_network *net) {
  const sim_scenario *scenario = net->scenario;
  for (uint32_t i = 0; i < scenario->managers && !net->error; i++) {
    sim_member *self = &net->members[i];
    self->wake_at = INT64_MAX;
    self->up = sim_peer_starts_up(scenario, net->seed, i);
    net->up += self->up;
    make_policy(net, i);
    sim_network_plan(net, sim_peer_stays(scenario, net->seed, i, 0, self->up), SIM_NETWORK_SESSION,
                     i, 0);
    plan_to_ask(net, i);
  }
  for (uint32_t i = 0; i < scenario->managers && !net->error; i++) {
    if (net->members[i].up) {
      start(net, i);
    }
  }
  sim_network_plan(net, 0, SIM_NETWORK_SAMPLE, 0, 0);
}

static void live(sim_network *net) {
  sim_event event;
  while (!net->error && sim_queue_next(&net->queue) <= net->scenario->duration &&
         sim_queue_take(&net->queue, &event)) {
    net->now = event.at;
    count_time(net);
    happen(net, &event);
  }
  net->now = net->scenario->duration;
}

int sim_network_run(const sim_scenario *scenario, uint64_t seed, const sim_policy_type *type,
                    sim_results *out) {
  *out = (sim_results){0};
  sim_network net = {.scenario = scenario, .type = type, .seed = seed, .results = out};
  net.members = calloc(scenario->managers, sizeof(*net.members));
  if (!net.members) {
    return WPM_ERR_NO_MEMORY;
  }
  begin(&net);
  if (!net.error) {
    live(&net);
    sum_up(&net);
  }
  for (uint32_t i = 0; i < scenario->managers; i++) {
    type->drop(net.members[i].policy);
  }
  sim_queue_fini(&net.queue);
  free(net.members);
  free(net.ties.items);
  free(net.ties.unused);
  free(net.dials.items);
  free(net.dials.unused);
  free(net.pairs.items);
  free(net.pairs.unused);
  free(net.pair_index);
  return net.error;
}
