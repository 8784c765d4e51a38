#include "core/tellers.h"

#include "core/connectivity.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/wait.h"

#include <stdlib.h>

#define TELLERS 64u
#define RESULTS 16
#define WORKING_SHARE 8
#define BLAME_EVERY WPM_HOUR

void wpm_tellers_fini(wpm_manager *m) {
  free(m->sources.tellers);
}

/* ---- the table --------------------------------------------------------------------------------- */

/* The entry of the peer; a new one, in place of the one that told last the longest ago. */
static wpm_teller *enter(wpm_manager *m, uint32_t teller) {
  wpm_teller *tellers = m->sources.tellers;
  wpm_peer_ref ref = wpm_store_ref_of(m->store, teller);
  wpm_teller *oldest = &tellers[0];
  for (uint32_t i = 0; i < TELLERS; i++) {
    wpm_teller *each = &tellers[i];
    if (each->turn > 0 && each->peer.slot == ref.slot && each->peer.generation == ref.generation) {
      return each;
    }
    oldest = each->told_at.ns < oldest->told_at.ns ? each : oldest;
  }
  uint16_t turn = oldest->turn == UINT16_MAX ? 1 : (uint16_t)(oldest->turn + 1);
  *oldest = (wpm_teller){.peer = ref, .turn = turn, .blamed_at = {INT64_MIN}};
  return oldest;
}

/* Makes the table with the first teller; false: there is no memory for it. */
static bool has_table(wpm_manager *m) {
  if (!m->sources.tellers) {
    m->sources.tellers = malloc(TELLERS * sizeof(*m->sources.tellers));
    for (uint32_t i = 0; m->sources.tellers && i < TELLERS; i++) {
      m->sources.tellers[i] = (wpm_teller){.told_at = {INT64_MIN}};
    }
  }
  return m->sources.tellers != NULL;
}

void wpm_tellers_told(wpm_manager *m, uint32_t slot, uint32_t teller) {
  if (teller == WPM_SLOT_NONE || !has_table(m)) { /* Nobody is blamed for this one. */
    return;
  }
  wpm_teller *entry = enter(m, teller);
  entry->told_at = m->now;
  wpm_policy *policy = wpm_manager_policy(m, slot);
  policy->teller = (uint16_t)(1 + (entry - m->sources.tellers));
  policy->teller_turn = entry->turn;
}

/* Who told of the peer, where that is still known; the next time it is not. */
static wpm_teller *take_teller(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_teller *teller = policy->teller ? &m->sources.tellers[policy->teller - 1] : NULL;
  bool is_same = teller && teller->turn == policy->teller_turn;
  policy->teller = 0;
  return is_same ? teller : NULL;
}

/* ---- results ----------------------------------------------------------------------------------- */

static void add_result(wpm_teller *teller, bool worked) {
  teller->results = (uint16_t)((unsigned)teller->results << 1 | worked);
  teller->count = teller->count < RESULTS ? (uint8_t)(teller->count + 1) : RESULTS;
}

void wpm_tellers_worked(wpm_manager *m, uint32_t slot, bool dialled) {
  wpm_teller *teller = take_teller(m, slot);
  if (teller && (dialled || !wpm_rule_holds(WPM_RULE_BLAME_DIALLED))) {
    add_result(teller, true);
  }
}

static unsigned working(const wpm_teller *teller) {
  unsigned count = 0;
  for (unsigned left = teller->results; left != 0; left &= left - 1) {
    count++;
  }
  return count;
}

static bool is_dead_or_false(wpm_reason reason) {
  return reason == WPM_REASON_REFUSED || reason == WPM_REASON_UNREACHABLE ||
         reason == WPM_REASON_TIMED_OUT || reason == WPM_REASON_DIAL_TIMEOUT ||
         reason == WPM_REASON_NAME_NOT_FOUND || reason == WPM_REASON_PEER_ID_MISMATCH;
}

void wpm_tellers_failed(wpm_manager *m, uint32_t slot, wpm_reason reason, wpm_instant now) {
  wpm_teller *teller = take_teller(m, slot);
  bool alone = m->live_connections == 0 && wpm_rule_holds(WPM_RULE_BLAME_LIVE);
  bool counts = is_dead_or_false(reason) || !wpm_rule_holds(WPM_RULE_BLAME_REASONS);
  if (!teller || !counts || alone) {
    return;
  }
  add_result(teller, false);
  bool early = now.mono.ns < wpm_mono_after(teller->blamed_at, BLAME_EVERY).ns &&
               wpm_rule_holds(WPM_RULE_BLAME_PACE);
  if (teller->count < RESULTS ||
      (working(teller) >= RESULTS / WORKING_SHARE && wpm_rule_holds(WPM_RULE_BLAME_SHARE)) ||
      early || !wpm_rule_holds(WPM_RULE_BLAME)) {
    return;
  }
  teller->count = wpm_rule_holds(WPM_RULE_BLAME_ANEW) ? 0 : teller->count;
  teller->blamed_at = now.mono;
  wpm_judge_blamed(m, teller->peer, now);
}
