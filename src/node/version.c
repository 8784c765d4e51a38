#include <wakupeers/version.h>

const char *wpm_version(void) {
  return WPM_VERSION;
}
