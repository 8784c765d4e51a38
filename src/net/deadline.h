/* Deadlines of one fixed length: a queue in which the first is always the next to come due, so that
 * setting and clearing one cost nothing but a few pointers. One libuv timer serves the queue. A
 * deadline that is set while others are told of theirs comes due in a later turn of the loop. */
#ifndef WPM_NET_DEADLINE_H
#define WPM_NET_DEADLINE_H

#include <wakupeers/types.h>

#include <uv.h>

typedef struct wpm_deadline {
  struct wpm_deadline *previous, *next; /* Neighbours; NULL while it is not set. */
  uint64_t at;                          /* When it comes due, on uv_now()'s clock. */
} wpm_deadline;

/* The object that a deadline is a member of. */
#define WPM_DEADLINE_OWNER(deadline, type, member)                                                 \
  ((type *)(void *)((char *)(deadline)-offsetof(type, member)))

typedef void (*wpm_deadline_fn)(wpm_deadline *deadline);

typedef struct wpm_deadline_queue {
  wpm_deadline head;      /* Of a ring. */
  wpm_deadline mark;      /* In the ring while those due are told: behind the last of them. */
  uint64_t length_ms;     /* What each deadline lasts. */
  wpm_deadline_fn passed; /* Told of each that came due; it is no longer set then. */
  uv_timer_t timer;       /* Runs while the queue is not empty. */
} wpm_deadline_queue;

/* `length_ns` counts in whole milliseconds; 0: at the loop's next turn. */
void wpm_deadline_queue_init(wpm_deadline_queue *queue, uv_loop_t *loop, int64_t length_ns,
                             wpm_deadline_fn passed);
/* Ends it; `closed` is called when the loop has let go of it. */
void wpm_deadline_queue_close(wpm_deadline_queue *queue, uv_close_cb closed, void *data);

/* Sets `deadline` (zero-initialised before its first use), or begins it anew. */
void wpm_deadline_set(wpm_deadline_queue *queue, wpm_deadline *deadline);
/* Clears it; no effect where it is not set. */
void wpm_deadline_clear(wpm_deadline *deadline);

/* The next to come due; NULL: none is set. */
wpm_deadline *wpm_deadline_first(const wpm_deadline_queue *queue);

#endif
