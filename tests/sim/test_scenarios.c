/* Every scenario, over several seeds: what is expected of our policy is met, nothing that must always
 * hold is broken, and the same seed gives the same run. */
#include "support/sanitized.h"
#include "support/seed.h"
#include "support/test.h"

#include "sim/report.h"
#include "sim/world.h"

#include <string.h>
#include <sys/resource.h>

enum { SEEDS = WPM_SANITIZED ? 1 : 5, STEP = WPM_SANITIZED ? 4 : 1 };

#define NETWORK_KIB (6L << 20)

static sim_scenario scenario;
static sim_results results, again;

static void read_scenario(const sim_source *source) {
  char error[300];
  if (!sim_scenario_read(source->text, &scenario, error, sizeof(error))) {
    fail_msg("%s: %s", source->name, error);
  }
}

static void make_small(void) {
  if (scenario.managers > 0) {
    scenario.managers = scenario.peers = 500;
  }
}

/* A network takes seconds: one seed will do, and under a sanitizer a smaller network. */
static uint64_t seeds_of(void) {
  if (WPM_SANITIZED) {
    make_small();
  }
  return scenario.managers > 0 ? 1 : SEEDS;
}

/* A million peers take a minute: tests/api/test_million.py measures them, in make test-long. */
static bool is_long(void) {
  return scenario.peers >= 1000000;
}

static void run_ours(const sim_source *source, uint64_t seed, sim_results *out) {
  int err = sim_world_run(&scenario, seed, &sim_policy_ours, out);
  if (err) {
    fail_msg("%s, seed %llu: %s", source->name, (unsigned long long)seed, wpm_strerror(err));
  }
}

static void check(const sim_source *source, uint64_t seed) {
  for (size_t i = 0; i < scenario.expectation_count; i++) {
    const sim_expectation *e = &scenario.expectations[i];
    if (!sim_expectation_is_met(e, &results)) {
      print_error("%s, seed %llu: %s is %lld\n", source->name, (unsigned long long)seed,
                  sim_metric_name(e->metric), (long long)results.value[e->metric]);
      fail();
    }
  }
  if (results.value[SIM_METRIC_BROKEN] > 0) {
    fail_msg("%s: %s", source->name, results.breach[0]);
  }
}

/* Ten thousand managers in one process: what all runs so far have taken at most. */
static void check_memory(const sim_source *source) {
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  print_message("%s: %ld MiB resident at most\n", source->name, usage.ru_maxrss / 1024);
  assert_true(usage.ru_maxrss > 0 && usage.ru_maxrss <= NETWORK_KIB);
}

static void every_scenario_is_met(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed() >> 1;
  assert_true(sim_source_count >= 12);
  for (size_t i = 0; i < sim_source_count; i++) {
    read_scenario(&sim_sources[i]);
    assert_true(scenario.expectation_count > 0);
    uint64_t seeds = seeds_of();
    for (uint64_t turn = 0; turn < seeds && !is_long(); turn++) {
      run_ours(&sim_sources[i], seed + turn, &results);
      check(&sim_sources[i], seed + turn);
    }
    if (scenario.managers > 0 && !WPM_SANITIZED) {
      check_memory(&sim_sources[i]);
    }
  }
}

static void the_same_seed_is_the_same_run(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed() >> 1;
  size_t count = 0;
  const sim_policy_type *const *policies = sim_policies(&count);
  assert_int_equal(count, 4);
  for (size_t i = 0; i < sim_source_count; i += STEP) {
    read_scenario(&sim_sources[i]);
    make_small();
    for (size_t p = 0; p < count && !is_long(); p++) {
      memset(&again, 0xff, sizeof(again));
      assert_int_equal(sim_world_run(&scenario, seed, policies[p], &results), WPM_OK);
      assert_int_equal(sim_world_run(&scenario, seed, policies[p], &again), WPM_OK);
      assert_memory_equal(results.value, again.value, sizeof(results.value));
      assert_memory_equal(results.course, again.course, sizeof(results.course));
    }
  }
}

/* The world does not depend on the policy: its peers come and go at the same times. */
static void every_policy_meets_the_same_world(void **state) {
  (void)state;
  size_t count = 0;
  const sim_policy_type *const *policies = sim_policies(&count);
  static const char *const names[] = {"churn_day", "network"};
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    read_scenario(sim_source_find(names[i]));
    make_small();
    run_ours(sim_source_find(names[i]), 5, &results);
    for (size_t p = 1; p < count; p++) {
      assert_int_equal(sim_world_run(&scenario, 5, policies[p], &again), WPM_OK);
      assert_memory_equal(results.course[SIM_COURSE_UP], again.course[SIM_COURSE_UP],
                          sizeof(results.course[SIM_COURSE_UP]));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_scenario_is_met),
      cmocka_unit_test(the_same_seed_is_the_same_run),
      cmocka_unit_test(every_policy_meets_the_same_world),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
