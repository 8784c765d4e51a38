#include "core/crowd.h"

#include "core/beyond.h"
#include "core/connections.h"
#include "core/connectivity.h"
#include "core/doubt.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/shares.h"
#include "core/targets.h"
#include "core/wait.h"

#include <stdlib.h>

#define EVICT_EVERY (10 * WPM_SECOND)
#define LOOK_AGAIN WPM_SECOND

enum { DIVERSE = 4, FAST = 8, USEFUL = 4 };

/* How much they are worth, those that go first first. */
typedef enum layer {
  LAYER_DISCOURAGED,
  LAYER_REST,
  LAYER_OLD,
  LAYER_USEFUL,
  LAYER_FAST,
  LAYER_DIVERSE
} layer;

typedef struct candidate {
  uint32_t peer;
  uint32_t group;
  uint32_t in_group; /* Of the rest. */
  layer layer;
  uint64_t secret; /* Of its group. */
  uint64_t id;     /* Of its connection: no two are equal. */
  int64_t began;
  int64_t rtt_ns;
  int32_t score;
} candidate;

/* ---- who may go at all ------------------------------------------------------------------------- */

static bool is_spared(const wpm_manager *m, uint32_t slot) {
  bool wanted =
      wpm_manager_policy(m, slot)->outbound && wpm_doubt_outbound(m) <= m->config.relay_outbound;
  return wanted || wpm_targets_spare(m, slot);
}

/* A number of the group that nobody outside can tell. What is of no group is a group of its own. */
static uint64_t secret_of(const wpm_manager *m, uint32_t group, uint32_t slot) {
  wpm_rng rng;
  wpm_rng_init(&rng, m->config.seed ^ (group > 0 ? group : UINT64_C(1) << 32 | slot));
  return wpm_rng_next(&rng);
}

/* Of whom. */
typedef enum origin {
  OF_ALL,
  OF_INBOUND,
  OF_RESTART /* Outbound, since the restart brought them back. */
} origin;

/* Who is to go. */
typedef struct leave {
  size_t wanted;   /* Most. */
  wpm_share share; /* One of these. */
  origin origin;   /* And of these. */
  bool strangers;  /* And not connected when we last stopped. */
  layer highest;   /* Of no layer above it. */
  wpm_mono before; /* Connected no later. */
} leave;

static bool is_of(const wpm_manager *m, const wpm_connection *connection, origin whence) {
  const wpm_policy *policy = wpm_manager_policy(m, connection->peer);
  switch (whence) {
  case OF_ALL:
    return true;
  case OF_INBOUND:
    return connection->direction == WPM_INBOUND || !wpm_rule_holds(WPM_RULE_CROWD_INBOUND);
  case OF_RESTART:
    return policy->met && (policy->is_back || !wpm_rule_holds(WPM_RULE_CROWD_RESTART_ONLY));
  }
  return false;
}

static bool may_go(const wpm_manager *m, const wpm_connection *connection, const leave *who) {
  if (!connection || connection->peer == WPM_SLOT_NONE ||
      wpm_manager_policy(m, connection->peer)->connections[0] != connection) {
    return false;
  }
  bool old_enough = connection->began.ns <= who->before.ns || !wpm_rule_holds(WPM_RULE_CROWD_GRACE);
  bool spared = is_spared(m, connection->peer) && wpm_rule_holds(WPM_RULE_CROWD_SPARED);
  bool stranger = !wpm_manager_policy(m, connection->peer)->at_the_stop;
  return is_of(m, connection, who->origin) &&
         (!who->strangers || stranger || !wpm_rule_holds(WPM_RULE_GREETED_STRANGERS)) &&
         old_enough && !spared && wpm_shares_has(m, connection->peer, who->share);
}

/* When it came. Who was connected when we last stopped has been here for longer than any stranger. */
static int64_t began(const wpm_manager *m, const wpm_connection *connection) {
  int64_t at = connection->began.ns;
  bool earlier =
      wpm_manager_policy(m, connection->peer)->at_the_stop && wpm_rule_holds(WPM_RULE_GREETED);
  return earlier && at >= 0 ? at - INT64_MAX : at;
}

static layer layer_of(const wpm_manager *m, uint32_t slot) {
  bool first = wpm_judge_discourages(m, slot) && wpm_rule_holds(WPM_RULE_CROWD_DISCOURAGED);
  return first ? LAYER_DISCOURAGED : LAYER_REST;
}

static size_t gather(const wpm_manager *m, const leave *who, candidate *out) {
  size_t count = 0;
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    const wpm_connection *connection = m->connections[i];
    if (!may_go(m, connection, who)) {
      continue;
    }
    uint32_t slot = connection->peer;
    const wpm_peer *peer = wpm_manager_peer(m, slot);
    uint32_t group = wpm_manager_policy(m, slot)->group;
    out[count++] = (candidate){.peer = slot,
                               .group = group,
                               .in_group = 1,
                               .layer = layer_of(m, slot),
                               .secret = secret_of(m, group, slot),
                               .id = connection->id,
                               .began = began(m, connection),
                               .rtt_ns = wpm_peer_rtt(m->store, peer),
                               .score = wpm_peer_score(m->store, peer)};
  }
  return count;
}

/* ---- what they are worth ----------------------------------------------------------------------- */

static int by_number(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

static int by_id(const candidate *a, const candidate *b) {
  return (a->id > b->id) - (a->id < b->id);
}

static int by_secret(const void *one, const void *other) {
  const candidate *a = one;
  const candidate *b = other;
  int order = (a->secret > b->secret) - (a->secret < b->secret);
  order = order ? order : by_number(a->began, b->began);
  return order ? order : by_id(a, b);
}

static int by_rtt(const candidate *a, const candidate *b) {
  int order = by_number(a->rtt_ns, b->rtt_ns);
  return order ? order : by_id(a, b);
}

static int by_score(const candidate *a, const candidate *b) {
  int order = by_number(b->score, a->score);
  return order ? order : by_id(a, b);
}

/* Those that go first first. */
static int by_worth(const void *one, const void *other) {
  const candidate *a = one;
  const candidate *b = other;
  int order = by_number((int64_t)a->layer, (int64_t)b->layer);
  bool groups = wpm_rule_holds(WPM_RULE_CROWD_GROUPS);
  bool youngest = wpm_rule_holds(WPM_RULE_CROWD_YOUNGEST);
  order = order || !groups ? order : by_number(b->in_group, a->in_group);
  order = order || !youngest ? order : by_number(b->began, a->began);
  return order ? order : by_id(b, a);
}

static bool has_rtt(const candidate *one) {
  return one->rtt_ns != WPM_SPAN_NONE;
}

static bool has_score(const candidate *one) {
  return one->score > 0;
}

/* The first `most` by that order, of those that are of no layer yet and fit. */
static void raise(candidate *list, size_t count, size_t most, layer to,
                  bool (*fits)(const candidate *one),
                  int (*compare)(const candidate *a, const candidate *b)) {
  for (; most > 0; most--) {
    candidate *best = NULL;
    for (size_t i = 0; i < count; i++) {
      candidate *one = &list[i];
      if (one->layer == LAYER_REST && fits(one) && (!best || compare(one, best) < 0)) {
        best = one;
      }
    }
    if (!best) {
      return;
    }
    best->layer = to;
  }
}

/* The oldest of each of the first groups; the list is sorted by secret. */
static void raise_diverse(candidate *list, size_t count, size_t most) {
  for (size_t i = 0; i < count && most > 0; i++) {
    bool begins_group = i == 0 || list[i - 1].secret != list[i].secret;
    if (begins_group && list[i].layer == LAYER_REST) {
      list[i].layer = LAYER_DIVERSE;
      most--;
    }
  }
}

static size_t count_rest(const candidate *list, size_t count) {
  size_t rest = 0;
  for (size_t i = 0; i < count; i++) {
    rest += list[i].layer == LAYER_REST;
  }
  return rest;
}

/* When a connection began, and which it was. */
typedef struct age {
  int64_t began;
  uint64_t id;
} age;

static int by_age(const void *one, const void *other) {
  const age *a = one;
  const age *b = other;
  int order = by_number(a->began, b->began);
  return order ? order : (a->id > b->id) - (a->id < b->id);
}

/* The older half of those of no layer; `ages` has room for all. */
static void raise_old(candidate *list, size_t count, age *ages) {
  size_t rest = 0;
  for (size_t i = 0; i < count; i++) {
    if (list[i].layer == LAYER_REST) {
      ages[rest++] = (age){list[i].began, list[i].id};
    }
  }
  if (rest < 2) {
    return;
  }
  qsort(ages, rest, sizeof(*ages), by_age);
  const age *last = &ages[rest / 2 - 1];
  for (size_t i = 0; i < count; i++) {
    const age own = {list[i].began, list[i].id};
    if (list[i].layer == LAYER_REST && by_age(&own, last) <= 0) {
      list[i].layer = LAYER_OLD;
    }
  }
}

/* How many of the rest each group has; the list is sorted by secret. */
static void count_groups(candidate *list, size_t count) {
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    while (end < count && list[end].secret == list[begin].secret) {
      end++;
    }
    uint32_t rest = (uint32_t)count_rest(list + begin, end - begin);
    for (size_t i = begin; i < end; i++) {
      list[i].in_group = rest;
    }
  }
}

/* Says of each what it is worth. */
static void judge(candidate *list, size_t count, age *ages) {
  qsort(list, count, sizeof(*list), by_secret);
  raise_diverse(list, count, wpm_rule_holds(WPM_RULE_CROWD_DIVERSE) ? DIVERSE : 0);
  raise(list, count, wpm_rule_holds(WPM_RULE_CROWD_FAST) ? FAST : 0, LAYER_FAST, has_rtt, by_rtt);
  raise(list, count, wpm_rule_holds(WPM_RULE_CROWD_USEFUL) ? USEFUL : 0, LAYER_USEFUL, has_score,
        by_score);
  if (wpm_rule_holds(WPM_RULE_CROWD_OLD)) {
    raise_old(list, count, ages);
  }
  count_groups(list, count);
}

/* Puts those that go first first, as many as are wanted. */
static void order(candidate *list, size_t count, size_t wanted) {
  if (wanted > 1) {
    qsort(list, count, sizeof(*list), by_worth);
    return;
  }
  for (size_t i = 1; i < count; i++) {
    if (by_worth(&list[i], &list[0]) < 0) {
      candidate first = list[i];
      list[i] = list[0];
      list[0] = first;
    }
  }
}

/* Those who may go, as many as are wanted in their order; the caller frees. NULL: no memory. */
static candidate *rank(const wpm_manager *m, const leave *who, size_t *count) {
  size_t room = (size_t)m->connection_slots + 1;
  candidate *list = calloc(room, sizeof(*list) + sizeof(age));
  *count = list ? gather(m, who, list) : 0;
  if (*count > 0) {
    judge(list, *count, (age *)(list + room));
    order(list, *count, who->wanted);
  }
  return list;
}

/* ---- letting go -------------------------------------------------------------------------------- */

/* Lets them go. Returns how many went: without memory none. */
static size_t let_go(wpm_manager *m, const leave *who, wpm_instant now) {
  size_t count = 0;
  candidate *list = who->wanted > 0 ? rank(m, who, &count) : NULL;
  size_t gone = 0;
  for (size_t i = 0; gone < who->wanted && i < count && list[i].layer <= who->highest; i++) {
    /* Those that went before it may have made it one that is needed. */
    if (may_go(m, wpm_manager_policy(m, list[i].peer)->connections[0], who) ||
        !wpm_rule_holds(WPM_RULE_CROWD_NEEDED)) {
      wpm_connectivity_end_all(m, list[i].peer, WPM_REASON_CROWDED, now);
      gone++;
    }
  }
  free(list);
  return gone;
}

/* Who goes for a newcomer. */
static leave leaver(const wpm_manager *m, wpm_instant now) {
  layer highest = wpm_rule_holds(WPM_RULE_CROWD_REST) ? LAYER_REST : LAYER_DIVERSE;
  return (leave){1, wpm_shares_over(m), OF_INBOUND, false, highest, now.mono};
}

/* There may be some of the restart's; mostly there are none, and nobody is looked through for each newcomer. */
static bool any_back(const wpm_manager *m) {
  return m->doubt.back > 0 || !wpm_rule_holds(WPM_RULE_CROWD_RESTART_ONLY);
}

/* Who goes for one before all others, of the restart's: strangers, then all of them. False: nobody may. */
static bool is_beyond(const wpm_manager *m, bool strangers, wpm_instant now, leave *out) {
  *out = (leave){1, WPM_SHARE_ANY, OF_RESTART, strangers, LAYER_DIVERSE, now.mono};
  return wpm_beyond_relay(m) && any_back(m) && wpm_rule_holds(WPM_RULE_CROWD_RESTART);
}

static bool one_beyond_goes(wpm_manager *m, wpm_instant now) {
  leave one;
  return (is_beyond(m, true, now, &one) && let_go(m, &one, now) > 0) ||
         (is_beyond(m, false, now, &one) && let_go(m, &one, now) > 0);
}

/* When one may go for a newcomer, now or later. */
static wpm_mono earliest(const wpm_manager *m, wpm_instant now) {
  bool early = now.mono.ns < m->evict_at.ns && wpm_rule_holds(WPM_RULE_CROWD_PACE);
  return early ? m->evict_at : now.mono;
}

/* One goes for somebody that waits for no turn. */
static bool one_goes(wpm_manager *m, bool strangers, wpm_instant now) {
  leave one = leaver(m, now);
  one.strangers = strangers;
  return let_go(m, &one, now) > 0;
}

bool wpm_crowd_make_way(wpm_manager *m, wpm_instant now) {
  if (one_beyond_goes(m, now)) {
    return true;
  }
  if (now.mono.ns < earliest(m, now).ns) {
    return false;
  }
  m->evict_at = wpm_mono_after(now.mono, EVICT_EVERY);
  return one_goes(m, false, now);
}

bool wpm_crowd_greet(wpm_manager *m, wpm_instant now) {
  return one_beyond_goes(m, now) || one_goes(m, true, now);
}

bool wpm_crowd_admit(wpm_manager *m, wpm_instant now) {
  return one_beyond_goes(m, now) || one_goes(m, false, now);
}

void wpm_crowd_make_room(wpm_manager *m, wpm_instant now) {
  if (!wpm_beyond_relay(m) || m->stopping || m->epoch.offline) {
    return;
  }
  size_t wanted = wpm_targets_kept_for_others(m);
  while (wpm_schedule_room(m, WPM_SLOT_NONE) < wanted && wpm_rule_holds(WPM_RULE_CROWD_ROOM) &&
         one_beyond_goes(m, now)) {}
}

static wpm_crowded_layer layer_told(layer one, origin whence) {
  if (one == LAYER_DISCOURAGED) {
    return WPM_CROWDED_DISCOURAGED;
  }
  return whence == OF_RESTART ? WPM_CROWDED_BEYOND : WPM_CROWDED_REST;
}

/* Tells who goes, where one of these may. */
static int foretell_of(const wpm_manager *m, const leave *one, wpm_mono at, wpm_preview *out) {
  size_t count = 0;
  candidate *list = rank(m, one, &count);
  if (!list) {
    return WPM_ERR_NO_MEMORY;
  }
  if (count > 0 && list->layer <= one->highest && !m->stopping) {
    out->crowded = wpm_peer_id_of(m->store, wpm_manager_peer(m, list->peer));
    out->crowded_layer = layer_told(list->layer, one->origin);
    out->crowded_at = at;
  }
  free(list);
  return WPM_OK;
}

int wpm_crowd_foretell(const wpm_manager *m, wpm_instant now, wpm_preview *out) {
  leave one;
  int err = WPM_OK;
  for (int any = 0; any < 2 && !err && out->crowded.len == 0; any++) {
    if (is_beyond(m, any == 0, now, &one)) {
      err = foretell_of(m, &one, now.mono, out);
    }
  }
  one = leaver(m, now);
  return err || out->crowded.len > 0 ? err : foretell_of(m, &one, earliest(m, now), out);
}

/* Relay peers and others, so that each keeps its share; where one has not enough who may go, whoever
 * may. */
static size_t let_go_by_shares(wpm_manager *m, size_t wanted, wpm_mono before, wpm_instant now) {
  leave who = {
      wpm_shares_relay_leavers(m, wanted), WPM_SHARE_RELAY, OF_ALL, false, LAYER_DIVERSE, before};
  size_t others = wanted - who.wanted;
  size_t gone = let_go(m, &who, now);
  if (who.wanted > 0) {
    who.wanted = others;
    who.share = WPM_SHARE_OTHERS;
    gone += let_go(m, &who, now);
  }
  who.wanted = wanted - gone;
  who.share = WPM_SHARE_ANY;
  return gone + let_go(m, &who, now);
}

/* Of those who may go the youngest; NULL: nobody may. */
static const wpm_connection *youngest(const wpm_manager *m, const leave *who) {
  const wpm_connection *found = NULL;
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    const wpm_connection *one = m->connections[i];
    if (may_go(m, one, who) && (!found || one->began.ns > found->began.ns)) {
      found = one;
    }
  }
  return found;
}

void wpm_crowd_let_go(wpm_manager *m, size_t leavers, wpm_instant now) {
  size_t left = leavers - let_go_by_shares(m, leavers, now.mono, now);
  leave who = {left, WPM_SHARE_ANY, OF_ALL, false, LAYER_DIVERSE, now.mono};
  const wpm_connection *one = NULL;
  for (; left > 0 && (one = youngest(m, &who)) != NULL; left--) {
    wpm_connectivity_end_all(m, one->peer, WPM_REASON_CROWDED, now);
  }
}

static bool is_above(const wpm_manager *m) {
  return m->config.high_water > 0 && m->live_connections > m->config.high_water &&
         wpm_rule_holds(WPM_RULE_HIGH_WATER);
}

void wpm_crowd_run(wpm_manager *m, wpm_instant now) {
  size_t beyond = wpm_shares_inbound_beyond(m);
  if ((!is_above(m) && beyond == 0) || now.mono.ns < m->crowd_at.ns) {
    return;
  }
  wpm_mono before = {now.mono.ns - m->config.grace_ns};
  leave relays = {beyond, WPM_SHARE_RELAY, OF_INBOUND, false, LAYER_DIVERSE, before};
  (void)let_go(m, &relays, now);
  if (is_above(m)) {
    (void)let_go_by_shares(m, m->live_connections - m->config.low_water, before, now);
  }
  m->crowd_at = wpm_mono_after(now.mono, LOOK_AGAIN);
}

wpm_mono wpm_crowd_deadline(const wpm_manager *m) {
  return is_above(m) || wpm_shares_inbound_beyond(m) > 0 ? m->crowd_at : WPM_NEVER;
}
