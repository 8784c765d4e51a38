#include "core/connectivity.h"

#include "core/actions.h"
#include "core/ahead.h"
#include "core/backoff.h"
#include "core/black_hole.h"
#include "core/crowd.h"
#include "core/duplicate.h"
#include "core/epoch.h"
#include "core/feelers.h"
#include "core/groups.h"
#include "core/idle.h"
#include "core/inbound.h"
#include "core/judge.h"
#include "core/keepalive.h"
#include "core/range_bans.h"
#include "core/restart.h"
#include "core/rules.h"
#include "core/schedule.h"
#include "core/sources.h"
#include "core/targets.h"
#include "core/tellers.h"
#include "core/wait.h"

#include "base/bytes.h"
#include "base/multiaddr.h"

/* ---- changes --------------------------------------------------------------------------------- */

wpm_change wpm_change_begin(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  wpm_change change = {slot,
                       m->store->changes,
                       m->store->dirty,
                       wpm_peer_connectivity(peer),
                       wpm_peer_has(peer, WPM_HAS_BAN),
                       false};
  m->store->dirty = 0;
  return change;
}

void wpm_change_store(wpm_manager *m, const wpm_change *change) {
  if (m->store->changes != change->changes) {
    wpm_manager_policy(m, change->slot)->fields |= m->store->dirty;
    wpm_pending_peer(m, change->slot, WPM_PENDING_PERSIST);
  }
  m->store->dirty |= change->dirty;
}

void wpm_change_end(wpm_manager *m, const wpm_change *change, wpm_instant now) {
  if (m->store->dirty & WPM_FIELD_ADDRESSES) {
    wpm_groups_update(m, change->slot);
  }
  if (m->store->changes != change->changes) {
    wpm_manager_policy(m, change->slot)->stored_at = now.mono;
  }
  bool is_banned = wpm_peer_has(wpm_manager_peer(m, change->slot), WPM_HAS_BAN);
  if (is_banned != change->is_banned) {
    wpm_history_note(m, change->slot, is_banned ? WPM_HISTORY_BANNED : WPM_HISTORY_UNBANNED,
                     WPM_REASON_NONE);
  }
  wpm_change_store(m, change);
  wpm_pending_notify(m, change->slot, change->connectivity);
  wpm_place_update(m, change->slot);
  wpm_schedule_update(m, change->slot, now);
  if (!wpm_manager_policy(m, change->slot)->has_place && !change->dials) {
    wpm_store_close_contact(m->store, change->slot);
  }
}

void wpm_change_end_of(wpm_manager *m, const wpm_change *change, bool added, wpm_instant now) {
  if (added) { /* A new peer is stored whole. */
    m->store->dirty = WPM_FIELD_ALL;
    m->store->changes++;
  }
  wpm_change_end(m, change, now);
}

void wpm_place_update(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool has_place = policy->connections[0] || policy->dial;
  if (!has_place) {
    wpm_feelers_over(m, slot);
  }
  wpm_targets_update(m, slot);
  if (has_place == policy->has_place) {
    return;
  }
  policy->has_place = has_place;
  if (!has_place) {
    m->places--;
    return;
  }
  m->places++;
  if (policy->reserved) {
    policy->reserved = false;
    m->reserved--;
    wpm_targets_take_group(m, slot);
  }
}

/* ---- a connection ends ----------------------------------------------------------------------- */

bool wpm_reason_is_theirs(wpm_reason reason) {
  return reason == WPM_REASON_GO_AWAY || reason == WPM_REASON_EOF || reason == WPM_REASON_RESET ||
         wpm_reason_leaves(reason) == WPM_CANNOT_CONNECT;
}

static uint32_t saturating_add(uint32_t a, uint32_t b) {
  return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void delay_retry(wpm_manager *m, uint32_t slot, wpm_instant now) {
  uint32_t failures = wpm_peer_failures(m->store, wpm_manager_peer(m, slot));
  uint32_t setbacks = saturating_add(failures, wpm_manager_policy(m, slot)->short_lived);
  if (setbacks > 0 && (failures > 0 || wpm_rule_holds(WPM_RULE_SHORT_LIVED))) {
    wpm_wait wait = wpm_wait_from(now, wpm_backoff_retry(m, setbacks));
    wpm_store_slot_wait(m->store, slot, WPM_WAIT_RETRY_DELAY, wait);
  }
}

/* A dial is in vain for a while, and its peer is not to blame. */
static void swallowed(wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_mono until = wpm_mono_after(now.mono, wpm_backoff_retry(m, UINT32_MAX));
  wpm_manager_policy(m, slot)->local_until = until;
  wpm_restart_drop(m, slot);
}

static void failed_locally(wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->local_failures < UINT8_MAX) {
    policy->local_failures++;
  }
  policy->local_until = wpm_mono_after(now.mono, wpm_backoff_local(m, policy->local_failures));
}

/* A dial that began before would arrive in the backoff. */
static void keep_backoff(wpm_manager *m, uint32_t slot, wpm_instant now) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  if (!policy->dial || policy->asked || !wpm_rule_holds(WPM_RULE_PRUNE_CANCELS)) {
    return;
  }
  wpm_wait prune = wpm_peer_wait(m->store, wpm_manager_peer(m, slot), WPM_WAIT_PRUNE_BACKOFF);
  if (wpm_wait_runs(&prune, now)) {
    wpm_peer_cancel_dial(m, slot);
  }
}

static void peer_disconnected(wpm_manager *m, uint32_t slot, const wpm_connection *last,
                              wpm_reason reason, wpm_instant end, wpm_instant now) {
  wpm_manager_policy(m, slot)->at_the_stop = false;
  if (wpm_backoff_applies(wpm_manager_peer(m, slot))) {
    wpm_backoff_prune(m, slot, end, 0, now);
    keep_backoff(m, slot, now);
  }
  bool in_gap = end.mono.ns < now.mono.ns;
  bool ours = last->direction == WPM_OUTBOUND || !wpm_rule_holds(WPM_RULE_SETBACK_OURS);
  if (last->stable || !ours || (in_gap && wpm_rule_holds(WPM_RULE_SETBACK_GAP))) {
    return;
  }
  if (wpm_reason_is_theirs(reason)) {
    wpm_policy *policy = wpm_manager_policy(m, slot);
    policy->short_lived = saturating_add(policy->short_lived, 1);
    delay_retry(m, slot, now);
  } else {
    failed_locally(m, slot, now);
  }
}

void wpm_connection_ended(wpm_manager *m, wpm_connection *connection, wpm_reason reason,
                          wpm_instant now) {
  uint32_t slot = connection->peer;
  wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_change change = wpm_change_begin(m, slot);
  wpm_instant end = wpm_reason_is_theirs(reason) ? wpm_epoch_end_of(m, connection, now) : now;
  wpm_keepalive_stable(m, connection, end);
  if (end.mono.ns == now.mono.ns || !wpm_rule_holds(WPM_RULE_IDLE_GAP)) {
    wpm_idle_ended(m, connection, slot, reason, now);
  }
  connection->peer = WPM_SLOT_NONE;
  m->live_connections--;
  wpm_inbound_ended(m, connection);
  wpm_black_hole_ended(m, connection);
  if (policy->connections[0] == connection) {
    policy->connections[0] = policy->connections[1];
  }
  policy->connections[1] = NULL;
  wpm_judge_ended(m, slot, reason, end.mono.ns < now.mono.ns);
  wpm_store_slot_disconnected(m->store, slot, reason, end.wall);
  wpm_connection *survivor = policy->connections[0];
  wpm_history_note_connection(m, slot,
                              survivor ? WPM_HISTORY_SECOND_ENDED : WPM_HISTORY_DISCONNECTED,
                              reason, connection->direction);
  if (survivor && wpm_rule_holds(WPM_RULE_SURVIVOR)) {
    wpm_store_slot_direction(m->store, slot, survivor->direction);
    wpm_duplicate_over(m, survivor);
  } else {
    peer_disconnected(m, slot, connection, reason, end, now);
  }
  wpm_change_end(m, &change, now);
}

void wpm_connection_end(wpm_manager *m, wpm_connection *connection, wpm_reason reason,
                        wpm_instant now) {
  wpm_connection_ended(m, connection, reason, now);
  wpm_connection_close(m, connection, reason);
}

void wpm_connectivity_end_all(wpm_manager *m, uint32_t slot, wpm_reason reason, wpm_instant now) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  while (policy->connections[0]) {
    wpm_connection *newest =
        policy->connections[1] ? policy->connections[1] : policy->connections[0];
    wpm_connection_end(m, newest, reason, now);
  }
}

int wpm_on_disconnected(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_reason reason = event->u.disconnected.reason;
  wpm_connection *connection = wpm_connection_find(m, event->u.disconnected.connection);
  if (!connection) {
    return WPM_OK;
  }
  if (reason == WPM_REASON_NONE || (unsigned)reason >= WPM_REASON_COUNT ||
      !wpm_bytes_equal(event->peer, wpm_connection_peer_id(connection))) {
    return WPM_ERR_INVALID;
  }
  if (connection->peer != WPM_SLOT_NONE) {
    wpm_ahead_of_change(m, connection->peer);
    wpm_store_ask_for_state(m->store, connection->peer, wpm_reason_leaves(reason));
    wpm_connection_ended(m, connection, reason, now);
  }
  wpm_connection_leave(m, connection);
  return WPM_OK;
}

/* ---- a dial ends ----------------------------------------------------------------------------- */

static void dial_over(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  policy->dial = 0;
  policy->asked = false;
  policy->pending &= (uint8_t)~WPM_PENDING_DIALS;
  m->dials--;
}

void wpm_peer_cancel_dial(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (!policy->dial) {
    return;
  }
  if (!(policy->pending & WPM_PENDING_DIALS)) {
    policy->cancelled = policy->dial;
    wpm_pending_peer(m, slot, WPM_PENDING_CANCEL_DIAL);
  }
  wpm_history_note(m, slot, WPM_HISTORY_DIAL_CANCELLED, WPM_REASON_NONE);
  dial_over(m, slot);
}

static void failed_at_addresses(wpm_manager *m, uint32_t slot, const wpm_failed_address *failed,
                                size_t count, wpm_instant now) {
  for (size_t i = 0; i < count; i++) {
    if (failed[i].reason != WPM_REASON_LOCAL_FAILURE && !wpm_black_hole_swallowed(m, &failed[i])) {
      /* Without memory, or where the address is gone, its time of failure is all that is lost. */
      int err = wpm_store_slot_address_failed(m->store, slot, failed[i].multiaddr, now.wall);
      (void)err;
    }
  }
}

static void failed_at_peer(wpm_manager *m, uint32_t slot, const wpm_event *event, wpm_instant now) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  policy->local_failures = 0;
  wpm_restart_drop(m, slot);
  wpm_idle_absent(m, slot);
  wpm_tellers_failed(m, slot, event->u.dial_failed.reason, now);
  failed_at_addresses(m, slot, event->u.dial_failed.addresses, event->u.dial_failed.address_count,
                      now);
  if (!policy->connections[0]) {
    wpm_store_slot_dial_failed(m->store, slot, event->u.dial_failed.reason, now.wall);
    delay_retry(m, slot, now);
  }
}

/* All that was tried lies behind a black hole. */
static bool was_swallowed(const wpm_manager *m, const wpm_event *event) {
  bool any = false;
  for (size_t i = 0; m->black_hole.any && i < event->u.dial_failed.address_count; i++) {
    const wpm_failed_address *failed = &event->u.dial_failed.addresses[i];
    if (failed->reason == WPM_REASON_LOCAL_FAILURE ||
        failed->reason == WPM_REASON_UNSUPPORTED_ADDRESS) {
      continue; /* Not tried. */
    }
    if (!wpm_black_hole_swallowed(m, failed)) {
      return false;
    }
    any = true;
  }
  return any;
}

int wpm_on_dial_failed(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_reason reason = event->u.dial_failed.reason;
  if (wpm_reason_leaves(reason) != WPM_CANNOT_CONNECT && reason != WPM_REASON_LOCAL_FAILURE) {
    return WPM_ERR_INVALID;
  }
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot != WPM_SLOT_NONE) {
    wpm_ahead_of_found(m, slot);
    wpm_store_ask_for_state(m->store, slot, WPM_CANNOT_CONNECT);
  }
  if (slot == WPM_SLOT_NONE || event->u.dial_failed.dial == 0 ||
      (wpm_manager_policy(m, slot)->dial != event->u.dial_failed.dial &&
       wpm_rule_holds(WPM_RULE_LATE_RESULT))) {
    return WPM_OK;
  }
  wpm_history_note(m, slot, WPM_HISTORY_DIAL_FAILED, reason);
  wpm_change change = wpm_change_begin(m, slot);
  dial_over(m, slot);
  wpm_epoch_dial_failed(m);
  bool ours = reason == WPM_REASON_LOCAL_FAILURE && wpm_rule_holds(WPM_RULE_LOCAL_FAILURE);
  bool cut_short = wpm_epoch_cut_short(m, event->u.dial_failed.dial);
  if (ours || cut_short) {
    failed_locally(m, slot, now);
    wpm_place_update(m, slot);
    wpm_restart_again(m, slot);
  } else if (was_swallowed(m, event)) {
    swallowed(m, slot, now);
  } else {
    failed_at_peer(m, slot, event, now);
  }
  if (!cut_short) {
    wpm_black_hole_failed(m, event->u.dial_failed.addresses, event->u.dial_failed.address_count);
  }
  wpm_change_end(m, &change, now);
  return WPM_OK;
}

/* ---- a connection comes up ------------------------------------------------------------------- */

/* The dial in flight to the peer that the connection comes from, or none. */
static bool of_our_dial(const wpm_manager *m, uint32_t slot, const wpm_event *event) {
  return slot != WPM_SLOT_NONE && event->u.connected.direction == WPM_OUTBOUND &&
         event->u.connected.dial != 0 &&
         wpm_manager_policy(m, slot)->dial == event->u.connected.dial;
}

/* A person named it. */
static bool is_trusted(const wpm_manager *m, uint32_t slot) {
  return slot != WPM_SLOT_NONE && wpm_manager_is_named(m, slot);
}

/* What comes in leaves the places free that are kept for outbound peers. */
static bool has_room(const wpm_manager *m, uint32_t slot, wpm_direction direction) {
  bool is_ours =
      direction == WPM_OUTBOUND || (is_trusted(m, slot) && wpm_rule_holds(WPM_RULE_KEPT_FOR_OURS));
  return wpm_schedule_room(m, slot) > (is_ours ? 0 : wpm_targets_kept(m));
}

static bool may_push(const wpm_manager *m, uint32_t slot) {
  return slot == WPM_SLOT_NONE || !wpm_judge_discourages(m, slot) ||
         !wpm_rule_holds(WPM_RULE_DISCOURAGED_WAITS);
}

/* One place is all that it lacks. */
static bool is_one_short(const wpm_manager *m, uint32_t slot) {
  return wpm_schedule_room(m, slot) >= wpm_targets_kept(m) ||
         !wpm_rule_holds(WPM_RULE_CROWD_IN_VAIN);
}

/* It was connected when we stopped. */
static bool is_greeted(const wpm_manager *m, uint32_t slot) {
  return slot != WPM_SLOT_NONE && wpm_manager_policy(m, slot)->at_the_stop &&
         is_one_short(m, slot) && wpm_rule_holds(WPM_RULE_GREETED);
}

/* Somebody goes for it, without a wait for its turn. */
static bool is_let_in(wpm_manager *m, uint32_t slot, wpm_instant now) {
  return (is_greeted(m, slot) && wpm_crowd_greet(m, now)) ||
         (is_trusted(m, slot) && wpm_rule_holds(WPM_RULE_CROWD_TRUSTED) && wpm_crowd_admit(m, now));
}

/* What comes in may take the place of another. */
static bool finds_room(wpm_manager *m, uint32_t slot, const wpm_event *event, wpm_instant now) {
  wpm_direction direction = event->u.connected.direction;
  if (has_room(m, slot, direction)) {
    return true;
  }
  bool one_goes =
      direction == WPM_INBOUND && may_push(m, slot) &&
      (is_let_in(m, slot, now) || (is_one_short(m, slot) && wpm_crowd_make_way(m, now)));
  return one_goes && has_room(m, slot, direction);
}

/* Why one that comes in is refused by where it comes from. */
static wpm_reason refusal_of_origin(wpm_manager *m, uint32_t slot, const wpm_event *event,
                                    wpm_instant now) {
  if (event->u.connected.direction != WPM_INBOUND) {
    return WPM_REASON_NONE;
  }
  return wpm_inbound_reason(
      wpm_inbound_refusal(m, slot, event->peer, event->u.connected.remote, now.mono));
}

/* Why the connection is refused; WPM_REASON_NONE: it is not. */
static wpm_reason refusal(wpm_manager *m, uint32_t slot, const wpm_event *event, wpm_instant now) {
  bool ours = of_our_dial(m, slot, event);
  if (m->stopping) {
    return WPM_REASON_SHUTDOWN;
  }
  if (event->u.connected.direction == WPM_OUTBOUND && event->u.connected.dial != 0 && !ours &&
      wpm_rule_holds(WPM_RULE_LATE_DIAL)) {
    return WPM_REASON_LATE_DIAL;
  }
  if (ours && wpm_range_bans_any(m) && wpm_rule_holds(WPM_RULE_BAN_LATE) &&
      wpm_range_bans_hold(m, event->u.connected.remote, event->u.connected.dial, now.mono)) {
    return WPM_REASON_RANGE_BANNED; /* Since its dial began. */
  }
  wpm_reason of_origin = refusal_of_origin(m, slot, event, now);
  if (of_origin != WPM_REASON_NONE) {
    return of_origin;
  }
  if (slot != WPM_SLOT_NONE && wpm_peer_has(wpm_manager_peer(m, slot), WPM_HAS_HELD_OFF) &&
      wpm_rule_holds(WPM_RULE_HELD_OFF)) {
    return WPM_REASON_PERSON;
  }
  if (event->u.connected.direction == WPM_INBOUND && wpm_store_bans(m->store, event->peer, now) &&
      wpm_rule_holds(WPM_RULE_BAN)) {
    return WPM_REASON_BANNED; /* Also one that gave way for another since. */
  }
  if (slot == WPM_SLOT_NONE) {
    return finds_room(m, slot, event, now) ? WPM_REASON_NONE : WPM_REASON_NO_PLACE;
  }
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->connections[1] && wpm_rule_holds(WPM_RULE_NO_THIRD)) {
    return WPM_REASON_THIRD_CONNECTION;
  }
  bool has_place = policy->has_place || finds_room(m, slot, event, now);
  return has_place ? WPM_REASON_NONE : WPM_REASON_NO_PLACE;
}

static int refuse(wpm_manager *m, uint32_t slot, const wpm_event *event, wpm_reason reason,
                  wpm_instant now) {
  wpm_connection *connection;
  int err = wpm_connection_enter(m, event->u.connected.connection, event->peer,
                                 event->u.connected.direction, now.mono, &connection);
  if (err) {
    return err;
  }
  wpm_connection_close(m, connection, reason);
  wpm_history_note_refused(m, slot, event->peer, reason, event->u.connected.direction);
  if (of_our_dial(m, slot, event)) {
    wpm_change change = wpm_change_begin(m, slot);
    dial_over(m, slot);
    wpm_change_end(m, &change, now);
  }
  return WPM_OK;
}

/* One that we dialled tells of its path, and of the addresses that failed before it. */
static void outbound_accepted(wpm_manager *m, uint32_t slot, wpm_connection *connection,
                              const wpm_event *event, wpm_instant now) {
  const wpm_failed_address *failed = event->u.connected.failed;
  size_t count = event->u.connected.failed_count;
  if (!wpm_epoch_cut_short(m, event->u.connected.dial)) {
    failed_at_addresses(m, slot, failed, count, now);
    wpm_black_hole_failed(m, failed, count);
  }
  wpm_black_hole_connected(m, connection, event->u.connected.remote);
}

/* What follows once the connection is in the table and in the store; needs no memory. */
static void accepted(wpm_manager *m, uint32_t slot, wpm_connection *connection,
                     const wpm_event *event, wpm_instant now) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  bool dialled = of_our_dial(m, slot, event);
  if (dialled || policy->pending & WPM_PENDING_DIALS) {
    dial_over(m, slot); /* It led to this, or nobody has begun it. */
  }
  wpm_tellers_worked(m, slot, dialled);
  if (wpm_rule_holds(WPM_RULE_SOURCE_TRIED)) {
    wpm_sources_leave(m, slot);
  }
  connection->peer = slot;
  connection->path = wpm_idle_path_of(event->u.connected.remote);
  m->live_connections++;
  connection->has_remote = wpm_multiaddr_ip(event->u.connected.remote, connection->remote);
  wpm_inbound_began(m, connection);
  wpm_epoch_connected(m);
  if (connection->direction == WPM_OUTBOUND) {
    outbound_accepted(m, slot, connection, event, now);
  }
  wpm_history_note_connection(m, slot, WPM_HISTORY_CONNECTED, WPM_REASON_NONE,
                              connection->direction);
  policy->connections[policy->connections[0] ? 1 : 0] = connection;
  wpm_feelers_connected(m, slot, connection, now);
  wpm_restart_drop(m, slot);
  wpm_pending_connection(m, connection, WPM_PENDING_IDENTIFY | WPM_PENDING_METADATA);
  wpm_keepalive_start(m, connection, now);
  if (policy->connections[1]) {
    wpm_duplicate_begin(m, slot, now);
  }
}

static int accept_connection(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_taken taken;
  int err = wpm_manager_take_peer(m, event->peer, false, &taken);
  if (err == WPM_ERR_FULL || err == WPM_ERR_NO_VICTIM) {
    int refused = refuse(m, WPM_SLOT_NONE, event, WPM_REASON_STORE_FULL, now);
    return refused ? refused : err;
  }
  if (err) {
    return err;
  }
  uint32_t slot = taken.slot;
  wpm_change change = wpm_change_begin(m, slot);
  wpm_connection *connection = NULL;
  err = wpm_connection_enter(m, event->u.connected.connection, event->peer,
                             event->u.connected.direction, now.mono, &connection);
  if (!err) { /* What the end of the connection will write has its place from now on. */
    err = wpm_store_open_contact(m->store, slot);
  }
  if (!err) {
    err = wpm_store_slot_connected(m->store, slot, event->u.connected.direction,
                                   event->u.connected.remote, event->u.connected.public_key,
                                   now.wall);
  }
  if (err) {
    if (connection) {
      wpm_connection_leave(m, connection);
    }
    wpm_store_give_up(m->store, &taken);
    return err;
  }
  accepted(m, slot, connection, event, now);
  wpm_change_end_of(m, &change, taken.added, now);
  wpm_store_keep(m->store, &taken);
  return WPM_OK;
}

int wpm_on_connected(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_direction direction = event->u.connected.direction;
  if ((direction != WPM_INBOUND && direction != WPM_OUTBOUND) ||
      wpm_connection_find(m, event->u.connected.connection)) {
    return WPM_ERR_INVALID;
  }
  if (wpm_manager_is_local(m, event->peer)) {
    int err = refuse(m, WPM_SLOT_NONE, event, WPM_REASON_SELF, now);
    return err ? err : WPM_ERR_INVALID;
  }
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot != WPM_SLOT_NONE) {
    wpm_ahead_of_found(m, slot);
    wpm_store_ask_for_state(m->store, slot, WPM_CONNECTED);
  }
  wpm_reason reason = refusal(m, slot, event, now);
  if (reason != WPM_REASON_NONE) {
    return refuse(m, slot, event, reason, now);
  }
  return accept_connection(m, event, now);
}
