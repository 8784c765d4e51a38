/* The input, by its first byte: bytes from a peer that we dialled or that dialled us, its payload
 * well encrypted, or transport messages. */
#include "base/bytes.h"
#include "proto/noise.h"
#include "proto/noise_payload.h"
#include "proto/noise_xx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static wpm_crypto *crypto;
static wpm_identity identity;
static wpm_noise_static static_key;
static const wpm_text muxers[] = {{"/yamux/1.0.0", 12}, {"/mplex/6.7.0", 12}};

static void set_up(void) {
  static const uint8_t seed[32] = {1};
  if (!crypto) {
    require(wpm_crypto_init(seed, &crypto) == WPM_OK);
    require(wpm_identity_init(crypto, WPM_KEY_ED25519, seed, &identity) == WPM_OK);
    require(wpm_noise_static_init(crypto, &identity, seed, &static_key) == WPM_OK);
  }
}

static wpm_noise *new_noise(bool initiator) {
  static const uint8_t ephemeral[32] = {2};
  wpm_noise *noise = NULL;
  wpm_noise_config config = {.crypto = crypto,
                             .identity = &identity,
                             .static_key = &static_key,
                             .initiator = initiator,
                             .ephemeral = ephemeral,
                             .muxers = muxers,
                             .muxer_count = 2};
  require(wpm_noise_new(&config, &noise) == WPM_OK);
  return noise;
}

/* Nobody can end a handshake without the keys. */
static void raw_bytes(bool initiator, wpm_bytes input) {
  wpm_noise *noise = new_noise(initiator);
  wpm_buffer in;
  wpm_buffer out;
  wpm_buffer_init(&in, 1 << 20);
  wpm_buffer_init(&out, 1 << 20);
  require(wpm_noise_start(noise, &out) == WPM_OK);
  int rc = WPM_OK;
  for (size_t at = 0; rc == WPM_OK && at < input.len; at += 50) {
    size_t len = input.len - at < 50 ? input.len - at : 50;
    require(wpm_buffer_append(&in, input.data + at, len) == WPM_OK);
    rc = wpm_noise_read(noise, &in, &out);
    require(!wpm_noise_done(noise));
  }
  wpm_noise_free(noise);
  wpm_buffer_fini(&in);
  wpm_buffer_fini(&out);
}

static void append_message(wpm_noise_xx *peer, wpm_bytes payload, wpm_buffer *out) {
  size_t len = payload.len + wpm_noise_xx_overhead(peer);
  uint8_t *space = NULL;
  require(wpm_buffer_reserve(out, 2 + len, &space) == WPM_OK);
  space[0] = (uint8_t)(len >> 8);
  space[1] = (uint8_t)len;
  require(wpm_noise_xx_write(peer, payload, space + 2) == WPM_OK);
  wpm_buffer_commit(out, 2 + len);
}

/* A peer that knows the pattern and says anything in its payload; `signature` of the right key and
 * static key, which the input cannot find, is put in front where `helped`. */
static void any_payload(bool initiator, bool helped, wpm_bytes input) {
  static const uint8_t ephemeral[32] = {3};
  static uint8_t payload[4096];
  wpm_noise_payload good = {.identity_key = {identity.public_key, identity.public_key_len},
                            .identity_sig = {static_key.signature, static_key.signature_len}};
  size_t begin = helped ? wpm_noise_payload_size(&good) : 0;
  size_t len = input.len < sizeof payload - begin ? input.len : sizeof payload - begin;
  if (helped) {
    wpm_noise_payload_write(&good, payload);
  }
  if (len > 0) {
    memcpy(payload + begin, input.data, len);
  }
  wpm_noise *noise = new_noise(initiator);
  wpm_noise_xx peer;
  wpm_buffer in;
  wpm_buffer out;
  wpm_bytes received;
  wpm_buffer_init(&in, 1 << 16);
  wpm_buffer_init(&out, 1 << 16);
  wpm_noise_xx_init(&peer, crypto, !initiator, (wpm_bytes){0}, static_key.secret,
                    static_key.public_key, ephemeral);
  require(wpm_noise_start(noise, &out) == WPM_OK);
  if (!initiator) {
    append_message(&peer, (wpm_bytes){0}, &in);
    require(wpm_noise_read(noise, &in, &out) == WPM_OK);
  }
  require(wpm_noise_xx_read(&peer, out.memory + out.begin + 2, wpm_buffer_size(&out) - 2,
                            &received) == WPM_OK);
  append_message(&peer, (wpm_bytes){payload, begin + len}, &in);
  int rc = wpm_noise_read(noise, &in, &out);
  require((rc == WPM_OK) == wpm_noise_done(noise) || rc != WPM_OK);
  require(rc != WPM_OK || (wpm_noise_remote_key(noise).len > 0 && wpm_noise_muxer(noise) < 2));
  wpm_noise_free(noise);
  wpm_buffer_fini(&in);
  wpm_buffer_fini(&out);
}

/* No message opens whose key is not known. */
static void transport(wpm_bytes input) {
  wpm_noise_cipher cipher = {.receive_key = {9}};
  uint8_t *copy = malloc(input.len + 1);
  wpm_bytes plain;
  size_t used = 0;
  require(copy != NULL);
  if (input.len > 0) {
    memcpy(copy, input.data, input.len);
  }
  int rc = wpm_noise_open(&cipher, crypto, copy, input.len, &plain, &used);
  require(rc == WPM_ERR_TRUNCATED || rc == WPM_ERR_CRYPTO);
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  wpm_bytes rest = {data + 1, size - 1};
  set_up();
  switch (data[0] % 7) {
  case 0:
  case 1:
    raw_bytes(data[0] % 7 == 0, rest);
    break;
  case 2:
  case 3:
    any_payload(data[0] % 7 == 2, false, rest);
    break;
  case 4:
  case 5:
    any_payload(data[0] % 7 == 4, true, rest);
    break;
  default:
    transport(rest);
    break;
  }
  return 0;
}
