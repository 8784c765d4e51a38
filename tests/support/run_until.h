/* Waiting for an event on a libuv loop. Tests wait for what happens, never for time to pass. */
#pragma once

#include "support/test.h"

#include <uv.h>

/* A limit on how long a test waits; it also wakes the loop now and then, since a turn that only ran
 * timers goes on to wait for something else. */
typedef struct run_watch {
  uv_timer_t timer;
  unsigned ticks;
  bool late;
} run_watch;

#define WATCH_TICK_MS 5
#define WATCH_TICKS 2000 /* Ten seconds. */

static inline void run_watch_tick(uv_timer_t *timer) {
  run_watch *watch = timer->data;
  watch->late = ++watch->ticks >= WATCH_TICKS;
}

static inline void run_watch_begin(run_watch *watch, uv_loop_t *loop) {
  *watch = (run_watch){.ticks = 0};
  uv_timer_init(loop, &watch->timer);
  watch->timer.data = watch;
  uv_timer_start(&watch->timer, run_watch_tick, WATCH_TICK_MS, WATCH_TICK_MS);
}

static inline void run_watch_end(run_watch *watch, uv_loop_t *loop) {
  uv_close((uv_handle_t *)&watch->timer, NULL);
  uv_run(loop, UV_RUN_NOWAIT);
}

/* Turns the loop until `condition` holds; fails the test after ten seconds. */
#define RUN_UNTIL(uv_loop, condition)                                                              \
  do {                                                                                             \
    run_watch watch_;                                                                              \
    run_watch_begin(&watch_, (uv_loop));                                                           \
    while (!(condition) && !watch_.late) {                                                         \
      uv_run((uv_loop), UV_RUN_ONCE);                                                              \
    }                                                                                              \
    run_watch_end(&watch_, (uv_loop));                                                             \
    if (watch_.late) {                                                                             \
      fail_msg("line %d: waited in vain for: %s", __LINE__, #condition);                           \
    }                                                                                              \
  } while (0)
