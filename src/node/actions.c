/* What the manager decides, carried out. */
#include "node/internal.h"

#include "base/bytes.h"
#include "node/system.h"

#include <stdlib.h>

#define SHORT_INTERVAL (5 * WPM_SECOND) /* Below it, a ping stream is kept for the next ping. */

/* Peer ids for the log. */
static const char *peer_text(wpm_bytes peer, char out[WPM_PEER_ID_TEXT]) {
  return wpm_peer_id_format(peer, out, WPM_PEER_ID_TEXT, NULL) == WPM_OK ? out : "?";
}

/* ---- dialling -------------------------------------------------------------------------------- */

/* A dial that cannot even begin is a failure of ours. */
static void dial_not_begun(wpm_node *node, wpm_bytes peer, wpm_dial_id dial, int err) {
  wpm_peer_id id = {0};
  if (wpm_peer_id_from_bytes(peer, &id) != WPM_OK) {
    return;
  }
  wpm_event event = {
      .type = WPM_EVENT_DIAL_FAILED,
      .peer = wpm_peer_id_view(&id),
      .u.dial_failed = {.dial = dial, .reason = WPM_REASON_LOCAL_FAILURE},
  };
  wpm_attempt attempt = {.err = err,
                         .reason = WPM_REASON_LOCAL_FAILURE,
                         .step = WPM_STEP_CONNECT,
                         .detail = wpm_strerror(err)};
  node->counters.dials_failed[WPM_REASON_LOCAL_FAILURE]++;
  if (wpm_node_fact(node, &event) != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node", "a failed dial is lost: out of memory");
  }
  wpm_node_tell_waiters(node, wpm_peer_id_view(&id), &attempt);
}

static void do_dial(wpm_node *node, const wpm_action *action) {
  wpm_node_dial *dial = calloc(1, sizeof *dial);
  int err = dial ? wpm_peer_id_from_bytes(action->peer, &dial->peer) : WPM_ERR_NO_MEMORY;
  node->counters.dials_started++;
  if (err == WPM_OK) {
    dial->kind = WPM_OWNER_MANAGER;
    dial->id = action->u.dial.dial;
    err = wpm_host_dial(node->host, action->peer, action->u.dial.addresses,
                        action->u.dial.address_count, dial, &dial->dial);
  }
  if (err != WPM_OK) {
    free(dial);
    dial_not_begun(node, action->peer, action->u.dial.dial, err);
    return;
  }
  dial->next = node->dials;
  if (node->dials) {
    node->dials->previous = dial;
  }
  node->dials = dial;
}

static void cancel(wpm_node *node, wpm_node_dial *dial) {
  wpm_dial_cancel(dial->dial);
  if (node->dials == dial) {
    node->dials = dial->next;
  } else {
    dial->previous->next = dial->next;
  }
  if (dial->next) {
    dial->next->previous = dial->previous;
  }
  free(dial);
}

static void do_cancel_dial(wpm_node *node, const wpm_action *action) {
  wpm_node_dial *dial = node->dials;
  while (dial && dial->id != action->u.cancel_dial.dial) {
    dial = dial->next;
  }
  if (!dial) {
    return;
  }
  wpm_peer_id peer = dial->peer;
  cancel(node, dial);
  if (!node->stopping) { /* Else all who wait are told of that. */
    wpm_node_settle_waiters(node, wpm_peer_id_view(&peer));
  }
}

/* ---- connections ----------------------------------------------------------------------------- */

static void do_disconnect(wpm_node *node, const wpm_action *action) {
  wpm_node_conn *entry = wpm_node_find_conn(node, action->u.disconnect.connection);
  if (!entry) {
    return;
  }
  wpm_conn *conn = entry->conn;
  uint32_t code = action->u.disconnect.go_away_code;
  wpm_conn_set_user(conn, NULL); /* What closing makes it tell concerns nobody any more. */
  wpm_node_conn_gone(node, entry, action->u.disconnect.reason);
  wpm_conn_close(conn, code);
}

/* Asks something of a connection. What cannot be asked is not answered, which the manager deals
 * with like any silence. */
static void do_ask(wpm_node *node, const wpm_action *action) {
  wpm_node_conn *entry = wpm_node_find_conn(node, action->u.ping.connection);
  if (!entry) {
    return;
  }
  int err = WPM_OK;
  if (action->type == WPM_ACTION_PING) {
    node->counters.pings_sent++;
    err = wpm_conn_ping(entry->conn, node->config.manager.ping_interval_ns < SHORT_INTERVAL);
  } else if (action->type == WPM_ACTION_IDENTIFY) {
    err = wpm_conn_identify(entry->conn);
  } else {
    err = wpm_conn_request_metadata(entry->conn);
  }
  if (err != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_DEBUG, "net", "cannot open a stream: %s",
            wpm_strerror(err));
  }
}

/* ---- the record ------------------------------------------------------------------------------ */

static void do_persist(wpm_node *node, const wpm_action *action) {
  wpm_peer_record record;
  if (node->writer &&
      wpm_store_get(wpm_manager_store(node->manager), action->peer, &record) == WPM_OK) {
    wpm_writer_put(node->writer, &record);
  }
}

static void do_forget(wpm_node *node, const wpm_action *action) {
  if (node->writer) {
    wpm_writer_remove(node->writer, action->peer);
  }
}

static void do_notify(wpm_node *node, const wpm_action *action) {
  char text[WPM_PEER_ID_TEXT];
  wpm_node_change change = {.peer = action->peer,
                            .from = action->u.notify.from,
                            .to = action->u.notify.to,
                            .reason = action->u.notify.reason};
  if (change.to == WPM_CONNECTED) {
    WPM_LOG(&node->config.logger, WPM_LOG_INFO, "peers", "%s is connected",
            peer_text(action->peer, text));
  } else {
    WPM_LOG(&node->config.logger, WPM_LOG_INFO, "peers", "%s: %s, %s",
            peer_text(action->peer, text), wpm_connectivity_name(change.to),
            wpm_reason_name(change.reason));
  }
  if (node->config.changed) {
    node->config.changed(node->config.user, &change);
  }
}

static void do_action(wpm_node *node, const wpm_action *action) {
  switch (action->type) {
  case WPM_ACTION_DIAL:
    do_dial(node, action);
    break;
  case WPM_ACTION_CANCEL_DIAL:
    do_cancel_dial(node, action);
    break;
  case WPM_ACTION_DISCONNECT:
    do_disconnect(node, action);
    break;
  case WPM_ACTION_PING:
  case WPM_ACTION_IDENTIFY:
  case WPM_ACTION_REQUEST_METADATA:
    do_ask(node, action);
    break;
  case WPM_ACTION_PERSIST:
    do_persist(node, action);
    break;
  case WPM_ACTION_FORGET:
    do_forget(node, action);
    break;
  case WPM_ACTION_NOTIFY:
    do_notify(node, action);
    break;
  }
}

/* ---- the manager's deadline ------------------------------------------------------------------ */

static void set_deadline(wpm_node *node) {
  if (!node->started || node->stopping) {
    return;
  }
  wpm_mono next = wpm_manager_next_deadline(node->manager);
  if (next.ns == WPM_NEVER.ns) {
    (void)uv_timer_stop(&node->deadline);
    return;
  }
  int64_t left = next.ns - wpm_system_now(node->boot_id).mono.ns;
  uint64_t ms = left <= 0 ? 0 : (uint64_t)((left + WPM_MILLISECOND - 1) / WPM_MILLISECOND);
  uv_update_time(node->config.loop);
  (void)uv_timer_start(&node->deadline, wpm_node_deadline_passed, ms, 0);
}

void wpm_node_pump(wpm_node *node) {
  wpm_action action;
  if (node->pumping) {
    return; /* The outer call goes on with what this fact brought. */
  }
  node->pumping = true;
  while (wpm_manager_next_action(node->manager, &action)) {
    do_action(node, &action);
  }
  node->pumping = false;
  set_deadline(node);
}

void wpm_node_deadline_passed(uv_timer_t *timer) {
  wpm_node *node = timer->data;
  if (wpm_manager_advance(node->manager, wpm_system_now(node->boot_id)) != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node", "out of memory: what is due is put off");
  }
  wpm_node_pump(node);
}
