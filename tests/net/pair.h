/* Two hosts on one loop, over real loopback sockets, and a log of what each was told. Tests wait on
 * events: RUN_UNTIL turns the loop until its condition holds, or fails after a deadline. */
#pragma once

#include "support/run_until.h"
#include "support/test.h"

#include "base/bytes.h"
#include "net/host.h"
#include "proto/muxer.h"
#include "proto/signed_record.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PAIR_ATTEMPTS 8 /* Attempts of a failed dial that are kept. */

/* What one host was told, and what it holds. */
typedef struct pair_side {
  wpm_identity identity;
  wpm_host *host;
  wpm_host_config config;
  wpm_conn *conn;   /* The last connection that came up; NULL once it ended. */
  size_t connected; /* How many came up. */
  size_t closed;    /* How many ended, not by us. */
  size_t failed;    /* Dials that failed. */
  size_t inbound_failed;
  size_t received;
  size_t identified; /* Identify answers and pushes. */
  size_t unidentified;
  size_t pushed;
  size_t metadata;
  size_t no_metadata;
  size_t pongs;
  int64_t last_rtt;
  wpm_end last_end; /* Of a connection, dial or inbound upgrade; `detail` is in `detail`. */
  char detail[200];
  size_t ends[WPM_STEP_COUNT][WPM_REASON_COUNT]; /* All of them, counted. */
  char agent[64];                                /* By the last identify. */
  size_t protocol_count;
  size_t address_count;
  int record_err;           /* What opening the last identify's signed record gave. */
  wpm_signed_record record; /* That record, without its addresses. */
  wpm_metadata last_metadata;
  wpm_peer_id other; /* Who answered a dial instead. */
  wpm_reason
      attempts[PAIR_ATTEMPTS]; /* Of the last dial that ended, address by address that failed. */
  size_t attempt_count;
  void *dial_user; /* Of the last dial that ended. */
  uint64_t random; /* State of the test's random source. */
  bool stopping, stopped;
  /* What the test does from inside a callback; may be NULL. */
  void (*in_connected)(struct pair_side *side, wpm_conn *conn);
  void (*in_dial_failed)(struct pair_side *side);
  void (*in_closed)(struct pair_side *side);
} pair_side;

typedef struct host_pair {
  uv_loop_t loop;
  wpm_crypto *crypto;
  wpm_metadata metadata;
  pair_side a; /* Listens. */
  pair_side b; /* Listens too. */
} host_pair;

static inline void pair_random(void *user, uint8_t *out, size_t len) {
  pair_side *side = user;
  for (size_t i = 0; i < len; i++) {
    side->random = side->random * 6364136223846793005U + 1442695040888963407U;
    out[i] = (uint8_t)(side->random >> 56);
  }
}

static inline void keep_end(pair_side *side, const wpm_end *end) {
  side->last_end = *end;
  (void)snprintf(side->detail, sizeof side->detail, "%s", end->detail);
  side->last_end.detail = side->detail;
  side->ends[end->step][end->reason]++;
}

static inline void keep_attempts(pair_side *side, const wpm_dial_attempt *attempts, size_t count) {
  assert_true(count <= PAIR_ATTEMPTS);
  side->attempt_count = count;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(wpm_multiaddr_check(attempts[i].multiaddr), WPM_OK);
    side->attempts[i] = attempts[i].reason;
  }
}

static inline void on_connected(void *user, wpm_conn *conn, wpm_dial *dial) {
  pair_side *side = user;
  side->conn = conn;
  side->connected++;
  side->dial_user = dial ? wpm_dial_user(dial) : NULL;
  if (dial) {
    wpm_dial_attempt attempts[PAIR_ATTEMPTS];
    keep_attempts(side, attempts, wpm_dial_failed(dial, attempts, PAIR_ATTEMPTS));
  }
  if (side->in_connected) {
    side->in_connected(side, conn);
  }
}

static inline void on_dial_failed(void *user, wpm_dial *dial, const wpm_end *end,
                                  const wpm_dial_attempt *attempts, size_t attempt_count) {
  pair_side *side = user;
  side->failed++;
  keep_end(side, end);
  assert_int_equal(wpm_peer_id_from_bytes(wpm_dial_other_peer(dial), &side->other), WPM_OK);
  side->dial_user = wpm_dial_user(dial);
  keep_attempts(side, attempts, attempt_count);
  if (side->in_dial_failed) {
    side->in_dial_failed(side);
  }
}

static inline void on_inbound_failed(void *user, const wpm_end *end) {
  pair_side *side = user;
  side->inbound_failed++;
  keep_end(side, end);
}

static inline void on_closed(void *user, wpm_conn *conn, const wpm_end *end) {
  pair_side *side = user;
  side->closed++;
  keep_end(side, end);
  /* It can be looked at, and neither asked nor closed. */
  assert_true(wpm_conn_peer(conn).len > 0);
  assert_int_equal(wpm_conn_stream_count(conn), 0);
  assert_int_equal(wpm_conn_ping(conn, true), WPM_ERR_CLOSED);
  assert_int_equal(wpm_conn_identify(conn), WPM_ERR_CLOSED);
  assert_int_equal(wpm_conn_request_metadata(conn), WPM_ERR_CLOSED);
  assert_int_equal(wpm_conn_push_identify(conn), WPM_ERR_CLOSED);
  wpm_conn_close(conn, 0);
  if (side->conn == conn) {
    side->conn = NULL;
  }
  if (side->in_closed) {
    side->in_closed(side);
  }
}

static inline void on_received(void *user, wpm_conn *conn) {
  (void)conn;
  ((pair_side *)user)->received++;
}

static inline void on_identified(void *user, wpm_conn *conn, const wpm_identify *message,
                                 bool pushed) {
  pair_side *side = user;
  (void)conn;
  if (!message) {
    side->unidentified++;
    return;
  }
  side->identified++;
  side->pushed += pushed;
  (void)snprintf(side->agent, sizeof side->agent, "%.*s", (int)message->agent.len,
                 message->agent.data);
  side->protocol_count = message->protocol_count;
  side->address_count = message->address_count;
  side->record_err =
      wpm_signed_record_open(side->config.crypto, message->signed_record, &side->record);
}

static inline void on_metadata(void *user, wpm_conn *conn, const wpm_metadata *message) {
  pair_side *side = user;
  (void)conn;
  if (message) {
    side->metadata++;
    side->last_metadata = *message;
  } else {
    side->no_metadata++;
  }
}

static inline void on_pong(void *user, wpm_conn *conn, int64_t rtt_ns) {
  pair_side *side = user;
  (void)conn;
  side->pongs++;
  side->last_rtt = rtt_ns;
}

static const wpm_host_callbacks pair_callbacks = {
    .connected = on_connected,
    .dial_failed = on_dial_failed,
    .inbound_failed = on_inbound_failed,
    .closed = on_closed,
    .received = on_received,
    .identified = on_identified,
    .metadata = on_metadata,
    .pong = on_pong,
};

static inline void side_init(host_pair *pair, pair_side *side, wpm_key_type key, uint8_t fill) {
  uint8_t secret[32];
  memset(secret, fill, sizeof secret);
  assert_int_equal(wpm_identity_init(pair->crypto, key, secret, &side->identity), WPM_OK);
  wpm_host_config_default(&side->config);
  side->random = fill;
  side->config.loop = &pair->loop;
  side->config.crypto = pair->crypto;
  side->config.identity = &side->identity;
  side->config.random = pair_random;
  side->config.callbacks = &pair_callbacks;
  side->config.user = side;
  side->config.agent = WPM_TEXT("pair/1");
  side->config.protocol_version = WPM_TEXT("test/1");
  side->config.metadata = &pair->metadata;
}

static inline void pair_init(host_pair *pair, wpm_key_type key_a, wpm_key_type key_b) {
  static const uint8_t seed[32] = {1};
  memset(pair, 0, sizeof *pair);
  (void)signal(SIGPIPE, SIG_IGN);
  assert_int_equal(uv_loop_init(&pair->loop), 0);
  assert_int_equal(wpm_crypto_init(seed, &pair->crypto), WPM_OK);
  pair->metadata.has_cluster_id = true;
  pair->metadata.cluster_id = 1;
  side_init(pair, &pair->a, key_a, 0x11);
  side_init(pair, &pair->b, key_b, 0x22);
}

static inline void side_start(pair_side *side) {
  wpm_multiaddr any;
  wpm_error error;
  assert_int_equal(wpm_multiaddr_parse(WPM_TEXT("/ip4/127.0.0.1/tcp/0"), &any, NULL), WPM_OK);
  assert_int_equal(wpm_host_new(&side->config, &side->host), WPM_OK);
  assert_int_equal(wpm_host_listen(side->host, wpm_multiaddr_view(&any), &error), WPM_OK);
}

/* Makes the hosts (after the configs were changed, where a test wants that) and listens. */
static inline void pair_start(host_pair *pair) {
  side_start(&pair->a);
  side_start(&pair->b);
}

static inline void side_stopped(void *user) {
  ((pair_side *)user)->stopped = true;
}

/* Stops the host, where that was not done before. */
static inline void side_stop(pair_side *side) {
  if (side->host && !side->stopping) {
    side->stopping = true;
    wpm_host_stop(side->host, side_stopped, side);
  }
}

static inline void pair_fini(host_pair *pair) {
  side_stop(&pair->a);
  side_stop(&pair->b);
  RUN_UNTIL(&pair->loop, (pair->a.stopped || !pair->a.host) && (pair->b.stopped || !pair->b.host));
  wpm_host_free(pair->a.host);
  wpm_host_free(pair->b.host);
  wpm_identity_fini(&pair->a.identity);
  wpm_identity_fini(&pair->b.identity);
  wpm_crypto_free(pair->crypto);
  assert_int_equal(uv_loop_close(&pair->loop), 0);
}

/* The address `side` listens on. */
static inline wpm_bytes side_address(const pair_side *side) {
  wpm_bytes address = {0};
  assert_true(wpm_host_listen_address(side->host, 0, &address));
  return address;
}

/* `from` dials `to`, expecting its peer id. */
static inline wpm_dial *side_dial(pair_side *from, const pair_side *to) {
  wpm_bytes address = side_address(to);
  wpm_dial *dial = NULL;
  assert_int_equal(
      wpm_host_dial(from->host, wpm_peer_id_view(&to->identity.peer_id), &address, 1, NULL, &dial),
      WPM_OK);
  return dial;
}

/* `b` dials `a`; both see the connection come up. */
static inline void pair_connect(host_pair *pair) {
  size_t before_a = pair->a.connected;
  size_t before_b = pair->b.connected;
  side_dial(&pair->b, &pair->a);
  RUN_UNTIL(&pair->loop, pair->a.connected > before_a && pair->b.connected > before_b);
}

/* `b` pings over its connection and is answered. */
static inline void pair_ping(host_pair *pair) {
  size_t before = pair->b.pongs;
  assert_non_null(pair->b.conn);
  assert_int_equal(wpm_conn_ping(pair->b.conn, false), WPM_OK);
  RUN_UNTIL(&pair->loop, pair->b.pongs > before);
  assert_true(pair->b.last_rtt > 0);
}

/* Whatever else `a` met, `b` finds it well: the connection that it has works, and a new one too. */
static inline void pair_still_works(host_pair *pair) {
  wpm_conn *kept = pair->b.conn;
  pair_ping(pair);
  pair_connect(pair);
  pair_ping(pair);
  size_t before = pair->a.closed;
  wpm_conn_close(pair->b.conn, WPM_GO_AWAY_NORMAL);
  pair->b.conn = kept;
  RUN_UNTIL(&pair->loop, pair->a.closed > before);
}
