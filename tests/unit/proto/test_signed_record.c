/* signed_record.h: records that go-libp2p made, those in what real peers sent, our own, and what must
 * be refused or left out. */
#include "support/test.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "proto/identify.h"
#include "proto/signed_record.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

#include <inttypes.h>
#include <stdio.h>

static wpm_crypto *crypto;

#define GO_DOMAIN WPM_TEXT("libp2p-peer-record")
#define GO_TYPE WPM_TEXT("\x03\x01")
#define RFC_DOMAIN WPM_TEXT("libp2p-routing-state")
#define RFC_TYPE WPM_TEXT("/libp2p/routing-state-record")

/* ---- building by hand ------------------------------------------------------------------------ */

typedef struct message {
  uint8_t bytes[100000];
  size_t len;
} message;

/* Too large for the stack. */
static message payload;
static message envelope;

static wpm_bytes view_of(const message *m) {
  return (wpm_bytes){m->bytes, m->len};
}

static void put(message *m, const void *data, size_t len) {
  assert_true(m->len + len <= sizeof m->bytes);
  if (len > 0) {
    memcpy(m->bytes + m->len, data, len);
  }
  m->len += len;
}

static void put_varint(message *m, uint64_t value) {
  uint8_t bytes[WPM_VARINT_MAX];
  put(m, bytes, wpm_varint_write(value, bytes));
}

static void put_field(message *m, unsigned number, wpm_bytes value) {
  put_varint(m, number << 3 | 2);
  put_varint(m, value.len);
  put(m, value.data, value.len);
}

static void put_number(message *m, unsigned number, uint64_t value) {
  put_varint(m, number << 3);
  put_varint(m, value);
}

/* An address inside an AddressInfo. */
static void put_address(message *m, wpm_bytes address) {
  uint8_t info[WPM_MULTIADDR_MAX + 4] = {0x0a};
  size_t prefix = 1 + wpm_varint_write(address.len, info + 1);
  assert_true(prefix + address.len <= sizeof info);
  if (address.len > 0) {
    memcpy(info + prefix, address.data, address.len);
  }
  put_field(m, 3, (wpm_bytes){info, prefix + address.len});
}

static void put_address_text(message *m, const char *text) {
  wpm_multiaddr address;
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &address, NULL), WPM_OK);
  put_address(m, wpm_multiaddr_view(&address));
}

/* Begins a payload with the peer id and a sequence number. */
static void begin_payload(const wpm_identity *identity, uint64_t sequence) {
  payload.len = 0;
  put_field(&payload, 1, wpm_peer_id_view(&identity->peer_id));
  put_number(&payload, 2, sequence);
}

static wpm_bytes bytes_of(wpm_text text) {
  return (wpm_bytes){(const uint8_t *)text.data, text.len};
}

/* Puts `payload` into an envelope that `identity` has signed for `domain`. */
static void seal_payload(const wpm_identity *identity, wpm_text domain, wpm_text type) {
  static message to_sign;
  uint8_t signature[WPM_SIGNATURE_MAX];
  size_t len = 0;
  to_sign.len = 0;
  put_varint(&to_sign, domain.len);
  put(&to_sign, domain.data, domain.len);
  put_varint(&to_sign, type.len);
  put(&to_sign, type.data, type.len);
  put_varint(&to_sign, payload.len);
  put(&to_sign, payload.bytes, payload.len);
  assert_int_equal(wpm_identity_sign(crypto, identity, view_of(&to_sign), signature, &len), WPM_OK);
  envelope.len = 0;
  put_field(&envelope, 1, (wpm_bytes){identity->public_key, identity->public_key_len});
  put_field(&envelope, 2, bytes_of(type));
  put_field(&envelope, 3, view_of(&payload));
  put_field(&envelope, 5, (wpm_bytes){signature, len});
}

static wpm_identity identity_of(wpm_key_type type, uint8_t last) {
  uint8_t secret[32] = {[31] = last};
  wpm_identity identity;
  assert_int_equal(wpm_identity_init(crypto, type, secret, &identity), WPM_OK);
  return identity;
}

/* Opens from memory that ends where the envelope does; addresses are not to be looked at. */
static int open_exact(wpm_bytes bytes, wpm_signed_record *out) {
  uint8_t *memory = malloc(bytes.len > 0 ? bytes.len : 1);
  assert_non_null(memory);
  if (bytes.len > 0) {
    memcpy(memory, bytes.data, bytes.len);
  }
  int rc = wpm_signed_record_open(crypto, (wpm_bytes){memory, bytes.len}, out);
  free(memory);
  return rc;
}

/* Opens what seal_payload made of go-libp2p's kind. */
static int open_sealed(const wpm_identity *identity, wpm_signed_record *out) {
  seal_payload(identity, GO_DOMAIN, GO_TYPE);
  return wpm_signed_record_open(crypto, view_of(&envelope), out);
}

static void assert_address(const wpm_signed_record *record, size_t index, const char *text) {
  char formatted[WPM_MULTIADDR_TEXT];
  assert_true(index < record->address_count);
  assert_int_equal(
      wpm_multiaddr_format(record->addresses[index], formatted, sizeof formatted, NULL, NULL),
      WPM_OK);
  assert_string_equal(formatted, text);
}

/* ---- made by go-libp2p ----------------------------------------------------------------------- */

/* The keys of peer_id_keys.txt by their type: the private (1) or the public (2) one. */
static wpm_test_bytes spec_key(const char *type, size_t which) {
  FILE *file = wpm_test_open(WPM_TEST_DATA("peer_id_keys.txt"));
  char *line = NULL;
  char *fields[3];
  wpm_test_bytes key = {0};
  while (!key.data && wpm_test_fields(file, &line, fields, 3) == 3) {
    if (strcmp(fields[0], type) == 0) {
      key = wpm_test_hex(fields[which]);
    }
  }
  assert_non_null(key.data);
  free(line);
  fclose(file);
  return key;
}

/* A line of signed_records.txt. */
enum { TYPE, KIND, SEQUENCE, ENVELOPE, ADDRESSES, FIELDS = 8 };

static void check_opened(const wpm_signed_record *record, char **fields, size_t count) {
  wpm_test_bytes key = spec_key(fields[TYPE], 2);
  wpm_peer_id peer_id;
  assert_true(wpm_bytes_equal(record->public_key, wpm_test_view(key)));
  assert_int_equal(wpm_public_key_peer_id(crypto, wpm_test_view(key), NULL, &peer_id), WPM_OK);
  assert_true(wpm_bytes_equal(wpm_peer_id_view(&record->peer_id), wpm_peer_id_view(&peer_id)));
  char sequence[24];
  (void)snprintf(sequence, sizeof sequence, "%" PRIu64, record->sequence);
  assert_string_equal(sequence, fields[SEQUENCE]);
  assert_int_equal(record->addresses_skipped, 0);
  assert_int_equal(record->address_count, count - ADDRESSES);
  for (size_t i = ADDRESSES; i < count; i++) {
    assert_address(record, i - ADDRESSES, fields[i]);
  }
  free(key.data);
}

/* Keys that sign deterministically make the same bytes again. */
static bool check_sealed(const wpm_signed_record *record, char **fields, wpm_bytes expected) {
  bool ours = (strcmp(fields[TYPE], "ed25519") == 0 || strcmp(fields[TYPE], "secp256k1") == 0) &&
              strcmp(fields[KIND], "go-libp2p") == 0;
  if (!ours) {
    return false;
  }
  wpm_test_bytes key = spec_key(fields[TYPE], 1);
  wpm_identity identity;
  wpm_buffer out;
  assert_int_equal(wpm_identity_decode(crypto, wpm_test_view(key), &identity), WPM_OK);
  wpm_buffer_init(&out, WPM_SIGNED_RECORD_MAX);
  assert_int_equal(wpm_signed_record_seal(crypto, &identity, record->sequence, record->addresses,
                                          record->address_count, &out),
                   WPM_OK);
  assert_true(wpm_bytes_equal(wpm_buffer_view(&out), expected));
  wpm_buffer_fini(&out);
  free(key.data);
  return true;
}

static void test_go_libp2p(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("signed_records.txt"));
  char *line = NULL;
  char *fields[FIELDS];
  size_t count = 0;
  size_t opened = 0;
  size_t sealed = 0;
  while ((count = wpm_test_fields(file, &line, fields, FIELDS)) > 0) {
    assert_true(count >= ADDRESSES && count < FIELDS);
    wpm_test_bytes bytes = wpm_test_hex(fields[ENVELOPE]);
    wpm_signed_record record;
    assert_int_equal(wpm_signed_record_open(crypto, wpm_test_view(bytes), &record), WPM_OK);
    check_opened(&record, fields, count);
    sealed += check_sealed(&record, fields, wpm_test_view(bytes));
    opened++;
    free(bytes.data);
  }
  assert_int_equal(opened, 14);
  assert_int_equal(sealed, 6);
  free(line);
  fclose(file);
}

/* No bit of an envelope may be changed, and none of its bytes be missing. */
static void test_damage(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("signed_records.txt"));
  char *line = NULL;
  char *fields[FIELDS];
  wpm_signed_record record;
  while (wpm_test_fields(file, &line, fields, FIELDS) > 0) {
    wpm_test_bytes bytes = wpm_test_hex(fields[ENVELOPE]);
    size_t step = bytes.len > 400 ? 7 : 1;
    for (size_t at = 0; at < bytes.len; at += step) {
      uint8_t bit = (uint8_t)(1U << at % 8);
      assert_int_not_equal(open_exact((wpm_bytes){bytes.data, at}, &record), WPM_OK);
      bytes.data[at] ^= bit;
      assert_int_not_equal(open_exact(wpm_test_view(bytes), &record), WPM_OK);
      bytes.data[at] ^= bit;
    }
    assert_int_equal(open_exact(wpm_test_view(bytes), &record), WPM_OK);
    free(bytes.data);
  }
  free(line);
  fclose(file);
}

/* ---- sent by real peers ---------------------------------------------------------------------- */

/* Opens the record in an identify message; returns the number of its addresses. */
static size_t open_capture(const char *file) {
  wpm_test_bytes part = wpm_test_hex_file(file);
  wpm_identify_reader *reader = NULL;
  wpm_identify identify;
  wpm_signed_record record;
  uint8_t prefix[WPM_VARINT_MAX];
  size_t len = wpm_varint_write(part.len, prefix);
  assert_int_equal(wpm_identify_reader_new(&reader), WPM_OK);
  assert_int_equal(wpm_identify_reader_input(reader, (wpm_bytes){prefix, len}), WPM_OK);
  assert_int_equal(wpm_identify_reader_input(reader, wpm_test_view(part)), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &identify), WPM_OK);
  assert_int_equal(wpm_signed_record_open(crypto, identify.signed_record, &record), WPM_OK);
  assert_true(identify.public_key.len == 0 ||
              wpm_bytes_equal(identify.public_key, record.public_key));
  assert_true(record.sequence > 0);
  assert_int_equal(record.addresses_skipped, 0);
  size_t count = record.address_count;
  for (size_t i = 0; i < identify.address_count; i++) {
    wpm_bytes transport;
    wpm_bytes peer;
    assert_int_equal(wpm_multiaddr_split_peer(identify.addresses[i], &transport, &peer), WPM_OK);
    assert_true(wpm_bytes_equal(transport, record.addresses[i]));
  }
  wpm_identify_reader_free(reader);
  free(part.data);
  return count;
}

static void test_captures(void **state) {
  (void)state;
  static const char *const files[] = {
      WPM_TEST_DATA("captures/identify.go-libp2p-ed25519.hex"),
      WPM_TEST_DATA("captures/identify.go-libp2p-rsa.hex"),
      WPM_TEST_DATA("captures/identify.go-libp2p-secp256k1.hex"),
      WPM_TEST_DATA("captures/identify.go-libp2p-many-protocols.part2.hex"),
      WPM_TEST_DATA("captures/identify.go-waku.hex"),
      WPM_TEST_DATA("captures/identify.js-libp2p.hex"),
      WPM_TEST_DATA("captures/identify.js-waku.hex"),
  };
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    assert_int_equal(open_capture(files[i]), 1);
  }
}

/* ---- who signed what ------------------------------------------------------------------------- */

static void test_kinds(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 1);
  wpm_signed_record record;
  begin_payload(&identity, 5);
  seal_payload(&identity, RFC_DOMAIN, RFC_TYPE);
  assert_int_equal(open_exact(view_of(&envelope), &record), WPM_OK);
  assert_int_equal(record.sequence, 5);
  /* The type decides the domain. */
  seal_payload(&identity, GO_DOMAIN, RFC_TYPE);
  assert_int_equal(open_exact(view_of(&envelope), &record), WPM_ERR_CRYPTO);
  seal_payload(&identity, RFC_DOMAIN, GO_TYPE);
  assert_int_equal(open_exact(view_of(&envelope), &record), WPM_ERR_CRYPTO);
  seal_payload(&identity, GO_DOMAIN, WPM_TEXT("\x03\x02"));
  assert_int_equal(open_exact(view_of(&envelope), &record), WPM_ERR_UNSUPPORTED);
  seal_payload(&identity, GO_DOMAIN, WPM_TEXT(""));
  assert_int_equal(open_exact(view_of(&envelope), &record), WPM_ERR_UNSUPPORTED);
}

static void test_other_peer(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_ED25519, 1);
  wpm_identity other = identity_of(WPM_KEY_ED25519, 2);
  wpm_signed_record record;
  begin_payload(&other, 5);
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_MISMATCH);
  assert_int_equal(open_sealed(&other, &record), WPM_OK);
  payload.len = 0;
  put_number(&payload, 2, 5);
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_INVALID);
}

static void test_keys(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 1);
  wpm_signed_record record;
  begin_payload(&identity, 5);
  identity.public_key[1] = 9; /* A key type that is none. */
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_UNSUPPORTED);
  identity.public_key[1] = 2;
  identity.public_key[4] = 5; /* A point that is none. */
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_INVALID);
  envelope.len = 0;
  put_field(&envelope, 2, bytes_of(GO_TYPE));
  put_field(&envelope, 3, view_of(&payload));
  assert_int_equal(open_exact(view_of(&envelope), &record), WPM_ERR_INVALID);
  assert_int_equal(open_exact((wpm_bytes){0}, &record), WPM_ERR_INVALID);
}

static void test_too_large(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_ED25519, 1);
  wpm_signed_record record;
  static const uint8_t filling[60000];
  begin_payload(&identity, 5);
  put_field(&payload, 15, (wpm_bytes){filling, sizeof filling});
  assert_int_equal(open_sealed(&identity, &record), WPM_OK);
  put_field(&payload, 15, (wpm_bytes){filling, 8000});
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_TOO_LARGE);
}

/* ---- what a record says ---------------------------------------------------------------------- */

static void test_addresses(void **state) {
  (void)state;
  static const char other[] =
      "/ip4/192.0.2.3/tcp/1/p2p/16Uiu2HAmDQugwDHM3YeUp86iGjrUvbdw3JPRgikC7YoGBsT2ymMg";
  static const char relayed[] = "/ip4/192.0.2.4/tcp/1/p2p/"
                                "16Uiu2HAmDQugwDHM3YeUp86iGjrUvbdw3JPRgikC7YoGBsT2ymMg/p2p-circuit";
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 1);
  wpm_signed_record record;
  wpm_multiaddr own;
  wpm_multiaddr bare;
  begin_payload(&identity, 7);
  assert_int_equal(wpm_multiaddr_parse(WPM_TEXT("/ip4/192.0.2.1/tcp/1"), &bare, NULL), WPM_OK);
  assert_int_equal(
      wpm_multiaddr_with_peer(wpm_multiaddr_view(&bare), wpm_peer_id_view(&identity.peer_id), &own),
      WPM_OK);
  put_address(&payload, wpm_multiaddr_view(&own));
  put_address(&payload, wpm_multiaddr_view(&bare)); /* The same without the id. */
  put_address_text(&payload, other);
  put_address_text(&payload, relayed);
  put_address_text(&payload,
                   "/p2p/16Uiu2HAmDQugwDHM3YeUp86iGjrUvbdw3JPRgikC7YoGBsT2ymMg"); /* No address. */
  put_address(&payload, WPM_BYTES("\x04\x7f"));                                   /* Cut. */
  put_address(&payload, WPM_BYTES("\xff\xff\x7f")); /* Of an unknown protocol. */
  put_address(&payload, (wpm_bytes){0});
  put_field(&payload, 3, (wpm_bytes){0}); /* An AddressInfo without an address. */
  put_address_text(&payload, "/dns4/node.example/tcp/443/wss");
  assert_int_equal(open_sealed(&identity, &record), WPM_OK);
  assert_int_equal(record.address_count, 3);
  assert_address(&record, 0, "/ip4/192.0.2.1/tcp/1");
  assert_address(&record, 1, relayed);
  assert_address(&record, 2, "/dns4/node.example/tcp/443/wss");
  assert_int_equal(record.addresses_skipped, 6);
}

/* More addresses than are kept, and more entries than are read. */
static void test_caps(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_ED25519, 1);
  wpm_signed_record record;
  uint8_t address[8] = {4, 127, 0, 0, 1, 6};
  begin_payload(&identity, 7);
  for (unsigned i = 0; i < 2000; i++) {
    address[6] = (uint8_t)(i >> 8);
    address[7] = (uint8_t)i;
    put_address(&payload, (wpm_bytes){address, sizeof address});
  }
  assert_int_equal(open_sealed(&identity, &record), WPM_OK);
  assert_int_equal(record.address_count, WPM_SIGNED_RECORD_ADDRESSES_MAX);
  assert_int_equal(record.addresses_skipped, 2000 - WPM_SIGNED_RECORD_ADDRESSES_MAX);
  assert_address(&record, 127, "/ip4/127.0.0.1/tcp/127");

  begin_payload(&identity, 7);
  for (unsigned i = 0; i < 1024; i++) {
    put_address(&payload, (wpm_bytes){address, sizeof address});
  }
  put_address_text(&payload, "/ip4/127.0.0.1/tcp/1");
  assert_int_equal(open_sealed(&identity, &record), WPM_OK);
  assert_int_equal(record.address_count, 1);
  assert_int_equal(record.addresses_skipped, 1);
}

static void test_payload_forms(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_ED25519, 1);
  wpm_signed_record record;
  payload.len = 0; /* No sequence number, no addresses; fields of the future; a wrong wire type. */
  put_field(&payload, 1, wpm_peer_id_view(&identity.peer_id));
  put_number(&payload, 9, 5);
  put_field(&payload, 10, bytes_of(WPM_TEXT("later")));
  put_number(&payload, 3, 5);
  assert_int_equal(open_sealed(&identity, &record), WPM_OK);
  assert_int_equal(record.sequence, 0);
  assert_int_equal(record.address_count, 0);
  /* Malformed, inside and outside of an AddressInfo. */
  begin_payload(&identity, 1);
  put_field(&payload, 3, bytes_of(WPM_TEXT("\x0a\x09\x04")));
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_INVALID);
  begin_payload(&identity, 1);
  put(&payload, "\x1a\x09", 2);
  assert_int_equal(open_sealed(&identity, &record), WPM_ERR_INVALID);
}

/* ---- our own --------------------------------------------------------------------------------- */

static const uint8_t loopback[8] = {4, 127, 0, 0, 1, 6, 0, 80};
static const wpm_bytes own_address = {loopback, sizeof loopback};

static void test_seal(void **state) {
  (void)state;
  static const wpm_key_type types[] = {WPM_KEY_SECP256K1, WPM_KEY_ED25519};
  for (size_t i = 0; i < 2; i++) {
    wpm_identity identity = identity_of(types[i], 3);
    wpm_signed_record record;
    wpm_buffer out;
    wpm_buffer_init(&out, WPM_SIGNED_RECORD_MAX);
    assert_int_equal(wpm_buffer_append(&out, "before", 6), WPM_OK);
    assert_int_equal(wpm_signed_record_seal(crypto, &identity, UINT64_MAX, &own_address, 1, &out),
                     WPM_OK);
    assert_memory_equal(wpm_buffer_view(&out).data, "before", 6);
    wpm_buffer_consume(&out, 6);
    assert_int_equal(wpm_signed_record_open(crypto, wpm_buffer_view(&out), &record), WPM_OK);
    assert_true(record.sequence == UINT64_MAX && record.address_count == 1);
    assert_true(wpm_bytes_equal(record.addresses[0], own_address));
    assert_true(
        wpm_bytes_equal(wpm_peer_id_view(&record.peer_id), wpm_peer_id_view(&identity.peer_id)));
    wpm_buffer_fini(&out);
  }
}

static void test_seal_limits(void **state) {
  (void)state;
  static wpm_bytes many[10000];
  wpm_identity identity = identity_of(WPM_KEY_ED25519, 3);
  wpm_buffer out;
  for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
    many[i] = own_address;
  }
  wpm_buffer_init(&out, 2 * WPM_SIGNED_RECORD_MAX);
  assert_int_equal(wpm_signed_record_seal(crypto, &identity, 1, many, 10000, &out),
                   WPM_ERR_TOO_LARGE);
  /* A payload that fits, in an envelope that does not: each address takes 12 bytes. */
  assert_int_equal(wpm_signed_record_seal(crypto, &identity, 1, many, 5456, &out),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_buffer_size(&out), 0);
  wpm_buffer_fini(&out);
  wpm_buffer_init(&out, 100);
  assert_int_equal(wpm_signed_record_seal(crypto, &identity, 1, many, 1, &out), WPM_ERR_FULL);
  assert_int_equal(wpm_buffer_size(&out), 0);
  wpm_buffer_fini(&out);
}

static void test_no_memory(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 3);
  wpm_signed_record record;
  wpm_buffer out;
  wpm_buffer_init(&out, WPM_SIGNED_RECORD_MAX);
  int rc = WPM_ERR_NO_MEMORY;
  size_t n = 0;
  while (rc == WPM_ERR_NO_MEMORY) {
    assert_int_equal(wpm_buffer_size(&out), 0);
    wpm_alloc_fail_at(++n);
    rc = wpm_signed_record_seal(crypto, &identity, 1, &own_address, 1, &out);
    wpm_alloc_fail_off();
  }
  assert_int_equal(rc, WPM_OK);
  assert_true(n > 3);
  n = 0;
  do {
    wpm_alloc_fail_at(++n);
    rc = wpm_signed_record_open(crypto, wpm_buffer_view(&out), &record);
    wpm_alloc_fail_off();
  } while (rc == WPM_ERR_NO_MEMORY);
  assert_int_equal(rc, WPM_OK);
  assert_true(n > 1);
  wpm_buffer_fini(&out);
}

static int start(void **state) {
  (void)state;
  static const uint8_t seed[32] = {1};
  return wpm_crypto_init(seed, &crypto);
}

static int stop(void **state) {
  (void)state;
  wpm_crypto_free(crypto);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_go_libp2p),  cmocka_unit_test(test_damage),
      cmocka_unit_test(test_captures),   cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_other_peer), cmocka_unit_test(test_keys),
      cmocka_unit_test(test_too_large),  cmocka_unit_test(test_addresses),
      cmocka_unit_test(test_caps),       cmocka_unit_test(test_payload_forms),
      cmocka_unit_test(test_seal),       cmocka_unit_test(test_seal_limits),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
