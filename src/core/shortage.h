/* Running short of descriptors or memory: some connections go, before all do.
 *
 * - As the host says so, an eighth of those connected or being dialled, one at least, is to go: the
 *   connections worth least (core/crowd.h). What is left of the places, but no fewer than `FEWEST`, is the
 *   *ceiling*: no more are given out. Said again within `SHORTAGE_EVERY`, it is the same shortage.
 * - A minute later the ceiling rises by a sixteenth of max_connections, and so on, until it is there again
 *   or the next shortage comes: so we learn what this machine bears.
 * - A person's dials go, static and protected peers stay, as always. Nobody is blamed: who went for this
 *   is `crowded` (after the emergency trims of go-libp2p and Core Lightning).
 */
#ifndef WPM_CORE_SHORTAGE_H
#define WPM_CORE_SHORTAGE_H

#include "core/manager.h"

WPM_MUST_USE int wpm_on_shortage(wpm_manager *m, const wpm_event *event, wpm_instant now);

/* Lets the ceiling rise; when that is to be done next. */
void wpm_shortage_run(wpm_manager *m, wpm_instant now);
wpm_mono wpm_shortage_deadline(const wpm_manager *m);

#endif
