/* The store against a naive model of it (support/core/store_model.h, store_run.h), driven by the same random
 * operations through every public call and compared at every step: small and large caps, with and
 * without eviction and the keeping of what is good, now and then short of memory. Beside them go
 * consumers of the feed, one prompt and one lazy, and listings that take their time.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "support/alloc_fail.h"
#include "support/core/store_run.h"
#include "support/seed.h"

#include <string.h>

enum {
  STEPS = 1 << 20,  /* In all. */
  RUNS = 4,         /* Of each configuration, each with a store of its own. */
  CHECK_EVERY = 512 /* Steps between two looks at all there is. */
};

/* A configuration, in few words. */
typedef struct shape {
  size_t peers, tombstones, addresses, protocols, text, tags, app, indexed, changes;
  bool evict, keep_good;
} shape;

static const shape shapes[] = {
    {20, 3, 4, 5, 20, 3, 40, 4, 32, true, true},
    {20, 5, 5, 6, 20, 4, 60, 1024, 64, false, false},
    {0, 0, 0, 0, 0, 0, 0, 0, 4096, true, true},
    {24, WPM_QUARTER_OF_PEERS, 64, 256, 256, 32, 16384, 2, 8, true, false},
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* The operation was on peer `id`. */
static void watch(wpm_run *r, unsigned id) {
  uint64_t missed = r->prompt.missed;
  wpm_feed_reader_catch_up(&r->prompt, r->store, &r->model, id);
  /* One call changes each peer once at most. Yet where there was no memory for the feed, changes are
   * lost rather than the call. */
  assert_true(r->prompt.missed == missed || r->changes <= WPM_MODEL_IDS ||
              (r->lacking && wpm_alloc_failed() > 0));
  if (wpm_run_one_in(r, 40)) {
    wpm_feed_reader_catch_up(&r->lazy, r->store, &r->model, WPM_MODEL_IDS);
  }
  for (size_t i = 0; i < 2; i++) {
    wpm_lister_look(&r->listers[i], &r->model);
    if (wpm_run_one_in(r, 8) &&
        !wpm_lister_go_on(&r->listers[i], r->store, &r->model, 1 + wpm_run_below(r, 3))) {
      wpm_term terms[3];
      wpm_query query = {terms, wpm_run_query(r, terms, 3)};
      wpm_lister_begin(&r->listers[i], &r->model, i == 0 ? NULL : &query);
      r->listed++;
    }
  }
}

static void step(wpm_run *r) {
  unsigned id = (unsigned)wpm_run_below(r, WPM_MODEL_IDS);
  int64_t passed = wpm_run_one_in(r, 50) ? (int64_t)wpm_run_below(r, 30 * WPM_SECOND)
                                         : (int64_t)wpm_run_below(r, 1000);
  r->now.mono.ns += passed;
  r->now.wall.ns += passed;
  uint64_t draw = wpm_run_below(r, wpm_run_operations + 10);
  r->lacking = draw < wpm_run_operations && wpm_run_one_in(r, 16);
  if (draw < wpm_run_operations) {
    if (r->lacking) {
      wpm_alloc_fail_once_at(1 + wpm_run_below(r, 6));
    }
    wpm_run_operation(r, draw, id);
    wpm_alloc_fail_off();
  } else if (draw < wpm_run_operations + 2) {
    wpm_run_advance(r);
  } else {
    wpm_run_compare_query(r);
    return;
  }
  wpm_run_compare_peer(r, id);
  assert_int_equal(wpm_store_count(r->store), wpm_model_count(&r->model));
  watch(r, id);
}

static wpm_store_config config_of(const shape *s, uint64_t seed) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = s->peers;
  config.max_tombstones = s->tombstones;
  config.max_addresses = s->addresses;
  config.max_protocols = s->protocols;
  config.max_text = s->text;
  config.max_tags = s->tags;
  config.max_app_bytes = s->app;
  config.max_indexed = s->indexed;
  config.max_changes = s->changes;
  config.evict = s->evict;
  config.keep_good = s->keep_good;
  memcpy(config.hash_key, &seed, sizeof(seed));
  return config;
}

/* Gives the places that peers will have to others first, who then go in any order: so that the few
 * lie far apart, in several pages of any index. */
static void spread(wpm_run *r) {
  enum { OTHERS = 9000 };
  uint32_t numbers[OTHERS];
  for (uint32_t i = 0; i < OTHERS; i++) {
    wpm_bytes id = {(const uint8_t *)&i, sizeof(i)};
    assert_int_equal(wpm_store_add(r->store, id, WPM_ORIGIN_UNKNOWN), WPM_OK);
    uint32_t other = (uint32_t)wpm_run_below(r, i + 1);
    numbers[i] = numbers[other];
    numbers[other] = i;
  }
  for (uint32_t i = 0; i < OTHERS; i++) {
    wpm_bytes id = {(const uint8_t *)&numbers[i], sizeof(numbers[i])};
    assert_int_equal(wpm_store_remove(r->store, id), WPM_OK);
  }
}

static void one_run(const shape *s, uint64_t seed, unsigned steps) {
  wpm_run *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  r->random = seed;
  r->changes = s->changes;
  r->now = (wpm_instant){{WPM_HOUR}, {INT64_C(1735689600) * WPM_SECOND}, 1};
  wpm_store_config config = config_of(s, seed);
  assert_int_equal(wpm_store_new(&config, &r->store), WPM_OK);
  wpm_model_init(&r->model, &config);
  wpm_run_advance(r);
  if (s->peers == 0) {
    spread(r);
  }
  wpm_feed_reader_begin(&r->prompt, r->store, &r->model);
  wpm_feed_reader_begin(&r->lazy, r->store, &r->model);
  wpm_lister_begin(&r->listers[0], &r->model, NULL);
  wpm_lister_begin(&r->listers[1], &r->model, &(wpm_query){NULL, 0});
  for (unsigned i = 1; i <= steps; i++) {
    step(r);
    if (i % CHECK_EVERY == 0) {
      wpm_run_compare_all(r);
    }
  }
  wpm_run_compare_all(r);
  assert_true(r->lazy.missed > 0 || s->changes > WPM_MODEL_IDS);
  assert_true(r->lacked > steps / 4000);
  assert_true(r->listed > steps / 1000); /* So those watched what there was to see. */
  wpm_store_free(r->store);
  free(r);
}

static void it_does_as_the_model(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  for (uint64_t i = 0; i < SHAPES * RUNS; i++) {
    one_run(&shapes[i % SHAPES], seed + i, STEPS / (SHAPES * RUNS));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_does_as_the_model)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
