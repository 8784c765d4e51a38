#include "metrics.h"

#include "json_peer.h"

#include <wakupeers/explain.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One metric's tally by label text. */
typedef struct label_tally {
  struct {
    char label[160];
    uint64_t count;
  } rows[METRICS_LABELS_MAX];
  size_t used;
  uint64_t other; /* What found no row. */
} label_tally;

static void count(label_tally *tally, const char *label, uint64_t more) {
  for (size_t i = 0; i < tally->used; i++) {
    if (strcmp(tally->rows[i].label, label) == 0) {
      tally->rows[i].count += more;
      return;
    }
  }
  if (tally->used == METRICS_LABELS_MAX) {
    tally->other += more;
    return;
  }
  (void)snprintf(tally->rows[tally->used].label, sizeof tally->rows[0].label, "%s", label);
  tally->rows[tally->used++].count = more;
}

static void head(FILE *out, const char *name, const char *type, const char *help) {
  (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Rows of a tally; `other`: the labels of what found no row. */
static void print_tally(FILE *out, const char *name, const char *help, const label_tally *tally,
                        const char *other) {
  head(out, name, "gauge", help);
  for (size_t i = 0; i < tally->used; i++) {
    (void)fprintf(out, "%s{%s} %" PRIu64 "\n", name, tally->rows[i].label, tally->rows[i].count);
  }
  if (tally->other > 0) {
    (void)fprintf(out, "%s{%s} %" PRIu64 "\n", name, other, tally->other);
  }
}

static void print_value(FILE *out, const char *name, const char *type, const char *help,
                        uint64_t value) {
  head(out, name, type, help);
  (void)fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* Text of the wire as a label's value: printable ASCII without quotes and backslashes. */
static void label_text(wpm_text text, char *out, size_t cap) {
  size_t len = text.len < cap - 1 ? text.len : cap - 1;
  for (size_t i = 0; i < len; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    out[i] = (char)(byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\' ? '?' : byte);
  }
  out[len] = '\0';
}

static void print_by_reason(FILE *out, const char *name, const char *label,
                            const uint64_t counts[WPM_REASON_COUNT]) {
  for (int i = 0; i < WPM_REASON_COUNT; i++) {
    if (counts[i] > 0) {
      (void)fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, wpm_reason_name((wpm_reason)i),
                    counts[i]);
    }
  }
}

static void print_counters(FILE *out, const wpm_node_counters *counters) {
  head(out, "waku_peers_dials_total", "counter",
       "Dials that ended, by outcome: successful, or why not");
  (void)fprintf(out, "waku_peers_dials_total{outcome=\"successful\"} %" PRIu64 "\n",
                counters->dials_succeeded);
  print_by_reason(out, "waku_peers_dials_total", "outcome", counters->dials_failed);
  head(out, "waku_node_conns_initiated_total", "counter", "Connections that we made, by source");
  (void)fprintf(out, "waku_node_conns_initiated_total{source=\"peer_manager\"} %" PRIu64 "\n",
                counters->dials_succeeded);
  head(out, "waku_peers_errors_total", "counter", "Errors of peer management, by type");
  (void)fprintf(out, "waku_peers_errors_total{type=\"storage_failure\"} %" PRIu64 "\n",
                counters->storage_errors);
  head(out, "waku_node_errors_total", "counter", "Inbound upgrades that failed, by reason");
  print_by_reason(out, "waku_node_errors_total", "type", counters->inbound_failed);
  head(out, "wakupeers_connections_opened_total", "counter",
       "Connections that came up, by direction");
  for (int i = WPM_INBOUND; i <= WPM_OUTBOUND; i++) {
    (void)fprintf(out, "wakupeers_connections_opened_total{direction=\"%s\"} %" PRIu64 "\n",
                  i == WPM_INBOUND ? "In" : "Out", counters->connections_opened[i]);
  }
  head(out, "wakupeers_connections_ended_total", "counter", "Connections that ended, by reason");
  print_by_reason(out, "wakupeers_connections_ended_total", "reason", counters->connections_ended);
  head(out, "wakupeers_metadata_total", "counter", "Waku metadata taken in, by what it meant");
  for (int i = 0; i < WPM_CLUSTER_MATCH_COUNT; i++) {
    (void)fprintf(out, "wakupeers_metadata_total{result=\"%s\"} %" PRIu64 "\n",
                  wpm_cluster_match_name((wpm_cluster_match)i), counters->metadata_received[i]);
  }
  head(out, "wakupeers_shortages_total", "counter", "What could not be had of this machine");
  for (int i = 0; i < WPM_SHORTAGE_COUNT; i++) {
    (void)fprintf(out, "wakupeers_shortages_total{of=\"%s\"} %" PRIu64 "\n",
                  wpm_shortage_name((wpm_shortage)i), counters->shortages[i]);
  }
  const struct {
    const char *name, *help;
    uint64_t value;
  } plain[] = {
      {"wakupeers_inbound_accepted_total", "TCP connections accepted", counters->inbound_accepted},
      {"wakupeers_inbound_refused_total", "Of these, refused because a cap was reached",
       counters->inbound_refused},
      {"wakupeers_pings_sent_total", "Pings sent", counters->pings_sent},
      {"wakupeers_pongs_received_total", "Pings answered", counters->pongs_received},
      {"wakupeers_pings_received_total", "Pings that we answered", counters->pings_received},
      {"wakupeers_bytes_received_total", "Bytes received on the wire", counters->bytes_received},
      {"wakupeers_bytes_sent_total", "Bytes sent on the wire", counters->bytes_sent},
      {"wakupeers_storage_commits_total", "Group commits made", counters->storage_commits},
      {"wakupeers_storage_errors_total", "Group commits that failed", counters->storage_errors},
  };
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    print_value(out, plain[i].name, "counter", plain[i].help, plain[i].value);
  }
}

static void print_inbound_limits(FILE *out, const wpm_manager *manager) {
  wpm_inbound_counters refused = wpm_manager_inbound_refused(manager);
  head(out, "wakupeers_inbound_limited_total", "counter",
       "Inbound connections refused by where they came from, by rule");
  for (int i = WPM_INBOUND_PER_IP; i < WPM_INBOUND_RULE_COUNT; i++) {
    (void)fprintf(out, "wakupeers_inbound_limited_total{rule=\"%s\"} %" PRIu64 "\n",
                  wpm_inbound_rule_name((wpm_inbound_rule)i), refused.by_rule[i]);
  }
}

static void print_ping_intervals(FILE *out, const wpm_manager *manager) {
  head(out, "wakupeers_ping_interval_milliseconds", "gauge",
       "Longest silence before a ping, as configured or learned, by transport and IP version");
  for (int i = 0; i < 2 * WPM_TRANSPORT_COUNT; i++) {
    wpm_transport transport = (wpm_transport)(i / 2);
    int64_t ns = wpm_manager_ping_interval(manager, transport, i % 2 == 1);
    (void)fprintf(out,
                  "wakupeers_ping_interval_milliseconds{transport=\"%s\",ip=\"%d\"} %" PRId64 "\n",
                  wpm_transport_name(transport), i % 2 == 1 ? 6 : 4, ns / WPM_MILLISECOND);
  }
}

static void print_intake(FILE *out, const wpm_manager *manager) {
  wpm_intake_counters left = wpm_manager_intake_left_out(manager);
  wpm_feeler_counters feelers = wpm_manager_feelers(manager);
  head(out, "wakupeers_intake_left_out_total", "counter",
       "What peers told us of others and was left out, by rule");
  for (int i = WPM_INTAKE_PER_SOURCE; i < WPM_INTAKE_RULE_COUNT; i++) {
    (void)fprintf(out, "wakupeers_intake_left_out_total{rule=\"%s\"} %" PRIu64 "\n",
                  wpm_intake_rule_name((wpm_intake_rule)i), left.by_rule[i]);
  }
  print_value(out, "wakupeers_feelers_dialled_total", "counter", "Trial connections begun",
              feelers.dialled);
  print_value(out, "wakupeers_feelers_reached_total", "counter", "Of these, made", feelers.reached);
}

static void print_paths(FILE *out, const wpm_manager *manager) {
  head(out, "wakupeers_path_blocked", "gauge",
       "1: nothing comes back over this transport and family of IP; 0: not known of it");
  for (int i = 0; i < WPM_PATH_COUNT; i++) {
    (void)fprintf(out, "wakupeers_path_blocked{path=\"%s\"} %d\n", wpm_path_name((wpm_path)i),
                  wpm_manager_path(manager, (wpm_path)i).is_blocked);
  }
}

/* ---- what the store says --------------------------------------------------------------------- */

typedef struct tallies {
  label_tally connected; /* By direction and protocol. */
  label_tally shards;
  label_tally agents;
  label_tally streams; /* By direction and protocol. */
} tallies;

static void tally_peer(tallies *all, const wpm_peer_record *record) {
  char text[100];
  char label[160];
  const char *direction = record->direction == WPM_INBOUND ? "In" : "Out";
  for (size_t i = 0; i < record->protocol_count; i++) {
    label_text(record->protocols[i], text, sizeof text);
    (void)snprintf(label, sizeof label, "direction=\"%s\",protocol=\"%s\"", direction, text);
    count(&all->connected, label, 1);
  }
  for (size_t i = 0; i < record->shard_count; i++) {
    (void)snprintf(label, sizeof label, "shard=\"%u\"", (unsigned)record->shards[i]);
    count(&all->shards, label, 1);
  }
  label_text(record->agent, text, sizeof text);
  (void)snprintf(label, sizeof label, "agent=\"%s\"", text);
  count(&all->agents, label, 1);
}

static void print_store(FILE *out, const wpm_node *node, tallies *all) {
  const wpm_store *store = wpm_manager_store(wpm_node_manager(node));
  wpm_term connected = {.kind = WPM_TERM_CONNECTIVITY, .number = WPM_CONNECTED};
  wpm_peer_record record;
  wpm_peer_ref ref;
  uint64_t cursor = 0;
  size_t found;
  while (wpm_store_query_page(store, &(wpm_query){&connected, 1}, &cursor, &ref, 1, &found) ==
             WPM_OK &&
         found > 0 && wpm_store_at(store, ref, &record) == WPM_OK) {
    tally_peer(all, &record);
  }
  print_tally(out, "waku_connected_peers", "Connected peers, by direction and protocol",
              &all->connected, "direction=\"other\",protocol=\"other\"");
  print_tally(out, "waku_connected_peers_per_shard", "Connected peers, by shard", &all->shards,
              "shard=\"other\"");
  print_tally(out, "waku_connected_peers_per_agent", "Connected peers, by agent", &all->agents,
              "agent=\"other\"");
  print_value(out, "waku_peer_store_size", "gauge", "Peers in the store", wpm_store_count(store));
  print_value(out, "waku_total_unique_peers", "gauge", "Peers in the store",
              wpm_store_count(store));
  /* No place is set aside for service peers, so there is none to list. */
  head(out, "waku_service_peers", "gauge", "Peers in service slots, by protocol and peer id");
  head(out, "wakupeers_peers", "gauge", "Peers in the store, by connectivity");
  for (unsigned i = 0; i < WPM_CONNECTIVITY_COUNT; i++) {
    wpm_term state = {.kind = WPM_TERM_CONNECTIVITY, .number = i};
    size_t count;
    if (wpm_store_query_count(store, &(wpm_query){&state, 1}, &count) == WPM_OK) {
      (void)fprintf(out, "wakupeers_peers{connectivity=\"%s\"} %zu\n",
                    wpm_connectivity_name((wpm_connectivity)i), count);
    }
  }
  print_value(out, "wakupeers_tombstones", "gauge",
              "Removed peers whose prune backoff or ban goes on", wpm_store_tombstone_count(store));
  print_value(out, "wakupeers_tombstones_dropped_total", "counter",
              "Tombstones dropped before their end, for want of room",
              wpm_store_tombstones_dropped(store));
  wpm_store_counters counters = wpm_store_get_counters(store);
  head(out, "wakupeers_evicted_total", "counter", "Peers evicted for a newcomer, by cause");
  for (unsigned i = WPM_CAUSE_UNREACHABLE; i < WPM_CAUSE_COUNT; i++) {
    (void)fprintf(out, "wakupeers_evicted_total{cause=\"%s\"} %" PRIu64 "\n",
                  wpm_cause_name((wpm_cause)i), counters.evicted[i]);
  }
  print_value(out, "wakupeers_newcomers_refused_total", "counter",
              "Newcomers refused since nobody could be evicted for them", counters.refused);
  print_value(out, "wakupeers_store_bytes", "gauge", "Memory that the peer store holds, in bytes",
              wpm_store_bytes(store));
}

static void tally_streams(void *user, wpm_text protocol, wpm_direction direction, size_t streams) {
  char text[100];
  char label[160];
  label_text(protocol, text, sizeof text);
  (void)snprintf(label, sizeof label, "direction=\"%s\",protocol=\"%s\"",
                 direction == WPM_INBOUND ? "In" : "Out", text);
  count(user, label, streams);
}

static bool print_all(FILE *out, const wpm_node *node) {
  tallies *all = calloc(1, sizeof *all);
  wpm_node_counters counters;
  wpm_node_status status;
  if (!all) {
    return false;
  }
  wpm_node_get_counters(node, &counters);
  wpm_node_get_status(node, &status);
  print_counters(out, &counters);
  print_inbound_limits(out, wpm_node_manager(node));
  print_ping_intervals(out, wpm_node_manager(node));
  print_intake(out, wpm_node_manager(node));
  print_paths(out, wpm_node_manager(node));
  print_store(out, node, all);
  wpm_node_count_streams(node, tally_streams, &all->streams);
  print_tally(out, "waku_streams_peers", "Open streams, by direction and protocol", &all->streams,
              "direction=\"other\",protocol=\"other\"");
  print_value(out, "wakupeers_connections", "gauge", "Live connections",
              wpm_manager_connection_count(wpm_node_manager(node)));
  print_value(out, "wakupeers_banned_ranges", "gauge", "Banned ranges of addresses",
              wpm_manager_range_ban_count(wpm_node_manager(node)));
  print_value(out, "wakupeers_dials_in_flight", "gauge", "Dials in flight",
              wpm_manager_dial_count(wpm_node_manager(node)));
  print_value(out, "wakupeers_storage_queued_changes", "gauge", "Changes not yet durable",
              status.queued_changes);
  print_value(out, "wakupeers_storage_lag_milliseconds", "gauge",
              "Age of the oldest change that is not durable yet, in milliseconds",
              (uint64_t)(status.storage_lag_ns / WPM_MILLISECOND));
  print_value(out, "wakupeers_storage_healthy", "gauge",
              "1: the peer database works; 0: the node runs from memory",
              status.persistent && status.storage_error == WPM_OK);
  free(all);
  return true;
}

void metrics_handle(void *user, http_request *request) {
  static const char missing[] = "There is only /metrics";
  static const char wrong[] = "/metrics takes GET, HEAD";
  static const char broken[] = "Out of memory";
  if (strcmp(http_path(request), "/metrics") != 0) {
    http_answer(request, 404, "text/plain", missing, sizeof missing - 1);
    return;
  }
  if (strcmp(http_method(request), "GET") != 0) {
    http_allow(request, "GET, HEAD");
    http_answer(request, 405, "text/plain", wrong, sizeof wrong - 1);
    return;
  }
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  bool whole = out && print_all(out, user);
  if (out && fclose(out) != 0) {
    whole = false;
  }
  if (whole) {
    http_answer(request, 200, "text/plain; version=0.0.4; charset=utf-8", text, len);
  } else {
    http_answer(request, 500, "text/plain", broken, sizeof broken - 1);
  }
  free(text);
}
