/* OpenSSL's own allocations: what comes on each message needs none, and where one fails the call says
 * so and loses nothing. A program of its own, because OpenSSL takes an allocator only before it has
 * allocated anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "proto/crypto.h"
#include "proto/key_codec.h"
#include "support/vectors.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static size_t allocations;   /* Since the last arm(). */
static size_t first_to_fail; /* 0: none. */
static size_t failed;

static bool fails(void) {
  allocations++;
  bool now = first_to_fail > 0 && allocations >= first_to_fail;
  failed += now;
  return now;
}

static void *count_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return fails() ? NULL : malloc(size);
}

static void *count_realloc(void *old, size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return fails() ? NULL : realloc(old, size);
}

static void count_free(void *memory, const char *file, int line) {
  (void)file;
  (void)line;
  free(memory);
}

static void arm(size_t n) {
  allocations = 0;
  failed = 0;
  first_to_fail = n;
}

static wpm_crypto *crypto;

static void test_messages_need_no_memory(void **state) {
  (void)state;
  uint8_t key[32] = {1};
  uint8_t out[32];
  uint8_t other[32];
  uint8_t text[100 + WPM_AEAD_TAG] = {0};
  arm(0);
  for (uint64_t nonce = 0; nonce < 100; nonce++) {
    wpm_sha256(crypto, (wpm_bytes){text, sizeof text}, out);
    wpm_sha256_pair(crypto, (wpm_bytes){text, 10}, (wpm_bytes){text, 20}, out);
    wpm_noise_hkdf(crypto, key, (wpm_bytes){out, 32}, key, other);
    assert_int_equal(
        wpm_aead_seal(crypto, key, nonce, (wpm_bytes){out, 32}, (wpm_bytes){text, 100}, text),
        WPM_OK);
    assert_int_equal(wpm_aead_open(crypto, key, nonce, (wpm_bytes){out, 32},
                                   (wpm_bytes){text, sizeof text}, text),
                     WPM_OK);
    text[0] ^= 1;
    assert_int_equal(
        wpm_aead_open(crypto, key, nonce, (wpm_bytes){0}, (wpm_bytes){text, sizeof text}, text),
        WPM_ERR_CRYPTO);
  }
  assert_int_equal(allocations, 0);
}

/* Verifies a good signature with the n-th and all later allocations failing, for each n. */
static void verify_without_memory(const char *path, wpm_key_type type) {
  FILE *file = wpm_test_open(path);
  char *line = NULL;
  char *fields[4];
  assert_int_equal(wpm_test_fields(file, &line, fields, 4), 2);
  wpm_test_bytes data = wpm_test_hex(fields[1]);
  uint8_t key[WPM_PUBLIC_KEY_MAX];
  size_t key_len = 0;
  wpm_key_message message = {type, wpm_test_view(data)};
  assert_int_equal(wpm_key_message_write(&message, key, sizeof key, &key_len), WPM_OK);
  do {
    assert_int_equal(wpm_test_fields(file, &line, fields, 4), 4);
  } while (strcmp(fields[0], "valid") != 0);
  wpm_test_bytes text = wpm_test_hex(fields[2]);
  wpm_test_bytes signature = wpm_test_hex(fields[3]);
  size_t refused = 0;
  for (size_t n = 1;; n++) {
    arm(n);
    int rc = wpm_public_key_verify(crypto, (wpm_bytes){key, key_len}, wpm_test_view(text),
                                   wpm_test_view(signature));
    bool done = failed == 0;
    arm(0);
    if (done) {
      assert_int_equal(rc, WPM_OK);
      break;
    }
    /* Deep inside a verification OpenSSL does not say what failed. It never blames the key. */
    assert_true(rc == WPM_OK || rc == WPM_ERR_NO_MEMORY || rc == WPM_ERR_CRYPTO);
    refused += rc == WPM_ERR_NO_MEMORY;
  }
  assert_true(refused > 50);
  free(data.data);
  free(text.data);
  free(signature.data);
  free(line);
  fclose(file);
}

static void test_verify_without_memory(void **state) {
  (void)state;
  verify_without_memory(WPM_TEST_DATA("wycheproof/ecdsa_p256.txt"), WPM_KEY_ECDSA);
  verify_without_memory(WPM_TEST_DATA("wycheproof/rsa_2048.txt"), WPM_KEY_RSA);
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
  if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1) {
    return 1;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_messages_need_no_memory),
      cmocka_unit_test(test_verify_without_memory),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
