/* Bytes that may be a binary multiaddr, as a peer's identify message carries them. */
#include "multiaddr_round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_bytes addr = {data, size};
  int err = wpm_multiaddr_check(addr);
  if (err == WPM_OK) {
    check_round_trip(addr);
    return 0;
  }
  char text[WPM_MULTIADDR_TEXT];
  wpm_error error;
  require(wpm_multiaddr_format(addr, text, sizeof(text), NULL, &error) == err);
  require(error.code == err && strlen(error.text) > 0);
  wpm_multiaddr_part part;
  while (wpm_multiaddr_next(&addr, &part)) {
    require(part.whole.len > 0);
  }
  return 0;
}
