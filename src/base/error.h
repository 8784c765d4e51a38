/* Filling in a wpm_error. */
#ifndef WPM_BASE_ERROR_H
#define WPM_BASE_ERROR_H

#include <wakupeers/types.h>

/* Sets *error (which may be NULL) to `code` and the formatted sentence, cut to fit; returns `code`,
 * so that a failing function can end in `return wpm_fail(error, WPM_ERR_INVALID, "…")`. */
int wpm_fail(wpm_error *error, int code, const char *format, ...) WPM_PRINTF(3, 4);

#endif
