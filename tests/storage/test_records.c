/* What is stored is loaded, exactly; what was not committed is not. */
#include "storage/stored.h"
#include "support/seed.h"

#include <inttypes.h>

typedef struct fixture {
  char *dir;
  char *path;
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof(*f));
  assert_non_null(f);
  f->dir = wpm_test_dir_new();
  f->path = wpm_test_dir_file(f->dir, "peers.db");
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  free(f->path);
  wpm_test_dir_remove(f->dir);
  free(f);
  return 0;
}

/* ---- round trip ------------------------------------------------------------------------------ */

enum { PEERS = 150, ROUNDS = 8, CHANGES = 60 };

/* What should be stored of each peer: the seed that its record is made of again. */
typedef struct model {
  uint64_t seed[PEERS];
  bool held[PEERS];
} model;

/* A random record, whose id is that of peer `number` for good. */
static void record_of(uint32_t number, uint64_t seed, wpm_test_record *out) {
  static uint8_t ids[PEERS][WPM_PEER_ID_MAX];
  uint64_t id_seed = number;
  wpm_test_record_random(&seed, out);
  size_t len = number == 0   ? 0
               : number == 1 ? WPM_PEER_ID_MAX
                             : 2 + wpm_test_random_below(&id_seed, WPM_PEER_ID_MAX - 1);
  for (size_t i = 0; i < len; i++) {
    ids[number][i] = (uint8_t)wpm_test_random(&id_seed);
  }
  out->record.id = (wpm_bytes){ids[number], len};
}

static void change_some(wpm_storage *storage, model *m, uint64_t *seed, wpm_test_record *record) {
  assert_stored(wpm_storage_begin(storage, error));
  for (int i = 0; i < CHANGES; i++) {
    uint32_t number = (uint32_t)wpm_test_random_below(seed, PEERS);
    m->seed[number] = wpm_test_random(seed);
    record_of(number, m->seed[number], record);
    m->held[number] = wpm_test_random_below(seed, 4) != 0;
    if (m->held[number]) {
      assert_stored(wpm_storage_put(storage, &record->record, WPM_FIELD_ALL, error));
    } else {
      assert_stored(wpm_storage_remove(storage, record->record.id, error));
    }
  }
  assert_stored(wpm_storage_commit(storage, error));
}

static void assert_holds(const stored *s, const model *m, wpm_test_record *record) {
  size_t held = 0;
  for (uint32_t number = 0; number < PEERS; number++) {
    record_of(number, m->seed[number], record);
    const wpm_peer_record *found = stored_find(s, record->record.id);
    assert_int_equal(found != NULL, m->held[number]);
    assert_true(!found || wpm_record_equal(found, &record->record));
    held += m->held[number];
  }
  assert_int_equal(s->count, held);
  assert_int_equal(s->skipped, 0);
}

/* Records with every extreme, put, overwritten and removed at random, and read back by the same
 * connection and by a new one. */
static void any_record_comes_back(void **state) {
  const fixture *f = *state;
  uint64_t seed = wpm_test_seed();
  model *m = calloc(1, sizeof(*m));
  wpm_test_record *record = malloc(sizeof(*record));
  assert_non_null(m);
  assert_non_null(record);
  for (int round = 0; round < ROUNDS; round++) {
    wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
    change_some(storage, m, &seed, record);
    stored s = stored_load(storage);
    assert_holds(&s, m, record);
    stored_free(&s);
    wpm_storage_close(storage);
    s = stored_read(f->path, round % 2 ? WPM_STORAGE_EXISTING : WPM_STORAGE_READ_ONLY);
    assert_holds(&s, m, record);
    stored_free(&s);
  }
  free(record);
  free(m);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void removing_takes_the_contact_along(void **state) {
  const fixture *f = *state;
  stored_make(f->path, 3);
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_EXISTING);
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  assert_stored(wpm_storage_begin(storage, error));
  for (uint32_t i = 0; i < 3; i++) {
    wpm_test_record_plain(i, plain);
    assert_stored(wpm_storage_remove(storage, plain->record.id, error));
    assert_stored(wpm_storage_remove(storage, plain->record.id, error));
  }
  assert_stored(wpm_storage_commit(storage, error));
  free(plain);
  wpm_storage_close(storage);
  stored_assert_answer(f->path,
                       "SELECT (SELECT count(*) FROM peer) + (SELECT count(*) FROM contact)", "0");
}

static void what_is_not_committed_is_not_stored(void **state) {
  const fixture *f = *state;
  stored_make(f->path, 2);
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(7, plain);

  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_EXISTING);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, error));
  wpm_storage_rollback(storage);
  stored s = stored_load(storage);
  stored_assert_plain(&s, 2);
  stored_free(&s);

  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, error));
  wpm_storage_close(storage);
  s = stored_read(f->path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, 2);
  stored_free(&s);
  free(plain);
}

static void calls_outside_of_a_batch_are_refused(void **state) {
  const fixture *f = *state;
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(0, plain);
  const wpm_instant heartbeat = {{1}, {2}, 3};
  assert_int_equal(wpm_storage_put(storage, &plain->record, WPM_FIELD_ALL, NULL), WPM_ERR_STATE);
  assert_int_equal(wpm_storage_remove(storage, plain->record.id, NULL), WPM_ERR_STATE);
  assert_int_equal(wpm_storage_put_heartbeat(storage, heartbeat, NULL), WPM_ERR_STATE);
  assert_int_equal(wpm_storage_commit(storage, NULL), WPM_ERR_STATE);
  wpm_storage_rollback(storage);
  assert_stored(wpm_storage_begin(storage, error));
  assert_int_equal(wpm_storage_begin(storage, NULL), WPM_ERR_STATE);
  size_t skipped = 0;
  assert_int_equal(wpm_storage_load(storage, stored_take, NULL, &skipped, NULL), WPM_ERR_STATE);
  assert_stored(wpm_storage_commit(storage, error));
  wpm_storage_close(storage);
  stored_assert_answer(f->path, "SELECT count(*) FROM peer", "0");
  free(plain);
}

static void assert_refused(wpm_storage *storage, const wpm_peer_record *record, int expected) {
  wpm_error error = {0, ""};
  assert_int_equal(wpm_storage_put(storage, record, WPM_FIELD_ALL, &error), expected);
  assert_int_equal(error.code, expected);
  assert_int_not_equal(error.text[0], '\0');
}

/* Each of these is refused, and the batch around it is stored. */
static void a_record_that_cannot_be_stored_harms_no_other(void **state) {
  const fixture *f = *state;
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  wpm_test_record *plain = malloc(sizeof(*plain));
  uint8_t *large = calloc(1, (16u << 20) + 1);
  assert_non_null(plain);
  assert_non_null(large);
  wpm_test_record_plain(0, plain);
  const wpm_peer_record good = plain->record;
  wpm_peer_record bad = good;
  assert_stored(wpm_storage_begin(storage, error));
  bad.id = (wpm_bytes){large, WPM_PEER_ID_MAX + 1};
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  assert_int_equal(wpm_storage_remove(storage, bad.id, NULL), WPM_ERR_INVALID);
  bad = good;
  bad.reason = (wpm_reason)WPM_REASON_COUNT;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  bad = good;
  bad.connectivity = (wpm_connectivity)WPM_CONNECTIVITY_COUNT;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  bad = good;
  bad.origin = (wpm_origin)WPM_ORIGIN_COUNT;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  bad = good;
  bad.direction = (wpm_direction)WPM_DIRECTION_COUNT;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  bad = good;
  bad.retry_delay.length_ns = -1;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  assert_int_equal(wpm_storage_put(storage, &bad, WPM_FIELD_FAILURES, NULL), WPM_ERR_INVALID);
  bad = good;
  bad.ban.length_ns = -1;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  const wpm_tombstone tombstone = {.id = good.id, .ban = bad.ban};
  assert_int_equal(wpm_storage_put_tombstone(storage, &tombstone, NULL), WPM_ERR_INVALID);
  wpm_range_ban range_ban = {.range.bits = 8, .ban = bad.ban};
  assert_int_equal(wpm_storage_put_range_ban(storage, &range_ban, NULL), WPM_ERR_INVALID);
  range_ban = (wpm_range_ban){.range.bits = 129, .ban.length_ns = 1};
  assert_int_equal(wpm_storage_put_range_ban(storage, &range_ban, NULL), WPM_ERR_INVALID);
  assert_int_equal(wpm_storage_remove_range_ban(storage, &range_ban.range, NULL), WPM_ERR_INVALID);
  assert_int_equal(wpm_storage_put_private_key(storage, good.id, (wpm_bytes){NULL, 0}, NULL),
                   WPM_ERR_INVALID);
  assert_int_equal(
      wpm_storage_put_private_key(storage, good.id, (wpm_bytes){large, (16u << 20) + 1}, NULL),
      WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_storage_put(storage, &good, WPM_FIELD_RTT, NULL), WPM_ERR_NOT_FOUND);
  bad = good;
  bad.public_key = (wpm_bytes){large, (16u << 20) + 1};
  assert_refused(storage, &bad, WPM_ERR_TOO_LARGE);
  bad = good;
  const wpm_address unsourced = {.multiaddr = good.id, .source = WPM_ADDRESS_SOURCE_COUNT};
  bad.addresses = &unsourced;
  bad.address_count = 1;
  assert_refused(storage, &bad, WPM_ERR_INVALID);
  assert_stored(wpm_storage_put(storage, &good, WPM_FIELD_ALL, error));
  assert_stored(wpm_storage_commit(storage, error));
  wpm_storage_close(storage);
  stored s = stored_read(f->path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, 1);
  stored_free(&s);
  free(plain);
  free(large);
}

/* And the shortest id there is. */
static void the_largest_record_comes_back(void **state) {
  const fixture *f = *state;
  enum { LARGE = 15 << 20 };
  char *text = malloc(LARGE);
  assert_non_null(text);
  memset(text, '\x01', LARGE);
  const wpm_text protocols[] = {{text, LARGE}, WPM_TEXT("last")};
  const wpm_peer_record record = {.id = {NULL, 0}, .protocols = protocols, .protocol_count = 2};
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &record, WPM_FIELD_ALL, error));
  assert_stored(wpm_storage_commit(storage, error));
  stored s = stored_load(storage);
  assert_int_equal(s.count, 1);
  assert_true(wpm_record_equal(s.records[0], &record));
  stored_free(&s);
  wpm_storage_close(storage);
  free(text);
}

/* ---- heartbeat ------------------------------------------------------------------------------- */

static void assert_heartbeat(wpm_storage *storage, wpm_instant heartbeat) {
  wpm_instant found = {{0}, {0}, 0};
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put_heartbeat(storage, heartbeat, error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_heartbeat(storage, &found, error));
  assert_int_equal(found.mono.ns, heartbeat.mono.ns);
  assert_int_equal(found.wall.ns, heartbeat.wall.ns);
  assert_int_equal(found.boot_id, heartbeat.boot_id);
}

static void the_last_heartbeat_is_kept(void **state) {
  const fixture *f = *state;
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  wpm_instant found = {{0}, {0}, 0};
  wpm_error error = {0, ""};
  assert_int_equal(wpm_storage_heartbeat(storage, &found, &error), WPM_ERR_NOT_FOUND);
  assert_heartbeat(storage, (wpm_instant){{1}, {INT64_C(1722470400000000000)}, UINT64_MAX});
  assert_heartbeat(storage, (wpm_instant){{INT64_MAX}, WPM_WALL_NONE, 0});
  assert_heartbeat(storage, (wpm_instant){{0}, {0}, INT64_MAX});
  wpm_storage_close(storage);
  stored_assert_answer(f->path, "SELECT count(*) FROM heartbeat", "1");
}

/* ---- rows that someone else changed ---------------------------------------------------------- */

/* The peer whose rows come second in the file. */
#define SECOND "(SELECT peer FROM peer ORDER BY peer LIMIT 1 OFFSET 1)"
#define THIRD "(SELECT peer FROM peer ORDER BY peer LIMIT 1 OFFSET 2)"

static void a_row_that_cannot_be_decoded_is_skipped_alone(void **state) {
  static const char *const spoilt[] = {
      "UPDATE peer SET data = zeroblob(0) WHERE peer = " SECOND,
      "UPDATE peer SET data = zeroblob(200) WHERE peer = " SECOND,
      "UPDATE peer SET data = substr(data, 1, length(data) - 1) WHERE peer = " SECOND,
      "UPDATE peer SET data = substr(data, 2) WHERE peer = " SECOND,
      "UPDATE peer SET data = CAST(x'00' || data AS BLOB) WHERE peer = " SECOND,
      "UPDATE peer SET data = (SELECT data FROM peer WHERE peer = " THIRD ") WHERE peer = " SECOND,
      "UPDATE peer SET id = zeroblob(256) WHERE peer = " SECOND,
      "DELETE FROM contact WHERE peer = " SECOND,
      "UPDATE contact SET data = zeroblob(0) WHERE peer = " SECOND,
      "UPDATE contact SET data = substr(data, 2) WHERE peer = " SECOND,
      "UPDATE contact SET data = (SELECT data FROM contact WHERE peer = " THIRD
      ") WHERE peer = " SECOND,
  };
  const fixture *f = *state;
  for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
    stored_make(f->path, 3);
    stored_sql(f->path, spoilt[i]);
    stored s = stored_read(f->path, WPM_STORAGE_EXISTING);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.skipped, 1);
    stored_assert_among_plain(&s, 3);
    stored_free(&s);
    stored_assert_answer(f->path, "SELECT count(*) FROM peer", "3");
    assert_int_equal(unlink(f->path), 0);
  }
}

/* Every byte of a row counts: one that was changed is never taken for another record. */
static void a_changed_byte_is_noticed(void **state) {
  static const char *const tables[] = {"peer", "contact"};
  const fixture *f = *state;
  stored_make(f->path, 1);
  for (int table = 0; table < 2; table++) {
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT length(data) FROM %s", tables[table]);
    char *answer = stored_ask(f->path, sql);
    long len = strtol(answer, NULL, 10);
    sqlite3_free(answer);
    assert_true(len > 20);
    stored_file whole = stored_file_read(f->path);
    for (long at = 1; at <= len; at++) {
      snprintf(sql, sizeof(sql),
               "UPDATE %s SET data = CAST(substr(data, 1, %ld) || CASE substr(data, %ld, 1)"
               " WHEN x'07' THEN x'08' ELSE x'07' END || substr(data, %ld) AS BLOB)",
               tables[table], at - 1, at, at + 1);
      stored_sql(f->path, sql);
      stored s = stored_read(f->path, WPM_STORAGE_READ_ONLY);
      assert_int_equal(s.count, 0);
      assert_int_equal(s.skipped, 1);
      stored_free(&s);
      stored_file_write(f->path, whole.data, whole.len);
    }
    free(whole.data);
  }
}

static void words_that_are_missing_are_noticed(void **state) {
  const fixture *f = *state;
  stored_make(f->path, 3);
  stored_sql(f->path, "DELETE FROM word WHERE instr(data, CAST('/ipfs/ping/1.0.0' AS BLOB))");
  stored s = stored_read(f->path, WPM_STORAGE_EXISTING);
  assert_int_equal(s.count, 0);
  assert_int_equal(s.skipped, 3);
  stored_free(&s);
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, 0, 3);
  wpm_storage_close(storage);
  s = stored_read(f->path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, 3);
  stored_free(&s);
}

/* Such as someone's SQL may leave behind. */
static void contacts_of_no_peer_go_to_no_peer(void **state) {
  const fixture *f = *state;
  stored_make(f->path, 3);
  stored_sql(f->path,
             "INSERT INTO contact (peer, data) VALUES (0, x''), (9223372036854775807, x''),"
             " (" SECOND " + 1, x'00')");
  stored s = stored_read(f->path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, 3);
  stored_free(&s);
}

static int refuse(void *user, const wpm_peer_record *record) {
  (void)record;
  return ++*(int *)user == 2 ? WPM_ERR_FULL : WPM_OK;
}

static void loading_ends_where_the_caller_says_so(void **state) {
  const fixture *f = *state;
  stored_make(f->path, 3);
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_EXISTING);
  int calls = 0;
  assert_int_equal(wpm_storage_load(storage, refuse, &calls, NULL, NULL), WPM_ERR_FULL);
  assert_int_equal(calls, 2);
  stored_put_plain(storage, 0, 1);
  wpm_storage_close(storage);
}

/* ---- the files ------------------------------------------------------------------------------- */

static void assert_private(const char *dir, const char *name) {
  struct stat facts;
  char *path = wpm_test_dir_file(dir, name);
  assert_int_equal(stat(path, &facts), 0);
  assert_int_equal(facts.st_mode & 0777, 0600);
  free(path);
}

static void files_are_for_their_owner_alone(void **state) {
  const fixture *f = *state;
  mode_t before = umask(0);
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  stored_put_plain(storage, 0, 1);
  umask(before);
  assert_private(f->dir, "peers.db");
  assert_private(f->dir, "peers.db-wal");
  assert_private(f->dir, "peers.db-shm");
  wpm_storage_close(storage);
}

static void make_readable_to_all(const char *dir, const char *name) {
  char *path = wpm_test_dir_file(dir, name);
  assert_int_equal(chmod(path, 0644), 0);
  free(path);
}

static void copy_file(const char *dir, const char *from, const char *to) {
  char *source = wpm_test_dir_file(dir, from);
  char *target = wpm_test_dir_file(dir, to);
  FILE *in = fopen(source, "rb");
  FILE *out = fopen(target, "wb");
  assert_non_null(in);
  assert_non_null(out);
  for (int c = fgetc(in); c != EOF; c = fgetc(in)) {
    assert_int_equal(fputc(c, out), c);
  }
  assert_int_equal(fclose(in), 0);
  assert_int_equal(fclose(out), 0);
  free(source);
  free(target);
}

/* As restored from a backup, or made by another program's tool. */
static void wider_files_become_their_owners_alone(void **state) {
  const fixture *f = *state;
  mode_t before = umask(0);
  stored_make(f->path, 1);
  make_readable_to_all(f->dir, "peers.db");
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_EXISTING);
  stored_put_plain(storage, 1, 1);
  assert_private(f->dir, "peers.db");
  assert_private(f->dir, "peers.db-wal");
  assert_private(f->dir, "peers.db-shm");
  /* A run that is killed leaves its log there. */
  copy_file(f->dir, "peers.db", "killed.db");
  copy_file(f->dir, "peers.db-wal", "killed.db-wal");
  copy_file(f->dir, "peers.db-shm", "killed.db-shm");
  wpm_storage_close(storage);
  make_readable_to_all(f->dir, "killed.db-wal");
  make_readable_to_all(f->dir, "killed.db-shm");
  char *path = wpm_test_dir_file(f->dir, "killed.db");
  storage = stored_open(path, WPM_STORAGE_EXISTING);
  assert_private(f->dir, "killed.db");
  assert_private(f->dir, "killed.db-wal");
  assert_private(f->dir, "killed.db-shm");
  wpm_storage_close(storage);
  free(path);
  umask(before);
}

static void an_empty_file_that_is_wider_becomes_its_owners_alone(void **state) {
  const fixture *f = *state;
  FILE *file = fopen(f->path, "wb");
  assert_non_null(file);
  assert_int_equal(fclose(file), 0);
  make_readable_to_all(f->dir, "peers.db");
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  assert_private(f->dir, "peers.db");
  assert_private(f->dir, "peers.db-wal");
  wpm_storage_close(storage);
}

/* A file that is not ours, or that we do not know enough of, keeps its mode as it keeps its bytes. */
static void the_mode_of_what_is_refused_stays(void **state) {
  const fixture *f = *state;
  static const char *const makes_it_other[] = {
      "PRAGMA user_version = 999", "PRAGMA user_version = 3; PRAGMA application_id = 1"};
  static const int codes[] = {WPM_ERR_NEWER_SCHEMA, WPM_ERR_INVALID};
  stored_make(f->path, 1);
  for (size_t i = 0; i < 2; i++) {
    sqlite3 *db = NULL;
    wpm_storage *storage = NULL;
    struct stat facts;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, makes_it_other[i], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    make_readable_to_all(f->dir, "peers.db");
    assert_int_equal(wpm_storage_open(f->path, WPM_STORAGE_CREATE, &storage, NULL), codes[i]);
    assert_int_equal(stat(f->path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0644);
    char *log = wpm_test_dir_file(f->dir, "peers.db-wal");
    assert_int_equal(stat(log, &facts), -1); /* Nor is a log left that was not there. */
    free(log);
  }
}

static void an_operator_can_read_while_it_is_open(void **state) {
  const fixture *f = *state;
  wpm_storage *storage = stored_open(f->path, WPM_STORAGE_CREATE);
  stored_put_plain(storage, 0, 2);
  stored_assert_answer(f->path, "SELECT count(*) FROM peer JOIN contact USING (peer)", "2");
  stored_assert_answer(
      f->path, "SELECT count(*) FROM word WHERE instr(data, CAST('/vac/waku/relay/2.0.0' AS BLOB))",
      "1");
  stored_put_plain(storage, 2, 1);
  wpm_storage_close(storage);
}

static void odd_names_are_files_like_others(void **state) {
  const fixture *f = *state;
  static const char *const odd[] = {"file:peers.db?mode=memory", ":memory:", "a%20b#c?d", "-x"};
  char *before = getcwd(NULL, 0);
  assert_non_null(before);
  assert_int_equal(chdir(f->dir), 0);
  for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    stored_make(odd[i], 2);
    assert_int_equal(access(odd[i], F_OK), 0);
    stored s = stored_read(odd[i], WPM_STORAGE_READ_ONLY);
    stored_assert_plain(&s, 2);
    stored_free(&s);
  }
  assert_int_equal(chdir(before), 0);
  free(before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(any_record_comes_back),
      TEST(removing_takes_the_contact_along),
      TEST(what_is_not_committed_is_not_stored),
      TEST(calls_outside_of_a_batch_are_refused),
      TEST(a_record_that_cannot_be_stored_harms_no_other),
      TEST(the_largest_record_comes_back),
      TEST(the_last_heartbeat_is_kept),
      TEST(a_row_that_cannot_be_decoded_is_skipped_alone),
      TEST(a_changed_byte_is_noticed),
      TEST(words_that_are_missing_are_noticed),
      TEST(contacts_of_no_peer_go_to_no_peer),
      TEST(loading_ends_where_the_caller_says_so),
      TEST(files_are_for_their_owner_alone),
      TEST(wider_files_become_their_owners_alone),
      TEST(an_empty_file_that_is_wider_becomes_its_owners_alone),
      TEST(the_mode_of_what_is_refused_stays),
      TEST(an_operator_can_read_while_it_is_open),
      TEST(odd_names_are_files_like_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
