/* The database of a test, `path`, alone in its directory `dir`. */
#pragma once

#include "storage/stored.h" /* Before `path` is one of ours. */

static char *dir;
static char *path;

static int set_up(void **state) {
  (void)state;
  dir = wpm_test_dir_new();
  path = wpm_test_dir_file(dir, "peers.db");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(path);
  wpm_test_dir_remove(dir);
  return 0;
}
