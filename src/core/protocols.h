/* The protocols that a peer announces, as one interned set: peers that announce the same share it.
 *
 * - A set is sorted bytewise and holds no id twice: some peers announce theirs in random order.
 * - A relay protocol is one by which a peer may take part in a GossipSub mesh
 *   (wpm_protocol_is_relay): 11/WAKU2-RELAY and libp2p's own meshsub and floodsub.
 * - Whether a peer relays decides its prune backoff (27/WAKU2-PEERS), so no cap may hide it: relay
 *   protocols are the last to be left out for their number, and one that is too long is kept as the
 *   prefix that makes it a relay protocol, for example `/meshsub/`.
 */
#ifndef WPM_CORE_PROTOCOLS_H
#define WPM_CORE_PROTOCOLS_H

#include "core/intern.h"

/* What a set's entry carries in front of its string. */
typedef struct wpm_protocol_set {
  size_t count;         /* Protocols. */
  bool relay;           /* One of them is a relay protocol. */
  wpm_text protocols[]; /* Sorted; they point into the entry's string. */
} wpm_protocol_set;

/* The prefix that makes `protocol` a relay protocol; empty where it is none. */
wpm_text wpm_protocol_relay_prefix(wpm_text protocol);

/* Takes the set of `protocols`: empty ones and those longer than `max_text` are left out, as is
 * what exceeds `max_count` (0: no limit), relay protocols as said above. *out is NULL for the empty
 * set. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_protocols_take(wpm_intern *table, const wpm_text *protocols, size_t count,
                                    size_t max_count, size_t max_text, wpm_interned **out);

/* The set of an entry; NULL for NULL. */
static inline const wpm_protocol_set *wpm_protocols_of(const wpm_interned *entry) {
  return entry ? wpm_interned_extra(entry) : NULL;
}

/* True where the set holds `protocol`. */
bool wpm_protocols_hold(const wpm_interned *entry, wpm_text protocol);

#endif
