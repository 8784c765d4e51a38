#include "base/bytes.h"

int wpm_bytes_compare(wpm_bytes a, wpm_bytes b) {
  size_t common = a.len < b.len ? a.len : b.len;
  int order = common ? memcmp(a.data, b.data, common) : 0;
  if (order != 0) {
    return order;
  }
  return a.len < b.len ? -1 : a.len > b.len;
}

bool wpm_secret_equal(const uint8_t *a, const uint8_t *b, size_t len) {
  const volatile uint8_t *left = a;
  const volatile uint8_t *right = b;
  uint8_t difference = 0;
  for (size_t i = 0; i < len; i++) {
    difference |= (uint8_t)(left[i] ^ right[i]);
  }
  return difference == 0;
}

void wpm_wipe(void *data, size_t len) {
  if (len == 0) {
    return;
  }
  memset(data, 0, len);
  /* The compiler must assume that this reads *data, so it cannot drop the memset. */
  __asm__ __volatile__("" : : "r"(data) : "memory");
}

const char *wpm_text_printable(wpm_text text, char *out, size_t cap) {
  if (cap == 0) {
    return out;
  }
  size_t len = text.len < cap - 1 ? text.len : cap - 1;
  for (size_t i = 0; i < len; i++) {
    out[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? text.data[i] : '?';
  }
  out[len] = '\0';
  return out;
}

size_t wpm_utf8_whole(wpm_text text) {
  size_t tail = 0; /* Bytes 10xxxxxx at the end. */
  while (tail < text.len && tail < 3 && ((uint8_t)text.data[text.len - 1 - tail] & 0xc0) == 0x80) {
    tail++;
  }
  if (tail == text.len) {
    return text.len;
  }
  uint8_t lead = (uint8_t)text.data[text.len - 1 - tail];
  size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return tail + 1 < size ? text.len - 1 - tail : text.len;
}
