/* mplex 6.7.0: the muxer type `wpm_mplex` (libp2p/specs mplex).
 *
 * - A message is a varint (stream id and flag), a varint length and that many bytes, at most 1 MiB.
 *   We send at most 64 KiB in one.
 * - Both sides number their streams independently from 0; the flag says whether a message comes
 *   from the stream's initiator or its receiver, and thereby whose stream it is. Names of new
 *   streams are empty in what we send and ignored in what we receive.
 * - There are no windows: a write takes all of its data or, where `out` lacks room, nothing. A
 *   stream on which more than the receive window is unread is reset.
 * - Messages on a stream that is over, and data behind a close, are ignored. A message on a stream
 *   of ours that we never opened, an open stream opened again, an unknown flag, a varint that is
 *   not minimal and a message above 1 MiB are violations; they end the connection. mplex has no
 *   ping and no go-away.
 * - We send nothing on a stream once it is over: js-libp2p counts messages on streams that it no
 *   longer knows and closes the connection after a few within a second.
 */
#ifndef WPM_PROTO_MPLEX_H
#define WPM_PROTO_MPLEX_H

#include "proto/muxer.h"

#define WPM_MPLEX_MESSAGE_MAX 1048576u /* Most bytes of data in a message. */
#define WPM_MPLEX_MESSAGE_DATA 65536u  /* Most data that we put into one message. */

/* A message of a stream's receiver has an odd flag, one of its initiator the even flag above. */
enum {
  WPM_MPLEX_NEW_STREAM = 0,
  WPM_MPLEX_MESSAGE_RECEIVER = 1,
  WPM_MPLEX_MESSAGE_INITIATOR = 2,
  WPM_MPLEX_CLOSE_RECEIVER = 3,
  WPM_MPLEX_CLOSE_INITIATOR = 4,
  WPM_MPLEX_RESET_RECEIVER = 5,
  WPM_MPLEX_RESET_INITIATOR = 6
};

#endif
