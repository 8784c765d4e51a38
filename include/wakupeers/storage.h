/* Storage of peers on disk: SQLite in WAL mode, one file.
 *
 * - Synchronous and single-threaded: a handle is used by one thread at a time, and its calls block.
 *   wpm_node writes behind from a worker thread, in group commits.
 * - A committed batch is durable (synchronous=FULL): it survives SIGKILL and power loss. A batch
 *   that failed changed nothing.
 * - The schema has a version and an append-only list of migrations. A database written by a newer
 *   version is refused and not touched.
 * - A database that is corrupt, locked, read-only or full is reported with a sentence that names
 *   the file and the remedy; it is never deleted or overwritten.
 */
#ifndef WAKUPEERS_STORAGE_H
#define WAKUPEERS_STORAGE_H

#include <wakupeers/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wpm_storage wpm_storage;

typedef enum wpm_storage_mode {
  WPM_STORAGE_CREATE = 0, /* Read and write; a file that is missing is created (mode 0600). */
  WPM_STORAGE_EXISTING, /* Read and write; WPM_ERR_NOT_FOUND where the file is missing or empty. */
  WPM_STORAGE_READ_ONLY /* Read what is there, also where nothing can be written: a read-only or
                             full disk. WPM_ERR_NOT_FOUND as above. */
} wpm_storage_mode;

/* Opens the database file at `path`, looks it through for damage (every page, though not every
 * value: SQLite's pages carry no checksum), and, unless it is to be read only, brings its schema up
 * to date and makes sure that it can be written.
 * WPM_ERR_IO, WPM_ERR_LOCKED, WPM_ERR_READ_ONLY, WPM_ERR_CORRUPT, WPM_ERR_DISK_FULL,
 * WPM_ERR_NEWER_SCHEMA, WPM_ERR_NO_MEMORY, WPM_ERR_NOT_FOUND (see the modes), WPM_ERR_INVALID (no
 * path; a database of another program); *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_storage_open(const char *path, wpm_storage_mode mode,
                                          wpm_storage **out, wpm_error *error);
WPM_API void wpm_storage_close(wpm_storage *storage); /* NULL is allowed. */

/* Called for each stored record; the views in it last for the call. A result other than WPM_OK ends
 * the loading and is handed on. */
typedef int (*wpm_storage_record_fn)(void *user, const wpm_peer_record *record);

/* Reads every stored record. A row that cannot be decoded is skipped and counted in *skipped (may
 * be NULL), never a reason to lose the others. Errors as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_load(wpm_storage *storage, wpm_storage_record_fn fn,
                                          void *user, size_t *skipped, wpm_error *error);

/* The last stored heartbeat. WPM_ERR_NOT_FOUND; else as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_heartbeat(wpm_storage *storage, wpm_instant *out,
                                               wpm_error *error);

/* A batch: begin, any number of put / remove / put_heartbeat, then commit (or rollback). Errors as
 * wpm_storage_open; WPM_ERR_STATE without begin. After an error the batch is to be rolled back
 * (until then all calls but rollback are WPM_ERR_STATE). Two errors of put and remove leave it
 * intact instead: WPM_ERR_INVALID (the id is empty or longer than WPM_PEER_ID_MAX; a value outside
 * its closed set; a wait of negative length) and WPM_ERR_TOO_LARGE (a record of more than 16 MiB).
 * Begin is WPM_ERR_IO where the file was moved, replaced or deleted since it was opened, and
 * WPM_ERR_READ_ONLY where it was opened to be read only. Removing a peer that is not stored is
 * WPM_OK. */
WPM_API WPM_MUST_USE int wpm_storage_begin(wpm_storage *storage, wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_put(wpm_storage *storage, const wpm_peer_record *record,
                                         wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_remove(wpm_storage *storage, wpm_bytes id, wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_put_heartbeat(wpm_storage *storage, wpm_instant heartbeat,
                                                   wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_commit(wpm_storage *storage, wpm_error *error);
WPM_API void wpm_storage_rollback(wpm_storage *storage);

/* Schema version that this library writes, and that of the open database. */
WPM_API int wpm_storage_schema_latest(void);
WPM_API int wpm_storage_schema(const wpm_storage *storage);

#ifdef __cplusplus
}
#endif

#endif
