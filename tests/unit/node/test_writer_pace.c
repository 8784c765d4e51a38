/* When the writer's commits begin, by a clock that the test sets. */
#include "storage/writer_kit.h"

#include <stdatomic.h>

/* The linker puts it in place of libuv's own for what the project calls (tests/CMakeLists.txt). */
uint64_t __wrap_uv_hrtime(void);

#define MINUTE ((uint64_t)WPM_MINUTE)
#define BEGINNING (100 * MINUTE)

static _Atomic uint64_t now;

uint64_t __wrap_uv_hrtime(void) {
  return atomic_load(&now);
}

static int set_up(void **state) {
  (void)state;
  atomic_store(&now, BEGINNING);
  writer_kit_set_up(1);
  return 0;
}

/* A loss bound of an hour, and no other reason to commit before it. */
static wpm_writer *start(void) {
  wpm_writer_config config;
  wpm_writer_config_default(&config);
  config.commit_interval_ns = WPM_DAY;
  config.loss_bound_ns = WPM_HOUR;
  return writer_kit_start(config);
}

/* The disk's part of a commit takes as many minutes as *user says. */
static void take_minutes(void *user) {
  atomic_fetch_add(&now, *(const uint64_t *)user * MINUTE);
}

/* What one commit costs; the first sync is that of the log. */
static void let_the_next_commit_take(uint64_t *minutes) {
  wpm_disk_arm(&(wpm_disk_plan){.call = WPM_DISK_SYNC,
                                .fault = WPM_DISK_WAITS,
                                .first = 1,
                                .only_one = true,
                                .wait = take_minutes,
                                .user = minutes});
}

static void set_time(uint64_t minutes) {
  atomic_store(&now, BEGINNING + minutes * MINUTE);
}

/* A change comes now, and is durable without the clock going on (but for what the commit takes). */
static void is_stored_now(wpm_writer *writer, int64_t beat) {
  enum { PATIENCE = 10 }; /* Real seconds, for the case that it is not. */
  uint64_t sequence = wpm_writer_heartbeat(writer, (wpm_instant){{beat}, {beat}, 1});
  wpm_writer_status status;
  bool late = false;
  uv_mutex_lock(&kit.mutex);
  for (wpm_writer_get_status(writer, &status); status.durable < sequence && !late;
       wpm_writer_get_status(writer, &status)) {
    late = uv_cond_timedwait(&kit.woken, &kit.mutex, PATIENCE * (uint64_t)WPM_SECOND) != 0;
  }
  uv_mutex_unlock(&kit.mutex);
  if (late) {
    fail_msg("change %lld is not stored at its time", (long long)beat);
  }
}

/* A commit lately took 40 minutes: so the next but one begins 20 minutes behind the next, or a change
 * just behind that one would be older than an hour when it is durable. What a commit took is forgotten
 * by and by: an eighth each time. */
static void commits_begin_earlier_where_they_take_long(void **state) {
  (void)state;
  uint64_t minutes = 40;
  wpm_writer *writer = start();
  let_the_next_commit_take(&minutes);
  is_stored_now(writer,
                1); /* From 0 to 40; when it began nothing was known: the next is due at 60. */
  assert_int_equal(wpm_disk_disarm(), 1);
  set_time(60);
  is_stored_now(writer, 2); /* Due next at 60 + 60 - 40. */
  set_time(80);
  is_stored_now(writer, 3); /* At 80 + 60 - 35. */
  set_time(105);
  is_stored_now(writer, 4);
  assert_true(wpm_writer_stop(writer, NULL) == WPM_OK);
}

/* Where a commit takes longer than the bound itself, the next begins at once. */
static void a_disk_that_is_too_slow_is_never_idle(void **state) {
  (void)state;
  uint64_t minutes = 90;
  wpm_writer *writer = start();
  let_the_next_commit_take(&minutes);
  is_stored_now(writer, 1);
  assert_int_equal(wpm_disk_disarm(), 1);
  let_the_next_commit_take(&minutes);
  is_stored_now(writer, 2); /* It is past 60 already. */
  assert_int_equal(wpm_disk_disarm(), 1);
  is_stored_now(writer, 3);
  wpm_writer_status status;
  wpm_writer_get_status(writer, &status);
  assert_int_equal(status.worst_ns, 90 * WPM_MINUTE);
  assert_true(wpm_writer_stop(writer, NULL) == WPM_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, writer_kit_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(commits_begin_earlier_where_they_take_long),
      TEST(a_disk_that_is_too_slow_is_never_idle),
  };
  return cmocka_run_group_tests(tests, writer_kit_install, NULL);
}
