#include "huge_pages.h"

#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAP (1 << 30) /* Address space, not memory: pages are given as they are touched. */
#define HUGE_PAGE ((uintptr_t)2 << 20)

void huge_pages_prefer(void) {
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
  /* All in one heap, which is extended once by as much as will be used. */
  if (!mallopt(M_MMAP_MAX, 0) || !mallopt(M_TRIM_THRESHOLD, INT_MAX) || !mallopt(M_TOP_PAD, HEAP)) {
    return;
  }
  uintptr_t begin = (uintptr_t)sbrk(0);
  void *volatile block = malloc(HUGE_PAGE);
  free(block);
  uintptr_t end = (uintptr_t)sbrk(0);
  begin = (begin + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
  if (begin != 0 && begin < end) {
    (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* As good without. */
  }
#endif
}
