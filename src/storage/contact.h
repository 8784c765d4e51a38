/* The narrow row of table contact: what of a record changes on contact.
 *
 * - byte 0: connectivity (bits 0–1), direction (2–3), held (4), "failures follow" (5), "a prune
 *   backoff follows" (6); byte 1: the reason.
 * - disconnect_time, connected_time, rtt_ns, eight bytes each.
 * - Failures: their number (four bytes), first_failure, last_failure, the retry delay.
 * - The prune backoff; the seal.
 *
 * Every peer has such a row, so that one that is missing is noticed; where nothing is known it is byte
 * 0x80 and the seal.
 *
 * Everything has a fixed size, so that a row that changes mostly keeps its length: SQLite then
 * overwrites it where it lies.
 */
#ifndef WPM_STORAGE_CONTACT_H
#define WPM_STORAGE_CONTACT_H

#include "base/record.h"
#include "storage/pack.h"

/* WPM_ERR_INVALID: a value outside its closed set, a wait of negative length. */
WPM_MUST_USE int wpm_contact_check(const wpm_record_contact *contact);

/* Size of the row of which nothing is known. */
#define WPM_CONTACT_NONE_SIZE (1 + WPM_SEAL_SIZE)

/* Writes the row of a contact that passed the check. */
void wpm_contact_pack(wpm_packer *p, const wpm_record_contact *contact, int64_t place);

/* Reads it. WPM_ERR_INVALID. */
WPM_MUST_USE int wpm_contact_unpack(wpm_bytes row, int64_t place, wpm_record_contact *out);

/* A contact of which nothing is known. */
wpm_record_contact wpm_contact_none(void);

#endif
