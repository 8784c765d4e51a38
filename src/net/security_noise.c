#include "net/security.h"

#include "base/bytes.h"

#include <stdlib.h>

typedef struct noise_security {
  wpm_security security;
  wpm_crypto *crypto;
  wpm_noise *handshake; /* NULL once settled. */
  wpm_noise_cipher cipher;
} noise_security;

static int noise_create(const wpm_security_config *config, wpm_security **out) {
  noise_security *noise = calloc(1, sizeof *noise);
  if (!noise) {
    return WPM_ERR_NO_MEMORY;
  }
  noise->security.type = &wpm_security_noise;
  noise->crypto = config->crypto;
  wpm_noise_config handshake = {
      .crypto = config->crypto,
      .identity = config->identity,
      .static_key = config->static_key,
      .initiator = config->dialler,
      .ephemeral = config->random,
      .muxers = config->muxers,
      .muxer_count = config->muxer_count,
      .expected_peer = config->expected_peer,
  };
  int err = wpm_noise_new(&handshake, &noise->handshake);
  if (err != WPM_OK) {
    free(noise);
    return err;
  }
  *out = &noise->security;
  return WPM_OK;
}

static void noise_free(wpm_security *security) {
  noise_security *noise = (noise_security *)security;
  wpm_noise_free(noise->handshake);
  wpm_wipe(&noise->cipher, sizeof noise->cipher);
  free(noise);
}

static int noise_start(wpm_security *security, wpm_buffer *out) {
  return wpm_noise_start(((noise_security *)security)->handshake, out);
}

static int noise_handshake(wpm_security *security, wpm_buffer *in, wpm_buffer *out) {
  return wpm_noise_read(((noise_security *)security)->handshake, in, out);
}

static bool noise_done(const wpm_security *security) {
  return wpm_noise_done(((const noise_security *)security)->handshake);
}

static wpm_bytes noise_remote_key(const wpm_security *security) {
  return wpm_noise_remote_key(((const noise_security *)security)->handshake);
}

static wpm_bytes noise_remote_id(const wpm_security *security) {
  return wpm_peer_id_view(wpm_noise_remote_id(((const noise_security *)security)->handshake));
}

static int noise_muxer(const wpm_security *security) {
  return wpm_noise_muxer(((const noise_security *)security)->handshake);
}

static void noise_settle(wpm_security *security) {
  noise_security *noise = (noise_security *)security;
  wpm_noise_take_cipher(noise->handshake, &noise->cipher);
  wpm_noise_free(noise->handshake);
  noise->handshake = NULL;
}

static int noise_seal(wpm_security *security, wpm_bytes plain, wpm_buffer *out) {
  noise_security *noise = (noise_security *)security;
  return wpm_noise_seal(&noise->cipher, noise->crypto, plain, out);
}

static int noise_open(wpm_security *security, uint8_t *in, size_t in_len, wpm_bytes *plain,
                      size_t *used) {
  noise_security *noise = (noise_security *)security;
  return wpm_noise_open(&noise->cipher, noise->crypto, in, in_len, plain, used);
}

const wpm_security_type wpm_security_noise = {
    .protocol_id = WPM_NOISE_PROTOCOL_ID,
    .create = noise_create,
    .free = noise_free,
    .start = noise_start,
    .handshake = noise_handshake,
    .done = noise_done,
    .remote_key = noise_remote_key,
    .remote_id = noise_remote_id,
    .muxer = noise_muxer,
    .settle = noise_settle,
    .seal = noise_seal,
    .open = noise_open,
    .message_max = WPM_NOISE_MESSAGE_MAX + 2,
};

const wpm_security_type *const wpm_security_types[] = {&wpm_security_noise, NULL};
