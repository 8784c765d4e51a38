/* Nodes of which the second keeps its peers on disk. */
#pragma once

#include "lab.h"

#include "support/temp_dir.h"

typedef struct kept {
  lab l;
  char *dir, *database;
} kept;

static inline void begin(kept *k) {
  lab_init(&k->l);
  k->dir = wpm_test_dir_new();
  k->database = wpm_test_dir_file(k->dir, "peers.db");
  k->l.nodes[1].config.database = k->database;
}

static inline void end(kept *k) {
  lab_fini(&k->l);
  free(k->database);
  wpm_test_dir_remove(k->dir);
}

#define MOST_READ ((size_t)1 << 22)

static inline char *read_whole(const char *path, size_t *len) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *bytes = malloc(MOST_READ);
  assert_non_null(bytes);
  *len = fread(bytes, 1, MOST_READ, file);
  (void)fclose(file);
  return bytes;
}

static inline void write_whole(const char *path, const char *bytes, size_t len) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

static inline void copy_whole(const char *from, const char *to) {
  size_t len = 0;
  char *bytes = read_whole(from, &len);
  write_whole(to, bytes, len);
  free(bytes);
}

/* What a crash now would leave on disk becomes the database of the node's next run. */
static inline void keep_what_a_crash_would_leave(kept *k, char **path) {
  char *log = wpm_test_dir_file(k->dir, "peers.db-wal");
  char *log_copy = wpm_test_dir_file(k->dir, "crashed.db-wal");
  *path = wpm_test_dir_file(k->dir, "crashed.db");
  copy_whole(k->database, *path);
  copy_whole(log, log_copy);
  free(log);
  free(log_copy);
}
