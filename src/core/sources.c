#include "core/sources.h"

#include "core/ahead.h"
#include "core/connections.h"
#include "core/groups.h"
#include "core/inbound.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/targets.h"
#include "core/tellers.h"

#define SHARE 16
#define LEAST 64
#define FULL 8

const char *wpm_intake_rule_name(wpm_intake_rule rule) {
  switch (rule) {
  case WPM_INTAKE_TAKEN:
    return "taken";
  case WPM_INTAKE_PER_SOURCE:
    return "per_source";
  case WPM_INTAKE_PER_NETWORK:
    return "per_network";
  case WPM_INTAKE_DISCOURAGED:
    return "discouraged";
  }
  return "?";
}

wpm_intake_counters wpm_manager_intake_left_out(const wpm_manager *m) {
  return m->sources.left;
}

/* ---- whether to take it in --------------------------------------------------------------------- */

static uint64_t source_of(const wpm_manager *m, uint32_t teller) {
  if (teller == WPM_SLOT_NONE) {
    return wpm_group_of_others();
  }
  const wpm_policy *policy = wpm_manager_policy(m, teller);
  const wpm_connection *first = policy->connections[0];
  const uint8_t *ip =
      first && wpm_rule_holds(WPM_RULE_SOURCE_SEEN) ? wpm_inbound_ip(m, first) : NULL;
  uint64_t key = ip ? wpm_group_of_ip(ip) : wpm_groups_key(m, policy->group);
  return key == WPM_GROUP_NONE ? wpm_group_of_others() : key;
}

static uint32_t most(const wpm_manager *m) {
  size_t peers = m->config.store.max_peers;
  size_t share = peers / SHARE > LEAST ? peers / SHARE : LEAST;
  return peers == 0 || share > UINT32_MAX ? UINT32_MAX : (uint32_t)share;
}

static wpm_intake_rule admit_newcomer(const wpm_manager *m, const wpm_event *event,
                                      uint64_t source) {
  uint64_t group = wpm_group_of_any(event->u.found.addresses, event->u.found.address_count);
  if (wpm_groups_told(m, wpm_groups_find(m, source)) >= most(m) &&
      wpm_rule_holds(WPM_RULE_SOURCE_LIMIT)) {
    return WPM_INTAKE_PER_SOURCE;
  }
  bool many = wpm_groups_untried(m, wpm_groups_find(m, group)) >= most(m);
  return many && wpm_rule_holds(WPM_RULE_SOURCE_NETWORK) ? WPM_INTAKE_PER_NETWORK
                                                         : WPM_INTAKE_TAKEN;
}

static wpm_intake_rule admit(const wpm_manager *m, const wpm_event *event, wpm_told *told) {
  uint32_t slot = wpm_store_find(m->store, event->peer);
  told->slot = slot;
  if (slot != WPM_SLOT_NONE) {
    wpm_ahead_of_found(m, slot); /* It is taken as it is found here (on_found). */
  }
  bool matters =
      wpm_targets_are_set(m) && (slot == WPM_SLOT_NONE || wpm_manager_policy(m, slot)->source != 0);
  if (!matters && !m->fading) { /* Nobody has a score. */
    return WPM_INTAKE_TAKEN;
  }
  uint32_t teller = wpm_store_find(m->store, event->u.found.told_by);
  if (teller != WPM_SLOT_NONE && wpm_judge_discourages(m, teller) &&
      wpm_rule_holds(WPM_RULE_SOURCE_DISCOURAGED)) {
    return WPM_INTAKE_DISCOURAGED;
  }
  if (!matters) {
    return WPM_INTAKE_TAKEN;
  }
  told->teller = teller;
  told->source = source_of(m, teller);
  return slot == WPM_SLOT_NONE ? admit_newcomer(m, event, told->source) : WPM_INTAKE_TAKEN;
}

wpm_intake_rule wpm_sources_admit(wpm_manager *m, const wpm_event *event, wpm_told *told) {
  wpm_intake_rule rule = event->u.found.is_static && wpm_rule_holds(WPM_RULE_SOURCE_STATIC)
                             ? WPM_INTAKE_TAKEN
                             : admit(m, event, told);
  m->sources.left.by_rule[rule] += rule != WPM_INTAKE_TAKEN;
  return rule;
}

/* ---- counting ---------------------------------------------------------------------------------- */

void wpm_sources_leave(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->source) {
    wpm_groups_count_untried(m, policy->group, false);
    wpm_groups_count_told(m, policy->source, false);
    policy->source = 0;
  }
}

/* `number`: of the source's group; 0: there is none. */
static void set_source(wpm_manager *m, uint32_t slot, uint32_t number) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_groups_count_told(m, number, true);
  wpm_sources_leave(m, slot);
  if (number) {
    wpm_groups_count_untried(m, policy->group, true);
    policy->source = number;
  }
}

void wpm_sources_found(wpm_manager *m, uint32_t slot, const wpm_told *told, bool added) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  if (told->source == WPM_GROUP_NONE) {
    if (policy->source && wpm_rule_holds(WPM_RULE_SOURCE_FREED)) {
      wpm_sources_leave(m, slot);
    }
  } else if (added) {
    set_source(m, slot, wpm_groups_enter(m, told->source));
    wpm_tellers_told(m, slot, told->teller);
  } else if (policy->source && wpm_rule_holds(WPM_RULE_SOURCE_FEWEST) &&
             wpm_groups_told(m, wpm_groups_find(m, told->source)) + 1 <
                 wpm_groups_told(m, policy->source)) {
    set_source(m, slot, wpm_groups_enter(m, told->source));
  }
}

void wpm_sources_restored(wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  bool is_told = wpm_peer_origin(peer) == WPM_ORIGIN_PEER_EXCHANGE &&
                 !wpm_peer_has(peer, WPM_HAS_HELD) && !wpm_peer_has(peer, WPM_HAS_STATIC);
  if (is_told && wpm_rule_holds(WPM_RULE_SOURCE_RESTORED)) {
    set_source(m, slot, wpm_manager_policy(m, slot)->group);
  }
}

/* It was held, and the last time it had dialled us. */
static bool only_dialled_us(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  return wpm_peer_has(peer, WPM_HAS_HELD) && wpm_peer_direction(peer) == WPM_INBOUND;
}

uint32_t wpm_sources_divisor(const wpm_manager *m, uint32_t slot) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  if (only_dialled_us(m, slot)) {
    return wpm_rule_holds(WPM_RULE_SOURCE_INBOUND) ? 1 + wpm_groups_peers(m, policy->group) / FULL
                                                   : 1;
  }
  return wpm_rule_holds(WPM_RULE_SOURCE_WEIGHS) ? 1 + wpm_groups_told(m, policy->source) / FULL : 1;
}
