/* Saving what can be read of a damaged database.
 *
 * The steps, each of which leaves a state that the next opening can go on from:
 *   1. What can be read goes into a fresh database, PATH.rescue, which is brought to disk.
 *   2. It is renamed to PATH.rescued: from here on it is complete.
 *   3. The damaged database and its log get a second name, PATH.damaged-N.
 *   4. The log loses its first name, and the index of the log with it.
 *   5. PATH.rescued is renamed to PATH.
 * Killed before 2, the damaged database is still in its place. Killed later, PATH.rescued is there,
 * and opening takes the steps from 3 on.
 */
#include "base/error.h"
#include "base/record.h"
#include "storage/contact.h"
#include "storage/fault.h"
#include "storage/handle.h"
#include "storage/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_NAMES 1000 /* PATH.damaged-1 and so on. */

/* About how many bytes of the file there are to a peer, at least. */
#define BYTES_OF_A_PEER 64

#define OLDEST_RESCUED 2       /* Schema of the tables that are read here. */
#define SCHEMA_OF_RANGE_BANS 3 /* The first that has them. */

/* Most attempts to read in vain: a damaged page near the root makes all of them fail. */
#define MOST_FAILURES 200000

/* ---- names ----------------------------------------------------------------------------------- */

/* Room for the longest suffix that we put behind a path. */
#define SUFFIX_ROOM 32

/* `path` with `suffix` behind it (malloc). */
static char *with_suffix(const char *path, const char *suffix) {
  size_t len = strlen(path);
  char *name = malloc(len + SUFFIX_ROOM);
  if (name) {
    (void)snprintf(name, len + SUFFIX_ROOM, "%s%s", path, suffix);
  }
  return name;
}

/* Brings the names in the directory of `path` to disk. */
static int sync_directory(const char *path) {
  const char *slash = strrchr(path, '/');
  char *parent = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
  int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int number = parent ? 0 : ENOMEM;
  /* EINVAL: a file system that does not do this. */
  if (!number && (fd < 0 || fsync(fd) != 0) && errno != EINVAL) {
    number = errno;
  }
  if (fd >= 0) {
    (void)close(fd);
  }
  free(parent);
  return number;
}

static void unlink_beside(const char *path, const char *suffix) {
  char *name = with_suffix(path, suffix);
  if (name) {
    (void)unlink(name);
  }
  free(name);
}

/* Removes a database that nobody needs, with all that belongs to it. */
static void remove_database(const char *path) {
  unlink_beside(path, "-wal");
  unlink_beside(path, "-shm");
  (void)unlink(path);
}

/* Gives a file a second name; a file system without such names gives it a new one. Returns an `errno`;
 * 0 also where there is no such file. */
static int name_too(const char *from, const char *to) {
  if (link(from, to) == 0 || errno == ENOENT) {
    return 0;
  }
  if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK || errno == ENOSYS) {
    return access(to, F_OK) == 0 ? EEXIST : rename(from, to) == 0 ? 0 : errno;
  }
  return errno;
}

/* Step 3, under the name `aside`. */
static int set_aside(const char *path, const char *aside) {
  if (access(aside, F_OK) == 0) {
    return EEXIST; /* Asked before the log gets a name, which would be that of another's log. */
  }
  char *log = with_suffix(path, "-wal");
  char *aside_log = with_suffix(aside, "-wal");
  struct stat facts;
  int number = log && aside_log ? 0 : ENOMEM;
  if (!number && stat(log, &facts) == 0 && facts.st_size > 0) {
    number = name_too(log, aside_log);
  }
  if (number == 0) {
    number = name_too(path, aside);
  }
  free(log);
  free(aside_log);
  return number;
}

/* Steps 3 to 5. Returns an `errno`. *aside (malloc) gets the name that the damaged database has. */
static int exchange(const char *path, const char *rescued, char **aside) {
  int number = EEXIST;
  *aside = NULL;
  for (int i = 1; number == EEXIST && i <= ASIDE_NAMES; i++) {
    char suffix[SUFFIX_ROOM];
    (void)snprintf(suffix, sizeof(suffix), ".damaged-%d", i);
    free(*aside);
    *aside = with_suffix(path, suffix);
    number = *aside ? set_aside(path, *aside) : ENOMEM;
  }
  number = number ? number : sync_directory(path);
  if (number) {
    return number;
  }
  unlink_beside(path, "-wal");
  unlink_beside(path, "-shm");
  number = sync_directory(path);
  if (!number && rename(rescued, path) != 0) {
    number = errno;
  }
  return number ? number : sync_directory(path);
}

int wpm_rescue_finish(const char *real, wpm_error *error) {
  char *rescued = with_suffix(real, ".rescued");
  char *aside = NULL;
  int number = rescued ? 0 : ENOMEM;
  if (!number && access(rescued, F_OK) == 0) {
    number = exchange(real, rescued, &aside);
  }
  free(rescued);
  free(aside);
  return number ? wpm_storage_os_fault(error, real, number) : WPM_OK;
}

/* ---- reading around damage ------------------------------------------------------------------- */

typedef struct rescuer {
  wpm_storage *from;        /* The damaged database. */
  wpm_storage *to;          /* The fresh one, with a batch begun. */
  sqlite3_stmt *contact;    /* The contact of a peer. */
  wpm_storage_rescued *out; /* What was saved. */
  int halvings;     /* How often a range that cannot be read is halved in search of what can:
                               down to the distance between the places of two peers. */
  size_t failures;  /* Attempts to read in vain. */
  wpm_error *error; /* The caller's. */
} rescuer;

/* Takes the row that the statement stands on. */
typedef int (*take_fn)(rescuer *r, sqlite3_stmt *statement);

/* A table with an integer key, to be read around its damaged pages. */
typedef struct table {
  sqlite3_stmt *upward;   /* Rows with keys ?1 to ?2, ascending. */
  sqlite3_stmt *downward; /* The same, descending. */
  take_fn take;
} table;

static bool is_damage(int code) {
  return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB ||
         code == SQLITE_IOERR_CORRUPTFS || code == SQLITE_IOERR_DATA;
}

/* An error of the damaged database that is no damage ends the rescue. */
static int fail_reading(rescuer *r, int code) {
  return wpm_storage_fault(r->error, r->from->path, r->from->db, code);
}

/* Takes rows from `low` to `high` in the order of the statement. *edge gets the last key that was
 * read, *ended whether the end was reached. */
static int run(rescuer *r, const table *t, sqlite3_stmt *statement, int64_t low, int64_t high,
               int64_t *edge, bool *ended) {
  int err = WPM_OK;
  int code = sqlite3_bind_int64(statement, 1, low);
  code = code == SQLITE_OK ? sqlite3_bind_int64(statement, 2, high) : code;
  while (!err && (code == SQLITE_OK || code == SQLITE_ROW)) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      *edge = sqlite3_column_int64(statement, 0);
      err = t->take(r, statement);
    }
  }
  *ended = code == SQLITE_DONE;
  if (!err && !*ended && !is_damage(code)) {
    err = fail_reading(r, code);
  }
  (void)sqlite3_reset(statement);
  return err;
}

/* Takes what can be read between two keys: from below up to the damage, from above down to it, then
 * the same with each half of what lies between. */
static int take_range(rescuer *r, const table *t, int64_t low, int64_t high, int halvings) {
  int64_t below = low - 1;
  int64_t above = high;
  bool ended = false;
  int err = run(r, t, t->upward, low, high, &below, &ended);
  if (err || ended) {
    return err;
  }
  r->out->complete = false;
  r->failures++;
  if (below < high) {
    above = high + (high < INT64_MAX);
    err = run(r, t, t->downward, below + 1, high, &above, &ended);
  }
  if (err || halvings == 0 || r->failures > MOST_FAILURES || above - 1 <= below + 1) {
    return err;
  }
  int64_t middle = below + 1 + (above - 1 - (below + 1)) / 2;
  err = take_range(r, t, below + 1, middle, halvings - 1);
  return err ? err : take_range(r, t, middle + 1, above - 1, halvings - 1);
}

/* A statement on the damaged database; one that cannot be prepared for damage is left NULL. */
static int prepare(rescuer *r, const char *sql, sqlite3_stmt **out) {
  int code = sqlite3_prepare_v2(r->from->db, sql, -1, out, NULL);
  if (code == SQLITE_OK) {
    return WPM_OK;
  }
  r->out->complete = false;
  /* SQLITE_ERROR: the table is missing. */
  return is_damage(code) || (code & 0xff) == SQLITE_ERROR ? WPM_OK : fail_reading(r, code);
}

static int take_table(rescuer *r, const char *upward, const char *downward, int64_t low,
                      int64_t high, take_fn take) {
  table t = {.take = take};
  int err = prepare(r, upward, &t.upward);
  if (!err) {
    err = prepare(r, downward, &t.downward);
  }
  if (!err && t.upward && t.downward) {
    err = take_range(r, &t, low, high, r->halvings);
  }
  (void)sqlite3_finalize(t.upward);
  (void)sqlite3_finalize(t.downward);
  return err;
}

/* Takes what can be read of a table from its front, and, where that meets damage, from its end: such
 * tables have no keys to halve. */
static int take_ends(rescuer *r, const char *upward, const char *downward, take_fn take) {
  const char *const both[] = {upward, downward};
  bool ended = false;
  int err = WPM_OK;
  for (int i = 0; !err && !ended && i < 2; i++) {
    sqlite3_stmt *statement = NULL;
    err = prepare(r, both[i], &statement);
    int code = statement ? SQLITE_ROW : SQLITE_CORRUPT;
    while (!err && code == SQLITE_ROW) {
      code = sqlite3_step(statement);
      err = code == SQLITE_ROW ? take(r, statement) : WPM_OK;
    }
    ended = code == SQLITE_DONE;
    if (!err && !ended) {
      r->out->complete = false;
      err = is_damage(code) ? WPM_OK : fail_reading(r, code);
    }
    (void)sqlite3_finalize(statement);
  }
  return err;
}

/* ---- what is saved --------------------------------------------------------------------------- */

static int take_word(rescuer *r, sqlite3_stmt *statement) {
  int err = wpm_codec_enter_word(wpm_storage_column(statement, 1),
                                 sqlite3_column_int64(statement, 0), &r->from->words);
  return err == WPM_ERR_NO_MEMORY ? wpm_storage_fault(r->error, r->from->path, NULL, SQLITE_NOMEM)
                                  : WPM_OK;
}

/* Gives the record the contact that is stored of it, where that can be read. */
static int find_contact(rescuer *r, int64_t place, wpm_peer_record *record) {
  if (!r->contact) {
    return WPM_OK;
  }
  wpm_record_contact contact;
  int code = sqlite3_bind_int64(r->contact, 1, place);
  code = code == SQLITE_OK ? sqlite3_step(r->contact) : code;
  if (code == SQLITE_ROW) {
    if (wpm_contact_unpack(wpm_storage_column(r->contact, 0), place, &contact) == WPM_OK) {
      wpm_contact_apply(&contact, record);
    } else {
      r->out->unreadable++;
    }
  } else {
    r->out->complete = false; /* Every peer has one. */
  }
  (void)sqlite3_reset(r->contact);
  return code == SQLITE_ROW || code == SQLITE_DONE || is_damage(code) ? WPM_OK
                                                                      : fail_reading(r, code);
}

static int take_peer(rescuer *r, sqlite3_stmt *statement) {
  wpm_storage *from = r->from;
  const int64_t place = sqlite3_column_int64(statement, 0);
  wpm_peer_record record = {.id = wpm_storage_column(statement, 1)};
  size_t missing = 0;
  int err = record.id.len > WPM_PEER_ID_MAX
                ? WPM_ERR_INVALID
                : wpm_codec_unpack(wpm_storage_column(statement, 2), place, &from->words,
                                   &from->lists, &record, &missing);
  if (err == WPM_ERR_NO_MEMORY) {
    return wpm_storage_fault(r->error, from->path, NULL, SQLITE_NOMEM);
  }
  if (err) {
    r->out->unreadable++;
    return WPM_OK;
  }
  if (missing > 0) {
    record.protocols_known = false; /* Identify will tell them again. */
    r->out->complete = false;
  }
  err = find_contact(r, place, &record);
  return err ? err : wpm_storage_put(r->to, &record, WPM_FIELD_ALL, r->error);
}

static int take_tombstone(rescuer *r, sqlite3_stmt *statement) {
  wpm_tombstone tombstone = {.id = wpm_storage_column(statement, 0)};
  if (tombstone.id.len > WPM_PEER_ID_MAX ||
      wpm_codec_unpack_tombstone(wpm_storage_column(statement, 1), &tombstone)) {
    r->out->unreadable++;
    return WPM_OK;
  }
  return wpm_storage_put_tombstone(r->to, &tombstone, r->error);
}

static int take_range_ban(rescuer *r, sqlite3_stmt *statement) {
  wpm_range_ban ban;
  if (wpm_codec_unpack_range_ban(wpm_storage_column(statement, 0), wpm_storage_column(statement, 1),
                                 &ban)) {
    r->out->unreadable++;
    return WPM_OK;
  }
  return wpm_storage_put_range_ban(r->to, &ban, r->error);
}

static int take_private_key(rescuer *r, sqlite3_stmt *statement) {
  int err = wpm_storage_put_private_key(r->to, wpm_storage_column(statement, 0),
                                        wpm_storage_column(statement, 1), r->error);
  r->out->unreadable += err == WPM_ERR_INVALID;
  return err == WPM_ERR_INVALID ? WPM_OK : err;
}

static int take_heartbeat(rescuer *r) {
  wpm_instant heartbeat;
  int err = wpm_storage_heartbeat(r->from, &heartbeat, r->error);
  if (err == WPM_OK) {
    return wpm_storage_put_heartbeat(r->to, heartbeat, r->error);
  }
  r->out->complete &= err == WPM_ERR_NOT_FOUND;
  return err == WPM_ERR_NOT_FOUND || err == WPM_ERR_CORRUPT ? WPM_OK : err;
}

/* Counted at the end, since what stands at both ends of a damaged table is taken twice. */
static int count_saved(rescuer *r) {
  wpm_storage_info info;
  int err = wpm_storage_get_info(r->to, &info, r->error);
  if (!err) {
    r->out->peers = info.peers;
    r->out->tombstones = info.tombstones;
    r->out->range_bans = info.range_bans;
    r->out->private_keys = info.private_keys;
    r->out->complete &= r->out->unreadable == 0;
  }
  return err;
}

static int take_all(rescuer *r) {
  int err = take_table(r, "SELECT word, data FROM word WHERE word BETWEEN ?1 AND ?2 ORDER BY word",
                       "SELECT word, data FROM word WHERE word BETWEEN ?1 AND ?2"
                       " ORDER BY word DESC",
                       0, WPM_WORDS_MAX, take_word);
  if (!err) {
    err = prepare(r, "SELECT data FROM contact WHERE peer = ?", &r->contact);
  }
  if (!err) {
    err =
        take_table(r, "SELECT peer, id, data FROM peer WHERE peer BETWEEN ?1 AND ?2 ORDER BY peer",
                   "SELECT peer, id, data FROM peer WHERE peer BETWEEN ?1 AND ?2"
                   " ORDER BY peer DESC",
                   0, INT64_MAX, take_peer);
  }
  if (!err) {
    err = take_ends(r, "SELECT id, data FROM tombstone ORDER BY id",
                    "SELECT id, data FROM tombstone ORDER BY id DESC", take_tombstone);
  }
  if (!err) {
    err = take_ends(r, "SELECT id, key FROM private_key ORDER BY id",
                    "SELECT id, key FROM private_key ORDER BY id DESC", take_private_key);
  }
  if (!err && r->from->schema >= SCHEMA_OF_RANGE_BANS) {
    err = take_ends(r, "SELECT range, data FROM range_ban ORDER BY range",
                    "SELECT range, data FROM range_ban ORDER BY range DESC", take_range_ban);
  }
  (void)sqlite3_finalize(r->contact);
  return err ? err : take_heartbeat(r);
}

/* ---- the rescue ------------------------------------------------------------------------------ */

/* Copies what can be read into the open, empty database `to`. */
static int copy(const char *path, wpm_storage *to, wpm_storage_rescued *out, wpm_error *error) {
  wpm_storage from = {.read_only = true, .path = (char *)(uintptr_t)path};
  rescuer r = {.from = &from, .to = to, .out = out, .error = error};
  struct stat facts;
  for (off_t size = stat(path, &facts) == 0 ? facts.st_size : 0; size > BYTES_OF_A_PEER;
       size /= 2) {
    r.halvings++;
  }
  wpm_words_init(&from.words);
  int err = wpm_storage_connect_damaged(&from, path, error);
  if (err == WPM_ERR_CORRUPT) {
    out->complete = false; /* Not even its first page. */
    err = WPM_OK;
  } else if (!err && from.schema < OLDEST_RESCUED) {
    err = wpm_storage_damage(error, path, "it has an older schema, which cannot be rescued");
  } else if (!err) {
    err = wpm_storage_begin(to, error);
    if (!err) {
      err = take_all(&r);
    }
    err = err ? err : wpm_storage_commit(to, error);
    err = err ? err : count_saved(&r);
  }
  (void)sqlite3_close(from.db);
  wpm_words_fini(&from.words);
  wpm_codec_lists_fini(&from.lists);
  return err;
}

/* Step 1. */
static int make_fresh(const char *path, const char *fresh, wpm_storage_rescued *out,
                      wpm_error *error) {
  wpm_storage *to = NULL;
  remove_database(fresh);
  int err = wpm_storage_open(fresh, WPM_STORAGE_CREATE, &to, error);
  if (!err) {
    err = copy(path, to, out, error);
  }
  if (!err) {
    /* Closing merges the log too, but says nothing of a failure. */
    int code = sqlite3_exec(to->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    err = code == SQLITE_OK ? WPM_OK : wpm_storage_fault(error, fresh, to->db, code);
  }
  wpm_storage_close(to);
  if (err) {
    remove_database(fresh);
  }
  return err;
}

/* Whether the file is, or once was, a SQLite database: by its header, or, where that is damaged, by the
 * pages behind it. What never was one is somebody's file that a wrong path led to. */
static bool was_database(const char *path, off_t size) {
  static const char magic[] = "SQLite format 3";
  enum { PAGE = 4096 };
  uint8_t head[PAGE + 1] = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return true; /* Opening it says why. */
  }
  ssize_t count = read(fd, head, sizeof(head));
  (void)close(fd);
  size_t len = count > 0 ? (size_t)count : 0;
  if (memcmp(head, magic, len < sizeof(magic) ? len : sizeof(magic)) == 0) {
    return true;
  }
  uint8_t type = head[PAGE]; /* Of the second page: the kinds of pages of a tree. */
  return len == sizeof(head) && size % PAGE == 0 &&
         (type == 2 || type == 5 || type == 10 || type == 13);
}

int wpm_storage_rescue(const char *path, wpm_storage_rescued *out, wpm_error *error) {
  *out = (wpm_storage_rescued){.complete = true};
  struct stat facts;
  if (!path || path[0] == '\0') {
    return wpm_fail(error, WPM_ERR_INVALID, "no path of a database was given");
  }
  /* Of an empty file SQLite would drop the log. */
  if (stat(path, &facts) == 0 ? facts.st_size == 0 : errno == ENOENT) {
    return wpm_fail(error, WPM_ERR_NOT_FOUND, "%s is missing or empty: nothing can be rescued",
                    wpm_storage_shown_path(path));
  }
  char *real = realpath(path, NULL);
  if (!real) {
    return wpm_storage_os_fault(error, path, errno);
  }
  if (!was_database(real, facts.st_size)) {
    free(real);
    return wpm_fail(error, WPM_ERR_NOT_FOUND, "%s never was a database: nothing can be rescued",
                    wpm_storage_shown_path(path));
  }
  char *fresh = with_suffix(real, ".rescue");
  char *rescued = with_suffix(real, ".rescued");
  char *aside = NULL;
  int err = fresh && rescued ? make_fresh(real, fresh, out, error)
                             : wpm_storage_fault(error, path, NULL, SQLITE_NOMEM);
  if (!err) {
    int number = rename(fresh, rescued) == 0 ? sync_directory(real) : errno;
    number = number ? number : exchange(real, rescued, &aside);
    err = number ? wpm_storage_os_fault(error, path, number) : WPM_OK;
  }
  if (!err) {
    (void)snprintf(out->aside, sizeof(out->aside), "%s", aside);
  }
  free(aside);
  free(rescued);
  free(fresh);
  free(real);
  return err;
}
