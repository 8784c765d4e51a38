#include "support/test.h"

#include "base/rng.h"
#include "proto/yamux_ids.h"

#include <string.h>

static void test_nothing_is_used_at_first(void **state) {
  (void)state;
  wpm_yamux_ids ids;
  wpm_yamux_ids_init(&ids);
  assert_false(wpm_yamux_ids_used(&ids, 1));
  assert_false(wpm_yamux_ids_used(&ids, 2));
  assert_false(wpm_yamux_ids_used(&ids, UINT32_MAX));
}

static void test_the_highest_ids(void **state) {
  (void)state;
  for (uint32_t parity = 0; parity <= 1; parity++) {
    wpm_yamux_ids ids;
    wpm_yamux_ids_init(&ids);
    wpm_yamux_ids_mark(&ids, UINT32_MAX - 1 + parity);
    assert_true(wpm_yamux_ids_used(&ids, UINT32_MAX - 1 + parity));
    assert_false(wpm_yamux_ids_used(&ids, UINT32_MAX - 3 + parity));
    assert_true(wpm_yamux_ids_used(&ids, parity + 2)); /* Too far back. */
  }
}

static void test_ids_far_back_count_as_used(void **state) {
  (void)state;
  wpm_yamux_ids ids;
  wpm_yamux_ids_init(&ids);
  wpm_yamux_ids_mark(&ids, 2 * 999 + 1);
  assert_false(wpm_yamux_ids_used(&ids, 2 * (999 - WPM_YAMUX_IDS_REMEMBERED + 1) + 1));
  assert_true(wpm_yamux_ids_used(&ids, 2 * (999 - WPM_YAMUX_IDS_REMEMBERED) + 1));
  assert_true(wpm_yamux_ids_used(&ids, 1));
}

/* A jump forgets the old ids, however far it goes. */
static void test_a_jump_leaves_the_skipped_ids_unused(void **state) {
  (void)state;
  for (uint32_t jump = 1; jump < 3 * WPM_YAMUX_IDS_REMEMBERED; jump++) {
    wpm_yamux_ids ids;
    wpm_yamux_ids_init(&ids);
    for (uint32_t number = 0; number < 2 * WPM_YAMUX_IDS_REMEMBERED; number++) {
      wpm_yamux_ids_mark(&ids, 2 * number + 1);
    }
    uint32_t last = 2 * WPM_YAMUX_IDS_REMEMBERED - 1 + jump;
    wpm_yamux_ids_mark(&ids, 2 * last + 1);
    for (uint32_t back = 1; back < WPM_YAMUX_IDS_REMEMBERED; back++) {
      assert_int_equal(wpm_yamux_ids_used(&ids, 2 * (last - back) + 1), back >= jump);
    }
  }
}

/* Against a plain list of all ids, at steps from 1 to far beyond what is remembered. */
static void test_it_agrees_with_a_list(void **state) {
  (void)state;
  enum { NUMBERS = 40000 };
  static bool used[NUMBERS];
  for (uint64_t reach = 2; reach <= 1024; reach *= 2) {
    wpm_yamux_ids ids;
    wpm_yamux_ids_init(&ids);
    wpm_rng rng;
    wpm_rng_init(&rng, reach);
    memset(used, 0, sizeof(used));
    uint32_t above = 0;
    for (size_t step = 0; step < 2000 && above + reach < NUMBERS; step++) {
      uint64_t low = above > reach ? above - reach : 0;
      uint32_t number = (uint32_t)(low + wpm_rng_below(&rng, above + reach / 2 - low + 1));
      bool far = above - number > WPM_YAMUX_IDS_REMEMBERED && number < above;
      assert_int_equal(wpm_yamux_ids_used(&ids, 2 * number + 1), far || used[number]);
      if (!far && !used[number]) {
        wpm_yamux_ids_mark(&ids, 2 * number + 1);
        used[number] = true;
        above = number >= above ? number + 1 : above;
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_is_used_at_first),
      cmocka_unit_test(test_the_highest_ids),
      cmocka_unit_test(test_ids_far_back_count_as_used),
      cmocka_unit_test(test_a_jump_leaves_the_skipped_ids_unused),
      cmocka_unit_test(test_it_agrees_with_a_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
