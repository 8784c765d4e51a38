#define _GNU_SOURCE

#include "support/temp_dir.h"

#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

char *wpm_test_dir_file(const char *dir, const char *name) {
  size_t size = strlen(dir) + strlen(name) + 2;
  char *path = malloc(size);
  assert_non_null(path);
  snprintf(path, size, "%s/%s", dir, name);
  return path;
}

char *wpm_test_dir_new(void) {
  const char *parent = getenv("TMPDIR");
  char *dir = wpm_test_dir_file(parent && *parent ? parent : P_tmpdir, "wpm-test-XXXXXX");
  assert_non_null(mkdtemp(dir));
  return dir;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where) {
  (void)facts;
  (void)kind;
  (void)where;
  return remove(path);
}

void wpm_test_dir_remove(char *dir) {
  enum { MOST_DESCRIPTORS = 16 };
  assert_int_equal(nftw(dir, remove_one, MOST_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT), 0);
  free(dir);
}
