/* What is behind a wpm_storage: a connection to SQLite and its statements. */
#ifndef WPM_STORAGE_HANDLE_H
#define WPM_STORAGE_HANDLE_H

#include "storage/row.h"

#include <wakupeers/storage.h>

typedef enum wpm_statement {
  WPM_STATEMENT_BEGIN,
  WPM_STATEMENT_COMMIT,
  WPM_STATEMENT_FIND,
  WPM_STATEMENT_INSERT,
  WPM_STATEMENT_UPDATE,
  WPM_STATEMENT_PUT_ADDRESS,
  WPM_STATEMENT_TRIM_ADDRESSES,
  WPM_STATEMENT_REMOVE,
  WPM_STATEMENT_PUT_HEARTBEAT
} wpm_statement;
#define WPM_STATEMENT_COUNT 9

struct wpm_storage {
  sqlite3 *db;                                   /* The connection. */
  char *path;                                    /* The path as the caller gave it. */
  int schema;                                    /* Version of the open file. */
  bool read_only;                                /* No batch can be begun. */
  bool in_batch;                                 /* Between begin and commit or rollback. */
  bool failed;                                   /* The batch must be rolled back. */
  sqlite3_stmt *statements[WPM_STATEMENT_COUNT]; /* NULL where read only. */
  wpm_row_scratch scratch;                       /* For the row at hand. */
};

/* Prepares the statements that batches need. Returns SQLite's result code. */
WPM_MUST_USE int wpm_storage_prepare(wpm_storage *storage);

/* Steps a statement that returns no rows to its end and resets it. Returns SQLite's result code. */
WPM_MUST_USE int wpm_storage_run(sqlite3_stmt *statement);

#endif
