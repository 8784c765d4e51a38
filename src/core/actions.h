/* The actions waiting to be pulled.
 *
 * - Bounded by design: an action is a bit at its peer or connection, and those with bits set are
 *   linked in the order in which the first of their bits was set. So there is nothing to overflow,
 *   and asking for what is asked for already changes nothing.
 * - Those of connections are pulled before those of peers: a peer's old connection is closed before
 *   the peer is dialled again.
 * - Of one peer: cancelled dial, change of connectivity, record to store, record to delete, dial.
 *   Of one connection: disconnect (then nothing else), identify, metadata, ping.
 * - Changes of connectivity that are not pulled before the next one are joined to one.
 *
 * wakupeers' own: no specification says how a client asks its host.
 */
#ifndef WPM_CORE_ACTIONS_H
#define WPM_CORE_ACTIONS_H

#include "core/manager.h"

/* Sets bits of WPM_PENDING_…. */
void wpm_pending_peer(wpm_manager *m, uint32_t slot, unsigned bits);
void wpm_pending_connection(wpm_manager *m, wpm_connection *connection, unsigned bits);

/* The peer's connectivity was `from`: a NOTIFY where it is another now. */
void wpm_pending_notify(wpm_manager *m, uint32_t slot, wpm_connectivity from);

/* Makes room for a dial action with `count` addresses. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_pending_reserve(wpm_manager *m, size_t count);

#endif
