/* The life of a node: made, started, stopped, freed. */
#include "node/internal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "node/system.h"

#include <stdlib.h>
#include <string.h>

#define HEARTBEAT_MS 1000
#define CONNECTION_SLACK                                                                           \
  64 /* Connections beyond the policy's limit: those it is about to refuse. */

void wpm_node_config_default(wpm_node_config *config) {
  *config = (wpm_node_config){.size = sizeof *config,
                              .agent = WPM_TEXT("wakupeers"),
                              .max_inbound_upgrades = 128,
                              .max_streams = 64};
  wpm_manager_config_default(&config->manager);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Copies what the configuration points to into one allocation. WPM_ERR_NO_MEMORY. */
static int keep_config(wpm_node *node, const wpm_node_config *config) {
  size_t texts = config->listen_count + config->static_node_count;
  size_t total = texts * sizeof(wpm_text) + config->agent.len +
                 config->manager.shard_count * sizeof(uint16_t) +
                 (config->database ? strlen(config->database) + 1 : 0);
  for (size_t i = 0; i < config->listen_count; i++) {
    total += config->listen[i].len;
  }
  for (size_t i = 0; i < config->static_node_count; i++) {
    total += config->static_nodes[i].len;
  }
  node->strings = malloc(total > 0 ? total : 1);
  if (!node->strings) {
    return WPM_ERR_NO_MEMORY;
  }
  node->config = *config;
  wpm_text *views = node->strings;
  uint16_t *shards = (uint16_t *)(views + texts);
  char *at = (char *)(shards + config->manager.shard_count);
  for (size_t i = 0; i < texts; i++) {
    wpm_text from = i < config->listen_count ? config->listen[i]
                                             : config->static_nodes[i - config->listen_count];
    if (from.len > 0) {
      memcpy(at, from.data, from.len);
    }
    views[i] = (wpm_text){at, from.len};
    at += from.len;
  }
  node->config.listen = views;
  node->config.static_nodes = views + config->listen_count;
  if (config->manager.shard_count > 0) {
    memcpy(shards, config->manager.shards, config->manager.shard_count * sizeof *shards);
  }
  node->config.manager.shards = shards;
  if (config->agent.len > 0) {
    memcpy(at, config->agent.data, config->agent.len);
  }
  node->config.agent = (wpm_text){at, config->agent.len};
  at += config->agent.len;
  if (config->database) {
    memcpy(at, config->database, strlen(config->database) + 1);
    node->config.database = at;
  }
  return WPM_OK;
}

static int make_identity(wpm_node *node, const wpm_node_key *key) {
  uint8_t seed[32];
  wpm_node_key fresh;
  int err = wpm_system_random(seed, sizeof seed);
  if (err == WPM_OK) {
    err = wpm_crypto_init(seed, &node->crypto);
  }
  wpm_wipe(seed, sizeof seed);
  if (err == WPM_OK && !key) {
    err = wpm_node_key_new(WPM_NODE_KEY_SECP256K1, &fresh);
  }
  if (err != WPM_OK) {
    return err;
  }
  const wpm_node_key *used = key ? key : &fresh;
  err = wpm_identity_decode(node->crypto, (wpm_bytes){used->bytes, used->len}, &node->identity);
  if (!key) {
    wpm_node_key_wipe(&fresh);
  }
  return err;
}

static int make_manager(wpm_node *node) {
  wpm_manager_config *config = &node->config.manager;
  config->local_peer = node->identity.peer_id;
  int err = wpm_system_random((uint8_t *)&config->seed, sizeof config->seed);
  if (err == WPM_OK) {
    err = wpm_system_random(config->store.hash_key, sizeof config->store.hash_key);
  }
  return err == WPM_OK ? wpm_manager_new(config, &node->manager) : err;
}

int wpm_node_new(const wpm_node_config *config, wpm_node **out, wpm_error *error) {
  if (config->size != sizeof *config || !config->loop) {
    return wpm_fail(error, WPM_ERR_INVALID,
                    "the node's configuration has no loop, or was compiled "
                    "for another version of the library");
  }
  wpm_node *node = calloc(1, sizeof *node);
  if (!node) {
    return wpm_fail(error, WPM_ERR_NO_MEMORY, "out of memory");
  }
  node->boot_id = wpm_system_boot_id();
  int err = keep_config(node, config);
  if (err == WPM_OK) {
    err = make_identity(node, config->key);
  }
  node->config.key = NULL;
  if (err == WPM_OK) {
    err = make_manager(node);
  }
  if (err != WPM_OK) {
    wpm_node_free(node);
    return wpm_fail(error, err, "cannot make the node: %s", wpm_strerror(err));
  }
  node->metadata = (wpm_metadata){.has_cluster_id = true, .cluster_id = config->manager.cluster_id};
  *out = node;
  return WPM_OK;
}

void wpm_node_free(wpm_node *node) {
  if (!node) {
    return;
  }
  wpm_host_free(node->host);
  wpm_manager_free(node->manager);
  wpm_identity_fini(&node->identity);
  wpm_exchange_taker_free(node->taker);
  wpm_crypto_free(node->crypto);
  free(node->conns);
  free(node->strings);
  free(node);
}

/* ---- starting -------------------------------------------------------------------------------- */

static void random_bytes(void *user, uint8_t *out, size_t len) {
  const wpm_node *node = user;
  if (wpm_system_random(out, len) != WPM_OK) {
    /* It worked when the node was made; a key must never be predictable. */
    WPM_LOG(&node->config.logger, WPM_LOG_FATAL, "node", "the system's random source has failed");
    abort();
  }
}

/* Numbers without a limit of their own may be as large as they can be. */
static size_t sum(size_t a, size_t b) {
  return a < SIZE_MAX - b ? a + b : SIZE_MAX;
}

static int make_host(wpm_node *node) {
  wpm_host_config config;
  wpm_host_config_default(&config);
  config.loop = node->config.loop;
  config.logger = &node->config.logger;
  config.crypto = node->crypto;
  config.identity = &node->identity;
  config.random = random_bytes;
  config.callbacks = &wpm_node_host_callbacks;
  config.user = node;
  config.agent = node->config.agent;
  config.protocol_version = WPM_TEXT("wakupeers/1.0.0");
  config.metadata = &node->metadata;
  config.upgrade_timeout_ns = node->config.manager.dial_timeout_ns;
  config.max_inbound_upgrades = node->config.max_inbound_upgrades;
  config.max_connections = sum(sum(node->config.manager.max_connections, CONNECTION_SLACK),
                               sum(node->config.manager.max_dials, config.max_inbound_upgrades));
  config.max_inbound_streams =
      node->config.max_streams < UINT32_MAX ? (uint32_t)node->config.max_streams : UINT32_MAX;
  return wpm_host_new(&config, &node->host);
}

static int listen_all(wpm_node *node, wpm_error *error) {
  for (size_t i = 0; i < node->config.listen_count; i++) {
    wpm_multiaddr address;
    int err = wpm_multiaddr_parse(node->config.listen[i], &address, error);
    if (err == WPM_OK) {
      err = wpm_host_listen(node->host, wpm_multiaddr_view(&address), error);
    }
    if (err != WPM_OK) {
      return err;
    }
  }
  return WPM_OK;
}

static uint64_t hash_announced(wpm_node *node) {
  static const wpm_siphash_key key = {1, 2};
  const wpm_multiaddr *addresses = NULL;
  size_t count = wpm_host_announced_addresses(node->host, &addresses);
  uint64_t hash = 0;
  for (size_t i = 0; i < count; i++) {
    hash = hash * 31 + wpm_siphash13(&key, wpm_multiaddr_view(&addresses[i]));
  }
  return hash;
}

/* Our addresses changed (an interface came or went): peers are told. */
static void push_identify(wpm_node *node) {
  for (size_t i = 0; i < node->conn_slots; i++) {
    const wpm_node_conn *entry = node->conns[i];
    wpm_peer_record record;
    if (!entry || wpm_store_get(wpm_manager_store(node->manager), wpm_conn_peer(entry->conn),
                                &record) != WPM_OK) {
      continue;
    }
    for (size_t p = 0; p < record.protocol_count; p++) {
      if (wpm_text_equal(record.protocols[p], WPM_TEXT(WPM_IDENTIFY_PUSH_PROTOCOL_ID))) {
        int err = wpm_conn_push_identify(entry->conn);
        if (err != WPM_OK) {
          WPM_LOG(&node->config.logger, WPM_LOG_DEBUG, "net", "cannot push identify: %s",
                  wpm_strerror(err));
        }
        break;
      }
    }
  }
}

/* Makes the node record of the addresses announced now. WPM_OK without one for other keys. */
static int sign_enr(wpm_node *node) {
  const wpm_multiaddr *announced = NULL;
  wpm_bytes addresses[WPM_HOST_ANNOUNCED_MAX];
  uint8_t record[WPM_ENR_MAX];
  size_t len = 0;
  size_t count = wpm_host_announced_addresses(node->host, &announced);
  for (size_t i = 0; i < count; i++) {
    addresses[i] = wpm_multiaddr_view(&announced[i]);
  }
  node->enr[0] = '\0';
  int err = wpm_enr_seal(node->crypto, &node->identity, node->record_sequence, addresses, count,
                         record, &len);
  if (err == WPM_OK) {
    err = wpm_enr_format((wpm_bytes){record, len}, node->enr, sizeof node->enr, NULL);
  }
  return err == WPM_ERR_UNSUPPORTED ? WPM_OK : err;
}

/* Signs the addresses announced now. Wall time orders the records of this run and earlier ones;
 * where the clock was set back, those of this run still ascend. */
static void sign_records(wpm_node *node) {
  int64_t now = wpm_system_now(node->boot_id).wall.ns;
  uint64_t sequence = now > 0 ? (uint64_t)now : 0;
  node->record_sequence = sequence > node->record_sequence ? sequence : node->record_sequence + 1;
  int err = wpm_host_sign_record(node->host, node->record_sequence);
  if (err != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "net", "identify carries no signed record: %s",
            wpm_strerror(err));
  }
  err = sign_enr(node);
  if (err != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "net", "there is no node record of ours: %s",
            wpm_strerror(err));
  }
}

static const char *network_text(wpm_network_state what) {
  switch (what) {
  case WPM_NETWORK_ONLINE:
    return "there is a network again";
  case WPM_NETWORK_OFFLINE:
    return "there is no network any more: nothing is dialled";
  case WPM_NETWORK_CHANGED:
    return "an interface of this machine came, went or changed";
  }
  return "?";
}

static void look_at_interfaces(wpm_node *node) {
  wpm_event event = {.type = WPM_EVENT_NETWORK};
  if (!wpm_interfaces_changed(&node->interfaces, &event.u.network.state)) {
    return;
  }
  WPM_LOG(&node->config.logger, WPM_LOG_INFO, "node", "%s", network_text(event.u.network.state));
  int err = wpm_node_fact(node, &event);
  if (err != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node",
            "the manager was not told of the network: %s", wpm_strerror(err));
  }
}

/* What ran short since the last time. */
static void tell_shortages(wpm_node *node) {
  wpm_node_counters counters;
  wpm_node_get_counters(node, &counters);
  for (size_t i = 0; i < WPM_SHORTAGE_COUNT; i++) {
    if (counters.shortages[i] == node->shortages_told[i]) {
      continue;
    }
    wpm_event event = {.type = WPM_EVENT_SHORTAGE, .u.shortage.of = (wpm_shortage)i};
    node->shortages_told[i] = counters.shortages[i];
    if (wpm_node_fact(node, &event) == WPM_OK) { /* It needs no memory. */
      WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node",
              "%s ran short: for some minutes there are fewer connections",
              wpm_shortage_name(event.u.shortage.of));
    }
  }
}

static void heartbeat(uv_timer_t *timer) {
  wpm_node *node = timer->data;
  /* libuv's timers stand still while the machine sleeps, the manager's time does not: what came due
   * meanwhile is done now. */
  wpm_node_deadline_passed(&node->deadline);
  look_at_interfaces(node);
  tell_shortages(node);
  if (node->writer) {
    wpm_writer_heartbeat(node->writer, wpm_system_now(node->boot_id));
  }
  uint64_t announced = hash_announced(node);
  if (announced != node->announced_hash) {
    node->announced_hash = announced;
    sign_records(node);
    push_identify(node);
  }
}

int wpm_node_start(wpm_node *node, wpm_error *error) {
  int err = make_host(node);
  if (err != WPM_OK) {
    return wpm_fail(error, err, "cannot start: %s", wpm_strerror(err));
  }
  node->started = true;
  (void)uv_timer_init(node->config.loop, &node->deadline);
  (void)uv_timer_init(node->config.loop, &node->heartbeat);
  node->deadline.data = node;
  node->heartbeat.data = node;
  node->handles_open = 2;
  err = listen_all(node, error);
  if (err == WPM_OK) {
    err = wpm_node_load(node, error);
    uv_update_time(node->config.loop); /* It may have taken seconds, and dials count from here. */
  }
  for (size_t i = 0; err == WPM_OK && i < node->config.static_node_count; i++) {
    err = wpm_node_found(node, node->config.static_nodes[i], WPM_SOURCE_CONFIG, NULL, error);
  }
  if (err != WPM_OK) {
    return err;
  }
  node->announced_hash = hash_announced(node);
  wpm_interfaces_init(&node->interfaces);
  sign_records(node);
  heartbeat(&node->heartbeat);
  (void)uv_timer_start(&node->heartbeat, heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
  wpm_node_pump(node);
  return WPM_OK;
}

/* ---- stopping -------------------------------------------------------------------------------- */

void wpm_node_handle_closed(wpm_node *node) {
  if (--node->handles_open == 0 && node->stopping && node->stopped) {
    node->stopped(node->stopped_user);
  }
}

static void handle_closed(uv_handle_t *handle) {
  wpm_node_handle_closed(handle->data);
}

static void host_stopped(void *user) {
  wpm_node *node = user;
  /* What the connections' ends changed is queued by now. */
  wpm_node_unload(node);
  uv_close((uv_handle_t *)&node->deadline, handle_closed);
  uv_close((uv_handle_t *)&node->heartbeat, handle_closed);
}

void wpm_node_stop(wpm_node *node, wpm_node_stopped_fn stopped, void *user) {
  if (node->stopping) {
    return;
  }
  node->stopping = true;
  node->stopped = stopped;
  node->stopped_user = user;
  if (!node->started) {
    if (stopped) {
      stopped(user);
    }
    return;
  }
  (void)uv_timer_stop(&node->deadline);
  (void)uv_timer_stop(&node->heartbeat);
  wpm_probe_end_all(node);
  wpm_manager_stop(node->manager, wpm_system_now(node->boot_id));
  node->pumping = false; /* Also where an action's callback asks for it: the rest is done now. */
  wpm_node_pump(node);
  wpm_node_drop_waiters(node);
  wpm_node_dials_drop(node);
  wpm_host_stop(node->host, host_stopped, node);
}

/* ---- looking --------------------------------------------------------------------------------- */

const wpm_peer_id *wpm_node_peer_id(const wpm_node *node) {
  return &node->identity.peer_id;
}

const wpm_manager *wpm_node_manager(const wpm_node *node) {
  return node->manager;
}

wpm_instant wpm_node_now(const wpm_node *node) {
  return wpm_system_now(node->boot_id);
}

bool wpm_node_listen_address(const wpm_node *node, size_t index, wpm_bytes *out) {
  return node->host && wpm_host_listen_address(node->host, index, out);
}

bool wpm_node_announced_address(const wpm_node *node, size_t index, wpm_bytes *out) {
  const wpm_multiaddr *addresses = NULL;
  if (!node->host || index >= wpm_host_announced_addresses(node->host, &addresses)) {
    return false;
  }
  *out = wpm_multiaddr_view(&addresses[index]);
  return true;
}

wpm_text wpm_node_enr(const wpm_node *node) {
  return wpm_text_of(node->enr);
}

bool wpm_node_next_connection(const wpm_node *node, wpm_bytes peer, uint64_t *cursor,
                              wpm_connection_info *out) {
  for (; *cursor < node->conn_slots; (*cursor)++) {
    const wpm_node_conn *entry = node->conns[*cursor];
    if (!entry || !wpm_bytes_equal(wpm_conn_peer(entry->conn), peer)) {
      continue;
    }
    *out = (wpm_connection_info){.id = entry->id,
                                 .direction = wpm_conn_direction(entry->conn),
                                 .local = wpm_conn_local(entry->conn),
                                 .remote = wpm_conn_remote(entry->conn),
                                 .security = wpm_conn_security(entry->conn),
                                 .muxer = wpm_conn_muxer(entry->conn),
                                 .since = entry->since,
                                 .streams = wpm_conn_stream_count(entry->conn)};
    (*cursor)++;
    return true;
  }
  return false;
}

void wpm_node_count_streams(const wpm_node *node, wpm_stream_count_fn fn, void *user) {
  if (node->host) {
    wpm_host_count_streams(node->host, fn, user);
  }
}
