/* The peer store: level 1 of the library, a data structure any client can embed.
 *
 * - It is the main source of truth for peer-related information (27/WAKU2-PEERS, Peer store): one
 *   atomic record per peer, never disjoint books.
 * - Connectivity is derived, never set by hand: `Connected` while at least one connection is live;
 *   otherwise what the last contact left behind (wpm_reason_leaves); `NotConnected` while there was
 *   none. Where that reason decides nothing, a peer that we had a connection with is
 *   `CannotConnect`: the connection was lost.
 * - No I/O, no clock, no random source: time and the hash key are arguments.
 * - Everything is capped. Removing a peer, and recording the end of a connection, never fail for
 *   want of memory.
 * - A store belongs to one thread at a time.
 */
#ifndef WAKUPEERS_STORE_H
#define WAKUPEERS_STORE_H

#include <wakupeers/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wpm_store wpm_store;

typedef struct wpm_store_config {
  size_t size;          /* sizeof(wpm_store_config), as the caller was compiled. */
  uint8_t hash_key[16]; /* Key of the hash over peer ids: random, so that nobody can choose
                              colliding ids. */
  size_t max_peers;     /* Most peers; 0: no cap. Default 100 000. */
  size_t max_addresses; /* Most addresses per peer; 0: no cap. Default 64. */
  size_t
      max_protocols; /* Most protocols per peer, relay protocols first; 0: no cap. Default 256. */
  size_t max_text;   /* Longest protocol id, agent or protocol version in bytes; longer ones
                              are cut (protocols: left out, relay protocols cut to the prefix by
                              which they are known). 0: no cap. Default 256. */
} wpm_store_config;

/* Fills in the defaults; the hash key is all zero and must be set. */
WPM_API void wpm_store_config_default(wpm_store_config *config);

/* WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (config.size). */
WPM_API WPM_MUST_USE int wpm_store_new(const wpm_store_config *config, wpm_store **out);
WPM_API void wpm_store_free(wpm_store *store); /* NULL is allowed. */

/* ---- reading --------------------------------------------------------------------------------- */

/* Peers held. */
WPM_API size_t wpm_store_count(const wpm_store *store);

/* The record of `id`: a view that lasts until the next call that changes the store.
 * WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_get(const wpm_store *store, wpm_bytes id, wpm_peer_record *out);

/* Which peers a listing is about. Zero-initialised, it matches all; each field that is set narrows
 * it (AND). */
typedef struct wpm_store_filter {
  unsigned connectivity; /* Bit set 1u << wpm_connectivity; 0: any. */
  wpm_text protocol;     /* Announces this protocol id; empty: any. */
  bool by_shard;         /* Look at `shard`. */
  uint16_t shard;        /* Its metadata names this shard. */
  bool relay_capable;    /* Announces a relay protocol (see wpm_protocol_is_relay). */
} wpm_store_filter;

/* Number of peers that match; `filter` NULL: all. */
WPM_API size_t wpm_store_count_matching(const wpm_store *store, const wpm_store_filter *filter);

/* Takes the next matching peer at or behind *cursor (start with 0) and moves the cursor on. False
 * at the end. Peers may come and go between calls: one that stays is listed exactly once. */
WPM_API bool wpm_store_next(const wpm_store *store, const wpm_store_filter *filter,
                            uint64_t *cursor, wpm_peer_record *out);

/* True for protocol ids that mean "may take part in a relay mesh": /vac/waku/relay/…, /meshsub/…,
 * /floodsub/… */
WPM_API bool wpm_protocol_is_relay(wpm_text protocol);

/* ---- writing --------------------------------------------------------------------------------- */

/* Takes a whole record, e.g. one loaded from disk, in place of what the store had of that peer.
 * `connectivity` is not read (it is derived); live connections of the peer stay. What exceeds a cap
 * is cut, and what is no multiaddr left out. WPM_ERR_FULL (max_peers), WPM_ERR_NO_MEMORY,
 * WPM_ERR_INVALID (no id, an enumerator outside its set, a key or observed address too long). */
WPM_API WPM_MUST_USE int wpm_store_put(wpm_store *store, const wpm_peer_record *record);

/* Adds a peer of which nothing is known yet; one that is held stays as it is, but an unknown origin
 * is filled in. WPM_ERR_FULL, WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (id empty or too long). */
WPM_API WPM_MUST_USE int wpm_store_add(wpm_store *store, wpm_bytes id, wpm_origin origin);

/* Forgets a peer. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_remove(wpm_store *store, wpm_bytes id);

/* Adds a dialable address (binary, checked, without the peer's own `/p2p/`); one that is held keeps
 * the more trusted of the two sources. WPM_ERR_NOT_FOUND, WPM_ERR_FULL (all held addresses are at
 * least as trusted), WPM_ERR_NO_MEMORY, WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED, WPM_ERR_TRUNCATED,
 * WPM_ERR_TOO_LARGE. */
WPM_API WPM_MUST_USE int wpm_store_add_address(wpm_store *store, wpm_bytes id, wpm_bytes multiaddr,
                                               wpm_address_source source);

/* What identify told. A field that is NULL was not sent and stays as it was. */
typedef struct wpm_identified {
  const wpm_bytes *public_key;      /* Encoded PublicKey, verified to belong to the id. */
  const wpm_text *agent;            /* Agent version. */
  const wpm_text *protocol_version; /* Protocol version. */
  const wpm_bytes *addresses;       /* All its listen addresses, checked, own /p2p/ removed. */
  size_t address_count;             /* Their number; replaces addresses of source identify. */
  const wpm_text *protocols;        /* All its protocols. */
  size_t protocol_count;            /* Their number; replaces the ones held. */
} wpm_identified;

/* Takes it in, cut to the caps; addresses that wpm_multiaddr_check refuses are left out, those named
 * again keep their times. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (a key above
 * 65 535 bytes). */
WPM_API WPM_MUST_USE int wpm_store_identified(wpm_store *store, wpm_bytes id,
                                              const wpm_identified *fact);

/* What Waku metadata told; cluster 0: it named none. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_metadata(wpm_store *store, wpm_bytes id, uint32_t cluster_id,
                                            const uint16_t *shards, size_t shard_count);

/* A connection came up: the peer is Connected. `remote`: the other end's address; kept as observed
 * for an inbound one, marked as working for an outbound one. WPM_ERR_NOT_FOUND,
 * WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_connected(wpm_store *store, wpm_bytes id,
                                             wpm_direction direction, wpm_bytes remote,
                                             wpm_wall now);

/* One of its connections ended. Where it was the last, reason and disconnect time are recorded. No
 * other effect; none at all on a peer without a live connection. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_disconnected(wpm_store *store, wpm_bytes id, wpm_reason reason,
                                                wpm_wall now);

/* An attempt to connect failed. Nothing changes where the reason is WPM_REASON_LOCAL_FAILURE, which
 * is never held against the peer, or while a connection with it is live. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_dial_failed(wpm_store *store, wpm_bytes id, wpm_reason reason,
                                               wpm_wall now);

/* An attempt on one address failed. WPM_ERR_NOT_FOUND (peer or address). */
WPM_API WPM_MUST_USE int wpm_store_address_failed(wpm_store *store, wpm_bytes id,
                                                  wpm_bytes multiaddr, wpm_wall now);

/* The connection proved stable: failed attempts are forgotten. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_stable(wpm_store *store, wpm_bytes id);

/* A ping came back after `rtt_ns`. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_pong(wpm_store *store, wpm_bytes id, int64_t rtt_ns);

/* Marks a static node, and one that a person disconnected. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_set_static(wpm_store *store, wpm_bytes id, bool is_static);
WPM_API WPM_MUST_USE int wpm_store_set_held_off(wpm_store *store, wpm_bytes id, bool held_off);

/* Sets one of the spans of waiting. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_set_prune_backoff(wpm_store *store, wpm_bytes id, wpm_wait wait);
WPM_API WPM_MUST_USE int wpm_store_set_retry_delay(wpm_store *store, wpm_bytes id, wpm_wait wait);
WPM_API WPM_MUST_USE int wpm_store_set_mismatch_delay(wpm_store *store, wpm_bytes id,
                                                      wpm_wait wait);

/* Tests every internal invariant; WPM_ERR_CORRUPT and a sentence in *error where one is broken. For
 * tests: takes time linear in the store. */
WPM_API WPM_MUST_USE int wpm_store_check(const wpm_store *store, wpm_error *error);

/* ---- spans of waiting ------------------------------------------------------------------------ */

/* When `wait` is over, on the monotonic clock of the boot of `now` (see wpm_wait for the rule).
 * A moment not behind `now.mono` where it is over already. */
WPM_API wpm_mono wpm_wait_end(const wpm_wait *wait, wpm_instant now);

#ifdef __cplusplus
}
#endif

#endif
