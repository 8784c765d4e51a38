/* Contacts of peers: their room, and what is written into them. */
#include "core/store.h"

#include <assert.h>

static wpm_contact_head *head_of(const wpm_store *store, const wpm_peer *peer) {
  return peer->contact ? wpm_slab_at(&store->slab, peer->contact) : NULL;
}

/* ---- room -------------------------------------------------------------------------------------- */

#define LEAST_ROOM 48u /* With a wait, so most changes need no other block. */

static bool is_open(const wpm_store *store, const wpm_peer *peer) {
  return wpm_slab_room(&store->slab, peer->contact) >= WPM_CONTACT_MOST;
}

/* Its packed contact, or the default one. */
static const uint8_t *packed_of(const wpm_store *store, const wpm_peer *peer) {
  return peer->contact ? wpm_peer_contact(store, peer) : (const void *)&wpm_no_contact_head;
}

static int reserve_deadline(wpm_store *store) {
  size_t contacts = (size_t)store->contacts + 1;
  if (contacts <= store->waits.slots && contacts <= store->tombstones.slots) {
    return WPM_OK;
  }
  size_t most = wpm_store_most_tombstones(store);
  /* One more than the cap, for the one that is too many. */
  size_t tombstones = most > 0 && most + 1 < contacts ? most + 1 : contacts;
  int err = wpm_heap_reserve(&store->waits, contacts);
  return err ? err : wpm_heap_reserve(&store->tombstones, tombstones);
}

/* Another block with what the peer's has, in its place. */
static int move_contact(wpm_store *store, wpm_peer *peer, size_t size) {
  wpm_block fresh;
  int err = wpm_slab_take(&store->slab, size > LEAST_ROOM ? size : LEAST_ROOM, &fresh);
  if (err) {
    return err;
  }
  const uint8_t *from = packed_of(store, peer);
  memcpy(wpm_slab_at(&store->slab, fresh), from, WPM_CONTACT_SIZE(wpm_contact_marks(from)));
  wpm_slab_give(&store->slab, peer->contact);
  peer->contact = fresh;
  return WPM_OK;
}

/* Room for `size` bytes and, where `waits`, for its deadline. */
static int make_room(wpm_store *store, wpm_peer *peer, size_t size, bool waits) {
  const wpm_contact_head *head = head_of(store, peer);
  bool counts = waits && !(head && head->marks & WPM_CONTACT_COUNTED);
  int err = counts ? reserve_deadline(store) : WPM_OK;
  if (!err && (!head || wpm_slab_room(&store->slab, peer->contact) < size)) {
    err = move_contact(store, peer, size);
  }
  if (!err && counts) {
    head_of(store, peer)->marks |= WPM_CONTACT_COUNTED;
    store->contacts++;
  }
  return err;
}

static inline int make_contact(wpm_store *store, wpm_peer *peer) {
  return peer->contact ? WPM_OK : move_contact(store, peer, LEAST_ROOM);
}

int wpm_store_make_contact(wpm_store *store, uint32_t slot) {
  return make_contact(store, wpm_store_peer(store, slot));
}

int wpm_store_open_contact(wpm_store *store, uint32_t slot) {
  return make_room(store, wpm_store_peer(store, slot), WPM_CONTACT_MOST, true);
}

int wpm_store_fit_contact(wpm_store *store, uint32_t slot, const wpm_contact_piece *piece) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  return make_room(store, peer, wpm_contact_size_with(packed_of(store, peer), piece),
                   WPM_CONTACT_WAITS(piece->marks) != 0);
}

/* Counted is what has a wait or may get one. */
static void settle_count(wpm_store *store, const wpm_peer *peer) {
  wpm_contact_head *head = head_of(store, peer);
  if (head->marks & WPM_CONTACT_COUNTED && !WPM_CONTACT_WAITS(head->marks) &&
      !is_open(store, peer)) {
    head->marks &= ~WPM_CONTACT_COUNTED;
    store->contacts--;
  }
}

/* Into a smaller block, where that saves any; without the memory for one the old block does. */
static void shrink(wpm_store *store, wpm_peer *peer, size_t size) {
  size = size > LEAST_ROOM ? size : LEAST_ROOM;
  if (wpm_slab_size_for(size) < wpm_slab_room(&store->slab, peer->contact)) {
    int err = move_contact(store, peer, size);
    (void)err;
  }
}

void wpm_store_drop_contact(wpm_store *store, wpm_peer *peer) {
  const wpm_contact_head *head = head_of(store, peer);
  if (head) {
    store->contacts -= head->marks & WPM_CONTACT_COUNTED ? 1 : 0;
    wpm_slab_give(&store->slab, peer->contact);
    peer->contact = 0;
  }
}

void wpm_store_close_contact(wpm_store *store, uint32_t slot) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (peer->contact && peer->u.live == 0 && is_open(store, peer)) {
    shrink(store, peer, WPM_CONTACT_SIZE(head_of(store, peer)->marks));
    settle_count(store, peer);
  }
}

/* ---- changes ----------------------------------------------------------------------------------- */

void wpm_store_contact(const wpm_store *store, uint32_t slot, wpm_contact *out) {
  wpm_contact_decode(packed_of(store, wpm_store_peer(store, slot)), &store->origin, out);
}

/* What times are to be differences to. */
static const wpm_instant *origin_of(wpm_store *store) {
  if (!store->has_origin) {
    store->origin = store->last;
    store->has_origin = true;
  }
  return &store->origin;
}

void wpm_store_plan_contact(wpm_store *store, uint32_t slot, const wpm_contact *fresh,
                            wpm_contact_piece *out) {
  const uint8_t *packed = packed_of(store, wpm_store_peer(store, slot));
  wpm_contact_piece_all(packed, origin_of(store), fresh, out);
}

/* It may be shorter than its room and have no wait any more. */
static void has_shrunk(wpm_store *store, wpm_peer *peer) {
  if (!is_open(store, peer)) {
    shrink(store, peer, WPM_CONTACT_SIZE(head_of(store, peer)->marks));
    settle_count(store, peer);
  }
}

void wpm_store_write_contact(wpm_store *store, uint32_t slot, const wpm_contact_piece *piece) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  uint8_t *packed = wpm_peer_contact(store, peer);
  assert(wpm_contact_size_with(packed, piece) <= wpm_slab_room(&store->slab, peer->contact));
  wpm_contact_put(packed, piece);
  has_shrunk(store, peer);
}

void wpm_store_keep_spans(wpm_store *store, uint32_t slot, wpm_wait prune_backoff, wpm_wait ban) {
  wpm_contact rest = wpm_no_contact;
  wpm_contact_piece piece;
  rest.waits[WPM_WAIT_PRUNE_BACKOFF] = prune_backoff;
  rest.waits[WPM_WAIT_BAN] = ban;
  wpm_store_plan_contact(store, slot, &rest, &piece);
  wpm_store_write_contact(store, slot, &piece);
}

/* ---- events ------------------------------------------------------------------------------------ */

static int put_piece(wpm_store *store, uint32_t slot, const wpm_contact_piece *piece) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  uint8_t *packed = wpm_peer_contact(store, peer);
  bool waits = WPM_CONTACT_WAITS(piece->marks) != 0;
  size_t size = wpm_contact_size_with(packed_of(store, peer), piece);
  if (!packed || (waits && !(wpm_contact_marks(packed) & WPM_CONTACT_COUNTED)) ||
      size > wpm_slab_room(&store->slab, peer->contact)) {
    int err = make_room(store, peer, size, waits);
    if (err) {
      return err;
    }
    packed = wpm_peer_contact(store, peer);
  }
  wpm_contact_put(packed, piece);
  if (piece->size < piece->old_size) {
    has_shrunk(store, peer);
  }
  return WPM_OK;
}

/* All but the waits; `fresh` may have any of these. */
static int put_numbers(wpm_store *store, uint32_t slot, const wpm_contact *fresh) {
  wpm_contact_piece piece;
  wpm_contact_piece_numbers(packed_of(store, wpm_store_peer(store, slot)), fresh, &piece);
  return put_piece(store, slot, &piece);
}

int wpm_store_try_dial_failed(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  if (reason == WPM_REASON_LOCAL_FAILURE || peer->u.live > 0) {
    return WPM_OK;
  }
  int err = make_contact(store, peer);
  if (err) {
    return err;
  }
  wpm_contact_head *head = head_of(store, peer);
  peer->reason = (uint8_t)reason;
  if (head->failures == 0) {
    head->first_failure = now;
  }
  head->failures += head->failures < UINT32_MAX;
  head->last_failure = now;
  wpm_store_settle(store, slot, 0, 0, WPM_FIELD_FAILURES | WPM_FIELD_CONNECTIVITY);
  return WPM_OK;
}

int wpm_store_try_score(wpm_store *store, uint32_t slot, int32_t score) {
  if (wpm_peer_score(store, wpm_store_peer(store, slot)) == score) {
    return WPM_OK;
  }
  wpm_contact contact;
  wpm_store_contact(store, slot, &contact);
  contact.score = score;
  int err = put_numbers(store, slot, &contact);
  if (!err) {
    wpm_store_settle(store, slot, 0, 0, WPM_FIELD_TAGS);
  }
  return err;
}

/* One that has no place yet, or no longer needs it. */
static int put_rtt(wpm_store *store, uint32_t slot, int64_t rtt_ns) {
  wpm_contact contact;
  wpm_store_contact(store, slot, &contact);
  contact.rtt_ns = rtt_ns;
  return put_numbers(store, slot, &contact);
}

int wpm_store_try_pong(wpm_store *store, uint32_t slot, int64_t rtt_ns) {
  wpm_peer *peer = wpm_store_peer(store, slot);
  int err = make_contact(store, peer);
  if (err) {
    return err;
  }
  uint8_t *packed = wpm_peer_contact(store, peer);
  if (wpm_contact_rtt(packed) == rtt_ns) {
    return WPM_OK;
  }
  err = wpm_contact_set_rtt(packed, rtt_ns) ? WPM_OK : put_rtt(store, slot, rtt_ns);
  if (!err) {
    wpm_store_settle(store, slot, 0, 0, WPM_FIELD_RTT);
  }
  return err;
}

static uint32_t field_of(wpm_wait_kind kind) {
  switch (kind) {
  case WPM_WAIT_PRUNE_BACKOFF:
    return WPM_FIELD_PRUNE_BACKOFF;
  case WPM_WAIT_RETRY_DELAY:
    return WPM_FIELD_FAILURES;
  case WPM_WAIT_MISMATCH_DELAY:
    return WPM_FIELD_INTENT;
  case WPM_WAIT_BAN:
    return WPM_FIELD_BAN;
  }
  return 0;
}

int wpm_store_try_wait(wpm_store *store, uint32_t slot, wpm_wait_kind kind, wpm_wait wait) {
  const uint8_t *packed = packed_of(store, wpm_store_peer(store, slot));
  wpm_contact_piece piece;
  wpm_contact_piece_wait(packed, origin_of(store), kind, &wait, &piece);
  if (!wpm_contact_differs(packed, &piece)) {
    return WPM_OK;
  }
  int err = put_piece(store, slot, &piece);
  if (!err) {
    uint32_t both = WPM_BIT(WPM_HAS_WAIT) | WPM_BIT(WPM_HAS_BAN);
    bool others = WPM_CONTACT_WAITS(piece.marks) & ~(1u << kind);
    uint32_t has =
        others ? wpm_store_arm(store, slot) : wpm_store_arm_one(store, slot, &wait, kind);
    wpm_store_settle(store, slot, has, both & ~has, field_of(kind));
  }
  return err;
}

void wpm_store_slot_dial_failed(wpm_store *store, uint32_t slot, wpm_reason reason, wpm_wall now) {
  int err = wpm_store_try_dial_failed(store, slot, reason, now);
  assert(err == WPM_OK);
  (void)err;
}

void wpm_store_slot_score(wpm_store *store, uint32_t slot, int32_t score) {
  int err = wpm_store_try_score(store, slot, score);
  assert(err == WPM_OK);
  (void)err;
}

void wpm_store_slot_pong(wpm_store *store, uint32_t slot, int64_t rtt_ns) {
  int err = wpm_store_try_pong(store, slot, rtt_ns);
  assert(err == WPM_OK);
  (void)err;
}

void wpm_store_slot_wait(wpm_store *store, uint32_t slot, wpm_wait_kind kind, wpm_wait wait) {
  int err = wpm_store_try_wait(store, slot, kind, wait);
  assert(err == WPM_OK);
  (void)err;
}

void wpm_store_slot_stable(wpm_store *store, uint32_t slot) {
  wpm_contact_head *head = head_of(store, wpm_store_peer(store, slot));
  if (head && head->failures > 0) {
    head->failures = 0;
    head->first_failure = WPM_WALL_NONE;
    wpm_store_settle(store, slot, 0, 0, WPM_FIELD_FAILURES);
  }
  if (head && WPM_CONTACT_WAITS(head->marks) & 1u << WPM_WAIT_RETRY_DELAY) {
    wpm_store_slot_wait(store, slot, WPM_WAIT_RETRY_DELAY, (wpm_wait){0});
  }
}
