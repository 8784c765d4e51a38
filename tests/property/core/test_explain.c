/* What the manager explains, under random facts: what it names as a peer's next happens at the moment
 * that it names and no earlier; no dial comes that is not named, but for those of the moments at which the
 * preview says that somebody is chosen; the preview agrees with the explanations; and a peer's own history
 * is what the manager's tells of it. In half of the runs relay peers are chosen (relay_outbound).
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "support/core/world.h"
#include "support/seed.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#include "base/rng.h"

#include <string.h>

enum { RUNS = 500, STEPS = 150, PEERS = 8, LOCAL = 4 };
enum { APART = 256 }; /* Between the numbers of two peers in the world: each is of its own group. */

/* How a dial came about. */
typedef enum cause { NAMED, CHOSEN, TRIED, ROTATED, CAUSES } cause;

#define S WPM_SECOND

typedef struct run {
  wpm_world *w;
  wpm_rng rng;
  wpm_dial_id dials[PEERS];                 /* In flight; 0: none. */
  wpm_connection_id connections[PEERS][16]; /* That the host has; 0: free. */
  size_t looked;                            /* Actions of the log that it has seen. */
  size_t followed[WPM_NEXT_ACTION_COUNT];   /* What was named and came. */
  size_t dialled[CAUSES];                   /* Dials that came while nothing happened. */
} run;

static unsigned below(run *r, unsigned n) {
  return (unsigned)wpm_rng_below(&r->rng, n);
}

static int in_world(int peer) {
  return peer * APART;
}

static int of_world(int number) {
  return number / APART;
}

/* ---- the host -------------------------------------------------------------------------------- */

static wpm_connection_id *any_connection(run *r, int peer) {
  for (int i = 0; i < 16; i++) {
    if (r->connections[peer][i]) {
      return &r->connections[peer][i];
    }
  }
  return NULL;
}

static void keep_connection(run *r, int peer, wpm_connection_id id) {
  for (int i = 0; i < 16; i++) {
    if (!r->connections[peer][i]) {
      r->connections[peer][i] = id;
      return;
    }
  }
  fail();
}

static void drop_connection(run *r, int peer, wpm_connection_id id, wpm_reason reason) {
  for (int i = 0; i < 16; i++) {
    if (r->connections[peer][i] == id) {
      r->connections[peer][i] = 0;
      assert_int_equal(wpm_world_disconnected(r->w, in_world(peer), id, reason), WPM_OK);
    }
  }
}

/* Does what the manager asked for; dials are answered by chance. */
static void carry_out(run *r) {
  for (; r->looked < r->w->count; r->looked++) {
    const wpm_world_action *a = &r->w->log[r->looked];
    if (a->type == WPM_ACTION_DIAL) {
      r->dials[of_world(a->peer)] = a->dial;
    } else if (a->type == WPM_ACTION_CANCEL_DIAL && r->dials[of_world(a->peer)] == a->dial) {
      r->dials[of_world(a->peer)] = 0;
    } else if (a->type == WPM_ACTION_DISCONNECT) {
      drop_connection(r, of_world(a->peer), a->connection, a->reason);
    }
  }
  if (r->w->count > WPM_WORLD_ACTIONS / 2) {
    wpm_world_forget_log(r->w);
    r->looked = 0;
  }
}

static void connect(run *r, int peer, wpm_direction direction) {
  wpm_connection_id id;
  wpm_dial_id dial = direction == WPM_OUTBOUND ? r->dials[peer] : 0;
  assert_int_equal(wpm_world_connected(r->w, in_world(peer), direction, dial, &id), WPM_OK);
  keep_connection(r, peer, id);
  if (dial) {
    r->dials[peer] = 0;
  }
}

static void on_connection(run *r, int peer, wpm_connection_id id) {
  static const wpm_reason ends[] = {WPM_REASON_EOF, WPM_REASON_RESET, WPM_REASON_GO_AWAY,
                                    WPM_REASON_TRUNCATED, WPM_REASON_LOCAL_FAILURE};
  switch (below(r, 6)) {
  case 0:
    drop_connection(r, peer, id, ends[below(r, sizeof(ends) / sizeof(ends[0]))]);
    break;
  case 1:
    (void)wpm_world_identified(r->w, in_world(peer), id, below(r, 2) == 0, 60000);
    break;
  case 2:
    (void)wpm_world_metadata(r->w, in_world(peer), id, below(r, 8) == 0 ? 2 : 1, -1);
    break;
  case 3:
    (void)wpm_world_received(r->w, in_world(peer), id);
    break;
  default:
    (void)wpm_world_pong(r->w, in_world(peer), id, WPM_MILLISECOND);
    break;
  }
}

static void dial_ends(run *r, int peer) {
  static const wpm_reason ends[] = {WPM_REASON_REFUSED, WPM_REASON_DIAL_TIMEOUT,
                                    WPM_REASON_LOCAL_FAILURE};
  if (below(r, 2) == 0) {
    connect(r, peer, WPM_OUTBOUND);
    return;
  }
  wpm_dial_id dial = r->dials[peer];
  r->dials[peer] = 0;
  assert_int_equal(wpm_world_dial_failed(r->w, peer, dial, ends[below(r, 3)]), WPM_OK);
}

static void person(run *r, int peer) {
  static const wpm_event_type wishes[] = {WPM_EVENT_PERSON_CONNECT, WPM_EVENT_PERSON_DISCONNECT,
                                          WPM_EVENT_PERSON_REMOVE, WPM_EVENT_PERSON_CONNECT};
  (void)wpm_world_person(r->w, in_world(peer),
                         wishes[below(r, 4)]); /* Of one that is held, or not. */
}

/* Where relay peers are chosen: most are heard of, and what is dialled soon has an end. */
static void something_happens_to_the_chosen(run *r, int peer) {
  for (int i = 0; i < PEERS; i++) {
    if (r->dials[i] && below(r, 2) == 0) {
      dial_ends(r, i);
    }
  }
  if (!any_connection(r, peer) && !r->dials[peer]) {
    (void)wpm_world_found(r->w, in_world(peer), 60000, below(r, 16) == 0);
  } else if (any_connection(r, peer) && below(r, 4) == 0) {
    drop_connection(r, peer, *any_connection(r, peer), WPM_REASON_EOF);
  }
}

static void something_happens(run *r) {
  int peer = (int)below(r, PEERS);
  wpm_connection_id *connection = any_connection(r, peer);
  if (peer == LOCAL) {
    return;
  }
  if (r->w->config.relay_outbound > 0 && below(r, 4) > 0) {
    something_happens_to_the_chosen(r, peer);
    return;
  }
  switch (below(r, 8)) {
  case 0:
    (void)wpm_world_found(r->w, in_world(peer), 60000, below(r, 3) > 0);
    break;
  case 1:
    person(r, peer);
    break;
  case 2:
    (void)wpm_world_pruned(r->w, in_world(peer), (int64_t)below(r, 100) * S);
    break;
  case 3:
    wpm_world_run(r->w, (int64_t)below(r, 100) * S);
    break;
  default:
    if (r->dials[peer] && below(r, 2) == 0) {
      dial_ends(r, peer);
    } else if (connection && below(r, 4) > 0) {
      on_connection(r, peer, *connection);
    } else {
      connect(r, peer, WPM_INBOUND);
    }
    break;
  }
}

/* ---- what must hold -------------------------------------------------------------------------- */

static bool explain(const run *r, int peer, wpm_explanation *out) {
  return wpm_manager_explain(r->w->manager, wpm_world_id(in_world(peer)), r->w->now, out) == WPM_OK;
}

/* An explanation says what record and plan say. */
static void is_consistent(const run *r, int peer, const wpm_explanation *e) {
  wpm_plan plan = wpm_world_plan(r->w, in_world(peer));
  assert_int_equal(e->state, wpm_world_state(r->w, in_world(peer)));
  if (e->state == WPM_CONNECTED) {
    assert_int_equal(e->held_by, WPM_HELD_BY_NOTHING);
    assert_int_equal(e->reason, WPM_REASON_NONE);
    assert_int_not_equal(e->next, WPM_NEXT_DIAL);
  } else {
    assert_int_equal(e->held_by, plan.held_by);
    assert_int_equal(e->at.ns, plan.next_dial.ns);
    assert_int_equal(e->until.ns, plan.until.ns);
    assert_true(e->next == WPM_NEXT_NONE || e->next == WPM_NEXT_DIAL);
  }
  assert_true(e->at.ns > r->w->now.mono.ns); /* What is due is done. */
  assert_true(e->until.ns > r->w->now.mono.ns);
  assert_true(e->held_by != WPM_HELD_BY_NOTHING || e->until.ns == WPM_NEVER.ns);
  assert_true(e->next != WPM_NEXT_DIAL || e->until.ns == e->at.ns);
  assert_true(e->held_by != WPM_HELD_BY_TARGET || e->next == WPM_NEXT_NONE);
}

/* The preview lists the peers that are to be dialled, and no others. */
static void preview_agrees(const run *r) {
  wpm_planned_dial dials[WPM_PREVIEW_MAX];
  wpm_preview p;
  size_t to_come = 0;
  assert_int_equal(wpm_manager_preview(r->w->manager, r->w->now, dials, WPM_PREVIEW_MAX, &p),
                   WPM_OK);
  for (int peer = 0; peer < PEERS; peer++) {
    wpm_explanation e;
    to_come += explain(r, peer, &e) && e.next == WPM_NEXT_DIAL;
  }
  assert_int_equal(p.dial_count, to_come);
  assert_int_equal(p.ready + p.waiting, to_come);
  for (size_t i = 0; i < p.dial_count; i++) {
    wpm_explanation e;
    assert_int_equal(wpm_manager_explain(r->w->manager, dials[i].peer, r->w->now, &e), WPM_OK);
    assert_int_equal(e.next, WPM_NEXT_DIAL);
    assert_int_equal(e.at.ns, dials[i].at.ns);
    assert_int_equal(e.held_by, dials[i].held_by);
    assert_true(i == 0 || dials[i - 1].at.ns <= dials[i].at.ns); /* There is always a place. */
  }
}

static size_t count_actions(const run *r, wpm_action_type type, int peer, size_t from) {
  size_t count = 0;
  for (size_t i = from; i < r->w->count; i++) {
    count += r->w->log[i].type == type && (peer < 0 || r->w->log[i].peer == in_world(peer));
  }
  return count;
}

/* If nothing else happens, what is named comes when it is named, and no earlier. */
static void comes_true(run *r, int peer) {
  static const wpm_action_type actions[WPM_NEXT_ACTION_COUNT] = {
      [WPM_NEXT_DIAL] = WPM_ACTION_DIAL,         [WPM_NEXT_PING] = WPM_ACTION_PING,
      [WPM_NEXT_CLOSE] = WPM_ACTION_DISCONNECT,  [WPM_NEXT_SETTLE] = WPM_ACTION_DISCONNECT,
      [WPM_NEXT_LET_GO] = WPM_ACTION_DISCONNECT,
  };
  wpm_explanation e;
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(r->w->manager, r->w->now, NULL, 0, &p), WPM_OK);
  if (!explain(r, peer, &e) || e.at.ns == WPM_NEVER.ns || p.rotation_at.ns <= e.at.ns) {
    return; /* Or it may be the one that is let go before. */
  }
  size_t from = r->w->count;
  wpm_world_run(r->w, e.at.ns - r->w->now.mono.ns - 1);
  assert_int_equal(count_actions(r, actions[e.next], peer, from), 0);
  wpm_world_run(r->w, 1);
  assert_true(count_actions(r, actions[e.next], peer, from) >=
              1); /* Of two connections both may. */
  r->followed[e.next]++;
}

/* Any; a trial connection where there is one, since these are few. */
static int one_to_follow(run *r) {
  for (int peer = 0; peer < PEERS; peer++) {
    wpm_explanation e;
    if (explain(r, peer, &e) && e.next == WPM_NEXT_LET_GO) {
      return peer;
    }
  }
  return (int)below(r, PEERS);
}

/* The first moment at which something is said to come. */
static wpm_mono first_named(const run *r, const wpm_preview *p) {
  wpm_mono first = p->choice_at.ns < p->feeler_at.ns ? p->choice_at : p->feeler_at;
  first = p->rotation_at.ns < first.ns ? p->rotation_at : first;
  for (int peer = 0; peer < PEERS; peer++) {
    wpm_explanation e;
    if (explain(r, peer, &e) && e.at.ns < first.ns) {
      first = e.at;
    }
  }
  return first;
}

/* If nothing else happens, no dial comes before the first thing that is named; and then either it is one
 * that is named, or it is time to choose, or an end that is named made room to. */
static void nothing_comes_unnamed(run *r) {
  wpm_explanation before[PEERS];
  bool is_known[PEERS];
  bool ends = false;
  wpm_preview p;
  assert_int_equal(wpm_manager_preview(r->w->manager, r->w->now, NULL, 0, &p), WPM_OK);
  wpm_mono first = first_named(r, &p);
  if (first.ns == WPM_NEVER.ns) {
    return;
  }
  for (int peer = 0; peer < PEERS; peer++) {
    is_known[peer] = explain(r, peer, &before[peer]);
    ends = ends || (is_known[peer] && before[peer].at.ns == first.ns &&
                    (before[peer].next == WPM_NEXT_CLOSE || before[peer].next == WPM_NEXT_SETTLE ||
                     before[peer].next == WPM_NEXT_LET_GO));
  }
  size_t from = r->w->count;
  wpm_world_run(r->w, first.ns - r->w->now.mono.ns - 1);
  assert_int_equal(count_actions(r, WPM_ACTION_DIAL, -1, from), 0);
  wpm_world_run(r->w, 1);
  for (size_t i = from; i < r->w->count; i++) {
    int peer = of_world(r->w->log[i].peer);
    if (r->w->log[i].type != WPM_ACTION_DIAL) {
      continue;
    }
    assert_true(is_known[peer]);
    bool named = before[peer].next == WPM_NEXT_DIAL && before[peer].at.ns == first.ns;
    bool chosen = p.choice_at.ns == first.ns;
    bool tried = p.feeler_at.ns == first.ns;
    bool rotated = p.rotation_at.ns == first.ns;
    assert_true(named || chosen || tried || rotated || ends);
    r->dialled[named ? NAMED : chosen ? CHOSEN : tried ? TRIED : ROTATED]++;
  }
}

/* What the manager's history tells of a peer is the peer's own. */
static void histories_agree(const run *r, int peer) {
  wpm_bytes id = wpm_world_id(in_world(peer));
  wpm_history_entry entry;
  wpm_history_entry own;
  uint64_t cursor = 0;
  uint64_t of_peer = 0;
  while (wpm_manager_next_history(r->w->manager, &cursor, &entry)) {
    if (entry.peer.len == id.len && memcmp(entry.peer.data, id.data, id.len) == 0) {
      assert_true(wpm_manager_next_history_of(r->w->manager, id, &of_peer, &own));
      assert_int_equal(own.number, entry.number);
    }
  }
  assert_false(wpm_manager_next_history_of(r->w->manager, id, &of_peer, &own));
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void configure(run *r, uint64_t seed, bool chooses) {
  wpm_manager_config *config = &r->w->config;
  config->seed = seed;
  config->keep_alive = below(r, 5) > 0;
  config->ping_interval_ns = (int64_t)(1 + below(r, 100)) * S;
  config->ping_timeout_ns = (int64_t)(1 + below(r, 20)) * S;
  config->max_history = below(r, 200);
  if (chooses) {
    config->relay_outbound = 1 + below(r, 3);
    config->feeler_ns = (int64_t)below(r, 3) * 10 * S;
    config->rotate_ns = (int64_t)below(r, 3) * 5 * WPM_MINUTE;
  }
}

static void one_run(uint64_t seed, bool chooses, run *sum) {
  run *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  wpm_rng_init(&r->rng, seed);
  r->w = wpm_world_new(in_world(LOCAL));
  configure(r, seed, chooses);
  wpm_world_start(r->w);
  for (int i = 0; i < STEPS; i++) {
    something_happens(r);
    carry_out(r);
    wpm_world_run(r->w, 0);
    for (int peer = 0; peer < PEERS; peer++) {
      wpm_explanation e;
      if (explain(r, peer, &e)) {
        is_consistent(r, peer, &e);
      }
    }
    preview_agrees(r);
    if (below(r, 4) == 0) {
      comes_true(r, one_to_follow(r));
      carry_out(r);
    }
    if (below(r, 4) == 0) {
      nothing_comes_unnamed(r);
      carry_out(r);
    }
  }
  for (int peer = 0; peer < PEERS; peer++) {
    histories_agree(r, peer);
  }
  for (int i = 0; i < WPM_NEXT_ACTION_COUNT; i++) {
    sum->followed[i] += r->followed[i];
  }
  for (int i = 0; i < CAUSES; i++) {
    sum->dialled[i] += r->dialled[i];
  }
  wpm_world_free(r->w);
  free(r);
}

static void what_is_named_comes(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  run sum = {.w = NULL};
  for (uint64_t i = 0; i < RUNS; i++) {
    one_run(seed + i, i % 2 == 0, &sum);
  }
  for (int i = WPM_NEXT_DIAL; i < WPM_NEXT_ACTION_COUNT; i++) {
    assert_true(sum.followed[i] > 20); /* Of each kind some. */
  }
  for (int i = 0; i < CAUSES; i++) {
    assert_true(sum.dialled[i] > 20);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_named_comes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
