#include "base64.h"

#include <stdlib.h>
#include <string.h>

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char digit(uint32_t value, bool url) {
  return value < 62 ? common[value] : value == 62 ? (url ? '-' : '+') : (url ? '_' : '/');
}

char *base64_encode(wpm_bytes bytes, bool url) {
  char *text = bytes.len < SIZE_MAX / 2 ? malloc(bytes.len / 3 * 4 + 5) : NULL;
  char *out = text;
  if (!text) {
    return NULL;
  }
  for (size_t i = 0; i < bytes.len; i += 3) {
    size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
    uint32_t group = (uint32_t)bytes.data[i] << 16;
    group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
    group |= left > 2 ? bytes.data[i + 2] : 0;
    for (size_t j = 0; j < 4; j++) {
      if (j <= left) {
        *out++ = digit(group >> (18 - 6 * j) & 63, url);
      } else if (!url) {
        *out++ = '=';
      }
    }
  }
  *out = '\0';
  return text;
}

/* 64: no digit. */
static uint32_t value_of(char c, bool url) {
  const char *at = c ? strchr(common, c) : NULL;
  if (at) {
    return (uint32_t)(at - common);
  }
  return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : 64;
}

bool base64_decode(const char *text, size_t text_len, bool url, uint8_t **out, size_t *len) {
  size_t digits = text_len;
  uint32_t group = 0;
  *out = NULL;
  *len = 0;
  if (!url) {
    if (text_len % 4 != 0) {
      return false;
    }
    while (text_len - digits < 2 && digits > 0 && text[digits - 1] == '=') {
      digits--;
    }
  }
  if (digits % 4 == 1) {
    return false;
  }
  uint8_t *bytes = malloc(digits / 4 * 3 + 3);
  if (!bytes) {
    return false;
  }
  for (size_t i = 0; i < digits; i++) {
    uint32_t value = value_of(text[i], url);
    if (value == 64) {
      free(bytes);
      return false;
    }
    group = group << 6 | value;
    if (i % 4 > 0) {
      bytes[(*len)++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
  }
  /* The bits behind the last byte are zeros. */
  uint32_t rest = digits % 4 == 2 ? group & 15 : digits % 4 == 3 ? group & 3 : 0;
  if (rest != 0) {
    free(bytes);
    *len = 0;
    return false;
  }
  *out = bytes;
  return true;
}
