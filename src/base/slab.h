/* Small blocks of memory by 32-bit handles: many objects of some tens of bytes at little more than
 * their own size.
 *
 * - Sizes are rounded up to a class: multiples of 16 bytes up to 512, then steps of an eighth up to
 *   8 KiB. Blocks of one class share pages of 64 KiB; a block above 8 KiB has an allocation of its
 *   own.
 * - While the slab is small its pages are: an eighth of what it holds, at least 1 KiB and two blocks, so
 *   that one with some tens of blocks does not have 64 KiB for each class.
 * - A page whose last block was given back goes back to malloc (one of full size is kept), so what one
 *   class no longer needs serves another, and churn at constant size does not grow the process.
 * - Taking may fail for want of memory, giving back never does. Memory grows a page at a time.
 * - Blocks never move. A new block is not cleared.
 * - Handles are good for about 4 billion granules of 16 bytes; 0 is no block.
 */
#ifndef WPM_BASE_SLAB_H
#define WPM_BASE_SLAB_H

#include <wakupeers/types.h>

typedef uint32_t wpm_block; /* A handle; 0: none. */

#define WPM_SLAB_GRANULE 16u
#define WPM_SLAB_INDEX_BITS 12u /* Granules of a page. */
#define WPM_SLAB_HEADROOM 64u   /* For malloc's own. */
#define WPM_SLAB_PAGE                                                                              \
  ((WPM_SLAB_GRANULE << WPM_SLAB_INDEX_BITS) - WPM_SLAB_HEADROOM) /* Of full size. */
#define WPM_SLAB_CLASSES 64u

/* One page, or one block with an allocation of its own. */
typedef struct wpm_slab_page {
  uint8_t *memory;   /* NULL: this entry is free. */
  uint32_t size;     /* Bytes of a block in it; of a free entry, the next free one. */
  uint32_t next;     /* In the list of the class's pages with room; 0: the last. */
  uint32_t previous; /* The same, backwards; 0: the first. */
  uint16_t live;     /* Blocks given out. */
  uint16_t fresh;    /* Blocks below this were given out at least once. */
  uint16_t unused;   /* The first of those given back, 1 + its index; 0: none. */
  uint16_t blocks;   /* That it has room for. */
  uint8_t class;     /* Its class; WPM_SLAB_CLASSES: one large block. */
  uint8_t smaller;   /* How often its size is halved. */
  bool listed;       /* It is in its class's list. */
} wpm_slab_page;

typedef struct wpm_slab {
  wpm_slab_page *pages; /* By page number; number 0 is not used. */
  uint32_t page_count;  /* Entries used. */
  uint32_t capacity;    /* Entries allocated. */
  uint32_t unused;      /* First free entry; 0: none. */
  uint8_t *spare;       /* An empty page of full size that is kept; NULL: none. */
  size_t bytes;         /* Bytes of all pages and large blocks, the spare one too. */
  uint32_t blocks;      /* Blocks given out. */
  uint32_t with_room[WPM_SLAB_CLASSES]; /* By class: its first page with room; 0: none. */
} wpm_slab;

void wpm_slab_init(wpm_slab *slab);
void wpm_slab_fini(wpm_slab *slab); /* Frees everything, blocks that are out too. */

/* Takes a block of at least `size` bytes, which must not be 0. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_slab_take(wpm_slab *slab, size_t size, wpm_block *out);

/* Gives a block back; 0 is allowed. */
void wpm_slab_give(wpm_slab *slab, wpm_block block);

/* Bytes that a block has room for. */
static inline size_t wpm_slab_room(const wpm_slab *slab, wpm_block block) {
  return slab->pages[block >> WPM_SLAB_INDEX_BITS].size;
}

/* The bytes that a block for `size` would have room for; 0: none is that large. */
size_t wpm_slab_size_for(size_t size);

/* Its memory, aligned to 16 bytes. */
static inline void *wpm_slab_at(const wpm_slab *slab, wpm_block block) {
  const uint32_t mask = (1u << WPM_SLAB_INDEX_BITS) - 1;
  return slab->pages[block >> WPM_SLAB_INDEX_BITS].memory +
         (size_t)(block & mask) * WPM_SLAB_GRANULE;
}

/* Memory held in all, in bytes. */
static inline size_t wpm_slab_bytes(const wpm_slab *slab) {
  return slab->bytes + slab->capacity * sizeof(*slab->pages);
}

#endif
