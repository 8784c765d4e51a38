#include "proto/noise_payload.h"

#include "proto/noise.pb.h"
#include "proto/pb_view.h"

#include <assert.h>
#include <pb_encode.h>

static bool read_muxer(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  wpm_noise_payload *payload = *arg;
  wpm_bytes value;
  if (payload->muxer_count < WPM_NOISE_MUXERS_MAX && wpm_pb_view(stream, &value)) {
    payload->muxers[payload->muxer_count++] = (wpm_text){(const char *)value.data, value.len};
  }
  return true;
}

int wpm_noise_payload_read(wpm_bytes in, wpm_noise_payload *out) {
  wpm_pb_single key = {0};
  wpm_pb_single signature = {0};
  wpm_pb_NoiseHandshakePayload message = wpm_pb_NoiseHandshakePayload_init_zero;
  *out = (wpm_noise_payload){0};
  message.identity_key = (pb_callback_t){{.decode = wpm_pb_read_single}, &key};
  message.identity_sig = (pb_callback_t){{.decode = wpm_pb_read_single}, &signature};
  message.extensions.stream_muxers = (pb_callback_t){{.decode = read_muxer}, out};
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, in);
  if (!pb_decode_ex(&stream, wpm_pb_NoiseHandshakePayload_fields, &message, PB_DECODE_NOINIT)) {
    return WPM_ERR_PROTOCOL;
  }
  out->identity_key = key.value;
  out->identity_sig = signature.value;
  return WPM_OK;
}

static bool write_single(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_bytes *value = *arg;
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_string(stream, value->data, value->len);
}

static bool write_muxers(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_noise_payload *payload = *arg;
  for (size_t i = 0; i < payload->muxer_count; i++) {
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_string(stream, (const pb_byte_t *)payload->muxers[i].data,
                          payload->muxers[i].len)) {
      return false;
    }
  }
  return true;
}

static wpm_pb_NoiseHandshakePayload to_message(wpm_noise_payload *payload) {
  wpm_pb_NoiseHandshakePayload message = wpm_pb_NoiseHandshakePayload_init_zero;
  message.identity_key = (pb_callback_t){{.encode = write_single}, &payload->identity_key};
  message.identity_sig = (pb_callback_t){{.encode = write_single}, &payload->identity_sig};
  message.has_extensions = payload->muxer_count > 0;
  message.extensions.stream_muxers = (pb_callback_t){{.encode = write_muxers}, payload};
  return message;
}

size_t wpm_noise_payload_size(const wpm_noise_payload *payload) {
  wpm_noise_payload copy = *payload;
  wpm_pb_NoiseHandshakePayload message = to_message(&copy);
  size_t size = 0;
  bool sized = pb_get_encoded_size(&size, wpm_pb_NoiseHandshakePayload_fields, &message);
  assert(sized);
  (void)sized;
  return size;
}

void wpm_noise_payload_write(const wpm_noise_payload *payload, uint8_t *out) {
  wpm_noise_payload copy = *payload;
  wpm_pb_NoiseHandshakePayload message = to_message(&copy);
  pb_ostream_t stream = pb_ostream_from_buffer(out, wpm_noise_payload_size(payload));
  bool written = pb_encode(&stream, wpm_pb_NoiseHandshakePayload_fields, &message);
  assert(written);
  (void)written;
}
