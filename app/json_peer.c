#include "json_peer.h"

#include "base64.h"

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

json_t *json_moment(wpm_mono moment, wpm_instant now) {
  wpm_wall at = now.wall;
  if (moment.ns == WPM_NEVER.ns) {
    return json_null();
  }
  at.ns += moment.ns > now.mono.ns ? moment.ns - now.mono.ns : 0;
  return json_wall(at);
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

/* Spans that do not end by the clock are none. */
static json_t *finite_ttl(int64_t ttl_ns) {
  bool is_finite = ttl_ns > WPM_TTL_QUALITY && ttl_ns < WPM_TTL_CONNECTED;
  return json_span_ms(is_finite ? ttl_ns : WPM_SPAN_NONE);
}

static json_t *addresses_of(const wpm_peer_record *record) {
  json_t *list = json_array();
  for (size_t i = 0; i < record->address_count; i++) {
    const wpm_address *address = &record->addresses[i];
    (void)json_array_append_new(
        list, json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "address",
                        json_multiaddr(address->multiaddr), "source",
                        wpm_address_source_name(address->source), "confidence",
                        wpm_confidence_name(address->confidence), "firstSeen",
                        json_wall(address->first_seen), "lastSeen", json_wall(address->last_seen),
                        "lastSuccess", json_wall(address->last_success), "lastFailure",
                        json_wall(address->last_failure), "ttlMs", finite_ttl(address->ttl_ns),
                        "expires", json_wall(address->expires)));
  }
  return list;
}

static json_t *enr_of(const wpm_peer_record *record) {
  char *text = record->enr.len > 0 ? base64_encode(record->enr, true) : NULL;
  json_t *value = text ? json_sprintf("enr:%s", text) : json_null();
  free(text);
  return value;
}

/* The bits of `waku2` by their names (31/WAKU2-ENR). */
static json_t *capabilities_of(const wpm_peer_record *record) {
  static const char *const names[8] = {"relay", "store", "filter", "lightpush",
                                       "sync",  "mix",   "bit6",   "bit7"};
  if (!record->capabilities_known) {
    return json_null();
  }
  json_t *list = json_array();
  for (unsigned bit = 0; bit < 8; bit++) {
    if (record->capabilities & 1U << bit) {
      (void)json_array_append_new(list, json_string(names[bit]));
    }
  }
  return list;
}

static json_t *tags_of(const wpm_peer_record *record) {
  json_t *list = json_array();
  for (size_t i = 0; i < record->tag_count; i++) {
    const wpm_tag *tag = &record->tags[i];
    json_t *half_life = tag->half_life_ns > 0 ? json_span_ms(tag->half_life_ns) : json_null();
    (void)json_array_append_new(
        list, json_pack("{s:o, s:I, s:b, s:o, s:o}", "name", json_text(tag->name), "value",
                        (json_int_t)tag->value, "protects", tag->protects, "expires",
                        json_wall(tag->expires), "halfLifeMs", half_life));
  }
  return list;
}

static void add_ban(json_t *peer, const wpm_wait *ban, wpm_instant now) {
  bool is_endless = ban->length_ns == INT64_MAX;
  wpm_mono end = wpm_wait_end(ban, now);
  bool is_banned = is_endless || end.ns > now.mono.ns;
  (void)json_object_set_new(peer, "banned", json_boolean(is_banned));
  (void)json_object_set_new(peer, "bannedUntil",
                            json_moment(is_banned && !is_endless ? end : WPM_NEVER, now));
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
  (void)json_object_set_new(peer, "nextDial", json_moment(plan.next_dial, now));
  (void)json_object_set_new(peer, "heldBackBy",
                            plan.held_by == WPM_HELD_BY_NOTHING
                                ? json_null()
                                : json_string(wpm_held_by_name(plan.held_by)));
}

/* nwaku's WakuPeer. */
static json_t *waku_peer(const wpm_peer_record *record) {
  json_t *protocols = json_array();
  json_t *shards = json_array();
  for (size_t i = 0; i < record->protocol_count; i++) {
    (void)json_array_append_new(protocols, json_text(record->protocols[i]));
  }
  for (size_t i = 0; i < record->shard_count; i++) {
    (void)json_array_append_new(shards, json_integer(record->shards[i]));
  }
  return json_pack("{s:o, s:o, s:o, s:s, s:o, s:s}", "multiaddr", first_multiaddr(record),
                   "protocols", protocols, "shards", shards, "connected",
                   wpm_connectivity_name(record->connectivity), "agent", json_text(record->agent),
                   "origin", wpm_origin_name(record->origin));
}

json_t *json_peer(const wpm_node *node, const wpm_peer_record *record) {
  json_t *peer = waku_peer(record);
  json_t *ours = json_pack(
      "{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:b, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:I}",
      "peerId", json_peer_id(record->id), "protocolVersion", json_text(record->protocol_version),
      "clusterId", record->metadata_known ? json_integer(record->cluster_id) : json_null(),
      "addresses", addresses_of(record), "reason", wpm_reason_name(record->reason),
      "disconnectTime", json_wall(record->disconnect_time), "connectedTime",
      json_wall(record->connected_time), "direction", wpm_direction_name(record->direction),
      "static", record->is_static, "heldOff", record->held_off, "failures",
      (json_int_t)record->failures, "lastFailure", json_wall(record->last_failure), "rttMs",
      json_span_ms(record->rtt_ns), "enr", enr_of(record), "capabilities", capabilities_of(record),
      "tags", tags_of(record), "score", (json_int_t)record->score);
  if (peer && ours) {
    (void)json_object_update(peer, ours);
    add_ban(peer, &record->ban, wpm_node_now(node));
    add_plan(peer, node, record->id);
    (void)json_object_set_new(peer, "connections", connections_of(node, record));
  }
  json_decref(ours);
  return peer;
}
