#include "base/log.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX 1024

void wpm_log_write(const wpm_logger *logger, wpm_log_level level, const char *topic,
                   const char *format, ...) {
  if (!wpm_log_wanted(logger, level)) {
    return;
  }
  char text[MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  if (len < 0) {
    text[0] = '\0';
  } else if ((size_t)len >= sizeof(text)) {
    text[wpm_utf8_whole((wpm_text){text, sizeof(text) - 1})] = '\0';
  }
  logger->log(logger->user, level, topic, text);
}
