#include "core/store_parts.h"

#include "core/protocols.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>

static wpm_peer *peer_of(const wpm_parts *parts) {
  return wpm_store_peer(parts->store, parts->slot);
}

/* ---- blocks ------------------------------------------------------------------------------------ */

/* A block with the bytes that the store's buffer holds. */
static int take_block(wpm_store *store, size_t size, wpm_block *out) {
  *out = 0;
  if (size == 0) {
    return WPM_OK;
  }
  int err = wpm_slab_take(&store->slab, size, out);
  if (!err) {
    memcpy(wpm_slab_at(&store->slab, *out), store->bytes.data, size);
  }
  return err;
}

static bool holds(const wpm_store *store, const uint8_t *old, size_t old_size, size_t size) {
  return old_size == size && (size == 0 || memcmp(old, store->bytes.data, size) == 0);
}

/* ---- addresses --------------------------------------------------------------------------------- */

int wpm_parts_draft(wpm_parts *parts, size_t added, wpm_address_draft *out) {
  wpm_store *store = parts->store;
  size_t held = wpm_peer_address_count(store, peer_of(parts));
  *out = (wpm_address_draft){.cap = store->config.max_addresses};
  if (added > SIZE_MAX / 4 / sizeof(wpm_address)) {
    return WPM_ERR_NO_MEMORY;
  }
  int err = wpm_store_scratch_reserve(&store->draft, (held + added + 1) * sizeof(wpm_address));
  if (!err) {
    out->items = store->draft.data;
    (void)wpm_peer_decode_addresses(store, peer_of(parts), &out->count);
  }
  return err;
}

static size_t encode(wpm_store *store, const wpm_address_draft *draft) {
  return draft->count > 0 ? wpm_addresses_encode(draft->items, draft->count, store->bytes.data) : 0;
}

int wpm_parts_addresses(wpm_parts *parts, const wpm_address_draft *draft) {
  wpm_store *store = parts->store;
  wpm_peer *peer = peer_of(parts);
  size_t size = wpm_addresses_bound(draft->items, draft->count);
  int err =
      size > UINT32_MAX / 2 ? WPM_ERR_NO_MEMORY : wpm_store_scratch_reserve(&store->bytes, size);
  if (err) {
    return err;
  }
  size = encode(store, draft);
  const uint8_t *old = wpm_peer_addresses(store, peer);
  if (holds(store, old, old ? wpm_addresses_packed_size(old) : 0, size)) {
    return WPM_OK;
  }
  err = take_block(store, size, &parts->addresses);
  if (!err) {
    parts->has_addresses = true;
    parts->fields |= old && wpm_addresses_same_but_times(old, draft->items, draft->count)
                         ? WPM_FIELD_ADDRESS_TIMES
                         : WPM_FIELD_ADDRESSES;
  }
  return err;
}

void wpm_parts_shrink_addresses(wpm_store *store, uint32_t slot, const wpm_address_draft *draft) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  assert(draft->count == 0 || wpm_addresses_bound(draft->items, draft->count) <= store->bytes.size);
  size_t size = encode(store, draft);
  wpm_block fresh = 0;
  if (size > 0 && wpm_slab_size_for(size) < wpm_slab_room(&store->slab, peer->addresses)) {
    int err = take_block(store, size, &fresh); /* Where there is no memory, the old block does. */
    fresh = err ? 0 : fresh;
  }
  if (size > 0 && !fresh) {
    memcpy(wpm_slab_at(&store->slab, peer->addresses), store->bytes.data, size);
    return;
  }
  wpm_slab_give(&store->slab, peer->addresses);
  peer->addresses = fresh;
}

/* ---- facts ------------------------------------------------------------------------------------- */

/* The facts to build on. */
static const uint8_t *facts_of(const wpm_parts *parts) {
  if (parts->has_facts) {
    return parts->facts ? wpm_slab_at(&parts->store->slab, parts->facts) : NULL;
  }
  return wpm_peer_facts(parts->store, peer_of(parts));
}

static uint32_t field_of(wpm_fact_kind kind) {
  switch (kind) {
  case WPM_FACT_KEY:
    return WPM_FIELD_KEY;
  case WPM_FACT_OBSERVED:
    return WPM_FIELD_OBSERVED;
  case WPM_FACT_SHARDS:
  case WPM_FACT_ENR:
    return WPM_FIELD_METADATA;
  case WPM_FACT_SIGNED:
    return WPM_FIELD_SIGNED_RECORD;
  case WPM_FACT_TAG:
    return WPM_FIELD_TAGS;
  case WPM_FACT_APP:
    return WPM_FIELD_APP;
  }
  return 0;
}

static uint32_t fields_between(const uint8_t *old, const uint8_t *fresh) {
  unsigned differ = wpm_facts_differ(old, fresh);
  uint32_t fields = 0;
  for (; differ; differ &= differ - 1) {
    fields |= field_of((wpm_fact_kind)__builtin_ctz(differ));
  }
  return fields;
}

static int take_facts(wpm_parts *parts, size_t size) {
  wpm_store *store = parts->store;
  const uint8_t *old = facts_of(parts);
  if (holds(store, old, wpm_facts_size(old), size)) {
    return WPM_OK;
  }
  wpm_block fresh;
  int err = take_block(store, size, &fresh);
  if (err) {
    return err;
  }
  parts->fields |= fields_between(old, fresh ? wpm_slab_at(&store->slab, fresh) : NULL);
  if (parts->has_facts) {
    wpm_slab_give(&store->slab, parts->facts);
  }
  parts->has_facts = true;
  parts->facts = fresh;
  return WPM_OK;
}

int wpm_parts_facts(wpm_parts *parts, const wpm_fact_source *sources, size_t count) {
  size_t size = wpm_facts_size_of(sources, count);
  int err = size > UINT32_MAX / 2 ? WPM_ERR_NO_MEMORY
                                  : wpm_store_scratch_reserve(&parts->store->bytes, size);
  if (err) {
    return err;
  }
  if (size > 0) {
    wpm_facts_write(sources, count, parts->store->bytes.data);
  }
  return take_facts(parts, size);
}

int wpm_parts_fact(wpm_parts *parts, const wpm_fact_source *source, wpm_text name, bool remove) {
  size_t added = wpm_facts_size_of(source, 1);
  if (added > UINT32_MAX / 2) {
    return WPM_ERR_TOO_LARGE;
  }
  const uint8_t *old = facts_of(parts);
  int err = wpm_store_scratch_reserve(&parts->store->bytes, wpm_facts_size(old) + added);
  if (err) {
    return err;
  }
  size_t size = wpm_facts_replace(old, source, name, remove, parts->store->bytes.data);
  return take_facts(parts, size);
}

static int compare_shards(const void *a, const void *b) {
  const uint16_t *x = a;
  const uint16_t *y = b;
  return (*x > *y) - (*x < *y);
}

static bool are_sorted(const uint16_t *shards, size_t count) {
  size_t i = 1;
  while (i < count && shards[i] > shards[i - 1]) {
    i++;
  }
  return i >= count;
}

size_t wpm_shards_sort(uint16_t *shards, size_t count) {
  if (are_sorted(shards, count)) {
    return count;
  }
  qsort(shards, count, sizeof(*shards), compare_shards);
  size_t unique = 1;
  for (size_t i = 1; i < count; i++) {
    if (shards[i] != shards[unique - 1]) {
      shards[unique++] = shards[i];
    }
  }
  return unique;
}

#define FEW_SHARDS 128

int wpm_parts_shards(wpm_parts *parts, uint32_t cluster_id, const uint16_t *shards, size_t count) {
  uint16_t few[FEW_SHARDS];
  uint16_t *sorted = few;
  if (count > SIZE_MAX / 2 / sizeof(*shards)) {
    return WPM_ERR_NO_MEMORY;
  }
  if (count > FEW_SHARDS) {
    sorted = malloc(count * sizeof(*shards));
  }
  if (!sorted) {
    return WPM_ERR_NO_MEMORY;
  }
  if (count > 0) {
    memcpy(sorted, shards, count * sizeof(*shards));
  }
  count = wpm_shards_sort(sorted, count);
  wpm_fact_source source = {WPM_FACT_SHARDS,
                            {{(const uint8_t *)&cluster_id, sizeof(cluster_id)},
                             {(const uint8_t *)sorted, count * sizeof(*sorted)},
                             {NULL, 0}}};
  bool none = cluster_id == 0 && count == 0;
  int err = wpm_parts_fact(parts, &source, (wpm_text){NULL, 0}, none);
  if (sorted != few) {
    free(sorted);
  }
  return err;
}

/* ---- interned ---------------------------------------------------------------------------------- */

int wpm_parts_protocols(wpm_parts *parts, const wpm_text *protocols, size_t count) {
  wpm_store *store = parts->store;
  wpm_interned *held = wpm_intern_at(&store->sets, peer_of(parts)->protocols);
  const wpm_protocol_set *set = wpm_protocols_of(held);
  /* What has not changed needs no look-up. */
  bool same = set && set->count == count;
  for (size_t i = 0; same && i < count; i++) {
    same = wpm_text_equal(set->protocols[i], protocols[i]);
  }
  if (same) {
    return WPM_OK;
  }
  wpm_interned *taken;
  int err = wpm_protocols_take(store, protocols, count, &taken);
  if (err) {
    return err;
  }
  if (taken == held) {
    wpm_protocols_drop(store, taken);
    return WPM_OK;
  }
  parts->has_protocols = true;
  parts->protocols = taken;
  parts->fields |= WPM_FIELD_PROTOCOLS;
  return WPM_OK;
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

static int take_text(wpm_parts *parts, wpm_text text, uint32_t held, bool *has,
                     wpm_interned **out) {
  wpm_store *store = parts->store;
  wpm_bytes string = cut(text, store->config.max_text);
  const wpm_interned *old = wpm_intern_at(&store->texts, held);
  if (wpm_bytes_equal(wpm_interned_string(old), string)) {
    return WPM_OK;
  }
  bool fresh;
  int err = string.len > 0 ? wpm_intern_take(&store->texts, string, 0, out, &fresh) : WPM_OK;
  if (!err) {
    *has = true;
    parts->fields |= WPM_FIELD_AGENT;
  }
  return err;
}

int wpm_parts_agent(wpm_parts *parts, wpm_text agent) {
  return take_text(parts, agent, peer_of(parts)->agent, &parts->has_agent, &parts->agent);
}

int wpm_parts_protocol_version(wpm_parts *parts, wpm_text version) {
  return take_text(parts, version, peer_of(parts)->protocol_version, &parts->has_protocol_version,
                   &parts->protocol_version);
}

/* ---- the names of tags and shards -------------------------------------------------------------- */

/* Walks the names in a list of facts, tags and shards alike. */
typedef struct name_walk {
  size_t next;      /* Where the next fact is. */
  wpm_bytes shards; /* Shards not told yet. */
} name_walk;

static bool next_name(wpm_store *store, const uint8_t *facts, name_walk *walk, wpm_intern **table,
                      wpm_bytes *name) {
  wpm_fact fact;
  if (walk->shards.len == 0) {
    do {
      if (!wpm_facts_next(facts, &walk->next, &fact)) {
        return false;
      }
    } while (fact.kind != WPM_FACT_TAG &&
             (fact.kind != WPM_FACT_SHARDS || fact.bytes.len == sizeof(uint32_t)));
    if (fact.kind == WPM_FACT_TAG) {
      wpm_text tag = wpm_fact_name(&fact);
      *table = &store->tags;
      *name = (wpm_bytes){(const uint8_t *)tag.data, tag.len};
      return true;
    }
    walk->shards =
        (wpm_bytes){fact.bytes.data + sizeof(uint32_t), fact.bytes.len - sizeof(uint32_t)};
  }
  *table = &store->shards;
  *name = (wpm_bytes){walk->shards.data, sizeof(uint16_t)};
  walk->shards.data += sizeof(uint16_t);
  walk->shards.len -= sizeof(uint16_t);
  return true;
}

/* Lets go of the first `count` names. */
static void drop_names(wpm_store *store, const uint8_t *facts, size_t count) {
  name_walk walk = {0};
  wpm_intern *table;
  wpm_bytes name;
  for (size_t i = 0; i < count && next_name(store, facts, &walk, &table, &name); i++) {
    wpm_name_drop(store, table, wpm_intern_find(table, name));
  }
}

/* Makes room for a peer in the index of those that age. */
static int reserve_aging(wpm_store *store, uint32_t slot) {
  int err = store->aging == 0 ? wpm_indexes_add(&store->indexes, &store->aging) : WPM_OK;
  return err ? err : wpm_index_reserve(&store->indexes, store->aging, slot);
}

/* Holds every name and makes room in its index. */
static int take_names(wpm_store *store, const uint8_t *facts, uint32_t slot) {
  name_walk walk = {0};
  wpm_intern *table;
  wpm_bytes name;
  size_t taken = 0;
  int err = WPM_OK;
  while (!err && next_name(store, facts, &walk, &table, &name)) {
    wpm_interned *entry;
    err = wpm_name_take(store, table, name, &entry);
    if (!err) {
      taken++;
      err = wpm_index_reserve(&store->indexes, wpm_name_index(entry), slot);
    }
  }
  if (!err && wpm_facts_age(facts)) {
    err = reserve_aging(store, slot);
  }
  if (err) {
    drop_names(store, facts, taken);
  }
  return err;
}

static bool has_shard(wpm_bytes shards, uint16_t shard) {
  size_t low = 0;
  size_t high = shards.len / sizeof(uint16_t);
  while (low < high) {
    size_t middle = (low + high) / 2;
    uint16_t there = wpm_shard_at(shards.data, middle);
    if (there == shard) {
      return true;
    }
    *(there < shard ? &low : &high) = there < shard ? middle + 1 : middle;
  }
  return false;
}

/* The peer has the names of `fresh` and no longer those of `old`. Those it gets first: an index whose
 * last peer goes gives its page back. */
static void reindex_names(wpm_store *store, const uint8_t *old, const uint8_t *fresh,
                          uint32_t slot) {
  name_walk walk = {0};
  wpm_intern *table;
  wpm_bytes name;
  wpm_bytes shards = wpm_facts_get(fresh, WPM_FACT_SHARDS);
  if (shards.data) {
    shards.data += sizeof(uint32_t);
    shards.len -= sizeof(uint32_t);
  }
  wpm_index_set(&store->indexes, store->aging, slot, wpm_facts_age(fresh));
  while (next_name(store, fresh, &walk, &table, &name)) {
    wpm_index_set(&store->indexes, wpm_name_index(wpm_intern_find(table, name)), slot, true);
  }
  walk = (name_walk){0};
  while (next_name(store, old, &walk, &table, &name)) {
    wpm_text text = {(const char *)name.data, name.len};
    bool stays = table == &store->shards
                     ? has_shard(shards, wpm_shard_at(name.data, 0))
                     : wpm_facts_get_named(fresh, WPM_FACT_TAG, text).data != NULL;
    if (!stays) {
      wpm_index_set(&store->indexes, wpm_name_index(wpm_intern_find(table, name)), slot, false);
    }
  }
}

/* A tag is gone: nobody of its name is left, as far as this peer goes. */
static void forget_tag(wpm_store *store, uint32_t slot, wpm_text name) {
  wpm_interned *entry =
      wpm_intern_find(&store->tags, (wpm_bytes){(const uint8_t *)name.data, name.len});
  wpm_index_set(&store->indexes, wpm_name_index(entry), slot, false);
  wpm_name_drop(store, &store->tags, entry);
}

bool wpm_parts_remove_fact(wpm_store *store, uint32_t slot, wpm_fact_kind kind, wpm_text name) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  uint8_t *old = wpm_peer_facts(store, peer);
  bool named = kind == WPM_FACT_TAG || kind == WPM_FACT_APP;
  wpm_bytes held = named ? wpm_facts_get_named(old, kind, name) : wpm_facts_get(old, kind);
  if (!held.data) {
    return false;
  }
  assert(wpm_facts_size(old) <= store->bytes.size);
  wpm_fact_source source = {.kind = kind};
  size_t size = wpm_facts_replace(old, &source, name, true, store->bytes.data);
  if (kind == WPM_FACT_TAG) {
    forget_tag(store, slot, name);
  }
  wpm_block fresh = 0;
  if (size > 0 && wpm_slab_size_for(size) < wpm_slab_room(&store->slab, peer->facts)) {
    int err = take_block(store, size, &fresh); /* Where there is no memory, the old block does. */
    fresh = err ? 0 : fresh;
  }
  if (kind == WPM_FACT_TAG) {
    wpm_index_set(&store->indexes, store->aging, slot,
                  size > 0 && wpm_facts_age(store->bytes.data));
  }
  if (size > 0 && !fresh) {
    memcpy(old, store->bytes.data, size);
    return true;
  }
  wpm_slab_give(&store->slab, peer->facts);
  peer->facts = fresh;
  return true;
}

/* ---- swapping in ------------------------------------------------------------------------------- */

/* Room for the views of what was built. */
static int reserve_views(const wpm_parts *parts) {
  wpm_store *store = parts->store;
  const uint8_t *facts = facts_of(parts);
  wpm_bytes shards = wpm_facts_get(facts, WPM_FACT_SHARDS);
  size_t addresses = wpm_peer_address_count(store, peer_of(parts));
  size_t tags = 0;
  size_t app = 0;
  size_t at = 0;
  wpm_fact fact;
  while (wpm_facts_next(facts, &at, &fact)) {
    tags += fact.kind == WPM_FACT_TAG;
    app += fact.kind == WPM_FACT_APP;
  }
  if (parts->has_addresses) {
    addresses =
        parts->addresses ? wpm_addresses_count(wpm_slab_at(&store->slab, parts->addresses)) : 0;
  }
  return wpm_store_reserve_views(store, addresses, shards.data ? shards.len / sizeof(uint16_t) : 0,
                                 tags, app);
}

int wpm_parts_reserve(wpm_parts *parts) {
  wpm_store *store = parts->store;
  int err = parts->has_addresses || parts->has_facts ? reserve_views(parts) : WPM_OK;
  if (!err && parts->has_protocols) {
    err = wpm_protocols_reserve(store, parts->protocols, parts->slot);
  }
  if (!err && parts->has_facts) {
    err = take_names(store, facts_of(parts), parts->slot);
  }
  return err;
}

void wpm_parts_drop(wpm_parts *parts) {
  wpm_store *store = parts->store;
  wpm_slab_give(&store->slab, parts->addresses);
  wpm_slab_give(&store->slab, parts->facts);
  wpm_protocols_drop(store, parts->protocols);
  wpm_intern_drop(&store->texts, parts->agent);
  wpm_intern_drop(&store->texts, parts->protocol_version);
}

static void swap_facts(wpm_parts *parts, wpm_peer *peer) {
  wpm_store *store = parts->store;
  const uint8_t *old = wpm_peer_facts(store, peer);
  reindex_names(store, old, facts_of(parts), parts->slot);
  drop_names(store, old, SIZE_MAX);
  wpm_slab_give(&store->slab, peer->facts);
  peer->facts = parts->facts;
}

uint32_t wpm_parts_swap(wpm_parts *parts) {
  wpm_store *store = parts->store;
  wpm_peer *peer = peer_of(parts);
  if (parts->has_addresses) {
    wpm_slab_give(&store->slab, peer->addresses);
    peer->addresses = parts->addresses;
  }
  if (parts->has_facts) {
    swap_facts(parts, peer);
  }
  if (parts->has_protocols) {
    wpm_interned *old = wpm_intern_at(&store->sets, peer->protocols);
    wpm_protocols_reindex(store, old, parts->protocols, parts->slot);
    wpm_protocols_drop(store, old);
    peer->protocols = wpm_intern_handle(parts->protocols);
  }
  if (parts->has_agent) {
    wpm_intern_drop(&store->texts, wpm_intern_at(&store->texts, peer->agent));
    peer->agent = wpm_intern_handle(parts->agent);
  }
  if (parts->has_protocol_version) {
    wpm_intern_drop(&store->texts, wpm_intern_at(&store->texts, peer->protocol_version));
    peer->protocol_version = wpm_intern_handle(parts->protocol_version);
  }
  return parts->fields;
}
