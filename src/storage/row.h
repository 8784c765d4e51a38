/* A record as rows: one of table peer, and one of table address for each of its addresses.
 *
 * - Columns have the names of the record's fields. Closed sets are stored as their words, so that
 *   they can be read, and renumbering an enum changes nothing on disk. Lists are JSON arrays.
 * - Times and spans are nanoseconds; NULL where none is known. Absent bytes are NULL.
 * - Agent and protocol version are text where they are plain UTF-8, otherwise blobs of the bytes
 *   received.
 * - Multiaddrs are stored as they are; the text beside them is for people and never read back.
 *
 * Functions that prepare or bind return SQLite's result code.
 */
#ifndef WPM_STORAGE_ROW_H
#define WPM_STORAGE_ROW_H

#include "storage/scratch.h"

#include <sqlite3.h>
#include <wakupeers/types.h>

/* The most that the variable parts of one record may take together, in bytes. */
#define WPM_ROW_RECORD_MAX (16u << 20)

/* What a record being written or read needs beside its statement. Zero-initialise. */
typedef struct wpm_row_scratch {
  wpm_scratch lists;                     /* Protocols, as JSON when writing, as elements when
                                            reading. */
  wpm_scratch bytes;                     /* Bytes of the protocols read. */
  wpm_scratch shards;                    /* The same for shards. */
  char observed[WPM_MULTIADDR_TEXT];     /* Text of the observed address. */
  char address_text[WPM_MULTIADDR_TEXT]; /* Text of an address. */
} wpm_row_scratch;

void wpm_row_scratch_fini(wpm_row_scratch *scratch);

/* Whether a record can be stored. WPM_ERR_INVALID (id empty or longer than WPM_PEER_ID_MAX, a value
 * outside its closed set, a negative length of a wait), WPM_ERR_TOO_LARGE (WPM_ROW_RECORD_MAX). */
WPM_MUST_USE int wpm_row_check(const wpm_peer_record *record);

int wpm_row_prepare_insert(sqlite3 *db, sqlite3_stmt **out);
int wpm_row_prepare_update(sqlite3 *db, sqlite3_stmt **out);
int wpm_row_prepare_select(sqlite3 *db, sqlite3_stmt **out);

/* Binds a record that passed wpm_row_check. The statement then refers to record and scratch: step
 * it before either changes. */
WPM_MUST_USE int wpm_row_bind_insert(sqlite3_stmt *statement, const wpm_peer_record *record,
                                     wpm_row_scratch *scratch);
WPM_MUST_USE int wpm_row_bind_update(sqlite3_stmt *statement, const wpm_peer_record *record,
                                     sqlite3_int64 key, wpm_row_scratch *scratch);

/* Reads the row that the select stands on, addresses apart; the record's views last until the next
 * step and the next use of scratch. *key gets the row's key. WPM_ERR_INVALID (it cannot be decoded;
 * *key is set all the same), WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_row_read(sqlite3_stmt *statement, wpm_row_scratch *scratch,
                              wpm_peer_record *record, sqlite3_int64 *key);

int wpm_row_prepare_put_address(sqlite3 *db, sqlite3_stmt **out);
int wpm_row_prepare_select_addresses(sqlite3 *db, sqlite3_stmt **out);

/* As the functions on records. `position` counts from 0. */
WPM_MUST_USE int wpm_row_bind_address(sqlite3_stmt *statement, const wpm_address *address,
                                      sqlite3_int64 key, size_t position, wpm_row_scratch *scratch);
sqlite3_int64 wpm_row_address_key(sqlite3_stmt *statement);
WPM_MUST_USE int wpm_row_read_address(sqlite3_stmt *statement, wpm_address *address);

#endif
