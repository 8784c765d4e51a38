/* keccak.h: digests that go-ethereum 1.16.3 gives (crypto.Keccak256), lengths around the rate of 136
 * bytes above all. */
#include "support/test.h"

#include "base/bytes.h"
#include "proto/keccak.h"
#include "support/vectors.h"

static void check(wpm_bytes in, const char *expected) {
  wpm_test_bytes digest = wpm_test_hex(expected);
  uint8_t out[32];
  wpm_keccak256(in, out);
  assert_int_equal(digest.len, sizeof out);
  assert_memory_equal(out, digest.data, sizeof out);
  free(digest.data);
}

static void test_text(void **state) {
  (void)state;
  check(WPM_BYTES("abc"), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  check((wpm_bytes){0}, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
}

/* The i-th byte is 7 i. */
static void test_lengths(void **state) {
  (void)state;
  static const struct {
    size_t len;
    const char *digest;
  } vectors[] = {
      {1, "bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a"},
      {31, "65960cfce3a84820e730d982bdae9e293a440cf554595d2e66b2c14c08971ffe"},
      {135, "154f5dc27520a599653a2b10189cf53f5ce03b7c594d11fd98f67012ea304b6c"},
      {136, "81e7ecb492d033f1692e770a6eb874e70aac45ec10da93483fc8d3537805c097"},
      {137, "a595973359b39ba1fec5cf8f40710c5a213e76281dd4f174f1ea83106ee7759b"},
      {271, "f0f79e1b757cfc6a5cb0263d2636afe57489bb73ab924b875b896868a9fb3cf4"},
      {272, "99d5a295c114ab3f94028d25825ea798399dacfc613f0193fb32c3c4973f1777"},
      {273, "27005ba9916961e2ddd78d739ee52ff4b2a2e90b40fa4730516d8f1ee4bf25cb"},
      {300, "e8d0c605aa90a1fe3feb493ad761f5313ddd79b377b06ed215e8c883341c33ae"},
  };
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
    /* Memory that ends where the input does. */
    uint8_t *in = malloc(vectors[i].len);
    assert_non_null(in);
    for (size_t at = 0; at < vectors[i].len; at++) {
      in[at] = (uint8_t)(at * 7);
    }
    check((wpm_bytes){in, vectors[i].len}, vectors[i].digest);
    free(in);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
