/* Who is looked at for their age: addresses that nobody names any more go, scores (core/judge.h) and tags
 * (core/tags.h) fade and end.
 *
 * - Each minute a sixtieth of all peers is to be looked at, so each within the hour.
 * - It is done in small steps, a few beside each event, more in each advance, which is due at once while any
 *   are left: so that no call takes long, however many peers there are. What a minute leaves is done in the next;
 *   nobody is looked at twice for a host that is late.
 * - A minute begins with a call; nobody is woken for it but where somebody has a score or such a tag.
 *
 * wakupeers' own; that addresses are forgotten is Bitcoin Core's (addrman), see <wakupeers/store.h>.
 */
#ifndef WPM_CORE_AGES_H
#define WPM_CORE_AGES_H

#include "core/manager.h"

/* Looks at those who are due: beside an event, or in an advance. */
void wpm_ages_beside_event(wpm_manager *m, wpm_instant now);
void wpm_ages_advance(wpm_manager *m, wpm_instant now);

/* When that is due. */
wpm_mono wpm_ages_deadline(const wpm_manager *m);

#endif
