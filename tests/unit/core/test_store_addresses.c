/* Addresses in the store: sources, confidence, caps, signed records, an address that turns out to be
 * another peer's. How long they last: test_store_expiry.c. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

#include <string.h>

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_addresses = 4;
  *state = wpm_kit_new(&config);
  wpm_kit_add(*state, 1);
  return 0;
}

/* Fails unless the peer has these addresses, in this order. */
static void expect(const wpm_store *store, unsigned number, const unsigned *addresses,
                   size_t count) {
  wpm_peer_record r = wpm_kit_get(store, number);
  assert_int_equal(r.address_count, count);
  size_t counted = SIZE_MAX;
  assert_int_equal(wpm_store_count_addresses(store, wpm_kit_id(number), &counted), WPM_OK);
  assert_int_equal(counted, count);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(wpm_kit_address_number(r.addresses[i].multiaddr), addresses[i]);
  }
}

#define EXPECT(store, number, ...)                                                                 \
  expect((store), (number), (const unsigned[]){__VA_ARGS__},                                       \
         sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

static wpm_address at(const wpm_store *store, unsigned number, unsigned address) {
  wpm_peer_record r = wpm_kit_get(store, number);
  const wpm_address *found = wpm_kit_find(&r, address);
  assert_non_null(found);
  return *found;
}

static void offer(wpm_store *store, unsigned address, wpm_address_source source) {
  wpm_kit_offer(store, 1, address, source, WPM_TTL_QUALITY, WPM_KIT_NOW);
}

static int certify(wpm_store *store, uint64_t sequence, const unsigned *addresses, size_t count,
                   bool same_too) {
  static const uint8_t envelope[] = {1, 2, 3};
  wpm_bytes views[16];
  for (size_t i = 0; i < count; i++) {
    views[i] = wpm_kit_address(addresses[i]);
  }
  wpm_certified record = {.envelope = {envelope, sizeof(envelope)},
                          .sequence = sequence,
                          .addresses = views,
                          .address_count = count,
                          .ttl_ns = WPM_TTL_ADDRESS,
                          .same_sequence_too = same_too};
  return wpm_store_certified(store, wpm_kit_id(1), &record, WPM_KIT_NOW);
}

static void identify(wpm_store *store, const unsigned *addresses, size_t count, wpm_wall now) {
  wpm_bytes views[16];
  for (size_t i = 0; i < count; i++) {
    views[i] = wpm_kit_address(addresses[i]);
  }
  wpm_identified fact = {.addresses = addresses ? views : NULL, .address_count = count, .now = now};
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
}

static void they_keep_their_order_and_the_more_trusted_source(void **state) {
  wpm_store *store = *state;
  offer(store, 1, WPM_SOURCE_DISCV5);
  offer(store, 2, WPM_SOURCE_CONFIG);
  offer(store, 1, WPM_SOURCE_PERSON);
  offer(store, 2, WPM_SOURCE_IMPORT);
  EXPECT(store, 1, 1, 2);
  assert_int_equal(at(store, 1, 1).source, WPM_SOURCE_PERSON);
  assert_int_equal(at(store, 1, 2).source, WPM_SOURCE_CONFIG);
  wpm_bytes address = wpm_kit_address(1);
  wpm_offer offered = {.now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(2), &address, 1, &offered, NULL),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_addresses(store, wpm_kit_id(2), &address, 1, &offered, NULL),
                   WPM_ERR_NOT_FOUND);
}

static void what_is_no_multiaddr_is_left_out(void **state) {
  wpm_store *store = *state;
  static const uint8_t cut[] = {4, 10, 0};
  static const uint8_t unknown[] = {0x99, 0x99, 0x03};
  wpm_bytes told[] = {{cut, 3}, wpm_kit_address(1), {unknown, 3}, {NULL, 0}, wpm_kit_address(1)};
  wpm_offer offered = {.source = WPM_SOURCE_DNS, .now = WPM_KIT_NOW};
  size_t left_out = 99;
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(1), told, 5, &offered, &left_out),
                   WPM_OK);
  assert_int_equal(left_out, 0); /* By the cap, that is. */
  EXPECT(store, 1, 1);
  wpm_identified fact = {.addresses = told, .address_count = 5, .now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
  EXPECT(store, 1, 1);
}

static void times_of_giving_are_whole_seconds_those_of_dials_exact(void **state) {
  wpm_store *store = *state;
  wpm_wall first = {WPM_KIT_NOW.ns + 999999999};
  wpm_wall second = {WPM_KIT_NOW.ns + 5 * WPM_SECOND + 1};
  wpm_kit_offer(store, 1, 1, WPM_SOURCE_DNS, WPM_TTL_QUALITY, first);
  assert_int_equal(at(store, 1, 1).first_seen.ns, WPM_KIT_NOW.ns);
  assert_int_equal(at(store, 1, 1).last_seen.ns, WPM_KIT_NOW.ns);
  wpm_kit_offer(store, 1, 1, WPM_SOURCE_IMPORT, WPM_TTL_QUALITY, second);
  assert_int_equal(at(store, 1, 1).first_seen.ns, WPM_KIT_NOW.ns);
  assert_int_equal(at(store, 1, 1).last_seen.ns, wpm_kit_at(5).ns);
  assert_false(wpm_wall_known(at(store, 1, 1).last_success));
  assert_false(wpm_wall_known(at(store, 1, 1).last_failure));
  assert_int_equal(wpm_store_address_failed(store, wpm_kit_id(1), wpm_kit_address(1), first),
                   WPM_OK);
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, second);
  assert_int_equal(at(store, 1, 1).last_failure.ns, first.ns);
  assert_int_equal(at(store, 1, 1).last_success.ns, second.ns);
  assert_int_equal(wpm_store_address_failed(store, wpm_kit_id(1), wpm_kit_address(7), first),
                   WPM_ERR_NOT_FOUND);
  /* 0 is a time, and none is none. */
  wpm_kit_offer(store, 1, 2, WPM_SOURCE_DNS, WPM_TTL_QUALITY, (wpm_wall){0});
  assert_int_equal(at(store, 1, 2).first_seen.ns, 0);
  wpm_kit_offer(store, 1, 3, WPM_SOURCE_DNS, WPM_TTL_QUALITY, WPM_WALL_NONE);
  assert_false(wpm_wall_known(at(store, 1, 3).first_seen));
  assert_false(wpm_wall_known(at(store, 1, 3).last_seen));
}

static void over_the_cap_the_least_trusted_and_least_proven_gives_way(void **state) {
  wpm_store *store = *state;
  wpm_bytes five = wpm_kit_address(5);
  size_t left_out = 0;
  for (unsigned i = 1; i <= 4; i++) {
    offer(store, i, i == 4 ? WPM_SOURCE_PERSON : WPM_SOURCE_DISCV5);
  }
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, WPM_KIT_NOW); /* 1 has worked. */
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
  wpm_offer as_trusted = {.source = WPM_SOURCE_DISCV5, .now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(1), &five, 1, &as_trusted, &left_out),
                   WPM_OK);
  assert_int_equal(left_out, 1);
  EXPECT(store, 1, 1, 2, 3, 4);
  wpm_offer more_trusted = {.source = WPM_SOURCE_CONFIG, .now = WPM_KIT_NOW};
  assert_int_equal(
      wpm_store_add_addresses(store, wpm_kit_id(1), &five, 1, &more_trusted, &left_out), WPM_OK);
  assert_int_equal(left_out, 0);
  EXPECT(store, 1, 1, 3, 4, 5);
}

static void a_flood_of_offers_pushes_out_none_as_trusted(void **state) {
  wpm_store *store = *state;
  wpm_bytes told[40];
  for (unsigned i = 0; i < 40; i++) {
    told[i] = wpm_kit_address(i);
  }
  wpm_offer offered = {.source = WPM_SOURCE_PEER_EXCHANGE, .now = WPM_KIT_NOW};
  size_t left_out = 0;
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(1), told, 40, &offered, &left_out),
                   WPM_OK);
  assert_int_equal(left_out, 36);
  EXPECT(store, 1, 0, 1, 2, 3);
}

static void identify_replaces_what_identify_told(void **state) {
  wpm_store *store = *state;
  offer(store, 9, WPM_SOURCE_CONFIG);
  identify(store, (const unsigned[]){1, 2, 1, 9}, 4, WPM_KIT_NOW);
  EXPECT(store, 1, 9, 1, 2);
  assert_int_equal(at(store, 1, 9).source, WPM_SOURCE_CONFIG);
  assert_true(at(store, 1, 9).identified && at(store, 1, 1).identified);
  assert_int_equal(at(store, 1, 2).source, WPM_SOURCE_IDENTIFY);
  assert_int_equal(wpm_store_address_failed(store, wpm_kit_id(1), wpm_kit_address(1), WPM_KIT_NOW),
                   WPM_OK);
  identify(store, (const unsigned[]){3, 1}, 2, wpm_kit_at(60));
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.address_count, 3);
  assert_non_null(wpm_kit_find(&r, 3));
  assert_null(wpm_kit_find(&r, 2));
  assert_int_equal(at(store, 1, 1).last_failure.ns, WPM_KIT_NOW.ns); /* Named again. */
  assert_int_equal(at(store, 1, 1).first_seen.ns, WPM_KIT_NOW.ns);
  assert_int_equal(at(store, 1, 1).last_seen.ns, wpm_kit_at(60).ns);
  assert_int_equal(at(store, 1, 3).first_seen.ns, wpm_kit_at(60).ns);
  assert_false(at(store, 1, 9).identified); /* But it stays. */
  identify(store, NULL, 0, WPM_KIT_NOW);    /* Not sent. */
  assert_int_equal(wpm_kit_get(store, 1).address_count, 3);
  static const unsigned none = 0;
  identify(store, &none, 0, WPM_KIT_NOW);
  EXPECT(store, 1, 9);
}

static void confidence_rises_with_what_is_known(void **state) {
  wpm_store *store = *state;
  offer(store, 1, WPM_SOURCE_CONFIG);
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_HEARD);
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, WPM_KIT_NOW);
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_CONNECTED);
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_DIALLED);
  identify(store, (const unsigned[]){1, 2}, 2, WPM_KIT_NOW);
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_IDENTIFIED);
  assert_int_equal(at(store, 1, 2).confidence, WPM_CONFIDENCE_IDENTIFIED);
  assert_int_equal(certify(store, 1, (const unsigned[]){1}, 1, false), WPM_OK);
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_CERTIFIED);
  assert_int_equal(at(store, 1, 2).confidence, WPM_CONFIDENCE_IDENTIFIED);
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, WPM_KIT_NOW);
  wpm_kit_connect(store, 1, WPM_INBOUND, 2, WPM_KIT_NOW); /* Not dialled by us. */
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_CONNECTED);
  assert_int_equal(at(store, 1, 2).confidence, WPM_CONFIDENCE_IDENTIFIED);
}

static void a_newer_signed_record_replaces_the_certified_addresses(void **state) {
  wpm_store *store = *state;
  offer(store, 9, WPM_SOURCE_DNS);
  assert_int_equal(certify(store, 5, (const unsigned[]){1, 2}, 2, false), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.signed_sequence, 5);
  assert_int_equal(r.signed_record.len, 3);
  assert_true(at(store, 1, 1).certified && at(store, 1, 2).certified);
  assert_false(at(store, 1, 9).certified);
  assert_int_equal(at(store, 1, 1).ttl_ns, WPM_TTL_ADDRESS);
  assert_int_equal(at(store, 1, 1).expires.ns, WPM_KIT_NOW.ns + WPM_HOUR);
  assert_int_equal(certify(store, 5, (const unsigned[]){3}, 1, false), WPM_ERR_STALE);
  assert_int_equal(certify(store, 4, (const unsigned[]){3}, 1, true), WPM_ERR_STALE);
  assert_int_equal(wpm_kit_get(store, 1).address_count, 3);
  assert_int_equal(certify(store, 5, (const unsigned[]){2, 3}, 2, true), WPM_OK);
  r = wpm_kit_get(store, 1);
  assert_null(wpm_kit_find(&r, 1));
  assert_true(at(store, 1, 2).certified && at(store, 1, 3).certified);
  assert_non_null(wpm_kit_find(&r, 9)); /* Uncertified ones stay. */
  assert_int_equal(certify(store, UINT64_MAX, NULL, 0, false), WPM_OK);
  EXPECT(store, 1, 9);
  assert_true(wpm_kit_get(store, 1).signed_sequence == UINT64_MAX);
}

static void a_certified_address_of_a_live_connection_stays(void **state) {
  wpm_store *store = *state;
  assert_int_equal(certify(store, 1, (const unsigned[]){1, 2}, 2, false), WPM_OK);
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, WPM_KIT_NOW);
  assert_int_equal(certify(store, 2, (const unsigned[]){3}, 1, false), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.address_count, 2);
  assert_false(at(store, 1, 1).certified);
  assert_int_equal(at(store, 1, 1).confidence, WPM_CONFIDENCE_CONNECTED);
  assert_true(at(store, 1, 3).certified);
}

static void a_signed_record_may_be_long_but_not_endless(void **state) {
  wpm_store *store = *state;
  static uint8_t envelope[65536];
  memset(envelope, 7, sizeof(envelope));
  wpm_certified record = {.envelope = {envelope, 65535}, .sequence = 0};
  assert_int_equal(wpm_store_certified(store, wpm_kit_id(1), &record, WPM_KIT_NOW), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).signed_record.len, 65535);
  assert_int_equal(wpm_store_certified(store, wpm_kit_id(1), &record, WPM_KIT_NOW), WPM_ERR_STALE);
  record.envelope.len = 65536;
  record.sequence = 1;
  assert_int_equal(wpm_store_certified(store, wpm_kit_id(1), &record, WPM_KIT_NOW),
                   WPM_ERR_INVALID);
  assert_int_equal(wpm_store_certified(store, wpm_kit_id(2), &record, WPM_KIT_NOW),
                   WPM_ERR_NOT_FOUND);
}

/* Without a cap a peer has as many as it is given, one at a time, all at once, and in a record. */
static void without_a_cap_they_are_all_kept(void **state) {
  (void)state;
  enum { MANY = 1000 };
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_addresses = 0;
  wpm_store *store = wpm_kit_new(&config);
  wpm_bytes views[MANY];
  for (unsigned i = 0; i < MANY; i++) {
    views[i] = wpm_kit_address(i);
  }
  wpm_kit_add(store, 1);
  for (unsigned i = 0; i < 100; i++) {
    offer(store, i, WPM_SOURCE_DNS);
  }
  assert_int_equal(wpm_kit_get(store, 1).address_count, 100);
  wpm_offer all = {.source = WPM_SOURCE_DNS, .ttl_ns = WPM_TTL_QUALITY, .now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(1), views, MANY, &all, NULL), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.address_count, MANY);
  for (unsigned i = 0; i < MANY; i++) {
    assert_int_equal(wpm_kit_address_number(r.addresses[i].multiaddr), i);
  }
  wpm_store *other = wpm_kit_new(&config);
  assert_int_equal(wpm_store_put(other, &r), WPM_OK);
  assert_int_equal(wpm_kit_get(other, 1).address_count, MANY);
  wpm_kit_free(other);
  wpm_kit_free(store);
}

static void clearing_takes_the_signed_record_too(void **state) {
  wpm_store *store = *state;
  offer(store, 9, WPM_SOURCE_CONFIG);
  assert_int_equal(certify(store, 5, (const unsigned[]){1}, 1, false), WPM_OK);
  assert_int_equal(wpm_store_clear_addresses(store, wpm_kit_id(1)), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.address_count + r.signed_record.len + r.signed_sequence, 0);
  expect(store, 1, NULL, 0);
  assert_int_equal(certify(store, 1, (const unsigned[]){2}, 1, false), WPM_OK);
  EXPECT(store, 1, 2);
  assert_int_equal(wpm_store_clear_addresses(store, wpm_kit_id(2)), WPM_ERR_NOT_FOUND);
  size_t counted;
  assert_int_equal(wpm_store_count_addresses(store, wpm_kit_id(2), &counted), WPM_ERR_NOT_FOUND);
}

static void an_address_moves_to_the_peer_that_answered_at_it(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 2);
  offer(store, 1, WPM_SOURCE_DNS);
  offer(store, 2, WPM_SOURCE_DNS);
  /* That others claim it moves nothing. */
  wpm_kit_offer(store, 2, 1, WPM_SOURCE_PEER_EXCHANGE, WPM_TTL_QUALITY, WPM_KIT_NOW);
  EXPECT(store, 1, 1, 2);
  EXPECT(store, 2, 1);
  assert_int_equal(wpm_store_address_moved(store, wpm_kit_id(1), wpm_kit_address(2), wpm_kit_id(2),
                                           wpm_kit_at(5)),
                   WPM_OK);
  EXPECT(store, 1, 1);
  EXPECT(store, 2, 1, 2);
  assert_int_equal(
      wpm_store_address_moved(store, wpm_kit_id(1), wpm_kit_address(1), wpm_kit_id(3), WPM_KIT_NOW),
      WPM_OK); /* The one who answered is not held. */
  assert_int_equal(wpm_kit_get(store, 1).address_count, 0);
  assert_false(wpm_kit_holds(store, 3));
  assert_int_equal(
      wpm_store_address_moved(store, wpm_kit_id(3), wpm_kit_address(1), wpm_kit_id(1), WPM_KIT_NOW),
      WPM_ERR_NOT_FOUND);
}

static void times_and_marks_come_back_with_a_record(void **state) {
  wpm_store *store = *state;
  wpm_address told[2] = {{.multiaddr = wpm_kit_address(1),
                          .source = WPM_SOURCE_DNS,
                          .identified = true,
                          .confidence = WPM_CONFIDENCE_CONNECTED, /* Not read. */
                          .first_seen = {WPM_KIT_NOW.ns + 17},
                          .last_seen = wpm_kit_at(3),
                          .last_success = {WPM_KIT_NOW.ns + 17},
                          .last_failure = WPM_WALL_NONE,
                          .ttl_ns = 77,
                          .expires = {WPM_KIT_NOW.ns + 94}},
                         {.multiaddr = wpm_kit_address(2),
                          .certified = true,
                          .first_seen = WPM_WALL_NONE,
                          .last_seen = WPM_WALL_NONE,
                          .last_success = WPM_WALL_NONE,
                          .last_failure = {-1},
                          .ttl_ns = WPM_TTL_PERMANENT,
                          .expires = WPM_WALL_NONE}};
  wpm_peer_record r = wpm_kit_record(1);
  r.addresses = told;
  r.address_count = 2;
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  wpm_address one = at(store, 1, 1);
  wpm_address two = at(store, 1, 2);
  assert_int_equal(one.source, WPM_SOURCE_DNS);
  assert_true(one.identified && !one.certified);
  assert_int_equal(one.confidence, WPM_CONFIDENCE_IDENTIFIED);
  assert_int_equal(one.first_seen.ns, WPM_KIT_NOW.ns);
  assert_int_equal(one.last_seen.ns, wpm_kit_at(3).ns);
  assert_int_equal(one.last_success.ns, WPM_KIT_NOW.ns + 17);
  assert_int_equal(one.ttl_ns, 77);
  assert_int_equal(one.expires.ns, WPM_KIT_NOW.ns + 94);
  assert_true(two.certified && !two.identified);
  assert_int_equal(two.confidence, WPM_CONFIDENCE_CERTIFIED);
  assert_false(wpm_wall_known(two.first_seen) || wpm_wall_known(two.expires));
  assert_int_equal(two.last_failure.ns, -1);
  assert_true(two.ttl_ns == WPM_TTL_PERMANENT);
}

static void unusual_addresses_are_kept_byte_for_byte(void **state) {
  wpm_store *store = *state;
  static const char *const texts[] = {
      "/dns4/node-01.example.org/tcp/443/wss",
      "/ip6/2001:db8::1/udp/9000/quic-v1",
      "/ip4/10.0.0.1/tcp/1/p2p/16Uiu2HAm9eyhBqPxWdQrwqb4ETv1F8nfbVe3tUUPfQDsm1DjF7dg/p2p-circuit",
      "/dns4/a-name-that-is-longer-than-any-other-in-these-tests.example.org/tcp/65535/tls/ws",
  };
  wpm_bytes told[4];
  static wpm_multiaddr parsed[4];
  for (size_t i = 0; i < 4; i++) {
    wpm_error error;
    if (wpm_multiaddr_parse(wpm_text_of(texts[i]), &parsed[i], &error) != WPM_OK) {
      fail_msg("%s", error.text);
    }
    told[i] = wpm_multiaddr_view(&parsed[i]);
  }
  wpm_offer offered = {.now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_add_addresses(store, wpm_kit_id(1), told, 4, &offered, NULL), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.address_count, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_true(wpm_bytes_equal(r.addresses[i].multiaddr, told[i]));
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(they_keep_their_order_and_the_more_trusted_source),
      TEST(what_is_no_multiaddr_is_left_out),
      TEST(times_of_giving_are_whole_seconds_those_of_dials_exact),
      TEST(over_the_cap_the_least_trusted_and_least_proven_gives_way),
      TEST(a_flood_of_offers_pushes_out_none_as_trusted),
      TEST(identify_replaces_what_identify_told),
      TEST(confidence_rises_with_what_is_known),
      TEST(a_newer_signed_record_replaces_the_certified_addresses),
      TEST(a_certified_address_of_a_live_connection_stays),
      cmocka_unit_test(without_a_cap_they_are_all_kept),
      TEST(a_signed_record_may_be_long_but_not_endless),
      TEST(clearing_takes_the_signed_record_too),
      TEST(an_address_moves_to_the_peer_that_answered_at_it),
      TEST(times_and_marks_come_back_with_a_record),
      TEST(unusual_addresses_are_kept_byte_for_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
