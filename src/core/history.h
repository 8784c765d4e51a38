/* What happened lately, for people to read (<wakupeers/explain.h>; wakupeers' own, no specification
 * asks for it).
 *
 * - Kept are at most max_history entries, of which the oldest gives way; of one peer at most
 *   WPM_HISTORY_PEER_MOST, of which its own oldest gives way, so that one that makes noise pushes out
 *   nothing of the others. What is of no peer, and what is of those that are not held (strangers turned
 *   away, peers that went), are at most WPM_HISTORY_OWN_MOST each (core/history_ring.h). The memory begins
 *   small and grows while entries come.
 * - An entry never fails the event that it tells of: without memory for more, the oldest gives way
 *   in what there is, and after as many entries it is tried again.
 * - An entry has a copy of the peer's id, so it outlives the peer.
 * - The entries of one peer are linked, from the peer's policy on. What happened before it was removed and
 *   came back is found by its id, which takes a look through all.
 * - Only what is worth a look is entered: bytes, answered pings and heard addresses are not, since a
 *   flood of them would push out all else. Of what a peer can do at will (be refused, identify itself,
 *   prune), the same again within a minute is not, and of refused strangers one a second is.
 */
#ifndef WPM_CORE_HISTORY_H
#define WPM_CORE_HISTORY_H

#include "core/history_ring.h"

/* Something happened to the peer of a slot. */
void wpm_history_note(wpm_manager *m, uint32_t slot, wpm_history_kind kind, wpm_reason reason);

/* Something happened to a connection of it, or on the way to one. */
void wpm_history_note_connection(wpm_manager *m, uint32_t slot, wpm_history_kind kind,
                                 wpm_reason reason, wpm_direction direction);

/* A connection with `id` was turned away; `slot`: WPM_SLOT_NONE where it is not held. */
void wpm_history_note_refused(wpm_manager *m, uint32_t slot, wpm_bytes id, wpm_reason reason,
                              wpm_direction direction);

/* Something happened to us; the same again within a minute, with nothing between, is not entered. */
void wpm_history_note_own(wpm_manager *m, wpm_history_kind kind);

/* The peer goes; to be called while it is held. */
void wpm_history_note_gone(wpm_manager *m, uint32_t slot, wpm_cause cause);

#endif
