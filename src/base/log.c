#include "base/log.h"

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
  if (vsnprintf(text, sizeof(text), format, args) < 0) {
    text[0] = '\0';
  }
  va_end(args);
  logger->log(logger->user, level, topic, text);
}
