/* The payload of libp2p's Noise handshake messages (libp2p/specs noise): the identity key, its
 * signature over the Noise static key, and the muxers offered. Unknown fields and extensions are
 * skipped. */
#ifndef WPM_PROTO_NOISE_PAYLOAD_H
#define WPM_PROTO_NOISE_PAYLOAD_H

#include "proto/noise.h"

typedef struct wpm_noise_payload {
  wpm_bytes identity_key;                /* Encoded PublicKey; empty: missing. */
  wpm_bytes identity_sig;                /* Its signature; empty: missing. */
  wpm_text muxers[WPM_NOISE_MUXERS_MAX]; /* The muxers offered, by preference. */
  size_t muxer_count;                    /* Their number; 0: no extension. */
} wpm_noise_payload;

/* Reads a payload; the views are into `in`. Muxers beyond WPM_NOISE_MUXERS_MAX are left out.
 * WPM_ERR_PROTOCOL: not a protobuf message. */
WPM_MUST_USE int wpm_noise_payload_read(wpm_bytes in, wpm_noise_payload *out);

/* Bytes that wpm_noise_payload_write will write. */
size_t wpm_noise_payload_size(const wpm_noise_payload *payload);

/* Writes wpm_noise_payload_size bytes to `out`. */
void wpm_noise_payload_write(const wpm_noise_payload *payload, uint8_t *out);

#endif
