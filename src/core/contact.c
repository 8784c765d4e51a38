#include "core/contact.h"

/* Behind the head: a long round trip (8 bytes), the score, then the waits by kind, each the widths of its
 * four numbers (2 bytes) and these. The lowest bits of the marks are the width of the score. */
#define HEAD sizeof(wpm_contact_head)
#define NUMBERS offsetof(wpm_contact_head, rtt) /* From here on they are, to the waits. */
#define SCORE_WIDTH 7u
#define LONG_RTT 8u
#define WAITS_SHIFT 20u
#define SIZE_SHIFT 24u

/* The numbers of a wait, four bits of its widths each. */
enum { START, WALL, LENGTH, BOOT };

_Static_assert(WPM_CONTACT_MOST <= UINT8_MAX, "the size fits the marks");

const wpm_contact wpm_no_contact = {
    .first_failure = {INT64_MIN}, .last_failure = {INT64_MIN}, .rtt_ns = WPM_SPAN_NONE};

const wpm_contact_head wpm_no_contact_head = {.marks = (uint32_t)HEAD << SIZE_SHIFT,
                                              .last_failure = {INT64_MIN},
                                              .first_failure = {INT64_MIN}};

/* ---- reading ----------------------------------------------------------------------------------- */

static const wpm_contact_head *head_of(const uint8_t *packed) {
  return (const void *)packed;
}

static unsigned width_of(uint32_t widths, unsigned which) {
  return widths >> (4 * which) & 15u;
}

/* Bytes of the four numbers of a wait, and of their widths. */
static size_t wait_size(const uint8_t *at) {
  uint16_t widths;
  memcpy(&widths, at, sizeof(widths));
  unsigned pairs = (widths & 0x0f0fu) + (widths >> 4 & 0x0f0fu);
  return sizeof(widths) + (pairs & 0xffu) + (pairs >> 8);
}

static inline uint64_t take(const uint8_t **at, uint32_t widths, unsigned which) {
  unsigned width = width_of(widths, which);
  *at += width;
  return wpm_number_before(*at, width);
}

/* Where the wall clock would stand had it run evenly since the origin. */
static int64_t even_wall(const wpm_instant *origin, int64_t mono_ns) {
  return (int64_t)((uint64_t)origin->wall.ns + ((uint64_t)mono_ns - (uint64_t)origin->mono.ns));
}

static inline const uint8_t *take_wait(const uint8_t *at, const wpm_instant *origin,
                                       wpm_wait *out) {
  uint16_t widths;
  memcpy(&widths, at, sizeof(widths));
  at += sizeof(widths);
  out->start.mono.ns = wpm_number_to(take(&at, widths, START), origin->mono.ns);
  out->start.wall.ns =
      wpm_number_to(take(&at, widths, WALL), even_wall(origin, out->start.mono.ns));
  out->length_ns = (int64_t)take(&at, widths, LENGTH);
  out->start.boot_id = take(&at, widths, BOOT) ^ origin->boot_id;
  return at;
}

/* Behind the score. */
static const uint8_t *first_wait(const uint8_t *packed, uint32_t marks) {
  return packed + HEAD + (marks & WPM_CONTACT_LONG_RTT ? LONG_RTT : 0) + (marks & SCORE_WIDTH);
}

/* Where the wait of that kind is, or would be. */
static const uint8_t *wait_at(const uint8_t *packed, uint32_t marks, unsigned kind) {
  const uint8_t *at = first_wait(packed, marks);
  unsigned before = WPM_CONTACT_WAITS(marks) & ((1u << kind) - 1);
  for (; before; before &= before - 1) {
    at += wait_size(at);
  }
  return at;
}

unsigned wpm_contact_waits(const uint8_t *packed, const wpm_instant *origin,
                           wpm_wait out[WPM_WAIT_COUNT]) {
  uint32_t marks = wpm_contact_marks(packed);
  const uint8_t *at = first_wait(packed, marks);
  for (unsigned left = WPM_CONTACT_WAITS(marks); left; left &= left - 1) {
    at = take_wait(at, origin, &out[__builtin_ctz(left)]);
  }
  return WPM_CONTACT_WAITS(marks);
}

wpm_wait wpm_contact_wait(const uint8_t *packed, const wpm_instant *origin, wpm_wait_kind kind) {
  uint32_t marks = wpm_contact_marks(packed);
  wpm_wait wait = {.length_ns = 0};
  if (WPM_CONTACT_WAITS(marks) >> kind & 1u) {
    (void)take_wait(wait_at(packed, marks, kind), origin, &wait);
  }
  return wait;
}

int64_t wpm_contact_rtt(const uint8_t *packed) {
  const wpm_contact_head *head = head_of(packed);
  if (head->marks & WPM_CONTACT_LONG_RTT) {
    return (int64_t)wpm_number_before(packed + HEAD + LONG_RTT, LONG_RTT);
  }
  return head->rtt ? (int64_t)head->rtt - 1 : WPM_SPAN_NONE;
}

int32_t wpm_contact_score(const uint8_t *packed) {
  uint32_t marks = wpm_contact_marks(packed);
  return (int32_t)wpm_number_to(wpm_number_before(first_wait(packed, marks), marks & SCORE_WIDTH),
                                0);
}

void wpm_contact_decode(const uint8_t *packed, const wpm_instant *origin, wpm_contact *out) {
  const wpm_contact_head *head = head_of(packed);
  memset(out->waits, 0, sizeof(out->waits));
  out->rtt_ns = wpm_contact_rtt(packed);
  out->failures = head->failures;
  out->score = wpm_contact_score(packed);
  out->last_failure = head->last_failure;
  out->first_failure = head->first_failure;
  (void)wpm_contact_waits(packed, origin, out->waits);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static bool is_long(int64_t rtt_ns) {
  return (uint64_t)rtt_ns >= UINT32_MAX && rtt_ns != WPM_SPAN_NONE;
}

/* All numbers, those of the head too; adds their marks. */
static uint8_t *put_numbers(uint8_t *at, const wpm_contact *contact, uint32_t *marks) {
  bool longer = is_long(contact->rtt_ns);
  wpm_contact_head head = {
      .rtt = longer || contact->rtt_ns == WPM_SPAN_NONE ? 0 : (uint32_t)contact->rtt_ns + 1,
      .failures = contact->failures,
      .last_failure = contact->last_failure,
      .first_failure = contact->first_failure};
  uint64_t score = wpm_number_from(contact->score, 0);
  unsigned width = wpm_number_width(score);
  memcpy(at, (const uint8_t *)&head + NUMBERS, HEAD - NUMBERS);
  at += HEAD - NUMBERS;
  if (longer) {
    at = wpm_number_put(at, (uint64_t)contact->rtt_ns, LONG_RTT);
  }
  *marks |= width | (longer ? WPM_CONTACT_LONG_RTT : 0);
  return wpm_number_put(at, score, width);
}

/* Writes a number of a wait and adds its width. */
static inline uint8_t *put(uint8_t *at, uint64_t number, unsigned which, uint32_t *widths) {
  unsigned width = wpm_number_width(number);
  *widths |= width << (4 * which);
  return wpm_number_put(at, number, width);
}

static bool is_there(const wpm_wait *wait) {
  return wait->length_ns || wait->start.mono.ns || wait->start.wall.ns || wait->start.boot_id;
}

static uint8_t *put_wait(uint8_t *at, const wpm_wait *wait, const wpm_instant *origin) {
  uint32_t widths = 0;
  int64_t mono_ns = wait->start.mono.ns;
  uint64_t wall = wpm_number_from(wait->start.wall.ns, even_wall(origin, mono_ns));
  uint8_t *behind = at + sizeof(uint16_t);
  behind = put(behind, wpm_number_from(mono_ns, origin->mono.ns), START, &widths);
  behind = put(behind, wall, WALL, &widths);
  behind = put(behind, (uint64_t)wait->length_ns, LENGTH, &widths);
  behind = put(behind, wait->start.boot_id ^ origin->boot_id, BOOT, &widths);
  uint16_t all = (uint16_t)widths;
  memcpy(at, &all, sizeof(all));
  return behind;
}

void wpm_contact_piece_all(const uint8_t *packed, const wpm_instant *origin,
                           const wpm_contact *fresh, wpm_contact_piece *out) {
  out->marks = 0;
  uint8_t *at = put_numbers(out->bytes, fresh, &out->marks);
  for (unsigned kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    if (is_there(&fresh->waits[kind])) {
      out->marks |= UINT32_C(1) << (WAITS_SHIFT + kind);
      at = put_wait(at, &fresh->waits[kind], origin);
    }
  }
  out->at = NUMBERS;
  out->old_size = WPM_CONTACT_SIZE(wpm_contact_marks(packed)) - NUMBERS;
  out->size = (size_t)(at - out->bytes);
}

void wpm_contact_piece_numbers(const uint8_t *packed, const wpm_contact *fresh,
                               wpm_contact_piece *out) {
  uint32_t marks = wpm_contact_marks(packed);
  out->marks = marks & UINT32_C(15) << WAITS_SHIFT;
  out->at = NUMBERS;
  out->old_size = (size_t)(first_wait(packed, marks) - packed) - NUMBERS;
  out->size = (size_t)(put_numbers(out->bytes, fresh, &out->marks) - out->bytes);
}

void wpm_contact_piece_wait(const uint8_t *packed, const wpm_instant *origin, wpm_wait_kind kind,
                            const wpm_wait *wait, wpm_contact_piece *out) {
  uint32_t marks = wpm_contact_marks(packed);
  const uint32_t has = UINT32_C(1) << (WAITS_SHIFT + kind);
  const uint8_t *at = wait_at(packed, marks, kind);
  out->at = (size_t)(at - packed);
  out->old_size = marks & has ? wait_size(at) : 0;
  out->size = 0;
  out->marks = marks & ~has;
  if (is_there(wait)) {
    out->size = (size_t)(put_wait(out->bytes, wait, origin) - out->bytes);
    out->marks |= has;
  }
}

void wpm_contact_put(uint8_t *packed, const wpm_contact_piece *piece) {
  const uint32_t given = (UINT32_C(15) << WAITS_SHIFT) | WPM_CONTACT_LONG_RTT | SCORE_WIDTH;
  wpm_contact_head *head = wpm_contact_head_of(packed);
  uint8_t *at = packed + piece->at;
  size_t size = wpm_contact_size_with(packed, piece);
  size_t behind = size - piece->at - piece->size;
  if (behind > 0 && piece->size != piece->old_size) {
    memmove(at + piece->size, at + piece->old_size, behind);
  }
  memcpy(at, piece->bytes, piece->size);
  head->marks =
      (head->marks & WPM_CONTACT_COUNTED) | (piece->marks & given) | (uint32_t)size << SIZE_SHIFT;
}
