#include "core/restart.h"

#include "base/bytes.h"
#include "core/actions.h"
#include "core/backoff.h"
#include "core/connectivity.h"
#include "core/doubt.h"
#include "core/groups.h"
#include "core/judge.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/sources.h"
#include "core/tags.h"
#include "core/targets.h"
#include "core/wait.h"

#define HEARTBEAT_GRACE (5 * WPM_SECOND)
/* A rank is made of, from the top: the kind (core/schedule.h), whether it was connected before the
 * stop only, the second of its last disconnect, and how long the connection before that lasted. */
#define AGE_BITS 24
#define SECOND_BITS 33
#define CONNECTED_BEFORE (INT64_C(1) << (AGE_BITS + SECOND_BITS))

/* To the millisecond up to 70 minutes, to the second above that. */
static int64_t rank_of_age(int64_t age_ns) {
  const int64_t fine = INT64_C(1) << (AGE_BITS - 2);
  const int64_t most = (INT64_C(1) << AGE_BITS) - 1;
  int64_t age = age_ns > 0 ? age_ns / WPM_MILLISECOND : 0;
  if (age >= fine) {
    age = fine + (age - fine) / 1000;
  }
  return age < most ? age : most;
}

int64_t wpm_restart_rank_by_time(const wpm_peer *peer) {
  const int64_t last = (INT64_C(1) << SECOND_BITS) - 1;
  int64_t end = peer->disconnect_time.ns > 0 ? peer->disconnect_time.ns : 0;
  int64_t begin = peer->connected_time.ns > 0 ? peer->connected_time.ns : 0;
  int64_t second = end / WPM_SECOND < last ? end / WPM_SECOND : last;
  if (!wpm_rule_holds(WPM_RULE_RESTART_ORDER)) {
    return 0;
  }
  return (last - second) << AGE_BITS | rank_of_age(end - begin);
}

static bool was_at_the_stop(const wpm_peer *peer) {
  return peer->reason == WPM_REASON_SHUTDOWN || peer->reason == WPM_REASON_CRASH;
}

int64_t wpm_restart_rank(const wpm_peer *peer) {
  bool first = was_at_the_stop(peer) || !wpm_rule_holds(WPM_RULE_RESTART_AT_THE_STOP);
  return (first ? 0 : CONNECTED_BEFORE) | wpm_restart_rank_by_time(peer);
}

/* ---- places ---------------------------------------------------------------------------------- */

static void reserve(wpm_manager *m, uint32_t slot) {
  wpm_manager_policy(m, slot)->reserved = true;
  m->reserved++;
  wpm_targets_take_group(m, slot);
}

static void give_up_place(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->reserved) {
    policy->reserved = false;
    m->reserved--;
    wpm_targets_take_group(m, slot);
  }
}

void wpm_restart_waits(wpm_manager *m, uint32_t slot, wpm_mono until) {
  if (until.ns > m->reserve_until.ns && wpm_rule_holds(WPM_RULE_RESTART_WAITS)) {
    give_up_place(m, slot);
  }
}

void wpm_restart_drop(wpm_manager *m, uint32_t slot) {
  wpm_manager_policy(m, slot)->of_restart = false;
  give_up_place(m, slot);
  wpm_heap_set(&m->restart, slot, WPM_NEVER);
}

void wpm_restart_again(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->of_restart && policy->at_the_stop && !policy->has_place &&
      wpm_rule_holds(WPM_RULE_RESTART_AGAIN)) {
    reserve(m, slot);
  }
}

void wpm_restart_begin(wpm_manager *m, wpm_instant now) {
  if (m->begun) {
    return;
  }
  m->begun = true;
  wpm_doubt_begin_epoch(m);
  wpm_restart_reserve(m, now);
}

/* A PRUNE does not reserve places. */
static bool waits_briefly(const wpm_manager *m, uint32_t slot, wpm_instant now) {
  return wpm_schedule_plan(m, slot, now).next_dial.ns <= m->reserve_until.ns ||
         !wpm_rule_holds(WPM_RULE_RESTART_LONG_WAIT);
}

void wpm_restart_reserve(wpm_manager *m, wpm_instant now) {
  uint32_t slot = WPM_SLOT_NONE;
  while (m->restart.count > 0 && (size_t)m->places + m->reserved < wpm_manager_most_places(m)) {
    (void)wpm_heap_least(&m->restart, &slot);
    wpm_heap_set(&m->restart, slot, WPM_NEVER);
    wpm_policy *policy = wpm_manager_policy(m, slot);
    if (!policy->has_place && !policy->reserved && waits_briefly(m, slot, now) &&
        wpm_rule_holds(WPM_RULE_RESTART_PLACES)) {
      reserve(m, slot);
      wpm_schedule_rerank(m, slot);
    }
  }
}

/* ---- restoring a record ---------------------------------------------------------------------- */

/* When a peer that was connected as the last run died counts as disconnected. */
static wpm_instant end_of_last_run(const wpm_instant *heartbeat, wpm_instant now) {
  if (!heartbeat || heartbeat->boot_id != now.boot_id || !wpm_rule_holds(WPM_RULE_CRASH_END)) {
    return now;
  }
  wpm_mono end = wpm_mono_after(heartbeat->mono, HEARTBEAT_GRACE);
  if (end.ns >= now.mono.ns || end.ns < 0) {
    return now;
  }
  return (wpm_instant){end, {now.wall.ns - (now.mono.ns - end.ns)}, now.boot_id};
}

/* What a wait is brought into this boot with. */
typedef struct resumption {
  const wpm_instant *heartbeat; /* The last sign of life of the run that stored it; NULL: none. */
  wpm_instant now;
} resumption;

static wpm_wait resumed_wait(const wpm_wait *stored, int64_t longest, resumption by) {
  wpm_wait wait = wpm_wait_as_seen(stored, by.heartbeat);
  return wpm_wait_resume(&wait, longest, by.now);
}

static wpm_wait resumed_ban(const wpm_wait *stored, resumption by) {
  return stored->length_ns == INT64_MAX ? *stored : resumed_wait(stored, WPM_WAIT_LONGEST, by);
}

wpm_wait wpm_restart_resumed_ban(const wpm_wait *stored, const wpm_instant *heartbeat,
                                 wpm_instant now) {
  return resumed_ban(stored, (resumption){heartbeat, now});
}

/* The prune backoff is the other side's right. */
static wpm_wait resumed_backoff(const wpm_wait *stored, resumption by) {
  return wpm_rule_holds(WPM_RULE_RESTART_OWED)
             ? wpm_wait_resume_owed(stored, WPM_DAY, by.heartbeat, by.now)
             : resumed_wait(stored, WPM_DAY, by);
}

static void resume_backoff(wpm_manager *m, uint32_t slot, resumption by) {
  const wpm_wait held = wpm_peer_wait(m->store, wpm_manager_peer(m, slot), WPM_WAIT_PRUNE_BACKOFF);
  wpm_store_slot_wait(m->store, slot, WPM_WAIT_PRUNE_BACKOFF, resumed_backoff(&held, by));
}

static void resume_wait(wpm_manager *m, uint32_t slot, wpm_wait_kind kind, int64_t longest,
                        resumption by) {
  const wpm_wait held = wpm_peer_wait(m->store, wpm_manager_peer(m, slot), kind);
  wpm_store_slot_wait(m->store, slot, kind, resumed_wait(&held, longest, by));
}

static void resume_waits(wpm_manager *m, uint32_t slot, resumption by) {
  uint32_t cluster_id = wpm_peer_cluster(m->store, wpm_manager_peer(m, slot));
  bool other = wpm_manager_of_other_cluster(m, cluster_id);
  resume_backoff(m, slot, by);
  resume_wait(m, slot, WPM_WAIT_RETRY_DELAY, m->config.reconnect_max_ns, by);
  resume_wait(m, slot, WPM_WAIT_MISMATCH_DELAY, other ? m->config.mismatch_delay_ns : 0, by);
  const wpm_wait ban = wpm_peer_wait(m->store, wpm_manager_peer(m, slot), WPM_WAIT_BAN);
  wpm_store_slot_wait(m->store, slot, WPM_WAIT_BAN, resumed_ban(&ban, by));
}

/* The prune backoff that a peer's last disconnect asks for, where its record has none. */
static void backoff_of_disconnect(wpm_manager *m, uint32_t slot, wpm_instant now) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  const wpm_wait backoff = wpm_peer_wait(m->store, peer, WPM_WAIT_PRUNE_BACKOFF);
  if (wpm_peer_has(peer, WPM_HAS_HELD) && wpm_wall_known(peer->disconnect_time) &&
      backoff.length_ns == 0 && wpm_backoff_applies(peer) &&
      wpm_rule_holds(WPM_RULE_DISCONNECT_TIME)) {
    /* No boot has id 0 on its own account: the wall clock decides. */
    wpm_instant end = {{-1}, peer->disconnect_time, 0};
    wpm_backoff_prune(m, slot, end, 0, now);
    resume_wait(m, slot, WPM_WAIT_PRUNE_BACKOFF, WPM_DAY, (resumption){NULL, now});
  }
}

static void restored(wpm_manager *m, uint32_t slot, bool was_connected,
                     const wpm_instant *heartbeat, wpm_instant now) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  resume_waits(m, slot, (resumption){heartbeat, now});
  if (wpm_rule_holds(WPM_RULE_TAG_RESTORED)) {
    wpm_tags_expire(m, slot, now.wall);
  }
  if (was_connected) {
    wpm_instant end = end_of_last_run(heartbeat, now);
    wpm_store_slot_crashed(m->store, slot, end.wall);
    if (wpm_backoff_applies(peer)) {
      wpm_backoff_prune(m, slot, end, 0, now);
    }
  } else {
    backoff_of_disconnect(m, slot, now);
  }
  if (was_at_the_stop(peer)) {
    wpm_manager_policy(m, slot)->at_the_stop = true;
    wpm_history_note(m, slot, WPM_HISTORY_RESTORED, (wpm_reason)peer->reason);
  }
  wpm_groups_update(m, slot);
  wpm_sources_restored(m, slot);
  /* Who came to us is greeted if it comes again, and a candidate as others are; so is whom we let go as
   * one too many, or only tried. */
  bool came_in = wpm_targets_are_set(m) && wpm_peer_direction(peer) == WPM_INBOUND &&
                 wpm_rule_holds(WPM_RULE_RESTART_CAME_IN);
  if (wpm_peer_has(peer, WPM_HAS_HELD) && wpm_peer_relays(peer) && !came_in &&
      !wpm_schedule_was_let_go(peer) && wpm_rule_holds(WPM_RULE_RESTART_FIRST)) {
    wpm_manager_policy(m, slot)->of_restart = true;
    if (was_at_the_stop(peer) || !wpm_rule_holds(WPM_RULE_RESTART_KEPT)) {
      wpm_heap_set(&m->restart, slot, (wpm_mono){wpm_restart_rank(peer)});
    }
  }
}

int wpm_manager_restore_tombstone(wpm_manager *m, wpm_tombstone *tombstone,
                                  const wpm_instant *heartbeat, wpm_instant now) {
  const resumption by = {heartbeat, now};
  if (m->begun) {
    return WPM_ERR_STATE;
  }
  if (wpm_manager_is_local(m, tombstone->id)) {
    return WPM_ERR_INVALID;
  }
  tombstone->prune_backoff = resumed_backoff(&tombstone->prune_backoff, by);
  tombstone->ban = resumed_ban(&tombstone->ban, by);
  wpm_store_advance(m->store, now);
  if (!wpm_wait_runs(&tombstone->prune_backoff, now) && !wpm_wait_runs(&tombstone->ban, now)) {
    return WPM_ERR_STALE;
  }
  return wpm_store_put_tombstone(m->store, tombstone);
}

int wpm_manager_restore(wpm_manager *m, const wpm_peer_record *record, const wpm_instant *heartbeat,
                        wpm_instant now) {
  if (m->begun) {
    return WPM_ERR_STATE;
  }
  if (record->id.len == 0 || record->id.len > WPM_PEER_ID_MAX ||
      wpm_manager_is_local(m, record->id)) {
    return WPM_ERR_INVALID;
  }
  int err = wpm_manager_make_room(m, record->address_count);
  if (!err) {
    wpm_store_advance(m->store, now); /* Spans of waiting are held against this boot. */
    err = wpm_store_put(m->store, record);
  }
  if (err) {
    return err;
  }
  uint32_t slot = wpm_store_find(m->store, record->id);
  if (record->held || record->connectivity == WPM_CONNECTED ||
      wpm_manager_peer(m, slot)->contact) { /* Its waits are brought into this boot. */
    err = wpm_store_open_contact(m->store, slot);
  }
  if (err) {
    wpm_store_remove_slot(m->store, slot, WPM_CAUSE_FACT);
    return err;
  }
  wpm_judge_restored(m, slot);
  if (m->expired_at.ns == INT64_MIN) { /* What fades has a moment from which on it does. */
    m->expired_at = now.mono;
  }
  m->history.now = now.wall;
  wpm_change change = wpm_change_begin(m, slot);
  restored(m, slot, record->connectivity == WPM_CONNECTED, heartbeat, now);
  wpm_store_close_contact(m->store, slot);
  wpm_change_store(m, &change);
  wpm_manager_policy(m, slot)->stored_at = now.mono;
  m->reserve_until = wpm_mono_after(now.mono, wpm_backoff_longest_default(m));
  wpm_schedule_update(m, slot, now);
  return WPM_OK;
}

/* ---- importing one --------------------------------------------------------------------------- */

int wpm_on_imported(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  const wpm_peer_record *record = event->u.imported.record;
  uint32_t slot = wpm_store_find(m->store, event->peer);
  bool added = slot == WPM_SLOT_NONE;
  size_t most = m->config.store.max_peers;
  wpm_change change = {.slot = WPM_SLOT_NONE};
  if (wpm_manager_is_local(m, event->peer) || !record ||
      !wpm_bytes_equal(record->id, event->peer)) {
    return WPM_ERR_INVALID;
  }
  if (added && most > 0 && wpm_store_count(m->store) >= most) {
    return WPM_ERR_FULL;
  }
  int err = wpm_manager_make_room(m, record->address_count);
  if (!err && !added) {
    err = wpm_store_open_contact(m->store, slot);
    change = wpm_change_begin(m, slot);
  }
  if (!err) {
    err = wpm_store_put(m->store, record);
  }
  if (!err && added) {
    slot = wpm_store_find(m->store, event->peer);
    err = wpm_store_open_contact(m->store, slot);
    if (err) {
      wpm_store_remove_slot(m->store, slot, WPM_CAUSE_FACT);
      return err;
    }
    change = wpm_change_begin(m, slot);
  }
  if (!err) {
    wpm_judge_restored(m, slot);
    wpm_tags_expire(m, slot, now.wall);
  }
  if (!err && !wpm_manager_policy(m, slot)->connections[0]) {
    resume_waits(m, slot, (resumption){NULL, now});
    backoff_of_disconnect(m, slot, now);
  }
  if (!err) {
    wpm_history_note(m, slot, WPM_HISTORY_IMPORTED, WPM_REASON_NONE);
    wpm_sources_leave(m, slot);
  }
  if (change.slot != WPM_SLOT_NONE) {
    wpm_change_end_of(m, &change, added && !err, now);
  }
  return err;
}
