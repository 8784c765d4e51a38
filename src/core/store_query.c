/* Counting and listing the peers that match a filter. */
#include "core/store.h"

#include "core/protocols.h"

static bool names_shard(const wpm_peer *peer, uint16_t shard) {
  for (uint32_t i = 0; i < peer->shard_count; i++) {
    if (peer->shards[i] == shard) {
      return true;
    }
  }
  return false;
}

static bool matches(const wpm_peer *peer, const wpm_store_filter *filter) {
  if (!peer->id || peer->detached) {
    return false;
  }
  if (!filter) {
    return true;
  }
  if (filter->connectivity && !(filter->connectivity & 1u << wpm_peer_connectivity(peer))) {
    return false;
  }
  if (filter->protocol.len > 0 && !wpm_protocols_hold(peer->protocols, filter->protocol)) {
    return false;
  }
  if (filter->by_shard && !names_shard(peer, filter->shard)) {
    return false;
  }
  return !filter->relay_capable || wpm_peer_relays(peer);
}

size_t wpm_store_count_matching(const wpm_store *store, const wpm_store_filter *filter) {
  size_t count = 0;
  for (uint32_t slot = 0; slot < store->slots; slot++) {
    count += matches(wpm_store_peer(store, slot), filter);
  }
  return count;
}

bool wpm_store_next(const wpm_store *store, const wpm_store_filter *filter, uint64_t *cursor,
                    wpm_peer_record *out) {
  while (*cursor < store->slots) {
    uint32_t slot = (uint32_t)(*cursor)++;
    if (matches(wpm_store_peer(store, slot), filter)) {
      wpm_store_record(store, slot, out);
      return true;
    }
  }
  return false;
}
