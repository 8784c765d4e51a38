/* What connections and dials do to a peer's state (27/WAKU2-PEERS, Peer connectivity).
 *
 * - The state is derived in the store; here the facts reach it, and with them the waits, the places
 *   and the actions that follow from a change.
 * - A connection that ends while another with the same peer lives is no disconnect: no time,
 *   reason, backoff or failure changes.
 * - When we decide to close a connection it has ended at that moment; what the host says of it
 *   later is late.
 */
#ifndef WPM_CORE_CONNECTIVITY_H
#define WPM_CORE_CONNECTIVITY_H

#include "core/connections.h"

/* Brackets a change of a peer: begin remembers, end makes PERSIST (where a stored field changed)
 * and NOTIFY (where its connectivity did) of it, plans its next dial anew, and closes the contact of a
 * peer that is neither dialled nor connected. */
typedef struct wpm_change {
  uint32_t slot;                 /* Whose. */
  uint64_t changes;              /* The store's count before it. */
  uint32_t dirty;                /* What had changed before it, and is not handed on yet. */
  wpm_connectivity connectivity; /* Before it. */
  bool is_banned;                /* Before it. */
  bool dials;                    /* A dial follows: the contact stays open. */
} wpm_change;

wpm_change wpm_change_begin(const wpm_manager *m, uint32_t slot);
void wpm_change_end(wpm_manager *m, const wpm_change *change, wpm_instant now);

/* As wpm_change_end, of a peer that may be new (`added`). */
void wpm_change_end_of(wpm_manager *m, const wpm_change *change, bool added, wpm_instant now);

/* Asks for what changed to be stored, and no more. */
void wpm_change_store(wpm_manager *m, const wpm_change *change);

/* Whether the peer has a place, counted anew. */
void wpm_place_update(wpm_manager *m, uint32_t slot);

/* True where the end of a connection that was not stable yet tells against dialling it again soon: not
 * where we chose it, nor where our own machine failed. */
bool wpm_reason_is_theirs(wpm_reason reason);

/* A live connection has ended; `connection` is no longer live, but still in the table. */
void wpm_connection_ended(wpm_manager *m, wpm_connection *connection, wpm_reason reason,
                          wpm_instant now);

/* We end a live connection: it has ended, and the host is asked to close it. */
void wpm_connection_end(wpm_manager *m, wpm_connection *connection, wpm_reason reason,
                        wpm_instant now);

/* We end all live connections of a peer. */
void wpm_connectivity_end_all(wpm_manager *m, uint32_t slot, wpm_reason reason, wpm_instant now);

/* The dial in flight is not wanted any more. */
void wpm_peer_cancel_dial(wpm_manager *m, uint32_t slot);

/* The events CONNECTED, DISCONNECTED, DIAL_FAILED. */
WPM_MUST_USE int wpm_on_connected(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_disconnected(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_dial_failed(wpm_manager *m, const wpm_event *event, wpm_instant now);

#endif
