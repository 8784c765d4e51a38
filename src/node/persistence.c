/* The stored peers: loaded at the start, written behind while the node runs. */
#include "node/internal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "node/system.h"

#include <stdio.h>
#include <stdlib.h>

/* What loading a record needs. */
typedef struct load_state {
  wpm_node *node;
  const wpm_instant *heartbeat; /* NULL: the previous run left none. */
  wpm_instant now;
  size_t loaded;
  size_t no_room; /* Not taken into the store: it is full. */
  size_t own;     /* Of this node itself, which is no peer of its own. */
  size_t invalid; /* Without an id, or with a value outside its closed set. */
} load_state;

static int load_record(void *user, const wpm_peer_record *record) {
  load_state *state = user;
  int err = wpm_manager_restore(state->node->manager, record, state->heartbeat, state->now);
  if (err == WPM_ERR_NO_MEMORY) {
    return err;
  }
  if (err == WPM_OK) {
    state->loaded++;
  } else if (err == WPM_ERR_FULL || err == WPM_ERR_NO_VICTIM) {
    state->no_room++;
  } else if (record->id.len > 0 &&
             wpm_bytes_equal(wpm_peer_id_view(wpm_node_peer_id(state->node)), record->id)) {
    state->own++;
  } else {
    state->invalid++;
  }
  return WPM_OK;
}

/* What of the database is not in memory, and why. */
static void tell_left_out(const load_state *state, size_t skipped) {
  const struct {
    size_t count;
    const char *why;
  } all[] = {{skipped, "could not be read"},
             {state->no_room, "found no room (--peer-store-capacity)"},
             {state->own, "are this node itself"},
             {state->invalid, "have no id, or are otherwise invalid"}};
  char text[240] = "";
  size_t len = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (all[i].count > 0 && len < sizeof text) {
      len += (size_t)snprintf(text + len, sizeof text - len, "%s%zu %s", len > 0 ? ", " : "",
                              all[i].count, all[i].why);
    }
  }
  if (len > 0) {
    WPM_LOG(&state->node->config.logger, WPM_LOG_WARN, "storage",
            "of the stored peers %s; they stay in %s", text, state->node->config.database);
  }
}

static int load_tombstone(void *user, const wpm_tombstone *tombstone) {
  const load_state *state = user;
  wpm_tombstone resumed = *tombstone;
  int err =
      wpm_manager_restore_tombstone(state->node->manager, &resumed, state->heartbeat, state->now);
  if (err == WPM_ERR_STALE) {
    (void)wpm_writer_remove_tombstone(state->node->writer, tombstone->id);
  } else if (err == WPM_OK && (!wpm_wait_equal(&resumed.prune_backoff, &tombstone->prune_backoff) ||
                               !wpm_wait_equal(&resumed.ban, &tombstone->ban))) {
    (void)wpm_writer_put_tombstone(state->node->writer, &resumed, false);
  }
  return err == WPM_ERR_NO_MEMORY ? err : WPM_OK;
}

static int load_range_ban(void *user, const wpm_range_ban *ban) {
  const load_state *state = user;
  wpm_range_ban resumed = *ban;
  int err =
      wpm_manager_restore_range_ban(state->node->manager, &resumed, state->heartbeat, state->now);
  if (err == WPM_ERR_STALE) {
    resumed.ban.length_ns = 0;
  }
  if (err == WPM_ERR_STALE || (err == WPM_OK && !wpm_wait_equal(&resumed.ban, &ban->ban))) {
    (void)wpm_writer_put_range_ban(state->node->writer, &resumed, false);
  }
  return err == WPM_ERR_NO_MEMORY ? err : WPM_OK;
}

/* On the worker's thread. */
static void wake(void *user) {
  wpm_node *node = user;
  (void)uv_async_send(&node->writer_woke);
}

static void tell_rescue(const wpm_node *node) {
  const wpm_storage_rescued *rescued = &node->storage.rescued;
  WPM_LOG(&node->config.logger, WPM_LOG_ERROR, "storage",
          "the peer database was damaged; it is now %s, and %llu peers were saved from it%s",
          rescued->aside, (unsigned long long)rescued->peers,
          rescued->complete ? "" : " (not all could be read)");
}

/* Some of what is in memory may not have been saved: all of it is stored anew, a few records each time
 * the loop comes round. */
static void store_anew(wpm_node *node) {
  enum { AT_A_TIME = 500 };
  const wpm_store *store = wpm_manager_store(node->manager);
  wpm_peer_record record;
  wpm_tombstone tombstone;
  wpm_range_ban ban;
  for (int i = 0; i < AT_A_TIME; i++) {
    if (wpm_store_next(store, &node->anew_peers, &record)) {
      (void)wpm_node_store_record(node, record.id, WPM_FIELD_ALL, false);
    } else if (wpm_store_next_tombstone(store, &node->anew_tombstones, &tombstone)) {
      (void)wpm_writer_put_tombstone(node->writer, &tombstone, false);
    } else if (wpm_manager_next_range_ban(node->manager, &node->anew_range_bans, &ban)) {
      (void)wpm_writer_put_range_ban(node->writer, &ban, false);
    } else {
      node->storing_anew = false;
      return;
    }
  }
  (void)uv_async_send(&node->writer_woke);
}

/* Takes over the writer's status, and says where it went from good to bad or back. */
static void look_at_storage(wpm_node *node) {
  wpm_writer_status last = node->storage;
  int before = last.error.code;
  wpm_writer_get_status(node->writer, &node->storage);
  if (node->storage.refused > last.refused || node->storage.lost > last.lost) {
    WPM_LOG(&node->config.logger, WPM_LOG_ERROR, "storage",
            "%llu changes are lost for want of memory, %llu records cannot be stored",
            (unsigned long long)node->storage.lost, (unsigned long long)node->storage.refused);
  }
  if (node->storage.rescues > last.rescues) {
    tell_rescue(node);
  }
  int after = node->storage.error.code;
  if (after != WPM_OK && after != before) {
    WPM_LOG(&node->config.logger, WPM_LOG_ERROR, "storage", "%s; the node goes on from memory",
            node->storage.error.text);
  } else if (after == WPM_OK && before != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_NOTICE, "storage", "the peer database works again");
  }
}

/* Tells everyone whose change is durable, or will not be. */
static void tell_durable(wpm_node *node) {
  while (node->durable_waiters && !wpm_node_must_wait(node, node->durable_waiters->sequence)) {
    wpm_durable_waiter *waiter = node->durable_waiters;
    node->durable_waiters = waiter->next;
    waiter->done(waiter->user, waiter->sequence <= node->storage.durable);
    free(waiter);
  }
}

static void writer_woke(uv_async_t *async) {
  wpm_node *node = async->data;
  if (node->writer) {
    uint64_t rescues = node->storage.rescues;
    look_at_storage(node);
    if (node->storage.rescues > rescues) {
      node->storing_anew = true;
      node->anew_peers = 0;
      node->anew_tombstones = 0;
      node->anew_range_bans = 0;
    }
    if (node->storing_anew) {
      store_anew(node);
    }
    tell_durable(node);
    wpm_node_dials_durable(node);
  }
}

/* What a crash must not undo: a ban, a protection, a prune backoff. */
static bool cannot_wait(const wpm_peer_record *record, uint32_t fields) {
  bool protects = false;
  for (size_t i = 0; (fields & WPM_FIELD_TAGS) && i < record->tag_count; i++) {
    protects |= record->tags[i].protects;
  }
  if (fields == WPM_FIELD_ALL) {
    return protects || record->ban.length_ns > 0 || record->prune_backoff.length_ns > 0;
  }
  return protects || (fields & (WPM_FIELD_BAN | WPM_FIELD_PRUNE_BACKOFF)) != 0;
}

uint64_t wpm_node_store_record(wpm_node *node, wpm_bytes peer, uint32_t fields, bool urgent) {
  wpm_peer_record record;
  if (!node->writer || wpm_store_get(wpm_manager_store(node->manager), peer, &record) != WPM_OK) {
    return 0;
  }
  if (wpm_node_is_dialling(node, peer)) {
    record.connectivity = WPM_CONNECTED;
    fields |= WPM_FIELD_CONNECTIVITY;
  }
  if (fields == WPM_FIELD_ALL) { /* It is new: what outlived it before is in the record. */
    (void)wpm_writer_remove_tombstone(node->writer, peer);
  }
  return wpm_writer_put(node->writer, &record, fields, urgent || cannot_wait(&record, fields));
}

void wpm_node_store_removal(wpm_node *node, const wpm_tombstone *tombstone) {
  if (!node->writer) {
    return;
  }
  bool outlives = tombstone->prune_backoff.length_ns > 0 || tombstone->ban.length_ns > 0;
  if (outlives) { /* First: a commit between the two must not leave neither. */
    (void)wpm_writer_put_tombstone(node->writer, tombstone, false);
  }
  (void)wpm_writer_remove(node->writer, tombstone->id, outlives);
}

void wpm_node_store_range_ban(wpm_node *node, const wpm_range_ban *ban) {
  if (node->writer) {
    (void)wpm_writer_put_range_ban(node->writer, ban, true);
  }
}

static wpm_writer_status status_of(const wpm_node *node) {
  wpm_writer_status status = {0};
  if (node->writer) {
    wpm_writer_get_status(node->writer, &status);
  }
  return status;
}

uint64_t wpm_node_latest_change(const wpm_node *node) {
  return status_of(node).sequence;
}

uint64_t wpm_node_durable_change(const wpm_node *node) {
  return status_of(node).durable;
}

bool wpm_node_must_wait(const wpm_node *node, uint64_t sequence) {
  return node->writer && node->storage.error.code == WPM_OK && !node->storage.memory_only &&
         sequence > node->storage.durable;
}

int wpm_node_when_durable(wpm_node *node, wpm_durable_fn done, void *user) {
  const wpm_writer_status storage = status_of(node);
  if (!wpm_node_must_wait(node, storage.sequence)) {
    done(user, node->writer && storage.sequence <= storage.durable);
    return WPM_OK;
  }
  wpm_writer_hurry(node->writer);
  wpm_durable_waiter *waiter = calloc(1, sizeof *waiter);
  if (!waiter) {
    return WPM_ERR_NO_MEMORY;
  }
  *waiter = (wpm_durable_waiter){.sequence = storage.sequence, .done = done, .user = user};
  wpm_durable_waiter **last = &node->durable_waiters;
  while (*last) {
    last = &(*last)->next;
  }
  *last = waiter;
  return WPM_OK;
}

static void async_closed(uv_handle_t *handle) {
  wpm_node_handle_closed(handle->data);
}

int wpm_node_load(wpm_node *node, wpm_error *error) {
  wpm_writer_config config;
  if (!node->config.database) {
    return WPM_OK;
  }
  wpm_writer_config_default(&config);
  config.path = node->config.database;
  config.wake = wake;
  config.user = node;
  int err = wpm_system_random(config.hash_key, sizeof config.hash_key);
  if (err == WPM_OK && uv_async_init(node->config.loop, &node->writer_woke, writer_woke) != 0) {
    err = WPM_ERR_IO;
  }
  if (err != WPM_OK) {
    return wpm_fail(error, err, "cannot start the storage: %s", wpm_strerror(err));
  }
  node->writer_woke.data = node;
  node->handles_open++;
  err = wpm_writer_open(&config, &node->writer);
  if (err != WPM_OK) {
    uv_close((uv_handle_t *)&node->writer_woke, async_closed);
    return wpm_fail(error, err, "cannot start the storage: %s", wpm_strerror(err));
  }
  wpm_instant heartbeat;
  bool beaten = wpm_writer_last_heartbeat(node->writer, &heartbeat);
  load_state state = {
      .node = node, .heartbeat = beaten ? &heartbeat : NULL, .now = wpm_system_now(node->boot_id)};
  size_t skipped = 0;
  const wpm_writer_sink sink = {.record = load_record,
                                .tombstone = load_tombstone,
                                .range_ban = load_range_ban,
                                .user = &state};
  wpm_writer_load(node->writer, &sink, &skipped);
  look_at_storage(node);
  tell_left_out(&state, skipped);
  WPM_LOG(&node->config.logger, WPM_LOG_INFO, "storage", "%zu peers loaded from %s", state.loaded,
          node->config.database);
  err = wpm_writer_start(node->writer);
  return err == WPM_OK ? err
                       : wpm_fail(error, err, "cannot start the storage: %s", wpm_strerror(err));
}

void wpm_node_unload(wpm_node *node) {
  wpm_error error;
  if (!node->writer) {
    return;
  }
  wpm_writer_get_status(node->writer, &node->storage);
  size_t queued = node->storage.queued;
  (void)wpm_writer_heartbeat(node->writer, wpm_system_now(node->boot_id));
  int err = wpm_writer_stop(node->writer, &error);
  if (err != WPM_OK && queued > 0) {
    WPM_LOG(&node->config.logger, WPM_LOG_ERROR, "storage", "changes of %zu peers are lost: %s",
            queued, error.text);
  }
  node->writer = NULL;
  node->storage.durable = err == WPM_OK ? UINT64_MAX : node->storage.durable;
  tell_durable(node);
  uv_close((uv_handle_t *)&node->writer_woke, async_closed);
}

/* ---- looking --------------------------------------------------------------------------------- */

void wpm_node_get_status(const wpm_node *node, wpm_node_status *out) {
  wpm_writer_status storage = node->storage;
  if (node->writer) {
    wpm_writer_get_status(node->writer, &storage);
  }
  *out = (wpm_node_status){.persistent = node->config.database != NULL,
                           .storage_error = storage.error.code,
                           .queued_changes = storage.queued,
                           .storage_lag_ns = storage.lag_ns,
                           .memory_only = storage.memory_only,
                           .stopping = node->stopping};
  if (storage.error.code != WPM_OK) {
    (void)snprintf(out->storage_text, sizeof out->storage_text, "%s", storage.error.text);
  }
}

void wpm_node_get_counters(const wpm_node *node, wpm_node_counters *out) {
  *out = node->counters;
  if (node->writer) {
    wpm_writer_status storage;
    wpm_writer_get_status(node->writer, &storage);
    out->storage_commits = storage.commits;
    out->storage_errors = storage.failures;
  }
  if (node->host) {
    wpm_host_counters host = wpm_host_get_counters(node->host);
    out->inbound_accepted = host.inbound_accepted;
    out->inbound_refused = host.inbound_refused;
    out->pings_received = host.pings_received;
    out->bytes_received = host.bytes_received;
    out->bytes_sent = host.bytes_sent;
    for (size_t i = 0; i < WPM_SHORTAGE_COUNT; i++) {
      out->shortages[i] += host.shortages[i];
    }
  }
}
