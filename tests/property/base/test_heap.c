/* The heap against a table of deadlines that is searched whole. */
#include "base/heap.h"
#include "base/rng.h"
#include "support/alloc_fail.h"
#include "support/seed.h"
#include "support/test.h"

enum { SLOTS = 200 };

static void check_least(const wpm_heap *heap, const int64_t *deadlines, size_t slots) {
  int64_t least = WPM_NEVER.ns;
  uint32_t expected = UINT32_MAX;
  size_t count = 0;
  for (uint32_t slot = 0; slot < slots; slot++) {
    count += deadlines[slot] != WPM_NEVER.ns;
    if (deadlines[slot] < least) {
      least = deadlines[slot];
      expected = slot;
    }
  }
  uint32_t slot = UINT32_MAX;
  assert_int_equal(wpm_heap_least(heap, &slot).ns, least);
  assert_int_equal(slot, expected);
  assert_int_equal(heap->count, count);
}

static void behaves_as_a_table(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t round = 0; round < 20; round++) {
    int64_t deadlines[SLOTS];
    size_t slots = 0;
    wpm_heap heap;
    wpm_heap_init(&heap);
    uint64_t range = 1 + wpm_rng_below(&rng, 1000); /* A small one makes many ties. */
    for (size_t step = 0; step < 2000; step++) {
      if (slots == 0 || (slots < SLOTS && wpm_rng_below(&rng, 10) == 0)) {
        bool armed = wpm_rng_below(&rng, 3) == 0;
        if (armed) {
          wpm_alloc_fail_at(1 + wpm_rng_below(&rng, 2));
        }
        int err = wpm_heap_reserve(&heap, slots + 1);
        bool failed = armed && wpm_alloc_failed() > 0;
        wpm_alloc_fail_off();
        assert_int_equal(err, failed ? WPM_ERR_NO_MEMORY : WPM_OK);
        if (!err) {
          deadlines[slots++] = WPM_NEVER.ns;
        }
        continue;
      }
      uint32_t slot = (uint32_t)wpm_rng_below(&rng, slots);
      if (wpm_rng_below(&rng, 4) == 0) {
        wpm_heap_least(&heap, &slot); /* As a host does: the least is removed or put off. */
      }
      bool removed = wpm_rng_below(&rng, 3) == 0;
      deadlines[slot] = removed ? WPM_NEVER.ns : (int64_t)wpm_rng_below(&rng, range) - 300;
      wpm_heap_set(&heap, slot, (wpm_mono){deadlines[slot]});
      assert_int_equal(wpm_heap_get(&heap, slot).ns, deadlines[slot]);
      check_least(&heap, deadlines, slots);
    }
    wpm_heap_fini(&heap);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_as_a_table)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
