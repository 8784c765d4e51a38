#include "base/varint.h"

#include <assert.h>

size_t wpm_varint_size(uint64_t value) {
  assert(value >> 63 == 0);
  size_t size = 1;
  while (value >>= 7) {
    size++;
  }
  return size;
}

size_t wpm_varint_write(uint64_t value, uint8_t *out) {
  assert(value >> 63 == 0);
  size_t len = 0;
  while (value >= 0x80) {
    out[len++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out[len++] = (uint8_t)value;
  return len;
}

int wpm_varint_read(wpm_bytes in, uint64_t *value, size_t *used) {
  uint64_t result = 0;
  for (size_t i = 0; i < WPM_VARINT_MAX; i++) {
    if (i == in.len) {
      return WPM_ERR_TRUNCATED;
    }
    uint8_t byte = in.data[i];
    result |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (byte == 0 && i > 0) {
        return WPM_ERR_INVALID; /* A last group of zeros: not minimal. */
      }
      *value = result;
      *used = i + 1;
      return WPM_OK;
    }
  }
  return WPM_ERR_INVALID;
}
