/* Whether this build runs under AddressSanitizer, several times as slow: long tests then do less. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define WPM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WPM_SANITIZED 1
#endif
#endif
#ifndef WPM_SANITIZED
#define WPM_SANITIZED 0
#endif
