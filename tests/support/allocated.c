#include "support/allocated.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZER_COUNTS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZER_COUNTS 1
#endif

#ifdef SANITIZER_COUNTS

size_t __sanitizer_get_current_allocated_bytes(void);

size_t wpm_test_allocated(void) {
  return __sanitizer_get_current_allocated_bytes();
}

#else

#include <malloc.h>

size_t wpm_test_allocated(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

#endif
