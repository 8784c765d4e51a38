/* A heap of deadlines: the least first; ties by the smaller slot, so that a run can be replayed.
 * Each slot has at most one deadline, which can be moved or removed in O(log n). */
#ifndef WPM_BASE_HEAP_H
#define WPM_BASE_HEAP_H

#include <wakupeers/types.h>

typedef struct wpm_heap_entry {
  wpm_mono at;   /* The deadline. */
  uint32_t slot; /* Whose. */
} wpm_heap_entry;

typedef struct wpm_heap {
  wpm_heap_entry *entries; /* The heap. */
  size_t count;            /* Entries used. */
  size_t capacity;         /* Entries allocated. */
  uint32_t *position;      /* slot → 1 + index into entries; 0: none. */
  size_t slots;            /* Length of `position`. */
} wpm_heap;

void wpm_heap_init(wpm_heap *heap);
void wpm_heap_fini(wpm_heap *heap);

/* Makes room for deadlines of slots 0 … slots-1, so that wpm_heap_set cannot fail for them.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_heap_reserve(wpm_heap *heap, size_t slots);

/* Sets, moves or (with WPM_NEVER) removes the deadline of `slot`, which must be reserved. */
void wpm_heap_set(wpm_heap *heap, uint32_t slot, wpm_mono at);

/* The deadline of `slot`; WPM_NEVER where it has none. */
wpm_mono wpm_heap_get(const wpm_heap *heap, uint32_t slot);

/* The least deadline: WPM_NEVER where there is none. *slot (may be NULL) gets whose it is. */
wpm_mono wpm_heap_least(const wpm_heap *heap, uint32_t *slot);

#endif
