/* Nodes on one loop, over real loopback sockets, with short delays. */
#pragma once

#include "support/loopback.h"
#include "support/run_until.h"

#include <wakupeers/node.h>

#include "base/bytes.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LAB_NODES 4

typedef struct lab_node {
  struct lab *lab;
  wpm_node *node; /* NULL while it is not there. */
  wpm_node_config config;
  wpm_node_key key;
  wpm_peer_id id;
  wpm_text listen;      /* The first time any port, from then on the same one. */
  char listen_text[80]; /* What `listen` leads to. */
  char address[600];    /* Where it is reached, with /p2p/ID. */
  wpm_text statics[2];  /* Static nodes. */
  wpm_node_change last; /* The last change; `peer` is not kept. */
  wpm_node_change down; /* The last one from Connected. */
  size_t ups, downs;    /* Changes to and from Connected. */
  char errors[400];     /* The last message of level ERROR, or above. */
  size_t error_count;   /* Their number. */
  bool stopped;
  void (*in_changed)(struct lab_node *n); /* From inside a change; may be NULL. */
} lab_node;

typedef struct lab {
  uv_loop_t loop;
  lab_node nodes[LAB_NODES];
} lab;

static inline void lab_changed(void *user, const wpm_node_change *change) {
  lab_node *n = user;
  n->last = *change;
  n->ups += change->to == WPM_CONNECTED;
  if (change->from == WPM_CONNECTED) {
    n->downs++;
    n->down = *change;
  }
  if (n->in_changed) {
    n->in_changed(n);
  }
}

static inline void lab_log(void *user, wpm_log_level level, const char *topic, const char *text) {
  lab_node *n = user;
  if (level >= WPM_LOG_ERROR) {
    n->error_count++;
    (void)snprintf(n->errors, sizeof n->errors, "%s: %s", topic, text);
  }
}

static inline void lab_init(lab *l) {
  memset(l, 0, sizeof *l);
  char host[LOOPBACK_TEXT];
  (void)signal(SIGPIPE, SIG_IGN);
  assert_int_equal(uv_loop_init(&l->loop), 0);
  loopback_own(0, host);
  for (size_t i = 0; i < LAB_NODES; i++) {
    lab_node *n = &l->nodes[i];
    wpm_node_config *config = &n->config;
    n->lab = l;
    assert_int_equal(
        wpm_node_key_new(i % 2 ? WPM_NODE_KEY_ED25519 : WPM_NODE_KEY_SECP256K1, &n->key), WPM_OK);
    assert_int_equal(wpm_node_key_peer_id(&n->key, &n->id, NULL), WPM_OK);
    wpm_node_config_default(config);
    config->loop = &l->loop;
    config->manager.relay_outbound = 0; /* They speak no relay: so whom one held it wants back. */
    config->logger = (wpm_logger){.log = lab_log, .user = n, .minimum = WPM_LOG_TRACE};
    config->key = &n->key;
    config->agent = WPM_TEXT("lab/1");
    config->listen = &n->listen;
    config->listen_count = 1;
    config->static_nodes = n->statics;
    config->changed = lab_changed;
    config->user = n;
    config->manager.reconnect_min_ns = 10 * WPM_MILLISECOND;
    config->manager.reconnect_max_ns = 20 * WPM_MILLISECOND;
    config->manager.prune_backoff_ns = 0;
    config->manager.backoff_slack_ns = 0;
    config->manager.dial_timeout_ns = 5 * WPM_SECOND;
    (void)snprintf(n->listen_text, sizeof n->listen_text, "/ip4/%s/tcp/0", host);
    n->listen = wpm_text_of(n->listen_text);
  }
}

/* Where it listens, as text with its id. */
static inline void lab_read_address(lab_node *n) {
  wpm_bytes bound;
  wpm_multiaddr whole;
  assert_true(wpm_node_listen_address(n->node, 0, &bound));
  assert_int_equal(wpm_multiaddr_with_peer(bound, wpm_peer_id_view(&n->id), &whole), WPM_OK);
  assert_int_equal(
      wpm_multiaddr_format(wpm_multiaddr_view(&whole), n->address, sizeof n->address, NULL, NULL),
      WPM_OK);
  assert_int_equal(wpm_multiaddr_format(bound, n->listen_text, sizeof n->listen_text, NULL, NULL),
                   WPM_OK);
  n->listen = wpm_text_of(n->listen_text);
}

/* Makes and starts it. */
static inline void lab_start(lab_node *n) {
  wpm_error error;
  n->stopped = false;
  if (wpm_node_new(&n->config, &n->node, &error) != WPM_OK ||
      wpm_node_start(n->node, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  assert_true(
      wpm_bytes_equal(wpm_peer_id_view(wpm_node_peer_id(n->node)), wpm_peer_id_view(&n->id)));
  if (n->config.listen_count > 0) {
    lab_read_address(n);
  }
}

static inline void lab_stopped(void *user) {
  ((lab_node *)user)->stopped = true;
}

/* Stops and frees it; it may be started again. */
static inline void lab_stop(lab_node *n) {
  if (n->node) {
    wpm_node_stop(n->node, lab_stopped, n);
    RUN_UNTIL(&n->lab->loop, n->stopped);
    wpm_node_free(n->node);
    n->node = NULL;
  }
}

static inline void lab_fini(lab *l) {
  for (size_t i = 0; i < LAB_NODES; i++) {
    lab_stop(&l->nodes[i]);
    wpm_node_key_wipe(&l->nodes[i].key);
  }
  assert_int_equal(uv_run(&l->loop, UV_RUN_NOWAIT), 0);
  assert_int_equal(uv_loop_close(&l->loop), 0);
}

/* `n` holds `to` as a static node when it starts. */
static inline void lab_hold(lab_node *n, const lab_node *to) {
  n->statics[n->config.static_node_count++] = wpm_text_of(to->address);
}

/* A lab whose first node, `a`, runs. The second, `b`, may be configured before it is started too. */
static inline void lab_open(lab *l, lab_node **a, lab_node **b) {
  lab_init(l);
  *a = &l->nodes[0];
  *b = &l->nodes[1];
  lab_start(*a);
}

/* What `n` knows of `of`; false where it knows nothing. The views last until the loop runs. */
static inline bool lab_record(const lab_node *n, const lab_node *of, wpm_peer_record *out) {
  return wpm_store_get(wpm_manager_store(wpm_node_manager(n->node)), wpm_peer_id_view(&of->id),
                       out) == WPM_OK;
}

/* Its connectivity; -1 where it knows nothing. */
static inline int lab_connectivity(const lab_node *n, const lab_node *of) {
  wpm_peer_record record;
  return lab_record(n, of, &record) ? (int)record.connectivity : -1;
}

static inline wpm_plan lab_plan(const lab_node *n, const lab_node *of) {
  wpm_plan plan;
  assert_int_equal(wpm_manager_plan(wpm_node_manager(n->node), wpm_peer_id_view(&of->id),
                                    wpm_node_now(n->node), &plan),
                   WPM_OK);
  return plan;
}

static inline wpm_node_counters lab_counters(const lab_node *n) {
  wpm_node_counters counters;
  wpm_node_get_counters(n->node, &counters);
  return counters;
}

/* Both see each other as connected, and have identified each other. */
#define LAB_CONNECTED(a, b) RUN_UNTIL(&(a)->lab->loop, lab_knows((a), (b)) && lab_knows((b), (a)))

static inline bool lab_knows(const lab_node *n, const lab_node *of) {
  wpm_peer_record record;
  return lab_record(n, of, &record) && record.connectivity == WPM_CONNECTED &&
         record.protocols_known && record.metadata_known;
}

/* Starts `n`, which holds `to` as a static node; both are connected then. */
static inline void lab_join(lab_node *n, lab_node *to) {
  lab_hold(n, to);
  lab_start(n);
  LAB_CONNECTED(to, n);
}

/* The outcome of something that a person asked for. */
typedef struct lab_outcome {
  size_t told;
  int err;
  wpm_reason reason;
  wpm_step step;
  char detail[200];
} lab_outcome;

static inline void lab_told(void *user, wpm_bytes peer, const wpm_attempt *attempt) {
  lab_outcome *outcome = user;
  assert_true(peer.len > 0);
  outcome->told++;
  outcome->err = attempt->err;
  outcome->reason = attempt->reason;
  outcome->step = attempt->step;
  (void)snprintf(outcome->detail, sizeof outcome->detail, "%s", attempt->detail);
}

static inline int lab_connect(lab_node *n, const lab_node *to, lab_outcome *outcome) {
  memset(outcome, 0, sizeof *outcome);
  return wpm_node_connect(n->node, wpm_peer_id_view(&to->id), lab_told, outcome);
}
