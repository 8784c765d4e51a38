#include "base/bytes.h"
#include "storage/list_1.h"
#include "support/records.h"
#include "support/seed.h"
#include "support/test.h"

enum { MOST = 64, ROUNDS = 2000 };

static void lists_are_read(void **state) {
  (void)state;
  const wpm_text list =
      WPM_TEXT("[\"/ipfs/id/1.0.0\",\"\",\"\\\"a\\\\\",\"\\u001b\\u0000\\u00e9,\"]");
  wpm_text texts[8];
  char bytes[80];
  size_t count = 0;
  assert_true(wpm_list_1_count_bound(list) >= 4 && wpm_list_1_count_bound(list) <= 8);
  assert_true(list.len <= sizeof(bytes));
  assert_int_equal(wpm_list_1_read_texts(list, texts, &count, bytes), WPM_OK);
  assert_int_equal(count, 4);
  assert_true(wpm_text_equal(texts[0], WPM_TEXT("/ipfs/id/1.0.0")));
  assert_true(wpm_text_equal(texts[1], WPM_TEXT("")));
  assert_true(wpm_text_equal(texts[2], WPM_TEXT("\"a\\")));
  assert_true(wpm_text_equal(texts[3], WPM_TEXT("\x1b\0\xe9,")));
  uint16_t numbers[4];
  assert_int_equal(wpm_list_1_read_numbers(WPM_TEXT("[0,7,10,65535]"), numbers, &count), WPM_OK);
  assert_int_equal(count, 4);
  assert_int_equal(numbers[1], 7);
  assert_int_equal(numbers[3], 65535);
}

static int read_texts(wpm_text list) {
  wpm_text *texts = malloc(wpm_list_1_count_bound(list) * sizeof(*texts));
  char *bytes = malloc(list.len + 1);
  assert_non_null(texts);
  assert_non_null(bytes);
  size_t count = 0;
  int err = wpm_list_1_read_texts(list, texts, &count, bytes);
  free(texts);
  free(bytes);
  return err;
}

static int read_numbers(wpm_text list) {
  uint16_t *numbers = malloc(wpm_list_1_count_bound(list) * sizeof(*numbers));
  assert_non_null(numbers);
  size_t count = 0;
  int err = wpm_list_1_read_numbers(list, numbers, &count);
  free(numbers);
  return err;
}

static void malformed_lists_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "[",
                                    "]",
                                    "[]]",
                                    "[\"a\"",
                                    "[\"a",
                                    "[\"a\",]",
                                    "[\"a\" ]",
                                    "{\"a\"}",
                                    "[\"\\\"]",
                                    "[\"\\n\"]",
                                    "[\"\\u0\"]",
                                    "[\"\\u0",
                                    "[\"\\u01\"]",
                                    "[\"\\u0141\"]",
                                    "[\"\\u00g0\"]",
                                    "null",
                                    "[1]",
                                    "[\"a\"\"b\"]"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(read_texts(wpm_text_of(bad[i])), WPM_ERR_INVALID);
  }
  static const char *const bad_numbers[] = {
      "", "[", "[1", "[1,]", "[65536]", "[-1]", "[\"1\"]", "[1.5]", "[123456]", "[1]x", "[1 ]"};
  for (size_t i = 0; i < sizeof(bad_numbers) / sizeof(bad_numbers[0]); i++) {
    assert_int_equal(read_numbers(wpm_text_of(bad_numbers[i])), WPM_ERR_INVALID);
  }
  assert_int_equal(read_numbers(WPM_TEXT("[65535,0]")), WPM_OK);
}

/* Whatever stands in the column: no byte outside of what was announced is touched. */
static void damaged_lists_do_no_harm(void **state) {
  (void)state;
  static const char alphabet[] = "[]\",\\u0019afx";
  uint64_t seed = wpm_test_seed();
  for (int i = 0; i < ROUNDS * 10; i++) {
    char text[MOST];
    size_t len = wpm_test_random_below(&seed, MOST);
    for (size_t k = 0; k < len; k++) {
      text[k] = alphabet[wpm_test_random_below(&seed, sizeof(alphabet) - 1)];
    }
    char *exact = malloc(len + 1);
    assert_non_null(exact);
    exact[0] = '[';
    memcpy(exact + 1, text, len);
    (void)read_texts((wpm_text){exact, len + 1});
    (void)read_numbers((wpm_text){exact, len + 1});
    free(exact);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lists_are_read),
      cmocka_unit_test(malformed_lists_are_refused),
      cmocka_unit_test(damaged_lists_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
