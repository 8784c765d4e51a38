#include "support/core/network.h"

#include "support/core/world.h"
#include "support/records.h"
#include "support/test.h"

#include "base/bytes.h"
#include "base/heap.h"
#include "base/record.h"

#include <string.h>

enum { NODES = 1600, PORT = 60000 };

/* One end of a link, as its node believes. */
typedef struct end {
  int node;
  bool up;
  wpm_connection_id connection; /* Of a managed node. */
} end;

typedef enum event_kind {
  LISTENER_UP, /* The listener has the connection. */
  DIALLER_UP,  /* And now the dialler. */
  DIAL_FAILS,  /* The dial came to nothing. */
  CLOSED,      /* The other end's close arrives. */
  BYTES,       /* Bytes arrive; `answer` goes back where set. */
  ANSWER       /* The answer to a ping, identify or metadata arrives. */
} event_kind;

typedef struct event {
  event_kind kind;
  int link;
  int side;             /* 0: the dialler's end, 1: the listener's. */
  wpm_action_type what; /* BYTES, ANSWER: what was asked. */
  wpm_reason reason;    /* CLOSED, DIAL_FAILS. */
  int64_t asked;        /* When. */
} event;

typedef struct link {
  end ends[2]; /* Dialler, listener. */
  wpm_dial_id dial;
  int64_t latency;
  bool cut;
  bool abandoned; /* The dial was cancelled. */
} link;

typedef struct node {
  bool managed;
  bool alive;
  bool frozen;
  uint32_t cluster_id;
  wpm_manager *manager;
  wpm_manager_config config;
  wpm_peer_record **disk; /* By node. */
  wpm_instant heartbeat;
  int64_t *ended;   /* By node: when it saw the last connection with it end; -1: never. */
  int64_t *dialled; /* By node: when it last dialled us; -1: never. */
  size_t dials_seen;
} node;

struct wpm_network {
  uint64_t random;
  int64_t now;
  int64_t latency_from, latency_to;
  wpm_manager_config config;
  wpm_connection_id next_connection;
  node nodes[NODES];
  int node_count;
  link *links;
  int link_count, link_capacity;
  event *events; /* By slot of the heap. */
  wpm_heap times;
  uint32_t event_slots;
  uint32_t *unused;
  uint32_t unused_count, unused_capacity;
};

static wpm_instant instant(const wpm_network *net) {
  return (wpm_instant){{net->now}, {1735689600 * WPM_SECOND + net->now}, 1};
}

/* ---- events ---------------------------------------------------------------------------------- */

static void after(wpm_network *net, int64_t ns, event e) {
  if (net->unused_count == 0) {
    uint32_t capacity = net->unused_capacity ? net->unused_capacity * 2 : 1024;
    net->events = realloc(net->events, capacity * sizeof(*net->events));
    net->unused = realloc(net->unused, capacity * sizeof(*net->unused));
    assert_true(net->events && net->unused);
    assert_int_equal(wpm_heap_reserve(&net->times, capacity), WPM_OK);
    for (uint32_t slot = capacity; slot-- > net->unused_capacity;) {
      net->unused[net->unused_count++] = slot;
    }
    net->unused_capacity = capacity;
  }
  uint32_t slot = net->unused[--net->unused_count];
  net->events[slot] = e;
  wpm_heap_set(&net->times, slot, (wpm_mono){net->now + (ns > 0 ? ns : 0)});
}

static int64_t draw_latency(wpm_network *net) {
  uint64_t span = (uint64_t)(net->latency_to - net->latency_from) + 1;
  return net->latency_from + (int64_t)wpm_test_random_below(&net->random, span);
}

/* ---- managers -------------------------------------------------------------------------------- */

static void pull(wpm_network *net, int n);

static void handle(wpm_network *net, int n, wpm_event *e, int peer) {
  e->peer = wpm_world_id(peer);
  int err = wpm_manager_handle(net->nodes[n].manager, e, instant(net));
  assert_int_equal(err, WPM_OK);
  pull(net, n);
}

static int number_of(wpm_bytes id) {
  return id.data[7] << 8 | id.data[8];
}

static int begin_dial(wpm_network *net, int from, int to, wpm_dial_id dial) {
  if (net->link_count == net->link_capacity) {
    net->link_capacity = net->link_capacity ? net->link_capacity * 2 : 256;
    net->links = realloc(net->links, (size_t)net->link_capacity * sizeof(*net->links));
    assert_non_null(net->links);
  }
  int number = net->link_count++;
  link *l = &net->links[number];
  *l = (link){.ends = {{.node = from}, {.node = to}}, .dial = dial, .latency = draw_latency(net)};
  const node *listener = &net->nodes[to];
  if (!listener->alive) {
    after(net, 2 * l->latency,
          (event){.kind = DIAL_FAILS, .link = number, .reason = WPM_REASON_REFUSED});
  } else if (listener->frozen) {
    after(net, net->nodes[from].config.dial_timeout_ns,
          (event){.kind = DIAL_FAILS, .link = number, .reason = WPM_REASON_DIAL_TIMEOUT});
  } else {
    after(net, 3 * l->latency, (event){.kind = LISTENER_UP, .link = number, .side = 1});
  }
  return number;
}

static int link_of(const wpm_network *net, int n, wpm_connection_id connection, int *side) {
  for (int i = net->link_count; i-- > 0;) {
    for (int s = 0; s < 2; s++) {
      const end *e = &net->links[i].ends[s];
      if (e->node == n && e->connection == connection) {
        *side = s;
        return i;
      }
    }
  }
  fail_msg("an action about a connection that never was");
  abort(); /* fail_msg does not return, but the compiler is not told. */
}

/* This end's host closes: the other end learns of it a latency later. */
static void close_end(wpm_network *net, int number, int side, wpm_reason other_sees) {
  link *l = &net->links[number];
  l->ends[side].up = false;
  after(net, l->latency,
        (event){.kind = CLOSED, .link = number, .side = 1 - side, .reason = other_sees});
}

static void act_on_connection(wpm_network *net, int n, const wpm_action *action) {
  int side;
  int number = link_of(net, n, action->u.ping.connection, &side);
  if (!net->links[number].ends[side].up) {
    return; /* It ended in this very moment. */
  }
  if (action->type == WPM_ACTION_DISCONNECT) {
    close_end(net, number, side, WPM_REASON_GO_AWAY);
    wpm_event e = {.type = WPM_EVENT_DISCONNECTED};
    e.u.disconnected.connection = action->u.disconnect.connection;
    e.u.disconnected.reason = action->u.disconnect.reason;
    handle(net, n, &e, net->links[number].ends[1 - side].node);
    return;
  }
  after(net, net->links[number].latency,
        (event){.kind = BYTES,
                .link = number,
                .side = 1 - side,
                .what = action->type,
                .asked = net->now});
}

static void store(wpm_network *net, node *n, int peer) {
  wpm_peer_record record;
  assert_int_equal(wpm_store_get(wpm_manager_store(n->manager), wpm_world_id(peer), &record),
                   WPM_OK);
  free(n->disk[peer]);
  n->disk[peer] = wpm_record_clone(&record);
  assert_non_null(n->disk[peer]);
  n->heartbeat = instant(net);
}

static void pull(wpm_network *net, int number) {
  node *n = &net->nodes[number];
  wpm_action action;
  while (n->manager && wpm_manager_next_action(n->manager, &action)) {
    int peer = number_of(action.peer);
    switch (action.type) {
    case WPM_ACTION_DIAL:
      (void)begin_dial(net, number, peer, action.u.dial.dial);
      break;
    case WPM_ACTION_CANCEL_DIAL:
      for (int i = 0; i < net->link_count; i++) {
        link *l = &net->links[i];
        if (l->ends[0].node == number && l->dial == action.u.cancel_dial.dial) {
          l->abandoned = true;
        }
      }
      break;
    case WPM_ACTION_DISCONNECT:
    case WPM_ACTION_PING:
    case WPM_ACTION_IDENTIFY:
    case WPM_ACTION_REQUEST_METADATA:
      act_on_connection(net, number, &action);
      break;
    case WPM_ACTION_PERSIST:
      store(net, n, peer);
      break;
    case WPM_ACTION_FORGET:
      free(n->disk[peer]);
      n->disk[peer] = NULL;
      break;
    case WPM_ACTION_PERSIST_RANGE_BAN:
    case WPM_ACTION_NOTIFY:
      break;
    }
  }
}

/* ---- what happens at an end ------------------------------------------------------------------ */

static void end_up(wpm_network *net, int number, int side) {
  link *l = &net->links[number];
  int n = l->ends[side].node;
  l->ends[side].up = true;
  if (!net->nodes[n].managed) {
    return;
  }
  int peer = l->ends[1 - side].node;
  wpm_event e = {.type = WPM_EVENT_CONNECTED};
  e.u.connected.connection = l->ends[side].connection = ++net->next_connection;
  e.u.connected.dial = side == 0 ? l->dial : 0;
  e.u.connected.direction = side == 0 ? WPM_OUTBOUND : WPM_INBOUND;
  e.u.connected.remote = wpm_world_address(peer, side == 0 ? PORT : 50000);
  e.u.connected.public_key = (wpm_bytes){wpm_world_id(peer).data + 2, 37};
  handle(net, n, &e, peer);
}

static void end_down(wpm_network *net, int number, int side, wpm_reason reason) {
  link *l = &net->links[number];
  node *n = &net->nodes[l->ends[side].node];
  int peer = l->ends[1 - side].node;
  if (!l->ends[side].up) {
    return;
  }
  l->ends[side].up = false;
  if (!n->managed) {
    n->ended[peer] = net->now;
    return;
  }
  wpm_event e = {.type = WPM_EVENT_DISCONNECTED};
  e.u.disconnected.connection = l->ends[side].connection;
  e.u.disconnected.reason = reason;
  handle(net, l->ends[side].node, &e, peer);
}

/* A plain peer's right: no dial before its backoff is over. */
static void check_right(wpm_network *net, node *n, int from) {
  int64_t ended = n->ended[from];
  const wpm_manager_config *c = &net->nodes[from].config;
  if (!n->managed && ended >= 0 && net->now < ended + c->prune_backoff_ns) {
    fail_msg("dialled %lld ms after the end, %lld ms early",
             (long long)((net->now - ended) / WPM_MILLISECOND),
             (long long)((ended + c->prune_backoff_ns - net->now) / WPM_MILLISECOND));
  }
}

static void fail_dial(wpm_network *net, int number, wpm_reason reason) {
  const link *l = &net->links[number];
  node *n = &net->nodes[l->ends[0].node];
  if (!n->alive || l->abandoned) {
    return;
  }
  wpm_bytes address = wpm_world_address(l->ends[1].node, PORT);
  wpm_failed_address failed = {address, reason};
  wpm_event e = {.type = WPM_EVENT_DIAL_FAILED};
  e.u.dial_failed.dial = l->dial;
  e.u.dial_failed.reason = reason;
  e.u.dial_failed.addresses = &failed;
  e.u.dial_failed.address_count = 1;
  handle(net, l->ends[0].node, &e, l->ends[1].node);
}

static void listener_up(wpm_network *net, int number) {
  link *l = &net->links[number];
  node *n = &net->nodes[l->ends[1].node];
  int from = l->ends[0].node;
  if (!n->alive) {
    after(net, l->latency,
          (event){.kind = DIAL_FAILS, .link = number, .reason = WPM_REASON_UPGRADE_CLOSED});
    return;
  }
  check_right(net, n, from);
  n->dialled[from] = net->now;
  n->dials_seen++;
  int64_t latency = l->latency;
  end_up(net, number, 1);
  after(net, latency, (event){.kind = DIALLER_UP, .link = number});
}

static void dialler_up(wpm_network *net, int number) {
  link *l = &net->links[number];
  node *n = &net->nodes[l->ends[0].node];
  if (!n->alive || l->abandoned) {
    end_down(net, number, 1, WPM_REASON_EOF);
    return;
  }
  end_up(net, number, 0);
}

static void bytes_arrive(wpm_network *net, const event *e) {
  link *l = &net->links[e->link];
  node *n = &net->nodes[l->ends[e->side].node];
  int64_t latency = l->latency;
  if (!l->ends[1 - e->side].up || l->cut || !n->alive || n->frozen) {
    return;
  }
  if (!l->ends[e->side].up) { /* The dialler is not ready yet, or it has closed. */
    if (e->side == 0 && net->now - e->asked < 8 * latency && !l->ends[0].connection) {
      after(net, latency, *e);
    }
    return;
  }
  if (n->managed) {
    wpm_event received = {.type = WPM_EVENT_RECEIVED};
    received.u.received.connection = l->ends[e->side].connection;
    handle(net, l->ends[e->side].node, &received, l->ends[1 - e->side].node);
  }
  event answer = *e;
  answer.kind = ANSWER;
  answer.side = 1 - e->side;
  after(net, latency, answer);
}

static void answer_arrives(wpm_network *net, const event *e) {
  static const wpm_text protocols[] = {{"/ipfs/id/1.0.0", 14}, {"/vac/waku/relay/2.0.0", 21}};
  const link *l = &net->links[e->link];
  int n = l->ends[e->side].node;
  int peer = l->ends[1 - e->side].node;
  if (!l->ends[e->side].up || l->cut || !net->nodes[n].alive || net->nodes[n].frozen) {
    return;
  }
  wpm_connection_id connection = l->ends[e->side].connection;
  wpm_event received = {.type = WPM_EVENT_RECEIVED};
  received.u.received.connection = connection;
  handle(net, n, &received, peer);
  wpm_bytes address = wpm_world_address(peer, PORT);
  wpm_identified identified = {
      .protocols = protocols, .protocol_count = 2, .addresses = &address, .address_count = 1};
  wpm_event fact = {0};
  if (e->what == WPM_ACTION_PING) {
    fact.type = WPM_EVENT_PONG;
    fact.u.pong.connection = connection;
    fact.u.pong.rtt_ns = net->now - e->asked;
  } else if (e->what == WPM_ACTION_IDENTIFY) {
    fact.type = WPM_EVENT_IDENTIFIED;
    fact.u.identified.connection = connection;
    fact.u.identified.identified = &identified;
  } else {
    fact.type = WPM_EVENT_METADATA;
    fact.u.metadata.connection = connection;
    fact.u.metadata.has_cluster_id = true;
    fact.u.metadata.cluster_id = net->nodes[peer].cluster_id;
  }
  handle(net, n, &fact, peer);
}

static void happen(wpm_network *net, event e) {
  const link *l = &net->links[e.link];
  switch (e.kind) {
  case LISTENER_UP:
    listener_up(net, e.link);
    break;
  case DIALLER_UP:
    dialler_up(net, e.link);
    break;
  case DIAL_FAILS:
    fail_dial(net, e.link, e.reason);
    break;
  case CLOSED:
    if (!l->cut && net->nodes[l->ends[e.side].node].alive) {
      if (e.side == 0 && !l->ends[0].up && !l->ends[0].connection) {
        fail_dial(net, e.link, WPM_REASON_UPGRADE_CLOSED);
        net->links[e.link].abandoned = true;
      }
      end_down(net, e.link, e.side, e.reason);
    }
    break;
  case BYTES:
    bytes_arrive(net, &e);
    break;
  case ANSWER:
    answer_arrives(net, &e);
    break;
  }
}

/* ---- time ------------------------------------------------------------------------------------ */

void wpm_network_run(wpm_network *net, int64_t ns) {
  int64_t until = net->now + ns;
  for (;;) {
    uint32_t slot = 0;
    int64_t next = wpm_heap_least(&net->times, &slot).ns;
    int due = -1;
    for (int i = 0; i < net->node_count; i++) {
      const node *n = &net->nodes[i];
      if (n->manager && !n->frozen && wpm_manager_next_deadline(n->manager).ns < next) {
        next = wpm_manager_next_deadline(n->manager).ns;
        due = i;
      }
    }
    if (next > until) {
      net->now = until;
      return;
    }
    net->now = next > net->now ? next : net->now;
    if (due >= 0) {
      assert_int_equal(wpm_manager_advance(net->nodes[due].manager, instant(net)), WPM_OK);
      pull(net, due);
      continue;
    }
    event e = net->events[slot];
    wpm_heap_set(&net->times, slot, WPM_NEVER);
    net->unused[net->unused_count++] = slot;
    happen(net, e);
  }
}

int64_t wpm_network_now(const wpm_network *net) {
  return net->now;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

wpm_network *wpm_network_new(uint64_t seed) {
  wpm_network *net = calloc(1, sizeof(*net));
  assert_non_null(net);
  net->random = seed;
  net->now = 1000 * WPM_SECOND;
  wpm_network_latency(net, WPM_MILLISECOND, 50 * WPM_MILLISECOND);
  wpm_manager_config_default(&net->config);
  net->config.relay_outbound = 0;
  wpm_heap_init(&net->times);
  return net;
}

void wpm_network_free(wpm_network *net) {
  for (int i = 0; i < net->node_count; i++) {
    node *n = &net->nodes[i];
    wpm_manager_free(n->manager);
    for (int k = 0; n->disk && k < NODES; k++) {
      free(n->disk[k]);
    }
    free(n->disk);
    free(n->ended);
    free(n->dialled);
  }
  wpm_heap_fini(&net->times);
  free(net->links);
  free(net->events);
  free(net->unused);
  free(net);
}

wpm_manager_config *wpm_network_config(wpm_network *net) {
  return &net->config;
}

void wpm_network_latency(wpm_network *net, int64_t from, int64_t to) {
  net->latency_from = from;
  net->latency_to = to;
}

int wpm_network_add(wpm_network *net, bool managed) {
  assert_true(net->node_count < NODES);
  int number = net->node_count++;
  node *n = &net->nodes[number];
  *n = (node){.managed = managed, .cluster_id = 1, .config = net->config};
  n->ended = malloc(NODES * sizeof(*n->ended));
  n->dialled = malloc(NODES * sizeof(*n->dialled));
  n->disk = managed ? calloc(NODES, sizeof(wpm_peer_record *)) : NULL;
  assert_true(n->ended && n->dialled && (n->disk || !managed));
  for (int i = 0; i < NODES; i++) {
    n->ended[i] = n->dialled[i] = -1;
  }
  n->config.seed = (uint64_t)number;
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(number), &n->config.local_peer), WPM_OK);
  wpm_network_start(net, number);
  return number;
}

void wpm_network_set_cluster(wpm_network *net, int number, uint32_t cluster_id) {
  net->nodes[number].cluster_id = cluster_id;
}

void wpm_network_tell(wpm_network *net, int manager, int number, bool is_static) {
  wpm_bytes address = wpm_world_address(number, PORT);
  wpm_event e = {.type = WPM_EVENT_FOUND};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_CONFIG;
  e.u.found.origin = WPM_ORIGIN_STATIC;
  e.u.found.is_static = is_static;
  handle(net, manager, &e, number);
}

void wpm_network_person(wpm_network *net, int manager, int number, wpm_event_type type) {
  wpm_event e = {.type = type};
  handle(net, manager, &e, number);
}

void wpm_network_start(wpm_network *net, int number) {
  node *n = &net->nodes[number];
  n->alive = true;
  n->frozen = false;
  if (!n->managed) {
    return;
  }
  assert_int_equal(wpm_manager_new(&n->config, &n->manager), WPM_OK);
  for (int i = 0; i < NODES; i++) {
    if (n->disk[i]) {
      assert_int_equal(wpm_manager_restore(n->manager, n->disk[i], &n->heartbeat, instant(net)),
                       WPM_OK);
    }
  }
  pull(net, number);
}

static void end_process(wpm_network *net, int number, bool silent) {
  node *n = &net->nodes[number];
  wpm_manager_free(n->manager);
  n->manager = NULL;
  n->alive = false;
  for (int i = 0; i < net->link_count; i++) {
    for (int side = 0; side < 2; side++) {
      if (net->links[i].ends[side].node == number && net->links[i].ends[side].up) {
        close_end(net, i, side, WPM_REASON_EOF);
        net->links[i].cut = silent;
      }
    }
  }
}

void wpm_network_stop(wpm_network *net, int number) {
  node *n = &net->nodes[number];
  if (n->manager) {
    wpm_manager_stop(n->manager, instant(net));
    pull(net, number);
  }
  end_process(net, number, false);
}

void wpm_network_kill(wpm_network *net, int number, bool silent) {
  net->nodes[number].heartbeat = instant(net);
  net->nodes[number].heartbeat.mono.ns -= WPM_SECOND / 2;
  end_process(net, number, silent);
}

void wpm_network_freeze(wpm_network *net, int number, bool frozen) {
  net->nodes[number].frozen = frozen;
}

void wpm_network_cut(wpm_network *net, int a, int b) {
  for (int i = 0; i < net->link_count; i++) {
    link *l = &net->links[i];
    l->cut = l->cut || (l->ends[0].node == a && l->ends[1].node == b) ||
             (l->ends[0].node == b && l->ends[1].node == a);
  }
}

/* ---- looking --------------------------------------------------------------------------------- */

const wpm_manager *wpm_network_manager(const wpm_network *net, int number) {
  return net->nodes[number].manager;
}

wpm_peer_record wpm_network_record(const wpm_network *net, int manager, int number) {
  wpm_peer_record record;
  assert_int_equal(
      wpm_store_get(wpm_manager_store(net->nodes[manager].manager), wpm_world_id(number), &record),
      WPM_OK);
  return record;
}

static int count_links(const wpm_network *net, int a, int b, int ends) {
  int count = 0;
  for (int i = 0; i < net->link_count; i++) {
    const link *l = &net->links[i];
    bool between = (l->ends[0].node == a && l->ends[1].node == b) ||
                   (l->ends[0].node == b && l->ends[1].node == a);
    count += between && l->ends[0].up + l->ends[1].up >= ends;
  }
  return count;
}

int wpm_network_links(const wpm_network *net, int a, int b) {
  return count_links(net, a, b, 2);
}

int wpm_network_half_links(const wpm_network *net, int a, int b) {
  return count_links(net, a, b, 1);
}

int64_t wpm_network_last_dialled(const wpm_network *net, int number, int from) {
  return net->nodes[number].dialled[from];
}

size_t wpm_network_dials_seen(const wpm_network *net, int number) {
  return net->nodes[number].dials_seen;
}
