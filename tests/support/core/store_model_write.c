/* What changes the model of the store. */
#include "support/core/store_model.h"

#include "base/bytes.h"

#include <string.h>

#define HELD_OR_RETURN(model, id)                                                                  \
  wpm_model_peer *peer = &(model)->peers[id];                                                      \
  if (!peer->held) {                                                                               \
    return WPM_ERR_NOT_FOUND;                                                                      \
  }

static wpm_wait *wait_of(wpm_peer_record *r, wpm_wait_kind kind) {
  switch (kind) {
  case WPM_WAIT_PRUNE_BACKOFF:
    return &r->prune_backoff;
  case WPM_WAIT_RETRY_DELAY:
    return &r->retry_delay;
  case WPM_WAIT_MISMATCH_DELAY:
    return &r->mismatch_delay;
  case WPM_WAIT_BAN:
    return &r->ban;
  }
  fail_msg("no wait %d", (int)kind);
  return NULL;
}

/* ---- waits and tombstones -------------------------------------------------------------------- */

/* When it is over, as far as can be told by the last advance. */
static int64_t end_of(const wpm_model *model, const wpm_wait *wait) {
  if (wait->length_ns == INT64_MAX) {
    return INT64_MAX;
  }
  return wpm_wait_end(wait, model->last).ns;
}

static bool is_running(const wpm_model *model, const wpm_wait *wait) {
  return wait->length_ns > 0 && end_of(model, wait) > model->last.mono.ns;
}

static int64_t tombstone_end(const wpm_model *model, const wpm_tombstone *t) {
  int64_t prune = end_of(model, &t->prune_backoff);
  int64_t ban = end_of(model, &t->ban);
  return prune > ban ? prune : ban;
}

static size_t tombstone_cap(const wpm_model *model) {
  size_t cap = model->config.max_tombstones;
  return cap == WPM_QUARTER_OF_PEERS ? model->config.max_peers / 4 : cap;
}

/* A tombstone for a peer that is not held. Over the cap one of those that end first goes, or is
 * refused. */
static int bury(wpm_model *model, unsigned id, const wpm_tombstone *tombstone,
                const wpm_model_choice *choice) {
  wpm_model_peer *peer = &model->peers[id];
  wpm_tombstone t = *tombstone;
  t.prune_backoff = is_running(model, &t.prune_backoff) ? t.prune_backoff : (wpm_wait){0};
  t.ban = is_running(model, &t.ban) ? t.ban : (wpm_wait){0};
  bool has_one = t.prune_backoff.length_ns > 0 || t.ban.length_ns > 0;
  bool fits = peer->buried || tombstone_cap(model) == 0 ||
              wpm_model_tombstones(model) < tombstone_cap(model);
  peer->tombstone = t;
  if (!has_one || fits) {
    peer->buried = has_one;
    return WPM_OK;
  }
  peer->buried = true;
  int64_t first = INT64_MAX;
  unsigned went = WPM_MODEL_IDS;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    if (model->peers[i].buried) {
      int64_t end = tombstone_end(model, &model->peers[i].tombstone);
      first = end < first ? end : first;
      if (!choice->is_buried(choice->user, i)) {
        assert_int_equal(went, WPM_MODEL_IDS); /* One alone. */
        went = i;
      }
    }
  }
  assert_int_not_equal(went, WPM_MODEL_IDS);
  assert_int_equal(tombstone_end(model, &model->peers[went].tombstone), first);
  model->peers[went].buried = false;
  model->dropped++;
  return went == id ? WPM_ERR_FULL : WPM_OK;
}

int wpm_model_remove(wpm_model *model, unsigned id, const wpm_model_choice *choice) {
  HELD_OR_RETURN(model, id);
  wpm_tombstone left = {.id = wpm_model_id(id)};
  if (peer->runs[WPM_WAIT_PRUNE_BACKOFF]) {
    left.prune_backoff = peer->r.prune_backoff;
  }
  if (peer->runs[WPM_WAIT_BAN]) {
    left.ban = peer->r.ban;
  }
  peer->held = false;
  peer->live = 0;
  (void)bury(model, id, &left, choice); /* Where there is no room, it goes at once. */
  return WPM_OK;
}

static void set_wait(wpm_model *model, wpm_model_peer *peer, wpm_wait_kind kind, wpm_wait wait) {
  *wait_of(&peer->r, kind) = wait;
  peer->runs[kind] = is_running(model, &wait);
}

int wpm_model_set_wait(wpm_model *model, unsigned id, wpm_wait_kind kind, wpm_wait wait,
                       const wpm_model_choice *choice) {
  wpm_model_peer *peer = &model->peers[id];
  if (peer->held) {
    set_wait(model, peer, kind, wait);
    return WPM_OK;
  }
  if (kind != WPM_WAIT_BAN) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_tombstone t = {.id = wpm_model_id(id), .ban = wait};
  if (peer->buried) {
    t.prune_backoff = peer->tombstone.prune_backoff;
  }
  return bury(model, id, &t, choice);
}

/* Of two spans the one that ends later. */
static wpm_wait later_span(const wpm_model *model, const wpm_wait *left, const wpm_wait *said) {
  if (!is_running(model, left)) {
    return *said;
  }
  if (said->length_ns == 0) {
    return *left;
  }
  return end_of(model, said) >= end_of(model, left) ? *said : *left;
}

int wpm_model_put_tombstone(wpm_model *model, unsigned id, const wpm_tombstone *tombstone,
                            const wpm_model_choice *choice) {
  wpm_model_peer *peer = &model->peers[id];
  if (peer->held) {
    set_wait(model, peer, WPM_WAIT_PRUNE_BACKOFF,
             later_span(model, &peer->r.prune_backoff, &tombstone->prune_backoff));
    set_wait(model, peer, WPM_WAIT_BAN, later_span(model, &peer->r.ban, &tombstone->ban));
    return WPM_OK;
  }
  return bury(model, id, tombstone, choice);
}

void wpm_model_advance(wpm_model *model, wpm_instant now) {
  model->last = now;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    wpm_model_peer *peer = &model->peers[i];
    for (unsigned kind = 0; peer->held && kind < WPM_WAIT_COUNT; kind++) {
      peer->runs[kind] =
          peer->runs[kind] && is_running(model, wait_of(&peer->r, (wpm_wait_kind)kind));
    }
    peer->buried = peer->buried && tombstone_end(model, &peer->tombstone) > now.mono.ns;
  }
}

/* ---- confidence ------------------------------------------------------------------------------ */

static bool is_connected(const wpm_address *a) {
  return a->confidence == WPM_CONFIDENCE_CONNECTED;
}

static void derive(wpm_address *a) {
  if (!is_connected(a)) {
    a->confidence = a->certified                      ? WPM_CONFIDENCE_CERTIFIED
                    : a->identified                   ? WPM_CONFIDENCE_IDENTIFIED
                    : wpm_wall_known(a->last_success) ? WPM_CONFIDENCE_DIALLED
                                                      : WPM_CONFIDENCE_HEARD;
  }
}

/* ---- coming ---------------------------------------------------------------------------------- */

/* Lets a peer go where the store is full. */
static int push_out(wpm_model *model, const wpm_model_choice *choice) {
  if (model->config.max_peers == 0 || wpm_model_count(model) < model->config.max_peers) {
    return WPM_OK;
  }
  if (!model->config.evict) {
    model->counters.refused++;
    return WPM_ERR_FULL;
  }
  bool may_any = false;
  unsigned went = WPM_MODEL_IDS;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    may_any = may_any || wpm_model_eviction(&model->peers[i]) != WPM_CAUSE_FACT;
    if (model->peers[i].held && choice->has_gone(choice->user, i)) {
      assert_int_equal(went, WPM_MODEL_IDS);
      went = i;
    }
  }
  assert_true(may_any == (went != WPM_MODEL_IDS));
  if (!may_any) {
    model->counters.refused++;
    return WPM_ERR_NO_VICTIM;
  }
  wpm_cause cause = wpm_model_eviction(&model->peers[went]);
  wpm_model_expect_victim(model, went, cause);
  model->counters.evicted[cause]++;
  return wpm_model_remove(model, went, choice);
}

/* Room for a newcomer, whose own tombstone makes place for that of whoever goes. */
static int make_room(wpm_model *model, unsigned newcomer, const wpm_model_choice *choice) {
  wpm_model_peer *peer = &model->peers[newcomer];
  bool was_buried = peer->buried;
  peer->buried = false;
  int err = push_out(model, choice);
  peer->buried = was_buried;
  return err;
}

static void come(wpm_model *model, unsigned id) {
  wpm_model_peer *peer = &model->peers[id];
  peer->held = true;
  peer->life++;
  peer->born = ++model->newcomers;
  peer->live = 0;
  memset(peer->runs, 0, sizeof(peer->runs));
  peer->r = (wpm_peer_record){.id = wpm_model_id(id),
                              .rtt_ns = WPM_SPAN_NONE,
                              .disconnect_time = WPM_WALL_NONE,
                              .connected_time = WPM_WALL_NONE,
                              .first_failure = WPM_WALL_NONE,
                              .last_failure = WPM_WALL_NONE};
  if (peer->buried) {
    peer->buried = false;
    set_wait(model, peer, WPM_WAIT_PRUNE_BACKOFF, peer->tombstone.prune_backoff);
    set_wait(model, peer, WPM_WAIT_BAN, peer->tombstone.ban);
  }
}

int wpm_model_add(wpm_model *model, unsigned id, wpm_origin origin,
                  const wpm_model_choice *choice) {
  wpm_model_peer *peer = &model->peers[id];
  if (!peer->held) {
    int err = make_room(model, id, choice);
    if (err) {
      return err;
    }
    come(model, id);
  }
  if (peer->r.origin == WPM_ORIGIN_UNKNOWN) {
    peer->r.origin = origin;
  }
  return WPM_OK;
}

/* A live connection was dialled to the address. */
static bool is_dialled(const wpm_model_peer *peer, wpm_bytes multiaddr) {
  for (size_t i = 0; i < peer->r.address_count; i++) {
    if (wpm_bytes_equal(peer->addresses[i].multiaddr, multiaddr)) {
      return is_connected(&peer->addresses[i]);
    }
  }
  return false;
}

/* The record is within all caps. What a tombstone kept goes on where the record says less. */
int wpm_model_put(wpm_model *model, unsigned id, const wpm_peer_record *record,
                  const wpm_model_choice *choice) {
  wpm_model_peer *peer = &model->peers[id];
  wpm_tombstone old = {.id = {NULL, 0}};
  if (!peer->held) {
    int err = make_room(model, id, choice);
    if (err) {
      return err;
    }
    come(model, id);
    old.prune_backoff = peer->r.prune_backoff;
    old.ban = peer->r.ban;
  }
  wpm_model_peer before = *peer;
  peer->r = *record;
  peer->r.id = wpm_model_id(id);
  peer->r.held = record->held || peer->live > 0;
  memcpy(peer->addresses, record->addresses, record->address_count * sizeof(wpm_address));
  memcpy(peer->protocols, record->protocols, record->protocol_count * sizeof(wpm_text));
  memcpy(peer->shards, record->shards, record->shard_count * sizeof(uint16_t));
  memcpy(peer->tags, record->tags, record->tag_count * sizeof(wpm_tag));
  memcpy(peer->app, record->app, record->app_count * sizeof(wpm_app_entry));
  for (size_t i = 0; i < record->address_count; i++) {
    peer->addresses[i].confidence = is_dialled(&before, record->addresses[i].multiaddr)
                                        ? WPM_CONFIDENCE_CONNECTED
                                        : WPM_CONFIDENCE_HEARD;
    derive(&peer->addresses[i]);
  }
  peer->r.prune_backoff = later_span(model, &old.prune_backoff, &record->prune_backoff);
  peer->r.ban = later_span(model, &old.ban, &record->ban);
  for (unsigned kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    set_wait(model, peer, (wpm_wait_kind)kind, *wait_of(&peer->r, (wpm_wait_kind)kind));
  }
  return WPM_OK;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static wpm_address *find(wpm_model_peer *peer, wpm_bytes multiaddr) {
  for (size_t i = 0; i < peer->r.address_count; i++) {
    if (wpm_bytes_equal(peer->addresses[i].multiaddr, multiaddr)) {
      return &peer->addresses[i];
    }
  }
  return NULL;
}

static void drop(wpm_model_peer *peer, size_t at) {
  peer->r.address_count--;
  for (size_t i = at; i < peer->r.address_count; i++) {
    peer->addresses[i] = peer->addresses[i + 1];
  }
}

/* How little it would be missed: connected, certified, then the source, then its last success. */
static int rank(const wpm_address *a) {
  return (is_connected(a) ? 2 : a->certified ? 1 : 0) * WPM_ADDRESS_SOURCE_COUNT + (int)a->source;
}

/* False: the cap leaves it out. */
static bool make_room_for(const wpm_model *model, wpm_model_peer *peer, const wpm_address *added) {
  if (model->config.max_addresses == 0 || peer->r.address_count < model->config.max_addresses) {
    return true;
  }
  size_t worst = 0;
  for (size_t i = 1; i < peer->r.address_count; i++) {
    const wpm_address *a = &peer->addresses[i];
    const wpm_address *w = &peer->addresses[worst];
    if (rank(a) < rank(w) || (rank(a) == rank(w) && a->last_success.ns < w->last_success.ns)) {
      worst = i;
    }
  }
  if (rank(&peer->addresses[worst]) >= rank(added)) {
    return false;
  }
  drop(peer, worst);
  return true;
}

static wpm_wall whole_seconds(wpm_wall time) {
  return wpm_wall_known(time) ? (wpm_wall){time.ns - time.ns % WPM_SECOND} : time;
}

static wpm_wall end_of_ttl(int64_t ttl_ns, wpm_wall now) {
  if (ttl_ns == WPM_TTL_QUALITY || ttl_ns >= WPM_TTL_CONNECTED || !wpm_wall_known(now)) {
    return WPM_WALL_NONE;
  }
  return (wpm_wall){ttl_ns > INT64_MAX - now.ns ? INT64_MAX : now.ns + ttl_ns};
}

static int64_t end_as_number(const wpm_address *a) {
  return wpm_wall_known(a->expires) ? a->expires.ns : INT64_MAX;
}

static wpm_wall later(wpm_wall a, wpm_wall b) {
  return a.ns > b.ns ? a : b;
}

/* Adds what is given; false where the cap leaves it out. */
static bool give(const wpm_model *model, wpm_model_peer *peer, wpm_address given, bool set) {
  wpm_address *held = find(peer, given.multiaddr);
  if (!held) {
    if (wpm_multiaddr_check(given.multiaddr) != WPM_OK) {
      return true;
    }
    derive(&given);
    if (!make_room_for(model, peer, &given)) {
      return false;
    }
    peer->addresses[peer->r.address_count++] = given;
    return true;
  }
  held->source = held->source > given.source ? held->source : given.source;
  held->identified = held->identified || given.identified;
  held->certified = held->certified || given.certified;
  held->first_seen = wpm_wall_known(held->first_seen) ? held->first_seen : given.first_seen;
  held->last_seen = later(held->last_seen, given.last_seen);
  held->last_success = later(held->last_success, given.last_success);
  if (set) {
    held->ttl_ns = given.ttl_ns;
    held->expires = given.expires;
  } else if (given.ttl_ns != WPM_TTL_QUALITY &&
             (held->ttl_ns != WPM_TTL_QUALITY || given.ttl_ns >= WPM_TTL_CONNECTED)) {
    held->expires = end_as_number(&given) > end_as_number(held) ? given.expires : held->expires;
    held->ttl_ns = given.ttl_ns > held->ttl_ns ? given.ttl_ns : held->ttl_ns;
  } /* Given or held for its quality, it keeps what it has. */
  derive(held);
  return true;
}

static wpm_address given(wpm_bytes multiaddr, wpm_address_source source, int64_t ttl_ns,
                         wpm_wall now) {
  return (wpm_address){.multiaddr = multiaddr,
                       .source = source,
                       .first_seen = whole_seconds(now),
                       .last_seen = whole_seconds(now),
                       .last_success = WPM_WALL_NONE,
                       .last_failure = WPM_WALL_NONE,
                       .ttl_ns = ttl_ns,
                       .expires = end_of_ttl(ttl_ns, now)};
}

int wpm_model_offer(wpm_model *model, unsigned id, const wpm_bytes *addresses, size_t count,
                    const wpm_offer *offer, bool set, size_t *left_out) {
  HELD_OR_RETURN(model, id);
  *left_out = 0;
  for (size_t i = 0; i < count; i++) {
    wpm_address *held = find(peer, addresses[i]);
    if (offer->ttl_ns >= 0) {
      wpm_address a = given(addresses[i], offer->source, offer->ttl_ns, offer->now);
      *left_out += !give(model, peer, a, set);
    } else if (set && held) {
      drop(peer, (size_t)(held - peer->addresses));
    }
  }
  return WPM_OK;
}

int wpm_model_update_ttl(wpm_model *model, unsigned id, int64_t old_ttl, int64_t new_ttl,
                         wpm_wall now) {
  HELD_OR_RETURN(model, id);
  for (size_t i = peer->r.address_count; i-- > 0;) {
    wpm_address *a = &peer->addresses[i];
    if (a->ttl_ns == old_ttl && new_ttl < 0) {
      drop(peer, i);
    } else if (a->ttl_ns == old_ttl) {
      a->ttl_ns = new_ttl;
      a->expires = end_of_ttl(new_ttl, now);
    }
  }
  return WPM_OK;
}

int wpm_model_clear_addresses(wpm_model *model, unsigned id) {
  HELD_OR_RETURN(model, id);
  peer->r.address_count = 0;
  peer->r.signed_record = (wpm_bytes){NULL, 0};
  peer->r.signed_sequence = 0;
  return WPM_OK;
}

static bool worked_later(const wpm_model_peer *peer, const wpm_address *than) {
  for (size_t i = 0; i < peer->r.address_count; i++) {
    if (peer->addresses[i].last_success.ns > than->last_success.ns) {
      return true;
    }
  }
  return false;
}

int wpm_model_expire(wpm_model *model, unsigned id, wpm_wall now) {
  HELD_OR_RETURN(model, id);
  bool keep_good = model->config.keep_good;
  for (size_t i = 0; i < peer->r.address_count;) {
    const wpm_address *a = &peer->addresses[i];
    bool over = wpm_wall_known(a->expires) && a->expires.ns <= now.ns;
    bool good = wpm_wall_known(a->last_success) && !worked_later(peer, a);
    if (over && !(keep_good && (good || is_connected(a)))) {
      drop(peer, i);
    } else {
      i++;
    }
  }
  return WPM_OK;
}

static bool is_among(const wpm_bytes *told, size_t count, wpm_bytes multiaddr) {
  for (size_t i = 0; i < count; i++) {
    if (wpm_bytes_equal(told[i], multiaddr)) {
      return true;
    }
  }
  return false;
}

/* The peer itself names `told` anew, by a record or by identify: the others lose that mark, and those
 * that stood on it alone go. */
static void unmark(wpm_model_peer *peer, const wpm_bytes *told, size_t count, bool certified) {
  for (size_t i = peer->r.address_count; i-- > 0;) {
    wpm_address *a = &peer->addresses[i];
    bool *mark = certified ? &a->certified : &a->identified;
    if (*mark && !is_among(told, count, a->multiaddr)) {
      *mark = false;
      derive(a);
      if (a->source == WPM_SOURCE_IDENTIFY && !a->certified && !a->identified && !is_connected(a)) {
        drop(peer, i);
      }
    }
  }
}

int wpm_model_certified(wpm_model *model, unsigned id, const wpm_certified *record, wpm_wall now) {
  HELD_OR_RETURN(model, id);
  if (peer->r.signed_record.len > 0 &&
      (record->sequence < peer->r.signed_sequence ||
       (record->sequence == peer->r.signed_sequence && !record->same_sequence_too))) {
    return WPM_ERR_STALE;
  }
  unmark(peer, record->addresses, record->address_count, true);
  for (size_t i = 0; i < record->address_count; i++) {
    wpm_address a = given(record->addresses[i], WPM_SOURCE_IDENTIFY, record->ttl_ns, now);
    a.certified = true;
    (void)give(model, peer, a, false);
  }
  peer->r.signed_record = record->envelope;
  peer->r.signed_sequence = record->sequence;
  return WPM_OK;
}

int wpm_model_address_failed(wpm_model *model, unsigned id, wpm_bytes multiaddr, wpm_wall now) {
  HELD_OR_RETURN(model, id);
  wpm_address *held = find(peer, multiaddr);
  if (!held) {
    return WPM_ERR_NOT_FOUND;
  }
  held->last_failure = now;
  return WPM_OK;
}

int wpm_model_address_moved(wpm_model *model, unsigned id, wpm_bytes multiaddr, unsigned answered,
                            wpm_wall now) {
  HELD_OR_RETURN(model, id);
  wpm_address *held = find(peer, multiaddr);
  wpm_address moved = given(multiaddr, WPM_SOURCE_UNKNOWN, WPM_TTL_QUALITY, now);
  moved.last_success = now;
  if (held) {
    drop(peer, (size_t)(held - peer->addresses));
  }
  if (model->peers[answered].held) {
    (void)give(model, &model->peers[answered], moved, false);
  }
  return WPM_OK;
}

/* ---- facts ----------------------------------------------------------------------------------- */

static wpm_text cut(const wpm_model *model, wpm_text text) {
  size_t most = model->config.max_text;
  if (most > 0 && text.len > most) {
    text.len = most;
    while (text.len > 0 && ((uint8_t)text.data[text.len] & 0xc0) == 0x80) {
      text.len--;
    }
  }
  return text;
}

static int compare(wpm_text a, wpm_text b) {
  return wpm_bytes_compare((wpm_bytes){(const uint8_t *)a.data, a.len},
                           (wpm_bytes){(const uint8_t *)b.data, b.len});
}

static void keep_protocol(wpm_model_peer *peer, wpm_text protocol) {
  size_t at = 0;
  while (at < peer->r.protocol_count && compare(peer->protocols[at], protocol) < 0) {
    at++;
  }
  if (at < peer->r.protocol_count && wpm_text_equal(peer->protocols[at], protocol)) {
    return;
  }
  for (size_t k = peer->r.protocol_count++; k > at; k--) {
    peer->protocols[k] = peer->protocols[k - 1];
  }
  peer->protocols[at] = protocol;
}

/* Relay protocols first; of one that is too long, its prefix. */
int wpm_model_set_protocols(wpm_model *model, unsigned id, const wpm_text *protocols,
                            size_t count) {
  HELD_OR_RETURN(model, id);
  size_t most = model->config.max_protocols;
  size_t longest = model->config.max_text;
  peer->r.protocols_known = true;
  peer->r.protocol_count = 0;
  for (int relay = 1; relay >= 0; relay--) {
    for (size_t i = 0; i < count && (most == 0 || peer->r.protocol_count < most); i++) {
      wpm_text protocol = protocols[i];
      if (protocol.len == 0 || wpm_protocol_is_relay(protocol) != relay) {
        continue;
      }
      if (longest > 0 && protocol.len > longest) {
        protocol.len = strlen("/meshsub/"); /* The only such name there is. */
        if (!relay) {
          continue;
        }
      }
      keep_protocol(peer, protocol);
    }
  }
  return WPM_OK;
}

int wpm_model_set_public_key(wpm_model *model, unsigned id, wpm_bytes key) {
  HELD_OR_RETURN(model, id);
  peer->r.public_key = key;
  return WPM_OK;
}

int wpm_model_identified(wpm_model *model, unsigned id, const wpm_identified *fact) {
  HELD_OR_RETURN(model, id);
  if (fact->public_key && fact->public_key->len > 0) {
    peer->r.public_key = *fact->public_key;
  }
  if (fact->agent) {
    peer->r.agent = cut(model, *fact->agent);
  }
  if (fact->protocol_version) {
    peer->r.protocol_version = cut(model, *fact->protocol_version);
  }
  if (fact->addresses) {
    unmark(peer, fact->addresses, fact->address_count, false);
    for (size_t i = 0; i < fact->address_count; i++) {
      wpm_address a = given(fact->addresses[i], WPM_SOURCE_IDENTIFY, WPM_TTL_QUALITY, fact->now);
      a.identified = true;
      (void)give(model, peer, a, false);
    }
  }
  return fact->protocols ? wpm_model_set_protocols(model, id, fact->protocols, fact->protocol_count)
                         : WPM_OK;
}

static void set_shards(wpm_model_peer *peer, const uint16_t *shards, size_t count) {
  peer->r.shard_count = 0;
  for (uint16_t shard = 0; shard < WPM_MODEL_SHARDS; shard++) {
    bool named = false;
    for (size_t i = 0; i < count; i++) {
      named = named || shards[i] == shard;
    }
    if (named) {
      peer->shards[peer->r.shard_count++] = shard;
    }
  }
}

int wpm_model_metadata(wpm_model *model, unsigned id, uint32_t cluster_id, const uint16_t *shards,
                       size_t count) {
  HELD_OR_RETURN(model, id);
  peer->r.metadata_known = true;
  peer->r.cluster_id = cluster_id;
  set_shards(peer, shards, count);
  return WPM_OK;
}

int wpm_model_discovered(wpm_model *model, unsigned id, const wpm_discovered *fact) {
  HELD_OR_RETURN(model, id);
  if (peer->r.enr.len > 0 && fact->sequence <= peer->r.enr_sequence) {
    return WPM_ERR_STALE;
  }
  peer->r.enr = fact->enr;
  peer->r.enr_sequence = fact->sequence;
  peer->r.capabilities_known = fact->has_capabilities;
  peer->r.capabilities = fact->has_capabilities ? fact->capabilities : 0;
  if (!peer->r.metadata_known) {
    peer->r.cluster_id = fact->cluster_id;
    set_shards(peer, fact->shards, fact->shard_count);
  }
  return WPM_OK;
}

int wpm_model_connected(wpm_model *model, unsigned id, wpm_direction direction, wpm_bytes remote,
                        wpm_wall now) {
  HELD_OR_RETURN(model, id);
  wpm_address *held = find(peer, remote);
  if (direction == WPM_INBOUND) {
    peer->r.observed_address = remote;
  } else if (held) {
    held->last_success = now;
    held->confidence = WPM_CONFIDENCE_CONNECTED;
  }
  if (peer->live++ == 0) {
    peer->r.connected_time = now;
    peer->r.direction = direction;
  }
  peer->r.held = true;
  return WPM_OK;
}

int wpm_model_disconnected(wpm_model *model, unsigned id, wpm_reason reason, wpm_wall now) {
  HELD_OR_RETURN(model, id);
  if (peer->live == 0 || --peer->live > 0) {
    return WPM_OK;
  }
  peer->r.reason = reason;
  peer->r.disconnect_time = now;
  for (size_t i = 0; i < peer->r.address_count; i++) {
    peer->addresses[i].confidence = WPM_CONFIDENCE_HEARD;
    derive(&peer->addresses[i]);
  }
  return WPM_OK;
}

int wpm_model_dial_failed(wpm_model *model, unsigned id, wpm_reason reason, wpm_wall now) {
  HELD_OR_RETURN(model, id);
  if (peer->live == 0 && reason != WPM_REASON_LOCAL_FAILURE) {
    peer->r.reason = reason;
    peer->r.first_failure = peer->r.failures == 0 ? now : peer->r.first_failure;
    peer->r.last_failure = now;
    peer->r.failures++;
  }
  return WPM_OK;
}

int wpm_model_stable(wpm_model *model, unsigned id) {
  HELD_OR_RETURN(model, id);
  peer->r.failures = 0;
  peer->r.first_failure = WPM_WALL_NONE;
  set_wait(model, peer, WPM_WAIT_RETRY_DELAY, (wpm_wait){0});
  return WPM_OK;
}

/* ---- tags and the application map ------------------------------------------------------------ */

/* Where a name stands among the peer's tags, or would; *found: it does. */
static size_t place_of_tag(const wpm_model_peer *peer, wpm_text name, bool *found) {
  size_t at = 0;
  while (at < peer->r.tag_count && compare(peer->tags[at].name, name) < 0) {
    at++;
  }
  *found = at < peer->r.tag_count && wpm_text_equal(peer->tags[at].name, name);
  return at;
}

static size_t place_of_entry(const wpm_model_peer *peer, wpm_text key, bool *found) {
  size_t at = 0;
  while (at < peer->r.app_count && compare(peer->app[at].key, key) < 0) {
    at++;
  }
  *found = at < peer->r.app_count && wpm_text_equal(peer->app[at].key, key);
  return at;
}

int wpm_model_set_tag(wpm_model *model, unsigned id, const wpm_tag *tag) {
  HELD_OR_RETURN(model, id);
  bool found = false;
  size_t at = place_of_tag(peer, tag->name, &found);
  if (tag->name.len == 0) {
    return WPM_ERR_INVALID;
  }
  if (model->config.max_text > 0 && tag->name.len > model->config.max_text) {
    return WPM_ERR_TOO_LARGE;
  }
  if (!found && model->config.max_tags > 0 && peer->r.tag_count == model->config.max_tags) {
    return WPM_ERR_FULL;
  }
  if (!found) {
    for (size_t k = peer->r.tag_count++; k > at; k--) {
      peer->tags[k] = peer->tags[k - 1];
    }
  }
  peer->tags[at] = *tag;
  return WPM_OK;
}

int wpm_model_remove_tag(wpm_model *model, unsigned id, wpm_text name) {
  HELD_OR_RETURN(model, id);
  bool found = false;
  size_t at = place_of_tag(peer, name, &found);
  if (!found) {
    return WPM_ERR_NOT_FOUND;
  }
  peer->r.tag_count--;
  for (size_t k = at; k < peer->r.tag_count; k++) {
    peer->tags[k] = peer->tags[k + 1];
  }
  return WPM_OK;
}

int wpm_model_set_app(wpm_model *model, unsigned id, wpm_text key, wpm_bytes value) {
  HELD_OR_RETURN(model, id);
  bool found = false;
  size_t at = place_of_entry(peer, key, &found);
  size_t bytes = 0;
  for (size_t i = 0; i < peer->r.app_count; i++) {
    bytes += found && i == at ? 0 : peer->app[i].key.len + peer->app[i].value.len;
  }
  if (key.len == 0) {
    return WPM_ERR_INVALID;
  }
  if (!value.data) {
    peer->r.app_count -= found;
    for (size_t k = at; found && k < peer->r.app_count; k++) {
      peer->app[k] = peer->app[k + 1];
    }
    return WPM_OK;
  }
  if (model->config.max_app_bytes > 0 &&
      bytes + key.len + value.len > model->config.max_app_bytes) {
    return WPM_ERR_FULL;
  }
  if (!found) {
    for (size_t k = peer->r.app_count++; k > at; k--) {
      peer->app[k] = peer->app[k - 1];
    }
  }
  peer->app[at] = (wpm_app_entry){key, value};
  return WPM_OK;
}
