/* What crypto_init.c sets up and crypto.c uses. Nobody else includes this. */
#ifndef WPM_PROTO_CRYPTO_STATE_H
#define WPM_PROTO_CRYPTO_STATE_H

#include "proto/crypto.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <secp256k1.h>

/* OpenSSL objects live in a library context of our own: what an embedder does to the default one
 * (configuration, providers, default properties) does not reach them. */
struct wpm_crypto {
  OSSL_LIB_CTX *library;        /* Our OpenSSL library context. */
  OSSL_PROVIDER *provider;      /* OpenSSL's default provider in it. */
  EVP_MD *sha256;               /* Names SHA-256 to signatures. */
  EVP_KEYMGMT *keys[2];         /* RSA and EC keys. Fetched once, as are the next: OpenSSL */
  EVP_SIGNATURE *signatures[2]; /* never gets over a first fetch that found no memory. */
  EVP_CIPHER *chacha;           /* ChaCha20-Poly1305, fetched once. */
  EVP_CIPHER_CTX *seal;         /* Re-keyed for each message encrypted. */
  EVP_CIPHER_CTX *open;         /* Re-keyed for each message decrypted. */
  secp256k1_context *secp256k1; /* Blinded. */
};

#endif
