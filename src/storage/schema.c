#include "storage/schema.h"

#include "base/error.h"
#include "storage/fault.h"

#include <stdio.h>

/* One step from a version to the next: statements, then, where the records themselves change,
 * a function, then statements again. docs/storage.md explains the tables. */
typedef struct migration {
  const char *before;
  int (*move)(wpm_storage *storage); /* May be NULL; returns SQLite's result code. */
  const char *after;                 /* May be NULL. */
} migration;

#define VERSION_1                                                                                  \
  "CREATE TABLE peer ("                                                                            \
  " peer INTEGER PRIMARY KEY,"                                                                     \
  " id BLOB NOT NULL UNIQUE,"                                                                      \
  " peer_id TEXT NOT NULL,"                                                                        \
  " public_key BLOB,"                                                                              \
  " observed_address BLOB,"                                                                        \
  " observed_address_text TEXT,"                                                                   \
  " protocols TEXT NOT NULL,"                                                                      \
  " protocols_known INTEGER NOT NULL,"                                                             \
  " agent ANY,"                                                                                    \
  " protocol_version ANY,"                                                                         \
  " metadata_known INTEGER NOT NULL,"                                                              \
  " cluster_id INTEGER NOT NULL,"                                                                  \
  " shards TEXT NOT NULL,"                                                                         \
  " connectivity TEXT NOT NULL,"                                                                   \
  " reason TEXT NOT NULL,"                                                                         \
  " disconnect_time INTEGER,"                                                                      \
  " connected_time INTEGER,"                                                                       \
  " origin TEXT NOT NULL,"                                                                         \
  " direction TEXT NOT NULL,"                                                                      \
  " failures INTEGER NOT NULL,"                                                                    \
  " first_failure INTEGER,"                                                                        \
  " last_failure INTEGER,"                                                                         \
  " rtt_ns INTEGER,"                                                                               \
  " is_static INTEGER NOT NULL,"                                                                   \
  " held INTEGER NOT NULL,"                                                                        \
  " held_off INTEGER NOT NULL,"                                                                    \
  " prune_backoff_mono INTEGER NOT NULL,"                                                          \
  " prune_backoff_wall INTEGER,"                                                                   \
  " prune_backoff_boot_id INTEGER NOT NULL,"                                                       \
  " prune_backoff_length_ns INTEGER NOT NULL,"                                                     \
  " retry_delay_mono INTEGER NOT NULL,"                                                            \
  " retry_delay_wall INTEGER,"                                                                     \
  " retry_delay_boot_id INTEGER NOT NULL,"                                                         \
  " retry_delay_length_ns INTEGER NOT NULL,"                                                       \
  " mismatch_delay_mono INTEGER NOT NULL,"                                                         \
  " mismatch_delay_wall INTEGER,"                                                                  \
  " mismatch_delay_boot_id INTEGER NOT NULL,"                                                      \
  " mismatch_delay_length_ns INTEGER NOT NULL"                                                     \
  ") STRICT;"                                                                                      \
  "CREATE TABLE address ("                                                                         \
  " peer INTEGER NOT NULL,"                                                                        \
  " position INTEGER NOT NULL,"                                                                    \
  " multiaddr BLOB NOT NULL,"                                                                      \
  " multiaddr_text TEXT,"                                                                          \
  " source TEXT NOT NULL,"                                                                         \
  " last_success INTEGER,"                                                                         \
  " last_failure INTEGER,"                                                                         \
  " PRIMARY KEY (peer, position)"                                                                  \
  ") STRICT, WITHOUT ROWID;"                                                                       \
  "CREATE TRIGGER peer_removed AFTER DELETE ON peer BEGIN"                                         \
  " DELETE FROM address WHERE peer = OLD.peer;"                                                    \
  " END;"                                                                                          \
  "CREATE TABLE heartbeat ("                                                                       \
  " only INTEGER PRIMARY KEY CHECK (only = 1),"                                                    \
  " mono INTEGER NOT NULL,"                                                                        \
  " wall INTEGER,"                                                                                 \
  " boot_id INTEGER NOT NULL"                                                                      \
  ") STRICT;"

/* Places are hashes of 63 bits under a key that SQLite draws from the system. */
#define VERSION_2                                                                                  \
  "CREATE TABLE peer ("                                                                            \
  " peer INTEGER PRIMARY KEY,"                                                                     \
  " id BLOB NOT NULL,"                                                                             \
  " data BLOB NOT NULL"                                                                            \
  ") STRICT;"                                                                                      \
  "CREATE TABLE contact ("                                                                         \
  " peer INTEGER PRIMARY KEY,"                                                                     \
  " data BLOB NOT NULL"                                                                            \
  ") STRICT;"                                                                                      \
  "CREATE TABLE word ("                                                                            \
  " word INTEGER PRIMARY KEY,"                                                                     \
  " data BLOB NOT NULL"                                                                            \
  ") STRICT;"                                                                                      \
  "CREATE TABLE tombstone ("                                                                       \
  " id BLOB PRIMARY KEY,"                                                                          \
  " data BLOB NOT NULL"                                                                            \
  ") STRICT, WITHOUT ROWID;"                                                                       \
  "CREATE TABLE private_key ("                                                                     \
  " id BLOB PRIMARY KEY,"                                                                          \
  " key BLOB NOT NULL"                                                                             \
  ") STRICT, WITHOUT ROWID;"                                                                       \
  "CREATE TABLE layout ("                                                                          \
  " only INTEGER PRIMARY KEY CHECK (only = 1),"                                                    \
  " key BLOB NOT NULL,"                                                                            \
  " mask INTEGER NOT NULL,"                                                                        \
  " displaced INTEGER NOT NULL"                                                                    \
  ") STRICT;"                                                                                      \
  "INSERT INTO layout (only, key, mask, displaced)"                                                \
  " VALUES (1, randomblob(16), 9223372036854775807, 0);"

/* The key of a range is its address, cut to its prefix, and the length of that. */
#define VERSION_3                                                                                  \
  "CREATE TABLE range_ban ("                                                                       \
  " range BLOB PRIMARY KEY,"                                                                       \
  " data BLOB NOT NULL"                                                                            \
  ") STRICT, WITHOUT ROWID;"

static const migration migrations[] = {
    {.before = VERSION_1},
    {.before = "DROP TRIGGER peer_removed;"
               "ALTER TABLE peer RENAME TO peer_1;"
               "ALTER TABLE address RENAME TO address_1;" VERSION_2,
     .move = wpm_schema_move_1,
     .after = "DROP TABLE peer_1; DROP TABLE address_1;"},
    {.before = VERSION_3},
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

static int run(sqlite3 *db, const char *sql) {
  return sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_OK;
}

static int apply(wpm_storage *storage, int version) {
  sqlite3 *db = storage->db;
  for (int i = version; i < LATEST; i++) {
    const migration *m = &migrations[i];
    int code = run(db, m->before);
    if (code == SQLITE_OK && m->move && version > 0) {
      code = m->move(storage);
    }
    if (code == SQLITE_OK) {
      code = run(db, m->after);
    }
    if (code != SQLITE_OK) {
      return code;
    }
  }
  char sql[96];
  (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 WPM_STORAGE_APPLICATION_ID, LATEST);
  return run(db, sql);
}

int wpm_schema_migrate(wpm_storage *storage, wpm_error *error) {
  sqlite3 *db = storage->db;
  int code = run(db, "BEGIN EXCLUSIVE");
  if (code != SQLITE_OK) {
    return wpm_storage_fault(error, storage->path, db, code);
  }
  /* Asked again, now that nobody else can be migrating it. */
  int version = 0;
  int err = wpm_schema_version(db, storage->path, &version, error);
  if (!err) {
    code = apply(storage, version);
    if (code == SQLITE_OK) {
      code = run(db, "COMMIT");
    }
    if (code != SQLITE_OK) {
      err = wpm_storage_fault(error, storage->path, db, code);
    }
  }
  if (!sqlite3_get_autocommit(db)) {
    (void)run(db, "ROLLBACK");
  }
  return err;
}
