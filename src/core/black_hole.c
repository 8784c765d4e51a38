#include "core/black_hole.h"

#include "core/path.h"
#include "core/rules.h"
#include "core/scope.h"
#include "core/wait.h"

#define VOUCHED (wpm_rule_holds(WPM_RULE_BLACK_HOLE_VOUCHED) ? 25u : UINT16_MAX)
#define PROBE_EVERY (wpm_rule_holds(WPM_RULE_BLACK_HOLE_PROBE) ? WPM_MINUTE : WPM_DAY)

/* ---- what is known of a path ------------------------------------------------------------------- */

void wpm_black_hole_init(wpm_manager *m) {
  m->black_hole.held_until = WPM_NEVER;
  wpm_black_hole_forget(m);
}

static void note_any(wpm_manager *m) {
  bool any = false;
  for (unsigned path = 0; path < WPM_PATH_COUNT; path++) {
    any = any || m->black_hole.paths[path].is_blocked;
  }
  m->black_hole.any = any;
}

static void forget_path(wpm_manager *m, unsigned path) {
  wpm_path_state *state = &m->black_hole.paths[path];
  bool was_blocked = state->is_blocked;
  state->is_blocked = false;
  state->silent = 0;
  m->black_hole.unheard[path] = 0;
  if (was_blocked) {
    note_any(m);
    wpm_history_note_own(m, WPM_HISTORY_PATH_OPEN);
  }
}

void wpm_black_hole_forget(wpm_manager *m) {
  if (m->begun && !wpm_rule_holds(WPM_RULE_BLACK_HOLE_EPOCH)) {
    return;
  }
  for (unsigned path = 0; path < WPM_PATH_COUNT; path++) {
    forget_path(m, path);
  }
}

static void block(wpm_manager *m, wpm_path_state *state) {
  if (!m->black_hole.any) {
    m->black_hole.probe_at = wpm_mono_after(m->now, PROBE_EVERY);
    m->black_hole.beside_at = m->black_hole.probe_at;
  }
  state->is_blocked = true;
  m->black_hole.any = true;
  wpm_history_note_own(m, WPM_HISTORY_PATH_BLOCKED);
}

/* Another path works: what was silent meanwhile tells of this one. */
static void vouch(wpm_manager *m, unsigned path) {
  wpm_path_state *state = &m->black_hole.paths[path];
  uint32_t unheard = m->black_hole.unheard[path];
  state->silent += unheard < VOUCHED ? unheard : VOUCHED;
  m->black_hole.unheard[path] = 0;
  if (state->silent >= WPM_PATH_SILENT_MAX) {
    state->silent = WPM_PATH_SILENT_MAX;
    if (!state->is_blocked && wpm_rule_holds(WPM_RULE_BLACK_HOLE)) {
      block(m, state);
    }
  }
}

/* The path of a public address. */
static wpm_path public_path(wpm_bytes multiaddr) {
  bool counts =
      wpm_scope_of(multiaddr) == WPM_SCOPE_PUBLIC || !wpm_rule_holds(WPM_RULE_BLACK_HOLE_PUBLIC);
  return counts ? wpm_path_of(multiaddr) : WPM_PATH_NONE;
}

/* ---- attempts ---------------------------------------------------------------------------------- */

void wpm_black_hole_connected(wpm_manager *m, wpm_connection *connection, wpm_bytes remote) {
  wpm_path path = public_path(remote);
  connection->shown = (uint8_t)path;
  if (path == WPM_PATH_NONE) {
    return;
  }
  m->black_hole.paths[path].connections++;
  forget_path(m, path);
  for (unsigned other = 0; other < WPM_PATH_COUNT; other++) {
    if (other != path) {
      vouch(m, other);
    }
  }
}

void wpm_black_hole_ended(wpm_manager *m, const wpm_connection *connection) {
  if (connection->shown != WPM_PATH_NONE) {
    m->black_hole.paths[connection->shown].connections--;
  }
}

/* What the end of an attempt tells of its path. */
typedef enum verdict { SAYS_NOTHING, SILENT, ANSWERED } verdict;

static verdict verdict_of(wpm_reason reason) {
  switch (reason) {
  case WPM_REASON_TIMED_OUT:
  case WPM_REASON_UNREACHABLE:
  case WPM_REASON_DIAL_TIMEOUT:
    return SILENT;
  case WPM_REASON_GO_AWAY:
  case WPM_REASON_EOF:
  case WPM_REASON_RESET:
  case WPM_REASON_GO_AWAY_ERROR:
  case WPM_REASON_TRUNCATED:
  case WPM_REASON_REFUSED:
  case WPM_REASON_UPGRADE_CLOSED:
  case WPM_REASON_NEGOTIATION_FAILED:
  case WPM_REASON_HANDSHAKE_FAILED:
  case WPM_REASON_PEER_ID_MISMATCH:
  case WPM_REASON_PROTOCOL_VIOLATION:
    return ANSWERED;
  case WPM_REASON_NONE:
  case WPM_REASON_LOCAL_CLOSE:
  case WPM_REASON_CROWDED:
  case WPM_REASON_FEELER:
  case WPM_REASON_ROTATED:
  case WPM_REASON_SURPLUS:
  case WPM_REASON_DUPLICATE:
  case WPM_REASON_THIRD_CONNECTION:
  case WPM_REASON_LATE_DIAL:
  case WPM_REASON_NO_PLACE:
  case WPM_REASON_STORE_FULL:
  case WPM_REASON_INBOUND_PER_IP:
  case WPM_REASON_INBOUND_PER_NETWORK:
  case WPM_REASON_INBOUND_PACE:
  case WPM_REASON_BANNED:
  case WPM_REASON_RANGE_BANNED:
  case WPM_REASON_SELF:
  case WPM_REASON_PERSON:
  case WPM_REASON_SHUTDOWN:
  case WPM_REASON_CLUSTER_MISMATCH:
  case WPM_REASON_PING_TIMEOUT:
  case WPM_REASON_NAME_NOT_FOUND:
  case WPM_REASON_UNSUPPORTED_ADDRESS:
  case WPM_REASON_CRASH:
  case WPM_REASON_IMPORTED:
  case WPM_REASON_LOCAL_FAILURE:
    break;
  }
  return SAYS_NOTHING;
}

static void count_silent(wpm_manager *m, wpm_path path) {
  wpm_path_state *state = &m->black_hole.paths[path];
  uint16_t *unheard = &m->black_hole.unheard[path];
  bool open = state->connections > 0 && wpm_rule_holds(WPM_RULE_BLACK_HOLE_LIVE);
  if (!open && *unheard < UINT16_MAX) {
    ++*unheard;
  }
  if (!wpm_rule_holds(WPM_RULE_BLACK_HOLE_WITNESS)) {
    vouch(m, path);
  }
}

void wpm_black_hole_failed(wpm_manager *m, const wpm_failed_address *failed, size_t count) {
  for (size_t i = 0; i < count; i++) {
    verdict heard = verdict_of(failed[i].reason);
    wpm_path path = heard != SAYS_NOTHING ? public_path(failed[i].multiaddr) : WPM_PATH_NONE;
    if (path == WPM_PATH_NONE) {
      continue;
    }
    if (heard == SILENT) {
      count_silent(m, path);
    } else if (wpm_rule_holds(WPM_RULE_BLACK_HOLE_ANSWER)) {
      forget_path(m, path);
    }
  }
}

/* ---- what follows ------------------------------------------------------------------------------ */

bool wpm_black_hole_takes(const wpm_manager *m, wpm_bytes multiaddr) {
  wpm_path path = m->black_hole.any ? public_path(multiaddr) : WPM_PATH_NONE;
  return path != WPM_PATH_NONE && m->black_hole.paths[path].is_blocked;
}

bool wpm_black_hole_swallowed(const wpm_manager *m, const wpm_failed_address *failed) {
  return verdict_of(failed->reason) == SILENT && wpm_black_hole_takes(m, failed->multiaddr) &&
         wpm_rule_holds(WPM_RULE_BLACK_HOLE_SWALLOWED);
}

bool wpm_black_hole_may_probe(const wpm_manager *m) {
  return m->black_hole.probe_at.ns <= m->now.ns;
}

void wpm_black_hole_probed(wpm_manager *m) {
  m->black_hole.probe_at = wpm_mono_after(m->now, PROBE_EVERY);
}

bool wpm_black_hole_try_beside(wpm_manager *m) {
  if (m->black_hole.beside_at.ns > m->now.ns || !wpm_rule_holds(WPM_RULE_BLACK_HOLE_BESIDE)) {
    return false;
  }
  m->black_hole.beside_at = wpm_mono_after(m->now, PROBE_EVERY);
  return true;
}

wpm_path_state wpm_manager_path(const wpm_manager *m, wpm_path path) {
  return (unsigned)path < WPM_PATH_COUNT ? m->black_hole.paths[path] : (wpm_path_state){0};
}
