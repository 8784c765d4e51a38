/* The manager under random facts at random times, held against what the host knows to be true:
 * which connections and dials there are, when each ended, what the other side has a right to. In a part of the
 * runs ranges of addresses are banned, the machine runs short, peers are judged, or many come from few addresses.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "core/manager.h"
#include "support/core/witness.h"
#include "support/sanitized.h"
#include "support/seed.h"
#include "support/test.h"

#include <string.h>

#ifdef WPM_MUTATION /* It is run for rule after rule there. */
enum { RUNS = 1000 };
#else
enum { RUNS = WPM_SANITIZED ? 500 : 10000 };
#endif

enum { STEPS = 70, STEPS_LONG = 400 }; /* One run in ten is long. */

#define S WPM_SECOND

/* ---- time ------------------------------------------------------------------------------------ */

/* No time was told: it is one of those from whom the policy chooses, and nothing holds it any more. */
static bool may_be_chosen(const wpm_witness *r, const wpm_plan *plan) {
  bool is_free = plan->held_by == WPM_HELD_BY_TARGET || plan->held_by == WPM_HELD_BY_NOT_WANTED ||
                 plan->until.ns <= r->w->now.mono.ns;
  return r->chooses && plan->next_dial.ns == WPM_NEVER.ns && is_free;
}

/* Its score may have faded meanwhile. */
static bool may_be_forgiven(const wpm_witness *r, const wpm_plan *plan) {
  return r->w->config.score_half_life_ns > 0 && plan->held_by == WPM_HELD_BY_DISCOURAGED;
}

/* Who is held by what a person or the host said of it is so. */
static void check_held(const wpm_witness *r, int peer, const wpm_plan *plan) {
  assert_true(plan->held_by != WPM_HELD_BY_DISCOURAGED || wpm_witness_is_discouraged(r, peer));
  assert_true(plan->held_by != WPM_HELD_BY_PERSON || r->peers[peer].held_off);
}

/* To the next deadline or `end`, whichever is first; one call of advance. */
static void advance_once(wpm_witness *r, int64_t end) {
  bool gossip[WPM_WITNESS_PEERS];
  wpm_plan plans[WPM_WITNESS_PEERS];
  size_t before = wpm_witness_places(r);
  wpm_witness_note_gossip(r, gossip);
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    plans[peer] = (wpm_plan){WPM_NEVER, WPM_HELD_BY_NOTHING, WPM_NEVER};
    if (r->peers[peer].known) {
      plans[peer] = wpm_world_plan(r->w, peer);
      check_held(r, peer, &plans[peer]);
    }
  }
  int64_t next = wpm_manager_next_deadline(r->w->manager).ns - r->w->now.mono.ns;
  int64_t left = end - wpm_witness_now(r);
  wpm_world_pass(r->w, wpm_witness_later(next < left ? next : left, 0));
  wpm_witness_wake(r);
  wpm_witness_grow_stable(r);
  wpm_world_run(r->w, 0);
  wpm_witness_take_actions(r, gossip);
  /* What was planned is what happened. */
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    if (plans[peer].next_dial.ns <= r->w->now.mono.ns) {
      if (!wpm_witness_dial_to(r, peer)) {
        assert_string_equal(wpm_held_by_name(wpm_world_plan(r->w, peer).held_by), "no_place");
      }
    } else {
      assert_true(!wpm_witness_dial_to(r, peer) || plans[peer].held_by == WPM_HELD_BY_DIALLING ||
                  plans[peer].held_by == WPM_HELD_BY_NO_PLACE || r->voided ||
                  may_be_forgiven(r, &plans[peer]) ||
                  plans[peer].held_by == WPM_HELD_BY_CONNECTED || may_be_chosen(r, &plans[peer]));
    }
  }
  r->late = false;
  r->voided = false;
  wpm_witness_check(r, before);
}

/* Pings are answered where the peer is not deaf. */
static void answer_pings(wpm_witness *r) {
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    wpm_witness_link *l = &r->links[i];
    if (l->id && !l->closing && !l->deaf && l->last_ping > l->last_byte) {
      bool gossip[WPM_WITNESS_PEERS];
      size_t before = wpm_witness_places(r);
      wpm_witness_note_gossip(r, gossip);
      l->last_byte = wpm_witness_now(r);
      assert_int_equal(wpm_world_pong(r->w, l->peer, l->id, 1000), WPM_OK);
      wpm_witness_take_actions(r, gossip);
      wpm_witness_check(r, before);
    }
  }
}

static void let_time_pass(wpm_witness *r) {
  static const int64_t spans[] = {WPM_MILLISECOND, S,           20 * S, WPM_MINUTE,
                                  10 * WPM_MINUTE, 7 * WPM_HOUR};
  int64_t end = wpm_witness_now(r) +
                (int64_t)wpm_witness_below(r, (uint64_t)spans[wpm_witness_below(r, 6)]) + 1;
  if (wpm_witness_one_in(r, 10)) { /* Asleep. */
    wpm_world_pass(r->w, end - wpm_witness_now(r));
    r->late = true;
    r->awake = wpm_witness_now(r);
    return;
  }
  for (int i = 0; i < 100 && wpm_witness_now(r) < end; i++) {
    advance_once(r, end);
    if (!wpm_witness_one_in(r, 4)) {
      answer_pings(r);
    }
  }
}

/* ---- what befalls it ------------------------------------------------------------------------- */

/* The host closes what was refused. */
static void end_refused(wpm_witness *r) {
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    wpm_witness_link *l = &r->links[i];
    if (l->id && l->closing && l->direction == WPM_DIRECTION_NONE) {
      wpm_connection_id id = l->id;
      l->id = 0;
      assert_int_equal(wpm_world_disconnected(r->w, l->peer, id, WPM_REASON_LOCAL_CLOSE), WPM_OK);
    }
  }
}

/* Many attempts in a row: of whoever is there from one address, of one peer from wherever, or of anybody. Where
 * the host asks most come to nothing. */
static void flood(wpm_witness *r, int peer) {
  enum { OF_ADDRESS, OF_PEER, OF_ANY } which = (int)wpm_witness_below(r, 3);
  wpm_witness_ip ip = wpm_witness_origin(r, peer);
  for (uint64_t left = 10 + wpm_witness_below(r, 100); left > 0; left--) {
    bool gossip[WPM_WITNESS_PEERS];
    if (wpm_witness_one_in(r, 30)) {
      advance_once(r, wpm_witness_now(r) + (int64_t)wpm_witness_below(r, 2 * S) + 1);
    }
    peer = which == OF_PEER ? peer : (int)wpm_witness_below(r, WPM_WITNESS_PEERS);
    ip = which == OF_ADDRESS ? ip : wpm_witness_origin(r, peer);
    if (r->asks && !wpm_witness_one_in(r, which == OF_PEER ? 2 : 10)) {
      (void)wpm_witness_admits(r, &ip);
      continue;
    }
    wpm_witness_note_gossip(r, gossip);
    wpm_witness_wake(r);
    (void)wpm_witness_come_in(r, peer, &ip);
    wpm_witness_take_actions(r, gossip);
    end_refused(r);
    wpm_witness_take_actions(r, gossip);
  }
}

/* One of the things that happen in this run; nothing where none does. A person goes past bans. */
static void befall(wpm_witness *r, int peer) {
  const bool happens[] = {r->has_bans, r->has_shortages, r->has_scores, r->has_crowds};
  uint64_t which = wpm_witness_below(r, 4);
  for (int tried = 0; tried < 4 && !happens[which]; tried++) {
    which = (which + 1) % 4;
  }
  if (!happens[which]) {
    return;
  }
  switch (which) {
  case 0:
    if (wpm_witness_one_in(r, 3)) {
      wpm_witness_ask(r, peer);
    } else {
      wpm_witness_ban_range(r);
    }
    break;
  case 1:
    wpm_witness_run_short(r);
    break;
  case 2:
    if (wpm_witness_one_in(r, 2)) {
      wpm_witness_score(r, peer);
    } else {
      (void)wpm_witness_connect(r, peer, NULL);
    }
    break;
  default:
    if (wpm_witness_one_in(r, 3)) {
      flood(r, peer);
    } else {
      (void)wpm_witness_connect(r, peer, NULL);
    }
    break;
  }
}

/* ---- restart --------------------------------------------------------------------------------- */

/* The machine was off, and somebody may have set its clock ahead meanwhile. `served`: when the manager was
 * last called. */
static void reboot(wpm_witness *r, int64_t down, int64_t served) {
  int64_t now = wpm_witness_now(r);
  r->w->now.boot_id++;
  r->w->now.mono.ns =
      (int64_t)wpm_witness_below(r, (uint64_t)(down < WPM_MINUTE ? down : WPM_MINUTE) + 1);
  r->offset = now - r->w->now.mono.ns;
  if (wpm_witness_one_in(r, 4)) {
    r->w->now.wall.ns += (int64_t)wpm_witness_below(r, WPM_DAY);
    r->wall_jumped = true;
  }
  for (int peer = 0; peer < WPM_WITNESS_PEERS && r->wall_jumped; peer++) {
    /* The wall clock decides of all but what the other side has a right to. */
    r->peers[peer].mismatch_until = r->peers[peer].retry_until = r->peers[peer].banned_until = 0;
  }
  if (r->wall_jumped) {
    wpm_witness_doubt_ranges(r, served);
  }
  r->wall_jumped = false;
}

static void restart(wpm_witness *r) {
  bool clean = wpm_witness_one_in(r, 2);
  bool gossip[WPM_WITNESS_PEERS];
  wpm_witness_note_gossip(r, gossip);
  wpm_instant heartbeat = r->w->now;
  int64_t back = (int64_t)wpm_witness_below(r, S);
  heartbeat.mono.ns -= back;
  heartbeat.wall.ns -= back;
  int64_t died = wpm_witness_now(r);
  int64_t served = r->w->called.ns == INT64_MIN ? 0 : r->w->called.ns + r->offset;
  wpm_witness_wake(r);
  wpm_world_end(r->w, clean);
  wpm_world_forget_log(r->w);
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    wpm_witness_link *l = &r->links[i];
    bool open = l->id && !l->closing;
    int peer = l->peer;
    l->id = 0;
    if (open && wpm_witness_open_links(r, peer) == 0) {
      wpm_witness_peer *t = &r->peers[peer];
      t->state = clean ? WPM_CAN_CONNECT : WPM_CANNOT_CONNECT;
      if (gossip[peer]) {
        wpm_witness_owe_backoff(r, peer, died, 0);
      }
    }
    r->peers[peer].two_since = -1;
  }
  memset(r->dials, 0, sizeof(r->dials));
  int64_t down = (int64_t)wpm_witness_below(r, wpm_witness_one_in(r, 2) ? 10 * S : WPM_HOUR);
  wpm_world_pass(r->w, down);
  if (wpm_witness_one_in(r, 2)) {
    reboot(r, down, served);
  }
  r->gap_from = -1;
  r->epoch_at = wpm_witness_now(r);
  r->in_vain = 0;
  r->restarted = true;
  r->life_at = wpm_witness_now(r);
  r->short_at = -1;
  r->attempt_count = 0;
  wpm_world_restart(r->w, wpm_witness_one_in(r, 5) ? NULL : &heartbeat);
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    r->peers[peer].short_lived = 0;
    r->peers[peer].returns = r->peers[peer].held;
    r->peers[peer].over = 0; /* Numbers begin anew. */
    /* Failures are those of the record: a clean stop may have found the connection stable. */
    if (r->peers[peer].known) {
      r->peers[peer].failures = wpm_world_record(r->w, peer).failures;
    }
  }
  wpm_world_run(r->w, 0);
  wpm_witness_note_gossip(r, gossip);
  wpm_witness_take_actions(r, gossip);
  r->late = false;
  wpm_witness_check(r, 0);
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* After a removal nothing is owed on our account; what the peer has a right to, and a ban, go on. */
static void forget_removed(wpm_witness *r) {
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    wpm_witness_peer *t = &r->peers[peer];
    if (!t->known) {
      *t = (wpm_witness_peer){.two_since = -1,
                              .prune_until = t->prune_until,
                              .banned_until = t->banned_until,
                              .over = t->over};
    }
  }
}

static void step(wpm_witness *r) {
  bool gossip[WPM_WITNESS_PEERS];
  size_t before = wpm_witness_places(r);
  int peer = (int)wpm_witness_below(r, WPM_WITNESS_PEERS);
  wpm_witness_link *l = wpm_witness_random_link(r);
  wpm_witness_dial *d = wpm_witness_dial_to(r, peer);
  wpm_witness_note_gossip(r, gossip);
  wpm_witness_wake(r);
  r->person = -1;
  r->new_range = NULL;
  r->is_shortage = false;
  switch (wpm_witness_below(r, 18)) {
  case 0:
    wpm_witness_find(r, peer);
    break;
  case 1:
  case 2:
    (void)wpm_witness_connect(r, peer, NULL);
    break;
  case 3:
  case 4:
  case 5:
    if (d) {
      wpm_witness_end_dial(r, d);
    }
    break;
  case 6:
    if (l) {
      wpm_witness_end_link(r, l, gossip);
    }
    break;
  case 7:
    if (wpm_witness_one_in(r, 3)) {
      wpm_witness_ask(r, peer);
    } else if (wpm_witness_one_in(r, 2)) {
      wpm_witness_ban(r, peer);
    }
    break;
  case 8:
    wpm_witness_come_late(r, peer);
    break;
  case 9:
    if (wpm_witness_one_in(r, 10)) {
      r->w->now.wall.ns += (int64_t)wpm_witness_below(r, 2 * WPM_DAY) - WPM_DAY;
      r->wall_jumped = true;
    }
    break;
  case 10:
    if (wpm_witness_one_in(r, 10)) {
      restart(r);
      before = wpm_witness_places(r);
    }
    break;
  case 11:
  case 12:
    let_time_pass(r);
    before = wpm_witness_places(r);
    wpm_witness_note_gossip(r, gossip);
    break;
  case 13:
  case 14:
    befall(r, peer);
    break;
  default:
    if (l) {
      int other = l->peer;
      wpm_witness_talk(r, l);
      /* Who says what it speaks, and goes for it, went as one of whom that is known. */
      gossip[other] = r->peers[other].known && wpm_witness_gossips(r, other);
    }
    break;
  }
  wpm_witness_take_actions(r, gossip);
  forget_removed(r);
  wpm_witness_check(r, before);
}

/* In half of the runs: relay peers to be chosen, shards, a service, few inbound relay peers. */
static void choose(wpm_witness *r) {
  static const uint16_t shards[] = {0, 1};
  static const wpm_service service = {
      .protocol = {WPM_WORLD_SERVICE, sizeof(WPM_WORLD_SERVICE) - 1},
      .capability = WPM_NO_CAPABILITY,
      .slots = 2};
  wpm_manager_config *c = &r->w->config;
  r->chooses = wpm_witness_one_in(r, 2);
  wpm_world_scatter(r->chooses ? 1 + (unsigned)wpm_witness_below(r, WPM_WITNESS_PEERS) : 0);
  if (!r->chooses) {
    return;
  }
  c->relay_outbound = 1 + wpm_witness_below(r, 4);
  c->relay_inbound = wpm_witness_below(r, 3);
  c->rotate_ns = (int64_t)wpm_witness_below(r, 3) * WPM_MINUTE;
  c->feeler_ns = (int64_t)wpm_witness_below(r, 3) * WPM_MINUTE;
  c->relay_per_shard = 1 + wpm_witness_below(r, 2);
  c->shards = shards;
  c->shard_count = wpm_witness_one_in(r, 2) ? 2 : 0;
  c->services = &service;
  c->service_count = wpm_witness_one_in(r, 2);
}

/* In a third of the runs each. */
static void draw_troubles(wpm_witness *r) {
  wpm_manager_config *c = &r->w->config;
  r->has_bans = wpm_witness_one_in(r, 3);
  r->has_shortages = wpm_witness_one_in(r, 3);
  r->has_scores = wpm_witness_one_in(r, 3);
  r->has_crowds = wpm_witness_one_in(r, 3);
  if (r->has_scores) {
    bool fades = wpm_witness_one_in(r, 2);
    c->discouraged_at = -1 - (int32_t)wpm_witness_below(r, 150);
    c->score_half_life_ns = fades ? (int64_t)(1 + wpm_witness_below(r, 30)) * S : 0;
    c->max_connections =
        wpm_witness_one_in(r, 2) ? 1 + wpm_witness_below(r, 6) : c->max_connections;
  }
  if (r->has_shortages) { /* Some places are always left. */
    c->max_connections = 8 + wpm_witness_below(r, WPM_WITNESS_PEERS - 4);
  }
  if (r->has_crowds) {
    r->hosts = 1 + (unsigned)wpm_witness_below(r, 12);
    r->networks = wpm_witness_one_in(r, 2) ? 1 : 1 + (unsigned)wpm_witness_below(r, r->hosts);
    r->asks = wpm_witness_one_in(r, 2);
    c->inbound_per_ip = wpm_witness_below(r, 6);
    c->inbound_per_network = wpm_witness_below(r, 12);
    c->inbound_paced = !wpm_witness_one_in(r, 4);
    wpm_witness_ip ip = wpm_witness_origin(r, 0);
    memcpy(r->allow.ip, ip.bytes, sizeof(r->allow.ip));
    r->allow.bits = (uint8_t)(128 - 8 * wpm_witness_below(r, 3));
    c->inbound_allow = wpm_witness_one_in(r, 2) ? &r->allow : c->inbound_allow;
    c->inbound_allow_count = c->inbound_allow == &r->allow ? 1 : c->inbound_allow_count;
  }
}

static void one_run(uint64_t seed, int steps, size_t *dials) {
  wpm_witness *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  r->random = seed;
  r->person = -1;
  r->gap_from = -1;
  r->w = wpm_world_new(WPM_WITNESS_LOCAL);
  r->w->config.seed = seed;
  r->w->config.max_connections = 1 + wpm_witness_below(r, WPM_WITNESS_PEERS + 4);
  r->w->config.discouraged_at = 0; /* Reasons are drawn at random here. */
  r->w->config.score_half_life_ns = 0;
  r->w->config.max_dials = 1 + wpm_witness_below(r, WPM_WITNESS_PEERS);
  r->w->config.keep_alive = !wpm_witness_one_in(r, 5);
  r->w->config.ping_interval_ns = (int64_t)(1 + wpm_witness_below(r, 300)) * S;
  r->w->config.ping_timeout_ns = (int64_t)(1 + wpm_witness_below(r, 20)) * S;
  r->w->config.prune_backoff_ns = (int64_t)wpm_witness_below(r, 100) * S;
  r->w->config.backoff_slack_ns = (int64_t)wpm_witness_below(r, 3) * S;
  r->w->config.reconnect_max_ns = (int64_t)(1 + wpm_witness_below(r, 300)) * S;
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    r->peers[peer].two_since = -1;
  }
  r->short_at = -1;
  choose(r);
  draw_troubles(r);
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
