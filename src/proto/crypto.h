/* The only door to the crypto libraries (OpenSSL, libsodium, libsecp256k1).
 *
 * - Pure: no clock, no random source. Whoever needs fresh randomness (ephemeral keys, nonces, new
 *   node keys) is given it as an argument; node alone draws it.
 * - One `wpm_crypto` belongs to one thread. It caches what is costly to set up (digests, ciphers,
 *   the secp256k1 context), so that a connection carries only its keys.
 * - Secrets are wiped as soon as they are not needed.
 */
#ifndef WPM_PROTO_CRYPTO_H
#define WPM_PROTO_CRYPTO_H

#include <wakupeers/types.h>

typedef struct wpm_crypto wpm_crypto;

/* Initialises the libraries once per process (libsodium; OpenSSL without its configuration file)
 * and a context whose secp256k1 part is blinded by `seed`. What it uses of OpenSSL is its own (about
 * 200 KiB): an embedder's settings do not reach it. crypto_init.c; called by node and exchange alone.
 * WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO (a library refuses to start). */
WPM_MUST_USE int wpm_crypto_init(const uint8_t seed[32], wpm_crypto **out);
void wpm_crypto_free(wpm_crypto *crypto);

/* ---- hashing and authenticated encryption ---------------------------------------------------- */

void wpm_sha256(wpm_crypto *crypto, wpm_bytes in, uint8_t out[32]);
/* SHA-256 of `a` followed by `b`. */
void wpm_sha256_pair(wpm_crypto *crypto, wpm_bytes a, wpm_bytes b, uint8_t out[32]);
/* HKDF-SHA256 as Noise uses it: two outputs from a chaining key and input key material. */
void wpm_noise_hkdf(wpm_crypto *crypto, const uint8_t chaining_key[32], wpm_bytes input,
                    uint8_t out1[32], uint8_t out2[32]);

#define WPM_AEAD_TAG 16

/* ChaCha20-Poly1305 (RFC 8439) with Noise's nonce: 4 zero bytes, then `nonce` little-endian. `out`
 * gets plain.len + WPM_AEAD_TAG bytes and may be plain.data itself. WPM_ERR_CRYPTO: the library
 * failed. */
WPM_MUST_USE int wpm_aead_seal(wpm_crypto *crypto, const uint8_t key[32], uint64_t nonce,
                               wpm_bytes ad, wpm_bytes plain, uint8_t *out);
/* The reverse: `out` gets sealed.len - WPM_AEAD_TAG bytes and may be sealed.data itself.
 * WPM_ERR_CRYPTO: the tag does not verify, or sealed is too short; `out` then holds nothing of
 * use. */
WPM_MUST_USE int wpm_aead_open(wpm_crypto *crypto, const uint8_t key[32], uint64_t nonce,
                               wpm_bytes ad, wpm_bytes sealed, uint8_t *out);

/* ---- X25519 ---------------------------------------------------------------------------------- */

/* The public key of any 32 secret bytes. */
void wpm_x25519_public(const uint8_t secret[32], uint8_t out[32]);
/* The shared secret. WPM_ERR_CRYPTO where it would be all zero (a low-order point). */
WPM_MUST_USE int wpm_x25519(const uint8_t secret[32], const uint8_t their_public[32],
                            uint8_t out[32]);

/* ---- identity keys --------------------------------------------------------------------------- */

/* libp2p KeyType (libp2p/specs peer-ids); values are those on the wire. */
typedef enum wpm_key_type {
  WPM_KEY_RSA = 0,
  WPM_KEY_ED25519 = 1,
  WPM_KEY_SECP256K1 = 2,
  WPM_KEY_ECDSA = 3
} wpm_key_type;

#define WPM_SIGNATURE_MAX 1024     /* Longest signature we make or verify, in bytes (RSA-8192). */
#define WPM_PUBLIC_KEY_MAX 1100    /* Longest encoded public key we accept, in bytes. */
#define WPM_IDENTITY_PUBLIC_MAX 48 /* Longest encoded public key of our own. */

/* Our own key pair: secp256k1 or Ed25519. */
typedef struct wpm_identity {
  wpm_key_type type;                           /* WPM_KEY_SECP256K1 or WPM_KEY_ED25519. */
  uint8_t secret[64];                          /* secp256k1: 32-byte scalar; Ed25519: seed and
                                                     public key (libsodium's form). */
  uint8_t public_key[WPM_IDENTITY_PUBLIC_MAX]; /* Encoded as libp2p's PublicKey protobuf. */
  size_t public_key_len;                       /* Its length. */
  wpm_peer_id peer_id;                         /* Our peer id. */
} wpm_identity;

/* Makes the key pair from 32 secret bytes: an Ed25519 seed or a secp256k1 scalar. WPM_ERR_INVALID:
 * not a valid scalar. WPM_ERR_UNSUPPORTED: another type. */
WPM_MUST_USE int wpm_identity_init(wpm_crypto *crypto, wpm_key_type type, const uint8_t secret[32],
                                   wpm_identity *out);
/* Reads libp2p's PrivateKey protobuf (types as above). WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED. */
WPM_MUST_USE int wpm_identity_decode(wpm_crypto *crypto, wpm_bytes encoded, wpm_identity *out);
/* Writes libp2p's PrivateKey protobuf. WPM_ERR_NO_SPACE; 80 bytes always do. */
WPM_MUST_USE int wpm_identity_encode(const wpm_identity *identity, uint8_t *out, size_t cap,
                                     size_t *len);
/* Wipes the secret. */
void wpm_identity_fini(wpm_identity *identity);

/* Signs; `out` has room for WPM_SIGNATURE_MAX bytes. secp256k1: DER, low S, over the SHA-256 of
 * `message` (deterministic nonce, RFC 6979). WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_identity_sign(wpm_crypto *crypto, const wpm_identity *identity,
                                   wpm_bytes message, uint8_t *out, size_t *len);

/* Verifies `signature` over `message` by a key of any of the four types, given as libp2p's
 * PublicKey protobuf in its canonical encoding (libp2p/specs peer-ids: one key, one id). RSA keys
 * of 2048 to 8192 bits (PKCS#1 v1.5 over SHA-256); ECDSA on P-256 with an uncompressed point (DER,
 * over SHA-256); secp256k1 likewise with a compressed one, and signatures with a high S are
 * accepted, since older peers make them. WPM_ERR_CRYPTO: does not verify. WPM_ERR_INVALID: not a
 * key. WPM_ERR_UNSUPPORTED: another key type or curve. WPM_ERR_TOO_LARGE: above WPM_PUBLIC_KEY_MAX,
 * WPM_SIGNATURE_MAX or 8192 bits. WPM_ERR_NO_MEMORY, for RSA and ECDSA alone. */
WPM_MUST_USE int wpm_public_key_verify(wpm_crypto *crypto, wpm_bytes encoded_key, wpm_bytes message,
                                       wpm_bytes signature);

/* Checks that `encoded_key` is a well-formed key of a known type and derives its peer id. Whether 32
 * bytes are a good Ed25519 key shows only when it verifies something. Errors as
 * wpm_public_key_verify but WPM_ERR_CRYPTO. *type may be NULL. */
WPM_MUST_USE int wpm_public_key_peer_id(wpm_crypto *crypto, wpm_bytes encoded_key,
                                        wpm_key_type *type, wpm_peer_id *out);

/* ---- secp256k1 over a given digest (EIP-778) ------------------------------------------------- */

#define WPM_SECP256K1_PUBLIC 33    /* A compressed public key, in bytes. */
#define WPM_SECP256K1_SIGNATURE 64 /* A compact signature: r and s, big-endian. */

/* Verifies a signature over `digest`. A high S is refused: what is signed this way has one encoding.
 * WPM_ERR_CRYPTO: does not verify. WPM_ERR_INVALID: not a key. */
WPM_MUST_USE int wpm_secp256k1_verify_digest(wpm_crypto *crypto,
                                             const uint8_t key[WPM_SECP256K1_PUBLIC],
                                             const uint8_t digest[32],
                                             const uint8_t signature[WPM_SECP256K1_SIGNATURE]);

/* Signs `digest` (low S, nonce by RFC 6979). WPM_ERR_UNSUPPORTED: the identity is no secp256k1 key.
 * WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_identity_sign_digest(wpm_crypto *crypto, const wpm_identity *identity,
                                          const uint8_t digest[32],
                                          uint8_t out[WPM_SECP256K1_SIGNATURE]);

/* The point's x and y, 32 bytes each, big-endian. WPM_ERR_INVALID: not a key. */
WPM_MUST_USE int wpm_secp256k1_point(wpm_crypto *crypto, const uint8_t key[WPM_SECP256K1_PUBLIC],
                                     uint8_t out[64]);

#endif
