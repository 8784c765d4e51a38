#include "support/alloc_fail.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);

/* Visible, because the linker also redirects the references it sees in shared libraries. */
#define WRAPPER __attribute__((visibility("default")))
WRAPPER void *__wrap_malloc(size_t size);
WRAPPER void *__wrap_calloc(size_t count, size_t size);
WRAPPER void *__wrap_realloc(void *old, size_t size);

/* Atomic, because worker threads allocate too. */
static atomic_size_t seen;
static atomic_size_t failed;
static atomic_size_t first_to_fail; /* 0: none */
static atomic_bool only_one;
static atomic_size_t largest;
static atomic_size_t largest_touched;

static bool must_fail(void) {
  size_t first = atomic_load(&first_to_fail);
  if (first == 0) {
    return false;
  }
  size_t number = atomic_fetch_add(&seen, 1) + 1;
  bool fails = atomic_load(&only_one) ? number == first : number >= first;
  if (fails) {
    atomic_fetch_add(&failed, 1);
  }
  return fails;
}

static void raise_to(atomic_size_t *most, size_t size) {
  size_t before = atomic_load(most);
  while (before < size && !atomic_compare_exchange_weak(most, &before, size)) {}
}

void *__wrap_malloc(size_t size) {
  raise_to(&largest, size);
  return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  raise_to(&largest, count * size);
  raise_to(&largest_touched, count * size);
  return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
  raise_to(&largest, size);
  raise_to(&largest_touched, size);
  return must_fail() ? NULL : __real_realloc(old, size);
}

static void arm(size_t n, bool once) {
  atomic_store(&seen, 0);
  atomic_store(&failed, 0);
  atomic_store(&only_one, once);
  atomic_store(&first_to_fail, n);
}

void wpm_alloc_fail_at(size_t n) {
  arm(n, false);
}

void wpm_alloc_fail_once_at(size_t n) {
  arm(n, true);
}

void wpm_alloc_fail_off(void) {
  atomic_store(&first_to_fail, 0);
}

size_t wpm_alloc_failed(void) {
  return atomic_load(&failed);
}

void wpm_alloc_watch(void) {
  atomic_store(&largest, 0);
  atomic_store(&largest_touched, 0);
}

size_t wpm_alloc_largest(void) {
  return atomic_load(&largest);
}

size_t wpm_alloc_largest_touched(void) {
  return atomic_load(&largest_touched);
}
