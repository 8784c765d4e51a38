/* A whole peer record as one JSON object, and back: the lines of `db export --format=jsonl`.
 *
 * - Every field of the record has its member (docs/exchange.md); what is not known, empty, zero or
 *   false is left out. Times and spans are whole nanoseconds, so nothing is rounded.
 * - Peer ids, multiaddrs, protocols and other text are strings; what has no such form, since it is no
 *   UTF-8 or no valid id, is {"base64": "…"}. Bytes are base64.
 * - A member that is not known, or not of the form it must have, makes the object no record: what is
 *   read is all there is.
 */
#ifndef APP_JSON_RECORD_H
#define APP_JSON_RECORD_H

#include <wakupeers/types.h>

#include <jansson.h>

#define JSON_RECORD_LIST_MAX 65536 /* Most items of a list that is read. */

/* The object; NULL: no memory. */
json_t *json_record(const wpm_peer_record *record);

/* A record that was read, and the memory that it points into. */
typedef struct read_record {
  wpm_peer_record record;
  void **blocks;
  size_t block_count;
} read_record;

/* Reads an object; *out is to be freed by read_record_free in either case. False: error->text says what
 * is wrong with it. What is given without more (peerId and multiaddrs) is an import of `now`. */
bool json_record_read(const json_t *object, wpm_wall now, read_record *out, wpm_error *error);
void read_record_free(read_record *record);

#endif
