/* Attackers that do whatever comes to their mind, while the host does whatever comes to its own:
 * nothing breaks, and each connection's end is told exactly once. */
#include "scene.h"

#include "base/varint.h"
#include "support/records.h"
#include "support/seed.h"

#define CONNECTIONS 300
#define ACTIONS 40

static uint64_t seed;

static uint64_t below(uint64_t bound) {
  return wpm_test_random_below(&seed, bound);
}

/* Something that a stream might carry: mostly sensible, often in a senseless order. `first`: it opens
 * the stream. */
static size_t random_data(bool first, uint8_t *out, size_t cap) {
  static const char *const pieces[] = {LINE_HEADER,
                                       LINE_IDENTIFY,
                                       LINE_PUSH,
                                       LINE_PING,
                                       LINE_METADATA,
                                       LINE_REFUSAL,
                                       LINE_HEADER LINE_PING,
                                       LINE_HEADER LINE_METADATA,
                                       LINE_HEADER LINE_PUSH,
                                       LINE_HEADER LINE_IDENTIFY,
                                       "\x03ls\n",
                                       "\x02\x08\x01",
                                       "\x07\x32\x05hello",
                                       "\x80\x40",
                                       "\x80\x80\x80\x80\x04",
                                       "0123456789abcdef0123456789abcdef",
                                       "\x01"};
  static const char *const openings[] = {
      LINE_HEADER LINE_PING, LINE_HEADER LINE_METADATA "\x02\x08\x01",
      LINE_HEADER LINE_PUSH "\x07\x32\x05hello", LINE_HEADER LINE_IDENTIFY};
  size_t len = 0;
  for (uint64_t left = below(4); left > 0; left--) {
    const char *piece = first && below(4) > 0 ? openings[below(sizeof openings / sizeof *openings)]
                                              : pieces[below(sizeof pieces / sizeof *pieces)];
    first = false;
    size_t size = strlen(piece);
    if (below(8) == 0) {
      size = below(size + 1);
    }
    if (size > cap - len) {
      break;
    }
    memcpy(out + len, piece, size);
    len += size;
  }
  if (below(10) == 0) {
    while (len < cap && below(50) != 0) {
      out[len++] = (uint8_t)below(256);
    }
  }
  return len;
}

/* Streams on which an attacker may send without breaking the muxer's protocol. */
static struct {
  uint32_t own;   /* It has opened that many. */
  uint32_t hosts; /* The host's highest stream that it has seen, as an index; 0: none. */
} streams;

/* Drops what has come, but for the ids that it shows. */
static void look_at_frames(attacker *a) {
  wpm_yamux_frame frame;
  wpm_bytes data;
  while (attacker_next_frame(a, &frame, &data)) {
    if (frame.stream_id > 0 && frame.stream_id % 2 != a->dialler) {
      uint32_t index = (frame.stream_id + 1) / 2;
      streams.hosts = index > streams.hosts ? index : streams.hosts;
    }
  }
}

/* A frame that breaks the protocol, more or less. */
static wpm_yamux_frame broken_frame(void) {
  return (wpm_yamux_frame){.version = below(4) == 0,
                           .type = (uint8_t)below(6),
                           .flags = (uint16_t)below(16),
                           .stream_id = (uint32_t)below(64),
                           .length = (uint32_t)below(1U << 20)};
}

static wpm_yamux_frame sensible_frame(const attacker *a, bool opens, size_t len) {
  static const uint16_t flags[] = {0, 0, 0, 0, WPM_YAMUX_ACK, WPM_YAMUX_FIN, WPM_YAMUX_RST};
  bool update = below(opens ? 10 : 3) == 0;
  wpm_yamux_frame frame = {.type = update ? WPM_YAMUX_WINDOW_UPDATE : WPM_YAMUX_DATA,
                           .flags = flags[below(sizeof flags / sizeof *flags)],
                           .length = (uint32_t)len};
  if (update) {
    frame.length = below(2) ? (uint32_t)below(1U << 16) : 0;
  }
  if (opens) { /* A stream of its own, the first 1 or 2. */
    frame.stream_id = 2 * streams.own++ + 2 - a->dialler;
    frame.flags |= WPM_YAMUX_SYN;
  } else if (streams.hosts > 0 && below(3) == 0) {
    frame.stream_id = 2 * (uint32_t)below(streams.hosts) + 1 + a->dialler;
  } else {
    frame.stream_id = 2 * (uint32_t)below(streams.own) + 2 - a->dialler;
  }
  return frame;
}

static void random_yamux(attacker *a) {
  uint8_t data[2048];
  bool opens = streams.own == 0 || below(3) == 0;
  size_t len = random_data(opens, data, sizeof data);
  look_at_frames(a);
  wpm_yamux_frame frame = sensible_frame(a, opens, len);
  if (below(20) == 0) {
    frame = (wpm_yamux_frame){.type = WPM_YAMUX_PING,
                              .flags = below(2) ? WPM_YAMUX_SYN : WPM_YAMUX_ACK,
                              .length = (uint32_t)below(4)};
  } else if (below(300) == 0) {
    frame = (wpm_yamux_frame){.type = WPM_YAMUX_GO_AWAY, .length = (uint32_t)below(4)};
  } else if (below(200) == 0) {
    frame = broken_frame();
  }
  if (frame.type != WPM_YAMUX_DATA) {
    len = 0;
  }
  attacker_send_frame(a, frame, data, len, below(300) == 0 ? below(20) : SIZE_MAX);
}

static void random_mplex(attacker *a) {
  uint8_t message[2100];
  uint8_t data[2048];
  uint64_t id = streams.own;
  uint64_t flag = 0; /* A new stream. */
  if (streams.own > 0 && below(3) > 0) {
    id = below(streams.own);
    flag = below(3) * 2 + 2; /* A message, a close, a reset of its own stream. */
    flag = below(3) > 0 ? 2 : flag;
  } else {
    streams.own++;
  }
  if (below(100) == 0) {
    flag = below(8);
  }
  size_t at = wpm_varint_write(id << 3 | flag, message);
  size_t len = flag == 0 ? 0 : random_data(true, data, sizeof data);
  at += wpm_varint_write(below(200) == 0 ? below(1U << 21) : len, message + at);
  memcpy(message + at, data, len);
  attacker_send_sealed(a, message, at + len, SIZE_MAX);
}

/* What the host does meanwhile. */
static void random_wish(scene *s) {
  wpm_conn *conn = s->pair.a.conn == s->conn ? s->conn : NULL;
  if (!conn) {
    return;
  }
  int err = WPM_OK;
  switch (below(12)) {
  case 0:
  case 1:
    err = wpm_conn_identify(conn);
    break;
  case 2:
  case 3:
    err = wpm_conn_request_metadata(conn);
    break;
  case 4:
  case 5:
    err = wpm_conn_ping(conn, below(2));
    break;
  case 6:
    err = wpm_conn_push_identify(conn);
    break;
  case 7:
    hurry_streams(s->pair.a.host, below(3));
    break;
  default:
    break;
  }
  assert_true(err == WPM_OK || err == WPM_ERR_CLOSED || err == WPM_ERR_FULL);
}

static void one_attack(scene *s) {
  const wpm_text *muxer = below(3) == 0 ? &mplex_id : NULL;
  size_t closed = s->pair.a.closed;
  scene_attack_with(s, below(2), muxer);
  attacker *a = &s->attacker;
  streams.own = streams.hosts = 0;
  for (size_t i = 0; i < ACTIONS && a->ended == 0; i++) {
    if (muxer) {
      random_mplex(a);
    } else {
      random_yamux(a);
    }
    random_wish(s);
    for (uint64_t turns = below(3); turns > 0; turns--) {
      uv_run(&s->pair.loop, UV_RUN_NOWAIT);
    }
  }
  bool ours = s->pair.a.conn == s->conn && below(8) == 0;
  if (ours) {
    s->pair.a.conn = NULL;
    wpm_conn_close(s->conn, (uint32_t)below(3));
    closed = s->pair.a.closed;
  }
  if (below(2)) {
    attacker_reset(a);
  } else {
    attacker_close(a);
  }
  RUN_UNTIL(&s->pair.loop, ours || s->pair.a.closed == closed + 1);
  scene_leave(s);
  assert_int_equal(s->pair.a.closed, ours ? closed : closed + 1);
}

static void nothing_breaks(void **state) {
  (void)state;
  scene s;
  seed = wpm_test_seed();
  scene_begin(&s);
  scene_start(&s);
  size_t memory = 0;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    one_attack(&s);
    if (i == CONNECTIONS / 2) {
      RUN_UNTIL(&s.pair.loop, s.pair.a.host->links.open == 1);
      memory = wpm_test_allocated();
    }
  }
  /* Nothing is left of any of them. */
  RUN_UNTIL(&s.pair.loop, s.pair.a.host->links.open == 1);
  assert_int_equal(s.pair.a.host->connection_count, 1);
  assert_true(wpm_test_allocated() < memory + 16 * KIB);
  assert_int_equal(s.pair.b.closed, 0);
  /* It came far, in every direction. */
  const size_t *ends = s.pair.a.ends[WPM_STEP_NONE];
  assert_true(ends[WPM_REASON_PROTOCOL_VIOLATION] > 0 && ends[WPM_REASON_RESET] > 0 &&
              ends[WPM_REASON_EOF] > 0 &&
              ends[WPM_REASON_GO_AWAY] + ends[WPM_REASON_GO_AWAY_ERROR] > 0);
  assert_true(s.pair.a.pushed > 0 && s.pair.a.metadata > 0 && s.pair.a.unidentified > 0 &&
              s.pair.a.pongs > 0);
  scene_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_breaks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
