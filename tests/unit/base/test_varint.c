#include "base/varint.h"
#include "support/test.h"

#include <string.h>

#define READ(...) read_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static uint64_t value;
static size_t used;

static int read_bytes(const uint8_t *data, size_t len) {
  return wpm_varint_read((wpm_bytes){data, len}, &value, &used);
}

/* Examples of multiformats/unsigned-varint, README. */
static void examples_of_the_specification(void **state) {
  (void)state;
  static const struct {
    uint64_t value;
    uint8_t bytes[3];
    size_t len;
  } examples[] = {
      {1, {0x01}, 1},         {127, {0x7f}, 1},       {128, {0x80, 0x01}, 2},
      {255, {0xff, 0x01}, 2}, {300, {0xac, 0x02}, 2}, {16384, {0x80, 0x80, 0x01}, 3},
  };
  for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
    uint8_t out[WPM_VARINT_MAX];
    assert_int_equal(wpm_varint_size(examples[i].value), examples[i].len);
    assert_int_equal(wpm_varint_write(examples[i].value, out), examples[i].len);
    assert_memory_equal(out, examples[i].bytes, examples[i].len);
    assert_int_equal(read_bytes(out, examples[i].len), WPM_OK);
    assert_int_equal(value, examples[i].value);
    assert_int_equal(used, examples[i].len);
  }
}

static void every_length_round_trips(void **state) {
  (void)state;
  for (unsigned bits = 0; bits <= 63; bits++) {
    uint64_t around = bits == 63 ? UINT64_C(1) << 63 : UINT64_C(1) << bits;
    for (uint64_t number = around - 1; number <= around && number < UINT64_C(1) << 63; number++) {
      uint8_t out[WPM_VARINT_MAX + 1];
      memset(out, 0xee, sizeof(out));
      size_t len = wpm_varint_write(number, out);
      assert_int_equal(len, wpm_varint_size(number));
      assert_int_equal(out[len], 0xee);
      assert_int_equal(read_bytes(out, sizeof(out)), WPM_OK);
      assert_int_equal(value, number);
      assert_int_equal(used, len);
      for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(read_bytes(out, cut), WPM_ERR_TRUNCATED);
      }
    }
  }
}

static void only_the_minimal_form_is_read(void **state) {
  (void)state;
  assert_int_equal(READ(0x00), WPM_OK);
  assert_int_equal(value, 0);
  assert_int_equal(READ(0x80, 0x00), WPM_ERR_INVALID);
  assert_int_equal(READ(0x81, 0x00), WPM_ERR_INVALID);
  assert_int_equal(READ(0x81, 0x80, 0x00), WPM_ERR_INVALID);
  assert_int_equal(READ(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), WPM_ERR_INVALID);
}

static void more_than_nine_bytes_are_refused(void **state) {
  (void)state;
  assert_int_equal(READ(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), WPM_OK);
  assert_int_equal(value, INT64_MAX);
  assert_int_equal(READ(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), WPM_ERR_INVALID);
  assert_int_equal(READ(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
                   WPM_ERR_INVALID);
  assert_int_equal(READ(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), WPM_ERR_TRUNCATED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(examples_of_the_specification),
      cmocka_unit_test(every_length_round_trips),
      cmocka_unit_test(only_the_minimal_form_is_read),
      cmocka_unit_test(more_than_nine_bytes_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
