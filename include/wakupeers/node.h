/* A node: level 3 of the library: the manager on a libuv loop, with our own libp2p connections and
 * peers kept on disk.
 *
 * - The one impure owner: it reads the clocks and the system's random source, and owns the worker
 *   thread that writes to disk.
 * - All calls, and all callbacks, are on the thread that runs the loop.
 * - Nothing of the node blocks the loop: DNS and disk are dealt with elsewhere. Only
 *   wpm_node_start reads the stored peers before it returns.
 * - The process must ignore SIGPIPE (`signal(SIGPIPE, SIG_IGN)`), as with libuv in general: else a
 *   peer that goes away while it is written to ends the process.
 */
#ifndef WAKUPEERS_NODE_H
#define WAKUPEERS_NODE_H

#include <wakupeers/exchange.h>
#include <wakupeers/explain.h>
#include <wakupeers/manager.h>
#include <wakupeers/storage.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

/* ---- keys ------------------------------------------------------------------------------------ */

typedef enum wpm_node_key_type {
  WPM_NODE_KEY_SECP256K1 = 0,
  WPM_NODE_KEY_ED25519
} wpm_node_key_type;

#define WPM_NODE_KEY_MAX 80   /* Longest encoded key in bytes. */
#define WPM_NODE_KEY_TEXT 161 /* Room for any key's text, its NUL included. */

/* A private key: libp2p's PrivateKey protobuf. Wipe it after use. */
typedef struct wpm_node_key {
  size_t len;
  uint8_t bytes[WPM_NODE_KEY_MAX];
} wpm_node_key;

/* A fresh key from the system's random source. WPM_ERR_IO (no randomness), WPM_ERR_UNSUPPORTED. */
WPM_API WPM_MUST_USE int wpm_node_key_new(wpm_node_key_type type, wpm_node_key *out);

/* Reads a key: 64 hex digits are a secp256k1 secret (nwaku's --nodekey), more are libp2p's
 * PrivateKey protobuf in hex. *error (may be NULL) never repeats the text. WPM_ERR_INVALID,
 * WPM_ERR_UNSUPPORTED. */
WPM_API WPM_MUST_USE int wpm_node_key_parse(wpm_text text, wpm_node_key *out, wpm_error *error);

/* Writes what wpm_node_key_parse reads: 64 hex digits for secp256k1, else the protobuf in hex.
 * WPM_ERR_NO_SPACE (WPM_NODE_KEY_TEXT always does), WPM_ERR_INVALID. */
WPM_API WPM_MUST_USE int wpm_node_key_format(const wpm_node_key *key, char *out, size_t cap);

/* Its peer id and type (each may be NULL). WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED. */
WPM_API WPM_MUST_USE int wpm_node_key_peer_id(const wpm_node_key *key, wpm_peer_id *id,
                                              wpm_node_key_type *type);

WPM_API void wpm_node_key_wipe(wpm_node_key *key);

/* ---- configuration --------------------------------------------------------------------------- */

typedef struct wpm_node wpm_node;

/* A change of a peer's connectivity. The views last for the call. */
typedef struct wpm_node_change {
  wpm_bytes peer;            /* Binary peer id. */
  wpm_connectivity from, to; /* Connectivity before and after. */
  wpm_reason reason;         /* Why it ended; NONE while Connected. */
} wpm_node_change;

typedef void (*wpm_node_change_fn)(void *user, const wpm_node_change *change);

typedef struct wpm_node_config {
  size_t size;                  /* sizeof(wpm_node_config), as the caller was compiled. */
  struct uv_loop_s *loop;       /* The caller's loop, which it runs; must outlive the node. */
  wpm_logger logger;            /* Takes messages. */
  const wpm_node_key *key;      /* Our key (copied); NULL: a fresh secp256k1 key. */
  wpm_text agent;               /* Agent version that identify announces. */
  const wpm_text *listen;       /* Multiaddrs to listen on, in text; port 0: any free one. */
  size_t listen_count;          /* Their number; 0: no listening. */
  const wpm_text *static_nodes; /* Multiaddrs with /p2p/ID, in text, of peers to hold. */
  size_t static_node_count;     /* Their number. */
  const char *database;         /* Path of the peer database; NULL: memory only. */
  wpm_manager_config manager;   /* The policy. local_peer, seed and store.hash_key are set by the
                                     node. */
  size_t max_inbound_upgrades;  /* Inbound connections being upgraded at once. Default 128. */
  size_t max_streams;           /* Streams a peer may have open per connection. Default 64. */
  wpm_node_change_fn changed;   /* Told of every change of connectivity; may be NULL. */
  void *user;                   /* Passed to `changed`. */
} wpm_node_config;

WPM_API void wpm_node_config_default(wpm_node_config *config);

/* ---- life ------------------------------------------------------------------------------------ */

/* Makes a node; no socket is opened yet. WPM_ERR_INVALID, WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO,
 * WPM_ERR_IO (no randomness), WPM_ERR_UNSUPPORTED; *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_node_new(const wpm_node_config *config, wpm_node **out,
                                      wpm_error *error);

/* Loads the stored peers, listens, and begins to dial. A database that cannot be used is no failure:
 * the node runs from memory, and wpm_node_get_status says why. WPM_ERR_IO (cannot listen),
 * WPM_ERR_INVALID (a multiaddr), WPM_ERR_UNSUPPORTED, WPM_ERR_NO_MEMORY; then it is ended by
 * wpm_node_stop like one that runs. */
WPM_API WPM_MUST_USE int wpm_node_start(wpm_node *node, wpm_error *error);

typedef void (*wpm_node_stopped_fn)(void *user);

/* Shuts down: records every disconnect, says goodbye on each connection, writes what is not yet
 * durable; then calls `stopped` (may be NULL), after which the loop has nothing of the node left and
 * wpm_node_free may be called. */
WPM_API void wpm_node_stop(wpm_node *node, wpm_node_stopped_fn stopped, void *user);

/* Frees a node that never started, or has stopped. NULL is allowed. */
WPM_API void wpm_node_free(wpm_node *node);

/* ---- looking --------------------------------------------------------------------------------- */

/* Our peer id. Lasts as the node does. */
WPM_API const wpm_peer_id *wpm_node_peer_id(const wpm_node *node);

/* The manager, for reading: wpm_manager_store, wpm_manager_plan, and what <wakupeers/explain.h> has,
 * with wpm_node_now. Lasts as the node does. */
WPM_API const wpm_manager *wpm_node_manager(const wpm_node *node);

/* Both clocks, now. */
WPM_API wpm_instant wpm_node_now(const wpm_node *node);

/* The `index`-th address we listen on, without /p2p/. Lasts as the node does. False behind the
 * last. */
WPM_API bool wpm_node_listen_address(const wpm_node *node, size_t index, wpm_bytes *out);

/* The `index`-th address that identify announces, without /p2p/: what we listen on, with the
 * interfaces' addresses in place of a wildcard (loopback only where there is no other). Lasts until
 * the loop runs again. False behind the last, and where nothing can be announced. */
WPM_API bool wpm_node_announced_address(const wpm_node *node, size_t index, wpm_bytes *out);

/* Our node record (EIP-778) in text, `enr:…`, NUL-terminated: the announced addresses as far as they
 * fit its 300 bytes, signed. Lasts until the loop runs again. Empty before the start, and where our
 * key is not secp256k1. */
WPM_API wpm_text wpm_node_enr(const wpm_node *node);

/* One live connection. */
typedef struct wpm_connection_info {
  wpm_connection_id id;    /* Its number. */
  wpm_direction direction; /* Who dialled. */
  wpm_bytes local;         /* Local multiaddr. */
  wpm_bytes remote;        /* Remote multiaddr. */
  const char *security;    /* Security protocol id, e.g. "/noise". */
  const char *muxer;       /* Muxer protocol id, e.g. "/yamux/1.0.0". */
  wpm_wall since;          /* When it came up. */
  size_t streams;          /* Streams open on it. */
} wpm_connection_info;

/* Takes the next live connection with `peer`; start with *cursor 0. False at the end. Views last
 * until the loop runs again. */
WPM_API bool wpm_node_next_connection(const wpm_node *node, wpm_bytes peer, uint64_t *cursor,
                                      wpm_connection_info *out);

/* Health of the storage. */
typedef struct wpm_node_status {
  bool persistent;        /* A database was configured. */
  int storage_error;      /* WPM_OK: it works; else the wpm_err that keeps it from working. */
  char storage_text[248]; /* That error in words: the file and the remedy; empty while it works. */
  bool memory_only;       /* It lasts until the next start: what changes is lost at the end. */
  int64_t storage_lag_ns; /* Age of the oldest change that is not durable yet, in ns; 0: all are. */
  uint64_t queued_changes; /* Changes not yet durable. */
  bool stopping;           /* wpm_node_stop was called. */
} wpm_node_status;

WPM_API void wpm_node_get_status(const wpm_node *node, wpm_node_status *out);

/* Counters since the start; they never fall. */
typedef struct wpm_node_counters {
  uint64_t dials_started;                    /* Dials begun. */
  uint64_t dials_succeeded;                  /* Dials that made a connection. */
  uint64_t dials_failed[WPM_REASON_COUNT];   /* Dials that made none, by reason. */
  uint64_t inbound_accepted;                 /* TCP connections accepted. */
  uint64_t inbound_refused;                  /* Of these, refused because a cap was reached. */
  uint64_t inbound_failed[WPM_REASON_COUNT]; /* Of these, failed during the upgrade, by reason. */
  uint64_t connections_opened[WPM_DIRECTION_COUNT];    /* Connections that came up. */
  uint64_t connections_ended[WPM_REASON_COUNT];        /* Connections that ended, by reason. */
  uint64_t pings_sent;                                 /* Pings begun. */
  uint64_t pongs_received;                             /* Pings answered. */
  uint64_t pings_received;                             /* Pings that we answered. */
  uint64_t identified;                                 /* Identify messages taken in. */
  uint64_t metadata_received[WPM_CLUSTER_MATCH_COUNT]; /* Metadata taken in, by what it meant. */
  uint64_t bytes_received, bytes_sent;                 /* On the wire. */
  uint64_t storage_commits, storage_errors;            /* Group commits made, and failed. */
  uint64_t
      shortages[WPM_SHORTAGE_COUNT]; /* Times that something could not be had of our machine. */
} wpm_node_counters;

WPM_API void wpm_node_get_counters(const wpm_node *node, wpm_node_counters *out);

/* Open streams by protocol id and direction, over all connections: calls `fn` for each pair that is
 * not zero. */
typedef void (*wpm_stream_count_fn)(void *user, wpm_text protocol, wpm_direction direction,
                                    size_t count);
WPM_API void wpm_node_count_streams(const wpm_node *node, wpm_stream_count_fn fn, void *user);

/* ---- what the host discovers ------------------------------------------------------------------- */

/* Takes in a peer that the host discovered by means of its own (peer exchange, discv5, DNS), by multiaddr
 * with /p2p/ID (text). `told_by`: binary id of the peer that told of it; empty: none did. Where that one,
 * or its network, has told more than its share, or its score is too low, it is left out: WPM_OK, and counted
 * (wpm_manager_intake_left_out). *rule (may be NULL) then says by which rule, and is WPM_INTAKE_TAKEN where
 * it was taken in; on an error it is not set. WPM_ERR_INVALID (also an enumerator outside its set), WPM_ERR_UNSUPPORTED,
 * WPM_ERR_FULL, WPM_ERR_NO_VICTIM, WPM_ERR_NO_MEMORY; *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_node_discovered(wpm_node *node, wpm_text multiaddr,
                                             wpm_address_source source, wpm_origin origin,
                                             wpm_bytes told_by, wpm_intake_rule *rule,
                                             wpm_error *error);

/* ---- what a person asks for ------------------------------------------------------------------ */

/* How an attempt went. */
typedef struct wpm_attempt {
  int err;            /* WPM_OK: connected. */
  wpm_reason reason;  /* Why not. */
  wpm_step step;      /* The step it failed at. */
  const char *detail; /* One sentence for a person; "" where there is none. For the call only. */
} wpm_attempt;

typedef void (*wpm_attempt_fn)(void *user, wpm_bytes peer, const wpm_attempt *attempt);

/* Adds a peer by multiaddr with /p2p/ID (text), as a static node, and keeps it whether it can be
 * reached or not; `id` (may be NULL) gets its peer id. It is dialled when nothing holds it back, as other
 * static nodes are. WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED, WPM_ERR_FULL, WPM_ERR_NO_VICTIM,
 * WPM_ERR_NO_MEMORY; *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_node_add(wpm_node *node, wpm_text multiaddr, wpm_peer_id *id,
                                      wpm_error *error);

/* The same, and connects it now, whatever holds it back; `done` as of wpm_node_connect, unless an error is
 * returned: then nothing was done. Errors as wpm_node_add. */
WPM_API WPM_MUST_USE int wpm_node_add_and_connect(wpm_node *node, wpm_text multiaddr,
                                                  wpm_attempt_fn done, void *user,
                                                  wpm_error *error);

/* Takes in what another store knows of a peer, brought together with what is known here
 * (wpm_exchange_take). Nobody gives way to it; whether it is dialled follows from its record, as after a
 * restart. `skipped` (may
 * be NULL) is told of what does not verify or exceeds a cap. WPM_ERR_FULL (it is new, and max_peers are
 * held), WPM_ERR_INVALID (this node itself; no id), WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO. */
WPM_API WPM_MUST_USE int wpm_node_import(wpm_node *node, const wpm_peer_record *record,
                                         wpm_exchange_skip_fn skipped, void *user);

/* Connects now, whatever delay holds the peer back; `done` (may be NULL) is called once, possibly
 * before this returns (already connected), and in any case before `stopped`. WPM_ERR_NOT_FOUND,
 * WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_node_connect(wpm_node *node, wpm_bytes peer, wpm_attempt_fn done,
                                          void *user);

/* Ends its connections; it is not dialled until a person connects it. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_node_disconnect(wpm_node *node, wpm_bytes peer);

/* Ends its connections and forgets it, on disk too. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_node_remove(wpm_node *node, wpm_bytes peer);

/* Bans the peer for `length_ns` (INT64_MAX: for good; 0: not any more): its connections end, it is
 * refused when it comes, and dialled by nobody but a person. WPM_ERR_INVALID (negative; this node),
 * WPM_ERR_NOT_FOUND (to lift a ban of one that is not held), WPM_ERR_FULL, WPM_ERR_NO_VICTIM,
 * WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_node_ban(wpm_node *node, wpm_bytes peer, int64_t length_ns);

/* Bans a range of addresses for `length_ns` (as wpm_node_ban): connections from and to addresses in it
 * end, nobody comes in from there, and they are dialled by nobody but a person. WPM_ERR_INVALID (more
 * than 128 bits; negative), WPM_ERR_NOT_FOUND (to lift a ban that there is not), WPM_ERR_RANGES_FULL
 * (WPM_RANGE_BANS_MAX are banned), WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_node_ban_range(wpm_node *node, const wpm_ip_range *range,
                                            int64_t length_ns);

/* Puts a tag on the peer, in place of one of its name; takes one off. As long as one protects it, the
 * peer is not evicted. WPM_ERR_INVALID also where its end has passed; other errors as wpm_store_set_tag and wpm_store_remove_tag. */
WPM_API WPM_MUST_USE int wpm_node_set_tag(wpm_node *node, wpm_bytes peer, const wpm_tag *tag);
WPM_API WPM_MUST_USE int wpm_node_remove_tag(wpm_node *node, wpm_bytes peer, wpm_text name);

/* The host's judgement, which fades (wpm_manager_config.score_half_life_ns), or an addition to what is left
 * of it; an entry of the peer's application map (`data` NULL: it goes). Errors as wpm_store_set_score and
 * wpm_store_set_app. */
WPM_API WPM_MUST_USE int wpm_node_set_score(wpm_node *node, wpm_bytes peer, int32_t score);
WPM_API WPM_MUST_USE int wpm_node_add_score(wpm_node *node, wpm_bytes peer, int32_t addition);
WPM_API WPM_MUST_USE int wpm_node_set_note(wpm_node *node, wpm_bytes peer, wpm_text key,
                                           wpm_bytes value);

/* Every change has a number, counted from 1 on in each run. The number of the latest; up to which
 * number all are on disk and survive a crash and a power loss. Without a database both are 0. Bans,
 * protections and prune backoffs go to disk at once, others within a second. */
WPM_API uint64_t wpm_node_latest_change(const wpm_node *node);
WPM_API uint64_t wpm_node_durable_change(const wpm_node *node);

typedef void (*wpm_durable_fn)(void *user, bool durable);

/* Calls `done` once, possibly before this returns, and in any case before `stopped`: with `durable`
 * true when every change made so far is on disk, false where it cannot be brought there at present
 * (no database, or a storage that fails: see wpm_node_get_status). WPM_ERR_NO_MEMORY: `done` is not
 * called. */
WPM_API WPM_MUST_USE int wpm_node_when_durable(wpm_node *node, wpm_durable_fn done, void *user);

/* ---- probing --------------------------------------------------------------------------------- */

#define WPM_PROBE_PINGS_MAX 1000000

/* What a probe found. The views last for the call. */
typedef struct wpm_probe_result {
  int err;                          /* WPM_OK: connected, identified and answered every ping. */
  wpm_reason reason;                /* Why not. */
  wpm_step step;                    /* The step it failed at. */
  const char *detail;               /* One sentence for a person; "" where there is none. */
  wpm_bytes peer;                   /* Who answered; empty where the handshake did not end. */
  const wpm_identified *identified; /* What identify told; NULL: not answered. */
  bool metadata_known;              /* It answered Waku metadata. */
  bool has_cluster_id;              /* Metadata named a cluster. */
  uint32_t cluster_id;              /* That cluster. */
  const uint16_t *shards;           /* Shards that metadata named. */
  size_t shard_count;               /* Their number. */
  const char *security;             /* Security protocol id agreed on; NULL: none. */
  const char *muxer;                /* Muxer protocol id agreed on; NULL: none. */
  int64_t handshake_ns;             /* From the start of the dial to the usable connection;
                                 WPM_SPAN_NONE. */
  const int64_t *rtt_ns; /* Round trips, in order; WPM_SPAN_NONE for a ping not answered. */
  size_t ping_count;     /* Their number. */
} wpm_probe_result;

/* Called for each ping as it is answered or missed (`last` false; only rtt_ns' last entry is new),
 * and once at the end (`last` true). */
typedef void (*wpm_probe_fn)(void *user, const wpm_probe_result *result, bool last);

/* Connects to `multiaddr` (text; without /p2p/ID any identity is accepted) beside the manager,
 * identifies, asks metadata, pings `count` times `interval_ns` apart, and closes. Nothing is kept.
 * WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED, WPM_ERR_NO_MEMORY; *error (may be NULL) says it in
 * words. */
WPM_API WPM_MUST_USE int wpm_node_probe(wpm_node *node, wpm_text multiaddr, size_t count,
                                        int64_t interval_ns, wpm_probe_fn fn, void *user,
                                        wpm_error *error);

#ifdef __cplusplus
}
#endif

#endif
