/* Blame for whoever tells us of addresses that are dead or another's.
 *
 * - The first dial of a peer that another one told of says what its word was worth: it *worked* where the
 *   dial led to a connection. It was *dead or false* where nobody listened, no way led there, nobody
 *   answered in time, or another identity did. Any other end says nothing, nor does one that was our own
 *   failure, came offline or by a gap, or came while no connection was live: then it may be our network.
 * - Of a teller the last RESULTS are looked at. Where fewer than one in WORKING_SHARE of them worked, BLAME
 *   is taken off its score (core/judge.h), once an hour at most, and its results are counted anew. Of what
 *   honest peers tell a third to a half is stale, and many cannot be dialled; that costs nobody anything.
 * - Who is at `discouraged_at` by it is not listened to any more (core/sources.h), until that fades.
 * - Results of TELLERS are kept. Beyond them the one gives way that told us of somebody last the
 *   longest ago; whom it told of is then nobody's fault. They are those of this run.
 *
 * wakupeers' own, its numbers too: no specification says whose fault a dead address is, and it would be easy to
 * fill a store with them.
 */
#ifndef WPM_CORE_TELLERS_H
#define WPM_CORE_TELLERS_H

#include "core/manager.h"

void wpm_tellers_fini(wpm_manager *m);

/* The peer at `slot` is known from the one at `teller` alone (WPM_SLOT_NONE: nobody whom we hold). */
void wpm_tellers_told(wpm_manager *m, uint32_t slot, uint32_t teller);

/* A dial of the peer led to a connection, or it came by itself. */
void wpm_tellers_worked(wpm_manager *m, uint32_t slot, bool dialled);

/* A dial of it failed, at the peer. */
void wpm_tellers_failed(wpm_manager *m, uint32_t slot, wpm_reason reason, wpm_instant now);

#endif
