#include "proto/metadata.h"

#include "base/varint.h"
#include "proto/metadata.pb.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_unpacked(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_metadata *message = *arg;
  for (size_t i = 0; i < message->shard_count; i++) {
    if (!pb_encode_tag_for_field(stream, field) || !pb_encode_varint(stream, message->shards[i])) {
      return false;
    }
  }
  return true;
}

static bool write_packed(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_metadata *message = *arg;
  uint8_t packed[3 * WPM_METADATA_SHARDS_MAX]; /* A shard takes at most three bytes. */
  pb_ostream_t values = pb_ostream_from_buffer(packed, sizeof packed);
  for (size_t i = 0; i < message->shard_count; i++) {
    if (!pb_encode_varint(&values, message->shards[i])) {
      return false;
    }
  }
  return values.bytes_written == 0 || (pb_encode_tag(stream, PB_WT_STRING, field->tag) &&
                                       pb_encode_string(stream, packed, values.bytes_written));
}

int wpm_metadata_write(const wpm_metadata *message, wpm_buffer *out) {
  if (message->shard_count > WPM_METADATA_SHARDS_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  wpm_metadata copy = *message;
  wpm_pb_Metadata pb = wpm_pb_Metadata_init_zero;
  pb.has_cluster_id = message->has_cluster_id;
  pb.cluster_id = message->cluster_id;
  pb.shards_deprecated = (pb_callback_t){{.encode = write_unpacked}, &copy};
  pb.shards = (pb_callback_t){{.encode = write_packed}, &copy};
  uint8_t encoded[WPM_VARINT_MAX + WPM_METADATA_MAX];
  pb_ostream_t stream = pb_ostream_from_buffer(encoded + WPM_VARINT_MAX, WPM_METADATA_MAX);
  if (!pb_encode(&stream, wpm_pb_Metadata_fields, &pb)) {
    return WPM_ERR_TOO_LARGE;
  }
  uint8_t *begin = encoded + WPM_VARINT_MAX - wpm_varint_size(stream.bytes_written);
  size_t prefix = wpm_varint_write(stream.bytes_written, begin);
  return wpm_buffer_append(out, begin, prefix + stream.bytes_written);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Keeps the list ascending, each shard once. Beyond the cap a shard is left out. */
static void add_shard(wpm_metadata *message, uint16_t shard) {
  size_t at = message->shard_count;
  while (at > 0 && message->shards[at - 1] > shard) {
    at--;
  }
  if ((at > 0 && message->shards[at - 1] == shard) ||
      message->shard_count == WPM_METADATA_SHARDS_MAX) {
    return;
  }
  memmove(&message->shards[at + 1], &message->shards[at],
          (message->shard_count - at) * sizeof message->shards[0]);
  message->shards[at] = shard;
  message->shard_count++;
}

/* Both fields, packed or not: nanopb hands over the values one after the other. */
static bool read_shards(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  wpm_metadata *message = *arg;
  while (stream->bytes_left > 0) {
    uint64_t shard = 0;
    if (!pb_decode_varint(stream, &shard)) {
      return false;
    }
    if (shard <= UINT16_MAX) { /* Others are no shards of relay sharding. */
      add_shard(message, (uint16_t)shard);
    }
  }
  return true;
}

int wpm_metadata_read(wpm_bytes in, wpm_metadata *out, size_t *used) {
  uint64_t len = 0;
  size_t prefix = 0;
  int rc = wpm_varint_read(in, &len, &prefix);
  if (rc != WPM_OK) {
    return rc == WPM_ERR_TRUNCATED ? rc : WPM_ERR_PROTOCOL;
  }
  if (len > WPM_METADATA_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  if (in.len - prefix < len) {
    return WPM_ERR_TRUNCATED;
  }
  *out = (wpm_metadata){0};
  wpm_pb_Metadata pb = wpm_pb_Metadata_init_zero;
  pb.shards_deprecated = (pb_callback_t){{.decode = read_shards}, out};
  pb.shards = (pb_callback_t){{.decode = read_shards}, out};
  pb_istream_t stream = pb_istream_from_buffer(in.data + prefix, (size_t)len);
  if (!pb_decode(&stream, wpm_pb_Metadata_fields, &pb)) {
    return WPM_ERR_PROTOCOL;
  }
  out->has_cluster_id = pb.has_cluster_id;
  out->cluster_id = pb.cluster_id;
  *used = prefix + (size_t)len;
  return WPM_OK;
}
