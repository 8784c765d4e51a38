#include "core/doubt.h"

#include "core/connectivity.h"
#include "core/rules.h"
#include "core/targets.h"
#include "core/wait.h"

#define HASTE (30 * WPM_SECOND)
#define SLOW_DIAL (250 * WPM_MILLISECOND) /* RFC 8305, Connection Attempt Delay. */
#define SLOW_PONG WPM_SECOND

void wpm_doubt_init(wpm_manager *m) {
  m->doubt = (wpm_doubt){.until = {INT64_MIN}, .probed = WPM_NEVER};
}

void wpm_doubt_begin_epoch(wpm_manager *m) {
  m->doubt.until = wpm_mono_after(m->now, HASTE);
}

void wpm_doubt_probed(wpm_manager *m) {
  m->doubt.probed = wpm_mono_after(m->now, SLOW_PONG);
}

bool wpm_doubt_is_haste(const wpm_manager *m) {
  return m->now.ns < m->doubt.until.ns || !wpm_rule_holds(WPM_RULE_DOUBT_HASTE);
}

/* ---- who is in doubt --------------------------------------------------------------------------- */

static void set_doubt(wpm_manager *m, uint32_t slot, bool in_doubt) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  m->doubt.count += (uint32_t)in_doubt - (uint32_t)policy->in_doubt;
  policy->in_doubt = in_doubt;
}

/* Connected outbound, so that it counts. There may be one too many then (core/beyond.h). */
static void set_met(wpm_manager *m, uint32_t slot, bool met, bool was_in_doubt) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool ours = wpm_targets_are_set(m) && (policy->chosen || was_in_doubt || policy->by_restart);
  m->doubt.met += (uint32_t)met - (uint32_t)policy->met;
  m->beyond = m->beyond || (met && !policy->met && ours);
  policy->met = met;
}

static void set_back(wpm_manager *m, wpm_policy *policy, bool back) {
  m->doubt.back += (uint32_t)back - (uint32_t)policy->is_back;
  policy->is_back = back;
}

void wpm_doubt_update(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  const wpm_connection *first = policy->connections[0];
  bool of_ping = first && first->awaiting && first->probed;
  bool stays = policy->outbound && (of_ping || (!first && policy->dial != 0));
  bool was_in_doubt = policy->in_doubt;
  set_doubt(m, slot, was_in_doubt && stays);
  set_met(m, slot, policy->outbound && first && !policy->in_doubt, was_in_doubt);
  policy->chosen = policy->chosen && policy->outbound;
  policy->by_restart = policy->by_restart && policy->outbound;
  set_back(m, policy, policy->met && policy->by_restart);
}

void wpm_doubt_answered(wpm_manager *m, uint32_t slot) {
  wpm_doubt_update(m, slot);
  if (m->beyond) {
    wpm_manager_note_deadline(m); /* Bytes alone would bring nothing else about. */
  }
}

void wpm_doubt_adopt(wpm_manager *m, uint32_t slot) {
  wpm_manager_policy(m, slot)->chosen = false;
  wpm_manager_policy(m, slot)->by_restart = false;
  wpm_manager_policy(m, slot)->automatic = false;
  for (unsigned i = 0; i < WPM_DOUBT_DIALS; i++) {
    if (m->doubt.dials[i].slot == slot) {
      m->doubt.dials[i].dial = 0; /* Not watched any more. */
    }
  }
  set_doubt(m, slot, false);
  wpm_doubt_update(m, slot);
}

/* ---- dials ------------------------------------------------------------------------------------- */

void wpm_doubt_dialled(wpm_manager *m, uint32_t slot, bool for_target) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_doubt *doubt = &m->doubt;
  policy->chosen = for_target && policy->outbound;
  if (wpm_doubt_is_haste(m) &&
      doubt->watched < WPM_DOUBT_DIALS) { /* One more than those counts as it is. */
    unsigned last = (doubt->first + doubt->watched++) % WPM_DOUBT_DIALS;
    doubt->dials[last] = (wpm_doubted_dial){slot, policy->dial, wpm_mono_after(m->now, SLOW_DIAL)};
  }
}

static bool is_still_dialled(const wpm_manager *m, const wpm_doubted_dial *one) {
  const wpm_policy *policy = wpm_manager_policy(m, one->slot);
  return one->dial != 0 && policy->dial == one->dial && policy->outbound && !policy->connections[0];
}

static void doubt_dials(wpm_manager *m, wpm_instant now) {
  wpm_doubt *doubt = &m->doubt;
  while (doubt->watched > 0 && doubt->dials[doubt->first].slow_at.ns <= now.mono.ns) {
    wpm_doubted_dial one = doubt->dials[doubt->first];
    doubt->first = (doubt->first + 1) % WPM_DOUBT_DIALS;
    doubt->watched--;
    if (is_still_dialled(m, &one) && wpm_rule_holds(WPM_RULE_DOUBT_DIALS)) {
      set_doubt(m, one.slot, true);
      wpm_targets_look_soon(m);
    }
  }
}

static void doubt_connections(wpm_manager *m, wpm_instant now) {
  if (m->doubt.probed.ns > now.mono.ns) {
    return;
  }
  m->doubt.probed = WPM_NEVER;
  for (uint32_t i = 0; i < m->connection_slots && wpm_rule_holds(WPM_RULE_DOUBT_PROBED); i++) {
    const wpm_connection *connection = m->connections[i];
    if (connection && connection->peer != WPM_SLOT_NONE && connection->probed &&
        connection->awaiting && wpm_manager_policy(m, connection->peer)->outbound) {
      set_doubt(m, connection->peer, true);
      wpm_doubt_update(m, connection->peer);
      wpm_targets_look_soon(m);
    }
  }
}

wpm_mono wpm_doubt_next(const wpm_manager *m) {
  for (unsigned i = 0; i < m->doubt.watched; i++) {
    const wpm_doubted_dial *one = &m->doubt.dials[(m->doubt.first + i) % WPM_DOUBT_DIALS];
    if (is_still_dialled(m, one)) {
      return wpm_mono_earlier(one->slow_at, m->doubt.probed);
    }
  }
  return m->doubt.probed;
}

/* ---- when -------------------------------------------------------------------------------------- */

void wpm_doubt_run(wpm_manager *m, wpm_instant now) {
  doubt_dials(m, now);
  doubt_connections(m, now);
}

wpm_mono wpm_doubt_deadline(const wpm_manager *m) {
  wpm_mono dial = m->doubt.watched > 0 ? m->doubt.dials[m->doubt.first].slow_at : WPM_NEVER;
  return wpm_mono_earlier(dial, m->doubt.probed);
}
