#include "base/record.h"

#include "base/bytes.h"

#include <stdlib.h>

/* The single allocation of a clone: the record, its arrays in falling order of alignment, and the
 * bytes that all views point into. */
typedef struct layout {
  size_t addresses; /* Offset of the addresses. */
  size_t protocols; /* Offset of the protocols. */
  size_t tags;      /* Offset of the tags. */
  size_t app;       /* Offset of the application map. */
  size_t shards;    /* Offset of the shards. */
  size_t bytes;     /* Offset of the bytes. */
  size_t size;      /* Of the whole. */
} layout;

static bool grow(size_t *size, size_t count, size_t each) {
  size_t added = 0;
  return !__builtin_mul_overflow(count, each, &added) &&
         !__builtin_add_overflow(*size, added, size);
}

static bool grow_by_bytes(size_t *size, const wpm_peer_record *record) {
  bool fits = grow(size, record->id.len, 1) && grow(size, record->public_key.len, 1) &&
              grow(size, record->observed_address.len, 1) && grow(size, record->agent.len, 1) &&
              grow(size, record->protocol_version.len, 1) && grow(size, record->enr.len, 1) &&
              grow(size, record->signed_record.len, 1);
  for (size_t i = 0; fits && i < record->address_count; i++) {
    fits = grow(size, record->addresses[i].multiaddr.len, 1);
  }
  for (size_t i = 0; fits && i < record->protocol_count; i++) {
    fits = grow(size, record->protocols[i].len, 1);
  }
  for (size_t i = 0; fits && i < record->tag_count; i++) {
    fits = grow(size, record->tags[i].name.len, 1);
  }
  for (size_t i = 0; fits && i < record->app_count; i++) {
    fits = grow(size, record->app[i].key.len, 1) && grow(size, record->app[i].value.len, 1);
  }
  return fits;
}

static bool lay_out(const wpm_peer_record *record, layout *out) {
  size_t size = sizeof(*record);
  out->addresses = size;
  bool fits = grow(&size, record->address_count, sizeof(*record->addresses));
  out->protocols = size;
  fits = fits && grow(&size, record->protocol_count, sizeof(*record->protocols));
  out->tags = size;
  fits = fits && grow(&size, record->tag_count, sizeof(*record->tags));
  out->app = size;
  fits = fits && grow(&size, record->app_count, sizeof(*record->app));
  out->shards = size;
  fits = fits && grow(&size, record->shard_count, sizeof(*record->shards));
  out->bytes = size;
  fits = fits && grow_by_bytes(&size, record);
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

static void copy_addresses(uint8_t **at, const wpm_peer_record *from, wpm_address *to) {
  for (size_t i = 0; i < from->address_count; i++) {
    to[i] = from->addresses[i];
    to[i].multiaddr = copy_bytes(at, from->addresses[i].multiaddr);
  }
}

static void copy_protocols(uint8_t **at, const wpm_peer_record *from, wpm_text *to) {
  for (size_t i = 0; i < from->protocol_count; i++) {
    to[i] = copy_text(at, from->protocols[i]);
  }
}

static void copy_tags(uint8_t **at, const wpm_peer_record *from, wpm_tag *to) {
  for (size_t i = 0; i < from->tag_count; i++) {
    to[i] = from->tags[i];
    to[i].name = copy_text(at, from->tags[i].name);
  }
}

static void copy_app(uint8_t **at, const wpm_peer_record *from, wpm_app_entry *to) {
  for (size_t i = 0; i < from->app_count; i++) {
    to[i] = (wpm_app_entry){.key = copy_text(at, from->app[i].key),
                            .value = copy_bytes(at, from->app[i].value)};
  }
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
  wpm_tag *tags = (void *)(memory + where.tags);
  wpm_app_entry *app = (void *)(memory + where.app);
  uint16_t *shards = (void *)(memory + where.shards);
  uint8_t *bytes = memory + where.bytes;

  *copy = *record;
  copy->id = copy_bytes(&bytes, record->id);
  copy->public_key = copy_bytes(&bytes, record->public_key);
  copy->observed_address = copy_bytes(&bytes, record->observed_address);
  copy->agent = copy_text(&bytes, record->agent);
  copy->protocol_version = copy_text(&bytes, record->protocol_version);
  copy->enr = copy_bytes(&bytes, record->enr);
  copy->signed_record = copy_bytes(&bytes, record->signed_record);
  copy_addresses(&bytes, record, addresses);
  copy_protocols(&bytes, record, protocols);
  copy_tags(&bytes, record, tags);
  copy_app(&bytes, record, app);
  for (size_t i = 0; i < record->shard_count; i++) {
    shards[i] = record->shards[i];
  }
  copy->addresses = record->address_count ? addresses : NULL;
  copy->protocols = record->protocol_count ? protocols : NULL;
  copy->tags = record->tag_count ? tags : NULL;
  copy->app = record->app_count ? app : NULL;
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

static bool address_equal(const wpm_address *a, const wpm_address *b) {
  return wpm_bytes_equal(a->multiaddr, b->multiaddr) && a->source == b->source &&
         a->identified == b->identified && a->certified == b->certified &&
         a->confidence == b->confidence && wall_equal(a->first_seen, b->first_seen) &&
         wall_equal(a->last_seen, b->last_seen) && wall_equal(a->last_success, b->last_success) &&
         wall_equal(a->last_failure, b->last_failure) && a->ttl_ns == b->ttl_ns &&
         wall_equal(a->expires, b->expires);
}

static bool addresses_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  if (a->address_count != b->address_count) {
    return false;
  }
  for (size_t i = 0; i < a->address_count; i++) {
    if (!address_equal(&a->addresses[i], &b->addresses[i])) {
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
      a->capabilities_known != b->capabilities_known || a->capabilities != b->capabilities ||
      !wpm_bytes_equal(a->enr, b->enr) || a->enr_sequence != b->enr_sequence ||
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

static bool contact_equal(const wpm_record_contact *a, const wpm_record_contact *b) {
  return a->connectivity == b->connectivity && a->reason == b->reason &&
         a->direction == b->direction && a->held == b->held &&
         wall_equal(a->disconnect_time, b->disconnect_time) &&
         wall_equal(a->connected_time, b->connected_time) && a->rtt_ns == b->rtt_ns &&
         a->failures == b->failures && wall_equal(a->first_failure, b->first_failure) &&
         wall_equal(a->last_failure, b->last_failure) &&
         wait_equal(&a->retry_delay, &b->retry_delay) &&
         wait_equal(&a->prune_backoff, &b->prune_backoff);
}

static bool tags_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  if (a->score != b->score || a->tag_count != b->tag_count) {
    return false;
  }
  for (size_t i = 0; i < a->tag_count; i++) {
    if (!wpm_text_equal(a->tags[i].name, b->tags[i].name) || a->tags[i].value != b->tags[i].value ||
        a->tags[i].protects != b->tags[i].protects ||
        a->tags[i].half_life_ns != b->tags[i].half_life_ns ||
        !wall_equal(a->tags[i].expires, b->tags[i].expires)) {
      return false;
    }
  }
  return true;
}

static bool app_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  if (a->app_count != b->app_count) {
    return false;
  }
  for (size_t i = 0; i < a->app_count; i++) {
    if (!wpm_text_equal(a->app[i].key, b->app[i].key) ||
        !wpm_bytes_equal(a->app[i].value, b->app[i].value)) {
      return false;
    }
  }
  return true;
}

bool wpm_record_equal(const wpm_peer_record *a, const wpm_peer_record *b) {
  const wpm_record_contact contact_a = wpm_contact_of(a);
  const wpm_record_contact contact_b = wpm_contact_of(b);
  return wpm_bytes_equal(a->id, b->id) && wpm_bytes_equal(a->public_key, b->public_key) &&
         addresses_equal(a, b) && wpm_bytes_equal(a->observed_address, b->observed_address) &&
         protocols_equal(a, b) && wpm_text_equal(a->agent, b->agent) &&
         wpm_text_equal(a->protocol_version, b->protocol_version) && metadata_equal(a, b) &&
         wpm_bytes_equal(a->signed_record, b->signed_record) &&
         a->signed_sequence == b->signed_sequence && contact_equal(&contact_a, &contact_b) &&
         a->origin == b->origin && a->is_static == b->is_static && a->held_off == b->held_off &&
         wait_equal(&a->mismatch_delay, &b->mismatch_delay) && wait_equal(&a->ban, &b->ban) &&
         tags_equal(a, b) && app_equal(a, b);
}

wpm_confidence wpm_address_confidence(const wpm_address *address) {
  if (address->certified) {
    return WPM_CONFIDENCE_CERTIFIED;
  }
  if (address->identified) {
    return WPM_CONFIDENCE_IDENTIFIED;
  }
  return wpm_wall_known(address->last_success) ? WPM_CONFIDENCE_DIALLED : WPM_CONFIDENCE_HEARD;
}

wpm_record_contact wpm_contact_of(const wpm_peer_record *record) {
  return (wpm_record_contact){.connectivity = record->connectivity,
                              .reason = record->reason,
                              .direction = record->direction,
                              .held = record->held,
                              .disconnect_time = record->disconnect_time,
                              .connected_time = record->connected_time,
                              .rtt_ns = record->rtt_ns,
                              .failures = record->failures,
                              .first_failure = record->first_failure,
                              .last_failure = record->last_failure,
                              .retry_delay = record->retry_delay,
                              .prune_backoff = record->prune_backoff};
}

void wpm_contact_apply(const wpm_record_contact *contact, wpm_peer_record *record) {
  record->connectivity = contact->connectivity;
  record->reason = contact->reason;
  record->direction = contact->direction;
  record->held = contact->held;
  record->disconnect_time = contact->disconnect_time;
  record->connected_time = contact->connected_time;
  record->rtt_ns = contact->rtt_ns;
  record->failures = contact->failures;
  record->first_failure = contact->first_failure;
  record->last_failure = contact->last_failure;
  record->retry_delay = contact->retry_delay;
  record->prune_backoff = contact->prune_backoff;
}

bool wpm_contact_is_none(const wpm_record_contact *contact) {
  const wpm_record_contact none = {.disconnect_time = WPM_WALL_NONE,
                                   .connected_time = WPM_WALL_NONE,
                                   .rtt_ns = WPM_SPAN_NONE,
                                   .first_failure = WPM_WALL_NONE,
                                   .last_failure = WPM_WALL_NONE};
  return contact_equal(contact, &none);
}
