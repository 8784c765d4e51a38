#include <wakupeers/node.h>

#include "base/bytes.h"
#include "base/error.h"
#include "node/system.h"
#include "proto/crypto.h"

#include <string.h>

#define SECRET_SIZE 32

/* A crypto context for one call on a key. */
static int begin(wpm_crypto **crypto) {
  uint8_t seed[32];
  int err = wpm_system_random(seed, sizeof seed);
  if (err == WPM_OK) {
    err = wpm_crypto_init(seed, crypto);
  }
  wpm_wipe(seed, sizeof seed);
  return err;
}

static wpm_key_type crypto_type(wpm_node_key_type type) {
  return type == WPM_NODE_KEY_ED25519 ? WPM_KEY_ED25519 : WPM_KEY_SECP256K1;
}

static int encode(wpm_crypto *crypto, wpm_key_type type, const uint8_t secret[SECRET_SIZE],
                  wpm_node_key *out) {
  wpm_identity identity;
  int err = wpm_identity_init(crypto, type, secret, &identity);
  if (err != WPM_OK) {
    return err;
  }
  err = wpm_identity_encode(&identity, out->bytes, sizeof out->bytes, &out->len);
  wpm_identity_fini(&identity);
  return err;
}

int wpm_node_key_new(wpm_node_key_type type, wpm_node_key *out) {
  if (type != WPM_NODE_KEY_SECP256K1 && type != WPM_NODE_KEY_ED25519) {
    return WPM_ERR_UNSUPPORTED;
  }
  wpm_crypto *crypto = NULL;
  int err = begin(&crypto);
  if (err != WPM_OK) {
    return err;
  }
  uint8_t secret[SECRET_SIZE];
  do { /* All but one in 2^128 secrets are valid scalars. */
    err = wpm_system_random(secret, sizeof secret);
    if (err == WPM_OK) {
      err = encode(crypto, crypto_type(type), secret, out);
    }
  } while (err == WPM_ERR_INVALID);
  wpm_wipe(secret, sizeof secret);
  wpm_crypto_free(crypto);
  return err;
}

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return -1;
}

static int read_hex(wpm_text text, uint8_t *out) {
  for (size_t i = 0; i + 1 < text.len; i += 2) {
    int high = hex_digit(text.data[i]);
    int low = hex_digit(text.data[i + 1]);
    if (high < 0 || low < 0) {
      return WPM_ERR_INVALID;
    }
    out[i / 2] = (uint8_t)(high << 4 | low);
  }
  return WPM_OK;
}

int wpm_node_key_parse(wpm_text text, wpm_node_key *out, wpm_error *error) {
  static const char *const form =
      "a node key is 64 hex digits (a secp256k1 secret) or libp2p's PrivateKey in hex";
  uint8_t bytes[WPM_NODE_KEY_MAX];
  wpm_crypto *crypto = NULL;
  if (text.len % 2 != 0 || text.len < 2 * SECRET_SIZE || text.len > 2 * sizeof bytes ||
      read_hex(text, bytes) != WPM_OK) {
    return wpm_fail(error, WPM_ERR_INVALID, "%s", form);
  }
  int err = begin(&crypto);
  if (err == WPM_OK && text.len == 2 * SECRET_SIZE) {
    err = encode(crypto, WPM_KEY_SECP256K1, bytes, out);
  } else if (err == WPM_OK) {
    wpm_identity identity;
    err = wpm_identity_decode(crypto, (wpm_bytes){bytes, text.len / 2}, &identity);
    if (err == WPM_OK) {
      out->len = text.len / 2;
      memcpy(out->bytes, bytes, out->len);
      wpm_identity_fini(&identity);
    }
  }
  wpm_crypto_free(crypto);
  wpm_wipe(bytes, sizeof bytes);
  if (err == WPM_ERR_UNSUPPORTED) {
    return wpm_fail(error, err, "a node key is of type secp256k1 or Ed25519");
  }
  return err == WPM_OK ? err : wpm_fail(error, err, "%s", form);
}

/* Reads a key that the caller filled in. */
static int decode(const wpm_node_key *key, wpm_identity *out) {
  wpm_crypto *crypto = NULL;
  if (key->len > sizeof key->bytes) {
    return WPM_ERR_INVALID;
  }
  int err = begin(&crypto);
  if (err == WPM_OK) {
    err = wpm_identity_decode(crypto, (wpm_bytes){key->bytes, key->len}, out);
  }
  wpm_crypto_free(crypto);
  return err;
}

int wpm_node_key_format(const wpm_node_key *key, char *out, size_t cap) {
  static const char digits[] = "0123456789abcdef";
  wpm_identity identity;
  int err = decode(key, &identity);
  if (err != WPM_OK) {
    return err;
  }
  bool bare = identity.type == WPM_KEY_SECP256K1;
  const uint8_t *bytes = bare ? identity.secret : key->bytes;
  size_t len = bare ? SECRET_SIZE : key->len;
  if (cap < 2 * len + 1) {
    err = WPM_ERR_NO_SPACE;
  } else {
    for (size_t i = 0; i < len; i++) {
      out[2 * i] = digits[bytes[i] >> 4];
      out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
  }
  wpm_identity_fini(&identity);
  return err;
}

int wpm_node_key_peer_id(const wpm_node_key *key, wpm_peer_id *id, wpm_node_key_type *type) {
  wpm_identity identity;
  int err = decode(key, &identity);
  if (err != WPM_OK) {
    return err;
  }
  if (id) {
    *id = identity.peer_id;
  }
  if (type) {
    *type = identity.type == WPM_KEY_ED25519 ? WPM_NODE_KEY_ED25519 : WPM_NODE_KEY_SECP256K1;
  }
  wpm_identity_fini(&identity);
  return WPM_OK;
}

void wpm_node_key_wipe(wpm_node_key *key) {
  wpm_wipe(key, sizeof *key);
}
