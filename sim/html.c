/* The page of --report: a table, the expectations, and plots as inline SVG. */
#include "sim/report.h"

#include <inttypes.h>

enum { WIDTH = 640, HEIGHT = 180, LEFT = 56, TOP = 12, BOTTOM = 24 };

static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#000000"};

/* One line of a plot. */
typedef struct curve {
  const char *name;
  const sim_results *results;
  sim_course course;
} curve;

static uint32_t most_of(const curve *curves, size_t count) {
  uint32_t most = 1;
  for (size_t i = 0; i < count; i++) {
    for (uint32_t at = 0; at < curves[i].results->samples; at++) {
      uint32_t value = curves[i].results->course[curves[i].course][at];
      most = value > most ? value : most;
    }
  }
  return most;
}

static void draw_curve(const curve *c, uint32_t most, int64_t duration, const char *colour,
                       FILE *out) {
  (void)fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"",
                colour);
  for (uint32_t at = 0; at < c->results->samples; at++) {
    int64_t x = LEFT + (int64_t)(c->results->sampled_at[at] / 1000000 * (WIDTH - LEFT) /
                                 (duration / 1000000));
    int64_t y = TOP + HEIGHT - (int64_t)c->results->course[c->course][at] * HEIGHT / most;
    (void)fprintf(out, "%" PRId64 ",%" PRId64 " ", x, y);
  }
  (void)fputs("\"/>\n", out);
}

/* Hours, minutes or seconds. */
static void print_time(int64_t ns, FILE *out) {
  if (ns >= 2 * WPM_HOUR) {
    (void)fprintf(out, "%" PRId64 " h", ns / WPM_HOUR);
  } else if (ns >= 2 * WPM_MINUTE) {
    (void)fprintf(out, "%" PRId64 " min", ns / WPM_MINUTE);
  } else {
    (void)fprintf(out, "%" PRId64 " s", ns / WPM_SECOND);
  }
}

static void draw_frame(uint32_t most, int64_t duration, FILE *out) {
  (void)fprintf(out,
                "<svg viewBox=\"0 0 %d %d\" role=\"img\">\n"
                "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"#888\"/>\n"
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%" PRIu32 "</text>\n"
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>\n"
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">",
                WIDTH + 8, HEIGHT + TOP + BOTTOM, LEFT, TOP, TOP + HEIGHT, WIDTH, LEFT - 6, TOP + 8,
                most, LEFT - 6, TOP + HEIGHT, WIDTH, TOP + HEIGHT + 18);
  print_time(duration, out);
  (void)fputs("</text>\n", out);
}

static void draw(const char *title, const curve *curves, size_t count, int64_t duration,
                 FILE *out) {
  uint32_t most = most_of(curves, count);
  (void)fprintf(out, "<figure>\n<figcaption>%s</figcaption>\n", title);
  draw_frame(most, duration, out);
  for (size_t i = 0; i < count; i++) {
    draw_curve(&curves[i], most, duration, colours[i % (sizeof(colours) / sizeof(*colours))], out);
  }
  (void)fputs("</svg>\n<p class=\"key\">", out);
  for (size_t i = 0; i < count; i++) {
    (void)fprintf(out, "<span style=\"color:%s\">&#9632; %s</span> ",
                  colours[i % (sizeof(colours) / sizeof(*colours))], curves[i].name);
  }
  (void)fputs("</p>\n</figure>\n", out);
}

enum { POLICIES_MAX = 8 };

/* One course of all policies. */
static void draw_across(const sim_report *report, const char *title, sim_course course, FILE *out) {
  curve curves[POLICIES_MAX];
  size_t count = 0;
  for (; count < report->count && count < POLICIES_MAX; count++) {
    curves[count] = (curve){report->policies[count]->name, &report->results[count], course};
  }
  draw(title, curves, count, report->scenario->duration, out);
}

/* The states of one policy's peers. */
static void draw_states(const sim_report *report, size_t policy, FILE *out) {
  static const sim_course states[] = {SIM_COURSE_CONNECTED, SIM_COURSE_CAN_CONNECT,
                                      SIM_COURSE_CANNOT_CONNECT, SIM_COURSE_NOT_CONNECTED};
  curve curves[4];
  char title[80];
  for (size_t i = 0; i < 4; i++) {
    curves[i] = (curve){sim_course_name(states[i]), &report->results[policy], states[i]};
  }
  (void)snprintf(title, sizeof(title), "Peers by state: %s", report->policies[policy]->name);
  draw(title, curves, 4, report->scenario->duration, out);
}

/* How diverse those are that each policy dialled. A network of managers has no one node to look at. */
static void draw_diversity(const sim_report *report, FILE *out) {
  if (report->scenario->managers == 0) {
    draw_across(report, "Network groups (IPv4 /16) among outbound peers", SIM_COURSE_GROUPS, out);
  }
  if (report->scenario->attackers > 0) {
    draw_across(report, "The attacker's share of the outbound peers, in per cent",
                SIM_COURSE_HOSTILE, out);
  }
}

/* Text of ours, but for `<`, `>` and `&`. */
static void print_escaped(const char *text, FILE *out) {
  for (; *text; text++) {
    if (*text == '<' || *text == '>' || *text == '&') {
      (void)fputs(*text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&amp;", out);
    } else {
      (void)fputc(*text, out);
    }
  }
}

static void print_table(const sim_report *report, FILE *out) {
  (void)fputs("<table>\n<tr><th>metric</th>", out);
  for (size_t p = 0; p < report->count; p++) {
    (void)fprintf(out, "<th>%s</th>", report->policies[p]->name);
  }
  (void)fputs("<th class=\"left\">what it says</th></tr>\n", out);
  for (size_t m = 0; m < SIM_METRIC_COUNT; m++) {
    (void)fprintf(out, "<tr><th>%s</th>", sim_metric_name((sim_metric)m));
    for (size_t p = 0; p < report->count; p++) {
      (void)fprintf(out, "<td>%" PRId64 "</td>", report->results[p].value[m]);
    }
    (void)fprintf(out, "<td class=\"left\">%s</td></tr>\n", sim_metric_help((sim_metric)m));
  }
  (void)fputs("</table>\n", out);
}

static void print_expectations(const sim_report *report, FILE *out) {
  static const char *const relations[] = {"at most", "at least", "exactly"};
  const sim_results *ours = sim_report_ours(report);
  if (!ours) {
    (void)fprintf(out, "<p>Nothing is expected of %s.</p>\n", report->policies[0]->name);
    return;
  }
  (void)fputs("<h2>Expected of ours</h2>\n<ul>\n", out);
  for (size_t i = 0; i < report->scenario->expectation_count; i++) {
    const sim_expectation *e = &report->scenario->expectations[i];
    size_t relation = e->relation == SIM_AT_MOST ? 0 : e->relation == SIM_AT_LEAST ? 1 : 2;
    bool met = sim_expectation_is_met(e, ours);
    (void)fprintf(out, "<li class=\"%s\">%s %s %" PRId64 ": %" PRId64 ", %s</li>\n",
                  met ? "met" : "failed", sim_metric_name(e->metric), relations[relation], e->value,
                  ours->value[e->metric], met ? "met" : "failed");
  }
  for (uint32_t i = 0; i < ours->breaches; i++) {
    (void)fputs("<li class=\"failed\">", out);
    print_escaped(ours->breach[i], out);
    (void)fputs("</li>\n", out);
  }
  (void)fputs("</ul>\n", out);
}

void sim_report_html(const sim_report *report, FILE *out) {
  (void)fprintf(out,
                "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                "<title>%s, seed %" PRIu64 "</title>\n<style>\n"
                "body{font:14px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\n"
                "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right}\n"
                ".left{text-align:left}tr:nth-child(even){background:#f4f4f4}\n"
                "figure{margin:1.5em 0}svg{width:100%%}svg text{font:11px sans-serif}\n"
                ".met{color:#060}.failed{color:#b00}.key span{margin-right:1em}\n"
                "</style></head><body>\n<h1>%s</h1>\n<p>",
                report->name, report->seed, report->name);
  print_escaped(report->scenario->about, out);
  (void)fprintf(out, "</p>\n<p>Seed %" PRIu64 ".</p>\n", report->seed);
  print_expectations(report, out);
  draw_across(report, "Peers connected", SIM_COURSE_CONNECTED, out);
  draw_across(report, "Dials in flight", SIM_COURSE_DIALS, out);
  draw_across(report, "Peers held back by a delay", SIM_COURSE_WAITING, out);
  draw_diversity(report, out);
  for (size_t p = 0; p < report->count; p++) {
    draw_states(report, p, out);
  }
  draw_across(report, "Peers of the world that are up", SIM_COURSE_UP, out);
  print_table(report, out);
  (void)fputs("</body></html>\n", out);
}
