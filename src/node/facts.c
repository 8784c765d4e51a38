/* What net tells, as facts for the manager. */
#include "node/internal.h"

#include "base/bytes.h"
#include "node/system.h"
#include "proto/signed_record.h"

#include <stdlib.h>

int wpm_node_fact(wpm_node *node, const wpm_event *event) {
  int err = wpm_manager_handle(node->manager, event, wpm_system_now(node->boot_id));
  node->counters.shortages[WPM_SHORTAGE_MEMORY] += err == WPM_ERR_NO_MEMORY;
  wpm_node_pump(node);
  return err;
}

/* A fact that cannot be refused for reasons of its own; what is left is memory. */
static void report(wpm_node *node, const wpm_event *event) {
  int err = wpm_node_fact(node, event);
  if (err != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node", "a fact of kind %d is lost: %s",
            (int)event->type, wpm_strerror(err));
  }
}

/* ---- connections ----------------------------------------------------------------------------- */

/* A free slot of the table. False: no memory. */
static bool free_slot(wpm_node *node, uint32_t *slot) {
  for (size_t i = 0; i < node->conn_slots; i++) {
    if (!node->conns[i]) {
      *slot = (uint32_t)i;
      return true;
    }
  }
  size_t slots = node->conn_slots > 0 ? 2 * node->conn_slots : 64;
  wpm_node_conn **conns = realloc(node->conns, slots * sizeof *conns);
  if (!conns) {
    return false;
  }
  for (size_t i = node->conn_slots; i < slots; i++) {
    conns[i] = NULL;
  }
  *slot = (uint32_t)node->conn_slots;
  node->conns = conns;
  node->conn_slots = slots;
  return true;
}

wpm_node_conn *wpm_node_find_conn(const wpm_node *node, wpm_connection_id id) {
  uint32_t slot = (uint32_t)id;
  wpm_node_conn *conn = slot < node->conn_slots ? node->conns[slot] : NULL;
  return conn && conn->id == id ? conn : NULL;
}

static wpm_node_conn *new_conn(wpm_node *node, wpm_conn *conn) {
  uint32_t slot = 0;
  wpm_node_conn *entry = calloc(1, sizeof *entry);
  if (!entry || !free_slot(node, &slot)) {
    free(entry);
    return NULL;
  }
  node->generation++;
  entry->kind = WPM_OWNER_MANAGER;
  entry->slot = slot;
  entry->id = (uint64_t)node->generation << 32 | slot;
  entry->conn = conn;
  entry->since = wpm_system_now(node->boot_id).wall;
  node->conns[slot] = entry;
  wpm_conn_set_user(conn, entry);
  return entry;
}

/* The manager has not taken the connection in, so nobody else would end it or answer its dial. */
static void not_taken(wpm_node *node, wpm_conn *conn, wpm_bytes peer, wpm_dial_id dial) {
  wpm_event event = {
      .type = WPM_EVENT_DIAL_FAILED,
      .peer = peer,
      .u.dial_failed = {.dial = dial, .reason = WPM_REASON_LOCAL_FAILURE},
  };
  wpm_conn_close(conn, 0);
  if (dial != 0) {
    report(node, &event);
  }
}

/* Which addresses of a dial have failed, as the manager is told. */
typedef struct failures {
  wpm_failed_address list[WPM_DIAL_ADDRESSES_MAX];
  size_t count;
} failures;

static void take_failures(const wpm_dial_attempt *attempts, size_t count, failures *out) {
  out->count = count < WPM_DIAL_ADDRESSES_MAX ? count : WPM_DIAL_ADDRESSES_MAX;
  for (size_t i = 0; i < out->count; i++) {
    out->list[i] = (wpm_failed_address){attempts[i].multiaddr, attempts[i].reason};
  }
}

/* Puts the connection into the table and before the manager. Errors as wpm_manager_handle. */
static int take_in(wpm_node *node, wpm_conn *conn, wpm_dial_id dial, const failures *failed) {
  wpm_node_conn *entry = new_conn(node, conn);
  wpm_direction direction = wpm_conn_direction(conn);
  if (!entry) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_connection_id id = entry->id;
  wpm_event event = {
      .type = WPM_EVENT_CONNECTED,
      .peer = wpm_conn_peer(conn),
      .u.connected = {.connection = id,
                      .dial = dial,
                      .direction = direction,
                      .remote = direction == WPM_OUTBOUND ? wpm_conn_dialled(conn)
                                                          : wpm_conn_remote(conn),
                      .public_key = wpm_conn_public_key(conn),
                      .failed = failed->list,
                      .failed_count = failed->count},
  };
  node->counters.connections_opened[direction]++;
  int err = wpm_node_fact(node, &event);
  entry = wpm_node_find_conn(node, id);
  if (err != WPM_OK && entry) { /* For want of memory; what is refused has gone by now. */
    wpm_node_conn_gone(node, entry, WPM_REASON_LOCAL_FAILURE);
  }
  return err;
}

static void connected(void *user, wpm_conn *conn, wpm_dial *dial) {
  wpm_node *node = user;
  wpm_node_dial *ours = dial ? wpm_dial_user(dial) : NULL;
  if (ours && ours->kind == WPM_OWNER_PROBE) {
    wpm_probe_connected((wpm_probe *)ours, conn);
    return;
  }
  wpm_dial_id dial_id = ours ? ours->id : 0;
  if (ours) {
    node->counters.dials_succeeded++;
    wpm_node_dial_over(node, ours, true);
  }
  /* `conn` can be looked at until this callback returns, whatever becomes of it. */
  wpm_bytes peer = wpm_conn_peer(conn);
  wpm_dial_attempt attempts[WPM_DIAL_ADDRESSES_MAX];
  failures failed;
  take_failures(attempts, dial ? wpm_dial_failed(dial, attempts, WPM_DIAL_ADDRESSES_MAX) : 0,
                &failed);
  int err = take_in(node, conn, dial_id, &failed);
  if (err != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node", "a connection is refused: %s",
            wpm_strerror(err));
    wpm_conn_set_user(conn, NULL);
    not_taken(node, conn, peer, dial_id);
  }
  wpm_node_settle_waiters(node, peer);
}

static void dial_failed(void *user, wpm_dial *dial, const wpm_end *end,
                        const wpm_dial_attempt *attempts, size_t attempt_count) {
  wpm_node *node = user;
  wpm_node_dial *ours = wpm_dial_user(dial);
  if (ours->kind == WPM_OWNER_PROBE) {
    wpm_probe_failed((wpm_probe *)ours, end);
    return;
  }
  failures failed;
  take_failures(attempts, attempt_count, &failed);
  wpm_peer_id peer = ours->peer;
  wpm_event event = {
      .type = WPM_EVENT_DIAL_FAILED,
      .peer = wpm_peer_id_view(&peer),
      .u.dial_failed = {.dial = ours->id,
                        .reason = end->reason,
                        .addresses = failed.list,
                        .address_count = failed.count},
  };
  node->counters.dials_failed[end->reason]++;
  wpm_node_dial_over(node, ours, false);
  report(node, &event);
  wpm_attempt attempt = {
      .err = WPM_ERR_CLOSED, .reason = end->reason, .step = end->step, .detail = end->detail};
  wpm_node_tell_waiters(node, wpm_peer_id_view(&peer), &attempt);
}

static void inbound_failed(void *user, const wpm_end *end) {
  wpm_node *node = user;
  node->counters.inbound_failed[end->reason]++;
  WPM_LOG(&node->config.logger, WPM_LOG_DEBUG, "net", "an inbound connection failed: %s, %s (%s)",
          wpm_reason_name(end->reason), end->detail, wpm_step_name(end->step));
}

void wpm_node_conn_gone(wpm_node *node, wpm_node_conn *conn, wpm_reason reason) {
  wpm_peer_id peer = {0};
  if (wpm_peer_id_from_bytes(wpm_conn_peer(conn->conn), &peer) != WPM_OK) {
    peer.len = 0; /* Cannot be: the handshake made it. */
  }
  wpm_event event = {
      .type = WPM_EVENT_DISCONNECTED,
      .peer = wpm_peer_id_view(&peer),
      .u.disconnected = {.connection = conn->id, .reason = reason},
  };
  node->conns[conn->slot] = NULL;
  node->counters.connections_ended[reason]++;
  free(conn);
  report(node, &event);
}

static void closed(void *user, wpm_conn *conn, const wpm_end *end) {
  wpm_node *node = user;
  wpm_node_conn *entry = wpm_conn_user(conn);
  if (!entry) {
    return;
  }
  if (entry->kind == WPM_OWNER_PROBE) {
    wpm_probe_failed((wpm_probe *)entry, end);
    return;
  }
  wpm_node_conn_gone(node, entry, end->reason);
}

static void received(void *user, wpm_conn *conn) {
  wpm_node *node = user;
  const wpm_node_conn *entry = wpm_conn_user(conn);
  if (!entry || entry->kind == WPM_OWNER_PROBE) {
    return;
  }
  wpm_event event = {
      .type = WPM_EVENT_RECEIVED,
      .peer = wpm_conn_peer(conn),
      .u.received = {.connection = entry->id},
  };
  report(node, &event);
}

/* ---- what peers say -------------------------------------------------------------------------- */

bool wpm_node_identified(const wpm_node *node, const wpm_conn *conn, const wpm_identify *message,
                         wpm_bytes *addresses, wpm_identified *out) {
  if (message->public_key.len > 0 &&
      !wpm_bytes_equal(message->public_key, wpm_conn_public_key(conn))) {
    return false;
  }
  size_t count = wpm_identify_addresses(message, wpm_conn_peer(conn), node->crypto, addresses);
  *out = (wpm_identified){
      .agent = message->has_agent ? &message->agent : NULL,
      .protocol_version = message->has_protocol_version ? &message->protocol_version : NULL,
      .addresses = count > 0 || message->address_count > 0 ? addresses : NULL,
      .address_count = count,
      .protocols = message->protocol_count > 0 ? message->protocols : NULL,
      .protocol_count = message->protocol_count,
  };
  return true;
}

/* The peer's signed record in the message, where it is new to us, verifies and is its own. */
static bool certified(wpm_node *node, wpm_bytes peer, wpm_bytes envelope, wpm_signed_record *opened,
                      wpm_certified *out) {
  wpm_peer_record held;
  if (envelope.len == 0 || envelope.len > UINT16_MAX) {
    return false;
  }
  if (wpm_store_get(wpm_manager_store(node->manager), peer, &held) == WPM_OK &&
      wpm_bytes_equal(held.signed_record, envelope)) {
    return false;
  }
  if (wpm_signed_record_open(node->crypto, envelope, opened) != WPM_OK ||
      !wpm_bytes_equal(wpm_peer_id_view(&opened->peer_id), peer)) {
    return false;
  }
  *out = (wpm_certified){.envelope = envelope,
                         .sequence = opened->sequence,
                         .addresses = opened->addresses,
                         .address_count = opened->address_count};
  return true;
}

static void identified(void *user, wpm_conn *conn, const wpm_identify *message, bool pushed) {
  wpm_node *node = user;
  const wpm_node_conn *entry = wpm_conn_user(conn);
  if (!entry) {
    return;
  }
  if (entry->kind == WPM_OWNER_PROBE) {
    if (!pushed) {
      wpm_probe_identified((wpm_probe *)(uintptr_t)entry, message);
    }
    return;
  }
  wpm_bytes addresses[WPM_IDENTIFY_ADDRESSES_MAX];
  wpm_identified fact;
  if (!message) {
    WPM_LOG(&node->config.logger, WPM_LOG_DEBUG, "net", "identify was not answered");
    return;
  }
  if (!wpm_node_identified(node, conn, message, addresses, &fact)) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "net",
            "identify names another key than the handshake: ignored");
    return;
  }
  node->counters.identified++;
  wpm_signed_record opened;
  wpm_certified record;
  bool is_certified =
      certified(node, wpm_conn_peer(conn), message->signed_record, &opened, &record);
  wpm_event event = {
      .type = WPM_EVENT_IDENTIFIED,
      .peer = wpm_conn_peer(conn),
      .u.identified = {.connection = entry->id,
                       .identified = &fact,
                       .certified = is_certified ? &record : NULL},
  };
  report(node, &event);
}

static wpm_cluster_match match_of(const wpm_node *node, const wpm_metadata *message) {
  uint32_t ours = node->config.manager.cluster_id;
  if (!message->has_cluster_id || message->cluster_id == 0 || ours == 0) {
    return WPM_CLUSTER_UNKNOWN;
  }
  return message->cluster_id == ours ? WPM_CLUSTER_MATCH : WPM_CLUSTER_MISMATCH;
}

static void metadata(void *user, wpm_conn *conn, const wpm_metadata *message) {
  wpm_node *node = user;
  const wpm_node_conn *entry = wpm_conn_user(conn);
  if (!entry) {
    return;
  }
  if (entry->kind == WPM_OWNER_PROBE) {
    wpm_probe_metadata((wpm_probe *)(uintptr_t)entry, message);
    return;
  }
  if (!message) {
    return; /* Not answered: unknown, which ends nothing. */
  }
  node->counters.metadata_received[match_of(node, message)]++;
  wpm_event event = {
      .type = WPM_EVENT_METADATA,
      .peer = wpm_conn_peer(conn),
      .u.metadata = {.connection = entry->id,
                     .has_cluster_id = message->has_cluster_id,
                     .cluster_id = message->cluster_id,
                     .shards = message->shards,
                     .shard_count = message->shard_count},
  };
  report(node, &event);
}

static void pong(void *user, wpm_conn *conn, int64_t rtt_ns) {
  wpm_node *node = user;
  const wpm_node_conn *entry = wpm_conn_user(conn);
  if (!entry) {
    return;
  }
  if (entry->kind == WPM_OWNER_PROBE) {
    wpm_probe_pong((wpm_probe *)(uintptr_t)entry, rtt_ns);
    return;
  }
  node->counters.pongs_received++;
  wpm_event event = {
      .type = WPM_EVENT_PONG,
      .peer = wpm_conn_peer(conn),
      .u.pong = {.connection = entry->id, .rtt_ns = rtt_ns},
  };
  report(node, &event);
}

static bool admit(void *user, wpm_bytes remote) {
  wpm_node *node = user;
  wpm_instant now = wpm_system_now(node->boot_id);
  return wpm_manager_admit(node->manager, remote, now) == WPM_INBOUND_ADMITTED;
}

const wpm_host_callbacks wpm_node_host_callbacks = {
    .admit = admit,
    .connected = connected,
    .dial_failed = dial_failed,
    .inbound_failed = inbound_failed,
    .closed = closed,
    .received = received,
    .identified = identified,
    .metadata = metadata,
    .pong = pong,
};
