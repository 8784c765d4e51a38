#include "core/deadlines.h"

#include <assert.h>
#include <stdlib.h>

void wpm_deadlines_init(wpm_deadlines *heap, wpm_deadline_position_fn position, const void *user) {
  *heap = (wpm_deadlines){.position = position, .user = user};
}

void wpm_deadlines_fini(wpm_deadlines *heap) {
  free(heap->entries);
  wpm_deadlines_init(heap, heap->position, heap->user);
}

int wpm_deadlines_reserve(wpm_deadlines *heap, uint32_t count) {
  if (count <= heap->capacity) {
    return WPM_OK;
  }
  size_t capacity = heap->capacity ? (size_t)heap->capacity * 2 : 16;
  capacity = capacity < count ? count : capacity;
  wpm_deadline_entry *entries =
      capacity > UINT32_MAX ? NULL : realloc(heap->entries, capacity * sizeof(*entries));
  if (!entries) {
    return WPM_ERR_NO_MEMORY;
  }
  heap->entries = entries;
  heap->capacity = (uint32_t)capacity;
  return WPM_OK;
}

static bool before(const wpm_deadline_entry *a, const wpm_deadline_entry *b) {
  return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->slot < b->slot;
}

static void place(wpm_deadlines *heap, uint32_t index, wpm_deadline_entry entry) {
  heap->entries[index] = entry;
  *heap->position(heap->user, entry.slot) = index + 1;
}

static void sift_up(wpm_deadlines *heap, uint32_t index, wpm_deadline_entry entry) {
  while (index > 0 && before(&entry, &heap->entries[(index - 1) / 2])) {
    place(heap, index, heap->entries[(index - 1) / 2]);
    index = (index - 1) / 2;
  }
  place(heap, index, entry);
}

static void sift_down(wpm_deadlines *heap, uint32_t index, wpm_deadline_entry entry) {
  for (;;) {
    uint32_t child = 2 * index + 1;
    if (child + 1 < heap->count && before(&heap->entries[child + 1], &heap->entries[child])) {
      child++;
    }
    if (child >= heap->count || !before(&heap->entries[child], &entry)) {
      break;
    }
    place(heap, index, heap->entries[child]);
    index = child;
  }
  place(heap, index, entry);
}

static void restore(wpm_deadlines *heap, uint32_t index, wpm_deadline_entry entry) {
  if (index > 0 && before(&entry, &heap->entries[(index - 1) / 2])) {
    sift_up(heap, index, entry);
  } else {
    sift_down(heap, index, entry);
  }
}

void wpm_deadlines_set(wpm_deadlines *heap, uint32_t slot, wpm_mono at) {
  uint32_t *position = heap->position(heap->user, slot);
  uint32_t held = *position;
  wpm_deadline_entry entry = {at, slot};
  if (at.ns != WPM_NEVER.ns) {
    if (held == 0) {
      assert(heap->count < heap->capacity);
      sift_up(heap, heap->count++, entry);
    } else {
      restore(heap, held - 1, entry);
    }
    return;
  }
  if (held == 0) {
    return;
  }
  *position = 0;
  wpm_deadline_entry last = heap->entries[--heap->count];
  if (last.slot != slot) {
    restore(heap, held - 1, last);
  }
}

wpm_mono wpm_deadlines_least(const wpm_deadlines *heap, uint32_t *slot) {
  if (heap->count == 0) {
    return WPM_NEVER;
  }
  if (slot) {
    *slot = heap->entries[0].slot;
  }
  return heap->entries[0].at;
}
