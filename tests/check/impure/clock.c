/* Reads a clock. */
#include <time.h>

long seconds_now(void);

long seconds_now(void) {
  struct timespec now;
  return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (long)now.tv_sec : 0;
}
