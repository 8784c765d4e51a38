/* A damaged file is reported, and left as it is. */
#include "storage/one_database.h"
#include "support/seed.h"

enum { PEERS = 120, PAGE = 4096 };

/* Expects that opening in each mode reports damage and what to do, and changes nothing. */
static void assert_damaged(void) {
  for (int mode = WPM_STORAGE_CREATE; mode <= WPM_STORAGE_READ_ONLY; mode++) {
    stored_file before = stored_file_read(path);
    wpm_storage *storage = NULL;
    wpm_error error = {0, ""};
    assert_int_equal(wpm_storage_open(path, (wpm_storage_mode)mode, &storage, &error),
                     WPM_ERR_CORRUPT);
    assert_null(storage);
    assert_non_null(strstr(error.text, "peers.db"));
    assert_non_null(strstr(error.text, "away to start afresh"));
    stored_assert_unchanged(path, before);
  }
}

/* Whether damage shows when the file is opened, or else when it is read; that changes nothing. */
static bool is_noticed(wpm_storage_mode mode) {
  wpm_storage *storage = NULL;
  wpm_storage_checked checked = {.problems = 0};
  wpm_error problem = {0, ""};
  stored s = {NULL, 0, 0};
  stored_file before = stored_file_read(path);
  int err = wpm_storage_open(path, mode, &storage, &problem);
  if (!err) {
    assert_stored(wpm_storage_check(storage, NULL, NULL, &checked, error));
    err = wpm_storage_load(storage, stored_take, &s, &s.skipped, &problem);
    stored_assert_among_plain(&s, PEERS);
  }
  /* What can be read is saved by a start; only what never was a database has nothing to save. */
  assert_true(!err || (err == WPM_ERR_CORRUPT &&
                       (strstr(problem.text, "starting the daemon saves what can be read") ||
                        strstr(problem.text, "is no SQLite database"))));
  assert_true(!err || !storage || checked.problems > 0);
  bool noticed = err || s.skipped > 0 || checked.problems > 0;
  stored_free(&s);
  wpm_storage_close(storage);
  stored_assert_unchanged(path, before);
  return noticed;
}

static void a_file_that_is_no_database_is_left_alone(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  uint8_t garbage[3 * PAGE];
  for (size_t i = 0; i < sizeof(garbage); i++) {
    garbage[i] = (uint8_t)wpm_test_random(&seed);
  }
  stored_file_write(path, garbage, sizeof(garbage));
  assert_damaged();
  const char text[] = "not a database";
  stored_file_write(path, text, strlen(text));
  assert_damaged();
}

static void a_truncated_file_is_left_alone(void **state) {
  (void)state;
  stored_make(path, PEERS);
  stored_file whole = stored_file_read(path);
  assert_true(whole.len > 10 * PAGE);
  const size_t lengths[] = {
      whole.len - PAGE, whole.len - PAGE / 2, whole.len / 2, PAGE, PAGE / 2, 50};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    stored_file_write(path, whole.data, lengths[i]);
    assert_true(is_noticed(WPM_STORAGE_EXISTING));
    assert_true(is_noticed(WPM_STORAGE_READ_ONLY));
  }
  free(whole.data);
}

static void a_page_overwritten_is_noticed(void **state) {
  (void)state;
  stored_make(path, PEERS);
  uint64_t seed = wpm_test_seed();
  stored_file whole = stored_file_read(path);
  uint8_t page[PAGE];
  for (size_t at = 0; at < whole.len; at += PAGE) {
    memcpy(page, whole.data + at, PAGE);
    for (size_t i = 0; i < PAGE; i++) {
      whole.data[at + i] = (uint8_t)wpm_test_random(&seed);
    }
    stored_file_write(path, whole.data, whole.len);
    assert_true(is_noticed(WPM_STORAGE_EXISTING));
    memcpy(whole.data + at, page, PAGE);
  }
  stored_file_write(path, whole.data, whole.len);
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, PEERS);
  stored_free(&s);
  free(whole.data);
}

/* A byte flipped anywhere is an error, or leaves records that are whole or skipped: none is read as
 * another than it was. */
static void a_flipped_byte_does_no_further_harm(void **state) {
  (void)state;
  enum { FLIPS = 150 };
  stored_make(path, PEERS);
  uint64_t seed = wpm_test_seed();
  stored_file whole = stored_file_read(path);
  for (int i = 0; i < FLIPS; i++) {
    size_t at = wpm_test_random_below(&seed, whole.len);
    uint8_t before = whole.data[at];
    whole.data[at] ^= (uint8_t)(1 + wpm_test_random_below(&seed, 255));
    stored_file_write(path, whole.data, whole.len);
    whole.data[at] = before;
    wpm_storage *storage = NULL;
    wpm_error error = {0, ""};
    int err = wpm_storage_open(path, WPM_STORAGE_READ_ONLY, &storage, &error);
    if (!err) {
      stored s = {NULL, 0, 0};
      err = wpm_storage_load(storage, stored_take, &s, &s.skipped, &error);
      stored_assert_among_plain(&s, PEERS);
      stored_free(&s);
    }
    assert_true(!err || error.code == err);
    wpm_storage_close(storage);
  }
  free(whole.data);
}

/* The database is gone, but not what its last run had not merged yet. */
static void a_log_without_its_database_is_left_alone(void **state) {
  (void)state;
  stored_make(path, 1);
  char *log = wpm_test_dir_file(dir, "peers.db-wal");
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, 1, PEERS);
  stored_file unmerged = stored_file_read(log);
  assert_true(unmerged.len > 0);
  wpm_storage_close(storage);
  stored_file_write(log, unmerged.data, unmerged.len);
  free(unmerged.data);

  stored_file_write(path, "", 0);
  for (int is_missing = 0; is_missing < 2; is_missing++) {
    for (int mode = WPM_STORAGE_CREATE; mode <= WPM_STORAGE_READ_ONLY; mode++) {
      stored_file before = stored_file_read(log);
      wpm_error error = {0, ""};
      assert_int_equal(wpm_storage_open(path, (wpm_storage_mode)mode, &storage, &error),
                       WPM_ERR_CORRUPT);
      assert_non_null(strstr(error.text, "put the database back"));
      stored_assert_unchanged(log, before);
      assert_int_equal(access(path, F_OK), is_missing ? -1 : 0);
    }
    (void)unlink(path);
  }
  free(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Else records that use the damaged word would seem to use another. */
static void the_number_of_a_damaged_word_is_not_given_away(void **state) {
  (void)state;
  const wpm_text fresh[] = {WPM_TEXT("/of/a/newcomer/1"), WPM_TEXT("/of/a/newcomer/2")};
  stored_make(path, 2);
  stored_sql(path, "UPDATE word SET data = x'00' WHERE word = 0");
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  size_t skipped = s.skipped;
  assert_true(skipped > 0);
  stored_free(&s);
  wpm_peer_record newcomer = {.id = WPM_BYTES("newcomer"),
                              .protocols = fresh,
                              .protocol_count = 2,
                              .protocols_known = true};
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &newcomer, WPM_FIELD_ALL, error));
  assert_stored(wpm_storage_commit(storage, error));
  wpm_storage_close(storage);
  s = stored_read(path, WPM_STORAGE_EXISTING);
  assert_int_equal(s.skipped, skipped);
  assert_int_equal(stored_find(&s, newcomer.id)->protocol_count, 2);
  stored_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_file_that_is_no_database_is_left_alone),
      TEST(a_truncated_file_is_left_alone),
      TEST(a_page_overwritten_is_noticed),
      TEST(a_flipped_byte_does_no_further_harm),
      TEST(a_log_without_its_database_is_left_alone),
      TEST(the_number_of_a_damaged_word_is_not_given_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
