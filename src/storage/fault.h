/* SQLite's result codes as errors of this library: a sentence that names the file, what is wrong
 * with it, and the remedy. */
#ifndef WPM_STORAGE_FAULT_H
#define WPM_STORAGE_FAULT_H

#include <sqlite3.h>
#include <wakupeers/types.h>

/* Fills in *error (may be NULL) for the extended result code `code` of `db` (may be NULL) on the
 * file at `path`; returns the wpm_err. A long path is shown by its end. */
WPM_MUST_USE int wpm_storage_fault(wpm_error *error, const char *path, sqlite3 *db, int code);

/* The same for an `errno` of the operating system. */
WPM_MUST_USE int wpm_storage_os_fault(wpm_error *error, const char *path, int number);

/* The same for a file that is a database, but not what it should be; `how` completes "PATH is
 * damaged (…)". */
WPM_MUST_USE int wpm_storage_damage(wpm_error *error, const char *path, const char *how);

/* The part of `path` that sentences show. */
const char *wpm_storage_shown_path(const char *path);

#endif
