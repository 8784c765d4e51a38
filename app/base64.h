/* Bytes in a JSON string: base64 (RFC 4648), and the base64url without padding of node records. */
#ifndef APP_BASE64_H
#define APP_BASE64_H

#include <wakupeers/types.h>

/* Text of `bytes`, to be freed; NULL: no memory. `url`: the alphabet of URLs, no padding. */
char *base64_encode(wpm_bytes bytes, bool url);

/* Bytes of `text`; *out (to be freed) gets them, *len their number. False: it is not base64 of that
 * kind in its one canonical form, or no memory. */
bool base64_decode(const char *text, size_t text_len, bool url, uint8_t **out, size_t *len);

#endif
