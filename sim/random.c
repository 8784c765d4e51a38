#include "sim/random.h"

#include "sim/fixed.h"

#define LN2_Q32 INT64_C(2977044471) /* ln 2 in units of 2^-32. */

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

void sim_random_init(sim_random *random, uint64_t seed) {
  for (int i = 0; i < 4; i++) {
    random->state[i] = splitmix(&seed);
  }
}

static uint64_t rotated(uint64_t x, unsigned by) {
  return x << by | x >> (64 - by);
}

uint64_t sim_random_next(sim_random *random) {
  uint64_t *s = random->state;
  uint64_t result = rotated(s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotated(s[3], 45);
  return result;
}

uint64_t sim_random_below(sim_random *random, uint64_t bound) {
  return sim_below(sim_random_next(random), bound);
}

uint64_t sim_hash(uint64_t seed, uint64_t what, uint64_t which, uint64_t turn) {
  uint64_t state = seed;
  state = splitmix(&state) ^ what;
  state = splitmix(&state) ^ which;
  state = splitmix(&state) ^ turn;
  return splitmix(&state);
}

/* The high half of a product: its bias, below 2^-32 for bounds below 2^32, does not show. */
uint64_t sim_below(uint64_t uniform, uint64_t bound) {
  if (bound <= UINT32_MAX) {
    return (uniform >> 32) * bound >> 32;
  }
  return uniform % bound;
}

bool sim_happens(uint64_t uniform, uint32_t per_mille) {
  return sim_below(uniform, 1000) < per_mille;
}

/* -log2(u) in Q24 for u in (0, 1]. */
static int64_t minus_log2(uint64_t uniform) {
  return 53 * SIM_Q24 - sim_log2((uniform >> 11) + 1);
}

/* An exponential draw of mean 1 in Q24, at least 2^-24. */
static int64_t unit_exponential(uint64_t uniform) {
  int64_t drawn = minus_log2(uniform) * (LN2_Q32 >> 8) >> 24;
  return drawn > 0 ? drawn : 1;
}

int64_t sim_exponential(uint64_t uniform, int64_t mean) {
  return sim_times(mean, unit_exponential(uniform));
}

/* The exponent times a factor, both in Q24; `exponent` may be negative. */
static int64_t powered(int64_t exponent, int64_t factor) {
  return exponent < 0 ? -sim_times(-exponent, factor) : sim_times(exponent, factor);
}

int64_t sim_weibull(uint64_t uniform, int64_t scale, int64_t inverse_shape) {
  int64_t log = sim_log2((uint64_t)unit_exponential(uniform)) - 24 * SIM_Q24;
  return sim_times_exp2(scale, powered(log, inverse_shape));
}

int64_t sim_pareto(uint64_t uniform, int64_t least, int64_t inverse_alpha) {
  return sim_times_exp2(least, powered(minus_log2(uniform), inverse_alpha));
}
