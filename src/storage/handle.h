/* What is behind a wpm_storage: a connection to SQLite, its statements, and what of the file is kept
 * in memory. */
#ifndef WPM_STORAGE_HANDLE_H
#define WPM_STORAGE_HANDLE_H

#include "base/record.h"
#include "storage/codec.h"

#include <sqlite3.h>
#include <wakupeers/storage.h>

/* In the order of the schemas whose tables they need. */
typedef enum wpm_statement {
  WPM_STATEMENT_BEGIN,
  WPM_STATEMENT_COMMIT,
  WPM_STATEMENT_DATA_VERSION,
  WPM_STATEMENT_FIND,
  WPM_STATEMENT_INSERT,
  WPM_STATEMENT_UPDATE,
  WPM_STATEMENT_REMOVE,
  WPM_STATEMENT_UPDATE_CONTACT,
  WPM_STATEMENT_INSERT_CONTACT,
  WPM_STATEMENT_REMOVE_CONTACT,
  WPM_STATEMENT_PUT_WORD,
  WPM_STATEMENT_PUT_TOMBSTONE,
  WPM_STATEMENT_REMOVE_TOMBSTONE,
  WPM_STATEMENT_PUT_PRIVATE_KEY,
  WPM_STATEMENT_REMOVE_PRIVATE_KEY,
  WPM_STATEMENT_PUT_HEARTBEAT,
  WPM_STATEMENT_PUT_RANGE_BAN,
  WPM_STATEMENT_REMOVE_RANGE_BAN
} wpm_statement;
#define WPM_STATEMENTS_OF_2 16 /* As many of them schema 2 has. */
#define WPM_STATEMENT_COUNT 18

/* Where the rows of a peer lie: by a keyed hash of its id, so that the key of a row needs no look-up
 * and no index. */
typedef struct wpm_places {
  wpm_siphash_key key; /* Random, of this file. */
  int64_t mask;        /* Hashes are cut to these bits. */
  bool displaced;      /* Some peer lies behind the place of its hash, which was taken. */
} wpm_places;

struct wpm_storage {
  sqlite3 *db;                                   /* The connection. */
  char *path;                                    /* The path as the caller gave it. */
  int schema;                                    /* Version of the open file. */
  bool read_only;                                /* No batch can be begun. */
  bool in_batch;                                 /* Between begin and commit or rollback. */
  bool failed;                                   /* The batch must be rolled back. */
  bool lacked_room;                              /* It failed since the disk is full. */
  sqlite3_stmt *statements[WPM_STATEMENT_COUNT]; /* NULL where read only. */
  int64_t data_version;                          /* What SQLite said of other writers. */
  wpm_places places;                             /* As the file says. */
  wpm_words words;                               /* As the file says, and what the batch adds. */
  wpm_room row;                                  /* The row being written. */
  wpm_codec_lists lists;                         /* Lists of the record being read. */
};

/* Prepares the first `count` of the statements that batches need. Returns SQLite's result code. */
WPM_MUST_USE int wpm_storage_prepare(wpm_storage *storage, int count);

void wpm_storage_finalize(wpm_storage *storage);

/* Reads what of the file is kept in memory. Returns SQLite's result code; SQLITE_CORRUPT where it
 * makes no sense. */
WPM_MUST_USE int wpm_storage_read_memory(wpm_storage *storage);

/* Reads it anew where another connection has written the file since. */
WPM_MUST_USE int wpm_storage_refresh(wpm_storage *storage);

/* Steps a statement that returns no rows to its end and resets it. Returns SQLite's result code. */
WPM_MUST_USE int wpm_storage_run(sqlite3_stmt *statement);

/* The bytes of a column; they last until the next step. */
static inline wpm_bytes wpm_storage_column(sqlite3_stmt *statement, int column) {
  wpm_bytes bytes = {.data = sqlite3_column_blob(statement, column)};
  bytes.len = bytes.data ? (size_t)sqlite3_column_bytes(statement, column) : 0;
  return bytes;
}

/* Between these two all that is read is as of the same moment. WPM_ERR_STATE (a batch is open), or as
 * any reading. */
WPM_MUST_USE int wpm_storage_begin_reading(wpm_storage *storage, wpm_error *error);
void wpm_storage_end_reading(wpm_storage *storage);

/* Inside of a transaction: stores a whole record that passed the check; or leaves under its id a row
 * that nobody can decode. Return SQLite's result code. */
WPM_MUST_USE int wpm_storage_put_record(wpm_storage *storage, const wpm_peer_record *record,
                                        bool with_contact);
WPM_MUST_USE int wpm_storage_put_undecoded(wpm_storage *storage, wpm_bytes id, wpm_bytes row);

/* Connects to the database at the absolute path `real` of `storage`, to read what is there, however
 * damaged; its log stays as it is. Errors as wpm_storage_open. */
WPM_MUST_USE int wpm_storage_connect_damaged(wpm_storage *storage, const char *real,
                                             wpm_error *error);

/* Takes the last steps of a rescue that was interrupted before them: see rescue.c. `real` is where the
 * database belongs. WPM_OK also where there is nothing to do. */
WPM_MUST_USE int wpm_rescue_finish(const char *real, wpm_error *error);

#endif
