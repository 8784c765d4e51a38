#include "core/range_bans.h"

#include "core/connections.h"
#include "core/connectivity.h"
#include "core/restart.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/scope.h"
#include "core/wait.h"

#include "base/multiaddr.h"

#include <string.h>

#define ALL_BITS 128u
#define SCREENED_AT_ONCE 2048 /* Peers planned anew in one go. */
#define ENDED_AT_ONCE 2048

static const wpm_mono long_ago = {INT64_MIN};

static wpm_range_entry *entry_at(const wpm_range_bans *bans, uint32_t index) {
  return wpm_chunks_at(&bans->entries, sizeof(wpm_range_entry), index);
}

static wpm_bytes key_of(const void *user, uint32_t index) {
  return (wpm_bytes){entry_at(user, index)->key, WPM_IP_RANGE_KEY};
}

void wpm_range_bans_init(wpm_manager *m) {
  wpm_range_bans *bans = &m->range_bans;
  /* The key of where connections come from: one of its own would draw, and change every run. */
  wpm_map_init(&bans->by_key, m->inbound.by_key.key, key_of, bans);
  wpm_heap_init(&bans->ends);
  bans->unused = WPM_MAP_NONE;
  bans->pending.first = WPM_MAP_NONE;
  bans->screening = WPM_SLOT_NONE;
  bans->due = WPM_NEVER;
}

void wpm_range_bans_fini(wpm_manager *m) {
  wpm_map_fini(&m->range_bans.by_key);
  wpm_chunks_fini(&m->range_bans.entries);
  wpm_heap_fini(&m->range_bans.ends);
}

/* To be called behind every change of what is to be done. */
static void settle_due(wpm_manager *m) {
  wpm_range_bans *bans = &m->range_bans;
  bans->due = bans->screening != WPM_SLOT_NONE ? m->now : wpm_heap_least(&bans->ends, NULL);
}

/* ---- looking an address up --------------------------------------------------------------------- */

/* When the last of the bans that hold the address ends, of those that began behind the dial `since`;
 * long ago: none holds it. */
static wpm_mono end_of(const wpm_range_bans *bans, const uint8_t ip[16], wpm_dial_id since) {
  wpm_mono end = long_ago;
  for (unsigned word = 0; word < sizeof(bans->lengths) / sizeof(*bans->lengths); word++) {
    for (uint64_t bits = bans->lengths[word]; bits != 0; bits &= bits - 1) {
      uint8_t key[WPM_IP_RANGE_KEY];
      wpm_ip_range_key(ip, word * 64 + (unsigned)__builtin_ctzll(bits), key);
      uint32_t index = wpm_map_find(&bans->by_key, (wpm_bytes){key, sizeof(key)});
      const wpm_range_entry *entry = index != WPM_MAP_NONE ? entry_at(bans, index) : NULL;
      if (entry && entry->ends.ns > end.ns &&
          (entry->dials_before >= since || !wpm_rule_holds(WPM_RULE_BAN_PERSON))) {
        end = entry->ends;
      }
    }
  }
  return end;
}

/* The same of a multiaddr. */
static wpm_mono banned_until(const wpm_manager *m, wpm_bytes multiaddr, wpm_dial_id since) {
  uint8_t ip[16];
  bool may_be = m->range_bans.count > 0 && wpm_rule_holds(WPM_RULE_BAN_RANGE);
  return may_be && wpm_multiaddr_ip(multiaddr, ip) ? end_of(&m->range_bans, ip, since) : long_ago;
}

bool wpm_range_bans_hold(const wpm_manager *m, wpm_bytes multiaddr, wpm_dial_id dial,
                         wpm_mono now) {
  return banned_until(m, multiaddr, dial).ns > now.ns;
}

size_t wpm_range_bans_admit(const wpm_manager *m, uint32_t slot, wpm_address *items, size_t count,
                            wpm_mono now) {
  size_t in_scope = wpm_scope_admit(m, slot, items, count);
  size_t admitted = 0;
  for (size_t i = 0; i < in_scope; i++) {
    if (!wpm_range_bans_hold(m, items[i].multiaddr, 0, now)) {
      items[admitted++] = items[i];
    }
  }
  return admitted;
}

wpm_mono wpm_range_bans_free_at(const wpm_manager *m, uint32_t slot) {
  size_t count;
  wpm_address *items = wpm_peer_decode_addresses(m->store, wpm_manager_peer(m, slot), &count);
  size_t in_scope = wpm_scope_admit(m, slot, items, count);
  wpm_mono first = in_scope > 0 ? WPM_NEVER : long_ago;
  for (size_t i = 0; i < in_scope; i++) {
    wpm_mono end = banned_until(m, items[i].multiaddr, 0);
    first = end.ns < first.ns ? end : first;
  }
  return first;
}

/* ---- planning anew ----------------------------------------------------------------------------- */

/* The dial that is under way to the peer may lead where has been banned since it began. */
static bool is_caught(const wpm_manager *m, uint32_t slot) {
  wpm_dial_id dial = wpm_rule_holds(WPM_RULE_BAN_CANCELS) ? wpm_manager_policy(m, slot)->dial : 0;
  size_t count = 0;
  const wpm_address *items =
      dial ? wpm_peer_decode_addresses(m->store, wpm_manager_peer(m, slot), &count) : NULL;
  for (size_t i = 0; i < count; i++) {
    if (wpm_range_bans_hold(m, items[i].multiaddr, dial, m->now)) {
      return true;
    }
  }
  return false;
}

static void screen(wpm_manager *m, uint32_t slot, wpm_instant now) {
  if (is_caught(m, slot)) {
    wpm_change change = wpm_change_begin(m, slot);
    wpm_peer_cancel_dial(m, slot);
    wpm_change_end(m, &change, now);
  } else {
    wpm_schedule_update(m, slot, now);
  }
}

void wpm_range_bans_run(wpm_manager *m, wpm_instant now) {
  wpm_range_bans *bans = &m->range_bans;
  for (uint32_t left = SCREENED_AT_ONCE; left > 0 && bans->screening < m->store->slots; left--) {
    uint32_t slot = bans->screening++;
    const wpm_peer *peer = wpm_manager_peer(m, slot);
    if (peer->state == WPM_SLOT_HELD && wpm_peer_has(peer, WPM_HAS_ADDRESS)) {
      screen(m, slot, now);
    }
  }
  if (bans->screening >= m->store->slots) {
    bans->screening = WPM_SLOT_NONE;
  }
  settle_due(m);
}

/* Who has been banned meanwhile must not be dialled for a mark of before. */
static void cancel_marked(wpm_manager *m, wpm_instant now) {
  uint32_t slot = m->pending_peers.first;
  while (slot != WPM_SLOT_NONE) {
    uint32_t next = wpm_manager_policy(m, slot)->next;
    if (wpm_manager_policy(m, slot)->pending & WPM_PENDING_DIAL && is_caught(m, slot)) {
      screen(m, slot, now);
    }
    slot = next;
  }
}

/* ---- entries ----------------------------------------------------------------------------------- */

static void queue(wpm_range_bans *bans, uint32_t index) {
  wpm_range_entry *entry = entry_at(bans, index);
  if (entry->queued) {
    return;
  }
  entry->queued = true;
  entry->next = WPM_MAP_NONE;
  if (bans->pending.first == WPM_MAP_NONE) {
    bans->pending.first = index;
  } else {
    entry_at(bans, bans->pending.last)->next = index;
  }
  bans->pending.last = index;
}

static void count_length(wpm_range_bans *bans, unsigned bits, bool more) {
  uint32_t *of_length = &bans->of_length[bits];
  *of_length += more ? 1u : UINT32_MAX;
  bans->count += more ? 1u : UINT32_MAX;
  if (*of_length > 0) {
    bans->lengths[bits / 64] |= UINT64_C(1) << bits % 64;
  } else {
    bans->lengths[bits / 64] &= ~(UINT64_C(1) << bits % 64);
  }
}

/* A new entry, not in force yet. */
static int enter(wpm_range_bans *bans, const uint8_t key[WPM_IP_RANGE_KEY], uint32_t *out) {
  bool reuse = bans->unused != WPM_MAP_NONE;
  uint32_t index = reuse ? bans->unused : bans->used;
  if (bans->count >= WPM_RANGE_BANS_MAX || index >= 2 * WPM_RANGE_BANS_MAX) {
    return WPM_ERR_RANGES_FULL;
  }
  int err = wpm_chunks_reserve(&bans->entries, sizeof(wpm_range_entry), (size_t)index + 1);
  if (!err) {
    err = wpm_heap_reserve(&bans->ends, (size_t)index + 1);
  }
  if (!err) {
    err = wpm_map_add(&bans->by_key, (wpm_bytes){key, WPM_IP_RANGE_KEY}, index);
  }
  if (err) {
    return err;
  }
  wpm_range_entry *entry = entry_at(bans, index);
  bans->unused = reuse ? entry->next : bans->unused;
  bans->used += !reuse;
  *entry = (wpm_range_entry){.ends = long_ago};
  memcpy(entry->key, key, WPM_IP_RANGE_KEY);
  *out = index;
  return WPM_OK;
}

static void leave(wpm_range_bans *bans, uint32_t index) {
  wpm_range_entry *entry = entry_at(bans, index);
  (void)wpm_map_remove(&bans->by_key, key_of(bans, index));
  entry->next = bans->unused;
  bans->unused = index;
}

static void begin(wpm_range_bans *bans, uint32_t index, wpm_wait ban, wpm_instant now) {
  wpm_range_entry *entry = entry_at(bans, index);
  if (entry->ban.length_ns == 0) {
    count_length(bans, entry->key[WPM_IP_RANGE_KEY - 1], true);
  }
  entry->ban = ban;
  entry->ends = ban.length_ns == INT64_MAX ? WPM_NEVER : wpm_wait_end(&ban, now);
  wpm_heap_set(&bans->ends, index, entry->ends);
}

static void end(wpm_range_bans *bans, uint32_t index) {
  wpm_range_entry *entry = entry_at(bans, index);
  count_length(bans, entry->key[WPM_IP_RANGE_KEY - 1], false);
  entry->ban = (wpm_wait){.length_ns = 0};
  entry->ends = long_ago;
  wpm_heap_set(&bans->ends, index, WPM_NEVER);
  queue(bans, index);
}

void wpm_range_bans_advance(wpm_manager *m, wpm_instant now) {
  uint32_t index;
  for (unsigned left = ENDED_AT_ONCE;
       left > 0 && wpm_heap_least(&m->range_bans.ends, &index).ns <= now.mono.ns; left--) {
    end(&m->range_bans, index);
  }
  settle_due(m);
}

/* The entry of a ban in force; WPM_MAP_NONE: there is none. */
static uint32_t find_in_force(const wpm_range_bans *bans, const uint8_t key[WPM_IP_RANGE_KEY]) {
  uint32_t index = wpm_map_find(&bans->by_key, (wpm_bytes){key, WPM_IP_RANGE_KEY});
  bool is_over = index != WPM_MAP_NONE && entry_at(bans, index)->ban.length_ns == 0;
  return is_over ? WPM_MAP_NONE : index;
}

/* ---- facts ------------------------------------------------------------------------------------- */

static void end_connections(wpm_manager *m, const wpm_ip_range *range, wpm_instant now) {
  for (uint32_t i = 0; i < m->connection_slots && wpm_rule_holds(WPM_RULE_BAN_ENDS); i++) {
    wpm_connection *connection = m->connections[i];
    if (connection && connection->peer != WPM_SLOT_NONE && connection->has_remote &&
        wpm_ip_range_holds(range, connection->remote)) {
      wpm_connection_end(m, connection, WPM_REASON_RANGE_BANNED, now);
    }
  }
}

static int lift(wpm_manager *m, const uint8_t key[WPM_IP_RANGE_KEY], wpm_instant now) {
  uint32_t index = find_in_force(&m->range_bans, key);
  if (index == WPM_MAP_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  end(&m->range_bans, index);
  m->range_bans.screening = 0;
  wpm_range_bans_run(m, now);
  return WPM_OK;
}

static int put(wpm_manager *m, const uint8_t key[WPM_IP_RANGE_KEY], wpm_wait ban, wpm_instant now) {
  wpm_range_bans *bans = &m->range_bans;
  uint32_t index = wpm_map_find(&bans->by_key, (wpm_bytes){key, WPM_IP_RANGE_KEY});
  int err = index == WPM_MAP_NONE ? enter(bans, key, &index) : WPM_OK;
  if (!err) {
    begin(bans, index, ban, now);
    entry_at(bans, index)->dials_before = m->next_dial;
    queue(bans, index);
  }
  return err;
}

int wpm_on_ban_range(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  const wpm_ip_range *range = &event->u.ban_range.range;
  int64_t length = event->u.ban_range.length_ns;
  uint8_t key[WPM_IP_RANGE_KEY];
  if (length < 0 || range->bits > ALL_BITS) {
    return WPM_ERR_INVALID;
  }
  wpm_ip_range_key(range->ip, range->bits, key);
  if (length == 0) {
    return lift(m, key, now);
  }
  int err = put(m, key, wpm_wait_from(now, length), now);
  if (!err) {
    cancel_marked(m, now);
    end_connections(m, range, now);
    m->range_bans.screening = 0;
    wpm_range_bans_run(m, now);
  }
  return err;
}

int wpm_manager_restore_range_ban(wpm_manager *m, wpm_range_ban *ban, const wpm_instant *heartbeat,
                                  wpm_instant now) {
  uint8_t key[WPM_IP_RANGE_KEY];
  uint32_t index = WPM_MAP_NONE;
  if (m->begun) {
    return WPM_ERR_STATE;
  }
  if (ban->range.bits > ALL_BITS || ban->ban.length_ns < 0) {
    return WPM_ERR_INVALID;
  }
  ban->ban = wpm_restart_resumed_ban(&ban->ban, heartbeat, now);
  if (!wpm_wait_runs(&ban->ban, now)) {
    return WPM_ERR_STALE;
  }
  wpm_ip_range_key(ban->range.ip, ban->range.bits, key);
  index = wpm_map_find(&m->range_bans.by_key, (wpm_bytes){key, sizeof(key)});
  int err = index == WPM_MAP_NONE ? enter(&m->range_bans, key, &index) : WPM_OK;
  if (!err) {
    begin(&m->range_bans, index, ban->ban, now);
    settle_due(m);
  }
  return err;
}

/* ---- what is to be stored, looking ------------------------------------------------------------- */

static wpm_range_ban view(const wpm_range_entry *entry) {
  wpm_range_ban ban = {.ban = entry->ban};
  memcpy(ban.range.ip, entry->key, sizeof(ban.range.ip));
  ban.range.bits = entry->key[WPM_IP_RANGE_KEY - 1];
  return ban;
}

bool wpm_range_bans_next_action(wpm_manager *m, wpm_action *out) {
  wpm_range_bans *bans = &m->range_bans;
  uint32_t index = bans->pending.first;
  if (index == WPM_MAP_NONE) {
    return false;
  }
  wpm_range_entry *entry = entry_at(bans, index);
  bans->pending.first = entry->next;
  entry->queued = false;
  *out = (wpm_action){.type = WPM_ACTION_PERSIST_RANGE_BAN, .u.persist_range_ban.ban = view(entry)};
  if (entry->ban.length_ns == 0) {
    leave(bans, index);
  }
  return true;
}

bool wpm_manager_next_range_ban(const wpm_manager *m, uint64_t *cursor, wpm_range_ban *out) {
  while (*cursor < m->range_bans.used) {
    const wpm_range_entry *entry = entry_at(&m->range_bans, (uint32_t)*cursor);
    ++*cursor;
    if (entry->ends.ns > m->now.ns) {
      *out = view(entry);
      return true;
    }
  }
  return false;
}

size_t wpm_manager_range_ban_count(const wpm_manager *m) {
  return m->range_bans.count;
}
