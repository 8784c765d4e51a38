/* The schema: which file is ours, which version it has, and how it is brought up to date.
 *
 * - Our files carry our application_id; the schema's version is their user_version.
 * - A version is reached from the one before by one migration. The list is append-only: a released
 *   migration never changes.
 * - All migrations of a file happen in one transaction: it is of the old version or of the latest.
 */
#ifndef WPM_STORAGE_SCHEMA_H
#define WPM_STORAGE_SCHEMA_H

#include "storage/handle.h"

#define WPM_STORAGE_APPLICATION_ID 0x57504d50 /* "WPMP" */

/* Version that this library writes. */
int wpm_schema_latest(void);

/* Reads the version of the file at `path`, which `db` has open: 0 for an empty one. Changes nothing.
 * WPM_ERR_INVALID (a database of another program), WPM_ERR_NEWER_SCHEMA; else as
 * wpm_storage_open. */
WPM_MUST_USE int wpm_schema_version(sqlite3 *db, const char *path, int *version, wpm_error *error);

/* Brings the open file up to date; its statements must not be prepared yet. Errors as
 * wpm_storage_open; then nothing was changed. */
WPM_MUST_USE int wpm_schema_migrate(wpm_storage *storage, wpm_error *error);

/* Moves the records of schema 1, whose tables have been renamed to peer_1 and address_1, into the
 * tables of schema 2. In the transaction of the migration. Returns SQLite's result code. */
WPM_MUST_USE int wpm_schema_move_1(wpm_storage *storage);

#endif
