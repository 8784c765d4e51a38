/* The input as a list of multiaddrs and node records; what is read can be written as a list, of which
 * no line is skipped. */
#include "exchange_sink.h"

#include "exchange/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wpm_crypto *crypto;

typedef struct lines {
  char *text;
  size_t len, room;
  size_t records;
} lines;

static int keep(void *user, wpm_text text) {
  lines *into = user;
  if (into->len + text.len > into->room) {
    into->room = 2 * (into->len + text.len);
    into->text = realloc(into->text, into->room);
    require(into->text != NULL);
  }
  memcpy(into->text + into->len, text.data, text.len);
  into->len += text.len;
  return WPM_OK;
}

static int write_record(void *user, const wpm_peer_record *record) {
  lines *into = user;
  wpm_report report = {0};
  bool written = false;
  wpm_exchange_target target = {.format = WPM_EXCHANGE_TEXT, .write = keep, .user = into};
  check_record(record);
  require(wpm_list_write_addresses(record, &target, &report, &written) == WPM_OK);
  require(written == (record->address_count > 0));
  require(wpm_list_write_enr(record, &target, &report, &written) == WPM_OK);
  require(written == (record->enr.len > 0));
  return WPM_OK;
}

static int count_record(void *user, const wpm_peer_record *record) {
  check_record(record);
  (*(size_t *)user)++;
  return WPM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_report report = {0};
  wpm_report again = {0};
  lines written = {0};
  size_t count = 0;
  if (!crypto) {
    require(wpm_proofs_crypto(&crypto) == WPM_OK);
  }
  wpm_exchange_sink sink = {.now = {WPM_DAY}, .record = write_record, .user = &written};
  require(wpm_list_read((wpm_text){(const char *)data, size}, crypto, &sink, &report) == WPM_OK);
  sink = (wpm_exchange_sink){.now = {WPM_DAY}, .record = count_record, .user = &count};
  require(wpm_list_read((wpm_text){written.text, written.len}, crypto, &sink, &again) == WPM_OK);
  require(again.counts.skipped == 0 && count <= report.counts.records);
  free(written.text);
  return 0;
}
