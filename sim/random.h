/* Chance in the simulator: everything is drawn from the seed, so that a run can be replayed.
 *
 * - Two ways to draw. A `sim_random` is a sequence (xoshiro256**, seeded by splitmix64): for what
 *   happens to the world as a whole. sim_hash is a number of its own for each set of arguments: for
 *   what belongs to one peer, so that its life is the same whatever the policy under test does, and
 *   no peer needs memory for it.
 * - Draws are in integers and fixed point (sim/fixed.h). "Per mille" is of 1000.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_random {
  uint64_t state[4];
} sim_random;

void sim_random_init(sim_random *random, uint64_t seed);
uint64_t sim_random_next(sim_random *random);

/* Uniform in 0 … bound-1; 0 where bound is 0. */
uint64_t sim_random_below(sim_random *random, uint64_t bound);

/* A number for (seed, what, which, turn): the same for the same four. */
uint64_t sim_hash(uint64_t seed, uint64_t what, uint64_t which, uint64_t turn);

/* The rest turn a uniform 64-bit number into a draw. */

/* Uniform in 0 … bound-1; 0 where bound is 0. */
uint64_t sim_below(uint64_t uniform, uint64_t bound);

/* True in `per_mille` of 1000 cases. */
bool sim_happens(uint64_t uniform, uint32_t per_mille);

/* Exponential with that mean. */
int64_t sim_exponential(uint64_t uniform, int64_t mean);

/* Weibull: scale · E^(1/shape), E exponential with mean 1; `inverse_shape` in Q24. */
int64_t sim_weibull(uint64_t uniform, int64_t scale, int64_t inverse_shape);

/* Pareto: least · u^(-1/alpha); `inverse_alpha` in Q24. */
int64_t sim_pareto(uint64_t uniform, int64_t least, int64_t inverse_alpha);

#endif
