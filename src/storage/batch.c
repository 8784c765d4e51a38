/* Batches of changes: begin, put, remove, commit, rollback. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/ip_range.h"
#include "storage/contact.h"
#include "storage/fault.h"
#include "storage/handle.h"
#include "storage/log_room.h"

/* How many places behind the one of its hash a peer may lie: with hashes of 63 bits two peers of a
 * million meet once in twenty million files. */
#define PLACES_TRIED 16

int wpm_storage_prepare(wpm_storage *storage, int count) {
  static const char *const texts[WPM_STATEMENT_COUNT] = {
      [WPM_STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
      [WPM_STATEMENT_COMMIT] = "COMMIT",
      [WPM_STATEMENT_DATA_VERSION] = "PRAGMA data_version",
      [WPM_STATEMENT_FIND] = "SELECT id FROM peer WHERE peer = ?",
      [WPM_STATEMENT_INSERT] = "INSERT INTO peer (peer, data, id) VALUES (?, ?, ?)",
      [WPM_STATEMENT_UPDATE] = "UPDATE peer SET data = ?2 WHERE peer = ?1",
      [WPM_STATEMENT_REMOVE] = "DELETE FROM peer WHERE peer = ?",
      [WPM_STATEMENT_UPDATE_CONTACT] = "UPDATE contact SET data = ?2 WHERE peer = ?1",
      [WPM_STATEMENT_INSERT_CONTACT] = "INSERT INTO contact (peer, data) VALUES (?, ?)",
      [WPM_STATEMENT_REMOVE_CONTACT] = "DELETE FROM contact WHERE peer = ?",
      [WPM_STATEMENT_PUT_WORD] = "REPLACE INTO word (word, data) VALUES (?, ?)",
      [WPM_STATEMENT_PUT_TOMBSTONE] = "REPLACE INTO tombstone (id, data) VALUES (?, ?)",
      [WPM_STATEMENT_REMOVE_TOMBSTONE] = "DELETE FROM tombstone WHERE id = ?",
      [WPM_STATEMENT_PUT_RANGE_BAN] = "REPLACE INTO range_ban (range, data) VALUES (?, ?)",
      [WPM_STATEMENT_REMOVE_RANGE_BAN] = "DELETE FROM range_ban WHERE range = ?",
      [WPM_STATEMENT_PUT_PRIVATE_KEY] = "REPLACE INTO private_key (id, key) VALUES (?, ?)",
      [WPM_STATEMENT_REMOVE_PRIVATE_KEY] = "DELETE FROM private_key WHERE id = ?",
      [WPM_STATEMENT_PUT_HEARTBEAT] =
          "INSERT INTO heartbeat (only, mono, wall, boot_id) VALUES (1, ?, ?, ?)"
          " ON CONFLICT (only) DO UPDATE SET mono = excluded.mono, wall = excluded.wall,"
          " boot_id = excluded.boot_id",
  };
  int code = SQLITE_OK;
  for (int i = 0; code == SQLITE_OK && i < count; i++) {
    code = sqlite3_prepare_v3(storage->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                              &storage->statements[i], NULL);
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
  int err = wpm_storage_fault(error, storage->path, storage->db, code);
  storage->lacked_room = err == WPM_ERR_DISK_FULL;
  return err;
}

static int done(wpm_storage *storage, int code, wpm_error *error) {
  return code == SQLITE_OK ? WPM_OK : fault(storage, code, error);
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

static int check_id(wpm_bytes id, wpm_error *error) {
  return id.len <= WPM_PEER_ID_MAX
             ? WPM_OK
             : wpm_fail(error, WPM_ERR_INVALID, "no peer id: it has %zu bytes (at most %d)", id.len,
                        WPM_PEER_ID_MAX);
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
  /* Asked now, when nobody else can write. */
  int err = done(storage, wpm_storage_refresh(storage), error);
  if (err) {
    wpm_storage_rollback(storage);
  }
  return err;
}

/* ---- places ---------------------------------------------------------------------------------- */

static int64_t home_of(const wpm_storage *storage, wpm_bytes id) {
  return (int64_t)(wpm_siphash13(&storage->places.key, id) >> 1) & storage->places.mask;
}

uint64_t wpm_storage_place(const wpm_storage *storage, wpm_bytes id) {
  return (uint64_t)home_of(storage, id);
}

/* Whether the peer at `place` is `id`; *taken: there is one. */
static int look_at(wpm_storage *storage, int64_t place, wpm_bytes id, bool *taken, bool *is_it) {
  sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_FIND];
  int code = sqlite3_bind_int64(statement, 1, place);
  *taken = false;
  *is_it = false;
  if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
    const wpm_bytes there = {sqlite3_column_blob(statement, 0),
                             (size_t)sqlite3_column_bytes(statement, 0)};
    *taken = true;
    *is_it = wpm_bytes_equal(there, id);
  }
  int ended = sqlite3_reset(statement);
  return code == SQLITE_OK ? ended : code;
}

/* The place of `id`; *found: it is stored there, otherwise it can be. */
static int find(wpm_storage *storage, wpm_bytes id, int64_t *place, bool *found) {
  const int64_t home = home_of(storage, id);
  int64_t free_place = -1;
  *found = false;
  for (int i = 0; i < PLACES_TRIED; i++) {
    bool taken = false;
    *place = (home + i) & storage->places.mask;
    int code = look_at(storage, *place, id, &taken, found);
    if (code != SQLITE_OK || *found) {
      return code;
    }
    if (!taken && free_place < 0) {
      free_place = *place;
    }
    if (!taken && !storage->places.displaced) {
      break; /* Nobody lies behind a place that is free. */
    }
  }
  *place = free_place;
  return free_place >= 0 ? SQLITE_OK : SQLITE_FULL;
}

/* From now on a place alone does not say whose it is. */
static int note_displaced(wpm_storage *storage) {
  storage->places.displaced = true;
  return sqlite3_exec(storage->db, "UPDATE layout SET displaced = 1", NULL, NULL, NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Runs a statement with the parameters `place` and the row that was packed. */
static int run_with_row(wpm_storage *storage, wpm_statement which, int64_t place,
                        const wpm_packer *p) {
  sqlite3_stmt *statement = storage->statements[which];
  if (p->err) {
    return SQLITE_NOMEM;
  }
  int code = sqlite3_bind_int64(statement, 1, place);
  if (code == SQLITE_OK) {
    code = sqlite3_bind_blob64(statement, 2, storage->row.memory, p->len, SQLITE_STATIC);
  }
  return code == SQLITE_OK ? wpm_storage_run(statement) : code;
}

/* Binds bytes, of which there may be none. */
static int bind_bytes(sqlite3_stmt *statement, int parameter, wpm_bytes bytes) {
  return bytes.len > 0
             ? sqlite3_bind_blob64(statement, parameter, bytes.data, bytes.len, SQLITE_STATIC)
             : sqlite3_bind_zeroblob(statement, parameter, 0);
}

/* Stores the words that the record at hand was the first to use. */
static int put_words(wpm_storage *storage) {
  wpm_words *words = &storage->words;
  int code = SQLITE_OK;
  for (; code == SQLITE_OK && words->stored_count < words->added_count; words->stored_count++) {
    int64_t number = ((const uint32_t *)words->added.memory)[words->stored_count];
    wpm_packer p = {.scratch = &storage->row};
    wpm_codec_pack_word(&p, wpm_words_at(words, (uint64_t)number), number);
    code = run_with_row(storage, WPM_STATEMENT_PUT_WORD, number, &p);
  }
  return code;
}

static int remove_contact(wpm_storage *storage, int64_t place) {
  sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_REMOVE_CONTACT];
  int code = sqlite3_bind_int64(statement, 1, place);
  return code == SQLITE_OK ? wpm_storage_run(statement) : code;
}

static wpm_packer pack_contact(wpm_storage *storage, const wpm_record_contact *contact,
                               int64_t place) {
  wpm_packer p = {.scratch = &storage->row};
  wpm_contact_pack(&p, contact, place);
  return p;
}

/* Of a peer that is stored there. */
static int put_contact(wpm_storage *storage, const wpm_record_contact *contact, int64_t place) {
  wpm_packer p = pack_contact(storage, contact, place);
  int code = run_with_row(storage, WPM_STATEMENT_UPDATE_CONTACT, place, &p);
  if (code == SQLITE_OK && sqlite3_changes64(storage->db) == 0) {
    code = run_with_row(storage, WPM_STATEMENT_INSERT_CONTACT, place, &p);
  }
  return code;
}

/* Stores the packed row of `id`, which lies at `place` or, unless `found`, is to. */
static int put_row(wpm_storage *storage, wpm_bytes id, int64_t place, bool found,
                   const wpm_packer *p) {
  int code = found ? SQLITE_OK : bind_bytes(storage->statements[WPM_STATEMENT_INSERT], 3, id);
  if (code == SQLITE_OK && !found && place != home_of(storage, id)) {
    code = note_displaced(storage);
  }
  return code == SQLITE_OK
             ? run_with_row(storage, found ? WPM_STATEMENT_UPDATE : WPM_STATEMENT_INSERT, place, p)
             : code;
}

int wpm_storage_put_record(wpm_storage *storage, const wpm_peer_record *record, bool with_contact) {
  int64_t place = 0;
  bool found = false;
  int code = find(storage, record->id, &place, &found);
  if (code != SQLITE_OK) {
    return code;
  }
  wpm_packer p = {.scratch = &storage->row};
  wpm_codec_pack(&p, record, &storage->words, place);
  code = put_row(storage, record->id, place, found, &p);
  if (code == SQLITE_OK) {
    code = put_words(storage);
  }
  if (code == SQLITE_OK && (with_contact || !found)) {
    const wpm_record_contact contact = wpm_contact_of(record);
    code = put_contact(storage, &contact, place);
  }
  return code;
}

int wpm_storage_put_undecoded(wpm_storage *storage, wpm_bytes id, wpm_bytes row) {
  int64_t place = 0;
  bool found = false;
  int code = find(storage, id, &place, &found);
  if (code != SQLITE_OK || found) {
    return code;
  }
  wpm_packer p = {.scratch = &storage->row};
  wpm_pack_raw(&p, row.data, row.len);
  return put_row(storage, id, place, false, &p);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* *stored: the peer is. */
static int put_contact_alone(wpm_storage *storage, wpm_bytes id, const wpm_record_contact *contact,
                             bool *stored) {
  int64_t place = home_of(storage, id);
  *stored = true;
  if (!storage->places.displaced) {
    /* The way that almost all take: one row, found by its key. */
    wpm_packer p = pack_contact(storage, contact, place);
    int code = run_with_row(storage, WPM_STATEMENT_UPDATE_CONTACT, place, &p);
    if (code != SQLITE_OK || sqlite3_changes64(storage->db) > 0) {
      return code;
    }
  }
  int code = find(storage, id, &place, stored);
  return code == SQLITE_OK && *stored ? put_contact(storage, contact, place) : code;
}

static int put_contact_of(wpm_storage *storage, const wpm_peer_record *record, wpm_error *error) {
  const wpm_record_contact contact = wpm_contact_of(record);
  int err = check_id(record->id, error);
  if (err) {
    return err;
  }
  if (wpm_contact_check(&contact)) {
    return wpm_fail(error, WPM_ERR_INVALID, "a record cannot be stored: %s",
                    wpm_strerror(WPM_ERR_INVALID));
  }
  bool stored = false;
  err = done(storage, put_contact_alone(storage, record->id, &contact, &stored), error);
  if (!err && !stored) {
    return wpm_fail(error, WPM_ERR_NOT_FOUND, "a peer of which a contact is to be stored is not");
  }
  return err;
}

int wpm_storage_put(wpm_storage *storage, const wpm_peer_record *record, uint32_t fields,
                    wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  if ((fields & ~(uint32_t)WPM_FIELD_CONTACT) == 0) {
    return fields ? put_contact_of(storage, record, error) : WPM_OK;
  }
  err = wpm_codec_check(record);
  if (err) {
    return wpm_fail(error, err, "a record cannot be stored: %s", wpm_strerror(err));
  }
  bool with_contact = (fields & WPM_FIELD_CONTACT) != 0;
  return done(storage, wpm_storage_put_record(storage, record, with_contact), error);
}

int wpm_storage_remove(wpm_storage *storage, wpm_bytes id, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (!err) {
    err = check_id(id, error);
  }
  if (err) {
    return err;
  }
  int64_t place = 0;
  bool found = false;
  int code = find(storage, id, &place, &found);
  if (code == SQLITE_FULL) {
    return WPM_OK; /* All places that it could have are others'. */
  }
  if (code == SQLITE_OK && found) {
    sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_REMOVE];
    code = sqlite3_bind_int64(statement, 1, place);
    if (code == SQLITE_OK) {
      code = wpm_storage_run(statement);
    }
    if (code == SQLITE_OK) {
      code = remove_contact(storage, place);
    }
  }
  return done(storage, code, error);
}

/* Runs a statement whose parameters are an id and, where `value` is not NULL, bytes. */
static int run_with_id(wpm_storage *storage, wpm_statement which, wpm_bytes id,
                       const wpm_bytes *value, wpm_error *error) {
  sqlite3_stmt *statement = storage->statements[which];
  int code = bind_bytes(statement, 1, id);
  if (code == SQLITE_OK && value) {
    code = bind_bytes(statement, 2, *value);
  }
  if (code == SQLITE_OK) {
    code = wpm_storage_run(statement);
  }
  (void)sqlite3_clear_bindings(statement);
  return done(storage, code, error);
}

int wpm_storage_put_tombstone(wpm_storage *storage, const wpm_tombstone *tombstone,
                              wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  err = wpm_codec_check_tombstone(tombstone);
  if (err) {
    return wpm_fail(error, err, "a tombstone cannot be stored: %s", wpm_strerror(err));
  }
  wpm_packer p = {.scratch = &storage->row};
  wpm_codec_pack_tombstone(&p, tombstone);
  if (p.err) {
    return fault(storage, SQLITE_NOMEM, error);
  }
  const wpm_bytes row = {storage->row.memory, p.len};
  return run_with_id(storage, WPM_STATEMENT_PUT_TOMBSTONE, tombstone->id, &row, error);
}

static int remove_by_id(wpm_storage *storage, wpm_statement which, wpm_bytes id, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (!err) {
    err = check_id(id, error);
  }
  return err ? err : run_with_id(storage, which, id, NULL, error);
}

int wpm_storage_remove_tombstone(wpm_storage *storage, wpm_bytes id, wpm_error *error) {
  return remove_by_id(storage, WPM_STATEMENT_REMOVE_TOMBSTONE, id, error);
}

int wpm_storage_put_range_ban(wpm_storage *storage, const wpm_range_ban *ban, wpm_error *error) {
  uint8_t key[WPM_IP_RANGE_KEY];
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  err = wpm_codec_check_range_ban(ban);
  if (err) {
    return wpm_fail(error, err, "the ban of a range cannot be stored: %s", wpm_strerror(err));
  }
  wpm_packer p = {.scratch = &storage->row};
  wpm_codec_pack_range_ban(&p, ban);
  if (p.err) {
    return fault(storage, SQLITE_NOMEM, error);
  }
  wpm_ip_range_key(ban->range.ip, ban->range.bits, key);
  const wpm_bytes row = {storage->row.memory, p.len};
  return run_with_id(storage, WPM_STATEMENT_PUT_RANGE_BAN, (wpm_bytes){key, sizeof(key)}, &row,
                     error);
}

int wpm_storage_remove_range_ban(wpm_storage *storage, const wpm_ip_range *range,
                                 wpm_error *error) {
  const wpm_range_ban none = {.range = *range};
  uint8_t key[WPM_IP_RANGE_KEY];
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  err = wpm_codec_check_range_ban(&none);
  if (err) {
    return wpm_fail(error, err, "no range of addresses: %s", wpm_strerror(err));
  }
  wpm_ip_range_key(range->ip, range->bits, key);
  return run_with_id(storage, WPM_STATEMENT_REMOVE_RANGE_BAN, (wpm_bytes){key, sizeof(key)}, NULL,
                     error);
}

int wpm_storage_put_private_key(wpm_storage *storage, wpm_bytes id, wpm_bytes key,
                                wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (!err) {
    err = check_id(id, error);
  }
  if (err) {
    return err;
  }
  if (key.len == 0) {
    return wpm_fail(error, WPM_ERR_INVALID, "an empty private key cannot be stored");
  }
  if (key.len > WPM_RECORD_MAX) {
    return wpm_fail(error, WPM_ERR_TOO_LARGE, "a private key of %zu bytes cannot be stored",
                    key.len);
  }
  return run_with_id(storage, WPM_STATEMENT_PUT_PRIVATE_KEY, id, &key, error);
}

int wpm_storage_remove_private_key(wpm_storage *storage, wpm_bytes id, wpm_error *error) {
  return remove_by_id(storage, WPM_STATEMENT_REMOVE_PRIVATE_KEY, id, error);
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
  return done(storage, code, error);
}

/* ---- the end of a batch ---------------------------------------------------------------------- */

int wpm_storage_commit(wpm_storage *storage, wpm_error *error) {
  int err = check_in_batch(storage, error);
  if (err) {
    return err;
  }
  int code = wpm_storage_run(storage->statements[WPM_STATEMENT_COMMIT]);
  if (code != SQLITE_OK) {
    return fault(storage, code, error);
  }
  wpm_words_keep(&storage->words);
  storage->in_batch = false;
  wpm_log_room_committed(storage);
  return WPM_OK;
}

void wpm_storage_rollback(wpm_storage *storage) {
  if (!sqlite3_get_autocommit(storage->db)) {
    (void)sqlite3_exec(storage->db, "ROLLBACK", NULL, NULL, NULL);
  }
  wpm_words_drop_added(&storage->words);
  /* What the batch noted is undone: the next one reads it from the file. */
  storage->data_version = -1;
  storage->in_batch = false;
  storage->failed = false;
  if (storage->lacked_room) {
    storage->lacked_room = false;
    wpm_log_room_lacked(storage);
  }
}
