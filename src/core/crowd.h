/* Who goes when there are too many connections.
 *
 * - *Beyond*: where outbound relay peers are more than wanted (core/targets.h), since a restart brings back
 *   all that were connected before, a newcomer takes the place of one of these, whenever it comes: they were
 *   dialled since there was room, and each goes once. Those that were not connected when we stopped go first.
 *   They go for the places of services and static peers, too, that are missing.
 * - *Full*: a newcomer that finds no place inbound takes that of an inbound peer that is worth least, where
 *   there is one; else it is refused (Bitcoin Core, SelectNodeToEvict). Once in `EVICT_EVERY` at most, so
 *   that whoever knocks often does not turn all of them over.
 *   Nobody goes where one place would not do, since others are kept (core/targets.h).
 * - *Greeted*: who was connected when we stopped or died, was not met since, and comes again
 *   (core/restart.h), takes the place of a stranger, one that was not, whenever it comes: each is greeted once,
 *   so they are no flood, and whoever fills all places as we start keeps none of them out. Else it is a newcomer
 *   as others are. In what follows it has been here for longer than any stranger.
 * - *Trusted*: a static or protected peer takes the place of the one worth least whenever it comes: others
 *   that knock do not take its turn. A person names these, so they are no flood either.
 * - *Watermarks* (libp2p's connection manager): above `high_water` connections those worth least go, until
 *   `low_water` are left. A connection younger than `grace` does not go for this.
 * - Never for any of these: static and protected peers, those that a shard or a service needs, and outbound relay
 *   peers as far as they are wanted.
 * - Of the others some are worth more than the rest, by properties that cannot all be feigned: four of
 *   different network groups, drawn by a secret order; the eight with the shortest round trip; the four
 *   with the highest score above 0; of those left, the half that has been here longest.
 * - Who goes is one of those who have more than their share of the places, where relay peers or the others
 *   do (core/shares.h): the properties are compared among these alone.
 * - The discouraged go first (core/judge.h), and take nobody's place.
 * - Of the rest, those of the group with most connections go first, in it the youngest. Watermarks go on
 *   into those worth more, in the reverse of that order, and so does who takes the place of one beyond; of
 *   the inbound ones a newcomer pushes out none of them.
 * - Who went has the reason `crowded`, and is not dialled again for having been held.
 */
#ifndef WPM_CORE_CROWD_H
#define WPM_CORE_CROWD_H

#include "core/manager.h"

#include <wakupeers/explain.h>

/* An inbound newcomer finds no place: lets one go for it. False: nobody may go. */
bool wpm_crowd_make_way(wpm_manager *m, wpm_instant now);

/* The same for one that is greeted: whether a stranger went for it. */
bool wpm_crowd_greet(wpm_manager *m, wpm_instant now);

/* The same for one that is static or protected, whenever it comes. */
bool wpm_crowd_admit(wpm_manager *m, wpm_instant now);

/* Those beyond go until the places that are kept for services and static peers are free; who gets these is
 * dialled in the next step, which is due then. */
void wpm_crowd_make_room(wpm_manager *m, wpm_instant now);

/* Who would go for such a newcomer, why and when at the earliest (`crowded`…): a dry run of the same.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_crowd_foretell(const wpm_manager *m, wpm_instant now, wpm_preview *out);

/* Lets so many go, those worth least, whatever their age; without memory to tell, the youngest. */
void wpm_crowd_let_go(wpm_manager *m, size_t leavers, wpm_instant now);

/* Keeps to the watermarks, and to the inbound relay peers wanted; when that is to be done next. */
void wpm_crowd_run(wpm_manager *m, wpm_instant now);
wpm_mono wpm_crowd_deadline(const wpm_manager *m);

#endif
