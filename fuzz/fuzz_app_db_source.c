/* The input as js-waku's cache, and as lines of jsonl, as `db import` reads them. A record that was
 * read is written as a line that reads as the same again. */
#include "app/db_source.h"
#include "app/json_record.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static int check_record(void *user, const wpm_peer_record *record) {
  wpm_error error = {.text = ""};
  read_record again;
  (void)user;
  json_t *object = json_record(record);
  require(object != NULL);
  char *line = json_dumps(object, JSON_COMPACT);
  require(line != NULL);
  require(json_record_read(object, (wpm_wall){WPM_DAY}, &again, &error));
  json_t *other = json_record(&again.record);
  require(json_equal(object, other) == 1);
  json_decref(other);
  json_decref(object);
  read_record_free(&again);
  free(line);
  return WPM_OK;
}

static void skip(void *user, const char *what, const char *why) {
  (void)user;
  require(*what != '\0' && *why != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const db_format formats[] = {DB_JS, DB_JSONL};
  const wpm_exchange_sink sink = {
      .now = {WPM_DAY}, .record = check_record, .skipped = skip, .user = NULL};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    db_account account = {.taken = 0};
    db_source source = {.file = "input", .format = formats[i], .fd = -1};
    int fd = memfd_create("input", MFD_CLOEXEC);
    require(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    require(db_lines_begin(&source.lines, fd));
    (void)db_source_read(&source, &sink, &account);
    db_source_close(&source);
    require(close(fd) == 0);
  }
  return 0;
}
