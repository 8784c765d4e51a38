/* The files of a test of another client's store, and what every such test does with them: `path` is
 * read, `out_path` written. */
#pragma once

#include "support/exchange/collected.h"
#include "support/exchange/database_file.h"
#include "support/temp_dir.h"

static char *dir;
static char *path;
static char *out_path;

static int set_up(void **state) {
  (void)state;
  dir = wpm_test_dir_new();
  path = wpm_test_dir_file(dir, "in.db");
  out_path = wpm_test_dir_file(dir, "out.db");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(path);
  free(out_path);
  wpm_test_dir_remove(dir);
  return 0;
}

static int read_store(wpm_exchange_format format, const char *from, collected *into) {
  wpm_error error = {.text = ""};
  wpm_exchange_sink sink = collect_into(into);
  return wpm_exchange_read_database(from, format, &sink, &into->counts, &error);
}

/* Writes all of `from` to out_path; `told` gets what was left out. */
static void write_store(wpm_exchange_format format, const collected *from, collected *told) {
  wpm_exchange_writer *writer = NULL;
  wpm_error error = {.text = ""};
  *told = (collected){0};
  wpm_exchange_target target = {.format = format,
                                .path = out_path,
                                .now = COLLECTED_NOW,
                                .skipped = collect_skip,
                                .user = told};
  assert_int_equal(wpm_exchange_writer_new(&target, &writer, &error), WPM_OK);
  for (size_t i = 0; i < from->count; i++) {
    assert_int_equal(wpm_exchange_put(writer, from->records[i], &error), WPM_OK);
  }
  assert_int_equal(wpm_exchange_finish(writer, &told->counts, &error), WPM_OK);
  wpm_exchange_writer_free(writer);
}
