/* What changes a record: the facts of <wakupeers/store.h>, by slot. */
#include "core/store_parts.h"

#include "core/protocols.h"
#include "core/rules.h"
#include "core/wait.h"

#include "base/bytes.h"
#include "base/peer_id.h"

/* Swaps in what was built, or drops it; `err` is what building said. */
static int finish(wpm_parts *parts, int err, uint32_t set, uint32_t clear, uint32_t fields) {
  if (!err) {
    err = wpm_parts_reserve(parts);
  }
  if (err) {
    wpm_parts_drop(parts);
    return err;
  }
  fields |= wpm_parts_swap(parts);
  if (fields || set || clear) {
    wpm_store_settle(parts->store, parts->slot, set, clear, fields);
  }
  return WPM_OK;
}

/* ---- addresses --------------------------------------------------------------------------------- */

int wpm_store_slot_addresses(wpm_store *store, uint32_t slot, const wpm_bytes *added, size_t count,
                             const wpm_offer *offer, wpm_offer_mode mode, size_t *left_out) {
  wpm_parts parts = wpm_parts_of(store, slot);
  wpm_address_draft draft;
  int err = wpm_parts_draft(&parts, count, &draft);
  if (err) {
    return err;
  }
  for (size_t i = 0; i < count; i++) {
    if (offer->ttl_ns >= 0) {
      wpm_address item = wpm_address_offered(added[i], offer);
      wpm_draft_add(&draft, &item, mode);
      continue;
    }
    const wpm_address *held = wpm_draft_find(&draft, added[i]);
    if (held && mode == WPM_OFFER_SET) {
      wpm_draft_remove(&draft, (size_t)(held - draft.items));
    }
  }
  if (left_out) {
    *left_out = draft.left_out;
  }
  return finish(&parts, wpm_parts_addresses(&parts, &draft), 0, 0, 0);
}

/* Puts the draft, from which some were removed, in place; without fail. */
static void shrink(wpm_store *store, uint32_t slot, const wpm_address_draft *draft) {
  wpm_parts_shrink_addresses(store, slot, draft);
  wpm_store_settle(store, slot, 0, 0, WPM_FIELD_ADDRESSES);
}

static wpm_address_draft draft_of(wpm_store *store, uint32_t slot) {
  wpm_address_draft draft = {.items = store->draft.data, .cap = store->config.max_addresses};
  (void)wpm_peer_decode_addresses(store, wpm_store_peer(store, slot), &draft.count);
  return draft;
}

void wpm_store_slot_expire(wpm_store *store, uint32_t slot, wpm_wall now) {
  bool keep_good = store->config.keep_good;
  wpm_address_draft draft = draft_of(store, slot);
  if (wpm_addresses_any_expired(draft.items, draft.count, keep_good, now)) {
    wpm_draft_expire(&draft, keep_good, now);
    shrink(store, slot, &draft);
  }
}

#define PLACES_A_PEER 16 /* Looked at for one that has addresses. */

void wpm_store_expire_some(wpm_store *store, size_t peers, wpm_wall now) {
  size_t most = peers > SIZE_MAX / PLACES_A_PEER ? SIZE_MAX : peers * PLACES_A_PEER;
  for (uint32_t seen = 0; peers > 0 && seen < store->slots && seen < most; seen++) {
    store->round = store->round + 1 < store->slots ? store->round + 1 : 0;
    const wpm_peer *peer = wpm_store_peer(store, store->round);
    if (peer->state == WPM_SLOT_HELD && peer->addresses) {
      wpm_store_slot_expire(store, store->round, now);
      peers--;
    }
  }
}

int wpm_store_slot_update_ttl(wpm_store *store, uint32_t slot, int64_t old_ttl_ns,
                              int64_t new_ttl_ns, wpm_wall now) {
  wpm_address_draft draft = draft_of(store, slot);
  wpm_offer offer = {.ttl_ns = new_ttl_ns, .now = now};
  bool any = false;
  for (size_t i = draft.count; i-- > 0;) {
    if (draft.items[i].ttl_ns != old_ttl_ns) {
      continue;
    }
    any = true;
    if (new_ttl_ns < 0) {
      wpm_draft_remove(&draft, i);
    } else {
      draft.items[i].ttl_ns = new_ttl_ns;
      draft.items[i].expires = wpm_address_offered(draft.items[i].multiaddr, &offer).expires;
    }
  }
  if (!any) {
    return WPM_OK;
  }
  if (new_ttl_ns < 0) {
    shrink(store, slot, &draft);
    return WPM_OK;
  }
  wpm_parts parts = wpm_parts_of(store, slot);
  return finish(&parts, wpm_parts_addresses(&parts, &draft), 0, 0, 0);
}

/* A fact that is a number in front of bytes; none where the bytes are empty. */
static int set_numbered(wpm_parts *parts, wpm_fact_kind kind, const uint64_t *number,
                        wpm_bytes bytes) {
  wpm_fact_source source = {kind, {{(const uint8_t *)number, sizeof(*number)}, bytes, {NULL, 0}}};
  return wpm_parts_fact(parts, &source, (wpm_text){NULL, 0}, bytes.len == 0);
}

static int set_bytes(wpm_parts *parts, wpm_fact_kind kind, wpm_bytes bytes) {
  wpm_fact_source source = {kind, {bytes, {NULL, 0}, {NULL, 0}}};
  return wpm_parts_fact(parts, &source, (wpm_text){NULL, 0}, bytes.len == 0);
}

void wpm_store_slot_clear_addresses(wpm_store *store, uint32_t slot) {
  wpm_address_draft none = {.items = store->draft.data};
  if (wpm_store_peer(store, slot)->addresses) {
    shrink(store, slot, &none);
  }
  if (wpm_parts_remove_fact(store, slot, WPM_FACT_SIGNED, (wpm_text){NULL, 0})) {
    wpm_store_settle(store, slot, 0, 0, WPM_FIELD_SIGNED_RECORD);
  }
}

int wpm_store_slot_certified(wpm_store *store, uint32_t slot, const wpm_certified *record,
                             wpm_wall now) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_bytes held = wpm_facts_get(wpm_peer_facts(store, peer), WPM_FACT_SIGNED);
  uint64_t sequence = 0;
  if (held.data) {
    memcpy(&sequence, held.data, sizeof(sequence));
  }
  if (held.data && (record->sequence < sequence ||
                    (record->sequence == sequence && !record->same_sequence_too))) {
    return WPM_ERR_STALE;
  }
  wpm_parts parts = wpm_parts_of(store, slot);
  wpm_address_draft draft;
  int err = wpm_parts_draft(&parts, record->address_count, &draft);
  if (err) {
    return err;
  }
  wpm_draft_unmark(&draft, record->addresses, record->address_count, true);
  wpm_offer offer = {WPM_SOURCE_IDENTIFY, record->ttl_ns, now};
  for (size_t i = 0; i < record->address_count; i++) {
    wpm_address item = wpm_address_offered(record->addresses[i], &offer);
    item.certified = true;
    wpm_draft_add(&draft, &item, WPM_OFFER_ADD);
  }
  err = wpm_parts_addresses(&parts, &draft);
  if (!err) {
    err = set_numbered(&parts, WPM_FACT_SIGNED, &record->sequence, record->envelope);
  }
  return finish(&parts, err, 0, 0, 0);
}

/* ---- identify, metadata, ENR ------------------------------------------------------------------- */

/* The key as a fact, or none where the id carries it. */
static int set_key(wpm_parts *parts, wpm_bytes key, uint32_t *set, uint32_t *clear) {
  const wpm_peer *peer = wpm_store_peer(parts->store, parts->slot);
  wpm_bytes carried;
  bool inside = wpm_peer_id_inline_key(wpm_peer_id_of(parts->store, peer), &carried) == WPM_OK &&
                wpm_bytes_equal(carried, key);
  *(key.len > 0 ? set : clear) |= WPM_BIT(WPM_HAS_KEY);
  if (wpm_peer_has(peer, WPM_HAS_KEY) != (key.len > 0)) {
    parts->fields |= WPM_FIELD_KEY;
  }
  return set_bytes(parts, WPM_FACT_KEY, inside ? (wpm_bytes){NULL, 0} : key);
}

int wpm_store_slot_public_key(wpm_store *store, uint32_t slot, wpm_bytes key) {
  wpm_parts parts = wpm_parts_of(store, slot);
  uint32_t set = 0;
  uint32_t clear = 0;
  int err = key.len > UINT16_MAX ? WPM_ERR_INVALID : set_key(&parts, key, &set, &clear);
  return finish(&parts, err, set, clear, 0);
}

static int draft_identified(wpm_parts *parts, const wpm_identified *fact) {
  wpm_address_draft draft;
  int err = wpm_parts_draft(parts, fact->address_count, &draft);
  if (err) {
    return err;
  }
  wpm_draft_unmark(&draft, fact->addresses, fact->address_count, false);
  wpm_offer offer = {WPM_SOURCE_IDENTIFY, WPM_TTL_QUALITY, fact->now};
  for (size_t i = 0; i < fact->address_count; i++) {
    wpm_address item = wpm_address_offered(fact->addresses[i], &offer);
    item.identified = true;
    wpm_draft_add(&draft, &item, WPM_OFFER_ADD);
  }
  return wpm_parts_addresses(parts, &draft);
}

int wpm_store_slot_identified(wpm_store *store, uint32_t slot, const wpm_identified *fact) {
  wpm_parts parts = wpm_parts_of(store, slot);
  uint32_t set = 0;
  uint32_t clear = 0;
  int err = WPM_OK;
  if (fact->public_key && fact->public_key->len > UINT16_MAX) {
    return WPM_ERR_INVALID;
  }
  if (fact->public_key && fact->public_key->len > 0) {
    err = set_key(&parts, *fact->public_key, &set, &clear);
  }
  if (!err && fact->agent) {
    err = wpm_parts_agent(&parts, *fact->agent);
  }
  if (!err && fact->protocol_version) {
    err = wpm_parts_protocol_version(&parts, *fact->protocol_version);
  }
  if (!err && fact->addresses) {
    err = draft_identified(&parts, fact);
  }
  if (!err && fact->protocols) {
    err = wpm_parts_protocols(&parts, fact->protocols, fact->protocol_count);
    set |= WPM_BIT(WPM_HAS_PROTOCOLS_KNOWN);
    if (!wpm_peer_has(wpm_store_peer(store, slot), WPM_HAS_PROTOCOLS_KNOWN)) {
      parts.fields |= WPM_FIELD_PROTOCOLS;
    }
  }
  return finish(&parts, err, set, clear, 0);
}

int wpm_store_slot_metadata(wpm_store *store, uint32_t slot, uint32_t cluster_id,
                            const uint16_t *shards, size_t shard_count) {
  wpm_parts parts = wpm_parts_of(store, slot);
  int err = wpm_parts_shards(&parts, cluster_id, shards, shard_count);
  bool known = wpm_peer_has(wpm_store_peer(store, slot), WPM_HAS_METADATA_KNOWN);
  return finish(&parts, err, WPM_BIT(WPM_HAS_METADATA_KNOWN), 0, known ? 0 : WPM_FIELD_METADATA);
}

int wpm_store_slot_discovered(wpm_store *store, uint32_t slot, const wpm_discovered *fact) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_bytes held = wpm_facts_get(wpm_peer_facts(store, peer), WPM_FACT_ENR);
  uint64_t sequence = 0;
  if (held.data) {
    memcpy(&sequence, held.data, sizeof(sequence));
  }
  if (held.data && fact->sequence <= sequence) {
    return WPM_ERR_STALE;
  }
  wpm_parts parts = wpm_parts_of(store, slot);
  int err = set_numbered(&parts, WPM_FACT_ENR, &fact->sequence, fact->enr);
  if (!err && !wpm_peer_has(peer, WPM_HAS_METADATA_KNOWN)) {
    err = wpm_parts_shards(&parts, fact->cluster_id, fact->shards, fact->shard_count);
  }
  uint32_t all = UINT32_C(0xff) << WPM_HAS_CAPABILITY;
  uint32_t own = (uint32_t)fact->capabilities << WPM_HAS_CAPABILITY;
  const uint32_t known = WPM_BIT(WPM_HAS_CAPABILITIES_KNOWN);
  uint32_t set = fact->has_capabilities ? own | known : 0;
  return finish(&parts, err, set, (all | known) & ~set, WPM_FIELD_METADATA);
}

/* ---- connections ------------------------------------------------------------------------------- */

static uint32_t direction_bits(wpm_direction direction) {
  return direction ? WPM_BIT(WPM_HAS_DIRECTION + direction - 1) : 0;
}
#define ALL_DIRECTIONS (UINT32_C(3) << WPM_HAS_DIRECTION)

/* The address dialled works, and is that of a live connection. */
static int mark_dialled(wpm_parts *parts, wpm_bytes remote, wpm_wall now) {
  wpm_address_draft draft;
  int err = wpm_parts_draft(parts, 0, &draft);
  wpm_address *dialled = err ? NULL : wpm_draft_find(&draft, remote);
  if (!dialled) {
    return err;
  }
  dialled->last_success = now;
  dialled->confidence = WPM_CONFIDENCE_CONNECTED;
  return wpm_parts_addresses(parts, &draft);
}

int wpm_store_slot_connected(wpm_store *store, uint32_t slot, wpm_direction direction,
                             wpm_bytes remote, wpm_bytes public_key, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_parts parts = wpm_parts_of(store, slot);
  uint32_t set = WPM_BIT(WPM_HAS_HELD);
  uint32_t clear = 0;
  if (public_key.len > UINT16_MAX) {
    return WPM_ERR_INVALID;
  }
  int err = wpm_store_make_contact(store, slot); /* For what is measured and ends. */
  if (!err && public_key.len > 0) {
    err = set_key(&parts, public_key, &set, &clear);
  }
  if (!err && direction == WPM_INBOUND && remote.len <= WPM_MULTIADDR_MAX) {
    err = set_bytes(&parts, WPM_FACT_OBSERVED, remote);
  }
  if (!err && direction == WPM_OUTBOUND) {
    err = mark_dialled(&parts, remote, now);
  }
  if (!err) {
    err = wpm_parts_reserve(&parts);
  }
  if (err) {
    wpm_parts_drop(&parts);
    return err;
  }
  uint32_t fields = wpm_parts_swap(&parts);
  if (peer->u.live++ == 0) {
    fields |= WPM_FIELD_CONNECTIVITY;
    peer->connected_time = now;
    clear |= ALL_DIRECTIONS;
    set |= direction_bits(direction);
  }
  wpm_store_settle(store, slot, set, clear, fields);
  return WPM_OK;
}

void wpm_store_slot_disconnected(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->u.live == 0 || --peer->u.live > 0) {
    return;
  }
  peer->reason = (uint8_t)reason;
  peer->disconnect_time = now;
  if (peer->addresses) {
    wpm_addresses_end_connected(wpm_peer_addresses(store, peer));
  }
  wpm_store_settle(store, slot, 0, 0, WPM_FIELD_CONNECTIVITY);
}

void wpm_store_slot_crashed(wpm_store *store, uint32_t slot, wpm_wall end) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  peer->reason = WPM_REASON_CRASH;
  peer->disconnect_time = end;
  wpm_store_settle(store, slot, WPM_BIT(WPM_HAS_HELD), 0, WPM_FIELD_CONNECTIVITY);
}

int wpm_store_slot_address_failed(wpm_store *store, uint32_t slot, wpm_bytes multiaddr,
                                  wpm_wall now) {
  wpm_parts parts = wpm_parts_of(store, slot);
  wpm_address_draft draft;
  int err = wpm_parts_draft(&parts, 0, &draft);
  if (err) {
    return err;
  }
  wpm_address *failed = wpm_draft_find(&draft, multiaddr);
  if (!failed) {
    return WPM_ERR_NOT_FOUND;
  }
  failed->last_failure = now;
  return finish(&parts, wpm_parts_addresses(&parts, &draft), 0, 0, 0);
}

int wpm_store_slot_address_moved(wpm_store *store, uint32_t slot, wpm_bytes multiaddr,
                                 wpm_bytes answered, wpm_wall now) {
  uint32_t to = wpm_store_find(store, answered);
  if (!wpm_rule_holds(WPM_RULE_ADDRESS_MOVES)) {
    return WPM_OK;
  }
  if (to != WPM_SLOT_NONE && to != slot) {
    wpm_parts parts = wpm_parts_of(store, to);
    wpm_address_draft draft;
    int err = wpm_parts_draft(&parts, 1, &draft);
    if (err) {
      return err;
    }
    wpm_offer offer = {.source = WPM_SOURCE_UNKNOWN, .now = now};
    wpm_address item = wpm_address_offered(multiaddr, &offer);
    item.last_success = now;
    wpm_draft_add(&draft, &item, WPM_OFFER_ADD);
    err = finish(&parts, wpm_parts_addresses(&parts, &draft), 0, 0, 0);
    if (err) {
      return err;
    }
  }
  wpm_address_draft draft = draft_of(store, slot);
  const wpm_address *held = to == slot ? NULL : wpm_draft_find(&draft, multiaddr);
  if (held) {
    wpm_draft_remove(&draft, (size_t)(held - draft.items));
    shrink(store, slot, &draft);
  }
  return WPM_OK;
}

void wpm_store_slot_direction(wpm_store *store, uint32_t slot, wpm_direction direction) {
  if (wpm_peer_direction(wpm_store_peer(store, slot)) != direction) {
    uint32_t bits = direction_bits(direction);
    wpm_store_settle(store, slot, bits, ALL_DIRECTIONS & ~bits, WPM_FIELD_CONNECTIVITY);
  }
}

/* ---- intent ------------------------------------------------------------------------------------ */

void wpm_store_slot_origin(wpm_store *store, uint32_t slot, wpm_origin origin) {
  if (origin != WPM_ORIGIN_UNKNOWN &&
      wpm_peer_origin(wpm_store_peer(store, slot)) == WPM_ORIGIN_UNKNOWN) {
    wpm_store_settle(store, slot, WPM_BIT(WPM_HAS_ORIGIN + origin - 1), 0, WPM_FIELD_INTENT);
  }
}

void wpm_store_slot_flag(wpm_store *store, uint32_t slot, unsigned attribute, bool value) {
  if (wpm_peer_has(wpm_store_peer(store, slot), attribute) != value) {
    uint32_t bit = WPM_BIT(attribute);
    wpm_store_settle(store, slot, value ? bit : 0, value ? 0 : bit, WPM_FIELD_INTENT);
  }
}

/* A tag or entry of the application map. */
static int set_named(wpm_store *store, uint32_t slot, const wpm_fact_source *source,
                     wpm_text name) {
  wpm_parts parts = wpm_parts_of(store, slot);
  return finish(&parts, wpm_parts_fact(&parts, source, name, false), 0, 0, 0);
}

/* Whether a tag of its protects. */
uint32_t wpm_store_protection(const wpm_store *store, uint32_t slot) {
  wpm_fact fact;
  size_t at = 0;
  const uint8_t *facts = wpm_peer_facts(store, wpm_store_peer(store, slot));
  while (wpm_facts_next(facts, &at, &fact)) {
    if (fact.kind == WPM_FACT_TAG && wpm_fact_protects(&fact)) {
      return WPM_BIT(WPM_HAS_PROTECTION);
    }
  }
  return 0;
}

static void settle_protection(wpm_store *store, uint32_t slot) {
  uint32_t has = wpm_store_protection(store, slot);
  wpm_store_settle(store, slot, has, WPM_BIT(WPM_HAS_PROTECTION) & ~has, 0);
}

static size_t count_kind(const uint8_t *facts, wpm_fact_kind kind, size_t *bytes) {
  wpm_fact fact;
  size_t at = 0;
  size_t count = 0;
  *bytes = 0;
  while (wpm_facts_next(facts, &at, &fact)) {
    count += fact.kind == kind;
    *bytes += fact.kind == kind ? fact.bytes.len - 1 : 0;
  }
  return count;
}

int wpm_store_slot_set_tag(wpm_store *store, uint32_t slot, const wpm_tag *tag) {
  const uint8_t *facts = wpm_peer_facts(store, wpm_store_peer(store, slot));
  size_t bytes;
  bool held = wpm_facts_get_named(facts, WPM_FACT_TAG, tag->name).data;
  if (tag->name.len == 0 || tag->half_life_ns < 0) {
    return WPM_ERR_INVALID;
  }
  if (store->config.max_text > 0 && tag->name.len > store->config.max_text) {
    return WPM_ERR_TOO_LARGE;
  }
  if (!held && store->config.max_tags > 0 &&
      count_kind(facts, WPM_FACT_TAG, &bytes) >= store->config.max_tags) {
    return WPM_ERR_FULL;
  }
  uint8_t marks[WPM_TAG_MARKS];
  wpm_fact_source source = {WPM_FACT_TAG,
                            {{(const uint8_t *)&tag->value, sizeof(tag->value)},
                             {marks, wpm_tag_marks(tag, marks)},
                             {(const uint8_t *)tag->name.data, tag->name.len}}};
  int err = set_named(store, slot, &source, tag->name);
  if (!err) {
    settle_protection(store, slot);
  }
  return err;
}

int wpm_store_slot_remove_tag(wpm_store *store, uint32_t slot, wpm_text name) {
  if (!wpm_parts_remove_fact(store, slot, WPM_FACT_TAG, name)) {
    return WPM_ERR_NOT_FOUND;
  }
  uint32_t has = wpm_store_protection(store, slot);
  wpm_store_settle(store, slot, has, WPM_BIT(WPM_HAS_PROTECTION) & ~has, WPM_FIELD_TAGS);
  return WPM_OK;
}

void wpm_store_slot_tag_value(wpm_store *store, uint32_t slot, wpm_text name, int32_t value) {
  uint8_t *facts = wpm_peer_facts(store, wpm_store_peer(store, slot));
  wpm_bytes held = wpm_facts_get_named(facts, WPM_FACT_TAG, name);
  if (held.data) { /* In place: it takes the same room. */
    memcpy(facts + (held.data - facts), &value, sizeof(value));
    wpm_store_settle(store, slot, 0, 0, WPM_FIELD_TAGS);
  }
}

bool wpm_store_any_ages(const wpm_store *store) {
  return store->aging > 0 && store->indexes.named[store->aging - 1].count > 0;
}

bool wpm_store_ages(const wpm_store *store, uint32_t slot) {
  return store->aging > 0 && wpm_index_test(&store->indexes, store->aging, slot);
}

uint32_t wpm_store_next_aging(const wpm_store *store, uint32_t from) {
  const wpm_index *index = store->aging > 0 ? &store->indexes.named[store->aging - 1] : NULL;
  for (uint32_t page = from / WPM_BITS_PAGE; index && page < index->length; page++) {
    uint32_t bit = page == from / WPM_BITS_PAGE ? from % WPM_BITS_PAGE : 0;
    bit = index->pages[page] ? wpm_bits_next(index->pages[page], bit) : WPM_BITS_PAGE;
    if (bit < WPM_BITS_PAGE) {
      return page * WPM_BITS_PAGE + bit;
    }
  }
  return WPM_SLOT_NONE;
}

int wpm_store_slot_set_app(wpm_store *store, uint32_t slot, wpm_text key, wpm_bytes value) {
  const uint8_t *facts = wpm_peer_facts(store, wpm_store_peer(store, slot));
  wpm_bytes held = wpm_facts_get_named(facts, WPM_FACT_APP, key);
  size_t bytes;
  uint8_t key_len = (uint8_t)key.len;
  if (key.len == 0 || key.len > UINT8_MAX) {
    return WPM_ERR_INVALID;
  }
  wpm_fact_source source = {WPM_FACT_APP,
                            {{&key_len, 1}, {(const uint8_t *)key.data, key.len}, value}};
  if (!value.data) {
    if (wpm_parts_remove_fact(store, slot, WPM_FACT_APP, key)) {
      wpm_store_settle(store, slot, 0, 0, WPM_FIELD_APP);
    }
    return WPM_OK;
  }
  (void)count_kind(facts, WPM_FACT_APP, &bytes);
  bytes -= held.data ? held.len - 1 : 0;
  size_t most = store->config.max_app_bytes;
  if (most > 0 && (bytes > most || value.len > most || key.len + value.len > most - bytes)) {
    return WPM_ERR_FULL;
  }
  if (value.len > UINT16_MAX) {
    return WPM_ERR_INVALID;
  }
  return set_named(store, slot, &source, key);
}
