/* What of a record a store has not kept as it was given: by what the lists hold, not by how long they
 * are, since one may name a thing twice, and what was known before is among what is kept. Each with its own
 * reason; what is past its time is no loss. */
#include "base/bytes.h"
#include "exchange/report.h"

#include <stdlib.h>

/* What an item of a list is known by. */
typedef wpm_bytes (*name_fn)(const wpm_peer_record *record, size_t index);

/* When an item ends. */
typedef wpm_wall (*end_fn)(const wpm_peer_record *record, size_t index);

/* Whether an item by that name may be kept at all. */
typedef bool (*good_fn)(wpm_bytes name);

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

static wpm_wall end_of_address(const wpm_peer_record *record, size_t index) {
  return record->addresses[index].expires;
}

static wpm_wall end_of_tag(const wpm_peer_record *record, size_t index) {
  return record->tags[index].expires;
}

static bool is_multiaddr(wpm_bytes name) {
  return wpm_multiaddr_check(name) == WPM_OK;
}

static bool is_some(wpm_bytes name) {
  return name.len > 0;
}

/* One list of both records. */
typedef struct list {
  const wpm_peer_record *given, *kept;
  size_t given_count, kept_count;
  name_fn name;
  end_fn end; /* NULL: an item has none. */
  good_fn good;
} list;

/* How much of it is not kept. */
typedef struct loss {
  size_t bad;      /* Different items that are missing, and could not be kept. */
  size_t over;     /* Others that are missing. */
  size_t distinct; /* Different items that were given. */
} loss;

/* An item. */
typedef struct item {
  wpm_bytes name;
  bool past; /* It is over, and nobody's loss. */
} item;

static bool is_same(const list *of) {
  bool same = of->given_count == of->kept_count;
  for (size_t i = 0; same && i < of->given_count; i++) {
    same = wpm_bytes_equal(of->name(of->given, i), of->name(of->kept, i));
  }
  return same;
}

/* By name; of one name first what is not over. */
static int compare(const void *a, const void *b) {
  const item *left = a;
  const item *right = b;
  int order = wpm_bytes_compare(left->name, right->name);
  return order != 0 ? order : left->past - right->past;
}

/* Sorted; the length as it is. */
static void gather(const list *of, const wpm_peer_record *record, size_t count, wpm_wall now,
                   item *out) {
  for (size_t i = 0; i < count; i++) {
    wpm_wall end = of->end ? of->end(record, i) : WPM_WALL_NONE;
    out[i] = (item){of->name(record, i), wpm_wall_known(end) && end.ns <= now.ns};
  }
  qsort(out, count, sizeof *out, compare);
}

static loss count_loss(const list *of, wpm_wall now) {
  size_t most = of->given_count + of->kept_count;
  item *items = is_same(of) ? NULL : calloc(most, sizeof *items);
  loss out = {.distinct = of->given_count};
  if (!items) { /* None is lost; or there is no memory, and the lengths say what they can. */
    out.over = of->given_count > of->kept_count ? of->given_count - of->kept_count : 0;
    return out;
  }
  item *kept = items + of->given_count;
  gather(of, of->given, of->given_count, now, items);
  gather(of, of->kept, of->kept_count, now, kept);
  out.distinct = 0;
  for (size_t i = 0, j = 0; i < of->given_count; i++) {
    wpm_bytes name = items[i].name;
    if (i > 0 && wpm_bytes_equal(name, items[i - 1].name)) {
      continue;
    }
    while (j < of->kept_count && wpm_bytes_compare(kept[j].name, name) < 0) {
      j++;
    }
    bool is_kept = j < of->kept_count && wpm_bytes_equal(kept[j].name, name);
    out.distinct++;
    out.bad += !is_kept && !of->good(name);
    out.over += !is_kept && of->good(name) && !items[i].past;
  }
  free(items);
  return out;
}

uint64_t wpm_exchange_tell_cuts(const wpm_peer_record *taken, const wpm_peer_record *kept,
                                wpm_wall now, wpm_exchange_skip_fn skipped, void *user) {
  wpm_report report = {.skipped = skipped, .user = user};
  const struct {
    list list;
    const char *name;
    const char *bad;
    const char *more;
  } lists[] = {
      {{taken, kept, taken->address_count, kept->address_count, address_of, end_of_address,
        is_multiaddr},
       "addresses",
       "are no valid multiaddrs",
       ""},
      {{taken, kept, taken->protocol_count, kept->protocol_count, protocol_of, NULL, is_some},
       "protocols",
       "are empty",
       " (a long one is left out, or, of relay, cut to the prefix it is known by)"},
      {{taken, kept, taken->tag_count, kept->tag_count, tag_of, end_of_tag, is_some},
       "tags",
       "have no name",
       ""},
      {{taken, kept, taken->app_count, kept->app_count, app_of, NULL, is_some},
       "entries of its application map",
       "have no key",
       ""}};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    loss its = count_loss(&lists[i].list, now);
    if (its.bad > 0) {
      wpm_report_skip_peer(&report, taken->id, "%zu of its %zu %s %s", its.bad, its.distinct,
                           lists[i].name, lists[i].bad);
    }
    if (its.over > 0) {
      wpm_report_skip_peer(&report, taken->id, "%zu of its %zu %s exceed the cap%s", its.over,
                           its.distinct, lists[i].name, lists[i].more);
    }
  }
  if (kept->agent.len < taken->agent.len ||
      kept->protocol_version.len < taken->protocol_version.len) {
    wpm_report_skip_peer(&report, taken->id, "its agent or protocol version is cut to the cap");
  }
  return report.counts.skipped;
}
