/* What can be read of a damaged database is saved, and the damaged one kept under another name. */
#include "storage/one_database.h"
#include "support/seed.h"

#include <dirent.h>

enum { PEERS = 200, PAGE = 4096, ROWS_OF_A_PAGE = 60 };

static wpm_storage_rescued rescue(void) {
  wpm_storage_rescued out;
  assert_stored(wpm_storage_rescue(path, &out, error));
  return out;
}

/* Expects that the database is whole and holds what the rescue counted: plain records, of which some
 * may have lost their contact or their protocols. */
static void assert_saved(const wpm_storage_rescued *out) {
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  wpm_storage_checked checked;
  assert_stored(wpm_storage_check(storage, NULL, NULL, &checked, error));
  assert_int_equal(checked.problems, 0);
  stored s = stored_load(storage);
  assert_int_equal(s.count, out->peers);
  assert_int_equal(s.skipped, 0);
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  size_t known = 0;
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_test_record_plain(i, plain);
    const wpm_peer_record *found = stored_find(&s, plain->record.id);
    known += found != NULL;
    assert_true(!found || found->address_count == 2);
  }
  assert_int_equal(known, s.count);
  stored_free(&s);
  free(plain);
  wpm_storage_close(storage);
}

/* Files beside each other, and nothing that a rescue leaves half done. Logs, of which SQLite leaves
 * empty ones behind, are not counted. */
static void assert_only(size_t files) {
  DIR *open_dir = opendir(dir);
  assert_non_null(open_dir);
  size_t count = 0;
  for (const struct dirent *entry; (entry = readdir(open_dir));) {
    assert_null(strstr(entry->d_name, "rescue"));
    count += entry->d_name[0] != '.' && !strstr(entry->d_name, ".db-");
  }
  closedir(open_dir);
  assert_int_equal(count, files);
}

static void a_whole_database_is_saved_whole(void **state) {
  (void)state;
  stored_make(path, PEERS);
  stored_file before = stored_file_read(path);
  wpm_storage_rescued out = rescue();
  assert_true(out.complete);
  assert_int_equal(out.peers, PEERS);
  assert_int_equal(out.unreadable, 0);
  assert_non_null(strstr(out.aside, "/peers.db.damaged-1"));
  stored_assert_unchanged(out.aside, before);
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, PEERS);
  stored_free(&s);
  out = rescue();
  assert_non_null(strstr(out.aside, "/peers.db.damaged-2"));
  assert_only(3);
}

static int take_tombstone(void *user, const wpm_tombstone *tombstone) {
  assert_int_equal(tombstone->ban.length_ns, INT64_MAX);
  ++*(int *)user;
  return WPM_OK;
}

static int take_range_ban(void *user, const wpm_range_ban *ban) {
  assert_int_equal(ban->range.bits, 104);
  assert_int_equal(ban->ban.length_ns, WPM_HOUR);
  ++*(int *)user;
  return WPM_OK;
}

static int take_key(void *user, wpm_bytes id, wpm_bytes key) {
  assert_true(wpm_bytes_equal(id, WPM_BYTES("mine")));
  assert_true(wpm_bytes_equal(key, WPM_BYTES("secret")));
  ++*(int *)user;
  return WPM_OK;
}

/* All kinds of rows, some in the log alone. */
static void what_the_log_holds_is_saved_too(void **state) {
  (void)state;
  const wpm_tombstone tombstone = {.id = WPM_BYTES("gone"), .ban = {.length_ns = INT64_MAX}};
  const wpm_range_ban ban = {.range.bits = 104, .ban.length_ns = WPM_HOUR};
  stored_make(path, PEERS / 2);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, PEERS / 2, PEERS / 2);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put_tombstone(storage, &tombstone, error));
  assert_stored(wpm_storage_put_range_ban(storage, &ban, error));
  assert_stored(
      wpm_storage_put_private_key(storage, WPM_BYTES("mine"), WPM_BYTES("secret"), error));
  assert_stored(wpm_storage_put_heartbeat(storage, (wpm_instant){{1}, {2}, 3}, error));
  assert_stored(wpm_storage_commit(storage, error));
  char *log = wpm_test_dir_file(dir, "peers.db-wal");
  stored_file base = stored_file_read(path);
  stored_file unmerged = stored_file_read(log);
  assert_true(unmerged.len > 0);
  wpm_storage_close(storage);
  stored_file_write(path, base.data, base.len);
  stored_file_write(log, unmerged.data, unmerged.len);
  free(base.data);

  wpm_storage_rescued out = rescue();
  assert_true(out.complete);
  assert_int_equal(out.peers, PEERS);
  assert_int_equal(out.tombstones, 1);
  assert_int_equal(out.range_bans, 1);
  assert_int_equal(out.private_keys, 1);
  assert_int_equal(access(log, F_OK), -1);
  char *aside_log = wpm_test_dir_file(dir, "peers.db.damaged-1-wal");
  stored_assert_unchanged(aside_log, unmerged);
  storage = stored_open(path, WPM_STORAGE_EXISTING);
  int seen = 0;
  assert_stored(wpm_storage_load_tombstones(storage, take_tombstone, &seen, NULL, error));
  assert_stored(wpm_storage_load_private_keys(storage, take_key, &seen, error));
  assert_stored(wpm_storage_load_range_bans(storage, take_range_ban, &seen, NULL, error));
  assert_int_equal(seen, 3);
  wpm_instant heartbeat;
  assert_stored(wpm_storage_heartbeat(storage, &heartbeat, error));
  assert_int_equal(heartbeat.boot_id, 3);
  wpm_storage_close(storage);
  free(aside_log);
  free(log);
}

/* The first name is taken: the log goes with its database, not beside another. */
static void a_log_gets_no_name_of_another_database(void **state) {
  (void)state;
  char *taken = wpm_test_dir_file(dir, "peers.db.damaged-1");
  char *log = wpm_test_dir_file(dir, "peers.db-wal");
  char *wrong = wpm_test_dir_file(dir, "peers.db.damaged-1-wal");
  char *right = wpm_test_dir_file(dir, "peers.db.damaged-2-wal");
  stored_make(path, PEERS);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, 0, 1);
  stored_file unmerged = stored_file_read(log);
  wpm_storage_close(storage);
  stored_file_write(log, unmerged.data, unmerged.len);
  stored_file_write(taken, "older", 5);
  wpm_storage_rescued out = rescue();
  assert_non_null(strstr(out.aside, "/peers.db.damaged-2"));
  assert_int_equal(access(wrong, F_OK), -1);
  stored_assert_unchanged(right, unmerged);
  free(taken);
  free(log);
  free(wrong);
  free(right);
}

/* It is read by its own migration alone: nothing may take its place. */
static void a_database_of_an_older_schema_stays(void **state) {
  (void)state;
  wpm_storage_rescued out;
  wpm_error error = {.text = ""};
  stored_from(path, WPM_TESTS_DIR "/storage/schema-1.sql");
  stored_file before = stored_file_read(path);
  assert_int_equal(wpm_storage_rescue(path, &out, &error), WPM_ERR_CORRUPT);
  assert_non_null(strstr(error.text, "older schema"));
  stored_assert_unchanged(path, before);
  assert_only(1);
}

/* The tables that it has are those of the latest one, which has one more. */
static void a_database_of_schema_2_is_saved(void **state) {
  (void)state;
  stored_from(path, WPM_TESTS_DIR "/storage/schema-2.sql");
  wpm_storage_rescued out = rescue();
  assert_int_equal(out.peers, 3);
  assert_int_equal(out.tombstones, 1);
  assert_int_equal(out.private_keys, 1);
  assert_int_equal(out.range_bans, 0);
  assert_int_equal(out.unreadable, 1);
  stored_sql(out.aside, "DELETE FROM peer WHERE id = x'0001cc'");
  assert_int_equal(rename(out.aside, path), 0);
  assert_true(rescue().complete);
}

/* Each page in turn: only what it held is lost. */
static void a_page_overwritten_loses_its_own_rows_alone(void **state) {
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
    memcpy(whole.data + at, page, PAGE);
    wpm_storage_rescued out = rescue();
    assert_saved(&out);
    assert_int_equal(unlink(out.aside), 0);
    /* But for the first page and the root of a table, little is lost. */
    if (at > 10 * (size_t)PAGE) {
      assert_true(out.peers + ROWS_OF_A_PAGE >= PEERS);
    }
  }
  free(whole.data);
}

static void a_truncated_file_is_saved_in_part(void **state) {
  (void)state;
  stored_make(path, PEERS);
  stored_file whole = stored_file_read(path);
  const size_t lengths[] = {
      whole.len - PAGE, whole.len - PAGE / 2, whole.len / 2, PAGE, PAGE / 2, 50};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    stored_file_write(path, whole.data, lengths[i]);
    wpm_storage_rescued out = rescue();
    assert_true(out.peers < PEERS ? !out.complete : i < 2);
    assert_saved(&out);
  }
  free(whole.data);
}

static void assert_refused(int code) {
  wpm_storage_rescued out;
  wpm_error error = {0, ""};
  stored_file before = stored_file_read(path);
  assert_int_equal(wpm_storage_rescue(path, &out, &error), code);
  assert_int_equal(error.code, code);
  stored_assert_unchanged(path, before);
}

static void a_file_that_never_was_a_database_is_left_alone(void **state) {
  (void)state;
  char text[2 * PAGE];
  memset(text, 'x', sizeof(text));
  const size_t lengths[] = {1, 60, PAGE, sizeof(text)};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    stored_file_write(path, text, lengths[i]);
    assert_refused(WPM_ERR_NOT_FOUND);
    assert_only(1);
  }
}

static void what_is_not_damaged_but_not_ours_is_left_alone(void **state) {
  (void)state;
  assert_refused(WPM_ERR_NOT_FOUND);
  stored_file_write(path, "", 0);
  assert_refused(WPM_ERR_NOT_FOUND);
  stored_make(path, 3);
  stored_sql(path, "PRAGMA user_version = 1000000");
  assert_refused(WPM_ERR_NEWER_SCHEMA);
  stored_sql(path, "PRAGMA application_id = 42");
  assert_refused(WPM_ERR_INVALID);
  assert_only(1);
}

/* Copies a file to a name in the directory. */
static void copy_to(const char *from, const char *name) {
  char *to = wpm_test_dir_file(dir, name);
  stored_file file = stored_file_read(from);
  assert_non_null(file.data);
  stored_file_write(to, file.data, file.len);
  free(file.data);
  free(to);
}

static void remove_if_there(const char *name) {
  char *file = wpm_test_dir_file(dir, name);
  (void)unlink(file);
  free(file);
}

/* The states that a killed rescue leaves behind, one step after the other: the next opening has what
 * was saved, and what was damaged is not lost. */
static void an_interrupted_rescue_is_ended_by_the_next_opening(void **state) {
  (void)state;
  char *good = wpm_test_dir_file(dir, "good");
  char *log = wpm_test_dir_file(dir, "peers.db-wal");
  char *aside = wpm_test_dir_file(dir, "peers.db.damaged-1");
  char *aside_log = wpm_test_dir_file(dir, "peers.db.damaged-1-wal");
  stored_make(good, PEERS);
  for (int step = 2; step <= 4; step++) {
    stored_make(path, 1);
    copy_to(good, "peers.db.rescued");
    if (step < 4) {
      copy_to(good, "peers.db-wal"); /* No log, but it is kept all the same. */
    }
    if (step >= 3) {
      copy_to(path, "peers.db.damaged-1");
      copy_to(good, "peers.db.damaged-1-wal");
    }
    stored s = stored_read(path, WPM_STORAGE_CREATE);
    stored_assert_plain(&s, PEERS);
    stored_free(&s);
    assert_int_equal(access(log, F_OK), -1);
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_equal(access(aside_log, F_OK), 0);
    assert_int_equal(unlink(aside), 0);
    assert_int_equal(unlink(aside_log), 0);
    assert_int_equal(unlink(path), 0);
    remove_if_there("peers.db.damaged-2");
    remove_if_there("peers.db.damaged-2-wal");
  }
  /* Killed before the fresh one was complete. */
  stored_make(path, 2);
  copy_to(good, "peers.db.rescue");
  stored s = stored_read(path, WPM_STORAGE_CREATE);
  stored_assert_plain(&s, 2);
  stored_free(&s);
  wpm_storage_rescued out = rescue();
  assert_int_equal(out.peers, 2);
  free(aside_log);
  free(aside);
  free(log);
  free(good);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_whole_database_is_saved_whole),
      TEST(what_the_log_holds_is_saved_too),
      TEST(a_log_gets_no_name_of_another_database),
      TEST(a_database_of_an_older_schema_stays),
      TEST(a_database_of_schema_2_is_saved),
      TEST(a_page_overwritten_loses_its_own_rows_alone),
      TEST(a_truncated_file_is_saved_in_part),
      TEST(a_file_that_never_was_a_database_is_left_alone),
      TEST(what_is_not_damaged_but_not_ours_is_left_alone),
      TEST(an_interrupted_rescue_is_ended_by_the_next_opening),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
