#include "base/bytes.h"
#include "base/map.h"
#include "support/alloc_fail.h"
#include "support/test.h"

#include <stdio.h>

enum { SLOTS = 1000 };

static char names[SLOTS][16];

static wpm_bytes key_of(const void *user, uint32_t slot) {
  (void)user;
  return (wpm_bytes){(const uint8_t *)names[slot], strlen(names[slot])};
}

static int name_slots(void **state) {
  (void)state;
  for (int i = 0; i < SLOTS; i++) {
    snprintf(names[i], sizeof(names[i]), "%d", i);
  }
  return 0;
}

static const wpm_siphash_key hash_key = {1, 2};

static void an_empty_map_holds_nothing(void **state) {
  (void)state;
  wpm_map map;
  wpm_map_init(&map, hash_key, key_of, NULL);
  assert_int_equal(wpm_map_find(&map, key_of(NULL, 0)), WPM_MAP_NONE);
  assert_false(wpm_map_remove(&map, key_of(NULL, 0)));
  assert_null(map.entries);
  wpm_map_fini(&map);
}

static void finds_what_was_added_and_not_removed(void **state) {
  (void)state;
  wpm_map map;
  wpm_map_init(&map, hash_key, key_of, NULL);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    assert_int_equal(wpm_map_add(&map, key_of(NULL, slot), slot), WPM_OK);
    assert_int_equal(map.count, slot + 1);
  }
  for (uint32_t slot = 0; slot < SLOTS; slot += 2) {
    assert_true(wpm_map_remove(&map, key_of(NULL, slot)));
    assert_false(wpm_map_remove(&map, key_of(NULL, slot)));
  }
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    assert_int_equal(wpm_map_find(&map, key_of(NULL, slot)), slot % 2 ? slot : WPM_MAP_NONE);
  }
  assert_int_equal(map.count, SLOTS / 2);
  wpm_map_fini(&map);
  assert_int_equal(wpm_map_find(&map, key_of(NULL, 1)), WPM_MAP_NONE);
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  wpm_map map;
  wpm_map_init(&map, hash_key, key_of, NULL);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_map_add(&map, key_of(NULL, 0), 0), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(map.count, 0);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    wpm_alloc_fail_at(1);
    int err = wpm_map_add(&map, key_of(NULL, slot), slot);
    wpm_alloc_fail_off();
    if (err) {
      assert_int_equal(err, WPM_ERR_NO_MEMORY);
      assert_int_equal(map.count, slot);
      assert_int_equal(wpm_map_find(&map, key_of(NULL, slot)), WPM_MAP_NONE);
      assert_int_equal(wpm_map_add(&map, key_of(NULL, slot), slot), WPM_OK);
    }
  }
  /* Removing never needs memory. */
  wpm_alloc_fail_at(1);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    assert_int_equal(wpm_map_find(&map, key_of(NULL, slot)), slot);
    assert_true(wpm_map_remove(&map, key_of(NULL, slot)));
  }
  assert_int_equal(wpm_alloc_failed(), 0);
  wpm_alloc_fail_off();
  wpm_map_fini(&map);
}

enum { MANY = 100000 };

static uint32_t numbers[MANY];

static wpm_bytes number_of(const void *user, uint32_t slot) {
  (void)user;
  return (wpm_bytes){(const uint8_t *)&numbers[slot], sizeof(numbers[slot])};
}

/* Growth moves every entry some time, but few in one call, and is over before the next one. */
static void growth_is_spread_over_calls(void **state) {
  (void)state;
  wpm_map map;
  wpm_map_init(&map, hash_key, number_of, NULL);
  size_t most_moved = 0;
  size_t growths = 0;
  for (uint32_t slot = 0; slot < MANY; slot++) {
    numbers[slot] = slot;
    size_t capacity = map.capacity;
    size_t moved = map.moved;
    assert_int_equal(wpm_map_add(&map, number_of(NULL, slot), slot), WPM_OK);
    growths += map.capacity != capacity;
    assert_true(map.capacity == capacity || slot == capacity - capacity / 4); /* Three fourths. */
    if (map.old && map.moved - moved > most_moved) {
      most_moved = map.moved - moved;
    }
  }
  assert_int_equal(growths, 15); /* To 16, 32, … 262144. */
  assert_in_range(most_moved, 8, 1000);
  for (uint32_t slot = 0; slot < MANY; slot++) {
    assert_int_equal(wpm_map_find(&map, number_of(NULL, slot)), slot);
  }
  wpm_map_fini(&map);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_map_holds_nothing),
      cmocka_unit_test(finds_what_was_added_and_not_removed),
      cmocka_unit_test(without_memory_nothing_changes),
      cmocka_unit_test(growth_is_spread_over_calls),
  };
  return cmocka_run_group_tests(tests, name_slots, NULL);
}
