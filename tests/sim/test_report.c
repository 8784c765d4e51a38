/* Reading scenarios, and telling what came of them. */
#include "support/alloc_fail.h"
#include "support/test.h"

#include "sim/report.h"
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

static sim_scenario scenario;
static sim_results results[4];

static const char small[] = "about a small world\n"
                            "duration 10m\npeers 20 # few\nstatic 10\nidle_limit 10m\n"
                            "at 5m crash 1s\n"
                            "expect connected_end == 10\nexpect dials <= 1m\n";

static void refused(const char *text, const char *says) {
  char error[300] = "";
  assert_false(sim_scenario_read(text, &scenario, error, sizeof(error)));
  if (!strstr(error, says)) {
    fail_msg("\"%s\" does not say \"%s\"", error, says);
  }
}

static void scenarios_are_read(void **state) {
  (void)state;
  char error[300] = "";
  assert_true(sim_scenario_read(small, &scenario, error, sizeof(error)));
  assert_string_equal(scenario.about, "a small world");
  assert_int_equal(scenario.duration, 10 * WPM_MINUTE);
  assert_int_equal(scenario.peers, 20);
  assert_int_equal(scenario.fault_count, 1);
  assert_int_equal(scenario.faults[0].type, SIM_FAULT_CRASH);
  assert_int_equal(scenario.faults[0].at, 5 * WPM_MINUTE);
  assert_int_equal(scenario.expectation_count, 2);
  assert_int_equal(scenario.expectations[1].value, 60000);
  assert_true(sim_scenario_read("about x\nfull 2.5%\nat 1s partition 100% 1s\n", &scenario, error,
                                sizeof(error)));
  assert_int_equal(scenario.full, 25);
  assert_int_equal(scenario.faults[0].number, 1000);
}

static void what_is_wrong_is_named(void **state) {
  (void)state;
  refused("about x\npears 3\n", "line 2 cannot be read: pears 3");
  refused("about x\npeers three\n", "line 2");
  refused("about x\npeers 3 4\n", "line 2");
  refused("about x\nduration 10\n", "line 2");
  refused("about x\nduration -1s\n", "line 2");
  refused("about x\nduration 99999999d\n", "line 2");
  refused("about x\nfull 101%\n", "line 2");
  refused("about x\nfull 1.25%\n", "line 2");
  refused("about x\nsessions often\n", "line 2");
  refused("about x\nat 1s\n", "line 2");
  refused("about x\nat 1s flood\n", "line 2");
  refused("about x\nat 1s crash\n", "line 2");
  refused("about x\nat 1s crash -1s\n", "line 2");
  refused("about x\nat 1s address 1s\n", "line 2");
  refused("about x\nexpect dials < 3\n", "line 2");
  refused("about x\nexpect speed <= 3\n", "line 2");
  refused("about x\nexpect dials <= many\n", "line 2");
  refused("peers 3\n", "about");
  refused("about x\npeers 0\n", "peers");
  refused("about x\npeers 5000000\n", "peers");
  refused("about x\npeers 3\nstatic 4\n", "static");
  refused("about x\npeers 3\nat 1s connect 4\n", "more peers");
  refused("about x\nlatency_least 1s\nlatency_most 1ms\n", "latency");
  refused("about x\nduration 0s\n", "duration");
  refused("about x\nsessions measured\naway_mean 0s\n", "away_mean");
  assert_false(sim_scenario_expect(&scenario, "dials"));
  assert_false(sim_scenario_expect(&scenario, "dials <= 3 4"));
  assert_false(sim_scenario_expect(&scenario, "a b c d e f g h i j k l m n o p"));
}

/* At the very end is inside; one behind the other, and what is of different kinds, is none of this. */
static void faults_that_cannot_be_played_together_are_named(void **state) {
  (void)state;
  char error[300] = "";
  static const char *const bad[][2] = {
      {"at 1m crash 30s\nat 80s reboot 1s\n", "crash at 60000 ms and reboot at 80000 ms overlap"},
      {"at 1m shutdown 30s\nat 90s shutdown 1s\n", "shutdown at 60000 ms and shutdown at 90000 ms"},
      {"at 70s sleep 1s\nat 1m sleep 30s\n", "sleep at 60000 ms and sleep at 70000 ms"},
      {"at 1m sleep 30s\nat 90s offline 1s\n", "sleep at 60000 ms and offline at 90000 ms"},
      {"at 1m offline 30s\nat 89s sleep 1h\n", "offline at 60000 ms and sleep at 89000 ms"},
      {"at 1m offline 0s\nat 1m offline 0s\n", "offline at 60000 ms and offline at 60000 ms"},
      {"at 1m sleep 30s\nat 70s crash 5s\n", "sleep at 60000 ms and crash at 70000 ms"},
      {"at 50s reboot 20s\nat 1m offline 30s\n", "offline at 60000 ms and reboot at 50000 ms"},
      {"at 1m quake 5% 30s\nat 70s quake 5% 5s\n", "quake at 60000 ms and quake at 70000 ms"},
      {"at 1m partition 5% 30s\nat 90s partition 5% 5s\n", "partition at 60000 ms and partition"},
      {"at 1m crash_at_commit 5 30s\nat 150s crash 1s\n", "crash_at_commit at 60000 ms and crash"},
      {"at 1m sleep 30s\nat 80s crash_at_commit 5 1h\n", "sleep at 60000 ms and crash_at_commit"},
      {"at 1m crash_at_commit 5 1s\nat 100s offline 1s\n", "offline at 100000 ms and crash_at"}};
  static const char *const good[] = {
      "at 1m crash 30s\nat 90001ms crash 1s\n",
      "at 1m sleep 30s\nat 90001ms offline 30s\nat 121s sleep 1s\n",
      "at 1m sleep 30s\nat 70s reboot 1m\n",
      "at 1m shutdown 5m\nat 2m sleep 1m\nat 4m offline 30s\n",
      "at 1m crash_at_commit 5 30s\nat 150001ms sleep 1s\nat 151002ms crash 1s\n",
      "at 1m quake 5% 1h\nat 2m partition 5% 1h\nat 3m sleep 1m\nat 10m crash 1s\n"};
  char text[300];
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
    (void)snprintf(text, sizeof(text), "about x\n%s", bad[i][0]);
    refused(text, bad[i][1]);
  }
  for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
    (void)snprintf(text, sizeof(text), "about x\n%s", good[i]);
    assert_true(sim_scenario_read(text, &scenario, error, sizeof(error)));
  }
}

static sim_report run(const char *text) {
  char error[300];
  sim_report report = {.name = "small", .scenario = &scenario, .seed = 3, .results = results};
  assert_true(sim_scenario_read(text, &scenario, error, sizeof(error)));
  report.policies = sim_policies(&report.count);
  assert_int_equal(report.count, sizeof(results) / sizeof(*results));
  for (size_t i = 0; i < report.count; i++) {
    assert_int_equal(sim_world_run(&scenario, 3, report.policies[i], &results[i]), WPM_OK);
  }
  return report;
}

static char *written(const sim_report *report, void (*write)(const sim_report *, FILE *)) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  assert_non_null(out);
  write(report, out);
  assert_int_equal(fclose(out), 0);
  return text;
}

static size_t lines_of(const char *text) {
  size_t count = 0;
  for (; *text; text++) {
    count += *text == '\n';
  }
  return count;
}

static void reports_say_it_all(void **state) {
  (void)state;
  sim_report report = run(small);
  assert_true(sim_report_is_good(&report));
  char *json = written(&report, sim_report_json);
  assert_int_equal(lines_of(json), 4 * SIM_METRIC_COUNT);
  assert_non_null(strstr(json, "{\"scenario\":\"small\",\"seed\":3,\"policy\":\"ours\",\"metric\":"
                               "\"connected_end\",\"value\":10,\"expected\":[\"== 10\"],"
                               "\"met\":true}\n"));
  assert_non_null(strstr(json, "\"policy\":\"js-waku\",\"metric\":\"broken\",\"value\":"));
  char *csv = written(&report, sim_report_csv);
  assert_int_equal(lines_of(csv), 1 + 4 * SIM_METRIC_COUNT);
  assert_non_null(strstr(csv, "small,3,ours,connected_end,10\n"));
  char *text = written(&report, sim_report_text);
  assert_non_null(strstr(text, "met    connected_end == 10: 10\n"));
  free(json);
  free(csv);
  free(text);
}

/* Eight honest peers of one network among those of an attacker, which tells of its own. */
static const char hostile[] = "about an attacker\n"
                              "duration 1h\npeers 60\nattackers 50\ngroups 1\nattacker_groups 2\n"
                              "heard 8\nrelay_outbound 8\nmax_connections 40\n"
                              "attack_from 30m\nattack_every 1m\nattack_count 20\n";

/* The page has these captions in this order, and no others. */
static void expect_captions(const char *page, const char *const *captions, size_t count) {
  static const char tag[] = "<figcaption>";
  for (size_t i = 0; i < count; i++) {
    page = strstr(page, tag);
    assert_non_null(page);
    page += strlen(tag);
    if (strncmp(page, captions[i], strlen(captions[i])) != 0 || page[strlen(captions[i])] != '<') {
      fail_msg("%s: %.80s", captions[i], page);
    }
  }
  assert_null(strstr(page, tag));
}

static void every_plot_has_its_caption(void **state) {
  (void)state;
  static const char *const captions[] = {"Peers connected",
                                         "Dials in flight",
                                         "Peers held back by a delay",
                                         "Network groups (IPv4 /16) among outbound peers",
                                         "Peers by state: ours",
                                         "Peers by state: nwaku",
                                         "Peers by state: go-waku",
                                         "Peers by state: js-waku",
                                         "Peers of the world that are up"};
  static const char share[] = "The attacker's share of the outbound peers, in per cent";
  const char *with_share[10];
  memcpy(with_share, captions, 4 * sizeof(*captions));
  with_share[4] = share;
  memcpy(with_share + 5, captions + 4, 5 * sizeof(*captions));
  sim_report report = run(small);
  char *page = written(&report, sim_report_html);
  expect_captions(page, captions, 9);
  free(page);
  report = run(hostile);
  page = written(&report, sim_report_html);
  expect_captions(page, with_share, 10);
  free(page);
}

/* Of one node only: where all are managers there is none to look at. */
static void a_network_has_no_groups(void **state) {
  (void)state;
  static const char *const captions[] = {"Peers connected",
                                         "Dials in flight",
                                         "Peers held back by a delay",
                                         "Peers by state: ours",
                                         "Peers by state: nwaku",
                                         "Peers by state: go-waku",
                                         "Peers by state: js-waku",
                                         "Peers of the world that are up"};
  sim_report report =
      run("about x\nduration 1m\nmanagers 20\npeers 20\nheard 4\ndiscover_every 1m\n");
  char *page = written(&report, sim_report_html);
  expect_captions(page, captions, 8);
  free(page);
}

static const uint32_t *course(size_t policy, sim_course of) {
  return results[policy].course[of];
}

/* What was dialled is diverse as the world is: static peers of any network, or all of one. */
static void groups_are_counted(void **state) {
  (void)state;
  (void)run(small);
  for (size_t p = 0; p < 4; p++) {
    assert_int_equal(course(p, SIM_COURSE_GROUPS)[0], 0);
  }
  uint32_t last = results[0].samples - 1;
  assert_int_equal(course(0, SIM_COURSE_CONNECTED)[last], 10);
  assert_int_equal(course(0, SIM_COURSE_GROUPS)[last], 10);
  assert_int_equal(course(0, SIM_COURSE_HOSTILE)[last], 0);
  (void)run("about x\nduration 10m\npeers 20\nstatic 10\ngroups 1\n");
  assert_int_equal(course(0, SIM_COURSE_CONNECTED)[last], 10);
  assert_int_equal(course(0, SIM_COURSE_GROUPS)[last], 1);
  (void)run("about x\nduration 10m\npeers 20\ninbound_every 1s\n"); /* Nobody is dialled. */
  assert_true(course(0, SIM_COURSE_CONNECTED)[last] > 0);
  assert_int_equal(course(0, SIM_COURSE_GROUPS)[last], 0);
}

static void the_attackers_share_is_counted(void **state) {
  (void)state;
  (void)run(hostile);
  bool seen = false;
  for (size_t p = 0; p < 4; p++) {
    for (uint32_t at = 0; at < results[p].samples; at++) {
      uint32_t share = course(p, SIM_COURSE_HOSTILE)[at];
      bool before = results[p].sampled_at[at] < 30 * WPM_MINUTE;
      assert_true(share <= (before ? 0 : 100));
      assert_true(course(p, SIM_COURSE_GROUPS)[at] <= (before ? 1 : 3));
      assert_true(share == 0 || course(p, SIM_COURSE_GROUPS)[at] > 0);
    }
    uint32_t last = results[p].samples - 1; /* 15 s before the end. */
    int64_t outbound = results[p].value[SIM_METRIC_OUTBOUND_END];
    int64_t theirs = results[p].value[SIM_METRIC_HOSTILE_END];
    assert_int_equal(course(p, SIM_COURSE_HOSTILE)[last],
                     outbound > 0 ? theirs * 100 / outbound : 0);
    seen = seen || theirs > 0;
  }
  assert_true(seen);
}

static void pages_need_no_network(void **state) {
  (void)state;
  sim_report report = run(small);
  char *page = written(&report, sim_report_html);
  assert_non_null(strstr(page, "<svg "));
  assert_non_null(strstr(page, "Peers by state: go-waku"));
  assert_non_null(strstr(page, "</html>"));
  static const char *const foreign[] = {"http", "src=", "href=", "url(", "<script", "<link"};
  for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
    assert_null(strstr(page, foreign[i]));
  }
  free(page);
}

static void what_is_not_met_is_told(void **state) {
  (void)state;
  sim_report report = run(small);
  assert_true(sim_scenario_expect(&scenario, "dials <= 3"));
  assert_false(sim_report_is_good(&report));
  char *text = written(&report, sim_report_text);
  assert_non_null(strstr(text, "FAILED dials <= 3: "));
  free(text);
  char *json = written(&report, sim_report_json);
  assert_non_null(strstr(json, "\"met\":false"));
  free(json);
}

/* The checks see what breaks them: js-waku knows nothing of a prune backoff. */
static void breaches_are_seen(void **state) {
  (void)state;
  (void)run("about x\nduration 1h\npeers 50\nstatic 20\nprune_every 5m\n");
  size_t count = 0;
  assert_true(results[3].value[SIM_METRIC_DIALS_EARLY] > 0);
  assert_true(results[3].value[SIM_METRIC_BROKEN] > 0);
  assert_true(results[3].breaches > 0);
  assert_non_null(strstr(results[3].breach[0], "seed 3, at "));
  sim_report report = {
      .scenario = &scenario, .policies = sim_policies(&count), .results = &results[3]};
  scenario.expectation_count = 0;
  assert_false(sim_report_is_good(&report));
}

static void run_out_of_memory(const sim_policy_type *type) {
  for (size_t n = 1;; n += 1 + n / 16) {
    wpm_alloc_fail_at(n);
    int err = sim_world_run(&scenario, 1, type, &results[0]);
    size_t failed = wpm_alloc_failed();
    wpm_alloc_fail_off();
    assert_true(err == WPM_OK || err == WPM_ERR_NO_MEMORY);
    if (failed == 0) {
      assert_int_equal(err, WPM_OK);
      return;
    }
  }
}

/* Wherever memory runs out, the run ends with that, and nothing is leaked. */
static void a_lack_of_memory_ends_the_run(void **state) {
  (void)state;
  static const char *const texts[] = {
      "about x\nduration 20m\npeers 30\nstatic 15\nprune_every 5m\n"
      "sessions exponential\nsession_mean 5m\naway_mean 1m\n"
      "discover_every 1m\ninbound_every 1m\nat 10m crash 1s\n",
      "about x\nduration 10m\nmanagers 30\npeers 30\nheard 8\ndiscover_every 1m\n"
      "sessions exponential\nsession_mean 5m\naway_mean 1m\n"};
  char error[300];
  size_t count = 0;
  const sim_policy_type *const *policies = sim_policies(&count);
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
    assert_true(sim_scenario_read(texts[i], &scenario, error, sizeof(error)));
    for (size_t p = 0; p < count; p++) {
      run_out_of_memory(policies[p]);
    }
  }
}

static void the_list_has_a_line_each(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  assert_non_null(out);
  sim_list(out);
  assert_int_equal(fclose(out), 0);
  assert_int_equal(lines_of(text), sim_source_count);
  const char *line = text;
  for (size_t i = 0; i < sim_source_count; i++) {
    size_t length = strlen(sim_sources[i].name);
    assert_memory_equal(line, sim_sources[i].name, length);
    assert_int_equal(line[length], ' ');
    assert_ptr_equal(sim_source_find(sim_sources[i].name), &sim_sources[i]);
    line = strchr(line, '\n') + 1;
  }
  assert_null(sim_source_find("none"));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scenarios_are_read),
      cmocka_unit_test(what_is_wrong_is_named),
      cmocka_unit_test(faults_that_cannot_be_played_together_are_named),
      cmocka_unit_test(reports_say_it_all),
      cmocka_unit_test(every_plot_has_its_caption),
      cmocka_unit_test(a_network_has_no_groups),
      cmocka_unit_test(groups_are_counted),
      cmocka_unit_test(the_attackers_share_is_counted),
      cmocka_unit_test(pages_need_no_network),
      cmocka_unit_test(what_is_not_met_is_told),
      cmocka_unit_test(breaches_are_seen),
      cmocka_unit_test(a_lack_of_memory_ends_the_run),
      cmocka_unit_test(the_list_has_a_line_each),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
