#include "storage/contact.h"

#include "storage/codes.h"

enum { HELD = 1 << 4, HAS_FAILURES = 1 << 5, HAS_PRUNE_BACKOFF = 1 << 6, NONE = 1 << 7 };

int wpm_contact_check(const wpm_record_contact *contact) {
  return (unsigned)contact->connectivity < WPM_CONNECTIVITY_COUNT &&
                 (unsigned)contact->reason < WPM_REASON_COUNT &&
                 (unsigned)contact->direction < WPM_DIRECTION_COUNT &&
                 contact->prune_backoff.length_ns >= 0 && contact->retry_delay.length_ns >= 0
             ? WPM_OK
             : WPM_ERR_INVALID;
}

static bool is_zero(const wpm_wait *wait) {
  return wait->length_ns == 0 && wait->start.mono.ns == 0 && wait->start.wall.ns == 0 &&
         wait->start.boot_id == 0;
}

static bool has_failures(const wpm_record_contact *contact) {
  return contact->failures > 0 || wpm_wall_known(contact->first_failure) ||
         wpm_wall_known(contact->last_failure) || !is_zero(&contact->retry_delay);
}

void wpm_contact_pack(wpm_packer *p, const wpm_record_contact *contact, int64_t place) {
  if (wpm_contact_is_none(contact)) {
    wpm_pack_byte(p, NONE);
    wpm_pack_seal(p, place);
    return;
  }
  uint8_t flags = (uint8_t)(wpm_code_of_connectivity(contact->connectivity) |
                            wpm_code_of_direction(contact->direction) << 2);
  flags |= contact->held ? HELD : 0;
  flags |= has_failures(contact) ? HAS_FAILURES : 0;
  flags |= is_zero(&contact->prune_backoff) ? 0 : HAS_PRUNE_BACKOFF;
  wpm_pack_byte(p, flags);
  wpm_pack_byte(p, wpm_code_of_reason(contact->reason));
  wpm_pack_i64(p, contact->disconnect_time.ns);
  wpm_pack_i64(p, contact->connected_time.ns);
  wpm_pack_i64(p, contact->rtt_ns);
  if (flags & HAS_FAILURES) {
    wpm_pack_u32(p, contact->failures);
    wpm_pack_i64(p, contact->first_failure.ns);
    wpm_pack_i64(p, contact->last_failure.ns);
    wpm_pack_wait(p, &contact->retry_delay);
  }
  if (flags & HAS_PRUNE_BACKOFF) {
    wpm_pack_wait(p, &contact->prune_backoff);
  }
  wpm_pack_seal(p, place);
}

wpm_record_contact wpm_contact_none(void) {
  return (wpm_record_contact){.disconnect_time = WPM_WALL_NONE,
                              .connected_time = WPM_WALL_NONE,
                              .rtt_ns = WPM_SPAN_NONE,
                              .first_failure = WPM_WALL_NONE,
                              .last_failure = WPM_WALL_NONE};
}

int wpm_contact_unpack(wpm_bytes row, int64_t place, wpm_record_contact *out) {
  wpm_unpacker u = wpm_unpack_sealed(row, place);
  uint8_t flags = wpm_unpack_byte(&u);
  *out = wpm_contact_none();
  if (flags == NONE) {
    return wpm_unpack_end(&u);
  }
  out->held = (flags & HELD) != 0;
  if (flags & NONE || !wpm_code_to_connectivity(flags & 3, &out->connectivity) ||
      !wpm_code_to_direction((flags >> 2) & 3, &out->direction) ||
      !wpm_code_to_reason(wpm_unpack_byte(&u), &out->reason)) {
    return WPM_ERR_INVALID;
  }
  out->disconnect_time.ns = wpm_unpack_i64(&u);
  out->connected_time.ns = wpm_unpack_i64(&u);
  out->rtt_ns = wpm_unpack_i64(&u);
  if (flags & HAS_FAILURES) {
    out->failures = wpm_unpack_u32(&u);
    out->first_failure.ns = wpm_unpack_i64(&u);
    out->last_failure.ns = wpm_unpack_i64(&u);
    out->retry_delay = wpm_unpack_wait(&u);
  }
  if (flags & HAS_PRUNE_BACKOFF) {
    out->prune_backoff = wpm_unpack_wait(&u);
  }
  return wpm_unpack_end(&u);
}
