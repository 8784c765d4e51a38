/* Who is dialled, and when (27/WAKU2-PEERS, Reconnecting peers; the cap on dials as go-libp2p has one).
 *
 * - Where outbound relay peers are counted (core/targets.h), that module chooses among relay peers, those
 *   of a restart and static ones aside; without, they are wanted as others are.
 * - Wanted are the static nodes and every peer that we held, but for those let go as too many and trial
 *   connections (core/feelers.h); not one that a person disconnected,
 *   and of relay-capable peers that are not static only those that share a shard with us, where
 *   both name any. Where outbound relay peers are counted, who does not relay is not wanted for having been
 *   held: else whoever dials us once, or says so of itself, would be dialled into places that no number holds.
 *   What it offers may be wanted (core/services.h).
 * - A wanted peer with an address is *waiting* until its prune backoff, its retry delay and, if it
 *   is of another cluster, its mismatch delay are over; then it is *ready*. It is dialled when a
 *   place is free: fewer than `max_connections` peers connected, being dialled or with a place kept
 *   for them, less those kept for services and static peers (core/targets.h), and fewer than `max_dials`
 *   dials.
 * - A *candidate* is one that is not wanted for its own sake, but may be chosen where more like it are
 *   (core/targets.h, core/services.h). It waits as the wanted do, and then for being chosen: no dial of it
 *   is told before it goes.
 * - Order of the ready: peers for which a place is kept (core/restart.h), static nodes, the other
 *   relay-capable ones of the restart, other relay-capable peers, the rest; among equals
 *   the last connected first, then by slot. So where there is no place for the first, there is none
 *   for any.
 * - Those that a black hole holds (core/black_hole.h) come last, in an order that is drawn: one of them
 *   goes now and then.
 * - A connect that a person asks for goes at once, past every wait and limit.
 */
#ifndef WPM_CORE_SCHEDULE_H
#define WPM_CORE_SCHEDULE_H

#include "core/manager.h"

/* What holds the peer back, places left aside, until when (WPM_NEVER: not a matter of time), and when it
 * is dialled for its own sake. */
wpm_plan wpm_schedule_plan(const wpm_manager *m, uint32_t slot, wpm_instant now);

/* We let it go as one too many, or only tried it: that we held it is no reason to dial it. */
bool wpm_schedule_was_let_go(const wpm_peer *peer);

/* It is dialled on its own account, as soon as nothing holds it back. */
bool wpm_schedule_wants(const wpm_manager *m, uint32_t slot);

/* One that may be chosen: nothing of our own account holds it back, nor its addresses. */
bool wpm_schedule_may_be_chosen(const wpm_manager *m, uint32_t slot);

/* It waits, and may be chosen once that is over, as things are. */
bool wpm_schedule_becomes_candidate(const wpm_manager *m, uint32_t slot);

/* Places that the peer, or a stranger (WPM_SLOT_NONE), may have one of now. */
size_t wpm_schedule_room(const wpm_manager *m, uint32_t slot);

/* There is one in which the peer may be dialled for its own sake. */
bool wpm_schedule_has_room(const wpm_manager *m, uint32_t slot);

/* Plans the peer's next dial anew, after any change of it. */
void wpm_schedule_update(wpm_manager *m, uint32_t slot, wpm_instant now);

/* Its place among the ready ones, where it is one, has changed. */
void wpm_schedule_rerank(wpm_manager *m, uint32_t slot);

/* Takes the peer out of the plan: it is gone. */
void wpm_schedule_drop(wpm_manager *m, uint32_t slot);

/* Moves the peers whose waits are over to the ready ones. */
void wpm_schedule_due(wpm_manager *m, wpm_instant now);

/* Dials the ready ones while there is room. */
void wpm_schedule_run(wpm_manager *m, wpm_instant now);

/* Somebody is ready, and there is room again: it was made behind that. */
bool wpm_schedule_has_more(const wpm_manager *m);

/* Dials the peer now; `all`: at every address, as a person wants it. */
void wpm_schedule_dial(wpm_manager *m, uint32_t slot, bool all);

#endif
