/* The store by itself: records, facts, caps, filters. */
#include "support/records.h"
#include "support/test.h"

#include "base/bytes.h"
#include "base/record.h"

#include <wakupeers/store.h>

#include <stdio.h>

#include <string.h>

static const wpm_wall NOW = {1735689600 * WPM_SECOND};

static wpm_bytes id_of(uint8_t number) {
  static uint8_t ids[256][39];
  uint8_t *id = ids[number];
  static const uint8_t head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
  memcpy(id, head, sizeof(head));
  id[38] = number;
  return (wpm_bytes){id, 39};
}

static wpm_bytes address_of(uint8_t number) {
  static uint8_t addresses[256][8];
  const uint8_t bytes[8] = {4, 10, 0, 0, number, 6, 0xea, 0x60};
  memcpy(addresses[number], bytes, sizeof(bytes));
  return (wpm_bytes){addresses[number], sizeof(bytes)};
}

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = 8;
  config.max_addresses = 4;
  config.max_protocols = 5;
  config.max_text = 16;
  wpm_store *store = NULL;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  *state = store;
  return 0;
}

static int teardown(void **state) {
  wpm_store *store = *state;
  wpm_error error = {0};
  if (wpm_store_check(store, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  wpm_store_free(store);
  return 0;
}

static wpm_peer_record get(const wpm_store *store, uint8_t number) {
  wpm_peer_record record;
  assert_int_equal(wpm_store_get(store, id_of(number), &record), WPM_OK);
  return record;
}

static void a_new_peer_knows_nothing(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), WPM_ORIGIN_UNKNOWN), WPM_OK);
  wpm_peer_record r = get(store, 1);
  assert_true(wpm_bytes_equal(r.id, id_of(1)));
  assert_int_equal(r.connectivity, WPM_NOT_CONNECTED);
  assert_int_equal(r.reason, WPM_REASON_NONE);
  assert_int_equal(r.public_key.len + r.address_count + r.observed_address.len + r.protocol_count +
                       r.agent.len + r.protocol_version.len + r.shard_count,
                   0);
  assert_false(wpm_wall_known(r.disconnect_time) || wpm_wall_known(r.connected_time) ||
               wpm_wall_known(r.first_failure) || wpm_wall_known(r.last_failure));
  assert_true(r.rtt_ns == WPM_SPAN_NONE);
  assert_false(r.held || r.held_off || r.is_static || r.protocols_known || r.metadata_known);
  /* An unknown origin is filled in, a known one stays. */
  assert_int_equal(wpm_store_add(store, id_of(1), WPM_ORIGIN_DNS), WPM_OK);
  assert_int_equal(wpm_store_add(store, id_of(1), WPM_ORIGIN_STATIC), WPM_OK);
  assert_int_equal(get(store, 1).origin, WPM_ORIGIN_DNS);
  assert_int_equal(wpm_store_count(store), 1);
}

static void ids_may_be_anything_of_1_to_255_bytes(void **state) {
  wpm_store *store = *state;
  uint8_t bytes[256] = {7};
  assert_int_equal(wpm_store_add(store, (wpm_bytes){bytes, 0}, 0), WPM_ERR_INVALID);
  assert_int_equal(wpm_store_add(store, (wpm_bytes){bytes, 256}, 0), WPM_ERR_INVALID);
  assert_int_equal(wpm_store_add(store, (wpm_bytes){bytes, 1}, 0), WPM_OK);
  assert_int_equal(wpm_store_add(store, (wpm_bytes){bytes, 255}, 0), WPM_OK);
  wpm_peer_record r;
  assert_int_equal(wpm_store_get(store, (wpm_bytes){bytes, 255}, &r), WPM_OK);
  assert_int_equal(wpm_store_get(store, (wpm_bytes){bytes, 254}, &r), WPM_ERR_NOT_FOUND);
}

static void peers_are_capped_and_slots_used_again(void **state) {
  wpm_store *store = *state;
  for (uint8_t i = 0; i < 8; i++) {
    assert_int_equal(wpm_store_add(store, id_of(i), 0), WPM_OK);
  }
  assert_int_equal(wpm_store_add(store, id_of(8), 0), WPM_ERR_FULL);
  assert_int_equal(wpm_store_add(store, id_of(3), 0), WPM_OK);
  assert_int_equal(wpm_store_remove(store, id_of(3)), WPM_OK);
  assert_int_equal(wpm_store_remove(store, id_of(3)), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_add(store, id_of(8), 0), WPM_OK);
  assert_int_equal(wpm_store_count(store), 8);
  assert_int_equal(get(store, 8).address_count, 0);
}

static void addresses_keep_their_order_and_the_more_trusted_source(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(1), WPM_SOURCE_IDENTIFY),
                   WPM_OK);
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(2), WPM_SOURCE_CONFIG),
                   WPM_OK);
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(1), WPM_SOURCE_PERSON),
                   WPM_OK);
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(2), WPM_SOURCE_IDENTIFY),
                   WPM_OK);
  wpm_peer_record r = get(store, 1);
  assert_int_equal(r.address_count, 2);
  assert_true(wpm_bytes_equal(r.addresses[0].multiaddr, address_of(1)));
  assert_int_equal(r.addresses[0].source, WPM_SOURCE_PERSON);
  assert_int_equal(r.addresses[1].source, WPM_SOURCE_CONFIG);
  assert_int_equal(wpm_store_add_address(store, id_of(2), address_of(1), 0), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_add_address(store, id_of(1), (wpm_bytes){NULL, 0}, 0),
                   wpm_multiaddr_check((wpm_bytes){NULL, 0}));
  const uint8_t cut[] = {4, 10, 0};
  assert_int_equal(wpm_store_add_address(store, id_of(1), (wpm_bytes){cut, 3}, 0),
                   WPM_ERR_TRUNCATED);
}

static void over_the_cap_the_least_trusted_address_gives_way(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  for (uint8_t i = 1; i <= 4; i++) {
    assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(i),
                                           i == 4 ? WPM_SOURCE_PERSON : WPM_SOURCE_IDENTIFY),
                     WPM_OK);
  }
  assert_int_equal(wpm_store_connected(store, id_of(1), WPM_OUTBOUND, address_of(1), NOW),
                   WPM_OK); /* 1 has worked. */
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(5), WPM_SOURCE_IDENTIFY),
                   WPM_ERR_FULL);
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(5), WPM_SOURCE_CONFIG),
                   WPM_OK);
  wpm_peer_record r = get(store, 1);
  static const uint8_t left[] = {1, 3, 4, 5};
  assert_int_equal(r.address_count, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_true(wpm_bytes_equal(r.addresses[i].multiaddr, address_of(left[i])));
  }
}

static void identify_replaces_what_identify_told(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  assert_int_equal(wpm_store_add_address(store, id_of(1), address_of(9), WPM_SOURCE_CONFIG),
                   WPM_OK);
  const uint8_t unknown[] = {0x99, 0x99, 0x03};
  wpm_bytes first[] = {address_of(1), {unknown, 3}, address_of(2), address_of(1), address_of(9)};
  wpm_bytes second[] = {address_of(3), address_of(1)};
  wpm_text protocols[] = {WPM_TEXT("/b"), WPM_TEXT("/a"), WPM_TEXT("/b"), WPM_TEXT(""),
                          WPM_TEXT("/longer/than/sixteen")};
  wpm_text agent = WPM_TEXT("an agent of more than sixteen bytes");
  wpm_text version = WPM_TEXT("fifteen bytes \xe2\x82\xac");
  wpm_bytes key = {id_of(1).data + 2, 37};
  wpm_identified fact = {.addresses = first,
                         .address_count = 5,
                         .protocols = protocols,
                         .protocol_count = 5,
                         .agent = &agent,
                         .protocol_version = &version,
                         .public_key = &key};
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  assert_int_equal(wpm_store_address_failed(store, id_of(1), address_of(1), NOW), WPM_OK);
  wpm_peer_record r = get(store, 1);
  assert_int_equal(r.address_count, 3); /* 9, 1, 2; the unknown one is skipped. */
  assert_int_equal(r.addresses[0].source, WPM_SOURCE_CONFIG);
  assert_int_equal(r.protocol_count, 2); /* Sorted, once each, none empty or too long. */
  assert_true(wpm_text_equal(r.protocols[0], WPM_TEXT("/a")));
  assert_true(wpm_text_equal(r.protocols[1], WPM_TEXT("/b")));
  assert_true(r.protocols_known);
  assert_true(wpm_text_equal(r.agent, WPM_TEXT("an agent of more")));
  assert_true(wpm_text_equal(r.protocol_version, WPM_TEXT("fifteen bytes "))); /* No half of €. */
  assert_true(wpm_bytes_equal(r.public_key, key));
  /* A push that names only addresses. */
  fact = (wpm_identified){.addresses = second, .address_count = 2};
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  r = get(store, 1);
  assert_int_equal(r.address_count, 3); /* 9, 3, 1 */
  assert_true(wpm_bytes_equal(r.addresses[1].multiaddr, address_of(3)));
  assert_true(wpm_bytes_equal(r.addresses[2].multiaddr, address_of(1)));
  assert_int_equal(r.addresses[2].last_failure.ns, NOW.ns);
  assert_int_equal(r.protocol_count, 2);
  assert_int_equal(r.agent.len, 16);
  /* All gone. */
  fact = (wpm_identified){.addresses = second, .protocols = protocols};
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  r = get(store, 1);
  assert_int_equal(r.address_count, 1);
  assert_int_equal(r.protocol_count, 0);
  assert_int_equal(wpm_store_identified(store, id_of(2), &fact), WPM_ERR_NOT_FOUND);
}

static void protocols_are_capped(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  wpm_text protocols[9];
  for (size_t i = 0; i < 9; i++) {
    protocols[i] = (wpm_text){&"123456789"[i], 1};
  }
  wpm_identified fact = {.protocols = protocols, .protocol_count = 9};
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  assert_int_equal(get(store, 1).protocol_count, 5);
}

static void a_key_that_the_id_does_not_carry_is_kept(void **state) {
  wpm_store *store = *state;
  uint8_t rsa[300];
  memset(rsa, 5, sizeof(rsa));
  uint8_t digest_id[34] = {0x12, 0x20};
  wpm_bytes id = {digest_id, sizeof(digest_id)};
  assert_int_equal(wpm_store_add(store, id, 0), WPM_OK);
  wpm_bytes key = {rsa, sizeof(rsa)};
  wpm_identified fact = {.public_key = &key};
  assert_int_equal(wpm_store_identified(store, id, &fact), WPM_OK);
  wpm_peer_record r;
  assert_int_equal(wpm_store_get(store, id, &r), WPM_OK);
  assert_true(wpm_bytes_equal(r.public_key, key));
}

static void shards_are_sorted_and_once_each(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  static const uint16_t shards[] = {7, 0, 65535, 7, 3};
  assert_int_equal(wpm_store_metadata(store, id_of(1), 16, shards, 5), WPM_OK);
  wpm_peer_record r = get(store, 1);
  static const uint16_t sorted[] = {0, 3, 7, 65535};
  assert_int_equal(r.shard_count, 4);
  assert_memory_equal(r.shards, sorted, sizeof(sorted));
  assert_int_equal(r.cluster_id, 16);
  assert_true(r.metadata_known);
  assert_int_equal(wpm_store_metadata(store, id_of(1), 0, NULL, 0), WPM_OK);
  assert_int_equal(get(store, 1).shard_count, 0);
  assert_int_equal(wpm_store_metadata(store, id_of(2), 0, NULL, 0), WPM_ERR_NOT_FOUND);
}

static void connectivity_follows_live_connections(void **state) {
  wpm_store *store = *state;
  wpm_bytes id = id_of(1);
  wpm_wall later = {NOW.ns + WPM_SECOND};
  assert_int_equal(wpm_store_add(store, id, 0), WPM_OK);
  assert_int_equal(wpm_store_add_address(store, id, address_of(1), WPM_SOURCE_CONFIG), WPM_OK);
  assert_int_equal(wpm_store_disconnected(store, id, WPM_REASON_EOF, NOW), WPM_OK);
  assert_int_equal(get(store, 1).connectivity, WPM_NOT_CONNECTED); /* There was none. */
  assert_int_equal(wpm_store_dial_failed(store, id, WPM_REASON_LOCAL_FAILURE, NOW), WPM_OK);
  assert_int_equal(get(store, 1).connectivity, WPM_NOT_CONNECTED);
  assert_int_equal(wpm_store_dial_failed(store, id, WPM_REASON_TIMED_OUT, NOW), WPM_OK);
  assert_int_equal(get(store, 1).connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(get(store, 1).failures, 1);
  assert_int_equal(wpm_store_connected(store, id, WPM_OUTBOUND, address_of(1), NOW), WPM_OK);
  assert_int_equal(get(store, 1).connectivity, WPM_CONNECTED);
  assert_int_equal(get(store, 1).addresses[0].last_success.ns, NOW.ns);
  assert_int_equal(wpm_store_connected(store, id, WPM_INBOUND, address_of(9), later), WPM_OK);
  assert_int_equal(get(store, 1).connected_time.ns, NOW.ns);
  assert_int_equal(get(store, 1).direction, WPM_OUTBOUND);
  assert_true(wpm_bytes_equal(get(store, 1).observed_address, address_of(9)));
  assert_int_equal(wpm_store_disconnected(store, id, WPM_REASON_TRUNCATED, later), WPM_OK);
  assert_int_equal(get(store, 1).connectivity, WPM_CONNECTED);
  assert_int_equal(get(store, 1).reason, WPM_REASON_TIMED_OUT);
  assert_int_equal(wpm_store_dial_failed(store, id, WPM_REASON_REFUSED, later), WPM_OK);
  assert_int_equal(get(store, 1).failures, 1);
  assert_int_equal(wpm_store_disconnected(store, id, WPM_REASON_RESET, later), WPM_OK);
  wpm_peer_record r = get(store, 1);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_RESET);
  assert_int_equal(r.disconnect_time.ns, later.ns);
  assert_int_equal(wpm_store_stable(store, id), WPM_OK);
  assert_int_equal(get(store, 1).failures, 0);
  assert_false(wpm_wall_known(get(store, 1).first_failure));
  assert_true(wpm_wall_known(get(store, 1).last_failure));
  wpm_bytes nobody = id_of(2);
  assert_int_equal(wpm_store_connected(store, nobody, WPM_INBOUND, address_of(1), NOW),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_disconnected(store, nobody, WPM_REASON_EOF, NOW), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_dial_failed(store, nobody, WPM_REASON_EOF, NOW), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_stable(store, nobody), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_pong(store, nobody, 1), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_address_failed(store, nobody, address_of(1), NOW), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_address_failed(store, id, address_of(7), NOW), WPM_ERR_NOT_FOUND);
}

static void plain_fields_can_be_set(void **state) {
  wpm_store *store = *state;
  wpm_bytes id = id_of(1);
  wpm_wait wait = {{{5}, {6}, 7}, 8};
  assert_int_equal(wpm_store_add(store, id, 0), WPM_OK);
  assert_int_equal(wpm_store_set_static(store, id, true), WPM_OK);
  assert_int_equal(wpm_store_set_held_off(store, id, true), WPM_OK);
  assert_int_equal(wpm_store_set_prune_backoff(store, id, wait), WPM_OK);
  assert_int_equal(wpm_store_set_retry_delay(store, id, wait), WPM_OK);
  assert_int_equal(wpm_store_set_mismatch_delay(store, id, wait), WPM_OK);
  assert_int_equal(wpm_store_pong(store, id, 123), WPM_OK);
  wpm_peer_record r = get(store, 1);
  assert_true(r.is_static && r.held_off);
  assert_int_equal(r.rtt_ns, 123);
  assert_int_equal(r.prune_backoff.length_ns, 8);
  assert_int_equal(r.retry_delay.start.boot_id, 7);
  assert_int_equal(r.mismatch_delay.start.wall.ns, 6);
  wpm_bytes nobody = id_of(2);
  assert_int_equal(wpm_store_set_static(store, nobody, true), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_held_off(store, nobody, true), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_prune_backoff(store, nobody, wait), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_retry_delay(store, nobody, wait), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_mismatch_delay(store, nobody, wait), WPM_ERR_NOT_FOUND);
}

/* A whole record comes back as it went in. */
static void a_record_round_trips(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  wpm_store *store = NULL;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  for (uint32_t i = 0; i < 100; i++) {
    wpm_test_record made;
    wpm_test_record_plain(i, &made);
    assert_int_equal(wpm_store_put(store, &made.record), WPM_OK);
    wpm_peer_record first;
    assert_int_equal(wpm_store_get(store, made.record.id, &first), WPM_OK);
    assert_int_equal(first.address_count, made.record.address_count);
    assert_int_equal(first.protocol_count, made.record.protocol_count);
    assert_int_equal(first.shard_count, made.record.shard_count);
    wpm_peer_record *copy = wpm_record_clone(&first);
    assert_non_null(copy);
    assert_int_equal(wpm_store_put(store, copy), WPM_OK);
    wpm_peer_record second;
    assert_int_equal(wpm_store_get(store, copy->id, &second), WPM_OK);
    assert_int_equal(wpm_store_put(store, &second), WPM_OK); /* Its own view, too. */
    assert_int_equal(wpm_store_get(store, copy->id, &second), WPM_OK);
    assert_true(wpm_record_equal(copy, &second));
    free(copy);
  }
  assert_int_equal(wpm_store_check(store, NULL), WPM_OK);
  wpm_store_free(store);
}

static void putting_a_record_leaves_live_connections(void **state) {
  wpm_store *store = *state;
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  assert_int_equal(wpm_store_connected(store, id_of(1), WPM_INBOUND, address_of(1), NOW), WPM_OK);
  wpm_peer_record r = {.id = id_of(1), .reason = WPM_REASON_EOF, .rtt_ns = WPM_SPAN_NONE};
  r.disconnect_time = r.connected_time = r.first_failure = r.last_failure = WPM_WALL_NONE;
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(get(store, 1).connectivity, WPM_CONNECTED);
  assert_int_equal(get(store, 1).observed_address.len, 0);
  r.connectivity = WPM_CONNECTED; /* Not read: it is derived. */
  r.id = id_of(2);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(get(store, 2).connectivity, WPM_CAN_CONNECT);
  r.id = id_of(3);
  r.held = true;
  r.reason = WPM_REASON_NONE; /* Held, but how it ended is not known. */
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(get(store, 3).connectivity, WPM_CANNOT_CONNECT);
}

static void records_with_impossible_values_are_refused(void **state) {
  wpm_store *store = *state;
  wpm_peer_record good = {.id = id_of(1), .rtt_ns = WPM_SPAN_NONE};
  wpm_peer_record bad = good;
  bad.reason = (wpm_reason)WPM_REASON_COUNT;
  assert_int_equal(wpm_store_put(store, &bad), WPM_ERR_INVALID);
  bad = good;
  bad.origin = (wpm_origin)-1;
  assert_int_equal(wpm_store_put(store, &bad), WPM_ERR_INVALID);
  bad = good;
  bad.direction = (wpm_direction)3;
  assert_int_equal(wpm_store_put(store, &bad), WPM_ERR_INVALID);
  bad = good;
  bad.id.len = 0;
  assert_int_equal(wpm_store_put(store, &bad), WPM_ERR_INVALID);
  assert_int_equal(wpm_store_count(store), 0);
}

static void filters_narrow(void **state) {
  wpm_store *store = *state;
  static const uint16_t shards[2][2] = {{1, 2}, {2, 3}};
  wpm_text relay[] = {WPM_TEXT("/a"), WPM_TEXT("/meshsub/1.1.0")};
  wpm_text plain[] = {WPM_TEXT("/a")};
  for (uint8_t i = 0; i < 8; i++) {
    assert_int_equal(wpm_store_add(store, id_of(i), 0), WPM_OK);
    wpm_identified fact = {.protocols = i % 2 ? relay : plain, .protocol_count = i % 2 ? 2 : 1};
    assert_int_equal(wpm_store_identified(store, id_of(i), &fact), WPM_OK);
    assert_int_equal(wpm_store_metadata(store, id_of(i), 1, shards[i / 4], 2), WPM_OK);
    if (i < 3) {
      assert_int_equal(wpm_store_connected(store, id_of(i), WPM_INBOUND, address_of(i), NOW),
                       WPM_OK);
    }
  }
  assert_int_equal(wpm_store_count_matching(store, NULL), 8);
  wpm_store_filter f = {0};
  assert_int_equal(wpm_store_count_matching(store, &f), 8);
  f.connectivity = 1u << WPM_CONNECTED;
  assert_int_equal(wpm_store_count_matching(store, &f), 3);
  f.relay_capable = true;
  assert_int_equal(wpm_store_count_matching(store, &f), 1);
  f.connectivity |= 1u << WPM_NOT_CONNECTED;
  assert_int_equal(wpm_store_count_matching(store, &f), 4);
  f = (wpm_store_filter){.by_shard = true, .shard = 2};
  assert_int_equal(wpm_store_count_matching(store, &f), 8);
  f.shard = 3;
  assert_int_equal(wpm_store_count_matching(store, &f), 4);
  f.shard = 0;
  assert_int_equal(wpm_store_count_matching(store, &f), 0);
  f = (wpm_store_filter){.protocol = WPM_TEXT("/meshsub/1.1.0")};
  assert_int_equal(wpm_store_count_matching(store, &f), 4);
  f.protocol = WPM_TEXT("/meshsub/1.1");
  assert_int_equal(wpm_store_count_matching(store, &f), 0);
}

static void a_listing_shows_each_that_stays_once(void **state) {
  wpm_store *store = *state;
  for (uint8_t i = 0; i < 6; i++) {
    assert_int_equal(wpm_store_add(store, id_of(i), 0), WPM_OK);
  }
  uint64_t cursor = 0;
  unsigned seen[10] = {0};
  wpm_peer_record r;
  for (int step = 0; wpm_store_next(store, NULL, &cursor, &r); step++) {
    seen[r.id.data[38]]++;
    if (step == 1) {
      assert_int_equal(wpm_store_remove(store, id_of(0)), WPM_OK);
      assert_int_equal(wpm_store_remove(store, id_of(4)), WPM_OK);
      assert_int_equal(wpm_store_add(store, id_of(8), 0), WPM_OK);
      assert_int_equal(wpm_store_add(store, id_of(9), 0), WPM_OK);
    }
  }
  for (uint8_t i = 0; i < 6; i++) {
    assert_int_equal(seen[i], i == 4 ? 0 : 1);
  }
  assert_false(wpm_store_next(store, NULL, &cursor, &r));
}

static void relay_protocols_are_known_by_their_prefix(void **state) {
  (void)state;
  assert_true(wpm_protocol_is_relay(WPM_TEXT("/vac/waku/relay/2.0.0")));
  assert_true(wpm_protocol_is_relay(WPM_TEXT("/meshsub/1.2.0")));
  assert_true(wpm_protocol_is_relay(WPM_TEXT("/floodsub/1.0.0")));
  assert_false(wpm_protocol_is_relay(WPM_TEXT("/vac/waku/store-query/3.0.0")));
  assert_false(wpm_protocol_is_relay(WPM_TEXT("/vac/waku/relay")));
  assert_false(wpm_protocol_is_relay(WPM_TEXT("")));
}

/* What a store was told, it says again when it is loaded with it; so also after a restart. */
static void a_relay_id_behind_both_caps_is_known_and_stays_known(void **state) {
  wpm_store *store = *state;
  static char names[300][16];
  wpm_text protocols[301];
  for (int i = 0; i < 300; i++) {
    snprintf(names[i], sizeof(names[i]), "/p/%d", i);
    protocols[i] = wpm_text_of(names[i]);
  }
  protocols[300] = WPM_TEXT("/vac/waku/relay/longer-than-sixteen-bytes");
  wpm_identified fact = {.protocols = protocols, .protocol_count = 301};
  wpm_store_filter relays = {.relay_capable = true};
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  assert_int_equal(wpm_store_count_matching(store, &relays), 1);
  wpm_peer_record r = get(store, 1);
  assert_int_equal(r.protocol_count, 5);
  assert_true(wpm_text_equal(r.protocols[4], WPM_TEXT("/vac/waku/relay/")));
  r.id = id_of(2);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_store_count_matching(store, &relays), 2);
  fact.protocol_count = 300;
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  assert_int_equal(wpm_store_count_matching(store, &relays), 1);
}

static void a_config_of_another_size_is_refused(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.size++;
  wpm_store *store = NULL;
  assert_int_equal(wpm_store_new(&config, &store), WPM_ERR_INVALID);
  wpm_store_free(NULL);
}

static void without_caps_nothing_is_cut(void **state) {
  (void)state;
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = config.max_addresses = config.max_protocols = config.max_text = 0;
  wpm_store *store = NULL;
  assert_int_equal(wpm_store_new(&config, &store), WPM_OK);
  assert_int_equal(wpm_store_add(store, id_of(1), 0), WPM_OK);
  wpm_bytes addresses[250];
  for (size_t i = 0; i < 250; i++) {
    addresses[i] = address_of((uint8_t)i);
  }
  static char long_text[5000];
  memset(long_text, 'x', sizeof(long_text));
  wpm_text text = {long_text, sizeof(long_text)};
  wpm_identified fact = {.addresses = addresses,
                         .address_count = 250,
                         .protocols = &text,
                         .protocol_count = 1,
                         .agent = &text};
  assert_int_equal(wpm_store_identified(store, id_of(1), &fact), WPM_OK);
  wpm_peer_record r = get(store, 1);
  assert_int_equal(r.address_count, 250);
  assert_int_equal(r.protocols[0].len, 5000);
  assert_int_equal(r.agent.len, 5000);
  wpm_store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_new_peer_knows_nothing),
      TEST(ids_may_be_anything_of_1_to_255_bytes),
      TEST(peers_are_capped_and_slots_used_again),
      TEST(addresses_keep_their_order_and_the_more_trusted_source),
      TEST(over_the_cap_the_least_trusted_address_gives_way),
      TEST(identify_replaces_what_identify_told),
      TEST(protocols_are_capped),
      TEST(a_key_that_the_id_does_not_carry_is_kept),
      TEST(shards_are_sorted_and_once_each),
      TEST(connectivity_follows_live_connections),
      TEST(plain_fields_can_be_set),
      cmocka_unit_test(a_record_round_trips),
      TEST(putting_a_record_leaves_live_connections),
      TEST(records_with_impossible_values_are_refused),
      TEST(filters_narrow),
      TEST(a_listing_shows_each_that_stays_once),
      cmocka_unit_test(relay_protocols_are_known_by_their_prefix),
      TEST(a_relay_id_behind_both_caps_is_known_and_stays_known),
      cmocka_unit_test(a_config_of_another_size_is_refused),
      cmocka_unit_test(without_caps_nothing_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
