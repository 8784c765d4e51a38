/* A process that writes behind is killed (SIGKILL) at a random moment, again and again; or the power
 * fails, which also takes what its disk had not synced. After each death the database must hold exactly
 * the state after some one of its changes: not before the last that it had been told was durable, no
 * torn record, nothing of the runs before lost. WPM_TEST_ROUNDS sets how often; WPM_TEST_LONG: 300 times. */
#include "node/writer.h"

#include "storage/stored.h"
#include "support/seed.h"
#include "support/storage/faulty_vfs.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PEERS = 60, DEFAULT_ROUNDS = 40, LONG_ROUNDS = 300, MOST_CHANGES = 2000, REMOVED = 0 };

/* What the parent sees of the child after its death. */
typedef struct shared {
  _Atomic uint64_t durable; /* Sequence number that the child was told is durable. */
  _Atomic uint64_t begun;   /* Sequence number of the last change that it began. */
} shared;

/* Per peer: the tags of the changes that its record comes from, its contact apart; REMOVED. */
typedef struct model {
  uint64_t rest[PEERS];
  uint64_t contact[PEERS];
} model;

/* What one change does. */
typedef struct change {
  uint32_t peer;
  uint32_t fields; /* 0: the peer is removed. */
  bool urgent;
} change;

/* Makes change `sequence` of the run `run_seed` in the model. */
static change change_model(model *m, uint64_t run_seed, uint64_t sequence) {
  uint64_t seed = run_seed + sequence * UINT64_C(0x9e3779b97f4a7c15);
  change c = {.peer = (uint32_t)wpm_test_random_below(&seed, PEERS), .fields = WPM_FIELD_ALL};
  uint64_t kind = wpm_test_random_below(&seed, 6);
  uint64_t tag = 1 + (wpm_test_random(&seed) >> 2);
  c.urgent = wpm_test_random_below(&seed, 8) == 0;
  if (kind == 0) {
    c.fields = 0;
    tag = REMOVED;
  } else if (m->rest[c.peer] != REMOVED && kind < 4) {
    c.fields = WPM_FIELD_CONTACT;
  } else if (m->rest[c.peer] != REMOVED && kind == 4) {
    c.fields = WPM_FIELD_ALL & ~(uint32_t)WPM_FIELD_CONTACT;
  }
  if (c.fields != WPM_FIELD_CONTACT) {
    m->rest[c.peer] = tag;
  }
  if (c.fields & WPM_FIELD_CONTACT || tag == REMOVED) {
    m->contact[c.peer] = tag;
  }
  return c;
}

/* The record of `peer` in the model; both tags can be read from it. */
static void record_of(const model *m, uint32_t peer, wpm_test_record *out) {
  static uint8_t ids[PEERS][2];
  static wpm_test_record met;
  uint64_t rest_seed = m->rest[peer];
  uint64_t contact_seed = m->contact[peer];
  wpm_test_record_random(&rest_seed, out);
  wpm_test_record_random(&contact_seed, &met);
  const wpm_record_contact contact = wpm_contact_of(&met.record);
  wpm_contact_apply(&contact, &out->record);
  ids[peer][0] = (uint8_t)(peer + 1);
  out->record.id = (wpm_bytes){ids[peer], 1 + peer % 2};
  out->record.enr_sequence = m->rest[peer];
  out->record.connected_time.ns = (int64_t)m->contact[peer];
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
static _Noreturn void write_until_killed(const char *path, model m, uint64_t run_seed, shared *seen,
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
  const wpm_writer_sink sink = {.record = ignore_record};
  wpm_writer_load(c.writer, &sink, NULL);
  if (wpm_writer_start(c.writer) != WPM_OK) {
    _exit(2);
  }
  for (uint64_t sequence = 1;; sequence++) {
    change one = change_model(&m, run_seed, sequence);
    record_of(&m, one.peer, record);
    atomic_store(&seen->begun, sequence);
    uint64_t given = one.fields == 0
                         ? wpm_writer_remove(c.writer, record->record.id, one.urgent)
                         : wpm_writer_put(c.writer, &record->record, one.fields, one.urgent);
    if (given != sequence || write(pipe_end, "", 1) != 1) {
      _exit(3);
    }
  }
}

/* Runs it, and kills it after `changes`; `power`: the power fails as well. */
static void run_and_kill(const char *path, const model *before, uint64_t run_seed, uint64_t changes,
                         bool power, shared *seen) {
  int ends[2];
  char byte;
  atomic_store(&seen->durable, 0);
  atomic_store(&seen->begun, 0);
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(ends[0]);
    if (power) {
      wpm_disk_install();
      wpm_disk_remember_syncs();
    }
    write_until_killed(path, *before, run_seed, seen, ends[1]);
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
  if (power) {
    wpm_disk_lose_power(path);
  }
}

/* ---- the check ------------------------------------------------------------------------------- */

/* Reads the database as a model; every record in it must be whole. */
static model read_model(const char *path) {
  model m = {{REMOVED}, {REMOVED}};
  wpm_test_record *expected = malloc(sizeof(*expected));
  assert_non_null(expected);
  stored s = stored_read(path, WPM_STORAGE_CREATE);
  assert_int_equal(s.skipped, 0);
  for (size_t i = 0; i < s.count; i++) {
    uint32_t peer = (uint32_t)s.records[i]->id.data[0] - 1;
    assert_true(peer < PEERS);
    assert_int_equal(m.rest[peer], REMOVED);
    m.rest[peer] = s.records[i]->enr_sequence;
    m.contact[peer] = (uint64_t)s.records[i]->connected_time.ns;
    record_of(&m, peer, expected);
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
  for (uint64_t sequence = 0;; sequence++) {
    if (sequence >= durable && memcmp(after, &before, sizeof(before)) == 0) {
      return true;
    }
    if (sequence == begun) {
      return false;
    }
    (void)change_model(&before, run_seed, sequence + 1);
  }
}

static unsigned rounds(void) {
  const char *given = getenv("WPM_TEST_ROUNDS");
  unsigned usual = getenv("WPM_TEST_LONG") ? LONG_ROUNDS : DEFAULT_ROUNDS;
  return given ? (unsigned)strtoul(given, NULL, 10) : usual;
}

static void die_again_and_again(bool power) {
  uint64_t seed = wpm_test_seed();
  char *dir = wpm_test_dir_new();
  char *path = wpm_test_dir_file(dir, "peers.db");
  shared *seen =
      mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(seen != MAP_FAILED);
  model before = {{REMOVED}, {REMOVED}};
  uint64_t total = 0;
  for (unsigned round = 0; round < rounds(); round++) {
    uint64_t run_seed = wpm_test_random(&seed);
    run_and_kill(path, &before, run_seed, 1 + wpm_test_random_below(&seed, MOST_CHANGES), power,
                 seen);
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

static void what_was_durable_survives_being_killed(void **state) {
  (void)state;
  die_again_and_again(false);
}

static void what_was_durable_survives_a_power_loss(void **state) {
  (void)state;
  die_again_and_again(true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_durable_survives_being_killed),
      cmocka_unit_test(what_was_durable_survives_a_power_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
