#include "exchange/database.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000
#define LENGTH_MAX (64 * 1024 * 1024) /* Of any one value that SQLite itself looks at, in bytes. */

/* ---- errors ---------------------------------------------------------------------------------- */

static int fault(const wpm_database *database, int code, wpm_error *error) {
  const char *path = database->path;
  const char *why = database->db ? sqlite3_errmsg(database->db) : sqlite3_errstr(code);
  switch (code & 0xff) {
  case SQLITE_NOMEM:
    return wpm_fail(error, WPM_ERR_NO_MEMORY, "out of memory");
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
    return wpm_fail(error, WPM_ERR_CORRUPT,
                    "%.160s is damaged, or no SQLite database (%s); take another copy", path, why);
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return wpm_fail(error, WPM_ERR_LOCKED,
                    "%.160s is locked by the program that owns it; stop that, or copy the file",
                    path);
  case SQLITE_FULL:
    return wpm_fail(error, WPM_ERR_DISK_FULL, "no room on the disk for %.160s; make some", path);
  case SQLITE_READONLY:
    return wpm_fail(error, WPM_ERR_READ_ONLY, "%.160s cannot be written; choose another place",
                    path);
  default:
    return wpm_fail(error, WPM_ERR_IO, "%.160s: %s", path, why);
  }
}

static int os_fault(const char *path, int number, wpm_error *error) {
  char text[128];
  int code = number == ENOENT                      ? WPM_ERR_NOT_FOUND
             : number == EEXIST                    ? WPM_ERR_EXISTS
             : number == ENOSPC                    ? WPM_ERR_DISK_FULL
             : number == EROFS || number == EACCES ? WPM_ERR_READ_ONLY
                                                   : WPM_ERR_IO;
  return wpm_fail(error, code, "%.160s: %s%s", path, strerror_r(number, text, sizeof text),
                  number == EEXIST ? "; remove it, or choose another name" : "");
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A `file:` URI by which SQLite needs to write nothing beside the file (malloc). */
static char *immutable_uri(const char *path) {
  static const char digits[] = "0123456789ABCDEF";
  static const char options[] = "?immutable=1";
  char *real = realpath(path, NULL);
  char *uri = real ? malloc(sizeof "file:" + 3 * strlen(real) + sizeof options) : NULL;
  if (uri) {
    char *out = stpcpy(uri, "file:");
    for (const char *at = real; *at; at++) {
      if (*at == '?' || *at == '#' || *at == '%') {
        *out++ = '%';
        *out++ = digits[(uint8_t)*at >> 4];
        *out++ = digits[(uint8_t)*at & 15];
      } else {
        *out++ = *at;
      }
    }
    memcpy(out, options, sizeof options);
  }
  free(real);
  return uri;
}

/* Opens it, and reads the schema: only then is the file itself looked at. */
static int connect_to(wpm_database *database, const char *name, int flags) {
  int code = sqlite3_open_v2(
      name, &database->db,
      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | flags, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  }
  if (code == SQLITE_OK) {
    (void)sqlite3_limit(database->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    code = sqlite3_busy_timeout(database->db, BUSY_TIMEOUT_MS);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_exec(database->db,
                        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                        "SELECT count(*) FROM sqlite_schema",
                        NULL, NULL, NULL);
  }
  return code;
}

/* True where there is a log that is not merged into the file at `path`. */
static bool has_log(const char *path) {
  static const char suffix[] = "-wal";
  char *real = realpath(path, NULL);
  char *name = real ? malloc(strlen(real) + sizeof suffix) : NULL;
  struct stat facts;
  bool has = false;
  if (name) {
    (void)stpcpy(stpcpy(name, real), suffix);
    has = stat(name, &facts) == 0 && facts.st_size > 0;
  }
  free(name);
  free(real);
  return has;
}

int wpm_database_read(wpm_database *database, const char *path, wpm_error *error) {
  *database = (wpm_database){.path = path};
  if (access(path, R_OK) != 0) {
    int number = errno;
    return os_fault(path, number == EACCES ? EPERM : number, error);
  }
  int code = connect_to(database, path, 0);
  int primary = code & 0xff;
  /* One of write-ahead mode, where nothing can be written: read it as it lies, unless the latest of it
   * lies in its log. */
  if (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY || primary == SQLITE_IOERR) {
    if (has_log(path)) {
      wpm_database_close(database);
      return wpm_fail(
          error, WPM_ERR_READ_ONLY,
          "%.160s has a log, which can be read only where its directory can be written; "
          "copy both to such a place",
          path);
    }
    char *uri = immutable_uri(path);
    (void)sqlite3_close(database->db);
    database->db = NULL;
    code = uri ? connect_to(database, uri, SQLITE_OPEN_URI) : SQLITE_NOMEM;
    free(uri);
  }
  if (code == SQLITE_OK) {
    return WPM_OK;
  }
  int err = fault(database, code, error);
  wpm_database_close(database);
  return err;
}

int wpm_database_has_table(wpm_database *database, const char *name, bool *out, wpm_error *error) {
  sqlite3_stmt *statement = NULL;
  *out = false;
  int err = wpm_database_prepare(
      database, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
      &statement, error);
  if (err == WPM_OK && sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) != SQLITE_OK) {
    err = fault(database, SQLITE_NOMEM, error);
  }
  if (err == WPM_OK) {
    err = wpm_database_step(database, statement, out, error);
  }
  (void)sqlite3_finalize(statement);
  return err;
}

/* ---- statements ------------------------------------------------------------------------------ */

int wpm_database_prepare(wpm_database *database, const char *sql, sqlite3_stmt **out,
                         wpm_error *error) {
  int code = sqlite3_prepare_v2(database->db, sql, -1, out, NULL);
  if ((code & 0xff) == SQLITE_ERROR) {
    return wpm_fail(error, WPM_ERR_INVALID, "%.160s: its tables are not as they must be: %s",
                    database->path, sqlite3_errmsg(database->db));
  }
  return code == SQLITE_OK ? WPM_OK : fault(database, code, error);
}

int wpm_database_step(wpm_database *database, sqlite3_stmt *statement, bool *is_row,
                      wpm_error *error) {
  int code = sqlite3_step(statement);
  *is_row = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? WPM_OK : fault(database, code, error);
}

wpm_bytes wpm_database_column(sqlite3_stmt *statement, int column) {
  const uint8_t *data = sqlite3_column_blob(statement, column);
  int len = data ? sqlite3_column_bytes(statement, column) : 0;
  return (wpm_bytes){data, len > 0 ? (size_t)len : 0};
}

/* ---- writing --------------------------------------------------------------------------------- */

int wpm_database_make(wpm_database *database, const char *path, const char *schema,
                      wpm_error *error) {
  *database = (wpm_database){.path = path};
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return os_fault(path, errno, error);
  }
  (void)close(fd);
  database->is_new = true;
  int code =
      sqlite3_open_v2(path, &database->db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(database->db, "PRAGMA synchronous = FULL; BEGIN", NULL, NULL, NULL);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_exec(database->db, schema, NULL, NULL, NULL);
  }
  if (code == SQLITE_OK) {
    return WPM_OK;
  }
  int err = fault(database, code, error);
  wpm_database_close(database);
  return err;
}

/* A value of no bytes is one all the same, and not NULL. */
static int bind(sqlite3_stmt *statement, int index, wpm_bytes value, bool is_text) {
  const void *data = value.len > 0 ? (const void *)value.data : "";
  return is_text
             ? sqlite3_bind_text64(statement, index, data, value.len, SQLITE_STATIC, SQLITE_UTF8)
             : sqlite3_bind_blob64(statement, index, data, value.len, SQLITE_STATIC);
}

int wpm_database_insert(wpm_database *database, sqlite3_stmt *statement, wpm_bytes key,
                        bool key_is_text, wpm_bytes value, wpm_error *error) {
  int code = bind(statement, 1, key, key_is_text);
  if (code == SQLITE_OK) {
    code = bind(statement, 2, value, false);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    code = code == SQLITE_DONE ? SQLITE_OK : code;
  }
  int err = code == SQLITE_OK ? WPM_OK : fault(database, code, error);
  (void)sqlite3_reset(statement);
  return err;
}

int wpm_database_finish(wpm_database *database, wpm_error *error) {
  int code = sqlite3_exec(database->db, "COMMIT", NULL, NULL, NULL);
  if (code != SQLITE_OK) {
    return fault(database, code, error);
  }
  database->is_new = false;
  return WPM_OK;
}

void wpm_database_close(wpm_database *database) {
  (void)sqlite3_close(database->db);
  database->db = NULL;
  if (database->is_new) {
    (void)unlink(database->path);
    database->is_new = false;
  }
}
