/* base58btc, base32 (RFC 4648, lower case, no padding) and base64url (no padding), and multibase
 * (one prefix character in front): multiformats/multibase. base58 takes time quadratic in the
 * length: inputs are capped at WPM_BASE58_MAX bytes. */
#ifndef WPM_BASE_MULTIBASE_H
#define WPM_BASE_MULTIBASE_H

#include <wakupeers/types.h>

#define WPM_BASE58_MAX 512 /* Longest binary input or output of base58, in bytes. */

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

/* Decodes multibase text by its prefix: z (base58btc), b and B (base32), u (base64url).
 * WPM_ERR_UNSUPPORTED for another prefix; else as the decoders. */
WPM_MUST_USE int wpm_multibase_decode(wpm_text in, uint8_t *out, size_t cap, size_t *len);

#endif
