#include "storage/whole_reads.h"

#include <pthread.h>
#include <stddef.h>

/* One open file; the system's lies behind it in the same allocation. */
typedef struct whole_file {
  sqlite3_file base; /* What SQLite sees. */
  sqlite3_file *real;
} whole_file;

static sqlite3_file *real_of(sqlite3_file *file) {
  return ((whole_file *)(void *)file)->real;
}

/* ---- the one call that differs --------------------------------------------------------------- */

static int whole_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset) {
  sqlite3_file *real = real_of(file);
  sqlite3_int64 size = 0;
  int code = real->pMethods->xRead(real, out, len, offset);
  if (code != SQLITE_IOERR_SHORT_READ) {
    return code;
  }
  int asked = real->pMethods->xFileSize(real, &size);
  return asked == SQLITE_OK && offset <= size - len ? SQLITE_IOERR_READ : code;
}

/* ---- the others, passed on ------------------------------------------------------------------- */

static int whole_close(sqlite3_file *file) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xClose(real);
}

static int whole_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xWrite(real, data, len, offset);
}

static int whole_truncate(sqlite3_file *file, sqlite3_int64 size) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xTruncate(real, size);
}

static int whole_sync(sqlite3_file *file, int flags) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xSync(real, flags);
}

static int whole_size(sqlite3_file *file, sqlite3_int64 *out) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xFileSize(real, out);
}

static int whole_lock(sqlite3_file *file, int lock) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xLock(real, lock);
}

static int whole_unlock(sqlite3_file *file, int lock) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xUnlock(real, lock);
}

static int whole_check_lock(sqlite3_file *file, int *out) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xCheckReservedLock(real, out);
}

static int whole_control(sqlite3_file *file, int operation, void *argument) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xFileControl(real, operation, argument);
}

static int whole_sector(sqlite3_file *file) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xSectorSize(real);
}

static int whole_traits(sqlite3_file *file) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xDeviceCharacteristics(real);
}

static int whole_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xShmMap(real, page, size, extend, out);
}

static int whole_shared_lock(sqlite3_file *file, int offset, int n, int flags) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xShmLock(real, offset, n, flags);
}

static void whole_barrier(sqlite3_file *file) {
  sqlite3_file *real = real_of(file);
  real->pMethods->xShmBarrier(real);
}

static int whole_unmap(sqlite3_file *file, int remove) {
  sqlite3_file *real = real_of(file);
  return real->pMethods->xShmUnmap(real, remove);
}

#define METHODS_1                                                                                  \
  .xClose = whole_close, .xRead = whole_read, .xWrite = whole_write, .xTruncate = whole_truncate,  \
  .xSync = whole_sync, .xFileSize = whole_size, .xLock = whole_lock, .xUnlock = whole_unlock,      \
  .xCheckReservedLock = whole_check_lock, .xFileControl = whole_control,                           \
  .xSectorSize = whole_sector, .xDeviceCharacteristics = whole_traits

/* Without shared memory, and with it. Nothing is mapped for reading (version 3). */
static const sqlite3_io_methods methods_1 = {.iVersion = 1, METHODS_1};
static const sqlite3_io_methods methods_2 = {.iVersion = 2,
                                             METHODS_1,
                                             .xShmMap = whole_map,
                                             .xShmLock = whole_shared_lock,
                                             .xShmBarrier = whole_barrier,
                                             .xShmUnmap = whole_unmap};

/* ---- the VFS --------------------------------------------------------------------------------- */

static sqlite3_vfs *below;
static sqlite3_vfs vfs;
static const char *registered;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int whole_open(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags,
                      int *out) {
  whole_file *whole = (whole_file *)(void *)file;
  (void)self;
  *whole = (whole_file){.real = (sqlite3_file *)(void *)(whole + 1)};
  whole->real->pMethods = NULL;
  int code = below->xOpen(below, name, whole->real, flags, out);
  if (whole->real->pMethods) { /* Else nothing is open that would be to be closed. */
    whole->base.pMethods = whole->real->pMethods->iVersion > 1 ? &methods_2 : &methods_1;
  }
  return code;
}

static void set_up(void) {
  if (sqlite3_initialize() != SQLITE_OK) {
    return;
  }
  below = sqlite3_vfs_find(NULL);
  if (!below) {
    return;
  }
  vfs = *below;
  vfs.zName = "wakupeers-whole-reads";
  vfs.szOsFile = (int)sizeof(whole_file) + below->szOsFile;
  vfs.xOpen = whole_open;
  vfs.pNext = NULL;
  registered = sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? vfs.zName : NULL;
}

/* A library that is unloaded leaves SQLite nothing of itself. */
__attribute__((destructor)) static void tear_down(void) {
  if (registered) {
    (void)sqlite3_vfs_unregister(&vfs);
  }
}

const char *wpm_whole_reads(void) {
  (void)pthread_once(&once, set_up);
  return registered;
}
