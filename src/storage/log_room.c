#include "storage/log_room.h"

#include <sys/statvfs.h>

/* Less that is free is little: twice what a log is cut back to. */
#define LITTLE_ROOM ((uint64_t)64 << 20)

static bool is_little_free(const char *path) {
  struct statvfs facts;
  return statvfs(path, &facts) == 0 &&
         (uint64_t)facts.f_bavail <= LITTLE_ROOM / (facts.f_frsize > 0 ? facts.f_frsize : 1);
}

void wpm_log_room_committed(wpm_storage *storage) {
  if (is_little_free(storage->path)) { /* Without waiting for readers. */
    (void)sqlite3_wal_checkpoint_v2(storage->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  }
}

void wpm_log_room_lacked(wpm_storage *storage) {
  (void)sqlite3_wal_checkpoint_v2(storage->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
