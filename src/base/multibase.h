/* Bytes as text: base58btc, base32 (RFC 4648, lower case, no padding), base64url (no padding), and
 * multibase (one prefix character in front): multiformats/multibase. base58 and base36 take time
 * quadratic in the length: their inputs are capped at WPM_BASE58_MAX bytes. */
#ifndef WPM_BASE_MULTIBASE_H
#define WPM_BASE_MULTIBASE_H

#include <wakupeers/types.h>

#define WPM_BASE58_MAX 512 /* Longest binary input or output of base58 and base36, in bytes. */

/* Encoders write NUL-terminated text into `out`; *len (may be NULL) gets the length without the
 * NUL. WPM_ERR_NO_SPACE; base58 also WPM_ERR_TOO_LARGE. Decoders write bytes; WPM_ERR_INVALID (a
 * character outside the alphabet, padding, left-over bits that are not zero), WPM_ERR_NO_SPACE,
 * WPM_ERR_TOO_LARGE. base32 decoding takes both cases. */
WPM_MUST_USE int wpm_base58_encode(wpm_bytes in, char *out, size_t cap, size_t *len);
WPM_MUST_USE int wpm_base58_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len);
WPM_MUST_USE int wpm_base32_encode(wpm_bytes in, char *out, size_t cap, size_t *len);
WPM_MUST_USE int wpm_base32_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len);
WPM_MUST_USE int wpm_base64url_encode(wpm_bytes in, char *out, size_t cap, size_t *len);
WPM_MUST_USE int wpm_base64url_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len);

/* I2P's base64 (`-` and `~` for 62 and 63), with `=` padding as I2P writes it: garlic64. */
WPM_MUST_USE int wpm_base64i2p_encode(wpm_bytes in, char *out, size_t cap, size_t *len);
WPM_MUST_USE int wpm_base64i2p_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len);

/* Decodes multibase text by its prefix: f and F (base16), b and B (base32), k and K (base36),
 * z (base58btc), m (base64, no padding), u (base64url); where a prefix comes in two cases, both
 * take digits of both cases. WPM_ERR_UNSUPPORTED for another prefix, WPM_ERR_INVALID for no prefix
 * at all; else as the decoders. */
WPM_MUST_USE int wpm_multibase_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len);

#endif
