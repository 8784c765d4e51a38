/* The public calls: which reader or writer a format has. */
#include <wakupeers/exchange.h>

#include "base/bytes.h"
#include "base/error.h"
#include "exchange/go_store.h"
#include "exchange/list.h"
#include "exchange/nwaku.h"
#include "exchange/nwaku_row.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

const char *wpm_exchange_format_name(wpm_exchange_format value) {
  switch (value) {
  case WPM_EXCHANGE_UNKNOWN:
    return "unknown";
  case WPM_EXCHANGE_NWAKU:
    return "nwaku";
  case WPM_EXCHANGE_GO:
    return "go";
  case WPM_EXCHANGE_TEXT:
    return "text";
  case WPM_EXCHANGE_ENR:
    return "enr";
  }
  return "?";
}

bool wpm_exchange_is_database(wpm_exchange_format format) {
  return format == WPM_EXCHANGE_NWAKU || format == WPM_EXCHANGE_GO;
}

/* ---- guessing -------------------------------------------------------------------------------- */

#define LOOKED_AT 4096 /* Bytes of a text that are looked at. */

static int unknown_format(const char *path, wpm_error *error) {
  return wpm_fail(error, WPM_ERR_UNSUPPORTED,
                  "%.160s is of no format that can be told; name it by --format", path);
}

static int guess_database(const char *path, wpm_exchange_format *out, wpm_error *error) {
  wpm_database database;
  bool is_nwaku = false;
  bool is_go = false;
  int err = wpm_database_read(&database, path, error);
  if (err != WPM_OK) {
    return err;
  }
  err = wpm_database_has_table(&database, "Peer", &is_nwaku, error);
  if (err == WPM_OK) {
    err = wpm_database_has_table(&database, "peerstore", &is_go, error);
  }
  if (err == WPM_OK && is_nwaku) {
    /* Others may have a table of that name. */
    sqlite3_stmt *statement = NULL;
    is_nwaku = wpm_database_prepare(&database, "SELECT peerId, storedInfo FROM Peer", &statement,
                                    NULL) == WPM_OK;
    (void)sqlite3_finalize(statement);
  }
  wpm_database_close(&database);
  if (err != WPM_OK) {
    return err;
  }
  *out = is_nwaku ? WPM_EXCHANGE_NWAKU : is_go ? WPM_EXCHANGE_GO : WPM_EXCHANGE_UNKNOWN;
  return *out != WPM_EXCHANGE_UNKNOWN
             ? WPM_OK
             : wpm_fail(error, WPM_ERR_UNSUPPORTED,
                        "%.160s is a SQLite database with neither nwaku's table Peer nor "
                        "go-waku's peerstore",
                        path);
}

/* By the first line that is neither empty nor a comment. */
static wpm_exchange_format guess_text(wpm_text text) {
  bool at_start = true;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (at_start && c == '/') {
      return WPM_EXCHANGE_TEXT;
    }
    if (at_start && text.len - i >= 4 && memcmp(text.data + i, "enr:", 4) == 0) {
      return WPM_EXCHANGE_ENR;
    }
    if (at_start && c != '#' && c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      return WPM_EXCHANGE_UNKNOWN;
    }
    at_start = c == '\n' || (at_start && c != '#');
  }
  return WPM_EXCHANGE_UNKNOWN;
}

static int read_start(const char *path, char *out, size_t cap, size_t *len, wpm_error *error) {
  char text[128];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t got = fd >= 0 ? read(fd, out, cap) : -1;
  int number = errno;
  if (fd >= 0) {
    (void)close(fd);
  }
  if (got < 0) {
    return wpm_fail(error, number == ENOENT ? WPM_ERR_NOT_FOUND : WPM_ERR_IO, "%.160s: %s", path,
                    strerror_r(number, text, sizeof text));
  }
  *len = (size_t)got;
  return WPM_OK;
}

int wpm_exchange_guess(const char *path, wpm_exchange_format *out, wpm_error *error) {
  static const char magic[16] = "SQLite format 3";
  char start[LOOKED_AT];
  size_t len = 0;
  *out = WPM_EXCHANGE_UNKNOWN;
  int err = read_start(path, start, sizeof start, &len, error);
  if (err != WPM_OK) {
    return err;
  }
  if (len >= sizeof magic && memcmp(start, magic, sizeof magic) == 0) {
    return guess_database(path, out, error);
  }
  *out = guess_text((wpm_text){start, len});
  return *out != WPM_EXCHANGE_UNKNOWN ? WPM_OK : unknown_format(path, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int start_crypto(wpm_crypto **out, wpm_error *error) {
  int err = wpm_proofs_crypto(out);
  return err == WPM_OK
             ? WPM_OK
             : wpm_fail(error, err, "the crypto libraries do not start: %s", wpm_strerror(err));
}

int wpm_exchange_read_database(const char *path, wpm_exchange_format format,
                               const wpm_exchange_sink *sink, wpm_exchange_counts *counts,
                               wpm_error *error) {
  wpm_report report = {.skipped = sink->skipped, .user = sink->user};
  wpm_database database;
  wpm_crypto *crypto = NULL;
  *counts = (wpm_exchange_counts){0};
  if (!wpm_exchange_is_database(format)) {
    return wpm_fail(error, WPM_ERR_UNSUPPORTED, "format %s is text, not a database",
                    wpm_exchange_format_name(format));
  }
  int err = wpm_database_read(&database, path, error);
  if (err != WPM_OK) {
    return err;
  }
  err = start_crypto(&crypto, error);
  if (err == WPM_OK) {
    err = format == WPM_EXCHANGE_NWAKU ? wpm_nwaku_read(&database, crypto, sink, &report, error)
                                       : wpm_go_read(&database, crypto, sink, &report, error);
  }
  if (err == WPM_ERR_NO_MEMORY) {
    (void)wpm_fail(error, err, "out of memory");
  }
  wpm_crypto_free(crypto);
  wpm_database_close(&database);
  *counts = report.counts;
  return err;
}

int wpm_exchange_read_list(wpm_text list, const wpm_exchange_sink *sink,
                           wpm_exchange_counts *counts) {
  wpm_report report = {.skipped = sink->skipped, .user = sink->user};
  wpm_crypto *crypto = NULL;
  *counts = (wpm_exchange_counts){0};
  int err = wpm_proofs_crypto(&crypto);
  if (err == WPM_OK) {
    err = wpm_list_read(list, crypto, sink, &report);
  }
  wpm_crypto_free(crypto);
  *counts = report.counts;
  return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct wpm_exchange_writer {
  wpm_exchange_target target;
  char *path; /* Of a database. */
  wpm_report report;
  wpm_crypto *crypto;
  wpm_database database;
  sqlite3_stmt *insert;
  wpm_buffer row; /* Of the peer at hand. */
};

static int begin_database(wpm_exchange_writer *writer, wpm_error *error) {
  bool is_nwaku = writer->target.format == WPM_EXCHANGE_NWAKU;
  writer->path = writer->target.path ? strdup(writer->target.path) : NULL;
  if (!writer->path) {
    return wpm_fail(error, writer->target.path ? WPM_ERR_NO_MEMORY : WPM_ERR_INVALID, "%s",
                    writer->target.path ? "out of memory" : "no path of a database was given");
  }
  int err = start_crypto(&writer->crypto, error);
  if (err == WPM_OK) {
    err = wpm_database_make(&writer->database, writer->path,
                            is_nwaku ? wpm_nwaku_schema : wpm_go_schema, error);
  }
  if (err == WPM_OK) {
    err = wpm_database_prepare(&writer->database, is_nwaku ? wpm_nwaku_insert : wpm_go_insert,
                               &writer->insert, error);
  }
  return err;
}

int wpm_exchange_writer_new(const wpm_exchange_target *target, wpm_exchange_writer **out,
                            wpm_error *error) {
  bool is_database = wpm_exchange_is_database(target->format);
  *out = NULL;
  if (!is_database && (target->format == WPM_EXCHANGE_UNKNOWN || !target->write)) {
    return wpm_fail(error, WPM_ERR_INVALID, "no format, or nowhere to write, was given");
  }
  wpm_exchange_writer *writer = calloc(1, sizeof *writer);
  if (!writer) {
    return wpm_fail(error, WPM_ERR_NO_MEMORY, "out of memory");
  }
  writer->target = *target;
  writer->report = (wpm_report){.skipped = target->skipped, .user = target->user};
  wpm_buffer_init(&writer->row, 2 * (size_t)WPM_VALUE_MAX);
  int err = is_database ? begin_database(writer, error) : WPM_OK;
  if (err != WPM_OK) {
    wpm_exchange_writer_free(writer);
    return err;
  }
  *out = writer;
  return WPM_OK;
}

static int put_nwaku(wpm_exchange_writer *writer, const wpm_peer_record *record, bool *written,
                     wpm_error *error) {
  int err = wpm_nwaku_row_write(writer->crypto, record, &writer->row, &writer->report, written);
  if (err == WPM_OK && *written) {
    err = wpm_database_insert(&writer->database, writer->insert, record->id, false,
                              wpm_buffer_view(&writer->row), error);
  }
  return err;
}

int wpm_exchange_put(wpm_exchange_writer *writer, const wpm_peer_record *record, wpm_error *error) {
  bool written = false;
  int err = WPM_OK;
  switch (writer->target.format) {
  case WPM_EXCHANGE_NWAKU:
    err = put_nwaku(writer, record, &written, error);
    break;
  case WPM_EXCHANGE_GO:
    err = wpm_go_write(&writer->database, writer->insert, writer->crypto, record,
                       writer->target.now, &writer->report, &written, error);
    break;
  case WPM_EXCHANGE_ENR:
    err = wpm_list_write_enr(record, &writer->target, &writer->report, &written);
    break;
  case WPM_EXCHANGE_TEXT:
  case WPM_EXCHANGE_UNKNOWN:
    err = wpm_list_write_addresses(record, &writer->target, &writer->report, &written);
    break;
  }
  writer->report.counts.records += err == WPM_OK && written;
  if (err == WPM_ERR_NO_MEMORY) {
    (void)wpm_fail(error, err, "out of memory");
  }
  return err;
}

int wpm_exchange_finish(wpm_exchange_writer *writer, wpm_exchange_counts *counts,
                        wpm_error *error) {
  *counts = writer->report.counts;
  if (!wpm_exchange_is_database(writer->target.format)) {
    return WPM_OK;
  }
  (void)sqlite3_finalize(writer->insert);
  writer->insert = NULL;
  return wpm_database_finish(&writer->database, error);
}

void wpm_exchange_writer_free(wpm_exchange_writer *writer) {
  if (!writer) {
    return;
  }
  (void)sqlite3_finalize(writer->insert);
  wpm_database_close(&writer->database);
  wpm_crypto_free(writer->crypto);
  wpm_buffer_fini(&writer->row);
  free(writer->path);
  free(writer);
}
