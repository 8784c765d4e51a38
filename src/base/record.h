/* Deep copies of peer records, for handing one to another thread or keeping it; and the part of them
 * that changes on contact. */
#ifndef WPM_BASE_RECORD_H
#define WPM_BASE_RECORD_H

#include <wakupeers/types.h>

/* A copy in a single allocation that shares nothing with the original, to be freed by free(). NULL:
 * out of memory. */
WPM_MUST_USE wpm_peer_record *wpm_record_clone(const wpm_peer_record *record);

/* True where every field is equal, derived ones too; an absent value (NULL) equals an empty one. */
WPM_MUST_USE bool wpm_record_equal(const wpm_peer_record *a, const wpm_peer_record *b);

/* What of a record changes on contact: WPM_FIELD_CONTACT. */
typedef struct wpm_record_contact {
  wpm_connectivity connectivity; /* As in wpm_peer_record, each of them. */
  wpm_reason reason;
  wpm_direction direction;
  bool held;
  wpm_wall disconnect_time;
  wpm_wall connected_time;
  int64_t rtt_ns;
  uint32_t failures;
  wpm_wall first_failure;
  wpm_wall last_failure;
  wpm_wait retry_delay;
  wpm_wait prune_backoff;
} wpm_record_contact;

/* Takes it out of a record; puts it into one. */
wpm_record_contact wpm_contact_of(const wpm_peer_record *record);
void wpm_contact_apply(const wpm_record_contact *contact, wpm_peer_record *record);

/* True where nothing is known of any contact. */
WPM_MUST_USE bool wpm_contact_is_none(const wpm_record_contact *contact);

/* How sure an address is by what its other fields say, no connection being live: what a loaded record
 * shows. */
wpm_confidence wpm_address_confidence(const wpm_address *address);

#endif
