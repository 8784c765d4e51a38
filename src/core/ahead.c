#include "core/ahead.h"

#include "core/inbound.h"

#include "base/prefetch.h"

/* What is kept for a slot, whoever has it: all but what its peer names. */
static inline __attribute__((always_inline)) void ask_for_slot(const wpm_manager *m,
                                                               uint32_t slot) {
  wpm_prefetch(wpm_manager_peer(m, slot), m->store->stride);
  wpm_heap_prefetch(&m->waiting, slot);
  wpm_heap_prefetch(&m->ready, slot);
  wpm_heap_prefetch(&m->restart, slot);
}

/* The slot of the id, or the one that it will get. */
static void ask_for_id(const wpm_manager *m, wpm_hashed_id id) {
  uint32_t slot = wpm_map_guess(&m->store->by_id, id.hash);
  slot = slot == WPM_SLOT_NONE ? m->store->first_free : slot;
  if (slot < m->restart.slots) { /* Nothing is kept for a tombstone that was restored. */
    ask_for_slot(m, slot);
  }
}

static bool begins_with_its_peer(wpm_event_type type) {
  return type == WPM_EVENT_FOUND || type == WPM_EVENT_CONNECTED || type == WPM_EVENT_DIAL_FAILED ||
         type == WPM_EVENT_PRUNED || type == WPM_EVENT_IMPORTED;
}

void wpm_ahead_of_event(wpm_manager *m, const wpm_event *event) {
  if (!begins_with_its_peer(event->type) || wpm_store_is_latest(m->store, event->peer)) {
    return;
  }
  wpm_hashed_id id = wpm_store_hash(m->store, event->peer);
  if (event->type == WPM_EVENT_CONNECTED && event->u.connected.direction == WPM_INBOUND) {
    wpm_inbound_ask_for(m, event->peer, event->u.connected.remote);
  }
  ask_for_id(m, id);
}

void wpm_ahead_of_found(const wpm_manager *m, uint32_t slot) {
  wpm_store_ask_for_parts(m->store, slot);
  uint32_t group = wpm_manager_policy(m, slot)->group;
  if (group) {
    wpm_prefetch(&m->groups.list[group - 1], sizeof(*m->groups.list));
  }
}

void wpm_ahead_of_change(const wpm_manager *m, uint32_t slot) {
  ask_for_slot(m, slot);
  wpm_store_ask_for_parts(m->store, slot);
}

void wpm_ahead_of_end(const wpm_manager *m, uint32_t slot) {
  ask_for_slot(m, slot);
  wpm_store_ask_for_place(m->store, slot);
}
