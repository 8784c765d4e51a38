#include "core/history.h"

#include "core/manager.h"

#include "base/bytes.h"

#include <string.h>

/* One entry as it is kept. */
typedef struct record {
  int64_t wall;      /* When, in ns since 1970. */
  uint32_t slot;     /* Its peer's, then; WPM_SLOT_NONE: it was not held. */
  uint32_t previous; /* How many numbers before it the peer's entry before it is; 0: none. */
  uint8_t kind;      /* wpm_history_kind */
  uint8_t reason;    /* wpm_reason */
  uint8_t detail;    /* wpm_direction, or of one evicted wpm_cause. */
  uint8_t id_len;    /* 0: of no peer, or the id is too long to be kept. */
  uint8_t id[WPM_HISTORY_ID_MAX];
} record;

_Static_assert(sizeof(record) == 64, "an entry is one cache line");

#define FEWEST 16 /* Entries that there is room for from the start. */
#define SAME_AGAIN WPM_MINUTE
#define LOOK_BACK 3 /* As many as there are kinds of what a peer can do at will. */
#define STRANGERS_EVERY WPM_SECOND

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

int wpm_history_init(wpm_history *history, size_t most) {
  most = least(most, UINT32_MAX); /* So that every link fits. */
  *history = (wpm_history){.most = most, .now = WPM_WALL_NONE, .refused = WPM_WALL_NONE};
  return wpm_chunks_reserve(&history->records, sizeof(record), least(most, FEWEST));
}

void wpm_history_fini(wpm_history *history) {
  wpm_chunks_fini(&history->records);
}

/* ---- entering -------------------------------------------------------------------------------- */

static record *record_at(const wpm_history *history, size_t at) {
  return wpm_chunks_at(&history->records, sizeof(record), at);
}

/* How many entries fit into what is allocated. */
static size_t room_of(const wpm_history *history) {
  return least(history->records.capacity, history->most);
}

/* The place of the next entry; NULL: none is kept. At the end of the ring all entries lie in their
 * order, so there it may grow. */
static record *next_place(wpm_history *history) {
  size_t room = room_of(history);
  if (history->at == room && room < history->most &&
      wpm_chunks_reserve(&history->records, sizeof(record), room + 1) == WPM_OK) {
    room = room_of(history);
  }
  if (room == 0) {
    return NULL;
  }
  if (history->at == room) {
    history->at = 0;
  }
  if (history->count < room) {
    history->count++;
  }
  history->number++;
  return record_at(history, history->at++);
}

/* The entry of that number; NULL: it is not kept. */
static const record *find(const wpm_history *history, uint64_t number) {
  uint64_t back = history->number - number;
  if (number == 0 || number > history->number || back >= history->count) {
    return NULL;
  }
  size_t at = history->at + (back < history->at ? 0 : room_of(history)) - 1 - (size_t)back;
  return record_at(history, at);
}

/* The number whose lower half a peer's policy keeps. */
static uint64_t whole_number(const wpm_history *history, uint32_t lower) {
  return history->number - (uint32_t)((uint32_t)history->number - lower);
}

/* The peer's latest entry; 0: none is kept. Where the lower half has come round, the entry found is
 * another's. */
static uint64_t latest_of(const wpm_manager *m, uint32_t slot) {
  uint32_t lower = wpm_manager_policy(m, slot)->history;
  uint64_t number = lower ? whole_number(&m->history, lower) : 0;
  const record *found = find(&m->history, number);
  return found && found->slot == slot ? number : 0;
}

/* True for what a peer can make happen as often as it likes. */
static bool is_at_will(wpm_history_kind kind) {
  switch (kind) {
  case WPM_HISTORY_REFUSED:
  case WPM_HISTORY_IDENTIFIED:
  case WPM_HISTORY_PRUNED:
    return true;
  case WPM_HISTORY_RESTORED:
  case WPM_HISTORY_IMPORTED:
  case WPM_HISTORY_CONNECT_ASKED:
  case WPM_HISTORY_DISCONNECT_ASKED:
  case WPM_HISTORY_DIALLED:
  case WPM_HISTORY_DIAL_FAILED:
  case WPM_HISTORY_DIAL_CANCELLED:
  case WPM_HISTORY_CONNECTED:
  case WPM_HISTORY_PING_MISSED:
  case WPM_HISTORY_SECOND_ENDED:
  case WPM_HISTORY_DISCONNECTED:
  case WPM_HISTORY_BANNED:
  case WPM_HISTORY_UNBANNED:
  case WPM_HISTORY_REMOVED:
  case WPM_HISTORY_EVICTED:
  case WPM_HISTORY_SLEPT:
  case WPM_HISTORY_OFFLINE:
  case WPM_HISTORY_ONLINE:
  case WPM_HISTORY_NETWORK_CHANGED:
  case WPM_HISTORY_SHORTAGE:
  case WPM_HISTORY_PATH_BLOCKED:
  case WPM_HISTORY_PATH_OPEN:
    return false;
  }
  return false;
}

/* True where `then` was less than `span` ago; a clock that was set back has not seen it. */
static bool is_within(int64_t then, wpm_wall now, int64_t span) {
  return then <= now.ns && (uint64_t)now.ns - (uint64_t)then < (uint64_t)span;
}

/* The same kind of thing as not long before, with nothing but such things between. */
static bool repeats(const wpm_history *history, uint64_t latest, const record *entry) {
  const record *last = find(history, latest);
  for (unsigned i = 0; i < LOOK_BACK && last && is_at_will((wpm_history_kind)last->kind); i++) {
    if (last->kind == entry->kind) {
      return is_within(last->wall, history->now, SAME_AGAIN);
    }
    latest -= last->previous;
    last = last->previous ? find(history, latest) : NULL;
  }
  return false;
}

static void enter(wpm_manager *m, uint32_t slot, wpm_bytes id, record entry) {
  uint64_t before = slot == WPM_SLOT_NONE ? 0 : latest_of(m, slot);
  if (repeats(&m->history, before, &entry)) {
    return;
  }
  record *place = next_place(&m->history);
  if (!place) {
    return;
  }
  uint64_t number = m->history.number;
  entry.wall = m->history.now.ns;
  entry.slot = slot;
  entry.previous = before ? (uint32_t)(number - before) : 0;
  entry.id_len = id.len <= sizeof(entry.id) ? (uint8_t)id.len : 0;
  if (entry.id_len > 0) {
    memcpy(entry.id, id.data, entry.id_len);
  }
  *place = entry;
  if (slot != WPM_SLOT_NONE) {
    /* A number whose lower half is 0 cannot be told from none: its peer's entries before it go too. */
    wpm_manager_policy(m, slot)->history = (uint32_t)number;
  }
}

static void enter_of_slot(wpm_manager *m, uint32_t slot, record entry) {
  if (m->history.most > 0) {
    enter(m, slot, wpm_peer_id_of(m->store, wpm_manager_peer(m, slot)), entry);
  }
}

void wpm_history_note(wpm_manager *m, uint32_t slot, wpm_history_kind kind, wpm_reason reason) {
  enter_of_slot(m, slot, (record){.kind = (uint8_t)kind, .reason = (uint8_t)reason});
}

void wpm_history_note_connection(wpm_manager *m, uint32_t slot, wpm_history_kind kind,
                                 wpm_reason reason, wpm_direction direction) {
  enter_of_slot(
      m, slot,
      (record){.kind = (uint8_t)kind, .reason = (uint8_t)reason, .detail = (uint8_t)direction});
}

void wpm_history_note_refused(wpm_manager *m, uint32_t slot, wpm_bytes id, wpm_reason reason,
                              wpm_direction direction) {
  wpm_history *history = &m->history;
  bool is_stranger = slot == WPM_SLOT_NONE;
  if (is_stranger && is_within(history->refused.ns, history->now, STRANGERS_EVERY)) {
    return;
  }
  history->refused = is_stranger ? history->now : history->refused;
  enter(m, slot, id,
        (record){
            .kind = WPM_HISTORY_REFUSED, .reason = (uint8_t)reason, .detail = (uint8_t)direction});
}

void wpm_history_note_own(wpm_manager *m, wpm_history_kind kind) {
  const record *last = find(&m->history, m->history.number);
  bool is_again = last && last->kind == kind && is_within(last->wall, m->history.now, SAME_AGAIN);
  if (!is_again) {
    enter(m, WPM_SLOT_NONE, (wpm_bytes){NULL, 0}, (record){.kind = (uint8_t)kind});
  }
}

void wpm_history_note_gone(wpm_manager *m, uint32_t slot, wpm_cause cause) {
  bool is_evicted = cause != WPM_CAUSE_FACT && cause != WPM_CAUSE_PERSON;
  enter_of_slot(m, slot,
                (record){.kind = is_evicted ? WPM_HISTORY_EVICTED : WPM_HISTORY_REMOVED,
                         .detail = is_evicted ? (uint8_t)cause : 0});
}

/* ---- reading --------------------------------------------------------------------------------- */

static void fill(const record *from, uint64_t number, wpm_history_entry *out) {
  bool is_evicted = from->kind == WPM_HISTORY_EVICTED;
  *out = (wpm_history_entry){
      .number = number,
      .time = {from->wall},
      .peer = {from->id, from->id_len},
      .kind = (wpm_history_kind)from->kind,
      .reason = (wpm_reason)from->reason,
      .direction = is_evicted ? WPM_DIRECTION_NONE : (wpm_direction)from->detail,
      .cause = is_evicted ? (wpm_cause)from->detail : WPM_CAUSE_FACT,
  };
}

bool wpm_manager_next_history(const wpm_manager *m, uint64_t *cursor, wpm_history_entry *out) {
  uint64_t number = (*cursor ? *cursor : m->history.number + 1) - 1;
  const record *found = find(&m->history, number);
  if (found) {
    fill(found, number, out);
    *cursor = number;
  }
  return found != NULL;
}

/* The latest entry before `number` with that id; 0: there is none. */
static uint64_t look_for(const wpm_history *history, wpm_bytes id, uint64_t number) {
  const record *found;
  if (id.len == 0) {
    return 0; /* That is none; nor is one that is too long to be kept. */
  }
  while ((found = find(history, --number)) != NULL) {
    if (wpm_bytes_equal((wpm_bytes){found->id, found->id_len}, id)) {
      return number;
    }
  }
  return 0;
}

/* The peer's entry before the one numbered `number`. */
static uint64_t before(const wpm_history *history, wpm_bytes id, uint64_t number) {
  const record *from = find(history, number);
  if (!from) {
    return 0;
  }
  const record *linked = from->previous ? find(history, number - from->previous) : NULL;
  return linked ? number - from->previous : look_for(history, id, number);
}

bool wpm_manager_next_history_of(const wpm_manager *m, wpm_bytes peer, uint64_t *cursor,
                                 wpm_history_entry *out) {
  const wpm_history *history = &m->history;
  uint64_t number = 0;
  if (*cursor) {
    number = before(history, peer, *cursor);
  } else {
    uint32_t slot = wpm_store_find(m->store, peer);
    number = slot == WPM_SLOT_NONE ? 0 : latest_of(m, slot);
    number = number ? number : look_for(history, peer, history->number + 1);
  }
  const record *found = find(history, number);
  if (found) {
    fill(found, number, out);
    *cursor = number;
  }
  return found != NULL;
}
