/* What an event will look at is asked for from memory before it is looked at.
 *
 * - In a store of very many peers hardly any of them is in a cache: what a decision takes is waiting for
 *   memory. What is needed lies behind one another: an entry of the map names a slot, the slot the blocks of
 *   its addresses and contact. So each step is asked for as soon as it is known, together with all else
 *   that is known by then, and other work is done meanwhile.
 * - Nothing is decided here, and nothing is changed: without these calls all is the same but slower.
 *
 * wakupeers' own.
 */
#ifndef WPM_CORE_AHEAD_H
#define WPM_CORE_AHEAD_H

#include "core/manager.h"

/* An event comes that begins with looking its peer up. */
void wpm_ahead_of_event(wpm_manager *m, const wpm_event *event);

/* It was looked up, and something of it may change: its slot is there. */
void wpm_ahead_of_found(const wpm_manager *m, uint32_t slot);

/* Something of the peer of a connection will change. */
void wpm_ahead_of_change(const wpm_manager *m, uint32_t slot);

/* The peer will be forgotten. */
void wpm_ahead_of_end(const wpm_manager *m, uint32_t slot);

#endif
