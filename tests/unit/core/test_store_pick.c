/* Picking at random: all different, all that match where there are fewer, the same for the same
 * seed, and every choice and order equally likely, however the matching peers lie. The seeds are
 * fixed: a run that fails, fails again. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

#include <math.h>
#include <string.h>

enum { PEERS = 10000, MOST = 16 }; /* Several pages of any index. */

/* The peers that match a query, as numbers. */
typedef struct scene {
  wpm_store *store;
  const wpm_term *terms;
  size_t term_count;
  bool matches[PEERS];
  unsigned index[PEERS]; /* Of those that match, which one it is. */
  size_t count;          /* Of those that match. */
} scene;

static void set_up(scene *s) {
  memset(s, 0, sizeof(*s));
  s->store = wpm_kit_new(NULL);
  for (unsigned i = 0; i < PEERS; i++) {
    wpm_kit_add(s->store, i);
  }
}

static void mark(scene *s, unsigned number) {
  s->matches[number] = true;
}

static void count_marked(scene *s, const wpm_term *terms, size_t term_count) {
  s->terms = terms;
  s->term_count = term_count;
  s->count = 0;
  for (unsigned i = 0; i < PEERS; i++) {
    s->index[i] = (unsigned)s->count;
    s->count += s->matches[i];
  }
  assert_int_equal(wpm_kit_count(s->store, terms, term_count), s->count);
}

/* Makes the marked ones match: they are static. */
static void make_static(scene *s) {
  static const wpm_term statics = {.kind = WPM_TERM_STATIC};
  for (unsigned i = 0; i < PEERS; i++) {
    if (s->matches[i]) {
      assert_int_equal(wpm_store_set_static(s->store, wpm_kit_id(i), true), WPM_OK);
    }
  }
  count_marked(s, &statics, 1);
}

/* Picks, and checks that all match and are different; the picked ones by number among the matching.
 */
static size_t pick(const scene *s, uint64_t seed, size_t count, unsigned *out) {
  wpm_query query = {s->terms, s->term_count};
  wpm_peer_ref refs[MOST];
  size_t found = 0;
  assert_int_equal(wpm_store_query_pick(s->store, &query, seed, refs, count, &found), WPM_OK);
  assert_int_equal(found, count < s->count ? count : s->count);
  for (size_t i = 0; i < found; i++) {
    wpm_peer_record r;
    assert_int_equal(wpm_store_at(s->store, refs[i], &r), WPM_OK);
    unsigned number = wpm_kit_number(r.id);
    assert_true(s->matches[number]);
    out[i] = s->index[number];
    for (size_t k = 0; k < i; k++) {
      assert_int_not_equal(out[k], out[i]);
    }
  }
  return found;
}

/* Fails where counts that should all be `expected` are further from it than chance has them, one run
 * in a billion aside. `variance`: of one of them, over `expected`. */
static void expect_even(const unsigned *counts, size_t count, double expected, double variance) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    double off = (double)counts[i] - expected;
    sum += off * off / (expected * variance);
  }
  /* Chi-square with as many degrees of freedom, by Wilson and Hilferty's approximation. */
  double degrees = (double)count - 1;
  double z = (cbrt(sum / degrees) - (1 - 2 / (9 * degrees))) / sqrt(2 / (9 * degrees));
  if (z > 6 || z < -6) { /* Too even is not random, either. */
    fail_msg("chi-square %f of %zu degrees: z %f", sum, count - 1, z);
  }
}

/* How often each is picked, and picked first. */
static void expect_uniform(const scene *s, size_t picked, unsigned rounds) {
  static unsigned any[PEERS];
  static unsigned first[PEERS];
  memset(any, 0, sizeof(any));
  memset(first, 0, sizeof(first));
  for (unsigned round = 0; round < rounds; round++) {
    unsigned out[MOST];
    size_t found = pick(s, round, picked, out);
    for (size_t i = 0; i < found; i++) {
      any[out[i]]++;
    }
    first[out[0]]++;
  }
  double share = (double)picked / (double)s->count;
  double of_one = 1 / (double)s->count;
  expect_even(first, s->count, rounds * of_one, 1);
  if (picked < s->count) {
    expect_even(any, s->count, rounds * share, (1 - share) / (1 - of_one));
  }
}

static void with(void (*choose)(scene *), size_t picked, unsigned rounds) {
  scene *s = malloc(sizeof(*s));
  assert_non_null(s);
  set_up(s);
  choose(s);
  expect_uniform(s, picked, rounds);
  wpm_kit_free(s->store);
  free(s);
}

/* ---- where the matching ones lie ------------------------------------------------------------- */

static void three_far_apart(scene *s) {
  mark(s, 0);
  mark(s, PEERS / 2 - 1);
  mark(s, PEERS - 1);
  make_static(s);
}

static void a_gap_before_each(scene *s) { /* Of all widths: the next from a random place errs. */
  for (unsigned at = 0, gap = 1; at < PEERS; at += 2 * gap++) {
    mark(s, at);
  }
  make_static(s);
}

static void a_clump_and_a_loner(scene *s) {
  for (unsigned i = 100; i < 140; i++) {
    mark(s, i);
  }
  mark(s, PEERS - 100);
  make_static(s);
}

static void the_last_few(scene *s) {
  for (unsigned i = PEERS - 20; i < PEERS; i++) {
    mark(s, i);
  }
  make_static(s);
}

static void every_other(scene *s) {
  for (unsigned i = 0; i < PEERS; i += 2) {
    mark(s, i);
  }
  make_static(s);
}

static void all_of_them(scene *s) {
  for (unsigned i = 0; i < PEERS; i++) {
    mark(s, i);
  }
  count_marked(s, NULL, 0);
}

/* Two halves that have a few in common. */
static void where_two_halves_meet(scene *s) {
  static const wpm_term both[] = {
      {.kind = WPM_TERM_STATIC}, {.kind = WPM_TERM_SHARD, .number = 3}, {.kind = WPM_TERM_AND}};
  static const uint16_t shard = 3;
  for (unsigned i = 0; i < PEERS; i++) {
    if (i < PEERS / 2 + 15) {
      assert_int_equal(wpm_store_set_static(s->store, wpm_kit_id(i), true), WPM_OK);
    }
    if (i >= PEERS / 2) {
      assert_int_equal(wpm_store_metadata(s->store, wpm_kit_id(i), 1, &shard, 1), WPM_OK);
    }
    s->matches[i] = i >= PEERS / 2 && i < PEERS / 2 + 15;
  }
  count_marked(s, both, 3);
}

/* As many have each of two in every part of the store; few have both, and not the same number. */
static void where_two_cross_unevenly(scene *s) {
  static const wpm_term both[] = {{.kind = WPM_TERM_STATIC}, {.kind = WPM_TERM_SHARD, .number = 3}};
  static const uint16_t shard = 3;
  for (unsigned i = 0; i < PEERS; i++) {
    unsigned shift = i < 4096 ? 0 : i < 8192 ? 15 : 12; /* All, one in 16, a quarter meet. */
    bool is_static = i % 40 < 16;
    bool of_shard = i % 40 >= shift && i % 40 < shift + 16;
    if (is_static) {
      assert_int_equal(wpm_store_set_static(s->store, wpm_kit_id(i), true), WPM_OK);
    }
    if (of_shard) {
      assert_int_equal(wpm_store_metadata(s->store, wpm_kit_id(i), 1, &shard, 1), WPM_OK);
    }
    s->matches[i] = is_static && of_shard;
  }
  count_marked(s, both, 2);
}

/* All but a few, of either. */
static void what_a_not_leaves(scene *s) {
  static const wpm_term terms[] = {{.kind = WPM_TERM_STATIC},
                                   {.kind = WPM_TERM_SHARD, .number = 3},
                                   {.kind = WPM_TERM_OR},
                                   {.kind = WPM_TERM_NOT}};
  static const uint16_t shard = 3;
  for (unsigned i = 0; i < PEERS; i++) {
    s->matches[i] = true;
    if (i % 100 == 3) {
      assert_int_equal(wpm_store_set_static(s->store, wpm_kit_id(i), true), WPM_OK);
      s->matches[i] = false;
    }
    if (i > PEERS / 4 * 3) {
      assert_int_equal(wpm_store_metadata(s->store, wpm_kit_id(i), 1, &shard, 1), WPM_OK);
      s->matches[i] = false;
    }
  }
  count_marked(s, terms, 4);
}

/* Places that peers have left do not stand in for those that stay. */
static void after_most_have_gone(scene *s) {
  for (unsigned i = 0; i < PEERS; i++) {
    if (i % 37 == 5) {
      mark(s, i);
    } else {
      assert_int_equal(wpm_store_remove(s->store, wpm_kit_id(i)), WPM_OK);
    }
  }
  count_marked(s, NULL, 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void every_peer_is_as_likely(void **state) {
  (void)state;
  with(three_far_apart, 1, 6000);
  with(three_far_apart, 2, 6000);
  with(three_far_apart, 3, 6000);
  with(a_gap_before_each, 1, 8000);
  with(a_gap_before_each, 10, 4000);
  with(a_clump_and_a_loner, 1, 4000);
  with(a_clump_and_a_loner, 10, 4000);
  with(the_last_few, 10, 4000);
  with(every_other, 10, 10000);
  with(every_other, 1, 40000);
  with(all_of_them, 10, 10000);
  with(where_two_halves_meet, 10, 4000);
  with(where_two_halves_meet, 15, 4000);
  with(where_two_cross_unevenly, 1, 40000);
  with(where_two_cross_unevenly, 10, 10000);
  with(what_a_not_leaves, 10, 10000);
  with(after_most_have_gone, 10, 4000);
}

/* Each of the 60 ways to pick 3 of 5 in order. */
static void every_choice_and_order_is_as_likely(void **state) {
  (void)state;
  static unsigned ways[5 * 5 * 5];
  static unsigned possible[60];
  scene *s = malloc(sizeof(*s));
  assert_non_null(s);
  set_up(s);
  for (unsigned i = 0; i < 5; i++) {
    mark(s, i * i * 600);
  }
  make_static(s);
  memset(ways, 0, sizeof(ways));
  for (unsigned seed = 0; seed < 12000; seed++) {
    unsigned out[3];
    assert_int_equal(pick(s, seed, 3, out), 3);
    ways[out[0] * 25 + out[1] * 5 + out[2]]++;
  }
  size_t count = 0;
  for (unsigned i = 0; i < 125; i++) {
    unsigned a = i / 25;
    unsigned b = i / 5 % 5;
    unsigned c = i % 5;
    if (a != b && a != c && b != c) {
      possible[count++] = ways[i];
    }
  }
  expect_even(possible, 60, 200, 1);
  wpm_kit_free(s->store);
  free(s);
}

/* Pairs of neighbours are no more likely than any. */
static void pairs_are_as_likely(void **state) {
  (void)state;
  enum { MATCHING = 40, ROUNDS = 30000 };
  static unsigned pairs[MATCHING * MATCHING];
  static unsigned possible[MATCHING * (MATCHING - 1)];
  scene *s = malloc(sizeof(*s));
  assert_non_null(s);
  set_up(s);
  for (unsigned i = 0; i < MATCHING; i++) {
    mark(s, 4076 + i);
  }
  make_static(s);
  memset(pairs, 0, sizeof(pairs));
  for (unsigned seed = 0; seed < ROUNDS; seed++) {
    unsigned out[2];
    assert_int_equal(pick(s, seed, 2, out), 2);
    pairs[out[0] * MATCHING + out[1]]++;
  }
  size_t count = 0;
  for (unsigned i = 0; i < MATCHING * MATCHING; i++) {
    if (i / MATCHING != i % MATCHING) {
      possible[count++] = pairs[i];
    } else {
      assert_int_equal(pairs[i], 0);
    }
  }
  expect_even(possible, count, ROUNDS / (double)count, 1);
  wpm_kit_free(s->store);
  free(s);
}

static void the_same_seed_picks_the_same(void **state) {
  (void)state;
  scene *s = malloc(sizeof(*s));
  assert_non_null(s);
  set_up(s);
  every_other(s);
  unsigned one[MOST];
  unsigned two[MOST];
  size_t differing = 0;
  for (uint64_t seed = 0; seed < 100; seed++) {
    size_t found = pick(s, seed, 10, one);
    assert_int_equal(pick(s, seed, 10, two), found);
    assert_memory_equal(one, two, found * sizeof(one[0]));
    pick(s, seed + 1, 10, two);
    differing += memcmp(one, two, found * sizeof(one[0])) != 0;
  }
  assert_int_equal(differing, 100);
  wpm_kit_free(s->store);
  free(s);
}

/* So many other questions that what is known of the answer is forgotten. */
static void forget(const scene *s) {
  for (uint32_t i = 0; i < 300; i++) {
    wpm_term other = {.kind = WPM_TERM_SHARD, .number = 1000 + i};
    (void)wpm_kit_count(s->store, &other, 1);
  }
}

/* What is known of the answer from before spares work, and that is all. */
static void what_was_asked_before_changes_nothing(void **state) {
  (void)state;
  void (*const scenes[])(scene *) = {where_two_cross_unevenly, where_two_halves_meet};
  scene *s = malloc(sizeof(*s));
  assert_non_null(s);
  for (size_t i = 0; i < 2; i++) {
    set_up(s);
    scenes[i](s);
    for (uint64_t seed = 0; seed < 20; seed++) {
      unsigned cold[MOST];
      unsigned warm[MOST];
      forget(s);
      size_t found = pick(s, seed, 10, cold);
      assert_int_equal(wpm_kit_count(s->store, s->terms, s->term_count), s->count);
      assert_int_equal(pick(s, seed, 10, warm), found);
      assert_memory_equal(cold, warm, found * sizeof(cold[0]));
    }
    wpm_kit_free(s->store);
  }
  free(s);
}

static void none_and_few(void **state) {
  wpm_store *store = *state;
  wpm_peer_ref refs[8];
  size_t found = 9;
  assert_int_equal(wpm_store_query_pick(store, NULL, 1, refs, 8, &found), WPM_OK);
  assert_int_equal(found, 0);
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_query_pick(store, NULL, 1, refs, 0, &found), WPM_OK);
  assert_int_equal(found, 0);
  assert_int_equal(wpm_store_query_pick(store, NULL, 1, refs, 8, &found), WPM_OK);
  assert_int_equal(found, 1);
  wpm_term statics = {.kind = WPM_TERM_STATIC};
  wpm_query query = {&statics, 1};
  assert_int_equal(wpm_store_query_pick(store, &query, 1, refs, 8, &found), WPM_OK);
  assert_int_equal(found, 0);
}

/* As many as there are: a shuffle of all. */
static void picking_all_gives_all(void **state) {
  (void)state;
  static wpm_peer_ref refs[PEERS + 1];
  static bool seen[PEERS];
  scene *s = malloc(sizeof(*s));
  assert_non_null(s);
  set_up(s);
  size_t found = 0;
  assert_int_equal(wpm_store_query_pick(s->store, NULL, 5, refs, PEERS + 1, &found), WPM_OK);
  assert_int_equal(found, PEERS);
  memset(seen, 0, sizeof(seen));
  size_t in_place = 0;
  for (size_t i = 0; i < found; i++) {
    wpm_peer_record r;
    assert_int_equal(wpm_store_at(s->store, refs[i], &r), WPM_OK);
    assert_false(seen[wpm_kit_number(r.id)]);
    seen[wpm_kit_number(r.id)] = true;
    in_place += i > 0 && refs[i].slot == refs[i - 1].slot + 1;
  }
  assert_true(in_place < 20); /* One, on average. */
  wpm_kit_free(s->store);
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_peer_is_as_likely),
      cmocka_unit_test(every_choice_and_order_is_as_likely),
      cmocka_unit_test(pairs_are_as_likely),
      cmocka_unit_test(the_same_seed_picks_the_same),
      cmocka_unit_test(what_was_asked_before_changes_nothing),
      cmocka_unit_test_setup_teardown(none_and_few, wpm_kit_setup, wpm_kit_teardown),
      cmocka_unit_test(picking_all_gives_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
