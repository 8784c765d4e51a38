/* Test vectors: hexadecimal text and files of it. A file or text that is not what it should be
 * fails the test. */
#pragma once

#include <wakupeers/types.h>

#include <stdio.h>

/* A file below tests/data. */
#define WPM_TEST_DATA(path) WPM_TESTS_DIR "/data/" path

/* Bytes that the caller frees. */
typedef struct wpm_test_bytes {
  uint8_t *data; /* Never NULL. */
  size_t len;    /* In bytes. */
} wpm_test_bytes;

static inline wpm_bytes wpm_test_view(wpm_test_bytes bytes) {
  return (wpm_bytes){bytes.data, bytes.len};
}

/* Reads hexadecimal text, in either case; white space is skipped, "-" alone is an empty value. */
wpm_test_bytes wpm_test_hex(const char *text);

/* Reads a whole file of hexadecimal text. */
wpm_test_bytes wpm_test_hex_file(const char *path);

/* Opens a file of lines to be read by wpm_test_fields. */
FILE *wpm_test_open(const char *path);

/* Reads the next line that is neither empty nor begins with '#', and splits it at single spaces.
 * `fields` then points into *line, which grows as needed and which the caller frees at the end.
 * Returns the number of fields, at most `max`; 0 at the end of the file. */
size_t wpm_test_fields(FILE *file, char **line, char **fields, size_t max);
