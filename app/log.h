/* The program's log: lines on stderr, as text or as JSON. Text is coloured only on a terminal, and
 * not where NO_COLOR is set (no-color.org). */
#ifndef APP_LOG_H
#define APP_LOG_H

#include <wakupeers/types.h>

/* A logger that writes to stderr. `level`: one of the names of wpm_log_level; `json`: one JSON
 * object a line. */
void log_open(const char *level, bool json, wpm_logger *out);

/* Changes the level of the logger made by log_open. False: there is no such level. */
bool log_set_level(const char *level);

/* Writes one line. */
void log_line(wpm_log_level level, const char *topic, const char *format, ...) WPM_PRINTF(3, 4);

#endif
