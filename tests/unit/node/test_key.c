/* Node keys: their text forms, and what is none. */
#include "support/test.h"

#include <wakupeers/node.h>

#include "base/bytes.h"
#include "support/alloc_fail.h"

#include <string.h>

/* Of libp2p/specs peer-ids ("Test vectors"). */
#define SECP256K1_SECRET "53dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb"
#define SECP256K1_KEY "08021220" SECP256K1_SECRET
#define ED25519_KEY                                                                                \
  "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"                       \
  "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define ECDSA_KEY                                                                                  \
  "08031279307702010104203e5b1fe9712e6c314942a750bd67485de3c1efe85b1bfb520ae8f9ae3dfa4a4ca00a0608" \
  "2a8648ce3d0301"

static wpm_node_key parse(const char *text) {
  wpm_node_key key;
  wpm_error error;
  if (wpm_node_key_parse(wpm_text_of(text), &key, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  return key;
}

static void format(const wpm_node_key *key, char out[WPM_NODE_KEY_TEXT]) {
  assert_int_equal(wpm_node_key_format(key, out, WPM_NODE_KEY_TEXT), WPM_OK);
}

static void is_of_peer(const wpm_node_key *key, const char *peer, wpm_node_key_type expected) {
  wpm_peer_id id;
  wpm_node_key_type type;
  char text[WPM_PEER_ID_TEXT];
  assert_int_equal(wpm_node_key_peer_id(key, &id, &type), WPM_OK);
  assert_int_equal(wpm_node_key_peer_id(key, NULL, NULL), WPM_OK);
  assert_int_equal(type, expected);
  assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&id), text, sizeof text, NULL), WPM_OK);
  assert_memory_equal(text, peer, strlen(peer));
}

static void keys_are_read_and_written(void **state) {
  (void)state;
  static const struct {
    const char *text, *canonical, *peer;
    wpm_node_key_type type;
  } cases[] = {
      {SECP256K1_SECRET, SECP256K1_SECRET, "16Uiu2", WPM_NODE_KEY_SECP256K1},
      {SECP256K1_KEY, SECP256K1_SECRET, "16Uiu2", WPM_NODE_KEY_SECP256K1},
      {"53DADF1D5A164D6B4ACDB15E24AA4C5B1D3461BDBD42ABEDB0A4404D56CED8FB", SECP256K1_SECRET,
       "16Uiu2", WPM_NODE_KEY_SECP256K1},
      {ED25519_KEY, ED25519_KEY, "12D3KooW", WPM_NODE_KEY_ED25519},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[WPM_NODE_KEY_TEXT];
    wpm_node_key key = parse(cases[i].text);
    format(&key, text);
    assert_string_equal(text, cases[i].canonical);
    is_of_peer(&key, cases[i].peer, cases[i].type);
    wpm_node_key again = parse(text);
    assert_int_equal(again.len, key.len);
    assert_memory_equal(again.bytes, key.bytes, key.len);
    assert_int_equal(wpm_node_key_format(&key, text, strlen(cases[i].canonical)), WPM_ERR_NO_SPACE);
    wpm_node_key_wipe(&key);
    wpm_node_key wiped = {0};
    assert_memory_equal(&key, &wiped, sizeof key);
    wpm_node_key_wipe(&again);
  }
}

static void fresh_keys_differ(void **state) {
  (void)state;
  for (int type = WPM_NODE_KEY_SECP256K1; type <= WPM_NODE_KEY_ED25519; type++) {
    wpm_node_key a;
    wpm_node_key b;
    assert_int_equal(wpm_node_key_new((wpm_node_key_type)type, &a), WPM_OK);
    assert_int_equal(wpm_node_key_new((wpm_node_key_type)type, &b), WPM_OK);
    assert_int_equal(a.len, b.len);
    assert_memory_not_equal(a.bytes, b.bytes, a.len);
    is_of_peer(&a, type == WPM_NODE_KEY_ED25519 ? "12D3KooW" : "16Uiu2", (wpm_node_key_type)type);
  }
  wpm_node_key none;
  assert_int_equal(wpm_node_key_new((wpm_node_key_type)7, &none), WPM_ERR_UNSUPPORTED);
}

/* An error never repeats what might be most of a secret. */
static void what_is_no_key_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int err;
  } cases[] = {
      {"", WPM_ERR_INVALID},
      {"53", WPM_ERR_INVALID},
      {"53dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8f", WPM_ERR_INVALID},
      {"53dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fg", WPM_ERR_INVALID},
      {"0x53dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8", WPM_ERR_INVALID},
      /* Not below the group's order. */
      {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", WPM_ERR_INVALID},
      {"0000000000000000000000000000000000000000000000000000000000000000", WPM_ERR_INVALID},
      {SECP256K1_KEY "00", WPM_ERR_INVALID},
      {"08021221" SECP256K1_SECRET, WPM_ERR_INVALID},
      {ECDSA_KEY, WPM_ERR_INVALID}, /* Cut. */
      {"08041220" SECP256K1_SECRET, WPM_ERR_UNSUPPORTED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    wpm_node_key key;
    wpm_error error;
    assert_int_equal(wpm_node_key_parse(wpm_text_of(cases[i].text), &key, &error), cases[i].err);
    assert_int_equal(error.code, cases[i].err);
    assert_non_null(strstr(error.text, "a node key is"));
    assert_null(strstr(error.text, "53dadf"));
    assert_int_equal(wpm_node_key_parse(wpm_text_of(cases[i].text), &key, NULL), cases[i].err);
  }
  char text[WPM_NODE_KEY_TEXT];
  wpm_peer_id id;
  wpm_node_key key = {.len = WPM_NODE_KEY_MAX + 1};
  assert_int_equal(wpm_node_key_format(&key, text, sizeof text), WPM_ERR_INVALID);
  assert_int_equal(wpm_node_key_peer_id(&key, &id, NULL), WPM_ERR_INVALID);
  key.len = 0;
  assert_int_not_equal(wpm_node_key_format(&key, text, sizeof text), WPM_OK);
  assert_int_not_equal(wpm_node_key_peer_id(&key, &id, NULL), WPM_OK);
}

static void want_of_memory_is_told(void **state) {
  (void)state;
  size_t n = 0;
  int err = WPM_ERR_NO_MEMORY;
  while (err != WPM_OK) {
    wpm_node_key key;
    wpm_alloc_fail_at(++n);
    err = wpm_node_key_parse(WPM_TEXT(SECP256K1_SECRET), &key, NULL);
    wpm_alloc_fail_off();
    assert_true(err == WPM_OK || err == WPM_ERR_NO_MEMORY);
    assert_true(n < 100);
  }
  assert_true(n > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_are_read_and_written),
      cmocka_unit_test(fresh_keys_differ),
      cmocka_unit_test(what_is_no_key_is_refused),
      cmocka_unit_test(want_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
