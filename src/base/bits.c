#include "base/bits.h"

/* For machines without an instruction for it. */
static unsigned count_word(uint64_t word) {
  word -= word >> 1 & UINT64_C(0x5555555555555555);
  word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
  word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  return (unsigned)(word * UINT64_C(0x0101010101010101) >> 56);
}

/* Four words at once: one AVX2 operation, or two of SSE2. */
typedef uint64_t quad __attribute__((vector_size(32), aligned(8), may_alias));
#define QUADS (WPM_BITS_WORDS / 4u)

/* One body, compiled for several instruction sets. */
#define TARGET_portable
#define TARGET_popcnt __attribute__((target("popcnt")))
#define TARGET_avx2 __attribute__((target("avx2,popcnt")))
#define TARGET_avx512 __attribute__((target("avx512f,avx512vpopcntdq,avx2,popcnt")))

#define DEFINE_COMBINE(set, name, expression)                                                      \
  TARGET_##set static void name##_##set(uint64_t *out, const uint64_t *left,                       \
                                        const uint64_t *right) {                                   \
    for (size_t i = 0; i < QUADS; i++) {                                                           \
      quad a = ((const quad *)left)[i];                                                            \
      quad b = ((const quad *)right)[i];                                                           \
      ((quad *)out)[i] = (expression);                                                             \
    }                                                                                              \
  }

#define DEFINE_OPS(set, count_one)                                                                 \
  DEFINE_COMBINE(set, and, (a) & (b))                                                              \
  DEFINE_COMBINE(set, or, a | b)                                                                   \
  DEFINE_COMBINE(set, and_not, a & ~b)                                                             \
  TARGET_##set static unsigned count_##set(const uint64_t *a) {                                    \
    uint64_t count = 0;                                                                            \
    for (size_t i = 0; i < WPM_BITS_WORDS; i++) {                                                  \
      count += (uint64_t)count_one(a[i]);                                                          \
    }                                                                                              \
    return (unsigned)count;                                                                        \
  }                                                                                                \
  TARGET_##set static uint32_t select_##set(const uint64_t *a, unsigned rank) {                    \
    uint32_t at = 0;                                                                               \
    unsigned here = (unsigned)count_one(a[0]);                                                     \
    while (rank >= here) {                                                                         \
      rank -= here;                                                                                \
      here = (unsigned)count_one(a[++at]);                                                         \
    }                                                                                              \
    uint64_t word = a[at];                                                                         \
    for (; rank > 0; rank--) {                                                                     \
      word &= word - 1;                                                                            \
    }                                                                                              \
    return at * 64 + (uint32_t)__builtin_ctzll(word);                                              \
  }                                                                                                \
  static const wpm_bits_ops ops_##set = {#set,          and_##set,   or_##set,                     \
                                         and_not_##set, count_##set, select_##set};

DEFINE_OPS(portable, count_word)

#if defined(__x86_64__) && defined(__GNUC__)
DEFINE_OPS(popcnt, __builtin_popcountll)
DEFINE_OPS(avx2, __builtin_popcountll)
DEFINE_OPS(avx512, __builtin_popcountll)

const wpm_bits_ops *wpm_bits_usable(size_t index) {
  bool popcnt = __builtin_cpu_supports("popcnt");
  bool avx2 = popcnt && __builtin_cpu_supports("avx2");
  bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq");
  switch (index) {
  case 0:
    return &ops_portable;
  case 1:
    return popcnt ? &ops_popcnt : NULL;
  case 2:
    return avx2 ? &ops_avx2 : NULL;
  case 3:
    return avx512 ? &ops_avx512 : NULL;
  }
  return NULL;
}
#else
const wpm_bits_ops *wpm_bits_usable(size_t index) {
  return index == 0 ? &ops_portable : NULL;
}
#endif

const wpm_bits_ops *wpm_bits_best(void) {
  const wpm_bits_ops *best = wpm_bits_usable(0);
  for (size_t i = 1; wpm_bits_usable(i); i++) {
    best = wpm_bits_usable(i);
  }
  return best;
}

uint32_t wpm_bits_next(const uint64_t *page, uint32_t from) {
  uint32_t at = from / 64;
  if (from >= WPM_BITS_PAGE) {
    return WPM_BITS_PAGE;
  }
  uint64_t word = page[at] >> (from % 64) << (from % 64);
  while (!word) {
    if (++at == WPM_BITS_WORDS) {
      return WPM_BITS_PAGE;
    }
    word = page[at];
  }
  return at * 64 + (uint32_t)__builtin_ctzll(word);
}
