/* Every write, sync and allocation of a scripted run fails once, and from one on: the error is
 * reported, the batch is stored whole or not at all, what was stored before stays, and what is
 * reported as committed has been synced. */
#include "storage/stored.h"
#include "support/alloc_fail.h"

#include <errno.h>

enum { OLD = 6, NEW = 20, MOST_STEPS = 100000 };

static char *dir;
static char *path;

/* ---- failing writes and syncs ---------------------------------------------------------------- */

typedef struct faults {
  size_t seen;     /* Writes and syncs since arming. */
  size_t first;    /* The one that fails; 0: none. */
  bool only_one;   /* Later ones pass. */
  size_t failed;   /* How many failed. */
  int number;      /* The errno of a failed write. */
  size_t unsynced; /* Writes since the last sync. */
  size_t synced;   /* Syncs that passed. */
} faults;

static faults now;

static bool must_fail(void) {
  now.seen++;
  bool fails = now.first && (now.only_one ? now.seen == now.first : now.seen >= now.first);
  now.failed += fails;
  return fails;
}

typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
static pwrite_fn real_pwrite;

static ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t offset) {
  if (must_fail()) {
    errno = now.number;
    return -1;
  }
  now.unsynced++;
  return real_pwrite(fd, data, len, offset);
}

static int faulty_sync(void) {
  if (must_fail()) {
    errno = EIO;
    return -1;
  }
  now.unsynced = 0;
  now.synced++;
  return 0; /* Not a test of the disk. */
}

/* In place of libc's: SQLite finds these first. */
__attribute__((visibility("default"))) int fdatasync(int fd) {
  (void)fd;
  return faulty_sync();
}

__attribute__((visibility("default"))) int fsync(int fd) {
  (void)fd;
  return faulty_sync();
}

static void replace_pwrite(void) {
  static const char *const names[] = {"pwrite64", "pwrite"};
  sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
  assert_non_null(vfs);
  for (size_t i = 0; i < 2; i++) {
    sqlite3_syscall_ptr real = vfs->xGetSystemCall(vfs, names[i]);
    if (real) {
      real_pwrite = (pwrite_fn)real;
      assert_int_equal(vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr)faulty_pwrite),
                       SQLITE_OK);
      return;
    }
  }
  fail_msg("SQLite writes by another call");
}

/* ---- failing allocations inside of SQLite ---------------------------------------------------- */

static sqlite3_mem_methods real_memory;
static size_t allocation_to_fail; /* 0: none. */
static bool only_one_allocation;
static size_t allocations;
static size_t failed_allocations;

static bool allocation_fails(void) {
  allocations++;
  bool fails = allocation_to_fail && (only_one_allocation ? allocations == allocation_to_fail
                                                          : allocations >= allocation_to_fail);
  failed_allocations += fails;
  return fails;
}

static void *faulty_malloc(int size) {
  return allocation_fails() ? NULL : real_memory.xMalloc(size);
}

static void *faulty_realloc(void *old, int size) {
  return allocation_fails() ? NULL : real_memory.xRealloc(old, size);
}

static int take_over_sqlite(void **state) {
  (void)state;
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
  sqlite3_mem_methods faulty = real_memory;
  faulty.xMalloc = faulty_malloc;
  faulty.xRealloc = faulty_realloc;
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty), SQLITE_OK);
  assert_int_equal(sqlite3_initialize(), SQLITE_OK);
  replace_pwrite();
  return 0;
}

static void disarm(void) {
  now.first = 0;
  allocation_to_fail = 0;
  wpm_alloc_fail_off();
}

/* ---- the script ------------------------------------------------------------------------------ */

static wpm_test_record news[NEW];

static int set_up(void **state) {
  (void)state;
  dir = wpm_test_dir_new();
  path = wpm_test_dir_file(dir, "peers.db");
  for (uint32_t i = 0; i < NEW; i++) {
    wpm_test_record_plain(OLD + i, &news[i]);
  }
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(path);
  wpm_test_dir_remove(dir);
  return 0;
}

static int count_one(void *user, const wpm_peer_record *record) {
  (void)record;
  ++*(size_t *)user;
  return WPM_OK;
}

/* Opens, loads, stores the new peers and a heartbeat in one batch. *committed: it was reported to be
 * stored. Returns the first error. */
static int run_script(bool *committed, wpm_error *error) {
  wpm_storage *storage = NULL;
  size_t loaded = 0;
  *committed = false;
  int err = wpm_storage_open(path, WPM_STORAGE_CREATE, &storage, error);
  if (!err) {
    err = wpm_storage_load(storage, count_one, &loaded, NULL, error);
  }
  if (!err) {
    err = wpm_storage_begin(storage, error);
  }
  for (uint32_t i = 0; !err && i < NEW; i++) {
    err = wpm_storage_put(storage, &news[i].record, WPM_FIELD_ALL, error);
  }
  if (!err) {
    err = wpm_storage_put_heartbeat(storage, (wpm_instant){{1}, {2}, 3}, error);
  }
  if (!err) {
    err = wpm_storage_commit(storage, error);
    *committed = !err;
  }
  wpm_storage_close(storage);
  return err;
}

/* After a run with faults: the peers stored before are there, the new ones all or none, all where
 * they were reported to be. A run without faults then works. */
static void assert_recovers(bool committed) {
  wpm_error error = {0, ""};
  stored s = stored_read(path, WPM_STORAGE_CREATE);
  if (committed || s.count != OLD) {
    stored_assert_plain(&s, OLD + NEW);
  } else {
    stored_assert_plain(&s, OLD);
  }
  stored_free(&s);
  assert_int_equal(run_script(&committed, &error), WPM_OK);
  s = stored_read(path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, OLD + NEW);
  stored_free(&s);
}

static void start_over(void) {
  static const char *const names[] = {"peers.db", "peers.db-wal", "peers.db-shm"};
  for (size_t i = 0; i < 3; i++) {
    char *name = wpm_test_dir_file(dir, names[i]);
    (void)unlink(name);
    free(name);
  }
  stored_make(path, OLD);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_commit_is_synced_before_it_returns(void **state) {
  (void)state;
  enum { COMMITS = 10 };
  stored_make(path, OLD);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  for (uint32_t i = 0; i < COMMITS; i++) {
    now = (faults){0};
    stored_put_plain(storage, OLD + i, 1);
    assert_true(now.seen > now.synced); /* It wrote, … */
    assert_true(now.synced >= 1);       /* and synced, … */
    assert_int_equal(now.unsynced, 0);  /* and nothing was written behind that. */
  }
  wpm_storage_close(storage);
}

/* Returns false once the n-th write or sync no longer exists. */
static bool with_failing_write(size_t n, bool only_one, int number) {
  wpm_error error = {0, ""};
  bool committed = false;
  start_over();
  now = (faults){.first = n, .only_one = only_one, .number = number};
  int err = run_script(&committed, &error);
  bool failed = now.failed > 0;
  disarm();
  if (!failed) {
    assert_int_equal(err, WPM_OK);
  } else if (!only_one && !committed) {
    assert_true(err == (number == ENOSPC ? WPM_ERR_DISK_FULL : WPM_ERR_IO) || err == WPM_ERR_IO);
  }
  assert_true(!err || (error.code == err && strstr(error.text, "peers.db")));
  assert_recovers(committed);
  return failed;
}

static void any_write_may_fail(void **state) {
  (void)state;
  for (int kind = 0; kind < 4; kind++) {
    size_t n = 1;
    while (n < MOST_STEPS && with_failing_write(n, kind % 2 == 0, kind < 2 ? EIO : ENOSPC)) {
      n++;
    }
    assert_true(n > 5 && n < MOST_STEPS); /* There were some to fail. */
  }
}

/* Runs the script with an allocation failing, in SQLite or in ours. */
static bool with_failing_allocation(size_t n, bool only_one, bool in_sqlite) {
  wpm_error error = {0, ""};
  bool committed = false;
  start_over();
  now = (faults){0};
  if (in_sqlite) {
    allocations = 0;
    failed_allocations = 0;
    only_one_allocation = only_one;
    allocation_to_fail = n;
  } else if (only_one) {
    wpm_alloc_fail_once_at(n);
  } else {
    wpm_alloc_fail_at(n);
  }
  int err = run_script(&committed, &error);
  bool failed = in_sqlite ? failed_allocations > 0 : wpm_alloc_failed() > 0;
  disarm();
  if (err && err != WPM_ERR_NO_MEMORY) {
    fail_msg("allocation %zu: %s", n, error.text);
  }
  assert_true(failed || err == WPM_OK);
  assert_recovers(committed);
  return failed;
}

static void any_allocation_of_ours_may_fail(void **state) {
  (void)state;
  for (int only_one = 0; only_one < 2; only_one++) {
    size_t n = 1;
    while (n < MOST_STEPS && with_failing_allocation(n, only_one, false)) {
      n++;
    }
    assert_true(n > 5 && n < MOST_STEPS);
  }
}

/* There are thousands: a few are left out, others each time. */
static void any_allocation_of_sqlite_may_fail(void **state) {
  (void)state;
  for (int only_one = 0; only_one < 2; only_one++) {
    size_t n = 1;
    while (n < MOST_STEPS && with_failing_allocation(n, only_one, true)) {
      n += 1 + n / 16;
    }
    assert_true(n > 100 && n < MOST_STEPS);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_commit_is_synced_before_it_returns),
      TEST(any_write_may_fail),
      TEST(any_allocation_of_ours_may_fail),
      TEST(any_allocation_of_sqlite_may_fail),
  };
  return cmocka_run_group_tests(tests, take_over_sqlite, NULL);
}
