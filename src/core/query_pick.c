/* Queries: picks at random.
 *
 * - A few are picked without counting all that match. A trial draws a page by how many of it match at
 *   most, then a rank below that: where fewer match the trial fails, else it is the match of that rank.
 *   So each match is as likely as any other, whatever the numbers, and only pages drawn are looked at.
 * - Where too many trials fail, and for many picks at once, every page is counted first.
 * - Where few peers are held at all, their one page is looked at, and nothing is kept of it.
 * - What was kept of an earlier answer spares work and changes nothing: the same store, query and seed
 *   give the same picks.
 */
#include "core/query_ask.h"

#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

#define FEW 64u /* Most that are picked by trials. */
#define TRIALS_A_PICK 4u
#define NEARLY_ALL                                                                                 \
  4u /* Of as many times those wanted, at most, trials would often meet one again. */

/* ---- many: ranks of matches ------------------------------------------------------------------ */

/* Notes a rank; false: it was noted before. */
static bool note(uint64_t *bits, uint64_t rank) {
  uint64_t bit = UINT64_C(1) << (rank % 64);
  bool fresh = !(bits[rank / 64] & bit);
  bits[rank / 64] |= bit;
  return fresh;
}

/* The first rank noted at or behind `from`, which must exist. */
static uint64_t next_noted(const uint64_t *bits, uint64_t from) {
  uint64_t word = bits[from / 64] >> (from % 64) << (from % 64);
  for (from /= 64; !word;) {
    word = bits[++from];
  }
  return from * 64 + (uint64_t)__builtin_ctzll(word);
}

/* The peers of the ranks noted, in the store's order: each page is worked out once. */
static void collect(wpm_question *q, const uint64_t *noted, size_t count, wpm_peer_ref *out) {
  const wpm_store *store = q->plan.store;
  uint32_t page = 0;
  uint64_t before = 0; /* Ranks of the pages before this one. */
  uint64_t rank = 0;
  for (size_t i = 0; i < count; i++) {
    rank = next_noted(noted, i > 0 ? rank + 1 : 0);
    while (rank - before >= q->answer->counts[page]) {
      before += q->answer->counts[page++];
    }
    uint32_t bit = store->bits->select(wpm_query_bits(q, page), (unsigned)(rank - before));
    out[i] = wpm_store_ref_of(store, page * WPM_BITS_PAGE + bit);
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
 * order. `noted`: room for a bit of each rank, cleared; every page is counted. */
static size_t pick_ranks(wpm_question *q, wpm_rng *rng, wpm_peer_ref *out, size_t count,
                         uint64_t *noted) {
  uint64_t total = q->answer->total;
  count = count < total ? count : (size_t)total;
  for (uint64_t last = total - count; last < total; last++) {
    if (!note(noted, wpm_rng_below(rng, last + 1))) {
      (void)note(noted, last);
    }
  }
  collect(q, noted, count, out);
  shuffle(rng, out, count);
  return count;
}

/* WPM_ERR_NO_MEMORY. */
static int pick_many(wpm_question *q, wpm_rng *rng, wpm_peer_ref *out, size_t count,
                     size_t *found) {
  wpm_query_bring_up_to_date(q);
  uint64_t *noted = calloc((size_t)(q->answer->total / 64 + 1), sizeof(*noted));
  if (!noted) {
    return WPM_ERR_NO_MEMORY;
  }
  *found = pick_ranks(q, rng, out, count, noted);
  free(noted);
  return WPM_OK;
}

/* ---- a few: trials --------------------------------------------------------------------------- */

#define PARTS 32u

/* What is picked from: a weight for each page, their sum, and the sums of parts of the pages, so that
 * a draw passes over few of them. */
typedef struct urn {
  const uint16_t *weights;
  uint32_t pages;
  uint32_t per_part; /* Pages of a part. */
  uint64_t sum;
  uint64_t parts[PARTS];
} urn;

typedef struct trial {
  uint32_t page;
  uint32_t rank; /* In its page. */
} trial;

static void fill(urn *out, const uint16_t *weights, uint32_t pages) {
  *out = (urn){.weights = weights, .pages = pages, .per_part = (pages + PARTS - 1) / PARTS};
  for (uint32_t part = 0, page = 0; page < pages; part++) {
    uint32_t end = pages - page < out->per_part ? pages : page + out->per_part;
    for (; page < end; page++) {
      out->parts[part] += weights[page];
    }
    out->sum += out->parts[part];
  }
}

static trial draw(const urn *from, wpm_rng *rng) {
  uint64_t rank = wpm_rng_below(rng, from->sum);
  uint32_t part = 0;
  while (rank >= from->parts[part]) {
    rank -= from->parts[part++];
  }
  uint32_t page = part * from->per_part;
  while (rank >= from->weights[page]) {
    rank -= from->weights[page++];
  }
  return (trial){page, (uint32_t)rank};
}

/* Fills the urn with the most that can match in each page. */
static void fill_with_most(urn *out, wpm_question *q) {
  uint32_t pages = q->answer->length;
  for (uint32_t first = 0; first < pages; first += WPM_QUERY_BLOCK) {
    uint32_t count = pages - first < WPM_QUERY_BLOCK ? pages - first : WPM_QUERY_BLOCK;
    wpm_query_range range;
    wpm_query_ranges(&q->plan, first, count, &range);
    memcpy(q->answer->most + first, range.high, count * sizeof(*range.high));
  }
  fill(out, q->answer->most, pages);
}

/* What a trial gives: a peer that was not picked before. */
static bool attempt(wpm_question *q, trial t, const wpm_peer_ref *picked, size_t count,
                    wpm_peer_ref *out) {
  const wpm_store *store = q->plan.store;
  if (t.rank >= wpm_query_count_page(q, t.page)) {
    return false;
  }
  uint32_t bit = store->bits->select(wpm_query_bits(q, t.page), t.rank);
  *out = wpm_store_ref_of(store, t.page * WPM_BITS_PAGE + bit);
  for (size_t i = 0; i < count; i++) {
    if (picked[i].slot == out->slot) {
      return false;
    }
  }
  return true;
}

/* As many trials as picks are missing; what they read is asked for before the first. */
static size_t round_of_trials(wpm_question *q, const urn *from, wpm_rng *rng, wpm_peer_ref *picked,
                              size_t have, size_t want) {
  trial trials[FEW];
  size_t count = want - have;
  for (size_t i = 0; i < count; i++) {
    trials[i] = draw(from, rng);
    if (from->pages > 1) {
      wpm_query_prefetch(&q->plan, trials[i].page);
    }
  }
  for (size_t i = 0; i < count; i++) {
    have += attempt(q, trials[i], picked, have, &picked[have]);
  }
  return have;
}

#define FEW_STALE 4u

/* Nobody matches, as far as a look at a few pages tells. */
static bool is_none(wpm_question *q) {
  const uint32_t *stamps = q->plan.store->indexes.stamps;
  uint32_t stale = 0;
  for (uint32_t page = 0; page < q->answer->length && stale <= FEW_STALE; page++) {
    stale += q->answer->stamps[page] != stamps[page];
  }
  if (stale <= FEW_STALE) {
    wpm_query_bring_up_to_date(q);
  }
  return stale <= FEW_STALE && q->answer->total == 0;
}

static size_t pick_few(wpm_question *q, wpm_rng *rng, wpm_peer_ref *out, size_t want) {
  size_t have = 0;
  urn from;
  if (is_none(q)) {
    return 0;
  }
  fill_with_most(&from, q);
  if (from.sum <= NEARLY_ALL * want) {
    uint64_t noted[NEARLY_ALL * FEW / 64 + 1] = {0};
    wpm_query_bring_up_to_date(q);
    return pick_ranks(q, rng, out, want, noted);
  }
  for (size_t left = TRIALS_A_PICK * want; from.sum > 0 && have < want && left >= want - have;) {
    left -= want - have;
    have = round_of_trials(q, &from, rng, out, have, want);
  }
  if (from.sum == 0 || have == want) {
    return have;
  }
  wpm_query_bring_up_to_date(q);
  fill(&from, q->answer->counts, q->answer->length);
  want = want < from.sum ? want : (size_t)from.sum;
  while (have < want) {
    have = round_of_trials(q, &from, rng, out, have, want);
  }
  return have;
}

/* Of a store of one page, with so few peers that pick_few would rank its matches. */
static int pick_of_page(const wpm_store *store, const wpm_query *query, wpm_rng *rng,
                        wpm_peer_ref *out, size_t want, size_t *found) {
  wpm_question q;
  uint64_t noted[NEARLY_ALL * FEW / 64 + 1] = {0};
  uint64_t bits[WPM_BITS_WORDS] = {0};
  int err = wpm_query_make_ready(store, query, &q);
  if (err) {
    return err;
  }
  for (uint32_t word = 0; word * 64 < store->slots; word++) {
    bits[word] = wpm_query_word(&q.plan, 0, word);
  }
  uint16_t matches = (uint16_t)store->bits->count(bits);
  wpm_query_answer answer = {.counts = &matches, .total = matches};
  q.answer = &answer;
  q.page = 0;
  q.bits = bits;
  *found = pick_ranks(&q, rng, out, want, noted);
  return WPM_OK;
}

int wpm_store_query_pick(const wpm_store *store, const wpm_query *query, uint64_t seed,
                         wpm_peer_ref *out, size_t count, size_t *found) {
  wpm_question q;
  wpm_rng rng;
  *found = 0;
  wpm_rng_init(&rng, seed);
  if (store->indexes.length == 1 && count <= FEW && store->count <= NEARLY_ALL * count) {
    return pick_of_page(store, query, &rng, out, count, found);
  }
  int err = wpm_query_ask(store, query, &q);
  if (err) {
    return err;
  }
  if (count > FEW) {
    return pick_many(&q, &rng, out, count, found);
  }
  *found = pick_few(&q, &rng, out, count);
  return WPM_OK;
}
