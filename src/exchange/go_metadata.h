/* What a go-libp2p peer store calls a peer's metadata: named values in gob.
 *
 * - The names that the record has a field for: `protocols` (map[protocol.ID]struct{}), AgentVersion
 *   and ProtocolVersion (string), which identify puts there; `score` (float64) and `pubSubTopics`
 *   ([]string) of go-waku. A score that is no int32, and topics that are not all of static shards of
 *   one cluster (51/WAKU2-RELAY-SHARDING), have no field.
 * - What has no field goes to the application map under its name, in gob as it is, and from there
 *   back.
 */
#ifndef WPM_EXCHANGE_GO_METADATA_H
#define WPM_EXCHANGE_GO_METADATA_H

#include "base/buffer.h"
#include "exchange/builder.h"

/* Reads a value into the record at hand; one that cannot be taken is told. WPM_OK, or
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_go_metadata_read(wpm_builder *builder, wpm_text name, wpm_bytes value,
                                      wpm_report *report);

/* Takes one value that is to be written. */
typedef int (*wpm_go_metadata_fn)(void *user, wpm_text name, wpm_bytes value);

/* Hands the values of `record` to `fn`, encoded in `space`. What `fn` gave, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_go_metadata_write(const wpm_peer_record *record, wpm_buffer *space,
                                       wpm_go_metadata_fn fn, void *user, wpm_report *report);

#endif
