/* What `db import` reads: a file of any of the formats, or the standard input ("-") of those that are
 * text. The format is told by the content where it is not given. */
#ifndef APP_DB_SOURCE_H
#define APP_DB_SOURCE_H

#include "db.h"

#define DB_TEXT_MAX ((size_t)1 << 30) /* Longest text that is read, in bytes. */

typedef struct db_source {
  const char *file;
  db_format format;
  char *text; /* Of a text format: all of it. */
  size_t len;
} db_source;

/* Finds out what it is, and reads it where it is text. `format`: what the person said. EXIT_DONE, or
 * EXIT_USAGE after saying why nothing can be read. *source is to be closed in either case. */
int db_source_open(db_source *source, const char *file, db_format format);

/* Hands on all peers. EXIT_DONE, or EXIT_FAILED after saying why it cannot go on. */
int db_source_read(const db_source *source, const wpm_exchange_sink *sink, db_account *account);

void db_source_close(db_source *source);

#endif
