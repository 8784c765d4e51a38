#include "base/heap.h"

#include <assert.h>

void wpm_heap_init(wpm_heap *heap) {
  wpm_heap_init_at(heap, NULL, NULL);
}

void wpm_heap_init_at(wpm_heap *heap, wpm_heap_position_fn position_of, const void *user) {
  *heap = (wpm_heap){.least = {.at = WPM_NEVER}, .position_of = position_of, .user = user};
}

void wpm_heap_fini(wpm_heap *heap) {
  wpm_chunks_fini(&heap->entries);
  wpm_chunks_fini(&heap->positions);
  wpm_heap_init_at(heap, heap->position_of, heap->user);
}

int wpm_heap_reserve(wpm_heap *heap, size_t slots) {
  if (slots <= heap->slots) {
    return WPM_OK;
  }
  if (slots > UINT32_MAX - 1) {
    return WPM_ERR_NO_MEMORY;
  }
  int err = wpm_chunks_reserve(&heap->entries, sizeof(wpm_heap_entry), slots + 1);
  if (!err && !heap->position_of) {
    err = wpm_chunks_reserve(&heap->positions, sizeof(uint32_t), heap->entries.capacity);
  }
  if (!err) {
    heap->slots = heap->entries.capacity - 1;
  }
  return err;
}

static uint32_t *position_at(const wpm_heap *heap, uint32_t slot) {
  return heap->position_of ? heap->position_of(heap->user, slot)
                           : wpm_chunks_at(&heap->positions, sizeof(uint32_t), slot);
}

static bool before(const wpm_heap_entry *a, const wpm_heap_entry *b) {
  return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->slot < b->slot);
}

/* Puts `entry` at `position`, which is `place`. */
static void put(wpm_heap *heap, wpm_heap_entry *place, size_t position, wpm_heap_entry entry) {
  *place = entry;
  if (position == 1) {
    heap->least = entry;
  }
  *position_at(heap, entry.slot) = (uint32_t)position;
}

static void sift_up(wpm_heap *heap, size_t position, wpm_heap_entry entry) {
  wpm_heap_entry *place = wpm_heap_at(heap, position);
  while (position > 1) {
    wpm_heap_entry *above = wpm_heap_at(heap, position / 2);
    if (!before(&entry, above)) {
      break;
    }
    put(heap, place, position, *above);
    position /= 2;
    place = above;
  }
  put(heap, place, position, entry);
}

/* Both that lie below a position are of the same chunk, since that begins at an even one. */
static void sift_down(wpm_heap *heap, size_t position, wpm_heap_entry entry) {
  wpm_heap_entry *place = wpm_heap_at(heap, position);
  for (size_t below = 2 * position; below <= heap->count; below = 2 * position) {
    wpm_heap_entry *least = wpm_heap_at(heap, below);
    if (below < heap->count && before(least + 1, least)) {
      least++;
      below++;
    }
    if (!before(least, &entry)) {
      break;
    }
    put(heap, place, position, *least);
    position = below;
    place = least;
  }
  put(heap, place, position, entry);
}

/* Puts `entry` where a position was freed. */
static void settle(wpm_heap *heap, size_t position, wpm_heap_entry entry) {
  if (position > 1 && before(&entry, wpm_heap_at(heap, position / 2))) {
    sift_up(heap, position, entry);
  } else {
    sift_down(heap, position, entry);
  }
}

static void remove_at(wpm_heap *heap, size_t position) {
  *position_at(heap, wpm_heap_at(heap, position)->slot) = 0;
  wpm_heap_entry last = *wpm_heap_at(heap, heap->count--);
  if (heap->count == 0) {
    heap->least.at = WPM_NEVER;
  }
  if (position <= heap->count) {
    settle(heap, position, last);
  }
}

void wpm_heap_set(wpm_heap *heap, uint32_t slot, wpm_mono at) {
  assert(heap->position_of || slot < heap->slots);
  uint32_t position = *position_at(heap, slot);
  if (at.ns == WPM_NEVER.ns) {
    if (position) {
      remove_at(heap, position);
    }
    return;
  }
  wpm_heap_entry entry = {at, slot};
  if (position) {
    settle(heap, position, entry);
  } else {
    assert(heap->count < heap->slots);
    sift_up(heap, ++heap->count, entry);
  }
}

wpm_mono wpm_heap_get(const wpm_heap *heap, uint32_t slot) {
  uint32_t position = slot < heap->slots ? *position_at(heap, slot) : 0;
  return position ? wpm_heap_at(heap, position)->at : WPM_NEVER;
}

wpm_mono wpm_heap_least(const wpm_heap *heap, uint32_t *slot) {
  if (slot && heap->count > 0) {
    *slot = heap->least.slot;
  }
  return heap->least.at;
}
