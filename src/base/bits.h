/* Pages of 4 096 bits, and what queries do with them, by the widest instructions the machine has.
 *
 * - A page is WPM_BITS_WORDS words; bit n of it is bit n % 64 of word n / 64.
 * - The operations are picked once (wpm_bits_ops); every set of them gives the same results.
 */
#ifndef WPM_BASE_BITS_H
#define WPM_BASE_BITS_H

#include <wakupeers/types.h>

#define WPM_BITS_PAGE 4096u
#define WPM_BITS_WORDS (WPM_BITS_PAGE / 64u)

typedef struct wpm_bits_ops {
  const char *name; /* "portable", "popcnt", "avx2", "avx512". */
  /* out = a AND b; out = a OR b; out = a AND NOT b. `out` may be `a` or `b`. */
  void (*and_)(uint64_t *out, const uint64_t *a, const uint64_t *b);
  void (*or_)(uint64_t *out, const uint64_t *a, const uint64_t *b);
  void (*and_not)(uint64_t *out, const uint64_t *a, const uint64_t *b);
  unsigned (*count)(const uint64_t *a);                 /* Bits set. */
  uint32_t (*select)(const uint64_t *a, unsigned rank); /* The position of the set bit number `rank`
                                                           (from 0), which must exist. */
} wpm_bits_ops;

/* The best set of operations on this machine; and the sets it can run, the portable one first, NULL
 * behind the last. */
const wpm_bits_ops *wpm_bits_best(void);
const wpm_bits_ops *wpm_bits_usable(size_t index);

static inline bool wpm_bits_test(const uint64_t *page, uint32_t bit) {
  return page[bit / 64] >> (bit % 64) & 1;
}
static inline void wpm_bits_flip(uint64_t *page, uint32_t bit) {
  page[bit / 64] ^= UINT64_C(1) << (bit % 64);
}

/* The first set bit at or behind `from`; WPM_BITS_PAGE: none. */
uint32_t wpm_bits_next(const uint64_t *page, uint32_t from);

#endif
