/* Queries: counts, and lists page by page. */
#include "core/protocols.h"
#include "core/query_ask.h"

int wpm_store_query_count(const wpm_store *store, const wpm_query *query, size_t *out) {
  wpm_question q;
  int err = wpm_query_ask(store, query, &q);
  if (err) {
    return err;
  }
  wpm_query_bring_up_to_date(&q);
  *out = (size_t)q.answer->total;
  return WPM_OK;
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
  wpm_query_plan p;
  wpm_query_machine m;
  *found = 0;
  int err = wpm_query_plan_make(store, query, &p);
  if (err) {
    return err;
  }
  m.plan = &p;
  while (*found < count && *cursor < store->slots) {
    uint32_t page = (uint32_t)(*cursor / WPM_BITS_PAGE);
    uint32_t bit = (uint32_t)(*cursor % WPM_BITS_PAGE);
    const uint64_t *bits = wpm_query_work_out(&m, page);
    bit = bits ? wpm_bits_next(bits, bit) : WPM_BITS_PAGE;
    for (; bit < WPM_BITS_PAGE && *found < count; bit = wpm_bits_next(bits, bit + 1)) {
      out[(*found)++] = wpm_store_ref_of(store, page * WPM_BITS_PAGE + bit);
      *cursor = (uint64_t)page * WPM_BITS_PAGE + bit + 1;
    }
    if (bit >= WPM_BITS_PAGE) {
      *cursor = ((uint64_t)page + 1) * WPM_BITS_PAGE;
    }
  }
  return WPM_OK;
}
