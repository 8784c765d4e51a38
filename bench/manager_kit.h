/* A manager among the peers that a crawl would find: all heard of, ten of them connected of its own choice and
 * 990 more that came in; and the facts that it is asked to take in. One at a time, and everything in it is fixed. */
#ifndef WPM_BENCH_MANAGER_KIT_H
#define WPM_BENCH_MANAGER_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void manager_kit_make(uint32_t count);
void manager_kit_drop(void);

/* Some events need something to come before them: a dial in flight, a connection, room in the store. So they
 * go by batches: a minute passes, all is made ready, the events come (that alone is measured), each is looked
 * at whether it did what it says, and all is put back as it was. Every event of a batch is of a peer of its own,
 * and which those are is fixed. */
typedef struct manager_kit_kind {
  const char *name;
  const char *phase;                           /* Its name among the budgets. */
  void (*ready)(uint32_t at, uint32_t number); /* For the event `at` of the batch, of that peer. */
  void (*once)(uint32_t at, uint32_t number);
  void (*over)(uint32_t at, uint32_t number);
  uint32_t batch; /* Most at once. */
} manager_kit_kind;

/* The last leaves another million behind. */
extern const manager_kit_kind manager_kit_kinds[];
extern const size_t manager_kit_kind_count;

/* How many of the kind come at once, of `most`. */
uint32_t manager_kit_batch(const manager_kit_kind *kind, uint32_t most);
/* The steps of a batch. The program ends where one of them fails. */
void manager_kit_ready(const manager_kit_kind *kind, uint32_t count);
void manager_kit_run(const manager_kit_kind *kind, uint32_t count);
void manager_kit_over(const manager_kit_kind *kind, uint32_t count);

/* So many others are heard of again: what a batch made ready is in the caches no more. */
void manager_kit_hear_others(uint32_t count);

#endif
