#include "base/chunks.h"
#include "support/alloc_fail.h"
#include "support/test.h"

#define CHUNK ((size_t)1 << WPM_CHUNK_BITS)

static uint32_t *at(const wpm_chunks *array, size_t i) {
  return wpm_chunks_at(array, sizeof(uint32_t), i);
}

static int reserve(wpm_chunks *array, size_t count) {
  return wpm_chunks_reserve(array, sizeof(uint32_t), count);
}

static void elements_begin_as_zeros_and_stay(void **state) {
  (void)state;
  wpm_chunks array = {0};
  for (size_t i = 0; i < 5 * CHUNK + 1; i++) {
    assert_int_equal(reserve(&array, i + 1), WPM_OK);
    assert_int_equal(*at(&array, i), 0);
    *at(&array, i) = (uint32_t)i + 7;
  }
  for (size_t i = 0; i < 5 * CHUNK + 1; i++) {
    assert_int_equal(*at(&array, i), i + 7);
  }
  wpm_chunks_fini(&array);
  assert_int_equal(array.capacity, 0);
}

static void a_small_one_is_small_and_a_large_one_never_moves(void **state) {
  (void)state;
  wpm_chunks array = {0};
  assert_int_equal(reserve(&array, 0), WPM_OK);
  assert_null(array.chunks);
  assert_int_equal(reserve(&array, 3), WPM_OK);
  assert_int_equal(array.capacity, 16);
  assert_int_equal(wpm_chunks_bytes(&array, sizeof(uint32_t)), 64);
  assert_int_equal(reserve(&array, CHUNK), WPM_OK);
  assert_int_equal(array.capacity, CHUNK);
  const uint32_t *first = at(&array, 0);
  for (size_t n = 2; n <= 9; n++) {
    assert_int_equal(reserve(&array, (n - 1) * CHUNK + 1), WPM_OK);
    assert_int_equal(array.capacity, n * CHUNK); /* A chunk at a time. */
    assert_ptr_equal(at(&array, 0), first);
  }
  wpm_chunks_fini(&array);
}

static void without_memory_what_is_held_stays(void **state) {
  (void)state;
  size_t failures = 0;
  for (size_t n = 1;; n++) {
    wpm_chunks array = {0};
    wpm_alloc_fail_at(n);
    int err = WPM_OK;
    size_t held = 0;
    while (!err && held < 3 * CHUNK) {
      err = reserve(&array, held + 1);
      if (!err) {
        *at(&array, held) = (uint32_t)held;
        held++;
      }
    }
    wpm_alloc_fail_off();
    failures += err != WPM_OK;
    for (size_t i = 0; i < held; i++) {
      assert_int_equal(*at(&array, i), i);
    }
    assert_int_equal(reserve(&array, held + 1), WPM_OK); /* It goes on. */
    wpm_chunks_fini(&array);
    if (!err) {
      break;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
  }
  assert_true(failures >= 13); /* 9 sizes of the first chunk, 2 more, 3 of the list. */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_begin_as_zeros_and_stay),
      cmocka_unit_test(a_small_one_is_small_and_a_large_one_never_moves),
      cmocka_unit_test(without_memory_what_is_held_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
