#include "base/heap.h"
#include "support/alloc_fail.h"
#include "support/test.h"

static wpm_mono at(int64_t ns) {
  return (wpm_mono){ns};
}

static void an_empty_heap_has_no_deadline(void **state) {
  (void)state;
  wpm_heap heap;
  wpm_heap_init(&heap);
  uint32_t slot = 77;
  assert_int_equal(wpm_heap_least(&heap, &slot).ns, WPM_NEVER.ns);
  assert_int_equal(slot, 77);
  assert_int_equal(wpm_heap_get(&heap, 0).ns, WPM_NEVER.ns);
  assert_int_equal(wpm_heap_reserve(&heap, 0), WPM_OK);
  wpm_heap_fini(&heap);
}

static void deadlines_come_in_order(void **state) {
  (void)state;
  static const int64_t deadlines[] = {50, -3, 20, 20, 0, INT64_MIN, 20, INT64_MAX - 1};
  static const uint32_t order[] = {5, 1, 4, 2, 3, 6, 0, 7}; /* Ties by the smaller slot. */
  wpm_heap heap;
  wpm_heap_init(&heap);
  assert_int_equal(wpm_heap_reserve(&heap, 8), WPM_OK);
  for (uint32_t slot = 0; slot < 8; slot++) {
    wpm_heap_set(&heap, slot, at(deadlines[slot]));
    assert_int_equal(wpm_heap_get(&heap, slot).ns, deadlines[slot]);
  }
  for (size_t i = 0; i < 8; i++) {
    uint32_t slot;
    assert_int_equal(wpm_heap_least(&heap, &slot).ns, deadlines[order[i]]);
    assert_int_equal(slot, order[i]);
    assert_int_equal(wpm_heap_least(&heap, NULL).ns, deadlines[order[i]]);
    wpm_heap_set(&heap, slot, WPM_NEVER);
    assert_int_equal(wpm_heap_get(&heap, slot).ns, WPM_NEVER.ns);
  }
  assert_int_equal(heap.count, 0);
  uint32_t slot = 77;
  assert_int_equal(wpm_heap_least(&heap, &slot).ns, WPM_NEVER.ns);
  assert_int_equal(slot, 77);
  wpm_heap_fini(&heap);
}

static void a_deadline_moves_both_ways(void **state) {
  (void)state;
  wpm_heap heap;
  wpm_heap_init(&heap);
  assert_int_equal(wpm_heap_reserve(&heap, 3), WPM_OK);
  uint32_t slot;
  wpm_heap_set(&heap, 0, at(10));
  wpm_heap_set(&heap, 1, at(20));
  wpm_heap_set(&heap, 2, at(30));
  wpm_heap_set(&heap, 0, at(40));
  assert_int_equal(wpm_heap_least(&heap, &slot).ns, 20);
  assert_int_equal(slot, 1);
  wpm_heap_set(&heap, 2, at(5));
  assert_int_equal(wpm_heap_least(&heap, &slot).ns, 5);
  assert_int_equal(slot, 2);
  wpm_heap_set(&heap, 2, at(5));
  assert_int_equal(heap.count, 3);
  wpm_heap_set(&heap, 1, WPM_NEVER);
  wpm_heap_set(&heap, 1, WPM_NEVER);
  assert_int_equal(heap.count, 2);
  wpm_heap_fini(&heap);
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  wpm_heap heap;
  wpm_heap_init(&heap);
  assert_int_equal(wpm_heap_reserve(&heap, 2), WPM_OK);
  wpm_heap_set(&heap, 1, at(7));
  size_t slots = heap.slots;
  for (size_t n = 1; n <= 2; n++) {
    wpm_alloc_fail_at(n);
    assert_int_equal(wpm_heap_reserve(&heap, 1000), WPM_ERR_NO_MEMORY);
    wpm_alloc_fail_off();
    assert_int_equal(heap.slots, slots);
    assert_int_equal(wpm_heap_get(&heap, 1).ns, 7);
    assert_int_equal(wpm_heap_least(&heap, NULL).ns, 7);
  }
  wpm_alloc_fail_at(1); /* More slots than a slot number can name: memory is not even asked for. */
  assert_int_equal(wpm_heap_reserve(&heap, UINT32_MAX), WPM_ERR_NO_MEMORY);
  assert_int_equal(wpm_heap_reserve(&heap, SIZE_MAX), WPM_ERR_NO_MEMORY);
  assert_int_equal(wpm_alloc_failed(), 0);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_heap_reserve(&heap, 1000), WPM_OK);
  wpm_alloc_fail_at(1);
  for (uint32_t slot = 0; slot < 1000; slot++) {
    wpm_heap_set(&heap, slot, at(slot));
  }
  assert_int_equal(wpm_alloc_failed(), 0);
  wpm_alloc_fail_off();
  assert_int_equal(heap.count, 1000);
  wpm_heap_fini(&heap);
}

static void reserving_one_at_a_time_is_amortised(void **state) {
  (void)state;
  wpm_heap heap;
  wpm_heap_init(&heap);
  size_t grown = 0;
  for (size_t slots = 1; slots <= 100000; slots++) {
    size_t before = heap.slots;
    assert_int_equal(wpm_heap_reserve(&heap, slots), WPM_OK);
    grown += heap.slots != before;
  }
  assert_true(grown < 40);
  wpm_heap_fini(&heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_heap_has_no_deadline),
      cmocka_unit_test(deadlines_come_in_order),
      cmocka_unit_test(a_deadline_moves_both_ways),
      cmocka_unit_test(without_memory_nothing_changes),
      cmocka_unit_test(reserving_one_at_a_time_is_amortised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
