#include "core/duplicate.h"

#include "core/connectivity.h"
#include "core/keepalive.h"
#include "core/rules.h"
#include "core/wait.h"

#include "base/bytes.h"

#define RACE_SETTLES_AFTER (wpm_rule_holds(WPM_RULE_RACE_SETTLES) ? WPM_SECOND : 0)

static wpm_connection *other_of(const wpm_manager *m, const wpm_connection *connection) {
  const wpm_policy *policy = wpm_manager_policy(m, connection->peer);
  return policy->connections[policy->connections[0] == connection ? 1 : 0];
}

/* The way the winner of a race runs: dialled by the smaller id. */
static wpm_direction winning_direction(const wpm_manager *m, const wpm_connection *connection) {
  bool smaller = wpm_bytes_compare(wpm_peer_id_view(&m->config.local_peer),
                                   wpm_connection_peer_id(connection)) < 0;
  return smaller || !wpm_rule_holds(WPM_RULE_RACE) ? WPM_OUTBOUND : WPM_INBOUND;
}

static bool is_race(const wpm_manager *m, const wpm_connection *older,
                    const wpm_connection *newer) {
  bool at_once = newer->began.ns - older->began.ns <= m->config.dial_timeout_ns ||
                 !wpm_rule_holds(WPM_RULE_RACE_SPAN);
  return older->direction != newer->direction && at_once;
}

static void begin_trial(wpm_connection *connection, wpm_trial trial, wpm_instant now) {
  connection->trial = trial;
  connection->trial_began = now.mono;
  connection->trial_heard = false;
}

void wpm_duplicate_begin(wpm_manager *m, uint32_t slot, wpm_instant now) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_connection *older = policy->connections[0];
  wpm_connection *newer = policy->connections[1];
  if (!is_race(m, older, newer)) {
    begin_trial(older, WPM_TRIAL_OLDER, now);
    begin_trial(newer, WPM_TRIAL_NEWER, now);
    if (wpm_rule_holds(WPM_RULE_OLDER_PINGED)) {
      wpm_keepalive_ping(m, older, now);
    }
    return;
  }
  bool older_wins = older->direction == winning_direction(m, older);
  wpm_connection *winner = older_wins ? older : newer;
  begin_trial(winner, WPM_TRIAL_WINNER, now);
  begin_trial(older_wins ? newer : older, WPM_TRIAL_LOSER, now);
  if (wpm_rule_holds(WPM_RULE_WINNER_PINGED)) {
    wpm_keepalive_ping(m, winner, now);
  }
}

static bool must_answer(const wpm_connection *connection) {
  return (connection->trial == WPM_TRIAL_WINNER || connection->trial == WPM_TRIAL_OLDER) &&
         !connection->trial_heard;
}

bool wpm_duplicate_is_silent(const wpm_manager *m, const wpm_connection *connection,
                             wpm_instant now) {
  return must_answer(connection) && wpm_duplicate_deadline(m, connection).ns <= now.mono.ns &&
         wpm_rule_holds(WPM_RULE_SILENT_ENDS);
}

wpm_mono wpm_duplicate_deadline(const wpm_manager *m, const wpm_connection *connection) {
  if (must_answer(connection)) {
    return wpm_mono_after(connection->trial_began, m->config.ping_timeout_ns);
  }
  if (connection->trial == WPM_TRIAL_WINNER) {
    return wpm_mono_after(connection->trial_began, RACE_SETTLES_AFTER);
  }
  return WPM_NEVER;
}

void wpm_duplicate_due(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (connection->trial == WPM_TRIAL_WINNER && connection->trial_heard &&
      wpm_duplicate_deadline(m, connection).ns <= now.mono.ns) {
    wpm_connection_end(m, other_of(m, connection), WPM_REASON_DUPLICATE, now);
  }
}

void wpm_duplicate_heard(wpm_manager *m, wpm_connection *connection, wpm_instant now) {
  if (!must_answer(connection)) {
    return;
  }
  connection->trial_heard = true;
  if (connection->trial == WPM_TRIAL_OLDER) {
    wpm_connection_end(m, other_of(m, connection), WPM_REASON_DUPLICATE, now);
    return;
  }
  wpm_duplicate_due(m, connection, now);
}

void wpm_duplicate_over(wpm_manager *m, wpm_connection *survivor) {
  survivor->trial = WPM_TRIAL_NONE;
  wpm_keepalive_arm(m, survivor);
}
