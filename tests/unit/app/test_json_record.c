/* A record as JSON and back is the same record, whatever is in it; what is no record is refused. */
#include "support/test.h"

#include "app/base64.h"
#include "app/json_record.h"
#include "support/records.h"

#include <string.h>

static const wpm_wall now = {INT64_C(1767225600) * WPM_SECOND};

/* Through text, as a line of a file. */
static void read_again(const wpm_peer_record *record, read_record *out) {
  wpm_error error = {.text = ""};
  json_t *object = json_record(record);
  assert_non_null(object);
  char *text = json_dumps(object, JSON_COMPACT);
  assert_non_null(text);
  assert_null(strchr(text, '\n'));
  json_decref(object);
  object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
  assert_non_null(object);
  if (!json_record_read(object, now, out, &error)) {
    fail_msg("%s: %s", error.text, text);
  }
  json_decref(object);
  free(text);
}

static void assert_bytes(wpm_bytes a, wpm_bytes b) {
  assert_int_equal(a.len, b.len);
  if (a.len > 0) {
    assert_memory_equal(a.data, b.data, a.len);
  }
}

static void assert_text(wpm_text a, wpm_text b) {
  assert_bytes((wpm_bytes){(const uint8_t *)a.data, a.len},
               (wpm_bytes){(const uint8_t *)b.data, b.len});
}

static void assert_addresses(const wpm_peer_record *a, const wpm_peer_record *b) {
  assert_int_equal(a->address_count, b->address_count);
  for (size_t i = 0; i < a->address_count; i++) {
    const wpm_address *one = &a->addresses[i];
    const wpm_address *other = &b->addresses[i];
    assert_bytes(one->multiaddr, other->multiaddr);
    assert_int_equal(one->source, other->source);
    assert_int_equal(one->identified, other->identified);
    assert_int_equal(one->certified, other->certified);
    assert_int_equal(one->first_seen.ns, other->first_seen.ns);
    assert_int_equal(one->last_seen.ns, other->last_seen.ns);
    assert_int_equal(one->last_success.ns, other->last_success.ns);
    assert_int_equal(one->last_failure.ns, other->last_failure.ns);
    assert_int_equal(one->ttl_ns, other->ttl_ns);
    assert_int_equal(one->expires.ns, other->expires.ns);
  }
}

static void assert_lists(const wpm_peer_record *a, const wpm_peer_record *b) {
  assert_addresses(a, b);
  assert_int_equal(a->protocol_count, b->protocol_count);
  for (size_t i = 0; i < a->protocol_count; i++) {
    assert_text(a->protocols[i], b->protocols[i]);
  }
  assert_int_equal(a->shard_count, b->shard_count);
  for (size_t i = 0; i < a->shard_count; i++) {
    assert_int_equal(a->shards[i], b->shards[i]);
  }
  assert_int_equal(a->tag_count, b->tag_count);
  for (size_t i = 0; i < a->tag_count; i++) {
    assert_text(a->tags[i].name, b->tags[i].name);
    assert_int_equal(a->tags[i].value, b->tags[i].value);
    assert_int_equal(a->tags[i].protects, b->tags[i].protects);
    assert_int_equal(a->tags[i].expires.ns, b->tags[i].expires.ns);
    assert_int_equal(a->tags[i].half_life_ns, b->tags[i].half_life_ns);
  }
  assert_int_equal(a->app_count, b->app_count);
  for (size_t i = 0; i < a->app_count; i++) {
    assert_text(a->app[i].key, b->app[i].key);
    assert_bytes(a->app[i].value, b->app[i].value);
  }
}

static void assert_record(const wpm_peer_record *a, const wpm_peer_record *b) {
  assert_bytes(a->id, b->id);
  assert_bytes(a->public_key, b->public_key);
  assert_bytes(a->observed_address, b->observed_address);
  assert_bytes(a->enr, b->enr);
  assert_bytes(a->signed_record, b->signed_record);
  assert_text(a->agent, b->agent);
  assert_text(a->protocol_version, b->protocol_version);
  assert_lists(a, b);
  /* Everything else holds no pointers. */
  wpm_peer_record x = *a;
  wpm_peer_record y = *b;
  wpm_peer_record *both[] = {&x, &y};
  for (int i = 0; i < 2; i++) {
    both[i]->id = both[i]->public_key = both[i]->observed_address = (wpm_bytes){0};
    both[i]->enr = both[i]->signed_record = (wpm_bytes){0};
    both[i]->agent = both[i]->protocol_version = (wpm_text){0};
    both[i]->addresses = NULL;
    both[i]->protocols = NULL;
    both[i]->shards = NULL;
    both[i]->tags = NULL;
    both[i]->app = NULL;
  }
  assert_int_equal(x.protocols_known, y.protocols_known);
  assert_int_equal(x.metadata_known, y.metadata_known);
  assert_int_equal(x.cluster_id, y.cluster_id);
  assert_int_equal(x.capabilities_known, y.capabilities_known);
  assert_int_equal(x.capabilities, y.capabilities);
  assert_true(x.enr_sequence == y.enr_sequence && x.signed_sequence == y.signed_sequence);
  assert_int_equal(x.connectivity, y.connectivity);
  assert_int_equal(x.reason, y.reason);
  assert_int_equal(x.disconnect_time.ns, y.disconnect_time.ns);
  assert_int_equal(x.connected_time.ns, y.connected_time.ns);
  assert_int_equal(x.origin, y.origin);
  assert_int_equal(x.direction, y.direction);
  assert_int_equal(x.failures, y.failures);
  assert_int_equal(x.first_failure.ns, y.first_failure.ns);
  assert_int_equal(x.last_failure.ns, y.last_failure.ns);
  assert_int_equal(x.rtt_ns, y.rtt_ns);
  assert_int_equal(x.is_static, y.is_static);
  assert_int_equal(x.held, y.held);
  assert_int_equal(x.held_off, y.held_off);
  assert_memory_equal(&x.prune_backoff, &y.prune_backoff, sizeof x.prune_backoff);
  assert_memory_equal(&x.retry_delay, &y.retry_delay, sizeof x.retry_delay);
  assert_memory_equal(&x.mismatch_delay, &y.mismatch_delay, sizeof x.mismatch_delay);
  assert_memory_equal(&x.ban, &y.ban, sizeof x.ban);
  assert_int_equal(x.score, y.score);
}

static void test_round_trip(void **state) {
  (void)state;
  uint64_t seed = 7;
  wpm_test_record *one = malloc(sizeof *one);
  assert_non_null(one);
  for (uint32_t i = 0; i < 500; i++) {
    read_record read;
    if (i % 5 == 0) {
      wpm_test_record_plain(i, one);
    } else {
      wpm_test_record_random(&seed, one);
    }
    read_again(&one->record, &read);
    assert_record(&one->record, &read.record);
    read_record_free(&read);
  }
  free(one);
}

/* What a person would write by hand. */
static void test_little(void **state) {
  (void)state;
  read_record read;
  wpm_error error = {.text = ""};
  json_t *object = json_loads(
      "{\"peerId\": \"16Uiu2HAmHnSFhnutZ6xBmbFMC5BJ4EtSrz2mNzKotSwk37CzmEyY\", \"multiaddrs\": "
      "[\"/ip4/192.168.1.7/tcp/60000\", \"/ip4/192.168.1.7/tcp/60001/p2p/"
      "16Uiu2HAmHnSFhnutZ6xBmbFMC5BJ4EtSrz2mNzKotSwk37CzmEyY\"]}",
      0, NULL);
  assert_true(json_record_read(object, now, &read, &error));
  assert_int_equal(read.record.address_count, 2);
  assert_int_equal(read.record.addresses[0].source, WPM_SOURCE_IMPORT);
  assert_int_equal(read.record.addresses[1].first_seen.ns, now.ns);
  assert_int_equal(read.record.addresses[1].multiaddr.len, read.record.addresses[0].multiaddr.len);
  assert_int_equal(read.record.rtt_ns, WPM_SPAN_NONE);
  read_record_free(&read);
  json_decref(object);
}

static void test_refused(void **state) {
  (void)state;
  const char *const all[][2] = {
      {"[]", "must be an object"},
      {"{}", "\"peerId\" is missing"},
      {"{\"peerId\": 5}", "peerId"},
      {"{\"peerId\": \"foo\"}", "must be a peer id"},
      {"{\"peerId\": {\"base64\": \"Zm9\"}}", "base64"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"agnet\": \"x\"}", "\"agnet\" is not known"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"reason\": \"because\"}", "none of its words"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"failures\": -1}", "range"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"failures\": 4294967296}", "range"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"capabilities\": 256}", "range"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"enrSequence\": \"18446744073709551616\"}", "range"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"enr\": \"abc\"}", "enr"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"shards\": [65536]}", "range"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"shards\": {}}", "list"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"multiaddrs\": [\"/ip4/1\"]}", "multiaddrs"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"multiaddrs\": [\"/ip4/1.1.1.1/tcp/1/p2p/"
       "16Uiu2HAmHnSFhnutZ6xBmbFMC5BJ4EtSrz2mNzKotSwk37CzmEyY\"]}",
       "of this peer"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"multiaddrs\": [], \"addresses\": [{}]}", "as long"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"ban\": {\"lengthNs\": -1}}", "negative"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"ban\": {\"length\": 1}}", "\"length\" is not known"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"held\": 1}", "true or false"},
      {"{\"peerId\": {\"base64\": \"Zm9v\"}, \"tags\": [5]}", "must be an object"}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    read_record read;
    wpm_error error = {.text = ""};
    json_t *value = json_loads(all[i][0], 0, NULL);
    assert_non_null(value);
    if (json_record_read(value, now, &read, &error) || !strstr(error.text, all[i][1])) {
      fail_msg("%s: %s", all[i][0], error.text);
    }
    read_record_free(&read);
    json_decref(value);
  }
}

static void test_base64(void **state) {
  (void)state;
  /* RFC 4648, section 10, and what is not canonical. */
  const char *const vectors[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"\xfb\xff", "+/8="}};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    wpm_bytes bytes = {(const uint8_t *)vectors[i][0], strlen(vectors[i][0])};
    uint8_t *again = NULL;
    size_t len = 0;
    char *text = base64_encode(bytes, false);
    assert_string_equal(text, vectors[i][1]);
    assert_true(base64_decode(text, strlen(text), false, &again, &len));
    assert_bytes((wpm_bytes){again, len}, bytes);
    free(again);
    free(text);
    text = base64_encode(bytes, true);
    assert_null(strpbrk(text, "+/="));
    assert_true(base64_decode(text, strlen(text), true, &again, &len));
    assert_bytes((wpm_bytes){again, len}, bytes);
    free(again);
    free(text);
  }
  const char *const bad[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm-v"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    uint8_t *out = NULL;
    size_t len = 0;
    assert_false(base64_decode(bad[i], strlen(bad[i]), false, &out, &len));
    assert_null(out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
                                     cmocka_unit_test(test_little), cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_base64)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
