/* What a database holds, for comparing; and small steps that every test of storage takes. */
#pragma once

#include "base/bytes.h"
#include "base/record.h"
#include "support/records.h"
#include "support/temp_dir.h"
#include "support/test.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wakupeers/storage.h>

/* Copies of loaded records. */
typedef struct stored {
  wpm_peer_record **records;
  size_t count;
  size_t skipped; /* Rows that could not be decoded. */
} stored;

static inline int stored_take(void *user, const wpm_peer_record *record) {
  stored *s = user;
  wpm_peer_record **records = realloc(s->records, (s->count + 1) * sizeof(*records));
  if (!records) {
    return WPM_ERR_NO_MEMORY;
  }
  s->records = records;
  s->records[s->count] = wpm_record_clone(record);
  if (!s->records[s->count]) {
    return WPM_ERR_NO_MEMORY;
  }
  s->count++;
  return WPM_OK;
}

static inline void stored_free(stored *s) {
  for (size_t i = 0; i < s->count; i++) {
    free(s->records[i]);
  }
  free(s->records);
  *s = (stored){NULL, 0, 0};
}

static inline const wpm_peer_record *stored_find(const stored *s, wpm_bytes id) {
  for (size_t i = 0; i < s->count; i++) {
    if (wpm_bytes_equal(s->records[i]->id, id)) {
      return s->records[i];
    }
  }
  return NULL;
}

#define assert_stored(call)                                                                        \
  do {                                                                                             \
    wpm_error stored_error = {0, ""};                                                              \
    wpm_error *error = &stored_error;                                                              \
    if ((call) != WPM_OK) {                                                                        \
      fail_msg("%s: %s", #call, stored_error.text);                                                \
    }                                                                                              \
  } while (0)

static inline wpm_storage *stored_open(const char *path, wpm_storage_mode mode) {
  wpm_storage *storage = NULL;
  assert_stored(wpm_storage_open(path, mode, &storage, error));
  return storage;
}

/* Loads all of an open database. */
static inline stored stored_load(wpm_storage *storage) {
  stored s = {NULL, 0, 0};
  assert_stored(wpm_storage_load(storage, stored_take, &s, &s.skipped, error));
  return s;
}

/* Opens, loads and closes. */
static inline stored stored_read(const char *path, wpm_storage_mode mode) {
  wpm_storage *storage = stored_open(path, mode);
  stored s = stored_load(storage);
  wpm_storage_close(storage);
  return s;
}

/* Stores plain records number `first` … `first + count - 1` in one batch. */
static inline void stored_put_plain(wpm_storage *storage, uint32_t first, uint32_t count) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  assert_stored(wpm_storage_begin(storage, error));
  for (uint32_t i = 0; i < count; i++) {
    wpm_test_record_plain(first + i, plain);
    assert_stored(wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, error));
  }
  assert_stored(wpm_storage_commit(storage, error));
  free(plain);
}

/* Makes a database of `count` plain records. */
static inline void stored_make(const char *path, uint32_t count) {
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  stored_put_plain(storage, 0, count);
  wpm_storage_close(storage);
}

/* Expects exactly plain records 0 … count - 1. */
static inline void stored_assert_plain(const stored *s, uint32_t count) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  assert_int_equal(s->count, count);
  assert_int_equal(s->skipped, 0);
  for (uint32_t i = 0; i < count; i++) {
    wpm_test_record_plain(i, plain);
    const wpm_peer_record *found = stored_find(s, plain->record.id);
    assert_non_null(found);
    assert_true(wpm_record_equal(found, &plain->record));
  }
  free(plain);
}

/* Expects that each record is one of the plain records 0 … count - 1. */
static inline void stored_assert_among_plain(const stored *s, uint32_t count) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  size_t found = 0;
  for (uint32_t i = 0; i < count; i++) {
    wpm_test_record_plain(i, plain);
    const wpm_peer_record *record = stored_find(s, plain->record.id);
    assert_true(!record || wpm_record_equal(record, &plain->record));
    found += record != NULL;
  }
  assert_int_equal(found, s->count);
  free(plain);
}

/* ---- the file behind the library's back ------------------------------------------------------ */

/* Runs SQL on it. */
static inline void stored_sql(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  char *message = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
    fail_msg("%s: %s", sql, message);
  }
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The only value that a query gives, as text; the caller frees it by sqlite3_free. */
static inline char *stored_ask(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  }
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  char *answer = sqlite3_mprintf("%s", (const char *)sqlite3_column_text(statement, 0));
  assert_non_null(answer);
  assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
  assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return answer;
}

static inline void stored_assert_answer(const char *path, const char *sql, const char *expected) {
  char *answer = stored_ask(path, sql);
  assert_string_equal(answer, expected);
  sqlite3_free(answer);
}

/* A file's bytes. */
typedef struct stored_file {
  uint8_t *data; /* NULL: there is no such file. */
  size_t len;
} stored_file;

static inline stored_file stored_file_read(const char *path) {
  stored_file file = {NULL, 0};
  FILE *stream = fopen(path, "rb");
  if (!stream) {
    return file;
  }
  struct stat facts;
  assert_int_equal(fstat(fileno(stream), &facts), 0);
  file.len = (size_t)facts.st_size;
  file.data = malloc(file.len + 1);
  assert_non_null(file.data);
  assert_int_equal(fread(file.data, 1, file.len, stream), file.len);
  fclose(stream);
  return file;
}

static inline void stored_file_write(const char *path, const void *data, size_t len) {
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  assert_int_equal(fwrite(data, 1, len, stream), len);
  assert_int_equal(fclose(stream), 0);
}

/* Expects that the file still holds `before`, which is freed. SQLite may leave an empty log behind:
 * it says as much as none. */
static inline void stored_assert_unchanged(const char *path, stored_file before) {
  stored_file now = stored_file_read(path);
  assert_int_equal(now.len, before.len);
  if (now.len > 0) {
    assert_memory_equal(now.data, before.data, now.len);
  }
  free(now.data);
  free(before.data);
}

/* Makes the database that a fixture describes. */
static inline void stored_from(const char *path, const char *fixture) {
  stored_file sql = stored_file_read(fixture);
  if (!sql.data) {
    fail_msg("%s cannot be read", fixture);
    return;
  }
  sql.data[sql.len] = '\0';
  stored_sql(path, (const char *)sql.data);
  free(sql.data);
}
