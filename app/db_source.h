/* What `db import` reads: a file of any of the formats, or a stream (a pipe, "-" for the standard input)
 * of those that are text. It is opened and read once. The format is told by the content where it is not
 * given. Lines are read some at a time; only a js-waku cache, one JSON value, is read whole. */
#ifndef APP_DB_SOURCE_H
#define APP_DB_SOURCE_H

#include "db.h"
#include "db_lines.h"

typedef struct db_source {
  const char *file;
  db_format format;
  int fd;         /* -1: none is open. */
  db_lines lines; /* Of a text format. */
} db_source;

/* Opens it, finds out what it is, and looks whether it can be read. `format`: what the person said.
 * EXIT_DONE, or EXIT_USAGE after saying why nothing can be read. *source is to be closed in either
 * case. */
int db_source_open(db_source *source, const char *file, db_format format);

/* Hands on all peers. EXIT_DONE, or EXIT_FAILED after saying why it cannot go on. */
int db_source_read(db_source *source, const wpm_exchange_sink *sink, db_account *account);

void db_source_close(db_source *source);

#endif
