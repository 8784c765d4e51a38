/* The store from inside: peers by slot, for the manager and the store's own files.
 *
 * - A peer has a slot, a small number that stays its own while it is held. Slots lie in chunks that
 *   never move; each has room for `extra` bytes of the manager behind the peer, zeroed when the
 *   slot is given out.
 * - `changes` counts every change of a stored field, so a caller sees whether a call made one.
 */
#ifndef WPM_CORE_STORE_H
#define WPM_CORE_STORE_H

#include "core/addresses.h"
#include "core/intern.h"

#include <wakupeers/store.h>

#define WPM_SLOT_NONE WPM_MAP_NONE

/* All that is known of a peer: see wpm_peer_record, which is a view of it. */
typedef struct wpm_peer {
  uint8_t *id;                    /* Owned; NULL: the slot is free. */
  uint8_t *public_key;            /* Owned; NULL where not known or carried by the id. */
  uint8_t *observed;              /* Owned; NULL: none. */
  uint16_t *shards;               /* Owned; NULL: none. */
  wpm_address_list addresses;     /* Owned. */
  wpm_interned *protocols;        /* A protocol set; NULL: none. */
  wpm_interned *agent;            /* NULL: not known. */
  wpm_interned *protocol_version; /* NULL: not known. */
  wpm_wait prune_backoff;         /* As in the record, and so are all the following. */
  wpm_wait retry_delay;
  wpm_wait mismatch_delay;
  wpm_wall disconnect_time;
  wpm_wall connected_time;
  wpm_wall first_failure;
  wpm_wall last_failure;
  int64_t rtt_ns;
  uint32_t failures;
  uint32_t cluster_id;
  uint32_t live;      /* Live connections. */
  uint32_t next_free; /* Next free slot, while this one is free. */
  uint32_t shard_count;
  uint16_t public_key_len;
  uint16_t observed_len;
  uint8_t id_len;
  uint8_t reason;    /* wpm_reason */
  uint8_t origin;    /* wpm_origin */
  uint8_t direction; /* wpm_direction */
  bool key_known;    /* The public key is known; it lies in public_key or in the id. */
  bool protocols_known;
  bool metadata_known;
  bool is_static;
  bool held;
  bool held_off;
  bool detached; /* Removed, but the slot and the id are still in use. */
} wpm_peer;

struct wpm_store {
  wpm_store_config config;
  wpm_map by_id;         /* Id → slot. */
  wpm_intern texts;      /* Agents and protocol versions. */
  wpm_intern sets;       /* Protocol sets. */
  uint8_t **chunks;      /* Slots, WPM_CHUNK_SLOTS a chunk. */
  size_t chunk_count;    /* Chunks allocated. */
  size_t chunk_capacity; /* Length of `chunks`. */
  size_t stride;         /* Bytes per slot. */
  uint32_t slots;        /* Slots that were ever given out. */
  uint32_t first_free;   /* Free slots, a list; WPM_SLOT_NONE: none. */
  uint32_t count;        /* Peers held. */
  uint64_t changes;      /* Changes of stored fields so far. */
};

#define WPM_CHUNK_SLOTS 256u

/* A store with `extra` bytes behind each peer. Errors as wpm_store_new. */
WPM_MUST_USE int wpm_store_new_with(const wpm_store_config *config, size_t extra, wpm_store **out);

static inline wpm_peer *wpm_store_peer(const wpm_store *store, uint32_t slot) {
  uint8_t *chunk = store->chunks[slot / WPM_CHUNK_SLOTS];
  return (void *)(chunk + (slot % WPM_CHUNK_SLOTS) * store->stride);
}

static inline void *wpm_store_extra(const wpm_store *store, uint32_t slot) {
  return wpm_store_peer(store, slot) + 1;
}

static inline wpm_bytes wpm_peer_view_id(const wpm_peer *peer) {
  return (wpm_bytes){peer->id, peer->id_len};
}

/* The slot of `id`, or WPM_SLOT_NONE. */
uint32_t wpm_store_find(const wpm_store *store, wpm_bytes id);

/* The slot of `id`, a new one where it was not held (*added). Errors as wpm_store_add. */
WPM_MUST_USE int wpm_store_take_slot(wpm_store *store, wpm_bytes id, wpm_origin origin,
                                     uint32_t *slot, bool *added);

/* Forgets the peer and frees its slot. */
void wpm_store_remove_slot(wpm_store *store, uint32_t slot);

/* Forgets the peer, but its slot, its id and the extra bytes stay until wpm_store_release. */
void wpm_store_detach(wpm_store *store, uint32_t slot);
void wpm_store_release(wpm_store *store, uint32_t slot);

/* The peer of `slot` as a record. */
void wpm_store_record(const wpm_store *store, uint32_t slot, wpm_peer_record *out);

/* Its connectivity by the rule in <wakupeers/store.h>. */
wpm_connectivity wpm_peer_connectivity(const wpm_peer *peer);

/* True where it announces a relay protocol. */
bool wpm_peer_relays(const wpm_peer *peer);

/* The calls of <wakupeers/store.h>, by slot. `public_key` is what the handshake proved; empty: not
 * told. */
WPM_MUST_USE int wpm_store_slot_addresses(wpm_store *store, uint32_t slot, const wpm_bytes *added,
                                          size_t count, wpm_address_source source,
                                          size_t *left_out);
WPM_MUST_USE int wpm_store_slot_identified(wpm_store *store, uint32_t slot,
                                           const wpm_identified *fact);
WPM_MUST_USE int wpm_store_slot_metadata(wpm_store *store, uint32_t slot, uint32_t cluster_id,
                                         const uint16_t *shards, size_t shard_count);
WPM_MUST_USE int wpm_store_slot_connected(wpm_store *store, uint32_t slot, wpm_direction direction,
                                          wpm_bytes remote, wpm_bytes public_key, wpm_wall now);
void wpm_store_slot_disconnected(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now);
void wpm_store_slot_dial_failed(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now);
bool wpm_store_slot_address_failed(wpm_store *store, uint32_t slot, wpm_bytes multiaddr,
                                   wpm_wall now); /* False: no such address. */
void wpm_store_slot_stable(wpm_store *store, uint32_t slot);
void wpm_store_slot_wait(wpm_store *store, wpm_wait *field, wpm_wait wait);
void wpm_store_slot_flag(wpm_store *store, bool *field, bool value);

/* Fills in an unknown origin. */
void wpm_store_slot_origin(wpm_store *store, uint32_t slot, wpm_origin origin);

/* Which way the connection runs that is left of two. */
void wpm_store_slot_direction(wpm_store *store, uint32_t slot, wpm_direction direction);

#endif
