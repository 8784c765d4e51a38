#include "support/core/store_model.h"

#include "base/bytes.h"

#include <string.h>

/* ---- the pools ------------------------------------------------------------------------------- */

wpm_bytes wpm_model_id(unsigned number) {
  static const uint8_t lens[] = {0, 1, 2, 255, 40, 41, 39, 39};
  static uint8_t ids[WPM_MODEL_IDS][WPM_PEER_ID_MAX];
  assert_true(number < WPM_MODEL_IDS);
  size_t len = number < 6 ? lens[number] : 39;
  if (len >= 39) {
    static const uint8_t head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
    memcpy(ids[number], head, sizeof(head));
    ids[number][20] = (uint8_t)number;
  }
  return (wpm_bytes){ids[number], len};
}

unsigned wpm_model_number(wpm_bytes id) {
  unsigned number = 0;
  if (id.len >= 39) {
    number = id.data[20];
  }
  for (; number < WPM_MODEL_IDS; number++) {
    if (wpm_bytes_equal(id, wpm_model_id(number))) {
      return number;
    }
  }
  fail_msg("an id of %zu bytes that none has", id.len);
  return 0;
}

wpm_bytes wpm_model_address(unsigned number) {
  static uint8_t addresses[WPM_MODEL_ADDRESSES][8];
  assert_true(number < WPM_MODEL_ADDRESSES);
  const uint8_t bytes[8] = {4, 10, 0, 0, (uint8_t)number, 6, 0xea, 0x60};
  memcpy(addresses[number], bytes, sizeof(bytes));
  return (wpm_bytes){addresses[number], sizeof(bytes)};
}

wpm_text wpm_model_name(unsigned number) {
  static const char *const names[WPM_MODEL_NAMES] = {"",
                                                     "/a",
                                                     "/b",
                                                     "/ipfs/id/1.0.0",
                                                     "/vac/waku/relay/2.0",
                                                     "/meshsub/1.1.0",
                                                     "/floodsub/1.0.0",
                                                     "/c",
                                                     "/d",
                                                     "/e",
                                                     "/a/longer/than/the/limit",
                                                     "/f",
                                                     "/meshsub/longer/than/the/limit",
                                                     "twenty bytes but one\xe2\x82\xac",
                                                     "/g",
                                                     "/h"};
  return wpm_text_of(names[number]);
}

/* ---- asking ---------------------------------------------------------------------------------- */

void wpm_model_init(wpm_model *model, const wpm_store_config *config) {
  memset(model, 0, sizeof(*model));
  model->config = *config;
}

size_t wpm_model_count(const wpm_model *model) {
  size_t count = 0;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    count += model->peers[i].held;
  }
  return count;
}

size_t wpm_model_tombstones(const wpm_model *model) {
  size_t count = 0;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    count += model->peers[i].buried;
  }
  return count;
}

static wpm_connectivity connectivity_of(const wpm_model_peer *peer) {
  if (peer->live > 0) {
    return WPM_CONNECTED;
  }
  wpm_connectivity left = wpm_reason_leaves(peer->r.reason);
  return left == WPM_NOT_CONNECTED && peer->r.held ? WPM_CANNOT_CONNECT : left;
}

wpm_peer_record wpm_model_record(const wpm_model_peer *peer) {
  wpm_peer_record r = peer->r;
  r.addresses = peer->addresses;
  r.protocols = peer->protocols;
  r.shards = peer->shards;
  r.tags = peer->tags;
  r.app = peer->app;
  r.connectivity = connectivity_of(peer);
  return r;
}

int wpm_model_expected(const wpm_model *model, unsigned id) {
  return model->peers[id].held ? WPM_OK : WPM_ERR_NOT_FOUND;
}

static bool is_protected(const wpm_model_peer *peer) {
  for (size_t i = 0; i < peer->r.tag_count; i++) {
    if (peer->tags[i].protects) {
      return true;
    }
  }
  return false;
}

static bool has_tag(const wpm_model_peer *peer, wpm_text name) {
  for (size_t i = 0; i < peer->r.tag_count; i++) {
    if (wpm_text_equal(peer->tags[i].name, name)) {
      return true;
    }
  }
  return false;
}

static bool announces(const wpm_model_peer *peer, const wpm_text *protocol) {
  for (size_t i = 0; i < peer->r.protocol_count; i++) {
    if (protocol ? wpm_text_equal(peer->protocols[i], *protocol)
                 : wpm_protocol_is_relay(peer->protocols[i])) {
      return true;
    }
  }
  return false;
}

static bool has_shard(const wpm_model_peer *peer, uint32_t shard) {
  for (size_t i = 0; i < peer->r.shard_count; i++) {
    if (peer->shards[i] == shard) {
      return true;
    }
  }
  return false;
}

static bool is_dialable(const wpm_model_peer *peer) {
  bool waits = false;
  for (unsigned kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    waits = waits || peer->runs[kind];
  }
  return peer->live == 0 && peer->r.address_count > 0 && !waits && !peer->r.held_off;
}

static bool matches_term(const wpm_model_peer *peer, const wpm_term *term) {
  switch (term->kind) {
  case WPM_TERM_ALL:
    return true;
  case WPM_TERM_CONNECTIVITY:
    return connectivity_of(peer) == term->number;
  case WPM_TERM_PROTOCOL:
    return announces(peer, &term->text);
  case WPM_TERM_RELAY:
    return announces(peer, NULL);
  case WPM_TERM_SHARD:
    return has_shard(peer, term->number);
  case WPM_TERM_CAPABILITY:
    return peer->r.capabilities_known && peer->r.capabilities >> term->number & 1u;
  case WPM_TERM_ORIGIN:
    return peer->r.origin == term->number;
  case WPM_TERM_DIRECTION:
    return peer->r.direction == term->number;
  case WPM_TERM_DIALABLE:
    return is_dialable(peer);
  case WPM_TERM_BANNED:
    return peer->runs[WPM_WAIT_BAN];
  case WPM_TERM_PROTECTED:
    return is_protected(peer);
  case WPM_TERM_STATIC:
    return peer->r.is_static;
  case WPM_TERM_HELD:
    return peer->r.held;
  case WPM_TERM_ADDRESS:
    return peer->r.address_count > 0;
  case WPM_TERM_TAG:
    return has_tag(peer, term->text);
  case WPM_TERM_AND:
  case WPM_TERM_OR:
  case WPM_TERM_NOT:
    break;
  }
  fail_msg("no term of kind %d", (int)term->kind);
  return false;
}

bool wpm_model_matches(const wpm_model_peer *peer, const wpm_query *query) {
  bool stack[WPM_QUERY_DEPTH_MAX];
  size_t depth = 0;
  for (size_t i = 0; query && i < query->count; i++) {
    const wpm_term *term = &query->terms[i];
    if (term->kind == WPM_TERM_AND || term->kind == WPM_TERM_OR) {
      assert_true(depth >= 2);
      bool a = stack[depth - 2];
      bool b = stack[depth - 1];
      stack[--depth - 1] = term->kind == WPM_TERM_AND ? a && b : a || b;
    } else if (term->kind == WPM_TERM_NOT) {
      assert_true(depth >= 1);
      stack[depth - 1] = !stack[depth - 1];
    } else {
      assert_true(depth < WPM_QUERY_DEPTH_MAX);
      stack[depth++] = matches_term(peer, term);
    }
  }
  bool all = peer->held;
  while (depth > 0) {
    all = stack[--depth] && all;
  }
  return all;
}

static int64_t last_seen(const wpm_model_peer *peer) {
  if (peer->live > 0) {
    return INT64_MAX;
  }
  /* A connection that a crash ended has a beginning alone. */
  int64_t latest = peer->r.disconnect_time.ns > peer->r.connected_time.ns
                       ? peer->r.disconnect_time.ns
                       : peer->r.connected_time.ns;
  if (latest != INT64_MIN) {
    return latest;
  }
  for (size_t i = 0; i < peer->r.address_count; i++) {
    int64_t seen = peer->addresses[i].last_seen.ns;
    latest = seen > latest ? seen : latest;
  }
  return latest;
}

int64_t wpm_model_worth(const wpm_model_peer *peer, wpm_order order) {
  switch (order) {
  case WPM_ORDER_RTT:
    return peer->r.rtt_ns == WPM_SPAN_NONE ? INT64_MIN : -peer->r.rtt_ns;
  case WPM_ORDER_LAST_SEEN:
    return last_seen(peer);
  case WPM_ORDER_SCORE:
    return peer->r.score;
  }
  fail_msg("no order %d", (int)order);
  return 0;
}

/* ---- eviction -------------------------------------------------------------------------------- */

wpm_cause wpm_model_eviction(const wpm_model_peer *peer) {
  if (!peer->held || peer->live > 0 || peer->r.is_static || is_protected(peer)) {
    return WPM_CAUSE_FACT;
  }
  if (peer->r.held) {
    return connectivity_of(peer) == WPM_CAN_CONNECT ? WPM_CAUSE_PARTED : WPM_CAUSE_LOST;
  }
  bool failed = connectivity_of(peer) == WPM_CANNOT_CONNECT || peer->r.failures > 0;
  return failed || peer->r.address_count == 0 ? WPM_CAUSE_UNREACHABLE : WPM_CAUSE_UNTRIED;
}

void wpm_model_expect_victim(const wpm_model *model, unsigned id, wpm_cause cause) {
  size_t of_its_kind = 0;
  size_t seen_before = 0;
  assert_int_not_equal(cause, WPM_CAUSE_FACT);
  assert_int_equal(wpm_model_eviction(&model->peers[id]), cause);
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    wpm_cause other = wpm_model_eviction(&model->peers[i]);
    assert_false(other != WPM_CAUSE_FACT && other < cause); /* The causes are in that order. */
    of_its_kind += other == cause;
    seen_before += other == cause && last_seen(&model->peers[i]) < last_seen(&model->peers[id]);
  }
  /* Of 16 that are drawn, those that were seen before it were not. */
  assert_true(of_its_kind <= 16 ? seen_before == 0 : seen_before <= of_its_kind - 16);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* How two records are compared. */
typedef struct comparison {
  bool derived;           /* How sure an address is counts. */
  const wpm_instant *now; /* Spans of earlier boots are equal where they end together; NULL: no. */
} comparison;

static bool wait_equal(const wpm_wait *a, const wpm_wait *b, const comparison *how) {
  bool same = a->start.mono.ns == b->start.mono.ns && a->start.wall.ns == b->start.wall.ns &&
              a->start.boot_id == b->start.boot_id && a->length_ns == b->length_ns;
  if (same || !how->now || a->length_ns == INT64_MAX || b->length_ns == INT64_MAX) {
    return same;
  }
  int64_t end = wpm_wait_end(a, *how->now).ns;
  bool over = end <= how->now->mono.ns;
  return (over || b->start.boot_id != how->now->boot_id) && end == wpm_wait_end(b, *how->now).ns;
}

static uint32_t addresses_difference(const wpm_peer_record *a, const wpm_peer_record *b,
                                     const comparison *how) {
  uint32_t fields = 0;
  if (a->address_count != b->address_count) {
    return WPM_FIELD_ADDRESSES;
  }
  for (size_t i = 0; i < a->address_count; i++) {
    const wpm_address *x = &a->addresses[i];
    const wpm_address *y = &b->addresses[i];
    if (!wpm_bytes_equal(x->multiaddr, y->multiaddr)) {
      return WPM_FIELD_ADDRESSES;
    }
    if (x->source != y->source || x->identified != y->identified || x->certified != y->certified ||
        x->ttl_ns != y->ttl_ns || x->expires.ns != y->expires.ns ||
        (how->derived && x->confidence != y->confidence)) {
      fields |= WPM_FIELD_ADDRESSES;
    }
    if (x->first_seen.ns != y->first_seen.ns || x->last_seen.ns != y->last_seen.ns ||
        x->last_success.ns != y->last_success.ns || x->last_failure.ns != y->last_failure.ns) {
      fields |= WPM_FIELD_ADDRESS_TIMES;
    }
  }
  return fields;
}

static bool protocols_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  bool equal = a->protocol_count == b->protocol_count && a->protocols_known == b->protocols_known;
  for (size_t i = 0; equal && i < a->protocol_count; i++) {
    equal = wpm_text_equal(a->protocols[i], b->protocols[i]);
  }
  return equal;
}

static bool metadata_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  return a->metadata_known == b->metadata_known && a->cluster_id == b->cluster_id &&
         a->shard_count == b->shard_count &&
         (a->shard_count == 0 ||
          memcmp(a->shards, b->shards, a->shard_count * sizeof(*a->shards)) == 0) &&
         a->capabilities_known == b->capabilities_known && a->capabilities == b->capabilities &&
         wpm_bytes_equal(a->enr, b->enr) && a->enr_sequence == b->enr_sequence;
}

static bool tags_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  bool equal = a->tag_count == b->tag_count && a->score == b->score;
  for (size_t i = 0; equal && i < a->tag_count; i++) {
    equal = wpm_text_equal(a->tags[i].name, b->tags[i].name) &&
            a->tags[i].value == b->tags[i].value && a->tags[i].protects == b->tags[i].protects &&
            a->tags[i].expires.ns == b->tags[i].expires.ns &&
            a->tags[i].half_life_ns == b->tags[i].half_life_ns;
  }
  return equal;
}

static bool app_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  bool equal = a->app_count == b->app_count;
  for (size_t i = 0; equal && i < a->app_count; i++) {
    equal = wpm_text_equal(a->app[i].key, b->app[i].key) &&
            wpm_bytes_equal(a->app[i].value, b->app[i].value);
  }
  return equal;
}

static uint32_t difference(const wpm_peer_record *a, const wpm_peer_record *b,
                           const comparison *how) {
  uint32_t fields = addresses_difference(a, b, how);
  assert_true(wpm_bytes_equal(a->id, b->id));
  const struct {
    bool equal;
    uint32_t field;
  } rest[] = {
      {wpm_bytes_equal(a->public_key, b->public_key), WPM_FIELD_KEY},
      {wpm_bytes_equal(a->observed_address, b->observed_address), WPM_FIELD_OBSERVED},
      {protocols_equal(a, b), WPM_FIELD_PROTOCOLS},
      {wpm_text_equal(a->agent, b->agent) &&
           wpm_text_equal(a->protocol_version, b->protocol_version),
       WPM_FIELD_AGENT},
      {metadata_equal(a, b), WPM_FIELD_METADATA},
      {a->connectivity == b->connectivity && a->reason == b->reason &&
           a->disconnect_time.ns == b->disconnect_time.ns &&
           a->connected_time.ns == b->connected_time.ns && a->direction == b->direction &&
           a->held == b->held,
       WPM_FIELD_CONNECTIVITY},
      {a->failures == b->failures && a->first_failure.ns == b->first_failure.ns &&
           a->last_failure.ns == b->last_failure.ns &&
           wait_equal(&a->retry_delay, &b->retry_delay, how),
       WPM_FIELD_FAILURES},
      {a->rtt_ns == b->rtt_ns, WPM_FIELD_RTT},
      {wait_equal(&a->prune_backoff, &b->prune_backoff, how), WPM_FIELD_PRUNE_BACKOFF},
      {wait_equal(&a->ban, &b->ban, how), WPM_FIELD_BAN},
      {a->is_static == b->is_static && a->held_off == b->held_off && a->origin == b->origin &&
           wait_equal(&a->mismatch_delay, &b->mismatch_delay, how),
       WPM_FIELD_INTENT},
      {tags_equal(a, b), WPM_FIELD_TAGS},
      {app_equal(a, b), WPM_FIELD_APP},
      {wpm_bytes_equal(a->signed_record, b->signed_record) &&
           a->signed_sequence == b->signed_sequence,
       WPM_FIELD_SIGNED_RECORD},
  };
  for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
    fields |= rest[i].equal ? 0 : rest[i].field;
  }
  return fields;
}

uint32_t wpm_model_difference(const wpm_peer_record *a, const wpm_peer_record *b) {
  return difference(a, b, &(comparison){.derived = false});
}

uint32_t wpm_model_deviation(const wpm_model *model, const wpm_peer_record *store,
                             const wpm_peer_record *own) {
  return difference(store, own, &(comparison){.derived = true, .now = &model->last});
}

bool wpm_model_same_wait(const wpm_model *model, const wpm_wait *store, const wpm_wait *own) {
  return wait_equal(store, own, &(comparison){.now = &model->last});
}
