#include "proto/mux_streams.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 4

void wpm_mux_streams_init(wpm_mux_streams *set) {
  *set = (wpm_mux_streams){0};
}

static uint32_t count_of(const wpm_mux_streams *set) {
  return set->inbound + set->outbound;
}

static void free_ended(wpm_mux_streams *set) {
  while (set->ended) {
    wpm_mux_entry *entry = set->ended;
    set->ended = entry->next;
    free(entry);
  }
}

void wpm_mux_streams_fini(wpm_mux_streams *set) {
  assert(!set->busy);
  for (uint32_t i = 0; i < count_of(set); i++) {
    free(set->sorted[i]);
  }
  free(set->sorted);
  wpm_mux_streams_init(set);
}

/* The place of the first stream whose key is not below `key`. */
static uint32_t place_of(const wpm_mux_streams *set, uint64_t key) {
  uint32_t low = 0;
  uint32_t high = count_of(set);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (set->sorted[middle]->key < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

wpm_mux_entry *wpm_mux_streams_find(const wpm_mux_streams *set, uint64_t key) {
  uint32_t place = place_of(set, key);
  if (place == count_of(set) || set->sorted[place]->key != key) {
    return NULL;
  }
  return set->sorted[place];
}

static int make_place(wpm_mux_streams *set) {
  if (count_of(set) < set->capacity) {
    return WPM_OK;
  }
  if (set->capacity > UINT32_MAX / 2) {
    return WPM_ERR_NO_MEMORY;
  }
  uint32_t capacity = set->capacity ? 2 * set->capacity : SMALLEST;
  wpm_mux_entry **grown = realloc(set->sorted, capacity * sizeof(wpm_mux_entry *));
  if (!grown) {
    return WPM_ERR_NO_MEMORY;
  }
  set->sorted = grown;
  set->capacity = capacity;
  return WPM_OK;
}

int wpm_mux_streams_add(wpm_mux_streams *set, size_t size, uint64_t key, bool ours,
                        wpm_mux_entry **out) {
  assert(size >= sizeof(wpm_mux_entry));
  int err = make_place(set);
  if (err) {
    return err;
  }
  wpm_mux_entry *entry = calloc(1, size);
  if (!entry) {
    return WPM_ERR_NO_MEMORY;
  }
  entry->key = key;
  entry->ours = ours;
  uint32_t place = place_of(set, key);
  assert(place == count_of(set) || set->sorted[place]->key != key);
  memmove(set->sorted + place + 1, set->sorted + place,
          (count_of(set) - place) * sizeof(wpm_mux_entry *));
  set->sorted[place] = entry;
  *(ours ? &set->outbound : &set->inbound) += 1;
  *out = entry;
  return WPM_OK;
}

void wpm_mux_streams_end(wpm_mux_streams *set, wpm_mux_entry *entry) {
  assert(!entry->ended);
  uint32_t place = place_of(set, entry->key);
  assert(place < count_of(set) && set->sorted[place] == entry);
  *(entry->ours ? &set->outbound : &set->inbound) -= 1;
  memmove(set->sorted + place, set->sorted + place + 1,
          (count_of(set) - place) * sizeof(wpm_mux_entry *));
  if (count_of(set) == 0) {
    free(set->sorted);
    set->sorted = NULL;
    set->capacity = 0;
  }
  entry->ended = true;
  entry->next = set->ended;
  set->ended = entry;
  if (!set->busy) {
    free_ended(set);
  }
}

void wpm_mux_streams_enter(wpm_mux_streams *set) {
  assert(!set->busy);
  set->busy = true;
}

void wpm_mux_streams_leave(wpm_mux_streams *set) {
  assert(set->busy);
  set->busy = false;
  free_ended(set);
}
