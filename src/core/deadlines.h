/* A heap of deadlines over slots of the store, the least first; ties by the smaller slot, so that a
 * run can be replayed. Each peer keeps its own position (wpm_contact), so that slots without a
 * deadline cost nothing. */
#ifndef WPM_CORE_DEADLINES_H
#define WPM_CORE_DEADLINES_H

#include <wakupeers/types.h>

/* Where a slot keeps its position: 1 + its index; 0: it is not in the heap. */
typedef uint32_t *(*wpm_deadline_position_fn)(const void *user, uint32_t slot);

typedef struct wpm_deadline_entry {
  wpm_mono at;
  uint32_t slot;
} wpm_deadline_entry;

typedef struct wpm_deadlines {
  wpm_deadline_entry *entries;
  uint32_t count;
  uint32_t capacity;
  wpm_deadline_position_fn position;
  const void *user; /* Passed to it. */
} wpm_deadlines;

void wpm_deadlines_init(wpm_deadlines *heap, wpm_deadline_position_fn position, const void *user);
void wpm_deadlines_fini(wpm_deadlines *heap);

/* Room for `count` deadlines. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_deadlines_reserve(wpm_deadlines *heap, uint32_t count);

/* Sets, moves or (with WPM_NEVER) removes the deadline of `slot`; there must be room. */
void wpm_deadlines_set(wpm_deadlines *heap, uint32_t slot, wpm_mono at);

/* The least: WPM_NEVER where there is none. */
wpm_mono wpm_deadlines_least(const wpm_deadlines *heap, uint32_t *slot);

#endif
