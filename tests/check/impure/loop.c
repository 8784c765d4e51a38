/* Asks the event loop for the time. */
#include <uv.h>

unsigned long long loop_now(const uv_loop_t *loop);

unsigned long long loop_now(const uv_loop_t *loop) {
  return uv_now(loop);
}
