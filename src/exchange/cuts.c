/* What of a record a store has not kept as it was given: by what the lists hold, not by how long they
 * are, since one may name a thing twice, and what was known before is among what is kept. */
#include "base/bytes.h"
#include "exchange/report.h"

#include <stdlib.h>

/* What an item of a list is known by. */
typedef wpm_bytes (*name_fn)(const wpm_peer_record *record, size_t index);

static wpm_bytes of_text(wpm_text text) {
  return (wpm_bytes){(const uint8_t *)text.data, text.len};
}

static wpm_bytes address_of(const wpm_peer_record *record, size_t index) {
  return record->addresses[index].multiaddr;
}

static wpm_bytes protocol_of(const wpm_peer_record *record, size_t index) {
  return of_text(record->protocols[index]);
}

static wpm_bytes tag_of(const wpm_peer_record *record, size_t index) {
  return of_text(record->tags[index].name);
}

static wpm_bytes app_of(const wpm_peer_record *record, size_t index) {
  return of_text(record->app[index].key);
}

/* One list of both records. */
typedef struct list {
  const wpm_peer_record *given, *kept;
  size_t given_count, kept_count;
  name_fn name;
} list;

/* How much of it is not kept. */
typedef struct loss {
  size_t lost;     /* Different items that are missing. */
  size_t distinct; /* Different items that were given. */
} loss;

static bool is_same(const list *of) {
  bool same = of->given_count == of->kept_count;
  for (size_t i = 0; same && i < of->given_count; i++) {
    same = wpm_bytes_equal(of->name(of->given, i), of->name(of->kept, i));
  }
  return same;
}

static int compare(const void *a, const void *b) {
  const wpm_bytes *left = a;
  const wpm_bytes *right = b;
  return wpm_bytes_compare(*left, *right);
}

/* Sorted; the length as it is. */
static void gather(const wpm_peer_record *record, size_t count, name_fn name, wpm_bytes *out) {
  for (size_t i = 0; i < count; i++) {
    out[i] = name(record, i);
  }
  qsort(out, count, sizeof *out, compare);
}

static loss count_loss(const list *of) {
  size_t most = of->given_count + of->kept_count;
  wpm_bytes *names = is_same(of) ? NULL : calloc(most, sizeof *names);
  loss out = {.distinct = of->given_count};
  if (!names) { /* None is lost; or there is no memory, and the lengths say what they can. */
    out.lost = of->given_count > of->kept_count ? of->given_count - of->kept_count : 0;
    return out;
  }
  wpm_bytes *kept = names + of->given_count;
  gather(of->given, of->given_count, of->name, names);
  gather(of->kept, of->kept_count, of->name, kept);
  out.distinct = 0;
  for (size_t i = 0, j = 0; i < of->given_count; i++) {
    if (i > 0 && wpm_bytes_equal(names[i], names[i - 1])) {
      continue;
    }
    while (j < of->kept_count && wpm_bytes_compare(kept[j], names[i]) < 0) {
      j++;
    }
    out.distinct++;
    out.lost += j == of->kept_count || !wpm_bytes_equal(kept[j], names[i]);
  }
  free(names);
  return out;
}

uint64_t wpm_exchange_tell_cuts(const wpm_peer_record *taken, const wpm_peer_record *kept,
                                wpm_exchange_skip_fn skipped, void *user) {
  wpm_report report = {.skipped = skipped, .user = user};
  const struct {
    list list;
    const char *name;
    const char *more;
  } lists[] = {
      {{taken, kept, taken->address_count, kept->address_count, address_of}, "addresses", ""},
      {{taken, kept, taken->protocol_count, kept->protocol_count, protocol_of},
       "protocols",
       " (a long one is left out, or, of relay, cut to the prefix it is known by)"},
      {{taken, kept, taken->tag_count, kept->tag_count, tag_of}, "tags", ""},
      {{taken, kept, taken->app_count, kept->app_count, app_of},
       "entries of its application map",
       ""}};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    loss its = count_loss(&lists[i].list);
    if (its.lost > 0) {
      wpm_report_skip_peer(&report, taken->id, "%zu of its %zu %s exceed the cap%s", its.lost,
                           its.distinct, lists[i].name, lists[i].more);
    }
  }
  if (kept->agent.len < taken->agent.len ||
      kept->protocol_version.len < taken->protocol_version.len) {
    wpm_report_skip_peer(&report, taken->id, "its agent or protocol version is cut to the cap");
  }
  return report.counts.skipped;
}
