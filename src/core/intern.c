#include "core/intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 16

static wpm_bytes string_of(const void *user, uint32_t slot) {
  const wpm_intern *table = user;
  return wpm_interned_string(table->entries[slot]);
}

void wpm_intern_init(wpm_intern *table, wpm_siphash_key key) {
  *table = (wpm_intern){0};
  wpm_map_init(&table->map, key, string_of, table);
}

void wpm_intern_fini(wpm_intern *table) {
  for (uint32_t i = 0; i < table->count; i++) {
    free(table->entries[i]);
  }
  free(table->entries);
  free(table->unused);
  wpm_map_fini(&table->map);
}

wpm_interned *wpm_intern_find(const wpm_intern *table, wpm_bytes string) {
  uint32_t slot = wpm_map_find(&table->map, string);
  return slot == WPM_MAP_NONE ? NULL : table->entries[slot];
}

static size_t size_of(const wpm_interned *entry) {
  return sizeof(*entry) + entry->extra_len + entry->string_len;
}

static int make_room(wpm_intern *table) {
  if (table->unused_count > 0 || table->count < table->capacity) {
    return WPM_OK;
  }
  if (table->capacity > UINT32_MAX / 4) {
    return WPM_ERR_NO_MEMORY;
  }
  uint32_t capacity = table->capacity ? table->capacity * 2 : SMALLEST;
  wpm_interned **entries = realloc(table->entries, capacity * sizeof(*entries));
  if (!entries) {
    return WPM_ERR_NO_MEMORY;
  }
  table->entries = entries;
  uint32_t *unused = realloc(table->unused, capacity * sizeof(*unused));
  if (!unused) {
    return WPM_ERR_NO_MEMORY;
  }
  table->unused = unused;
  table->capacity = capacity;
  return WPM_OK;
}

int wpm_intern_take(wpm_intern *table, wpm_bytes string, size_t extra_len, wpm_interned **out,
                    bool *fresh) {
  uint32_t slot = wpm_map_find(&table->map, string);
  if (slot != WPM_MAP_NONE) {
    wpm_interned *held = table->entries[slot];
    assert(held->extra_len == extra_len && held->holders < UINT32_MAX);
    held->holders++;
    *out = held;
    *fresh = false;
    return WPM_OK;
  }
  if (string.len > SIZE_MAX / 4 || extra_len > SIZE_MAX / 4) {
    return WPM_ERR_NO_MEMORY;
  }
  int err = make_room(table);
  if (err) {
    return err;
  }
  wpm_interned *entry = calloc(1, sizeof(*entry) + extra_len + string.len);
  if (!entry) {
    return WPM_ERR_NO_MEMORY;
  }
  entry->holders = 1;
  entry->extra_len = extra_len;
  entry->string_len = string.len;
  if (string.len > 0) {
    memcpy((uint8_t *)(entry + 1) + extra_len, string.data, string.len);
  }
  slot = table->unused_count > 0 ? table->unused[table->unused_count - 1] : table->count;
  entry->slot = slot;
  err = wpm_map_add(&table->map, wpm_interned_string(entry), slot);
  if (err) {
    free(entry);
    return err;
  }
  table->entries[slot] = entry;
  table->bytes += size_of(entry);
  if (table->unused_count > 0) {
    table->unused_count--;
  } else {
    table->count++;
  }
  *out = entry;
  *fresh = true;
  return WPM_OK;
}

void wpm_intern_drop(wpm_intern *table, wpm_interned *entry) {
  if (!entry || --entry->holders > 0) {
    return;
  }
  bool removed = wpm_map_remove(&table->map, wpm_interned_string(entry));
  assert(removed);
  (void)removed;
  table->entries[entry->slot] = NULL;
  table->bytes -= size_of(entry);
  table->unused[table->unused_count++] = entry->slot;
  free(entry);
}
