/* What a person types, and what of others is shown. */
#include "support/test.h"

#include "app/text.h"

#include <wakupeers/types.h>

#include <string.h>

static void reads_booleans(void **state) {
  (void)state;
  bool value = false;
  assert_true(text_to_bool("true", &value));
  assert_true(value);
  assert_true(text_to_bool("false", &value));
  assert_false(value);
  const char *const bad[] = {"", "True", "yes", "1", "truex", " true", "true "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(text_to_bool(bad[i], &value));
  }
}

static void reads_numbers(void **state) {
  (void)state;
  uint64_t value = 7;
  assert_true(text_to_number("0", 0, 10, &value));
  assert_int_equal(value, 0);
  assert_true(text_to_number("0010", 0, 10, &value));
  assert_int_equal(value, 10);
  assert_true(text_to_number("18446744073709551615", 0, UINT64_MAX, &value));
  assert_true(value == UINT64_MAX);
  const char *const bad[] = {"",    "-1",  "+1", " 1",  "1 ",
                             "0x1", "1e1", "11", "1.0", "18446744073709551616"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(text_to_number(bad[i], 0, 10, &value));
  }
  assert_false(text_to_number("4", 5, 10, &value));
  assert_false(text_to_number("99999999999999999999999", 0, UINT64_MAX, &value));
}

static void reads_negative_numbers(void **state) {
  (void)state;
  int64_t value = 7;
  assert_true(text_to_negative("0", 10, &value));
  assert_int_equal(value, 0);
  assert_true(text_to_negative("-10", 10, &value));
  assert_int_equal(value, -10);
  assert_true(text_to_negative("-9223372036854775807", INT64_MAX, &value));
  assert_true(value == -INT64_MAX);
  const char *const bad[] = {
      "", "-", "--1", "1", "+1", " -1", "-1 ", "-11", "-18446744073709551616"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(text_to_negative(bad[i], 10, &value));
  }
}

static void reads_durations(void **state) {
  (void)state;
  const struct {
    const char *text;
    int64_t ns;
  } good[] = {{"0", 0},
              {"5", 5 * WPM_SECOND},
              {"500ms", 500 * WPM_MILLISECOND},
              {"5s", 5 * WPM_SECOND},
              {"10m", 10 * WPM_MINUTE},
              {"2h", 2 * WPM_HOUR},
              {"1.5s", 1500 * WPM_MILLISECOND},
              {"0.25", 250 * WPM_MILLISECOND},
              {"2.5m", 150 * WPM_SECOND},
              {"0.001ms", WPM_MICROSECOND},
              {"0.000000001h", 3 * WPM_MICROSECOND},
              {"0.999999999m", 59999 * WPM_MILLISECOND + 999 * WPM_MICROSECOND},
              {"24000h", 1000 * WPM_DAY}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t ns = -1;
    assert_true(text_to_duration(good[i].text, &ns));
    assert_int_equal(ns, good[i].ns);
  }
  const char *const bad[] = {"",
                             "s",
                             "-1s",
                             "1 s",
                             "1S",
                             "1d",
                             "1.s",
                             ".5s",
                             "1..5s",
                             "1.5.5",
                             "1.1234567890s",
                             "24000.1h",
                             "24001h",
                             "1ss",
                             "1e3",
                             "99999999999999999999h",
                             "9223372036854775807h"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ns = 0;
    assert_false(text_to_duration(bad[i], &ns));
  }
}

static void writes_durations(void **state) {
  (void)state;
  const struct {
    int64_t ns;
    const char *text;
  } all[] = {{5 * WPM_MINUTE, "5m"},
             {2 * WPM_HOUR, "2h"},
             {90 * WPM_SECOND, "90s"},
             {WPM_SECOND, "1s"},
             {1500 * WPM_MILLISECOND, "1500ms"},
             {0, "0s"}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char text[32];
    int64_t back = -1;
    text_of_duration(all[i].ns, text, sizeof text);
    assert_string_equal(text, all[i].text);
    assert_true(text_to_duration(text, &back));
    assert_int_equal(back, all[i].ns);
  }
}

static void tells_addresses(void **state) {
  (void)state;
  const char *const good[] = {"127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1", "::ffff:1.2.3.4"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(text_is_ip(good[i]));
  }
  const char *const bad[] = {"",          "localhost", "1.2.3",  "1.2.3.4.5",
                             "256.1.1.1", "[::1]",     "::1%lo", "1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(text_is_ip(bad[i]));
  }
  assert_true(text_is_loopback("127.0.0.1"));
  assert_true(text_is_loopback("127.9.9.9"));
  assert_true(text_is_loopback("::1"));
  assert_true(text_is_loopback("0:0:0:0:0:0:0:1"));
  assert_false(text_is_loopback("128.0.0.1"));
  assert_false(text_is_loopback("0.0.0.0"));
  assert_false(text_is_loopback("::"));
}

static void check_clean(const char *text, const char *expected) {
  /* Its end is where its memory ends, so that a sanitizer sees a step behind it. */
  size_t len = strlen(text);
  char *own = malloc(len + 1);
  assert_non_null(own);
  memcpy(own, text, len + 1);
  text_clean(own);
  assert_string_equal(own, expected);
  free(own);
}

static void cleans_text(void **state) {
  (void)state;
  check_clean("", "");
  check_clean("plain text ~", "plain text ~");
  check_clean("\033[31mred\033[0m\n\r\t\177", "?[31mred?[0m????");
  check_clean("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f",
              "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f");
  check_clean("\xc2\x9b"
              "31m",
              "??31m");                     /* CSI as one character, C1 */
  check_clean("\xc2\xa0", "\xc2\xa0");      /* the first behind C1 */
  check_clean("a\x80z \xff\xfe", "a?z ??"); /* no beginning of a character */
  check_clean("\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "?? ??? ????"); /* overlong */
  check_clean("\xed\xa0\x80!", "??"
                               "?!"); /* a surrogate */
  check_clean("\xf4\x90\x80\x80!", "????"
                                   "!"); /* above U+10FFFF */
  check_clean("\xf5\x80\x80\x80", "????");
  check_clean("\xc3(", "?("); /* broken off by another */
  check_clean("\xe2\x82(", "??"
                           "(");
  check_clean("ab\xc3", "ab"); /* cut off at the end */
  check_clean("ab\xe2", "ab");
  check_clean("ab\xe2\x82", "ab");
  check_clean("ab\xf0\x9f\x90", "ab");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_booleans),
      cmocka_unit_test(reads_numbers),
      cmocka_unit_test(reads_negative_numbers),
      cmocka_unit_test(reads_durations),
      cmocka_unit_test(writes_durations),
      cmocka_unit_test(tells_addresses),
      cmocka_unit_test(cleans_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
