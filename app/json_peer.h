/* Peers as JSON: nwaku's WakuPeer, with fields of ours beside its own.
 *
 * Times are whole milliseconds since 1970 UTC; what is not known is null. */
#ifndef APP_JSON_PEER_H
#define APP_JSON_PEER_H

#include <wakupeers/node.h>

#include <jansson.h>

/* Digits of a number with a fraction: microseconds of an hour, and no noise behind them. */
#define JSON_DIGITS JSON_REAL_PRECISION(10)

/* Peer ids and multiaddrs as text; malformed ones as "". */
json_t *json_peer_id(wpm_bytes id);
json_t *json_multiaddr(wpm_bytes address);
/* Text of the wire: what is not UTF-8 is replaced. */
json_t *json_text(wpm_text text);
json_t *json_wall(wpm_wall time);
/* A moment of the monotonic clock as a time of the wall's: one that has passed is now; null for
 * WPM_NEVER. */
json_t *json_moment(wpm_mono moment, wpm_instant now);
/* A span in milliseconds; null where it is not known. */
json_t *json_span_ms(int64_t span_ns);

/* One peer. NULL: no memory. */
json_t *json_peer(const wpm_node *node, const wpm_peer_record *record);

#endif
