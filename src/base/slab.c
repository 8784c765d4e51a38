#include "base/slab.h"

#include "base/prefetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POISONED 1
#endif

/* Under AddressSanitizer a block that is not given out must not be touched. */
#ifdef POISONED
void __asan_poison_memory_region(void const volatile *, size_t);
void __asan_unpoison_memory_region(void const volatile *, size_t);
#define hide(at, size) __asan_poison_memory_region(at, size)
#define show(at, size) __asan_unpoison_memory_region(at, size)
#else
#define hide(at, size) ((void)(at), (void)(size))
#define show(at, size) ((void)(at), (void)(size))
#endif

#define LARGE WPM_SLAB_CLASSES
#define FINE_MAX 512u /* Classes up to here are multiples of a granule. */
#define FINE_CLASSES (FINE_MAX / WPM_SLAB_GRANULE)
#define STEPS 8u /* Classes for each doubling above. */
#define SIZE_MAX_SHARED ((size_t)FINE_MAX << ((WPM_SLAB_CLASSES - FINE_CLASSES) / STEPS))
#define SMALLEST 6u                          /* How often a page is halved at most: 1 KiB. */
#define MOST_PREFETCHED (4 * WPM_CACHE_LINE) /* Of one block. */
#define SHARE 8u                             /* A new page is at most such a part of all. */

_Static_assert(sizeof(wpm_slab_page) == 32, "two entries a cache line");

static unsigned log2_of(size_t value) {
  return 63u - (unsigned)__builtin_clzll((unsigned long long)value);
}

/* The class of `size`, and the bytes its blocks have; LARGE above the classes. */
static unsigned class_of(size_t size, size_t *rounded) {
  if (size <= FINE_MAX) {
    unsigned granules = (unsigned)((size + WPM_SLAB_GRANULE - 1) / WPM_SLAB_GRANULE);
    *rounded = (size_t)granules * WPM_SLAB_GRANULE;
    return granules - 1;
  }
  if (size > SIZE_MAX_SHARED) {
    *rounded = size;
    return LARGE;
  }
  unsigned doubling = log2_of(size - 1) - log2_of(FINE_MAX);
  size_t base = (size_t)FINE_MAX << doubling;
  size_t step = base / STEPS;
  size_t steps = (size - base + step - 1) / step;
  *rounded = base + steps * step;
  return FINE_CLASSES + doubling * STEPS + (unsigned)steps - 1;
}

size_t wpm_slab_size_for(size_t size) {
  size_t rounded;
  if (size == 0 || size > UINT32_MAX) {
    return 0;
  }
  (void)class_of(size, &rounded);
  return rounded;
}

void wpm_slab_init(wpm_slab *slab) {
  *slab = (wpm_slab){.page_count = 1};
}

static size_t page_size(unsigned smaller) {
  return (((size_t)WPM_SLAB_PAGE + WPM_SLAB_HEADROOM) >> smaller) - WPM_SLAB_HEADROOM;
}

/* How often a new page is halved, for blocks of `size`. */
static unsigned smaller_by(const wpm_slab *slab, size_t size) {
  unsigned smaller = 0;
  while (smaller < SMALLEST && page_size(smaller) > slab->bytes / SHARE &&
         page_size(smaller + 1) >= 2 * size) {
    smaller++;
  }
  return smaller;
}

static size_t bytes_of(const wpm_slab_page *page) {
  return page->class == LARGE ? page->size : page_size(page->smaller);
}

void wpm_slab_fini(wpm_slab *slab) {
  for (uint32_t i = 1; i < slab->page_count; i++) {
    wpm_slab_page *page = &slab->pages[i];
    if (page->memory) {
      show(page->memory, bytes_of(page));
      free(page->memory);
    }
  }
  free(slab->spare);
  free(slab->pages);
  wpm_slab_init(slab);
}

/* ---- entries --------------------------------------------------------------------------------- */

static int take_entry(wpm_slab *slab, uint32_t *out) {
  if (slab->unused) {
    *out = slab->unused;
    slab->unused = slab->pages[*out].size;
    return WPM_OK;
  }
  if (slab->page_count >= slab->capacity) {
    uint32_t capacity = slab->capacity ? slab->capacity * 2 : 16;
    if (capacity > 1u << (32 - WPM_SLAB_INDEX_BITS)) {
      return WPM_ERR_NO_MEMORY;
    }
    wpm_slab_page *pages = realloc(slab->pages, capacity * sizeof(*pages));
    if (!pages) {
      return WPM_ERR_NO_MEMORY;
    }
    slab->pages = pages;
    slab->capacity = capacity;
  }
  *out = slab->page_count++;
  return WPM_OK;
}

static void give_entry(wpm_slab *slab, uint32_t number) {
  slab->pages[number] = (wpm_slab_page){.size = slab->unused};
  slab->unused = number;
}

/* ---- a class's pages with room --------------------------------------------------------------- */

static void list(wpm_slab *slab, uint32_t number) {
  wpm_slab_page *page = &slab->pages[number];
  uint32_t first = slab->with_room[page->class];
  page->listed = true;
  page->previous = 0;
  page->next = first;
  if (first) {
    slab->pages[first].previous = number;
  }
  slab->with_room[page->class] = number;
}

static void unlist(wpm_slab *slab, uint32_t number) {
  wpm_slab_page *page = &slab->pages[number];
  page->listed = false;
  if (page->previous) {
    slab->pages[page->previous].next = page->next;
  } else {
    slab->with_room[page->class] = page->next;
  }
  if (page->next) {
    slab->pages[page->next].previous = page->previous;
  }
}

/* ---- taking and giving back ------------------------------------------------------------------ */

static uint8_t *allocate(wpm_slab *slab, size_t bytes) {
  uint8_t *memory = malloc(bytes);
  slab->bytes += memory ? bytes : 0;
  return memory;
}

/* Memory for a page; of one of full size the spare. */
static uint8_t *page_memory(wpm_slab *slab, size_t bytes) {
  uint8_t *spare = slab->spare;
  if (bytes != WPM_SLAB_PAGE || !spare) {
    return allocate(slab, bytes);
  }
  slab->spare = NULL;
  return spare;
}

static int add_page(wpm_slab *slab, unsigned class, size_t size, uint32_t *out) {
  uint32_t number;
  int err = take_entry(slab, &number);
  if (err) {
    return err;
  }
  wpm_slab_page page = {.size = (uint32_t)size, .class = (uint8_t) class, .blocks = 1};
  if (class != LARGE) {
    page.smaller = (uint8_t)smaller_by(slab, size);
    page.blocks = (uint16_t)(page_size(page.smaller) / size);
  }
  page.memory = class == LARGE ? allocate(slab, size) : page_memory(slab, bytes_of(&page));
  if (!page.memory) {
    give_entry(slab, number);
    return WPM_ERR_NO_MEMORY;
  }
  slab->pages[number] = page;
  if (class != LARGE) {
    hide(page.memory, bytes_of(&page));
    list(slab, number);
  }
  *out = number;
  return WPM_OK;
}

/* A block of a page that has one. Blocks given back are linked through their first bytes. */
static uint32_t pop(wpm_slab *slab, wpm_slab_page *page) {
  uint32_t index;
  if (page->unused) {
    index = page->unused - 1u;
    uint8_t *at = page->memory + (size_t)index * page->size;
    show(at, page->size);
    memcpy(&page->unused, at, sizeof(page->unused));
    if (page->unused) { /* For the next who takes one. */
      const uint8_t *next = page->memory + (size_t)(page->unused - 1u) * page->size;
      wpm_prefetch(next, page->size < MOST_PREFETCHED ? page->size : MOST_PREFETCHED);
    }
  } else {
    index = page->fresh++;
    show(page->memory + (size_t)index * page->size, page->size);
  }
  (void)slab;
  page->live++;
  return index;
}

int wpm_slab_take(wpm_slab *slab, size_t size, wpm_block *out) {
  size_t rounded;
  assert(size > 0);
  if (size > UINT32_MAX / 2) {
    return WPM_ERR_NO_MEMORY;
  }
  unsigned class = class_of(size, &rounded);
  uint32_t number = class == LARGE ? 0 : slab->with_room[class];
  if (!number) {
    int err = add_page(slab, class, rounded, &number);
    if (err) {
      return err;
    }
  }
  wpm_slab_page *page = &slab->pages[number];
  slab->blocks++;
  if (class == LARGE) {
    page->live = 1;
    *out = number << WPM_SLAB_INDEX_BITS;
    return WPM_OK;
  }
  uint32_t index = pop(slab, page);
  if (!page->unused && page->fresh == page->blocks) {
    unlist(slab, number);
  }
  *out = number << WPM_SLAB_INDEX_BITS | index * (page->size / WPM_SLAB_GRANULE);
  return WPM_OK;
}

static void drop_page(wpm_slab *slab, uint32_t number) {
  wpm_slab_page *page = &slab->pages[number];
  if (page->listed) {
    unlist(slab, number);
  }
  size_t bytes = bytes_of(page);
  show(page->memory, bytes);
  if (bytes == WPM_SLAB_PAGE && page->class != LARGE && !slab->spare) {
    slab->spare = page->memory;
  } else {
    slab->bytes -= bytes;
    free(page->memory);
  }
  give_entry(slab, number);
}

void wpm_slab_give(wpm_slab *slab, wpm_block block) {
  if (!block) {
    return;
  }
  const uint32_t mask = (1u << WPM_SLAB_INDEX_BITS) - 1;
  uint32_t number = block >> WPM_SLAB_INDEX_BITS;
  wpm_slab_page *page = &slab->pages[number];
  assert(number < slab->page_count && page->memory && page->live > 0);
  slab->blocks--;
  if (--page->live == 0) {
    drop_page(slab, number);
    return;
  }
  uint16_t index = (uint16_t)((block & mask) / (page->size / WPM_SLAB_GRANULE));
  uint8_t *at = page->memory + (size_t)index * page->size;
  memcpy(at, &page->unused, sizeof(page->unused));
  hide(at, page->size);
  page->unused = (uint16_t)(index + 1);
  if (!page->listed) {
    list(slab, number);
  }
}
