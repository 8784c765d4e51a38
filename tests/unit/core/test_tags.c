/* Tags that end by themselves. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/test.h"

#include "base/bytes.h"

#include <string.h>

#define S WPM_SECOND

static int put(wpm_world *w, int peer, wpm_tag tag) {
  wpm_event e = {.type = WPM_EVENT_TAG, .peer = wpm_world_id(peer), .u.tag.tag = tag};
  return wpm_world_handle(w, &e);
}

static wpm_wall in(const wpm_world *w, int64_t ns) {
  return (wpm_wall){w->now.wall.ns + ns};
}

static bool has(const wpm_world *w, int peer, const char *name) {
  wpm_peer_record record = wpm_world_record(w, peer);
  for (size_t i = 0; i < record.tag_count; i++) {
    if (wpm_text_equal(record.tags[i].name, wpm_text_of(name))) {
      return true;
    }
  }
  return false;
}

static void one_goes_at_its_time(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, false);
  assert_int_equal(
      put(w, 1, (wpm_tag){.name = WPM_TEXT("hour"), .value = 3, .expires = in(w, WPM_HOUR)}),
      WPM_OK);
  assert_int_equal(
      put(w, 1, (wpm_tag){.name = WPM_TEXT("ever"), .value = 4, .expires = WPM_WALL_NONE}), WPM_OK);
  wpm_peer_record record = wpm_world_record(w, 1);
  assert_int_equal(record.tags[1].expires.ns, in(w, WPM_HOUR).ns);
  assert_false(wpm_wall_known(record.tags[0].expires));
  wpm_world_run(w, WPM_HOUR - S);
  assert_true(has(w, 1, "hour"));
  wpm_world_forget_log(w);
  wpm_world_run(w, WPM_MINUTE + S);
  assert_false(has(w, 1, "hour"));
  assert_true(has(w, 1, "ever"));
  wpm_world_expect(w, WPM_ACTION_PERSIST, 1);
  assert_int_equal(w->disk[1]->tag_count, 1);
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, WPM_NEVER.ns); /* Nothing is left. */
}

/* Its date is of the wall clock, whatever that does. */
static void the_wall_clock_decides(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, false);
  (void)put(w, 1, (wpm_tag){.name = WPM_TEXT("day"), .expires = in(w, WPM_DAY)});
  w->now.wall.ns -= WPM_DAY;
  wpm_world_run(w, WPM_DAY + WPM_MINUTE);
  assert_true(has(w, 1, "day"));
  w->now.wall.ns += WPM_DAY;
  wpm_world_run(w, WPM_MINUTE);
  assert_false(has(w, 1, "day"));
}

/* As long as one owner protects it nobody goes for a newcomer. */
static void protection_lasts_as_long_as_its_last_tag(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.store.max_peers = 1;
  wpm_world_start(w);
  wpm_world_found(w, 1, 0, false);
  (void)put(
      w, 1,
      (wpm_tag){.name = WPM_TEXT("mesh"), .protects = true, .expires = in(w, 10 * WPM_MINUTE)});
  (void)put(w, 1,
            (wpm_tag){.name = WPM_TEXT("store"), .protects = true, .expires = in(w, WPM_HOUR)});
  (void)put(w, 1, (wpm_tag){.name = WPM_TEXT("plain"), .value = 1, .expires = WPM_WALL_NONE});
  wpm_world_run(w, 30 * WPM_MINUTE);
  assert_false(has(w, 1, "mesh"));
  assert_int_equal(wpm_world_found(w, 2, 0, false), WPM_ERR_NO_VICTIM);
  wpm_world_run(w, 30 * WPM_MINUTE + WPM_MINUTE);
  assert_true(has(w, 1, "plain"));
  assert_int_equal(wpm_world_found(w, 2, 0, false), WPM_OK);
  wpm_world_free(w);
}

static void one_that_ended_meanwhile_is_not_restored(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, false);
  (void)put(w, 1,
            (wpm_tag){.name = WPM_TEXT("hour"), .protects = true, .expires = in(w, WPM_HOUR)});
  (void)put(w, 1,
            (wpm_tag){.name = WPM_TEXT("fades"),
                      .value = 1000,
                      .expires = in(w, WPM_DAY),
                      .half_life_ns = WPM_HOUR});
  wpm_world_end(w, false);
  wpm_world_pass(w, 2 * WPM_HOUR);
  wpm_world_restart(w, NULL);
  wpm_peer_record record = wpm_world_record(w, 1);
  assert_int_equal(record.tag_count, 1);
  assert_int_equal(record.tags[0].value, 1000);
  assert_int_equal(record.tags[0].half_life_ns, WPM_HOUR);
  assert_int_equal(w->disk[1]->tag_count, 1); /* The disk is told. */
  wpm_world_run(w, WPM_DAY);
  assert_int_equal(wpm_world_record(w, 1).tag_count, 0);
}

static void one_that_ended_is_not_imported(void **state) {
  wpm_world *w = *state;
  wpm_address address;
  wpm_peer_record record = wpm_world_imported(1, wpm_world_address(1, 60000), &address);
  const wpm_tag tags[] = {
      {.name = WPM_TEXT("new"), .expires = in(w, WPM_HOUR)},
      {.name = WPM_TEXT("old"), .protects = true, .expires = in(w, 0)},
  };
  record.tags = tags;
  record.tag_count = 2;
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id, .u.imported.record = &record};
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  assert_int_equal(wpm_world_record(w, 1).tag_count, 1);
  assert_true(has(w, 1, "new"));
  assert_int_equal(w->disk[1]->tag_count, 1);
}

static void a_value_fades(void **state) {
  wpm_world *w = *state;
  for (int peer = 1; peer <= 20; peer++) {
    wpm_world_found(w, peer, 0, false);
    (void)put(w, peer,
              (wpm_tag){.name = WPM_TEXT("fades"),
                        .value = peer % 2 ? 100000 : -100000,
                        .expires = WPM_WALL_NONE,
                        .half_life_ns = 10 * WPM_HOUR});
    (void)put(w, peer, (wpm_tag){.name = WPM_TEXT("stays"), .value = 9, .expires = WPM_WALL_NONE});
    (void)put(w, peer,
              (wpm_tag){.name = WPM_TEXT("holds"),
                        .value = 50,
                        .protects = true,
                        .expires = WPM_WALL_NONE,
                        .half_life_ns = WPM_MINUTE});
  }
  wpm_world_forget_log(w);
  wpm_world_run(w, 10 * WPM_HOUR);
  for (int peer = 1; peer <= 20; peer++) {
    wpm_peer_record record = wpm_world_record(w, peer);
    int32_t left = peer % 2 ? record.tags[0].value : -record.tags[0].value;
    assert_in_range(left, 48000, 54000);
    wpm_world_expect(w, WPM_ACTION_PERSIST, peer);
  }
  wpm_world_run(w, 30 * WPM_DAY);
  for (int peer = 1; peer <= 20; peer++) {
    wpm_peer_record record = wpm_world_record(w, peer);
    assert_int_equal(record.tag_count, 2); /* One that protects stays, at 0. */
    assert_int_equal(record.tags[0].value, 0);
    assert_true(record.tags[0].protects);
    assert_int_equal(record.tags[1].value, 9);
  }
}

static void what_cannot_be(void **state) {
  wpm_world *w = *state;
  wpm_world_found(w, 1, 0, false);
  const wpm_text name = WPM_TEXT("tag");
  assert_int_equal(put(w, 1, (wpm_tag){.name = name, .expires = in(w, 0)}), WPM_ERR_INVALID);
  assert_int_equal(put(w, 1, (wpm_tag){.name = name, .expires = WPM_WALL_NONE, .half_life_ns = -1}),
                   WPM_ERR_INVALID);
  assert_int_equal(put(w, 1, (wpm_tag){.name = name, .expires = in(w, 1)}), WPM_OK);
  /* Put anew it has no end. */
  assert_int_equal(put(w, 1, (wpm_tag){.name = name, .expires = WPM_WALL_NONE}), WPM_OK);
  wpm_world_run(w, WPM_HOUR);
  assert_true(has(w, 1, "tag"));
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, WPM_NEVER.ns);
}

static void what_a_tag_lacks_takes_no_room(void **state) {
  (void)state;
  uint8_t marks[WPM_TAG_MARKS];
  wpm_tag tag = {.name = WPM_TEXT("tag"), .protects = true, .expires = WPM_WALL_NONE};
  assert_int_equal(wpm_tag_marks(&tag, marks), 1);
  tag.half_life_ns = 1;
  assert_int_equal(wpm_tag_marks(&tag, marks), 9);
  tag.expires.ns = 0;
  assert_int_equal(wpm_tag_marks(&tag, marks), WPM_TAG_MARKS);
}

/* More than are looked at in one go: in steps, each of which is due at once. */
static void many_end_at_once(void **state) {
  enum { MANY = 2100, STEP = 256 };
  wpm_world *w = *state;
  wpm_event found = {.type = WPM_EVENT_FOUND};
  wpm_event tag = {.type = WPM_EVENT_TAG};
  wpm_action action;
  tag.u.tag.tag = (wpm_tag){.name = WPM_TEXT("t"), .expires = in(w, S)};
  for (int i = 0; i < MANY; i++) {
    const uint8_t id[] = {(uint8_t)(i >> 8), (uint8_t)i, 1};
    found.peer = tag.peer = (wpm_bytes){id, sizeof(id)};
    assert_int_equal(wpm_manager_handle(w->manager, &found, w->now), WPM_OK);
    assert_int_equal(wpm_manager_handle(w->manager, &tag, w->now), WPM_OK);
  }
  wpm_world_pass(w, WPM_MINUTE);
  unsigned calls = 0;
  for (; wpm_manager_next_deadline(w->manager).ns <= w->now.mono.ns; calls++) {
    assert_int_equal(wpm_manager_advance(w->manager, w->now), WPM_OK);
  }
  assert_in_range(calls, MANY / STEP + 1, MANY / STEP + 2);
  while (wpm_manager_next_action(w->manager, &action)) {}
  assert_false(wpm_store_any_ages(w->manager->store));
  assert_int_equal(wpm_manager_next_deadline(w->manager).ns, WPM_NEVER.ns);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_goes_at_its_time),
      TEST(the_wall_clock_decides),
      cmocka_unit_test(protection_lasts_as_long_as_its_last_tag),
      TEST(one_that_ended_meanwhile_is_not_restored),
      TEST(one_that_ended_is_not_imported),
      TEST(a_value_fades),
      TEST(what_cannot_be),
      cmocka_unit_test(what_a_tag_lacks_takes_no_room),
      TEST(many_end_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
