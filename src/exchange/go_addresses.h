/* A peer's addresses as go-libp2p's pstoreds keeps them (AddrBookRecord, go-libp2p v0.51.0).
 *
 * - A time to live is in nanoseconds, its end in whole seconds since 1970. In a record they stand in
 *   the order in which they end.
 * - What was held by a live connection, or is past its time, is read as an address that stays by its
 *   quality: the connection is over, and the store may have lain on disk for long.
 * - The signed peer record lies beside them, and is taken where it verifies.
 */
#ifndef WPM_EXCHANGE_GO_ADDRESSES_H
#define WPM_EXCHANGE_GO_ADDRESSES_H

#include "base/buffer.h"
#include "exchange/proofs.h"

/* Reads a record of the peer that was begun in `builder`; what cannot be taken is told. WPM_OK, or
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_go_addresses_read(wpm_crypto *crypto, wpm_bytes encoded, wpm_builder *builder,
                                       wpm_report *report);

/* Writes the addresses (at least one) and the signed record of `record` to `out`. WPM_ERR_TOO_LARGE,
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_go_addresses_write(const wpm_peer_record *record, wpm_wall now,
                                        wpm_buffer *out);

#endif
