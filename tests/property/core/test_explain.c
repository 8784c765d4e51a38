/* What the manager explains, under random facts: what it names as a peer's next happens at the moment
 * that it names and no earlier; the preview agrees with the explanations; and a peer's own history is
 * what the manager's tells of it.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "support/core/world.h"
#include "support/seed.h"
#include "support/test.h"

#include <wakupeers/explain.h>

#include "base/rng.h"

#include <string.h>

enum { RUNS = 500, STEPS = 150, PEERS = 8, LOCAL = 4 };

#define S WPM_SECOND

typedef struct run {
  wpm_world *w;
  wpm_rng rng;
  wpm_dial_id dials[PEERS];                 /* In flight; 0: none. */
  wpm_connection_id connections[PEERS][16]; /* That the host has; 0: free. */
  size_t looked;                            /* Actions of the log that it has seen. */
  size_t followed[WPM_NEXT_ACTION_COUNT];   /* What was named and came. */
} run;

static unsigned below(run *r, unsigned n) {
  return (unsigned)wpm_rng_below(&r->rng, n);
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
      assert_int_equal(wpm_world_disconnected(r->w, peer, id, reason), WPM_OK);
    }
  }
}

/* Does what the manager asked for; dials are answered by chance. */
static void carry_out(run *r) {
  for (; r->looked < r->w->count; r->looked++) {
    const wpm_world_action *a = &r->w->log[r->looked];
    if (a->type == WPM_ACTION_DIAL) {
      r->dials[a->peer] = a->dial;
    } else if (a->type == WPM_ACTION_CANCEL_DIAL && r->dials[a->peer] == a->dial) {
      r->dials[a->peer] = 0;
    } else if (a->type == WPM_ACTION_DISCONNECT) {
      drop_connection(r, a->peer, a->connection, a->reason);
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
  assert_int_equal(wpm_world_connected(r->w, peer, direction, dial, &id), WPM_OK);
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
    (void)wpm_world_identified(r->w, peer, id, below(r, 2) == 0, 60000);
    break;
  case 2:
    (void)wpm_world_metadata(r->w, peer, id, below(r, 8) == 0 ? 2 : 1, -1);
    break;
  case 3:
    (void)wpm_world_received(r->w, peer, id);
    break;
  default:
    (void)wpm_world_pong(r->w, peer, id, WPM_MILLISECOND);
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
  (void)wpm_world_person(r->w, peer, wishes[below(r, 4)]); /* Of one that is held, or not. */
}

static void something_happens(run *r) {
  int peer = (int)below(r, PEERS);
  wpm_connection_id *connection = any_connection(r, peer);
  if (peer == LOCAL) {
    return;
  }
  switch (below(r, 8)) {
  case 0:
    (void)wpm_world_found(r->w, peer, 60000, below(r, 3) > 0);
    break;
  case 1:
    person(r, peer);
    break;
  case 2:
    (void)wpm_world_pruned(r->w, peer, (int64_t)below(r, 100) * S);
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
  return wpm_manager_explain(r->w->manager, wpm_world_id(peer), r->w->now, out) == WPM_OK;
}

/* An explanation says what record and plan say. */
static void is_consistent(const run *r, int peer, const wpm_explanation *e) {
  wpm_plan plan = wpm_world_plan(r->w, peer);
  assert_int_equal(e->state, wpm_world_state(r->w, peer));
  if (e->state == WPM_CONNECTED) {
    assert_int_equal(e->held_by, WPM_HELD_BY_NOTHING);
    assert_int_equal(e->reason, WPM_REASON_NONE);
    assert_int_not_equal(e->next, WPM_NEXT_DIAL);
  } else {
    assert_int_equal(e->held_by, plan.held_by);
    assert_int_equal(e->at.ns, plan.next_dial.ns);
    assert_true(e->next == WPM_NEXT_NONE || e->next == WPM_NEXT_DIAL);
  }
  assert_true(e->at.ns > r->w->now.mono.ns); /* What is due is done. */
  assert_int_equal(e->until.ns, e->held_by == WPM_HELD_BY_NOTHING ? WPM_NEVER.ns : e->at.ns);
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
    count += r->w->log[i].type == type && r->w->log[i].peer == peer;
  }
  return count;
}

/* If nothing else happens, what is named comes when it is named, and no earlier. */
static void comes_true(run *r, int peer) {
  static const wpm_action_type actions[WPM_NEXT_ACTION_COUNT] = {
      [WPM_NEXT_DIAL] = WPM_ACTION_DIAL,
      [WPM_NEXT_PING] = WPM_ACTION_PING,
      [WPM_NEXT_CLOSE] = WPM_ACTION_DISCONNECT,
      [WPM_NEXT_SETTLE] = WPM_ACTION_DISCONNECT,
  };
  wpm_explanation e;
  if (!explain(r, peer, &e) || e.at.ns == WPM_NEVER.ns) {
    return;
  }
  size_t from = r->w->count;
  wpm_world_run(r->w, e.at.ns - r->w->now.mono.ns - 1);
  assert_int_equal(count_actions(r, actions[e.next], peer, from), 0);
  wpm_world_run(r->w, 1);
  assert_true(count_actions(r, actions[e.next], peer, from) >=
              1); /* Of two connections both may. */
  r->followed[e.next]++;
}

/* What the manager's history tells of a peer is the peer's own. */
static void histories_agree(const run *r, int peer) {
  wpm_bytes id = wpm_world_id(peer);
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

static void one_run(uint64_t seed, size_t *followed) {
  run *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  wpm_rng_init(&r->rng, seed);
  r->w = wpm_world_new(LOCAL);
  r->w->config.seed = seed;
  r->w->config.keep_alive = below(r, 5) > 0;
  r->w->config.ping_interval_ns = (int64_t)(1 + below(r, 100)) * S;
  r->w->config.ping_timeout_ns = (int64_t)(1 + below(r, 20)) * S;
  r->w->config.max_history = below(r, 200);
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
      comes_true(r, (int)below(r, PEERS));
      carry_out(r);
    }
  }
  for (int peer = 0; peer < PEERS; peer++) {
    histories_agree(r, peer);
  }
  for (int i = 0; i < WPM_NEXT_ACTION_COUNT; i++) {
    followed[i] += r->followed[i];
  }
  wpm_world_free(r->w);
  free(r);
}

static void what_is_named_comes(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  size_t followed[WPM_NEXT_ACTION_COUNT] = {0};
  for (uint64_t i = 0; i < RUNS; i++) {
    one_run(seed + i, followed);
  }
  for (int i = WPM_NEXT_DIAL; i < WPM_NEXT_ACTION_COUNT; i++) {
    assert_true(followed[i] > 20); /* Of each kind some. */
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_named_comes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
