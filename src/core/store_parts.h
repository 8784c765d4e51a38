/* New parts of a peer, built before they are swapped in: so a call that lacks memory changes
 * nothing.
 *
 * - `wpm_parts_…` build; the first error ends it. wpm_parts_swap puts what was built in place of the
 *   old and frees that; wpm_parts_drop frees what was built.
 * - A part that was not built stays as it was.
 *
 * wakupeers' own: every allocation may fail, and a peer is never half changed.
 */
#ifndef WPM_CORE_STORE_PARTS_H
#define WPM_CORE_STORE_PARTS_H

#include "core/store.h"

typedef struct wpm_parts {
  wpm_store *store;
  uint32_t slot;
  bool has_addresses; /* `addresses` is a part. */
  bool has_facts;
  bool has_protocols;
  bool has_agent;
  bool has_protocol_version;
  wpm_block addresses; /* 0: none. */
  wpm_block facts;     /* 0: none. */
  wpm_interned *protocols;
  wpm_interned *agent;
  wpm_interned *protocol_version;
  uint32_t fields; /* WPM_FIELD_… that differ from what the peer has. */
} wpm_parts;

static inline wpm_parts wpm_parts_of(wpm_store *store, uint32_t slot) {
  return (wpm_parts){.store = store, .slot = slot};
}

/* A draft of the peer's addresses with room for `added` more, in the store's memory.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_parts_draft(wpm_parts *parts, size_t added, wpm_address_draft *out);

/* A new list from the draft. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_parts_addresses(wpm_parts *parts, const wpm_address_draft *draft);

/* As wpm_parts_addresses, at once and without fail: the draft is no longer than what the peer has. */
void wpm_parts_shrink_addresses(wpm_store *store, uint32_t slot, const wpm_address_draft *draft);

/* A new list of facts from sources, sorted. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_parts_facts(wpm_parts *parts, const wpm_fact_source *sources, size_t count);

/* One fact replaced or removed; further ones in the same parts build on it. WPM_ERR_NO_MEMORY,
 * WPM_ERR_TOO_LARGE. */
WPM_MUST_USE int wpm_parts_fact(wpm_parts *parts, const wpm_fact_source *source, wpm_text name,
                                bool remove);

WPM_MUST_USE int wpm_parts_protocols(wpm_parts *parts, const wpm_text *protocols, size_t count);
WPM_MUST_USE int wpm_parts_agent(wpm_parts *parts, wpm_text agent);
WPM_MUST_USE int wpm_parts_protocol_version(wpm_parts *parts, wpm_text version);

/* Takes one fact away, at once and without fail; false: the peer does not have it. wpm_store_settle is
 * to follow. */
bool wpm_parts_remove_fact(wpm_store *store, uint32_t slot, wpm_fact_kind kind, wpm_text name);

/* Cluster and shards, as metadata or an ENR names them. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_parts_shards(wpm_parts *parts, uint32_t cluster_id, const uint16_t *shards,
                                  size_t count);

/* Sorts, and leaves repeats out; returns how many are left. */
size_t wpm_shards_sort(uint16_t *shards, size_t count);

/* Room in the indexes for what was built. WPM_ERR_NO_MEMORY. The last step before the swap: it holds
 * the names of new tags and shards. */
WPM_MUST_USE int wpm_parts_reserve(wpm_parts *parts);

void wpm_parts_drop(wpm_parts *parts);

/* Returns the fields that changed. wpm_store_settle is to follow. */
uint32_t wpm_parts_swap(wpm_parts *parts);

#endif
