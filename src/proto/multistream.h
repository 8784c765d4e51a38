/* multistream-select 1.0 (multiformats/multistream-select; libp2p/specs connections).
 *
 * - A message is a varint length, the text and a newline, at most WPM_MULTISTREAM_LINE bytes.
 * - A listener sends its header at once. It answers `na` to what it does not speak and the list of
 *   its protocols to `ls`; it gives up after WPM_MULTISTREAM_PROPOSALS proposals.
 * - A dialler sends header and first proposal in one go; if it has only that one it may send its
 *   first data behind them without waiting (lazy). On `na` it proposes the next.
 * - Bytes behind the last negotiation line belong to the protocol agreed on, and are not consumed.
 */
#ifndef WPM_PROTO_MULTISTREAM_H
#define WPM_PROTO_MULTISTREAM_H

#include "base/buffer.h"

#define WPM_MULTISTREAM_PROTOCOL_ID "/multistream/1.0.0"
#define WPM_MULTISTREAM_LINE 1024    /* Longest line in bytes, its newline included. */
#define WPM_MULTISTREAM_PROPOSALS 64 /* Most proposals a listener answers. */

typedef enum wpm_multistream_state {
  WPM_MULTISTREAM_OPEN,   /* Still negotiating. */
  WPM_MULTISTREAM_AGREED, /* Agreed: see `agreed`. */
  WPM_MULTISTREAM_FAILED  /* A dialler's proposals were all refused; a listener gave up. */
} wpm_multistream_state;

typedef struct wpm_multistream {
  const wpm_text *protocols;   /* What we propose, by preference, or speak. Owned by the caller. */
  size_t protocol_count;       /* Their number. */
  bool dialler;                /* We propose. */
  wpm_multistream_state state; /* Where it stands. */
  size_t agreed;               /* Index into protocols, once agreed. */
  bool header_received;        /* The other side's header has come. */
  size_t proposed;             /* Dialler: index proposed last. Listener: proposals seen. */
} wpm_multistream;

/* `protocols` must outlive the negotiation; a dialler needs at least one. */
void wpm_multistream_init(wpm_multistream *ms, bool dialler, const wpm_text *protocols,
                          size_t protocol_count);

/* Appends what is sent first. WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_multistream_start(wpm_multistream *ms, wpm_buffer *out);

/* Takes whole lines from the front of `in`; *used says how many bytes. Answers go to `out`. Stops
 * as soon as the state is no longer OPEN. WPM_ERR_PROTOCOL (not multistream, a line too long),
 * WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_multistream_read(wpm_multistream *ms, wpm_bytes in, size_t *used,
                                      wpm_buffer *out);

#endif
