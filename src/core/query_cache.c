/* The latest queries and their answers. */
#include "core/query_ask.h"

#include <stdlib.h>
#include <string.h>

void wpm_query_cache_fini(wpm_query_cache *cache) {
  for (uint32_t i = 0; i < cache->count; i++) {
    free(cache->answers[i].key);
    free(cache->answers[i].stamps);
    free(cache->answers[i].counts);
    free(cache->answers[i].most);
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

/* An array of `capacity` elements in place of *array. WPM_ERR_NO_MEMORY: it is as it was. */
static int lengthen(uint16_t **array, uint32_t capacity) {
  uint16_t *longer = realloc(*array, capacity * sizeof(*longer));
  if (!longer) {
    return WPM_ERR_NO_MEMORY;
  }
  *array = longer;
  return WPM_OK;
}

static int make_arrays(wpm_query_cache *cache, wpm_query_answer *answer, uint32_t pages) {
  if (pages <= answer->capacity) {
    return WPM_OK;
  }
  uint32_t capacity = pages + pages / 2 + 4;
  uint32_t *stamps = realloc(answer->stamps, capacity * sizeof(*stamps));
  if (!stamps) {
    return WPM_ERR_NO_MEMORY;
  }
  answer->stamps = stamps;
  int err = lengthen(&answer->counts, capacity);
  if (!err) {
    err = lengthen(&answer->most, capacity);
  }
  if (!err) {
    cache->bytes += (capacity - answer->capacity) * (sizeof(*stamps) + 2 * sizeof(*answer->counts));
    answer->capacity = capacity;
  }
  return err;
}

static int make_room(wpm_query_cache *cache, wpm_query_answer *answer, uint32_t pages) {
  if (!answer->key) {
    answer->key = malloc(WPM_QUERY_KEY_MAX);
    if (!answer->key) {
      return WPM_ERR_NO_MEMORY;
    }
    cache->bytes += WPM_QUERY_KEY_MAX;
  }
  return make_arrays(cache, answer, pages);
}

int wpm_query_make_ready(const wpm_store *store, const wpm_query *query, wpm_question *q) {
  q->machine.plan = &q->plan;
  q->page = UINT32_MAX;
  return wpm_query_plan_make(store, query, &q->plan);
}

int wpm_query_ask(const wpm_store *store, const wpm_query *query, wpm_question *q) {
  uint8_t key[WPM_QUERY_KEY_MAX];
  int err = wpm_query_make_ready(store, query, q);
  if (err) {
    return err;
  }
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
  for (; answer->length < store->indexes.length; answer->length++) {
    answer->stamps[answer->length] = 0;
    answer->counts[answer->length] = 0;
  }
  answer->used = ++cache->clock;
  q->answer = answer;
  return WPM_OK;
}

static void set_count(wpm_question *q, uint32_t page, unsigned count) {
  q->answer->total += (uint64_t)count - q->answer->counts[page];
  q->answer->counts[page] = (uint16_t)count;
  q->answer->stamps[page] = q->plan.store->indexes.stamps[page];
}

unsigned wpm_query_count_page(wpm_question *q, uint32_t page) {
  if (!wpm_query_is_fresh(q, page)) {
    const uint64_t *bits = wpm_query_bits(q, page);
    set_count(q, page, bits ? q->plan.store->bits->count(bits) : 0);
  }
  return q->answer->counts[page];
}

/* Where it follows from the range of a page, nobody looks at the page. */
static void bring_block(wpm_question *q, uint32_t first, uint32_t count) {
  wpm_query_range range;
  wpm_query_ranges(&q->plan, first, count, &range);
  for (uint32_t i = 0; i < count; i++) {
    if (wpm_query_is_fresh(q, first + i)) {
      continue;
    }
    if (range.low[i] == range.high[i]) {
      set_count(q, first + i, (unsigned)range.low[i]);
    } else {
      (void)wpm_query_count_page(q, first + i);
    }
  }
}

void wpm_query_bring_up_to_date(wpm_question *q) {
  const uint32_t *stamps = q->plan.store->indexes.stamps;
  for (uint32_t first = 0; first < q->answer->length; first += WPM_QUERY_BLOCK) {
    uint32_t left = q->answer->length - first;
    uint32_t count = left < WPM_QUERY_BLOCK ? left : WPM_QUERY_BLOCK;
    if (memcmp(q->answer->stamps + first, stamps + first, count * sizeof(*stamps)) != 0) {
      bring_block(q, first, count);
    }
  }
}
