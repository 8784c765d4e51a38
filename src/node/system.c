#include "node/system.h"

#include "base/siphash.h"

#include <stdio.h>
#include <time.h>
#include <uv.h>

int wpm_system_random(uint8_t *out, size_t len) {
  return uv_random(NULL, NULL, out, len, 0, NULL) == 0 ? WPM_OK : WPM_ERR_IO;
}

uint64_t wpm_system_boot_id(void) {
  static const wpm_siphash_key key = {0x77616b7570656572, 0x626f6f7420696421};
  uint8_t text[64];
  size_t len = 0;
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file) {
    len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
  }
  if (len > 0) {
    return wpm_siphash13(&key, (wpm_bytes){text, len});
  }
  uint64_t random = 0;
  if (wpm_system_random((uint8_t *)&random, sizeof random) != WPM_OK) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    random = (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec;
  }
  return random;
}

static int64_t nanoseconds(clockid_t clock) {
  struct timespec now = {0};
  (void)clock_gettime(clock, &now); /* Cannot fail for the clocks asked here (clock_gettime(2)). */
  return (int64_t)now.tv_sec * WPM_SECOND + now.tv_nsec;
}

wpm_instant wpm_system_now(uint64_t boot_id) {
#ifdef CLOCK_BOOTTIME
  clockid_t boot_clock = CLOCK_BOOTTIME;
#else
  clockid_t boot_clock = CLOCK_MONOTONIC;
#endif
  return (wpm_instant){
      .mono = {nanoseconds(boot_clock)}, .wall = {nanoseconds(CLOCK_REALTIME)}, .boot_id = boot_id};
}
