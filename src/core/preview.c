/* A dry run: the dials and choices to come, who would be evicted, and who would make place
 * (<wakupeers/explain.h>). */
#include "core/crowd.h"
#include "core/explain.h"
#include "core/feelers.h"
#include "core/schedule.h"
#include "core/targets.h"

/* ---- looking into a heap without changing it -------------------------------------------------- */

#define MOST_OPEN 64 /* As many as a heap is high, and more. */

/* Looks at an entry. False: at nothing that comes after it. */
typedef bool (*look_fn)(void *user, const wpm_heap_entry *entry);

static void look_through(const wpm_heap *heap, look_fn look, void *user) {
  size_t open[MOST_OPEN];
  size_t count = 0;
  if (heap->count > 0) {
    open[count++] = 1;
  }
  while (count > 0) {
    size_t position = open[--count];
    if (look(user, wpm_heap_at(heap, position))) {
      for (size_t below = 2 * position + 1; below >= 2 * position; below--) {
        if (below <= heap->count) {
          open[count++] = below;
        }
      }
    }
  }
}

/* ---- the dials to come ------------------------------------------------------------------------- */

/* The soonest of a heap that are dialled for their own sake, in order. */
typedef struct soonest {
  const wpm_manager *m;
  wpm_heap_entry entries[WPM_PREVIEW_MAX];
  size_t count, cap;
  size_t unseen; /* That are not looked at yet. */
} soonest;

static bool comes_before(const wpm_heap_entry *a, const wpm_heap_entry *b) {
  return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->slot < b->slot);
}

static void insert(soonest *s, const wpm_heap_entry *entry) {
  size_t at = s->count < s->cap ? s->count++ : s->cap - 1;
  for (; at > 0 && comes_before(entry, &s->entries[at - 1]); at--) {
    s->entries[at] = s->entries[at - 1];
  }
  s->entries[at] = *entry;
}

static bool look_for_dial(void *user, const wpm_heap_entry *entry) {
  soonest *s = user;
  bool is_full = s->count == s->cap;
  if (s->unseen == 0 || (is_full && !comes_before(entry, &s->entries[s->count - 1]))) {
    return false;
  }
  if (!wpm_manager_policy(s->m, entry->slot)->waits_to_be_chosen) {
    s->unseen--;
    insert(s, entry);
  }
  return true;
}

/* Lists those of the heap's peers, `dials` in all, behind the `count` there are; returns how many there
 * are then. */
static size_t list(const wpm_manager *m, const wpm_heap *heap, size_t dials_in_heap,
                   wpm_instant now, wpm_planned_dial *dials, size_t count, size_t cap) {
  soonest s = {.m = m, .cap = cap - count, .unseen = dials_in_heap};
  if (s.cap > 0) {
    look_through(heap, look_for_dial, &s);
  }
  for (size_t i = 0; i < s.count; i++) {
    uint32_t slot = s.entries[i].slot;
    wpm_plan plan = wpm_explain_plan(m, slot, now);
    wpm_bytes id = wpm_peer_id_of(m->store, wpm_manager_peer(m, slot));
    dials[count++] = (wpm_planned_dial){id, plan.next_dial, plan.held_by};
  }
  return count;
}

/* ---- the choices to come ----------------------------------------------------------------------- */

typedef struct choice {
  const wpm_manager *m;
  wpm_mono at; /* When the next is made, as far as is seen. */
} choice;

static bool look_for_choice(void *user, const wpm_heap_entry *entry) {
  choice *c = user;
  if (entry->at.ns >= c->at.ns) {
    return false;
  }
  if (wpm_schedule_becomes_candidate(c->m, entry->slot)) {
    wpm_mono at = wpm_targets_choice_by(c->m, entry->slot, entry->at);
    c->at = at.ns < c->at.ns ? at : c->at;
  }
  return true;
}

static wpm_mono not_before(wpm_mono at, wpm_mono least) {
  return at.ns < least.ns ? least : at;
}

/* One whose wait is over before may be chosen at once. */
static wpm_mono choice_at(const wpm_manager *m, wpm_instant now) {
  choice c = {m, wpm_targets_choice_at(m)};
  if (c.at.ns != WPM_NEVER.ns) {
    look_through(&m->waiting, look_for_choice, &c);
  }
  return not_before(c.at, now.mono);
}

/* ---- the preview ----------------------------------------------------------------------------- */

static int foretell_eviction(const wpm_store *store, wpm_preview *out) {
  size_t most = store->config.max_peers;
  wpm_peer_ref ref;
  wpm_cause cause;
  out->newcomers = most == 0 ? SIZE_MAX : most > store->count ? most - store->count : 0;
  if (most == 0 || !store->config.evict) {
    return WPM_OK;
  }
  int err = wpm_store_victim(store, &ref, &cause);
  if (err) {
    return err == WPM_ERR_NO_VICTIM ? WPM_OK : err;
  }
  out->victim = wpm_peer_id_of(store, wpm_store_peer(store, ref.slot));
  out->cause = cause;
  return WPM_OK;
}

static int foretell_crowding(const wpm_manager *m, wpm_instant now, wpm_preview *out) {
  size_t room = wpm_schedule_room(m, WPM_SLOT_NONE);
  out->kept_from_inbound = wpm_targets_kept(m);
  out->inbound_room = room > out->kept_from_inbound ? room - out->kept_from_inbound : 0;
  out->crowded_at = WPM_NEVER;
  return room >= out->kept_from_inbound ? wpm_crowd_foretell(m, now, out) : WPM_OK;
}

int wpm_manager_preview(const wpm_manager *m, wpm_instant now, wpm_planned_dial *dials, size_t cap,
                        wpm_preview *out) {
  cap = cap < WPM_PREVIEW_MAX ? cap : WPM_PREVIEW_MAX;
  *out = (wpm_preview){
      .ready = m->ready.count,
      .waiting = m->waiting.count - m->waiting_to_be_chosen,
      .places = m->places,
      .kept = m->reserved,
      .max_places = wpm_manager_most_places(m),
      .choice_at = choice_at(m, now),
      .feeler_at = not_before(wpm_feelers_next_at(m), now.mono),
      .rotation_at = not_before(wpm_targets_rotation_at(m), now.mono),
  };
  if (!m->stopping) {
    out->dial_count = list(m, &m->ready, out->ready, now, dials, 0, cap);
    out->dial_count = list(m, &m->waiting, out->waiting, now, dials, out->dial_count, cap);
  }
  int err = foretell_crowding(m, now, out);
  return err ? err : foretell_eviction(m->store, out);
}
