/* crypto.h, secp256k1 over a given digest: the well-known RFC 6979 signature of key 1, "Satoshi
 * Nakamoto"; what must not verify; the point of key 1, which is the curve's generator (SEC 2). */
#include "support/test.h"

#include "base/bytes.h"
#include "proto/crypto.h"
#include "proto/key_codec.h"
#include "support/vectors.h"

static wpm_crypto *crypto;

#define X "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
#define Y "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
#define R "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
#define LOW_S "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
#define HIGH_S "dbbd3162d46e9f9bef7feb87c16dc13b4f6568a87f4e83f728e2443ba586675c"

/* Key 1 and the digest. */
typedef struct fixture {
  wpm_identity identity;
  uint8_t key[WPM_SECP256K1_PUBLIC];
  uint8_t digest[32];
} fixture;

static fixture key_one(void) {
  fixture out;
  wpm_key_message message;
  static const uint8_t one[32] = {[31] = 1};
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_SECP256K1, one, &out.identity), WPM_OK);
  assert_int_equal(wpm_public_key_message_read(
                       (wpm_bytes){out.identity.public_key, out.identity.public_key_len}, &message),
                   WPM_OK);
  assert_int_equal(message.data.len, sizeof out.key);
  memcpy(out.key, message.data.data, sizeof out.key);
  wpm_sha256(crypto, WPM_BYTES("Satoshi Nakamoto"), out.digest);
  return out;
}

static int verify_hex(const fixture *with, const char *signature) {
  wpm_test_bytes bytes = wpm_test_hex(signature);
  assert_int_equal(bytes.len, WPM_SECP256K1_SIGNATURE);
  int rc = wpm_secp256k1_verify_digest(crypto, with->key, with->digest, bytes.data);
  free(bytes.data);
  return rc;
}

static void test_sign(void **state) {
  (void)state;
  fixture one = key_one();
  uint8_t signature[WPM_SECP256K1_SIGNATURE];
  assert_int_equal(wpm_identity_sign_digest(crypto, &one.identity, one.digest, signature), WPM_OK);
  wpm_test_bytes expected = wpm_test_hex(R LOW_S);
  assert_memory_equal(signature, expected.data, sizeof signature);
  free(expected.data);
  assert_int_equal(wpm_secp256k1_verify_digest(crypto, one.key, one.digest, signature), WPM_OK);
}

static void test_sign_needs_secp256k1(void **state) {
  (void)state;
  static const uint8_t seed[32] = {7};
  static const uint8_t digest[32] = {8};
  uint8_t signature[WPM_SECP256K1_SIGNATURE];
  wpm_identity identity;
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_ED25519, seed, &identity), WPM_OK);
  assert_int_equal(wpm_identity_sign_digest(crypto, &identity, digest, signature),
                   WPM_ERR_UNSUPPORTED);
}

static void test_verify(void **state) {
  (void)state;
  fixture one = key_one();
  assert_int_equal(verify_hex(&one, R LOW_S), WPM_OK);
  assert_int_equal(verify_hex(&one, R HIGH_S), WPM_ERR_CRYPTO);
  assert_int_equal(verify_hex(&one, LOW_S R), WPM_ERR_CRYPTO);
  /* Both numbers zero, both above the group's order. */
  const uint8_t zero[WPM_SECP256K1_SIGNATURE] = {0};
  uint8_t above[WPM_SECP256K1_SIGNATURE];
  memset(above, 0xff, sizeof above);
  assert_int_equal(wpm_secp256k1_verify_digest(crypto, one.key, one.digest, zero), WPM_ERR_CRYPTO);
  assert_int_equal(wpm_secp256k1_verify_digest(crypto, one.key, one.digest, above), WPM_ERR_CRYPTO);
  one.digest[31] ^= 1;
  assert_int_equal(verify_hex(&one, R LOW_S), WPM_ERR_CRYPTO);
  one.digest[31] ^= 1;
  one.key[0] ^= 1; /* The point's mirror image is another key. */
  assert_int_equal(verify_hex(&one, R LOW_S), WPM_ERR_CRYPTO);
  one.key[0] = 4;
  assert_int_equal(verify_hex(&one, R LOW_S), WPM_ERR_INVALID);
}

static void test_point(void **state) {
  (void)state;
  fixture one = key_one();
  uint8_t point[64];
  wpm_test_bytes generator = wpm_test_hex(X Y);
  assert_int_equal(wpm_secp256k1_point(crypto, one.key, point), WPM_OK);
  assert_memory_equal(point, generator.data, sizeof point);
  free(generator.data);
  /* No point has x = 0. */
  memset(one.key + 1, 0, sizeof one.key - 1);
  assert_int_equal(wpm_secp256k1_point(crypto, one.key, point), WPM_ERR_INVALID);
}

static int start(void **state) {
  (void)state;
  static const uint8_t seed[32] = {1};
  return wpm_crypto_init(seed, &crypto);
}

static int stop(void **state) {
  (void)state;
  wpm_crypto_free(crypto);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sign),
      cmocka_unit_test(test_sign_needs_secp256k1),
      cmocka_unit_test(test_verify),
      cmocka_unit_test(test_point),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
