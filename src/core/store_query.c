/* Queries over attributes: terms in postfix order, worked out a page of 4 096 slots at a time.
 *
 * - How many match in each page is kept for the latest queries; a page is worked out again only where
 *   one of its peers has changed since. So a query that is asked again costs a look at the stamps.
 * - A protocol or tag without an index of its own is looked for in the peers of the page.
 */
#include "core/protocols.h"
#include "core/store.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* A term, with what it is looked up by. */
typedef struct operand {
  wpm_term_kind kind;
  unsigned attribute; /* Of a fixed one. */
  uint32_t index;     /* 1 + the number of an index; 0: none. */
  uint32_t handle;    /* Of a protocol without an index; 0: nobody has it. */
  wpm_text tag;       /* Of a tag without an index. */
} operand;

typedef struct plan {
  const wpm_store *store;
  operand operands[WPM_QUERY_TERMS_MAX];
  size_t count;
} plan;

/* ---- terms ------------------------------------------------------------------------------------- */

static bool is_number(const wpm_term *term, uint32_t count) {
  return term->number < count;
}

static int resolve_name(const wpm_store *store, const wpm_term *term, operand *out) {
  wpm_bytes text = {(const uint8_t *)term->text.data, term->text.len};
  const wpm_intern *table = &store->protocols;
  uint16_t shard = (uint16_t)term->number;
  if (term->kind == WPM_TERM_TAG) {
    table = &store->tags;
    out->tag = term->text;
  } else if (term->kind == WPM_TERM_SHARD) {
    table = &store->shards;
    text = (wpm_bytes){(const uint8_t *)&shard, sizeof(shard)};
  }
  const wpm_interned *entry = wpm_intern_find(table, text);
  out->handle = wpm_intern_handle(entry);
  out->index = entry ? wpm_name_index(entry) : 0;
  return term->kind == WPM_TERM_SHARD && term->number > UINT16_MAX ? WPM_ERR_INVALID : WPM_OK;
}

/* The fixed attribute that a term is; UINT_MAX: none. WPM_ERR_INVALID: its number is none. */
static int resolve(const wpm_store *store, const wpm_term *term, operand *out) {
  bool valid = true;
  *out = (operand){.kind = term->kind, .attribute = WPM_HAS_PRESENCE};
  switch (term->kind) {
  case WPM_TERM_ALL:
  case WPM_TERM_AND:
  case WPM_TERM_OR:
  case WPM_TERM_NOT:
    return WPM_OK;
  case WPM_TERM_PROTOCOL:
  case WPM_TERM_SHARD:
  case WPM_TERM_TAG:
    return resolve_name(store, term, out);
  case WPM_TERM_CONNECTIVITY:
    valid = is_number(term, WPM_CONNECTIVITY_COUNT);
    out->attribute = WPM_HAS_CONNECTIVITY + term->number;
    break;
  case WPM_TERM_CAPABILITY:
    valid = is_number(term, 8);
    out->attribute = WPM_HAS_CAPABILITY + term->number;
    break;
  case WPM_TERM_ORIGIN:
    valid = is_number(term, WPM_ORIGIN_COUNT);
    out->attribute = WPM_HAS_ORIGIN + term->number - 1;
    break;
  case WPM_TERM_DIRECTION:
    valid = is_number(term, WPM_DIRECTION_COUNT);
    out->attribute = WPM_HAS_DIRECTION + term->number - 1;
    break;
  case WPM_TERM_RELAY:
    out->attribute = WPM_HAS_RELAY;
    break;
  case WPM_TERM_DIALABLE:
    out->attribute = WPM_HAS_DIALABLE;
    break;
  case WPM_TERM_BANNED:
    out->attribute = WPM_HAS_BAN;
    break;
  case WPM_TERM_PROTECTED:
    out->attribute = WPM_HAS_PROTECTION;
    break;
  case WPM_TERM_STATIC:
    out->attribute = WPM_HAS_STATIC;
    break;
  case WPM_TERM_HELD:
    out->attribute = WPM_HAS_HELD;
    break;
  case WPM_TERM_ADDRESS:
    out->attribute = WPM_HAS_ADDRESS;
    break;
  }
  return valid ? WPM_OK : WPM_ERR_INVALID;
}

static int add_operand(plan *p, operand which) {
  if (p->count == WPM_QUERY_TERMS_MAX) {
    return WPM_ERR_INVALID;
  }
  p->operands[p->count++] = which;
  return WPM_OK;
}

/* An unknown origin, and no direction, are what is none of the others. */
static int add_none_of(plan *p, unsigned first, unsigned count) {
  int err = WPM_OK;
  for (unsigned i = 0; i < count && !err; i++) {
    err = add_operand(p, (operand){.kind = WPM_TERM_HELD, .attribute = first + i});
    if (!err && i > 0) {
      err = add_operand(p, (operand){.kind = WPM_TERM_OR});
    }
  }
  return err ? err : add_operand(p, (operand){.kind = WPM_TERM_NOT});
}

static int add_term(plan *p, const wpm_term *term) {
  operand which;
  if ((unsigned)term->kind > WPM_TERM_NOT) {
    return WPM_ERR_INVALID;
  }
  int err = resolve(p->store, term, &which);
  if (err) {
    return err;
  }
  if (term->kind == WPM_TERM_ORIGIN && term->number == WPM_ORIGIN_UNKNOWN) {
    return add_none_of(p, WPM_HAS_ORIGIN, WPM_ORIGIN_COUNT - 1);
  }
  if (term->kind == WPM_TERM_DIRECTION && term->number == WPM_DIRECTION_NONE) {
    return add_none_of(p, WPM_HAS_DIRECTION, WPM_DIRECTION_COUNT - 1);
  }
  return add_operand(p, which);
}

/* Results left over are ANDed. */
static int make_plan(const wpm_store *store, const wpm_query *query, plan *out) {
  size_t depth = 0;
  out->store = store;
  out->count = 0;
  for (size_t i = 0; query && i < query->count; i++) {
    int err = add_term(out, &query->terms[i]);
    if (err) {
      return err;
    }
    switch (query->terms[i].kind) {
    case WPM_TERM_AND:
    case WPM_TERM_OR:
      depth -= depth > 0;
      if (depth == 0) {
        return WPM_ERR_INVALID;
      }
      break;
    case WPM_TERM_NOT:
      if (depth == 0) {
        return WPM_ERR_INVALID;
      }
      break;
    case WPM_TERM_ALL:
    case WPM_TERM_CONNECTIVITY:
    case WPM_TERM_PROTOCOL:
    case WPM_TERM_RELAY:
    case WPM_TERM_SHARD:
    case WPM_TERM_CAPABILITY:
    case WPM_TERM_ORIGIN:
    case WPM_TERM_DIRECTION:
    case WPM_TERM_DIALABLE:
    case WPM_TERM_BANNED:
    case WPM_TERM_PROTECTED:
    case WPM_TERM_STATIC:
    case WPM_TERM_HELD:
    case WPM_TERM_ADDRESS:
    case WPM_TERM_TAG:
      depth++;
      break;
    }
    if (depth > WPM_QUERY_DEPTH_MAX) {
      return WPM_ERR_INVALID;
    }
  }
  if (depth == 0) {
    return add_operand(out, (operand){.kind = WPM_TERM_ALL, .attribute = WPM_HAS_PRESENCE});
  }
  for (; depth > 1; depth--) {
    int err = add_operand(out, (operand){.kind = WPM_TERM_AND});
    if (err) {
      return err;
    }
  }
  return WPM_OK;
}

/* ---- one page ---------------------------------------------------------------------------------- */

/* A result: where its bits are; NULL: nobody matches. `own`: they may be written. */
typedef struct result {
  const uint64_t *bits;
  bool own;
} result;

typedef struct machine {
  const plan *p;
  uint32_t page;
  size_t depth;
  result stack[WPM_QUERY_DEPTH_MAX + 4];
  uint64_t words[WPM_QUERY_DEPTH_MAX + 4][WPM_BITS_WORDS];
} machine;

static bool peer_matches(const wpm_store *store, const wpm_peer *peer, const operand *which) {
  if (peer->state != WPM_SLOT_HELD) {
    return false;
  }
  if (which->kind == WPM_TERM_TAG) {
    return wpm_facts_get_named(wpm_peer_facts(store, peer), WPM_FACT_TAG, which->tag).data;
  }
  if (which->kind == WPM_TERM_SHARD) {
    wpm_bytes name = wpm_interned_string(wpm_intern_at(&store->shards, which->handle));
    size_t count;
    const uint8_t *shards = wpm_peer_shards(store, peer, &count);
    for (size_t i = 0; i < count; i++) {
      if (wpm_shard_at(shards, i) == wpm_shard_at(name.data, 0)) {
        return true;
      }
    }
    return false;
  }
  return wpm_protocols_name(wpm_intern_at(&store->sets, peer->protocols), which->handle);
}

/* Looks at every peer of the page. */
static result look(machine *m, const operand *which) {
  const wpm_store *store = m->p->store;
  uint64_t *out = m->words[m->depth];
  uint32_t first = m->page * WPM_BITS_PAGE;
  memset(out, 0, sizeof(m->words[0]));
  for (uint32_t i = 0; i < WPM_BITS_PAGE && first + i < store->slots; i++) {
    if (peer_matches(store, wpm_store_peer(store, first + i), which)) {
      wpm_bits_flip(out, i);
    }
  }
  return (result){out, true};
}

static result load(machine *m, const operand *which) {
  const wpm_store *store = m->p->store;
  const wpm_indexes *indexes = &store->indexes;
  bool named = which->kind == WPM_TERM_PROTOCOL || which->kind == WPM_TERM_SHARD ||
               which->kind == WPM_TERM_TAG;
  if (!named) {
    return (result){wpm_indexes_page(indexes, m->page, which->attribute), false};
  }
  if (which->handle == 0) {
    return (result){NULL, false};
  }
  if (which->index == 0) {
    return look(m, which);
  }
  const wpm_index *index = &indexes->named[which->index - 1];
  bool any = m->page < index->length && index->counts[m->page] > 0;
  return (result){any ? index->pages[m->page] : NULL, false};
}

static void negate(machine *m) {
  const wpm_bits_ops *ops = m->p->store->bits;
  const uint64_t *all = wpm_indexes_page(&m->p->store->indexes, m->page, WPM_HAS_PRESENCE);
  result *top = &m->stack[m->depth - 1];
  if (!top->bits) {
    *top = (result){all, false};
    return;
  }
  uint64_t *out = m->words[m->depth - 1];
  ops->and_not(out, all, top->bits);
  *top = (result){out, true};
}

static void combine(machine *m, bool both) {
  const wpm_bits_ops *ops = m->p->store->bits;
  result b = m->stack[--m->depth];
  result *a = &m->stack[m->depth - 1];
  uint64_t *out = m->words[m->depth - 1];
  if (!a->bits || !b.bits) {
    const uint64_t *other = a->bits ? a->bits : b.bits;
    if (both || !other) {
      *a = (result){NULL, false};
    } else if (other == m->words[m->depth]) { /* It lies where the next result will. */
      memcpy(out, other, sizeof(m->words[0]));
      *a = (result){out, true};
    } else {
      a->bits = other;
    }
    return;
  }
  (both ? ops->and_ : ops->or_)(out, a->bits, b.bits);
  *a = (result){out, true};
}

/* The bits of the page that match; NULL: none does. They last until the machine is used again. */
static const uint64_t *work_out(machine *m, uint32_t page) {
  m->page = page;
  m->depth = 0;
  for (size_t i = 0; i < m->p->count; i++) {
    const operand *which = &m->p->operands[i];
    switch (which->kind) {
    case WPM_TERM_AND:
      combine(m, true);
      break;
    case WPM_TERM_OR:
      combine(m, false);
      break;
    case WPM_TERM_NOT:
      negate(m);
      break;
    case WPM_TERM_ALL:
    case WPM_TERM_CONNECTIVITY:
    case WPM_TERM_PROTOCOL:
    case WPM_TERM_RELAY:
    case WPM_TERM_SHARD:
    case WPM_TERM_CAPABILITY:
    case WPM_TERM_ORIGIN:
    case WPM_TERM_DIRECTION:
    case WPM_TERM_DIALABLE:
    case WPM_TERM_BANNED:
    case WPM_TERM_PROTECTED:
    case WPM_TERM_STATIC:
    case WPM_TERM_HELD:
    case WPM_TERM_ADDRESS:
    case WPM_TERM_TAG:
      m->stack[m->depth] = load(m, which);
      m->depth++;
      break;
    }
  }
  return m->stack[0].bits;
}

/* ---- kept answers ------------------------------------------------------------------------------ */

void wpm_query_cache_fini(wpm_query_cache *cache) {
  for (uint32_t i = 0; i < cache->count; i++) {
    free(cache->answers[i].key);
    free(cache->answers[i].stamps);
    free(cache->answers[i].counts);
  }
  free(cache->answers);
  *cache = (wpm_query_cache){0};
}

/* The query's terms as one string; 0 where it is too long to be kept. */
static size_t key_of(const wpm_query *query, uint8_t *out) {
  size_t len = 0;
  for (size_t i = 0; query && i < query->count; i++) {
    const wpm_term *term = &query->terms[i];
    bool text = term->kind == WPM_TERM_PROTOCOL || term->kind == WPM_TERM_TAG;
    uint32_t number = text ? (uint32_t)term->text.len : term->number;
    size_t more = text ? term->text.len : 0;
    if (more > WPM_QUERY_KEY_MAX || len + 1 + sizeof(number) + more > WPM_QUERY_KEY_MAX) {
      return 0;
    }
    out[len++] = (uint8_t)term->kind;
    memcpy(out + len, &number, sizeof(number));
    len += sizeof(number);
    if (more > 0) {
      memcpy(out + len, term->text.data, more);
      len += more;
    }
  }
  if (len == 0) {
    out[len++] = WPM_TERM_ALL;
  }
  return len;
}

static uint64_t hash_of(const uint8_t *key, size_t len) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ key[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

/* One more place, where there may be more; false: there is none. */
static bool add_place(wpm_query_cache *cache) {
  if (cache->count == cache->capacity) {
    uint32_t capacity = cache->capacity ? cache->capacity * 2 : 4;
    wpm_query_answer *answers =
        capacity > WPM_QUERY_CACHE ? NULL : realloc(cache->answers, capacity * sizeof(*answers));
    if (!answers) {
      return false;
    }
    cache->bytes += (capacity - cache->capacity) * sizeof(*answers);
    cache->answers = answers;
    cache->capacity = capacity;
  }
  cache->answers[cache->count++] = (wpm_query_answer){0};
  return true;
}

/* The place of the query: its own, a new one, or that of the query asked the longest ago. NULL: there is
 * no memory for the first. */
static wpm_query_answer *place_of(wpm_query_cache *cache, const uint8_t *key, size_t len,
                                  uint64_t hash) {
  uint32_t oldest = 0;
  for (uint32_t i = 0; i < cache->count; i++) {
    const wpm_query_answer *answer = &cache->answers[i];
    if (answer->hash == hash && answer->key_len == len &&
        (len == 0 || memcmp(answer->key, key, len) == 0)) {
      return &cache->answers[i];
    }
    if (answer->used < cache->answers[oldest].used) {
      oldest = i;
    }
  }
  bool added = add_place(cache);
  if (cache->count == 0) {
    return NULL;
  }
  return &cache->answers[added ? cache->count - 1 : oldest];
}

static int make_room(wpm_query_cache *cache, wpm_query_answer *answer, uint32_t pages) {
  if (!answer->key) {
    answer->key = malloc(WPM_QUERY_KEY_MAX);
    if (!answer->key) {
      return WPM_ERR_NO_MEMORY;
    }
    cache->bytes += WPM_QUERY_KEY_MAX;
  }
  if (pages <= answer->capacity) {
    return WPM_OK;
  }
  uint32_t capacity = pages + pages / 2 + 4;
  uint32_t *stamps = realloc(answer->stamps, capacity * sizeof(*stamps));
  if (!stamps) {
    return WPM_ERR_NO_MEMORY;
  }
  answer->stamps = stamps;
  uint16_t *counts = realloc(answer->counts, capacity * sizeof(*counts));
  if (!counts) {
    return WPM_ERR_NO_MEMORY;
  }
  answer->counts = counts;
  cache->bytes += (capacity - answer->capacity) * (sizeof(*stamps) + sizeof(*counts));
  answer->capacity = capacity;
  return WPM_OK;
}

/* Brings the answer up to date. */
static void bring_up_to_date(const wpm_store *store, machine *m, wpm_query_answer *answer) {
  for (uint32_t page = answer->length; page < store->indexes.length; page++) {
    answer->stamps[page] = 0;
    answer->counts[page] = 0;
  }
  answer->length = store->indexes.length;
  for (uint32_t page = 0; page < answer->length; page++) {
    if (answer->stamps[page] == store->indexes.stamps[page]) {
      continue;
    }
    const uint64_t *bits = work_out(m, page);
    uint16_t count = bits ? (uint16_t)store->bits->count(bits) : 0;
    answer->total += (uint64_t)count - answer->counts[page];
    answer->counts[page] = count;
    answer->stamps[page] = store->indexes.stamps[page];
  }
}

/* The query's plan and its answer. */
static int ask(const wpm_store *store, const wpm_query *query, plan *p, machine *m,
               wpm_query_answer **out) {
  uint8_t key[WPM_QUERY_KEY_MAX];
  int err = make_plan(store, query, p);
  if (err) {
    return err;
  }
  m->p = p;
  size_t len = key_of(query, key);
  /* What is kept is not part of what the store holds. */
  wpm_query_cache *cache = &((wpm_store *)(uintptr_t)store)->queries;
  uint64_t hash = hash_of(key, len);
  wpm_query_answer *answer = place_of(cache, key, len, hash);
  err = answer ? make_room(cache, answer, store->indexes.length) : WPM_ERR_NO_MEMORY;
  if (err) {
    return err;
  }
  if (len == 0 || answer->key_len != len || memcmp(answer->key, key, len) != 0) {
    answer->length = 0;
    answer->total = 0;
    answer->key_len = len;
    answer->hash = hash;
    memcpy(answer->key, key, len);
  }
  answer->used = ++cache->clock;
  bring_up_to_date(store, m, answer);
  *out = answer;
  return WPM_OK;
}

/* ---- the calls --------------------------------------------------------------------------------- */

static wpm_peer_ref ref_of(const wpm_store *store, uint32_t slot) {
  return (wpm_peer_ref){slot, wpm_store_peer(store, slot)->generation};
}

int wpm_store_query_count(const wpm_store *store, const wpm_query *query, size_t *out) {
  plan p;
  machine m;
  wpm_query_answer *answer;
  int err = ask(store, query, &p, &m, &answer);
  if (!err) {
    *out = (size_t)answer->total;
  }
  return err;
}

int wpm_store_next_protocol(const wpm_store *store, uint64_t *cursor, wpm_text *protocol,
                            size_t *peers) {
  while (*cursor < store->protocols.count) {
    const wpm_interned *entry = store->protocols.entries[(*cursor)++];
    if (!entry) {
      continue;
    }
    wpm_bytes name = wpm_interned_string(entry);
    uint32_t index = wpm_name_index(entry);
    *protocol = (wpm_text){(const char *)name.data, name.len};
    if (index) {
      *peers = store->indexes.named[index - 1].count;
      return WPM_OK;
    }
    wpm_term term = {.kind = WPM_TERM_PROTOCOL, .text = *protocol};
    return wpm_store_query_count(store, &(wpm_query){&term, 1}, peers);
  }
  return WPM_ERR_NOT_FOUND;
}

int wpm_store_query_page(const wpm_store *store, const wpm_query *query, uint64_t *cursor,
                         wpm_peer_ref *out, size_t count, size_t *found) {
  plan p;
  machine m;
  *found = 0;
  int err = make_plan(store, query, &p);
  if (err) {
    return err;
  }
  m.p = &p;
  while (*found < count && *cursor < store->slots) {
    uint32_t page = (uint32_t)(*cursor / WPM_BITS_PAGE);
    uint32_t bit = (uint32_t)(*cursor % WPM_BITS_PAGE);
    const uint64_t *bits = work_out(&m, page);
    bit = bits ? wpm_bits_next(bits, bit) : WPM_BITS_PAGE;
    for (; bit < WPM_BITS_PAGE && *found < count; bit = wpm_bits_next(bits, bit + 1)) {
      out[(*found)++] = ref_of(store, page * WPM_BITS_PAGE + bit);
      *cursor = (uint64_t)page * WPM_BITS_PAGE + bit + 1;
    }
    if (bit >= WPM_BITS_PAGE) {
      *cursor = ((uint64_t)page + 1) * WPM_BITS_PAGE;
    }
  }
  return WPM_OK;
}

/* Ranks drawn so far: up to FEW in an array, ascending, more as bits. */
#define FEW 64

typedef struct drawn {
  uint64_t few[FEW];
  size_t count;
  uint64_t *bits; /* NULL: they are few. */
} drawn;

/* Notes a rank; false: it was drawn before. */
static bool note(drawn *d, uint64_t rank) {
  if (d->bits) {
    bool fresh = !(d->bits[rank / 64] >> (rank % 64) & 1);
    d->bits[rank / 64] |= UINT64_C(1) << (rank % 64);
    return fresh;
  }
  size_t at = d->count;
  while (at > 0 && d->few[at - 1] > rank) {
    at--;
  }
  if (at > 0 && d->few[at - 1] == rank) {
    return false;
  }
  memmove(&d->few[at + 1], &d->few[at], (d->count - at) * sizeof(*d->few));
  d->few[at] = rank;
  d->count++;
  return true;
}

/* The first rank drawn at or behind `from`, which must exist. *next: where to look in the array. */
static uint64_t next_drawn(const drawn *d, uint64_t from, size_t *next) {
  if (!d->bits) {
    return d->few[(*next)++];
  }
  uint64_t word = d->bits[from / 64] >> (from % 64) << (from % 64);
  for (from /= 64; !word;) {
    word = d->bits[++from];
  }
  return from * 64 + (uint64_t)__builtin_ctzll(word);
}

/* The peers of the ranks drawn, in the store's order: each page is worked out once. */
static void collect(machine *m, const wpm_query_answer *answer, const drawn *d, size_t count,
                    wpm_peer_ref *out) {
  const wpm_store *store = m->p->store;
  uint32_t page = 0;
  uint32_t worked_out = UINT32_MAX;
  uint64_t before = 0; /* Ranks of the pages before this one. */
  uint64_t rank = 0;
  size_t next = 0;
  const uint64_t *bits = NULL;
  for (size_t i = 0; i < count; i++) {
    rank = next_drawn(d, i > 0 ? rank + 1 : 0, &next);
    while (rank - before >= answer->counts[page]) {
      before += answer->counts[page++];
    }
    if (page != worked_out) {
      bits = work_out(m, page);
      worked_out = page;
    }
    uint32_t bit = store->bits->select(bits, (unsigned)(rank - before));
    out[i] = ref_of(store, page * WPM_BITS_PAGE + bit);
  }
}

static void shuffle(wpm_rng *rng, wpm_peer_ref *refs, size_t count) {
  for (size_t i = count; i > 1; i--) {
    size_t other = (size_t)wpm_rng_below(rng, i);
    wpm_peer_ref swapped = refs[i - 1];
    refs[i - 1] = refs[other];
    refs[other] = swapped;
  }
}

/* Floyd's way to draw `count` different ranks, each choice equally likely; then put into a random
 * order. */
int wpm_store_query_pick(const wpm_store *store, const wpm_query *query, uint64_t seed,
                         wpm_peer_ref *out, size_t count, size_t *found) {
  plan p;
  machine m;
  wpm_query_answer *answer;
  drawn d = {.count = 0};
  wpm_rng rng;
  *found = 0;
  int err = ask(store, query, &p, &m, &answer);
  if (err) {
    return err;
  }
  if (count > answer->total) {
    count = (size_t)answer->total;
  }
  if (count > FEW) {
    d.bits = calloc((size_t)(answer->total / 64 + 1), sizeof(*d.bits));
    if (!d.bits) {
      return WPM_ERR_NO_MEMORY;
    }
  }
  wpm_rng_init(&rng, seed);
  for (uint64_t last = answer->total - count; last < answer->total; last++) {
    if (!note(&d, wpm_rng_below(&rng, last + 1))) {
      (void)note(&d, last);
    }
  }
  collect(&m, answer, &d, count, out);
  shuffle(&rng, out, count);
  *found = count;
  free(d.bits);
  return WPM_OK;
}

/* ---- the best ---------------------------------------------------------------------------------- */

/* Less is better. */
static int64_t key_by(const wpm_store *store, uint32_t slot, wpm_order order) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  const wpm_contact *contact = wpm_peer_contact(store, peer);
  switch (order) {
  case WPM_ORDER_RTT:
    return contact->rtt_ns == WPM_SPAN_NONE ? INT64_MAX : contact->rtt_ns;
  case WPM_ORDER_LAST_SEEN:
    return ~wpm_peer_last_seen(store, peer); /* Turned round; no number is lost. */
  case WPM_ORDER_SCORE:
    return -(int64_t)contact->score;
  }
  return 0;
}

static bool better(const wpm_store *store, wpm_order order, wpm_peer_ref a, wpm_peer_ref b) {
  int64_t of_a = key_by(store, a.slot, order);
  int64_t of_b = key_by(store, b.slot, order);
  return of_a != of_b ? of_a < of_b : a.slot < b.slot;
}

/* A heap with the worst in front. */
static void sift(const wpm_store *store, wpm_order order, wpm_peer_ref *heap, size_t count,
                 size_t at) {
  wpm_peer_ref moving = heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child + 1 < count && better(store, order, heap[child], heap[child + 1])) {
      child++;
    }
    if (child >= count || !better(store, order, moving, heap[child])) {
      break;
    }
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moving;
}

static void offer(const wpm_store *store, wpm_order order, wpm_peer_ref *heap, size_t most,
                  size_t *count, wpm_peer_ref ref) {
  if (*count < most) {
    heap[(*count)++] = ref;
    for (size_t i = *count == most ? most / 2 : 0; i-- > 0;) {
      sift(store, order, heap, most, i);
    }
  } else if (better(store, order, ref, heap[0])) {
    heap[0] = ref;
    sift(store, order, heap, most, 0);
  }
}

int wpm_store_query_top(const wpm_store *store, const wpm_query *query, wpm_order order,
                        wpm_peer_ref *out, size_t count, size_t *found) {
  plan p;
  machine m;
  *found = 0;
  int err = (unsigned)order < WPM_ORDER_COUNT ? make_plan(store, query, &p) : WPM_ERR_INVALID;
  if (err) {
    return err;
  }
  m.p = &p;
  for (uint32_t page = 0; count > 0 && page < store->indexes.length; page++) {
    const uint64_t *bits = work_out(&m, page);
    for (uint32_t bit = bits ? wpm_bits_next(bits, 0) : WPM_BITS_PAGE; bit < WPM_BITS_PAGE;
         bit = wpm_bits_next(bits, bit + 1)) {
      offer(store, order, out, count, found, ref_of(store, page * WPM_BITS_PAGE + bit));
    }
  }
  /* Fewer than asked for were never made a heap. */
  for (size_t i = *found / 2; i-- > 0;) {
    sift(store, order, out, *found, i);
  }
  for (size_t i = *found; i > 1; i--) {
    wpm_peer_ref worst = out[0];
    out[0] = out[i - 1];
    out[i - 1] = worst;
    sift(store, order, out, i - 1, 0);
  }
  return WPM_OK;
}
