/* Counts and sizes, the full check, compacting. */
#include "storage/one_database.h"

enum { PEERS = 300, PAGE = 4096 };

static wpm_storage_info info_of(wpm_storage *storage) {
  wpm_storage_info info;
  assert_stored(wpm_storage_get_info(storage, &info, error));
  return info;
}

static void counts_and_sizes_are_told(void **state) {
  (void)state;
  const wpm_tombstone tombstone = {.id = WPM_BYTES("gone")};
  const wpm_range_ban ban = {.range.bits = 8, .ban.length_ns = 1};
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  wpm_storage_info info = info_of(storage);
  assert_int_equal(
      info.peers + info.contacts + info.tombstones + info.range_bans + info.private_keys, 0);
  assert_int_equal(info.schema, wpm_storage_schema_latest());
  stored_put_plain(storage, 0, PEERS);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put_tombstone(storage, &tombstone, error));
  assert_stored(wpm_storage_put_range_ban(storage, &ban, error));
  assert_stored(wpm_storage_put_private_key(storage, WPM_BYTES("mine"), WPM_BYTES("key"), error));
  assert_stored(wpm_storage_commit(storage, error));
  info = info_of(storage);
  assert_int_equal(info.peers, PEERS);
  assert_int_equal(info.contacts, PEERS);
  assert_int_equal(info.tombstones, 1);
  assert_int_equal(info.range_bans, 1);
  assert_int_equal(info.private_keys, 1);
  assert_int_equal(info.words, 7);
  assert_true(info.file_bytes >= 10 * PAGE && info.file_bytes % PAGE == 0);
  assert_true(info.log_bytes > PEERS * 100);
  wpm_storage_close(storage);
  storage = stored_open(path, WPM_STORAGE_READ_ONLY);
  info = info_of(storage);
  assert_int_equal(info.peers, PEERS);
  assert_int_equal(info.log_bytes, 0);
  wpm_storage_close(storage);
}

/* ---- check ----------------------------------------------------------------------------------- */

typedef struct told {
  size_t sentences;
  char last[256];
} told;

static void take_problem(void *user, const char *text) {
  told *t = user;
  t->sentences++;
  snprintf(t->last, sizeof(t->last), "%s", text);
}

static wpm_storage_checked check(told *t) {
  wpm_storage_checked checked;
  wpm_storage *storage = stored_open(path, WPM_STORAGE_READ_ONLY);
  *t = (told){.sentences = 0};
  assert_stored(wpm_storage_check(storage, take_problem, t, &checked, error));
  wpm_storage_close(storage);
  return checked;
}

static void every_kind_of_problem_is_found(void **state) {
  (void)state;
  static const struct {
    const char *sql;
    const char *word;
  } spoilt[] = {
      {"UPDATE peer SET data = substr(data, 2) WHERE peer = (SELECT max(peer) FROM peer)",
       "a record cannot be decoded"},
      {"UPDATE peer SET peer = 5 WHERE peer = (SELECT max(peer) FROM peer)", "a contact belongs"},
      {"DELETE FROM contact WHERE peer = (SELECT max(peer) FROM peer)", "a record has no contact"},
      {"UPDATE contact SET data = substr(data, 2) WHERE peer = (SELECT max(peer) FROM peer)",
       "a contact cannot be decoded"},
      {"INSERT INTO word VALUES (4000, x'00')", "a word cannot be decoded"},
      {"INSERT INTO tombstone VALUES (x'00', x'00')", "a tombstone cannot be decoded"},
      {"INSERT INTO range_ban VALUES (x'00', x'00')", "the ban of a range cannot be decoded"},
  };
  told t;
  for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
    stored_make(path, PEERS);
    wpm_storage_checked checked = check(&t);
    assert_int_equal(checked.problems, 0);
    assert_int_equal(t.sentences, 0);
    assert_int_equal(checked.rows, 2 * PEERS + 7);
    stored_sql(path, spoilt[i].sql);
    checked = check(&t);
    assert_true(checked.problems >= 1 && checked.problems <= 4);
    assert_int_equal(t.sentences, checked.problems);
    assert_true(i == 1 || strstr(t.last, spoilt[i].word));
    assert_int_equal(unlink(path), 0);
  }
}

static void damaged_pages_are_problems_among_others(void **state) {
  (void)state;
  told t;
  stored_make(path, PEERS);
  stored_file file = stored_file_read(path);
  memset(file.data + file.len - 3 * PAGE, 0xee, PAGE);
  stored_file_write(path, file.data, file.len);
  free(file.data);
  wpm_storage_checked checked = check(&t);
  assert_true(checked.problems >= 2); /* Of SQLite's check, and of reading. */
  assert_true(checked.rows < 2 * PEERS + 7);
}

/* ---- compact --------------------------------------------------------------------------------- */

static void compacting_frees_room_and_forgets_words(void **state) {
  (void)state;
  const wpm_text protocol = WPM_TEXT("/once/used");
  const wpm_peer_record other = {
      .id = WPM_BYTES("other"), .protocols = &protocol, .protocol_count = 1};
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &other, WPM_FIELD_ALL, error));
  assert_int_equal(wpm_storage_compact(storage, NULL), WPM_ERR_STATE);
  assert_stored(wpm_storage_commit(storage, error));
  stored_put_plain(storage, 0, 4 * PEERS);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_remove(storage, other.id, error));
  for (uint32_t i = PEERS; i < 4 * PEERS; i++) {
    wpm_test_record_plain(i, plain);
    assert_stored(wpm_storage_remove(storage, plain->record.id, error));
  }
  assert_stored(wpm_storage_commit(storage, error));
  free(plain);
  wpm_storage_info before = info_of(storage);
  assert_int_equal(before.words, 8);
  assert_true(before.free_bytes > 0);
  assert_stored(wpm_storage_compact(storage, error));
  wpm_storage_info after = info_of(storage);
  assert_int_equal(after.words, 7);
  assert_int_equal(after.free_bytes, 0);
  assert_int_equal(after.log_bytes, 0);
  assert_true(after.file_bytes < before.file_bytes + before.log_bytes);
  stored s = stored_load(storage);
  stored_assert_plain(&s, PEERS);
  stored_free(&s);
  /* The number of the word that is gone is given to another. */
  const wpm_text newer = WPM_TEXT("/newer");
  const wpm_peer_record next = {.id = WPM_BYTES("next"), .protocols = &newer, .protocol_count = 1};
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &next, WPM_FIELD_ALL, error));
  assert_stored(wpm_storage_commit(storage, error));
  s = stored_load(storage);
  assert_true(wpm_record_equal(stored_find(&s, next.id), &next));
  stored_free(&s);
  stored_assert_answer(path, "SELECT max(word) FROM word", "7");
  wpm_storage_close(storage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(counts_and_sizes_are_told),
      TEST(every_kind_of_problem_is_found),
      TEST(damaged_pages_are_problems_among_others),
      TEST(compacting_frees_room_and_forgets_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
