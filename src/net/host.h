/* Real connections on libuv: dial, listen, upgrade, streams.
 *
 * - A connection is a stack: a transport (TCP) → a security protocol (/noise) → a muxer (yamux,
 *   mplex) → streams. Each kind is a table of functions: a new one is a new file and one line in a
 *   table (link.h, security.h, proto/muxer.h).
 * - A connection is told of only when its upgrade is complete. An upgrade as a whole, inbound too,
 *   has the dial timeout; what it was doing when that ran out is reported.
 * - Everything is capped: inbound upgrades in progress, streams per connection and direction, bytes
 *   waiting to be sent, bytes received but not dealt with. A cap that is reached ends the one
 *   connection or stream that reached it, with a reason.
 * - What net does by itself is mechanism only: whom to dial, when to ping and what to close is
 *   decided above.
 * - One thread: the loop's. Callbacks may call any function here but wpm_host_free. A call that
 *   sends may find the connection failed, and then tells `closed` before it returns.
 * - The process must ignore SIGPIPE: libuv writes without hindering it.
 */
#ifndef WPM_NET_HOST_H
#define WPM_NET_HOST_H

#include "proto/crypto.h"
#include "proto/identify.h"
#include "proto/metadata.h"

#include <uv.h>

typedef struct wpm_host wpm_host;
typedef struct wpm_conn wpm_conn;
typedef struct wpm_dial wpm_dial;

/* How an attempt, or a connection, ended. */
typedef struct wpm_end {
  wpm_reason reason;  /* The closed set's word. */
  wpm_step step;      /* Where an upgrade failed; NONE for a connection that was up. */
  const char *detail; /* One sentence for a person; "" where there is none. For the call only. */
} wpm_end;

/* One address that a dial tried. */
typedef struct wpm_dial_attempt {
  wpm_bytes multiaddr; /* As given. */
  wpm_reason reason;   /* Why it failed. */
} wpm_dial_attempt;

/* Gives `len` bytes of fresh randomness. */
typedef void (*wpm_random_fn)(void *user, uint8_t *out, size_t len);

typedef struct wpm_host_callbacks {
  /* An inbound connection from `remote` was taken: whether its upgrade may begin. NULL: any may. */
  bool (*admit)(void *user, wpm_bytes remote);
  /* A connection is up; `dial` is the dial it came from, NULL for an inbound one. For a dial, this
   * or dial_failed is called exactly once (neither after wpm_dial_cancel). The dial can still be looked
   * at, and is invalid afterwards. */
  void (*connected)(void *user, wpm_conn *conn, wpm_dial *dial);
  /* No address of the dial made a connection; `attempts` says why, one by one. The dial can still be
   * looked at, and is invalid afterwards. */
  void (*dial_failed)(void *user, wpm_dial *dial, const wpm_end *end,
                      const wpm_dial_attempt *attempts, size_t attempt_count);
  /* An inbound connection failed during its upgrade. */
  void (*inbound_failed)(void *user, const wpm_end *end);
  /* A connection that was up has ended, not by wpm_conn_close. It can still be looked at, but
   * neither asked nor closed, and is invalid afterwards. */
  void (*closed)(void *user, wpm_conn *conn, const wpm_end *end);
  /* Bytes came on a connection that is up (once per read, before what they cause). */
  void (*received)(void *user, wpm_conn *conn);
  /* Identify was answered, or pushed. `message` NULL: asked, and not answered. */
  void (*identified)(void *user, wpm_conn *conn, const wpm_identify *message, bool pushed);
  /* Metadata was answered, or came with their request. `message` NULL: asked, and refused or not
   * answered. */
  void (*metadata)(void *user, wpm_conn *conn, const wpm_metadata *message);
  /* A ping was answered. rtt_ns WPM_SPAN_NONE: by something that proves life, but is no echo. */
  void (*pong)(void *user, wpm_conn *conn, int64_t rtt_ns);
} wpm_host_callbacks;

typedef struct wpm_host_config {
  uv_loop_t *loop;                     /* Must outlive the host. */
  const wpm_logger *logger;            /* May be NULL. */
  wpm_crypto *crypto;                  /* Must outlive the host. */
  const wpm_identity *identity;        /* Ours; must outlive the host. */
  wpm_random_fn random;                /* Source of ephemeral keys and ping payloads. */
  const wpm_host_callbacks *callbacks; /* Must outlive the host. */
  void *user;                          /* Passed to callbacks and random. */
  wpm_text agent;                      /* Agent version for identify; must outlive the host. */
  wpm_text protocol_version;           /* Protocol version for identify; likewise. */
  const wpm_metadata *metadata;        /* What we answer to metadata requests; likewise. */
  int64_t upgrade_timeout_ns;          /* The whole upgrade, dialling and inbound. */
  int64_t stream_timeout_ns;           /* One negotiation, identify or metadata exchange. */
  size_t max_inbound_upgrades;         /* Inbound upgrades in progress. */
  size_t max_connections;              /* Connections in all, upgrades included: the last guard
                                          of descriptors; the policy's limit lies below it. Closed
                                          ones that still linger give way to new ones. */
  uint32_t max_inbound_streams;        /* Streams a peer may have open per connection. */
  size_t max_unsent;                   /* Bytes waiting to be sent per connection. */
} wpm_host_config;

/* Sets the limits and time-outs; the rest is zero. */
void wpm_host_config_default(wpm_host_config *config);

/* WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_host_new(const wpm_host_config *config, wpm_host **out);

/* Says goodbye on every connection, ends listeners and dials (no callback comes for them any more),
 * and calls `stopped` when nothing of the host is left on the loop; then it may be freed. */
void wpm_host_stop(wpm_host *host, void (*stopped)(void *user), void *user);
void wpm_host_free(wpm_host *host); /* NULL is allowed. */

/* ---- listening ------------------------------------------------------------------------------- */

/* Listens on `/ip4|ip6|dns|dns4|dns6/…/tcp/PORT` (names are looked up before it returns). Port 0:
 * any free one. WPM_ERR_UNSUPPORTED, WPM_ERR_IO, WPM_ERR_NO_MEMORY, WPM_ERR_INVALID; *error says it
 * in words. */
WPM_MUST_USE int wpm_host_listen(wpm_host *host, wpm_bytes multiaddr, wpm_error *error);

/* The `index`-th address really bound (real port). False behind the last. */
bool wpm_host_listen_address(const wpm_host *host, size_t index, wpm_bytes *out);

#define WPM_HOST_ANNOUNCED_MAX 16

/* Addresses that identify announces: the bound ones, wildcards replaced by those of the machine's
 * interfaces (read anew where they are older than two seconds). *out lasts until the next call;
 * returns how many, at most WPM_HOST_ANNOUNCED_MAX. */
size_t wpm_host_announced_addresses(wpm_host *host, const wpm_multiaddr **out);

/* Signs a record of these addresses, which identify carries from now on beside them where there is
 * room (libp2p/specs identify, RFC 0003). `sequence` must be higher than that of each record this
 * identity ever signed. With no address there is no record. WPM_ERR_FULL (longer than a message),
 * WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO; then there is none either. */
WPM_MUST_USE int wpm_host_sign_record(wpm_host *host, uint64_t sequence);

/* ---- dialling -------------------------------------------------------------------------------- */

/* Dials `addresses` in their order, the next when one fails or is slow; the first that is upgraded
 * wins. `peer`: the id it must prove; empty: any. Never calls back before it returns.
 * WPM_ERR_NO_MEMORY, WPM_ERR_FULL (max_connections), WPM_ERR_TOO_LARGE (the id), WPM_ERR_STATE (the
 * host is stopping). With no address that a transport of ours reaches, dial_failed comes with
 * WPM_REASON_UNSUPPORTED_ADDRESS. */
WPM_MUST_USE int wpm_host_dial(wpm_host *host, wpm_bytes peer, const wpm_bytes *addresses,
                               size_t address_count, void *dial_user, wpm_dial **out);
void *wpm_dial_user(const wpm_dial *dial);
/* The id that answered in place of the one dialled; empty: none did. */
wpm_bytes wpm_dial_other_peer(const wpm_dial *dial);
/* Its addresses that have failed so far, at all that they stand for, and why: at most `cap`; returns how
 * many. Neither one not tried yet nor one given up for another that won. Views as the dial lasts. */
size_t wpm_dial_failed(const wpm_dial *dial, wpm_dial_attempt *out, size_t cap);
/* Ends it without a callback; the handle is invalid afterwards. */
void wpm_dial_cancel(wpm_dial *dial);

/* ---- connections ----------------------------------------------------------------------------- */

/* What is known of a connection; views last as it does. */
wpm_bytes wpm_conn_peer(const wpm_conn *conn);       /* Binary peer id. */
wpm_bytes wpm_conn_public_key(const wpm_conn *conn); /* Encoded PublicKey. */
wpm_bytes wpm_conn_local(const wpm_conn *conn);      /* Local multiaddr. */
wpm_bytes wpm_conn_remote(const wpm_conn *conn);     /* Remote multiaddr, as seen. */
wpm_bytes wpm_conn_dialled(const wpm_conn *conn);    /* The address dialled; empty: inbound. */
wpm_direction wpm_conn_direction(const wpm_conn *conn);
const char *wpm_conn_security(const wpm_conn *conn); /* Protocol id. */
const char *wpm_conn_muxer(const wpm_conn *conn);    /* Protocol id. */
uint64_t wpm_conn_upgrade_ns(const wpm_conn *conn);  /* From the start of the dial (of the accept)
                                                          to the end of the upgrade. */
size_t wpm_conn_stream_count(const wpm_conn *conn);

void wpm_conn_set_user(wpm_conn *conn, void *user);
void *wpm_conn_user(const wpm_conn *conn);

/* Says goodbye with `go_away_code` and ends the connection; no callback comes for it any more and
 * the handle is invalid on return. */
void wpm_conn_close(wpm_conn *conn, uint32_t go_away_code);

/* Asks identify (one at a time: a second call while one is under way does nothing), metadata
 * (likewise), sends a ping (in place of one that is not answered yet). The answer comes by callback;
 * after an error none comes. WPM_ERR_NO_MEMORY, WPM_ERR_FULL (a cap of ours on streams or unsent
 * bytes), WPM_ERR_CLOSED (it has ended, or they said goodbye). `keep` leaves the ping stream open
 * for the next ping for a few seconds. */
WPM_MUST_USE int wpm_conn_identify(wpm_conn *conn);
WPM_MUST_USE int wpm_conn_request_metadata(wpm_conn *conn);
WPM_MUST_USE int wpm_conn_ping(wpm_conn *conn, bool keep);

/* Sends our identify message unasked (identify push). Errors as above. */
WPM_MUST_USE int wpm_conn_push_identify(wpm_conn *conn);

/* ---- counters -------------------------------------------------------------------------------- */

typedef struct wpm_host_counters {
  uint64_t inbound_accepted; /* TCP connections accepted. */
  uint64_t inbound_refused;  /* Of these, closed at once because a cap was reached. */
  uint64_t pings_sent;       /* Pings begun. */
  uint64_t pings_received;   /* Pings echoed. */
  uint64_t bytes_received;   /* On the wire. */
  uint64_t bytes_sent;       /* On the wire. */
  uint64_t
      shortages[WPM_SHORTAGE_COUNT]; /* Times that something could not be had of our machine. */
} wpm_host_counters;

wpm_host_counters wpm_host_get_counters(const wpm_host *host);

/* Open streams by protocol id and direction: calls `fn` for each pair that is not zero. */
void wpm_host_count_streams(const wpm_host *host,
                            void (*fn)(void *user, wpm_text protocol, wpm_direction direction,
                                       size_t count),
                            void *user);

#endif
