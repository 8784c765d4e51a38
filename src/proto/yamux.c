#include "proto/yamux.h"

#include "base/bytes.h"
#include "proto/mux_streams.h"
#include "proto/yamux_ids.h"

#include <assert.h>
#include <stdlib.h>

#define ALL_FLAGS (WPM_YAMUX_SYN | WPM_YAMUX_ACK | WPM_YAMUX_FIN | WPM_YAMUX_RST)

typedef struct yamux_stream {
  wpm_mux_entry entry;   /* Its key is the stream id. */
  uint32_t send_window;  /* Bytes that we may still send. */
  uint32_t receivable;   /* Bytes that they may still send. */
  uint32_t unread;       /* Bytes handed to the owner and not consumed yet. */
  uint32_t owed;         /* Credit not given back yet. */
  uint16_t announcement; /* SYN or ACK, due on the next frame that we send; 0: none. */
  bool short_write;      /* The owner waits for the send window. */
} yamux_stream;

typedef struct yamux {
  wpm_muxer muxer;
  const wpm_muxer_callbacks *callbacks;
  void *user;
  wpm_buffer *out;
  wpm_mux_streams streams;
  wpm_yamux_ids theirs; /* Ids they have used. */
  uint64_t next_id;     /* The id of our next stream; above UINT32_MAX: none left. */
  uint32_t max_inbound;
  uint32_t max_outbound;
  uint32_t receive_window;
  yamux_stream *receiving; /* Whose data comes now; NULL: it is skipped. */
  uint32_t data_left;      /* Bytes of the present frame's data still to come. */
  bool finish;             /* The present frame carries a FIN. */
  bool dialler;
  bool said_goodbye;
  bool heard_goodbye;
  bool ping_sent;                   /* Its answer is still to come. */
  uint32_t ping_value;              /* Of the latest ping. */
  uint8_t header_len;               /* Bytes in `header`. */
  uint8_t header[WPM_YAMUX_HEADER]; /* A header received in part. */
} yamux;

_Static_assert(sizeof(yamux) <= 192, "an idle connection holds one of these");

static yamux *yamux_of(const wpm_muxer *muxer) {
  return (yamux *)muxer;
}

static yamux_stream *stream_of(wpm_mux_entry *entry) {
  return (yamux_stream *)entry;
}

static uint32_t id_of(const yamux_stream *stream) {
  return (uint32_t)stream->entry.key;
}

/* ---- sending --------------------------------------------------------------------------------- */

static uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint32_t value, uint8_t *at) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

wpm_yamux_frame wpm_yamux_decode(const uint8_t *header) {
  return (wpm_yamux_frame){.version = header[0],
                           .type = header[1],
                           .flags = (uint16_t)(header[2] << 8 | header[3]),
                           .stream_id = read_u32(header + 4),
                           .length = read_u32(header + 8)};
}

void wpm_yamux_encode(wpm_yamux_frame frame, uint8_t *header) {
  header[0] = frame.version;
  header[1] = frame.type;
  header[2] = (uint8_t)(frame.flags >> 8);
  header[3] = (uint8_t)frame.flags;
  write_u32(frame.stream_id, header + 4);
  write_u32(frame.length, header + 8);
}

static int send_header(yamux *y, uint8_t type, uint16_t flags, uint32_t stream_id,
                       uint32_t length) {
  uint8_t *space;
  int err = wpm_buffer_reserve(y->out, WPM_YAMUX_HEADER, &space);
  if (err) {
    return err;
  }
  wpm_yamux_encode((wpm_yamux_frame){0, type, flags, stream_id, length}, space);
  wpm_buffer_commit(y->out, WPM_YAMUX_HEADER);
  return WPM_OK;
}

/* A window update, which announces the stream where that is still due. */
static int send_update(yamux *y, yamux_stream *stream, uint16_t flags, uint32_t credit) {
  int err =
      send_header(y, WPM_YAMUX_WINDOW_UPDATE, stream->announcement | flags, id_of(stream), credit);
  if (!err) {
    stream->announcement = 0;
  }
  return err;
}

static int go_away(wpm_muxer *muxer, uint32_t code) {
  yamux *y = yamux_of(muxer);
  if (y->said_goodbye) {
    return WPM_OK;
  }
  int err = send_header(y, WPM_YAMUX_GO_AWAY, 0, 0, code);
  if (!err) {
    y->said_goodbye = true;
  }
  return err;
}

static int ping(wpm_muxer *muxer, uint32_t value) {
  yamux *y = yamux_of(muxer);
  int err = send_header(y, WPM_YAMUX_PING, WPM_YAMUX_SYN, 0, value);
  if (err) {
    return err;
  }
  y->ping_sent = true;
  y->ping_value = value;
  return WPM_OK;
}

/* ---- streams --------------------------------------------------------------------------------- */

static int add_stream(yamux *y, uint32_t id, bool ours, yamux_stream **out) {
  wpm_mux_entry *entry;
  int err = wpm_mux_streams_add(&y->streams, sizeof(yamux_stream), id, ours, &entry);
  if (err) {
    return err;
  }
  yamux_stream *stream = stream_of(entry);
  entry->handle.muxer = &y->muxer;
  stream->send_window = WPM_YAMUX_WINDOW;
  stream->receivable = WPM_YAMUX_WINDOW;
  stream->owed = y->receive_window - WPM_YAMUX_WINDOW;
  stream->announcement = ours ? WPM_YAMUX_SYN : WPM_YAMUX_ACK;
  *out = stream;
  return WPM_OK;
}

static void end_stream(yamux *y, yamux_stream *stream) {
  if (y->receiving == stream) {
    y->receiving = NULL;
  }
  wpm_mux_streams_end(&y->streams, &stream->entry);
}

/* Ends the stream and tells the owner; inside `input` only. */
static void finish_stream(yamux *y, yamux_stream *stream, bool reset, uint32_t code) {
  end_stream(y, stream);
  y->callbacks->stream_ended(y->user, &stream->entry.handle, reset, code);
}

static int open_stream(wpm_muxer *muxer, void *stream_user, wpm_mux_stream **out) {
  yamux *y = yamux_of(muxer);
  if (y->heard_goodbye || y->said_goodbye) {
    return WPM_ERR_CLOSED;
  }
  if (y->streams.outbound >= y->max_outbound || y->next_id > UINT32_MAX) {
    return WPM_ERR_FULL;
  }
  yamux_stream *stream;
  int err = add_stream(y, (uint32_t)y->next_id, true, &stream);
  if (err) {
    return err;
  }
  y->next_id += 2;
  stream->entry.handle.user = stream_user;
  *out = &stream->entry.handle;
  return WPM_OK;
}

static int write_stream(wpm_mux_stream *handle, wpm_bytes data, size_t *taken) {
  yamux_stream *stream = (yamux_stream *)handle;
  yamux *y = yamux_of(handle->muxer);
  *taken = 0;
  if (stream->entry.ended || stream->entry.write_closed) {
    return WPM_ERR_CLOSED;
  }
  size_t len = data.len < stream->send_window ? data.len : stream->send_window;
  size_t frames = (len + WPM_YAMUX_FRAME_DATA - 1) / WPM_YAMUX_FRAME_DATA;
  uint8_t *at;
  int err = wpm_buffer_reserve(y->out, len + frames * WPM_YAMUX_HEADER, &at);
  if (err) {
    return err;
  }
  for (size_t done = 0; done < len;) {
    uint32_t part =
        len - done < WPM_YAMUX_FRAME_DATA ? (uint32_t)(len - done) : WPM_YAMUX_FRAME_DATA;
    wpm_yamux_encode(
        (wpm_yamux_frame){0, WPM_YAMUX_DATA, stream->announcement, id_of(stream), part}, at);
    memcpy(at + WPM_YAMUX_HEADER, data.data + done, part);
    at += WPM_YAMUX_HEADER + part;
    stream->announcement = 0;
    done += part;
  }
  wpm_buffer_commit(y->out, len + frames * WPM_YAMUX_HEADER);
  stream->send_window -= (uint32_t)len;
  stream->short_write = len < data.len;
  *taken = len;
  return WPM_OK;
}

static int close_write(wpm_mux_stream *handle) {
  yamux_stream *stream = (yamux_stream *)handle;
  yamux *y = yamux_of(handle->muxer);
  if (stream->entry.ended || stream->entry.write_closed) {
    return WPM_OK;
  }
  int err = send_update(y, stream, WPM_YAMUX_FIN, 0);
  if (err) {
    return err;
  }
  stream->entry.write_closed = true;
  stream->short_write = false;
  if (!stream->entry.read_closed) {
    return WPM_OK;
  }
  end_stream(y, stream);
  return 1;
}

static void reset_stream(wpm_mux_stream *handle) {
  yamux_stream *stream = (yamux_stream *)handle;
  yamux *y = yamux_of(handle->muxer);
  if (stream->entry.ended) {
    return;
  }
  /* One that was never announced is unknown there. */
  if (stream->announcement != WPM_YAMUX_SYN) {
    (void)send_header(y, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, id_of(stream), 0);
  }
  end_stream(y, stream);
}

static int consumed(wpm_mux_stream *handle, size_t bytes) {
  yamux_stream *stream = (yamux_stream *)handle;
  yamux *y = yamux_of(handle->muxer);
  if (stream->entry.ended) {
    return WPM_OK;
  }
  assert(bytes <= stream->unread);
  uint32_t owed = stream->owed + (uint32_t)bytes;
  if (owed >= y->receive_window / 2 && !stream->entry.read_closed) {
    int err = send_update(y, stream, 0, owed);
    if (err) {
      return err;
    }
    stream->receivable += owed;
    owed = 0;
  }
  stream->owed = owed;
  stream->unread -= (uint32_t)bytes;
  return WPM_OK;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Their SYN. *out is NULL where the stream is refused, or reset by the same frame. */
static int accept_stream(yamux *y, wpm_yamux_frame frame, yamux_stream **out) {
  bool odd = frame.stream_id % 2;
  if (odd == y->dialler || wpm_yamux_ids_used(&y->theirs, frame.stream_id)) {
    return WPM_ERR_PROTOCOL;
  }
  wpm_yamux_ids_mark(&y->theirs, frame.stream_id);
  if (frame.flags & WPM_YAMUX_RST) {
    return WPM_OK;
  }
  if (y->streams.inbound >= y->max_inbound || y->said_goodbye) {
    return send_header(y, WPM_YAMUX_WINDOW_UPDATE, WPM_YAMUX_RST, frame.stream_id, 0);
  }
  int err = add_stream(y, frame.stream_id, false, out);
  if (err) {
    return err;
  }
  y->callbacks->stream_opened(y->user, &(*out)->entry.handle);
  return WPM_OK;
}

/* A frame on an id without a live stream: fine where that stream is over. */
static int check_ended(const yamux *y, wpm_yamux_frame frame) {
  bool odd = frame.stream_id % 2;
  if (odd == y->dialler) {
    return frame.stream_id < y->next_id ? WPM_OK : WPM_ERR_PROTOCOL;
  }
  if (wpm_yamux_ids_used(&y->theirs, frame.stream_id)) {
    return WPM_OK;
  }
  bool only_ends = frame.length == 0 && frame.flags & (WPM_YAMUX_FIN | WPM_YAMUX_RST);
  return only_ends ? WPM_OK : WPM_ERR_PROTOCOL;
}

/* The stream that the frame is for; *out is NULL where the rest of the frame is to be ignored. */
static int find_stream(yamux *y, wpm_yamux_frame frame, yamux_stream **out) {
  *out = NULL;
  if (frame.stream_id == 0) {
    return WPM_ERR_PROTOCOL;
  }
  if (frame.flags & WPM_YAMUX_SYN) {
    return accept_stream(y, frame, out);
  }
  *out = stream_of(wpm_mux_streams_find(&y->streams, frame.stream_id));
  if (!*out) {
    return check_ended(y, frame);
  }
  return (*out)->announcement == WPM_YAMUX_SYN ? WPM_ERR_PROTOCOL : WPM_OK;
}

static void take_fin(yamux *y, yamux_stream *stream) {
  if (stream->entry.read_closed) {
    return;
  }
  stream->entry.read_closed = true;
  y->callbacks->stream_eof(y->user, &stream->entry.handle);
  if (!stream->entry.ended && stream->entry.write_closed) {
    finish_stream(y, stream, false, 0);
  }
}

static int take_data_frame(yamux *y, wpm_yamux_frame frame) {
  if (frame.length > y->receive_window) {
    return WPM_ERR_PROTOCOL;
  }
  y->data_left = frame.length;
  yamux_stream *stream;
  int err = find_stream(y, frame, &stream);
  if (err || !stream || stream->entry.ended) {
    return err;
  }
  if (frame.flags & WPM_YAMUX_RST) {
    finish_stream(y, stream, true, 0);
    return WPM_OK;
  }
  if (frame.length > stream->receivable) {
    return WPM_ERR_PROTOCOL;
  }
  stream->receivable -= frame.length;
  if (stream->entry.read_closed) {
    return WPM_OK;
  }
  y->finish = frame.flags & WPM_YAMUX_FIN;
  if (frame.length > 0) {
    y->receiving = stream;
  } else if (y->finish) {
    take_fin(y, stream);
  }
  return WPM_OK;
}

static int take_update_frame(yamux *y, wpm_yamux_frame frame) {
  yamux_stream *stream;
  int err = find_stream(y, frame, &stream);
  if (err || !stream || stream->entry.ended) {
    return err;
  }
  if (frame.flags & WPM_YAMUX_RST) {
    finish_stream(y, stream, true, frame.length);
    return WPM_OK;
  }
  if (frame.length > UINT32_MAX - stream->send_window) {
    return WPM_ERR_PROTOCOL;
  }
  stream->send_window += frame.length;
  if (frame.length > 0 && stream->short_write) {
    stream->short_write = false;
    y->callbacks->stream_writable(y->user, &stream->entry.handle);
  }
  if (!stream->entry.ended && frame.flags & WPM_YAMUX_FIN) {
    take_fin(y, stream);
  }
  return WPM_OK;
}

static int take_ping_frame(yamux *y, wpm_yamux_frame frame) {
  if (frame.stream_id != 0) {
    return WPM_ERR_PROTOCOL;
  }
  if (frame.flags == WPM_YAMUX_SYN) {
    return send_header(y, WPM_YAMUX_PING, WPM_YAMUX_ACK, 0, frame.length);
  }
  if (frame.flags != WPM_YAMUX_ACK) {
    return WPM_ERR_PROTOCOL;
  }
  if (y->ping_sent && frame.length == y->ping_value) {
    y->ping_sent = false;
    y->callbacks->pong(y->user, frame.length);
  }
  return WPM_OK;
}

static int take_go_away_frame(yamux *y, wpm_yamux_frame frame) {
  if (frame.stream_id != 0) {
    return WPM_ERR_PROTOCOL;
  }
  y->heard_goodbye = true;
  y->callbacks->go_away(y->user, frame.length);
  return WPM_OK;
}

static int take_frame(yamux *y, wpm_yamux_frame frame) {
  if (frame.version != 0 || frame.flags & ~ALL_FLAGS) {
    return WPM_ERR_PROTOCOL;
  }
  switch (frame.type) {
  case WPM_YAMUX_DATA:
    return take_data_frame(y, frame);
  case WPM_YAMUX_WINDOW_UPDATE:
    return take_update_frame(y, frame);
  case WPM_YAMUX_PING:
    return take_ping_frame(y, frame);
  case WPM_YAMUX_GO_AWAY:
    return take_go_away_frame(y, frame);
  }
  return WPM_ERR_PROTOCOL;
}

static wpm_bytes take_front(wpm_bytes *in, size_t most) {
  wpm_bytes front = {in->data, in->len < most ? in->len : most};
  in->data += front.len;
  in->len -= front.len;
  return front;
}

static int take_header(yamux *y, wpm_bytes *in) {
  if (y->header_len == 0 && in->len >= WPM_YAMUX_HEADER) {
    return take_frame(y, wpm_yamux_decode(take_front(in, WPM_YAMUX_HEADER).data));
  }
  wpm_bytes part = take_front(in, WPM_YAMUX_HEADER - y->header_len);
  memcpy(y->header + y->header_len, part.data, part.len);
  y->header_len = (uint8_t)(y->header_len + part.len);
  if (y->header_len < WPM_YAMUX_HEADER) {
    return WPM_OK;
  }
  y->header_len = 0;
  return take_frame(y, wpm_yamux_decode(y->header));
}

static void take_data(yamux *y, wpm_bytes *in) {
  wpm_bytes data = take_front(in, y->data_left);
  y->data_left -= (uint32_t)data.len;
  yamux_stream *stream = y->receiving;
  if (!stream) {
    return;
  }
  stream->unread += (uint32_t)data.len;
  y->callbacks->stream_data(y->user, &stream->entry.handle, data);
  if (y->data_left > 0 || !y->receiving) {
    return;
  }
  y->receiving = NULL;
  if (y->finish) {
    take_fin(y, stream);
  }
}

static int input(wpm_muxer *muxer, wpm_bytes in) {
  yamux *y = yamux_of(muxer);
  wpm_mux_streams_enter(&y->streams);
  int err = WPM_OK;
  while (!err && in.len > 0) {
    if (y->data_left > 0) {
      take_data(y, &in);
    } else {
      err = take_header(y, &in);
    }
  }
  wpm_mux_streams_leave(&y->streams);
  if (err == WPM_ERR_PROTOCOL) {
    (void)go_away(muxer,
                  WPM_GO_AWAY_PROTOCOL_ERROR); /* Without room for it, it ends all the same. */
  }
  return err;
}

static bool mid_frame(const wpm_muxer *muxer) {
  const yamux *y = yamux_of(muxer);
  return y->header_len > 0 || y->data_left > 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int create(const wpm_muxer_config *config, wpm_muxer **out) {
  if (config->receive_window < WPM_YAMUX_WINDOW) {
    return WPM_ERR_INVALID;
  }
  yamux *y = calloc(1, sizeof(*y));
  if (!y) {
    return WPM_ERR_NO_MEMORY;
  }
  y->muxer.type = &wpm_yamux;
  y->callbacks = config->callbacks;
  y->user = config->user;
  y->out = config->out;
  wpm_mux_streams_init(&y->streams);
  wpm_yamux_ids_init(&y->theirs);
  y->next_id = config->dialler ? 1 : 2;
  y->dialler = config->dialler;
  y->max_inbound = config->max_inbound_streams;
  y->max_outbound = config->max_outbound_streams < WPM_YAMUX_OUTBOUND ? config->max_outbound_streams
                                                                      : WPM_YAMUX_OUTBOUND;
  y->receive_window = config->receive_window;
  *out = &y->muxer;
  return WPM_OK;
}

static void free_muxer(wpm_muxer *muxer) {
  if (!muxer) {
    return;
  }
  wpm_mux_streams_fini(&yamux_of(muxer)->streams);
  free(muxer);
}

const wpm_muxer_type wpm_yamux = {.protocol_id = "/yamux/1.0.0",
                                  .create = create,
                                  .free = free_muxer,
                                  .input = input,
                                  .mid_frame = mid_frame,
                                  .open = open_stream,
                                  .write = write_stream,
                                  .close_write = close_write,
                                  .reset = reset_stream,
                                  .consumed = consumed,
                                  .ping = ping,
                                  .go_away = go_away};
