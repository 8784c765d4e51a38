/* Starts the crypto libraries. The one file of this folder that may let a library read the system's
 * random source (libsodium does so when it starts). */
#include "proto/crypto_state.h"

#include <openssl/crypto.h>
#include <sodium.h>
#include <stdlib.h>

/* Fetches what verifying RSA and ECDSA signatures needs. */
static bool fetch_verification(wpm_crypto *crypto) {
  crypto->keys[0] = EVP_KEYMGMT_fetch(crypto->library, "RSA", NULL);
  crypto->keys[1] = EVP_KEYMGMT_fetch(crypto->library, "EC", NULL);
  crypto->signatures[0] = EVP_SIGNATURE_fetch(crypto->library, "RSA", NULL);
  crypto->signatures[1] = EVP_SIGNATURE_fetch(crypto->library, "ECDSA", NULL);
  return crypto->keys[0] && crypto->keys[1] && crypto->signatures[0] && crypto->signatures[1];
}

static int start_openssl(wpm_crypto *crypto) {
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
    return WPM_ERR_CRYPTO;
  }
  crypto->library = OSSL_LIB_CTX_new();
  if (!crypto->library) {
    return WPM_ERR_NO_MEMORY;
  }
  crypto->provider = OSSL_PROVIDER_load(crypto->library, "default");
  crypto->sha256 = EVP_MD_fetch(crypto->library, "SHA256", NULL);
  crypto->chacha = EVP_CIPHER_fetch(crypto->library, "ChaCha20-Poly1305", NULL);
  if (!crypto->provider || !crypto->sha256 || !crypto->chacha || !fetch_verification(crypto)) {
    return WPM_ERR_CRYPTO;
  }
  crypto->seal = EVP_CIPHER_CTX_new();
  crypto->open = EVP_CIPHER_CTX_new();
  if (!crypto->seal || !crypto->open) {
    return WPM_ERR_NO_MEMORY;
  }
  /* The contexts allocate their state here; later re-initialisations reuse it. */
  if (EVP_EncryptInit_ex2(crypto->seal, crypto->chacha, NULL, NULL, NULL) != 1 ||
      EVP_DecryptInit_ex2(crypto->open, crypto->chacha, NULL, NULL, NULL) != 1) {
    return WPM_ERR_CRYPTO;
  }
  return WPM_OK;
}

static int start_secp256k1(wpm_crypto *crypto, const uint8_t seed[32]) {
  crypto->secp256k1 = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
  return secp256k1_context_randomize(crypto->secp256k1, seed) == 1 ? WPM_OK : WPM_ERR_CRYPTO;
}

int wpm_crypto_init(const uint8_t seed[32], wpm_crypto **out) {
  wpm_crypto *crypto = calloc(1, sizeof *crypto);
  if (!crypto) {
    return WPM_ERR_NO_MEMORY;
  }
  int rc = sodium_init() < 0 ? WPM_ERR_CRYPTO : start_openssl(crypto);
  if (rc == WPM_OK) {
    rc = start_secp256k1(crypto, seed);
  }
  if (rc != WPM_OK) {
    wpm_crypto_free(crypto);
    return rc;
  }
  *out = crypto;
  return WPM_OK;
}

void wpm_crypto_free(wpm_crypto *crypto) {
  if (!crypto) {
    return;
  }
  EVP_CIPHER_CTX_free(crypto->open);
  EVP_CIPHER_CTX_free(crypto->seal);
  EVP_CIPHER_free(crypto->chacha);
  for (size_t i = 0; i < 2; i++) {
    EVP_SIGNATURE_free(crypto->signatures[i]);
    EVP_KEYMGMT_free(crypto->keys[i]);
  }
  EVP_MD_free(crypto->sha256);
  if (crypto->provider) {
    OSSL_PROVIDER_unload(crypto->provider);
  }
  OSSL_LIB_CTX_free(crypto->library);
  if (crypto->secp256k1) {
    secp256k1_context_destroy(crypto->secp256k1);
  }
  free(crypto);
}
