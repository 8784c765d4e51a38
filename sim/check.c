#include "sim/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

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
}

void sim_check_close(sim_world *world, const sim_link *link, wpm_reason reason) {
  if (reason == WPM_REASON_CROWDED && is_protected(world, link->peer)) {
    breach(world, "peer %" PRIu32 " is crowded out, and is protected", link->peer);
  }
}

void sim_check_forget(sim_world *world, uint32_t number) {
  bool is_static = number < world->scenario->static_peers;
  if (is_static || is_protected(world, number) || sim_peer_links(world, number) > 0) {
    breach(world, "peer %" PRIu32 " is forgotten, and is %s", number,
           is_static                     ? "static"
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

void sim_check_step(sim_world *world) {
  const sim_scenario *scenario = world->scenario;
  check_changed(world);
  if (world->places > scenario->max_connections + world->asked) {
    breach(world, "%" PRIu32 " places are taken, of %" PRIu32, world->places,
           scenario->max_connections);
  }
  if (world->dialling > scenario->max_dials + world->asked) {
    breach(world, "%" PRIu32 " dials are in flight, of %" PRIu32, world->dialling,
           scenario->max_dials);
  }
}

void sim_check_stuck(sim_world *world) {
  breach(world, "the deadline does not move on");
}
