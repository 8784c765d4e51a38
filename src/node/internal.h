/* The inside of a node.
 *
 * - Facts go one way: net's callbacks become events of the manager (facts.c). Actions go the other:
 *   pulled after each event and carried out (actions.c). A person's wishes are events too
 *   (person.c). A probe lives beside the manager (probe.c).
 * - A connection is named, towards the manager, by its slot in a table and a generation, so that a
 *   number is never used twice and looking one up is an index.
 */
#ifndef WPM_NODE_INTERNAL_H
#define WPM_NODE_INTERNAL_H

#include <wakupeers/node.h>

#include "base/log.h"
#include "net/host.h"
#include "node/interfaces.h"
#include "node/writer.h"
#include "proto/enr.h"

#include <uv.h>

/* What a wpm_conn's or wpm_dial's user pointer leads to begins with this. */
typedef enum wpm_owner_kind { WPM_OWNER_MANAGER, WPM_OWNER_PROBE } wpm_owner_kind;

/* A live connection that the manager knows. */
typedef struct wpm_node_conn {
  wpm_owner_kind kind; /* WPM_OWNER_MANAGER. */
  uint32_t slot;       /* Its place in the table. */
  wpm_connection_id id;
  wpm_conn *conn;
  wpm_wall since;
} wpm_node_conn;

/* A dial that the manager asked for. */
typedef struct wpm_node_dial {
  wpm_owner_kind kind;    /* WPM_OWNER_MANAGER. */
  wpm_dial_id id;         /* The manager's number. */
  wpm_dial *dial;         /* NULL while it waits for `written_ahead`. */
  uint64_t written_ahead; /* The change that must be durable before it begins; 0: none. */
  wpm_peer_id peer;
  struct wpm_node_dial *previous, *next; /* In the node's list. */
  size_t address_count;
  wpm_bytes addresses[]; /* Their bytes follow. */
} wpm_node_dial;

/* Somebody who waits until a change is durable. */
typedef struct wpm_durable_waiter {
  struct wpm_durable_waiter *next;
  uint64_t sequence; /* The change. */
  wpm_durable_fn done;
  void *user;
} wpm_durable_waiter;

/* A person who waits for the outcome of a connect. */
typedef struct wpm_waiter {
  struct wpm_waiter *next;
  wpm_peer_id peer;
  wpm_attempt_fn done;
  void *user;
} wpm_waiter;

typedef struct wpm_probe wpm_probe;

struct wpm_node {
  wpm_node_config config; /* Its pointers lead into `strings`, or are the caller's loop and user. */
  void *strings;
  uint64_t boot_id;
  wpm_crypto *crypto;
  wpm_identity identity;
  wpm_metadata metadata;
  wpm_host *host; /* NULL until started. */
  wpm_manager *manager;
  wpm_writer *writer;        /* NULL: memory only. */
  uv_timer_t deadline;       /* The manager's next. */
  uv_timer_t heartbeat;      /* Each second. */
  uv_async_t writer_woke;    /* The writer's status has changed. */
  bool storing_anew;         /* All records are being stored anew, */
  uint64_t anew_peers;       /* those of the peers behind this cursor, */
  uint64_t anew_tombstones;  /* then tombstones behind this one, */
  uint64_t anew_range_bans;  /* and then bans of ranges behind this one. */
  wpm_writer_status storage; /* As it was when it last changed. */
  wpm_node_conn **conns;     /* Table; NULL: a free slot. */
  size_t conn_slots;
  uint32_t generation; /* Of the connection that came up last. */
  wpm_node_dial *dials;
  wpm_waiter *waiters;
  wpm_durable_waiter *durable_waiters; /* The longest waiting first. */
  wpm_probe *probes;
  wpm_exchange_taker *taker; /* NULL until something is imported. */
  uint64_t announced_hash;   /* Of the addresses that identify announced last. */
  wpm_interfaces interfaces; /* Of this machine, as looked at last. */
  uint64_t record_sequence;  /* Of the signed records of those. */
  char enr[WPM_ENR_TEXT];    /* The node record among them; "": none. */
  wpm_node_counters counters;
  uint64_t shortages_told[WPM_SHORTAGE_COUNT]; /* Of the counters, those the manager knows of. */
  bool pumping;                                /* Actions are being pulled. */
  bool started;
  bool stopping;
  int handles_open; /* libuv handles of ours still open. */
  wpm_node_stopped_fn stopped;
  void *stopped_user;
};

/* ---- facts.c --------------------------------------------------------------------------------- */

extern const wpm_host_callbacks wpm_node_host_callbacks;

/* Feeds one fact to the manager and carries out what follows. Errors as wpm_manager_handle. */
WPM_MUST_USE int wpm_node_fact(wpm_node *node, const wpm_event *event);

/* The live connection of that number, or NULL. */
wpm_node_conn *wpm_node_find_conn(const wpm_node *node, wpm_connection_id id);

/* Drops a connection from the table and tells the manager. */
void wpm_node_conn_gone(wpm_node *node, wpm_node_conn *conn, wpm_reason reason);

/* identify's message as a fact about `conn`'s peer, or false where it names another key. The views
 * lead into `message`; `addresses` has room for WPM_IDENTIFY_ADDRESSES_MAX. */
bool wpm_node_identified(const wpm_node *node, const wpm_conn *conn, const wpm_identify *message,
                         wpm_bytes *addresses, wpm_identified *out);

/* ---- node.c ---------------------------------------------------------------------------------- */

/* A libuv handle of ours is gone. */
void wpm_node_handle_closed(wpm_node *node);

/* ---- persistence.c --------------------------------------------------------------------------- */

/* Opens the database, if one is configured, and takes in the stored peers. WPM_ERR_NO_MEMORY,
 * WPM_ERR_IO (no thread). */
WPM_MUST_USE int wpm_node_load(wpm_node *node, wpm_error *error);
/* Writes what is not yet durable and ends the worker. */
void wpm_node_unload(wpm_node *node);
/* Queues the peer's record to be stored, of which `fields` changed: as that of a connected peer while
 * it is being dialled. `urgent`: at once, as a ban, a protection and a prune backoff always are.
 * Returns the change's sequence number; 0: there is nothing to wait for. */
uint64_t wpm_node_store_record(wpm_node *node, wpm_bytes peer, uint32_t fields, bool urgent);
/* Queues that it is gone, and what is to be stored in its place (both spans 0: nothing). */
void wpm_node_store_removal(wpm_node *node, const wpm_tombstone *tombstone);
/* Queues a ban of a range to be stored at once; length_ns 0: it is over. */
void wpm_node_store_range_ban(wpm_node *node, const wpm_range_ban *ban);
/* True while that change is not durable, and can be expected to become so. */
bool wpm_node_must_wait(const wpm_node *node, uint64_t sequence);

/* ---- dials.c --------------------------------------------------------------------------------- */

/* Writes the dial ahead, and begins it when that is durable. */
void wpm_node_dial_begin(wpm_node *node, const wpm_action *action);
/* Begins the dials that waited for what is durable now. */
void wpm_node_dials_durable(wpm_node *node);
/* Forgets a dial that has ended. */
void wpm_node_dial_over(wpm_node *node, wpm_node_dial *dial, bool connected);
/* Ends a dial that is no longer wanted; all of them. */
void wpm_node_dial_cancel(wpm_node *node, wpm_dial_id id);
void wpm_node_dials_drop(wpm_node *node);
bool wpm_node_is_dialling(const wpm_node *node, wpm_bytes peer);

/* ---- actions.c ------------------------------------------------------------------------------- */

/* Carries out all actions the manager has, and sets the timer to its next deadline. */
void wpm_node_pump(wpm_node *node);

/* The manager's next deadline has come. */
void wpm_node_deadline_passed(uv_timer_t *timer);

/* ---- person.c -------------------------------------------------------------------------------- */

/* A static node, by multiaddr, from `source`. As wpm_node_add. */
WPM_MUST_USE int wpm_node_found(wpm_node *node, wpm_text text, wpm_address_source source,
                                wpm_peer_id *id, wpm_error *error);

/* Tells everyone who waits for `peer` how it went. */
void wpm_node_tell_waiters(wpm_node *node, wpm_bytes peer, const wpm_attempt *attempt);
/* Tells everyone who waits for `peer` that it is connected, or why it is neither that nor being
 * dialled. While it is being dialled nothing is told. */
void wpm_node_settle_waiters(wpm_node *node, wpm_bytes peer);
/* Tells and forgets all of them: the node stops. */
void wpm_node_drop_waiters(wpm_node *node);

/* ---- probe.c --------------------------------------------------------------------------------- */

void wpm_probe_connected(wpm_probe *probe, wpm_conn *conn);
void wpm_probe_failed(wpm_probe *probe, const wpm_end *end);
void wpm_probe_identified(wpm_probe *probe, const wpm_identify *message);
void wpm_probe_metadata(wpm_probe *probe, const wpm_metadata *message);
void wpm_probe_pong(wpm_probe *probe, int64_t rtt_ns);
/* Ends all probes of a node that stops. */
void wpm_probe_end_all(wpm_node *node);

#endif
