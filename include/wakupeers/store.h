/* The peer store: level 1 of the library, a data structure any client can embed.
 *
 * - It is the main source of truth for peer-related information (27/WAKU2-PEERS, Peer store): one
 *   atomic record per peer, never disjoint books.
 * - Connectivity is derived, never set by hand: `Connected` while at least one connection is live;
 *   otherwise what the last contact left behind (wpm_reason_leaves); `NotConnected` while there was
 *   none. Where that reason decides nothing, a peer that we had a connection with is
 *   `CannotConnect`: the connection was lost.
 * - No I/O, no clock, no random source: time and the hash key are arguments.
 * - Everything is capped, and each cap can be switched off. Removing a peer, expiring addresses and
 *   recording the end of a connection never fail for want of memory. A call that lacks memory
 *   leaves the store as it was.
 * - No call takes longer the more peers there are, but for a query, which costs a few nanoseconds
 *   per thousand peers and then only what it returns. Tables grow a step at a time.
 * - A store belongs to one thread at a time, reading included. Whatever views a call returns last
 *   until the next call on the store.
 */
#ifndef WAKUPEERS_STORE_H
#define WAKUPEERS_STORE_H

#include <wakupeers/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wpm_store wpm_store;

#define WPM_QUARTER_OF_PEERS SIZE_MAX /* For max_tombstones. */

typedef struct wpm_store_config {
  size_t size;           /* sizeof(wpm_store_config), as the caller was compiled. */
  uint8_t hash_key[16];  /* Key of the hash over peer ids, and seed of the choice among equals in
                           eviction: random, so that nobody can choose colliding ids. */
  size_t max_peers;      /* Most peers; 0: no cap. Default 100 000. */
  size_t max_tombstones; /* Most tombstones; 0: no cap. Default WPM_QUARTER_OF_PEERS. */
  size_t
      max_addresses; /* Most addresses per peer; 0: no cap but the hard limit of 65 535, to which a
                           larger one is cut too. Default 64. */
  size_t
      max_protocols; /* Most protocols per peer, relay protocols first; 0: no cap. Default 256. */
  size_t max_text;   /* Longest protocol id, agent, protocol version or tag in bytes; longer ones
                           are cut (protocols and tags: left out, relay protocols cut to the prefix
                           by which they are known). 0: no cap. Default 256. */
  size_t max_tags;   /* Most tags per peer; 0: no cap. Default 32. */
  size_t max_app_bytes; /* Most bytes of a peer's application map, keys and values; 0: no cap.
                           Default 16 384. */
  size_t max_bytes;     /* Most memory in all, in bytes; 0: no cap. Default 0. */
  size_t max_indexed;   /* Most protocols and tags with an index of their own, the first to come;
                           queries for others look at each protocol set, and at each peer for a tag.
                           0: no cap. Default 1 024. */
  size_t max_changes;   /* Changes that the feed keeps; 0: none. Default 4 096. */
  bool evict;     /* Over max_peers the least useful peer goes for a newcomer. Default true. */
  bool keep_good; /* Expiry by quality: an address that once worked stays as long as none
                           worked later; one without a time to live goes when nobody has named it
                           for 30 days (a day, where it failed and never worked), unless the peer
                           itself, a person or our configuration named it. False: the clock alone
                           decides. Default true. */
} wpm_store_config;

/* Fills in the defaults; the hash key is all zero and must be set. */
WPM_API void wpm_store_config_default(wpm_store_config *config);

/* WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (config.size). */
WPM_API WPM_MUST_USE int wpm_store_new(const wpm_store_config *config, wpm_store **out);
WPM_API void wpm_store_free(wpm_store *store); /* NULL is allowed. */

/* ---- reading --------------------------------------------------------------------------------- */

/* Peers held. */
WPM_API size_t wpm_store_count(const wpm_store *store);

/* Memory that the store holds, in bytes: what it has allocated, free space inside included. */
WPM_API size_t wpm_store_bytes(const wpm_store *store);

/* The record of `id`. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_get(const wpm_store *store, wpm_bytes id, wpm_peer_record *out);

/* The number of addresses of `id`, without decoding them. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_count_addresses(const wpm_store *store, wpm_bytes id,
                                                   size_t *count);

/* Most ids of one wpm_store_get_many. */
#define WPM_GET_MANY_MAX 64

/* The records of `count` ids (at most WPM_GET_MANY_MAX), all valid until the next call; out[i].id
 * has data NULL where ids[i] is not held. Returns how many are. Memory is fetched ahead, so this is
 * several times faster than as many wpm_store_get. */
WPM_API size_t wpm_store_get_many(const wpm_store *store, const wpm_bytes *ids, size_t count,
                                  wpm_peer_record *out);

/* A peer that was found: stays good while the peer is held, whatever else changes. */
typedef struct wpm_peer_ref {
  uint32_t slot;       /* Its place in the store. */
  uint32_t generation; /* Which peer of that place. */
} wpm_peer_ref;

/* The reference of `id`, and the record of a reference. WPM_ERR_NOT_FOUND (not, or no longer,
 * held). */
WPM_API WPM_MUST_USE int wpm_store_ref(const wpm_store *store, wpm_bytes id, wpm_peer_ref *out);
WPM_API WPM_MUST_USE int wpm_store_at(const wpm_store *store, wpm_peer_ref ref,
                                      wpm_peer_record *out);

/* Finds `count` ids, however many, and asks for the memory of their records to be fetched, so that
 * reading them (wpm_store_at) finds it near. out[i].slot is WPM_NOBODY where ids[i] is not held.
 * Returns how many are. */
#define WPM_NOBODY UINT32_MAX
WPM_API size_t wpm_store_find_many(const wpm_store *store, const wpm_bytes *ids, size_t count,
                                   wpm_peer_ref *out);

/* ---- queries --------------------------------------------------------------------------------- */

/* What a term asks. */
typedef enum wpm_term_kind {
  WPM_TERM_ALL = 0,      /* Any peer. */
  WPM_TERM_CONNECTIVITY, /* number: a wpm_connectivity. */
  WPM_TERM_PROTOCOL,     /* text: announces this protocol id. */
  WPM_TERM_RELAY,        /* Announces a relay protocol (wpm_protocol_is_relay). */
  WPM_TERM_SHARD,        /* number: is of this shard, by metadata or ENR. */
  WPM_TERM_CAPABILITY,   /* number: its ENR sets this bit (0 … 7) of `waku2`. */
  WPM_TERM_ORIGIN,       /* number: a wpm_origin. */
  WPM_TERM_DIRECTION,    /* number: a wpm_direction, of the live or the last connection. */
  WPM_TERM_DIALABLE,     /* Can be dialled now: not connected, has an address, nothing to wait for,
                            neither banned nor held off. As of the last wpm_store_advance. */
  WPM_TERM_BANNED,       /* A ban lasts. As of the last wpm_store_advance. */
  WPM_TERM_PROTECTED,    /* A tag of its protects. */
  WPM_TERM_STATIC,       /* A static node. */
  WPM_TERM_HELD,         /* We had a connection with it at least once. */
  WPM_TERM_ADDRESS,      /* Has an address. */
  WPM_TERM_TAG,          /* text: has a tag of this name. */
  WPM_TERM_AND,          /* Both of the two results before it. */
  WPM_TERM_OR,           /* Either of the two results before it. */
  WPM_TERM_NOT           /* Every held peer but those of the result before it. */
} wpm_term_kind;

typedef struct wpm_term {
  wpm_term_kind kind; /* What it asks. */
  uint32_t number;    /* See the kinds. */
  wpm_text text;      /* See the kinds. */
} wpm_term;

#define WPM_QUERY_TERMS_MAX 64 /* Most terms of a query. */
#define WPM_QUERY_DEPTH_MAX 16 /* Most results that may wait for an AND or OR. */

/* A query in postfix order, e.g. {relay, shard 3, AND, static, NOT, AND}. No terms: every peer.
 * Results that are left over at the end are ANDed, so a plain list of terms means all of them. */
typedef struct wpm_query {
  const wpm_term *terms; /* In postfix order. */
  size_t count;          /* Their number. */
} wpm_query;

/* What the latest queries found is kept inside, so that asking again costs little; a query changes
 * nothing else, and is a call on the store like any other as far as threads are concerned. */

/* Number of peers that match; `query` NULL: all. All queries: WPM_ERR_INVALID (malformed, or beyond
 * the two limits), WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_query_count(const wpm_store *store, const wpm_query *query,
                                               size_t *out);

/* Takes the next protocol that a held peer announces, at or behind *cursor (start with 0), and how many
 * announce it. WPM_ERR_NOT_FOUND at the end; errors as wpm_store_query_count. */
WPM_API WPM_MUST_USE int wpm_store_next_protocol(const wpm_store *store, uint64_t *cursor,
                                                 wpm_text *protocol, size_t *peers);

/* Up to `count` matching peers at or behind *cursor (start with 0), in the store's own order; the
 * cursor moves on. *found less than `count`: the end. Peers may come and go between calls: one that
 * stays, and matches all the while, is listed exactly once. */
WPM_API WPM_MUST_USE int wpm_store_query_page(const wpm_store *store, const wpm_query *query,
                                              uint64_t *cursor, wpm_peer_ref *out, size_t count,
                                              size_t *found);

/* `count` different matching peers (all, where there are fewer) at random and in random order, every
 * choice equally likely. The same seed and store, the same peers. */
WPM_API WPM_MUST_USE int wpm_store_query_pick(const wpm_store *store, const wpm_query *query,
                                              uint64_t seed, wpm_peer_ref *out, size_t count,
                                              size_t *found);

/* By what the best are chosen. */
typedef enum wpm_order {
  WPM_ORDER_RTT = 0,   /* Least last round trip; those without one last. */
  WPM_ORDER_LAST_SEEN, /* Connected first; then the latest beginning or end of a connection, or else
                          the latest time an address of its was given. */
  WPM_ORDER_SCORE      /* Highest score. */
} wpm_order;
#define WPM_ORDER_COUNT 3

/* The `count` best matching peers, best first; among equals the older place in the store. Looks at
 * every matching record once. */
WPM_API WPM_MUST_USE int wpm_store_query_top(const wpm_store *store, const wpm_query *query,
                                             wpm_order order, wpm_peer_ref *out, size_t count,
                                             size_t *found);

/* Takes the next peer at or behind *cursor (start with 0) and moves the cursor on. False at the end.
 * Peers may come and go between calls: one that stays is listed exactly once. */
WPM_API bool wpm_store_next(const wpm_store *store, uint64_t *cursor, wpm_peer_record *out);

/* True for protocol ids that mean "may take part in a relay mesh": /vac/waku/relay/…, /meshsub/…,
 * /floodsub/… */
WPM_API bool wpm_protocol_is_relay(wpm_text protocol);

/* ---- the change feed ------------------------------------------------------------------------- */

typedef enum wpm_change_kind {
  WPM_CHANGE_ADDED = 0, /* A peer came. */
  WPM_CHANGE_UPDATED,   /* Its record changed. */
  WPM_CHANGE_REMOVED    /* It is gone. */
} wpm_change_kind;

/* One change. */
typedef struct wpm_store_change {
  wpm_change_kind kind;
  wpm_bytes id;    /* Whose. */
  uint32_t fields; /* WPM_FIELD_… that changed; for ADDED WPM_FIELD_ALL, for REMOVED 0. */
  wpm_cause cause; /* Why. */
} wpm_store_change;

/* A cursor behind all changes so far. A consumer is nothing but its cursor, so the store holds no
 * memory for one, however slow. */
WPM_API uint64_t wpm_store_feed_end(const wpm_store *store);

/* Takes the next change at *cursor and moves the cursor on. Updates of a peer that follow each other,
 * with nothing between them and read by nobody yet, are one change. One whose peer is gone by now is
 * left out (its REMOVED follows). WPM_ERR_NOT_FOUND: the cursor is at the end. WPM_ERR_TRUNCATED: the
 * consumer was too slow and missed some; the cursor is moved to the oldest that is kept, and what
 * matters must be read anew. */
WPM_API WPM_MUST_USE int wpm_store_feed_next(const wpm_store *store, uint64_t *cursor,
                                             wpm_store_change *out);

/* ---- writing --------------------------------------------------------------------------------- */

/* Takes a whole record, e.g. one loaded from disk, in place of what the store had of that peer.
 * `connectivity` is not read (it is derived); live connections of the peer stay. What exceeds a cap
 * is cut, and what is no multiaddr left out. WPM_ERR_NO_VICTIM and WPM_ERR_FULL (see
 * wpm_store_add), WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (id too long, an enumerator outside its set, a
 * key, observed address, ENR or signed record above 65 535 bytes). */
WPM_API WPM_MUST_USE int wpm_store_put(wpm_store *store, const wpm_peer_record *record);

/* Adds a peer of which nothing is known yet but, maybe, a tombstone, whose spans it takes over; one
 * that is held stays as it is, but an unknown origin is filled in. The id may be any 0 … 255 bytes.
 * Over max_peers the least useful peer goes (wpm_store_victim). WPM_ERR_NO_VICTIM (none may go),
 * WPM_ERR_FULL (max_peers, where nothing is evicted; max_bytes), WPM_ERR_NO_MEMORY, WPM_ERR_INVALID
 * (id too long). */
WPM_API WPM_MUST_USE int wpm_store_add(wpm_store *store, wpm_bytes id, wpm_origin origin);

/* Forgets a peer. What must outlive its record stays as a tombstone until it ends: a prune backoff,
 * a ban. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_remove(wpm_store *store, wpm_bytes id);

/* What an address is given with. */
typedef struct wpm_offer {
  wpm_address_source source; /* Who gives it. */
  int64_t ttl_ns;            /* Its time to live; WPM_TTL_QUALITY: none of its own. */
  wpm_wall now;              /* When it is given; WPM_WALL_NONE: not known. */
} wpm_offer;

/* Adds dialable addresses (binary, without the peer's own `/p2p/`); those that wpm_multiaddr_check
 * refuses are left out. One that is held keeps the more trusted of the two sources, is seen now, and
 * has the longer of the two times to live and the later of the two ends (go-libp2p's AddAddrs); quality
 * and clock do not mix: a time to live that ends does not shorten what is kept for its quality. With a
 * time to live of less than 0 nothing happens.
 * *left_out (may be NULL) counts those that the cap left out: over it the least trusted and least
 * proven gives way, never one as trusted as the newcomer. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY,
 * WPM_ERR_FULL (max_bytes). */
WPM_API WPM_MUST_USE int wpm_store_add_addresses(wpm_store *store, wpm_bytes id,
                                                 const wpm_bytes *addresses, size_t count,
                                                 const wpm_offer *offer, size_t *left_out);

/* As wpm_store_add_addresses, but the time to live and its end become what is given, shorter ones
 * too (go-libp2p's SetAddrs); with a time to live of less than 0 the addresses go. */
WPM_API WPM_MUST_USE int wpm_store_set_addresses(wpm_store *store, wpm_bytes id,
                                                 const wpm_bytes *addresses, size_t count,
                                                 const wpm_offer *offer, size_t *left_out);

/* Gives all addresses whose time to live is `old_ttl_ns` the new one, from `now` on (go-libp2p's
 * UpdateAddrs); less than 0: they go. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_update_ttl(wpm_store *store, wpm_bytes id, int64_t old_ttl_ns,
                                              int64_t new_ttl_ns, wpm_wall now);

/* Forgets all addresses of a peer, and with them its signed record. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_clear_addresses(wpm_store *store, wpm_bytes id);

/* Drops what is past its time: of one peer, or, by the store's own round, of up to `peers` (all of them
 * in turn; a call looks at 16 times as many places in the store at most). An address of which keep_good
 * says so stays. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_expire(wpm_store *store, wpm_bytes id, wpm_wall now);
WPM_API void wpm_store_expire_some(wpm_store *store, size_t peers, wpm_wall now);

/* What a signed peer record says, opened and verified by the caller (libp2p RFC 0002, RFC 0003). */
typedef struct wpm_certified {
  wpm_bytes envelope; /* The whole signed envelope, to be handed on; at most 65 535 bytes. */
  uint64_t sequence;  /* Its sequence number: a version, never a time. */
  const wpm_bytes *addresses; /* The addresses it names, without the peer's own /p2p/. */
  size_t address_count;       /* Their number. */
  int64_t ttl_ns;             /* Their time to live; WPM_TTL_QUALITY: none. */
  bool same_sequence_too;     /* Accept the sequence number that is held once more. */
} wpm_certified;

/* Takes it in: it replaces the certified addresses of the record before (one of a live connection
 * stays); addresses that no record names stay, ranked lower. WPM_ERR_NOT_FOUND, WPM_ERR_STALE (its
 * sequence number is not higher), WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_bytes), WPM_ERR_INVALID (the
 * envelope is too long). */
WPM_API WPM_MUST_USE int wpm_store_certified(wpm_store *store, wpm_bytes id,
                                             const wpm_certified *record, wpm_wall now);

/* What identify told. A field that is NULL was not sent and stays as it was. */
typedef struct wpm_identified {
  const wpm_bytes *public_key;      /* Encoded PublicKey, verified to belong to the id. */
  const wpm_text *agent;            /* Agent version. */
  const wpm_text *protocol_version; /* Protocol version. */
  const wpm_bytes *addresses;       /* All its listen addresses, checked, own /p2p/ removed. */
  size_t address_count;             /* Their number; replaces addresses of source identify. */
  const wpm_text *protocols;        /* All its protocols. */
  size_t protocol_count;            /* Their number; replaces the ones held. */
  wpm_wall now;                     /* When it came. */
} wpm_identified;

/* Takes it in, cut to the caps; addresses that wpm_multiaddr_check refuses are left out, those named
 * again keep their times. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_bytes),
 * WPM_ERR_INVALID (a key above 65 535 bytes). */
WPM_API WPM_MUST_USE int wpm_store_identified(wpm_store *store, wpm_bytes id,
                                              const wpm_identified *fact);

/* Sets the protocols alone. Errors as wpm_store_identified. */
WPM_API WPM_MUST_USE int wpm_store_set_protocols(wpm_store *store, wpm_bytes id,
                                                 const wpm_text *protocols, size_t count);

/* Sets the public key (encoded PublicKey); empty: not known. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY,
 * WPM_ERR_FULL (max_bytes), WPM_ERR_INVALID (above 65 535 bytes). */
WPM_API WPM_MUST_USE int wpm_store_set_public_key(wpm_store *store, wpm_bytes id, wpm_bytes key);

/* What Waku metadata told; cluster 0: it named none. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY,
 * WPM_ERR_FULL (max_bytes). */
WPM_API WPM_MUST_USE int wpm_store_metadata(wpm_store *store, wpm_bytes id, uint32_t cluster_id,
                                            const uint16_t *shards, size_t shard_count);

/* What an ENR says, opened and verified by the caller (EIP-778, 31/WAKU2-ENR). */
typedef struct wpm_discovered {
  wpm_bytes enr;          /* The record, RLP. */
  uint64_t sequence;      /* Its sequence number. */
  bool has_capabilities;  /* It has a `waku2` field. */
  uint8_t capabilities;   /* That field. */
  uint32_t cluster_id;    /* Its cluster (`rs`, `rsv`); 0: none. */
  const uint16_t *shards; /* Its shards. */
  size_t shard_count;     /* Their number. */
} wpm_discovered;

/* Takes it in; cluster and shards only while no metadata has been answered, which is newer.
 * WPM_ERR_NOT_FOUND, WPM_ERR_STALE (its sequence number is not higher), WPM_ERR_NO_MEMORY,
 * WPM_ERR_FULL (max_bytes), WPM_ERR_INVALID (the record is above 65 535 bytes). */
WPM_API WPM_MUST_USE int wpm_store_discovered(wpm_store *store, wpm_bytes id,
                                              const wpm_discovered *fact);

/* A connection came up: the peer is Connected. `remote`: the other end's address; kept as observed
 * for an inbound one, marked as working for an outbound one. WPM_ERR_NOT_FOUND,
 * WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_bytes). */
WPM_API WPM_MUST_USE int wpm_store_connected(wpm_store *store, wpm_bytes id,
                                             wpm_direction direction, wpm_bytes remote,
                                             wpm_wall now);

/* One of its connections ended. Where it was the last, reason and disconnect time are recorded. No
 * other effect; none at all on a peer without a live connection. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_disconnected(wpm_store *store, wpm_bytes id, wpm_reason reason,
                                                wpm_wall now);

/* An attempt to connect failed. Nothing changes where the reason is WPM_REASON_LOCAL_FAILURE, which
 * is never held against the peer, or while a connection with it is live. WPM_ERR_NOT_FOUND,
 * WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_bytes). */
WPM_API WPM_MUST_USE int wpm_store_dial_failed(wpm_store *store, wpm_bytes id, wpm_reason reason,
                                               wpm_wall now);

/* An attempt on one address failed. WPM_ERR_NOT_FOUND (peer or address), WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_address_failed(wpm_store *store, wpm_bytes id,
                                                  wpm_bytes multiaddr, wpm_wall now);

/* Another peer than `id` answered at an address that was dialled for `id`, and proved who it is: the
 * address leaves `id`, where it has it, and goes to `answered`, where that is held.
 * WPM_ERR_NOT_FOUND (`id`), WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_address_moved(wpm_store *store, wpm_bytes id,
                                                 wpm_bytes multiaddr, wpm_bytes answered,
                                                 wpm_wall now);

/* The connection proved stable: failed attempts are forgotten. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_stable(wpm_store *store, wpm_bytes id);

/* A ping came back after `rtt_ns`. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_pong(wpm_store *store, wpm_bytes id, int64_t rtt_ns);

/* Marks a static node, and one that a person disconnected. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_set_static(wpm_store *store, wpm_bytes id, bool is_static);
WPM_API WPM_MUST_USE int wpm_store_set_held_off(wpm_store *store, wpm_bytes id, bool held_off);

/* Sets the host's judgement. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_store_set_score(wpm_store *store, wpm_bytes id, int32_t score);

/* The spans of waiting. */
typedef enum wpm_wait_kind {
  WPM_WAIT_PRUNE_BACKOFF = 0,
  WPM_WAIT_RETRY_DELAY,
  WPM_WAIT_MISMATCH_DELAY,
  WPM_WAIT_BAN
} wpm_wait_kind;
#define WPM_WAIT_COUNT 4

/* Sets one of them. A ban may be given to a peer that is not held: it stays as a tombstone.
 * WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_bytes; tombstones that all last longer). */
WPM_API WPM_MUST_USE int wpm_store_set_wait(wpm_store *store, wpm_bytes id, wpm_wait_kind kind,
                                            wpm_wait wait);

/* Sets a tag, in place of one of the same name. WPM_ERR_NOT_FOUND, WPM_ERR_NO_MEMORY, WPM_ERR_FULL
 * (max_tags, max_bytes), WPM_ERR_TOO_LARGE (max_text), WPM_ERR_INVALID (no name). */
WPM_API WPM_MUST_USE int wpm_store_set_tag(wpm_store *store, wpm_bytes id, const wpm_tag *tag);

/* Takes a tag away. WPM_ERR_NOT_FOUND (peer or tag). */
WPM_API WPM_MUST_USE int wpm_store_remove_tag(wpm_store *store, wpm_bytes id, wpm_text name);

/* Sets an entry of the application map; an empty view (data NULL) takes it away. WPM_ERR_NOT_FOUND,
 * WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_app_bytes, max_bytes), WPM_ERR_INVALID (key of 0 or above
 * 255 bytes; value above 65 535 where no cap holds it). */
WPM_API WPM_MUST_USE int wpm_store_set_app(wpm_store *store, wpm_bytes id, wpm_text key,
                                           wpm_bytes value);

/* Reads one. WPM_ERR_NOT_FOUND (peer or key). */
WPM_API WPM_MUST_USE int wpm_store_get_app(const wpm_store *store, wpm_bytes id, wpm_text key,
                                           wpm_bytes *value);

/* ---- private keys ---------------------------------------------------------------------------- */

/* Private keys lie apart from the records: no record shows one, no query finds one, and the memory
 * is wiped when one goes. The id need not be held. */

/* Keeps a private key for `id` (any bytes; empty: forgets it). WPM_ERR_NO_MEMORY, WPM_ERR_INVALID
 * (id too long, key above 65 535 bytes), WPM_ERR_FULL (max_bytes). */
WPM_API WPM_MUST_USE int wpm_store_set_private_key(wpm_store *store, wpm_bytes id, wpm_bytes key);

/* WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_store_get_private_key(const wpm_store *store, wpm_bytes id,
                                                   wpm_bytes *key);

/* Takes the next one at or behind *cursor (start with 0). False at the end. */
WPM_API bool wpm_store_next_private_key(const wpm_store *store, uint64_t *cursor, wpm_bytes *id,
                                        wpm_bytes *key);

/* ---- eviction, tombstones, deadlines --------------------------------------------------------- */

/* Who would go for a newcomer, and why. The order, least useful first:
 *   1. unreachable: never held, and CannotConnect or without an address;
 *   2. untried: never held, NotConnected;
 *   3. lost: held once, CannotConnect;
 *   4. parted: CanConnect.
 * Among those of a kind, of 16 drawn at random (8 where there are very many, all where there are fewer)
 * the one seen last the longest ago (WPM_ORDER_LAST_SEEN); so nobody can steer whom a newcomer pushes out. Never one that
 * is connected, protected or static. WPM_ERR_NO_VICTIM. The next eviction takes the very same. */
WPM_API WPM_MUST_USE int wpm_store_victim(const wpm_store *store, wpm_peer_ref *out,
                                          wpm_cause *cause);

/* What outlives a record. */
typedef struct wpm_tombstone {
  wpm_bytes id;           /* Whose. */
  wpm_wait prune_backoff; /* length_ns 0: none. */
  wpm_wait ban;           /* length_ns 0: none. */
} wpm_tombstone;

/* Tombstones held, and those that went before their end, or were not taken, since there were too
 * many. */
WPM_API size_t wpm_store_tombstone_count(const wpm_store *store);
WPM_API uint64_t wpm_store_tombstones_dropped(const wpm_store *store);

/* Takes the next tombstone at or behind *cursor (start with 0). False at the end. */
WPM_API bool wpm_store_next_tombstone(const wpm_store *store, uint64_t *cursor, wpm_tombstone *out);

/* Puts one, e.g. loaded from disk; where the peer is held, of its spans and the tombstone's the one
 * that ends later goes on, each for itself (its prune backoff, its ban). Over max_tombstones the one that ends first goes. WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (id too long),
 * WPM_ERR_FULL (max_bytes; all others last longer). */
WPM_API WPM_MUST_USE int wpm_store_put_tombstone(wpm_store *store, const wpm_tombstone *tombstone);

/* The peers removed by eviction, by cause, and newcomers refused. */
typedef struct wpm_store_counters {
  uint64_t evicted[WPM_CAUSE_COUNT]; /* By cause. */
  uint64_t refused;                  /* Newcomers refused at max_peers: nobody may go. */
} wpm_store_counters;
WPM_API wpm_store_counters wpm_store_get_counters(const wpm_store *store);

/* Ends what is over by `now`: waits (then the peer is dialable), bans, tombstones. Does at most 1 000
 * of them a call. */
WPM_API void wpm_store_advance(wpm_store *store, wpm_instant now);

/* When wpm_store_advance is to be called next; WPM_NEVER: nothing waits. */
WPM_API wpm_mono wpm_store_next_deadline(const wpm_store *store);

/* Tests every internal invariant; WPM_ERR_CORRUPT and a sentence in *error where one is broken. For
 * tests: takes time linear in the store. */
WPM_API WPM_MUST_USE int wpm_store_check(const wpm_store *store, wpm_error *error);

/* ---- spans of waiting ------------------------------------------------------------------------ */

/* When `wait` is over, on the monotonic clock of the boot of `now` (see wpm_wait for the rule).
 * A moment not behind `now.mono` where it is over already. */
WPM_API wpm_mono wpm_wait_end(const wpm_wait *wait, wpm_instant now);

/* True where every field is equal. */
WPM_API bool wpm_wait_equal(const wpm_wait *a, const wpm_wait *b);

#ifdef __cplusplus
}
#endif

#endif
