/* The store's invariants, all of them (wpm_store_check). */
#include "core/store.h"

#include "core/protocols.h"

#include "base/bytes.h"
#include "base/error.h"

static int broken(wpm_error *error, const char *what, uint32_t slot) {
  return wpm_fail(error, WPM_ERR_CORRUPT, "peer store: %s (slot %u)", what, (unsigned)slot);
}

static const char *fault_of_addresses(const wpm_store *store, const wpm_address_list *list) {
  size_t cap = store->config.max_addresses;
  if (cap > 0 && list->count > cap) {
    return "more addresses than the cap";
  }
  if ((list->count > 0) != (list->items != NULL)) {
    return "an address list without its allocation";
  }
  for (uint32_t i = 0; i < list->count; i++) {
    if (wpm_multiaddr_check(list->items[i].multiaddr) != WPM_OK) {
      return "an address that is not a multiaddr";
    }
    if (wpm_addresses_find(list, list->items[i].multiaddr) != &list->items[i]) {
      return "an address twice";
    }
  }
  return NULL;
}

static const char *fault_of_protocols(const wpm_store *store, const wpm_peer *peer) {
  const wpm_protocol_set *set = wpm_protocols_of(peer->protocols);
  if (!set) {
    return NULL;
  }
  bool relay = false;
  for (size_t i = 0; i < set->count; i++) {
    wpm_text text = set->protocols[i];
    if (store->config.max_text > 0 && text.len > store->config.max_text &&
        !wpm_text_equal(text, wpm_protocol_relay_prefix(text))) {
      return "a protocol id longer than the cap";
    }
    if (!wpm_protocols_hold(peer->protocols, text)) {
      return "a protocol set out of order";
    }
    relay = relay || wpm_protocol_is_relay(text);
  }
  if (store->config.max_protocols > 0 && set->count > store->config.max_protocols) {
    return "more protocols than the cap";
  }
  return relay == set->relay ? NULL : "a protocol set whose relay mark is wrong";
}

static const char *fault_of_peer(const wpm_store *store, const wpm_peer *peer) {
  if (peer->live > 0 && !peer->held) {
    return "a live connection with a peer that was never held";
  }
  if (peer->live > 0 && wpm_peer_connectivity(peer) != WPM_CONNECTED) {
    return "a live connection, yet not Connected";
  }
  if (peer->public_key && !peer->key_known) {
    return "a public key that is marked as unknown";
  }
  if (peer->failures == 0 && wpm_wall_known(peer->first_failure)) {
    return "a first failure without failures";
  }
  for (uint32_t i = 1; i < peer->shard_count; i++) {
    if (peer->shards[i] <= peer->shards[i - 1]) {
      return "shards out of order";
    }
  }
  const char *fault = fault_of_addresses(store, &peer->addresses);
  return fault ? fault : fault_of_protocols(store, peer);
}

/* Free slots, counted along their list; SIZE_MAX where it is broken. */
static size_t count_free(const wpm_store *store) {
  size_t count = 0;
  for (uint32_t slot = store->first_free; slot != WPM_SLOT_NONE; count++) {
    if (slot >= store->slots || count > store->slots || wpm_store_peer(store, slot)->id) {
      return SIZE_MAX;
    }
    slot = wpm_store_peer(store, slot)->next_free;
  }
  return count;
}

static size_t count_holders(const wpm_intern *table) {
  size_t count = 0;
  for (uint32_t i = 0; i < table->count; i++) {
    count += table->entries[i] ? table->entries[i]->holders : 0;
  }
  return count;
}

int wpm_store_check(const wpm_store *store, wpm_error *error) {
  size_t held = 0;
  size_t detached = 0;
  size_t texts = 0;
  size_t sets = 0;
  for (uint32_t slot = 0; slot < store->slots; slot++) {
    const wpm_peer *peer = wpm_store_peer(store, slot);
    if (!peer->id) {
      continue;
    }
    if (peer->detached) {
      detached++;
      continue;
    }
    held++;
    texts += (peer->agent != NULL) + (peer->protocol_version != NULL);
    sets += peer->protocols != NULL;
    if (wpm_store_find(store, wpm_peer_view_id(peer)) != slot) {
      return broken(error, "a peer that its id does not lead to", slot);
    }
    const char *fault = fault_of_peer(store, peer);
    if (fault) {
      return broken(error, fault, slot);
    }
  }
  if (held != store->count || store->by_id.count != store->count) {
    return broken(error, "the number of peers is wrong", store->count);
  }
  if (store->config.max_peers > 0 && store->count > store->config.max_peers) {
    return broken(error, "more peers than the cap", store->count);
  }
  if (count_free(store) != store->slots - held - detached) {
    return broken(error, "the list of free slots is broken", store->first_free);
  }
  if (count_holders(&store->texts) != texts || count_holders(&store->sets) != sets) {
    return broken(error, "interned strings with a wrong number of holders", 0);
  }
  return WPM_OK;
}
