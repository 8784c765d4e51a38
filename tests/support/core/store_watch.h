/* Watching a store that changes, beside the model of it: consumers of its feed, and listings that go
 * on while peers come and go. What they see must agree with what the model says was there. */
#pragma once

#include "support/core/store_model.h"

/* A consumer that keeps a copy of every peer and renews what the feed names, no more. */
typedef struct wpm_feed_reader {
  uint64_t cursor;
  bool known[WPM_MODEL_IDS];
  wpm_model_peer copies[WPM_MODEL_IDS];
  uint64_t missed; /* Times it was told that it missed some. */
} wpm_feed_reader;

/* Begins with the peers that there are. */
void wpm_feed_reader_begin(wpm_feed_reader *reader, const wpm_store *store, const wpm_model *model);

/* Reads all there is; then its copies are the peers that are held, as they are. Fails the test where
 * they are not: those that the feed named, and `only` (WPM_MODEL_IDS: all). */
void wpm_feed_reader_catch_up(wpm_feed_reader *reader, const wpm_store *store,
                              const wpm_model *model, unsigned only);

/* A listing under way. */
typedef struct wpm_lister {
  wpm_query query;
  wpm_term terms[3];
  uint64_t cursor;
  uint64_t lives[WPM_MODEL_IDS]; /* Which peer of each id was there, and matched, all the while. */
  unsigned seen[WPM_MODEL_IDS];
  bool everybody; /* By wpm_store_next rather than a query. */
} wpm_lister;

/* Begins a listing of the peers that match `query` of at most three terms; NULL: of all. */
void wpm_lister_begin(wpm_lister *lister, const wpm_model *model, const wpm_query *query);
/* The model has changed. */
void wpm_lister_look(wpm_lister *lister, const wpm_model *model);
/* Lists up to `count` more. False: it has come to its end, and was right. */
bool wpm_lister_go_on(wpm_lister *lister, wpm_store *store, const wpm_model *model, size_t count);
