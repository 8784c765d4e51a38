/* Faults of the time line, each alone: what comes of it is what it says. */
#include "support/test.h"

#include "sim/world.h"

static sim_scenario scenario;
static sim_results results;

static void run_policy(const char *text, const sim_policy_type *type) {
  char error[300];
  if (!sim_scenario_read(text, &scenario, error, sizeof(error))) {
    fail_msg("%s", error);
  }
  assert_int_equal(sim_world_run(&scenario, 3, type, &results), WPM_OK);
  if (type == &sim_policy_ours && results.value[SIM_METRIC_BROKEN] > 0) {
    fail_msg("%s", results.breach[0]);
  }
}

static void run(const char *text) {
  run_policy(text, &sim_policy_ours);
}

/* Each dial has a commit of its own ahead of it: the fifth goes no more. */
static void the_process_dies_between_two_commits(void **state) {
  (void)state;
  static const char text[] = "about x\npeers 20\nduration 1m\n"
                             "at 10s crash_at_commit 5 1h\nat 20s connect 10\n";
  run(text);
  assert_int_equal(results.value[SIM_METRIC_DIALS], 4);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 0);
  assert_int_equal(results.value[SIM_METRIC_FAULTS], 0);
  run_policy(text, &sim_policy_nwaku); /* It died at 10 s. */
  assert_int_equal(results.value[SIM_METRIC_DIALS], 0);
}

/* The record of the fifth says that it may have been connected, so it waits for its backoff as the others. */
static void who_was_to_be_dialled_waits_for_a_backoff(void **state) {
  (void)state;
  run("about x\npeers 20\nduration 5m\nat 10s crash_at_commit 5 1s\nat 20s connect 10\n");
  assert_int_equal(results.value[SIM_METRIC_DIALS], 4 + 5);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 5);
  assert_in_range(results.value[SIM_METRIC_REDIAL], 0, 63000);
}

/* Nothing is to be stored: it dies a minute later. 0: at once. */
static void without_commits_it_dies_in_the_end(void **state) {
  (void)state;
  run("about x\npeers 20\nduration 69s\nat 10s crash_at_commit 5 1s\n");
  assert_int_equal(results.value[SIM_METRIC_FAULTS], 0);
  run("about x\npeers 20\nduration 72s\nat 10s crash_at_commit 5 1s\n");
  assert_int_equal(results.value[SIM_METRIC_FAULTS], 1);
  run("about x\npeers 20\nduration 12s\nat 10s crash_at_commit 0 1s\n");
  assert_int_equal(results.value[SIM_METRIC_FAULTS], 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_process_dies_between_two_commits),
      cmocka_unit_test(who_was_to_be_dialled_waits_for_a_backoff),
      cmocka_unit_test(without_commits_it_dies_in_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
