/* Queries: the best by an order. */
#include "core/query_plan.h"

/* Less is better. */
static int64_t key_by(const wpm_store *store, uint32_t slot, wpm_order order) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  int64_t rtt_ns;
  switch (order) {
  case WPM_ORDER_RTT:
    rtt_ns = wpm_peer_rtt(store, peer);
    return rtt_ns == WPM_SPAN_NONE ? INT64_MAX : rtt_ns;
  case WPM_ORDER_LAST_SEEN:
    return ~wpm_peer_last_seen(store, peer); /* Turned round; no number is lost. */
  case WPM_ORDER_SCORE:
    return -(int64_t)wpm_peer_score(store, peer);
  }
  return 0;
}

static bool better(const wpm_store *store, wpm_order order, wpm_peer_ref a, wpm_peer_ref b) {
  int64_t of_a = key_by(store, a.slot, order);
  int64_t of_b = key_by(store, b.slot, order);
  return of_a != of_b ? of_a < of_b : a.slot < b.slot;
}

/* A heap with the worst in front. */
static void sift(const wpm_store *store, wpm_order order, wpm_peer_ref *heap, size_t count,
                 size_t at) {
  wpm_peer_ref moving = heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child + 1 < count && better(store, order, heap[child], heap[child + 1])) {
      child++;
    }
    if (child >= count || !better(store, order, moving, heap[child])) {
      break;
    }
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moving;
}

static void offer(const wpm_store *store, wpm_order order, wpm_peer_ref *heap, size_t most,
                  size_t *count, wpm_peer_ref ref) {
  if (*count < most) {
    heap[(*count)++] = ref;
    for (size_t i = *count == most ? most / 2 : 0; i-- > 0;) {
      sift(store, order, heap, most, i);
    }
  } else if (better(store, order, ref, heap[0])) {
    heap[0] = ref;
    sift(store, order, heap, most, 0);
  }
}

int wpm_store_query_top(const wpm_store *store, const wpm_query *query, wpm_order order,
                        wpm_peer_ref *out, size_t count, size_t *found) {
  wpm_query_plan p;
  wpm_query_machine m;
  *found = 0;
  int err =
      (unsigned)order < WPM_ORDER_COUNT ? wpm_query_plan_make(store, query, &p) : WPM_ERR_INVALID;
  if (err) {
    return err;
  }
  m.plan = &p;
  for (uint32_t page = 0; count > 0 && page < store->indexes.length; page++) {
    const uint64_t *bits = wpm_query_work_out(&m, page);
    for (uint32_t bit = bits ? wpm_bits_next(bits, 0) : WPM_BITS_PAGE; bit < WPM_BITS_PAGE;
         bit = wpm_bits_next(bits, bit + 1)) {
      offer(store, order, out, count, found, wpm_store_ref_of(store, page * WPM_BITS_PAGE + bit));
    }
  }
  /* Fewer than asked for were never made a heap. */
  for (size_t i = *found / 2; i-- > 0;) {
    sift(store, order, out, *found, i);
  }
  for (size_t i = *found; i > 1; i--) {
    wpm_peer_ref worst = out[0];
    out[0] = out[i - 1];
    out[i - 1] = worst;
    sift(store, order, out, i - 1, 0);
  }
  return WPM_OK;
}
