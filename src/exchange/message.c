#include "exchange/message.h"

bool wpm_message_bytes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_bytes *value = *arg;
  return value->len == 0 || (pb_encode_tag_for_field(stream, field) &&
                             pb_encode_string(stream, value->data, value->len));
}

int wpm_message_write(const pb_msgdesc_t *fields, const void *message, wpm_buffer *out) {
  size_t size = 0;
  uint8_t *space = NULL;
  wpm_buffer_clear(out);
  if (!pb_get_encoded_size(&size, fields, message) || size > WPM_MESSAGE_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  int err = wpm_buffer_reserve(out, size, &space);
  if (err != WPM_OK) {
    return err == WPM_ERR_FULL ? WPM_ERR_TOO_LARGE : err;
  }
  pb_ostream_t stream = pb_ostream_from_buffer(space, size);
  if (!pb_encode(&stream, fields, message)) {
    return WPM_ERR_TOO_LARGE;
  }
  wpm_buffer_commit(out, size);
  return WPM_OK;
}
