#include "commands.h"

#include "huge_pages.h"
#include "options.h"

#include "sim/report.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: wakupeers sim SCENARIO [OPTION ...]\n"
    "       wakupeers sim --list\n\n"
    "Runs our policy, and those of other Waku clients beside it, in a simulated\n"
    "network under virtual time. Exit code 0: what is expected of ours is met, 1: it\n"
    "is not, 2: wrong usage.\n\n";

static bool write_page(const sim_report *report, const char *path) {
  FILE *page = fopen(path, "w");
  if (!page) {
    return false;
  }
  sim_report_html(report, page);
  bool written = !ferror(page);
  return fclose(page) == 0 && written;
}

static int tell(const app_options *options, const sim_report *report) {
  if (options->json) {
    sim_report_json(report, stdout);
  } else if (options->csv) {
    sim_report_csv(report, stdout);
  } else {
    sim_report_text(report, stdout);
  }
  if (options->report && !write_page(report, options->report)) {
    return complain(EXIT_FAILED, "%s cannot be written: %s", options->report, strerror(errno));
  }
  if (!sim_report_is_good(report)) {
    return complain(EXIT_FAILED, "%s: what is expected is not met; --seed=%llu shows it again",
                    report->name, (unsigned long long)report->seed);
  }
  return EXIT_DONE;
}

/* Whose policies live it. */
static void choose(const char *policy, sim_report *report) {
  report->policies = sim_policies(&report->count);
  if (strcmp(policy, "all") != 0) {
    report->policies = sim_policy_find(policy);
    report->count = 1;
  }
}

static int run_all(const app_options *options, const sim_source *source,
                   const sim_scenario *scenario) {
  sim_report report = {.name = source->name, .scenario = scenario, .seed = options->seed};
  choose(options->policy, &report);
  sim_results *results = calloc(report.count, sizeof(*results));
  if (!results) {
    return complain_no_memory();
  }
  report.results = results;
  int err = WPM_OK;
  for (size_t i = 0; i < report.count && !err; i++) {
    err = sim_world_run(scenario, options->seed, report.policies[i], &results[i]);
  }
  int result = err ? complain(EXIT_FAILED, "%s, seed %llu: %s", source->name,
                              (unsigned long long)options->seed, wpm_strerror(err))
                   : tell(options, &report);
  free(results);
  return result;
}

/* The expectations of the command line go behind those of the scenario. */
static int expect_more(const app_options *options, sim_scenario *scenario) {
  for (size_t i = 0; i < options->expectations.count; i++) {
    if (!sim_scenario_expect(scenario, options->expectations.items[i])) {
      return complain(EXIT_USAGE,
                      "--expect takes a metric, <=, >= or ==, and a number or a time, such as "
                      "\"redial_ms <= 65s\"; not \"%s\"",
                      options->expectations.items[i]);
    }
  }
  return EXIT_DONE;
}

static int run(const app_options *options, const char *name) {
  char error[400];
  const sim_source *source = sim_source_find(name);
  if (!source) {
    return complain(EXIT_USAGE, "there is no scenario %s; see wakupeers sim --list", name);
  }
  huge_pages_prefer();
  sim_scenario *scenario = malloc(sizeof(*scenario));
  if (!scenario) {
    return complain_no_memory();
  }
  int result = sim_scenario_read(source->text, scenario, error, sizeof error)
                   ? expect_more(options, scenario)
                   : complain(EXIT_FAILED, "%s: %s", name, error);
  if (result == EXIT_DONE) {
    result = run_all(options, source, scenario);
  }
  free(scenario);
  return result;
}

int command_sim(int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(FOR_SIM, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(usage, stdout);
    options_print(FOR_SIM, stdout);
  } else if (result == EXIT_DONE && options.list && argc == words) {
    sim_list(stdout);
  } else if (result == EXIT_DONE && (argc - words != 1 || options.list)) {
    result = complain(EXIT_USAGE, "sim takes the name of one scenario, or --list; see "
                                  "wakupeers sim --help");
  } else if (result == EXIT_DONE && options.json && options.csv) {
    result = complain(EXIT_USAGE, "--json and --csv exclude each other");
  } else if (result == EXIT_DONE) {
    result = run(&options, argv[words]);
  }
  options_free(&options);
  return result;
}
