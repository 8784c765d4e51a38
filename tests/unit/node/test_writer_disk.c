/* The writer on a disk that fails at every one of its calls, or holds one up: what fails is tried again
 * until it is stored, and who puts a change never waits. */
#include "storage/writer_kit.h"

enum { OLD = 10, NEW = 25, MOST_CALLS = 2000 };

static int set_up(void **state) {
  (void)state;
  writer_kit_set_up(OLD);
  return 0;
}

static wpm_writer *start(void) {
  wpm_writer_config config;
  wpm_writer_config_default(&config);
  config.commit_interval_ns = 0;
  config.retry_min_ns = WPM_MILLISECOND;
  config.retry_max_ns = 2 * WPM_MILLISECOND;
  return writer_kit_start(config);
}

static uint64_t put_some(wpm_writer *writer, uint32_t first, uint32_t count) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  uint64_t sequence = 0;
  for (uint32_t i = 0; i < count; i++) {
    wpm_test_record_plain(first + i, plain);
    sequence = wpm_writer_put(writer, &plain->record, WPM_FIELD_ALL, false);
    assert_int_not_equal(sequence, 0);
  }
  free(plain);
  return sequence;
}

static wpm_writer_status wait_for(wpm_writer *writer, uint64_t sequence) {
  wpm_writer_status status;
  uv_mutex_lock(&kit.mutex);
  for (wpm_writer_get_status(writer, &status); status.durable < sequence;
       wpm_writer_get_status(writer, &status)) {
    uv_cond_wait(&kit.woken, &kit.mutex);
  }
  uv_mutex_unlock(&kit.mutex);
  return status;
}

static void stop_and_look(wpm_writer *writer, uint32_t peers) {
  assert_int_equal(wpm_writer_stop(writer, NULL), WPM_OK);
  stored s = stored_read(kit.path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, peers);
  stored_free(&s);
}

/* ---- calls that fail ------------------------------------------------------------------------- */

/* False once there is no such call any more. */
static bool with_fault(const wpm_disk_plan *plan) {
  assert_int_equal(unlink(kit.path), 0);
  stored_make(kit.path, OLD);
  wpm_writer *writer = start();
  wpm_disk_arm(plan);
  uint64_t sequence = put_some(writer, OLD, NEW);
  wpm_writer_status status = wait_for(writer, sequence);
  bool failed = wpm_disk_disarm() > 0;
  assert_true(failed || status.failures == 0);
  assert_int_equal(status.error.code, WPM_OK);
  assert_int_equal(status.rescues, 0);
  stop_and_look(writer, OLD + NEW);
  return failed;
}

static void what_fails_is_tried_again(void **state) {
  (void)state;
  static const wpm_disk_plan plans[] = {
      {.call = WPM_DISK_READ, .fault = WPM_DISK_FAILS},
      {.call = WPM_DISK_READ, .fault = WPM_DISK_SHORT},
      {.call = WPM_DISK_WRITE, .fault = WPM_DISK_FAILS},
      {.call = WPM_DISK_WRITE, .fault = WPM_DISK_SHORT},
      {.call = WPM_DISK_WRITE, .fault = WPM_DISK_IS_FULL},
      {.call = WPM_DISK_SYNC, .fault = WPM_DISK_FAILS},
  };
  for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
    wpm_disk_plan plan = plans[i];
    plan.only_one = true;
    plan.first = 1;
    while (plan.first < MOST_CALLS && with_fault(&plan)) {
      plan.first++;
    }
    assert_true(plan.first < MOST_CALLS);
  }
}

/* ---- calls that are held up ------------------------------------------------------------------ */

typedef struct gate {
  bool reached; /* A call stands before it. */
  bool open;    /* It may pass. */
} gate;

static void stand_before(void *user) {
  gate *g = user;
  uv_mutex_lock(&kit.mutex);
  g->reached = true;
  uv_cond_broadcast(&kit.woken);
  while (!g->open) {
    uv_cond_wait(&kit.woken, &kit.mutex);
  }
  uv_mutex_unlock(&kit.mutex);
}

/* While the call is held up, changes are taken in all the same, and the lag grows. False once there
 * is no such call any more. */
static bool with_call_held_up(wpm_disk_plan plan) {
  gate g = {false, false};
  plan.user = &g;
  assert_int_equal(unlink(kit.path), 0);
  stored_make(kit.path, OLD);
  wpm_writer *writer = start();
  wpm_disk_arm(&plan);
  uint64_t sequence = put_some(writer, OLD, NEW);
  wpm_writer_status status;
  uv_mutex_lock(&kit.mutex);
  for (wpm_writer_get_status(writer, &status); !g.reached && status.durable < sequence;
       wpm_writer_get_status(writer, &status)) {
    uv_cond_wait(&kit.woken, &kit.mutex);
  }
  bool reached = g.reached;
  uv_mutex_unlock(&kit.mutex);
  if (reached) {
    sequence = put_some(writer, OLD + NEW, NEW);
    wpm_writer_status now;
    wpm_writer_get_status(writer, &status);
    wpm_writer_get_status(writer, &now);
    assert_true(now.queued >= NEW && now.durable < sequence);
    assert_true(status.lag_ns > 0 && now.lag_ns >= status.lag_ns);
  }
  uv_mutex_lock(&kit.mutex);
  g.open = true;
  uv_cond_broadcast(&kit.woken);
  uv_mutex_unlock(&kit.mutex);
  status = wait_for(writer, sequence);
  assert_int_equal(status.failures, 0);
  (void)wpm_disk_disarm();
  stop_and_look(writer, reached ? OLD + 2 * NEW : OLD + NEW);
  return reached;
}

static void who_puts_a_change_does_not_wait_for_the_disk(void **state) {
  (void)state;
  for (int call = 0; call < WPM_DISK_CALL_COUNT; call++) {
    wpm_disk_plan plan = {.call = (wpm_disk_call)call,
                          .fault = WPM_DISK_WAITS,
                          .first = 1,
                          .only_one = true,
                          .wait = stand_before};
    while (plan.first < MOST_CALLS && with_call_held_up(plan)) {
      plan.first++;
    }
    assert_true(plan.first < MOST_CALLS);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, writer_kit_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_fails_is_tried_again),
      TEST(who_puts_a_change_does_not_wait_for_the_disk),
  };
  return cmocka_run_group_tests(tests, writer_kit_install, NULL);
}
