/* The write-behind worker: it brings changes to disk, so that the loop never waits for one.
 *
 * - Changes are queued on the loop's thread, each in constant time, and stored by a worker thread in
 *   the order of their places in the file. The queue holds one change per peer, and one per banned
 *   range: a newer one is merged into the one that waits. So it never holds more than there are of these
 *   (twice that while a commit is failing).
 * - Group commits: a change is stored at once where the last commit is longer ago than
 *   `commit_interval_ns`; otherwise with all that gathered until then. Commits begin early enough that
 *   no change is older than `loss_bound_ns` when it is durable; where the disk is too slow for that,
 *   the status tells the lag.
 * - An urgent change is stored as soon as the commit under way, if any, is done.
 * - Every change has a sequence number, counted from 1. Once the status says that number is
 *   durable, the change and all before it survive SIGKILL and power loss.
 * - An error of the storage is reported in the status, and the changes stay queued. The worker
 *   tries again with a growing delay, opening the database anew, until it works. It never makes a
 *   new database in place of one that vanished.
 * - A damaged database is set aside under a new name, and what can be read is saved into a fresh one
 *   (wpm_storage_rescue); the status says so. Where that happens while running, the owner is to put
 *   all its records anew: some that are in memory may not have been saved.
 * - A database whose records could not all be loaded at the start is not written: what is known in
 *   memory is then less than what is stored. Changes are dropped, and the status says why. The same
 *   database is tried again at the next start.
 * - At a stop all that is queued is stored; a storage that fails then is tried a few times.
 */
#ifndef WPM_NODE_WRITER_H
#define WPM_NODE_WRITER_H

#include <wakupeers/storage.h>

typedef struct wpm_writer wpm_writer;

/* The status has changed. Called on the worker's thread. */
typedef void (*wpm_writer_wake_fn)(void *user);

typedef struct wpm_writer_config {
  const char *path;           /* Path of the database; copied. */
  uint8_t hash_key[16];       /* Key of the hash over peer ids: random. */
  int64_t commit_interval_ns; /* Least time from one commit to the next. Default 500 ms. */
  int64_t loss_bound_ns;      /* Oldest that a change may get before it is durable. Default 1 s. */
  int64_t retry_min_ns;       /* Delay after the first failure. Default 100 ms. */
  int64_t retry_max_ns;       /* Longest delay. Default 5 s. */
  wpm_writer_wake_fn wake;    /* Called after each commit and each failure; may be NULL. */
  void *user;                 /* Passed to `wake`. */
} wpm_writer_config;

void wpm_writer_config_default(wpm_writer_config *config);

/* ---- starting -------------------------------------------------------------------------------- */

/* Opens the database, or makes it. One that cannot be used is no failure of this call: see the
 * status. WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (no path; times that are negative). */
WPM_MUST_USE int wpm_writer_open(const wpm_writer_config *config, wpm_writer **out);

/* The last heartbeat of the previous run. False where there is none. To be called before
 * wpm_writer_start. */
WPM_MUST_USE bool wpm_writer_last_heartbeat(wpm_writer *writer, wpm_instant *out);

/* Takes what is stored. A function that is NULL lets its kind be. */
typedef struct wpm_writer_sink {
  wpm_storage_record_fn record;       /* Takes each record. */
  wpm_storage_tombstone_fn tombstone; /* Takes each tombstone. */
  wpm_storage_range_ban_fn range_ban; /* Takes each ban of a range, before all records. */
  void *user;                         /* Passed to them. */
} wpm_writer_sink;

/* Hands on all that is stored, also of a database that can be read but not be written now (read-only,
 * disk full). *skipped (may be NULL) gets the number of rows that could not be decoded; they stay as
 * they are. Damage met on the way is set aside, and what was saved handed on from the beginning: a
 * record may come twice. An error is in the status; the records handed on before it count. To be
 * called once, before wpm_writer_start. */
void wpm_writer_load(wpm_writer *writer, const wpm_writer_sink *sink, size_t *skipped);

/* Starts the worker; without wpm_writer_load before it, nothing is ever written. WPM_ERR_IO: there
 * is no thread to be had. */
WPM_MUST_USE int wpm_writer_start(wpm_writer *writer);

/* ---- changes --------------------------------------------------------------------------------- */

/* Each returns the change's sequence number; 0 where memory lacks: then nothing was queued, and the
 * status says so. None waits for the disk. `urgent`: it is to be stored at once, and with it all that
 * is queued; meant for bans, protecting tags, prune backoffs, and what a person waits for. */

/* `record` must be whole; `fields` (WPM_FIELD_…) says what may differ from what is stored or queued:
 * WPM_FIELD_ALL for a peer that is new. */
uint64_t wpm_writer_put(wpm_writer *writer, const wpm_peer_record *record, uint32_t fields,
                        bool urgent);
uint64_t wpm_writer_remove(wpm_writer *writer, wpm_bytes id, bool urgent);

uint64_t wpm_writer_put_tombstone(wpm_writer *writer, const wpm_tombstone *tombstone, bool urgent);
uint64_t wpm_writer_remove_tombstone(wpm_writer *writer, wpm_bytes id);

/* length_ns 0: what is stored of the range goes. */
uint64_t wpm_writer_put_range_ban(wpm_writer *writer, const wpm_range_ban *ban, bool urgent);

/* Never 0. */
uint64_t wpm_writer_heartbeat(wpm_writer *writer, wpm_instant heartbeat);

/* Makes all that is queued urgent. */
void wpm_writer_hurry(wpm_writer *writer);

/* ---- looking, stopping ----------------------------------------------------------------------- */

typedef struct wpm_writer_status {
  wpm_error error;   /* Why nothing is stored at present; code WPM_OK: all is well. */
  bool memory_only;  /* That lasts until the next start: changes are dropped. */
  uint64_t sequence; /* The last sequence number given out. */
  uint64_t durable;  /* Changes up to this number are on disk. */
  size_t queued;     /* Peers and banned ranges whose last change is not durable yet. */
  int64_t lag_ns;    /* Age of the oldest change that is not durable yet; 0: all are. */
  int64_t worst_ns;  /* The oldest that a change got before it was durable, so far. */
  uint64_t commits;  /* Group commits made. */
  uint64_t stored;   /* Peers whose changes they stored, each once a commit. */
  uint64_t failures; /* Group commits that failed. */
  uint64_t refused;  /* Records that can never be stored, and were dropped. */
  uint64_t lost;     /* Changes that were not queued for want of memory. */
  uint64_t rescues;  /* Damaged databases that were set aside. */
  wpm_storage_rescued
      rescued; /* What the last of these rescues saved, and where the damaged one is. */
} wpm_writer_status;

/* A snapshot, on any thread. */
void wpm_writer_get_status(wpm_writer *writer, wpm_writer_status *out);

/* Stores what is queued, ends the worker, and frees the writer (NULL is allowed: WPM_OK). Blocks;
 * with a storage that fails, for a few seconds at most. Returns WPM_OK, or the error that kept
 * changes from the disk; *error (may be NULL) says it in words. `wake` is not called any more once
 * this returns. */
int wpm_writer_stop(wpm_writer *writer, wpm_error *error);

#endif
