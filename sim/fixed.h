/* Logarithm, exponential and products in fixed point: the same bits on every machine.
 *
 * - "Q24" is a number of 2^-24 parts, in an int64_t.
 * - No floating point and no libm: exp and log there give other bits with FMA masked.
 */
#ifndef SIM_FIXED_H
#define SIM_FIXED_H

#include <stdint.h>

#define SIM_Q24 INT64_C(16777216) /* 1 in Q24. */

/* log2(x) in Q24, x ≥ 1; exact to about 2^-23. */
int64_t sim_log2(uint64_t x);

/* value · 2^exponent, `exponent` in Q24; value ≥ 0. At most SIM_FIXED_MAX. */
int64_t sim_times_exp2(int64_t value, int64_t exponent);

/* value · factor, `factor` ≥ 0 in Q24; value ≥ 0. At most SIM_FIXED_MAX. */
int64_t sim_times(int64_t value, int64_t factor);

#define SIM_FIXED_MAX (INT64_MAX / 4) /* Where products are cut off. */

#endif
