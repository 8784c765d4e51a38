/* Limits on inbound connections, by where they come from.
 *
 * - From a banned range (core/range_bans.h) nobody comes in: neither a static peer, nor from a range of
 *   `inbound_allow`.
 * - Of one IP address at most `inbound_per_ip` inbound connections are live at once, of one network
 *   (IPv4 /24, IPv6 /48) at most `inbound_per_network`. The newcomer is refused; nobody goes for it. An
 *   IPv6 address is a /64 here: its owner has all of it.
 * - Attempts are paced: an address may make ACCEPT_BURST in a row, and one a second from then on; a
 *   network four times as many. A js-waku that was dropped redials 75 times a second. And a peer, whose id
 *   is proven, as many as an address: also from an exempt one, and from many.
 * - Addresses in a range of `inbound_allow` are not limited: a reverse proxy, from which many come
 *   (nwaku's issue 2306). Nor is a static peer, whose place is its own.
 * - Attempts are counted as the host asks (wpm_manager_admit), before any handshake; where it never
 *   asks, as connections come up. What is live is counted by the connections themselves, so a
 *   handshake that fails leaves nothing behind (go-waku's counter leaks there).
 * - What is kept is bounded: over MOST_ORIGINS the one gives way that has nobody connected and made no
 *   attempt for the longest time, as far as a few that are looked at go.
 *
 * A limit per IP address is nwaku's and go-waku's, too; per network, pace, exemptions and numbers are
 * wakupeers' own.
 */
#ifndef WPM_CORE_INBOUND_H
#define WPM_CORE_INBOUND_H

#include "core/connections.h"

void wpm_inbound_init(wpm_manager *m);
void wpm_inbound_fini(wpm_manager *m);

/* Asks for what deciding about an inbound connection from there will look at. */
void wpm_inbound_ask_for(wpm_manager *m, wpm_bytes peer, wpm_bytes remote);

/* Why a connection from `remote` is refused; counts it. `peer`: whose it is, once it is up, and `slot` its
 * slot (WPM_SLOT_NONE: not held); empty: nobody knows yet, the host asks. The attempt of the address is
 * counted as the host asks, or where it never does as the connection is up. */
wpm_inbound_rule wpm_inbound_refusal(wpm_manager *m, uint32_t slot, wpm_bytes peer,
                                     wpm_bytes remote, wpm_mono now);

/* The same as the end of a connection tells it; NONE: it is admitted. */
wpm_reason wpm_inbound_reason(wpm_inbound_rule rule);

/* The IP address that a live inbound connection comes from (16 bytes, IPv4 mapped, IPv6 cut to its /64);
 * NULL: none is kept. */
const uint8_t *wpm_inbound_ip(const wpm_manager *m, const wpm_connection *connection);

/* A connection is live; one has ended. */
void wpm_inbound_began(wpm_manager *m, wpm_connection *connection);
void wpm_inbound_ended(wpm_manager *m, wpm_connection *connection);

#endif
