/* A stream of one connection: its protocol is agreed on by multistream-select, then its bytes go to
 * that protocol's functions.
 *
 * - A stream we open proposes one protocol and sends its first bytes behind the proposal without
 *   waiting (lazy pipelining).
 * - The listener's protocols are the table wpm_stream_handlers.
 * - Negotiation, and each exchange that asks for it, has the host's stream timeout.
 */
#ifndef WPM_NET_STREAM_H
#define WPM_NET_STREAM_H

#include "net/deadline.h"
#include "net/host.h"
#include "proto/multistream.h"
#include "proto/muxer.h"

typedef struct wpm_stream wpm_stream;

/* Why a stream is over. */
typedef enum wpm_stream_end {
  WPM_STREAM_DONE,    /* Both sides had closed. */
  WPM_STREAM_REFUSED, /* They do not speak its protocol. */
  WPM_STREAM_RESET,   /* They reset it, or broke its protocol. */
  WPM_STREAM_TIMEOUT, /* It took too long. */
  WPM_STREAM_CLOSED   /* The connection ended. */
} wpm_stream_end;

/* One protocol in one role. */
typedef struct wpm_stream_type {
  wpm_text protocol; /* Protocol id. */
  bool timed;        /* The whole exchange has the stream timeout, not negotiation alone. */
  /* The protocol is agreed on. May be NULL. */
  void (*opened)(wpm_stream *stream);
  /* Bytes came; the view lasts for the call. */
  void (*data)(wpm_stream *stream, wpm_bytes data);
  /* They sent all they will. */
  void (*eof)(wpm_stream *stream);
  /* It is over, not by wpm_stream_reset; frees stream->state. The handle is invalid afterwards. */
  void (*ended)(wpm_stream *stream, wpm_stream_end end);
  /* Frees stream->state of a stream that is reset by us. May be NULL. */
  void (*drop)(wpm_stream *stream);
} wpm_stream_type;

struct wpm_stream {
  const wpm_stream_type *type; /* NULL on an inbound stream until agreed. */
  wpm_conn *conn;              /* Its connection. */
  wpm_mux_stream *mux;         /* NULL once the muxer has let go of it. */
  wpm_stream *previous, *next; /* In the connection's list. */
  wpm_deadline deadline;       /* See `timed`. */
  wpm_multistream negotiation; /* Until agreed. */
  wpm_buffer pending;          /* Partial negotiation lines. */
  wpm_direction direction;     /* Outbound: we opened it. */
  bool agreed;                 /* The protocol is agreed on. */
  bool eof_received;           /* They closed their side (told once agreed). */
  bool busy;                   /* A call of the protocol's is under way: its memory stays. */
  bool dead;                   /* Ended meanwhile; freed after that call. */
  void *state;                 /* The protocol's. */
};

/* Opens one, with `first` sent behind the proposal. WPM_ERR_FULL, WPM_ERR_NO_MEMORY,
 * WPM_ERR_CLOSED. On error nothing is called back and `state` stays the caller's. */
WPM_MUST_USE int wpm_stream_open(wpm_conn *conn, const wpm_stream_type *type, void *state,
                                 wpm_bytes first, wpm_stream **out);

/* Sends. What does not fit the other side's window is a failure: our messages are small, and a peer
 * that does not read them is not waited for. WPM_ERR_FULL, WPM_ERR_NO_MEMORY, WPM_ERR_CLOSED. */
WPM_MUST_USE int wpm_stream_send(wpm_stream *stream, wpm_bytes data);

/* Ends our side. WPM_ERR_FULL, WPM_ERR_NO_MEMORY. Where they had ended theirs, the stream is over:
 * `ended` is called (WPM_STREAM_DONE) and the handle is invalid on return. */
WPM_MUST_USE int wpm_stream_close_write(wpm_stream *stream);

/* Ends our side, or the whole stream where that cannot be sent. The handle may be invalid on
 * return. */
void wpm_stream_finish(wpm_stream *stream);

/* Ends it at once; `drop` is called, `ended` is not. The handle is invalid on return. */
void wpm_stream_reset(wpm_stream *stream);

/* The muxer's callbacks, for a muxer whose user is a wpm_conn. */
extern const wpm_muxer_callbacks wpm_stream_muxer_callbacks;

/* The connection is gone, and its muxer with it: ends all its streams (WPM_STREAM_CLOSED). */
void wpm_stream_end_all(wpm_conn *conn);

#endif
