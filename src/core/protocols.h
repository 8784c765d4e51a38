/* The protocols that a peer announces, as one interned set: peers that announce the same share it.
 *
 * - A set is sorted bytewise and holds no id twice: some peers announce theirs in random order.
 * - Protocol ids are interned too, and held by the sets that name them; the first to come have an
 *   index of the peers that announce them (wpm_store_config.max_indexed).
 * - A relay protocol is one by which a peer may take part in a GossipSub mesh
 *   (wpm_protocol_is_relay): 11/WAKU2-RELAY and libp2p's own meshsub and floodsub.
 * - Whether a peer relays decides its prune backoff (27/WAKU2-PEERS), so no cap may hide it: relay
 *   protocols are the last to be left out for their number, and one that is too long is kept as the
 *   prefix that makes it a relay protocol, for example `/meshsub/`.
 */
#ifndef WPM_CORE_PROTOCOLS_H
#define WPM_CORE_PROTOCOLS_H

#include "core/intern.h"

#include <wakupeers/store.h>

/* What a set's entry carries in front of its string, which is the handles of the protocols, ascending. */
typedef struct wpm_protocol_set {
  size_t count;         /* Protocols. */
  bool relay;           /* One of them is a relay protocol. */
  wpm_text protocols[]; /* Sorted; they point into the protocols' own entries. */
} wpm_protocol_set;

/* The prefix that makes `protocol` a relay protocol; empty where it is none. */
wpm_text wpm_protocol_relay_prefix(wpm_text protocol);

/* Takes the set of `protocols`: empty ones and those longer than max_text are left out, as is what
 * exceeds max_protocols, relay protocols as said above. *out is NULL for the empty set.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_protocols_take(wpm_store *store, const wpm_text *protocols, size_t count,
                                    wpm_interned **out);

/* One holder less; NULL is allowed. */
void wpm_protocols_drop(wpm_store *store, wpm_interned *set);

/* The set of an entry; NULL for NULL. */
static inline const wpm_protocol_set *wpm_protocols_of(const wpm_interned *entry) {
  return entry ? wpm_interned_extra(entry) : NULL;
}

/* Makes room in the indexes for `slot` to have the protocols of `set`. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_protocols_reserve(wpm_store *store, const wpm_interned *set, uint32_t slot);

/* The peer of `slot` has the protocols of `fresh` and no longer those of `old`. */
void wpm_protocols_reindex(wpm_store *store, const wpm_interned *old, const wpm_interned *fresh,
                           uint32_t slot);

/* True where the set names the protocol with this handle. */
bool wpm_protocols_name(const wpm_interned *set, uint32_t handle);

/* ---- names with an index ----------------------------------------------------------------------- */

/* The number of an entry's index (core/index.h); 0: it has none. */
static inline uint32_t wpm_name_index(const wpm_interned *entry) {
  return *(const uint32_t *)wpm_interned_extra(entry);
}

/* Takes the entry of a protocol, tag or shard, one holder more; a fresh one gets an index while there
 * may be more. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_name_take(wpm_store *store, wpm_intern *table, wpm_bytes name,
                               wpm_interned **out);

/* One holder less; its index goes with the last. */
void wpm_name_drop(wpm_store *store, wpm_intern *table, wpm_interned *entry);

#endif
