#include "proto/mplex.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "proto/mux_streams.h"

#include <assert.h>
#include <stdlib.h>

#define ID_BITS 60 /* A header is a varint of at most 63 bits, three of them the flag. */

typedef struct mplex_stream {
  wpm_mux_entry entry; /* Its key is the id, then a bit for ours. */
  uint32_t unread;     /* Bytes handed to the owner and not consumed yet. */
} mplex_stream;

typedef struct mplex {
  wpm_muxer muxer;
  const wpm_muxer_callbacks *callbacks;
  void *user;
  wpm_buffer *out;
  wpm_mux_streams streams;
  uint64_t next_id; /* The id of our next stream. */
  uint32_t max_inbound;
  uint32_t max_outbound;
  uint32_t receive_window;
  uint32_t data_left;             /* Bytes of the present message still to come. */
  mplex_stream *receiving;        /* Whose data comes now; NULL: it is skipped. */
  uint64_t header;                /* The present message's header, once has_header. */
  bool has_header;                /* The header has come, its length not. */
  uint8_t varint_len;             /* Bytes in `varint`. */
  uint8_t varint[WPM_VARINT_MAX]; /* A varint received in part. */
} mplex;

_Static_assert(sizeof(mplex) <= 192, "an idle connection holds one of these");

static mplex *mplex_of(const wpm_muxer *muxer) {
  return (mplex *)muxer;
}

static mplex_stream *stream_of(wpm_mux_entry *entry) {
  return (mplex_stream *)entry;
}

static uint64_t key_of(uint64_t id, bool ours) {
  return id << 1 | ours;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The header of a message from us on a stream; `flag` is given as that of a receiver. */
static uint64_t header_of(uint64_t key, unsigned flag) {
  bool ours = key & 1;
  return key >> 1 << 3 | (flag + ours);
}

/* A message without data. */
static int send_empty(mplex *m, uint64_t header) {
  uint8_t *space;
  size_t size = wpm_varint_size(header) + 1;
  int err = wpm_buffer_reserve(m->out, size, &space);
  if (err) {
    return err;
  }
  space[wpm_varint_write(header, space)] = 0;
  wpm_buffer_commit(m->out, size);
  return WPM_OK;
}

static int ping(wpm_muxer *muxer, uint32_t value) {
  (void)muxer;
  (void)value;
  return WPM_ERR_UNSUPPORTED;
}

static int go_away(wpm_muxer *muxer, uint32_t code) {
  (void)muxer;
  (void)code;
  return WPM_OK;
}

/* ---- streams --------------------------------------------------------------------------------- */

static int add_stream(mplex *m, uint64_t id, bool ours, mplex_stream **out) {
  wpm_mux_entry *entry;
  int err = wpm_mux_streams_add(&m->streams, sizeof(mplex_stream), key_of(id, ours), ours, &entry);
  if (err) {
    return err;
  }
  entry->handle.muxer = &m->muxer;
  *out = stream_of(entry);
  return WPM_OK;
}

static void end_stream(mplex *m, mplex_stream *stream) {
  if (m->receiving == stream) {
    m->receiving = NULL;
  }
  wpm_mux_streams_end(&m->streams, &stream->entry);
}

/* Ends the stream and tells the owner; inside `input` only. */
static void finish_stream(mplex *m, mplex_stream *stream, bool reset) {
  end_stream(m, stream);
  m->callbacks->stream_ended(m->user, &stream->entry.handle, reset, 0);
}

static int open_stream(wpm_muxer *muxer, void *stream_user, wpm_mux_stream **out) {
  mplex *m = mplex_of(muxer);
  if (m->streams.outbound >= m->max_outbound || m->next_id >> ID_BITS != 0) {
    return WPM_ERR_FULL;
  }
  mplex_stream *stream;
  int err = add_stream(m, m->next_id, true, &stream);
  if (err) {
    return err;
  }
  err = send_empty(m, m->next_id << 3 | WPM_MPLEX_NEW_STREAM);
  if (err) {
    end_stream(m, stream);
    return err;
  }
  m->next_id++;
  stream->entry.handle.user = stream_user;
  *out = &stream->entry.handle;
  return WPM_OK;
}

static size_t part_of(size_t left) {
  return left < WPM_MPLEX_MESSAGE_DATA ? left : WPM_MPLEX_MESSAGE_DATA;
}

static int write_stream(wpm_mux_stream *handle, wpm_bytes data, size_t *taken) {
  mplex_stream *stream = (mplex_stream *)handle;
  mplex *m = mplex_of(handle->muxer);
  *taken = 0;
  if (stream->entry.ended || stream->entry.write_closed) {
    return WPM_ERR_CLOSED;
  }
  uint64_t header = header_of(stream->entry.key, WPM_MPLEX_MESSAGE_RECEIVER);
  size_t size = 0;
  for (size_t left = data.len; left > 0; left -= part_of(left)) {
    size += wpm_varint_size(header) + wpm_varint_size(part_of(left)) + part_of(left);
  }
  uint8_t *at;
  int err = wpm_buffer_reserve(m->out, size, &at);
  if (err) {
    return err;
  }
  for (size_t left = data.len; left > 0; left -= part_of(left)) {
    at += wpm_varint_write(header, at);
    at += wpm_varint_write(part_of(left), at);
    memcpy(at, data.data + (data.len - left), part_of(left));
    at += part_of(left);
  }
  wpm_buffer_commit(m->out, size);
  *taken = data.len;
  return WPM_OK;
}

static int close_write(wpm_mux_stream *handle) {
  mplex_stream *stream = (mplex_stream *)handle;
  mplex *m = mplex_of(handle->muxer);
  if (stream->entry.ended || stream->entry.write_closed) {
    return WPM_OK;
  }
  int err = send_empty(m, header_of(stream->entry.key, WPM_MPLEX_CLOSE_RECEIVER));
  if (err) {
    return err;
  }
  stream->entry.write_closed = true;
  if (!stream->entry.read_closed) {
    return WPM_OK;
  }
  end_stream(m, stream);
  return 1;
}

static void reset_stream(wpm_mux_stream *handle) {
  mplex_stream *stream = (mplex_stream *)handle;
  mplex *m = mplex_of(handle->muxer);
  if (stream->entry.ended) {
    return;
  }
  (void)send_empty(m, header_of(stream->entry.key, WPM_MPLEX_RESET_RECEIVER));
  end_stream(m, stream);
}

static int consumed(wpm_mux_stream *handle, size_t bytes) {
  mplex_stream *stream = (mplex_stream *)handle;
  if (stream->entry.ended) {
    return WPM_OK;
  }
  assert(bytes <= stream->unread);
  stream->unread -= (uint32_t)bytes;
  return WPM_OK;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static int take_new_stream(mplex *m, uint64_t id) {
  if (wpm_mux_streams_find(&m->streams, key_of(id, false))) {
    return WPM_ERR_PROTOCOL;
  }
  if (m->streams.inbound >= m->max_inbound) {
    return send_empty(m, id << 3 | WPM_MPLEX_RESET_RECEIVER);
  }
  mplex_stream *stream;
  int err = add_stream(m, id, false, &stream);
  if (err) {
    return err;
  }
  m->callbacks->stream_opened(m->user, &stream->entry.handle);
  return WPM_OK;
}

static void take_close(mplex *m, mplex_stream *stream) {
  if (stream->entry.read_closed) {
    return;
  }
  stream->entry.read_closed = true;
  m->callbacks->stream_eof(m->user, &stream->entry.handle);
  if (!stream->entry.ended && stream->entry.write_closed) {
    finish_stream(m, stream, false);
  }
}

/* A message whose header and length are known; its data is still to come. */
static int take_message(mplex *m, uint64_t header, uint64_t length) {
  unsigned flag = header & 7;
  uint64_t id = header >> 3;
  if (length > WPM_MPLEX_MESSAGE_MAX || flag > WPM_MPLEX_RESET_INITIATOR) {
    return WPM_ERR_PROTOCOL;
  }
  m->data_left = (uint32_t)length;
  if (flag == WPM_MPLEX_NEW_STREAM) {
    return take_new_stream(m, id);
  }
  bool ours = flag & 1; /* They are its receiver. */
  if (ours && id >= m->next_id) {
    return WPM_ERR_PROTOCOL;
  }
  mplex_stream *stream = stream_of(wpm_mux_streams_find(&m->streams, key_of(id, ours)));
  if (!stream) {
    return WPM_OK;
  }
  if (flag <= WPM_MPLEX_MESSAGE_INITIATOR) {
    m->receiving = length > 0 && !stream->entry.read_closed ? stream : NULL;
  } else if (flag <= WPM_MPLEX_CLOSE_INITIATOR) {
    take_close(m, stream);
  } else {
    finish_stream(m, stream, true);
  }
  return WPM_OK;
}

static int take_header(mplex *m, wpm_bytes *in) {
  uint8_t byte = *in->data;
  in->data++;
  in->len--;
  m->varint[m->varint_len++] = byte;
  if (byte & 0x80) {
    return m->varint_len < WPM_VARINT_MAX ? WPM_OK : WPM_ERR_PROTOCOL;
  }
  uint64_t value;
  size_t used;
  if (wpm_varint_read((wpm_bytes){m->varint, m->varint_len}, &value, &used) != WPM_OK) {
    return WPM_ERR_PROTOCOL;
  }
  m->varint_len = 0;
  m->has_header = !m->has_header;
  if (!m->has_header) {
    return take_message(m, m->header, value);
  }
  m->header = value;
  return WPM_OK;
}

/* Hands data on, as far as the stream's receive window goes; what exceeds it resets the stream. */
static void take_data(mplex *m, wpm_bytes *in) {
  mplex_stream *stream = m->receiving;
  size_t len = in->len < m->data_left ? in->len : m->data_left;
  if (stream && stream->unread == m->receive_window) {
    (void)send_empty(m, header_of(stream->entry.key, WPM_MPLEX_RESET_RECEIVER));
    finish_stream(m, stream, true);
    stream = NULL;
  }
  if (stream && len > m->receive_window - stream->unread) {
    len = m->receive_window - stream->unread;
  }
  wpm_bytes data = {in->data, len};
  in->data += len;
  in->len -= len;
  m->data_left -= (uint32_t)len;
  if (!stream) {
    return;
  }
  stream->unread += (uint32_t)len;
  if (m->data_left == 0) {
    m->receiving = NULL;
  }
  m->callbacks->stream_data(m->user, &stream->entry.handle, data);
}

static int input(wpm_muxer *muxer, wpm_bytes in) {
  mplex *m = mplex_of(muxer);
  wpm_mux_streams_enter(&m->streams);
  int err = WPM_OK;
  while (!err && in.len > 0) {
    if (m->data_left > 0) {
      take_data(m, &in);
    } else {
      err = take_header(m, &in);
    }
  }
  wpm_mux_streams_leave(&m->streams);
  return err;
}

static bool mid_frame(const wpm_muxer *muxer) {
  const mplex *m = mplex_of(muxer);
  return m->varint_len > 0 || m->has_header || m->data_left > 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int create(const wpm_muxer_config *config, wpm_muxer **out) {
  if (config->receive_window == 0) {
    return WPM_ERR_INVALID;
  }
  mplex *m = calloc(1, sizeof(*m));
  if (!m) {
    return WPM_ERR_NO_MEMORY;
  }
  m->muxer.type = &wpm_mplex;
  m->callbacks = config->callbacks;
  m->user = config->user;
  m->out = config->out;
  wpm_mux_streams_init(&m->streams);
  m->max_inbound = config->max_inbound_streams;
  m->max_outbound = config->max_outbound_streams;
  m->receive_window = config->receive_window;
  *out = &m->muxer;
  return WPM_OK;
}

static void free_muxer(wpm_muxer *muxer) {
  if (!muxer) {
    return;
  }
  wpm_mux_streams_fini(&mplex_of(muxer)->streams);
  free(muxer);
}

const wpm_muxer_type wpm_mplex = {.protocol_id = "/mplex/6.7.0",
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
