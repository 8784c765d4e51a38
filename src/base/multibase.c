#include "base/multibase.h"

#include <string.h>

/* Number systems (base58, base36) work on limbs of 32 bits, least significant first. */
#define LIMBS_MAX (WPM_BASE58_MAX / 4)

/* digitNN: what a character stands for in base NN; 0xff where it is outside the alphabet. */
static uint8_t digit58(char c) {
  /* One more than the value, so that what is not listed becomes 0xff. */
  static const uint8_t values[0x80] = {
      ['1'] = 1,  ['2'] = 2,  ['3'] = 3,  ['4'] = 4,  ['5'] = 5,  ['6'] = 6,  ['7'] = 7,
      ['8'] = 8,  ['9'] = 9,  ['A'] = 10, ['B'] = 11, ['C'] = 12, ['D'] = 13, ['E'] = 14,
      ['F'] = 15, ['G'] = 16, ['H'] = 17, ['J'] = 18, ['K'] = 19, ['L'] = 20, ['M'] = 21,
      ['N'] = 22, ['P'] = 23, ['Q'] = 24, ['R'] = 25, ['S'] = 26, ['T'] = 27, ['U'] = 28,
      ['V'] = 29, ['W'] = 30, ['X'] = 31, ['Y'] = 32, ['Z'] = 33, ['a'] = 34, ['b'] = 35,
      ['c'] = 36, ['d'] = 37, ['e'] = 38, ['f'] = 39, ['g'] = 40, ['h'] = 41, ['i'] = 42,
      ['j'] = 43, ['k'] = 44, ['m'] = 45, ['n'] = 46, ['o'] = 47, ['p'] = 48, ['q'] = 49,
      ['r'] = 50, ['s'] = 51, ['t'] = 52, ['u'] = 53, ['v'] = 54, ['w'] = 55, ['x'] = 56,
      ['y'] = 57, ['z'] = 58};
  return (unsigned char)c < 0x80 ? (uint8_t)(values[(unsigned char)c] - 1) : 0xff;
}

static uint8_t digit36(char c) {
  if (c >= '0' && c <= '9') {
    return (uint8_t)(c - '0');
  }
  if (c >= 'a' && c <= 'z') {
    return (uint8_t)(c - 'a' + 10);
  }
  if (c >= 'A' && c <= 'Z') {
    return (uint8_t)(c - 'A' + 10);
  }
  return 0xff;
}

static uint8_t digit16(char c) {
  uint8_t digit = digit36(c);
  return digit < 16 ? digit : 0xff;
}

static uint8_t digit32(char c) {
  if (c >= 'a' && c <= 'z') {
    return (uint8_t)(c - 'a');
  }
  if (c >= 'A' && c <= 'Z') {
    return (uint8_t)(c - 'A');
  }
  if (c >= '2' && c <= '7') {
    return (uint8_t)(c - '2' + 26);
  }
  return 0xff;
}

static inline uint8_t digit64(char c, char c62, char c63) {
  if (c >= 'A' && c <= 'Z') {
    return (uint8_t)(c - 'A');
  }
  if (c >= 'a' && c <= 'z') {
    return (uint8_t)(c - 'a' + 26);
  }
  if (c >= '0' && c <= '9') {
    return (uint8_t)(c - '0' + 52);
  }
  if (c == c62) {
    return 62;
  }
  return c == c63 ? 63 : 0xff;
}

static uint8_t digit64_standard(char c) {
  return digit64(c, '+', '/');
}

static uint8_t digit64_url(char c) {
  return digit64(c, '-', '_');
}

static uint8_t digit64_i2p(char c) {
  return digit64(c, '-', '~');
}

/* ---- number systems -------------------------------------------------------------------------- */

int wpm_base58_encode(wpm_bytes in, char *out, size_t cap, size_t *len) {
  static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  enum { FIVE_DIGITS = 58 * 58 * 58 * 58 * 58 };
  if (in.len > WPM_BASE58_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  size_t zeros = 0;
  while (zeros < in.len && in.data[zeros] == 0) {
    zeros++;
  }

  uint32_t limbs[LIMBS_MAX];
  size_t count = (in.len - zeros + 3) / 4;
  for (size_t i = 0; i < count; i++) {
    uint32_t limb = 0;
    for (size_t byte = 0; byte < 4 && 4 * i + byte < in.len - zeros; byte++) {
      limb |= (uint32_t)in.data[in.len - 1 - 4 * i - byte] << (8 * byte);
    }
    limbs[i] = limb;
  }

  /* Five digits at a time, from the last. log(256) / log(58) < 1.38. */
  char digits[WPM_BASE58_MAX * 138 / 100 + 6];
  char *first = digits + sizeof(digits);
  while (count > 0) {
    uint64_t rest = 0;
    for (size_t i = count; i-- > 0;) {
      rest = rest << 32 | limbs[i];
      limbs[i] = (uint32_t)(rest / FIVE_DIGITS);
      rest %= FIVE_DIGITS;
    }
    while (count > 0 && limbs[count - 1] == 0) {
      count--;
    }
    for (int i = 0; i < 5; i++, rest /= 58) {
      *--first = alphabet[rest % 58];
    }
  }
  while (first < digits + sizeof(digits) && *first == '1') {
    first++;
  }

  size_t significant = (size_t)(digits + sizeof(digits) - first);
  if (zeros + significant >= cap) {
    return WPM_ERR_NO_SPACE;
  }
  memset(out, '1', zeros);
  memcpy(out + zeros, first, significant);
  out[zeros + significant] = '\0';
  if (len) {
    *len = zeros + significant;
  }
  return WPM_OK;
}

/* limbs = limbs * factor + addend. False where that needs more than WPM_BASE58_MAX bytes. */
static bool multiply_add(uint32_t *limbs, size_t *count, uint32_t factor, uint32_t addend) {
  uint64_t carry = addend;
  for (size_t i = 0; i < *count; i++) {
    carry += (uint64_t)limbs[i] * factor;
    limbs[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry == 0) {
    return true;
  }
  if (*count == LIMBS_MAX) {
    return false;
  }
  limbs[(*count)++] = (uint32_t)carry;
  return true;
}

/* Text in base `base`, of which `group` digits fit into 32 bits. */
static int number_decode(wpm_text in, uint8_t (*digit_of)(char), uint32_t base, size_t group,
                         uint8_t *out, size_t cap, size_t *len) {
  size_t zeros = 0;
  while (zeros < in.len && digit_of(in.data[zeros]) == 0) {
    zeros++;
  }
  uint32_t limbs[LIMBS_MAX];
  size_t count = 0;
  for (size_t i = zeros; i < in.len;) {
    uint32_t factor = 1;
    uint32_t value = 0;
    for (size_t end = in.len - i < group ? in.len : i + group; i < end; i++) {
      uint8_t digit = digit_of(in.data[i]);
      if (digit >= base) {
        return WPM_ERR_INVALID;
      }
      factor *= base;
      value = value * base + digit;
    }
    if (!multiply_add(limbs, &count, factor, value)) {
      return WPM_ERR_TOO_LARGE;
    }
  }

  size_t significant = 4 * count;
  for (uint32_t mask = 0xff000000; significant > 0 && (limbs[count - 1] & mask) == 0; mask >>= 8) {
    significant--;
  }
  if (zeros > WPM_BASE58_MAX - significant) {
    return WPM_ERR_TOO_LARGE;
  }
  if (zeros + significant > cap) {
    return WPM_ERR_NO_SPACE;
  }
  if (zeros) {
    memset(out, 0, zeros);
  }
  for (size_t i = 0; i < significant; i++) {
    out[zeros + significant - 1 - i] = (uint8_t)(limbs[i / 4] >> (8 * (i % 4)));
  }
  *len = zeros + significant;
  return WPM_OK;
}

int wpm_base58_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len) {
  return number_decode(in, digit58, 58, 5, out, cap, len);
}

/* ---- groups of bits -------------------------------------------------------------------------- */

static int bits_encode(wpm_bytes in, const char *alphabet, unsigned bits, char *out, size_t cap,
                       size_t *len) {
  if (in.len > (SIZE_MAX - 7) / 8) {
    return WPM_ERR_NO_SPACE;
  }
  size_t characters = (in.len * 8 + bits - 1) / bits;
  if (characters >= cap) {
    return WPM_ERR_NO_SPACE;
  }
  uint32_t held = 0;
  unsigned held_bits = 0;
  size_t at = 0;
  for (size_t i = 0; i < in.len; i++) {
    held = held << 8 | in.data[i];
    held_bits += 8;
    for (; held_bits >= bits; held_bits -= bits) {
      out[at++] = alphabet[held >> (held_bits - bits) & ((1U << bits) - 1)];
    }
  }
  if (held_bits) {
    out[at++] = alphabet[held << (bits - held_bits) & ((1U << bits) - 1)];
  }
  out[at] = '\0';
  if (len) {
    *len = at;
  }
  return WPM_OK;
}

static int bits_decode(wpm_text in, uint8_t (*digit_of)(char), unsigned bits, uint8_t *out,
                       size_t cap, size_t *len) {
  uint32_t held = 0;
  unsigned held_bits = 0;
  size_t at = 0;
  for (size_t i = 0; i < in.len; i++) {
    uint8_t digit = digit_of(in.data[i]);
    if (digit >> bits) {
      return WPM_ERR_INVALID;
    }
    held = held << bits | digit;
    held_bits += bits;
    if (held_bits >= 8) {
      if (at == cap) {
        return WPM_ERR_NO_SPACE;
      }
      held_bits -= 8;
      out[at++] = (uint8_t)(held >> held_bits);
    }
  }
  /* Left over: fewer bits than a character has (else the last one says nothing), and all zero. */
  if (held_bits >= bits || (held & ((1U << held_bits) - 1)) != 0) {
    return WPM_ERR_INVALID;
  }
  *len = at;
  return WPM_OK;
}

int wpm_base32_encode(wpm_bytes in, char *out, size_t cap, size_t *len) {
  return bits_encode(in, "abcdefghijklmnopqrstuvwxyz234567", 5, out, cap, len);
}

int wpm_base32_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len) {
  return bits_decode(in, digit32, 5, out, cap, len);
}

int wpm_base64url_encode(wpm_bytes in, char *out, size_t cap, size_t *len) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return bits_encode(in, alphabet, 6, out, cap, len);
}

int wpm_base64url_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len) {
  return bits_decode(in, digit64_url, 6, out, cap, len);
}

int wpm_base64i2p_encode(wpm_bytes in, char *out, size_t cap, size_t *len) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~";
  size_t at;
  int err = bits_encode(in, alphabet, 6, out, cap, &at);
  if (err) {
    return err;
  }
  for (; at % 4; at++) {
    if (at + 1 >= cap) {
      return WPM_ERR_NO_SPACE;
    }
    out[at] = '=';
  }
  out[at] = '\0';
  if (len) {
    *len = at;
  }
  return WPM_OK;
}

int wpm_base64i2p_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len) {
  if (in.len % 4) {
    return WPM_ERR_INVALID;
  }
  for (int padding = 0; padding < 2 && in.len && in.data[in.len - 1] == '='; padding++) {
    in.len--;
  }
  return bits_decode(in, digit64_i2p, 6, out, cap, len);
}

/* ---- multibase ------------------------------------------------------------------------------- */

int wpm_multibase_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len) {
  if (in.len == 0) {
    return WPM_ERR_INVALID;
  }
  wpm_text digits = {in.data + 1, in.len - 1};
  switch (in.data[0]) {
  case 'f':
  case 'F':
    return bits_decode(digits, digit16, 4, out, cap, len);
  case 'b':
  case 'B':
    return bits_decode(digits, digit32, 5, out, cap, len);
  case 'k':
  case 'K':
    return number_decode(digits, digit36, 36, 6, out, cap, len);
  case 'z':
    return number_decode(digits, digit58, 58, 5, out, cap, len);
  case 'm':
    return bits_decode(digits, digit64_standard, 6, out, cap, len);
  case 'u':
    return bits_decode(digits, digit64_url, 6, out, cap, len);
  default:
    return WPM_ERR_UNSUPPORTED;
  }
}
