#include "base/ip_text.h"

#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool wpm_ip6_is_mapped(const uint8_t ip[16]) {
  return memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

/* Four decimal numbers up to 255, without leading zeros, and nothing else. */
static int parse_ip4(wpm_text text, uint8_t out[4]) {
  size_t at = 0;
  for (size_t field = 0; field < 4; field++) {
    if (field > 0) {
      if (at == text.len || text.data[at] != '.') {
        return WPM_ERR_INVALID;
      }
      at++;
    }
    size_t start = at;
    unsigned value = 0;
    for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
      value = value * 10 + (unsigned)(text.data[at] - '0');
      if (value > 255 || (at > start && text.data[start] == '0')) {
        return WPM_ERR_INVALID;
      }
    }
    if (at == start) {
      return WPM_ERR_INVALID;
    }
    out[field] = (uint8_t)value;
  }
  return at == text.len ? WPM_OK : WPM_ERR_INVALID;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

/* One to four hexadecimal digits at *at; moves *at behind them. */
static bool parse_group(wpm_text text, size_t *at, uint8_t out[2]) {
  unsigned value = 0;
  size_t start = *at;
  for (; *at < text.len && hex_digit(text.data[*at]) >= 0; (*at)++) {
    if (*at - start == 4) {
      return false;
    }
    value = value << 4 | (unsigned)hex_digit(text.data[*at]);
  }
  out[0] = (uint8_t)(value >> 8);
  out[1] = (uint8_t)value;
  return *at > start;
}

static int parse_ip6(wpm_text text, uint8_t out[16]) {
  const size_t no_gap = 17;
  size_t gap = no_gap; /* Where in `out` the `::` stands. */
  size_t filled = 0;
  size_t at = 0;
  if (text.len >= 2 && memcmp(text.data, "::", 2) == 0) {
    gap = 0;
    at = 2;
  }
  while (at < text.len) {
    if (filled == 16) {
      return WPM_ERR_INVALID;
    }
    size_t start = at;
    if (!parse_group(text, &at, out + filled)) {
      return WPM_ERR_INVALID;
    }
    if (at < text.len && text.data[at] == '.') {
      /* The last four bytes may be written as IPv4. */
      wpm_text tail = {text.data + start, text.len - start};
      if (filled > 12 || (gap == no_gap && filled != 12) ||
          parse_ip4(tail, out + filled) != WPM_OK) {
        return WPM_ERR_INVALID;
      }
      filled += 4;
      break;
    }
    filled += 2;
    if (at == text.len) {
      break;
    }
    if (text.data[at++] != ':' || at == text.len) {
      return WPM_ERR_INVALID;
    }
    if (text.data[at] == ':') {
      if (gap != no_gap) {
        return WPM_ERR_INVALID;
      }
      gap = filled;
      at++;
    }
  }
  if (gap == no_gap) {
    return filled == 16 ? WPM_OK : WPM_ERR_INVALID;
  }
  if (filled == 16) {
    return WPM_ERR_INVALID; /* `::` stands for at least one group. */
  }
  size_t behind = filled - gap;
  memmove(out + 16 - behind, out + gap, behind);
  memset(out + gap, 0, 16 - filled);
  return WPM_OK;
}

int wpm_ip_parse(wpm_text text, uint8_t out[16], size_t *len) {
  bool is_ip6 = text.len && memchr(text.data, ':', text.len);
  *len = is_ip6 ? 16 : 4;
  return is_ip6 ? parse_ip6(text, out) : parse_ip4(text, out);
}

static char *write_decimal(char *at, unsigned value) {
  if (value >= 100) {
    *at++ = (char)('0' + value / 100);
  }
  if (value >= 10) {
    *at++ = (char)('0' + value / 10 % 10);
  }
  *at++ = (char)('0' + value % 10);
  return at;
}

static char *write_ip4(char *at, const uint8_t ip[4]) {
  for (size_t i = 0; i < 4; i++) {
    if (i > 0) {
      *at++ = '.';
    }
    at = write_decimal(at, ip[i]);
  }
  return at;
}

static char *write_group(char *at, unsigned value) {
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    unsigned digit = value >> shift & 0xf;
    started = started || digit || shift == 0;
    if (started) {
      *at++ = "0123456789abcdef"[digit];
    }
  }
  return at;
}

static char *write_ip6(char *at, const uint8_t ip[16]) {
  if (wpm_ip6_is_mapped(ip)) {
    for (const char *c = "::ffff:"; *c; c++) {
      *at++ = *c;
    }
    return write_ip4(at, ip + 12);
  }
  unsigned groups[8];
  for (size_t i = 0; i < 8; i++) {
    groups[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
  }
  size_t gap = 8;
  size_t longest = 1;
  for (size_t i = 0; i < 8; i++) {
    size_t end = i;
    while (end < 8 && groups[end] == 0) {
      end++;
    }
    if (end - i > longest) {
      longest = end - i;
      gap = i;
    }
  }
  for (size_t i = 0; i < 8;) {
    if (i == gap) {
      *at++ = ':';
      *at++ = ':';
      i += longest;
      continue;
    }
    if (i > 0 && i != gap + longest) {
      *at++ = ':';
    }
    at = write_group(at, groups[i++]);
  }
  return at;
}

int wpm_ip_format(wpm_bytes ip, char out[WPM_IP_TEXT], size_t *len) {
  if (ip.len != 4 && ip.len != 16) {
    return WPM_ERR_INVALID;
  }
  char *end = ip.len == 4 ? write_ip4(out, ip.data) : write_ip6(out, ip.data);
  *end = '\0';
  if (len) {
    *len = (size_t)(end - out);
  }
  return WPM_OK;
}
