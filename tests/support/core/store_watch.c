#include "support/core/store_watch.h"

#include "base/bytes.h"

#include <string.h>

/* ---- the feed -------------------------------------------------------------------------------- */

static void copy(wpm_feed_reader *reader, const wpm_model *model, unsigned id) {
  reader->known[id] = model->peers[id].held;
  reader->copies[id] = model->peers[id];
}

void wpm_feed_reader_begin(wpm_feed_reader *reader, const wpm_store *store,
                           const wpm_model *model) {
  memset(reader, 0, sizeof(*reader));
  reader->cursor = wpm_store_feed_end(store);
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    copy(reader, model, i);
  }
}

/* Renews the fields that were named: nothing else may differ. */
static void renew(wpm_feed_reader *reader, const wpm_model *model, unsigned id, uint32_t named) {
  assert_int_equal(reader->known[id], model->peers[id].held);
  if (reader->known[id]) {
    assert_int_equal(reader->copies[id].life, model->peers[id].life);
    wpm_peer_record had = wpm_model_record(&reader->copies[id]);
    wpm_peer_record has = wpm_model_record(&model->peers[id]);
    /* Addresses that changed are to be read anew with their times. */
    named |= named & WPM_FIELD_ADDRESSES ? WPM_FIELD_ADDRESS_TIMES : 0;
    uint32_t silent = wpm_model_difference(&had, &has) & ~named;
    if (silent) {
      fail_msg("peer %u changed in fields %x, of which nothing was told", id, silent);
    }
    if (named) {
      copy(reader, model, id);
    }
  }
}

static void take(wpm_feed_reader *reader, const wpm_model *model, const wpm_store_change *change,
                 uint32_t *named) {
  unsigned id = wpm_model_number(change->id);
  switch (change->kind) {
  case WPM_CHANGE_ADDED:
    assert_false(reader->known[id]);
    assert_int_equal(change->fields, WPM_FIELD_ALL);
    assert_int_equal(change->cause, WPM_CAUSE_FACT);
    copy(reader, model, id);
    break;
  case WPM_CHANGE_UPDATED:
    assert_true(reader->known[id]);
    assert_int_not_equal(change->fields, 0);
    assert_int_equal(change->fields & ~WPM_FIELD_ALL, 0);
    named[id] |= change->fields;
    break;
  case WPM_CHANGE_REMOVED:
    assert_int_equal(change->fields, 0);
    assert_int_not_equal(change->cause, WPM_CAUSE_FACT);
    reader->known[id] = false;
    named[id] = 0;
    break;
  }
}

void wpm_feed_reader_catch_up(wpm_feed_reader *reader, const wpm_store *store,
                              const wpm_model *model, unsigned only) {
  uint32_t named[WPM_MODEL_IDS] = {0};
  wpm_store_change change;
  bool missed = false;
  int err;
  while ((err = wpm_store_feed_next(store, &reader->cursor, &change)) != WPM_ERR_NOT_FOUND) {
    if (err == WPM_ERR_TRUNCATED) {
      assert_false(missed); /* Told once. */
      missed = true;
    } else {
      assert_int_equal(err, WPM_OK);
      if (!missed) {
        take(reader, model, &change, named);
      }
    }
  }
  assert_int_equal(reader->cursor, wpm_store_feed_end(store));
  reader->missed += missed;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    if (missed) { /* What matters is read anew. */
      copy(reader, model, i);
    } else if (named[i] || only == i || only == WPM_MODEL_IDS) {
      renew(reader, model, i, named[i]);
    }
  }
}

/* ---- listings -------------------------------------------------------------------------------- */

#define NOT_THERE UINT64_MAX

void wpm_lister_begin(wpm_lister *lister, const wpm_model *model, const wpm_query *query) {
  memset(lister, 0, sizeof(*lister));
  lister->everybody = query == NULL;
  if (query) {
    assert_true(query->count <= 3);
    for (size_t i = 0; i < query->count; i++) {
      lister->terms[i] = query->terms[i];
    }
    lister->query = (wpm_query){lister->terms, query->count};
  }
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    lister->lives[i] = model->peers[i].life;
  }
  wpm_lister_look(lister, model);
}

void wpm_lister_look(wpm_lister *lister, const wpm_model *model) {
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    const wpm_model_peer *peer = &model->peers[i];
    if (lister->lives[i] != peer->life || !wpm_model_matches(peer, &lister->query)) {
      lister->lives[i] = NOT_THERE;
    }
  }
}

static void list(wpm_lister *lister, const wpm_model *model, const wpm_peer_record *record) {
  unsigned id = wpm_model_number(record->id);
  assert_true(wpm_model_matches(&model->peers[id], &lister->query));
  lister->seen[id]++;
  assert_true(lister->seen[id] == 1 || lister->lives[id] == NOT_THERE);
}

static bool go_on_through_all(wpm_lister *lister, const wpm_store *store, const wpm_model *model,
                              size_t count) {
  for (size_t i = 0; i < count; i++) {
    wpm_peer_record record;
    if (!wpm_store_next(store, &lister->cursor, &record)) {
      return false;
    }
    list(lister, model, &record);
  }
  return true;
}

static bool go_on_through_matching(wpm_lister *lister, wpm_store *store, const wpm_model *model,
                                   size_t count) {
  enum { MOST = 16 };
  wpm_peer_ref refs[MOST];
  size_t found = 0;
  assert_true(count <= MOST);
  assert_int_equal(
      wpm_store_query_page(store, &lister->query, &lister->cursor, refs, count, &found), WPM_OK);
  assert_true(found <= count);
  for (size_t i = 0; i < found; i++) {
    wpm_peer_record record;
    assert_int_equal(wpm_store_at(store, refs[i], &record), WPM_OK);
    list(lister, model, &record);
  }
  return found == count;
}

bool wpm_lister_go_on(wpm_lister *lister, wpm_store *store, const wpm_model *model, size_t count) {
  bool more = lister->everybody ? go_on_through_all(lister, store, model, count)
                                : go_on_through_matching(lister, store, model, count);
  for (unsigned i = 0; !more && i < WPM_MODEL_IDS; i++) {
    if (lister->lives[i] != NOT_THERE) {
      assert_int_equal(lister->seen[i], 1);
    }
  }
  return more;
}
