/* Other clients' SQLite databases: opened to be read and not changed, or made anew.
 *
 * - What lies in a file that is read was written by others: its schema's own functions and triggers
 *   are not trusted, and a value beyond WPM_VALUE_MAX bytes is not even loaded.
 * - A database that is made must not exist, belongs to its user alone (0600), and is one
 *   transaction: whole at the end, or removed.
 */
#ifndef WPM_EXCHANGE_DATABASE_H
#define WPM_EXCHANGE_DATABASE_H

#include <sqlite3.h>
#include <wakupeers/types.h>

#define WPM_VALUE_MAX 1048576 /* Longest value read, in bytes. */
#define WPM_VALUE_MAX_TEXT "1048576"

typedef struct wpm_database {
  sqlite3 *db;
  const char *path; /* The caller's, for the life of this. */
  bool is_new;      /* Made here, and not finished: to be removed. */
} wpm_database;

/* Opens the file at `path` to be read. WPM_ERR_NOT_FOUND, WPM_ERR_IO, WPM_ERR_CORRUPT,
 * WPM_ERR_LOCKED, WPM_ERR_NO_MEMORY; all of these set *error (may be NULL). */
WPM_MUST_USE int wpm_database_read(wpm_database *database, const char *path, wpm_error *error);

/* True in *out where there is a table of that name. Errors as wpm_database_read. */
WPM_MUST_USE int wpm_database_has_table(wpm_database *database, const char *name, bool *out,
                                        wpm_error *error);

/* Makes a file and begins its transaction with the statements `schema`. WPM_ERR_EXISTS, WPM_ERR_IO,
 * WPM_ERR_DISK_FULL, WPM_ERR_READ_ONLY, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_database_make(wpm_database *database, const char *path, const char *schema,
                                   wpm_error *error);

/* Prepares a statement. Errors as above; WPM_ERR_INVALID: it does not fit the schema. */
WPM_MUST_USE int wpm_database_prepare(wpm_database *database, const char *sql, sqlite3_stmt **out,
                                      wpm_error *error);

/* Steps a query; *is_row says whether it stands on a row. */
WPM_MUST_USE int wpm_database_step(wpm_database *database, sqlite3_stmt *statement, bool *is_row,
                                   wpm_error *error);

/* Runs a statement of two values, KEY and VALUE, to its end. */
WPM_MUST_USE int wpm_database_insert(wpm_database *database, sqlite3_stmt *statement, wpm_bytes key,
                                     bool key_is_text, wpm_bytes value, wpm_error *error);

/* Commits what was made: it is whole and on disk. */
WPM_MUST_USE int wpm_database_finish(wpm_database *database, wpm_error *error);

/* Closes it; one that was made and not finished is removed. */
void wpm_database_close(wpm_database *database);

/* A column as bytes, whatever its type. */
wpm_bytes wpm_database_column(sqlite3_stmt *statement, int column);

#endif
