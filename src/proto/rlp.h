/* RLP, Ethereum's Recursive Length Prefix encoding (Ethereum yellow paper, appendix B): byte strings,
 * and lists of items.
 *
 * - One value has one encoding, and only that is read: a single byte below 0x80 stands for itself, a
 *   length has its shortest form, a number has no leading zero byte.
 * - Reading copies nothing and takes one item at a time: what is inside a list is read only where the
 *   caller goes into it.
 */
#ifndef WPM_PROTO_RLP_H
#define WPM_PROTO_RLP_H

#include "base/buffer.h"

/* One item. Views into what was read. */
typedef struct wpm_rlp_item {
  bool is_list;       /* A list; else a byte string. */
  wpm_bytes contents; /* The string's bytes, or the list's items one behind the other. */
  wpm_bytes whole;    /* The item as it stands, prefix included. */
} wpm_rlp_item;

/* Takes the first item off the front of *rest. WPM_ERR_TRUNCATED: *rest ends too early, empty
 * included. WPM_ERR_INVALID: not the shortest form. */
WPM_MUST_USE int wpm_rlp_next(wpm_bytes *rest, wpm_rlp_item *out);

/* Takes a byte string, a number of at most `max`, or a list. As wpm_rlp_next, and WPM_ERR_INVALID:
 * an item of another kind, a leading zero byte; WPM_ERR_TOO_LARGE: above `max`. */
WPM_MUST_USE int wpm_rlp_next_string(wpm_bytes *rest, wpm_bytes *out);
WPM_MUST_USE int wpm_rlp_next_number(wpm_bytes *rest, uint64_t max, uint64_t *out);
WPM_MUST_USE int wpm_rlp_next_list(wpm_bytes *rest, wpm_bytes *out);

/* Append a byte string or a number. WPM_ERR_FULL, WPM_ERR_NO_MEMORY; then nothing was appended. */
WPM_MUST_USE int wpm_rlp_write_string(wpm_buffer *out, wpm_bytes string);
WPM_MUST_USE int wpm_rlp_write_number(wpm_buffer *out, uint64_t number);

#define WPM_RLP_PREFIX_MAX 9 /* Longest prefix of an item, in bytes. */

/* Writes what stands before the items of a list that take `len` bytes; returns its length. */
size_t wpm_rlp_list_prefix(size_t len, uint8_t out[WPM_RLP_PREFIX_MAX]);

#endif
