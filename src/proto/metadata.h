/* Waku metadata (66/WAKU2-METADATA): /vac/waku/metadata/1.0.0. Request and response have the same
 * form: a varint length, then cluster_id = 1, shards = 2 (repeated, unpacked: what js-waku reads)
 * and shards = 3 (packed: what go-waku reads). We write both and read both, packed or not. At most
 * WPM_METADATA_MAX bytes (nwaku's cap). Shards beyond the cap, and numbers above 65535, are left out,
 * never a reason to refuse the rest. Each side closes its writing side after its message. */
#ifndef WPM_PROTO_METADATA_H
#define WPM_PROTO_METADATA_H

#include "base/buffer.h"

#define WPM_METADATA_PROTOCOL_ID "/vac/waku/metadata/1.0.0"
#define WPM_METADATA_MAX 1024
#define WPM_METADATA_SHARDS_MAX 256 /* Most shards read or written. */

typedef struct wpm_metadata {
  bool has_cluster_id;                      /* The field was sent. */
  uint32_t cluster_id;                      /* 0 where it was not. */
  uint16_t shards[WPM_METADATA_SHARDS_MAX]; /* Both fields merged, ascending, each once. */
  size_t shard_count;                       /* Their number. */
} wpm_metadata;

/* Appends `message` with its length in front. WPM_ERR_TOO_LARGE, WPM_ERR_FULL,
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_metadata_write(const wpm_metadata *message, wpm_buffer *out);

/* Reads one message from the front of `in`; *used gets its length. WPM_ERR_TRUNCATED: more is
 * needed. WPM_ERR_TOO_LARGE, WPM_ERR_PROTOCOL. */
WPM_MUST_USE int wpm_metadata_read(wpm_bytes in, wpm_metadata *out, size_t *used);

#endif
