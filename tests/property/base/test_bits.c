/* Every set of operations on pages of bits that this machine can run, against one bit at a time. */
#include "base/bits.h"
#include "base/rng.h"
#include "support/seed.h"
#include "support/test.h"

#include <string.h>

/* Bits set with a chance of 1 in `one_in`; 0: none, 1: all. */
static void draw(wpm_rng *rng, uint64_t one_in, uint64_t *page) {
  memset(page, 0, WPM_BITS_WORDS * sizeof(*page));
  for (uint32_t bit = 0; one_in > 0 && bit < WPM_BITS_PAGE; bit++) {
    if (wpm_rng_below(rng, one_in) == 0) {
      wpm_bits_flip(page, bit);
    }
  }
}

static void expect_select(const wpm_bits_ops *ops, const uint64_t *page) {
  unsigned rank = 0;
  for (uint32_t bit = 0; bit < WPM_BITS_PAGE; bit++) {
    if (wpm_bits_test(page, bit)) {
      assert_int_equal(ops->select(page, rank++), bit);
    }
  }
  assert_int_equal(ops->count(page), rank);
}

static void expect_next(const uint64_t *page) {
  uint32_t next = WPM_BITS_PAGE;
  assert_int_equal(wpm_bits_next(page, WPM_BITS_PAGE), WPM_BITS_PAGE);
  for (uint32_t bit = WPM_BITS_PAGE; bit-- > 0;) {
    next = wpm_bits_test(page, bit) ? bit : next;
    assert_int_equal(wpm_bits_next(page, bit), next);
  }
}

static void expect_same(const wpm_bits_ops *ops, const uint64_t *a, const uint64_t *b) {
  uint64_t both[WPM_BITS_WORDS], either[WPM_BITS_WORDS], first[WPM_BITS_WORDS];
  ops->and_(both, a, b);
  ops->or_(either, a, b);
  ops->and_not(first, a, b);
  for (uint32_t bit = 0; bit < WPM_BITS_PAGE; bit++) {
    bool in_a = wpm_bits_test(a, bit);
    bool in_b = wpm_bits_test(b, bit);
    assert_int_equal(wpm_bits_test(both, bit), in_a && in_b);
    assert_int_equal(wpm_bits_test(either, bit), in_a || in_b);
    assert_int_equal(wpm_bits_test(first, bit), in_a && !in_b);
  }
  /* The result may lie in either operand. */
  uint64_t in_place[WPM_BITS_WORDS];
  memcpy(in_place, b, sizeof(in_place));
  ops->and_not(in_place, a, in_place);
  assert_memory_equal(in_place, first, sizeof(first));
  memcpy(in_place, a, sizeof(in_place));
  ops->and_(in_place, in_place, b);
  assert_memory_equal(in_place, both, sizeof(both));
}

static void every_set_does_the_same(void **state) {
  (void)state;
  static const uint64_t chances[] = {0, 1, 2, 10, 500, 4096};
  const size_t kinds = sizeof(chances) / sizeof(chances[0]);
  wpm_rng rng;
  size_t sets = 0;
  wpm_rng_init(&rng, wpm_test_seed());
  for (; wpm_bits_usable(sets); sets++) {
    const wpm_bits_ops *ops = wpm_bits_usable(sets);
    for (size_t i = 0; i < kinds * kinds; i++) {
      uint64_t a[WPM_BITS_WORDS], b[WPM_BITS_WORDS];
      draw(&rng, chances[i / kinds], a);
      draw(&rng, chances[i % kinds], b);
      expect_same(ops, a, b);
      expect_select(ops, a);
      expect_next(a);
    }
  }
  assert_true(sets >= 1);
  assert_ptr_equal(wpm_bits_best(), wpm_bits_usable(sets - 1));
  assert_null(wpm_bits_usable(sets + 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_set_does_the_same)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
