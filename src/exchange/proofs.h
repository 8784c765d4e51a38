/* What a peer has signed or proves by its id, taken into a record only where it verifies: its public
 * key, its node record, its signed peer record. What does not is skipped, and that is told. */
#ifndef WPM_EXCHANGE_PROOFS_H
#define WPM_EXCHANGE_PROOFS_H

#include "exchange/builder.h"
#include "proto/crypto.h"
#include "proto/enr.h"

/* For verifying: no secret goes through it. Errors as wpm_crypto_init. */
WPM_MUST_USE int wpm_proofs_crypto(wpm_crypto **out);

/* The public key of a record's peer: the one that its id carries or, where that is a digest, the one
 * that is held. WPM_ERR_NOT_FOUND: none is known that belongs to it. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_proofs_own_key(wpm_crypto *crypto, const wpm_peer_record *record,
                                    wpm_bytes *out);

/* Takes the public key (encoded PublicKey; empty: none is given, and the id's own is taken).
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_proofs_public_key(wpm_crypto *crypto, wpm_builder *builder, wpm_bytes key,
                                       wpm_report *report);

/* Takes a node record (RLP) with its capabilities, cluster and shards; its addresses only where
 * `addresses_too`. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_proofs_enr(wpm_crypto *crypto, wpm_builder *builder, wpm_bytes enr,
                                bool addresses_too, wpm_report *report);

/* Takes what an opened node record says, the same way. */
WPM_MUST_USE int wpm_proofs_opened_enr(wpm_builder *builder, wpm_bytes enr, const wpm_enr *opened,
                                       bool addresses_too, wpm_report *report);

/* Takes a signed peer record; addresses of the builder's that it names become certified ones.
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_proofs_signed_record(wpm_crypto *crypto, wpm_builder *builder,
                                          wpm_bytes envelope, wpm_report *report);

#endif
