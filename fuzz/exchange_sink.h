/* What the importers' targets share: a sink that looks at every record it gets, and a rule that ends
 * the run. */
#pragma once

#include "base/bytes.h"

#include <wakupeers/exchange.h>

#include <stdlib.h>

static inline void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* Reads every byte of a view, so that one that leads astray is found. */
static inline void touch(wpm_bytes bytes) {
  for (size_t i = 0; i < bytes.len; i++) {
    volatile uint8_t byte = bytes.data[i];
    (void)byte;
  }
}

/* Whatever was read, a record of it can be put into a store. */
static inline void check_record(const wpm_peer_record *record) {
  require(record->id.len <= WPM_PEER_ID_MAX);
  touch(record->public_key);
  touch(record->enr);
  touch(record->signed_record);
  require(record->connectivity == wpm_reason_leaves(record->reason));
  for (size_t i = 0; i < record->address_count; i++) {
    require(record->addresses[i].multiaddr.len > 0);
    require(wpm_multiaddr_check(record->addresses[i].multiaddr) == WPM_OK);
    require(record->addresses[i].ttl_ns >= 0);
  }
  for (size_t i = 1; i < record->protocol_count; i++) {
    wpm_text a = record->protocols[i - 1];
    wpm_text b = record->protocols[i];
    require(wpm_bytes_compare((wpm_bytes){(const uint8_t *)a.data, a.len},
                              (wpm_bytes){(const uint8_t *)b.data, b.len}) < 0);
  }
  for (size_t i = 1; i < record->shard_count; i++) {
    require(record->shards[i - 1] < record->shards[i]);
  }
  for (size_t i = 0; i < record->app_count; i++) {
    require(record->app[i].key.len > 0 && record->app[i].key.len <= 255);
    touch(record->app[i].value);
  }
}
