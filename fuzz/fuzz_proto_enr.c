/* The input as a node record, as its text, and as what a record of a fixed key says: so that what lies
 * behind the signature is reached. */
#include "base/bytes.h"
#include "proto/enr.h"
#include "proto/keccak.h"
#include "proto/rlp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static wpm_crypto *crypto;
static wpm_identity identity;

static void start(void) {
  static const uint8_t seed[32] = {1};
  static const uint8_t secret[32] = {[31] = 1};
  if (!crypto) {
    require(wpm_crypto_init(seed, &crypto) == WPM_OK);
    require(wpm_identity_init(crypto, WPM_KEY_SECP256K1, secret, &identity) == WPM_OK);
  }
}

/* Whatever a record says, what is taken from it is well formed and bounded. */
static void check_record(wpm_bytes record) {
  wpm_enr enr;
  wpm_enr_addresses walk;
  wpm_multiaddr address;
  char text[WPM_ENR_TEXT];
  uint8_t again[WPM_ENR_MAX];
  size_t len = 0;
  size_t count = 0;
  if (wpm_enr_open(crypto, record, &enr) != WPM_OK) {
    return;
  }
  require(enr.shard_count <= WPM_ENR_SHARDS_MAX);
  for (size_t i = 1; i < enr.shard_count; i++) {
    require(enr.shards[i - 1] < enr.shards[i]);
  }
  wpm_enr_addresses_begin(&walk, &enr);
  for (; wpm_enr_addresses_next(&walk, &address); count++) {
    require(address.len > 0 && wpm_multiaddr_check(wpm_multiaddr_view(&address)) == WPM_OK);
  }
  require(count + walk.skipped <= WPM_ENR_MAX);
  require(wpm_enr_format(record, text, sizeof text, &len) == WPM_OK);
  require(wpm_enr_parse((wpm_text){text, len}, again, &len) == WPM_OK);
  require(wpm_bytes_equal((wpm_bytes){again, len}, record));
}

static void check_text(wpm_text text) {
  uint8_t record[WPM_ENR_MAX];
  char again[WPM_ENR_TEXT];
  size_t len = 0;
  if (wpm_enr_parse(text, record, &len) != WPM_OK) {
    return;
  }
  check_record((wpm_bytes){record, len});
  require(wpm_enr_format((wpm_bytes){record, len}, again, sizeof again, &len) == WPM_OK);
  require(wpm_text_equal((wpm_text){again, len}, text));
}

/* The input is everything behind the signature. */
static void check_content(wpm_bytes content) {
  uint8_t whole[400];
  uint8_t digest[32];
  uint8_t prefix[WPM_RLP_PREFIX_MAX];
  uint8_t signature[2 + WPM_SECP256K1_SIGNATURE] = {0xb8, WPM_SECP256K1_SIGNATURE};
  if (content.len > WPM_ENR_MAX) {
    return;
  }
  size_t len = wpm_rlp_list_prefix(content.len, whole);
  memcpy(whole + len, content.data, content.len);
  wpm_keccak256((wpm_bytes){whole, len + content.len}, digest);
  require(wpm_identity_sign_digest(crypto, &identity, digest, signature + 2) == WPM_OK);
  len = wpm_rlp_list_prefix(sizeof signature + content.len, prefix);
  memcpy(whole, prefix, len);
  memcpy(whole + len, signature, sizeof signature);
  memcpy(whole + len + sizeof signature, content.data, content.len);
  check_record((wpm_bytes){whole, len + sizeof signature + content.len});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  start();
  check_record((wpm_bytes){data, size});
  check_text((wpm_text){(const char *)data, size});
  check_content((wpm_bytes){data, size});
  return 0;
}
