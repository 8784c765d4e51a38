/* The changes that wait for a commit: at most one per peer, and one per banned range.
 *
 * - A newer change of a peer is merged into the one that waits: the union of the fields, the latest
 *   values. A change of contact alone is kept small; no other needs a copy of the whole record.
 * - Each call takes constant time, whatever the number of changes: the map and the list grow in
 *   steps.
 */
#ifndef WPM_NODE_WRITER_QUEUE_H
#define WPM_NODE_WRITER_QUEUE_H

#include "base/chunks.h"
#include "base/ip_range.h"
#include "base/map.h"
#include "base/record.h"

#include <wakupeers/store.h>

/* What is to become of a peer's record. */
typedef enum wpm_change_of_record {
  WPM_RECORD_STAYS = 0, /* Nothing: the change is about something else. */
  WPM_RECORD_CONTACT,   /* `contact` is to be stored. */
  WPM_RECORD_PUT,       /* `record` is to be stored. */
  WPM_RECORD_REMOVED    /* It is to go. */
} wpm_change_of_record;

/* What is to become of a peer's tombstone. */
typedef enum wpm_change_of_tombstone {
  WPM_TOMBSTONE_STAYS = 0,
  WPM_TOMBSTONE_PUT,
  WPM_TOMBSTONE_REMOVED
} wpm_change_of_tombstone;

/* All that changed of one peer. */
typedef struct wpm_peer_change {
  wpm_change_of_record kind;         /* What becomes of the record. */
  wpm_change_of_tombstone tombstone; /* What becomes of the tombstone. */
  uint32_t fields;                   /* Of `record`: what changed. */
  wpm_peer_record *record;           /* Own copy; NULL but for WPM_RECORD_PUT. */
  wpm_record_contact contact;        /* For WPM_RECORD_CONTACT. */
  wpm_wait prune_backoff;            /* Of the tombstone. */
  wpm_wait ban;                      /* Of the tombstone. */
  size_t id_len;                     /* Length of the id. */
  uint8_t id[];                      /* Whose. */
} wpm_peer_change;

/* What changed of a banned range. */
typedef struct wpm_range_change {
  uint8_t key[WPM_IP_RANGE_KEY]; /* Which. */
  wpm_range_ban ban;             /* length_ns 0: what is stored of it is to go. */
} wpm_range_change;

typedef struct wpm_queue {
  wpm_map by_peer;                /* Peer id → number of the change. */
  wpm_chunks changes;             /* Pointers to the changes. */
  size_t count;                   /* Changes held. */
  wpm_map by_range;               /* Key → number of the change of a banned range. */
  wpm_chunks ranges;              /* Those changes. */
  size_t range_count;             /* Their number. */
  struct wpm_queue_block *blocks; /* What the changes lie in. */
  wpm_instant heartbeat;          /* The last one. */
  bool has_heartbeat;             /* There is one. */
  bool urgent;                    /* Something in it is to be stored at once. */
  uint64_t sequence;              /* Of the last change held; 0: it is empty. */
  uint64_t since;                 /* When the first change came, by uv_hrtime. */
} wpm_queue;

/* `queue` must not be copied but by wpm_queue_move. */
void wpm_queue_init(wpm_queue *queue, wpm_siphash_key key);
void wpm_queue_fini(wpm_queue *queue);

/* Moves all of `from`, which is left empty, to `to`, which is empty. */
void wpm_queue_move(wpm_queue *to, wpm_queue *from);

/* Change number `i`, of count. */
wpm_peer_change *wpm_queue_at(const wpm_queue *queue, size_t i);

/* Change number `i` of a banned range, of range_count. */
wpm_range_change *wpm_queue_range_at(const wpm_queue *queue, size_t i);

/* Each merges a change in. WPM_ERR_NO_MEMORY: then nothing was changed. */
WPM_MUST_USE int wpm_queue_put(wpm_queue *queue, const wpm_peer_record *record, uint32_t fields);
WPM_MUST_USE int wpm_queue_remove(wpm_queue *queue, wpm_bytes id);
WPM_MUST_USE int wpm_queue_put_tombstone(wpm_queue *queue, const wpm_tombstone *tombstone);
WPM_MUST_USE int wpm_queue_remove_tombstone(wpm_queue *queue, wpm_bytes id);
WPM_MUST_USE int wpm_queue_put_range_ban(wpm_queue *queue, const wpm_range_ban *ban);

#endif
