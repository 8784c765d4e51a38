/* What is not the network's: tags, the application map, private keys, and the bytes that all of it
 * may take. */
#include "support/core/store_kit.h"

#include "base/bytes.h"

#include <string.h>

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_tags = 3;
  config.max_text = 8;
  config.max_app_bytes = 100;
  wpm_store *store = wpm_kit_new(&config);
  wpm_kit_add(store, 1);
  *state = store;
  return 0;
}

static int set_tag(wpm_store *store, const char *name, int32_t value, bool protects) {
  wpm_tag tag = {
      .name = wpm_text_of(name), .value = value, .protects = protects, .expires = WPM_WALL_NONE};
  return wpm_store_set_tag(store, wpm_kit_id(1), &tag);
}

static int set_app(wpm_store *store, const char *key, const void *value, size_t len) {
  return wpm_store_set_app(store, wpm_kit_id(1), wpm_text_of(key), (wpm_bytes){value, len});
}

static wpm_bytes get_app(const wpm_store *store, const char *key) {
  wpm_bytes value = {NULL, 77};
  assert_int_equal(wpm_store_get_app(store, wpm_kit_id(1), wpm_text_of(key), &value), WPM_OK);
  return value;
}

/* ---- tags ------------------------------------------------------------------------------------ */

static void tags_are_sorted_replaced_and_capped(void **state) {
  wpm_store *store = *state;
  assert_int_equal(set_tag(store, "b", 1, false), WPM_OK);
  assert_int_equal(set_tag(store, "c", INT32_MIN, true), WPM_OK);
  assert_int_equal(set_tag(store, "a", INT32_MAX, false), WPM_OK);
  assert_int_equal(set_tag(store, "d", 4, false), WPM_ERR_FULL);
  assert_int_equal(set_tag(store, "b", 2, true), WPM_OK);
  assert_int_equal(set_tag(store, "", 2, true), WPM_ERR_INVALID);
  assert_int_equal(set_tag(store, "ninebytes", 2, true), WPM_ERR_TOO_LARGE);
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.tag_count, 3);
  assert_true(wpm_text_equal(r.tags[0].name, WPM_TEXT("a")));
  assert_true(r.tags[0].value == INT32_MAX && !r.tags[0].protects);
  assert_true(wpm_text_equal(r.tags[1].name, WPM_TEXT("b")));
  assert_true(r.tags[1].value == 2 && r.tags[1].protects);
  assert_true(r.tags[2].value == INT32_MIN && r.tags[2].protects);
  assert_int_equal(wpm_store_remove_tag(store, wpm_kit_id(1), WPM_TEXT("b")), WPM_OK);
  assert_int_equal(wpm_store_remove_tag(store, wpm_kit_id(1), WPM_TEXT("b")), WPM_ERR_NOT_FOUND);
  assert_int_equal(set_tag(store, "eightbyt", 4, false), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).tag_count, 3);
}

static void a_record_brings_its_tags_and_map(void **state) {
  wpm_store *store = *state;
  wpm_tag tags[] = {{WPM_TEXT("z"), 1, true, WPM_WALL_NONE, 0},
                    {WPM_TEXT("a"), 2, false, WPM_WALL_NONE, 0},
                    {WPM_TEXT("much-too-long"), 3, true, WPM_WALL_NONE, 0}};
  wpm_app_entry app[] = {{WPM_TEXT("k2"), WPM_BYTES("two")}, {WPM_TEXT("k1"), {NULL, 0}}};
  wpm_peer_record r = wpm_kit_record(1);
  r.tags = tags;
  r.tag_count = 3;
  r.app = app;
  r.app_count = 2;
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  r = wpm_kit_get(store, 1);
  assert_int_equal(r.tag_count, 2);
  assert_true(wpm_text_equal(r.tags[0].name, WPM_TEXT("a")));
  assert_true(r.tags[1].protects);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_PROTECTED, 0), 1);
  assert_true(wpm_bytes_equal(get_app(store, "k2"), WPM_BYTES("two")));
  r = wpm_kit_record(1);
  assert_int_equal(wpm_store_put(store, &r), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).tag_count + wpm_kit_get(store, 1).app_count, 0);
  assert_int_equal(wpm_kit_count_of(store, WPM_TERM_PROTECTED, 0), 0);
}

/* ---- the application map --------------------------------------------------------------------- */

static void entries_are_sorted_replaced_and_taken_away(void **state) {
  wpm_store *store = *state;
  wpm_bytes value;
  assert_int_equal(set_app(store, "b", "one", 3), WPM_OK);
  assert_int_equal(set_app(store, "a", "\0zero", 5), WPM_OK);
  assert_int_equal(set_app(store, "c", "", 0), WPM_OK); /* Empty, but there. */
  wpm_peer_record r = wpm_kit_get(store, 1);
  assert_int_equal(r.app_count, 3);
  assert_true(wpm_text_equal(r.app[0].key, WPM_TEXT("a")));
  assert_true(wpm_text_equal(r.app[1].key, WPM_TEXT("b")));
  assert_int_equal(get_app(store, "c").len, 0);
  assert_memory_equal(get_app(store, "a").data, "\0zero", 5);
  assert_int_equal(set_app(store, "b", "another", 7), WPM_OK);
  assert_true(wpm_bytes_equal(get_app(store, "b"), WPM_BYTES("another")));
  assert_int_equal(wpm_kit_get(store, 1).app_count, 3);
  assert_int_equal(set_app(store, "b", NULL, 0), WPM_OK);
  assert_int_equal(wpm_store_get_app(store, wpm_kit_id(1), WPM_TEXT("b"), &value),
                   WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_kit_get(store, 1).app_count, 2);
}

static void keys_may_be_any_bytes(void **state) {
  wpm_store *store = *state;
  static char key[256];
  wpm_bytes id = wpm_kit_id(1);
  memset(key, 0xff, sizeof(key));
  assert_int_equal(wpm_store_set_app(store, id, (wpm_text){key, 0}, id), WPM_ERR_INVALID);
  assert_int_equal(wpm_store_set_app(store, id, (wpm_text){key, 256}, id), WPM_ERR_INVALID);
  assert_int_equal(wpm_store_set_app(store, id, (wpm_text){"\0", 1}, id), WPM_OK);
  wpm_bytes value;
  assert_int_equal(wpm_store_get_app(store, id, (wpm_text){"\0", 1}, &value), WPM_OK);
  assert_true(wpm_bytes_equal(value, id));
}

static void the_map_is_capped_keys_included(void **state) {
  wpm_store *store = *state;
  static const uint8_t much[100];
  assert_int_equal(set_app(store, "k", much, 99), WPM_OK);
  assert_int_equal(set_app(store, "l", much, 0), WPM_ERR_FULL);
  assert_int_equal(set_app(store, "k", much, 100), WPM_ERR_FULL);
  assert_int_equal(get_app(store, "k").len, 99);
  assert_int_equal(set_app(store, "k", much, 98), WPM_OK); /* In place of the 99. */
  assert_int_equal(set_app(store, "l", much, 0), WPM_OK);
  assert_int_equal(wpm_kit_get(store, 1).app_count, 2);
}

static void without_a_cap_a_value_has_16_bits_of_length(void **state) {
  (void)state;
  static const uint8_t much[65536];
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_app_bytes = 0;
  wpm_store *store = wpm_kit_new(&config);
  wpm_kit_add(store, 1);
  assert_int_equal(set_app(store, "k", much, 65535), WPM_OK);
  assert_int_equal(set_app(store, "l", much, 65535), WPM_OK);
  assert_int_equal(set_app(store, "k", much, 65536), WPM_ERR_INVALID);
  assert_int_equal(get_app(store, "k").len, 65535);
  wpm_kit_free(store);
}

/* ---- private keys ---------------------------------------------------------------------------- */

static void private_keys_lie_apart(void **state) {
  wpm_store *store = *state;
  wpm_bytes key;
  uint64_t cursor = wpm_store_feed_end(store);
  uint64_t keys = 0;
  wpm_bytes id;
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(1), &key), WPM_ERR_NOT_FOUND);
  assert_false(wpm_store_next_private_key(store, &keys, &id, &key));
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), WPM_BYTES("secret 1")), WPM_OK);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(2), WPM_BYTES("secret 2")), WPM_OK);
  assert_int_equal(wpm_store_count(store), 1); /* 2 is not held for that. */
  assert_int_equal(wpm_kit_get(store, 1).public_key.len, 0);
  wpm_store_change change;
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(1), &key), WPM_OK);
  assert_true(wpm_bytes_equal(key, WPM_BYTES("secret 1")));
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), WPM_BYTES("another")), WPM_OK);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(1), &key), WPM_OK);
  assert_true(wpm_bytes_equal(key, WPM_BYTES("another")));
  unsigned seen = 0;
  while (wpm_store_next_private_key(store, &keys, &id, &key)) {
    seen |= 1u << wpm_kit_number(id);
  }
  assert_int_equal(seen, 1u << 1 | 1u << 2);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){NULL, 0}), WPM_OK);
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(1), &key), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){NULL, 0}), WPM_OK);
}

static void private_keys_have_limits(void **state) {
  wpm_store *store = *state;
  static const uint8_t much[65536];
  wpm_bytes key;
  assert_int_equal(wpm_store_set_private_key(store, (wpm_bytes){much, 256}, wpm_kit_id(1)),
                   WPM_ERR_INVALID);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){much, 65536}),
                   WPM_ERR_INVALID);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){much, 65535}),
                   WPM_OK);
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(1), &key), WPM_OK);
  assert_int_equal(key.len, 65535);
  for (unsigned i = 2; i < 600; i++) { /* The table grows. */
    assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(i), wpm_kit_id(i)), WPM_OK);
  }
  for (unsigned i = 2; i < 600; i++) {
    assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(i), &key), WPM_OK);
    assert_true(wpm_bytes_equal(key, wpm_kit_id(i)));
  }
}

/* ---- bytes in all ---------------------------------------------------------------------------- */

static void all_memory_is_counted_and_capped(void **state) {
  (void)state;
  enum { CAP = 4 << 20 };
  static const uint8_t much[60000];
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_bytes = CAP;
  config.max_app_bytes = 0;
  wpm_store *store = wpm_kit_new(&config);
  unsigned added = 0;
  int err = WPM_OK;
  while (err == WPM_OK && added < WPM_KIT_IDS - 1) {
    err = wpm_store_add(store, wpm_kit_id(added), 0);
    if (!err) {
      err = wpm_store_set_app(store, wpm_kit_id(added++), WPM_TEXT("k"),
                              (wpm_bytes){much, sizeof(much)});
    }
    assert_in_range(wpm_store_bytes(store), 1, CAP);
  }
  assert_int_equal(err, WPM_ERR_FULL);
  assert_in_range(added, CAP / 2 / sizeof(much), CAP / sizeof(much) + 1);
  wpm_kit_check(store);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){much, 60000}),
                   WPM_ERR_FULL);
  /* What goes makes room, and what is freed is used again. */
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(0)), WPM_OK);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  wpm_kit_add(store, 1);
  assert_int_equal(
      wpm_store_set_app(store, wpm_kit_id(1), WPM_TEXT("k"), (wpm_bytes){much, sizeof(much)}),
      WPM_OK);
  wpm_kit_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(tags_are_sorted_replaced_and_capped),
      TEST(a_record_brings_its_tags_and_map),
      TEST(entries_are_sorted_replaced_and_taken_away),
      TEST(keys_may_be_any_bytes),
      TEST(the_map_is_capped_keys_included),
      cmocka_unit_test(without_a_cap_a_value_has_16_bits_of_length),
      TEST(private_keys_lie_apart),
      TEST(private_keys_have_limits),
      cmocka_unit_test(all_memory_is_counted_and_capped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
