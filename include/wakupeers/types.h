/* Types that every part of wakupeers shares.
 *
 * - A call that can fail returns an `int`: WPM_OK (0), or a negative `wpm_err`. Counts are never
 *   mixed into that result.
 * - Two clocks, two types: `wpm_mono` (nanoseconds of a boot-based monotonic clock, which goes on
 *   during sleep) is for deadlines; `wpm_wall` (nanoseconds since 1970 UTC) is what is stored and
 *   shown. Mixing them does not compile. The library below `wpm_node` reads neither: time is an
 *   argument.
 * - 0 is a time like any other. "Never" and "none" are their own values.
 * - Bytes are passed as a view (`wpm_bytes`), text as `wpm_text`. A view owns nothing; each
 *   function that returns one says how long it lasts.
 * - Names of enumerators (`wpm_reason_name`, …) are closed sets: the same words in API, logs, REST
 *   and metric labels.
 */
#ifndef WAKUPEERS_TYPES_H
#define WAKUPEERS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WPM_API __attribute__((visibility("default")))
#define WPM_MUST_USE __attribute__((warn_unused_result))
#define WPM_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define WPM_API
#define WPM_MUST_USE
#define WPM_PRINTF(format_index, first)
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

/* Every error the library returns. Values never change meaning; new ones are appended. */
typedef enum wpm_err {
  WPM_OK = 0,
  WPM_ERR_NO_MEMORY = -1,     /* An allocation failed; the call changed nothing. */
  WPM_ERR_INVALID = -2,       /* The input is not of the form it must have. */
  WPM_ERR_TOO_LARGE = -3,     /* The input exceeds a documented limit. */
  WPM_ERR_TRUNCATED = -4,     /* The input ends too early. */
  WPM_ERR_NO_SPACE = -5,      /* The caller's output buffer is too small. */
  WPM_ERR_UNSUPPORTED = -6,   /* Well formed, but of a kind this library does not know. */
  WPM_ERR_NOT_FOUND = -7,     /* No such peer, connection, stream or entry. */
  WPM_ERR_EXISTS = -8,        /* There is one already. */
  WPM_ERR_FULL = -9,          /* A cap is reached. */
  WPM_ERR_STATE = -10,        /* The call is not allowed in the present state. */
  WPM_ERR_CRYPTO = -11,       /* A signature, key or authentication tag does not verify. */
  WPM_ERR_PROTOCOL = -12,     /* The other side broke the protocol. */
  WPM_ERR_MISMATCH = -13,     /* Not the identity (peer id, cluster) that was asked for. */
  WPM_ERR_TIMEOUT = -14,      /* A deadline passed. */
  WPM_ERR_CLOSED = -15,       /* The connection, stream or object has ended. */
  WPM_ERR_IO = -16,           /* The operating system refused; the detail text says what. */
  WPM_ERR_LOCKED = -17,       /* Another process holds it. */
  WPM_ERR_READ_ONLY = -18,    /* It cannot be written. */
  WPM_ERR_CORRUPT = -19,      /* Stored data is damaged. */
  WPM_ERR_DISK_FULL = -20,    /* No room on the disk. */
  WPM_ERR_NEWER_SCHEMA = -21, /* Written by a newer version of this program. */
  WPM_ERR_STALE = -22,        /* Not newer than what is held. */
  WPM_ERR_NO_VICTIM = -23,    /* The store is full of peers that may not be evicted. */
  WPM_ERR_RANGES_FULL = -24   /* As many ranges of addresses are banned as may be. */
} wpm_err;

/* One plain sentence for `err` (a `wpm_err`), e.g. "out of memory". Static text; never NULL. */
WPM_API const char *wpm_strerror(int err);

/* What went wrong, in words for a person: names the thing and the remedy. Always NUL-terminated. */
typedef struct wpm_error {
  int code;       /* The wpm_err. */
  char text[248]; /* The sentence; cut, never overflowing. */
} wpm_error;

/* ---- views ----------------------------------------------------------------------------------- */

typedef struct wpm_bytes {
  const uint8_t *data; /* May be NULL where len is 0. */
  size_t len;          /* In bytes. */
} wpm_bytes;

typedef struct wpm_text {
  const char *data; /* UTF-8 as received; not NUL-terminated. May be NULL where len is 0. */
  size_t len;       /* In bytes. */
} wpm_text;

/* ---- time ------------------------------------------------------------------------------------ */

typedef struct wpm_mono {
  int64_t ns; /* Nanoseconds since boot (CLOCK_BOOTTIME or the like). */
} wpm_mono;

typedef struct wpm_wall {
  int64_t ns; /* Nanoseconds since 1970-01-01 UTC. */
} wpm_wall;

/* A deadline that never comes. */
#define WPM_NEVER ((wpm_mono){INT64_MAX})
/* A stored time that is not known. */
#define WPM_WALL_NONE ((wpm_wall){INT64_MIN})
/* A measured span that is not known. */
#define WPM_SPAN_NONE INT64_MIN

#define WPM_MICROSECOND INT64_C(1000)
#define WPM_MILLISECOND INT64_C(1000000)
#define WPM_SECOND INT64_C(1000000000)
#define WPM_MINUTE (60 * WPM_SECOND)
#define WPM_HOUR (60 * WPM_MINUTE)
#define WPM_DAY (24 * WPM_HOUR)

static inline bool wpm_wall_known(wpm_wall t) {
  return t.ns != INT64_MIN;
}

/* Both clocks at one instant, with the boot the monotonic one belongs to. */
typedef struct wpm_instant {
  wpm_mono mono;    /* Monotonic time. */
  wpm_wall wall;    /* Wall time. */
  uint64_t boot_id; /* Names this boot of the machine (a hash of the kernel's boot id). */
} wpm_instant;

/* A span of waiting that survives restart, reboot and clock jumps: it began at `start` and lasts
 * `length_ns`. length_ns 0: nothing to wait for. Within one boot the monotonic clock decides when
 * it is over; after a reboot the wall clock does, and where that stands before `start`, the whole
 * span begins anew. A manager takes a stored prune backoff more strictly (wpm_manager_restore). */
typedef struct wpm_wait {
  wpm_instant start; /* When it began. */
  int64_t length_ns; /* How long it lasts, in nanoseconds; never negative. */
} wpm_wait;

/* ---- ranges of addresses --------------------------------------------------------------------- */

/* A range of IP addresses: those whose first `bits` bits are these; 16 bytes, IPv4 as ::ffff:a.b.c.d.
 * So 10.0.0.0/8 has 104 bits. */
typedef struct wpm_ip_range {
  uint8_t ip[16];
  uint8_t bits; /* At most 128. */
} wpm_ip_range;

#define WPM_IP_RANGE_TEXT 50 /* Room for any range's text, its NUL included. */

/* Reads "10.0.0.0/8", "2001:db8::/32", or an address alone. WPM_ERR_INVALID. */
WPM_API WPM_MUST_USE int wpm_ip_range_parse(wpm_text text, wpm_ip_range *out);

/* Writes its text, NUL-terminated, without the bits behind its first `bits` ones: "10.0.0.0/8". An
 * address alone has its length too. WPM_ERR_INVALID (more than 128 bits), WPM_ERR_NO_SPACE
 * (WPM_IP_RANGE_TEXT always does). */
WPM_API WPM_MUST_USE int wpm_ip_range_format(const wpm_ip_range *range, char *out, size_t cap);

/* A banned range. */
typedef struct wpm_range_ban {
  wpm_ip_range range;
  wpm_wait ban; /* length_ns INT64_MAX: without end. */
} wpm_range_ban;

/* ---- peer ids -------------------------------------------------------------------------------- */

#define WPM_PEER_ID_MAX 255  /* Longest id in bytes that the store takes. */
#define WPM_PEER_ID_TEXT 416 /* Room for any peer id in either text form, its NUL included. */

/* The binary form: a multihash (libp2p/specs peer-ids). Only the first `len` bytes count. */
typedef struct wpm_peer_id {
  uint8_t len;
  uint8_t bytes[WPM_PEER_ID_MAX];
} wpm_peer_id;

static inline wpm_bytes wpm_peer_id_view(const wpm_peer_id *id) {
  wpm_bytes view = {id->bytes, id->len};
  return view;
}

/* Copies `bytes` into `out`. WPM_ERR_TOO_LARGE above WPM_PEER_ID_MAX. Does not look inside. */
WPM_API WPM_MUST_USE int wpm_peer_id_from_bytes(wpm_bytes bytes, wpm_peer_id *out);

/* Checks that `bytes` is a peer id of the libp2p specification: an identity multihash of at most
 * 42 bytes or a SHA-256 multihash, with nothing behind. WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED
 * (another hash function). */
WPM_API WPM_MUST_USE int wpm_peer_id_check(wpm_bytes bytes);

/* Reads both text forms (libp2p/specs peer-ids): base58btc of the multihash (`12D3Koo…`, `16Uiu2…`,
 * `Qm…`), and a CIDv1 of codec libp2p-key in any multibase this library knows (base16, base32,
 * base36, base58btc, base64, base64url). `error` may be NULL. WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED
 * (another multibase, codec or hash function), WPM_ERR_TOO_LARGE. */
WPM_API WPM_MUST_USE int wpm_peer_id_parse(wpm_text text, wpm_peer_id *out, wpm_error *error);

/* Writes the base58btc form, NUL-terminated. *len (may be NULL) gets its length without the NUL.
 * WPM_ERR_NO_SPACE where `cap` is too small (WPM_PEER_ID_TEXT always does); WPM_ERR_TOO_LARGE where
 * `id` is longer than the store takes. */
WPM_API WPM_MUST_USE int wpm_peer_id_format(wpm_bytes id, char *out, size_t cap, size_t *len);

/* The CIDv1 form (multibase base32, lower case, `bafz…`). As wpm_peer_id_format. */
WPM_API WPM_MUST_USE int wpm_peer_id_format_cid(wpm_bytes id, char *out, size_t cap, size_t *len);

/* ---- multiaddrs ------------------------------------------------------------------------------ */

#define WPM_MULTIADDR_MAX 1024     /* Longest binary multiaddr the library takes, in bytes. */
#define WPM_MULTIADDR_PARTS_MAX 32 /* Most components in one. */
#define WPM_MULTIADDR_TEXT 4096    /* Room for any such multiaddr's text, its NUL included. */

/* A binary multiaddr that owns its bytes. */
typedef struct wpm_multiaddr {
  uint16_t len;
  uint8_t bytes[WPM_MULTIADDR_MAX];
} wpm_multiaddr;

static inline wpm_bytes wpm_multiaddr_view(const wpm_multiaddr *addr) {
  wpm_bytes view = {addr->bytes, addr->len};
  return view;
}

/* Reads the text form (multiformats/multiaddr; canonical as go-multiaddr writes it; `/ipfs/` is
 * read as `/p2p/`). Names, zones and paths must be UTF-8 without control characters, so that any
 * multiaddr's text can go into JSON, a log or a terminal. `error` (may be NULL) names the part that
 * is wrong and what it takes. WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED (unknown protocol name, or a
 * peer id of an unknown kind), WPM_ERR_TOO_LARGE. */
WPM_API WPM_MUST_USE int wpm_multiaddr_parse(wpm_text text, wpm_multiaddr *out, wpm_error *error);

/* Writes the canonical text, NUL-terminated; *len (may be NULL) gets its length without the NUL.
 * `error` may be NULL. WPM_ERR_INVALID, WPM_ERR_TRUNCATED, WPM_ERR_UNSUPPORTED (unknown code),
 * WPM_ERR_NO_SPACE. */
WPM_API WPM_MUST_USE int wpm_multiaddr_format(wpm_bytes addr, char *out, size_t cap, size_t *len,
                                              wpm_error *error);

/* Checks a binary multiaddr whole: every code known, every value well formed, varints minimal.
 * WPM_ERR_INVALID, WPM_ERR_TRUNCATED, WPM_ERR_UNSUPPORTED, WPM_ERR_TOO_LARGE. */
WPM_API WPM_MUST_USE int wpm_multiaddr_check(wpm_bytes addr);

/* Splits a trailing `/p2p/ID` off: *transport gets the part before it (a view into `addr`; the
 * whole where there is none), *peer the id bytes (empty where there is none). An id before a
 * `/p2p-circuit` names the relay and stays. Errors as wpm_multiaddr_check. */
WPM_API WPM_MUST_USE int wpm_multiaddr_split_peer(wpm_bytes addr, wpm_bytes *transport,
                                                  wpm_bytes *peer);

/* Appends `/p2p/ID`; `transport` may lie in *out. WPM_ERR_INVALID (empty id), WPM_ERR_TOO_LARGE. */
WPM_API WPM_MUST_USE int wpm_multiaddr_with_peer(wpm_bytes transport, wpm_bytes peer,
                                                 wpm_multiaddr *out);

/* ---- closed sets ----------------------------------------------------------------------------- */

/* 27/WAKU2-PEERS, Peer connectivity. Values as nwaku persists them. */
typedef enum wpm_connectivity {
  WPM_NOT_CONNECTED = 0,  /* Discovered or configured; no attempt was ever made. */
  WPM_CANNOT_CONNECT = 1, /* The last attempt failed, or the connection was lost. */
  WPM_CAN_CONNECT = 2,    /* Was connected; that connection was ended on purpose. */
  WPM_CONNECTED = 3       /* A connection is live. */
} wpm_connectivity;
#define WPM_CONNECTIVITY_COUNT 4

/* Why the last contact ended. */
typedef enum wpm_reason {
  WPM_REASON_NONE = 0,
  /* Ended on purpose: CanConnect. */
  WPM_REASON_LOCAL_CLOSE,      /* We closed it; the host chose to, or another store says no more. */
  WPM_REASON_CROWDED,          /* We closed it: there were too many connections. */
  WPM_REASON_FEELER,           /* We closed it: it was a trial, and the peer is there (a feeler). */
  WPM_REASON_ROTATED,          /* We closed it: another outbound relay peer gets its place. */
  WPM_REASON_SURPLUS,          /* We closed it: we had dialled one that we do not need. */
  WPM_REASON_DUPLICATE,        /* We closed it: another connection with the peer lives on. */
  WPM_REASON_THIRD_CONNECTION, /* We refused it: there were two with the peer. */
  WPM_REASON_LATE_DIAL,        /* We refused it: the dial that it comes from was over. */
  WPM_REASON_NO_PLACE,         /* We refused it: all places were taken, or kept for others. */
  WPM_REASON_STORE_FULL,       /* We refused it: of the peers held, none might be evicted. */
  WPM_REASON_INBOUND_PER_IP,   /* We refused it: too many from its IP address were connected. */
  WPM_REASON_INBOUND_PER_NETWORK, /* We refused it: too many from its network were. */
  WPM_REASON_INBOUND_PACE,        /* We refused it: so many attempts in so short a time. */
  WPM_REASON_BANNED,              /* We closed or refused it: the peer is banned. */
  WPM_REASON_RANGE_BANNED,        /* We closed or refused it: its address is in a banned range. */
  WPM_REASON_SELF,                /* We refused it: it is ourselves. */
  WPM_REASON_PERSON,              /* A person asked us to close it. */
  WPM_REASON_SHUTDOWN,            /* We stopped. */
  WPM_REASON_CLUSTER_MISMATCH,    /* We closed it: its Waku metadata names another cluster. */
  WPM_REASON_GO_AWAY,             /* They sent a go-away with a code other than 1 and 2. */
  WPM_REASON_EOF,                 /* They ended the stream between two frames. */
  WPM_REASON_RESET,               /* A TCP reset between two frames (how go-libp2p closes). */
  /* Lost or never made: CannotConnect. */
  WPM_REASON_GO_AWAY_ERROR,       /* They sent go-away code 1 (protocol) or 2 (internal error). */
  WPM_REASON_TRUNCATED,           /* The end came inside a Noise message or muxer frame. */
  WPM_REASON_PING_TIMEOUT,        /* Two pings in a row met with silence. */
  WPM_REASON_TIMED_OUT,           /* TCP gave up (ETIMEDOUT). */
  WPM_REASON_UNREACHABLE,         /* No route to its host or network. */
  WPM_REASON_REFUSED,             /* Nobody listens on that port. */
  WPM_REASON_DIAL_TIMEOUT,        /* A step of the upgrade did not end in time. */
  WPM_REASON_NAME_NOT_FOUND,      /* Its name does not resolve. */
  WPM_REASON_UPGRADE_CLOSED,      /* They closed during the upgrade. */
  WPM_REASON_NEGOTIATION_FAILED,  /* No security or muxer protocol in common. */
  WPM_REASON_HANDSHAKE_FAILED,    /* The security handshake did not verify. */
  WPM_REASON_PEER_ID_MISMATCH,    /* It proved another identity than the one dialled. */
  WPM_REASON_PROTOCOL_VIOLATION,  /* It broke a protocol or a limit. */
  WPM_REASON_UNSUPPORTED_ADDRESS, /* No transport of ours reaches any of its addresses. */
  WPM_REASON_CRASH,               /* We died while connected. */
  WPM_REASON_IMPORTED,            /* Told by another client's store: the end is not known. */
  /* Ours alone; never held against the peer. */
  WPM_REASON_LOCAL_FAILURE /* Descriptors or memory ran out, or our network is down. */
} wpm_reason;
#define WPM_REASON_COUNT (WPM_REASON_LOCAL_FAILURE + 1)

/* How we came to know of the peer (nwaku's PeerOrigin; its names). */
typedef enum wpm_origin {
  WPM_ORIGIN_UNKNOWN = 0,
  WPM_ORIGIN_DISCV5,
  WPM_ORIGIN_STATIC,
  WPM_ORIGIN_PEER_EXCHANGE,
  WPM_ORIGIN_DNS
} wpm_origin;
#define WPM_ORIGIN_COUNT 5

typedef enum wpm_direction {
  WPM_DIRECTION_NONE = 0,
  WPM_INBOUND = 1, /* They dialled. */
  WPM_OUTBOUND = 2 /* We dialled. */
} wpm_direction;
#define WPM_DIRECTION_COUNT 3

/* Who gave us an address, most trusted last. */
typedef enum wpm_address_source {
  WPM_SOURCE_UNKNOWN = 0,   /* Nobody said. */
  WPM_SOURCE_IMPORT,        /* Another client's store, or a list. */
  WPM_SOURCE_PEER_EXCHANGE, /* Another peer, by Waku or GossipSub peer exchange. */
  WPM_SOURCE_DISCV5,        /* Discovery v5. */
  WPM_SOURCE_DNS,           /* DNS discovery. */
  WPM_SOURCE_IDENTIFY,      /* The peer itself, by identify or a signed peer record. */
  WPM_SOURCE_PERSON,        /* A person (REST, `peers add`). */
  WPM_SOURCE_CONFIG         /* Our configuration (a static node). */
} wpm_address_source;
#define WPM_ADDRESS_SOURCE_COUNT 8

/* How sure it is that an address is the peer's, surest last. */
typedef enum wpm_confidence {
  WPM_CONFIDENCE_HEARD = 0,  /* Someone said so. */
  WPM_CONFIDENCE_DIALLED,    /* A dial to it once reached the peer. */
  WPM_CONFIDENCE_IDENTIFIED, /* The peer itself said so, by identify. */
  WPM_CONFIDENCE_CERTIFIED,  /* The peer signed it: its current signed peer record names it. */
  WPM_CONFIDENCE_CONNECTED   /* A live connection of ours was dialled to it. */
} wpm_confidence;
#define WPM_CONFIDENCE_COUNT 5

/* Why a peer left the store, or an update reached it. */
typedef enum wpm_cause {
  WPM_CAUSE_FACT = 0,    /* A fact about the peer. */
  WPM_CAUSE_PERSON,      /* A person asked for it, or the embedding program. */
  WPM_CAUSE_UNREACHABLE, /* Evicted for a newcomer: never reached, and tries failed or it has no
                              address. */
  WPM_CAUSE_UNTRIED,     /* Evicted for a newcomer: nobody ever tried it. */
  WPM_CAUSE_LOST,        /* Evicted for a newcomer: it was held once and then lost. */
  WPM_CAUSE_PARTED       /* Evicted for a newcomer: it was held and parted from on purpose. */
} wpm_cause;
#define WPM_CAUSE_COUNT 6

/* Where on the way to a usable connection something happened. */
typedef enum wpm_step {
  WPM_STEP_NONE = 0,
  WPM_STEP_ADDRESS,   /* Choosing an address that a transport of ours reaches. */
  WPM_STEP_RESOLVE,   /* DNS. */
  WPM_STEP_CONNECT,   /* TCP connect. */
  WPM_STEP_SECURITY,  /* Agreeing on a security protocol. */
  WPM_STEP_HANDSHAKE, /* The Noise handshake. */
  WPM_STEP_MUXER,     /* Agreeing on a muxer. */
  WPM_STEP_IDENTIFY,  /* The identify exchange. */
  WPM_STEP_METADATA,  /* The Waku metadata exchange. */
  WPM_STEP_PING       /* Ping. */
} wpm_step;
#define WPM_STEP_COUNT 10

/* Whether the peer is of our cluster, by Waku metadata (66/WAKU2-METADATA). */
typedef enum wpm_cluster_match {
  WPM_CLUSTER_UNKNOWN = 0, /* It has not said, or one of the two is 0. */
  WPM_CLUSTER_MATCH,
  WPM_CLUSTER_MISMATCH /* Both given, both non-zero, unequal. */
} wpm_cluster_match;
#define WPM_CLUSTER_MATCH_COUNT 3

/* What our machine has too little of. */
typedef enum wpm_shortage {
  WPM_SHORTAGE_DESCRIPTORS = 0, /* No file descriptor could be had. */
  WPM_SHORTAGE_MEMORY           /* No memory could be had. */
} wpm_shortage;
#define WPM_SHORTAGE_COUNT 2

/* The closed set's word for a value, e.g. "CannotConnect", "ping_timeout", "Static", "outbound",
 * "identify", "handshake". Static text; "?" for a value outside the set. */
WPM_API const char *wpm_connectivity_name(wpm_connectivity value);
WPM_API const char *wpm_reason_name(wpm_reason value);
WPM_API const char *wpm_origin_name(wpm_origin value);
WPM_API const char *wpm_direction_name(wpm_direction value);
WPM_API const char *wpm_address_source_name(wpm_address_source value);
WPM_API const char *wpm_confidence_name(wpm_confidence value);
WPM_API const char *wpm_cause_name(wpm_cause value);
WPM_API const char *wpm_step_name(wpm_step value);
WPM_API const char *wpm_cluster_match_name(wpm_cluster_match value);
WPM_API const char *wpm_shortage_name(wpm_shortage value);

/* The connectivity that an ended contact leaves behind, by the rule of 27/WAKU2-PEERS:
 * CanConnect for an end on purpose, CannotConnect for an attempt that failed or a connection that
 * was lost. WPM_REASON_NONE and WPM_REASON_LOCAL_FAILURE: WPM_NOT_CONNECTED (they decide nothing). */
WPM_API wpm_connectivity wpm_reason_leaves(wpm_reason reason);

/* ---- the record of one peer ------------------------------------------------------------------ */

/* Times to live of addresses, by go-libp2p's names and values (core/peerstore). Any other span in
 * nanoseconds is a time to live too. */
#define WPM_TTL_PERMANENT INT64_MAX            /* PermanentAddrTTL: never expires. */
#define WPM_TTL_CONNECTED (INT64_MAX - 1)      /* ConnectedAddrTTL: while connected. */
#define WPM_TTL_RECENT (15 * WPM_MINUTE)       /* RecentlyConnectedAddrTTL. */
#define WPM_TTL_OWN_OBSERVED (30 * WPM_MINUTE) /* OwnObservedAddrTTL. */
#define WPM_TTL_ADDRESS WPM_HOUR               /* AddressTTL. */
#define WPM_TTL_TEMPORARY (2 * WPM_MINUTE)     /* TempAddrTTL. */
/* No time to live of its own: whether it stays is decided by its quality alone. */
#define WPM_TTL_QUALITY INT64_C(0)

/* One dialable address of a peer. */
typedef struct wpm_address {
  wpm_bytes multiaddr;       /* Binary, without the `/p2p/` of its own peer. */
  wpm_address_source source; /* Who gave it; the most trusted of all who did. */
  bool identified;           /* The peer named it by identify. */
  bool certified;            /* The peer's signed record names it. */
  wpm_confidence confidence; /* How sure it is: derived, not read when a record is put. */
  wpm_wall first_seen;       /* When it was first given, in whole seconds; WPM_WALL_NONE: not known.
                                Kept from 1970 to 2106. */
  wpm_wall last_seen;    /* When it was last given, in whole seconds; WPM_WALL_NONE: not known. */
  wpm_wall last_success; /* When a dial to it last succeeded; WPM_WALL_NONE: never. */
  wpm_wall last_failure; /* When a dial to it last failed; WPM_WALL_NONE: never. */
  int64_t ttl_ns;        /* Its time to live: WPM_TTL_…, or any span. */
  wpm_wall expires;      /* When that is over, to the nanosecond; WPM_WALL_NONE: by the clock
                                never (permanent, connected, by quality). */
} wpm_address;

/* A tag on a peer: why it matters to someone. */
typedef struct wpm_tag {
  wpm_text name;        /* Who or why, e.g. "relay-mesh". */
  int32_t value;        /* How much. */
  bool protects;        /* Keeps the peer from being evicted. */
  wpm_wall expires;     /* When it goes, and its protection with it; WPM_WALL_NONE: never. */
  int64_t half_life_ns; /* The value fades, half of it in this span; 0: it stays. One that has faded
                           to 0 goes, unless it protects. */
} wpm_tag;

/* One entry of a peer's application map. */
typedef struct wpm_app_entry {
  wpm_text key;    /* UTF-8 or any bytes; 1 … 255 of them. */
  wpm_bytes value; /* Any bytes. */
} wpm_app_entry;

/* All that is known of one peer: the five fields that 27/WAKU2-PEERS recommends (public key,
 * addresses, protocols, connectivity, disconnect time), and more. As returned by the store it is a
 * view: pointers last until the next call on the store. */
typedef struct wpm_peer_record {
  wpm_bytes id;                 /* The peer id, binary. Never changes. */
  wpm_bytes public_key;         /* libp2p PublicKey protobuf; empty: not known. */
  const wpm_address *addresses; /* Dialable addresses, oldest first. */
  size_t address_count;         /* Number of addresses. */
  wpm_bytes observed_address;   /* Remote address of its last inbound connection; never dialled. */
  const wpm_text *protocols;    /* Protocol ids it last announced by identify, sorted bytewise. */
  size_t protocol_count;        /* Number of protocols. */
  bool protocols_known;         /* Identify has answered at least once. */
  wpm_text agent;               /* Agent version by identify; empty: not known. */
  wpm_text protocol_version;    /* Protocol version by identify; empty: not known. */
  bool metadata_known;          /* Waku metadata has been answered at least once. */
  uint32_t cluster_id;          /* Its cluster by Waku metadata, else by its ENR; 0: not known. */
  const uint16_t *shards;       /* Its shards, from where the cluster is, ascending. */
  size_t shard_count;           /* Number of shards. */
  bool capabilities_known;      /* Its ENR names its capabilities. */
  uint8_t capabilities;     /* The `waku2` field of its ENR (31/WAKU2-ENR): bit 0 relay, 1 store,
                                    2 filter, 3 lightpush, 4 sync, 5 mix. */
  wpm_bytes enr;            /* Its Ethereum Node Record (EIP-778), RLP; empty: not known. */
  uint64_t enr_sequence;    /* The record's sequence number. */
  wpm_bytes signed_record;  /* Its signed peer record, the whole envelope; empty: none. */
  uint64_t signed_sequence; /* The signed record's sequence number. */
  wpm_connectivity connectivity; /* Derived: see the rules of store.h. */
  wpm_reason reason;             /* Why the last contact ended; NONE: there was none. */
  wpm_wall disconnect_time;      /* When it last disconnected; WPM_WALL_NONE: never. */
  wpm_wall connected_time;       /* When the last connection began; WPM_WALL_NONE: never. */
  wpm_origin origin;             /* How we came to know of it. */
  wpm_direction direction;       /* Direction of the live, or the last, connection. */
  uint32_t failures;             /* Failed attempts since the last stable connection. */
  wpm_wall first_failure;        /* Time of the first of those; WPM_WALL_NONE: none. */
  wpm_wall last_failure;         /* Time of the last failed attempt ever; WPM_WALL_NONE: none. */
  int64_t rtt_ns;                /* Last ping round trip in ns; WPM_SPAN_NONE: not measured. */
  bool is_static;                /* A static node: configured, or added by a person. */
  bool held;                     /* We had a connection with it at least once. */
  bool held_off;                 /* A person disconnected it: not dialled until one connects it. */
  wpm_wait prune_backoff;        /* The GossipSub prune backoff after its last disconnect. */
  wpm_wait retry_delay;          /* Our delay after failed attempts. */
  wpm_wait mismatch_delay;       /* The delay after it turned out to be of another cluster. */
  wpm_wait ban;                  /* A ban; length_ns INT64_MAX: without end. */
  int32_t score;                 /* The host's judgement, higher is better; 0: none. */
  const wpm_tag *tags;           /* Sorted bytewise by name. */
  size_t tag_count;              /* Number of tags. */
  const wpm_app_entry *app;      /* The application map, sorted bytewise by key. */
  size_t app_count;              /* Number of its entries. */
} wpm_peer_record;

/* Parts of a record, as bits: what an update changed. */
enum {
  WPM_FIELD_KEY = 1u << 0,       /* public_key */
  WPM_FIELD_ADDRESSES = 1u << 1, /* addresses, but for the times of their dials */
  WPM_FIELD_ADDRESS_TIMES =
      1u << 2,                  /* last_success, last_failure, first_seen, last_seen of addresses */
  WPM_FIELD_OBSERVED = 1u << 3, /* observed_address */
  WPM_FIELD_PROTOCOLS = 1u << 4,      /* protocols, protocols_known */
  WPM_FIELD_AGENT = 1u << 5,          /* agent, protocol_version */
  WPM_FIELD_METADATA = 1u << 6,       /* metadata_known, cluster_id, shards, capabilities, enr */
  WPM_FIELD_CONNECTIVITY = 1u << 7,   /* connectivity, reason, disconnect_time, connected_time,
                                       direction, held */
  WPM_FIELD_FAILURES = 1u << 8,       /* failures, first_failure, last_failure, retry_delay */
  WPM_FIELD_RTT = 1u << 9,            /* rtt_ns */
  WPM_FIELD_PRUNE_BACKOFF = 1u << 10, /* prune_backoff */
  WPM_FIELD_BAN = 1u << 11,           /* ban */
  WPM_FIELD_INTENT = 1u << 12,        /* is_static, held_off, origin, mismatch_delay */
  WPM_FIELD_TAGS = 1u << 13,          /* tags, score */
  WPM_FIELD_APP = 1u << 14,           /* app */
  WPM_FIELD_SIGNED_RECORD = 1u << 15  /* signed_record */
};
#define WPM_FIELD_ALL 0xffffu
/* Those that change often, on contact: stored apart, in a narrow row. */
#define WPM_FIELD_CONTACT                                                                          \
  (WPM_FIELD_CONNECTIVITY | WPM_FIELD_FAILURES | WPM_FIELD_RTT | WPM_FIELD_PRUNE_BACKOFF)

/* ---- logging --------------------------------------------------------------------------------- */

typedef enum wpm_log_level {
  WPM_LOG_TRACE = 0,
  WPM_LOG_DEBUG,
  WPM_LOG_INFO,
  WPM_LOG_NOTICE,
  WPM_LOG_WARN,
  WPM_LOG_ERROR,
  WPM_LOG_FATAL
} wpm_log_level;
#define WPM_LOG_LEVEL_COUNT 7

/* "trace" … "fatal"; "?" outside the set. */
WPM_API const char *wpm_log_level_name(wpm_log_level level);

/* Takes one message. `topic` names the module ("net", "store", …), `text` the whole sentence; both
 * last for the call only. Called on the thread that owns the object. Must not call back in. */
typedef void (*wpm_log_fn)(void *user, wpm_log_level level, const char *topic, const char *text);

typedef struct wpm_logger {
  wpm_log_fn log;        /* NULL: nothing is logged. */
  void *user;            /* Passed to `log`. */
  wpm_log_level minimum; /* Messages below it are not even formatted. */
} wpm_logger;

#ifdef __cplusplus
}
#endif

#endif
