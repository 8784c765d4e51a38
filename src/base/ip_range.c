#include "base/ip_range.h"

#include "base/ip_text.h"

#include <string.h>

enum { ALL_BITS = 128, IP4_BITS = 32, MAPPED_BITS = ALL_BITS - IP4_BITS };

void wpm_ip_range_key(const uint8_t ip[16], unsigned bits, uint8_t key[WPM_IP_RANGE_KEY]) {
  memset(key, 0, WPM_IP_RANGE_KEY);
  memcpy(key, ip, bits / 8);
  if (bits % 8 > 0) {
    key[bits / 8] = (uint8_t)(ip[bits / 8] & 0xff << (8 - bits % 8));
  }
  key[WPM_IP_RANGE_KEY - 1] = (uint8_t)bits;
}

bool wpm_ip_range_holds(const wpm_ip_range *range, const uint8_t ip[16]) {
  uint8_t a[WPM_IP_RANGE_KEY];
  uint8_t b[WPM_IP_RANGE_KEY];
  wpm_ip_range_key(ip, range->bits, a);
  wpm_ip_range_key(range->ip, range->bits, b);
  return memcmp(a, b, sizeof(a)) == 0;
}

/* ---- text -------------------------------------------------------------------------------------- */

static int take_bits(wpm_text text, unsigned most, uint8_t *out) {
  unsigned bits = 0;
  if (text.len == 0 || text.len > 3) {
    return WPM_ERR_INVALID;
  }
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') {
      return WPM_ERR_INVALID;
    }
    bits = bits * 10 + (unsigned)(text.data[i] - '0');
  }
  if (bits > most) {
    return WPM_ERR_INVALID;
  }
  *out = (uint8_t)(bits + ALL_BITS - most);
  return WPM_OK;
}

int wpm_ip_range_parse(wpm_text text, wpm_ip_range *out) {
  size_t ip_len = 0;
  uint8_t ip[16];
  size_t len;
  while (ip_len < text.len && text.data[ip_len] != '/') {
    ip_len++;
  }
  int err = wpm_ip_parse((wpm_text){text.data, ip_len}, ip, &len);
  if (err) {
    return err;
  }
  *out = (wpm_ip_range){.bits = ALL_BITS};
  memset(out->ip + 10, len == 4 ? 0xff : 0, 2);
  memcpy(out->ip + 16 - len, ip, len);
  if (ip_len == text.len) {
    return WPM_OK;
  }
  const wpm_text bits = {text.data + ip_len + 1, text.len - ip_len - 1};
  return take_bits(bits, (unsigned)len * 8, &out->bits);
}

/* Up to three digits; returns how many. */
static size_t write_bits(unsigned bits, char *out) {
  size_t len = 0;
  for (unsigned unit = 100; unit > 0; unit /= 10) {
    if (bits >= unit || unit == 1) {
      out[len++] = (char)('0' + bits / unit % 10);
    }
  }
  return len;
}

int wpm_ip_range_format(const wpm_ip_range *range, char *out, size_t cap) {
  uint8_t key[WPM_IP_RANGE_KEY];
  char ip[WPM_IP_RANGE_TEXT];
  _Static_assert(WPM_IP_RANGE_TEXT >= WPM_IP_TEXT + 4, "a slash and three digits fit");
  if (range->bits > ALL_BITS) {
    return WPM_ERR_INVALID;
  }
  wpm_ip_range_key(range->ip, range->bits, key);
  bool is_ip4 = range->bits >= MAPPED_BITS && wpm_ip6_is_mapped(key);
  int err = wpm_ip_format(is_ip4 ? (wpm_bytes){key + 12, 4} : (wpm_bytes){key, 16}, ip, NULL);
  if (err) {
    return err;
  }
  size_t len = strlen(ip);
  ip[len++] = '/';
  len += write_bits(range->bits - (is_ip4 ? (unsigned)MAPPED_BITS : 0u), ip + len);
  if (len >= cap) {
    return WPM_ERR_NO_SPACE;
  }
  memcpy(out, ip, len);
  out[len] = '\0';
  return WPM_OK;
}
