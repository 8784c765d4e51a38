#include "base/bytes.h"
#include "storage/utf8.h"
#include "support/test.h"

static size_t length_of(const char *bytes, size_t len) {
  return wpm_utf8_sequence((wpm_text){bytes, len});
}

static void well_formed_sequences_have_their_length(void **state) {
  (void)state;
  assert_int_equal(length_of("a", 1), 1);
  assert_int_equal(length_of("\0", 1), 1);
  assert_int_equal(length_of("\xc2\x80", 2), 2);
  assert_int_equal(length_of("\xdf\xbf", 2), 2);
  assert_int_equal(length_of("\xe0\xa0\x80", 3), 3);
  assert_int_equal(length_of("\xed\x9f\xbf", 3), 3);
  assert_int_equal(length_of("\xef\xbf\xbf", 3), 3);
  assert_int_equal(length_of("\xf0\x90\x80\x80", 4), 4);
  assert_int_equal(length_of("\xf4\x8f\xbf\xbf", 4), 4);
  assert_int_equal(length_of("\xc3\xa9more", 6), 2);
}

static void others_have_none(void **state) {
  (void)state;
  assert_int_equal(length_of("", 0), 0);
  assert_int_equal(length_of("\x80", 1), 0);             /* A continuation alone. */
  assert_int_equal(length_of("\xc0\xaf", 2), 0);         /* Overlong. */
  assert_int_equal(length_of("\xc1\xbf", 2), 0);         /* Overlong. */
  assert_int_equal(length_of("\xe0\x9f\xbf", 3), 0);     /* Overlong. */
  assert_int_equal(length_of("\xf0\x8f\xbf\xbf", 4), 0); /* Overlong. */
  assert_int_equal(length_of("\xed\xa0\x80", 3), 0);     /* A surrogate. */
  assert_int_equal(length_of("\xf4\x90\x80\x80", 4), 0); /* Above U+10FFFF. */
  assert_int_equal(length_of("\xf5\x80\x80\x80", 4), 0);
  assert_int_equal(length_of("\xff", 1), 0);
  assert_int_equal(length_of("\xe2\x82", 2), 0);  /* Cut off. */
  assert_int_equal(length_of("\xe2\x82(", 3), 0); /* Ended by another character. */
  assert_int_equal(length_of("\xf0\x9f(\x9f", 4), 0);
}

static void plain_text_has_no_control_characters(void **state) {
  (void)state;
  assert_true(wpm_utf8_is_plain(WPM_TEXT("")));
  assert_true(wpm_utf8_is_plain(WPM_TEXT("go-libp2p \xe2\x82\xac")));
  assert_false(wpm_utf8_is_plain(WPM_TEXT("\x1b[31m")));
  assert_false(wpm_utf8_is_plain(WPM_TEXT("a\0b")));
  assert_false(wpm_utf8_is_plain(WPM_TEXT("a\x7f")));
  assert_false(wpm_utf8_is_plain(WPM_TEXT("caf\xe9")));
  assert_false(wpm_utf8_is_plain(WPM_TEXT("cut \xe2\x82")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(well_formed_sequences_have_their_length),
      cmocka_unit_test(others_have_none),
      cmocka_unit_test(plain_text_has_no_control_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
