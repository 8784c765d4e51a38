#include "node/writer.h"

#include "base/error.h"
#include "base/prefetch.h"
#include "node/writer_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* How often a commit is tried once the writer is to stop. */
#define STOP_ATTEMPTS 3

/* A disk that damages one database after the other is not given more of them. */
#define MOST_RESCUES 3

struct wpm_writer {
  wpm_writer_config config;   /* As given; its path is `path`. */
  char *path;                 /* Path of the database. */
  wpm_storage *storage;       /* NULL while it is not open. The worker's, once started. */
  wpm_storage_mode reopen_as; /* How to open it again. */
  bool was_loaded;            /* Memory holds all that is stored. */
  uv_thread_t thread;         /* The worker. */
  bool has_thread;            /* It was started. */
  wpm_queue batch;            /* What the worker is storing; only it touches the changes. */

  uv_mutex_t mutex;  /* Guards what follows. */
  uv_cond_t changed; /* `waiting` got its first or an urgent change, or `stopping` was set. */
  wpm_queue waiting; /* What the next commit takes. */
  wpm_writer_status status; /* All but `queued` and `lag_ns`. */
  size_t batch_count;       /* Changes in `batch`. */
  uint64_t batch_since;     /* When the first of them came; 0: it is empty. */
  uint64_t commit_ns;       /* How long the longest of the latest commits took. */
  bool stopping;            /* Store what is there and end. */
};

void wpm_writer_config_default(wpm_writer_config *config) {
  *config = (wpm_writer_config){.commit_interval_ns = 500 * WPM_MILLISECOND,
                                .loss_bound_ns = WPM_SECOND,
                                .retry_min_ns = 100 * WPM_MILLISECOND,
                                .retry_max_ns = 5 * WPM_SECOND};
}

static wpm_siphash_key hash_key_of(const wpm_writer *writer) {
  wpm_siphash_key key;
  _Static_assert(sizeof(key) == sizeof(writer->config.hash_key), "the key is 16 bytes");
  memcpy(&key, writer->config.hash_key, sizeof(key));
  return key;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Nothing will be written until the next start, so nothing is kept for it. */
static void give_up(wpm_writer *writer) {
  wpm_storage_close(writer->storage);
  writer->storage = NULL;
  wpm_queue_fini(&writer->waiting);
  wpm_queue_init(&writer->waiting, hash_key_of(writer));
  writer->status.memory_only = true;
}

/* Opens the database for reading where it cannot be written now, but may be later. */
static void open_unwritable(wpm_writer *writer, int err) {
  if (err == WPM_ERR_READ_ONLY || err == WPM_ERR_DISK_FULL) {
    wpm_error error;
    writer->reopen_as = WPM_STORAGE_EXISTING;
    err = wpm_storage_open(writer->path, WPM_STORAGE_READ_ONLY, &writer->storage, &error);
    if (err == WPM_OK) {
      return;
    }
    if (err == WPM_ERR_NOT_FOUND) {
      writer->reopen_as = WPM_STORAGE_CREATE; /* Nothing is stored: nothing can be lost. */
      return;
    }
    writer->status.error = error;
  }
  give_up(writer);
}

/* Sets a damaged database aside and opens the one that takes its place, while the writer starts; what it
 * says of failures, the damage included, is in the status. */
static int rescue_at_start(wpm_writer *writer, const wpm_error *damage) {
  wpm_error error;
  wpm_storage_rescued rescued;
  wpm_storage_close(writer->storage);
  writer->storage = NULL;
  int err = wpm_storage_rescue(writer->path, &rescued, &error);
  if (err == WPM_OK) {
    err = wpm_storage_open(writer->path, WPM_STORAGE_EXISTING, &writer->storage, &error);
  }
  if (err != WPM_OK) {
    writer->status.error = err == WPM_ERR_NOT_FOUND ? *damage : error;
    return err;
  }
  writer->status.rescues++;
  writer->status.rescued = rescued;
  writer->status.error = (wpm_error){.code = WPM_OK};
  return WPM_OK;
}

static int init_threading(wpm_writer *writer) {
  if (uv_mutex_init(&writer->mutex) != 0) {
    return WPM_ERR_NO_MEMORY;
  }
  if (uv_cond_init(&writer->changed) != 0) {
    uv_mutex_destroy(&writer->mutex);
    return WPM_ERR_NO_MEMORY;
  }
  return WPM_OK;
}

int wpm_writer_open(const wpm_writer_config *config, wpm_writer **out) {
  *out = NULL;
  if (!config->path || config->path[0] == '\0' || config->commit_interval_ns < 0 ||
      config->loss_bound_ns < 0 || config->retry_min_ns < 0 || config->retry_max_ns < 0) {
    return WPM_ERR_INVALID;
  }
  wpm_writer *writer = calloc(1, sizeof(*writer));
  char *path = strdup(config->path);
  if (!writer || !path || init_threading(writer) != WPM_OK) {
    free(path);
    free(writer);
    return WPM_ERR_NO_MEMORY;
  }
  writer->config = *config;
  writer->path = path;
  writer->config.path = path;
  wpm_queue_init(&writer->waiting, hash_key_of(writer));
  wpm_queue_init(&writer->batch, hash_key_of(writer));
  writer->reopen_as = WPM_STORAGE_EXISTING;
  wpm_error error = {.code = WPM_OK};
  int err = wpm_storage_open(path, WPM_STORAGE_CREATE, &writer->storage, &error);
  writer->status.error = error;
  if (err == WPM_ERR_CORRUPT) {
    err = rescue_at_start(writer, &error);
  }
  if (err != WPM_OK) {
    open_unwritable(writer, err);
  }
  *out = writer;
  return WPM_OK;
}

bool wpm_writer_last_heartbeat(wpm_writer *writer, wpm_instant *out) {
  wpm_error error;
  if (!writer->storage) {
    return false;
  }
  int err = wpm_storage_heartbeat(writer->storage, out, &error);
  if (err != WPM_OK && err != WPM_ERR_NOT_FOUND) {
    writer->status.error = error;
    give_up(writer);
  }
  return err == WPM_OK;
}

static int load_all(wpm_writer *writer, const wpm_writer_sink *sink, size_t *skipped,
                    wpm_error *error) {
  size_t records = 0;
  size_t tombstones = 0;
  size_t ranges = 0;
  int err = WPM_OK;
  if (sink->range_ban) {
    err = wpm_storage_load_range_bans(writer->storage, sink->range_ban, sink->user, &ranges, error);
  }
  if (!err && sink->record) {
    err = wpm_storage_load(writer->storage, sink->record, sink->user, &records, error);
  }
  if (!err && sink->tombstone) {
    err = wpm_storage_load_tombstones(writer->storage, sink->tombstone, sink->user, &tombstones,
                                      error);
  }
  *skipped = records + tombstones + ranges;
  return err;
}

void wpm_writer_load(wpm_writer *writer, const wpm_writer_sink *sink, size_t *skipped) {
  size_t rows = 0;
  bool can_write = writer->status.error.code == WPM_OK;
  if (writer->storage) {
    wpm_error error;
    int err = load_all(writer, sink, &rows, &error);
    if (err == WPM_ERR_CORRUPT && can_write && rescue_at_start(writer, &error) == WPM_OK) {
      err = load_all(writer, sink, &rows, &error);
    }
    if (err != WPM_OK) {
      if (writer->status.error.code == WPM_OK) {
        writer->status.error = error;
      }
      give_up(writer);
    }
  }
  if (skipped) {
    *skipped = rows;
  }
  writer->was_loaded = !writer->status.memory_only;
  if (writer->was_loaded && !can_write) {
    /* It was opened to be read; from now on it is tried to be written. */
    wpm_storage_close(writer->storage);
    writer->storage = NULL;
  }
}

/* ---- the worker ------------------------------------------------------------------------------ */

static int reopen(wpm_writer *writer, wpm_error *error) {
  int err = wpm_storage_open(writer->path, writer->reopen_as, &writer->storage, error);
  if (err == WPM_OK) {
    writer->reopen_as = WPM_STORAGE_EXISTING;
  }
  return err;
}

/* What can never be stored must not hold up the rest. */
static int unless_refused(int err, uint64_t *refused) {
  if (err == WPM_ERR_INVALID || err == WPM_ERR_TOO_LARGE || err == WPM_ERR_NOT_FOUND) {
    ++*refused;
    return WPM_OK;
  }
  return err;
}

static int write_record(wpm_storage *storage, const wpm_peer_change *change, wpm_error *error) {
  switch (change->kind) {
  case WPM_RECORD_STAYS:
    break;
  case WPM_RECORD_CONTACT: {
    wpm_peer_record record = {.id = {change->id, change->id_len}};
    wpm_contact_apply(&change->contact, &record);
    return wpm_storage_put(storage, &record, WPM_FIELD_CONTACT, error);
  }
  case WPM_RECORD_PUT:
    return wpm_storage_put(storage, change->record, change->fields, error);
  case WPM_RECORD_REMOVED:
    return wpm_storage_remove(storage, (wpm_bytes){change->id, change->id_len}, error);
  }
  return WPM_OK;
}

static int write_tombstone(wpm_storage *storage, const wpm_peer_change *change, wpm_error *error) {
  const wpm_tombstone tombstone = {.id = {change->id, change->id_len},
                                   .prune_backoff = change->prune_backoff,
                                   .ban = change->ban};
  switch (change->tombstone) {
  case WPM_TOMBSTONE_STAYS:
    break;
  case WPM_TOMBSTONE_PUT:
    return wpm_storage_put_tombstone(storage, &tombstone, error);
  case WPM_TOMBSTONE_REMOVED:
    return wpm_storage_remove_tombstone(storage, tombstone.id, error);
  }
  return WPM_OK;
}

/* A change and where its rows lie. */
typedef struct placed {
  uint64_t place;
  const wpm_peer_change *change;
} placed;

static int by_place(const void *a, const void *b) {
  const placed *one = a;
  const placed *other = b;
  return (one->place > other->place) - (one->place < other->place);
}

/* The changes in the order of their places (malloc); NULL where memory lacks. */
static placed *sorted(const wpm_storage *storage, const wpm_queue *batch) {
  placed *list = batch->count <= SIZE_MAX / sizeof(*list) - 1
                     ? malloc((batch->count + 1) * sizeof(*list))
                     : NULL;
  for (size_t i = 0; list && i < batch->count; i++) {
    const wpm_peer_change *change = wpm_queue_at(batch, i);
    const wpm_bytes id = {change->id, change->id_len};
    list[i] = (placed){wpm_storage_place(storage, id), change};
  }
  if (list) {
    qsort(list, batch->count, sizeof(*list), by_place);
  }
  return list;
}

#define FETCHED_AHEAD 12 /* In the order of places the changes lie anywhere in memory. */

static int write_peers(wpm_storage *storage, const wpm_queue *batch, uint64_t *refused,
                       wpm_error *error) {
  placed *list = sorted(storage, batch); /* Without memory for it, the order they came in does. */
  int err = WPM_OK;
  for (size_t i = 0; err == WPM_OK && i < batch->count; i++) {
    const wpm_peer_change *change = list ? list[i].change : wpm_queue_at(batch, i);
    if (list && i + FETCHED_AHEAD < batch->count) {
      wpm_prefetch(list[i + FETCHED_AHEAD].change, sizeof(wpm_peer_change));
    }
    err = unless_refused(write_record(storage, change, error), refused);
    if (err == WPM_OK) {
      err = unless_refused(write_tombstone(storage, change, error), refused);
    }
  }
  free(list);
  return err;
}

static int write_ranges(wpm_storage *storage, const wpm_queue *batch, uint64_t *refused,
                        wpm_error *error) {
  int err = WPM_OK;
  for (size_t i = 0; err == WPM_OK && i < batch->range_count; i++) {
    const wpm_range_ban *ban = &wpm_queue_range_at(batch, i)->ban;
    err = ban->ban.length_ns > 0 ? wpm_storage_put_range_ban(storage, ban, error)
                                 : wpm_storage_remove_range_ban(storage, &ban->range, error);
    err = unless_refused(err, refused);
  }
  return err;
}

static int write_changes(wpm_writer *writer, uint64_t *refused, wpm_error *error) {
  wpm_storage *storage = writer->storage;
  const wpm_queue *batch = &writer->batch;
  *refused = 0;
  int err = wpm_storage_begin(storage, error);
  if (err == WPM_OK) {
    err = write_peers(storage, batch, refused, error);
  }
  if (err == WPM_OK) {
    err = write_ranges(storage, batch, refused, error);
  }
  if (err == WPM_OK && batch->has_heartbeat) {
    err = wpm_storage_put_heartbeat(storage, batch->heartbeat, error);
  }
  return err == WPM_OK ? wpm_storage_commit(storage, error) : err;
}

/* What one attempt to commit came to. */
typedef struct outcome {
  wpm_error error;             /* Why it failed. */
  uint64_t refused;            /* Changes that can never be stored. */
  bool was_rescued;            /* The database was damaged, and set aside. */
  wpm_storage_rescued rescued; /* What was saved of it. */
} outcome;

/* Where there was no room, rolling back has merged the log, and there may be some now. */
static int write_or_roll_back(wpm_writer *writer, outcome *out) {
  int err = WPM_ERR_DISK_FULL;
  for (int attempts = 2; err == WPM_ERR_DISK_FULL && attempts > 0; attempts--) {
    err = write_changes(writer, &out->refused, &out->error);
    if (err != WPM_OK) {
      wpm_storage_rollback(writer->storage);
    }
  }
  return err;
}

/* Stores the batch. After an error the database is opened anew, unless somebody else's transaction
 * was merely in the way. */
static int commit_once(wpm_writer *writer, outcome *out) {
  int err = writer->storage ? WPM_OK : reopen(writer, &out->error);
  if (err != WPM_OK) {
    return err;
  }
  err = write_or_roll_back(writer, out);
  if (err != WPM_OK) {
    if (err != WPM_ERR_LOCKED) {
      wpm_storage_close(writer->storage);
      writer->storage = NULL;
    }
  }
  return err;
}

/* The same; a database that turns out to be damaged is set aside, and the batch stored in the one that
 * takes its place. */
static int commit(wpm_writer *writer, uint64_t rescues, outcome *out) {
  int err = commit_once(writer, out);
  if (err != WPM_ERR_CORRUPT || rescues >= MOST_RESCUES) {
    return err;
  }
  wpm_error error;
  assert(!writer->storage);
  if (wpm_storage_rescue(writer->path, &out->rescued, &error) != WPM_OK) {
    return WPM_ERR_CORRUPT; /* The damage is the news, not why it could not be set aside. */
  }
  out->was_rescued = true;
  return commit_once(writer, out);
}

/* Waits until `due`, a stop that is not ignored, or a change that cannot wait; with the mutex held. */
static void wait_until(wpm_writer *writer, uint64_t due, bool retrying, bool ignore_stop) {
  uint64_t now = uv_hrtime();
  while (now < due && (ignore_stop || !writer->stopping) && (retrying || !writer->waiting.urgent)) {
    (void)uv_cond_timedwait(&writer->changed, &writer->mutex, due - now);
    now = uv_hrtime();
  }
}

/* Waits for changes and for the time to store them; then makes them the batch. False: there are
 * none, and the writer is to stop. With the mutex held. */
static bool take_batch(wpm_writer *writer, uint64_t due) {
  while (writer->waiting.sequence == 0 && !writer->stopping) {
    uv_cond_wait(&writer->changed, &writer->mutex);
  }
  wait_until(writer, due, false, false);
  if (writer->waiting.sequence == 0) {
    return false;
  }
  wpm_queue_move(&writer->batch, &writer->waiting);
  writer->batch_count = writer->batch.count + writer->batch.range_count;
  writer->batch_since = writer->batch.since;
  return true;
}

/* When the commit after the one that begins now is to begin: so early that a change that comes just
 * behind it is durable in time, even if both take as long as the longest lately. */
static uint64_t next_due(const wpm_writer *writer) {
  uint64_t interval = (uint64_t)writer->config.commit_interval_ns;
  uint64_t bound = (uint64_t)writer->config.loss_bound_ns;
  uint64_t spare = bound > writer->commit_ns ? bound - writer->commit_ns : 0;
  return uv_hrtime() + (interval < spare ? interval : spare);
}

static void note_commit(wpm_writer *writer, const outcome *out, uint64_t began) {
  wpm_writer_status *status = &writer->status;
  uint64_t now = uv_hrtime();
  uint64_t faded = writer->commit_ns - writer->commit_ns / 8;
  int64_t age = (int64_t)(now - writer->batch_since);
  status->error = (wpm_error){.code = WPM_OK};
  status->durable = writer->batch.sequence;
  status->commits++;
  status->stored += writer->batch_count;
  status->refused += out->refused;
  status->worst_ns = age > status->worst_ns ? age : status->worst_ns;
  writer->commit_ns = now - began > faded ? now - began : faded;
  writer->batch_count = 0;
  writer->batch_since = 0;
}

static void note_failure(wpm_writer *writer, const outcome *out) {
  writer->status.error = out->error;
  writer->status.failures++;
}

/* Tries once to store the batch, and says how it went. With the mutex held, but not while
 * storing. */
static bool try_batch(wpm_writer *writer) {
  outcome out = {.refused = 0};
  uint64_t began = uv_hrtime();
  uint64_t rescues = writer->status.rescues;
  uv_mutex_unlock(&writer->mutex);
  int err = commit(writer, rescues, &out);
  uv_mutex_lock(&writer->mutex);
  if (out.was_rescued) {
    writer->status.rescues++;
    writer->status.rescued = out.rescued;
  }
  if (err == WPM_OK) {
    note_commit(writer, &out, began);
  } else {
    note_failure(writer, &out);
  }
  uv_mutex_unlock(&writer->mutex);
  if (writer->config.wake) {
    writer->config.wake(writer->config.user);
  }
  uv_mutex_lock(&writer->mutex);
  return err == WPM_OK;
}

/* Tries until the batch is stored. False: the writer is to stop, and it was tried often enough. */
static bool store_batch(wpm_writer *writer) {
  const uint64_t shortest = (uint64_t)writer->config.retry_min_ns;
  const uint64_t longest = (uint64_t)writer->config.retry_max_ns;
  uint64_t delay = shortest;
  int last_attempts = 0;
  for (;;) {
    bool was_stopping = writer->stopping;
    if (try_batch(writer)) {
      return true;
    }
    last_attempts += was_stopping;
    if (last_attempts == STOP_ATTEMPTS) {
      return false;
    }
    wait_until(writer, uv_hrtime() + (was_stopping ? shortest : delay), true, was_stopping);
    delay = delay < longest / 2 ? delay * 2 : longest;
  }
}

static void work(void *user) {
  wpm_writer *writer = user;
  wpm_siphash_key key = hash_key_of(writer);
  uint64_t due = 0;
  uv_mutex_lock(&writer->mutex);
  while (take_batch(writer, due)) {
    due = next_due(writer);
    if (!store_batch(writer)) {
      break;
    }
    uv_mutex_unlock(&writer->mutex);
    wpm_queue_fini(&writer->batch);
    wpm_queue_init(&writer->batch, key);
    uv_mutex_lock(&writer->mutex);
  }
  uv_mutex_unlock(&writer->mutex);
}

int wpm_writer_start(wpm_writer *writer) {
  if (writer->status.memory_only) {
    return WPM_OK;
  }
  if (!writer->was_loaded) {
    (void)wpm_fail(&writer->status.error, WPM_ERR_STATE,
                   "the database was not loaded, so it is not written");
    give_up(writer);
    return WPM_OK;
  }
  writer->has_thread = uv_thread_create(&writer->thread, work, writer) == 0;
  if (!writer->has_thread) {
    give_up(writer);
    return wpm_fail(&writer->status.error, WPM_ERR_IO,
                    "no thread can be started to write the database; allow more processes");
  }
  return WPM_OK;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* Counts a change that was queued, or that nothing is queued of. With the mutex held. */
static uint64_t next_sequence(wpm_writer *writer, bool urgent) {
  uint64_t sequence = ++writer->status.sequence;
  wpm_queue *waiting = &writer->waiting;
  if (writer->status.memory_only) {
    return sequence;
  }
  bool is_first = waiting->sequence == 0;
  bool is_news = is_first || (urgent && !waiting->urgent);
  if (is_first) {
    waiting->since = uv_hrtime();
  }
  waiting->urgent |= urgent;
  waiting->sequence = sequence;
  if (is_news) {
    uv_cond_signal(&writer->changed);
  }
  return sequence;
}

/* Counts a change that `err` says was queued or not. With the mutex held, which it gives back. */
static uint64_t count_change(wpm_writer *writer, int err, bool urgent) {
  uint64_t sequence = 0;
  if (err == WPM_OK) {
    sequence = next_sequence(writer, urgent);
  } else {
    writer->status.lost++;
  }
  uv_mutex_unlock(&writer->mutex);
  return sequence;
}

uint64_t wpm_writer_put(wpm_writer *writer, const wpm_peer_record *record, uint32_t fields,
                        bool urgent) {
  uv_mutex_lock(&writer->mutex);
  int err = writer->status.memory_only ? WPM_OK : wpm_queue_put(&writer->waiting, record, fields);
  return count_change(writer, err, urgent);
}

uint64_t wpm_writer_remove(wpm_writer *writer, wpm_bytes id, bool urgent) {
  uv_mutex_lock(&writer->mutex);
  int err = writer->status.memory_only ? WPM_OK : wpm_queue_remove(&writer->waiting, id);
  return count_change(writer, err, urgent);
}

uint64_t wpm_writer_put_tombstone(wpm_writer *writer, const wpm_tombstone *tombstone, bool urgent) {
  uv_mutex_lock(&writer->mutex);
  int err =
      writer->status.memory_only ? WPM_OK : wpm_queue_put_tombstone(&writer->waiting, tombstone);
  return count_change(writer, err, urgent);
}

uint64_t wpm_writer_remove_tombstone(wpm_writer *writer, wpm_bytes id) {
  uv_mutex_lock(&writer->mutex);
  int err = writer->status.memory_only ? WPM_OK : wpm_queue_remove_tombstone(&writer->waiting, id);
  return count_change(writer, err, false);
}

uint64_t wpm_writer_put_range_ban(wpm_writer *writer, const wpm_range_ban *ban, bool urgent) {
  uv_mutex_lock(&writer->mutex);
  int err = writer->status.memory_only ? WPM_OK : wpm_queue_put_range_ban(&writer->waiting, ban);
  return count_change(writer, err, urgent);
}

void wpm_writer_hurry(wpm_writer *writer) {
  uv_mutex_lock(&writer->mutex);
  if (writer->waiting.sequence != 0 && !writer->waiting.urgent) {
    writer->waiting.urgent = true;
    uv_cond_signal(&writer->changed);
  }
  uv_mutex_unlock(&writer->mutex);
}

uint64_t wpm_writer_heartbeat(wpm_writer *writer, wpm_instant heartbeat) {
  uv_mutex_lock(&writer->mutex);
  if (!writer->status.memory_only) {
    writer->waiting.heartbeat = heartbeat;
    writer->waiting.has_heartbeat = true;
  }
  return count_change(writer, WPM_OK, false);
}

/* ---- looking, stopping ----------------------------------------------------------------------- */

void wpm_writer_get_status(wpm_writer *writer, wpm_writer_status *out) {
  uv_mutex_lock(&writer->mutex);
  *out = writer->status;
  out->queued = writer->waiting.count + writer->waiting.range_count + writer->batch_count;
  uint64_t since = writer->batch_since ? writer->batch_since : writer->waiting.since;
  out->lag_ns = since ? (int64_t)(uv_hrtime() - since) : 0;
  uv_mutex_unlock(&writer->mutex);
}

int wpm_writer_stop(wpm_writer *writer, wpm_error *error) {
  if (!writer) {
    return WPM_OK;
  }
  if (writer->has_thread) {
    uv_mutex_lock(&writer->mutex);
    writer->stopping = true;
    uv_cond_signal(&writer->changed);
    uv_mutex_unlock(&writer->mutex);
    (void)uv_thread_join(&writer->thread);
  }
  int err = writer->status.error.code;
  if (err != WPM_OK && error) {
    *error = writer->status.error;
  }
  wpm_storage_close(writer->storage);
  wpm_queue_fini(&writer->waiting);
  wpm_queue_fini(&writer->batch);
  uv_cond_destroy(&writer->changed);
  uv_mutex_destroy(&writer->mutex);
  free(writer->path);
  free(writer);
  return err;
}
