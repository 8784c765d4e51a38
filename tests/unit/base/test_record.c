#include "base/record.h"
#include "support/alloc_fail.h"
#include "support/records.h"
#include "support/seed.h"
#include "support/test.h"

#include <string.h>

enum { RECORDS = 300 };

static void a_clone_equals_its_original_and_outlives_it(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  wpm_test_record *original = malloc(sizeof(*original));
  wpm_test_record *again = malloc(sizeof(*again));
  assert_non_null(original);
  assert_non_null(again);
  for (int i = 0; i < RECORDS; i++) {
    uint64_t same = seed;
    wpm_test_record_random(&seed, original);
    wpm_test_record_random(&same, again);
    wpm_peer_record *clone = wpm_record_clone(&original->record);
    assert_non_null(clone);
    assert_true(wpm_record_equal(clone, &original->record));
    memset(original, 0xa5, sizeof(*original));
    assert_true(wpm_record_equal(clone, &again->record));
    free(clone);
  }
  free(original);
  free(again);
}

static void an_empty_record_can_be_cloned(void **state) {
  (void)state;
  wpm_peer_record empty = {.agent = {"", 0}};
  wpm_peer_record *clone = wpm_record_clone(&empty);
  assert_non_null(clone);
  assert_true(wpm_record_equal(clone, &empty));
  assert_null(clone->addresses);
  assert_null(clone->id.data);
  free(clone);
}

static void a_size_that_overflows_is_refused(void **state) {
  (void)state;
  wpm_peer_record huge = {.address_count = SIZE_MAX / 8};
  assert_null(wpm_record_clone(&huge));
  huge = (wpm_peer_record){.public_key = {NULL, SIZE_MAX - 8}};
  assert_null(wpm_record_clone(&huge));
  huge = (wpm_peer_record){.tag_count = SIZE_MAX / 8};
  assert_null(wpm_record_clone(&huge));
  huge = (wpm_peer_record){.app_count = SIZE_MAX / 8};
  assert_null(wpm_record_clone(&huge));
  huge = (wpm_peer_record){.signed_record = {NULL, SIZE_MAX - 8}};
  assert_null(wpm_record_clone(&huge));
  huge = (wpm_peer_record){.shard_count = SIZE_MAX / 2 + 2};
  assert_null(wpm_record_clone(&huge));
}

static void without_memory_there_is_no_clone(void **state) {
  (void)state;
  wpm_peer_record empty = {.held = true};
  wpm_alloc_fail_at(1);
  wpm_peer_record *clone = wpm_record_clone(&empty);
  wpm_alloc_fail_off();
  assert_null(clone);
}

/* Expects that a change of one place in a copy of `base` is noticed. */
#define ASSERT_NOTICES(change)                                                                     \
  do {                                                                                             \
    wpm_peer_record changed = base;                                                                \
    wpm_address addresses[2] = {base.addresses[0], base.addresses[1]};                             \
    wpm_text protocols[5];                                                                         \
    uint16_t shards[2] = {base.shards[0], base.shards[1]};                                         \
    memcpy(protocols, base.protocols, sizeof(protocols));                                          \
    changed.addresses = addresses;                                                                 \
    changed.protocols = protocols;                                                                 \
    changed.shards = shards;                                                                       \
    assert_true(wpm_record_equal(&changed, &base));                                                \
    change;                                                                                        \
    assert_false(wpm_record_equal(&changed, &base));                                               \
    assert_false(wpm_record_equal(&base, &changed));                                               \
  } while (0)

static void a_difference_in_bytes_and_lists_is_noticed(void **state) {
  (void)state;
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(1, plain);
  const wpm_peer_record base = plain->record;
  ASSERT_NOTICES(changed.id.len--);
  ASSERT_NOTICES(changed.public_key = changed.id);
  ASSERT_NOTICES(changed.observed_address = changed.id);
  ASSERT_NOTICES(changed.agent.len--);
  ASSERT_NOTICES(changed.protocol_version.data++);
  ASSERT_NOTICES(changed.address_count--);
  ASSERT_NOTICES(addresses[1].multiaddr = addresses[0].multiaddr);
  ASSERT_NOTICES(addresses[1].source = WPM_SOURCE_CONFIG);
  ASSERT_NOTICES(addresses[0].identified = false);
  ASSERT_NOTICES(addresses[0].certified = true);
  ASSERT_NOTICES(addresses[0].confidence = WPM_CONFIDENCE_CONNECTED);
  ASSERT_NOTICES(addresses[0].first_seen.ns++);
  ASSERT_NOTICES(addresses[0].last_seen.ns++);
  ASSERT_NOTICES(addresses[0].ttl_ns++);
  ASSERT_NOTICES(addresses[0].expires.ns++);
  ASSERT_NOTICES(addresses[0].last_success.ns++);
  ASSERT_NOTICES(addresses[0].last_failure.ns++);
  ASSERT_NOTICES(changed.protocol_count--);
  ASSERT_NOTICES(protocols[4] = protocols[0]);
  ASSERT_NOTICES(changed.shard_count--);
  ASSERT_NOTICES(shards[1]++);
  ASSERT_NOTICES(changed.enr = changed.id);
  ASSERT_NOTICES(changed.signed_record = changed.id);
  free(plain);
}

static void a_difference_in_tags_and_the_map_is_noticed(void **state) {
  (void)state;
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(1, plain);
  plain->tags[0] = (wpm_tag){.name = plain->protocols[0], .value = 1};
  plain->app[0] = (wpm_app_entry){.key = plain->protocols[0], .value = plain->record.id};
  plain->record.tags = plain->tags;
  plain->record.tag_count = 1;
  plain->record.app = plain->app;
  plain->record.app_count = 1;
  const wpm_peer_record base = plain->record;
  wpm_tag tag = plain->tags[0];
  wpm_app_entry entry = plain->app[0];
  ASSERT_NOTICES(changed.tag_count--);
  ASSERT_NOTICES(changed.app_count--);
  ASSERT_NOTICES((tag.value = 2, changed.tags = &tag));
  tag = base.tags[0];
  ASSERT_NOTICES((tag.protects = true, changed.tags = &tag));
  tag = base.tags[0];
  ASSERT_NOTICES((tag.expires.ns++, changed.tags = &tag));
  tag = base.tags[0];
  ASSERT_NOTICES((tag.half_life_ns++, changed.tags = &tag));
  tag = base.tags[0];
  ASSERT_NOTICES((tag.name.len--, changed.tags = &tag));
  ASSERT_NOTICES((entry.value.len--, changed.app = &entry));
  entry = base.app[0];
  ASSERT_NOTICES((entry.key.len--, changed.app = &entry));
  free(plain);
}

static void a_difference_in_numbers_is_noticed(void **state) {
  (void)state;
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(1, plain);
  const wpm_peer_record base = plain->record;
  ASSERT_NOTICES(changed.protocols_known = false);
  ASSERT_NOTICES(changed.metadata_known = false);
  ASSERT_NOTICES(changed.cluster_id++);
  ASSERT_NOTICES(changed.connectivity = WPM_NOT_CONNECTED);
  ASSERT_NOTICES(changed.reason = WPM_REASON_EOF);
  ASSERT_NOTICES(changed.disconnect_time.ns++);
  ASSERT_NOTICES(changed.connected_time.ns++);
  ASSERT_NOTICES(changed.origin = WPM_ORIGIN_DNS);
  ASSERT_NOTICES(changed.direction = WPM_INBOUND);
  ASSERT_NOTICES(changed.failures++);
  ASSERT_NOTICES(changed.first_failure.ns++);
  ASSERT_NOTICES(changed.last_failure.ns++);
  ASSERT_NOTICES(changed.rtt_ns++);
  ASSERT_NOTICES(changed.is_static = false);
  ASSERT_NOTICES(changed.held = false);
  ASSERT_NOTICES(changed.held_off = true);
  ASSERT_NOTICES(changed.capabilities_known = true);
  ASSERT_NOTICES(changed.capabilities++);
  ASSERT_NOTICES(changed.enr_sequence++);
  ASSERT_NOTICES(changed.signed_sequence++);
  ASSERT_NOTICES(changed.score--);
  free(plain);
}

static void a_difference_in_waits_is_noticed(void **state) {
  (void)state;
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(1, plain);
  const wpm_peer_record base = plain->record;
  ASSERT_NOTICES(changed.prune_backoff.start.mono.ns++);
  ASSERT_NOTICES(changed.prune_backoff.start.wall.ns++);
  ASSERT_NOTICES(changed.prune_backoff.start.boot_id++);
  ASSERT_NOTICES(changed.prune_backoff.length_ns++);
  ASSERT_NOTICES(changed.retry_delay.length_ns++);
  ASSERT_NOTICES(changed.mismatch_delay.length_ns++);
  ASSERT_NOTICES(changed.ban.length_ns++);
  free(plain);
}

static void the_contact_of_a_record_can_be_moved(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  wpm_test_record *one = malloc(sizeof(*one));
  wpm_test_record *other = malloc(sizeof(*other));
  assert_non_null(one);
  assert_non_null(other);
  for (int i = 0; i < RECORDS; i++) {
    wpm_test_record_random(&seed, one);
    wpm_test_record_random(&seed, other);
    wpm_peer_record moved = other->record;
    wpm_record_contact contact = wpm_contact_of(&one->record);
    assert_false(wpm_contact_is_none(&contact));
    wpm_contact_apply(&contact, &moved);
    assert_false(wpm_record_equal(&moved, &other->record));
    assert_int_equal(moved.rtt_ns, one->record.rtt_ns);
    contact = wpm_contact_of(&other->record);
    wpm_contact_apply(&contact, &moved);
    assert_true(wpm_record_equal(&moved, &other->record));
  }
  const wpm_record_contact none = {.disconnect_time = WPM_WALL_NONE,
                                   .connected_time = WPM_WALL_NONE,
                                   .rtt_ns = WPM_SPAN_NONE,
                                   .first_failure = WPM_WALL_NONE,
                                   .last_failure = WPM_WALL_NONE};
  assert_true(wpm_contact_is_none(&none));
  free(one);
  free(other);
}

static void confidence_follows_from_the_facts(void **state) {
  (void)state;
  wpm_address address = {.last_success = WPM_WALL_NONE};
  assert_int_equal(wpm_address_confidence(&address), WPM_CONFIDENCE_HEARD);
  address.last_success = (wpm_wall){0};
  assert_int_equal(wpm_address_confidence(&address), WPM_CONFIDENCE_DIALLED);
  address.identified = true;
  assert_int_equal(wpm_address_confidence(&address), WPM_CONFIDENCE_IDENTIFIED);
  address.certified = true;
  assert_int_equal(wpm_address_confidence(&address), WPM_CONFIDENCE_CERTIFIED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_clone_equals_its_original_and_outlives_it),
      cmocka_unit_test(an_empty_record_can_be_cloned),
      cmocka_unit_test(a_size_that_overflows_is_refused),
      cmocka_unit_test(without_memory_there_is_no_clone),
      cmocka_unit_test(a_difference_in_bytes_and_lists_is_noticed),
      cmocka_unit_test(a_difference_in_tags_and_the_map_is_noticed),
      cmocka_unit_test(a_difference_in_numbers_is_noticed),
      cmocka_unit_test(a_difference_in_waits_is_noticed),
      cmocka_unit_test(the_contact_of_a_record_can_be_moved),
      cmocka_unit_test(confidence_follows_from_the_facts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
