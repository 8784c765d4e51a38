#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void wpm_heap_init(wpm_heap *heap) {
  *heap = (wpm_heap){0};
}

void wpm_heap_fini(wpm_heap *heap) {
  free(heap->entries);
  free(heap->position);
  wpm_heap_init(heap);
}

int wpm_heap_reserve(wpm_heap *heap, size_t slots) {
  if (slots <= heap->slots) {
    return WPM_OK;
  }
  /* Half as much again, so that reserving one slot at a time stays cheap. */
  size_t wanted = heap->slots + heap->slots / 2;
  if (wanted < slots) {
    wanted = slots;
  }
  if (wanted > UINT32_MAX - 1 || wanted > SIZE_MAX / sizeof(*heap->entries)) {
    return WPM_ERR_NO_MEMORY;
  }
  if (wanted > heap->capacity) {
    wpm_heap_entry *entries = realloc(heap->entries, wanted * sizeof(*entries));
    if (!entries) {
      return WPM_ERR_NO_MEMORY;
    }
    heap->entries = entries;
    heap->capacity = wanted;
  }
  uint32_t *position = realloc(heap->position, wanted * sizeof(*position));
  if (!position) {
    return WPM_ERR_NO_MEMORY;
  }
  memset(position + heap->slots, 0, (wanted - heap->slots) * sizeof(*position));
  heap->position = position;
  heap->slots = wanted;
  return WPM_OK;
}

static bool before(wpm_heap_entry a, wpm_heap_entry b) {
  return a.at.ns < b.at.ns || (a.at.ns == b.at.ns && a.slot < b.slot);
}

static void place(wpm_heap *heap, size_t index, wpm_heap_entry entry) {
  heap->entries[index] = entry;
  heap->position[entry.slot] = (uint32_t)index + 1;
}

static void sift_up(wpm_heap *heap, size_t index, wpm_heap_entry entry) {
  while (index > 0) {
    size_t parent = (index - 1) / 2;
    if (!before(entry, heap->entries[parent])) {
      break;
    }
    place(heap, index, heap->entries[parent]);
    index = parent;
  }
  place(heap, index, entry);
}

static void sift_down(wpm_heap *heap, size_t index, wpm_heap_entry entry) {
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap->count) {
      break;
    }
    if (child + 1 < heap->count && before(heap->entries[child + 1], heap->entries[child])) {
      child++;
    }
    if (!before(heap->entries[child], entry)) {
      break;
    }
    place(heap, index, heap->entries[child]);
    index = child;
  }
  place(heap, index, entry);
}

/* Puts `entry` where index was freed. */
static void settle(wpm_heap *heap, size_t index, wpm_heap_entry entry) {
  if (index > 0 && before(entry, heap->entries[(index - 1) / 2])) {
    sift_up(heap, index, entry);
  } else {
    sift_down(heap, index, entry);
  }
}

static void remove_at(wpm_heap *heap, size_t index) {
  heap->position[heap->entries[index].slot] = 0;
  wpm_heap_entry last = heap->entries[--heap->count];
  if (index < heap->count) {
    settle(heap, index, last);
  }
}

void wpm_heap_set(wpm_heap *heap, uint32_t slot, wpm_mono at) {
  assert(slot < heap->slots);
  uint32_t position = heap->position[slot];
  if (at.ns == WPM_NEVER.ns) {
    if (position) {
      remove_at(heap, position - 1);
    }
    return;
  }
  wpm_heap_entry entry = {at, slot};
  if (position) {
    settle(heap, position - 1, entry);
  } else {
    sift_up(heap, heap->count++, entry);
  }
}

wpm_mono wpm_heap_get(const wpm_heap *heap, uint32_t slot) {
  if (slot >= heap->slots || heap->position[slot] == 0) {
    return WPM_NEVER;
  }
  return heap->entries[heap->position[slot] - 1].at;
}

wpm_mono wpm_heap_least(const wpm_heap *heap, uint32_t *slot) {
  if (heap->count == 0) {
    return WPM_NEVER;
  }
  if (slot) {
    *slot = heap->entries[0].slot;
  }
  return heap->entries[0].at;
}
