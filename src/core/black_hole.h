/* Paths over which nothing comes back: black holes (as go-libp2p's black hole detector, which knows UDP
 * and IPv6; the numbers differ).
 *
 * - Of each path (core/path.h) the attempts at public addresses count, of dials that failed and of dials
 *   that another address won. *Silent* is one that met with nothing: no route, or no answer in time. Any
 *   answer, also a refusal or a wrong identity, shows that the path carries packets, as a connection does:
 *   it begins to count anew. Local failures, names that do not resolve and dials that a gap or the want of
 *   a network cut short (core/epoch.h) say nothing.
 * - Silence tells of a path only while others work. A connection over another path vouches for the silent
 *   attempts since the last one did, but for no more than `VOUCHED`, lest those of an hour without any
 *   network count as soon as it is back. 100 vouched for, in a row, and the path is *blocked*.
 * - One that answers is enough (go-libp2p wants 5 of 100), and none count while a connection that we
 *   dialled over the path lives: else whoever fills our store with dead addresses could close the path on
 *   which honest peers are.
 * - A blocked path's addresses are left out of a dial where the peer has others; once a minute one of them
 *   is put in front of these, so that it is seen when the path is back. Peers with no others are held, but
 *   for one a minute, drawn at random. A person's dial goes at all times, and everywhere.
 * - An attempt that a blocked path swallowed counts against neither peer nor address. A peer that was
 *   tried in vain waits as long as the longest retry delay, so that others are tried.
 * - A new network epoch knows nothing of black holes; so does a new start.
 */
#ifndef WPM_CORE_BLACK_HOLE_H
#define WPM_CORE_BLACK_HOLE_H

#include "core/connections.h"

void wpm_black_hole_init(wpm_manager *m);

/* Nothing is known of any path. */
void wpm_black_hole_forget(wpm_manager *m);

/* A connection that we dialled at `remote` came up; it ended. */
void wpm_black_hole_connected(wpm_manager *m, wpm_connection *connection, wpm_bytes remote);
void wpm_black_hole_ended(wpm_manager *m, const wpm_connection *connection);

/* Addresses of a dial failed. */
void wpm_black_hole_failed(wpm_manager *m, const wpm_failed_address *failed, size_t count);

/* The path to the address is blocked. */
bool wpm_black_hole_takes(const wpm_manager *m, wpm_bytes multiaddr);

/* The attempt was swallowed by a blocked path: it tells nothing of its peer. */
bool wpm_black_hole_swallowed(const wpm_manager *m, const wpm_failed_address *failed);

/* A peer that is reached over blocked paths only may be dialled now; it is. */
bool wpm_black_hole_may_probe(const wpm_manager *m);
void wpm_black_hole_probed(wpm_manager *m);

/* A blocked address may be tried beside others now, which it then is. */
bool wpm_black_hole_try_beside(wpm_manager *m);

#endif
