/* Batches of changes: begin, put, remove, put_heartbeat, commit, rollback. */
#include "base/error.h"
#include "storage/fault.h"
#include "storage/handle.h"

int wpm_storage_prepare(wpm_storage *storage) {
  static const char *const texts[WPM_STATEMENT_COUNT] = {
      [WPM_STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
      [WPM_STATEMENT_COMMIT] = "COMMIT",
      [WPM_STATEMENT_FIND] = "SELECT peer FROM peer WHERE id = ?",
      [WPM_STATEMENT_TRIM_ADDRESSES] = "DELETE FROM address WHERE peer = ? AND position >= ?",
      [WPM_STATEMENT_REMOVE] = "DELETE FROM peer WHERE id = ?",
      [WPM_STATEMENT_PUT_HEARTBEAT] =
          "INSERT INTO heartbeat (only, mono, wall, boot_id) VALUES (1, ?, ?, ?)"
          " ON CONFLICT (only) DO UPDATE SET mono = excluded.mono, wall = excluded.wall,"
          " boot_id = excluded.boot_id",
  };
  sqlite3_stmt **statements = storage->statements;
  int code = SQLITE_OK;
  for (int i = 0; code == SQLITE_OK && i < WPM_STATEMENT_COUNT; i++) {
    if (texts[i]) {
      code = sqlite3_prepare_v3(storage->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &statements[i], NULL);
    }
  }
  if (code == SQLITE_OK) {
    code = wpm_row_prepare_insert(storage->db, &statements[WPM_STATEMENT_INSERT]);
  }
  if (code == SQLITE_OK) {
    code = wpm_row_prepare_update(storage->db, &statements[WPM_STATEMENT_UPDATE]);
  }
  if (code == SQLITE_OK) {
    code = wpm_row_prepare_put_address(storage->db, &statements[WPM_STATEMENT_PUT_ADDRESS]);
  }
  return code;
}

int wpm_storage_run(sqlite3_stmt *statement) {
  int code = sqlite3_step(statement);
  int ended = sqlite3_reset(statement);
  return code == SQLITE_DONE ? SQLITE_OK : ended;
}

static int fault(wpm_storage *storage, int code, wpm_error *error) {
  storage->failed = true;
  return wpm_storage_fault(error, storage->path, storage->db, code);
}

/* SQLite ends the transaction by itself on some errors; what came behind one would then be written
 * outside of it. */
static int check_in_batch(const wpm_storage *storage, wpm_error *error) {
  if (!storage->in_batch) {
    return wpm_fail(error, WPM_ERR_STATE, "no batch was begun");
  }
  if (storage->failed) {
    return wpm_fail(error, WPM_ERR_STATE, "the batch has failed and is to be rolled back");
  }
  return WPM_OK;
}

int wpm_storage_begin(wpm_storage *storage, wpm_error *error) {
  if (storage->in_batch) {
    return wpm_fail(error, WPM_ERR_STATE, "a batch is open already");
  }
  const char *shown = wpm_storage_shown_path(storage->path);
  if (storage->read_only) {
    return wpm_fail(error, WPM_ERR_READ_ONLY, "%s was opened to be read only", shown);
  }
  int moved = 0;
  int code = sqlite3_file_control(storage->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (code == SQLITE_OK && moved) {
    return wpm_fail(error, WPM_ERR_IO,
                    "%s was moved, replaced or deleted while in use; put it back, or restart to "
                    "use what is there now",
                    shown);
  }
  code = wpm_storage_run(storage->statements[WPM_STATEMENT_BEGIN]);
  if (code != SQLITE_OK) {
    return wpm_storage_fault(error, storage->path, storage->db, code);
  }
  storage->in_batch = true;
  storage->failed = false;
  return WPM_OK;
}

/* The key of the peer's row; *found says whether it has one. */
static int find(wpm_storage *storage, wpm_bytes id, sqlite3_int64 *key, bool *found) {
  sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_FIND];
  int code = sqlite3_bind_blob64(statement, 1, id.data, id.len, SQLITE_STATIC);
  *found = false;
  if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
    *key = sqlite3_column_int64(statement, 0);
    *found = true;
  }
  int ended = sqlite3_reset(statement);
  return code == SQLITE_OK ? ended : code;
}

static int put_peer(wpm_storage *storage, const wpm_peer_record *record, sqlite3_int64 *key) {
  bool found = false;
  int code = find(storage, record->id, key, &found);
  if (code != SQLITE_OK) {
    return code;
  }
  sqlite3_stmt *statement =
      storage->statements[found ? WPM_STATEMENT_UPDATE : WPM_STATEMENT_INSERT];
  code = found ? wpm_row_bind_update(statement, record, *key, &storage->scratch)
               : wpm_row_bind_insert(statement, record, &storage->scratch);
  if (code == SQLITE_OK) {
    code = wpm_storage_run(statement);
  }
  if (code == SQLITE_OK && !found) {
    *key = sqlite3_last_insert_rowid(storage->db);
  }
  return code;
}

static int put_addresses(wpm_storage *storage, const wpm_peer_record *record, sqlite3_int64 key) {
  sqlite3_stmt *put = storage->statements[WPM_STATEMENT_PUT_ADDRESS];
  sqlite3_stmt *trim = storage->statements[WPM_STATEMENT_TRIM_ADDRESSES];
  int code = SQLITE_OK;
  for (size_t i = 0; code == SQLITE_OK && i < record->address_count; i++) {
    code = wpm_row_bind_address(put, &record->addresses[i], key, i, &storage->scratch);
    if (code == SQLITE_OK) {
      code = wpm_storage_run(put);
    }
  }
  if (code == SQLITE_OK) {
    code = sqlite3_bind_int64(trim, 1, key);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_bind_int64(trim, 2, (sqlite3_int64)record->address_count);
  }
  return code == SQLITE_OK ? wpm_storage_run(trim) : code;
}

int wpm_storage_put(wpm_storage *storage, const wpm_peer_record *record, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  err = wpm_row_check(record);
  if (err) {
    return wpm_fail(error, err, "a record cannot be stored: %s", wpm_strerror(err));
  }
  sqlite3_int64 key = 0;
  int code = put_peer(storage, record, &key);
  if (code == SQLITE_OK) {
    code = put_addresses(storage, record, key);
  }
  return code == SQLITE_OK ? WPM_OK : fault(storage, code, error);
}

int wpm_storage_remove(wpm_storage *storage, wpm_bytes id, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  if (id.len == 0 || id.len > WPM_PEER_ID_MAX) {
    return wpm_fail(error, WPM_ERR_INVALID, "no peer id: it has %zu bytes (1 to %d)", id.len,
                    WPM_PEER_ID_MAX);
  }
  sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_REMOVE];
  int code = sqlite3_bind_blob64(statement, 1, id.data, id.len, SQLITE_STATIC);
  if (code == SQLITE_OK) {
    code = wpm_storage_run(statement);
  }
  return code == SQLITE_OK ? WPM_OK : fault(storage, code, error);
}

int wpm_storage_put_heartbeat(wpm_storage *storage, wpm_instant heartbeat, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_PUT_HEARTBEAT];
  int code = sqlite3_bind_int64(statement, 1, heartbeat.mono.ns);
  if (code == SQLITE_OK) {
    code = wpm_wall_known(heartbeat.wall) ? sqlite3_bind_int64(statement, 2, heartbeat.wall.ns)
                                          : sqlite3_bind_null(statement, 2);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_bind_int64(statement, 3, (sqlite3_int64)heartbeat.boot_id);
  }
  if (code == SQLITE_OK) {
    code = wpm_storage_run(statement);
  }
  return code == SQLITE_OK ? WPM_OK : fault(storage, code, error);
}

int wpm_storage_commit(wpm_storage *storage, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  int code = wpm_storage_run(storage->statements[WPM_STATEMENT_COMMIT]);
  if (code != SQLITE_OK) {
    return fault(storage, code, error);
  }
  storage->in_batch = false;
  return WPM_OK;
}

void wpm_storage_rollback(wpm_storage *storage) {
  if (!sqlite3_get_autocommit(storage->db)) {
    (void)sqlite3_exec(storage->db, "ROLLBACK", NULL, NULL, NULL);
  }
  storage->in_batch = false;
  storage->failed = false;
}
