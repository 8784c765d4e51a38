#include "json_peer.h"

#include <stdlib.h>
#include <string.h>

json_t *json_peer_id(wpm_bytes id) {
  char text[WPM_PEER_ID_TEXT];
  return json_string(wpm_peer_id_format(id, text, sizeof text, NULL) == WPM_OK ? text : "");
}

json_t *json_multiaddr(wpm_bytes address) {
  char text[WPM_MULTIADDR_TEXT];
  return json_string(wpm_multiaddr_format(address, text, sizeof text, NULL, NULL) == WPM_OK ? text
                                                                                            : "");
}

json_t *json_text(wpm_text text) {
  const char *data = text.data ? text.data : "";
  json_t *value = json_stringn(data, text.len);
  if (value) {
    return value;
  }
  char *copy = malloc(text.len + 1);
  if (!copy) {
    return NULL;
  }
  for (size_t i = 0; i < text.len; i++) {
    unsigned char byte = (unsigned char)data[i];
    copy[i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
  }
  value = json_stringn(copy, text.len);
  free(copy);
  return value;
}

json_t *json_wall(wpm_wall time) {
  return wpm_wall_known(time) ? json_integer(time.ns / WPM_MILLISECOND) : json_null();
}

json_t *json_span_ms(int64_t span_ns) {
  /* Microseconds are what a clock can tell; more digits would only be noise. */
  int64_t span_us = span_ns / WPM_MICROSECOND;
  return span_ns == WPM_SPAN_NONE ? json_null() : json_real((double)span_us / 1000.0);
}

static json_t *first_multiaddr(const wpm_peer_record *record) {
  wpm_multiaddr whole;
  if (record->address_count == 0 ||
      wpm_multiaddr_with_peer(record->addresses[0].multiaddr, record->id, &whole) != WPM_OK) {
    return json_string("");
  }
  return json_multiaddr(wpm_multiaddr_view(&whole));
}

static json_t *addresses_of(const wpm_peer_record *record) {
  json_t *list = json_array();
  for (size_t i = 0; i < record->address_count; i++) {
    const wpm_address *address = &record->addresses[i];
    (void)json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o}", "address",
                                                json_multiaddr(address->multiaddr), "source",
                                                wpm_address_source_name(address->source),
                                                "lastSuccess", json_wall(address->last_success),
                                                "lastFailure", json_wall(address->last_failure)));
  }
  return list;
}

static json_t *connections_of(const wpm_node *node, const wpm_peer_record *record) {
  json_t *list = json_array();
  wpm_connection_info info;
  uint64_t cursor = 0;
  while (record->connectivity == WPM_CONNECTED &&
         wpm_node_next_connection(node, record->id, &cursor, &info)) {
    (void)json_array_append_new(
        list,
        json_pack("{s:s, s:o, s:o, s:s, s:s, s:o}", "direction", wpm_direction_name(info.direction),
                  "local", json_multiaddr(info.local), "remote", json_multiaddr(info.remote),
                  "security", info.security, "muxer", info.muxer, "since", json_wall(info.since)));
  }
  return list;
}

static void add_plan(json_t *peer, const wpm_node *node, wpm_bytes id) {
  wpm_instant now = wpm_node_now(node);
  wpm_plan plan;
  if (wpm_manager_plan(wpm_node_manager(node), id, now, &plan) != WPM_OK) {
    return;
  }
  wpm_wall at = WPM_WALL_NONE;
  if (plan.next_dial.ns != WPM_NEVER.ns) {
    at = now.wall;
    at.ns += plan.next_dial.ns > now.mono.ns ? plan.next_dial.ns - now.mono.ns : 0;
  }
  (void)json_object_set_new(peer, "nextDial", json_wall(at));
  (void)json_object_set_new(peer, "heldBackBy",
                            plan.held_by == WPM_HELD_BY_NOTHING
                                ? json_null()
                                : json_string(wpm_held_by_name(plan.held_by)));
}

json_t *json_peer(const wpm_node *node, const wpm_peer_record *record) {
  json_t *protocols = json_array();
  json_t *shards = json_array();
  for (size_t i = 0; i < record->protocol_count; i++) {
    (void)json_array_append_new(protocols, json_text(record->protocols[i]));
  }
  for (size_t i = 0; i < record->shard_count; i++) {
    (void)json_array_append_new(shards, json_integer(record->shards[i]));
  }
  json_t *peer = json_pack("{s:o, s:o, s:o, s:s, s:o, s:s}", "multiaddr", first_multiaddr(record),
                           "protocols", protocols, "shards", shards, "connected",
                           wpm_connectivity_name(record->connectivity), "agent",
                           json_text(record->agent), "origin", wpm_origin_name(record->origin));
  json_t *ours = json_pack(
      "{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:b, s:b, s:I, s:o, s:o}", "peerId",
      json_peer_id(record->id), "protocolVersion", json_text(record->protocol_version), "clusterId",
      record->metadata_known ? json_integer(record->cluster_id) : json_null(), "addresses",
      addresses_of(record), "reason", wpm_reason_name(record->reason), "disconnectTime",
      json_wall(record->disconnect_time), "connectedTime", json_wall(record->connected_time),
      "direction", wpm_direction_name(record->direction), "static", record->is_static, "heldOff",
      record->held_off, "failures", (json_int_t)record->failures, "lastFailure",
      json_wall(record->last_failure), "rttMs", json_span_ms(record->rtt_ns));
  if (peer && ours) {
    (void)json_object_update(peer, ours);
    add_plan(peer, node, record->id);
    (void)json_object_set_new(peer, "connections", connections_of(node, record));
  }
  json_decref(ours);
  return peer;
}
