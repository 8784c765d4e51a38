/* A heap of deadlines: the least first; ties by the smaller slot, so that a run can be replayed.
 * Each slot has at most one deadline, which can be moved or removed in O(log n). The least is kept in the
 * heap itself too: it is asked for far more often than it changes, and then mostly in cold memory. */
#ifndef WPM_BASE_HEAP_H
#define WPM_BASE_HEAP_H

#include "base/chunks.h"
#include "base/prefetch.h"

/* Where a slot keeps its position, from 1; 0: it has no deadline. */
typedef uint32_t *(*wpm_heap_position_fn)(const void *user, uint32_t slot);

typedef struct wpm_heap_entry {
  wpm_mono at;   /* The deadline. */
  uint32_t slot; /* Whose. */
} wpm_heap_entry;

typedef struct wpm_heap {
  wpm_chunks entries;               /* The heap, from position 1. */
  wpm_chunks positions;             /* By slot, where position_of is NULL. */
  wpm_heap_entry least;             /* As at position 1; WPM_NEVER where there is none. */
  size_t count;                     /* Entries used. */
  size_t slots;                     /* Deadlines that there is room for. */
  wpm_heap_position_fn position_of; /* Where positions are kept; NULL: in `positions`. */
  const void *user;                 /* Passed to it. */
} wpm_heap;

void wpm_heap_init(wpm_heap *heap);

/* One whose slots keep their positions themselves, so that those without a deadline cost nothing. */
void wpm_heap_init_at(wpm_heap *heap, wpm_heap_position_fn position_of, const void *user);
void wpm_heap_fini(wpm_heap *heap);

/* Makes room for deadlines of slots 0 … slots-1, so that wpm_heap_set cannot fail for them; where slots
 * keep their positions themselves, of that many slots, whichever they are. No call takes longer for
 * there being many already. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_heap_reserve(wpm_heap *heap, size_t slots);

/* Sets, moves or (with WPM_NEVER) removes the deadline of `slot`, which must be reserved. */
void wpm_heap_set(wpm_heap *heap, uint32_t slot, wpm_mono at);

/* The deadline of `slot`; WPM_NEVER where it has none. Not for slots that keep their positions. */
wpm_mono wpm_heap_get(const wpm_heap *heap, uint32_t slot);

/* The least deadline: WPM_NEVER where there is none. *slot (may be NULL) gets whose it is. */
wpm_mono wpm_heap_least(const wpm_heap *heap, uint32_t *slot);

/* Asks for the position of a slot that is reserved. Not for slots that keep theirs. */
static inline __attribute__((always_inline)) void wpm_heap_prefetch(const wpm_heap *heap,
                                                                    uint32_t slot) {
  wpm_prefetch(wpm_chunks_at(&heap->positions, sizeof(uint32_t), slot), sizeof(uint32_t));
}

/* The entry at `position`, from 1 to count. */
static inline wpm_heap_entry *wpm_heap_at(const wpm_heap *heap, size_t position) {
  return wpm_chunks_at(&heap->entries, sizeof(wpm_heap_entry), position);
}

/* Memory held, in bytes. */
static inline size_t wpm_heap_bytes(const wpm_heap *heap) {
  return wpm_chunks_bytes(&heap->entries, sizeof(wpm_heap_entry)) +
         wpm_chunks_bytes(&heap->positions, sizeof(uint32_t));
}

#endif
