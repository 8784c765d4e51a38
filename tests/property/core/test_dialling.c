/* Which addresses are dialled, among peers of which some are dead, in a network of which some paths swallow
 * everything for a while: a dial has addresses of its peer, each once and no more than may be; what is
 * blocked is tried once a minute and no oftener, but by a person; a path that carries a connection is not
 * blocked; and what was swallowed counts against nobody.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "core/path.h"
#include "support/core/world.h"
#include "support/seed.h"
#include "support/test.h"

#include "base/rng.h"

#include <stdio.h>
#include <string.h>

enum { RUNS = 12, STEPS = 150, PEERS = 300, LOCAL = PEERS, MOST = 4, LINKS = 400 };

/* What answers at an address, where its path carries anything. */
typedef enum answer { ALIVE, REFUSES, DEAD } answer;

typedef struct spot {
  uint8_t bytes[32];
  size_t len;
  uint16_t port;
  wpm_path path;
  answer answer;
} spot;

typedef struct link {
  wpm_connection_id id; /* 0: free. */
  int peer;
} link;

typedef struct run {
  wpm_world *w;
  wpm_rng rng;
  spot spots[PEERS][MOST];
  size_t counts[PEERS];
  bool asked[PEERS]; /* A person's dial is to come. */
  bool holes[WPM_PATH_COUNT];
  link links[LINKS];
  wpm_mono probed,
      beside; /* When a held peer, and a blocked address beside others, was tried last. */
  size_t probes, besides, left_out, opened; /* How often each was seen. */
} run;

static unsigned below(run *r, unsigned n) {
  return (unsigned)wpm_rng_below(&r->rng, n);
}

static bool one_in(run *r, unsigned n) {
  return below(r, n) == 0;
}

static bool is_blocked(const run *r, wpm_path path) {
  return path != WPM_PATH_NONE && wpm_manager_path(r->w->manager, path).is_blocked;
}

/* ---- the peers ----------------------------------------------------------------------------------- */

static void make_spot(run *r, int peer, size_t i) {
  static const char *const forms[] = {
      "/ip4/45.%d.%d.1/tcp/%d",         "/ip6/2001:db8::%d:%d/tcp/%d",
      "/ip6/2001:db8::%d:%d/tcp/%d",    "/ip4/45.%d.%d.1/tcp/%d/ws",
      "/dns4/%d.%d.example/tcp/%d/wss", "/ip6/2001:db8::%d:%d/udp/%d/quic-v1"};
  spot *s = &r->spots[peer][i];
  char text[80];
  wpm_multiaddr parsed;
  s->port = (uint16_t)(1 + peer * MOST + (int)i);
  /* The forms are the table's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  (void)snprintf(text, sizeof(text), forms[below(r, 6)], peer >> 8, peer & 255, s->port);
#pragma GCC diagnostic pop
  wpm_bytes bytes = wpm_world_parse(text, &parsed);
  assert_true(bytes.len <= sizeof(s->bytes));
  memcpy(s->bytes, bytes.data, bytes.len);
  s->len = bytes.len;
  s->path = wpm_path_of(bytes);
  s->answer = one_in(r, 3) ? ALIVE : one_in(r, 20) ? REFUSES : DEAD;
}

static void make_peer(run *r, int peer) {
  wpm_bytes addresses[MOST];
  r->counts[peer] = 1 + (one_in(r, 3) ? below(r, MOST) : 0);
  for (size_t i = 0; i < r->counts[peer]; i++) {
    make_spot(r, peer, i);
    addresses[i] = (wpm_bytes){r->spots[peer][i].bytes, r->spots[peer][i].len};
  }
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = r->counts[peer];
  e.u.found.source = WPM_SOURCE_DNS;
  e.u.found.is_static = true;
  assert_int_equal(wpm_world_handle(r->w, &e), WPM_OK);
}

static const spot *spot_of(const run *r, int peer, uint16_t port) {
  int i = port - 1 - peer * MOST;
  assert_in_range(i, 0, r->counts[peer] - 1);
  return &r->spots[peer][i];
}

/* ---- dials --------------------------------------------------------------------------------------- */

/* A minute at least since the last one. */
static void expect_rare(wpm_mono *last, wpm_mono at) {
  assert_true(at.ns - last->ns >= WPM_MINUTE);
  *last = at;
}

static void check_dial(run *r, const wpm_world_action *dial, bool by_person) {
  size_t blocked = 0;
  size_t all_blocked = 0;
  assert_in_range(dial->address_count, 1, r->counts[dial->peer]);
  for (size_t i = 0; i < dial->address_count; i++) {
    blocked += is_blocked(r, spot_of(r, dial->peer, dial->ports[i])->path);
    for (size_t j = 0; j < i; j++) {
      assert_int_not_equal(dial->ports[i], dial->ports[j]);
    }
  }
  for (size_t i = 0; i < r->counts[dial->peer]; i++) {
    all_blocked += is_blocked(r, r->spots[dial->peer][i].path);
  }
  if (by_person) {
    assert_int_equal(dial->address_count, r->counts[dial->peer]);
  } else if (all_blocked == r->counts[dial->peer]) {
    expect_rare(&r->probed, dial->at);
    r->probes++;
  } else if (blocked > 0) {
    assert_int_equal(blocked, 1);
    assert_true(is_blocked(r, spot_of(r, dial->peer, dial->ports[0])->path));
    expect_rare(&r->beside, dial->at);
    r->besides++;
  } else {
    r->left_out += all_blocked > 0;
  }
}

static wpm_reason end_of(const run *r, const spot *s) {
  if (s->path == WPM_PATH_NONE || r->holes[s->path] || s->answer == DEAD) {
    return WPM_REASON_DIAL_TIMEOUT;
  }
  return s->answer == REFUSES ? WPM_REASON_REFUSED : WPM_REASON_NONE;
}

static link *free_link(run *r) {
  size_t i = 0;
  while (r->links[i].id) {
    assert_true(++i < LINKS);
  }
  return &r->links[i];
}

/* The addresses in turn: the first that answers wins. */
static void answer_dial(run *r, const wpm_world_action *dial) {
  wpm_failed_address failed[MOST] = {{.reason = WPM_REASON_NONE}};
  size_t count = 0;
  const spot *won = NULL;
  bool swallowed = true;
  for (size_t i = 0; !won && i < dial->address_count; i++) {
    const spot *s = spot_of(r, dial->peer, dial->ports[i]);
    wpm_reason reason = end_of(r, s);
    if (reason == WPM_REASON_NONE) {
      won = s;
    } else {
      failed[count++] = (wpm_failed_address){{s->bytes, s->len}, reason};
      swallowed = swallowed && reason == WPM_REASON_DIAL_TIMEOUT && is_blocked(r, s->path);
    }
  }
  uint32_t failures = wpm_world_record(r->w, dial->peer).failures;
  wpm_event e = {.type = WPM_EVENT_DIAL_FAILED, .peer = wpm_world_id(dial->peer)};
  if (won) {
    link *l = free_link(r);
    *l = (link){r->w->next_connection++, dial->peer};
    r->opened += is_blocked(r, won->path);
    e.type = WPM_EVENT_CONNECTED;
    e.u.connected.connection = l->id;
    e.u.connected.dial = dial->dial;
    e.u.connected.direction = WPM_OUTBOUND;
    e.u.connected.remote = (wpm_bytes){won->bytes, won->len};
    e.u.connected.public_key = (wpm_bytes){e.peer.data + 2, e.peer.len - 2};
    e.u.connected.failed = failed;
    e.u.connected.failed_count = count;
  } else {
    e.u.dial_failed.dial = dial->dial;
    e.u.dial_failed.reason = failed[0].reason;
    e.u.dial_failed.addresses = failed;
    e.u.dial_failed.address_count = count;
  }
  assert_int_equal(wpm_world_handle(r->w, &e), WPM_OK);
  assert_int_equal(wpm_world_record(r->w, dial->peer).failures,
                   failures + (!won && !swallowed ? 1 : 0));
  assert_true(!won || !is_blocked(r, won->path));
}

/* ---- what happens -------------------------------------------------------------------------------- */

/* Looks at all dials that were asked for; then some are answered. What an answer leads to is looked at
 * before the next, as things are then. */
static void serve(run *r, size_t *looked, wpm_world_action *waiting, size_t *count) {
  for (; *looked < r->w->count; ++*looked) {
    const wpm_world_action *a = &r->w->log[*looked];
    if (a->type == WPM_ACTION_DIAL) {
      check_dial(r, a, r->asked[a->peer]);
      r->asked[a->peer] = false;
      waiting[(*count)++] = *a;
    }
  }
  for (unsigned path = 0; path < WPM_PATH_COUNT; path++) {
    wpm_path_state state = wpm_manager_path(r->w->manager, (wpm_path)path);
    assert_true(!state.is_blocked || state.connections == 0);
    assert_true(!state.is_blocked || state.silent == WPM_PATH_SILENT_MAX);
  }
}

static void answer_all(run *r) {
  static wpm_world_action waiting[PEERS * 4];
  size_t count = 0;
  size_t looked = 0;
  serve(r, &looked, waiting, &count);
  for (size_t i = 0; i < count; i++) {
    answer_dial(r, &waiting[i]);
    serve(r, &looked, waiting, &count);
    assert_true(count < PEERS * 3);
  }
  wpm_world_forget_log(r->w);
}

static void end_some(run *r) {
  for (size_t i = 0; i < LINKS; i++) {
    link l = r->links[i];
    if (l.id && one_in(r, 4)) {
      r->links[i].id = 0;
      assert_int_equal(wpm_world_disconnected(r->w, l.peer, l.id, WPM_REASON_EOF), WPM_OK);
    }
  }
}

static void person_connects(run *r) {
  int peer = (int)below(r, PEERS);
  size_t before = r->w->count;
  r->asked[peer] = wpm_world_state(r->w, peer) != WPM_CONNECTED;
  wpm_world_person(r->w, peer, WPM_EVENT_PERSON_CONNECT);
  if (r->w->count == before) {
    r->asked[peer] = false;
  }
}

static void step(run *r) {
  if (one_in(r, 8)) {
    wpm_path path = (wpm_path)below(r, WPM_PATH_COUNT);
    r->holes[path] = !r->holes[path];
  }
  if (one_in(r, 60)) {
    wpm_event e = {.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_CHANGED};
    assert_int_equal(wpm_world_handle(r->w, &e), WPM_OK);
    answer_all(r);
  }
  end_some(r);
  answer_all(r);
  if (one_in(r, 3)) {
    person_connects(r);
    answer_all(r);
  }
  /* To one deadline after another: what is asked for at each is looked at as things are then. */
  int64_t end = r->w->now.mono.ns + (int64_t)below(r, 20) * WPM_SECOND;
  while (r->w->now.mono.ns < end) {
    int64_t next = wpm_manager_next_deadline(r->w->manager).ns;
    next = next < end ? next : end;
    wpm_world_run(r->w, next > r->w->now.mono.ns ? next - r->w->now.mono.ns : 0);
    answer_all(r);
  }
}

static void what_is_dialled(void **state) {
  (void)state;
  size_t probes = 0;
  size_t besides = 0;
  size_t left_out = 0;
  size_t opened = 0;
  for (unsigned i = 0; i < RUNS; i++) {
    run *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    wpm_rng_init(&r->rng, wpm_test_seed() + i);
    r->w = wpm_world_new(LOCAL);
    r->w->config.seed = wpm_test_seed() + i;
    r->w->config.keep_alive = false;
    r->w->config.reconnect_max_ns = 10 * WPM_SECOND;
    r->w->config.prune_backoff_ns = WPM_SECOND;
    wpm_world_start(r->w);
    for (int peer = 0; peer < PEERS; peer++) {
      make_peer(r, peer);
    }
    answer_all(r); /* A change of the network would cut these dials short. */
    for (int n = 0; n < STEPS; n++) {
      step(r);
    }
    probes += r->probes;
    besides += r->besides;
    left_out += r->left_out;
    opened += r->opened;
    wpm_world_free(r->w);
    free(r);
  }
  assert_true(probes > 0 && besides > 0 && left_out > 0 && opened > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_dialled)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
