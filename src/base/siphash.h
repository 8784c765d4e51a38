/* SipHash-1-3 (Aumasson, Bernstein): the keyed hash of every map over keys that others choose. */
#ifndef WPM_BASE_SIPHASH_H
#define WPM_BASE_SIPHASH_H

#include <wakupeers/types.h>

typedef struct wpm_siphash_key {
  uint64_t k0, k1; /* The 128-bit key, little-endian halves. */
} wpm_siphash_key;

uint64_t wpm_siphash13(const wpm_siphash_key *key, wpm_bytes in);

#endif
