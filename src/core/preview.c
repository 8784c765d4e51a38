/* A dry run: the dials to come, and who would be evicted (<wakupeers/explain.h>). */
#include "core/explain.h"

/* ---- the least of a heap, in order, without changing it -------------------------------------- */

/* The entries whose turn may be next: of each that was taken the two below it are. */
typedef struct frontier {
  const wpm_heap *heap;
  size_t positions[WPM_PREVIEW_MAX + 1];
  size_t count;
} frontier;

static void open_position(frontier *f, size_t position) {
  if (position <= f->heap->count) {
    f->positions[f->count++] = position;
  }
}

static void begin(frontier *f, const wpm_heap *heap) {
  f->heap = heap;
  f->count = 0;
  open_position(f, 1);
}

static bool comes_before(const wpm_heap_entry *a, const wpm_heap_entry *b) {
  return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->slot < b->slot);
}

/* Takes the next slot; at most WPM_PREVIEW_MAX times. False at the end. */
static bool take(frontier *f, uint32_t *slot) {
  if (f->count == 0) {
    return false;
  }
  size_t best = 0;
  for (size_t i = 1; i < f->count; i++) {
    if (comes_before(wpm_heap_at(f->heap, f->positions[i]),
                     wpm_heap_at(f->heap, f->positions[best]))) {
      best = i;
    }
  }
  size_t position = f->positions[best];
  *slot = wpm_heap_at(f->heap, position)->slot;
  f->positions[best] = f->positions[--f->count];
  open_position(f, 2 * position);
  open_position(f, 2 * position + 1);
  return true;
}

/* ---- the preview ----------------------------------------------------------------------------- */

/* Lists the heap's peers behind the `count` dials there are; returns how many there are then. */
static size_t list(const wpm_manager *m, const wpm_heap *heap, wpm_instant now,
                   wpm_planned_dial *dials, size_t count, size_t cap) {
  frontier f;
  uint32_t slot;
  begin(&f, heap);
  while (count < cap && take(&f, &slot)) {
    wpm_plan plan = wpm_explain_plan(m, slot, now);
    wpm_bytes id = wpm_peer_id_of(m->store, wpm_manager_peer(m, slot));
    dials[count++] = (wpm_planned_dial){id, plan.next_dial, plan.held_by};
  }
  return count;
}

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

int wpm_manager_preview(const wpm_manager *m, wpm_instant now, wpm_planned_dial *dials, size_t cap,
                        wpm_preview *out) {
  cap = cap < WPM_PREVIEW_MAX ? cap : WPM_PREVIEW_MAX;
  *out = (wpm_preview){
      .ready = m->ready.count,
      .waiting = m->waiting.count,
      .places = m->places,
      .kept = m->reserved,
      .max_places = wpm_manager_most_places(m),
  };
  if (!m->stopping) {
    out->dial_count = list(m, &m->ready, now, dials, 0, cap);
    out->dial_count = list(m, &m->waiting, now, dials, out->dial_count, cap);
  }
  return foretell_eviction(m->store, out);
}
