/* What came of a scenario: policies side by side, as text, JSON lines, CSV or a page.
 *
 * - The same results, the same bytes: nothing of the machine, the locale or the wall clock is in it.
 * - A JSON line is {"scenario", "seed", "policy", "metric", "value"}; where our policy is expected to
 *   measure something, also "expected" and "met".
 * - A page holds everything it shows: plots are inline SVG, nothing is fetched.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "sim/policy.h"
#include "sim/scenario.h"

#include <stdio.h>

/* One scenario under each policy, ours first; or under one of them alone. */
typedef struct sim_report {
  const char *name; /* The scenario's. */
  const sim_scenario *scenario;
  uint64_t seed;
  const sim_policy_type *const *policies;
  const sim_results *results; /* As many as policies. */
  size_t count;
} sim_report;

/* True where our policy measured what was expected. */
bool sim_expectation_is_met(const sim_expectation *expectation, const sim_results *ours);

/* What ours measured; NULL: it is not among them, and nothing is expected. */
const sim_results *sim_report_ours(const sim_report *report);

/* True where all that is expected is met, and ours broke no invariant. */
bool sim_report_is_good(const sim_report *report);

void sim_report_text(const sim_report *report, FILE *out);
void sim_report_json(const sim_report *report, FILE *out);
void sim_report_csv(const sim_report *report, FILE *out);
void sim_report_html(const sim_report *report, FILE *out);

/* The names of the scenarios compiled in, each with what it shows, one a line. */
void sim_list(FILE *out);

#endif
