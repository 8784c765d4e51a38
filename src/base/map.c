#include "base/map.h"

#include "base/bytes.h"
#include "base/prefetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Linear probing. The hash's upper 32 bits are kept with each entry: their top bits are its home
 * in the table, so the table can grow without asking for a key. */
struct wpm_map_entry {
  uint32_t hash;       /* Upper half of the key's SipHash. */
  uint32_t slot_and_1; /* 0: free, so that zeroed memory is an empty table. */
};

#define SMALLEST 16
#define MOVED_PER_CALL 8 /* Old positions emptied by each call that changes the map. */
/* New positions cleared by each call that adds. It begins a 32nd of the table's size before the table
 * grows: enough for twice its size. */
#define CLEARED_PER_CALL 64

void wpm_map_init(wpm_map *map, wpm_siphash_key key, wpm_map_key_fn key_of, const void *user) {
  *map = (wpm_map){.key = key, .key_of = key_of, .user = user};
}

void wpm_map_fini(wpm_map *map) {
  free(map->entries);
  free(map->old);
  free(map->next);
  wpm_map_init(map, map->key, map->key_of, map->user);
}

static uint32_t hash_of(const wpm_map *map, wpm_bytes key) {
  return (uint32_t)(wpm_siphash13(&map->key, key) >> 32);
}

/* hash * capacity / 2^32: the top bits, since capacity is a power of two. */
static size_t home_of(uint32_t hash, size_t capacity) {
  return (size_t)(((uint64_t)hash * capacity) >> 32);
}

/* The entry of `key` in one of the two tables; NULL where that does not hold it. */
static wpm_map_entry *search(const wpm_map *map, wpm_map_entry *entries, size_t capacity,
                             wpm_bytes key, uint32_t hash) {
  if (capacity == 0) {
    return NULL;
  }
  for (size_t at = home_of(hash, capacity);; at = (at + 1) & (capacity - 1)) {
    wpm_map_entry *entry = &entries[at];
    if (entry->slot_and_1 == 0) {
      return NULL;
    }
    if (entry->hash == hash &&
        wpm_bytes_equal(map->key_of(map->user, entry->slot_and_1 - 1), key)) {
      return entry;
    }
  }
}

static void insert_new(wpm_map *map, wpm_map_entry entry) {
  size_t at = home_of(entry.hash, map->capacity);
  while (map->entries[at].slot_and_1) {
    at = (at + 1) & (map->capacity - 1);
  }
  map->entries[at] = entry;
}

/* Moves some entries of the old table over, always up to a free position: runs of entries move
 * whole, so that a search in the old table still finds all that is in it. */
static void move_some(wpm_map *map) {
  size_t enough = map->moved + MOVED_PER_CALL;
  for (; map->moved < map->old_capacity; map->moved++) {
    wpm_map_entry *entry = &map->old[map->moved];
    if (entry->slot_and_1) {
      insert_new(map, *entry);
      entry->slot_and_1 = 0;
    } else if (map->moved >= enough) {
      return;
    }
  }
  free(map->old);
  map->old = NULL;
  map->old_capacity = 0;
  map->moved = 0;
}

/* Gets the next table ready, a piece at a time: a large one that is cleared at once, as calloc does where
 * it has used the memory before, takes milliseconds. WPM_ERR_NO_MEMORY. */
static int prepare(wpm_map *map) {
  if (!map->next) {
    if (map->capacity > UINT32_MAX / 2 || map->capacity > SIZE_MAX / 2 / sizeof(wpm_map_entry)) {
      return WPM_ERR_NO_MEMORY;
    }
    map->next = malloc(2 * map->capacity * sizeof(*map->next));
    map->cleared = 0;
    if (!map->next) {
      return WPM_ERR_NO_MEMORY;
    }
  }
  size_t left = 2 * map->capacity - map->cleared;
  size_t count = left < CLEARED_PER_CALL ? left : CLEARED_PER_CALL;
  memset(map->next + map->cleared, 0, count * sizeof(*map->next));
  map->cleared += count;
  return WPM_OK;
}

/* Begins to use the next table. By then the old one has been emptied, and the next one cleared: there
 * were more than enough additions for both since the last time. */
static void grow(wpm_map *map) {
  assert(!map->old && map->cleared == 2 * map->capacity);
  map->old = map->entries;
  map->old_capacity = map->capacity;
  map->entries = map->next;
  map->capacity *= 2;
  map->next = NULL;
}

static int begin(wpm_map *map) {
  map->entries = calloc(SMALLEST, sizeof(*map->entries));
  map->capacity = map->entries ? SMALLEST : 0;
  return map->entries ? WPM_OK : WPM_ERR_NO_MEMORY;
}

/* It is time to get the next table ready. */
static bool is_time(const wpm_map *map) {
  return map->count >= map->capacity - map->capacity / 4 - map->capacity / 32;
}

/* Makes sure of a free position for one more. */
static int make_room(wpm_map *map) {
  if (map->capacity == 0) {
    return begin(map);
  }
  int err = is_time(map) ? prepare(map) : WPM_OK;
  if (!err && map->count >= map->capacity - map->capacity / 4) {
    grow(map);
  }
  return err;
}

uint32_t wpm_map_hash(const wpm_map *map, wpm_bytes key) {
  return hash_of(map, key);
}

size_t wpm_map_bytes(const wpm_map *map) {
  size_t next = map->next ? 2 * map->capacity : 0;
  return (map->capacity + map->old_capacity + next) * sizeof(wpm_map_entry);
}

size_t wpm_map_next_bytes(const wpm_map *map) {
  size_t entries = map->capacity ? 2 * map->capacity : SMALLEST;
  return !map->next && is_time(map) ? entries * sizeof(wpm_map_entry) : 0;
}

void wpm_map_prefetch(const wpm_map *map, uint32_t hash) {
  if (map->capacity > 0) {
    wpm_prefetch(&map->entries[home_of(hash, map->capacity)], sizeof(*map->entries));
  }
}

uint32_t wpm_map_guess(const wpm_map *map, uint32_t hash) {
  if (map->capacity == 0) {
    return WPM_MAP_NONE;
  }
  for (size_t at = home_of(hash, map->capacity);; at = (at + 1) & (map->capacity - 1)) {
    const wpm_map_entry *entry = &map->entries[at];
    if (entry->slot_and_1 == 0 || entry->hash == hash) {
      return entry->slot_and_1 ? entry->slot_and_1 - 1 : WPM_MAP_NONE;
    }
  }
}

uint32_t wpm_map_find(const wpm_map *map, wpm_bytes key) {
  return map->count == 0 ? WPM_MAP_NONE : wpm_map_find_hashed(map, key, hash_of(map, key));
}

uint32_t wpm_map_find_hashed(const wpm_map *map, wpm_bytes key, uint32_t hash) {
  const wpm_map_entry *entry = search(map, map->entries, map->capacity, key, hash);
  if (!entry) {
    entry = search(map, map->old, map->old_capacity, key, hash);
  }
  return entry ? entry->slot_and_1 - 1 : WPM_MAP_NONE;
}

void wpm_map_replace(wpm_map *map, wpm_bytes key, uint32_t slot) {
  uint32_t hash = hash_of(map, key);
  wpm_map_entry *entry = search(map, map->entries, map->capacity, key, hash);
  if (!entry) {
    entry = search(map, map->old, map->old_capacity, key, hash);
  }
  assert(entry);
  entry->slot_and_1 = slot + 1;
}

int wpm_map_add(wpm_map *map, wpm_bytes key, uint32_t slot) {
  return wpm_map_add_hashed(map, hash_of(map, key), slot);
}

int wpm_map_add_hashed(wpm_map *map, uint32_t hash, uint32_t slot) {
  assert(slot != WPM_MAP_NONE);
  if (map->old) {
    move_some(map);
  }
  int err = make_room(map);
  if (err) {
    return err;
  }
  insert_new(map, (wpm_map_entry){hash, slot + 1});
  map->count++;
  return WPM_OK;
}

/* Frees the entry at `hole` and closes the gap: an entry behind it moves into it unless its home
 * lies behind the gap. */
static void take_out(wpm_map_entry *entries, size_t capacity, size_t hole) {
  size_t mask = capacity - 1;
  for (size_t at = (hole + 1) & mask; entries[at].slot_and_1; at = (at + 1) & mask) {
    size_t from_home = (at - home_of(entries[at].hash, capacity)) & mask;
    if (from_home >= ((at - hole) & mask)) {
      entries[hole] = entries[at];
      hole = at;
    }
  }
  entries[hole].slot_and_1 = 0;
}

bool wpm_map_remove(wpm_map *map, wpm_bytes key) {
  return map->count > 0 && wpm_map_remove_hashed(map, key, hash_of(map, key));
}

bool wpm_map_remove_hashed(wpm_map *map, wpm_bytes key, uint32_t hash) {
  wpm_map_entry *entry = search(map, map->entries, map->capacity, key, hash);
  if (entry) {
    take_out(map->entries, map->capacity, (size_t)(entry - map->entries));
  } else {
    entry = search(map, map->old, map->old_capacity, key, hash);
    if (!entry) {
      return false;
    }
    take_out(map->old, map->old_capacity, (size_t)(entry - map->old));
  }
  map->count--;
  if (map->old) {
    move_some(map);
  }
  return true;
}
