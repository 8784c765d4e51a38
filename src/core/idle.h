/* What silence the paths of a transport bear: the interval of pings, learned.
 *
 * - Middle boxes (NAT, proxies, firewalls) forget a connection that was silent for long; each transport,
 *   over IPv4 and over IPv6, has boxes of its own. `ping_interval` is what they are configured to bear;
 *   this finds out what they do. (RFC 5382, REQ-5, asks NATs for two hours of TCP, RFC 4787, REQ-5, for
 *   two minutes of UDP; many bear less, and proxies a minute. wakupeers' own rule.)
 * - A ping that goes since nothing passed, in either direction, *tests* that silence: a byte that
 *   comes in answer shows that it is borne. A connection that ends instead, without an answer or by a
 *   reset, is a *loss*. Nothing is learned of pings that go for another reason, nor where a gap
 *   (core/epoch.h) or a choice of ours or theirs ended the connection.
 * - A silence longer than the interval, or than what is tried, tells nothing of it: it began before a fall.
 * - A loss may be the peer's own death. A dial that fails then takes it back. That the peer is
 *   connected again within five minutes shows that it lived: the path forgot us. That counts two; of one
 *   peer at most two of these count. Where neither comes, it counts one. After an hour it counts no more.
 * - Others that bear such a silence take a loss back that counts one. One that counts more they do not:
 *   theirs may be other boxes, or we had sent something. Its own peer's does.
 * - Six make a silence *too long*: three peers that lived, or two twice. The interval of that transport
 *   falls halfway to `ping_interval_min`, for all its connections at once. Judged is when a
 *   connection comes up: so the network works.
 * - It creeps up again: once sixteen silences are borne, connections take turns, one at a time, at being
 *   left silent halfway to what was too long. Sixteen of these in a row that are borne make that the
 *   interval; losses that count six make it too long. That goes on until no more than an eighth lies
 *   between. A day after something was too long it is tried again, up to `ping_interval`; never above.
 * - A new network epoch has other boxes: all is forgotten.
 */
#ifndef WPM_CORE_IDLE_H
#define WPM_CORE_IDLE_H

#include "core/connections.h"

#include <wakupeers/explain.h>

/* All is as if nothing was learned; so it begins. */
void wpm_idle_forget(wpm_manager *m);

/* The number of the paths of a transport, below WPM_IDLE_PATHS. */
static inline uint8_t wpm_idle_path_number(wpm_transport transport, bool ip6) {
  return (uint8_t)(transport + (ip6 ? WPM_TRANSPORT_COUNT : 0));
}

/* The number of the path to a remote multiaddr. */
uint8_t wpm_idle_path_of(wpm_bytes multiaddr);

/* The interval of pings on a path. */
int64_t wpm_idle_interval(const wpm_manager *m, uint8_t path);

/* How long the connection is to be silent before its next ping. Draws jitter. */
int64_t wpm_idle_draw(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* A byte came in answer to the ping that tested its silence. */
void wpm_idle_borne(wpm_manager *m, const wpm_connection *connection, wpm_instant now);

/* The connection, a live one of `peer`, has ended. */
void wpm_idle_ended(wpm_manager *m, const wpm_connection *connection, uint32_t peer,
                    wpm_reason reason, wpm_instant now);

/* A dial to the peer failed by its own doing. */
void wpm_idle_absent(wpm_manager *m, uint32_t peer);

/* The peer is forgotten: its slot may become another's. */
void wpm_idle_gone(wpm_manager *m, uint32_t peer);

/* A connection with the peer came up. True where an interval fell. */
bool wpm_idle_returned(wpm_manager *m, uint32_t peer, wpm_instant now);

#endif
