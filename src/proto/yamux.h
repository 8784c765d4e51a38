/* yamux 1.0: the muxer type `wpm_yamux` (hashicorp/yamux spec.md, libp2p/specs yamux).
 *
 * - The dialler's stream ids are odd, the listener's even. A stream is announced by the first frame
 *   that is sent on it, as a rule its first data (DATA with SYN), and a stream of theirs accepted
 *   by the first frame that answers (ACK): neither costs a frame of its own.
 * - Each direction starts with a window of 256 KiB, which only credit enlarges. We give credit back
 *   once half of the receive window was consumed. Credit above 2^32-1, or a frame that exceeds the
 *   window, is a violation; a frame that fills it exactly is not.
 * - Data is sent in frames of at most 64 KiB. A FIN travels alone, in a window update, since js
 *   takes a FIN on a data frame as the end before that data; both forms are understood. On a window
 *   update with RST the length is an error code (go-yamux), never credit.
 * - Frames on a stream that is over are ignored, since they may have been sent before its end was
 *   known there. So is data behind a FIN: go-yamux may send a concurrent write after it. A frame on
 *   an id that was never opened is a violation, except for one that carries nothing but an end:
 *   rust-yamux closes streams that it never announced.
 * - Violations (wrong version, type, flag or id, a reused id, a window exceeded, …) end the
 *   connection: go-away 1 and WPM_ERR_PROTOCOL.
 * - After a go-away, sent or received, we open no streams; after ours we refuse theirs.
 * - No more than 256 streams of ours are open at once, so the limit on unacknowledged streams
 *   (libp2p/specs yamux, "ACK backlog") holds by itself.
 * - A write or credit that does not fit into `out` as a whole changes nothing. Only the answer to
 *   the latest ping is reported.
 */
#ifndef WPM_PROTO_YAMUX_H
#define WPM_PROTO_YAMUX_H

#include "proto/muxer.h"

#define WPM_YAMUX_HEADER 12         /* Bytes of a frame's header. */
#define WPM_YAMUX_WINDOW 262144u    /* The window each direction of a stream starts with. */
#define WPM_YAMUX_FRAME_DATA 65536u /* Most data that we put into one frame. */
#define WPM_YAMUX_OUTBOUND 256u     /* Most streams of ours at once, whatever the config. */

enum { WPM_YAMUX_DATA = 0, WPM_YAMUX_WINDOW_UPDATE = 1, WPM_YAMUX_PING = 2, WPM_YAMUX_GO_AWAY = 3 };
enum { WPM_YAMUX_SYN = 1, WPM_YAMUX_ACK = 2, WPM_YAMUX_FIN = 4, WPM_YAMUX_RST = 8 };

typedef struct wpm_yamux_frame {
  uint8_t version;    /* 0. */
  uint8_t type;       /* WPM_YAMUX_DATA … WPM_YAMUX_GO_AWAY. */
  uint16_t flags;     /* WPM_YAMUX_SYN … WPM_YAMUX_RST. */
  uint32_t stream_id; /* 0: the connection itself. */
  uint32_t length;    /* Bytes of data that follow; credit; ping value; or error code. */
} wpm_yamux_frame;

/* Reads the WPM_YAMUX_HEADER bytes of a header, without judging them. */
wpm_yamux_frame wpm_yamux_decode(const uint8_t *header);

/* Writes the WPM_YAMUX_HEADER bytes of a header. */
void wpm_yamux_encode(wpm_yamux_frame frame, uint8_t *header);

#endif
