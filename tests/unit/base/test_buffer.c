#include "base/buffer.h"
#include "base/bytes.h"
#include "support/alloc_fail.h"
#include "support/test.h"

static bool holds(const wpm_buffer *buffer, const char *text) {
  return wpm_bytes_equal(wpm_buffer_view(buffer), (wpm_bytes){(const uint8_t *)text, strlen(text)});
}

static void starts_empty_and_without_memory(void **state) {
  (void)state;
  wpm_buffer buffer;
  wpm_buffer_init(&buffer, 100);
  assert_null(buffer.memory);
  assert_int_equal(wpm_buffer_size(&buffer), 0);
  assert_int_equal(wpm_buffer_room(&buffer), 100);
  assert_int_equal(wpm_buffer_view(&buffer).len, 0);
  assert_int_equal(wpm_buffer_append(&buffer, NULL, 0), WPM_OK);
  assert_null(buffer.memory);
  wpm_buffer_fini(&buffer);
}

static void is_a_queue(void **state) {
  (void)state;
  wpm_buffer buffer;
  wpm_buffer_init(&buffer, 10);
  assert_int_equal(wpm_buffer_append(&buffer, "hello", 5), WPM_OK);
  assert_int_equal(wpm_buffer_append(&buffer, "world", 5), WPM_OK);
  assert_true(holds(&buffer, "helloworld"));
  assert_int_equal(wpm_buffer_room(&buffer), 0);
  assert_int_equal(wpm_buffer_append(&buffer, "x", 1), WPM_ERR_FULL);
  assert_true(holds(&buffer, "helloworld"));
  wpm_buffer_consume(&buffer, 7);
  assert_true(holds(&buffer, "rld"));
  assert_int_equal(wpm_buffer_append(&buffer, "1234567", 7), WPM_OK);
  assert_true(holds(&buffer, "rld1234567"));
  wpm_buffer_release(&buffer);
  assert_true(holds(&buffer, "rld1234567"));
  wpm_buffer_clear(&buffer);
  assert_non_null(buffer.memory);
  wpm_buffer_release(&buffer);
  assert_null(buffer.memory);
  assert_int_equal(wpm_buffer_append(&buffer, "again", 5), WPM_OK);
  assert_true(holds(&buffer, "again"));
  wpm_buffer_consume(&buffer, 5);
  assert_int_equal(wpm_buffer_size(&buffer), 0);
  assert_int_equal(buffer.begin, 0); /* All its memory is free again. */
  assert_int_equal(wpm_buffer_append(&buffer, "more", 4), WPM_OK);
  wpm_buffer_wipe(&buffer);
  assert_null(buffer.memory);
  assert_int_equal(wpm_buffer_room(&buffer), 10);
  wpm_buffer_fini(&buffer);
}

static void reserve_then_commit_less(void **state) {
  (void)state;
  wpm_buffer buffer;
  uint8_t *space;
  wpm_buffer_init(&buffer, 1000);
  assert_int_equal(wpm_buffer_reserve(&buffer, 1001, &space), WPM_ERR_FULL);
  assert_int_equal(wpm_buffer_reserve(&buffer, 1000, &space), WPM_OK);
  memset(space, 'a', 1000);
  wpm_buffer_commit(&buffer, 3);
  assert_true(holds(&buffer, "aaa"));
  assert_int_equal(wpm_buffer_reserve(&buffer, 997, &space), WPM_OK);
  memset(space, 'b', 997);
  wpm_buffer_commit(&buffer, 0);
  assert_true(holds(&buffer, "aaa"));
  wpm_buffer_fini(&buffer);
}

/* A full buffer from which small pieces go: it must neither move its bytes each time nor grow
 * beyond five fourths of its cap. Moves are counted through the place of its first byte. */
static void a_full_queue_moves_each_byte_a_few_times_only(void **state) {
  (void)state;
  enum { CAP = 1 << 16, STEPS = 1 << 18 };
  static uint8_t filling[CAP];
  wpm_buffer buffer;
  wpm_buffer_init(&buffer, CAP);
  assert_int_equal(wpm_buffer_append(&buffer, filling, CAP), WPM_OK);
  size_t moved = 0;
  for (size_t i = 0; i < STEPS; i++) {
    wpm_buffer_consume(&buffer, 1);
    const uint8_t *first = wpm_buffer_view(&buffer).data;
    assert_int_equal(wpm_buffer_append(&buffer, "x", 1), WPM_OK);
    if (wpm_buffer_view(&buffer).data != first) {
      moved += wpm_buffer_size(&buffer);
    }
    assert_true(buffer.capacity <= CAP + CAP / 4 + 1);
  }
  assert_true(moved <= 4 * (size_t)STEPS + CAP);
  wpm_buffer_fini(&buffer);
}

static void growth_is_geometric(void **state) {
  (void)state;
  wpm_buffer buffer;
  wpm_buffer_init(&buffer, SIZE_MAX);
  size_t grown = 0;
  size_t capacity = 0;
  for (size_t i = 0; i < 1 << 20; i++) {
    assert_int_equal(wpm_buffer_append(&buffer, "x", 1), WPM_OK);
    if (buffer.capacity != capacity) {
      grown++;
      capacity = buffer.capacity;
    }
  }
  assert_true(grown <= 16);
  uint8_t *space;
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_buffer_reserve(&buffer, SIZE_MAX / 2, &space), WPM_ERR_NO_MEMORY);
  assert_int_equal(wpm_buffer_reserve(&buffer, SIZE_MAX - (1 << 20), &space), WPM_ERR_NO_MEMORY);
  assert_int_equal(wpm_alloc_failed(), 2);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_buffer_size(&buffer), 1 << 20);
  wpm_buffer_fini(&buffer);
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  wpm_buffer buffer;
  wpm_buffer_init(&buffer, 1 << 20);
  static uint8_t big[1 << 16];
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_buffer_append(&buffer, "x", 1), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_buffer_append(&buffer, "kept", 4), WPM_OK);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_buffer_append(&buffer, big, sizeof(big)), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_true(holds(&buffer, "kept"));
  assert_int_equal(wpm_buffer_append(&buffer, big, sizeof(big)), WPM_OK);
  assert_int_equal(wpm_buffer_size(&buffer), 4 + sizeof(big));
  wpm_buffer_fini(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(starts_empty_and_without_memory),
      cmocka_unit_test(is_a_queue),
      cmocka_unit_test(reserve_then_commit_less),
      cmocka_unit_test(a_full_queue_moves_each_byte_a_few_times_only),
      cmocka_unit_test(growth_is_geometric),
      cmocka_unit_test(without_memory_nothing_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
