/* The latest changes of the store, in a ring.
 *
 * - A consumer is nothing but its cursor, so it costs the store nothing, however slow it is; one that
 *   falls behind what is kept is told so.
 * - Keeping a change never fails: where there is no memory for more of them, fewer are kept.
 * - It grows a chunk at a time, and what it loses it gives back a few at a time: no call takes longer for
 *   how many changes are kept. It grows when it is full and its oldest change lies at the ring's
 *   beginning: always, unless memory was short before; then once in each round of the ring.
 * - A removed peer's id is kept with its change; of the others the peer's slot is, and a change whose
 *   peer has gone meanwhile is passed over.
 *
 * wakupeers' own: with callbacks, who is told could call back into the store in the middle of a change, and with
 * a queue for each consumer a slow one would cost memory.
 */
#ifndef WPM_CORE_FEED_H
#define WPM_CORE_FEED_H

#include "base/chunks.h"
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
  wpm_chunks entries; /* The ring. */
  uint32_t capacity;  /* Its length. */
  uint32_t most;      /* Longest it may get. */
  uint32_t last;      /* Where in it the latest change lies. */
  uint64_t base;      /* The change that lies, or lay, at its beginning in this round. */
  uint64_t end;       /* Changes so far. */
  uint64_t begin;     /* The oldest that can be read. */
  uint64_t
      held; /* The oldest that is there; those before `begin` are lost, and on their way out. */
  uint64_t read; /* Somebody has read what is before it, or begun to read there. */
} wpm_feed;

void wpm_feed_init(wpm_feed *feed, size_t most);
void wpm_feed_fini(wpm_feed *feed);

/* Keeps a change; an update of the peer that the last change updated is added to that one, unless it has
 * been read. `slab`: where long ids of forgotten changes are given back. */
void wpm_feed_push(wpm_feed *feed, wpm_slab *slab, const wpm_feed_entry *entry);

/* Keeps none of the changes so far, and one that could not be kept: whoever looks is told that it
 * missed some. */
void wpm_feed_lose(wpm_feed *feed, wpm_slab *slab);

/* The change at that place of the ring. */
static inline wpm_feed_entry *wpm_feed_place(const wpm_feed *feed, uint32_t at) {
  return wpm_chunks_at(&feed->entries, sizeof(wpm_feed_entry), at);
}

/* Change number n, from `held` to before `end`. */
static inline wpm_feed_entry *wpm_feed_at(const wpm_feed *feed, uint64_t n) {
  uint32_t at = (uint32_t)(n - feed->base); /* Below 2^32: `held` lies within the ring. */
  return wpm_feed_place(feed, at < feed->capacity ? at : at - feed->capacity);
}

/* Memory held, in bytes. */
static inline size_t wpm_feed_bytes(const wpm_feed *feed) {
  return wpm_chunks_bytes(&feed->entries, sizeof(wpm_feed_entry));
}

#endif
