#include "core/feed.h"

#include "core/store.h"

#include <assert.h>
#include <stdlib.h>

#define SMALLEST 64u

void wpm_feed_init(wpm_feed *feed, size_t most) {
  *feed = (wpm_feed){.most = most < UINT32_MAX / 2 ? (uint32_t)most : UINT32_MAX / 2};
}

void wpm_feed_fini(wpm_feed *feed) {
  free(feed->entries);
  wpm_feed_init(feed, feed->most);
}

static bool has_block(const wpm_feed_entry *entry) {
  return entry->kind == WPM_CHANGE_REMOVED && entry->id_len > WPM_FEED_INLINE_ID;
}

static void forget_oldest(wpm_feed *feed, wpm_slab *slab) {
  assert(feed->capacity > 0);
  const wpm_feed_entry *oldest = &feed->entries[feed->begin++ % feed->capacity];
  if (has_block(oldest)) {
    wpm_slab_give(slab, oldest->id.block);
  }
}

void wpm_feed_lose(wpm_feed *feed, wpm_slab *slab) {
  while (feed->begin < feed->end) {
    forget_oldest(feed, slab);
  }
  feed->begin = ++feed->end;
}

/* A longer ring, where that is allowed and there is memory. */
static void grow(wpm_feed *feed) {
  uint32_t capacity = feed->capacity ? feed->capacity * 2 : SMALLEST;
  capacity = capacity < feed->most ? capacity : feed->most;
  if (capacity <= feed->capacity) {
    return;
  }
  wpm_feed_entry *entries = calloc(capacity, sizeof(*entries));
  if (!entries) {
    return;
  }
  for (uint64_t n = feed->begin; feed->capacity > 0 && n < feed->end; n++) {
    entries[n % capacity] = feed->entries[n % feed->capacity];
  }
  free(feed->entries);
  feed->entries = entries;
  feed->capacity = capacity;
}

/* The last change, where the update can be added to it. */
static wpm_feed_entry *last_of_same(wpm_feed *feed, const wpm_feed_entry *entry) {
  if (entry->kind != WPM_CHANGE_UPDATED || feed->end == feed->begin || feed->read >= feed->end) {
    return NULL;
  }
  wpm_feed_entry *last = &feed->entries[(feed->end - 1) % feed->capacity];
  bool same = last->kind == WPM_CHANGE_UPDATED && last->slot == entry->slot &&
              last->generation == entry->generation;
  return same ? last : NULL;
}

void wpm_feed_push(wpm_feed *feed, wpm_slab *slab, const wpm_feed_entry *entry) {
  wpm_feed_entry *last = last_of_same(feed, entry);
  if (last) {
    last->fields |= entry->fields;
    return;
  }
  if (feed->end - feed->begin == feed->capacity) {
    grow(feed);
  }
  if (feed->capacity == 0) { /* None are kept: whoever looks is told that it missed this one. */
    if (has_block(entry)) {
      wpm_slab_give(slab, entry->id.block);
    }
    wpm_feed_lose(feed, slab);
    return;
  }
  if (feed->end - feed->begin == feed->capacity) {
    forget_oldest(feed, slab);
  }
  feed->entries[feed->end++ % feed->capacity] = *entry;
}

/* ---- reading --------------------------------------------------------------------------------- */

uint64_t wpm_store_feed_end(const wpm_store *store) {
  wpm_feed *feed = &((wpm_store *)(uintptr_t)store)->feed;
  feed->read = feed->end;
  return feed->end;
}

/* Fills in the change; false where its peer has gone. */
static bool tell(const wpm_store *store, const wpm_feed_entry *entry, wpm_store_change *out) {
  *out = (wpm_store_change){.kind = (wpm_change_kind)entry->kind,
                            .fields = entry->fields,
                            .cause = (wpm_cause)entry->cause};
  if (entry->kind == WPM_CHANGE_REMOVED) {
    const uint8_t *id = entry->id_len <= WPM_FEED_INLINE_ID
                            ? entry->id.bytes
                            : (const uint8_t *)wpm_slab_at(&store->slab, entry->id.block);
    out->id = (wpm_bytes){id, entry->id_len};
    return true;
  }
  const wpm_peer *peer = wpm_store_peer(store, entry->slot);
  if (peer->state != WPM_SLOT_HELD || peer->generation != entry->generation) {
    return false;
  }
  out->id = wpm_peer_id_of(store, peer);
  return true;
}

int wpm_store_feed_next(const wpm_store *store, uint64_t *cursor, wpm_store_change *out) {
  wpm_feed *feed = &((wpm_store *)(uintptr_t)store)->feed;
  if (*cursor < feed->begin || *cursor > feed->end) {
    *cursor = feed->begin;
    return WPM_ERR_TRUNCATED;
  }
  while (*cursor < feed->end) {
    const wpm_feed_entry *entry = &feed->entries[(*cursor)++ % feed->capacity];
    feed->read = *cursor > feed->read ? *cursor : feed->read;
    if (tell(store, entry, out)) {
      return WPM_OK;
    }
  }
  return WPM_ERR_NOT_FOUND;
}
