/* Two connections with one peer. (wakupeers' own rules; go-libp2p and rust-libp2p keep both.)
 *
 * - Race: two of opposite direction that came up within the dial timeout of each other. The one
 *   dialled by the peer with the smaller binary id wins, so both sides choose the same without a
 *   word. The winner is pinged at once; a second after the race began, or as soon after that as the
 *   winner has sent a byte, the loser is ended (reason `duplicate`), if both still live. A winner that
 *   stays silent for the ping timeout ends as lost, and the loser stays.
 * - Any other second connection: the older is pinged at once. Silent for the ping timeout, it ends
 *   as lost; at its first byte the newer is ended (`duplicate`).
 * - A third is refused at once (`third_connection`).
 * - None of this is a disconnect of the peer.
 */
#ifndef WPM_CORE_DUPLICATE_H
#define WPM_CORE_DUPLICATE_H

#include "core/connections.h"

/* A second connection with a peer came up: begins to settle the two. */
void wpm_duplicate_begin(wpm_manager *m, uint32_t slot, wpm_instant now);

/* The connection that has to show its life did so: ends the other where it is time. */
void wpm_duplicate_heard(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* True where the connection had to show its life and did not. */
bool wpm_duplicate_is_silent(const wpm_manager *m, const wpm_connection *connection,
                             wpm_instant now);

/* Ends the loser of a race where it is time. */
void wpm_duplicate_due(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* When the trial needs a look; WPM_NEVER: not by time. */
wpm_mono wpm_duplicate_deadline(const wpm_manager *m, const wpm_connection *connection);

/* One of the two has ended: the other is an ordinary connection again. */
void wpm_duplicate_over(wpm_manager *m, wpm_connection *survivor);

#endif
