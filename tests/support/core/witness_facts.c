#include "support/core/witness.h"
#include "support/test.h"

#define S WPM_SECOND

static void learn(wpm_witness *r, int peer) {
  r->peers[peer].known = true;
}

void wpm_witness_find(wpm_witness *r, int peer) {
  uint16_t port = wpm_witness_one_in(r, 4) ? 0 : (uint16_t)(60000 + wpm_witness_below(r, 3));
  bool is_static = wpm_witness_one_in(r, r->chooses ? 8 : 2);
  int err = wpm_world_found(r->w, peer, port, is_static);
  assert_int_equal(err, peer == WPM_WITNESS_LOCAL ? WPM_ERR_INVALID : WPM_OK);
  if (!err) {
    learn(r, peer);
    r->peers[peer].chosen = r->peers[peer].chosen && !is_static;
  }
}

static wpm_witness_link *free_link(wpm_witness *r) {
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    if (!r->links[i].id) {
      return &r->links[i];
    }
  }
  return NULL;
}

/* A peer was let go just now, since there were too many. */
static bool went_for_it(const wpm_witness *r) {
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *action = &r->w->log[i];
    if (action->type == WPM_ACTION_DISCONNECT && action->reason == WPM_REASON_CROWDED) {
      return true;
    }
  }
  return false;
}

bool wpm_witness_connect(wpm_witness *r, int peer, const wpm_witness_dial *from) {
  wpm_witness_link *l = free_link(r);
  if (!l) {
    return false;
  }
  wpm_witness_peer *t = &r->peers[peer];
  wpm_direction direction = from ? WPM_OUTBOUND : WPM_INBOUND;
  bool room = from || wpm_witness_dial_to(r, peer) || wpm_witness_open_links(r, peer) > 0 ||
              wpm_witness_places(r) < r->w->config.max_connections;
  bool welcome =
      peer != WPM_WITNESS_LOCAL && !t->held_off && wpm_witness_open_links(r, peer) < 2 && room;
  *l = (wpm_witness_link){.id = r->w->next_connection,
                          .peer = peer,
                          .direction = WPM_DIRECTION_NONE,
                          .deaf = true,
                          .began = wpm_witness_now(r),
                          .last_byte = wpm_witness_now(r),
                          .last_ping = INT64_MIN};
  wpm_dial_id id = from ? from->id : 0;
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    if (from && r->dials[i].id == id) {
      r->dials[i].id = 0;
    }
  }
  wpm_connection_id c;
  int err = wpm_world_connected(r->w, peer, direction, id, &c);
  assert_int_equal(err, peer == WPM_WITNESS_LOCAL ? WPM_ERR_INVALID : WPM_OK);
  const wpm_world_action *end = wpm_world_take(r->w, WPM_ACTION_DISCONNECT, peer);
  bool refused =
      end && end->reason != WPM_REASON_SURPLUS; /* That one was taken, and goes at once. */
  /* Places kept for others may refuse it all the same, and another may make way. */
  bool may_push =
      !from && peer != WPM_WITNESS_LOCAL && !t->held_off && wpm_witness_open_links(r, peer) < 2;
  assert_true(welcome || refused || (may_push && went_for_it(r)));
  assert_true(refused || from || wpm_witness_now(r) >= t->banned_until);
  for (size_t i = 0; i < r->w->count; i++) {
    r->w->log[i].taken = false;
  }
  if (refused) {
    return false;
  }
  if (wpm_witness_open_links(r, peer) == 2) {
    t->two_since = wpm_witness_now(r);
  }
  if (r->in_vain == 8) {
    wpm_witness_void_retry_delays(r);
    r->voided = true;
    r->epoch_at = wpm_witness_now(r);
  }
  r->in_vain = 0;
  l->direction = direction;
  l->deaf = wpm_witness_one_in(r, 5);
  learn(r, peer);
  t->held = true;
  t->returns = false;
  t->chosen = t->chosen && from;
  return true;
}

void wpm_witness_end_dial(wpm_witness *r, wpm_witness_dial *d) {
  int peer = d->peer;
  wpm_witness_peer *t = &r->peers[peer];
  t->over = d->id;
  if (wpm_witness_one_in(r, 2)) {
    wpm_witness_dial copy = *d;
    (void)wpm_witness_connect(r, peer, &copy);
    return;
  }
  static const wpm_reason reasons[] = {WPM_REASON_REFUSED, WPM_REASON_DIAL_TIMEOUT,
                                       WPM_REASON_LOCAL_FAILURE, WPM_REASON_PEER_ID_MISMATCH};
  wpm_reason reason = reasons[wpm_witness_below(r, 4)];
  wpm_dial_id id = d->id;
  d->id = 0;
  r->in_vain = wpm_witness_open_links(r, -1) > 0 ? 0 : r->in_vain < 8 ? r->in_vain + 1 : 8;
  if (reason != WPM_REASON_LOCAL_FAILURE && !d->cut && wpm_witness_open_links(r, peer) == 0) {
    t->state = WPM_CANNOT_CONNECT;
    t->failures++;
    t->returns = false;
    t->retry_until = wpm_witness_now(r) + wpm_witness_least_retry(r, t->failures + t->short_lived);
  }
  assert_int_equal(wpm_world_dial_failed(r->w, peer, id, reason), WPM_OK);
}

void wpm_witness_end_link(wpm_witness *r, wpm_witness_link *l, const bool *gossip) {
  wpm_reason reason = (wpm_reason)(1 + wpm_witness_below(r, WPM_REASON_COUNT - 1));
  wpm_witness_link gone = *l;
  l->id = 0;
  if (!gone.closing) {
    wpm_witness_saw_end(r, &gone, reason, gossip[gone.peer]);
  }
  assert_int_equal(wpm_world_disconnected(r->w, gone.peer, gone.id, reason), WPM_OK);
}

void wpm_witness_ask(wpm_witness *r, int peer) {
  static const wpm_event_type types[] = {WPM_EVENT_PERSON_CONNECT, WPM_EVENT_PERSON_CONNECT,
                                         WPM_EVENT_PERSON_DISCONNECT, WPM_EVENT_PERSON_REMOVE};
  wpm_event_type type = types[wpm_witness_below(r, 4)];
  wpm_witness_peer *t = &r->peers[peer];
  if (type == WPM_EVENT_PERSON_CONNECT) {
    r->person = peer;
    t->held_off = false;
    t->chosen = false;
  } else if (type == WPM_EVENT_PERSON_DISCONNECT) {
    t->held_off = t->known;
  }
  bool known = t->known;
  if (type == WPM_EVENT_PERSON_REMOVE) {
    t->known = false;
  }
  int err = wpm_world_person(r->w, peer, type);
  assert_int_equal(err, known ? WPM_OK : WPM_ERR_NOT_FOUND);
}

void wpm_witness_ban(wpm_witness *r, int peer) {
  static const int64_t lengths[] = {0, 20 * S, 10 * WPM_MINUTE, 7 * WPM_HOUR};
  wpm_event e = {.type = WPM_EVENT_BAN, .peer = wpm_world_id(peer)};
  e.u.ban.length_ns = lengths[wpm_witness_below(r, 4)];
  wpm_witness_peer *t = &r->peers[peer];
  bool lifts = e.u.ban.length_ns == 0;
  int err = wpm_world_handle(r->w, &e);
  if (peer == WPM_WITNESS_LOCAL) {
    assert_int_equal(err, WPM_ERR_INVALID);
  } else if (lifts && !t->known) {
    assert_int_equal(err, WPM_ERR_NOT_FOUND);
  } else {
    assert_int_equal(err, WPM_OK);
    t->banned_until = lifts ? 0 : wpm_witness_now(r) + e.u.ban.length_ns;
    learn(r, peer);
  }
}

static void identify(wpm_witness *r, int peer, wpm_connection_id id) {
  bool relay = wpm_witness_one_in(r, 2);
  r->peers[peer].named_at = wpm_witness_now(r);
  uint16_t port = wpm_witness_one_in(r, 2) ? 0 : (uint16_t)(61000 + wpm_witness_below(r, 3));
  relay = r->chooses ? wpm_witness_relays(peer) : relay;
  int err = r->chooses && wpm_witness_serves(peer)
                ? wpm_world_identified_serving(r->w, peer, id, relay, port)
                : wpm_world_identified(r->w, peer, id, relay, port);
  assert_int_equal(err, WPM_OK);
}

void wpm_witness_talk(wpm_witness *r, wpm_witness_link *l) {
  int peer = l->peer;
  wpm_connection_id id = l->id;
  bool open = !l->closing;
  switch (wpm_witness_below(r, 5)) {
  case 0:
  case 1:
    if (open) {
      l->last_byte = wpm_witness_now(r);
    }
    assert_int_equal(wpm_witness_one_in(r, 2)
                         ? wpm_world_received(r->w, peer, id)
                         : wpm_world_pong(r->w, peer, id, (int64_t)wpm_witness_below(r, 1000)),
                     WPM_OK);
    return;
  case 2:
    identify(r, peer, id);
    return;
  case 3: {
    int64_t cluster = (int64_t)wpm_witness_below(r, 12) - 1;
    bool mismatch = cluster > 1;
    if (!wpm_witness_one_in(r, 3)) {
      cluster = 1;
      mismatch = false;
    }
    if (open) {
      r->peers[peer].mismatch_until =
          mismatch ? wpm_witness_now(r) + r->w->config.mismatch_delay_ns : 0;
    }
    int shard = (int)wpm_witness_below(r, 3) - 1;
    shard = r->chooses ? wpm_witness_shard(peer) : shard;
    assert_int_equal(wpm_world_metadata(r->w, peer, id, cluster, shard), WPM_OK);
    return;
  }
  case 4: {
    static const int64_t named[] = {0, 10 * S, 300 * S, WPM_HOUR, 10 * WPM_DAY};
    int64_t backoff = named[wpm_witness_below(r, 5)];
    if (r->peers[peer].known) {
      wpm_witness_owe_backoff(r, peer, wpm_witness_now(r), backoff);
    }
    assert_int_equal(wpm_world_pruned(r->w, peer, backoff), WPM_OK);
    return;
  }
  }
}

/* Not what comes of a fact. */
static void do_what_is_due(wpm_witness *r) {
  bool gossip[WPM_WITNESS_PEERS];
  wpm_witness_note_gossip(r, gossip);
  wpm_witness_grow_stable(r);
  wpm_world_run(r->w, 0);
  wpm_witness_take_actions(r, gossip);
  r->late = false;
}

void wpm_witness_come_late(wpm_witness *r, int peer) {
  wpm_connection_id c = 1 + wpm_witness_below(r, r->w->next_connection);
  wpm_dial_id over = r->peers[peer].over ? r->peers[peer].over : 1000000;
  const wpm_witness_dial stale = {.id = over, .peer = peer};
  if (wpm_witness_link_of(r, c)) {
    return;
  }
  do_what_is_due(r);
  switch (wpm_witness_below(r, 5)) {
  case 0:
    assert_int_equal(wpm_world_disconnected(r->w, peer, c, WPM_REASON_TRUNCATED), WPM_OK);
    break;
  case 1:
    assert_int_equal(wpm_world_metadata(r->w, peer, c, 77, 1), WPM_OK);
    break;
  case 2:
    assert_int_equal(wpm_world_identified(r->w, peer, c, false, 64000), WPM_OK);
    break;
  case 3:
    assert_false(wpm_witness_connect(r, peer, &stale));
    return;
  default:
    assert_int_equal(wpm_world_dial_failed(r->w, peer, over, WPM_REASON_REFUSED), WPM_OK);
    break;
  }
  assert_true(r->w->count == 0);
}
