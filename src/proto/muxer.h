/* A muxer: many streams over one secured connection. One interface, a table of functions for each
 * kind (yamux, mplex).
 *
 * - Sans-IO: bytes received are given to `input`; bytes to send are appended to the `out` buffer
 *   that the owner gave at creation, and the owner flushes it.
 * - What happens is told by callbacks, called from inside `input` (and from nothing else). A
 *   callback may call any function of the muxer but `input` and `free`.
 * - A stream exists from its opening until `stream_ended` was called for it or the muxer is freed;
 *   its handle is invalid after either. `stream_ended` comes exactly once for each stream: when
 *   both directions are closed, when either side reset it. wpm_muxer_reset ends it as well: then no
 *   callback comes any more, and the handle is invalid on return.
 * - Limits: streams at once (theirs and ours apart), bytes per frame, unread bytes per stream (the
 *   receive window; on mplex, which has none, a stream that exceeds it is reset). What breaks the
 *   muxer's own protocol ends the connection (an error from `input`); yamux first sends a go-away.
 */
#ifndef WPM_PROTO_MUXER_H
#define WPM_PROTO_MUXER_H

#include "base/buffer.h"

typedef struct wpm_muxer wpm_muxer;
typedef struct wpm_mux_stream wpm_mux_stream;

/* Yamux go-away codes (hashicorp/yamux spec); libp2p implementations add others. */
enum { WPM_GO_AWAY_NORMAL = 0, WPM_GO_AWAY_PROTOCOL_ERROR = 1, WPM_GO_AWAY_INTERNAL_ERROR = 2 };

typedef struct wpm_muxer_callbacks {
  /* They opened a stream. Refuse it with wpm_muxer_reset. */
  void (*stream_opened)(void *user, wpm_mux_stream *stream);
  /* Data came. The view lasts for the call. The receiver owes wpm_muxer_consumed for these bytes,
   * now or later; until then they count against the stream's window. */
  void (*stream_data)(void *user, wpm_mux_stream *stream, wpm_bytes data);
  /* They closed their writing side: no more data comes. */
  void (*stream_eof)(void *user, wpm_mux_stream *stream);
  /* They opened the send window of a stream on which a write fell short. */
  void (*stream_writable)(void *user, wpm_mux_stream *stream);
  /* The stream is over; `reset`: not by both sides closing. `code`: go-yamux's error code of a
   * reset, else 0. The handle is invalid after the call. */
  void (*stream_ended)(void *user, wpm_mux_stream *stream, bool reset, uint32_t code);
  /* The answer to wpm_muxer_ping(value). */
  void (*pong)(void *user, uint32_t value);
  /* They said goodbye. Streams go on until the connection ends. */
  void (*go_away)(void *user, uint32_t code);
} wpm_muxer_callbacks;

typedef struct wpm_muxer_config {
  const wpm_muxer_callbacks *callbacks; /* Must outlive the muxer. */
  void *user;                           /* Passed to the callbacks. */
  wpm_buffer *out;                      /* Where frames are appended; must outlive the muxer. */
  bool dialler;                         /* We dialled the connection (yamux: odd stream ids). */
  uint32_t max_inbound_streams;         /* Streams they may have open; more are reset. */
  uint32_t max_outbound_streams;        /* Streams we may have open. */
  uint32_t receive_window;              /* Unread bytes per stream; yamux: at least 256 KiB. */
} wpm_muxer_config;

typedef struct wpm_muxer_type {
  const char *protocol_id; /* "/yamux/1.0.0", "/mplex/6.7.0". */
  /* Creates a muxer, which sends nothing by itself. WPM_ERR_INVALID (a receive window too small for
   * the kind), WPM_ERR_NO_MEMORY. */
  int (*create)(const wpm_muxer_config *config, wpm_muxer **out);
  /* Frees the muxer, which may be NULL, and its streams, without a callback. */
  void (*free)(wpm_muxer *muxer);
  /* The other calls are those of the functions below, which say what each must do. */
  int (*input)(wpm_muxer *muxer, wpm_bytes in);
  bool (*mid_frame)(const wpm_muxer *muxer);
  int (*open)(wpm_muxer *muxer, void *stream_user, wpm_mux_stream **out);
  int (*write)(wpm_mux_stream *stream, wpm_bytes data, size_t *taken);
  int (*close_write)(wpm_mux_stream *stream);
  void (*reset)(wpm_mux_stream *stream);
  int (*consumed)(wpm_mux_stream *stream, size_t bytes);
  int (*ping)(wpm_muxer *muxer, uint32_t value);
  int (*go_away)(wpm_muxer *muxer, uint32_t code);
} wpm_muxer_type;

extern const wpm_muxer_type wpm_yamux;
extern const wpm_muxer_type wpm_mplex;

/* Each kind of muxer and stream begins with these. */
struct wpm_muxer {
  const wpm_muxer_type *type;
};
struct wpm_mux_stream {
  wpm_muxer *muxer; /* Its muxer. */
  void *user;       /* The owner's; NULL on a stream they opened until the owner sets it. */
};

/* Takes received bytes, all of them: a partial frame is kept (its header; data is passed on as it
 * comes). WPM_ERR_PROTOCOL (they broke the muxer protocol), WPM_ERR_FULL (`out` is full: they do
 * not read), WPM_ERR_NO_MEMORY. After an error only `free` and `go_away` may be called. */
static inline WPM_MUST_USE int wpm_muxer_input(wpm_muxer *muxer, wpm_bytes in) {
  return muxer->type->input(muxer, in);
}

/* True while a frame has been received in part: an end of the connection now is a loss. */
static inline bool wpm_muxer_mid_frame(const wpm_muxer *muxer) {
  return muxer->type->mid_frame(muxer);
}

/* Opens a stream. WPM_ERR_FULL (our cap, or `out`), WPM_ERR_NO_MEMORY, WPM_ERR_CLOSED (they sent
 * go-away). */
static inline WPM_MUST_USE int wpm_muxer_open(wpm_muxer *muxer, void *stream_user,
                                              wpm_mux_stream **out) {
  return muxer->type->open(muxer, stream_user, out);
}

/* Sends as much of `data` as the send window allows; *taken says how much. Where it fell short,
 * `stream_writable` comes when more may be sent. WPM_ERR_CLOSED (our side is closed), WPM_ERR_FULL
 * (that much does not fit into `out`), WPM_ERR_NO_MEMORY; after an error nothing was taken. */
static inline WPM_MUST_USE int wpm_muxer_write(wpm_mux_stream *stream, wpm_bytes data,
                                               size_t *taken) {
  return stream->muxer->type->write(stream, data, taken);
}

/* Closes our writing side. The stream ends, through `stream_ended` at the next input or at once
 * where they had closed theirs (then the handle is invalid on return and no callback comes: the
 * result is 1). WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
static inline WPM_MUST_USE int wpm_muxer_close_write(wpm_mux_stream *stream) {
  return stream->muxer->type->close_write(stream);
}

/* Resets the stream and invalidates the handle. Cannot fail: where `out` is full the reset frame is
 * left out. */
static inline void wpm_muxer_reset(wpm_mux_stream *stream) {
  stream->muxer->type->reset(stream);
}

/* Says that `bytes` received bytes (of those not said yet) were dealt with, which opens the window
 * again. WPM_ERR_FULL, WPM_ERR_NO_MEMORY; after an error it was not said. */
static inline WPM_MUST_USE int wpm_muxer_consumed(wpm_mux_stream *stream, size_t bytes) {
  return stream->muxer->type->consumed(stream, bytes);
}

/* Sends a ping of the muxer itself. WPM_ERR_UNSUPPORTED on mplex, WPM_ERR_FULL,
 * WPM_ERR_NO_MEMORY. */
static inline WPM_MUST_USE int wpm_muxer_ping(wpm_muxer *muxer, uint32_t value) {
  return muxer->type->ping(muxer, value);
}

/* Says goodbye. Does nothing on mplex. WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
static inline WPM_MUST_USE int wpm_muxer_go_away(wpm_muxer *muxer, uint32_t code) {
  return muxer->type->go_away(muxer, code);
}

#endif
