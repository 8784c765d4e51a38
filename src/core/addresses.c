#include "core/addresses.h"

#include "base/bytes.h"
#include "base/number.h"
#include "core/rules.h"

/* A packed list: size (4 bytes), count (2 bytes), then the addresses. One address: length (1 byte, or
 * 0 and 2 bytes), marks (2 bytes), first and last seen (4 bytes each, where known and others than
 * those of the address before), success and failure, a time to live without a number of its own and
 * its end where it is not the time to live after the last time seen, the bytes of the address.
 * Of success and failure, where one is there, the widths of both (1 byte) and then both, as differences
 * to those of the address before or else to when this one was seen; of the time to live and the end
 * likewise. What is told of several addresses at once so takes next to nothing. */
#define HEADER 6u

enum {
  MARK_SOURCE = 7u, /* wpm_address_source */
  MARK_IDENTIFIED = 1u << 3,
  MARK_CERTIFIED = 1u << 4,
  MARK_CONNECTED = 1u << 5,
  MARK_SUCCESS = 1u << 6,
  MARK_FAILURE = 1u << 7,
  MARK_FIRST_SEEN = 1u << 8,
  MARK_LAST_SEEN = 1u << 9,  /* Given, and another than the first. */
  MARK_LIFE = 1u << 10,      /* A time to live of no class, or an end that does not follow. */
  MARK_TTL = 7u << 11,       /* Number of the class. */
  MARK_SAME_SEEN = 1u << 14, /* First and last seen are those of the address before. */
  MARK_ENDS = 1u << 15       /* It ends its time to live after it was last seen. */
};
#define MARK_DIALS (MARK_SUCCESS | MARK_FAILURE)
#define MARK_OWN (MARK_DIALS | MARK_LIFE) /* It has times that are differences. */
#define NO_END 15u                        /* In place of the width of an end: there is none. */
#define TTL_SHIFT 11u
#define TTL_OTHER 7u

static const int64_t ttl_classes[TTL_OTHER + 1] = {
    WPM_TTL_QUALITY,      WPM_TTL_PERMANENT, WPM_TTL_CONNECTED, WPM_TTL_RECENT,
    WPM_TTL_OWN_OBSERVED, WPM_TTL_ADDRESS,   WPM_TTL_TEMPORARY};

static unsigned class_of_ttl(int64_t ttl_ns) {
  unsigned class = 0;
  while (class < TTL_OTHER && ttl_classes[class] != ttl_ns) {
    class ++;
  }
  return class;
}

/* When an address was seen, as it is kept: whole seconds that fit 32 bits. */
typedef struct seen {
  uint32_t first, last;
  bool has_first, has_last;
} seen;

static bool second_of(wpm_wall time, uint32_t *out) {
  *out = 0;
  if (time.ns < 0 || time.ns / WPM_SECOND > UINT32_MAX) { /* WPM_WALL_NONE too. */
    return false;
  }
  *out = (uint32_t)(time.ns / WPM_SECOND);
  return true;
}

static seen seen_of(const wpm_address *item) {
  seen s;
  s.has_first = second_of(item->first_seen, &s.first);
  if (s.has_first && item->last_seen.ns == item->first_seen.ns) {
    s.last = s.first;
    s.has_last = true;
  } else {
    s.has_last = second_of(item->last_seen, &s.last);
  }
  return s;
}

static bool same_seen(const seen *a, const seen *b) {
  return a->first == b->first && a->last == b->last && a->has_first == b->has_first &&
         a->has_last == b->has_last;
}

static wpm_wall end_after(wpm_wall time, int64_t ttl_ns) {
  wpm_wall end = WPM_WALL_NONE;
  bool has_end = wpm_wall_known(time) && !__builtin_add_overflow(time.ns, ttl_ns, &end.ns);
  return has_end ? end : WPM_WALL_NONE;
}

/* The last time seen, as it will be read; without one the first stands for it. */
static wpm_wall last_of(const seen *s) {
  if (!s->has_last && !s->has_first) {
    return WPM_WALL_NONE;
  }
  return (wpm_wall){(s->has_last ? s->last : s->first) * WPM_SECOND};
}

/* `before`: when the address in front of it in the list was seen; NULL: there is none. */
static unsigned marks_of(const wpm_address *item, const seen *now, const seen *before) {
  unsigned marks = (unsigned)item->source & MARK_SOURCE;
  marks |= item->identified ? MARK_IDENTIFIED : 0;
  marks |= item->certified ? MARK_CERTIFIED : 0;
  marks |= item->confidence == WPM_CONFIDENCE_CONNECTED ? MARK_CONNECTED : 0;
  marks |= wpm_wall_known(item->last_success) ? MARK_SUCCESS : 0;
  marks |= wpm_wall_known(item->last_failure) ? MARK_FAILURE : 0;
  if (before && same_seen(now, before)) {
    marks |= MARK_SAME_SEEN;
  } else {
    marks |= now->has_first ? MARK_FIRST_SEEN : 0;
    marks |= now->has_last && !(now->has_first && now->first == now->last) ? MARK_LAST_SEEN : 0;
  }
  unsigned class = class_of_ttl(item->ttl_ns);
  bool ends = wpm_wall_known(item->expires);
  bool follows = ends && end_after(last_of(now), item->ttl_ns).ns == item->expires.ns;
  marks |= follows ? MARK_ENDS : 0;
  marks |= class == TTL_OTHER || (ends && !follows) ? MARK_LIFE : 0;
  return marks | class << TTL_SHIFT;
}

/* The time to live of its class. */
static int64_t class_ttl(unsigned marks) {
  return ttl_classes[(marks & MARK_TTL) >> TTL_SHIFT];
}

#define LONGEST_HEAD 47u /* Of what stands in front of an address, with every part. */

size_t wpm_addresses_bound(const wpm_address *items, size_t count) {
  size_t size = HEADER;
  if (count > WPM_ADDRESSES_MOST) {
    return SIZE_MAX;
  }
  for (size_t i = 0; i < count; i++) {
    size += LONGEST_HEAD + items[i].multiaddr.len;
  }
  return size;
}

static uint8_t *put(uint8_t *at, const void *value, size_t size) {
  memcpy(at, value, size);
  return at + size;
}

/* In front of the first address. */
static const wpm_address nothing_before = {.first_seen = {INT64_MIN},
                                           .last_seen = {INT64_MIN},
                                           .last_success = {INT64_MIN},
                                           .last_failure = {INT64_MIN},
                                           .expires = {INT64_MIN}};

/* Two numbers behind the byte that has their widths. */
static uint8_t *put_pair(uint8_t *at, uint64_t a, uint64_t b) {
  unsigned width_of_a = wpm_number_width(a);
  unsigned width_of_b = wpm_number_width(b);
  *at = (uint8_t)(width_of_a | width_of_b << 4);
  at = wpm_number_put(at + 1, a, width_of_a);
  return wpm_number_put(at, b, width_of_b);
}

static int64_t known_or(wpm_wall time, int64_t otherwise) {
  return wpm_wall_known(time) ? time.ns : otherwise;
}

/* What a success, a failure and an end are told from: `before` is the address in front, `last` when it
 * was seen last, as it is kept. */
static int64_t base_of_success(const wpm_address *before, wpm_wall last) {
  return known_or(before->last_success, known_or(last, 0));
}

static int64_t base_of_failure(const wpm_address *before, int64_t success) {
  return known_or(before->last_failure, success);
}

static int64_t base_of_end(const wpm_address *before, wpm_wall last) {
  return known_or(before->expires, known_or(last, 0));
}

static __attribute__((noinline)) uint8_t *
encode_dials(const wpm_address *item, const wpm_address *before, wpm_wall last, uint8_t *at) {
  int64_t success = base_of_success(before, last);
  int64_t failure = base_of_failure(before, success);
  return put_pair(at, wpm_number_from(known_or(item->last_success, success), success),
                  wpm_number_from(known_or(item->last_failure, failure), failure));
}

static __attribute__((noinline)) uint8_t *encode_life(const wpm_address *item, unsigned marks,
                                                      const wpm_address *before, wpm_wall last,
                                                      uint8_t *at) {
  bool other = (marks & MARK_TTL) == MARK_TTL;
  uint64_t ttl = other ? wpm_number_from(item->ttl_ns, before->ttl_ns) : 0;
  if (marks & MARK_ENDS) {
    return put_pair(at, ttl, 0);
  }
  if (wpm_wall_known(item->expires)) {
    return put_pair(at, ttl, wpm_number_from(item->expires.ns, base_of_end(before, last)));
  }
  uint8_t *behind = put_pair(at, ttl, 0);
  *at |= NO_END << 4;
  return behind;
}

/* `before`: the address in front of it, whose times of being seen are `seen_before`. */
static inline __attribute__((always_inline)) uint8_t *
encode_one(const wpm_address *item, const seen *now, const wpm_address *before,
           const seen *seen_before, uint8_t *at) {
  uint16_t marks = (uint16_t)marks_of(item, now, seen_before);
  uint16_t len = (uint16_t)item->multiaddr.len;
  if (len < 256) {
    *at++ = (uint8_t)len;
  } else {
    *at++ = 0;
    at = put(at, &len, sizeof(len));
  }
  at = put(at, &marks, sizeof(marks));
  if (marks & MARK_FIRST_SEEN) {
    at = put(at, &now->first, sizeof(now->first));
  }
  if (marks & MARK_LAST_SEEN) {
    at = put(at, &now->last, sizeof(now->last));
  }
  if (marks & MARK_DIALS) {
    at = encode_dials(item, before, last_of(now), at);
  }
  if (marks & MARK_LIFE) {
    at = encode_life(item, marks, before, last_of(now), at);
  }
  return put(at, item->multiaddr.data, len);
}

size_t wpm_addresses_encode(const wpm_address *items, size_t count, uint8_t *out) {
  uint8_t *at = out + HEADER;
  seen seens[2];
  for (size_t i = 0; i < count; i++) {
    seens[i % 2] = seen_of(&items[i]);
    at = encode_one(&items[i], &seens[i % 2], i > 0 ? &items[i - 1] : &nothing_before,
                    i > 0 ? &seens[(i + 1) % 2] : NULL, at);
  }
  uint32_t size = (uint32_t)(at - out);
  uint16_t number = (uint16_t)count;
  memcpy(out, &size, sizeof(size));
  memcpy(out + sizeof(size), &number, sizeof(number));
  return size;
}

size_t wpm_addresses_packed_size(const uint8_t *packed) {
  uint32_t size;
  memcpy(&size, packed, sizeof(size));
  return size;
}

uint32_t wpm_addresses_count(const uint8_t *packed) {
  uint16_t count;
  memcpy(&count, packed + sizeof(uint32_t), sizeof(count));
  return count;
}

static wpm_wall take_second(const uint8_t **at) {
  uint32_t second;
  memcpy(&second, *at, sizeof(second));
  *at += sizeof(second);
  return (wpm_wall){second * WPM_SECOND};
}

/* By the bits MARK_IDENTIFIED to MARK_SUCCESS, the surest first. */
static wpm_confidence confidence_of(unsigned marks) {
  static const uint8_t surest[16] = {
      WPM_CONFIDENCE_HEARD,      WPM_CONFIDENCE_IDENTIFIED, WPM_CONFIDENCE_CERTIFIED,
      WPM_CONFIDENCE_CERTIFIED,  WPM_CONFIDENCE_CONNECTED,  WPM_CONFIDENCE_CONNECTED,
      WPM_CONFIDENCE_CONNECTED,  WPM_CONFIDENCE_CONNECTED,  WPM_CONFIDENCE_DIALLED,
      WPM_CONFIDENCE_IDENTIFIED, WPM_CONFIDENCE_CERTIFIED,  WPM_CONFIDENCE_CERTIFIED,
      WPM_CONFIDENCE_CONNECTED,  WPM_CONFIDENCE_CONNECTED,  WPM_CONFIDENCE_CONNECTED,
      WPM_CONFIDENCE_CONNECTED};
  return (wpm_confidence)surest[marks >> 3 & 15];
}

/* The length and the marks in front of an address; *at moves behind them. */
static unsigned take_marks(const uint8_t **at, uint16_t *len) {
  uint16_t marks;
  *len = *(*at)++;
  if (*len == 0) {
    memcpy(len, *at, sizeof(*len));
    *at += sizeof(*len);
  }
  memcpy(&marks, *at, sizeof(marks));
  *at += sizeof(marks);
  return marks;
}

/* The widths that stand in front of a pair of numbers. */
static unsigned take_widths(const uint8_t **at, unsigned *width_of_b) {
  unsigned widths = *(*at)++;
  *width_of_b = widths >> 4;
  return widths & 15u;
}

static int64_t take_number(const uint8_t **at, unsigned width, int64_t base_of_it) {
  *at += width;
  return wpm_number_to(wpm_number_before(*at, width), base_of_it);
}

/* In the next two *out has the times of being seen; `before` may be `out`. */
static const uint8_t *decode_dials(const uint8_t *at, unsigned marks, const wpm_address *before,
                                   wpm_address *out) {
  unsigned width_of_failure;
  unsigned width_of_success = take_widths(&at, &width_of_failure);
  int64_t success = base_of_success(before, out->last_seen);
  int64_t failure = base_of_failure(before, success);
  success = take_number(&at, width_of_success, success);
  failure = take_number(&at, width_of_failure, failure);
  out->last_success.ns = marks & MARK_SUCCESS ? success : WPM_WALL_NONE.ns;
  out->last_failure.ns = marks & MARK_FAILURE ? failure : WPM_WALL_NONE.ns;
  return at;
}

static const uint8_t *decode_life(const uint8_t *at, unsigned marks, const wpm_address *before,
                                  wpm_address *out) {
  unsigned width_of_end;
  unsigned width_of_ttl = take_widths(&at, &width_of_end);
  int64_t end = base_of_end(before, out->last_seen);
  int64_t ttl_ns = take_number(&at, width_of_ttl, before->ttl_ns);
  out->ttl_ns = (marks & MARK_TTL) == MARK_TTL ? ttl_ns : class_ttl(marks);
  out->expires = WPM_WALL_NONE;
  if (width_of_end != NO_END) {
    out->expires.ns = take_number(&at, width_of_end, end);
  }
  return at;
}

/* `before`: the decoded address in front of it, which may be `out`. */
static inline __attribute__((always_inline)) const uint8_t *
decode_one(const uint8_t *at, const wpm_address *before, wpm_address *out) {
  uint16_t len;
  unsigned marks = take_marks(&at, &len);
  out->source = (wpm_address_source)(marks & MARK_SOURCE);
  out->identified = marks & MARK_IDENTIFIED;
  out->certified = marks & MARK_CERTIFIED;
  out->confidence = confidence_of(marks);
  if (marks & MARK_SAME_SEEN) {
    out->first_seen = before->first_seen;
    out->last_seen = before->last_seen;
  } else {
    out->first_seen = marks & MARK_FIRST_SEEN ? take_second(&at) : WPM_WALL_NONE;
    out->last_seen = marks & MARK_LAST_SEEN ? take_second(&at) : out->first_seen;
  }
  if (marks & MARK_DIALS) {
    at = decode_dials(at, marks, before, out);
  } else {
    out->last_success = out->last_failure = WPM_WALL_NONE;
  }
  if (marks & MARK_LIFE) {
    at = decode_life(at, marks, before, out);
  } else {
    out->ttl_ns = class_ttl(marks);
    out->expires = WPM_WALL_NONE;
  }
  if (marks & MARK_ENDS) {
    out->expires = end_after(out->last_seen, out->ttl_ns);
  }
  out->multiaddr = (wpm_bytes){at, len};
  return at + len;
}

void wpm_addresses_decode(const uint8_t *packed, wpm_address *out) {
  uint32_t count = wpm_addresses_count(packed);
  const uint8_t *at = packed + HEADER;
  const wpm_address *before = &nothing_before;
  for (uint32_t i = 0; i < count; i++) {
    at = decode_one(at, before, &out[i]);
    before = &out[i];
  }
}

bool wpm_addresses_same_but_times(const uint8_t *packed, const wpm_address *items, size_t count) {
  const uint8_t *at = packed + HEADER;
  bool same = wpm_addresses_count(packed) == count;
  wpm_address held = nothing_before;
  for (size_t i = 0; same && i < count; i++) {
    at = decode_one(at, &held, &held);
    same = wpm_bytes_equal(held.multiaddr, items[i].multiaddr) && held.source == items[i].source &&
           held.identified == items[i].identified && held.certified == items[i].certified &&
           held.ttl_ns == items[i].ttl_ns && held.expires.ns == items[i].expires.ns;
  }
  return same;
}

/* The same time, as it is kept. */
static bool same_second(wpm_wall kept, wpm_wall time) {
  uint32_t second;
  return kept.ns == time.ns ||
         kept.ns == (second_of(time, &second) ? second * WPM_SECOND : WPM_WALL_NONE.ns);
}

bool wpm_addresses_same(const uint8_t *packed, const wpm_address *items, size_t count) {
  const uint8_t *at = packed + HEADER;
  bool same = wpm_addresses_count(packed) == count;
  wpm_address held = nothing_before;
  for (size_t i = 0; same && i < count; i++) {
    const wpm_address *item = &items[i];
    at = decode_one(at, &held, &held);
    same = wpm_bytes_equal(held.multiaddr, item->multiaddr) && held.source == item->source &&
           held.identified == item->identified && held.certified == item->certified &&
           same_second(held.first_seen, item->first_seen) &&
           same_second(held.last_seen, item->last_seen) &&
           held.last_success.ns == item->last_success.ns &&
           held.last_failure.ns == item->last_failure.ns && held.ttl_ns == item->ttl_ns &&
           held.expires.ns == item->expires.ns;
  }
  return same;
}

static size_t pair_size(uint8_t widths) {
  unsigned b = widths >> 4;
  return 1u + (widths & 15u) + (b == NO_END ? 0 : b);
}

/* Bytes of what stands between the marks and the address. */
static size_t parts_size(const uint8_t *parts, unsigned marks) {
  const uint8_t *at = parts;
  at += marks & MARK_FIRST_SEEN ? sizeof(uint32_t) : 0;
  at += marks & MARK_LAST_SEEN ? sizeof(uint32_t) : 0;
  at += marks & MARK_DIALS ? pair_size(*at) : 0;
  at += marks & MARK_LIFE ? pair_size(*at) : 0;
  return (size_t)(at - parts);
}

void wpm_addresses_end_connected(uint8_t *packed) {
  uint32_t count = wpm_addresses_count(packed);
  uint8_t *at = packed + HEADER;
  for (uint32_t i = 0; i < count; i++) {
    uint16_t len;
    const uint8_t *behind = at;
    uint16_t marks = (uint16_t)take_marks(&behind, &len);
    uint8_t *where = at + (behind - at) - sizeof(marks);
    at += behind - at + (ptrdiff_t)parts_size(behind, marks) + len;
    marks &= (uint16_t)~MARK_CONNECTED;
    memcpy(where, &marks, sizeof(marks));
  }
}

wpm_wall wpm_addresses_last_seen(const uint8_t *packed) {
  uint32_t count = wpm_addresses_count(packed);
  const uint8_t *at = packed + HEADER;
  wpm_wall latest = WPM_WALL_NONE;
  for (uint32_t left = count; left > 0; left--) {
    uint16_t len;
    unsigned marks = take_marks(&at, &len);
    const uint8_t *parts = at;
    wpm_wall first = marks & MARK_FIRST_SEEN ? take_second(&at) : WPM_WALL_NONE;
    wpm_wall last = marks & MARK_LAST_SEEN ? take_second(&at) : first;
    latest = last.ns > latest.ns ? last : latest; /* MARK_SAME_SEEN: it has none of its own. */
    at = left > 1 ? parts + parts_size(parts, marks) + len : at;
  }
  return latest;
}

/* ---- drafts ---------------------------------------------------------------------------------- */

wpm_address *wpm_draft_find(const wpm_address_draft *draft, wpm_bytes multiaddr) {
  for (size_t i = 0; i < draft->count; i++) {
    if (wpm_bytes_equal(draft->items[i].multiaddr, multiaddr)) {
      return &draft->items[i];
    }
  }
  return NULL;
}

void wpm_draft_remove(wpm_address_draft *draft, size_t at) {
  draft->count--;
  memmove(&draft->items[at], &draft->items[at + 1], (draft->count - at) * sizeof(*draft->items));
}

/* Worth of an address beside its success: the higher stays. */
static int worth(const wpm_address *item) {
  if (!wpm_rule_holds(WPM_RULE_ADDRESS_WORTH)) {
    return 0;
  }
  int sure = item->confidence == WPM_CONFIDENCE_CONNECTED ? 2 : item->certified ? 1 : 0;
  return sure * WPM_ADDRESS_SOURCE_COUNT + (int)item->source;
}

static bool worth_less(const wpm_address *a, const wpm_address *b) {
  if (worth(a) != worth(b)) {
    return worth(a) < worth(b);
  }
  return a->last_success.ns < b->last_success.ns; /* WPM_WALL_NONE is the least. */
}

/* Makes room for `item`; false where none may give way. */
static bool evict(wpm_address_draft *draft, const wpm_address *item) {
  size_t worst = 0;
  for (size_t i = 1; i < draft->count; i++) {
    if (worth_less(&draft->items[i], &draft->items[worst])) {
      worst = i;
    }
  }
  if (draft->count == 0 || worth(&draft->items[worst]) >= worth(item)) {
    return false;
  }
  wpm_draft_remove(draft, worst);
  return true;
}

static wpm_wall later(wpm_wall a, wpm_wall b) {
  return a.ns > b.ns ? a : b;
}

/* The end of a time to live that has none is behind all others. */
static bool ends_later(const wpm_address *a, const wpm_address *b) {
  if (!wpm_wall_known(a->expires) || !wpm_wall_known(b->expires)) {
    return !wpm_wall_known(a->expires) && wpm_wall_known(b->expires);
  }
  return a->expires.ns > b->expires.ns;
}

static void merge(wpm_address *held, const wpm_address *item, wpm_offer_mode mode) {
  held->source = item->source > held->source || !wpm_rule_holds(WPM_RULE_ADDRESS_TRUST)
                     ? item->source
                     : held->source;
  held->identified = held->identified || item->identified;
  held->certified = held->certified || item->certified;
  if (!wpm_wall_known(held->first_seen)) {
    held->first_seen = item->first_seen;
  }
  held->last_seen = later(held->last_seen, item->last_seen);
  held->last_success = later(held->last_success, item->last_success);
  held->last_failure = later(held->last_failure, item->last_failure);
  /* Quality and clock do not mix: a time to live that ends neither shortens what is kept for its
   * quality, nor does quality lengthen one. */
  if (mode == WPM_OFFER_SET) {
    held->ttl_ns = item->ttl_ns;
    held->expires = item->expires;
  } else if (item->ttl_ns != WPM_TTL_QUALITY &&
             (held->ttl_ns != WPM_TTL_QUALITY || !wpm_wall_known(item->expires))) {
    if (ends_later(item, held) || !wpm_rule_holds(WPM_RULE_ADDRESS_LATER)) {
      held->expires = item->expires;
    }
    if (item->ttl_ns > held->ttl_ns) {
      held->ttl_ns = item->ttl_ns;
    }
  }
}

/* Adds one that is not held yet. */
static void append(wpm_address_draft *draft, const wpm_address *item, bool known) {
  if (!known && wpm_multiaddr_check(item->multiaddr) != WPM_OK) {
    return;
  }
  size_t cap = draft->cap > 0 && draft->cap < WPM_ADDRESSES_MOST ? draft->cap : WPM_ADDRESSES_MOST;
  if (draft->count >= cap && !evict(draft, item)) {
    draft->left_out++;
    return;
  }
  draft->items[draft->count++] = *item;
}

void wpm_draft_add(wpm_address_draft *draft, const wpm_address *item, wpm_offer_mode mode) {
  wpm_address *held = wpm_draft_find(draft, item->multiaddr);
  if (held) {
    merge(held, item, mode);
  } else {
    append(draft, item, false);
  }
}

void wpm_draft_put(wpm_address_draft *draft, const wpm_address *item, bool known) {
  wpm_address *held = wpm_draft_find(draft, item->multiaddr);
  if (held) {
    merge(held, item, WPM_OFFER_ADD);
  } else {
    append(draft, item, known);
  }
}

wpm_address wpm_address_offered(wpm_bytes multiaddr, const wpm_offer *offer) {
  bool ends = offer->ttl_ns != WPM_TTL_QUALITY && offer->ttl_ns < WPM_TTL_CONNECTED &&
              wpm_wall_known(offer->now);
  wpm_wall expires = WPM_WALL_NONE;
  if (ends && __builtin_add_overflow(offer->now.ns, offer->ttl_ns, &expires.ns)) {
    expires.ns = INT64_MAX;
  }
  return (wpm_address){.multiaddr = multiaddr,
                       .source = offer->source,
                       .first_seen = offer->now,
                       .last_seen = offer->now,
                       .last_success = WPM_WALL_NONE,
                       .last_failure = WPM_WALL_NONE,
                       .ttl_ns = offer->ttl_ns,
                       .expires = expires};
}

static bool is_among(const wpm_bytes *told, size_t count, wpm_bytes multiaddr) {
  for (size_t i = 0; i < count; i++) {
    if (wpm_bytes_equal(told[i], multiaddr)) {
      return true;
    }
  }
  return false;
}

void wpm_draft_unmark(wpm_address_draft *draft, const wpm_bytes *told, size_t told_count,
                      bool certified) {
  size_t kept = 0;
  for (size_t i = 0; i < draft->count; i++) {
    wpm_address *item = &draft->items[i];
    bool *mark = certified ? &item->certified : &item->identified;
    bool loses = *mark && wpm_rule_holds(WPM_RULE_ADDRESS_UNTOLD) &&
                 !is_among(told, told_count, item->multiaddr);
    *mark = *mark && !loses;
    bool goes = loses && item->source == WPM_SOURCE_IDENTIFY && !item->certified &&
                !item->identified && item->confidence != WPM_CONFIDENCE_CONNECTED;
    if (!goes) {
      draft->items[kept++] = *item;
    }
  }
  draft->count = kept;
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static bool worked_last(const wpm_address *items, size_t count, const wpm_address *item) {
  if (!wpm_wall_known(item->last_success) || !wpm_rule_holds(WPM_RULE_ADDRESS_LAST_GOOD)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (items[i].last_success.ns > item->last_success.ns) {
      return false;
    }
  }
  return true;
}

static bool older_than(wpm_wall time, int64_t age_ns, wpm_wall now) {
  int64_t end;
  return wpm_wall_known(time) && !__builtin_add_overflow(time.ns, age_ns, &end) && end <= now.ns;
}

static bool forgotten(const wpm_address *item, wpm_wall now) {
  bool vouched = item->source >= WPM_SOURCE_IDENTIFY || item->certified || item->identified;
  if ((vouched && wpm_rule_holds(WPM_RULE_ADDRESS_VOUCHED)) ||
      !wpm_rule_holds(WPM_RULE_ADDRESS_FORGOTTEN)) {
    return false;
  }
  bool failed = wpm_wall_known(item->last_failure) && !wpm_wall_known(item->last_success) &&
                wpm_rule_holds(WPM_RULE_ADDRESS_FAILED);
  return older_than(item->last_seen, failed ? WPM_ADDRESS_FORGOTTEN_FAILED : WPM_ADDRESS_FORGOTTEN,
                    now);
}

static bool is_expired(const wpm_address *items, size_t count, const wpm_address *item,
                       bool keep_good, wpm_wall now) {
  bool over = wpm_wall_known(item->expires)
                  ? item->expires.ns <= now.ns && wpm_rule_holds(WPM_RULE_ADDRESS_ENDS)
                  : item->ttl_ns == WPM_TTL_QUALITY && keep_good && forgotten(item, now);
  if (!over || item->confidence == WPM_CONFIDENCE_CONNECTED) {
    return over && !keep_good;
  }
  return !(keep_good && worked_last(items, count, item));
}

bool wpm_addresses_any_expired(const wpm_address *items, size_t count, bool keep_good,
                               wpm_wall now) {
  for (size_t i = 0; i < count; i++) {
    if (is_expired(items, count, &items[i], keep_good, now)) {
      return true;
    }
  }
  return false;
}

/* Who worked last is never among those that go, so what has moved already decides as before. */
void wpm_draft_expire(wpm_address_draft *draft, bool keep_good, wpm_wall now) {
  size_t kept = 0;
  for (size_t i = 0; i < draft->count; i++) {
    if (is_expired(draft->items, draft->count, &draft->items[i], keep_good, now)) {
      continue;
    }
    if (kept < i) {
      draft->items[kept] = draft->items[i];
    }
    kept++;
  }
  draft->count = kept;
}
