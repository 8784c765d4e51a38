/* The map against a table of flags, through random operations and failing allocations. A map whose
 * hashes collide is tested too: its keys are chosen to share a home. */
#include "base/bytes.h"
#include "base/map.h"
#include "base/rng.h"
#include "support/alloc_fail.h"
#include "support/seed.h"
#include "support/test.h"

enum { SLOTS = 600, KEY_LEN = 40 };

typedef struct keys {
  uint8_t bytes[SLOTS][KEY_LEN];
  size_t len[SLOTS];
  bool held[SLOTS];
} keys;

static wpm_bytes key_of(const void *user, uint32_t slot) {
  const keys *all = user;
  assert_true(all->held[slot]); /* Asked only for keys it holds. */
  return (wpm_bytes){all->bytes[slot], all->len[slot]};
}

static wpm_bytes key_at(const keys *all, uint32_t slot) {
  return (wpm_bytes){all->bytes[slot], all->len[slot]};
}

/* Distinct keys: each begins with its slot. With `crowded`, all have a home in the same 1/256 of
 * any table. */
static void make_keys(keys *all, wpm_rng *rng, wpm_siphash_key hash_key, bool crowded) {
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    all->held[slot] = false;
    all->len[slot] = sizeof(slot) + wpm_rng_below(rng, KEY_LEN - sizeof(slot) + 1);
    if (crowded && all->len[slot] < 16) {
      all->len[slot] = 16;
    }
    do {
      for (size_t i = 0; i < KEY_LEN; i++) {
        all->bytes[slot][i] = (uint8_t)wpm_rng_next(rng);
      }
      memcpy(all->bytes[slot], &slot, sizeof(slot));
    } while (crowded && wpm_siphash13(&hash_key, key_at(all, slot)) >> 56 != 0xff);
  }
}

static void run(bool crowded, size_t steps) {
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  static keys all;
  wpm_siphash_key hash_key = {wpm_rng_next(&rng), wpm_rng_next(&rng)};
  make_keys(&all, &rng, hash_key, crowded);
  wpm_map map;
  wpm_map_init(&map, hash_key, key_of, &all);
  size_t held = 0;
  uint64_t adding = 50;
  for (size_t step = 0; step < steps; step++) {
    if (step % 500 == 0) {
      adding = wpm_rng_below(&rng, 100); /* Phases that fill it and phases that drain it. */
    }
    uint32_t slot = (uint32_t)wpm_rng_below(&rng, SLOTS);
    if (wpm_rng_below(&rng, 100) >= adding) {
      wpm_alloc_fail_at(1);
      assert_int_equal(wpm_map_remove(&map, key_at(&all, slot)), all.held[slot]);
      wpm_alloc_fail_off();
      held -= all.held[slot];
      all.held[slot] = false;
    } else if (!all.held[slot]) {
      bool armed = wpm_rng_below(&rng, 4) == 0;
      if (armed) {
        wpm_alloc_fail_at(1);
      }
      int err = wpm_map_add(&map, key_at(&all, slot), slot);
      bool failed = armed && wpm_alloc_failed() > 0;
      wpm_alloc_fail_off();
      assert_int_equal(err, failed ? WPM_ERR_NO_MEMORY : WPM_OK);
      all.held[slot] = !err;
      held += !err;
    }
    assert_int_equal(map.count, held);
    uint32_t probe = (uint32_t)wpm_rng_below(&rng, SLOTS);
    assert_int_equal(wpm_map_find(&map, key_at(&all, probe)),
                     all.held[probe] ? probe : WPM_MAP_NONE);
  }
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    assert_int_equal(wpm_map_find(&map, key_at(&all, slot)), all.held[slot] ? slot : WPM_MAP_NONE);
  }
  wpm_map_fini(&map);
}

static void behaves_as_a_table(void **state) {
  (void)state;
  run(false, 40000);
}

static void crowded_keys_are_told_apart(void **state) {
  (void)state;
  run(true, 10000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(behaves_as_a_table),
      cmocka_unit_test(crowded_keys_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
