/* Why the manager does what it does, and what it will do: for people, logs and metrics.
 *
 * - Nothing here changes the manager: what is told follows from the same code that decides.
 * - Every word is of a closed set: the same in the library, REST, the log and metric labels.
 * - A moment that is named holds if nothing else happens: a byte that comes puts a ping off, a place
 *   that others take puts a dial off.
 * - Of a peer that is only one of those from whom some are chosen no dial is named: who is chosen is drawn
 *   when it is time. When that is, the preview tells.
 * - Only the latest events are kept, and only in memory: they are no record of a peer (27/WAKU2-PEERS
 *   asks for none of this; it is wakupeers' own).
 */
#ifndef WAKUPEERS_EXPLAIN_H
#define WAKUPEERS_EXPLAIN_H

#include <wakupeers/manager.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one peer -------------------------------------------------------------------------------- */

/* What the manager will do next about a peer. */
typedef enum wpm_next_action {
  WPM_NEXT_NONE = 0, /* Nothing, until something happens. */
  WPM_NEXT_DIAL,     /* Dial it. */
  WPM_NEXT_PING,     /* Ping it, if no byte comes before. */
  WPM_NEXT_CLOSE,    /* End its connection as lost, if no byte comes before. */
  WPM_NEXT_SETTLE,   /* End one of its two connections. */
  WPM_NEXT_LET_GO    /* End its connection, which was a trial (a feeler). */
} wpm_next_action;
#define WPM_NEXT_ACTION_COUNT 6

/* "none", "dial", "ping", "close", "settle", "let_go"; "?" outside the set. */
WPM_API const char *wpm_next_action_name(wpm_next_action value);

typedef struct wpm_explanation {
  wpm_connectivity state; /* Its connectivity. */
  wpm_reason reason;      /* Why it is not connected; NONE: it is, or was never tried. */
  wpm_next_action
      next;    /* What is done next; NONE also of one that may be chosen (HELD_BY_TARGET). */
  wpm_mono at; /* When; WPM_NEVER: not by time, but when what holds it back changes. */
  wpm_held_by held_by; /* What keeps it from being dialled; NOTHING also while it is connected. */
  wpm_mono until;      /* When that ends; WPM_NEVER: not by time. */
  /* Of its connection, the older where it has two; WPM_SPAN_NONE: it has none, or as said. */
  int64_t ping_interval_ns; /* Longest silence before a ping: as configured, or as learned for its
                               transport; NONE also where no pings are sent. */
  int64_t ping_timeout_ns;  /* Silence after the ping under way, or the next, that is a miss. */
  int64_t rtt_last_ns;      /* Round trip of the last ping; NONE: not measured. */
  int64_t rtt_average_ns;   /* Their average, in which the latest weigh most. */
  int64_t rtt_minimum_ns;   /* The shortest. */
} wpm_explanation;

/* Explains `peer`. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_manager_explain(const wpm_manager *manager, wpm_bytes peer,
                                             wpm_instant now, wpm_explanation *out);

/* ---- the paths of a transport ---------------------------------------------------------------- */

/* What a connection runs over. */
typedef enum wpm_transport {
  WPM_TRANSPORT_TCP = 0,
  WPM_TRANSPORT_WS,   /* WebSocket. */
  WPM_TRANSPORT_WSS,  /* WebSocket over TLS. */
  WPM_TRANSPORT_QUIC, /* Also WebTransport. */
  WPM_TRANSPORT_OTHER /* Relayed connections, and what has no name here. */
} wpm_transport;
#define WPM_TRANSPORT_COUNT 5

/* "tcp", "ws", "wss", "quic", "other"; "?" outside the set. */
WPM_API const char *wpm_transport_name(wpm_transport value);

/* Longest silence before a ping on connections of a transport, over IPv6 or else IPv4: as configured,
 * or less where their paths turned out to forget them sooner. */
WPM_API int64_t wpm_manager_ping_interval(const wpm_manager *manager, wpm_transport transport,
                                          bool ip6);

/* ---- what comes next ------------------------------------------------------------------------- */

#define WPM_PREVIEW_MAX 256 /* Most dials that a preview lists. */

/* A dial to come. */
typedef struct wpm_planned_dial {
  wpm_bytes peer; /* Binary peer id; lasts until the next call that changes the manager. */
  wpm_mono at;    /* When it goes, if it finds a place; WPM_NEVER: when a place is free, or when
                          it is its turn to try a black hole. */
  wpm_held_by held_by; /* What holds it back until then. */
} wpm_planned_dial;

/* Why a connection is the one that goes for a newcomer. */
typedef enum wpm_crowded_layer {
  WPM_CROWDED_NOBODY = 0,  /* None may go: the newcomer is refused. */
  WPM_CROWDED_DISCOURAGED, /* It is discouraged: these go first. */
  /* It is worth no more than others: of the network group with most of these, the youngest. */
  WPM_CROWDED_REST,
  WPM_CROWDED_BEYOND /* Outbound relay peers are more than wanted, and a restart brought it back. */
} wpm_crowded_layer;
#define WPM_CROWDED_LAYER_COUNT 4

/* "nobody", "discouraged", "rest", "beyond"; "?" outside the set. */
WPM_API const char *wpm_crowded_layer_name(wpm_crowded_layer value);

typedef struct wpm_preview {
  size_t dial_count; /* Dials listed. */
  size_t ready;      /* Peers whose waits are over, also those that a black hole holds. */
  size_t waiting;    /* Peers that wait for a time and are dialled then. */
  size_t places;     /* Peers that are connected or being dialled. */
  size_t kept;       /* Places kept for peers that were connected when we last stopped. */
  /* Places that no inbound newcomer gets unless a person named it: for outbound relay peers and peers of
   * services that are missing, and for static peers that are not connected; at most half of those there
   * are. */
  size_t kept_from_inbound;
  size_t max_places; /* Places that there are: max_connections, or fewer after a shortage. */
  wpm_bytes
      victim; /* Who goes for the next newcomer without room that came by itself (for one merely
                        heard of, nobody may whom we held and did not test since); empty: nobody
                        may. Lasts as a planned dial's peer. */
  wpm_cause cause;  /* Why that one. */
  size_t newcomers; /* Peers that find room before; SIZE_MAX: there is no cap. */
  /* When peers are chosen whom no list can name before, since they are drawn then; WPM_NEVER: not by
   * time as things are. Where there is nobody to choose, nobody is. */
  wpm_mono choice_at; /* When one of the candidates is dialled next: more are wanted, for relay or a
                           service, and there is room. */
  wpm_mono feeler_at; /* When the next trial connection is dialled. */
  wpm_mono rotation_at; /* When an outbound relay peer is let go to make room for another. */
  /* As of the victim, of places. Whose connection goes for the next inbound newcomer that finds none and
   * is not discouraged itself, of those there are now; empty: nobody's. Lasts as a planned dial's peer. */
  wpm_bytes crowded;
  wpm_crowded_layer crowded_layer; /* Why that one. */
  wpm_mono crowded_at;             /* When it may go at the earliest; WPM_NEVER: nobody may. */
  size_t inbound_room;             /* Inbound newcomers that find a place before. */
} wpm_preview;

/* What would happen if nothing else did: the dials to come of peers that are wanted for their own sake,
 * first the ready ones in their order and then those that wait, the soonest first, at most `cap` of them
 * in `dials` (WPM_PREVIEW_MAX is the most); when others are chosen; who would be evicted, and who would
 * make place. WPM_ERR_NO_MEMORY. */
WPM_API WPM_MUST_USE int wpm_manager_preview(const wpm_manager *manager, wpm_instant now,
                                             wpm_planned_dial *dials, size_t cap, wpm_preview *out);

/* ---- what happened --------------------------------------------------------------------------- */

/* What happened to a peer, or to the manager. */
typedef enum wpm_history_kind {
  WPM_HISTORY_RESTORED = 0,     /* It was connected when the last run ended, and is wanted again. */
  WPM_HISTORY_IMPORTED,         /* Another store told of it. */
  WPM_HISTORY_CONNECT_ASKED,    /* A person wants a connection. */
  WPM_HISTORY_DISCONNECT_ASKED, /* A person wants none. */
  WPM_HISTORY_DIALLED,          /* A dial began. */
  WPM_HISTORY_DIAL_FAILED,      /* It made no connection. */
  WPM_HISTORY_DIAL_CANCELLED,   /* It was no longer wanted. */
  WPM_HISTORY_CONNECTED,        /* A connection came up. */
  WPM_HISTORY_REFUSED,          /* A connection was turned away. */
  WPM_HISTORY_IDENTIFIED,       /* It said what it is and speaks. */
  WPM_HISTORY_PING_MISSED,      /* A ping met with silence. */
  WPM_HISTORY_SECOND_ENDED,     /* One of its two connections ended; the other lives. */
  WPM_HISTORY_DISCONNECTED,     /* Its last connection ended. */
  WPM_HISTORY_PRUNED,           /* A GossipSub PRUNE came, or went. */
  WPM_HISTORY_BANNED,           /* A ban began. */
  WPM_HISTORY_UNBANNED,         /* It was lifted before its end. */
  WPM_HISTORY_REMOVED,          /* A person wanted it forgotten. */
  WPM_HISTORY_EVICTED,          /* It went for a newcomer. */
  /* Of no peer. */
  WPM_HISTORY_SLEPT,           /* We were not called for long: the machine slept. */
  WPM_HISTORY_OFFLINE,         /* There is no network any more. */
  WPM_HISTORY_ONLINE,          /* There is one again. */
  WPM_HISTORY_NETWORK_CHANGED, /* An interface or an address of ours came, went or changed. */
  WPM_HISTORY_SHORTAGE,        /* Descriptors or memory ran short. */
  WPM_HISTORY_PATH_BLOCKED,    /* A path is a black hole (wpm_manager_path tells which are). */
  WPM_HISTORY_PATH_OPEN        /* It is none any more, or the network is another. */
} wpm_history_kind;
#define WPM_HISTORY_KIND_COUNT 25

/* "restored", "dial_failed", …; "?" outside the set. */
WPM_API const char *wpm_history_kind_name(wpm_history_kind value);

#define WPM_HISTORY_ID_MAX 44 /* The longest peer id of libp2p/specs: an inlined key of 42 bytes. */

/* Most events kept of one peer, and of what is of no peer, or of peers that are not held; of all, max_history
 * (<wakupeers/manager.h>). Where there is one more, the oldest of the same gives way, so that a peer that makes
 * noise pushes out no other's. */
#define WPM_HISTORY_PEER_MOST 32u
#define WPM_HISTORY_OWN_MOST 256u

/* One event. */
typedef struct wpm_history_entry {
  uint64_t number;       /* From 1, in the order in which they happened. */
  wpm_wall time;         /* When. */
  wpm_bytes peer;        /* Whose, also where it is gone by now; empty where it is of no peer, or of
                              one whose id has more than WPM_HISTORY_ID_MAX bytes. Lasts until the next call that changes the
                              manager. */
  wpm_history_kind kind; /* What. */
  wpm_reason reason;     /* Why; NONE where the kind says it all. */
  wpm_direction direction; /* Of the connection that came up, ended or was refused; else NONE. */
  wpm_cause cause;         /* Why it was evicted; else FACT. */
} wpm_history_entry;

/* Takes the latest event before the one numbered *cursor and moves the cursor to it; start with 0 for
 * the latest of all. False: there is none, or it is no longer kept. */
WPM_API bool wpm_manager_next_history(const wpm_manager *manager, uint64_t *cursor,
                                      wpm_history_entry *out);

/* The same, of one peer, whether it is held or gone. */
WPM_API bool wpm_manager_next_history_of(const wpm_manager *manager, wpm_bytes peer,
                                         uint64_t *cursor, wpm_history_entry *out);

#ifdef __cplusplus
}
#endif

#endif
