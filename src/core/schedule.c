#include "core/schedule.h"

#include "core/actions.h"
#include "core/black_hole.h"
#include "core/connectivity.h"
#include "core/judge.h"
#include "core/range_bans.h"
#include "core/rank.h"
#include "core/restart.h"
#include "core/rules.h"
#include "core/services.h"
#include "core/shards.h"
#include "core/targets.h"
#include "core/wait.h"

/* Kinds of ready peers, the first dialled first. */
typedef enum kind {
  KIND_RESERVED,
  KIND_STATIC,
  KIND_RESTART,
  KIND_RELAY,
  KIND_OTHER,
  KIND_HELD /* By a black hole. */
} kind;

#define KIND_SHIFT 58
#define MOVED_AT_ONCE 1024 /* Ready peers found to be held, in one go. */

bool wpm_schedule_was_let_go(const wpm_peer *peer) {
  bool too_many = peer->reason == WPM_REASON_CROWDED || peer->reason == WPM_REASON_SURPLUS;
  return (too_many && wpm_rule_holds(WPM_RULE_CROWDED_STAYS)) ||
         (peer->reason == WPM_REASON_FEELER && wpm_rule_holds(WPM_RULE_FEELER_GOES));
}

bool wpm_schedule_wants(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  if (wpm_peer_has(peer, WPM_HAS_STATIC)) {
    return true;
  }
  bool others = !wpm_targets_are_set(m) || wpm_manager_policy(m, slot)->of_restart ||
                !wpm_rule_holds(WPM_RULE_WANTS_CHOSEN);
  return wpm_peer_has(peer, WPM_HAS_HELD) && !wpm_schedule_was_let_go(peer) && others &&
         !wpm_targets_choose(m, slot) && (!wpm_peer_relays(peer) || wpm_shards_shares(m, slot));
}

/* One that may be dialled when more peers like it are wanted. */
static bool is_candidate(const wpm_manager *m, uint32_t slot) {
  return (wpm_targets_choose(m, slot) && wpm_shards_shares(m, slot)) || wpm_services_want(m, slot);
}

/* `holds`: the rule is not switched off. */
static void consider(wpm_plan *plan, wpm_mono end, wpm_held_by rule, bool holds) {
  if (holds && end.ns > plan->until.ns) {
    plan->held_by = rule;
    plan->until = end;
  }
}

static void consider_waits(wpm_plan *plan, const uint8_t *contact, const wpm_instant *origin,
                           wpm_instant now) {
  static const struct {
    wpm_held_by held_by;
    wpm_rule rule;
  } of[WPM_WAIT_COUNT] = {
      [WPM_WAIT_PRUNE_BACKOFF] = {WPM_HELD_BY_PRUNE_BACKOFF, WPM_RULE_PRUNE_BACKOFF},
      [WPM_WAIT_RETRY_DELAY] = {WPM_HELD_BY_RETRY_DELAY, WPM_RULE_RETRY_DELAY},
      [WPM_WAIT_MISMATCH_DELAY] = {WPM_HELD_BY_CLUSTER_MISMATCH, WPM_RULE_MISMATCH_DELAY},
      [WPM_WAIT_BAN] = {WPM_HELD_BY_BAN, WPM_RULE_BAN}};
  wpm_wait waits[WPM_WAIT_COUNT];
  unsigned left = wpm_contact_waits(contact, origin, waits);
  for (; left; left &= left - 1) {
    unsigned which = (unsigned)__builtin_ctz(left);
    bool is_for_good = which == WPM_WAIT_BAN && waits[which].length_ns == INT64_MAX;
    consider(plan, is_for_good ? WPM_NEVER : wpm_wait_end(&waits[which], now), of[which].held_by,
             wpm_rule_holds(of[which].rule));
  }
}

/* What waits hold the peer back, and until when. */
static wpm_plan plan_by_waits(const wpm_manager *m, uint32_t slot, wpm_instant now) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  wpm_plan plan = {WPM_NEVER, WPM_HELD_BY_NOTHING, now.mono};
  if (peer->contact) {
    consider_waits(&plan, wpm_peer_contact(m->store, peer), &m->store->origin, now);
  }
  if (wpm_range_bans_any(m)) {
    consider(&plan, wpm_range_bans_free_at(m, slot), WPM_HELD_BY_BAN, true);
  }
  consider(&plan, wpm_manager_policy(m, slot)->local_until, WPM_HELD_BY_RETRY_DELAY,
           wpm_rule_holds(WPM_RULE_RETRY_DELAY));
  plan.until = plan.held_by == WPM_HELD_BY_NOTHING ? WPM_NEVER : plan.until;
  return plan;
}

wpm_plan wpm_schedule_plan(const wpm_manager *m, uint32_t slot, wpm_instant now) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  bool wanted = wpm_schedule_wants(m, slot);
  wpm_plan plan = {WPM_NEVER, WPM_HELD_BY_NOTHING, WPM_NEVER};
  if (peer->u.live > 0) {
    plan.held_by = WPM_HELD_BY_CONNECTED;
  } else if (policy->dial && wpm_rule_holds(WPM_RULE_DIALLED_ONCE)) {
    plan.held_by = WPM_HELD_BY_DIALLING;
  } else if (m->stopping) {
    plan.held_by = WPM_HELD_BY_SHUTDOWN;
  } else if (wpm_peer_has(peer, WPM_HAS_HELD_OFF) && wpm_rule_holds(WPM_RULE_HELD_OFF)) {
    plan.held_by = WPM_HELD_BY_PERSON;
  } else if (wpm_judge_discourages(m, slot)) {
    plan.held_by = WPM_HELD_BY_DISCOURAGED;
  } else if (!wanted && !is_candidate(m, slot)) {
    plan.held_by = WPM_HELD_BY_NOT_WANTED;
  } else if (!wpm_peer_has(peer, WPM_HAS_ADDRESS)) {
    plan.held_by = WPM_HELD_BY_NO_ADDRESS;
  } else {
    plan = plan_by_waits(m, slot, now);
    if (plan.held_by == WPM_HELD_BY_NOTHING) {
      plan.held_by = wpm_rank_holds(m, slot, now.mono);
      plan.next_dial = plan.held_by == WPM_HELD_BY_NOTHING && wanted ? now.mono : WPM_NEVER;
      plan.held_by =
          plan.held_by == WPM_HELD_BY_NOTHING && !wanted ? WPM_HELD_BY_TARGET : plan.held_by;
    } else {
      plan.next_dial = wanted ? plan.until : WPM_NEVER;
    }
  }
  return plan;
}

bool wpm_schedule_may_be_chosen(const wpm_manager *m, uint32_t slot) {
  bool waits = wpm_manager_policy(m, slot)->local_until.ns > m->now.ns &&
               wpm_rule_holds(WPM_RULE_LOCAL_CHOSEN);
  return !waits && wpm_rank_may_go(m, slot);
}

bool wpm_schedule_becomes_candidate(const wpm_manager *m, uint32_t slot) {
  return wpm_manager_policy(m, slot)->waits_to_be_chosen && is_candidate(m, slot) &&
         wpm_rank_holds(m, slot, m->now) == WPM_HELD_BY_NOTHING;
}

size_t wpm_schedule_room(const wpm_manager *m, uint32_t slot) {
  if (!wpm_rule_holds(WPM_RULE_MAX_CONNECTIONS)) {
    return SIZE_MAX;
  }
  bool is_kept = slot != WPM_SLOT_NONE && wpm_manager_policy(m, slot)->reserved;
  size_t taken = (size_t)m->places + (is_kept ? 0 : m->reserved);
  size_t most = wpm_manager_most_places(m);
  return most > taken ? most - taken : 0;
}

bool wpm_schedule_has_room(const wpm_manager *m, uint32_t slot) {
  size_t room = wpm_schedule_room(m, slot);
  bool first = room == 0 || wpm_manager_policy(m, slot)->reserved ||
               wpm_peer_has(wpm_manager_peer(m, slot), WPM_HAS_STATIC) ||
               !wpm_rule_holds(WPM_RULE_KEPT_FROM_WANTED);
  return room > (first ? 0 : wpm_targets_kept_for_others(m));
}

static kind kind_of(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->reserved) {
    return KIND_RESERVED;
  }
  if (wpm_peer_has(peer, WPM_HAS_STATIC) && wpm_rule_holds(WPM_RULE_STATIC_FIRST)) {
    return KIND_STATIC;
  }
  if (policy->of_restart) {
    return KIND_RESTART;
  }
  return wpm_peer_relays(peer) && wpm_rule_holds(WPM_RULE_RELAY_FIRST) ? KIND_RELAY : KIND_OTHER;
}

static wpm_mono rank(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  int64_t within = wpm_manager_policy(m, slot)->of_restart ? wpm_restart_rank(peer)
                                                           : wpm_restart_rank_by_time(peer);
  within = wpm_rule_holds(WPM_RULE_LAST_FIRST) ? within : 0;
  return (wpm_mono){(int64_t)kind_of(m, slot) << KIND_SHIFT | within};
}

/* Behind all others, which of them is the first is drawn. */
static wpm_mono rank_held(wpm_manager *m) {
  return (wpm_mono){(int64_t)KIND_HELD << KIND_SHIFT |
                    (int64_t)(wpm_rng_next(&m->rng) >> (64 - KIND_SHIFT))};
}

static bool is_ranked_held(const wpm_manager *m, uint32_t slot) {
  return wpm_heap_get(&m->ready, slot).ns >> KIND_SHIFT == KIND_HELD;
}

void wpm_schedule_rerank(wpm_manager *m, uint32_t slot) {
  if (wpm_heap_get(&m->ready, slot).ns != WPM_NEVER.ns && !is_ranked_held(m, slot)) {
    wpm_heap_set(&m->ready, slot, rank(m, slot));
  }
}

/* When its waits are over; then it is dialled, or only `to_be_chosen`. */
static void set_waiting(wpm_manager *m, uint32_t slot, wpm_mono until, bool to_be_chosen) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool waits_to_be_chosen = to_be_chosen && until.ns != WPM_NEVER.ns;
  m->waiting_to_be_chosen += (uint32_t)waits_to_be_chosen - (uint32_t)policy->waits_to_be_chosen;
  policy->waits_to_be_chosen = waits_to_be_chosen;
  wpm_heap_set(&m->waiting, slot, until);
}

void wpm_schedule_update(wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_plan plan = wpm_schedule_plan(m, slot, now);
  bool is_dial = plan.next_dial.ns != WPM_NEVER.ns;
  wpm_mono due = is_dial ? plan.next_dial : plan.until;
  bool possible = due.ns != WPM_NEVER.ns;
  if (!possible && !wpm_manager_policy(m, slot)->has_place) {
    wpm_restart_drop(m, slot);
  } else if (plan.held_by == WPM_HELD_BY_PRUNE_BACKOFF || plan.held_by == WPM_HELD_BY_BAN) {
    wpm_restart_waits(m, slot, plan.until);
  }
  /* Before the first event all wait, so that the restart's places are kept before anyone goes. */
  bool ready = plan.held_by == WPM_HELD_BY_NOTHING && m->begun;
  bool held = plan.held_by == WPM_HELD_BY_BLACK_HOLE && wpm_schedule_wants(m, slot);
  set_waiting(m, slot, ready ? WPM_NEVER : due, !is_dial);
  wpm_heap_set(&m->ready, slot, ready ? rank(m, slot) : held ? rank_held(m) : WPM_NEVER);
  if (plan.held_by == WPM_HELD_BY_TARGET) {
    wpm_targets_candidate(m, slot);
  }
}

void wpm_schedule_drop(wpm_manager *m, uint32_t slot) {
  set_waiting(m, slot, WPM_NEVER, false);
  wpm_heap_set(&m->ready, slot, WPM_NEVER);
  wpm_restart_drop(m, slot);
}

void wpm_schedule_due(wpm_manager *m, wpm_instant now) {
  uint32_t slot;
  while (wpm_heap_least(&m->waiting, &slot).ns <= now.mono.ns) {
    wpm_schedule_update(m, slot, now);
  }
}

void wpm_schedule_dial(wpm_manager *m, uint32_t slot, bool all) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (!all && m->black_hole.any && wpm_rank_holds(m, slot, m->now) == WPM_HELD_BY_BLACK_HOLE) {
    wpm_black_hole_probed(m);
  }
  policy->dial = ++m->next_dial;
  policy->asked = all;
  policy->by_restart = policy->of_restart && !all;
  policy->automatic = !all;
  m->dials++;
  set_waiting(m, slot, WPM_NEVER, false);
  wpm_heap_set(&m->ready, slot, WPM_NEVER);
  wpm_place_update(m, slot);
  wpm_history_note(m, slot, WPM_HISTORY_DIALLED, WPM_REASON_NONE);
  wpm_pending_peer(m, slot, all ? WPM_PENDING_DIAL_ALL : WPM_PENDING_DIAL);
}

/* The first of the ready peers; WPM_SLOT_NONE: there is none, or it waits for its turn to try a black hole.
 * One found to be behind it, which was not when it became ready, moves behind the others. */
static uint32_t first_to_go(wpm_manager *m, wpm_instant now) {
  for (unsigned left = MOVED_AT_ONCE; left > 0; left--) {
    uint32_t slot = WPM_SLOT_NONE;
    bool any = wpm_heap_least(&m->ready, &slot).ns != WPM_NEVER.ns;
    if (!any || !m->black_hole.any || wpm_rank_holds(m, slot, now.mono) != WPM_HELD_BY_BLACK_HOLE) {
      return any ? slot : WPM_SLOT_NONE;
    }
    if (is_ranked_held(m, slot)) {
      bool may_go = wpm_black_hole_may_probe(m);
      m->black_hole.held_until = may_go ? WPM_NEVER : m->black_hole.probe_at;
      return may_go ? slot : WPM_SLOT_NONE;
    }
    wpm_schedule_update(m, slot, now);
  }
  m->black_hole.held_until = m->now; /* The rest at once, in the next call. */
  return WPM_SLOT_NONE;
}

bool wpm_schedule_has_more(const wpm_manager *m) {
  uint32_t slot = WPM_SLOT_NONE;
  bool may = m->begun && !m->stopping && !m->epoch.offline && !m->black_hole.any &&
             m->starved_until.ns == WPM_NEVER.ns && m->dials < m->config.max_dials;
  return may && wpm_heap_least(&m->ready, &slot).ns != WPM_NEVER.ns &&
         wpm_schedule_has_room(m, slot) && wpm_rule_holds(WPM_RULE_FREED_PLACE);
}

void wpm_schedule_run(wpm_manager *m, wpm_instant now) {
  m->starved_until = WPM_NEVER;
  m->black_hole.held_until = WPM_NEVER;
  if (m->stopping || (m->epoch.offline && wpm_rule_holds(WPM_RULE_OFFLINE))) {
    return;
  }
  wpm_restart_reserve(m, now);
  uint32_t slot;
  while ((m->dials < m->config.max_dials || !wpm_rule_holds(WPM_RULE_MAX_DIALS)) &&
         (slot = first_to_go(m, now)) != WPM_SLOT_NONE && wpm_schedule_has_room(m, slot)) {
    if (wpm_range_bans_any(m) &&
        wpm_range_bans_free_at(m, slot).ns > now.mono.ns) { /* Banned since it was ready. */
      wpm_schedule_update(m, slot, now);
      continue;
    }
    /* What the end of the dial will write has its place before it begins. */
    if (wpm_store_open_contact(m->store, slot) != WPM_OK) {
      m->starved_until = wpm_mono_after(now.mono, WPM_SECOND);
      return;
    }
    wpm_schedule_dial(m, slot, false);
  }
  wpm_targets_run(m, now);
}
