/* The input as what a peer sends over mplex. */
#include "mux_owner.h"

#include "base/varint.h"
#include "proto/mplex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t take_varint(wpm_bytes *in) {
  uint64_t value;
  size_t used;
  require(wpm_varint_read(*in, &value, &used) == WPM_OK);
  in->data += used;
  in->len -= used;
  return value;
}

static void check_sent(wpm_bytes sent) {
  while (sent.len > 0) {
    unsigned flag = take_varint(&sent) & 7;
    uint64_t length = take_varint(&sent);
    bool message = flag == WPM_MPLEX_MESSAGE_INITIATOR || flag == WPM_MPLEX_MESSAGE_RECEIVER;
    require(flag <= WPM_MPLEX_RESET_INITIATOR && (length > 0) == message);
    require(length <= sent.len && length <= WPM_MPLEX_MESSAGE_DATA);
    sent.data += length;
    sent.len -= length;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  owner_run(&wpm_mplex, (wpm_bytes){data, size}, check_sent);
  return 0;
}
