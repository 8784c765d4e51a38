#include "core/protocols.h"

#include "core/rules.h"
#include "core/store.h"

#include "base/bytes.h"

#include <stdlib.h>

static bool begins_with(wpm_text text, wpm_text prefix) {
  return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

wpm_text wpm_protocol_relay_prefix(wpm_text protocol) {
  /* Most are told apart by their second character. */
  char second = protocol.len > 1 ? protocol.data[1] : 0;
  if (second != 'v' && second != 'm' && second != 'f') {
    return (wpm_text){0};
  }
  const wpm_text prefixes[] = {WPM_TEXT("/vac/waku/relay/"), WPM_TEXT("/meshsub/"),
                               WPM_TEXT("/floodsub/")};
  for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
    if (begins_with(protocol, prefixes[i])) {
      return prefixes[i];
    }
  }
  return (wpm_text){0};
}

bool wpm_protocol_is_relay(wpm_text protocol) {
  return wpm_protocol_relay_prefix(protocol).len > 0;
}

static int compare_texts(const void *a, const void *b) {
  const wpm_text *x = a;
  const wpm_text *y = b;
  return wpm_bytes_compare((wpm_bytes){(const uint8_t *)x->data, x->len},
                           (wpm_bytes){(const uint8_t *)y->data, y->len});
}

/* Copies the relay protocols, or all the others, behind the `kept` that `out` has; returns how many
 * it has then, at most `max_count`. */
static size_t choose_kind(const wpm_text *protocols, size_t count, size_t max_count,
                          size_t max_text, bool relay, wpm_text *out, size_t kept) {
  for (size_t i = 0; i < count && (max_count == 0 || kept < max_count); i++) {
    wpm_text prefix = wpm_protocol_relay_prefix(protocols[i]);
    if ((prefix.len > 0) != relay) {
      continue;
    }
    if (max_text == 0 || protocols[i].len <= max_text) {
      if (protocols[i].len > 0) {
        out[kept++] = protocols[i];
      }
    } else if (relay && wpm_rule_holds(WPM_RULE_RELAY_PREFIX)) {
      out[kept++] = prefix;
    }
  }
  return kept;
}

/* Copies what may stay into `out`; returns how many. Some may be there twice. */
static size_t choose(const wpm_text *protocols, size_t count, size_t max_count, size_t max_text,
                     wpm_text *out) {
  bool first = wpm_rule_holds(WPM_RULE_RELAY_KEPT);
  size_t kept = choose_kind(protocols, count, max_count, max_text, first, out, 0);
  return choose_kind(protocols, count, max_count, max_text, !first, out, kept);
}

/* ---- names with an index ----------------------------------------------------------------------- */

int wpm_name_take(wpm_store *store, wpm_intern *table, wpm_bytes name, wpm_interned **out) {
  bool fresh;
  int err = wpm_intern_take(table, name, sizeof(uint32_t), out, &fresh);
  size_t most = store->config.max_indexed;
  if (err || !fresh || (most > 0 && store->indexes.named_used >= most)) {
    return err;
  }
  err = wpm_indexes_add(&store->indexes, wpm_interned_extra(*out));
  if (err) {
    wpm_intern_drop(table, *out);
  }
  return err;
}

/* A cheap hash over a protocol id, for the ids that were looked up lately: each has two places. */
static unsigned recent_place(wpm_text protocol) {
  uint64_t head = 0;
  uint64_t tail = 0;
  if (protocol.len >= 16) {
    memcpy(&head, protocol.data + protocol.len - 16, sizeof(head));
    memcpy(&tail, protocol.data + protocol.len - 8, sizeof(tail));
  } else {
    memcpy(&head, protocol.data, protocol.len < 8 ? protocol.len : 8);
    memcpy(&tail, protocol.data + protocol.len / 2,
           protocol.len - protocol.len / 2 < 8 ? protocol.len - protocol.len / 2 : 8);
  }
  uint64_t mixed = (head ^ protocol.len) * UINT64_C(0x9e3779b97f4a7c15);
  mixed = (mixed ^ mixed >> 32 ^ tail) * UINT64_C(0xc2b2ae3d27d4eb4f);
  return (unsigned)(mixed >> 56);
}

static wpm_text protocol_of(const wpm_interned *entry) {
  wpm_bytes string = wpm_interned_string(entry);
  return (wpm_text){(const char *)string.data, string.len};
}

void wpm_name_drop(wpm_store *store, wpm_intern *table, wpm_interned *entry) {
  if (entry->holders == 1) {
    wpm_indexes_remove(&store->indexes, wpm_name_index(entry));
    if (table == &store->protocols) {
      unsigned place = recent_place(protocol_of(entry));
      for (unsigned i = 0; i < 2; i++) {
        wpm_interned **recent = &store->recent[place ^ i];
        *recent = *recent == entry ? NULL : *recent;
      }
    }
  }
  wpm_intern_drop(table, entry);
}

static wpm_interned *find_protocol(wpm_store *store, wpm_text protocol) {
  unsigned place = recent_place(protocol);
  for (unsigned i = 0; i < 2; i++) {
    wpm_interned *recent = store->recent[place ^ i];
    if (recent && wpm_text_equal(protocol_of(recent), protocol)) {
      return recent;
    }
  }
  wpm_interned *entry =
      wpm_intern_find(&store->protocols, (wpm_bytes){(const uint8_t *)protocol.data, protocol.len});
  if (entry) { /* The one that was there moves to its other place. */
    store->recent[place ^ 1] = store->recent[place];
    store->recent[place] = entry;
  }
  return entry;
}

/* ---- sets -------------------------------------------------------------------------------------- */

static const uint32_t *handles_of(const wpm_interned *set) {
  return (const void *)wpm_interned_string(set).data;
}

static wpm_interned *protocol_at(const wpm_store *store, const wpm_interned *set, size_t i) {
  return wpm_intern_at(&store->protocols, handles_of(set)[i]);
}

static void drop_protocols(wpm_store *store, const uint32_t *handles, size_t count) {
  for (size_t i = 0; i < count; i++) {
    wpm_name_drop(store, &store->protocols, wpm_intern_at(&store->protocols, handles[i]));
  }
}

/* The handles of the chosen protocols; false where one is new. */
static bool find_handles(wpm_store *store, const wpm_text *chosen, size_t count,
                         uint32_t *handles) {
  for (size_t i = 0; i < count; i++) {
    const wpm_interned *entry = find_protocol(store, chosen[i]);
    if (!entry) {
      return false;
    }
    handles[i] = wpm_intern_handle(entry);
  }
  return true;
}

/* Ascending, none twice: so the same protocols are the same string, in whatever order they came. */
static size_t sort_handles(uint32_t *handles, size_t count) {
  size_t unique = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t handle = handles[i];
    size_t at = unique;
    while (at > 0 && handles[at - 1] > handle) {
      at--;
    }
    if (at > 0 && handles[at - 1] == handle) {
      continue;
    }
    memmove(&handles[at + 1], &handles[at], (unique - at) * sizeof(*handles));
    handles[at] = handle;
    unique++;
  }
  return unique;
}

/* How often a protocol is among those chosen. */
static uint32_t times_taken(const wpm_interned *entry, const wpm_text *chosen, size_t count) {
  uint32_t times = 0;
  for (size_t i = 0; i < count; i++) {
    times += wpm_text_equal(protocol_of(entry), chosen[i]);
  }
  return times;
}

static int take_protocols(wpm_store *store, const wpm_text *chosen, size_t count,
                          uint32_t *handles) {
  for (size_t i = 0; i < count; i++) {
    wpm_interned *entry;
    int err = wpm_name_take(store, &store->protocols,
                            (wpm_bytes){(const uint8_t *)chosen[i].data, chosen[i].len}, &entry);
    if (err) {
      drop_protocols(store, handles, i);
      return err;
    }
    handles[i] = wpm_intern_handle(entry);
  }
  return WPM_OK;
}

/* What a new set says of its protocols. */
static void fill_set(wpm_store *store, wpm_interned *entry, size_t count) {
  wpm_protocol_set *set = wpm_interned_extra(entry);
  set->count = count;
  for (size_t i = 0; i < count; i++) {
    set->protocols[i] = protocol_of(protocol_at(store, entry, i));
    set->relay = set->relay || wpm_protocol_is_relay(set->protocols[i]);
  }
  qsort(set->protocols, count, sizeof(*set->protocols), compare_texts);
}

/* A new set, which holds each of its protocols once. */
static int make_set(wpm_store *store, const wpm_text *chosen, size_t count, uint32_t *handles,
                    wpm_interned **out) {
  int err = take_protocols(store, chosen, count, handles);
  if (err) {
    return err;
  }
  /* One that is there twice was taken twice. */
  size_t unique = sort_handles(handles, count);
  for (size_t i = 0; i < unique; i++) {
    wpm_interned *entry = wpm_intern_at(&store->protocols, handles[i]);
    entry->holders -= times_taken(entry, chosen, count) - 1;
  }
  bool fresh;
  err = wpm_intern_take(&store->sets, (wpm_bytes){(uint8_t *)handles, unique * sizeof(*handles)},
                        sizeof(wpm_protocol_set) + unique * sizeof(wpm_text), out, &fresh);
  if (err || !fresh) { /* A set that is there holds its protocols already. */
    drop_protocols(store, handles, unique);
    return err;
  }
  fill_set(store, *out, unique);
  return WPM_OK;
}

static int take_chosen(wpm_store *store, const wpm_text *chosen, size_t count, uint32_t *handles,
                       wpm_interned **out) {
  if (find_handles(store, chosen, count, handles)) {
    size_t unique = sort_handles(handles, count);
    *out =
        wpm_intern_find(&store->sets, (wpm_bytes){(uint8_t *)handles, unique * sizeof(*handles)});
    if (*out) {
      wpm_intern_hold(*out);
      return WPM_OK;
    }
  }
  return make_set(store, chosen, count, handles, out);
}

/* True where no cap and no empty id leaves any out. */
static bool all_may_stay(const wpm_store_config *config, const wpm_text *protocols, size_t count) {
  bool all = config->max_protocols == 0 || count <= config->max_protocols;
  size_t longest = config->max_text ? config->max_text : SIZE_MAX;
  for (size_t i = 0; all && i < count; i++) {
    all = protocols[i].len > 0 && protocols[i].len <= longest;
  }
  return all;
}

#define FEW 64 /* Protocols that the stack has room for. */

int wpm_protocols_take(wpm_store *store, const wpm_text *protocols, size_t count,
                       wpm_interned **out) {
  struct {
    wpm_text texts[FEW];
    uint32_t handles[FEW];
  } few;
  *out = NULL;
  if (count == 0) {
    return WPM_OK;
  }
  if (count > SIZE_MAX / 4 / sizeof(*protocols)) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_text *chosen = few.texts;
  uint32_t *handles = few.handles;
  if (count > FEW) {
    chosen = malloc(count * (sizeof(*chosen) + sizeof(*handles)));
    handles = (void *)(chosen + count);
  }
  if (!chosen) {
    return WPM_ERR_NO_MEMORY;
  }
  int err = WPM_OK;
  if (all_may_stay(&store->config, protocols, count)) {
    err = take_chosen(store, protocols, count, handles, out);
  } else {
    size_t kept =
        choose(protocols, count, store->config.max_protocols, store->config.max_text, chosen);
    err = kept > 0 ? take_chosen(store, chosen, kept, handles, out) : WPM_OK;
  }
  if (chosen != few.texts) {
    free(chosen);
  }
  return err;
}

void wpm_protocols_drop(wpm_store *store, wpm_interned *set) {
  if (set && set->holders == 1) {
    drop_protocols(store, handles_of(set), wpm_protocols_of(set)->count);
  }
  wpm_intern_drop(&store->sets, set);
}

bool wpm_protocols_name(const wpm_interned *set, uint32_t handle) {
  size_t low = 0;
  size_t high = set ? wpm_protocols_of(set)->count : 0;
  while (low < high) {
    size_t middle = (low + high) / 2;
    uint32_t there = handles_of(set)[middle];
    if (there == handle) {
      return true;
    }
    if (there < handle) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

int wpm_protocols_reserve(wpm_store *store, const wpm_interned *set, uint32_t slot) {
  size_t count = set ? wpm_protocols_of(set)->count : 0;
  int err = WPM_OK;
  for (size_t i = 0; i < count && !err; i++) {
    err = wpm_index_reserve(&store->indexes, wpm_name_index(protocol_at(store, set, i)), slot);
  }
  return err;
}

static void set_bits(wpm_store *store, const wpm_interned *set, const wpm_interned *other,
                     uint32_t slot, bool has) {
  size_t count = set ? wpm_protocols_of(set)->count : 0;
  for (size_t i = 0; i < count; i++) {
    if (!other || !wpm_protocols_name(other, handles_of(set)[i])) {
      wpm_index_set(&store->indexes, wpm_name_index(protocol_at(store, set, i)), slot, has);
    }
  }
}

void wpm_protocols_reindex(wpm_store *store, const wpm_interned *old, const wpm_interned *fresh,
                           uint32_t slot) {
  if (old != fresh) {
    set_bits(store, old, fresh, slot, false);
    set_bits(store, fresh, old, slot, true);
  }
}
