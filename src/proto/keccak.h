/* Keccak-256 as Ethereum uses it (EIP-778): the Keccak team's original padding, so not SHA3-256. */
#ifndef WPM_PROTO_KECCAK_H
#define WPM_PROTO_KECCAK_H

#include <wakupeers/types.h>

/* The digest of `in`. */
void wpm_keccak256(wpm_bytes in, uint8_t out[32]);

#endif
