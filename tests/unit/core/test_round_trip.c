/* Round trips: average, variation and minimum by RFC 6298, and how long an answer is waited for. */
#include "core/round_trip.h"
#include "support/test.h"

#define S WPM_SECOND
#define MS WPM_MILLISECOND
#define MOST (60 * S)

static void the_first_is_the_average(void **state) {
  (void)state;
  wpm_round_trip t;
  wpm_round_trip_init(&t);
  assert_int_equal(t.last_ns, WPM_SPAN_NONE);
  wpm_round_trip_add(&t, 80 * MS);
  assert_int_equal(t.last_ns, 80 * MS);
  assert_int_equal(t.average_ns, 80 * MS);
  assert_int_equal(t.variation_ns, 40 * MS);
  assert_int_equal(t.minimum_ns, 80 * MS);
}

static void each_next_moves_it_by_an_eighth(void **state) {
  (void)state;
  wpm_round_trip t;
  wpm_round_trip_init(&t);
  wpm_round_trip_add(&t, 80 * MS);
  wpm_round_trip_add(&t, 160 * MS); /* RFC 6298, (2.3): the variation first, by the old average. */
  assert_int_equal(t.variation_ns, 50 * MS);
  assert_int_equal(t.average_ns, 90 * MS);
  assert_int_equal(t.minimum_ns, 80 * MS);
  wpm_round_trip_add(&t, 10 * MS);
  assert_int_equal(t.variation_ns, 50 * MS + (80 - 50) * MS / 4);
  assert_int_equal(t.average_ns, 80 * MS);
  assert_int_equal(t.minimum_ns, 10 * MS);
  assert_int_equal(t.last_ns, 10 * MS);
  for (int i = 0; i < 200; i++) {
    wpm_round_trip_add(&t, 30 * MS);
  }
  assert_in_range(t.average_ns, 30 * MS, 30 * MS + 100);
  assert_in_range(t.variation_ns, 0, 100);
}

static void an_answer_is_waited_for_as_they_say(void **state) {
  (void)state;
  wpm_round_trip t;
  wpm_round_trip_init(&t);
  assert_int_equal(wpm_round_trip_timeout(&t, 0, MOST), MOST); /* Nothing is known. */
  assert_int_equal(wpm_round_trip_timeout(&t, 1, MOST), MOST);
  wpm_round_trip_add(&t, 500 * MS);
  assert_int_equal(wpm_round_trip_timeout(&t, 0, MOST), 4 * (500 + 4 * 250) * MS);
  assert_int_equal(wpm_round_trip_timeout(&t, 1, MOST), 8 * (500 + 4 * 250) * MS);
  assert_int_equal(wpm_round_trip_timeout(&t, 200, MOST), MOST);
  assert_int_equal(wpm_round_trip_timeout(&t, 0, 5 * S), 5 * S); /* Never more. */
  wpm_round_trip_init(&t);
  wpm_round_trip_add(&t, 0);
  assert_int_equal(wpm_round_trip_timeout(&t, 0, MOST), 3 * S); /* Nor less, */
  assert_int_equal(wpm_round_trip_timeout(&t, 0, S), S);        /* unless that is asked for. */
}

static void whatever_the_host_says_is_in_range(void **state) {
  (void)state;
  wpm_round_trip t;
  wpm_round_trip_init(&t);
  for (int i = 0; i < 100; i++) {
    wpm_round_trip_add(&t, i % 2 == 0 ? INT64_MAX : 0);
    assert_in_range(t.average_ns, 0, WPM_HOUR);
    assert_in_range(t.variation_ns, 0, WPM_HOUR);
    assert_in_range(wpm_round_trip_timeout(&t, 1, WPM_DAY), 3 * S, WPM_DAY);
    assert_int_equal(wpm_round_trip_timeout(&t, UINT32_MAX, INT64_MAX), INT64_MAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_is_the_average),
      cmocka_unit_test(each_next_moves_it_by_an_eighth),
      cmocka_unit_test(an_answer_is_waited_for_as_they_say),
      cmocka_unit_test(whatever_the_host_says_is_in_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
