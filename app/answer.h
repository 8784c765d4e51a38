/* What a client command does with a daemon's answer: prints it as it came (--json), or for a person.
 *
 * - Text that came over the wire is cleaned before a terminal gets it.
 * - Absolute times are UTC, as in the log; relative ones are rounded up where they are to come: "in 0s"
 *   would have been.
 */
#ifndef APP_ANSWER_H
#define APP_ANSWER_H

#include "client.h"

#define ANSWER_TIME 64 /* Room for a time in either form. */

/* What a command needs to ask the daemon. */
typedef struct daemon_call {
  const app_options *options;
  rest_client client;
} daemon_call;

/* Gets `path` and prints the answer: as JSON where --json asks for it, else by `print`. An exit code. */
int answer_get(const daemon_call *call, const char *path, void (*print)(const json_t *value));

/* A member's text; "" where it has none. */
const char *answer_text(const json_t *object, const char *name);

/* "4m ago", "in 12s"; "" where there is no time. */
void answer_relative(const json_t *time, char *out, size_t cap);

/* "2026-01-31T12:00:00.000Z"; "" where there is no time. */
void answer_absolute(const json_t *time, char *out, size_t cap);

/* A line of a name and a text (NULL: none), which begins at one column in all of them. */
void answer_print_line(const char *name, const char *text);

#endif
