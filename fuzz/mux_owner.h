/* An owner of a muxer for the fuzz targets of both kinds: it drives the muxer with the input's
 * bytes, calls it at random from inside its callbacks, and aborts where a rule of muxer.h is broken.
 *
 * The input's first byte says how (see `mode`), its second seeds the random calls; what follows is
 * what the peer sends. */
#ifndef WPM_FUZZ_MUX_OWNER_H
#define WPM_FUZZ_MUX_OWNER_H

#include "base/bytes.h"
#include "base/rng.h"
#include "proto/muxer.h"

#include <stdlib.h>

/* Bits of the first byte; its low three bits say how long the pieces are. */
enum { MODE_DIALLER = 8, MODE_REACT = 16, MODE_HOLD = 32, MODE_SMALL_OUT = 64 };

enum { OWNER_INBOUND = 8, OWNER_OUTBOUND = 6, OWNER_SLOTS = 64, OWNER_WINDOW = 262144 };

typedef struct owner_stream {
  wpm_mux_stream *handle; /* NULL: a free slot. */
  bool ours;
  bool closed;
  bool eof;
  size_t unread;
  uint32_t name; /* Counts the streams as they appear. */
} owner_stream;

typedef struct owner {
  wpm_muxer *muxer;
  wpm_buffer out;
  uint8_t mode;
  wpm_rng rng;
  owner_stream streams[OWNER_SLOTS];
  uint32_t named;
  uint32_t inbound;
  uint32_t outbound;
  bool inside;
  uint64_t digest; /* Of all that the muxer told, however the bytes were cut. */
} owner;

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void digest(owner *o, uint64_t what) {
  o->digest = (o->digest ^ what) * UINT64_C(0x100000001b3);
}

static owner_stream *owner_slot(owner *o, wpm_mux_stream *handle, bool ours) {
  for (size_t i = 0; i < OWNER_SLOTS; i++) {
    if (!o->streams[i].handle) {
      o->streams[i] = (owner_stream){.handle = handle, .ours = ours, .name = ++o->named};
      *(ours ? &o->outbound : &o->inbound) += 1;
      return &o->streams[i];
    }
  }
  abort();
}

static owner_stream *owner_of(owner *o, wpm_mux_stream *handle) {
  owner_stream *stream = handle->user;
  require(o->inside && stream && stream->handle == handle);
  return stream;
}

static void owner_forget(owner *o, owner_stream *stream) {
  *(stream->ours ? &o->outbound : &o->inbound) -= 1;
  stream->handle = NULL;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void owner_open(owner *o) {
  wpm_mux_stream *handle;
  int err = wpm_muxer_open(o->muxer, NULL, &handle);
  if (err) {
    require(err == WPM_ERR_FULL || err == WPM_ERR_CLOSED);
    return;
  }
  handle->user = owner_slot(o, handle, true);
  require(o->outbound <= OWNER_OUTBOUND);
}

static void owner_write(owner *o, owner_stream *stream, size_t len) {
  static const uint8_t zeros[300000];
  size_t taken = 1;
  size_t before = wpm_buffer_size(&o->out);
  int err = wpm_muxer_write(stream->handle, (wpm_bytes){zeros, len}, &taken);
  require(taken <= len);
  if (err) {
    require(taken == 0 && wpm_buffer_size(&o->out) == before);
    require(err == (stream->closed ? WPM_ERR_CLOSED : WPM_ERR_FULL));
  }
}

static void owner_close(owner *o, owner_stream *stream) {
  int result = wpm_muxer_close_write(stream->handle);
  if (result >= 0) {
    require(result == (stream->eof && !stream->closed));
    stream->closed = true;
  }
  if (result == 1) {
    owner_forget(o, stream);
  }
}

static void owner_consume(owner_stream *stream, size_t bytes) {
  if (wpm_muxer_consumed(stream->handle, bytes) == WPM_OK) {
    stream->unread -= bytes;
  }
}

static void owner_call(owner *o) {
  owner_stream *stream = &o->streams[wpm_rng_below(&o->rng, OWNER_INBOUND + OWNER_OUTBOUND)];
  uint64_t which = wpm_rng_below(&o->rng, 8);
  if (which == 0) {
    owner_open(o);
  } else if (which == 1) {
    (void)!wpm_muxer_ping(o->muxer, 7);
  } else if (stream->handle && which == 2) {
    wpm_muxer_reset(stream->handle);
    owner_forget(o, stream);
  } else if (stream->handle && which == 3) {
    owner_close(o, stream);
  } else if (stream->handle && which == 4) {
    owner_write(o, stream, wpm_rng_below(&o->rng, 300000));
  } else if (stream->handle && which == 5) {
    owner_consume(stream, wpm_rng_below(&o->rng, stream->unread + 1));
  } else if (stream->handle) {
    owner_write(o, stream, wpm_rng_below(&o->rng, 20));
  } else if (which == 7 && wpm_rng_below(&o->rng, 20) == 0) {
    (void)!wpm_muxer_go_away(o->muxer, WPM_GO_AWAY_NORMAL);
  }
}

static void owner_react(owner *o) {
  while (o->mode & MODE_REACT && wpm_rng_below(&o->rng, 2) == 0) {
    owner_call(o);
  }
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void owner_opened(void *user, wpm_mux_stream *handle) {
  owner *o = user;
  require(o->inside && !handle->user);
  owner_stream *stream = owner_slot(o, handle, false);
  handle->user = stream;
  require(o->inbound <= OWNER_INBOUND);
  digest(o, 1000 + stream->name);
  owner_react(o);
}

static void owner_data(void *user, wpm_mux_stream *handle, wpm_bytes data) {
  owner *o = user;
  owner_stream *stream = owner_of(o, handle);
  require(data.len > 0 && !stream->eof);
  stream->unread += data.len;
  require(stream->unread <= OWNER_WINDOW);
  for (size_t i = 0; i < data.len; i++) {
    digest(o, (uint64_t)stream->name << 8 | data.data[i]);
  }
  if (!(o->mode & MODE_HOLD)) {
    owner_consume(stream, data.len);
  }
  owner_react(o);
}

static void owner_eof(void *user, wpm_mux_stream *handle) {
  owner *o = user;
  owner_stream *stream = owner_of(o, handle);
  require(!stream->eof);
  stream->eof = true;
  digest(o, 2000 + stream->name);
  owner_react(o);
}

static void owner_writable(void *user, wpm_mux_stream *handle) {
  owner *o = user;
  require(!owner_of(o, handle)->closed);
  digest(o, 3000 + owner_of(o, handle)->name);
  owner_react(o);
}

static void owner_ended(void *user, wpm_mux_stream *handle, bool reset, uint32_t code) {
  owner *o = user;
  owner_stream *stream = owner_of(o, handle);
  require(reset || (code == 0 && stream->closed && stream->eof));
  digest(o, 4000 + stream->name + code);
  owner_forget(o, stream);
  owner_react(o);
}

static void owner_pong(void *user, uint32_t value) {
  owner *o = user;
  require(o->inside && value == 7);
  digest(o, 5000);
  owner_react(o);
}

static void owner_go_away(void *user, uint32_t code) {
  owner *o = user;
  require(o->inside);
  digest(o, 6000 + (uint64_t)code);
  owner_react(o);
}

static const wpm_muxer_callbacks owner_callbacks = {.stream_opened = owner_opened,
                                                    .stream_data = owner_data,
                                                    .stream_eof = owner_eof,
                                                    .stream_writable = owner_writable,
                                                    .stream_ended = owner_ended,
                                                    .pong = owner_pong,
                                                    .go_away = owner_go_away};

/* ---- the run --------------------------------------------------------------------------------- */

/* Aborts where what the muxer sent is not whole frames of its kind. */
typedef void (*owner_check_sent)(wpm_bytes sent);

static void owner_begin(owner *o, const wpm_muxer_type *type, uint8_t mode, uint8_t seed) {
  *o = (owner){.mode = mode};
  wpm_rng_init(&o->rng, seed);
  wpm_buffer_init(&o->out, mode & MODE_SMALL_OUT ? 100 : 1 << 20);
  wpm_muxer_config config = {.callbacks = &owner_callbacks,
                             .user = o,
                             .out = &o->out,
                             .dialler = mode & MODE_DIALLER,
                             .max_inbound_streams = OWNER_INBOUND,
                             .max_outbound_streams = OWNER_OUTBOUND,
                             .receive_window = OWNER_WINDOW};
  require(type->create(&config, &o->muxer) == WPM_OK);
  for (size_t i = 0; i < 3; i++) {
    owner_open(o);
    owner_write(o, &o->streams[i], i);
  }
  (void)!wpm_muxer_ping(o->muxer, 7);
}

/* Gives the muxer `in` in pieces of `piece` bytes and returns what `input` said last. */
static int owner_feed(owner *o, wpm_bytes in, size_t piece, owner_check_sent check_sent) {
  int err = WPM_OK;
  while (!err && in.len > 0) {
    /* A copy of its own size, so that a read beyond it is found. */
    size_t len = in.len < piece ? in.len : piece;
    uint8_t *copy = malloc(len);
    require(copy);
    memcpy(copy, in.data, len);
    o->inside = true;
    err = wpm_muxer_input(o->muxer, (wpm_bytes){copy, len});
    o->inside = false;
    free(copy);
    in.data += len;
    in.len -= len;
    if (!(o->mode & MODE_SMALL_OUT)) {
      check_sent(wpm_buffer_view(&o->out));
      wpm_buffer_clear(&o->out);
    }
    if (!err && o->mode & MODE_REACT) {
      owner_call(o);
    }
  }
  require(!err || err == WPM_ERR_PROTOCOL || err == WPM_ERR_FULL);
  (void)wpm_muxer_mid_frame(o->muxer);
  return err;
}

static void owner_end(owner *o, owner_check_sent check_sent) {
  (void)!wpm_muxer_go_away(o->muxer, WPM_GO_AWAY_NORMAL);
  check_sent(wpm_buffer_view(&o->out));
  o->muxer->type->free(o->muxer);
  wpm_buffer_fini(&o->out);
}

/* The whole of a fuzz target. */
static void owner_run(const wpm_muxer_type *type, wpm_bytes input, owner_check_sent check_sent) {
  static const size_t pieces[] = {1, 2, 3, 7, 13, 100, 5000, SIZE_MAX};
  if (input.len < 2) {
    return;
  }
  uint8_t mode = input.data[0];
  wpm_bytes in = {input.data + 2, input.len - 2};
  owner one;
  owner_begin(&one, type, mode, input.data[1]);
  int err = owner_feed(&one, in, pieces[mode & 7], check_sent);
  if (!(mode & (MODE_REACT | MODE_SMALL_OUT))) {
    /* However the bytes are cut, the muxer tells the same. */
    owner other;
    owner_begin(&other, type, mode, input.data[1]);
    require(owner_feed(&other, in, SIZE_MAX, check_sent) == err);
    require(other.digest == one.digest);
    require(err || wpm_muxer_mid_frame(other.muxer) == wpm_muxer_mid_frame(one.muxer));
    owner_end(&other, check_sent);
  }
  owner_end(&one, check_sent);
}

#endif
