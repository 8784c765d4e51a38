#include "core/shortage.h"

#include "core/crowd.h"
#include "core/rules.h"
#include "core/wait.h"

#define SHORTAGE_EVERY (10 * WPM_SECOND)
#define RISE_EVERY WPM_MINUTE
#define FEWEST 8
#define PART_THAT_GOES 8
#define PART_THAT_RISES 16

static bool is_lowered(const wpm_manager *m) {
  return m->ceiling < m->config.max_connections;
}

int wpm_on_shortage(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  if ((unsigned)event->u.shortage.of >= WPM_SHORTAGE_COUNT) {
    return WPM_ERR_INVALID;
  }
  bool again = now.mono.ns < wpm_mono_after(m->shortage_at, SHORTAGE_EVERY).ns;
  bool same = again && wpm_rule_holds(WPM_RULE_SHORTAGE_ONCE);
  if (same || !wpm_rule_holds(WPM_RULE_SHORTAGE)) {
    return WPM_OK;
  }
  size_t leavers = m->places / PART_THAT_GOES + 1;
  m->shortage_at = now.mono;
  size_t left = m->places > leavers ? m->places - leavers : 0;
  m->ceiling = left > FEWEST || !wpm_rule_holds(WPM_RULE_SHORTAGE_FEWEST) ? left : FEWEST;
  m->rise_at = wpm_mono_after(now.mono, RISE_EVERY);
  wpm_history_note_own(m, WPM_HISTORY_SHORTAGE);
  wpm_crowd_let_go(m, leavers, now);
  return WPM_OK;
}

void wpm_shortage_run(wpm_manager *m, wpm_instant now) {
  if (is_lowered(m) && now.mono.ns >= m->rise_at.ns) {
    size_t rise = m->config.max_connections / PART_THAT_RISES + 1;
    m->ceiling += wpm_rule_holds(WPM_RULE_CEILING_RISES) ? rise : 0;
    m->rise_at = wpm_mono_after(now.mono, RISE_EVERY);
  }
}

wpm_mono wpm_shortage_deadline(const wpm_manager *m) {
  return is_lowered(m) ? m->rise_at : WPM_NEVER;
}
