#include "proto/rlp.h"

#include <string.h>

#define STRING 0x80    /* What a string's prefix begins with … */
#define LIST 0xc0      /* … and a list's. */
#define SHORT_MAX 55   /* Longest contents whose length the prefix's first byte holds. */
#define NUMBER_BYTES 8 /* Most bytes of a number or a length. */

/* Reads a big-endian number. WPM_ERR_INVALID: a leading zero byte; WPM_ERR_TOO_LARGE. */
static int read_number(wpm_bytes bytes, uint64_t *out) {
  if (bytes.len > 0 && bytes.data[0] == 0) {
    return WPM_ERR_INVALID;
  }
  if (bytes.len > NUMBER_BYTES) {
    return WPM_ERR_TOO_LARGE;
  }
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.len; i++) {
    number = number << 8 | bytes.data[i];
  }
  *out = number;
  return WPM_OK;
}

/* Reads the length of an item whose first byte is `base` plus `form`. *header gets the prefix's
 * length. */
static int read_length(wpm_bytes in, unsigned form, size_t *header, size_t *len) {
  *header = 1;
  if (form <= SHORT_MAX) {
    *len = form;
    return WPM_OK;
  }
  size_t bytes = form - SHORT_MAX;
  if (in.len - 1 < bytes) {
    return WPM_ERR_TRUNCATED;
  }
  uint64_t number = 0;
  int rc = read_number((wpm_bytes){in.data + 1, bytes}, &number);
  if (rc != WPM_OK || number <= SHORT_MAX) {
    return WPM_ERR_INVALID;
  }
  *header += bytes;
  *len = number > SIZE_MAX ? SIZE_MAX : (size_t)number;
  return WPM_OK;
}

int wpm_rlp_next(wpm_bytes *rest, wpm_rlp_item *out) {
  if (rest->len == 0) {
    return WPM_ERR_TRUNCATED;
  }
  unsigned first = rest->data[0];
  size_t header = 0;
  size_t len = 1;
  if (first >= STRING) {
    int rc = read_length(*rest, first >= LIST ? first - LIST : first - STRING, &header, &len);
    if (rc != WPM_OK) {
      return rc;
    }
  }
  if (rest->len - header < len) {
    return WPM_ERR_TRUNCATED;
  }
  const uint8_t *contents = rest->data + header;
  if (first == STRING + 1 && contents[0] < STRING) {
    return WPM_ERR_INVALID;
  }
  *out = (wpm_rlp_item){
      .is_list = first >= LIST, .contents = {contents, len}, .whole = {rest->data, header + len}};
  *rest = (wpm_bytes){contents + len, rest->len - header - len};
  return WPM_OK;
}

static int next_of_kind(wpm_bytes *rest, bool list, wpm_bytes *out) {
  wpm_bytes after = *rest;
  wpm_rlp_item item;
  int rc = wpm_rlp_next(&after, &item);
  if (rc != WPM_OK) {
    return rc;
  }
  if (item.is_list != list) {
    return WPM_ERR_INVALID;
  }
  *out = item.contents;
  *rest = after;
  return WPM_OK;
}

int wpm_rlp_next_string(wpm_bytes *rest, wpm_bytes *out) {
  return next_of_kind(rest, false, out);
}

int wpm_rlp_next_list(wpm_bytes *rest, wpm_bytes *out) {
  return next_of_kind(rest, true, out);
}

int wpm_rlp_next_number(wpm_bytes *rest, uint64_t max, uint64_t *out) {
  wpm_bytes after = *rest;
  wpm_bytes bytes;
  uint64_t number = 0;
  int rc = wpm_rlp_next_string(&after, &bytes);
  if (rc == WPM_OK) {
    rc = read_number(bytes, &number);
  }
  if (rc != WPM_OK) {
    return rc;
  }
  if (number > max) {
    return WPM_ERR_TOO_LARGE;
  }
  *out = number;
  *rest = after;
  return WPM_OK;
}

/* Writes `number` big-endian without leading zeros; returns its length. */
static size_t put_number(uint64_t number, uint8_t out[NUMBER_BYTES]) {
  size_t len = 0;
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    uint8_t byte = (uint8_t)(number >> (shift - 8));
    if (len > 0 || byte != 0) {
      out[len++] = byte;
    }
  }
  return len;
}

/* Returns the prefix's length. */
static size_t put_prefix(unsigned kind, size_t len, uint8_t out[WPM_RLP_PREFIX_MAX]) {
  if (len <= SHORT_MAX) {
    out[0] = (uint8_t)(kind + len);
    return 1;
  }
  size_t bytes = put_number(len, out + 1);
  out[0] = (uint8_t)(kind + SHORT_MAX + bytes);
  return 1 + bytes;
}

int wpm_rlp_write_string(wpm_buffer *out, wpm_bytes string) {
  uint8_t prefix[WPM_RLP_PREFIX_MAX];
  size_t prefix_len = 0;
  uint8_t *space = NULL;
  if (string.len != 1 || string.data[0] >= STRING) {
    prefix_len = put_prefix(STRING, string.len, prefix);
  }
  if (string.len > SIZE_MAX - prefix_len) {
    return WPM_ERR_FULL;
  }
  int rc = wpm_buffer_reserve(out, prefix_len + string.len, &space);
  if (rc != WPM_OK) {
    return rc;
  }
  memcpy(space, prefix, prefix_len);
  if (string.len > 0) {
    memcpy(space + prefix_len, string.data, string.len);
  }
  wpm_buffer_commit(out, prefix_len + string.len);
  return WPM_OK;
}

int wpm_rlp_write_number(wpm_buffer *out, uint64_t number) {
  uint8_t bytes[NUMBER_BYTES];
  size_t len = put_number(number, bytes);
  return wpm_rlp_write_string(out, (wpm_bytes){bytes, len});
}

size_t wpm_rlp_list_prefix(size_t len, uint8_t out[WPM_RLP_PREFIX_MAX]) {
  return put_prefix(LIST, len, out);
}
