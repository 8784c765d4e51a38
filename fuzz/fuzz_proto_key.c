/* The input as a public and as a private key. */
#include "base/bytes.h"
#include "proto/crypto.h"
#include "proto/key_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static wpm_crypto *crypto(void) {
  static wpm_crypto *one;
  static const uint8_t seed[32] = {1};
  if (!one) {
    require(wpm_crypto_init(seed, &one) == WPM_OK);
  }
  return one;
}

/* A key that is accepted has one encoding, and both calls accept it. */
static void check_public(wpm_bytes encoded) {
  static const uint8_t signature[64];
  wpm_peer_id id;
  wpm_key_type type;
  int rc = wpm_public_key_peer_id(crypto(), encoded, &type, &id);
  int verified = wpm_public_key_verify(crypto(), encoded, WPM_BYTES("message"),
                                       (wpm_bytes){signature, sizeof signature});
  require(verified == (rc == WPM_OK ? WPM_ERR_CRYPTO : rc));
  if (rc != WPM_OK) {
    return;
  }
  wpm_key_message message;
  uint8_t again[WPM_PUBLIC_KEY_MAX];
  size_t len = 0;
  require(wpm_peer_id_check(wpm_peer_id_view(&id)) == WPM_OK);
  require(wpm_key_message_read(encoded, &message) == WPM_OK && message.type == type);
  require(wpm_key_message_write(&message, again, sizeof again, &len) == WPM_OK);
  require(wpm_bytes_equal((wpm_bytes){again, len}, encoded));
}

/* A private key that is accepted is written back and read again as the same. */
static void check_private(wpm_bytes encoded) {
  wpm_identity identity;
  wpm_identity same;
  wpm_peer_id id;
  uint8_t again[80];
  size_t len = 0;
  if (wpm_identity_decode(crypto(), encoded, &identity) != WPM_OK) {
    return;
  }
  require(wpm_identity_encode(&identity, again, sizeof again, &len) == WPM_OK);
  require(wpm_identity_decode(crypto(), (wpm_bytes){again, len}, &same) == WPM_OK);
  require(memcmp(identity.secret, same.secret, sizeof same.secret) == 0);
  wpm_bytes key = {identity.public_key, identity.public_key_len};
  require(wpm_public_key_peer_id(crypto(), key, NULL, &id) == WPM_OK);
  require(wpm_bytes_equal(wpm_peer_id_view(&id), wpm_peer_id_view(&identity.peer_id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_public((wpm_bytes){data, size});
  check_private((wpm_bytes){data, size});
  return 0;
}
