/* Opening and closing a database. */
#include <wakupeers/storage.h>

#include "base/error.h"
#include "storage/fault.h"
#include "storage/handle.h"
#include "storage/owner_only.h"
#include "storage/schema.h"
#include "storage/whole_reads.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a call waits for another process's transaction. */
#define BUSY_TIMEOUT_MS 500

/* After a large batch the log is cut back to this size, in bytes. */
#define LOG_SIZE_LIMIT "33554432"

/* ---- the file -------------------------------------------------------------------------------- */

/* Size of the file `path` + `suffix` in bytes; 0 where there is none. */
static int size_beside(const char *path, const char *suffix, off_t *size) {
  size_t len = strlen(path);
  char *name = malloc(len + strlen(suffix) + 1);
  if (!name) {
    return WPM_ERR_NO_MEMORY;
  }
  memcpy(name, path, len);
  memcpy(name + len, suffix, strlen(suffix) + 1);
  struct stat facts;
  *size = stat(name, &facts) == 0 ? facts.st_size : 0;
  free(name);
  return WPM_OK;
}

/* SQLite takes an empty file for a new database and drops a log that lies beside it; but there the
 * log is all that is left of the peers. */
static int check_no_lone_log(const char *path, wpm_error *error) {
  off_t size = 0;
  if (size_beside(path, "-wal", &size)) {
    return wpm_storage_fault(error, path, NULL, SQLITE_NOMEM);
  }
  if (size > 0) {
    return wpm_fail(error, WPM_ERR_CORRUPT,
                    "%s is missing or empty, but its log (-wal) is there; put the database back, "
                    "or move the log away to start afresh",
                    wpm_storage_shown_path(path));
  }
  return WPM_OK;
}

static int not_found(const char *path, wpm_error *error) {
  return wpm_fail(
      error, WPM_ERR_NOT_FOUND,
      "%s does not exist, or is empty; put the database back, or restart to make a new one",
      wpm_storage_shown_path(path));
}

/* Makes an empty file that no one else can read; SQLite gives its log the same mode. */
static int create(const char *path, wpm_error *error) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno == EEXIST ? WPM_OK : wpm_storage_os_fault(error, path, errno);
  }
  (void)close(fd);
  return WPM_OK;
}

/* Finds or makes the file; *real gets its absolute path (malloc). */
static int resolve(const char *path, wpm_storage_mode mode, char **real, wpm_error *error) {
  *real = realpath(path, NULL);
  if (!*real && errno == ENOENT) {
    int err = check_no_lone_log(path, error);
    if (err) {
      return err;
    }
    if (mode != WPM_STORAGE_CREATE) {
      return not_found(path, error);
    }
    err = create(path, error);
    if (err) {
      return err;
    }
    *real = realpath(path, NULL);
  }
  if (!*real) {
    return wpm_storage_os_fault(error, path, errno);
  }
  struct stat facts;
  if (stat(*real, &facts) != 0) {
    return wpm_storage_os_fault(error, path, errno);
  }
  if (!S_ISREG(facts.st_mode)) {
    return wpm_fail(error, WPM_ERR_IO, "%s is not a file; choose another path",
                    wpm_storage_shown_path(path));
  }
  return facts.st_size == 0 ? check_no_lone_log(*real, error) : WPM_OK;
}

/* Whether the file at the absolute path `real`, or its directory, may not be written. Asked first:
 * SQLite would leave a log beside the file that nobody can write, even once the file can be. */
static bool is_write_protected(const char *real) {
  size_t len = (size_t)(strrchr(real, '/') - real);
  char *parent = strndup(real, len > 0 ? len : 1);
  bool is_protected = eaccess(real, W_OK) != 0 || (parent && eaccess(parent, W_OK) != 0);
  free(parent);
  return is_protected;
}

/* ---- the connection -------------------------------------------------------------------------- */

/* Opens a connection to the database `name`, which is not read yet. */
static int connect_unread(wpm_storage *storage, const char *name, int flags, wpm_error *error) {
  int code = sqlite3_open_v2(
      name, &storage->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, wpm_whole_reads());
  if (code == SQLITE_OK) {
    /* Until we know that the file is ours, its log is not ours to merge either. */
    code = sqlite3_db_config(storage->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_db_config(storage->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_busy_timeout(storage->db, BUSY_TIMEOUT_MS);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_exec(storage->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
                        NULL, NULL, NULL);
  }
  return code == SQLITE_OK ? WPM_OK : wpm_storage_fault(error, storage->path, storage->db, code);
}

/* Connects to the database `name`, and reads its schema's version; changes nothing. */
static int connect_to(wpm_storage *storage, const char *name, int flags, wpm_error *error) {
  int err = connect_unread(storage, name, flags, error);
  return err ? err : wpm_schema_version(storage->db, storage->path, &storage->schema, error);
}

void wpm_storage_finalize(wpm_storage *storage) {
  for (int i = 0; i < WPM_STATEMENT_COUNT; i++) {
    (void)sqlite3_finalize(storage->statements[i]);
    storage->statements[i] = NULL;
  }
}

static void disconnect(wpm_storage *storage) {
  wpm_storage_finalize(storage);
  (void)sqlite3_close(storage->db);
  storage->db = NULL;
}

/* A write-ahead log from here on; `PRAGMA journal_mode` answers with the mode that it reached. */
static int use_log(wpm_storage *storage, wpm_error *error) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(storage->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
  bool reached = false;
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    const char *mode = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    reached = mode && sqlite3_stricmp(mode, "wal") == 0;
  }
  int ended = sqlite3_finalize(statement);
  if (code != SQLITE_ROW) {
    return wpm_storage_fault(error, storage->path, storage->db, ended ? ended : SQLITE_IOERR);
  }
  if (!reached) {
    return wpm_fail(error, WPM_ERR_IO,
                    "%s is on a file system without shared memory, which SQLite's log needs; "
                    "choose a directory on a local disk",
                    wpm_storage_shown_path(storage->path));
  }
  return WPM_OK;
}

/* Takes and releases the write lock: whether the file can be written shows now. */
static int try_writing(wpm_storage *storage) {
  int code = sqlite3_exec(storage->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
  return code == SQLITE_OK ? sqlite3_exec(storage->db, "ROLLBACK", NULL, NULL, NULL) : code;
}

int wpm_storage_connect_damaged(wpm_storage *storage, const char *real, wpm_error *error) {
  int err = connect_unread(storage, real, SQLITE_OPEN_READWRITE, error);
  if (err) {
    return err;
  }
  /* With a schema that could be written SQLite also reads a file that lacks its last pages. */
  int code = sqlite3_db_config(storage->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(storage->db, "PRAGMA writable_schema = ON", NULL, NULL, NULL);
  }
  return code == SQLITE_OK ? wpm_schema_version(storage->db, storage->path, &storage->schema, error)
                           : wpm_storage_fault(error, storage->path, storage->db, code);
}

static int open_to_write(wpm_storage *storage, const char *real, wpm_storage_mode mode,
                         wpm_error *error) {
  if (is_write_protected(real)) {
    return wpm_storage_fault(error, storage->path, NULL, SQLITE_READONLY);
  }
  int err = wpm_rescue_finish(real, error);
  if (!err) {
    err = connect_unread(storage, real, SQLITE_OPEN_READWRITE, error);
  }
  /* Before SQLite makes its log, which it does at the first reading. */
  if (!err && wpm_owner_only(storage->db, real, mode == WPM_STORAGE_CREATE)) {
    err = wpm_storage_fault(error, storage->path, NULL, SQLITE_NOMEM);
  }
  if (!err) {
    err = wpm_schema_version(storage->db, storage->path, &storage->schema, error);
  }
  if (err) {
    return err;
  }
  if (storage->schema == 0 && mode == WPM_STORAGE_EXISTING) {
    return not_found(storage->path, error);
  }
  if (sqlite3_db_readonly(storage->db, "main") != 0) {
    return wpm_storage_fault(error, storage->path, storage->db, SQLITE_READONLY);
  }
  /* Stated, not left to how SQLite was built: a commit is on the disk when it returns. */
  int code = sqlite3_exec(storage->db,
                          "PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST;"
                          "PRAGMA journal_size_limit = " LOG_SIZE_LIMIT,
                          NULL, NULL, NULL);
  if (code != SQLITE_OK) {
    return wpm_storage_fault(error, storage->path, storage->db, code);
  }
  /* A new file gets its schema before it gets a log, so that the file itself says whose it is. */
  if (storage->schema < wpm_schema_latest()) {
    err = wpm_schema_migrate(storage, error);
    if (err) {
      return err;
    }
  }
  storage->schema = wpm_schema_latest();
  err = use_log(storage, error);
  if (err) {
    return err;
  }
  code = try_writing(storage);
  if (code == SQLITE_OK) {
    code = wpm_storage_prepare(storage, WPM_STATEMENT_COUNT);
  }
  if (code == SQLITE_OK) {
    code = wpm_storage_read_memory(storage);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_db_config(storage->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  }
  return code == SQLITE_OK ? WPM_OK : wpm_storage_fault(error, storage->path, storage->db, code);
}

/* ---- reading only ---------------------------------------------------------------------------- */

/* `file:` URI of an absolute path (malloc). */
static char *immutable_uri(const char *real) {
  static const char digits[] = "0123456789abcdef";
  static const char scheme[] = "file://";
  static const char options[] = "?immutable=1";
  size_t len = strlen(real);
  char *uri = malloc(sizeof(scheme) + 3 * len + sizeof(options));
  if (!uri) {
    return NULL;
  }
  memcpy(uri, scheme, sizeof(scheme) - 1);
  char *out = uri + sizeof(scheme) - 1;
  for (size_t i = 0; i < len; i++) {
    uint8_t byte = (uint8_t)real[i];
    if (byte == '%' || byte == '?' || byte == '#') {
      *out++ = '%';
      *out++ = digits[byte >> 4];
      *out++ = digits[byte & 15];
    } else {
      *out++ = real[i];
    }
  }
  memcpy(out, options, sizeof(options));
  return uri;
}

/* Where nothing can be written, SQLite cannot set up the shared memory that a log needs; but a file
 * whose log is merged can be read without. */
static int connect_immutable(wpm_storage *storage, const char *real, wpm_error *error) {
  char *uri = immutable_uri(real);
  if (!uri) {
    return wpm_storage_fault(error, storage->path, NULL, SQLITE_NOMEM);
  }
  int err = connect_to(storage, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
  free(uri);
  return err;
}

static int open_to_read(wpm_storage *storage, const char *real, wpm_error *error) {
  storage->read_only = true;
  off_t log_size = 0;
  int err = size_beside(real, "-wal", &log_size);
  if (err) {
    return wpm_storage_fault(error, storage->path, NULL, SQLITE_NOMEM);
  }
  if (log_size == 0 && is_write_protected(real)) {
    err = connect_immutable(storage, real, error);
  } else {
    err = connect_to(storage, real, SQLITE_OPEN_READONLY, error);
    if (log_size == 0 &&
        (err == WPM_ERR_IO || err == WPM_ERR_READ_ONLY || err == WPM_ERR_DISK_FULL)) {
      disconnect(storage);
      err = connect_immutable(storage, real, error);
    }
  }
  if (err) {
    return err;
  }
  if (storage->schema == 0) {
    return not_found(storage->path, error);
  }
  if (storage->schema < wpm_schema_latest()) {
    /* Not done here: a daemon of that schema may be at work on it. */
    return wpm_fail(error, WPM_ERR_READ_ONLY,
                    "%s has schema %d and must be brought to %d before it can be read; start the "
                    "daemon on it, or run: wakupeers db compact%s",
                    wpm_storage_shown_path(storage->path), storage->schema, wpm_schema_latest(),
                    is_write_protected(real) ? " (it must be writable for that)" : "");
  }
  int code = wpm_storage_read_memory(storage);
  return code == SQLITE_OK ? WPM_OK : wpm_storage_fault(error, storage->path, storage->db, code);
}

/* ---- the handle ------------------------------------------------------------------------------ */

/* Reading a file that is then refused has made a log of nothing beside it, which SQLite clears away where
 * nobody else is at work on the file. A log that says something stays. */
static void leave_no_log(wpm_storage *storage, const char *real) {
  off_t size = 0;
  if (real && storage->db && size_beside(real, "-wal", &size) == WPM_OK && size == 0) {
    (void)sqlite3_db_config(storage->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  }
}

static int open_once(const char *path, wpm_storage_mode mode, wpm_storage **out, wpm_error *error) {
  wpm_storage *storage = calloc(1, sizeof(*storage));
  if (!storage) {
    return wpm_storage_fault(error, path, NULL, SQLITE_NOMEM);
  }
  char *real = NULL;
  wpm_words_init(&storage->words);
  storage->path = strdup(path);
  int err = storage->path ? resolve(path, mode, &real, error)
                          : wpm_storage_fault(error, path, NULL, SQLITE_NOMEM);
  if (!err) {
    assert(real);
    err = mode == WPM_STORAGE_READ_ONLY ? open_to_read(storage, real, error)
                                        : open_to_write(storage, real, mode, error);
  }
  if (err == WPM_ERR_NEWER_SCHEMA || err == WPM_ERR_INVALID) {
    leave_no_log(storage, real);
  }
  free(real);
  if (err) {
    wpm_storage_close(storage);
    return err;
  }
  *out = storage;
  return WPM_OK;
}

int wpm_storage_open(const char *path, wpm_storage_mode mode, wpm_storage **out, wpm_error *error) {
  *out = NULL;
  if (!path || path[0] == '\0') {
    return wpm_fail(error, WPM_ERR_INVALID, "no path of a database was given");
  }
  int err = open_once(path, mode, out, error);
  if (err == WPM_ERR_IO || err == WPM_ERR_CORRUPT) {
    /* Much follows from this: the one sets the file aside, the other lets a daemon run from memory. A
     * disk that failed once may be right from a fresh handle, which has cached nothing. */
    err = open_once(path, mode, out, error);
  }
  if (err == WPM_OK && error) {
    *error = (wpm_error){.code = WPM_OK};
  }
  return err;
}

void wpm_storage_close(wpm_storage *storage) {
  if (!storage) {
    return;
  }
  if (storage->in_batch) {
    wpm_storage_rollback(storage);
  }
  disconnect(storage);
  wpm_words_fini(&storage->words);
  wpm_room_fini(&storage->row);
  wpm_codec_lists_fini(&storage->lists);
  free(storage->path);
  free(storage);
}

int wpm_storage_schema_latest(void) {
  return wpm_schema_latest();
}

int wpm_storage_schema(const wpm_storage *storage) {
  return storage->schema;
}
