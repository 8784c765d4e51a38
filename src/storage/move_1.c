/* From schema 1 to schema 2: records were a row of many columns and one row for each address. */
#include "base/error.h"
#include "storage/handle.h"
#include "storage/row_1.h"
#include "storage/schema.h"

#include <string.h>

/* Both tables are read in the order of the key, side by side. */
typedef struct mover {
  sqlite3_stmt *peers;       /* Stands on a row of table peer_1. */
  sqlite3_stmt *addresses;   /* Stands on a row of table address_1, unless at the end. */
  bool at_end;               /* No more addresses. */
  wpm_room list;             /* Addresses of the peer at hand. */
  wpm_room bytes;            /* Their bytes. */
  wpm_row_1_scratch scratch; /* For the row at hand. */
} mover;

static int next_address(mover *m) {
  int code = sqlite3_step(m->addresses);
  m->at_end = code == SQLITE_DONE;
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Copies the address that the statement stands on behind the `count` held, whose bytes take `used`
 * so far. Where its own bytes lie is filled in later: they may move. */
static int keep_address(mover *m, size_t count, size_t used) {
  wpm_address address;
  int err = wpm_row_1_read_address(m->addresses, &address);
  if (err) {
    return err;
  }
  if (wpm_room_reserve(&m->list, count + 1, sizeof(address)) ||
      wpm_room_reserve(&m->bytes, used + address.multiaddr.len, 1)) {
    return WPM_ERR_NO_MEMORY;
  }
  if (address.multiaddr.len > 0) {
    memcpy((uint8_t *)m->bytes.memory + used, address.multiaddr.data, address.multiaddr.len);
  }
  ((wpm_address *)m->list.memory)[count] = address;
  return WPM_OK;
}

/* Gives the record the addresses of `key`, and passes over those of no peer. *err: an address could
 * not be decoded or kept. Returns SQLite's result code. */
static int take_addresses(mover *m, sqlite3_int64 key, wpm_peer_record *record, int *err) {
  size_t used = 0;
  while (!m->at_end && wpm_row_1_address_key(m->addresses) <= key) {
    if (wpm_row_1_address_key(m->addresses) == key && !*err) {
      *err = keep_address(m, record->address_count, used);
      if (!*err) {
        const wpm_address *kept = (wpm_address *)m->list.memory + record->address_count;
        used += kept->multiaddr.len;
        record->address_count++;
      }
    }
    int code = next_address(m);
    if (code != SQLITE_OK) {
      return code;
    }
  }
  wpm_address *addresses = m->list.memory;
  const uint8_t *bytes = m->bytes.memory;
  for (size_t i = 0; i < record->address_count; i++) {
    addresses[i].multiaddr.data = bytes;
    bytes += addresses[i].multiaddr.len;
  }
  record->addresses = addresses;
  return SQLITE_OK;
}

/* A row that cannot be decoded is kept all the same, as text that no version takes for a record. */
static int move_undecoded(mover *m, wpm_storage *storage, wpm_bytes id) {
  char *text = wpm_row_1_describe(m->peers);
  if (!text) {
    return SQLITE_NOMEM;
  }
  int code = SQLITE_OK;
  if (id.len <= WPM_PEER_ID_MAX) {
    code = wpm_storage_put_undecoded(storage, id, (wpm_bytes){(uint8_t *)text, strlen(text)});
  }
  sqlite3_free(text);
  return code;
}

/* Moves the row that `peers` stands on. */
static int move_row(mover *m, wpm_storage *storage) {
  wpm_peer_record record;
  sqlite3_int64 key = 0;
  int err = wpm_row_1_read(m->peers, &m->scratch, &record, &key);
  int code = take_addresses(m, key, &record, &err);
  if (code != SQLITE_OK) {
    return code;
  }
  if (!err) {
    err = wpm_codec_check(&record);
  }
  if (err == WPM_ERR_NO_MEMORY) {
    return SQLITE_NOMEM;
  }
  return err ? move_undecoded(m, storage, record.id)
             : wpm_storage_put_record(storage, &record, true);
}

static int move_rows(mover *m, wpm_storage *storage) {
  int code = wpm_row_1_prepare_select(storage->db, &m->peers);
  if (code == SQLITE_OK) {
    code = wpm_row_1_prepare_select_addresses(storage->db, &m->addresses);
  }
  if (code == SQLITE_OK) {
    code = next_address(m);
  }
  while (code == SQLITE_OK) {
    code = sqlite3_step(m->peers);
    if (code == SQLITE_DONE) {
      return SQLITE_OK;
    }
    if (code == SQLITE_ROW) {
      code = move_row(m, storage);
    }
  }
  return code;
}

int wpm_schema_move_1(wpm_storage *storage) {
  mover m = {.at_end = false};
  int code = wpm_storage_prepare(storage, WPM_STATEMENTS_OF_2);
  if (code == SQLITE_OK) {
    code = wpm_storage_read_memory(storage);
  }
  if (code == SQLITE_OK) {
    code = move_rows(&m, storage);
  }
  (void)sqlite3_finalize(m.peers);
  (void)sqlite3_finalize(m.addresses);
  wpm_room_fini(&m.list);
  wpm_room_fini(&m.bytes);
  wpm_row_1_scratch_fini(&m.scratch);
  wpm_storage_finalize(storage);
  wpm_words_keep(&storage->words);
  return code;
}
