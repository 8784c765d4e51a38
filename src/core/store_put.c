/* Whole records, for example from disk. */
#include "core/store_parts.h"

#include "core/wait.h"

#include "base/bytes.h"
#include "base/peer_id.h"

#include <stdlib.h>

static bool are_valid(const wpm_address *addresses, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if ((unsigned)addresses[i].source >= WPM_ADDRESS_SOURCE_COUNT || addresses[i].ttl_ns < 0) {
      return false;
    }
  }
  return true;
}

static bool is_valid(const wpm_peer_record *record) {
  return are_valid(record->addresses, record->address_count) &&
         (unsigned)record->reason < WPM_REASON_COUNT &&
         (unsigned)record->origin < WPM_ORIGIN_COUNT &&
         (unsigned)record->direction < WPM_DIRECTION_COUNT &&
         record->public_key.len <= UINT16_MAX &&
         record->observed_address.len <= WPM_MULTIADDR_MAX && record->enr.len <= UINT16_MAX &&
         record->signed_record.len <= UINT16_MAX;
}

/* ---- addresses --------------------------------------------------------------------------------- */

/* Those of a live connection stay marked so. */
static int put_addresses(wpm_parts *parts, const wpm_peer_record *record) {
  wpm_store *store = parts->store;
  const wpm_peer *peer = wpm_store_peer(store, parts->slot);
  size_t count = record->address_count;
  if (peer->addresses &&
      wpm_addresses_same(wpm_peer_addresses(store, peer), record->addresses, count)) {
    return WPM_OK;
  }
  size_t held = wpm_peer_address_count(store, peer);
  wpm_address_draft old;
  int err = count > SIZE_MAX / 8 / sizeof(wpm_address) ? WPM_ERR_NO_MEMORY
                                                       : wpm_parts_draft(parts, held + count, &old);
  if (err) {
    return err;
  }
  wpm_address_draft draft = {.items = old.items + old.count, .cap = store->config.max_addresses};
  for (size_t i = 0; i < count; i++) {
    wpm_address item = record->addresses[i];
    /* Where nothing moved, the address is at its old place. */
    const wpm_address *was =
        i < old.count && wpm_bytes_equal(old.items[i].multiaddr, item.multiaddr)
            ? &old.items[i]
            : wpm_draft_find(&old, item.multiaddr);
    bool live = was && was->confidence == WPM_CONFIDENCE_CONNECTED;
    item.confidence = live ? WPM_CONFIDENCE_CONNECTED : WPM_CONFIDENCE_HEARD;
    wpm_draft_put(&draft, &item, was != NULL);
  }
  return wpm_parts_addresses(parts, &draft);
}

/* ---- facts ------------------------------------------------------------------------------------- */

/* Sources under construction, with what they point to. */
typedef struct fact_list {
  wpm_fact_source *sources;
  size_t count;
  uint8_t (*marks)[WPM_TAG_MARKS]; /* Those of each tag. */
  uint8_t *key_lens;               /* One for each entry of the application map. */
  uint16_t *shards;                /* Sorted. */
  size_t shard_count;
} fact_list;

static void add_fact(fact_list *list, wpm_fact_kind kind, wpm_bytes one, wpm_bytes two,
                     wpm_bytes three) {
  list->sources[list->count++] = (wpm_fact_source){kind, {one, two, three}};
}

static const wpm_bytes nothing = {NULL, 0};

static wpm_bytes view_of(const void *data, size_t len) {
  return (wpm_bytes){data, len};
}

/* Where a name belongs among the facts from `first` on, whose name is piece number `piece`; SIZE_MAX:
 * it is there already. */
static size_t place_of(const fact_list *list, size_t first, size_t piece, wpm_bytes name) {
  size_t at = list->count;
  while (at > first) {
    int order = wpm_bytes_compare(list->sources[at - 1].pieces[piece], name);
    if (order == 0) {
      return SIZE_MAX;
    }
    if (order < 0) {
      break;
    }
    at--;
  }
  return at;
}

static void insert_fact(fact_list *list, size_t at, wpm_fact_source source) {
  memmove(&list->sources[at + 1], &list->sources[at], (list->count - at) * sizeof(*list->sources));
  list->sources[at] = source;
  list->count++;
}

/* Those without a name or with too long a one are left out. */
static void add_tags(const wpm_store *store, const wpm_peer_record *record, fact_list *list) {
  size_t first = list->count;
  size_t most = store->config.max_tags ? store->config.max_tags : SIZE_MAX;
  size_t longest = store->config.max_text ? store->config.max_text : SIZE_MAX;
  for (size_t i = 0; i < record->tag_count && list->count - first < most; i++) {
    const wpm_tag *tag = &record->tags[i];
    wpm_bytes name = view_of(tag->name.data, tag->name.len);
    size_t at = name.len == 0 || name.len > longest ? SIZE_MAX : place_of(list, first, 2, name);
    if (at != SIZE_MAX) {
      size_t marks = wpm_tag_marks(tag, list->marks[i]);
      insert_fact(list, at,
                  (wpm_fact_source){WPM_FACT_TAG,
                                    {view_of(&tag->value, sizeof(tag->value)),
                                     view_of(list->marks[i], marks), name}});
    }
  }
}

static void add_app(const wpm_store *store, const wpm_peer_record *record, fact_list *list) {
  size_t first = list->count;
  size_t left = store->config.max_app_bytes ? store->config.max_app_bytes : SIZE_MAX;
  for (size_t i = 0; i < record->app_count; i++) {
    const wpm_app_entry *entry = &record->app[i];
    wpm_bytes key = view_of(entry->key.data, entry->key.len);
    bool fits = key.len > 0 && key.len <= UINT8_MAX && entry->value.len <= UINT16_MAX &&
                key.len + entry->value.len <= left;
    size_t at = fits ? place_of(list, first, 1, key) : SIZE_MAX;
    if (at != SIZE_MAX) {
      left -= key.len + entry->value.len;
      list->key_lens[i] = (uint8_t)key.len;
      insert_fact(
          list, at,
          (wpm_fact_source){WPM_FACT_APP, {view_of(&list->key_lens[i], 1), key, entry->value}});
    }
  }
}

static bool id_carries(const wpm_peer_record *record) {
  wpm_bytes carried;
  return wpm_peer_id_inline_key(record->id, &carried) == WPM_OK &&
         wpm_bytes_equal(carried, record->public_key);
}

static void add_facts(const wpm_store *store, const wpm_peer_record *record, fact_list *list) {
  if (record->public_key.len > 0 && !id_carries(record)) {
    add_fact(list, WPM_FACT_KEY, record->public_key, nothing, nothing);
  }
  if (record->observed_address.len > 0) {
    add_fact(list, WPM_FACT_OBSERVED, record->observed_address, nothing, nothing);
  }
  if (record->cluster_id != 0 || list->shard_count > 0) {
    add_fact(list, WPM_FACT_SHARDS, view_of(&record->cluster_id, sizeof(record->cluster_id)),
             view_of(list->shards, list->shard_count * sizeof(*list->shards)), nothing);
  }
  if (record->enr.len > 0) {
    add_fact(list, WPM_FACT_ENR, view_of(&record->enr_sequence, sizeof(uint64_t)), record->enr,
             nothing);
  }
  if (record->signed_record.len > 0) {
    add_fact(list, WPM_FACT_SIGNED, view_of(&record->signed_sequence, sizeof(uint64_t)),
             record->signed_record, nothing);
  }
  add_tags(store, record, list);
  add_app(store, record, list);
}

#define SINGLE_FACTS 5
#define FEW_SOURCES 16
#define FEW_SHARDS 32

/* A record's facts, ready to be put, and room for few. */
typedef struct gathered {
  fact_list list;
  void *memory; /* Where they are many; NULL: they lie in the arrays. */
  wpm_fact_source sources[FEW_SOURCES];
  uint16_t shards[FEW_SHARDS];
  uint8_t marks[FEW_SOURCES][WPM_TAG_MARKS];
  uint8_t key_lens[FEW_SOURCES];
} gathered;

static int make_lists(gathered *g, const wpm_peer_record *record) {
  size_t named = record->tag_count + record->app_count;
  if (named < record->tag_count || named > SIZE_MAX / 256 || record->shard_count > SIZE_MAX / 8) {
    return WPM_ERR_NO_MEMORY;
  }
  fact_list *list = &g->list;
  *list = (fact_list){
      .sources = g->sources, .marks = g->marks, .key_lens = g->key_lens, .shards = g->shards};
  g->memory = NULL;
  if (SINGLE_FACTS + named > FEW_SOURCES || record->shard_count > FEW_SHARDS) {
    g->memory = malloc((SINGLE_FACTS + named) * sizeof(*list->sources) +
                       record->shard_count * sizeof(*list->shards) +
                       record->tag_count * sizeof(*list->marks) + record->app_count);
    if (!g->memory) {
      return WPM_ERR_NO_MEMORY;
    }
    list->sources = g->memory;
    list->shards = (void *)(list->sources + SINGLE_FACTS + named);
    list->marks = (void *)(list->shards + record->shard_count);
    list->key_lens = (void *)(list->marks + record->tag_count);
  }
  return WPM_OK;
}

/* g->memory is to be freed. */
static int gather(const wpm_store *store, const wpm_peer_record *record, gathered *g) {
  int err = make_lists(g, record);
  if (err) {
    return err;
  }
  if (record->shard_count > 0) {
    memcpy(g->list.shards, record->shards, record->shard_count * sizeof(*g->list.shards));
    g->list.shard_count = wpm_shards_sort(g->list.shards, record->shard_count);
  }
  add_facts(store, record, &g->list);
  return WPM_OK;
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static bool needs_contact(const wpm_peer_record *record) {
  return record->prune_backoff.length_ns || record->retry_delay.length_ns ||
         record->mismatch_delay.length_ns || record->ban.length_ns || record->failures ||
         record->score || wpm_wall_known(record->last_failure) || record->rtt_ns != WPM_SPAN_NONE;
}

/* The contact that a record says; where the peer is new, what a tombstone of it kept goes on. */
static wpm_contact contact_of(const wpm_store *store, const wpm_taken *taken,
                              const wpm_peer_record *record) {
  wpm_contact contact = {
      .waits = {[WPM_WAIT_PRUNE_BACKOFF] = record->prune_backoff,
                [WPM_WAIT_RETRY_DELAY] = record->retry_delay,
                [WPM_WAIT_MISMATCH_DELAY] = record->mismatch_delay,
                [WPM_WAIT_BAN] = record->ban},
      .first_failure = record->failures > 0 ? record->first_failure : WPM_WALL_NONE,
      .last_failure = record->last_failure,
      .rtt_ns = record->rtt_ns,
      .failures = record->failures,
      .score = record->score,
  };
  if (taken->added && wpm_store_peer(store, taken->slot)->contact) {
    wpm_contact held;
    wpm_store_contact(store, taken->slot, &held);
    contact.waits[WPM_WAIT_PRUNE_BACKOFF] = wpm_store_later(
        store, &held.waits[WPM_WAIT_PRUNE_BACKOFF], &contact.waits[WPM_WAIT_PRUNE_BACKOFF]);
    contact.waits[WPM_WAIT_BAN] =
        wpm_store_later(store, &held.waits[WPM_WAIT_BAN], &contact.waits[WPM_WAIT_BAN]);
  }
  return contact;
}

/* Plans the contact, and sees that there is room for it; *has: there is one. */
static int build_contact(wpm_store *store, const wpm_taken *taken, const wpm_peer_record *record,
                         wpm_contact_piece *out, bool *has) {
  *has = wpm_store_peer(store, taken->slot)->contact || needs_contact(record);
  if (!*has) {
    return WPM_OK;
  }
  const wpm_contact contact = contact_of(store, taken, record);
  wpm_store_plan_contact(store, taken->slot, &contact, out);
  return wpm_store_fit_contact(store, taken->slot, out);
}

/* Returns the fields that it changes. */
static uint32_t put_contact(wpm_store *store, uint32_t slot, const wpm_contact_piece *piece) {
  static const uint32_t fields_of[WPM_WAIT_COUNT] = {WPM_FIELD_PRUNE_BACKOFF, WPM_FIELD_FAILURES,
                                                     WPM_FIELD_INTENT, WPM_FIELD_BAN};
  wpm_contact old, fresh;
  wpm_store_contact(store, slot, &old);
  wpm_store_write_contact(store, slot, piece);
  wpm_store_contact(store, slot, &fresh);
  uint32_t fields = 0;
  for (unsigned i = 0; i < WPM_WAIT_COUNT; i++) {
    fields |= wpm_wait_equal(&old.waits[i], &fresh.waits[i]) ? 0 : fields_of[i];
  }
  fields |= old.failures != fresh.failures || old.last_failure.ns != fresh.last_failure.ns ||
                    old.first_failure.ns != fresh.first_failure.ns
                ? WPM_FIELD_FAILURES
                : 0;
  fields |= old.rtt_ns != fresh.rtt_ns ? WPM_FIELD_RTT : 0;
  return fields | (old.score != fresh.score ? WPM_FIELD_TAGS : 0);
}

/* The attributes that a record says; connectivity and the like follow from others. */
static uint32_t attributes_of(wpm_store *store, uint32_t slot, const wpm_peer_record *record) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  uint32_t has = wpm_store_arm(store, slot);
  has |= record->origin ? WPM_BIT(WPM_HAS_ORIGIN + record->origin - 1) : 0;
  has |= record->direction ? WPM_BIT(WPM_HAS_DIRECTION + record->direction - 1) : 0;
  has |= record->public_key.len > 0 ? WPM_BIT(WPM_HAS_KEY) : 0;
  has |= record->protocols_known ? WPM_BIT(WPM_HAS_PROTOCOLS_KNOWN) : 0;
  has |= record->metadata_known ? WPM_BIT(WPM_HAS_METADATA_KNOWN) : 0;
  has |= record->is_static ? WPM_BIT(WPM_HAS_STATIC) : 0;
  has |= record->held || peer->u.live > 0 ? WPM_BIT(WPM_HAS_HELD) : 0;
  has |= record->held_off ? WPM_BIT(WPM_HAS_HELD_OFF) : 0;
  if (record->capabilities_known) {
    has |= WPM_BIT(WPM_HAS_CAPABILITIES_KNOWN) | (uint32_t)record->capabilities
                                                     << WPM_HAS_CAPABILITY;
  }
  return has | wpm_store_protection(store, slot);
}

static uint32_t changed_attributes(uint32_t before, uint32_t now) {
  uint32_t flips = before ^ now;
  uint32_t fields = 0;
  const uint32_t intent =
      WPM_BIT(WPM_HAS_STATIC) | WPM_BIT(WPM_HAS_HELD_OFF) | UINT32_C(0xf) << WPM_HAS_ORIGIN;
  const uint32_t contact = WPM_BIT(WPM_HAS_HELD) | UINT32_C(3) << WPM_HAS_DIRECTION;
  const uint32_t metadata = WPM_BIT(WPM_HAS_METADATA_KNOWN) | WPM_BIT(WPM_HAS_CAPABILITIES_KNOWN) |
                            UINT32_C(0xff) << WPM_HAS_CAPABILITY;
  fields |= flips & intent ? WPM_FIELD_INTENT : 0;
  fields |= flips & contact ? WPM_FIELD_CONNECTIVITY : 0;
  fields |= flips & metadata ? WPM_FIELD_METADATA : 0;
  fields |= flips & WPM_BIT(WPM_HAS_KEY) ? WPM_FIELD_KEY : 0;
  return fields | (flips & WPM_BIT(WPM_HAS_PROTOCOLS_KNOWN) ? WPM_FIELD_PROTOCOLS : 0);
}

static int build(wpm_parts *parts, const wpm_peer_record *record, const fact_list *facts) {
  int err = put_addresses(parts, record);
  if (!err) {
    err = wpm_parts_facts(parts, facts->sources, facts->count);
  }
  if (!err) {
    err = wpm_parts_protocols(parts, record->protocols, record->protocol_count);
  }
  if (!err) {
    err = wpm_parts_agent(parts, record->agent);
  }
  if (!err) {
    err = wpm_parts_protocol_version(parts, record->protocol_version);
  }
  return err ? err : wpm_parts_reserve(parts);
}

#define OWN_ATTRIBUTES                                                                             \
  ~(WPM_BIT(WPM_HAS_PRESENCE) | UINT32_C(0xf) << WPM_HAS_CONNECTIVITY | WPM_BIT(WPM_HAS_RELAY) |   \
    WPM_BIT(WPM_HAS_ADDRESS) | WPM_BIT(WPM_HAS_DIALABLE))

/* `contact`: NULL where it has none. */
static void swap_in(wpm_parts *parts, const wpm_contact_piece *contact,
                    const wpm_peer_record *record) {
  wpm_store *store = parts->store;
  wpm_peer *peer = wpm_store_peer(store, parts->slot);
  uint32_t fields = wpm_parts_swap(parts);
  if (peer->reason != record->reason || peer->disconnect_time.ns != record->disconnect_time.ns ||
      peer->connected_time.ns != record->connected_time.ns) {
    fields |= WPM_FIELD_CONNECTIVITY;
  }
  peer->reason = (uint8_t)record->reason;
  peer->disconnect_time = record->disconnect_time;
  peer->connected_time = record->connected_time;
  fields |= contact ? put_contact(store, parts->slot, contact) : 0;
  uint32_t has = attributes_of(store, parts->slot, record);
  uint32_t before = peer->attributes;
  fields |= changed_attributes(before, has);
  if (fields || ((before ^ has) & OWN_ATTRIBUTES)) {
    wpm_store_settle(store, parts->slot, has, OWN_ATTRIBUTES & ~has, fields);
  }
}

static int put_hashed(wpm_store *store, wpm_hashed_id id, const wpm_peer_record *record,
                      const fact_list *facts) {
  wpm_taken taken;
  int err = wpm_store_is_full(store) ? WPM_ERR_FULL : wpm_store_take_hashed(store, id, &taken);
  if (err) {
    return err;
  }
  wpm_parts parts = wpm_parts_of(store, taken.slot);
  wpm_contact_piece contact;
  bool has_contact = false;
  err = build_contact(store, &taken, record, &contact, &has_contact);
  if (!err) {
    err = build(&parts, record, facts);
  }
  if (err) {
    wpm_parts_drop(&parts);
    wpm_store_give_up(store, &taken);
    return err;
  }
  swap_in(&parts, has_contact ? &contact : NULL, record);
  wpm_store_keep(store, &taken);
  return WPM_OK;
}

/* What can be done without the peer's slot is done while the memory that tells it is on its way. */
int wpm_store_put(wpm_store *store, const wpm_peer_record *record) {
  gathered facts;
  wpm_hashed_id id = wpm_store_hash(store, record->id);
  if (!is_valid(record)) {
    return WPM_ERR_INVALID;
  }
  int err = gather(store, record, &facts);
  if (err) {
    return err;
  }
  err = put_hashed(store, id, record, &facts.list);
  free(facts.memory);
  return err;
}
