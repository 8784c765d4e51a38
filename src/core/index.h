/* Which peers have an attribute, as bits over slots: what queries are answered from.
 *
 * - Attributes that every peer may have lie together, a page of each for every 4 096 slots, made before
 *   the first of those slots is given out; so changing one never needs memory.
 * - Protocols, shards and tags have an index of their own each (a `wpm_index`), whose pages exist only
 *   where a peer has it; wpm_index_reserve makes room before a change.
 * - Pages are made in groups, so that those a query walks lie behind one another: the first page alone,
 *   since most stores are small, then 16 of every attribute, or 8 of a protocol, at a time.
 * - The first page of the attributes begins as one word of each, and doubles: of a small store, all of them
 *   lie in a few lines of memory. Whoever reads it as a whole asks how many words it has.
 * - Each page of slots has a stamp that every change of a peer in it moves on, so that an answer
 *   worked out before can tell what to look at again.
 *
 * wakupeers' own: 27/WAKU2-PEERS (Tracked peer metadata) wants to know which peers support a protocol, and nwaku
 * answers that by making all records of all peers anew.
 */
#ifndef WPM_CORE_INDEX_H
#define WPM_CORE_INDEX_H

#include "base/bits.h"
#include "base/prefetch.h"

/* Bits of a peer's `attributes`. Those below WPM_ATTRIBUTES are indexed. */
enum {
  WPM_HAS_CONNECTIVITY = 0, /* 4: one for each wpm_connectivity. */
  WPM_HAS_RELAY = 4,
  WPM_HAS_DIALABLE = 5,
  WPM_HAS_BAN = 6,
  WPM_HAS_PROTECTION = 7,
  WPM_HAS_STATIC = 8,
  WPM_HAS_HELD = 9,
  WPM_HAS_ADDRESS = 10,
  WPM_HAS_ORIGIN = 11,     /* 4: wpm_origin less 1; unknown: none of them. */
  WPM_HAS_DIRECTION = 15,  /* 2: wpm_direction less 1; none: none of them. */
  WPM_HAS_CAPABILITY = 17, /* 8 */
  WPM_HAS_PRESENCE = 25,   /* It is held: every peer of a query. */
  WPM_ATTRIBUTES = 26,
  WPM_HAS_HELD_OFF = 26,
  WPM_HAS_KEY = 27,
  WPM_HAS_PROTOCOLS_KNOWN = 28,
  WPM_HAS_METADATA_KNOWN = 29,
  WPM_HAS_CAPABILITIES_KNOWN = 30,
  WPM_HAS_WAIT = 31 /* A span of waiting is not over, as of the last advance. */
};

#define WPM_BIT(attribute) (UINT32_C(1) << (attribute))

#define WPM_FIXED_GROUP 16u /* Pages of each attribute made at once, behind the first. */
#define WPM_NAMED_GROUP 8u  /* Pages of a named index made at once, behind the first. */

/* The peers that have one protocol, shard or tag. */
typedef struct wpm_index {
  uint64_t **pages; /* By page of slots; NULL: none there. */
  uint16_t *counts; /* Peers in each; WPM_BITS_PAGE fits. */
  uint32_t length;  /* Of both arrays. */
  uint32_t count;   /* Peers in all. */
} wpm_index;

typedef struct wpm_indexes {
  uint64_t **fixed;      /* By page of slots: its bits of attribute 0; see wpm_indexes_page. */
  uint32_t *stamps;      /* By page of slots; never 0. */
  uint32_t room;         /* Slots that there is room for. */
  uint32_t first_words;  /* Words of each attribute in the first page; a power of two. */
  uint32_t length;       /* Pages of slots. */
  uint32_t capacity;     /* Room in both arrays. */
  uint16_t *page_counts; /* By attribute, `capacity` pages each: peers of the page that have it. */
  uint32_t counts[WPM_ATTRIBUTES]; /* Peers that have each. */
  wpm_index *named;                /* The indexes of protocols, shards and tags. */
  uint32_t named_count;            /* In use, or free below named_length. */
  uint32_t named_capacity;         /* Allocated. */
  uint32_t named_unused; /* First free one, 1 + its number; 0: none. A free one's `count` has the
                              next. */
  uint32_t named_used;   /* In use. */
  size_t bytes;          /* Memory held in all. */
} wpm_indexes;

void wpm_indexes_init(wpm_indexes *indexes);
void wpm_indexes_fini(wpm_indexes *indexes);

/* Makes room for slots 0 … slot, of which all but the last may have it already. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_indexes_reserve(wpm_indexes *indexes, uint32_t slot);

/* Turns the attributes of `flips` (bits below WPM_ATTRIBUTES) over for a slot with room; those of
 * `now` it then has. */
void wpm_indexes_flip(wpm_indexes *indexes, uint32_t slot, uint32_t flips, uint32_t now);

/* Something about the peer of the slot has changed. */
static inline void wpm_indexes_touch(wpm_indexes *indexes, uint32_t slot) {
  uint32_t *stamp = &indexes->stamps[slot / WPM_BITS_PAGE];
  *stamp += *stamp == UINT32_MAX ? 2 : 1;
}

/* Words of each attribute's page. */
static inline uint32_t wpm_indexes_words(const wpm_indexes *indexes, uint32_t page) {
  return page == 0 ? indexes->first_words : WPM_BITS_WORDS;
}

/* The page of an attribute, wpm_indexes_words of it. In a group all pages of one attribute lie before
 * those of the next. */
static inline uint64_t *wpm_indexes_page(const wpm_indexes *indexes, uint32_t page,
                                         unsigned attribute) {
  size_t words = page == 0 ? indexes->first_words : WPM_FIXED_GROUP * WPM_BITS_WORDS;
  return indexes->fixed[page] + attribute * words;
}

/* Asks for a slot's bits of the attributes (bits below WPM_ATTRIBUTES). */
static inline __attribute__((always_inline)) void
wpm_indexes_prefetch(const wpm_indexes *indexes, uint32_t slot, uint32_t attributes) {
  uint32_t left = attributes & (WPM_BIT(WPM_ATTRIBUTES) - 1);
  for (; left; left &= left - 1) {
    const uint64_t *page =
        wpm_indexes_page(indexes, slot / WPM_BITS_PAGE, (unsigned)__builtin_ctz(left));
    wpm_prefetch(page + slot % WPM_BITS_PAGE / 64, sizeof(*page));
  }
}

/* How many peers have the attribute in each page, from `page` on. */
static inline const uint16_t *wpm_indexes_page_counts(const wpm_indexes *indexes, uint32_t page,
                                                      unsigned attribute) {
  return indexes->page_counts + (size_t)attribute * indexes->capacity + page;
}

/* A new, empty index; *number gets 1 + its number. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_indexes_add(wpm_indexes *indexes, uint32_t *number);
void wpm_indexes_remove(wpm_indexes *indexes, uint32_t number);

/* Makes room for `slot` in index `number` (1 + …; 0 is none and needs none), changes it, asks it.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_index_make_page(wpm_indexes *indexes, uint32_t number, uint32_t page);
static inline WPM_MUST_USE int wpm_index_reserve(wpm_indexes *indexes, uint32_t number,
                                                 uint32_t slot) {
  uint32_t page = slot / WPM_BITS_PAGE;
  const wpm_index *index = number > 0 ? &indexes->named[number - 1] : NULL;
  bool is_there = !index || (page < index->length && index->pages[page]);
  return is_there ? WPM_OK : wpm_index_make_page(indexes, number, page);
}
void wpm_index_set(wpm_indexes *indexes, uint32_t number, uint32_t slot, bool has);
bool wpm_index_test(const wpm_indexes *indexes, uint32_t number, uint32_t slot);

#endif
