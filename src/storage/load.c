/* Reading what is stored: all records, and the heartbeat. */
#include "base/error.h"
#include "storage/fault.h"
#include "storage/handle.h"

#include <string.h>

/* Both tables are read in the order of the key, side by side. */
typedef struct loader {
  sqlite3_stmt *peers;        /* Stands on a row of table peer. */
  sqlite3_stmt *addresses;    /* Stands on a row of table address, unless at the end. */
  bool at_end;                /* No more addresses. */
  wpm_scratch list;           /* Addresses of the peer at hand. */
  wpm_scratch bytes;          /* Their bytes. */
  wpm_storage_record_fn take; /* The caller's. */
  void *user;                 /* Passed to it. */
  size_t skipped;             /* Rows that could not be decoded. */
} loader;

static int next_address(loader *l) {
  int code = sqlite3_step(l->addresses);
  l->at_end = code == SQLITE_DONE;
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Copies the address that the statement stands on behind the `count` held, whose bytes take `used`
 * so far. Where its own bytes lie is filled in later: they may move. */
static int keep_address(loader *l, size_t count, size_t used) {
  wpm_address address;
  int err = wpm_row_read_address(l->addresses, &address);
  if (err) {
    return err;
  }
  if (wpm_scratch_reserve(&l->list, count + 1, sizeof(address)) ||
      wpm_scratch_reserve(&l->bytes, used + address.multiaddr.len, 1)) {
    return WPM_ERR_NO_MEMORY;
  }
  if (address.multiaddr.len > 0) {
    memcpy((uint8_t *)l->bytes.memory + used, address.multiaddr.data, address.multiaddr.len);
  }
  ((wpm_address *)l->list.memory)[count] = address;
  return WPM_OK;
}

/* Gives the record the addresses of `key`, and passes over those of no peer. *err: an address could
 * not be decoded or kept. Returns SQLite's result code. */
static int take_addresses(loader *l, sqlite3_int64 key, wpm_peer_record *record, int *err) {
  size_t used = 0;
  while (!l->at_end && wpm_row_address_key(l->addresses) <= key) {
    if (wpm_row_address_key(l->addresses) == key && !*err) {
      *err = keep_address(l, record->address_count, used);
      if (!*err) {
        const wpm_address *kept = (wpm_address *)l->list.memory + record->address_count;
        used += kept->multiaddr.len;
        record->address_count++;
      }
    }
    int code = next_address(l);
    if (code != SQLITE_OK) {
      return code;
    }
  }
  wpm_address *addresses = l->list.memory;
  const uint8_t *bytes = l->bytes.memory;
  for (size_t i = 0; i < record->address_count; i++) {
    addresses[i].multiaddr.data = bytes;
    bytes += addresses[i].multiaddr.len;
  }
  record->addresses = addresses;
  return SQLITE_OK;
}

/* Hands on the row that `peers` stands on. */
static int load_row(loader *l, wpm_storage *storage, wpm_error *error) {
  wpm_peer_record record;
  sqlite3_int64 key = 0;
  int err = wpm_row_read(l->peers, &storage->scratch, &record, &key);
  int code = take_addresses(l, key, &record, &err);
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
  int code = wpm_row_prepare_select(storage->db, &l->peers);
  if (code == SQLITE_OK) {
    code = wpm_row_prepare_select_addresses(storage->db, &l->addresses);
  }
  if (code == SQLITE_OK) {
    code = next_address(l);
  }
  while (code == SQLITE_OK) {
    code = sqlite3_step(l->peers);
    if (code == SQLITE_DONE) {
      return WPM_OK;
    }
    if (code == SQLITE_ROW) {
      int err = load_row(l, storage, error);
      if (err) {
        return err;
      }
      code = SQLITE_OK;
    }
  }
  return wpm_storage_fault(error, storage->path, storage->db, code);
}

int wpm_storage_load(wpm_storage *storage, wpm_storage_record_fn fn, void *user, size_t *skipped,
                     wpm_error *error) {
  if (storage->in_batch) {
    return wpm_fail(error, WPM_ERR_STATE, "a batch is open");
  }
  loader l = {.take = fn, .user = user};
  /* One transaction, so that both tables are read as of the same moment. */
  int code = sqlite3_exec(storage->db, "BEGIN", NULL, NULL, NULL);
  int err = code == SQLITE_OK ? load_rows(&l, storage, error)
                              : wpm_storage_fault(error, storage->path, storage->db, code);
  (void)sqlite3_finalize(l.peers);
  (void)sqlite3_finalize(l.addresses);
  if (!sqlite3_get_autocommit(storage->db)) {
    (void)sqlite3_exec(storage->db, "ROLLBACK", NULL, NULL, NULL);
  }
  wpm_scratch_fini(&l.list);
  wpm_scratch_fini(&l.bytes);
  if (skipped) {
    *skipped = l.skipped;
  }
  return err;
}

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
