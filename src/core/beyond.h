/* Outbound peers that nobody needs: they go at once, as `surplus`.
 *
 * - A relay peer, where more are connected than are wanted: since others were dialled in haste beside those
 *   in doubt (core/doubt.h), or while those of the last run waited for their backoff (core/restart.h). The newest
 *   of those that were chosen goes; who comes back from the last run stays, but makes way for whoever dials us
 *   (core/crowd.h).
 * - One that turns out not to relay, if it was dialled on our own account: it was to be a relay peer, or one of a
 *   service that it does not offer. Else whoever says so of itself would keep a place outside of all numbers and
 *   groups, and the next candidate would be dialled beside it, until no place is left.
 * - Neither static nor protected peers go for this, nor those that their shards or their services need; nor
 *   whom a person connects.
 * - Who went was reached, and is a candidate from then on where more like it are wanted; it is not dialled for
 *   having been held.
 *
 * wakupeers' own.
 */
#ifndef WPM_CORE_BEYOND_H
#define WPM_CORE_BEYOND_H

#include "core/manager.h"

/* More outbound relay peers are connected than are wanted. */
bool wpm_beyond_relay(const wpm_manager *m);

/* The peer's connections or protocols may have changed. */
void wpm_beyond_update(wpm_manager *m, uint32_t slot);

/* Lets go whom nobody needs. */
void wpm_beyond_run(wpm_manager *m, wpm_instant now);

#endif
