/* How public and private keys are written: libp2p's Key protobuf, and inside it the DER forms of
 * RSA and ECDSA public keys (libp2p/specs peer-ids; RFC 5280 SubjectPublicKeyInfo; RFC 3279).
 *
 * - No crypto library is used here: bytes in, views out.
 * - One key has one encoding. A public key that is encoded in any other way than the canonical one
 *   is refused: the peer id is derived from the bytes, and one key must not give several ids.
 */
#ifndef WPM_PROTO_KEY_CODEC_H
#define WPM_PROTO_KEY_CODEC_H

#include "proto/crypto.h"

/* Most bytes that stand before the key's data. */
#define WPM_KEY_HEADER_MAX 6

/* A Key message, split. */
typedef struct wpm_key_message {
  wpm_key_type type; /* One of the four. */
  wpm_bytes data;    /* The key in its type's own form; a view into the message. */
} wpm_key_message;

/* Reads a Key message of any length. WPM_ERR_INVALID: malformed, or a field is missing.
 * WPM_ERR_UNSUPPORTED: a type that is none of the four. */
WPM_MUST_USE int wpm_key_message_read(wpm_bytes encoded, wpm_key_message *out);

/* Reads a PublicKey: as wpm_key_message_read, and WPM_ERR_INVALID where the encoding is not
 * canonical, WPM_ERR_TOO_LARGE above WPM_PUBLIC_KEY_MAX. */
WPM_MUST_USE int wpm_public_key_message_read(wpm_bytes encoded, wpm_key_message *out);

/* Writes a Key message. WPM_ERR_NO_SPACE. */
WPM_MUST_USE int wpm_key_message_write(const wpm_key_message *message, uint8_t *out, size_t cap,
                                       size_t *len);

/* An RSA public key's numbers, big-endian without leading zeros; views into the DER. */
typedef struct wpm_rsa_numbers {
  wpm_bytes modulus;
  wpm_bytes exponent;
} wpm_rsa_numbers;

#define WPM_RSA_BITS_MIN 2048
#define WPM_RSA_BITS_MAX 8192

/* Reads an RSA SubjectPublicKeyInfo in strict DER. WPM_ERR_INVALID: malformed; an even modulus; an
 * exponent that is even, below 3 or above 2^31 - 1 (go-libp2p's bound); a modulus below
 * WPM_RSA_BITS_MIN bits. WPM_ERR_TOO_LARGE: a modulus above WPM_RSA_BITS_MAX bits. */
WPM_MUST_USE int wpm_rsa_public_key_read(wpm_bytes der, wpm_rsa_numbers *out);

#define WPM_P256_POINT 65 /* 0x04, x, y. */

/* Reads a P-256 SubjectPublicKeyInfo with an uncompressed point: *point gets a view of its
 * WPM_P256_POINT bytes. Whether it lies on the curve is not looked at. WPM_ERR_INVALID: malformed.
 * WPM_ERR_UNSUPPORTED: an EC key of another curve or point form. */
WPM_MUST_USE int wpm_p256_public_key_read(wpm_bytes der, wpm_bytes *point);

#endif
