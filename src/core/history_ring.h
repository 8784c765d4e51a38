/* How the entries of the history are kept (core/history.h).
 *
 * - An entry is of a *chain*: that of its peer, that of what is of no peer, or that of those who are not
 *   held. A chain that has as many as it may gives up its own oldest for the next one: so whoever makes
 *   noise pushes out nothing but his own.
 * - While there is room for more in all the next one takes that; else the oldest of all gives way.
 * - A chain is a circle through its entries, so that its oldest is found from its latest, and an entry
 *   leaves it wherever its peer is by now: the entries of one that went are a circle with nobody at its
 *   head.
 * - The *order* lists entries as they came, with holes where one gave way to its own chain; it has room for
 *   twice as many as there are, and the holes are closed when it comes to its end: a step for each entry
 *   that came meanwhile. An entry is found in it by its number, by halving.
 * - Numbers are kept by their lower half. An entry that is 2^31 numbers old goes, so that they are in order;
 *   the last of the records takes its place.
 *
 * wakupeers' own, as the history is.
 */
#ifndef WPM_CORE_HISTORY_RING_H
#define WPM_CORE_HISTORY_RING_H

#include "base/chunks.h"

#include <wakupeers/explain.h>

/* Most entries of one chain. */
#define WPM_HISTORY_OF_PEER WPM_HISTORY_PEER_MOST
#define WPM_HISTORY_OF_OTHERS WPM_HISTORY_OWN_MOST

/* One entry as it is kept. */
typedef struct wpm_history_record {
  int64_t wall;    /* When, in ns since 1970. */
  uint32_t number; /* Lower half. */
  uint32_t slot;  /* Its peer's, then; WPM_SLOT_NONE: not held; WPM_HISTORY_SLOT_OWN: of no peer. */
  uint32_t older; /* Where the one before it in its chain lies; of the oldest, the latest. */
  uint32_t newer; /* The one behind it; of the latest, the oldest. */
  uint8_t kind;   /* wpm_history_kind */
  uint8_t reason; /* wpm_reason */
  uint8_t detail; /* wpm_direction, or of one evicted wpm_cause. */
  uint8_t id_len; /* 0: of no peer, or the id is too long to be kept. */
  uint8_t id[WPM_HISTORY_ID_MAX];
} wpm_history_record;

_Static_assert(sizeof(wpm_history_record) == 72, "with the order 88 bytes an entry");

#define WPM_HISTORY_SLOT_OWN (UINT32_MAX - 1)

/* The head of a chain; all zero: there is none. */
typedef struct wpm_history_chain {
  uint32_t latest; /* 1 + where its latest entry lies; 0: it has none. */
  uint32_t count;  /* Its entries. */
} wpm_history_chain;

typedef struct wpm_history {
  wpm_chunks records;        /* Entries. */
  wpm_chunks order;          /* Where each lies, as they came; with holes. */
  size_t most;               /* Entries it may have; 0: none are kept. */
  size_t room;               /* Entries that fit into what is allocated. */
  size_t count;              /* Entries held: the first so many of `records`. */
  size_t head, end;          /* The part of `order` in use. */
  uint64_t number;           /* Of the latest one; 0: there was none. */
  uint64_t grow_at;          /* From this number on, growing is tried again. */
  wpm_history_chain own;     /* What is of no peer. */
  wpm_history_chain unknown; /* Of those that are not held. */
  wpm_wall now;              /* When what happens now happens. */
  wpm_wall refused;          /* When a stranger's refusal was last entered; WPM_WALL_NONE: never. */
} wpm_history;

/* WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_history_init(wpm_history *history, size_t most);
void wpm_history_fini(wpm_history *history);

static inline wpm_history_record *wpm_history_at(const wpm_history *history, uint32_t place) {
  return wpm_chunks_at(&history->records, sizeof(wpm_history_record), place);
}

/* The chain of that slot, as of an entry. */
wpm_history_chain *wpm_history_chain_of(wpm_manager *m, uint32_t slot);

/* A new entry, at the end of the chain of `slot`: its number, slot and links are set. NULL: none is kept. */
wpm_history_record *wpm_history_append(wpm_manager *m, uint32_t slot);

/* The latest entry of all; NULL: there is none. */
const wpm_history_record *wpm_history_latest(const wpm_history *history);

/* The entry itself, or else the latest with a lower number, from which on wpm_history_before goes back;
 * *at is where in the order. NULL: none is kept. */
const wpm_history_record *wpm_history_find(const wpm_history *history, uint64_t number, size_t *at);
const wpm_history_record *wpm_history_before(const wpm_history *history, size_t *at);

/* An entry's whole number. */
static inline uint64_t wpm_history_number(const wpm_history *history,
                                          const wpm_history_record *entry) {
  return history->number - (uint32_t)((uint32_t)history->number - entry->number);
}

#endif
