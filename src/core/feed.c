#include "core/feed.h"

#include "core/store.h"

#define SMALLEST 64u
#define GIVEN_BACK_PER_CALL 8 /* Lost changes that each new one sees off. */

void wpm_feed_init(wpm_feed *feed, size_t most) {
  *feed = (wpm_feed){.most = most < UINT32_MAX / 2 ? (uint32_t)most : UINT32_MAX / 2};
}

void wpm_feed_fini(wpm_feed *feed) {
  wpm_chunks_fini(&feed->entries);
  wpm_feed_init(feed, feed->most);
}

static bool has_block(const wpm_feed_entry *entry) {
  return entry->kind == WPM_CHANGE_REMOVED && entry->id_len > WPM_FEED_INLINE_ID;
}

/* Forgets the oldest; returns where it lay. */
static inline uint32_t forget_oldest(wpm_feed *feed, wpm_slab *slab) {
  uint32_t at = (uint32_t)(feed->held - feed->base);
  const wpm_feed_entry *oldest = wpm_feed_place(feed, at);
  if (has_block(oldest)) {
    wpm_slab_give(slab, oldest->id.block);
  }
  feed->held++;
  feed->base = at + 1 < feed->capacity ? feed->base : feed->held;
  return at;
}

static void give_back_some(wpm_feed *feed, wpm_slab *slab) {
  for (int i = 0; feed->held < feed->begin && i < GIVEN_BACK_PER_CALL; i++) {
    (void)forget_oldest(feed, slab);
  }
}

/* A longer ring, where that is allowed and there is memory. It is full, and its oldest change lies at
 * its beginning, so what is added lies behind the latest. */
static void grow(wpm_feed *feed) {
  size_t wanted = feed->capacity ? (size_t)feed->capacity + 1 : SMALLEST;
  wanted = wanted < feed->most ? wanted : feed->most;
  if (wanted > feed->capacity &&
      wpm_chunks_reserve(&feed->entries, sizeof(wpm_feed_entry), wanted) == WPM_OK) {
    size_t room = feed->entries.capacity;
    feed->capacity = room < feed->most ? (uint32_t)room : feed->most;
  }
}

/* The last change, where the update can be added to it. */
static wpm_feed_entry *last_of_same(wpm_feed *feed, const wpm_feed_entry *entry) {
  if (entry->kind != WPM_CHANGE_UPDATED || feed->end == feed->begin || feed->read >= feed->end) {
    return NULL;
  }
  wpm_feed_entry *last = wpm_feed_place(feed, feed->last);
  bool same = last->kind == WPM_CHANGE_UPDATED && last->slot == entry->slot &&
              last->generation == entry->generation;
  return same ? last : NULL;
}

static bool is_full(const wpm_feed *feed) {
  return feed->end - feed->held == feed->capacity;
}

/* Where the next change goes, of a ring that has room. */
static uint32_t next_place(const wpm_feed *feed) {
  uint32_t at = (uint32_t)(feed->end - feed->base);
  return at < feed->capacity ? at : at - feed->capacity;
}

/* Keeps one more. False: none are kept. */
static bool keep(wpm_feed *feed, wpm_slab *slab, const wpm_feed_entry *entry) {
  if (feed->held < feed->begin) {
    give_back_some(feed, slab);
  }
  if (is_full(feed) && feed->held == feed->base) {
    grow(feed);
  }
  if (!is_full(feed)) {
    feed->last = next_place(feed);
  } else if (feed->capacity > 0) { /* The oldest gives way. */
    feed->last = forget_oldest(feed, slab);
    feed->begin = feed->begin > feed->held ? feed->begin : feed->held;
  } else {
    feed->begin = feed->held = feed->base = ++feed->end;
    return false;
  }
  feed->end++;
  *wpm_feed_place(feed, feed->last) = *entry;
  return true;
}

void wpm_feed_lose(wpm_feed *feed, wpm_slab *slab) {
  (void)keep(feed, slab, &(wpm_feed_entry){.kind = WPM_CHANGE_UPDATED}); /* In its place. */
  feed->begin = feed->end;
}

void wpm_feed_push(wpm_feed *feed, wpm_slab *slab, const wpm_feed_entry *entry) {
  wpm_feed_entry *last = last_of_same(feed, entry);
  if (last) {
    last->fields |= entry->fields;
  } else if (!keep(feed, slab, entry) && has_block(entry)) {
    wpm_slab_give(slab, entry->id.block);
  }
}

/* ---- reading --------------------------------------------------------------------------------- */

uint64_t wpm_store_feed_end(const wpm_store *store) {
  wpm_feed *feed = &((wpm_store *)(uintptr_t)store)->feed;
  feed->read = feed->end;
  return feed->end;
}

/* Whose change it is; false where that peer has gone. */
static bool id_of(const wpm_store *store, const wpm_feed_entry *entry, wpm_bytes *out) {
  if (entry->kind == WPM_CHANGE_REMOVED) {
    const uint8_t *id = entry->id_len <= WPM_FEED_INLINE_ID
                            ? entry->id.bytes
                            : (const uint8_t *)wpm_slab_at(&store->slab, entry->id.block);
    *out = (wpm_bytes){id, entry->id_len};
    return true;
  }
  const wpm_peer *peer = wpm_store_peer(store, entry->slot);
  if (peer->state != WPM_SLOT_HELD || peer->generation != entry->generation) {
    return false;
  }
  *out = wpm_peer_id_of(store, peer);
  return true;
}

int wpm_store_feed_next(const wpm_store *store, uint64_t *cursor, wpm_store_change *out) {
  wpm_feed *feed = &((wpm_store *)(uintptr_t)store)->feed;
  /* By differences: a cursor before the oldest is far behind the end. */
  while (*cursor - feed->begin < feed->end - feed->begin) {
    const wpm_feed_entry *entry = wpm_feed_at(feed, (*cursor)++);
    if (*cursor == feed->end) {
      feed->read = feed->end;
    }
    if (id_of(store, entry, &out->id)) {
      out->kind = (wpm_change_kind)entry->kind;
      out->fields = entry->fields;
      out->cause = (wpm_cause)entry->cause;
      return WPM_OK;
    }
  }
  if (*cursor == feed->end) {
    return WPM_ERR_NOT_FOUND;
  }
  *cursor = feed->begin;
  return WPM_ERR_TRUNCATED;
}
