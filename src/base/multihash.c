#include "base/multihash.h"

#include "base/varint.h"

int wpm_multihash_read(wpm_bytes bytes, uint64_t *function, wpm_bytes *digest) {
  uint64_t length;
  size_t used;
  if (wpm_varint_read(bytes, function, &used) != WPM_OK) {
    return WPM_ERR_INVALID;
  }
  wpm_bytes rest = {bytes.data + used, bytes.len - used};
  if (wpm_varint_read(rest, &length, &used) != WPM_OK) {
    return WPM_ERR_INVALID;
  }
  *digest = (wpm_bytes){rest.data + used, rest.len - used};
  return length == digest->len ? WPM_OK : WPM_ERR_INVALID;
}
