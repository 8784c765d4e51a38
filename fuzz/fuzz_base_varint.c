/* Bytes that may begin with an unsigned varint: what is read writes back to the same bytes. */
#include "base/varint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t value;
  size_t used;
  int err = wpm_varint_read((wpm_bytes){data, size}, &value, &used);
  if (err == WPM_OK) {
    uint8_t again[WPM_VARINT_MAX];
    if (used > size || wpm_varint_size(value) != used || wpm_varint_write(value, again) != used ||
        memcmp(data, again, used) != 0) {
      abort();
    }
  } else if (err == WPM_ERR_TRUNCATED && size >= WPM_VARINT_MAX) {
    abort();
  }
  return 0;
}
