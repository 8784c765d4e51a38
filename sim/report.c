#include "sim/report.h"

#include <inttypes.h>
#include <string.h>

static const char *relation_word(sim_relation relation) {
  switch (relation) {
  case SIM_AT_MOST:
    return "<=";
  case SIM_AT_LEAST:
    return ">=";
  case SIM_EXACTLY:
    return "==";
  }
  return "?";
}

bool sim_expectation_is_met(const sim_expectation *expectation, const sim_results *ours) {
  int64_t value = ours->value[expectation->metric];
  switch (expectation->relation) {
  case SIM_AT_MOST:
    return value <= expectation->value;
  case SIM_AT_LEAST:
    return value >= expectation->value;
  case SIM_EXACTLY:
    return value == expectation->value;
  }
  return false;
}

const sim_results *sim_report_ours(const sim_report *report) {
  return report->policies[0] == &sim_policy_ours ? &report->results[0] : NULL;
}

bool sim_report_is_good(const sim_report *report) {
  const sim_results *ours = sim_report_ours(report);
  bool good = !ours || ours->value[SIM_METRIC_BROKEN] == 0;
  for (size_t i = 0; ours && i < report->scenario->expectation_count; i++) {
    good = good && sim_expectation_is_met(&report->scenario->expectations[i], ours);
  }
  return good;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_expectations(const sim_report *report, FILE *out) {
  const sim_results *ours = sim_report_ours(report);
  if (!ours) {
    (void)fprintf(out, "nothing is expected of %s\n", report->policies[0]->name);
    return;
  }
  for (size_t i = 0; i < report->scenario->expectation_count; i++) {
    const sim_expectation *e = &report->scenario->expectations[i];
    bool met = sim_expectation_is_met(e, ours);
    (void)fprintf(out, "%-6s %s %s %" PRId64 ": %" PRId64 "\n", met ? "met" : "FAILED",
                  sim_metric_name(e->metric), relation_word(e->relation), e->value,
                  ours->value[e->metric]);
  }
  for (uint32_t i = 0; i < ours->breaches; i++) {
    (void)fprintf(out, "BROKEN %s\n", ours->breach[i]);
  }
}

void sim_report_text(const sim_report *report, FILE *out) {
  (void)fprintf(out, "%s, seed %" PRIu64 ": %s\n\n%-20s", report->name, report->seed,
                report->scenario->about, "");
  for (size_t p = 0; p < report->count; p++) {
    (void)fprintf(out, " %12s", report->policies[p]->name);
  }
  (void)fputc('\n', out);
  for (size_t m = 0; m < SIM_METRIC_COUNT; m++) {
    (void)fprintf(out, "%-20s", sim_metric_name((sim_metric)m));
    for (size_t p = 0; p < report->count; p++) {
      (void)fprintf(out, " %12" PRId64, report->results[p].value[m]);
    }
    (void)fputc('\n', out);
  }
  (void)fputc('\n', out);
  print_expectations(report, out);
}

/* ---- JSON and CSV ---------------------------------------------------------------------------- */

/* What is expected of the metric, as a list. */
static void print_expected(const sim_report *report, sim_metric metric, FILE *out) {
  const char *before = ",\"expected\":[";
  bool met = true;
  for (size_t i = 0; i < report->scenario->expectation_count; i++) {
    const sim_expectation *e = &report->scenario->expectations[i];
    if (e->metric == metric) {
      (void)fprintf(out, "%s\"%s %" PRId64 "\"", before, relation_word(e->relation), e->value);
      met = met && sim_expectation_is_met(e, &report->results[0]);
      before = ",";
    }
  }
  if (before[1] == '\0') {
    (void)fprintf(out, "],\"met\":%s", met ? "true" : "false");
  }
}

void sim_report_json(const sim_report *report, FILE *out) {
  for (size_t p = 0; p < report->count; p++) {
    for (size_t m = 0; m < SIM_METRIC_COUNT; m++) {
      (void)fprintf(out,
                    "{\"scenario\":\"%s\",\"seed\":%" PRIu64
                    ",\"policy\":\"%s\",\"metric\":\"%s\",\"value\":%" PRId64,
                    report->name, report->seed, report->policies[p]->name,
                    sim_metric_name((sim_metric)m), report->results[p].value[m]);
      if (p == 0 && sim_report_ours(report)) {
        print_expected(report, (sim_metric)m, out);
      }
      (void)fputs("}\n", out);
    }
  }
}

void sim_report_csv(const sim_report *report, FILE *out) {
  (void)fputs("scenario,seed,policy,metric,value\n", out);
  for (size_t p = 0; p < report->count; p++) {
    for (size_t m = 0; m < SIM_METRIC_COUNT; m++) {
      (void)fprintf(out, "%s,%" PRIu64 ",%s,%s,%" PRId64 "\n", report->name, report->seed,
                    report->policies[p]->name, sim_metric_name((sim_metric)m),
                    report->results[p].value[m]);
    }
  }
}

/* ---- the list -------------------------------------------------------------------------------- */

/* The text of the `about` line. */
static const char *about_of(const char *text, size_t *length) {
  const char *at = strstr(text, "about ");
  at = at ? at + strlen("about ") : "";
  *length = strcspn(at, "\n");
  return at;
}

void sim_list(FILE *out) {
  for (size_t i = 0; i < sim_source_count; i++) {
    size_t length = 0;
    const char *about = about_of(sim_sources[i].text, &length);
    (void)fprintf(out, "%-18s %.*s\n", sim_sources[i].name, (int)length, about);
  }
}
