/* What holds for every kind of muxer. */
#include "unit/proto/mux_side.h"
#include "unit/proto/mux_wire.h"

#include "support/alloc_fail.h"

static const wpm_muxer_type *const kinds[] = {&wpm_yamux, &wpm_mplex};

#define FOR_EACH_KIND(type)                                                                        \
  for (size_t kind_ = 0; kind_ < 2; kind_++)                                                       \
    for (const wpm_muxer_type *type = kinds[kind_]; type; type = NULL)

/* ---- the life of a stream: every sequence of what either side can do -------------------------- */

enum { OUR_DATA = WIRE_OPS, OUR_CLOSE, OUR_RESET, ALL_OPS };
enum { SEQUENCE = 4 };

/* What must become of a stream. */
typedef struct model {
  bool ours;
  bool write_closed;
  bool read_closed;
  bool over;
  uint16_t announcement; /* yamux: due on our next frame. */
  char log[512];
  wpm_buffer sent;
} model;

static void model_log(model *m, const char *event) {
  assert_true(strlen(m->log) + strlen(event) < sizeof(m->log));
  strcat(m->log, event);
}

static void model_theirs(model *m, wire_op op) {
  bool closes = op == WIRE_CLOSE || op == WIRE_CLOSE_DATA || op == WIRE_LAST_DATA;
  bool data = op == WIRE_DATA || op == WIRE_LAST_DATA;
  if (m->over) {
    return;
  }
  if (op == WIRE_RESET || op == WIRE_RESET_DATA) {
    model_log(m, "reset 1, ");
    m->over = true;
    return;
  }
  if (data && !m->read_closed) {
    model_log(m, "data 1 theirs, ");
  }
  if (closes && !m->read_closed) {
    m->read_closed = true;
    model_log(m, "eof 1, ");
    if (m->write_closed) {
      m->over = true;
      model_log(m, "ended 1, ");
    }
  }
}

/* Does what we do, to the model and to the stream. */
static void do_ours(model *m, mux_side *side, const wpm_muxer_type *type, int op) {
  static const wire_op wire[] = {WIRE_DATA, WIRE_CLOSE, WIRE_RESET};
  bool sends = op == OUR_RESET || !m->write_closed;
  if (sends && wire_is_yamux(type)) {
    wire_yamux_op(&m->sent, m->ours ? 2 : 1, wire[op - OUR_DATA], m->announcement, "ours");
    m->announcement = 0;
  } else if (sends) {
    wire_mplex_op(&m->sent, 0, wire[op - OUR_DATA], m->ours, "ours");
  }
  size_t taken;
  if (op == OUR_DATA) {
    assert_int_equal(wpm_muxer_write(side->streams[1], WPM_BYTES("ours"), &taken),
                     m->write_closed ? WPM_ERR_CLOSED : WPM_OK);
  } else if (op == OUR_CLOSE) {
    m->write_closed = true;
    m->over = m->read_closed;
    assert_int_equal(mux_close(side, 1), m->over);
  } else {
    m->over = true;
    mux_reset(side, 1);
  }
}

static void begin_sequence(model *m, mux_side *side, const wpm_muxer_type *type, bool ours) {
  *m = (model){.ours = ours};
  wpm_buffer_init(&m->sent, 4096);
  mux_start(side, type, false);
  if (ours) {
    mux_open(side, 1);
    mux_write(side, 1, "announced");
  } else {
    wpm_buffer opening;
    wpm_buffer_init(&opening, 64);
    if (wire_is_yamux(type)) {
      wire_yamux_op(&opening, 1, WIRE_OPEN, 0, "");
      m->announcement = WPM_YAMUX_ACK;
    } else {
      wire_mplex_op(&opening, 0, WIRE_OPEN, true, "");
    }
    mux_feed(side, wpm_buffer_view(&opening).data, wpm_buffer_size(&opening));
    wpm_buffer_fini(&opening);
    mux_expect_log(side, "opened 1, ");
  }
  wpm_buffer_clear(&side->out);
}

static void run_sequence(const wpm_muxer_type *type, bool ours, const int *ops) {
  model m;
  static mux_side side;
  begin_sequence(&m, &side, type, ours);
  for (size_t i = 0; i < SEQUENCE; i++) {
    if (ops[i] >= OUR_DATA) {
      if (!m.over) {
        do_ours(&m, &side, type, ops[i]);
      }
      continue;
    }
    wpm_buffer wire;
    wpm_buffer_init(&wire, 256);
    if (wire_is_yamux(type)) {
      wire_yamux_op(&wire, ours ? 2 : 1, (wire_op)ops[i], 0, "theirs");
    } else {
      wire_mplex_op(&wire, 0, (wire_op)ops[i], !ours, "theirs");
    }
    model_theirs(&m, (wire_op)ops[i]);
    mux_feed(&side, wpm_buffer_view(&wire).data, wpm_buffer_size(&wire));
    wpm_buffer_fini(&wire);
    assert_int_equal(side.streams[1] == NULL, m.over);
  }
  mux_expect_log(&side, m.log);
  mux_expect_sent(&side, wpm_buffer_view(&m.sent).data, wpm_buffer_size(&m.sent));
  wpm_buffer_fini(&m.sent);
  mux_stop(&side);
}

static void test_every_sequence_of_events(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    int ops[SEQUENCE] = {0};
    size_t position = 0;
    do {
      bool possible = true;
      for (size_t i = 0; i < SEQUENCE; i++) {
        bool known = wire_is_yamux(type) || ops[i] < WIRE_OPS_OF_MPLEX || ops[i] >= OUR_DATA;
        possible = possible && known && ops[i] != WIRE_OPEN;
      }
      if (possible) {
        run_sequence(type, false, ops);
        run_sequence(type, true, ops);
      }
      position = 0;
      while (position < SEQUENCE && ++ops[position] == ALL_OPS) {
        ops[position++] = 0;
      }
    } while (position < SEQUENCE);
  }
}

/* ---- calls from inside callbacks -------------------------------------------------------------- */

typedef enum action {
  RESET_SELF,
  RESET_OTHER,
  RESET_BOTH,
  CLOSE_SELF,
  CLOSE_OTHER,
  WRITE_SELF,
  OPEN_NEW,
  OPEN_AND_RESET,
  SAY_GOODBYE,
  ACTIONS
} action;

static mux_event react_to;
static action reaction;
static bool react_always;
static size_t reactions;

static void reset_if_there(mux_side *side, size_t number) {
  if (side->streams[number]) {
    mux_reset(side, number);
  }
}

static void close_if_there(mux_side *side, size_t number) {
  if (side->streams[number]) {
    mux_close(side, number);
  }
}

static void write_if_open(mux_side *side, size_t number) {
  size_t taken;
  int err = wpm_muxer_write(side->streams[number], WPM_BYTES("written"), &taken);
  assert_true(err == WPM_OK || err == WPM_ERR_CLOSED);
}

static void react(mux_side *side, mux_event event, size_t number) {
  if (event != react_to || (reactions > 0 && !react_always)) {
    return;
  }
  size_t other = number == 1 ? 2 : 1;
  size_t fresh = 10 + reactions++;
  switch (reaction) {
  case RESET_BOTH:
    reset_if_there(side, number);
    reset_if_there(side, other);
    break;
  case RESET_SELF:
    mux_reset(side, number);
    break;
  case RESET_OTHER:
    reset_if_there(side, other);
    break;
  case CLOSE_SELF:
    close_if_there(side, number);
    break;
  case CLOSE_OTHER:
    close_if_there(side, other);
    break;
  case WRITE_SELF:
    write_if_open(side, number);
    break;
  case OPEN_NEW:
    mux_open(side, fresh);
    mux_write(side, fresh, "fresh");
    break;
  case OPEN_AND_RESET:
    mux_open(side, fresh);
    mux_reset(side, fresh);
    break;
  case SAY_GOODBYE:
    assert_int_equal(wpm_muxer_go_away(side->muxer, 0), WPM_OK);
    break;
  case ACTIONS:
    fail();
  }
}

static void put(wpm_buffer *wire, const wpm_muxer_type *type, uint32_t stream, wire_op op,
                const char *text) {
  if (wire_is_yamux(type)) {
    wire_yamux_op(wire, 2 * stream - 1, op, 0, text);
  } else {
    wire_mplex_op(wire, stream - 1, op, true, text);
  }
}

/* Two streams of theirs live side by side, all in one input. */
static void write_conversation(wpm_buffer *wire, const wpm_muxer_type *type) {
  put(wire, type, 1, WIRE_OPEN, "");
  put(wire, type, 2, WIRE_OPEN, "");
  put(wire, type, 1, WIRE_DATA, "a1");
  put(wire, type, 2, WIRE_DATA, "b1");
  if (wire_is_yamux(type)) {
    put(wire, type, 1, WIRE_CREDIT, "");
    put(wire, type, 2, WIRE_CREDIT, "");
    put(wire, type, 1, WIRE_LAST_DATA, "a2");
  } else {
    put(wire, type, 1, WIRE_DATA, "a2");
    put(wire, type, 1, WIRE_CLOSE, "");
  }
  put(wire, type, 2, WIRE_DATA, "b2");
  put(wire, type, 2, WIRE_RESET, "");
  put(wire, type, 1, WIRE_DATA, "late");
  put(wire, type, 1, WIRE_RESET, "");
}

/* mux_side fails where an event comes for a stream that is over. */
static void test_every_call_from_every_callback(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    wpm_buffer wire;
    wpm_buffer_init(&wire, 1024);
    write_conversation(&wire, type);
    for (int event = MUX_OPENED; event <= MUX_ENDED; event++) {
      for (int act = 0; act < ACTIONS; act++) {
        for (int always = 0; always <= 1; always++) {
          for (size_t piece = 1; piece <= wpm_buffer_size(&wire); piece *= 5) {
            mux_side side;
            mux_start(&side, type, false);
            side.react = react;
            react_to = (mux_event)event;
            reaction = (action)act;
            react_always = always;
            reactions = 0;
            wpm_bytes in = wpm_buffer_view(&wire);
            for (size_t at = 0; at < in.len; at += piece) {
              mux_feed(&side, in.data + at, in.len - at < piece ? in.len - at : piece);
            }
            assert_int_equal(reactions > 0, event != MUX_WRITABLE);
            assert_null(side.streams[1]);
            assert_null(side.streams[2]);
            mux_stop(&side);
          }
        }
      }
    }
    wpm_buffer_fini(&wire);
  }
}

static void run_with_reaction(const wpm_muxer_type *type, mux_event event, action act,
                              const char *log) {
  wpm_buffer wire;
  wpm_buffer_init(&wire, 1024);
  write_conversation(&wire, type);
  mux_side side;
  mux_start(&side, type, false);
  side.react = react;
  react_to = event;
  reaction = act;
  react_always = false;
  reactions = 0;
  mux_feed(&side, wpm_buffer_view(&wire).data, wpm_buffer_size(&wire));
  mux_expect_log(&side, log);
  mux_stop(&side);
  wpm_buffer_fini(&wire);
}

static void test_some_calls_from_callbacks_to_the_letter(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    run_with_reaction(type, MUX_OPENED, RESET_SELF,
                      "opened 1, opened 2, data 2 b1, data 2 b2, reset 2, ");
    run_with_reaction(type, MUX_DATA, RESET_OTHER,
                      "opened 1, opened 2, data 1 a1, data 1 a2, eof 1, reset 1, ");
    run_with_reaction(type, MUX_DATA, CLOSE_SELF,
                      "opened 1, opened 2, data 1 a1, data 2 b1, data 1 a2, eof 1, ended 1, "
                      "data 2 b2, reset 2, ");
    run_with_reaction(type, MUX_EOF, CLOSE_SELF,
                      "opened 1, opened 2, data 1 a1, data 2 b1, data 1 a2, eof 1, data 2 b2, "
                      "reset 2, ");
    run_with_reaction(type, MUX_ENDED, RESET_OTHER,
                      "opened 1, opened 2, data 1 a1, data 2 b1, data 1 a2, eof 1, data 2 b2, "
                      "reset 2, ");
  }
}

/* A write that fell short, made again from inside the callback that asks for it. */
static uint8_t megabyte[1 << 20];
static size_t written;

static void write_on(mux_side *side, mux_event event, size_t number) {
  if (event == MUX_WRITABLE) {
    size_t taken;
    wpm_bytes rest = {megabyte + written, sizeof(megabyte) - written};
    assert_int_equal(wpm_muxer_write(side->streams[number], rest, &taken), WPM_OK);
    assert_true(taken > 0);
    written += taken;
    if (written == sizeof(megabyte)) {
      mux_close(side, number);
    }
  }
}

static void test_a_megabyte_passes_the_window(void **state) {
  (void)state;
  mux_side a;
  mux_side b;
  mux_start(&a, &wpm_yamux, true);
  mux_start(&b, &wpm_yamux, false);
  mux_open(&a, 1);
  a.react = write_on;
  wpm_bytes data = {megabyte, sizeof(megabyte)};
  assert_int_equal(wpm_muxer_write(a.streams[1], data, &written), WPM_OK);
  assert_int_equal(written, WPM_YAMUX_WINDOW);
  mux_exchange(&a, &b);
  assert_int_equal(written, sizeof(megabyte));
  assert_int_equal(b.received, sizeof(megabyte));
  assert_true(mux_close(&b, 1));
  mux_exchange(&a, &b);
  assert_null(a.streams[1]);
  mux_stop(&a);
  mux_stop(&b);
}

/* Both close, and both reset, before they hear of each other. */
static void test_simultaneous_ends(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    for (int a_resets = 0; a_resets <= 1; a_resets++) {
      for (int b_resets = 0; b_resets <= 1; b_resets++) {
        mux_side a;
        mux_side b;
        mux_start(&a, type, true);
        mux_start(&b, type, false);
        mux_open(&a, 1);
        mux_write(&a, 1, "x");
        mux_exchange(&a, &b);
        mux_clear_log(&b);
        a_resets ? mux_reset(&a, 1) : (void)mux_close(&a, 1);
        b_resets ? mux_reset(&b, 1) : (void)mux_close(&b, 1);
        mux_exchange(&a, &b);
        const char *after_close[] = {"eof 1, ended 1, ", "reset 1, "};
        mux_expect_log(&a, a_resets ? "" : after_close[b_resets]);
        mux_expect_log(&b, b_resets ? "" : after_close[a_resets]);
        assert_null(a.streams[1]);
        assert_null(b.streams[1]);
        mux_stop(&a);
        mux_stop(&b);
      }
    }
  }
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Everything the dialler of a small session sends. */
static void record_session(const wpm_muxer_type *type, wpm_buffer *wire) {
  mux_side a;
  mux_start(&a, type, true);
  for (size_t number = 1; number <= 3; number++) {
    mux_open(&a, number);
    mux_write(&a, number, "hello");
  }
  mux_write(&a, 2, "a longer text, of fourty bytes at most");
  mux_close(&a, 1);
  assert_int_equal(wpm_muxer_ping(a.muxer, 5), wire_is_yamux(type) ? WPM_OK : WPM_ERR_UNSUPPORTED);
  mux_write(&a, 3, "more");
  mux_reset(&a, 2);
  mux_write(&a, 3, "and more");
  mux_close(&a, 3);
  assert_int_equal(wpm_muxer_go_away(a.muxer, 0), WPM_OK);
  wire_append(wire, wpm_buffer_view(&a.out).data, wpm_buffer_size(&a.out));
  mux_stop(&a);
}

static const char *const session_log =
    "opened 1, data 1 hello, opened 2, data 2 hello, opened 3, data 3 hello, "
    "data 2 a longer text, of fourty bytes at most, eof 1, data 3 more, reset 2, "
    "data 3 and more, eof 3, ";

static bool is_boundary(const wpm_muxer_type *type, wpm_bytes bytes, size_t at) {
  size_t frame = 0;
  while (frame < at) {
    frame += wire_frame_size(type, (wpm_bytes){bytes.data + frame, bytes.len - frame});
  }
  return frame == at;
}

/* The events are the same however the bytes are cut, and mid_frame tells of every unfinished
 * frame. */
static void test_bytes_may_come_in_any_pieces(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    wpm_buffer wire;
    wpm_buffer_init(&wire, 4096);
    record_session(type, &wire);
    wpm_bytes in = wpm_buffer_view(&wire);
    char expected[1024];
    snprintf(expected, sizeof(expected), "%s%s", session_log,
             wire_is_yamux(type) ? "go-away 0, " : "");
    for (size_t cut = 0; cut <= in.len; cut++) {
      mux_side side;
      mux_start(&side, type, false);
      side.merge = true;
      mux_feed(&side, in.data, cut);
      assert_int_equal(wpm_muxer_mid_frame(side.muxer), !is_boundary(type, in, cut));
      mux_feed(&side, in.data + cut, in.len - cut);
      assert_false(wpm_muxer_mid_frame(side.muxer));
      mux_expect_log(&side, expected);
      mux_stop(&side);
    }
    mux_side side;
    mux_start(&side, type, false);
    side.merge = true;
    for (size_t at = 0; at < in.len; at++) {
      assert_int_equal(wpm_muxer_mid_frame(side.muxer), !is_boundary(type, in, at));
      mux_feed(&side, in.data + at, 1);
    }
    mux_expect_log(&side, expected);
    mux_stop(&side);
    wpm_buffer_fini(&wire);
  }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int converse(mux_side *a, mux_side *b) {
  size_t taken;
  int err = WPM_OK;
  for (size_t number = 1; !err && number <= 6; number++) {
    err = wpm_muxer_open(a->muxer, (void *)(uintptr_t)number, &a->streams[number]);
    if (!err) {
      err = wpm_muxer_write(a->streams[number], WPM_BYTES("hello"), &taken);
    }
  }
  if (!err) {
    err = wpm_muxer_input(b->muxer, wpm_buffer_view(&a->out));
  }
  for (size_t number = 1; !err && number <= 6; number++) {
    err = wpm_muxer_close_write(b->streams[number]);
  }
  if (!err) {
    err = wpm_muxer_input(a->muxer, wpm_buffer_view(&b->out));
  }
  return err;
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    size_t failed = 1;
    for (size_t n = 1; failed > 0; n++) {
      mux_side a;
      mux_side b;
      wpm_muxer_config configs[] = {mux_config(&a, true), mux_config(&b, false)};
      wpm_alloc_fail_at(n);
      int err = type->create(&configs[0], &a.muxer);
      if (!err) {
        err = type->create(&configs[1], &b.muxer);
      }
      if (!err) {
        err = converse(&a, &b);
      }
      failed = wpm_alloc_failed();
      wpm_alloc_fail_off();
      assert_int_equal(err, failed > 0 ? WPM_ERR_NO_MEMORY : WPM_OK);
      assert_true(failed > 0 || n > 10);
      mux_stop(&a);
      mux_stop(&b);
    }
  }
}

/* A call that lacked memory changed nothing: the next one succeeds. */
static void test_a_failed_open_may_be_tried_again(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    for (size_t n = 1; n <= 2; n++) {
      mux_side side;
      mux_start(&side, type, true);
      wpm_mux_stream *stream;
      wpm_alloc_fail_once_at(n);
      assert_int_equal(wpm_muxer_open(side.muxer, NULL, &stream), WPM_ERR_NO_MEMORY);
      wpm_alloc_fail_off();
      mux_open(&side, 1);
      mux_write(&side, 1, "x");
      const char *sent = wire_is_yamux(type) ? "\0\0\0\1\0\0\0\1\0\0\0\1x" : "\0\0\2\1x";
      mux_expect_sent(&side, sent, wire_is_yamux(type) ? 13 : 5);
      mux_stop(&side);
    }
  }
}

static void test_free_takes_null(void **state) {
  (void)state;
  FOR_EACH_KIND(type) {
    type->free(NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_sequence_of_events),
      cmocka_unit_test(test_every_call_from_every_callback),
      cmocka_unit_test(test_some_calls_from_callbacks_to_the_letter),
      cmocka_unit_test(test_a_megabyte_passes_the_window),
      cmocka_unit_test(test_simultaneous_ends),
      cmocka_unit_test(test_bytes_may_come_in_any_pieces),
      cmocka_unit_test(test_every_allocation_may_fail),
      cmocka_unit_test(test_a_failed_open_may_be_tried_again),
      cmocka_unit_test(test_free_takes_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
