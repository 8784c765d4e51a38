/* Slots, the map from ids to them, and what follows when a peer changes. */
#include "core/store.h"

#include "core/protocols.h"
#include "core/wait.h"

#include "base/bytes.h"
#include "base/prefetch.h"

#include <assert.h>
#include <stdlib.h>

void wpm_store_config_default(wpm_store_config *config) {
  *config = (wpm_store_config){
      .size = sizeof(*config),
      .max_peers = 100000,
      .max_tombstones = WPM_QUARTER_OF_PEERS,
      .max_addresses = 64,
      .max_protocols = 256,
      .max_text = 256,
      .max_tags = 32,
      .max_app_bytes = 16384,
      .max_indexed = 1024,
      .max_changes = 4096,
      .evict = true,
      .keep_good = true,
  };
}

/* ---- making ---------------------------------------------------------------------------------- */

static uint64_t little_endian(const uint8_t *bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) {
    value = value << 8 | bytes[i];
  }
  return value;
}

static wpm_bytes id_of(const void *user, uint32_t slot) {
  return wpm_peer_id_of(user, wpm_store_peer(user, slot));
}

static uint32_t *position_of(const void *user, uint32_t slot) {
  const wpm_store *store = user;
  wpm_contact_head *head = wpm_slab_at(&store->slab, wpm_store_peer(store, slot)->contact);
  return &head->deadline;
}

#define FEW_ADDRESSES 1 /* What there is room for from the beginning. */

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
  store->hashed.len = SIZE_MAX;
  store->stride = (sizeof(wpm_peer) + extra + 7) / 8 * 8;
  store->first_free = WPM_SLOT_NONE;
  store->bits = wpm_bits_best();
  store->seed = wpm_siphash13(&key, WPM_BYTES("eviction"));
  wpm_map_init(&store->by_id, key, id_of, store);
  wpm_slab_init(&store->slab);
  wpm_indexes_init(&store->indexes);
  wpm_intern_init(&store->texts, key);
  wpm_intern_init(&store->protocols, key);
  wpm_intern_init(&store->sets, key);
  wpm_intern_init(&store->tags, key);
  wpm_intern_init(&store->shards, key);
  wpm_heap_init_at(&store->waits, position_of, store);
  wpm_heap_init_at(&store->tombstones, position_of, store);
  wpm_feed_init(&store->feed, config->max_changes);
  wpm_secrets_init(&store->secrets, key);
  int err = wpm_store_reserve_views(store, FEW_ADDRESSES, 0, 0, 0);
  if (err) {
    wpm_store_free(store);
    return err;
  }
  *out = store;
  return WPM_OK;
}

int wpm_store_new(const wpm_store_config *config, wpm_store **out) {
  return wpm_store_new_with(config, 0, out);
}

void wpm_store_free(wpm_store *store) {
  if (!store) {
    return;
  }
  for (size_t i = 0; i < WPM_PIECES; i++) {
    free(store->pieces[i]);
  }
  for (size_t i = 0; i < store->chunk_count; i++) {
    free(store->chunks[i]);
  }
  free(store->chunks);
  wpm_map_fini(&store->by_id);
  wpm_intern_fini(&store->texts);
  wpm_intern_fini(&store->sets);
  wpm_intern_fini(&store->protocols);
  wpm_intern_fini(&store->tags);
  wpm_intern_fini(&store->shards);
  wpm_heap_fini(&store->waits);
  wpm_heap_fini(&store->tombstones);
  wpm_indexes_fini(&store->indexes);
  wpm_query_cache_fini(&store->queries);
  wpm_feed_fini(&store->feed);
  wpm_secrets_fini(&store->secrets);
  wpm_slab_fini(&store->slab);
  free(store->views.data);
  free(store->draft.data);
  free(store->bytes.data);
  free(store);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t chunk_size(const wpm_store *store) {
  return WPM_CHUNK_SLOTS * store->stride;
}

static size_t slot_bytes(const wpm_store *store) {
  size_t bytes = store->chunk_count * chunk_size(store);
  for (size_t i = 0; i < WPM_PIECES && store->pieces[i]; i++) {
    bytes += WPM_PIECE_SLOTS * store->stride;
  }
  return bytes;
}

size_t wpm_store_bytes(const wpm_store *store) {
  return sizeof(*store) + slot_bytes(store) + store->chunk_capacity * sizeof(*store->chunks) +
         wpm_map_bytes(&store->by_id) + wpm_slab_bytes(&store->slab) + store->indexes.bytes +
         wpm_intern_bytes(&store->texts) + wpm_intern_bytes(&store->protocols) +
         wpm_intern_bytes(&store->sets) + wpm_intern_bytes(&store->tags) +
         wpm_intern_bytes(&store->shards) + wpm_heap_bytes(&store->waits) +
         wpm_heap_bytes(&store->tombstones) + wpm_feed_bytes(&store->feed) + store->queries.bytes +
         wpm_secrets_bytes(&store->secrets) + store->views.size + store->draft.size +
         store->bytes.size;
}

bool wpm_store_is_full(const wpm_store *store) {
  size_t most = store->config.max_bytes;
  if (most == 0) {
    return false;
  }
  size_t step = WPM_SLAB_PAGE + wpm_map_next_bytes(&store->by_id);
  size_t held = wpm_store_bytes(store);
  return held > most || step > most - held;
}

int wpm_store_scratch_reserve(wpm_store_scratch *scratch, size_t size) {
  if (size <= scratch->size) {
    return WPM_OK;
  }
  size_t wanted = size > SIZE_MAX / 2 ? 0 : size + size / 2;
  void *data = wanted ? malloc(wanted) : NULL;
  if (!data) {
    return WPM_ERR_NO_MEMORY;
  }
  free(scratch->data);
  *scratch = (wpm_store_scratch){data, wanted};
  return WPM_OK;
}

int wpm_store_reserve_views(wpm_store *store, size_t addresses, size_t shards, size_t tags,
                            size_t app) {
  size_t size = wpm_store_view_size(addresses, shards, tags, app);
  int err = wpm_store_scratch_reserve(&store->draft, (addresses + 1) * sizeof(wpm_address));
  if (err || size <= store->largest_view) {
    return err;
  }
  err = size > SIZE_MAX / WPM_GET_MANY_MAX / 2
            ? WPM_ERR_NO_MEMORY
            : wpm_store_scratch_reserve(&store->views, size * WPM_GET_MANY_MAX);
  if (!err) {
    store->largest_view = size;
  }
  return err;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static int add_piece(wpm_store *store, uint32_t number) {
  if (!store->pieces[number]) {
    store->pieces[number] = calloc(WPM_PIECE_SLOTS, store->stride);
  }
  return store->pieces[number] ? WPM_OK : WPM_ERR_NO_MEMORY;
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
  uint8_t *chunk = calloc(1, chunk_size(store));
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
  int err = wpm_indexes_reserve(&store->indexes, *slot);
  if (err) {
    return err;
  }
  if (*slot < WPM_CHUNK_SLOTS) {
    return add_piece(store, *slot / WPM_PIECE_SLOTS);
  }
  return *slot / WPM_CHUNK_SLOTS > store->chunk_count ? add_chunk(store) : WPM_OK;
}

static void take_free(wpm_store *store, uint32_t slot) {
  if (slot == store->slots) {
    store->slots++;
  } else {
    store->first_free = wpm_store_peer(store, slot)->u.next_free;
    if (store->first_free != WPM_SLOT_NONE) { /* For the next who comes. */
      wpm_prefetch(wpm_store_peer(store, store->first_free), sizeof(wpm_peer));
    }
  }
}

static void free_slot(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_store_drop_contact(store, peer);
  if (peer->id_len > WPM_PEER_INLINE_ID) {
    wpm_slab_give(&store->slab, peer->id.block);
  }
  *peer = (wpm_peer){.generation = peer->generation + 1, .u.next_free = store->first_free};
  store->first_free = slot;
}

static int set_id(wpm_store *store, wpm_peer *peer, wpm_bytes id) {
  uint8_t *bytes = peer->id.bytes;
  if (id.len > WPM_PEER_INLINE_ID) {
    int err = wpm_slab_take(&store->slab, id.len, &peer->id.block);
    if (err) {
      return err;
    }
    bytes = wpm_slab_at(&store->slab, peer->id.block);
  }
  if (id.len > 0) {
    memcpy(bytes, id.data, id.len);
  }
  peer->id_len = (uint8_t)id.len;
  return WPM_OK;
}

/* A held peer's slot becomes that of a peer of which nothing is known, its id and contact apart. */
static void begin_peer(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  peer->state = WPM_SLOT_HELD;
  peer->untold = true;
  peer->disconnect_time = WPM_WALL_NONE;
  peer->connected_time = WPM_WALL_NONE;
  peer->u.live = 0;
  memset(wpm_store_extra(store, slot), 0, store->stride - sizeof(*peer));
  store->count++;
}

static void tell_added(wpm_store *store, uint32_t slot) {
  wpm_store_peer(store, slot)->untold = false;
  wpm_feed_entry entry = {.slot = slot,
                          .generation = wpm_store_peer(store, slot)->generation,
                          .fields = WPM_FIELD_ALL,
                          .kind = WPM_CHANGE_ADDED};
  wpm_feed_push(&store->feed, &store->slab, &entry);
  store->changes++;
  store->dirty |= WPM_FIELD_ALL;
}

/* The spans that a detached peer of the same id leaves behind go to the new one. */
static void take_over(wpm_store *store, uint32_t from, uint32_t to) {
  const wpm_peer *left = wpm_store_peer(store, from);
  wpm_store_keep_spans(store, to, wpm_peer_wait(store, left, WPM_WAIT_PRUNE_BACKOFF),
                       wpm_peer_wait(store, left, WPM_WAIT_BAN));
  wpm_store_close_contact(store, to);
}

/* Gives a slot that is not in use yet an id, a contact where it is to have one, and a place in the map
 * where it is to be found. */
static int fill_slot(wpm_store *store, uint32_t slot, wpm_hashed_id id, bool contact, bool in_map) {
  int err = set_id(store, wpm_store_peer(store, slot), id.id);
  if (!err && contact) {
    err = wpm_store_open_contact(store, slot);
  }
  if (!err && in_map) {
    err = wpm_map_add_hashed(&store->by_id, id.hash, slot);
  }
  return err;
}

/* A new slot, detached so far. */
static int open_slot(wpm_store *store, wpm_hashed_id id, bool contact, bool in_map, uint32_t *out) {
  uint32_t slot;
  int err = peek_free(store, &slot);
  if (err) {
    return err;
  }
  wpm_peer *peer = wpm_store_peer(store, slot);
  uint32_t generation = peer->generation;
  uint32_t next_free = peer->u.next_free;
  err = fill_slot(store, slot, id, contact, in_map);
  if (err) {
    wpm_store_drop_contact(store, peer);
    if (peer->id_len > WPM_PEER_INLINE_ID) {
      wpm_slab_give(&store->slab, peer->id.block);
    }
    *peer = (wpm_peer){.generation = generation, .u.next_free = next_free};
    return err;
  }
  take_free(store, slot);
  peer->state = WPM_SLOT_DETACHED;
  peer->u.live = 0;
  *out = slot;
  return WPM_OK;
}

/* A new slot for `id`; `detached`: the slot that its last peer still uses, or none. */
static int add_slot(wpm_store *store, wpm_hashed_id id, uint32_t detached, uint32_t *out) {
  bool back = detached != WPM_SLOT_NONE;
  bool contact = back && wpm_store_peer(store, detached)->contact;
  int err = open_slot(store, id, contact, !back, out);
  if (err) {
    return err;
  }
  if (back) {
    wpm_map_replace(&store->by_id, id.id, *out);
  }
  if (contact) {
    take_over(store, detached, *out);
  }
  begin_peer(store, *out);
  return WPM_OK;
}

static bool is_hashed(const wpm_hashed_last *last, wpm_bytes id) {
  return id.len == last->len && memcmp(id.data, last->bytes, id.len) == 0;
}

static uint32_t hash_of(const wpm_store *store, wpm_bytes id) {
  const wpm_hashed_last *last = &store->hashed;
  return is_hashed(last, id) ? last->hash : wpm_map_hash(&store->by_id, id);
}

static uint32_t look_up(const wpm_store *store, wpm_bytes id) {
  return wpm_map_find_hashed(&store->by_id, id, hash_of(store, id));
}

int wpm_store_take_bare(wpm_store *store, wpm_bytes id, uint32_t *out) {
  const wpm_hashed_id hashed = {id, hash_of(store, id)};
  uint32_t there = wpm_map_find_hashed(&store->by_id, id, hashed.hash);
  if (there == WPM_SLOT_NONE) {
    return open_slot(store, hashed, true, true, out);
  }
  wpm_peer *peer = wpm_store_peer(store, there);
  *out = there;
  int err = wpm_store_open_contact(store, there);
  if (!err && peer->state == WPM_SLOT_TOMBSTONE) {
    wpm_heap_set(&store->tombstones, there, WPM_NEVER);
    store->tombstone_count--;
    peer->state = WPM_SLOT_DETACHED;
  }
  return err;
}

/* Who looked at a peer often changes it next: that takes no second hash. */
bool wpm_store_is_latest(const wpm_store *store, wpm_bytes id) {
  if (store->count == 0) {
    return false;
  }
  const wpm_peer *peer = wpm_store_peer(store, store->latest);
  if (peer->state != WPM_SLOT_HELD || peer->id_len != id.len) {
    return false;
  }
  wpm_bytes held = wpm_peer_id_of(store, peer);
  /* Ids of one kind differ at their end. */
  return id.len == 0 || (held.data[id.len - 1] == id.data[id.len - 1] && wpm_bytes_equal(held, id));
}

uint32_t wpm_store_find_any(const wpm_store *store, wpm_bytes id) {
  return wpm_store_is_latest(store, id) ? store->latest : look_up(store, id);
}

uint32_t wpm_store_find(const wpm_store *store, wpm_bytes id) {
  if (wpm_store_is_latest(store, id)) {
    return store->latest;
  }
  uint32_t slot = look_up(store, id);
  if (slot == WPM_SLOT_NONE || wpm_store_peer(store, slot)->state != WPM_SLOT_HELD) {
    return WPM_SLOT_NONE;
  }
  ((wpm_store *)(uintptr_t)store)->latest = slot;
  return slot;
}

/* The peer is back whose tombstone this is. */
static void revive(wpm_store *store, uint32_t slot) {
  wpm_heap_set(&store->tombstones, slot, WPM_NEVER);
  store->tombstone_count--;
  begin_peer(store, slot);
}

wpm_hashed_id wpm_store_hash(const wpm_store *store, wpm_bytes id) {
  wpm_hashed_last *last = &((wpm_store *)(uintptr_t)store)->hashed;
  const wpm_hashed_id hashed = {id, hash_of(store, id)};
  wpm_map_prefetch(&store->by_id, hashed.hash);
  if (id.len > 0 && id.len <= sizeof(last->bytes)) {
    last->hash = hashed.hash;
    last->len = id.len;
    memcpy(last->bytes, id.data, id.len);
  }
  return hashed;
}

static int take_hashed(wpm_store *store, wpm_hashed_id id, bool heard, wpm_taken *out) {
  *out = (wpm_taken){.victim = WPM_SLOT_NONE};
  if (id.id.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_INVALID;
  }
  uint32_t there = wpm_map_find_hashed(&store->by_id, id.id, id.hash);
  wpm_slot_state state =
      there == WPM_SLOT_NONE ? WPM_SLOT_FREE : (wpm_slot_state)wpm_store_peer(store, there)->state;
  out->slot = there;
  if (state == WPM_SLOT_HELD) {
    store->latest = there;
    return WPM_OK;
  }
  int err = wpm_store_is_full(store)
                ? WPM_ERR_FULL
                : wpm_store_choose_victim(store, heard, &out->victim, &out->cause);
  if (!err && state == WPM_SLOT_TOMBSTONE) {
    revive(store, there);
  } else if (!err) {
    err = add_slot(store, id, there, &out->slot);
  }
  if (err) {
    return err;
  }
  out->added = true;
  store->latest = out->slot;
  bool waits = wpm_store_peer(store, out->slot)->contact;
  wpm_store_settle(store, out->slot, waits ? wpm_store_arm(store, out->slot) : 0, 0, 0);
  return WPM_OK;
}

int wpm_store_take_hashed(wpm_store *store, wpm_hashed_id id, wpm_taken *out) {
  return take_hashed(store, id, false, out);
}

int wpm_store_take(wpm_store *store, wpm_bytes id, wpm_taken *out) {
  if (wpm_store_is_latest(store, id)) {
    *out = (wpm_taken){.slot = store->latest, .victim = WPM_SLOT_NONE};
    return WPM_OK;
  }
  return take_hashed(store, wpm_store_hash(store, id), false, out);
}

int wpm_store_take_heard(wpm_store *store, wpm_bytes id, wpm_taken *out) {
  return take_hashed(store, wpm_store_hash(store, id), true, out);
}

void wpm_store_give_up(wpm_store *store, const wpm_taken *taken) {
  if (taken->added) {
    wpm_store_remove_slot(store, taken->slot, WPM_CAUSE_FACT);
  }
}

void wpm_store_ask_for_parts(const wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->addresses) {
    wpm_prefetch(wpm_peer_addresses(store, peer), WPM_CACHE_LINE);
  }
  if (peer->contact) {
    wpm_prefetch(wpm_peer_contact(store, peer), WPM_CACHE_LINE);
  }
}

void wpm_store_ask_for_state(const wpm_store *store, uint32_t slot, wpm_connectivity next) {
  const uint32_t states = UINT32_C(0xf) << WPM_HAS_CONNECTIVITY;
  const uint32_t directions = UINT32_C(3) << WPM_HAS_DIRECTION;
  uint32_t leaves = wpm_store_peer(store, slot)->attributes & (states | directions);
  uint32_t takes = WPM_BIT(WPM_HAS_CONNECTIVITY + next) | WPM_BIT(WPM_HAS_DIALABLE);
  takes |= next == WPM_CONNECTED ? directions | WPM_BIT(WPM_HAS_HELD) : 0;
  wpm_indexes_prefetch(&store->indexes, slot, leaves | takes);
}

void wpm_store_ask_for_place(const wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  (void)wpm_store_hash(store, wpm_peer_id_of(store, peer));
  wpm_indexes_prefetch(&store->indexes, slot, peer->attributes);
}

static void evict(wpm_store *store, const wpm_taken *taken) {
  store->counters.evicted[taken->cause]++;
  if (store->evicting) {
    store->evicting(store->evicting_user, taken->victim, taken->cause);
  } else {
    wpm_store_remove_slot(store, taken->victim, taken->cause);
  }
}

void wpm_store_keep(wpm_store *store, const wpm_taken *taken) {
  if (taken->victim != WPM_SLOT_NONE) {
    evict(store, taken);
    wpm_store_ask_for_victims(store);
  }
  if (taken->added) {
    tell_added(store, taken->slot);
  }
}

/* ---- what follows from a change ---------------------------------------------------------------- */

#define FOLLOWS                                                                                    \
  (WPM_BIT(WPM_HAS_PRESENCE) | UINT32_C(0xf) << WPM_HAS_CONNECTIVITY | WPM_BIT(WPM_HAS_RELAY) |    \
   WPM_BIT(WPM_HAS_ADDRESS) | WPM_BIT(WPM_HAS_DIALABLE))

static uint32_t what_follows(const wpm_store *store, const wpm_peer *peer, uint32_t own) {
  const wpm_protocol_set *set =
      peer->protocols ? wpm_protocols_of(wpm_intern_at(&store->sets, peer->protocols)) : NULL;
  uint32_t held_back = WPM_BIT(WPM_HAS_WAIT) | WPM_BIT(WPM_HAS_BAN) | WPM_BIT(WPM_HAS_HELD_OFF);
  uint32_t all = WPM_BIT(WPM_HAS_PRESENCE);
  all |= WPM_BIT(WPM_HAS_CONNECTIVITY + wpm_peer_connectivity(peer));
  all |= set && set->relay ? WPM_BIT(WPM_HAS_RELAY) : 0;
  all |= peer->addresses ? WPM_BIT(WPM_HAS_ADDRESS) : 0;
  bool dialable = peer->addresses && peer->u.live == 0 && !(own & held_back);
  return all | (dialable ? WPM_BIT(WPM_HAS_DIALABLE) : 0);
}

static void count_kinds(wpm_store *store, uint32_t slot, wpm_evict_kind before,
                        wpm_evict_kind now) {
  if (before != now) {
    store->kinds[before]--;
    store->kinds[now]++;
    if (now != WPM_EVICT_NEVER) {
      wpm_evict_note(store, slot, now);
    }
  }
}

void wpm_store_settle(wpm_store *store, uint32_t slot, uint32_t set, uint32_t clear,
                      uint32_t fields) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  uint32_t before = peer->attributes;
  uint32_t own = ((before & ~FOLLOWS) & ~clear) | set;
  peer->attributes = own; /* Connectivity looks at HELD. */
  uint32_t now = peer->state == WPM_SLOT_HELD ? own | what_follows(store, peer, own) : 0;
  peer->attributes = now;
  uint32_t flips = (before ^ now) & (WPM_BIT(WPM_ATTRIBUTES) - 1);
  if (flips) { /* What a kind follows from is indexed. */
    count_kinds(store, slot, wpm_evict_kind_of(before), wpm_evict_kind_of(now));
    wpm_indexes_flip(&store->indexes, slot, flips, now);
  }
  wpm_indexes_touch(&store->indexes, slot);
  if (fields == 0) {
    return;
  }
  if (!peer->untold) {
    wpm_feed_entry entry = {
        .slot = slot, .generation = peer->generation, .fields = fields, .kind = WPM_CHANGE_UPDATED};
    wpm_feed_push(&store->feed, &store->slab, &entry);
  }
  store->dirty |= fields;
  if (fields != WPM_FIELD_RTT) {
    store->changes++;
  }
}

/* ---- forgetting -------------------------------------------------------------------------------- */

/* Drops the peer's tags and shards from their indexes. */
static void drop_named(wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  const uint8_t *facts = wpm_peer_facts(store, peer);
  size_t count;
  const uint8_t *shards = wpm_peer_shards(store, peer, &count);
  for (size_t i = 0; i < count; i++) {
    wpm_interned *name =
        wpm_intern_find(&store->shards, (wpm_bytes){shards + 2 * i, sizeof(uint16_t)});
    wpm_index_set(&store->indexes, wpm_name_index(name), slot, false);
    wpm_name_drop(store, &store->shards, name);
  }
  wpm_fact fact;
  size_t at = 0;
  wpm_index_set(&store->indexes, store->aging, slot, false);
  while (wpm_facts_next(facts, &at, &fact)) {
    if (fact.kind == WPM_FACT_TAG) {
      wpm_text tag = wpm_fact_name(&fact);
      wpm_interned *name =
          wpm_intern_find(&store->tags, (wpm_bytes){(const uint8_t *)tag.data, tag.len});
      wpm_index_set(&store->indexes, wpm_name_index(name), slot, false);
      wpm_name_drop(store, &store->tags, name);
    }
  }
}

/* Frees all the peer owns but its id and its contact. */
static void clear_peer(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_interned *set = wpm_intern_at(&store->sets, peer->protocols);
  wpm_protocols_reindex(store, set, NULL, slot);
  drop_named(store, slot);
  wpm_protocols_drop(store, set);
  wpm_intern_drop(&store->texts, wpm_intern_at(&store->texts, peer->agent));
  wpm_intern_drop(&store->texts, wpm_intern_at(&store->texts, peer->protocol_version));
  wpm_slab_give(&store->slab, peer->addresses);
  wpm_slab_give(&store->slab, peer->facts);
  if (peer->contact) {
    wpm_heap_set(&store->waits, slot, WPM_NEVER);
  }
  peer->protocols = peer->agent = peer->protocol_version = 0;
  peer->addresses = peer->facts = 0;
  peer->u.live = 0;
  peer->reason = WPM_REASON_NONE;
}

static void tell_removed(wpm_store *store, uint32_t slot, wpm_cause cause) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_bytes id = wpm_peer_id_of(store, peer);
  wpm_feed_entry entry = {
      .kind = WPM_CHANGE_REMOVED, .cause = (uint8_t)cause, .id_len = peer->id_len};
  if (id.len <= WPM_FEED_INLINE_ID) {
    memcpy(entry.id.bytes, id.data, id.len);
  } else if (wpm_slab_take(&store->slab, id.len, &entry.id.block) == WPM_OK) {
    memcpy(wpm_slab_at(&store->slab, entry.id.block), id.data, id.len);
  } else { /* Without memory for its id: whoever looks is told that it missed something. */
    wpm_feed_lose(&store->feed, &store->slab);
    return;
  }
  wpm_feed_push(&store->feed, &store->slab, &entry);
}

void wpm_store_detach(wpm_store *store, uint32_t slot, wpm_cause cause) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  assert(peer->state == WPM_SLOT_HELD);
  clear_peer(store, slot);
  peer->state = WPM_SLOT_DETACHED;
  wpm_store_settle(store, slot, 0, UINT32_MAX, 0);
  if (!peer->untold) {
    tell_removed(store, slot, cause);
  }
  peer->generation++;
  store->count--;
  store->changes++;
}

void wpm_store_release(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  assert(peer->state == WPM_SLOT_DETACHED);
  wpm_bytes id = wpm_peer_id_of(store, peer);
  if (look_up(store, id) != slot) { /* The peer is back, in another slot. */
    free_slot(store, slot);
    return;
  }
  wpm_store_bury(store, slot);
}

void wpm_store_drop_slot(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->state == WPM_SLOT_TOMBSTONE) {
    wpm_heap_set(&store->tombstones, slot, WPM_NEVER);
    store->tombstone_count--;
  }
  wpm_bytes id = wpm_peer_id_of(store, peer);
  bool removed = wpm_map_remove_hashed(&store->by_id, id, hash_of(store, id));
  assert(removed);
  (void)removed;
  free_slot(store, slot);
}

void wpm_store_remove_slot(wpm_store *store, uint32_t slot, wpm_cause cause) {
  wpm_store_detach(store, slot, cause);
  wpm_store_release(store, slot);
}

/* ---- by id ------------------------------------------------------------------------------------- */

size_t wpm_store_count(const wpm_store *store) {
  return store->count;
}

int wpm_store_add(wpm_store *store, wpm_bytes id, wpm_origin origin) {
  wpm_taken taken;
  int err =
      (unsigned)origin >= WPM_ORIGIN_COUNT ? WPM_ERR_INVALID : wpm_store_take(store, id, &taken);
  if (!err) {
    wpm_store_slot_origin(store, taken.slot, origin);
    wpm_store_keep(store, &taken);
  }
  return err;
}

int wpm_store_remove(wpm_store *store, wpm_bytes id) {
  uint32_t slot = wpm_store_find(store, id);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_store_remove_slot(store, slot, WPM_CAUSE_PERSON);
  return WPM_OK;
}
