/* Which of a peer's addresses go into a dial, and in which order.
 *
 * - Those that scope and bans admit (core/scope.h, core/range_bans.h), without those behind a black hole
 *   (core/black_hole.h).
 * - *Backoff* of an address: one whose last attempt failed is left out, while the peer has another that
 *   is not, for as long as it had been failing by then: since the end of the last stable connection at it,
 *   its last success, or, where it never worked, since it was first named. So each failure in a row about
 *   doubles it, and nothing is kept for it. At least 5 s, at most an hour, up to a quarter less by a jitter
 *   that follows from the seed, the address and the failure. Where all are in backoff, all are tried: the
 *   peer's retry delay has passed. Failures of before the present network epoch (core/epoch.h) hold
 *   nothing back; nor do those that the wall clock says are to come.
 * - A connection that the peer dropped before it was stable is a failure of its address; so what resets
 *   the backoff is a stable connection.
 * - Order: what worked last, the latest success first; then what was never tried; then what failed, the
 *   longest ago first. Of the untried the surer and the more trusted come first; then the nearer
 *   (loopback, private, public; RFC 6724 rule 8, and as go-libp2p); then those of fewer layers: TCP and
 *   QUIC alike, since we do not know what the host can dial, ws, wss, others, relayed. Among equals IPv6
 *   and IPv4 alternate, IPv6 first, unless one of it is just ahead (RFC 8305, section 4). How far apart
 *   they are begun is the host's matter (250 ms there).
 * - At most 16: at 250 ms each all have begun within 4 s of the 10 that a dial may take. The rest has its
 *   turn when those failed.
 */
#ifndef WPM_CORE_RANK_H
#define WPM_CORE_RANK_H

#include "core/manager.h"

/* What keeps each of the peer's addresses, of those that no ban holds at that time, from being dialled:
 * ADDRESS_SCOPE, BLACK_HOLE; NOTHING. */
wpm_held_by wpm_rank_holds(const wpm_manager *m, uint32_t slot, wpm_mono now);

/* The same, where the peer is wanted now: one that a black hole holds may go where it is time to try. */
bool wpm_rank_may_go(const wpm_manager *m, uint32_t slot);

/* Views of the addresses of a dial, in order; returns how many. `all`: whatever speaks against them.
 * `out` has room for all that the peer has. */
size_t wpm_rank_dial(wpm_manager *m, uint32_t slot, bool all, wpm_bytes *out);

/* Views of the best `most` of these addresses in order; returns how many. `out` has room for `count`. */
size_t wpm_rank_order(const wpm_address *items, size_t count, size_t most, wpm_bytes *out);

#endif
