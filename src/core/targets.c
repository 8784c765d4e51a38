#include "core/targets.h"

#include "core/backoff.h"
#include "core/beyond.h"
#include "core/connections.h"
#include "core/connectivity.h"
#include "core/doubt.h"
#include "core/feelers.h"
#include "core/groups.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/services.h"
#include "core/shards.h"
#include "core/shares.h"
#include "core/sources.h"
#include "core/wait.h"

#include <string.h>

#define PACE (100 * WPM_MILLISECOND)
#define PACE_IN_HASTE (50 * WPM_MILLISECOND)
#define LOOK_AGAIN (10 * WPM_SECOND)
#define DRAWN 64
#define ROUNDS 8
#define WEIGHT_OF_ONE (UINT64_C(1) << 32)
#define MOST_HALVINGS 8
#define MOST_STALE 4 /* Weeks that count. */
#define MOST_TERMS 9 /* Those of a kind of candidate, the shard's, AND. */

bool wpm_targets_choose(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  return wpm_targets_are_set(m) && wpm_backoff_applies(peer) &&
         !wpm_peer_has(peer, WPM_HAS_STATIC) && !wpm_manager_policy(m, slot)->of_restart;
}

/* ---- counting ---------------------------------------------------------------------------------- */

static bool is_outbound(const wpm_manager *m, uint32_t slot) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  const wpm_connection *first = policy->connections[0];
  return wpm_backoff_applies(wpm_manager_peer(m, slot)) &&
         !(wpm_feelers_are_at(m, slot) && wpm_rule_holds(WPM_RULE_FEELER_APART)) &&
         (first ? first->direction == WPM_OUTBOUND : policy->dial != 0);
}

static int64_t pace(const wpm_manager *m) {
  int64_t least = wpm_doubt_is_haste(m) ? PACE_IN_HASTE : PACE;
  return wpm_rule_holds(WPM_RULE_DIAL_PACE) ? least : 0;
}

void wpm_targets_look_soon(wpm_manager *m) {
  wpm_mono soon = wpm_mono_after(m->targets.dialled_at, pace(m));
  m->targets.next = soon.ns < m->targets.next.ns ? soon : m->targets.next;
}

/* Where nobody was found to choose, such a candidate may be the one. */
static bool is_worth_a_look(const wpm_manager *m, uint32_t slot) {
  return wpm_groups_outbound(m, wpm_manager_policy(m, slot)->group) == 0 ||
         wpm_services_want(m, slot);
}

void wpm_targets_candidate(wpm_manager *m, uint32_t slot) {
  if (is_worth_a_look(m, slot)) {
    wpm_targets_look_soon(m);
  }
}

wpm_mono wpm_targets_choice_by(const wpm_manager *m, uint32_t slot, wpm_mono at) {
  wpm_mono soon = wpm_mono_after(m->targets.dialled_at, pace(m));
  return !is_worth_a_look(m, slot) ? WPM_NEVER : soon.ns > at.ns ? soon : at;
}

static void set_waiting(wpm_manager *m, uint32_t slot, bool waits) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (waits && !policy->waits_for_place) {
    m->targets.waiting++;
  } else if (!waits && policy->waits_for_place) {
    m->targets.waiting--;
  }
  policy->waits_for_place = waits;
}

/* A static peer that nobody holds off, without a place, nor one that is kept for it alone. */
static void update_waiting(wpm_manager *m, uint32_t slot) {
  const uint32_t held_off = WPM_BIT(WPM_HAS_HELD_OFF) | WPM_BIT(WPM_HAS_BAN);
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  bool has = policy->connections[0] || policy->dial || policy->reserved;
  set_waiting(m, slot,
              wpm_peer_has(peer, WPM_HAS_STATIC) && !(peer->attributes & held_off) && !has &&
                  wpm_rule_holds(WPM_RULE_KEPT_FOR_STATIC));
}

void wpm_targets_leave(wpm_manager *m, uint32_t slot) {
  set_waiting(m, slot, false);
}

void wpm_targets_take_group(wpm_manager *m, uint32_t slot) {
  update_waiting(m, slot);
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool kept = policy->reserved && wpm_rule_holds(WPM_RULE_RESTART_GROUPS);
  bool takes = policy->outbound || kept;
  if (takes && policy->outbound_group == 0) {
    policy->outbound_group = policy->group;
    wpm_groups_count_outbound(m, policy->outbound_group, true);
  } else if (!takes) {
    wpm_groups_count_outbound(m, policy->outbound_group, false);
    policy->outbound_group = 0;
  }
}

static void update_outbound(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool outbound = is_outbound(m, slot);
  if (outbound == policy->outbound) {
    return;
  }
  policy->outbound = outbound;
  if (outbound) {
    m->targets.outbound++;
  } else {
    m->targets.outbound--;
    wpm_targets_look_soon(m);
  }
  wpm_targets_take_group(m, slot);
}

void wpm_targets_update(wpm_manager *m, uint32_t slot) {
  update_waiting(m, slot);
  wpm_shares_update(m, slot);
  bool lost_for_shard = wpm_shards_update(m, slot);
  bool lost_for_service = wpm_services_update(m, slot);
  if (lost_for_shard || lost_for_service) {
    wpm_targets_look_soon(m);
  }
  update_outbound(m, slot);
  wpm_doubt_update(m, slot);
  wpm_beyond_update(m, slot);
}

bool wpm_targets_spare(const wpm_manager *m, uint32_t slot) {
  return wpm_manager_is_named(m, slot) || wpm_shards_need(m, slot) || wpm_services_need(m, slot);
}

static size_t half_at_most(const wpm_manager *m, size_t kept) {
  size_t half = wpm_manager_most_places(m) / 2;
  return kept < half || !wpm_rule_holds(WPM_RULE_KEPT_HALF) ? kept : half;
}

size_t wpm_targets_kept_for_others(const wpm_manager *m) {
  return half_at_most(m, wpm_services_missing(m) + m->targets.waiting);
}

size_t wpm_targets_kept(const wpm_manager *m) {
  size_t wanted = m->config.relay_outbound;
  size_t outbound = wpm_doubt_outbound(m);
  size_t missing = wanted > outbound ? wanted - outbound : 0;
  bool holds = wpm_rule_holds(WPM_RULE_KEPT_PLACES);
  return holds ? half_at_most(m, missing + wpm_services_missing(m) + m->targets.waiting) : 0;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

static bool is_candidate(const wpm_manager *m, uint32_t slot) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  return wpm_targets_choose(m, slot) && !policy->has_place && !wpm_judge_discourages(m, slot) &&
         wpm_shards_shares(m, slot) && wpm_schedule_may_be_chosen(m, slot);
}

static bool is_of_new_group(const wpm_manager *m, uint32_t slot) {
  return wpm_groups_outbound(m, wpm_manager_policy(m, slot)->group) == 0 ||
         !wpm_rule_holds(WPM_RULE_ONE_PER_GROUP);
}

bool wpm_targets_is_past_limit(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  return wpm_targets_choose(m, slot) && wpm_peer_has(peer, WPM_HAS_HELD) &&
         wpm_peer_direction(peer) == WPM_INBOUND && !is_of_new_group(m, slot);
}

/* Weeks since the last sign of the peer; 0 too where there is none, or the clock says that it is to come. */
static uint32_t weeks_since(const wpm_manager *m, uint32_t slot) {
  int64_t seen = wpm_peer_last_seen(m->store, wpm_manager_peer(m, slot));
  bool is_past = seen != INT64_MIN && seen < m->wall.ns;
  uint64_t weeks = is_past ? ((uint64_t)m->wall.ns - (uint64_t)seen) / (uint64_t)(7 * WPM_DAY) : 0;
  return weeks < MOST_STALE ? (uint32_t)weeks : MOST_STALE;
}

/* One over the peers of its group, less for a source of many, halved for each attempt that failed
 * and each week without a sign of it. */
static uint64_t weight_of(const wpm_manager *m, uint32_t slot) {
  bool alike = wpm_rule_holds(WPM_RULE_GROUPS_ALIKE);
  uint32_t peers = alike ? wpm_groups_peers(m, wpm_manager_policy(m, slot)->group) : 1;
  uint32_t failures = wpm_peer_failures(m->store, wpm_manager_peer(m, slot));
  uint64_t weight = WEIGHT_OF_ONE / (peers > 0 ? peers : 1) / wpm_sources_divisor(m, slot);
  if (wpm_rule_holds(WPM_RULE_FAILURES_WEIGH)) {
    weight >>= failures < MOST_HALVINGS ? failures : MOST_HALVINGS;
  }
  if (wpm_rule_holds(WPM_RULE_FRESHNESS)) {
    weight >>= weeks_since(m, slot);
  }
  return weight > 0 ? weight : 1;
}

#define TERM(which, value)                                                                         \
  { .kind = (which), .number = (value) }

/* Which candidates. */
typedef enum kind {
  KIND_TRIED,  /* Held outbound before. */
  KIND_NEW,    /* Any other. */
  KIND_UNTRIED /* Of these, those that were never held. */
} kind;

static wpm_query query_of_kind(kind which) {
  static const wpm_term tried[] = {TERM(WPM_TERM_HELD, 0), TERM(WPM_TERM_DIRECTION, WPM_OUTBOUND),
                                   TERM(WPM_TERM_DIALABLE, 0), TERM(WPM_TERM_STATIC, 0),
                                   TERM(WPM_TERM_NOT, 0)};
  static const wpm_term new[] = {TERM(WPM_TERM_HELD, 0),     TERM(WPM_TERM_DIRECTION, WPM_OUTBOUND),
                                 TERM(WPM_TERM_AND, 0),      TERM(WPM_TERM_NOT, 0),
                                 TERM(WPM_TERM_DIALABLE, 0), TERM(WPM_TERM_STATIC, 0),
                                 TERM(WPM_TERM_NOT, 0)};
  static const wpm_term untried[] = {TERM(WPM_TERM_HELD, 0), TERM(WPM_TERM_NOT, 0),
                                     TERM(WPM_TERM_DIALABLE, 0), TERM(WPM_TERM_STATIC, 0),
                                     TERM(WPM_TERM_NOT, 0)};
  switch (which) {
  case KIND_TRIED:
    return (wpm_query){tried, sizeof(tried) / sizeof(*tried)};
  case KIND_NEW:
    return (wpm_query){new, sizeof(new) / sizeof(*new)};
  case KIND_UNTRIED:
    break;
  }
  return (wpm_query){untried, sizeof(untried) / sizeof(*untried)};
}

/* The candidates, all or of one shard. */
static wpm_query query_of(kind which, const uint16_t *shard, wpm_term *terms) {
  wpm_query query = query_of_kind(which);
  if (!shard) {
    return query;
  }
  memcpy(terms, query.terms, query.count * sizeof(*terms));
  terms[query.count] = (wpm_term)TERM(WPM_TERM_SHARD, *shard);
  terms[query.count + 1] = (wpm_term)TERM(WPM_TERM_AND, 0);
  return (wpm_query){terms, query.count + 2};
}

/* Draws at random, and takes one drawn with the chance that its weight is of the whole: so each group
 * is as likely as any other. Where none is taken in many, or there are no others, one of those drawn is, by
 * their weights. */
static uint32_t draw(wpm_manager *m, kind which, const uint16_t *shard) {
  wpm_term terms[MOST_TERMS];
  wpm_query query = query_of(which, shard, terms);
  uint32_t chosen = WPM_SLOT_NONE;
  uint64_t total = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    wpm_peer_ref drawn[DRAWN];
    size_t found = 0;
    /* Without memory for it there is no candidate this time. */
    int err = wpm_store_query_pick(m->store, &query, wpm_rng_next(&m->rng), drawn, DRAWN, &found);
    bool others = found == DRAWN;
    for (size_t i = 0; !err && i < found; i++) {
      uint32_t slot = drawn[i].slot;
      if (!is_candidate(m, slot) ||
          ((which != KIND_UNTRIED || !wpm_rule_holds(WPM_RULE_FEELER_GROUPS)) &&
           !is_of_new_group(m, slot))) {
        continue;
      }
      uint64_t weight = weight_of(m, slot);
      if (others && wpm_rng_below(&m->rng, WEIGHT_OF_ONE) < weight) {
        return slot;
      }
      total += weight;
      chosen = wpm_rng_below(&m->rng, total) < weight ? slot : chosen;
    }
    if (err || chosen == WPM_SLOT_NONE || !others) {
      break;
    }
  }
  return chosen;
}

uint32_t wpm_targets_draw_untried(wpm_manager *m) {
  return draw(m, KIND_UNTRIED, NULL);
}

static uint32_t choose_of(wpm_manager *m, const uint16_t *shard) {
  bool tried = wpm_rng_below(&m->rng, 2) == 0 && wpm_rule_holds(WPM_RULE_TRIED_OR_NEW);
  uint32_t slot = draw(m, tried ? KIND_TRIED : KIND_NEW, shard);
  return slot != WPM_SLOT_NONE ? slot : draw(m, tried ? KIND_NEW : KIND_TRIED, shard);
}

/* A shard has too few relay peers. */
static bool is_shard_poor(const wpm_manager *m, uint16_t *shard) {
  return wpm_targets_are_set(m) && wpm_rule_holds(WPM_RULE_SHARDS_FIRST) &&
         wpm_shards_poorest(m, shard);
}

static bool is_outbound_missing(const wpm_manager *m) {
  return wpm_doubt_outbound(m) < m->config.relay_outbound ||
         !wpm_rule_holds(WPM_RULE_RELAY_OUTBOUND);
}

/* `any`: it is one whom only the outbound target wants. */
static uint32_t choose(wpm_manager *m, bool *any) {
  uint16_t shard;
  uint32_t slot = is_shard_poor(m, &shard) ? choose_of(m, &shard) : WPM_SLOT_NONE;
  if (slot == WPM_SLOT_NONE && wpm_rule_holds(WPM_RULE_SERVICE_SLOTS)) {
    slot = wpm_services_choose(m);
  }
  *any = slot == WPM_SLOT_NONE && is_outbound_missing(m);
  return *any ? choose_of(m, NULL) : slot;
}

/* Peers are chosen here: relay peers, or those of a service. */
static bool is_in_force(const wpm_manager *m) {
  return wpm_targets_are_set(m) || m->config.service_count > 0;
}

/* ---- dialling ---------------------------------------------------------------------------------- */

/* More are wanted, and there is room. */
static bool is_wanting(const wpm_manager *m) {
  uint16_t shard;
  return (is_outbound_missing(m) || is_shard_poor(m, &shard) || wpm_services_missing(m) > 0) &&
         (m->dials < m->config.max_dials || !wpm_rule_holds(WPM_RULE_MAX_DIALS)) &&
         (size_t)m->places + m->reserved < wpm_manager_most_places(m);
}

static void dial_candidates(wpm_manager *m, wpm_instant now) {
  while (is_wanting(m) && m->targets.next.ns <= now.mono.ns) {
    bool any = false;
    uint32_t slot = choose(m, &any);
    if (slot == WPM_SLOT_NONE || wpm_store_open_contact(m->store, slot) != WPM_OK) {
      m->targets.next = wpm_mono_after(now.mono, LOOK_AGAIN);
      return;
    }
    m->targets.dialled_at = now.mono;
    m->targets.next = wpm_mono_after(now.mono, pace(m));
    wpm_schedule_dial(m, slot, false);
    wpm_doubt_dialled(m, slot, any);
  }
}

/* ---- rotating ---------------------------------------------------------------------------------- */

static wpm_mono draw_rotation(wpm_manager *m, wpm_mono from) {
  uint64_t span = (uint64_t)m->config.rotate_ns;
  return wpm_mono_after(from, (int64_t)(span / 2 + wpm_rng_below(&m->rng, span + 1)));
}

static bool may_go(const wpm_manager *m, const wpm_connection *connection) {
  if (!connection || connection->peer == WPM_SLOT_NONE ||
      (!connection->stable && wpm_rule_holds(WPM_RULE_ROTATION_STABLE)) ||
      (connection->probed && wpm_rule_holds(WPM_RULE_ROTATION_PROBED)) ||
      !wpm_manager_policy(m, connection->peer)->outbound) {
    return false;
  }
  bool named = wpm_manager_is_named(m, connection->peer);
  return !(named && wpm_rule_holds(WPM_RULE_ROTATION_SPARES)) &&
         !wpm_shards_need(m, connection->peer) && !wpm_services_need(m, connection->peer);
}

/* One of those who may go, each as likely as any other. */
static uint32_t draw_leaver(wpm_manager *m) {
  uint32_t chosen = WPM_SLOT_NONE;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    if (may_go(m, m->connections[i]) && wpm_rng_below(&m->rng, ++seen) == 0) {
      chosen = m->connections[i]->peer;
    }
  }
  return chosen;
}

static void rotate(wpm_manager *m, wpm_instant now) {
  if (!wpm_targets_are_set(m) || m->config.rotate_ns == 0 || !wpm_rule_holds(WPM_RULE_ROTATION) ||
      wpm_doubt_outbound(m) < m->config.relay_outbound) {
    m->targets.rotate_at = WPM_NEVER;
    return;
  }
  if (m->targets.rotate_at.ns == WPM_NEVER.ns) {
    m->targets.rotate_at = draw_rotation(m, now.mono);
  }
  if (m->targets.rotate_at.ns <= now.mono.ns) {
    uint32_t slot = draw_leaver(m);
    m->targets.rotate_at = draw_rotation(m, now.mono);
    if (slot != WPM_SLOT_NONE) {
      wpm_connectivity_end_all(m, slot, WPM_REASON_ROTATED, now);
    }
  }
}

void wpm_targets_run(wpm_manager *m, wpm_instant now) {
  if (is_in_force(m)) {
    wpm_doubt_run(m, now);
    wpm_beyond_run(m, now);
    rotate(m, now);
    dial_candidates(m, now);
  }
}

/* ---- when -------------------------------------------------------------------------------------- */

static bool is_at_work(const wpm_manager *m) {
  return is_in_force(m) && m->begun && !m->epoch.offline && !m->stopping;
}

static wpm_mono next_choice(const wpm_manager *m) {
  if (!is_at_work(m) || m->store->count == 0 || !is_wanting(m)) {
    return WPM_NEVER;
  }
  bool starves = m->starved_until.ns != WPM_NEVER.ns; /* Nobody is dialled before. */
  return starves && m->targets.next.ns < m->starved_until.ns ? m->starved_until : m->targets.next;
}

wpm_mono wpm_targets_choice_at(const wpm_manager *m) {
  wpm_mono choice = next_choice(m);
  wpm_mono doubt = is_at_work(m) ? wpm_doubt_next(m) : WPM_NEVER;
  wpm_mono paced = wpm_mono_after(m->targets.dialled_at, pace(m));
  doubt = paced.ns > doubt.ns ? paced : doubt;
  return wpm_mono_earlier(choice, doubt);
}

wpm_mono wpm_targets_rotation_at(const wpm_manager *m) {
  return is_at_work(m) ? m->targets.rotate_at : WPM_NEVER;
}

wpm_mono wpm_targets_deadline(const wpm_manager *m) {
  if (!is_at_work(m)) {
    return WPM_NEVER;
  }
  if (m->beyond) {
    return m->now;
  }
  wpm_mono choice = wpm_mono_earlier(m->targets.rotate_at, next_choice(m));
  return wpm_mono_earlier(wpm_doubt_deadline(m), choice);
}
