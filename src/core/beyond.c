#include "core/beyond.h"

#include "core/connections.h"
#include "core/connectivity.h"
#include "core/feelers.h"
#include "core/rules.h"
#include "core/targets.h"

bool wpm_beyond_relay(const wpm_manager *m) {
  return wpm_targets_are_set(m) && m->doubt.met > m->config.relay_outbound;
}

/* Dialled on our own account, and it says that it does not relay. */
static bool is_no_relay(const wpm_manager *m, uint32_t slot) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  const wpm_connection *first = policy->connections[0];
  return first && first->direction == WPM_OUTBOUND && policy->automatic &&
         wpm_peer_has(peer, WPM_HAS_PROTOCOLS_KNOWN) && !wpm_peer_relays(peer) &&
         !wpm_feelers_are_at(m, slot) && wpm_targets_are_set(m) &&
         wpm_rule_holds(WPM_RULE_BEYOND_NO_RELAY);
}

void wpm_beyond_update(wpm_manager *m, uint32_t slot) {
  m->beyond = m->beyond || is_no_relay(m, slot);
}

static bool is_spared(const wpm_manager *m, uint32_t slot) {
  return wpm_targets_spare(m, slot) && wpm_rule_holds(WPM_RULE_BEYOND_SPARES);
}

/* The newest relay peer that was chosen; WPM_SLOT_NONE: none of these may go. */
static uint32_t newest_chosen(const wpm_manager *m) {
  const wpm_connection *newest = NULL;
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    const wpm_connection *one = m->connections[i];
    if (!one || one->peer == WPM_SLOT_NONE) {
      continue;
    }
    const wpm_policy *policy = wpm_manager_policy(m, one->peer);
    bool newer = !newest || one->began.ns > newest->began.ns ||
                 (one->began.ns == newest->began.ns && one->id > newest->id);
    if (newer && policy->chosen && policy->met && !is_spared(m, one->peer)) {
      newest = one;
    }
  }
  return newest ? newest->peer : WPM_SLOT_NONE;
}

/* WPM_SLOT_NONE: there is none. */
static uint32_t first_of_no_relay(const wpm_manager *m) {
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    const wpm_connection *one = m->connections[i];
    if (one && one->peer != WPM_SLOT_NONE && is_no_relay(m, one->peer) &&
        !is_spared(m, one->peer)) {
      return one->peer;
    }
  }
  return WPM_SLOT_NONE;
}

void wpm_beyond_run(wpm_manager *m, wpm_instant now) {
  uint32_t slot = WPM_SLOT_NONE;
  if (!m->beyond) {
    return;
  }
  while ((slot = first_of_no_relay(m)) != WPM_SLOT_NONE) {
    wpm_connectivity_end_all(m, slot, WPM_REASON_SURPLUS, now);
  }
  while (wpm_beyond_relay(m) && wpm_rule_holds(WPM_RULE_BEYOND) &&
         (slot = newest_chosen(m)) != WPM_SLOT_NONE) {
    wpm_connectivity_end_all(m, slot, WPM_REASON_SURPLUS, now);
  }
  m->beyond = false;
}
