#include "support/core/store_run.h"

size_t wpm_run_protocols(wpm_run *r, wpm_text *out, size_t most) {
  size_t count = wpm_run_below(r, most + 1);
  unsigned first = (unsigned)wpm_run_below(r, WPM_MODEL_NAMES);
  unsigned stride = 2 * (unsigned)wpm_run_below(r, WPM_MODEL_NAMES / 2) + 1;
  for (unsigned i = 0; i < count; i++) {
    out[i] = wpm_model_name((first + i * stride) % WPM_MODEL_NAMES);
  }
  return count;
}

wpm_text wpm_run_name(wpm_run *r) {
  return wpm_model_name((unsigned)wpm_run_below(r, WPM_MODEL_NAMES));
}

wpm_bytes wpm_run_address(wpm_run *r) {
  return wpm_model_address((unsigned)wpm_run_below(r, WPM_MODEL_ADDRESSES));
}

wpm_bytes wpm_run_bytes(wpm_run *r) {
  static const uint8_t much[700] = {8, 1};
  switch (wpm_run_below(r, 5)) {
  case 0:
    return (wpm_bytes){NULL, 0};
  case 1:
    return (wpm_bytes){much, 300 + wpm_run_below(r, 400)};
  case 2:
    return (wpm_bytes){wpm_model_id(8).data + 2, 37};
  default:
    return (wpm_bytes){much, 1 + wpm_run_below(r, 30)};
  }
}

int64_t wpm_run_ttl(wpm_run *r) {
  static const int64_t ttls[] = {WPM_TTL_QUALITY,   WPM_TTL_PERMANENT, WPM_TTL_CONNECTED,
                                 WPM_TTL_TEMPORARY, WPM_TTL_RECENT,    WPM_TTL_ADDRESS,
                                 7 * WPM_SECOND + 3};
  return ttls[wpm_run_below(r, sizeof(ttls) / sizeof(ttls[0]))];
}

wpm_wall wpm_run_time(wpm_run *r) {
  return wpm_run_one_in(r, 4)
             ? WPM_WALL_NONE
             : (wpm_wall){r->now.wall.ns - (int64_t)wpm_run_below(r, 100 * WPM_SECOND)};
}

wpm_wait wpm_run_wait(wpm_run *r) {
  if (wpm_run_one_in(r, 4)) {
    return (wpm_wait){0};
  }
  int64_t since = (int64_t)wpm_run_below(r, 30 * WPM_SECOND);
  wpm_wait wait = {{{r->now.mono.ns - since}, {r->now.wall.ns - since}, 1},
                   (int64_t)(1 + wpm_run_below(r, 60 * WPM_SECOND))};
  if (wpm_run_one_in(r, 4)) {
    wait.start.boot_id = 7;
    wait.start.mono.ns = (int64_t)wpm_run_below(r, WPM_HOUR);
  }
  return wait;
}

wpm_wait wpm_run_ban(wpm_run *r) {
  wpm_wait wait = wpm_run_wait(r);
  wait.length_ns = wait.length_ns > 0 && wpm_run_one_in(r, 6) ? INT64_MAX : wait.length_ns;
  return wait;
}
