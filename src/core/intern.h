/* Interned byte strings: equal ones are held once and counted, since thousands of peers announce
 * the same agent and the same protocols.
 *
 * - An entry can carry `extra` bytes of its owner in front of the string (aligned for any type).
 * - Taking an entry counts a holder; the last holder to drop it frees it. Dropping never fails.
 *
 * wakupeers' own, to save memory.
 */
#ifndef WPM_CORE_INTERN_H
#define WPM_CORE_INTERN_H

#include "base/map.h"

typedef struct wpm_interned {
  uint32_t holders;  /* How many hold it. */
  uint32_t slot;     /* Its index in the table. */
  size_t extra_len;  /* Bytes of the owner behind this header. */
  size_t string_len; /* Bytes of the string behind those. */
} wpm_interned;

typedef struct wpm_intern {
  wpm_map map;            /* String → index. */
  wpm_interned **entries; /* By index; NULL: free. */
  uint32_t *unused;       /* Free indices, a stack. */
  uint32_t unused_count;  /* Height of that stack. */
  uint32_t count;         /* Indices in use or on the stack. */
  uint32_t capacity;      /* Length of both arrays. */
  size_t bytes;           /* Bytes of all entries. */
} wpm_intern;

/* The table must stay at its address until wpm_intern_fini. */
void wpm_intern_init(wpm_intern *table, wpm_siphash_key key);
void wpm_intern_fini(wpm_intern *table); /* Every entry must have been dropped, or is freed. */

/* The entry of `string`, one holder more. *fresh says whether it is new; then its `extra_len` bytes
 * of extra are zero and the caller fills them in. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_intern_take(wpm_intern *table, wpm_bytes string, size_t extra_len,
                                 wpm_interned **out, bool *fresh);

/* The entry of `string`, or NULL; it is held as before. */
wpm_interned *wpm_intern_find(const wpm_intern *table, wpm_bytes string);

/* One holder more. */
static inline void wpm_intern_hold(wpm_interned *entry) {
  entry->holders++;
}

/* A short name for an entry: its number in the table and 1. 0 stands for none. */
static inline uint32_t wpm_intern_handle(const wpm_interned *entry) {
  return entry ? entry->slot + 1 : 0;
}
static inline wpm_interned *wpm_intern_at(const wpm_intern *table, uint32_t handle) {
  return handle ? table->entries[handle - 1] : NULL;
}

/* Memory held, in bytes, malloc's own apart. */
static inline size_t wpm_intern_bytes(const wpm_intern *table) {
  return table->bytes + table->capacity * (sizeof(*table->entries) + sizeof(*table->unused)) +
         wpm_map_bytes(&table->map);
}

/* One holder less; NULL is allowed. */
void wpm_intern_drop(wpm_intern *table, wpm_interned *entry);

static inline void *wpm_interned_extra(const wpm_interned *entry) {
  return (void *)(entry + 1);
}

static inline wpm_bytes wpm_interned_string(const wpm_interned *entry) {
  if (!entry) {
    return (wpm_bytes){NULL, 0};
  }
  return (wpm_bytes){(const uint8_t *)(entry + 1) + entry->extra_len, entry->string_len};
}

#endif
