/* One row of nwaku's peers.db: the peer as it encodes it (nwaku v0.37.1, waku_peer_storage.nim).
 *
 * - nwaku loads all rows or none: a row is written only where its decoder takes every field. A peer
 *   id must be a multihash, a public key one of libp2p's four, connectedness 0 to 3; each address of
 *   protocols that nim-libp2p has (older versions refuse the row for one that is not).
 * - Connectedness 3 was true while that node ran, and is not any more.
 */
#ifndef WPM_EXCHANGE_NWAKU_ROW_H
#define WPM_EXCHANGE_NWAKU_ROW_H

#include "base/buffer.h"
#include "exchange/proofs.h"

/* Reads a row: `id` is its key. WPM_OK also where it is skipped, which is told; *is_record then is
 * false. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_nwaku_row_read(wpm_crypto *crypto, wpm_bytes id, wpm_bytes stored,
                                    wpm_builder *builder, wpm_report *report, bool *is_record);

/* Writes a record's value to `out`. As wpm_nwaku_row_read; WPM_OK, or WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_nwaku_row_write(wpm_crypto *crypto, const wpm_peer_record *record,
                                     wpm_buffer *out, wpm_report *report, bool *is_row);

#endif
