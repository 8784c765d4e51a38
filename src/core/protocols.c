#include "core/protocols.h"

#include "base/bytes.h"

#include <wakupeers/store.h>

#include <stdlib.h>

static bool begins_with(wpm_text text, wpm_text prefix) {
  return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

wpm_text wpm_protocol_relay_prefix(wpm_text protocol) {
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
    } else if (relay) {
      out[kept++] = prefix;
    }
  }
  return kept;
}

/* Copies what may stay into `out`, sorted and without repeats; returns how many. */
static size_t choose(const wpm_text *protocols, size_t count, size_t max_count, size_t max_text,
                     wpm_text *out) {
  size_t kept = choose_kind(protocols, count, max_count, max_text, true, out, 0);
  kept = choose_kind(protocols, count, max_count, max_text, false, out, kept);
  if (kept == 0) {
    return 0;
  }
  qsort(out, kept, sizeof(*out), compare_texts);
  size_t unique = 1;
  for (size_t i = 1; i < kept; i++) {
    if (!wpm_text_equal(out[i], out[unique - 1])) {
      out[unique++] = out[i];
    }
  }
  return unique;
}

/* The set as one string: each id with its length behind it, so that no two sets give the
 * same string. */
static size_t joined_size(const wpm_text *chosen, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) {
    size += chosen[i].len + sizeof(uint32_t);
  }
  return size;
}

static void join(const wpm_text *chosen, size_t count, uint8_t *out) {
  for (size_t i = 0; i < count; i++) {
    uint32_t len = (uint32_t)chosen[i].len;
    memcpy(out, chosen[i].data, chosen[i].len);
    memcpy(out + chosen[i].len, &len, sizeof(len));
    out += chosen[i].len + sizeof(len);
  }
}

static void fill(const wpm_interned *entry, const wpm_text *chosen, size_t count) {
  wpm_protocol_set *set = wpm_interned_extra(entry);
  const char *at = (const char *)wpm_interned_string(entry).data;
  set->count = count;
  for (size_t i = 0; i < count; i++) {
    set->protocols[i] = (wpm_text){at, chosen[i].len};
    set->relay = set->relay || wpm_protocol_is_relay(chosen[i]);
    at += chosen[i].len + sizeof(uint32_t);
  }
}

static int take_chosen(wpm_intern *table, const wpm_text *chosen, size_t count,
                       wpm_interned **out) {
  size_t size = joined_size(chosen, count);
  uint8_t *joined = malloc(size);
  if (!joined) {
    return WPM_ERR_NO_MEMORY;
  }
  join(chosen, count, joined);
  bool fresh;
  int err = wpm_intern_take(table, (wpm_bytes){joined, size},
                            sizeof(wpm_protocol_set) + count * sizeof(wpm_text), out, &fresh);
  free(joined);
  if (!err && fresh) {
    fill(*out, chosen, count);
  }
  return err;
}

int wpm_protocols_take(wpm_intern *table, const wpm_text *protocols, size_t count, size_t max_count,
                       size_t max_text, wpm_interned **out) {
  *out = NULL;
  if (count == 0) {
    return WPM_OK;
  }
  if (count > SIZE_MAX / 4 / sizeof(*protocols)) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_text *chosen = malloc(count * sizeof(*chosen));
  if (!chosen) {
    return WPM_ERR_NO_MEMORY;
  }
  size_t kept = choose(protocols, count, max_count, max_text, chosen);
  int err = kept > 0 ? take_chosen(table, chosen, kept, out) : WPM_OK;
  free(chosen);
  return err;
}

bool wpm_protocols_hold(const wpm_interned *entry, wpm_text protocol) {
  const wpm_protocol_set *set = wpm_protocols_of(entry);
  return set && bsearch(&protocol, set->protocols, set->count, sizeof(protocol), compare_texts);
}
