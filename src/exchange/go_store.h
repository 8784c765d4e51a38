/* A go-libp2p datastore in SQLite as go-waku keeps it: table peerstore(key TEXT, data BLOB), with the
 * keys of pstoreds: /peers/addrs/ID, /peers/keys/ID/pub and …/priv, /peers/metadata/ID/NAME, where
 * ID is the peer id in base32, upper case, without padding (go-libp2p v0.51.0, go-waku v0.10.1).
 *
 * - The peer whose private key lies there is the store's own node: not a peer of itself.
 * - Other keys are of no concern (the address book's own bookkeeping, other users of the table).
 */
#ifndef WPM_EXCHANGE_GO_STORE_H
#define WPM_EXCHANGE_GO_STORE_H

#include "exchange/database.h"
#include "exchange/proofs.h"

extern const char wpm_go_schema[];
extern const char wpm_go_insert[];

/* Reads all peers. Errors as wpm_exchange_read_database. */
WPM_MUST_USE int wpm_go_read(wpm_database *database, wpm_crypto *crypto,
                             const wpm_exchange_sink *sink, wpm_report *report, wpm_error *error);

/* Writes one peer by `insert`, prepared of wpm_go_insert; *written says whether. Errors as
 * wpm_exchange_put. */
WPM_MUST_USE int wpm_go_write(wpm_database *database, sqlite3_stmt *insert, wpm_crypto *crypto,
                              const wpm_peer_record *record, wpm_wall now, wpm_report *report,
                              bool *written, wpm_error *error);

#endif
