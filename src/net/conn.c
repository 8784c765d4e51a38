#include "net/conn.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "net/address.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX (WPM_LINK_READ_SIZE + WPM_NOISE_HANDSHAKE_MAX + 2)
#define RECEIVE_WINDOW (256 * 1024)

const wpm_muxer_type *const wpm_muxer_types[] = {&wpm_yamux, &wpm_mplex, NULL};

/* ---- life ------------------------------------------------------------------------------------ */

static void free_upgrade(wpm_conn *conn) {
  wpm_upgrade *upgrade = conn->upgrade;
  if (!upgrade) {
    return;
  }
  wpm_deadline_clear(&upgrade->deadline);
  if (upgrade->resolve) {
    wpm_resolve_abandon(upgrade->resolve);
  }
  wpm_buffer_fini(&upgrade->pending);
  free(upgrade);
  conn->upgrade = NULL;
  if (conn->direction == WPM_INBOUND) {
    conn->host->inbound_upgrades--;
  }
}

static void free_conn(wpm_conn *conn) {
  if (conn->muxer) {
    conn->muxer_type->free(conn->muxer);
  }
  if (conn->security) {
    conn->security_type->free(conn->security);
  }
  wpm_buffer_wipe(&conn->in);
  wpm_buffer_wipe(&conn->out);
  free(conn->facts);
  free(conn);
}

int wpm_conn_new(wpm_host *host, wpm_direction direction, wpm_dial *dial, size_t target,
                 wpm_conn **out) {
  if (host->connection_count >= host->config.max_connections) {
    return WPM_ERR_FULL;
  }
  if (host->links.open >= host->config.max_connections) {
    wpm_link_pool_give_way(&host->links);
  }
  wpm_conn *conn = calloc(1, sizeof *conn);
  wpm_upgrade *upgrade = calloc(1, sizeof *upgrade);
  if (!conn || !upgrade) {
    free(conn);
    free(upgrade);
    return WPM_ERR_NO_MEMORY;
  }
  conn->host = host;
  conn->direction = direction;
  conn->upgrade = upgrade;
  upgrade->owner = conn;
  wpm_buffer_init(&conn->in, 2 * (WPM_LINK_READ_SIZE + WPM_NOISE_MESSAGE_MAX));
  wpm_buffer_init(&conn->out, host->config.max_unsent);
  wpm_buffer_init(&upgrade->pending, PENDING_MAX);
  upgrade->dial = dial;
  upgrade->target = target;
  upgrade->step = WPM_STEP_CONNECT;
  upgrade->started_ns = uv_hrtime();
  wpm_deadline_set(&host->upgrades, &upgrade->deadline);
  conn->next = host->connections;
  if (host->connections) {
    host->connections->previous = conn;
  }
  host->connections = conn;
  host->connection_count++;
  if (direction == WPM_INBOUND) {
    host->inbound_upgrades++;
  }
  *out = conn;
  return WPM_OK;
}

void wpm_conn_drop(wpm_conn *conn, bool gently) {
  wpm_host *host = conn->host;
  if (conn->dead) {
    return;
  }
  conn->dead = true;
  if (conn->previous) {
    conn->previous->next = conn->next;
  } else {
    host->connections = conn->next;
  }
  if (conn->next) {
    conn->next->previous = conn->previous;
  }
  host->connection_count--;
  free_upgrade(conn);
  if (conn->link) {
    wpm_link_close(conn->link, gently);
  }
  conn->link = NULL;
  wpm_stream_end_all(conn);
  if (conn->pinger) {
    wpm_pinger_free(conn->pinger);
  }
  conn->pinger = NULL;
  if (conn->busy == 0) {
    free_conn(conn);
  }
}

void wpm_conn_fail(wpm_conn *conn, wpm_reason reason, const char *detail) {
  if (conn->dead) {
    return;
  }
  /* The connection ends before it is told, so that whatever the callbacks do finds it ended. */
  const wpm_host_config *config = &conn->host->config;
  bool up = !conn->upgrade;
  wpm_dial *dial = up ? NULL : conn->upgrade->dial;
  size_t target = up ? 0 : conn->upgrade->target;
  wpm_end end = {
      .reason = reason, .step = up ? WPM_STEP_NONE : conn->upgrade->step, .detail = detail};
  wpm_conn_enter(conn);
  /* What we said of a violation is to arrive. */
  wpm_conn_drop(conn, up && reason == WPM_REASON_PROTOCOL_VIOLATION);
  if (up) {
    config->callbacks->closed(config->user, conn, &end);
  } else if (dial) {
    bool other = reason == WPM_REASON_PEER_ID_MISMATCH && conn->security;
    wpm_dial_attempt_failed(dial, target, &end,
                            other ? conn->security_type->remote_id(conn->security)
                                  : (wpm_bytes){0});
  } else {
    config->callbacks->inbound_failed(config->user, &end);
  }
  /* Entered, it is not freed until it is left. */
  wpm_conn_leave(conn); // NOLINT(clang-analyzer-unix.Malloc)
}

void wpm_conn_upgrade_timeout(wpm_deadline *deadline) {
  wpm_upgrade *upgrade = WPM_DEADLINE_OWNER(deadline, wpm_upgrade, deadline);
  wpm_conn *conn = upgrade->owner;
  char text[96];
  (void)snprintf(text, sizeof text, "no answer within the time-out (%s)",
                 wpm_step_name(upgrade->step));
  wpm_conn_fail(conn, WPM_REASON_DIAL_TIMEOUT, text);
}

/* ---- sending --------------------------------------------------------------------------------- */

static const char *const does_not_read = "it does not read what we send";

/* Seals what waits and sends it. WPM_ERR_FULL and others as wpm_link_send and the security layer's
 * seal. */
static int flush_out(wpm_conn *conn) {
  wpm_buffer *wire = &conn->host->wire;
  wpm_buffer_clear(wire);
  int err = conn->security_type->seal(conn->security, wpm_buffer_view(&conn->out), wire);
  wpm_buffer_clear(&conn->out);
  wpm_buffer_release(&conn->out);
  if (err == WPM_OK) {
    err = wpm_link_send(conn->link, wpm_buffer_view(wire));
  }
  return err;
}

void wpm_conn_enter(wpm_conn *conn) {
  conn->busy++;
}

void wpm_conn_leave(wpm_conn *conn) {
  if (--conn->busy > 0) {
    return;
  }
  if (conn->dead) {
    free_conn(conn);
  } else {
    wpm_conn_flush(conn);
  }
}

void wpm_conn_flush(wpm_conn *conn) {
  if (conn->busy > 0 || conn->dead || !conn->link || wpm_buffer_size(&conn->out) == 0) {
    return;
  }
  int err = flush_out(conn);
  if (err != WPM_OK) {
    wpm_conn_fail(conn, WPM_REASON_PROTOCOL_VIOLATION, does_not_read);
  }
}

void wpm_conn_close(wpm_conn *conn, uint32_t go_away_code) {
  if (conn->dead) {
    return;
  }
  if (conn->muxer && wpm_muxer_go_away(conn->muxer, go_away_code) == WPM_OK &&
      wpm_buffer_size(&conn->out) > 0) {
    (void)flush_out(conn); /* It ends anyway; a goodbye that cannot be sent is not sent. */
  }
  wpm_conn_drop(conn, conn->muxer != NULL); /* One that is not up has nothing to say. */
}

/* ---- the upgrade ----------------------------------------------------------------------------- */

/* Why an upgrade, or an open connection, cannot go on. */
typedef struct failure {
  wpm_reason reason; /* WPM_REASON_NONE: it can. */
  const char *detail;
} failure;

static const failure no_failure = {WPM_REASON_NONE, ""};

static failure failure_of(int err, wpm_reason otherwise, const char *detail) {
  if (err == WPM_ERR_NO_MEMORY) {
    return (failure){WPM_REASON_LOCAL_FAILURE, "out of memory"};
  }
  if (err == WPM_ERR_FULL) {
    return (failure){WPM_REASON_PROTOCOL_VIOLATION, does_not_read};
  }
  return (failure){otherwise, detail};
}

/* The failure of an append to a buffer of received bytes. */
static failure failure_of_append(int err, const char *too_much) {
  return err == WPM_ERR_FULL ? (failure){WPM_REASON_PROTOCOL_VIOLATION, too_much}
                             : failure_of(err, WPM_REASON_LOCAL_FAILURE, "");
}

static failure send_wire(wpm_conn *conn) {
  wpm_buffer *wire = &conn->host->wire;
  if (wpm_buffer_size(wire) == 0) {
    return no_failure;
  }
  int err = wpm_link_send(conn->link, wpm_buffer_view(wire));
  wpm_buffer_clear(wire);
  return err == WPM_OK ? no_failure : failure_of(err, WPM_REASON_PROTOCOL_VIOLATION, "");
}

static failure begin_negotiation(wpm_conn *conn, wpm_step step, const wpm_text *protocols,
                                 size_t count, wpm_buffer *out) {
  wpm_upgrade *upgrade = conn->upgrade;
  upgrade->step = step;
  wpm_multistream_init(&upgrade->negotiation, conn->direction == WPM_OUTBOUND, protocols, count);
  int err = wpm_multistream_start(&upgrade->negotiation, out);
  return err == WPM_OK ? no_failure : failure_of(err, WPM_REASON_NEGOTIATION_FAILED, "");
}

static failure begin_handshake(wpm_conn *conn, size_t agreed) {
  wpm_host *host = conn->host;
  wpm_upgrade *upgrade = conn->upgrade;
  uint8_t random[32];
  host->config.random(host->config.user, random, sizeof random);
  wpm_security_config config = {
      .crypto = host->config.crypto,
      .identity = host->config.identity,
      .static_key = &host->noise_static,
      .dialler = conn->direction == WPM_OUTBOUND,
      .random = random,
      .muxers = host->muxers,
      .muxer_count = host->muxer_count,
      .expected_peer = upgrade->dial ? wpm_dial_peer(upgrade->dial) : (wpm_bytes){0},
  };
  conn->security_type = wpm_security_types[agreed];
  int err = conn->security_type->create(&config, &conn->security);
  wpm_wipe(random, sizeof random);
  if (err == WPM_OK) {
    err = conn->security_type->start(conn->security, &host->wire);
  }
  return err == WPM_OK ? no_failure : failure_of(err, WPM_REASON_HANDSHAKE_FAILED, "");
}

static failure begin_security(wpm_conn *conn) {
  wpm_host *host = conn->host;
  wpm_buffer_clear(&host->wire);
  failure failed = begin_negotiation(conn, WPM_STEP_SECURITY, host->securities,
                                     host->security_count, &host->wire);
  if (failed.reason == WPM_REASON_NONE && conn->direction == WPM_OUTBOUND &&
      host->security_count == 1) {
    /* Nothing else can be agreed on: its first message need not wait for the answer. */
    failed = begin_handshake(conn, 0);
  }
  return failed.reason == WPM_REASON_NONE ? send_wire(conn) : failed;
}

/* Lays out what is known of the connection in one allocation. */
static bool keep_facts(wpm_conn *conn) {
  struct sockaddr_storage local_socket;
  struct sockaddr_storage remote_socket;
  wpm_multiaddr local = {0};
  wpm_multiaddr remote = {0};
  if (wpm_link_addresses(conn->link, &local_socket, &remote_socket) &&
      (wpm_address_from_socket((struct sockaddr *)&local_socket, &local) != WPM_OK ||
       wpm_address_from_socket((struct sockaddr *)&remote_socket, &remote) != WPM_OK)) {
    local.len = remote.len = 0;
  }
  const wpm_upgrade *upgrade = conn->upgrade;
  wpm_bytes parts[] = {
      conn->security_type->remote_id(conn->security),
      conn->security_type->remote_key(conn->security),
      wpm_multiaddr_view(&local),
      wpm_multiaddr_view(&remote),
      upgrade->dial ? wpm_dial_target_address(upgrade->dial, upgrade->target) : (wpm_bytes){0},
  };
  wpm_bytes *views[] = {&conn->peer, &conn->public_key, &conn->local, &conn->remote,
                        &conn->dialled};
  size_t total = 0;
  for (size_t i = 0; i < 5; i++) {
    total += parts[i].len;
  }
  conn->facts = malloc(total > 0 ? total : 1);
  if (!conn->facts) {
    return false;
  }
  uint8_t *at = conn->facts;
  for (size_t i = 0; i < 5; i++) {
    if (parts[i].len > 0) {
      memcpy(at, parts[i].data, parts[i].len);
    }
    *views[i] = (wpm_bytes){at, parts[i].len};
    at += parts[i].len;
  }
  return true;
}

/* The muxer is agreed on: the connection is up. */
static failure complete(wpm_conn *conn, size_t muxer) {
  wpm_host *host = conn->host;
  wpm_upgrade *upgrade = conn->upgrade;
  wpm_muxer_config config = {
      .callbacks = &wpm_stream_muxer_callbacks,
      .user = conn,
      .out = &conn->out,
      .dialler = conn->direction == WPM_OUTBOUND,
      .max_inbound_streams = host->config.max_inbound_streams,
      .max_outbound_streams = host->config.max_inbound_streams,
      .receive_window = RECEIVE_WINDOW,
  };
  conn->muxer_type = host->muxer_types[muxer];
  int err = conn->muxer_type->create(&config, &conn->muxer);
  if (err != WPM_OK) {
    return failure_of(err, WPM_REASON_LOCAL_FAILURE, "out of memory");
  }
  conn->upgrade_ns = uv_hrtime() - upgrade->started_ns;
  wpm_dial *dial = upgrade->dial;
  upgrade->dial = NULL;
  free_upgrade(conn);
  if (dial) {
    wpm_dial_succeeded(dial, conn);
  } else {
    host->config.callbacks->connected(host->config.user, conn, NULL);
  }
  return no_failure;
}

/* The security handshake is over: the muxer is known already, or is negotiated now. */
static failure secured(wpm_conn *conn) {
  int muxer = conn->security_type->muxer(conn->security);
  if (!keep_facts(conn)) {
    return failure_of(WPM_ERR_NO_MEMORY, WPM_REASON_LOCAL_FAILURE, "");
  }
  if (wpm_bytes_equal(conn->peer, wpm_peer_id_view(&conn->host->config.identity->peer_id))) {
    return (failure){WPM_REASON_SELF, "it is ourselves"};
  }
  conn->security_type->settle(conn->security);
  conn->upgrade->step = WPM_STEP_MUXER;
  if (muxer >= 0) {
    return complete(conn, (size_t)muxer);
  }
  return begin_negotiation(conn, WPM_STEP_MUXER, conn->host->muxers, conn->host->muxer_count,
                           &conn->out);
}

static failure handshake_failure(int err) {
  if (err == WPM_ERR_MISMATCH) {
    return (failure){WPM_REASON_PEER_ID_MISMATCH, "it proved another peer id than the one dialled"};
  }
  return failure_of(err, WPM_REASON_HANDSHAKE_FAILED,
                    err == WPM_ERR_CRYPTO ? "the security handshake does not verify"
                                          : "the security handshake is malformed");
}

/* Goes on with the security protocol's negotiation and handshake. */
static failure continue_security(wpm_conn *conn) {
  wpm_upgrade *upgrade = conn->upgrade;
  wpm_buffer *wire = &conn->host->wire;
  wpm_buffer_clear(wire);
  if (upgrade->step == WPM_STEP_SECURITY) {
    size_t used = 0;
    int err = wpm_multistream_read(&upgrade->negotiation, wpm_buffer_view(&upgrade->pending), &used,
                                   wire);
    wpm_buffer_consume(&upgrade->pending, used);
    if (err != WPM_OK) {
      return failure_of(err, WPM_REASON_NEGOTIATION_FAILED, "it does not speak multistream-select");
    }
    if (upgrade->negotiation.state == WPM_MULTISTREAM_FAILED) {
      return (failure){WPM_REASON_NEGOTIATION_FAILED, "no security protocol in common"};
    }
    if (upgrade->negotiation.state == WPM_MULTISTREAM_AGREED) {
      failure failed =
          conn->security ? no_failure : begin_handshake(conn, upgrade->negotiation.agreed);
      if (failed.reason != WPM_REASON_NONE) {
        return failed;
      }
      upgrade->step = WPM_STEP_HANDSHAKE;
    }
  }
  if (upgrade->step == WPM_STEP_HANDSHAKE) {
    int err = conn->security_type->handshake(conn->security, &upgrade->pending, wire);
    if (err != WPM_OK) {
      return handshake_failure(err);
    }
  }
  return send_wire(conn);
}

/* Frames, or parts of them, for the muxer. */
static failure take_muxed(wpm_conn *conn, wpm_bytes plain) {
  int err = wpm_muxer_input(conn->muxer, plain);
  if (err == WPM_OK) {
    return no_failure;
  }
  if (err == WPM_ERR_PROTOCOL) {
    return (failure){WPM_REASON_PROTOCOL_VIOLATION, "it broke the muxer's protocol"};
  }
  return failure_of(err, WPM_REASON_PROTOCOL_VIOLATION, "it broke a limit of the muxer");
}

/* Plain text came while the muxer is being negotiated. */
static failure continue_muxer(wpm_conn *conn, wpm_bytes plain) {
  wpm_upgrade *upgrade = conn->upgrade;
  assert(upgrade); /* A connection without a muxer is upgrading. */
  size_t used = 0;
  int err = wpm_buffer_append(&upgrade->pending, plain.data, plain.len);
  if (err != WPM_OK) {
    return failure_of_append(err, "too much data before a muxer is agreed on");
  }
  err = wpm_multistream_read(&upgrade->negotiation, wpm_buffer_view(&upgrade->pending), &used,
                             &conn->out);
  wpm_buffer_consume(&upgrade->pending, used);
  if (err != WPM_OK) {
    return failure_of(err, WPM_REASON_NEGOTIATION_FAILED, "it does not speak multistream-select");
  }
  if (upgrade->negotiation.state == WPM_MULTISTREAM_FAILED) {
    return (failure){WPM_REASON_NEGOTIATION_FAILED, "no muxer in common"};
  }
  if (upgrade->negotiation.state == WPM_MULTISTREAM_OPEN) {
    return no_failure;
  }
  /* What follows the negotiation belongs to the muxer; the upgrade's memory goes before. */
  wpm_buffer rest = upgrade->pending;
  wpm_buffer_init(&upgrade->pending, 0);
  failure failed = complete(conn, upgrade->negotiation.agreed);
  if (failed.reason == WPM_REASON_NONE && !conn->dead && wpm_buffer_size(&rest) > 0) {
    failed = take_muxed(conn, wpm_buffer_view(&rest));
  }
  wpm_buffer_fini(&rest);
  return failed;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static failure take_plain(wpm_conn *conn, wpm_bytes plain) {
  return conn->muxer ? take_muxed(conn, plain) : continue_muxer(conn, plain);
}

/* Opens and deals with whole messages of the security layer; *used says how many bytes. */
static failure take_sealed(wpm_conn *conn, uint8_t *data, size_t len, size_t *used) {
  *used = 0;
  while (*used < len && !conn->dead && !conn->go_away_received) {
    wpm_bytes plain;
    size_t message = 0;
    int err =
        conn->security_type->open(conn->security, data + *used, len - *used, &plain, &message);
    if (err == WPM_ERR_TRUNCATED) {
      break;
    }
    if (err != WPM_OK) {
      return (failure){WPM_REASON_PROTOCOL_VIOLATION, "a message does not decrypt"};
    }
    *used += message;
    failure failed = take_plain(conn, plain);
    if (failed.reason != WPM_REASON_NONE) {
      return failed;
    }
  }
  return no_failure;
}

static failure receive_sealed(wpm_conn *conn, uint8_t *data, size_t len) {
  size_t used = 0;
  if (wpm_buffer_size(&conn->in) > 0) {
    if (wpm_buffer_append(&conn->in, data, len) != WPM_OK) {
      return failure_of(WPM_ERR_NO_MEMORY, WPM_REASON_LOCAL_FAILURE, "");
    }
    failure failed =
        take_sealed(conn, conn->in.memory + conn->in.begin, wpm_buffer_size(&conn->in), &used);
    wpm_buffer_consume(&conn->in, used);
    wpm_buffer_release(&conn->in);
    return failed;
  }
  failure failed = take_sealed(conn, data, len, &used);
  if (failed.reason == WPM_REASON_NONE && used < len && !conn->dead &&
      wpm_buffer_append(&conn->in, data + used, len - used) != WPM_OK) {
    failed = failure_of(WPM_ERR_NO_MEMORY, WPM_REASON_LOCAL_FAILURE, "");
  }
  return failed;
}

static failure receive_upgrading(wpm_conn *conn, uint8_t *data, size_t len) {
  wpm_upgrade *upgrade = conn->upgrade;
  if (upgrade->step == WPM_STEP_MUXER) {
    return receive_sealed(conn, data, len);
  }
  int err = wpm_buffer_append(&upgrade->pending, data, len);
  if (err != WPM_OK) {
    return failure_of_append(err, "too much data during the upgrade");
  }
  failure failed = continue_security(conn);
  if (failed.reason != WPM_REASON_NONE || upgrade->step != WPM_STEP_HANDSHAKE ||
      !conn->security_type->done(conn->security)) {
    return failed;
  }
  /* What came behind the handshake is sealed; the upgrade's memory may go before it is read. */
  wpm_buffer rest = upgrade->pending;
  wpm_buffer_init(&upgrade->pending, PENDING_MAX);
  failed = secured(conn);
  if (failed.reason == WPM_REASON_NONE && !conn->dead && wpm_buffer_size(&rest) > 0) {
    failed = receive_sealed(conn, rest.memory + rest.begin, wpm_buffer_size(&rest));
  }
  wpm_buffer_fini(&rest);
  return failed;
}

/* A goodbye ends the connection when it arrives, whatever TCP does after. */
static failure said_goodbye(const wpm_conn *conn) {
  bool error = conn->go_away_code == WPM_GO_AWAY_PROTOCOL_ERROR ||
               conn->go_away_code == WPM_GO_AWAY_INTERNAL_ERROR;
  return (failure){error ? WPM_REASON_GO_AWAY_ERROR : WPM_REASON_GO_AWAY,
                   error ? "it said goodbye with an error" : "it said goodbye"};
}

static void link_received(void *user, uint8_t *data, size_t len) {
  wpm_conn *conn = user;
  wpm_host *host = conn->host;
  wpm_conn_enter(conn);
  if (!conn->upgrade) {
    host->config.callbacks->received(host->config.user, conn);
  }
  failure failed = no_failure;
  if (!conn->dead) {
    failed = conn->upgrade ? receive_upgrading(conn, data, len) : receive_sealed(conn, data, len);
  }
  if (failed.reason == WPM_REASON_NONE && conn->go_away_received) {
    failed = said_goodbye(conn);
  }
  /* Also what tells the other side why: answers, a go-away of the muxer. */
  if (!conn->dead && conn->security && wpm_buffer_size(&conn->out) > 0) {
    int err = flush_out(conn);
    if (err != WPM_OK && failed.reason == WPM_REASON_NONE) {
      failed = failure_of(err, WPM_REASON_PROTOCOL_VIOLATION, does_not_read);
    }
  }
  if (failed.reason != WPM_REASON_NONE) {
    wpm_conn_fail(conn, failed.reason, failed.detail);
  }
  wpm_conn_leave(conn);
}

static void link_ended(void *user, int uv_error) {
  wpm_conn *conn = user;
  const char *what = uv_error == UV_EOF ? "it ended the connection" : uv_strerror(uv_error);
  if (conn->upgrade) {
    wpm_reason reason = wpm_reason_of_end(uv_error, false);
    if (reason == WPM_REASON_EOF || reason == WPM_REASON_RESET) {
      reason = WPM_REASON_UPGRADE_CLOSED;
    }
    wpm_conn_fail(conn, reason, what);
    return;
  }
  bool mid_frame = wpm_buffer_size(&conn->in) > 0 || wpm_muxer_mid_frame(conn->muxer);
  wpm_conn_fail(conn, wpm_reason_of_end(uv_error, mid_frame), what);
}

static void link_connected(void *user, int uv_error) {
  wpm_conn *conn = user;
  if (uv_error == 0) {
    uv_error = wpm_link_read(conn->link);
  }
  if (uv_error != 0) {
    wpm_host_note_shortage(conn->host, uv_error);
    wpm_conn_fail(conn, wpm_reason_of_connect(uv_error), uv_strerror(uv_error));
    return;
  }
  failure failed = begin_security(conn);
  if (failed.reason != WPM_REASON_NONE) {
    wpm_conn_fail(conn, failed.reason, failed.detail);
  }
}

static const wpm_link_owner link_owner = {
    .connected = link_connected,
    .received = link_received,
    .ended = link_ended,
};

int wpm_conn_connect(wpm_conn *conn, const struct sockaddr *address) {
  conn->upgrade->step = WPM_STEP_CONNECT;
  if (wpm_link_new(&conn->host->links, &link_owner, conn, &conn->link) != WPM_OK) {
    return UV_ENOMEM;
  }
  return wpm_link_connect(conn->link, address);
}

/* Where it comes from cannot be told, it has ended by now. */
static bool is_admitted(wpm_host *host, const wpm_link *link) {
  struct sockaddr_storage local;
  struct sockaddr_storage remote;
  wpm_multiaddr from;
  if (!host->config.callbacks->admit) {
    return true;
  }
  return wpm_link_addresses(link, &local, &remote) &&
         wpm_address_from_socket((struct sockaddr *)&remote, &from) == WPM_OK &&
         host->config.callbacks->admit(host->config.user, wpm_multiaddr_view(&from));
}

bool wpm_conn_accept(wpm_host *host, uv_stream_t *listener) {
  wpm_conn *conn = NULL;
  wpm_link *link = NULL;
  if (host->inbound_upgrades < host->config.max_inbound_upgrades &&
      wpm_conn_new(host, WPM_INBOUND, NULL, 0, &conn) != WPM_OK) {
    conn = NULL;
  }
  if (wpm_link_new(&host->links, &link_owner, conn, &link) != WPM_OK) {
    if (conn) {
      wpm_conn_drop(conn, false);
    }
    return false;
  }
  host->counters.inbound_accepted++;
  int err = wpm_link_accept(link, listener);
  wpm_host_note_shortage(host, err);
  if (conn && err == 0 && !is_admitted(host, link)) {
    wpm_conn_drop(conn, false);
    conn = NULL;
  }
  if (!conn) {
    /* Taken and closed at once, else it would stay in the kernel's queue. */
    host->counters.inbound_refused++;
    wpm_link_close(link, false);
    return true;
  }
  conn->link = link;
  failure failed =
      err == 0 ? begin_security(conn) : (failure){WPM_REASON_LOCAL_FAILURE, uv_strerror(err)};
  if (failed.reason != WPM_REASON_NONE) {
    wpm_conn_fail(conn, failed.reason, failed.detail);
  }
  return true;
}

/* ---- looking --------------------------------------------------------------------------------- */

wpm_bytes wpm_conn_peer(const wpm_conn *conn) {
  return conn->peer;
}
wpm_bytes wpm_conn_public_key(const wpm_conn *conn) {
  return conn->public_key;
}
wpm_bytes wpm_conn_local(const wpm_conn *conn) {
  return conn->local;
}
wpm_bytes wpm_conn_remote(const wpm_conn *conn) {
  return conn->remote;
}
wpm_bytes wpm_conn_dialled(const wpm_conn *conn) {
  return conn->dialled;
}
wpm_direction wpm_conn_direction(const wpm_conn *conn) {
  return conn->direction;
}
const char *wpm_conn_security(const wpm_conn *conn) {
  return conn->security_type->protocol_id;
}
const char *wpm_conn_muxer(const wpm_conn *conn) {
  return conn->muxer_type->protocol_id;
}
uint64_t wpm_conn_upgrade_ns(const wpm_conn *conn) {
  return conn->upgrade_ns;
}
size_t wpm_conn_stream_count(const wpm_conn *conn) {
  return conn->stream_count;
}
void wpm_conn_set_user(wpm_conn *conn, void *user) {
  conn->user = user;
}
void *wpm_conn_user(const wpm_conn *conn) {
  return conn->user;
}
