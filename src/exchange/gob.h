/* Go's gob encoding (encoding/gob), as far as a go-libp2p peer store has it: one value in an
 * interface, as pstoreds' metadata are written (`Encode(&val)`, val an interface{}).
 *
 * - Four types are read and written: string, []string, float64, and map[protocol.ID]struct{}, each
 *   under the name that Go registers it by. What else there is has a shape this knows nothing of.
 * - A value says its own types first; they must be what the name says. Whole messages, nothing
 *   behind them.
 */
#ifndef WPM_EXCHANGE_GOB_H
#define WPM_EXCHANGE_GOB_H

#include "base/buffer.h"

#define WPM_GOB_MAX 1048576     /* Longest encoding read or written, in bytes. */
#define WPM_GOB_ITEMS_MAX 16384 /* Most strings of a list or set. */

typedef enum wpm_gob_type {
  WPM_GOB_STRING,
  WPM_GOB_STRINGS,  /* []string */
  WPM_GOB_FLOAT,    /* float64 */
  WPM_GOB_PROTOCOLS /* map[protocol.ID]struct{}: a set of protocol ids. */
} wpm_gob_type;

/* Takes one string of a value; for PROTOCOLS in any order. Not WPM_OK: the reading ends. */
typedef int (*wpm_gob_string_fn)(void *user, wpm_text text);

/* A value's type and, where it is a number, the number. */
typedef struct wpm_gob_value {
  wpm_gob_type type;
  size_t count;  /* Number of its strings. */
  double number; /* Of a FLOAT. */
} wpm_gob_value;

/* Reads a value; its strings (views into `encoded`) go to `fn` (may be NULL: it is only checked).
 * WPM_ERR_UNSUPPORTED: a value of another type. WPM_ERR_INVALID, WPM_ERR_TRUNCATED,
 * WPM_ERR_TOO_LARGE: it is malformed or beyond the limits; what `fn` gave. */
WPM_MUST_USE int wpm_gob_read(wpm_bytes encoded, wpm_gob_value *out, wpm_gob_string_fn fn,
                              void *user);

/* Writes a value of strings (one for STRING), or a number, behind what is in `out`; on failure
 * nothing is appended. WPM_ERR_NO_MEMORY, WPM_ERR_FULL, WPM_ERR_TOO_LARGE (above the limits). */
WPM_MUST_USE int wpm_gob_write_strings(wpm_gob_type type, const wpm_text *strings, size_t count,
                                       wpm_buffer *out);
WPM_MUST_USE int wpm_gob_write_number(double number, wpm_buffer *out);

#endif
