/* Connection keep-alive (27/WAKU2-PEERS, Connection keep-alive; libp2p/specs ping).
 *
 * - A ping goes `ping_interval` after the last byte received; jitter only shortens that, by 2 to 10
 *   percent. So any received byte puts it off; and pings are no further apart than the interval, as
 *   long as an answer takes no longer than those 2 percent.
 * - The interval of a transport is learned where its paths forget connections sooner (core/idle.h);
 *   then a connection may be left silent for longer than that, never for longer than `ping_interval`.
 * - A miss is silence: no byte, while an answer is waited for (core/round_trip.h): `ping_timeout`, or
 *   what the round trips of the connection say, if that is less. Any byte is proof of life, and so
 *   is an answer that is no echo (PONG without a round trip: `na`, a stream reset).
 * - After one miss the next ping goes at once; two in a row end the connection as lost. After a gap
 *   (core/epoch.h) one is enough, and it is one after `probe_timeout`.
 * - Receiving is the hot path: it notes the time and no more. A deadline that fires too early is
 *   set anew. Only the first byte after a ping moves the deadline.
 * - A connection that has lived for `stable_after` is stable.
 */
#ifndef WPM_CORE_KEEPALIVE_H
#define WPM_CORE_KEEPALIVE_H

#include "core/connections.h"

#include <wakupeers/explain.h>

/* A connection has come up: sets its first deadline. */
void wpm_keepalive_start(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* Sends a ping now and sets the deadline anew. Where an earlier one is still unanswered, silence
 * counts from that. */
void wpm_keepalive_ping(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* A gap is over: pings the connection, whatever ping went before. */
void wpm_keepalive_probe(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* What is done next at a live connection if no byte comes before, and when. */
typedef struct wpm_keepalive_step {
  wpm_next_action action; /* WPM_NEXT_NONE: nothing. */
  wpm_mono at;            /* WPM_NEVER where it is nothing. */
} wpm_keepalive_step;
wpm_keepalive_step wpm_keepalive_next(const wpm_manager *m, const wpm_connection *connection);

/* How long an answer to its next ping, or to the one under way, is waited for. */
int64_t wpm_keepalive_timeout(const wpm_manager *m, const wpm_connection *connection);

/* Sets the connection's deadline anew. */
void wpm_keepalive_arm(wpm_manager *m, const wpm_connection *connection);

/* Bytes came. */
void wpm_keepalive_heard(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* A ping was answered. */
void wpm_keepalive_pong(wpm_manager *m, wpm_connection *connection, int64_t rtt_ns,
                        wpm_instant now);

/* Does what is due at the connection; it may have ended afterwards. */
void wpm_keepalive_due(wpm_manager *m, wpm_connection *connection, wpm_instant now);

/* Forgets failed attempts where the connection has lived for `stable_after`. */
void wpm_keepalive_stable(wpm_manager *m, wpm_connection *connection, wpm_instant now);

#endif
