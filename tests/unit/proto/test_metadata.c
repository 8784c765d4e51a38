/* metadata.h: what js-waku, go-waku and nwaku write and read, and what is cut or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "proto/metadata.h"
#include "support/alloc_fail.h"
#include "support/seed.h"
#include "support/vectors.h"

#include <stdlib.h>
#include <string.h>

static int read_hex(const char *hex, wpm_metadata *out, size_t *used) {
  wpm_test_bytes bytes = wpm_test_hex(hex);
  int rc = wpm_metadata_read(wpm_test_view(bytes), out, used);
  assert_true(rc != WPM_OK || *used <= bytes.len);
  free(bytes.data);
  return rc;
}

static void check_shards(const wpm_metadata *message, size_t count, const uint16_t *shards) {
  assert_int_equal(message->shard_count, count);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(message->shards[i], shards[i]);
  }
}

static void write_equals(const wpm_metadata *message, const char *hex) {
  wpm_buffer out;
  wpm_test_bytes expected = wpm_test_hex(hex);
  wpm_buffer_init(&out, 4096);
  assert_int_equal(wpm_metadata_write(message, &out), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), expected.len);
  assert_memory_equal(wpm_buffer_view(&out).data, expected.data, expected.len);
  wpm_buffer_fini(&out);
  free(expected.data);
}

/* Cluster 1, shard 0, in the form that go-waku was seen to accept and that js-waku reads; and what
 * we say ourselves, with no shard. */
static void test_written(void **state) {
  (void)state;
  wpm_metadata message = {.has_cluster_id = true, .cluster_id = 1, .shard_count = 1};
  write_equals(&message, "07 08011000 1a0100");
  message.shard_count = 0;
  write_equals(&message, "02 0801");
  message.cluster_id = 0; /* Said, even though it is 0. */
  write_equals(&message, "02 0800");
  message.has_cluster_id = false;
  write_equals(&message, "00");
  message = (wpm_metadata){.has_cluster_id = true,
                           .cluster_id = UINT32_MAX,
                           .shards = {1, 300, 65535},
                           .shard_count = 3};
  write_equals(&message, "17 08ffffffff0f 1001 10ac02 10ffff03 1a06 01ac02ffff03");
}

static void test_real_peers(void **state) {
  (void)state;
  static const char *const files[] = {
      WPM_TEST_DATA("captures/metadata-request.go-waku.hex"),
      WPM_TEST_DATA("captures/metadata-request.js-libp2p.hex"),
      WPM_TEST_DATA("captures/metadata-response.js-waku.hex"),
  };
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    wpm_test_bytes body = wpm_test_hex_file(files[i]);
    wpm_metadata message;
    uint8_t wire[100];
    size_t used = 0;
    assert_true(body.len < 100);
    wire[0] = (uint8_t)body.len;
    memcpy(wire + 1, body.data, body.len);
    assert_int_equal(wpm_metadata_read((wpm_bytes){wire, body.len + 1}, &message, &used), WPM_OK);
    assert_int_equal(used, body.len + 1);
    assert_true(message.has_cluster_id);
    assert_int_equal(message.cluster_id, 1);
    check_shards(&message, 2, (const uint16_t[]){0, 3});
    free(body.data);
  }
}

static void test_forms(void **state) {
  (void)state;
  wpm_metadata message;
  size_t used = 0;
  /* Both fields, each packed and unpacked, in any order: merged, ascending, each once. */
  assert_int_equal(read_hex("10 1005 1a020503 1801 12020109 0807 1009 aaaa", &message, &used),
                   WPM_OK);
  assert_int_equal(used, 0x11);
  assert_int_equal(message.cluster_id, 7);
  check_shards(&message, 4, (const uint16_t[]){1, 3, 5, 9});
  /* Nothing at all, as nwaku's option allows; an empty list. */
  assert_int_equal(read_hex("00", &message, &used), WPM_OK);
  assert_int_equal(used, 1);
  assert_false(message.has_cluster_id);
  check_shards(&message, 0, NULL);
  assert_int_equal(read_hex("04 08011a00", &message, &used), WPM_OK);
  check_shards(&message, 0, NULL);
  /* Cluster 0 is not the same as none. */
  assert_int_equal(read_hex("02 0800", &message, &used), WPM_OK);
  assert_true(message.has_cluster_id);
  assert_int_equal(message.cluster_id, 0);
  /* Unknown fields; a shard that is none; the last cluster wins. */
  assert_int_equal(read_hex("14 0801 220163 2805 35aabbccdd 1a04808004 02 0802", &message, &used),
                   WPM_OK);
  assert_int_equal(message.cluster_id, 2);
  check_shards(&message, 1, (const uint16_t[]){2});
}

static void test_refused(void **state) {
  (void)state;
  wpm_metadata message;
  size_t used = 0;
  static const struct {
    const char *hex;
    int rc;
  } cases[] = {
      {"-", WPM_ERR_TRUNCATED},
      {"80", WPM_ERR_TRUNCATED},
      {"02 08", WPM_ERR_TRUNCATED},
      {"8000", WPM_ERR_PROTOCOL}, /* A length that is not minimal. */
      {"ffffffffffffffffffff01", WPM_ERR_PROTOCOL},
      {"8108", WPM_ERR_TOO_LARGE}, /* 1025: known before it is here. */
      {"ffffffffffffffff7f", WPM_ERR_TOO_LARGE},
      {"01 08", WPM_ERR_PROTOCOL},
      {"03 1a0501", WPM_ERR_PROTOCOL},
      {"03 1a0180", WPM_ERR_PROTOCOL},
      {"06 08ffffffff1f", WPM_ERR_PROTOCOL}, /* A cluster id of more than 32 bits. */
      {"01 0b", WPM_ERR_PROTOCOL},
      {"02 0001", WPM_ERR_PROTOCOL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int rc = read_hex(cases[i].hex, &message, &used);
    if (rc != cases[i].rc) {
      fail_msg("%s: %s", cases[i].hex, wpm_strerror(rc));
    }
  }
}

/* More shards than are kept: cut, not refused. */
static void test_many_shards(void **state) {
  (void)state;
  uint8_t wire[3 + 1000];
  wpm_metadata message;
  size_t used = 0;
  wire[0] = 0x80 | (1002 & 0x7f);
  wire[1] = 1002 >> 7;
  wire[2] = 0x1a;
  wire[3] = 0x80 | (999 & 0x7f);
  wire[4] = 999 >> 7;
  /* 499 shards of two bytes, descending, and one of one. */
  size_t at = 5;
  for (unsigned shard = 1000; at + 2 <= 5 + 998; shard--) {
    wire[at++] = (uint8_t)(0x80 | (shard & 0x7f));
    wire[at++] = (uint8_t)(shard >> 7);
  }
  uint8_t whole[2 + 1002];
  memcpy(whole, wire, at);
  whole[at++] = 5;
  assert_int_equal(at, 2 + 1002);
  assert_int_equal(wpm_metadata_read((wpm_bytes){whole, at}, &message, &used), WPM_OK);
  assert_int_equal(used, at);
  assert_int_equal(message.shard_count, WPM_METADATA_SHARDS_MAX);
  for (size_t i = 0; i < WPM_METADATA_SHARDS_MAX; i++) {
    assert_int_equal(message.shards[i], 1000 - WPM_METADATA_SHARDS_MAX + 1 + i);
  }
}

static void test_write_limits(void **state) {
  (void)state;
  wpm_buffer out;
  wpm_metadata message = {.has_cluster_id = true, .cluster_id = 1};
  for (size_t i = 0; i < WPM_METADATA_SHARDS_MAX; i++) {
    message.shards[i] = (uint16_t)(60000 + i);
  }
  message.shard_count = WPM_METADATA_SHARDS_MAX; /* Seven bytes each: above 1024. */
  wpm_buffer_init(&out, 4096);
  assert_int_equal(wpm_metadata_write(&message, &out), WPM_ERR_TOO_LARGE);
  message.shard_count = WPM_METADATA_SHARDS_MAX + 1;
  assert_int_equal(wpm_metadata_write(&message, &out), WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_buffer_size(&out), 0);
  message.shard_count = 145; /* 2 + 145 * 4 + 3 + 145 * 3 = 1020 */
  assert_int_equal(wpm_metadata_write(&message, &out), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), 2 + 1020);
  message.shard_count = 146;
  assert_int_equal(wpm_metadata_write(&message, &out), WPM_ERR_TOO_LARGE);
  wpm_buffer_fini(&out);
  message.shard_count = 0;
  wpm_buffer_init(&out, 2);
  assert_int_equal(wpm_metadata_write(&message, &out), WPM_ERR_FULL);
  wpm_buffer_init(&out, 100);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_metadata_write(&message, &out), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_buffer_size(&out), 0);
  wpm_buffer_fini(&out);
}

/* What is written is read back, from any cut only when whole. */
static void test_round_trip(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  for (int round = 0; round < 200; round++) {
    wpm_metadata message = {.has_cluster_id = wpm_rng_below(&rng, 4) > 0};
    wpm_metadata again;
    wpm_buffer out;
    size_t used = 0;
    message.cluster_id = message.has_cluster_id ? (uint32_t)wpm_rng_next(&rng) : 0;
    uint16_t shard = 0;
    size_t count = (size_t)wpm_rng_below(&rng, 100);
    for (size_t i = 0; i < count; i++) {
      shard = (uint16_t)(shard + 1 + wpm_rng_below(&rng, 600));
      message.shards[message.shard_count++] = shard;
    }
    wpm_buffer_init(&out, 4096);
    assert_int_equal(wpm_metadata_write(&message, &out), WPM_OK);
    wpm_bytes whole = wpm_buffer_view(&out);
    size_t cut = (size_t)wpm_rng_below(&rng, whole.len);
    assert_int_equal(wpm_metadata_read((wpm_bytes){whole.data, cut}, &again, &used),
                     WPM_ERR_TRUNCATED);
    assert_int_equal(wpm_metadata_read(whole, &again, &used), WPM_OK);
    assert_int_equal(used, whole.len);
    assert_int_equal(again.has_cluster_id, message.has_cluster_id);
    assert_int_equal(again.cluster_id, message.cluster_id);
    check_shards(&again, message.shard_count, message.shards);
    wpm_buffer_fini(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_written),     cmocka_unit_test(test_real_peers),
      cmocka_unit_test(test_forms),       cmocka_unit_test(test_refused),
      cmocka_unit_test(test_many_shards), cmocka_unit_test(test_write_limits),
      cmocka_unit_test(test_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
