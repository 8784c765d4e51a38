/* Whole numbers in no more bytes than they need, whose width stands elsewhere: 0 (the number 0) to 8.
 *
 * - Little-endian. Both ways without a branch or a loop, for which 8 bytes are written where fewer
 *   count, and 8 are read that end where the number ends.
 * - A signed number is turned so that small ones of either sign are short. Differences wrap around, so
 *   that each of any two numbers is found again from the other.
 */
#ifndef WPM_BASE_NUMBER_H
#define WPM_BASE_NUMBER_H

#include <wakupeers/types.h>

#include <string.h>

#define WPM_NUMBER_MAX 8u /* Bytes of the widest. */

static inline uint64_t wpm_number_order(uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return __builtin_bswap64(value);
#else
  return value;
#endif
}

/* Bytes that `value` needs. */
static inline unsigned wpm_number_width(uint64_t value) {
  return value ? (71u - (unsigned)__builtin_clzll(value)) / 8 : 0;
}

/* Writes it; there is room for 8 bytes at `at`. Returns the place behind its `width`. */
static inline uint8_t *wpm_number_put(uint8_t *at, uint64_t value, unsigned width) {
  value = wpm_number_order(value);
  memcpy(at, &value, sizeof(value));
  return at + width;
}

/* The number whose `width` bytes end in front of `end`; 8 bytes in front of it can be read. */
static inline uint64_t wpm_number_before(const uint8_t *end, unsigned width) {
  uint64_t value;
  memcpy(&value, end - sizeof(value), sizeof(value));
  unsigned half = 32 - 4 * width; /* No shift is by 64. */
  return wpm_number_order(value) >> half >> half;
}

/* `value` as a difference to `base`. */
static inline uint64_t wpm_number_from(int64_t value, int64_t base) {
  uint64_t difference = (uint64_t)value - (uint64_t)base;
  return difference << 1 ^ (0 - (difference >> 63));
}

static inline int64_t wpm_number_to(uint64_t number, int64_t base) {
  return (int64_t)((number >> 1 ^ (0 - (number & 1))) + (uint64_t)base);
}

#endif
