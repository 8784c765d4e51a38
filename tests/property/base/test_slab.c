/* The slab against a list of blocks, each filled with a pattern of its own: nothing overlaps, nothing is
 * lost, and what is given back is used again. */
#include "base/rng.h"
#include "base/slab.h"
#include "support/alloc_fail.h"
#include "support/seed.h"
#include "support/test.h"

#include <string.h>

enum { BLOCKS = 3000, STEPS = 60000 };

typedef struct held {
  wpm_block block;
  size_t size;
  uint8_t pattern;
} held;

static void fill(const wpm_slab *slab, const held *h) {
  memset(wpm_slab_at(slab, h->block), h->pattern, h->size);
}

static void expect_whole(const wpm_slab *slab, const held *h) {
  const uint8_t *at = wpm_slab_at(slab, h->block);
  for (size_t i = 0; i < h->size; i++) {
    assert_int_equal(at[i], h->pattern);
  }
}

/* Mostly small ones, as records are; some above what pages hold. */
static size_t some_size(wpm_rng *rng) {
  switch (wpm_rng_below(rng, 20)) {
  case 0:
    return 1 + wpm_rng_below(rng, 20000);
  case 1:
    return 513 + wpm_rng_below(rng, 7680);
  default:
    return 1 + wpm_rng_below(rng, 512);
  }
}

static void take(wpm_slab *slab, held *h, wpm_rng *rng) {
  h->size = some_size(rng);
  h->pattern = (uint8_t)wpm_rng_next(rng);
  bool armed = wpm_rng_below(rng, 50) == 0;
  if (armed) {
    wpm_alloc_fail_at(1);
  }
  int err = wpm_slab_take(slab, h->size, &h->block);
  bool failed = armed && wpm_alloc_failed() > 0;
  wpm_alloc_fail_off();
  assert_int_equal(err, failed ? WPM_ERR_NO_MEMORY : WPM_OK);
  if (failed) {
    h->block = 0;
    return;
  }
  assert_true(h->block != 0 && wpm_slab_room(slab, h->block) >= h->size);
  assert_int_equal(wpm_slab_room(slab, h->block), wpm_slab_size_for(h->size));
  assert_int_equal((uintptr_t)wpm_slab_at(slab, h->block) % 16, 0);
  fill(slab, h);
}

static void blocks_stay_apart(void **state) {
  (void)state;
  static held all[BLOCKS];
  wpm_rng rng;
  wpm_slab slab;
  wpm_rng_init(&rng, wpm_test_seed());
  wpm_slab_init(&slab);
  memset(all, 0, sizeof(all));
  for (size_t step = 0; step < STEPS; step++) {
    held *h = &all[wpm_rng_below(&rng, BLOCKS)];
    if (h->block) {
      expect_whole(&slab, h);
      wpm_slab_give(&slab, h->block);
      h->block = 0;
    } else {
      take(&slab, h, &rng);
    }
  }
  for (size_t i = 0; i < BLOCKS; i++) {
    if (all[i].block) {
      expect_whole(&slab, &all[i]);
      wpm_slab_give(&slab, all[i].block);
    }
  }
  wpm_slab_give(&slab, 0);
  /* One empty page is kept, and the table of pages. */
  assert_true(wpm_slab_bytes(&slab) <= WPM_SLAB_PAGE + slab.capacity * sizeof(wpm_slab_page));
  wpm_slab_fini(&slab);
}

/* What one class no longer needs serves another. */
static void memory_follows_what_is_needed(void **state) {
  (void)state;
  static wpm_block blocks[20000];
  wpm_slab slab;
  wpm_slab_init(&slab);
  size_t most = 0;
  for (size_t size = 16; size <= 512; size += 16) {
    size_t count = 1000000 / size;
    count = count < 20000 ? count : 20000;
    for (size_t i = 0; i < count; i++) {
      assert_int_equal(wpm_slab_take(&slab, size, &blocks[i]), WPM_OK);
    }
    most = wpm_slab_bytes(&slab) > most ? wpm_slab_bytes(&slab) : most;
    for (size_t i = 0; i < count; i++) {
      wpm_slab_give(&slab, blocks[i]);
    }
  }
  assert_true(most < 1300000);
  wpm_slab_fini(&slab);
}

static void sizes_are_rounded_up_by_an_eighth_at_most(void **state) {
  (void)state;
  for (size_t size = 1; size <= 20000; size++) {
    size_t room = wpm_slab_size_for(size);
    assert_true(room >= size);
    assert_true(size <= 512 ? room - size < 16 : room <= size + size / 8 + 1);
  }
  assert_int_equal(wpm_slab_size_for(0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_stay_apart),
      cmocka_unit_test(memory_follows_what_is_needed),
      cmocka_unit_test(sizes_are_rounded_up_by_an_eighth_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
