#include "core/epoch.h"

#include "core/black_hole.h"
#include "core/connectivity.h"
#include "core/doubt.h"
#include "core/idle.h"
#include "core/keepalive.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/wait.h"

#define VOIDED_AT_ONCE 2048 /* Peers looked at in one go. */
#define FAILURES_OF_NO_NETWORK 8

/* ---- a new epoch ------------------------------------------------------------------------------- */

/* From the first slot on, retry delays are void; what silence is borne is not known. */
static void begin_epoch(wpm_manager *m) {
  m->epoch.began = m->now;
  m->epoch.voiding = 0;
  m->epoch.failures = 0;
  wpm_doubt_begin_epoch(m);
  wpm_idle_forget(m);
  wpm_black_hole_forget(m);
}

static void void_retry_delay(wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  const wpm_wait retry = wpm_peer_wait(m->store, wpm_manager_peer(m, slot), WPM_WAIT_RETRY_DELAY);
  bool local = policy->local_until.ns > now.mono.ns;
  bool of_before = retry.start.boot_id != now.boot_id || retry.start.mono.ns < m->epoch.began.ns;
  bool retries =
      (of_before || !wpm_rule_holds(WPM_RULE_VOID_OF_BEFORE)) && wpm_wait_runs(&retry, now);
  if ((!local && !retries) || !wpm_rule_holds(WPM_RULE_VOID_DELAYS)) {
    return;
  }
  wpm_change change = wpm_change_begin(m, slot);
  policy->local_until = now.mono;
  policy->local_failures = 0;
  if (retries) {
    wpm_store_slot_wait(m->store, slot, WPM_WAIT_RETRY_DELAY, (wpm_wait){.length_ns = 0});
  }
  wpm_change_end(m, &change, now);
}

void wpm_epoch_run(wpm_manager *m, wpm_instant now) {
  for (uint32_t left = VOIDED_AT_ONCE; left > 0 && m->epoch.voiding < m->store->slots; left--) {
    uint32_t slot = m->epoch.voiding++;
    if (wpm_manager_peer(m, slot)->state == WPM_SLOT_HELD) {
      void_retry_delay(m, slot, now);
    }
  }
  if (m->epoch.voiding >= m->store->slots) {
    m->epoch.voiding = WPM_SLOT_NONE;
  }
}

wpm_mono wpm_epoch_deadline(const wpm_manager *m) {
  if (m->epoch.voiding != WPM_SLOT_NONE) {
    return m->now;
  }
  bool watches = m->config.keep_alive && m->live_connections > 0;
  return watches ? wpm_mono_after(m->now, m->config.sleep_gap_ns) : WPM_NEVER;
}

/* ---- gaps -------------------------------------------------------------------------------------- */

static void probe_all(wpm_manager *m, wpm_instant now) {
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    wpm_connection *connection = m->connections[i];
    if (connection && connection->peer != WPM_SLOT_NONE) {
      wpm_keepalive_probe(m, connection, now);
    }
  }
}

static void end_gap(wpm_manager *m, wpm_instant now) {
  m->epoch.dials_before = m->next_dial;
  begin_epoch(m);
  if (m->config.keep_alive && wpm_rule_holds(WPM_RULE_GAP_PROBE)) {
    probe_all(m, now);
    wpm_doubt_probed(m);
  }
}

/* A moment of this boot, by the wall clock of now: that may have jumped since. */
static wpm_instant instant_at(wpm_mono mono, wpm_instant now) {
  return (wpm_instant){mono, {now.wall.ns - (now.mono.ns - mono.ns)}, now.boot_id};
}

void wpm_epoch_call(wpm_manager *m, wpm_instant now) {
  wpm_mono before = m->now;
  wpm_mono deadline = wpm_manager_next_deadline(m);
  m->now = now.mono;
  m->wall = now.wall;
  if (!m->begun || m->stopping || before.ns < 0 || deadline.ns == WPM_NEVER.ns) {
    return;
  }
  wpm_mono due = deadline.ns > before.ns ? deadline : before;
  if (now.mono.ns - due.ns <= m->config.sleep_gap_ns || !wpm_rule_holds(WPM_RULE_SLEEP)) {
    return;
  }
  if (!m->epoch.offline) { /* Otherwise the gap began before. */
    m->epoch.gap_from = due;
  }
  m->epoch.has_gap = true;
  wpm_history_note_own(m, WPM_HISTORY_SLEPT);
  end_gap(m, now);
}

wpm_instant wpm_epoch_end_of(const wpm_manager *m, const wpm_connection *connection,
                             wpm_instant now) {
  bool died_in_gap = m->epoch.has_gap && connection->heard_at.ns <= m->epoch.gap_from.ns;
  return died_in_gap && wpm_rule_holds(WPM_RULE_GAP_END) ? instant_at(m->epoch.gap_from, now) : now;
}

bool wpm_epoch_cut_short(const wpm_manager *m, wpm_dial_id dial) {
  bool in_gap = m->epoch.offline || dial <= m->epoch.dials_before;
  return in_gap && wpm_rule_holds(WPM_RULE_CUT_SHORT);
}

/* ---- what is known of the network -------------------------------------------------------------- */

void wpm_epoch_dial_failed(wpm_manager *m) {
  if (m->live_connections > 0 && wpm_rule_holds(WPM_RULE_VAIN_ALONE)) {
    m->epoch.failures = 0;
  } else if (m->epoch.failures < FAILURES_OF_NO_NETWORK) {
    m->epoch.failures++;
  }
}

void wpm_epoch_connected(wpm_manager *m) {
  if (m->epoch.failures == FAILURES_OF_NO_NETWORK && wpm_rule_holds(WPM_RULE_VAIN_DIALS)) {
    begin_epoch(m);
  }
  m->epoch.failures = 0;
}

int wpm_on_network(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  switch (event->u.network.state) {
  case WPM_NETWORK_OFFLINE:
    if (!m->epoch.offline) {
      m->epoch.gap_from = now.mono;
      m->epoch.has_gap = true;
      wpm_history_note_own(m, WPM_HISTORY_OFFLINE);
    }
    m->epoch.offline = true;
    return WPM_OK;
  case WPM_NETWORK_ONLINE:
    if (m->epoch.offline) {
      m->epoch.offline = false;
      wpm_history_note_own(m, WPM_HISTORY_ONLINE);
      end_gap(m, now);
    }
    return WPM_OK;
  case WPM_NETWORK_CHANGED:
    if (!m->epoch.offline && wpm_rule_holds(WPM_RULE_NETWORK_CHANGED)) {
      wpm_history_note_own(m, WPM_HISTORY_NETWORK_CHANGED);
      end_gap(m, now);
    }
    return WPM_OK;
  }
  return WPM_ERR_INVALID;
}
