#include "core/history.h"

#include "core/manager.h"
#include "core/rules.h"

#include "base/bytes.h"

#include <string.h>

/* What is told of, but for whom and when. */
typedef struct what {
  wpm_history_kind kind;
  wpm_reason reason;
  uint8_t detail; /* As of a record. */
} what;

#define SAME_AGAIN WPM_MINUTE
#define LOOK_BACK 3 /* As many as there are kinds of what a peer can do at will. */
#define STRANGERS_EVERY WPM_SECOND

/* ---- entering -------------------------------------------------------------------------------- */

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
static bool repeats(wpm_manager *m, uint32_t slot, wpm_history_kind kind) {
  const wpm_history *history = &m->history;
  const wpm_history_chain *chain = wpm_history_chain_of(m, slot);
  uint32_t place = chain->latest - 1;
  for (unsigned i = 0; i < LOOK_BACK && i < chain->count; i++) {
    const wpm_history_record *last = wpm_history_at(history, place);
    if (!is_at_will((wpm_history_kind)last->kind)) {
      return false;
    }
    if (last->kind == kind) {
      return is_within(last->wall, history->now, SAME_AGAIN);
    }
    place = last->older;
  }
  return false;
}

static void enter(wpm_manager *m, uint32_t slot, wpm_bytes id, what happened) {
  wpm_history_record *entry = wpm_history_append(m, slot);
  if (!entry) {
    return;
  }
  entry->wall = m->history.now.ns;
  entry->kind = (uint8_t)happened.kind;
  entry->reason = (uint8_t)happened.reason;
  entry->detail = happened.detail;
  entry->id_len = id.len <= sizeof(entry->id) ? (uint8_t)id.len : 0;
  if (entry->id_len > 0) {
    memcpy(entry->id, id.data, entry->id_len);
  }
}

static void enter_of_slot(wpm_manager *m, uint32_t slot, what happened) {
  bool again = repeats(m, slot, happened.kind) && wpm_rule_holds(WPM_RULE_HISTORY_REPEATS);
  if (m->history.most > 0 && !again) {
    enter(m, slot, wpm_peer_id_of(m->store, wpm_manager_peer(m, slot)), happened);
  }
}

void wpm_history_note(wpm_manager *m, uint32_t slot, wpm_history_kind kind, wpm_reason reason) {
  enter_of_slot(m, slot, (what){kind, reason, 0});
}

void wpm_history_note_connection(wpm_manager *m, uint32_t slot, wpm_history_kind kind,
                                 wpm_reason reason, wpm_direction direction) {
  enter_of_slot(m, slot, (what){kind, reason, (uint8_t)direction});
}

void wpm_history_note_refused(wpm_manager *m, uint32_t slot, wpm_bytes id, wpm_reason reason,
                              wpm_direction direction) {
  wpm_history *history = &m->history;
  const what refused = {WPM_HISTORY_REFUSED, reason, (uint8_t)direction};
  if (slot != WPM_SLOT_NONE) {
    enter_of_slot(m, slot, refused);
  } else if (!is_within(history->refused.ns, history->now, STRANGERS_EVERY) ||
             !wpm_rule_holds(WPM_RULE_HISTORY_STRANGERS)) {
    history->refused = history->now;
    enter(m, slot, id, refused);
  }
}

void wpm_history_note_own(wpm_manager *m, wpm_history_kind kind) {
  const wpm_history_record *last = wpm_history_latest(&m->history);
  bool is_again = last && last->kind == kind && is_within(last->wall, m->history.now, SAME_AGAIN);
  if (!is_again || !wpm_rule_holds(WPM_RULE_HISTORY_REPEATS)) {
    enter(m, WPM_HISTORY_SLOT_OWN, (wpm_bytes){NULL, 0}, (what){kind, WPM_REASON_NONE, 0});
  }
}

void wpm_history_note_gone(wpm_manager *m, uint32_t slot, wpm_cause cause) {
  bool is_evicted = cause != WPM_CAUSE_FACT && cause != WPM_CAUSE_PERSON;
  enter(m, WPM_SLOT_NONE, wpm_peer_id_of(m->store, wpm_manager_peer(m, slot)),
        (what){is_evicted ? WPM_HISTORY_EVICTED : WPM_HISTORY_REMOVED, WPM_REASON_NONE,
               is_evicted ? (uint8_t)cause : 0});
  *wpm_history_chain_of(m, slot) = (wpm_history_chain){0}; /* Its entries outlive it. */
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool told(const wpm_history *history, const wpm_history_record *from, uint64_t *cursor,
                 wpm_history_entry *out) {
  if (!from) {
    return false;
  }
  bool is_evicted = from->kind == WPM_HISTORY_EVICTED;
  *out = (wpm_history_entry){
      .number = wpm_history_number(history, from),
      .time = {from->wall},
      .peer = {from->id, from->id_len},
      .kind = (wpm_history_kind)from->kind,
      .reason = (wpm_reason)from->reason,
      .direction = is_evicted ? WPM_DIRECTION_NONE : (wpm_direction)from->detail,
      .cause = is_evicted ? (wpm_cause)from->detail : WPM_CAUSE_FACT,
  };
  *cursor = out->number;
  return true;
}

/* The number that the cursor stands behind. */
static uint64_t behind(const wpm_history *history, uint64_t cursor) {
  return (cursor ? cursor : history->number + 1) - 1;
}

bool wpm_manager_next_history(const wpm_manager *m, uint64_t *cursor, wpm_history_entry *out) {
  size_t at;
  return told(&m->history, wpm_history_find(&m->history, behind(&m->history, *cursor), &at), cursor,
              out);
}

static bool is_of(const wpm_history_record *entry, wpm_bytes id) {
  return wpm_bytes_equal((wpm_bytes){entry->id, entry->id_len}, id);
}

/* The latest entry up to `number` with that id; NULL: there is none. */
static const wpm_history_record *look_for(const wpm_history *history, wpm_bytes id,
                                          uint64_t number) {
  size_t at;
  const wpm_history_record *found = NULL;
  if (id.len > 0) { /* That is none; nor is one that is too long to be kept. */
    found = wpm_history_find(history, number, &at);
  }
  while (found && !is_of(found, id)) {
    found = wpm_history_before(history, &at);
  }
  return found;
}

/* The one before it in its chain; NULL: it is the oldest, or not of a peer's chain. */
static const wpm_history_record *linked(const wpm_history *history,
                                        const wpm_history_record *from) {
  const wpm_history_record *older = wpm_history_at(history, from->older);
  bool is_before = wpm_history_number(history, older) < wpm_history_number(history, from);
  return is_before && from->slot < WPM_HISTORY_SLOT_OWN ? older : NULL;
}

/* The latest of one that is held; NULL: it has none. */
static const wpm_history_record *latest_of(const wpm_manager *m, wpm_bytes id) {
  uint32_t slot = wpm_store_find(m->store, id);
  uint32_t latest = slot == WPM_SLOT_NONE ? 0 : wpm_manager_policy(m, slot)->history.latest;
  return latest ? wpm_history_at(&m->history, latest - 1) : NULL;
}

bool wpm_manager_next_history_of(const wpm_manager *m, wpm_bytes peer, uint64_t *cursor,
                                 wpm_history_entry *out) {
  const wpm_history *history = &m->history;
  size_t at;
  const wpm_history_record *found;
  if (*cursor) {
    found = wpm_history_find(history, *cursor, &at);
    bool is_it = found && wpm_history_number(history, found) == *cursor && is_of(found, peer);
    found = is_it ? linked(history, found) : NULL;
  } else {
    found = latest_of(m, peer);
  }
  found = found ? found : look_for(history, peer, behind(history, *cursor));
  return told(history, found, cursor, out);
}
