#include "base/siphash.h"
#include "support/test.h"

#include <string.h>

/* SipHash-1-3 of the bytes 0, 1, … n-1 under the key 00 01 … 0f, n = 0 … 63: the vectors of Rust's
 * core library (library/coretests/tests/hash/sip.rs, test_siphash_1_3). */
static void vectors_of_rust(void **state) {
  (void)state;
  static const uint64_t expected[64] = {
      UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
      UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
      UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
      UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
      UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
      UINT64_C(0xd320d86d2a519956), UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c),
      UINT64_C(0x8ffc389cb473e63e), UINT64_C(0xf21f9de58d297d1c), UINT64_C(0xc0dc2f46a6cce040),
      UINT64_C(0xb992abfe2b45f844), UINT64_C(0x7ffe7b9ba320872e), UINT64_C(0x525a0e7fdae6c123),
      UINT64_C(0xf464aeb267349c8c), UINT64_C(0x45cd5928705b0979), UINT64_C(0x3a3e35e3ca9913a5),
      UINT64_C(0xa91dc74e4ade3b35), UINT64_C(0xfb0bed02ef6cd00d), UINT64_C(0x88d93cb44ab1e1f4),
      UINT64_C(0x540f11d643c5e663), UINT64_C(0x2370dd1f8c21d1bc), UINT64_C(0x81157b6c16a7b60d),
      UINT64_C(0x4d54b9e57a8ff9bf), UINT64_C(0x759f12781f2a753e), UINT64_C(0xcea1a3bebf186b91),
      UINT64_C(0x2cf508d3ada26206), UINT64_C(0xb6101c2da3c33057), UINT64_C(0xb3f47496ae3a36a1),
      UINT64_C(0x626b57547b108392), UINT64_C(0xc1d2363299e41531), UINT64_C(0x667cc1923f1ad944),
      UINT64_C(0x65704ffec8138825), UINT64_C(0x24f280d1c28949a6), UINT64_C(0xc2ca1cedfaf8876b),
      UINT64_C(0xc2164bfc9f042196), UINT64_C(0xa16e9c9368b1d623), UINT64_C(0x49fb169c8b5114fd),
      UINT64_C(0x9f3143f8df074c46), UINT64_C(0xc6fdaf2412cc86b3), UINT64_C(0x7eaf49d10a52098f),
      UINT64_C(0x1cf313559d292f9a), UINT64_C(0xc44a30dda2f41f12), UINT64_C(0x36fae98943a71ed0),
      UINT64_C(0x318fb34c73f0bce6), UINT64_C(0xa27abf3670a7e980), UINT64_C(0xb4bcc0db243c6d75),
      UINT64_C(0x23f8d852fdb71513), UINT64_C(0x8f035f4da67d8a08), UINT64_C(0xd89cd0e5b7e8f148),
      UINT64_C(0xf6f4e6bcf7a644ee), UINT64_C(0xaec59ad80f1837f2), UINT64_C(0xc3b2f6154b6694e0),
      UINT64_C(0x9d199062b7bbb3a8),
  };
  const wpm_siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
  uint8_t input[1 + 64];
  for (size_t n = 0; n < 64; n++) {
    for (size_t shift = 0; shift < 2; shift++) { /* Aligned or not, it is the same. */
      for (size_t i = 0; i < n; i++) {
        input[shift + i] = (uint8_t)i;
      }
      assert_int_equal(wpm_siphash13(&key, (wpm_bytes){input + shift, n}), expected[n]);
    }
  }
  assert_int_equal(wpm_siphash13(&key, (wpm_bytes){NULL, 0}), expected[0]);
}

/* What CPython 3.11 says with PYTHONHASHSEED=0: hash(b"…"), its key all zeros. */
static void vectors_of_python(void **state) {
  (void)state;
  const wpm_siphash_key key = {0, 0};
  const char *long_text = "0123456789012345678901234567890123456789";
  assert_int_equal(wpm_siphash13(&key, (wpm_bytes){(const uint8_t *)"wakupeers", 9}),
                   UINT64_C(0xa12c5e1bce64cf16));
  assert_int_equal(wpm_siphash13(&key, (wpm_bytes){(const uint8_t *)long_text, strlen(long_text)}),
                   UINT64_C(0xd4248f9a9ace8e0c));
}

/* Its length enters modulo 256: computed by an independent implementation. */
static void more_than_255_bytes(void **state) {
  (void)state;
  const wpm_siphash_key key = {0, UINT64_MAX};
  uint8_t input[300];
  for (size_t i = 0; i < sizeof(input); i++) {
    input[i] = (uint8_t)(i % 251);
  }
  assert_int_equal(wpm_siphash13(&key, (wpm_bytes){input, sizeof(input)}),
                   UINT64_C(0xcafc90f9968d8f2f));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vectors_of_rust),
      cmocka_unit_test(vectors_of_python),
      cmocka_unit_test(more_than_255_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
