#include "storage/list_1.h"

#include <string.h>

#define ESCAPE_LEN 6 /* \u00XX */
#define NUMBER_LEN 5 /* 65535 */

size_t wpm_list_1_count_bound(wpm_text list) {
  size_t commas = 0;
  for (size_t i = 0; i < list.len; i++) {
    commas += list.data[i] == ',';
  }
  return commas + 1;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool take(wpm_text *rest, char expected) {
  if (rest->len == 0 || rest->data[0] != expected) {
    return false;
  }
  *rest = (wpm_text){rest->data + 1, rest->len - 1};
  return true;
}

static int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* What follows a backslash. */
static bool take_escape(wpm_text *rest, char *out) {
  if (take(rest, '"')) {
    *out = '"';
    return true;
  }
  if (take(rest, '\\')) {
    *out = '\\';
    return true;
  }
  if (rest->len < ESCAPE_LEN - 1 || memcmp(rest->data, "u00", 3) != 0) {
    return false;
  }
  int high = hex_value(rest->data[3]);
  int low = hex_value(rest->data[4]);
  if (high < 0 || low < 0) {
    return false;
  }
  *out = (char)(uint8_t)(high * 16 + low);
  *rest = (wpm_text){rest->data + ESCAPE_LEN - 1, rest->len - (ESCAPE_LEN - 1)};
  return true;
}

/* A string; *bytes is moved behind what was written. */
static bool take_string(wpm_text *rest, char **bytes, wpm_text *out) {
  if (!take(rest, '"')) {
    return false;
  }
  char *start = *bytes;
  while (!take(rest, '"')) {
    char byte = 0;
    if (take(rest, '\\')) {
      if (!take_escape(rest, &byte)) {
        return false;
      }
    } else if (rest->len > 0) {
      byte = rest->data[0];
      *rest = (wpm_text){rest->data + 1, rest->len - 1};
    } else {
      return false;
    }
    *(*bytes)++ = byte;
  }
  *out = (wpm_text){start, (size_t)(*bytes - start)};
  return true;
}

int wpm_list_1_read_texts(wpm_text list, wpm_text *out, size_t *count, char *bytes) {
  *count = 0;
  if (!take(&list, '[')) {
    return WPM_ERR_INVALID;
  }
  if (take(&list, ']')) {
    return list.len == 0 ? WPM_OK : WPM_ERR_INVALID;
  }
  do {
    if (!take_string(&list, &bytes, &out[*count])) {
      return WPM_ERR_INVALID;
    }
    (*count)++;
  } while (take(&list, ','));
  return take(&list, ']') && list.len == 0 ? WPM_OK : WPM_ERR_INVALID;
}

static bool take_number(wpm_text *rest, uint16_t *out) {
  unsigned number = 0;
  size_t digits = 0;
  while (rest->len > 0 && rest->data[0] >= '0' && rest->data[0] <= '9' && digits < NUMBER_LEN) {
    number = number * 10 + (unsigned)(rest->data[0] - '0');
    *rest = (wpm_text){rest->data + 1, rest->len - 1};
    digits++;
  }
  *out = (uint16_t)number;
  return digits > 0 && number <= UINT16_MAX;
}

int wpm_list_1_read_numbers(wpm_text list, uint16_t *out, size_t *count) {
  *count = 0;
  if (!take(&list, '[')) {
    return WPM_ERR_INVALID;
  }
  if (take(&list, ']')) {
    return list.len == 0 ? WPM_OK : WPM_ERR_INVALID;
  }
  do {
    if (!take_number(&list, &out[*count])) {
      return WPM_ERR_INVALID;
    }
    (*count)++;
  } while (take(&list, ','));
  return take(&list, ']') && list.len == 0 ? WPM_OK : WPM_ERR_INVALID;
}
