/* SHA256_Init and its companions are deprecated since OpenSSL 3.0, but not replaced: see below. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "proto/crypto_state.h"

#include "base/bytes.h"
#include "base/peer_id.h"
#include "proto/key_codec.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>

/* ---- SHA-256, HMAC, HKDF --------------------------------------------------------------------- */

/* For calls that fail only by wrong use. A wrong result must never go on. */
static void must(int result) {
  if (result != 1) {
    abort();
  }
}

/* OpenSSL's direct SHA-256: the EVP digests allocate memory for each hash, so they can fail, and
 * take longer. */
void wpm_sha256_pair(wpm_crypto *crypto, wpm_bytes a, wpm_bytes b, uint8_t out[32]) {
  (void)crypto;
  SHA256_CTX sha;
  must(SHA256_Init(&sha));
  must(SHA256_Update(&sha, a.data, a.len));
  must(SHA256_Update(&sha, b.data, b.len));
  must(SHA256_Final(out, &sha));
}

void wpm_sha256(wpm_crypto *crypto, wpm_bytes in, uint8_t out[32]) {
  wpm_sha256_pair(crypto, in, (wpm_bytes){0}, out);
}

/* HMAC-SHA256 (RFC 2104) with a 32-byte key, over `a` followed by `b`. `out` may be any of them. */
static void hmac(const uint8_t key[32], wpm_bytes a, wpm_bytes b, uint8_t out[32]) {
  uint8_t pad[64];
  uint8_t inner[32];
  SHA256_CTX sha;
  for (size_t i = 0; i < sizeof pad; i++) {
    pad[i] = i < 32 ? key[i] ^ 0x36 : 0x36;
  }
  must(SHA256_Init(&sha));
  must(SHA256_Update(&sha, pad, sizeof pad));
  must(SHA256_Update(&sha, a.data, a.len));
  must(SHA256_Update(&sha, b.data, b.len));
  must(SHA256_Final(inner, &sha));
  for (size_t i = 0; i < sizeof pad; i++) {
    pad[i] ^= 0x36 ^ 0x5c;
  }
  must(SHA256_Init(&sha));
  must(SHA256_Update(&sha, pad, sizeof pad));
  must(SHA256_Update(&sha, inner, sizeof inner));
  must(SHA256_Final(out, &sha));
  wpm_wipe(&sha, sizeof sha);
  wpm_wipe(pad, sizeof pad);
  wpm_wipe(inner, sizeof inner);
}

void wpm_noise_hkdf(wpm_crypto *crypto, const uint8_t chaining_key[32], wpm_bytes input,
                    uint8_t out1[32], uint8_t out2[32]) {
  (void)crypto;
  static const uint8_t one = 1;
  static const uint8_t two = 2;
  uint8_t key[32];
  hmac(chaining_key, input, (wpm_bytes){0}, key);
  hmac(key, (wpm_bytes){&one, 1}, (wpm_bytes){0}, out1);
  hmac(key, (wpm_bytes){out1, 32}, (wpm_bytes){&two, 1}, out2);
  wpm_wipe(key, sizeof key);
}

/* ---- ChaCha20-Poly1305 ----------------------------------------------------------------------- */

static void noise_nonce(uint64_t nonce, uint8_t out[12]) {
  memset(out, 0, 4);
  for (size_t i = 0; i < 8; i++) {
    out[4 + i] = (uint8_t)(nonce >> (8 * i));
  }
}

int wpm_aead_seal(wpm_crypto *crypto, const uint8_t key[32], uint64_t nonce, wpm_bytes ad,
                  wpm_bytes plain, uint8_t *out) {
  uint8_t iv[12];
  int len = 0;
  noise_nonce(nonce, iv);
  if (plain.len > INT_MAX || ad.len > INT_MAX ||
      EVP_EncryptInit_ex2(crypto->seal, NULL, key, iv, NULL) != 1 ||
      (ad.len > 0 && EVP_EncryptUpdate(crypto->seal, NULL, &len, ad.data, (int)ad.len) != 1) ||
      (plain.len > 0 &&
       EVP_EncryptUpdate(crypto->seal, out, &len, plain.data, (int)plain.len) != 1) ||
      EVP_EncryptFinal_ex(crypto->seal, out + plain.len, &len) != 1 ||
      EVP_CIPHER_CTX_ctrl(crypto->seal, EVP_CTRL_AEAD_GET_TAG, WPM_AEAD_TAG, out + plain.len) !=
          1) {
    return WPM_ERR_CRYPTO;
  }
  return WPM_OK;
}

int wpm_aead_open(wpm_crypto *crypto, const uint8_t key[32], uint64_t nonce, wpm_bytes ad,
                  wpm_bytes sealed, uint8_t *out) {
  if (sealed.len < WPM_AEAD_TAG || sealed.len > INT_MAX || ad.len > INT_MAX) {
    return WPM_ERR_CRYPTO;
  }
  uint8_t iv[12];
  uint8_t tag[WPM_AEAD_TAG];
  uint8_t nothing[WPM_AEAD_TAG];
  size_t plain_len = sealed.len - WPM_AEAD_TAG;
  int len = 0;
  noise_nonce(nonce, iv);
  memcpy(tag, sealed.data + plain_len, sizeof tag);
  bool opened =
      EVP_DecryptInit_ex2(crypto->open, NULL, key, iv, NULL) == 1 &&
      EVP_CIPHER_CTX_ctrl(crypto->open, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
      (ad.len == 0 || EVP_DecryptUpdate(crypto->open, NULL, &len, ad.data, (int)ad.len) == 1) &&
      (plain_len == 0 ||
       EVP_DecryptUpdate(crypto->open, out, &len, sealed.data, (int)plain_len) == 1) &&
      EVP_DecryptFinal_ex(crypto->open, nothing, &len) == 1;
  if (!opened) {
    wpm_wipe(out, plain_len); /* Text that does not verify must not be read. */
    return WPM_ERR_CRYPTO;
  }
  return WPM_OK;
}

/* ---- X25519 ---------------------------------------------------------------------------------- */

void wpm_x25519_public(const uint8_t secret[32], uint8_t out[32]) {
  must(crypto_scalarmult_curve25519_base(out, secret) == 0);
}

int wpm_x25519(const uint8_t secret[32], const uint8_t their_public[32], uint8_t out[32]) {
  return crypto_scalarmult_curve25519(out, secret, their_public) == 0 ? WPM_OK : WPM_ERR_CRYPTO;
}

/* ---- our own keys ---------------------------------------------------------------------------- */

static int secp256k1_public(wpm_crypto *crypto, const uint8_t secret[32], uint8_t out[33]) {
  secp256k1_pubkey point;
  size_t len = 33;
  if (secp256k1_ec_pubkey_create(crypto->secp256k1, &point, secret) != 1) {
    return WPM_ERR_INVALID;
  }
  must(
      secp256k1_ec_pubkey_serialize(crypto->secp256k1, out, &len, &point, SECP256K1_EC_COMPRESSED));
  return WPM_OK;
}

/* Fills in the encoded public key and the peer id. */
static int set_public(wpm_identity *identity, wpm_bytes public_data) {
  wpm_key_message message = {identity->type, public_data};
  int rc = wpm_key_message_write(&message, identity->public_key, sizeof identity->public_key,
                                 &identity->public_key_len);
  if (rc != WPM_OK) {
    return rc;
  }
  return wpm_peer_id_wrap_key((wpm_bytes){identity->public_key, identity->public_key_len},
                              &identity->peer_id);
}

static int init_ed25519(const uint8_t seed[32], wpm_identity *identity) {
  uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
  must(crypto_sign_seed_keypair(public_key, identity->secret, seed) == 0);
  return set_public(identity, (wpm_bytes){public_key, sizeof public_key});
}

static int init_secp256k1(wpm_crypto *crypto, const uint8_t scalar[32], wpm_identity *identity) {
  uint8_t public_key[33];
  int rc = secp256k1_public(crypto, scalar, public_key);
  if (rc != WPM_OK) {
    return rc;
  }
  memcpy(identity->secret, scalar, 32);
  return set_public(identity, (wpm_bytes){public_key, sizeof public_key});
}

int wpm_identity_init(wpm_crypto *crypto, wpm_key_type type, const uint8_t secret[32],
                      wpm_identity *out) {
  wpm_identity identity = {.type = type};
  int rc = WPM_ERR_UNSUPPORTED;
  switch (type) {
  case WPM_KEY_ED25519:
    rc = init_ed25519(secret, &identity);
    break;
  case WPM_KEY_SECP256K1:
    rc = init_secp256k1(crypto, secret, &identity);
    break;
  case WPM_KEY_RSA:
  case WPM_KEY_ECDSA:
    break;
  }
  if (rc == WPM_OK) {
    *out = identity;
  }
  wpm_identity_fini(&identity);
  return rc;
}

/* libp2p writes an Ed25519 private key as seed and public key, 64 bytes; old versions add the public
 * key a second time. */
static int decode_ed25519(wpm_crypto *crypto, wpm_bytes data, wpm_identity *out) {
  if (data.len != 64 && data.len != 96) {
    return WPM_ERR_INVALID;
  }
  if (data.len == 96 && !wpm_secret_equal(data.data + 32, data.data + 64, 32)) {
    return WPM_ERR_INVALID;
  }
  wpm_identity identity;
  int rc = wpm_identity_init(crypto, WPM_KEY_ED25519, data.data, &identity);
  if (rc != WPM_OK) {
    return rc;
  }
  if (wpm_secret_equal(identity.secret, data.data, 64)) {
    *out = identity;
  } else {
    rc = WPM_ERR_INVALID;
  }
  wpm_identity_fini(&identity);
  return rc;
}

int wpm_identity_decode(wpm_crypto *crypto, wpm_bytes encoded, wpm_identity *out) {
  wpm_key_message message;
  int rc = wpm_key_message_read(encoded, &message);
  if (rc != WPM_OK) {
    return rc;
  }
  switch (message.type) {
  case WPM_KEY_ED25519:
    return decode_ed25519(crypto, message.data, out);
  case WPM_KEY_SECP256K1:
    return message.data.len == 32
               ? wpm_identity_init(crypto, WPM_KEY_SECP256K1, message.data.data, out)
               : WPM_ERR_INVALID;
  case WPM_KEY_RSA:
  case WPM_KEY_ECDSA:
    break;
  }
  return WPM_ERR_UNSUPPORTED;
}

int wpm_identity_encode(const wpm_identity *identity, uint8_t *out, size_t cap, size_t *len) {
  size_t secret_len = identity->type == WPM_KEY_ED25519 ? 64 : 32;
  wpm_key_message message = {identity->type, {identity->secret, secret_len}};
  return wpm_key_message_write(&message, out, cap, len);
}

void wpm_identity_fini(wpm_identity *identity) {
  wpm_wipe(identity->secret, sizeof identity->secret);
}

/* ---- signing --------------------------------------------------------------------------------- */

static int sign_secp256k1(wpm_crypto *crypto, const uint8_t scalar[32], wpm_bytes message,
                          uint8_t *out, size_t *len) {
  uint8_t digest[32];
  secp256k1_ecdsa_signature signature;
  wpm_sha256(crypto, message, digest);
  if (secp256k1_ecdsa_sign(crypto->secp256k1, &signature, digest, scalar, NULL, NULL) != 1) {
    return WPM_ERR_CRYPTO;
  }
  *len = WPM_SIGNATURE_MAX;
  must(secp256k1_ecdsa_signature_serialize_der(crypto->secp256k1, out, len, &signature));
  return WPM_OK;
}

int wpm_identity_sign(wpm_crypto *crypto, const wpm_identity *identity, wpm_bytes message,
                      uint8_t *out, size_t *len) {
  switch (identity->type) {
  case WPM_KEY_ED25519:
    *len = crypto_sign_BYTES;
    return crypto_sign_detached(out, NULL, message.data, message.len, identity->secret) == 0
               ? WPM_OK
               : WPM_ERR_CRYPTO;
  case WPM_KEY_SECP256K1:
    return sign_secp256k1(crypto, identity->secret, message, out, len);
  case WPM_KEY_RSA:
  case WPM_KEY_ECDSA:
    break;
  }
  return WPM_ERR_CRYPTO;
}

/* ---- verifying: Ed25519, secp256k1 ----------------------------------------------------------- */

static int verify_ed25519(wpm_bytes key, wpm_bytes message, wpm_bytes signature) {
  if (key.len != crypto_sign_PUBLICKEYBYTES) {
    return WPM_ERR_INVALID;
  }
  if (signature.len != crypto_sign_BYTES) {
    return WPM_ERR_CRYPTO;
  }
  return crypto_sign_verify_detached(signature.data, message.data, message.len, key.data) == 0
             ? WPM_OK
             : WPM_ERR_CRYPTO;
}

/* Only the compressed form: it is the one libp2p derives ids from. */
static int parse_secp256k1(wpm_crypto *crypto, wpm_bytes key, secp256k1_pubkey *point) {
  return key.len == 33 &&
                 secp256k1_ec_pubkey_parse(crypto->secp256k1, point, key.data, key.len) == 1
             ? WPM_OK
             : WPM_ERR_INVALID;
}

static int verify_secp256k1(wpm_crypto *crypto, wpm_bytes key, wpm_bytes message,
                            wpm_bytes signature) {
  secp256k1_pubkey point;
  secp256k1_ecdsa_signature parsed;
  uint8_t digest[32];
  int rc = parse_secp256k1(crypto, key, &point);
  if (rc != WPM_OK) {
    return rc;
  }
  if (signature.len == 0 || /* Its data may be NULL, which the library refuses to be given. */
      secp256k1_ecdsa_signature_parse_der(crypto->secp256k1, &parsed, signature.data,
                                          signature.len) != 1) {
    return WPM_ERR_CRYPTO;
  }
  /* The library refuses a high S, which older peers make. */
  secp256k1_ecdsa_signature_normalize(crypto->secp256k1, &parsed, &parsed);
  wpm_sha256(crypto, message, digest);
  return secp256k1_ecdsa_verify(crypto->secp256k1, &parsed, digest, &point) == 1 ? WPM_OK
                                                                                 : WPM_ERR_CRYPTO;
}

/* ---- verifying: RSA, P-256 by OpenSSL -------------------------------------------------------- */

/* What an OpenSSL call that failed since ERR_set_mark failed for. */
static bool openssl_blames(int library) {
  unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == library && ERR_GET_REASON(error) != ERR_R_MALLOC_FAILURE;
}

/* Makes a public key of `algorithm` ("RSA", "EC"). NULL: it failed. */
static EVP_PKEY *import_key(wpm_crypto *crypto, const char *algorithm, OSSL_PARAM *params) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *import = EVP_PKEY_CTX_new_from_name(crypto->library, algorithm, NULL);
  if (import && EVP_PKEY_fromdata_init(import) == 1 &&
      EVP_PKEY_fromdata(import, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    key = NULL;
  }
  EVP_PKEY_CTX_free(import);
  return key;
}

/* That the point is not on the curve is all that OpenSSL can hold against it here. */
static int import_p256(wpm_crypto *crypto, wpm_bytes der, EVP_PKEY **out) {
  wpm_bytes point;
  int rc = wpm_p256_public_key_read(der, &point);
  if (rc != WPM_OK) {
    return rc;
  }
  char group[] = "prime256v1";
  uint8_t copy[WPM_P256_POINT]; /* OSSL_PARAM takes no const. */
  memcpy(copy, point.data, sizeof copy);
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof copy),
      OSSL_PARAM_construct_end()};
  *out = import_key(crypto, "EC", params);
  if (*out) {
    return WPM_OK;
  }
  return openssl_blames(ERR_LIB_EC) ? WPM_ERR_INVALID : WPM_ERR_NO_MEMORY;
}

/* Numbers that passed wpm_rsa_public_key_read are a key: what fails then is memory. */
static int import_rsa(wpm_crypto *crypto, wpm_bytes der, EVP_PKEY **out) {
  wpm_rsa_numbers numbers;
  int rc = wpm_rsa_public_key_read(der, &numbers);
  if (rc != WPM_OK) {
    return rc;
  }
  BIGNUM *modulus = BN_bin2bn(numbers.modulus.data, (int)numbers.modulus.len, NULL);
  BIGNUM *exponent = BN_bin2bn(numbers.exponent.data, (int)numbers.exponent.len, NULL);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM *params = NULL;
  if (modulus && exponent && builder &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
    params = OSSL_PARAM_BLD_to_param(builder);
  }
  *out = params ? import_key(crypto, "RSA", params) : NULL;
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  BN_free(exponent);
  BN_free(modulus);
  return *out ? WPM_OK : WPM_ERR_NO_MEMORY;
}

static int import_openssl(wpm_crypto *crypto, const wpm_key_message *key, EVP_PKEY **out) {
  ERR_set_mark();
  int rc = key->type == WPM_KEY_RSA ? import_rsa(crypto, key->data, out)
                                    : import_p256(crypto, key->data, out);
  ERR_pop_to_mark();
  return rc;
}

/* RSA PKCS#1 v1.5 or ECDSA (DER), over the SHA-256 of `message`. */
static int verify_digest(wpm_crypto *crypto, const wpm_key_message *key, EVP_PKEY *pkey,
                         const uint8_t digest[32], wpm_bytes signature) {
  EVP_PKEY_CTX *verify = EVP_PKEY_CTX_new_from_pkey(crypto->library, pkey, NULL);
  bool ready =
      verify && EVP_PKEY_verify_init(verify) == 1 &&
      (key->type != WPM_KEY_RSA || EVP_PKEY_CTX_set_rsa_padding(verify, RSA_PKCS1_PADDING) == 1) &&
      EVP_PKEY_CTX_set_signature_md(verify, crypto->sha256) == 1;
  int rc = WPM_ERR_NO_MEMORY;
  if (ready) {
    bool good = EVP_PKEY_verify(verify, signature.data, signature.len, digest, 32) == 1;
    bool no_memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
    rc = good ? WPM_OK : no_memory ? WPM_ERR_NO_MEMORY : WPM_ERR_CRYPTO;
  }
  EVP_PKEY_CTX_free(verify);
  return rc;
}

static int verify_openssl(wpm_crypto *crypto, const wpm_key_message *key, wpm_bytes message,
                          wpm_bytes signature) {
  EVP_PKEY *pkey = NULL;
  int rc = import_openssl(crypto, key, &pkey);
  if (rc != WPM_OK) {
    return rc;
  }
  uint8_t digest[32];
  wpm_sha256(crypto, message, digest);
  ERR_set_mark();
  rc = verify_digest(crypto, key, pkey, digest, signature);
  ERR_pop_to_mark();
  EVP_PKEY_free(pkey);
  return rc;
}

/* ---- keys of any type ------------------------------------------------------------------------ */

int wpm_public_key_verify(wpm_crypto *crypto, wpm_bytes encoded_key, wpm_bytes message,
                          wpm_bytes signature) {
  wpm_key_message key;
  int rc = wpm_public_key_message_read(encoded_key, &key);
  if (rc != WPM_OK) {
    return rc;
  }
  if (signature.len > WPM_SIGNATURE_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  switch (key.type) {
  case WPM_KEY_ED25519:
    return verify_ed25519(key.data, message, signature);
  case WPM_KEY_SECP256K1:
    return verify_secp256k1(crypto, key.data, message, signature);
  case WPM_KEY_RSA:
  case WPM_KEY_ECDSA:
    return verify_openssl(crypto, &key, message, signature);
  }
  return WPM_ERR_UNSUPPORTED;
}

static int check_key(wpm_crypto *crypto, const wpm_key_message *key) {
  wpm_rsa_numbers numbers;
  secp256k1_pubkey point;
  EVP_PKEY *pkey = NULL;
  int rc = WPM_ERR_UNSUPPORTED;
  switch (key->type) {
  case WPM_KEY_ED25519: /* Whether it is a point shows when it verifies; the check costs as much. */
    return key->data.len == crypto_sign_PUBLICKEYBYTES ? WPM_OK : WPM_ERR_INVALID;
  case WPM_KEY_SECP256K1:
    return parse_secp256k1(crypto, key->data, &point);
  case WPM_KEY_RSA:
    return wpm_rsa_public_key_read(key->data, &numbers);
  case WPM_KEY_ECDSA:
    rc = import_openssl(crypto, key, &pkey);
    EVP_PKEY_free(pkey);
    break;
  }
  return rc;
}

int wpm_public_key_peer_id(wpm_crypto *crypto, wpm_bytes encoded_key, wpm_key_type *type,
                           wpm_peer_id *out) {
  wpm_key_message key;
  int rc = wpm_public_key_message_read(encoded_key, &key);
  if (rc == WPM_OK) {
    rc = check_key(crypto, &key);
  }
  if (rc != WPM_OK) {
    return rc;
  }
  if (type) {
    *type = key.type;
  }
  if (encoded_key.len <= WPM_PEER_ID_INLINE_MAX) {
    return wpm_peer_id_wrap_key(encoded_key, out);
  }
  uint8_t digest[32];
  wpm_sha256(crypto, encoded_key, digest);
  wpm_peer_id_wrap_digest(digest, out);
  return WPM_OK;
}

/* ---- secp256k1 over a given digest ----------------------------------------------------------- */

int wpm_secp256k1_verify_digest(wpm_crypto *crypto, const uint8_t key[WPM_SECP256K1_PUBLIC],
                                const uint8_t digest[32],
                                const uint8_t signature[WPM_SECP256K1_SIGNATURE]) {
  secp256k1_pubkey point;
  secp256k1_ecdsa_signature parsed;
  int rc = parse_secp256k1(crypto, (wpm_bytes){key, WPM_SECP256K1_PUBLIC}, &point);
  if (rc != WPM_OK) {
    return rc;
  }
  return secp256k1_ecdsa_signature_parse_compact(crypto->secp256k1, &parsed, signature) == 1 &&
                 secp256k1_ecdsa_verify(crypto->secp256k1, &parsed, digest, &point) == 1
             ? WPM_OK
             : WPM_ERR_CRYPTO;
}

int wpm_identity_sign_digest(wpm_crypto *crypto, const wpm_identity *identity,
                             const uint8_t digest[32], uint8_t out[WPM_SECP256K1_SIGNATURE]) {
  secp256k1_ecdsa_signature signature;
  if (identity->type != WPM_KEY_SECP256K1) {
    return WPM_ERR_UNSUPPORTED;
  }
  if (secp256k1_ecdsa_sign(crypto->secp256k1, &signature, digest, identity->secret, NULL, NULL) !=
      1) {
    return WPM_ERR_CRYPTO;
  }
  must(secp256k1_ecdsa_signature_serialize_compact(crypto->secp256k1, out, &signature));
  return WPM_OK;
}

int wpm_secp256k1_point(wpm_crypto *crypto, const uint8_t key[WPM_SECP256K1_PUBLIC],
                        uint8_t out[64]) {
  secp256k1_pubkey point;
  uint8_t whole[65]; /* 0x04, x, y. */
  size_t len = sizeof whole;
  int rc = parse_secp256k1(crypto, (wpm_bytes){key, WPM_SECP256K1_PUBLIC}, &point);
  if (rc != WPM_OK) {
    return rc;
  }
  must(secp256k1_ec_pubkey_serialize(crypto->secp256k1, whole, &len, &point,
                                     SECP256K1_EC_UNCOMPRESSED));
  memcpy(out, whole + 1, 64);
  return WPM_OK;
}
