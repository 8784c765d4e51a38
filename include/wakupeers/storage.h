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

/* Opens, or creates (mode 0600), the database file at `path` and brings its schema up to date.
 * WPM_ERR_IO, WPM_ERR_LOCKED, WPM_ERR_READ_ONLY, WPM_ERR_CORRUPT, WPM_ERR_DISK_FULL,
 * WPM_ERR_NEWER_SCHEMA, WPM_ERR_NO_MEMORY; *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_storage_open(const char *path, wpm_storage **out, wpm_error *error);
WPM_API void wpm_storage_close(wpm_storage *storage); /* NULL is allowed. */

/* Called for each stored record; the views in it last for the call. A result other than WPM_OK ends
 * the loading and is handed on. */
typedef int (*wpm_storage_record_fn)(void *user, const wpm_peer_record *record);

/* Reads every stored record. A row that cannot be decoded is skipped and counted in *skipped (may
 * be NULL), never a reason to lose the others. Errors as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_load(wpm_storage *storage, wpm_storage_record_fn fn, void *user,
                                          size_t *skipped, wpm_error *error);

/* The last stored heartbeat. WPM_ERR_NOT_FOUND; else as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_heartbeat(wpm_storage *storage, wpm_instant *out,
                                               wpm_error *error);

/* A batch: begin, any number of put / remove / put_heartbeat, then commit (or rollback). An error of
 * any of them means that the batch must be rolled back. Errors as wpm_storage_open;
 * WPM_ERR_STATE without begin. */
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
