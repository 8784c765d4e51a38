/* Packed contacts: exact whatever is in them, and no longer than what is in them. */
#include "core/contact.h"
#include "support/records.h"
#include "support/seed.h"
#include "support/test.h"

static const int64_t edges[] = {0,
                                1,
                                -1,
                                2,
                                -2,
                                255,
                                256,
                                INT64_MAX,
                                INT64_MAX - 1,
                                INT64_MIN,
                                INT64_MIN + 1,
                                UINT32_MAX,
                                (int64_t)UINT32_MAX - 1,
                                WPM_SECOND,
                                1700000000 * WPM_SECOND};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static int64_t any(uint64_t *random) {
  uint64_t drawn = wpm_test_random(random);
  return drawn % 3 == 0 ? edges[drawn / 3 % EDGES]
                        : (int64_t)(wpm_test_random(random) >> (drawn / 3 % 64));
}

static wpm_contact any_contact(uint64_t *random) {
  wpm_contact contact = {.first_failure = {any(random)},
                         .last_failure = {any(random)},
                         .rtt_ns = any(random),
                         .failures = (uint32_t)any(random),
                         .score = (int32_t)any(random)};
  for (int kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    if (wpm_test_random_below(random, 2) > 0) {
      contact.waits[kind] =
          (wpm_wait){{{any(random)}, {any(random)}, (uint64_t)any(random)}, any(random)};
    }
  }
  return contact;
}

static void assert_same(const wpm_contact *a, const wpm_contact *b) {
  for (int kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    assert_true(wpm_wait_equal(&a->waits[kind], &b->waits[kind]));
  }
  assert_true(a->first_failure.ns == b->first_failure.ns);
  assert_true(a->last_failure.ns == b->last_failure.ns);
  assert_true(a->rtt_ns == b->rtt_ns);
  assert_true(a->failures == b->failures);
  assert_true(a->score == b->score);
}

/* A packed contact, and one beside it that was never packed. */
typedef struct pair {
  _Alignas(wpm_contact_head) uint8_t packed[WPM_CONTACT_MOST];
  wpm_contact plain;
  wpm_instant origin;
} pair;

static void assert_agrees(const pair *p) {
  wpm_contact unpacked;
  wpm_wait waits[WPM_WAIT_COUNT] = {{.length_ns = 0}};
  wpm_contact_decode(p->packed, &p->origin, &unpacked);
  assert_same(&unpacked, &p->plain);
  assert_true(wpm_contact_rtt(p->packed) == p->plain.rtt_ns);
  assert_int_equal(wpm_contact_score(p->packed), p->plain.score);
  (void)wpm_contact_waits(p->packed, &p->origin, waits);
  for (int kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    wpm_wait one = wpm_contact_wait(p->packed, &p->origin, (wpm_wait_kind)kind);
    assert_true(wpm_wait_equal(&one, &p->plain.waits[kind]));
    assert_true(wpm_wait_equal(&waits[kind], &p->plain.waits[kind]));
  }
}

static void put(pair *p, const wpm_contact_piece *piece) {
  size_t size = wpm_contact_size_with(p->packed, piece);
  assert_true(size <= WPM_CONTACT_MOST);
  wpm_contact_put(p->packed, piece);
  assert_int_equal(WPM_CONTACT_SIZE(wpm_contact_marks(p->packed)), size);
}

static void change(pair *p, uint64_t *random) {
  wpm_contact_piece piece;
  wpm_contact fresh = any_contact(random);
  wpm_wait_kind kind = (wpm_wait_kind)wpm_test_random_below(random, WPM_WAIT_COUNT);
  switch (wpm_test_random_below(random, 4)) {
  case 0:
    wpm_contact_piece_all(p->packed, &p->origin, &fresh, &piece);
    put(p, &piece);
    p->plain = fresh;
    return;
  case 1:
    memcpy(fresh.waits, p->plain.waits, sizeof(fresh.waits));
    wpm_contact_piece_numbers(p->packed, &fresh, &piece);
    put(p, &piece);
    p->plain = fresh;
    return;
  case 2:
    wpm_contact_piece_wait(p->packed, &p->origin, kind, &fresh.waits[kind], &piece);
    assert_int_equal(wpm_contact_differs(p->packed, &piece),
                     !wpm_wait_equal(&p->plain.waits[kind], &fresh.waits[kind]));
    put(p, &piece);
    p->plain.waits[kind] = fresh.waits[kind];
    return;
  default:
    p->plain.rtt_ns = wpm_contact_set_rtt(p->packed, fresh.rtt_ns) ? fresh.rtt_ns : p->plain.rtt_ns;
  }
}

static void what_is_read_is_what_was_written(void **state) {
  (void)state;
  uint64_t random = wpm_test_seed();
  for (int run = 0; run < 2000; run++) {
    pair p = {.plain = wpm_no_contact,
              .origin = {{any(&random)}, {any(&random)}, (uint64_t)any(&random)}};
    memcpy(p.packed, &wpm_no_contact_head, sizeof(wpm_no_contact_head));
    wpm_contact_head_of(p.packed)->deadline = 7;
    wpm_contact_head_of(p.packed)->marks |= WPM_CONTACT_COUNTED;
    assert_agrees(&p);
    for (int i = 0; i < 20; i++) {
      change(&p, &random);
      assert_agrees(&p);
    }
    assert_int_equal(wpm_contact_head_of(p.packed)->deadline, 7);
    assert_true(wpm_contact_marks(p.packed) & WPM_CONTACT_COUNTED);
  }
}

/* What a peer lacks takes no space, and a wait of this boot at most 19 bytes: one that begins within a
 * month of the origin, is no longer than a day, and while the wall clock was set by less than 2 s. */
static void it_is_no_longer_than_what_is_in_it(void **state) {
  (void)state;
  const wpm_instant origin = {{WPM_HOUR}, {1700000000 * WPM_SECOND}, 77};
  pair p = {.plain = wpm_no_contact, .origin = origin};
  wpm_contact_piece piece;
  memcpy(p.packed, &wpm_no_contact_head, sizeof(wpm_no_contact_head));
  assert_int_equal(WPM_CONTACT_SIZE(wpm_contact_marks(p.packed)), sizeof(wpm_contact_head));
  for (int kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    wpm_wait wait = {
        {{30 * WPM_DAY - 1}, {origin.wall.ns + 30 * WPM_DAY - WPM_HOUR + 2147483646}, 77},
        WPM_DAY - 1};
    wpm_contact_piece_wait(p.packed, &p.origin, (wpm_wait_kind)kind, &wait, &piece);
    assert_in_range(piece.size, 1, 19);
    put(&p, &piece);
    p.plain.waits[kind] = wait;
  }
  assert_agrees(&p);
  for (int kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    p.plain.waits[kind] = (wpm_wait){.length_ns = 0};
    wpm_contact_piece_wait(p.packed, &p.origin, (wpm_wait_kind)kind, &p.plain.waits[kind], &piece);
    put(&p, &piece);
    assert_agrees(&p);
  }
  assert_int_equal(WPM_CONTACT_SIZE(wpm_contact_marks(p.packed)), sizeof(wpm_contact_head));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_read_is_what_was_written),
      cmocka_unit_test(it_is_no_longer_than_what_is_in_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
