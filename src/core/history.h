/* What happened lately, for people to read (<wakupeers/explain.h>; wakupeers' own, no specification
 * asks for it).
 *
 * - One ring for the manager, of at most max_history entries, of which the oldest gives way. It begins
 *   small and grows while entries come.
 * - An entry never fails the event that it tells of: without memory for more, the ring goes round in
 *   what it has, and tries again when it comes to its end.
 * - An entry is of one cache line and has a copy of the peer's id, so it outlives the peer.
 * - The entries of one peer are linked backwards, from the peer's policy on. What happened before it
 *   was removed and came back is found by its id, which takes a look through the ring.
 * - Only what is worth a look is entered: bytes, answered pings and heard addresses are not, since a
 *   flood of them would push out all else. Of what a peer can do at will (be refused, identify itself,
 *   prune), the same again within a minute is not, and of refused strangers one a second is.
 */
#ifndef WPM_CORE_HISTORY_H
#define WPM_CORE_HISTORY_H

#include "base/chunks.h"

#include <wakupeers/explain.h>

typedef struct wpm_history {
  wpm_chunks records; /* The ring. */
  size_t most;        /* Entries it may have; 0: none are kept. */
  size_t count;       /* Entries held. */
  size_t at;          /* Where the next one goes. */
  uint64_t number;    /* Of the latest one; 0: there was none. */
  wpm_wall now;       /* When what happens now happens. */
  wpm_wall refused;   /* When a stranger's refusal was last entered; WPM_WALL_NONE: never. */
} wpm_history;

/* WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_history_init(wpm_history *history, size_t most);
void wpm_history_fini(wpm_history *history);

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
