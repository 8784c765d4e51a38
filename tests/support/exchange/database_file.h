/* SQLite files for the tests of exchange, made by SQL. */
#pragma once

#include "support/test.h"

#include "support/temp_dir.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Runs SQL on the file at `path`. */
static inline void database_run(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  char *why = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
    fail_msg("%s", why);
  }
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The same for the text of a file. */
static inline void database_run_file(const char *path, const char *sql_file) {
  FILE *file = fopen(sql_file, "rb");
  assert_non_null(file);
  char *sql = calloc(1, 1 << 20);
  assert_non_null(sql);
  assert_true(fread(sql, 1, (1 << 20) - 1, file) > 0);
  assert_int_equal(fclose(file), 0);
  database_run(path, sql);
  free(sql);
}

/* The one number that a query gives. */
static inline int64_t database_number(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  int64_t number = sqlite3_column_int64(statement, 0);
  assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return number;
}
