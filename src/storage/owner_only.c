#include "storage/owner_only.h"

#include "base/bytes.h"
#include "storage/schema.h"

#include <string.h>
#include <sys/stat.h>

/* Of SQLite's file format: a header of 100 bytes, numbers big-endian. */
#define HEADER 100
#define USER_VERSION 60
#define APPLICATION_ID 68

static uint32_t number_at(const uint8_t *header, size_t offset) {
  const uint8_t *at = header + offset;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whether the file is ours, or empty and to be; false also where it cannot be read. */
static bool is_ours(sqlite3 *db, bool fresh) {
  static const char magic[16] = "SQLite format 3";
  uint8_t header[HEADER];
  sqlite3_int64 size = 0;
  sqlite3_file *file = NULL;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file ||
      !file->pMethods || file->pMethods->xFileSize(file, &size) != SQLITE_OK) {
    return false;
  }
  if (size == 0) {
    return fresh;
  }
  return size >= HEADER && file->pMethods->xRead(file, header, HEADER, 0) == SQLITE_OK &&
         memcmp(header, magic, sizeof(magic)) == 0 &&
         number_at(header, APPLICATION_ID) == WPM_STORAGE_APPLICATION_ID &&
         number_at(header, USER_VERSION) <= (uint32_t)wpm_schema_latest();
}

static void tighten(const char *path) {
  struct stat facts;
  if (lstat(path, &facts) == 0 && S_ISREG(facts.st_mode) &&
      (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    (void)chmod(path, facts.st_mode & S_IRWXU);
  }
}

int wpm_owner_only(sqlite3 *db, const char *real, bool fresh) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  if (!is_ours(db, fresh)) {
    return WPM_OK;
  }
  for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
    char *path = sqlite3_mprintf("%s%s", real, suffixes[i]);
    if (!path) {
      return WPM_ERR_NO_MEMORY;
    }
    tighten(path);
    sqlite3_free(path);
  }
  return WPM_OK;
}
