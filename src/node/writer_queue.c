#include "node/writer_queue.h"

#include "base/bytes.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static wpm_bytes peer_of(const void *user, uint32_t slot) {
  const wpm_peer_change *change = wpm_queue_at(user, slot);
  return (wpm_bytes){change->id, change->id_len};
}

static wpm_bytes range_of(const void *user, uint32_t slot) {
  return (wpm_bytes){wpm_queue_range_at(user, slot)->key, WPM_IP_RANGE_KEY};
}

void wpm_queue_init(wpm_queue *queue, wpm_siphash_key key) {
  *queue = (wpm_queue){.count = 0};
  wpm_map_init(&queue->by_peer, key, peer_of, queue);
  wpm_map_init(&queue->by_range, key, range_of, queue);
}

/* Room for changes, laid down one behind the other: a commit frees a few blocks, where it would else
 * leave malloc some hundred thousand small chunks to sort in the middle of one of the loop's calls. */
struct wpm_queue_block {
  struct wpm_queue_block *next; /* The one before it. */
  size_t used;                  /* Bytes of `room`. */
  max_align_t room[];           /* BLOCK_BYTES. */
};

#define BLOCK_BYTES (32u << 10) /* Far above what a change takes; below malloc's own mappings. */

/* A change that says nothing yet, with its id. NULL: out of memory. */
static wpm_peer_change *new_change(wpm_queue *queue, wpm_bytes id) {
  size_t align = sizeof(max_align_t) - 1;
  size_t size = (sizeof(wpm_peer_change) + id.len + align) & ~align;
  struct wpm_queue_block *block = queue->blocks;
  if (size > BLOCK_BYTES) {
    return NULL;
  }
  if (!block || size > BLOCK_BYTES - block->used) {
    block = malloc(sizeof(*block) + BLOCK_BYTES);
    if (!block) {
      return NULL;
    }
    block->next = queue->blocks;
    block->used = 0;
    queue->blocks = block;
  }
  wpm_peer_change *change = (wpm_peer_change *)(void *)((uint8_t *)block->room + block->used);
  block->used += size;
  *change = (wpm_peer_change){.id_len = id.len};
  if (id.len > 0) {
    memcpy(change->id, id.data, id.len);
  }
  return change;
}

static void free_blocks(struct wpm_queue_block *block) {
  while (block) {
    struct wpm_queue_block *next = block->next;
    free(block);
    block = next;
  }
}

void wpm_queue_fini(wpm_queue *queue) {
  for (size_t i = 0; i < queue->count; i++) {
    free(wpm_queue_at(queue, i)->record);
  }
  free_blocks(queue->blocks);
  wpm_chunks_fini(&queue->changes);
  wpm_map_fini(&queue->by_peer);
  wpm_chunks_fini(&queue->ranges);
  wpm_map_fini(&queue->by_range);
}

void wpm_queue_move(wpm_queue *to, wpm_queue *from) {
  wpm_siphash_key key = from->by_peer.key;
  assert(to->count == 0 && !to->changes.chunks && !to->ranges.chunks);
  *to = *from;
  to->by_peer.user = to;
  to->by_range.user = to;
  wpm_queue_init(from, key);
}

static wpm_peer_change **place_of(const wpm_queue *queue, size_t i) {
  return wpm_chunks_at(&queue->changes, sizeof(wpm_peer_change *), i);
}

wpm_peer_change *wpm_queue_at(const wpm_queue *queue, size_t i) {
  return *place_of(queue, i);
}

/* The change of `id`; a new one says nothing yet. NULL: out of memory. */
static wpm_peer_change *change_of(wpm_queue *queue, wpm_bytes id) {
  uint32_t slot = wpm_map_find(&queue->by_peer, id);
  if (slot != WPM_MAP_NONE) {
    return wpm_queue_at(queue, slot);
  }
  if (queue->count >= WPM_MAP_NONE - 1 ||
      wpm_chunks_reserve(&queue->changes, sizeof(wpm_peer_change *), queue->count + 1) != WPM_OK) {
    return NULL;
  }
  wpm_peer_change *change = new_change(queue, id);
  if (!change) {
    return NULL;
  }
  *place_of(queue, queue->count) = change;
  if (wpm_map_add(&queue->by_peer, id, (uint32_t)queue->count) != WPM_OK) {
    return NULL; /* Its room is lost until the queue goes. */
  }
  queue->count++;
  return change;
}

static int put_whole(wpm_queue *queue, const wpm_peer_record *record, uint32_t fields) {
  wpm_peer_record *copy = wpm_record_clone(record);
  wpm_peer_change *change = copy ? change_of(queue, record->id) : NULL;
  if (!change) {
    free(copy);
    return WPM_ERR_NO_MEMORY;
  }
  switch (change->kind) {
  case WPM_RECORD_STAYS:
    break;
  case WPM_RECORD_CONTACT:
    fields |= WPM_FIELD_CONTACT;
    break;
  case WPM_RECORD_PUT:
    fields |= change->fields;
    break;
  case WPM_RECORD_REMOVED:
    fields = WPM_FIELD_ALL; /* Nothing of the old row is to stay. */
    break;
  }
  free(change->record);
  change->record = copy;
  change->fields = fields;
  change->kind = WPM_RECORD_PUT;
  return WPM_OK;
}

int wpm_queue_put(wpm_queue *queue, const wpm_peer_record *record, uint32_t fields) {
  if (fields & ~(uint32_t)WPM_FIELD_CONTACT) {
    return put_whole(queue, record, fields);
  }
  wpm_peer_change *change = change_of(queue, record->id);
  if (!change) {
    return WPM_ERR_NO_MEMORY;
  }
  switch (change->kind) {
  case WPM_RECORD_REMOVED: /* It came back; then all of it is to be stored. */
    return put_whole(queue, record, WPM_FIELD_ALL);
  case WPM_RECORD_PUT:
    change->contact = wpm_contact_of(record);
    wpm_contact_apply(&change->contact, change->record);
    change->fields |= fields;
    return WPM_OK;
  case WPM_RECORD_STAYS:
  case WPM_RECORD_CONTACT:
    break;
  }
  change->contact = wpm_contact_of(record);
  change->kind = WPM_RECORD_CONTACT;
  return WPM_OK;
}

int wpm_queue_remove(wpm_queue *queue, wpm_bytes id) {
  wpm_peer_change *change = change_of(queue, id);
  if (!change) {
    return WPM_ERR_NO_MEMORY;
  }
  free(change->record);
  change->record = NULL;
  change->kind = WPM_RECORD_REMOVED;
  return WPM_OK;
}

int wpm_queue_put_tombstone(wpm_queue *queue, const wpm_tombstone *tombstone) {
  wpm_peer_change *change = change_of(queue, tombstone->id);
  if (!change) {
    return WPM_ERR_NO_MEMORY;
  }
  change->tombstone = WPM_TOMBSTONE_PUT;
  change->prune_backoff = tombstone->prune_backoff;
  change->ban = tombstone->ban;
  return WPM_OK;
}

int wpm_queue_remove_tombstone(wpm_queue *queue, wpm_bytes id) {
  wpm_peer_change *change = change_of(queue, id);
  if (!change) {
    return WPM_ERR_NO_MEMORY;
  }
  change->tombstone = WPM_TOMBSTONE_REMOVED;
  return WPM_OK;
}

/* ---- banned ranges ----------------------------------------------------------------------------- */

wpm_range_change *wpm_queue_range_at(const wpm_queue *queue, size_t i) {
  return wpm_chunks_at(&queue->ranges, sizeof(wpm_range_change), i);
}

int wpm_queue_put_range_ban(wpm_queue *queue, const wpm_range_ban *ban) {
  uint8_t key[WPM_IP_RANGE_KEY];
  wpm_ip_range_key(ban->range.ip, ban->range.bits, key);
  uint32_t slot = wpm_map_find(&queue->by_range, (wpm_bytes){key, sizeof(key)});
  if (slot != WPM_MAP_NONE) {
    wpm_queue_range_at(queue, slot)->ban = *ban;
    return WPM_OK;
  }
  if (queue->range_count >= WPM_MAP_NONE - 1 ||
      wpm_chunks_reserve(&queue->ranges, sizeof(wpm_range_change), queue->range_count + 1) ||
      wpm_map_add(&queue->by_range, (wpm_bytes){key, sizeof(key)}, (uint32_t)queue->range_count)) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_range_change *change = wpm_queue_range_at(queue, queue->range_count++);
  *change = (wpm_range_change){.ban = *ban};
  memcpy(change->key, key, sizeof(key));
  return WPM_OK;
}
