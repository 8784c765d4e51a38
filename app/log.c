#include "log.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024 /* Of a message; longer ones are cut. */

static struct {
  wpm_log_level minimum;
  bool json;
  bool colour;
} state = {.minimum = WPM_LOG_INFO};

static const char *const colours[WPM_LOG_LEVEL_COUNT] = {
    "\033[2m", "\033[2m", "\033[32m", "\033[36m", "\033[33m", "\033[31m", "\033[31;1m"};

/* `text` into a JSON string's inside. */
static void escape(const char *text, char *out, size_t cap) {
  size_t len = 0;
  for (; *text && len + 3 < cap; text++) {
    if (*text == '"' || *text == '\\') {
      out[len++] = '\\';
    }
    out[len++] = *text;
  }
  out[len] = '\0';
}

static void timestamp(char *out, size_t cap) {
  struct timespec now = {0};
  struct tm broken = {0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)gmtime_r(&now.tv_sec, &broken);
  size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &broken);
  (void)snprintf(out + len, cap - len, ".%03ldZ", now.tv_nsec / 1000000);
}

/* One write a line, so that lines of several programs on one stderr stay whole. */
static void write_line(void *user, wpm_log_level level, const char *topic, const char *text) {
  (void)user;
  char stamp[40];
  char clean[LINE_MAX_BYTES];
  char line[2 * LINE_MAX_BYTES + 200];
  const char *name = wpm_log_level_name(level);
  int len = 0;
  if (level < state.minimum) {
    return;
  }
  timestamp(stamp, sizeof stamp);
  (void)snprintf(clean, sizeof clean, "%s", text);
  text_clean(clean); /* Some of it may have come over the wire. */
  if (state.json) {
    char escaped[2 * LINE_MAX_BYTES];
    escape(clean, escaped, sizeof escaped);
    len = snprintf(line, sizeof line,
                   "{\"time\":\"%s\",\"level\":\"%s\",\"topic\":\"%s\",\"message\":\"%s\"}\n",
                   stamp, name, topic, escaped);
  } else {
    len = snprintf(line, sizeof line, "%s %s%-6s%s %s: %s\n", stamp,
                   state.colour ? colours[level] : "", name, state.colour ? "\033[0m" : "", topic,
                   clean);
  }
  if (len > 0) {
    (void)fwrite(line, 1, (size_t)len, stderr);
  }
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
  const char *no_colour = getenv("NO_COLOR");
  state.colour = isatty(STDERR_FILENO) == 1 && !(no_colour && *no_colour);
  (void)log_set_level(level);
  /* All is handed over, so that the level can change while the node runs. */
  *out = (wpm_logger){.log = write_line, .minimum = WPM_LOG_TRACE};
}

void log_line(wpm_log_level level, const char *topic, const char *format, ...) {
  char text[LINE_MAX_BYTES];
  va_list arguments;
  if (level < state.minimum) {
    return;
  }
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  write_line(NULL, level, topic, text);
}
