#include "storage/schema.h"

#include "base/error.h"
#include "storage/fault.h"

#include <stdio.h>

/* docs/storage.md explains the columns. */
static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE peer ("
    " peer INTEGER PRIMARY KEY,"
    " id BLOB NOT NULL UNIQUE,"
    " peer_id TEXT NOT NULL,"
    " public_key BLOB,"
    " observed_address BLOB,"
    " observed_address_text TEXT,"
    " protocols TEXT NOT NULL,"
    " protocols_known INTEGER NOT NULL,"
    " agent ANY,"
    " protocol_version ANY,"
    " metadata_known INTEGER NOT NULL,"
    " cluster_id INTEGER NOT NULL,"
    " shards TEXT NOT NULL,"
    " connectivity TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " disconnect_time INTEGER,"
    " connected_time INTEGER,"
    " origin TEXT NOT NULL,"
    " direction TEXT NOT NULL,"
    " failures INTEGER NOT NULL,"
    " first_failure INTEGER,"
    " last_failure INTEGER,"
    " rtt_ns INTEGER,"
    " is_static INTEGER NOT NULL,"
    " held INTEGER NOT NULL,"
    " held_off INTEGER NOT NULL,"
    " prune_backoff_mono INTEGER NOT NULL,"
    " prune_backoff_wall INTEGER,"
    " prune_backoff_boot_id INTEGER NOT NULL,"
    " prune_backoff_length_ns INTEGER NOT NULL,"
    " retry_delay_mono INTEGER NOT NULL,"
    " retry_delay_wall INTEGER,"
    " retry_delay_boot_id INTEGER NOT NULL,"
    " retry_delay_length_ns INTEGER NOT NULL,"
    " mismatch_delay_mono INTEGER NOT NULL,"
    " mismatch_delay_wall INTEGER,"
    " mismatch_delay_boot_id INTEGER NOT NULL,"
    " mismatch_delay_length_ns INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE address ("
    " peer INTEGER NOT NULL,"
    " position INTEGER NOT NULL,"
    " multiaddr BLOB NOT NULL,"
    " multiaddr_text TEXT,"
    " source TEXT NOT NULL,"
    " last_success INTEGER,"
    " last_failure INTEGER,"
    " PRIMARY KEY (peer, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER peer_removed AFTER DELETE ON peer BEGIN"
    " DELETE FROM address WHERE peer = OLD.peer;"
    " END;"
    "CREATE TABLE heartbeat ("
    " only INTEGER PRIMARY KEY CHECK (only = 1),"
    " mono INTEGER NOT NULL,"
    " wall INTEGER,"
    " boot_id INTEGER NOT NULL"
    ") STRICT;",
};

#define LATEST ((int)(sizeof(migrations) / sizeof(migrations[0])))

int wpm_schema_latest(void) {
  return LATEST;
}

/* The first column of the only row of `sql`. */
static int ask_number(sqlite3 *db, const char *sql, int64_t *out) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      *out = sqlite3_column_int64(statement, 0);
      code = SQLITE_OK;
    } else if (code == SQLITE_DONE) {
      code = SQLITE_CORRUPT;
    }
  }
  int ended = sqlite3_finalize(statement);
  return code == SQLITE_OK ? ended : code;
}

int wpm_schema_version(sqlite3 *db, const char *path, int *version, wpm_error *error) {
  int64_t objects = 0;
  int64_t application = 0;
  int64_t number = 0;
  /* The first question reads the file: it fails where the others would not. */
  int code = ask_number(db, "SELECT count(*) FROM sqlite_schema", &objects);
  if (code == SQLITE_OK) {
    code = ask_number(db, "PRAGMA application_id", &application);
  }
  if (code == SQLITE_OK) {
    code = ask_number(db, "PRAGMA user_version", &number);
  }
  if (code != SQLITE_OK) {
    return wpm_storage_fault(error, path, db, code);
  }
  if (objects == 0 && application == 0 && number == 0) {
    *version = 0;
    return WPM_OK;
  }
  if (application != WPM_STORAGE_APPLICATION_ID) {
    return wpm_fail(error, WPM_ERR_INVALID,
                    "%s is the database of another program (application_id 0x%08x); choose another "
                    "file or directory",
                    wpm_storage_shown_path(path), (unsigned)application);
  }
  if (number > LATEST) {
    return wpm_fail(
        error, WPM_ERR_NEWER_SCHEMA,
        "%s was written by a newer version of this program (schema %lld, this one knows "
        "%d); upgrade the program, or choose another directory",
        wpm_storage_shown_path(path), (long long)number, LATEST);
  }
  if (number < 1) {
    return wpm_storage_damage(error, path, "its schema has no version");
  }
  *version = (int)number;
  return WPM_OK;
}

static int apply(sqlite3 *db, int version) {
  for (int i = version; i < LATEST; i++) {
    int code = sqlite3_exec(db, migrations[i], NULL, NULL, NULL);
    if (code != SQLITE_OK) {
      return code;
    }
  }
  char sql[96];
  (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 WPM_STORAGE_APPLICATION_ID, LATEST);
  return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int wpm_schema_migrate(sqlite3 *db, const char *path, wpm_error *error) {
  int code = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
  if (code != SQLITE_OK) {
    return wpm_storage_fault(error, path, db, code);
  }
  /* Asked again, now that nobody else can be migrating it. */
  int version = 0;
  int err = wpm_schema_version(db, path, &version, error);
  if (!err) {
    code = apply(db, version);
    if (code == SQLITE_OK) {
      code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
      err = wpm_storage_fault(error, path, db, code);
    }
  }
  if (!sqlite3_get_autocommit(db)) {
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  }
  return err;
}

int wpm_schema_check(sqlite3 *db, const char *path, wpm_error *error) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
  int err = WPM_OK;
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
  }
  if (code != SQLITE_ROW) {
    err = wpm_storage_fault(error, path, db, code == SQLITE_DONE ? SQLITE_CORRUPT : code);
  } else {
    const char *verdict = (const char *)sqlite3_column_text(statement, 0);
    if (!verdict) {
      err = wpm_storage_fault(error, path, db, SQLITE_NOMEM);
    } else if (sqlite3_stricmp(verdict, "ok") != 0) {
      err = wpm_storage_damage(error, path, verdict);
    }
  }
  (void)sqlite3_finalize(statement);
  return err;
}
