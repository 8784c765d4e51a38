#include "core/decay.h"

enum { FRACTION_BITS = 16, ONE_BIT = 31 };

/* 2^-(2^-i), i from 1, in units of 2^-31, rounded down. */
static const uint32_t roots_of_a_half[FRACTION_BITS] = {
    1518500249, 1805811301, 1969251187, 2056437386, 2101467501, 2124350982, 2135885998, 2141676972,
    2144578345, 2146030504, 2146756953, 2147120269, 2147301951, 2147392797, 2147438222, 2147460935,
};

/* elapsed / half_life, below 1, in units of 2^-16. */
static uint32_t fraction_of(uint64_t elapsed, uint64_t half_life) {
  while (elapsed >> (64 - FRACTION_BITS)) {
    elapsed >>= 1;
    half_life >>= 1;
  }
  return (uint32_t)((elapsed << FRACTION_BITS) / half_life);
}

int32_t wpm_decay(int32_t value, int64_t elapsed_ns, int64_t half_life_ns, uint32_t draw) {
  int64_t halvings = elapsed_ns / half_life_ns;
  if (halvings >= ONE_BIT) {
    return 0;
  }
  uint32_t fraction = fraction_of((uint64_t)(elapsed_ns % half_life_ns), (uint64_t)half_life_ns);
  uint64_t share = UINT64_C(1) << ONE_BIT;
  for (int i = 0; i < FRACTION_BITS; i++) {
    if (fraction >> (FRACTION_BITS - 1 - i) & 1) {
      share = share * roots_of_a_half[i] >> ONE_BIT;
    }
  }
  share >>= halvings;
  uint64_t size = value < 0 ? (uint64_t) - (int64_t)value : (uint64_t)value;
  uint64_t left = (size * share + draw) >> ONE_BIT;
  return value < 0 ? (int32_t) - (int64_t)left : (int32_t)left;
}
