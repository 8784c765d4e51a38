/* A peer that speaks the real protocols up to a point and then does what a test wants. It dials a
 * host, or is dialled by one.
 *
 * - The upgrade (multistream, Noise, the muxer's negotiation) runs by itself. `cut_at` says how many
 *   bytes of it the attacker sends, so that it can stop anywhere; `then` says what it does next.
 * - Once up, it does nothing by itself: what it receives is kept as plain text, and a test sends
 *   frames, whole or in part, sealed or not.
 * - It fails the test by cmocka's assertions where it cannot do what it should.
 */
#pragma once

#include "base/buffer.h"
#include "proto/multistream.h"
#include "proto/noise.h"
#include "proto/yamux.h"

#include <uv.h>

/* What follows the cut. */
typedef enum attacker_then {
  ATTACKER_STALLS,
  ATTACKER_CLOSES, /* By the end of its stream. */
  ATTACKER_RESETS, /* By a TCP reset. */
  ATTACKER_SENDS_GARBAGE
} attacker_then;

typedef enum attacker_phase {
  ATTACKER_CONNECTING,
  ATTACKER_NEGOTIATES, /* The security protocol. */
  ATTACKER_SHAKES_HANDS,
  ATTACKER_SECURED, /* Negotiates the muxer. */
  ATTACKER_UP,
  ATTACKER_CUT /* It no longer answers. */
} attacker_phase;

/* Lines of multistream-select. */
#define LINE_HEADER "\x13/multistream/1.0.0\n"
#define LINE_IDENTIFY "\x0f/ipfs/id/1.0.0\n"
#define LINE_PUSH "\x14/ipfs/id/push/1.0.0\n"
#define LINE_PING "\x11/ipfs/ping/1.0.0\n"
#define LINE_METADATA "\x19/vac/waku/metadata/1.0.0\n"
#define LINE_REFUSAL "\x03na\n"

typedef struct attacker {
  /* To be changed, if at all, before it dials or listens. */
  wpm_identity identity;    /* Ed25519 by default. */
  const wpm_text *muxers;   /* Muxers that it proposes or speaks; yamux by default. */
  size_t muxer_count;       /* Their number. */
  bool early_muxer;         /* It negotiates them within the handshake; true by default. */
  const wpm_text *security; /* The one security protocol it speaks; /noise by default. */
  size_t cut_at;            /* Bytes of the upgrade that it sends; SIZE_MAX by default: all. */
  attacker_then then;       /* And then. */
  wpm_bytes expected_peer;  /* The id it wants to meet; empty by default: any. */

  /* To be looked at. */
  attacker_phase phase;
  bool dialler;      /* It dialled. */
  size_t sent;       /* Bytes of the upgrade that it has sent. */
  wpm_step cut_step; /* The step of the upgrade that the cut interrupts, seen from the host. */
  size_t ends[8];    /* Where each piece of the upgrade that it sent ended, in bytes sent. */
  size_t end_count;  /* Their number. */
  size_t muxer;      /* Index of the muxer agreed on, once up. */
  bool was_early;    /* It was agreed on in the handshake. */
  int ended;         /* 0, or how libuv told the end of the stream. */
  wpm_buffer plain;  /* Plain text received since it was up. */
  size_t received;   /* Bytes received on the wire. */
  size_t writing;    /* Bytes of memory in writes that libuv has not given back. */

  /* Its own. */
  uv_loop_t *loop;
  wpm_crypto *crypto;
  uv_tcp_t tcp, listener;
  uv_connect_t connect;
  int handles;
  wpm_multistream negotiation;
  wpm_noise_static static_key;
  wpm_noise *noise;
  wpm_noise_cipher cipher;
  wpm_buffer in, out;
  uint8_t fill;
} attacker;

/* `fill` makes the identity. */
void attacker_init(attacker *a, uv_loop_t *loop, wpm_crypto *crypto, uint8_t fill);
/* Ends it and waits until the loop has let go of it. */
void attacker_fini(attacker *a);

/* Dials `/ip4/…/tcp/…`. */
void attacker_dial(attacker *a, wpm_bytes multiaddr);
/* Listens on a free port of 127.0.0.1 for one connection. */
void attacker_listen(attacker *a, wpm_multiaddr *out);

/* ---- once connected -------------------------------------------------------------------------- */

/* Sends bytes as they are. */
void attacker_send(attacker *a, const void *data, size_t len);
/* Sends at most `len` bytes of `plain` sealed as one message (WPM_NOISE_PLAIN_MAX at most). */
void attacker_send_sealed(attacker *a, const void *plain, size_t plain_len, size_t len);
/* Sends a yamux frame with `len` bytes of data: at most `part` bytes of it, sealed. `frame.length` is
 * sent as it is. */
void attacker_send_frame(attacker *a, wpm_yamux_frame frame, const void *data, size_t len,
                         size_t part);
/* Sends yamux data on a stream, in one frame. */
void attacker_say(attacker *a, uint32_t stream_id, uint16_t flags, const void *data, size_t len);
/* Sends a yamux frame without data. */
void attacker_signal(attacker *a, uint8_t type, uint16_t flags, uint32_t stream_id,
                     uint32_t length);
/* Bytes that wait in this process to be sent. */
size_t attacker_unsent(const attacker *a);

void attacker_stop_reading(attacker *a);
void attacker_read_on(attacker *a);
/* Ends its stream; a reset; both without waiting for what it may still receive. */
void attacker_close(attacker *a);
void attacker_reset(attacker *a);

/* ---- what it received ------------------------------------------------------------------------ */

/* Takes the next whole yamux frame out of `plain`; *data lasts until the next call. False: there is
 * none. */
bool attacker_next_frame(attacker *a, wpm_yamux_frame *frame, wpm_bytes *data);
/* Drops frames up to the first that holds `text` in its data; *id gets that frame's stream. False:
 * there is none yet, and all whole frames are dropped. */
bool attacker_find_stream(attacker *a, const char *text, uint32_t *id);
/* Drops all whole frames and counts those of this type with all of these flags. */
size_t attacker_count_frames(attacker *a, uint8_t type, uint16_t flags);
/* How often `text` occurs in what `plain` holds. */
size_t attacker_count(const attacker *a, const char *text);
