/* The write-behind worker. Tests wait for what it reports, never for a time. */
#include "node/writer.h"

#include "storage/stored.h"
#include "support/alloc_fail.h"
#include "support/seed.h"

#include <signal.h>
#include <sys/resource.h>
#include <uv.h>

static char *dir;
static char *path;

/* Woken by the worker. */
static uv_mutex_t mutex;
static uv_cond_t woken;
static unsigned wakes;

static int set_up(void **state) {
  (void)state;
  dir = wpm_test_dir_new();
  path = wpm_test_dir_file(dir, "peers.db");
  assert_int_equal(uv_mutex_init(&mutex), 0);
  assert_int_equal(uv_cond_init(&woken), 0);
  wakes = 0;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  uv_cond_destroy(&woken);
  uv_mutex_destroy(&mutex);
  free(path);
  wpm_test_dir_remove(dir);
  return 0;
}

static void wake(void *user) {
  (void)user;
  uv_mutex_lock(&mutex);
  wakes++;
  uv_cond_signal(&woken);
  uv_mutex_unlock(&mutex);
}

/* Commits follow each other at once, and failures quickly. */
static wpm_writer_config eager(void) {
  wpm_writer_config config;
  wpm_writer_config_default(&config);
  config.path = path;
  config.commit_interval_ns = 0;
  config.retry_min_ns = WPM_MILLISECOND;
  config.retry_max_ns = 10 * WPM_MILLISECOND;
  config.wake = wake;
  return config;
}

static wpm_writer *open_with(const wpm_writer_config *config) {
  wpm_writer *writer = NULL;
  assert_int_equal(wpm_writer_open(config, &writer), WPM_OK);
  return writer;
}

static stored load(wpm_writer *writer) {
  stored s = {NULL, 0, 0};
  const wpm_writer_sink sink = {.record = stored_take, .user = &s};
  wpm_writer_load(writer, &sink, &s.skipped);
  return s;
}

/* Opens, loads and starts. */
static wpm_writer *start_with(const wpm_writer_config *config) {
  wpm_writer *writer = open_with(config);
  stored s = load(writer);
  stored_free(&s);
  assert_int_equal(wpm_writer_start(writer), WPM_OK);
  return writer;
}

static wpm_writer *start(void) {
  const wpm_writer_config config = eager();
  return start_with(&config);
}

static wpm_writer_status status_of(wpm_writer *writer) {
  wpm_writer_status status;
  wpm_writer_get_status(writer, &status);
  return status;
}

/* Waits until `condition` holds of `seen`, the status. */
#define WAIT_FOR(writer, condition)                                                                \
  do {                                                                                             \
    uv_mutex_lock(&mutex);                                                                         \
    for (;;) {                                                                                     \
      wpm_writer_status seen = status_of(writer);                                                  \
      if (condition) {                                                                             \
        break;                                                                                     \
      }                                                                                            \
      uv_cond_wait(&woken, &mutex);                                                                \
    }                                                                                              \
    uv_mutex_unlock(&mutex);                                                                       \
  } while (0)

static uint64_t put_plain(wpm_writer *writer, uint32_t number) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(number, plain);
  uint64_t sequence = wpm_writer_put(writer, &plain->record, WPM_FIELD_ALL, false);
  free(plain);
  return sequence;
}

static uint64_t remove_plain(wpm_writer *writer, uint32_t number) {
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(number, plain);
  uint64_t sequence = wpm_writer_remove(writer, plain->record.id, false);
  free(plain);
  return sequence;
}

static void stop(wpm_writer *writer) {
  wpm_error error = {0, ""};
  if (wpm_writer_stop(writer, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
}

static void assert_file_holds(uint32_t count) {
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, count);
  stored_free(&s);
}

/* ---- storing --------------------------------------------------------------------------------- */

static void a_change_is_stored_at_once_when_idle(void **state) {
  (void)state;
  wpm_writer *writer = start();
  for (uint32_t i = 0; i < 5; i++) {
    uint64_t sequence = put_plain(writer, i);
    assert_int_equal(sequence, i + 1);
    WAIT_FOR(writer, seen.durable >= sequence);
    assert_file_holds(i + 1);
  }
  wpm_writer_status status = status_of(writer);
  assert_int_equal(status.error.code, WPM_OK);
  assert_int_equal(status.commits, 5);
  assert_int_equal(status.queued, 0);
  assert_int_equal(status.sequence, 5);
  stop(writer);
}

/* With an hour between commits: the first is made at once, the next gathers all that follows, one
 * change per peer, and is made by the stop. */
static void changes_gather_between_commits(void **state) {
  (void)state;
  enum { PEERS = 10, TIMES = 50 };
  wpm_writer_config config = eager();
  config.commit_interval_ns = WPM_HOUR;
  config.loss_bound_ns = 2 * WPM_HOUR;
  wpm_writer *writer = start_with(&config);
  uint64_t first = put_plain(writer, 0);
  WAIT_FOR(writer, seen.durable >= first);
  for (uint32_t i = 0; i < PEERS * TIMES; i++) {
    (void)remove_plain(writer, i % PEERS);
    assert_int_equal(put_plain(writer, i % PEERS), 2 * i + 3);
  }
  (void)put_plain(writer, PEERS);
  (void)remove_plain(writer, PEERS);
  wpm_writer_status status = status_of(writer);
  assert_int_equal(status.commits, 1);
  assert_int_equal(status.queued, PEERS + 1);
  assert_int_equal(status.durable, first);
  assert_file_holds(1);
  stop(writer);
  assert_int_equal(wakes, 2);
  assert_file_holds(PEERS);
}

static void what_was_removed_is_gone(void **state) {
  (void)state;
  stored_make(path, 3);
  wpm_writer *writer = start();
  (void)remove_plain(writer, 2);
  (void)remove_plain(writer, 77);
  stop(writer);
  assert_file_holds(2);
}

static void the_heartbeat_is_stored(void **state) {
  (void)state;
  const wpm_writer_config config = eager();
  wpm_instant found;
  wpm_writer *writer = open_with(&config);
  assert_false(wpm_writer_last_heartbeat(writer, &found));
  stored s = load(writer);
  stored_free(&s);
  assert_int_equal(wpm_writer_start(writer), WPM_OK);
  uint64_t sequence = wpm_writer_heartbeat(writer, (wpm_instant){{1}, {2}, 3});
  WAIT_FOR(writer, seen.durable >= sequence);
  (void)wpm_writer_heartbeat(writer, (wpm_instant){{4}, {5}, UINT64_MAX});
  stop(writer);
  writer = open_with(&config);
  assert_true(wpm_writer_last_heartbeat(writer, &found));
  assert_int_equal(found.mono.ns, 4);
  assert_int_equal(found.wall.ns, 5);
  assert_int_equal(found.boot_id, UINT64_MAX);
  stop(writer);
}

static void a_record_that_cannot_be_stored_holds_up_no_other(void **state) {
  (void)state;
  wpm_writer_config config = eager();
  config.commit_interval_ns = WPM_HOUR;
  config.loss_bound_ns = 2 * WPM_HOUR;
  wpm_writer *writer = start_with(&config);
  const wpm_peer_record bad = {.id = WPM_BYTES("bad"), .reason = (wpm_reason)WPM_REASON_COUNT};
  (void)put_plain(writer, 0);
  uint64_t sequence = wpm_writer_put(writer, &bad, WPM_FIELD_ALL, false);
  (void)put_plain(writer, 1);
  stop(writer);
  assert_int_equal(sequence, 2);
  assert_file_holds(2);

  config.commit_interval_ns = 0;
  writer = start_with(&config);
  sequence = wpm_writer_put(writer, &bad, WPM_FIELD_ALL, false);
  WAIT_FOR(writer, seen.durable >= sequence);
  assert_int_equal(status_of(writer).refused, 1);
  assert_int_equal(status_of(writer).error.code, WPM_OK);
  stop(writer);
}

/* Random changes as fast as they come, while the worker commits and someone looks: the database ends
 * as the model. */
static void the_database_ends_as_the_last_changes_say(void **state) {
  (void)state;
  enum { PEERS = 40, CHANGES = 4000, LOOK = 50 };
  uint64_t seed = wpm_test_seed();
  bool held[PEERS] = {false};
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_writer *writer = start();
  uint64_t sequence = 0;
  for (int i = 0; i < CHANGES; i++) {
    uint32_t number = (uint32_t)wpm_test_random_below(&seed, PEERS);
    held[number] = wpm_test_random_below(&seed, 3) > 0;
    sequence = held[number] ? put_plain(writer, number) : remove_plain(writer, number);
    if (i % LOOK == 0) {
      wpm_writer_status status = status_of(writer);
      assert_true(status.durable <= status.sequence && status.sequence == sequence);
      (void)wpm_writer_heartbeat(writer, (wpm_instant){{i}, {i}, 1});
    }
  }
  WAIT_FOR(writer, seen.durable >= sequence);
  stop(writer);
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  size_t count = 0;
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_test_record_plain(i, plain);
    const wpm_peer_record *found = stored_find(&s, plain->record.id);
    assert_int_equal(found != NULL, held[i]);
    assert_true(!found || wpm_record_equal(found, &plain->record));
    count += held[i];
  }
  assert_int_equal(s.count, count);
  stored_free(&s);
  free(plain);
}

/* ---- a storage that fails and recovers ------------------------------------------------------- */

static sqlite3 *lock(void) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  return db;
}

static void a_lock_is_waited_out(void **state) {
  (void)state;
  wpm_writer *writer = start();
  sqlite3 *other = lock();
  (void)put_plain(writer, 0);
  WAIT_FOR(writer, seen.failures >= 1);
  (void)put_plain(writer, 1);
  uint64_t sequence = put_plain(writer, 0);
  wpm_writer_status status = status_of(writer);
  assert_int_equal(status.error.code, WPM_ERR_LOCKED);
  assert_non_null(strstr(status.error.text, "peers.db"));
  assert_int_equal(status.durable, 0);
  assert_int_equal(status.queued, 3); /* One of them twice: in the batch that fails, and behind. */
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  WAIT_FOR(writer, seen.durable >= sequence);
  status = status_of(writer);
  assert_int_equal(status.error.code, WPM_OK);
  assert_string_equal(status.error.text, "");
  stop(writer);
  assert_file_holds(2);
}

static void a_stop_does_not_wait_for_ever(void **state) {
  (void)state;
  wpm_error error = {0, ""};
  wpm_writer *writer = start();
  sqlite3 *other = lock();
  (void)put_plain(writer, 0);
  assert_int_equal(wpm_writer_stop(writer, &error), WPM_ERR_LOCKED);
  assert_non_null(strstr(error.text, "locked by another process"));
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  assert_file_holds(0);
}

/* No new database takes the place of one that vanished: it would hold the last changes alone. */
static void a_file_that_vanished_is_written_once_it_is_back(void **state) {
  (void)state;
  char *elsewhere = wpm_test_dir_file(dir, "moved.db");
  stored_make(path, 3);
  wpm_writer *writer = start();
  assert_int_equal(rename(path, elsewhere), 0);
  uint64_t sequence = put_plain(writer, 3);
  WAIT_FOR(writer, seen.error.code == WPM_ERR_NOT_FOUND);
  assert_non_null(strstr(status_of(writer).error.text, "put the database back"));
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(rename(elsewhere, path), 0);
  WAIT_FOR(writer, seen.durable >= sequence);
  stop(writer);
  assert_file_holds(4);
  free(elsewhere);
}

/* Limits the size of files, as a full disk does; returns what held before. */
static struct rlimit limit_files(rlim_t size) {
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit limited = {size, before.rlim_max};
  assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
  return before;
}

static void a_disk_that_fills_up_is_waited_out(void **state) {
  (void)state;
  enum { PEERS = 300 };
  uint64_t sequence = 0;
  wpm_writer *writer = start();
  sequence = put_plain(writer, 0);
  WAIT_FOR(writer, seen.durable >= sequence);
  struct rlimit before = limit_files(48 * 1024);
  for (uint32_t i = 1; i < PEERS; i++) {
    sequence = put_plain(writer, i);
  }
  WAIT_FOR(writer, seen.failures >= 3);
  wpm_writer_status status = status_of(writer);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(status.error.code, WPM_ERR_DISK_FULL);
  WAIT_FOR(writer, seen.durable >= sequence);
  assert_int_equal(status_of(writer).error.code, WPM_OK);
  stop(writer);
  assert_file_holds(PEERS);
}

/* A disk that is full at the start: what is stored is loaded, and written on once there is room. */
static void a_disk_full_at_the_start_is_waited_out(void **state) {
  (void)state;
  const wpm_writer_config config = eager();
  for (uint32_t stored_before = 0; stored_before <= 3; stored_before += 3) {
    if (stored_before > 0) {
      stored_make(path, stored_before);
    }
    struct rlimit before = limit_files(0);
    wpm_writer *writer = open_with(&config);
    stored s = load(writer);
    stored_assert_plain(&s, stored_before);
    stored_free(&s);
    assert_int_equal(status_of(writer).error.code, WPM_ERR_DISK_FULL);
    assert_false(status_of(writer).memory_only);
    assert_int_equal(wpm_writer_start(writer), WPM_OK);
    uint64_t sequence = put_plain(writer, stored_before);
    WAIT_FOR(writer, seen.failures >= 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    WAIT_FOR(writer, seen.durable >= sequence);
    stop(writer);
    assert_file_holds(stored_before + 1);
    assert_int_equal(unlink(path), 0);
  }
}

/* ---- merging, urgency, lag ------------------------------------------------------------------- */

/* Expects that the only record in the file is `expected`. */
static void assert_file_is(const wpm_peer_record *expected) {
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  assert_int_equal(s.count, 1);
  assert_true(wpm_record_equal(s.records[0], expected));
  stored_free(&s);
}

/* Parts of a record that change while the first change waits all reach the disk, whatever the order. */
static void changes_of_parts_are_merged(void **state) {
  (void)state;
  static const uint32_t orders[][3] = {
      {WPM_FIELD_ALL, WPM_FIELD_RTT, WPM_FIELD_TAGS},
      {WPM_FIELD_RTT, WPM_FIELD_CONNECTIVITY, WPM_FIELD_RTT},
      {WPM_FIELD_RTT, WPM_FIELD_AGENT, WPM_FIELD_FAILURES},
      {WPM_FIELD_AGENT, WPM_FIELD_RTT, WPM_FIELD_AGENT},
      {0, WPM_FIELD_RTT, WPM_FIELD_ALL},
  };
  uint64_t seed = wpm_test_seed();
  wpm_writer_config config = eager();
  config.commit_interval_ns = WPM_HOUR;
  config.loss_bound_ns = 2 * WPM_HOUR;
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
    stored_make(path, 1);
    wpm_test_record_plain(0, plain);
    wpm_writer *writer = start_with(&config);
    uint64_t sequence = wpm_writer_heartbeat(writer, (wpm_instant){{1}, {2}, 3});
    WAIT_FOR(writer, seen.durable >= sequence); /* From now on changes wait. */
    for (size_t k = 0; k < 3; k++) {
      uint32_t fields = orders[i][k];
      if (fields == 0) {
        assert_int_not_equal(wpm_writer_remove(writer, plain->record.id, false), 0);
        continue;
      }
      plain->record.rtt_ns =
          fields & WPM_FIELD_RTT ? (int64_t)(wpm_test_random(&seed) >> 1) : plain->record.rtt_ns;
      plain->record.held ^= (fields & WPM_FIELD_CONNECTIVITY) != 0;
      plain->record.failures += (fields & WPM_FIELD_FAILURES) != 0;
      plain->record.agent.len -= (fields & WPM_FIELD_AGENT) != 0;
      plain->record.score += (fields & WPM_FIELD_TAGS) != 0;
      assert_int_not_equal(wpm_writer_put(writer, &plain->record, fields, false), 0);
    }
    assert_int_equal(status_of(writer).queued, 1);
    stop(writer);
    assert_file_is(&plain->record);
    assert_int_equal(unlink(path), 0);
  }
  free(plain);
}

/* A contact of a peer that is not stored is no reason to hold up others. */
static void a_contact_of_nobody_is_refused_alone(void **state) {
  (void)state;
  wpm_writer *writer = start();
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(5, plain);
  (void)wpm_writer_put(writer, &plain->record, WPM_FIELD_RTT, false);
  uint64_t sequence = put_plain(writer, 0);
  WAIT_FOR(writer, seen.durable >= sequence);
  assert_int_equal(status_of(writer).refused, 1);
  stop(writer);
  assert_file_holds(1);
  free(plain);
}

/* With an hour between commits: what is urgent takes all that waits along, at once. */
static void what_is_urgent_does_not_wait(void **state) {
  (void)state;
  wpm_writer_config config = eager();
  config.commit_interval_ns = WPM_HOUR;
  config.loss_bound_ns = 2 * WPM_HOUR;
  const wpm_tombstone tombstone = {.id = WPM_BYTES("banned"), .ban = {.length_ns = INT64_MAX}};
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_writer *writer = start_with(&config);
  uint64_t sequence = put_plain(writer, 0);
  WAIT_FOR(writer, seen.durable >= sequence);
  (void)put_plain(writer, 1);
  wpm_test_record_plain(2, plain);
  sequence = wpm_writer_put(writer, &plain->record, WPM_FIELD_ALL, true);
  WAIT_FOR(writer, seen.durable >= sequence);
  assert_file_holds(3);
  (void)remove_plain(writer, 2);
  sequence = wpm_writer_put_tombstone(writer, &tombstone, true);
  WAIT_FOR(writer, seen.durable >= sequence);
  assert_file_holds(2);
  stored_assert_answer(path, "SELECT id FROM tombstone", "banned");
  const wpm_range_ban ban = {.range.bits = 104, .ban.length_ns = INT64_MAX};
  wpm_range_ban lifted = ban;
  lifted.ban.length_ns = 0;
  sequence = wpm_writer_put_range_ban(writer, &ban, true);
  WAIT_FOR(writer, seen.durable >= sequence);
  stored_assert_answer(path, "SELECT hex(substr(range, 17)) FROM range_ban", "68");
  (void)wpm_writer_put_range_ban(writer, &ban, false); /* The latest counts. */
  assert_int_equal(status_of(writer).queued, 1);
  sequence = wpm_writer_put_range_ban(writer, &lifted, true);
  WAIT_FOR(writer, seen.durable >= sequence);
  stored_assert_answer(path, "SELECT count(*) FROM range_ban", "0");
  sequence = wpm_writer_remove_tombstone(writer, tombstone.id);
  wpm_writer_hurry(writer);
  WAIT_FOR(writer, seen.durable >= sequence);
  stored_assert_answer(path, "SELECT count(*) FROM tombstone", "0");
  assert_int_equal(status_of(writer).lag_ns, 0);
  assert_true(status_of(writer).worst_ns > 0);
  (void)put_plain(writer, 3);
  int64_t lag = status_of(writer).lag_ns;
  assert_true(lag > 0 && status_of(writer).lag_ns >= lag);
  stop(writer);
  free(plain);
}

/* Waits that are allowed to be longer than the loss bound are cut to it. */
static void the_loss_bound_sets_the_pace(void **state) {
  (void)state;
  wpm_writer_config config = eager();
  config.commit_interval_ns = WPM_HOUR;
  config.loss_bound_ns = 20 * WPM_MILLISECOND;
  wpm_writer *writer = start_with(&config);
  for (uint32_t i = 0; i < 5; i++) {
    uint64_t sequence = put_plain(writer, i);
    WAIT_FOR(writer, seen.durable >= sequence);
  }
  stop(writer);
  assert_file_holds(5);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Where the last leaf of a table lies in the file: behind it there may be pages that are free, and read
 * by nobody. */
static long last_leaf(void) {
  enum { PAGE = 4096, LEAF_OF_A_TABLE = 0x0d }; /* SQLite's file format, 1.6. */
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  assert_int_equal(fseek(stream, 0, SEEK_END), 0);
  long offset = ftell(stream);
  do {
    offset -= PAGE;
    assert_true(offset > 0);
    assert_int_equal(fseek(stream, offset, SEEK_SET), 0);
  } while (fgetc(stream) != LEAF_OF_A_TABLE);
  assert_int_equal(fclose(stream), 0);
  return offset;
}

/* Overwrites the page of the file at `offset` with what is no page. */
static void spoil(long offset) {
  FILE *stream = fopen(path, "r+b");
  assert_non_null(stream);
  assert_int_equal(fseek(stream, offset, SEEK_SET), 0);
  for (int i = 0; i < 4096; i++) {
    assert_int_not_equal(fputc(0xee, stream), EOF);
  }
  assert_int_equal(fclose(stream), 0);
}

static void assert_was_rescued(wpm_writer *writer) {
  wpm_writer_status status = status_of(writer);
  assert_int_equal(status.error.code, WPM_OK);
  assert_int_equal(status.rescues, 1);
  assert_non_null(strstr(status.rescued.aside, "peers.db.damaged-1"));
  assert_int_equal(access(status.rescued.aside, F_OK), 0);
}

/* Noticed when it is opened, or when it is read: what can be read is there, and writing goes on. */
static void a_damaged_database_is_set_aside_at_the_start(void **state) {
  (void)state;
  enum { PEERS = 200 };
  const wpm_writer_config config = eager();
  for (int is_leaf = 0; is_leaf < 2; is_leaf++) {
    stored_make(path, PEERS);
    spoil(is_leaf ? last_leaf() : 0);
    wpm_writer *writer = open_with(&config);
    stored s = load(writer);
    assert_was_rescued(writer);
    assert_true(is_leaf ? s.count > PEERS / 2 : s.count == 0);
    stored_free(&s);
    assert_int_equal(wpm_writer_start(writer), WPM_OK);
    for (uint32_t i = 0; i < PEERS; i++) {
      (void)put_plain(writer, i);
    }
    char *aside = strdup(status_of(writer).rescued.aside);
    stop(writer);
    assert_file_holds(PEERS);
    assert_int_equal(unlink(aside), 0);
    assert_int_equal(unlink(path), 0);
    free(aside);
  }
}

/* Noticed by a commit: that goes into the database that takes its place. */
static void damage_met_while_running_is_set_aside(void **state) {
  (void)state;
  enum { PEERS = 200 };
  stored_make(path, PEERS);
  wpm_writer *writer = start();
  stored_sql(path, "DROP TABLE contact");
  uint64_t sequence = put_plain(writer, 0);
  WAIT_FOR(writer, seen.durable >= sequence);
  assert_was_rescued(writer);
  stop(writer);
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  assert_int_equal(s.count, PEERS);
  stored_free(&s);
}

/* ---- memory only ----------------------------------------------------------------------------- */

/* Expects that changes are dropped, and that the file stays as it is. */
static void assert_runs_from_memory(wpm_writer *writer, int expected) {
  stored_file before = stored_file_read(path);
  assert_int_equal(wpm_writer_start(writer), WPM_OK);
  assert_int_equal(put_plain(writer, 100), 1);
  assert_int_equal(remove_plain(writer, 0), 2);
  assert_int_equal(wpm_writer_heartbeat(writer, (wpm_instant){{1}, {2}, 3}), 3);
  wpm_writer_status status = status_of(writer);
  assert_true(status.memory_only);
  assert_int_equal(status.error.code, expected);
  assert_int_equal(status.sequence, 3);
  assert_int_equal(status.durable, 0);
  assert_int_equal(status.queued, 0);
  wpm_error error = {0, ""};
  assert_int_equal(wpm_writer_stop(writer, &error), expected);
  assert_string_equal(error.text, status.error.text);
  stored_assert_unchanged(path, before);
}

static void a_newer_database_is_not_touched(void **state) {
  (void)state;
  const wpm_writer_config config = eager();
  stored_make(path, 2);
  stored_sql(path, "PRAGMA user_version = 1000000");
  wpm_writer *writer = open_with(&config);
  stored s = load(writer);
  assert_int_equal(s.count, 0);
  assert_runs_from_memory(writer, WPM_ERR_NEWER_SCHEMA);
}

static int take_two(void *user, const wpm_peer_record *record) {
  (void)record;
  return ++*(int *)user > 2 ? WPM_ERR_NO_MEMORY : WPM_OK;
}

/* What is stored and not in memory must not be replaced by what memory makes up later. */
static void a_database_not_loaded_whole_is_not_written(void **state) {
  (void)state;
  const wpm_writer_config config = eager();
  int taken = 0;
  stored_make(path, 5);
  wpm_writer *writer = open_with(&config);
  const wpm_writer_sink sink = {.record = take_two, .user = &taken};
  wpm_writer_load(writer, &sink, NULL);
  assert_runs_from_memory(writer, WPM_ERR_NO_MEMORY);

  writer = open_with(&config);
  (void)put_plain(writer, 0); /* Queued too early: dropped with the rest. */
  assert_int_equal(wpm_writer_start(writer), WPM_OK);
  assert_int_equal(status_of(writer).error.code, WPM_ERR_STATE);
  assert_true(status_of(writer).memory_only);
  assert_int_equal(wpm_writer_stop(writer, NULL), WPM_ERR_STATE);
  assert_file_holds(5);
}

/* ---- memory, arguments ----------------------------------------------------------------------- */

static void without_memory_a_change_is_counted_as_lost(void **state) {
  (void)state;
  wpm_writer_config config = eager();
  config.commit_interval_ns = WPM_HOUR;
  config.loss_bound_ns = 2 * WPM_HOUR;
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_writer *writer = start_with(&config);
  uint64_t sequence = wpm_writer_heartbeat(writer, (wpm_instant){{1}, {2}, 3});
  WAIT_FOR(writer, seen.durable >= sequence); /* From now on the worker waits. */
  uint64_t lost = 0;
  for (size_t n = 1; n <= 3; n++) { /* The clone, the list, the map. */
    wpm_test_record_plain((uint32_t)n, plain);
    wpm_alloc_fail_once_at(n);
    sequence = wpm_writer_put(writer, &plain->record, WPM_FIELD_ALL, false);
    size_t failed = wpm_alloc_failed();
    wpm_alloc_fail_off();
    assert_int_equal(failed, 1);
    assert_int_equal(sequence, 0);
    assert_int_equal(status_of(writer).lost, ++lost);
    assert_int_equal(status_of(writer).queued, 0);
  }
  wpm_test_record_plain(0, plain);
  assert_int_not_equal(wpm_writer_put(writer, &plain->record, WPM_FIELD_ALL, false), 0);
  wpm_alloc_fail_at(1);
  sequence = wpm_writer_put(writer, &plain->record, WPM_FIELD_ALL, false);
  wpm_alloc_fail_off();
  assert_int_equal(sequence, 0);
  assert_int_equal(status_of(writer).queued, 1);
  stop(writer);
  assert_file_holds(1);
  free(plain);
}

static void opening_needs_memory_and_a_path(void **state) {
  (void)state;
  wpm_writer_config config = eager();
  wpm_writer *writer = NULL;
  for (size_t n = 1; n <= 2; n++) {
    wpm_alloc_fail_once_at(n);
    int err = wpm_writer_open(&config, &writer);
    wpm_alloc_fail_off();
    if (err == WPM_OK) { /* It was storage that lacked memory. */
      assert_int_equal(status_of(writer).error.code, WPM_ERR_NO_MEMORY);
      assert_int_equal(wpm_writer_stop(writer, NULL), WPM_ERR_NO_MEMORY);
    } else {
      assert_int_equal(err, WPM_ERR_NO_MEMORY);
      assert_null(writer);
    }
  }
  config.retry_min_ns = -1;
  assert_int_equal(wpm_writer_open(&config, &writer), WPM_ERR_INVALID);
  config = eager();
  config.path = "";
  assert_int_equal(wpm_writer_open(&config, &writer), WPM_ERR_INVALID);
  config.path = NULL;
  assert_int_equal(wpm_writer_open(&config, &writer), WPM_ERR_INVALID);
  assert_int_equal(wpm_writer_stop(NULL, NULL), WPM_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_change_is_stored_at_once_when_idle),
      TEST(changes_gather_between_commits),
      TEST(what_was_removed_is_gone),
      TEST(the_heartbeat_is_stored),
      TEST(a_record_that_cannot_be_stored_holds_up_no_other),
      TEST(the_database_ends_as_the_last_changes_say),
      TEST(a_lock_is_waited_out),
      TEST(a_stop_does_not_wait_for_ever),
      TEST(a_file_that_vanished_is_written_once_it_is_back),
      TEST(a_disk_that_fills_up_is_waited_out),
      TEST(a_disk_full_at_the_start_is_waited_out),
      TEST(changes_of_parts_are_merged),
      TEST(a_contact_of_nobody_is_refused_alone),
      TEST(what_is_urgent_does_not_wait),
      TEST(the_loss_bound_sets_the_pace),
      TEST(a_damaged_database_is_set_aside_at_the_start),
      TEST(damage_met_while_running_is_set_aside),
      TEST(a_newer_database_is_not_touched),
      TEST(a_database_not_loaded_whole_is_not_written),
      TEST(without_memory_a_change_is_counted_as_lost),
      TEST(opening_needs_memory_and_a_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
