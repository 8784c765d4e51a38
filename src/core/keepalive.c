#include "core/keepalive.h"

#include "core/actions.h"
#include "core/connectivity.h"
#include "core/doubt.h"
#include "core/duplicate.h"
#include "core/idle.h"
#include "core/rules.h"
#include "core/wait.h"

#define MISSES_THAT_END 2
#define RTT_STORED_EVERY WPM_MINUTE

static int64_t draw_span(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  return wpm_rule_holds(WPM_RULE_PING_INTERVAL) ? wpm_idle_draw(m, connection, now)
                                                : 3 * m->config.ping_interval_ns;
}

static wpm_mono later(wpm_mono a, wpm_mono b) {
  return a.ns > b.ns ? a : b;
}

static wpm_mono stable_at(const wpm_manager *m, const wpm_connection *connection) {
  return wpm_mono_after(connection->began,
                        wpm_rule_holds(WPM_RULE_STABLE_AFTER) ? m->config.stable_after_ns : 0);
}

int64_t wpm_keepalive_timeout(const wpm_manager *m, const wpm_connection *connection) {
  int64_t most = m->config.ping_timeout_ns;
  if (connection->probed && wpm_rule_holds(WPM_RULE_GAP_PROBE_TIMEOUT)) {
    return m->config.probe_timeout_ns < most ? m->config.probe_timeout_ns : most;
  }
  return wpm_round_trip_timeout(&connection->round_trip, connection->misses, most);
}

static wpm_mono silent_at(const wpm_manager *m, const wpm_connection *connection) {
  return wpm_mono_after(connection->ping_sent, wpm_keepalive_timeout(m, connection));
}

wpm_keepalive_step wpm_keepalive_next(const wpm_manager *m, const wpm_connection *connection) {
  wpm_keepalive_step next = {WPM_NEXT_NONE, WPM_NEVER};
  wpm_mono settled = wpm_duplicate_deadline(m, connection);
  if (connection->awaiting) {
    bool is_last = connection->misses + 1 >= MISSES_THAT_END;
    next = (wpm_keepalive_step){is_last ? WPM_NEXT_CLOSE : WPM_NEXT_PING, silent_at(m, connection)};
  } else if (m->config.keep_alive) {
    next.action = WPM_NEXT_PING;
    next.at = wpm_mono_after(connection->heard_at, connection->ping_span);
  }
  if (settled.ns != WPM_NEVER.ns && settled.ns <= next.at.ns) {
    next = (wpm_keepalive_step){WPM_NEXT_SETTLE, settled};
  }
  return next;
}

void wpm_keepalive_arm(wpm_manager *m, const wpm_connection *connection) {
  wpm_mono at = wpm_keepalive_next(m, connection).at;
  if (!connection->stable) {
    at = wpm_mono_earlier(at, stable_at(m, connection));
  }
  wpm_heap_set(&m->connection_deadlines, connection->slot, at);
}

/* The interval fell: whoever waits for longer waits for less. */
static void shorten_all(wpm_manager *m, wpm_instant now) {
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    wpm_connection *connection = m->connections[i];
    if (connection && connection->peer != WPM_SLOT_NONE && !connection->awaiting &&
        connection->ping_span > wpm_idle_interval(m, connection->path)) {
      connection->ping_span = draw_span(m, connection, now);
      wpm_keepalive_arm(m, connection);
    }
  }
}

void wpm_keepalive_start(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (wpm_idle_returned(m, connection->peer, now)) {
    shorten_all(m, now);
  }
  connection->ping_span = draw_span(m, connection, now);
  wpm_keepalive_arm(m, connection);
}

void wpm_keepalive_ping(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (!connection->awaiting) {
    connection->awaiting = true;
    connection->ping_sent = now.mono;
  }
  wpm_pending_connection(m, connection, WPM_PENDING_PING);
  wpm_keepalive_arm(m, connection);
}

void wpm_keepalive_probe(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  connection->awaiting = false;
  connection->probed = true;
  connection->tested_ns = wpm_rule_holds(WPM_RULE_IDLE_GAP) ? 0 : connection->tested_ns;
  connection->misses = wpm_rule_holds(WPM_RULE_GAP_ONE_MISS) ? MISSES_THAT_END - 1 : 0;
  wpm_keepalive_ping(m, connection, now);
}

void wpm_keepalive_heard(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (wpm_rule_holds(WPM_RULE_BYTES_DEFER_PINGS)) {
    connection->heard_at = now.mono;
  }
  if (!connection->awaiting) {
    return;
  }
  if (connection->tested_ns > 0) {
    wpm_idle_borne(m, connection, now);
  }
  bool was_probed = connection->probed;
  connection->tested_ns = 0;
  connection->awaiting = false;
  connection->probed = false;
  if (was_probed) {
    wpm_doubt_answered(m, connection->peer);
  }
  connection->misses = wpm_rule_holds(WPM_RULE_MISSES_IN_A_ROW) ? 0 : connection->misses;
  connection->ping_span = draw_span(m, connection, now);
  wpm_duplicate_heard(m, connection, now);
  wpm_keepalive_arm(m, connection);
}

void wpm_keepalive_pong(wpm_manager *m, wpm_connection *connection, int64_t rtt_ns,
                        wpm_instant now) {
  wpm_keepalive_heard(m, connection, now);
  if (rtt_ns < 0) { /* WPM_SPAN_NONE too. */
    return;
  }
  wpm_policy *policy = wpm_manager_policy(m, connection->peer);
  wpm_round_trip_add(&connection->round_trip, rtt_ns);
  wpm_store_slot_pong(m->store, connection->peer, rtt_ns);
  if (now.mono.ns >= wpm_mono_after(policy->stored_at, RTT_STORED_EVERY).ns) {
    policy->stored_at = now.mono;
    policy->fields |= WPM_FIELD_RTT;
    wpm_pending_peer(m, connection->peer, WPM_PENDING_PERSIST);
  }
}

void wpm_keepalive_stable(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (connection->stable || now.mono.ns < stable_at(m, connection).ns) {
    return;
  }
  connection->stable = true;
  if (!wpm_rule_holds(WPM_RULE_STABLE_FORGETS)) {
    return;
  }
  wpm_policy *policy = wpm_manager_policy(m, connection->peer);
  policy->local_failures = 0;
  policy->short_lived = 0;
  wpm_change change = wpm_change_begin(m, connection->peer);
  wpm_store_slot_stable(m->store, connection->peer);
  wpm_change_end(m, &change, now);
}

/* A ping met with silence; true where that ends the connection. */
static bool missed(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (!connection->awaiting || now.mono.ns < silent_at(m, connection).ns) {
    return false;
  }
  connection->awaiting = false;
  wpm_history_note_connection(m, connection->peer, WPM_HISTORY_PING_MISSED, WPM_REASON_NONE,
                              connection->direction);
  return ++connection->misses >= MISSES_THAT_END || !wpm_rule_holds(WPM_RULE_TWO_MISSES);
}

void wpm_keepalive_due(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  wpm_keepalive_stable(m, connection, now);
  bool was_awaiting = connection->awaiting;
  if (missed(m, connection, now) || wpm_duplicate_is_silent(m, connection, now)) {
    wpm_connection_end(m, connection, WPM_REASON_PING_TIMEOUT, now);
    return;
  }
  wpm_duplicate_due(m, connection, now);
  bool quiet = m->config.keep_alive && !connection->awaiting &&
               now.mono.ns >= wpm_mono_after(connection->heard_at, connection->ping_span).ns;
  if (quiet && (connection->misses == 0 || !wpm_rule_holds(WPM_RULE_IDLE_TESTED))) {
    connection->tested_ns = now.mono.ns - later(connection->heard_at, connection->ping_sent).ns;
  }
  if (quiet || (was_awaiting && !connection->awaiting)) {
    wpm_keepalive_ping(m, connection, now);
    return;
  }
  wpm_keepalive_arm(m, connection);
}
