/* What changes a record: whole records, and the facts of <wakupeers/store.h>.
 *
 * - A call that needs memory first builds all new parts, then swaps them in, so that a failing
 *   allocation leaves the record as it was.
 * - Only a change of a stored field counts in `changes`.
 */
#include "core/store.h"

#include "core/protocols.h"
#include "core/wait.h"

#include "base/bytes.h"
#include "base/peer_id.h"

#include <assert.h>
#include <stdlib.h>

/* ---- parts ----------------------------------------------------------------------------------- */

/* New parts of a record, before they are swapped in. */
typedef struct parts {
  uint8_t *public_key;
  uint8_t *observed;
  uint16_t *shards;
  size_t public_key_len;
  size_t observed_len;
  size_t shard_count;
  wpm_address_list addresses;
  wpm_interned *protocols;
  wpm_interned *agent;
  wpm_interned *protocol_version;
} parts;

static void parts_drop(wpm_store *store, parts *p) {
  free(p->public_key);
  free(p->observed);
  free(p->shards);
  free(p->addresses.items);
  wpm_intern_drop(&store->sets, p->protocols);
  wpm_intern_drop(&store->texts, p->agent);
  wpm_intern_drop(&store->texts, p->protocol_version);
}

static int copy_bytes(wpm_bytes from, uint8_t **out, size_t *len) {
  *out = NULL;
  *len = from.len;
  if (from.len == 0) {
    return WPM_OK;
  }
  *out = malloc(from.len);
  if (!*out) {
    return WPM_ERR_NO_MEMORY;
  }
  memcpy(*out, from.data, from.len);
  return WPM_OK;
}

/* A copy of the key, or none where the id carries it. */
static int copy_key(wpm_bytes id, wpm_bytes key, parts *p) {
  wpm_bytes carried;
  if (wpm_peer_id_inline_key(id, &carried) == WPM_OK && wpm_bytes_equal(carried, key)) {
    return WPM_OK;
  }
  return copy_bytes(key, &p->public_key, &p->public_key_len);
}

/* Cuts to `most` bytes, at a character's start where the text is UTF-8. */
static wpm_bytes cut(wpm_text text, size_t most) {
  size_t len = text.len;
  if (most > 0 && len > most) {
    len = most;
    while (len > 0 && ((uint8_t)text.data[len] & 0xC0u) == 0x80u) {
      len--;
    }
  }
  return (wpm_bytes){(const uint8_t *)text.data, len};
}

static int take_text(wpm_store *store, wpm_text text, wpm_interned **out) {
  wpm_bytes string = cut(text, store->config.max_text);
  bool fresh;
  *out = NULL;
  return string.len > 0 ? wpm_intern_take(&store->texts, string, 0, out, &fresh) : WPM_OK;
}

static int compare_shards(const void *a, const void *b) {
  const uint16_t *x = a;
  const uint16_t *y = b;
  return (*x > *y) - (*x < *y);
}

/* A sorted copy without repeats; so at most 65 536. */
static int copy_shards(const uint16_t *shards, size_t count, parts *p) {
  if (count == 0) {
    return WPM_OK;
  }
  if (count > SIZE_MAX / sizeof(*shards)) {
    return WPM_ERR_NO_MEMORY;
  }
  p->shards = malloc(count * sizeof(*shards));
  if (!p->shards) {
    return WPM_ERR_NO_MEMORY;
  }
  memcpy(p->shards, shards, count * sizeof(*shards));
  qsort(p->shards, count, sizeof(*shards), compare_shards);
  size_t unique = 1;
  for (size_t i = 1; i < count; i++) {
    if (p->shards[i] != p->shards[unique - 1]) {
      p->shards[unique++] = p->shards[i];
    }
  }
  p->shard_count = unique;
  return WPM_OK;
}

static int take_protocols(wpm_store *store, const wpm_text *protocols, size_t count,
                          wpm_interned **out) {
  return wpm_protocols_take(&store->sets, protocols, count, store->config.max_protocols,
                            store->config.max_text, out);
}

/* ---- swapping in ----------------------------------------------------------------------------- */

static void set_key(wpm_store *store, wpm_peer *peer, parts *p) {
  wpm_bytes old = {peer->public_key, peer->public_key_len};
  wpm_bytes fresh = {p->public_key, p->public_key_len};
  if (!peer->key_known || !wpm_bytes_equal(old, fresh)) {
    store->changes++;
  }
  free(peer->public_key);
  peer->public_key = p->public_key;
  peer->public_key_len = (uint16_t)p->public_key_len;
  peer->key_known = true;
  p->public_key = NULL;
}

static void set_observed(wpm_store *store, wpm_peer *peer, parts *p) {
  wpm_bytes old = {peer->observed, peer->observed_len};
  wpm_bytes fresh = {p->observed, p->observed_len};
  if (!wpm_bytes_equal(old, fresh)) {
    store->changes++;
  }
  free(peer->observed);
  peer->observed = p->observed;
  peer->observed_len = (uint16_t)p->observed_len;
  p->observed = NULL;
}

static void set_addresses(wpm_store *store, wpm_peer *peer, parts *p) {
  if (!wpm_addresses_equal(&peer->addresses, &p->addresses)) {
    store->changes++;
  }
  free(peer->addresses.items);
  peer->addresses = p->addresses;
  p->addresses = (wpm_address_list){NULL, 0};
}

static void set_interned(wpm_store *store, wpm_intern *table, wpm_interned **field,
                         wpm_interned **fresh) {
  if (*field != *fresh) {
    store->changes++;
  }
  wpm_intern_drop(table, *field);
  *field = *fresh;
  *fresh = NULL;
}

static void set_shards(wpm_store *store, wpm_peer *peer, parts *p) {
  size_t size = p->shard_count * sizeof(*p->shards);
  if (peer->shard_count != p->shard_count ||
      (size > 0 && memcmp(peer->shards, p->shards, size) != 0)) {
    store->changes++;
  }
  free(peer->shards);
  peer->shards = p->shards;
  peer->shard_count = (uint32_t)p->shard_count;
  p->shards = NULL;
}

void wpm_store_slot_flag(wpm_store *store, bool *field, bool value) {
  if (*field != value) {
    *field = value;
    store->changes++;
  }
}

void wpm_store_slot_wait(wpm_store *store, wpm_wait *field, wpm_wait wait) {
  if (!wpm_wait_equal(field, &wait)) {
    *field = wait;
    store->changes++;
  }
}

/* ---- a whole record -------------------------------------------------------------------------- */

static bool record_is_valid(const wpm_peer_record *record) {
  return (unsigned)record->reason < WPM_REASON_COUNT &&
         (unsigned)record->origin < WPM_ORIGIN_COUNT &&
         (unsigned)record->direction < WPM_DIRECTION_COUNT &&
         record->public_key.len <= UINT16_MAX && record->observed_address.len <= WPM_MULTIADDR_MAX;
}

static int build(wpm_store *store, const wpm_peer_record *record, parts *p) {
  int err = copy_key(record->id, record->public_key, p);
  if (!err) {
    err = copy_bytes(record->observed_address, &p->observed, &p->observed_len);
  }
  if (!err) {
    err = copy_shards(record->shards, record->shard_count, p);
  }
  if (!err) {
    err = wpm_addresses_copy(record->addresses, record->address_count, store->config.max_addresses,
                             &p->addresses);
  }
  if (!err) {
    err = take_protocols(store, record->protocols, record->protocol_count, &p->protocols);
  }
  if (!err) {
    err = take_text(store, record->agent, &p->agent);
  }
  if (!err) {
    err = take_text(store, record->protocol_version, &p->protocol_version);
  }
  return err;
}

static void put_plain_fields(wpm_peer *peer, const wpm_peer_record *record) {
  peer->prune_backoff = record->prune_backoff;
  peer->retry_delay = record->retry_delay;
  peer->mismatch_delay = record->mismatch_delay;
  peer->disconnect_time = record->disconnect_time;
  peer->connected_time = record->connected_time;
  peer->first_failure = record->failures > 0 ? record->first_failure : WPM_WALL_NONE;
  peer->last_failure = record->last_failure;
  peer->rtt_ns = record->rtt_ns;
  peer->failures = record->failures;
  peer->cluster_id = record->cluster_id;
  peer->reason = (uint8_t)record->reason;
  peer->origin = (uint8_t)record->origin;
  peer->direction = (uint8_t)record->direction;
  peer->key_known = record->public_key.len > 0;
  peer->protocols_known = record->protocols_known;
  peer->metadata_known = record->metadata_known;
  peer->is_static = record->is_static;
  peer->held = record->held || peer->live > 0;
  peer->held_off = record->held_off;
}

int wpm_store_put(wpm_store *store, const wpm_peer_record *record) {
  if (!record_is_valid(record)) {
    return WPM_ERR_INVALID;
  }
  uint32_t slot;
  bool added;
  int err = wpm_store_take_slot(store, record->id, record->origin, &slot, &added);
  if (err) {
    return err;
  }
  parts p = {0};
  err = build(store, record, &p);
  if (err) {
    parts_drop(store, &p);
    if (added) {
      wpm_store_remove_slot(store, slot);
    }
    return err;
  }
  wpm_peer *peer = wpm_store_peer(store, slot);
  set_key(store, peer, &p);
  set_observed(store, peer, &p);
  set_shards(store, peer, &p);
  set_addresses(store, peer, &p);
  set_interned(store, &store->sets, &peer->protocols, &p.protocols);
  set_interned(store, &store->texts, &peer->agent, &p.agent);
  set_interned(store, &store->texts, &peer->protocol_version, &p.protocol_version);
  put_plain_fields(peer, record);
  store->changes++;
  return WPM_OK;
}

/* ---- facts, by slot -------------------------------------------------------------------------- */

int wpm_store_slot_addresses(wpm_store *store, uint32_t slot, const wpm_bytes *added, size_t count,
                             wpm_address_source source, size_t *left_out) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  parts p = {0};
  int err = wpm_addresses_with(&peer->addresses, added, count, source, store->config.max_addresses,
                               &p.addresses, left_out);
  if (err) {
    return err;
  }
  set_addresses(store, peer, &p);
  return WPM_OK;
}

static int build_identified(wpm_store *store, wpm_peer *peer, const wpm_identified *fact,
                            parts *p) {
  int err = WPM_OK;
  if (fact->public_key) {
    err = fact->public_key->len > UINT16_MAX
              ? WPM_ERR_INVALID
              : copy_key(wpm_peer_view_id(peer), *fact->public_key, p);
  }
  if (!err && fact->agent) {
    err = take_text(store, *fact->agent, &p->agent);
  }
  if (!err && fact->protocol_version) {
    err = take_text(store, *fact->protocol_version, &p->protocol_version);
  }
  if (!err && fact->addresses) {
    err = wpm_addresses_identified(&peer->addresses, fact->addresses, fact->address_count,
                                   store->config.max_addresses, &p->addresses);
  }
  if (!err && fact->protocols) {
    err = take_protocols(store, fact->protocols, fact->protocol_count, &p->protocols);
  }
  return err;
}

int wpm_store_slot_identified(wpm_store *store, uint32_t slot, const wpm_identified *fact) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  parts p = {0};
  int err = build_identified(store, peer, fact, &p);
  if (err) {
    parts_drop(store, &p);
    return err;
  }
  if (fact->public_key && fact->public_key->len > 0) {
    set_key(store, peer, &p);
  }
  if (fact->agent) {
    set_interned(store, &store->texts, &peer->agent, &p.agent);
  }
  if (fact->protocol_version) {
    set_interned(store, &store->texts, &peer->protocol_version, &p.protocol_version);
  }
  if (fact->addresses) {
    set_addresses(store, peer, &p);
  }
  if (fact->protocols) {
    set_interned(store, &store->sets, &peer->protocols, &p.protocols);
    wpm_store_slot_flag(store, &peer->protocols_known, true);
  }
  /* A key that was copied is not empty, so it has been set. */
  return WPM_OK; // NOLINT(clang-analyzer-unix.Malloc)
}

int wpm_store_slot_metadata(wpm_store *store, uint32_t slot, uint32_t cluster_id,
                            const uint16_t *shards, size_t shard_count) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  parts p = {0};
  int err = copy_shards(shards, shard_count, &p);
  if (err) {
    return err;
  }
  set_shards(store, peer, &p);
  if (peer->cluster_id != cluster_id) {
    peer->cluster_id = cluster_id;
    store->changes++;
  }
  wpm_store_slot_flag(store, &peer->metadata_known, true);
  return WPM_OK;
}

int wpm_store_slot_connected(wpm_store *store, uint32_t slot, wpm_direction direction,
                             wpm_bytes remote, wpm_bytes public_key, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  bool observe = direction == WPM_INBOUND && remote.len <= WPM_MULTIADDR_MAX;
  parts p = {0};
  int err = public_key.len > UINT16_MAX ? WPM_ERR_INVALID
                                        : copy_key(wpm_peer_view_id(peer), public_key, &p);
  if (!err && observe) {
    err = copy_bytes(remote, &p.observed, &p.observed_len);
  }
  if (err) {
    parts_drop(store, &p);
    return err;
  }
  if (public_key.len > 0) {
    set_key(store, peer, &p);
  }
  if (observe) {
    set_observed(store, peer, &p);
  }
  wpm_address *dialled =
      direction == WPM_OUTBOUND ? wpm_addresses_find(&peer->addresses, remote) : NULL;
  if (dialled) {
    dialled->last_success = now;
  }
  if (peer->live++ == 0) {
    peer->connected_time = now;
    peer->direction = (uint8_t)direction;
  }
  peer->held = true;
  store->changes++;
  return WPM_OK;
}

void wpm_store_slot_disconnected(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->live == 0 || --peer->live > 0) {
    return;
  }
  peer->reason = (uint8_t)reason;
  peer->disconnect_time = now;
  store->changes++;
}

static void count_failure(wpm_store *store, uint32_t slot, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->failures == 0) {
    peer->first_failure = now;
  }
  if (peer->failures < UINT32_MAX) {
    peer->failures++;
  }
  peer->last_failure = now;
  store->changes++;
}

void wpm_store_slot_dial_failed(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (reason == WPM_REASON_LOCAL_FAILURE || peer->live > 0) {
    return;
  }
  peer->reason = (uint8_t)reason;
  count_failure(store, slot, now);
}

bool wpm_store_slot_address_failed(wpm_store *store, uint32_t slot, wpm_bytes multiaddr,
                                   wpm_wall now) {
  wpm_address *address = wpm_addresses_find(&wpm_store_peer(store, slot)->addresses, multiaddr);
  if (!address) {
    return false;
  }
  address->last_failure = now;
  store->changes++;
  return true;
}

void wpm_store_slot_stable(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->failures > 0) {
    peer->failures = 0;
    peer->first_failure = WPM_WALL_NONE;
    store->changes++;
  }
  wpm_store_slot_wait(store, &peer->retry_delay, (wpm_wait){0});
}

void wpm_store_slot_direction(wpm_store *store, uint32_t slot, wpm_direction direction) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->direction != direction) {
    peer->direction = (uint8_t)direction;
    store->changes++;
  }
}

/* ---- facts, by id ---------------------------------------------------------------------------- */

#define FIND_OR_RETURN(slot)                                                                       \
  uint32_t slot = wpm_store_find(store, id);                                                       \
  if ((slot) == WPM_SLOT_NONE) {                                                                   \
    return WPM_ERR_NOT_FOUND;                                                                      \
  }

int wpm_store_add_address(wpm_store *store, wpm_bytes id, wpm_bytes multiaddr,
                          wpm_address_source source) {
  FIND_OR_RETURN(slot)
  int err = wpm_multiaddr_check(multiaddr);
  if (err) {
    return err;
  }
  size_t left_out;
  err = wpm_store_slot_addresses(store, slot, &multiaddr, 1, source, &left_out);
  if (err) {
    return err;
  }
  return left_out > 0 ? WPM_ERR_FULL : WPM_OK;
}

int wpm_store_identified(wpm_store *store, wpm_bytes id, const wpm_identified *fact) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_identified(store, slot, fact);
}

int wpm_store_metadata(wpm_store *store, wpm_bytes id, uint32_t cluster_id, const uint16_t *shards,
                       size_t shard_count) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_metadata(store, slot, cluster_id, shards, shard_count);
}

int wpm_store_connected(wpm_store *store, wpm_bytes id, wpm_direction direction, wpm_bytes remote,
                        wpm_wall now) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_connected(store, slot, direction, remote, (wpm_bytes){NULL, 0}, now);
}

int wpm_store_disconnected(wpm_store *store, wpm_bytes id, wpm_reason reason, wpm_wall now) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_disconnected(store, slot, reason, now);
  return WPM_OK;
}

int wpm_store_dial_failed(wpm_store *store, wpm_bytes id, wpm_reason reason, wpm_wall now) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_dial_failed(store, slot, reason, now);
  return WPM_OK;
}

int wpm_store_address_failed(wpm_store *store, wpm_bytes id, wpm_bytes multiaddr, wpm_wall now) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_address_failed(store, slot, multiaddr, now) ? WPM_OK : WPM_ERR_NOT_FOUND;
}

int wpm_store_stable(wpm_store *store, wpm_bytes id) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_stable(store, slot);
  return WPM_OK;
}

int wpm_store_pong(wpm_store *store, wpm_bytes id, int64_t rtt_ns) {
  FIND_OR_RETURN(slot)
  wpm_store_peer(store, slot)->rtt_ns = rtt_ns;
  return WPM_OK;
}

int wpm_store_set_static(wpm_store *store, wpm_bytes id, bool is_static) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_flag(store, &wpm_store_peer(store, slot)->is_static, is_static);
  return WPM_OK;
}

int wpm_store_set_held_off(wpm_store *store, wpm_bytes id, bool held_off) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_flag(store, &wpm_store_peer(store, slot)->held_off, held_off);
  return WPM_OK;
}

int wpm_store_set_prune_backoff(wpm_store *store, wpm_bytes id, wpm_wait wait) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_wait(store, &wpm_store_peer(store, slot)->prune_backoff, wait);
  return WPM_OK;
}

int wpm_store_set_retry_delay(wpm_store *store, wpm_bytes id, wpm_wait wait) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_wait(store, &wpm_store_peer(store, slot)->retry_delay, wait);
  return WPM_OK;
}

int wpm_store_set_mismatch_delay(wpm_store *store, wpm_bytes id, wpm_wait wait) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_wait(store, &wpm_store_peer(store, slot)->mismatch_delay, wait);
  return WPM_OK;
}
