/* Security protocols of a connection, each a table of functions; wpm_security_types lists them in
 * the order we propose them. A new one is a new file and one line in that list. */
#ifndef WPM_NET_SECURITY_H
#define WPM_NET_SECURITY_H

#include "proto/noise.h"

typedef struct wpm_security wpm_security;

typedef struct wpm_security_config {
  wpm_crypto *crypto;                 /* Must outlive the security layer. */
  const wpm_identity *identity;       /* Ours; likewise. */
  const wpm_noise_static *static_key; /* Ours; likewise. */
  bool dialler;                       /* We dialled. */
  const uint8_t *random;              /* 32 fresh random bytes. */
  const wpm_text *muxers;             /* Offered for early muxer negotiation; must outlive the
                                         handshake. */
  size_t muxer_count;                 /* Their number. */
  wpm_bytes expected_peer;            /* Empty: any; must outlive the handshake. */
} wpm_security_config;

typedef struct wpm_security_type {
  const char *protocol_id;
  /* WPM_ERR_NO_MEMORY, WPM_ERR_INVALID. */
  int (*create)(const wpm_security_config *config, wpm_security **out);
  void (*free)(wpm_security *security);
  /* Appends what is sent first. Errors as the handshake. */
  int (*start)(wpm_security *security, wpm_buffer *out);
  /* Takes what it can from `in`, appends answers to `out`. WPM_ERR_CRYPTO, WPM_ERR_MISMATCH,
   * WPM_ERR_PROTOCOL, WPM_ERR_TOO_LARGE, WPM_ERR_FULL, WPM_ERR_NO_MEMORY. */
  int (*handshake)(wpm_security *security, wpm_buffer *in, wpm_buffer *out);
  bool (*done)(const wpm_security *security);
  /* Who they are (also after WPM_ERR_MISMATCH); views last until `settle`. */
  wpm_bytes (*remote_key)(const wpm_security *security);
  wpm_bytes (*remote_id)(const wpm_security *security);
  /* The muxer agreed early: an index into config.muxers, or -1. */
  int (*muxer)(const wpm_security *security);
  /* After the handshake: lets go of all but what the two functions below need. */
  void (*settle)(wpm_security *security);
  /* Appends `plain`, sealed, to `out`. WPM_ERR_FULL, WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO. */
  int (*seal)(wpm_security *security, wpm_bytes plain, wpm_buffer *out);
  /* Opens, in place, one message at the front of `in`. WPM_ERR_TRUNCATED, WPM_ERR_CRYPTO. */
  int (*open)(wpm_security *security, uint8_t *in, size_t in_len, wpm_bytes *plain, size_t *used);
  /* Most bytes of one message on the wire. */
  size_t message_max;
} wpm_security_type;

struct wpm_security {
  const wpm_security_type *type;
};

extern const wpm_security_type wpm_security_noise;

/* NULL-terminated, in the order of preference. */
extern const wpm_security_type *const wpm_security_types[];

#endif
