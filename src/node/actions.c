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
    wpm_node_dial_begin(node, action);
    break;
  case WPM_ACTION_CANCEL_DIAL:
    wpm_node_dial_cancel(node, action->u.cancel_dial.dial);
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
    (void)wpm_node_store_record(node, action->peer, action->u.persist.fields, false);
    break;
  case WPM_ACTION_FORGET:
    wpm_node_store_removal(node, &action->u.forget.tombstone);
    break;
  case WPM_ACTION_NOTIFY:
    do_notify(node, action);
    break;
  case WPM_ACTION_PERSIST_RANGE_BAN:
    wpm_node_store_range_ban(node, &action->u.persist_range_ban.ban);
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
