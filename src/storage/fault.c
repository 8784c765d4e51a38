#include "storage/fault.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>

/* A wpm_error holds 248 bytes: the path must leave room for the sentence. */
#define SHOWN_PATH 80

const char *wpm_storage_shown_path(const char *path) {
  size_t len = strlen(path);
  return len > SHOWN_PATH ? path + len - SHOWN_PATH : path;
}

int wpm_storage_damage(wpm_error *error, const char *path, const char *how) {
  char shown[61]; /* It may quote the damaged file. */
  return wpm_fail(error, WPM_ERR_CORRUPT,
                  "%s is damaged (%s) and was left as it is; starting the daemon saves what can be "
                  "read of it",
                  wpm_storage_shown_path(path),
                  wpm_text_printable(wpm_text_of(how), shown, sizeof(shown)));
}

static int locked(wpm_error *error, const char *path) {
  return wpm_fail(error, WPM_ERR_LOCKED,
                  "%s is locked by another process; end that process, or its open transaction",
                  wpm_storage_shown_path(path));
}

static int read_only(wpm_error *error, const char *path, const char *why) {
  return wpm_fail(error, WPM_ERR_READ_ONLY,
                  "%s cannot be written (%.60s); make the file and its directory writable",
                  wpm_storage_shown_path(path), why);
}

static int disk_full(wpm_error *error, const char *path, const char *why) {
  return wpm_fail(error, WPM_ERR_DISK_FULL, "no room for %s on its disk (%.60s); free some there",
                  wpm_storage_shown_path(path), why);
}

static int no_memory(wpm_error *error, const char *path) {
  return wpm_fail(error, WPM_ERR_NO_MEMORY, "out of memory while using %s",
                  wpm_storage_shown_path(path));
}

int wpm_storage_os_fault(wpm_error *error, const char *path, int number) {
  char text[80];
  const char *why = strerror_r(number, text, sizeof(text));
  switch (number) {
  case EACCES:
  case EPERM:
  case EROFS:
    return read_only(error, path, why);
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return disk_full(error, path, why);
  case ENOMEM:
    return no_memory(error, path);
  case ENOENT:
  case ENOTDIR:
    return wpm_fail(error, WPM_ERR_IO, "cannot open %s (%.60s); create its directory",
                    wpm_storage_shown_path(path), why);
  default:
    return wpm_fail(error, WPM_ERR_IO, "cannot use %s (%.60s); check the path and the disk",
                    wpm_storage_shown_path(path), why);
  }
}

/* What the operating system last said about the log (`operation`: its file) or the database. */
static int file_errno(sqlite3 *db, int operation) {
  sqlite3_file *file = NULL;
  int number = 0;
  if (sqlite3_file_control(db, "main", operation, &file) != SQLITE_OK || !file || !file->pMethods ||
      file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number) != SQLITE_OK) {
    return 0;
  }
  return number;
}

/* The `errno` behind a failure to read or write; 0 where none is known. The connection does not
 * remember one of a commit, so the files are asked first. */
static int system_errno(sqlite3 *db, int code) {
  int number = 0;
  if (!db) {
    return 0;
  }
  if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_READ ||
      code == SQLITE_IOERR_TRUNCATE) {
    number = file_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
    number = number ? number : file_errno(db, SQLITE_FCNTL_FILE_POINTER);
  }
  return number ? number : sqlite3_system_errno(db);
}

int wpm_storage_fault(wpm_error *error, const char *path, sqlite3 *db, int code) {
  const char *message = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  switch (code & 0xff) {
  case SQLITE_NOMEM:
    return no_memory(error, path);
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    return locked(error, path);
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return read_only(error, path, message);
  case SQLITE_FULL:
    return disk_full(error, path, message);
  case SQLITE_NOTADB:
    return wpm_fail(error, WPM_ERR_CORRUPT,
                    "%s is no SQLite database, or its header is damaged; it was left as it is: "
                    "move it away to start afresh, or put a good copy in its place",
                    wpm_storage_shown_path(path));
  case SQLITE_CORRUPT:
  case SQLITE_CONSTRAINT:
  case SQLITE_MISMATCH:
  case SQLITE_SCHEMA:
  case SQLITE_ERROR:
    /* The statements are ours and fixed: what they cannot find or store is missing or changed. */
    return wpm_storage_damage(error, path, message);
  case SQLITE_TOOBIG:
    return wpm_fail(error, WPM_ERR_TOO_LARGE, "a record is too large for %s",
                    wpm_storage_shown_path(path));
  default:
    break;
  }
  if (code == SQLITE_IOERR_NOMEM) {
    return no_memory(error, path);
  }
  if (code == SQLITE_IOERR_CORRUPTFS || code == SQLITE_IOERR_DATA) {
    return wpm_storage_damage(error, path, message);
  }
  int number = system_errno(db, code);
  if (number != 0) {
    return wpm_storage_os_fault(error, path, number);
  }
  return wpm_fail(error, WPM_ERR_IO, "cannot use %s (%.60s); check the path and the disk",
                  wpm_storage_shown_path(path), message);
}
