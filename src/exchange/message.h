/* Writing protobuf messages whose fields are views (nanopb's callback fields); reading them is
 * proto/pb_view.h's. */
#ifndef WPM_EXCHANGE_MESSAGE_H
#define WPM_EXCHANGE_MESSAGE_H

#include "base/buffer.h"

#include <pb_encode.h>

#define WPM_MESSAGE_MAX 1048576 /* Longest message that is read or written, in bytes. */

/* A ready encode callback: `*arg` is a wpm_bytes; an empty one is not written. */
bool wpm_message_bytes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg);

/* Encodes a message into `out`, which it clears first. WPM_ERR_TOO_LARGE (above WPM_MESSAGE_MAX),
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_message_write(const pb_msgdesc_t *fields, const void *message,
                                   wpm_buffer *out);

#endif
