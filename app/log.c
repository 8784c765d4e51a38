#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
  wpm_log_level minimum;
  bool json;
  bool colour;
} state = {.minimum = WPM_LOG_INFO};

static const char *const colours[WPM_LOG_LEVEL_COUNT] = {
    "\033[2m", "\033[2m", "\033[32m", "\033[36m", "\033[33m", "\033[31m", "\033[31;1m"};

/* A JSON string's inside: what must be escaped is; other control characters and bytes outside ASCII
 * become `?`. */
static void write_escaped(const char *text) {
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') {
      (void)fputc('\\', stderr);
      (void)fputc(byte, stderr);
    } else {
      (void)fputc(byte < 0x20 || byte >= 0x7f ? '?' : byte, stderr);
    }
  }
}

static void write_line(void *user, wpm_log_level level, const char *topic, const char *text) {
  (void)user;
  struct timespec now = {0};
  struct tm broken = {0};
  char stamp[40];
  if (level < state.minimum) {
    return;
  }
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)gmtime_r(&now.tv_sec, &broken);
  size_t len = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &broken);
  (void)snprintf(stamp + len, sizeof stamp - len, ".%03ldZ", now.tv_nsec / 1000000);
  if (state.json) {
    (void)fprintf(stderr, "{\"time\":\"%s\",\"level\":\"%s\",\"topic\":\"%s\",\"message\":\"",
                  stamp, wpm_log_level_name(level), topic);
    write_escaped(text);
    (void)fputs("\"}\n", stderr);
    return;
  }
  (void)fprintf(stderr, "%s %s%-6s%s %s: %s\n", stamp, state.colour ? colours[level] : "",
                wpm_log_level_name(level), state.colour ? "\033[0m" : "", topic, text);
}

bool log_set_level(const char *level) {
  for (int i = 0; i < WPM_LOG_LEVEL_COUNT; i++) {
    if (strcasecmp(wpm_log_level_name((wpm_log_level)i), level) == 0) {
      state.minimum = (wpm_log_level)i;
      return true;
    }
  }
  return false;
}

void log_open(const char *level, bool json, wpm_logger *out) {
  state.json = json;
  state.colour = isatty(STDERR_FILENO) == 1;
  (void)log_set_level(level);
  /* All is handed over, so that the level can change while the node runs. */
  *out = (wpm_logger){.log = write_line, .minimum = WPM_LOG_TRACE};
}

void log_line(wpm_log_level level, const char *topic, const char *format, ...) {
  char text[512];
  va_list arguments;
  if (level < state.minimum) {
    return;
  }
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  write_line(NULL, level, topic, text);
}
