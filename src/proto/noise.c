#include "proto/noise.h"

#include "base/bytes.h"
#include "proto/noise_payload.h"
#include "proto/noise_xx.h"

#include <assert.h>
#include <stdlib.h>

#define LENGTH_SIZE 2    /* Before each message: its length, big-endian. */
#define PAYLOAD_MAX 2048 /* Longest payload of our own. */

static const char signature_prefix[] = "noise-libp2p-static-key:";
#define SIGNED_SIZE (sizeof signature_prefix - 1 + 32)

struct wpm_noise {
  wpm_noise_xx xx;                        /* The pattern. */
  wpm_noise_config config;                /* As given; `ephemeral` is not kept. */
  int muxer;                              /* Agreed early, or -1. */
  wpm_peer_id remote_id;                  /* Once verified. */
  size_t remote_key_len;                  /* 0: not verified yet. */
  uint8_t remote_key[WPM_PUBLIC_KEY_MAX]; /* Encoded PublicKey. */
};

/* ---- the static key -------------------------------------------------------------------------- */

/* What the identity key signs. */
static void signed_bytes(const uint8_t static_public[32], uint8_t out[SIGNED_SIZE]) {
  memcpy(out, signature_prefix, sizeof signature_prefix - 1);
  memcpy(out + sizeof signature_prefix - 1, static_public, 32);
}

int wpm_noise_static_init(wpm_crypto *crypto, const wpm_identity *identity,
                          const uint8_t secret[32], wpm_noise_static *out) {
  uint8_t message[SIGNED_SIZE];
  *out = (wpm_noise_static){0};
  memcpy(out->secret, secret, 32);
  wpm_x25519_public(secret, out->public_key);
  signed_bytes(out->public_key, message);
  int rc = wpm_identity_sign(crypto, identity, (wpm_bytes){message, sizeof message}, out->signature,
                             &out->signature_len);
  if (rc != WPM_OK) {
    wpm_noise_static_fini(out);
  }
  return rc;
}

void wpm_noise_static_fini(wpm_noise_static *key) {
  wpm_wipe(key, sizeof *key);
}

/* ---- the handshake --------------------------------------------------------------------------- */

static wpm_noise_payload our_payload(const wpm_noise_config *config) {
  wpm_noise_payload payload = {
      .identity_key = {config->identity->public_key, config->identity->public_key_len},
      .identity_sig = {config->static_key->signature, config->static_key->signature_len},
      .muxer_count = config->muxer_count,
  };
  for (size_t i = 0; i < config->muxer_count; i++) {
    payload.muxers[i] = config->muxers[i];
  }
  return payload;
}

int wpm_noise_new(const wpm_noise_config *config, wpm_noise **out) {
  if (config->muxer_count > WPM_NOISE_MUXERS_MAX) {
    return WPM_ERR_INVALID;
  }
  wpm_noise_payload payload = our_payload(config);
  if (wpm_noise_payload_size(&payload) > PAYLOAD_MAX) {
    return WPM_ERR_INVALID;
  }
  wpm_noise *noise = calloc(1, sizeof *noise);
  if (!noise) {
    return WPM_ERR_NO_MEMORY;
  }
  noise->config = *config;
  noise->config.ephemeral = NULL;
  noise->muxer = -1;
  wpm_noise_xx_init(&noise->xx, config->crypto, config->initiator, (wpm_bytes){0},
                    config->static_key->secret, config->static_key->public_key, config->ephemeral);
  *out = noise;
  return WPM_OK;
}

void wpm_noise_free(wpm_noise *noise) {
  if (!noise) {
    return;
  }
  wpm_noise_xx_fini(&noise->xx);
  free(noise);
}

static int send_message(wpm_noise *noise, wpm_bytes payload, wpm_buffer *out) {
  size_t len = payload.len + wpm_noise_xx_overhead(&noise->xx);
  uint8_t *space = NULL;
  int rc = wpm_buffer_reserve(out, LENGTH_SIZE + len, &space);
  if (rc != WPM_OK) {
    return rc;
  }
  space[0] = (uint8_t)(len >> 8);
  space[1] = (uint8_t)len;
  rc = wpm_noise_xx_write(&noise->xx, payload, space + LENGTH_SIZE);
  if (rc == WPM_OK) {
    wpm_buffer_commit(out, LENGTH_SIZE + len);
  }
  return rc;
}

int wpm_noise_start(wpm_noise *noise, wpm_buffer *out) {
  return noise->config.initiator ? send_message(noise, (wpm_bytes){0}, out) : WPM_OK;
}

static int send_payload(wpm_noise *noise, wpm_buffer *out) {
  uint8_t encoded[PAYLOAD_MAX];
  wpm_noise_payload payload = our_payload(&noise->config);
  wpm_noise_payload_write(&payload, encoded);
  return send_message(noise, (wpm_bytes){encoded, wpm_noise_payload_size(&payload)}, out);
}

static bool lists(const wpm_text *muxers, size_t count, wpm_text muxer, size_t *index) {
  for (size_t i = 0; i < count; i++) {
    if (wpm_text_equal(muxers[i], muxer)) {
      *index = i;
      return true;
    }
  }
  return false;
}

/* The first of the initiator's list that the responder lists too, as an index into ours; or -1. */
static int agree_on_muxer(const wpm_noise_config *config, const wpm_noise_payload *theirs) {
  const wpm_text *leading = config->initiator ? config->muxers : theirs->muxers;
  size_t leading_count = config->initiator ? config->muxer_count : theirs->muxer_count;
  const wpm_text *other = config->initiator ? theirs->muxers : config->muxers;
  size_t other_count = config->initiator ? theirs->muxer_count : config->muxer_count;
  for (size_t i = 0; i < leading_count; i++) {
    size_t j = 0;
    if (lists(other, other_count, leading[i], &j)) {
      return (int)(config->initiator ? i : j);
    }
  }
  return -1;
}

/* Verifies who sent the payload, and takes what it holds. */
static int take_payload(wpm_noise *noise, wpm_bytes encoded) {
  wpm_noise_payload payload;
  uint8_t message[SIGNED_SIZE];
  int rc = wpm_noise_payload_read(encoded, &payload);
  if (rc != WPM_OK) {
    return rc;
  }
  wpm_crypto *crypto = noise->config.crypto;
  signed_bytes(noise->xx.remote_static, message);
  rc = wpm_public_key_verify(crypto, payload.identity_key, (wpm_bytes){message, sizeof message},
                             payload.identity_sig);
  if (rc == WPM_OK) {
    rc = wpm_public_key_peer_id(crypto, payload.identity_key, NULL, &noise->remote_id);
  }
  if (rc != WPM_OK) {
    return rc == WPM_ERR_INVALID ? WPM_ERR_PROTOCOL : rc;
  }
  memcpy(noise->remote_key, payload.identity_key.data, payload.identity_key.len);
  noise->remote_key_len = payload.identity_key.len;
  noise->muxer = agree_on_muxer(&noise->config, &payload);
  wpm_bytes expected = noise->config.expected_peer;
  if (expected.len > 0 && !wpm_bytes_equal(expected, wpm_peer_id_view(&noise->remote_id))) {
    return WPM_ERR_MISMATCH;
  }
  return WPM_OK;
}

/* Reads the message of `len` bytes at `message` and answers it where an answer is due. */
static int take_message(wpm_noise *noise, uint8_t *message, size_t len, wpm_buffer *out) {
  wpm_bytes payload;
  bool first = noise->xx.message == 0;
  int rc = wpm_noise_xx_read(&noise->xx, message, len, &payload);
  if (rc == WPM_OK && !first) {
    rc = take_payload(noise, payload);
  }
  if (rc == WPM_OK && wpm_noise_xx_writes(&noise->xx)) {
    rc = send_payload(noise, out);
  }
  return rc;
}

int wpm_noise_read(wpm_noise *noise, wpm_buffer *in, wpm_buffer *out) {
  while (!wpm_noise_xx_done(&noise->xx)) {
    assert(!wpm_noise_xx_writes(&noise->xx)); /* wpm_noise_start comes first. */
    if (wpm_buffer_size(in) < LENGTH_SIZE) {
      break;
    }
    uint8_t *front = in->memory + in->begin;
    size_t len = (size_t)front[0] << 8 | front[1];
    if (len > WPM_NOISE_HANDSHAKE_MAX) {
      return WPM_ERR_TOO_LARGE;
    }
    if (wpm_buffer_size(in) < LENGTH_SIZE + len) {
      break;
    }
    int rc = take_message(noise, front + LENGTH_SIZE, len, out);
    if (rc != WPM_OK) {
      return rc;
    }
    wpm_buffer_consume(in, LENGTH_SIZE + len);
  }
  return WPM_OK;
}

/* ---- after the handshake --------------------------------------------------------------------- */

bool wpm_noise_done(const wpm_noise *noise) {
  return wpm_noise_xx_done(&noise->xx);
}

void wpm_noise_take_cipher(wpm_noise *noise, wpm_noise_cipher *out) {
  *out = (wpm_noise_cipher){0};
  wpm_noise_xx_split(&noise->xx, out->send_key, out->receive_key);
}

wpm_bytes wpm_noise_remote_key(const wpm_noise *noise) {
  return (wpm_bytes){noise->remote_key, noise->remote_key_len};
}

const wpm_peer_id *wpm_noise_remote_id(const wpm_noise *noise) {
  return &noise->remote_id;
}

int wpm_noise_muxer(const wpm_noise *noise) {
  return noise->muxer;
}

/* ---- transport messages ---------------------------------------------------------------------- */

/* Messages that `plain_len` bytes take. */
static size_t messages_for(size_t plain_len) {
  return plain_len / WPM_NOISE_PLAIN_MAX + (plain_len % WPM_NOISE_PLAIN_MAX != 0);
}

size_t wpm_noise_sealed_size(size_t plain_len) {
  return plain_len + messages_for(plain_len) * (LENGTH_SIZE + WPM_AEAD_TAG);
}

int wpm_noise_seal(wpm_noise_cipher *cipher, wpm_crypto *crypto, wpm_bytes plain, wpm_buffer *out) {
  size_t total = wpm_noise_sealed_size(plain.len);
  /* Noise keeps the last nonce for itself. */
  if (messages_for(plain.len) > UINT64_MAX - cipher->send_nonce) {
    return WPM_ERR_CRYPTO;
  }
  uint8_t *at = NULL;
  int rc = wpm_buffer_reserve(out, total, &at);
  while (rc == WPM_OK && plain.len > 0) {
    size_t part = plain.len < WPM_NOISE_PLAIN_MAX ? plain.len : WPM_NOISE_PLAIN_MAX;
    size_t len = part + WPM_AEAD_TAG;
    at[0] = (uint8_t)(len >> 8);
    at[1] = (uint8_t)len;
    rc = wpm_aead_seal(crypto, cipher->send_key, cipher->send_nonce++, (wpm_bytes){0},
                       (wpm_bytes){plain.data, part}, at + LENGTH_SIZE);
    at += LENGTH_SIZE + len;
    plain = (wpm_bytes){plain.data + part, plain.len - part};
  }
  if (rc == WPM_OK) {
    wpm_buffer_commit(out, total);
  }
  return rc;
}

int wpm_noise_open(wpm_noise_cipher *cipher, wpm_crypto *crypto, uint8_t *in, size_t in_len,
                   wpm_bytes *plain, size_t *used) {
  if (in_len < LENGTH_SIZE) {
    return WPM_ERR_TRUNCATED;
  }
  size_t len = (size_t)in[0] << 8 | in[1];
  if (len < WPM_AEAD_TAG) {
    return WPM_ERR_CRYPTO;
  }
  if (in_len - LENGTH_SIZE < len) {
    return WPM_ERR_TRUNCATED;
  }
  uint8_t *message = in + LENGTH_SIZE;
  if (cipher->receive_nonce == UINT64_MAX) {
    return WPM_ERR_CRYPTO;
  }
  int rc = wpm_aead_open(crypto, cipher->receive_key, cipher->receive_nonce, (wpm_bytes){0},
                         (wpm_bytes){message, len}, message);
  if (rc != WPM_OK) {
    return rc;
  }
  cipher->receive_nonce++;
  *plain = (wpm_bytes){message, len - WPM_AEAD_TAG};
  *used = LENGTH_SIZE + len;
  return WPM_OK;
}
