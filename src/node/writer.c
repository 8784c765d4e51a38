#include "node/writer.h"

#include "base/error.h"
#include "base/map.h"
#include "base/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* How often a commit is tried once the writer is to stop. */
#define STOP_ATTEMPTS 3

/* What is to become of one peer's row. */
typedef struct change {
  wpm_peer_record *record; /* The record; of a removed peer the id alone counts. */
  bool removed;            /* The row is to go. */
} change;

/* Changes that go into one commit. */
typedef struct queue {
  wpm_map by_peer;       /* Peer id → index into changes. */
  change *changes;       /* One per peer. */
  size_t count;          /* Changes held. */
  size_t capacity;       /* Changes allocated. */
  wpm_instant heartbeat; /* The last one. */
  bool has_heartbeat;    /* There is one. */
  uint64_t sequence;     /* Of the last change held; 0: it is empty. */
} queue;

struct wpm_writer {
  wpm_writer_config config;   /* As given; its path is `path`. */
  char *path;                 /* Path of the database. */
  wpm_storage *storage;       /* NULL while it is not open. The worker's, once started. */
  wpm_storage_mode reopen_as; /* How to open it again. */
  bool was_loaded;            /* Memory holds all that is stored. */
  uv_thread_t thread;         /* The worker. */
  bool has_thread;            /* It was started. */
  queue batch;                /* What the worker is storing; only it touches the changes. */

  uv_mutex_t mutex;         /* Guards what follows. */
  uv_cond_t changed;        /* `waiting` got its first change, or `stopping` was set. */
  queue waiting;            /* What the next commit takes. */
  wpm_writer_status status; /* All but `queued`. */
  size_t batch_count;       /* Changes in `batch`. */
  bool stopping;            /* Store what is there and end. */
};

void wpm_writer_config_default(wpm_writer_config *config) {
  *config = (wpm_writer_config){.commit_interval_ns = 500 * WPM_MILLISECOND,
                                .retry_min_ns = 100 * WPM_MILLISECOND,
                                .retry_max_ns = 5 * WPM_SECOND};
}

/* ---- the queue ------------------------------------------------------------------------------- */

static wpm_bytes peer_of(const void *user, uint32_t slot) {
  const queue *q = user;
  return q->changes[slot].record->id;
}

static wpm_siphash_key hash_key_of(const wpm_writer *writer) {
  wpm_siphash_key key;
  _Static_assert(sizeof(key) == sizeof(writer->config.hash_key), "the key is 16 bytes");
  memcpy(&key, writer->config.hash_key, sizeof(key));
  return key;
}

static void queue_init(queue *q, wpm_siphash_key key) {
  *q = (queue){.count = 0};
  wpm_map_init(&q->by_peer, key, peer_of, q);
}

static void queue_fini(queue *q) {
  for (size_t i = 0; i < q->count; i++) {
    free(q->changes[i].record);
  }
  free(q->changes);
  wpm_map_fini(&q->by_peer);
}

/* Moves all of `from`, which is left empty, to `to`, which is empty. */
static void queue_move(queue *to, queue *from) {
  wpm_siphash_key key = from->by_peer.key;
  assert(to->count == 0 && !to->changes);
  *to = *from;
  to->by_peer.user = to;
  queue_init(from, key);
}

static bool queue_reserve(queue *q) {
  if (q->count < q->capacity) {
    return true;
  }
  size_t capacity = q->capacity ? q->capacity * 2 : 16;
  if (capacity >= WPM_MAP_NONE) {
    return false;
  }
  change *changes = realloc(q->changes, capacity * sizeof(*changes));
  if (!changes) {
    return false;
  }
  q->changes = changes;
  q->capacity = capacity;
  return true;
}

/* Takes `record` (malloc) as the last word on its peer; *replaced gets the record that it stands in
 * for, which is then the caller's. False: out of memory, and nothing was changed. */
static bool queue_put(queue *q, wpm_peer_record *record, bool removed, wpm_peer_record **replaced) {
  uint32_t slot = wpm_map_find(&q->by_peer, record->id);
  if (slot != WPM_MAP_NONE) {
    *replaced = q->changes[slot].record;
    q->changes[slot] = (change){record, removed};
    return true;
  }
  if (!queue_reserve(q)) {
    return false;
  }
  slot = (uint32_t)q->count;
  q->changes[slot] = (change){record, removed};
  if (wpm_map_add(&q->by_peer, record->id, slot) != WPM_OK) {
    return false;
  }
  q->count++;
  return true;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Nothing will be written until the next start, so nothing is kept for it. */
static void give_up(wpm_writer *writer) {
  wpm_storage_close(writer->storage);
  writer->storage = NULL;
  queue_fini(&writer->waiting);
  queue_init(&writer->waiting, hash_key_of(writer));
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
      config->retry_min_ns < 0 || config->retry_max_ns < 0) {
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
  queue_init(&writer->waiting, hash_key_of(writer));
  queue_init(&writer->batch, hash_key_of(writer));
  writer->reopen_as = WPM_STORAGE_EXISTING;
  int err = wpm_storage_open(path, WPM_STORAGE_CREATE, &writer->storage, &writer->status.error);
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

void wpm_writer_load(wpm_writer *writer, wpm_storage_record_fn fn, void *user, size_t *skipped) {
  if (skipped) {
    *skipped = 0;
  }
  if (writer->storage) {
    wpm_error error;
    if (wpm_storage_load(writer->storage, fn, user, skipped, &error) != WPM_OK) {
      writer->status.error = error;
      give_up(writer);
      return;
    }
  }
  writer->was_loaded = true;
  if (writer->status.error.code != WPM_OK) {
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

/* A record that can never be stored must not hold up the others. */
static bool is_refusal(int err) {
  return err == WPM_ERR_INVALID || err == WPM_ERR_TOO_LARGE;
}

static int write_changes(wpm_writer *writer, uint64_t *refused, wpm_error *error) {
  wpm_storage *storage = writer->storage;
  const queue *batch = &writer->batch;
  *refused = 0;
  int err = wpm_storage_begin(storage, error);
  for (size_t i = 0; err == WPM_OK && i < batch->count; i++) {
    const change *one = &batch->changes[i];
    err = one->removed ? wpm_storage_remove(storage, one->record->id, error)
                       : wpm_storage_put(storage, one->record, error);
    if (is_refusal(err)) {
      err = WPM_OK;
      ++*refused;
    }
  }
  if (err == WPM_OK && batch->has_heartbeat) {
    err = wpm_storage_put_heartbeat(storage, batch->heartbeat, error);
  }
  return err == WPM_OK ? wpm_storage_commit(storage, error) : err;
}

/* Stores the batch. After an error the database is opened anew, unless somebody else's transaction
 * was merely in the way. */
static int commit(wpm_writer *writer, uint64_t *refused, wpm_error *error) {
  int err = writer->storage ? WPM_OK : reopen(writer, error);
  if (err != WPM_OK) {
    return err;
  }
  err = write_changes(writer, refused, error);
  if (err != WPM_OK) {
    wpm_storage_rollback(writer->storage);
    if (err != WPM_ERR_LOCKED) {
      wpm_storage_close(writer->storage);
      writer->storage = NULL;
    }
  }
  return err;
}

/* Waits until `due`, or a stop that is not ignored; with the mutex held. */
static void wait_until(wpm_writer *writer, uint64_t due, bool ignore_stop) {
  uint64_t now = uv_hrtime();
  while (now < due && (ignore_stop || !writer->stopping)) {
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
  wait_until(writer, due, false);
  if (writer->waiting.sequence == 0) {
    return false;
  }
  queue_move(&writer->batch, &writer->waiting);
  writer->batch_count = writer->batch.count;
  return true;
}

static void note_commit(wpm_writer *writer, uint64_t refused) {
  wpm_writer_status *status = &writer->status;
  status->error = (wpm_error){.code = WPM_OK};
  status->durable = writer->batch.sequence;
  status->commits++;
  status->refused += refused;
  writer->batch_count = 0;
}

static void note_failure(wpm_writer *writer, const wpm_error *error) {
  writer->status.error = *error;
  writer->status.failures++;
}

/* Tries once to store the batch, and says how it went. With the mutex held, but not while
 * storing. */
static bool try_batch(wpm_writer *writer) {
  wpm_error error = {.code = WPM_OK};
  uint64_t refused = 0;
  uv_mutex_unlock(&writer->mutex);
  int err = commit(writer, &refused, &error);
  uv_mutex_lock(&writer->mutex);
  if (err == WPM_OK) {
    note_commit(writer, refused);
  } else {
    note_failure(writer, &error);
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
    wait_until(writer, uv_hrtime() + (was_stopping ? shortest : delay), was_stopping);
    delay = delay < longest / 2 ? delay * 2 : longest;
  }
}

static void work(void *user) {
  wpm_writer *writer = user;
  wpm_siphash_key key = hash_key_of(writer);
  uint64_t due = 0;
  uv_mutex_lock(&writer->mutex);
  while (take_batch(writer, due)) {
    due = uv_hrtime() + (uint64_t)writer->config.commit_interval_ns;
    if (!store_batch(writer)) {
      break;
    }
    uv_mutex_unlock(&writer->mutex);
    queue_fini(&writer->batch);
    queue_init(&writer->batch, key);
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

static uint64_t next_sequence(wpm_writer *writer) {
  writer->waiting.sequence = ++writer->status.sequence;
  uv_cond_signal(&writer->changed);
  return writer->waiting.sequence;
}

/* Queues `record` (malloc; NULL: there was no memory for it), which is taken over. */
static uint64_t queue_change(wpm_writer *writer, wpm_peer_record *record, bool removed) {
  wpm_peer_record *left = NULL;
  uint64_t sequence = 0;
  uv_mutex_lock(&writer->mutex);
  if (writer->status.memory_only) {
    sequence = ++writer->status.sequence;
    left = record;
  } else if (record && queue_put(&writer->waiting, record, removed, &left)) {
    sequence = next_sequence(writer);
  } else {
    writer->status.lost++;
    left = record;
  }
  uv_mutex_unlock(&writer->mutex);
  free(left);
  return sequence;
}

uint64_t wpm_writer_put(wpm_writer *writer, const wpm_peer_record *record) {
  return queue_change(writer, wpm_record_clone(record), false);
}

uint64_t wpm_writer_remove(wpm_writer *writer, wpm_bytes id) {
  const wpm_peer_record record = {.id = id};
  return queue_change(writer, wpm_record_clone(&record), true);
}

uint64_t wpm_writer_heartbeat(wpm_writer *writer, wpm_instant heartbeat) {
  uv_mutex_lock(&writer->mutex);
  uint64_t sequence = 0;
  if (writer->status.memory_only) {
    sequence = ++writer->status.sequence;
  } else {
    writer->waiting.heartbeat = heartbeat;
    writer->waiting.has_heartbeat = true;
    sequence = next_sequence(writer);
  }
  uv_mutex_unlock(&writer->mutex);
  return sequence;
}

/* ---- looking, stopping ----------------------------------------------------------------------- */

void wpm_writer_get_status(wpm_writer *writer, wpm_writer_status *out) {
  uv_mutex_lock(&writer->mutex);
  *out = writer->status;
  out->queued = writer->waiting.count + writer->batch_count;
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
  queue_fini(&writer->waiting);
  queue_fini(&writer->batch);
  uv_cond_destroy(&writer->changed);
  uv_mutex_destroy(&writer->mutex);
  free(writer->path);
  free(writer);
  return err;
}
