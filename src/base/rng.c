#include "base/rng.h"

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

void wpm_rng_init(wpm_rng *rng, uint64_t seed) {
  for (size_t i = 0; i < 4; i++) {
    rng->state[i] = splitmix64(&seed);
  }
}

uint64_t wpm_rng_next(wpm_rng *rng) {
  uint64_t *s = rng->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

/* Draws until the number is not below 2^64 mod bound: those would make the small remainders more
 * frequent. */
static __attribute__((noinline, cold)) uint64_t draw_even(wpm_rng *rng, uint64_t bound,
                                                          uint64_t number) {
  uint64_t uneven = (0 - bound) % bound;
  while (number < uneven) {
    number = wpm_rng_next(rng);
  }
  return number;
}

uint64_t wpm_rng_below(wpm_rng *rng, uint64_t bound) {
  if (bound == 0) {
    return 0;
  }
  uint64_t number = wpm_rng_next(rng);
  if (number < bound) { /* Else it is even, and needs no second division to know. */
    number = draw_even(rng, bound, number);
  }
  return number % bound;
}
