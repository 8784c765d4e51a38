/* What a reader of another client's store gives: its records, cloned, and what it skipped. */
#pragma once

#include "support/test.h"

#include "base/bytes.h"
#include "base/record.h"

#include <wakupeers/exchange.h>

#include <stdio.h>

/* 2026-01-01 in UTC: the moment of reading. */
#define COLLECTED_NOW ((wpm_wall){INT64_C(1767225600) * WPM_SECOND})

enum { COLLECTED_MAX = 64 };

typedef struct collected {
  wpm_peer_record *records[COLLECTED_MAX];
  size_t count;
  char skipped[COLLECTED_MAX][400]; /* "what: why" */
  size_t skip_count;
  wpm_exchange_counts counts;
} collected;

static int collect_record(void *user, const wpm_peer_record *record) {
  collected *into = user;
  assert_true(into->count < COLLECTED_MAX);
  wpm_peer_record *copy = wpm_record_clone(record);
  if (!copy) {
    return WPM_ERR_NO_MEMORY;
  }
  into->records[into->count++] = copy;
  return WPM_OK;
}

static void collect_skip(void *user, const char *what, const char *why) {
  collected *into = user;
  if (into->skip_count < COLLECTED_MAX) {
    snprintf(into->skipped[into->skip_count++], sizeof into->skipped[0], "%s: %s", what, why);
  }
}

static inline wpm_exchange_sink collect_into(collected *into) {
  *into = (collected){0};
  return (wpm_exchange_sink){
      .now = COLLECTED_NOW, .record = collect_record, .skipped = collect_skip, .user = into};
}

static inline void collected_free(collected *from) {
  for (size_t i = 0; i < from->count; i++) {
    free(from->records[i]);
  }
  from->count = 0;
}

/* The record of the peer with that id in base58; NULL: none. */
static inline const wpm_peer_record *collected_peer(const collected *from, const char *id) {
  wpm_peer_id binary;
  assert_int_equal(wpm_peer_id_parse(wpm_text_of(id), &binary, NULL), WPM_OK);
  for (size_t i = 0; i < from->count; i++) {
    if (wpm_bytes_equal(from->records[i]->id, wpm_peer_id_view(&binary))) {
      return from->records[i];
    }
  }
  return NULL;
}

/* True where something was skipped of which both words are said. */
static inline bool collected_skip(const collected *from, const char *what, const char *why) {
  for (size_t i = 0; i < from->skip_count; i++) {
    if (strstr(from->skipped[i], what) && strstr(from->skipped[i], why)) {
      return true;
    }
  }
  return false;
}

/* The text of an address of a record. */
static inline const char *collected_address(const wpm_peer_record *record, size_t index,
                                            char out[WPM_MULTIADDR_TEXT]) {
  assert_true(index < record->address_count);
  assert_int_equal(
      wpm_multiaddr_format(record->addresses[index].multiaddr, out, WPM_MULTIADDR_TEXT, NULL, NULL),
      WPM_OK);
  return out;
}

static inline bool text_is(wpm_text text, const char *expected) {
  return wpm_text_equal(text, wpm_text_of(expected));
}
