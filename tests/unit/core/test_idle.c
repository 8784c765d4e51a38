/* What silence the paths of a transport bear: what teaches that it is too long, what does not, and how
 * the interval of pings goes down and up. */
#include "support/core/world.h"
#include "support/test.h"

#include "core/idle.h"

#include <wakupeers/explain.h>

#include <string.h>

#define S WPM_SECOND
#define MS WPM_MILLISECOND
#define M WPM_MINUTE
#define INTERVAL (5 * M)
#define LEAST (15 * S)
#define LOST_AFTER (20 * S) /* Two pings, each awaited for 10 s, the default. */
#define COMES_BACK_AFTER (62 * S)

enum { PEERS = 24 };

/* ---- a path that forgets ----------------------------------------------------------------------- */

/* Peers that dial us, over paths that forget a connection after so long a silence; who was forgotten
 * learns of it, and dials again. */
typedef struct paths {
  wpm_world *w;
  int count;
  int64_t limit[PEERS];
  wpm_connection_id connection[PEERS]; /* 0: none. */
  int64_t moved[PEERS];                /* When a byte last passed. */
  bool forgotten[PEERS];
  int64_t back_at[PEERS]; /* INT64_MAX: it does not come back. */
  int losses;
  int64_t lost_at; /* When the last one was. */
} paths;

static void come_in(paths *p, int peer) {
  p->connection[peer] = wpm_world_come_in(p->w, peer, 0);
  p->moved[peer] = p->w->now.mono.ns;
  p->forgotten[peer] = false;
  p->back_at[peer] = INT64_MAX;
}

static paths *paths_new(int count, int64_t limit, uint64_t seed) {
  paths *p = calloc(1, sizeof(*p));
  assert_non_null(p);
  p->w = wpm_world_new(100);
  p->w->config.seed = seed;
  wpm_world_start(p->w);
  p->count = count;
  for (int i = 0; i < count; i++) {
    p->limit[i] = limit;
    come_in(p, i);
    wpm_world_run(p->w, S);
  }
  return p;
}

static void paths_free(paths *p) {
  wpm_world_free(p->w);
  free(p);
}

static void ping(paths *p, int peer) {
  int64_t now = p->w->now.mono.ns;
  p->forgotten[peer] = p->forgotten[peer] || now - p->moved[peer] > p->limit[peer];
  p->moved[peer] = now;
  if (!p->forgotten[peer]) {
    assert_int_equal(wpm_world_pong(p->w, peer, p->connection[peer], 30 * MS), WPM_OK);
  }
}

static void lose(paths *p, const wpm_world_action *end) {
  int peer = end->peer;
  assert_int_equal(end->reason, WPM_REASON_PING_TIMEOUT);
  assert_int_equal(wpm_world_disconnected(p->w, peer, end->connection, end->reason), WPM_OK);
  p->connection[peer] = 0;
  p->losses++;
  p->lost_at = p->w->now.mono.ns;
  p->back_at[peer] = p->lost_at + COMES_BACK_AFTER;
}

static void carry_out(paths *p) {
  for (size_t i = 0; i < p->w->count; i++) {
    wpm_world_action action = p->w->log[i];
    if (action.type == WPM_ACTION_PING && p->connection[action.peer] == action.connection) {
      ping(p, action.peer);
    } else if (action.type == WPM_ACTION_DISCONNECT) {
      lose(p, &action);
    }
  }
  wpm_world_forget_log(p->w);
}

static void live(paths *p, int64_t ns) {
  int64_t end = p->w->now.mono.ns + ns;
  while (p->w->now.mono.ns < end) {
    int64_t next = wpm_manager_next_deadline(p->w->manager).ns;
    next = next < end ? next : end;
    for (int i = 0; i < p->count; i++) {
      next = p->back_at[i] < next ? p->back_at[i] : next;
    }
    wpm_world_run(p->w, next - p->w->now.mono.ns);
    carry_out(p);
    for (int i = 0; i < p->count; i++) {
      if (p->back_at[i] <= p->w->now.mono.ns) {
        come_in(p, i);
      }
    }
  }
}

/* ---- one peer after the other ------------------------------------------------------------------ */

static int64_t interval(const wpm_world *w) {
  return wpm_manager_ping_interval(w->manager, WPM_TRANSPORT_TCP, false);
}

/* Runs to the ping of a peer that has not been heard of since now; returns the silence. */
static int64_t run_to_ping(wpm_world *w, int peer) {
  int64_t begin = w->now.mono.ns;
  wpm_world_forget_log(w);
  while (!wpm_world_take(w, WPM_ACTION_PING, peer)) {
    wpm_world_run(w, wpm_manager_next_deadline(w->manager).ns - w->now.mono.ns);
    assert_true(w->now.mono.ns - begin <= INTERVAL);
  }
  wpm_world_forget_log(w);
  return w->now.mono.ns - begin;
}

/* The peer dials us, is silent until it is pinged, and does not answer; returns that silence. */
static int64_t lose_one(wpm_world *w, int peer) {
  wpm_connection_id c = wpm_world_come_in(w, peer, 0);
  int64_t silence = run_to_ping(w, peer);
  wpm_world_run(w, LOST_AFTER);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DISCONNECT, peer)->reason,
                   WPM_REASON_PING_TIMEOUT);
  assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_PING_TIMEOUT), WPM_OK);
  return silence;
}

/* The peer dials us and goes. */
static void look_in(wpm_world *w, int peer) {
  wpm_connection_id c = wpm_world_come_in(w, peer, 0);
  assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
}

static int64_t lose_one_that_lives(wpm_world *w, int peer) {
  int64_t silence = lose_one(w, peer);
  wpm_world_run(w, COMES_BACK_AFTER);
  look_in(w, peer);
  return silence;
}

/* ---- down -------------------------------------------------------------------------------------- */

static void three_peers_that_lived_teach(void **state) {
  wpm_world *w = *state;
  int64_t longest = 0;
  for (int peer = 0; peer < 3; peer++) {
    assert_int_equal(interval(w), INTERVAL);
    int64_t silence = lose_one_that_lives(w, peer);
    longest = silence > longest ? silence : longest;
  }
  assert_int_equal(interval(w), LEAST + (longest - LEAST) / 2);
  assert_int_equal(wpm_manager_ping_interval(w->manager, WPM_TRANSPORT_TCP, true), INTERVAL);
  assert_int_equal(wpm_manager_ping_interval(w->manager, WPM_TRANSPORT_WSS, false), INTERVAL);
}

static void one_peer_alone_teaches_nothing_two_do(void **state) {
  wpm_world *w = *state;
  for (int i = 0; i < 8; i++) {
    lose_one_that_lives(w, 1);
  }
  assert_int_equal(interval(w), INTERVAL);
  lose_one_that_lives(w, 2);
  assert_true(interval(w) < INTERVAL);
}

static void a_peer_whose_dial_fails_died_itself(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 20; peer++) {
    assert_int_equal(wpm_world_found(w, peer, 60000, true), WPM_OK);
    wpm_connection_id c = wpm_world_come_up(w, peer, 0);
    assert_int_equal(wpm_world_received(w, peer, c), WPM_OK);
    run_to_ping(w, peer);
    wpm_world_run(w, LOST_AFTER);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_PING_TIMEOUT), WPM_OK);
    wpm_world_action *dial = NULL;
    while (!(dial = wpm_world_take(w, WPM_ACTION_DIAL, peer))) {
      wpm_world_run(w, wpm_manager_next_deadline(w->manager).ns - w->now.mono.ns);
    }
    assert_int_equal(wpm_world_dial_failed(w, peer, dial->dial, WPM_REASON_REFUSED), WPM_OK);
    look_in(w, peer); /* It is up again. */
    assert_int_equal(wpm_world_person(w, peer, WPM_EVENT_PERSON_REMOVE), WPM_OK);
    wpm_world_forget_log(w);
  }
  assert_int_equal(interval(w), INTERVAL);
}

static void of_peers_that_nobody_hears_of_again_it_takes_six(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 6; peer++) {
    lose_one(w, peer);
    wpm_world_run(w, M);
    assert_int_equal(interval(w), INTERVAL);
  }
  wpm_world_run(w, 5 * M);
  assert_int_equal(interval(w), INTERVAL); /* Does the network work? */
  look_in(w, 50);
  assert_true(interval(w) < INTERVAL);
}

static void who_bears_it_takes_those_back(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 20; peer++) {
    lose_one(w, peer);
    wpm_world_run(w, M);
    if (peer % 4 == 3) {
      wpm_connection_id c = wpm_world_come_in(w, 200, 0);
      for (int i = 0; i < 20; i++) { /* One at least is as long as the longest. */
        run_to_ping(w, 200);
        assert_int_equal(wpm_world_pong(w, 200, c, 30 * MS), WPM_OK);
      }
      assert_int_equal(wpm_world_disconnected(w, 200, c, WPM_REASON_EOF), WPM_OK);
    }
  }
  assert_int_equal(interval(w), INTERVAL);
}

static void others_that_bear_it_do_not_take_those_back_that_lived(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 3; peer++) {
    lose_one_that_lives(w, peer);
    wpm_connection_id c = wpm_world_come_in(w, 200, 0);
    for (int i = 0; i < 4; i++) {
      run_to_ping(w, 200);
      assert_int_equal(wpm_world_pong(w, 200, c, 30 * MS), WPM_OK);
    }
    assert_int_equal(wpm_world_disconnected(w, 200, c, WPM_REASON_EOF), WPM_OK);
  }
  assert_true(interval(w) < INTERVAL);
}

static void its_own_peer_that_bears_it_does(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 12; peer++) {
    int64_t lost = lose_one_that_lives(w, peer);
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    for (int64_t borne = 0; borne < lost;) {
      borne = run_to_ping(w, peer);
      assert_int_equal(wpm_world_pong(w, peer, c, 30 * MS), WPM_OK);
    }
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_EOF), WPM_OK);
  }
  assert_int_equal(interval(w), INTERVAL);
}

/* Its slot becomes another's, what it taught stays. */
static void a_peer_that_is_removed_has_taught(void **state) {
  wpm_world *w = *state;
  lose_one_that_lives(w, 1);
  lose_one_that_lives(w, 1);
  assert_int_equal(wpm_world_person(w, 1, WPM_EVENT_PERSON_REMOVE), WPM_OK);
  lose_one(w, 2);
  wpm_world_run(w, COMES_BACK_AFTER);
  assert_int_equal(interval(w), INTERVAL);
  look_in(w, 2);
  assert_true(interval(w) < INTERVAL);
}

/* They are silent for longer than the interval that came of the others. */
static void who_was_silent_before_a_fall_makes_no_second(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 3; peer++) {
    (void)wpm_world_come_in(w, peer, 0);
  }
  wpm_world_run(w, 90 * S);
  for (int peer = 3; peer < 8; peer++) {
    (void)wpm_world_come_in(w, peer, 0);
    wpm_world_run(w, 10 * S);
  }
  wpm_world_run(w, 190 * S); /* Three are lost, the others silent. */
  for (int peer = 0; peer < 3; peer++) {
    assert_int_equal(wpm_world_state(w, peer), WPM_CANNOT_CONNECT);
    look_in(w, peer);
  }
  int64_t learned = interval(w);
  assert_true(learned < INTERVAL);
  wpm_world_run(w, LOST_AFTER);
  for (int peer = 3; peer < 8; peer++) {
    assert_int_equal(wpm_world_state(w, peer), WPM_CANNOT_CONNECT);
    look_in(w, peer);
  }
  assert_int_equal(interval(w), learned);
}

static void who_comes_back_late_may_have_been_away(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 5; peer++) {
    lose_one(w, peer);
    wpm_world_run(w, 5 * M);
    look_in(w, peer);
  }
  assert_int_equal(interval(w), INTERVAL);
}

static void after_an_hour_a_loss_counts_no_more(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 20; peer++) {
    lose_one_that_lives(w, peer);
    wpm_world_run(w, 30 * M);
  }
  assert_int_equal(interval(w), INTERVAL);
}

static void other_ends_teach_nothing(void **state) {
  static const wpm_reason ends[] = {WPM_REASON_EOF, WPM_REASON_GO_AWAY, WPM_REASON_TRUNCATED,
                                    WPM_REASON_LOCAL_FAILURE, WPM_REASON_LOCAL_CLOSE};
  wpm_world *w = *state;
  for (int peer = 0; peer < 20; peer++) {
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    run_to_ping(w, peer);
    assert_int_equal(wpm_world_disconnected(w, peer, c, ends[peer % 5]), WPM_OK);
    look_in(w, peer);
  }
  /* A reset that no ping met. */
  for (int peer = 0; peer < 20; peer++) {
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    wpm_world_run(w, 4 * M);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_RESET), WPM_OK);
    look_in(w, peer);
  }
  assert_int_equal(interval(w), INTERVAL);
}

static void a_reset_that_a_ping_met_is_a_loss(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 3; peer++) {
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    run_to_ping(w, peer);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_RESET), WPM_OK);
    look_in(w, peer);
  }
  assert_true(interval(w) < INTERVAL);
}

static void what_a_gap_or_a_second_connection_ends_teaches_nothing(void **state) {
  wpm_world *w = *state;
  wpm_event network = {.type = WPM_EVENT_NETWORK};
  for (int peer = 0; peer < 10; peer++) { /* A probe that is not answered. */
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    wpm_world_run(w, 4 * M);
    wpm_world_pass(w, WPM_HOUR);
    wpm_world_run(w, 4 * S);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_PING_TIMEOUT), WPM_OK);
    look_in(w, peer);
  }
  for (int peer = 0; peer < 10; peer++) { /* Offline. */
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    run_to_ping(w, peer);
    network.u.network.state = WPM_NETWORK_OFFLINE;
    assert_int_equal(wpm_world_handle(w, &network), WPM_OK);
    wpm_world_run(w, LOST_AFTER);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_PING_TIMEOUT), WPM_OK);
    look_in(w, peer);
    assert_int_equal(interval(w), INTERVAL);
  }
  network.u.network.state = WPM_NETWORK_ONLINE;
  assert_int_equal(wpm_world_handle(w, &network), WPM_OK);
  for (int peer = 0; peer < 10; peer++) { /* Its peer was back before we noticed. */
    wpm_connection_id c = wpm_world_come_in(w, peer, 0);
    wpm_world_run(w, 2 * M);
    wpm_connection_id second = wpm_world_come_in(w, peer, 0);
    wpm_world_run(w, LOST_AFTER);
    assert_int_equal(wpm_world_disconnected(w, peer, c, WPM_REASON_PING_TIMEOUT), WPM_OK);
    assert_int_equal(wpm_world_disconnected(w, peer, second, WPM_REASON_EOF), WPM_OK);
    look_in(w, peer);
  }
  assert_int_equal(interval(w), INTERVAL);
}

static void a_fall_is_at_once_for_all(void **state) {
  wpm_world *w = *state;
  lose_one_that_lives(w, 0);
  lose_one_that_lives(w, 1);
  lose_one(w, 2);
  wpm_world_run(w, 60 * S);
  wpm_connection_id c = wpm_world_come_in(w, 3, 0); /* It knows of a longer interval. */
  look_in(w, 2);
  int64_t learned = interval(w);
  assert_true(learned < INTERVAL * 6 / 10);
  wpm_explanation e;
  assert_int_equal(wpm_manager_explain(w->manager, wpm_world_id(3), w->now, &e), WPM_OK);
  assert_int_equal(e.ping_interval_ns, learned);
  assert_in_range(e.at.ns - w->now.mono.ns, learned * 9 / 10, learned);
  run_to_ping(w, 3);
  assert_int_equal(w->now.mono.ns, e.at.ns);
  assert_int_equal(wpm_world_pong(w, 3, c, 30 * MS), WPM_OK);
}

static void a_new_epoch_forgets(void **state) {
  wpm_world *w = *state;
  for (int peer = 0; peer < 3; peer++) {
    lose_one_that_lives(w, peer);
  }
  assert_true(interval(w) < INTERVAL);
  wpm_event network = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_CHANGED};
  assert_int_equal(wpm_world_handle(w, &network), WPM_OK);
  assert_int_equal(interval(w), INTERVAL);
  lose_one_that_lives(w, 4);
  lose_one_that_lives(w, 5);
  assert_int_equal(interval(w), INTERVAL); /* Losses of before are forgotten, too. */
}

/* ---- the search -------------------------------------------------------------------------------- */

static void the_search_ends_just_below_what_is_borne(void **state) {
  (void)state;
  static const int64_t limits[] = {20 * S, 45 * S, 90 * S, 2 * M, 4 * M};
  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
    paths *p = paths_new(12, limits[i], 1);
    live(p, 12 * WPM_HOUR);
    int64_t found = interval(p->w);
    assert_in_range(found, limits[i] * 85 / 100, limits[i] * 103 / 100);
    assert_true(p->losses <= 12 * 7);
    assert_true(p->w->now.mono.ns - p->lost_at > 6 * WPM_HOUR);
    paths_free(p);
  }
}

static void who_bears_everything_is_pinged_as_configured(void **state) {
  (void)state;
  paths *p = paths_new(12, INT64_MAX, 1);
  live(p, 12 * WPM_HOUR);
  assert_int_equal(interval(p->w), INTERVAL);
  assert_int_equal(p->losses, 0);
  paths_free(p);
}

static void it_goes_up_again_to_what_is_configured_and_no_further(void **state) {
  (void)state;
  paths *p = paths_new(12, 40 * S, 1);
  live(p, 6 * WPM_HOUR);
  assert_true(interval(p->w) <= 41 * S);
  for (int i = 0; i < 12; i++) {
    p->limit[i] = INT64_MAX; /* The box is gone. */
  }
  p->losses = 0;
  live(p, 12 * WPM_HOUR);
  assert_true(interval(p->w) < 60 * S); /* Too long stays too long for a day. */
  live(p, 36 * WPM_HOUR);
  assert_int_equal(interval(p->w), INTERVAL);
  assert_int_equal(p->losses, 0);
  paths_free(p);
}

static void one_at_a_time_is_left_silent_for_longer(void **state) {
  (void)state;
  paths *p = paths_new(20, 90 * S, 1);
  live(p, 12 * WPM_HOUR);
  p->losses = 0;
  live(p, 24 * WPM_HOUR); /* A day later it is asked again. */
  assert_in_range(p->losses, 3, 24);
  paths_free(p);
}

/* Half of the peers have a box, and the others are heard of all the time. */
static void the_paths_that_forget_decide(void **state) {
  (void)state;
  paths *p = paths_new(24, INT64_MAX, 1);
  for (int i = 0; i < 24; i += 2) {
    p->limit[i] = 90 * S;
  }
  live(p, 12 * WPM_HOUR);
  assert_in_range(interval(p->w), 76 * S, 93 * S);
  assert_true(p->w->now.mono.ns - p->lost_at > 6 * WPM_HOUR);
  p->losses = 0;
  live(p, 4 * WPM_DAY); /* Each day it is asked again. */
  assert_in_range(interval(p->w), 76 * S, 93 * S);
  assert_in_range(p->losses, 1, 4 * 25);
  paths_free(p);
}

/* Now and then sixteen others in a row have their turn; so it is counted over several seeds. Pinged as
 * configured, the four would be lost 3700 times in 4 days. */
static void a_few_that_forget_are_found(void **state) {
  (void)state;
  int losses = 0;
  for (uint64_t seed = 1; seed <= 8; seed++) {
    paths *p = paths_new(24, INT64_MAX, seed);
    for (int i = 0; i < 24; i += 6) {
      p->limit[i] = 90 * S;
    }
    live(p, 12 * WPM_HOUR);
    p->losses = 0;
    live(p, 4 * WPM_DAY);
    assert_in_range(interval(p->w), 60 * S, 100 * S);
    losses += p->losses;
    paths_free(p);
  }
  assert_in_range(losses, 8, 8 * 150);
}

static void it_falls_to_the_least_at_most_and_may_be_switched_off(void **state) {
  (void)state;
  static const int64_t least[] = {70 * S, INTERVAL, 2 * INTERVAL};
  for (size_t i = 0; i < 3; i++) {
    paths *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->w = wpm_world_new(100);
    p->w->config.ping_interval_min_ns = least[i];
    wpm_world_start(p->w);
    p->count = 8;
    for (int peer = 0; peer < p->count; peer++) {
      p->limit[peer] = S;
      come_in(p, peer);
      wpm_world_run(p->w, S);
    }
    live(p, 6 * WPM_HOUR);
    int64_t found = interval(p->w);
    assert_true(found >= (least[i] < INTERVAL ? least[i] : INTERVAL));
    assert_true(least[i] < INTERVAL ? found < least[i] + 2 * S : found == INTERVAL);
    paths_free(p);
  }
}

/* ---- transports -------------------------------------------------------------------------------- */

static void a_path_is_a_transport_and_a_version_of_ip(void **state) {
  (void)state;
  static const struct {
    const char *text;
    wpm_transport transport;
    bool ip6;
  } want[] = {
      {"/ip4/1.2.3.4/tcp/1", WPM_TRANSPORT_TCP, false},
      {"/ip6/2001:db8::1/tcp/1", WPM_TRANSPORT_TCP, true},
      {"/dns4/a.example/tcp/1", WPM_TRANSPORT_TCP, false},
      {"/dns6/a.example/tcp/1", WPM_TRANSPORT_TCP, true},
      {"/ip4/1.2.3.4/tcp/1/ws", WPM_TRANSPORT_WS, false},
      {"/ip4/1.2.3.4/tcp/1/wss", WPM_TRANSPORT_WSS, false},
      {"/dns6/a.example/tcp/443/tls/ws", WPM_TRANSPORT_WSS, true},
      {"/ip4/1.2.3.4/udp/1/quic-v1", WPM_TRANSPORT_QUIC, false},
      {"/ip4/1.2.3.4/udp/1/quic-v1/webtransport", WPM_TRANSPORT_QUIC, false},
      {"/ip4/1.2.3.4/udp/1", WPM_TRANSPORT_OTHER, false},
      {"/ip4/1.2.3.4/tcp/1/p2p/16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn/p2p-circuit",
       WPM_TRANSPORT_OTHER, false},
  };
  for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
    wpm_multiaddr address;
    wpm_error error;
    assert_int_equal(
        wpm_multiaddr_parse((wpm_text){want[i].text, strlen(want[i].text)}, &address, &error),
        WPM_OK);
    assert_int_equal(wpm_idle_path_of(wpm_multiaddr_view(&address)),
                     wpm_idle_path_number(want[i].transport, want[i].ip6));
  }
  assert_string_equal(wpm_transport_name(WPM_TRANSPORT_TCP), "tcp");
  assert_string_equal(wpm_transport_name(WPM_TRANSPORT_WS), "ws");
  assert_string_equal(wpm_transport_name(WPM_TRANSPORT_WSS), "wss");
  assert_string_equal(wpm_transport_name(WPM_TRANSPORT_QUIC), "quic");
  assert_string_equal(wpm_transport_name(WPM_TRANSPORT_OTHER), "other");
  assert_string_equal(wpm_transport_name((wpm_transport)WPM_TRANSPORT_COUNT), "?");
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_A_WORLD(three_peers_that_lived_teach),
      IN_A_WORLD(one_peer_alone_teaches_nothing_two_do),
      IN_A_WORLD(a_peer_whose_dial_fails_died_itself),
      IN_A_WORLD(of_peers_that_nobody_hears_of_again_it_takes_six),
      IN_A_WORLD(who_bears_it_takes_those_back),
      IN_A_WORLD(others_that_bear_it_do_not_take_those_back_that_lived),
      IN_A_WORLD(its_own_peer_that_bears_it_does),
      IN_A_WORLD(a_peer_that_is_removed_has_taught),
      IN_A_WORLD(who_was_silent_before_a_fall_makes_no_second),
      IN_A_WORLD(who_comes_back_late_may_have_been_away),
      IN_A_WORLD(after_an_hour_a_loss_counts_no_more),
      IN_A_WORLD(other_ends_teach_nothing),
      IN_A_WORLD(a_reset_that_a_ping_met_is_a_loss),
      IN_A_WORLD(what_a_gap_or_a_second_connection_ends_teaches_nothing),
      IN_A_WORLD(a_fall_is_at_once_for_all),
      IN_A_WORLD(a_new_epoch_forgets),
      cmocka_unit_test(the_search_ends_just_below_what_is_borne),
      cmocka_unit_test(who_bears_everything_is_pinged_as_configured),
      cmocka_unit_test(it_goes_up_again_to_what_is_configured_and_no_further),
      cmocka_unit_test(one_at_a_time_is_left_silent_for_longer),
      cmocka_unit_test(the_paths_that_forget_decide),
      cmocka_unit_test(a_few_that_forget_are_found),
      cmocka_unit_test(it_falls_to_the_least_at_most_and_may_be_switched_off),
      cmocka_unit_test(a_path_is_a_transport_and_a_version_of_ip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
