/* Unsigned varints (multiformats/unsigned-varint): little-endian groups of seven bits, at most nine
 * bytes (63 bits), and only the minimal form is accepted. */
#ifndef WPM_BASE_VARINT_H
#define WPM_BASE_VARINT_H

#include <wakupeers/types.h>

#define WPM_VARINT_MAX 9 /* Longest encoding in bytes. */

/* Bytes that the encoding of `value` takes (value < 2^63). */
size_t wpm_varint_size(uint64_t value);

/* Writes `value` (< 2^63) to `out`, which has room for WPM_VARINT_MAX bytes; returns the length. */
size_t wpm_varint_write(uint64_t value, uint8_t *out);

/* Reads one from the front of `in`. *value gets it, *used its length. WPM_ERR_TRUNCATED: more bytes
 * are needed. WPM_ERR_INVALID: not minimal, or longer than nine bytes. */
WPM_MUST_USE int wpm_varint_read(wpm_bytes in, uint64_t *value, size_t *used);

#endif
