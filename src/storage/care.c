/* Looking after a database: counts and sizes, the full check, compacting. */
#include "base/error.h"
#include "storage/contact.h"
#include "storage/fault.h"
#include "storage/handle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- counts and sizes ------------------------------------------------------------------------ */

/* The first column of the only row of `sql`. Returns SQLite's result code. */
static int ask(wpm_storage *storage, const char *sql, uint64_t *out) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(storage->db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
    *out = (uint64_t)sqlite3_column_int64(statement, 0);
  }
  int ended = sqlite3_finalize(statement);
  return code == SQLITE_OK ? ended : code;
}

static uint64_t size_of(const char *path) {
  struct stat facts;
  return path && stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

int wpm_storage_get_info(wpm_storage *storage, wpm_storage_info *out, wpm_error *error) {
  uint64_t page_size = 0;
  uint64_t free_pages = 0;
  const struct {
    const char *sql;
    uint64_t *out;
  } questions[] = {{"SELECT count(*) FROM peer", &out->peers},
                   {"SELECT count(*) FROM contact WHERE length(data) > 5", &out->contacts},
                   {"SELECT count(*) FROM tombstone", &out->tombstones},
                   {"SELECT count(*) FROM range_ban", &out->range_bans},
                   {"SELECT count(*) FROM private_key", &out->private_keys},
                   {"SELECT count(*) FROM word", &out->words},
                   {"PRAGMA page_size", &page_size},
                   {"PRAGMA freelist_count", &free_pages}};
  _Static_assert(WPM_CONTACT_NONE_SIZE == 5, "as in the statement above");
  *out = (wpm_storage_info){.schema = storage->schema};
  for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
    int code = ask(storage, questions[i].sql, questions[i].out);
    if (code != SQLITE_OK) {
      return wpm_storage_fault(error, storage->path, storage->db, code);
    }
  }
  const char *file = sqlite3_db_filename(storage->db, "main");
  out->file_bytes = size_of(file);
  out->log_bytes = file ? size_of(sqlite3_filename_wal(file)) : 0;
  out->free_bytes = free_pages * page_size;
  return WPM_OK;
}

/* ---- the full check -------------------------------------------------------------------------- */

#define PROBLEMS_TOLD 100

typedef struct checker {
  wpm_storage *storage;
  wpm_storage_problem_fn fn;
  void *user;
  wpm_storage_checked *out;
} checker;

static void problem(checker *c, const char *format, const char *what, int64_t place) {
  c->out->problems++;
  if (c->fn && c->out->problems <= PROBLEMS_TOLD) {
    char *text = sqlite3_mprintf(format, what, (sqlite3_int64)place);
    c->fn(c->user, text ? text : what);
    sqlite3_free(text);
  }
}

/* Looks at the row that the statement stands on; says what is wrong with it, or NULL. */
typedef const char *(*judge_fn)(checker *c, sqlite3_stmt *statement);

static const char *judge_peer(checker *c, sqlite3_stmt *statement) {
  wpm_storage *storage = c->storage;
  wpm_peer_record record = {.id = wpm_storage_column(statement, 1)};
  int64_t place = sqlite3_column_int64(statement, 0);
  if (record.id.len > WPM_PEER_ID_MAX) {
    return "has an id that is too long";
  }
  if (!storage->places.displaced && wpm_storage_place(storage, record.id) != (uint64_t)place) {
    return "does not lie where its id says";
  }
  return wpm_codec_unpack(wpm_storage_column(statement, 2), place, &storage->words, &storage->lists,
                          &record, NULL)
             ? "cannot be decoded"
             : NULL;
}

static const char *judge_contact(checker *c, sqlite3_stmt *statement) {
  wpm_record_contact contact;
  (void)c;
  if (sqlite3_column_type(statement, 2) == SQLITE_NULL) {
    return "belongs to no peer";
  }
  return wpm_contact_unpack(wpm_storage_column(statement, 1), sqlite3_column_int64(statement, 0),
                            &contact)
             ? "cannot be decoded"
             : NULL;
}

static const char *judge_no_contact(checker *c, sqlite3_stmt *statement) {
  (void)statement;
  c->out->rows--;
  return "has no contact";
}

static const char *judge_word(checker *c, sqlite3_stmt *statement) {
  return wpm_words_at(&c->storage->words, (uint64_t)sqlite3_column_int64(statement, 0)).data
             ? NULL
             : "cannot be decoded";
}

static const char *judge_tombstone(checker *c, sqlite3_stmt *statement) {
  wpm_tombstone tombstone = {.id = wpm_storage_column(statement, 2)};
  (void)c;
  return sqlite3_column_int64(statement, 0) > WPM_PEER_ID_MAX ||
                 wpm_codec_unpack_tombstone(wpm_storage_column(statement, 1), &tombstone)
             ? "cannot be decoded"
             : NULL;
}

static const char *judge_range_ban(checker *c, sqlite3_stmt *statement) {
  wpm_range_ban ban;
  (void)c;
  return wpm_codec_unpack_range_ban(wpm_storage_column(statement, 2),
                                    wpm_storage_column(statement, 1), &ban)
             ? "cannot be decoded"
             : NULL;
}

/* What SQLite finds stands in the row itself. */
static const char *judge_verdict(checker *c, sqlite3_stmt *statement) {
  const char *text = (const char *)sqlite3_column_text(statement, 0);
  (void)c;
  return text && sqlite3_stricmp(text, "ok") == 0 ? NULL : text ? text : "no memory for a verdict";
}

/* Judges every row of `sql`. Damaged pages end it, and are a problem like others. */
static int judge_each(checker *c, const char *sql, const char *format, judge_fn judge) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(c->storage->db, sql, -1, &statement, NULL);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      c->out->rows += judge != judge_verdict;
      const char *wrong = judge(c, statement);
      if (wrong) {
        problem(c, format, wrong, sqlite3_column_int64(statement, 0));
      }
    }
  }
  if ((code & 0xff) == SQLITE_CORRUPT) {
    problem(c, "reading stopped: %s", sqlite3_errmsg(c->storage->db), 0);
    code = SQLITE_DONE;
  }
  (void)sqlite3_finalize(statement);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

int wpm_storage_check(wpm_storage *storage, wpm_storage_problem_fn fn, void *user,
                      wpm_storage_checked *out, wpm_error *error) {
  static const struct {
    const char *sql;
    const char *format; /* Of a sentence: what is wrong, and the first column. */
    judge_fn judge;
  } looks[] = {
      {"PRAGMA integrity_check(100)", "%s", judge_verdict},
      {"SELECT peer, id, data FROM peer ORDER BY peer", "a record %s (peer %lld)", judge_peer},
      {"SELECT contact.peer, contact.data, peer.peer FROM contact LEFT JOIN peer USING (peer)",
       "a contact %s (peer %lld)", judge_contact},
      {"SELECT peer FROM peer WHERE peer NOT IN (SELECT peer FROM contact)",
       "a record %s (peer %lld)", judge_no_contact},
      {"SELECT word FROM word", "a word %s (number %lld)", judge_word},
      {"SELECT length(id), data, id FROM tombstone", "a tombstone %s", judge_tombstone},
      {"SELECT length(range), data, range FROM range_ban", "the ban of a range %s",
       judge_range_ban},
  };
  checker c = {.storage = storage, .fn = fn, .user = user, .out = out};
  *out = (wpm_storage_checked){.rows = 0};
  int err = wpm_storage_begin_reading(storage, error);
  if (err) {
    return err;
  }
  int code = wpm_storage_refresh(storage);
  for (size_t i = 0; code == SQLITE_OK && i < sizeof(looks) / sizeof(looks[0]); i++) {
    code = judge_each(&c, looks[i].sql, looks[i].format, looks[i].judge);
  }
  if (code != SQLITE_OK) {
    err = wpm_storage_fault(error, storage->path, storage->db, code);
  }
  wpm_storage_end_reading(storage);
  return err;
}

/* ---- compacting ------------------------------------------------------------------------------ */

/* The words that some record uses, as bits; all, where a record cannot be decoded. */
static int used_words(wpm_storage *storage, uint8_t used[WPM_WORDS_MAX]) {
  sqlite3_stmt *statement = NULL;
  int code =
      sqlite3_prepare_v2(storage->db, "SELECT peer, id, data FROM peer", -1, &statement, NULL);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW &&
        wpm_codec_mark_words(wpm_storage_column(statement, 1), wpm_storage_column(statement, 2),
                             sqlite3_column_int64(statement, 0), used)) {
      memset(used, 1, WPM_WORDS_MAX);
    }
  }
  (void)sqlite3_finalize(statement);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* In a transaction. */
static int forget_words(wpm_storage *storage) {
  uint8_t used[WPM_WORDS_MAX] = {0};
  sqlite3_stmt *statement = NULL;
  int code = used_words(storage, used);
  if (code == SQLITE_OK) {
    code = sqlite3_prepare_v2(storage->db, "DELETE FROM word WHERE word = ?", -1, &statement, NULL);
  }
  for (uint32_t i = 0; code == SQLITE_OK && i < storage->words.count; i++) {
    if (!used[i] && wpm_words_at(&storage->words, i).data) {
      code = sqlite3_bind_int64(statement, 1, i);
      code = code == SQLITE_OK ? wpm_storage_run(statement) : code;
    }
  }
  (void)sqlite3_finalize(statement);
  return code;
}

int wpm_storage_compact(wpm_storage *storage, wpm_error *error) {
  int err = wpm_storage_begin(storage, error);
  if (err) {
    return err;
  }
  int code = forget_words(storage);
  if (code == SQLITE_OK) {
    code = wpm_storage_run(storage->statements[WPM_STATEMENT_COMMIT]);
  }
  if (code != SQLITE_OK) {
    err = wpm_storage_fault(error, storage->path, storage->db, code);
  }
  wpm_storage_rollback(storage); /* So that the words are read anew; what is committed stays. */
  if (err) {
    return err;
  }
  code = sqlite3_exec(storage->db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
  return code == SQLITE_OK ? WPM_OK : wpm_storage_fault(error, storage->path, storage->db, code);
}
