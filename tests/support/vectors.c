#define _GNU_SOURCE

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/vectors.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned digit(char c) {
  if (c >= '0' && c <= '9') {
    return (unsigned)(c - '0');
  }
  if (!isxdigit((unsigned char)c)) {
    fail_msg("not a hexadecimal digit: '%c'", c);
  }
  return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

wpm_test_bytes wpm_test_hex(const char *text) {
  wpm_test_bytes out = {malloc(strlen(text) / 2 + 1), 0};
  assert_non_null(out.data);
  if (strcmp(text, "-") == 0) {
    return out;
  }
  while (*text) {
    if (isspace((unsigned char)*text)) {
      text++;
      continue;
    }
    unsigned high = digit(text[0]);
    out.data[out.len++] = (uint8_t)(high << 4 | digit(text[1]));
    text += 2;
  }
  return out;
}

FILE *wpm_test_open(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) {
    fail_msg("%s: %s", path, strerror(errno));
  }
  return file;
}

wpm_test_bytes wpm_test_hex_file(const char *path) {
  FILE *file = wpm_test_open(path);
  char *text = NULL;
  size_t capacity = 0;
  assert_true(getdelim(&text, &capacity, '\0', file) >= 0);
  fclose(file);
  wpm_test_bytes out = wpm_test_hex(text);
  free(text);
  return out;
}

size_t wpm_test_fields(FILE *file, char **line, char **fields, size_t max) {
  size_t capacity = 0;
  do {
    free(*line);
    *line = NULL;
    capacity = 0;
    if (getline(line, &capacity, file) < 0) {
      return 0;
    }
    (*line)[strcspn(*line, "\n")] = '\0';
  } while ((*line)[0] == '\0' || (*line)[0] == '#');
  size_t count = 0;
  for (char *at = *line; at && count < max; count++) {
    fields[count] = strsep(&at, " ");
  }
  return count;
}
