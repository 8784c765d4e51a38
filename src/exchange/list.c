#include "exchange/list.h"

#include "base/bytes.h"

#include <stdio.h>

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct list_reader {
  wpm_crypto *crypto;
  const wpm_exchange_sink *sink;
  wpm_report *report;
  wpm_builder builder;
  bool has_peer; /* The builder holds one. */
  uint64_t line; /* Number of the line at hand. */
} list_reader;

static void skip_line(const list_reader *reader, const char *why) {
  char what[40];
  (void)snprintf(what, sizeof what, "line %llu", (unsigned long long)reader->line);
  wpm_report_skip(reader->report, what, "%s", why);
}

static int end_peer(list_reader *reader) {
  if (!reader->has_peer) {
    return WPM_OK;
  }
  reader->has_peer = false;
  reader->report->counts.records++;
  return reader->sink->record(reader->sink->user, wpm_builder_end(&reader->builder));
}

/* The record of the peer that a line names: the one at hand, or a new one. */
static int turn_to(list_reader *reader, wpm_bytes id) {
  if (reader->has_peer && wpm_bytes_equal(reader->builder.record.id, id)) {
    return WPM_OK;
  }
  int err = end_peer(reader);
  if (err == WPM_OK) {
    err = wpm_builder_begin(&reader->builder, id);
  }
  if (err == WPM_OK) {
    err = wpm_proofs_public_key(reader->crypto, &reader->builder, (wpm_bytes){0}, reader->report);
  }
  reader->has_peer = err == WPM_OK;
  return err;
}

static int read_multiaddr(list_reader *reader, wpm_text line) {
  wpm_multiaddr address;
  wpm_bytes transport = {0};
  wpm_bytes peer = {0};
  wpm_error error = {.text = ""};
  if (wpm_multiaddr_parse(line, &address, &error) != WPM_OK) {
    skip_line(reader, error.text);
    return WPM_OK;
  }
  if (wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer) != WPM_OK ||
      peer.len == 0) {
    skip_line(reader, "it has no /p2p/PEER-ID at its end");
    return WPM_OK;
  }
  if (transport.len == 0) {
    skip_line(reader, "it names a peer and no place");
    return WPM_OK;
  }
  int err = turn_to(reader, peer);
  return err == WPM_OK ? wpm_builder_address(&reader->builder, transport, reader->report, NULL)
                       : err;
}

static int read_enr(list_reader *reader, wpm_text line) {
  uint8_t bytes[WPM_ENR_MAX];
  wpm_enr enr;
  size_t len = 0;
  int err = wpm_enr_parse(line, bytes, &len);
  wpm_bytes record = {bytes, len};
  if (err == WPM_OK) {
    err = wpm_enr_open(reader->crypto, record, &enr);
  }
  if (err != WPM_OK) {
    skip_line(reader, err == WPM_ERR_CRYPTO ? "the node record's signature does not verify"
                      : err == WPM_ERR_UNSUPPORTED
                          ? "the node record is of another identity scheme than v4"
                          : "no valid node record");
    return WPM_OK;
  }
  err = turn_to(reader, wpm_peer_id_view(&enr.peer_id));
  return err == WPM_OK ? wpm_proofs_opened_enr(&reader->builder, record, &enr, true, reader->report)
                       : err;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static int read_line(list_reader *reader, wpm_text line) {
  while (line.len > 0 && is_blank(line.data[0])) {
    line = (wpm_text){line.data + 1, line.len - 1};
  }
  while (line.len > 0 && is_blank(line.data[line.len - 1])) {
    line.len--;
  }
  if (line.len == 0 || line.data[0] == '#') {
    return WPM_OK;
  }
  if (line.data[0] == '/') {
    return read_multiaddr(reader, line);
  }
  if (line.len >= 4 && memcmp(line.data, "enr:", 4) == 0) {
    return read_enr(reader, line);
  }
  skip_line(reader, "neither a multiaddr (/…) nor a node record (enr:…)");
  return WPM_OK;
}

int wpm_list_read(wpm_text list, wpm_crypto *crypto, const wpm_exchange_sink *sink,
                  wpm_report *report) {
  list_reader reader = {.crypto = crypto, .sink = sink, .report = report};
  int err = WPM_OK;
  wpm_builder_init(&reader.builder, sink->now);
  while (err == WPM_OK && list.len > 0) {
    const char *end = memchr(list.data, '\n', list.len);
    size_t len = end ? (size_t)(end - list.data) : list.len;
    reader.line++;
    err = read_line(&reader, (wpm_text){list.data, len});
    len += end != NULL;
    list = (wpm_text){list.data + len, list.len - len};
  }
  if (err == WPM_OK) {
    err = end_peer(&reader);
  }
  wpm_builder_fini(&reader.builder);
  return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The line's text has room for a NUL, in place of which it gets its end. */
static int write_line(const wpm_exchange_target *target, char *line, size_t len) {
  line[len] = '\n';
  return target->write(target->user, (wpm_text){line, len + 1});
}

int wpm_list_write_addresses(const wpm_peer_record *record, const wpm_exchange_target *target,
                             wpm_report *report, bool *written) {
  int err = WPM_OK;
  *written = false;
  if (wpm_peer_id_check(record->id) != WPM_OK) {
    wpm_report_skip_peer(report, record->id, "its id cannot be written in a multiaddr");
    return WPM_OK;
  }
  for (size_t i = 0; err == WPM_OK && i < record->address_count; i++) {
    wpm_multiaddr whole;
    char text[WPM_MULTIADDR_TEXT];
    size_t len = 0;
    if (wpm_multiaddr_with_peer(record->addresses[i].multiaddr, record->id, &whole) != WPM_OK ||
        wpm_multiaddr_format(wpm_multiaddr_view(&whole), text, sizeof text, &len, NULL) != WPM_OK) {
      wpm_report_skip_peer(report, record->id, "an address that cannot be written as text");
      continue;
    }
    err = write_line(target, text, len);
    *written = err == WPM_OK;
  }
  if (err == WPM_OK && record->address_count == 0) {
    wpm_report_skip_peer(report, record->id, "no address of it is known");
  }
  return err;
}

int wpm_list_write_enr(const wpm_peer_record *record, const wpm_exchange_target *target,
                       wpm_report *report, bool *written) {
  char text[WPM_ENR_TEXT];
  size_t len = 0;
  *written = false;
  if (record->enr.len == 0) {
    wpm_report_skip_peer(report, record->id, "no node record of it is known");
    return WPM_OK;
  }
  if (wpm_enr_format(record->enr, text, sizeof text, &len) != WPM_OK) {
    wpm_report_skip_peer(report, record->id, "its node record is longer than %d bytes",
                         WPM_ENR_MAX);
    return WPM_OK;
  }
  int err = write_line(target, text, len);
  *written = err == WPM_OK;
  return err;
}
