/* rlp.h: the vectors of ethereum/tests, each cut short, and what else is not canonical. */
#include "support/test.h"

#include "base/bytes.h"
#include "proto/rlp.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

#include <string.h>

/* Reads all items of `in` and those inside them, and writes them to `out` again. */
static int copy_items(wpm_bytes in, wpm_buffer *out) {
  while (in.len > 0) {
    wpm_rlp_item item;
    int rc = wpm_rlp_next(&in, &item);
    if (rc != WPM_OK) {
      return rc;
    }
    assert_true(item.contents.len <= item.whole.len);
    if (!item.is_list) {
      assert_int_equal(wpm_rlp_write_string(out, item.contents), WPM_OK);
      continue;
    }
    uint8_t prefix[WPM_RLP_PREFIX_MAX];
    size_t len = wpm_rlp_list_prefix(item.contents.len, prefix);
    assert_int_equal(wpm_buffer_append(out, prefix, len), WPM_OK);
    rc = copy_items(item.contents, out);
    if (rc != WPM_OK) {
      return rc;
    }
  }
  return WPM_OK;
}

/* From memory that ends where the input does. */
static int copy_of(wpm_bytes in, wpm_buffer *out) {
  uint8_t *memory = malloc(in.len > 0 ? in.len : 1);
  assert_non_null(memory);
  memcpy(memory, in.data, in.len);
  int rc = copy_items((wpm_bytes){memory, in.len}, out);
  free(memory);
  return rc;
}

static void test_vectors(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("rlp.txt"));
  char *line = NULL;
  char *fields[3];
  size_t good = 0;
  size_t bad = 0;
  while (wpm_test_fields(file, &line, fields, 3) == 3) {
    wpm_test_bytes bytes = wpm_test_hex(fields[2]);
    wpm_buffer out;
    wpm_buffer_init(&out, 4096);
    int rc = copy_of(wpm_test_view(bytes), &out);
    if (strcmp(fields[1], "good") == 0) {
      good++;
      assert_int_equal(rc, WPM_OK);
      assert_true(wpm_bytes_equal(wpm_buffer_view(&out), wpm_test_view(bytes)));
    } else {
      bad++;
      assert_true(rc == WPM_ERR_INVALID || rc == WPM_ERR_TRUNCATED);
    }
    wpm_buffer_fini(&out);
    free(bytes.data);
  }
  assert_int_equal(good, 24);
  assert_int_equal(bad, 17);
  free(line);
  fclose(file);
}

/* One item, cut anywhere, is one that ends too early. */
static void test_cut(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("rlp.txt"));
  char *line = NULL;
  char *fields[3];
  while (wpm_test_fields(file, &line, fields, 3) == 3 && strcmp(fields[1], "good") == 0) {
    wpm_test_bytes bytes = wpm_test_hex(fields[2]);
    for (size_t len = 0; len < bytes.len; len++) {
      wpm_bytes rest = {bytes.data, len};
      wpm_rlp_item item;
      assert_int_equal(wpm_rlp_next(&rest, &item), WPM_ERR_TRUNCATED);
      assert_true(rest.data == bytes.data && rest.len == len);
    }
    free(bytes.data);
  }
  free(line);
  fclose(file);
}

static void test_item(void **state) {
  (void)state;
  wpm_bytes rest = WPM_BYTES("\xcc\x83"
                             "dog\x83god\x83"
                             "cat\x05");
  const uint8_t *begin = rest.data;
  wpm_rlp_item item;
  assert_int_equal(wpm_rlp_next(&rest, &item), WPM_OK);
  assert_true(item.is_list && item.contents.data == begin + 1 && item.contents.len == 12);
  assert_true(item.whole.data == begin && item.whole.len == 13);
  wpm_bytes string;
  assert_int_equal(wpm_rlp_next_string(&item.contents, &string), WPM_OK);
  assert_true(wpm_bytes_equal(string, WPM_BYTES("dog")));
  assert_int_equal(wpm_rlp_next(&rest, &item), WPM_OK);
  assert_true(!item.is_list && wpm_bytes_equal(item.contents, WPM_BYTES("\x05")));
  assert_int_equal(rest.len, 0);
  assert_int_equal(wpm_rlp_next(&rest, &item), WPM_ERR_TRUNCATED);
}

/* What is refused stays where it is. */
static void test_kinds(void **state) {
  (void)state;
  wpm_bytes list = WPM_BYTES("\xc1\x05");
  wpm_bytes string = WPM_BYTES("\x82\x01\x02");
  wpm_bytes out;
  uint64_t number = 0;
  assert_int_equal(wpm_rlp_next_string(&list, &out), WPM_ERR_INVALID);
  assert_int_equal(wpm_rlp_next_number(&list, 10, &number), WPM_ERR_INVALID);
  assert_int_equal(wpm_rlp_next_list(&string, &out), WPM_ERR_INVALID);
  assert_int_equal(list.len, 2);
  assert_int_equal(string.len, 3);
  assert_int_equal(wpm_rlp_next_list(&list, &out), WPM_OK);
  assert_true(wpm_bytes_equal(out, WPM_BYTES("\x05")));
}

static void test_numbers(void **state) {
  (void)state;
  static const uint64_t numbers[] = {
      0, 1, 127, 128, 255, 256, 1000, UINT32_MAX, UINT64_MAX, UINT64_C(0x0100000000000000)};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    wpm_buffer out;
    uint64_t read = 0;
    wpm_buffer_init(&out, 9);
    assert_int_equal(wpm_rlp_write_number(&out, numbers[i]), WPM_OK);
    wpm_bytes rest = wpm_buffer_view(&out);
    if (numbers[i] > 0) {
      assert_int_equal(wpm_rlp_next_number(&rest, numbers[i] - 1, &read), WPM_ERR_TOO_LARGE);
    }
    assert_int_equal(wpm_rlp_next_number(&rest, numbers[i], &read), WPM_OK);
    assert_true(read == numbers[i] && rest.len == 0);
    wpm_buffer_fini(&out);
  }
  static const struct {
    wpm_bytes bytes;
    int rc;
  } refused[] = {
      {{(const uint8_t *)"\x00", 1}, WPM_ERR_INVALID},
      {{(const uint8_t *)"\x82\x00\x02", 3}, WPM_ERR_INVALID},
      {{(const uint8_t *)"\x89\x01\x02\x03\x04\x05\x06\x07\x08\x09", 10}, WPM_ERR_TOO_LARGE},
      {{(const uint8_t *)"\x89\x00\x02\x03\x04\x05\x06\x07\x08\x09", 10}, WPM_ERR_INVALID},
  };
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    wpm_bytes rest = refused[i].bytes;
    uint64_t read = 0;
    assert_int_equal(wpm_rlp_next_number(&rest, UINT64_MAX, &read), refused[i].rc);
  }
}

/* A string is written whole or not at all. */
static void test_full(void **state) {
  (void)state;
  uint8_t bytes[60] = {0};
  wpm_buffer out;
  wpm_buffer_init(&out, 61);
  assert_int_equal(wpm_rlp_write_string(&out, (wpm_bytes){bytes, 60}), WPM_ERR_FULL);
  assert_int_equal(wpm_buffer_size(&out), 0);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_rlp_write_string(&out, (wpm_bytes){bytes, 59}), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_buffer_size(&out), 0);
  assert_int_equal(wpm_rlp_write_string(&out, (wpm_bytes){bytes, 59}), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), 61);
  assert_int_equal(wpm_rlp_write_number(&out, 0), WPM_ERR_FULL);
  wpm_buffer_fini(&out);
}

static void test_list_prefix(void **state) {
  (void)state;
  uint8_t prefix[WPM_RLP_PREFIX_MAX];
  assert_int_equal(wpm_rlp_list_prefix(55, prefix), 1);
  assert_int_equal(prefix[0], 0xf7);
  assert_int_equal(wpm_rlp_list_prefix(56, prefix), 2);
  assert_memory_equal(prefix, "\xf8\x38", 2);
  assert_int_equal(wpm_rlp_list_prefix(256, prefix), 3);
  assert_memory_equal(prefix, "\xf9\x01\x00", 3);
  assert_int_equal(wpm_rlp_list_prefix(SIZE_MAX, prefix), 1 + sizeof(size_t));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vectors),     cmocka_unit_test(test_cut),
      cmocka_unit_test(test_item),        cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_numbers),     cmocka_unit_test(test_full),
      cmocka_unit_test(test_list_prefix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
