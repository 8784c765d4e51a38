/* Every read, write and sync of a scripted run fails, is cut short, or finds the disk full, once and
 * from one on: the error is reported, nothing stored before is lost or torn, a batch is there whole or
 * not at all, and what was reported as committed is. The same for a rescue. */
#include "storage/stored.h"
#include "support/seed.h"
#include "support/storage/faulty_vfs.h"

enum { OLD = 30, NEW = 40, PAGE = 4096, MOST_CALLS = 20000 };

static char *dir;
static char *path;

static int install(void **state) {
  (void)state;
  wpm_disk_install();
  return 0;
}

static int set_up(void **state) {
  (void)state;
  dir = wpm_test_dir_new();
  path = wpm_test_dir_file(dir, "peers.db");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(path);
  wpm_test_dir_remove(dir);
  return 0;
}

static void remove_all(void) {
  static const char *const names[] = {"peers.db", "peers.db-wal", "peers.db-shm",
                                      "peers.db.damaged-1", "peers.db.rescue"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char *name = wpm_test_dir_file(dir, names[i]);
    (void)unlink(name);
    free(name);
  }
}

static int count_one(void *user, const wpm_peer_record *record) {
  (void)record;
  ++*(size_t *)user;
  return WPM_OK;
}

/* Stores the new peers, changes the contact of the old ones twice, and puts them back as they were. */
static int write_batch(wpm_storage *storage, wpm_error *error) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  int err = wpm_storage_begin(storage, error);
  for (uint32_t i = 0; !err && i < NEW; i++) {
    wpm_test_record_plain(OLD + i, plain);
    err = wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, error);
  }
  for (uint32_t i = 0; !err && i < 2 * OLD; i++) {
    wpm_test_record_plain(i % OLD, plain);
    plain->record.rtt_ns += i < OLD;
    err = wpm_storage_put(storage, &plain->record, WPM_FIELD_RTT, error);
  }
  free(plain);
  return err ? err : wpm_storage_commit(storage, error);
}

/* Opens, loads, stores, closes. *committed: the batch was reported to be stored. */
static int run_script(bool *committed, wpm_error *error) {
  wpm_storage *storage = NULL;
  size_t loaded = 0;
  *committed = false;
  int err = wpm_storage_open(path, WPM_STORAGE_CREATE, &storage, error);
  if (!err) {
    err = wpm_storage_load(storage, count_one, &loaded, NULL, error);
  }
  if (!err) {
    err = write_batch(storage, error);
    *committed = !err;
  }
  wpm_storage_close(storage);
  return err;
}

static void assert_whole(bool committed) {
  stored s = stored_read(path, WPM_STORAGE_CREATE);
  stored_assert_plain(&s, committed || s.count != OLD ? OLD + NEW : OLD);
  stored_free(&s);
}

/* False once there is no such call any more. */
static bool with_fault(const wpm_disk_plan *plan) {
  wpm_error error = {0, ""};
  bool committed = false;
  remove_all();
  stored_make(path, OLD);
  wpm_disk_arm(plan);
  int err = run_script(&committed, &error);
  bool failed = wpm_disk_disarm() > 0;
  assert_true(failed || err == WPM_OK);
  assert_true(!err || (error.code == err && strstr(error.text, "peers.db")));
  if (err && err != WPM_ERR_IO && err != WPM_ERR_DISK_FULL && err != WPM_ERR_LOCKED) {
    fail_msg("call %zu: %s", plan->first, error.text);
  }
  assert_whole(committed);
  assert_int_equal(run_script(&committed, &error), WPM_OK);
  assert_whole(true);
  return failed;
}

static const struct {
  wpm_disk_call call;
  wpm_disk_fault fault;
} faults[] = {{WPM_DISK_READ, WPM_DISK_FAILS},    {WPM_DISK_READ, WPM_DISK_SHORT},
              {WPM_DISK_WRITE, WPM_DISK_FAILS},   {WPM_DISK_WRITE, WPM_DISK_SHORT},
              {WPM_DISK_WRITE, WPM_DISK_IS_FULL}, {WPM_DISK_SYNC, WPM_DISK_FAILS}};
enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static void every_call_to_the_disk_may_fail(void **state) {
  (void)state;
  for (size_t i = 0; i < FAULTS; i++) {
    for (int only_one = 0; only_one < 2; only_one++) {
      wpm_disk_plan plan = {
          .call = faults[i].call, .fault = faults[i].fault, .first = 1, .only_one = only_one};
      while (plan.first < MOST_CALLS && with_fault(&plan)) {
        plan.first++;
      }
      assert_true(plan.first > 1 && plan.first < MOST_CALLS);
    }
  }
}

/* A disk that gives back half of what there is, or nothing, once: an opening looks again, and calls no
 * healthy file damaged. */
static void a_read_that_fails_once_does_not_fail_an_opening(void **state) {
  (void)state;
  for (int mode = WPM_STORAGE_EXISTING; mode <= WPM_STORAGE_READ_ONLY; mode++) {
    for (int fault = WPM_DISK_FAILS; fault <= WPM_DISK_SHORT; fault += WPM_DISK_SHORT) {
      wpm_disk_plan plan = {
          .call = WPM_DISK_READ, .fault = (wpm_disk_fault)fault, .first = 0, .only_one = true};
      bool failed = true;
      remove_all();
      stored_make(path, OLD);
      while (failed) {
        plan.first++;
        wpm_storage *storage = NULL;
        wpm_error error = {0, ""};
        wpm_disk_arm(&plan);
        int err = wpm_storage_open(path, (wpm_storage_mode)mode, &storage, &error);
        failed = wpm_disk_disarm() > 0;
        if (err != WPM_OK) {
          fail_msg("read %zu: %s", plan.first, error.text);
        }
        assert_int_equal(error.code, WPM_OK);
        wpm_storage_close(storage);
      }
      assert_true(plan.first > 2 && plan.first < MOST_CALLS);
      assert_whole(false);
    }
  }
}

/* From one on all reads are short: that is an error of the disk, and says nothing of the file. */
static void short_reads_are_no_damage(void **state) {
  (void)state;
  bool failed = true;
  stored_make(path, OLD);
  for (size_t n = 1; failed && n < MOST_CALLS; n++) {
    wpm_disk_plan plan = {.call = WPM_DISK_READ, .fault = WPM_DISK_SHORT, .first = n};
    wpm_storage *storage = NULL;
    wpm_error error = {0, ""};
    size_t loaded = 0;
    wpm_disk_arm(&plan);
    int err = wpm_storage_open(path, WPM_STORAGE_EXISTING, &storage, &error);
    if (!err) {
      err = wpm_storage_load(storage, count_one, &loaded, NULL, &error);
    }
    failed = wpm_disk_disarm() > 0;
    assert_true(failed ? err == WPM_ERR_IO : err == WPM_OK);
    wpm_storage_close(storage);
  }
  assert_false(failed);
  assert_whole(false);
}

/* A rescue that fails leaves the damaged database, or is ended by the next opening. */
static bool rescue_with_fault(const wpm_disk_plan *plan, const stored_file *damaged) {
  wpm_storage_rescued out;
  wpm_error problem = {0, ""};
  remove_all();
  stored_file_write(path, damaged->data, damaged->len);
  wpm_disk_arm(plan);
  int err = wpm_storage_rescue(path, &out, &problem);
  bool failed = wpm_disk_disarm() > 0;
  assert_true(failed || err == WPM_OK);
  if (err) {
    assert_int_equal(problem.code, err);
    assert_stored(wpm_storage_rescue(path, &out, error));
  }
  assert_non_null(strstr(out.aside, ".damaged-1"));
  assert_true(out.peers > 0 && out.peers < OLD + NEW);
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  assert_int_equal(s.count, out.peers);
  stored_assert_among_plain(&s, OLD + NEW);
  stored_free(&s);
  return failed;
}

static void every_call_of_a_rescue_may_fail(void **state) {
  (void)state;
  stored_make(path, OLD + NEW);
  stored_file damaged = stored_file_read(path);
  /* Before the last page, which may be one of the root of a small table, lie leaves of peers. */
  char *leaf = stored_ask(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'peer'");
  size_t root = (size_t)strtoul(leaf, NULL, 10);
  sqlite3_free(leaf);
  const uint8_t *page = damaged.data + (root - 1) * PAGE;
  size_t child = (size_t)page[8] << 24 | (size_t)page[9] << 16 | (size_t)page[10] << 8 | page[11];
  assert_true(child > 1 && child <= damaged.len / PAGE);
  memset(damaged.data + (child - 1) * PAGE, 0xee, PAGE);
  for (size_t i = 0; i < FAULTS; i++) {
    wpm_disk_plan plan = {
        .call = faults[i].call, .fault = faults[i].fault, .first = 1, .only_one = true};
    while (plan.first < MOST_CALLS && rescue_with_fault(&plan, &damaged)) {
      plan.first++;
    }
    assert_true(plan.first > 1 && plan.first < MOST_CALLS);
  }
  free(damaged.data);
}

/* ---- power loss ------------------------------------------------------------------------------ */

/* After each of a series of batches the power fails, in the middle of the next one: what was committed
 * is there, and nothing else. */
static void what_was_committed_survives_a_power_loss(void **state) {
  (void)state;
  enum { BATCHES = 12, EACH = 30 };
  wpm_disk_remember_syncs();
  for (uint32_t batch = 0; batch < BATCHES; batch++) {
    wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
    wpm_test_record *plain = malloc(sizeof(*plain));
    assert_non_null(plain);
    stored_put_plain(storage, batch * EACH, EACH);
    assert_stored(wpm_storage_begin(storage, error));
    for (uint32_t i = 0; i < 20 * EACH; i++) {
      wpm_test_record_plain(100000 + i, plain);
      assert_stored(wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, error));
    }
    free(plain);
    /* What the disk has now is what a process that dies here leaves, if the power fails as well. */
    char *after = wpm_test_dir_file(dir, "after.db");
    static const char *const suffixes[] = {"", "-wal"};
    for (size_t i = 0; i < 2; i++) {
      char from[512];
      char to[512];
      snprintf(from, sizeof(from), "%s%s.synced", path, suffixes[i]);
      snprintf(to, sizeof(to), "%s%s.synced", after, suffixes[i]);
      stored_file file = stored_file_read(from);
      if (file.data) {
        stored_file_write(to, file.data, file.len);
      }
      free(file.data);
    }
    wpm_disk_lose_power(after);
    stored s = stored_read(after, WPM_STORAGE_EXISTING);
    stored_assert_plain(&s, (batch + 1) * EACH);
    stored_free(&s);
    assert_int_equal(unlink(after), 0);
    free(after);
    wpm_storage_close(storage);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_call_to_the_disk_may_fail),
      TEST(a_read_that_fails_once_does_not_fail_an_opening),
      TEST(short_reads_are_no_damage),
      TEST(every_call_of_a_rescue_may_fail),
      TEST(what_was_committed_survives_a_power_loss), /* The last: syncs stay remembered. */
  };
  return cmocka_run_group_tests(tests, install, NULL);
}
