/* The two delays before a peer is dialled again (27/WAKU2-PEERS, Reconnecting peers).
 *
 * Retry delay, ours:
 * - Over n failed attempts since the last stable connection it is reconnect_min · 2^(n-1), at most
 *   reconnect_max; a maximum below the minimum lowers it. Jitter moves it up by at most a quarter,
 *   or, near the maximum, down by at most a quarter; never outside minimum and maximum.
 * - A dial that made no connection is a failed attempt, and is counted in the record. A connection
 *   that we dialled and that ended before it was stable, by the peer's doing or by loss, is none;
 *   but it makes the delay longer as one would, so that a peer that takes every connection and drops
 *   it is not hammered. Connections that they dialled, and ends that we chose, do not count.
 * - Only a stable connection resets it.
 * - A local failure (no descriptors, no memory, our network down) is not held against the peer and
 *   not stored; but to keep from spinning the same delay, at most 10 s, is taken over local failures
 *   in a row, and over connections that we ended before they were stable. Who may be chosen
 *   (core/targets.h, core/services.h, core/feelers.h) waits for it as the wanted do.
 *
 * Prune backoff, the other side's right (gossipsub v1.1; libp2p/specs gossipsub-v1.1, Prune
 * Backoff):
 * - From a disconnect on, for every peer that speaks or may speak GossipSub: the backoff, plus
 *   slack, plus a jitter of 0.1 to 1 s. The lower bound of the jitter covers that the other side
 *   notes the end a little after us.
 * - From a PRUNE on: the backoff it names, or the default where it names none, plus the same.
 * - At most a day, as nim-libp2p takes it (docs/policy.md). Never shortened: of two the later end counts. A dial
 *   in flight that began before, and was not a person's, is cancelled: it would arrive inside it.
 */
#ifndef WPM_CORE_BACKOFF_H
#define WPM_CORE_BACKOFF_H

#include "core/manager.h"

/* The retry delay after `failures` (≥ 1) failed attempts, in ns. Draws jitter. */
int64_t wpm_backoff_retry(wpm_manager *m, uint32_t failures);

/* The same, for local failures. */
int64_t wpm_backoff_local(wpm_manager *m, uint32_t failures);

/* Starts the prune backoff of a peer at `start`, `named_ns` long (0: the default), unless what it
 * has ends later. WPM_ERR_NO_MEMORY, not where its contact is open. */
WPM_MUST_USE int wpm_backoff_try_prune(wpm_manager *m, uint32_t slot, wpm_instant start,
                                       int64_t named_ns, wpm_instant now);
/* The same where that is so. */
void wpm_backoff_prune(wpm_manager *m, uint32_t slot, wpm_instant start, int64_t named_ns,
                       wpm_instant now);

/* The longest prune backoff that no PRUNE named. */
int64_t wpm_backoff_longest_default(const wpm_manager *m);

/* True where the peer speaks GossipSub, or may: its protocols are not known. */
bool wpm_backoff_applies(const wpm_peer *peer);

#endif
