#include "proto/ping.h"

#include <string.h>

int wpm_ping_start(wpm_ping *ping, const uint8_t payload[WPM_PING_SIZE], wpm_buffer *out) {
  memcpy(ping->payload, payload, WPM_PING_SIZE);
  ping->received = 0;
  return wpm_buffer_append(out, payload, WPM_PING_SIZE);
}

int wpm_ping_read(wpm_ping *ping, wpm_bytes in, size_t *used) {
  size_t missing = WPM_PING_SIZE - ping->received;
  size_t taken = in.len < missing ? in.len : missing;
  *used = 0;
  if (taken > 0 && memcmp(ping->payload + ping->received, in.data, taken) != 0) {
    return WPM_ERR_PROTOCOL;
  }
  ping->received += taken;
  *used = taken;
  return WPM_OK;
}
