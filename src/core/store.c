/* Slots, the map from ids to them, and the calls of <wakupeers/store.h> by id. */
#include "core/store.h"

#include "core/protocols.h"

#include "base/bytes.h"
#include "base/peer_id.h"

#include <assert.h>
#include <stdlib.h>

void wpm_store_config_default(wpm_store_config *config) {
  *config = (wpm_store_config){
      .size = sizeof(*config),
      .max_peers = 100000,
      .max_addresses = 64,
      .max_protocols = 256,
      .max_text = 256,
  };
}

static uint64_t little_endian(const uint8_t *bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) {
    value = value << 8 | bytes[i];
  }
  return value;
}

static wpm_bytes id_of(const void *user, uint32_t slot) {
  return wpm_peer_view_id(wpm_store_peer(user, slot));
}

int wpm_store_new_with(const wpm_store_config *config, size_t extra, wpm_store **out) {
  if (config->size != sizeof(*config)) {
    return WPM_ERR_INVALID;
  }
  wpm_store *store = calloc(1, sizeof(*store));
  if (!store) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_siphash_key key = {little_endian(config->hash_key), little_endian(config->hash_key + 8)};
  store->config = *config;
  store->stride = (sizeof(wpm_peer) + extra + 7) / 8 * 8;
  store->first_free = WPM_SLOT_NONE;
  wpm_map_init(&store->by_id, key, id_of, store);
  wpm_intern_init(&store->texts, key);
  wpm_intern_init(&store->sets, key);
  *out = store;
  return WPM_OK;
}

int wpm_store_new(const wpm_store_config *config, wpm_store **out) {
  return wpm_store_new_with(config, 0, out);
}

/* Frees all the peer owns but its id. */
static void clear(wpm_store *store, wpm_peer *peer) {
  wpm_intern_drop(&store->sets, peer->protocols);
  wpm_intern_drop(&store->texts, peer->agent);
  wpm_intern_drop(&store->texts, peer->protocol_version);
  free(peer->public_key);
  free(peer->observed);
  free(peer->shards);
  free(peer->addresses.items);
  *peer = (wpm_peer){.id = peer->id, .id_len = peer->id_len, .next_free = WPM_SLOT_NONE};
}

void wpm_store_free(wpm_store *store) {
  if (!store) {
    return;
  }
  for (uint32_t slot = 0; slot < store->slots; slot++) {
    wpm_peer *peer = wpm_store_peer(store, slot);
    if (peer->id) {
      clear(store, peer);
      free(peer->id);
    }
  }
  for (size_t i = 0; i < store->chunk_count; i++) {
    free(store->chunks[i]);
  }
  free(store->chunks);
  wpm_map_fini(&store->by_id);
  wpm_intern_fini(&store->texts);
  wpm_intern_fini(&store->sets);
  free(store);
}

static int add_chunk(wpm_store *store) {
  if (store->chunk_count == store->chunk_capacity) {
    size_t capacity = store->chunk_capacity ? store->chunk_capacity * 2 : 4;
    uint8_t **chunks = realloc(store->chunks, capacity * sizeof(*chunks));
    if (!chunks) {
      return WPM_ERR_NO_MEMORY;
    }
    store->chunks = chunks;
    store->chunk_capacity = capacity;
  }
  uint8_t *chunk = calloc(WPM_CHUNK_SLOTS, store->stride);
  if (!chunk) {
    return WPM_ERR_NO_MEMORY;
  }
  store->chunks[store->chunk_count++] = chunk;
  return WPM_OK;
}

/* A slot that will be given out next; it stays free until take_free. */
static int peek_free(wpm_store *store, uint32_t *slot) {
  if (store->first_free != WPM_SLOT_NONE) {
    *slot = store->first_free;
    return WPM_OK;
  }
  if (store->slots >= WPM_SLOT_NONE - WPM_CHUNK_SLOTS) {
    return WPM_ERR_NO_MEMORY;
  }
  *slot = store->slots;
  return store->slots / WPM_CHUNK_SLOTS < store->chunk_count ? WPM_OK : add_chunk(store);
}

static void take_free(wpm_store *store, uint32_t slot) {
  if (slot == store->slots) {
    store->slots++;
  } else {
    store->first_free = wpm_store_peer(store, slot)->next_free;
  }
}

static void init_peer(const wpm_store *store, uint32_t slot, uint8_t *id, size_t id_len) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  memset(peer, 0, store->stride);
  peer->id = id;
  peer->id_len = (uint8_t)id_len;
  peer->next_free = WPM_SLOT_NONE;
  peer->disconnect_time = WPM_WALL_NONE;
  peer->connected_time = WPM_WALL_NONE;
  peer->first_failure = WPM_WALL_NONE;
  peer->last_failure = WPM_WALL_NONE;
  peer->rtt_ns = WPM_SPAN_NONE;
}

static int add_slot(wpm_store *store, wpm_bytes id, uint32_t *out) {
  uint32_t slot;
  int err = peek_free(store, &slot);
  if (err) {
    return err;
  }
  uint8_t *copy = malloc(id.len);
  if (!copy) {
    return WPM_ERR_NO_MEMORY;
  }
  memcpy(copy, id.data, id.len);
  /* The map asks for no key of the slot before it is added, so the slot can be filled behind. */
  err = wpm_map_add(&store->by_id, id, slot);
  if (err) {
    free(copy);
    return err;
  }
  take_free(store, slot);
  init_peer(store, slot, copy, id.len);
  store->count++;
  store->changes++;
  *out = slot;
  return WPM_OK;
}

uint32_t wpm_store_find(const wpm_store *store, wpm_bytes id) {
  return wpm_map_find(&store->by_id, id);
}

int wpm_store_take_slot(wpm_store *store, wpm_bytes id, wpm_origin origin, uint32_t *slot,
                        bool *added) {
  *added = false;
  if (id.len == 0 || id.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_INVALID;
  }
  *slot = wpm_store_find(store, id);
  if (*slot == WPM_SLOT_NONE) {
    if (store->config.max_peers > 0 && store->count >= store->config.max_peers) {
      return WPM_ERR_FULL;
    }
    int err = add_slot(store, id, slot);
    if (err) {
      return err;
    }
    *added = true;
  }
  wpm_store_slot_origin(store, *slot, origin);
  return WPM_OK;
}

void wpm_store_slot_origin(wpm_store *store, uint32_t slot, wpm_origin origin) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->origin == WPM_ORIGIN_UNKNOWN && origin != WPM_ORIGIN_UNKNOWN) {
    peer->origin = (uint8_t)origin;
    store->changes++;
  }
}

void wpm_store_detach(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  bool removed = wpm_map_remove(&store->by_id, wpm_peer_view_id(peer));
  assert(removed);
  (void)removed;
  clear(store, peer);
  peer->detached = true;
  store->count--;
  store->changes++;
}

void wpm_store_release(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  assert(peer->detached);
  free(peer->id);
  *peer = (wpm_peer){.next_free = store->first_free};
  store->first_free = slot;
}

void wpm_store_remove_slot(wpm_store *store, uint32_t slot) {
  wpm_store_detach(store, slot);
  wpm_store_release(store, slot);
}

size_t wpm_store_count(const wpm_store *store) {
  return store->count;
}

bool wpm_peer_relays(const wpm_peer *peer) {
  const wpm_protocol_set *set = wpm_protocols_of(peer->protocols);
  return set && set->relay;
}

wpm_connectivity wpm_peer_connectivity(const wpm_peer *peer) {
  if (peer->live > 0) {
    return WPM_CONNECTED;
  }
  wpm_connectivity left = wpm_reason_leaves((wpm_reason)peer->reason);
  return left == WPM_NOT_CONNECTED && peer->held ? WPM_CANNOT_CONNECT : left;
}

static wpm_text text_of(const wpm_interned *entry) {
  wpm_bytes string = wpm_interned_string(entry);
  return (wpm_text){(const char *)string.data, string.len};
}

static wpm_bytes public_key_of(const wpm_peer *peer) {
  wpm_bytes key = {peer->public_key, peer->public_key_len};
  if (peer->key_known && !peer->public_key &&
      wpm_peer_id_inline_key(wpm_peer_view_id(peer), &key) != WPM_OK) {
    key = (wpm_bytes){NULL, 0};
  }
  return key;
}

void wpm_store_record(const wpm_store *store, uint32_t slot, wpm_peer_record *out) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  const wpm_protocol_set *set = wpm_protocols_of(peer->protocols);
  *out = (wpm_peer_record){
      .id = wpm_peer_view_id(peer),
      .public_key = public_key_of(peer),
      .addresses = peer->addresses.items,
      .address_count = peer->addresses.count,
      .observed_address = {peer->observed, peer->observed_len},
      .protocols = set ? set->protocols : NULL,
      .protocol_count = set ? set->count : 0,
      .protocols_known = peer->protocols_known,
      .agent = text_of(peer->agent),
      .protocol_version = text_of(peer->protocol_version),
      .metadata_known = peer->metadata_known,
      .cluster_id = peer->cluster_id,
      .shards = peer->shards,
      .shard_count = peer->shard_count,
      .connectivity = wpm_peer_connectivity(peer),
      .reason = (wpm_reason)peer->reason,
      .disconnect_time = peer->disconnect_time,
      .connected_time = peer->connected_time,
      .origin = (wpm_origin)peer->origin,
      .direction = (wpm_direction)peer->direction,
      .failures = peer->failures,
      .first_failure = peer->first_failure,
      .last_failure = peer->last_failure,
      .rtt_ns = peer->rtt_ns,
      .is_static = peer->is_static,
      .held = peer->held,
      .held_off = peer->held_off,
      .prune_backoff = peer->prune_backoff,
      .retry_delay = peer->retry_delay,
      .mismatch_delay = peer->mismatch_delay,
  };
}

int wpm_store_get(const wpm_store *store, wpm_bytes id, wpm_peer_record *out) {
  uint32_t slot = wpm_store_find(store, id);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_store_record(store, slot, out);
  return WPM_OK;
}

int wpm_store_add(wpm_store *store, wpm_bytes id, wpm_origin origin) {
  uint32_t slot;
  bool added;
  return wpm_store_take_slot(store, id, origin, &slot, &added);
}

int wpm_store_remove(wpm_store *store, wpm_bytes id) {
  uint32_t slot = wpm_store_find(store, id);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_store_remove_slot(store, slot);
  return WPM_OK;
}
