/* A process that writes behind is killed (SIGKILL) at a random moment, again and again. After each
 * death the database must hold exactly the state after some one of its changes: not before the last
 * that it had been told was durable, no torn record, nothing of the runs before lost.
 * WPM_TEST_ROUNDS sets how often. */
#include "node/writer.h"

#include "storage/stored.h"
#include "support/seed.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PEERS = 60, DEFAULT_ROUNDS = 40, MOST_CHANGES = 2000, REMOVED = 0 };

/* What the parent sees of the child after its death. */
typedef struct shared {
  _Atomic uint64_t durable; /* Sequence number that the child was told is durable. */
  _Atomic uint64_t begun;   /* Sequence number of the last change that it began. */
} shared;

/* Per peer: the tag of the change that its record comes from; REMOVED. */
typedef struct model {
  uint64_t tags[PEERS];
} model;

/* One change, from its number in the run `run_seed`. */
typedef struct change {
  uint32_t peer;
  uint64_t tag; /* REMOVED, or what the record is made from. */
} change;

static change change_of(uint64_t run_seed, uint64_t sequence) {
  uint64_t seed = run_seed + sequence * UINT64_C(0x9e3779b97f4a7c15);
  change c = {.peer = (uint32_t)wpm_test_random_below(&seed, PEERS)};
  bool removed = wpm_test_random_below(&seed, 5) == 0;
  c.tag = removed ? REMOVED : 1 + (wpm_test_random(&seed) >> 2);
  return c;
}

/* The record of `peer` that a change with `tag` stores; the tag can be read from it. */
static void record_of(uint32_t peer, uint64_t tag, wpm_test_record *out) {
  static uint8_t ids[PEERS][2];
  uint64_t seed = tag;
  wpm_test_record_random(&seed, out);
  ids[peer][0] = (uint8_t)(peer + 1);
  out->record.id = (wpm_bytes){ids[peer], 1 + peer % 2};
  out->record.connected_time.ns = (int64_t)tag;
}

/* ---- the process that is killed -------------------------------------------------------------- */

typedef struct child {
  wpm_writer *writer;
  shared *seen;
} child;

static void note_durable(void *user) {
  const child *c = user;
  wpm_writer_status status;
  wpm_writer_get_status(c->writer, &status);
  atomic_store(&c->seen->durable, status.durable);
}

static int ignore_record(void *user, const wpm_peer_record *record) {
  (void)user;
  (void)record;
  return WPM_OK;
}

/* Writes changes until it is killed; each is announced by a byte on `pipe_end`. */
static _Noreturn void write_until_killed(const char *path, uint64_t run_seed, shared *seen,
                                         int pipe_end) {
  child c = {NULL, seen};
  wpm_test_record *record = malloc(sizeof(*record));
  wpm_writer_config config;
  wpm_writer_config_default(&config);
  config.path = path;
  config.commit_interval_ns = WPM_MILLISECOND;
  config.wake = note_durable;
  config.user = &c;
  if (!record || wpm_writer_open(&config, &c.writer) != WPM_OK) {
    _exit(1);
  }
  wpm_writer_load(c.writer, ignore_record, NULL, NULL);
  if (wpm_writer_start(c.writer) != WPM_OK) {
    _exit(2);
  }
  for (uint64_t sequence = 1;; sequence++) {
    change one = change_of(run_seed, sequence);
    record_of(one.peer, one.tag, record);
    atomic_store(&seen->begun, sequence);
    uint64_t given = one.tag == REMOVED ? wpm_writer_remove(c.writer, record->record.id)
                                        : wpm_writer_put(c.writer, &record->record);
    if (given != sequence || write(pipe_end, "", 1) != 1) {
      _exit(3);
    }
  }
}

/* Runs it, and kills it after `changes`. */
static void run_and_kill(const char *path, uint64_t run_seed, uint64_t changes, shared *seen) {
  int ends[2];
  char byte;
  atomic_store(&seen->durable, 0);
  atomic_store(&seen->begun, 0);
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(ends[0]);
    write_until_killed(path, run_seed, seen, ends[1]);
  }
  close(ends[1]);
  for (uint64_t i = 0; i < changes; i++) {
    assert_int_equal(read(ends[0], &byte, 1), 1);
  }
  assert_int_equal(kill(pid, SIGKILL), 0);
  int outcome = 0;
  assert_int_equal(waitpid(pid, &outcome, 0), pid);
  assert_true(WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGKILL);
  close(ends[0]);
}

/* ---- the check ------------------------------------------------------------------------------- */

/* Reads the database as a model; every record in it must be whole. */
static model read_model(const char *path) {
  model m = {{REMOVED}};
  wpm_test_record *expected = malloc(sizeof(*expected));
  assert_non_null(expected);
  stored s = stored_read(path, WPM_STORAGE_CREATE);
  assert_int_equal(s.skipped, 0);
  for (size_t i = 0; i < s.count; i++) {
    uint32_t peer = (uint32_t)s.records[i]->id.data[0] - 1;
    assert_true(peer < PEERS);
    assert_int_equal(m.tags[peer], REMOVED);
    m.tags[peer] = (uint64_t)s.records[i]->connected_time.ns;
    record_of(peer, m.tags[peer], expected);
    assert_true(wpm_record_equal(s.records[i], &expected->record));
  }
  stored_free(&s);
  free(expected);
  return m;
}

/* Whether `after` is `before` plus the first so many changes of the run, at least `durable` and at
 * most `begun`. */
static bool is_a_state_of(const model *after, model before, uint64_t run_seed, uint64_t durable,
                          uint64_t begun) {
  size_t different = 0;
  for (size_t i = 0; i < PEERS; i++) {
    different += before.tags[i] != after->tags[i];
  }
  for (uint64_t sequence = 0;; sequence++) {
    if (sequence >= durable && different == 0) {
      return true;
    }
    if (sequence == begun) {
      return false;
    }
    change one = change_of(run_seed, sequence + 1);
    different -= before.tags[one.peer] != after->tags[one.peer];
    before.tags[one.peer] = one.tag;
    different += before.tags[one.peer] != after->tags[one.peer];
  }
}

static unsigned rounds(void) {
  const char *given = getenv("WPM_TEST_ROUNDS");
  return given ? (unsigned)strtoul(given, NULL, 10) : DEFAULT_ROUNDS;
}

static void what_was_durable_survives_being_killed(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  char *dir = wpm_test_dir_new();
  char *path = wpm_test_dir_file(dir, "peers.db");
  shared *seen =
      mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(seen != MAP_FAILED);
  model before = {{REMOVED}};
  uint64_t total = 0;
  for (unsigned round = 0; round < rounds(); round++) {
    uint64_t run_seed = wpm_test_random(&seed);
    run_and_kill(path, run_seed, 1 + wpm_test_random_below(&seed, MOST_CHANGES), seen);
    uint64_t durable = atomic_load(&seen->durable);
    uint64_t begun = atomic_load(&seen->begun);
    model after = read_model(path);
    if (!is_a_state_of(&after, before, run_seed, durable, begun)) {
      fail_msg("round %u: the database holds no state from change %" PRIu64 " to %" PRIu64, round,
               durable, begun);
    }
    before = after;
    total += durable;
  }
  assert_true(total > 0 || rounds() == 0);
  print_message("%u rounds, %" PRIu64 " durable changes\n", rounds(), total);
  munmap(seen, sizeof(*seen));
  free(path);
  wpm_test_dir_remove(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_durable_survives_being_killed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
