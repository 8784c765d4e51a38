/* Signed peer records: a peer's own list of its addresses, in an envelope that it signed
 * (libp2p/specs RFC 0002, signed envelopes; RFC 0003, routing records).
 *
 * - Two kinds are read: the one that go-libp2p and all its peers write (domain `libp2p-peer-record`,
 *   payload type the bytes 03 01), and RFC 0003's own (`libp2p-routing-state`,
 *   `/libp2p/routing-state-record`; older rust-libp2p). We write the first.
 * - Nothing of a payload is read before the signature over domain, type and payload verifies. The
 *   peer id in the record must be that of the key which signed it.
 * - The sequence number only orders the records of one peer: a higher one is newer. It is no time.
 * - The key's encoding must be canonical, as everywhere (crypto.h). Of a record's addresses those not
 *   understood, those that name another peer, and those beyond the caps are left out and counted,
 *   never a reason to refuse the rest.
 */
#ifndef WPM_PROTO_SIGNED_RECORD_H
#define WPM_PROTO_SIGNED_RECORD_H

#include "base/buffer.h"
#include "proto/crypto.h"

#define WPM_SIGNED_RECORD_MAX 65536         /* Longest envelope read or written, in bytes. */
#define WPM_SIGNED_RECORD_ADDRESSES_MAX 128 /* Most addresses kept. */

/* An envelope that was opened. Views lead into it. */
typedef struct wpm_signed_record {
  wpm_bytes public_key;                                 /* Encoded PublicKey of who signed it. */
  wpm_peer_id peer_id;                                  /* That key's peer id. */
  uint64_t sequence;                                    /* Higher is newer. */
  size_t address_count;                                 /* Number of addresses. */
  size_t addresses_skipped;                             /* Left out. */
  wpm_bytes addresses[WPM_SIGNED_RECORD_ADDRESSES_MAX]; /* Binary, checked, each once, in their
                                                           order; the peer's own /p2p/ removed. */
} wpm_signed_record;

/* Opens and verifies an envelope. WPM_ERR_INVALID: malformed, or without a key or peer id.
 * WPM_ERR_UNSUPPORTED: another payload type, or a key of an unknown type. WPM_ERR_CRYPTO: the
 * signature does not verify. WPM_ERR_MISMATCH: the record names another peer than the one who
 * signed. WPM_ERR_TOO_LARGE: above WPM_SIGNED_RECORD_MAX, or the key or signature above crypto.h's
 * limits. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_signed_record_open(wpm_crypto *crypto, wpm_bytes envelope,
                                        wpm_signed_record *out);

/* Signs a record of `identity`'s addresses (binary, checked) and appends its envelope to `out`; on
 * failure nothing is appended. Each record of one peer needs a higher sequence number than those
 * before. WPM_ERR_TOO_LARGE (above WPM_SIGNED_RECORD_MAX), WPM_ERR_FULL, WPM_ERR_NO_MEMORY,
 * WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_signed_record_seal(wpm_crypto *crypto, const wpm_identity *identity,
                                        uint64_t sequence, const wpm_bytes *addresses,
                                        size_t address_count, wpm_buffer *out);

#endif
