#include "base/rng.h"
#include "support/test.h"

/* Both from the crate rand_xoshiro (src/xoshiro256starstar.rs, src/splitmix64.rs), whose figures
 * come from the reference implementations of Blackman and Vigna. */
static void generator_is_xoshiro256starstar(void **state) {
  (void)state;
  static const uint64_t expected[] = {
      UINT64_C(11520),
      UINT64_C(0),
      UINT64_C(1509978240),
      UINT64_C(1215971899390074240),
      UINT64_C(1216172134540287360),
      UINT64_C(607988272756665600),
      UINT64_C(16172922978634559625),
      UINT64_C(8476171486693032832),
      UINT64_C(10595114339597558777),
      UINT64_C(2904607092377533576),
  };
  wpm_rng rng = {{1, 2, 3, 4}};
  for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
    assert_int_equal(wpm_rng_next(&rng), expected[i]);
  }
}

static void seed_goes_through_splitmix64(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, UINT64_C(1477776061723855037));
  assert_int_equal(rng.state[0], UINT64_C(1985237415132408290));
  assert_int_equal(rng.state[1], UINT64_C(2979275885539914483));
  assert_int_equal(rng.state[2], UINT64_C(13511426838097143398));
  assert_int_equal(rng.state[3], UINT64_C(8488337342461049707));
}

/* Replays depend on it: these numbers must never change. */
static void same_seed_same_numbers(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, 42);
  assert_int_equal(wpm_rng_next(&rng), UINT64_C(1546998764402558742));
  assert_int_equal(wpm_rng_next(&rng), UINT64_C(6990951692964543102));
  assert_int_equal(wpm_rng_below(&rng, 1000), UINT64_C(12544586762248559009) % 1000);
}

static void below_is_in_range_and_even(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, 1);
  assert_int_equal(wpm_rng_below(&rng, 0), 0);
  for (size_t i = 0; i < 100; i++) {
    assert_int_equal(wpm_rng_below(&rng, 1), 0);
  }
  size_t counts[7] = {0};
  for (size_t i = 0; i < 70000; i++) {
    uint64_t number = wpm_rng_below(&rng, 7);
    assert_true(number < 7);
    counts[number]++;
  }
  for (size_t i = 0; i < 7; i++) {
    assert_in_range(counts[i], 9700, 10300); /* Three standard deviations: 280. */
  }
}

/* With bound = 3 · 2^62, the remainder of a 64-bit number would fall into the lower third half of
 * the time; without bias, a third of the time. */
static void below_has_no_bias_at_large_bounds(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, 2);
  size_t low = 0;
  for (size_t i = 0; i < 30000; i++) {
    low += wpm_rng_below(&rng, UINT64_C(3) << 62) < UINT64_C(1) << 62;
  }
  assert_in_range(low, 9750, 10250);
}

/* By the definition: what lies below 2^64 mod bound is drawn again. */
static uint64_t below_by_definition(wpm_rng *rng, uint64_t bound) {
  uint64_t uneven = (0 - bound) % bound;
  uint64_t number;
  do {
    number = wpm_rng_next(rng);
  } while (number < uneven);
  return number % bound;
}

/* Replays depend on this too: no bound takes other numbers, or more of them. Of the largest ones nearly every
 * draw is below the bound, and up to half are drawn again. */
static void below_takes_the_same_numbers(void **state) {
  (void)state;
  static const uint64_t bounds[] = {1,
                                    2,
                                    3,
                                    1000,
                                    UINT64_C(1) << 32,
                                    (UINT64_C(1) << 63) - 1,
                                    UINT64_C(1) << 63,
                                    (UINT64_C(1) << 63) + 1,
                                    UINT64_C(3) << 62,
                                    UINT64_MAX - 1,
                                    UINT64_MAX};
  wpm_rng one;
  wpm_rng other;
  wpm_rng_init(&one, 5);
  wpm_rng_init(&other, 5);
  for (size_t i = 0; i < 1000; i++) {
    for (size_t k = 0; k < sizeof(bounds) / sizeof(bounds[0]); k++) {
      assert_int_equal(wpm_rng_below(&one, bounds[k]), below_by_definition(&other, bounds[k]));
    }
  }
  assert_memory_equal(&one, &other, sizeof(one));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(generator_is_xoshiro256starstar),
      cmocka_unit_test(seed_goes_through_splitmix64),
      cmocka_unit_test(same_seed_same_numbers),
      cmocka_unit_test(below_is_in_range_and_even),
      cmocka_unit_test(below_has_no_bias_at_large_bounds),
      cmocka_unit_test(below_takes_the_same_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
