/* Which bytes are UTF-8 (RFC 3629): SQLite stores text unchecked, so we look before we call it so. */
#ifndef WPM_STORAGE_UTF8_H
#define WPM_STORAGE_UTF8_H

#include <wakupeers/types.h>

/* Length in bytes (1–4) of the well-formed sequence at the front of `text`; 0 where there is none:
 * empty, cut off, overlong, a surrogate, or above U+10FFFF. */
size_t wpm_utf8_sequence(wpm_text text);

/* True where `text` is UTF-8 throughout and free of control characters (below U+0020, and U+007F),
 * so that a terminal shows it and nothing else happens. */
bool wpm_utf8_is_plain(wpm_text text);

#endif
