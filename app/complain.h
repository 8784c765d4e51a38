/* How a command ends: exit codes, and the one line on stderr that says what went wrong. */
#ifndef APP_COMPLAIN_H
#define APP_COMPLAIN_H

#include <wakupeers/types.h>

/* Exit codes of the program. */
enum {
  EXIT_DONE = 0,
  EXIT_FAILED = 1,    /* It did not work: unreachable, refused, an error that is told. */
  EXIT_USAGE = 2,     /* The command line, the environment or the file is wrong. */
  EXIT_NO_DAEMON = 3, /* No daemon answers. */
  EXIT_LOCKED = 4     /* Another daemon holds the data directory. */
};

/* Writes "wakupeers: …" to stderr, at most 1 KiB, cleaned by text_clean (some of it may have come
 * over the wire). Returns `code`. */
int complain(int code, const char *format, ...) WPM_PRINTF(2, 3);

/* complain(EXIT_FAILED, "out of memory"). */
int complain_no_memory(void);

#endif
