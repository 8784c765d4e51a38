/* The manager under random facts at random times, held against what the host knows to be true:
 * which connections and dials there are, when each ended, what the other side has a right to.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "core/manager.h"
#include "support/core/world.h"
#include "support/records.h"
#include "support/sanitized.h"
#include "support/seed.h"
#include "support/test.h"

#include "base/record.h"

#include <string.h>

#ifdef WPM_MUTATION /* It is run for rule after rule there. */
enum { RUNS = 500 };
#else
enum { RUNS = WPM_SANITIZED ? 500 : 10000 };
#endif

/* One run in ten is long. */
enum { STEPS = 70, STEPS_LONG = 400, PEERS = 16, LOCAL = 8, CONNECTIONS = 64, DIALS = 64 };

#define S WPM_SECOND

typedef struct link {
  wpm_connection_id id; /* 0: free. */
  int peer;
  wpm_direction direction;
  bool closing;  /* We were asked to close it. */
  bool deaf;     /* It answers no pings. */
  int64_t began; /* All times are true time. */
  int64_t last_byte;
  int64_t last_ping;
} link;

typedef struct dial {
  wpm_dial_id id; /* 0: free. */
  int peer;
  bool cut; /* A sleep cut it short. */
} dial;

/* What is true of a peer. */
typedef struct truth {
  bool held;
  bool held_off;
  bool known; /* In the store. */
  wpm_connectivity state;
  int64_t prune_until; /* The other side's right. */
  int64_t mismatch_until;
  int64_t retry_until;  /* The least that the retry delay allows. */
  int64_t banned_until; /* A person's word, which outlives the record. */
  wpm_dial_id over;     /* The latest dial that ended, in this life; 0: none did. */
  uint32_t failures;
  uint32_t short_lived; /* Connections they ended before they were stable, in this life. */
  int64_t two_since;    /* When a second connection came up; -1: there are not two. */
  bool dialled_by_person;
} truth;

typedef struct run {
  wpm_world *w;
  uint64_t random;
  int64_t offset;   /* True time is the monotonic time plus this. */
  bool wall_jumped; /* The wall clock was set forward in this life of the machine. */
  bool late;        /* Somebody slept: deadlines were missed. */
  int64_t awake;    /* When it last woke. */
  bool voided;      /* Retry delays were, since the last advance. */
  bool woke;        /* A sleep is noticed in this very step. */
  int in_vain;      /* Dials in a row that failed while no connection was live; 8 at most. */
  int64_t gap_from; /* When the last sleep began that the manager noticed; -1: there was none. */
  link links[CONNECTIONS];
  dial dials[DIALS];
  truth peers[PEERS];
  int person; /* The peer a person is connecting in this very call; -1: none. */
  size_t dials_seen;
} run;

static uint64_t below(run *r, uint64_t bound) {
  return wpm_test_random_below(&r->random, bound);
}

static bool one_in(run *r, uint64_t n) {
  return below(r, n) == 0;
}

static int64_t true_now(const run *r) {
  return r->w->now.mono.ns + r->offset;
}

static int64_t max64(int64_t a, int64_t b) {
  return a > b ? a : b;
}

/* ---- what the host sees ---------------------------------------------------------------------- */

static size_t open_links(const run *r, int peer) {
  size_t count = 0;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    count += r->links[i].id && !r->links[i].closing && (peer < 0 || r->links[i].peer == peer);
  }
  return count;
}

static dial *dial_to(run *r, int peer) {
  for (size_t i = 0; i < DIALS; i++) {
    if (r->dials[i].id && r->dials[i].peer == peer) {
      return &r->dials[i];
    }
  }
  return NULL;
}

static size_t places(run *r) {
  size_t count = 0;
  for (int peer = 0; peer < PEERS; peer++) {
    count += open_links(r, peer) > 0 || dial_to(r, peer);
  }
  return count;
}

static link *link_of(run *r, wpm_connection_id id) {
  for (size_t i = 0; i < CONNECTIONS; i++) {
    if (r->links[i].id == id) {
      return &r->links[i];
    }
  }
  return NULL;
}

static link *random_link(run *r) {
  size_t start = below(r, CONNECTIONS);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    link *l = &r->links[(start + i) % CONNECTIONS];
    if (l->id) {
      return l;
    }
  }
  return NULL;
}

/* The least retry delay after so many failures and short-lived connections. */
static int64_t least_retry(const run *r, uint32_t failures) {
  int64_t most = r->w->config.reconnect_max_ns;
  int64_t first = r->w->config.reconnect_min_ns < most ? r->w->config.reconnect_min_ns : most;
  int64_t delay = first;
  for (uint32_t i = 1; i < failures && delay < most; i++) {
    delay *= 2;
  }
  return max64(first, delay < most * 3 / 4 ? delay : most * 3 / 4);
}

static bool gossips(const run *r, int peer) {
  wpm_peer_record record = wpm_world_record(r->w, peer);
  bool relay = false;
  for (size_t i = 0; i < record.protocol_count; i++) {
    relay = relay || wpm_protocol_is_relay(record.protocols[i]);
  }
  return relay || !record.protocols_known;
}

static void owe_backoff(run *r, int peer, int64_t from, int64_t named) {
  const wpm_manager_config *c = &r->w->config;
  int64_t length = named > 0 ? named : c->prune_backoff_ns;
  length = (length < WPM_DAY ? length : WPM_DAY) + c->backoff_slack_ns;
  length = length < WPM_DAY ? length : WPM_DAY;
  r->peers[peer].prune_until = max64(r->peers[peer].prune_until, from + length);
}

/* The last connection of a peer went, for this reason. */
static void truly_disconnected(run *r, const link *l, wpm_reason reason, bool gossip) {
  truth *t = &r->peers[l->peer];
  bool theirs = reason >= WPM_REASON_GO_AWAY && reason <= WPM_REASON_IMPORTED;
  bool in_gap = theirs && l->last_byte <= r->gap_from;
  int64_t now = in_gap ? r->gap_from : true_now(r); /* It went as the sleep began. */
  if (gossip) {
    owe_backoff(r, l->peer, now, 0);
  }
  bool stable = now - l->began >= r->w->config.stable_after_ns;
  if (stable) {
    t->failures = t->short_lived = 0;
    t->retry_until = 0;
  }
  if (!stable && l->direction == WPM_OUTBOUND && theirs && !in_gap) {
    t->short_lived++;
    t->retry_until = now + least_retry(r, t->failures + t->short_lived);
  }
  t->state = wpm_reason_leaves(reason);
  if (t->state == WPM_NOT_CONNECTED) {
    t->state = WPM_CANNOT_CONNECT; /* A local failure of a connection that was. */
  }
}

/* One of its connections went; `l` is no longer open. */
static void truly_ended(run *r, const link *l, wpm_reason reason, bool gossip) {
  if (open_links(r, l->peer) == 0) {
    truly_disconnected(r, l, reason, gossip);
    r->peers[l->peer].dialled_by_person = false;
  }
  r->peers[l->peer].two_since = -1;
}

/* A new epoch: failures of before do not count. */
static void void_retry_delays(run *r) {
  for (int peer = 0; peer < PEERS; peer++) {
    r->peers[peer].retry_until = 0;
  }
}

/* A call is to follow: the manager will notice whether there was a sleep before it. */
static void wake(run *r) {
  wpm_world *w = r->w;
  r->woke = false;
  int64_t deadline = wpm_manager_next_deadline(w->manager).ns;
  if (w->called.ns == INT64_MIN || deadline == WPM_NEVER.ns ||
      w->now.mono.ns - max64(deadline, w->called.ns) <= w->config.sleep_gap_ns) {
    return;
  }
  r->gap_from = max64(deadline, w->called.ns) + r->offset;
  r->woke = true;
  r->voided = true;
  r->in_vain = 0;
  void_retry_delays(r);
  for (size_t i = 0; i < DIALS; i++) {
    r->dials[i].cut = true;
  }
}

/* ---- actions --------------------------------------------------------------------------------- */

static void on_dial(run *r, const wpm_world_action *a) {
  truth *t = &r->peers[a->peer];
  assert_int_not_equal(a->peer, LOCAL);
  assert_true(a->address_count > 0);
  assert_null(dial_to(r, a->peer));
  assert_int_equal(open_links(r, a->peer), 0);
  bool person = r->person == a->peer;
  if (!person) {
    assert_true(t->held || wpm_world_record(r->w, a->peer).is_static);
    assert_false(t->held_off);
    assert_true(true_now(r) >= t->prune_until);
    assert_true(true_now(r) >= t->mismatch_until);
    assert_true(true_now(r) >= t->retry_until);
    assert_true(true_now(r) >= t->banned_until);
  }
  t->dialled_by_person = person;
  for (size_t i = 0; i < DIALS; i++) {
    if (!r->dials[i].id) {
      r->dials[i] = (dial){a->dial, a->peer, false};
      r->dials_seen++;
      return;
    }
  }
  fail_msg("more dials than there are peers");
}

static void on_cancel(run *r, const wpm_world_action *a) {
  dial *d = dial_to(r, a->peer);
  assert_non_null(d);
  assert_int_equal(d->id, a->dial);
  r->peers[a->peer].over = d->id;
  d->id = 0;
}

static void on_notify(run *r, const wpm_world_action *a) {
  assert_int_not_equal(a->from, a->to);
  assert_int_not_equal(a->to, WPM_NOT_CONNECTED); /* Nothing makes an attempt undone. */
  assert_int_equal(a->to == WPM_CONNECTED, a->reason == WPM_REASON_NONE);
  (void)r;
}

static void on_disconnect(run *r, const wpm_world_action *a, bool gossip) {
  link *l = link_of(r, a->connection);
  assert_non_null(l);
  assert_int_equal(l->peer, a->peer);
  assert_false(l->closing);
  l->closing = true;
  bool refused = l->began == true_now(r) && l->deaf && l->direction == WPM_DIRECTION_NONE;
  if (refused) {
    return;
  }
  truly_ended(r, l, a->reason, gossip);
}

/* The action that let go of the newest connection below `id`; NULL: there is none. */
static const wpm_world_action *let_go_before(const run *r, wpm_connection_id id) {
  const wpm_world_action *found = NULL;
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *a = &r->w->log[i];
    if (a->type == WPM_ACTION_DISCONNECT && a->reason == WPM_REASON_CROWDED && a->connection < id &&
        (!found || a->connection > found->connection)) {
      found = a;
    }
  }
  return found;
}

/* Of two connections with a peer that makes way the newer goes first. */
static void take_disconnects(run *r, const bool *gossip) {
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *a = &r->w->log[i];
    if (a->type == WPM_ACTION_DISCONNECT && a->reason != WPM_REASON_CROWDED) {
      on_disconnect(r, a, gossip[a->peer]);
    }
  }
  const wpm_world_action *a = let_go_before(r, UINT64_MAX);
  for (; a; a = let_go_before(r, a->connection)) {
    on_disconnect(r, a, gossip[a->peer]);
  }
}

static void take_actions(run *r, const bool *gossip) {
  wpm_world *w = r->w;
  take_disconnects(r, gossip);
  for (size_t i = 0; i < w->count; i++) {
    const wpm_world_action *a = &w->log[i];
    link *l = link_of(r, a->connection);
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
        l->last_ping = true_now(r);
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

/* Who gossips, before a call changes it. */
static void note_gossip(const run *r, bool *gossip) {
  for (int peer = 0; peer < PEERS; peer++) {
    gossip[peer] = r->peers[peer].known && gossips(r, peer);
  }
}

/* ---- invariants ------------------------------------------------------------------------------ */

static void check_peer(run *r, int peer) {
  truth *t = &r->peers[peer];
  wpm_peer_record record;
  bool known = wpm_store_get(wpm_manager_store(r->w->manager), wpm_world_id(peer), &record) == 0;
  assert_int_equal(known, t->known);
  if (!known) {
    assert_null(r->w->disk[peer]);
    return;
  }
  size_t open = open_links(r, peer);
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
  record.rtt_ns = r->w->disk[peer]->rtt_ns;
  assert_true(wpm_record_equal(&record, r->w->disk[peer]));
  if (open == 2 && !r->late) {
    assert_true(t->two_since >= 0);
    assert_true(true_now(r) - t->two_since <= max64(r->w->config.ping_timeout_ns, S));
  }
}

static void check_links(run *r) {
  const wpm_manager_config *c = &r->w->config;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    const link *l = &r->links[i];
    if (!l->id || l->closing || r->late || !c->keep_alive) {
      continue;
    }
    int64_t quiet = true_now(r) - max64(max64(l->last_byte, l->last_ping), l->began);
    assert_true(quiet <= max64(c->ping_interval_ns, c->ping_timeout_ns));
    if (l->last_ping > l->last_byte) { /* Two misses end it. */
      int64_t silence = true_now(r) - max64(l->last_byte, r->awake);
      assert_true(silence <= c->ping_interval_ns + 2 * c->ping_timeout_ns);
    }
  }
}

static void check(run *r, size_t places_before) {
  const wpm_manager_config *c = &r->w->config;
  size_t now = places(r);
  assert_true(now <= c->max_connections || now <= places_before + (r->person >= 0));
  assert_true(wpm_manager_dial_count(r->w->manager) <= c->max_dials + PEERS);
  assert_int_equal(wpm_manager_connection_count(r->w->manager), open_links(r, -1));
  size_t in_flight = 0;
  for (size_t i = 0; i < DIALS; i++) {
    in_flight += r->dials[i].id != 0;
  }
  assert_int_equal(wpm_manager_dial_count(r->w->manager), in_flight);
  for (int peer = 0; peer < PEERS; peer++) {
    check_peer(r, peer);
  }
  check_links(r);
  wpm_mono deadline = wpm_manager_next_deadline(r->w->manager);
  wpm_manager_note_deadline(r->w->manager);
  /* What was kept up is never later than what is worked out; bytes, and calls that do nothing, put that off. */
  assert_true(deadline.ns <= wpm_manager_next_deadline(r->w->manager).ns);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void learn(run *r, int peer) {
  r->peers[peer].known = true;
}

static void found(run *r, int peer) {
  uint16_t port = one_in(r, 4) ? 0 : (uint16_t)(60000 + below(r, 3));
  int err = wpm_world_found(r->w, peer, port, one_in(r, 2));
  assert_int_equal(err, peer == LOCAL ? WPM_ERR_INVALID : WPM_OK);
  if (!err) {
    learn(r, peer);
  }
}

static link *free_link(run *r) {
  for (size_t i = 0; i < CONNECTIONS; i++) {
    if (!r->links[i].id) {
      return &r->links[i];
    }
  }
  return NULL;
}

/* A peer was let go just now, since there were too many. */
static bool went_for_it(const run *r) {
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *action = &r->w->log[i];
    if (action->type == WPM_ACTION_DISCONNECT && action->reason == WPM_REASON_CROWDED) {
      return true;
    }
  }
  return false;
}

/* A connection comes up, from the dial where there is one. True where it was accepted. */
static bool connect(run *r, int peer, const dial *from) {
  link *l = free_link(r);
  if (!l) {
    return false;
  }
  truth *t = &r->peers[peer];
  wpm_direction direction = from ? WPM_OUTBOUND : WPM_INBOUND;
  bool room = from || dial_to(r, peer) || open_links(r, peer) > 0 ||
              places(r) < r->w->config.max_connections;
  bool welcome = peer != LOCAL && !t->held_off && open_links(r, peer) < 2 && room;
  *l = (link){.id = r->w->next_connection,
              .peer = peer,
              .direction = WPM_DIRECTION_NONE,
              .deaf = true,
              .began = true_now(r),
              .last_byte = true_now(r),
              .last_ping = INT64_MIN};
  wpm_dial_id id = from ? from->id : 0;
  for (size_t i = 0; i < DIALS; i++) {
    if (from && r->dials[i].id == id) {
      r->dials[i].id = 0;
    }
  }
  wpm_connection_id c;
  int err = wpm_world_connected(r->w, peer, direction, id, &c);
  assert_int_equal(err, peer == LOCAL ? WPM_ERR_INVALID : WPM_OK);
  bool refused = wpm_world_take(r->w, WPM_ACTION_DISCONNECT, peer) != NULL;
  /* Places kept for others may refuse it all the same, and another may make way. */
  bool may_push = !from && peer != LOCAL && !t->held_off && open_links(r, peer) < 2;
  assert_true(welcome || refused || (may_push && went_for_it(r)));
  assert_true(refused || from || true_now(r) >= t->banned_until);
  for (size_t i = 0; i < r->w->count; i++) {
    r->w->log[i].taken = false;
  }
  if (refused) {
    return false;
  }
  if (open_links(r, peer) == 2) {
    t->two_since = true_now(r);
  }
  if (r->in_vain == 8) {
    void_retry_delays(r);
    r->voided = true;
  }
  r->in_vain = 0;
  l->direction = direction;
  l->deaf = one_in(r, 5);
  learn(r, peer);
  t->held = true;
  return true;
}

static void dial_ends(run *r, dial *d) {
  int peer = d->peer;
  truth *t = &r->peers[peer];
  t->over = d->id;
  if (one_in(r, 2)) {
    dial copy = *d;
    (void)connect(r, peer, &copy);
    return;
  }
  static const wpm_reason reasons[] = {WPM_REASON_REFUSED, WPM_REASON_DIAL_TIMEOUT,
                                       WPM_REASON_LOCAL_FAILURE, WPM_REASON_PEER_ID_MISMATCH};
  wpm_reason reason = reasons[below(r, 4)];
  wpm_dial_id id = d->id;
  d->id = 0;
  r->in_vain = open_links(r, -1) > 0 ? 0 : r->in_vain < 8 ? r->in_vain + 1 : 8;
  if (reason != WPM_REASON_LOCAL_FAILURE && !d->cut && open_links(r, peer) == 0) {
    t->state = WPM_CANNOT_CONNECT;
    t->failures++;
    t->retry_until = true_now(r) + least_retry(r, t->failures + t->short_lived);
  }
  assert_int_equal(wpm_world_dial_failed(r->w, peer, id, reason), WPM_OK);
}

static void link_ends(run *r, link *l, const bool *gossip) {
  wpm_reason reason = (wpm_reason)(1 + below(r, WPM_REASON_COUNT - 1));
  link gone = *l;
  l->id = 0;
  if (!gone.closing) {
    truly_ended(r, &gone, reason, gossip[gone.peer]);
  }
  assert_int_equal(wpm_world_disconnected(r->w, gone.peer, gone.id, reason), WPM_OK);
}

static void person(run *r, int peer) {
  static const wpm_event_type types[] = {WPM_EVENT_PERSON_CONNECT, WPM_EVENT_PERSON_CONNECT,
                                         WPM_EVENT_PERSON_DISCONNECT, WPM_EVENT_PERSON_REMOVE};
  wpm_event_type type = types[below(r, 4)];
  truth *t = &r->peers[peer];
  if (type == WPM_EVENT_PERSON_CONNECT) {
    r->person = peer;
    t->held_off = false;
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

static void ban(run *r, int peer) {
  static const int64_t lengths[] = {0, 20 * S, 10 * WPM_MINUTE, 7 * WPM_HOUR};
  wpm_event e = {.type = WPM_EVENT_BAN, .peer = wpm_world_id(peer)};
  e.u.ban.length_ns = lengths[below(r, 4)];
  truth *t = &r->peers[peer];
  bool lifts = e.u.ban.length_ns == 0;
  int err = wpm_world_handle(r->w, &e);
  if (peer == LOCAL) {
    assert_int_equal(err, WPM_ERR_INVALID);
  } else if (lifts && !t->known) {
    assert_int_equal(err, WPM_ERR_NOT_FOUND);
  } else {
    assert_int_equal(err, WPM_OK);
    t->banned_until = lifts ? 0 : true_now(r) + e.u.ban.length_ns;
    learn(r, peer);
  }
}

/* After a removal nothing is owed on our account; what the peer has a right to, and a ban, go on. */
static void removed(run *r) {
  for (int peer = 0; peer < PEERS; peer++) {
    truth *t = &r->peers[peer];
    if (!t->known) {
      *t = (truth){.two_since = -1,
                   .prune_until = t->prune_until,
                   .banned_until = t->banned_until,
                   .over = t->over};
    }
  }
}

static void talk(run *r, link *l) {
  int peer = l->peer;
  wpm_connection_id id = l->id;
  bool open = !l->closing;
  switch (below(r, 5)) {
  case 0:
  case 1:
    if (open) {
      l->last_byte = true_now(r);
    }
    assert_int_equal(one_in(r, 2) ? wpm_world_received(r->w, peer, id)
                                  : wpm_world_pong(r->w, peer, id, (int64_t)below(r, 1000)),
                     WPM_OK);
    return;
  case 2:
    assert_int_equal(wpm_world_identified(r->w, peer, id, one_in(r, 2),
                                          one_in(r, 2) ? 0 : (uint16_t)(61000 + below(r, 3))),
                     WPM_OK);
    return;
  case 3: {
    int64_t cluster = (int64_t)below(r, 12) - 1;
    bool mismatch = cluster > 1;
    if (!one_in(r, 3)) {
      cluster = 1;
      mismatch = false;
    }
    if (open) {
      r->peers[peer].mismatch_until = mismatch ? true_now(r) + r->w->config.mismatch_delay_ns : 0;
    }
    assert_int_equal(wpm_world_metadata(r->w, peer, id, cluster, (int)below(r, 3) - 1), WPM_OK);
    return;
  }
  case 4: {
    static const int64_t named[] = {0, 10 * S, 300 * S, WPM_HOUR, 10 * WPM_DAY};
    int64_t backoff = named[below(r, 5)];
    if (r->peers[peer].known) {
      owe_backoff(r, peer, true_now(r), backoff);
    }
    assert_int_equal(wpm_world_pruned(r->w, peer, backoff), WPM_OK);
    return;
  }
  }
}

/* Facts about connections and dials that are over, or never were. */
static void late_fact(run *r, int peer) {
  wpm_connection_id c = 1 + below(r, r->w->next_connection);
  wpm_dial_id over = r->peers[peer].over ? r->peers[peer].over : 1000000;
  const dial stale = {.id = over, .peer = peer};
  if (link_of(r, c)) {
    return;
  }
  switch (below(r, 5)) {
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
    assert_false(connect(r, peer, &stale));
    return;
  default:
    assert_int_equal(wpm_world_dial_failed(r->w, peer, over, WPM_REASON_REFUSED), WPM_OK);
    break;
  }
  assert_true(r->woke || r->w->count == 0);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Stable connections forget failures. */
static void grow_stable(run *r) {
  for (size_t i = 0; i < CONNECTIONS; i++) {
    const link *l = &r->links[i];
    if (l->id && !l->closing && true_now(r) - l->began >= r->w->config.stable_after_ns) {
      r->peers[l->peer].failures = r->peers[l->peer].short_lived = 0;
      r->peers[l->peer].retry_until = 0;
    }
  }
}

/* To the next deadline or `end`, whichever is first; one call of advance. */
static void advance_once(run *r, int64_t end) {
  bool gossip[PEERS];
  wpm_plan plans[PEERS];
  size_t before = places(r);
  note_gossip(r, gossip);
  for (int peer = 0; peer < PEERS; peer++) {
    plans[peer] = (wpm_plan){WPM_NEVER, WPM_HELD_BY_NOTHING, WPM_NEVER};
    if (r->peers[peer].known) {
      plans[peer] = wpm_world_plan(r->w, peer);
    }
  }
  int64_t next = wpm_manager_next_deadline(r->w->manager).ns - r->w->now.mono.ns;
  int64_t left = end - true_now(r);
  wpm_world_pass(r->w, max64(next < left ? next : left, 0));
  wake(r);
  grow_stable(r);
  wpm_world_run(r->w, 0);
  take_actions(r, gossip);
  /* What was planned is what happened. */
  for (int peer = 0; peer < PEERS; peer++) {
    if (plans[peer].next_dial.ns <= r->w->now.mono.ns) {
      if (!dial_to(r, peer)) {
        assert_string_equal(wpm_held_by_name(wpm_world_plan(r->w, peer).held_by), "no_place");
      }
    } else {
      assert_true(!dial_to(r, peer) || plans[peer].held_by == WPM_HELD_BY_DIALLING ||
                  plans[peer].held_by == WPM_HELD_BY_NO_PLACE || r->voided ||
                  plans[peer].held_by == WPM_HELD_BY_CONNECTED);
    }
  }
  r->late = false;
  r->voided = false;
  check(r, before);
}

/* Pings are answered where the peer is not deaf. */
static void answer_pings(run *r) {
  for (size_t i = 0; i < CONNECTIONS; i++) {
    link *l = &r->links[i];
    if (l->id && !l->closing && !l->deaf && l->last_ping > l->last_byte) {
      bool gossip[PEERS];
      size_t before = places(r);
      note_gossip(r, gossip);
      l->last_byte = true_now(r);
      assert_int_equal(wpm_world_pong(r->w, l->peer, l->id, 1000), WPM_OK);
      take_actions(r, gossip);
      check(r, before);
    }
  }
}

static void let_time_pass(run *r) {
  static const int64_t spans[] = {WPM_MILLISECOND, S,           20 * S, WPM_MINUTE,
                                  10 * WPM_MINUTE, 7 * WPM_HOUR};
  int64_t end = true_now(r) + (int64_t)below(r, (uint64_t)spans[below(r, 6)]) + 1;
  if (one_in(r, 10)) { /* Asleep. */
    wpm_world_pass(r->w, end - true_now(r));
    r->late = true;
    r->awake = true_now(r);
    return;
  }
  for (int i = 0; i < 100 && true_now(r) < end; i++) {
    advance_once(r, end);
    if (!one_in(r, 4)) {
      answer_pings(r);
    }
  }
}

/* ---- restart --------------------------------------------------------------------------------- */

static void restart(run *r) {
  bool clean = one_in(r, 2);
  bool gossip[PEERS];
  note_gossip(r, gossip);
  wpm_instant heartbeat = r->w->now;
  int64_t back = (int64_t)below(r, S);
  heartbeat.mono.ns -= back;
  heartbeat.wall.ns -= back;
  int64_t died = true_now(r);
  wake(r);
  wpm_world_end(r->w, clean);
  wpm_world_forget_log(r->w);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    link *l = &r->links[i];
    bool open = l->id && !l->closing;
    int peer = l->peer;
    l->id = 0;
    if (open && open_links(r, peer) == 0) {
      truth *t = &r->peers[peer];
      t->state = clean ? WPM_CAN_CONNECT : WPM_CANNOT_CONNECT;
      if (gossip[peer]) {
        owe_backoff(r, peer, died, 0);
      }
    }
    r->peers[peer].two_since = -1;
  }
  memset(r->dials, 0, sizeof(r->dials));
  wpm_world_pass(r->w, (int64_t)below(r, one_in(r, 2) ? 10 * S : WPM_HOUR));
  if (one_in(r, 2)) {
    int64_t now = true_now(r);
    r->w->now.boot_id++;
    r->w->now.mono.ns = (int64_t)below(r, WPM_MINUTE);
    r->offset = now - r->w->now.mono.ns;
    for (int peer = 0; peer < PEERS && r->wall_jumped; peer++) {
      /* After a reboot the wall clock decides, for better or worse. */
      r->peers[peer].prune_until = r->peers[peer].mismatch_until = 0;
      r->peers[peer].retry_until = r->peers[peer].banned_until = 0;
    }
    r->wall_jumped = false;
  }
  r->gap_from = -1;
  r->in_vain = 0;
  wpm_world_restart(r->w, one_in(r, 5) ? NULL : &heartbeat);
  for (int peer = 0; peer < PEERS; peer++) {
    r->peers[peer].short_lived = 0;
    r->peers[peer].over = 0; /* Numbers begin anew. */
    /* Failures are those of the record: a clean stop may have found the connection stable. */
    if (r->peers[peer].known) {
      r->peers[peer].failures = wpm_world_record(r->w, peer).failures;
    }
  }
  wpm_world_run(r->w, 0);
  note_gossip(r, gossip);
  take_actions(r, gossip);
  r->late = false;
  check(r, 0);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void step(run *r) {
  bool gossip[PEERS];
  size_t before = places(r);
  int peer = (int)below(r, PEERS);
  link *l = random_link(r);
  dial *d = dial_to(r, peer);
  note_gossip(r, gossip);
  wake(r);
  r->person = -1;
  switch (below(r, 16)) {
  case 0:
    found(r, peer);
    break;
  case 1:
  case 2:
    (void)connect(r, peer, NULL);
    break;
  case 3:
  case 4:
  case 5:
    if (d) {
      dial_ends(r, d);
    }
    break;
  case 6:
    if (l) {
      link_ends(r, l, gossip);
    }
    break;
  case 7:
    if (one_in(r, 3)) {
      person(r, peer);
    } else if (one_in(r, 2)) {
      ban(r, peer);
    }
    break;
  case 8:
    late_fact(r, peer);
    break;
  case 9:
    if (one_in(r, 10)) {
      r->w->now.wall.ns += (int64_t)below(r, 2 * WPM_DAY) - WPM_DAY;
      r->wall_jumped = true;
    }
    break;
  case 10:
    if (one_in(r, 10)) {
      restart(r);
      before = places(r);
    }
    break;
  case 11:
  case 12:
    let_time_pass(r);
    before = places(r);
    note_gossip(r, gossip);
    break;
  default:
    if (l) {
      talk(r, l);
    }
    break;
  }
  take_actions(r, gossip);
  removed(r);
  check(r, before);
}

static void one_run(uint64_t seed, int steps, size_t *dials) {
  run *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  r->random = seed;
  r->person = -1;
  r->gap_from = -1;
  r->w = wpm_world_new(LOCAL);
  r->w->config.seed = seed;
  r->w->config.max_connections = 1 + below(r, PEERS + 4);
  r->w->config.discouraged_at = 0; /* Reasons are drawn at random here. */
  r->w->config.score_half_life_ns = 0;
  r->w->config.max_dials = 1 + below(r, PEERS);
  r->w->config.keep_alive = !one_in(r, 5);
  r->w->config.ping_interval_ns = (int64_t)(1 + below(r, 300)) * S;
  r->w->config.ping_timeout_ns = (int64_t)(1 + below(r, 20)) * S;
  r->w->config.prune_backoff_ns = (int64_t)below(r, 100) * S;
  r->w->config.backoff_slack_ns = (int64_t)below(r, 3) * S;
  r->w->config.reconnect_max_ns = (int64_t)(1 + below(r, 300)) * S;
  for (int peer = 0; peer < PEERS; peer++) {
    r->peers[peer].two_since = -1;
  }
  wpm_world_start(r->w);
  for (int i = 0; i < steps; i++) {
    step(r);
    if (i % 16 == 0) {
      wpm_world_check(r->w);
    }
  }
  *dials += r->dials_seen;
  wpm_world_free(r->w);
  free(r);
}

static void invariants_hold(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  size_t dials = 0;
  for (uint64_t i = 0; i < RUNS; i++) {
    one_run(seed + i, i % 10 == 0 ? STEPS_LONG : STEPS, &dials);
  }
  assert_true(dials > (size_t)RUNS * 2); /* It was not all quiet. */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(invariants_hold)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
