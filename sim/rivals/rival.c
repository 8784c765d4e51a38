#include "sim/rivals/rival.h"

#include <stdlib.h>
#include <string.h>

void sim_rival_init(sim_rival *rival, const sim_setup *setup) {
  rival->setup = *setup;
  rival->online = true;
  sim_random_init(&rival->random, setup->seed);
}

void sim_rival_fini(sim_rival *rival) {
  sim_rival_peers_fini(&rival->peers);
  free((void *)rival->known.items);
  free(rival->links);
  free(rival->actions);
}

void sim_rival_end(sim_rival *rival) {
  sim_rival_hang_up_all(rival);
  rival->link_count = 0;
  rival->action_count = 0;
  rival->dials = 0;
  rival->connected = 0;
  rival->slept = 0;
  rival->online = true; /* Nothing starts without a network (sim/overlaps.h). */
}

/* ---- lists ----------------------------------------------------------------------------------- */

bool sim_rival_reserve(sim_rival *rival, void **items, size_t *capacity, size_t count,
                       size_t size) {
  if (count < *capacity) {
    return true;
  }
  size_t wanted = *capacity > 0 ? 2 * *capacity : 16;
  void *grown = wanted > SIZE_MAX / size ? NULL : realloc(*items, wanted * size);
  if (!grown) {
    rival->error = WPM_ERR_NO_MEMORY;
    return false;
  }
  *items = grown;
  *capacity = wanted;
  return true;
}

void sim_rival_push(sim_rival *rival, sim_rival_list *list, uint32_t item) {
  if (sim_rival_reserve(rival, (void **)&list->items, &list->capacity, list->count, sizeof(item))) {
    list->items[list->count++] = item;
  }
}

/* Where more room lies in front than is taken behind it, that is used first: so each item moves but once or
 * twice, however many wait. */
void sim_rival_put(sim_rival *rival, sim_rival_queue *queue, uint32_t item) {
  size_t end = queue->first + queue->count;
  if (end == queue->capacity && queue->first > queue->count) {
    memcpy(queue->items, queue->items + queue->first, queue->count * sizeof(item));
    queue->first = 0;
    end = queue->count;
  }
  if (sim_rival_reserve(rival, (void **)&queue->items, &queue->capacity, end, sizeof(item))) {
    queue->items[end] = item;
    queue->count++;
  }
}

uint32_t sim_rival_shift(sim_rival_queue *queue) {
  queue->count--;
  return queue->items[queue->first++];
}

void sim_rival_shuffle(sim_rival *rival, uint32_t *items, size_t count) {
  for (size_t i = count; i > 1; i--) {
    size_t other = (size_t)sim_random_below(&rival->random, i);
    uint32_t kept = items[i - 1];
    items[i - 1] = items[other];
    items[other] = kept;
  }
}

/* ---- the store ------------------------------------------------------------------------------- */

void sim_rival_know(sim_rival *rival, uint32_t number) {
  sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  if (!peer->known && sim_rival_reserve(rival, (void **)&rival->known.items, &rival->known.capacity,
                                        rival->known.count, sizeof(*rival->known.items))) {
    peer->known = true;
    peer->place = (uint32_t)rival->known.count;
    rival->known.items[rival->known.count++] = peer;
  }
}

void sim_rival_forget(sim_rival *rival, uint32_t number) {
  sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  if (peer->known) {
    sim_rival_peer *last = rival->known.items[--rival->known.count];
    rival->known.items[peer->place] = last;
    last->place = peer->place;
    sim_rival_peer kept = {.number = number,
                           .stored = peer->stored,
                           .relay = peer->stored && peer->relay,
                           .record = peer->stored ? peer->record : 0,
                           .shard = peer->stored ? peer->shard : 0,
                           .wanted = peer->wanted,
                           .batch = peer->batch, /* Who dials it still waits for that. */
                           .dial = peer->dial,
                           .links = peer->links};
    *peer = kept;
  }
}

void sim_rival_set_addresses(sim_rival *rival, const sim_fact *fact) {
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  size_t count = fact->address_count;
  peer->address_count = (uint32_t)(count < SIM_RIVAL_ADDRESSES ? count : SIM_RIVAL_ADDRESSES);
  memcpy(peer->addresses, fact->addresses, peer->address_count * sizeof(*peer->addresses));
}

/* ---- links and dials ------------------------------------------------------------------------- */

sim_rival_link *sim_rival_link_of(sim_rival *rival, uint64_t id) {
  for (size_t i = 0; i < rival->link_count; i++) {
    if (rival->links[i].id == id) {
      return &rival->links[i];
    }
  }
  return NULL;
}

static void add_link(sim_rival *rival, const sim_fact *fact) {
  if (sim_rival_reserve(rival, (void **)&rival->links, &rival->link_capacity, rival->link_count,
                        sizeof(*rival->links))) {
    sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
    rival->links[rival->link_count++] = (sim_rival_link){.id = fact->link,
                                                         .peer = peer,
                                                         .direction = fact->direction,
                                                         .ip = fact->remote.ip,
                                                         .pinged_at = -1,
                                                         .ping_due = INT64_MAX};
    rival->connected += peer->links == 0;
    peer->links++;
  }
}

static bool remove_link(sim_rival *rival, uint64_t id) {
  sim_rival_link *link = sim_rival_link_of(rival, id);
  if (!link) {
    return false;
  }
  link->peer->links--;
  rival->connected -= link->peer->links == 0;
  size_t behind = rival->link_count - (size_t)(link - rival->links) - 1;
  memmove(link, link + 1, behind * sizeof(*link));
  rival->link_count--;
  return true;
}

/* False: it has no such dial (any more). */
static bool end_dial(sim_rival *rival, const sim_fact *fact) {
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  if (fact->dial == 0 || peer->dial != fact->dial) {
    return false;
  }
  peer->dial = 0;
  rival->dials--;
  return true;
}

bool sim_rival_note(sim_rival *rival, const sim_fact *fact) {
  sim_rival_link *link = NULL;
  switch (fact->type) {
  case SIM_FACT_CONNECTED:
    (void)end_dial(rival, fact);
    add_link(rival, fact);
    return rival->error == WPM_OK;
  case SIM_FACT_DIAL_FAILED:
    return end_dial(rival, fact);
  case SIM_FACT_DISCONNECTED:
    return remove_link(rival, fact->link);
  case SIM_FACT_RECEIVED:
  case SIM_FACT_IDENTIFIED:
    return sim_rival_link_of(rival, fact->link) != NULL;
  case SIM_FACT_PONG:
    link = sim_rival_link_of(rival, fact->link);
    if (link) {
      link->pinged_at = -1;
      link->pings_missed = 0;
    }
    return link != NULL;
  case SIM_FACT_ONLINE:
    rival->online = fact->flag;
    return true;
  case SIM_FACT_WOKE:
    rival->slept += fact->span_ns;
    return true;
  case SIM_FACT_MOVED:
  case SIM_FACT_FOUND:
  case SIM_FACT_PERSON_WANTS:
  case SIM_FACT_PROTECTED:
  case SIM_FACT_BANNED:
  case SIM_FACT_RANGE_BANNED:
  case SIM_FACT_MISBEHAVED:
  case SIM_FACT_SHORTAGE:
  case SIM_FACT_PRUNED: /* GossipSub keeps its backoff to itself: no peer manager asks it. */
    return true;
  }
  return false;
}

size_t sim_rival_relay_links(const sim_rival *rival, wpm_direction direction) {
  size_t count = 0;
  for (size_t i = 0; i < rival->link_count; i++) {
    const sim_rival_link *link = &rival->links[i];
    count += link->peer->relay && (direction == WPM_DIRECTION_NONE || link->direction == direction);
  }
  return count;
}

uint8_t sim_rival_topic(const sim_rival *rival, const sim_rival_peer *peer) {
  if (!peer->relay || rival->setup.shards == 0) {
    return peer->relay;
  }
  return peer->shard <= rival->setup.shards ? peer->shard : 0;
}

/* ---- actions --------------------------------------------------------------------------------- */

static sim_action *add_action(sim_rival *rival, sim_action_type type, uint32_t peer) {
  if (rival->action_first > 0 && rival->action_first == rival->action_count) {
    rival->action_first = rival->action_count = 0;
  }
  if (!sim_rival_reserve(rival, (void **)&rival->actions, &rival->action_capacity,
                         rival->action_count, sizeof(*rival->actions))) {
    return NULL;
  }
  sim_action *action = &rival->actions[rival->action_count++];
  *action = (sim_action){.type = type, .peer = peer};
  return action;
}

void sim_rival_dial_at(sim_rival *rival, uint32_t number, int64_t timeout_ns,
                       const sim_address *addresses, size_t count) {
  sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  sim_action *action = add_action(rival, SIM_ACTION_DIAL, number);
  if (action) {
    peer->dial = ++rival->next_dial;
    action->dial = peer->dial;
    action->timeout_ns = timeout_ns;
    action->address_count = count;
    memcpy(action->addresses, addresses, count * sizeof(*addresses));
    rival->dials++;
  }
}

void sim_rival_dial(sim_rival *rival, uint32_t number, int64_t timeout_ns) {
  const sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  sim_rival_dial_at(rival, number, timeout_ns, peer->addresses, peer->address_count);
}

static void ask(sim_rival *rival, uint64_t id, sim_action_type type, wpm_reason reason) {
  const sim_rival_link *link = sim_rival_link_of(rival, id);
  sim_action *action = link ? add_action(rival, type, link->peer->number) : NULL;
  if (action) {
    action->link = id;
    action->reason = reason;
  }
}

void sim_rival_close(sim_rival *rival, uint64_t link, wpm_reason reason) {
  ask(rival, link, SIM_ACTION_CLOSE, reason);
}

void sim_rival_refuse(sim_rival *rival, uint64_t link) {
  sim_rival_close(rival, link, WPM_REASON_LOCAL_CLOSE);
  (void)remove_link(rival, link);
}

void sim_rival_ping(sim_rival *rival, uint64_t link) {
  ask(rival, link, SIM_ACTION_PING, WPM_REASON_NONE);
}

void sim_rival_identify(sim_rival *rival, uint64_t link) {
  ask(rival, link, SIM_ACTION_IDENTIFY, WPM_REASON_NONE);
}

bool sim_rival_next_action(sim_rival *rival, sim_action *out) {
  if (rival->action_first >= rival->action_count) {
    rival->action_first = rival->action_count = 0;
    return false;
  }
  *out = rival->actions[rival->action_first++];
  return true;
}

void sim_rival_counts(const sim_rival *rival, sim_counts *out) {
  *out = (sim_counts){.known = rival->known.count};
  for (size_t i = 0; i < rival->known.count; i++) {
    const sim_rival_peer *peer = rival->known.items[i];
    out->state[peer->links > 0                ? WPM_CONNECTED
               : peer->state == WPM_CONNECTED ? WPM_CAN_CONNECT
                                              : peer->state]++;
  }
}

size_t sim_rival_pick(const sim_rival *rival, uint64_t draw, uint32_t *out, size_t most) {
  sim_random random;
  size_t seen = 0;
  sim_random_init(&random, draw);
  for (size_t i = 0; i < rival->known.count; i++) {
    if (rival->known.items[i]->address_count == 0) {
      continue;
    }
    /* The first ones, and of each that follows it is drawn whether it takes the place of one. */
    uint64_t at = seen < most ? seen : sim_random_below(&random, seen + 1);
    if (at < most) {
      out[at] = rival->known.items[i]->number;
    }
    seen++;
  }
  return seen < most ? seen : most;
}
