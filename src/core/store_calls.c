/* The calls of <wakupeers/store.h> that change a record, by id. */
#include "core/store.h"

static int with_room(const wpm_store *store) {
  return wpm_store_is_full(store) ? WPM_ERR_FULL : WPM_OK;
}

#define FIND_OR_RETURN(slot)                                                                       \
  uint32_t slot = wpm_store_find(store, id);                                                       \
  if ((slot) == WPM_SLOT_NONE) {                                                                   \
    return WPM_ERR_NOT_FOUND;                                                                      \
  }

/* The same, for what may need memory. */
#define FIND_WITH_ROOM_OR_RETURN(slot)                                                             \
  FIND_OR_RETURN(slot)                                                                             \
  int err = with_room(store);                                                                      \
  if (err) {                                                                                       \
    return err;                                                                                    \
  }

int wpm_store_add_addresses(wpm_store *store, wpm_bytes id, const wpm_bytes *addresses,
                            size_t count, const wpm_offer *offer, size_t *left_out) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_addresses(store, slot, addresses, count, offer, WPM_OFFER_ADD, left_out);
}

int wpm_store_set_addresses(wpm_store *store, wpm_bytes id, const wpm_bytes *addresses,
                            size_t count, const wpm_offer *offer, size_t *left_out) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_addresses(store, slot, addresses, count, offer, WPM_OFFER_SET, left_out);
}

int wpm_store_update_ttl(wpm_store *store, wpm_bytes id, int64_t old_ttl_ns, int64_t new_ttl_ns,
                         wpm_wall now) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_update_ttl(store, slot, old_ttl_ns, new_ttl_ns, now);
}

int wpm_store_clear_addresses(wpm_store *store, wpm_bytes id) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_clear_addresses(store, slot);
  return WPM_OK;
}

int wpm_store_expire(wpm_store *store, wpm_bytes id, wpm_wall now) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_expire(store, slot, now);
  return WPM_OK;
}

int wpm_store_certified(wpm_store *store, wpm_bytes id, const wpm_certified *record, wpm_wall now) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return record->envelope.len > UINT16_MAX ? WPM_ERR_INVALID
                                           : wpm_store_slot_certified(store, slot, record, now);
}

int wpm_store_identified(wpm_store *store, wpm_bytes id, const wpm_identified *fact) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_identified(store, slot, fact);
}

int wpm_store_set_protocols(wpm_store *store, wpm_bytes id, const wpm_text *protocols,
                            size_t count) {
  static const wpm_text none = {"", 0};
  wpm_identified fact = {.protocols = count ? protocols : &none, .protocol_count = count};
  return wpm_store_identified(store, id, &fact);
}

int wpm_store_set_public_key(wpm_store *store, wpm_bytes id, wpm_bytes key) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_public_key(store, slot, key);
}

int wpm_store_metadata(wpm_store *store, wpm_bytes id, uint32_t cluster_id, const uint16_t *shards,
                       size_t shard_count) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_metadata(store, slot, cluster_id, shards, shard_count);
}

int wpm_store_discovered(wpm_store *store, wpm_bytes id, const wpm_discovered *fact) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return fact->enr.len > UINT16_MAX ? WPM_ERR_INVALID
                                    : wpm_store_slot_discovered(store, slot, fact);
}

int wpm_store_connected(wpm_store *store, wpm_bytes id, wpm_direction direction, wpm_bytes remote,
                        wpm_wall now) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_connected(store, slot, direction, remote, (wpm_bytes){NULL, 0}, now);
}

int wpm_store_disconnected(wpm_store *store, wpm_bytes id, wpm_reason reason, wpm_wall now) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_disconnected(store, slot, reason, now);
  return WPM_OK;
}

int wpm_store_dial_failed(wpm_store *store, wpm_bytes id, wpm_reason reason, wpm_wall now) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_try_dial_failed(store, slot, reason, now);
}

int wpm_store_address_failed(wpm_store *store, wpm_bytes id, wpm_bytes multiaddr, wpm_wall now) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_address_failed(store, slot, multiaddr, now);
}

int wpm_store_address_moved(wpm_store *store, wpm_bytes id, wpm_bytes multiaddr, wpm_bytes answered,
                            wpm_wall now) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_address_moved(store, slot, multiaddr, answered, now);
}

int wpm_store_stable(wpm_store *store, wpm_bytes id) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_stable(store, slot);
  return WPM_OK;
}

int wpm_store_pong(wpm_store *store, wpm_bytes id, int64_t rtt_ns) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_try_pong(store, slot, rtt_ns);
}

int wpm_store_set_static(wpm_store *store, wpm_bytes id, bool is_static) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_flag(store, slot, WPM_HAS_STATIC, is_static);
  return WPM_OK;
}

int wpm_store_set_held_off(wpm_store *store, wpm_bytes id, bool held_off) {
  FIND_OR_RETURN(slot)
  wpm_store_slot_flag(store, slot, WPM_HAS_HELD_OFF, held_off);
  return WPM_OK;
}

int wpm_store_set_score(wpm_store *store, wpm_bytes id, int32_t score) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_try_score(store, slot, score);
}

int wpm_store_set_tag(wpm_store *store, wpm_bytes id, const wpm_tag *tag) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_set_tag(store, slot, tag);
}

int wpm_store_remove_tag(wpm_store *store, wpm_bytes id, wpm_text name) {
  FIND_OR_RETURN(slot)
  return wpm_store_slot_remove_tag(store, slot, name);
}

int wpm_store_set_app(wpm_store *store, wpm_bytes id, wpm_text key, wpm_bytes value) {
  FIND_WITH_ROOM_OR_RETURN(slot)
  return wpm_store_slot_set_app(store, slot, key, value);
}

int wpm_store_get_app(const wpm_store *store, wpm_bytes id, wpm_text key, wpm_bytes *value) {
  FIND_OR_RETURN(slot)
  const uint8_t *facts = wpm_peer_facts(store, wpm_store_peer(store, slot));
  wpm_bytes held = wpm_facts_get_named(facts, WPM_FACT_APP, key);
  if (!held.data) {
    return WPM_ERR_NOT_FOUND;
  }
  *value = (wpm_bytes){held.data + 1 + key.len, held.len - 1 - key.len};
  return WPM_OK;
}
