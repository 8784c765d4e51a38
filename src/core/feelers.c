#include "core/feelers.h"

#include "core/connectivity.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/targets.h"
#include "core/wait.h"

#define LINGER (wpm_rule_holds(WPM_RULE_FEELER_LINGERS) ? 10 * WPM_SECOND : WPM_DAY)
#define DRAWN 16
#define LONGEST_MEAN (1000 * WPM_DAY)
#define FRACTION_BITS 20
#define LN_2 UINT64_C(726817) /* In units of 2^-20. */
#define MOST_MEANS 8          /* An interval is at most as many means. */

void wpm_feelers_init(wpm_manager *m) {
  m->feelers = (wpm_feelers){.slot = WPM_SLOT_NONE, .at = WPM_NEVER};
}

wpm_feeler_counters wpm_manager_feelers(const wpm_manager *m) {
  return m->feelers.counters;
}

/* ---- when -------------------------------------------------------------------------------------- */

/* A span with an exponential distribution: the logarithm of a draw, taken straight between powers of
 * two, which is near enough. */
static int64_t draw_span(wpm_manager *m, int64_t mean) {
  uint64_t draw = wpm_rng_next(&m->rng) | 1;
  unsigned zeros = (unsigned)__builtin_clzll(draw);
  uint64_t fraction = draw << zeros << 1 >> (64 - FRACTION_BITS);
  uint64_t halvings = ((uint64_t)zeros + 1) * (UINT64_C(1) << FRACTION_BITS) - fraction;
  uint64_t means = halvings * LN_2 >> FRACTION_BITS;
  uint64_t cap = (uint64_t)MOST_MEANS << FRACTION_BITS;
  mean = mean < LONGEST_MEAN ? mean : LONGEST_MEAN;
  if (!wpm_rule_holds(WPM_RULE_FEELER_SPREAD)) {
    return mean;
  }
  return (mean >> FRACTION_BITS) * (int64_t)(means < cap ? means : cap) + 1;
}

static bool are_in_force(const wpm_manager *m) {
  return wpm_targets_are_set(m) && m->config.feeler_ns > 0 && !m->stopping && !m->epoch.offline &&
         (m->targets.outbound >= m->config.relay_outbound ||
          !wpm_rule_holds(WPM_RULE_FEELERS_LAST)) &&
         wpm_rule_holds(WPM_RULE_FEELERS);
}

static bool has_room(const wpm_manager *m) {
  return m->dials < m->config.max_dials &&
         wpm_schedule_room(m, WPM_SLOT_NONE) >
             (wpm_rule_holds(WPM_RULE_FEELER_ROOM) ? wpm_targets_kept(m) : 0);
}

wpm_mono wpm_feelers_next_at(const wpm_manager *m) {
  bool is_free = m->feelers.slot == WPM_SLOT_NONE && are_in_force(m) && has_room(m);
  return is_free ? m->feelers.at : WPM_NEVER;
}

/* ---- whom -------------------------------------------------------------------------------------- */

/* One that we held, of which nobody knows whether it is still there. */
static bool is_in_doubt(const wpm_manager *m, uint32_t slot) {
  return !wpm_store_failed_since(m->store, slot) && !wpm_manager_policy(m, slot)->has_place &&
         !wpm_schedule_wants(m, slot) && !wpm_judge_discourages(m, slot) &&
         wpm_schedule_may_be_chosen(m, slot);
}

static uint32_t draw_held(wpm_manager *m) {
  static const wpm_term terms[] = {{.kind = WPM_TERM_HELD},      {.kind = WPM_TERM_DIALABLE},
                                   {.kind = WPM_TERM_STATIC},    {.kind = WPM_TERM_NOT},
                                   {.kind = WPM_TERM_PROTECTED}, {.kind = WPM_TERM_NOT}};
  const wpm_query query = {terms, sizeof(terms) / sizeof(*terms)};
  wpm_peer_ref drawn[DRAWN];
  size_t found = 0;
  uint32_t chosen = WPM_SLOT_NONE;
  int64_t least = INT64_MAX;
  /* Without memory for it there is nobody this time. */
  int err = wpm_store_query_pick(m->store, &query, wpm_rng_next(&m->rng), drawn, DRAWN, &found);
  for (size_t i = 0; !err && i < found; i++) {
    uint32_t slot = drawn[i].slot;
    int64_t seen = wpm_peer_last_seen(m->store, wpm_manager_peer(m, slot));
    bool longer = seen < least || !wpm_rule_holds(WPM_RULE_FEELER_LONGEST);
    if (longer && is_in_doubt(m, slot)) {
      chosen = slot;
      least = seen;
    }
  }
  return chosen;
}

static void try_one(wpm_manager *m) {
  bool of_held = wpm_store_is_full_of_held(m->store) && wpm_rule_holds(WPM_RULE_FEELER_HELD);
  uint32_t slot = of_held ? draw_held(m) : wpm_targets_draw_untried(m);
  if (slot != WPM_SLOT_NONE && wpm_store_open_contact(m->store, slot) == WPM_OK) {
    m->feelers.slot = slot;
    m->feelers.at = WPM_NEVER;
    m->feelers.counters.dialled++;
    wpm_schedule_dial(m, slot, false);
  }
}

/* ---- its end ----------------------------------------------------------------------------------- */

void wpm_feelers_over(wpm_manager *m, uint32_t slot) {
  if (m->feelers.slot == slot) {
    m->feelers.slot = WPM_SLOT_NONE;
    m->feelers.at = WPM_NEVER;
  }
}

void wpm_feelers_adopt(wpm_manager *m, uint32_t slot) {
  if (m->feelers.slot == slot) {
    wpm_feelers_over(m, slot);
    wpm_place_update(m, slot);
  }
}

void wpm_feelers_connected(wpm_manager *m, uint32_t slot, const wpm_connection *connection,
                           wpm_instant now) {
  bool is_ours = connection->direction == WPM_OUTBOUND && m->feelers.at.ns == WPM_NEVER.ns &&
                 wpm_manager_policy(m, slot)->dial == 0;
  if (m->feelers.slot == slot && is_ours) {
    m->feelers.at = wpm_mono_after(now.mono, LINGER);
    m->feelers.answers = 0;
    m->feelers.counters.reached++;
  } else {
    wpm_feelers_over(m, slot); /* It came by itself. */
  }
}

static bool is_kept(const wpm_manager *m, uint32_t slot) {
  return wpm_manager_is_named(m, slot) && wpm_rule_holds(WPM_RULE_FEELER_STAYS);
}

wpm_mono wpm_feelers_end_at(const wpm_manager *m, uint32_t slot) {
  return wpm_feelers_are_at(m, slot) ? m->feelers.at : WPM_NEVER;
}

static void let_go(wpm_manager *m, wpm_instant now) {
  uint32_t slot = m->feelers.slot;
  if (is_kept(m, slot)) {
    wpm_feelers_adopt(m, slot);
  } else {
    wpm_connectivity_end_all(m, slot, WPM_REASON_FEELER, now);
  }
}

void wpm_feelers_answered(wpm_manager *m, uint32_t slot, wpm_feeler_answer answer,
                          wpm_instant now) {
  if (m->feelers.slot != slot || m->feelers.at.ns == WPM_NEVER.ns) {
    return;
  }
  bool shards = m->config.shard_count > 0 && wpm_rule_holds(WPM_RULE_FEELER_SHARDS);
  unsigned all = shards ? WPM_FEELER_IDENTIFY | WPM_FEELER_METADATA : WPM_FEELER_IDENTIFY;
  m->feelers.answers |= (uint8_t)answer;
  if ((m->feelers.answers & all) == all && wpm_rule_holds(WPM_RULE_FEELER_ANSWERED)) {
    let_go(m, now);
  }
}

void wpm_feelers_run_now(wpm_manager *m, wpm_instant now) {
  if (m->feelers.slot != WPM_SLOT_NONE && is_kept(m, m->feelers.slot)) {
    wpm_feelers_adopt(m, m->feelers.slot); /* It has become so meanwhile. */
  }
  bool is_due = m->feelers.at.ns <= now.mono.ns;
  if (m->feelers.slot != WPM_SLOT_NONE) {
    if (is_due) {
      let_go(m, now);
    }
    return;
  }
  if (!are_in_force(m)) {
    m->feelers.at = WPM_NEVER;
    return;
  }
  if (is_due || m->feelers.at.ns == WPM_NEVER.ns) {
    m->feelers.at = wpm_mono_after(now.mono, draw_span(m, m->config.feeler_ns));
  }
  if (is_due && has_room(m)) {
    try_one(m);
  }
}
