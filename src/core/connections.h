/* The table of connections, by the host's number and by slot.
 *
 * - A connection is *live* from CONNECTED until it ends; it ends when the host says so
 *   (DISCONNECTED) or when we decide to close it: then it counts as ended at once, and its entry
 *   stays only until the host confirms, so that what it still says is known to be late.
 * - A refused connection was never live.
 *
 * wakupeers' own: 27/WAKU2-PEERS knows the states of a peer, not those of its connections.
 */
#ifndef WPM_CORE_CONNECTIONS_H
#define WPM_CORE_CONNECTIONS_H

#include "core/manager.h"
#include "core/round_trip.h"

/* Its part in settling two connections with one peer (core/duplicate.h). */
typedef enum wpm_trial {
  WPM_TRIAL_NONE = 0,
  WPM_TRIAL_WINNER, /* Won a race; must show that it lives. */
  WPM_TRIAL_LOSER,  /* Lost a race. */
  WPM_TRIAL_OLDER,  /* The older of two that do not race; must show that it lives. */
  WPM_TRIAL_NEWER   /* The newer of such two. */
} wpm_trial;

#define WPM_NO_ORIGIN UINT32_MAX

struct wpm_connection {
  wpm_connection_id id; /* The host's number. */
  uint32_t slot;        /* Ours. */
  uint32_t peer;        /* Slot of its peer while live; WPM_SLOT_NONE: ended or refused. */
  wpm_mono began;       /* When it came up. */
  wpm_mono heard_at;    /* When the last byte came. */
  wpm_mono ping_sent;   /* When the last ping went. */
  wpm_mono trial_began; /* When the two began to be settled. */
  int64_t ping_span;    /* Silence after which the next ping goes: the interval, jittered. */
  int64_t tested_ns;    /* Silence before the ping that is not answered yet; 0: it tests none. */
  wpm_round_trip round_trip; /* What its pings measured. */
  uint32_t next;             /* Behind it in the queue of pending actions. */
  uint8_t remote[16];        /* Its IP address, */
  bool has_remote;           /* where it has one. */
  uint32_t origins[2]; /* Inbound: its address and network (core/inbound.h); WPM_NO_ORIGIN: none. */
  wpm_trial trial;
  wpm_direction direction;
  wpm_reason close_reason; /* Why we close it. */
  uint8_t pending;         /* WPM_PENDING_… */
  uint8_t path;            /* What it is reached on (core/idle.h). */
  uint8_t misses;          /* Pings in a row that met with silence. */
  bool queued;             /* It is in the queue of pending actions. */
  bool awaiting;           /* A ping went and nothing came since. */
  bool stretched;          /* Its silence is a longer one that is tried (core/idle.h). */
  bool probed;             /* That ping went as a gap was over: it is to be answered soon. */
  bool trial_heard;        /* Something came since the trial began. */
  bool stable;             /* It has lived for stable_after. */
  uint8_t shown;           /* A wpm_path that it shows to work; WPM_PATH_NONE: none. */
  bool gone;               /* The host has confirmed its end; freed once out of the queue. */
  uint8_t peer_id_len;
  uint8_t peer_id[]; /* Its peer, which the store may no longer hold. */
};

void wpm_connections_init(wpm_manager *m);
void wpm_connections_fini(wpm_manager *m);

/* The connection with the host's number, or NULL. */
wpm_connection *wpm_connection_find(const wpm_manager *m, wpm_connection_id id);

/* Enters a connection, not live yet, whose number is not in use. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_connection_enter(wpm_manager *m, wpm_connection_id id, wpm_bytes peer,
                                      wpm_direction direction, wpm_mono now, wpm_connection **out);

/* Takes it out of the table; it must not be live. */
void wpm_connection_leave(wpm_manager *m, wpm_connection *connection);

/* Frees it, once it has left and is not queued. */
void wpm_connection_free_slot(wpm_manager *m, wpm_connection *connection);

/* Asks the host to close it; it must not be live (any more). */
void wpm_connection_close(wpm_manager *m, wpm_connection *connection, wpm_reason reason);

static inline wpm_bytes wpm_connection_peer_id(const wpm_connection *connection) {
  return (wpm_bytes){connection->peer_id, connection->peer_id_len};
}

#endif
