#include "json_explain.h"

#include "json_peer.h"

static json_t *held_by(wpm_held_by rule, wpm_mono until, wpm_instant now) {
  return json_pack("{s:o, s:o}", "rule",
                   rule == WPM_HELD_BY_NOTHING ? json_null() : json_string(wpm_held_by_name(rule)),
                   "until", json_moment(until, now));
}

static json_t *next_of(wpm_next_action action) {
  return action == WPM_NEXT_NONE ? json_null() : json_string(wpm_next_action_name(action));
}

static json_t *pings_of(const wpm_explanation *explanation) {
  return json_pack("{s:o, s:o}", "intervalMs", json_span_ms(explanation->ping_interval_ns),
                   "timeoutMs", json_span_ms(explanation->ping_timeout_ns));
}

static json_t *rtt_of(const wpm_explanation *explanation) {
  return json_pack("{s:o, s:o, s:o}", "lastMs", json_span_ms(explanation->rtt_last_ns), "averageMs",
                   json_span_ms(explanation->rtt_average_ns), "minimumMs",
                   json_span_ms(explanation->rtt_minimum_ns));
}

json_t *json_explanation(wpm_bytes peer, const wpm_explanation *explanation, wpm_instant now) {
  return json_pack("{s:o, s:s, s:s, s:{s:o, s:o}, s:o, s:o, s:o}", "peerId", json_peer_id(peer),
                   "state", wpm_connectivity_name(explanation->state), "reason",
                   wpm_reason_name(explanation->reason), "next", "action",
                   next_of(explanation->next), "at", json_moment(explanation->at, now), "heldBy",
                   held_by(explanation->held_by, explanation->until, now), "ping",
                   pings_of(explanation), "rtt", rtt_of(explanation));
}

json_t *json_planned_dial(const wpm_planned_dial *dial, wpm_instant now) {
  wpm_mono until = dial->held_by == WPM_HELD_BY_NOTHING ? WPM_NEVER : dial->at;
  return json_pack("{s:o, s:o, s:o}", "peerId", json_peer_id(dial->peer), "at",
                   json_moment(dial->at, now), "heldBy", held_by(dial->held_by, until, now));
}

static json_t *eviction_of(const wpm_preview *preview) {
  bool somebody = preview->victim.len > 0;
  return json_pack(
      "{s:o, s:o, s:o}", "peerId", somebody ? json_peer_id(preview->victim) : json_null(), "cause",
      somebody ? json_string(wpm_cause_name(preview->cause)) : json_null(), "newcomers",
      preview->newcomers == SIZE_MAX ? json_null() : json_integer((json_int_t)preview->newcomers));
}

static json_t *crowding_of(const wpm_preview *preview, wpm_instant now) {
  bool somebody = preview->crowded.len > 0;
  return json_pack(
      "{s:o, s:o, s:o, s:I}", "peerId", somebody ? json_peer_id(preview->crowded) : json_null(),
      "layer", somebody ? json_string(wpm_crowded_layer_name(preview->crowded_layer)) : json_null(),
      "at", json_moment(preview->crowded_at, now), "newcomers", (json_int_t)preview->inbound_room);
}

static json_t *paths_of(const wpm_manager *manager) {
  json_t *list = json_array();
  for (int i = 0; i < WPM_PATH_COUNT; i++) {
    wpm_path_state state = wpm_manager_path(manager, (wpm_path)i);
    (void)json_array_append_new(
        list, json_pack("{s:s, s:b, s:I, s:I}", "path", wpm_path_name((wpm_path)i), "blocked",
                        state.is_blocked, "silent", (json_int_t)state.silent, "connections",
                        (json_int_t)state.connections));
  }
  return list;
}

json_t *json_preview(const wpm_manager *manager, const wpm_preview *preview,
                     const wpm_planned_dial *dials, wpm_instant now) {
  json_t *list = json_array();
  for (size_t i = 0; i < preview->dial_count; i++) {
    (void)json_array_append_new(list, json_planned_dial(&dials[i], now));
  }
  return json_pack("{s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                   "places", "taken", (json_int_t)preview->places, "kept",
                   (json_int_t)preview->kept, "keptFromInbound",
                   (json_int_t)preview->kept_from_inbound, "most", (json_int_t)preview->max_places,
                   "ready", (json_int_t)preview->ready, "waiting", (json_int_t)preview->waiting,
                   "dials", list, "choiceAt", json_moment(preview->choice_at, now), "feelerAt",
                   json_moment(preview->feeler_at, now), "rotationAt",
                   json_moment(preview->rotation_at, now), "eviction", eviction_of(preview),
                   "crowded", crowding_of(preview, now), "paths", paths_of(manager));
}

json_t *json_history_entry(const wpm_history_entry *entry) {
  bool is_evicted = entry->kind == WPM_HISTORY_EVICTED;
  return json_pack(
      "{s:I, s:o, s:o, s:s, s:s, s:o, s:o}", "number", (json_int_t)entry->number, "time",
      json_wall(entry->time), "peerId",
      entry->peer.len > 0 ? json_peer_id(entry->peer) : json_null(), "event",
      wpm_history_kind_name(entry->kind), "reason", wpm_reason_name(entry->reason), "cause",
      is_evicted ? json_string(wpm_cause_name(entry->cause)) : json_null(), "direction",
      entry->direction == WPM_DIRECTION_NONE ? json_null()
                                             : json_string(wpm_direction_name(entry->direction)));
}
