#include "support/storage/faulty_vfs.h"

#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A write or truncation that is not synced yet. */
typedef struct pending {
  struct pending *next;
  sqlite3_int64 offset; /* Of a truncation: the new size. */
  int len;              /* -1: a truncation. */
  unsigned char data[];
} pending;

/* One open file; the real one lies behind it in the same allocation. */
typedef struct disk_file {
  sqlite3_file base;  /* What SQLite sees. */
  sqlite3_file *real; /* The system's. */
  int synced;         /* Descriptor of NAME.synced; -1: nothing is remembered. */
  pending *first;     /* Writes since the last sync. */
  pending **last;     /* Where the next is linked in. */
} disk_file;

static sqlite3_vfs *system_vfs;
static sqlite3_vfs disk_vfs;
static bool remembers;

/* Armed by one thread while another works. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static wpm_disk_plan plan;
static size_t seen;
static size_t failed;

/* Whether this call is to fail; it has waited where that was to be. */
static bool must_fail(wpm_disk_call call, wpm_disk_fault *fault) {
  pthread_mutex_lock(&mutex);
  bool counts = plan.first > 0 && plan.call == call;
  seen += counts;
  bool fails = counts && (plan.only_one ? seen == plan.first : seen >= plan.first);
  failed += fails;
  wpm_disk_plan now = plan;
  pthread_mutex_unlock(&mutex);
  *fault = now.fault;
  if (fails && now.fault == WPM_DISK_WAITS) {
    now.wait(now.user);
    return false;
  }
  return fails;
}

void wpm_disk_arm(const wpm_disk_plan *to_follow) {
  pthread_mutex_lock(&mutex);
  plan = *to_follow;
  seen = 0;
  failed = 0;
  pthread_mutex_unlock(&mutex);
}

size_t wpm_disk_disarm(void) {
  pthread_mutex_lock(&mutex);
  plan.first = 0;
  size_t count = failed;
  pthread_mutex_unlock(&mutex);
  return count;
}

void wpm_disk_remember_syncs(void) {
  remembers = true;
}

/* ---- what a power loss leaves ---------------------------------------------------------------- */

static void remember(disk_file *file, const void *data, int len, sqlite3_int64 offset) {
  if (file->synced < 0) {
    return;
  }
  pending *p = malloc(sizeof(*p) + (len > 0 ? (size_t)len : 0));
  assert_non_null(p);
  *p = (pending){.offset = offset, .len = len};
  if (len > 0) {
    memcpy(p->data, data, (size_t)len);
  }
  *file->last = p;
  file->last = &p->next;
}

static void forget(disk_file *file) {
  while (file->first) {
    pending *p = file->first;
    file->first = p->next;
    free(p);
  }
  file->last = &file->first;
}

static void keep_synced(disk_file *file) {
  for (const pending *p = file->first; file->synced >= 0 && p; p = p->next) {
    if (p->len < 0) {
      assert_int_equal(ftruncate(file->synced, p->offset), 0);
    } else {
      assert_int_equal(pwrite(file->synced, p->data, (size_t)p->len, p->offset), p->len);
    }
  }
  forget(file);
}

static char *suffixed(const char *path, const char *suffix) {
  size_t size = strlen(path) + strlen(suffix) + 1;
  char *name = malloc(size);
  assert_non_null(name);
  snprintf(name, size, "%s%s", path, suffix);
  return name;
}

/* What there is of a file when it is first opened counts as synced. */
static int open_synced(const char *path) {
  enum { BLOCK = 65536 };
  static char block[BLOCK];
  char *name = suffixed(path, ".synced");
  bool is_new = access(name, F_OK) != 0;
  int synced = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int now = is_new ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  assert_true(synced >= 0);
  for (ssize_t len; now >= 0 && (len = read(now, block, BLOCK)) > 0;) {
    assert_int_equal(write(synced, block, (size_t)len), len);
  }
  if (now >= 0) {
    close(now);
  }
  free(name);
  return synced;
}

void wpm_disk_lose_power(const char *path) {
  static const char *const suffixes[] = {"", "-wal"};
  for (size_t i = 0; i < 2; i++) {
    char *name = suffixed(path, suffixes[i]);
    char *synced = suffixed(name, ".synced");
    if (access(synced, F_OK) == 0) {
      assert_int_equal(rename(synced, name), 0);
    }
    free(synced);
    free(name);
  }
  char *shared = suffixed(path, "-shm");
  (void)unlink(shared); /* Memory. */
  free(shared);
}

/* ---- files ----------------------------------------------------------------------------------- */

static disk_file *of(sqlite3_file *file) {
  return (disk_file *)file;
}

static int disk_close(sqlite3_file *file) {
  disk_file *f = of(file);
  forget(f);
  if (f->synced >= 0) {
    close(f->synced);
  }
  return f->real->pMethods->xClose(f->real);
}

static int disk_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset) {
  sqlite3_file *real = of(file)->real;
  wpm_disk_fault fault;
  if (!must_fail(WPM_DISK_READ, &fault)) {
    return real->pMethods->xRead(real, out, len, offset);
  }
  if (fault == WPM_DISK_SHORT) { /* As SQLite's contract has it: the rest is zeros. */
    (void)real->pMethods->xRead(real, out, len, offset);
    memset((char *)out + len / 2, 0, (size_t)(len - len / 2));
    return SQLITE_IOERR_SHORT_READ;
  }
  return SQLITE_IOERR_READ;
}

static int disk_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset) {
  sqlite3_file *real = of(file)->real;
  wpm_disk_fault fault;
  if (must_fail(WPM_DISK_WRITE, &fault)) {
    if (fault == WPM_DISK_SHORT) {
      (void)real->pMethods->xWrite(real, data, len / 2, offset);
      remember(of(file), data, len / 2, offset);
    }
    return fault == WPM_DISK_IS_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  remember(of(file), data, len, offset);
  return real->pMethods->xWrite(real, data, len, offset);
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size) {
  sqlite3_file *real = of(file)->real;
  remember(of(file), NULL, -1, size);
  return real->pMethods->xTruncate(real, size);
}

/* Really syncing would only cost time. */
static int disk_sync(sqlite3_file *file, int flags) {
  wpm_disk_fault fault;
  (void)flags;
  if (must_fail(WPM_DISK_SYNC, &fault)) {
    return fault == WPM_DISK_IS_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
  }
  keep_synced(of(file));
  return SQLITE_OK;
}

static int disk_size(sqlite3_file *file, sqlite3_int64 *out) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xFileSize(real, out);
}

static int disk_lock(sqlite3_file *file, int lock) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xLock(real, lock);
}

static int disk_unlock(sqlite3_file *file, int lock) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xUnlock(real, lock);
}

static int disk_check_lock(sqlite3_file *file, int *out) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xCheckReservedLock(real, out);
}

static int disk_control(sqlite3_file *file, int operation, void *argument) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xFileControl(real, operation, argument);
}

static int disk_sector(sqlite3_file *file) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xSectorSize(real);
}

static int disk_traits(sqlite3_file *file) {
  (void)file;
  return 0; /* It promises nothing. */
}

static int disk_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xShmMap(real, page, size, extend, out);
}

static int disk_shared_lock(sqlite3_file *file, int offset, int n, int flags) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xShmLock(real, offset, n, flags);
}

static void disk_barrier(sqlite3_file *file) {
  sqlite3_file *real = of(file)->real;
  real->pMethods->xShmBarrier(real);
}

static int disk_unmap(sqlite3_file *file, int remove) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_lock,
    .xUnlock = disk_unlock,
    .xCheckReservedLock = disk_check_lock,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector,
    .xDeviceCharacteristics = disk_traits,
    .xShmMap = disk_map,
    .xShmLock = disk_shared_lock,
    .xShmBarrier = disk_barrier,
    .xShmUnmap = disk_unmap,
};

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *out) {
  disk_file *f = of(file);
  (void)vfs;
  *f = (disk_file){.real = (sqlite3_file *)(f + 1), .synced = -1};
  f->last = &f->first;
  f->real->pMethods = NULL;
  int code = system_vfs->xOpen(system_vfs, name, f->real, flags, out);
  if (!f->real->pMethods) {
    return code; /* Not opened: nothing is to be closed. */
  }
  f->base.pMethods = &methods;
  if (remembers && name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) {
    f->synced = open_synced(name);
  }
  return code;
}

/* A file that was removed is gone at once, as its directory was synced. */
static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_directory) {
  (void)vfs;
  int code = system_vfs->xDelete(system_vfs, name, sync_directory);
  if (remembers && code == SQLITE_OK) {
    char *synced = suffixed(name, ".synced");
    (void)unlink(synced);
    free(synced);
  }
  return code;
}

void wpm_disk_install(void) {
  if (system_vfs) {
    return;
  }
  system_vfs = sqlite3_vfs_find(NULL);
  assert_non_null(system_vfs);
  disk_vfs = *system_vfs;
  disk_vfs.zName = "wpm-disk";
  disk_vfs.szOsFile = (int)sizeof(disk_file) + system_vfs->szOsFile;
  disk_vfs.xOpen = disk_open;
  disk_vfs.xDelete = disk_delete;
  disk_vfs.pNext = NULL;
  assert_int_equal(sqlite3_vfs_register(&disk_vfs, 1), SQLITE_OK);
}
