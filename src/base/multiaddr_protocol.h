/* The table of multiaddr protocols: each one's code, name, and how its value is read, written and
 * checked (multiformats/multiaddr protocols.csv; values as go-multiaddr's transcoders treat them).
 *
 * Stricter than go-multiaddr in this, as rust-multiaddr is: values that are text (names, zones,
 * paths) must be UTF-8 without control characters, so that the text form of every multiaddr can go
 * into JSON, a log or a terminal; and a peer id keeps the limits of libp2p/specs peer-ids. */
#ifndef WPM_BASE_MULTIADDR_PROTOCOL_H
#define WPM_BASE_MULTIADDR_PROTOCOL_H

#include <wakupeers/types.h>

#define WPM_VALUE_PREFIXED (-1) /* The value has its length in front, as a varint. */

typedef struct wpm_multiaddr_protocol {
  uint32_t code;     /* WPM_P_…. */
  int size;          /* Length of the value in bytes; 0: it has none; or WPM_VALUE_PREFIXED. */
  bool is_path;      /* Takes the rest of the address as its value; nothing may follow. */
  const char *name;  /* As in text, without the slash. */
  const char *takes; /* What its value is, in words; NULL where it has none. */

  /* Text to binary value. WPM_ERR_INVALID, WPM_ERR_UNSUPPORTED, WPM_ERR_NO_SPACE or _TOO_LARGE. */
  int (*parse)(wpm_text text, uint8_t *out, size_t cap, size_t *len);
  /* Binary value, which `check` has accepted, to text with a NUL. WPM_ERR_NO_SPACE. */
  int (*format)(wpm_bytes value, char *out, size_t cap, size_t *len);
  /* WPM_ERR_INVALID or WPM_ERR_UNSUPPORTED. NULL: any value of the right length is good. */
  int (*check)(wpm_bytes value);
} wpm_multiaddr_protocol;

/* NULL where there is none. Static. */
const wpm_multiaddr_protocol *wpm_multiaddr_protocol_by_code(uint64_t code);
const wpm_multiaddr_protocol *wpm_multiaddr_protocol_by_name(wpm_text name);

#endif
