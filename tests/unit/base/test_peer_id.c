#include "base/bytes.h"
#include "base/multihash.h"
#include "base/peer_id.h"
#include "support/test.h"
#include "support/vectors.h"

/* The keys are those of libp2p/specs peer-ids, "Test vectors" (public keys as PublicKey protobuf;
 * of the longer two the SHA-256), the texts what its rules make of them. */
typedef struct key_vector {
  const char *hex;
  bool is_digest;
  const char *base58;
  const char *cid;
} key_vector;

static const key_vector key_vectors[] = {
    {"68362c312e155f4f7290b67f5cd094a22a0a4fbf20efd8c287934419350d36f7", true,
     "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk",
     "bafzbeidigywdclqvl5hxfefwp5onbffcfife7pza57mmfb4tiqmtkdjw64"},
    {"080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e", false,
     "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq",
     "bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6"},
    {"08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99", false,
     "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY",
     "bafzaajiiaijcca3xo7uzjzcsyilaj6i54cj44qk7kqzpoao5rti2pjx6udtdbp6kte"},
    {"b6c8a8c0a3105fc27afca4fb1173791f038e4343fd56b7c67b616dbc30a04ccd", true,
     "QmaeANgBs1DTSxWSrPPtobgQuxW8XTfsS4ydbK4rCHzqxG",
     "bafzbeifwzcumbiyql7bhv7fe7mixg6i7aohegq75k234m63bnw6dbicmzu"},
};

static wpm_peer_id parsed(const char *text) {
  wpm_peer_id id;
  assert_int_equal(wpm_peer_id_parse(wpm_text_of(text), &id, NULL), WPM_OK);
  return id;
}

static void keys_of_all_types(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(key_vectors) / sizeof(key_vectors[0]); i++) {
    const key_vector *vector = &key_vectors[i];
    wpm_test_bytes key = wpm_test_hex(vector->hex);
    wpm_peer_id id;
    wpm_bytes inlined;
    if (vector->is_digest) {
      wpm_peer_id_wrap_digest(key.data, &id);
      assert_int_equal(wpm_peer_id_inline_key(wpm_peer_id_view(&id), &inlined), WPM_ERR_NOT_FOUND);
    } else {
      assert_int_equal(wpm_peer_id_wrap_key(wpm_test_view(key), &id), WPM_OK);
      assert_int_equal(wpm_peer_id_inline_key(wpm_peer_id_view(&id), &inlined), WPM_OK);
      assert_true(wpm_bytes_equal(inlined, wpm_test_view(key)));
    }
    assert_int_equal(wpm_peer_id_check(wpm_peer_id_view(&id)), WPM_OK);

    char text[WPM_PEER_ID_TEXT];
    size_t len;
    assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&id), text, sizeof(text), &len), WPM_OK);
    assert_string_equal(text, vector->base58);
    assert_int_equal(len, strlen(vector->base58));
    assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&id), text, len, NULL), WPM_ERR_NO_SPACE);
    assert_int_equal(wpm_peer_id_format_cid(wpm_peer_id_view(&id), text, sizeof(text), &len),
                     WPM_OK);
    assert_string_equal(text, vector->cid);
    assert_int_equal(len, strlen(vector->cid));
    for (size_t cap = 0; cap <= len; cap++) {
      assert_int_equal(wpm_peer_id_format_cid(wpm_peer_id_view(&id), text, cap, NULL),
                       WPM_ERR_NO_SPACE);
    }

    wpm_peer_id from_base58 = parsed(vector->base58);
    wpm_peer_id from_cid = parsed(vector->cid);
    assert_true(wpm_bytes_equal(wpm_peer_id_view(&from_base58), wpm_peer_id_view(&id)));
    assert_true(wpm_bytes_equal(wpm_peer_id_view(&from_cid), wpm_peer_id_view(&id)));
    free(key.data);
  }
}

/* libp2p/specs peer-ids, "Examples", and go-multiaddr's base36 ones: the texts of a line name the
 * same peer. */
static void texts_of_the_same_peer(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",
       "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"},
      {"k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs",
       "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"},
      {"bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u",
       "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"},
      {"BAFZAAJAIAEJCALJ543IWV2D7PKJT7YKVEFRKFU7QJFI6SDUAKHSO4LAY6ABN2D5U",
       "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"},
  };
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    wpm_peer_id a = parsed(pairs[i][0]);
    wpm_peer_id b = parsed(pairs[i][1]);
    assert_true(wpm_bytes_equal(wpm_peer_id_view(&a), wpm_peer_id_view(&b)));
  }
}

/* Reads a copy that ends where the text does, so that reading on is seen. */
static void check_refused(const char *text, int expected) {
  wpm_peer_id id;
  wpm_error error = {0};
  size_t size = strlen(text);
  char *exact = malloc(size + !size);
  assert_non_null(exact);
  memcpy(exact, text, size);
  assert_int_equal(wpm_peer_id_parse((wpm_text){exact, size}, &id, &error), expected);
  assert_int_equal(error.code, expected);
  assert_non_null(strstr(error.text, "peer id"));
  assert_int_equal(strstr(error.text, "unknown kind") != NULL, expected == WPM_ERR_UNSUPPORTED);
  assert_int_equal(wpm_peer_id_parse((wpm_text){exact, size}, &id, NULL), expected);
  free(exact);
}

static void texts_that_are_no_peer_id(void **state) {
  (void)state;
  check_refused("", WPM_ERR_INVALID);
  check_refused("1", WPM_ERR_INVALID);
  check_refused("Q", WPM_ERR_UNSUPPORTED);
  check_refused("Qm", WPM_ERR_INVALID);
  check_refused("peer", WPM_ERR_UNSUPPORTED);
  check_refused("12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5m", WPM_ERR_INVALID);
  check_refused("12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mVV", WPM_ERR_INVALID);
  check_refused("12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf50V", WPM_ERR_INVALID);
  check_refused(" 12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV", WPM_ERR_UNSUPPORTED);
  /* A CIDv1 of another codec (dag-pb), and version 2. */
  check_refused("k2jmtxwoe2phm1hbqp0e7nufqf6umvuu2e9qd7ana7h411a0haqj6i2z", WPM_ERR_UNSUPPORTED);
  check_refused("f02720000", WPM_ERR_UNSUPPORTED);
  check_refused("f01", WPM_ERR_INVALID);
  check_refused("f0172", WPM_ERR_INVALID);
  check_refused("f", WPM_ERR_INVALID);
  /* SHA2-512, and a SHA-256 of 33 bytes. */
  check_refused("f01721301aa", WPM_ERR_UNSUPPORTED);
  check_refused("QmxoHT6iViN5xAjoz1VZ553cL31U9F94ht3QvWR1FrEbZY", WPM_ERR_INVALID);
}

static void long_text_costs_little_and_is_refused(void **state) {
  (void)state;
  size_t size = 1 << 20;
  char *text = malloc(size);
  assert_non_null(text);
  for (const char *first = "1zfbkumQ"; *first; first++) {
    memset(text, *first == 'Q' ? 'm' : '1', size);
    text[0] = *first;
    wpm_peer_id id;
    int err = wpm_peer_id_parse((wpm_text){text, size}, &id, NULL);
    assert_true(err == WPM_ERR_TOO_LARGE || err == WPM_ERR_INVALID);
  }
  free(text);
}

static void errors_name_the_text_and_the_remedy(void **state) {
  (void)state;
  wpm_peer_id id;
  wpm_error error;
  assert_int_equal(wpm_peer_id_parse(WPM_TEXT("Qm\n\x1b[31m"), &id, &error), WPM_ERR_INVALID);
  assert_non_null(strstr(error.text, "\"Qm??[31m\""));
  assert_non_null(strstr(error.text, "base58"));
}

static void check_binary(const char *hex, int expected) {
  wpm_test_bytes bytes = wpm_test_hex(hex);
  assert_int_equal(wpm_peer_id_check(wpm_test_view(bytes)), expected);
  free(bytes.data);
}

#define TEN "00010203040506070809"

static void binary_ids_are_checked(void **state) {
  (void)state;
  check_binary("-", WPM_ERR_INVALID);
  check_binary("00", WPM_ERR_INVALID);
  check_binary("0000", WPM_OK);
  check_binary("0001", WPM_ERR_INVALID);
  check_binary("0001aa", WPM_OK);
  check_binary("0001aabb", WPM_ERR_INVALID);
  check_binary("800001aa", WPM_ERR_INVALID);
  check_binary("008100aa", WPM_ERR_INVALID);
  check_binary("0080", WPM_ERR_INVALID);
  check_binary("002a" TEN TEN TEN TEN "0a0b", WPM_OK);
  check_binary("002b" TEN TEN TEN TEN "0a0b0c", WPM_ERR_INVALID);
  check_binary("1220" TEN TEN TEN "0a0b", WPM_OK);
  check_binary("121f" TEN TEN TEN "0a", WPM_ERR_INVALID);
  check_binary("1221" TEN TEN TEN "0a0b0c", WPM_ERR_INVALID);
  check_binary("1114" TEN TEN, WPM_ERR_UNSUPPORTED);
  assert_int_equal(wpm_peer_id_check((wpm_bytes){NULL, 0}), WPM_ERR_INVALID);
}

static void sizes_are_limited(void **state) {
  (void)state;
  static uint8_t big[WPM_PEER_ID_MAX + 1];
  wpm_peer_id id;
  char text[WPM_PEER_ID_TEXT];
  memset(big, 0xff, sizeof(big));
  assert_int_equal(wpm_peer_id_from_bytes((wpm_bytes){big, sizeof(big)}, &id), WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_peer_id_from_bytes((wpm_bytes){big, WPM_PEER_ID_MAX}, &id), WPM_OK);
  assert_int_equal(id.len, WPM_PEER_ID_MAX);
  assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&id), text, sizeof(text), NULL), WPM_OK);
  assert_int_equal(wpm_peer_id_format_cid(wpm_peer_id_view(&id), text, sizeof(text), NULL), WPM_OK);
  assert_int_equal(wpm_peer_id_format((wpm_bytes){big, sizeof(big)}, text, sizeof(text), NULL),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_peer_id_format_cid((wpm_bytes){big, sizeof(big)}, text, sizeof(text), NULL),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_peer_id_wrap_key((wpm_bytes){big, WPM_PEER_ID_INLINE_MAX + 1}, &id),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_peer_id_wrap_key((wpm_bytes){big, WPM_PEER_ID_INLINE_MAX}, &id), WPM_OK);
  assert_int_equal(wpm_peer_id_check(wpm_peer_id_view(&id)), WPM_OK);
  assert_int_equal(wpm_peer_id_from_bytes((wpm_bytes){NULL, 0}, &id), WPM_OK);
  assert_int_equal(id.len, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_of_all_types),
      cmocka_unit_test(texts_of_the_same_peer),
      cmocka_unit_test(texts_that_are_no_peer_id),
      cmocka_unit_test(long_text_costs_little_and_is_refused),
      cmocka_unit_test(errors_name_the_text_and_the_remedy),
      cmocka_unit_test(binary_ids_are_checked),
      cmocka_unit_test(sizes_are_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
