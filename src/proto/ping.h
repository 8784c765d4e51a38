/* libp2p ping (libp2p/specs ping): /ipfs/ping/1.0.0. The dialler of the stream sends 32 random
 * bytes, the listener sends back whatever it receives, any number of bytes, until the stream ends.
 */
#ifndef WPM_PROTO_PING_H
#define WPM_PROTO_PING_H

#include "base/buffer.h"

#define WPM_PING_PROTOCOL_ID "/ipfs/ping/1.0.0"
#define WPM_PING_SIZE 32

/* One outstanding ping of ours. */
typedef struct wpm_ping {
  uint8_t payload[WPM_PING_SIZE]; /* What was sent. */
  size_t received;                /* How much of it has come back; WPM_PING_SIZE: all. */
} wpm_ping;

/* Appends a new ping to `out`. WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_ping_start(wpm_ping *ping, const uint8_t payload[WPM_PING_SIZE],
                                wpm_buffer *out);

/* Takes bytes of the answer from the front of `in`; *used says how many (never beyond the answer's
 * end). WPM_ERR_PROTOCOL: not what was sent. */
WPM_MUST_USE int wpm_ping_read(wpm_ping *ping, wpm_bytes in, size_t *used);

static inline bool wpm_ping_done(const wpm_ping *ping) {
  return ping->received == WPM_PING_SIZE;
}

#endif
