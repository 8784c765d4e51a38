/* The input as an envelope, and as the payload of one that a fixed key has signed: so that what lies
 * behind the signature is reached. */
#include "base/bytes.h"
#include "base/varint.h"
#include "proto/signed_record.h"

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
    require(wpm_identity_init(crypto, WPM_KEY_ED25519, secret, &identity) == WPM_OK);
  }
}

/* What is taken from a record is well formed and bounded, and can be sealed again. */
static void check_record(const wpm_signed_record *record) {
  wpm_buffer sealed;
  wpm_signed_record again;
  require(record->address_count <= WPM_SIGNED_RECORD_ADDRESSES_MAX);
  for (size_t i = 0; i < record->address_count; i++) {
    require(record->addresses[i].len > 0);
    require(wpm_multiaddr_check(record->addresses[i]) == WPM_OK);
  }
  wpm_buffer_init(&sealed, WPM_SIGNED_RECORD_MAX);
  int rc = wpm_signed_record_seal(crypto, &identity, record->sequence, record->addresses,
                                  record->address_count, &sealed);
  if (rc == WPM_OK) {
    require(wpm_signed_record_open(crypto, wpm_buffer_view(&sealed), &again) == WPM_OK);
    require(again.sequence == record->sequence);
    /* An address that ended in its own peer's id ends in another one's here. */
    require(again.address_count + again.addresses_skipped == record->address_count);
  } else {
    require(rc == WPM_ERR_TOO_LARGE || rc == WPM_ERR_FULL);
  }
  wpm_buffer_fini(&sealed);
}

static void put(wpm_buffer *out, const void *data, size_t len) {
  require(wpm_buffer_append(out, data, len) == WPM_OK);
}

static void put_with_length(wpm_buffer *out, wpm_bytes value) {
  uint8_t prefix[WPM_VARINT_MAX];
  put(out, prefix, wpm_varint_write(value.len, prefix));
  put(out, value.data, value.len);
}

static void put_field(wpm_buffer *out, uint8_t number, wpm_bytes value) {
  uint8_t tag = (uint8_t)(number << 3 | 2);
  put(out, &tag, 1);
  put_with_length(out, value);
}

static void check_payload(wpm_bytes payload) {
  const wpm_bytes type = WPM_BYTES("\x03\x01");
  uint8_t signature[WPM_SIGNATURE_MAX];
  size_t len = 0;
  wpm_buffer message;
  wpm_buffer envelope;
  wpm_signed_record record;
  wpm_buffer_init(&message, payload.len + 100);
  wpm_buffer_init(&envelope, payload.len + 300);
  put_with_length(&message, WPM_BYTES("libp2p-peer-record"));
  put_with_length(&message, type);
  put_with_length(&message, payload);
  require(wpm_identity_sign(crypto, &identity, wpm_buffer_view(&message), signature, &len) ==
          WPM_OK);
  put_field(&envelope, 1, (wpm_bytes){identity.public_key, identity.public_key_len});
  put_field(&envelope, 2, type);
  put_field(&envelope, 3, payload);
  put_field(&envelope, 5, (wpm_bytes){signature, len});
  int rc = wpm_signed_record_open(crypto, wpm_buffer_view(&envelope), &record);
  require(rc == WPM_OK || rc == WPM_ERR_INVALID || rc == WPM_ERR_MISMATCH ||
          rc == WPM_ERR_TOO_LARGE);
  if (rc == WPM_OK) {
    check_record(&record);
  }
  wpm_buffer_fini(&envelope);
  wpm_buffer_fini(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_signed_record record;
  start();
  if (wpm_signed_record_open(crypto, (wpm_bytes){data, size}, &record) == WPM_OK) {
    check_record(&record);
  }
  check_payload((wpm_bytes){data, size});
  return 0;
}
