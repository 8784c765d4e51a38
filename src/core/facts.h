/* What few peers have beside their addresses, packed into one block: a list of (kind, bytes).
 *
 * - Sorted by kind; tags by name and application entries by key within theirs. A fact that a peer
 *   lacks takes no space.
 * - A change builds the new list in a buffer of the caller's, so one that fails has changed nothing.
 *
 * wakupeers' own, so that what few peers have costs the others no memory.
 */
#ifndef WPM_CORE_FACTS_H
#define WPM_CORE_FACTS_H

#include <wakupeers/types.h>

typedef enum wpm_fact_kind {
  WPM_FACT_KEY = 1,  /* Public key that the id does not carry. */
  WPM_FACT_OBSERVED, /* Observed address. */
  WPM_FACT_SHARDS,   /* Cluster (4 bytes), shards (2 bytes each, ascending). */
  WPM_FACT_ENR,      /* Sequence number (8 bytes), the record. */
  WPM_FACT_SIGNED,   /* Sequence number (8 bytes), the envelope. */
  WPM_FACT_TAG,      /* Value (4 bytes), marks (wpm_tag_marks), name. */
  WPM_FACT_APP       /* Length of the key (1 byte), key, value. */
} wpm_fact_kind;

#define WPM_FACT_LARGEST ((1u << 24) - 1) /* Longest payload, in bytes. */

/* One of a list; walk with wpm_facts_next. */
typedef struct wpm_fact {
  wpm_fact_kind kind;
  wpm_bytes bytes; /* Points into the list. */
} wpm_fact;

/* A fact to be written, in up to three pieces that are written behind one another. */
typedef struct wpm_fact_source {
  wpm_fact_kind kind;
  wpm_bytes pieces[3];
} wpm_fact_source;

/* Bytes of a list: 0 for NULL, the empty one. */
size_t wpm_facts_size(const uint8_t *list);

/* The next fact at *at (start with 0); false at the end. */
bool wpm_facts_next(const uint8_t *list, size_t *at, wpm_fact *out);

/* The payload of the first fact of `kind`; data NULL: there is none. */
wpm_bytes wpm_facts_get(const uint8_t *list, wpm_fact_kind kind);

/* What a tag has beside value and name: a byte of flags, its end and its half-life, where it has them.
 * Returns how many bytes. */
#define WPM_TAG_MARKS 17u
size_t wpm_tag_marks(const wpm_tag *tag, uint8_t out[WPM_TAG_MARKS]);

/* A fact as a tag; its name is a view. Only whether it protects. */
wpm_tag wpm_fact_tag(const wpm_fact *fact);
bool wpm_fact_protects(const wpm_fact *fact);

/* Whether a tag in the list expires or fades. */
bool wpm_facts_age(const uint8_t *list);

/* The name of a tag, the key of an application entry; empty for other kinds. */
wpm_text wpm_fact_name(const wpm_fact *fact);

/* The tag's or entry's payload by name; data NULL: there is none. */
wpm_bytes wpm_facts_get_named(const uint8_t *list, wpm_fact_kind kind, wpm_text name);

/* The kinds, as bits 1u << wpm_fact_kind, whose facts differ between two lists. */
unsigned wpm_facts_differ(const uint8_t *a, const uint8_t *b);

/* Bytes that a list of `count` sources takes; SIZE_MAX where one is too large. 0 where there are
 * none. */
size_t wpm_facts_size_of(const wpm_fact_source *sources, size_t count);
void wpm_facts_write(const wpm_fact_source *sources, size_t count, uint8_t *out);

/* Writes `list` with `source` in place of the fact of its kind (and, for tags and entries, of its
 * name), or, where `remove`, without it. `out` has room for both; returns the bytes written, 0 for
 * the empty list. */
size_t wpm_facts_replace(const uint8_t *list, const wpm_fact_source *source, wpm_text name,
                         bool remove, uint8_t *out);

#endif
