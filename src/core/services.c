#include "core/services.h"

#include "core/feelers.h"
#include "core/judge.h"
#include "core/protocols.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/targets.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define DRAWN 64

static uint32_t bit_of(size_t index) {
  return UINT32_C(1) << index;
}

/* ---- configuration ----------------------------------------------------------------------------- */

bool wpm_services_are_valid(const wpm_service *services, size_t count) {
  bool valid = count <= WPM_SERVICES_MAX && (services != NULL || count == 0);
  for (size_t i = 0; valid && i < count; i++) {
    valid = services[i].protocol.len > 0 && services[i].protocol.len <= UINT16_MAX &&
            (services[i].capability < 8 || services[i].capability == WPM_NO_CAPABILITY);
  }
  return valid;
}

int wpm_services_copy(const wpm_service *services, size_t count, wpm_service **out) {
  size_t size = count * sizeof(*services); /* Few, of few bytes each. */
  for (size_t i = 0; i < count; i++) {
    size += services[i].protocol.len;
  }
  *out = NULL;
  if (count == 0) {
    return WPM_OK;
  }
  wpm_service *copy = malloc(size);
  if (!copy) {
    return WPM_ERR_NO_MEMORY;
  }
  char *text = (char *)(copy + count);
  for (size_t i = 0; i < count; i++) {
    copy[i] = services[i];
    copy[i].protocol.data = text;
    memcpy(text, services[i].protocol.data, services[i].protocol.len);
    text += services[i].protocol.len;
  }
  *out = copy;
  return WPM_OK;
}

/* ---- counting ---------------------------------------------------------------------------------- */

static bool announces(const wpm_manager *m, const wpm_peer *peer, wpm_text protocol) {
  const wpm_protocol_set *set = wpm_protocols_of(wpm_intern_at(&m->store->sets, peer->protocols));
  for (size_t i = 0; set && i < set->count; i++) {
    if (wpm_text_equal(set->protocols[i], protocol)) {
      return true;
    }
  }
  return false;
}

/* Which services it offers, as far as is known. */
static uint32_t offers(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  bool known = wpm_peer_has(peer, WPM_HAS_PROTOCOLS_KNOWN);
  uint32_t services = 0;
  for (size_t i = 0; i < m->config.service_count; i++) {
    const wpm_service *service = &m->config.services[i];
    bool promised = !known && service->capability != WPM_NO_CAPABILITY &&
                    wpm_peer_has(peer, WPM_HAS_CAPABILITY + service->capability) &&
                    wpm_rule_holds(WPM_RULE_SERVICE_PROMISED);
    services |= promised || announces(m, peer, service->protocol) ? bit_of(i) : 0;
  }
  return services;
}

bool wpm_services_update(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool counts = m->config.service_count > 0 && (policy->connections[0] || policy->dial) &&
                !wpm_feelers_are_at(m, slot);
  uint32_t services = counts ? offers(m, slot) : 0;
  uint32_t before = policy->services;
  policy->services = services;
  wpm_tally_move(m->peers_of_service, before, services);
  return (before & ~services) != 0;
}

static size_t missing_of(const wpm_manager *m, size_t service) {
  size_t wanted = m->config.services[service].slots;
  return wanted > m->peers_of_service[service] ? wanted - m->peers_of_service[service] : 0;
}

size_t wpm_services_missing(const wpm_manager *m) {
  size_t missing = 0;
  for (size_t i = 0; i < m->config.service_count; i++) {
    missing += missing_of(m, i);
  }
  return missing;
}

bool wpm_services_want(const wpm_manager *m, uint32_t slot) {
  uint32_t services = m->config.service_count > 0 ? offers(m, slot) : 0;
  for (size_t i = 0; services != 0 && i < m->config.service_count; i++) {
    if ((services & bit_of(i)) && missing_of(m, i) > 0) {
      return true;
    }
  }
  return false;
}

bool wpm_services_need(const wpm_manager *m, uint32_t slot) {
  uint32_t services = wpm_manager_policy(m, slot)->services;
  for (size_t i = 0; services != 0 && i < m->config.service_count; i++) {
    if ((services & bit_of(i)) && m->peers_of_service[i] <= m->config.services[i].slots &&
        wpm_rule_holds(WPM_RULE_SERVICE_NEEDS)) {
      return true;
    }
  }
  return false;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

static bool may_serve(const wpm_manager *m, uint32_t slot, size_t service) {
  return !wpm_manager_policy(m, slot)->has_place && !wpm_judge_discourages(m, slot) &&
         (offers(m, slot) & bit_of(service)) != 0 && wpm_schedule_may_be_chosen(m, slot) &&
         !wpm_targets_is_past_limit(m, slot);
}

/* Those who announce it, or promise it, and can be dialled. */
static wpm_query query_of(const wpm_service *service, wpm_term terms[4]) {
  size_t count = 0;
  terms[count++] = (wpm_term){.kind = WPM_TERM_PROTOCOL, .text = service->protocol};
  if (service->capability != WPM_NO_CAPABILITY) {
    terms[count++] = (wpm_term){.kind = WPM_TERM_CAPABILITY, .number = service->capability};
    terms[count++] = (wpm_term){.kind = WPM_TERM_OR};
  }
  terms[count++] = (wpm_term){.kind = WPM_TERM_DIALABLE};
  return (wpm_query){terms, count};
}

/* Of many, those drawn are compared: a look at all would take long. Without memory for the query there is
 * nobody this time. */
static uint32_t choose_for(wpm_manager *m, size_t service) {
  wpm_term terms[4];
  wpm_query query = query_of(&m->config.services[service], terms);
  wpm_peer_ref drawn[DRAWN];
  size_t count = 0;
  uint32_t chosen = WPM_SLOT_NONE;
  int64_t least = INT64_MAX;
  int err = wpm_store_query_pick(m->store, &query, wpm_rng_next(&m->rng), drawn, DRAWN, &count);
  for (size_t i = 0; !err && i < count; i++) {
    uint32_t slot = drawn[i].slot;
    int64_t rtt = wpm_peer_rtt(m->store, wpm_manager_peer(m, slot));
    bool nearer = rtt != WPM_SPAN_NONE && rtt < least && wpm_rule_holds(WPM_RULE_SERVICE_RTT);
    if ((nearer || chosen == WPM_SLOT_NONE) && may_serve(m, slot, service)) {
      chosen = slot;
      least = rtt != WPM_SPAN_NONE ? rtt : INT64_MAX;
    }
  }
  return chosen;
}

uint32_t wpm_services_choose(wpm_manager *m) {
  uint32_t tried = 0;
  for (size_t turn = 0; turn < m->config.service_count; turn++) {
    size_t poorest = 0;
    size_t most = 0;
    for (size_t i = 0; i < m->config.service_count; i++) {
      size_t missing = tried & bit_of(i) ? 0 : missing_of(m, i);
      bool poorer = missing > most && (wpm_rule_holds(WPM_RULE_SERVICE_POOREST) || most == 0);
      poorest = poorer ? i : poorest;
      most = missing > most ? missing : most;
    }
    uint32_t slot = most > 0 ? choose_for(m, poorest) : WPM_SLOT_NONE;
    if (most == 0 || slot != WPM_SLOT_NONE) {
      return slot;
    }
    tried |= bit_of(poorest); /* Nobody is known for it: the next. */
  }
  return WPM_SLOT_NONE;
}
