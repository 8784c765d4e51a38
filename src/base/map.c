#include "base/map.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>

/* Linear probing. The hash's upper 32 bits are kept with each entry: their top bits are its home
 * in the table, so the table can grow without asking for a key; and since entries lie nearly in the
 * order of their hashes, growing reads and writes memory from front to back. */
struct wpm_map_entry {
  uint32_t hash; /* Upper half of the key's SipHash. */
  uint32_t slot; /* WPM_MAP_NONE: free. */
};

#define SMALLEST 16

void wpm_map_init(wpm_map *map, wpm_siphash_key key, wpm_map_key_fn key_of, const void *user) {
  *map = (wpm_map){.key = key, .key_of = key_of, .user = user};
}

void wpm_map_fini(wpm_map *map) {
  free(map->entries);
  wpm_map_init(map, map->key, map->key_of, map->user);
}

static uint32_t hash_of(const wpm_map *map, wpm_bytes key) {
  return (uint32_t)(wpm_siphash13(&map->key, key) >> 32);
}

/* hash * capacity / 2^32: the top bits, since capacity is a power of two. */
static size_t home_of(uint32_t hash, size_t capacity) {
  return (size_t)(((uint64_t)hash * capacity) >> 32);
}

/* The index of the entry of `key`, or of the free entry where the search ends. */
static size_t search(const wpm_map *map, wpm_bytes key, uint32_t hash) {
  size_t mask = map->capacity - 1;
  size_t at = home_of(hash, map->capacity);
  for (;; at = (at + 1) & mask) {
    const wpm_map_entry *entry = &map->entries[at];
    if (entry->slot == WPM_MAP_NONE) {
      return at;
    }
    if (entry->hash == hash && wpm_bytes_equal(map->key_of(map->user, entry->slot), key)) {
      return at;
    }
  }
}

static void insert_new(wpm_map_entry *entries, size_t capacity, wpm_map_entry entry) {
  size_t at = home_of(entry.hash, capacity);
  while (entries[at].slot != WPM_MAP_NONE) {
    at = (at + 1) & (capacity - 1);
  }
  entries[at] = entry;
}

static int grow(wpm_map *map) {
  if (map->capacity > UINT32_MAX / 2 || map->capacity > SIZE_MAX / 2 / sizeof(wpm_map_entry)) {
    return WPM_ERR_NO_MEMORY;
  }
  size_t capacity = map->capacity ? map->capacity * 2 : SMALLEST;
  wpm_map_entry *entries = malloc(capacity * sizeof(*entries));
  if (!entries) {
    return WPM_ERR_NO_MEMORY;
  }
  for (size_t i = 0; i < capacity; i++) {
    entries[i] = (wpm_map_entry){0, WPM_MAP_NONE};
  }
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->entries[i].slot != WPM_MAP_NONE) {
      insert_new(entries, capacity, map->entries[i]);
    }
  }
  free(map->entries);
  map->entries = entries;
  map->capacity = capacity;
  return WPM_OK;
}

uint32_t wpm_map_find(const wpm_map *map, wpm_bytes key) {
  if (map->count == 0) {
    return WPM_MAP_NONE;
  }
  return map->entries[search(map, key, hash_of(map, key))].slot;
}

int wpm_map_add(wpm_map *map, wpm_bytes key, uint32_t slot) {
  assert(slot != WPM_MAP_NONE);
  if (map->count >= map->capacity - map->capacity / 4) {
    int err = grow(map);
    if (err) {
      return err;
    }
  }
  insert_new(map->entries, map->capacity, (wpm_map_entry){hash_of(map, key), slot});
  map->count++;
  return WPM_OK;
}

bool wpm_map_remove(wpm_map *map, wpm_bytes key) {
  if (map->count == 0) {
    return false;
  }
  size_t mask = map->capacity - 1;
  size_t hole = search(map, key, hash_of(map, key));
  if (map->entries[hole].slot == WPM_MAP_NONE) {
    return false;
  }
  /* Close the gap: an entry moves into the hole unless its home lies behind the hole. */
  for (size_t at = (hole + 1) & mask; map->entries[at].slot != WPM_MAP_NONE; at = (at + 1) & mask) {
    size_t from_home = (at - home_of(map->entries[at].hash, map->capacity)) & mask;
    if (from_home >= ((at - hole) & mask)) {
      map->entries[hole] = map->entries[at];
      hole = at;
    }
  }
  map->entries[hole].slot = WPM_MAP_NONE;
  map->count--;
  return true;
}
