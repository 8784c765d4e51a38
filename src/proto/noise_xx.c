#include "proto/noise_xx.h"

#include "base/bytes.h"

#include <assert.h>

/* ---- the symmetric state --------------------------------------------------------------------- */

static void mix_hash(wpm_noise_xx *xx, wpm_bytes data) {
  wpm_sha256_pair(xx->crypto, (wpm_bytes){xx->hash, sizeof xx->hash}, data, xx->hash);
}

static void mix_key(wpm_noise_xx *xx, const uint8_t input[32]) {
  uint8_t chaining_key[32];
  wpm_noise_hkdf(xx->crypto, xx->chaining_key, (wpm_bytes){input, 32}, chaining_key, xx->key);
  memcpy(xx->chaining_key, chaining_key, sizeof chaining_key);
  wpm_wipe(chaining_key, sizeof chaining_key);
  xx->nonce = 0;
  xx->has_key = true;
}

/* Writes `plain`, encrypted once there is a key; returns where the next bytes go. NULL: failed. */
static uint8_t *encrypt_and_hash(wpm_noise_xx *xx, wpm_bytes plain, uint8_t *out) {
  size_t len = plain.len;
  if (xx->has_key) {
    wpm_bytes ad = {xx->hash, sizeof xx->hash};
    if (wpm_aead_seal(xx->crypto, xx->key, xx->nonce++, ad, plain, out) != WPM_OK) {
      return NULL;
    }
    len += WPM_AEAD_TAG;
  } else if (len > 0) {
    memcpy(out, plain.data, len);
  }
  mix_hash(xx, (wpm_bytes){out, len});
  return out + len;
}

/* Decrypts `len` bytes at `in` in place, where there is a key. */
static int decrypt_and_hash(wpm_noise_xx *xx, uint8_t *in, size_t len) {
  wpm_bytes received = {in, len};
  if (!xx->has_key) {
    mix_hash(xx, received);
    return WPM_OK;
  }
  uint8_t ad[32]; /* The hash goes over what was received, so it is taken before it is decrypted. */
  memcpy(ad, xx->hash, sizeof ad);
  mix_hash(xx, received);
  return wpm_aead_open(xx->crypto, xx->key, xx->nonce++, (wpm_bytes){ad, sizeof ad}, received, in);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static int mix_dh(wpm_noise_xx *xx, const uint8_t secret[32], const uint8_t remote[32]) {
  uint8_t shared[32];
  int rc = wpm_x25519(secret, remote, shared);
  if (rc == WPM_OK) {
    mix_key(xx, shared);
  }
  wpm_wipe(shared, sizeof shared);
  return rc;
}

static int token_ee(wpm_noise_xx *xx) {
  return mix_dh(xx, xx->ephemeral_secret, xx->remote_ephemeral);
}

/* The initiator's ephemeral with the responder's static key. */
static int token_es(wpm_noise_xx *xx) {
  return xx->initiator ? mix_dh(xx, xx->ephemeral_secret, xx->remote_static)
                       : mix_dh(xx, xx->static_secret, xx->remote_ephemeral);
}

/* The initiator's static with the responder's ephemeral key. */
static int token_se(wpm_noise_xx *xx) {
  return xx->initiator ? mix_dh(xx, xx->static_secret, xx->remote_ephemeral)
                       : mix_dh(xx, xx->ephemeral_secret, xx->remote_static);
}

static uint8_t *write_e(wpm_noise_xx *xx, uint8_t *out) {
  wpm_x25519_public(xx->ephemeral_secret, out);
  mix_hash(xx, (wpm_bytes){out, 32});
  return out + 32;
}

static void read_e(wpm_noise_xx *xx, const uint8_t *in) {
  memcpy(xx->remote_ephemeral, in, 32);
  mix_hash(xx, (wpm_bytes){in, 32});
}

static uint8_t *write_s(wpm_noise_xx *xx, uint8_t *out) {
  return encrypt_and_hash(xx, (wpm_bytes){xx->static_public, 32}, out);
}

static int read_s(wpm_noise_xx *xx, uint8_t *in) {
  int rc = decrypt_and_hash(xx, in, 32 + WPM_AEAD_TAG);
  if (rc == WPM_OK) {
    memcpy(xx->remote_static, in, 32);
  }
  return rc;
}

/* ---- messages -------------------------------------------------------------------------------- */

void wpm_noise_xx_init(wpm_noise_xx *xx, wpm_crypto *crypto, bool initiator, wpm_bytes prologue,
                       const uint8_t static_secret[32], const uint8_t static_public[32],
                       const uint8_t ephemeral_secret[32]) {
  /* Exactly 32 bytes, so it is the first hash as it stands. */
  static const char name[] = "Noise_XX_25519_ChaChaPoly_SHA256";
  static_assert(sizeof name == 33, "the name is not hashed");
  *xx = (wpm_noise_xx){.crypto = crypto, .initiator = initiator};
  memcpy(xx->hash, name, 32);
  memcpy(xx->chaining_key, name, 32);
  memcpy(xx->static_secret, static_secret, 32);
  memcpy(xx->static_public, static_public, 32);
  memcpy(xx->ephemeral_secret, ephemeral_secret, 32);
  mix_hash(xx, prologue);
}

void wpm_noise_xx_fini(wpm_noise_xx *xx) {
  wpm_wipe(xx, sizeof *xx);
}

size_t wpm_noise_xx_overhead(const wpm_noise_xx *xx) {
  static const size_t overhead[] = {
      32,                                      /* e */
      32 + (32 + WPM_AEAD_TAG) + WPM_AEAD_TAG, /* e, s, the payload's tag */
      (32 + WPM_AEAD_TAG) + WPM_AEAD_TAG,      /* s, the payload's tag */
      0,
  };
  return overhead[xx->message];
}

int wpm_noise_xx_write(wpm_noise_xx *xx, wpm_bytes payload, uint8_t *out) {
  assert(wpm_noise_xx_writes(xx));
  int rc = WPM_OK;
  if (xx->message < 2) {
    out = write_e(xx, out);
  }
  if (xx->message == 1) {
    rc = token_ee(xx);
  }
  if (rc == WPM_OK && xx->message > 0) {
    out = write_s(xx, out);
    if (!out) {
      return WPM_ERR_CRYPTO;
    }
    rc = xx->message == 1 ? token_es(xx) : token_se(xx);
  }
  if (rc == WPM_OK && !encrypt_and_hash(xx, payload, out)) {
    rc = WPM_ERR_CRYPTO;
  }
  xx->message++;
  return rc;
}

int wpm_noise_xx_read(wpm_noise_xx *xx, uint8_t *message, size_t len, wpm_bytes *payload) {
  assert(!wpm_noise_xx_done(xx) && !wpm_noise_xx_writes(xx));
  if (len < wpm_noise_xx_overhead(xx)) {
    return WPM_ERR_PROTOCOL;
  }
  uint8_t *at = message;
  int rc = WPM_OK;
  if (xx->message < 2) {
    read_e(xx, at);
    at += 32;
  }
  if (xx->message == 1) {
    rc = token_ee(xx);
  }
  if (rc == WPM_OK && xx->message > 0) {
    rc = read_s(xx, at);
    at += 32 + WPM_AEAD_TAG;
    if (rc == WPM_OK) {
      rc = xx->message == 1 ? token_es(xx) : token_se(xx);
    }
  }
  size_t rest = len - (size_t)(at - message);
  if (rc == WPM_OK) {
    rc = decrypt_and_hash(xx, at, rest);
  }
  if (rc != WPM_OK) {
    return rc;
  }
  *payload = (wpm_bytes){at, xx->has_key ? rest - WPM_AEAD_TAG : rest};
  xx->message++;
  return WPM_OK;
}

void wpm_noise_xx_split(wpm_noise_xx *xx, uint8_t send_key[32], uint8_t receive_key[32]) {
  assert(wpm_noise_xx_done(xx));
  uint8_t *initiator_sends = xx->initiator ? send_key : receive_key;
  uint8_t *responder_sends = xx->initiator ? receive_key : send_key;
  wpm_noise_hkdf(xx->crypto, xx->chaining_key, (wpm_bytes){0}, initiator_sends, responder_sends);
}
