/* Identify and identify push (libp2p/specs identify): /ipfs/id/1.0.0, /ipfs/id/push/1.0.0.
 *
 * - One or more protobuf messages, each behind a varint length, read to the end of the stream and
 *   merged: a later single field replaces, repeated ones add up (go-libp2p splits above 2 KiB).
 * - At most WPM_IDENTIFY_PARTS messages of WPM_IDENTIFY_PART_MAX bytes are read. Lists longer than
 *   the caps are cut, never a reason to refuse the rest; addresses that this library does not
 *   understand, protocol ids above WPM_IDENTIFY_PROTOCOL_ID_MAX and repeated entries are skipped,
 *   versions above WPM_IDENTIFY_TEXT_MAX are cut where a character begins. Text is kept as received,
 *   whatever bytes it has.
 * - A repeated entry is found by a binary search. A whole stream of them takes milliseconds.
 * - Ours is one message of at most WPM_IDENTIFY_SEND_MAX bytes, length included (rust-libp2p reads
 *   no more, and reads only the first message).
 */
#ifndef WPM_PROTO_IDENTIFY_H
#define WPM_PROTO_IDENTIFY_H

#include "base/buffer.h"
#include "proto/crypto.h"
#include "proto/multistream.h"

#define WPM_IDENTIFY_PROTOCOL_ID "/ipfs/id/1.0.0"
#define WPM_IDENTIFY_PUSH_PROTOCOL_ID "/ipfs/id/push/1.0.0"
#define WPM_IDENTIFY_PARTS 10
#define WPM_IDENTIFY_PART_MAX 8192
#define WPM_IDENTIFY_SEND_MAX 4096
#define WPM_IDENTIFY_PROTOCOLS_MAX 4096 /* Most protocols kept. */
#define WPM_IDENTIFY_ADDRESSES_MAX 128  /* Most listen addresses kept. */
/* Longest protocol id kept, in bytes: the longest that can be negotiated. */
#define WPM_IDENTIFY_PROTOCOL_ID_MAX (WPM_MULTISTREAM_LINE - 1)
#define WPM_IDENTIFY_TEXT_MAX 256 /* Longest version kept, in bytes. */

/* A merged identify message. In a push any field may be missing. */
typedef struct wpm_identify {
  wpm_bytes public_key;       /* Encoded PublicKey; empty: missing. */
  bool has_agent;             /* `agent` was sent. */
  wpm_text agent;             /* Agent version. */
  bool has_protocol_version;  /* `protocol_version` was sent. */
  wpm_text protocol_version;  /* Protocol version. */
  const wpm_bytes *addresses; /* Listen addresses, binary, each checked. */
  size_t address_count;       /* Their number. */
  size_t addresses_skipped;   /* Left out: not understood, or over the cap. */
  wpm_bytes observed_address; /* Our address as they see it; empty: missing or not understood. */
  const wpm_text *protocols;  /* Protocol ids, each once. */
  size_t protocol_count;      /* Their number. */
  wpm_bytes signed_record;    /* Their signed peer record's envelope, unopened; empty: none. */
} wpm_identify;

/* Appends `message` with its length in front. So that it fits WPM_IDENTIFY_SEND_MAX, the signed record
 * is left out first, then addresses, then protocols, each from the end of its list; the versions are
 * cut to WPM_IDENTIFY_TEXT_MAX. WPM_ERR_TOO_LARGE (the public key and the observed address alone do
 * not fit), WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_identify_write(const wpm_identify *message, wpm_buffer *out);

/* Reads a whole stream's content, and owns what it found. */
typedef struct wpm_identify_reader wpm_identify_reader;

/* WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_identify_reader_new(wpm_identify_reader **out);
void wpm_identify_reader_free(wpm_identify_reader *reader);

/* Takes bytes as they come. WPM_ERR_PROTOCOL (malformed), WPM_ERR_TOO_LARGE (part over the cap, too
 * many parts), WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_identify_reader_input(wpm_identify_reader *reader, wpm_bytes in);

/* At the end of the stream: *out is the merged message, which lasts as the reader does.
 * WPM_ERR_TRUNCATED: the stream ended inside a message, or before the first. */
WPM_MUST_USE int wpm_identify_reader_finish(wpm_identify_reader *reader, wpm_identify *out);

/* The addresses at which `peer`, who sent `message`, says it listens: those announced, without its own
 * `/p2p/`; those that name another peer are left out. Where it announced none, those of its signed
 * record, if that verifies and is its own: go-libp2p leaves its addresses out where its protocols
 * fill the message, and sends the record behind. Writes views into the message to `out`; returns
 * their number. */
size_t wpm_identify_addresses(const wpm_identify *message, wpm_bytes peer, wpm_crypto *crypto,
                              wpm_bytes out[WPM_IDENTIFY_ADDRESSES_MAX]);

#endif
