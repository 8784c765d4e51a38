/* Links and dials, from both ends. The rules are in sim/world.h. */
#include "sim/check.h"
#include "sim/world.h"

#include <stdlib.h>

#define VAIN_DIALS 8 /* Of as many our policy thinks that there was no network. */
#define STAGGER (250 * WPM_MILLISECOND)
#define TCP_GIVES_UP (INT64_C(924600) * WPM_MILLISECOND)
#define LET_GO_LEAST (20 * WPM_SECOND)
#define LET_GO_RANGE (130 * WPM_SECOND)
#define SETTLED_WITHIN (40 * WPM_SECOND)

enum { LINK_SLOTS_MAX = 1 << 24 };

/* What a draw is for. */
enum { OF_FULL = 100, OF_REFUSAL, OF_LET_GO, OF_TRAFFIC, OF_PRUNE, OF_PORT, OF_WAKING };

/* ---- tables ---------------------------------------------------------------------------------- */

/* Room for one more in a table that grows by doubling, and in the list of its free slots. */
static bool grow(void **table, uint32_t **free_list, uint32_t *room, size_t size) {
  uint32_t wanted = *room > 0 ? 2 * *room : 64;
  if (wanted > LINK_SLOTS_MAX) {
    return false;
  }
  void *grown = realloc(*table, wanted * size);
  if (!grown) {
    return false;
  }
  *table = grown;
  uint32_t *list = realloc(*free_list, wanted * sizeof(*list));
  if (!list) {
    return false;
  }
  *free_list = list;
  *room = wanted;
  return true;
}

static sim_link *new_link(sim_world *world) {
  if (world->free_link_count == 0 && world->link_slots == world->link_room &&
      !grow((void **)&world->links, &world->free_links, &world->link_room, sizeof(*world->links))) {
    world->error = WPM_ERR_NO_MEMORY;
    return NULL;
  }
  uint32_t slot = world->free_link_count > 0 ? world->free_links[--world->free_link_count]
                                             : world->link_slots++;
  sim_link *link = &world->links[slot];
  *link = (sim_link){.id = ++world->next_number << 24 | slot, .unanswered = -1};
  return link;
}

static sim_dial *new_dial(sim_world *world) {
  if (world->free_dial_count == 0 && world->dial_slots == world->dial_room &&
      !grow((void **)&world->dials, &world->free_dials, &world->dial_room, sizeof(*world->dials))) {
    world->error = WPM_ERR_NO_MEMORY;
    return NULL;
  }
  uint32_t slot = world->free_dial_count > 0 ? world->free_dials[--world->free_dial_count]
                                             : world->dial_slots++;
  sim_dial *dial = &world->dials[slot];
  *dial = (sim_dial){.id = ++world->next_number};
  return dial;
}

sim_link *sim_link_find(const sim_world *world, uint32_t slot, uint64_t id) {
  return slot < world->link_slots && id != 0 && world->links[slot].id == id ? &world->links[slot]
                                                                            : NULL;
}

sim_link *sim_link_named(const sim_world *world, uint64_t id) {
  return sim_link_find(world, (uint32_t)(id & 0xffffff), id);
}

/* ---- what is open, and what counts ------------------------------------------------------------ */

bool sim_peer_is_in_reach(const sim_world *world, uint32_t peer) {
  return !world->offline && !world->asleep &&
         (world->partitioned == 0 ||
          !sim_happens(sim_hash(world->seed, world->partition, peer, 0), world->partitioned));
}

bool sim_link_is_open(const sim_world *world, const sim_link *link) {
  return !link->cut && !link->gone && (world->peers[link->peer].flags & SIM_PEER_UP) &&
         sim_peer_is_in_reach(world, link->peer);
}

uint32_t sim_peer_links(const sim_world *world, uint32_t peer) {
  uint32_t count = 0;
  for (uint32_t at = world->peers[peer].link; at > 0; at = world->links[at - 1].next) {
    count += !world->links[at - 1].closed;
  }
  return count;
}

static void move_count(uint32_t *count, bool was, bool is) {
  *count += (uint32_t)is - (uint32_t)was;
}

void sim_peer_recount(sim_world *world, uint32_t number) {
  sim_peer *peer = &world->peers[number];
  uint8_t old = peer->flags;
  bool connected = sim_peer_links(world, number) > 0;
  bool place = connected || peer->dials > 0;
  bool wanted_up = (old & SIM_PEER_WANTED) && (old & SIM_PEER_UP) &&
                   !sim_peer_is_unreachable(world->scenario, world->seed, number);
  uint8_t mask = SIM_PEER_CONNECTED | SIM_PEER_PLACE | SIM_PEER_WANTED_UP;
  uint8_t now = (uint8_t)((old & ~mask) | (connected ? SIM_PEER_CONNECTED : 0) |
                          (place ? SIM_PEER_PLACE : 0) | (wanted_up ? SIM_PEER_WANTED_UP : 0));
  bool both_before = (old & SIM_PEER_WANTED_UP) && (old & SIM_PEER_CONNECTED);
  peer->flags = now;
  sim_attack_recount(world, number);
  move_count(&world->connected, old & SIM_PEER_CONNECTED, connected);
  move_count(&world->places, old & SIM_PEER_PLACE, place);
  if (!place) {
    move_count(&world->asked_places, peer->asked, false);
    peer->asked = false;
    peer->trial = SIM_TRIAL_NONE;
    peer->chosen = false;
  }
  move_count(&world->wanted_up, old & SIM_PEER_WANTED_UP, wanted_up);
  move_count(&world->wanted_connected, both_before, wanted_up && connected);
  world->results->value[SIM_METRIC_DISCONNECTS] += (old & SIM_PEER_CONNECTED) && !connected;
}

static void recount_dead(sim_world *world, sim_link *link) {
  bool dead = !link->closed && (link->cut || link->gone);
  move_count(&world->dead, link->counted_dead, dead);
  link->counted_dead = dead;
}

void sim_peer_backs_off(sim_world *world, uint32_t number, int64_t at, int64_t span) {
  sim_peer *peer = &world->peers[number];
  if (sim_peer_is_relay(world->scenario, world->seed, number) && at + span > peer->allowed_from) {
    peer->allowed_from = at + span;
  }
}

/* The first of the two ends to let go begins the backoff, where it was the last link; a link on which
 * nothing came since we fell asleep, or lost the network, counts as let go then. One that was refused at once never was in a
 * mesh. */
static void backs_off_after(sim_world *world, const sim_link *link) {
  if (link->gone || link->began == world->now) {
    return;
  }
  for (uint32_t at = world->peers[link->peer].link; at > 0; at = world->links[at - 1].next) {
    const sim_link *other = &world->links[at - 1];
    if (other != link && !other->closed && !other->gone) {
      return;
    }
  }
  bool of_gap = world->gap_at > 0 && link->began <= world->gap_at && link->heard <= world->gap_at;
  int64_t since = of_gap ? world->gap_at : world->now;
  sim_peer_backs_off(world, link->peer, since, world->scenario->prune_backoff);
}

/* ---- the life of a link ----------------------------------------------------------------------- */

static void plan_for(sim_world *world, const sim_link *link, int64_t after, sim_event_kind kind) {
  sim_world_plan(world, after, kind, sim_link_slot(link), link->id);
}

static void plan_at_random(sim_world *world, const sim_link *link, int64_t mean,
                           sim_event_kind kind) {
  if (mean > 0) {
    plan_for(world, link, sim_exponential(sim_world_draw(world, OF_TRAFFIC + kind, link->id), mean),
             kind);
  }
}

static void plan_life(sim_world *world, const sim_link *link, const sim_dial *dial) {
  const sim_scenario *scenario = world->scenario;
  int64_t latency = sim_peer_latency(scenario, world->seed, link->peer);
  if (sim_peer_is_behind_box(scenario, world->seed, link->peer)) {
    plan_for(world, link, scenario->idle_limit, SIM_EVENT_IDLE);
  }
  plan_at_random(world, link, scenario->traffic_every, SIM_EVENT_TRAFFIC);
  if (sim_peer_is_relay(scenario, world->seed, link->peer)) {
    plan_at_random(world, link, scenario->prune_every, SIM_EVENT_PRUNE);
    if (dial && dial->early) {
      plan_for(world, link, 2 * latency, SIM_EVENT_PRUNE);
    }
  }
  if (link->next > 0) {
    plan_for(world, link, SETTLED_WITHIN, SIM_EVENT_TWO);
  }
}

/* The addresses of the dial that had failed by the time another won. */
static void tell_failed(const sim_dial *dial, sim_fact *fact) {
  for (size_t i = 0; i < dial->failed_count; i++) {
    if (dial->failed_after[i] < dial->takes) {
      fact->addresses[fact->address_count] = dial->failed[i];
      fact->reasons[fact->address_count++] = dial->reasons[i];
    }
  }
}

void sim_link_begin(sim_world *world, uint32_t number, const sim_dial *dial) {
  sim_link *link = new_link(world);
  if (!link) {
    return;
  }
  sim_peer *peer = &world->peers[number];
  int64_t revived_before = world->revived_at;
  world->revived_at = world->vain >= VAIN_DIALS ? world->now : world->revived_at;
  link->peer = number;
  link->next = peer->link;
  link->began = link->heard = link->pinged = link->moved = world->now;
  link->direction = dial ? WPM_OUTBOUND : WPM_INBOUND;
  peer->link = sim_link_slot(link) + 1;
  peer->met = peer->met || dial;
  world->outbound_rose = world->outbound_rose || dial;
  peer->trial = dial ? peer->trial : SIM_TRIAL_NONE; /* Who comes by itself stays. */
  peer->flags &= (uint8_t)~SIM_PEER_ASKED;
  sim_peer_recount(world, number);
  plan_life(world, link, dial);
  sim_fact fact = {.type = SIM_FACT_CONNECTED,
                   .peer = number,
                   .link = link->id,
                   .dial = dial ? dial->policy_id : 0,
                   .direction = link->direction,
                   .remote =
                       dial ? dial->reached
                            : sim_peer_address(world->scenario, world->seed, number, peer->moves)};
  if (dial) {
    tell_failed(dial, &fact);
  } else {
    fact.remote.port = (uint16_t)(32768 + sim_below(sim_world_draw(world, OF_PORT, number), 28000));
    world->results->value[SIM_METRIC_INBOUND]++;
  }
  bool full = dial && !sim_peer_is_attacker(world->scenario, number) &&
              sim_happens(sim_world_draw(world, OF_FULL, number), world->scenario->full);
  if (full) {
    link->gone = true;
    recount_dead(world, link);
    sim_link_end_after(world, link, sim_peer_latency(world->scenario, world->seed, number),
                       WPM_REASON_EOF);
  }
  link->ip = fact.remote.ip;
  uint64_t id = link->id;
  sim_world_tried(world, number);
  sim_world_tell(world, &fact);
  link = sim_link_named(world, id);
  bool refused = link && link->closed; /* Then it says nothing of the network. */
  world->revived_at = refused ? revived_before : world->revived_at;
  world->vain = refused ? world->vain : 0;
  if (link) {
    sim_check_come(world, link);
  }
}

void sim_link_end_after(sim_world *world, sim_link *link, int64_t after, wpm_reason reason) {
  if (!link->ending) {
    link->ending = true;
    link->reason = reason;
    plan_for(world, link, after, SIM_EVENT_END);
  }
}

void sim_link_cut(sim_world *world, sim_link *link) {
  if (!link->cut) {
    link->cut = true;
    recount_dead(world, link);
    uint64_t draw = sim_world_draw(world, OF_LET_GO, link->id);
    plan_for(world, link, LET_GO_LEAST + (int64_t)sim_below(draw, (uint64_t)LET_GO_RANGE),
             SIM_EVENT_LET_GO);
  }
}

void sim_link_let_go(sim_world *world, sim_link *link) {
  backs_off_after(world, link);
  link->gone = true;
  recount_dead(world, link);
}

void sim_link_drop(sim_world *world, sim_link *link) {
  uint32_t number = link->peer;
  uint32_t *at = &world->peers[number].link;
  uint32_t slot = sim_link_slot(link);
  while (*at > 0 && *at != slot + 1) {
    at = &world->links[*at - 1].next;
  }
  *at = link->next;
  link->closed = true;
  recount_dead(world, link);
  link->id = 0;
  world->free_links[world->free_link_count++] = slot;
  sim_peer_recount(world, number);
}

/* We are told of the end. */
static void end(sim_world *world, sim_link *link) {
  bool by_us = link->closed || link->reason == WPM_REASON_TIMED_OUT;
  if (world->asleep) {
    uint64_t draw = sim_world_draw(world, OF_WAKING, link->id);
    plan_for(world, link,
             world->woken_at - world->now + (int64_t)sim_below(draw, 2 * (uint64_t)WPM_SECOND),
             SIM_EVENT_END);
    return;
  }
  if (world->offline && !by_us) { /* Their farewell is lost on the way. */
    link->ending = false;
    return;
  }
  if (!link->closed) {
    backs_off_after(world, link);
  }
  sim_fact fact = {
      .type = SIM_FACT_DISCONNECTED, .peer = link->peer, .link = link->id, .reason = link->reason};
  sim_link_drop(world, link);
  sim_late_plan(world, SIM_EVENT_LATE_LINK, fact.peer, fact.link);
  sim_world_tell(world, &fact);
}

/* The other end got no answer for long: it lets go, unless the way is open again. */
static void let_go(sim_world *world, sim_link *link) {
  if (!link->gone && !sim_link_is_open(world, link)) {
    sim_link_let_go(world, link);
  }
}

static void give_up(sim_world *world, sim_link *link) {
  if (!link->closed && link->unanswered >= 0 && world->now - link->unanswered >= TCP_GIVES_UP) {
    sim_link_end_after(world, link, 0, WPM_REASON_TIMED_OUT);
  }
}

static void look_at_idle(sim_world *world, sim_link *link) {
  int64_t limit = world->scenario->idle_limit;
  int64_t left = link->moved + limit - world->now;
  if (left > 0) {
    plan_for(world, link, left, SIM_EVENT_IDLE);
    return;
  }
  if (sim_link_is_open(world, link) && !link->closed) {
    world->results->value[SIM_METRIC_IDLE_DROPS]++;
    world->results->value[SIM_METRIC_IDLE_DROPS_LATE] +=
        world->now >= world->scenario->duration / 2;
    sim_check_idle_drop(world, link);
  }
  sim_link_cut(world, link);
}

static void answer(sim_world *world, sim_link *link, const sim_fact *fact) {
  if (sim_link_is_open(world, link) && !link->closed) {
    link->heard = link->moved = world->now;
    world->outbound_rose = world->outbound_rose || link->unanswered >= 0;
    link->unanswered = -1;
    sim_world_tell(world, fact);
  }
}

static void identify(sim_world *world, sim_link *link) {
  sim_fact fact = {.type = SIM_FACT_IDENTIFIED, .peer = link->peer, .link = link->id};
  fact.addresses[0] =
      sim_peer_address(world->scenario, world->seed, link->peer, world->peers[link->peer].moves);
  fact.address_count = 1;
  fact.relay = sim_peer_is_relay(world->scenario, world->seed, link->peer);
  fact.serves = sim_peer_serves(world->scenario, world->seed, link->peer);
  fact.shard = sim_peer_shard(world->scenario, world->seed, link->peer);
  answer(world, link, &fact);
  link = sim_link_named(world, fact.link);
  if (link && !link->closed &&
      link->heard == world->now) { /* Whoever is let go at once is not heard out. */
    link->named = true;
    world->peers[fact.peer].elsewhere = fact.shard > world->scenario->shards;
  }
}

static void pong(sim_world *world, sim_link *link) {
  int64_t latency = sim_peer_latency(world->scenario, world->seed, link->peer);
  sim_fact fact = {
      .type = SIM_FACT_PONG, .peer = link->peer, .link = link->id, .span_ns = 2 * latency};
  answer(world, link, &fact);
}

static void traffic(sim_world *world, sim_link *link) {
  sim_fact fact = {.type = SIM_FACT_RECEIVED, .peer = link->peer, .link = link->id};
  plan_at_random(world, link, world->scenario->traffic_every, SIM_EVENT_TRAFFIC);
  answer(world, link, &fact);
}

/* A PRUNE names its backoff; the link stays. */
static void prune(sim_world *world, sim_link *link) {
  int64_t backoff =
      world->scenario->prune_for > 0 ? world->scenario->prune_for : world->scenario->prune_backoff;
  sim_fact fact = {
      .type = SIM_FACT_PRUNED, .peer = link->peer, .link = link->id, .span_ns = backoff};
  plan_at_random(world, link, world->scenario->prune_every, SIM_EVENT_PRUNE);
  if (sim_link_is_open(world, link) && !link->closed) {
    sim_peer_backs_off(world, link->peer, world->now, backoff);
    answer(world, link, &fact);
  }
}

/* ---- dials ----------------------------------------------------------------------------------- */

/* When, after its start, an attempt on an address fails, or comes up. */
static int64_t attempt(const sim_world *world, uint32_t number, sim_address address,
                       int64_t timeout, bool *up, wpm_reason *reason) {
  const sim_peer *peer = &world->peers[number];
  sim_address live = sim_peer_address(world->scenario, world->seed, number, peer->moves);
  int64_t latency = sim_peer_latency(world->scenario, world->seed, number);
  bool is_live = address.ip == live.ip && address.port == live.port;
  bool in_reach = sim_peer_is_in_reach(world, number) &&
                  !sim_peer_is_unreachable(world->scenario, world->seed, number);
  *up = is_live && in_reach && (peer->flags & SIM_PEER_UP);
  *reason = WPM_REASON_NONE;
  if (*up) {
    return 6 * latency;
  }
  /* Half of the machines say that nobody listens, the rest is silent, as are those beyond reach. */
  if (sim_peer_is_in_reach(world, number) && (in_reach || !is_live) &&
      sim_happens(sim_hash(world->seed, OF_REFUSAL, address.ip, address.port), 500)) {
    *reason = WPM_REASON_REFUSED;
    return 2 * latency;
  }
  *reason = WPM_REASON_DIAL_TIMEOUT;
  return timeout;
}

/* Decides the dial as things stand, and returns how long it takes. */
static int64_t decide(const sim_world *world, sim_dial *dial, const sim_action *action) {
  int64_t start = 0;
  int64_t last = 0;
  int64_t best = INT64_MAX;
  for (size_t i = 0; i < action->address_count; i++) {
    bool up = false;
    wpm_reason reason = WPM_REASON_NONE;
    int64_t took =
        attempt(world, dial->peer, action->addresses[i], action->timeout_ns, &up, &reason);
    int64_t at = start + took < action->timeout_ns ? start + took : action->timeout_ns;
    if (up && start + took <= action->timeout_ns) {
      if (at < best) {
        best = at;
        dial->reached = action->addresses[i];
      }
    } else {
      dial->failed[dial->failed_count] = action->addresses[i];
      dial->failed_after[dial->failed_count] = at;
      dial->reasons[dial->failed_count++] = up ? WPM_REASON_DIAL_TIMEOUT : reason;
      dial->reason = up ? WPM_REASON_DIAL_TIMEOUT : reason;
      last = at > last ? at : last;
    }
    int64_t next = at < start + STAGGER ? at : start + STAGGER;
    start = next < action->timeout_ns ? next : action->timeout_ns;
  }
  dial->succeeds = best != INT64_MAX;
  return dial->succeeds ? best : last;
}

void sim_dial_begin(sim_world *world, const sim_action *action) {
  sim_dial *dial = new_dial(world);
  if (!dial) {
    return;
  }
  sim_peer *peer = &world->peers[action->peer];
  dial->policy_id = action->dial;
  dial->peer = action->peer;
  dial->reason = WPM_REASON_UNSUPPORTED_ADDRESS; /* Unless an address says more. */
  dial->early = world->now < peer->allowed_from && !(peer->flags & SIM_PEER_CONNECTED);
  dial->began = world->now;
  dial->asked = peer->flags & SIM_PEER_ASKED;
  dial->returns = peer->returns;
  int64_t takes = WPM_MILLISECOND;
  if (world->offline) {
    dial->reason = WPM_REASON_LOCAL_FAILURE;
    world->results->value[SIM_METRIC_DIALS_OFFLINE]++;
  } else {
    takes = decide(world, dial, action);
    dial->takes = takes;
    sim_world_tried(world, action->peer);
  }
  world->results->value[SIM_METRIC_DIALS]++;
  world->dialling++;
  world->asked_dials += dial->asked;
  peer->dials++;
  if (world->dialling > world->results->value[SIM_METRIC_DIALS_MOST]) {
    world->results->value[SIM_METRIC_DIALS_MOST] = world->dialling;
  }
  sim_check_dial(world, action);
  move_count(&world->asked_places, peer->asked, peer->asked || dial->asked);
  peer->asked = peer->asked || dial->asked;
  peer->returns = false;
  peer->flags &= (uint8_t)~SIM_PEER_ASKED;
  sim_peer_recount(world, action->peer);
  sim_world_plan(world, takes, SIM_EVENT_DIAL, (uint32_t)(dial - world->dials), dial->id);
}

static void release_dial(sim_world *world, sim_dial *dial) {
  world->peers[dial->peer].dials--;
  world->dialling--;
  world->asked_dials -= dial->asked;
  world->free_dials[world->free_dial_count++] = (uint32_t)(dial - world->dials);
  dial->id = 0;
}

/* It came to nothing, and not by the peer: a peer of the restart stays one. */
static void drop_dial(sim_world *world, sim_dial *dial) {
  sim_peer *peer = &world->peers[dial->peer];
  peer->returns = peer->returns || dial->returns;
  release_dial(world, dial);
  sim_peer_recount(world, dial->peer);
}

void sim_dial_cancel(sim_world *world, uint64_t policy_id) {
  for (uint32_t i = 0; i < world->dial_slots; i++) {
    if (world->dials[i].id != 0 && world->dials[i].policy_id == policy_id) {
      drop_dial(world, &world->dials[i]);
      return;
    }
  }
}

void sim_dials_drop(sim_world *world) {
  for (uint32_t i = 0; i < world->dial_slots; i++) {
    if (world->dials[i].id != 0) {
      drop_dial(world, &world->dials[i]);
    }
  }
}

static void fail_dial(sim_world *world, const sim_dial *dial) {
  sim_fact fact = {.type = SIM_FACT_DIAL_FAILED,
                   .peer = dial->peer,
                   .dial = dial->policy_id,
                   .reason = dial->reason,
                   .address_count = dial->failed_count};
  for (size_t i = 0; i < dial->failed_count; i++) {
    fact.addresses[i] = dial->failed[i];
    fact.reasons[i] = dial->reasons[i];
  }
  world->results->value[SIM_METRIC_DIALS_FAILED]++;
  world->vain = world->connected == 0 ? world->vain + 1 : 0;
  sim_world_tell(world, &fact);
}

static void finish_dial(sim_world *world, uint32_t slot, uint64_t id) {
  if (slot >= world->dial_slots || world->dials[slot].id != id) {
    return;
  }
  if (world->asleep) {
    sim_world_plan(world, world->woken_at - world->now, SIM_EVENT_DIAL, slot, id);
    return;
  }
  sim_dial dial = world->dials[slot];
  bool still =
      (world->peers[dial.peer].flags & SIM_PEER_UP) && sim_peer_is_in_reach(world, dial.peer);
  if (dial.succeeds && !still) {
    dial.succeeds = false;
    dial.reason = world->offline ? WPM_REASON_LOCAL_FAILURE : WPM_REASON_DIAL_TIMEOUT;
  }
  sim_late_plan(world, SIM_EVENT_LATE_DIAL, dial.peer, dial.policy_id);
  if (dial.succeeds) { /* The link has the place that the dial had. */
    release_dial(world, &world->dials[slot]);
    sim_link_begin(world, dial.peer, &dial);
  } else {
    bool by_us = dial.reason == WPM_REASON_LOCAL_FAILURE || dial.began <= world->gap_at ||
                 dial.began <= world->disturbed_at;
    world->dials[slot].returns = dial.returns && by_us;
    drop_dial(world, &world->dials[slot]);
    fail_dial(world, &dial);
  }
}

/* ---- events ---------------------------------------------------------------------------------- */

static void link_event(sim_world *world, sim_event_kind kind, sim_link *link) {
  switch (kind) {
  case SIM_EVENT_END:
    end(world, link);
    break;
  case SIM_EVENT_PONG:
    pong(world, link);
    break;
  case SIM_EVENT_IDENTIFY:
    identify(world, link);
    break;
  case SIM_EVENT_TRAFFIC:
    traffic(world, link);
    break;
  case SIM_EVENT_IDLE:
    look_at_idle(world, link);
    break;
  case SIM_EVENT_PRUNE:
    prune(world, link);
    break;
  case SIM_EVENT_LET_GO:
    let_go(world, link);
    break;
  case SIM_EVENT_GIVE_UP:
    give_up(world, link);
    break;
  case SIM_EVENT_TWO:
    sim_check_two(world, link);
    break;
  case SIM_EVENT_LATE_LINK:
  case SIM_EVENT_LATE_DIAL:
  case SIM_EVENT_SESSION:
  case SIM_EVENT_DIAL:
  case SIM_EVENT_INBOUND:
  case SIM_EVENT_BURST:
  case SIM_EVENT_DISCOVER:
  case SIM_EVENT_FAULT:
  case SIM_EVENT_FAULT_END:
  case SIM_EVENT_STRIKE:
  case SIM_EVENT_ATTACK:
  case SIM_EVENT_ATTACK_INBOUND:
  case SIM_EVENT_ATTACK_END:
  case SIM_EVENT_SAMPLE:
    break;
  }
}

void sim_links_event(sim_world *world, const sim_event *event) {
  if (event->kind == SIM_EVENT_DIAL) {
    finish_dial(world, event->slot, event->number);
    return;
  }
  sim_link *link = sim_link_find(world, event->slot, event->number);
  if (link) {
    link_event(world, (sim_event_kind)event->kind, link);
  }
}
