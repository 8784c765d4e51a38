/* Which yamux stream ids the other side has used.
 *
 * - An id names one stream for the life of a connection: a second SYN on it is a violation, and so
 *   is a frame on an id that was never opened (hashicorp/yamux spec, "StreamID Field").
 * - Ids need not come in order: go-yamux and rust-yamux number a stream before they send its SYN,
 *   so two opened at once may overtake each other. The last 256 are remembered one by one; an
 *   older id counts as used.
 */
#ifndef WPM_PROTO_YAMUX_IDS_H
#define WPM_PROTO_YAMUX_IDS_H

#include <wakupeers/types.h>

#define WPM_YAMUX_IDS_REMEMBERED 256

typedef struct wpm_yamux_ids {
  uint32_t above;                               /* Half of the highest id used, plus one. */
  uint64_t used[WPM_YAMUX_IDS_REMEMBERED / 64]; /* A ring of bits, by half of the id. */
} wpm_yamux_ids;

/* None used yet. */
void wpm_yamux_ids_init(wpm_yamux_ids *ids);

/* True where `id` is used. The ids asked for and marked must all be of one parity. */
bool wpm_yamux_ids_used(const wpm_yamux_ids *ids, uint32_t id);

/* Marks `id`, which must not be used yet. */
void wpm_yamux_ids_mark(wpm_yamux_ids *ids, uint32_t id);

#endif
