/* The store from inside: peers by slot, for the manager and the store's own files.
 *
 * - A peer has a slot, a small number that stays its own while it is held. Slots lie in chunks that
 *   never move, the first of them in pieces, so that a small store is small; each has room for `extra` bytes of the manager behind the peer, zeroed when the
 *   slot is given out.
 * - What every peer has lies in the slot; addresses, contact and facts are blocks of the slab, which
 *   a peer without them lacks. Protocol sets, agents and protocol versions are interned.
 * - `attributes` are a peer's flags and, below WPM_ATTRIBUTES, what the indexes show of it. They
 *   change in wpm_store_settle alone, which also works out those that follow from others.
 * - A call that needs memory takes all of it first, then changes the peer, so that a failing
 *   allocation leaves the peer as it was.
 * - `changes` counts every change of a stored field, and `dirty` gathers which, so a caller sees what a
 *   call changed.
 *
 * What is tracked of a peer is from 27/WAKU2-PEERS (Tracked peer metadata, Peer connectivity); how it lies in
 * memory is wakupeers' own, so that a million peers can be held, and a call without memory does nothing.
 */
#ifndef WPM_CORE_STORE_H
#define WPM_CORE_STORE_H

#include "base/heap.h"
#include "core/addresses.h"
#include "core/contact.h"
#include "core/evict_kind.h"
#include "core/facts.h"
#include "core/feed.h"
#include "core/index.h"
#include "core/intern.h"
#include "core/query_cache.h"
#include "core/secrets.h"

#include "base/rng.h"
#include "base/slab.h"

#define WPM_SLOT_NONE WPM_MAP_NONE
#define WPM_CHUNK_SLOTS 256u
#define WPM_PIECE_SLOTS 32u /* Of the first of them, so that a small store is small. */
#define WPM_PIECES (WPM_CHUNK_SLOTS / WPM_PIECE_SLOTS)
#define WPM_PEER_INLINE_ID 40u /* Longer ids have a block. */

/* What a slot is. */
typedef enum wpm_slot_state {
  WPM_SLOT_FREE = 0,
  WPM_SLOT_HELD,
  WPM_SLOT_TOMBSTONE, /* Only what outlives the record is left: its id and its contact. */
  WPM_SLOT_DETACHED   /* Removed, but the slot and the id are still in use by the manager. */
} wpm_slot_state;

/* All that is known of a peer: see wpm_peer_record, which is a view of it. */
typedef struct wpm_peer {
  union {
    uint8_t bytes[WPM_PEER_INLINE_ID];
    wpm_block block;
  } id;
  wpm_wall disconnect_time;
  wpm_wall connected_time;
  wpm_block addresses;       /* 0: none. */
  wpm_block contact;         /* Packed; 0: all of it at its default. */
  wpm_block facts;           /* 0: none. */
  uint32_t protocols;        /* Handle of its protocol set; 0: none. */
  uint32_t agent;            /* Handle; 0: not known. */
  uint32_t protocol_version; /* Handle; 0: not known. */
  uint32_t attributes;       /* WPM_HAS_… */
  uint32_t generation;       /* Moves on when the slot's peer goes. */
  union {
    uint32_t live;      /* Live connections. */
    uint32_t next_free; /* Next free slot, while this one is free. */
  } u;
  uint8_t id_len;
  uint8_t reason; /* wpm_reason */
  uint8_t state;  /* wpm_slot_state */
  bool untold;    /* The feed has not told of it yet. */
} wpm_peer;

/* Memory for views and drafts, grown before it is needed. */
typedef struct wpm_store_scratch {
  void *data;
  size_t size;
} wpm_store_scratch;

/* The id that wpm_store_hash hashed last: an event looks that of its peer up more than once. Never an empty one. */
typedef struct wpm_hashed_last {
  uint32_t hash;
  size_t len; /* SIZE_MAX: none was. */
  uint8_t bytes[WPM_PEER_INLINE_ID];
} wpm_hashed_last;

struct wpm_store {
  wpm_store_config config;
  wpm_map by_id; /* Id → slot, of peers and tombstones. */
  wpm_hashed_last hashed;
  wpm_slab slab;             /* Addresses, contacts, facts, long ids. */
  wpm_indexes indexes;       /* Who has what. */
  wpm_intern texts;          /* Agents and protocol versions. */
  wpm_intern protocols;      /* Protocol ids, each with the number of its index. */
  wpm_intern sets;           /* Protocol sets. */
  wpm_intern tags;           /* Names of tags, each with the number of its index. */
  uint32_t aging;            /* The index of peers with a tag that expires or fades; 0: none yet. */
  wpm_intern shards;         /* Shards (2 bytes), each with the number of its index. */
  wpm_interned *recent[256]; /* Protocol ids that were looked up lately, by a cheap hash. */
  wpm_heap waits;            /* By slot of a peer: when its next span of waiting is over. */
  wpm_heap tombstones;       /* By slot of a tombstone: when it ends. */
  wpm_feed feed;             /* The latest changes. */
  wpm_query_cache queries;   /* Latest queries and how many match where. */
  wpm_secrets secrets;       /* Private keys. */
  const wpm_bits_ops *bits;  /* Operations on pages of bits. */
  uint8_t *pieces[WPM_PIECES];            /* The first WPM_CHUNK_SLOTS slots; NULL: not made yet. */
  uint8_t **chunks;                       /* Those behind, WPM_CHUNK_SLOTS a chunk. */
  size_t chunk_count;                     /* Chunks allocated. */
  size_t chunk_capacity;                  /* Length of `chunks`. */
  size_t stride;                          /* Bytes per slot. */
  uint32_t slots;                         /* Slots that were ever given out. */
  uint32_t first_free;                    /* Free slots, a list; WPM_SLOT_NONE: none. */
  uint32_t count;                         /* Peers held. */
  uint32_t tombstone_count;               /* Tombstones held. */
  uint32_t kinds[WPM_EVICT_KINDS + 1];    /* Peers of each wpm_evict_kind, but the last. */
  wpm_evict_stock stock[WPM_EVICT_KINDS]; /* And some of them. */
  uint32_t contacts;           /* Those marked as counted: most deadlines there can be. */
  uint32_t latest;             /* The slot found last, below `slots`. */
  uint32_t round;              /* Where wpm_store_expire_some goes on. */
  uint64_t dropped;            /* Tombstones that went before their end. */
  uint64_t changes;            /* Changes of stored fields so far. */
  uint32_t dirty;              /* WPM_FIELD_… that changed; the caller clears it. */
  wpm_instant last;            /* When wpm_store_advance was last called. */
  bool advanced;               /* It was. */
  bool has_origin;             /* A contact was packed: */
  wpm_instant origin;          /* what its times are differences to; it never moves. */
  uint64_t seed;               /* Of the choice among equals in eviction. */
  wpm_store_counters counters; /* What was evicted. */
  wpm_store_scratch views;     /* What records returned point into. */
  wpm_store_scratch draft;     /* A draft of addresses. */
  wpm_store_scratch bytes;     /* A packed list under construction. */
  size_t largest_view;         /* Most bytes of views that one record takes. */
  void (*evicting)(void *user, uint32_t slot, wpm_cause cause); /* Removes a victim; NULL: the store
                                                                   does. */
  void *evicting_user;
};

/* A store with `extra` bytes behind each peer. Errors as wpm_store_new. */
WPM_MUST_USE int wpm_store_new_with(const wpm_store_config *config, size_t extra, wpm_store **out);

static inline wpm_peer *wpm_store_peer(const wpm_store *store, uint32_t slot) {
  if (slot < WPM_CHUNK_SLOTS) {
    uint8_t *piece = store->pieces[slot / WPM_PIECE_SLOTS];
    return (void *)(piece + (slot % WPM_PIECE_SLOTS) * store->stride);
  }
  uint8_t *chunk = store->chunks[slot / WPM_CHUNK_SLOTS - 1];
  return (void *)(chunk + (slot % WPM_CHUNK_SLOTS) * store->stride);
}

static inline void *wpm_store_extra(const wpm_store *store, uint32_t slot) {
  return wpm_store_peer(store, slot) + 1;
}

static inline wpm_peer_ref wpm_store_ref_of(const wpm_store *store, uint32_t slot) {
  return (wpm_peer_ref){slot, wpm_store_peer(store, slot)->generation};
}

static inline wpm_bytes wpm_peer_id_of(const wpm_store *store, const wpm_peer *peer) {
  const uint8_t *id = peer->id_len <= WPM_PEER_INLINE_ID
                          ? peer->id.bytes
                          : (const uint8_t *)wpm_slab_at(&store->slab, peer->id.block);
  return (wpm_bytes){id, peer->id_len};
}

static inline bool wpm_peer_has(const wpm_peer *peer, unsigned attribute) {
  return peer->attributes & WPM_BIT(attribute);
}

/* ---- parts of a peer (store_view.c) ------------------------------------------------------------ */

/* Its packed contact; NULL: none. */
static inline uint8_t *wpm_peer_contact(const wpm_store *store, const wpm_peer *peer) {
  return peer->contact ? wpm_slab_at(&store->slab, peer->contact) : NULL;
}
int64_t wpm_peer_rtt(const wpm_store *store, const wpm_peer *peer);
uint32_t wpm_peer_failures(const wpm_store *store, const wpm_peer *peer);
int32_t wpm_peer_score(const wpm_store *store, const wpm_peer *peer);
wpm_wait wpm_peer_wait(const wpm_store *store, const wpm_peer *peer, wpm_wait_kind kind);

/* Its packed addresses and facts; NULL: none. */
static inline uint8_t *wpm_peer_addresses(const wpm_store *store, const wpm_peer *peer) {
  return peer->addresses ? wpm_slab_at(&store->slab, peer->addresses) : NULL;
}
static inline uint8_t *wpm_peer_facts(const wpm_store *store, const wpm_peer *peer) {
  return peer->facts ? wpm_slab_at(&store->slab, peer->facts) : NULL;
}
uint32_t wpm_peer_address_count(const wpm_store *store, const wpm_peer *peer);

/* Its addresses, decoded into the draft's memory: valid until the next call on the store. */
wpm_address *wpm_peer_decode_addresses(const wpm_store *store, const wpm_peer *peer, size_t *count);

/* Its connectivity by the rule in <wakupeers/store.h>. */
wpm_connectivity wpm_peer_connectivity(const wpm_peer *peer);

/* True where it announces a relay protocol. */
static inline bool wpm_peer_relays(const wpm_peer *peer) {
  return wpm_peer_has(peer, WPM_HAS_RELAY);
}

wpm_origin wpm_peer_origin(const wpm_peer *peer);
wpm_direction wpm_peer_direction(const wpm_peer *peer);

/* Its cluster and shards; *count shards at the result, which is not aligned (wpm_shard_at). */
uint32_t wpm_peer_cluster(const wpm_store *store, const wpm_peer *peer);
const uint8_t *wpm_peer_shards(const wpm_store *store, const wpm_peer *peer, size_t *count);
uint16_t wpm_shard_at(const uint8_t *shards, size_t index);

/* The latest sign of it: INT64_MAX while connected; INT64_MIN: never. */
int64_t wpm_peer_last_seen(const wpm_store *store, const wpm_peer *peer);

/* The peer of `slot` as a record; its views go into the store's views from *used on, which is moved
 * on. */
void wpm_store_record(const wpm_store *store, uint32_t slot, size_t *used, wpm_peer_record *out);

/* Bytes of views that a record with that many parts takes. */
size_t wpm_store_view_size(size_t addresses, size_t shards, size_t tags, size_t app);

/* ---- slots (store.c) -------------------------------------------------------------------------- */

/* The slot of `id`, or WPM_SLOT_NONE. */
uint32_t wpm_store_find(const wpm_store *store, wpm_bytes id);

/* The same, also of one that is not held: a tombstone, or a peer that is removed but still in use. */
uint32_t wpm_store_find_any(const wpm_store *store, wpm_bytes id);

/* A slot taken for a peer. */
typedef struct wpm_taken {
  uint32_t slot;   /* The peer's. */
  bool added;      /* It was not held before. */
  uint32_t victim; /* The slot of who is to go for it; WPM_SLOT_NONE: nobody. */
  wpm_cause cause; /* Why that one. */
} wpm_taken;

/* An id with its hash (wpm_map_hash). */
typedef struct wpm_hashed_id {
  wpm_bytes id;
  uint32_t hash;
} wpm_hashed_id;

/* It is the id of the peer that was found last: to find it again takes next to nothing. */
bool wpm_store_is_latest(const wpm_store *store, wpm_bytes id);

/* Hashes an id, which is remembered, and asks for what looking it up begins with. */
wpm_hashed_id wpm_store_hash(const wpm_store *store, wpm_bytes id);

/* The slot of `id`, a new one where it was not held. Errors as wpm_store_add. When the rest went well,
 * wpm_store_keep lets the victim go; otherwise wpm_store_give_up forgets the peer that was added. */
WPM_MUST_USE int wpm_store_take(wpm_store *store, wpm_bytes id, wpm_taken *out);
/* The same, for one that somebody merely told of: nobody goes for it whom we held and that did not fail
 * since (core/victim.c). */
WPM_MUST_USE int wpm_store_take_heard(wpm_store *store, wpm_bytes id, wpm_taken *out);
WPM_MUST_USE int wpm_store_take_hashed(wpm_store *store, wpm_hashed_id id, wpm_taken *out);
void wpm_store_keep(wpm_store *store, const wpm_taken *taken);
void wpm_store_give_up(wpm_store *store, const wpm_taken *taken);

/* The peer of the slot is of that kind from now on. */
void wpm_evict_note(wpm_store *store, uint32_t slot, wpm_evict_kind kind);

/* Asks for what will be looked at when next somebody is to go. */
void wpm_store_ask_for_victims(const wpm_store *store);

/* Ask for what lies in memory anywhere: the peer's addresses and contact; the bits that change as its
 * connectivity becomes `next`; its place in the map and its bits, which removing it will look at. */
void wpm_store_ask_for_parts(const wpm_store *store, uint32_t slot);
void wpm_store_ask_for_state(const wpm_store *store, uint32_t slot, wpm_connectivity next);
void wpm_store_ask_for_place(const wpm_store *store, uint32_t slot);

/* A detached slot of `id` with an open contact, in the map: a tombstone to be. Of a peer that the manager still
 * uses, its slot. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_take_bare(wpm_store *store, wpm_bytes id, uint32_t *out);

/* Forgets the peer: it becomes a tombstone, or its slot is free. */
void wpm_store_remove_slot(wpm_store *store, uint32_t slot, wpm_cause cause);

/* Forgets the peer, but its slot, its id and the extra bytes stay until wpm_store_release; what must
 * outlive it is put into a tombstone then. */
void wpm_store_detach(wpm_store *store, uint32_t slot, wpm_cause cause);
void wpm_store_release(wpm_store *store, uint32_t slot);

/* The peer changed: sets and clears attributes (bits), works out those that follow, tells feed and
 * queries. `fields`: WPM_FIELD_… of what changed; 0: nothing that is told. */
void wpm_store_settle(wpm_store *store, uint32_t slot, uint32_t set, uint32_t clear,
                      uint32_t fields);

/* True where the memory allowed would not do for one step of growth. */
bool wpm_store_is_full(const wpm_store *store);

/* Room for `size` bytes; what was in it is lost. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_scratch_reserve(wpm_store_scratch *scratch, size_t size);

/* Room for views of records with as many parts. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_reserve_views(wpm_store *store, size_t addresses, size_t shards,
                                         size_t tags, size_t app);

/* ---- contacts (store_contact.c) ---------------------------------------------------------------- */

/* A contact of its own. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_make_contact(wpm_store *store, uint32_t slot);

/* Room for whatever will be written of contact with the peer, until wpm_store_close_contact.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_open_contact(wpm_store *store, uint32_t slot);

/* No more room than what it has needs; not of one that is dialled. Where it is connected: nothing. */
void wpm_store_close_contact(wpm_store *store, uint32_t slot);

/* All of it, or the default. */
void wpm_store_contact(const wpm_store *store, uint32_t slot, wpm_contact *out);

/* What is to be written of `fresh`, for the two below. */
void wpm_store_plan_contact(wpm_store *store, uint32_t slot, const wpm_contact *fresh,
                            wpm_contact_piece *out);

/* Room for it, in the heaps of deadlines too. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_fit_contact(wpm_store *store, uint32_t slot,
                                       const wpm_contact_piece *piece);

/* Puts it in; there is room. wpm_store_arm is to follow. */
void wpm_store_write_contact(wpm_store *store, uint32_t slot, const wpm_contact_piece *piece);

/* Its contact becomes these two waits and nothing else; there is room for them. */
void wpm_store_keep_spans(wpm_store *store, uint32_t slot, wpm_wait prune_backoff, wpm_wait ban);

void wpm_store_drop_contact(wpm_store *store, wpm_peer *peer);

/* These change the contact, whether it is open or not. WPM_ERR_NO_MEMORY, not where it is open, nor for
 * less of what is there. */
WPM_MUST_USE int wpm_store_try_wait(wpm_store *store, uint32_t slot, wpm_wait_kind kind,
                                    wpm_wait wait);
WPM_MUST_USE int wpm_store_try_pong(wpm_store *store, uint32_t slot, int64_t rtt_ns);
WPM_MUST_USE int wpm_store_try_score(wpm_store *store, uint32_t slot, int32_t score);
WPM_MUST_USE int wpm_store_try_dial_failed(wpm_store *store, uint32_t slot, wpm_reason reason,
                                           wpm_wall now);

/* The same where they cannot fail. */
void wpm_store_slot_wait(wpm_store *store, uint32_t slot, wpm_wait_kind kind, wpm_wait wait);
void wpm_store_slot_pong(wpm_store *store, uint32_t slot, int64_t rtt_ns);
void wpm_store_slot_score(wpm_store *store, uint32_t slot, int32_t score);
void wpm_store_slot_dial_failed(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now);

/* The connection is stable: neither failures nor a retry delay are left. */
void wpm_store_slot_stable(wpm_store *store, uint32_t slot);

/* ---- tombstones (store_spans.c), eviction (victim.c) ------------------------------------------- */

/* Who is to go for one more peer, `heard`: that was merely heard of: WPM_SLOT_NONE while max_peers is not
 * reached. WPM_ERR_FULL, WPM_ERR_NO_VICTIM, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_store_choose_victim(wpm_store *store, bool heard, uint32_t *victim,
                                         wpm_cause *cause);

/* True where max_peers is reached and nobody is held that may go for who was merely heard of, but perhaps
 * some that we held. */
bool wpm_store_is_full_of_held(const wpm_store *store);

/* A dial of the peer failed since we lost it, or parted from it, or there is no address to dial. */
bool wpm_store_failed_since(const wpm_store *store, uint32_t slot);

/* Turns a slot whose peer is gone into a tombstone, or frees it. */
void wpm_store_bury(wpm_store *store, uint32_t slot);
/* Frees the slot of a tombstone, or of a peer that is gone. */
void wpm_store_drop_slot(wpm_store *store, uint32_t slot);

/* WPM_HAS_PROTECTION where a tag of the peer protects; else 0. */
uint32_t wpm_store_protection(const wpm_store *store, uint32_t slot);

/* The cap on tombstones; 0: none. */
size_t wpm_store_most_tombstones(const wpm_store *store);

/* What of the slot's peer is to outlive it: of its prune backoff and its ban, those that run. */
wpm_tombstone wpm_store_outliving(const wpm_store *store, uint32_t slot);

/* True where the peer is banned, be it held or a tombstone. */
bool wpm_store_bans(const wpm_store *store, wpm_bytes id, wpm_instant now);

/* Of two spans the one that ends later; `left` only while it runs. */
wpm_wait wpm_store_later(const wpm_store *store, const wpm_wait *left, const wpm_wait *said);

/* Sets the peer's deadline by its spans of waiting; returns the attributes (WPM_HAS_WAIT, WPM_HAS_BAN)
 * that it has by them. */
uint32_t wpm_store_arm(wpm_store *store, uint32_t slot);
/* The same of a peer that has no other span but this one. */
uint32_t wpm_store_arm_one(wpm_store *store, uint32_t slot, const wpm_wait *wait,
                           wpm_wait_kind kind);

/* ---- changes by slot (store_write.c); errors as the calls of <wakupeers/store.h> --------------- */

WPM_MUST_USE int wpm_store_slot_addresses(wpm_store *store, uint32_t slot, const wpm_bytes *added,
                                          size_t count, const wpm_offer *offer, wpm_offer_mode mode,
                                          size_t *left_out);
WPM_MUST_USE int wpm_store_slot_update_ttl(wpm_store *store, uint32_t slot, int64_t old_ttl_ns,
                                           int64_t new_ttl_ns, wpm_wall now);
void wpm_store_slot_clear_addresses(wpm_store *store, uint32_t slot);
void wpm_store_slot_expire(wpm_store *store, uint32_t slot, wpm_wall now);
WPM_MUST_USE int wpm_store_slot_certified(wpm_store *store, uint32_t slot,
                                          const wpm_certified *record, wpm_wall now);
WPM_MUST_USE int wpm_store_slot_public_key(wpm_store *store, uint32_t slot, wpm_bytes key);
WPM_MUST_USE int wpm_store_slot_identified(wpm_store *store, uint32_t slot,
                                           const wpm_identified *fact);
WPM_MUST_USE int wpm_store_slot_metadata(wpm_store *store, uint32_t slot, uint32_t cluster_id,
                                         const uint16_t *shards, size_t shard_count);
WPM_MUST_USE int wpm_store_slot_discovered(wpm_store *store, uint32_t slot,
                                           const wpm_discovered *fact);
/* `public_key` is what the handshake proved; empty: not told. */
WPM_MUST_USE int wpm_store_slot_connected(wpm_store *store, uint32_t slot, wpm_direction direction,
                                          wpm_bytes remote, wpm_bytes public_key, wpm_wall now);
void wpm_store_slot_disconnected(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now);
/* The peer was connected as the last run died, which was at `end`. */
void wpm_store_slot_crashed(wpm_store *store, uint32_t slot, wpm_wall end);
/* WPM_ERR_NOT_FOUND: no such address. */
WPM_MUST_USE int wpm_store_slot_address_failed(wpm_store *store, uint32_t slot, wpm_bytes multiaddr,
                                               wpm_wall now);
WPM_MUST_USE int wpm_store_slot_address_moved(wpm_store *store, uint32_t slot, wpm_bytes multiaddr,
                                              wpm_bytes answered, wpm_wall now);
WPM_MUST_USE int wpm_store_slot_set_tag(wpm_store *store, uint32_t slot, const wpm_tag *tag);
WPM_MUST_USE int wpm_store_slot_remove_tag(wpm_store *store, uint32_t slot, wpm_text name);
/* The first slot from `from` on whose peer has a tag that expires or fades; WPM_SLOT_NONE: none. */
uint32_t wpm_store_next_aging(const wpm_store *store, uint32_t from);
/* Whether the slot's does; whether anybody's does. */
bool wpm_store_ages(const wpm_store *store, uint32_t slot);
bool wpm_store_any_ages(const wpm_store *store);
/* The new value of a tag that is held. */
void wpm_store_slot_tag_value(wpm_store *store, uint32_t slot, wpm_text name, int32_t value);
WPM_MUST_USE int wpm_store_slot_set_app(wpm_store *store, uint32_t slot, wpm_text key,
                                        wpm_bytes value);

/* Sets or clears WPM_HAS_STATIC or WPM_HAS_HELD_OFF. */
void wpm_store_slot_flag(wpm_store *store, uint32_t slot, unsigned attribute, bool value);
/* Fills in an unknown origin. */
void wpm_store_slot_origin(wpm_store *store, uint32_t slot, wpm_origin origin);
/* Which way the connection runs that is left of two. */
void wpm_store_slot_direction(wpm_store *store, uint32_t slot, wpm_direction direction);

#endif
