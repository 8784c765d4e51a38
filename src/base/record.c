#include "base/record.h"

#include "base/bytes.h"

#include <stdlib.h>

/* The single allocation of a clone: the record, its arrays in falling order of alignment, and the
 * bytes that all views point into. */
typedef struct layout {
  size_t addresses; /* Offset of the addresses. */
  size_t protocols; /* Offset of the protocols. */
  size_t shards;    /* Offset of the shards. */
  size_t bytes;     /* Offset of the bytes. */
  size_t size;      /* Of the whole. */
} layout;

static bool grow(size_t *size, size_t count, size_t each) {
  size_t added = 0;
  return !__builtin_mul_overflow(count, each, &added) &&
         !__builtin_add_overflow(*size, added, size);
}

static bool lay_out(const wpm_peer_record *record, layout *out) {
  size_t size = sizeof(*record);
  out->addresses = size;
  bool fits = grow(&size, record->address_count, sizeof(*record->addresses));
  out->protocols = size;
  fits = fits && grow(&size, record->protocol_count, sizeof(*record->protocols));
  out->shards = size;
  fits = fits && grow(&size, record->shard_count, sizeof(*record->shards));
  out->bytes = size;
  fits = fits && grow(&size, record->id.len, 1) && grow(&size, record->public_key.len, 1) &&
         grow(&size, record->observed_address.len, 1) && grow(&size, record->agent.len, 1) &&
         grow(&size, record->protocol_version.len, 1);
  for (size_t i = 0; fits && i < record->address_count; i++) {
    fits = grow(&size, record->addresses[i].multiaddr.len, 1);
  }
  for (size_t i = 0; fits && i < record->protocol_count; i++) {
    fits = grow(&size, record->protocols[i].len, 1);
  }
  out->size = size;
  return fits;
}

static wpm_bytes copy_bytes(uint8_t **at, wpm_bytes from) {
  if (from.len == 0) {
    return (wpm_bytes){NULL, 0};
  }
  wpm_bytes copy = {*at, from.len};
  memcpy(*at, from.data, from.len);
  *at += from.len;
  return copy;
}

static wpm_text copy_text(uint8_t **at, wpm_text from) {
  wpm_bytes copy = copy_bytes(at, (wpm_bytes){(const uint8_t *)from.data, from.len});
  return (wpm_text){(const char *)copy.data, copy.len};
}

wpm_peer_record *wpm_record_clone(const wpm_peer_record *record) {
  layout where;
  if (!lay_out(record, &where)) {
    return NULL;
  }
  uint8_t *memory = malloc(where.size);
  if (!memory) {
    return NULL;
  }
  wpm_peer_record *copy = (void *)memory;
  wpm_address *addresses = (void *)(memory + where.addresses);
  wpm_text *protocols = (void *)(memory + where.protocols);
  uint16_t *shards = (void *)(memory + where.shards);
  uint8_t *bytes = memory + where.bytes;

  *copy = *record;
  copy->id = copy_bytes(&bytes, record->id);
  copy->public_key = copy_bytes(&bytes, record->public_key);
  copy->observed_address = copy_bytes(&bytes, record->observed_address);
  copy->agent = copy_text(&bytes, record->agent);
  copy->protocol_version = copy_text(&bytes, record->protocol_version);
  for (size_t i = 0; i < record->address_count; i++) {
    addresses[i] = record->addresses[i];
    addresses[i].multiaddr = copy_bytes(&bytes, record->addresses[i].multiaddr);
  }
  for (size_t i = 0; i < record->protocol_count; i++) {
    protocols[i] = copy_text(&bytes, record->protocols[i]);
  }
  for (size_t i = 0; i < record->shard_count; i++) {
    shards[i] = record->shards[i];
  }
  copy->addresses = record->address_count ? addresses : NULL;
  copy->protocols = record->protocol_count ? protocols : NULL;
  copy->shards = record->shard_count ? shards : NULL;
  return copy;
}

static bool wall_equal(wpm_wall a, wpm_wall b) {
  return a.ns == b.ns;
}

static bool wait_equal(const wpm_wait *a, const wpm_wait *b) {
  return a->start.mono.ns == b->start.mono.ns && wall_equal(a->start.wall, b->start.wall) &&
         a->start.boot_id == b->start.boot_id && a->length_ns == b->length_ns;
}

static bool addresses_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  if (a->address_count != b->address_count) {
    return false;
  }
  for (size_t i = 0; i < a->address_count; i++) {
    const wpm_address *one = &a->addresses[i];
    const wpm_address *other = &b->addresses[i];
    if (!wpm_bytes_equal(one->multiaddr, other->multiaddr) || one->source != other->source ||
        !wall_equal(one->last_success, other->last_success) ||
        !wall_equal(one->last_failure, other->last_failure)) {
      return false;
    }
  }
  return true;
}

static bool protocols_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  if (a->protocols_known != b->protocols_known || a->protocol_count != b->protocol_count) {
    return false;
  }
  for (size_t i = 0; i < a->protocol_count; i++) {
    if (!wpm_text_equal(a->protocols[i], b->protocols[i])) {
      return false;
    }
  }
  return true;
}

static bool metadata_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  if (a->metadata_known != b->metadata_known || a->cluster_id != b->cluster_id ||
      a->shard_count != b->shard_count) {
    return false;
  }
  for (size_t i = 0; i < a->shard_count; i++) {
    if (a->shards[i] != b->shards[i]) {
      return false;
    }
  }
  return true;
}

bool wpm_record_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  return wpm_bytes_equal(a->id, b->id) && wpm_bytes_equal(a->public_key, b->public_key) &&
         addresses_equal(a, b) && wpm_bytes_equal(a->observed_address, b->observed_address) &&
         protocols_equal(a, b) && wpm_text_equal(a->agent, b->agent) &&
         wpm_text_equal(a->protocol_version, b->protocol_version) && metadata_equal(a, b) &&
         a->connectivity == b->connectivity && a->reason == b->reason &&
         wall_equal(a->disconnect_time, b->disconnect_time) &&
         wall_equal(a->connected_time, b->connected_time) && a->origin == b->origin &&
         a->direction == b->direction && a->failures == b->failures &&
         wall_equal(a->first_failure, b->first_failure) &&
         wall_equal(a->last_failure, b->last_failure) && a->rtt_ns == b->rtt_ns &&
         a->is_static == b->is_static && a->held == b->held && a->held_off == b->held_off &&
         wait_equal(&a->prune_backoff, &b->prune_backoff) &&
         wait_equal(&a->retry_delay, &b->retry_delay) &&
         wait_equal(&a->mismatch_delay, &b->mismatch_delay);
}
