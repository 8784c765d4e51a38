#include "support/core/history_kit.h"

#include "support/test.h"

wpm_world *wpm_history_world(size_t max_history) {
  wpm_world *w = wpm_world_new(100);
  w->config.max_history = max_history;
  wpm_world_start(w);
  return w;
}

wpm_history_entry wpm_history_next(const wpm_world *w, int peer, uint64_t *cursor) {
  wpm_history_entry entry;
  bool found = peer < 0
                   ? wpm_manager_next_history(w->manager, cursor, &entry)
                   : wpm_manager_next_history_of(w->manager, wpm_world_id(peer), cursor, &entry);
  assert_true(found);
  assert_int_equal(entry.number, *cursor);
  return entry;
}

void wpm_history_expect_end(const wpm_world *w, int peer, uint64_t cursor) {
  wpm_history_entry entry;
  assert_false(peer < 0
                   ? wpm_manager_next_history(w->manager, &cursor, &entry)
                   : wpm_manager_next_history_of(w->manager, wpm_world_id(peer), &cursor, &entry));
}

void wpm_history_expect_is(const wpm_history_entry *entry, int peer, wpm_history_kind kind,
                           wpm_reason reason) {
  assert_string_equal(wpm_history_kind_name(entry->kind), wpm_history_kind_name(kind));
  assert_string_equal(wpm_reason_name(entry->reason), wpm_reason_name(reason));
  assert_int_equal(entry->peer.len, wpm_world_id(peer).len);
  assert_memory_equal(entry->peer.data, wpm_world_id(peer).data, entry->peer.len);
}

size_t wpm_history_count(const wpm_world *w, int peer) {
  wpm_history_entry entry;
  uint64_t cursor = 0;
  size_t count = 0;
  while (peer < 0 ? wpm_manager_next_history(w->manager, &cursor, &entry)
                  : wpm_manager_next_history_of(w->manager, wpm_world_id(peer), &cursor, &entry)) {
    count++;
  }
  return count;
}

void wpm_history_own(wpm_world *w, wpm_network_state state) {
  wpm_event e = {.type = WPM_EVENT_NETWORK};
  e.u.network.state = state;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}
