/* Storage of peers on disk: SQLite in WAL mode, one file.
 *
 * - Synchronous and single-threaded: a handle is used by one thread at a time, and its calls block.
 *   wpm_node writes behind from a worker thread, in group commits.
 * - A committed batch is durable (synchronous=FULL): it survives SIGKILL and power loss. A batch
 *   that failed changed nothing.
 * - What changes on contact (WPM_FIELD_CONTACT) lies in a narrow row apart from the rest of a
 *   record: where nothing else changed, only that row is written.
 * - Every row carries a checksum: one that was damaged is skipped and counted, never misread.
 * - The schema has a version and an append-only list of migrations. A database written by a newer
 *   version is refused and not touched.
 * - A database that is corrupt, locked, read-only or full is reported with a sentence that names
 *   the file and the remedy; it is never deleted or overwritten. wpm_storage_rescue sets a corrupt
 *   one aside and saves what can be read.
 */
#ifndef WAKUPEERS_STORAGE_H
#define WAKUPEERS_STORAGE_H

#include <wakupeers/store.h>
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

/* Opens the database file at `path`, and, unless it is to be read only, brings its schema up to date
 * and makes sure that it can be written. Damage in the rows shows when they are read: see
 * wpm_storage_load and wpm_storage_check.
 * WPM_ERR_IO, WPM_ERR_LOCKED, WPM_ERR_READ_ONLY, WPM_ERR_CORRUPT, WPM_ERR_DISK_FULL,
 * WPM_ERR_NEWER_SCHEMA, WPM_ERR_NO_MEMORY, WPM_ERR_NOT_FOUND (see the modes), WPM_ERR_INVALID (no
 * path; a database of another program); *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_storage_open(const char *path, wpm_storage_mode mode,
                                          wpm_storage **out, wpm_error *error);
WPM_API void wpm_storage_close(wpm_storage *storage); /* NULL is allowed. */

/* Called for each stored record; the views in it last for the call. A result other than WPM_OK ends
 * the loading and is handed on. */
typedef int (*wpm_storage_record_fn)(void *user, const wpm_peer_record *record);

/* Reads every stored record, in no order that means anything. A row that cannot be decoded is skipped
 * and counted in *skipped (may be NULL), never a reason to lose the others. WPM_ERR_CORRUPT: pages
 * are damaged; what was handed on before counts. Other errors as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_load(wpm_storage *storage, wpm_storage_record_fn fn,
                                          void *user, size_t *skipped, wpm_error *error);

typedef int (*wpm_storage_tombstone_fn)(void *user, const wpm_tombstone *tombstone);
typedef int (*wpm_storage_range_ban_fn)(void *user, const wpm_range_ban *ban);
typedef int (*wpm_storage_private_key_fn)(void *user, wpm_bytes id, wpm_bytes key);

/* Reads every stored tombstone; every stored ban of a range; every stored private key, whose memory is
 * wiped after the call. As wpm_storage_load. */
WPM_API WPM_MUST_USE int wpm_storage_load_tombstones(wpm_storage *storage,
                                                     wpm_storage_tombstone_fn fn, void *user,
                                                     size_t *skipped, wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_load_range_bans(wpm_storage *storage,
                                                     wpm_storage_range_ban_fn fn, void *user,
                                                     size_t *skipped, wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_load_private_keys(wpm_storage *storage,
                                                       wpm_storage_private_key_fn fn, void *user,
                                                       wpm_error *error);

/* The last stored heartbeat. WPM_ERR_NOT_FOUND; else as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_heartbeat(wpm_storage *storage, wpm_instant *out,
                                               wpm_error *error);

/* ---- batches --------------------------------------------------------------------------------- */

/* A batch: begin, any number of the calls below, then commit (or rollback). Errors as
 * wpm_storage_open; WPM_ERR_STATE without begin. After an error the batch is to be rolled back
 * (until then all calls but rollback are WPM_ERR_STATE). Three errors leave it intact instead:
 * WPM_ERR_INVALID (the id is longer than WPM_PEER_ID_MAX; a value outside its closed set; a wait of
 * negative length; a range of more than 128 bits; an empty private key), WPM_ERR_TOO_LARGE (a record or key of more than 16 MiB)
 * and WPM_ERR_NOT_FOUND (see wpm_storage_put). Begin is WPM_ERR_IO where the file was moved,
 * replaced or deleted since it was opened, and WPM_ERR_READ_ONLY where it was opened to be read
 * only. Removing what is not stored is WPM_OK. */
WPM_API WPM_MUST_USE int wpm_storage_begin(wpm_storage *storage, wpm_error *error);

/* Stores a record. `fields` (WPM_FIELD_…) says what may differ from what is stored; WPM_FIELD_ALL
 * for a peer that may not be stored yet. Where that is nothing outside of WPM_FIELD_CONTACT, only
 * the id and those fields of the record are read, and WPM_ERR_NOT_FOUND says that the peer is not
 * stored; otherwise the record must be whole. */
WPM_API WPM_MUST_USE int wpm_storage_put(wpm_storage *storage, const wpm_peer_record *record,
                                         uint32_t fields, wpm_error *error);

/* Removes a record. A tombstone or a private key of the same id stays. */
WPM_API WPM_MUST_USE int wpm_storage_remove(wpm_storage *storage, wpm_bytes id, wpm_error *error);

WPM_API WPM_MUST_USE int
wpm_storage_put_tombstone(wpm_storage *storage, const wpm_tombstone *tombstone, wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_remove_tombstone(wpm_storage *storage, wpm_bytes id,
                                                      wpm_error *error);

/* Of a range the bits behind its first ones say nothing. */
WPM_API WPM_MUST_USE int wpm_storage_put_range_ban(wpm_storage *storage, const wpm_range_ban *ban,
                                                   wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_remove_range_ban(wpm_storage *storage,
                                                      const wpm_ip_range *range, wpm_error *error);

/* Private keys are stored as they are, in a file that its owner alone can read. What is removed is
 * overwritten with zeros in the file; the log may hold it until it is used anew. */
WPM_API WPM_MUST_USE int wpm_storage_put_private_key(wpm_storage *storage, wpm_bytes id,
                                                     wpm_bytes key, wpm_error *error);
WPM_API WPM_MUST_USE int wpm_storage_remove_private_key(wpm_storage *storage, wpm_bytes id,
                                                        wpm_error *error);

WPM_API WPM_MUST_USE int wpm_storage_put_heartbeat(wpm_storage *storage, wpm_instant heartbeat,
                                                   wpm_error *error);
/* Where less than 64 MiB are free, the log is merged at once. */
WPM_API WPM_MUST_USE int wpm_storage_commit(wpm_storage *storage, wpm_error *error);
/* After WPM_ERR_DISK_FULL the log is merged and cut off too: the same batch may fit then. */
WPM_API void wpm_storage_rollback(wpm_storage *storage);

/* Where the rows of `id` lie in the file: a large batch is stored fastest in ascending order of
 * this. */
WPM_API uint64_t wpm_storage_place(const wpm_storage *storage, wpm_bytes id);

/* ---- care ------------------------------------------------------------------------------------ */

typedef struct wpm_storage_info {
  int schema;            /* Version of its schema. */
  uint64_t peers;        /* Records stored, those that cannot be decoded included. */
  uint64_t contacts;     /* Records of which a contact is known. */
  uint64_t tombstones;   /* Tombstones stored. */
  uint64_t range_bans;   /* Bans of ranges of addresses stored. */
  uint64_t private_keys; /* Private keys stored. */
  uint64_t words;        /* Protocol ids and agents that records share. */
  uint64_t file_bytes;   /* Size of the database file. */
  uint64_t log_bytes;    /* Size of its log (-wal). */
  uint64_t free_bytes;   /* Of the file, in pages that hold nothing. */
} wpm_storage_info;

/* Counts and sizes. Errors as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_get_info(wpm_storage *storage, wpm_storage_info *out,
                                              wpm_error *error);

/* Takes one sentence about something damaged; it lasts for the call. */
typedef void (*wpm_storage_problem_fn)(void *user, const char *text);

typedef struct wpm_storage_checked {
  uint64_t rows;     /* Rows looked at. */
  uint64_t problems; /* Problems found: rows that cannot be decoded or belong to no peer, and what
                        SQLite says of pages and indexes. */
} wpm_storage_checked;

/* Looks the whole file through: SQLite's own integrity check, then every row decoded. `fn` (may be
 * NULL) is told of the first 100 problems. WPM_OK also where there are some: see out->problems. Errors
 * as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_check(wpm_storage *storage, wpm_storage_problem_fn fn,
                                           void *user, wpm_storage_checked *out, wpm_error *error);

/* Writes the database anew without the room that deleted rows left, forgets words that no record
 * uses any more, and empties the log. Needs as much free disk as the file takes. WPM_ERR_STATE in a
 * batch; WPM_ERR_LOCKED while another process writes; else as wpm_storage_open. */
WPM_API WPM_MUST_USE int wpm_storage_compact(wpm_storage *storage, wpm_error *error);

typedef struct wpm_storage_rescued {
  char aside[512];       /* Where the damaged database now is: its path + ".damaged-N". */
  uint64_t peers;        /* Records saved. */
  uint64_t tombstones;   /* Tombstones saved. */
  uint64_t range_bans;   /* Bans of ranges saved. */
  uint64_t private_keys; /* Private keys saved. */
  uint64_t unreadable;   /* Rows that were found but could not be decoded. */
  bool complete;         /* Every page and every row could be read. */
} wpm_storage_rescued;

/* Saves what can be read of the damaged database at `path` into a fresh one, which takes its place;
 * the damaged one, with its log, stays beside it under a new name. Whatever happens on the way, at
 * each moment either the damaged database or the fresh one is whole at `path` or one step from it,
 * which the next wpm_storage_open takes. Nobody else may have the database open. WPM_ERR_NOT_FOUND
 * (missing, empty, or a file that never was a database, which stays); else as wpm_storage_open. After
 * an error nothing was changed, or the next opening ends what was begun. */
WPM_API WPM_MUST_USE int wpm_storage_rescue(const char *path, wpm_storage_rescued *out,
                                            wpm_error *error);

/* Schema version that this library writes, and that of the open database. */
WPM_API int wpm_storage_schema_latest(void);
WPM_API int wpm_storage_schema(const wpm_storage *storage);

#ifdef __cplusplus
}
#endif

#endif
