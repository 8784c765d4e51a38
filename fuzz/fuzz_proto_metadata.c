/* The input as a Waku metadata message behind its length. */
#include "proto/metadata.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_metadata message;
  wpm_metadata again;
  wpm_buffer out;
  size_t used = 0;
  if (wpm_metadata_read((wpm_bytes){data, size}, &message, &used) != WPM_OK) {
    return 0;
  }
  require(used <= size && message.shard_count <= WPM_METADATA_SHARDS_MAX);
  for (size_t i = 1; i < message.shard_count; i++) {
    require(message.shards[i - 1] < message.shards[i]);
  }
  wpm_buffer_init(&out, 4096);
  int rc = wpm_metadata_write(&message, &out);
  require(rc == WPM_OK || rc == WPM_ERR_TOO_LARGE);
  if (rc == WPM_OK) {
    require(wpm_metadata_read(wpm_buffer_view(&out), &again, &used) == WPM_OK);
    require(used == wpm_buffer_size(&out));
    require(memcmp(&again, &message, sizeof message) == 0);
  }
  wpm_buffer_fini(&out);
  return 0;
}
