/* A manager among the peers that a crawl would find: all heard of, and a thousand of them connected; and the
 * facts that it is asked to take in. One at a time, and everything in it is fixed. */
#ifndef WPM_BENCH_MANAGER_KIT_H
#define WPM_BENCH_MANAGER_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void manager_kit_make(uint32_t count);
void manager_kit_drop(void);

/* Time passes. */
void manager_kit_pass(int64_t ns);

typedef struct manager_kit_kind {
  const char *name;
  void (*once)(void); /* Ends the program where it fails. */
  int events;         /* In it. */
  bool afresh;        /* Of a manager that has lived through nothing else. */
} manager_kit_kind;

extern const manager_kit_kind manager_kit_kinds[];
extern const size_t manager_kit_kind_count;

#endif
