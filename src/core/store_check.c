/* The store's invariants, all of them (wpm_store_check). */
#include "core/store.h"

#include "core/protocols.h"

#include "base/bytes.h"
#include "base/error.h"

#include <string.h>

static int broken(wpm_error *error, const char *what, uint32_t slot) {
  return wpm_fail(error, WPM_ERR_CORRUPT, "peer store: %s (slot %u)", what, (unsigned)slot);
}

/* What is counted over all slots, to be held against the store's own numbers. */
typedef struct sums {
  size_t held;
  size_t tombstones;
  size_t in_use; /* Slots that are not free. */
  size_t texts;
  size_t sets;
  size_t tags;
  size_t shards;
  size_t contacts;
  size_t waits;
  size_t blocks; /* Of the slab. */
  size_t attributes[WPM_ATTRIBUTES];
  size_t kinds[WPM_EVICT_KINDS + 1];
} sums;

/* ---- one peer ---------------------------------------------------------------------------------- */

static const char *fault_of_addresses(const wpm_store *store, const wpm_peer *peer) {
  size_t count;
  wpm_address_draft draft = {.items = store->draft.data};
  (void)wpm_peer_decode_addresses(store, peer, &count);
  draft.count = count;
  size_t cap = store->config.max_addresses;
  if (cap > 0 && count > cap) {
    return "more addresses than the cap";
  }
  if (peer->addresses && count == 0) {
    return "a list of no addresses";
  }
  for (size_t i = 0; i < count; i++) {
    const wpm_address *item = &draft.items[i];
    if (wpm_multiaddr_check(item->multiaddr) != WPM_OK) {
      return "an address that is not a multiaddr";
    }
    if (wpm_draft_find(&draft, item->multiaddr) != item) {
      return "an address twice";
    }
    if (item->confidence == WPM_CONFIDENCE_CONNECTED && peer->u.live == 0) {
      return "an address of a connection that is not live";
    }
  }
  return NULL;
}

static const char *fault_of_protocols(const wpm_store *store, const wpm_peer *peer, uint32_t slot) {
  const wpm_interned *entry = wpm_intern_at(&store->sets, peer->protocols);
  const wpm_protocol_set *set = wpm_protocols_of(entry);
  bool relay = false;
  for (size_t i = 0; set && i < set->count; i++) {
    wpm_text text = set->protocols[i];
    if (store->config.max_text > 0 && text.len > store->config.max_text &&
        !wpm_text_equal(text, wpm_protocol_relay_prefix(text))) {
      return "a protocol id longer than the cap";
    }
    const wpm_interned *name =
        wpm_intern_find(&store->protocols, (wpm_bytes){(const uint8_t *)text.data, text.len});
    if (!name || !wpm_protocols_name(entry, wpm_intern_handle(name))) {
      return "a protocol set that names an unknown protocol";
    }
    if (wpm_name_index(name) && !wpm_index_test(&store->indexes, wpm_name_index(name), slot)) {
      return "a protocol that the index does not show";
    }
    relay = relay || wpm_protocol_is_relay(text);
  }
  if (set && store->config.max_protocols > 0 && set->count > store->config.max_protocols) {
    return "more protocols than the cap";
  }
  return relay == wpm_peer_relays(peer) ? NULL : "a wrong mark of relay";
}

static const char *fault_of_facts(const wpm_store *store, const wpm_peer *peer, uint32_t slot,
                                  sums *all) {
  wpm_fact fact;
  size_t at = 0;
  size_t count;
  const uint8_t *shards = wpm_peer_shards(store, peer, &count);
  for (size_t i = 0; i < count; i++) {
    const wpm_interned *name =
        wpm_intern_find(&store->shards, (wpm_bytes){shards + 2 * i, sizeof(uint16_t)});
    if (i > 0 && wpm_shard_at(shards, i) <= wpm_shard_at(shards, i - 1)) {
      return "shards out of order";
    }
    if (!name ||
        (wpm_name_index(name) && !wpm_index_test(&store->indexes, wpm_name_index(name), slot))) {
      return "a shard that the index does not show";
    }
  }
  all->shards += count;
  while (wpm_facts_next(wpm_peer_facts(store, peer), &at, &fact)) {
    if (fact.kind != WPM_FACT_TAG) {
      continue;
    }
    wpm_text tag = wpm_fact_name(&fact);
    const wpm_interned *name =
        wpm_intern_find(&store->tags, (wpm_bytes){(const uint8_t *)tag.data, tag.len});
    if (!name ||
        (wpm_name_index(name) && !wpm_index_test(&store->indexes, wpm_name_index(name), slot))) {
      return "a tag that the index does not show";
    }
    all->tags++;
  }
  if (wpm_store_ages(store, slot) != wpm_facts_age(wpm_peer_facts(store, peer))) {
    return "a tag that ages, which its index shows otherwise";
  }
  return wpm_store_protection(store, slot) == (peer->attributes & WPM_BIT(WPM_HAS_PROTECTION))
             ? NULL
             : "a wrong mark of protection";
}

static const char *fault_of_attributes(const wpm_store *store, const wpm_peer *peer, uint32_t slot,
                                       sums *all) {
  uint32_t page = slot / WPM_BITS_PAGE;
  for (unsigned i = 0; i < WPM_ATTRIBUTES; i++) {
    bool shown = wpm_bits_test(wpm_indexes_page(&store->indexes, page, i), slot % WPM_BITS_PAGE);
    if (shown != wpm_peer_has(peer, i)) {
      return "an attribute that the index shows otherwise";
    }
    all->attributes[i] += shown;
  }
  all->kinds[wpm_evict_kind_of(peer->attributes)]++;
  if (peer->state != WPM_SLOT_HELD) {
    return peer->attributes == 0 ? NULL : "attributes of a peer that is not held";
  }
  if ((peer->attributes & 0xfu) !=
      WPM_BIT(WPM_HAS_CONNECTIVITY + (unsigned)wpm_peer_connectivity(peer))) {
    return "a wrong connectivity in the index";
  }
  if (wpm_peer_has(peer, WPM_HAS_ADDRESS) != (peer->addresses != 0)) {
    return "a wrong mark of having addresses";
  }
  bool held_back = wpm_peer_has(peer, WPM_HAS_WAIT) || wpm_peer_has(peer, WPM_HAS_BAN) ||
                   wpm_peer_has(peer, WPM_HAS_HELD_OFF);
  bool dialable = peer->addresses && peer->u.live == 0 && !held_back;
  return dialable == wpm_peer_has(peer, WPM_HAS_DIALABLE) ? NULL : "a wrong mark of dialable";
}

static const char *fault_of_contact(const wpm_store *store, const wpm_peer *peer, sums *all) {
  if (!peer->contact) {
    return wpm_peer_has(peer, WPM_HAS_WAIT) ? "a wait without a contact" : NULL;
  }
  const wpm_contact_head *head = wpm_slab_at(&store->slab, peer->contact);
  wpm_contact contact;
  wpm_contact_decode(wpm_peer_contact(store, peer), &store->origin, &contact);
  size_t room = wpm_slab_room(&store->slab, peer->contact);
  bool counted = head->marks & WPM_CONTACT_COUNTED;
  all->contacts += counted;
  if (!counted &&
      (head->deadline > 0 || WPM_CONTACT_WAITS(head->marks) || room >= WPM_CONTACT_MOST)) {
    return "a contact that may have a deadline and is not counted";
  }
  if (WPM_CONTACT_SIZE(head->marks) > room) {
    return "a contact that is longer than its block";
  }
  if (contact.failures == 0 && wpm_wall_known(contact.first_failure)) {
    return "a first failure without failures";
  }
  bool waits = peer->state == WPM_SLOT_HELD && head->deadline > 0;
  all->waits += waits;
  if (waits && (head->deadline > store->waits.count ||
                wpm_store_peer(store, wpm_heap_at(&store->waits, head->deadline)->slot) != peer)) {
    return "a deadline that is another's";
  }
  return NULL;
}

static const char *fault_of_peer(const wpm_store *store, const wpm_peer *peer, uint32_t slot,
                                 sums *all) {
  if (peer->u.live > 0 && !wpm_peer_has(peer, WPM_HAS_HELD)) {
    return "a live connection with a peer that was never held";
  }
  all->held++;
  all->texts += (peer->agent != 0) + (peer->protocol_version != 0);
  all->sets += peer->protocols != 0;
  const char *fault = fault_of_addresses(store, peer);
  fault = fault ? fault : fault_of_protocols(store, peer, slot);
  return fault ? fault : fault_of_facts(store, peer, slot, all);
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* Free slots, counted along their list; SIZE_MAX where it is broken. */
static size_t count_free(const wpm_store *store) {
  size_t count = 0;
  for (uint32_t slot = store->first_free; slot != WPM_SLOT_NONE; count++) {
    if (slot >= store->slots || count > store->slots ||
        wpm_store_peer(store, slot)->state != WPM_SLOT_FREE) {
      return SIZE_MAX;
    }
    slot = wpm_store_peer(store, slot)->u.next_free;
  }
  return count;
}

static size_t count_holders(const wpm_intern *table) {
  size_t count = 0;
  for (uint32_t i = 0; i < table->count; i++) {
    count += table->entries[i] ? table->entries[i]->holders : 0;
  }
  return count;
}

static const char *fault_of_slot(const wpm_store *store, uint32_t slot, sums *all) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_slot_state state = (wpm_slot_state)peer->state;
  if (state == WPM_SLOT_FREE) {
    return NULL;
  }
  all->in_use++;
  all->blocks += (peer->id_len > WPM_PEER_INLINE_ID) + (peer->addresses != 0) +
                 (peer->contact != 0) + (peer->facts != 0);
  uint32_t found = wpm_map_find(&store->by_id, wpm_peer_id_of(store, peer));
  if (found != slot && state != WPM_SLOT_DETACHED) {
    return "a peer that its id does not lead to";
  }
  all->tombstones += state == WPM_SLOT_TOMBSTONE;
  const char *fault = fault_of_attributes(store, peer, slot, all);
  fault = fault ? fault : fault_of_contact(store, peer, all);
  if (!fault && state == WPM_SLOT_HELD) {
    fault = fault_of_peer(store, peer, slot, all);
  }
  return fault;
}

/* Long ids of removed peers that the feed keeps. */
static size_t count_feed_blocks(const wpm_feed *feed) {
  size_t count = 0;
  for (uint64_t n = feed->held; n < feed->end; n++) {
    const wpm_feed_entry *entry = wpm_feed_at(feed, n);
    count += entry->kind == WPM_CHANGE_REMOVED && entry->id_len > WPM_FEED_INLINE_ID;
  }
  return count;
}

static unsigned count_attribute(const wpm_store *store, uint32_t page, unsigned attribute) {
  const wpm_indexes *indexes = &store->indexes;
  uint64_t bits[WPM_BITS_WORDS] = {0};
  memcpy(bits, wpm_indexes_page(indexes, page, attribute),
         wpm_indexes_words(indexes, page) * sizeof(*bits));
  return store->bits->count(bits);
}

/* The numbers of each page, held against its bits. */
static const char *fault_of_indexes(const wpm_store *store) {
  const wpm_indexes *indexes = &store->indexes;
  for (uint32_t page = 0; page < indexes->length; page++) {
    for (unsigned i = 0; i < WPM_ATTRIBUTES; i++) {
      if (count_attribute(store, page, i) != *wpm_indexes_page_counts(indexes, page, i)) {
        return "an attribute with a wrong number of peers in a page";
      }
    }
  }
  for (uint32_t i = 0; i < indexes->named_count; i++) {
    const wpm_index *index = &indexes->named[i];
    for (uint32_t page = 0; page < index->length; page++) {
      unsigned count = index->pages[page] ? store->bits->count(index->pages[page]) : 0;
      if (count != index->counts[page]) {
        return "a name with a wrong number of peers in a page";
      }
    }
  }
  return NULL;
}

static bool has_twice(const wpm_evict_stock *stock) {
  for (uint32_t i = 0; i < stock->count; i++) {
    for (uint32_t other = 0; other < i; other++) {
      if (stock->slots[i] == stock->slots[other]) {
        return true;
      }
    }
  }
  return false;
}

static const char *fault_of_sums(const wpm_store *store, const sums *all) {
  if (all->held != store->count || all->tombstones != store->tombstone_count) {
    return "the number of peers or tombstones is wrong";
  }
  if (store->config.max_peers > 0 && store->count > store->config.max_peers) {
    return "more peers than the cap";
  }
  if (count_free(store) != store->slots - all->in_use) {
    return "the list of free slots is broken";
  }
  if (count_holders(&store->texts) != all->texts || count_holders(&store->sets) != all->sets ||
      count_holders(&store->tags) != all->tags || count_holders(&store->shards) != all->shards) {
    return "interned strings with a wrong number of holders";
  }
  if (all->contacts != store->contacts || all->waits != store->waits.count ||
      store->tombstones.count != store->tombstone_count) {
    return "contacts or deadlines with a wrong number";
  }
  if (all->blocks + count_feed_blocks(&store->feed) != store->slab.blocks) {
    return "blocks of memory that nobody has";
  }
  for (unsigned i = 0; i < WPM_ATTRIBUTES; i++) {
    if (store->indexes.counts[i] != all->attributes[i]) {
      return "an attribute with a wrong number of peers";
    }
  }
  for (unsigned i = 0; i < WPM_EVICT_KINDS; i++) {
    if (store->kinds[i] != all->kinds[i]) {
      return "a kind of those who may go with a wrong number of peers";
    }
    if (store->stock[i].count > WPM_EVICT_STOCK || has_twice(&store->stock[i])) {
      return "a stock of those who may go with too many, or one twice";
    }
  }
  return NULL;
}

int wpm_store_check(const wpm_store *store, wpm_error *error) {
  sums all = {0};
  for (uint32_t slot = 0; slot < store->slots; slot++) {
    const char *fault = fault_of_slot(store, slot, &all);
    if (fault) {
      return broken(error, fault, slot);
    }
  }
  const char *fault = fault_of_sums(store, &all);
  fault = fault ? fault : fault_of_indexes(store);
  return fault ? broken(error, fault, WPM_SLOT_NONE) : WPM_OK;
}
