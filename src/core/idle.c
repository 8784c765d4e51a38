#include "core/idle.h"

#include "core/path.h"
#include "core/rules.h"
#include "core/wait.h"

#define RETURNS_WITHIN (5 * WPM_MINUTE)
#define LOSS_COUNTS_FOR WPM_HOUR
#define TOO_LONG_FOR WPM_DAY
#define RETURNS_COUNTED 2
#define COUNT_OF_RETURN 2u
#define COUNTS_TOO_LONG 6u
#define BORNE_OFTEN 16
#define CLOSE_ENOUGH 8 /* The part of what was too long that need not be searched. */

/* ---- paths ------------------------------------------------------------------------------------- */

_Static_assert(2 * WPM_TRANSPORT_COUNT == WPM_IDLE_PATHS, "each over IPv4 and over IPv6");

uint8_t wpm_idle_path_of(wpm_bytes multiaddr) {
  wpm_way way = wpm_way_of(multiaddr);
  return wpm_idle_path_number(way.transport, way.family == WPM_FAMILY_IP6);
}

static bool learns(const wpm_manager *m) {
  return m->config.ping_interval_min_ns < m->config.ping_interval_ns &&
         wpm_rule_holds(WPM_RULE_IDLE_LEARNED);
}

void wpm_idle_forget(wpm_manager *m) {
  if (m->begun && !wpm_rule_holds(WPM_RULE_IDLE_EPOCH)) {
    return;
  }
  m->idle.loss_count = 0;
  for (unsigned i = 0; i < WPM_IDLE_PATHS; i++) {
    m->idle.paths[i] = (wpm_idle_path){.interval_ns = m->config.ping_interval_ns};
  }
}

int64_t wpm_idle_interval(const wpm_manager *m, uint8_t path) {
  return m->idle.paths[path].interval_ns;
}

/* ---- losses ------------------------------------------------------------------------------------ */

static void take_back(wpm_idle *idle, uint32_t index) {
  idle->losses[index] = idle->losses[--idle->loss_count];
}

static wpm_idle_loss *loss_of(wpm_idle *idle, uint32_t peer) {
  for (uint32_t i = 0; i < idle->loss_count; i++) {
    if (idle->losses[i].peer == peer) {
      return &idle->losses[i];
    }
  }
  return NULL;
}

/* Room for one; where there is none, the oldest gives way. */
static wpm_idle_loss *new_loss(wpm_idle *idle) {
  if (idle->loss_count < WPM_IDLE_LOSSES) {
    return &idle->losses[idle->loss_count++];
  }
  wpm_idle_loss *oldest = &idle->losses[0];
  for (uint32_t i = 1; i < WPM_IDLE_LOSSES; i++) {
    oldest = idle->losses[i].at.ns < oldest->at.ns ? &idle->losses[i] : oldest;
  }
  return oldest;
}

static bool is_loss(wpm_reason reason) {
  return reason == WPM_REASON_PING_TIMEOUT || reason == WPM_REASON_TIMED_OUT ||
         reason == WPM_REASON_RESET || !wpm_rule_holds(WPM_RULE_IDLE_LOSS);
}

/* Whether its silence was no longer than what is in use, or tried, now: after a fall it may have been. */
static bool is_of_now(const wpm_manager *m, const wpm_connection *connection) {
  const wpm_idle_path *path = &m->idle.paths[connection->path];
  return connection->stretched ? connection->ping_span <= path->stretch_ns
                               : connection->tested_ns <= path->interval_ns;
}

void wpm_idle_ended(wpm_manager *m, const wpm_connection *connection, uint32_t peer,
                    wpm_reason reason, wpm_instant now) {
  if (connection->tested_ns == 0 || !is_loss(reason) ||
      (m->epoch.offline && wpm_rule_holds(WPM_RULE_IDLE_GAP)) || !learns(m) ||
      !(is_of_now(m, connection) || !wpm_rule_holds(WPM_RULE_IDLE_OF_NOW))) {
    return;
  }
  wpm_idle_loss *loss = loss_of(&m->idle, peer);
  bool again = loss && loss->path == connection->path && loss->stretched == connection->stretched;
  uint8_t returns = again ? loss->returns : 0;
  loss = loss ? loss : new_loss(&m->idle);
  *loss = (wpm_idle_loss){.peer = peer,
                          .path = connection->path,
                          .stretched = connection->stretched,
                          .awaited = true,
                          .returns = returns,
                          .silence_ns = connection->tested_ns,
                          .at = now.mono};
  if (connection->stretched) {
    m->idle.paths[connection->path].borne = 0;
  }
}

void wpm_idle_absent(wpm_manager *m, uint32_t peer) {
  wpm_idle_loss *loss = loss_of(&m->idle, peer);
  if (!loss || !loss->awaited || !wpm_rule_holds(WPM_RULE_IDLE_ABSENT)) {
    return;
  }
  loss->awaited = false;
  if (loss->returns == 0) {
    take_back(&m->idle, (uint32_t)(loss - m->idle.losses));
  }
}

void wpm_idle_gone(wpm_manager *m, uint32_t peer) {
  wpm_idle_absent(m, peer);
  wpm_idle_loss *loss = loss_of(&m->idle, peer);
  if (loss) {
    loss->peer = WPM_SLOT_NONE;
  }
}

static unsigned counts(const wpm_idle_loss *loss, wpm_instant now) {
  if (loss->returns > 0) {
    return loss->returns * COUNT_OF_RETURN;
  }
  return now.mono.ns >= wpm_mono_after(loss->at, RETURNS_WITHIN).ns;
}

/* ---- down -------------------------------------------------------------------------------------- */

/* Forgets the losses on a path; `all`, or those of stretched connections alone. */
static void take_back_all(wpm_idle *idle, uint8_t path, bool all) {
  for (uint32_t i = idle->loss_count; i-- > 0;) {
    if (idle->losses[i].path == path && (all || idle->losses[i].stretched)) {
      take_back(idle, i);
    }
  }
}

/* The longest silence of those losses on a path that count, where together they count enough; 0: they
 * do not. */
static int64_t too_long(const wpm_idle *idle, uint8_t path, bool stretched, wpm_instant now) {
  unsigned sum = 0;
  int64_t longest = 0;
  for (uint32_t i = 0; i < idle->loss_count; i++) {
    const wpm_idle_loss *loss = &idle->losses[i];
    unsigned count = counts(loss, now);
    if (loss->path == path && loss->stretched == stretched && count > 0) {
      sum += count;
      longest = loss->silence_ns > longest ? loss->silence_ns : longest;
    }
  }
  return sum >= COUNTS_TOO_LONG ? longest : 0;
}

static bool judge(wpm_manager *m, uint8_t path, wpm_instant now) {
  wpm_idle_path *state = &m->idle.paths[path];
  int64_t least = m->config.ping_interval_min_ns;
  int64_t lost = too_long(&m->idle, path, false, now);
  if (lost > 0) {
    *state = (wpm_idle_path){.interval_ns = lost > least ? least + (lost - least) / 2 : least,
                             .too_long_ns = lost,
                             .too_long_at = now.mono};
    take_back_all(&m->idle, path, true);
    return true;
  }
  if (state->stretch_ns > 0 && too_long(&m->idle, path, true, now) > 0) {
    state->too_long_ns = state->stretch_ns;
    state->too_long_at = now.mono;
    state->stretch_ns = 0;
    state->borne = 0;
    take_back_all(&m->idle, path, false);
    return true;
  }
  return false;
}

bool wpm_idle_returned(wpm_manager *m, uint32_t peer, wpm_instant now) {
  if (m->idle.loss_count == 0) {
    return false;
  }
  wpm_idle_loss *loss = loss_of(&m->idle, peer);
  if (loss && loss->awaited) {
    bool in_time = now.mono.ns < wpm_mono_after(loss->at, RETURNS_WITHIN).ns;
    loss->awaited = false;
    bool more = loss->returns < RETURNS_COUNTED || !wpm_rule_holds(WPM_RULE_IDLE_TWO_OF_ONE);
    if (in_time && more && wpm_rule_holds(WPM_RULE_IDLE_RETURN)) {
      loss->returns++;
    }
  }
  for (uint32_t i = m->idle.loss_count; i-- > 0;) {
    if (now.mono.ns >= wpm_mono_after(m->idle.losses[i].at, LOSS_COUNTS_FOR).ns &&
        wpm_rule_holds(WPM_RULE_IDLE_HOUR)) {
      take_back(&m->idle, i);
    }
  }
  bool fell = false;
  for (uint8_t path = 0; path < WPM_IDLE_PATHS; path++) {
    fell = judge(m, path, now) || fell;
  }
  return fell;
}

/* ---- up ---------------------------------------------------------------------------------------- */

/* The longest silence there is to search: jitter shortens the interval by 2 percent at least. */
static int64_t search_most(const wpm_manager *m) {
  return m->config.ping_interval_ns - m->config.ping_interval_ns / 100 * 2;
}

/* The silence to try next; 0: none. */
static int64_t next_stretch(const wpm_manager *m, const wpm_idle_path *path) {
  bool known = path->too_long_ns > 0;
  int64_t most = known ? path->too_long_ns : search_most(m);
  int64_t open = most - path->interval_ns;
  if (open > most / CLOSE_ENOUGH || !wpm_rule_holds(WPM_RULE_IDLE_CLOSE)) {
    return path->interval_ns + open / 2;
  }
  return known || open <= 0 ? 0 : most;
}

static void bears_stretch(wpm_manager *m, wpm_idle_path *path) {
  if (++path->borne < BORNE_OFTEN) {
    return;
  }
  bool whole = path->stretch_ns >= search_most(m);
  path->interval_ns = whole ? m->config.ping_interval_ns : path->stretch_ns;
  path->stretch_ns = 0;
  path->borne = 0;
}

static void bears_interval(const wpm_manager *m, wpm_idle_path *path, wpm_instant now) {
  if (!wpm_rule_holds(WPM_RULE_IDLE_STRETCHED)) {
    return;
  }
  if (path->borne < BORNE_OFTEN) {
    path->borne++;
    return;
  }
  if (now.mono.ns >= wpm_mono_after(path->too_long_at, TOO_LONG_FOR).ns &&
      wpm_rule_holds(WPM_RULE_IDLE_DAY)) {
    path->too_long_ns = 0;
  }
  path->stretch_ns = next_stretch(m, path);
  if (path->stretch_ns > 0) {
    path->stretch_at = now.mono;
    path->borne = 0;
  }
}

void wpm_idle_borne(wpm_manager *m, const wpm_connection *connection, wpm_instant now) {
  wpm_idle_path *path = &m->idle.paths[connection->path];
  for (uint32_t i = m->idle.loss_count; i-- > 0;) {
    const wpm_idle_loss *loss = &m->idle.losses[i];
    if (loss->path == connection->path && loss->silence_ns <= connection->tested_ns &&
        (loss->returns == 0 || loss->peer == connection->peer ||
         !wpm_rule_holds(WPM_RULE_IDLE_STANDS)) &&
        wpm_rule_holds(WPM_RULE_IDLE_TAKEN_BACK)) {
      take_back(&m->idle, i);
    }
  }
  if (path->stretch_ns > 0) {
    if (connection->stretched && connection->tested_ns >= path->stretch_ns) {
      bears_stretch(m, path);
    }
  } else if (path->interval_ns < m->config.ping_interval_ns) {
    bears_interval(m, path, now);
  }
}

int64_t wpm_idle_draw(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  wpm_idle_path *path = &m->idle.paths[connection->path];
  bool had_its_turn = connection->stretched && wpm_rule_holds(WPM_RULE_IDLE_TURNS);
  connection->stretched =
      path->stretch_ns > 0 && now.mono.ns >= path->stretch_at.ns && !had_its_turn;
  if (connection->stretched) {
    path->stretch_at = wpm_mono_after(now.mono, path->stretch_ns);
    return path->stretch_ns;
  }
  int64_t percent = path->interval_ns / 100;
  uint64_t less = wpm_rng_below(&m->rng, (uint64_t)(8 * percent) + 1);
  return path->interval_ns - 2 * percent -
         (wpm_rule_holds(WPM_RULE_PING_JITTER) ? (int64_t)less : 0);
}
