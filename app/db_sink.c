#include "db_sink.h"

#include "client.h"
#include "http_server.h"
#include "json_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define BATCH 10000                   /* Peers in one commit. */
#define IMPORTER "import"             /* The lock's second line while an import holds it. */
#define BODY_MAX (HTTP_BODY_MAX - 64) /* Most bytes of the peers of one request. */
#define BODY_AIM 16384 /* Bytes of a usual one: the daemon's loop is not held up for long. */

struct db_sink {
  const app_options *options;
  db_account *account;
  datadir *dir;
  bool exact;
  bool live;       /* A daemon takes them. */
  bool named;      /* It is the one that the command line names, wherever its data are. */
  wpm_store *seen; /* Ids of the peers that were taken, each once. */
  /* Without a daemon. */
  wpm_exchange_taker *taker;
  wpm_store *store; /* What the database holds, and is to hold: it knows the caps. */
  wpm_storage *storage;
  size_t in_batch;
  uint64_t taken_in_batch; /* Of the peers taken, those that the commit to come stores. */
  size_t tombstones;       /* Of the database, at the beginning. */
  wpm_peer_id own;         /* The node that the database is of; len 0: it has none yet. */
  /* With one. */
  rest_client client;
  char *body; /* "[{…},{…}" */
  size_t body_len;
};

/* The program's own errors end a reading by this. */
static int stop(const char *why) {
  (void)complain(EXIT_FAILED, "%s", why);
  return WPM_ERR_CLOSED;
}

static void shown_id(wpm_bytes id, char out[WPM_PEER_ID_TEXT]) {
  if (wpm_peer_id_format(id, out, WPM_PEER_ID_TEXT, NULL) != WPM_OK) {
    (void)snprintf(out, WPM_PEER_ID_TEXT, "a peer");
  }
}

/* Counts a peer that was taken, once. */
static int count_taken(db_sink *sink, wpm_bytes id) {
  wpm_peer_record record;
  if (wpm_store_get(sink->seen, id, &record) == WPM_OK) {
    return WPM_OK;
  }
  int err = wpm_store_add(sink->seen, id, WPM_ORIGIN_UNKNOWN);
  sink->account->taken += err == WPM_OK;
  sink->taken_in_batch += err == WPM_OK;
  return err;
}

/* Skips a peer for that reason. */
static int leave_out(const db_sink *sink, const wpm_peer_record *record, const char *why) {
  char id[WPM_PEER_ID_TEXT];
  shown_id(record->id, id);
  db_skip(sink->account, id, why);
  return WPM_OK;
}

/* ---- into the database ----------------------------------------------------------------------- */

static int load(void *user, const wpm_peer_record *record) {
  db_sink *sink = user;
  int err = wpm_store_put(sink->store, record);
  return err == WPM_ERR_NO_MEMORY ? err : WPM_OK;
}

/* A record that comes for it takes over what it keeps. */
static int load_tombstone(void *user, const wpm_tombstone *tombstone) {
  db_sink *sink = user;
  sink->tombstones++;
  int err = wpm_store_put_tombstone(sink->store, tombstone);
  return err == WPM_ERR_NO_MEMORY ? err : WPM_OK;
}

/* `most`: peers that it takes; 0: no cap. Its time is now, in a boot of its own: which of two waits ends
 * later is told by the wall clock. */
static int open_store(wpm_store **out, size_t most) {
  wpm_instant now = {.wall = db_now()};
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_changes = 0;
  config.evict = false;
  config.max_peers = most;
  config.max_tombstones = 0;
  if (getrandom(config.hash_key, sizeof config.hash_key, 0) != (ssize_t)sizeof config.hash_key ||
      getrandom(&now.boot_id, sizeof now.boot_id, 0) != (ssize_t)sizeof now.boot_id) {
    return WPM_ERR_IO;
  }
  int err = wpm_store_new(&config, out);
  if (err == WPM_OK) {
    wpm_store_advance(*out, now);
  }
  return err;
}

/* Who the node is whose peers these are; a directory that is new has none. */
static int find_own(db_sink *sink) {
  wpm_node_key key = {0};
  bool found = false;
  int result = datadir_read_key(sink->dir, &key, &found);
  if (result == EXIT_DONE && found) {
    int err = wpm_node_key_peer_id(&key, &sink->own, NULL);
    result = err == WPM_OK ? EXIT_DONE : complain(EXIT_FAILED, "nodekey: %s", wpm_strerror(err));
  }
  wpm_node_key_wipe(&key);
  return result;
}

/* Says in the lock that no daemon holds it. One that was killed left its address behind, which nobody
 * is to ask while we hold the lock. */
static void mark_lock(const datadir *dir) {
  char text[48];
  int len = snprintf(text, sizeof text, "%ld\n%s\n", (long)getpid(), IMPORTER);
  datadir_remove_rest(dir);
  if (dir->lock >= 0 && pwrite(dir->lock, text, (size_t)len, 0) != len) {
    (void)complain(EXIT_DONE, "the lock cannot be written: %s", strerror(errno));
  }
}

/* True where what holds the lock has marked it so. */
static bool is_import_locked(const datadir *dir, char pid[32]) {
  char path[PATH_MAX];
  char text[64] = "";
  int fd = datadir_file(dir, "lock", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  ssize_t len = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
  if (fd >= 0) {
    (void)close(fd);
  }
  char *end = len > 0 ? strchr(text, '\n') : NULL;
  if (!end) {
    return false;
  }
  (void)snprintf(pid, 32, "%.*s", (int)(end - text), text);
  return strncmp(end + 1, IMPORTER, sizeof IMPORTER - 1) == 0;
}

static int begin_batch(db_sink *sink) {
  wpm_error error = {.text = ""};
  sink->in_batch = 0;
  sink->taken_in_batch = 0;
  return wpm_storage_begin(sink->storage, &error) == WPM_OK ? WPM_OK : stop(error.text);
}

static int end_batch(db_sink *sink) {
  wpm_error error = {.text = ""};
  if (wpm_storage_commit(sink->storage, &error) == WPM_OK) {
    return WPM_OK;
  }
  sink->account->taken -= sink->taken_in_batch;
  sink->taken_in_batch = 0;
  return stop(error.text);
}

static int open_database(db_sink *sink) {
  wpm_error error = {.text = ""};
  int result = datadir_create(sink->dir);
  if (result == EXIT_DONE) {
    result = datadir_lock(sink->dir);
  }
  if (result == EXIT_DONE) {
    mark_lock(sink->dir);
    result = find_own(sink);
  }
  if (result == EXIT_DONE) {
    result = db_open(sink->dir, WPM_STORAGE_CREATE, &sink->storage);
  }
  if (result != EXIT_DONE) {
    return result;
  }
  int err = wpm_exchange_taker_new(&sink->taker);
  if (err == WPM_OK) {
    err = open_store(&sink->store, (size_t)sink->options->peer_store_capacity);
  }
  if (err == WPM_OK) {
    err = wpm_storage_load(sink->storage, load, sink, NULL, &error);
  }
  if (err == WPM_OK) {
    err = wpm_storage_load_tombstones(sink->storage, load_tombstone, sink, NULL, &error);
  }
  if (err != WPM_OK) {
    return complain(EXIT_FAILED, "%s", error.text[0] ? error.text : wpm_strerror(err));
  }
  return begin_batch(sink) == WPM_OK ? EXIT_DONE : EXIT_FAILED;
}

static int refuse(const db_sink *sink, const wpm_peer_record *record, int err) {
  if (err == WPM_ERR_NO_MEMORY) {
    return stop("out of memory");
  }
  return leave_out(sink, record,
                   err == WPM_ERR_FULL
                       ? "the store is full, and no peer that is held gives way to one that "
                         "is imported; see --peer-store-capacity"
                       : wpm_strerror(err));
}

/* Why such a peer is never taken in; NULL: it may be. As the daemon has it (rest_import.c). */
static const char *never(const db_sink *sink, wpm_bytes id) {
  if (id.len == 0) {
    return "it has no id";
  }
  return sink->own.len > 0 && id.len == sink->own.len &&
                 memcmp(id.data, sink->own.bytes, id.len) == 0
             ? "it is this node itself, which is no peer of its own"
             : NULL;
}

static int store_kept(db_sink *sink, const wpm_peer_record *kept) {
  wpm_error error = {.text = ""};
  int err = wpm_storage_put(sink->storage, kept, WPM_FIELD_ALL, &error);
  if (err == WPM_ERR_INVALID || err == WPM_ERR_TOO_LARGE) {
    return refuse(sink, kept, err);
  }
  if (err == WPM_OK && sink->tombstones > 0) { /* What it kept is in the record. */
    err = wpm_storage_remove_tombstone(sink->storage, kept->id, &error);
  }
  if (err != WPM_OK) {
    return stop(error.text);
  }
  err = count_taken(sink, kept->id);
  if (err == WPM_OK && ++sink->in_batch == BATCH) {
    err = end_batch(sink);
    err = err == WPM_OK ? begin_batch(sink) : err;
  }
  return err == WPM_ERR_NO_MEMORY ? stop("out of memory") : err;
}

/* Keeps what was brought together, as far as the caps let it. `given`: as it was read. */
static int keep(db_sink *sink, const wpm_peer_record *taken, const wpm_peer_record *given,
                bool is_new) {
  wpm_peer_record kept;
  int err = wpm_store_put(sink->store, taken);
  if (err == WPM_OK) {
    err = wpm_store_get(sink->store, taken->id, &kept);
  }
  if (err != WPM_OK) {
    return refuse(sink, taken, err);
  }
  (void)wpm_exchange_tell_cuts(taken, &kept, db_now(), db_skip, sink->account);
  if (sink->exact && is_new && given->connectivity == WPM_CONNECTED) {
    /* As a run that died left it: the next start makes of it what it makes of its own. */
    kept.connectivity = WPM_CONNECTED;
    kept.reason = given->reason;
    kept.held = given->held;
  }
  return store_kept(sink, &kept);
}

static int take_into_database(db_sink *sink, const wpm_peer_record *record) {
  wpm_peer_record held;
  wpm_peer_record *taken = NULL;
  const char *why = never(sink, record->id);
  if (why) {
    return leave_out(sink, record, why);
  }
  bool is_new = wpm_store_get(sink->store, record->id, &held) != WPM_OK;
  int err = wpm_exchange_take(sink->taker, is_new ? NULL : &held, record, db_skip, sink->account,
                              NULL, &taken);
  if (err != WPM_OK) {
    return refuse(sink, record, err);
  }
  err = keep(sink, taken, record, is_new);
  wpm_exchange_record_free(taken);
  return err;
}

/* ---- to the daemon --------------------------------------------------------------------------- */

/* The daemon holds the peer in memory, and its disk does not take it. */
static void take_undurable(const db_sink *sink, const json_t *result) {
  const char *why = json_string_value(json_object_get(result, "storage"));
  sink->account->memory_only = json_is_true(json_object_get(result, "memoryOnly"));
  if (sink->account->undurable++ == 0) {
    (void)complain(EXIT_FAILED, "taken in, but not on disk: %s",
                   why ? why : "the daemon's storage does not work, see its /health");
  }
}

/* One peer of its answer. */
static int take_result(db_sink *sink, const json_t *result) {
  const char *id = json_string_value(json_object_get(result, "peerId"));
  const json_t *reasons = json_object_get(result, "skipped");
  wpm_peer_id binary;
  for (size_t i = 0; i < json_array_size(reasons); i++) {
    const char *why = json_string_value(json_array_get(reasons, i));
    db_skip(sink->account, id ? id : "a peer", why ? why : "?");
  }
  if (!json_is_true(json_object_get(result, "imported")) || !id) {
    return WPM_OK;
  }
  if (json_is_false(json_object_get(result, "durable"))) {
    take_undurable(sink, result);
  }
  if (wpm_peer_id_parse((wpm_text){id, strlen(id)}, &binary, NULL) != WPM_OK) {
    sink->account->taken++; /* An id without a text of its own. */
    return WPM_OK;
  }
  return count_taken(sink, wpm_peer_id_view(&binary));
}

static int take_answer(db_sink *sink, const char *answer) {
  json_t *list = json_loads(answer, 0, NULL);
  int err = json_is_array(list) ? WPM_OK : stop("the daemon's answer is not understood");
  for (size_t i = 0; err == WPM_OK && i < json_array_size(list); i++) {
    err = take_result(sink, json_array_get(list, i));
  }
  json_decref(list);
  return err == WPM_ERR_NO_MEMORY ? stop("out of memory") : err;
}

static int send_body(db_sink *sink) {
  char *answer = NULL;
  long status = 0;
  if (sink->body_len == 0) {
    return WPM_OK;
  }
  memcpy(sink->body + sink->body_len, "]", 2);
  sink->body_len = 0;
  if (client_call(&sink->client, "POST", "/admin/v1/peers/import", sink->body, &answer, &status) !=
      EXIT_DONE) {
    return WPM_ERR_CLOSED;
  }
  int err = status == 200 ? take_answer(sink, answer) : stop(answer);
  free(answer);
  return err;
}

static int take_to_daemon(db_sink *sink, const wpm_peer_record *record) {
  json_t *object = json_record(record);
  char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
  size_t len = text ? strlen(text) : 0;
  int err = text ? WPM_OK : stop("out of memory");
  json_decref(object);
  if (err == WPM_OK && len > BODY_MAX) {
    err = leave_out(sink, record,
                    "as JSON it is larger than 64 KiB, the most that a running daemon takes; stop "
                    "the daemon, and import it then");
    len = 0;
  }
  if (err == WPM_OK && sink->body_len + len + 1 > BODY_AIM) {
    err = send_body(sink);
  }
  if (err == WPM_OK && len > 0) {
    sink->body[sink->body_len] = sink->body_len == 0 ? '[' : ',';
    memcpy(sink->body + sink->body_len + 1, text, len);
    sink->body_len += len + 1;
  }
  free(text);
  return err;
}

/* Before anything is read. */
static int find_out_whether_it_answers(const db_sink *sink) {
  char *answer = NULL;
  long status = 0;
  int result = client_call(&sink->client, "GET", "/info", NULL, &answer, &status);
  free(answer);
  return result;
}

static int open_daemon(db_sink *sink) {
  char pid[32];
  if (!sink->named && is_import_locked(sink->dir, pid)) {
    return complain(EXIT_LOCKED, "another import (pid %s) is at work on %s; wait until it is done",
                    pid, sink->dir->path);
  }
  sink->body = malloc(HTTP_BODY_MAX);
  int result = sink->body ? client_find(&sink->client, sink->options) : complain_no_memory();
  return result == EXIT_DONE ? find_out_whether_it_answers(sink) : result;
}

bool db_names_daemon(const app_options *options) {
  return options_on_line(options, "rest-address") ||
         (options_on_line(options, "rest-port") && options->rest_port != 0);
}

/* ---- either ---------------------------------------------------------------------------------- */

int db_sink_open(const app_options *options, datadir *dir, bool exact, db_account *account,
                 db_sink **out) {
  db_sink *sink = calloc(1, sizeof *sink);
  *out = sink;
  if (!sink) {
    return complain_no_memory();
  }
  sink->options = options;
  sink->account = account;
  sink->dir = dir;
  sink->exact = exact;
  sink->named = db_names_daemon(options);
  sink->live = sink->named || datadir_is_locked(dir);
  if (open_store(&sink->seen, 0) != WPM_OK) {
    return complain_no_memory();
  }
  return sink->live ? open_daemon(sink) : open_database(sink);
}

int db_sink_take(db_sink *sink, const wpm_peer_record *record) {
  return sink->live ? take_to_daemon(sink, record) : take_into_database(sink, record);
}

int db_sink_end(db_sink *sink) {
  int err = sink->live ? send_body(sink) : end_batch(sink);
  return err == WPM_OK ? EXIT_DONE : EXIT_FAILED;
}

void db_sink_free(db_sink *sink) {
  if (!sink) {
    return;
  }
  wpm_storage_close(sink->storage);
  wpm_store_free(sink->store);
  wpm_store_free(sink->seen);
  wpm_exchange_taker_free(sink->taker);
  free(sink->body);
  if (!sink->live) {
    datadir_unlock(sink->dir);
  }
  free(sink);
}
