#include "core/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE (WPM_BITS_WORDS * sizeof(uint64_t))

/* The first page of the group that `page` is in, and how many the group has. */
static uint32_t first_of(uint32_t page, uint32_t group) {
  return page == 0 ? 0 : (page - 1) / group * group + 1;
}
static uint32_t count_of(uint32_t page, uint32_t group) {
  return page == 0 ? 1 : group;
}

void wpm_indexes_init(wpm_indexes *indexes) {
  *indexes = (wpm_indexes){0};
}

static void clear(wpm_indexes *indexes, wpm_index *index) {
  for (uint32_t i = 0; i < index->length; i++) {
    if (i == first_of(i, WPM_NAMED_GROUP) && index->pages[i]) {
      indexes->bytes -= count_of(i, WPM_NAMED_GROUP) * PAGE_SIZE;
      free(index->pages[i]);
    }
  }
  indexes->bytes -= index->length * (sizeof(*index->pages) + sizeof(*index->counts));
  free(index->pages);
  free(index->counts);
}

void wpm_indexes_fini(wpm_indexes *indexes) {
  for (uint32_t i = 0; i < indexes->named_count; i++) {
    clear(indexes, &indexes->named[i]);
  }
  for (uint32_t i = 0; i < indexes->length; i++) {
    if (i == first_of(i, WPM_FIXED_GROUP)) {
      free(indexes->fixed[i]);
    }
  }
  free(indexes->named);
  free(indexes->fixed);
  free(indexes->stamps);
  free(indexes->page_counts);
  wpm_indexes_init(indexes);
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* The counts of `capacity` pages, with those there are. */
static uint16_t *grown_counts(const wpm_indexes *indexes, uint32_t capacity) {
  uint16_t *counts = calloc((size_t)capacity * WPM_ATTRIBUTES, sizeof(*counts));
  for (size_t i = 0; counts && indexes->length > 0 && i < WPM_ATTRIBUTES; i++) {
    memcpy(counts + i * capacity, indexes->page_counts + i * indexes->capacity,
           indexes->length * sizeof(*counts));
  }
  return counts;
}

static int grow(wpm_indexes *indexes) {
  uint32_t capacity = indexes->capacity ? indexes->capacity * 2 : 4;
  uint64_t **fixed = realloc(indexes->fixed, capacity * sizeof(*fixed));
  if (!fixed) {
    return WPM_ERR_NO_MEMORY;
  }
  indexes->fixed = fixed;
  uint32_t *stamps = realloc(indexes->stamps, capacity * sizeof(*stamps));
  if (!stamps) {
    return WPM_ERR_NO_MEMORY;
  }
  indexes->stamps = stamps;
  uint16_t *counts = grown_counts(indexes, capacity);
  if (!counts) {
    return WPM_ERR_NO_MEMORY;
  }
  free(indexes->page_counts);
  indexes->page_counts = counts;
  indexes->bytes += (capacity - indexes->capacity) *
                    (sizeof(*fixed) + sizeof(*stamps) + WPM_ATTRIBUTES * sizeof(*counts));
  indexes->capacity = capacity;
  return WPM_OK;
}

/* The first page with twice as many words, or its first ones. */
static int widen_first(wpm_indexes *indexes) {
  uint32_t old = indexes->first_words;
  uint32_t words = old ? 2 * old : 1;
  uint64_t *bits = calloc((size_t)words * WPM_ATTRIBUTES, sizeof(*bits));
  if (!bits) {
    return WPM_ERR_NO_MEMORY;
  }
  for (size_t i = 0; old && i < WPM_ATTRIBUTES; i++) {
    memcpy(bits + i * words, indexes->fixed[0] + i * old, old * sizeof(*bits));
  }
  if (old) {
    free(indexes->fixed[0]);
  }
  indexes->fixed[0] = bits;
  indexes->first_words = words;
  indexes->bytes += (size_t)(words - old) * WPM_ATTRIBUTES * sizeof(*bits);
  return WPM_OK;
}

/* The group that `page`, its first, begins. */
static int add_group(wpm_indexes *indexes, uint32_t page) {
  while (page + count_of(page, WPM_FIXED_GROUP) > indexes->capacity) {
    int err = grow(indexes);
    if (err) {
      return err;
    }
  }
  if (page == 0) {
    return widen_first(indexes);
  }
  uint64_t *bits = calloc((size_t)WPM_FIXED_GROUP * WPM_ATTRIBUTES, PAGE_SIZE);
  if (!bits) {
    return WPM_ERR_NO_MEMORY;
  }
  for (uint32_t i = 0; i < WPM_FIXED_GROUP; i++) {
    indexes->fixed[page + i] = bits + (size_t)i * WPM_BITS_WORDS;
  }
  indexes->bytes += (size_t)WPM_FIXED_GROUP * WPM_ATTRIBUTES * PAGE_SIZE;
  return WPM_OK;
}

static int add_page(wpm_indexes *indexes) {
  uint32_t page = indexes->length;
  int err = page == first_of(page, WPM_FIXED_GROUP) ? add_group(indexes, page) : WPM_OK;
  if (err) {
    return err;
  }
  indexes->stamps[page] = 1;
  indexes->length++;
  return WPM_OK;
}

int wpm_indexes_reserve(wpm_indexes *indexes, uint32_t slot) {
  if (slot < indexes->room) {
    return WPM_OK;
  }
  assert(slot == indexes->room); /* Slots are given out one after another. */
  bool is_narrow = indexes->length == 1 && indexes->first_words < WPM_BITS_WORDS;
  int err = is_narrow ? widen_first(indexes) : add_page(indexes);
  if (err) {
    return err;
  }
  indexes->room =
      indexes->length == 1 ? indexes->first_words * 64 : indexes->length * WPM_BITS_PAGE;
  return WPM_OK;
}

void wpm_indexes_flip(wpm_indexes *indexes, uint32_t slot, uint32_t flips, uint32_t now) {
  uint32_t page = slot / WPM_BITS_PAGE;
  while (flips) {
    unsigned attribute = (unsigned)__builtin_ctz(flips);
    flips &= flips - 1;
    wpm_bits_flip(wpm_indexes_page(indexes, page, attribute), slot % WPM_BITS_PAGE);
    uint16_t *here = &indexes->page_counts[(size_t)attribute * indexes->capacity + page];
    if (now & WPM_BIT(attribute)) {
      indexes->counts[attribute]++;
      ++*here;
    } else {
      indexes->counts[attribute]--;
      --*here;
    }
  }
}

/* ---- one protocol, shard or tag -------------------------------------------------------------- */

int wpm_indexes_add(wpm_indexes *indexes, uint32_t *number) {
  if (indexes->named_unused) {
    *number = indexes->named_unused;
    indexes->named_unused = indexes->named[*number - 1].count;
  } else {
    if (indexes->named_count == indexes->named_capacity) {
      uint32_t capacity = indexes->named_capacity ? indexes->named_capacity * 2 : 8;
      wpm_index *named = realloc(indexes->named, capacity * sizeof(*named));
      if (!named) {
        return WPM_ERR_NO_MEMORY;
      }
      indexes->named = named;
      indexes->bytes += (capacity - indexes->named_capacity) * sizeof(*named);
      indexes->named_capacity = capacity;
    }
    *number = ++indexes->named_count;
  }
  indexes->named[*number - 1] = (wpm_index){0};
  indexes->named_used++;
  return WPM_OK;
}

void wpm_indexes_remove(wpm_indexes *indexes, uint32_t number) {
  if (number == 0) {
    return;
  }
  wpm_index *index = &indexes->named[number - 1];
  clear(indexes, index);
  *index = (wpm_index){.count = indexes->named_unused};
  indexes->named_unused = number;
  indexes->named_used--;
}

/* Room for the pages below `needed`. */
static int lengthen(wpm_indexes *indexes, wpm_index *index, uint32_t needed) {
  uint32_t length = index->length * 2 > needed ? index->length * 2 : needed;
  uint64_t **pages = realloc(index->pages, length * sizeof(*pages));
  if (!pages) {
    return WPM_ERR_NO_MEMORY;
  }
  index->pages = pages;
  uint16_t *counts = realloc(index->counts, length * sizeof(*counts));
  if (!counts) {
    return WPM_ERR_NO_MEMORY;
  }
  index->counts = counts;
  uint32_t added = length - index->length;
  memset(pages + index->length, 0, added * sizeof(*pages));
  memset(counts + index->length, 0, added * sizeof(*counts));
  indexes->bytes += added * (sizeof(*pages) + sizeof(*counts));
  index->length = length;
  return WPM_OK;
}

int wpm_index_make_page(wpm_indexes *indexes, uint32_t number, uint32_t page) {
  wpm_index *index = &indexes->named[number - 1];
  uint32_t first = first_of(page, WPM_NAMED_GROUP);
  uint32_t count = count_of(page, WPM_NAMED_GROUP);
  int err = first + count > index->length ? lengthen(indexes, index, first + count) : WPM_OK;
  uint64_t *bits = err ? NULL : calloc(count, PAGE_SIZE);
  if (!bits) {
    return WPM_ERR_NO_MEMORY;
  }
  for (uint32_t i = 0; i < count; i++) {
    index->pages[first + i] = bits + (size_t)i * WPM_BITS_WORDS;
  }
  indexes->bytes += count * PAGE_SIZE;
  return WPM_OK;
}

/* Gives the group of `page` back, where nobody is left in it. */
static void drop_empty(wpm_indexes *indexes, wpm_index *index, uint32_t page) {
  uint32_t first = first_of(page, WPM_NAMED_GROUP);
  uint32_t count = count_of(page, WPM_NAMED_GROUP);
  for (uint32_t i = first; i < first + count; i++) {
    if (index->counts[i] > 0) {
      return;
    }
  }
  free(index->pages[first]);
  memset(&index->pages[first], 0, count * sizeof(*index->pages));
  indexes->bytes -= count * PAGE_SIZE;
}

static inline bool test(const wpm_index *index, uint32_t slot) {
  uint32_t page = slot / WPM_BITS_PAGE;
  return page < index->length && index->pages[page] &&
         wpm_bits_test(index->pages[page], slot % WPM_BITS_PAGE);
}

bool wpm_index_test(const wpm_indexes *indexes, uint32_t number, uint32_t slot) {
  return test(&indexes->named[number - 1], slot);
}

void wpm_index_set(wpm_indexes *indexes, uint32_t number, uint32_t slot, bool has) {
  wpm_index *index = number > 0 ? &indexes->named[number - 1] : NULL;
  if (!index || test(index, slot) == has) {
    return;
  }
  uint32_t page = slot / WPM_BITS_PAGE;
  wpm_bits_flip(index->pages[page], slot % WPM_BITS_PAGE);
  if (has) {
    index->counts[page]++;
    index->count++;
    return;
  }
  index->count--;
  if (--index->counts[page] == 0) {
    drop_empty(indexes, index, page);
  }
}
