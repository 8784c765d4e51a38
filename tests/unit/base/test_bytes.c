#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "support/test.h"

#include <stdio.h>

static wpm_bytes bytes(const char *text) {
  return (wpm_bytes){(const uint8_t *)text, strlen(text)};
}

static void compare_orders_by_bytes_then_length(void **state) {
  (void)state;
  static const char *const ascending[] = {"",   "a",    "aa",   "ab",      "b",
                                          "ba", "\x80", "\xff", "\xff\x01"};
  size_t count = sizeof(ascending) / sizeof(ascending[0]);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < count; j++) {
      int order = wpm_bytes_compare(bytes(ascending[i]), bytes(ascending[j]));
      assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
      assert_int_equal(wpm_bytes_equal(bytes(ascending[i]), bytes(ascending[j])), i == j);
    }
  }
  assert_int_equal(wpm_bytes_compare((wpm_bytes){NULL, 0}, (wpm_bytes){NULL, 0}), 0);
  assert_true(wpm_bytes_compare((wpm_bytes){NULL, 0}, bytes("a")) < 0);
}

static void secret_equal_sees_each_bit(void **state) {
  (void)state;
  uint8_t a[33];
  uint8_t b[33];
  memset(a, 0x5a, sizeof(a));
  memcpy(b, a, sizeof(a));
  assert_true(wpm_secret_equal(a, b, sizeof(a)));
  assert_true(wpm_secret_equal(a, b, 0));
  for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
    b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(wpm_secret_equal(a, b, sizeof(a)));
    b[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
}

static void wipe_clears_exactly_what_it_is_given(void **state) {
  (void)state;
  uint8_t data[16];
  memset(data, 0xee, sizeof(data));
  wpm_wipe(data + 4, 8);
  for (size_t i = 0; i < sizeof(data); i++) {
    assert_int_equal(data[i], i >= 4 && i < 12 ? 0 : 0xee);
  }
  wpm_wipe(NULL, 0);
}

static void printable_text_is_ascii_and_cut(void **state) {
  (void)state;
  char out[8];
  assert_string_equal(wpm_text_printable(WPM_TEXT("a\n\x1b\x7f\xff z"), out, sizeof(out)),
                      "a???? z");
  assert_string_equal(wpm_text_printable(WPM_TEXT("0123456789"), out, sizeof(out)), "0123456");
  assert_string_equal(wpm_text_printable(WPM_TEXT("01234567"), out, sizeof(out)), "0123456");
  assert_string_equal(wpm_text_printable((wpm_text){NULL, 0}, out, sizeof(out)), "");
  assert_string_equal(wpm_text_printable(WPM_TEXT("ab"), out, 1), "");
  out[0] = 'x';
  assert_ptr_equal(wpm_text_printable(WPM_TEXT("ab"), out, 0), out);
  assert_int_equal(out[0], 'x');
}

static void a_cut_character_is_left_out(void **state) {
  (void)state;
  static const char text[] = "a\xc2\xa2\xe2\x82\xac\xf0\x9f\x98\x80"; /* 1, 2, 3 and 4 bytes. */
  static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (size_t len = 0; len < sizeof(text); len++) {
    assert_int_equal(wpm_utf8_whole((wpm_text){text, len}), whole[len]);
  }
  assert_int_equal(wpm_utf8_whole(WPM_TEXT("\x80\x80\x80\x80\x80")), 5); /* No text at all. */
  assert_int_equal(wpm_utf8_whole(WPM_TEXT("\x80\x80")), 2);
  wpm_error error;
  assert_int_equal(wpm_fail(&error, WPM_ERR_IO, "%0246d\xe2\x82\xac", 1), WPM_ERR_IO);
  assert_int_equal(strlen(error.text), 246);
}

static void fail_returns_its_code_and_cuts_its_text(void **state) {
  (void)state;
  wpm_error error;
  assert_int_equal(wpm_fail(&error, WPM_ERR_FULL, "%d of %s", 7, "eight"), WPM_ERR_FULL);
  assert_int_equal(error.code, WPM_ERR_FULL);
  assert_string_equal(error.text, "7 of eight");
  assert_int_equal(wpm_fail(&error, WPM_ERR_IO, "%0400d", 1), WPM_ERR_IO);
  assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
  assert_int_equal(wpm_fail(NULL, WPM_ERR_STATE, "unseen"), WPM_ERR_STATE);
}

typedef struct heard {
  size_t count;
  wpm_log_level level;
  char topic[16];
  char text[2048];
} heard;

static void hear(void *user, wpm_log_level level, const char *topic, const char *text) {
  heard *last = user;
  last->count++;
  last->level = level;
  snprintf(last->topic, sizeof(last->topic), "%s", topic);
  snprintf(last->text, sizeof(last->text), "%s", text);
}

static int evaluated;

static int evaluate(void) {
  return ++evaluated;
}

static void log_formats_only_what_is_wanted(void **state) {
  (void)state;
  heard last = {0};
  wpm_logger logger = {hear, &last, WPM_LOG_INFO};
  WPM_LOG(&logger, WPM_LOG_DEBUG, "net", "%d", evaluate());
  WPM_LOG((wpm_logger *)NULL, WPM_LOG_FATAL, "net", "%d", evaluate());
  wpm_log_write(&logger, WPM_LOG_DEBUG, "net", "no");
  wpm_log_write(NULL, WPM_LOG_FATAL, "net", "no");
  wpm_log_write(&(wpm_logger){NULL, NULL, WPM_LOG_TRACE}, WPM_LOG_FATAL, "net", "no");
  assert_int_equal(last.count, 0);
  assert_int_equal(evaluated, 0);

  WPM_LOG(&logger, WPM_LOG_INFO, "net", "peer %d", evaluate());
  assert_int_equal(last.count, 1);
  assert_int_equal(last.level, WPM_LOG_INFO);
  assert_string_equal(last.topic, "net");
  assert_string_equal(last.text, "peer 1");
  WPM_LOG(&logger, WPM_LOG_ERROR, "net", "%01500d", 0);
  assert_int_equal(strlen(last.text), 1023);
  WPM_LOG(&logger, WPM_LOG_ERROR, "net", "%01022d\xc2\xa2", 0);
  assert_int_equal(strlen(last.text), 1022);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(compare_orders_by_bytes_then_length),
      cmocka_unit_test(secret_equal_sees_each_bit),
      cmocka_unit_test(wipe_clears_exactly_what_it_is_given),
      cmocka_unit_test(printable_text_is_ascii_and_cut),
      cmocka_unit_test(a_cut_character_is_left_out),
      cmocka_unit_test(fail_returns_its_code_and_cuts_its_text),
      cmocka_unit_test(log_formats_only_what_is_wanted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
