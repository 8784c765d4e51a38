/* libp2p ping on a connection, both roles (libp2p/specs ping).
 *
 * - We have one ping in flight at most. A stream is opened for each and closed after its answer,
 *   unless the next is to come within seconds: responders close idle streams (go-libp2p after 10 s,
 *   js-libp2p 10 s after the opening), so one is reused for PING_STREAM_AGE at most.
 * - The end of a reused stream means "open another", once; it says nothing of the connection. From
 *   then on each ping has a stream of its own: js-libp2p 1.x answers one on each. A
 *   reset, or a refusal (`na`), proves that the peer lives. After a refusal yamux's own ping takes
 *   its place; on mplex, which has none, the refusal itself goes on to be the answer.
 * - We echo whatever comes, on at most two streams at once.
 */
#include "net/conn.h"
#include "net/services.h"
#include "proto/ping.h"

#include <stdlib.h>

#define PING_STREAM_AGE_MS 8000
#define RESPONDERS_MAX 2

typedef struct wpm_pinger {
  wpm_conn *conn;
  wpm_stream *stream;  /* NULL: none is open. */
  wpm_ping ping;       /* The one in flight. */
  uint64_t sent_ns;    /* uv_hrtime() when it was sent. */
  uint64_t opened_ms;  /* uv_now() when the stream was opened. */
  wpm_deadline idle;   /* When a stream kept open is closed. */
  uint32_t muxer_ping; /* Value of the muxer's ping in flight; 0: none. */
  uint32_t muxer_next; /* Value of the next. */
  bool in_flight;
  bool keep;    /* The stream is to stay open. */
  bool reused;  /* The ping in flight went out on a stream that had served before. */
  bool single;  /* A stream did not serve twice (js-libp2p 1.x answers one ping on each). */
  bool refused; /* They do not speak ping. */
} wpm_pinger;

static const wpm_stream_type ping_requester;

static void tell_pong(wpm_conn *conn, int64_t rtt_ns) {
  conn->host->config.callbacks->pong(conn->host->config.user, conn, rtt_ns);
}

void wpm_pinger_free(wpm_pinger *pinger) {
  wpm_deadline_clear(&pinger->idle);
  free(pinger);
}

void wpm_pinger_idle(wpm_deadline *deadline) {
  wpm_pinger *pinger = WPM_DEADLINE_OWNER(deadline, wpm_pinger, idle);
  wpm_stream *stream = pinger->stream;
  wpm_conn *conn = pinger->conn;
  pinger->stream = NULL;
  if (stream) {
    wpm_conn_enter(conn);
    wpm_stream_reset(stream);
    wpm_conn_leave(conn);
  }
}

/* Sends the ping that is prepared on a new stream. */
static int send_on_new_stream(wpm_pinger *pinger) {
  wpm_conn *conn = pinger->conn;
  pinger->ping.received = 0;
  pinger->reused = false;
  pinger->opened_ms = uv_now(conn->host->config.loop);
  return wpm_stream_open(conn, &ping_requester, pinger,
                         (wpm_bytes){pinger->ping.payload, WPM_PING_SIZE}, &pinger->stream);
}

static int ping_muxer(wpm_pinger *pinger) {
  wpm_conn *conn = pinger->conn;
  pinger->muxer_next = pinger->muxer_next == UINT32_MAX ? 1 : pinger->muxer_next + 1;
  pinger->muxer_ping = pinger->muxer_next;
  pinger->sent_ns = uv_hrtime();
  int err = wpm_muxer_ping(conn->muxer, pinger->muxer_ping);
  wpm_conn_flush(conn);
  return err;
}

void wpm_pinger_muxer_pong(wpm_conn *conn, uint32_t value) {
  wpm_pinger *pinger = conn->pinger;
  if (conn->dead || !pinger || pinger->muxer_ping == 0 || pinger->muxer_ping != value) {
    return;
  }
  pinger->muxer_ping = 0;
  tell_pong(conn, (int64_t)(uv_hrtime() - pinger->sent_ns));
}

/* The stream of an earlier ping, where it may serve again; else it is let go. */
static bool stream_is_fresh(wpm_pinger *pinger) {
  wpm_stream *stream = pinger->stream;
  if (!stream) {
    return false;
  }
  wpm_deadline_clear(&pinger->idle);
  uint64_t age = uv_now(pinger->conn->host->config.loop) - pinger->opened_ms;
  if (!pinger->in_flight && stream->agreed && !stream->eof_received && age < PING_STREAM_AGE_MS) {
    return true;
  }
  pinger->stream = NULL;
  wpm_stream_reset(stream);
  return false;
}

static int send_ping(wpm_conn *conn, bool keep) {
  wpm_host *host = conn->host;
  wpm_pinger *pinger = conn->pinger;
  if (!pinger) {
    pinger = calloc(1, sizeof *pinger);
    if (!pinger) {
      return WPM_ERR_NO_MEMORY;
    }
    pinger->conn = conn;
    conn->pinger = pinger;
  }
  host->counters.pings_sent++;
  pinger->keep = keep && !pinger->single;
  if (pinger->refused) {
    int err = ping_muxer(pinger);
    if (err != WPM_ERR_UNSUPPORTED) {
      return err;
    }
  }
  uint8_t payload[WPM_PING_SIZE];
  host->config.random(host->config.user, payload, sizeof payload);
  wpm_buffer_clear(&host->scratch);
  int err = wpm_ping_start(&pinger->ping, payload, &host->scratch);
  if (err != WPM_OK) {
    return err;
  }
  bool fresh = stream_is_fresh(pinger);
  pinger->sent_ns = uv_hrtime();
  if (fresh) {
    pinger->reused = true;
    err = wpm_stream_send(pinger->stream, (wpm_bytes){pinger->ping.payload, WPM_PING_SIZE});
  } else {
    err = send_on_new_stream(pinger);
  }
  pinger->in_flight = err == WPM_OK;
  return err;
}

int wpm_conn_ping(wpm_conn *conn, bool keep) {
  wpm_conn_enter(conn);
  int err = conn->dead ? WPM_ERR_CLOSED : send_ping(conn, keep);
  wpm_conn_leave(conn);
  return err;
}

/* Lets go of the stream: it closes in peace, but they must end their side in time. */
static void close_stream(wpm_pinger *pinger) {
  wpm_stream *stream = pinger->stream;
  pinger->stream = NULL;
  stream->state = NULL;
  wpm_deadline_set(&pinger->conn->host->streams, &stream->deadline);
  wpm_stream_finish(stream);
}

static void ping_data(wpm_stream *stream, wpm_bytes data) {
  wpm_pinger *pinger = stream->state;
  size_t used = 0;
  if (!pinger || !pinger->in_flight) {
    return;
  }
  wpm_conn *conn = pinger->conn;
  int err = wpm_ping_read(&pinger->ping, data, &used);
  if (err == WPM_OK && !wpm_ping_done(&pinger->ping)) {
    return;
  }
  int64_t rtt = (int64_t)(uv_hrtime() - pinger->sent_ns);
  pinger->in_flight = false;
  if (err != WPM_OK) {
    pinger->stream = NULL;
    wpm_stream_reset(stream);
    tell_pong(conn, WPM_SPAN_NONE);
    return;
  }
  if (pinger->keep) {
    wpm_deadline_set(&conn->host->idle_pings, &pinger->idle);
  } else {
    close_stream(pinger);
  }
  tell_pong(conn, rtt);
}

/* The stream is gone. A ping in flight on it proves life, or is sent once more. */
static void stream_gone(wpm_pinger *pinger, wpm_stream_end end) {
  wpm_conn *conn = pinger->conn;
  pinger->stream = NULL;
  wpm_deadline_clear(&pinger->idle);
  if (!pinger->in_flight) {
    return;
  }
  bool again = pinger->reused && (end == WPM_STREAM_RESET || end == WPM_STREAM_DONE);
  if (again) {
    pinger->single = true;
    pinger->keep = false;
    pinger->sent_ns = uv_hrtime();
    if (send_on_new_stream(pinger) == WPM_OK) {
      return;
    }
  }
  pinger->in_flight = false;
  if (end == WPM_STREAM_REFUSED) {
    pinger->refused = true;
  }
  if (end != WPM_STREAM_TIMEOUT && end != WPM_STREAM_CLOSED) {
    tell_pong(conn, WPM_SPAN_NONE);
  }
}

static void ping_ended(wpm_stream *stream, wpm_stream_end end) {
  wpm_pinger *pinger = stream->state;
  if (pinger && pinger->stream == stream) {
    stream_gone(pinger, end);
  }
}

static void ping_eof(wpm_stream *stream) {
  wpm_pinger *pinger = stream->state;
  if (!pinger || pinger->stream != stream) {
    return; /* We closed before they did: the muxer ends it. */
  }
  stream->state = NULL;
  wpm_stream_reset(stream);
  stream_gone(pinger, WPM_STREAM_DONE);
}

static const wpm_stream_type ping_requester = {
    .protocol = {WPM_PING_PROTOCOL_ID, sizeof WPM_PING_PROTOCOL_ID - 1},
    .timed = false,
    .data = ping_data,
    .eof = ping_eof,
    .ended = ping_ended,
};

/* ---- the other role -------------------------------------------------------------------------- */

static void ping_asked(wpm_stream *stream) {
  if (stream->conn->ping_responders >= RESPONDERS_MAX) {
    stream->state = NULL;
    wpm_stream_reset(stream);
    return;
  }
  stream->conn->ping_responders++;
  stream->state = stream->conn; /* Marks it as counted. */
}

static void uncount(wpm_stream *stream) {
  if (stream->state) {
    stream->conn->ping_responders--;
  }
  stream->state = NULL;
}

static void ping_echo(wpm_stream *stream, wpm_bytes data) {
  stream->conn->host->counters.pings_received++;
  if (wpm_stream_send(stream, data) != WPM_OK) {
    wpm_stream_reset(stream);
  }
}

static void responder_ended(wpm_stream *stream, wpm_stream_end end) {
  (void)end;
  uncount(stream);
}

const wpm_stream_type wpm_ping_responder = {
    .protocol = {WPM_PING_PROTOCOL_ID, sizeof WPM_PING_PROTOCOL_ID - 1},
    .timed = false,
    .opened = ping_asked,
    .data = ping_echo,
    .eof = wpm_stream_finish,
    .ended = responder_ended,
    .drop = uncount,
};
