/* A probe: one connection beside the manager, to see whether and how a peer answers. What it learns
 * is laid down in a store of its own, which holds that one peer. */
#include "node/internal.h"

#include "base/bytes.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

struct wpm_probe {
  wpm_owner_kind kind; /* WPM_OWNER_PROBE. */
  wpm_node *node;
  wpm_probe *previous, *next; /* In the node's list. */
  wpm_probe_fn told;
  void *user;
  wpm_dial *dial;   /* NULL once it has ended. */
  wpm_conn *conn;   /* NULL before and after. */
  wpm_store *store; /* What identify told. */
  wpm_peer_id peer; /* Who answered. */
  bool identify_settled, identified;
  bool metadata_settled, metadata_known;
  wpm_metadata metadata;
  const char *security, *muxer;
  int64_t handshake_ns;
  size_t wanted; /* Pings to send. */
  int64_t interval_ns;
  int64_t *rtts;
  size_t rtt_count;
  bool ping_in_flight;
  uv_timer_t timer; /* The next ping, or the time-out of the one in flight. */
  wpm_probe_result result;
  char detail[200];
};

static void send_ping(wpm_probe *probe);

/* The result as it stands; its views last while the probe does. */
static void tell(wpm_probe *probe, bool last) {
  wpm_probe_result *result = &probe->result;
  wpm_peer_record record;
  wpm_identified identified = {0};
  result->peer = wpm_peer_id_view(&probe->peer);
  result->identified = NULL;
  wpm_bytes addresses[WPM_IDENTIFY_ADDRESSES_MAX];
  if (probe->identified && wpm_store_get(probe->store, result->peer, &record) == WPM_OK) {
    for (size_t i = 0; i < record.address_count && i < WPM_IDENTIFY_ADDRESSES_MAX; i++) {
      addresses[i] = record.addresses[i].multiaddr;
    }
    identified = (wpm_identified){.public_key = &record.public_key,
                                  .agent = &record.agent,
                                  .protocol_version = &record.protocol_version,
                                  .addresses = addresses,
                                  .address_count = record.address_count,
                                  .protocols = record.protocols,
                                  .protocol_count = record.protocol_count};
    result->identified = &identified;
  }
  result->metadata_known = probe->metadata_known;
  result->has_cluster_id = probe->metadata.has_cluster_id;
  result->cluster_id = probe->metadata.cluster_id;
  result->shards = probe->metadata.shards;
  result->shard_count = probe->metadata.shard_count;
  result->security = probe->security;
  result->muxer = probe->muxer;
  result->handshake_ns = probe->handshake_ns;
  result->rtt_ns = probe->rtts;
  result->ping_count = probe->rtt_count;
  result->detail = probe->detail;
  probe->told(probe->user, result, last);
  result->identified = NULL; /* It led into this call's memory. */
}

static void probe_closed(uv_handle_t *handle) {
  wpm_probe *probe = handle->data;
  wpm_node *node = probe->node;
  wpm_store_free(probe->store);
  free(probe->rtts);
  free(probe);
  wpm_node_handle_closed(node);
}

/* Ends it: closes what is open and tells the result for the last time. */
static void finish(wpm_probe *probe) {
  if (probe->previous) {
    probe->previous->next = probe->next;
  } else {
    probe->node->probes = probe->next;
  }
  if (probe->next) {
    probe->next->previous = probe->previous;
  }
  if (probe->dial) {
    wpm_dial_cancel(probe->dial);
  }
  probe->dial = NULL;
  wpm_conn *conn = probe->conn;
  probe->conn = NULL;
  if (conn) {
    wpm_conn_set_user(conn, NULL);
    wpm_conn_close(conn, 0);
  }
  tell(probe, true);
  uv_close((uv_handle_t *)&probe->timer, probe_closed);
}

static void fail(wpm_probe *probe, int err, wpm_reason reason, wpm_step step, const char *detail) {
  if (probe->result.err == WPM_OK) {
    probe->result.err = err;
    probe->result.reason = reason;
    probe->result.step = step;
    (void)snprintf(probe->detail, sizeof probe->detail, "%s", detail);
  }
}

/* It was told for the last time: what was called may have ended the connection, and it with it. */
static bool is_over(const wpm_probe *probe) {
  return uv_is_closing((const uv_handle_t *)&probe->timer);
}

static wpm_step step_under_way(const wpm_probe *probe) {
  if (!probe->identify_settled) {
    return WPM_STEP_IDENTIFY;
  }
  return probe->metadata_settled ? WPM_STEP_PING : WPM_STEP_METADATA;
}

void wpm_probe_failed(wpm_probe *probe, const wpm_end *end) {
  wpm_bytes other = probe->dial ? wpm_dial_other_peer(probe->dial) : (wpm_bytes){0};
  if (other.len > 0 && wpm_peer_id_from_bytes(other, &probe->peer) != WPM_OK) {
    probe->peer.len = 0;
  }
  fail(probe, end->reason == WPM_REASON_PEER_ID_MISMATCH ? WPM_ERR_MISMATCH : WPM_ERR_CLOSED,
       end->reason, end->step != WPM_STEP_NONE ? end->step : step_under_way(probe), end->detail);
  probe->dial = NULL;
  probe->conn = NULL;
  finish(probe);
}

void wpm_probe_connected(wpm_probe *probe, wpm_conn *conn) {
  probe->dial = NULL;
  probe->conn = conn;
  probe->handshake_ns = (int64_t)wpm_conn_upgrade_ns(conn);
  probe->security = wpm_conn_security(conn);
  probe->muxer = wpm_conn_muxer(conn);
  wpm_conn_set_user(conn, probe);
  int err = wpm_peer_id_from_bytes(wpm_conn_peer(conn), &probe->peer);
  if (err == WPM_OK) {
    err = wpm_store_add(probe->store, wpm_conn_peer(conn), WPM_ORIGIN_UNKNOWN);
  }
  if (err == WPM_OK) {
    err = wpm_conn_identify(conn);
  }
  if (err == WPM_OK) {
    err = wpm_conn_request_metadata(conn);
  }
  if (err != WPM_OK && !is_over(probe)) {
    fail(probe, err, WPM_REASON_LOCAL_FAILURE, WPM_STEP_IDENTIFY, wpm_strerror(err));
    finish(probe);
  }
}

/* ---- pings ----------------------------------------------------------------------------------- */

static void next_ping_due(uv_timer_t *timer) {
  send_ping(timer->data);
}

static void after_ping(wpm_probe *probe, int64_t rtt_ns) {
  probe->ping_in_flight = false;
  probe->rtts[probe->rtt_count++] = rtt_ns;
  if (rtt_ns == WPM_SPAN_NONE) {
    fail(probe, WPM_ERR_TIMEOUT, WPM_REASON_PING_TIMEOUT, WPM_STEP_PING, "a ping was not answered");
  }
  if (probe->rtt_count == probe->wanted) {
    finish(probe);
    return;
  }
  tell(probe, false);
  (void)uv_timer_start(&probe->timer, next_ping_due,
                       (uint64_t)(probe->interval_ns / WPM_MILLISECOND), 0);
}

static void ping_timed_out(uv_timer_t *timer) {
  after_ping(timer->data, WPM_SPAN_NONE);
}

static void send_ping(wpm_probe *probe) {
  probe->ping_in_flight = true;
  int64_t timeout = probe->node->config.manager.ping_timeout_ns;
  (void)uv_timer_start(&probe->timer, ping_timed_out, (uint64_t)(timeout / WPM_MILLISECOND), 0);
  int err = wpm_conn_ping(probe->conn, probe->interval_ns < 5 * WPM_SECOND);
  if (err != WPM_OK && !is_over(probe)) {
    fail(probe, err, WPM_REASON_LOCAL_FAILURE, WPM_STEP_PING, wpm_strerror(err));
    finish(probe);
  }
}

void wpm_probe_pong(wpm_probe *probe, int64_t rtt_ns) {
  if (!probe->ping_in_flight) {
    return;
  }
  if (rtt_ns == WPM_SPAN_NONE) {
    fail(probe, WPM_ERR_UNSUPPORTED, WPM_REASON_NONE, WPM_STEP_PING,
         "it does not answer libp2p pings");
  }
  (void)uv_timer_stop(&probe->timer);
  after_ping(probe, rtt_ns);
}

/* Pings begin when identify and metadata are answered, or will not be. */
static void go_on(wpm_probe *probe) {
  if (!probe->identify_settled || !probe->metadata_settled) {
    return;
  }
  if (probe->wanted == 0) {
    finish(probe);
  } else {
    send_ping(probe);
  }
}

void wpm_probe_identified(wpm_probe *probe, const wpm_identify *message) {
  wpm_bytes addresses[WPM_IDENTIFY_ADDRESSES_MAX];
  wpm_identified fact;
  if (probe->identify_settled) {
    return;
  }
  probe->identify_settled = true;
  if (!message) {
    fail(probe, WPM_ERR_PROTOCOL, WPM_REASON_NONE, WPM_STEP_IDENTIFY,
         "it does not answer identify");
  } else if (!wpm_node_identified(probe->node, probe->conn, message, addresses, &fact)) {
    fail(probe, WPM_ERR_MISMATCH, WPM_REASON_PROTOCOL_VIOLATION, WPM_STEP_IDENTIFY,
         "identify names another key than the handshake");
  } else {
    wpm_bytes key = wpm_conn_public_key(probe->conn);
    fact.public_key = &key;
    probe->identified =
        wpm_store_identified(probe->store, wpm_peer_id_view(&probe->peer), &fact) == WPM_OK;
  }
  go_on(probe);
}

void wpm_probe_metadata(wpm_probe *probe, const wpm_metadata *message) {
  if (message) {
    probe->metadata = *message;
    probe->metadata_known = true;
  }
  if (!probe->metadata_settled) {
    probe->metadata_settled = true;
    go_on(probe);
  }
}

/* ---- life ------------------------------------------------------------------------------------ */

void wpm_probe_end_all(wpm_node *node) {
  while (node->probes) {
    fail(node->probes, WPM_ERR_CLOSED, WPM_REASON_SHUTDOWN, WPM_STEP_NONE,
         "the node is shutting down");
    finish(node->probes);
  }
}

static int new_probe(wpm_node *node, size_t count, wpm_probe **out) {
  wpm_probe *probe = calloc(1, sizeof *probe);
  if (!probe) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_store_config config;
  wpm_store_config_default(&config);
  probe->rtts = calloc(count + 1, sizeof *probe->rtts);
  int err = probe->rtts ? wpm_store_new(&config, &probe->store) : WPM_ERR_NO_MEMORY;
  if (err != WPM_OK) {
    free(probe->rtts);
    free(probe);
    return err;
  }
  probe->kind = WPM_OWNER_PROBE;
  probe->node = node;
  probe->wanted = count;
  probe->handshake_ns = WPM_SPAN_NONE;
  *out = probe;
  return WPM_OK;
}

int wpm_node_probe(wpm_node *node, wpm_text multiaddr, size_t count, int64_t interval_ns,
                   wpm_probe_fn fn, void *user, wpm_error *error) {
  wpm_multiaddr address;
  wpm_bytes transport = {0};
  wpm_bytes peer = {0};
  int err = wpm_multiaddr_parse(multiaddr, &address, error);
  if (err == WPM_OK) {
    err = wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer);
  }
  if (err != WPM_OK) {
    return err;
  }
  if (!node->started || node->stopping || count > WPM_PROBE_PINGS_MAX || interval_ns < 0) {
    return wpm_fail(error, WPM_ERR_INVALID, "a probe takes at most %d pings, of a running node",
                    WPM_PROBE_PINGS_MAX);
  }
  wpm_probe *probe = NULL;
  err = new_probe(node, count, &probe);
  if (err != WPM_OK) {
    return wpm_fail(error, err, "%s", wpm_strerror(err));
  }
  probe->interval_ns = interval_ns;
  probe->told = fn;
  probe->user = user;
  err = wpm_host_dial(node->host, peer, &transport, 1, probe, &probe->dial);
  if (err != WPM_OK) {
    wpm_store_free(probe->store);
    free(probe->rtts);
    free(probe);
    return wpm_fail(error, err, "cannot dial: %s", wpm_strerror(err));
  }
  (void)uv_timer_init(node->config.loop, &probe->timer);
  probe->timer.data = probe;
  node->handles_open++;
  probe->next = node->probes;
  if (node->probes) {
    node->probes->previous = probe;
  }
  node->probes = probe;
  return WPM_OK;
}
