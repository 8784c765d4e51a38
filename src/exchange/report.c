#include "exchange/report.h"

#include <stdarg.h>
#include <stdio.h>

#define REASON_MAX 240

static void skip(wpm_report *report, const char *what, const char *format, va_list arguments)
    WPM_PRINTF(3, 0);

static void skip(wpm_report *report, const char *what, const char *format, va_list arguments) {
  char why[REASON_MAX];
  report->counts.skipped++;
  if (report->skipped) {
    (void)vsnprintf(why, sizeof why, format, arguments);
    report->skipped(report->user, what, why);
  }
}

void wpm_report_skip(wpm_report *report, const char *what, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  skip(report, what, format, arguments);
  va_end(arguments);
}

void wpm_report_skip_peer(wpm_report *report, wpm_bytes id, const char *format, ...) {
  char shown[WPM_SHOWN_ID_MAX];
  va_list arguments;
  va_start(arguments, format);
  skip(report, wpm_shown_id(id, shown), format, arguments);
  va_end(arguments);
}

const char *wpm_shown_id(wpm_bytes id, char out[WPM_SHOWN_ID_MAX]) {
  static const char digits[] = "0123456789abcdef";
  if (id.len > 0 && wpm_peer_id_format(id, out, WPM_SHOWN_ID_MAX, NULL) == WPM_OK) {
    return out;
  }
  size_t len = 0;
  out[len++] = '0';
  out[len++] = 'x';
  for (size_t i = 0; i < id.len && i < WPM_PEER_ID_MAX; i++) {
    out[len++] = digits[id.data[i] >> 4];
    out[len++] = digits[id.data[i] & 15];
  }
  out[len] = '\0';
  return out;
}
