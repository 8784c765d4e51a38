#include "sim/metrics.h"

#include <string.h>

static const struct {
  const char *name, *help;
} metrics[SIM_METRIC_COUNT] = {
#define SIM_METRIC_ROW(id, name, help) {name, help},
    SIM_METRICS(SIM_METRIC_ROW)
#undef SIM_METRIC_ROW
};

static const char *const courses[SIM_COURSE_COUNT] = {"connected",    "CanConnect", "CannotConnect",
                                                      "NotConnected", "dials",      "waiting",
                                                      "up",           "groups",     "hostile"};

const char *sim_metric_name(sim_metric metric) {
  return metrics[metric].name;
}

const char *sim_metric_help(sim_metric metric) {
  return metrics[metric].help;
}

bool sim_metric_find(const char *name, sim_metric *out) {
  for (size_t i = 0; i < SIM_METRIC_COUNT; i++) {
    if (strcmp(metrics[i].name, name) == 0) {
      *out = (sim_metric)i;
      return true;
    }
  }
  return false;
}

const char *sim_course_name(sim_course course) {
  return courses[course];
}
