#include "support/test.h"

#include "base/bytes.h"
#include "proto/multistream.h"

#include "support/alloc_fail.h"

#include <stdio.h>

#define HEADER "\x13/multistream/1.0.0\n"
#define NA "\x03na\n"
#define NOISE "\x07/noise\n"
#define TLS "\x0b/tls/1.0.0\n"
#define YAMUX "\x0d/yamux/1.0.0\n"
#define MPLEX "\x0d/mplex/6.7.0\n"
#define PING "\x11/ipfs/ping/1.0.0\n"

static const wpm_text noise[] = {{"/noise", 6}};
static const wpm_text muxers[] = {{"/yamux/1.0.0", 12}, {"/mplex/6.7.0", 12}};

typedef struct side {
  wpm_multistream ms;
  wpm_buffer out;
} side;

static void begin(side *s, bool dialler, const wpm_text *protocols, size_t count) {
  wpm_buffer_init(&s->out, 1 << 20);
  wpm_multistream_init(&s->ms, dialler, protocols, count);
  assert_int_equal(s->ms.state, WPM_MULTISTREAM_OPEN);
  assert_int_equal(wpm_multistream_start(&s->ms, &s->out), WPM_OK);
}

static void end(side *s) {
  wpm_buffer_fini(&s->out);
}

static int give(side *s, wpm_bytes in, size_t *used) {
  return wpm_multistream_read(&s->ms, in, used, &s->out);
}

/* All of `in` is taken. */
static void take(side *s, wpm_bytes in) {
  size_t used;
  assert_int_equal(give(s, in, &used), WPM_OK);
  assert_int_equal(used, in.len);
}

static void expect(side *s, wpm_bytes sent) {
  assert_int_equal(wpm_buffer_size(&s->out), sent.len);
  if (sent.len > 0) {
    assert_memory_equal(wpm_buffer_view(&s->out).data, sent.data, sent.len);
  }
  wpm_buffer_clear(&s->out);
}

static void refuse(bool dialler, wpm_bytes in) {
  side s;
  begin(&s, dialler, noise, 1);
  size_t used;
  assert_int_equal(give(&s, in, &used), WPM_ERR_PROTOCOL);
  assert_true(used <= in.len);
  end(&s);
}

/* ---- listening ------------------------------------------------------------------------------- */

static void test_a_listener_sends_its_header_at_once(void **state) {
  (void)state;
  side s;
  begin(&s, false, noise, 1);
  expect(&s, WPM_BYTES(HEADER));
  take(&s, WPM_BYTES(HEADER));
  expect(&s, WPM_BYTES(""));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  assert_true(s.ms.header_received);
  end(&s);
}

static void test_a_listener_agrees_to_what_it_speaks(void **state) {
  (void)state;
  side s;
  begin(&s, false, muxers, 2);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(HEADER MPLEX));
  expect(&s, WPM_BYTES(MPLEX));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  assert_int_equal(s.ms.agreed, 1);
  end(&s);
}

/* go-libp2p offers TLS first, in one segment with the header, and Noise only after the refusal. */
static void test_a_listener_refuses_what_it_does_not_speak(void **state) {
  (void)state;
  side s;
  begin(&s, false, noise, 1);
  take(&s, WPM_BYTES(HEADER TLS));
  expect(&s, WPM_BYTES(HEADER NA));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  take(&s, WPM_BYTES(NOISE));
  expect(&s, WPM_BYTES(NOISE));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  end(&s);
}

/* Prefixes and extensions of a protocol id are other protocols. */
static void test_a_listener_compares_whole_ids(void **state) {
  (void)state;
  side s;
  begin(&s, false, noise, 1);
  take(&s, WPM_BYTES(HEADER "\x06/nois\n"
                            "\x08/noise \n"
                            "\x07/Noise\n"
                            "\x01\n"));
  expect(&s, WPM_BYTES(HEADER NA NA NA NA));
  end(&s);
}

/* rust-libp2p sends header, protocol and its first data in one segment. */
static void test_bytes_behind_the_agreement_are_left(void **state) {
  (void)state;
  side s;
  begin(&s, false, noise, 1);
  size_t used;
  assert_int_equal(give(&s, WPM_BYTES(HEADER NOISE "\x00\x20 and the first Noise message"), &used),
                   WPM_OK);
  assert_int_equal(used, strlen(HEADER NOISE));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  /* Nothing is taken any more. */
  assert_int_equal(give(&s, WPM_BYTES(NOISE), &used), WPM_OK);
  assert_int_equal(used, 0);
  expect(&s, WPM_BYTES(HEADER NOISE));
  end(&s);
}

/* multistream-select, "Listing". */
static void test_a_listener_lists_its_protocols(void **state) {
  (void)state;
  side s;
  begin(&s, false, muxers, 2);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(HEADER "\x03ls\n"));
  expect(&s, WPM_BYTES("\x1d" YAMUX MPLEX "\n"));
  take(&s, WPM_BYTES(YAMUX));
  assert_int_equal(s.ms.agreed, 0);
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  end(&s);

  begin(&s, false, NULL, 0);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(HEADER "\x03ls\n"));
  expect(&s, WPM_BYTES("\x01\n"));
  end(&s);
}

static void test_a_list_may_be_longer_than_a_line(void **state) {
  (void)state;
  char name[WPM_MULTISTREAM_LINE];
  memset(name, 'p', sizeof(name));
  wpm_text protocols[20];
  for (size_t i = 0; i < 20; i++) {
    protocols[i] = (wpm_text){name, sizeof(name) - 1};
  }
  side s;
  begin(&s, false, protocols, 20);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(HEADER "\x03ls\n"));
  /* 20 * (2 + 1024) + 1 = 20521 = 0xa9 0xa0 0x01 */
  assert_int_equal(wpm_buffer_size(&s.out), 3 + 20521);
  assert_memory_equal(wpm_buffer_view(&s.out).data, "\xa9\xa0\x01\x80\x08pp", 7);
  end(&s);
}

static void test_a_listener_gives_up_after_64_proposals(void **state) {
  (void)state;
  side s;
  begin(&s, false, noise, 1);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(HEADER));
  for (size_t i = 0; i < WPM_MULTISTREAM_PROPOSALS - 1; i++) {
    take(&s, i % 2 ? WPM_BYTES(TLS) : WPM_BYTES("\x03ls\n"));
    assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  }
  wpm_multistream last = s.ms;
  take(&s, WPM_BYTES(NOISE)); /* The 64th is still heard. */
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  s.ms = last;
  take(&s, WPM_BYTES(TLS));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(NOISE));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_FAILED);
  expect(&s, WPM_BYTES(""));
  end(&s);
}

/* ---- dialling -------------------------------------------------------------------------------- */

static void test_a_dialler_sends_header_and_first_proposal_together(void **state) {
  (void)state;
  side s;
  begin(&s, true, muxers, 2);
  expect(&s, WPM_BYTES(HEADER YAMUX));
  take(&s, WPM_BYTES(HEADER));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  take(&s, WPM_BYTES(YAMUX));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  assert_int_equal(s.ms.agreed, 0);
  expect(&s, WPM_BYTES(""));
  end(&s);
}

static void test_a_dialler_proposes_the_next_after_a_refusal(void **state) {
  (void)state;
  side s;
  begin(&s, true, muxers, 2);
  wpm_buffer_clear(&s.out);
  take(&s, WPM_BYTES(HEADER NA));
  expect(&s, WPM_BYTES(MPLEX));
  size_t used;
  assert_int_equal(give(&s, WPM_BYTES(MPLEX "and more"), &used), WPM_OK);
  assert_int_equal(used, strlen(MPLEX));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  assert_int_equal(s.ms.agreed, 1);
  end(&s);
}

static void test_a_dialler_fails_once_all_was_refused(void **state) {
  (void)state;
  side s;
  begin(&s, true, muxers, 2);
  wpm_buffer_clear(&s.out);
  size_t used;
  assert_int_equal(give(&s, WPM_BYTES(HEADER NA NA "rest"), &used), WPM_OK);
  assert_int_equal(used, strlen(HEADER NA NA));
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_FAILED);
  expect(&s, WPM_BYTES(MPLEX));
  end(&s);
}

static void test_a_dialler_takes_only_answers(void **state) {
  (void)state;
  refuse(true, WPM_BYTES(HEADER TLS));
  refuse(true, WPM_BYTES(HEADER "\x03ls\n"));
  refuse(true, WPM_BYTES(HEADER "\x01\n"));
  refuse(true, WPM_BYTES(HEADER HEADER));
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void test_what_is_not_multistream_is_refused(void **state) {
  (void)state;
  for (int dialler = 0; dialler <= 1; dialler++) {
    refuse(dialler, WPM_BYTES(NOISE));                          /* No header. */
    refuse(dialler, WPM_BYTES("\x13/multistream/2.0.0\n"));     /* Another version. */
    refuse(dialler, WPM_BYTES("\x13/multistream/1.0.0\r"));     /* No newline. */
    refuse(dialler, WPM_BYTES("\x14/multistream/1.0.0\r\n"));   /* A longer one. */
    refuse(dialler, WPM_BYTES(HEADER "\x00"));                  /* No bytes at all. */
    refuse(dialler, WPM_BYTES("\x93\x00/multistream/1.0.0\n")); /* A length not minimal. */
    refuse(dialler, WPM_BYTES("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/7.88.1\r\n"
                              "Accept: */*\r\n\r\n"));
    refuse(dialler, WPM_BYTES("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nprotocol mismatch, and some more "
                              "text that fills the line it promises\r\n"));
  }
}

/* A line of 1024 bytes is taken, one of 1025 refused as soon as its length is there. */
static void test_long_lines(void **state) {
  (void)state;
  uint8_t line[2 + WPM_MULTISTREAM_LINE] = {0x80, 0x08};
  memset(line + 2, 'x', WPM_MULTISTREAM_LINE - 1);
  line[sizeof(line) - 1] = '\n';
  side s;
  begin(&s, false, noise, 1);
  take(&s, WPM_BYTES(HEADER));
  wpm_buffer_clear(&s.out);
  for (size_t cut = 0; cut < sizeof(line); cut++) {
    size_t used = 1;
    assert_int_equal(give(&s, (wpm_bytes){line, cut}, &used), WPM_OK);
    assert_int_equal(used, 0);
  }
  take(&s, (wpm_bytes){line, sizeof(line)});
  expect(&s, WPM_BYTES(NA));
  end(&s);

  refuse(false, WPM_BYTES("\x81\x08"));
  refuse(false, WPM_BYTES("\xff\x7f"));
  refuse(false, WPM_BYTES("\x80\x80\x01"));
  refuse(false, WPM_BYTES("\x80\x80"));
  refuse(false, WPM_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));

  wpm_text longest = {(const char *)line + 2, WPM_MULTISTREAM_LINE - 1};
  begin(&s, true, &longest, 1);
  assert_int_equal(wpm_buffer_size(&s.out), strlen(HEADER) + sizeof(line));
  take(&s, WPM_BYTES(HEADER));
  take(&s, (wpm_bytes){line, sizeof(line)});
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
  end(&s);
}

/* However the bytes are cut, the outcome is the same, and no byte is taken of an unfinished line. */
static void test_bytes_may_come_in_any_pieces(void **state) {
  (void)state;
  const wpm_bytes all = WPM_BYTES(HEADER TLS "\x03ls\n" NOISE "rest");
  const size_t lines[] = {20, 32, 36, 44};
  for (size_t cut = 0; cut <= all.len; cut++) {
    side s;
    begin(&s, false, noise, 1);
    size_t first;
    assert_int_equal(give(&s, (wpm_bytes){all.data, cut}, &first), WPM_OK);
    size_t whole = 0;
    for (size_t i = 0; i < 4; i++) {
      whole = lines[i] <= cut ? lines[i] : whole;
    }
    assert_int_equal(first, whole);
    size_t second;
    assert_int_equal(give(&s, (wpm_bytes){all.data + first, all.len - first}, &second), WPM_OK);
    assert_int_equal(first + second, all.len - strlen("rest"));
    assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
    expect(&s, WPM_BYTES(HEADER NA "\x09" NOISE "\n" NOISE));
    end(&s);
  }
}

static void test_no_bytes_change_nothing(void **state) {
  (void)state;
  side s;
  begin(&s, true, noise, 1);
  size_t used = 1;
  assert_int_equal(give(&s, (wpm_bytes){NULL, 0}, &used), WPM_OK);
  assert_int_equal(used, 0);
  end(&s);
}

/* ---- two of ours, limits --------------------------------------------------------------------- */

static void test_two_of_ours_agree(void **state) {
  (void)state;
  const wpm_text offered[] = {{"/tls/1.0.0", 10}, {"/quic", 5}, {"/noise", 6}};
  side dialler;
  side listener;
  begin(&dialler, true, offered, 3);
  begin(&listener, false, noise, 1);
  while (dialler.ms.state == WPM_MULTISTREAM_OPEN) {
    size_t used;
    assert_int_equal(give(&listener, wpm_buffer_view(&dialler.out), &used), WPM_OK);
    wpm_buffer_consume(&dialler.out, used);
    assert_int_equal(give(&dialler, wpm_buffer_view(&listener.out), &used), WPM_OK);
    wpm_buffer_consume(&listener.out, used);
  }
  assert_int_equal(dialler.ms.state, WPM_MULTISTREAM_AGREED);
  assert_int_equal(dialler.ms.agreed, 2);
  assert_int_equal(listener.ms.state, WPM_MULTISTREAM_AGREED);
  assert_int_equal(listener.ms.agreed, 0);
  end(&dialler);
  end(&listener);
}

/* Without room for an answer the line is not taken, and can be read again later. */
static void test_without_room_nothing_changes(void **state) {
  (void)state;
  side s;
  begin(&s, false, muxers, 2);
  wpm_buffer_fini(&s.out);
  wpm_buffer_init(&s.out, 13);
  const wpm_bytes in = WPM_BYTES(HEADER "\x03ls\n" YAMUX);
  size_t used;
  assert_int_equal(give(&s, in, &used), WPM_ERR_FULL);
  assert_int_equal(used, strlen(HEADER));
  assert_int_equal(s.ms.proposed, 0);
  assert_int_equal(give(&s, WPM_BYTES(YAMUX), &used), WPM_ERR_FULL);
  assert_int_equal(used, 0);
  assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  end(&s);

  wpm_buffer_init(&s.out, strlen(HEADER YAMUX) - 1);
  wpm_multistream_init(&s.ms, true, muxers, 2);
  assert_int_equal(wpm_multistream_start(&s.ms, &s.out), WPM_ERR_FULL);
  expect(&s, WPM_BYTES(""));
  end(&s);

  wpm_buffer_init(&s.out, strlen(HEADER) - 1);
  wpm_multistream_init(&s.ms, false, muxers, 2);
  assert_int_equal(wpm_multistream_start(&s.ms, &s.out), WPM_ERR_FULL);
  end(&s);

  begin(&s, true, muxers, 2);
  wpm_buffer_fini(&s.out);
  wpm_buffer_init(&s.out, strlen(MPLEX) - 1);
  assert_int_equal(give(&s, WPM_BYTES(HEADER NA), &used), WPM_ERR_FULL);
  assert_int_equal(used, strlen(HEADER));
  assert_int_equal(s.ms.proposed, 0);
  end(&s);
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  for (size_t n = 1;; n++) {
    side s;
    wpm_buffer_init(&s.out, 1 << 20);
    wpm_multistream_init(&s.ms, false, muxers, 2);
    wpm_alloc_fail_at(n);
    int err = wpm_multistream_start(&s.ms, &s.out);
    size_t used = 0;
    if (!err) {
      err = give(&s, WPM_BYTES(HEADER "\x03ls\n" PING YAMUX), &used);
    }
    size_t failed = wpm_alloc_failed();
    wpm_alloc_fail_off();
    end(&s);
    if (failed == 0) {
      assert_int_equal(err, WPM_OK);
      assert_int_equal(s.ms.state, WPM_MULTISTREAM_AGREED);
      assert_true(n > 1);
      return;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    assert_int_equal(s.ms.state, WPM_MULTISTREAM_OPEN);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_listener_sends_its_header_at_once),
      cmocka_unit_test(test_a_listener_agrees_to_what_it_speaks),
      cmocka_unit_test(test_a_listener_refuses_what_it_does_not_speak),
      cmocka_unit_test(test_a_listener_compares_whole_ids),
      cmocka_unit_test(test_bytes_behind_the_agreement_are_left),
      cmocka_unit_test(test_a_listener_lists_its_protocols),
      cmocka_unit_test(test_a_list_may_be_longer_than_a_line),
      cmocka_unit_test(test_a_listener_gives_up_after_64_proposals),
      cmocka_unit_test(test_a_dialler_sends_header_and_first_proposal_together),
      cmocka_unit_test(test_a_dialler_proposes_the_next_after_a_refusal),
      cmocka_unit_test(test_a_dialler_fails_once_all_was_refused),
      cmocka_unit_test(test_a_dialler_takes_only_answers),
      cmocka_unit_test(test_what_is_not_multistream_is_refused),
      cmocka_unit_test(test_long_lines),
      cmocka_unit_test(test_bytes_may_come_in_any_pieces),
      cmocka_unit_test(test_no_bytes_change_nothing),
      cmocka_unit_test(test_two_of_ours_agree),
      cmocka_unit_test(test_without_room_nothing_changes),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
