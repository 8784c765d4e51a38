/* Asking a query: its plan, and its answer as far as it is kept.
 *
 * wakupeers' own, as the plan (core/query_plan.h) and what is kept (core/query_cache.h) are.
 */
#ifndef WPM_CORE_QUERY_ASK_H
#define WPM_CORE_QUERY_ASK_H

#include "core/query_plan.h"

/* A query that is being asked. */
typedef struct wpm_question {
  wpm_query_plan plan;
  wpm_query_machine machine;
  wpm_query_answer *answer; /* Of the store's cache. */
  uint32_t page;            /* That was worked out last; UINT32_MAX: none was. */
  const uint64_t *bits;     /* Its bits. */
} wpm_question;

/* Makes the query ready, without an answer. WPM_ERR_INVALID. */
WPM_MUST_USE int wpm_query_make_ready(const wpm_store *store, const wpm_query *query,
                                      wpm_question *out);

/* Makes the query ready; the answer is as it was left. WPM_ERR_INVALID, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_query_ask(const wpm_store *store, const wpm_query *query, wpm_question *out);

/* Whether the answer still holds for the page. */
static inline bool wpm_query_is_fresh(const wpm_question *q, uint32_t page) {
  return q->answer->stamps[page] == q->plan.store->indexes.stamps[page];
}

/* The bits of the page that match; NULL: none does. They last until the next page. */
static inline const uint64_t *wpm_query_bits(wpm_question *q, uint32_t page) {
  if (q->page != page) {
    q->bits = wpm_query_work_out(&q->machine, page);
    q->page = page;
  }
  return q->bits;
}

/* How many of the page match. */
unsigned wpm_query_count_page(wpm_question *q, uint32_t page);

/* Makes the answer hold for every page, and its total with them. */
void wpm_query_bring_up_to_date(wpm_question *q);

#endif
