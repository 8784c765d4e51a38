/* Numbers that halve over and over. */
#include "core/decay.h"
#include "support/records.h"
#include "support/seed.h"
#include "support/test.h"

#include <wakupeers/types.h>

#define MOST ((UINT32_C(1) << 31) - 1)
#define HALF (UINT32_C(1) << 30)

static void halves_are_exact(void **state) {
  (void)state;
  assert_int_equal(wpm_decay(1000, WPM_HOUR, WPM_HOUR, 0), 500);
  assert_int_equal(wpm_decay(-1000, 2 * WPM_HOUR, WPM_HOUR, 0), -250);
  assert_int_equal(wpm_decay(INT32_MAX, 30 * WPM_HOUR, WPM_HOUR, HALF), 2);
  assert_int_equal(wpm_decay(INT32_MIN, 30 * WPM_HOUR, WPM_HOUR, 0), -2);
  assert_int_equal(wpm_decay(INT32_MIN, 31 * WPM_HOUR, WPM_HOUR, 0), 0);
  assert_int_equal(wpm_decay(INT32_MAX, INT64_MAX, 1, MOST), 0);
  assert_int_equal(wpm_decay(INT32_MIN, 0, 1, 0), INT32_MIN);
  assert_int_equal(wpm_decay(0, WPM_DAY, WPM_HOUR, MOST), 0);
}

static void what_lies_between_is_exact_to_a_thirty_thousandth(void **state) {
  (void)state;
  /* 2^-(1/2), 2^-(1/4), 2^-(3/4), 2^-(1/10). */
  static const struct {
    int64_t elapsed;
    int32_t left;
  } want[] = {{500, 707106781}, {250, 840896415}, {750, 594603557}, {100, 933032992}};
  for (size_t i = 0; i < 4; i++) {
    int32_t got = wpm_decay(1000000000, want[i].elapsed, 1000, 0);
    assert_in_range(got, want[i].left - 30000, want[i].left + 30000);
    got = wpm_decay(1000000000, want[i].elapsed * (INT64_MAX / 1000), INT64_MAX, 0);
    assert_in_range(got, want[i].left - 30000, want[i].left + 30000);
  }
}

/* In small steps it comes to the same as in one: on average nothing is lost by rounding. */
static void rounding_is_fair(void **state) {
  (void)state;
  uint64_t random = wpm_test_seed();
  int64_t sum = 0;
  enum { RUNS = 4000, STEPS = 100 };
  for (int run = 0; run < RUNS; run++) {
    int32_t value = -10;
    for (int step = 0; step < STEPS; step++) {
      value =
          wpm_decay(value, 1, STEPS, (uint32_t)wpm_test_random_below(&random, UINT64_C(1) << 31));
    }
    sum += value;
  }
  assert_in_range(-sum, RUNS * 48 / 10, RUNS * 52 / 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(halves_are_exact),
      cmocka_unit_test(what_lies_between_is_exact_to_a_thirty_thousandth),
      cmocka_unit_test(rounding_is_fair),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
