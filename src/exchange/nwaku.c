#include "exchange/nwaku.h"

#include "exchange/nwaku_row.h"

/* As nwaku itself makes it. */
const char wpm_nwaku_schema[] = "CREATE TABLE Peer (peerId BLOB PRIMARY KEY, storedInfo BLOB) "
                                "WITHOUT ROWID;"
                                "PRAGMA user_version = 1;";

const char wpm_nwaku_insert[] = "REPLACE INTO Peer (peerId, storedInfo) VALUES (?1, ?2)";

static const char query[] =
    "SELECT CASE WHEN typeof(peerId) = 'blob' AND length(peerId) <= 255 THEN peerId END, "
    "CASE WHEN typeof(storedInfo) = 'blob' AND length(storedInfo) <= " WPM_VALUE_MAX_TEXT
    " THEN storedInfo END FROM Peer";

static int read_row(sqlite3_stmt *statement, wpm_crypto *crypto, wpm_builder *builder,
                    const wpm_exchange_sink *sink, wpm_report *report) {
  bool is_record = false;
  wpm_bytes id = wpm_database_column(statement, 0);
  wpm_bytes stored = wpm_database_column(statement, 1);
  if (id.len > 0 && sqlite3_column_type(statement, 1) == SQLITE_NULL) {
    wpm_report_skip_peer(report, id, "its value is no blob of at most %d bytes", WPM_VALUE_MAX);
    return WPM_OK;
  }
  int err = wpm_nwaku_row_read(crypto, id, stored, builder, report, &is_record);
  if (err == WPM_OK && is_record) {
    report->counts.records++;
    err = sink->record(sink->user, wpm_builder_end(builder));
  }
  return err;
}

int wpm_nwaku_read(wpm_database *database, wpm_crypto *crypto, const wpm_exchange_sink *sink,
                   wpm_report *report, wpm_error *error) {
  sqlite3_stmt *statement = NULL;
  wpm_builder builder;
  bool is_row = false;
  wpm_builder_init(&builder, sink->now);
  int err = wpm_database_prepare(database, query, &statement, error);
  if (err == WPM_OK) {
    err = wpm_database_step(database, statement, &is_row, error);
  }
  while (err == WPM_OK && is_row) {
    err = read_row(statement, crypto, &builder, sink, report);
    if (err == WPM_OK) {
      err = wpm_database_step(database, statement, &is_row, error);
    }
  }
  (void)sqlite3_finalize(statement);
  wpm_builder_fini(&builder);
  return err;
}
