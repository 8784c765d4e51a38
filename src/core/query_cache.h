/* The latest queries, and how many peers match in each page of slots: what has not changed since is not
 * worked out again. No answer depends on what is kept.
 *
 * wakupeers' own: who shows peers asks the same few queries over and over, and little changes in between.
 */
#ifndef WPM_CORE_QUERY_CACHE_H
#define WPM_CORE_QUERY_CACHE_H

#include "base/bits.h"

#define WPM_QUERY_CACHE 256u   /* Queries kept: a table of 40 protocols by state, and more. */
#define WPM_QUERY_KEY_MAX 512u /* Longer ones are not kept, and share one place. */

typedef struct wpm_query_answer {
  uint8_t *key;      /* The query's terms in one string; WPM_QUERY_KEY_MAX bytes. NULL: free. */
  size_t key_len;    /* Its length; 0: of a query that is not kept. */
  uint64_t hash;     /* Of the key. */
  uint32_t *stamps;  /* By page of slots: its stamp when it was looked at; 0: never. */
  uint16_t *counts;  /* By page of slots: peers that match. */
  uint16_t *most;    /* By page of slots: at most how many match. Those of the latest pick. */
  uint32_t length;   /* Pages. */
  uint32_t capacity; /* Room in the arrays. */
  uint64_t total;    /* Sum of `counts`. */
  uint64_t used;     /* When it was last asked, by the cache's clock. */
} wpm_query_answer;

typedef struct wpm_query_cache {
  wpm_query_answer *answers; /* WPM_QUERY_CACHE at most. */
  uint32_t count;            /* In use. */
  uint32_t capacity;         /* Allocated. */
  uint64_t clock;            /* Queries so far. */
  size_t bytes;              /* Memory held. */
} wpm_query_cache;

void wpm_query_cache_fini(wpm_query_cache *cache);

#endif
