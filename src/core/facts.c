#include "core/facts.h"

#include "base/bytes.h"

/* A list: its size (4 bytes), then the facts, each behind its kind and length (8 and 24 bits). */
#define HEADER 4u
#define FACT_HEADER 4u
#define TAG_FLAGS 4u /* Where they are, behind the value. */

/* Of a tag, in the order of what they say is there. */
enum { PROTECTS = 1u << 0, EXPIRES = 1u << 1, FADES = 1u << 2 };

static uint32_t read_32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

static void write_32(uint8_t *at, uint32_t value) {
  memcpy(at, &value, sizeof(value));
}

size_t wpm_facts_size(const uint8_t *list) {
  return list ? read_32(list) : 0;
}

bool wpm_facts_next(const uint8_t *list, size_t *at, wpm_fact *out) {
  if (*at == 0) {
    *at = HEADER;
  }
  if (!list || *at >= read_32(list)) {
    return false;
  }
  uint32_t head = read_32(list + *at);
  out->kind = (wpm_fact_kind)(head >> 24);
  out->bytes = (wpm_bytes){list + *at + FACT_HEADER, head & WPM_FACT_LARGEST};
  *at += FACT_HEADER + out->bytes.len;
  return true;
}

wpm_bytes wpm_facts_get(const uint8_t *list, wpm_fact_kind kind) {
  wpm_fact fact;
  size_t at = 0;
  while (wpm_facts_next(list, &at, &fact) && fact.kind <= kind) {
    if (fact.kind == kind) {
      return fact.bytes;
    }
  }
  return (wpm_bytes){NULL, 0};
}

/* ---- tags -------------------------------------------------------------------------------------- */

size_t wpm_tag_marks(const wpm_tag *tag, uint8_t out[WPM_TAG_MARKS]) {
  size_t len = 1;
  out[0] = tag->protects ? PROTECTS : 0;
  if (wpm_wall_known(tag->expires)) {
    out[0] |= EXPIRES;
    memcpy(out + len, &tag->expires.ns, sizeof(int64_t));
    len += sizeof(int64_t);
  }
  if (tag->half_life_ns > 0) {
    out[0] |= FADES;
    memcpy(out + len, &tag->half_life_ns, sizeof(int64_t));
    len += sizeof(int64_t);
  }
  return len;
}

wpm_tag wpm_fact_tag(const wpm_fact *fact) {
  const uint8_t *at = fact->bytes.data + TAG_FLAGS;
  const uint8_t flags = *at++;
  wpm_tag tag = {
      .name = wpm_fact_name(fact), .protects = (flags & PROTECTS) != 0, .expires = WPM_WALL_NONE};
  memcpy(&tag.value, fact->bytes.data, sizeof(tag.value));
  if (flags & EXPIRES) {
    memcpy(&tag.expires.ns, at, sizeof(int64_t));
    at += sizeof(int64_t);
  }
  if (flags & FADES) {
    memcpy(&tag.half_life_ns, at, sizeof(int64_t));
  }
  return tag;
}

bool wpm_fact_protects(const wpm_fact *fact) {
  return (fact->bytes.data[TAG_FLAGS] & PROTECTS) != 0;
}

bool wpm_facts_age(const uint8_t *list) {
  wpm_fact fact;
  size_t at = 0;
  while (wpm_facts_next(list, &at, &fact) && fact.kind <= WPM_FACT_TAG) {
    if (fact.kind == WPM_FACT_TAG && fact.bytes.data[TAG_FLAGS] & (EXPIRES | FADES)) {
      return true;
    }
  }
  return false;
}

/* Bytes in front of a tag's name. */
static size_t head_of(const wpm_fact *fact) {
  const uint8_t flags = fact->bytes.data[TAG_FLAGS];
  return TAG_FLAGS + 1 + (flags & EXPIRES ? sizeof(int64_t) : 0) +
         (flags & FADES ? sizeof(int64_t) : 0);
}

wpm_text wpm_fact_name(const wpm_fact *fact) {
  size_t head;
  switch (fact->kind) {
  case WPM_FACT_TAG:
    head = head_of(fact);
    return (wpm_text){(const char *)fact->bytes.data + head, fact->bytes.len - head};
  case WPM_FACT_APP:
    return (wpm_text){(const char *)fact->bytes.data + 1, fact->bytes.data[0]};
  case WPM_FACT_KEY:
  case WPM_FACT_OBSERVED:
  case WPM_FACT_SHARDS:
  case WPM_FACT_ENR:
  case WPM_FACT_SIGNED:
    break;
  }
  return (wpm_text){NULL, 0};
}

/* ---- by name ----------------------------------------------------------------------------------- */

wpm_bytes wpm_facts_get_named(const uint8_t *list, wpm_fact_kind kind, wpm_text name) {
  wpm_fact fact;
  size_t at = 0;
  while (wpm_facts_next(list, &at, &fact) && fact.kind <= kind) {
    if (fact.kind == kind && wpm_text_equal(wpm_fact_name(&fact), name)) {
      return fact.bytes;
    }
  }
  return (wpm_bytes){NULL, 0};
}

/* All facts of one kind, which lie behind one another. */
static wpm_bytes span_of(const uint8_t *list, wpm_fact_kind kind) {
  wpm_fact fact;
  size_t at = 0;
  wpm_bytes span = {NULL, 0};
  while (wpm_facts_next(list, &at, &fact) && fact.kind <= kind) {
    if (fact.kind == kind) {
      span.data = span.data ? span.data : fact.bytes.data - FACT_HEADER;
      span.len += FACT_HEADER + fact.bytes.len;
    }
  }
  return span;
}

unsigned wpm_facts_differ(const uint8_t *a, const uint8_t *b) {
  unsigned differ = 0;
  for (wpm_fact_kind kind = WPM_FACT_KEY; kind <= WPM_FACT_APP; kind++) {
    differ |= wpm_bytes_equal(span_of(a, kind), span_of(b, kind)) ? 0 : 1u << kind;
  }
  return differ;
}

static size_t payload_of(const wpm_fact_source *source) {
  size_t size = 0;
  for (size_t i = 0; i < 3; i++) {
    size = source->pieces[i].len > WPM_FACT_LARGEST ? SIZE_MAX / 4 : size + source->pieces[i].len;
  }
  return size;
}

size_t wpm_facts_size_of(const wpm_fact_source *sources, size_t count) {
  size_t size = HEADER;
  for (size_t i = 0; i < count; i++) {
    size_t payload = payload_of(&sources[i]);
    if (payload > WPM_FACT_LARGEST || size > UINT32_MAX / 2 - payload) {
      return SIZE_MAX;
    }
    size += FACT_HEADER + payload;
  }
  return count > 0 ? size : 0;
}

static uint8_t *write_one(const wpm_fact_source *source, uint8_t *at) {
  write_32(at, (uint32_t)source->kind << 24 | (uint32_t)payload_of(source));
  at += FACT_HEADER;
  for (size_t i = 0; i < 3; i++) {
    if (source->pieces[i].len > 0) {
      memcpy(at, source->pieces[i].data, source->pieces[i].len);
      at += source->pieces[i].len;
    }
  }
  return at;
}

void wpm_facts_write(const wpm_fact_source *sources, size_t count, uint8_t *out) {
  uint8_t *at = out + HEADER;
  for (size_t i = 0; i < count; i++) {
    at = write_one(&sources[i], at);
  }
  write_32(out, (uint32_t)(at - out));
}

static int compare_names(wpm_text a, wpm_text b) {
  return wpm_bytes_compare((wpm_bytes){(const uint8_t *)a.data, a.len},
                           (wpm_bytes){(const uint8_t *)b.data, b.len});
}

/* Where `fact` stands to the one to be written: before (<0), in its place (0), behind (>0). */
static int place_of(const wpm_fact *fact, wpm_fact_kind kind, wpm_text name) {
  if (fact->kind != kind) {
    return fact->kind < kind ? -1 : 1;
  }
  return compare_names(wpm_fact_name(fact), name);
}

size_t wpm_facts_replace(const uint8_t *list, const wpm_fact_source *source, wpm_text name,
                         bool remove, uint8_t *out) {
  wpm_fact fact;
  size_t at = 0;
  uint8_t *to = out + HEADER;
  bool written = remove;
  while (wpm_facts_next(list, &at, &fact)) {
    int place = place_of(&fact, source->kind, name);
    if (place >= 0 && !written) {
      to = write_one(source, to);
      written = true;
    }
    if (place != 0) {
      memcpy(to, fact.bytes.data - FACT_HEADER, FACT_HEADER + fact.bytes.len);
      to += FACT_HEADER + fact.bytes.len;
    }
  }
  if (!written) {
    to = write_one(source, to);
  }
  size_t size = (size_t)(to - out);
  if (size == HEADER) {
    return 0;
  }
  write_32(out, (uint32_t)size);
  return size;
}
