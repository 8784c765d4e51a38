/* One event in, state and actions out. The rules are in the modules' headers; here facts are handed
 * to them. */
#include "core/manager.h"

#include "core/actions.h"
#include "core/ages.h"
#include "core/ahead.h"
#include "core/backoff.h"
#include "core/black_hole.h"
#include "core/connections.h"
#include "core/connectivity.h"
#include "core/crowd.h"
#include "core/doubt.h"
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
#include "core/services.h"
#include "core/shortage.h"
#include "core/sources.h"
#include "core/targets.h"
#include "core/tellers.h"
#include "core/wait.h"

#include "base/bytes.h"

#include <stdlib.h>

/* ---- making ---------------------------------------------------------------------------------- */

static const wpm_ip_range loopback[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 96 + 8},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
};

void wpm_manager_config_default(wpm_manager_config *config) {
  *config = (wpm_manager_config){
      .size = sizeof(*config),
      .max_connections = 300,
      .max_dials = 256,
      .cluster_id = 1,
      .dial_timeout_ns = 10 * WPM_SECOND,
      .keep_alive = true,
      .ping_interval_ns = 5 * WPM_MINUTE,
      .ping_interval_min_ns = 15 * WPM_SECOND,
      .ping_timeout_ns = 10 * WPM_SECOND,
      .prune_backoff_ns = 60 * WPM_SECOND,
      .backoff_slack_ns = 2 * WPM_SECOND,
      .reconnect_min_ns = WPM_SECOND,
      .reconnect_max_ns = 5 * WPM_MINUTE,
      .stable_after_ns = 60 * WPM_SECOND,
      .mismatch_delay_ns = 6 * WPM_HOUR,
      .sleep_gap_ns = 30 * WPM_SECOND,
      .probe_timeout_ns = 4 * WPM_SECOND,
      .relay_outbound = 10,
      .rotate_ns = 30 * WPM_MINUTE,
      .feeler_ns = 2 * WPM_MINUTE,
      .relay_per_shard = 4,
      .relay_percent = 60,
      .inbound_per_ip = 5,
      .inbound_per_network = 32,
      .inbound_paced = true,
      .grace_ns = 20 * WPM_SECOND,
      .score_half_life_ns = 10 * WPM_HOUR,
      .discouraged_at = -100,
      .inbound_allow = loopback,
      .inbound_allow_count = sizeof(loopback) / sizeof(loopback[0]),
      .max_history = 16384,
  };
  wpm_store_config_default(&config->store);
}

static bool are_ranges(const wpm_ip_range *ranges, size_t count) {
  bool valid = count <= SIZE_MAX / sizeof(*ranges) && (ranges != NULL || count == 0);
  for (size_t i = 0; valid && i < count; i++) {
    valid = ranges[i].bits <= 128;
  }
  return valid;
}

static bool config_is_valid(const wpm_manager_config *c) {
  return c->size == sizeof(*c) && c->local_peer.len > 0 && c->dial_timeout_ns >= 0 &&
         c->ping_interval_ns > 0 && c->ping_interval_min_ns > 0 && c->ping_timeout_ns > 0 &&
         c->prune_backoff_ns >= 0 && c->backoff_slack_ns >= 0 && c->reconnect_min_ns >= 0 &&
         c->reconnect_max_ns >= 0 && c->stable_after_ns >= 0 && c->mismatch_delay_ns >= 0 &&
         c->sleep_gap_ns > 0 && c->probe_timeout_ns > 0 && c->rotate_ns >= 0 && c->feeler_ns >= 0 &&
         c->grace_ns >= 0 && c->score_half_life_ns >= 0 && c->discouraged_at <= 0 &&
         c->low_water <= c->high_water && c->relay_percent <= 100 &&
         are_ranges(c->inbound_allow, c->inbound_allow_count) &&
         c->shard_count <= SIZE_MAX / sizeof(*c->shards) &&
         (c->shards != NULL || c->shard_count == 0) &&
         wpm_services_are_valid(c->services, c->service_count);
}

/* A copy of `size` bytes; *out is NULL for none. */
static int copy(const void *data, size_t size, const void **out) {
  *out = NULL;
  if (size == 0) {
    return WPM_OK;
  }
  void *own = malloc(size);
  if (!own) {
    return WPM_ERR_NO_MEMORY;
  }
  memcpy(own, data, size);
  *out = own;
  return WPM_OK;
}

static int copy_lists(wpm_manager *m, const wpm_manager_config *c) {
  const void *shards = NULL;
  const void *ranges = NULL;
  wpm_service *services = NULL;
  int err = copy(c->shards, c->shard_count * sizeof(*c->shards), &shards);
  if (!err) {
    err = copy(c->inbound_allow, c->inbound_allow_count * sizeof(*c->inbound_allow), &ranges);
  }
  if (!err) {
    err = wpm_services_copy(c->services, c->service_count, &services);
  }
  m->config.services = services;
  m->config.shards = shards;
  m->config.inbound_allow = ranges;
  return err;
}

static void evict(void *user, uint32_t slot, wpm_cause cause) {
  wpm_manager_forget(user, slot, cause);
}

int wpm_manager_new(const wpm_manager_config *config, wpm_manager **out) {
  if (!config_is_valid(config)) {
    return WPM_ERR_INVALID;
  }
  wpm_manager *m = calloc(1, sizeof(*m));
  if (!m) {
    return WPM_ERR_NO_MEMORY;
  }
  m->config = *config;
  wpm_idle_forget(m);
  m->now = (wpm_mono){INT64_MIN};
  m->expired_at = (wpm_mono){INT64_MIN};
  m->expire_round = UINT32_MAX; /* The first round begins with the first call. */
  m->round_began = (wpm_mono){INT64_MIN};
  m->starved_until = WPM_NEVER;
  m->ceiling = SIZE_MAX;
  m->shortage_at = (wpm_mono){INT64_MIN};
  m->epoch.voiding = WPM_SLOT_NONE;
  m->tags_looked_at = WPM_SLOT_NONE;
  m->targets.rotate_at = WPM_NEVER;
  m->evict_at = (wpm_mono){INT64_MIN};
  m->crowd_at = (wpm_mono){INT64_MIN};
  m->pending_connections.first = WPM_SLOT_NONE;
  m->pending_peers.first = WPM_SLOT_NONE;
  wpm_rng_init(&m->rng, config->seed);
  wpm_heap_init(&m->waiting);
  wpm_heap_init(&m->ready);
  wpm_heap_init(&m->restart);
  wpm_connections_init(m);
  wpm_inbound_init(m);
  wpm_range_bans_init(m);
  wpm_black_hole_init(m);
  wpm_groups_init(m);
  wpm_feelers_init(m);
  wpm_doubt_init(m);
  int err = copy_lists(m, config);
  if (!err) {
    err = wpm_history_init(&m->history, config->max_history);
  }
  if (!err) {
    err = wpm_store_new_with(&config->store, sizeof(wpm_policy), &m->store);
  }
  if (err) {
    wpm_manager_free(m);
    return err;
  }
  m->store->evicting = evict;
  m->store->evicting_user = m;
  *out = m;
  return WPM_OK;
}

void wpm_manager_free(wpm_manager *m) {
  if (!m) {
    return;
  }
  wpm_connections_fini(m);
  wpm_store_free(m->store);
  wpm_heap_fini(&m->waiting);
  wpm_heap_fini(&m->ready);
  wpm_heap_fini(&m->restart);
  wpm_history_fini(&m->history);
  free(m->dial_addresses);
  wpm_inbound_fini(m);
  wpm_range_bans_fini(m);
  wpm_groups_fini(m);
  wpm_tellers_fini(m);
  free((void *)(uintptr_t)m->config.services);
  free((void *)(uintptr_t)m->config.shards);
  free((void *)(uintptr_t)m->config.inbound_allow);
  free(m);
}

/* ---- shared by the modules ------------------------------------------------------------------- */

bool wpm_manager_is_local(const wpm_manager *m, wpm_bytes id) {
  return wpm_bytes_equal(wpm_peer_id_view(&m->config.local_peer), id);
}

bool wpm_manager_of_other_cluster(const wpm_manager *m, uint32_t cluster_id) {
  bool known = cluster_id != 0 || !wpm_rule_holds(WPM_RULE_UNKNOWN_MATCHES);
  return m->config.cluster_id != 0 && known && cluster_id != m->config.cluster_id;
}

int wpm_manager_make_room(wpm_manager *m, size_t address_count) {
  size_t slots = (size_t)m->store->slots + 1;
  size_t cap = m->config.store.max_addresses;
  int err = wpm_heap_reserve(&m->waiting, slots);
  if (!err) {
    err = wpm_heap_reserve(&m->ready, slots);
  }
  if (!err) {
    err = wpm_heap_reserve(&m->restart, slots);
  }
  if (!err) {
    err = wpm_pending_reserve(m, cap > 0 && cap < address_count ? cap : address_count);
  }
  return err;
}

int wpm_manager_take_peer(wpm_manager *m, wpm_bytes id, bool heard, wpm_taken *out) {
  int err = wpm_manager_make_room(m, 0);
  if (err) {
    return err;
  }
  err = heard ? wpm_store_take_heard(m->store, id, out) : wpm_store_take(m->store, id, out);
  if (!err && out->victim != WPM_SLOT_NONE) {
    wpm_ahead_of_end(m, out->victim); /* It goes when the newcomer is in. */
  }
  if (!err) {
    wpm_ahead_of_found(m, out->slot);
  }
  return err;
}

void wpm_manager_forget(wpm_manager *m, uint32_t slot, wpm_cause cause) {
  wpm_peer_cancel_dial(m, slot);
  wpm_idle_gone(m, slot);
  wpm_history_note_gone(m, slot, cause);
  wpm_place_update(m, slot);
  wpm_targets_leave(m, slot);
  wpm_sources_leave(m, slot);
  wpm_groups_leave(m, slot);
  wpm_schedule_drop(m, slot);
  wpm_manager_policy(m, slot)->pending &= (uint8_t)~WPM_PENDING_PERSIST;
  wpm_pending_peer(m, slot, WPM_PENDING_FORGET);
  wpm_store_detach(m->store, slot, cause);
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* Nobody that we know to be real has proven it, and no person means it. */
static bool is_merely_heard(const wpm_event *event) {
  return !event->u.found.is_static && event->u.found.source != WPM_SOURCE_PERSON &&
         event->u.found.source != WPM_SOURCE_CONFIG;
}

/* A person wants a connection. The peer's contact is open. */
static void ask_for_connection(wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_history_note(m, slot, WPM_HISTORY_CONNECT_ASKED, WPM_REASON_NONE);
  wpm_change change = wpm_change_begin(m, slot);
  change.dials = !m->stopping && wpm_peer_has(wpm_manager_peer(m, slot), WPM_HAS_ADDRESS) &&
                 !wpm_manager_policy(m, slot)->has_place;
  wpm_store_slot_flag(m->store, slot, WPM_HAS_HELD_OFF, false);
  wpm_sources_leave(m, slot);
  wpm_feelers_adopt(m, slot);
  wpm_doubt_adopt(m, slot);
  wpm_manager_policy(m, slot)->asked = wpm_manager_policy(m, slot)->dial != 0;
  wpm_change_end(m, &change, now);
  if (change.dials) {
    wpm_schedule_dial(m, slot, true);
  }
}

static int on_person_connect(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  int err = wpm_store_open_contact(m->store, slot);
  if (!err) {
    ask_for_connection(m, slot, now);
  }
  return err;
}

static void answer_intake(const wpm_event *event, wpm_intake_rule rule) {
  if (event->u.found.intake) {
    *event->u.found.intake = rule;
  }
}

static int on_found(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  if (wpm_manager_is_local(m, event->peer) ||
      (unsigned)event->u.found.source >= WPM_ADDRESS_SOURCE_COUNT ||
      (unsigned)event->u.found.origin >= WPM_ORIGIN_COUNT ||
      event->u.found.told_by.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_INVALID;
  }
  wpm_told told = {WPM_SLOT_NONE, WPM_SLOT_NONE, WPM_GROUP_NONE};
  wpm_intake_rule rule =
      event->u.found.told_by.len > 0 ? wpm_sources_admit(m, event, &told) : WPM_INTAKE_TAKEN;
  if (rule != WPM_INTAKE_TAKEN) {
    answer_intake(event, rule);
    return WPM_OK;
  }
  wpm_taken taken = {.slot = told.slot, .victim = WPM_SLOT_NONE};
  int err = told.slot != WPM_SLOT_NONE
                ? WPM_OK
                : wpm_manager_take_peer(m, event->peer, is_merely_heard(event), &taken);
  if (err) {
    return err;
  }
  uint32_t slot = taken.slot;
  wpm_change change = wpm_change_begin(m, slot);
  wpm_offer offer = {event->u.found.source, WPM_TTL_QUALITY, now.wall};
  size_t count = event->u.found.address_count;
  size_t held = wpm_peer_address_count(m->store, wpm_manager_peer(m, slot));
  err = count > SIZE_MAX - held ? WPM_ERR_NO_MEMORY : wpm_manager_make_room(m, held + count);
  if (!err && event->u.found.connect) {
    err = wpm_store_open_contact(m->store, slot);
  }
  if (!err) {
    err = wpm_store_slot_addresses(m->store, slot, event->u.found.addresses, count, &offer,
                                   WPM_OFFER_ADD, NULL);
  }
  if (err) {
    wpm_store_give_up(m->store, &taken);
    return err;
  }
  wpm_store_slot_origin(m->store, slot, event->u.found.origin);
  if (event->u.found.is_static) {
    wpm_store_slot_flag(m->store, slot, WPM_HAS_STATIC, true);
  }
  wpm_change_end_of(m, &change, taken.added, now);
  wpm_sources_found(m, slot, &told, taken.added);
  wpm_store_keep(m->store, &taken);
  answer_intake(event, WPM_INTAKE_TAKEN);
  if (event->u.found.connect) {
    ask_for_connection(m, slot, now);
  }
  return WPM_OK;
}

static int on_person_disconnect(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_history_note(m, slot, WPM_HISTORY_DISCONNECT_ASKED, WPM_REASON_NONE);
  wpm_change change = wpm_change_begin(m, slot);
  wpm_store_slot_flag(m->store, slot, WPM_HAS_HELD_OFF, true);
  wpm_peer_cancel_dial(m, slot);
  wpm_change_end(m, &change, now);
  wpm_connectivity_end_all(m, slot, WPM_REASON_PERSON, now);
  return WPM_OK;
}

static int on_person_remove(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_connectivity_end_all(m, slot, WPM_REASON_PERSON, now);
  wpm_manager_forget(m, slot, WPM_CAUSE_PERSON);
  return WPM_OK;
}

/* The live connection that a fact is about; NULL where it is over. WPM_ERR_INVALID where it is
 * another peer's. */
static int live_connection(const wpm_manager *m, const wpm_event *event, wpm_connection_id id,
                           wpm_connection **out) {
  wpm_connection *connection = wpm_connection_find(m, id);
  *out = NULL;
  if (!connection || connection->peer == WPM_SLOT_NONE) {
    return WPM_OK;
  }
  if (!wpm_bytes_equal(event->peer, wpm_connection_peer_id(connection))) {
    return WPM_ERR_INVALID;
  }
  *out = connection;
  return WPM_OK;
}

static int on_received(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_connection *connection;
  int err = live_connection(m, event, event->u.received.connection, &connection);
  if (connection) {
    wpm_keepalive_heard(m, connection, now);
  }
  return err;
}

static int on_pong(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_connection *connection;
  int err = live_connection(m, event, event->u.pong.connection, &connection);
  if (connection) {
    wpm_keepalive_pong(m, connection, event->u.pong.rtt_ns, now);
  }
  return err;
}

/* One that is not newer than what is held says nothing new. */
static int take_certified(wpm_manager *m, uint32_t slot, const wpm_certified *record,
                          wpm_instant now) {
  size_t held = wpm_peer_address_count(m->store, wpm_manager_peer(m, slot));
  int err = record->address_count > SIZE_MAX - held
                ? WPM_ERR_NO_MEMORY
                : wpm_manager_make_room(m, held + record->address_count);
  if (!err) {
    err = wpm_store_slot_certified(m->store, slot, record, now.wall);
  }
  return err == WPM_ERR_STALE ? WPM_OK : err;
}

static int on_identified(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  const wpm_identified *fact = event->u.identified.identified;
  wpm_connection *connection;
  int err = live_connection(m, event, event->u.identified.connection, &connection);
  if (!connection) {
    return err;
  }
  uint32_t slot = connection->peer;
  wpm_ahead_of_change(m, slot);
  wpm_identified timed = *fact;
  timed.now = now.wall;
  size_t held = wpm_peer_address_count(m->store, wpm_manager_peer(m, slot));
  size_t told = fact->addresses ? fact->address_count : 0;
  wpm_change change = wpm_change_begin(m, slot);
  err = told > SIZE_MAX - held ? WPM_ERR_NO_MEMORY : wpm_manager_make_room(m, held + told);
  if (!err) {
    err = wpm_store_slot_identified(m->store, slot, &timed);
  }
  if (!err && event->u.identified.certified) {
    err = take_certified(m, slot, event->u.identified.certified, now);
  }
  if (!err) {
    wpm_history_note(m, slot, WPM_HISTORY_IDENTIFIED, WPM_REASON_NONE);
  }
  wpm_change_end(m, &change, now);
  if (!err) {
    wpm_feelers_answered(m, slot, WPM_FEELER_IDENTIFY, now);
  }
  return err;
}

static int on_metadata(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  wpm_connection *connection;
  int err = live_connection(m, event, event->u.metadata.connection, &connection);
  if (!connection) {
    return err;
  }
  uint32_t slot = connection->peer;
  wpm_ahead_of_change(m, slot);
  uint32_t cluster_id = event->u.metadata.has_cluster_id ? event->u.metadata.cluster_id : 0;
  wpm_change change = wpm_change_begin(m, slot);
  err = wpm_store_slot_metadata(m->store, slot, cluster_id, event->u.metadata.shards,
                                event->u.metadata.shard_count);
  if (err) {
    return err;
  }
  bool mismatch = wpm_manager_of_other_cluster(m, cluster_id);
  wpm_wait wait = mismatch ? wpm_wait_from(now, m->config.mismatch_delay_ns) : (wpm_wait){0};
  wpm_store_slot_wait(m->store, slot, WPM_WAIT_MISMATCH_DELAY, wait);
  wpm_change_end(m, &change, now);
  if (mismatch && wpm_rule_holds(WPM_RULE_MISMATCH_ENDS)) {
    wpm_peer_cancel_dial(m, slot); /* One that was under way beside the connection. */
    wpm_connectivity_end_all(m, slot, WPM_REASON_CLUSTER_MISMATCH, now);
  }
  wpm_feelers_answered(m, slot, WPM_FEELER_METADATA, now);
  return WPM_OK;
}

static int on_pruned(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  if (event->u.pruned.backoff_ns < 0) {
    return WPM_ERR_INVALID;
  }
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot != WPM_SLOT_NONE) {
    wpm_ahead_of_found(m, slot);
    const wpm_rng draws = m->rng;
    wpm_change change = wpm_change_begin(m, slot);
    int err = wpm_backoff_try_prune(m, slot, now, event->u.pruned.backoff_ns, now);
    if (err) {
      m->rng = draws;
      wpm_change_store(m, &change);
      return err;
    }
    wpm_history_note(m, slot, WPM_HISTORY_PRUNED, WPM_REASON_NONE);
    wpm_change_end(m, &change, now);
  }
  return WPM_OK;
}

static int take_in(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  switch (event->type) {
  case WPM_EVENT_FOUND:
    return on_found(m, event, now);
  case WPM_EVENT_PERSON_CONNECT:
    return on_person_connect(m, event, now);
  case WPM_EVENT_PERSON_DISCONNECT:
    return on_person_disconnect(m, event, now);
  case WPM_EVENT_PERSON_REMOVE:
    return on_person_remove(m, event, now);
  case WPM_EVENT_CONNECTED:
    return wpm_on_connected(m, event, now);
  case WPM_EVENT_DIAL_FAILED:
    return wpm_on_dial_failed(m, event, now);
  case WPM_EVENT_DISCONNECTED:
    return wpm_on_disconnected(m, event, now);
  case WPM_EVENT_RECEIVED:
    return on_received(m, event, now);
  case WPM_EVENT_PONG:
    return on_pong(m, event, now);
  case WPM_EVENT_IDENTIFIED:
    return on_identified(m, event, now);
  case WPM_EVENT_METADATA:
    return on_metadata(m, event, now);
  case WPM_EVENT_PRUNED:
    return on_pruned(m, event, now);
  case WPM_EVENT_IMPORTED:
    return wpm_on_imported(m, event, now);
  case WPM_EVENT_NETWORK:
    return wpm_on_network(m, event, now);
  case WPM_EVENT_SHORTAGE:
    return wpm_on_shortage(m, event, now);
  case WPM_EVENT_BAN:
    return wpm_on_ban(m, event, now);
  case WPM_EVENT_BAN_RANGE:
    return wpm_on_ban_range(m, event, now);
  case WPM_EVENT_TAG:
    return wpm_on_tag(m, event, now);
  case WPM_EVENT_SCORE:
    return wpm_on_score(m, event, now);
  case WPM_EVENT_NOTE:
    return wpm_on_note(m, event, now);
  }
  return WPM_ERR_INVALID;
}

/* A clock that runs backwards, against the contract, is taken to stand still. */
static wpm_instant forward(wpm_manager *m, wpm_instant now) {
  if (now.mono.ns < m->now.ns) {
    now.mono = m->now;
  }
  wpm_epoch_call(m, now);
  m->history.now = now.wall;
  return now;
}

/* When something is due next, by the state of all. */
static wpm_mono least_deadline(const wpm_manager *m) {
  if (m->stopping) {
    return WPM_NEVER;
  }
  if (wpm_schedule_has_more(m)) { /* Whoever rotated, or was only tried, made room. */
    return m->now;
  }
  wpm_mono least = wpm_heap_least(&m->waiting, NULL);
  least = wpm_mono_earlier(wpm_heap_least(&m->connection_deadlines, NULL), least);
  least = wpm_mono_earlier(wpm_store_next_deadline(m->store), least);
  least = wpm_mono_earlier(m->range_bans.due, least);
  least = wpm_mono_earlier(wpm_epoch_deadline(m), least);
  least = wpm_mono_earlier(wpm_targets_deadline(m), least);
  least = wpm_mono_earlier(wpm_feelers_deadline(m), least);
  least = wpm_mono_earlier(wpm_crowd_deadline(m), least);
  least = wpm_mono_earlier(wpm_shortage_deadline(m), least);
  least = wpm_mono_earlier(wpm_ages_deadline(m), least);
  least = wpm_mono_earlier(m->black_hole.held_until, least);
  return wpm_mono_earlier(m->starved_until, least);
}

void wpm_manager_note_deadline(wpm_manager *m) {
  m->deadline = least_deadline(m);
}

/* Bytes move no deadline but their connection's, and that puts it off: until something is due nothing
 * follows from them. */
static bool is_of_bytes(const wpm_event *event) {
  return event->type == WPM_EVENT_RECEIVED || event->type == WPM_EVENT_PONG;
}

/* What the time alone brings to what is held. */
static void begin_step(wpm_manager *m, wpm_instant now) {
  wpm_store_advance(m->store, now);
  if (wpm_range_bans_are_due(m, now.mono)) {
    wpm_range_bans_advance(m, now);
  }
}

/* Who goes and who is dialled, as all stands now. */
static void end_step(wpm_manager *m, wpm_instant now) {
  wpm_crowd_run(m, now);
  wpm_shortage_run(m, now);
  wpm_schedule_run(m, now);
  wpm_feelers_run(m, now);
  wpm_crowd_make_room(m, now);
  wpm_manager_note_deadline(m);
}

int wpm_manager_handle(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  bool of_a_peer = event->type != WPM_EVENT_NETWORK && event->type != WPM_EVENT_SHORTAGE &&
                   event->type != WPM_EVENT_BAN_RANGE;
  if (event->peer.len > WPM_PEER_ID_MAX || (event->peer.len > 0) != of_a_peer) {
    return WPM_ERR_INVALID;
  }
  now = forward(m, now);
  wpm_restart_begin(m, now);
  wpm_ahead_of_event(m, event);
  begin_step(m, now);
  size_t live = m->live_connections;
  int err = take_in(m, event, now);
  if (is_of_bytes(event) && m->live_connections == live && m->deadline.ns > now.mono.ns) {
    wpm_mono own = wpm_heap_least(&m->connection_deadlines, NULL);
    m->deadline = wpm_mono_earlier(own, m->deadline);
    return err;
  }
  wpm_ages_beside_event(m, now);
  end_step(m, now);
  return err;
}

void wpm_manager_stop(wpm_manager *m, wpm_instant now) {
  now = forward(m, now);
  m->begun = true;
  m->stopping = true;
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    wpm_connection *connection = m->connections[i];
    if (connection && connection->peer != WPM_SLOT_NONE) {
      wpm_connection_end(m, connection, WPM_REASON_SHUTDOWN, now);
    }
  }
  for (uint32_t slot = 0; m->dials > 0 && slot < m->store->slots; slot++) {
    if (wpm_manager_policy(m, slot)->dial) {
      wpm_peer_cancel_dial(m, slot);
      wpm_place_update(m, slot);
    }
  }
  wpm_manager_note_deadline(m);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

wpm_mono wpm_manager_next_deadline(const wpm_manager *m) {
  return m->begun ? m->deadline : least_deadline(m);
}

int wpm_manager_advance(wpm_manager *m, wpm_instant now) {
  now = forward(m, now);
  wpm_restart_begin(m, now);
  if (m->deadline.ns > now.mono.ns) {
    return WPM_OK;
  }
  begin_step(m, now);
  wpm_ages_advance(m, now);
  uint32_t slot;
  while (wpm_heap_least(&m->connection_deadlines, &slot).ns <= now.mono.ns) {
    wpm_keepalive_due(m, m->connections[slot], now);
  }
  wpm_epoch_run(m, now);
  if (wpm_range_bans_are_due(m, now.mono)) {
    wpm_range_bans_run(m, now);
  }
  wpm_schedule_due(m, now);
  end_step(m, now);
  return WPM_OK;
}

/* ---- looking --------------------------------------------------------------------------------- */

const wpm_store *wpm_manager_store(const wpm_manager *m) {
  return m->store;
}

const char *wpm_held_by_name(wpm_held_by value) {
  switch (value) {
  case WPM_HELD_BY_NOTHING:
    return "none";
  case WPM_HELD_BY_CONNECTED:
    return "connected";
  case WPM_HELD_BY_DIALLING:
    return "dialling";
  case WPM_HELD_BY_PRUNE_BACKOFF:
    return "prune_backoff";
  case WPM_HELD_BY_RETRY_DELAY:
    return "retry_delay";
  case WPM_HELD_BY_CLUSTER_MISMATCH:
    return "cluster_mismatch";
  case WPM_HELD_BY_PERSON:
    return "person";
  case WPM_HELD_BY_NO_ADDRESS:
    return "no_address";
  case WPM_HELD_BY_NO_PLACE:
    return "no_place";
  case WPM_HELD_BY_NOT_WANTED:
    return "not_wanted";
  case WPM_HELD_BY_SHUTDOWN:
    return "shutdown";
  case WPM_HELD_BY_BAN:
    return "ban";
  case WPM_HELD_BY_OFFLINE:
    return "offline";
  case WPM_HELD_BY_ADDRESS_SCOPE:
    return "address_scope";
  case WPM_HELD_BY_DISCOURAGED:
    return "discouraged";
  case WPM_HELD_BY_TARGET:
    return "target";
  case WPM_HELD_BY_BLACK_HOLE:
    return "black_hole";
  }
  return "?";
}

size_t wpm_manager_connection_count(const wpm_manager *m) {
  return m->live_connections;
}

size_t wpm_manager_dial_count(const wpm_manager *m) {
  return m->dials;
}
