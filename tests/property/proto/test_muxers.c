/* Two muxers of a kind back to back: random calls, also from inside callbacks, random pieces on the
 * wire, against a plain model of streams. Every byte that arrives is checked, and every end. */
#include "support/test.h"

#include "base/rng.h"
#include "proto/mplex.h"
#include "proto/mux_streams.h"
#include "proto/yamux.h"
#include "support/seed.h"

#include <stdio.h>
#include <string.h>

enum { RUNS = 40, STEPS = 2500, PAIRS = 4000, CALLBACK_CALLS = 4 };
enum { LARGEST_WRITE = 300000, OUT_CAP = 1 << 20, INPUT_ROOM = 1 << 17 };

/* One side's end of a stream. */
typedef struct end {
  wpm_mux_stream *handle; /* NULL before it was opened and once it is over. */
  bool seen;              /* It was open here once. */
  bool closed;            /* This side closed. */
  bool eof;               /* This side was told that the other closed. */
  bool killed;            /* This side reset it. */
  bool waits;             /* A write fell short. */
  size_t sent;            /* Bytes that a write took. */
  size_t received;
  size_t unread;
} end;

typedef struct pair {
  uint64_t key; /* On the side that opened it. */
  int opener;
  end ends[2];
} pair;

typedef struct side {
  int number;
  wpm_muxer *muxer;
  wpm_buffer out;
  wpm_muxer_config config;
  uint32_t inbound;
  uint32_t outbound;
  uint32_t ping;
  bool pinged;
  size_t calls; /* Still allowed from inside callbacks. */
} side;

static const wpm_muxer_type *type;
static wpm_rng rng;
static side sides[2];
static pair pairs[PAIRS];
static size_t pair_count;
static bool draining;
static size_t bytes_received;
static size_t windows_opened;
static size_t windows_exceeded;
static size_t refused;

static uint8_t random_bytes[LARGEST_WRITE + 4096];

static bool chance(uint64_t one_in) {
  return wpm_rng_below(&rng, one_in) == 0;
}

/* What `from` sends on a stream, at `offset`. */
static const uint8_t *content(const pair *p, int from, size_t *offset) {
  *offset = (*offset + (size_t)p->key * 31 + (size_t)from * 77) % 4096;
  return random_bytes;
}

static pair *pair_of(const wpm_mux_stream *stream) {
  return stream->user;
}

static void over(side *s, end *e, const pair *p) {
  e->handle = NULL;
  e->waits = false;
  *(p->opener == s->number ? &s->outbound : &s->inbound) -= 1;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void call_open(side *s) {
  if (pair_count == PAIRS || wpm_buffer_room(&s->out) < INPUT_ROOM) {
    return;
  }
  pair *p = &pairs[pair_count];
  wpm_mux_stream *stream;
  int err = wpm_muxer_open(s->muxer, p, &stream);
  if (s->outbound == s->config.max_outbound_streams) {
    assert_int_equal(err, WPM_ERR_FULL);
    return;
  }
  assert_int_equal(err, WPM_OK);
  *p = (pair){.key = ((wpm_mux_entry *)stream)->key, .opener = s->number};
  p->ends[s->number] = (end){.handle = stream, .seen = true};
  pair_count++;
  s->outbound++;
}

static void call_write(side *s, pair *p) {
  end *e = &p->ends[s->number];
  size_t len = chance(10) ? wpm_rng_below(&rng, LARGEST_WRITE) : wpm_rng_below(&rng, 200);
  size_t offset = e->sent;
  const uint8_t *data = content(p, s->number, &offset) + offset;
  size_t before = wpm_buffer_size(&s->out);
  size_t taken = 1;
  int err = wpm_muxer_write(e->handle, (wpm_bytes){data, len}, &taken);
  if (err) {
    assert_int_equal(taken, 0);
    assert_int_equal(wpm_buffer_size(&s->out), before);
    assert_true(err == WPM_ERR_CLOSED ? e->closed : err == WPM_ERR_FULL);
    return;
  }
  assert_false(e->closed);
  assert_true(taken <= len);
  e->sent += taken;
  e->waits = taken < len;
  const end *other = &p->ends[!s->number];
  if (type == &wpm_yamux) {
    size_t consumed = other->received - other->unread;
    assert_true(e->sent - consumed <= sides[!s->number].config.receive_window);
  } else {
    assert_int_equal(taken, len);
  }
}

static void call_close(side *s, pair *p) {
  end *e = &p->ends[s->number];
  int result = wpm_muxer_close_write(e->handle);
  if (result == WPM_ERR_FULL) {
    assert_true(wpm_buffer_room(&s->out) < WPM_YAMUX_HEADER);
    return;
  }
  assert_int_equal(result, e->eof && !e->closed);
  e->closed = true;
  e->waits = false;
  if (result == 1) {
    over(s, e, p);
  }
}

static void call_reset(side *s, pair *p) {
  end *e = &p->ends[s->number];
  if (wpm_buffer_room(&s->out) < WPM_YAMUX_HEADER) {
    return; /* The other side would not learn of it. */
  }
  wpm_muxer_reset(e->handle);
  e->killed = true;
  over(s, e, p);
}

static void call_consume(side *s, pair *p) {
  end *e = &p->ends[s->number];
  size_t bytes = draining || chance(2) ? e->unread : wpm_rng_below(&rng, e->unread + 1);
  int err = wpm_muxer_consumed(e->handle, bytes);
  if (err) {
    assert_int_equal(err, WPM_ERR_FULL);
    return;
  }
  e->unread -= bytes;
}

static void call_ping(side *s) {
  uint32_t value = (uint32_t)wpm_rng_next(&rng);
  int err = wpm_muxer_ping(s->muxer, value);
  if (type == &wpm_mplex) {
    assert_int_equal(err, WPM_ERR_UNSUPPORTED);
  } else if (!err) {
    s->ping = value;
    s->pinged = true;
  }
}

/* A random live stream of the side; the latest more often. NULL: none found. */
static pair *any_pair(const side *s) {
  for (int tries = 0; tries < 8 && pair_count > 0; tries++) {
    uint64_t reach = chance(2) && pair_count > 8 ? 8 : pair_count;
    pair *p = &pairs[pair_count - 1 - wpm_rng_below(&rng, reach)];
    if (p->ends[s->number].handle) {
      return p;
    }
  }
  return NULL;
}

static void call_something(side *s) {
  pair *p = any_pair(s);
  uint64_t which = wpm_rng_below(&rng, 40);
  if (which < 6 || !p) {
    call_open(s);
  } else if (which < 7) {
    call_ping(s);
  } else if (which < 25) {
    call_write(s, p);
  } else if (which < 35) {
    call_consume(s, p);
  } else if (which < 38) {
    call_close(s, p);
  } else {
    call_reset(s, p);
  }
}

static void call_from_callback(side *s) {
  while (!draining && s->calls > 0 && chance(6)) {
    s->calls--;
    call_something(s);
  }
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void opened(void *user, wpm_mux_stream *stream) {
  side *s = user;
  uint64_t key = ((wpm_mux_entry *)stream)->key;
  key = type == &wpm_mplex ? key ^ 1 : key;
  size_t i = pair_count;
  while (i > 0 && (pairs[i - 1].key != key || pairs[i - 1].opener == s->number)) {
    i--;
  }
  assert_true(i > 0);
  pair *p = &pairs[i - 1];
  assert_false(p->ends[s->number].seen);
  p->ends[s->number] = (end){.handle = stream, .seen = true};
  stream->user = p;
  s->inbound++;
  assert_true(s->inbound <= s->config.max_inbound_streams);
  call_from_callback(s);
}

static void data(void *user, wpm_mux_stream *stream, wpm_bytes bytes) {
  side *s = user;
  pair *p = pair_of(stream);
  end *e = &p->ends[s->number];
  assert_ptr_equal(e->handle, stream);
  assert_false(e->eof);
  size_t offset = e->received;
  const uint8_t *expected = content(p, !s->number, &offset);
  for (size_t i = 0; i < bytes.len; i++) {
    assert_int_equal(bytes.data[i], expected[(offset + i) % 4096]);
  }
  e->received += bytes.len;
  e->unread += bytes.len;
  bytes_received += bytes.len;
  assert_true(e->received <= p->ends[!s->number].sent);
  assert_true(e->unread <= s->config.receive_window);
  if (draining) {
    call_consume(s, p);
  }
  call_from_callback(s);
}

static void eof(void *user, wpm_mux_stream *stream) {
  side *s = user;
  pair *p = pair_of(stream);
  end *e = &p->ends[s->number];
  assert_ptr_equal(e->handle, stream);
  assert_true(p->ends[!s->number].closed && !e->eof);
  assert_int_equal(e->received, p->ends[!s->number].sent);
  e->eof = true;
  call_from_callback(s);
}

static void writable(void *user, wpm_mux_stream *stream) {
  side *s = user;
  end *e = &pair_of(stream)->ends[s->number];
  assert_ptr_equal(e->handle, stream);
  assert_true(e->waits && type == &wpm_yamux);
  e->waits = false;
  windows_opened++;
  call_from_callback(s);
}

static void ended(void *user, wpm_mux_stream *stream, bool reset, uint32_t code) {
  side *s = user;
  pair *p = pair_of(stream);
  end *e = &p->ends[s->number];
  const end *other = &p->ends[!s->number];
  assert_ptr_equal(e->handle, stream);
  assert_int_equal(code, 0);
  if (!reset) {
    assert_true(e->closed && e->eof);
  } else if (!other->seen) {
    refused++;
  } else if (!other->killed) {
    /* Only mplex resets by itself: a reader that does not keep up. */
    assert_true(type == &wpm_mplex && e->unread == s->config.receive_window);
    e->killed = true;
    windows_exceeded++;
  }
  over(s, e, p);
  call_from_callback(s);
}

static void pong(void *user, uint32_t value) {
  side *s = user;
  assert_true(s->pinged && s->ping == value);
  s->pinged = false;
}

static void go_away(void *user, uint32_t code) {
  (void)user;
  (void)code;
  fail();
}

static const wpm_muxer_callbacks callbacks = {.stream_opened = opened,
                                              .stream_data = data,
                                              .stream_eof = eof,
                                              .stream_writable = writable,
                                              .stream_ended = ended,
                                              .pong = pong,
                                              .go_away = go_away};

/* ---- the run --------------------------------------------------------------------------------- */

/* Carries a random piece of what `from` has sent. */
static void carry(side *from) {
  static uint8_t piece[70000];
  side *to = &sides[!from->number];
  size_t waiting = wpm_buffer_size(&from->out);
  if (waiting == 0 || (wpm_buffer_room(&to->out) < INPUT_ROOM && !draining)) {
    return;
  }
  size_t most = chance(3) ? 30 : sizeof(piece);
  size_t len = 1 + wpm_rng_below(&rng, most < waiting ? most : waiting);
  memcpy(piece, wpm_buffer_view(&from->out).data, len);
  wpm_buffer_consume(&from->out, len);
  to->calls = CALLBACK_CALLS;
  assert_int_equal(wpm_muxer_input(to->muxer, (wpm_bytes){piece, len}), WPM_OK);
}

static void carry_all(void) {
  while (wpm_buffer_size(&sides[0].out) + wpm_buffer_size(&sides[1].out) > 0) {
    carry(&sides[0]);
    carry(&sides[1]);
  }
}

static void begin(void) {
  memset(sides, 0, sizeof(sides));
  pair_count = 0;
  draining = false;
  for (int i = 0; i < 2; i++) {
    side *s = &sides[i];
    s->number = i;
    wpm_buffer_init(&s->out, OUT_CAP);
    s->config = (wpm_muxer_config){
        .callbacks = &callbacks,
        .user = s,
        .out = &s->out,
        .dialler = i == 0,
        .max_inbound_streams = 1 + (uint32_t)wpm_rng_below(&rng, 40),
        .max_outbound_streams = 1 + (uint32_t)wpm_rng_below(&rng, 40),
        .receive_window = type == &wpm_yamux
                              ? WPM_YAMUX_WINDOW + (uint32_t)wpm_rng_below(&rng, 500000)
                              : 1 + (uint32_t)wpm_rng_below(&rng, chance(2) ? 1000 : 500000)};
    assert_int_equal(type->create(&s->config, &s->muxer), WPM_OK);
  }
}

/* Everything is read and closed; then nothing may be left. A stream of yamux may be announced only
 * by its close, so the other side's turn to close it comes a round later. */
static void drain(void) {
  draining = true;
  carry_all();
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < pair_count; i++) {
      for (int n = 0; n < 2; n++) {
        if (pairs[i].ends[n].handle && round == 0) {
          call_consume(&sides[n], &pairs[i]);
        } else if (pairs[i].ends[n].handle) {
          assert_false(pairs[i].ends[n].waits);
          call_close(&sides[n], &pairs[i]);
        }
      }
      carry_all();
    }
  }
  for (size_t i = 0; i < pair_count; i++) {
    const end *a = &pairs[i].ends[0];
    const end *b = &pairs[i].ends[1];
    assert_null(a->handle);
    assert_null(b->handle);
    if (a->seen && b->seen && !a->killed && !b->killed) {
      assert_int_equal(a->sent, b->received);
      assert_int_equal(b->sent, a->received);
    }
  }
  for (int i = 0; i < 2; i++) {
    assert_int_equal(sides[i].inbound + sides[i].outbound, 0);
    assert_false(sides[i].pinged);
    assert_false(wpm_muxer_mid_frame(sides[i].muxer));
  }
}

static void run(void) {
  begin();
  for (size_t step = 0; step < STEPS; step++) {
    side *s = &sides[wpm_rng_below(&rng, 2)];
    if (chance(2)) {
      call_something(s);
    } else {
      carry(s);
    }
  }
  drain();
  for (int i = 0; i < 2; i++) {
    type->free(sides[i].muxer);
    wpm_buffer_fini(&sides[i].out);
  }
}

static void run_kind(const wpm_muxer_type *kind) {
  type = kind;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t i = 0; i < 4096; i++) {
    random_bytes[i] = (uint8_t)wpm_rng_next(&rng);
  }
  for (size_t i = 4096; i < sizeof(random_bytes); i++) {
    random_bytes[i] = random_bytes[i - 4096];
  }
  bytes_received = windows_opened = windows_exceeded = refused = 0;
  size_t streams = 0;
  for (size_t i = 0; i < RUNS; i++) {
    run();
    streams += pair_count;
  }
  /* The runs did what they are for. */
  assert_true(streams > 20 * RUNS);
  assert_true(bytes_received > 100000 * (size_t)RUNS);
  assert_true(refused > RUNS);
  assert_true(type == &wpm_yamux ? windows_opened > 0 : windows_exceeded > 0);
}

static void test_yamux_agrees_with_the_model(void **state) {
  (void)state;
  run_kind(&wpm_yamux);
}

static void test_mplex_agrees_with_the_model(void **state) {
  (void)state;
  run_kind(&wpm_mplex);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_yamux_agrees_with_the_model),
      cmocka_unit_test(test_mplex_agrees_with_the_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
