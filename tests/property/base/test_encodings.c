/* Whatever is encoded is decoded to the same; whatever is decoded was in the one form that encodes
 * it. base58 is checked against long division, digit by digit. */
#include "base/bytes.h"
#include "base/multibase.h"
#include "base/rng.h"
#include "base/varint.h"
#include "support/seed.h"
#include "support/test.h"

typedef int (*encode_fn)(wpm_bytes in, char *out, size_t cap, size_t *len);
typedef int (*decode_fn)(wpm_text in, uint8_t *out, size_t cap, size_t *len);

static const struct {
  encode_fn encode;
  decode_fn decode;
} encodings[] = {
    {wpm_base58_encode, wpm_base58_decode},
    {wpm_base32_encode, wpm_base32_decode},
    {wpm_base64url_encode, wpm_base64url_decode},
    {wpm_base64i2p_encode, wpm_base64i2p_decode},
};

#define ENCODINGS (sizeof(encodings) / sizeof(encodings[0]))

static size_t random_bytes(wpm_rng *rng, uint8_t *out, size_t most) {
  size_t len = wpm_rng_below(rng, wpm_rng_below(rng, 4) ? 45 : most + 1);
  size_t zeros = wpm_rng_below(rng, 3) ? 0 : wpm_rng_below(rng, len + 1);
  for (size_t i = 0; i < len; i++) {
    out[i] = i < zeros ? 0 : (uint8_t)wpm_rng_next(rng);
  }
  return len;
}

static void bytes_survive(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t round = 0; round < 2000; round++) {
    uint8_t in[WPM_BASE58_MAX];
    uint8_t out[WPM_BASE58_MAX];
    char text[2 * WPM_BASE58_MAX];
    size_t len = random_bytes(&rng, in, sizeof(in));
    size_t text_len;
    size_t out_len;
    size_t which = round % ENCODINGS;
    assert_int_equal(encodings[which].encode((wpm_bytes){in, len}, text, sizeof(text), &text_len),
                     WPM_OK);
    assert_int_equal(strlen(text), text_len);
    assert_int_equal(
        encodings[which].decode((wpm_text){text, text_len}, out, sizeof(out), &out_len), WPM_OK);
    assert_true(wpm_bytes_equal((wpm_bytes){in, len}, (wpm_bytes){out, out_len}));
  }
}

static void text_that_decodes_is_canonical(void **state) {
  (void)state;
  static const char letters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~=+";
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  size_t decoded = 0;
  for (size_t round = 0; round < 20000; round++) {
    char text[24];
    char again[48];
    uint8_t out[24];
    size_t len = wpm_rng_below(&rng, 9);
    size_t out_len;
    size_t which = round % ENCODINGS;
    for (size_t i = 0; i < len; i++) {
      text[i] = letters[wpm_rng_below(&rng, sizeof(letters) - 1)];
      if (encodings[which].decode == wpm_base32_decode && text[i] >= 'A' && text[i] <= 'Z') {
        text[i] = (char)(text[i] - 'A' + 'a'); /* It takes both cases and writes one. */
      }
    }
    if (encodings[which].decode((wpm_text){text, len}, out, sizeof(out), &out_len) == WPM_OK) {
      decoded++;
      assert_int_equal(
          encodings[which].encode((wpm_bytes){out, out_len}, again, sizeof(again), &out_len),
          WPM_OK);
      assert_true(wpm_text_equal((wpm_text){text, len}, (wpm_text){again, out_len}));
    }
  }
  assert_true(decoded > 500);
}

/* base58 as one learns it: divide the whole number by 58, again and again. */
static size_t long_division(wpm_bytes in, char *out) {
  static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  uint8_t number[64];
  memcpy(number, in.data, in.len);
  size_t zeros = 0;
  while (zeros < in.len && number[zeros] == 0) {
    zeros++;
  }
  size_t len = 0;
  for (size_t first = zeros; first < in.len;) {
    unsigned rest = 0;
    for (size_t i = first; i < in.len; i++) {
      rest = rest << 8 | number[i];
      number[i] = (uint8_t)(rest / 58);
      rest %= 58;
    }
    out[len++] = alphabet[rest];
    while (first < in.len && number[first] == 0) {
      first++;
    }
  }
  for (size_t i = 0; i < zeros; i++) {
    out[len++] = '1';
  }
  for (size_t i = 0; i < len / 2; i++) {
    char swapped = out[i];
    out[i] = out[len - 1 - i];
    out[len - 1 - i] = swapped;
  }
  out[len] = '\0';
  return len;
}

static void base58_is_long_division(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t round = 0; round < 2000; round++) {
    uint8_t in[64];
    char text[128];
    char expected[128];
    size_t len = random_bytes(&rng, in, sizeof(in));
    size_t text_len;
    assert_int_equal(wpm_base58_encode((wpm_bytes){in, len}, text, sizeof(text), &text_len),
                     WPM_OK);
    assert_int_equal(text_len, long_division((wpm_bytes){in, len}, expected));
    assert_string_equal(text, expected);
  }
}

static void varints_have_one_form(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  size_t read = 0;
  for (size_t round = 0; round < 20000; round++) {
    uint8_t bytes[WPM_VARINT_MAX + 1];
    uint8_t again[WPM_VARINT_MAX];
    uint64_t value;
    size_t used;
    for (size_t i = 0; i < sizeof(bytes); i++) {
      bytes[i] = (uint8_t)wpm_rng_next(&rng);
      if (wpm_rng_below(&rng, 3) == 0) {
        bytes[i] &= 0x80;
      }
    }
    size_t len = wpm_rng_below(&rng, sizeof(bytes) + 1);
    int err = wpm_varint_read((wpm_bytes){bytes, len}, &value, &used);
    if (!err) {
      read++;
      assert_true(used <= len);
      assert_int_equal(wpm_varint_write(value, again), used);
      assert_memory_equal(bytes, again, used);
    } else if (err == WPM_ERR_TRUNCATED) {
      for (size_t i = 0; i < len; i++) {
        assert_true(bytes[i] & 0x80);
      }
    } else {
      assert_int_equal(err, WPM_ERR_INVALID);
    }
  }
  assert_true(read > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_survive),
      cmocka_unit_test(text_that_decodes_is_canonical),
      cmocka_unit_test(base58_is_long_division),
      cmocka_unit_test(varints_have_one_form),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
