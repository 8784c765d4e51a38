/* Small helpers on views of bytes and text. */
#ifndef WPM_BASE_BYTES_H
#define WPM_BASE_BYTES_H

#include <wakupeers/types.h>

#include <string.h>

/* A view of a string literal. */
#define WPM_TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})
#define WPM_BYTES(literal) ((wpm_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline wpm_text wpm_text_of(const char *string) {
  return (wpm_text){string, strlen(string)};
}

static inline bool wpm_bytes_equal(wpm_bytes a, wpm_bytes b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool wpm_text_equal(wpm_text a, wpm_text b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Orders byte strings: as memcmp on the common part, then the shorter first. <0, 0, >0. */
int wpm_bytes_compare(wpm_bytes a, wpm_bytes b);

/* True where `a` and `b` hold the same `len` bytes; takes the same time wherever they differ. */
WPM_MUST_USE bool wpm_secret_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* Overwrites `len` bytes with zeros in a way the compiler keeps. */
void wpm_wipe(void *data, size_t len);

/* Writes `text` for a log or terminal: every byte outside printable ASCII becomes `?`, and what
 * does not fit is cut. Always NUL-terminated where cap > 0. Returns `out`. */
const char *wpm_text_printable(wpm_text text, char *out, size_t cap);

/* Length of `text` without a UTF-8 character that a cut at its end has left incomplete. */
size_t wpm_utf8_whole(wpm_text text);

#endif
