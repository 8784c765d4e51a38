/* What comes of contact with one peer, packed into one block; a peer that nobody ever dialled or met has
 * none.
 *
 * - What changes at each contact has a place that is always there. A score and spans of waiting that the
 *   peer lacks take no space.
 * - Exact: what is read is what was written, whatever it is.
 * - A span of waiting is kept as differences to one instant of the store, its origin, in as few bytes as
 *   they need: its beginning on the boot clock to the origin's, and then the one on the wall clock to
 *   where that would stand had it run evenly since. So a span of this boot takes a third to a half of
 *   what its numbers would, one of another boot a little more than them.
 *
 * What is kept serves 27/WAKU2-PEERS (Tracked peer metadata: disconnect time; Reconnecting peers: the backoff that
 * a client must respect); the packing is wakupeers' own, so that a store may hold a million peers.
 */
#ifndef WPM_CORE_CONTACT_H
#define WPM_CORE_CONTACT_H

#include "base/number.h"

#include <wakupeers/store.h>

typedef struct wpm_contact {
  wpm_wait waits[WPM_WAIT_COUNT]; /* By wpm_wait_kind. */
  wpm_wall first_failure;
  wpm_wall last_failure;
  int64_t rtt_ns;
  uint32_t failures;
  int32_t score;
} wpm_contact;

extern const wpm_contact wpm_no_contact; /* Nothing came of any. */

/* In front of a packed contact: what does not move. */
typedef struct wpm_contact_head {
  uint32_t deadline; /* Its position in a heap of deadlines; 0: in none. */
  uint32_t marks;    /* What is behind, and the ones below. */
  uint32_t rtt;      /* 1 + round trip in ns; 0: not measured, or WPM_CONTACT_LONG_RTT. */
  uint32_t failures;
  wpm_wall last_failure;
  wpm_wall first_failure;
} wpm_contact_head;

#define WPM_CONTACT_LONG_RTT (UINT32_C(1) << 16)          /* The round trip is behind. */
#define WPM_CONTACT_COUNTED (UINT32_C(1) << 17)           /* Its deadline has room in the heaps. */
#define WPM_CONTACT_WAITS(marks) ((marks) >> 20 & 15u)    /* A bit each, by wpm_wait_kind. */
#define WPM_CONTACT_SIZE(marks) ((size_t)((marks) >> 24)) /* All its bytes. */

extern const wpm_contact_head wpm_no_contact_head; /* wpm_no_contact, packed. */

/* Bytes of the longest: a long round trip, a score, waits with all bytes of their numbers. */
#define WPM_CONTACT_WAIT (sizeof(uint16_t) + 4 * 8u)
#define WPM_CONTACT_MOST (sizeof(wpm_contact_head) + 8u + 4u + WPM_WAIT_COUNT * WPM_CONTACT_WAIT)

/* Bytes that are to take the place of others in a packed contact. */
typedef struct wpm_contact_piece {
  size_t at;       /* Where they are. */
  size_t old_size; /* Of those that go. */
  size_t size;     /* Of those that come. */
  uint32_t marks;  /* Of the contact from then on, but for its size and WPM_CONTACT_COUNTED. */
  uint8_t bytes[WPM_CONTACT_MOST + WPM_NUMBER_MAX];
} wpm_contact_piece;

static inline wpm_contact_head *wpm_contact_head_of(uint8_t *packed) {
  return (void *)packed;
}

static inline uint32_t wpm_contact_marks(const uint8_t *packed) {
  return ((const wpm_contact_head *)(const void *)packed)->marks;
}

/* Unpacks all of it. */
void wpm_contact_decode(const uint8_t *packed, const wpm_instant *origin, wpm_contact *out);

/* One wait; zeros: it has none of that kind. */
wpm_wait wpm_contact_wait(const uint8_t *packed, const wpm_instant *origin, wpm_wait_kind kind);

/* All of them; returns which there are, others are left as they are. */
unsigned wpm_contact_waits(const uint8_t *packed, const wpm_instant *origin,
                           wpm_wait out[WPM_WAIT_COUNT]);

int64_t wpm_contact_rtt(const uint8_t *packed);
int32_t wpm_contact_score(const uint8_t *packed);

/* Sets the round trip where that has its place; false: it is a long one, or takes the place of one. */
static inline bool wpm_contact_set_rtt(uint8_t *packed, int64_t rtt_ns) {
  wpm_contact_head *head = wpm_contact_head_of(packed);
  if (head->marks & WPM_CONTACT_LONG_RTT || (uint64_t)rtt_ns >= UINT32_MAX) {
    return false;
  }
  head->rtt = (uint32_t)rtt_ns + 1;
  return true;
}

/* What is to be written: all of it; the numbers alone; one wait. */
void wpm_contact_piece_all(const uint8_t *packed, const wpm_instant *origin,
                           const wpm_contact *fresh, wpm_contact_piece *out);
void wpm_contact_piece_numbers(const uint8_t *packed, const wpm_contact *fresh,
                               wpm_contact_piece *out);
void wpm_contact_piece_wait(const uint8_t *packed, const wpm_instant *origin, wpm_wait_kind kind,
                            const wpm_wait *wait, wpm_contact_piece *out);

/* Bytes of the contact with the piece in it. */
static inline size_t wpm_contact_size_with(const uint8_t *packed, const wpm_contact_piece *piece) {
  return WPM_CONTACT_SIZE(wpm_contact_marks(packed)) - piece->old_size + piece->size;
}

/* Whether that would change it. */
static inline bool wpm_contact_differs(const uint8_t *packed, const wpm_contact_piece *piece) {
  return piece->size != piece->old_size ||
         memcmp(packed + piece->at, piece->bytes, piece->size) != 0;
}

/* Puts it in; there is room. */
void wpm_contact_put(uint8_t *packed, const wpm_contact_piece *piece);

#endif
