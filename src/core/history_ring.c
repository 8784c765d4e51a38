#include "core/history_ring.h"

#include "core/manager.h"
#include "core/rules.h"

#include "base/prefetch.h"

#define FEWEST 16u      /* Entries that there is room for from the start. */
#define RECORD_AHEAD 8u /* What goes so many entries later is asked for: the entry, */
#define CHAIN_AHEAD 4u  /* then the chain that it is of, which lies in memory anywhere, */
#define LINKS_AHEAD 2u  /* then those beside it there. */
#define OLDEST (UINT32_C(1) << 31) /* So many numbers after it an entry goes. */

/* An entry of the order; a hole where the record has another number by now. */
typedef struct turn {
  uint32_t number; /* Lower half. */
  uint32_t place;  /* Where the entry lies. */
} turn;

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

static turn *turn_at(const wpm_history *history, size_t at) {
  return wpm_chunks_at(&history->order, sizeof(turn), at);
}

/* Makes room for `count` entries, or for some more. WPM_ERR_NO_MEMORY: there is the room that was. */
static int reserve(wpm_history *history, size_t count) {
  int err = wpm_chunks_reserve(&history->records, sizeof(wpm_history_record), count);
  size_t fit = least(history->records.capacity, history->most);
  if (!err) {
    err = wpm_chunks_reserve(&history->order, sizeof(turn), 2 * fit);
  }
  history->room = least(fit, history->order.capacity / 2);
  return err;
}

int wpm_history_init(wpm_history *history, size_t most) {
  most = least(most, UINT32_MAX / 4); /* So that each has a number, and twice as many have. */
  *history = (wpm_history){.most = most, .now = WPM_WALL_NONE, .refused = WPM_WALL_NONE};
  return reserve(history, least(most, FEWEST));
}

void wpm_history_fini(wpm_history *history) {
  wpm_chunks_fini(&history->records);
  wpm_chunks_fini(&history->order);
}

/* ---- chains ---------------------------------------------------------------------------------- */

wpm_history_chain *wpm_history_chain_of(wpm_manager *m, uint32_t slot) {
  if (slot == WPM_HISTORY_SLOT_OWN) {
    return &m->history.own;
  }
  return slot == WPM_SLOT_NONE ? &m->history.unknown : &wpm_manager_policy(m, slot)->history;
}

static size_t most_of(uint32_t slot) {
  return slot >= WPM_HISTORY_SLOT_OWN ? WPM_HISTORY_OF_OTHERS : WPM_HISTORY_OF_PEER;
}

/* The oldest of all leaves its circle, and the chain whose head that has. */
static void leave(wpm_manager *m, uint32_t place) {
  wpm_history *history = &m->history;
  wpm_history_record *entry = wpm_history_at(history, place);
  wpm_history_chain *chain = wpm_history_chain_of(m, entry->slot);
  if (chain->latest && wpm_history_at(history, chain->latest - 1)->newer == place) {
    chain->count--;
    chain->latest = chain->count ? chain->latest : 0;
  }
  wpm_history_at(history, entry->newer)->older = entry->older;
  wpm_history_at(history, entry->older)->newer = entry->newer;
}

static void join(wpm_history *history, wpm_history_chain *chain, uint32_t place) {
  wpm_history_record *entry = wpm_history_at(history, place);
  entry->older = entry->newer = place;
  if (chain->latest) {
    wpm_history_record *latest = wpm_history_at(history, chain->latest - 1);
    entry->older = chain->latest - 1;
    entry->newer = latest->newer;
    wpm_history_at(history, latest->newer)->older = place;
    latest->newer = place;
  }
  chain->latest = place + 1;
  chain->count++;
}

/* ---- entering -------------------------------------------------------------------------------- */

static bool is_hole(const wpm_history *history, const turn *one) {
  return wpm_history_at(history, one->place)->number != one->number;
}

/* True where there is room for one more, or can be made. */
static bool may_add(wpm_history *history) {
  if (history->count < history->room) {
    return true;
  }
  if (history->room == history->most || history->number < history->grow_at) {
    return false;
  }
  if (reserve(history, history->room + 1) != WPM_OK) {
    history->grow_at = history->number + history->room;
  }
  return history->count < history->room;
}

/* Where in the order the oldest of all is; there is one. */
static turn *oldest(wpm_history *history) {
  turn *one = turn_at(history, history->head);
  while (is_hole(history, one)) {
    one = turn_at(history, ++history->head);
  }
  return one;
}

/* The first of the order that came after the one numbered `number`. */
static size_t behind(const wpm_history *history, uint32_t number) {
  const uint32_t back = (uint32_t)history->number - number;
  size_t from = history->head;
  size_t to = history->end;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if ((uint32_t)history->number - turn_at(history, middle)->number < back) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}

/* The entry at `from` lies at `to` from now on. */
static void move(wpm_manager *m, uint32_t from, uint32_t to) {
  wpm_history *history = &m->history;
  wpm_history_record *entry = wpm_history_at(history, to);
  *entry = *wpm_history_at(history, from);
  wpm_history_chain *chain = wpm_history_chain_of(m, entry->slot);
  chain->latest = chain->latest == from + 1 ? to + 1 : chain->latest;
  wpm_history_at(history, entry->newer)->older = to; /* Alone it is its own neighbour, … */
  wpm_history_at(history, entry->older)->newer = to;
  if (entry->older == from) { /* … where it was. */
    entry->older = entry->newer = to;
  }
  turn_at(history, behind(history, entry->number) - 1)->place = to;
}

/* The oldest of all goes where it is too old for its number. */
static void drop_too_old(wpm_manager *m) {
  wpm_history *history = &m->history;
  const turn first = history->count > 0 ? *oldest(history) : (turn){0};
  if (history->count == 0 || (uint32_t)history->number - first.number < OLDEST) {
    return;
  }
  uint32_t last = (uint32_t)--history->count;
  history->head++;
  leave(m, first.place);
  if (first.place != last) {
    move(m, last, first.place);
  }
}

/* Asks for those that will go for the next. */
static inline __attribute__((always_inline)) void ask_ahead(wpm_manager *m) {
  wpm_history *history = &m->history;
  if (history->count < history->room || history->end - history->head <= RECORD_AHEAD) {
    return;
  }
  const turn *later = turn_at(history, history->head + RECORD_AHEAD);
  const turn *soon = turn_at(history, history->head + CHAIN_AHEAD);
  wpm_prefetch(wpm_history_at(history, later->place), sizeof(wpm_history_record));
  uint32_t slot = wpm_history_at(history, soon->place)->slot;
  wpm_prefetch(wpm_history_chain_of(m, slot), sizeof(wpm_history_chain));
  const turn *next = turn_at(history, history->head + LINKS_AHEAD);
  const wpm_history_record *entry = wpm_history_at(history, next->place);
  wpm_prefetch(&wpm_history_at(history, entry->newer)->older, sizeof(entry->older));
  wpm_prefetch(&wpm_history_at(history, entry->older)->newer, sizeof(entry->newer));
}

/* A place that no chain has. */
static uint32_t free_place(wpm_manager *m) {
  wpm_history *history = &m->history;
  if (may_add(history)) {
    return (uint32_t)history->count++;
  }
  const turn *first = oldest(history);
  history->head++;
  leave(m, first->place);
  return first->place;
}

/* Closes the holes. */
static void tidy(wpm_history *history) {
  size_t end = 0;
  for (size_t at = history->head; at < history->end; at++) {
    const turn one = *turn_at(history, at);
    if (!is_hole(history, &one)) {
      *turn_at(history, end++) = one;
    }
  }
  history->head = 0;
  history->end = end;
}

wpm_history_record *wpm_history_append(wpm_manager *m, uint32_t slot) {
  wpm_history *history = &m->history;
  wpm_history_chain *chain = wpm_history_chain_of(m, slot);
  uint32_t place;
  if (history->room == 0) { /* There is some from the start, where any are kept. */
    return NULL;
  }
  if (history->end == history->order.capacity) {
    tidy(history);
  }
  drop_too_old(m);
  if (chain->count >= most_of(slot) && wpm_rule_holds(WPM_RULE_HISTORY_SHARE)) {
    place = wpm_history_at(history, chain->latest - 1)->newer;
    chain->latest = place + 1; /* The circle turns by one. */
  } else {
    place = free_place(m);
    join(history, chain, place);
  }
  history->number++;
  wpm_history_record *entry = wpm_history_at(history, place);
  entry->number = (uint32_t)history->number;
  entry->slot = slot;
  *turn_at(history, history->end++) = (turn){entry->number, place};
  ask_ahead(m);
  return entry;
}

/* ---- finding --------------------------------------------------------------------------------- */

const wpm_history_record *wpm_history_latest(const wpm_history *history) {
  /* The last of the order is never a hole: its entry is the latest of its chain. */
  return history->count > 0 ? wpm_history_at(history, turn_at(history, history->end - 1)->place)
                            : NULL;
}

const wpm_history_record *wpm_history_before(const wpm_history *history, size_t *at) {
  while (*at > history->head) {
    const turn *one = turn_at(history, --*at);
    if (!is_hole(history, one)) {
      return wpm_history_at(history, one->place);
    }
  }
  return NULL;
}

const wpm_history_record *wpm_history_find(const wpm_history *history, uint64_t number,
                                           size_t *at) {
  if (number > history->number || history->number - number > OLDEST) {
    return NULL;
  }
  *at = behind(history, (uint32_t)number);
  return wpm_history_before(history, at);
}
