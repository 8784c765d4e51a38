/* Records as their readers see them. */
#include "core/store.h"

#include "core/protocols.h"

#include "base/bytes.h"
#include "base/peer_id.h"
#include "base/prefetch.h"

#include <assert.h>

int64_t wpm_peer_rtt(const wpm_store *store, const wpm_peer *peer) {
  return peer->contact ? wpm_contact_rtt(wpm_peer_contact(store, peer)) : WPM_SPAN_NONE;
}

uint32_t wpm_peer_failures(const wpm_store *store, const wpm_peer *peer) {
  return peer->contact ? wpm_contact_head_of(wpm_peer_contact(store, peer))->failures : 0;
}

int32_t wpm_peer_score(const wpm_store *store, const wpm_peer *peer) {
  return peer->contact ? wpm_contact_score(wpm_peer_contact(store, peer)) : 0;
}

wpm_wait wpm_peer_wait(const wpm_store *store, const wpm_peer *peer, wpm_wait_kind kind) {
  return peer->contact ? wpm_contact_wait(wpm_peer_contact(store, peer), &store->origin, kind)
                       : (wpm_wait){.length_ns = 0};
}

uint32_t wpm_peer_address_count(const wpm_store *store, const wpm_peer *peer) {
  return peer->addresses ? wpm_addresses_count(wpm_peer_addresses(store, peer)) : 0;
}

wpm_address *wpm_peer_decode_addresses(const wpm_store *store, const wpm_peer *peer,
                                       size_t *count) {
  *count = wpm_peer_address_count(store, peer);
  if (*count > 0) {
    wpm_addresses_decode(wpm_peer_addresses(store, peer), store->draft.data);
  }
  return store->draft.data;
}

wpm_connectivity wpm_peer_connectivity(const wpm_peer *peer) {
  if (peer->u.live > 0) {
    return WPM_CONNECTED;
  }
  wpm_connectivity left = wpm_reason_leaves((wpm_reason)peer->reason);
  return left == WPM_NOT_CONNECTED && wpm_peer_has(peer, WPM_HAS_HELD) ? WPM_CANNOT_CONNECT : left;
}

/* 1 + the number of the lowest of `count` attributes from `first` on; 0: it has none. */
static unsigned one_of(const wpm_peer *peer, unsigned first, unsigned count) {
  uint32_t bits = peer->attributes >> first & (WPM_BIT(count) - 1);
  return bits ? 1u + (unsigned)__builtin_ctz(bits) : 0;
}

wpm_origin wpm_peer_origin(const wpm_peer *peer) {
  return (wpm_origin)one_of(peer, WPM_HAS_ORIGIN, WPM_ORIGIN_COUNT - 1);
}

wpm_direction wpm_peer_direction(const wpm_peer *peer) {
  return (wpm_direction)one_of(peer, WPM_HAS_DIRECTION, WPM_DIRECTION_COUNT - 1);
}

uint32_t wpm_peer_cluster(const wpm_store *store, const wpm_peer *peer) {
  uint32_t cluster = 0;
  wpm_bytes fact = wpm_facts_get(wpm_peer_facts(store, peer), WPM_FACT_SHARDS);
  if (fact.data) {
    memcpy(&cluster, fact.data, sizeof(cluster));
  }
  return cluster;
}

const uint8_t *wpm_peer_shards(const wpm_store *store, const wpm_peer *peer, size_t *count) {
  wpm_bytes fact = wpm_facts_get(wpm_peer_facts(store, peer), WPM_FACT_SHARDS);
  *count = fact.data ? (fact.len - sizeof(uint32_t)) / sizeof(uint16_t) : 0;
  return fact.data ? fact.data + sizeof(uint32_t) : NULL;
}

uint16_t wpm_shard_at(const uint8_t *shards, size_t index) {
  uint16_t shard;
  memcpy(&shard, shards + index * sizeof(shard), sizeof(shard));
  return shard;
}

int64_t wpm_peer_last_seen(const wpm_store *store, const wpm_peer *peer) {
  if (peer->u.live > 0) {
    return INT64_MAX;
  }
  wpm_wall last = peer->disconnect_time;
  last = peer->connected_time.ns > last.ns ? peer->connected_time : last;
  if (!wpm_wall_known(last) && peer->addresses) {
    last = wpm_addresses_last_seen(wpm_peer_addresses(store, peer));
  }
  return last.ns;
}

/* ---- records ----------------------------------------------------------------------------------- */

size_t wpm_store_view_size(size_t addresses, size_t shards, size_t tags, size_t app) {
  size_t size = addresses * sizeof(wpm_address) + tags * sizeof(wpm_tag) +
                app * sizeof(wpm_app_entry) + shards * sizeof(uint16_t);
  return (size + 15) / 16 * 16;
}

static wpm_text text_of(const wpm_interned *entry) {
  wpm_bytes string = wpm_interned_string(entry);
  return (wpm_text){(const char *)string.data, string.len};
}

/* A number in front of bytes. */
static uint64_t take_sequence(wpm_bytes *bytes) {
  uint64_t sequence = 0;
  if (bytes->data) {
    memcpy(&sequence, bytes->data, sizeof(sequence));
    bytes->data += sizeof(sequence);
    bytes->len -= sizeof(sequence);
  }
  return sequence;
}

static uint16_t *view_shards(wpm_bytes fact, uint8_t *at, wpm_peer_record *out) {
  size_t bytes = fact.len - sizeof(uint32_t);
  memcpy(&out->cluster_id, fact.data, sizeof(uint32_t));
  memcpy(at, fact.data + sizeof(uint32_t), bytes);
  out->shard_count = bytes / sizeof(uint16_t);
  return (void *)at;
}

static wpm_app_entry view_app(const wpm_fact *fact) {
  wpm_text key = wpm_fact_name(fact);
  size_t head = 1 + key.len;
  return (wpm_app_entry){key, {fact->bytes.data + head, fact->bytes.len - head}};
}

/* Counts what `facts` has of each kind. */
static void count_facts(const uint8_t *facts, size_t *tags, size_t *app) {
  wpm_fact fact;
  size_t at = 0;
  while (wpm_facts_next(facts, &at, &fact)) {
    *tags += fact.kind == WPM_FACT_TAG;
    *app += fact.kind == WPM_FACT_APP;
  }
}

/* The arrays lie behind one another, in falling order of alignment. */
static uint8_t *view_facts(const uint8_t *facts, uint8_t *at, wpm_peer_record *out) {
  count_facts(facts, &out->tag_count, &out->app_count);
  wpm_tag *tags = (void *)at;
  wpm_app_entry *app = (void *)(tags + out->tag_count);
  uint8_t *rest = (void *)(app + out->app_count);
  out->tags = tags;
  out->app = app;
  wpm_fact fact;
  size_t next = 0;
  while (wpm_facts_next(facts, &next, &fact)) {
    switch (fact.kind) {
    case WPM_FACT_KEY:
      out->public_key = fact.bytes;
      break;
    case WPM_FACT_OBSERVED:
      out->observed_address = fact.bytes;
      break;
    case WPM_FACT_SHARDS:
      out->shards = view_shards(fact.bytes, rest, out);
      break;
    case WPM_FACT_ENR:
      out->enr = fact.bytes;
      out->enr_sequence = take_sequence(&out->enr);
      break;
    case WPM_FACT_SIGNED:
      out->signed_record = fact.bytes;
      out->signed_sequence = take_sequence(&out->signed_record);
      break;
    case WPM_FACT_TAG:
      *tags++ = wpm_fact_tag(&fact);
      break;
    case WPM_FACT_APP:
      *app++ = view_app(&fact);
      break;
    }
  }
  return rest + out->shard_count * sizeof(uint16_t);
}

static void view_contact(const wpm_store *store, const uint8_t *packed, wpm_peer_record *out) {
  wpm_contact unpacked;
  const wpm_contact *contact = &unpacked;
  wpm_contact_decode(packed, &store->origin, &unpacked);
  out->failures = contact->failures;
  out->first_failure = contact->first_failure;
  out->last_failure = contact->last_failure;
  out->rtt_ns = contact->rtt_ns;
  out->score = contact->score;
  out->prune_backoff = contact->waits[WPM_WAIT_PRUNE_BACKOFF];
  out->retry_delay = contact->waits[WPM_WAIT_RETRY_DELAY];
  out->mismatch_delay = contact->waits[WPM_WAIT_MISMATCH_DELAY];
  out->ban = contact->waits[WPM_WAIT_BAN];
}

static void view_slot(const wpm_store *store, const wpm_peer *peer, wpm_peer_record *out) {
  const wpm_protocol_set *set = wpm_protocols_of(wpm_intern_at(&store->sets, peer->protocols));
  *out = (wpm_peer_record){
      .id = wpm_peer_id_of(store, peer),
      .protocols = set ? set->protocols : NULL,
      .protocol_count = set ? set->count : 0,
      .protocols_known = wpm_peer_has(peer, WPM_HAS_PROTOCOLS_KNOWN),
      .agent = text_of(wpm_intern_at(&store->texts, peer->agent)),
      .protocol_version = text_of(wpm_intern_at(&store->texts, peer->protocol_version)),
      .metadata_known = wpm_peer_has(peer, WPM_HAS_METADATA_KNOWN),
      .capabilities_known = wpm_peer_has(peer, WPM_HAS_CAPABILITIES_KNOWN),
      .capabilities = (uint8_t)(peer->attributes >> WPM_HAS_CAPABILITY),
      .connectivity = (wpm_connectivity)__builtin_ctz(peer->attributes | 1u << 4),
      .reason = (wpm_reason)peer->reason,
      .disconnect_time = peer->disconnect_time,
      .connected_time = peer->connected_time,
      .origin = wpm_peer_origin(peer),
      .direction = wpm_peer_direction(peer),
      .first_failure = WPM_WALL_NONE,
      .last_failure = WPM_WALL_NONE,
      .rtt_ns = WPM_SPAN_NONE,
      .is_static = wpm_peer_has(peer, WPM_HAS_STATIC),
      .held = wpm_peer_has(peer, WPM_HAS_HELD),
      .held_off = wpm_peer_has(peer, WPM_HAS_HELD_OFF),
  };
}

#define MOST_PREFETCHED (6 * WPM_CACHE_LINE) /* Of one part: the rest of a long one is read on. */

static inline __attribute__((always_inline)) void prefetch_block(const wpm_store *store,
                                                                 wpm_block block) {
  size_t room = wpm_slab_room(&store->slab, block);
  wpm_prefetch(wpm_slab_at(&store->slab, block), room < MOST_PREFETCHED ? room : MOST_PREFETCHED);
}

/* Asks for all that a record is made of at once, so that none waits for the other. */
static inline __attribute__((always_inline)) void prefetch_parts(const wpm_store *store,
                                                                 const wpm_peer *peer) {
  const wpm_block blocks[] = {peer->addresses, peer->facts, peer->contact};
  for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
    if (blocks[i]) {
      prefetch_block(store, blocks[i]);
    }
  }
}

void wpm_store_record(const wpm_store *store, uint32_t slot, size_t *used, wpm_peer_record *out) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  uint8_t *at = (uint8_t *)store->views.data + *used;
  prefetch_parts(store, peer);
  view_slot(store, peer, out);
  if (peer->contact) {
    view_contact(store, wpm_peer_contact(store, peer), out);
  }
  if (peer->addresses) {
    const uint8_t *packed = wpm_peer_addresses(store, peer);
    wpm_address *addresses = (void *)at;
    wpm_addresses_decode(packed, addresses);
    out->address_count = wpm_addresses_count(packed);
    out->addresses = addresses;
    at += out->address_count * sizeof(*addresses);
  }
  if (peer->facts) {
    at = view_facts(wpm_peer_facts(store, peer), at, out);
  }
  if (wpm_peer_has(peer, WPM_HAS_KEY) && out->public_key.len == 0 &&
      wpm_peer_id_inline_key(out->id, &out->public_key) != WPM_OK) {
    out->public_key = (wpm_bytes){NULL, 0};
  }
  size_t end = (size_t)(at - (uint8_t *)store->views.data);
  *used = (end + 15) / 16 * 16;
  assert(*used <= store->views.size);
}

int wpm_store_count_addresses(const wpm_store *store, wpm_bytes id, size_t *count) {
  uint32_t slot = wpm_store_find(store, id);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  *count = wpm_peer_address_count(store, wpm_store_peer(store, slot));
  return WPM_OK;
}

int wpm_store_get(const wpm_store *store, wpm_bytes id, wpm_peer_record *out) {
  uint32_t slot = wpm_store_find(store, id);
  size_t used = 0;
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_store_record(store, slot, &used, out);
  return WPM_OK;
}

/* ---- many at once ------------------------------------------------------------------------------ */

#define GROUP 16 /* Look-ups under way at once: what they fetch fits the first cache. */

/* The slots of up to GROUP ids; what their records are made of is on its way. */
static void find_group(const wpm_store *store, const wpm_bytes *ids, size_t count,
                       uint32_t *slots) {
  uint32_t hashes[GROUP];
  for (size_t i = 0; i < count; i++) {
    hashes[i] = wpm_map_hash(&store->by_id, ids[i]);
    wpm_map_prefetch(&store->by_id, hashes[i]);
  }
  for (size_t i = 0; i < count; i++) {
    slots[i] = wpm_map_guess(&store->by_id, hashes[i]);
    if (slots[i] != WPM_SLOT_NONE) {
      wpm_prefetch(wpm_store_peer(store, slots[i]), sizeof(wpm_peer));
    }
  }
  for (size_t i = 0; i < count; i++) {
    slots[i] = wpm_map_find_hashed(&store->by_id, ids[i], hashes[i]);
    const wpm_peer *peer = slots[i] == WPM_SLOT_NONE ? NULL : wpm_store_peer(store, slots[i]);
    if (peer && peer->state == WPM_SLOT_HELD) {
      prefetch_parts(store, peer);
    } else {
      slots[i] = WPM_SLOT_NONE;
    }
  }
}

size_t wpm_store_find_many(const wpm_store *store, const wpm_bytes *ids, size_t count,
                           wpm_peer_ref *out) {
  uint32_t slots[GROUP];
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % GROUP == 0) {
      find_group(store, ids + i, count - i < GROUP ? count - i : GROUP, slots);
    }
    uint32_t slot = slots[i % GROUP];
    bool held = slot != WPM_SLOT_NONE;
    out[i] = (wpm_peer_ref){slot, held ? wpm_store_peer(store, slot)->generation : 0};
    found += held;
  }
  return found;
}

size_t wpm_store_get_many(const wpm_store *store, const wpm_bytes *ids, size_t count,
                          wpm_peer_record *out) {
  size_t found = 0;
  size_t used = 0;
  assert(count <= WPM_GET_MANY_MAX);
  uint32_t slots[GROUP];
  for (size_t i = 0; i < count; i++) {
    if (i % GROUP == 0) {
      find_group(store, ids + i, count - i < GROUP ? count - i : GROUP, slots);
    }
    if (slots[i % GROUP] != WPM_SLOT_NONE) {
      wpm_store_record(store, slots[i % GROUP], &used, &out[i]);
      found++;
    } else {
      out[i] = (wpm_peer_record){.id = {NULL, 0}};
    }
  }
  return found;
}

int wpm_store_ref(const wpm_store *store, wpm_bytes id, wpm_peer_ref *out) {
  uint32_t slot = wpm_store_find(store, id);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  *out = (wpm_peer_ref){slot, wpm_store_peer(store, slot)->generation};
  return WPM_OK;
}

int wpm_store_at(const wpm_store *store, wpm_peer_ref ref, wpm_peer_record *out) {
  size_t used = 0;
  if (ref.slot >= store->slots) {
    return WPM_ERR_NOT_FOUND;
  }
  const wpm_peer *peer = wpm_store_peer(store, ref.slot);
  if (peer->state != WPM_SLOT_HELD || peer->generation != ref.generation) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_store_record(store, ref.slot, &used, out);
  return WPM_OK;
}

bool wpm_store_next(const wpm_store *store, uint64_t *cursor, wpm_peer_record *out) {
  size_t used = 0;
  while (*cursor < store->slots) {
    uint32_t slot = (uint32_t)(*cursor)++;
    if (wpm_store_peer(store, slot)->state == WPM_SLOT_HELD) {
      wpm_store_record(store, slot, &used, out);
      return true;
    }
  }
  return false;
}
