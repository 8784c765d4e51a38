#include "support/core/witness.h"
#include "support/test.h"

#define S WPM_SECOND

static void learn(wpm_witness *r, int peer) {
  r->peers[peer].known = true;
}

void wpm_witness_find(wpm_witness *r, int peer) {
  uint16_t port = wpm_witness_one_in(r, 4) ? 0 : (uint16_t)(60000 + wpm_witness_below(r, 3));
  bool is_static = wpm_witness_one_in(r, r->chooses || r->has_scores ? 8 : 2);
  bool elsewhere = r->has_bans && wpm_witness_one_in(r, 3);
  int err = elsewhere ? wpm_world_found_at(r->w, peer, wpm_witness_elsewhere(peer), is_static)
                      : wpm_world_found(r->w, peer, port, is_static);
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

/* What is known of a connection before the manager is told. */
typedef struct coming {
  size_t places;
  bool welcome;  /* Nothing speaks against it, but that places may be kept for others. */
  bool may_push; /* Another may make way. */
  bool is_discouraged;
  bool surely_banned, perhaps_banned; /* Where our dial led, since that began. */
  wpm_witness_arrival arrival;        /* Of an inbound one. */
} coming;

static coming look(wpm_witness *r, int peer, const wpm_witness_dial *from,
                   const wpm_witness_ip *ip) {
  const wpm_witness_peer *t = &r->peers[peer];
  coming out = {.places = wpm_witness_places(r)};
  bool room = from || wpm_witness_dial_to(r, peer) || wpm_witness_open_links(r, peer) > 0 ||
              out.places < wpm_witness_most_places(r);
  bool fits = peer != WPM_WITNESS_LOCAL && !t->held_off && wpm_witness_open_links(r, peer) < 2;
  out.welcome = fits && room;
  out.is_discouraged = wpm_witness_is_discouraged(r, peer);
  out.may_push = fits && !from && !out.is_discouraged;
  if (from) {
    out.surely_banned = wpm_witness_surely_banned(r, ip, from->number);
    out.perhaps_banned = wpm_witness_perhaps_banned(r, ip, from->number);
  } else {
    out.arrival = wpm_witness_arrives(r, peer, ip);
  }
  return out;
}

/* It was refused for that; NONE: it was accepted, though another may have gone for it. */
static void check_coming(wpm_witness *r, int peer, const wpm_witness_dial *from, const coming *was,
                         wpm_reason refused) {
  bool accepted = refused == WPM_REASON_NONE;
  assert_true(was->welcome || !accepted || (was->may_push && went_for_it(r)));
  /* Where the policy chooses, one may go for another cause in the same call. */
  assert_true(r->chooses || !was->is_discouraged || !went_for_it(r));
  if (!from) {
    assert_true(!accepted || wpm_witness_now(r) >= r->peers[peer].banned_until);
    wpm_witness_arrived(r, &was->arrival, refused);
  } else {
    assert_true(refused != WPM_REASON_RANGE_BANNED || was->perhaps_banned);
    assert_true(!accepted || !was->surely_banned);
  }
  if (refused == WPM_REASON_NO_PLACE) {
    wpm_witness_check_no_place(r, peer, was->places);
  }
}

/* The manager answers. NONE: it was accepted; a surplus one is, too, and goes at once. */
static wpm_reason tell(wpm_witness *r, int peer, const wpm_witness_dial *from, wpm_bytes remote) {
  wpm_connection_id c;
  int err = wpm_world_connected_from(r->w, peer, from ? WPM_OUTBOUND : WPM_INBOUND,
                                     from ? from->id : 0, remote, &c);
  assert_int_equal(err, peer == WPM_WITNESS_LOCAL ? WPM_ERR_INVALID : WPM_OK);
  const wpm_world_action *end = wpm_world_take(r->w, WPM_ACTION_DISCONNECT, peer);
  wpm_reason refused = end && end->reason != WPM_REASON_SURPLUS ? end->reason : WPM_REASON_NONE;
  for (size_t i = 0; i < r->w->count; i++) {
    r->w->log[i].taken = false;
  }
  return refused;
}

static void accepted(wpm_witness *r, wpm_witness_link *l, const wpm_witness_dial *from) {
  wpm_witness_peer *t = &r->peers[l->peer];
  if (wpm_witness_open_links(r, l->peer) == 2) {
    t->two_since = wpm_witness_now(r);
  }
  if (r->in_vain == 8) {
    wpm_witness_void_retry_delays(r);
    r->voided = true;
    r->epoch_at = wpm_witness_now(r);
  }
  r->in_vain = 0;
  l->direction = from ? WPM_OUTBOUND : WPM_INBOUND;
  l->deaf = wpm_witness_one_in(r, 5);
  learn(r, l->peer);
  t->held = true;
  t->returns = false;
  t->chosen = t->chosen && from;
}

/* `port`: of an outbound one. */
static bool come_up(wpm_witness *r, int peer, const wpm_witness_dial *from,
                    const wpm_witness_ip *ip, uint16_t port) {
  wpm_witness_link *l = free_link(r);
  if (!l) {
    return false;
  }
  coming was = look(r, peer, from, ip);
  *l = (wpm_witness_link){.id = r->w->next_connection,
                          .peer = peer,
                          .direction = WPM_DIRECTION_NONE,
                          .ip = *ip,
                          .dial = from ? from->number : 0,
                          .by_person = from && from->by_person,
                          .deaf = true,
                          .began = wpm_witness_now(r),
                          .last_byte = wpm_witness_now(r),
                          .last_ping = INT64_MIN};
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    if (from && r->dials[i].id == from->id) {
      r->dials[i].id = 0;
    }
  }
  wpm_reason refused = tell(r, peer, from, wpm_world_address_of(ip->bytes, port));
  check_coming(r, peer, from, &was, refused);
  if (refused != WPM_REASON_NONE) {
    return false;
  }
  accepted(r, l, from);
  return true;
}

bool wpm_witness_come_in(wpm_witness *r, int peer, const wpm_witness_ip *ip) {
  return (!r->asks || wpm_witness_admits(r, ip)) && come_up(r, peer, NULL, ip, 50000);
}

bool wpm_witness_connect(wpm_witness *r, int peer, const wpm_witness_dial *from) {
  if (!from) {
    wpm_witness_ip ip = wpm_witness_origin(r, peer);
    return wpm_witness_come_in(r, peer, &ip);
  }
  if (from->address_count == 0) { /* One of long ago. */
    wpm_witness_ip ip = wpm_witness_ip_of(wpm_world_address(peer, 1));
    return come_up(r, peer, from, &ip, 60000);
  }
  size_t which = wpm_witness_below(r, from->address_count);
  return come_up(r, peer, from, &from->ips[which], from->ports[which]);
}

void wpm_witness_end_dial(wpm_witness *r, wpm_witness_dial *d) {
  int peer = d->peer;
  wpm_witness_peer *t = &r->peers[peer];
  if (!free_link(r)) {
    return;
  }
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
  wpm_bytes address = port > 0 ? wpm_world_address(peer, port) : (wpm_bytes){NULL, 0};
  if (r->has_bans && wpm_witness_one_in(r, 3)) {
    address = wpm_witness_elsewhere(peer);
  }
  relay = r->chooses ? wpm_witness_relays(peer) : relay;
  bool serves = r->chooses && wpm_witness_serves(peer);
  assert_int_equal(wpm_world_identified_at(r->w, peer, id, relay, serves, address), WPM_OK);
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
