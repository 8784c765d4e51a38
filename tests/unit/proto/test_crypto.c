/* crypto.h and key_codec.h: published vectors (RFCs, Wycheproof, libp2p/specs peer-ids), keys that
 * must be refused, and the promises that nothing random, and no memory, is asked for. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "proto/crypto.h"
#include "proto/key_codec.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

static wpm_crypto *crypto;

static void assert_hex(const uint8_t *data, size_t len, const char *hex) {
  wpm_test_bytes expected = wpm_test_hex(hex);
  assert_int_equal(expected.len, len);
  assert_memory_equal(expected.data, data, len);
  free(expected.data);
}

static void random_bytes(wpm_rng *rng, uint8_t *out, size_t len) {
  for (size_t i = 0; i < len; i++) {
    out[i] = (uint8_t)wpm_rng_next(rng);
  }
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static void test_sha256(void **state) {
  (void)state;
  uint8_t out[32];
  /* FIPS 180-4. */
  wpm_sha256(crypto, (wpm_bytes){0}, out);
  assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  wpm_sha256(crypto, WPM_BYTES("abc"), out);
  assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  wpm_sha256(crypto, WPM_BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out);
  assert_hex(out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  wpm_sha256_pair(crypto, WPM_BYTES("a"), WPM_BYTES("bc"), out);
  assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_hkdf(void **state) {
  (void)state;
  /* RFC 5869, A.3: no salt and no info; the first 42 bytes of the two outputs together. */
  const uint8_t salt[32] = {0};
  uint8_t out[64];
  uint8_t input[22];
  memset(input, 0x0b, sizeof input);
  wpm_noise_hkdf(crypto, salt, (wpm_bytes){input, sizeof input}, out, out + 32);
  assert_hex(
      out, 42,
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

/* ---- ChaCha20-Poly1305 ----------------------------------------------------------------------- */

static uint64_t little_endian(const uint8_t *bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) {
    value = value << 8 | bytes[i];
  }
  return value;
}

static void check_aead(const char *const *hex) {
  wpm_test_bytes key = wpm_test_hex(hex[0]);
  wpm_test_bytes nonce = wpm_test_hex(hex[1]);
  wpm_test_bytes ad = wpm_test_hex(hex[2]);
  wpm_test_bytes plain = wpm_test_hex(hex[3]);
  wpm_test_bytes sealed = wpm_test_hex(hex[4]);
  uint8_t *out = malloc(sealed.len);
  assert_non_null(out);
  uint64_t n = little_endian(nonce.data);
  assert_int_equal(wpm_aead_seal(crypto, key.data, n, wpm_test_view(ad), wpm_test_view(plain), out),
                   WPM_OK);
  assert_int_equal(sealed.len, plain.len + WPM_AEAD_TAG);
  assert_memory_equal(out, sealed.data, sealed.len);
  assert_int_equal(
      wpm_aead_open(crypto, key.data, n, wpm_test_view(ad), wpm_test_view(sealed), out), WPM_OK);
  assert_memory_equal(out, plain.data, plain.len);
  /* In place, both ways. */
  memcpy(out, plain.data, plain.len);
  assert_int_equal(
      wpm_aead_seal(crypto, key.data, n, wpm_test_view(ad), (wpm_bytes){out, plain.len}, out),
      WPM_OK);
  assert_memory_equal(out, sealed.data, sealed.len);
  assert_int_equal(
      wpm_aead_open(crypto, key.data, n, wpm_test_view(ad), (wpm_bytes){out, sealed.len}, out),
      WPM_OK);
  assert_memory_equal(out, plain.data, plain.len);
  free(out);
  free(key.data);
  free(nonce.data);
  free(ad.data);
  free(plain.data);
  free(sealed.data);
}

static void test_aead_vectors(void **state) {
  (void)state;
  /* RFC 8439, A.5. */
  check_aead((const char *[]){
      "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", "0102030405060708",
      "f33388860000000000004e91",
      "496e7465726e65742d4472616674732061726520647261667420646f63756d656e74732076616c696420666f722"
      "061206d6178696d756d206f6620736978206d6f6e74687320616e64206d617920626520757064617465642c2072"
      "65706c616365642c206f72206f62736f6c65746564206279206f7468657220646f63756d656e747320617420616"
      "e792074696d652e20497420697320696e617070726f70726961746520746f2075736520496e7465726e65742d44"
      "7261667473206173207265666572656e6365206d6174657269616c206f7220746f2063697465207468656d206f7"
      "468657220746861 6e206173202fe2809c776f726b20696e2070726f67726573732e2fe2809d",
      "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382"
      "d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982"
      "b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a"
      "59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b356"
      "4eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d"
      "91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22"
      "392336fea1851f38"});
  FILE *file = wpm_test_open(WPM_TEST_DATA("wycheproof/chacha20_poly1305.txt"));
  char *line = NULL;
  char *fields[7];
  size_t count = 0;
  while (wpm_test_fields(file, &line, fields, 7) == 7) {
    check_aead((const char *const *)fields + 2);
    count++;
  }
  assert_int_equal(count, 10);
  free(line);
  fclose(file);
}

/* Every bit of a small message, of its tag and of its context matters; what fails leaves nothing. */
static void test_aead_refuses(void **state) {
  (void)state;
  uint8_t key[32] = {1};
  uint8_t ad[5] = "about";
  uint8_t sealed[4 + WPM_AEAD_TAG];
  uint8_t out[4];
  static const uint8_t nothing[4];
  assert_int_equal(wpm_aead_seal(crypto, key, 7, (wpm_bytes){ad, 5}, WPM_BYTES("text"), sealed),
                   WPM_OK);
  for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
    sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    memset(out, 0xff, sizeof out);
    assert_int_equal(
        wpm_aead_open(crypto, key, 7, (wpm_bytes){ad, 5}, (wpm_bytes){sealed, sizeof sealed}, out),
        WPM_ERR_CRYPTO);
    assert_memory_equal(out, nothing, sizeof out);
    sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  wpm_bytes whole = {sealed, sizeof sealed};
  assert_int_equal(wpm_aead_open(crypto, key, 8, (wpm_bytes){ad, 5}, whole, out), WPM_ERR_CRYPTO);
  assert_int_equal(wpm_aead_open(crypto, key, 7, (wpm_bytes){ad, 4}, whole, out), WPM_ERR_CRYPTO);
  for (size_t len = 0; len < sizeof sealed; len++) {
    assert_int_equal(
        wpm_aead_open(crypto, key, 7, (wpm_bytes){ad, 5}, (wpm_bytes){sealed, len}, out),
        WPM_ERR_CRYPTO);
  }
  assert_int_equal(wpm_aead_open(crypto, key, 7, (wpm_bytes){ad, 5}, whole, out), WPM_OK);
  assert_memory_equal(out, "text", 4);
  assert_int_equal(ERR_peek_error(), 0); /* Failures leave nothing in OpenSSL's error queue. */
}

/* ---- X25519 ---------------------------------------------------------------------------------- */

static void test_x25519(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("wycheproof/x25519.txt"));
  char *line = NULL;
  char *fields[5];
  size_t shared_secrets = 0;
  size_t refused = 0;
  while (wpm_test_fields(file, &line, fields, 5) == 5) {
    wpm_test_bytes public_key = wpm_test_hex(fields[2]);
    wpm_test_bytes private_key = wpm_test_hex(fields[3]);
    wpm_test_bytes shared = wpm_test_hex(fields[4]);
    static const uint8_t zero[32];
    uint8_t out[32];
    int rc = wpm_x25519(private_key.data, public_key.data, out);
    if (memcmp(shared.data, zero, 32) == 0) {
      assert_int_equal(rc, WPM_ERR_CRYPTO);
      refused++;
    } else {
      assert_int_equal(rc, WPM_OK);
      assert_memory_equal(out, shared.data, 32);
      shared_secrets++;
    }
    free(public_key.data);
    free(private_key.data);
    free(shared.data);
  }
  assert_int_equal(shared_secrets, 487);
  assert_int_equal(refused, 31);
  free(line);
  fclose(file);
}

static void test_x25519_public(void **state) {
  (void)state;
  uint8_t base[32] = {9}; /* RFC 7748: the public key is the secret times the base point. */
  wpm_rng rng;
  wpm_rng_init(&rng, 25519);
  for (int i = 0; i < 20; i++) {
    uint8_t secret[32];
    uint8_t public_key[32];
    uint8_t product[32];
    random_bytes(&rng, secret, sizeof secret);
    wpm_x25519_public(secret, public_key);
    assert_int_equal(wpm_x25519(secret, base, product), WPM_OK);
    assert_memory_equal(public_key, product, 32);
  }
}

/* ---- signatures ------------------------------------------------------------------------------ */

/* A PublicKey protobuf around `data`; the caller frees it. */
static wpm_test_bytes public_key_of(wpm_key_type type, wpm_bytes data) {
  wpm_test_bytes out = {malloc(data.len + WPM_KEY_HEADER_MAX), 0};
  assert_non_null(out.data);
  wpm_key_message message = {type, data};
  assert_int_equal(
      wpm_key_message_write(&message, out.data, data.len + WPM_KEY_HEADER_MAX, &out.len), WPM_OK);
  return out;
}

/* Wycheproof's keys are all good keys; a signature is good, or does not verify. */
static void check_signatures(const char *path, wpm_key_type type, size_t valid, size_t invalid) {
  FILE *file = wpm_test_open(path);
  char *line = NULL;
  char *fields[4];
  size_t seen[2] = {0};
  wpm_test_bytes key = {0};
  for (size_t count = 0; (count = wpm_test_fields(file, &line, fields, 4)) > 0;) {
    if (count == 2) {
      wpm_test_bytes data = wpm_test_hex(fields[1]);
      free(key.data);
      key = public_key_of(type, wpm_test_view(data));
      free(data.data);
      continue;
    }
    wpm_test_bytes message = wpm_test_hex(fields[2]);
    wpm_test_bytes signature = wpm_test_hex(fields[3]);
    bool good = strcmp(fields[0], "valid") == 0;
    int rc = wpm_public_key_verify(crypto, wpm_test_view(key), wpm_test_view(message),
                                   wpm_test_view(signature));
    int refused = signature.len > WPM_SIGNATURE_MAX ? WPM_ERR_TOO_LARGE : WPM_ERR_CRYPTO;
    if (rc != (good ? WPM_OK : refused)) {
      fail_msg("%s: vector %s, %s: %s", path, fields[1], fields[0], wpm_strerror(rc));
    }
    seen[good]++;
    free(message.data);
    free(signature.data);
  }
  assert_int_equal(seen[1], valid);
  assert_int_equal(seen[0], invalid);
  assert_int_equal(ERR_peek_error(), 0);
  free(key.data);
  free(line);
  fclose(file);
}

static void test_verify_ed25519(void **state) {
  (void)state;
  check_signatures(WPM_TEST_DATA("wycheproof/ed25519.txt"), WPM_KEY_ED25519, 88, 63);
}

static void test_verify_secp256k1(void **state) {
  (void)state;
  check_signatures(WPM_TEST_DATA("wycheproof/ecdsa_secp256k1.txt"), WPM_KEY_SECP256K1, 168, 308);
}

static void test_verify_p256(void **state) {
  (void)state;
  check_signatures(WPM_TEST_DATA("wycheproof/ecdsa_p256.txt"), WPM_KEY_ECDSA, 174, 310);
}

static void test_verify_rsa(void **state) {
  (void)state;
  check_signatures(WPM_TEST_DATA("wycheproof/rsa_2048.txt"), WPM_KEY_RSA, 7, 249);
  check_signatures(WPM_TEST_DATA("wycheproof/rsa_8192.txt"), WPM_KEY_RSA, 7, 5);
}

static void test_verify_limits(void **state) {
  (void)state;
  wpm_identity identity;
  uint8_t secret[32] = {1};
  static uint8_t long_one[WPM_PUBLIC_KEY_MAX + 1];
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_ED25519, secret, &identity), WPM_OK);
  wpm_bytes key = {identity.public_key, identity.public_key_len};
  assert_int_equal(wpm_public_key_verify(crypto, key, WPM_BYTES("m"),
                                         (wpm_bytes){long_one, WPM_SIGNATURE_MAX + 1}),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_public_key_verify(crypto, (wpm_bytes){long_one, sizeof long_one},
                                         WPM_BYTES("m"), (wpm_bytes){long_one, 64}),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_public_key_verify(crypto, key, WPM_BYTES("m"), (wpm_bytes){0}),
                   WPM_ERR_CRYPTO);
  wpm_identity_fini(&identity);
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_SECP256K1, secret, &identity), WPM_OK);
  key = (wpm_bytes){identity.public_key, identity.public_key_len};
  assert_int_equal(wpm_public_key_verify(crypto, key, WPM_BYTES("m"), (wpm_bytes){0}),
                   WPM_ERR_CRYPTO);
  wpm_identity_fini(&identity);
}

/* What we sign verifies, and any changed bit makes it fail. */
static void check_own_signatures(wpm_key_type type, uint64_t seed) {
  wpm_rng rng;
  wpm_rng_init(&rng, seed);
  for (int i = 0; i < 4; i++) {
    uint8_t secret[32];
    uint8_t message[50];
    uint8_t signature[WPM_SIGNATURE_MAX];
    size_t len = 0;
    wpm_identity identity;
    random_bytes(&rng, secret, sizeof secret);
    random_bytes(&rng, message, sizeof message);
    wpm_bytes view = {message, sizeof message};
    assert_int_equal(wpm_identity_init(crypto, type, secret, &identity), WPM_OK);
    wpm_bytes key = {identity.public_key, identity.public_key_len};
    assert_int_equal(wpm_identity_sign(crypto, &identity, view, signature, &len), WPM_OK);
    assert_int_equal(wpm_public_key_verify(crypto, key, view, (wpm_bytes){signature, len}), WPM_OK);
    for (int j = 0; j < 20; j++) {
      size_t bit = (size_t)wpm_rng_below(&rng, 8 * (len + sizeof message));
      uint8_t *byte = bit / 8 < len ? &signature[bit / 8] : &message[bit / 8 - len];
      *byte ^= (uint8_t)(1 << bit % 8);
      assert_int_equal(wpm_public_key_verify(crypto, key, view, (wpm_bytes){signature, len}),
                       WPM_ERR_CRYPTO);
      *byte ^= (uint8_t)(1 << bit % 8);
    }
    wpm_identity_fini(&identity);
  }
}

static void test_own_signatures(void **state) {
  (void)state;
  check_own_signatures(WPM_KEY_ED25519, 1);
  check_own_signatures(WPM_KEY_SECP256K1, 2);
}

/* The well-known RFC 6979 signature of key 1, "Satoshi Nakamoto"; and its twin with a high S. */
static void test_secp256k1_signature(void **state) {
  (void)state;
  uint8_t secret[32] = {0};
  uint8_t signature[WPM_SIGNATURE_MAX];
  size_t len = 0;
  wpm_identity identity;
  secret[31] = 1;
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_SECP256K1, secret, &identity), WPM_OK);
  assert_int_equal(
      wpm_identity_sign(crypto, &identity, WPM_BYTES("Satoshi Nakamoto"), signature, &len), WPM_OK);
  assert_hex(signature, len,
             "3045022100934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
             "02202442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
  wpm_test_bytes high =
      wpm_test_hex("3046022100934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
                   "022100dbbd3162d46e9f9bef7feb87c16dc13b4f6568a87f4e83f728e2443ba586675c");
  assert_int_equal(wpm_public_key_verify(crypto,
                                         (wpm_bytes){identity.public_key, identity.public_key_len},
                                         WPM_BYTES("Satoshi Nakamoto"), wpm_test_view(high)),
                   WPM_OK);
  free(high.data);
}

/* ---- identities ------------------------------------------------------------------------------ */

static void check_identity(wpm_bytes encoded_private, wpm_bytes encoded_public, const char *id) {
  wpm_identity identity;
  uint8_t again[80];
  char text[WPM_PEER_ID_TEXT];
  size_t len = 0;
  assert_int_equal(wpm_identity_decode(crypto, encoded_private, &identity), WPM_OK);
  assert_int_equal(identity.public_key_len, encoded_public.len);
  assert_memory_equal(identity.public_key, encoded_public.data, encoded_public.len);
  assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&identity.peer_id), text, sizeof text, NULL),
                   WPM_OK);
  assert_string_equal(text, id);
  assert_int_equal(wpm_identity_encode(&identity, again, sizeof again, &len), WPM_OK);
  assert_int_equal(len, encoded_private.len);
  assert_memory_equal(again, encoded_private.data, len);
  for (size_t cap = 0; cap < len; cap++) {
    assert_int_equal(wpm_identity_encode(&identity, again, cap, &len), WPM_ERR_NO_SPACE);
  }
  /* The same from the bare secret. */
  wpm_identity same;
  assert_int_equal(wpm_identity_init(crypto, identity.type, identity.secret, &same), WPM_OK);
  assert_memory_equal(same.secret, identity.secret, 64);
  assert_memory_equal(same.public_key, identity.public_key, identity.public_key_len);
  static const uint8_t wiped[64];
  wpm_identity_fini(&identity);
  assert_memory_equal(identity.secret, wiped, sizeof wiped);
}

static void test_spec_keys(void **state) {
  (void)state;
  static const struct {
    const char *name;
    wpm_key_type type;
    bool ours;
    const char *id;
  } expected[] = {
      {"ecdsa", WPM_KEY_ECDSA, false, "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"},
      {"ed25519", WPM_KEY_ED25519, true, "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"},
      {"secp256k1", WPM_KEY_SECP256K1, true,
       "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY"},
      {"rsa", WPM_KEY_RSA, false, "QmaeANgBs1DTSxWSrPPtobgQuxW8XTfsS4ydbK4rCHzqxG"},
  };
  FILE *file = wpm_test_open(WPM_TEST_DATA("peer_id_keys.txt"));
  char *line = NULL;
  char *fields[3];
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(wpm_test_fields(file, &line, fields, 3), 3);
    assert_string_equal(fields[0], expected[i].name);
    wpm_test_bytes private_key = wpm_test_hex(fields[1]);
    wpm_test_bytes public_key = wpm_test_hex(fields[2]);
    wpm_key_type type = WPM_KEY_RSA;
    wpm_peer_id id;
    char text[WPM_PEER_ID_TEXT];
    assert_int_equal(wpm_public_key_peer_id(crypto, wpm_test_view(public_key), &type, &id), WPM_OK);
    assert_int_equal(type, expected[i].type);
    assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&id), text, sizeof text, NULL), WPM_OK);
    assert_string_equal(text, expected[i].id);
    if (expected[i].ours) {
      check_identity(wpm_test_view(private_key), wpm_test_view(public_key), expected[i].id);
    } else {
      wpm_identity identity;
      assert_int_equal(wpm_identity_decode(crypto, wpm_test_view(private_key), &identity),
                       WPM_ERR_UNSUPPORTED);
    }
    free(private_key.data);
    free(public_key.data);
  }
  free(line);
  fclose(file);
}

static int decode_hex(const char *hex, wpm_identity *identity) {
  wpm_test_bytes encoded = wpm_test_hex(hex);
  int rc = wpm_identity_decode(crypto, wpm_test_view(encoded), identity);
  free(encoded.data);
  return rc;
}

#define ED25519_SEED "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
#define ED25519_PUBLIC "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define CURVE_ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static void test_private_key_forms(void **state) {
  (void)state;
  wpm_identity identity;
  static const struct {
    const char *hex;
    int rc;
  } cases[] = {
      {"08011240" ED25519_SEED ED25519_PUBLIC, WPM_OK},
      /* The form of old versions, with the public key twice. */
      {"08011260" ED25519_SEED ED25519_PUBLIC ED25519_PUBLIC, WPM_OK},
      {"08011260" ED25519_SEED ED25519_PUBLIC ED25519_SEED, WPM_ERR_INVALID},
      {"08011240" ED25519_SEED ED25519_SEED, WPM_ERR_INVALID},
      {"08011220" ED25519_SEED, WPM_ERR_INVALID},
      {"08021220" ED25519_SEED, WPM_OK},
      {"0802121f"
       "0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d",
       WPM_ERR_INVALID},
      {"08021220"
       "0000000000000000000000000000000000000000000000000000000000000000",
       WPM_ERR_INVALID},
      {"08021220" CURVE_ORDER, WPM_ERR_INVALID},
      {"08041220" ED25519_SEED, WPM_ERR_UNSUPPORTED},
      {"08001203"
       "300100",
       WPM_ERR_UNSUPPORTED},
      {"1220" ED25519_SEED, WPM_ERR_INVALID},
      {"0802", WPM_ERR_INVALID},
      {"0800", WPM_ERR_INVALID},
      {"08001001", WPM_ERR_INVALID}, /* The data as a varint. */
      {"08021221" ED25519_SEED, WPM_ERR_INVALID},
      {"-", WPM_ERR_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int rc = decode_hex(cases[i].hex, &identity);
    if (rc != cases[i].rc) {
      fail_msg("%s: %s", cases[i].hex, wpm_strerror(rc));
    }
  }
  static const uint8_t zero[32];
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_SECP256K1, zero, &identity), WPM_ERR_INVALID);
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_RSA, zero, &identity), WPM_ERR_UNSUPPORTED);
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_ECDSA, zero, &identity), WPM_ERR_UNSUPPORTED);
}

/* ---- public keys that must be refused -------------------------------------------------------- */

/* Both calls must say the same of a key. */
static int judge(wpm_bytes key) {
  wpm_peer_id id;
  uint8_t signature[64] = {0};
  int rc = wpm_public_key_peer_id(crypto, key, NULL, &id);
  int verified =
      wpm_public_key_verify(crypto, key, WPM_BYTES("m"), (wpm_bytes){signature, sizeof signature});
  assert_int_equal(verified, rc == WPM_OK ? WPM_ERR_CRYPTO : rc);
  return rc;
}

static int judge_hex(const char *hex) {
  wpm_test_bytes key = wpm_test_hex(hex);
  int rc = judge(wpm_test_view(key));
  free(key.data);
  return rc;
}

#define P256_INFO "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define P256_X "1bbbb12164286d944da9082a901762bcf7b1d5fef15a09bca0005281db72088f"
#define P256_Y "8b104f8544cdafc169f8a8410166e0401d4a19d21b3b90a1c52c320792e1aff7"
#define K1_X "7777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"

static void test_public_key_forms(void **state) {
  (void)state;
  static const struct {
    const char *hex;
    int rc;
  } cases[] = {
      {"08011220" ED25519_PUBLIC, WPM_OK},
      {"0801121f"
       "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce2",
       WPM_ERR_INVALID},
      {"08021221"
       "03" K1_X,
       WPM_OK},
      {"08021221"
       "04" K1_X,
       WPM_ERR_INVALID},
      {"08021221"
       "03"
       "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
       WPM_ERR_INVALID},
      {"0803125b" P256_INFO "04" P256_X P256_Y, WPM_OK},
      {"08021241"
       "04" K1_X K1_X,
       WPM_ERR_INVALID},
      {"08021241"
       "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
       "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
       WPM_ERR_INVALID}, /* The generator, uncompressed: a point, but not the form of libp2p. */
      /* Not DER: a length that is not the shortest; something behind the key. */
      {"0803125c"
       "308159301306072a8648ce3d020106082a8648ce3d030107034200"
       "04" P256_X P256_Y,
       WPM_ERR_INVALID},
      {"0803125d"
       "305b301306072a8648ce3d020106082a8648ce3d030107034200"
       "04" P256_X P256_Y "0500",
       WPM_ERR_INVALID},
      /* Not on the curve; compressed; another curve's name. */
      {"0803125b" P256_INFO "04" P256_Y P256_X, WPM_ERR_INVALID},
      {"0803123b"
       "3039301306072a8648ce3d020106082a8648ce3d030107032200"
       "03" P256_X,
       WPM_ERR_UNSUPPORTED},
      {"08031258"
       "3056301006072a8648ce3d020106052b8104000a034200"
       "04" P256_X P256_Y,
       WPM_ERR_UNSUPPORTED},
      {"0803125b"
       "3059301306072a8648ce3d020206082a8648ce3d030107034200"
       "04" P256_X P256_Y,
       WPM_ERR_INVALID},
      {"08031200", WPM_ERR_INVALID},
      /* Not canonical: order, an unknown field, a long varint, a field twice, a missing one. */
      {"1220" ED25519_PUBLIC "0801", WPM_ERR_INVALID},
      {"08011220" ED25519_PUBLIC "1800", WPM_ERR_INVALID},
      {"0881001220" ED25519_PUBLIC, WPM_ERR_INVALID},
      {"080112a000" ED25519_PUBLIC, WPM_ERR_INVALID},
      {"080208011220" ED25519_PUBLIC, WPM_ERR_INVALID},
      {"1220" ED25519_PUBLIC, WPM_ERR_INVALID},
      {"0801", WPM_ERR_INVALID},
      {"08011221" ED25519_PUBLIC, WPM_ERR_INVALID},
      {"08041220" ED25519_PUBLIC, WPM_ERR_UNSUPPORTED},
      {"08ffffffffffffffffff011220" ED25519_PUBLIC, WPM_ERR_INVALID},
      /* A varint or a fixed32 where bytes belong. */
      {"08011001", WPM_ERR_INVALID},
      {"0801150102030405", WPM_ERR_INVALID},
      {"-", WPM_ERR_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int rc = judge_hex(cases[i].hex);
    if (rc != cases[i].rc) {
      fail_msg("%s: %s", cases[i].hex, wpm_strerror(rc));
    }
  }
}

/* ---- RSA keys made byte by byte -------------------------------------------------------------- */

typedef struct der {
  uint8_t bytes[1400];
  size_t len;
} der;

/* Puts a header in front of what `d` holds. */
static void der_wrap(der *d, uint8_t tag) {
  uint8_t header[4] = {tag};
  size_t len = 2;
  if (d->len < 0x80) {
    header[1] = (uint8_t)d->len;
  } else if (d->len < 0x100) {
    header[1] = 0x81;
    header[2] = (uint8_t)d->len;
    len = 3;
  } else {
    header[1] = 0x82;
    header[2] = (uint8_t)(d->len >> 8);
    header[3] = (uint8_t)d->len;
    len = 4;
  }
  memmove(d->bytes + len, d->bytes, d->len);
  memcpy(d->bytes, header, len);
  d->len += len;
}

static void der_append(der *to, const der *from) {
  memcpy(to->bytes + to->len, from->bytes, from->len);
  to->len += from->len;
}

static der der_of(uint8_t tag, const void *data, size_t len) {
  der out = {.len = len};
  memcpy(out.bytes, data, len);
  der_wrap(&out, tag);
  return out;
}

/* A SubjectPublicKeyInfo with a modulus of `bits` bits whose lowest byte is `low`. */
static der rsa_info(size_t bits, uint8_t low, const uint8_t *exponent, size_t exponent_len) {
  uint8_t modulus[1100] = {0};
  size_t len = (bits + 7) / 8;
  memset(modulus + 1, 0x5a, len);
  modulus[1] = (uint8_t)(1 << (bits - 1) % 8);
  modulus[len] = low;
  bool sign = modulus[1] >= 0x80;
  der numbers = der_of(0x02, sign ? modulus : modulus + 1, sign ? len + 1 : len);
  der second = der_of(0x02, exponent, exponent_len);
  der_append(&numbers, &second);
  der_wrap(&numbers, 0x30);
  memmove(numbers.bytes + 1, numbers.bytes, numbers.len);
  numbers.bytes[0] = 0;
  numbers.len++;
  der_wrap(&numbers, 0x03);
  der out = der_of(0x30, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 13);
  der_append(&out, &numbers);
  der_wrap(&out, 0x30);
  return out;
}

static int judge_rsa(const der *info) {
  wpm_test_bytes key = public_key_of(WPM_KEY_RSA, (wpm_bytes){info->bytes, info->len});
  int rc = judge(wpm_test_view(key));
  free(key.data);
  return rc;
}

static void test_rsa_sizes(void **state) {
  (void)state;
  static const uint8_t f4[] = {1, 0, 1};
  static const uint8_t three[] = {3};
  static const uint8_t largest[] = {0x7f, 0xff, 0xff, 0xff};
  static const uint8_t too_large[] = {0x00, 0x80, 0x00, 0x00, 0x01};
  static const uint8_t even[] = {2};
  static const uint8_t one[] = {1};
  static const uint8_t zero[] = {0};
  static const uint8_t negative[] = {0x83};
  static const uint8_t padded[] = {0x00, 0x03};
  const struct {
    size_t bits;
    uint8_t low;
    const uint8_t *exponent;
    size_t exponent_len;
    int rc;
  } cases[] = {
      {2048, 0x5b, f4, 3, WPM_OK},
      {2049, 0x5b, f4, 3, WPM_OK},
      {8192, 0x5b, f4, 3, WPM_OK},
      {8185, 0x5b, f4, 3, WPM_OK},
      {2048, 0x5b, three, 1, WPM_OK},
      {2048, 0x5b, largest, 4, WPM_OK},
      {2047, 0x5b, f4, 3, WPM_ERR_INVALID},
      {1024, 0x5b, f4, 3, WPM_ERR_INVALID},
      {8, 0xff, f4, 3, WPM_ERR_INVALID},
      {8193, 0x5b, f4, 3, WPM_ERR_TOO_LARGE},
      {2048, 0x5a, f4, 3, WPM_ERR_INVALID},
      {2048, 0x5b, too_large, 5, WPM_ERR_INVALID},
      {2048, 0x5b, even, 1, WPM_ERR_INVALID},
      {2048, 0x5b, one, 1, WPM_ERR_INVALID},
      {2048, 0x5b, zero, 1, WPM_ERR_INVALID},
      {2048, 0x5b, negative, 1, WPM_ERR_INVALID},
      {2048, 0x5b, padded, 2, WPM_ERR_INVALID},
      {2048, 0x5b, padded, 0, WPM_ERR_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    der info = rsa_info(cases[i].bits, cases[i].low, cases[i].exponent, cases[i].exponent_len);
    int rc = judge_rsa(&info);
    if (rc != cases[i].rc) {
      fail_msg("case %zu: %s", i, wpm_strerror(rc));
    }
  }
}

/* Cut anywhere, or with any bit of its structure changed, it is no longer a key; changed numbers
 * may be. Run under sanitizers this also shows that nothing beyond the input is read. */
static void test_rsa_damage(void **state) {
  (void)state;
  static const uint8_t f4[] = {1, 0, 1};
  der info = rsa_info(2048, 0x5b, f4, sizeof f4);
  wpm_rsa_numbers numbers;
  for (size_t len = 0; len < info.len; len++) {
    uint8_t *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact, info.bytes, len);
    assert_int_equal(wpm_rsa_public_key_read((wpm_bytes){exact, len}, &numbers), WPM_ERR_INVALID);
    free(exact);
  }
  assert_int_equal(wpm_rsa_public_key_read((wpm_bytes){info.bytes, info.len + 1}, &numbers),
                   WPM_ERR_INVALID);
  for (size_t bit = 0; bit < 8 * 32; bit++) { /* All headers up to the modulus. */
    der damaged = info;
    damaged.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_not_equal(wpm_rsa_public_key_read((wpm_bytes){damaged.bytes, damaged.len}, &numbers),
                         WPM_OK);
  }
}

/* ---- promises -------------------------------------------------------------------------------- */

static int no_random(unsigned char *out, int len) {
  (void)out;
  (void)len;
  fail_msg("OpenSSL's random source was asked");
  return 0;
}

static int random_status(void) {
  return 1;
}

/* Verification, hashing and encryption ask for no randomness. */
static void test_no_random_source(void **state) {
  static RAND_METHOD method = {
      .bytes = no_random, .pseudorand = no_random, .status = random_status};
  const RAND_METHOD *before = RAND_get_rand_method();
  assert_int_equal(RAND_set_rand_method(&method), 1);
  test_verify_p256(state);
  test_verify_rsa(state);
  test_spec_keys(state);
  test_own_signatures(state);
  test_aead_vectors(state);
  test_hkdf(state);
  assert_int_equal(RAND_set_rand_method(before), 1);
}

/* The configuration that OPENSSL_CONF names (see main) allows FIPS algorithms only: had it been
 * read, SHA-256 could not be fetched, here or in wpm_crypto_init. */
static void test_no_configuration(void **state) {
  (void)state;
  EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
  assert_non_null(md);
  EVP_MD_free(md);
}

static void test_contexts_are_apart(void **state) {
  (void)state;
  uint8_t seed[32] = {2};
  uint8_t out[2][32];
  wpm_crypto *other = NULL;
  assert_int_equal(wpm_crypto_init(seed, &other), WPM_OK);
  assert_ptr_not_equal(other, crypto);
  wpm_sha256(other, WPM_BYTES("abc"), out[0]);
  wpm_crypto_free(other);
  wpm_sha256(crypto, WPM_BYTES("abc"), out[1]);
  assert_memory_equal(out[0], out[1], 32);
  wpm_crypto_free(NULL);
}

static void test_init_without_memory(void **state) {
  (void)state;
  uint8_t seed[32] = {3};
  wpm_crypto *other = NULL;
  wpm_alloc_fail_at(1);
  int rc = wpm_crypto_init(seed, &other);
  wpm_alloc_fail_off();
  assert_int_equal(rc, WPM_ERR_NO_MEMORY);
  assert_null(other);
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
  if (setenv("OPENSSL_CONF", WPM_TEST_DATA("openssl_fips_only.cnf"), 1) != 0) {
    return 1;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_configuration),
      cmocka_unit_test(test_sha256),
      cmocka_unit_test(test_hkdf),
      cmocka_unit_test(test_aead_vectors),
      cmocka_unit_test(test_aead_refuses),
      cmocka_unit_test(test_x25519),
      cmocka_unit_test(test_x25519_public),
      cmocka_unit_test(test_verify_ed25519),
      cmocka_unit_test(test_verify_secp256k1),
      cmocka_unit_test(test_verify_p256),
      cmocka_unit_test(test_verify_rsa),
      cmocka_unit_test(test_verify_limits),
      cmocka_unit_test(test_own_signatures),
      cmocka_unit_test(test_secp256k1_signature),
      cmocka_unit_test(test_spec_keys),
      cmocka_unit_test(test_private_key_forms),
      cmocka_unit_test(test_public_key_forms),
      cmocka_unit_test(test_rsa_sizes),
      cmocka_unit_test(test_rsa_damage),
      cmocka_unit_test(test_no_random_source),
      cmocka_unit_test(test_contexts_are_apart),
      cmocka_unit_test(test_init_without_memory),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
