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
  ASSERT_NOTICES(addresses[0].last_success.ns++);
  ASSERT_NOTICES(addresses[0].last_failure.ns++);
  ASSERT_NOTICES(changed.protocol_count--);
  ASSERT_NOTICES(protocols[4] = protocols[0]);
  ASSERT_NOTICES(changed.shard_count--);
  ASSERT_NOTICES(shards[1]++);
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
  free(plain);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_clone_equals_its_original_and_outlives_it),
      cmocka_unit_test(an_empty_record_can_be_cloned),
      cmocka_unit_test(a_size_that_overflows_is_refused),
      cmocka_unit_test(without_memory_there_is_no_clone),
      cmocka_unit_test(a_difference_in_bytes_and_lists_is_noticed),
      cmocka_unit_test(a_difference_in_numbers_is_noticed),
      cmocka_unit_test(a_difference_in_waits_is_noticed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
