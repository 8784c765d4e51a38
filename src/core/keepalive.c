#include "core/keepalive.h"

#include "core/actions.h"
#include "core/connectivity.h"
#include "core/duplicate.h"
#include "core/rules.h"
#include "core/wait.h"

#define MISSES_THAT_END 2
#define RTT_STORED_EVERY WPM_MINUTE

/* The ping interval, 2 to 10 percent shorter. */
static int64_t draw_span(wpm_manager *m) {
  if (!wpm_rule_holds(WPM_RULE_PING_INTERVAL)) {
    return 3 * m->config.ping_interval_ns;
  }
  int64_t percent = m->config.ping_interval_ns / 100;
  return m->config.ping_interval_ns - 2 * percent -
         (int64_t)wpm_rng_below(&m->rng, (uint64_t)(8 * percent) + 1);
}

static wpm_mono earlier(wpm_mono a, wpm_mono b) {
  return a.ns < b.ns ? a : b;
}

static wpm_mono stable_at(const wpm_manager *m, const wpm_connection *connection) {
  return wpm_mono_after(connection->began, m->config.stable_after_ns);
}

static wpm_mono silent_at(const wpm_manager *m, const wpm_connection *connection) {
  int64_t timeout = m->config.ping_timeout_ns;
  if (connection->probed && m->config.probe_timeout_ns < timeout) {
    timeout = m->config.probe_timeout_ns;
  }
  return wpm_mono_after(connection->ping_sent, timeout);
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
    at = earlier(at, stable_at(m, connection));
  }
  wpm_heap_set(&m->connection_deadlines, connection->slot, at);
}

void wpm_keepalive_start(wpm_manager *m, wpm_connection *connection) {
  connection->ping_span = draw_span(m);
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
  connection->misses = MISSES_THAT_END - 1;
  wpm_keepalive_ping(m, connection, now);
}

void wpm_keepalive_heard(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  connection->heard_at = now.mono;
  if (!connection->awaiting) {
    return;
  }
  connection->awaiting = false;
  connection->probed = false;
  connection->misses = 0;
  connection->ping_span = draw_span(m);
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
  if (quiet || (was_awaiting && !connection->awaiting)) {
    wpm_keepalive_ping(m, connection, now);
    return;
  }
  wpm_keepalive_arm(m, connection);
}
