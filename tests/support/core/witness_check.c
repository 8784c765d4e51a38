#include "core/manager.h"
#include "support/core/witness.h"
#include "support/test.h"

#include "base/record.h"

#include <string.h>

#define S WPM_SECOND

/* ---- actions --------------------------------------------------------------------------------- */

static bool is_static(const wpm_witness *r, int peer) {
  return wpm_world_record(r->w, peer).is_static;
}

/* Somebody's outbound place need not count, so that another is dialled beside it. */
static bool is_anybody_in_doubt(const wpm_witness *r) {
  bool any = false;
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    any = any || (r->dials[i].id && r->dials[i].hasty);
  }
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    any = any || (l->id && !l->closing && l->last_ping > l->last_byte);
  }
  return any;
}

static void note_dial(wpm_witness *r, const wpm_world_action *a, bool person) {
  wpm_witness_dial *d = r->dials;
  while (d < r->dials + WPM_WITNESS_DIALS && d->id) {
    d++;
  }
  assert_true(d < r->dials + WPM_WITNESS_DIALS);
  bool hasty = is_anybody_in_doubt(r);
  *d = (wpm_witness_dial){.id = a->dial,
                          .peer = a->peer,
                          .number = ++r->dials_seen,
                          .address_count = a->address_count,
                          .by_person = person,
                          .hasty = hasty};
  for (size_t i = 0; i < a->address_count; i++) {
    memcpy(d->ips[i].bytes, a->ips[i], sizeof(d->ips[i].bytes));
    d->ports[i] = a->ports[i];
  }
}

static void on_dial(wpm_witness *r, const wpm_world_action *a) {
  wpm_witness_peer *t = &r->peers[a->peer];
  assert_int_not_equal(a->peer, WPM_WITNESS_LOCAL);
  assert_true(a->address_count > 0);
  assert_null(wpm_witness_dial_to(r, a->peer));
  assert_int_equal(wpm_witness_open_links(r, a->peer), 0);
  bool person = r->person == a->peer;
  bool gossip = wpm_witness_gossips(r, a->peer);
  if (!person) {
    assert_true(t->held || is_static(r, a->peer) || (r->chooses && gossip));
    assert_false(t->held_off);
    assert_true(wpm_witness_now(r) >= t->prune_until);
    assert_true(wpm_witness_now(r) >= t->mismatch_until);
    assert_true(wpm_witness_now(r) >= t->retry_until);
    assert_true(wpm_witness_now(r) >= t->banned_until);
    assert_false(wpm_witness_is_discouraged(r, a->peer));
  }
  wpm_witness_check_dialled(r, a, person);
  t->dialled_by_person = person;
  t->chosen = r->chooses && !person && gossip && !t->returns && !is_static(r, a->peer);
  note_dial(r, a, person);
}

static void on_cancel(wpm_witness *r, const wpm_world_action *a) {
  wpm_witness_dial *d = wpm_witness_dial_to(r, a->peer);
  assert_non_null(d);
  assert_int_equal(d->id, a->dial);
  r->peers[a->peer].over = d->id;
  d->id = 0;
}

static void on_notify(wpm_witness *r, const wpm_world_action *a) {
  assert_int_not_equal(a->from, a->to);
  assert_int_not_equal(a->to, WPM_NOT_CONNECTED); /* Nothing makes an attempt undone. */
  assert_int_equal(a->to == WPM_CONNECTED, a->reason == WPM_REASON_NONE);
  (void)r;
}

static void on_disconnect(wpm_witness *r, const wpm_world_action *a, bool gossip) {
  wpm_witness_link *l = wpm_witness_link_of(r, a->connection);
  assert_non_null(l);
  assert_int_equal(l->peer, a->peer);
  assert_false(l->closing);
  l->closing = true;
  bool refused = l->began == wpm_witness_now(r) && l->deaf && l->direction == WPM_DIRECTION_NONE;
  if (refused) {
    return;
  }
  assert_true(a->reason != WPM_REASON_RANGE_BANNED || wpm_witness_perhaps_banned(r, &l->ip, 0));
  wpm_witness_saw_end(r, l, a->reason, gossip);
}

/* The peer makes way: all of its connections end. */
static bool makes_way(wpm_reason reason) {
  return reason == WPM_REASON_CROWDED || reason == WPM_REASON_ROTATED ||
         reason == WPM_REASON_SURPLUS || reason == WPM_REASON_FEELER;
}

/* The action that let go of the newest connection below `id`; NULL: there is none. */
static const wpm_world_action *let_go_before(const wpm_witness *r, wpm_connection_id id) {
  const wpm_world_action *found = NULL;
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *a = &r->w->log[i];
    if (a->type == WPM_ACTION_DISCONNECT && makes_way(a->reason) && a->connection < id &&
        (!found || a->connection > found->connection)) {
      found = a;
    }
  }
  return found;
}

/* That comes after all else of the step, and of two connections with such a peer the newer goes first. */
static void take_disconnects(wpm_witness *r, const bool *gossip) {
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *a = &r->w->log[i];
    if (a->type == WPM_ACTION_DISCONNECT && !makes_way(a->reason)) {
      on_disconnect(r, a, gossip[a->peer]);
    }
  }
  const wpm_world_action *a = let_go_before(r, UINT64_MAX);
  for (; a; a = let_go_before(r, a->connection)) {
    on_disconnect(r, a, gossip[a->peer]);
  }
  for (size_t i = 0; i < r->w->count; i++) {
    a = &r->w->log[i];
    if (a->type == WPM_ACTION_DISCONNECT && a->reason == WPM_REASON_CROWDED) {
      wpm_witness_check_crowded(r, a->peer);
    }
  }
}

void wpm_witness_take_actions(wpm_witness *r, const bool *gossip) {
  wpm_world *w = r->w;
  take_disconnects(r, gossip);
  for (size_t i = 0; i < w->count; i++) {
    const wpm_world_action *a = &w->log[i];
    wpm_witness_link *l = wpm_witness_link_of(r, a->connection);
    switch (a->type) {
    case WPM_ACTION_DIAL:
      on_dial(r, a);
      break;
    case WPM_ACTION_CANCEL_DIAL:
      on_cancel(r, a);
      break;
    case WPM_ACTION_DISCONNECT:
      break;
    case WPM_ACTION_PING:
    case WPM_ACTION_IDENTIFY:
    case WPM_ACTION_REQUEST_METADATA:
      assert_non_null(l);
      assert_false(l->closing);
      if (a->type == WPM_ACTION_PING) {
        l->last_ping = wpm_witness_now(r);
      }
      break;
    case WPM_ACTION_NOTIFY:
      on_notify(r, a);
      break;
    case WPM_ACTION_PERSIST:
    case WPM_ACTION_FORGET:
    case WPM_ACTION_PERSIST_RANGE_BAN:
      break;
    }
  }
  wpm_world_forget_log(w);
}

/* ---- invariants ------------------------------------------------------------------------------ */

static void check_peer(wpm_witness *r, int peer) {
  wpm_witness_peer *t = &r->peers[peer];
  wpm_peer_record record;
  bool known = wpm_store_get(wpm_manager_store(r->w->manager), wpm_world_id(peer), &record) == 0;
  assert_int_equal(known, t->known);
  if (!known) {
    assert_null(r->w->disk[peer]);
    return;
  }
  size_t open = wpm_witness_open_links(r, peer);
  assert_true(open <= 2);
  if (open > 0) {
    t->state = WPM_CONNECTED;
  }
  assert_int_equal(record.connectivity, t->state);
  assert_int_equal(record.held, t->held);
  assert_int_equal(record.held_off, t->held_off);
  assert_int_equal(record.failures, open == 0 ? t->failures : record.failures);
  /* What is stored is what is known; round trips alone may lag. */
  assert_non_null(r->w->disk[peer]);
  wpm_witness_check_score(r, peer, record.score);
  record.rtt_ns = r->w->disk[peer]->rtt_ns;
  assert_true(wpm_record_equal(&record, r->w->disk[peer]));
  if (open == 2 && !r->late) {
    assert_true(t->two_since >= 0);
    assert_true(wpm_witness_now(r) - t->two_since <=
                wpm_witness_later(r->w->config.ping_timeout_ns, S));
  }
}

static void check_links(wpm_witness *r) {
  const wpm_manager_config *c = &r->w->config;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    if (!l->id || l->closing || r->late || !c->keep_alive) {
      continue;
    }
    int64_t quiet = wpm_witness_now(r) -
                    wpm_witness_later(wpm_witness_later(l->last_byte, l->last_ping), l->began);
    assert_true(quiet <= wpm_witness_later(c->ping_interval_ns, c->ping_timeout_ns));
    if (l->last_ping > l->last_byte) { /* Two misses end it. */
      int64_t silence = wpm_witness_now(r) - wpm_witness_later(l->last_byte, r->awake);
      assert_true(silence <= c->ping_interval_ns + 2 * c->ping_timeout_ns);
    }
  }
}

/* Its outbound place counts for sure: nothing says that it may come to nothing. */
static bool counts(wpm_witness *r, int peer) {
  const wpm_witness_dial *d = wpm_witness_dial_to(r, peer);
  bool outbound = d && !d->hasty;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    if (l->id && !l->closing && l->peer == peer) {
      if (l->direction == WPM_INBOUND || l->last_ping > l->last_byte) {
        return false;
      }
      outbound = true;
    }
  }
  return outbound;
}

/* Of those that the policy chose there are no more than it wants, and one that it tries. */
static void check_chosen(wpm_witness *r) {
  const wpm_manager_config *c = &r->w->config;
  size_t most = c->relay_outbound + 1 + c->shard_count * c->relay_per_shard;
  size_t count = 0;
  for (size_t i = 0; i < c->service_count; i++) {
    most += c->services[i].slots;
  }
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    r->dials[i].hasty = r->dials[i].hasty || wpm_witness_now(r) <= r->epoch_at + 30 * S;
  }
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    count += r->peers[peer].known && r->peers[peer].chosen && wpm_witness_gossips(r, peer) &&
             counts(r, peer);
  }
  assert_true(!r->chooses || count <= most);
}

/* It is inbound, known to relay, and has been there long enough to be found one too many. */
static bool is_old_inbound_relay(wpm_witness *r, int peer) {
  wpm_peer_record record = wpm_world_record(r->w, peer);
  bool old = record.protocols_known && wpm_witness_gossips(r, peer) && !record.is_static &&
             wpm_witness_now(r) - r->peers[peer].named_at > 60 * S;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    bool counts_too = l->direction == WPM_INBOUND && wpm_witness_now(r) - l->began > 60 * S;
    old = old && (!l->id || l->closing || l->peer != peer || counts_too);
  }
  return old && wpm_witness_open_links(r, peer) > 0;
}

/* Those that shards or services need stay. */
static void check_relay_inbound(wpm_witness *r) {
  const wpm_manager_config *c = &r->w->config;
  size_t most = c->relay_inbound + c->shard_count * c->relay_per_shard;
  size_t count = 0;
  for (size_t i = 0; i < c->service_count; i++) {
    most += c->services[i].slots;
  }
  for (int peer = 0; peer < WPM_WITNESS_PEERS && c->relay_inbound > 0 && !r->late; peer++) {
    count += r->peers[peer].known && is_old_inbound_relay(r, peer);
  }
  assert_true(count <= most);
}

void wpm_witness_check(wpm_witness *r, size_t places_before) {
  const wpm_manager_config *c = &r->w->config;
  size_t now = wpm_witness_places(r);
  assert_true(now <= wpm_witness_most_places(r) || now <= places_before + (r->person >= 0));
  assert_int_equal(wpm_manager_connection_count(r->w->manager), wpm_witness_open_links(r, -1));
  size_t in_flight = 0;
  size_t by_person = 0;
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    in_flight += r->dials[i].id != 0;
    by_person += r->dials[i].id != 0 && r->dials[i].by_person;
  }
  assert_true(in_flight <= c->max_dials + by_person);
  assert_int_equal(wpm_manager_dial_count(r->w->manager), in_flight);
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    check_peer(r, peer);
  }
  check_links(r);
  wpm_witness_check_ranges(r);
  check_chosen(r);
  check_relay_inbound(r);
  wpm_mono deadline = wpm_manager_next_deadline(r->w->manager);
  wpm_manager_note_deadline(r->w->manager);
  /* What was kept up is never later than what is worked out; bytes, and calls that do nothing, put that off. */
  assert_true(deadline.ns <= wpm_manager_next_deadline(r->w->manager).ns);
}
