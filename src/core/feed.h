/* The latest changes of the store, in a ring.
 *
 * - A consumer is nothing but its cursor, so it costs the store nothing, however slow it is; one that
 *   falls behind what is kept is told so.
 * - Keeping a change never fails: where there is no memory for more of them, fewer are kept.
 * - A removed peer's id is kept with its change; of the others the peer's slot is, and a change whose
 *   peer has gone meanwhile is passed over.
 */
#ifndef WPM_CORE_FEED_H
#define WPM_CORE_FEED_H

#include "base/slab.h"

#include <wakupeers/store.h>

#define WPM_FEED_INLINE_ID 40u

typedef struct wpm_feed_entry {
  uint32_t slot;       /* Of a peer that came or changed. */
  uint32_t generation; /* Which peer of the slot. */
  uint32_t fields;     /* WPM_FIELD_… */
  uint8_t kind;        /* wpm_change_kind */
  uint8_t cause;       /* wpm_cause */
  uint8_t id_len;      /* Of a removed peer. */
  union {
    uint8_t bytes[WPM_FEED_INLINE_ID];
    wpm_block block; /* Owned by the feed. */
  } id;
} wpm_feed_entry;

typedef struct wpm_feed {
  wpm_feed_entry *entries; /* The ring: change number n at n % capacity. */
  uint32_t capacity;       /* Its length. */
  uint32_t most;           /* Longest it may get. */
  uint64_t end;            /* Changes so far. */
  uint64_t begin;          /* The oldest that is kept. */
  uint64_t read;           /* Somebody has read what is before it, or begun to read there. */
} wpm_feed;

void wpm_feed_init(wpm_feed *feed, size_t most);
void wpm_feed_fini(wpm_feed *feed);

/* Keeps a change; an update of the peer that the last change updated is added to that one, unless it has
 * been read. `slab`: where long ids of forgotten changes are given back. */
void wpm_feed_push(wpm_feed *feed, wpm_slab *slab, const wpm_feed_entry *entry);

/* Keeps none of the changes so far, and one that could not be kept: whoever looks is told that it
 * missed some. */
void wpm_feed_lose(wpm_feed *feed, wpm_slab *slab);

/* Memory held, in bytes. */
static inline size_t wpm_feed_bytes(const wpm_feed *feed) {
  return feed->capacity * sizeof(*feed->entries);
}

#endif
