/* The store's records: peers, facts, caps, whole records in and out. */
#include "support/core/store_kit.h"
#include "support/records.h"

#include "base/bytes.h"
#include "base/record.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_protocols = 5;
  config.max_text = 16;
  *state = wpm_kit_new(&config);
  return 0;
}

static void a_new_peer_knows_nothing(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_true(wpm_bytes_equal(r.id, wpm_kit_id(1)));
  assert_int_equal(r.connectivity, WPM_NOT_CONNECTED);
  assert_int_equal(r.reason, WPM_REASON_NONE);
  assert_int_equal(r.public_key.len + r.address_count + r.observed_address.len + r.protocol_count +
                       r.agent.len + r.protocol_version.len + r.shard_count + r.tag_count +
                       r.app_count + r.enr.len + r.signed_record.len,
                   0);
  assert_false(wpm_wall_known(r.disconnect_time) || wpm_wall_known(r.connected_time) ||
               wpm_wall_known(r.first_failure) || wpm_wall_known(r.last_failure));
  assert_true(r.rtt_ns == WPM_SPAN_NONE);
  assert_false(r.held || r.held_off || r.is_static || r.protocols_known || r.metadata_known ||
               r.capabilities_known);
  assert_int_equal(r.score, 0);
  assert_true(r.ban.length_ns == 0 && r.prune_backoff.length_ns == 0 &&
              r.retry_delay.length_ns == 0 && r.mismatch_delay.length_ns == 0);
  /* An unknown origin is filled in, a known one stays. */
  assert_int_equal(wpm_store_add(store, wpm_kit_id(1), WPM_ORIGIN_DNS), WPM_OK);
  assert_int_equal(wpm_store_add(store, wpm_kit_id(1), WPM_ORIGIN_STATIC), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).origin, WPM_ORIGIN_DNS);
  assert_int_equal(wpm_store_count(store), 1);
}

static void ids_may_be_anything_of_0_to_255_bytes(void **state) {
  wpm_store *store = *state;
  uint8_t bytes[256] = {7};
  wpm_peer_record r;
  assert_int_equal(wpm_store_add(store, (wpm_bytes){bytes, 256}, 0), WPM_ERR_INVALID);
  for (size_t len = 0; len <= 255; len++) {
    wpm_bytes id = {bytes, len};
    assert_int_equal(wpm_store_get(store, id, &r), WPM_ERR_NOT_FOUND);
    assert_int_equal(wpm_store_add(store, id, 0), WPM_OK);
  }
  assert_int_equal(wpm_store_count(store), 256);
  for (size_t len = 0; len <= 255; len++) {
    wpm_bytes id = {bytes, len};
    assert_int_equal(wpm_store_get(store, id, &r), WPM_OK);
    assert_true(wpm_bytes_equal(r.id, id));
  }
  assert_int_equal(wpm_store_get(store, (wpm_bytes){bytes, 256}, &r), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_get(store, (wpm_bytes){NULL, 0}, &r), WPM_OK);
  assert_int_equal(wpm_store_remove(store, (wpm_bytes){NULL, 0}), WPM_OK);
  assert_int_equal(wpm_store_get(store, (wpm_bytes){bytes, 0}, &r), WPM_ERR_NOT_FOUND);
}

static void many_are_found_at_once_as_one_by_one(void **state) {
  wpm_store *store = *state;
  wpm_bytes ids[WPM_GET_MANY_MAX];
  wpm_peer_record found[WPM_GET_MANY_MAX];
  for (unsigned i = 0; i < WPM_GET_MANY_MAX; i++) {
    ids[i] = wpm_kit_id(i / 2); /* Each twice. */
    if (i % 3 == 0) {
      wpm_kit_add(store, i / 2);
      wpm_kit_offer(store, i / 2, i, WPM_SOURCE_DNS, WPM_TTL_ADDRESS, WPM_KIT_NOW);
    }
  }
  size_t held = 0;
  for (unsigned i = 0; i < WPM_GET_MANY_MAX; i++) {
    held += wpm_kit_holds(store, i / 2);
  }
  assert_int_equal(wpm_store_get_many(store, ids, WPM_GET_MANY_MAX, found), held);
  for (unsigned i = 0; i < WPM_GET_MANY_MAX; i++) {
    held -= found[i].id.len > 0;
    for (size_t k = 0; found[i].id.len > 0 && k < found[i].address_count; k++) {
      assert_true(wpm_bytes_equal(found[i].id, ids[i])); /* All are valid at once. */
      assert_int_equal(wpm_kit_address_number(found[i].addresses[k].multiaddr) / 2, i / 2);
    }
  }
  assert_int_equal(held, 0);
  assert_int_equal(wpm_store_get_many(store, ids, 0, found), 0);
}

static void a_reference_stays_good_while_its_peer_is_held(void **state) {
  wpm_store *store = *state;
  wpm_peer_ref ref;
  wpm_peer_record r;
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_ref(store, wpm_kit_id(1), &ref), WPM_OK);
  assert_int_equal(wpm_store_ref(store, wpm_kit_id(2), &(wpm_peer_ref){0}), WPM_ERR_NOT_FOUND);
  for (unsigned i = 2; i < 500; i++) {
    wpm_kit_add(store, i);
  }
  assert_int_equal(wpm_store_at(store, ref, &r), WPM_OK);
  assert_true(wpm_bytes_equal(r.id, wpm_kit_id(1)));
  for (unsigned round = 0; round < 300; round++) { /* Nor does a later peer of its place answer. */
    assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
    assert_int_equal(wpm_store_at(store, ref, &r), WPM_ERR_NOT_FOUND);
    wpm_kit_add(store, 1);
    assert_int_equal(wpm_store_at(store, ref, &r), WPM_ERR_NOT_FOUND);
  }
  ref = (wpm_peer_ref){UINT32_MAX, 0};
  assert_int_equal(wpm_store_at(store, ref, &r), WPM_ERR_NOT_FOUND);
}

static void protocols_are_capped_sorted_and_once_each(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  wpm_text told[] = {WPM_TEXT("/b"), WPM_TEXT("/a"), WPM_TEXT("/b"), WPM_TEXT(""),
                     WPM_TEXT("/longer/than/sixteen")};
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(1), told, 5), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.protocol_count, 2);
  assert_true(wpm_text_equal(r.protocols[0], WPM_TEXT("/a")));
  assert_true(wpm_text_equal(r.protocols[1], WPM_TEXT("/b")));
  assert_true(r.protocols_known);
  wpm_text many[9];
  for (size_t i = 0; i < 9; i++) {
    many[i] = (wpm_text){&"123456789"[i], 1};
  }
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(1), many, 9), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).protocol_count, 5);
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(1), NULL, 0), WPM_OK);
  r = wpm_kit_get(store, 1);
  assert_int_equal(r.protocol_count, 0);
  assert_true(r.protocols_known);
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(2), told, 1), WPM_ERR_NOT_FOUND);
}

static void identify_leaves_what_it_did_not_send(void **state) {
  wpm_store *store = *state;
  wpm_text agent = WPM_TEXT("an agent of more than sixteen bytes");
  wpm_text version = WPM_TEXT("fifteen bytes \xe2\x82\xac");
  wpm_text protocol = WPM_TEXT("/a");
  uint8_t rsa[300] = {5};
  wpm_bytes key = {rsa, sizeof(rsa)};
  wpm_identified fact = {.protocols = &protocol,
                         .protocol_count = 1,
                         .agent = &agent,
                         .protocol_version = &version,
                         .public_key = &key,
                         .now = WPM_KIT_NOW};
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
  fact = (wpm_identified){.now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_true(wpm_text_equal(r.agent, WPM_TEXT("an agent of more")));
  assert_true(wpm_text_equal(r.protocol_version, WPM_TEXT("fifteen bytes "))); /* No half of €. */
  assert_true(wpm_bytes_equal(r.public_key, key));
  assert_int_equal(r.protocol_count, 1);
  wpm_text empty = {NULL, 0};
  fact = (wpm_identified){.agent = &empty, .now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).agent.len, 0);
  assert_int_equal(wpm_kit_get(store, 1).protocol_version.len, 14);
  static uint8_t long_key[65536];
  key = (wpm_bytes){long_key, sizeof(long_key)};
  fact = (wpm_identified){.public_key = &key, .agent = &agent, .now = WPM_KIT_NOW};
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_ERR_INVALID);
  assert_int_equal(wpm_kit_get(store, 1).agent.len, 0);
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(2), &fact), WPM_ERR_NOT_FOUND);
}

static void public_keys_are_kept_wherever_they_come_from(void **state) {
  wpm_store *store = *state;
  static uint8_t key[65536] = {5};
  uint8_t digest[34] = {0x12, 0x20};
  wpm_bytes ids[] = {{digest, sizeof(digest)}, wpm_kit_id(1), {NULL, 0}};
  for (size_t i = 0; i < 3; i++) {
    wpm_peer_record r;
    assert_int_equal(wpm_store_add(store, ids[i], 0), WPM_OK);
    for (size_t len = 1; len <= UINT16_MAX; len = len * 3 + 7) {
      wpm_bytes set = {key, len};
      assert_int_equal(wpm_store_set_public_key(store, ids[i], set), WPM_OK);
      assert_int_equal(wpm_store_get(store, ids[i], &r), WPM_OK);
      assert_true(wpm_bytes_equal(r.public_key, set));
    }
    assert_int_equal(wpm_store_set_public_key(store, ids[i], (wpm_bytes){key, 65536}),
                     WPM_ERR_INVALID);
    assert_int_equal(wpm_store_set_public_key(store, ids[i], (wpm_bytes){NULL, 0}), WPM_OK);
    assert_int_equal(wpm_store_get(store, ids[i], &r), WPM_OK);
    assert_int_equal(r.public_key.len, 0);
  }
  /* The one that the id itself carries. */
  wpm_bytes carried = {wpm_kit_id(1).data + 2, wpm_kit_id(1).len - 2};
  assert_int_equal(wpm_store_set_public_key(store, wpm_kit_id(1), carried), WPM_OK);
  assert_true(wpm_bytes_equal(wpm_kit_get(store, 1).public_key, carried));
  assert_int_equal(wpm_store_set_public_key(store, wpm_kit_id(2), carried), WPM_ERR_NOT_FOUND);
}

static void shards_are_sorted_and_once_each(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  static const uint16_t shards[] = {7, 0, 65535, 7, 3};
  static const uint16_t sorted[] = {0, 3, 7, 65535};
  assert_int_equal(wpm_store_metadata(store, wpm_kit_id(1), 16, shards, 5), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.shard_count, 4);
  assert_memory_equal(r.shards, sorted, sizeof(sorted));
  assert_int_equal(r.cluster_id, 16);
  assert_true(r.metadata_known);
  assert_int_equal(wpm_store_metadata(store, wpm_kit_id(1), 0, NULL, 0), WPM_OK);
  r = wpm_kit_get(store, 1);
  assert_int_equal(r.shard_count + r.cluster_id, 0);
  assert_true(r.metadata_known);
  assert_int_equal(wpm_store_metadata(store, wpm_kit_id(2), 0, NULL, 0), WPM_ERR_NOT_FOUND);
}

static void an_enr_gives_way_to_a_newer_one_and_to_metadata(void **state) {
  wpm_store *store = *state;
  static const uint8_t enr[] = {0xc1, 2, 3};
  static const uint16_t shards[] = {5, 4};
  static const uint16_t other[] = {9};
  wpm_discovered fact = {.enr = {enr, 3},
                         .sequence = 0,
                         .has_capabilities = true,
                         .capabilities = 5,
                         .cluster_id = 16,
                         .shards = shards,
                         .shard_count = 2};
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(1), &fact), WPM_OK);
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(1), &fact), WPM_ERR_STALE);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_true(wpm_bytes_equal(r.enr, fact.enr));
  assert_true(r.capabilities_known && r.capabilities == 5 && !r.metadata_known);
  assert_int_equal(r.cluster_id, 16);
  assert_int_equal(r.shard_count, 2);
  assert_int_equal(r.shards[0], 4);
  fact.sequence = UINT64_MAX;
  fact.has_capabilities = false;
  fact.cluster_id = 0;
  fact.shard_count = 0;
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(1), &fact), WPM_OK);
  r = wpm_kit_get(store, 1);
  assert_true(r.enr_sequence == UINT64_MAX);
  assert_false(r.capabilities_known);
  assert_int_equal(r.cluster_id + r.shard_count, 0);
  /* Metadata is newer than any record. */
  wpm_kit_add(store, 2);
  assert_int_equal(wpm_store_metadata(store, wpm_kit_id(2), 3, other, 1), WPM_OK);
  fact = (wpm_discovered){
      .enr = {enr, 3}, .sequence = 7, .cluster_id = 16, .shards = shards, .shard_count = 2};
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(2), &fact), WPM_OK);
  r = wpm_kit_get(store, 2);
  assert_int_equal(r.enr_sequence, 7);
  assert_int_equal(r.cluster_id, 3);
  assert_int_equal(r.shard_count, 1);
  fact.sequence = 6;
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(2), &fact), WPM_ERR_STALE);
  static uint8_t long_enr[65536];
  fact.enr = (wpm_bytes){long_enr, sizeof(long_enr)};
  fact.sequence = 8;
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(2), &fact), WPM_ERR_INVALID);
  assert_int_equal(wpm_kit_get(store, 2).enr_sequence, 7);
  assert_int_equal(wpm_store_discovered(store, wpm_kit_id(3), &fact), WPM_ERR_NOT_FOUND);
}

static void connectivity_follows_live_connections(void **state) {
  wpm_store *store = *state;
  wpm_bytes id = wpm_kit_id(1);
  wpm_kit_add_dialable(store, 1);
  wpm_kit_end(store, 1, WPM_REASON_EOF, WPM_KIT_NOW);
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_NOT_CONNECTED); /* There was none. */
  assert_int_equal(wpm_store_dial_failed(store, id, WPM_REASON_LOCAL_FAILURE, WPM_KIT_NOW), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_NOT_CONNECTED);
  assert_int_equal(wpm_store_dial_failed(store, id, WPM_REASON_TIMED_OUT, WPM_KIT_NOW), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(wpm_kit_get(store, 1).failures, 1);
  wpm_kit_connect(store, 1, WPM_OUTBOUND, 1, WPM_KIT_NOW);
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_CONNECTED);
  assert_int_equal(wpm_kit_get(store, 1).addresses[0].last_success.ns, WPM_KIT_NOW.ns);
  wpm_kit_connect(store, 1, WPM_INBOUND, 9, wpm_kit_at(1));
  assert_int_equal(wpm_kit_get(store, 1).connected_time.ns, WPM_KIT_NOW.ns);
  assert_int_equal(wpm_kit_get(store, 1).direction, WPM_OUTBOUND);
  assert_true(wpm_bytes_equal(wpm_kit_get(store, 1).observed_address, wpm_kit_address(9)));
  wpm_kit_end(store, 1, WPM_REASON_TRUNCATED, wpm_kit_at(1));
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_CONNECTED);
  assert_int_equal(wpm_kit_get(store, 1).reason, WPM_REASON_TIMED_OUT);
  assert_int_equal(wpm_store_dial_failed(store, id, WPM_REASON_REFUSED, wpm_kit_at(1)), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).failures, 1);
  wpm_kit_end(store, 1, WPM_REASON_RESET, wpm_kit_at(1));
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.connectivity, WPM_CAN_CONNECT);
  assert_int_equal(r.reason, WPM_REASON_RESET);
  assert_int_equal(r.disconnect_time.ns, wpm_kit_at(1).ns);
  assert_int_equal(wpm_store_stable(store, id), WPM_OK);
  r = wpm_kit_get(store, 1);
  assert_int_equal(r.failures, 0);
  assert_false(wpm_wall_known(r.first_failure));
  assert_true(wpm_wall_known(r.last_failure));
}

static void facts_about_nobody_are_refused(void **state) {
  wpm_store *store = *state;
  wpm_bytes nobody = wpm_kit_id(2);
  wpm_tag tag = {.name = WPM_TEXT("tag"), .value = 1, .expires = WPM_WALL_NONE};
  wpm_bytes value;
  assert_int_equal(wpm_store_connected(store, nobody, WPM_INBOUND, wpm_kit_address(1), WPM_KIT_NOW),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_disconnected(store, nobody, WPM_REASON_EOF, WPM_KIT_NOW),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_dial_failed(store, nobody, WPM_REASON_EOF, WPM_KIT_NOW),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_stable(store, nobody), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_pong(store, nobody, 1), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_address_failed(store, nobody, wpm_kit_address(1), WPM_KIT_NOW),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_static(store, nobody, true), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_held_off(store, nobody, true), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_score(store, nobody, 1), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_tag(store, nobody, &tag), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_remove_tag(store, nobody, tag.name), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_app(store, nobody, tag.name, nobody), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_get_app(store, nobody, tag.name, &value), WPM_ERR_NOT_FOUND);
  for (unsigned kind = 0; kind < WPM_WAIT_BAN; kind++) {
    assert_int_equal(wpm_store_set_wait(store, nobody, (wpm_wait_kind)kind, wpm_kit_wait(1)),
                     WPM_ERR_NOT_FOUND);
  }
  assert_int_equal(wpm_store_remove(store, nobody), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_count(store) + wpm_store_tombstone_count(store), 0);
}

static void plain_fields_can_be_set(void **state) {
  wpm_store *store = *state;
  wpm_bytes id = wpm_kit_id(1);
  wpm_wait wait = {{{5}, {6}, 7}, 8};
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_set_static(store, id, true), WPM_OK);
  assert_int_equal(wpm_store_set_held_off(store, id, true), WPM_OK);
  for (unsigned kind = 0; kind < WPM_WAIT_COUNT; kind++) {
    wait.length_ns++;
    assert_int_equal(wpm_store_set_wait(store, id, (wpm_wait_kind)kind, wait), WPM_OK);
  }
  assert_int_equal(wpm_store_pong(store, id, 123), WPM_OK);
  assert_int_equal(wpm_store_set_score(store, id, -5), WPM_OK);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_true(r.is_static && r.held_off);
  assert_int_equal(r.rtt_ns, 123);
  assert_int_equal(r.score, -5);
  assert_int_equal(r.prune_backoff.length_ns, 9);
  assert_int_equal(r.retry_delay.length_ns, 10);
  assert_int_equal(r.retry_delay.start.boot_id, 7);
  assert_int_equal(r.mismatch_delay.length_ns, 11);
  assert_int_equal(r.mismatch_delay.start.wall.ns, 6);
  assert_int_equal(r.ban.length_ns, 12);
  assert_int_equal(r.ban.start.mono.ns, 5);
}

/* A whole record comes back as it went in. */
static void a_record_round_trips(void **state) {
  (void)state;
  wpm_store *store = wpm_kit_new(NULL);
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
  wpm_kit_free(store);
}

static void putting_a_record_leaves_live_connections(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  wpm_kit_connect(store, 1, WPM_INBOUND, 1, WPM_KIT_NOW);
  wpm_peer_record r = wpm_kit_record(1);
  r.reason = WPM_REASON_EOF;
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_CONNECTED);
  assert_int_equal(wpm_kit_get(store, 1).observed_address.len, 0);
  r.connectivity = WPM_CONNECTED; /* Not read: it is derived. */
  r.id = wpm_kit_id(2);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 2).connectivity, WPM_CAN_CONNECT);
  r.id = wpm_kit_id(3);
  r.held = true;
  r.reason = WPM_REASON_NONE; /* Held, but how it ended is not known. */
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 3).connectivity, WPM_CANNOT_CONNECT);
  wpm_kit_end(store, 1, WPM_REASON_REFUSED, wpm_kit_at(9));
  assert_int_equal(wpm_kit_get(store, 1).connectivity, WPM_CANNOT_CONNECT);
}

static void records_with_impossible_values_are_refused(void **state) {
  wpm_store *store = *state;
  static uint8_t much[65536];
  wpm_address address = {.multiaddr = wpm_kit_address(1),
                         .source = (wpm_address_source)WPM_ADDRESS_SOURCE_COUNT};
  wpm_peer_record bad[10];
  for (size_t i = 0; i < 10; i++) {
    bad[i] = wpm_kit_record(1);
  }
  bad[0].reason = (wpm_reason)WPM_REASON_COUNT;
  bad[1].origin = (wpm_origin)-1;
  bad[2].direction = (wpm_direction)3;
  bad[3].id = (wpm_bytes){much, 256};
  bad[4].public_key = (wpm_bytes){much, 65536};
  bad[5].observed_address = (wpm_bytes){much, 65536};
  bad[6].enr = (wpm_bytes){much, 65536};
  bad[7].signed_record = (wpm_bytes){much, 65536};
  bad[8].reason = (wpm_reason)-1;
  bad[9].addresses = &address;
  bad[9].address_count = 1;
  for (size_t i = 0; i < 10; i++) {
    assert_int_equal(wpm_store_put(store, &bad[i]), WPM_ERR_INVALID);
  }
  assert_int_equal(wpm_store_count(store), 0);
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
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(1), protocols, 301), WPM_OK);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_RELAY, 0), 1);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.protocol_count, 5);
  assert_true(wpm_text_equal(r.protocols[4], WPM_TEXT("/vac/waku/relay/")));
  r.id = wpm_kit_id(2);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_RELAY, 0), 2);
  assert_int_equal(wpm_store_set_protocols(store, wpm_kit_id(1), protocols, 300), WPM_OK);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_RELAY, 0), 1);
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
  config.max_tags = config.max_app_bytes = 0;
  wpm_store *store = wpm_kit_new(&config);
  static char long_text[5000];
  static wpm_bytes addresses[3000];
  static wpm_text protocols[600];
  static char names[600][8];
  memset(long_text, 'x', sizeof(long_text));
  wpm_text text = {long_text, sizeof(long_text)};
  for (unsigned i = 0; i < 3000; i++) {
    addresses[i] = wpm_kit_address(i);
  }
  for (int i = 0; i < 600; i++) {
    snprintf(names[i], sizeof(names[i]), "/p/%03d", i);
    protocols[i] = i == 0 ? text : wpm_text_of(names[i]);
  }
  wpm_identified fact = {.addresses = addresses,
                         .address_count = 3000,
                         .protocols = protocols,
                         .protocol_count = 600,
                         .agent = &text,
                         .now = WPM_KIT_NOW};
  wpm_kit_add(store, 1);
  assert_int_equal(wpm_store_identified(store, wpm_kit_id(1), &fact), WPM_OK);
  for (int i = 1; i < 600; i++) {
    wpm_tag tag = {.name = protocols[i], .value = i, .expires = WPM_WALL_NONE};
    assert_int_equal(wpm_store_set_tag(store, wpm_kit_id(1), &tag), WPM_OK);
  }
  for (int i = 1; i <= 20; i++) { /* More than the default cap takes. */
    assert_int_equal(wpm_store_set_app(store, wpm_kit_id(1), protocols[i],
                                       (wpm_bytes){(const uint8_t *)long_text, 5000}),
                     WPM_OK);
  }
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.address_count, 3000);
  assert_int_equal(r.protocol_count, 600);
  assert_int_equal(r.protocols[599].len, 5000);
  assert_int_equal(r.agent.len, 5000);
  assert_int_equal(r.tag_count, 599);
  assert_int_equal(r.app_count, 20);
  for (unsigned i = 0; i < 3000; i++) {
    assert_int_equal(wpm_kit_address_number(r.addresses[i].multiaddr), i);
  }
  wpm_kit_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_new_peer_knows_nothing),
      TEST(ids_may_be_anything_of_0_to_255_bytes),
      TEST(many_are_found_at_once_as_one_by_one),
      TEST(a_reference_stays_good_while_its_peer_is_held),
      TEST(protocols_are_capped_sorted_and_once_each),
      TEST(identify_leaves_what_it_did_not_send),
      TEST(public_keys_are_kept_wherever_they_come_from),
      TEST(shards_are_sorted_and_once_each),
      TEST(an_enr_gives_way_to_a_newer_one_and_to_metadata),
      TEST(connectivity_follows_live_connections),
      TEST(facts_about_nobody_are_refused),
      TEST(plain_fields_can_be_set),
      cmocka_unit_test(a_record_round_trips),
      TEST(putting_a_record_leaves_live_connections),
      TEST(records_with_impossible_values_are_refused),
      cmocka_unit_test(relay_protocols_are_known_by_their_prefix),
      TEST(a_relay_id_behind_both_caps_is_known_and_stays_known),
      cmocka_unit_test(a_config_of_another_size_is_refused),
      cmocka_unit_test(without_caps_nothing_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
