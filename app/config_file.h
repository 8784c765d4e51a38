/* The ini file of --config-file: one NAME = VALUE a line.
 *
 * - Empty lines, lines that begin with `#` or `;`, and [section] lines count for nothing; sections
 *   are for the reader's eye.
 * - Space around name and value is dropped, and so is one pair of double quotes around the value.
 *   Otherwise the value is the rest of the line as it stands: no escapes, no comment behind it.
 */
#ifndef APP_CONFIG_FILE_H
#define APP_CONFIG_FILE_H

#include <stddef.h>

#define CONFIG_FILE_MAX (1024 * 1024) /* Most bytes of a file. */

/* Takes one entry; `line` counts from 1. Returns an exit code of complain.h. */
typedef int (*config_entry)(void *user, unsigned line, const char *name, const char *value);

/* Hands every entry of a file to `entry`. EXIT_DONE; EXIT_USAGE after saying on stderr what is wrong,
 * or where an entry was refused (the others are handed over all the same); EXIT_FAILED: no memory. */
int config_file_read(const char *path, config_entry entry, void *user);

/* The same for `len` bytes of text, which are changed; `path` is what messages name. */
int config_text_read(const char *path, char *text, size_t len, config_entry entry, void *user);

#endif
