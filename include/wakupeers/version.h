/* The version of the library that these headers belong to. */
#ifndef WAKUPEERS_VERSION_H
#define WAKUPEERS_VERSION_H

#include <wakupeers/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WPM_VERSION "0.1.0"

/* The version of the library that is linked, e.g. "0.1.0". Static text. */
WPM_API const char *wpm_version(void);

#ifdef __cplusplus
}
#endif

#endif
