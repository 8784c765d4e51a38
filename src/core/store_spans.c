/* Spans of waiting: when they are over, and what outlives a record. */
#include "core/store.h"

#include "core/rules.h"
#include "core/wait.h"

/* ---- spans of waiting -------------------------------------------------------------------------- */

/* When it is over, as far as that is known: before the first advance a span may be of another boot,
 * and is looked at by it. */
static wpm_mono end_of(const wpm_store *store, const wpm_wait *wait) {
  if (wait->length_ns == 0) {
    return (wpm_mono){INT64_MIN};
  }
  if (wait->length_ns == INT64_MAX) {
    return WPM_NEVER;
  }
  return store->advanced ? wpm_wait_end(wait, store->last) : (wpm_mono){INT64_MIN};
}

static bool runs(const wpm_store *store, const wpm_wait *wait) {
  return wait->length_ns > 0 && (!store->advanced || wpm_wait_runs(wait, store->last));
}

wpm_tombstone wpm_store_outliving(const wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  const wpm_wait prune = wpm_peer_wait(store, peer, WPM_WAIT_PRUNE_BACKOFF);
  const wpm_wait ban = wpm_peer_wait(store, peer, WPM_WAIT_BAN);
  wpm_tombstone out = {.id = wpm_peer_id_of(store, peer)};
  out.prune_backoff = runs(store, &prune) ? prune : (wpm_wait){.length_ns = 0};
  out.ban = runs(store, &ban) ? ban : (wpm_wait){.length_ns = 0};
  return out;
}

wpm_wait wpm_store_later(const wpm_store *store, const wpm_wait *left, const wpm_wait *said) {
  if (!runs(store, left)) {
    return *said;
  }
  if (said->length_ns == 0) { /* None is no end, also before the first advance. */
    return *left;
  }
  return end_of(store, said).ns >= end_of(store, left).ns ? *said : *left;
}

/* What a wait has a peer be; *next: the earliest end so far. */
static inline uint32_t consider(const wpm_store *store, const wpm_wait *wait, wpm_wait_kind kind,
                                wpm_mono *next) {
  wpm_mono end = end_of(store, wait);
  if (store->advanced ? end.ns <= store->last.mono.ns : wait->length_ns <= 0) {
    return 0; /* It is over. */
  }
  next->ns = end.ns < next->ns ? end.ns : next->ns;
  return kind == WPM_WAIT_BAN ? WPM_BIT(WPM_HAS_BAN) : WPM_BIT(WPM_HAS_WAIT);
}

uint32_t wpm_store_arm_one(wpm_store *store, uint32_t slot, const wpm_wait *wait,
                           wpm_wait_kind kind) {
  wpm_mono next = WPM_NEVER;
  uint32_t has = consider(store, wait, kind, &next);
  wpm_heap_set(&store->waits, slot, next);
  return has;
}

uint32_t wpm_store_arm(wpm_store *store, uint32_t slot) {
  const uint8_t *contact = wpm_peer_contact(store, wpm_store_peer(store, slot));
  wpm_wait waits[WPM_WAIT_COUNT];
  wpm_mono next = WPM_NEVER;
  uint32_t has = 0;
  if (!contact) {
    return 0;
  }
  unsigned kinds = wpm_contact_waits(contact, &store->origin, waits);
  for (; kinds; kinds &= kinds - 1) {
    unsigned kind = (unsigned)__builtin_ctz(kinds);
    has |= consider(store, &waits[kind], (wpm_wait_kind)kind, &next);
  }
  wpm_heap_set(&store->waits, slot, next);
  return has;
}

/* ---- tombstones -------------------------------------------------------------------------------- */

/* When what is left of a peer is over; INT64_MIN: now, or not known before the first advance. */
static wpm_mono end_of_tombstone(const wpm_store *store, const wpm_peer *peer) {
  const wpm_wait prune = wpm_peer_wait(store, peer, WPM_WAIT_PRUNE_BACKOFF);
  const wpm_wait ban = wpm_peer_wait(store, peer, WPM_WAIT_BAN);
  wpm_mono end = end_of(store, &prune);
  wpm_mono end_of_ban = end_of(store, &ban);
  end = end_of_ban.ns > end.ns ? end_of_ban : end;
  if (end.ns == WPM_NEVER.ns) {
    end.ns--; /* A heap knows no deadline that never comes: this is the last of all. */
  }
  return end;
}

static bool outlives(const wpm_store *store, const wpm_peer *peer) {
  const wpm_wait prune = wpm_peer_wait(store, peer, WPM_WAIT_PRUNE_BACKOFF);
  const wpm_wait ban = wpm_peer_wait(store, peer, WPM_WAIT_BAN);
  return runs(store, &prune) || runs(store, &ban);
}

size_t wpm_store_most_tombstones(const wpm_store *store) {
  size_t most = store->config.max_tombstones;
  size_t peers = store->config.max_peers;
  return most == WPM_QUARTER_OF_PEERS ? (peers > 0 && peers < 4 ? 1 : peers / 4) : most;
}

/* Keeps within the cap: those that end soonest go. */
static void cap_tombstones(wpm_store *store) {
  size_t most = wpm_store_most_tombstones(store);
  while (most > 0 && store->tombstone_count > most) {
    uint32_t slot = WPM_SLOT_NONE;
    (void)wpm_heap_least(&store->tombstones, &slot);
    wpm_store_drop_slot(store, slot);
    store->dropped++;
  }
}

/* The slot, which has a contact and is in no heap, is a tombstone. */
static void make_tombstone(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_store_keep_spans(store, slot, wpm_peer_wait(store, peer, WPM_WAIT_PRUNE_BACKOFF),
                       wpm_peer_wait(store, peer, WPM_WAIT_BAN));
  wpm_store_close_contact(store, slot);
  peer->state = WPM_SLOT_TOMBSTONE;
  store->tombstone_count++;
  wpm_heap_set(&store->tombstones, slot, end_of_tombstone(store, peer));
}

void wpm_store_bury(wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->contact && outlives(store, peer) && wpm_rule_holds(WPM_RULE_TOMBSTONES)) {
    make_tombstone(store, slot);
    cap_tombstones(store);
  } else {
    wpm_store_drop_slot(store, slot);
  }
}

bool wpm_store_bans(const wpm_store *store, wpm_bytes id, wpm_instant now) {
  uint32_t slot = wpm_store_find_any(store, id);
  if (slot == WPM_SLOT_NONE) {
    return false;
  }
  const wpm_wait ban = wpm_peer_wait(store, wpm_store_peer(store, slot), WPM_WAIT_BAN);
  return wpm_wait_runs(&ban, now);
}

size_t wpm_store_tombstone_count(const wpm_store *store) {
  return store->tombstone_count;
}

uint64_t wpm_store_tombstones_dropped(const wpm_store *store) {
  return store->dropped;
}

bool wpm_store_next_tombstone(const wpm_store *store, uint64_t *cursor, wpm_tombstone *out) {
  while (*cursor < store->slots) {
    const wpm_peer *peer = wpm_store_peer(store, (uint32_t)(*cursor)++);
    if (peer->state == WPM_SLOT_TOMBSTONE) {
      *out = (wpm_tombstone){wpm_peer_id_of(store, peer),
                             wpm_peer_wait(store, peer, WPM_WAIT_PRUNE_BACKOFF),
                             wpm_peer_wait(store, peer, WPM_WAIT_BAN)};
      return true;
    }
  }
  return false;
}

/* A peer that is held keeps what ends later: a tombstone without a ban lifts none. */
static int merge_spans(wpm_store *store, uint32_t slot, const wpm_tombstone *tombstone) {
  int err = wpm_store_open_contact(store, slot);
  if (!err) {
    wpm_contact held;
    wpm_store_contact(store, slot, &held);
    wpm_wait prune =
        wpm_store_later(store, &held.waits[WPM_WAIT_PRUNE_BACKOFF], &tombstone->prune_backoff);
    wpm_wait ban = wpm_store_later(store, &held.waits[WPM_WAIT_BAN], &tombstone->ban);
    wpm_store_slot_wait(store, slot, WPM_WAIT_PRUNE_BACKOFF, prune);
    wpm_store_slot_wait(store, slot, WPM_WAIT_BAN, ban);
    wpm_store_close_contact(store, slot);
  }
  return err;
}

int wpm_store_put_tombstone(wpm_store *store, const wpm_tombstone *tombstone) {
  if (tombstone->id.len > WPM_PEER_ID_MAX || tombstone->prune_backoff.length_ns < 0 ||
      tombstone->ban.length_ns < 0) {
    return WPM_ERR_INVALID;
  }
  if (wpm_store_is_full(store)) {
    return WPM_ERR_FULL;
  }
  uint32_t slot = wpm_store_find(store, tombstone->id);
  if (slot != WPM_SLOT_NONE) {
    return merge_spans(store, slot, tombstone);
  }
  uint32_t there = wpm_map_find(&store->by_id, tombstone->id);
  bool in_use = there != WPM_SLOT_NONE && wpm_store_peer(store, there)->state == WPM_SLOT_DETACHED;
  int err = wpm_store_take_bare(store, tombstone->id, &slot);
  if (err) {
    return err;
  }
  wpm_store_keep_spans(store, slot, tombstone->prune_backoff, tombstone->ban);
  if (in_use) { /* It is buried when the manager is done with it. */
    return WPM_OK;
  }
  uint64_t dropped = store->dropped;
  wpm_store_bury(store, slot);
  bool kept = wpm_map_find(&store->by_id, tombstone->id) != WPM_SLOT_NONE;
  return !kept && store->dropped != dropped ? WPM_ERR_FULL : WPM_OK;
}

int wpm_store_set_wait(wpm_store *store, wpm_bytes id, wpm_wait_kind kind, wpm_wait wait) {
  uint32_t slot = wpm_store_find(store, id);
  if ((unsigned)kind >= WPM_WAIT_COUNT || wait.length_ns < 0) {
    return WPM_ERR_INVALID;
  }
  if (slot == WPM_SLOT_NONE && kind == WPM_WAIT_BAN) {
    wpm_tombstone tombstone = {.id = id, .ban = wait};
    uint32_t there = wpm_map_find(&store->by_id, id);
    if (there != WPM_SLOT_NONE) { /* A backoff of its goes on. */
      tombstone.prune_backoff =
          wpm_peer_wait(store, wpm_store_peer(store, there), WPM_WAIT_PRUNE_BACKOFF);
    }
    return wpm_store_put_tombstone(store, &tombstone);
  }
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  if (wait.length_ns == 0 && !wpm_store_peer(store, slot)->contact) {
    return WPM_OK;
  }
  return wpm_store_is_full(store) ? WPM_ERR_FULL : wpm_store_try_wait(store, slot, kind, wait);
}

/* ---- deadlines --------------------------------------------------------------------------------- */

#define MOST_AT_ONCE 1000

static void wait_is_due(wpm_store *store, uint32_t slot) {
  const uint32_t both = WPM_BIT(WPM_HAS_WAIT) | WPM_BIT(WPM_HAS_BAN);
  uint32_t had = wpm_store_peer(store, slot)->attributes & both;
  uint32_t has = wpm_store_arm(store, slot);
  if (has != had) {
    wpm_store_settle(store, slot, has, both & ~has, 0);
  }
}

static void tombstone_is_due(wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  if (outlives(store, peer)) {
    wpm_heap_set(&store->tombstones, slot, end_of_tombstone(store, peer));
  } else {
    wpm_store_drop_slot(store, slot);
  }
}

void wpm_store_advance(wpm_store *store, wpm_instant now) {
  store->last = now;
  store->advanced = true;
  uint32_t slot;
  unsigned left = MOST_AT_ONCE;
  for (; left > 0 && wpm_heap_least(&store->waits, &slot).ns <= now.mono.ns; left--) {
    wait_is_due(store, slot);
  }
  for (; left > 0 && wpm_heap_least(&store->tombstones, &slot).ns <= now.mono.ns; left--) {
    tombstone_is_due(store, slot);
  }
}

wpm_mono wpm_store_next_deadline(const wpm_store *store) {
  wpm_mono waits = wpm_heap_least(&store->waits, NULL);
  wpm_mono tombstones = wpm_heap_least(&store->tombstones, NULL);
  return waits.ns < tombstones.ns ? waits : tombstones;
}
