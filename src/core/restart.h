/* Coming back after a restart or a crash (27/WAKU2-PEERS, Persistence and Reconnecting peers).
 *
 * - A record stored as Connected is of a peer that was connected when we died: it becomes
 *   CannotConnect, reason `crash`, disconnected at the earlier of last heartbeat + 5 s and now
 *   within one boot, at now after a reboot; its prune backoff runs from there.
 * - Stored waits go on: within one boot by its own clock; after a reboot by the wall clock as the last
 *   heartbeat showed it, so that setting it while we ran changes nothing. One that cannot be placed in
 *   time, because the wall clock stands before its start, begins anew, once.
 * - Not so the prune backoff, which is the other side's right: while the machine was off the wall clock
 *   may have been set ahead, and nothing tells. After a reboot only that has passed of it which our own
 *   clocks saw: from its start to the last heartbeat, and from this boot on. So the time that the machine
 *   was off does not count, and no wall clock ends it early; one that says that more is left, because it
 *   was set back, is believed. What that costs: a backoff of a minute ends a minute after the boot, at
 *   the latest, and a PRUNE of hours is waited out by the hours that we were up. Where the clock was
 *   right that is longer than we owe, which harms nobody; the other way round we would break a rule for
 *   which GossipSub punishes. It rests on `mono` counting from the boot that boot_id names; on a system that
 *   does not name its boot, where each run has another boot_id, the wall clock decides as for other waits.
 * - A peer that we held whose record has a disconnect time but no prune backoff (it comes from another
 *   client's store) gets the one that its disconnect time asks for.
 * - The relay-capable peers that we had been connected to, but for those let go as too many and trial
 *   connections, are dialled first, as many as max_connections allows: those that were connected when we
 *   stopped before those connected earlier, of either the last connected first.
 * - Those that were connected when we stopped have a place kept for them until their first attempt, so that
 *   nobody else takes it while they wait for their backoff. No place is kept for one that has to wait for
 *   longer than the default backoff, be it told so later: a PRUNE does not reserve places. Nor is anybody else
 *   of its network group chosen while it is kept (core/targets.h).
 * - Those that were connected earlier have the places that are left, and keep nobody out: where outbound
 *   relay peers are more than wanted, they make way for whoever dials us (core/crowd.h).
 * - Where outbound relay peers are counted (core/targets.h), that is for those that we had dialled. A relay
 *   peer that had been inbound is a candidate as others are, so that no second one of a group gets an
 *   outbound place for it.
 * - Who was connected when we stopped or died, either way, and was not met since, is *greeted* if it comes
 *   by itself: where there is no place, that of a stranger is its own (core/crowd.h). The limits of
 *   core/inbound.h hold for it too.
 * - The waits of a record that is imported later are brought into this boot in the same way; the peer is none of
 *   the restart.
 */
#ifndef WPM_CORE_RESTART_H
#define WPM_CORE_RESTART_H

#include "core/manager.h"

/* The order of the peer among those of the restart: the least first; below 2^58. */
int64_t wpm_restart_rank(const wpm_peer *peer);

/* The order of any peers: the last disconnected first, of those that went in the same second the
 * last connected; below 2^57. */
int64_t wpm_restart_rank_by_time(const wpm_peer *peer);

/* The first event or advance: keeps places. */
void wpm_restart_begin(wpm_manager *m, wpm_instant now);

/* Keeps places for the next ones while there are any. */
void wpm_restart_reserve(wpm_manager *m, wpm_instant now);

/* Its attempt failed on our own account, and its place was just given up: the place is kept. */
void wpm_restart_again(wpm_manager *m, uint32_t slot);

/* The other side, or a ban, lets it be dialled no earlier. */
void wpm_restart_waits(wpm_manager *m, uint32_t slot, wpm_mono until);

/* The peer was tried, or is not wanted any more: nothing is kept for it. */
void wpm_restart_drop(wpm_manager *m, uint32_t slot);

/* A stored ban, brought into this boot. `heartbeat` as wpm_manager_restore. */
wpm_wait wpm_restart_resumed_ban(const wpm_wait *stored, const wpm_instant *heartbeat,
                                 wpm_instant now);

/* The event IMPORTED. */
WPM_MUST_USE int wpm_on_imported(wpm_manager *m, const wpm_event *event, wpm_instant now);

#endif
