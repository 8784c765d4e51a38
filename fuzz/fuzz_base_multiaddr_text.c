/* Text that may be a multiaddr. */
#include "multiaddr_round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_multiaddr addr;
  wpm_error error;
  int err = wpm_multiaddr_parse((wpm_text){(const char *)data, size}, &addr, &error);
  if (err) {
    require(error.code == err && addr.len == 0 && strlen(error.text) > 0);
    return 0;
  }
  require(wpm_multiaddr_check(wpm_multiaddr_view(&addr)) == WPM_OK);
  check_round_trip(wpm_multiaddr_view(&addr));
  return 0;
}
