#include "sim/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sim_breach(sim_world *world, const char *format, ...) {
  sim_results *results = world->results;
  char text[SIM_BREACH_TEXT - 60];
  va_list arguments;
  results->value[SIM_METRIC_BROKEN]++;
  if (results->breaches == SIM_BREACHES_KEPT) {
    return;
  }
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  (void)snprintf(results->breach[results->breaches++], SIM_BREACH_TEXT,
                 "seed %" PRIu64 ", at %" PRId64 " ms: %s", world->seed,
                 world->now / WPM_MILLISECOND, text);
}

static bool is_banned(const sim_world *world, uint32_t number) {
  const sim_judgement *said = sim_person_said(world, number);
  return said && world->now < said->banned_to;
}

bool sim_is_protected(const sim_world *world, uint32_t number) {
  const sim_judgement *said = sim_person_said(world, number);
  return said && said->is_protected;
}

static bool is_static(const sim_world *world, uint32_t number) {
  return number < world->scenario->static_peers;
}

static void put(sim_world *world, sim_numbers *to, uint32_t number) {
  if (to->count == to->room) {
    uint32_t room = to->room > 0 ? 2 * to->room : 64;
    uint32_t *items = realloc(to->items, room * sizeof(*items));
    if (!items) {
      world->error = WPM_ERR_NO_MEMORY;
      return;
    }
    to->items = items;
    to->room = room;
  }
  to->items[to->count++] = number;
}

static bool is_ours(const sim_world *world) {
  return world->type == &sim_policy_ours;
}

/* A person's own dial goes to any address. */
static void check_addresses(sim_world *world, const sim_action *action) {
  for (size_t i = 0; i < action->address_count; i++) {
    if (is_ours(world) && sim_person_banned_range(world, action->addresses[i].ip)) {
      sim_breach(world, "peer %" PRIu32 " is dialled at an address of a banned range",
                 action->peer);
    }
  }
}

/* As long as its score fades so far only. */
static bool is_discouraged(const sim_world *world, uint32_t number) {
  const sim_judgement *said = sim_person_said(world, number);
  return is_ours(world) && said && said->blamed_at != INT64_MIN &&
         world->now - said->blamed_at < 8 * WPM_HOUR;
}

static void check_automatic(sim_world *world, const sim_action *action) {
  uint32_t number = action->peer;
  check_addresses(world, action);
  if (is_banned(world, number)) {
    sim_breach(world, "peer %" PRIu32 " is dialled, and is banned", number);
  }
  if (!is_static(world, number) && is_discouraged(world, number)) {
    sim_breach(world, "peer %" PRIu32 " is dialled, and is discouraged", number);
  }
}

void sim_check_dial(sim_world *world, const sim_action *action) {
  uint32_t number = action->peer;
  const sim_peer *peer = &world->peers[number];
  bool automatic = !(peer->flags & SIM_PEER_ASKED);
  if (automatic && !(peer->flags & SIM_PEER_CONNECTED) && world->now < peer->allowed_from) {
    world->results->value[SIM_METRIC_DIALS_EARLY]++;
    sim_breach(world, "peer %" PRIu32 " is dialled %" PRId64 " ms before its backoff ends", number,
               (peer->allowed_from - world->now) / WPM_MILLISECOND);
  }
  if (automatic) {
    check_automatic(world, action);
  }
  world->peers[number].chosen = false;
  bool is_chosen = automatic && !is_static(world, number) && !peer->returns &&
                   sim_peer_is_relay(world->scenario, world->seed, number);
  if (is_chosen) {
    put(world, &world->chosen, number);
    world->peers[number].chosen = true;
  }
}

/* What a policy closes with for a cause of its own: no wish of a person, nor what the peer said. */
static bool is_by_rule(wpm_reason reason) {
  return wpm_reason_leaves(reason) == WPM_CAN_CONNECT && reason != WPM_REASON_PERSON &&
         reason != WPM_REASON_SHUTDOWN && reason != WPM_REASON_CLUSTER_MISMATCH;
}

/* We let somebody go by a rule of ours: not one who has another link, is refused as he comes, or is
 * banned. */
void sim_check_close(sim_world *world, const sim_link *link, wpm_reason reason) {
  bool is_out = is_banned(world, link->peer) || sim_person_banned_range(world, link->ip);
  bool goes = is_by_rule(reason) && sim_peer_links(world, link->peer) == 1 &&
              link->began < world->now && !is_out;
  if (goes && (is_static(world, link->peer) || sim_is_protected(world, link->peer))) {
    sim_breach(world, "peer %" PRIu32 " is let go (%s), and is %s", link->peer,
               wpm_reason_name(reason),
               sim_is_protected(world, link->peer) ? "protected" : "static");
  }
}

static void check_inbound(sim_world *world, const sim_link *link) {
  size_t of_ip = 0;
  size_t of_network = 0;
  for (uint32_t i = 0; i < world->link_slots; i++) {
    const sim_link *other = &world->links[i];
    bool counts = other->id != 0 && !other->closed && other->direction == WPM_INBOUND &&
                  !is_static(world, other->peer);
    of_ip += counts && other->ip == link->ip;
    of_network += counts && other->ip >> 8 == link->ip >> 8;
  }
  if (is_ours(world) && !link->closed && !is_static(world, link->peer) &&
      (of_ip > world->limits.inbound_per_ip || of_network > world->limits.inbound_per_network)) {
    sim_breach(world, "peer %" PRIu32 " is the %zuth inbound of its address, %zuth of its network",
               link->peer, of_ip, of_network);
  }
}

void sim_check_come(sim_world *world, const sim_link *link) {
  bool by_person = link->direction == WPM_OUTBOUND && world->peers[link->peer].asked;
  if (is_ours(world) && !link->closed && !by_person && sim_person_banned_range(world, link->ip)) {
    sim_breach(world, "peer %" PRIu32 " is connected, and its address is banned", link->peer);
  }
  if (link->direction == WPM_INBOUND) {
    check_inbound(world, link);
    sim_check_pace(world, link);
  }
}

void sim_check_range(sim_world *world, const sim_banned_range *range) {
  for (uint32_t i = 0; i < world->link_slots && sim_world_listens(world); i++) {
    const sim_link *link = &world->links[i];
    if (is_ours(world) && link->id != 0 && !link->closed && sim_range_holds(range, link->ip)) {
      sim_breach(world, "peer %" PRIu32 " stays connected as its address is banned", link->peer);
    }
  }
}

/* Those that had the time to be found too many: ten seconds after they are twenty seconds old. */
static bool is_old_inbound_relay(const sim_world *world, const sim_link *link) {
  return link->id != 0 && !link->closed && link->named && link->direction == WPM_INBOUND &&
         world->now - link->began > 45 * WPM_SECOND &&
         sim_peer_is_relay(world->scenario, world->seed, link->peer) &&
         !is_static(world, link->peer) && !sim_is_protected(world, link->peer) &&
         sim_peer_links(world, link->peer) == 1;
}

/* Some of those are needed for a shard or a service, and stay. */
void sim_check_relay_inbound(sim_world *world) {
  const sim_scenario *scenario = world->scenario;
  uint32_t count = 0;
  bool is_clear = scenario->relay_inbound > 0 && is_ours(world) && sim_world_listens(world) &&
                  scenario->service_slots == 0 && world->now - world->disturbed_at > WPM_MINUTE;
  for (uint32_t i = 0; i < world->link_slots && is_clear; i++) {
    count += is_old_inbound_relay(world, &world->links[i]);
  }
  size_t needed = scenario->shards * world->limits.relay_per_shard;
  if (is_clear && count > scenario->relay_inbound + needed) {
    sim_breach(world, "%" PRIu32 " inbound relay peers stay, of %" PRIu32, count,
               scenario->relay_inbound);
  }
}

void sim_check_known(sim_world *world, uint64_t known) {
  if (is_ours(world) && known > world->limits.max_peers) {
    sim_breach(world, "%" PRIu64 " peers are known, of %zu", known, world->limits.max_peers);
  }
}

void sim_check_forget(sim_world *world, uint32_t number) {
  if (is_static(world, number) || sim_is_protected(world, number) ||
      sim_peer_links(world, number) > 0) {
    sim_breach(world, "peer %" PRIu32 " is forgotten, and is %s", number,
               is_static(world, number)          ? "static"
               : sim_is_protected(world, number) ? "protected"
                                                 : "connected");
  }
  world->peers[number].state = 0;
  world->peers[number].elsewhere = false;
  sim_person_forgotten(world, number);
}

void sim_check_late(sim_world *world, uint32_t number, bool acted) {
  if (acted) {
    sim_breach(world, "what is over with peer %" PRIu32 " is acted on", number);
  }
}

/* The first ping of a silence counts; what follows it asks again. A tick is allowed. */
void sim_check_ping(sim_world *world, const sim_link *link) {
  int64_t told = sim_idle_told(world->scenario);
  int64_t most = told / 2 + WPM_MILLISECOND;
  if (told > 0 && world->disturbed_at <= link->heard && world->now - link->heard > most &&
      link->pinged <= link->heard) {
    sim_breach(world, "peer %" PRIu32 " is pinged %" PRId64 " ms after its last byte", link->peer,
               (world->now - link->heard) / WPM_MILLISECOND);
  }
}

void sim_check_idle_drop(sim_world *world, const sim_link *link) {
  bool is_told = sim_idle_told(world->scenario) <= world->scenario->idle_limit;
  if (is_told && world->disturbed_at <= link->moved) {
    sim_breach(world, "the idle connection with peer %" PRIu32 " is lost to a middle box",
               link->peer);
  }
}

void sim_check_two(sim_world *world, const sim_link *link) {
  if (sim_world_listens(world) && !link->closed && world->disturbed_at <= link->began &&
      sim_peer_links(world, link->peer) > 1) {
    sim_breach(world, "two connections with peer %" PRIu32 " are not settled", link->peer);
  }
}

void sim_check_state(sim_world *world, const sim_action *action) {
  sim_peer *peer = &world->peers[action->peer];
  bool legal = action->from != action->to && action->to != WPM_NOT_CONNECTED &&
               (peer->state == 0 || peer->state - 1 == (int)action->from);
  if (!legal) {
    sim_breach(world, "peer %" PRIu32 " goes from %s to %s, and was in state %d", action->peer,
               wpm_connectivity_name(action->from), wpm_connectivity_name(action->to),
               (int)peer->state - 1);
  }
  const sim_judgement *said = sim_person_said(world, action->peer);
  if (action->to == WPM_CONNECTED && is_banned(world, action->peer) && !said->is_wanted) {
    sim_breach(world, "peer %" PRIu32 " is connected, and is banned", action->peer);
  }
  peer->state = (uint8_t)(action->to + 1);
  put(world, &world->changed, action->peer);
}

static void check_changed(sim_world *world) {
  for (uint32_t i = 0; i < world->changed.count; i++) {
    uint32_t number = world->changed.items[i];
    bool told = world->peers[number].state == WPM_CONNECTED + 1;
    uint32_t links = sim_peer_links(world, number);
    if (told != (links > 0)) {
      sim_breach(world, "peer %" PRIu32 " is told to be %sconnected with %" PRIu32 " links", number,
                 told ? "" : "not ", links);
    }
    if (links > 2) {
      sim_breach(world, "%" PRIu32 " connections with peer %" PRIu32, links, number);
    }
  }
  world->changed.count = 0;
}

/* For a minute no more are given out than were left as our machine ran short. */
static void check_ceiling(sim_world *world) {
  bool is_low = world->now < world->short_at + WPM_MINUTE;
  uint32_t places = world->places - world->asked_places;
  if (is_ours(world) && is_low && places > world->places_before && places > world->ceiling) {
    sim_breach(world, "%" PRIu32 " places are taken, of %" PRIu32 " since we ran short", places,
               world->ceiling);
  }
  world->places_before = places;
}

void sim_check_step(sim_world *world) {
  const sim_scenario *scenario = world->scenario;
  check_changed(world);
  for (uint32_t i = 0; i < world->chosen.count && is_ours(world); i++) {
    sim_check_choice(world, world->chosen.items[i]);
  }
  world->chosen.count = 0;
  if (is_ours(world)) {
    sim_check_outbound(world);
  }
  check_ceiling(world);
  if (world->places > scenario->max_connections + world->asked_places) {
    sim_breach(world, "%" PRIu32 " places are taken, of %" PRIu32, world->places,
               scenario->max_connections);
  }
  if (world->dialling > scenario->max_dials + world->asked_dials) {
    sim_breach(world, "%" PRIu32 " dials are in flight, of %" PRIu32, world->dialling,
               scenario->max_dials);
  }
}

void sim_check_stuck(sim_world *world) {
  sim_breach(world, "the deadline does not move on");
}
