/* The rows of schema 1, read to bring a database up to date: one of table peer_1, as the table is then
 * called, and one of table address_1 for each address.
 *
 * - Columns had the names of the record's fields. Closed sets were stored as their words, lists as
 *   JSON arrays, absent values as NULL. Text beside ids and multiaddrs was for people.
 *
 * Functions that prepare return SQLite's result code.
 */
#ifndef WPM_STORAGE_ROW_1_H
#define WPM_STORAGE_ROW_1_H

#include "storage/room.h"

#include <sqlite3.h>
#include <wakupeers/types.h>

/* What a record being read needs beside its statement. Zero-initialise. */
typedef struct wpm_row_1_scratch {
  wpm_room lists;  /* Protocols. */
  wpm_room bytes;  /* Their bytes. */
  wpm_room shards; /* Shards. */
} wpm_row_1_scratch;

void wpm_row_1_scratch_fini(wpm_row_1_scratch *scratch);

int wpm_row_1_prepare_select(sqlite3 *db, sqlite3_stmt **out);
int wpm_row_1_prepare_select_addresses(sqlite3 *db, sqlite3_stmt **out);

/* Reads the row that the select stands on, addresses apart; the record's views last until the next
 * step and the next use of scratch. *key gets the row's key. WPM_ERR_INVALID (it cannot be decoded;
 * *key and the id are set all the same), WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_row_1_read(sqlite3_stmt *statement, wpm_row_1_scratch *scratch,
                                wpm_peer_record *record, sqlite3_int64 *key);

/* The row that the select stands on as text, for one that cannot be decoded; to be freed by
 * sqlite3_free. NULL: out of memory. */
char *wpm_row_1_describe(sqlite3_stmt *statement);

/* As the functions on records. */
sqlite3_int64 wpm_row_1_address_key(sqlite3_stmt *statement);
WPM_MUST_USE int wpm_row_1_read_address(sqlite3_stmt *statement, wpm_address *address);

#endif
