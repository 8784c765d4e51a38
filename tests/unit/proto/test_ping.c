/* ping.h: an answer in any pieces, and answers that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ping.h"
#include "support/alloc_fail.h"

#include <string.h>

static uint8_t payload[WPM_PING_SIZE];

static void begin(wpm_ping *ping) {
  wpm_buffer out;
  for (size_t i = 0; i < sizeof payload; i++) {
    payload[i] = (uint8_t)(i * 7 + 1);
  }
  wpm_buffer_init(&out, 100);
  assert_int_equal(wpm_ping_start(ping, payload, &out), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), WPM_PING_SIZE);
  assert_memory_equal(wpm_buffer_view(&out).data, payload, WPM_PING_SIZE);
  assert_false(wpm_ping_done(ping));
  wpm_buffer_fini(&out);
}

static void test_answer_in_pieces(void **state) {
  (void)state;
  for (size_t piece = 1; piece <= WPM_PING_SIZE; piece++) {
    wpm_ping ping;
    begin(&ping);
    for (size_t at = 0; at < WPM_PING_SIZE; at += piece) {
      size_t len = WPM_PING_SIZE - at < piece ? WPM_PING_SIZE - at : piece;
      size_t used = 0;
      assert_false(wpm_ping_done(&ping));
      assert_int_equal(wpm_ping_read(&ping, (wpm_bytes){payload + at, len}, &used), WPM_OK);
      assert_int_equal(used, len);
    }
    assert_true(wpm_ping_done(&ping));
  }
}

static void test_not_beyond_the_answer(void **state) {
  (void)state;
  wpm_ping ping;
  uint8_t twice[2 * WPM_PING_SIZE];
  size_t used = 7;
  begin(&ping);
  memcpy(twice, payload, WPM_PING_SIZE);
  memset(twice + WPM_PING_SIZE, 0xee, WPM_PING_SIZE);
  assert_int_equal(wpm_ping_read(&ping, (wpm_bytes){0}, &used), WPM_OK);
  assert_int_equal(used, 0);
  assert_int_equal(wpm_ping_read(&ping, (wpm_bytes){twice, sizeof twice}, &used), WPM_OK);
  assert_int_equal(used, WPM_PING_SIZE);
  assert_true(wpm_ping_done(&ping));
  assert_int_equal(wpm_ping_read(&ping, (wpm_bytes){twice, sizeof twice}, &used), WPM_OK);
  assert_int_equal(used, 0);
}

static void test_wrong_answer(void **state) {
  (void)state;
  for (size_t bit = 0; bit < 8 * WPM_PING_SIZE; bit++) {
    wpm_ping ping;
    uint8_t answer[WPM_PING_SIZE];
    size_t used = 7;
    begin(&ping);
    memcpy(answer, payload, sizeof answer);
    answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(wpm_ping_read(&ping, (wpm_bytes){answer, bit / 8}, &used), WPM_OK);
    assert_int_equal(used, bit / 8);
    assert_int_equal(wpm_ping_read(&ping, (wpm_bytes){answer + used, sizeof answer - used}, &used),
                     WPM_ERR_PROTOCOL);
    assert_int_equal(used, 0);
    assert_false(wpm_ping_done(&ping));
  }
}

static void test_no_room(void **state) {
  (void)state;
  wpm_ping ping;
  wpm_buffer out;
  wpm_buffer_init(&out, WPM_PING_SIZE - 1);
  assert_int_equal(wpm_ping_start(&ping, payload, &out), WPM_ERR_FULL);
  wpm_buffer_fini(&out);
  wpm_buffer_init(&out, WPM_PING_SIZE);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_ping_start(&ping, payload, &out), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_buffer_size(&out), 0);
  wpm_buffer_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_answer_in_pieces),
      cmocka_unit_test(test_not_beyond_the_answer),
      cmocka_unit_test(test_wrong_answer),
      cmocka_unit_test(test_no_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
