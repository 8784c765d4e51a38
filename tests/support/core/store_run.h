/* One run of the store beside the model of it (support/core/store_model.h): what it holds, random
 * values, operations that are done on both, and comparisons of the two. */
#pragma once

#include "support/core/store_watch.h"
#include "support/records.h"

typedef struct wpm_run {
  wpm_store *store;
  wpm_model model;
  uint64_t random;
  wpm_instant now;
  wpm_peer_ref refs[WPM_MODEL_IDS];  /* As given at some time, */
  uint64_t ref_lives[WPM_MODEL_IDS]; /* to which peer of the id; 0: none yet. */
  size_t changes;                    /* That the feed keeps at most. */
  wpm_feed_reader prompt;
  wpm_feed_reader lazy;
  wpm_lister listers[2];
  uint64_t listed; /* Listings that came to their end. */
  bool lacking;    /* An allocation of this step is made to fail. */
  uint64_t lacked; /* Calls that failed for it. */
} wpm_run;

/* ---- values ---------------------------------------------------------------------------------- */

static inline uint64_t wpm_run_below(wpm_run *r, uint64_t bound) {
  return wpm_test_random_below(&r->random, bound);
}

static inline bool wpm_run_one_in(wpm_run *r, uint64_t n) {
  return wpm_run_below(r, n) == 0;
}

/* Different protocols, at most so many, in any order: a store may count one that is named twice against
 * its cap. */
size_t wpm_run_protocols(wpm_run *r, wpm_text *out, size_t most);
wpm_text wpm_run_name(wpm_run *r);
wpm_bytes wpm_run_address(wpm_run *r);
/* Keys, envelopes and values: empty, short, long, and what an id carries. */
wpm_bytes wpm_run_bytes(wpm_run *r);
int64_t wpm_run_ttl(wpm_run *r);
wpm_wall wpm_run_time(wpm_run *r);
/* Of this boot or an earlier one; over, under way, or without end. */
wpm_wait wpm_run_wait(wpm_run *r);
wpm_wait wpm_run_ban(wpm_run *r);
/* An expression of at most so many terms; what is left over at its end is ANDed. */
size_t wpm_run_query(wpm_run *r, wpm_term *terms, size_t most);

/* ---- doing and comparing --------------------------------------------------------------------- */

/* An operation on both, on peer `id`; `which` is below the count. The likelier come several times. */
extern const size_t wpm_run_operations;
void wpm_run_operation(wpm_run *r, size_t which, unsigned id);
/* Both take note of the time. */
void wpm_run_advance(wpm_run *r);

/* Fail the test where the two differ: in the answer to a random query, in a peer, in anything. */
void wpm_run_compare_query(wpm_run *r);
void wpm_run_compare_peer(wpm_run *r, unsigned id);
void wpm_run_compare_all(wpm_run *r);
