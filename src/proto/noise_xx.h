/* The Noise pattern XX with 25519, ChaChaPoly and SHA256 (noiseprotocol.org revision 34), without
 * anything of libp2p: any prologue, any payloads.
 *
 *     -> e
 *     <- e, ee, s, es
 *     -> s, se
 *
 * - The two sides write and read in turn; each message carries a payload, which in message 1 is not
 *   encrypted.
 * - Nothing is computed before it is needed: the ephemeral public key is made when it is sent, and
 *   what can be refused by its length or its tag is refused before the next key exchange.
 */
#ifndef WPM_PROTO_NOISE_XX_H
#define WPM_PROTO_NOISE_XX_H

#include "proto/crypto.h"

typedef struct wpm_noise_xx {
  wpm_crypto *crypto;           /* Owned by the caller. */
  bool initiator;               /* We write messages 1 and 3. */
  uint8_t message;              /* Messages written and read so far, 0 to 3. */
  bool has_key;                 /* `key` is set: what follows is encrypted. */
  uint8_t chaining_key[32];     /* ck */
  uint8_t hash[32];             /* h */
  uint8_t key[32];              /* k */
  uint64_t nonce;               /* n */
  uint8_t static_secret[32];    /* s, ours. */
  uint8_t static_public[32];    /* Its public key. */
  uint8_t ephemeral_secret[32]; /* e, ours. */
  uint8_t remote_static[32];    /* rs, once received. */
  uint8_t remote_ephemeral[32]; /* re, once received. */
} wpm_noise_xx;

/* The keys are copied. */
void wpm_noise_xx_init(wpm_noise_xx *xx, wpm_crypto *crypto, bool initiator, wpm_bytes prologue,
                       const uint8_t static_secret[32], const uint8_t static_public[32],
                       const uint8_t ephemeral_secret[32]);

/* Wipes it. */
void wpm_noise_xx_fini(wpm_noise_xx *xx);

/* All three messages have passed. */
static inline bool wpm_noise_xx_done(const wpm_noise_xx *xx) {
  return xx->message == 3;
}

/* It is our turn to write; not at the end. */
static inline bool wpm_noise_xx_writes(const wpm_noise_xx *xx) {
  return !wpm_noise_xx_done(xx) && (xx->message % 2 == 0) == xx->initiator;
}

/* Bytes that the next message has beside its payload. */
size_t wpm_noise_xx_overhead(const wpm_noise_xx *xx);

/* Writes the next message, payload.len + wpm_noise_xx_overhead bytes, to `out`. It must be our turn.
 * WPM_ERR_CRYPTO: the other side's key is a low-order point. */
WPM_MUST_USE int wpm_noise_xx_write(wpm_noise_xx *xx, wpm_bytes payload, uint8_t *out);

/* Reads the next message, decrypting it in place; *payload is a view into it. It must be their turn.
 * WPM_ERR_PROTOCOL: too short. WPM_ERR_CRYPTO: does not verify, or a low-order point. */
WPM_MUST_USE int wpm_noise_xx_read(wpm_noise_xx *xx, uint8_t *message, size_t len,
                                   wpm_bytes *payload);

/* After the last message: the keys for each direction. */
void wpm_noise_xx_split(wpm_noise_xx *xx, uint8_t send_key[32], uint8_t receive_key[32]);

#endif
