#include "support/core/store_run.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>

static wpm_term some_term(wpm_run *r) {
  wpm_term_kind kind = (wpm_term_kind)wpm_run_below(r, WPM_TERM_AND);
  wpm_term term = {.kind = kind, .number = (uint32_t)wpm_run_below(r, WPM_MODEL_SHARDS)};
  switch (kind) {
  case WPM_TERM_PROTOCOL:
  case WPM_TERM_TAG:
    term.text = wpm_run_name(r);
    break;
  case WPM_TERM_CONNECTIVITY:
    term.number %= WPM_CONNECTIVITY_COUNT;
    break;
  case WPM_TERM_CAPABILITY:
    term.number %= 8;
    break;
  case WPM_TERM_ORIGIN:
    term.number %= WPM_ORIGIN_COUNT;
    break;
  case WPM_TERM_DIRECTION:
    term.number %= WPM_DIRECTION_COUNT;
    break;
  case WPM_TERM_ALL:
  case WPM_TERM_RELAY:
  case WPM_TERM_SHARD:
  case WPM_TERM_DIALABLE:
  case WPM_TERM_BANNED:
  case WPM_TERM_PROTECTED:
  case WPM_TERM_STATIC:
  case WPM_TERM_HELD:
  case WPM_TERM_ADDRESS:
  case WPM_TERM_AND:
  case WPM_TERM_OR:
  case WPM_TERM_NOT:
    break;
  }
  return term;
}

size_t wpm_run_query(wpm_run *r, wpm_term *terms, size_t most) {
  size_t count = wpm_run_below(r, most + 1);
  size_t depth = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t draw = wpm_run_below(r, 4);
    if (draw == 0 && depth >= 2) {
      terms[i] = (wpm_term){.kind = wpm_run_one_in(r, 2) ? WPM_TERM_AND : WPM_TERM_OR};
      depth--;
    } else if (draw == 1 && depth >= 1) {
      terms[i] = (wpm_term){.kind = WPM_TERM_NOT};
    } else {
      terms[i] = some_term(r);
      depth++;
    }
  }
  return count;
}

static unsigned number_of(const wpm_run *r, wpm_peer_ref ref) {
  wpm_peer_record record;
  assert_int_equal(wpm_store_at(r->store, ref, &record), WPM_OK);
  return wpm_model_number(record.id);
}

static void compare_pick(wpm_run *r, const wpm_query *query, const bool *matches, size_t matching) {
  wpm_peer_ref refs[WPM_MODEL_IDS];
  bool picked[WPM_MODEL_IDS] = {false};
  size_t count = wpm_run_below(r, WPM_MODEL_IDS + 1);
  size_t found = 0;
  assert_int_equal(
      wpm_store_query_pick(r->store, query, wpm_test_random(&r->random), refs, count, &found),
      WPM_OK);
  assert_int_equal(found, count < matching ? count : matching);
  for (size_t i = 0; i < found; i++) {
    unsigned id = number_of(r, refs[i]);
    assert_true(matches[id] && !picked[id]);
    picked[id] = true;
  }
}

static void compare_top(wpm_run *r, const wpm_query *query, const bool *matches, size_t matching) {
  wpm_peer_ref refs[WPM_MODEL_IDS];
  bool taken[WPM_MODEL_IDS] = {false};
  wpm_order order = (wpm_order)wpm_run_below(r, WPM_ORDER_COUNT);
  size_t count = wpm_run_below(r, WPM_MODEL_IDS + 1);
  size_t found = 0;
  assert_int_equal(wpm_store_query_top(r->store, query, order, refs, count, &found), WPM_OK);
  assert_int_equal(found, count < matching ? count : matching);
  for (size_t i = 0; i < found; i++) {
    unsigned id = number_of(r, refs[i]);
    int64_t worth = wpm_model_worth(&r->model.peers[id], order);
    assert_true(matches[id] && !taken[id]);
    taken[id] = true;
    for (unsigned k = 0; k < WPM_MODEL_IDS; k++) { /* None that is left out is better. */
      assert_true(!matches[k] || taken[k] || wpm_model_worth(&r->model.peers[k], order) <= worth);
    }
    if (i > 0) {
      unsigned before = number_of(r, refs[i - 1]);
      assert_true(wpm_model_worth(&r->model.peers[before], order) > worth ||
                  refs[i - 1].slot < refs[i].slot);
    }
  }
}

static void compare_page(wpm_run *r, const wpm_query *query, const bool *matches, size_t matching) {
  wpm_peer_ref refs[WPM_MODEL_IDS];
  uint64_t cursor = 0;
  size_t page = 1 + wpm_run_below(r, WPM_MODEL_IDS);
  size_t listed = 0;
  size_t found;
  do {
    assert_int_equal(wpm_store_query_page(r->store, query, &cursor, refs, page, &found), WPM_OK);
    assert_true(found <= page);
    for (size_t i = 0; i < found; i++) {
      assert_true(matches[number_of(r, refs[i])]);
      assert_true(i == 0 || refs[i - 1].slot < refs[i].slot); /* So none is there twice. */
    }
    listed += found;
  } while (found == page);
  assert_int_equal(listed, matching);
}

void wpm_run_compare_query(wpm_run *r) {
  wpm_term terms[12];
  wpm_query query = {terms, wpm_run_query(r, terms, 12)};
  bool matches[WPM_MODEL_IDS];
  size_t matching = 0;
  size_t counted = 0;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    matches[i] = wpm_model_matches(&r->model.peers[i], &query);
    matching += matches[i];
  }
  assert_int_equal(wpm_store_query_count(r->store, &query, &counted), WPM_OK);
  assert_int_equal(counted, matching);
  switch (wpm_run_below(r, 4)) {
  case 0:
    compare_pick(r, &query, matches, matching);
    break;
  case 1:
    compare_top(r, &query, matches, matching);
    break;
  case 2:
    compare_page(r, &query, matches, matching);
    break;
  default:
    break; /* Counted. */
  }
}

/* For whoever has to find out why they differ. */
static void tell_addresses(const char *whose, const wpm_peer_record *record) {
  fprintf(stderr, "%s addresses:\n", whose);
  for (size_t i = 0; i < record->address_count; i++) {
    const wpm_address *a = &record->addresses[i];
    fprintf(stderr,
            "  %u: source %d, identified %d, certified %d, confidence %d, seen %" PRId64
            " to %" PRId64 ", success %" PRId64 ", failure %" PRId64 ", ttl %" PRId64
            ", expires %" PRId64 "\n",
            a->multiaddr.data[4], (int)a->source, a->identified, a->certified, (int)a->confidence,
            a->first_seen.ns, a->last_seen.ns, a->last_success.ns, a->last_failure.ns, a->ttl_ns,
            a->expires.ns);
  }
}

static void compare_record(const wpm_run *r, unsigned id, const wpm_peer_record *got) {
  wpm_peer_record want = wpm_model_record(&r->model.peers[id]);
  uint32_t fields = wpm_model_deviation(&r->model, got, &want);
  if (fields & WPM_FIELD_ADDRESSES || fields & WPM_FIELD_ADDRESS_TIMES) {
    tell_addresses("the store's", got);
    tell_addresses("the model's", &want);
  }
  if (fields) {
    fail_msg("peer %u differs in fields %x", id, fields);
  }
}

void wpm_run_compare_peer(wpm_run *r, unsigned id) {
  const wpm_model_peer *m = &r->model.peers[id];
  wpm_peer_record got;
  int want = wpm_model_expected(&r->model, id);
  assert_int_equal(wpm_store_get(r->store, wpm_model_id(id), &got), want);
  if (m->held) {
    compare_record(r, id, &got);
  }
  /* A reference answers for the peer that it was given for, and for no other. */
  int at = r->ref_lives[id] ? wpm_store_at(r->store, r->refs[id], &got) : WPM_ERR_NOT_FOUND;
  bool good = m->held && m->life == r->ref_lives[id];
  assert_int_equal(at, good ? WPM_OK : WPM_ERR_NOT_FOUND);
  assert_true(!good || wpm_bytes_equal(got.id, wpm_model_id(id)));
  if (m->held && !good) {
    assert_int_equal(wpm_store_ref(r->store, wpm_model_id(id), &r->refs[id]), WPM_OK);
    r->ref_lives[id] = m->life;
  }
}

static void compare_private_key(const wpm_run *r, unsigned id) {
  wpm_bytes key = {NULL, 0};
  wpm_bytes want = r->model.peers[id].private_key;
  int err = wpm_store_get_private_key(r->store, wpm_model_id(id), &key);
  assert_int_equal(err, want.len ? WPM_OK : WPM_ERR_NOT_FOUND);
  assert_true(wpm_bytes_equal(key, want));
}

static void compare_tombstones(const wpm_run *r) {
  uint64_t cursor = 0;
  size_t count = 0;
  wpm_tombstone t;
  while (wpm_store_next_tombstone(r->store, &cursor, &t)) {
    const wpm_model_peer *m = &r->model.peers[wpm_model_number(t.id)];
    assert_true(m->buried && !m->held);
    if (m->tombstone.ban.length_ns > 0) {
      assert_true(wpm_model_same_wait(&r->model, &t.ban, &m->tombstone.ban));
    }
    if (m->tombstone.prune_backoff.length_ns > 0) {
      assert_true(wpm_model_same_wait(&r->model, &t.prune_backoff, &m->tombstone.prune_backoff));
    }
    count++;
  }
  assert_int_equal(count, wpm_model_tombstones(&r->model));
  assert_int_equal(wpm_store_tombstone_count(r->store), count);
  assert_int_equal(wpm_store_tombstones_dropped(r->store), r->model.dropped);
}

void wpm_run_compare_all(wpm_run *r) {
  wpm_error error;
  wpm_bytes ids[WPM_MODEL_IDS];
  wpm_peer_record found[WPM_MODEL_IDS];
  if (wpm_store_check(r->store, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    wpm_run_compare_peer(r, i);
    compare_private_key(r, i);
    ids[i] = wpm_model_id(i);
  }
  assert_int_equal(wpm_store_get_many(r->store, ids, WPM_MODEL_IDS, found),
                   wpm_model_count(&r->model));
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    if (r->model.peers[i].held) {
      compare_record(r, i, &found[i]);
    } else {
      assert_int_equal(found[i].id.len, 0);
    }
  }
  compare_tombstones(r);
  wpm_store_counters counters = wpm_store_get_counters(r->store);
  assert_memory_equal(&counters, &r->model.counters, sizeof(counters));
}
