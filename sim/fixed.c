#include "sim/fixed.h"

#include <stddef.h>

enum { FRACTION_BITS = 24, ONE_BIT = 31 };
#define ONE (UINT64_C(1) << ONE_BIT)

/* 2^(2^-i), i from 1, in units of 2^-31, rounded down. */
static const uint32_t roots_of_two[FRACTION_BITS] = {
    3037000499, 2553802833, 2341847523, 2242560871, 2194507416, 2170868211, 2159144271, 2153306066,
    2150392886, 2148937775, 2148210588, 2147847087, 2147665360, 2147574502, 2147529074, 2147506361,
    2147495004, 2147489326, 2147486487, 2147485067, 2147484357, 2147484002, 2147483825, 2147483736,
};

static unsigned highest_bit(uint64_t x) {
  unsigned bit = 0;
  for (unsigned step = 32; step > 0; step /= 2) {
    if (x >> step) {
      x >>= step;
      bit += step;
    }
  }
  return bit;
}

/* Squaring doubles the logarithm: each square tells one more bit of it. */
int64_t sim_log2(uint64_t x) {
  unsigned whole = highest_bit(x);
  uint64_t mantissa = whole > ONE_BIT ? x >> (whole - ONE_BIT) : x << (ONE_BIT - whole);
  int64_t result = whole;
  for (int i = 0; i < FRACTION_BITS; i++) {
    mantissa = mantissa * mantissa >> ONE_BIT;
    result *= 2;
    if (mantissa >> (ONE_BIT + 1)) {
      mantissa >>= 1;
      result++;
    }
  }
  return result;
}

/* 2^fraction in units of 2^-31, 0 ≤ fraction < 1 in Q24. */
static uint64_t exp2_of_fraction(uint64_t fraction) {
  uint64_t product = ONE;
  for (int i = 0; i < FRACTION_BITS; i++) {
    if (fraction >> (FRACTION_BITS - 1 - i) & 1) {
      product = product * roots_of_two[i] >> ONE_BIT;
    }
  }
  return product;
}

/* a · b / 2^bits for b < 2^32, cut off at SIM_FIXED_MAX. */
static int64_t scaled(uint64_t a, uint64_t b, unsigned bits) {
  uint64_t high = (a >> bits) * b;
  uint64_t low = (a & ((UINT64_C(1) << bits) - 1)) * b >> bits;
  if (b != 0 && (a >> bits) > (uint64_t)SIM_FIXED_MAX / b) {
    return SIM_FIXED_MAX;
  }
  return high + low > (uint64_t)SIM_FIXED_MAX ? SIM_FIXED_MAX : (int64_t)(high + low);
}

int64_t sim_times_exp2(int64_t value, int64_t exponent) {
  int64_t whole = exponent >= 0 ? exponent / SIM_Q24 : -((-exponent + SIM_Q24 - 1) / SIM_Q24);
  uint64_t fraction = (uint64_t)(exponent - whole * SIM_Q24);
  int64_t result = scaled((uint64_t)value, exp2_of_fraction(fraction), ONE_BIT);
  if (whole <= -63) {
    return 0;
  }
  if (whole < 0) {
    return result >> -whole;
  }
  return result == 0                                      ? 0
         : whole >= 62 || result > SIM_FIXED_MAX >> whole ? SIM_FIXED_MAX
                                                          : result << whole;
}

int64_t sim_times(int64_t value, int64_t factor) {
  int64_t whole = factor / SIM_Q24;
  int64_t part = scaled((uint64_t)value, (uint64_t)(factor % SIM_Q24), FRACTION_BITS);
  if (whole > 0 && value > (SIM_FIXED_MAX - part) / whole) {
    return SIM_FIXED_MAX;
  }
  return value * whole + part;
}
