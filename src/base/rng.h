/* A small deterministic random generator (xoshiro256**, seeded through splitmix64) for jitter,
 * choice and tests. Never for keys. Same seed, same numbers, everywhere. */
#ifndef WPM_BASE_RNG_H
#define WPM_BASE_RNG_H

#include <wakupeers/types.h>

typedef struct wpm_rng {
  uint64_t state[4];
} wpm_rng;

void wpm_rng_init(wpm_rng *rng, uint64_t seed);
uint64_t wpm_rng_next(wpm_rng *rng);

/* Uniform in 0 … bound-1, without bias; 0 where bound is 0. */
uint64_t wpm_rng_below(wpm_rng *rng, uint64_t bound);

#endif
