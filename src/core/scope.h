/* Which addresses of a peer may be dialled: those of the world, and those near to us where the peer is
 * near (nwaku's issue 1493: private addresses dialled).
 *
 * - An address is *public*, *private* (RFC 1918, RFC 6598, unique local, link-local, names under local,
 *   lan, internal or home.arpa) or *loopback*; one that nobody can have (unspecified, multicast) is
 *   *nowhere* and is never dialled.
 * - Public addresses are dialled. A private or loopback one is dialled where it is of our configuration
 *   or a person gave it; where a connection with the peer ran there before, ours or its own; or by
 *   option. Who was on our loopback is on our machine, and may be dialled at private addresses too.
 * - What is not dialled is kept: scope is decided as we dial, not as we hear.
 */
#ifndef WPM_CORE_SCOPE_H
#define WPM_CORE_SCOPE_H

#include "core/manager.h"

typedef enum wpm_scope {
  WPM_SCOPE_PUBLIC = 0,
  WPM_SCOPE_PRIVATE,
  WPM_SCOPE_LOOPBACK,
  WPM_SCOPE_NOWHERE
} wpm_scope;

/* The scope of a multiaddr, by its first component; without an IP address or a name: public. */
wpm_scope wpm_scope_of(wpm_bytes multiaddr);

/* Moves those of `items` that may be dialled to the front, in their order; returns how many. */
size_t wpm_scope_admit(const wpm_manager *m, uint32_t slot, wpm_address *items, size_t count);

#endif
