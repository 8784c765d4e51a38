#include "net/services.h"

#include "base/bytes.h"
#include "net/conn.h"
#include "proto/ping.h"

#include <stdlib.h>

#define PUSH_READERS_MAX 2 /* Identify pushes that one peer may be sending at once. */

/* In the order in which identify announces them. */
const wpm_stream_type *const wpm_stream_handlers[] = {
    &wpm_identify_responder, &wpm_identify_push_responder, &wpm_ping_responder,
    &wpm_metadata_responder, NULL};

#define LITERAL(text)                                                                              \
  { (text), sizeof(text) - 1 }
const wpm_text wpm_stream_handler_ids[] = {
    LITERAL(WPM_IDENTIFY_PROTOCOL_ID), LITERAL(WPM_IDENTIFY_PUSH_PROTOCOL_ID),
    LITERAL(WPM_PING_PROTOCOL_ID), LITERAL(WPM_METADATA_PROTOCOL_ID)};

size_t wpm_stream_handler_count(void) {
  return sizeof wpm_stream_handler_ids / sizeof *wpm_stream_handler_ids;
}

static void ignore_data(wpm_stream *stream, wpm_bytes data) {
  (void)stream;
  (void)data;
}

static void nothing_left(wpm_stream *stream, wpm_stream_end end) {
  (void)stream;
  (void)end;
}

/* Ends our side behind a request that was just sent. On error the stream is gone, and nothing is
 * told. */
static int end_request(wpm_stream *stream) {
  int err = wpm_stream_close_write(stream);
  if (err != WPM_OK) {
    wpm_stream_reset(stream);
  }
  return err;
}

/* ---- identify: what we say ------------------------------------------------------------------- */

static int write_identify(wpm_conn *conn, wpm_buffer *out) {
  wpm_host *host = conn->host;
  const wpm_multiaddr *announced = NULL;
  wpm_bytes addresses[WPM_HOST_ANNOUNCED_MAX];
  size_t count = wpm_host_announced_addresses(host, &announced);
  for (size_t i = 0; i < count; i++) {
    addresses[i] = wpm_multiaddr_view(&announced[i]);
  }
  const wpm_identity *identity = host->config.identity;
  wpm_identify message = {
      .public_key = {identity->public_key, identity->public_key_len},
      .has_agent = true,
      .agent = host->config.agent,
      .has_protocol_version = true,
      .protocol_version = host->config.protocol_version,
      .addresses = addresses,
      .address_count = count,
      .observed_address = conn->remote,
      .protocols = wpm_stream_handler_ids,
      .protocol_count = wpm_stream_handler_count(),
      .signed_record = wpm_buffer_view(&host->record),
  };
  return wpm_identify_write(&message, out);
}

static void identify_asked(wpm_stream *stream) {
  wpm_buffer message;
  wpm_buffer_init(&message, WPM_IDENTIFY_SEND_MAX);
  int err = write_identify(stream->conn, &message);
  if (err == WPM_OK) {
    err = wpm_stream_send(stream, wpm_buffer_view(&message));
  }
  wpm_buffer_fini(&message);
  if (err == WPM_OK) {
    err = wpm_stream_close_write(stream);
  }
  if (err != WPM_OK) {
    wpm_stream_reset(stream);
  }
}

const wpm_stream_type wpm_identify_responder = {
    .protocol = LITERAL(WPM_IDENTIFY_PROTOCOL_ID),
    .timed = true,
    .opened = identify_asked,
    .data = ignore_data,
    .eof = wpm_stream_finish,
    .ended = nothing_left,
};

static const wpm_stream_type push_sender = {
    .protocol = LITERAL(WPM_IDENTIFY_PUSH_PROTOCOL_ID),
    .timed = true,
    .data = ignore_data,
    .eof = wpm_stream_finish,
    .ended = nothing_left,
};

static int push_identify(wpm_conn *conn) {
  wpm_buffer message;
  wpm_buffer_init(&message, WPM_IDENTIFY_SEND_MAX);
  wpm_stream *stream = NULL;
  int err = write_identify(conn, &message);
  if (err == WPM_OK) {
    err = wpm_stream_open(conn, &push_sender, NULL, wpm_buffer_view(&message), &stream);
  }
  wpm_buffer_fini(&message);
  return err == WPM_OK ? end_request(stream) : err;
}

int wpm_conn_push_identify(wpm_conn *conn) {
  wpm_conn_enter(conn);
  int err = conn->dead ? WPM_ERR_CLOSED : push_identify(conn);
  wpm_conn_leave(conn);
  return err;
}

/* ---- identify: what they say ----------------------------------------------------------------- */

static void tell_identified(wpm_conn *conn, const wpm_identify *message, bool pushed) {
  conn->host->config.callbacks->identified(conn->host->config.user, conn, message, pushed);
}

static bool is_ours(const wpm_stream *stream) {
  return stream->direction == WPM_OUTBOUND;
}

/* Frees what was read, once. */
static void drop_reader(wpm_stream *stream) {
  if (stream->state && !is_ours(stream)) {
    stream->conn->push_readers--;
  }
  wpm_identify_reader_free(stream->state);
  stream->state = NULL;
  if (stream->conn->identify == stream) {
    stream->conn->identify = NULL;
  }
}

static void identify_data(wpm_stream *stream, wpm_bytes data) {
  if (!stream->state || wpm_identify_reader_input(stream->state, data) == WPM_OK) {
    return;
  }
  wpm_conn *conn = stream->conn;
  bool ours = is_ours(stream);
  wpm_stream_reset(stream);
  if (ours) {
    tell_identified(conn, NULL, false);
  }
}

static void identify_eof(wpm_stream *stream) {
  wpm_conn *conn = stream->conn;
  wpm_identify_reader *reader = stream->state;
  bool ours = is_ours(stream);
  stream->state = NULL;
  if (ours) {
    conn->identify = NULL;
  }
  wpm_stream_finish(stream);
  if (!reader) {
    return;
  }
  if (!ours) {
    conn->push_readers--;
  }
  wpm_identify message;
  bool whole = wpm_identify_reader_finish(reader, &message) == WPM_OK;
  if (whole || ours) {
    tell_identified(conn, whole ? &message : NULL, !ours);
  }
  wpm_identify_reader_free(reader);
}

static void identify_ended(wpm_stream *stream, wpm_stream_end end) {
  bool unanswered = is_ours(stream) && stream->state;
  drop_reader(stream);
  if (unanswered && end != WPM_STREAM_CLOSED) {
    tell_identified(stream->conn, NULL, false);
  }
}

static const wpm_stream_type identify_requester = {
    .protocol = LITERAL(WPM_IDENTIFY_PROTOCOL_ID),
    .timed = true,
    .data = identify_data,
    .eof = identify_eof,
    .ended = identify_ended,
    .drop = drop_reader,
};

static void push_came(wpm_stream *stream) {
  wpm_identify_reader *reader = NULL;
  if (stream->conn->push_readers < PUSH_READERS_MAX && wpm_identify_reader_new(&reader) == WPM_OK) {
    stream->conn->push_readers++;
    stream->state = reader;
  } else {
    wpm_stream_reset(stream);
  }
}

const wpm_stream_type wpm_identify_push_responder = {
    .protocol = LITERAL(WPM_IDENTIFY_PUSH_PROTOCOL_ID),
    .timed = true,
    .opened = push_came,
    .data = identify_data,
    .eof = identify_eof,
    .ended = identify_ended,
    .drop = drop_reader,
};

static int ask_identify(wpm_conn *conn) {
  if (conn->identify) {
    return WPM_OK;
  }
  wpm_identify_reader *reader = NULL;
  int err = wpm_identify_reader_new(&reader);
  if (err != WPM_OK) {
    return err;
  }
  err = wpm_stream_open(conn, &identify_requester, reader, (wpm_bytes){0}, &conn->identify);
  if (err != WPM_OK) {
    wpm_identify_reader_free(reader);
  }
  return err;
}

int wpm_conn_identify(wpm_conn *conn) {
  wpm_conn_enter(conn);
  int err = conn->dead ? WPM_ERR_CLOSED : ask_identify(conn);
  wpm_conn_leave(conn);
  return err;
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* A message as it comes in. */
typedef struct metadata_state {
  wpm_buffer received;
} metadata_state;

static metadata_state *new_metadata_state(void) {
  metadata_state *state = calloc(1, sizeof *state);
  if (state) {
    wpm_buffer_init(&state->received, WPM_METADATA_MAX + 8);
  }
  return state;
}

static void drop_metadata(wpm_stream *stream) {
  metadata_state *state = stream->state;
  if (state) {
    wpm_buffer_fini(&state->received);
  }
  free(state);
  stream->state = NULL;
  if (is_ours(stream) && stream->conn->metadata == stream) {
    stream->conn->metadata = NULL;
  }
}

static void tell_metadata(wpm_conn *conn, const wpm_metadata *message) {
  conn->host->config.callbacks->metadata(conn->host->config.user, conn, message);
}

/* Takes in bytes of their message. WPM_OK: *out is whole; WPM_ERR_TRUNCATED: more is needed. */
static int take_metadata(wpm_stream *stream, wpm_bytes data, wpm_metadata *out) {
  metadata_state *state = stream->state;
  size_t used = 0;
  if (wpm_buffer_append(&state->received, data.data, data.len) != WPM_OK) {
    return WPM_ERR_TOO_LARGE;
  }
  return wpm_metadata_read(wpm_buffer_view(&state->received), out, &used);
}

static void metadata_answer(wpm_stream *stream, wpm_bytes data) {
  if (!stream->state) {
    return;
  }
  wpm_conn *conn = stream->conn;
  wpm_metadata message;
  int err = take_metadata(stream, data, &message);
  if (err == WPM_ERR_TRUNCATED) {
    return;
  }
  if (err == WPM_OK) {
    drop_metadata(stream);
  } else {
    wpm_stream_reset(stream);
  }
  tell_metadata(conn, err == WPM_OK ? &message : NULL);
}

static void metadata_ended(wpm_stream *stream, wpm_stream_end end) {
  bool unanswered = is_ours(stream) && stream->state;
  drop_metadata(stream);
  if (unanswered && end != WPM_STREAM_CLOSED) {
    tell_metadata(stream->conn, NULL);
  }
}

static void metadata_answer_eof(wpm_stream *stream) {
  wpm_conn *conn = stream->conn;
  if (!stream->state) {
    return; /* Answered: both sides are closed, the muxer ends the stream. */
  }
  wpm_stream_reset(stream);
  tell_metadata(conn, NULL);
}

static const wpm_stream_type metadata_requester = {
    .protocol = LITERAL(WPM_METADATA_PROTOCOL_ID),
    .timed = true,
    .data = metadata_answer,
    .eof = metadata_answer_eof,
    .ended = metadata_ended,
    .drop = drop_metadata,
};

static int ask_metadata(wpm_conn *conn) {
  if (conn->metadata) {
    return WPM_OK;
  }
  wpm_buffer message;
  wpm_buffer_init(&message, WPM_METADATA_MAX + 8);
  metadata_state *state = new_metadata_state();
  int err = state ? wpm_metadata_write(conn->host->config.metadata, &message) : WPM_ERR_NO_MEMORY;
  if (err == WPM_OK) {
    err = wpm_stream_open(conn, &metadata_requester, state, wpm_buffer_view(&message),
                          &conn->metadata);
  }
  wpm_buffer_fini(&message);
  if (err != WPM_OK) {
    free(state);
    return err;
  }
  return end_request(conn->metadata);
}

int wpm_conn_request_metadata(wpm_conn *conn) {
  wpm_conn_enter(conn);
  int err = conn->dead ? WPM_ERR_CLOSED : ask_metadata(conn);
  wpm_conn_leave(conn);
  return err;
}

static void metadata_asked(wpm_stream *stream) {
  stream->state = new_metadata_state();
  if (!stream->state) {
    wpm_stream_reset(stream);
  }
}

/* False where the stream is gone. */
static bool answer_metadata(wpm_stream *stream) {
  wpm_buffer message;
  wpm_buffer_init(&message, WPM_METADATA_MAX + 8);
  int err = wpm_metadata_write(stream->conn->host->config.metadata, &message);
  if (err == WPM_OK) {
    err = wpm_stream_send(stream, wpm_buffer_view(&message));
  }
  wpm_buffer_fini(&message);
  if (err == WPM_OK) {
    err = wpm_stream_close_write(stream);
  }
  if (err != WPM_OK) {
    wpm_stream_reset(stream);
  }
  return err == WPM_OK;
}

static void metadata_request(wpm_stream *stream, wpm_bytes data) {
  if (!stream->state) {
    return;
  }
  wpm_conn *conn = stream->conn;
  wpm_metadata message;
  int err = take_metadata(stream, data, &message);
  if (err == WPM_ERR_TRUNCATED) {
    return;
  }
  if (err != WPM_OK) {
    wpm_stream_reset(stream);
    return;
  }
  drop_metadata(stream);
  if (answer_metadata(stream)) {
    tell_metadata(conn, &message);
  }
}

/* A request without a message is answered all the same. */
static void metadata_request_eof(wpm_stream *stream) {
  if (!stream->state) {
    return;
  }
  drop_metadata(stream);
  (void)answer_metadata(stream);
}

const wpm_stream_type wpm_metadata_responder = {
    .protocol = LITERAL(WPM_METADATA_PROTOCOL_ID),
    .timed = true,
    .opened = metadata_asked,
    .data = metadata_request,
    .eof = metadata_request_eof,
    .ended = metadata_ended,
    .drop = drop_metadata,
};
