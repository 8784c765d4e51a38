#include "storage/utf8.h"

static bool is_continuation(uint8_t byte) {
  return (byte & 0xc0) == 0x80;
}

size_t wpm_utf8_sequence(wpm_text text) {
  const uint8_t *at = (const uint8_t *)text.data;
  if (text.len == 0) {
    return 0;
  }
  if (at[0] < 0x80) {
    return 1;
  }
  /* The first byte gives the length; the second has a narrower range for some first bytes. */
  size_t len = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
  if (at[0] >= 0xc2 && at[0] <= 0xdf) {
    len = 2;
  } else if (at[0] >= 0xe0 && at[0] <= 0xef) {
    len = 3;
    low = at[0] == 0xe0 ? 0xa0 : low;
    high = at[0] == 0xed ? 0x9f : high;
  } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
    len = 4;
    low = at[0] == 0xf0 ? 0x90 : low;
    high = at[0] == 0xf4 ? 0x8f : high;
  } else {
    return 0;
  }
  if (text.len < len || at[1] < low || at[1] > high) {
    return 0;
  }
  for (size_t i = 2; i < len; i++) {
    if (!is_continuation(at[i])) {
      return 0;
    }
  }
  return len;
}

bool wpm_utf8_is_plain(wpm_text text) {
  for (size_t used = 0; used < text.len;) {
    uint8_t byte = (uint8_t)text.data[used];
    if (byte < 0x20 || byte == 0x7f) {
      return false;
    }
    size_t len = wpm_utf8_sequence((wpm_text){text.data + used, text.len - used});
    if (len == 0) {
      return false;
    }
    used += len;
  }
  return true;
}
