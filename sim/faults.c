/* What befalls peers and us: comings and goings, and the faults of the time line. */
#include "sim/world.h"

enum { OF_GOING = 200, OF_MOVING, OF_RETURN, OF_QUAKE, OF_RESET, OF_TELLER };

/* ---- peers come and go ------------------------------------------------------------------------ */

void sim_peer_comes(sim_world *world, uint32_t number) {
  sim_peer *peer = &world->peers[number];
  if (peer->flags & SIM_PEER_UP) {
    return;
  }
  if (sim_happens(sim_hash(world->seed, OF_MOVING, number, peer->turn), world->scenario->moving)) {
    peer->moves++;
  }
  peer->flags |= SIM_PEER_UP;
  world->up++;
  sim_peer_recount(world, number);
  /* What we send next on a link of its life before meets a reset. */
  for (uint32_t at = peer->link; at > 0; at = world->links[at - 1].next) {
    sim_link *link = &world->links[at - 1];
    if (!link->cut && sim_peer_is_in_reach(world, number)) {
      uint64_t draw = sim_world_draw(world, OF_RETURN, link->id);
      sim_link_end_after(world, link, (int64_t)sim_below(draw, (uint64_t)WPM_MINUTE),
                         WPM_REASON_RESET);
    }
  }
}

void sim_peer_goes(sim_world *world, uint32_t number) {
  sim_peer *peer = &world->peers[number];
  if (!(peer->flags & SIM_PEER_UP)) {
    return;
  }
  uint64_t draw = sim_hash(world->seed, OF_GOING, number, peer->turn);
  bool vanishes = sim_happens(draw, world->scenario->vanish);
  for (uint32_t at = peer->link; at > 0; at = world->links[at - 1].next) {
    sim_link *link = &world->links[at - 1];
    bool told = !vanishes && sim_link_is_open(world, link);
    sim_link_let_go(world, link);
    if (told) { /* Most end their streams; some are killed in the middle of a frame. */
      sim_link_end_after(world, link, sim_peer_latency(world->scenario, world->seed, number),
                         draw % 4 == 0 ? WPM_REASON_TRUNCATED : WPM_REASON_EOF);
    }
  }
  peer->flags &= (uint8_t)~SIM_PEER_UP;
  world->up--;
  sim_peer_recount(world, number);
}

/* ---- the way to the network -------------------------------------------------------------------- */

/* Every link whose way is closed now will be given up by its other end, if it stays so. */
static void way_closes(sim_world *world) {
  for (uint32_t slot = 0; slot < world->link_slots; slot++) {
    sim_link *link = &world->links[slot];
    if (link->id != 0 && !link->gone && !sim_link_is_open(world, link)) {
      uint64_t draw = sim_world_draw(world, OF_RESET, link->id);
      sim_world_plan(world, 20 * WPM_SECOND + (int64_t)sim_below(draw, 130 * (uint64_t)WPM_SECOND),
                     SIM_EVENT_LET_GO, slot, link->id);
    }
  }
}

/* What we send on links that the other end gave up meets a reset, within a second or so: a node
 * always has something to send. */
static void way_opens(sim_world *world) {
  world->disturbed_at = world->now;
  for (uint32_t slot = 0; slot < world->link_slots; slot++) {
    sim_link *link = &world->links[slot];
    if (link->id != 0 && link->gone && !link->cut && !link->closed &&
        (world->peers[link->peer].flags & SIM_PEER_UP) && sim_peer_is_in_reach(world, link->peer)) {
      uint64_t draw = sim_world_draw(world, OF_RESET, link->id);
      sim_link_end_after(world, link, (int64_t)sim_below(draw, (uint64_t)WPM_SECOND),
                         WPM_REASON_RESET);
    }
  }
}

static void set_online(sim_world *world, bool online) {
  world->offline = !online;
  world->gap_at = online ? world->gap_at : world->now;
  sim_fact fact = {.type = SIM_FACT_ONLINE, .flag = online};
  sim_world_tell(world, &fact);
}

static void address_changes(sim_world *world) {
  world->disturbed_at = world->now;
  for (uint32_t slot = 0; slot < world->link_slots; slot++) {
    if (world->links[slot].id != 0) {
      sim_link_cut(world, &world->links[slot]);
    }
  }
  sim_fact fact = {.type = SIM_FACT_MOVED};
  sim_world_tell(world, &fact);
}

/* ---- what others do to us ---------------------------------------------------------------------- */

uint32_t sim_world_teller(const sim_world *world, bool hostile) {
  uint64_t start = sim_world_draw(world, OF_TELLER, hostile);
  for (uint32_t i = 0; i < world->link_slots; i++) {
    const sim_link *link = &world->links[(start % world->link_slots + i) % world->link_slots];
    if (link->id != 0 && !link->closed && !link->gone &&
        sim_peer_is_attacker(world->scenario, link->peer) == hostile) {
      return 1 + link->peer;
    }
  }
  return 0;
}

void sim_peer_heard_of(sim_world *world, uint32_t number, uint32_t told_by) {
  sim_fact fact = {.type = SIM_FACT_FOUND, .peer = number, .told_by = told_by};
  sim_peer_heard(world->scenario, world->seed, world->peers[number].moves,
                 sim_random_next(&world->others), &fact);
  sim_world_tell(world, &fact);
}

/* By peer exchange, or by DNS where we are connected with nobody. */
void sim_world_discover(sim_world *world, uint32_t count) {
  uint32_t teller = sim_world_teller(world, false);
  uint32_t peers[SIM_EXPECTED_MAX];
  for (uint32_t told = 0; told < count;) {
    uint32_t some = count - told < SIM_EXPECTED_MAX ? count - told : SIM_EXPECTED_MAX;
    for (uint32_t i = 0; i < some; i++) {
      peers[i] = (uint32_t)sim_random_below(&world->others, sim_peers_honest(world->scenario));
      __builtin_prefetch(&world->peers[peers[i]]);
    }
    if (world->type->expect && sim_world_listens(world)) {
      world->type->expect(world->policy, peers, some);
    }
    for (uint32_t i = 0; i < some; i++) {
      sim_peer_heard_of(world, peers[i], teller);
    }
    told += some;
  }
}

void sim_world_inbound(sim_world *world) {
  sim_peer_dials_us(world,
                    (uint32_t)sim_random_below(&world->others, sim_peers_honest(world->scenario)));
}

void sim_peer_dials_us(sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  if (sim_world_listens(world) && (peer->flags & SIM_PEER_UP) &&
      !(peer->flags & SIM_PEER_CONNECTED) && peer->allowed_from <= world->now &&
      sim_peer_is_in_reach(world, number)) {
    sim_link_begin(world, number, NULL);
  }
}

/* The host judges them, and their links end. */
static void misbehave(sim_world *world, uint32_t count) {
  sim_person_blames(world, count);
  for (uint32_t slot = 0; slot < world->link_slots; slot++) {
    sim_link *link = &world->links[slot];
    const sim_judgement *said = link->id != 0 ? sim_person_said(world, link->peer) : NULL;
    if (said && said->blamed_at == world->now && !link->closed) {
      sim_link_end_after(world, link, 0, WPM_REASON_PROTOCOL_VIOLATION);
    }
  }
}

/* An eighth of the places is given up, one at least, and for a minute no more are given out; but eight always
 * are (core/shortage.h). Within ten seconds it is the same shortage. */
static void run_short(sim_world *world) {
  sim_fact fact = {.type = SIM_FACT_SHORTAGE};
  if (world->running && world->now >= world->short_at + 10 * WPM_SECOND) {
    uint32_t goes = world->places / 8 + 1;
    uint32_t left = world->places > goes ? world->places - goes : 0;
    world->short_at = world->now;
    world->ceiling = left > 8 ? left : 8;
  }
  sim_world_tell(world, &fact);
}

static void burst(sim_world *world, const sim_fault *fault) {
  for (uint32_t i = 0; i < fault->number; i++) {
    sim_world_plan(world, fault->span / fault->number * i, SIM_EVENT_BURST, 0, 0);
  }
}

static void quake(sim_world *world, uint32_t which, bool begins) {
  const sim_fault *fault = &world->scenario->faults[which];
  for (uint32_t i = 0; i < world->scenario->peers; i++) {
    sim_peer *peer = &world->peers[i];
    if (begins && sim_happens(sim_hash(world->seed, OF_QUAKE + which, i, 0), fault->number)) {
      sim_peer_goes(world, i);
      peer->flags |= SIM_PEER_QUAKE;
    } else if (!begins && (peer->flags & SIM_PEER_QUAKE)) {
      peer->flags &= (uint8_t)~SIM_PEER_QUAKE;
      sim_peer_comes(world, i);
    }
  }
}

/* ---- the time line ----------------------------------------------------------------------------- */

/* Faults that end after their TIME. */
static bool lasts(sim_fault_type type) {
  switch (type) {
  case SIM_FAULT_OFFLINE:
  case SIM_FAULT_SLEEP:
  case SIM_FAULT_PARTITION:
  case SIM_FAULT_QUAKE:
  case SIM_FAULT_ADDRESS:
  case SIM_FAULT_SHUTDOWN:
  case SIM_FAULT_CRASH:
  case SIM_FAULT_REBOOT:
    return true;
  case SIM_FAULT_STRIKE: /* As it strikes, its end is planned. */
  case SIM_FAULT_CONNECT:
  case SIM_FAULT_FIND:
  case SIM_FAULT_PROTECT:
  case SIM_FAULT_BAN:
  case SIM_FAULT_BAN_RANGE:
  case SIM_FAULT_MISBEHAVE:
  case SIM_FAULT_SHORTAGE:
  case SIM_FAULT_BURST:
  case SIM_FAULT_CLOCK:
    return false;
  }
  return false;
}

void sim_fault_wounds(sim_world *world, uint32_t which) {
  size_t wanted = world->limits.relay_outbound;
  world->wounds[which].before = world->connected;
  world->wounds[which].outbound = world->outbound < wanted ? world->outbound : (uint32_t)wanted;
}

void sim_fault_begin(sim_world *world, uint32_t which) {
  const sim_fault *fault = &world->scenario->faults[which];
  sim_fault_wounds(world, which);
  switch (fault->type) {
  case SIM_FAULT_CONNECT:
    sim_person_connects(world, fault->number);
    break;
  case SIM_FAULT_PROTECT:
    sim_person_protects(world, fault->number);
    break;
  case SIM_FAULT_BAN:
    sim_person_bans(world, fault->number, fault->span);
    break;
  case SIM_FAULT_BAN_RANGE:
    sim_person_bans_ranges(world, fault->number, fault->span);
    break;
  case SIM_FAULT_MISBEHAVE:
    misbehave(world, fault->number);
    break;
  case SIM_FAULT_SHORTAGE:
    run_short(world);
    break;
  case SIM_FAULT_FIND:
    sim_world_discover(world, fault->number);
    break;
  case SIM_FAULT_BURST:
    burst(world, fault);
    break;
  case SIM_FAULT_OFFLINE:
    set_online(world, false);
    way_closes(world);
    break;
  case SIM_FAULT_SLEEP:
    world->asleep = true;
    world->slept_at = world->now;
    world->gap_at = world->offline ? world->gap_at : world->now;
    world->woken_at = world->now + fault->span;
    way_closes(world);
    break;
  case SIM_FAULT_PARTITION:
    world->partitioned = fault->number;
    world->partition = 1000 + which;
    way_closes(world);
    break;
  case SIM_FAULT_QUAKE:
    quake(world, which, true);
    break;
  case SIM_FAULT_ADDRESS:
    address_changes(world);
    break;
  case SIM_FAULT_CLOCK:
    world->wall_offset += fault->span;
    break;
  case SIM_FAULT_SHUTDOWN:
  case SIM_FAULT_CRASH:
  case SIM_FAULT_REBOOT:
    sim_node_ends(world, fault->type);
    break;
  case SIM_FAULT_STRIKE:
    sim_node_is_doomed(world, which);
    break;
  }
  if (lasts(fault->type)) {
    sim_world_plan(world, fault->span, SIM_EVENT_FAULT_END, which, 0);
  }
}

static void wake(sim_world *world) {
  sim_fact fact = {.type = SIM_FACT_WOKE, .span_ns = world->now - world->slept_at};
  world->asleep = false;
  way_opens(world);
  sim_world_tell(world, &fact);
}

void sim_fault_end(sim_world *world, uint32_t which) {
  switch (world->scenario->faults[which].type) {
  case SIM_FAULT_OFFLINE:
    set_online(world, true);
    way_opens(world);
    break;
  case SIM_FAULT_SLEEP:
    wake(world);
    break;
  case SIM_FAULT_PARTITION:
    world->partitioned = 0;
    way_opens(world);
    break;
  case SIM_FAULT_QUAKE:
    quake(world, which, false);
    break;
  case SIM_FAULT_REBOOT:
    world->booted_at = world->now;
    world->boot++;
    sim_node_start(world);
    break;
  case SIM_FAULT_SHUTDOWN:
  case SIM_FAULT_CRASH:
  case SIM_FAULT_STRIKE:
    sim_node_start(world);
    break;
  case SIM_FAULT_ADDRESS:
  case SIM_FAULT_CONNECT:
  case SIM_FAULT_FIND:
  case SIM_FAULT_PROTECT:
  case SIM_FAULT_BAN:
  case SIM_FAULT_BAN_RANGE:
  case SIM_FAULT_MISBEHAVE:
  case SIM_FAULT_SHORTAGE:
  case SIM_FAULT_BURST:
  case SIM_FAULT_CLOCK:
    break;
  }
  world->results->value[SIM_METRIC_FAULTS]++;
  world->wounds[which].healing = true;
  world->wounds[which].falls_short = true;
  world->wounds[which].since = world->now;
}

/* ---- healing ----------------------------------------------------------------------------------- */

static void keep_most(sim_world *world, sim_metric metric, int64_t ns) {
  int64_t ms = ns / WPM_MILLISECOND;
  if (ms > world->results->value[metric]) {
    world->results->value[metric] = ms;
  }
}

/* Nine of ten, those whose other end is gone not counted. */
static bool is_back(const sim_world *world, uint32_t before) {
  uint64_t alive = world->connected > world->dead ? world->connected - world->dead : 0;
  return alive * 10 >= (uint64_t)before * 9;
}

/* Those whose other end is gone not counted. */
static bool meets_target(const sim_world *world, uint32_t wanted) {
  uint32_t alive = 0;
  for (uint32_t i = 0; i < world->link_slots && world->outbound >= wanted && alive < wanted; i++) {
    const sim_link *link = &world->links[i];
    alive += link->id != 0 && !link->closed && !link->gone && link->direction == WPM_OUTBOUND &&
             world->peers[link->peer].link == i + 1;
  }
  return alive >= wanted;
}

void sim_wounds_look(sim_world *world) {
  for (size_t i = 0; i < world->scenario->fault_count; i++) {
    sim_wound *wound = &world->wounds[i];
    if (wound->healing && is_back(world, wound->before)) {
      wound->healing = false;
      keep_most(world, SIM_METRIC_RECOVER, world->now - wound->since);
    }
    if (wound->falls_short && meets_target(world, wound->outbound)) {
      wound->falls_short = false;
      keep_most(world, SIM_METRIC_TARGETS, world->now - wound->since);
    }
  }
}

void sim_world_tried(sim_world *world, uint32_t number) {
  sim_peer *peer = &world->peers[number];
  if (peer->flags & SIM_PEER_BEFORE) {
    peer->flags &= (uint8_t)~SIM_PEER_BEFORE;
    world->awaited--;
    if (world->awaited == 0) {
      keep_most(world, SIM_METRIC_REDIAL, world->now - world->restarted_at);
    }
  }
}
