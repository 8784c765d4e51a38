/* Queries over attributes, a page at a time. */
#include "core/query_plan.h"

#include "core/protocols.h"

#include "base/bytes.h"
#include "base/prefetch.h"

#include <assert.h>
#include <string.h>

/* ---- terms ------------------------------------------------------------------------------------- */

static bool is_number(const wpm_term *term, uint32_t count) {
  return term->number < count;
}

static int resolve_name(const wpm_store *store, const wpm_term *term, wpm_operand *out) {
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
static int resolve(const wpm_store *store, const wpm_term *term, wpm_operand *out) {
  bool valid = true;
  *out = (wpm_operand){.kind = term->kind, .attribute = WPM_HAS_PRESENCE};
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

static int add_operand(wpm_query_plan *p, wpm_operand which) {
  if (p->count == WPM_QUERY_TERMS_MAX) {
    return WPM_ERR_INVALID;
  }
  p->operands[p->count++] = which;
  return WPM_OK;
}

/* An unknown origin, and no direction, are what is none of the others. */
static int add_none_of(wpm_query_plan *p, unsigned first, unsigned count) {
  int err = WPM_OK;
  for (unsigned i = 0; i < count && !err; i++) {
    err = add_operand(p, (wpm_operand){.kind = WPM_TERM_HELD, .attribute = first + i});
    if (!err && i > 0) {
      err = add_operand(p, (wpm_operand){.kind = WPM_TERM_OR});
    }
  }
  return err ? err : add_operand(p, (wpm_operand){.kind = WPM_TERM_NOT});
}

static int add_term(wpm_query_plan *p, const wpm_term *term) {
  wpm_operand which;
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
int wpm_query_plan_make(const wpm_store *store, const wpm_query *query, wpm_query_plan *out) {
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
    return add_operand(out, (wpm_operand){.kind = WPM_TERM_ALL, .attribute = WPM_HAS_PRESENCE});
  }
  for (; depth > 1; depth--) {
    int err = add_operand(out, (wpm_operand){.kind = WPM_TERM_AND});
    if (err) {
      return err;
    }
  }
  return WPM_OK;
}

/* ---- one page ---------------------------------------------------------------------------------- */

static bool peer_matches(const wpm_store *store, const wpm_peer *peer, const wpm_operand *which) {
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

/* Looks at every peer of a word of the page. */
static uint64_t look_word(const wpm_store *store, const wpm_operand *which, uint32_t page,
                          uint32_t word) {
  uint32_t first = page * WPM_BITS_PAGE + word * 64;
  uint64_t out = 0;
  for (uint32_t i = 0; i < 64 && first + i < store->slots; i++) {
    out |= (uint64_t)peer_matches(store, wpm_store_peer(store, first + i), which) << i;
  }
  return out;
}

static const uint64_t *look(wpm_query_machine *m, const wpm_operand *which) {
  uint64_t *out = m->words[m->depth];
  for (uint32_t word = 0; word < WPM_BITS_WORDS; word++) {
    out[word] = look_word(m->plan->store, which, m->page, word);
  }
  return out;
}

static bool is_named(const wpm_operand *which) {
  return which->kind == WPM_TERM_PROTOCOL || which->kind == WPM_TERM_SHARD ||
         which->kind == WPM_TERM_TAG;
}

/* The bits of a term with an index; NULL: nobody has it. */
static const uint64_t *indexed(const wpm_store *store, const wpm_operand *which, uint32_t page) {
  const wpm_indexes *indexes = &store->indexes;
  if (!is_named(which)) {
    return wpm_indexes_page(indexes, page, which->attribute);
  }
  if (which->index == 0) {
    return NULL;
  }
  const wpm_index *index = &indexes->named[which->index - 1];
  return page < index->length && index->counts[page] > 0 ? index->pages[page] : NULL;
}

/* Words of it that there are. */
static uint32_t words_of(const wpm_store *store, const wpm_operand *which, uint32_t page) {
  return is_named(which) ? WPM_BITS_WORDS : wpm_indexes_words(&store->indexes, page);
}

/* Nobody but the peers themselves tells who has it. */
static bool is_unindexed(const wpm_operand *which) {
  return is_named(which) && which->handle && !which->index;
}

/* The whole page of bits of which there may be the first words alone, then put into `room`. */
static const uint64_t *whole(const uint64_t *bits, uint32_t words, uint64_t *room) {
  if (words == WPM_BITS_WORDS) {
    return bits;
  }
  memcpy(room, bits, words * sizeof(*bits));
  memset(room + words, 0, (WPM_BITS_WORDS - words) * sizeof(*bits));
  return room;
}

static const uint64_t *load(wpm_query_machine *m, const wpm_operand *which) {
  if (is_unindexed(which)) {
    return look(m, which);
  }
  const wpm_store *store = m->plan->store;
  const uint64_t *bits = indexed(store, which, m->page);
  return bits ? whole(bits, words_of(store, which, m->page), m->words[m->depth]) : NULL;
}

static void negate(wpm_query_machine *m) {
  const wpm_bits_ops *ops = m->plan->store->bits;
  const wpm_indexes *indexes = &m->plan->store->indexes;
  const uint64_t *all = wpm_indexes_page(indexes, m->page, WPM_HAS_PRESENCE);
  uint32_t words = wpm_indexes_words(indexes, m->page);
  assert(m->depth >= 1);
  const uint64_t **top = &m->stack[m->depth - 1];
  uint64_t *out = m->words[m->depth - 1];
  if (!*top) {
    *top = whole(all, words, out);
    return;
  }
  uint64_t room[WPM_BITS_WORDS];
  ops->and_not(out, whole(all, words, room), *top);
  *top = out;
}

static void combine(wpm_query_machine *m, bool both) {
  const wpm_bits_ops *ops = m->plan->store->bits;
  assert(m->depth >= 2);
  const uint64_t *b = m->stack[--m->depth];
  const uint64_t **a = &m->stack[m->depth - 1];
  uint64_t *out = m->words[m->depth - 1];
  if (!*a || !b) {
    const uint64_t *other = *a ? *a : b;
    if (both || !other) {
      *a = NULL;
    } else if (other == m->words[m->depth]) { /* It lies where the next result will. */
      memcpy(out, other, sizeof(m->words[0]));
      *a = out;
    } else {
      *a = other;
    }
    return;
  }
  (both ? ops->and_ : ops->or_)(out, *a, b);
  *a = out;
}

const uint64_t *wpm_query_work_out(wpm_query_machine *m, uint32_t page) {
  m->page = page;
  m->depth = 0;
  for (size_t i = 0; i < m->plan->count; i++) {
    const wpm_operand *which = &m->plan->operands[i];
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
  return m->stack[0];
}

static uint64_t load_word(const wpm_query_plan *p, const wpm_operand *which, uint32_t page,
                          uint32_t word) {
  if (is_unindexed(which)) {
    return look_word(p->store, which, page, word);
  }
  const uint64_t *bits = indexed(p->store, which, page);
  return bits ? bits[word] : 0;
}

uint64_t wpm_query_word(const wpm_query_plan *p, uint32_t page, uint32_t word) {
  uint64_t stack[WPM_QUERY_STACK];
  size_t depth = 0;
  uint64_t all = wpm_indexes_page(&p->store->indexes, page, WPM_HAS_PRESENCE)[word];
  for (size_t i = 0; i < p->count; i++) {
    const wpm_operand *which = &p->operands[i];
    if (which->kind == WPM_TERM_NOT) {
      assert(depth >= 1);
      stack[depth - 1] = all & ~stack[depth - 1];
    } else if (which->kind == WPM_TERM_AND || which->kind == WPM_TERM_OR) {
      assert(depth >= 2);
      depth--;
      uint64_t b = stack[depth];
      stack[depth - 1] = which->kind == WPM_TERM_AND ? stack[depth - 1] & b : stack[depth - 1] | b;
    } else {
      stack[depth++] = load_word(p, which, page, word);
    }
  }
  assert(depth == 1);
  return stack[0];
}

void wpm_query_prefetch(const wpm_query_plan *p, uint32_t page) {
  for (size_t i = 0; i < p->count; i++) {
    const wpm_operand *which = &p->operands[i];
    bool combines =
        which->kind == WPM_TERM_AND || which->kind == WPM_TERM_OR || which->kind == WPM_TERM_NOT;
    const uint64_t *bits = combines ? NULL : indexed(p->store, which, page);
    if (bits) {
      wpm_prefetch(bits, words_of(p->store, which, page) * sizeof(*bits));
    }
  }
}

/* ---- ranges of many pages ---------------------------------------------------------------------- */

static void take_counts(const uint16_t *counts, uint32_t count, int16_t *out) {
  memset(out, 0, WPM_QUERY_BLOCK * sizeof(*out));
  memcpy(out, counts, count * sizeof(*out)); /* At most WPM_BITS_PAGE. */
}

static void load_range(const wpm_query_plan *p, const wpm_operand *which, uint32_t first,
                       uint32_t count, const int16_t *present, wpm_query_range *out) {
  const wpm_indexes *indexes = &p->store->indexes;
  memset(out, 0, sizeof(*out));
  if (!is_named(which)) {
    take_counts(wpm_indexes_page_counts(indexes, first, which->attribute), count, out->high);
  } else if (which->index) {
    const wpm_index *index = &indexes->named[which->index - 1];
    uint32_t there = index->length > first ? index->length - first : 0;
    if (there > 0) {
      take_counts(index->counts + first, there < count ? there : count, out->high);
    }
  } else if (which->handle) {
    memcpy(out->high, present, sizeof(out->high));
    return;
  }
  memcpy(out->low, out->high, sizeof(out->low));
}

static void range_of_both(wpm_query_range *restrict a, const wpm_query_range *restrict b,
                          const int16_t *restrict present) {
  for (size_t i = 0; i < WPM_QUERY_BLOCK; i++) {
    int16_t low = (int16_t)(a->low[i] + b->low[i] - present[i]);
    a->low[i] = low > 0 ? low : 0;
    a->high[i] = a->high[i] < b->high[i] ? a->high[i] : b->high[i];
  }
}

static void range_of_either(wpm_query_range *restrict a, const wpm_query_range *restrict b,
                            const int16_t *restrict present) {
  for (size_t i = 0; i < WPM_QUERY_BLOCK; i++) {
    int16_t high = (int16_t)(a->high[i] + b->high[i]);
    a->high[i] = high < present[i] ? high : present[i];
    a->low[i] = a->low[i] > b->low[i] ? a->low[i] : b->low[i];
  }
}

static void range_of_others(wpm_query_range *restrict a, const int16_t *restrict present) {
  for (size_t i = 0; i < WPM_QUERY_BLOCK; i++) {
    int16_t low = a->low[i];
    a->low[i] = (int16_t)(present[i] - a->high[i]);
    a->high[i] = (int16_t)(present[i] - low);
  }
}

void wpm_query_ranges(const wpm_query_plan *p, uint32_t first, uint32_t count,
                      wpm_query_range *out) {
  wpm_query_range stack[WPM_QUERY_STACK];
  int16_t present[WPM_QUERY_BLOCK];
  size_t depth = 0;
  memset(&stack[0], 0, sizeof(stack[0]));
  take_counts(wpm_indexes_page_counts(&p->store->indexes, first, WPM_HAS_PRESENCE), count, present);
  for (size_t i = 0; i < p->count; i++) {
    const wpm_operand *which = &p->operands[i];
    switch (which->kind) {
    case WPM_TERM_AND:
      assert(depth >= 2);
      depth--;
      range_of_both(&stack[depth - 1], &stack[depth], present);
      break;
    case WPM_TERM_OR:
      assert(depth >= 2);
      depth--;
      range_of_either(&stack[depth - 1], &stack[depth], present);
      break;
    case WPM_TERM_NOT:
      assert(depth >= 1);
      range_of_others(&stack[depth - 1], present);
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
      load_range(p, which, first, count, present, &stack[depth++]);
      break;
    }
  }
  assert(depth == 1);
  *out = stack[0];
}
