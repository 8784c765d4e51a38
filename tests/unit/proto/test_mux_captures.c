/* What real peers sent inside Noise (tests/data/captures) through our multistream-select and
 * muxers. What must come out is found by a plain reading of the frames, apart from the muxers. */
#include "unit/proto/mux_side.h"
#include "unit/proto/mux_wire.h"

#include "proto/multistream.h"
#include "support/vectors.h"

enum { STREAMS = 16 };

/* One stream as the frames tell it. */
typedef struct told {
  uint64_t id;
  bool theirs; /* The capture's side opened it. */
  bool closed;
  bool reset;
  wpm_buffer data;
} told;

typedef struct session {
  told streams[STREAMS];
  size_t count;
  size_t pings;
} session;

static told *told_stream(session *s, uint64_t id, bool theirs) {
  for (size_t i = 0; i < s->count; i++) {
    if (s->streams[i].id == id && s->streams[i].theirs == theirs) {
      return &s->streams[i];
    }
  }
  assert_true(s->count < STREAMS);
  told *stream = &s->streams[s->count++];
  *stream = (told){.id = id, .theirs = theirs};
  wpm_buffer_init(&stream->data, 1 << 20);
  return stream;
}

static void tell_yamux(session *s, bool dialler, wpm_bytes bytes) {
  wpm_yamux_frame frame = wpm_yamux_decode(bytes.data);
  if (frame.stream_id == 0) {
    s->pings += frame.type == WPM_YAMUX_PING && frame.flags == WPM_YAMUX_SYN;
    return;
  }
  told *stream = told_stream(s, frame.stream_id, frame.stream_id % 2 == dialler);
  if (frame.type == WPM_YAMUX_DATA) {
    wire_append(&stream->data, bytes.data + WPM_YAMUX_HEADER, frame.length);
  }
  stream->closed |= frame.flags & WPM_YAMUX_FIN;
  stream->reset |= frame.flags & WPM_YAMUX_RST;
}

static void tell_mplex(session *s, wpm_bytes bytes, size_t size) {
  uint64_t header;
  uint64_t length;
  size_t used;
  assert_int_equal(wpm_varint_read(bytes, &header, &used), WPM_OK);
  wpm_bytes rest = {bytes.data + used, bytes.len - used};
  assert_int_equal(wpm_varint_read(rest, &length, &used), WPM_OK);
  unsigned flag = header & 7;
  told *stream = told_stream(s, header >> 3, flag % 2 == 0);
  if (flag == WPM_MPLEX_MESSAGE_INITIATOR || flag == WPM_MPLEX_MESSAGE_RECEIVER) {
    wire_append(&stream->data, bytes.data + size - length, length);
  }
  stream->closed |= flag == WPM_MPLEX_CLOSE_INITIATOR || flag == WPM_MPLEX_CLOSE_RECEIVER;
  stream->reset |= flag == WPM_MPLEX_RESET_INITIATOR || flag == WPM_MPLEX_RESET_RECEIVER;
}

static void tell_session(session *s, const wpm_muxer_type *type, bool dialler, wpm_bytes bytes) {
  *s = (session){0};
  while (bytes.len > 0) {
    size_t size = wire_frame_size(type, bytes);
    if (wire_is_yamux(type)) {
      tell_yamux(s, dialler, bytes);
    } else {
      tell_mplex(s, bytes, size);
    }
    bytes.data += size;
    bytes.len -= size;
  }
}

static void forget_session(session *s) {
  for (size_t i = 0; i < s->count; i++) {
    wpm_buffer_fini(&s->streams[i].data);
  }
}

/* ---- through the muxer ----------------------------------------------------------------------- */

/* What came out, by the stream's number; ours are numbered from OURS. */
enum { OURS = 100 };
static wpm_buffer came[OURS + STREAMS];

static void gather(mux_side *side, size_t number, wpm_bytes data) {
  (void)side;
  wire_append(&came[number], data.data, data.len);
}

/* Agrees on the muxer, as the side that the capture's side talked to. */
static wpm_bytes negotiate(const wpm_muxer_type *type, bool dialler, wpm_bytes bytes) {
  const wpm_text protocol = {type->protocol_id, strlen(type->protocol_id)};
  wpm_multistream ms;
  wpm_buffer out;
  wpm_buffer_init(&out, 256);
  wpm_multistream_init(&ms, !dialler, &protocol, 1);
  assert_int_equal(wpm_multistream_start(&ms, &out), WPM_OK);
  size_t used;
  assert_int_equal(wpm_multistream_read(&ms, bytes, &used, &out), WPM_OK);
  assert_int_equal(ms.state, WPM_MULTISTREAM_AGREED);
  wpm_buffer_fini(&out);
  return (wpm_bytes){bytes.data + used, bytes.len - used};
}

static void open_ours(mux_side *side, const session *s) {
  size_t opened = 0;
  for (size_t i = 0; i < s->count; i++) {
    opened += !s->streams[i].theirs;
  }
  for (size_t i = 0; i < opened; i++) {
    mux_open(side, OURS + i);
    mux_write(side, OURS + i, "what we sent is in the other capture");
  }
}

static void compare(const mux_side *side, const session *s, const wpm_muxer_type *type) {
  size_t theirs = 0;
  for (size_t i = 0; i < s->count; i++) {
    const told *stream = &s->streams[i];
    size_t ours = wire_is_yamux(type) ? (stream->id - 1) / 2 : stream->id;
    size_t number = stream->theirs ? ++theirs : OURS + ours;
    assert_true(wpm_bytes_equal(wpm_buffer_view(&stream->data), wpm_buffer_view(&came[number])));
    char event[64];
    snprintf(event, sizeof(event), "eof %zu, ", number);
    assert_int_equal(strstr(side->log, event) != NULL, stream->closed);
    snprintf(event, sizeof(event), "reset %zu, ", number);
    assert_int_equal(strstr(side->log, event) != NULL, stream->reset);
  }
  assert_int_equal(side->opened, theirs);
  assert_null(strstr(side->log, "go-away"));
  /* Both sides of every session ask for identify at once. */
  const char identify[] = "\x13/multistream/1.0.0\n\x0f/ipfs/id/1.0.0\n";
  wpm_bytes first = wpm_buffer_view(&came[1]);
  assert_true(first.len >= strlen(identify));
  assert_memory_equal(first.data, identify, strlen(identify));
}

static void replay(const wpm_muxer_type *type, bool dialler, wpm_bytes bytes, size_t piece) {
  session s;
  tell_session(&s, type, dialler, bytes);
  for (size_t i = 0; i < OURS + STREAMS; i++) {
    wpm_buffer_init(&came[i], 1 << 20);
  }
  mux_side side;
  mux_start(&side, type, !dialler);
  side.on_data = gather;
  open_ours(&side, &s);
  wpm_buffer_clear(&side.out);
  for (size_t at = 0; at < bytes.len; at += piece) {
    mux_feed(&side, bytes.data + at, bytes.len - at < piece ? bytes.len - at : piece);
  }
  assert_false(wpm_muxer_mid_frame(side.muxer));
  compare(&side, &s, type);
  /* All that is due at once are the answers to their pings. */
  assert_int_equal(wpm_buffer_size(&side.out), s.pings * WPM_YAMUX_HEADER);
  mux_stop(&side);
  for (size_t i = 0; i < OURS + STREAMS; i++) {
    wpm_buffer_fini(&came[i]);
  }
  forget_session(&s);
}

static void replay_side(const char *name, const wpm_muxer_type *type, bool dialler,
                        bool negotiated) {
  char path[512];
  snprintf(path, sizeof(path), "%s/%s.%s-plain.hex", WPM_TEST_DATA("captures"), name,
           dialler ? "dialer" : "listener");
  wpm_test_bytes file = wpm_test_hex_file(path);
  wpm_bytes bytes = wpm_test_view(file);
  if (negotiated) {
    bytes = negotiate(type, dialler, bytes);
  }
  const size_t pieces[] = {1, 7, 100, bytes.len};
  for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
    replay(type, dialler, bytes, pieces[i]);
  }
  free(file.data);
}

static void test_real_peers(void **state) {
  (void)state;
  static const struct {
    const char *name;
    const wpm_muxer_type *type;
    bool negotiated; /* The muxer, by multistream-select inside Noise. */
  } sessions[] = {
      {"go-dials-js-ed25519-yamux", &wpm_yamux, false},
      {"go-dials-js-rsa-yamux", &wpm_yamux, false},
      {"go-dials-js-secp256k1-yamux", &wpm_yamux, false},
      {"gowaku-dials-js-yamux", &wpm_yamux, false},
      {"js-dials-go-ed25519-mplex", &wpm_mplex, false},
      {"js-dials-go-ed25519-yamux", &wpm_yamux, false},
      {"js-dials-go-many-protocols", &wpm_yamux, false},
      {"js-dials-go-rsa-yamux", &wpm_yamux, false},
      {"js-dials-go-secp256k1-yamux", &wpm_yamux, false},
      {"js-dials-js-mplex", &wpm_mplex, false},
      {"js-dials-js-yamux", &wpm_yamux, false},
      {"js-dials-jswaku-yamux", &wpm_yamux, true},
      {"jswaku-dials-js-mplex", &wpm_mplex, true},
  };
  for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
    replay_side(sessions[i].name, sessions[i].type, true, sessions[i].negotiated);
    replay_side(sessions[i].name, sessions[i].type, false, sessions[i].negotiated);
  }
}

/* The start of a connection on the bare wire: js offers Noise alone, go-waku first TLS. */
static void test_real_dialers_agree_on_noise(void **state) {
  (void)state;
  static const struct {
    const char *name;
    size_t proposals;
  } dialers[] = {{"go-dials-go-ecdsa-yamux", 1}, {"go-dials-js-ed25519-yamux", 1},
                 {"gowaku-dials-js-yamux", 2},   {"js-dials-go-ed25519-yamux", 1},
                 {"js-dials-jswaku-yamux", 1},   {"jswaku-dials-js-mplex", 1}};
  const wpm_text noise = WPM_TEXT("/noise");
  for (size_t i = 0; i < sizeof(dialers) / sizeof(dialers[0]); i++) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.dialer-sent.hex", WPM_TEST_DATA("captures"),
             dialers[i].name);
    wpm_test_bytes file = wpm_test_hex_file(path);
    wpm_multistream ms;
    wpm_buffer out;
    wpm_buffer_init(&out, 256);
    wpm_multistream_init(&ms, false, &noise, 1);
    assert_int_equal(wpm_multistream_start(&ms, &out), WPM_OK);
    size_t used;
    assert_int_equal(wpm_multistream_read(&ms, wpm_test_view(file), &used, &out), WPM_OK);
    assert_int_equal(ms.state, WPM_MULTISTREAM_AGREED);
    assert_int_equal(ms.proposed, dialers[i].proposals);
    /* Noise message 1: a length of 32, then the ephemeral key. */
    assert_true(file.len - used > 34);
    assert_memory_equal(file.data + used, "\x00\x20", 2);
    wpm_buffer_fini(&out);
    free(file.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_real_peers),
      cmocka_unit_test(test_real_dialers_agree_on_noise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
