/* A directory for the files of one test. */
#pragma once

/* Makes a new directory below $TMPDIR, else the system's place for temporary files; the caller hands
 * it to wpm_test_dir_remove. Never NULL. */
char *wpm_test_dir_new(void);

/* Removes the directory with all that is in it, and frees its name. */
void wpm_test_dir_remove(char *dir);

/* The path of `name` in it; the caller frees it. Never NULL. */
char *wpm_test_dir_file(const char *dir, const char *name);
