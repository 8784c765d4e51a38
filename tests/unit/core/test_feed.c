/* The feed's ring: that it grows and loses in small steps, and what it does without memory. */
#include "core/feed.h"

#include "support/alloc_fail.h"
#include "support/core/store_kit.h"

#include <string.h>

#define CHUNK ((size_t)1 << WPM_CHUNK_BITS)

typedef struct ring {
  wpm_feed feed;
  wpm_slab slab;
} ring;

static void begin(ring *r, size_t most) {
  wpm_feed_init(&r->feed, most);
  wpm_slab_init(&r->slab);
}

static void end(ring *r) {
  wpm_feed_fini(&r->feed);
  wpm_slab_fini(&r->slab);
}

/* Change number n of a peer of its own. */
static void push(ring *r, uint64_t n) {
  assert_int_equal(r->feed.end, n);
  wpm_feed_push(&r->feed, &r->slab,
                &(wpm_feed_entry){.kind = WPM_CHANGE_ADDED, .slot = (uint32_t)n, .fields = 1});
  assert_int_equal(r->feed.end, n + 1);
}

/* A removal whose id is too long for its entry. */
static void push_long(ring *r) {
  wpm_feed_entry entry = {.kind = WPM_CHANGE_REMOVED, .id_len = 200};
  assert_int_equal(wpm_slab_take(&r->slab, 200, &entry.id.block), WPM_OK);
  wpm_feed_push(&r->feed, &r->slab, &entry);
}

/* Each change that is kept is the one of its number. */
static void expect_kept(const ring *r, uint64_t first) {
  assert_int_equal(r->feed.begin, first);
  for (uint64_t n = first; n < r->feed.end; n++) {
    const wpm_feed_entry *entry = wpm_feed_at(&r->feed, n);
    if (entry->slot != n || entry->kind != WPM_CHANGE_ADDED) {
      fail_msg("change %llu is %u", (unsigned long long)n, entry->slot);
    }
  }
}

/* Nothing is allocated that holds more than a chunk, and what is held stays where it is: so nothing
 * larger is copied or cleared. */
static void it_grows_a_chunk_at_a_time(void **state) {
  (void)state;
  ring r;
  begin(&r, 50 * CHUNK + 100);
  wpm_alloc_watch();
  const wpm_feed_entry *first = NULL;
  for (uint64_t n = 0; n < 52 * CHUNK; n++) {
    size_t before = wpm_feed_bytes(&r.feed);
    push(&r, n);
    assert_true(wpm_feed_bytes(&r.feed) - before <= CHUNK * sizeof(wpm_feed_entry));
    if (n == CHUNK) {
      first = wpm_feed_at(&r.feed, 0);
    }
    if (n > CHUNK && n < 50 * CHUNK + 100) {
      assert_ptr_equal(wpm_feed_at(&r.feed, 0), first);
    }
  }
  assert_true(wpm_alloc_largest() <= CHUNK * sizeof(wpm_feed_entry));
  assert_int_equal(r.feed.capacity, 50 * CHUNK + 100);
  expect_kept(&r, 2 * CHUNK - 100);
  end(&r);
}

/* The same for all that adding a peer does. (The map's tables are larger, but cleared piece by piece.) */
static void no_addition_to_a_store_touches_much(void **state) {
  (void)state;
  enum { PEERS = 40000, BOUND = 512 * 1024 };
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_changes = 1u << 21;
  wpm_store *store = wpm_kit_new(&config);
  uint64_t cursor = wpm_store_feed_end(store);
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_alloc_watch();
    wpm_kit_add(store, i);
    if (wpm_alloc_largest_touched() > BOUND) {
      fail_msg("peer %u: %zu bytes at once", i, wpm_alloc_largest_touched());
    }
  }
  wpm_store_change change;
  for (unsigned i = 0; i < PEERS; i++) {
    assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_OK);
    assert_int_equal(wpm_kit_number(change.id), i);
  }
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_NOT_FOUND);
  wpm_kit_free(store);
}

static void a_small_one_is_small(void **state) {
  (void)state;
  ring r;
  begin(&r, 1u << 21);
  push(&r, 0);
  assert_true(wpm_feed_bytes(&r.feed) <= 64 * sizeof(wpm_feed_entry));
  end(&r);
}

/* Wherever memory fails: the latest changes are kept, as many as there is room for, and it grows on
 * once there is memory, within one round of the ring. */
static void without_memory_fewer_are_kept(void **state) {
  (void)state;
  size_t failures = 0;
  for (size_t n = 1;; n++) {
    ring r;
    begin(&r, 5 * CHUNK);
    wpm_alloc_fail_at(n);
    uint64_t pushed = 0;
    for (; pushed < 4 * CHUNK + 77; pushed++) {
      push(&r, pushed);
    }
    size_t failed = wpm_alloc_failed();
    wpm_alloc_fail_off();
    uint64_t kept = pushed - r.feed.begin;
    assert_true(failed > 0 ? kept == r.feed.capacity : kept == pushed);
    expect_kept(&r, pushed - kept);
    for (uint64_t i = 0; i < 10 * CHUNK; i++) {
      push(&r, pushed++);
    }
    assert_int_equal(r.feed.capacity, 5 * CHUNK);
    expect_kept(&r, pushed - 5 * CHUNK);
    end(&r);
    failures += failed > 0;
    if (failed == 0) {
      break;
    }
  }
  assert_true(failures >= 8);
}

/* One failure alone costs the changes that then find no room, and none that come later. */
static void one_failure_is_made_up_for(void **state) {
  (void)state;
  ring r;
  begin(&r, CHUNK);
  for (uint64_t n = 0; n < 64; n++) {
    push(&r, n);
  }
  wpm_alloc_fail_once_at(1);
  push(&r, 64);
  wpm_alloc_fail_off();
  expect_kept(&r, 1);
  for (uint64_t n = 65; n < 1000; n++) {
    push(&r, n);
  }
  expect_kept(&r, 64); /* One round later it has grown. */
  end(&r);
}

/* Losing all takes no longer for how many there are; what they held is given back by and by. */
static void losing_all_is_one_step(void **state) {
  (void)state;
  enum { KEPT = 3 * CHUNK };
  ring r;
  begin(&r, 4 * CHUNK);
  for (uint32_t n = 0; n < KEPT; n++) {
    push_long(&r);
  }
  assert_int_equal(r.slab.blocks, KEPT);
  wpm_feed_lose(&r.feed, &r.slab);
  assert_true(r.slab.blocks >= KEPT - 100);
  assert_int_equal(r.feed.begin, r.feed.end);
  assert_int_equal(r.feed.end, KEPT + 1);
  uint32_t before = r.slab.blocks;
  for (uint64_t n = KEPT + 1; n < 2 * KEPT; n++) {
    push(&r, n);
    assert_true(before - r.slab.blocks <= 100);
    before = r.slab.blocks;
  }
  assert_int_equal(r.slab.blocks, 0);
  expect_kept(&r, KEPT + 1);
  for (uint64_t n = 2 * KEPT; n < 9 * KEPT; n++) {
    push(&r, n);
  }
  expect_kept(&r, 9 * KEPT - 4 * CHUNK);
  end(&r);
}

/* Lost again and again, full or empty, with and without memory: the numbers go on, and nothing leaks. */
static void losing_often_is_no_harm(void **state) {
  (void)state;
  ring r;
  begin(&r, 100);
  for (unsigned round = 0; round < 500; round++) {
    for (unsigned i = 0; i < round % 7 * 30; i++) {
      push_long(&r);
    }
    uint64_t before = r.feed.end;
    wpm_alloc_fail_at(1);
    wpm_feed_lose(&r.feed, &r.slab);
    wpm_alloc_fail_off();
    assert_int_equal(r.feed.end, before + 1);
    assert_int_equal(r.feed.begin, before + 1);
    assert_true(r.slab.blocks <= 100);
  }
  for (unsigned i = 0; i < 100; i++) {
    push(&r, r.feed.end);
  }
  assert_int_equal(r.slab.blocks, 0);
  end(&r);
  begin(&r, 0);
  push_long(&r);
  wpm_feed_lose(&r.feed, &r.slab);
  assert_int_equal(r.feed.begin, 2);
  assert_int_equal(r.slab.blocks, 0);
  assert_int_equal(wpm_feed_bytes(&r.feed), 0);
  end(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_grows_a_chunk_at_a_time),
      cmocka_unit_test(no_addition_to_a_store_touches_much),
      cmocka_unit_test(a_small_one_is_small),
      cmocka_unit_test(without_memory_fewer_are_kept),
      cmocka_unit_test(one_failure_is_made_up_for),
      cmocka_unit_test(losing_all_is_one_step),
      cmocka_unit_test(losing_often_is_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
