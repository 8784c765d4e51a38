#include "sim/network.h"

#include "sim/identify.h"
#include "sim/identity.h"
#include "sim/network_world.h"
#include "sim/peers.h"

#include <stdlib.h>
#include <string.h>

enum { STORE_OF_EACH = 1000, TOLD_MOST = 64 };

static void count_time(sim_network *net) {
  int64_t us = (net->now - net->counted_to) / 1000;
  net->counted_to += us * 1000;
  net->connected_time += us * (int64_t)net->connected;
  net->up_time += us * net->up;
}

/* ---- what happens ------------------------------------------------------------------------------ */

/* The listener's own record says whether the dialler kept to its backoff. */
static void look_at_backoff(sim_network *net, const sim_network_dial *dial) {
  uint8_t id[SIM_ID_SIZE];
  wpm_peer_record record;
  sim_identity(dial->from, id);
  const wpm_store *store = wpm_manager_store(net->members[dial->to].manager);
  if (wpm_store_get(store, (wpm_bytes){id, sizeof(id)}, &record) != WPM_OK ||
      record.connectivity == WPM_CONNECTED || !wpm_wall_known(record.disconnect_time) ||
      record.reason == WPM_REASON_PING_TIMEOUT || record.reason == WPM_REASON_RESET) {
    return; /* It found out late, and the dialler cannot know when. */
  }
  int64_t since = sim_network_clocks(net).wall.ns - record.disconnect_time.ns;
  /* The dial was begun before it arrives. */
  if (since + 6 * sim_network_latency(net, dial->from, dial->to) < net->scenario->prune_backoff) {
    net->results->value[SIM_METRIC_DIALS_EARLY]++;
  }
}

static void fail(sim_network *net, const sim_network_dial *dial) {
  uint8_t id[SIM_ID_SIZE];
  sim_identity(dial->to, id);
  wpm_event event = {.type = WPM_EVENT_DIAL_FAILED, .peer = {id, sizeof(id)}};
  event.u.dial_failed.dial = dial->dial;
  event.u.dial_failed.reason = WPM_REASON_DIAL_TIMEOUT;
  net->results->value[SIM_METRIC_DIALS_FAILED]++;
  sim_network_tell(net, dial->from, &event);
}

static void arrive(sim_network *net, uint32_t slot, uint64_t number) {
  sim_network_dial *found = sim_network_dial_of(net, number);
  if (!found) {
    return;
  }
  sim_network_dial dial = *found;
  found->number = 0;
  sim_network_give_slot(&net->dials, slot);
  net->dialling--;
  bool meets = net->members[dial.from].up && net->members[dial.to].up &&
               !sim_peer_is_unreachable(net->scenario, net->seed, dial.to);
  if (dial.dial == 0) {
    return;
  }
  uint32_t at = meets ? sim_network_take_slot(&net->ties, sizeof(sim_tie)) : 0;
  if (!meets || at == UINT32_MAX) {
    net->error = meets ? WPM_ERR_NO_MEMORY : net->error;
    fail(net, &dial);
    return;
  }
  look_at_backoff(net, &dial);
  sim_tie *t = (sim_tie *)net->ties.items + at;
  *t = (sim_tie){.number = ++net->next_number << SIM_NETWORK_SLOT_BITS | at,
                 .members = {dial.from, dial.to},
                 .open = {true, true}};
  uint64_t made = t->number;
  sim_network_set_live(net, t, 0, true);
  sim_network_set_live(net, t, 1, true);
  net->results->value[SIM_METRIC_INBOUND]++;
  sim_network_tell_connected(net, t, 1, 0);
  t = sim_network_tie_of(net, made);
  if (t) {
    net->results->value[SIM_METRIC_INBOUND_REFUSED] += !t->open[1];
    sim_network_tell_connected(net, t, 0, dial.dial);
  }
}

static void end(sim_network *net, uint64_t number, int side) {
  sim_tie *t = sim_network_tie_of(net, number);
  if (!t) {
    return;
  }
  uint32_t self = t->members[side];
  t->ending[side] = false;
  if (!net->members[self].up) { /* It will find out. */
    t->open[side] = false;
    return;
  }
  uint8_t id[SIM_ID_SIZE];
  sim_identity(t->members[!side], id);
  wpm_event event = {.type = WPM_EVENT_DISCONNECTED, .peer = {id, sizeof(id)}};
  event.u.disconnected.connection = sim_network_connection_of(t, side);
  event.u.disconnected.reason = (wpm_reason)t->reason[side];
  t->open[side] = false;
  sim_network_set_live(net, t, side, false);
  net->results->value[SIM_METRIC_DISCONNECTS]++;
  sim_network_drop_if_over(net, t);
  sim_network_tell(net, self, &event);
}

static void answer(sim_network *net, uint64_t number, int side, sim_network_kind kind) {
  sim_tie *t = sim_network_tie_of(net, number);
  if (!t || !t->live[side] || !t->open[side] || !net->members[t->members[!side]].up) {
    return;
  }
  uint8_t id[SIM_ID_SIZE];
  uint32_t self = t->members[side];
  uint32_t other = t->members[!side];
  wpm_connection_id connection = sim_network_connection_of(t, side);
  sim_identity(other, id);
  wpm_event event = {.type = WPM_EVENT_PONG, .peer = {id, sizeof(id)}};
  if (kind == SIM_NETWORK_PONG) {
    event.u.pong.connection = connection;
    event.u.pong.rtt_ns = 2 * sim_network_way(net, t);
    sim_network_tell(net, self, &event);
    return;
  }
  if (net->error || !net->members[self].up) {
    return;
  }
  uint8_t address[SIM_MULTIADDR_SIZE];
  const wpm_bytes view = {address, sizeof(address)};
  sim_multiaddr(sim_peer_address(net->scenario, net->seed, other, 0), address);
  int err = sim_identify(net->members[self].manager, event.peer, connection, &view, 1, true,
                         sim_network_clocks(net));
  net->error = err == WPM_ERR_NO_MEMORY ? err : net->error;
  net->results->value[SIM_METRIC_FACTS] += 2;
  sim_network_pull(net, self);
}

/* As by DNS discovery: some of all. */
static void bootstrap(sim_network *net, uint32_t number, uint32_t count) {
  for (uint32_t k = 0; k < count; k++) {
    sim_network_tell_of(
        net, number, (uint32_t)sim_random_below(&net->random, net->scenario->managers), SIM_NOBODY);
  }
}

/* Peer exchange: somebody that it is connected with tells it of some whom it knows. */
static void ask_for_others(sim_network *net, uint32_t number) {
  const sim_scenario *scenario = net->scenario;
  const wpm_term connected = {.kind = WPM_TERM_CONNECTIVITY, .number = WPM_CONNECTED};
  const wpm_term with_address = {.kind = WPM_TERM_ADDRESS};
  const wpm_query whom = {&connected, 1};
  const wpm_query what = {&with_address, 1};
  wpm_peer_ref refs[TOLD_MOST];
  size_t found = 0;
  sim_network_plan(net, sim_exponential(sim_random_next(&net->random), scenario->discover_every),
                   SIM_NETWORK_ASK, number, 0);
  if (!net->members[number].up) {
    return;
  }
  const wpm_store *store = wpm_manager_store(net->members[number].manager);
  wpm_peer_record record;
  int err = wpm_store_query_pick(store, &whom, sim_random_next(&net->random), refs, 1, &found);
  if (err || found == 0 || wpm_store_at(store, refs[0], &record) != WPM_OK) {
    bootstrap(net, number, 1);
    return;
  }
  uint32_t other = sim_identity_number(record.id);
  const wpm_store *theirs = wpm_manager_store(net->members[other].manager);
  size_t most = scenario->discover_count < TOLD_MOST ? scenario->discover_count : TOLD_MOST;
  if (!net->members[other].up || wpm_store_query_pick(theirs, &what, sim_random_next(&net->random),
                                                      refs, most, &found) != WPM_OK) {
    return;
  }
  for (size_t i = 0; i < found; i++) {
    if (wpm_store_at(theirs, refs[i], &record) == WPM_OK) {
      sim_network_tell_of(net, number, sim_identity_number(record.id), other);
    }
  }
}

/* Its connections end, and the others are told. One that vanishes keeps its own, deaf and mute. */
static void leave(sim_network *net, uint32_t number) {
  for (uint32_t slot = 0; slot < net->ties.count; slot++) {
    sim_tie *t = (sim_tie *)net->ties.items + slot;
    for (int side = 0; side < 2; side++) {
      if (t->number != 0 && t->members[side] == number && t->open[side]) {
        t->open[side] = false;
        sim_network_end_after(net, t, !side, sim_network_way(net, t), WPM_REASON_EOF);
      }
    }
  }
}

static void session(sim_network *net, uint32_t number) {
  sim_member *self = &net->members[number];
  self->turn++;
  self->up = !self->up;
  net->up += self->up ? 1 : UINT32_MAX;
  if (!self->up) {
    if (!sim_happens(sim_random_next(&net->random), net->scenario->vanish)) {
      leave(net, number);
    }
  } else if (!net->error) { /* It wakes, and sees that it slept. */
    int err = wpm_manager_advance(self->manager, sim_network_clocks(net));
    net->error = err == WPM_ERR_NO_MEMORY ? err : net->error;
    self->wake_at = INT64_MAX;
    sim_network_pull(net, number);
    if (wpm_store_count(wpm_manager_store(self->manager)) == 0) {
      bootstrap(net, number, net->scenario->heard);
    }
  }
  sim_network_plan(net, sim_peer_stays(net->scenario, net->seed, number, self->turn, self->up),
                   SIM_NETWORK_SESSION, number, 0);
}

static void wake(sim_network *net, uint32_t number, uint64_t at) {
  sim_member *self = &net->members[number];
  if (self->wake_at != (int64_t)at || !self->up) {
    return;
  }
  self->wake_at = INT64_MAX;
  int err = wpm_manager_advance(self->manager, sim_network_clocks(net));
  net->error = err == WPM_ERR_NO_MEMORY ? err : net->error;
  sim_network_pull(net, number);
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
    wake(net, event->slot, event->number);
    break;
  case SIM_NETWORK_SESSION:
    session(net, event->slot);
    break;
  case SIM_NETWORK_ASK:
    ask_for_others(net, event->slot);
    break;
  case SIM_NETWORK_ARRIVE:
    arrive(net, event->slot, event->number);
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
    int64_t count = (int64_t)wpm_manager_connection_count(self->manager);
    bytes += (int64_t)wpm_store_bytes(wpm_manager_store(self->manager));
    least = self->up && count < least ? count : least;
    value[SIM_METRIC_KNOWN_END] += (int64_t)wpm_store_count(wpm_manager_store(self->manager));
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

static int make_manager(sim_network *net, uint32_t number) {
  const sim_scenario *scenario = net->scenario;
  wpm_manager_config config;
  uint8_t id[SIM_ID_SIZE];
  wpm_manager_config_default(&config);
  sim_identity(number, id);
  config.seed = sim_hash(net->seed, 500, number, 0);
  memcpy(config.store.hash_key, &config.seed, sizeof(config.seed));
  config.store.max_peers = STORE_OF_EACH;
  config.max_connections = scenario->max_connections;
  config.max_dials = scenario->max_dials;
  config.prune_backoff_ns = scenario->prune_backoff;
  config.backoff_slack_ns = scenario->backoff_slack;
  config.max_history = 0;
  int err = wpm_peer_id_from_bytes((wpm_bytes){id, sizeof(id)}, &config.local_peer);
  return err ? err : wpm_manager_new(&config, &net->members[number].manager);
}

static void begin(sim_network *net) {
  const sim_scenario *scenario = net->scenario;
  sim_random_init(&net->random, net->seed);
  for (uint32_t i = 0; i < scenario->managers && !net->error; i++) {
    sim_member *self = &net->members[i];
    self->wake_at = INT64_MAX;
    self->up = sim_peer_starts_up(scenario, net->seed, i);
    net->up += self->up;
    net->error = make_manager(net, i);
    sim_network_plan(net, sim_peer_stays(scenario, net->seed, i, 0, self->up), SIM_NETWORK_SESSION,
                     i, 0);
    sim_network_plan(net, sim_exponential(sim_random_next(&net->random), scenario->discover_every),
                     SIM_NETWORK_ASK, i, 0);
  }
  for (uint32_t i = 0; i < scenario->managers && !net->error; i++) {
    bootstrap(net, i, scenario->heard);
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

int sim_network_run(const sim_scenario *scenario, uint64_t seed, sim_results *out) {
  *out = (sim_results){0};
  sim_network net = {.scenario = scenario, .seed = seed, .results = out};
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
    wpm_manager_free(net.members[i].manager);
  }
  sim_queue_fini(&net.queue);
  free(net.members);
  free(net.ties.items);
  free(net.ties.unused);
  free(net.dials.items);
  free(net.dials.unused);
  return net.error;
}
