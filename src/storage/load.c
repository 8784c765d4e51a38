/* Reading what is stored: records, tombstones, bans of ranges, private keys, the heartbeat; and what of
 * the file is kept in memory. */
#include "base/bytes.h"
#include "base/error.h"
#include "storage/contact.h"
#include "storage/fault.h"
#include "storage/handle.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---------------------------------------------------------------------------------- */

/* The next row of a table that must be as we wrote it. */
static int step(sqlite3_stmt *statement, bool *is_row) {
  int code = sqlite3_step(statement);
  *is_row = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_layout(wpm_storage *storage) {
  enum { KEY_SIZE = 16 };
  sqlite3_stmt *statement = NULL;
  bool is_row = false;
  int code = sqlite3_prepare_v2(storage->db, "SELECT key, mask, displaced FROM layout", -1,
                                &statement, NULL);
  if (code == SQLITE_OK) {
    code = step(statement, &is_row);
  }
  if (code == SQLITE_OK) {
    const wpm_bytes key = is_row ? wpm_storage_column(statement, 0) : (wpm_bytes){NULL, 0};
    wpm_unpacker u = {.rest = key};
    if (key.len == KEY_SIZE) {
      uint64_t low = wpm_unpack_little(&u, KEY_SIZE / 2);
      storage->places = (wpm_places){.key = {low, wpm_unpack_little(&u, KEY_SIZE / 2)},
                                     .mask = sqlite3_column_int64(statement, 1) & INT64_MAX,
                                     .displaced = sqlite3_column_int64(statement, 2) != 0};
    } else {
      code = SQLITE_CORRUPT;
    }
  }
  (void)sqlite3_finalize(statement);
  return code;
}

static int read_words(wpm_storage *storage) {
  sqlite3_stmt *statement = NULL;
  bool is_row = false;
  wpm_words_clear(&storage->words);
  int code = sqlite3_prepare_v2(storage->db, "SELECT word, data FROM word ORDER BY word", -1,
                                &statement, NULL);
  if (code == SQLITE_OK) {
    code = step(statement, &is_row);
  }
  while (code == SQLITE_OK && is_row) {
    int64_t number = sqlite3_column_int64(statement, 0);
    int err = wpm_codec_enter_word(wpm_storage_column(statement, 1), number, &storage->words);
    if (err == WPM_ERR_INVALID) {
      wpm_words_pass_over(&storage->words, number);
    }
    code = err == WPM_ERR_NO_MEMORY ? SQLITE_NOMEM : SQLITE_OK;
    if (code == SQLITE_OK) {
      code = step(statement, &is_row);
    }
  }
  (void)sqlite3_finalize(statement);
  return code;
}

static int read_data_version(wpm_storage *storage, int64_t *out) {
  sqlite3_stmt *statement = storage->statements[WPM_STATEMENT_DATA_VERSION];
  *out = 0;
  if (!statement) {
    return SQLITE_OK; /* Read only: each load reads it all anew. */
  }
  if (sqlite3_step(statement) == SQLITE_ROW) {
    *out = sqlite3_column_int64(statement, 0);
  }
  return sqlite3_reset(statement);
}

int wpm_storage_read_memory(wpm_storage *storage) {
  int code = read_data_version(storage, &storage->data_version);
  if (code == SQLITE_OK) {
    code = read_layout(storage);
  }
  return code == SQLITE_OK ? read_words(storage) : code;
}

int wpm_storage_refresh(wpm_storage *storage) {
  int64_t now = 0;
  int code = read_data_version(storage, &now);
  if (code != SQLITE_OK || (now != 0 && now == storage->data_version)) {
    return code;
  }
  return wpm_storage_read_memory(storage);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Both tables are read in the order of the key, side by side. */
typedef struct loader {
  sqlite3_stmt *peers;        /* Stands on a row of table peer. */
  sqlite3_stmt *contacts;     /* Stands on a row of table contact, unless at the end. */
  bool has_contact;           /* It does. */
  int64_t contact_place;      /* Of which peer that row is. */
  wpm_storage_record_fn take; /* The caller's. */
  void *user;                 /* Passed to it. */
  size_t skipped;             /* Rows that could not be decoded. */
} loader;

static int next_contact(loader *l) {
  int code = step(l->contacts, &l->has_contact);
  l->contact_place = l->has_contact ? sqlite3_column_int64(l->contacts, 0) : INT64_MAX;
  return code;
}

/* Gives the record its contact, and passes over those of no peer. Returns SQLite's result code; *err:
 * it is missing or could not be decoded. */
static int take_contact(loader *l, int64_t place, wpm_peer_record *record, int *err) {
  int code = SQLITE_OK;
  while (code == SQLITE_OK && l->has_contact && l->contact_place < place) {
    code = next_contact(l);
  }
  if (*err) {
    return code;
  }
  *err = WPM_ERR_INVALID;
  if (code == SQLITE_OK && l->has_contact && l->contact_place == place) {
    wpm_record_contact contact;
    *err = wpm_contact_unpack(wpm_storage_column(l->contacts, 1), place, &contact);
    wpm_contact_apply(&contact, record);
  }
  return code;
}

/* Hands on the row that `peers` stands on. */
static int load_row(loader *l, wpm_storage *storage, wpm_error *error) {
  const int64_t place = sqlite3_column_int64(l->peers, 0);
  wpm_peer_record record = {.id = wpm_storage_column(l->peers, 1)};
  int err = record.id.len > WPM_PEER_ID_MAX
                ? WPM_ERR_INVALID
                : wpm_codec_unpack(wpm_storage_column(l->peers, 2), place, &storage->words,
                                   &storage->lists, &record, NULL);
  int code = take_contact(l, place, &record, &err);
  if (code != SQLITE_OK) {
    return wpm_storage_fault(error, storage->path, storage->db, code);
  }
  if (err == WPM_ERR_INVALID) {
    l->skipped++;
    return WPM_OK;
  }
  if (err) {
    return wpm_storage_fault(error, storage->path, NULL, SQLITE_NOMEM);
  }
  err = l->take(l->user, &record);
  return err ? wpm_fail(error, err, "loading %s was ended: %s",
                        wpm_storage_shown_path(storage->path), wpm_strerror(err))
             : WPM_OK;
}

static int load_rows(loader *l, wpm_storage *storage, wpm_error *error) {
  bool is_row = false;
  int code = wpm_storage_refresh(storage);
  if (code == SQLITE_OK) {
    code = sqlite3_prepare_v2(storage->db, "SELECT peer, id, data FROM peer ORDER BY peer", -1,
                              &l->peers, NULL);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_prepare_v2(storage->db, "SELECT peer, data FROM contact ORDER BY peer", -1,
                              &l->contacts, NULL);
  }
  if (code == SQLITE_OK) {
    code = next_contact(l);
  }
  while (code == SQLITE_OK) {
    code = step(l->peers, &is_row);
    if (code == SQLITE_OK && !is_row) {
      return WPM_OK;
    }
    if (code == SQLITE_OK) {
      int err = load_row(l, storage, error);
      if (err) {
        return err;
      }
    }
  }
  return wpm_storage_fault(error, storage->path, storage->db, code);
}

int wpm_storage_begin_reading(wpm_storage *storage, wpm_error *error) {
  if (storage->in_batch) {
    return wpm_fail(error, WPM_ERR_STATE, "a batch is open");
  }
  int code = sqlite3_exec(storage->db, "BEGIN", NULL, NULL, NULL);
  return code == SQLITE_OK ? WPM_OK : wpm_storage_fault(error, storage->path, storage->db, code);
}

void wpm_storage_end_reading(wpm_storage *storage) {
  if (!sqlite3_get_autocommit(storage->db)) {
    (void)sqlite3_exec(storage->db, "ROLLBACK", NULL, NULL, NULL);
  }
}

int wpm_storage_load(wpm_storage *storage, wpm_storage_record_fn fn, void *user, size_t *skipped,
                     wpm_error *error) {
  loader l = {.take = fn, .user = user};
  int err = wpm_storage_begin_reading(storage, error);
  if (!err) {
    err = load_rows(&l, storage, error);
    (void)sqlite3_finalize(l.peers);
    (void)sqlite3_finalize(l.contacts);
    wpm_storage_end_reading(storage);
  }
  if (skipped) {
    *skipped = l.skipped;
  }
  return err;
}

/* ---- tombstones, bans, private keys ---------------------------------------------------------------- */

/* Takes the row that the statement stands on; returns what the caller's function does. */
typedef int (*row_fn)(sqlite3_stmt *statement, void *context);

/* Hands each row of `sql` to `fn`. */
static int load_each(wpm_storage *storage, const char *sql, row_fn fn, void *context,
                     wpm_error *error) {
  sqlite3_stmt *statement = NULL;
  bool is_row = false;
  int err = wpm_storage_begin_reading(storage, error);
  if (err) {
    return err;
  }
  int code = sqlite3_prepare_v2(storage->db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK) {
    code = step(statement, &is_row);
  }
  while (code == SQLITE_OK && is_row && !err) {
    err = fn(statement, context);
    if (!err) {
      code = step(statement, &is_row);
    }
  }
  if (code != SQLITE_OK) {
    err = wpm_storage_fault(error, storage->path, storage->db, code);
  } else if (err) {
    err = wpm_fail(error, err, "loading %s was ended: %s", wpm_storage_shown_path(storage->path),
                   wpm_strerror(err));
  }
  (void)sqlite3_finalize(statement);
  wpm_storage_end_reading(storage);
  return err;
}

typedef struct tombstone_taker {
  wpm_storage_tombstone_fn take;
  void *user;
  size_t skipped;
} tombstone_taker;

static int take_tombstone(sqlite3_stmt *statement, void *context) {
  tombstone_taker *taker = context;
  wpm_tombstone tombstone = {.id = wpm_storage_column(statement, 0)};
  if (tombstone.id.len > WPM_PEER_ID_MAX ||
      wpm_codec_unpack_tombstone(wpm_storage_column(statement, 1), &tombstone)) {
    taker->skipped++;
    return WPM_OK;
  }
  return taker->take(taker->user, &tombstone);
}

int wpm_storage_load_tombstones(wpm_storage *storage, wpm_storage_tombstone_fn fn, void *user,
                                size_t *skipped, wpm_error *error) {
  tombstone_taker taker = {.take = fn, .user = user};
  int err = load_each(storage, "SELECT id, data FROM tombstone", take_tombstone, &taker, error);
  if (skipped) {
    *skipped = taker.skipped;
  }
  return err;
}

typedef struct range_ban_taker {
  wpm_storage_range_ban_fn take;
  void *user;
  size_t skipped;
} range_ban_taker;

static int take_range_ban(sqlite3_stmt *statement, void *context) {
  range_ban_taker *taker = context;
  wpm_range_ban ban;
  if (wpm_codec_unpack_range_ban(wpm_storage_column(statement, 0), wpm_storage_column(statement, 1),
                                 &ban)) {
    taker->skipped++;
    return WPM_OK;
  }
  return taker->take(taker->user, &ban);
}

int wpm_storage_load_range_bans(wpm_storage *storage, wpm_storage_range_ban_fn fn, void *user,
                                size_t *skipped, wpm_error *error) {
  range_ban_taker taker = {.take = fn, .user = user};
  int err = load_each(storage, "SELECT range, data FROM range_ban", take_range_ban, &taker, error);
  if (skipped) {
    *skipped = taker.skipped;
  }
  return err;
}

typedef struct key_taker {
  wpm_storage_private_key_fn take;
  void *user;
} key_taker;

/* Works on a copy, since SQLite's own must not be written; that lies in its page cache until another
 * page takes its place. */
static int take_private_key(sqlite3_stmt *statement, void *context) {
  const key_taker *taker = context;
  const wpm_bytes stored = wpm_storage_column(statement, 1);
  uint8_t *copy = malloc(stored.len + 1);
  if (!copy) {
    return WPM_ERR_NO_MEMORY;
  }
  if (stored.len > 0) {
    memcpy(copy, stored.data, stored.len);
  }
  int err =
      taker->take(taker->user, wpm_storage_column(statement, 0), (wpm_bytes){copy, stored.len});
  wpm_wipe(copy, stored.len);
  free(copy);
  return err;
}

int wpm_storage_load_private_keys(wpm_storage *storage, wpm_storage_private_key_fn fn, void *user,
                                  wpm_error *error) {
  key_taker taker = {.take = fn, .user = user};
  return load_each(storage, "SELECT id, key FROM private_key", take_private_key, &taker, error);
}

/* ---- heartbeat ------------------------------------------------------------------------------- */

int wpm_storage_heartbeat(wpm_storage *storage, wpm_instant *out, wpm_error *error) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(storage->db, "SELECT mono, wall, boot_id FROM heartbeat", -1,
                                &statement, NULL);
  int err = WPM_OK;
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
  }
  if (code == SQLITE_ROW) {
    *out = (wpm_instant){.mono = {sqlite3_column_int64(statement, 0)},
                         .wall = {sqlite3_column_type(statement, 1) == SQLITE_NULL
                                      ? INT64_MIN
                                      : sqlite3_column_int64(statement, 1)},
                         .boot_id = (uint64_t)sqlite3_column_int64(statement, 2)};
  } else if (code == SQLITE_DONE) {
    err = wpm_fail(error, WPM_ERR_NOT_FOUND, "%s holds no heartbeat",
                   wpm_storage_shown_path(storage->path));
  } else {
    err = wpm_storage_fault(error, storage->path, storage->db, code);
  }
  (void)sqlite3_finalize(statement);
  return err;
}
