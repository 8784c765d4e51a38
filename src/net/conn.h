/* A connection, from the first byte of its upgrade to its end. Internal to net: host.h is what
 * others see.
 *
 * The upgrade goes RESOLVE → CONNECT → SECURITY → HANDSHAKE → MUXER → up. A connection may be ended
 * from inside any of its own callbacks: its memory stays until the last of the calls that are at work
 * on it (`busy`) has left.
 */
#ifndef WPM_NET_CONN_H
#define WPM_NET_CONN_H

#include "net/host.h"
#include "net/link.h"
#include "net/security.h"
#include "net/stream.h"

/* What only an upgrade needs. */
typedef struct wpm_upgrade {
  wpm_conn *owner;             /* The connection. */
  wpm_step step;               /* What it is doing. */
  wpm_multistream negotiation; /* Of the security protocol, then of the muxer. */
  wpm_buffer pending;          /* Bytes received, not yet dealt with. */
  wpm_deadline deadline;       /* Of the whole upgrade. */
  uint64_t started_ns;         /* uv_hrtime() at its start. */
  struct wpm_resolve *resolve; /* A look-up under way. */
  wpm_dial *dial;              /* The dial it belongs to; NULL: inbound. */
  size_t target;               /* Which of the dial's targets. */
} wpm_upgrade;

struct wpm_conn {
  wpm_host *host;
  wpm_conn *previous, *next; /* In the host's list. */
  wpm_link *link;            /* NULL before connecting and after the end. */
  wpm_upgrade *upgrade;      /* NULL once it is up. */
  const wpm_security_type *security_type;
  wpm_security *security; /* NULL before the handshake. */
  const wpm_muxer_type *muxer_type;
  wpm_muxer *muxer;          /* NULL until it is up. */
  wpm_buffer in;             /* A partial message of the security layer. */
  wpm_buffer out;            /* Frames to be sealed and sent. */
  wpm_stream *streams;       /* Open streams. */
  size_t stream_count;       /* Their number. */
  wpm_stream *identify;      /* Our identify request under way. */
  wpm_stream *metadata;      /* Our metadata request under way. */
  struct wpm_pinger *pinger; /* Our pings; NULL until the first. */
  uint8_t ping_responders;   /* Inbound ping streams open. */
  uint8_t push_readers;      /* Inbound identify pushes being read. */
  wpm_direction direction;
  unsigned busy;         /* How many calls are at work on it. */
  bool dead;             /* Ended; freed when no longer busy. */
  bool go_away_received; /* They said goodbye. */
  uint32_t go_away_code; /* With this code. */
  uint64_t upgrade_ns;   /* How long the upgrade took. */
  void *user;            /* The owner's. */
  uint8_t *facts;        /* One allocation: the views below. */
  wpm_bytes peer, public_key, local, remote, dialled;
};

#define WPM_PROTOCOLS_MAX 4 /* Room for security protocols and for muxers. */

/* Everything of a host (internal). */
struct wpm_host {
  wpm_host_config config;
  wpm_link_pool links;
  wpm_noise_static noise_static;
  wpm_deadline_queue upgrades;   /* Upgrade deadlines. */
  wpm_deadline_queue streams;    /* Stream deadlines. */
  wpm_deadline_queue staggers;   /* When a dial tries its next address. */
  wpm_deadline_queue failures;   /* Dials that failed before they began, to be told next turn. */
  wpm_deadline_queue idle_pings; /* When a ping stream kept open is closed. */
  wpm_buffer wire;               /* Scratch: sealed bytes on their way to a link. */
  wpm_buffer scratch;            /* Scratch: negotiation lines, small messages. */
  wpm_conn *connections;         /* All, upgrading ones included. */
  size_t connection_count;       /* Their number. */
  size_t inbound_upgrades;       /* Inbound upgrades in progress. */
  struct wpm_listener *listeners;
  wpm_dial *dials;                                      /* Dials under way. */
  size_t resolves;                                      /* Look-ups that libuv still works on. */
  const wpm_muxer_type *muxer_types[WPM_PROTOCOLS_MAX]; /* By preference. */
  wpm_text muxers[WPM_PROTOCOLS_MAX];                   /* Their protocol ids. */
  size_t muxer_count;
  wpm_text securities[WPM_PROTOCOLS_MAX]; /* Security protocol ids, by preference. */
  size_t security_count;
  wpm_multiaddr announced[WPM_HOST_ANNOUNCED_MAX];
  size_t announced_count;
  uint64_t announced_until; /* On uv_now()'s clock: when to look again. */
  wpm_buffer record;        /* The signed record of those addresses; empty: none. */
  wpm_host_counters counters;
  size_t handles; /* libuv handles (timers, listeners) still held. */
  bool stopping;
  bool queues_closing; /* The timers are going: the last step of stopping. */
  void (*stopped)(void *user);
  void *stopped_user;
};

extern const wpm_muxer_type *const wpm_muxer_types[]; /* NULL-terminated, by preference. */

/* A new connection in the host's list, with its deadline set. WPM_ERR_NO_MEMORY, WPM_ERR_FULL. */
WPM_MUST_USE int wpm_conn_new(wpm_host *host, wpm_direction direction, wpm_dial *dial,
                              size_t target, wpm_conn **out);
/* Connects to a socket address. 0 or libuv's error; then the caller ends it. */
int wpm_conn_connect(wpm_conn *conn, const struct sockaddr *address);
/* Takes the next connection of a listener and begins its upgrade, or closes it where a cap is
 * reached. False: there is no memory even for that, and it was not taken. */
WPM_MUST_USE bool wpm_conn_accept(wpm_host *host, uv_stream_t *listener);
/* Ends it with a reason and tells who must know (the dial, or the host's owner). */
void wpm_conn_fail(wpm_conn *conn, wpm_reason reason, const char *detail);
/* Ends it and tells nobody. `gently`: see link.h. */
void wpm_conn_drop(wpm_conn *conn, bool gently);
/* Around everything that works on a connection and may end it: its memory stays until the last
 * leave, which also sends what waits. */
void wpm_conn_enter(wpm_conn *conn);
void wpm_conn_leave(wpm_conn *conn);
/* Sends what waits in `out`; not while somebody is at work on it: then it is sent on leaving. */
void wpm_conn_flush(wpm_conn *conn);
/* The deadline of an upgrade has passed. */
void wpm_conn_upgrade_timeout(wpm_deadline *deadline);
/* A stream's deadline has passed. */
void wpm_stream_timeout(wpm_deadline *deadline);

/* dial.c: an attempt of a dial succeeded (the other attempts are dropped and the dial is freed
 * after `connected` was told) or failed. */
void wpm_dial_succeeded(wpm_dial *dial, wpm_conn *conn);
void wpm_dial_attempt_failed(wpm_dial *dial, size_t index, const wpm_end *end,
                             wpm_bytes other_peer);
/* The id that a dial's attempts must prove. */
wpm_bytes wpm_dial_peer(const wpm_dial *dial);
wpm_bytes wpm_dial_target_address(const wpm_dial *dial, size_t index);
/* libuv said so of our own machine: where something ran short, that is counted. */
void wpm_host_note_shortage(wpm_host *host, int uv_error);

void wpm_dial_stagger_passed(wpm_deadline *deadline);
void wpm_dial_failure_due(wpm_deadline *deadline);
/* Lets a look-up run out unheard. */
void wpm_resolve_abandon(struct wpm_resolve *resolve);

/* host.c: something of the host that libuv held is gone. */
void wpm_host_check_stopped(wpm_host *host);
void wpm_host_handle_closed(uv_handle_t *handle);

/* services.c: the protocols we speak, as listener. */
extern const wpm_stream_type *const wpm_stream_handlers[]; /* NULL-terminated. */
extern const wpm_text wpm_stream_handler_ids[];            /* Their protocol ids, in order. */
size_t wpm_stream_handler_count(void);
/* pinger.c: the connection is going: frees its pinger (its stream has ended). */
void wpm_pinger_free(struct wpm_pinger *pinger);
/* A ping stream kept open has not been used for WPM_PING_STREAM_KEPT. */
#define WPM_PING_STREAM_KEPT (5 * WPM_SECOND)
void wpm_pinger_idle(wpm_deadline *deadline);
/* A muxer pong came. */
void wpm_pinger_muxer_pong(wpm_conn *conn, uint32_t value);

#endif
