/* identify.h, wpm_identify_addresses: where a peer listens, by its list or by its signed record. */
#include "support/test.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "proto/identify.h"
#include "proto/signed_record.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

static wpm_crypto *crypto;

static wpm_identity identity_of(uint8_t last) {
  uint8_t secret[32] = {[31] = last};
  wpm_identity identity;
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_SECP256K1, secret, &identity), WPM_OK);
  return identity;
}

static wpm_multiaddr address_of(const char *text) {
  wpm_multiaddr address;
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &address, NULL), WPM_OK);
  return address;
}

static wpm_multiaddr with_peer(const wpm_multiaddr *address, const wpm_identity *of) {
  wpm_multiaddr out;
  assert_int_equal(
      wpm_multiaddr_with_peer(wpm_multiaddr_view(address), wpm_peer_id_view(&of->peer_id), &out),
      WPM_OK);
  return out;
}

/* go-libp2p with so many protocols that its list of addresses is empty. */
static void test_many_protocols(void **state) {
  (void)state;
  static const char *const parts[] = {
      WPM_TEST_DATA("captures/identify.go-libp2p-many-protocols.hex"),
      WPM_TEST_DATA("captures/identify.go-libp2p-many-protocols.part2.hex")};
  wpm_identify_reader *reader = NULL;
  wpm_identify message;
  wpm_peer_id peer;
  wpm_bytes out[WPM_IDENTIFY_ADDRESSES_MAX];
  assert_int_equal(wpm_identify_reader_new(&reader), WPM_OK);
  for (size_t i = 0; i < 2; i++) {
    wpm_test_bytes part = wpm_test_hex_file(parts[i]);
    uint8_t prefix[WPM_VARINT_MAX];
    size_t len = wpm_varint_write(part.len, prefix);
    assert_int_equal(wpm_identify_reader_input(reader, (wpm_bytes){prefix, len}), WPM_OK);
    assert_int_equal(wpm_identify_reader_input(reader, wpm_test_view(part)), WPM_OK);
    free(part.data);
  }
  assert_int_equal(wpm_identify_reader_finish(reader, &message), WPM_OK);
  assert_int_equal(message.address_count, 0);
  assert_int_equal(wpm_public_key_peer_id(crypto, message.public_key, NULL, &peer), WPM_OK);
  assert_int_equal(wpm_identify_addresses(&message, wpm_peer_id_view(&peer), crypto, out), 1);
  assert_memory_equal(out[0].data, "\x04\x7f\x00\x00\x01\x06", 6);
  /* Where somebody else sent it, it says nothing. */
  wpm_identity other = identity_of(1);
  assert_int_equal(wpm_identify_addresses(&message, wpm_peer_id_view(&other.peer_id), crypto, out),
                   0);
  wpm_identify_reader_free(reader);
}

static void test_list(void **state) {
  (void)state;
  wpm_identity peer = identity_of(1);
  wpm_identity other = identity_of(2);
  wpm_multiaddr first = address_of("/ip4/192.0.2.1/tcp/1");
  wpm_multiaddr second = address_of("/ip4/192.0.2.2/tcp/2");
  wpm_multiaddr second_whole = with_peer(&second, &peer);
  wpm_multiaddr foreign = with_peer(&second, &other);
  wpm_multiaddr nowhere = with_peer(&(wpm_multiaddr){0}, &peer);
  const wpm_bytes addresses[] = {wpm_multiaddr_view(&first), wpm_multiaddr_view(&foreign),
                                 wpm_multiaddr_view(&nowhere), wpm_multiaddr_view(&second_whole)};
  wpm_identify message = {.addresses = addresses, .address_count = 4};
  wpm_bytes out[WPM_IDENTIFY_ADDRESSES_MAX];
  assert_int_equal(wpm_identify_addresses(&message, wpm_peer_id_view(&peer.peer_id), crypto, out),
                   2);
  assert_true(wpm_bytes_equal(out[0], wpm_multiaddr_view(&first)));
  assert_true(wpm_bytes_equal(out[1], wpm_multiaddr_view(&second)));
}

/* The record counts only where there is no list. */
static void test_record(void **state) {
  (void)state;
  wpm_identity peer = identity_of(1);
  wpm_multiaddr listed = address_of("/ip4/192.0.2.1/tcp/1");
  wpm_multiaddr recorded = address_of("/ip4/192.0.2.2/tcp/2");
  const wpm_bytes list = wpm_multiaddr_view(&listed);
  const wpm_bytes in_record = wpm_multiaddr_view(&recorded);
  wpm_bytes out[WPM_IDENTIFY_ADDRESSES_MAX];
  wpm_buffer record;
  wpm_buffer_init(&record, 1000);
  assert_int_equal(wpm_signed_record_seal(crypto, &peer, 1, &in_record, 1, &record), WPM_OK);
  wpm_identify message = {
      .addresses = &list, .address_count = 1, .signed_record = wpm_buffer_view(&record)};
  wpm_bytes id = wpm_peer_id_view(&peer.peer_id);
  assert_int_equal(wpm_identify_addresses(&message, id, crypto, out), 1);
  assert_true(wpm_bytes_equal(out[0], list));
  message.address_count = 0;
  assert_int_equal(wpm_identify_addresses(&message, id, crypto, out), 1);
  assert_true(wpm_bytes_equal(out[0], in_record));
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_identify_addresses(&message, id, crypto, out), 0);
  wpm_alloc_fail_off();
  message.signed_record.len--;
  assert_int_equal(wpm_identify_addresses(&message, id, crypto, out), 0);
  message.signed_record.len = 0;
  assert_int_equal(wpm_identify_addresses(&message, id, crypto, out), 0);
  wpm_buffer_fini(&record);
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
      cmocka_unit_test(test_many_protocols),
      cmocka_unit_test(test_list),
      cmocka_unit_test(test_record),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
