/* Logging through the caller's callback. A message below the logger's minimum is not formatted. */
#ifndef WPM_BASE_LOG_H
#define WPM_BASE_LOG_H

#include <wakupeers/types.h>

/* Formats and hands on one message (cut at 1023 bytes). `logger` may be NULL. */
void wpm_log_write(const wpm_logger *logger, wpm_log_level level, const char *topic,
                   const char *format, ...) WPM_PRINTF(4, 5);

static inline bool wpm_log_wanted(const wpm_logger *logger, wpm_log_level level) {
  return logger && logger->log && level >= logger->minimum;
}

#define WPM_LOG(logger, level, topic, ...)                                                         \
  do {                                                                                             \
    if (wpm_log_wanted((logger), (level)))                                                         \
      wpm_log_write((logger), (level), (topic), __VA_ARGS__);                                      \
  } while (0)

#endif
