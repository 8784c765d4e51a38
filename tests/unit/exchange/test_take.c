/* Taking in what another store knows: what is known here stands, the rest is filled in, and what does
 * not verify is left out. */
#include "support/exchange/collected.h"

#include "proto/enr.h"
#include "support/alloc_fail.h"
#include "support/records.h"
#include "support/vectors.h"

static wpm_exchange_taker *taker;

static int start(void **state) {
  (void)state;
  return wpm_exchange_taker_new(&taker);
}

static int end(void **state) {
  (void)state;
  wpm_exchange_taker_free(taker);
  return 0;
}

static wpm_peer_record *take(const wpm_peer_record *held, const wpm_peer_record *other,
                             collected *told) {
  wpm_peer_record *taken = NULL;
  *told = (collected){0};
  assert_int_equal(
      wpm_exchange_take(taker, held, other, collect_skip, told, &told->counts.skipped, &taken),
      WPM_OK);
  return taken;
}

#define ADDRESS(last) WPM_BYTES("\x04\xc0\x00\x02" last "\x06\x00\x01")
static const wpm_wall NOW = {1000000};
#define PLAIN_RECORD                                                                               \
  .disconnect_time = WPM_WALL_NONE, .connected_time = WPM_WALL_NONE,                               \
  .first_failure = WPM_WALL_NONE, .last_failure = WPM_WALL_NONE, .rtt_ns = WPM_SPAN_NONE

static wpm_address address(wpm_bytes multiaddr, wpm_address_source source, int64_t seen) {
  return (wpm_address){.multiaddr = multiaddr,
                       .source = source,
                       .first_seen = {seen},
                       .last_seen = {seen},
                       .last_success = WPM_WALL_NONE,
                       .last_failure = WPM_WALL_NONE,
                       .expires = WPM_WALL_NONE};
}

static void test_what_is_known_here_stands(void **state) {
  (void)state;
  collected told;
  const wpm_text mine[] = {WPM_TEXT("/mine")};
  const wpm_text theirs[] = {WPM_TEXT("/theirs")};
  const uint16_t shards[] = {3, 4};
  wpm_peer_record held = {.id = WPM_BYTES("foo"),
                          PLAIN_RECORD,
                          .protocols = mine,
                          .protocol_count = 1,
                          .protocols_known = true,
                          .agent = WPM_TEXT("mine"),
                          .reason = WPM_REASON_PERSON,
                          .connectivity = WPM_CAN_CONNECT,
                          .held = true,
                          .held_off = true,
                          .score = 5};
  wpm_peer_record other = {.id = WPM_BYTES("foo"),
                           PLAIN_RECORD,
                           .protocols = theirs,
                           .protocol_count = 1,
                           .protocols_known = true,
                           .agent = WPM_TEXT("theirs"),
                           .protocol_version = WPM_TEXT("version"),
                           .reason = WPM_REASON_CRASH,
                           .connectivity = WPM_CANNOT_CONNECT,
                           .cluster_id = 1,
                           .shards = shards,
                           .shard_count = 2,
                           .failures = 7,
                           .origin = WPM_ORIGIN_DNS,
                           .is_static = true,
                           .score = 6};
  other.rtt_ns = 9;
  wpm_peer_record *taken = take(&held, &other, &told);
  assert_true(text_is(taken->protocols[0], "/mine"));
  assert_true(text_is(taken->agent, "mine"));
  assert_true(text_is(taken->protocol_version, "version"));
  assert_int_equal(taken->reason, WPM_REASON_PERSON);
  assert_int_equal(taken->connectivity, WPM_CAN_CONNECT);
  assert_true(taken->held_off && taken->is_static);
  assert_int_equal(taken->failures, 0);
  assert_int_equal(taken->rtt_ns, 9);
  assert_int_equal(taken->origin, WPM_ORIGIN_DNS);
  assert_int_equal(taken->score, 5);
  assert_int_equal(taken->cluster_id, 1);
  assert_int_equal(taken->shard_count, 2);
  assert_int_equal(told.counts.skipped, 0);
  wpm_exchange_record_free(taken);
}

static void test_addresses_come_together(void **state) {
  (void)state;
  collected told;
  wpm_address mine[] = {address(ADDRESS("\x01"), WPM_SOURCE_IDENTIFY, 10),
                        address(ADDRESS("\x02"), WPM_SOURCE_UNKNOWN, 20)};
  wpm_address theirs[] = {address(ADDRESS("\x02"), WPM_SOURCE_DNS, 5),
                          address(ADDRESS("\x03"), WPM_SOURCE_IMPORT, 30)};
  mine[1].ttl_ns = WPM_TTL_TEMPORARY;
  mine[1].expires.ns = 100;
  theirs[0].ttl_ns = WPM_TTL_ADDRESS;
  theirs[0].expires.ns = 200;
  theirs[0].last_success.ns = 7;
  wpm_peer_record held = {
      .id = WPM_BYTES("foo"), PLAIN_RECORD, .addresses = mine, .address_count = 2};
  wpm_peer_record other = {
      .id = WPM_BYTES("foo"), PLAIN_RECORD, .addresses = theirs, .address_count = 2};
  wpm_peer_record *taken = take(&held, &other, &told);
  assert_int_equal(taken->address_count, 3);
  const wpm_address *both = &taken->addresses[1];
  assert_int_equal(both->source, WPM_SOURCE_DNS);
  assert_int_equal(both->first_seen.ns, 5);
  assert_int_equal(both->last_seen.ns, 20);
  assert_int_equal(both->last_success.ns, 7);
  assert_int_equal(both->ttl_ns, WPM_TTL_ADDRESS);
  assert_int_equal(both->expires.ns, 200);
  wpm_exchange_record_free(taken);
}

static void test_tags_entries_and_waits(void **state) {
  (void)state;
  collected told;
  const wpm_wall never = WPM_WALL_NONE;
  const wpm_tag mine[] = {{WPM_TEXT("b"), 1, true, {7}, 8}, {WPM_TEXT("c"), 1, false, never, 0}};
  const wpm_tag theirs[] = {{WPM_TEXT("a"), 2, false, {9}, 10},
                            {WPM_TEXT("b"), 2, false, never, 0}};
  const wpm_app_entry mine_app[] = {{WPM_TEXT("k"), WPM_BYTES("1")}};
  const wpm_app_entry their_app[] = {{WPM_TEXT("k"), WPM_BYTES("2")},
                                     {WPM_TEXT("l"), WPM_BYTES("3")}};
  wpm_peer_record held = {.id = WPM_BYTES("foo"),
                          PLAIN_RECORD,
                          .tags = mine,
                          .tag_count = 2,
                          .app = mine_app,
                          .app_count = 1,
                          .ban = {.start = {.wall = {1000}}, .length_ns = 10}};
  wpm_peer_record other = {.id = WPM_BYTES("foo"),
                           PLAIN_RECORD,
                           .tags = theirs,
                           .tag_count = 2,
                           .app = their_app,
                           .app_count = 2,
                           .ban = {.start = {.wall = {5}}, .length_ns = INT64_MAX},
                           .prune_backoff = {.start = {.wall = {5}}, .length_ns = 6}};
  wpm_peer_record *taken = take(&held, &other, &told);
  assert_int_equal(taken->tag_count, 3);
  assert_int_equal(taken->tags[1].value, 1);
  assert_int_equal(taken->app_count, 2);
  assert_memory_equal(taken->app[0].value.data, "1", 1);
  assert_int_equal(taken->ban.length_ns, INT64_MAX);
  assert_int_equal(taken->prune_backoff.length_ns, 6);
  wpm_exchange_record_free(taken);
}

static void test_a_connection_elsewhere_is_not_ours(void **state) {
  (void)state;
  collected told;
  wpm_peer_record other = {
      .id = WPM_BYTES("foo"), PLAIN_RECORD, .connectivity = WPM_CONNECTED, .held = true};
  wpm_peer_record *taken = take(NULL, &other, &told);
  assert_int_equal(taken->connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(taken->reason, WPM_REASON_IMPORTED);
  wpm_exchange_record_free(taken);
}

#define VECTOR_ID "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"

/* The signed record of the Ed25519 key, whose peer is VECTOR_ID. */
static wpm_test_bytes signed_vector(void) {
  char *line = NULL;
  char *fields[8];
  FILE *file = wpm_test_open(WPM_TEST_DATA("signed_records.txt"));
  wpm_test_bytes envelope = {0};
  while (!envelope.data && wpm_test_fields(file, &line, fields, 8) > 0) {
    if (strcmp(fields[0], "ed25519") == 0) {
      envelope = wpm_test_hex(fields[3]);
    }
  }
  assert_non_null(envelope.data);
  free(line);
  assert_int_equal(fclose(file), 0);
  return envelope;
}

/* A node record, a signed record and a key of somebody else, and the peer's own. */
static void test_what_does_not_verify(void **state) {
  (void)state;
  collected told;
  wpm_test_bytes envelope = signed_vector();
  wpm_test_bytes id = wpm_test_hex(VECTOR_ID);
  wpm_peer_record other = {.id = wpm_test_view(id),
                           PLAIN_RECORD,
                           .signed_record = wpm_test_view(envelope),
                           .public_key = {id.data + 2, id.len - 2}};
  wpm_peer_record *taken = take(NULL, &other, &told);
  assert_int_equal(told.counts.skipped, 0);
  assert_int_equal(taken->signed_record.len, envelope.len);
  assert_true(taken->signed_sequence > 0);
  wpm_exchange_record_free(taken);

  wpm_address list[] = {address(ADDRESS("\x01"), WPM_SOURCE_IMPORT, 1)};
  list[0].certified = true; /* So it says. */
  other = (wpm_peer_record){.id = WPM_BYTES("\x00\x01\x07"),
                            PLAIN_RECORD,
                            .signed_record = wpm_test_view(envelope),
                            .signed_sequence = 99,
                            .enr = WPM_BYTES("\xc0"),
                            .enr_sequence = 99,
                            .capabilities_known = true,
                            .addresses = list,
                            .address_count = 1,
                            .public_key = {id.data + 2, id.len - 2}};
  taken = take(NULL, &other, &told);
  assert_int_equal(told.counts.skipped, 3);
  assert_true(collected_skip(&told, "", "a public key that is not its own"));
  assert_true(collected_skip(&told, "", "a node record that does not verify"));
  assert_true(collected_skip(&told, "", "a signed peer record that does not verify"));
  assert_int_equal(taken->public_key.len + taken->enr.len + taken->signed_record.len, 0);
  assert_false(taken->addresses[0].certified || taken->capabilities_known);
  wpm_exchange_record_free(taken);
  free(id.data);
  free(envelope.data);
}

/* What is held of a sequence number below, at and above that of the other: only a newer one counts. */
static const struct {
  int64_t above;
  bool theirs;
} versions[] = {{-1, true}, {0, false}, {1, false}};

/* With the signed record that stays goes which addresses it certifies. */
static void test_the_newer_signed_record_stays(void **state) {
  (void)state;
  collected told;
  const wpm_bytes named = WPM_BYTES("\x04\xc0\x00\x02\x01\x06\xea\x60"); /* In the record. */
  wpm_test_bytes envelope = signed_vector();
  wpm_test_bytes id = wpm_test_hex(VECTOR_ID);
  wpm_address mine[] = {address(ADDRESS("\x01"), WPM_SOURCE_IDENTIFY, 10),
                        address(named, WPM_SOURCE_DNS, 10)};
  wpm_address theirs[] = {address(named, WPM_SOURCE_IDENTIFY, 20)};
  mine[0].certified = true; /* By the record that is held. */
  wpm_peer_record other = {.id = wpm_test_view(id),
                           PLAIN_RECORD,
                           .signed_record = wpm_test_view(envelope),
                           .addresses = theirs,
                           .address_count = 1};
  wpm_peer_record *alone = take(NULL, &other, &told);
  uint64_t sequence = alone->signed_sequence;
  assert_true(sequence > 1 && alone->addresses[0].certified);
  wpm_exchange_record_free(alone);
  for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
    wpm_peer_record held = {.id = wpm_test_view(id),
                            PLAIN_RECORD,
                            .signed_record = WPM_BYTES("ours"),
                            .signed_sequence = sequence + (uint64_t)versions[i].above,
                            .addresses = mine,
                            .address_count = 2};
    wpm_peer_record *taken = take(&held, &other, &told);
    assert_true(wpm_bytes_equal(taken->signed_record,
                                versions[i].theirs ? other.signed_record : held.signed_record));
    assert_true(taken->signed_sequence == (versions[i].theirs ? sequence : held.signed_sequence));
    assert_int_equal(taken->address_count, 2);
    assert_int_equal(taken->addresses[0].certified, !versions[i].theirs);
    assert_int_equal(taken->addresses[1].certified, versions[i].theirs);
    wpm_exchange_record_free(taken);
  }
  free(id.data);
  free(envelope.data);
}

/* With the node record that stays go the capabilities that it tells. */
static void test_the_newer_node_record_stays(void **state) {
  (void)state;
  enum { SEQUENCE = 32 };
  collected told;
  char *line = NULL;
  char *fields[9];
  uint8_t record[WPM_ENR_MAX];
  size_t len = 0;
  wpm_peer_id id = {0};
  FILE *file = wpm_test_open(WPM_TEST_DATA("enr.txt"));
  while (len == 0 && wpm_test_fields(file, &line, fields, 9) > 0) {
    if (strtoull(fields[1], NULL, 10) == SEQUENCE) {
      assert_int_equal(wpm_enr_parse(wpm_text_of(fields[0]), record, &len), WPM_OK);
      assert_int_equal(wpm_peer_id_parse(wpm_text_of(fields[3]), &id, NULL), WPM_OK);
    }
  }
  assert_true(len > 0);
  wpm_peer_record other = {.id = wpm_peer_id_view(&id),
                           PLAIN_RECORD,
                           .enr = {record, len},
                           .capabilities_known = true,
                           .capabilities = 3};
  for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
    wpm_peer_record held = {.id = wpm_peer_id_view(&id),
                            PLAIN_RECORD,
                            .enr = WPM_BYTES("ours"),
                            .enr_sequence = (uint64_t)(SEQUENCE + versions[i].above),
                            .capabilities_known = true,
                            .capabilities = 8};
    wpm_peer_record *taken = take(&held, &other, &told);
    assert_int_equal(told.counts.skipped, 0);
    assert_true(wpm_bytes_equal(taken->enr, versions[i].theirs ? other.enr : held.enr));
    assert_true(taken->enr_sequence == (versions[i].theirs ? SEQUENCE : held.enr_sequence));
    assert_int_equal(taken->capabilities, versions[i].theirs ? 3 : 8);
    wpm_exchange_record_free(taken);
  }
  free(line);
  assert_int_equal(fclose(file), 0);
}

static void test_two_peers(void **state) {
  (void)state;
  wpm_peer_record one = {.id = WPM_BYTES("foo"), PLAIN_RECORD};
  wpm_peer_record other = {.id = WPM_BYTES("bar"), PLAIN_RECORD};
  wpm_peer_record *taken = NULL;
  assert_int_equal(wpm_exchange_take(taker, &one, &other, NULL, NULL, NULL, &taken),
                   WPM_ERR_INVALID);
  assert_null(taken);
}

/* A record taken into itself stays as it is. */
static void test_same_again(void **state) {
  (void)state;
  uint64_t seed = 1;
  wpm_test_record *one = malloc(sizeof *one);
  assert_non_null(one);
  for (int i = 0; i < 300; i++) {
    wpm_peer_record *taken = NULL;
    wpm_peer_record *again = NULL;
    wpm_test_record_random(&seed, one);
    one->record.public_key = one->record.enr = one->record.signed_record = (wpm_bytes){0};
    assert_int_equal(wpm_exchange_take(taker, NULL, &one->record, NULL, NULL, NULL, &taken),
                     WPM_OK);
    assert_int_equal(wpm_exchange_take(taker, taken, taken, NULL, NULL, NULL, &again), WPM_OK);
    assert_int_equal(again->tag_count, taken->tag_count);
    assert_int_equal(again->app_count, taken->app_count);
    assert_int_equal(again->protocol_count, taken->protocol_count);
    assert_int_equal(again->reason, taken->reason);
    assert_int_equal(again->failures, taken->failures);
    wpm_exchange_record_free(again);
    wpm_exchange_record_free(taken);
  }
  free(one);
}

static void test_cuts_are_told(void **state) {
  (void)state;
  enum { GIVEN = 70, KEPT = 64 };
  collected told = {0};
  uint8_t bytes[GIVEN][8];
  wpm_address addresses[GIVEN];
  for (size_t i = 0; i < GIVEN; i++) {
    memcpy(bytes[i], ADDRESS("\x01").data, sizeof bytes[i]);
    bytes[i][4] = (uint8_t)(GIVEN - i);
    addresses[i] = address((wpm_bytes){bytes[i], sizeof bytes[i]}, WPM_SOURCE_IMPORT, 1);
  }
  wpm_peer_record taken = {.id = WPM_BYTES("foo"),
                           .addresses = addresses,
                           .address_count = GIVEN,
                           .agent = WPM_TEXT("long")};
  wpm_peer_record kept = taken;
  kept.address_count = KEPT;
  kept.agent = WPM_TEXT("l");
  assert_int_equal(wpm_exchange_tell_cuts(&taken, &kept, NOW, collect_skip, &told), 2);
  assert_true(collected_skip(&told, "", "6 of its 70 addresses exceed the cap"));
  for (size_t n = 1; n < 3; n++) { /* Without memory the lengths are enough. */
    wpm_alloc_fail_at(n);
    assert_int_equal(wpm_exchange_tell_cuts(&taken, &kept, NOW, NULL, NULL), 2);
    wpm_alloc_fail_off();
  }
}

/* What cannot be kept by anybody is no matter of a cap; and what is over is no loss. */
static void test_each_loss_has_its_reason(void **state) {
  (void)state;
  collected told = {0};
  wpm_address addresses[] = {address(WPM_BYTES("\xff\xff"), WPM_SOURCE_IMPORT, 1),
                             address(ADDRESS("\x01"), WPM_SOURCE_IMPORT, 1),
                             address(ADDRESS("\x02"), WPM_SOURCE_IMPORT, 1)};
  addresses[2].expires = NOW;
  wpm_text protocols[] = {WPM_TEXT(""), WPM_TEXT("/a")};
  wpm_tag tags[] = {{.name = WPM_TEXT(""), .expires = WPM_WALL_NONE},
                    {.name = WPM_TEXT("over"), .expires = {NOW.ns - 1}},
                    {.name = WPM_TEXT("to come"), .expires = {NOW.ns + 1}},
                    {.name = WPM_TEXT("twice"), .expires = {NOW.ns - 1}},
                    {.name = WPM_TEXT("twice"), .expires = WPM_WALL_NONE}};
  wpm_app_entry app[] = {{.key = WPM_TEXT(""), .value = WPM_BYTES("v")}};
  const wpm_peer_record taken = {.id = WPM_BYTES("foo"),
                                 .addresses = addresses,
                                 .address_count = 3,
                                 .protocols = protocols,
                                 .protocol_count = 2,
                                 .tags = tags,
                                 .tag_count = 5,
                                 .app = app,
                                 .app_count = 1};
  wpm_peer_record kept = {.id = WPM_BYTES("foo"),
                          .addresses = &addresses[1],
                          .address_count = 1,
                          .protocols = &protocols[1],
                          .protocol_count = 1};
  assert_int_equal(wpm_exchange_tell_cuts(&taken, &kept, NOW, collect_skip, &told), 5);
  assert_true(collected_skip(&told, "", "1 of its 3 addresses are no valid multiaddrs"));
  assert_true(collected_skip(&told, "", "1 of its 2 protocols are empty"));
  assert_true(collected_skip(&told, "", "1 of its 4 tags have no name"));
  assert_true(collected_skip(&told, "", "2 of its 4 tags exceed the cap"));
  assert_true(collected_skip(&told, "", "1 of its 1 entries of its application map have no key"));
}

static void test_an_observed_address_that_is_none_is_left_out(void **state) {
  (void)state;
  collected told;
  wpm_peer_record other = {
      .id = WPM_BYTES("foo"), PLAIN_RECORD, .observed_address = WPM_BYTES("\xff\xff")};
  wpm_peer_record *taken = take(NULL, &other, &told);
  assert_int_equal(taken->observed_address.len, 0);
  assert_int_equal(told.counts.skipped, 1);
  assert_true(collected_skip(&told, "", "an observed address that is no valid multiaddr"));
  wpm_exchange_record_free(taken);
  other.observed_address = ADDRESS("\x01");
  taken = take(NULL, &other, &told);
  assert_true(taken->observed_address.len > 0);
  assert_int_equal(told.counts.skipped, 0);
  wpm_exchange_record_free(taken);
}

/* What is named twice is kept once: nothing is lost of it. */
static void test_what_is_named_twice_is_no_cut(void **state) {
  (void)state;
  wpm_address addresses[] = {address(ADDRESS("\x02"), WPM_SOURCE_IMPORT, 1),
                             address(ADDRESS("\x01"), WPM_SOURCE_IMPORT, 1),
                             address(ADDRESS("\x02"), WPM_SOURCE_IMPORT, 1)};
  wpm_text protocols[] = {WPM_TEXT("/b"), WPM_TEXT("/a"), WPM_TEXT("/b")};
  wpm_tag tags[] = {{.name = WPM_TEXT("t")}, {.name = WPM_TEXT("t")}};
  wpm_peer_record taken = {.id = WPM_BYTES("foo"),
                           .addresses = addresses,
                           .address_count = 3,
                           .protocols = protocols,
                           .protocol_count = 3,
                           .tags = tags,
                           .tag_count = 2};
  wpm_peer_record kept = taken;
  kept.address_count = kept.protocol_count = 2;
  kept.tag_count = 1;
  assert_int_equal(wpm_exchange_tell_cuts(&taken, &kept, NOW, NULL, NULL), 0);
}

/* As many as were given, but one of them is another: a long id of relay, cut to its prefix. */
static void test_a_protocol_that_is_cut_is_told(void **state) {
  (void)state;
  collected told = {0};
  wpm_text given[] = {WPM_TEXT("/vac/waku/relay/2.0.0-of-many-more-bytes"), WPM_TEXT("/a")};
  wpm_text cut[] = {WPM_TEXT("/a"), WPM_TEXT("/vac/waku/relay/2")};
  wpm_peer_record taken = {.id = WPM_BYTES("foo"), .protocols = given, .protocol_count = 2};
  wpm_peer_record kept = {.id = WPM_BYTES("foo"), .protocols = cut, .protocol_count = 2};
  assert_int_equal(wpm_exchange_tell_cuts(&taken, &kept, NOW, collect_skip, &told), 1);
  assert_true(collected_skip(&told, "", "1 of its 2 protocols exceed the cap"));
}

static void test_no_memory(void **state) {
  (void)state;
  wpm_address mine[] = {address(ADDRESS("\x01"), WPM_SOURCE_IDENTIFY, 10)};
  wpm_peer_record held = {
      .id = WPM_BYTES("foo"), PLAIN_RECORD, .addresses = mine, .address_count = 1};
  for (size_t n = 1;; n++) {
    wpm_peer_record *taken = NULL;
    wpm_alloc_fail_at(n);
    int err = wpm_exchange_take(taker, &held, &held, NULL, NULL, NULL, &taken);
    wpm_alloc_fail_off();
    wpm_exchange_record_free(taken);
    if (wpm_alloc_failed() == 0) {
      assert_int_equal(err, WPM_OK);
      return;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    assert_null(taken);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_known_here_stands),
      cmocka_unit_test(test_addresses_come_together),
      cmocka_unit_test(test_tags_entries_and_waits),
      cmocka_unit_test(test_a_connection_elsewhere_is_not_ours),
      cmocka_unit_test(test_what_does_not_verify),
      cmocka_unit_test(test_the_newer_signed_record_stays),
      cmocka_unit_test(test_the_newer_node_record_stays),
      cmocka_unit_test(test_two_peers),
      cmocka_unit_test(test_same_again),
      cmocka_unit_test(test_cuts_are_told),
      cmocka_unit_test(test_each_loss_has_its_reason),
      cmocka_unit_test(test_an_observed_address_that_is_none_is_left_out),
      cmocka_unit_test(test_what_is_named_twice_is_no_cut),
      cmocka_unit_test(test_a_protocol_that_is_cut_is_told),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, start, end);
}
