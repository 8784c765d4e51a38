/* A query made ready: its terms in postfix order, worked out a page of 4 096 slots at a time.
 *
 * - A protocol, shard or tag without an index of its own is looked for in the peers of the page.
 * - At least and at most how many of a page match follows from how many there have each attribute,
 *   without a look at the page.
 *
 * wakupeers' own: a count that follows from what is counted already needs no look at a peer.
 */
#ifndef WPM_CORE_QUERY_PLAN_H
#define WPM_CORE_QUERY_PLAN_H

#include "core/store.h"

/* A term, with what it is looked up by. */
typedef struct wpm_operand {
  wpm_term_kind kind;
  unsigned attribute; /* Of a fixed one. */
  uint32_t index;     /* 1 + the number of an index; 0: none. */
  uint32_t handle;    /* Of a name without an index; 0: nobody has it. */
  wpm_text tag;       /* Of a tag without an index. */
} wpm_operand;

typedef struct wpm_query_plan {
  const wpm_store *store;
  wpm_operand operands[WPM_QUERY_TERMS_MAX];
  size_t count;
} wpm_query_plan;

/* WPM_ERR_INVALID: the query is none. */
WPM_MUST_USE int wpm_query_plan_make(const wpm_store *store, const wpm_query *query,
                                     wpm_query_plan *out);

#define WPM_QUERY_STACK                                                                            \
  (WPM_QUERY_DEPTH_MAX + 4) /* Terms that stand for several need a few more. */

typedef struct wpm_query_machine {
  const wpm_query_plan *plan;
  uint32_t page;
  size_t depth;
  const uint64_t *stack[WPM_QUERY_STACK]; /* Results: their bits; NULL: nobody matches. */
  uint64_t words[WPM_QUERY_STACK][WPM_BITS_WORDS];
} wpm_query_machine;

/* The bits of the page that match; NULL: none does. They last until the machine is used again. */
const uint64_t *wpm_query_work_out(wpm_query_machine *m, uint32_t page);

/* One word of these bits, without a look at the others: where few slots are in use. */
uint64_t wpm_query_word(const wpm_query_plan *p, uint32_t page, uint32_t word);

/* Asks for the memory that working the page out reads. */
void wpm_query_prefetch(const wpm_query_plan *p, uint32_t page);

#define WPM_QUERY_BLOCK 64u /* Pages whose ranges are worked out at once. */

/* How many peers of each page match: at least `low`, at most `high`. */
typedef struct wpm_query_range {
  int16_t low[WPM_QUERY_BLOCK], high[WPM_QUERY_BLOCK];
} wpm_query_range;

/* The ranges of `count` pages from `first` on; those behind are 0. */
void wpm_query_ranges(const wpm_query_plan *p, uint32_t first, uint32_t count,
                      wpm_query_range *out);

#endif
