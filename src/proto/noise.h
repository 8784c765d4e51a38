/* The libp2p security handshake /noise: Noise_XX_25519_ChaChaPoly_SHA256 with libp2p's payload
 * (libp2p/specs noise; noiseprotocol.org revision 34).
 *
 * - Every message on the wire is preceded by its length, two bytes big-endian.
 * - The payload carries the identity key (libp2p PublicKey protobuf) and its signature over
 *   "noise-libp2p-static-key:" followed by the Noise static public key. It is sent in message 2
 *   by the responder and in message 3 by the initiator; the payload of message 1 is empty and an
 *   unexpected one is ignored.
 * - Early muxer negotiation: payload field 4 (NoiseExtensions), inside it field 2, lists muxers;
 *   where both sides list some, the first of the INITIATOR's list that the responder also lists is
 *   taken and no multistream negotiation for the muxer takes place.
 * - The static key and its signature may be shared by all connections of one identity.
 */
#ifndef WPM_PROTO_NOISE_H
#define WPM_PROTO_NOISE_H

#include "base/buffer.h"
#include "proto/crypto.h"

#define WPM_NOISE_PROTOCOL_ID "/noise"
#define WPM_NOISE_MESSAGE_MAX 65535 /* Longest Noise message, in bytes, without its length. */
#define WPM_NOISE_PLAIN_MAX (WPM_NOISE_MESSAGE_MAX - WPM_AEAD_TAG) /* Longest plain text in one. */
#define WPM_NOISE_HANDSHAKE_MAX 8192 /* Longest handshake message accepted. */
#define WPM_NOISE_MUXERS_MAX 8       /* Most muxers read from, or offered in, the extension. */

/* A Noise static key, with the signature that binds it to an identity. Made once. */
typedef struct wpm_noise_static {
  uint8_t secret[32];
  uint8_t public_key[32];
  uint8_t signature[WPM_SIGNATURE_MAX];
  size_t signature_len;
} wpm_noise_static;

/* `secret`: 32 fresh random bytes. WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_noise_static_init(wpm_crypto *crypto, const wpm_identity *identity,
                                       const uint8_t secret[32], wpm_noise_static *out);
void wpm_noise_static_fini(wpm_noise_static *key);

typedef struct wpm_noise_config {
  wpm_crypto *crypto;                 /* Must outlive the handshake. */
  const wpm_identity *identity;       /* Ours; must outlive the handshake. */
  const wpm_noise_static *static_key; /* Ours; must outlive the handshake. */
  bool initiator;                     /* We dialled. */
  const uint8_t *ephemeral;           /* 32 fresh random bytes; copied. */
  const wpm_text *muxers;             /* Muxers offered, by preference; must outlive it. */
  size_t muxer_count;                 /* 0: no extension is sent. At most WPM_NOISE_MUXERS_MAX. */
  wpm_bytes expected_peer;            /* The id dialled; empty: any. Must outlive the handshake. */
} wpm_noise_config;

/* What both directions need after the handshake. */
typedef struct wpm_noise_cipher {
  uint8_t send_key[32], receive_key[32];
  uint64_t send_nonce, receive_nonce;
} wpm_noise_cipher;

typedef struct wpm_noise wpm_noise;

/* WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (too many muxers, or names too long for our payload). */
WPM_MUST_USE int wpm_noise_new(const wpm_noise_config *config, wpm_noise **out);
/* Wipes and frees; NULL is allowed. */
void wpm_noise_free(wpm_noise *noise);

/* The initiator appends message 1 to `out`; the responder nothing. WPM_ERR_FULL,
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_noise_start(wpm_noise *noise, wpm_buffer *out);

/* Takes whole messages from the front of `in` (leaves a partial one, and all that follows the last
 * handshake message) and appends answers to `out`. WPM_ERR_CRYPTO (does not verify),
 * WPM_ERR_MISMATCH (another peer id than expected), WPM_ERR_PROTOCOL (malformed, or not a key),
 * WPM_ERR_UNSUPPORTED (an identity key of a kind this library does not know), WPM_ERR_TOO_LARGE
 * (message above WPM_NOISE_HANDSHAKE_MAX, key or signature above its cap), WPM_ERR_FULL,
 * WPM_ERR_NO_MEMORY. After an error only wpm_noise_free may be called. On WPM_ERR_MISMATCH
 * wpm_noise_remote_key and _id still answer: that identity was proven. */
WPM_MUST_USE int wpm_noise_read(wpm_noise *noise, wpm_buffer *in, wpm_buffer *out);

/* True once the handshake is complete on this side. */
bool wpm_noise_done(const wpm_noise *noise);

/* After the handshake: */
void wpm_noise_take_cipher(wpm_noise *noise, wpm_noise_cipher *out);
wpm_bytes wpm_noise_remote_key(const wpm_noise *noise); /* Encoded PublicKey; lasts as `noise`. */
const wpm_peer_id *wpm_noise_remote_id(const wpm_noise *noise);
/* The muxer agreed early: an index into config.muxers, or -1. */
int wpm_noise_muxer(const wpm_noise *noise);

/* Encrypts all of `plain`, in as many messages as it takes, to the back of `out`. WPM_ERR_FULL,
 * WPM_ERR_NO_MEMORY (nothing was appended), WPM_ERR_CRYPTO (nonces exhausted; the connection must
 * end). */
WPM_MUST_USE int wpm_noise_seal(wpm_noise_cipher *cipher, wpm_crypto *crypto, wpm_bytes plain,
                                wpm_buffer *out);

/* Bytes that wpm_noise_seal will append for `plain_len`. */
size_t wpm_noise_sealed_size(size_t plain_len);

/* Decrypts, in place, the message at the front of the `in_len` bytes at `in`. *plain is its plain
 * text (a view into `in`), *used what to drop from the front after it was dealt with.
 * WPM_ERR_TRUNCATED: not whole yet (nothing changed). WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_noise_open(wpm_noise_cipher *cipher, wpm_crypto *crypto, uint8_t *in,
                                size_t in_len, wpm_bytes *plain, size_t *used);

#endif
