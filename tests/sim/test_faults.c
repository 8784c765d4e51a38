/* Faults of the time line, each alone: what comes of it is what it says. */
#include "support/test.h"

#include "sim/world.h"

#include <stdio.h>

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

/* Whoever is of a range is let go as it is banned, comes back when that is over, and not before; so does one
 * who dials us. A crash changes nothing of that. */
static void a_banned_range_stays_away(void **state) {
  (void)state;
  static const char world[] = "about x\npeers 20\nstatic 10\nduration 20m\n";
  char text[300];
  run(world);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 10);
  (void)snprintf(text, sizeof(text), "%sat 5m ban_range 4 30m\nat 6m crash 1s\n", world);
  run(text);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 6);
  (void)snprintf(text, sizeof(text), "%sat 5m ban_range 4 10m\nat 6m crash 1s\n", world);
  run(text);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 10);
}

/* They are let go, and nobody but a static node that did so is dialled again. */
static void who_misbehaves_is_dialled_no_more(void **state) {
  (void)state;
  run("about x\npeers 10\nduration 20m\nat 0s connect 10\nat 5m misbehave 4\n");
  assert_int_equal(results.value[SIM_METRIC_DISCONNECTS], 4);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 6);
  run("about x\npeers 10\nstatic 10\nduration 20m\nat 5m misbehave 4\n");
  assert_int_equal(results.value[SIM_METRIC_DISCONNECTS], 4);
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_END], 10);
}

/* An eighth of forty, and one; eleven are wanted, so the others are inbound. */
static void a_shortage_costs_an_eighth(void **state) {
  (void)state;
  run("about x\npeers 200\nduration 10m\nmax_connections 40\ninbound_every 1s\n"
      "relay_outbound 2\nat 599s shortage\n");
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_MOST], 40);
  assert_in_range(results.value[SIM_METRIC_CONNECTED_END], 30, 34);
}

/* Of 200 that dial us by turns, which all share an address, five are let in. */
static void of_one_address_five_come_in(void **state) {
  (void)state;
  run("about x\npeers 200\npeers_per_ip 200\nduration 10m\ninbound_every 1s\n");
  assert_int_equal(results.value[SIM_METRIC_CONNECTED_MOST], 5);
}

/* Inbound relay peers beyond those wanted go. */
static void relay_inbound_is_kept_to(void **state) {
  (void)state;
  run("about x\npeers 200\nduration 10m\ninbound_every 5s\nrelay_inbound 7\nrelay_outbound 1\n");
  assert_in_range(results.value[SIM_METRIC_CONNECTED_END], 7, 7 + 8);
}

/* One outbound peer is wanted, or four of each shard, or so many that offer the service. */
static void shards_and_services_are_looked_after(void **state) {
  (void)state;
  static const char world[] = "about x\npeers 200\nheard 200\nduration 2h\nrelay_outbound 1\n";
  char text[200];
  run(world);
  int64_t without = results.value[SIM_METRIC_CONNECTED_MEAN];
  assert_in_range(without, 1, 2);
  (void)snprintf(text, sizeof(text), "%sshards 2\n", world);
  run(text);
  assert_in_range(results.value[SIM_METRIC_CONNECTED_END], 4, 10);
  (void)snprintf(text, sizeof(text), "%sservice_slots 6\n", world);
  run(text);
  assert_in_range(results.value[SIM_METRIC_CONNECTED_END], 5, 9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_banned_range_stays_away),
      cmocka_unit_test(who_misbehaves_is_dialled_no_more),
      cmocka_unit_test(a_shortage_costs_an_eighth),
      cmocka_unit_test(of_one_address_five_come_in),
      cmocka_unit_test(relay_inbound_is_kept_to),
      cmocka_unit_test(shards_and_services_are_looked_after),
      cmocka_unit_test(the_process_dies_between_two_commits),
      cmocka_unit_test(who_was_to_be_dialled_waits_for_a_backoff),
      cmocka_unit_test(without_commits_it_dies_in_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
