#include "base/bytes.h"
#include "storage/list.h"
#include "support/records.h"
#include "support/seed.h"
#include "support/test.h"

enum { MOST = 64, ROUNDS = 2000 };

static void assert_written(const wpm_text *texts, size_t count, const char *expected) {
  char *out = malloc(wpm_list_texts_room(texts, count));
  assert_non_null(out);
  size_t len = wpm_list_write_texts(texts, count, out);
  assert_int_equal(len, strlen(expected));
  assert_memory_equal(out, expected, len);
  free(out);
}

static void texts_become_a_json_array(void **state) {
  (void)state;
  const wpm_text plain[] = {WPM_TEXT("/ipfs/id/1.0.0"), WPM_TEXT(""), WPM_TEXT("caf\xc3\xa9")};
  assert_written(plain, 3, "[\"/ipfs/id/1.0.0\",\"\",\"caf\xc3\xa9\"]");
  const wpm_text odd[] = {WPM_TEXT("\"a\\"), WPM_TEXT("\x1b\0\x7f"), WPM_TEXT("\xe9,")};
  assert_written(odd, 3, "[\"\\\"a\\\\\",\"\\u001b\\u0000\\u007f\",\"\\u00e9,\"]");
  assert_written(NULL, 0, "[]");
}

static void numbers_become_a_json_array(void **state) {
  (void)state;
  const uint16_t numbers[] = {0, 7, 10, 65535};
  const char expected[] = "[0,7,10,65535]";
  char *out = malloc(wpm_list_numbers_room(4));
  assert_non_null(out);
  assert_int_equal(wpm_list_write_numbers(numbers, 4, out), strlen(expected));
  assert_memory_equal(out, expected, strlen(expected));
  assert_int_equal(wpm_list_write_numbers(NULL, 0, out), 2);
  assert_memory_equal(out, "[]", 2);
  free(out);
}

/* What was written is read back, within the room that was announced: the allocations are exact, so
 * that the sanitizer sees a byte too many. */
static void any_texts_come_back(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  wpm_test_record *random = malloc(sizeof(*random));
  assert_non_null(random);
  for (int i = 0; i < ROUNDS; i++) {
    wpm_test_record_random(&seed, random);
    const wpm_peer_record *record = &random->record;
    char *json = malloc(wpm_list_texts_room(record->protocols, record->protocol_count));
    assert_non_null(json);
    wpm_text list = {json, wpm_list_write_texts(record->protocols, record->protocol_count, json)};
    wpm_text *texts = malloc(wpm_list_count_bound(list) * sizeof(*texts));
    char *bytes = malloc(list.len);
    assert_non_null(texts);
    assert_non_null(bytes);
    size_t count = 0;
    assert_int_equal(wpm_list_read_texts(list, texts, &count, bytes), WPM_OK);
    assert_int_equal(count, record->protocol_count);
    for (size_t k = 0; k < count; k++) {
      assert_true(wpm_text_equal(texts[k], record->protocols[k]));
    }
    free(json);
    free(texts);
    free(bytes);
  }
  free(random);
}

static int read_texts(wpm_text list) {
  wpm_text *texts = malloc(wpm_list_count_bound(list) * sizeof(*texts));
  char *bytes = malloc(list.len + 1);
  assert_non_null(texts);
  assert_non_null(bytes);
  size_t count = 0;
  int err = wpm_list_read_texts(list, texts, &count, bytes);
  free(texts);
  free(bytes);
  return err;
}

static int read_numbers(wpm_text list) {
  uint16_t *numbers = malloc(wpm_list_count_bound(list) * sizeof(*numbers));
  assert_non_null(numbers);
  size_t count = 0;
  int err = wpm_list_read_numbers(list, numbers, &count);
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
      cmocka_unit_test(texts_become_a_json_array), cmocka_unit_test(numbers_become_a_json_array),
      cmocka_unit_test(any_texts_come_back),       cmocka_unit_test(malformed_lists_are_refused),
      cmocka_unit_test(damaged_lists_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
