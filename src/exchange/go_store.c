#include "exchange/go_store.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/multibase.h"
#include "exchange/go_addresses.h"
#include "exchange/go_metadata.h"
#include "exchange/message.h"

#include <stdio.h>

/* As go-waku itself makes it. */
const char wpm_go_schema[] = "CREATE TABLE peerstore (key TEXT NOT NULL UNIQUE, data BLOB);";
const char wpm_go_insert[] = "INSERT INTO peerstore (key, data) VALUES (?1, ?2)";

enum { SECTION_ADDRS = 1, SECTION_KEYS = 2, SECTION_METADATA = 3 };

/* All that concerns a peer, behind each other: `rest` is ID or ID/NAME, and `/` sorts before every
 * letter of base32. */
static const char query[] =
    "SELECT section, rest, value FROM (SELECT "
    "CASE WHEN key GLOB '/peers/addrs/*' THEN 1 WHEN key GLOB '/peers/keys/*' THEN 2 "
    "WHEN key GLOB '/peers/metadata/*' THEN 3 END AS section, "
    "CASE WHEN key GLOB '/peers/addrs/*' THEN substr(key, 14) "
    "WHEN key GLOB '/peers/keys/*' THEN substr(key, 13) ELSE substr(key, 17) END AS rest, "
    "CASE WHEN typeof(data) = 'blob' AND length(data) <= " WPM_VALUE_MAX_TEXT
    " THEN data END AS value FROM peerstore) WHERE section IS NOT NULL ORDER BY rest, section";

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct go_reader {
  wpm_crypto *crypto;
  const wpm_exchange_sink *sink;
  wpm_report *report;
  wpm_builder builder;
  bool has_peer; /* The builder holds one. */
  bool is_own;   /* Its private key is here. */
} go_reader;

/* One row. */
typedef struct go_row {
  int section;
  wpm_text rest;
  wpm_text name; /* Behind the id; empty: none. */
  wpm_bytes value;
  bool has_value;
  wpm_peer_id id;
} go_row;

static int end_peer(go_reader *reader) {
  if (!reader->has_peer) {
    return WPM_OK;
  }
  reader->has_peer = false;
  if (reader->is_own) {
    reader->report->counts.own++;
    return WPM_OK;
  }
  reader->report->counts.records++;
  return reader->sink->record(reader->sink->user, wpm_builder_end(&reader->builder));
}

/* Reads a row's key. False: it names no peer. */
static bool read_row(sqlite3_stmt *statement, go_row *row) {
  wpm_bytes rest = wpm_database_column(statement, 1);
  *row = (go_row){.section = sqlite3_column_int(statement, 0),
                  .rest = {(const char *)rest.data, rest.len},
                  .value = wpm_database_column(statement, 2),
                  .has_value = sqlite3_column_type(statement, 2) != SQLITE_NULL};
  const char *slash = rest.len > 0 ? memchr(row->rest.data, '/', rest.len) : NULL;
  wpm_text id = {row->rest.data, slash ? (size_t)(slash - row->rest.data) : rest.len};
  if (slash) {
    row->name = (wpm_text){slash + 1, rest.len - id.len - 1};
  }
  size_t len = 0;
  if (wpm_base32_decode(id, row->id.bytes, sizeof row->id.bytes, &len) != WPM_OK) {
    return false;
  }
  row->id.len = (uint8_t)len;
  return len > 0 && wpm_peer_id_check(wpm_peer_id_view(&row->id)) == WPM_OK;
}

static int take_key(go_reader *reader, const go_row *row) {
  if (wpm_text_equal(row->name, WPM_TEXT("priv"))) {
    reader->is_own = true;
    reader->report->counts.own++;
    return WPM_OK;
  }
  if (wpm_text_equal(row->name, WPM_TEXT("pub"))) {
    return wpm_proofs_public_key(reader->crypto, &reader->builder, row->value, reader->report);
  }
  wpm_report_skip_peer(reader->report, wpm_peer_id_view(&row->id),
                       "a key that is neither pub nor priv");
  return WPM_OK;
}

static int take_row(go_reader *reader, const go_row *row) {
  if (!row->has_value) {
    wpm_report_skip_peer(reader->report, wpm_peer_id_view(&row->id),
                         "a value that is no blob of at most %d bytes", WPM_VALUE_MAX);
    return WPM_OK;
  }
  if (row->section == SECTION_METADATA) {
    return wpm_go_metadata_read(&reader->builder, row->name, row->value, reader->report);
  }
  return row->section == SECTION_KEYS
             ? take_key(reader, row)
             : wpm_go_addresses_read(reader->crypto, row->value, &reader->builder, reader->report);
}

static int next_row(go_reader *reader, sqlite3_stmt *statement) {
  go_row row;
  char shown[120];
  if (!read_row(statement, &row)) {
    wpm_report_skip(reader->report, wpm_text_printable(row.rest, shown, sizeof shown),
                    "its key names no peer");
    return WPM_OK;
  }
  int err = WPM_OK;
  if (!reader->has_peer || !wpm_bytes_equal(reader->builder.record.id, wpm_peer_id_view(&row.id))) {
    err = end_peer(reader);
    if (err == WPM_OK) {
      err = wpm_builder_begin(&reader->builder, wpm_peer_id_view(&row.id));
    }
    if (err == WPM_OK) { /* The id may carry its key, whether that lies here or not. */
      err = wpm_proofs_public_key(reader->crypto, &reader->builder, (wpm_bytes){0}, reader->report);
    }
    reader->has_peer = err == WPM_OK;
    reader->is_own = false;
  }
  return err == WPM_OK ? take_row(reader, &row) : err;
}

int wpm_go_read(wpm_database *database, wpm_crypto *crypto, const wpm_exchange_sink *sink,
                wpm_report *report, wpm_error *error) {
  go_reader reader = {.crypto = crypto, .sink = sink, .report = report};
  sqlite3_stmt *statement = NULL;
  bool is_row = false;
  wpm_builder_init(&reader.builder, sink->now);
  int err = wpm_database_prepare(database, query, &statement, error);
  if (err == WPM_OK) {
    err = wpm_database_step(database, statement, &is_row, error);
  }
  while (err == WPM_OK && is_row) {
    err = next_row(&reader, statement);
    if (err == WPM_OK) {
      err = wpm_database_step(database, statement, &is_row, error);
    }
  }
  if (err == WPM_OK) {
    err = end_peer(&reader);
  }
  (void)sqlite3_finalize(statement);
  wpm_builder_fini(&reader.builder);
  return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct go_writer {
  wpm_database *database;
  sqlite3_stmt *insert;
  char id[2 * WPM_PEER_ID_MAX]; /* In base32. */
  wpm_error *error;
} go_writer;

static int put(const go_writer *writer, const char *section, wpm_text name, wpm_bytes value) {
  char key[2 * WPM_PEER_ID_MAX + 300];
  int len = snprintf(key, sizeof key, "/peers/%s/%s%s%.*s", section, writer->id,
                     name.len > 0 ? "/" : "", (int)name.len, name.data ? name.data : "");
  return wpm_database_insert(writer->database, writer->insert,
                             (wpm_bytes){(const uint8_t *)key, (size_t)len}, true, value,
                             writer->error);
}

static int put_metadata(void *user, wpm_text name, wpm_bytes value) {
  return put(user, "metadata", name, value);
}

static bool write_id(wpm_bytes id, char *out, size_t cap) {
  if (wpm_peer_id_check(id) != WPM_OK || wpm_base32_encode(id, out, cap, NULL) != WPM_OK) {
    return false;
  }
  for (char *at = out; *at; at++) {
    *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
  }
  return true;
}

static int put_addresses(const go_writer *writer, const wpm_peer_record *record, wpm_wall now,
                         wpm_buffer *space, wpm_report *report) {
  if (record->address_count == 0) {
    return WPM_OK;
  }
  int err = wpm_go_addresses_write(record, now, space);
  if (err == WPM_ERR_TOO_LARGE) {
    wpm_report_skip_peer(report, record->id, "its addresses are too long for one value");
    return WPM_OK;
  }
  return err == WPM_OK ? put(writer, "addrs", (wpm_text){0}, wpm_buffer_view(space)) : err;
}

static int put_key(const go_writer *writer, wpm_crypto *crypto, const wpm_peer_record *record) {
  wpm_bytes key = {0};
  int err = wpm_proofs_own_key(crypto, record, &key);
  return err == WPM_OK              ? put(writer, "keys", WPM_TEXT("pub"), key)
         : err == WPM_ERR_NOT_FOUND ? WPM_OK
                                    : err;
}

int wpm_go_write(wpm_database *database, sqlite3_stmt *insert, wpm_crypto *crypto,
                 const wpm_peer_record *record, wpm_wall now, wpm_report *report, bool *written,
                 wpm_error *error) {
  go_writer writer = {.database = database, .insert = insert, .error = error};
  wpm_buffer space;
  *written = false;
  if (!write_id(record->id, writer.id, sizeof writer.id)) {
    wpm_report_skip_peer(report, record->id, "go-libp2p takes no such peer id");
    return WPM_OK;
  }
  wpm_buffer_init(&space, WPM_MESSAGE_MAX);
  int err = put_addresses(&writer, record, now, &space, report);
  if (err == WPM_OK) {
    err = put_key(&writer, crypto, record);
  }
  if (err == WPM_OK) {
    err = wpm_go_metadata_write(record, &space, put_metadata, &writer, report);
  }
  wpm_buffer_fini(&space);
  *written = err == WPM_OK;
  return err == WPM_ERR_NO_MEMORY ? wpm_fail(error, err, "out of memory") : err;
}
