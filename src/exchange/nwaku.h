/* nwaku's peers.db: table Peer(peerId, storedInfo), user_version 1 (nwaku v0.37.1,
 * waku/node/peer_manager/peer_store). The rows are nwaku_row.h's. */
#ifndef WPM_EXCHANGE_NWAKU_H
#define WPM_EXCHANGE_NWAKU_H

#include "exchange/database.h"
#include "exchange/proofs.h"

extern const char wpm_nwaku_schema[];
extern const char wpm_nwaku_insert[];

/* Reads all peers. Errors as wpm_exchange_read_database. */
WPM_MUST_USE int wpm_nwaku_read(wpm_database *database, wpm_crypto *crypto,
                                const wpm_exchange_sink *sink, wpm_report *report,
                                wpm_error *error);

#endif
