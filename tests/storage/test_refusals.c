/* What the system refuses: locked, read-only, full, missing, moved. Each is its own error, names the
 * file and the remedy, and costs nothing that is stored. */
#include "storage/one_database.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static void assert_error(const wpm_error *error, int code, const char *word) {
  if (error->code != code || !strstr(error->text, "peers.db") || !strstr(error->text, word)) {
    fail_msg("%d, '%s' expected; got %d: %s", code, word, error->code, error->text);
  }
}

static void assert_refused(wpm_storage_mode mode, int code, const char *word) {
  wpm_storage *storage = NULL;
  wpm_error error = {0, ""};
  int err = wpm_storage_open(path, mode, &storage, &error);
  assert_null(storage);
  assert_error(&error, code, word);
  assert_int_equal(err, code);
}

/* Tries to store plain records in one batch; on an error rolls back. */
static int try_to_put(wpm_storage *storage, uint32_t first, uint32_t count, wpm_error *error) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  int err = wpm_storage_begin(storage, error);
  for (uint32_t i = 0; !err && i < count; i++) {
    wpm_test_record_plain(first + i, plain);
    err = wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, error);
  }
  if (!err) {
    err = wpm_storage_commit(storage, error);
  }
  if (err) {
    wpm_storage_rollback(storage);
  }
  free(plain);
  return err;
}

static void assert_holds(wpm_storage *storage, uint32_t count) {
  stored s = stored_load(storage);
  stored_assert_plain(&s, count);
  stored_free(&s);
}

static void assert_file_holds(wpm_storage_mode mode, uint32_t count) {
  stored s = stored_read(path, mode);
  stored_assert_plain(&s, count);
  stored_free(&s);
}

/* ---- missing, moved -------------------------------------------------------------------------- */

static void a_path_that_leads_nowhere_is_named(void **state) {
  (void)state;
  wpm_storage *storage = NULL;
  wpm_error error = {0, ""};
  assert_int_equal(wpm_storage_open("", WPM_STORAGE_CREATE, &storage, &error), WPM_ERR_INVALID);
  assert_int_equal(wpm_storage_open(NULL, WPM_STORAGE_CREATE, &storage, &error), WPM_ERR_INVALID);
  assert_refused(WPM_STORAGE_EXISTING, WPM_ERR_NOT_FOUND, "does not exist");
  assert_refused(WPM_STORAGE_READ_ONLY, WPM_ERR_NOT_FOUND, "does not exist");
  assert_int_equal(access(path, F_OK), -1);

  assert_int_equal(mkdir(path, 0700), 0);
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_IO, "not a file");
  free(path);
  path = wpm_test_dir_file(dir, "none/peers.db");
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_IO, "create its directory");
}

static void a_long_path_leaves_room_for_the_sentence(void **state) {
  (void)state;
  enum { DEPTH = 8 };
  char *deep = strdup(dir);
  for (int i = 0; i < DEPTH; i++) {
    char *deeper = wpm_test_dir_file(deep, "a-directory-with-a-long-name");
    assert_int_equal(mkdir(deeper, 0700), 0);
    free(deep);
    deep = deeper;
  }
  free(path);
  path = wpm_test_dir_file(deep, "peers.db");
  stored_file_write(path, "no database", 11);
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_CORRUPT, "a good copy in its place");
  free(deep);
}

static void a_file_moved_while_open_is_not_written(void **state) {
  (void)state;
  wpm_error error = {0, ""};
  char *elsewhere = wpm_test_dir_file(dir, "moved.db");
  stored_make(path, 2);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, 2, 1);
  assert_int_equal(rename(path, elsewhere), 0);
  assert_int_equal(try_to_put(storage, 3, 1, &error), WPM_ERR_IO);
  assert_error(&error, WPM_ERR_IO, "put it back");
  assert_refused(WPM_STORAGE_EXISTING, WPM_ERR_CORRUPT, "log away"); /* Its log is in use. */
  stored_file_write(path, "replaced", 8);
  assert_int_equal(try_to_put(storage, 3, 1, &error), WPM_ERR_IO);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rename(elsewhere, path), 0);
  assert_int_equal(try_to_put(storage, 3, 1, &error), WPM_OK);
  wpm_storage_close(storage);
  assert_file_holds(WPM_STORAGE_EXISTING, 4);
  free(elsewhere);
}

/* ---- locked ---------------------------------------------------------------------------------- */

static sqlite3 *lock(const char *sql) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  return db;
}

static void a_locked_file_is_free_again_afterwards(void **state) {
  (void)state;
  stored_make(path, 2);
  sqlite3 *other = lock("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_LOCKED, "another process");
  assert_refused(WPM_STORAGE_READ_ONLY, WPM_ERR_LOCKED, "another process");
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  assert_file_holds(WPM_STORAGE_EXISTING, 2);
}

static void a_transaction_of_someone_else_holds_a_batch_up(void **state) {
  (void)state;
  wpm_error error = {0, ""};
  stored_make(path, 2);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  sqlite3 *other = lock("BEGIN IMMEDIATE");
  assert_int_equal(try_to_put(storage, 2, 1, &error), WPM_ERR_LOCKED);
  assert_error(&error, WPM_ERR_LOCKED, "its open transaction");
  assert_holds(storage, 2); /* Reading goes on. */
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  assert_int_equal(try_to_put(storage, 2, 1, &error), WPM_OK);
  wpm_storage_close(storage);
  assert_file_holds(WPM_STORAGE_EXISTING, 3);
}

/* ---- a disk of our own ----------------------------------------------------------------------- */

/* Mounts a file system in memory on `dir`, seen by this process alone. False, with a reason, where
 * that is not permitted. */
static bool mount_disk(const char *options) {
  static bool is_apart;
  if (!is_apart &&
      (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)) {
    print_message("mounting is not permitted here (%s)\n", strerror(errno));
    return false;
  }
  is_apart = true;
  if (mount("tmpfs", dir, "tmpfs", 0, options) != 0) {
    print_message("a disk in memory cannot be mounted here (%s)\n", strerror(errno));
    return false;
  }
  return true;
}

static void unmount_disk(void) {
  assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

/* ---- read-only ------------------------------------------------------------------------------- */

/* What holds for a file that can be read but not written. */
static void assert_can_only_be_read(uint32_t count) {
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_READ_ONLY, "make the file and its directory writable");
  assert_refused(WPM_STORAGE_EXISTING, WPM_ERR_READ_ONLY,
                 "make the file and its directory writable");
  wpm_storage *storage = stored_open(path, WPM_STORAGE_READ_ONLY);
  assert_holds(storage, count);
  wpm_error error = {0, ""};
  assert_int_equal(wpm_storage_begin(storage, &error), WPM_ERR_READ_ONLY);
  wpm_storage_close(storage);
}

static void copy(const char *from, const char *to) {
  stored_file file = stored_file_read(from);
  assert_non_null(file.data);
  stored_file_write(to, file.data, file.len);
  free(file.data);
}

/* Copies the open database with its log, as a killed process leaves it. */
static void copy_as_killed(const char *to) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < 3; i++) {
    char from_name[512];
    char to_name[512];
    snprintf(from_name, sizeof(from_name), "%s%s", path, suffixes[i]);
    snprintf(to_name, sizeof(to_name), "%s%s", to, suffixes[i]);
    copy(from_name, to_name);
  }
}

static void a_read_only_disk_can_still_be_read(void **state) {
  (void)state;
  if (!mount_disk("size=4m")) {
    skip();
  }
  stored_make(path, 3);
  char *killed = wpm_test_dir_file(dir, "killed-peers.db");
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, 3, 2);
  copy_as_killed(killed);
  wpm_storage_close(storage);

  assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
  assert_can_only_be_read(5);
  free(path);
  path = killed;
  assert_can_only_be_read(5);
  free(path);
  path = wpm_test_dir_file(dir, "new-peers.db");
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_READ_ONLY, "make the file and its directory writable");

  assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT, NULL), 0);
  stored_make(path, 1);
  unmount_disk();
}

static void permission_bits_are_respected(void **state) {
  (void)state;
  enum { NOBODY = 65534 };
  uid_t before = geteuid();
  if (before == 0) { /* Whom they do not bind. */
    assert_int_equal(chown(dir, NOBODY, (gid_t)-1), 0);
    assert_int_equal(seteuid(NOBODY), 0);
  }
  stored_make(path, 3);
  assert_int_equal(chmod(path, 0400), 0);
  assert_can_only_be_read(3);
  assert_int_equal(chmod(path, 0600), 0);
  assert_file_holds(WPM_STORAGE_EXISTING, 3);
  assert_int_equal(chmod(dir, 0500), 0);
  assert_can_only_be_read(3);
  assert_int_equal(chmod(dir, 0700), 0);
  assert_file_holds(WPM_STORAGE_EXISTING, 3);
  assert_int_equal(seteuid(before), 0);
}

/* ---- disk full ------------------------------------------------------------------------------- */

/* Takes the disk's last bytes. */
static char *fill_disk(void) {
  enum { STEP = 1024 };
  static const char zeros[STEP];
  char *name = wpm_test_dir_file(dir, "filler");
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  while (write(fd, zeros, STEP) > 0) {}
  assert_int_equal(errno, ENOSPC);
  close(fd);
  return name;
}

static void empty_disk(char *filler) {
  assert_int_equal(unlink(filler), 0);
  free(filler);
}

static void assert_log_is_empty(void) {
  char *name = wpm_test_dir_file(dir, "peers.db-wal");
  struct stat facts;
  assert_int_equal(stat(name, &facts), 0);
  assert_int_equal(facts.st_size, 0);
  free(name);
}

/* The log of so many commits is five times the disk. */
static void a_small_disk_is_not_filled_by_the_log(void **state) {
  (void)state;
  enum { FEW = 5, COMMITS = 500 };
  wpm_error error = {0, ""};
  if (!mount_disk("size=400k")) {
    skip();
  }
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  for (int i = 0; i < COMMITS; i++) {
    if (try_to_put(storage, 0, FEW, &error) != WPM_OK) {
      fail_msg("commit %d: %s", i, error.text);
    }
  }
  wpm_storage_close(storage);
  assert_file_holds(WPM_STORAGE_EXISTING, FEW);
  unmount_disk();
}

static void a_full_disk_is_written_again_once_there_is_room(void **state) {
  (void)state;
  enum { FEW = 5, MANY = 400 };
  wpm_error error = {0, ""};
  if (!mount_disk("size=2m")) {
    skip();
  }
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  stored_put_plain(storage, 0, FEW);
  char *filler = fill_disk();
  assert_int_equal(try_to_put(storage, FEW, MANY, &error), WPM_ERR_DISK_FULL);
  assert_error(&error, WPM_ERR_DISK_FULL, "free some");
  assert_log_is_empty(); /* What the batch had written gives its room back. */
  assert_holds(storage, FEW);
  assert_int_equal(try_to_put(storage, FEW, MANY, &error), WPM_ERR_DISK_FULL);
  empty_disk(filler);
  assert_int_equal(try_to_put(storage, FEW, MANY, &error), WPM_OK);
  wpm_storage_close(storage);
  assert_file_holds(WPM_STORAGE_EXISTING, FEW + MANY);
  unmount_disk();
}

static void a_database_on_a_full_disk_can_still_be_read(void **state) {
  (void)state;
  enum { PEERS = 50 };
  if (!mount_disk("size=1m")) {
    skip();
  }
  stored_make(path, PEERS);
  char *filler = fill_disk();
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_DISK_FULL, "free some");
  assert_file_holds(WPM_STORAGE_READ_ONLY, PEERS);
  char *there = path;
  path = wpm_test_dir_file(dir, "new-peers.db");
  assert_refused(WPM_STORAGE_CREATE, WPM_ERR_DISK_FULL, "free some");
  free(path);
  path = there;
  empty_disk(filler);
  assert_file_holds(WPM_STORAGE_EXISTING, PEERS);
  unmount_disk();
}

/* As a quota does it: works everywhere. */
static void a_limit_on_the_size_of_files_is_like_a_full_disk(void **state) {
  (void)state;
  enum { FEW = 5, MANY = 400, LIMIT = 64 * 1024 };
  wpm_error error = {0, ""};
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit limited = {LIMIT, before.rlim_max};
  assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  stored_put_plain(storage, 0, FEW);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
  int err = try_to_put(storage, FEW, MANY, &error);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_error(&error, WPM_ERR_DISK_FULL, "File too large");
  assert_int_equal(err, WPM_ERR_DISK_FULL);
  assert_holds(storage, FEW);
  assert_int_equal(try_to_put(storage, FEW, MANY, &error), WPM_OK);
  wpm_storage_close(storage);
  assert_file_holds(WPM_STORAGE_EXISTING, FEW + MANY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_path_that_leads_nowhere_is_named),
      TEST(a_long_path_leaves_room_for_the_sentence),
      TEST(a_file_moved_while_open_is_not_written),
      TEST(a_locked_file_is_free_again_afterwards),
      TEST(a_transaction_of_someone_else_holds_a_batch_up),
      TEST(a_read_only_disk_can_still_be_read),
      TEST(permission_bits_are_respected),
      TEST(a_small_disk_is_not_filled_by_the_log),
      TEST(a_full_disk_is_written_again_once_there_is_room),
      TEST(a_database_on_a_full_disk_can_still_be_read),
      TEST(a_limit_on_the_size_of_files_is_like_a_full_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
