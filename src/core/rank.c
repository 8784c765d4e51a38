#include "core/rank.h"

#include "core/black_hole.h"
#include "core/connectivity.h"
#include "core/path.h"
#include "core/range_bans.h"
#include "core/rules.h"
#include "core/scope.h"

#include "base/siphash.h"

#include <string.h>

#define BACKOFF_LEAST (5 * WPM_SECOND)
#define BACKOFF_MOST WPM_HOUR

typedef enum outcome { WORKED, UNTRIED, FAILED } outcome;

static outcome outcome_of(const wpm_address *a) {
  if (!wpm_wall_known(a->last_success) && !wpm_wall_known(a->last_failure)) {
    return UNTRIED;
  }
  return a->last_success.ns >= a->last_failure.ns ? WORKED : FAILED;
}

/* ---- the backoff of an address ----------------------------------------------------------------- */

/* From one time to another, as far as a span reaches. */
static int64_t span_between(wpm_wall from, wpm_wall to) {
  int64_t span;
  return __builtin_sub_overflow(to.ns, from.ns, &span) ? (to.ns > from.ns ? INT64_MAX : INT64_MIN)
                                                       : span;
}

/* The address of the peer's latest connection, which is over. */
static bool was_last_at(const wpm_peer *peer, const wpm_address *a) {
  return wpm_wall_known(a->last_success) && a->last_success.ns == peer->connected_time.ns &&
         peer->disconnect_time.ns >= peer->connected_time.ns;
}

static bool was_stable(const wpm_manager *m, const wpm_peer *peer) {
  return span_between(peer->connected_time, peer->disconnect_time) >= m->config.stable_after_ns;
}

/* Since when it has failed, as far as is known: when it last worked, or was first named. */
static wpm_wall failing_since(const wpm_manager *m, const wpm_peer *peer, const wpm_address *a) {
  if (was_last_at(peer, a)) {
    return was_stable(m, peer) ? peer->disconnect_time : a->first_seen;
  }
  return wpm_wall_known(a->last_success) ? a->last_success : a->first_seen;
}

/* The address of a connection that the peer dropped, or that was lost, before it was stable has failed
 * with it. */
static void fail_short_lived(const wpm_manager *m, const wpm_peer *peer, wpm_address *a) {
  if (was_last_at(peer, a) && !was_stable(m, peer) &&
      wpm_reason_is_theirs((wpm_reason)peer->reason) && wpm_rule_holds(WPM_RULE_SHORT_LIVED) &&
      peer->disconnect_time.ns > a->last_failure.ns) {
    a->last_failure = peer->disconnect_time;
  }
}

/* The same for the same failure of the same address. */
static int64_t jittered(const wpm_manager *m, const wpm_address *a, int64_t delay) {
  wpm_siphash_key key = {m->config.seed, (uint64_t)a->last_failure.ns};
  uint64_t less = wpm_siphash13(&key, a->multiaddr) % ((uint64_t)delay / 4 + 1);
  delay -= wpm_rule_holds(WPM_RULE_ADDRESS_JITTER) ? (int64_t)less : 0;
  return delay > BACKOFF_LEAST ? delay : BACKOFF_LEAST;
}

static bool is_of_this_epoch(const wpm_manager *m, wpm_wall time) {
  if (!wpm_rule_holds(WPM_RULE_ADDRESS_EPOCH)) {
    return true;
  }
  return time.ns <= m->wall.ns && span_between(time, m->wall) <= m->now.ns - m->epoch.began.ns;
}

/* When its backoff ends, by the wall clock; WPM_WALL_NONE: it has none. */
static wpm_wall backoff_end(const wpm_manager *m, const wpm_peer *peer, const wpm_address *item) {
  if (outcome_of(item) != FAILED || !is_of_this_epoch(m, item->last_failure)) {
    return WPM_WALL_NONE;
  }
  wpm_wall since = failing_since(m, peer, item);
  int64_t span = wpm_wall_known(since) ? span_between(since, item->last_failure) : 0;
  span = wpm_rule_holds(WPM_RULE_ADDRESS_DOUBLES) ? span : 0;
  int64_t delay = span < BACKOFF_LEAST ? BACKOFF_LEAST : span < BACKOFF_MOST ? span : BACKOFF_MOST;
  wpm_wall end;
  if (__builtin_add_overflow(item->last_failure.ns, jittered(m, item, delay), &end.ns)) {
    end.ns = INT64_MAX;
  }
  return end;
}

static bool is_in_backoff(const wpm_manager *m, const wpm_peer *peer, const wpm_address *item) {
  return wpm_rule_holds(WPM_RULE_ADDRESS_BACKOFF) && backoff_end(m, peer, item).ns > m->wall.ns;
}

/* ---- the order --------------------------------------------------------------------------------- */

/* While sorting, a view stands for its entry and has its key for a length: the outcome, of the untried
 * what they are worth, the least first, and in the lowest bits the family, which decides only among
 * equals. */
#define FAMILY_BITS 2

/* The most trusted first. */
static size_t distrust_of(const wpm_address *a) {
  bool holds = wpm_rule_holds(WPM_RULE_TRUSTED_FIRST);
  return holds ? (size_t)(WPM_ADDRESS_SOURCE_COUNT - 1 - a->source) : 0;
}

/* The nearest first. */
static size_t distance_of(wpm_scope scope) {
  if (!wpm_rule_holds(WPM_RULE_NEAREST_FIRST)) {
    return 0;
  }
  switch (scope) {
  case WPM_SCOPE_LOOPBACK:
    return 0;
  case WPM_SCOPE_PRIVATE:
    return 1;
  case WPM_SCOPE_PUBLIC:
    return 2;
  case WPM_SCOPE_NOWHERE:
    break;
  }
  return 3;
}

/* What it lies under, the fewest first. */
static size_t layers_of(wpm_way way) {
  if (way.is_relayed || way.is_above) {
    return way.is_relayed ? 4 : 3;
  }
  switch (way.transport) {
  case WPM_TRANSPORT_TCP:
  case WPM_TRANSPORT_QUIC:
    return 0;
  case WPM_TRANSPORT_WS:
    return 1;
  case WPM_TRANSPORT_WSS:
    return 2;
  case WPM_TRANSPORT_OTHER:
    break;
  }
  return 3;
}

static size_t key_of(const wpm_address *a) {
  size_t key = wpm_rule_holds(WPM_RULE_WORKED_FIRST) ? outcome_of(a) : UNTRIED;
  wpm_way way = wpm_way_of(a->multiaddr);
  if (key == UNTRIED) {
    key = key << 1 | (!a->certified && wpm_rule_holds(WPM_RULE_CERTIFIED_FIRST));
    key = key << 3 | distrust_of(a);
    key = key << 2 | distance_of(wpm_scope_of(a->multiaddr));
    key = key << 3 | (wpm_rule_holds(WPM_RULE_FEWEST_LAYERS) ? layers_of(way) : 0);
  } else {
    key <<= 9;
  }
  return key << FAMILY_BITS | way.family;
}
_Static_assert(WPM_ADDRESS_SOURCE_COUNT <= 8, "a source has 3 bits");

static wpm_bytes entry_of(const wpm_address *item) {
  return (wpm_bytes){(const void *)item, key_of(item)};
}

static const wpm_address *item_of(wpm_bytes entry) {
  return (const void *)entry.data;
}

static unsigned family_of(wpm_bytes entry) {
  return entry.len & ((1u << FAMILY_BITS) - 1);
}

/* True where `a` is to be dialled before `b`; false where they are equal. */
static bool comes_before(wpm_bytes a, wpm_bytes b) {
  if (a.len >> FAMILY_BITS != b.len >> FAMILY_BITS) {
    return a.len >> FAMILY_BITS < b.len >> FAMILY_BITS;
  }
  const wpm_address *of_a = item_of(a);
  const wpm_address *of_b = item_of(b);
  switch (outcome_of(of_a)) {
  case WORKED:
    return of_a->last_success.ns > of_b->last_success.ns && wpm_rule_holds(WPM_RULE_LATEST_FIRST);
  case UNTRIED:
    return false;
  case FAILED:
    return of_a->last_failure.ns < of_b->last_failure.ns &&
           wpm_rule_holds(WPM_RULE_LONGEST_FAILED_FIRST);
  }
  return false;
}

/* Of those that equal number `best`, the first of the family whose turn it is behind `last`. */
static size_t turn_of(const wpm_bytes *entries, size_t count, size_t best, unsigned last) {
  for (unsigned step = 1; step <= WPM_FAMILY_COUNT; step++) {
    unsigned family = (last + step) % WPM_FAMILY_COUNT;
    for (size_t i = best; i < count; i++) {
      if (family_of(entries[i]) == family && !comes_before(entries[best], entries[i])) {
        return i;
      }
    }
  }
  return best;
}

/* The entries from `from` on: the best `most` of them to the front, in order; equals in the order in
 * which they come. Returns how many. */
static size_t choose(wpm_bytes *entries, size_t from, size_t count, size_t most) {
  size_t end = count - from < most ? count : from + most;
  unsigned last = from > 0 ? family_of(entries[from - 1]) : WPM_FAMILY_ANY;
  for (size_t at = from; at < end; at++) {
    size_t best = at;
    for (size_t i = at + 1; i < count; i++) {
      best = comes_before(entries[i], entries[best]) ? i : best;
    }
    if (wpm_rule_holds(WPM_RULE_FAMILIES_ALTERNATE)) {
      best = turn_of(entries, count, best, last);
    }
    wpm_bytes chosen = entries[best];
    memmove(&entries[at + 1], &entries[at], (best - at) * sizeof(*entries));
    entries[at] = chosen;
    last = family_of(chosen);
  }
  return end - from;
}

static void show_addresses(wpm_bytes *entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    entries[i] = item_of(entries[i])->multiaddr;
  }
}

size_t wpm_rank_order(const wpm_address *items, size_t count, size_t most, wpm_bytes *out) {
  for (size_t i = 0; i < count; i++) {
    out[i] = entry_of(&items[i]);
  }
  count = choose(out, 0, count, most);
  show_addresses(out, count);
  return count;
}

/* ---- a dial ------------------------------------------------------------------------------------ */

/* What speaks against an address. */
typedef enum standing { OPEN, IN_BACKOFF, BLOCKED } standing;
#define STANDINGS 3

/* The addresses of a dial: those that scope admits, decoded. */
typedef struct choice {
  const wpm_manager *m;
  const wpm_peer *peer;
  wpm_address *items;
  size_t count;
  wpm_bytes *entries; /* Those chosen. */
  size_t chosen;
} choice;

static standing standing_of(const choice *c, const wpm_address *item) {
  if (wpm_black_hole_takes(c->m, item->multiaddr)) {
    return BLOCKED;
  }
  return is_in_backoff(c->m, c->peer, item) ? IN_BACKOFF : OPEN;
}

/* The best `most` of that standing, behind those chosen. */
static void append(choice *c, standing which, size_t most) {
  size_t end = c->chosen;
  for (size_t i = 0; i < c->count; i++) {
    if (standing_of(c, &c->items[i]) == which) {
      c->entries[end++] = entry_of(&c->items[i]);
    }
  }
  c->chosen += choose(c->entries, c->chosen, end, most);
}

size_t wpm_rank_dial(wpm_manager *m, uint32_t slot, bool all, wpm_bytes *out) {
  choice c = {.m = m, .peer = wpm_manager_peer(m, slot), .entries = out};
  size_t standings[STANDINGS] = {0};
  c.items = wpm_peer_decode_addresses(m->store, c.peer, &c.count);
  size_t admitted = wpm_range_bans_admit(m, slot, c.items, c.count, m->now);
  c.count = admitted > 0 ? admitted : c.count; /* A person's goes where there is none, too. */
  for (size_t i = 0; i < c.count; i++) {
    fail_short_lived(m, c.peer, &c.items[i]);
    standings[standing_of(&c, &c.items[i])]++;
  }
  if ((all && wpm_rule_holds(WPM_RULE_PERSON_ALL)) || standings[BLOCKED] == c.count) {
    return wpm_rank_order(c.items, c.count, WPM_DIAL_ADDRESSES_MAX, out);
  }
  if (standings[BLOCKED] > 0 && wpm_black_hole_try_beside(m)) {
    append(&c, BLOCKED, 1);
  }
  bool open = standings[OPEN] > 0 || !wpm_rule_holds(WPM_RULE_ADDRESS_ALL_HELD);
  append(&c, open ? OPEN : IN_BACKOFF, WPM_DIAL_ADDRESSES_MAX - c.chosen);
  show_addresses(out, c.chosen);
  return c.chosen;
}

wpm_held_by wpm_rank_holds(const wpm_manager *m, uint32_t slot, wpm_mono now) {
  size_t count;
  wpm_address *items = wpm_peer_decode_addresses(m->store, wpm_manager_peer(m, slot), &count);
  size_t admitted = wpm_range_bans_admit(m, slot, items, count, now);
  if (admitted == 0) {
    return WPM_HELD_BY_ADDRESS_SCOPE;
  }
  for (size_t i = 0; i < admitted; i++) {
    if (!wpm_black_hole_takes(m, items[i].multiaddr)) {
      return WPM_HELD_BY_NOTHING;
    }
  }
  return WPM_HELD_BY_BLACK_HOLE;
}

bool wpm_rank_may_go(const wpm_manager *m, uint32_t slot) {
  wpm_held_by held_by = wpm_rank_holds(m, slot, m->now);
  return held_by == WPM_HELD_BY_NOTHING ||
         (held_by == WPM_HELD_BY_BLACK_HOLE && wpm_black_hole_may_probe(m));
}
