/* The simulator's numbers: the same bits everywhere, so fixed values can be expected of them. */
#include "support/test.h"

#include "sim/fixed.h"
#include "sim/queue.h"
#include "sim/random.h"

#include <wakupeers/types.h>

static void logarithms(void **state) {
  (void)state;
  assert_int_equal(sim_log2(1), 0);
  assert_int_equal(sim_log2(2), SIM_Q24);
  assert_int_equal(sim_log2(UINT64_C(1) << 63), 63 * SIM_Q24);
  assert_int_equal(sim_log2(10), 55732705);           /* 3.321928 */
  assert_int_equal(sim_log2(UINT64_MAX), 1073741823); /* Just below 64. */
}

static void exponentials(void **state) {
  (void)state;
  assert_int_equal(sim_times_exp2(1000, 0), 1000);
  assert_int_equal(sim_times_exp2(1000, 3 * SIM_Q24), 8000);
  assert_int_equal(sim_times_exp2(1000, -SIM_Q24), 500);
  assert_int_equal(sim_times_exp2(1000000000, SIM_Q24 / 2), 1414213561);
  assert_int_equal(sim_times_exp2(1000000000, -SIM_Q24 / 2), 707106780);
  assert_int_equal(sim_times_exp2(1000, 100 * SIM_Q24), SIM_FIXED_MAX);
  assert_int_equal(sim_times_exp2(1000, -100 * SIM_Q24), 0);
  assert_int_equal(sim_times_exp2(0, 100 * SIM_Q24), 0);
}

/* One undoes the other, to 2^-20 or so. */
static void they_are_inverse(void **state) {
  (void)state;
  for (uint64_t x = 1; x < UINT64_C(1) << 60; x = x * 3 + 1) {
    int64_t back = sim_times_exp2(1 << 20, sim_log2(x) - 20 * SIM_Q24);
    int64_t off = back > (int64_t)x ? back - (int64_t)x : (int64_t)x - back;
    assert_true(off <= (int64_t)(x >> 18) + 2);
  }
}

static void products(void **state) {
  (void)state;
  assert_int_equal(sim_times(10, SIM_Q24 / 2), 5);
  assert_int_equal(sim_times(INT64_C(86400000000000), 3 * SIM_Q24), INT64_C(259200000000000));
  assert_int_equal(sim_times(1000, INT64_C(1000) * SIM_Q24), 1000000);
  assert_int_equal(sim_times(INT64_MAX / 2, 100 * SIM_Q24), SIM_FIXED_MAX);
}

static void sequences(void **state) {
  (void)state;
  sim_random random;
  sim_random_init(&random, 1);
  const uint64_t expected[] = {UINT64_C(12966619160104079557), UINT64_C(9600361134598540522),
                               UINT64_C(10590380919521690900)};
  for (size_t i = 0; i < 3; i++) {
    assert_true(sim_random_next(&random) == expected[i]);
  }
  assert_true(sim_hash(1, 2, 3, 4) == sim_hash(1, 2, 3, 4));
  assert_true(sim_hash(1, 2, 3, 4) != sim_hash(1, 2, 4, 3));
  assert_int_equal(sim_below(UINT64_MAX, 10), 9);
  assert_int_equal(sim_below(0, 10), 0);
  assert_int_equal(sim_below(77, 0), 0);
}

/* Means and shares of many draws. */
static void distributions(void **state) {
  (void)state;
  enum { DRAWS = 100000 };
  sim_random random;
  int64_t exponential = 0;
  int under_8h = 0;
  int over_24h = 0;
  int happened = 0;
  sim_random_init(&random, 7);
  for (int i = 0; i < DRAWS; i++) {
    exponential += sim_exponential(sim_random_next(&random), WPM_HOUR) / WPM_SECOND;
    int64_t session = sim_weibull(sim_random_next(&random), INT64_C(6976800000000), 32356000);
    under_8h += session < 8 * WPM_HOUR;
    over_24h += session > 24 * WPM_HOUR;
    happened += sim_happens(sim_random_next(&random), 250);
    assert_true(sim_pareto(sim_random_next(&random), 1000, SIM_Q24) >= 1000);
  }
  assert_in_range(exponential / DRAWS, 3550, 3650);
  assert_in_range(under_8h, 87000, 88200); /* 87.6 % */
  assert_in_range(over_24h, 2300, 2700);   /* 2.5 % */
  assert_in_range(happened, 24600, 25400);
}

/* By time, and at one time in the order in which they were put, while some are taken and others put, none
 * before the last taken. */
static void check_order(uint64_t seed, int64_t span) {
  enum { EVENTS = 20000 };
  sim_queue queue = {0};
  sim_random random;
  sim_event event = {0};
  sim_event last = {.at = -1};
  uint32_t taken = 0;
  sim_random_init(&random, seed);
  assert_false(sim_queue_take(&queue, &event));
  assert_true(sim_queue_next(&queue) == INT64_MAX);
  for (uint32_t put = 0; taken < EVENTS;) {
    if (put < EVENTS && sim_random_below(&random, 3) > 0) {
      int64_t after = span * (int64_t)sim_random_below(&random, 500);
      event = (sim_event){.at = (last.at > 0 ? last.at : 0) + after, .slot = put++};
      assert_true(sim_queue_put(&queue, &event));
    } else if (taken < put) {
      int64_t next = sim_queue_next(&queue);
      assert_true(sim_queue_take(&queue, &event));
      assert_int_equal(event.at, next);
      assert_true(event.at > last.at || (event.at == last.at && event.slot > last.slot));
      last = event;
      taken++;
    }
  }
  assert_false(sim_queue_take(&queue, &event));
  assert_true(sim_queue_next(&queue) == INT64_MAX);
  sim_queue_fini(&queue);
}

static void events_come_in_order(void **state) {
  (void)state;
  check_order(3, 1);
  check_order(4, WPM_MILLISECOND);
  check_order(5, WPM_SECOND);
  check_order(6, 10 * WPM_HOUR); /* Beyond the last of the buckets. */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(logarithms),
      cmocka_unit_test(exponentials),
      cmocka_unit_test(they_are_inverse),
      cmocka_unit_test(products),
      cmocka_unit_test(sequences),
      cmocka_unit_test(distributions),
      cmocka_unit_test(events_come_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
