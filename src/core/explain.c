#include "core/explain.h"

#include "core/connections.h"
#include "core/feelers.h"
#include "core/idle.h"
#include "core/keepalive.h"
#include "core/schedule.h"

#include <assert.h>

/* ---- words ----------------------------------------------------------------------------------- */

const char *wpm_next_action_name(wpm_next_action value) {
  switch (value) {
  case WPM_NEXT_NONE:
    return "none";
  case WPM_NEXT_DIAL:
    return "dial";
  case WPM_NEXT_PING:
    return "ping";
  case WPM_NEXT_CLOSE:
    return "close";
  case WPM_NEXT_SETTLE:
    return "settle";
  case WPM_NEXT_LET_GO:
    return "let_go";
  }
  return "?";
}

const char *wpm_crowded_layer_name(wpm_crowded_layer value) {
  switch (value) {
  case WPM_CROWDED_NOBODY:
    return "nobody";
  case WPM_CROWDED_DISCOURAGED:
    return "discouraged";
  case WPM_CROWDED_BEYOND:
    return "beyond";
  case WPM_CROWDED_REST:
    return "rest";
  }
  return "?";
}

const char *wpm_transport_name(wpm_transport value) {
  switch (value) {
  case WPM_TRANSPORT_TCP:
    return "tcp";
  case WPM_TRANSPORT_WS:
    return "ws";
  case WPM_TRANSPORT_WSS:
    return "wss";
  case WPM_TRANSPORT_QUIC:
    return "quic";
  case WPM_TRANSPORT_OTHER:
    return "other";
  }
  return "?";
}

const char *wpm_history_kind_name(wpm_history_kind value) {
  switch (value) {
  case WPM_HISTORY_RESTORED:
    return "restored";
  case WPM_HISTORY_IMPORTED:
    return "imported";
  case WPM_HISTORY_CONNECT_ASKED:
    return "connect_asked";
  case WPM_HISTORY_DISCONNECT_ASKED:
    return "disconnect_asked";
  case WPM_HISTORY_DIALLED:
    return "dialled";
  case WPM_HISTORY_DIAL_FAILED:
    return "dial_failed";
  case WPM_HISTORY_DIAL_CANCELLED:
    return "dial_cancelled";
  case WPM_HISTORY_CONNECTED:
    return "connected";
  case WPM_HISTORY_REFUSED:
    return "refused";
  case WPM_HISTORY_IDENTIFIED:
    return "identified";
  case WPM_HISTORY_PING_MISSED:
    return "ping_missed";
  case WPM_HISTORY_SECOND_ENDED:
    return "second_ended";
  case WPM_HISTORY_DISCONNECTED:
    return "disconnected";
  case WPM_HISTORY_PRUNED:
    return "pruned";
  case WPM_HISTORY_BANNED:
    return "banned";
  case WPM_HISTORY_UNBANNED:
    return "unbanned";
  case WPM_HISTORY_REMOVED:
    return "removed";
  case WPM_HISTORY_EVICTED:
    return "evicted";
  case WPM_HISTORY_SLEPT:
    return "slept";
  case WPM_HISTORY_OFFLINE:
    return "offline";
  case WPM_HISTORY_ONLINE:
    return "online";
  case WPM_HISTORY_NETWORK_CHANGED:
    return "network_changed";
  case WPM_HISTORY_SHORTAGE:
    return "shortage";
  case WPM_HISTORY_PATH_BLOCKED:
    return "path_blocked";
  case WPM_HISTORY_PATH_OPEN:
    return "path_open";
  }
  return "?";
}

/* ---- paths ----------------------------------------------------------------------------------- */

int64_t wpm_manager_ping_interval(const wpm_manager *m, wpm_transport transport, bool ip6) {
  assert((unsigned)transport < WPM_TRANSPORT_COUNT);
  return wpm_idle_interval(m, wpm_idle_path_number(transport, ip6));
}

/* ---- one peer -------------------------------------------------------------------------------- */

wpm_plan wpm_explain_plan(const wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_plan plan = wpm_schedule_plan(m, slot, now);
  bool may_go = m->dials < m->config.max_dials && wpm_schedule_has_room(m, slot);
  if (plan.next_dial.ns != WPM_NEVER.ns && m->epoch.offline) {
    plan = (wpm_plan){WPM_NEVER, WPM_HELD_BY_OFFLINE, WPM_NEVER};
  } else if (plan.held_by == WPM_HELD_BY_NOTHING && !may_go) {
    plan = (wpm_plan){WPM_NEVER, WPM_HELD_BY_NO_PLACE, WPM_NEVER};
  }
  return plan;
}

int wpm_manager_plan(const wpm_manager *m, wpm_bytes peer, wpm_instant now, wpm_plan *out) {
  uint32_t slot = wpm_store_find(m->store, peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  *out = wpm_explain_plan(m, slot, now);
  return WPM_OK;
}

static wpm_mono not_before(wpm_mono at, wpm_mono least) {
  return at.ns < least.ns ? least : at;
}

static void explain_pings(const wpm_manager *m, const wpm_connection *connection,
                          wpm_explanation *out) {
  const wpm_round_trip *trip = &connection->round_trip;
  if (m->config.keep_alive) {
    out->ping_interval_ns = wpm_idle_interval(m, connection->path);
  }
  out->ping_timeout_ns = wpm_keepalive_timeout(m, connection);
  if (trip->last_ns != WPM_SPAN_NONE) {
    out->rtt_last_ns = trip->last_ns;
    out->rtt_average_ns = trip->average_ns;
    out->rtt_minimum_ns = trip->minimum_ns;
  }
}

/* What comes first at its connections. */
static void explain_connected(const wpm_manager *m, uint32_t slot, wpm_instant now,
                              wpm_explanation *out) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  for (unsigned i = 0; i < WPM_PEER_CONNECTIONS && policy->connections[i]; i++) {
    wpm_keepalive_step next = wpm_keepalive_next(m, policy->connections[i]);
    if (next.at.ns < out->at.ns) {
      out->next = next.action;
      out->at = not_before(next.at, now.mono);
    }
  }
  wpm_mono end = wpm_feelers_end_at(m, slot);
  if (end.ns < out->at.ns) {
    out->next = WPM_NEXT_LET_GO;
    out->at = not_before(end, now.mono);
  }
}

/* The dial to come, if there is to be one: where it is wanted for its own sake, and nothing but time holds
 * it back, or the network does, or places do. */
static void explain_dial(const wpm_manager *m, uint32_t slot, wpm_instant now,
                         wpm_explanation *out) {
  wpm_plan plan = wpm_explain_plan(m, slot, now);
  out->held_by = plan.held_by;
  out->until = plan.until;
  if (wpm_schedule_plan(m, slot, now).next_dial.ns == WPM_NEVER.ns) {
    return;
  }
  out->next = WPM_NEXT_DIAL;
  out->at = plan.next_dial;
  if (plan.held_by == WPM_HELD_BY_NOTHING && m->starved_until.ns != WPM_NEVER.ns) {
    out->at = not_before(m->starved_until, now.mono); /* Its turn came, and memory had run out. */
  }
}

int wpm_manager_explain(const wpm_manager *m, wpm_bytes peer, wpm_instant now,
                        wpm_explanation *out) {
  uint32_t slot = wpm_store_find(m->store, peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  const wpm_peer *held = wpm_manager_peer(m, slot);
  *out = (wpm_explanation){.state = wpm_peer_connectivity(held),
                           .at = WPM_NEVER,
                           .until = WPM_NEVER,
                           .ping_interval_ns = WPM_SPAN_NONE,
                           .ping_timeout_ns = WPM_SPAN_NONE,
                           .rtt_last_ns = WPM_SPAN_NONE,
                           .rtt_average_ns = WPM_SPAN_NONE,
                           .rtt_minimum_ns = WPM_SPAN_NONE};
  if (out->state == WPM_CONNECTED) {
    explain_connected(m, slot, now, out);
    explain_pings(m, wpm_manager_policy(m, slot)->connections[0], out);
  } else {
    out->reason = (wpm_reason)held->reason;
    explain_dial(m, slot, now, out);
  }
  return WPM_OK;
}
