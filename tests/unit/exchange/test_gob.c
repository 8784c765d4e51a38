/* gob.h: what Go's own encoder wrote, what we write, and what must be refused. */
#include "support/test.h"

#include "base/bytes.h"
#include "exchange/gob.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

#include <math.h>

/* As encoding/gob of Go 1.26 writes them with go-libp2p v0.51.0 (`Encode(&val)`, a process each). Its
 * ids of types depend on what it has written before. */
#define GO_STRING "12100006737472696e670c07000568656c6c6f"
#define GO_EMPTY_STRING "0d100006737472696e670c020000"
#define GO_STRINGS "161000085b5d737472696e677f020102ff8000010c00000bff80080002016103626364"
#define GO_STRINGS_LATER "171000085b5d737472696e67ff83020102ff8400010c000007ff840400010161"
#define GO_NO_STRINGS "161000085b5d737472696e677f020102ff8000010c000005ff80020000"
#define GO_FLOAT "10100007666c6f61743634080400fef83f"
#define GO_LARGE_FLOAT "16100007666c6f61743634080a00f8abbd115db9b7cdd4"
#define GO_ZERO "0e100007666c6f6174363408020000"
#define GO_SET                                                                                     \
  "2b1000196d61705b70726f746f636f6c2e49445d737472756374207b7dff81040102ff8200010c01ff800000097f03" \
  "0102ff800000000eff820b0002022f6100032f626200"
#define GO_EMPTY_SET                                                                               \
  "2b1000196d61705b70726f746f636f6c2e49445d737472756374207b7dff81040102ff8200010c01ff800000097f03" \
  "0102ff8000000005ff82020000"
#define GO_INT "0a100003696e740402000a"
#define GO_BYTES "101000075b5d75696e74380a0400020102"

typedef struct strings {
  wpm_text items[8];
  size_t count;
} strings;

static int keep(void *user, wpm_text text) {
  strings *into = user;
  assert_true(into->count < 8);
  into->items[into->count++] = text;
  return WPM_OK;
}

static void expect(const char *hex, wpm_gob_type type, size_t count, const char *const *items,
                   double number) {
  wpm_test_bytes encoded = wpm_test_hex(hex);
  wpm_gob_value value;
  strings found = {.count = 0};
  assert_int_equal(wpm_gob_read(wpm_test_view(encoded), &value, keep, &found), WPM_OK);
  assert_int_equal(value.type, type);
  assert_int_equal(found.count, count);
  for (size_t i = 0; i < count; i++) {
    assert_true(wpm_text_equal(found.items[i], wpm_text_of(items[i])));
  }
  if (type == WPM_GOB_FLOAT) {
    assert_true(value.number == number);
  } else {
    assert_int_equal(value.count, count);
  }
  free(encoded.data);
}

static void test_what_go_wrote(void **state) {
  (void)state;
  expect(GO_STRING, WPM_GOB_STRING, 1, (const char *[]){"hello"}, 0);
  expect(GO_EMPTY_STRING, WPM_GOB_STRING, 1, (const char *[]){""}, 0);
  expect(GO_STRINGS, WPM_GOB_STRINGS, 2, (const char *[]){"a", "bcd"}, 0);
  expect(GO_STRINGS_LATER, WPM_GOB_STRINGS, 1, (const char *[]){"a"}, 0);
  expect(GO_NO_STRINGS, WPM_GOB_STRINGS, 0, NULL, 0);
  expect(GO_FLOAT, WPM_GOB_FLOAT, 0, NULL, 1.5);
  expect(GO_LARGE_FLOAT, WPM_GOB_FLOAT, 0, NULL, -3.25e100);
  expect(GO_ZERO, WPM_GOB_FLOAT, 0, NULL, 0);
  expect(GO_SET, WPM_GOB_PROTOCOLS, 2, (const char *[]){"/a", "/bb"}, 0);
  expect(GO_EMPTY_SET, WPM_GOB_PROTOCOLS, 0, NULL, 0);
}

static void test_other_types_are_told_apart(void **state) {
  (void)state;
  wpm_gob_value value;
  const char *others[] = {GO_INT, GO_BYTES};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    wpm_test_bytes encoded = wpm_test_hex(others[i]);
    assert_int_equal(wpm_gob_read(wpm_test_view(encoded), &value, NULL, NULL), WPM_ERR_UNSUPPORTED);
    free(encoded.data);
  }
}

/* Every prefix, and every value with a byte more, is refused; so is a name that lies. */
static void test_malformed(void **state) {
  (void)state;
  const char *all[] = {GO_STRING, GO_STRINGS, GO_STRINGS_LATER, GO_FLOAT, GO_SET, GO_EMPTY_SET};
  wpm_gob_value value;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    wpm_test_bytes encoded = wpm_test_hex(all[i]);
    for (size_t len = 0; len < encoded.len; len++) {
      uint8_t *cut = malloc(len + 1); /* Its own allocation: a read beyond it is found. */
      assert_non_null(cut);
      memcpy(cut, encoded.data, len);
      assert_int_not_equal(wpm_gob_read((wpm_bytes){cut, len}, &value, NULL, NULL), WPM_OK);
      free(cut);
    }
    uint8_t *longer = malloc(encoded.len + 1);
    assert_non_null(longer);
    memcpy(longer, encoded.data, encoded.len);
    longer[encoded.len] = 1;
    assert_int_not_equal(wpm_gob_read((wpm_bytes){longer, encoded.len + 1}, &value, NULL, NULL),
                         WPM_OK);
    free(longer);
    free(encoded.data);
  }
  /* "string" over a float's id. */
  wpm_test_bytes lie = wpm_test_hex("12100006737472696e670807000568656c6c6f");
  assert_int_equal(wpm_gob_read(wpm_test_view(lie), &value, NULL, NULL), WPM_ERR_INVALID);
  free(lie.data);
  assert_int_equal(
      wpm_gob_read((wpm_bytes){(const uint8_t *)"", WPM_GOB_MAX + 1}, &value, NULL, NULL),
      WPM_ERR_TOO_LARGE);
}

static void expect_written(wpm_gob_type type, const wpm_text *items, size_t count,
                           const char *hex) {
  wpm_buffer out;
  wpm_test_bytes expected = wpm_test_hex(hex);
  wpm_buffer_init(&out, WPM_GOB_MAX);
  assert_int_equal(wpm_gob_write_strings(type, items, count, &out), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), expected.len);
  assert_memory_equal(wpm_buffer_view(&out).data, expected.data, expected.len);
  wpm_buffer_fini(&out);
  free(expected.data);
}

/* Byte for byte what Go writes first in a process. */
static void test_writing(void **state) {
  (void)state;
  expect_written(WPM_GOB_STRING, &WPM_TEXT("hello"), 1, GO_STRING);
  expect_written(WPM_GOB_STRINGS, (wpm_text[]){WPM_TEXT("a"), WPM_TEXT("bcd")}, 2, GO_STRINGS);
  expect_written(WPM_GOB_STRINGS, NULL, 0, GO_NO_STRINGS);
  wpm_buffer out;
  wpm_test_bytes expected = wpm_test_hex(GO_LARGE_FLOAT);
  wpm_buffer_init(&out, WPM_GOB_MAX);
  assert_int_equal(wpm_gob_write_number(-3.25e100, &out), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), expected.len);
  assert_memory_equal(wpm_buffer_view(&out).data, expected.data, expected.len);
  wpm_buffer_fini(&out);
  free(expected.data);
}

static void test_round_trip(void **state) {
  (void)state;
  char longer[400];
  memset(longer, 'x', sizeof longer);
  const wpm_text items[] = {WPM_TEXT("/a"), WPM_TEXT(""), {longer, sizeof longer}};
  const wpm_gob_type types[] = {WPM_GOB_STRINGS, WPM_GOB_PROTOCOLS};
  for (size_t i = 0; i < 2; i++) {
    wpm_buffer out;
    wpm_gob_value value;
    strings found = {.count = 0};
    wpm_buffer_init(&out, WPM_GOB_MAX);
    assert_int_equal(wpm_gob_write_strings(types[i], items, 3, &out), WPM_OK);
    assert_int_equal(wpm_gob_read(wpm_buffer_view(&out), &value, keep, &found), WPM_OK);
    assert_int_equal(value.type, types[i]);
    assert_int_equal(found.count, 3);
    for (size_t j = 0; j < 3; j++) {
      assert_true(wpm_text_equal(found.items[j], items[j]));
    }
    wpm_buffer_fini(&out);
  }
  const double numbers[] = {0, -0.0, 1, -1.5, 1e-300, INFINITY};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    wpm_buffer out;
    wpm_gob_value value;
    wpm_buffer_init(&out, WPM_GOB_MAX);
    assert_int_equal(wpm_gob_write_number(numbers[i], &out), WPM_OK);
    assert_int_equal(wpm_gob_read(wpm_buffer_view(&out), &value, NULL, NULL), WPM_OK);
    assert_memory_equal(&value.number, &numbers[i], sizeof numbers[i]);
    wpm_buffer_fini(&out);
  }
}

static void test_limits(void **state) {
  (void)state;
  wpm_buffer out;
  wpm_text *many = calloc(WPM_GOB_ITEMS_MAX + 1, sizeof *many);
  char *large = calloc(1, WPM_GOB_MAX);
  assert_true(many && large);
  wpm_buffer_init(&out, WPM_GOB_MAX);
  assert_int_equal(wpm_gob_write_strings(WPM_GOB_STRINGS, many, WPM_GOB_ITEMS_MAX, &out), WPM_OK);
  wpm_buffer_clear(&out);
  assert_int_equal(wpm_gob_write_strings(WPM_GOB_STRINGS, many, WPM_GOB_ITEMS_MAX + 1, &out),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_gob_write_strings(WPM_GOB_STRING, &(wpm_text){large, WPM_GOB_MAX}, 1, &out),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_buffer_size(&out), 0);
  wpm_buffer_fini(&out);
  free(large);
  free(many);
}

static void test_no_memory(void **state) {
  (void)state;
  for (size_t n = 1;; n++) {
    wpm_buffer out;
    wpm_buffer_init(&out, WPM_GOB_MAX);
    wpm_alloc_fail_at(n);
    int err = wpm_gob_write_strings(WPM_GOB_PROTOCOLS, &WPM_TEXT("/a"), 1, &out);
    wpm_alloc_fail_off();
    assert_int_equal(err, wpm_alloc_failed() > 0 ? WPM_ERR_NO_MEMORY : WPM_OK);
    assert_true(err == WPM_OK || wpm_buffer_size(&out) == 0);
    wpm_buffer_fini(&out);
    if (err == WPM_OK) {
      return;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_go_wrote), cmocka_unit_test(test_other_types_are_told_apart),
      cmocka_unit_test(test_malformed),     cmocka_unit_test(test_writing),
      cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_limits),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
