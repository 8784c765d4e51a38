#include "sim/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SLOW_DIAL (250 * WPM_MILLISECOND)

static void breach(sim_world *world, const char *format, ...) WPM_PRINTF(2, 3);

static void breach(sim_world *world, const char *format, ...) {
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

static bool is_protected(const sim_world *world, uint32_t number) {
  const sim_judgement *said = sim_person_said(world, number);
  return said && said->is_protected;
}

static bool is_static(const sim_world *world, uint32_t number) {
  return number < world->scenario->static_peers;
}

static bool is_ours(const sim_world *world) {
  return world->type == &sim_policy_ours;
}

void sim_check_dial(sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  bool automatic = !(peer->flags & SIM_PEER_ASKED);
  if (automatic && !(peer->flags & SIM_PEER_CONNECTED) && world->now < peer->allowed_from) {
    world->results->value[SIM_METRIC_DIALS_EARLY]++;
    breach(world, "peer %" PRIu32 " is dialled %" PRId64 " ms before its backoff ends", number,
           (peer->allowed_from - world->now) / WPM_MILLISECOND);
  }
  if (automatic && is_banned(world, number)) {
    breach(world, "peer %" PRIu32 " is dialled, and is banned", number);
  }
  world->peers[number].chosen = false;
  bool is_chosen = automatic && !is_static(world, number) && !peer->returns &&
                   sim_peer_is_relay(world->scenario, world->seed, number);
  if (is_chosen && world->chosen_count < sizeof(world->chosen) / sizeof(*world->chosen)) {
    world->chosen[world->chosen_count++] = number;
    world->peers[number].chosen = true;
  }
}

static bool is_by_rule(wpm_reason reason) {
  static const wpm_reason by_rule[] = {
      WPM_REASON_LOCAL_CLOSE,      WPM_REASON_CROWDED,
      WPM_REASON_FEELER,           WPM_REASON_ROTATED,
      WPM_REASON_SURPLUS,          WPM_REASON_DUPLICATE,
      WPM_REASON_THIRD_CONNECTION, WPM_REASON_LATE_DIAL,
      WPM_REASON_NO_PLACE,         WPM_REASON_STORE_FULL,
      WPM_REASON_INBOUND_PER_IP,   WPM_REASON_INBOUND_PER_NETWORK,
      WPM_REASON_INBOUND_PACE,     WPM_REASON_BANNED,
      WPM_REASON_RANGE_BANNED,     WPM_REASON_SELF,
  };
  size_t i = 0;
  while (i < sizeof(by_rule) / sizeof(*by_rule) && by_rule[i] != reason) {
    i++;
  }
  return i < sizeof(by_rule) / sizeof(*by_rule);
}

/* We let somebody go by a rule of ours: not one who has another link, is refused as he comes, or is
 * banned. */
void sim_check_close(sim_world *world, const sim_link *link, wpm_reason reason) {
  bool goes = is_by_rule(reason) && sim_peer_links(world, link->peer) == 1 &&
              link->began < world->now && !is_banned(world, link->peer);
  if (goes && (is_static(world, link->peer) || is_protected(world, link->peer))) {
    breach(world, "peer %" PRIu32 " is let go (%s), and is %s", link->peer, wpm_reason_name(reason),
           is_protected(world, link->peer) ? "protected" : "static");
  }
}

void sim_check_inbound(sim_world *world, const sim_link *link) {
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
    breach(world, "peer %" PRIu32 " is the %zuth inbound of its address, %zuth of its network",
           link->peer, of_ip, of_network);
  }
}

void sim_check_known(sim_world *world, uint64_t known) {
  if (is_ours(world) && known > world->limits.max_peers) {
    breach(world, "%" PRIu64 " peers are known, of %zu", known, world->limits.max_peers);
  }
}

void sim_check_forget(sim_world *world, uint32_t number) {
  if (is_static(world, number) || is_protected(world, number) ||
      sim_peer_links(world, number) > 0) {
    breach(world, "peer %" PRIu32 " is forgotten, and is %s", number,
           is_static(world, number)      ? "static"
           : is_protected(world, number) ? "protected"
                                         : "connected");
  }
  world->peers[number].state = 0;
}

void sim_check_late(sim_world *world, uint32_t number, bool acted) {
  if (acted) {
    breach(world, "what is over with peer %" PRIu32 " is acted on", number);
  }
}

/* The first ping of a silence counts; what follows it asks again. A tick is allowed. */
void sim_check_ping(sim_world *world, const sim_link *link) {
  int64_t told = sim_idle_told(world->scenario);
  int64_t most = told / 2 + WPM_MILLISECOND;
  if (told > 0 && world->disturbed_at <= link->heard && world->now - link->heard > most &&
      link->pinged <= link->heard) {
    breach(world, "peer %" PRIu32 " is pinged %" PRId64 " ms after its last byte", link->peer,
           (world->now - link->heard) / WPM_MILLISECOND);
  }
}

void sim_check_idle_drop(sim_world *world, const sim_link *link) {
  bool is_told = sim_idle_told(world->scenario) <= world->scenario->idle_limit;
  if (is_told && world->disturbed_at <= link->moved) {
    breach(world, "the idle connection with peer %" PRIu32 " is lost to a middle box", link->peer);
  }
}

void sim_check_two(sim_world *world, const sim_link *link) {
  if (sim_world_listens(world) && !link->closed && world->disturbed_at <= link->began &&
      sim_peer_links(world, link->peer) > 1) {
    breach(world, "two connections with peer %" PRIu32 " are not settled", link->peer);
  }
}

void sim_check_state(sim_world *world, const sim_action *action) {
  sim_peer *peer = &world->peers[action->peer];
  bool legal = action->from != action->to && action->to != WPM_NOT_CONNECTED &&
               (peer->state == 0 || peer->state - 1 == (int)action->from);
  if (!legal) {
    breach(world, "peer %" PRIu32 " goes from %s to %s, and was in state %d", action->peer,
           wpm_connectivity_name(action->from), wpm_connectivity_name(action->to),
           (int)peer->state - 1);
  }
  const sim_judgement *said = sim_person_said(world, action->peer);
  if (action->to == WPM_CONNECTED && is_banned(world, action->peer) && !said->is_wanted) {
    breach(world, "peer %" PRIu32 " is connected, and is banned", action->peer);
  }
  peer->state = (uint8_t)(action->to + 1);
  if (world->changed_count < sizeof(world->changed) / sizeof(*world->changed)) {
    world->changed[world->changed_count++] = action->peer;
  }
}

static void check_changed(sim_world *world) {
  for (uint32_t i = 0; i < world->changed_count; i++) {
    uint32_t number = world->changed[i];
    bool told = world->peers[number].state == WPM_CONNECTED + 1;
    uint32_t links = sim_peer_links(world, number);
    if (told != (links > 0)) {
      breach(world, "peer %" PRIu32 " is told to be %sconnected with %" PRIu32 " links", number,
             told ? "" : "not ", links);
    }
    if (links > 2) {
      breach(world, "%" PRIu32 " connections with peer %" PRIu32, links, number);
    }
  }
  world->changed_count = 0;
}

/* Its outbound place is one of those that are counted: the peer dials in only one direction. */
static bool has_outbound_place(const sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  bool inbound = false;
  for (uint32_t at = peer->link; at > 0; at = world->links[at - 1].next) {
    const sim_link *link = &world->links[at - 1];
    inbound = inbound || (!link->closed && link->direction == WPM_INBOUND);
  }
  return !inbound && (peer->outbound || peer->dials > 0);
}

/* All that we and others know of it is one address, so that it is clear which group it is of. */
static bool is_of_one_group(const sim_world *world, uint32_t number) {
  return world->scenario->dead == 0 && world->peers[number].moves == 0;
}

static uint32_t group_of(const sim_world *world, uint32_t number) {
  return sim_peer_address(world->scenario, world->seed, number, 0).ip >> 16;
}

/* A fault of ours, or a time without a network that nobody told us of, is over for so short a time that our
 * policy may still be in haste, or wait for the dials that it then began. */
static bool may_be_in_haste(const sim_world *world) {
  int64_t most = 40 * WPM_SECOND;
  return world->now - world->disturbed_at < most || world->now - world->revived_at < most;
}

/* It has an outbound place that need not count: its dial is slow, or its ping not answered. */
static bool is_in_doubt(const sim_world *world, uint32_t number) {
  const sim_peer *peer = &world->peers[number];
  if (peer->link > 0) {
    const sim_link *link = &world->links[peer->link - 1];
    return link->unanswered >= 0 && world->now - link->unanswered >= WPM_SECOND;
  }
  for (uint32_t i = 0; i < world->dial_slots; i++) {
    const sim_dial *dial = &world->dials[i];
    if (dial->id != 0 && dial->peer == number && world->now - dial->began < SLOW_DIAL) {
      return false;
    }
  }
  return true;
}

/* What there is besides the one chosen. */
typedef struct others {
  size_t places;       /* Outbound, of any peer. */
  size_t relays;       /* Of relay peers. */
  size_t of_its_group; /* Of relay peers of its group, trials aside. */
  size_t trials;       /* Of peers that must be trials, and are not wanted for another cause. */
} others;

static void count_other(const sim_world *world, uint32_t chosen, uint32_t number, others *out) {
  if (number == chosen || !has_outbound_place(world, number)) {
    return;
  }
  bool counts = !may_be_in_haste(world) || !is_in_doubt(world, number);
  out->places += counts;
  if (sim_peer_is_relay(world->scenario, world->seed, number)) {
    out->relays += counts;
    out->trials += world->peers[number].trial == SIM_TRIAL_IS && !is_protected(world, number);
    out->of_its_group += world->peers[number].trial == SIM_TRIAL_NONE &&
                         is_of_one_group(world, number) &&
                         group_of(world, number) == group_of(world, chosen);
  }
}

static others count_others(const sim_world *world, uint32_t chosen) {
  others out = {0};
  for (uint32_t i = 0; i < world->link_slots; i++) {
    const sim_link *link = &world->links[i];
    if (link->id != 0 && world->peers[link->peer].link == i + 1) {
      count_other(world, chosen, link->peer, &out);
    }
  }
  for (uint32_t i = 0; i < world->dial_slots; i++) {
    const sim_dial *dial = &world->dials[i];
    if (dial->id != 0 && world->peers[dial->peer].link == 0) {
      count_other(world, chosen, dial->peer, &out);
    }
  }
  return out;
}

/* Beside as many as are wanted it is a trial, one at a time; with fewer outbound places it is none. One
 * more relay peer than those wanted may be another trial. */
static void check_chosen(sim_world *world, uint32_t number) {
  others besides = count_others(world, number);
  size_t wanted = world->limits.relay_outbound;
  world->peers[number].trial = besides.relays > wanted    ? SIM_TRIAL_IS
                               : besides.places >= wanted ? SIM_TRIAL_MAY_BE
                                                          : SIM_TRIAL_NONE;
  if (besides.relays > wanted && besides.trials > 0) {
    breach(world, "peer %" PRIu32 " is chosen, beside %zu outbound relay peers of %zu and a trial",
           number, besides.relays, wanted);
  }
  if (besides.places < wanted && is_of_one_group(world, number) && besides.of_its_group > 0) {
    breach(world, "peer %" PRIu32 " is chosen, and another of its group is connected", number);
  }
}

/* Of the relay peers that we chose as many are connected as are wanted, and one that is tried. */
static void check_outbound(sim_world *world) {
  size_t most = world->limits.relay_outbound + 1;
  size_t chosen = 0;
  for (uint32_t i = 0; i < world->link_slots && world->outbound > most; i++) {
    const sim_link *link = &world->links[i];
    const sim_peer *peer = &world->peers[link->peer];
    chosen += link->id != 0 && peer->link == i + 1 && peer->chosen &&
              has_outbound_place(world, link->peer) && !is_protected(world, link->peer) &&
              !is_in_doubt(world, link->peer);
  }
  if (chosen > most) {
    breach(world, "%zu outbound relay peers are held by choice, of %zu", chosen, most - 1);
  }
}

void sim_check_step(sim_world *world) {
  const sim_scenario *scenario = world->scenario;
  check_changed(world);
  for (uint32_t i = 0; i < world->chosen_count && is_ours(world); i++) {
    check_chosen(world, world->chosen[i]);
  }
  world->chosen_count = 0;
  if (is_ours(world)) {
    check_outbound(world);
  }
  if (world->places > scenario->max_connections + world->asked_places) {
    breach(world, "%" PRIu32 " places are taken, of %" PRIu32, world->places,
           scenario->max_connections);
  }
  if (world->dialling > scenario->max_dials + world->asked_dials) {
    breach(world, "%" PRIu32 " dials are in flight, of %" PRIu32, world->dialling,
           scenario->max_dials);
  }
}

void sim_check_stuck(sim_world *world) {
  breach(world, "the deadline does not move on");
}
