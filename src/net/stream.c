#include "net/conn.h"

#include "base/bytes.h"

#include <stdlib.h>

#define PENDING_MAX 2048 /* Negotiation bytes kept per stream: a line, and the one behind it. */

static void link_stream(wpm_conn *conn, wpm_stream *stream) {
  stream->conn = conn;
  stream->next = conn->streams;
  if (conn->streams) {
    conn->streams->previous = stream;
  }
  conn->streams = stream;
  conn->stream_count++;
}

/* Takes the stream out of the connection's list, so that nothing finds it any more. */
static void unlink_stream(wpm_stream *stream) {
  wpm_conn *conn = stream->conn;
  if (conn->streams == stream) {
    conn->streams = stream->next;
  } else {
    stream->previous->next = stream->next;
  }
  if (stream->next) {
    stream->next->previous = stream->previous;
  }
  conn->stream_count--;
  wpm_deadline_clear(&stream->deadline);
  stream->mux = NULL;
}

/* Its memory stays while a call of the protocol's is under way. */
static void free_stream(wpm_stream *stream) {
  if (stream->busy) {
    stream->dead = true;
    return;
  }
  wpm_buffer_fini(&stream->pending);
  free(stream);
}

/* After a call of the protocol's. False where it ended the stream, which is freed then. */
static bool still_alive(wpm_stream *stream) {
  stream->busy = false;
  if (stream->dead) {
    free_stream(stream);
    return false;
  }
  return true;
}

static wpm_stream *new_stream(wpm_conn *conn, const wpm_stream_type *type, wpm_direction direction,
                              void *state) {
  wpm_stream *stream = calloc(1, sizeof *stream);
  if (!stream) {
    return NULL;
  }
  stream->type = type;
  stream->direction = direction;
  stream->state = state;
  wpm_buffer_init(&stream->pending, PENDING_MAX);
  link_stream(conn, stream);
  return stream;
}

static bool has_owner(const wpm_stream *stream) {
  return stream->type && (stream->agreed || stream->direction == WPM_OUTBOUND);
}

static void end_stream(wpm_stream *stream, wpm_stream_end end) {
  unlink_stream(stream);
  if (has_owner(stream)) {
    stream->type->ended(stream, end);
  }
  free_stream(stream);
}

void wpm_stream_reset(wpm_stream *stream) {
  wpm_conn *conn = stream->conn;
  if (stream->mux) {
    wpm_muxer_reset(stream->mux);
  }
  unlink_stream(stream);
  if (has_owner(stream) && stream->type->drop) {
    stream->type->drop(stream);
  }
  free_stream(stream);
  wpm_conn_flush(conn);
}

/* They broke the stream's protocol, or it failed for want of room: it ends for both sides. */
static void abort_stream(wpm_stream *stream, wpm_stream_end end) {
  wpm_conn *conn = stream->conn;
  wpm_muxer_reset(stream->mux);
  end_stream(stream, end);
  wpm_conn_flush(conn);
}

void wpm_stream_timeout(wpm_deadline *deadline) {
  wpm_stream *stream = WPM_DEADLINE_OWNER(deadline, wpm_stream, deadline);
  wpm_conn *conn = stream->conn;
  wpm_conn_enter(conn);
  abort_stream(stream, WPM_STREAM_TIMEOUT);
  wpm_conn_leave(conn);
}

static int send_all(wpm_mux_stream *mux, wpm_bytes data) {
  size_t taken = 0;
  int err = wpm_muxer_write(mux, data, &taken);
  return err == WPM_OK && taken < data.len ? WPM_ERR_FULL : err;
}

int wpm_stream_send(wpm_stream *stream, wpm_bytes data) {
  int err = send_all(stream->mux, data);
  wpm_conn_flush(stream->conn);
  return err;
}

int wpm_stream_close_write(wpm_stream *stream) {
  wpm_conn *conn = stream->conn;
  int result = wpm_muxer_close_write(stream->mux);
  if (result == 1) {
    end_stream(stream, WPM_STREAM_DONE);
    result = WPM_OK;
  }
  wpm_conn_flush(conn);
  return result;
}

void wpm_stream_finish(wpm_stream *stream) {
  if (wpm_stream_close_write(stream) != WPM_OK) {
    wpm_stream_reset(stream);
  }
}

int wpm_stream_open(wpm_conn *conn, const wpm_stream_type *type, void *state, wpm_bytes first,
                    wpm_stream **out) {
  if (conn->dead || !conn->muxer) {
    return WPM_ERR_CLOSED;
  }
  wpm_stream *stream = new_stream(conn, type, WPM_OUTBOUND, state);
  if (!stream) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_multistream_init(&stream->negotiation, true, &type->protocol, 1);
  wpm_buffer *lines = &conn->host->scratch;
  wpm_buffer_clear(lines);
  int err = wpm_multistream_start(&stream->negotiation, lines);
  if (err == WPM_OK && first.len > 0) {
    err = wpm_buffer_append(lines, first.data, first.len);
  }
  if (err == WPM_OK) {
    err = wpm_muxer_open(conn->muxer, stream, &stream->mux);
  }
  if (err == WPM_OK) {
    err = send_all(stream->mux, wpm_buffer_view(lines));
    if (err != WPM_OK) {
      wpm_muxer_reset(stream->mux);
    }
  }
  if (err != WPM_OK) {
    unlink_stream(stream);
    free_stream(stream);
    return err;
  }
  wpm_deadline_set(&conn->host->streams, &stream->deadline);
  *out = stream;
  wpm_conn_flush(conn);
  return WPM_OK;
}

/* ---- what the muxer tells -------------------------------------------------------------------- */

static void stream_opened(void *user, wpm_mux_stream *mux) {
  wpm_conn *conn = user;
  wpm_stream *stream = conn->dead ? NULL : new_stream(conn, NULL, WPM_INBOUND, NULL);
  if (!stream) {
    wpm_muxer_reset(mux);
    return;
  }
  stream->mux = mux;
  mux->user = stream;
  wpm_multistream_init(&stream->negotiation, false, wpm_stream_handler_ids,
                       wpm_stream_handler_count());
  wpm_buffer *lines = &conn->host->scratch;
  wpm_buffer_clear(lines);
  if (wpm_multistream_start(&stream->negotiation, lines) != WPM_OK ||
      send_all(mux, wpm_buffer_view(lines)) != WPM_OK) {
    wpm_stream_reset(stream);
    return;
  }
  wpm_deadline_set(&conn->host->streams, &stream->deadline);
}

typedef enum negotiation_result {
  NEGOTIATION_WENT_ON,
  NEGOTIATION_ENDED_STREAM
} negotiation_result;

/* Goes on with the lines that are pending. */
static negotiation_result negotiate(wpm_stream *stream) {
  wpm_buffer *lines = &stream->conn->host->scratch;
  wpm_buffer_clear(lines);
  size_t used = 0;
  int err =
      wpm_multistream_read(&stream->negotiation, wpm_buffer_view(&stream->pending), &used, lines);
  wpm_buffer_consume(&stream->pending, used);
  if (err == WPM_OK && wpm_buffer_size(lines) > 0) {
    err = send_all(stream->mux, wpm_buffer_view(lines));
  }
  if (err != WPM_OK) {
    abort_stream(stream, WPM_STREAM_RESET);
    return NEGOTIATION_ENDED_STREAM;
  }
  switch (stream->negotiation.state) {
  case WPM_MULTISTREAM_OPEN:
    return NEGOTIATION_WENT_ON;
  case WPM_MULTISTREAM_FAILED:
    abort_stream(stream, WPM_STREAM_REFUSED);
    return NEGOTIATION_ENDED_STREAM;
  case WPM_MULTISTREAM_AGREED:
    break;
  }
  stream->agreed = true;
  if (stream->direction == WPM_INBOUND) {
    stream->type = wpm_stream_handlers[stream->negotiation.agreed];
  }
  if (!stream->type->timed) {
    wpm_deadline_clear(&stream->deadline);
  }
  return NEGOTIATION_WENT_ON;
}

/* Hands bytes to the protocol. False where that ended the stream. */
static bool pass_on(wpm_stream *stream, wpm_bytes data) {
  if (data.len == 0) {
    return true;
  }
  stream->busy = true;
  stream->type->data(stream, data);
  return still_alive(stream);
}

/* The protocol is agreed on: tells it, and hands on what came behind the negotiation. */
static bool begin(wpm_stream *stream) {
  stream->busy = true;
  if (stream->type->opened) {
    stream->type->opened(stream);
  }
  if (!still_alive(stream)) {
    return false;
  }
  wpm_buffer rest = stream->pending;
  wpm_buffer_init(&stream->pending, PENDING_MAX);
  bool alive = pass_on(stream, wpm_buffer_view(&rest));
  wpm_buffer_fini(&rest);
  return alive;
}

static void stream_data(void *user, wpm_mux_stream *mux, wpm_bytes data) {
  wpm_conn *conn = user;
  wpm_stream *stream = mux->user;
  if (conn->dead) {
    return;
  }
  if (wpm_muxer_consumed(mux, data.len) != WPM_OK) {
    abort_stream(stream, WPM_STREAM_RESET);
    return;
  }
  while (!stream->agreed && data.len > 0) {
    size_t room = wpm_buffer_room(&stream->pending);
    size_t part = data.len < room ? data.len : room;
    if (part == 0 || wpm_buffer_append(&stream->pending, data.data, part) != WPM_OK) {
      abort_stream(stream, WPM_STREAM_RESET);
      return;
    }
    data.data += part;
    data.len -= part;
    if (negotiate(stream) == NEGOTIATION_ENDED_STREAM) {
      return;
    }
    if (stream->agreed && !begin(stream)) {
      return;
    }
  }
  (void)pass_on(stream, data);
}

static void stream_eof(void *user, wpm_mux_stream *mux) {
  wpm_conn *conn = user;
  wpm_stream *stream = mux->user;
  if (conn->dead) {
    return;
  }
  stream->eof_received = true;
  if (stream->agreed) {
    stream->type->eof(stream);
  } else {
    abort_stream(stream, WPM_STREAM_RESET);
  }
}

static void stream_writable(void *user, wpm_mux_stream *mux) {
  (void)user;
  (void)mux; /* A write that falls short ends its stream: see wpm_stream_send. */
}

static void stream_ended(void *user, wpm_mux_stream *mux, bool reset, uint32_t code) {
  const wpm_conn *conn = user;
  (void)code;
  if (!conn->dead) {
    end_stream(mux->user, reset ? WPM_STREAM_RESET : WPM_STREAM_DONE);
  }
}

static void muxer_pong(void *user, uint32_t value) {
  wpm_pinger_muxer_pong(user, value);
}

static void muxer_go_away(void *user, uint32_t code) {
  wpm_conn *conn = user;
  conn->go_away_received = true;
  conn->go_away_code = code;
}

const wpm_muxer_callbacks wpm_stream_muxer_callbacks = {
    .stream_opened = stream_opened,
    .stream_data = stream_data,
    .stream_eof = stream_eof,
    .stream_writable = stream_writable,
    .stream_ended = stream_ended,
    .pong = muxer_pong,
    .go_away = muxer_go_away,
};

void wpm_stream_end_all(wpm_conn *conn) {
  while (conn->streams) {
    /* Each is out of the list before it is freed. */
    end_stream(conn->streams, WPM_STREAM_CLOSED); // NOLINT(clang-analyzer-unix.Malloc)
  }
}
