/* The input as what a peer sends over yamux. */
#include "mux_owner.h"

#include "proto/yamux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sent(wpm_bytes sent) {
  while (sent.len > 0) {
    require(sent.len >= WPM_YAMUX_HEADER);
    wpm_yamux_frame frame = wpm_yamux_decode(sent.data);
    require(frame.version == 0 && frame.type <= WPM_YAMUX_GO_AWAY && frame.flags <= 15);
    require((frame.stream_id == 0) == (frame.type >= WPM_YAMUX_PING));
    size_t frame_size = WPM_YAMUX_HEADER + (frame.type == WPM_YAMUX_DATA ? frame.length : 0);
    require(frame_size <= sent.len && frame_size <= WPM_YAMUX_HEADER + WPM_YAMUX_FRAME_DATA);
    sent.data += frame_size;
    sent.len -= frame_size;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  owner_run(&wpm_yamux, (wpm_bytes){data, size}, check_sent);
  return 0;
}
