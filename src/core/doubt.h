/* Outbound places that may come to nothing, at the beginning of a network epoch.
 *
 * - Who wakes finds connections dead and peers gone, and a dial, or a ping, of such a peer says so only after
 *   seconds: were each waited for in its turn, it would take a minute until the outbound target is met. So in
 *   the first `HASTE` of an epoch (core/epoch.h) a place of which nothing is heard for `SLOW` is *in doubt*:
 *   it stays, with its group, but does not count towards `relay_outbound`, and another candidate is dialled
 *   beside it (as RFC 8305 does with the addresses of one host). Bitcoin Core dials more outbound peers than
 *   it wants where its tip is stale, for the same reason.
 * - In doubt are dials of candidates, and connections that were pinged as a gap was over; each until it ends,
 *   or is heard of.
 * - Where more are connected than are wanted for that, the newest goes (core/beyond.h).
 * - Later in an epoch, and while it lasts without a network, nobody is dialled beside another: then haste
 *   would only be noise.
 */
#ifndef WPM_CORE_DOUBT_H
#define WPM_CORE_DOUBT_H

#include "core/connections.h"

void wpm_doubt_init(wpm_manager *m);

/* An epoch is young: candidates are dialled in haste. */
bool wpm_doubt_is_haste(const wpm_manager *m);

/* An epoch has begun. */
void wpm_doubt_begin_epoch(wpm_manager *m);

/* All connections were pinged, since a gap is over. */
void wpm_doubt_probed(wpm_manager *m);

/* A candidate is dialled; `for_target`: as more outbound relay peers are wanted, whoever they are. */
void wpm_doubt_dialled(wpm_manager *m, uint32_t slot, bool for_target);

/* The peer's connections, dial or outbound place may have changed. */
void wpm_doubt_update(wpm_manager *m, uint32_t slot);

/* A connection that was pinged as a gap was over has answered. */
void wpm_doubt_answered(wpm_manager *m, uint32_t slot);

/* The peer is wanted for its own sake now: it counts, and stays. */
void wpm_doubt_adopt(wpm_manager *m, uint32_t slot);

/* Outbound relay peers that count: those in doubt do not. */
static inline uint32_t wpm_doubt_outbound(const wpm_manager *m) {
  return m->targets.outbound - m->doubt.count;
}

/* When one that counts now is in doubt, so that another may be chosen; WPM_NEVER: not as things are. */
wpm_mono wpm_doubt_next(const wpm_manager *m);

/* Doubts what is slow, and lets go of those beyond what is wanted; when there is something to doubt next. */
void wpm_doubt_run(wpm_manager *m, wpm_instant now);
wpm_mono wpm_doubt_deadline(const wpm_manager *m);

#endif
