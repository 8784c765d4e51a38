#include "sim/network.h"

#include "sim/identity.h"
#include "sim/peers.h"
#include "sim/queue.h"
#include "sim/random.h"

#include <wakupeers/manager.h>

#include <stdlib.h>
#include <string.h>

#define MONO_AT_BOOT (1000 * WPM_SECOND)
#define WALL_AT_BEGINNING (1735689600 * WPM_SECOND) /* 2025-01-01. */
#define CONFIRMED_AFTER WPM_MILLISECOND

enum { SLOT_BITS = 24, STORE_OF_EACH = 1000, TOLD_MOST = 64 };

typedef enum event_kind {
  WAKE,    /* slot: member; number: the deadline. */
  SESSION, /* A member comes or goes. slot. */
  ASK,     /* A member asks for others. slot. */
  ARRIVE,  /* A dial is decided. slot, number. */
  END,     /* One end of a tie is told that it is over. number, slot: the side. */
  PONG,    /* The same of what one end asked for. */
  IDENTIFY,
  SAMPLE
} event_kind;

typedef struct member {
  wpm_manager *manager;
  int64_t wake_at; /* When it will be called next; INT64_MAX: not by itself. */
  uint16_t turn;
  bool up;
} member;

/* A connection, with the dialler's end (0) and the listener's (1). */
typedef struct tie {
  uint64_t number; /* 0: the slot is free. */
  uint32_t members[2];
  bool live[2];   /* That end's manager believes in it. */
  bool open[2];   /* That end has neither closed it nor been told of its end. */
  bool ending[2]; /* An END is in the queue. */
  uint8_t reason[2];
} tie;

typedef struct network_dial {
  uint64_t number; /* 0: the slot is free. */
  uint32_t from, to;
  wpm_dial_id dial;
} network_dial;

/* A table of things with a number, of which the low bits are the slot. */
typedef struct table {
  void *items;
  uint32_t *unused;
  uint32_t count, capacity, unused_count;
} table;

typedef struct network {
  const sim_scenario *scenario;
  uint64_t seed;
  int64_t now;
  sim_queue queue;
  sim_random random;
  member *members;
  table ties, dials;
  uint64_t next_number;
  uint32_t up, dialling;
  uint64_t connected; /* Ends that are live. */
  int64_t connected_time, up_time, counted_to;
  int error;
  sim_results *results;
} network;

/* ---- tables ------------------------------------------------------------------------------------ */

/* A free slot; UINT32_MAX: no memory. */
static uint32_t take_slot(table *t, size_t size) {
  if (t->unused_count > 0) {
    return t->unused[--t->unused_count];
  }
  if (t->count == t->capacity) {
    uint32_t capacity = t->capacity ? 2 * t->capacity : 1024;
    void *items = capacity <= 1u << SLOT_BITS ? realloc(t->items, capacity * size) : NULL;
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

static void give_slot(table *t, uint32_t slot) {
  t->unused[t->unused_count++] = slot;
}

static tie *tie_of(const network *net, uint64_t number) {
  uint32_t slot = number & ((1u << SLOT_BITS) - 1);
  tie *t = slot < net->ties.count ? (tie *)net->ties.items + slot : NULL;
  return t && number != 0 && t->number == number ? t : NULL;
}

static network_dial *dial_of(const network *net, uint64_t number) {
  uint32_t slot = number & ((1u << SLOT_BITS) - 1);
  network_dial *d = slot < net->dials.count ? (network_dial *)net->dials.items + slot : NULL;
  return d && number != 0 && d->number == number ? d : NULL;
}

/* ---- time -------------------------------------------------------------------------------------- */

static wpm_instant clocks(const network *net) {
  return (wpm_instant){{net->now + MONO_AT_BOOT}, {net->now + WALL_AT_BEGINNING}, 1};
}

static void plan(network *net, int64_t after, event_kind kind, uint32_t slot, uint64_t number) {
  if (after > net->scenario->duration - net->now) {
    return; /* Nobody will see it. */
  }
  sim_event event = {.at = net->now + after, .number = number, .slot = slot, .kind = kind};
  if (!sim_queue_put(&net->queue, &event)) {
    net->error = WPM_ERR_NO_MEMORY;
  }
}

static int64_t latency(const network *net, uint32_t a, uint32_t b) {
  return (sim_peer_latency(net->scenario, net->seed, a) +
          sim_peer_latency(net->scenario, net->seed, b)) /
         2;
}

static void count_time(network *net) {
  int64_t us = (net->now - net->counted_to) / 1000;
  net->counted_to += us * 1000;
  net->connected_time += us * (int64_t)(net->connected / 16);
  net->up_time += us * (int64_t)net->up / 16;
}

/* The manager is called at its next deadline, unless it is before. */
static void plan_wake(network *net, uint32_t number) {
  member *self = &net->members[number];
  wpm_mono due = wpm_manager_next_deadline(self->manager);
  if (due.ns == WPM_NEVER.ns) {
    return;
  }
  int64_t at = due.ns - MONO_AT_BOOT > net->now ? due.ns - MONO_AT_BOOT : net->now;
  if (at < self->wake_at) {
    self->wake_at = at;
    plan(net, at - net->now, WAKE, number, (uint64_t)at);
  }
}

/* ---- ties -------------------------------------------------------------------------------------- */

static wpm_connection_id connection_of(const tie *t, int side) {
  return t->number << 1 | (unsigned)side;
}

static void set_live(network *net, tie *t, int side, bool live) {
  net->connected += (uint64_t)live - (uint64_t)t->live[side];
  t->live[side] = live;
}

static void drop_if_over(network *net, tie *t) {
  if (!t->live[0] && !t->live[1] && !t->ending[0] && !t->ending[1]) {
    give_slot(&net->ties, (uint32_t)(t->number & ((1u << SLOT_BITS) - 1)));
    t->number = 0;
  }
}

static void end_after(network *net, tie *t, int side, int64_t after, wpm_reason reason) {
  if (t->live[side] && !t->ending[side]) {
    t->ending[side] = true;
    t->reason[side] = (uint8_t)reason;
    plan(net, after, END, (uint32_t)side, t->number);
  }
}

static int64_t way(const network *net, const tie *t) {
  return latency(net, t->members[0], t->members[1]);
}

/* One end asks the other for something: it comes back, or a reset does, or nothing. */
static void ask(network *net, tie *t, int side, event_kind answer) {
  if (!net->members[t->members[!side]].up) {
    return;
  }
  if (t->open[side] && t->open[!side]) {
    plan(net, 2 * way(net, t), answer, (uint32_t)side, t->number);
  } else {
    end_after(net, t, side, 2 * way(net, t), WPM_REASON_RESET);
  }
}

static void close_tie(network *net, tie *t, int side, wpm_reason reason) {
  t->open[side] = false;
  end_after(net, t, side, CONFIRMED_AFTER, reason);
  if (net->members[t->members[!side]].up) {
    end_after(net, t, !side, way(net, t), WPM_REASON_EOF);
  }
}

/* ---- a member's manager ------------------------------------------------------------------------ */

static void begin_dial(network *net, uint32_t number, const wpm_action *action) {
  uint32_t slot = take_slot(&net->dials, sizeof(network_dial));
  if (slot == UINT32_MAX) {
    net->error = WPM_ERR_NO_MEMORY;
    return;
  }
  network_dial *dial = (network_dial *)net->dials.items + slot;
  *dial = (network_dial){.number = ++net->next_number << SLOT_BITS | slot,
                         .from = number,
                         .to = sim_identity_number(action->peer),
                         .dial = action->u.dial.dial};
  bool reachable =
      net->members[dial->to].up && !sim_peer_is_unreachable(net->scenario, net->seed, dial->to);
  net->results->value[SIM_METRIC_DIALS]++;
  net->dialling++;
  plan(net, reachable ? 6 * latency(net, number, dial->to) : 10 * WPM_SECOND, ARRIVE, slot,
       dial->number);
}

static void cancel_dial(network *net, uint32_t number, wpm_dial_id id) {
  for (uint32_t slot = 0; slot < net->dials.count; slot++) {
    network_dial *dial = (network_dial *)net->dials.items + slot;
    if (dial->number != 0 && dial->from == number && dial->dial == id) {
      dial->dial = 0; /* It arrives in vain. */
      return;
    }
  }
}

static void act(network *net, uint32_t number, const wpm_action *action) {
  wpm_connection_id connection = action->type == WPM_ACTION_DISCONNECT
                                     ? action->u.disconnect.connection
                                     : action->u.ping.connection;
  tie *t = NULL;
  int side = (int)(connection & 1);
  switch (action->type) {
  case WPM_ACTION_DIAL:
    begin_dial(net, number, action);
    break;
  case WPM_ACTION_CANCEL_DIAL:
    cancel_dial(net, number, action->u.cancel_dial.dial);
    break;
  case WPM_ACTION_DISCONNECT:
    t = tie_of(net, connection >> 1);
    if (t) {
      close_tie(net, t, side, action->u.disconnect.reason);
    }
    break;
  case WPM_ACTION_PING:
    net->results->value[SIM_METRIC_PINGS]++;
    t = tie_of(net, connection >> 1);
    if (t) {
      ask(net, t, side, PONG);
    }
    break;
  case WPM_ACTION_IDENTIFY:
    t = tie_of(net, connection >> 1);
    if (t) {
      ask(net, t, side, IDENTIFY);
    }
    break;
  case WPM_ACTION_REQUEST_METADATA: /* Comes with identify. */
  case WPM_ACTION_PERSIST:
  case WPM_ACTION_FORGET:
  case WPM_ACTION_NOTIFY:
    break;
  }
}

static void pull(network *net, uint32_t number) {
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

static void tell(network *net, uint32_t number, const wpm_event *event) {
  if (net->error || !net->members[number].up) {
    return;
  }
  net->results->value[SIM_METRIC_FACTS]++;
  int err = wpm_manager_handle(net->members[number].manager, event, clocks(net));
  if (err == WPM_ERR_NO_MEMORY) {
    net->error = err;
  }
  pull(net, number);
}

static void tell_of(network *net, uint32_t number, uint32_t other) {
  uint8_t id[SIM_ID_SIZE];
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
  tell(net, number, &event);
}

static void tell_connected(network *net, const tie *t, int side, wpm_dial_id dial) {
  uint8_t id[SIM_ID_SIZE];
  uint8_t remote[SIM_MULTIADDR_SIZE];
  uint32_t other = t->members[!side];
  sim_address address = sim_peer_address(net->scenario, net->seed, other, 0);
  address.port = side == 1 ? (uint16_t)(32768 + (t->number >> SLOT_BITS) % 28000) : address.port;
  sim_identity(other, id);
  sim_multiaddr(address, remote);
  wpm_event event = {.type = WPM_EVENT_CONNECTED, .peer = {id, sizeof(id)}};
  event.u.connected.connection = connection_of(t, side);
  event.u.connected.dial = dial;
  event.u.connected.direction = side == 0 ? WPM_OUTBOUND : WPM_INBOUND;
  event.u.connected.remote = (wpm_bytes){remote, sizeof(remote)};
  event.u.connected.public_key = (wpm_bytes){id + 2, sizeof(id) - 2};
  tell(net, t->members[side], &event);
}

/* ---- what happens ------------------------------------------------------------------------------ */

/* The listener's own record says whether the dialler kept to its backoff. */
static void look_at_backoff(network *net, const network_dial *dial) {
  uint8_t id[SIM_ID_SIZE];
  wpm_peer_record record;
  sim_identity(dial->from, id);
  const wpm_store *store = wpm_manager_store(net->members[dial->to].manager);
  if (wpm_store_get(store, (wpm_bytes){id, sizeof(id)}, &record) != WPM_OK ||
      record.connectivity == WPM_CONNECTED || !wpm_wall_known(record.disconnect_time) ||
      record.reason == WPM_REASON_PING_TIMEOUT || record.reason == WPM_REASON_RESET) {
    return; /* It found out late, and the dialler cannot know when. */
  }
  int64_t since = clocks(net).wall.ns - record.disconnect_time.ns;
  /* The dial was begun before it arrives. */
  if (since + 6 * latency(net, dial->from, dial->to) < net->scenario->prune_backoff) {
    net->results->value[SIM_METRIC_DIALS_EARLY]++;
  }
}

static void fail(network *net, const network_dial *dial) {
  uint8_t id[SIM_ID_SIZE];
  sim_identity(dial->to, id);
  wpm_event event = {.type = WPM_EVENT_DIAL_FAILED, .peer = {id, sizeof(id)}};
  event.u.dial_failed.dial = dial->dial;
  event.u.dial_failed.reason = WPM_REASON_DIAL_TIMEOUT;
  net->results->value[SIM_METRIC_DIALS_FAILED]++;
  tell(net, dial->from, &event);
}

static void arrive(network *net, uint32_t slot, uint64_t number) {
  network_dial *found = dial_of(net, number);
  if (!found) {
    return;
  }
  network_dial dial = *found;
  found->number = 0;
  give_slot(&net->dials, slot);
  net->dialling--;
  bool meets = net->members[dial.from].up && net->members[dial.to].up &&
               !sim_peer_is_unreachable(net->scenario, net->seed, dial.to);
  if (dial.dial == 0) {
    return;
  }
  uint32_t at = meets ? take_slot(&net->ties, sizeof(tie)) : 0;
  if (!meets || at == UINT32_MAX) {
    net->error = meets ? WPM_ERR_NO_MEMORY : net->error;
    fail(net, &dial);
    return;
  }
  look_at_backoff(net, &dial);
  tie *t = (tie *)net->ties.items + at;
  *t = (tie){.number = ++net->next_number << SLOT_BITS | at,
             .members = {dial.from, dial.to},
             .open = {true, true}};
  uint64_t made = t->number;
  set_live(net, t, 0, true);
  set_live(net, t, 1, true);
  net->results->value[SIM_METRIC_INBOUND]++;
  tell_connected(net, t, 1, 0);
  t = tie_of(net, made);
  if (t) {
    net->results->value[SIM_METRIC_INBOUND_REFUSED] += !t->open[1];
    tell_connected(net, t, 0, dial.dial);
  }
}

static void end(network *net, uint64_t number, int side) {
  tie *t = tie_of(net, number);
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
  event.u.disconnected.connection = connection_of(t, side);
  event.u.disconnected.reason = (wpm_reason)t->reason[side];
  t->open[side] = false;
  set_live(net, t, side, false);
  net->results->value[SIM_METRIC_DISCONNECTS]++;
  drop_if_over(net, t);
  tell(net, self, &event);
}

#define TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})

static void answer(network *net, uint64_t number, int side, event_kind kind) {
  tie *t = tie_of(net, number);
  if (!t || !t->live[side] || !t->open[side] || !net->members[t->members[!side]].up) {
    return;
  }
  uint8_t id[SIM_ID_SIZE];
  uint32_t self = t->members[side];
  uint32_t other = t->members[!side];
  wpm_connection_id connection = connection_of(t, side);
  sim_identity(other, id);
  wpm_event event = {.type = WPM_EVENT_PONG, .peer = {id, sizeof(id)}};
  if (kind == PONG) {
    event.u.pong.connection = connection;
    event.u.pong.rtt_ns = 2 * way(net, t);
    tell(net, self, &event);
    return;
  }
  const wpm_text protocols[] = {TEXT("/ipfs/id/1.0.0"), TEXT("/ipfs/ping/1.0.0"),
                                TEXT("/vac/waku/metadata/1.0.0"), TEXT("/vac/waku/relay/2.0.0")};
  uint8_t address[SIM_MULTIADDR_SIZE];
  wpm_bytes view = {address, sizeof(address)};
  sim_multiaddr(sim_peer_address(net->scenario, net->seed, other, 0), address);
  wpm_identified told = {
      .addresses = &view, .address_count = 1, .protocols = protocols, .protocol_count = 4};
  event.type = WPM_EVENT_IDENTIFIED;
  event.u.identified.connection = connection;
  event.u.identified.identified = &told;
  tell(net, self, &event);
  wpm_event metadata = {.type = WPM_EVENT_METADATA, .peer = {id, sizeof(id)}};
  metadata.u.metadata.connection = connection;
  metadata.u.metadata.has_cluster_id = true;
  metadata.u.metadata.cluster_id = 1;
  tell(net, self, &metadata);
}

/* As by DNS discovery: some of all. */
static void bootstrap(network *net, uint32_t number, uint32_t count) {
  for (uint32_t k = 0; k < count; k++) {
    tell_of(net, number, (uint32_t)sim_random_below(&net->random, net->scenario->managers));
  }
}

/* Peer exchange: somebody that it is connected with tells it of some whom it knows. */
static void ask_for_others(network *net, uint32_t number) {
  const sim_scenario *scenario = net->scenario;
  const wpm_term connected = {.kind = WPM_TERM_CONNECTIVITY, .number = WPM_CONNECTED};
  const wpm_term with_address = {.kind = WPM_TERM_ADDRESS};
  const wpm_query whom = {&connected, 1};
  const wpm_query what = {&with_address, 1};
  wpm_peer_ref refs[TOLD_MOST];
  size_t found = 0;
  plan(net, sim_exponential(sim_random_next(&net->random), scenario->discover_every), ASK, number,
       0);
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
      tell_of(net, number, sim_identity_number(record.id));
    }
  }
}

/* Its connections end, and the others are told. One that vanishes keeps its own, deaf and mute. */
static void leave(network *net, uint32_t number) {
  for (uint32_t slot = 0; slot < net->ties.count; slot++) {
    tie *t = (tie *)net->ties.items + slot;
    for (int side = 0; side < 2; side++) {
      if (t->number != 0 && t->members[side] == number && t->open[side]) {
        t->open[side] = false;
        end_after(net, t, !side, way(net, t), WPM_REASON_EOF);
      }
    }
  }
}

static void session(network *net, uint32_t number) {
  member *self = &net->members[number];
  self->turn++;
  self->up = !self->up;
  net->up += self->up ? 1 : UINT32_MAX;
  if (!self->up) {
    if (!sim_happens(sim_random_next(&net->random), net->scenario->vanish)) {
      leave(net, number);
    }
  } else if (!net->error) { /* It wakes, and sees that it slept. */
    int err = wpm_manager_advance(self->manager, clocks(net));
    net->error = err == WPM_ERR_NO_MEMORY ? err : net->error;
    self->wake_at = INT64_MAX;
    pull(net, number);
    if (wpm_store_count(wpm_manager_store(self->manager)) == 0) {
      bootstrap(net, number, net->scenario->heard);
    }
  }
  plan(net, sim_peer_stays(net->scenario, net->seed, number, self->turn, self->up), SESSION, number,
       0);
}

static void wake(network *net, uint32_t number, uint64_t at) {
  member *self = &net->members[number];
  if (self->wake_at != (int64_t)at || !self->up) {
    return;
  }
  self->wake_at = INT64_MAX;
  int err = wpm_manager_advance(self->manager, clocks(net));
  net->error = err == WPM_ERR_NO_MEMORY ? err : net->error;
  pull(net, number);
}

static void sample(network *net) {
  sim_results *r = net->results;
  plan(net, net->scenario->duration / SIM_SAMPLES, SAMPLE, 0, 0);
  if (r->samples < SIM_SAMPLES) {
    uint32_t at = r->samples++;
    r->sampled_at[at] = net->now;
    r->course[SIM_COURSE_CONNECTED][at] = (uint32_t)(net->connected / 2);
    r->course[SIM_COURSE_DIALS][at] = net->dialling;
    r->course[SIM_COURSE_UP][at] = net->up;
  }
}

static void happen(network *net, const sim_event *event) {
  switch ((event_kind)event->kind) {
  case WAKE:
    wake(net, event->slot, event->number);
    break;
  case SESSION:
    session(net, event->slot);
    break;
  case ASK:
    ask_for_others(net, event->slot);
    break;
  case ARRIVE:
    arrive(net, event->slot, event->number);
    break;
  case END:
    end(net, event->number, (int)event->slot);
    break;
  case PONG:
  case IDENTIFY:
    answer(net, event->number, (int)event->slot, (event_kind)event->kind);
    break;
  case SAMPLE:
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
static int64_t largest_part(const network *net) {
  uint32_t count = net->scenario->managers;
  uint32_t *parents = malloc(2 * (size_t)count * sizeof(*parents));
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
    const tie *t = (const tie *)net->ties.items + slot;
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

static void sum_up(network *net) {
  int64_t *value = net->results->value;
  int64_t bytes = 0;
  int64_t least = INT64_MAX;
  count_time(net);
  for (uint32_t i = 0; i < net->scenario->managers; i++) {
    const member *self = &net->members[i];
    int64_t count = (int64_t)wpm_manager_connection_count(self->manager);
    bytes += (int64_t)wpm_store_bytes(wpm_manager_store(self->manager));
    least = self->up && count < least ? count : least;
    value[SIM_METRIC_KNOWN_END] += (int64_t)wpm_store_count(wpm_manager_store(self->manager));
  }
  int64_t members = net->scenario->managers;
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

static int make_manager(network *net, uint32_t number) {
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

static void begin(network *net) {
  const sim_scenario *scenario = net->scenario;
  sim_random_init(&net->random, net->seed);
  for (uint32_t i = 0; i < scenario->managers && !net->error; i++) {
    member *self = &net->members[i];
    self->wake_at = INT64_MAX;
    self->up = sim_peer_starts_up(scenario, net->seed, i);
    net->up += self->up;
    net->error = make_manager(net, i);
    plan(net, sim_peer_stays(scenario, net->seed, i, 0, self->up), SESSION, i, 0);
    plan(net, sim_exponential(sim_random_next(&net->random), scenario->discover_every), ASK, i, 0);
  }
  for (uint32_t i = 0; i < scenario->managers && !net->error; i++) {
    bootstrap(net, i, scenario->heard);
  }
  plan(net, 0, SAMPLE, 0, 0);
}

static void live(network *net) {
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
  network net = {.scenario = scenario, .seed = seed, .results = out};
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
