/* Private keys leave no trace: what the process holds in memory is searched for them. */
#include "support/alloc_fail.h"
#include "support/core/store_kit.h"

#include "base/bytes.h"
#include "core/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
  KEY = 64,
  TAIL = 16,       /* Whose last bytes are looked for: allocators write into the first. */
  PIECE = 1 << 16, /* Bytes read at a time. */
  LARGEST = 256 * 1024 * 1024 /* A mapping that is larger is a sanitizer's own. */
};

/* Byte `at` of key `number`: made anew at each use, so that no copy lies about. */
static uint8_t byte_of(unsigned number, size_t at) {
  uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + at * UINT64_C(0xbf58476d1ce4e5b9);
  x ^= x >> 29;
  x *= UINT64_C(0x94d049bb133111eb);
  return (uint8_t)(x >> 56);
}

static void set_key(wpm_store *store, unsigned peer, unsigned number) {
  uint8_t key[KEY];
  for (size_t i = 0; i < KEY; i++) {
    key[i] = byte_of(number, i);
  }
  int err = wpm_store_set_private_key(store, wpm_kit_id(peer), (wpm_bytes){key, KEY});
  wpm_wipe(key, sizeof(key));
  assert_int_equal(err, WPM_OK);
}

/* How often the end of the key lies in `bytes`. */
static size_t count_in(const uint8_t *bytes, size_t len, unsigned number) {
  size_t found = 0;
  const uint8_t *end = bytes + len;
  const uint8_t *at = bytes;
  while (end - at >= TAIL && (at = memchr(at, byte_of(number, KEY - TAIL), (size_t)(end - at)))) {
    size_t same = 0;
    while (same < TAIL && at + same < end && at[same] == byte_of(number, KEY - TAIL + same)) {
      same++;
    }
    found += same == TAIL;
    at++;
  }
  return found;
}

static size_t count_in_mapping(int memory, uint64_t begin, uint64_t end, unsigned number) {
  static uint8_t piece[PIECE];
  size_t found = 0;
  for (uint64_t at = begin; at + TAIL <= end; at += PIECE - TAIL) {
    size_t len = end - at < PIECE ? end - at : PIECE;
    ssize_t got = pread(memory, piece, len, (off_t)at);
    if (got > 0 && !((uint64_t)(uintptr_t)piece < at + len &&
                     at < (uint64_t)(uintptr_t)piece + sizeof(piece))) {
      found += count_in(piece, (size_t)got, number);
    }
    wpm_wipe(piece, sizeof(piece));
  }
  return found;
}

/* How often the key lies in the process's memory, freed or not. */
static size_t count_everywhere(unsigned number) {
  char line[512];
  size_t found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  assert_non_null(maps);
  assert_true(memory >= 0);
  while (fgets(line, sizeof(line), maps)) {
    uint64_t begin = 0;
    uint64_t end = 0;
    char rights[5] = "";
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, rights) == 3 &&
        rights[0] == 'r' && rights[1] == 'w' && end - begin <= LARGEST) {
      found += count_in_mapping(memory, begin, end, number);
    }
  }
  close(memory);
  fclose(maps);
  return found;
}

static void a_key_that_is_held_is_found(void **state) {
  set_key(*state, 1, 1);
  assert_true(count_everywhere(1) >= 1); /* So the search does find one. */
}

static void a_key_that_is_forgotten_is_wiped(void **state) {
  wpm_store *store = *state;
  set_key(store, 1, 2);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){NULL, 0}), WPM_OK);
  assert_int_equal(count_everywhere(2), 0);
}

static void a_key_that_is_replaced_is_wiped(void **state) {
  wpm_store *store = *state;
  set_key(store, 1, 3);
  set_key(store, 1, 4);
  assert_int_equal(count_everywhere(3), 0);
  assert_int_equal(count_everywhere(4), 1);
}

static void no_copy_is_left_as_the_tables_grow(void **state) {
  wpm_store *store = *state;
  set_key(store, 1, 5);
  for (unsigned i = 2; i < 1000; i++) {
    set_key(store, i, 1000 + i);
  }
  assert_int_equal(count_everywhere(5), 1);
  wpm_bytes key;
  assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(1), &key), WPM_OK);
  assert_int_equal(key.len, KEY);
  assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(1), (wpm_bytes){NULL, 0}), WPM_OK);
  assert_int_equal(count_everywhere(5), 0);
}

static void a_store_that_ends_wipes_its_keys(void **state) {
  (void)state;
  wpm_store *store = wpm_kit_new(NULL);
  for (unsigned i = 0; i < 20; i++) {
    set_key(store, i, 100 + i);
  }
  wpm_kit_free(store);
  for (unsigned i = 0; i < 20; i += 7) {
    assert_int_equal(count_everywhere(100 + i), 0);
  }
}

/* No more is cleared or copied in one call than a chunk of the table. (The map's tables are larger, but
 * cleared piece by piece.) */
static void no_key_touches_more_than_a_chunk(void **state) {
  enum { KEYS = 40000 };
  wpm_store *store = *state;
  for (unsigned i = 0; i < KEYS; i++) {
    wpm_alloc_watch();
    set_key(store, i, i);
    if (wpm_alloc_largest_touched() > sizeof(wpm_secret *) << WPM_CHUNK_BITS) {
      fail_msg("key %u: %zu bytes at once", i, wpm_alloc_largest_touched());
    }
  }
  wpm_alloc_fail_at(1); /* Forgetting needs no memory. */
  for (unsigned i = 0; i < KEYS; i += 2) {
    assert_int_equal(wpm_store_set_private_key(store, wpm_kit_id(i), (wpm_bytes){NULL, 0}), WPM_OK);
  }
  wpm_alloc_fail_off();
  size_t before = wpm_secrets_bytes(&store->secrets);
  for (unsigned i = 0; i < KEYS; i += 2) { /* In the places of those. */
    set_key(store, i, KEYS + i);
  }
  assert_true(wpm_secrets_bytes(&store->secrets) - before <= KEYS / 2 * (KEY + 64));
  assert_int_equal(store->secrets.count, KEYS);
  uint64_t cursor = 0;
  size_t count = 0;
  wpm_bytes id;
  wpm_bytes key;
  while (wpm_store_next_private_key(store, &cursor, &id, &key)) {
    unsigned number = wpm_kit_number(id);
    assert_int_equal(key.len, KEY);
    assert_int_equal(key.data[0], byte_of(number % 2 ? number : KEYS + number, 0));
    count++;
  }
  assert_int_equal(count, KEYS);
}

/* Wherever memory fails while the table grows: the key is not taken, no copy of it is left, and those
 * that are there stay. */
static void without_memory_a_key_is_not_taken(void **state) {
  (void)state;
  enum { KEYS = 5000 };
  unsigned failures = 0;
  wpm_store *store = wpm_kit_new(NULL);
  for (unsigned i = 0; i < KEYS; i++) {
    for (size_t n = 1;; n++) {
      uint8_t key[KEY];
      for (size_t at = 0; at < KEY; at++) {
        key[at] = byte_of(50000 + i, at);
      }
      wpm_alloc_fail_once_at(n);
      int err = wpm_store_set_private_key(store, wpm_kit_id(i), (wpm_bytes){key, KEY});
      wpm_alloc_fail_off();
      wpm_wipe(key, sizeof(key));
      if (err == WPM_OK) {
        break;
      }
      assert_int_equal(err, WPM_ERR_NO_MEMORY);
      wpm_bytes held;
      assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(i), &held), WPM_ERR_NOT_FOUND);
      assert_int_equal(store->secrets.count, i);
      failures++;
      if (n > 1 && i > 4000) { /* The table's own memory failed, not that of the key alone. */
        assert_int_equal(count_everywhere(50000 + i), 0);
      }
    }
  }
  assert_true(failures > KEYS); /* Each key's own memory, and whenever a table grows. */
  for (unsigned i = 0; i < KEYS; i++) {
    wpm_bytes held;
    assert_int_equal(wpm_store_get_private_key(store, wpm_kit_id(i), &held), WPM_OK);
    assert_int_equal(held.data[KEY - 1], byte_of(50000 + i, KEY - 1));
  }
  wpm_kit_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_kit_setup, wpm_kit_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_key_that_is_held_is_found),
      TEST(a_key_that_is_forgotten_is_wiped),
      TEST(a_key_that_is_replaced_is_wiped),
      TEST(no_copy_is_left_as_the_tables_grow),
      cmocka_unit_test(a_store_that_ends_wipes_its_keys),
      TEST(no_key_touches_more_than_a_chunk),
      cmocka_unit_test(without_memory_a_key_is_not_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
