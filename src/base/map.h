/* An open-addressing map from byte-string keys to 32-bit slots.
 *
 * - The keys live elsewhere (in the slots): the map stores hash fragments and slot numbers, and
 *   asks `key_of` for a slot's key when it compares.
 * - Hashing is keyed (SipHash-1-3), so nobody can choose colliding keys.
 * - Growing is spread over the calls around it: no call clears or moves more than a few entries.
 */
#ifndef WPM_BASE_MAP_H
#define WPM_BASE_MAP_H

#include "base/siphash.h"

#define WPM_MAP_NONE UINT32_MAX /* No slot. */

typedef wpm_bytes (*wpm_map_key_fn)(const void *user, uint32_t slot);

typedef struct wpm_map_entry wpm_map_entry;

typedef struct wpm_map {
  wpm_map_entry *entries; /* Table; NULL while empty. */
  size_t capacity;        /* Entries in the table, a power of two. */
  wpm_map_entry *old;     /* The table before the last growth, while entries remain in it. */
  size_t old_capacity;    /* Entries in the old table. */
  size_t moved;           /* Entries of the old table below this have moved. */
  wpm_map_entry *next;    /* The table to grow into, of twice the size; NULL: not begun. */
  size_t cleared;         /* Entries of it below this are free. */
  size_t count;           /* Keys held, in both. */
  wpm_siphash_key key;    /* Hash key. */
  wpm_map_key_fn key_of;  /* Key of a slot. */
  const void *user;       /* Passed to key_of. */
} wpm_map;

void wpm_map_init(wpm_map *map, wpm_siphash_key key, wpm_map_key_fn key_of, const void *user);
void wpm_map_fini(wpm_map *map);

/* The slot of `key`, or WPM_MAP_NONE. */
uint32_t wpm_map_find(const wpm_map *map, wpm_bytes key);

/* Adds `key` → `slot`; the key must not be held yet. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_map_add(wpm_map *map, wpm_bytes key, uint32_t slot);

/* The same, of a key with this wpm_map_hash. */
WPM_MUST_USE int wpm_map_add_hashed(wpm_map *map, uint32_t hash, uint32_t slot);

/* Removes `key`; false where it is not held. Never fails for want of memory. */
bool wpm_map_remove(wpm_map *map, wpm_bytes key);

/* The same, of a key with this wpm_map_hash. */
bool wpm_map_remove_hashed(wpm_map *map, wpm_bytes key, uint32_t hash);

/* `key` → `slot` instead of another, whose key is the same; it must be held. */
void wpm_map_replace(wpm_map *map, wpm_bytes key, uint32_t slot);

/* Memory held, in bytes; what the next wpm_map_add would allocate besides. */
size_t wpm_map_bytes(const wpm_map *map);
size_t wpm_map_next_bytes(const wpm_map *map);

/* Where a look-up of `key` begins: its hash, for wpm_map_prefetch and wpm_map_find_hashed. */
uint32_t wpm_map_hash(const wpm_map *map, wpm_bytes key);

/* Asks the memory that a look-up of this hash begins with to be fetched; the slot that it may find
 * there, once it has been (WPM_MAP_NONE: none), so that its key can be fetched too. */
void wpm_map_prefetch(const wpm_map *map, uint32_t hash);
uint32_t wpm_map_guess(const wpm_map *map, uint32_t hash);

/* As wpm_map_find. */
uint32_t wpm_map_find_hashed(const wpm_map *map, wpm_bytes key, uint32_t hash);

#endif
